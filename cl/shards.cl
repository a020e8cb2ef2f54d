/* SPDX-License-Identifier: MIT */
/*
 * A micro-batch in shards, whose gradients and figures are summed in an order that does not depend
 * on who has computed them: arenas of gradients, and the figures of each shard. -D: VEC, LANES.
 */
#include "common.h"

/* to = 0 */
__kernel void arena_zero(__global float *restrict to, const int vectors, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, end = min(from + chunk, vectors);
    for (int v = from + (int)get_local_id(0); v < end; v += LANES)
        store_vec((vec)(0.0f), v, to);
}

/* to = x */
__kernel void arena_copy(__global float *restrict to, __global const float *restrict x,
                         const int vectors, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, end = min(from + chunk, vectors);
    for (int v = from + (int)get_local_id(0); v < end; v += LANES)
        store_vec(load_vec(v, x), v, to);
}

/* to = to + x */
__kernel void arena_add(__global float *restrict to, __global const float *restrict x,
                        const int vectors, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, end = min(from + chunk, vectors);
    for (int v = from + (int)get_local_id(0); v < end; v += LANES)
        store_vec(load_vec(v, to) + load_vec(v, x), v, to);
}

/* The sums that loss_sum() adds to begin at 0. */
static inline void forget_sums(__global struct metrics *restrict metrics)
{
    for (int i = 0; i < 2; i++) {
        metrics->loss[i] = 0.0f;
        metrics->samples[i] = 0.0f;
        for (int k = 0; k < TERMS_MOST; k++)
            metrics->term[k][i] = 0.0f;
    }
    metrics->bad_loss = 0.0f;
    metrics->last_loss = 0.0f;
}

/* A micro-batch begins: the epoch's figures are put aside. One work-item. */
__kernel void shards_begin(__global struct metrics *restrict metrics,
                           __global struct metrics *restrict aside)
{
    *aside = *metrics;
    forget_sums(metrics);
}

/* A shard is done: its figures are kept. One work-item. */
__kernel void shard_done(__global struct metrics *restrict metrics,
                         __global struct metrics *restrict of_shard, const int shard)
{
    of_shard[shard] = *metrics;
    forget_sums(metrics);
}

/*
 * The figures of all shards, in their order, go to the epoch's, unless a loss is not finite: then
 * it is the micro-batch's. Else that is the mean over its samples. A shard's sums are of one
 * micro-batch: their corrections are 0. One work-item.
 */
__kernel void shards_end(__global struct metrics *restrict metrics,
                         __global const struct metrics *restrict aside,
                         __global const struct metrics *restrict of_shard, const int shards)
{
    float loss = 0.0f, samples = 0.0f;
    *metrics = *aside;
    for (int s = 0; s < shards; s++) {
        if (of_shard[s].bad_loss != 0.0f) {
            metrics->bad_loss = 1.0f;
            metrics->last_loss = of_shard[s].last_loss;
            return;
        }
        loss += of_shard[s].loss[0];
        samples += of_shard[s].samples[0];
    }
    metrics->last_loss = loss / samples;
    for (int s = 0; s < shards; s++) {
        for (int k = 0; k < TERMS_MOST; k++)
            add_compensated(metrics->term[k], of_shard[s].term[k][0]);
        add_compensated(metrics->loss, of_shard[s].loss[0]);
        add_compensated(metrics->samples, of_shard[s].samples[0]);
    }
}
