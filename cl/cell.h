/* SPDX-License-Identifier: MIT */
/*
 * Cells of recurrent layers, for the kernels that walk with them: equations and order of gates as
 * PyTorch's. With the input's share x = W_ih input + b_ih and the state's share a = W_hh h + b_hh,
 * s the sigmoid and * by element:
 *
 *   LSTM  i = s(x_i + a_i)  f = s(x_f + a_f)  g = tanh(x_g + a_g)  o = s(x_o + a_o)
 *         c = f * c + i * g  h = o * tanh(c)
 *   GRU   r = s(x_r + a_r)  z = s(x_z + a_z)  n = tanh(x_n + r * a_n)  h = (1 - z) * n + z * h
 *   RNN   h = tanh(x + a)
 *
 * "extra" is what a step leaves beside the gates: c of an LSTM, a_n of a GRU. c stays fp32 however
 * activations are stored, since it goes from step to step.
 * -D: CELL (0 LSTM, 1 GRU, 2 RNN), VEC.
 */
#include "common.h"

#ifndef CELL
#define CELL 0
#endif

#define GATES (CELL == 0 ? 4 : CELL == 1 ? 3 : 1)

#if CELL == 0
typedef float extra_type;
#define get_extra load_vec
#define put_extra store_vec
#else
typedef stored extra_type;
#define get_extra get_vec
#define put_extra put_vec
#endif

static inline vec sigmoid_vec(vec x)
{
    return 1.0f / (1.0f + exp_vec(-x));
}

/* To 2 ulp: a polynomial near 0 (as in Cephes' tanhf), else 1 - 2 / (e^2x + 1). */
static inline vec tanh_vec(vec x)
{
    const vec z = x * x;
    vec p = (vec)(-5.70498872745e-3f);
    p = fma(p, z, (vec)(2.06390887954e-2f));
    p = fma(p, z, (vec)(-5.37397155531e-2f));
    p = fma(p, z, (vec)(1.33314422036e-1f));
    p = fma(p, z, (vec)(-3.33332819422e-1f));
    return PICK(z < 0.390625f, fma(p * z, x, x), 1.0f - 2.0f / (exp_vec(2.0f * x) + 1.0f));
}

/* Returns h; makes the gates of x, and *extra: of an LSTM c of the step before, then of this one.
 */
static inline vec cell_fwd(vec x[GATES], const vec a[GATES], vec h, vec *extra)
{
#if CELL == 0
    x[0] = sigmoid_vec(x[0] + a[0]);
    x[1] = sigmoid_vec(x[1] + a[1]);
    x[2] = tanh_vec(x[2] + a[2]);
    x[3] = sigmoid_vec(x[3] + a[3]);
    *extra = fma(x[1], *extra, x[0] * x[2]);
    return x[3] * tanh_vec(*extra);
#elif CELL == 1
    x[0] = sigmoid_vec(x[0] + a[0]);
    x[1] = sigmoid_vec(x[1] + a[1]);
    x[2] = tanh_vec(fma(x[0], a[2], x[2]));
    *extra = a[2];
    return fma(x[1], h - x[2], x[2]);
#else
    x[0] = tanh_vec(x[0] + a[0]);
    return x[0];
#endif
}

/*
 * From dh and the gates in x: x becomes the gradients of the shares x; those of a are the same but
 * a GRU's of n, which *da_n receives. *dc: of an LSTM what c gets from the step after, then what it
 * passes on. Returns what h passes on to the step before without W_hh.
 */
static inline vec cell_bwd(vec x[GATES], vec dh, vec h_before, vec extra, vec c_before, vec *dc,
                           vec *da_n)
{
#if CELL == 0
    const vec i = x[0], f = x[1], g = x[2], o = x[3], tanh_c = tanh_vec(extra);
    const vec d = fma(dh * o, 1.0f - tanh_c * tanh_c, *dc);
    x[0] = d * g * i * (1.0f - i);
    x[1] = d * c_before * f * (1.0f - f);
    x[2] = d * i * (1.0f - g * g);
    x[3] = dh * tanh_c * o * (1.0f - o);
    *dc = d * f;
    return (vec)(0.0f);
#elif CELL == 1
    const vec r = x[0], z = x[1], n = x[2], dn = dh * (1.0f - z) * (1.0f - n * n);
    x[0] = dn * extra * r * (1.0f - r);
    x[1] = dh * (h_before - n) * z * (1.0f - z);
    x[2] = dn;
    *da_n = dn * r;
    return dh * z;
#else
    x[0] = dh * (1.0f - x[0] * x[0]);
    return (vec)(0.0f);
#endif
}
