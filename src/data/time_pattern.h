/* SPDX-License-Identifier: MIT */
/*
 * time_pattern: patterns of data.time_format, with strptime's letters. Names are English in any
 * locale. It owns nothing.
 */
#ifndef DATA_TIME_PATTERN_H
#define DATA_TIME_PATTERN_H

#include <stddef.h>

#include "data/time_text.h"

/* 0, or -1 with what is wrong about a pattern in fault[size]. */
int time_pattern_check(const char *pattern, char *fault, size_t size);

/* Reads the whole field by the pattern; -1 if it does not fit. */
int time_pattern_read(const char *pattern, const char *text, size_t length, struct time_parts *p);

#endif
