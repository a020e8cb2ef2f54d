/* SPDX-License-Identifier: MIT */
/*
 * Activations that several kernels have, and their slopes:
 *   GELU     u Phi(u)
 *   tanh     u s(2 k (u + 0.044715 u^3)), k = sqrt(2 / pi), which is u (1 + tanh(k ..)) / 2
 *   SiLU     u s(u)
 * with s(u) = 1 / (1 + e^-u).
 */
#include "common.h"

static inline vec act_sigmoid(vec u)
{
    return 1.0f / (1.0f + exp_vec(-u));
}

static inline vec gelu(vec u)
{
    return 0.5f * u * (1.0f + erf_vec(u * 0.70710678f));
}

static inline vec gelu_slope(vec u)
{
    /* Phi(u) + u phi(u) */
    return 0.5f + 0.5f * erf_vec(u * 0.70710678f) + u * 0.39894228f * exp_vec(-0.5f * u * u);
}

static inline vec gelu_tanh(vec u)
{
    return u * act_sigmoid(u * (1.59576912f + 0.0713548163f * u * u));
}

static inline vec gelu_tanh_slope(vec u)
{
    /* beyond 16 it is 0 or 1, and squares of u stay finite */
    u = PICK(u < -16.0f, (vec)(-16.0f), u);
    u = PICK(u > 16.0f, (vec)(16.0f), u);
    const vec s = act_sigmoid(u * (1.59576912f + 0.0713548163f * u * u));
    return s + u * s * (1.0f - s) * (1.59576912f + 0.214064449f * u * u);
}

static inline vec silu(vec u)
{
    return u * act_sigmoid(u);
}

static inline vec silu_slope(vec u)
{
    const vec s = act_sigmoid(u);
    return s * (1.0f + u * (1.0f - s));
}
