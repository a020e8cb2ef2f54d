/* SPDX-License-Identifier: MIT */
/*
 * results: what a sweep has come to, by its journal: tables of its runs, and the best of them.
 */
#ifndef SWEEP_RESULTS_H
#define SWEEP_RESULTS_H

#include "sweep/state.h"

/* Writes sweep.csv and sweep.json into the folder of the sweep, each whole or not at all. */
int results_write(struct state *state, struct error *err);

/* Prints where each run stands. */
int results_print(struct state *state, FILE *out, struct error *err);

/* The best figure of a run so far; NaN: none. */
double results_figure(const struct state *state, size_t run);

/* The number of the run with the best figure among those that have ended; 0: there is none. -1
 * where runs are judged by different figures. */
int results_best(const struct state *state, size_t *run, struct error *err);

#endif
