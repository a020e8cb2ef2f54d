/* SPDX-License-Identifier: MIT */
/*
 * shards: a micro-batch in train.shards parts of equal size, whose gradients are summed in a fixed
 * binary tree over the shards, with our own additions, whatever process has computed which. So any
 * number of ranks gives the same bits. The micro-batches of a step are then summed in order.
 *
 * Rank r of R has the shards s with s R / N = r (rounded down); the node of shards [a, b) belongs
 * to the rank of a. A sum that another rank needs is sent to it; rank 0 ends with that of all,
 * which goes to every rank before the update. The figures of the shards are summed in their order,
 * on each rank. Running statistics move toward the moments of one shard after the other, as they
 * do from micro-batch to micro-batch; rank 0 does it and tells the others.
 *
 * Owns its arenas and launches; parameters, metrics and comm are the caller's.
 */
#ifndef TRAIN_SHARDS_H
#define TRAIN_SHARDS_H

#include "exec/comm.h"
#include "lower/plan.h"
#include "lower/step.h"

struct shards;

/* Runs forward and backward of a shard's windows; step->first and count say which. */
typedef int shards_run(void *ctx, const struct step *step, struct error *err);

/* `count` shards of `windows` windows; arenas as large as the gradients. `sums`: a step may be of
 * several micro-batches. */
struct shards *shards_new(struct params *params, struct device *dev, size_t count, size_t windows,
                          int sums, struct comm *comm, struct error *err);
void shards_free(struct shards *shards);

/* Device bytes of its arenas; NULL: 0. */
uint64_t shards_bytes(const struct shards *shards);

/* Makes the launches; the parameters' gradients and `metrics` have their buffers. */
int shards_prepare(struct shards *shards, struct tensor *metrics, struct error *err);

/* A micro-batch: at rank 0 its gradient is added to those before it of the step. */
int shards_micro(struct shards *shards, const struct step *step, shards_run *run, void *ctx,
                 struct error *err);

/* Its own launches, NULL before they are made. */
const struct plan *shards_plan(const struct shards *shards);

/* From now on they are waited for and timed, or not. */
void shards_watch(struct shards *shards, int watched);

/* The step's gradient to all ranks; the next micro-batch begins another step. */
int shards_step(struct shards *shards, struct error *err);

#endif
