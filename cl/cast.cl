/* SPDX-License-Identifier: MIT */
/*
 * From fp32 to the type of activations, and back. -D: STORED, VEC, LANES. `vectors` vectors; a
 * work-group takes `chunk` of them; `add`: y += x.
 */
#include "common.h"

__kernel void cast_store(__global const float *restrict x, __global stored *restrict y,
                         const int vectors, const int chunk, const int add)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES) {
        const vec u = load_vec(i, x);
        put_vec(add ? get_vec(i, y) + u : u, i, y);
    }
}

__kernel void cast_load(__global const stored *restrict x, __global float *restrict y,
                        const int vectors, const int chunk, const int add)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES) {
        const vec u = get_vec(i, x);
        store_vec(add ? load_vec(i, y) + u : u, i, y);
    }
}
