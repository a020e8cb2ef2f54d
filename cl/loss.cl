/* SPDX-License-Identifier: MIT */
/*
 * Loss of each sample, its mean over E elements times its weight, and the gradient.
 * -D: KIND (0 MSE, 1 MAE, 2 Huber with its bend at 1, 3 binary cross-entropy of logits, 4 that of
 * logits y against logits x of a teacher), HEAT (the temperature T of 4), WEIGHT (there is
 * weight[B]), LANES.
 * y, x, dy [B, E]; value [B]. Samples beyond step->count have no loss and no gradient. A group of
 * micro-batches weighs its samples equally: dy = part d(loss of the sample)/dy / step->group, times
 * the scale of the gradients; `part` is the weight of this loss among others.
 * 4 (Hinton et al., 2015), with p = s(x / T) and q = s(y / T), s the sigmoid:
 *   T^2 (p ln (p / q) + (1 - p) ln ((1 - p) / (1 - q))), its slope T (q - p).
 */
#include "common.h"

#ifndef KIND
#define KIND 0
#endif
#ifndef WEIGHT
#define WEIGHT 0
#endif
#ifndef HEAT
#define HEAT 1.0f
#endif

#if KIND == 4
/* -p ln s(u) - (1 - p) ln(1 - s(u)) */
static inline float against(float u, float p)
{
    return fmax(u, 0.0f) - p * u + log1p(exp(-fabs(u)));
}

static inline float sigmoid(float u)
{
    const float small = exp(-fabs(u));
    return (u >= 0.0f ? 1.0f : small) / (1.0f + small);
}
#endif

static inline void loss_of_sample(__global const float *restrict y,
                                  __global const float *restrict x, __global float *restrict value,
                                  const float own,
                                  __global float *restrict dy, /* NULL: no gradient */
                                  __global const struct step *restrict step, const int elems,
                                  const float part, __local float *room)
{
    const int lane = (int)get_local_id(0);
    const uint b = (uint)get_group_id(0);
    const int counts = b < step->count;
    const size_t at = (size_t)b * elems;
    float sum = 0, lost = 0; /* compensated: E may be large */
    const float share =
        counts ? own * part / ((float)elems * (float)step->group) * loss_scale(step) : 0.0f;
    for (int e = lane; e < elems; e += LANES) {
#if KIND == 3 /* -x ln s(y) - (1 - x) ln(1 - s(y)) = max(y, 0) - x y + ln(1 + exp(-|y|)) */
        const float u = y[at + e], small = exp(-fabs(u));
        const float term = fmax(u, 0.0f) - x[at + e] * u + log1p(small);
        const float slope = (u >= 0.0f ? 1.0f : small) / (1.0f + small) - x[at + e];
#elif KIND == 4
        const float u = y[at + e] / HEAT, v = x[at + e] / HEAT, p = sigmoid(v);
        const float term = HEAT * HEAT * (against(u, p) - against(v, p));
        const float slope = HEAT * (sigmoid(u) - p);
#else
        const float r = y[at + e] - x[at + e];
#if KIND == 0
        const float term = r * r, slope = 2.0f * r;
#elif KIND == 1
        const float term = fabs(r), slope = r == 0.0f ? 0.0f : copysign(1.0f, r);
#else
        const float term = fabs(r) <= 1.0f ? 0.5f * r * r : fabs(r) - 0.5f;
        const float slope = r > 1.0f ? 1.0f : r < -1.0f ? -1.0f : r;
#endif
#endif
        const float add = term - lost, next = sum + add;
        lost = (next - sum) - add;
        sum = next;
        if (dy)
            dy[at + e] = counts ? slope * share : 0.0f;
    }
    sum = group_sum(sum, room);
    if (lane == 0)
        value[b] = counts ? own * (sum / elems) : 0.0f;
}

#if WEIGHT
#define OWN weight[get_group_id(0)]
#else
#define OWN 1.0f
#endif

/* Of an evaluation, without the gradient. */
__kernel void sample_loss(__global const float *restrict y, __global const float *restrict x,
                          __global float *restrict value,
                          OPTIONAL(WEIGHT, __global const float *restrict weight)
                              __global const struct step *restrict step,
                          const int elems, const float part)
{
    __local float room[LANES];
    loss_of_sample(y, x, value, OWN, 0, step, elems, part, room);
}

__kernel void sample_loss_grad(__global const float *restrict y, __global const float *restrict x,
                               __global float *restrict value,
                               OPTIONAL(WEIGHT, __global const float *restrict weight)
                                   __global float *restrict dy,
                               __global const struct step *restrict step, const int elems,
                               const float part)
{
    __local float room[LANES];
    loss_of_sample(y, x, value, OWN, dy, step, elems, part, room);
}
