/* SPDX-License-Identifier: MIT */
/*
 * What 1-D convolutions need beside a matrix product, and max pooling along T; x [B, T, C].
 * A convolution's product is u W^T with its weight [out, C, K] read as [out, C K] and the unfolded
 *
 *   u[b, l, c, k] = x[b, l S - P + k D, c], zero beyond the ends      [B, L, C, K]
 *
 * -D: C, K, S (stride), D (dilation), P (rows of zeros in front), LANES; pooling has K = S, D = 1,
 * P = 0.
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

/* A work-group unfolds the rows of its chunk. */
__kernel void unfold(__global const float *restrict x, __global float *restrict u, const int window,
                     const int length, const int rows, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const int first = row % length * S - P;
        __global const float *of = x + (size_t)(row / length) * window * C;
        for (int e = (int)get_local_id(0); e < C * K; e += LANES) {
            const int c = e / K, t = first + e % K * D;
            u[(size_t)row * (C * K) + e] = t >= 0 && t < window ? of[(size_t)t * C + c] : 0.0f;
        }
    }
}

/* dx[b, t, c] (+)= sum over k of du[b, l, c, k] where l S - P + k D = t */
__kernel void fold(__global const float *restrict du, __global float *restrict dx, const int window,
                   const int length, const int rows, const int chunk, const int add)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const int at = row % window + P;
        __global const float *of = du + (size_t)(row / window) * length * (C * K);
        for (int c = (int)get_local_id(0); c < C; c += LANES) {
            float sum = add ? dx[(size_t)row * C + c] : 0.0f;
            for (int k = D == 1 ? at % S : 0; k < min(K, at / D + 1); k += D == 1 ? S : 1) {
                const int l = (at - k * D) / S;
                if ((D == 1 || l * S == at - k * D) && l < length)
                    sum += of[(size_t)l * (C * K) + c * K + k];
            }
            dx[(size_t)row * C + c] = sum;
        }
    }
}

/* The place of the largest of K rows, the first among equals; NaN is the largest. */
static inline int place_of_most(__global const float *x)
{
    int at = 0;
    for (int k = 1; k < K; k++)
        if (x[k * C] > x[at * C] || isnan(x[k * C]))
            at = k;
    return at;
}

/* y[b, l, c] = most of x[b, l K .. l K + K - 1, c] */
__kernel void max_pool_fwd(__global const float *restrict x, __global float *restrict y,
                           const int window, const int length, const int rows, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        __global const float *of = x + ((size_t)(row / length) * window + row % length * K) * C;
        for (int c = (int)get_local_id(0); c < C; c += LANES)
            y[(size_t)row * C + c] = of[place_of_most(of + c) * C + c];
    }
}

/* dx = dy at the row that was the most, else 0; 0 for the rows that were dropped */
__kernel void max_pool_bwd(__global const float *restrict dy, __global const float *restrict x,
                           __global float *restrict dx, const int window, const int length,
                           const int rows, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++) {
        const int b = row / window, t = row % window, l = t / K;
        __global const float *of = x + ((size_t)b * window + l * K) * C;
        for (int c = (int)get_local_id(0); c < C; c += LANES)
            dx[(size_t)row * C + c] = l < length && place_of_most(of + c) == t - l * K
                                          ? dy[((size_t)b * length + l) * C + c]
                                          : 0.0f;
    }
}
