/* SPDX-License-Identifier: MIT */
/*
 * curve: the monitored figure of each epoch of a run, by its log.jsonl.
 */
#ifndef SWEEP_CURVE_H
#define SWEEP_CURVE_H

#include "sweep/runs.h"

struct curve {
    double *value; /* [epochs], which the caller frees; NaN: not known */
    size_t epochs; /* that have ended */
    int is_whole;  /* the run is at its end with the last of them */
};

/* Reads what the log still has. A log that is not there, or cannot be read, tells nothing. -1: no
 * memory, but the curve is to be freed. */
int curve_read(struct curve *curve, const struct run_row *row);

#endif
