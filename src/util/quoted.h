/* SPDX-License-Identifier: MIT */
/*
 * quoted: text in double quotes, those within it twice, as in CSV and INI files.
 */
#ifndef UTIL_QUOTED_H
#define UTIL_QUOTED_H

#include <stdio.h>

/* Writes text that holds one of the characters of `special` in quotes, else as it is; NULL: always
 * in quotes. */
void quoted_put(const char *text, const char *special, FILE *out);

#endif
