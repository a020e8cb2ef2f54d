/* SPDX-License-Identifier: MIT */
/*
 * train: the training loop of a run, with its log, checkpoints, early stopping and resume. It names
 * no architecture.
 */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "train/training.h"

/*
 * Trains from t->progress to the last epoch, to early stopping, to an interruption or to the
 * judge's end. Leaves last.safetensors and best.safetensors. Fails on a figure that is not finite
 * (on_nonfinite = stop, STATUS_FAILED), with the last good checkpoint in place.
 */
int train(struct training *t, struct error *err);

#endif
