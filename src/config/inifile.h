/* SPDX-License-Identifier: MIT */
/*
 * inifile: the syntax of an INI file; knows no key. It is the only user of inih, which it feeds
 * through a reader of its own: inih cuts lines at 200 bytes, counts only what it was handed, and
 * takes a `;` inside quotes for a comment.
 *
 *   - One `[section]` or `key = value` a line (`:` does as well), ASCII blanks around them dropped.
 *   - `;` begins a comment at a line's start and after a blank, `#` only at a line's start.
 *   - An indented line continues the value above it, joined by one blank, unless it reads
 *     `key = ...` or `[...` itself; blank and comment lines between do not matter.
 *   - Nothing between double quotes is a comment; quotes do not span lines. They stay in the value.
 *   - UTF-8, with or without a byte order mark; lines end in LF or CR LF.
 */
#ifndef CONFIG_INIFILE_H
#define CONFIG_INIFILE_H

#include <stddef.h>

#define INIFILE_MAX_LINE 32768 /* bytes of a line in the file */
#define INIFILE_MAX_KEY 48     /* bytes of a key; inih keeps one in 50 */

/* What the parser tells, in the file's order; lines count from 1. Strings last for the call. */
struct inifile_events {
    void (*section)(void *ctx, long line, const char *name);
    void (*value)(void *ctx, long line, const char *section, const char *key, const char *value);
    void (*fault)(void *ctx, long line, const char *what); /* "is not UTF-8 text" */
};

/* Tells `bytes` to `events`. Goes on after a fault. Returns -1 only where memory runs out. */
int inifile_parse(const char *bytes, size_t size, const struct inifile_events *events, void *ctx);

/* Why [text, text + size) is not UTF-8 text without control characters ("holds a NUL byte"), or
 * NULL if it is. Tabs are allowed. */
const char *inifile_check_text(const char *text, size_t size);

#endif
