/* SPDX-License-Identifier: MIT */
/*
 * steps: an epoch cut into optimizer steps, and these into the micro-batches of their groups.
 */
#ifndef TRAIN_STEPS_H
#define TRAIN_STEPS_H

#include "train/loop.h"

/* The epoch that is under way, from progress.done on: its order of windows and its sums go to the
 * device. */
int steps_begin(struct loop *loop, struct error *err);

/* Describes the next optimizer step; 0: the epoch has no more. */
int steps_next(struct loop *loop, struct step *step);

/* Describes the next micro-batch of the step; 0: the step has no more. */
int steps_batch(const struct loop *loop, struct step *step);

/* The step's update has been enqueued. Waits for it where it is the first of the process, whose
 * start-up ends with it. */
int steps_done(struct loop *loop, const struct step *step, struct error *err);

#endif
