/* SPDX-License-Identifier: MIT */
/*
 * emulated: a settled model (fixed.h) run in integers, row by row, to the bits of what `text`
 * writes. It owns its state; the model is the caller's.
 */
#ifndef FIXED_EMULATED_H
#define FIXED_EMULATED_H

#include "fixed/fixed.h"

struct emulated;

/* NULL without memory. */
struct emulated *emulated_new(const struct fixed *f);
void emulated_free(struct emulated *e);

/* Before the first row of a series. */
void emulated_reset(struct emulated *e);

/* The next row, in the format of the input. What comes out, until the next call. */
const int16_t *emulated_step(struct emulated *e, const int16_t *row);

#endif
