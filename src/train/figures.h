/* SPDX-License-Identifier: MIT */
/*
 * figures: the sums of an epoch, its figures, and what is judged by them.
 */
#ifndef TRAIN_FIGURES_H
#define TRAIN_FIGURES_H

#include "train/loop.h"

/* Sums of the epoch so far; fails where a figure was not finite and that is to stop the run. */
int figures_sum(struct loop *loop, struct error *err);

/* The sums at the beginning of an epoch: only the scale of the gradients goes on. */
void figures_forget(struct metrics *metrics);

/* Figures of the epoch that has just ended, with a pass over the validation part. */
int figures_of(struct loop *loop, struct epoch_figures *f, struct error *err);

/* Best so far, patience and plateau, by the figure that train.monitor names; 1 if this epoch is the
 * best. A figure that is not finite is better than nothing, and worse than any other. */
int figures_judge(const struct loop *loop, struct epoch_figures *f);

#endif
