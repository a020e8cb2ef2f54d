/* SPDX-License-Identifier: MIT */
/*
 * stage: batches of windows, copied out of a dataset ahead of whom they are for, by a thread of the
 * stage's own. Memory holds STAGE_SLOTS batches, however long the series are. A stage owns its
 * batches and its thread; the dataset stays the caller's.
 *
 * What a stage gives depends on the order and on what is asked for alone, never on the thread:
 * where there can be none, stage_next() copies by itself.
 */
#ifndef DATA_STAGE_H
#define DATA_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "data/dataset.h"

/* One that is taken, the one taken before it, and one that is made. */
#define STAGE_SLOTS 3

/* Extents of a batch. */
struct stage_shape {
    size_t batch, window;             /* B, T */
    size_t target_first, target_rows; /* R target rows of a window, counted from its first */
};

/* The windows of a batch. Those behind the last sample repeat the first one. */
struct stage_batch {
    uint32_t *start; /* [B] their first rows */
    float *series;   /* [B, T, F]; of tokens u32, [B, T, 1] */
    float *target;   /* [B, R, K]; NULL without targets */
    float *weight;   /* [B]; NULL where all weigh 1 */
    float *flag;     /* [B] of augmentation; NULL without */
    float *clip;     /* [B, R, C] of what is seen; NULL without */
    size_t first, count;
    int failed; /* features of a clip could not be had, as `err` tells */
    struct error err;
};

/* What the largest of these takes: samples, rows of series and of targets. */
struct stage_room {
    size_t samples, rows, targets;
};
struct stage_room stage_room(const struct stage_shape *shapes, size_t count);

/* Who gives the memory of batches, and takes it back; all NULL: util/block.h. */
struct stage_memory {
    void *(*make)(void *ctx, size_t bytes);
    void (*release)(void *ctx, void *memory);
    void *ctx;
};

/* Room for batches of these extents; NULL without memory. */
struct stage *stage_new(const struct dataset *data, const struct stage_shape *shapes, size_t count,
                        const struct stage_memory *memory);
void stage_free(struct stage *stage);

/* First rows of the samples to come, in the order in which batches take them. They stay as they are
 * until all are taken or another order comes. */
void stage_order(struct stage *stage, const struct stage_shape *shape, const uint32_t *start,
                 size_t count);

/* The batch of samples [first, first + count). It stays as it is until the call after the next. */
const struct stage_batch *stage_next(struct stage *stage, size_t first, size_t count);

/* Seconds that stage_next() has waited for its thread so far. */
double stage_waited(struct stage *stage);

#endif
