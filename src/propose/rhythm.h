/* SPDX-License-Identifier: MIT */
/*
 * rhythm: what the rows of series show in time: their interval, how long the holes are, how far
 * back a column remembers, and after how many rows it repeats itself. Pure functions of arrays.
 */
#ifndef PROPOSE_RHYTHM_H
#define PROPOSE_RHYTHM_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct rhythm {
    int64_t step;    /* ms from most rows to the next, the median; 0: there are no times */
    int64_t longest; /* the longest step */
    int64_t span;    /* ms from the first row to the last of all */
    int64_t usual;   /* that 99.5% of the steps do not exceed */
    size_t week;     /* rows of a week, the median of all; 0: no series is that long */
    size_t season;   /* rows after which differences repeat; 0: none was found */
    double repeats;  /* their autocorrelation there */
    size_t memory;   /* the last lag, of all from 1 on, that is correlated, see below */
    int of_changes;  /* memory is that of the size of changes */
    double level;    /* autocorrelation of the values at lag 1 */
};

/* Steps between the rows of one series or more: time [rows], ms; cut[i] is set where row i does not
 * go on from row i - 1. STATUS_FAILED: memory. */
int rhythm_of_times(struct rhythm *r, const int64_t *time, const unsigned char *cut, size_t rows,
                    struct error *err);

/*
 * Of x [n], the values of one series in the order of time, with r->step known. `changes`: memory is
 * that of the size of relative changes, |x[t] / x[t - 1] - 1|, as prices have it, else that of x
 * itself, and both up to `most` lags. Autocorrelations are those of Box and Jenkins (divided by n).
 * A lag is correlated where its autocorrelation is above 2 / sqrt(n), not by chance, and above 1 /
 * e of that at lag 1.
 */
int rhythm_of_values(struct rhythm *r, const double *x, size_t n, int changes, size_t most,
                     struct error *err);

#endif
