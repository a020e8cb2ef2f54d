/* SPDX-License-Identifier: MIT */
/*
 * pattern_compile: regular expressions in PCRE2's words, compiled; internal to pattern.
 */
#ifndef TEXT_PATTERN_COMPILE_H
#define TEXT_PATTERN_COMPILE_H

#include <stddef.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* regex[size] for UTF-8 text; NULL, with PCRE2's code and the place, where it does not take it. */
pcre2_code *pattern_compile(const char *regex, size_t size, int *code, size_t *at);

/* Whether PCRE2 takes this. */
int pattern_compiles(const char *regex);

#endif
