/* SPDX-License-Identifier: MIT */
/*
 * Attention of a few queries over the rows of a sample.
 *
 *   p[i, j] = softmax_j(q_i k_j / sqrt(dh))        o_i = sum_j p[i, j] v_j
 *   ds[i, j] = p[i, j] (do_i v_j - do_i o_i)
 *   dq_i = sum_j ds[i, j] k_j / sqrt(dh)    dk_j = sum_i ds[i, j] q_i / sqrt(dh)
 *   dv_j = sum_i p[i, j] do_i
 *
 * q [B, Q, H, DH], or with SHARED [Q, H, DH], the same for all samples; kv [B, N, 2 H, DH]: keys,
 * then values; o and do [B, Q, H, DH]. p and ds [B, Q, H, NP] in fp32, NP = N rounded up to 16, the
 * rest of p zeros. Vectors run over DH, in the softmax over keys.
 *
 * -D: Q, N, DH, H, SHARED, VEC, LANES.
 */
#include "common.h"

#ifndef Q
#define Q 1
#endif
#ifndef N
#define N 64
#endif
#ifndef DH
#define DH 16
#endif
#ifndef H
#define H 4
#endif
#ifndef SHARED
#define SHARED 0
#endif

#define NP ((N + 15) / 16 * 16)
#define NV (DH / VEC)
#define PER_LANE ((NV + LANES - 1) / LANES)
#define ROW (2 * H * NV) /* vectors in a row of kv */
#define LOG2E 1.44269504f

/* Vectors of the keys and the values of head h of sample b, rows ROW vectors apart. */
#define KEYS_OF(b, h) (((size_t)(b)*N * 2 * H + (h)) * NV)
#define VALUES_OF(b, h) (KEYS_OF(b, h) + H * NV)
/* Those of head h of query i of sample b in q. */
#define QUERY_OF(b, i, h) ((((size_t)(SHARED ? 0 : (b)) * Q + (i)) * H + (h)) * NV)

/* to[N] = x times `factor` times the keys or values from vector `from` on; in p's rows */
static inline void products(__global float *to, __local const float *x, float factor,
                            __global const stored *kv, size_t from, int lane)
{
    for (int j = lane; j < NP; j += LANES) {
        vec sum = (vec)(0.0f);
        for (int d = 0; j < N && d < NV; d++)
            sum = fma(load_vec(d, x), get_vec(from + (size_t)j * ROW + d, kv), sum);
        to[j] = vsum(sum) * factor;
    }
}

/* A work-group takes a head of a query of a sample. */
__kernel void attend_over_fwd(__global const stored *restrict q, __global const stored *restrict kv,
                              __global stored *restrict o, __global float *restrict probability)
{
    __local float room[LANES], query[DH];
    const int lane = (int)get_local_id(0), h = (int)get_group_id(0) % H;
    const int i = (int)get_group_id(0) / H % Q, b = (int)get_group_id(0) / (H * Q);
    __global float *p = probability + (size_t)get_group_id(0) * NP;
    for (int d = lane; d < NV; d += LANES)
        store_vec(get_vec(QUERY_OF(b, i, h) + d, q), d, query);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    products(p, query, LOG2E / sqrt((float)DH), kv, KEYS_OF(b, h), lane);
    float most = -INFINITY;
    for (int j = lane; j < N; j += LANES)
        most = max(most, p[j]);
    const float top = group_max(most, room);
    float part = 0;
    for (int j = lane; j < N; j += LANES) {
        p[j] = exp2(p[j] - top);
        part += p[j];
    }
    const float share = 1 / group_sum(part, room);
    for (int j = lane; j < N; j += LANES)
        p[j] *= share;
    group_barrier(CLK_GLOBAL_MEM_FENCE); /* all of p is there */
    vec sum[PER_LANE];
    for (int n = 0; n < PER_LANE; n++)
        sum[n] = (vec)(0.0f);
    for (int j = 0; j < N; j++)
        for (int n = 0; n < PER_LANE; n++)
            if (lane + n * LANES < NV)
                sum[n] =
                    fma((vec)(p[j]),
                        get_vec(VALUES_OF(b, h) + (size_t)j * ROW + lane + n * LANES, kv), sum[n]);
    for (int n = 0; n < PER_LANE; n++)
        if (lane + n * LANES < NV)
            put_vec(sum[n], (size_t)get_group_id(0) * NV + lane + n * LANES, o);
}

