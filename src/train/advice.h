/* SPDX-License-Identifier: MIT */
/*
 * advice: settings that are known to go wrong, told before a training starts, and what the field
 * recommends for a model of this size. It changes nothing, and names nothing that is set already.
 */
#ifndef TRAIN_ADVICE_H
#define TRAIN_ADVICE_H

#include <stdio.h>

#include "config/config.h"
#include "data/dataset.h"
#include "log/log.h"
#include "train/schedule.h"

/* Warns of targets far from where a model begins, and of every key that stands against what its
 * model needs. */
void advice_warn(const struct config *config, const struct dataset *data, struct log *log);

/* What brings such a target near: "data.target_transform = standard", its figures in `why`; NULL
 * where no target is far. */
const char *advice_transform(const struct config *config, const struct dataset *data, char *why,
                             size_t size);

/* Says where an epoch of `windows` windows is a single step, and what makes it more. */
void advice_step(const struct config *config, size_t windows, struct log *log);

/* Warns of a training that takes days more, with what shortens it; returns whether it does. */
int advice_time(const struct config *config, int is_cpu, double seconds_left, struct log *log);

/* The highest learning rate that a model of this width and kind bears. */
double advice_most_lr(const struct config *config);

/* "recommended for a width of 64: lr 3e-4 to 3e-3 (now 0.1)" for `check`, of what is otherwise. */
void advice_print(const struct config *config, const struct schedule *schedule, FILE *out);

#endif
