/* SPDX-License-Identifier: MIT */
/*
 * The tail of a linear layer, y = dropout(act(u)), of vectors, and its slope. Kernels of their own
 * (bias.cl) and products (gemm.h) have it.
 * -D: ACT (0 none, 1 ReLU, 2 exact GELU, 3 randomised leaky ReLU, 4 the same in evaluation, 5 SiLU,
 * 6 GELU by tanh), DROP.
 *
 * Randomised leaky ReLU (Xu et al., 2015): u < 0 is multiplied by a slope that is uniform in [1/8,
 * 1/3], drawn from the bits that dropout would have for the element; in evaluation by the mean of
 * both.
 */
#include "act.h"

#ifndef ACT
#define ACT 0
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
