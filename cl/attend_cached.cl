/* SPDX-License-Identifier: MIT */
/*
 * Attention of some rows to all rows so far, whose keys and values lie in a cache: what
 * attention.cl makes of a whole causal window, row by row.
 *
 * qkv [rows, H + 2 KV, DH] of H heads of queries and KV of keys and values; position [rows]: place
 * of each row, which sees those at 0 .. its own; a row at T or beyond is none, and its o is 0.
 * cache [2 KV, T, DH]: keys, then values. o [rows, H, DH]. probability [rows, H, T], in vectors of
 * VEC (T is a multiple of it), is memory to work in. In dot products and sums vectors run over DH.
 * -D: T, DH, H, KV, VEC, LANES.
 */
#include "common.h"

#ifndef T
#define T 64
#endif
#ifndef DH
#define DH 16
#endif
#ifndef H
#define H 4
#endif
#ifndef KV
#define KV 4
#endif

#define ROW ((H + 2 * KV) * DH)
#define N (DH / VEC)
#define PER_LANE ((N + LANES - 1) / LANES)

/* Keys and values of the rows into the cache. A work-group takes a row. */
__kernel void attend_keep(__global const stored *restrict qkv,
                          __global const uint *restrict position, __global stored *restrict cache)
{
    const size_t row = get_group_id(0), from = (row * ROW + H * DH) / VEC;
    const uint at = position[row];
    for (int i = (int)get_local_id(0); at < T && i < 2 * KV * N; i += LANES)
        put_vec(get_vec(from + i, qkv), ((size_t)(i / N) * T + at) * N + i % N, cache);
}

/* A work-group takes a head of a row. */
__kernel void attend_cached(__global const stored *restrict qkv,
                            __global const uint *restrict position,
                            __global const stored *restrict cache, __global stored *restrict o,
                            __global float *restrict probability)
{
    __local float room[LANES], query[DH];
    const int lane = (int)get_local_id(0);
    const int row = (int)get_group_id(0) / H, h = (int)get_group_id(0) % H, kv = h / (H / KV);
    const int seen = position[row] < T ? (int)position[row] + 1 : 0;
    __global const stored *keys = cache + (size_t)kv * T * DH;
    __global const stored *values = cache + (size_t)(KV + kv) * T * DH;
    __global float *p = probability + (size_t)get_group_id(0) * T;
    /* powers of two: log2(e) is a factor of the queries */
    for (int d = lane; d < N; d += LANES)
        store_vec(get_vec((size_t)row * (ROW / VEC) + h * N + d, qkv) *
                      (1.44269504f / sqrt((float)DH)),
                  d, query);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    vec most = (vec)(-INFINITY);
    for (int j = lane * VEC; j < seen; j += LANES * VEC) {
        float scores[VEC];
#if LANES == 1
        for (int k = 0; k < VEC; k++) {
            vec sum = (vec)(0.0f);
            for (int d = 0; j + k < seen && d < N; d++)
                sum = fma(load_vec(d, query), get_vec((size_t)(j + k) * N + d, keys), sum);
            scores[k] = j + k < seen ? vsum(sum) : -INFINITY;
        }
#else
        vec sum[VEC];
#pragma unroll
        for (int k = 0; k < VEC; k++)
            sum[k] = (vec)(0.0f);
#pragma unroll 1
        for (int d = 0; d < N; d++)
#pragma unroll
            for (int k = 0; k < VEC; k++) /* rows that are not seen lie in the cache all the same */
                sum[k] = fma(load_vec(d, query), get_vec((size_t)(j + k) * N + d, keys), sum[k]);
#pragma unroll
        for (int k = 0; k < VEC; k++)
            scores[k] = j + k < seen ? vsum(sum[k]) : -INFINITY;
#endif
        const vec score = load_vec(0, scores);
        most = PICK(score > most, score, most);
        store_vec(score, j / VEC, p);
    }
    const float top = group_max(vmax(most), room);
    vec part = (vec)(0.0f);
    for (int j = lane; j * VEC < seen; j += LANES) {
        const vec e = exp2_vec(load_vec(j, p) - top);
        part += e;
        store_vec(e, j, p);
    }
    const float total = group_sum(vsum(part), room);
    group_barrier(CLK_GLOBAL_MEM_FENCE); /* all of p is there */
    /* each vector of o by one work-item: where several shared one, PoCL 5.0 made code that wrote
     * elsewhere */
    vec sum[PER_LANE];
    for (int i = 0; i < PER_LANE; i++)
        sum[i] = (vec)(0.0f);
    for (int j = 0; j < seen; j++)
        for (int i = 0; i < PER_LANE; i++)
            if (lane + i * LANES < N)
                sum[i] =
                    fma((vec)(p[j]), get_vec((size_t)j * N + lane + i * LANES, values), sum[i]);
    for (int i = 0; i < PER_LANE; i++)
        if (lane + i * LANES < N)
            put_vec(seen ? sum[i] / total : (vec)(0.0f),
                    (size_t)get_group_id(0) * N + lane + i * LANES, o);
}
