/* SPDX-License-Identifier: MIT */
/*
 * golden: windows of drawn rows and what the engine predicts for them, by which a model in another
 * language is checked. A golden owns its arrays.
 */
#ifndef EXPORT_GOLDEN_H
#define EXPORT_GOLDEN_H

#include "export/exported.h"

#define GOLDEN_WINDOWS 3
#define GOLDEN_ROWS 64 /* of a model that goes along the rows */
#define GOLDEN_MOST 1000000

struct golden {
    size_t windows, rows, columns; /* of in: the features, channel by channel */
    size_t out_rows, targets;      /* of out */
    float *in;                     /* [windows, rows, columns] in the unit of the file */
    double *out;                   /* [windows, out_rows, targets], the same */
    double *unit; /* [targets] standard deviation of out or, if larger, of training; above 0 */
};

/* `by_row`: one window of GOLDEN_ROWS rows. It changes the extents of the checkpoint's
 * configuration. */
int golden_init(struct golden *g, struct exported *e, int by_row, struct error *err);
void golden_fini(struct golden *g);

#endif
