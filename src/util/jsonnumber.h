/* SPDX-License-Identifier: MIT */
/*
 * jsonnumber: numbers that may not be known, in JSON, which has no NaN: null stands for it.
 */
#ifndef UTIL_JSONNUMBER_H
#define UTIL_JSONNUMBER_H

#include <jansson.h>

/* The number; null where it is not finite. */
json_t *jsonnumber(double x);

/* The number that a key of an object has; NaN where it has none. */
double jsonnumber_of(const json_t *object, const char *key);

#endif
