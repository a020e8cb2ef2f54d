/* SPDX-License-Identifier: MIT */
/*
 * now: a clock for durations. It owns nothing.
 */
#ifndef UTIL_NOW_H
#define UTIL_NOW_H

#include <time.h>

/* Seconds since some moment in the past; never set back. */
static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
