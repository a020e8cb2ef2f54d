/* SPDX-License-Identifier: MIT */
/*
 * x[B, T, F]: the windows of a micro-batch from the series [rows, F]; sample[B]: their first rows.
 * order[]: first rows of the part's windows in the order of the epoch. What pads a short batch
 * repeats its first window. A work-group makes `chunk` numbers of a window. scaling: 0 none; 1 each
 * feature over the window, whose chunk is all of it; from 2 on by the window's last value c of
 * feature scaling - 2: (x - c) / |c|. With STAGED added to scaling, series holds the windows of
 * this micro-batch behind each other, [B, T, F], and order their first rows, [B]. -D: LANES.
 */
#include "common.h"

#define STAGED (1 << 30) /* GATHER_STAGED of ops.h */

__kernel void gather(__global const float *restrict series, __global const uint *restrict order,
                     __global const struct step *restrict step, __global float *restrict x,
                     __global uint *restrict sample, const int window, const int features,
                     const int how, const int chunk)
{
    const int parts = (window * features - 1) / chunk + 1;
    const uint b = (uint)get_group_id(0) / parts;
    const int first = (int)get_group_id(0) % parts * chunk, lane = (int)get_local_id(0);
    const int end = min(chunk, window * features - first) + first;
    const int staged = how & STAGED, scaling = how & ~STAGED;
    const uint start = order[staged ? b : step->first + (b < step->count ? b : 0)];
    __global const float *from = series + (staged ? (size_t)b * window : start) * features;
    __global float *to = x + (size_t)b * window * features;
    if (lane == 0 && first == 0)
        sample[b] = start;
    if (scaling == 0) {
        for (int e = first + lane; e < end; e += LANES)
            to[e] = from[e];
        return;
    }
    if (scaling >= 2) {
        const float last = from[(window - 1) * features + scaling - 2];
        for (int e = first + lane; e < end; e += LANES)
            to[e] = (from[e] - last) / fabs(last);
        return;
    }
    /* (x - mean) / sd over the window, biased variance; a flat feature is only centred */
    for (int f = lane; f < features; f += LANES) {
        float sum = 0, square = 0;
        const float pivot = from[f];
        for (int t = 0; t < window; t++)
            sum += from[t * features + f] - pivot;
        const float mean = pivot + sum / window;
        for (int t = 0; t < window; t++)
            square += (from[t * features + f] - mean) * (from[t * features + f] - mean);
        const float sd = sqrt(square / window);
        const float inverse = sd > 1e-7f * fabs(mean) ? 1.0f / sd : 1.0f;
        for (int t = 0; t < window; t++)
            to[t * features + f] = (from[t * features + f] - mean) * inverse;
    }
}

/*
 * tokens[B, T] and next[B, T], the token behind each, of windows of the series [rows]; BORDER marks
 * the first token of a text, which is not to be predicted: next is `vocabulary` there. With
 * `staged` the series holds the windows of this micro-batch, [B, T + 1].
 */
#define BORDER 0x80000000u /* GATHER_BORDER of ops.h */

__kernel void gather_tokens(__global const uint *restrict series,
                            __global const uint *restrict order,
                            __global const struct step *restrict step,
                            __global uint *restrict tokens, __global uint *restrict sample,
                            __global uint *restrict next, const int window, const int vocabulary,
                            const int staged)
{
    const uint b = (uint)get_group_id(0);
    const uint start = order[staged ? b : step->first + (b < step->count ? b : 0)];
    __global const uint *from = series + (staged ? (size_t)b * (window + 1) : start);
    if (get_local_id(0) == 0)
        sample[b] = start;
    for (int t = (int)get_local_id(0); t < window; t += LANES) {
        const uint behind = from[t + 1];
        tokens[(size_t)b * window + t] = from[t] & ~BORDER;
        next[(size_t)b * window + t] = behind & BORDER ? (uint)vocabulary : behind;
    }
}

/*
 * y[B, ROWS, C] = table[sample[b] + first + row], C columns of it, LANES work-items a sample. With
 * STAGED for `first` the table is [B, ROWS, C] already.
 */
__kernel void gather_rows(__global const float *restrict table,
                          __global const uint *restrict sample, __global float *restrict y,
                          const int first, const int elems, const int columns)
{
    const size_t b = get_group_id(0);
    __global const float *from =
        table + (first & STAGED ? b * elems : ((size_t)sample[b] + first) * columns);
    for (int e = (int)get_local_id(0); e < elems; e += LANES)
        y[b * elems + e] = from[e];
}
