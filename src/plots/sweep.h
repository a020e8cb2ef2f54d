/* SPDX-License-Identifier: MIT */
/*
 * sweep: the pictures of a sweep, many runs that differ in some keys. Like plots.h they see only
 * arrays and labels and own nothing of the caller's; each writes a PNG whole or not at all, and
 * fails with STATUS_FAILED and the path. Runs without a figure are left out and counted.
 */
#ifndef PLOTS_SWEEP_H
#define PLOTS_SWEEP_H

#include <stddef.h>

#include "error.h"
#include "plots/plots.h"

/* How a run, or one try of it, has ended. */
enum plot_end { PLOT_DONE, PLOT_PRUNED, PLOT_FAILED, PLOT_ENDS };

/* A key that varies. */
enum plot_scale { PLOT_LINEAR, PLOT_LOG, PLOT_WHOLE };
struct plot_key {
    const char *name;    /* "train.lr" */
    const double *value; /* [runs] a number, or the index of a choice; NaN: none */
    char *const *choice; /* [choices]; NULL: the values are numbers */
    size_t choices;
    enum plot_scale scale; /* of numbers; logarithmic only where all are positive */
};

struct plot_sweep {
    size_t runs;
    char *const *label;         /* [runs] "coin=BTC resample=1m" */
    const double *figure;       /* [runs] the best one; NaN: none */
    const enum plot_end *end;   /* [runs] */
    const char *name;           /* of the figure: "val/loss" */
    int higher;                 /* a higher figure is the better one */
    const struct plot_key *key; /* [keys] */
    size_t keys;
};

/* parallel_coordinates.png: an axis for each key and for the figure, a line for each run, coloured
 * by its rank. */
int plot_parallel_coordinates(const char *path, const struct plot_about *about,
                              const struct plot_sweep *sweep, struct error *err);

/* figure_by_key.png: the figure over the values of each key, with the median of each choice. */
int plot_figure_by_key(const char *path, const struct plot_about *about,
                       const struct plot_sweep *sweep, struct error *err);

/* key_importance.png: how much of the figure's order each key explains by itself; share [keys] in
 * 0..1, see analysis/importance.h, NaN: not known. */
int plot_key_importance(const char *path, const struct plot_about *about,
                        const struct plot_sweep *sweep, const double *share, struct error *err);

/* learning_curves.png: the figure of all runs over their epochs; curve [runs] of epochs [runs]
 * values each, NaN where there is none. The best runs have a colour and their label. */
int plot_learning_curves(const char *path, const struct plot_about *about,
                         const struct plot_sweep *sweep, const double *const *curve,
                         const size_t *epochs, struct error *err);

/* timeline.png: which run each slot did when; begin and end in ms since 1970 UTC. */
struct plot_try {
    size_t run, slot;
    double begin, end;
    enum plot_end how;
};
int plot_timeline(const char *path, const struct plot_about *about, const struct plot_sweep *sweep,
                  char *const *slot, size_t slots, const struct plot_try *tries, size_t count,
                  struct error *err);

#endif
