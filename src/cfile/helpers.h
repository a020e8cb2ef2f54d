/* SPDX-License-Identifier: MIT */
/*
 * helpers: functions of a C file, as text. Each is written where a call needs it.
 */
#ifndef CFILE_HELPERS_H
#define CFILE_HELPERS_H

struct cfile_helper {
    const char *name;
    const char *needs; /* another one; NULL: none */
    const char *text;
};

/* Ends with a name of NULL. */
extern const struct cfile_helper cfile_helpers[];

#endif
