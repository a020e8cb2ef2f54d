/* SPDX-License-Identifier: MIT */
/*
 * exported: a trained model opened to be written down in another language: its operations, unfused,
 * and the numbers of its parameters, with what the checkpoint knows of its data. The device holds
 * the parameters and runs nothing. It owns what it opens; the checkpoint stays the caller's.
 */
#ifndef EXPORT_EXPORTED_H
#define EXPORT_EXPORTED_H

#include "data/dataset.h"
#include "exec/session.h"
#include "models/model.h"
#include "train/checkpoint.h"

#define EXPORTED_BATCH 3 /* windows of the graph, whose batch may have any size */

struct exported {
    const struct checkpoint *checkpoint; /* the caller's */
    const char *path;                    /* of it */
    struct log *log;
    const struct config *config;
    const struct fitted *fitted;
    struct dataset *data; /* of one blank window: names, extents; NULL: the model reads tokens */
    struct session *session;
    struct params *params;
    struct model_shape shape;
    struct graph *graph;
    struct model_io io;
    int by_row;      /* each row of a window has an output of its own */
    int streams;     /* its states are to be inputs and outputs (--state) */
    int weight_bits; /* 8 or 16: it is to be in integers (--fixed); 0: in floats */
    size_t golden;   /* rows by which such a file checks itself */
    /* Copies the numbers of a parameter of the graph as floats, whatever it is stored as. */
    int (*read)(const struct exported *e, const struct tensor *param, float *to, struct error *err);
};

/* `path` is that of the checkpoint. */
int exported_open(struct exported *e, const struct checkpoint *checkpoint, const char *path,
                  const struct session_options *options, struct log *log, struct error *err);
void exported_close(struct exported *e);

/* e->read(), as an onnx_reader; with train.quantize_aware weights are rounded as in training. */
int exported_read(void *e, const struct tensor *param, float *to, struct error *err);

/* Marks the operations that the output is made of; NULL: memory. The caller frees. */
unsigned char *exported_needed(const struct graph *g, const struct model_io *io);

/* Whether rows may come one by one: each has an output of its own, and none needs others but by a
 * state. */
int exported_goes_by_row(const struct exported *e);

/* Asks for states; STATUS_USAGE where the model has none that go on from row to row: "WHO: cause".
 */
int exported_stream(struct exported *e, const char *who, struct error *err);

#endif
