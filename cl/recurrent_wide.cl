/* SPDX-License-Identifier: MIT */
/*
 * A small recurrent layer on a CPU: VEC sequences side by side, each in an element of the vectors,
 * so that no element is idle whatever H is, a weight is loaded once for all of them, and the
 * products with the input and the weights' gradients need no pass of their own. The cells are in
 * cell.h.
 *
 * trace [groups, T, TRACE, VEC], what a step of the walk leaves: the gates, c of an LSTM or a_n of
 * a GRU, the state it began with, its input. The backward pass puts the gradients of x in place of
 * the gates, and that of a_n in place of a_n. It is stored as activations are, but for c, which is
 * fp32. A kernel walks one direction, y [B T, DIRS H] as in recurrent.cl.
 *
 * -D: CELL, H, IN (columns of the input), DIRS, VEC.
 */
#include "cell.h"

#ifndef H
#define H 64
#endif
#ifndef IN
#define IN 8
#endif
#ifndef DIRS
#define DIRS 1
#endif

#define WITH_EXTRA (CELL == 2 ? 0 : H)
#define AT_STATE (GATES * H + WITH_EXTRA * (int)(sizeof(extra_type) / sizeof(stored)))
#define AT_INPUT (AT_STATE + H)
#define TRACE ((AT_INPUT + IN) | 1)   /* odd, so that steps do not share a set of a cache */
#define SIDE 2                        /* units at a time: a loaded state serves SIDE * GATES sums */
#define BLOCK (H <= 24 ? H : 16)      /* gradients of the state at a time */
#define BLOCK_IN (IN <= 24 ? IN : 16) /* of the input */
#define STEPS 8 /* of the walk, whose weights' gradients are added up at a time */

/* to[n] = rows of `count` sequences, the first of which is at p, the next `stride` floats on.
 * Sequences that are not there are 0. Rows come in vectors, the last of which may overlap the one
 * before. */
static inline void turn_in(vec *to, int n, __global const stored *p, size_t stride, int count)
{
    float *element = (float *)to;
    if (count == VEC && n >= VEC) {
        for (int from = 0; from < n; from += VEC) {
            const int i0 = min(from, n - VEC);
            vec a[VEC];
#pragma unroll
            for (int s = 0; s < VEC; s++)
                a[s] = get_vec(0, p + (size_t)s * stride + i0);
            transpose(a);
#pragma unroll
            for (int i = 0; i < VEC; i++)
                to[i0 + i] = a[i];
        }
        return;
    }
    for (int i = 0; i < n && count < VEC; i++)
        to[i] = (vec)(0.0f);
    for (int s = 0; s < count; s++)
        for (int i = 0; i < n; i++)
            element[i * VEC + s] = get((size_t)s * stride + i, p);
}

static inline void turn_out(const vec *from, int n, __global stored *p, size_t stride, int count)
{
    const float *element = (const float *)from;
    if (count == VEC && n >= VEC) {
        for (int first = 0; first < n; first += VEC) {
            const int i0 = min(first, n - VEC);
            vec a[VEC];
#pragma unroll
            for (int i = 0; i < VEC; i++)
                a[i] = from[i0 + i];
            transpose(a);
#pragma unroll
            for (int s = 0; s < VEC; s++)
                put_vec(a[s], 0, p + (size_t)s * stride + i0);
        }
        return;
    }
    for (int s = 0; s < count; s++)
        for (int i = 0; i < n; i++)
            put(element[i * VEC + s], (size_t)s * stride + i, p);
}

/* Where a step of the trace has c or a_n. */
static inline __global extra_type *extra_of(__global stored *at)
{
    return (__global extra_type *)(at + GATES * H * VEC);
}

