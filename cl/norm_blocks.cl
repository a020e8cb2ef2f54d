/* SPDX-License-Identifier: MIT */
/*
 * norm_parts() of optimizer.cl where the gradients lie in several buffers, one launch for each: a
 * chunk that goes on in the next buffer leaves its sums for that launch, so that all sums have the
 * bits that they have in one buffer. -D: VEC, LANES.
 */
#include "common.h"

/* This buffer holds the vectors [first, end) of `vectors`. in, out [LANES, 2, VEC]: the sums of the
 * chunk that began in the buffer before, of that which goes on in the next one. */
__kernel void norm_parts_block(__global const float *restrict g, __global float *restrict part,
                               __global const float *restrict in, __global float *restrict out,
                               const int first, const int end, const int vectors, const int chunk)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0), group = first / chunk + (int)get_group_id(0);
    const int from = group * chunk, to = min(from + chunk, vectors);
    vec sum = (vec)(0.0f), lost = (vec)(0.0f);
    int v = from + lane;
    if (from < first) {
        sum = load_vec(2 * lane, in);
        lost = load_vec(2 * lane + 1, in);
        if (v < first)
            v += (first - v + LANES - 1) / LANES * LANES;
    }
    for (; v < min(to, end); v += LANES) {
        const vec x = load_vec(v - first, g);
        const vec add = fma(x, x, -lost), next = sum + add;
        lost = (next - sum) - add;
        sum = next;
    }
    if (to > end) {
        store_vec(sum, 2 * lane, out);
        store_vec(lost, 2 * lane + 1, out);
    }
    const float total = group_sum(vsum(sum), room);
    if (lane == 0 && to <= end)
        part[group] = total;
}
