/* SPDX-License-Identifier: MIT */
/*
 * Recurrent layers, step by step, units in the elements of vectors. The cells are in cell.h.
 *
 * gates [B T, GATES H] holds x (without b_ih) at first, then the gates, and after the backward pass
 * the gradients of the shares x; each kernel works in place. extra [B T, H] is c of an LSTM, a_n of
 * a GRU. y [B T, DIRS H]: the forward direction's states, then those of the backward one, which
 * walks from the window's last row to its first.
 *
 * -D: CELL, H, DIRS, LANES, VEC; S: sequences that a work-group walks side by side through all
 * rows, so that each weight it loads serves S of them; 0 where a step is a product and the kernels
 * recurrent_step_*. CARRY: a walk begins with the state that the one before ended with, carried
 * [B, 2, H] = h and, of an LSTM, c.
 */
#include "cell.h"

#ifndef H
#define H 64
#endif
#ifndef DIRS
#define DIRS 1
#endif
#ifndef S
#define S 1
#endif
#ifndef CARRY
#define CARRY 0
#endif

#define BLOCKS ((H + VEC - 1) / VEC)
#if CELL == 0 && CARRY
#define CARRY_C 1
#else
#define CARRY_C 0
#endif

/* First of the units in vector v. Where VEC does not divide H, the last vector begins at H - VEC
 * and overlaps the one before it, whose results it leaves as they are. */
static inline int unit_of(int v)
{
    return min(v * VEC, H - VEC);
}

static inline vec fresh(vec x, int v, vec old)
{
#if H % VEC
    return PICK(iota() >= (uvec)(v * VEC - unit_of(v)), x, old);
#else
    return x;
#endif
}
#define PUT(x, v, p) store_vec(fresh(x, v, load_vec(0, (p) + unit_of(v))), 0, (p) + unit_of(v))
#define PUT_STORED(x, v, p) put_vec(fresh(x, v, get_vec(0, (p) + unit_of(v))), 0, (p) + unit_of(v))
#define PUT_EXTRA(x, v, p) \
    put_extra(fresh(x, v, get_extra(0, (p) + unit_of(v))), 0, (p) + unit_of(v))

/* The biases' part of a; of a GRU's n only b_hh, since r multiplies it. */
static inline void cell_bias(vec a[GATES], __global const float *b_ih, __global const float *b_hh,
                             int u)
{
#pragma unroll
    for (int g = 0; g < GATES; g++) {
        a[g] = load_vec(0, b_hh + g * H + u);
        if (CELL != 1 || g != 2)
            a[g] += load_vec(0, b_ih + g * H + u);
    }
}

/* One row's step forward for the units of vector v. `before`: from a row to the one walked before
 * it, in rows; 0 at the first, where c is `c_first`. Returns h. */
static inline vec step_fwd(int v, size_t row, int before, const vec a[GATES], vec h, vec c_first,
                           __global stored *gates, __global const float *b_ih,
                           __global extra_type *extra, __global stored *y)
{
    const int u = unit_of(v);
    vec x[GATES], e = c_first;
    gates += row * GATES * H;
#pragma unroll
    for (int g = 0; g < GATES; g++)
        x[g] = get_vec(0, gates + g * H + u);
#if CELL == 0
    if (before)
        e = get_extra(0, extra + (row + before) * H + u);
#elif CELL == 1
    x[2] += load_vec(0, b_ih + 2 * H + u);
#endif
    h = cell_fwd(x, a, h, &e);
#pragma unroll
    for (int g = 0; g < GATES; g++)
        PUT_STORED(x[g], v, gates + g * H);
#if CELL != 2
    PUT_EXTRA(e, v, extra + row * H);
#endif
    PUT_STORED(h, v, y + row * DIRS * H);
    return h;
}

