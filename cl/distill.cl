/* SPDX-License-Identifier: MIT */
/*
 * What a model of classes learns of a target and of a teacher (Hinton et al., "Distilling the
 * knowledge in a neural network", 2015). Of a row with logits u, the teacher's v, and target c,
 * with q = softmax(u / T) and p = softmax(v / T):
 *   hard = ln sum exp u - u[c],   soft = T^2 sum p ln (p / q),
 *   du = share ((1 - w) (softmax(u) - [c]) + w T (q - p)).
 * A row whose target is no class has no loss. -D: V (classes), GRAD, LANES.
 *
 * u, v, du [rows, V]; target, hard, soft [rows]; share [B] = 1 / rows of the sample whose target is
 * a class, 0 where none is and in samples beyond step->count (head.cl), a sample is `period` rows.
 * A work-group takes `chunk` rows. The mean of a sample's losses is made by head.cl.
 */
#include "common.h"

#ifndef V
#define V 65
#endif
#ifndef GRAD
#define GRAD 1
#endif

static inline float most_of(__global const float *restrict u, int lane, __local float *room)
{
    float most = -INFINITY;
    for (int k = lane; k < V; k += LANES)
        most = fmax(most, u[k]);
    return group_max(most, room);
}

__kernel void
distill_rows(__global const float *restrict logits, __global const float *restrict taught,
             __global const uint *restrict target, __global const float *restrict share,
             __global float *restrict hard, __global float *restrict soft,
             OPTIONAL(GRAD, __global float *restrict grad)
                 __global const struct step *restrict step,
             const int rows, const int period, const int chunk, const float heat, const float w)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        __global const float *u = logits + (size_t)row * V, *v = taught + (size_t)row * V;
        const uint of = target[row];
        const int is = of < (uint)V;
        const float top = most_of(u, lane, room), top_v = most_of(v, lane, room);
        float one = 0, q = 0, p = 0, apart = 0;
        for (int k = lane; k < V; k += LANES) {
            const float a = (u[k] - top) / heat, b = (v[k] - top_v) / heat, e = exp(b);
            one += exp(u[k] - top);
            q += exp(a);
            p += e;
            apart += e * (b - a);
        }
        one = group_sum(one, room);
        q = group_sum(q, room);
        p = group_sum(p, room);
        apart = group_sum(apart, room);
        if (lane == 0) {
            hard[row] = is ? log(one) - (u[of] - top) : 0.0f;
            soft[row] = is ? heat * heat * (apart / p + log(q) - log(p)) : 0.0f;
        }
#if GRAD
        const float weight =
            is ? share[row / period] * loss_scale(step) / (float)step->group : 0.0f;
        for (int k = lane; k < V; k += LANES) {
            const float right = exp(u[k] - top) / one - ((uint)k == of ? 1.0f : 0.0f);
            const float like = exp((u[k] - top) / heat) / q - exp((v[k] - top_v) / heat) / p;
            grad[(size_t)row * V + k] = weight * ((1.0f - w) * right + w * heat * like);
        }
#endif
    }
}
