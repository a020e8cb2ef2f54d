/* SPDX-License-Identifier: MIT */
/*
 * Packed matrices of weights, W [out, in] (packed.h). -D: PACKED, LANES; of few_rows ROWS, WIDE
 * (rows of W are whole blocks), VEC, which is 16 on CPUs then, and TILE (rows of W at a time).
 */
#include "common.h"
#include "packed.h"

#ifndef ROWS
#define ROWS 1
#endif
#ifndef WIDE
#define WIDE 0
#endif
#ifndef TILE
#define TILE 1
#endif

#if PACKED != 3
/* The numbers of NF4's codes, where work-items read different ones at a time. */
static inline void copy_map(__local float *map)
{
    for (int i = (int)get_local_id(0); i < 16; i += LANES)
        map[i] = packed_nf4[i];
    group_barrier(CLK_LOCAL_MEM_FENCE);
}
#endif

/* to = the numbers of W; a group has `chunk` pairs. */
__kernel void unpack(__global const uchar *restrict w, __global float *restrict to, const int out,
                     const int in, const int chunk)
{
    const size_t elems = (size_t)out * in, first = (size_t)get_group_id(0) * chunk;
    const struct packed_form form = packed_form_of(out, in);
#if PACKED == 3
    for (int i = (int)get_local_id(0); i < 2 * chunk; i += LANES)
        if (2 * first + i < elems)
            to[2 * first + i] = packed_at(w, &form, 2 * first + i);
#else
    __local float map[16];
    copy_map(map);
    for (int i = (int)get_local_id(0); i < chunk; i += LANES) {
        const size_t at = 2 * (first + i);
        if (at < elems) {
            const float scale = packed_scale(w, &form, at / 64);
            const uchar pair = w[at / 2];
            to[at] = map[pair >> 4] * scale;
            if (at + 1 < elems)
                to[at + 1] = map[pair & 15] * scale;
        }
    }
#endif
}

#if WIDE && PACKED == 3
#define CODES PASTE(char, VEC)
typedef vec sums;
#define sum_of vsum

/* acc += x of each row times row o of W. */
static inline void add_row(__global const stored *x, __global const uchar *w,
                           const struct packed_form *form, size_t o, int in, sums acc[ROWS])
{
    __global const char *codes = (__global const char *)w + o * in;
    const float scale = packed_scale(w, form, o);
    for (int i = (int)get_local_id(0); i < in / VEC; i += LANES) {
        const vec values = convert_vec(PASTE(vload, VEC)(i, codes)) * scale;
#pragma unroll
        for (int r = 0; r < ROWS; r++)
            acc[r] = fma(values, get_vec(i, x + (size_t)r * in), acc[r]);
    }
}

#elif WIDE && LANES == 1

/* table[code] of each element. In OpenCL C a vector's element has no variable number; clang, of
 * which PoCL is made, has them and makes one instruction of these where the CPU has it. */
static inline vec look_up(vec table, uvec code)
{
#ifdef __clang__
#define ENTRY(n) table[code.s##n]
#else
#define ENTRY(n) packed_nf4[code.s##n]
#endif
    return (vec)(ENTRY(0), ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6), ENTRY(7),
                 ENTRY(8), ENTRY(9), ENTRY(a), ENTRY(b), ENTRY(c), ENTRY(d), ENTRY(e), ENTRY(f));
}

/* acc[t] += x of each row times row row[t] of W. The numbers of codes are multiplied with x, and
 * the sum of a block with its scale. The even and odd elements of x, which share bytes of W, are
 * taken apart once for TILE rows. */
