/* SPDX-License-Identifier: MIT */
/*
 * complex: columns of complex numbers, as 0.1+0.2j or (1e-3-2i), whose parts are columns of their
 * own: NAME.re and NAME.im. It owns nothing.
 */
#ifndef DATA_COMPLEX_H
#define DATA_COMPLEX_H

#include <stddef.h>

#include "data/csv.h"
#include "error.h"

enum complex_part { COMPLEX_WHOLE, COMPLEX_RE, COMPLEX_IM };

/* The number in text[length], where text[length] is NUL: a real part, then an imaginary one that
 * ends in i or j, or one of them; maybe in brackets, with blanks around its signs. Returns 1 if it
 * has an imaginary part, 0 if it is real, -1 if it is neither. */
int complex_parse(const char *text, size_t length, double *re, double *im);

/* csv_find(); where there is no such column but `name` ends in .re or .im, the column before that,
 * of which `part` is meant. */
int complex_find(const struct csv *csv, const char *name, size_t *column, unsigned char *part,
                 struct error *err);

#endif
