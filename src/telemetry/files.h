/* SPDX-License-Identifier: MIT */
/*
 * files: small files of the system, below a root folder that a test replaces. Paths are made as by
 * printf() and begin behind the root. It owns nothing.
 */
#ifndef TELEMETRY_FILES_H
#define TELEMETRY_FILES_H

#include <stddef.h>

enum { FILES_PATH = 512 };

/* The first line of a file, cut to `size`; "" where it cannot be read. Returns its length. */
size_t files_line(const char *root, char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The whole of a file that is at most `size` - 1 bytes long, or its beginning. */
size_t files_text(const char *root, char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The number that a file begins with; NAN where there is none. */
double files_number(const char *root, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last part of the name that a link leads to; "" where there is none. */
void files_link(const char *root, char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The first name in a folder, in the order of strcmp(), that begins with `prefix`; "" for none. */
void files_first(const char *root, const char *folder, const char *prefix, char *to, size_t size);

#endif
