/* SPDX-License-Identifier: MIT */
/*
 * saving: when the last checkpoint of a run is written.
 */
#ifndef TRAIN_SAVING_H
#define TRAIN_SAVING_H

#include "train/loop.h"

/* Whether train.checkpoint wants one now. */
int saving_is_due(const struct loop *loop, int end_of_epoch);

/* Writes RUN_LAST, told to the log. */
int saving_last(struct loop *loop, struct error *err);

/* Writes best.safetensors. */
int saving_best(struct loop *loop, struct error *err);

#endif
