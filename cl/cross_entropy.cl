/* SPDX-License-Identifier: MIT */
/*
 * Cross-entropy of logits against the number of the right class, with label
 * smoothing (Szegedy et al., 2016): of a row u with target c, s = `smoothing`,
 *   loss = ln sum exp u - (1 - s) u[c] - s mean u.
 * A sample's loss is the mean over its rows whose target is a class; 0 where
 * none is. -D: LANES. logits, their gradient [B, rows, classes]; target [B,
 * rows]; value [B]. Samples beyond step->count have no loss and no gradient. A
 * work-group takes a sample.
 */
#include "common.h"

static inline void cross_entropy_of(__global const float *restrict logits,
                                    __global const uint *restrict target,
                                    __global float *restrict value,
                                    __global float *restrict grad, /* NULL: none */
                                    __global const struct step *restrict step, const int rows,
                                    const int classes, const float smoothing, __local float *room)
{
    const int lane = (int)get_local_id(0);
    const uint b = (uint)get_group_id(0);
    const int counts = b < step->count;
    int counted = 0;
    float total = 0, lost = 0; /* compensated: there may be many rows */
    for (int row = 0; row < rows; row++)
        counted += target[(size_t)b * rows + row] < (uint)classes;
    const float share =
        counts && counted ? loss_scale(step) / ((float)counted * (float)step->group) : 0.0f;
    for (int row = 0; row < rows; row++) {
        const uint of = target[(size_t)b * rows + row];
        const int is = of < (uint)classes;
        const size_t at = ((size_t)b * rows + row) * classes;
        float most = -INFINITY, sum = 0, all = 0;
        for (int k = lane; k < classes; k += LANES)
            most = fmax(most, logits[at + k]);
        most = group_max(most, room);
        for (int k = lane; k < classes; k += LANES) {
            sum += exp(logits[at + k] - most);
            all += logits[at + k] - most;
        }
        sum = group_sum(sum, room);
        all = group_sum(all, room);
        const float right = is ? logits[at + of] - most : 0.0f;
        const float loss =
            is ? log(sum) - (1.0f - smoothing) * right - smoothing * (all / (float)classes) : 0.0f;
        const float add = loss - lost, next = total + add;
        lost = (next - total) - add;
        total = next;
        for (int k = lane; grad && k < classes; k += LANES) {
            const float wish =
                smoothing / (float)classes + ((uint)k == of ? 1.0f - smoothing : 0.0f);
            grad[at + k] = is ? share * (exp(logits[at + k] - most) / sum - wish) : 0.0f;
        }
    }
    if (lane == 0)
        value[b] = counts && counted ? total / (float)counted : 0.0f;
}

__kernel void cross_entropy(__global const float *restrict logits,
                            __global const uint *restrict target, __global float *restrict value,
                            __global const struct step *restrict step, const int rows,
                            const int classes, const float smoothing)
{
    __local float room[LANES];
    cross_entropy_of(logits, target, value, 0, step, rows, classes, smoothing, room);
}

__kernel void cross_entropy_grad(__global const float *restrict logits,
                                 __global const uint *restrict target,
                                 __global float *restrict value, __global float *restrict grad,
                                 __global const struct step *restrict step, const int rows,
                                 const int classes, const float smoothing)
{
    __local float room[LANES];
    cross_entropy_of(logits, target, value, grad, step, rows, classes, smoothing, room);
}
