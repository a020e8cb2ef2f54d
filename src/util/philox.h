/* SPDX-License-Identifier: MIT */
/*
 * philox: counter-based random numbers. Philox4x32-7 of Salmon, Moraes, Dror and Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3" (SC 2011), who found seven rounds to pass BigCrush. A number
 * is a pure function of its counter and key, so that batch size, resume and device count never
 * change it. cl/common.h holds the same function.
 */
#ifndef UTIL_PHILOX_H
#define UTIL_PHILOX_H

#include <stddef.h>
#include <stdint.h>

/* Four words from the counter (c0, c1, c2, c3) and the key `seed`. */
void philox(uint32_t out[4], uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint64_t seed);

/* A counter word that stands for a parameter's or op's name. */
uint32_t philox_path(const char *name);

/* In (0, 1), never either end. */
double philox_unit(uint32_t word);

/* Standard normal from two words (Box-Muller). */
double philox_normal(uint32_t a, uint32_t b);

/* A permutation of 0 .. n-1 into `to` (Fisher-Yates), keyed by seed, stream and index. */
void philox_shuffle(uint32_t *to, size_t n, uint32_t stream, uint32_t index, uint64_t seed);

#endif