/* The same backward. x receives the gradients of the shares a; the return value is cell_bwd()'s. */
static inline vec step_bwd(int v, size_t row, int before, vec x[GATES], vec dh, vec *dc,
                           __global stored *gates, __global const extra_type *extra,
                           __global const stored *y, __global stored *h_before, __global stored *da)
{
    const int u = unit_of(v);
    vec e = (vec)(0.0f), c = (vec)(0.0f), h = (vec)(0.0f), da_n = (vec)(0.0f);
    gates += row * GATES * H;
#pragma unroll
    for (int g = 0; g < GATES; g++)
        x[g] = get_vec(0, gates + g * H + u);
    if (before)
        h = get_vec(0, y + (row + before) * DIRS * H + u);
#if CELL != 2
    e = get_extra(0, extra + row * H + u);
#endif
#if CELL == 0
    if (before)
        c = get_extra(0, extra + (row + before) * H + u);
#endif
    const vec direct = cell_bwd(x, dh, h, e, c, dc, &da_n);
    put_vec(h, 0, h_before + row * H + u);
#pragma unroll
    for (int g = 0; g < GATES; g++)
        PUT_STORED(x[g], v, gates + g * H);
#if CELL == 1
    x[2] = da_n;
    da += row * GATES * H;
#pragma unroll
    for (int g = 0; g < GATES; g++)
        PUT_STORED(x[g], v, da + g * H);
#endif
    return direct;
}

#if S
/* Gates whose sums are made side by side: on a CPU two of an LSTM's, so that the sums of eight
 * sequences stay in registers. */
#define SIDE (LANES == 1 && CELL == 0 ? 2 : GATES)

#if LANES == 1
/* The numbers of w [GATES H, H] in the order in which a walk reads them, to[BLOCKS, GATES / SIDE,
 * H, SIDE, VEC]: one behind the other, so that none waits for the address of its page. A work-group
 * takes a block. */
#define WEIGHTS(v, g, k) ((((size_t)(v)*GATES + (g)) * H + (k)*SIDE) * VEC)
__kernel void recurrent_order(__global const float *restrict w, __global float *restrict to)
{
    const int v = (int)get_group_id(0), u = unit_of(v);
    for (int g = 0; g < GATES; g++)
        for (int e = 0; e < VEC; e++)
            for (int k = 0; k < H; k++)
                to[WEIGHTS(v, g / SIDE * SIDE, k) + g % SIDE * VEC + e] =
                    w[(size_t)(g * H + u + e) * H + k];
}
#define LOAD_WEIGHTS(v, g0, g, k, wt) load_vec(g, wt + WEIGHTS(v, g0, k))
#else
/* to[H, GATES H] = w^T; a work-group takes 16 rows of w [GATES H, H]. */
__kernel void recurrent_order(__global const float *restrict w, __global float *restrict to)
{
    const int from = (int)get_group_id(0) * 16, until = min(from + 16, GATES * H);
    for (int k = (int)get_local_id(0); k < H; k += LANES)
        for (int j = from; j < until; j++)
            to[(size_t)k * GATES * H + j] = w[(size_t)j * H + k];
}
#define LOAD_WEIGHTS(v, g0, g, k, wt) \
    load_vec(0, wt + (size_t)(k)*GATES * H + ((g0) + (g)) * H + unit_of(v))
#endif

/* Pointers of a direction; a kernel of two has those of each. */
#if DIRS == 2
#define OF_DIRECTIONS(operands) operands(0), operands(1)
#define PICK_DIRECTION(type, p) __global type *restrict p = backward ? p##1 : p##0
#else
#define OF_DIRECTIONS(operands) operands(0)
#define PICK_DIRECTION(type, p) __global type *restrict p = p##0
#endif

/* wt: W_hh as recurrent_order() leaves it. */
#define OPERANDS(n)                                                                     \
    __global stored *restrict gates##n, __global const float *restrict wt##n,           \
        __global const float *restrict b_ih##n, __global const float *restrict b_hh##n, \
        __global extra_type *restrict extra##n
