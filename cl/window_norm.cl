/* SPDX-License-Identifier: MIT */
/*
 * Reversible instance normalisation (Kim et al., 2022) without the affine part: each window's
 * features are standardised on the way in and the outputs put back into their units. -D: F, LANES.
 */
#include "common.h"

#ifndef F
#define F 8
#endif
#ifndef GRADIENT
#define GRADIENT 0
#endif

#define EPS 1e-5f

/* y = (x - mean) / sd, sd = sqrt(biased variance + eps); x, y [B, T, F], stats [B, 2, F] = mean,
 * sd. A work-group takes a window. */
__kernel void window_norm(__global const float *restrict x, __global stored *restrict y,
                          __global float *restrict stats, const int window)
{
    const size_t b = get_group_id(0);
    __global const float *from = x + b * window * F;
    __global stored *to = y + b * window * F;
    for (int f = (int)get_local_id(0); f < F; f += LANES) {
        const float pivot = from[f];
        float sum = 0, square = 0;
        for (int t = 0; t < window; t++)
            sum += from[(size_t)t * F + f] - pivot;
        const float mean = pivot + sum / window;
        for (int t = 0; t < window; t++) {
            const float off = from[(size_t)t * F + f] - mean;
            square = fma(off, off, square);
        }
        const float sd = sqrt(square / window + EPS);
        for (int t = 0; t < window; t++)
            put((from[(size_t)t * F + f] - mean) / sd, (size_t)t * F + f, to);
        stats[b * 2 * F + f] = mean;
        stats[b * 2 * F + F + f] = sd;
    }
}

/* z = y sd + mean of feature[k], or (GRADIENT, of y from that of z) z = y sd; as it is where
 * feature[k] is -1. y, z [B, elems], elems a multiple of `targets`. */
__kernel void window_denorm(__global const float *restrict y, __global const float *restrict stats,
                            __global const float *restrict feature, __global float *restrict z,
                            const int elems, const int targets)
{
    const size_t b = get_group_id(0);
    __global const float *mine = stats + b * 2 * F;
    for (int e = (int)get_local_id(0); e < elems; e += LANES) {
        const int f = (int)feature[e % targets];
        const float u = y[b * elems + e];
#if GRADIENT
        z[b * elems + e] = f < 0 ? u : u * mine[F + f];
#else
        z[b * elems + e] = f < 0 ? u : fma(u, mine[F + f], mine[f]);
#endif
    }
}
