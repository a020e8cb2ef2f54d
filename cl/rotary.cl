/* SPDX-License-Identifier: MIT */
/*
 * Rotary positions (Su et al., "RoFormer", 2021): of each head's row t of q and k the pairs (2i,
 * 2i + 1), or (i, i + DH / 2) where HALVES, are turned by an angle that the table has, t
 * 10000^(-2i / DH) or another; a last odd element stays. v is passed on.
 *
 * x, y [B, T, H + 2 KV, DH] of H heads of queries and KV of keys and values; bias [H + 2 KV, DH] is
 * added to x where BIAS; table [T, DH / 2, 2] = cosine, sine. SIGN 1 turns, -1 turns back, which is
 * the gradient. A work-item takes a pair, or the element that is left of an odd row. -D: DH, H, KV
 * (H), SIGN, BIAS, HALVES (0).
 */
#include "common.h"

#ifndef DH
#define DH 16
#endif
#ifndef H
#define H 4
#endif
#ifndef KV
#define KV H
#endif
#ifndef SIGN
#define SIGN 1
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef HALVES
#define HALVES 0
#endif

#define HALF ((DH + 1) / 2)
#define HEADS (H + 2 * KV)

__kernel void rotary(__global const stored *restrict x,
                     OPTIONAL(BIAS, __global const float *restrict bias)
                         __global const float *restrict table,
                     __global stored *restrict y, const int period, const int items)
{
    const int id = (int)get_global_id(0);
    if (id >= items)
        return;
    const int row = id / (HEADS * HALF), head = id / HALF % HEADS, i = id % HALF;
    const int single = 2 * i + 1 == DH, step = HALVES ? DH / 2 : 1;
    const int d = head * DH + (HALVES && !single ? i : 2 * i);
    const size_t at = (size_t)row * (HEADS * DH) + d;
    float re = get(at, x), im = single ? 0 : get(at + step, x);
#if BIAS
    re += bias[d];
    im += single ? 0 : bias[d + step];
#endif
    if (single) {
        put(re, at, y);
        return;
    }
    float c = 1, s = 0;
    if (head < H + KV) {
        const size_t angle = ((size_t)(row % period) * (DH / 2) + i) * 2;
        c = table[angle];
        s = SIGN * table[angle + 1];
    }
    put(re * c - im * s, at, y);
    put(re * s + im * c, at + step, y);
}
