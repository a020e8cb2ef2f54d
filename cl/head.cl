/* SPDX-License-Identifier: MIT */
/*
 * The loss of a head: cross-entropy of logits against the number of the right class, as
 * cross_entropy.cl has it, for some rows of a batch at a time. Logits become their gradient where
 * they lie. -D: V (classes), GRAD, SMOOTH (smoothing is not 0), VEC, LANES; VEC is 1 unless LANES
 * is.
 *
 * logits [rows, V] of the rows from `first` on; target [B, T]; share [B] = 1 / rows of the sample
 * whose target is a class, 0 where none is and in samples beyond step->count; loss [B, T]; value
 * [B].
 */
#include "common.h"

#ifndef V
#define V 65
#endif
#ifndef GRAD
#define GRAD 1
#endif
#ifndef SMOOTH
#define SMOOTH 0
#endif

#define N (V / VEC)
#define TAIL (V % VEC) /* elements behind the last whole vector, which one that ends there has */

__kernel void head_share(__global const uint *restrict target, __global float *restrict share,
                         __global const struct step *restrict step, const int rows)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const uint b = (uint)get_group_id(0);
    int counted = 0;
    for (int row = lane; row < rows; row += LANES)
        counted += target[(size_t)b * rows + row] < (uint)V;
    const float all = group_sum((float)counted, room);
    if (lane == 0)
        share[b] = b < step->count && all > 0.0f ? 1.0f / all : 0.0f;
}

/* x where the elements behind the last whole vector stand, else 0 */
static inline vec tail_only(vec x)
{
#if TAIL
    return PICK(convert_ivec(iota()) >= VEC - TAIL, x, (vec)(0.0f));
#else
    return x;
#endif
}

/* e^(u - most), in place where GRAD; *sum of them, *all of u - most, of a lane. */
static inline vec exps(__global float *restrict u, int lane, float most, vec tail, vec *sum,
                       vec *all)
{
    for (int d = lane; d < N; d += LANES) {
        const vec x = load_vec(d, u) - most, e = exp_vec(x);
        *sum += e;
        *all += x;
#if GRAD
        store_vec(e, d, u);
#endif
    }
    const vec e = exp_vec(tail - most);
#if TAIL
    *sum += tail_only(e);
    *all += tail_only(tail - most);
#if GRAD
    store_vec(e, 0, u + V - VEC);
#endif
#endif
    return e;
}

/* u = factor u - wish, or 0; at the target also - right. */
static inline void gradient(__global float *restrict u, int lane, int is, uint of, vec tail,
                            float factor, float wish, float right)
{
    for (int d = lane; d < N; d += LANES)
        store_vec(is ? load_vec(d, u) * factor - wish : (vec)(0.0f), d, u);
#if TAIL
    store_vec(is ? tail * factor - wish : (vec)(0.0f), 0, u + V - VEC);
#endif
    if (is && lane == (int)(of % LANES))
        u[of] -= right;
}

__kernel void head_rows(__global float *restrict logits, __global const uint *restrict target,
                        __global const float *restrict share, __global float *restrict loss,
                        __global const struct step *restrict step, const int first, const int rows,
                        const int period, const int chunk, const float smoothing)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        __global float *u = logits + (size_t)row * V;
        const uint of = target[first + row];
        const int is = of < (uint)V;
        vec most = (vec)(-INFINITY), sum = (vec)(0.0f), all = (vec)(0.0f), tail = (vec)(0.0f);
        for (int d = lane; d < N; d += LANES) {
            const vec x = load_vec(d, u);
            most = PICK(x > most, x, most);
        }
#if TAIL
        tail = load_vec(0, u + V - VEC);
        most = PICK(tail > most, tail, most);
#endif
        /* read by the work-item that writes it: barriers of local memory order no other */
        const int owner = is ? (int)(of % LANES) : 0;
        const float at = is && lane == owner ? u[of] : 0.0f;
        const float top = group_max(vmax(most), room);
        tail = exps(u, lane, top, tail, &sum, &all);
        const float total = group_sum(vsum(sum), room);
        float mean = 0;
#if SMOOTH
        mean = group_sum(vsum(all), room) / V;
#endif
        if (lane == owner)
            loss[first + row] =
                is ? log(total) - (1.0f - smoothing) * (at - top) - smoothing * mean : 0.0f;
#if GRAD
        const float weight = share[(first + row) / period] * loss_scale(step) / (float)step->group;
        gradient(u, lane, is, of, tail, weight / total, weight * smoothing / V,
                 weight * (1.0f - smoothing));
#endif
    }
}

/* The mean of a sample's losses. */
__kernel void head_value(__global const float *restrict loss, __global const float *restrict share,
                         __global float *restrict value, const int rows)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const size_t b = get_group_id(0);
    float total = 0, lost = 0; /* compensated: there may be many rows */
    for (int row = lane; row < rows; row += LANES) {
        const float add = loss[b * rows + row] - lost, next = total + add;
        lost = (next - total) - add;
        total = next;
    }
    total = group_sum(total, room);
    if (lane == 0)
        value[b] = total * share[b];
}
