/* SPDX-License-Identifier: MIT */
/*
 * SGD with momentum as torch.optim.SGD has it, dampening 0:
 *   g' = g + weight_decay p,  b = momentum b + g',  p -= lr b,
 * with Nesterov's momentum (Sutskever et al. 2013) p -= lr (g' + momentum b). -D: VEC, LANES.
 */
#include "common.h"

/* The first `decayed` vectors decay. Gradients are zeroed for the next step. */
__kernel void sgd(__global float *restrict p, __global float *restrict g,
                  __global float *restrict momentum_buffer,
                  __global const struct metrics *restrict metrics,
                  __global const struct step *restrict step, const int vectors, const int chunk,
                  const int decayed, const float weight_decay, const float momentum,
                  const int nesterov)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    const float scale = metrics->scale;
    for (int v = from + (int)get_local_id(0); v < to; v += LANES) {
        if (scale != 0.0f) {
            const vec w = load_vec(v, p);
            vec grad = load_vec(v, g) * scale;
            if (v < decayed)
                grad = fma((vec)(weight_decay), w, grad);
            const vec b = fma((vec)(momentum), load_vec(v, momentum_buffer), grad);
            store_vec(b, v, momentum_buffer);
            store_vec(w - step->lr * (nesterov ? fma((vec)(momentum), b, grad) : b), v, p);
        }
        store_vec((vec)(0.0f), v, g);
    }
}
