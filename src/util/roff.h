/* SPDX-License-Identifier: MIT */
/*
 * roff: plain text as markup of the manual pages. Write errors stay with the stream.
 */
#ifndef UTIL_ROFF_H
#define UTIL_ROFF_H

#include <stddef.h>
#include <stdio.h>

/* text[length] as it stands. */
void roff_text(const char *text, size_t length, FILE *out);

/* A paragraph, broken at blanks; no line of it begins with the control character. */
void roff_paragraph(const char *text, FILE *out);

#endif
