/* SPDX-License-Identifier: MIT */
/*
 * y = dropout(act(x + bias + position)), the tail of a linear layer.
 * -D: D (columns), ACT, DROP (bias.h), BIAS, POS (add position[row % period]), LANES, TEAMS, VEC.
 * x, y [rows, D]; bias [D]; position [period, D]. A team takes the rows of its chunk.
 */
#include "bias.h"

#ifndef D
#define D 64
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef POS
#define POS 0
#endif

__kernel void bias_fwd(__global const stored *restrict x,
                       OPTIONAL(BIAS, __global const float *restrict bias)
                           OPTIONAL(POS, __global const float *restrict position)
                               __global stored *restrict y,
                       __global const uint *restrict sample,
                       __global const struct step *restrict step, const int rows, const int period,
                       const int chunk, const uint path, const uint threshold, const float scale)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, scale);
    for (int row = from; row < to; row++) {
        const int at = row % period;
        if (DRAWS && (at == 0 || row == from))
            dropout_sample(&drop, sample[row / period]);
        for (int d = team_lane(); d < D / VEC; d += LANES) {
            const uint e = (uint)at * D + (uint)d * VEC;
            vec u = get_vec(d, x + (size_t)row * D);
#if BIAS
            u += load_vec(d, bias);
#endif
#if POS
            u += load_vec(d, position + (size_t)at * D);
#endif
            u = act(u, &drop, e);
            if (DROP && threshold)
                u *= dropout_factor(&drop, e);
            put_vec(u, d, y + (size_t)row * D);
        }
    }
}

/* dx = dy * dropout * act'(x + bias); dx may be x */
__kernel void bias_bwd(__global const stored *restrict dy, __global const stored *x,
                       OPTIONAL(BIAS, __global const float *restrict bias) __global stored *dx,
                       __global const uint *restrict sample,
                       __global const struct step *restrict step, const int rows, const int period,
                       const int chunk, const uint path, const uint threshold, const float scale)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, scale);
    for (int row = from; row < to; row++) {
        const int at = row % period;
        if (DRAWS && (at == 0 || row == from))
            dropout_sample(&drop, sample[row / period]);
        for (int d = team_lane(); d < D / VEC; d += LANES) {
            const uint e = (uint)at * D + (uint)d * VEC;
            vec g = get_vec(d, dy + (size_t)row * D), u = get_vec(d, x + (size_t)row * D);
#if BIAS
            u += load_vec(d, bias);
#endif
            g *= act_slope(u, &drop, e);
            if (DROP && threshold)
                g *= dropout_factor(&drop, e);
            put_vec(g, d, dx + (size_t)row * D);
        }
    }
}
