/* SPDX-License-Identifier: MIT */
/*
 * Sums over rows, in two passes whose order depends on the shape alone: each work-group sums the
 * rows of its chunk for a block of columns; then the chunks are added up in order. -D: VEC, LANES,
 * TEAMS; NB vectors of columns that a work-item of the first pass takes at most. The teams of a
 * group, which a GPU has, take turns with the rows of its chunk, or with the chunks, and what each
 * has summed is halved in local memory: sums of 512 chunks are as deep as 512 / TEAMS loads.
 */
#include "common.h"

#ifndef NB
#define NB 1
#endif

#if TEAMS == 1
/* N vectors of columns at a time, LANES apart from v on, while there are as many before `end` */
#define SUM(N)                                                              \
    for (; v + (N - 1) * LANES < end; v += N * LANES) {                     \
        vec sum[N];                                                         \
        _Pragma("unroll") for (int i = 0; i < N; i++) sum[i] = (vec)(0.0f); \
        _Pragma("unroll 1") for (int row = from; row < to; row++)           \
            _Pragma("unroll") for (int i = 0; i < N; i++) sum[i] +=         \
            get_vec(v + i * LANES, x + (size_t)row * columns);              \
        _Pragma("unroll") for (int i = 0; i < N; i++)                       \
            store_vec(sum[i], v + i * LANES, part + (size_t)c * columns);   \
    }
#endif

/* part[chunk, columns] = sum of x[row, columns] over the chunk's rows */
__kernel void sum_rows(__global const stored *restrict x, __global float *restrict part,
                       const int rows, const int columns, const int chunk, const int blocks)
{
    const int c = (int)get_group_id(0) / blocks, block = (int)get_group_id(0) % blocks;
    const int from = c * chunk, to = min(from + chunk, rows);
#if TEAMS == 1
    const int end = min((block + 1) * NB * LANES, columns / VEC);
    int v = block * NB * LANES + (int)get_local_id(0);
#if NB == 8
    SUM(8)
    SUM(4)
    SUM(2)
#endif
    SUM(1)
#else
    __local float room[TEAMS * LANES * VEC];
    const int v = block * LANES + team_lane(), team = (int)get_local_id(0) / LANES;
    vec sum = (vec)(0.0f);
    if (v < columns / VEC)
        for (int row = from + team; row < to; row += TEAMS)
            sum += get_vec(v, x + (size_t)row * columns);
    sum = sum_teams(sum, room);
    if (!team && v < columns / VEC)
        store_vec(sum, v, part + (size_t)c * columns);
#endif
}

/* y[columns] += sum of part[chunk, offset + columns] over chunks; of the columns behind these, up
 * to `all`, z gets the sums. A row of part has `stride` floats. */
__kernel void add_parts(__global const stored *restrict part, __global stored *restrict y,
                        __global stored *restrict z, const int chunks, const int columns,
                        const int all, const int stride, const int offset)
{
    const int v = team_id() / TEAMS * LANES + team_lane(), team = team_id() % TEAMS;
    const int there = v < all / VEC, of_z = v >= columns / VEC;
    vec sum = (vec)(0.0f);
    if (there)
        for (int c = team; c < chunks; c += TEAMS)
            sum += get_vec(0, part + (size_t)c * stride + offset + v * VEC);
#if TEAMS > 1
    __local float room[TEAMS * LANES * VEC];
    sum = sum_teams(sum, room);
#endif
    if (there && !team && !of_z)
        put_vec(get_vec(v, y) + sum, v, y);
    if (there && !team && of_z)
        put_vec(get_vec(v - columns / VEC, z) + sum, v - columns / VEC, z);
}
