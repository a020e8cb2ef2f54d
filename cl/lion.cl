/* SPDX-License-Identifier: MIT */
/*
 * Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2):
 *   c = beta1 m + (1 - beta1) g,  p -= lr (sign(c) + weight_decay p),  m = beta2 m + (1 - beta2) g.
 * -D: VEC, LANES.
 */
#include "common.h"

/* The first `decayed` vectors decay. Gradients are zeroed for the next step. rest = 1 - beta, which
 * the host has in more digits. update: lr * weight_decay. */
__kernel void lion(__global float *restrict p, __global float *restrict g,
                   __global float *restrict exp_avg,
                   __global const struct metrics *restrict metrics,
                   __global const struct step *restrict step, const int vectors, const int chunk,
                   const int decayed, const float beta1, const float rest1, const float beta2,
                   const float rest2)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    const float scale = metrics->scale, decay = step->update[0];
    for (int v = from + (int)get_local_id(0); v < to; v += LANES) {
        if (scale != 0.0f) {
            const vec grad = load_vec(v, g) * scale, m = load_vec(v, exp_avg);
            const vec direction = sign(fma((vec)(beta1), m, rest1 * grad));
            store_vec(fma((vec)(beta2), m, rest2 * grad), v, exp_avg);
            vec w = load_vec(v, p);
            if (v < decayed)
                w -= decay * w;
            store_vec(w - step->lr * direction, v, p);
        }
        store_vec((vec)(0.0f), v, g);
    }
}
