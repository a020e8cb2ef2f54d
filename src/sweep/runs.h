/* SPDX-License-Identifier: MIT */
/*
 * runs: the runs of a sweep as a table, made once: what each is called, where it lies, what varies
 * in it and where it stands by its log. It owns all of it.
 */
#ifndef SWEEP_RUNS_H
#define SWEEP_RUNS_H

#include "sweep/follow.h"
#include "sweep/sweep.h"

struct run_row {
    char *name, *folder;
    char *label;  /* what varies, for people; NULL: it has not been drawn */
    char **value; /* [keys of the sweep], as after -s; each NULL: it has not been drawn */
    char figure[80];
    int lower_is_better;
    struct follow follow; /* read by whoever wants to know */
};

struct runs {
    const struct sweep *sweep;
    struct run_row *row; /* [count]; run N is row N - 1 */
    size_t count;
};

/* With sampler = tpe the values are to be drawn, by runs_draw(). */
struct runs *runs_of(const struct sweep *sweep, struct error *err);
void runs_free(struct runs *runs);

/* Whether all runs are judged by one figure. */
int runs_compare(const struct runs *runs);

/* Gives a run the values of a point (NULL: none) in place of those that it had. -1: no memory. */
int runs_draw(struct runs *runs, size_t run, const double *point);

#endif
