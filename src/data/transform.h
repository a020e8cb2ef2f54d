/* SPDX-License-Identifier: MIT */
/*
 * transform: what is done to a target before training, and its exact inverse for predictions.
 *
 * A transform is a chain of steps, written as in data.target_transform:
 *
 *   log              ln x, x > 0
 *   signed_log       sign(x) ln(1 + |x|)
 *   sqrt             sqrt(x), x >= 0
 *   signed_sqrt      sign(x) sqrt(|x|)
 *   power(p)         sign(x) |x|^p, p from 0.01 to 100
 *   clip(low,high)   values beyond are kept, at the bound
 *   scale(low,high)  smallest and largest training value to low and high
 *   standard         (x - mean) / standard deviation of the training values
 *
 * Steps are fitted in order on the training values, each on what the one before gives. The inverse
 * undoes the steps from the last to the first; of clip it is the identity. A transform owns its
 * memory; a copy is deep.
 */
#ifndef DATA_TRANSFORM_H
#define DATA_TRANSFORM_H

#include <stddef.h>

#include "config/config.h"
#include "error.h"

#define TRANSFORM_STEPS 8

enum transform_kind {
    TRANSFORM_LOG,
    TRANSFORM_SIGNED_LOG,
    TRANSFORM_SQRT,
    TRANSFORM_SIGNED_SQRT,
    TRANSFORM_POWER,
    TRANSFORM_CLIP,
    TRANSFORM_SCALE,
    TRANSFORM_STANDARD,
};

struct transform_step {
    enum transform_kind kind;
    double a, b;          /* what was written: power's p; bounds of clip and scale */
    double offset, scale; /* fitted: y = (x - offset) / scale */
};

struct transform {
    struct transform_step step[TRANSFORM_STEPS];
    size_t steps; /* 0: none */
};

/* Reads the items of data.target_transform. STATUS_USAGE and "'powr(2)': ...". */
int transform_parse(struct transform *t, const struct list *items, struct error *err);

/* Fits the steps on x[count]; *bad is the index of a value that has no transform (its cause in
 * `err`, STATUS_INPUT), *constant that a scale was set to 1. x is left as it was. */
int transform_fit(struct transform *t, const double *x, size_t count, size_t *bad, int *constant,
                  struct error *err);

/* NaN where it is not defined. */
double transform_forward(const struct transform *t, double x);

/* forward(2 centre - x) = *sum - forward(x) for every x; -1: there is no such number. */
int transform_mirror(const struct transform *t, double centre, double *sum);

/* forward(x + d) = forward(x) + *gain d for every x and d; -1: there is no such number. */
int transform_gain(const struct transform *t, double *gain);

/* Inverse; a value beyond the range of a step (a negative square root) is brought back to its
 * bound first, and *outside (may be NULL) counts it. */
double transform_inverse(const struct transform *t, double y, size_t *outside);

/* As JSON text with %.17g numbers, for a checkpoint's metadata, and back. The caller frees. */
char *transform_text(const struct transform *t, size_t count);
int transform_read(struct transform *t, size_t count, const char *text, struct error *err);

#endif
