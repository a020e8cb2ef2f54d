/* SPDX-License-Identifier: MIT */
/*
 * C[m, n] = op(A) op(B) (+ C) by matrix units (mma.h). A work-group of WM x WN warps makes a TM x
 * TN tile of C, a warp ROWS x COLUMNS fragments of it, whose sums stay in registers over all of K.
 * The next DEPTH columns of A and rows of B, MMA_K for each of STEPS (1 or 2), are on their way
 * from global memory while a tile is multiplied, and go to the other of two places in local memory.
 * There they lie as in global memory, in words of MMA_PER factors: along K, or across it where A is
 * transposed or B is not.
 *
 * With PARTS > 1 a group takes `chunk` of K and writes parts[PARTS, m, n], which gemm_sum adds up
 * in their order.
 *
 * -D: those of gemm.h, FACTOR 0 being TF32, TYPE_B below 3; MMA; WIDE_A, WIDE_B: rows
 * as stored are a multiple of CHUNK elements, so that 16 bytes are read at once; WIDE_C: n is even;
 * TM, TN, STEPS, WM, WN, LANES = MMA_WARP WM WN; VEC = 4; SPREAD as MMA_PAIRS is.
 *
 * What the tiles allow, counted, not measured; of bfloat16 (K = 16 a step, 2 bytes a factor):
 *   tile, warps of     products a warp   bytes it reads   FLOPs a byte   clocks of local memory
 *   256 x 128, 64 x 64       32               4096             32               352
 *   128 x 128, 64 x 64       32               4096             32               192
 *    64 x  64, 32 x 32        8               2048             16                96
 * A product is one mma.sync, 4096 FLOPs. Clocks are those of a group and step, with 128 bytes a
 * clock, of which 32 (TM + TN) bytes write the tile. In a step 128 x 128 takes 2^18
 * multiplications: 256 clocks on sm_80 (1024 a clock), 512 on sm_86 (twice that on a GeForce, whose
 * rate is halved for sums in fp32), 128 at sm_90's stated rate. So local memory allows the whole
 * stated rate of an A100 and of a 3080 Ti, and 67% of an H100's; mma.sync itself is said to reach
 * 62% of that (Luo et al., 2024). A tile of 64 x 64 takes 64, 128 and 32 clocks: 67%, 100% and 33%;
 * one of 256 x 128 73% of an H100's. What it is for are bytes from the last cache: 85 operations
 * for one, where 128 x 128 has 64 and 64 x 64 has 32.
 */
#include "gemm.h"

#define MMA_TYPE (FACTOR ? FACTOR : 3)
#include "mma.h"

#ifndef TM
#define TM 64
#endif
#ifndef TN
#define TN 64
#endif
#ifndef STEPS
#define STEPS 2
#endif
#ifndef WM
#define WM 1
#endif
#ifndef WN
#define WN 1
#endif

/* What is on its way takes twice the registers where a factor is stored in fp32; a work-item that
 * has 128 sums has none for it. */
#if STEPS > 1 && FACTOR && !(TYPE_A && TYPE_B) && TM * TN / LANES > 64
#undef STEPS
#define STEPS 1
#endif
#define DEPTH (STEPS * MMA_K)
#define ROWS (TM / WM / MMA_M)
#define COLUMNS (TN / WN / MMA_N)
#define CHUNK (4 * MMA_PER) /* factors of 16 bytes */
#define STAGED (TN + 4)     /* floats from row to row of sums in local memory */

/* A tile: lines in global memory, elements of each, words from line to line in local memory (mma.h
 * says why), chunks of a work-item, words of a chunk as it is stored. */
#define WIDER(across) ((across) && MMA_TYPE == 3 ? 8 : 4)
#define A_LINES (TA ? DEPTH : TM)
#define A_LONG (TA ? TM : DEPTH)
#define A_STRIDE (A_LONG / MMA_PER + WIDER(TA))
#define A_CHUNKS (TM * DEPTH / CHUNK / LANES)
#define A_RAW (TYPE_A ? CHUNK / 2 : CHUNK)
#define B_LINES (TB ? TN : DEPTH)
#define B_LONG (TB ? DEPTH : TN)
#define B_STRIDE (B_LONG / MMA_PER + WIDER(!TB))
#define B_CHUNKS (TN * DEPTH / CHUNK / LANES)
#define B_RAW (TYPE_B ? CHUNK / 2 : CHUNK)

/* Word w of a chunk as it is stored, of which `inside` elements are inside the matrix, the first
 * number i: an element of fp32, or two halves. What is outside is 0. */