/* ds. A work-group takes a head of a query of a sample. */
__kernel void attend_over_bwd_score(__global const stored *restrict kv,
                                    __global const stored *restrict o,
                                    __global const stored *restrict dout,
                                    __global const float *restrict probability,
                                    __global float *restrict dscore)
{
    __local float room[LANES], gradient[DH];
    const int lane = (int)get_local_id(0), h = (int)get_group_id(0) % H;
    const int b = (int)get_group_id(0) / (H * Q);
    const size_t at = (size_t)get_group_id(0) * NV;
    __global const float *p = probability + (size_t)get_group_id(0) * NP;
    __global float *ds = dscore + (size_t)get_group_id(0) * NP;
    vec part = (vec)(0.0f);
    for (int d = lane; d < NV; d += LANES) {
        const vec dy = get_vec(at + d, dout);
        store_vec(dy, d, gradient);
        part = fma(dy, get_vec(at + d, o), part);
    }
    const float mean = group_sum(vsum(part), room);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    products(ds, gradient, 1, kv, VALUES_OF(b, h), lane);
    for (int j = lane; j < NP; j += LANES)
        ds[j] = j < N ? p[j] * (ds[j] - mean) : 0;
}

/* dq, or dq +=. A work-group takes a head of a query of a sample; with SHARED of all samples. */
__kernel void attend_over_bwd_q(__global const stored *restrict kv,
                                __global const float *restrict dscore, __global stored *restrict dq,
                                const int samples, const int add)
{
    const int lane = (int)get_local_id(0), h = (int)get_group_id(0) % H;
    const int i = (int)get_group_id(0) / H % Q, first = (int)get_group_id(0) / (H * Q);
    const size_t at = (size_t)get_group_id(0) * NV;
    for (int d = lane; d < NV; d += LANES) {
        vec sum = (vec)(0.0f);
        for (int b = first; b < (SHARED ? samples : first + 1); b++) {
            __global const float *ds = dscore + (((size_t)b * Q + i) * H + h) * NP;
            for (int j = 0; j < N; j++)
                sum = fma((vec)(ds[j]), get_vec(KEYS_OF(b, h) + (size_t)j * ROW + d, kv), sum);
        }
        sum *= 1 / sqrt((float)DH);
        if (add)
            sum += get_vec(at + d, dq);
        put_vec(sum, at + d, dq);
    }
}

/* dk and dv, or added to. A work-group takes `chunk` rows of a head of a sample, of which there are
 * `chunks`. */
__kernel void attend_over_bwd_kv(__global const stored *restrict q,
                                 __global const stored *restrict dout,
                                 __global const float *restrict probability,
                                 __global const float *restrict dscore,
                                 __global stored *restrict dkv, const int chunk, const int chunks,
                                 const int add)
{
    const int lane = (int)get_local_id(0), h = (int)get_group_id(0) / chunks % H;
    const int b = (int)get_group_id(0) / (chunks * H), from = (int)get_group_id(0) % chunks * chunk;
    const int rows = min(chunk, N - from);
    for (int e = lane; e < rows * NV; e += LANES) {
        const int j = from + e / NV, d = e % NV;
        const size_t to = KEYS_OF(b, h) + (size_t)j * ROW + d;
        vec dk = (vec)(0.0f), dv = (vec)(0.0f);
        for (int i = 0; i < Q; i++) {
            const size_t row = ((size_t)b * Q + i) * H + h;
            dk = fma((vec)(dscore[row * NP + j]), get_vec(QUERY_OF(b, i, h) + d, q), dk);
            dv = fma((vec)(probability[row * NP + j]), get_vec(row * NV + d, dout), dv);
        }
        dk *= 1 / sqrt((float)DH);
        if (add) {
            dk += get_vec(to, dkv);
            dv += get_vec(to + H * NV, dkv);
        }
        put_vec(dk, to, dkv);
        put_vec(dv, to + H * NV, dkv);
    }
}
