/* SPDX-License-Identifier: MIT */
/*
 * The figures of a step, whatever its loss, and the update, over the parameter arena at once and
 * without the host: the gradient's global norm in two passes of fixed order, then the clip factor
 * and the finite flag, then AdamW. -D: VEC, LANES.
 */
#include "common.h"

/* The sum of n numbers, by the work-items of the group. */
static inline float sum_of(__global const float *restrict x, const int n, __local float *room)
{
    float sum = 0, lost = 0;
    for (int i = (int)get_local_id(0); i < n; i += LANES) {
        const float add = x[i] - lost, next = sum + add;
        lost = (next - sum) - add;
        sum = next;
    }
    return group_sum(sum, room);
}

/* A term's mean and its sum over n samples. value is [B] where by_sample, else [1]. */
static inline float2 term_of(__global const float *restrict value, const int there,
                             const int by_sample, const uint n, __local float *room)
{
    const float all = sum_of(value, there && by_sample ? (int)n : 0, room);
    if (!there)
        return (float2)(0.0f, 0.0f);
    if (!by_sample)
        return (float2)(value[0], value[0] * n);
    return (float2)(all / n, all);
}

#define TERM_OF(k)                                                                        \
    const float2 of##k = term_of(value##k, there >> k & 1, by_sample >> k & 1, n, room);  \
    loss += weight##k * of##k.x;
#define TERM_ADD(k) add_compensated(metrics->term[k], of##k.y);

/*
 * The micro-batch's figures: loss = sum of weight * mean over the terms, added with the terms to
 * the epoch's sums with their number of samples, unless the loss is not finite. Bit k of there: the
 * loss has term k, else any buffer stands in its place; of by_sample: its value is [B]. One
 * work-group.
 */
__kernel void
loss_sum(__global const float *restrict value0, __global const float *restrict value1,
         __global const float *restrict value2, __global const float *restrict value3,
         __global const float *restrict value4, __global const float *restrict value5,
         __global const float *restrict value6, __global const float *restrict value7,
         __global struct metrics *restrict metrics, __global const struct step *restrict step,
         const int there, const int by_sample, const float weight0, const float weight1,
         const float weight2, const float weight3, const float weight4, const float weight5,
         const float weight6, const float weight7)
{
    __local float room[LANES];
    const uint n = step->count;
    float loss = 0;
    TERM_OF(0) TERM_OF(1) TERM_OF(2) TERM_OF(3) TERM_OF(4) TERM_OF(5) TERM_OF(6) TERM_OF(7)
    if (get_local_id(0))
        return;
    metrics->last_loss = loss;
    if (!isfinite(loss)) { /* the step is refused, and its figures with it */
        metrics->bad_loss = 1;
        return;
    }
    TERM_ADD(0) TERM_ADD(1) TERM_ADD(2) TERM_ADD(3)
    TERM_ADD(4) TERM_ADD(5) TERM_ADD(6) TERM_ADD(7)
    add_compensated(metrics->loss, loss * n);
    add_compensated(metrics->samples, (float)n);
}

/* The scale of the gradients of this step. One work-item. */
__kernel void scale_step(__global const struct metrics *restrict metrics,
                         __global struct step *restrict step)
{
    step->log2_scale = metrics->log2_scale;
}

/*
 * Dynamic loss scaling (Micikevicius et al., "Mixed Precision Training", 2018; the numbers are
 * those of torch.amp.GradScaler): a gradient that is not finite halves the scale and leaves the
 * step out, SCALE_STEPS good ones double it. Returns whether the step is left out for that reason.
 */
static inline int scale_moves(__global struct metrics *metrics, const float norm)
{
    if (!isfinite(norm) && metrics->log2_scale > 0) {
        metrics->log2_scale--;
        metrics->good_steps = 0;
        metrics->overflows++;
        return 1;
    }
    metrics->good_steps = isfinite(norm) ? metrics->good_steps + 1 : 0;
    if (metrics->good_steps == SCALE_STEPS) {
        metrics->log2_scale = min(metrics->log2_scale + 1, (uint)SCALE_MOST);
        metrics->good_steps = 0;
    }
    return 0;
}