#define RAW_FLOATS(from, i, w, inside) ((inside) > (w) ? as_uint((from)[(i) + (w)]) : 0u)
#define RAW_HALVES(from, i, w, inside)                         \
    (((inside) > 2 * (w) ? (uint)(from)[(i) + 2 * (w)] : 0u) | \
     ((inside) > 2 * (w) + 1 ? (uint)(from)[(i) + 2 * (w) + 1] << 16 : 0u))
#if TYPE_A
#define RAW_OF_A RAW_HALVES
#else
#define RAW_OF_A RAW_FLOATS
#endif
#if TYPE_B
#define RAW_OF_B RAW_HALVES
#else
#define RAW_OF_B RAW_FLOATS
#endif

/* name(): a work-item's chunks, of `raw` words each, of the tile that begins at this line and
 * element of a matrix [lines][longs]. */
#define FETCH(name, type, raw_of, wide, chunks, raw, tile_long)                              \
    INLINE void name(uint *to, __global const type *from, int line0, int long0, int lines,   \
                     int longs)                                                              \
    {                                                                                        \
        _Pragma("unroll") for (int c = 0; c < (chunks); c++)                                 \
        {                                                                                    \
            const int e = (int)get_local_id(0) + c * LANES;                                  \
            const int line = line0 + e / ((tile_long) / CHUNK);                              \
            const int at = long0 + e % ((tile_long) / CHUNK) * CHUNK;                        \
            const int inside = line < lines ? longs - at : 0;                                \
            const size_t i = (size_t)line * (size_t)longs + (size_t)at;                      \
            _Pragma("unroll") for (int w = 0; w < (raw); w += (wide) ? 4 : 1)                \
            {                                                                                \
                uint *word = to + c * (raw) + w;                                             \
                if (wide) {                                                                  \
                    __global const uint4 *four = (__global const uint4 *)(from + i) + w / 4; \
                    vstore4(inside > 0 ? *four : (uint4)(0), 0, word);                       \
                } else                                                                       \
                    *word = raw_of(from, i, w, inside);                                      \
            }                                                                                \
        }                                                                                    \
    }
FETCH(fetch_a, type_a, RAW_OF_A, WIDE_A, A_CHUNKS, A_RAW, A_LONG)
FETCH(fetch_b, type_b, RAW_OF_B, WIDE_B, B_CHUNKS, B_RAW, B_LONG)

/* Word w of a chunk as factors, of the chunk as it is stored. */
#if MMA_TYPE == 3
#define OF_FLOATS(raw, w) mma_word(as_float((raw)[w]))
#if STORED
#define OF_HALVES(raw, w) mma_word(stored_value((raw)[(w) / 2] >> (w) % 2 * 16 & 0xffffu))
#endif
#else
#define OF_FLOATS(raw, w) mma_word(as_float((raw)[2 * (w)]), as_float((raw)[2 * (w) + 1]))
#define OF_HALVES(raw, w) (raw)[w]
#endif
#if TYPE_A
#define WORD_OF_A OF_HALVES
#else
#define WORD_OF_A OF_FLOATS
#endif
#if TYPE_B
#define WORD_OF_B OF_HALVES
#else
#define WORD_OF_B OF_FLOATS
#endif

/* name(): puts what was fetched into a tile in local memory, as factors. */
#define SETTLE(name, word_of, chunks, raw, tile_long, stride)                              \
    INLINE void name(__local uint *tile, const uint *from)                                 \
    {                                                                                      \
        _Pragma("unroll") for (int c = 0; c < (chunks); c++)                               \
        {                                                                                  \
            const int e = (int)get_local_id(0) + c * LANES;                                \
            const int line = e / ((tile_long) / CHUNK), chunk = e % ((tile_long) / CHUNK); \
            const uint *x = from + c * (raw);                                              \
            *(__local uint4 *)(tile + line * (stride) + chunk * 4) =                       \
                (uint4)(word_of(x, 0), word_of(x, 1), word_of(x, 2), word_of(x, 3));       \
        }                                                                                  \
    }
SETTLE(settle_a, WORD_OF_A, A_CHUNKS, A_RAW, A_LONG, A_STRIDE)
SETTLE(settle_b, WORD_OF_B, B_CHUNKS, B_RAW, B_LONG, B_STRIDE)

#define AT_A_TIME 2 /* columns of fragments of B in registers */
#if TB
#define LOAD_B(b, c) mma_load_b(b, bs + (j + (c)*MMA_N) * B_STRIDE + step * 8, B_STRIDE)
#else
#define LOAD_B(b, c) \
    mma_load_b_across(b, bs + step * MMA_K * B_STRIDE + (j + (c)*MMA_N) / MMA_PER, B_STRIDE)
