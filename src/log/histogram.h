/* SPDX-License-Identifier: MIT */
/*
 * histogram: values counted in bins of equal width from the least to the largest, as many as
 * TensorBoard itself makes. Values that are not finite are counted apart. It owns nothing.
 */
#ifndef LOG_HISTOGRAM_H
#define LOG_HISTOGRAM_H

#include <stddef.h>

#define HISTOGRAM_BINS 30

struct histogram {
    double least, most, sum, squares; /* of the finite values */
    size_t count, not_finite;         /* values that are finite, and that are not */
    size_t bins;                      /* 1 where all are equal, 0 where there is none */
    double end[HISTOGRAM_BINS];       /* where each bin ends */
    double in[HISTOGRAM_BINS];        /* values in it */
};

struct histogram histogram_of(const float *value, size_t count);

#endif