/* keep: trace is written, for a backward pass; else it is not touched. */
__kernel void
recurrent_wide_fwd(__global const stored *restrict x, __global const float *restrict w_ih,
                   __global const float *restrict w_hh, __global const float *restrict b_ih,
                   __global const float *restrict b_hh, __global stored *restrict trace,
                   __global stored *restrict y, const int batch, const int window,
                   const int backward, const int column, const int keep)
{
    const int group = (int)get_group_id(0), first = group * VEC, count = min(VEC, batch - first);
    vec state[2][H], extra[2][H], in[IN]; /* state and extra: of this step and the next, in turn */
    for (int k = 0; k < H; k++)
        state[0][k] = extra[0][k] = (vec)(0.0f);
    for (int t = 0; t < window; t++) {
        const size_t row = (size_t)first * window + (backward ? window - 1 - t : t);
        const vec *h = state[t % 2], *e = extra[t % 2];
        vec *next = state[(t + 1) % 2], *e_next = extra[(t + 1) % 2];
        turn_in(in, IN, x + row * IN, (size_t)window * IN, count);
        __global stored *to = trace + (keep ? ((size_t)group * window + t) * TRACE * VEC : 0);
        for (int k = 0; k < H && keep; k++)
            put_vec(h[k], AT_STATE + k, to);
        for (int i = 0; i < IN && keep; i++)
            put_vec(in[i], AT_INPUT + i, to);
        for (int from = 0; from < H; from += SIDE) {
            const int u0 = min(from, H - min(SIDE, H)); /* the last units may come twice */
            vec a[SIDE][GATES], of_x[SIDE][GATES];
#pragma unroll
            for (int s = 0; s < SIDE; s++) {
                const int u = min(u0 + s, H - 1);
#pragma unroll
                for (int g = 0; g < GATES; g++) {
                    const int j = g * H + u, apart = CELL == 1 && g == 2;
                    a[s][g] = (vec)(b_hh[j] + (apart ? 0.0f : b_ih[j]));
                    of_x[s][g] = (vec)(apart ? b_ih[j] : 0.0f);
                }
            }
            for (int i = 0; i < IN; i++)
#pragma unroll
                for (int s = 0; s < SIDE; s++)
#pragma unroll
                    for (int g = 0; g < GATES; g++)
                        of_x[s][g] = fma((vec)(w_ih[(g * H + min(u0 + s, H - 1)) * IN + i]), in[i],
                                         of_x[s][g]);
            for (int k = 0; k < H; k++)
#pragma unroll
                for (int s = 0; s < SIDE; s++)
#pragma unroll
                    for (int g = 0; g < GATES; g++)
                        a[s][g] =
                            fma((vec)(w_hh[(g * H + min(u0 + s, H - 1)) * H + k]), h[k], a[s][g]);
#pragma unroll
            for (int s = 0; s < SIDE; s++) {
                const int u = min(u0 + s, H - 1);
                vec more = e[u];
                next[u] = cell_fwd(of_x[s], a[s], h[u], &more);
                e_next[u] = more;
                if (!keep)
                    continue;
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    put_vec(of_x[s][g], g * H + u, to);
                if (WITH_EXTRA)
                    put_extra(more, u, extra_of(to));
            }
        }
        turn_out(next, H, y + row * DIRS * H + column, (size_t)window * DIRS * H, count);
    }
}

/* sum[GATES, columns] += over `steps` steps of the trace: gates' gradients times its vectors from
 * `at` on, for the gates of unit u. `n`: where the trace has the gradient that goes with a GRU's n.
 */
static inline void outer(__global float *sum, __global const stored *trace, int steps, int columns,
                         int at, int u, int n)
{
    for (int from = 0; from < columns; from += 6) {
        vec d[GATES], acc[GATES][6];
#pragma unroll
        for (int g = 0; g < GATES; g++)
#pragma unroll
            for (int i = 0; i < 6; i++)
                acc[g][i] = (vec)(0.0f);
        for (int s = 0; s < steps; s++) {
            __global const stored *p = trace + (size_t)s * TRACE * VEC;
#pragma unroll
            for (int g = 0; g < GATES; g++)
                d[g] = get_vec(CELL == 1 && g == 2 ? n + u : g * H + u, p);
#pragma unroll
            for (int i = 0; i < 6; i++) {
                const vec v = get_vec(at + min(from + i, columns - 1), p);
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    acc[g][i] = fma(d[g], v, acc[g][i]);
            }
        }
#pragma unroll
        for (int i = 0; i < 6; i++)
            if (from + i < columns)
#pragma unroll
                for (int g = 0; g < GATES; g++) {
                    __global float *to = sum + ((size_t)(g * H + u) * columns + from + i) * VEC;
                    store_vec(load_vec(0, to) + acc[g][i], 0, to);
                }
    }
}

/*
 * part [groups, GATES H (H + IN + 2)]: the gradients of W_hh, W_ih, b_hh and b_ih, one behind the
 * other; sums: the same with a vector for each. dx [B T, IN] as add_dx says: 0 none, 1 written, 2
 * added to.
 */
