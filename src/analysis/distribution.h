/* SPDX-License-Identifier: MIT */
/*
 * distribution: what a column of numbers looks like, in figures. Pure functions of arrays.
 */
#ifndef ANALYSIS_DISTRIBUTION_H
#define ANALYSIS_DISTRIBUTION_H

#include <stddef.h>

#include "error.h"

enum { DISTRIBUTION_QUANTILES = 9, DISTRIBUTION_BANDS = 12 };

/* 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999 */
extern const double distribution_quantile[DISTRIBUTION_QUANTILES];

/* Bands of a return: below -50%, from there in steps of 10% (each holds its lower bound), and from
 * 50% on. Names as "-50..-40%". */
extern const char *const distribution_band[DISTRIBUTION_BANDS];

struct distribution {
    size_t count, missing; /* finite values; those that are not */
    double min, max, mean;
    double sd;             /* of the count, not of one less */
    double skew, kurtosis; /* m3 / m2^1.5; m4 / m2^2 - 3; NaN where all are the same */
    double quantile[DISTRIBUTION_QUANTILES];
    size_t low, high; /* outliers: more than k interquartile ranges beyond the quartiles */
};

/* Of x [n] with outliers by k (1.5 is Tukey's). Figures are NaN where there is no value.
 * STATUS_FAILED: memory. */
int distribution_of(struct distribution *d, const double *x, size_t n, double k, struct error *err);

/* Shares of returns (0.1 is 10%) in each band; 0 everywhere where none is finite. */
void distribution_bands(const double *returns, size_t n, double share[DISTRIBUTION_BANDS]);

#endif
