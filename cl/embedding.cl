/* SPDX-License-Identifier: MIT */
/*
 * Rows of a table by their numbers, a team those of its chunk. -D: VEC, LANES, TEAMS. table [V, D],
 * number [rows], y [rows, D], D = `vectors` VEC. A number that the table has no row for gives
 * zeros.
 */
#include "common.h"

__kernel void embedding_fwd(__global const stored *restrict table,
                            __global const uint *restrict number, __global float *restrict y,
                            const int vectors, const int numbers, const int rows, const int chunk)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const uint of = number[row];
        const size_t first = (size_t)(of < (uint)numbers ? of : 0) * vectors * VEC;
        __global const stored *entry = table + first;
        for (int d = team_lane(); d < vectors; d += LANES) {
            const vec value = of < (uint)numbers ? get_vec(d, entry) : (vec)(0.0f);
            store_vec(value, d, y + (size_t)row * vectors * VEC);
        }
    }
}

/* grad[number[row]] += dy[row], row by row, so always in one order; GPUs have embedding_sum.cl.
 * `shares` work-groups have the same columns: each takes the numbers that leave its own over when
 * divided by `shares`. */
__kernel void embedding_bwd(__global const float *restrict dy, __global const uint *restrict number,
                            __global float *restrict grad, const int vectors, const int numbers,
                            const int rows, const int shares)
{
    const uint share = (uint)get_group_id(0) % (uint)shares;
    const int d = (int)get_group_id(0) / shares * LANES + (int)get_local_id(0);
    if (d >= vectors)
        return;
    for (int row = 0; row < rows; row++) {
        const uint of = number[row];
        if (of >= (uint)numbers || of % (uint)shares != share)
            continue;
        __global float *to = grad + (size_t)of * vectors * VEC;
        store_vec(load_vec(d, to) + load_vec(d, dy + (size_t)row * vectors * VEC), d, to);
    }
}
