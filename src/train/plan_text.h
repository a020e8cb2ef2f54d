/* SPDX-License-Identifier: MIT */
/*
 * plan_text: what decides about the bits of a run, as JSON: device, driver, who multiplies
 * matrices, and every launch with its kernel, options and sizes. A resumed run must have the same.
 */
#ifndef TRAIN_PLAN_TEXT_H
#define TRAIN_PLAN_TEXT_H

#include <stdio.h>

#include "train/engine.h"

/* JSON text that the caller frees; NULL without memory. */
char *plan_text(const struct engine *e);

/*
 * Compares two plans, but for the names of what launches are for; where only one of the two runs
 * recomputes, but for the launches of training as well, since it makes some of them twice; where
 * they have different numbers, but for all launches. 1 and the first difference in `out`, 0 where
 * there is none, -1 where memory runs out.
 */
int plan_text_differs(const char *old, const char *now, int recompute, char *out, size_t size);

/* Every launch with shapes, provider, FLOPs and bytes, then the memory map (check --plan); with
 * `operations` (-v) the operations that they come from, in front. */
void plan_print(const struct engine *e, int operations, FILE *out);

#endif
