/* SPDX-License-Identifier: MIT */
/*
 * The rows of a sample made one, y[d] = sum over t of p_t x[t, d]:
 *   KIND 0: p is 1 for the last row; for the last `reverse` columns for the first row;
 *   KIND 1: p = 1 / T;
 *   KIND 2: p = softmax over t of (w . x_t + bias).
 * x [B, T, columns], y [B, columns], p [B, T]. A work-group takes a sample, in the backward pass
 * `parts` of them, of which KIND 2 has one; their teams, of which KIND 2 has one, take turns with
 * the rows.
 * -D: KIND, LANES, TEAMS, VEC (divides columns and reverse).
 */
#include "common.h"

#ifndef KIND
#define KIND 0
#endif

#if KIND == 2
#define SCORED 1
#else
#define SCORED 0
#endif

__kernel void pool_fwd(__global const stored *restrict x,
                       OPTIONAL(SCORED, __global const float *restrict w)
                       OPTIONAL(SCORED, __global const float *restrict bias)
                       OPTIONAL(SCORED, __global float *restrict p)
                       __global stored *restrict y, const int window, const int columns,
                       const int reverse)
{
    const int lane = team_lane(), b = (int)get_group_id(0);
    x += (size_t)b * window * columns;
#if SCORED
    __local float room[LANES];
    float most = -INFINITY, sum = 0;
    p += (size_t)b * window;
    for (int t = lane; t < window; t += LANES) {
        vec score = (vec)(0.0f);
        for (int d = 0; d < columns / VEC; d++)
            score = fma(get_vec(d, x + (size_t)t * columns), load_vec(d, w), score);
        p[t] = vsum(score) + bias[0];
        most = fmax(most, p[t]);
    }
    most = group_max(most, room);
    for (int t = lane; t < window; t += LANES) {
        p[t] = exp(p[t] - most);
        sum += p[t];
    }
    sum = group_sum(sum, room);
    for (int t = lane; t < window; t += LANES)
        p[t] /= sum;
    group_barrier(CLK_GLOBAL_MEM_FENCE);
#endif
#if KIND == 1 && TEAMS > 1
    __local float sums[TEAMS * LANES * VEC];
    const int team = (int)get_local_id(0) / LANES;
    for (int block = 0; block < (columns / VEC + LANES - 1) / LANES; block++) {
        const int d = block * LANES + lane;
        vec part = (vec)(0.0f);
        for (int t = team; t < window && d < columns / VEC; t += TEAMS)
            part += get_vec(d, x + (size_t)t * columns);
        part = sum_teams(part, sums);
        if (!team && d < columns / VEC)
            put_vec(part / (float)window, d, y + (size_t)b * columns);
    }
#else
    for (int d = (int)get_local_id(0); d < columns / VEC; d += LANES * TEAMS) {
#if KIND == 0
        const int t = d * VEC < columns - reverse ? window - 1 : 0;
        vec total = get_vec(d, x + (size_t)t * columns);
#elif KIND == 1
        vec total = (vec)(0.0f);
        for (int t = 0; t < window; t++)
            total += get_vec(d, x + (size_t)t * columns);
        total /= (float)window;
#else
        vec total = (vec)(0.0f);
        for (int t = 0; t < window; t++)
            total = fma((vec)(p[t]), get_vec(d, x + (size_t)t * columns), total);
#endif
        put_vec(total, d, y + (size_t)b * columns);
    }
#endif
}

/*
 * dx (added to if `add`) = p_t dy + ds_t w. For KIND 2 the gradient of the score is
 *   ds_t = p_t (dy . x_t - sum over u of p_u dy . x_u), [B, T].
 */
__kernel void pool_bwd(__global const stored *restrict dy,
                       OPTIONAL(SCORED, __global const stored *restrict x)
                       OPTIONAL(SCORED, __global const float *restrict w)
                       OPTIONAL(SCORED, __global const float *restrict p)
                       OPTIONAL(SCORED, __global float *restrict ds)
                       __global stored *restrict dx, const int window, const int columns,
                       const int reverse, const int add, const int parts)
{
    const int lane = team_lane(), b = (int)get_group_id(0) / parts;
    const int team = team_id() % (parts * TEAMS);
    const size_t first = (size_t)b * window * columns;
    dy += (size_t)b * columns;
    dx += first;
#if SCORED
    __local float room[LANES];
    float mean = 0;
    p += (size_t)b * window;
    ds += (size_t)b * window;
    for (int t = lane; t < window; t += LANES) {
        vec score = (vec)(0.0f);
        for (int d = 0; d < columns / VEC; d++)
            score = fma(get_vec(d, x + first + (size_t)t * columns), get_vec(d, dy), score);
        ds[t] = vsum(score);
        mean = fma(p[t], ds[t], mean);
    }
    mean = group_sum(mean, room);
    for (int t = lane; t < window; t += LANES)
        ds[t] = p[t] * (ds[t] - mean);
    group_barrier(CLK_GLOBAL_MEM_FENCE);
#endif
    for (int d = lane; d < columns / VEC; d += LANES) {
        const vec g = get_vec(d, dy);
        for (int t = team; t < window; t += parts * TEAMS) {
            __global stored *to = dx + (size_t)t * columns;
#if KIND == 0
            vec part = t == (d * VEC < columns - reverse ? window - 1 : 0) ? g : (vec)(0.0f);
#elif KIND == 1
            vec part = g / (float)window;
#else
            vec part = fma((vec)(p[t]), g, ds[t] * load_vec(d, w));
#endif
            if (add)
                part += get_vec(d, to);
            put_vec(part, d, to);
        }
    }
}