static inline void add_rows(__global const stored *x, __global const uchar *w,
                            const struct packed_form *form, const int row[TILE], int in,
                            vec acc[TILE][ROWS])
{
    const vec table = (vec)(PACKED_NF4);
    for (int i = 0; i < in / 64; i++) {
        vec sum[TILE][ROWS];
#pragma unroll
        for (int j = 0; j < 2; j++) {
            vec even[ROWS], odd[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                const vec a = get_vec(4 * i + 2 * j, x + (size_t)r * in);
                const vec b = get_vec(4 * i + 2 * j + 1, x + (size_t)r * in);
                even[r] = (vec)(a.even, b.even);
                odd[r] = (vec)(a.odd, b.odd);
            }
#pragma unroll
            for (int t = 0; t < TILE; t++) {
                const size_t half_block = (size_t)row[t] * (in / 32) + 2 * i + j;
                const uvec codes = convert_uvec(vload16(half_block, w));
                const vec high = look_up(table, codes >> 4), low = look_up(table, codes & 15u);
#pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    sum[t][r] = j ? fma(high, even[r], sum[t][r]) : high * even[r];
                    sum[t][r] = fma(low, odd[r], sum[t][r]);
                }
            }
        }
#pragma unroll
        for (int t = 0; t < TILE; t++) {
            const vec scale = packed_scale(w, form, (size_t)row[t] * (in / 64) + i);
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                acc[t][r] = fma(sum[t][r], scale, acc[t][r]);
        }
    }
}

/* y [ROWS, out] = x [ROWS, in] W^T. A group has `chunk` rows of W; where they are no whole tiles,
 * the last one is made several times. */
__kernel void few_rows(__global const stored *restrict x, __global const uchar *restrict w,
                       __global stored *restrict y, const int out, const int in, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, out);
    const struct packed_form form = packed_form_of(out, in);
    for (int o = from; o < to; o += TILE) {
        int row[TILE];
        vec acc[TILE][ROWS];
#pragma unroll
        for (int t = 0; t < TILE; t++) {
            row[t] = min(o + t, to - 1);
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                acc[t][r] = 0;
        }
        add_rows(x, w, &form, row, in, acc);
#pragma unroll
        for (int t = 0; t < TILE; t++)
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                put(vsum(acc[t][r]), (size_t)r * out + row[t], y);
    }
}

#else
typedef float sums;
#define sum_of(x) (x)

#if WIDE
/* The same on work-items that each have eight numbers at a time. */
static inline void add_row(__global const stored *x, __global const uchar *w,
                           const struct packed_form *form, __local const float *map, size_t o,
                           int in, sums acc[ROWS])
{
    for (int i = (int)get_local_id(0); i < in / 8; i += LANES) {
        const size_t eighth = o * (in / 8) + i;
        const uint codes = ((__global const uint *)w)[eighth];
        const float scale = packed_scale(w, form, eighth / 8);
#pragma unroll
        for (int j = 0; j < 8; j++) {
            const float value = map[codes >> (j ^ 1) * 4 & 15u] * scale;
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                acc[r] = fma(value, get((size_t)r * in + 8 * i + j, x), acc[r]);
        }
    }
}
#else
/* The same of rows that begin anywhere in a block. */
static inline void add_row(__global const stored *x, __global const uchar *w,
                           const struct packed_form *form, size_t o, int in, sums acc[ROWS])
{
    for (int i = (int)get_local_id(0); i < in; i += LANES) {
        const float value = packed_at(w, form, o * in + i);
#pragma unroll
        for (int r = 0; r < ROWS; r++)
            acc[r] = fma(value, get((size_t)r * in + i, x), acc[r]);
    }
}
#endif
#endif

#if PACKED == 3 || !WIDE || LANES > 1
/* y [ROWS, out] = x [ROWS, in] W^T. A group has `chunk` rows of W. */
__kernel void few_rows(__global const stored *restrict x, __global const uchar *restrict w,
                       __global stored *restrict y, const int out, const int in, const int chunk)
{
    __local float room[ROWS * LANES];
    const int lane = (int)get_local_id(0);
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, out);
    const struct packed_form form = packed_form_of(out, in);
#if WIDE && PACKED != 3
    __local float map[16];
    copy_map(map);
#endif
    for (int o = from; o < to; o++) {
        sums acc[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; r++)
            acc[r] = 0;
#if WIDE && PACKED != 3
        add_row(x, w, &form, map, o, in, acc);
#else
        add_row(x, w, &form, o, in, acc);
#endif
#pragma unroll
        for (int r = 0; r < ROWS; r++)
            room[r * LANES + lane] = sum_of(acc[r]);
        group_barrier(CLK_LOCAL_MEM_FENCE);
        for (int r = lane; r < ROWS; r += LANES) {
            float sum = 0;
            for (int i = 0; i < LANES; i++)
                sum += room[r * LANES + i];
            put(sum, (size_t)r * out + o, y);
        }
        group_barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif
