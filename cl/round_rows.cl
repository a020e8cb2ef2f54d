/* SPDX-License-Identifier: MIT */
/*
 * Each row of x to numbers of a symmetric fixed-point format of its own (src/fixed/fixed.h):
 *
 *   y = q / 2^bits     q = x 2^bits, to the nearest integer, halves to even
 *
 * with as many bits behind the point, -15 to 20, as keep |q| within LARGEST, which is below
 * 2^(TOP + 1). Rows that hold infinities stay as they are. x, y [rows, columns]; -D: LANES
 * (work-items share a row), TOP. A work-group takes the rows of its chunk.
 */
#include "common.h"

#ifndef TOP
#define TOP 6
#endif

#define LARGEST (float)((2 << TOP) - 1)

__kernel void round_rows(__global const float *restrict x, __global float *restrict y,
                         const int columns, const int rows, const int chunk)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        __global const float *u = x + (size_t)row * columns;
        __global float *v = y + (size_t)row * columns;
        float most = 0;
        for (int d = lane; d < columns; d += LANES)
            most = fmax(most, fabs(u[d]));
        most = group_max(most, room);
        int bits = most > 0 && isfinite(most) ? TOP - ilogb(most) : 15;
        if (ldexp(most, bits) > LARGEST)
            bits--;
        bits = clamp(bits, -15, 20);
        for (int d = lane; d < columns; d += LANES) {
            const float q = rint(ldexp(u[d], bits)); /* NaN stays */
            const float cut = q > LARGEST ? LARGEST : q < -LARGEST ? -LARGEST : q;
            v[d] = isfinite(most) ? ldexp(cut, -bits) : u[d];
        }
    }
}
