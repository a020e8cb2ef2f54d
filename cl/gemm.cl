/* SPDX-License-Identifier: MIT */
/*
 * C[m, n] = op(A) op(B) (+ C). A work-group makes one TM x TN tile of C: it copies TK columns of A
 * and TK rows of B to local memory, transposing where asked, and each work-item multiplies RM x RN
 * blocks of the tile in registers. RN is VEC wide times NV.
 * -D: those of gemm.h, without a tail; TM, TN, TK, RM, NV, VEC, LANES.
 */
#include "gemm.h"

#ifndef TM
#define TM 64
#endif
#ifndef TN
#define TN 64
#endif
#ifndef TK
#define TK 16
#endif
#ifndef RM
#define RM 4
#endif
#ifndef NV
#define NV 1
#endif

#define RN (NV * VEC)
#define SUBS ((TM / RM) * (TN / RN))

#if TYPE_A
#define AT_A(i) get(i, a)
#else
#define AT_A(i) a[i]
#endif
#if TYPE_B >= 3
#define AT_B(i) packed_at(b, &form, i)
#elif TYPE_B
#define AT_B(i) get(i, b)
#else
#define AT_B(i) b[i]
#endif

/* To nearest, ties to even; in bfloat16 what is below 2^-126 counts as 0, as in AVX512_BF16. */
static inline float factor(float x)
{
#if FACTOR == 1
    if ((as_uint(x) & 0x7f800000u) == 0)
        return as_float(as_uint(x) & 0x80000000u);
#endif
#if FACTOR
    return stored_value(stored_bit(x));
#else
    return x;
#endif
}

__kernel void gemm(__global const type_a *restrict a, __global const type_b *restrict b,
                   __global type_c *restrict c, const int m, const int n, const int k)
{
    __local float as[TK * TM], bs[TK * TN], cs[TM * TN];
    const int lane = (int)get_local_id(0);
    const int across = (n + TN - 1) / TN;
    const int i0 = (int)get_group_id(0) / across * TM, j0 = (int)get_group_id(0) % across * TN;

#if TYPE_B >= 3
    const struct packed_form form = packed_form_of(TB ? n : k, TB ? k : n);
#endif
    for (int e = lane; e < TM * TN; e += LANES)
        cs[e] = 0;
    for (int k0 = 0; k0 < k; k0 += TK) {
        const int depth = min(TK, k - k0);
        group_barrier(CLK_LOCAL_MEM_FENCE);
#if TA
        for (int e = lane; e < TK * TM; e += LANES) {
            const int kk = e / TM, i = e % TM;
            as[e] = kk < depth && i0 + i < m ? factor(AT_A((size_t)(k0 + kk) * m + i0 + i)) : 0;
        }
#else
        for (int e = lane; e < TK * TM; e += LANES) {
            const int i = e / TK, kk = e % TK;
            as[kk * TM + i] =
                kk < depth && i0 + i < m ? factor(AT_A((size_t)(i0 + i) * k + k0 + kk)) : 0;
        }
#endif
#if TB
        for (int e = lane; e < TK * TN; e += LANES) {
            const int j = e / TK, kk = e % TK;
            bs[kk * TN + j] =
                kk < depth && j0 + j < n ? factor(AT_B((size_t)(j0 + j) * k + k0 + kk)) : 0;
        }
#else
        for (int e = lane; e < TK * TN; e += LANES) {
            const int kk = e / TN, j = e % TN;
            bs[e] = kk < depth && j0 + j < n ? factor(AT_B((size_t)(k0 + kk) * n + j0 + j)) : 0;
        }
#endif
        group_barrier(CLK_LOCAL_MEM_FENCE);
        for (int s = lane; s < SUBS; s += LANES) {
            const int i = s / (TN / RN) * RM, j = s % (TN / RN) * RN;
            vec acc[RM][NV];
#pragma unroll
            for (int r = 0; r < RM; r++)
#pragma unroll
                for (int v = 0; v < NV; v++)
                    acc[r][v] = (vec)(0.0f);
            for (int kk = 0; kk < depth; kk++) {
                vec row[NV];
#pragma unroll
                for (int v = 0; v < NV; v++)
                    row[v] = load_vec(0, bs + kk * TN + j + v * VEC);
#pragma unroll
                for (int r = 0; r < RM; r++)
#pragma unroll
                    for (int v = 0; v < NV; v++)
                        acc[r][v] = fma((vec)(as[kk * TM + i + r]), row[v], acc[r][v]);
            }
#pragma unroll
            for (int r = 0; r < RM; r++)
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    __local float *to = cs + (i + r) * TN + j + v * VEC;
                    store_vec(load_vec(0, to) + acc[r][v], 0, to);
                }
        }
    }
    group_barrier(CLK_LOCAL_MEM_FENCE);
    for (int e = lane; e < TM * TN; e += LANES) {
        const int i = i0 + e / TN, j = j0 + e % TN;
        if (i < m && j < n)
#if ADD
            TO_C(AT_C((size_t)i * n + j) + cs[e], (size_t)i * n + j);
#else
            TO_C(cs[e], (size_t)i * n + j);
#endif
    }
}
