/* SPDX-License-Identifier: MIT */
/*
 * What 1-D convolutions need beside a matrix product, and max pooling along T; x [B, T, C].
 * A convolution's product is u W^T with its weight [out, C, K] read as [out, C K] and the unfolded
 *
 *   u[b, l, c, k] = x[b, l S - P + k D, c], zero beyond the ends      [B, L, C, K]
 *
 * -D: C, K, S (stride), D (dilation), P (rows of zeros in front), LANES, TEAMS; pooling has K = S,
 * D = 1, P = 0. A team takes the rows of its chunk.
 */
#include "common.h"

#ifndef C
#define C 64
#endif
#ifndef K
#define K 3
#endif
#ifndef S
#define S 1
#endif
#ifndef D
#define D 1
#endif
#ifndef P
#define P 1
#endif

__kernel void unfold(__global const stored *restrict x, __global stored *restrict u,
                     const int window, const int length, const int rows, const int chunk)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const int first = row % length * S - P;
        __global const stored *of = x + (size_t)(row / length) * window * C;
        for (int e = team_lane(); e < C * K; e += LANES) {
            const int c = e / K, t = first + e % K * D;
            put(t >= 0 && t < window ? get((size_t)t * C + c, of) : 0.0f, (size_t)row * (C * K) + e,
                u);
        }
    }
}

/* dx[b, t, c] (+)= sum over k of du[b, l, c, k] where l S - P + k D = t */
__kernel void fold(__global const stored *restrict du, __global stored *restrict dx,
                   const int window, const int length, const int rows, const int chunk,
                   const int add)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const int at = row % window + P;
        __global const stored *of = du + (size_t)(row / window) * length * (C * K);
        for (int c = team_lane(); c < C; c += LANES) {
            float sum = add ? get((size_t)row * C + c, dx) : 0.0f;
            for (int k = D == 1 ? at % S : 0; k < min(K, at / D + 1); k += D == 1 ? S : 1) {
                const int l = (at - k * D) / S;
                if ((D == 1 || l * S == at - k * D) && l < length)
                    sum += get((size_t)l * (C * K) + c * K + k, of);
            }
            put(sum, (size_t)row * C + c, dx);
        }
    }
}

/* The place of the largest of K rows, the first among equals; NaN is the largest. */
static inline int place_of_most(__global const stored *x)
{
    int at = 0;
    for (int k = 1; k < K; k++)
        if (get(k * C, x) > get(at * C, x) || isnan(get(k * C, x)))
            at = k;
    return at;
}

/* y[b, l, c] = most of x[b, l K .. l K + K - 1, c] */
__kernel void max_pool_fwd(__global const stored *restrict x, __global stored *restrict y,
                           const int window, const int length, const int rows, const int chunk)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        __global const stored *of = x + ((size_t)(row / length) * window + row % length * K) * C;
        for (int c = team_lane(); c < C; c += LANES)
            put(get(place_of_most(of + c) * C + c, of), (size_t)row * C + c, y);
    }
}

/* dx = dy at the row that was the most, else 0; 0 for the rows that were dropped */
__kernel void max_pool_bwd(__global const stored *restrict dy, __global const stored *restrict x,
                           __global stored *restrict dx, const int window, const int length,
                           const int rows, const int chunk)
{
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const int b = row / window, t = row % window, l = t / K;
        __global const stored *of = x + ((size_t)b * window + l * K) * C;
        for (int c = team_lane(); c < C; c += LANES)
            put(l < length && place_of_most(of + c) == t - l * K
                    ? get(((size_t)b * length + l) * C + c, dy)
                    : 0.0f,
                (size_t)row * C + c, dx);
    }
}
