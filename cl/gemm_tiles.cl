/* SPDX-License-Identifier: MIT */
/*
 * C[m, n] = op(A) op(B) (+ C) on a GPU. A work-group makes one TM x TN tile of C, a work-item
 * RM x RN values of it: RM / 4 quads of rows times RN / 4 quads of columns, whose sums stay in
 * registers over all of K. Of K there are TK in local memory, as A'[TK, TM] and B'[TK, TN] of fp32,
 * in two buffers: while one is multiplied, the next quads come from global memory into registers,
 * so that there is one barrier for each TK. A value of C is one sum in the order of K, whatever the
 * tile.
 *
 * With PARTS > 1 a group takes `chunk` of K and writes parts[PARTS, m, n], which gemm_sum adds up
 * in their order.
 *
 * A work-item has 2 RM RN operations for 4 (RM + RN) bytes of local memory. A processor that makes
 * 128 multiply-adds and loads 128 bytes of local memory in a cycle (sm_86, sm_90) needs as long for
 * both where RM = RN = 8. So the design allows the card's full rate with 8 x 8 values, 2/3 of it
 * with 8 x 4 and 1/2 with 4 x 4. That counts each load for itself; the 32 lanes of a warp load 8
 * different quads of B and 4 of A, which a card may move once.
 *
 * -D: those of gemm.h; WIDE_A, WIDE_B, WIDE_C: the rows that lie in memory are multiples of four;
 * TM, TN, TK, RM, RN; LANES = TM TN / (RM RN); VEC = 4.
 */
#include "gemm.h"

#ifndef TM
#define TM 32
#endif
#ifndef TN
#define TN 32
#endif
#ifndef TK
#define TK 8
#endif
#ifndef RM
#define RM 4
#endif
#ifndef RN
#define RN 4
#endif

#define LANES_DOWN (TM / RM)
#define LANES_ACROSS (TN / RN)
#define KERNEL PASTE(gemm_, PASTE(TM, PASTE(x, TN)))
/* 32 neighbours are WARP_ACROSS wide: few different quads, each for several of them. */
#define WARP_ACROSS (LANES_ACROSS < 8 ? LANES_ACROSS : 8)
#define WARP_DOWN (32 / WARP_ACROSS)
#define GROUP (LANES_DOWN * LANES_ACROSS)
/* Four more floats: quads stay aligned, and a column is written without two lanes in one bank. */
#define ROW_A (TM + 4)
#define ROW_B (TN + 4)
#define QUADS(tile) ((tile)*TK / 4 / GROUP)
/* Tiles that follow one another lie in bands, so that the last cache has their rows and columns. */
#define BAND 8

/* To nearest, ties to even; in bfloat16 what is below 2^-126 counts as 0, as in gemm.cl. */
static inline float4 factors(float4 x, const int rounded)
{
#if FACTOR == 1
    const uint4 u = as_uint4(x);
    x = as_float4(select(u, u & 0x80000000u, (u & 0x7f800000u) == 0));
#endif
#if FACTOR
    if (!rounded) {
        float4 y;
        y.s0 = stored_value(stored_bit(x.s0));
        y.s1 = stored_value(stored_bit(x.s1));
        y.s2 = stored_value(stored_bit(x.s2));
        y.s3 = stored_value(stored_bit(x.s3));
        return y;
    }
#endif
    return x;
}

#if STORED
static inline float4 values(ushort4 x)
{
    return (float4)(stored_value(x.s0), stored_value(x.s1), stored_value(x.s2), stored_value(x.s3));
}
#endif

/* Quads as they lie in memory, and their values. */
#if TYPE_A
typedef ushort4 quad_a;
#define VALUES_A(x) factors(values(x), TYPE_A == FACTOR)
#else
typedef float4 quad_a;
#define VALUES_A(x) factors(x, 0)
#endif
#if TYPE_B && TYPE_B < 3
typedef ushort4 quad_b;
#define VALUES_B(x) factors(values(x), TYPE_B == FACTOR)
#else
typedef float4 quad_b;
#define VALUES_B(x) factors(x, 0)
#endif
#define AT_A(i) from[i]
#if TYPE_B >= 3
typedef struct packed_form form_b;
#define FORM_B packed_form_of(TB ? n : k, TB ? k : n)
#define AT_B(i) packed_at(from, form, i)
#else
typedef int form_b; /* of a packed matrix alone */
#define FORM_B 0
#define AT_B(i) from[i]
#endif

#if TYPE_C && PARTS == 1
#define OF_OUT(x) stored_value(x)
#define TO_OUT(x) (ushort) stored_bit(x)
#else
#define OF_OUT(x) (x)
#define TO_OUT(x) (x)
#endif

