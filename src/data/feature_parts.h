/* SPDX-License-Identifier: MIT */
/*
 * feature_parts: the formulas that feature functions are made of, for those who compute whole runs
 * (feature_functions.c) and those who compute row by row (feature_stream.c): both get the same
 * bits. It owns nothing.
 *
 * Internal to src/data.
 */
#ifndef DATA_FEATURE_PARTS_H
#define DATA_FEATURE_PARTS_H

#include <math.h>

static inline double add(double a, double b)
{
    return a + b;
}

static inline double lesser(double a, double b)
{
    return a < b ? a : b;
}

static inline double greater(double a, double b)
{
    return a > b ? a : b;
}

/* Number of values, their mean, and the sum of their squared distances from it. */
struct moments {
    double count, mean, squares;
};

/* Of two sets of values, from those of each (Chan, Golub, LeVeque 1979); equal values stay exact.
 */
static inline struct moments moments_join(struct moments a, struct moments b)
{
    if (a.count == 0 || b.count == 0)
        return a.count == 0 ? b : a;
    double count = a.count + b.count, d = b.mean - a.mean;
    return (struct moments){count, a.mean + d * (b.count / count),
                            a.squares + b.squares + d * d * (a.count * b.count / count)};
}

static inline struct moments moments_add(struct moments a, double x)
{
    return moments_join(a, (struct moments){1, x, 0});
}

static inline double log_ratio(double now, double before)
{
    return now > 0 && before > 0 ? log(now / before) : NAN;
}

enum band { BAND_UPPER, BAND_LOWER, BAND_WIDTH, BAND_POSITION };

static inline double band_value(enum band band, double x, double mean, double reach)
{
    switch (band) {
    case BAND_UPPER:
        return mean + reach;
    case BAND_LOWER:
        return mean - reach;
    case BAND_WIDTH:
        return reach != 0 ? 2 * reach / mean : 0;
    case BAND_POSITION:
        return reach != 0 ? 0.5 + (x - mean) / (2 * reach) : 0.5;
    }
    return NAN;
}

/* True range of a candle behind one that closed at `before` (Wilder 1978). */
static inline double true_range(double high, double low, double before)
{
    return greater(high - low, greater(fabs(high - before), fabs(low - before)));
}

/* %K of a close between two bounds, 0 to 100 (Lane 1984); 50 if they are equal. */
static inline double stochastic(double close, double lowest, double highest)
{
    double range = highest - lowest;
    return range != 0 ? 100 * ((close - lowest) / range) : 50;
}

#endif
