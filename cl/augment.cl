/* SPDX-License-Identifier: MIT */
/*
 * Augmentation of training windows. What happens to a window hangs on the step's seed and epoch and
 * the window's first row alone: Philox at the counter (place, sample, path, epoch), the places
 * being
 *
 *   t F + lane     noise of row t
 *   WINDOW         flip, spike, row of the spike, first row of the step
 *   WINDOW + 1     rows that are cut, those of them at the start, strength of the warp, its phase
 *   LANE + lane    step, slope, sign of the spike
 *
 * A feature draws as its lane says: columns that must stay in order share one. Each kernel has a
 * work-group a window. -D: LANES, FLAGGED.
 */
#include "common.h"

#ifndef FLAGGED
#define FLAGGED 0 /* the kernel is told which windows are augmented */
#endif

#define WINDOW 0x80000000u
#define LANE 0xc0000000u

struct draws {
    uint sample, path, epoch, seed[2];
    uint window[4], warp[4];
};

static inline void draw(uint out[4], uint place, __private const struct draws *d)
{
    philox(out, place, d->sample, d->path, d->epoch, d->seed[0], d->seed[1]);
}

static inline struct draws draws_of(uint sample, __global const struct step *restrict step,
                                    uint path)
{
    struct draws d = {sample, path, step->epoch, {step->seed[0], step->seed[1]}, {0}, {0}};
    draw(d.window, WINDOW, &d);
    draw(d.warp, WINDOW + 1, &d);
    return d;
}

/* In (0, 1). */
static inline float unit(uint word)
{
    return ((float)(word >> 8) + 0.5f) * 0x1p-24f;
}

/* Two standard normal numbers (Box and Muller). */
static inline float2 normal(uint a, uint b)
{
    const float radius = sqrt(-2.0f * log(unit(a))), angle = (float)(b >> 8) * 0x1p-23f;
    return (float2)(radius * cospi(angle), radius * sinpi(angle));
}

/* What is added to a lane in row t, in its unit: step behind a row drawn from 1 .. window - 1, and
 * the slope, which grows on behind the window. */
static inline float shift(int t, int window, uint lane, float level, float slope,
                          __private const struct draws *d)
{
    uint word[4];
    draw(word, LANE + lane, d);
    const float2 z = normal(word[0], word[1]);
    const int from = 1 + (int)mul_hi(d->window[3], (uint)(window - 1));
    return (t >= from ? level * z.x : 0.0f) + slope * z.y * (float)t / (float)(window - 1);
}

/* Row of the window, as it was, that becomes row t: with u = t / (T - 1) cut + (T - 1 - all) (u + a
 * (sin(2 pi u + phi) - sin(phi)) / (2 pi)), of `all` rows that are cut `cut` at the start. */
static inline float source(int t, int window, int crop, int keeps_end, float warp,
                           __private const struct draws *d)
{
    const float last = (float)(window - 1), u = (float)t / last;
    const uint all = mul_hi(d->warp[0], (uint)crop + 1);
    const uint cut = keeps_end ? all : mul_hi(d->warp[1], all + 1);
    const float phase = 2.0f * unit(d->warp[3]), a = warp * unit(d->warp[2]);
    const float wave = a * (sinpi(2.0f * u + phase) - sinpi(phase)) * (0.5f * M_1_PI_F);
    return (float)cut + (last - (float)all) * (u + wave);
}

/*
 * y[B, T, F] of x. of[F, 4]: a feature's unit, lane, and the sign and offset of its mirror image.
 * flip: probability, level: of steps, warp: 1 - 1/f.
 */
__kernel void augment(__global const float *restrict x, __global float *restrict y,
                      __global const uint *restrict sample,
                      __global const struct step *restrict step,
                      OPTIONAL(FLAGGED, __global const float *restrict flag)
                          __global const float *restrict of,
                      const int window, const int features, const uint path, const int crop,
                      const int keeps_end, const float warp, const float flip, const float level,
                      const float slope, const float spikes, const float spike, const float noise)
{
    const size_t b = get_group_id(0);
    __global const float *from = x + b * window * features;
    __global float *to = y + b * window * features;
#if FLAGGED
    if (flag[b] == 0.0f) {
        for (int e = (int)get_local_id(0); e < window * features; e += LANES)
            to[e] = from[e];
        return;
    }
#endif
    const struct draws d = draws_of(sample[b], step, path);
    const int turned = unit(d.window[0]) < flip, spiked = unit(d.window[1]) < spikes;
    const int peak = (int)mul_hi(d.window[2], (uint)window);
    for (int e = (int)get_local_id(0); e < window * features; e += LANES) {
        const int t = e / features, f = e % features;
        const uint lane = (uint)of[4 * f + 1];
        float v = from[e], added = 0;
        uint word[4];
        if (crop > 0 || warp > 0) {
            const float at =
                fmin(fmax(source(t, window, crop, keeps_end, warp, &d), 0.0f), (float)(window - 1));
            const int row = min((int)at, window - 2);
            const float before = from[row * features + f], behind = from[(row + 1) * features + f];
            v = t == window - 1 && keeps_end ? v : fma(at - (float)row, behind - before, before);
        }
        if (turned)
            v = fma(of[4 * f + 2], v, of[4 * f + 3]);
        if (level > 0 || slope > 0)
            added = shift(t, window, lane, level, slope, &d);
        if (spiked && t == peak) {
            draw(word, LANE + lane, &d);
            added += word[2] >> 31 ? -spike : spike;
        }
        if (noise > 0) {
            draw(word, (uint)(t * features) + lane, &d);
            added = fma(noise, normal(word[0], word[1]).x, added);
        }
        to[e] = fma(of[4 * f], added, v);
    }
}

/*
 * z[B, R, K] of the targets y of these windows, that lie `first` rows behind the first row of each.
 * of[K, 4]: sign and offset of a target's mirror image, what it moves by where its feature moves by
 * one unit, and the lane of that.
 */
__kernel void augment_target(__global const float *restrict y, __global float *restrict z,
                             __global const uint *restrict sample,
                             __global const struct step *restrict step,
                             OPTIONAL(FLAGGED, __global const float *restrict flag)
                                 __global const float *restrict of,
                             const int elems, const int targets, const int first, const int window,
                             const uint path, const float flip, const float level,
                             const float slope)
{
    const size_t b = get_group_id(0);
#if FLAGGED
    const int there = flag[b] != 0.0f;
#else
    const int there = 1;
#endif
    const struct draws d = draws_of(sample[b], step, path);
    const int turned = unit(d.window[0]) < flip;
    for (int e = (int)get_local_id(0); e < elems; e += LANES) {
        const int k = e % targets;
        float v = y[b * elems + e];
        if (there && turned)
            v = fma(of[4 * k], v, of[4 * k + 1]);
        if (there && of[4 * k + 2] != 0.0f)
            v = fma(of[4 * k + 2],
                    shift(first + e / targets, window, (uint)of[4 * k + 3], level, slope, &d), v);
        z[b * elems + e] = v;
    }
}