/* name(): `there` of the four from element `at` on, the others 0. */
#define QUAD_OF(name, quad, type, form_type, wide, at_one)                               \
    static inline quad name(__global const type *from, const form_type *form, size_t at, \
                            int there)                                                   \
    {                                                                                    \
        quad x = (quad)(0);                                                              \
        if (wide)                                                                        \
            return there > 0 ? *(__global const quad *)(from + at) : x;                  \
        if (there > 0)                                                                   \
            x.s0 = at_one(at);                                                           \
        if (there > 1)                                                                   \
            x.s1 = at_one(at + 1);                                                       \
        if (there > 2)                                                                   \
            x.s2 = at_one(at + 2);                                                       \
        if (there > 3)                                                                   \
            x.s3 = at_one(at + 3);                                                       \
        return x;                                                                        \
    }
QUAD_OF(quad_of_a, quad_a, type_a, int, WIDE_A, AT_A)
QUAD_OF(quad_of_b, quad_b, type_b, form_b, WIDE_B, AT_B)

/* Quad e of a tile of `tile` rows or columns by TK: four along K, or four of one k. */
static inline int quad_x(const int tile, const int along, int e)
{
    return along ? e / (TK / 4) : e % (tile / 4) * 4;
}

static inline int quad_k(const int tile, const int along, int e)
{
    return along ? e % (TK / 4) * 4 : e / (tile / 4);
}

/* Where it lies in a matrix with `extent` rows or columns. */
static inline size_t quad_at(const int along, int x, int kk, int extent, int k)
{
    return along ? (size_t)x * k + kk : (size_t)kk * extent + x;
}

/* How many of its four there are, up to `to` along K. */
static inline int quad_there(const int along, int x, int kk, int extent, int to)
{
    return x >= extent || kk >= to ? 0 : along ? to - kk : extent - x;
}

/* To local memory [TK][row]. */
static inline void quad_keep(const int along, __local float *to, const int row, int x, int kk,
                             float4 value)
{
    __local float *at = to + kk * row + x;
    if (along) {
        at[0] = value.s0;
        at[row] = value.s1;
        at[2 * row] = value.s2;
        at[3 * row] = value.s3;
    } else {
        *(__local float4 *)at = value;
    }
}

/* name(): the quads of a tile, from row or column x0 and k0 on, that this work-item copies: from
 * global memory ... */
#define FETCH(name, quad, type, form_type, quad_of, tile, along)                                   \
    INLINE void name(quad *next, __global const type *from, const form_type *form, int x0, int k0, \
                     int extent, int k, int to)                                                    \
    {                                                                                              \
        _Pragma("unroll") for (int q = 0; q < QUADS(tile); q++)                                    \
        {                                                                                          \
            const int e = q * GROUP + (int)get_local_id(0);                                        \
            const int x = x0 + quad_x(tile, along, e), kk = k0 + quad_k(tile, along, e);           \
            const int there = quad_there(along, x, kk, extent, to);                                \
            next[q] = quad_of(from, form, quad_at(along, x, kk, extent, k), there);                \
        }                                                                                          \
    }
FETCH(fetch_a, quad_a, type_a, int, quad_of_a, TM, !TA)
FETCH(fetch_b, quad_b, type_b, form_b, quad_of_b, TN, TB)

/* ... and to local memory. */
#define SETTLE(name, quad, values_of, tile, row, along)                               \
    INLINE void name(__local float *to, const quad *next)                             \
    {                                                                                 \
        _Pragma("unroll") for (int q = 0; q < QUADS(tile); q++)                       \
        {                                                                             \
            const int e = q * GROUP + (int)get_local_id(0);                           \
            quad_keep(along, to, row, quad_x(tile, along, e), quad_k(tile, along, e), \
                      values_of(next[q]));                                            \
        }                                                                             \
    }
SETTLE(settle_a, quad_a, VALUES_A, TM, ROW_A, !TA)
SETTLE(settle_b, quad_b, VALUES_B, TN, ROW_B, TB)

static inline float4 four(__local const float *at)
{
    return *(__local const float4 *)at;
}

