/* SPDX-License-Identifier: MIT */
/*
 * quantised: an exported model in integers (fixed/fixed.h), its formats by the rows of its training
 * part, and how it does beside the model in floats, on the parts that judge that. It needs the data
 * of the training. It owns what it points to.
 */
#ifndef EXPORT_QUANTISED_H
#define EXPORT_QUANTISED_H

#include "export/exported.h"
#include "fixed/fixed.h"

/* A part, by the model in floats and in integers. */
struct quantised_figure {
    const char *part; /* "validation" */
    double floats, integers;
};

struct quantised {
    struct fixed *fixed;
    struct graph *graph; /* whose tensors the values have */
    struct dataset *data;
    const char *metric; /* "nmse_db" */
    struct quantised_figure figure[2];
    size_t figures;
    size_t rows;       /* by which a file checks itself: of the data, one after the other */
    float *row;        /* [rows, F] in the unit of the file */
    int16_t *in, *out; /* [rows, F], [rows, K] */
};

/* STATUS_USAGE where the model has no form in integers; quantised_fini() also after a failure. */
int quantised_init(struct quantised *q, struct exported *e, struct error *err);
void quantised_fini(struct quantised *q);

#endif
