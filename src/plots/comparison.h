/* SPDX-License-Identifier: MIT */
/*
 * comparison: the picture of several runs beside each other. Like plots.h it sees only arrays and
 * labels, owns nothing of the caller's, and writes a PNG whole or not at all; it fails with
 * STATUS_FAILED and the path.
 */
#ifndef PLOTS_COMPARISON_H
#define PLOTS_COMPARISON_H

#include <stddef.h>

#include "error.h"
#include "plots/plots.h"

struct plot_compared {
    const char *label;    /* the run */
    const char *told;     /* its figures in words, beside the label */
    size_t epochs;        /* of the arrays */
    const double *epoch;  /* numbers */
    const double *figure; /* the monitored one; NULL: none, as in train */
    const double *train;  /* the training loss */
    double best_epoch;    /* NaN: not known */
};

/* Runs whose figures can be compared. */
struct plot_group {
    const char *figure; /* "val/loss" */
    const struct plot_compared *run;
    size_t runs;
};

/* For each group its monitored figure and its training loss over the epochs, and the runs by name.
 */
int plot_comparison(const char *path, const struct plot_about *about,
                    const struct plot_group *groups, size_t count, struct error *err);

#endif
