/* SPDX-License-Identifier: MIT */
/*
 * synthetic: random numbers and waves for the programs that write the shipped data sets. All
 * arithmetic is on integers, so that every machine writes the same bytes.
 */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

#include <stdint.h>

#define ONE (INT64_C(1) << 30) /* 1.0 of what is a fraction */
#define PER_MILLION(x) ((x)*ONE / 1000000)

/* The draw that was taken last; a program that writes several series moves it. */
static uint64_t draw;

/* 64 random bits, a function of the draw's number (Steele et al., "SplitMix", 2014). */
static inline uint64_t random_bits(void)
{
    uint64_t z = ++draw * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline int random_between(int low, int high)
{
    return low + (int)(random_bits() % (uint64_t)(high - low + 1));
}

/* Standard normal in 1/65536: the sum of twelve uniform numbers has variance 1. */
static inline int64_t random_normal(void)
{
    int64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t bits = random_bits();
        for (int k = 0; k < 4; k++, bits >>= 16)
            sum += (int64_t)(bits & 0xffff);
    }
    return sum - 6 * 65536;
}

static inline int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* A triangle wave: -256 to 256 and back in `period`. */
static inline int64_t triangle(int64_t at, int64_t period)
{
    int64_t phase = at % period * 1024 / period;
    return phase < 512 ? phase - 256 : 768 - phase;
}

#endif
