/* SPDX-License-Identifier: MIT */
/*
 * regression: how good predictions are, in figures, and against forecasts that need no model. Sums
 * are taken sample by sample and keep their digits over any number of samples; they are kept by
 * target and horizon row and joined when asked. The caller chooses the unit: one accumulator for
 * transformed targets, another for original ones. Pure functions of arrays.
 */
#ifndef ANALYSIS_REGRESSION_H
#define ANALYSIS_REGRESSION_H

#include <stddef.h>

#include "error.h"

/* Forecasts without a model. */
enum naive {
    NAIVE_LAST, /* the target as it was last known at the window's end */
    NAIVE_ZERO, /* no move: zero return, or the price at the window's end */
    NAIVE_MEAN, /* the mean of the training targets */
    NAIVES
};
extern const char *const naive_name[NAIVES]; /* "last value", "zero return", "training mean" */

struct regression {
    size_t targets, rows;
    double *mean;                 /* [targets] of the training part */
    struct regression_cell *cell; /* [rows, targets] */
};

/* Empty sums; mean [targets] is copied, NULL: not known. STATUS_FAILED: memory. */
int regression_init(struct regression *r, size_t targets, size_t rows, const double *mean,
                    struct error *err);
void regression_fini(struct regression *r);

/*
 * Adds one sample: prediction and actual [rows, targets]. last [targets] is the last value;
 * origin [targets] is what says "no move" (0 for a return, the price at the window's end for a
 * price): directions are counted from it. Either may be NULL, or NaN, where there is none. An
 * actual value that is not finite is passed over; a prediction that is not makes its figures so.
 */
void regression_add(struct regression *r, const double *prediction, const double *actual,
                    const double *last, const double *origin);

struct regression_metrics {
    double count;              /* pairs of prediction and actual value */
    double mean, variance;     /* of the actual values; of all targets: within each of them */
    double moves;              /* actual values off the origin */
    double mse, mae, rmse, r2; /* R2 = 1 - error / variance of the actual values of each target */
    double direction;          /* share of the moves whose sign was right; NaN: no move */
    double naive_mse[NAIVES], naive_mae[NAIVES]; /* of the same pairs; NaN where not known */
    double naive_direction; /* share of the more frequent sign: of always saying up, or down */
};

/* Figures of a target and a row, or of all with REGRESSION_ALL; NaN where nothing was added. Over
 * all targets their errors are averaged as they are, whatever their units. */
#define REGRESSION_ALL ((size_t)-1)
struct regression_metrics regression_metrics(const struct regression *r, size_t target, size_t row);

/* How a mean squared error compares with a naive forecast's, so that it is taken in at once: "25%
 * less", "1/830 of it, -29.2 dB", "8600 times as much". */
#define REGRESSION_RATIO 48
void regression_ratio(double mse, double naive, char text[REGRESSION_RATIO]);

/* Beside the best naive forecast by mean squared error: "MSE 0.75 against 1 of the zero return: 25%
 * less". That says nothing of chance, which skill does. */
struct regression_verdict {
    int beats;
    enum naive best; /* the naive forecast with the lowest MSE; NAIVES: none is known */
    double gain;     /* 1 - MSE / its MSE; NaN where there is none */
    char text[160];  /* one line without a period */
};
struct regression_verdict regression_verdict(const struct regression_metrics *m);

#endif