#endif

/* Step `step` of a tile's K: adds to a warp's sums, from row i and column j of the tile on. */
INLINE void multiply_step(mma_c *sum, __local const uint *as, __local const uint *bs,
                          const int step, const int i, const int j, __local uint *room)
{
    mma_a a[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#if TA
        mma_load_a_across(&a[r], as + step * MMA_K * A_STRIDE + (i + r * MMA_M) / MMA_PER,
                          A_STRIDE);
#else
        mma_load_a(&a[r], as + (i + r * MMA_M) * A_STRIDE + step * 8, A_STRIDE);
#endif
#if MMA == 1
#pragma unroll
    for (int c = 0; c < COLUMNS; c += AT_A_TIME) {
        mma_b b[AT_A_TIME];
#pragma unroll
        for (int e = 0; e < AT_A_TIME; e++)
            LOAD_B(&b[e], c + e);
#pragma unroll
        for (int r = 0; r < ROWS * AT_A_TIME; r++)
            mma_one(&sum[r / AT_A_TIME * COLUMNS + c + r % AT_A_TIME], &a[r / AT_A_TIME],
                    &b[r % AT_A_TIME]);
    }
#else
    mma_b b[COLUMNS];
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
        LOAD_B(&b[c], c);
    mma_multiply(sum, a, b, ROWS, COLUMNS, room);
#endif
}

#if !TAILED && MMA_PAIRS
/* Two neighbours of C or of a part, the first at row i and column j. */
static inline void put_pair(__global type_out *c, float x, float y, int i, int j, int m, int n)
{
    const size_t at = (size_t)i * (size_t)n + (size_t)j;
    if (i >= m || j >= n)
        return;
#if WIDE_C && TYPE_C && PARTS == 1
    __global uint *pair = (__global uint *)(c + at);
#if ADDS
    x += stored_value(*pair & 0xffffu);
    y += stored_value(*pair >> 16);
#endif
    *pair = stored_bit(x) | stored_bit(y) << 16;
#elif WIDE_C
    __global float2 *pair = (__global float2 *)(c + at);
    *pair = (ADDS ? *pair : (float2)(0.0f)) + (float2)(x, y);
#elif PARTS > 1
    c[at] = x;
    if (j + 1 < n)
        c[at + 1] = y;
#else
    TO_C((ADDS ? AT_C(at) : 0.0f) + x, at);
    if (j + 1 < n)
        TO_C((ADDS ? AT_C(at + 1) : 0.0f) + y, at + 1);
#endif
}
#elif !TAILED
/* An element of C or of a part; neighbours in a row are those of neighbouring work-items. */
static inline void put_one(__global type_out *c, float x, int i, int j, int m, int n)
{
    const size_t at = (size_t)i * (size_t)n + (size_t)j;
    if (i >= m || j >= n)
        return;
#if PARTS > 1
    c[at] = x;
#else
    TO_C((ADDS ? AT_C(at) : 0.0f) + x, at);
#endif
}
#endif

#define NAME(m, n) NAME_OF(m, n)
#define NAME_OF(m, n) gemm_mma_##m##x##n

__kernel MMA_GROUP __attribute__((reqd_work_group_size(LANES, 1, 1))) void
NAME(TM, TN)(__global const type_a *restrict a, __global const type_b *restrict b,
             __global type_out *out, TAIL_ARGUMENTS const int m, const int n, const int k,
             const int chunk)
{
#if TAILED && !MMA_PAIRS
    __local __attribute__((aligned(16))) uint both[2 * (A_LINES * A_STRIDE + B_LINES * B_STRIDE)];
    __local uint *const as = both, *const bs = both + 2 * A_LINES * A_STRIDE;
    __local float *const staged = (__local float *)both; /* [WM MMA_M][STAGED] */
#else
    __local __attribute__((aligned(16))) uint as[2 * A_LINES * A_STRIDE];
    __local __attribute__((aligned(16))) uint bs[2 * B_LINES * B_STRIDE];
#endif
    MMA_ROOM(room, WM * WN, ROWS, COLUMNS);
    const int warp = (int)get_local_id(0) / MMA_WARP, lane = mma_lane();
    const int across = (n + TN - 1) / TN, tiles = (m + TM - 1) / TM * across;
    const int part = (int)get_group_id(0) / tiles, tile = (int)get_group_id(0) % tiles;
    const int i0 = tile / across * TM, j0 = tile % across * TN;
    const int i = warp / WN * (ROWS * MMA_M), j = warp % WN * (COLUMNS * MMA_N);
    const int from = part * chunk, to = min(k, from + chunk);
    uint raw_a[A_CHUNKS * A_RAW], raw_b[B_CHUNKS * B_RAW];
    mma_c sum[ROWS * COLUMNS];
    __global type_out *const c = out + (PARTS > 1 ? (size_t)part * m * n : 0);
    mma_zero(sum, ROWS * COLUMNS);
    fetch_a(raw_a, a, TA ? from : i0, TA ? i0 : from, TA ? k : m, TA ? m : k);
    fetch_b(raw_b, b, TB ? j0 : from, TB ? from : j0, TB ? n : k, TB ? k : n);
    settle_a(as, raw_a);
    settle_b(bs, raw_b);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    for (int k0 = from; k0 < to; k0 += DEPTH) {
        const int here = (k0 - from) / DEPTH % 2, next = k0 + DEPTH;
        fetch_a(raw_a, a, TA ? next : i0, TA ? i0 : next, TA ? k : m, TA ? m : k);
        fetch_b(raw_b, b, TB ? j0 : next, TB ? next : j0, TB ? n : k, TB ? k : n);
        __local const uint *const left = as + here * A_LINES * A_STRIDE;
        __local const uint *const right = bs + here * B_LINES * B_STRIDE;
#if STEPS == 1
        multiply_step(sum, left, right, 0, i, j, room);
#else /* no two calls in a row: PoCL 3.1 mixes up what they keep over their barriers */
#pragma unroll
        for (int step = 0; step < STEPS; step++)
            multiply_step(sum, left, right, step, i, j, room);
#endif
        settle_a(as + (1 - here) * A_LINES * A_STRIDE, raw_a);
        settle_b(bs + (1 - here) * B_LINES * B_STRIDE, raw_b);
        group_barrier(CLK_LOCAL_MEM_FENCE);
    }
    TAIL_BEGIN(tail);
#if TAILED && MMA_PAIRS
#pragma unroll
    for (int r = 0; r < 2 * ROWS;
         r++) { /* rows of a work-item; elements e and e + 1 of fragments */
        const int e = r % 2 * 2, row = i0 + i + r / 2 * 16 + mma_c_row(lane, e);
        __private const mma_c *of = sum + r / 2 * COLUMNS;
        TAIL_ROW(tail, row, m);
#pragma unroll
        for (int f = 0; f < COLUMNS; f += 2) {
            const int column = j0 + j + f * 8 + mma_c_column(lane, 0);
            if (row < m && column < n)
                tail_write(&tail, c,
                           (float4)(of[f].s[e], of[f].s[e + 1], of[f + 1].s[e], of[f + 1].s[e + 1]),
                           row, column, n);
        }
    }
#elif TAILED /* by way of local memory, a line of fragments of each warp at a time */
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        group_barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (int f = 0; f < COLUMNS; f++)
#pragma unroll
            for (int e = 0; e < MMA_C; e++)
                staged[(warp / WN * MMA_M + mma_c_row(lane, e)) * STAGED + j + f * MMA_N +
                       mma_c_column(lane, e)] = sum[r * COLUMNS + f].s[e];
        group_barrier(CLK_LOCAL_MEM_FENCE);
        for (int q = (int)get_local_id(0); q < WM * MMA_M * TN / 4; q += LANES) {
            const int line = q / (TN / 4), at = q % (TN / 4) * 4;
            const int row = i0 + (line / MMA_M * ROWS + r) * MMA_M + line % MMA_M;
            TAIL_ROW(tail, row, m);
            if (row < m && j0 + at < n)
                tail_write(&tail, c, vload4(0, staged + line * STAGED + at), row, j0 + at, n);
        }
    }
#elif MMA_PAIRS
#pragma unroll
    for (int f = 0; f < ROWS * COLUMNS; f++)
#pragma unroll
        for (int e = 0; e < 4; e += 2)
            put_pair(c, sum[f].s[e], sum[f].s[e + 1],
                     i0 + i + f / COLUMNS * 16 + mma_c_row(lane, e),
                     j0 + j + f % COLUMNS * 8 + mma_c_column(lane, e), m, n);
#else
#pragma unroll
    for (int f = 0; f < ROWS * COLUMNS; f++)
#pragma unroll
        for (int e = 0; e < MMA_C; e++)
            put_one(c, sum[f].s[e], i0 + i + f / COLUMNS * MMA_M + mma_c_row(lane, e),
                    j0 + j + f % COLUMNS * MMA_N + mma_c_column(lane, e), m, n);
#endif
}
