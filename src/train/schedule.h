/* SPDX-License-Identifier: MIT */
/*
 * schedule: the learning rate of each optimizer step, and spans ("5 epochs", "10%") in steps.
 */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "config/config.h"

struct schedule {
    size_t samples; /* windows of an epoch */
    long per_epoch; /* optimizer steps */
    long total;     /* of the whole run */
    long warmup;
    double factor; /* what plateau has come to; 1 otherwise */
};

/* Steps over `windows` of the training part. An epoch is a pass over them, whose last accumulation
 * group may be short, or as many steps as train.evaluate says. */
struct schedule schedule_make(const struct config *config, size_t windows);

/* Rate of step 0 .. total - 1: a linear rise over the warm-up, then constant, linear or cosine down
 * to lr_min, or plateau's factor. */
double schedule_lr(const struct schedule *schedule, const struct config *config, long step);

/* A span in optimizer steps; minutes count as 0. */
long schedule_span(const struct schedule *schedule, struct span span);

#endif
