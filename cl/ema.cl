/* SPDX-License-Identifier: MIT */
/*
 * The moving average of the weights, as torch.optim.swa_utils.get_ema_multi_avg_fn(decay) has it:
 *   average += (1 - decay) (p - average);
 * it begins with the weights behind the first step. Running statistics, which stand behind the
 * trained parameters, are those of now. -D: VEC, LANES.
 */
#include "common.h"

/* Vectors [0, trained) of `vectors` are averaged. rest = 1 - decay. A step that is not finite moves
 * nothing. */
__kernel void ema(__global const float *restrict p, __global float *restrict average,
                  __global const struct metrics *restrict metrics,
                  __global const struct step *restrict step, const int vectors, const int chunk,
                  const int trained, const float rest)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    const int begins = step->number == 1, moves = metrics->scale != 0.0f;
    for (int v = from + (int)get_local_id(0); v < to; v += LANES) {
        const vec x = load_vec(v, p);
        if (v >= trained || begins) {
            store_vec(x, v, average);
        } else if (moves) {
            const vec a = load_vec(v, average);
            store_vec(fma((vec)(rest), x - a, a), v, average);
        }
    }
}
