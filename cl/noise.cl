/* SPDX-License-Identifier: MIT */
/* Noise that is added to what a model reads. -D: LANES. */
#include "common.h"

/* y = x + noise sd, normal, keyed like dropout: (element pair, sample, path, epoch). */
__kernel void add_noise(__global const float *restrict x, __global float *restrict y,
                        __global const uint *restrict sample,
                        __global const struct step *restrict step, const int elems, const uint path,
                        const float sd)
{
    const size_t b = get_group_id(0);
    for (int e = (int)get_local_id(0); 2 * e < elems; e += LANES) {
        uvec r[4];
        philox(r, (uvec)((uint)e), sample[b], path, step->epoch, step->seed[0], step->seed[1]);
        const float u = ((float)(r[0] >> 8) + 0.5f) * 0x1p-24f;
        const float radius = sd * sqrt(-2.0f * log(u));
        const float angle = (float)(r[1] >> 8) * 0x1p-23f;
        y[b * elems + 2 * e] = x[b * elems + 2 * e] + radius * cospi(angle);
        if (2 * e + 1 < elems)
            y[b * elems + 2 * e + 1] = x[b * elems + 2 * e + 1] + radius * sinpi(angle);
    }
}
