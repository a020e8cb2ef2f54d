/* SPDX-License-Identifier: MIT */
/*
 * y = softmax(x) over the columns, exp(x - max) / sum. -D: LANES (work-items
 * share a row). x, y [rows, columns]. A work-group takes the rows of its chunk.
 */
#include "common.h"

__kernel void softmax_fwd(__global const float *restrict x, __global float *restrict y,
                          const int columns, const int rows, const int chunk)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        __global const float *u = x + (size_t)row * columns;
        __global float *v = y + (size_t)row * columns;
        float most = -INFINITY, sum = 0;
        for (int d = lane; d < columns; d += LANES)
            most = fmax(most, u[d]);
        most = group_max(most, room);
        for (int d = lane; d < columns; d += LANES)
            sum += exp(u[d] - most);
        sum = group_sum(sum, room);
        for (int d = lane; d < columns; d += LANES)
            v[d] = exp(u[d] - most) / sum;
    }
}

/* dx = y (dy - sum of dy y), added to dx if `add` */
__kernel void softmax_bwd(__global const float *restrict dy, __global const float *restrict y,
                          __global float *restrict dx, const int columns, const int rows,
                          const int chunk, const int add)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const size_t at = (size_t)row * columns;
        float dot = 0;
        for (int d = lane; d < columns; d += LANES)
            dot = fma(dy[at + d], y[at + d], dot);
        dot = group_sum(dot, room);
        for (int d = lane; d < columns; d += LANES)
            dx[at + d] = y[at + d] * (dy[at + d] - dot) + (add ? dx[at + d] : 0.0f);
    }
}
