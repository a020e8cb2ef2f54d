/* SPDX-License-Identifier: MIT */
/*
 * y = dropout(act(x + bias + position)), the tail of a linear layer.
 * -D: D (columns), ACT (0 none, 1 ReLU, 2 exact GELU, 3 randomised leaky ReLU, 4 the same in
 * evaluation, 5 SiLU, 6 GELU by tanh), BIAS, POS (add position[row % period]), DROP, LANES, TEAMS,
 * VEC. x, y [rows, D]; bias [D]; position [period, D]. A team takes the rows of its chunk.
 *
 * Randomised leaky ReLU (Xu et al., 2015): u < 0 is multiplied by a slope that is uniform in [1/8,
 * 1/3], drawn from the bits that dropout would have for the element; in evaluation by the mean of
 * both.
 */
#include "act.h"

#ifndef D
#define D 64
#endif
#ifndef ACT
#define ACT 0
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef POS
#define POS 0
#endif
#ifndef DROP
#define DROP 0
#endif

#define LOWER 0.125f
#define UPPER (1.0f / 3.0f)
#define DRAWS (DROP || ACT == 3)

/* What to multiply with for u < 0 */
static inline vec leak(__private struct dropout *draw, uint e)
{
#if ACT == 3
    return LOWER + (UPPER - LOWER) * (convert_vec(dropout_bits(draw, e)) + 0.5f) * (1.0f / 65536);
#else
    return (vec)(0.5f * (LOWER + UPPER));
#endif
}

static inline vec act(vec u, __private struct dropout *draw, uint e)
{
#if ACT == 1
    return PICK(u < 0.0f, (vec)(0.0f), u); /* not fmax: NaN must stay NaN */
#elif ACT == 2
    return gelu(u);
#elif ACT == 3 || ACT == 4
    return PICK(u < 0.0f, u * leak(draw, e), u);
#elif ACT == 5
    return silu(u);
#elif ACT == 6
    return gelu_tanh(u);
#else
    return u;
#endif
}

static inline vec act_slope(vec u, __private struct dropout *draw, uint e)
{
#if ACT == 1
    return PICK(u > 0.0f, (vec)(1.0f), (vec)(0.0f));
#elif ACT == 2
    return gelu_slope(u);
#elif ACT == 3 || ACT == 4
    return PICK(u > 0.0f, (vec)(1.0f), leak(draw, e));
#elif ACT == 5
    return silu_slope(u);
#elif ACT == 6
    return gelu_tanh_slope(u);
#else
    return (vec)(1.0f);
#endif
}

__kernel void bias_fwd(__global const stored *restrict x,
                       OPTIONAL(BIAS, __global const float *restrict bias)
                       OPTIONAL(POS, __global const float *restrict position)
                       __global stored *restrict y, __global const uint *restrict sample,
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
                       OPTIONAL(BIAS, __global const float *restrict bias)
                       __global stored *dx, __global const uint *restrict sample,
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
