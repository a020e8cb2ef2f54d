/* SPDX-License-Identifier: MIT */
/*
 * search_play: what tests/test_search.c and tests/play_search.c share: recorded learning curves
 * that pruners judge again, and landscapes on which samplers search.
 *
 * Curves are lines:
 *     study median min|max STARTUP_TRIALS WARMUP_STEPS INTERVAL_STEPS MIN_TRIALS
 *     study asha min|max MIN_RESOURCE REDUCTION_FACTOR MIN_EARLY_STOPPING_RATE
 *     TRIAL EPOCH FIGURE 0|1      a report, and whether the trial is to end there, as it then does
 *     TRIAL done FIGURE
 *     TRIAL failed
 * Trials count from 0 in each study and need no order. Lines are in the order of time.
 */
#ifndef TESTS_SEARCH_PLAY_H
#define TESTS_SEARCH_PLAY_H

#include <stdint.h>
#include <stdio.h>

#include "sweep/axis.h"

struct played {
    size_t studies, decisions, ends; /* decisions in all, and those that end a trial */
    size_t differ;
};

/* Judges all curves again and tells decisions that differ, by line. -1: a line that is none. */
int search_curves(FILE *in, struct played *played);

struct landscape {
    const char *name;
    struct axis axis[5];
    size_t axes;
    double (*figure)(const double *point); /* the lower the better */
};

extern const struct landscape search_landscapes[5];

/*
 * How a landscape is searched: at random, with TPE, or with TPE where not all trials end as done
 * (see state_of() in search_play.c).
 */
enum search { SEARCH_RANDOM, SEARCH_TPE, SEARCH_STATES };

/*
 * The best of so many trials one after the other. Prints the figure and point of each to `out`
 * unless it is NULL.
 */
double search_run(const struct landscape *l, enum search how, uint64_t seed, size_t trials,
                  FILE *out);

#endif
