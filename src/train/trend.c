/* SPDX-License-Identifier: MIT */
#include "train/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t kept(const struct trend *trend)
{
    return trend->count < TREND_MOST ? trend->count : TREND_MOST;
}

void trend_add(struct trend *trend, double x)
{
    trend->value[trend->count++ % TREND_MOST] = x;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double trend_median(const struct trend *trend, size_t least)
{
    double sorted[TREND_MOST];
    size_t n = kept(trend);
    if (!n || n < least)
        return NAN;
    memcpy(sorted, trend->value, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

double trend_z(const struct trend *trend, double x, size_t least)
{
    double sum = 0, squares = 0;
    size_t n = kept(trend);
    if (n < least || n < 2)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (trend->value[i] >= x)
            return 0;
        sum += trend->value[i];
    }
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (trend->value[i] - mean) * (trend->value[i] - mean);
    return fmin(1e6, (x - mean) / fmax(sqrt(squares / (double)(n - 1)), fabs(mean) / 20));
}
