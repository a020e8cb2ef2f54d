/* SPDX-License-Identifier: MIT */
/*
 * telling: what a training tells while it goes on: an epoch's line and event, how long it will
 * take, and what its gradients say.
 */
#ifndef TRAIN_TELLING_H
#define TRAIN_TELLING_H

#include "train/loop.h"

/* The epoch that has ended: its line, its event, and advice. */
void telling_epoch(struct loop *loop, const struct epoch_figures *f, int best);

/* The means of the steps since the object before, or since the epoch began, as an event. */
void telling_step(struct loop *loop, double loss, double norm, double rate);

/* Warns once of a training that takes days, after half a minute of a long epoch. */
void telling_time(struct loop *loop);

#endif
