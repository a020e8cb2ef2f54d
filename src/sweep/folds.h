/* SPDX-License-Identifier: MIT */
/*
 * folds: the figures of a walk-forward test whose folds are runs of a sweep: by fold, pooled over
 * the values that all folds have tested, and their spread, each beside the naive forecasts. They
 * are those of forecasts in the targets' own unit, from the journal. Runs that differ in more than
 * data.fold are tests of their own.
 */
#ifndef SWEEP_FOLDS_H
#define SWEEP_FOLDS_H

#include "sweep/state.h"

/* Whether data.fold varies. */
int folds_vary(const struct sweep *sweep);

/* Columns of sweep.csv, each with a comma in front: their names, and those of a run. Of several
 * targets they are those of all together. */
void folds_put_names(FILE *out);
void folds_put_run(const struct state *state, size_t run, FILE *out);

/* An array with an object for each test and target. */
json_t *folds_json(const struct state *state);

/* The same as tables, without the last line feed; "" where data.fold does not vary, or none has
 * ended. The caller frees; NULL: no memory. */
char *folds_text(const struct state *state);

#endif