__kernel void recurrent_fwd(OF_DIRECTIONS(OPERANDS), __global stored *restrict y,
                            __global float *restrict carried, const int batch, const int window)
{
    __local float state[2 * S * H]; /* h of this step and of the next, in turn */
    const int lane = (int)get_local_id(0), backward = (int)get_group_id(0) % DIRS;
    const int first = (int)get_group_id(0) / DIRS * S, count = min(S, batch - first);
    PICK_DIRECTION(stored, gates);
    PICK_DIRECTION(const float, wt);
    PICK_DIRECTION(const float, b_ih);
    PICK_DIRECTION(const float, b_hh);
    PICK_DIRECTION(extra_type, extra);
    for (int i = lane; i < 2 * S * H; i += LANES)
        state[i] = 0;
    carried += (size_t)first * 2 * H;
#if CARRY
    for (int i = lane; i < count * H; i += LANES)
        state[i] = carried[i / H * 2 * H + i % H];
#endif
    for (int t = 0; t < window; t++) {
        const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
        __local const float *h = state + t % 2 * S * H;
        __local float *next = state + (t + 1) % 2 * S * H;
        group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
        for (int v = lane; v < BLOCKS; v += LANES) {
            const int u = unit_of(v);
            vec a[S][GATES], bias[GATES];
            cell_bias(bias, b_ih, b_hh, u);
#pragma unroll
            for (int g0 = 0; g0 < GATES; g0 += SIDE) {
                vec sum[S][SIDE];
#pragma unroll
                for (int s = 0; s < S; s++)
#pragma unroll
                    for (int g = 0; g < SIDE; g++)
                        sum[s][g] = bias[g0 + g];
                for (int k = 0; k < H; k++) {
                    vec w[SIDE];
#pragma unroll
                    for (int g = 0; g < SIDE; g++)
                        w[g] = LOAD_WEIGHTS(v, g0, g, k, wt);
#pragma unroll
                    for (int s = 0; s < S; s++)
#pragma unroll
                        for (int g = 0; g < SIDE; g++)
                            sum[s][g] = fma((vec)(h[s * H + k]), w[g], sum[s][g]);
                }
                /* a copy, so that the sums stay in registers although a loop picks its sequence */
#pragma unroll
                for (int s = 0; s < S; s++)
#pragma unroll
                    for (int g = 0; g < SIDE; g++)
                        a[s][g0 + g] = sum[s][g];
            }
            for (int s = 0; s < count; s++) {
                const vec c_first =
                    CARRY_C ? load_vec(0, carried + (s * 2 + 1) * H + u) : (vec)(0.0f);
                const vec to = step_fwd(v, (size_t)(first + s) * window + at, before, a[s],
                                        load_vec(0, h + s * H + u), c_first, gates, b_ih, extra,
                                        y + backward * H);
                PUT(to, v, next + s * H);
            }
        }
    }
#if CARRY
    group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    for (int i = lane; i < count * H; i += LANES) {
        carried[i / H * 2 * H + i % H] = state[window % 2 * S * H + i];
#if CARRY_C
        carried[(i / H * 2 + 1) * H + i % H] =
            extra[((size_t)(first + i / H) * window + window - 1) * H + i % H];
#endif
    }
#endif
}

/* Sums of the product with W_hh go to TILES vectors at a time, that a loaded gradient serves more.
 */
#define TILES (BLOCKS > 1 && LANES == 1 ? 2 : 1)

/* h_before [B T, H]: the state that each step began with; da [B T, GATES H] (GRU): gradients of the
 * shares a, which for the others are those of x. */
#define BACK_OPERANDS(n)                                                                     \
    __global stored *restrict gates##n, __global const float *restrict w##n,                 \
        __global const extra_type *restrict extra##n, __global stored *restrict h_before##n, \
        __global stored *restrict da##n
__kernel void recurrent_bwd(OF_DIRECTIONS(BACK_OPERANDS), __global const stored *restrict dy,
                            __global const stored *restrict y, const int batch, const int window)
{
    __local float grad[S * GATES * H], carry[S * H]; /* of a; of h, from the step after */
    __local float more[S * H]; /* LSTM: of c, from the step after; GRU: past W_hh */
    const int lane = (int)get_local_id(0), backward = (int)get_group_id(0) % DIRS;
    const int first = (int)get_group_id(0) / DIRS * S, count = min(S, batch - first);
    PICK_DIRECTION(stored, gates);
    PICK_DIRECTION(const float, w);
    PICK_DIRECTION(const extra_type, extra);
    PICK_DIRECTION(stored, h_before);
    PICK_DIRECTION(stored, da);
    for (int i = lane; i < S * GATES * H; i += LANES)
        grad[i] = 0;
    for (int i = lane; i < S * H; i += LANES)
        carry[i] = more[i] = 0;
    for (int t = window - 1; t >= 0; t--) {
        const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
        group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
        for (int v = lane; v < BLOCKS; v += LANES) {
            const int u = unit_of(v);
            for (int s = 0; s < count; s++) {
                const size_t row = (size_t)(first + s) * window + at;
                vec x[GATES], dc = load_vec(0, more + s * H + u);
                const vec dh = get_vec(0, dy + row * DIRS * H + backward * H + u) +
                               load_vec(0, carry + s * H + u);
                const vec direct = step_bwd(v, row, before, x, dh, &dc, gates, extra,
                                            y + backward * H, h_before, da);
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    PUT(x[g], v, grad + (s * GATES + g) * H);
#if CELL == 0
                PUT(dc, v, more + s * H);
#elif CELL == 1
                PUT(direct, v, more + s * H);
#endif
            }
        }
        group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
        const int blocks = t ? BLOCKS : 0; /* the first step has none before it */
        for (int v = lane * TILES; v < blocks; v += LANES * TILES) {
            vec sum[S][TILES];
            int u[TILES];
#pragma unroll
            for (int i = 0; i < TILES; i++) {
                u[i] = unit_of(v + i);
#pragma unroll
                for (int s = 0; s < S; s++)
                    sum[s][i] = CELL == 1 ? load_vec(0, more + s * H + u[i]) : (vec)(0.0f);
            }
            for (int j = 0; j < GATES * H; j++)
#pragma unroll
                for (int i = 0; i < TILES; i++) {
                    const vec wj = load_vec(0, w + (size_t)j * H + u[i]);
#pragma unroll
                    for (int s = 0; s < S; s++)
                        sum[s][i] = fma((vec)(grad[s * GATES * H + j]), wj, sum[s][i]);
                }
#pragma unroll
            for (int i = 0; i < TILES; i++)
#pragma unroll
                for (int s = 0; s < S; s++)
                    store_vec(sum[s][i], 0, carry + s * H + u[i]);
        }
    }
}
#else

