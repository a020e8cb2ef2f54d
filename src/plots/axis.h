/* SPDX-License-Identifier: MIT */
/*
 * axis: the range of an axis, linear, logarithmic or of time, and its ticks. Nothing here draws or
 * allocates. Values that are not finite are passed over.
 *
 *   axis_clear, axis_include ..., axis_fit, then axis_place and axis_ticks.
 */
#ifndef PLOTS_AXIS_H
#define PLOTS_AXIS_H

#include <stddef.h>

enum axis_kind {
    AXIS_LINEAR,
    AXIS_AUTO,  /* logarithmic where all values are positive and span a factor of 10 */
    AXIS_WHOLE, /* whole numbers: no tick between them */
    AXIS_TIME,  /* milliseconds since 1970 UTC: ticks at round times of the calendar */
};

struct axis {
    double lo, hi;
    int log, whole, time;
    int bare; /* without ticks: the caller writes names instead */
};

enum { AXIS_TICKS = 128 };

struct tick {
    double at;
    char label[24]; /* "0.25", "10", "2017-03-01"; empty for a minor tick */
    char power[8];  /* exponent of label, drawn raised; mostly empty */
};

void axis_clear(struct axis *axis);
void axis_include(struct axis *axis, const double *values, size_t n);

/* Decides between linear and logarithmic and leaves some air at both ends. A range that is empty,
 * a single value or too narrow for six digits is widened. */
void axis_fit(struct axis *axis, enum axis_kind kind);

/* 0 at the low end, 1 at the high end; below -1e3 for a value that a logarithm cannot show. */
double axis_place(const struct axis *axis, double value);

/*
 * Fills ticks[AXIS_TICKS] in ascending order, about `most` of them with a label; returns their
 * number. Where *power is not 0, the labels are to be multiplied by 10^*power.
 */
int axis_ticks(const struct axis *axis, int most, struct tick *ticks, int *power);

#endif
