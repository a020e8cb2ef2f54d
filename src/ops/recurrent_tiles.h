/* SPDX-License-Identifier: MIT */
/*
 * recurrent_tiles: launches of recurrent layers that are too wide for a walk in one kernel, on
 * GPUs. A step is one launch for both directions; cl/recurrent_tiles.cl tells how. recurrent.c
 * decides which layers walk so, and makes the products over all steps before and behind the walk.
 */
#ifndef OPS_RECURRENT_TILES_H
#define OPS_RECURRENT_TILES_H

#include "lower/plan.h"
#include "ops/ops.h"

struct direction {
    int at; /* of its first input, less 1 */
    struct tensor *w_ih, *w_hh, *b_ih, *b_hh;
    struct tensor *gates, *extra; /* [B T, gates H], [B T, H]; see cl/recurrent.cl */
    struct tensor *trace;         /* of a wide walk: [groups T vec, ...] */
};

/* The layer of a node, as its kernels see it. */
struct layer {
    enum cell_kind kind;
    size_t batch, window, in, hidden, gates, dirs;
    size_t side; /* sequences that walk side by side in one kernel; 0: a product for each step */
    int wide;    /* one in each element of the vectors */
    int tiled;   /* both directions in one launch a step */
    int carries; /* begins with the state that the walk before ended with */
    unsigned vec, lanes;
    struct tensor *x, *y; /* [B T, in], [B T, dirs H] */
    struct direction dir[2];
};

/* Whether the device has room for tiles. */
int recurrent_tiles_serve(const struct plan *p, const struct layer *op);

/* From the shares x in `gates` to y, gates and extra. */
void recurrent_tiles_forward(struct plan *p, const struct layer *op);

/* From dy to the gradients of the shares x, in `gates`, and of a GRU's shares a, in da; h_before
 * becomes the state that each step began with. */
void recurrent_tiles_back(struct plan *p, const struct layer *op, struct tensor *dy,
                          struct tensor *const h_before[2], struct tensor *const da[2]);

#endif