/* Row `at` of each sequence, a work-group each. product [B, GATES H] = h W_hh^T (nothing at the
 * first step without CARRY), h [B, H] the state; carried [B, H] (CARRY): c. */
__kernel void recurrent_step_fwd(__global stored *restrict gates,
                                 __global const float *restrict b_ih,
                                 __global const float *restrict b_hh,
                                 __global extra_type *restrict extra, __global stored *restrict y,
                                 __global const float *restrict product, __global float *restrict h,
                                 __global float *restrict carried, const int window, const int at,
                                 const int before, const int column)
{
    const int b = (int)get_group_id(0);
    for (int v = (int)get_local_id(0); v < BLOCKS; v += LANES) {
        const int u = unit_of(v);
        vec a[GATES], state = (vec)(0.0f), c_first = state;
        cell_bias(a, b_ih, b_hh, u);
        if (before || CARRY) {
            state = load_vec(0, h + (size_t)b * H + u);
#pragma unroll
            for (int g = 0; g < GATES; g++)
                a[g] += load_vec(0, product + ((size_t)b * GATES + g) * H + u);
        }
        if (CARRY_C)
            c_first = load_vec(0, carried + (size_t)b * H + u);
        const size_t row = (size_t)b * window + at;
        state = step_fwd(v, row, before, a, state, c_first, gates, b_ih, extra, y + column);
        PUT(state, v, h + (size_t)b * H);
        if (CARRY_C)
            PUT(get_extra(0, extra + row * H + u), v, carried + (size_t)b * H);
    }
}

/* The same backward. carry [B, H]: the gradient of h from the step after (`last`: there is none),
 * then what goes past W_hh; the product grad W_hh, grad [B, GATES H], is added to it. dc [B, H]
 * (LSTM). */
__kernel void recurrent_step_bwd(__global stored *restrict gates,
                                 __global const extra_type *restrict extra,
                                 __global stored *restrict h_before, __global stored *restrict da,
                                 __global const stored *restrict dy,
                                 __global const stored *restrict y, __global float *restrict grad,
                                 __global float *restrict carry, __global float *restrict dc,
                                 const int window, const int at, const int before, const int column,
                                 const int last)
{
    const int b = (int)get_group_id(0);
    const size_t row = (size_t)b * window + at;
    for (int v = (int)get_local_id(0); v < BLOCKS; v += LANES) {
        const int u = unit_of(v);
        vec x[GATES], d = (vec)(0.0f), dh = get_vec(0, dy + row * DIRS * H + column + u);
        if (!last) {
            dh += load_vec(0, carry + (size_t)b * H + u);
            if (CELL == 0)
                d = load_vec(0, dc + (size_t)b * H + u);
        }
        const vec direct =
            step_bwd(v, row, before, x, dh, &d, gates, extra, y + column, h_before, da);
#pragma unroll
        for (int g = 0; g < GATES; g++)
            PUT(x[g], v, grad + ((size_t)b * GATES + g) * H);
        PUT(direct, v, carry + (size_t)b * H);
        if (CELL == 0)
            PUT(d, v, dc + (size_t)b * H);
    }
}
#endif