/* What a work-item has of C: sum[row][quad] += A' B' over TK. */
INLINE void multiply_tile(float4 sum[RM][RN / 4], __local const float *as, __local const float *bs)
{
#pragma unroll 2
    for (int kk = 0; kk < TK; kk++) {
        float4 right[RN / 4];
#pragma unroll
        for (int c = 0; c < RN / 4; c++)
            right[c] = four(bs + kk * ROW_B + c * 4 * LANES_ACROSS);
#pragma unroll
        for (int r = 0; r < RM / 4; r++) {
            const float4 left = four(as + kk * ROW_A + r * 4 * LANES_DOWN);
#pragma unroll
            for (int c = 0; c < RN / 4; c++) {
                sum[4 * r][c] = fma((float4)(left.s0), right[c], sum[4 * r][c]);
                sum[4 * r + 1][c] = fma((float4)(left.s1), right[c], sum[4 * r + 1][c]);
                sum[4 * r + 2][c] = fma((float4)(left.s2), right[c], sum[4 * r + 2][c]);
                sum[4 * r + 3][c] = fma((float4)(left.s3), right[c], sum[4 * r + 3][c]);
            }
        }
    }
}

/* Four values of C's row from element `at` on, of which `there` are within it. */
static inline void write_quad(__global type_out *out, size_t at, int there, float4 x)
{
#if WIDE_C && (TYPE_C == 0 || PARTS > 1)
    if (there > 0) {
        __global float4 *to = (__global float4 *)(out + at);
        *to = ADDS ? *to + x : x;
    }
#elif WIDE_C
    if (there > 0) {
        __global ushort4 *to = (__global ushort4 *)(out + at);
        if (ADDS)
            x += values(*to);
        *to = (ushort4)(TO_OUT(x.s0), TO_OUT(x.s1), TO_OUT(x.s2), TO_OUT(x.s3));
    }
#else
    const float value[4] = {x.s0, x.s1, x.s2, x.s3};
#pragma unroll
    for (int i = 0; i < 4; i++)
        if (i < there)
            out[at + i] = TO_OUT((ADDS ? OF_OUT(out[at + i]) : 0.0f) + value[i]);
#endif
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
KERNEL(__global const type_a *restrict a, __global const type_b *restrict b, __global type_out *out,
       TAIL_ARGUMENTS const int m, const int n, const int k, const int chunk)
{
    __local __attribute__((aligned(16))) float as[2 * TK * ROW_A], bs[2 * TK * ROW_B];
    const int lane = (int)get_local_id(0), warp = lane / 32;
    const int warps_across = LANES_ACROSS / WARP_ACROSS;
    const int x = warp % warps_across * WARP_ACROSS + lane % WARP_ACROSS;
    const int y = warp / warps_across * WARP_DOWN + lane % 32 / WARP_ACROSS;

    /* which part of K, which tile */
    const int down = (m + TM - 1) / TM, across = (n + TN - 1) / TN;
    const int part = (int)get_group_id(0) / (down * across);
    const int tile = (int)get_group_id(0) % (down * across);
    const int band = tile / (BAND * across) * BAND, high = min(BAND, down - band);
    const int i0 = (band + tile % (BAND * across) % high) * TM;
    const int j0 = tile % (BAND * across) / high * TN;
    const int from = part * chunk, to = min(k, from + chunk);

    const form_b form = FORM_B;
    float4 sum[RM][RN / 4];
    quad_a next_a[QUADS(TM)];
    quad_b next_b[QUADS(TN)];
#pragma unroll
    for (int r = 0; r < RM; r++)
#pragma unroll
        for (int c = 0; c < RN / 4; c++)
            sum[r][c] = (float4)(0.0f);

    fetch_a(next_a, a, 0, i0, from, m, k, to);
    fetch_b(next_b, b, &form, j0, from, n, k, to);
    int turn = 0;
    for (int k0 = from; k0 < to; k0 += TK) {
        __local float *const left = as + turn * TK * ROW_A;
        __local float *const right = bs + turn * TK * ROW_B;
        settle_a(left, next_a);
        settle_b(right, next_b);
        group_barrier(CLK_LOCAL_MEM_FENCE);
        fetch_a(next_a, a, 0, i0, k0 + TK, m, k, to);
        fetch_b(next_b, b, &form, j0, k0 + TK, n, k, to);
        multiply_tile(sum, left + 4 * y, right + 4 * x);
        turn ^= 1;
    }

    __global type_out *const c = out + (PARTS > 1 ? (size_t)part * m * n : 0);
    TAIL_BEGIN(tail);
#pragma unroll
    for (int r = 0; r < RM; r++) {
        const int i = i0 + r / 4 * 4 * LANES_DOWN + 4 * y + r % 4;
        TAIL_ROW(tail, i, m);
#pragma unroll
        for (int q = 0; q < RN / 4; q++) {
            const int j = j0 + q * 4 * LANES_ACROSS + 4 * x;
#if TAILED
            if (i < m && j < n)
                tail_write(&tail, c, sum[r][q], i, j, n);
#else
            write_quad(c, (size_t)i * n + j, i < m ? n - j : 0, sum[r][q]);
#endif
        }
    }
}
