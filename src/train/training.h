/* SPDX-License-Identifier: MIT */
/*
 * training: a training that is under way: what it works with, where it stands and where its files
 * lie. All that it points to is the caller's.
 */
#ifndef TRAIN_TRAINING_H
#define TRAIN_TRAINING_H

#include <signal.h>

#include "exec/comm.h"
#include "log/log.h"
#include "train/checkpoint.h"
#include "train/engine.h"
#include "train/monitor.h"

/* The last checkpoint of a run and the one before. */
#define RUN_LAST "last.safetensors"
#define RUN_FORMER "last.1.safetensors"

/* Who decides after each epoch whether a training goes on, beside the training itself. */
struct judge {
    /* Told the monitored figure; 1: this epoch is the last one. `is_last`: it is so anyway. NULL:
     * there is nobody. */
    int (*ask)(void *ctx, long epoch, double figure, int is_last, struct error *err);
    void *ctx;
};

struct training {
    const struct config *config;
    struct engine *engine;
    struct log *log;
    struct telemetry *telemetry; /* NULL: nobody asks the sensors */
    const char *folder;
    char *plan;                               /* plan.json */
    const volatile sig_atomic_t *interrupted; /* the signal that asks for an end; 0: none */
    struct comm *comm;                        /* ranks that train together; NULL: alone */
    int stopped;                              /* the signal that has ended it, on whatever rank */
    struct judge judge;                       /* of a training without ranks */
    int pruned;                               /* who has ended it */
    double started;                           /* now() when the process began */
    struct monitor monitor;
    struct progress progress;
    int from_former; /* goes on from RUN_FORMER, which stays until RUN_LAST is good again */
};

/* Where files of the run lie: "folder/name", freed by the caller. */
char *train_path(const struct training *t, const char *name);

/* Optimizer steps in front of the epoch that is under way. */
long train_steps_before(const struct training *t);

/* Epochs of the whole training, with those that are done. */
long train_epochs(const struct training *t);

/* The last epoch is done, patience has run out, or captions collapsed: there is nothing to do. */
int train_is_over(const struct training *t);
int train_stopped_early(const struct training *t); /* the latter */

/* Captions have collapsed, and caption.collapse ends the training then. */
int train_collapsed(const struct training *t);

/* Whether this process writes the files of the run: rank 0 does. */
int train_writes(const struct training *t);

/* Sets t->stopped where any rank has been interrupted, on all alike; -1 where they are lost. */
int train_look_stop(struct training *t, struct error *err);

/* Writes RUN_LAST for t->progress; what was RUN_LAST is kept as RUN_FORMER. */
int train_checkpoint(struct training *t, struct error *err);

#endif
