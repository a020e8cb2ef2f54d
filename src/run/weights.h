/* SPDX-License-Identifier: MIT */
/*
 * weights: where the weights of a run come from: a checkpoint of its folder that it goes on from,
 * the file of model.init, the folder of model.base, or random numbers; and those of its folder that
 * it is judged by.
 */
#ifndef RUN_WEIGHTS_H
#define RUN_WEIGHTS_H

#include "run/folder.h"
#include "train/training.h"

/* Where train.batch or train.accumulate is auto, and the step is that of the checkpoint that a run
 * goes on from, it takes the numbers that stand there. */
void weights_same_batch(const struct folder *folder, struct config *config);

struct weights_terms {
    enum verbosity verbosity;
    int smaller_batch; /* a checkpoint with a larger micro-batch of the same step will do */
};

/* Goes on from the last checkpoint or, where that is damaged or missing, from the one before: takes
 * weights, optimizer state and progress. STATUS_USAGE where configuration or plan differ. */
int weights_resume(struct training *t, const struct folder *folder,
                   const struct weights_terms *terms, struct error *err);

/* Weights to start from: those of model.init or else of model.base, or drawn. */
int weights_start(struct training *t, const struct weights_terms *terms, struct error *err);

/* Those of a file of the run folder. */
int weights_load_own(const struct training *t, const char *name, struct error *err);

#endif