/* part[group] = sum of g^2 over the group's chunk of vectors */
__kernel void norm_parts(__global const float *restrict g, __global float *restrict part,
                         const int vectors, const int chunk)
{
    __local float room[LANES];
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    vec sum = (vec)(0.0f), lost = (vec)(0.0f);
    for (int v = from + (int)get_local_id(0); v < to; v += LANES) {
        const vec x = load_vec(v, g);
        const vec add = fma(x, x, -lost), next = sum + add;
        lost = (next - sum) - add;
        sum = next;
    }
    const float total = group_sum(vsum(sum), room);
    if (get_local_id(0) == 0)
        part[get_group_id(0)] = total;
}

/*
 * norm = sqrt(sum of parts); scale = min(1, clip / (norm + 1e-6)) as
 * torch.nn.utils.clip_grad_norm_. A loss or norm that is not finite gives scale 0: the update
 * leaves everything as it is. Unless such steps are to be skipped, the latch then holds all later
 * updates back as well. The gradients are divided by their scale. One work-group.
 */
__kernel void norm_finish(__global const float *restrict part,
                          __global struct metrics *restrict metrics,
                          __global const struct step *restrict step, const int parts)
{
    __local float room[LANES];
    const float sum = sum_of(part, parts, room);
    if (get_local_id(0))
        return;
    const float shrink = 1.0f / loss_scale(step), norm = sqrt(sum) * shrink;
    const int good = isfinite(norm) && metrics->bad_loss == 0.0f;
    metrics->last_norm = norm;
    if (step->scales && metrics->bad_loss == 0.0f && scale_moves(metrics, norm)) {
        metrics->scale = 0.0f;
        return;
    }
    if (!good) {
        metrics->bad++;
        if (metrics->bad_first == 0) {
            metrics->bad_first = step->number;
            metrics->bad_norm = norm;
            metrics->bad_value = metrics->last_loss;
        }
        if (!step->skip)
            metrics->latched = 1;
    } else if (!metrics->latched) {
        add_compensated(metrics->norm_sum, norm);
        metrics->norm_max = fmax(metrics->norm_max, norm);
        metrics->steps++;
    }
    metrics->bad_loss = 0;
    const float clip = step->clip_norm;
    metrics->scale = !good || metrics->latched ? 0.0f
                     : clip > 0.0f             ? fmin(1.0f, clip / (norm + 1e-6f)) * shrink
                                               : shrink;
}

/*
 * AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019), the order of
 * operations as in torch.optim.AdamW; the first `decayed` vectors decay. Gradients are zeroed for
 * the next step. rest = 1 - beta, which the host has in more digits. update: lr * weight_decay,
 * 1 - beta1^t, sqrt(1 - beta2^t).
 */
__kernel void adamw(__global float *restrict p, __global float *restrict g,
                    __global float *restrict exp_avg, __global float *restrict exp_avg_sq,
                    __global const struct metrics *restrict metrics,
                    __global const struct step *restrict step, const int vectors, const int chunk,
                    const int decayed, const float beta1, const float rest1, const float beta2,
                    const float rest2, const float epsilon)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    const float scale = metrics->scale, decay = step->update[0];
    const float correction1 = step->update[1], correction2 = step->update[2];
    for (int v = from + (int)get_local_id(0); v < to; v += LANES) {
        if (scale != 0.0f) {
            const vec grad = load_vec(v, g) * scale;
            const vec m = fma((vec)(beta1), load_vec(v, exp_avg), rest1 * grad);
            const vec s = fma((vec)(beta2), load_vec(v, exp_avg_sq), rest2 * grad * grad);
            store_vec(m, v, exp_avg);
            store_vec(s, v, exp_avg_sq);
            vec w = load_vec(v, p);
            if (v < decayed)
                w -= decay * w;
            w -= step->lr / correction1 * m / (sqrt(s) / correction2 + epsilon);
            store_vec(w, v, p);
        }
        store_vec((vec)(0.0f), v, g);
    }
}
