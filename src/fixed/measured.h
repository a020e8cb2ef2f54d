/* SPDX-License-Identifier: MIT */
/*
 * measured: a model in integers (fixed.h) as it was trained, in double precision, row by row: how
 * large its values become. It owns its state; the model is the caller's.
 */
#ifndef FIXED_MEASURED_H
#define FIXED_MEASURED_H

#include "fixed/fixed.h"

struct measured;

/* NULL without memory. */
struct measured *measured_new(struct fixed *f);
void measured_free(struct measured *m);

/* Before the first row of a series. */
void measured_reset(struct measured *m);

/* The next row, as the model reads it; the values' `most` grow. What comes out, until the next
 * call. */
const double *measured_step(struct measured *m, const float *row);

#endif
