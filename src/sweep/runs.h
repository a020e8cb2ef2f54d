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
    char *name, *label, *folder;
    char **value; /* [keys of the sweep], as after -s */
    char figure[80];
    int lower_is_better;
    struct follow follow; /* read by whoever wants to know */
};

struct runs {
    const struct sweep *sweep;
    struct run_row *row; /* [count]; run N is row N - 1 */
    size_t count;
};

struct runs *runs_of(const struct sweep *sweep, struct error *err);
void runs_free(struct runs *runs);

#endif
