/* SPDX-License-Identifier: MIT */
/*
 * Small work on rows: side by side, and the features of I/Q signals. A team takes the rows of its
 * chunk. -D: LANES, TEAMS.
 */
#include "common.h"

/* y[row] = a[row], b[row]; of widths `columns` and `more` */
__kernel void join_fwd(__global const stored *restrict a, __global const stored *restrict b,
                       __global stored *restrict y, const int columns, const int more,
                       const int rows, const int chunk)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++)
        for (int d = team_lane(); d < columns + more; d += LANES)
            put(d < columns ? get((size_t)row * columns + d, a)
                            : get((size_t)row * more + d - columns, b),
                (size_t)row * (columns + more) + d, y);
}

/* dx[row] (added to if `add`) = the `columns` of dy [rows, width] from `first` on */
__kernel void join_bwd(__global const stored *restrict dy, __global stored *restrict dx,
                       const int columns, const int width, const int first, const int rows,
                       const int chunk, const int add)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++)
        for (int d = team_lane(); d < columns; d += LANES) {
            const size_t at = (size_t)row * columns + d;
            put(get((size_t)row * width + first + d, dy) + (add ? get(at, dx) : 0), at, dx);
        }
}

/* to[to_row + row] = from[from_row + row] */
__kernel void copy_rows(__global const stored *restrict from, __global stored *restrict to,
                        const int columns, const int from_row, const int to_row, const int rows,
                        const int chunk)
{
    const int begin = team_id() * chunk, end = min(begin + chunk, rows);
    for (int row = begin; row < end; row++)
        for (int d = team_lane(); d < columns; d += LANES)
            put(get((size_t)(from_row + row) * columns + d, from),
                (size_t)(to_row + row) * columns + d, to);
}

/* The gradient of columns taken out: dx[row, first + d] = dy[row, d], and 0 beside them; `add`: dx
 * is added to. dy [rows, columns], dx [rows, width] */
__kernel void slice_bwd(__global const stored *restrict dy, __global stored *restrict dx,
                        const int columns, const int width, const int first, const int rows,
                        const int chunk, const int add)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++)
        for (int d = team_lane(); d < width; d += LANES) {
            const size_t at = (size_t)row * width + d;
            const int inside = d >= first && d < first + columns;
            const float u = inside ? get((size_t)row * columns + d - first, dy) : 0;
            put(u + (add ? get(at, dx) : 0), at, dx);
        }
}

/* y[n, j, i] = x[n, i, j] of matrices x [a, b], added to y if `add`. A row is y's, [n, j]. */
__kernel void transpose_rows(__global const stored *restrict x, __global stored *restrict y,
                             const int a, const int b, const int rows, const int chunk,
                             const int add)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++)
        for (int i = team_lane(); i < a; i += LANES) {
            const size_t at = (size_t)row * a + i;
            const float u = get(((size_t)(row / b) * a + i) * b + row % b, x);
            put(u + (add ? get(at, y) : 0), at, y);
        }
}

/* y[row] = I, Q, |x|, |x|^3, Q / |x|, I / |x|; the last two are 0 where |x| is 0 */
__kernel void iq_features(__global const float *restrict x, __global float *restrict y,
                          const int rows, const int chunk)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from + team_lane(); row < to; row += LANES) {
        const float i = x[2 * (size_t)row], q = x[2 * (size_t)row + 1], size = sqrt(i * i + q * q);
        const float divisor = size == 0 ? 1 : size;
        __global float *to_row = y + 6 * (size_t)row;
        to_row[0] = i;
        to_row[1] = q;
        to_row[2] = size;
        to_row[3] = size * size * size;
        to_row[4] = q / divisor;
        to_row[5] = i / divisor;
    }
}