__kernel void recurrent_wide_bwd(__global stored *restrict trace,
                                 __global const float *restrict w_ih,
                                 __global const float *restrict w_hh,
                                 __global const stored *restrict dy, __global float *restrict sums,
                                 __global float *restrict part, __global stored *restrict dx,
                                 const int batch, const int window, const int backward,
                                 const int column, const int add_dx)
{
    const int group = (int)get_group_id(0), first = group * VEC, count = min(VEC, batch - first);
    const int n = CELL == 1 ? GATES * H : 2 * H, all = GATES * H * (H + IN + 2);
    __global float *s_hh = sums + (size_t)group * all * VEC, *s_ih = s_hh + GATES * H * H * VEC;
    __global float *s_bias = s_ih + GATES * H * IN * VEC;
    vec carry[H], past[H], dh[H]; /* gradients of h from the step after; past W_hh, or of c; of h */
    for (int i = 0; i < all; i++)
        store_vec((vec)(0.0f), i, s_hh);
    for (int k = 0; k < H; k++)
        carry[k] = past[k] = (vec)(0.0f);
    for (int t = window - 1; t >= 0; t--) {
        const size_t row = (size_t)first * window + (backward ? window - 1 - t : t);
        __global stored *at = trace + ((size_t)group * window + t) * TRACE * VEC;
        turn_in(dh, H, dy + row * DIRS * H + column, (size_t)window * DIRS * H, count);
        for (int u = 0; u < H; u++) {
            vec g[GATES], da_n = (vec)(0.0f), e = da_n, c = da_n;
#pragma unroll
            for (int i = 0; i < GATES; i++)
                g[i] = get_vec(i * H + u, at);
            if (WITH_EXTRA)
                e = get_extra(u, extra_of(at));
            if (CELL == 0 && t)
                c = get_extra(u, extra_of(at - TRACE * VEC));
            const vec direct =
                cell_bwd(g, dh[u] + carry[u], get_vec(AT_STATE + u, at), e, c, past + u, &da_n);
#pragma unroll
            for (int i = 0; i < GATES; i++)
                put_vec(g[i], i * H + u, at);
            if (CELL == 1)
                put_vec(da_n, n + u, at);
            carry[u] = direct;
        }
        for (int from = 0; from < H && t; from += BLOCK) {
            const int k0 = min(from, H - BLOCK);
            vec acc[BLOCK];
#pragma unroll
            for (int k = 0; k < BLOCK; k++)
                acc[k] = k0 + k >= from ? carry[k0 + k] : (vec)(0.0f);
            for (int g = 0; g < GATES; g++)
                for (int u = 0; u < H; u++) {
                    const vec d = get_vec(CELL == 1 && g == 2 ? n + u : g * H + u, at);
                    __global const float *w = w_hh + (g * H + u) * H + k0;
#pragma unroll
                    for (int k = 0; k < BLOCK; k++)
                        acc[k] = fma((vec)(w[k]), d, acc[k]);
                }
#pragma unroll
            for (int k = 0; k < BLOCK; k++)
                if (k0 + k >= from)
                    carry[k0 + k] = acc[k];
        }
        if (add_dx) {
            vec d_in[IN];
            if (add_dx == 2)
                turn_in(d_in, IN, dx + row * IN, (size_t)window * IN, count);
            for (int i = 0; i < IN && add_dx == 1; i++)
                d_in[i] = (vec)(0.0f);
            for (int from = 0; from < IN; from += BLOCK_IN) {
                const int i0 = min(from, IN - BLOCK_IN);
                vec acc[BLOCK_IN];
#pragma unroll
                for (int i = 0; i < BLOCK_IN; i++)
                    acc[i] = d_in[i0 + i];
                for (int j = 0; j < GATES * H; j++) {
                    const vec d = get_vec(j, at);
                    __global const float *w = w_ih + j * IN + i0;
#pragma unroll
                    for (int i = 0; i < BLOCK_IN; i++)
                        acc[i] = fma((vec)(w[i]), d, acc[i]);
                }
#pragma unroll
                for (int i = 0; i < BLOCK_IN; i++)
                    if (i0 + i >= from)
                        d_in[i0 + i] = acc[i];
            }
            turn_out(d_in, IN, dx + row * IN, (size_t)window * IN, count);
        }
        if (t % STEPS)
            continue;
        const int steps = min(STEPS, window - t);
        for (int u = 0; u < H; u++) {
            outer(s_hh, at, steps, H, AT_STATE, u, n);
            outer(s_ih, at, steps, IN, AT_INPUT, u, 2 * H);
        }
        for (int j = 0; j < GATES * H; j++) {
            vec of_a = load_vec(j, s_bias), of_x = load_vec(GATES * H + j, s_bias);
            const int of_n = CELL == 1 && j >= 2 * H ? n + j - 2 * H : j;
            for (int s = 0; s < steps; s++) {
                of_a += get_vec(of_n, at + (size_t)s * TRACE * VEC);
                of_x += get_vec(j, at + (size_t)s * TRACE * VEC);
            }
            store_vec(of_a, j, s_bias);
            store_vec(of_x, GATES * H + j, s_bias);
        }
    }
    const int blocks = all / VEC; /* VEC sums at a time */
    for (int block = 0; block < blocks; block++) {
        const int i0 = block * VEC;
        vec a[VEC], sum = (vec)(0.0f);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            a[i] = load_vec(i0 + i, s_hh);
        transpose(a);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            sum += a[i];
        store_vec(sum, 0, part + (size_t)group * all + i0);
    }
    for (int i = blocks * VEC; i < all; i++)
        part[(size_t)group * all + i] = vsum(load_vec(i, s_hh));
}
