/* SPDX-License-Identifier: MIT */
/*
 * number: figures as text, with a decimal point whatever the locale is. Writes into the caller's
 * buffer and always ends it with a NUL.
 */
#ifndef PLOTS_NUMBER_H
#define PLOTS_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* snprintf in the C locale. */
void number_print(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of numbers alone: a minus is U+2212, as wide as a plus, and no hyphen. */
void number_signed(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 12345678 as "12,345,678". */
void number_count(char *out, size_t size, uint64_t count);

#endif
