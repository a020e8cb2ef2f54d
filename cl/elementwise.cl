/* SPDX-License-Identifier: MIT */
/*
 * Products element by element. -D: VEC, LANES. `vectors` vectors; a work-group
 * takes `chunk` of them.
 */
#include "common.h"

/* y = a b; `add`: y += a b */
__kernel void elementwise_mul(__global const stored *restrict a, __global const stored *restrict b,
                              __global stored *restrict y, const int vectors, const int chunk,
                              const int add)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES) {
        const vec product = get_vec(i, a) * get_vec(i, b);
        put_vec(add ? get_vec(i, y) + product : product, i, y);
    }
}

/* y = x factor; `add`: y += x factor */
__kernel void elementwise_scale(__global const stored *restrict x, __global stored *restrict y,
                                const float factor, const int vectors, const int chunk,
                                const int add)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES) {
        const vec product = get_vec(i, x) * factor;
        put_vec(add ? get_vec(i, y) + product : product, i, y);
    }
}
