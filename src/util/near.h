/* SPDX-License-Identifier: MIT */
/*
 * near: which of several names was meant by one that is none of them.
 */
#ifndef UTIL_NEAR_H
#define UTIL_NEAR_H

#include <stddef.h>

/*
 * Whether `name` is near to `wanted` at all and nearer than the nearest so far, whose distance is
 * *best (SIZE_MAX at first); if so *best becomes its distance. The case of ASCII letters counts for
 * nothing; names of more than 48 bytes are far from everything.
 */
int near_is_nearer(const char *wanted, const char *name, size_t *best);

#endif
