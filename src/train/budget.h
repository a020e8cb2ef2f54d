/* SPDX-License-Identifier: MIT */
/*
 * budget: what fits into the memory that a device may give. Everything is known at start-up, so
 * that other settings are tried as plans on the device's twin: nothing runs, and none of the
 * device's memory is taken.
 */
#ifndef TRAIN_BUDGET_H
#define TRAIN_BUDGET_H

#include "log/log.h"
#include "train/engine.h"

/* Where only one of train.batch and train.accumulate is auto, it follows from the other. */
void budget_settle(struct config *config);

/*
 * Puts numbers in the place of train.batch = auto and train.accumulate = auto: the largest divisor
 * of train.effective_batch that fits beside what stands on options->session, and is no more than
 * the training windows; where none fits 1, which engine_open() then refuses. Tells what was taken.
 */
int budget_batch(struct config *config, const struct dataset *data,
                 const struct engine_options *options, struct log *log, struct error *err);

/* With train.recompute = auto: how much is made again so that the plan fits, as little as will do:
 * nodes where that is cheap, and layers where all of these are not enough. All, where that does not
 * do either. Else nothing. */
struct remakes budget_remakes(const struct config *config, const struct dataset *data,
                              const struct engine_options *options, struct device *dev);

/* Into *bytes what activations would take where nothing is made again; -1 where that cannot be
 * planned. */
int budget_kept(const struct engine *e, const struct engine_options *options, uint64_t *bytes);

/* Makes `config` one with the next smaller micro-batch that makes the same step; -1: there is none.
 */
int budget_smaller(struct config *config);

/* Fills `err`: a plan needs so many bytes of the device, more than its budget; returns -1. */
int budget_over(uint64_t bytes, const struct device *dev, struct error *err);

/*
 * Adds to an error with CAUSE_BUDGET what the plan takes, arena by arena, and settings that fit as
 * they are printed: each line that begins with "fits: -s " is enough by itself. Returns -1.
 */
int budget_advise(const struct config *config, const struct dataset *data,
                  const struct engine_options *options, struct device *dev, struct error *err);

#endif
