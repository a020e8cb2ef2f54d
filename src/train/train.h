/* SPDX-License-Identifier: MIT */
/*
 * train: the training loop of a run, with its log, checkpoints, early stopping and resume. It names
 * no architecture.
 */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include <signal.h>

#include "log/log.h"
#include "train/checkpoint.h"
#include "train/engine.h"

/* The last checkpoint of a run and the one before. */
#define RUN_LAST "last.safetensors"
#define RUN_FORMER "last.1.safetensors"

struct training {
    const struct config *config;
    struct engine *engine;
    struct log *log;
    const char *folder;
    char *plan;                               /* plan.json */
    const volatile sig_atomic_t *interrupted; /* the signal that asks for an end; 0: none */
    double started;                           /* now() when the process began */
    struct progress progress;
    int from_former; /* goes on from RUN_FORMER, which stays until RUN_LAST is good again */
};

/* Where files of the run lie: "folder/name", freed by the caller. */
char *train_path(const struct training *run, const char *name);

/*
 * Trains from run->progress to the last epoch, to early stopping or to an interruption. Leaves
 * last.safetensors and best.safetensors. Fails on a figure that is not finite (on_nonfinite = stop,
 * STATUS_FAILED), with the last good checkpoint in place.
 */
int train(struct training *run, struct error *err);

/* The last epoch is done, or patience has run out: train() has nothing to do. */
int train_is_over(const struct training *run);

/* Writes RUN_LAST for run->progress; what was RUN_LAST is kept as RUN_FORMER. */
int train_checkpoint(struct training *run, struct error *err);

#endif
