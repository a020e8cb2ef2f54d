/* SPDX-License-Identifier: MIT */
/*
 * advice: settings that are known to go wrong, told before a training starts, and what the field
 * recommends for a model of this size. It changes nothing.
 */
#ifndef TRAIN_ADVICE_H
#define TRAIN_ADVICE_H

#include <stdio.h>

#include "config/config.h"
#include "log/log.h"
#include "train/schedule.h"

/* One warning that names every key which stands against what its model needs. */
void advice_warn(const struct config *config, struct log *log);

/* "recommended: lr 3e-4 for a width of 64 ..." for `check`. */
void advice_print(const struct config *config, const struct schedule *schedule, FILE *out);

#endif
