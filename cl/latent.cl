/* SPDX-License-Identifier: MIT */
/*
 * A row on the unit sphere. -D: D (columns), BIAS, LANES (work-items share a row).
 */
#include "common.h"

#ifndef D
#define D 32
#endif
#ifndef BIAS
#define BIAS 0
#endif

#define EPS 1e-12f

/* z = u / max(|u|, eps), u = x + bias (BIAS) or x. Work-groups take one row each. */
__kernel void latent_fwd(__global const float *restrict x, __global const float *restrict bias,
                         __global float *restrict z, __global float *restrict norm)
{
    __local float room[LANES];
    const size_t row = get_group_id(0);
    const int lane = (int)get_local_id(0);
    float square = 0;
    for (int d = lane; d < D; d += LANES) {
        const float u = x[row * D + d] + (BIAS ? bias[d] : 0.0f);
        square = fma(u, u, square);
    }
    const float length = fmax(sqrt(group_sum(square, room)), EPS);
    for (int d = lane; d < D; d += LANES)
        z[row * D + d] = (x[row * D + d] + (BIAS ? bias[d] : 0.0f)) / length;
    if (lane == 0)
        norm[row] = length;
}

/* du = (dz - z (z dz)) / |u| */
__kernel void latent_bwd(__global const float *restrict dz, __global const float *restrict z,
                         __global const float *restrict norm, __global float *restrict dx)
{
    __local float room[LANES];
    const size_t row = get_group_id(0);
    const int lane = (int)get_local_id(0);
    float dot = 0;
    for (int d = lane; d < D; d += LANES)
        dot = fma(z[row * D + d], dz[row * D + d], dot);
    dot = group_sum(dot, room);
    for (int d = lane; d < D; d += LANES)
        dx[row * D + d] = (dz[row * D + d] - z[row * D + d] * dot) / norm[row];
}
