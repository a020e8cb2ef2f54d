/* SPDX-License-Identifier: MIT */
/*
 * monitor: the figure that decides on the best epoch, the plateau and early stopping. It is the
 * loss or one of its terms, of training or of validation, or a metric of the validation part: what
 * a task measures beside the loss. A metric is measured once an epoch where it is monitored, and
 * else where its task wants that.
 */
#ifndef TRAIN_MONITOR_H
#define TRAIN_MONITOR_H

#include "config/config.h"
#include "log/log.h"
#include "train/engine.h"
#include "train/history.h"

struct metric {
    const char *name; /* "r2": val/r2, in the log val_r2 */
    int lower_is_better;
};

/* What is measured: the windows at start[count], behind an epoch. */
struct measuring {
    struct engine *e;
    const uint32_t *start;
    size_t count;
    size_t which; /* number of the metric that is monitored; MEASURES_NONE: none is */
    long epoch;
    int *kept; /* what the task keeps from one measurement to the next; 0 at first */
    struct log *log;
};
#define MEASURES_NONE SIZE_MAX

/* What a task measures. */
struct measures {
    const struct metric *metric; /* [count] */
    size_t count;
    /* A part's figures, as engine_evaluate() gives them, and the metric. 1: interrupted. */
    int (*measure)(const struct measuring *of, struct evaluation *evaluation, double *figure,
                   struct error *err);
    /* Whether it measures behind this epoch though nothing is monitored; NULL: never. */
    int (*wants)(const struct config *config, long epoch);
};

struct monitor {
    char name[80]; /* as in the log: "val_loss" */
    int lower_is_better;
    int is_against;              /* train.mode is against what the figure says of itself */
    struct history_column of;    /* the figure's column, unless it is a metric */
    struct measures measures;    /* of the task */
    const struct metric *metric; /* NULL: none */
};

/* Finds the figure that train.monitor names among those of the model's loss and of `measures`.
 * STATUS_USAGE, with the names that there are, if there is none. */
int monitor_find(struct monitor *monitor, const struct config *config, struct measures measures,
                 struct error *err);

/* Warns where train.mode takes the worst epoch for the best. */
void monitor_warn(const struct monitor *monitor, const struct config *config, struct log *log);

/* Figures of the validation part behind an epoch, and the metric if one is monitored; else *metric
 * is NaN. `kept`: see struct measuring. */
int monitor_evaluate(const struct monitor *monitor, struct engine *e, long epoch, int *kept,
                     struct log *log, struct evaluation *evaluation, double *metric,
                     struct error *err);

/* The monitored figure of an epoch. */
double monitor_figure(const struct monitor *monitor, struct epoch_figures *figures);

#endif
