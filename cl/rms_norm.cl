/* SPDX-License-Identifier: MIT */
/*
 * y = x r gamma, r = 1 / sqrt(mean of the row's squares + eps): RMSNorm of Zhang and Sennrich
 * (2019). x, y [rows, D]; scale [rows] = r. A team, of TEAMS of a group, takes the rows of its
 * chunk. -D: D, LANES, TEAMS, VEC, KEEP (scale is written), EPS_BITS (of 1e-5f).
 */
#include "common.h"

#ifndef D
#define D 64
#endif
#ifndef KEEP
#define KEEP 1
#endif

#define N (D / VEC)
#define PER_LANE ((N + LANES - 1) / LANES)
#ifdef EPS_BITS
#define EPS as_float(EPS_BITS)
#else
#define EPS 1e-5f
#endif

__kernel void rms_norm_fwd(__global const stored *restrict x, __global const float *restrict gamma,
                           __global stored *restrict y,
                           OPTIONAL(KEEP, __global float *restrict scale) const int rows,
                           const int chunk)
{
    __local float room[LANES * TEAMS];
    const int lane = team_lane();
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    EACH_ROW
    {
        const size_t at = (size_t)row * D;
        const int n = THERE ? N : 0;
        vec value[PER_LANE], square = (vec)(0.0f);
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
            value[i] = get_vec(d, x + at);
            square = fma(value[i], value[i], square);
        }
        const float r = 1.0f / sqrt(group_sum(vsum(square), room) / D + EPS);
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
            put_vec(value[i] * r * load_vec(d, gamma), d, y + at);
        }
#if KEEP
        if (lane == 0 && THERE)
            scale[row] = r;
#endif
    }
}

/*
 * With g = dy gamma and h = x r, dx = r (g - h mean(g h)), added to what is there if `add`.
 * part[group, D]: sums of dy h over the rows of the group's chunks, for gamma.
 */
__kernel void rms_norm_bwd(__global const stored *restrict dy, __global const stored *restrict x,
                           __global const float *restrict scale,
                           __global const float *restrict gamma, __global float *restrict part,
                           __global stored *restrict dx, const int rows, const int chunk,
                           const int add)
{
#if TEAMS == 1
    __local float room[LANES];
#else
    __local float room[LANES * TEAMS * VEC];
#endif
    const int lane = team_lane();
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    vec dgamma[PER_LANE];
    for (int i = 0; i < PER_LANE; i++)
        dgamma[i] = (vec)(0.0f);
    EACH_ROW
    {
        const size_t at = (size_t)row * D;
        const int n = THERE ? N : 0;
        const float r = THERE ? scale[row] : 0;
        vec g[PER_LANE], h[PER_LANE], sum = (vec)(0.0f);
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
            g[i] = get_vec(d, dy + at);
            h[i] = get_vec(d, x + at) * r;
            dgamma[i] = fma(g[i], h[i], dgamma[i]);
            g[i] *= load_vec(d, gamma);
            sum = fma(g[i], h[i], sum);
        }
        const float mean = group_sum(vsum(sum), room) / D;
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
            const vec u = r * (g[i] - h[i] * mean);
            put_vec(add ? get_vec(d, dx + at) + u : u, d, dx + at);
        }
    }
#if TEAMS > 1 /* PER_LANE is 1 */
    dgamma[0] = sum_teams(dgamma[0], room);
#endif
    for (int i = 0; i < PER_LANE; i++) {
        const int d = (int)get_local_id(0) + i * LANES;
        if (d < N)
            store_vec(dgamma[i], d, part + (size_t)get_group_id(0) * D);
    }
}
