/* SPDX-License-Identifier: MIT */
/*
 * watch: what looks after a training while it goes on: it tells the log where it gets slow,
 * diverges or stalls, and writes the objects between epochs that log.every asks for and the file of
 * log.prometheus. It reads the
 * sums of an epoch that is under way, and changes nothing that is trained.
 */
#ifndef TRAIN_WATCH_H
#define TRAIN_WATCH_H

#include "train/prometheus.h"
#include "train/stall.h"
#include "train/trend.h"

struct loop;
struct epoch_figures;
struct error;

#define WATCH_TIMES 3 /* that many, one behind the other, are told */

/* Sums of an epoch so far. */
struct watch_sums {
    double loss, windows, norm, steps;
};

/* A figure whose rise would be a divergence. */
struct watch_figure {
    struct trend trend;
    double above[WATCH_TIMES]; /* the latest values, one behind the other, that were too high */
    size_t count;              /* of these */
};

struct watch {
    double looked;           /* when the sums were last looked at */
    double marked;           /* until when training is counted */
    unsigned long long done; /* windows of the epoch until then */
    double windows, seconds; /* of the stretch that is under way */
    struct trend rate;       /* windows per second of each stretch */
    int below;               /* latest stretches, one behind the other, that were slow */
    long epoch;              /* of the latest step; -1: none yet */
    int looks;               /* in this epoch */
    struct watch_sums seen;  /* at the latest of them */
    struct watch_figure loss, norm;
    struct watch_sums written;       /* of this epoch, at the latest object between epochs, */
    double written_at, every_at;     /* its time, or the epoch's; that of the latest in any epoch */
    unsigned long long written_done; /* windows of the epoch until then */
    atomic_long step;                /* optimizer steps done, for the thread */
    struct stall *stall;
    struct prometheus prometheus;
};

/* A training begins, and ends. */
void watch_begin(struct loop *loop);
void watch_end(struct loop *loop);

/* After each optimizer step. Every ten seconds it looks at the sums; fails where they are not
 * finite and that is to stop the run. */
int watch_step(struct loop *loop, struct error *err);

/* After each epoch. */
void watch_epoch(struct loop *loop, const struct epoch_figures *figures);

#endif
