/* SPDX-License-Identifier: MIT */
/*
 * trend: the latest values of a figure that comes again and again, and whether the next one is out
 * of the ordinary. It owns nothing.
 */
#ifndef TRAIN_TREND_H
#define TRAIN_TREND_H

#include <stddef.h>

#define TREND_MOST 64

struct trend {
    double value[TREND_MOST]; /* a ring */
    size_t count;             /* of all that were added */
};

/* The oldest value makes room. */
void trend_add(struct trend *trend, double x);

/* Of the values that are kept; NaN with fewer than `least`. */
double trend_median(const struct trend *trend, size_t least);

/*
 * How far x lies above the mean of the values that are kept, in standard deviations, but of at
 * least a twentieth of the mean. 0 with fewer than `least` values and where a value was as high.
 */
double trend_z(const struct trend *trend, double x, size_t least);

#endif
