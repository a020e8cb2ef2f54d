/* SPDX-License-Identifier: MIT */
/*
 * Gated linear units (Shazeer, 2020): y = act(gate) up, of numbers side by side. -D: ACT (2 GELU, 5
 * SiLU, 6 GELU by tanh), VEC, LANES. `vectors` vectors; a work-group takes `chunk` of them.
 */
#include "act.h"

#ifndef ACT
#define ACT 5
#endif

#if ACT == 2
#define GATE gelu
#define GATE_SLOPE gelu_slope
#elif ACT == 5
#define GATE silu
#define GATE_SLOPE silu_slope
#else
#define GATE gelu_tanh
#define GATE_SLOPE gelu_tanh_slope
#endif

__kernel void gate_fwd(__global const stored *restrict gate, __global const stored *restrict up,
                       __global stored *restrict y, const int vectors, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES)
        put_vec(GATE(get_vec(i, gate)) * get_vec(i, up), i, y);
}

/* dgate = dy up act'(gate), dup = dy act(gate); each may lie over its input. */
__kernel void gate_bwd(__global const stored *restrict dy, __global const stored *gate,
                       __global const stored *up, __global stored *dgate, __global stored *dup,
                       const int vectors, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, vectors);
    for (int i = from + (int)get_local_id(0); i < to; i += LANES) {
        const vec g = get_vec(i, dy), u = get_vec(i, gate), v = get_vec(i, up);
        put_vec(g * v * GATE_SLOPE(u), i, dgate);
        put_vec(g * GATE(u), i, dup);
    }
}
