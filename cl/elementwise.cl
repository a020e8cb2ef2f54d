/* SPDX-License-Identifier: MIT */
/*
 * Products element by element. -D: VEC, LANES. `vectors` vectors; a work-group
 * takes `chunk` of them.
 */
#include "common.h"

/* y = a b; `add`: y += a b */
__kernel void elementwise_mul(__global const float *restrict a, __global const float *restrict b,
                              __global float *restrict y, const int vectors, const int chunk,
                              const int add)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES) {
        const vec product = load_vec(i, a) * load_vec(i, b);
        store_vec(add ? load_vec(i, y) + product : product, i, y);
    }
}

/* y = x factor; `add`: y += x factor */
__kernel void elementwise_scale(__global const float *restrict x, __global float *restrict y,
                                const float factor, const int vectors, const int chunk,
                                const int add)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES) {
        const vec product = load_vec(i, x) * factor;
        store_vec(add ? load_vec(i, y) + product : product, i, y);
    }
}
