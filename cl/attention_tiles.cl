/* SPDX-License-Identifier: MIT */
/*
 * Multi-head self-attention on a GPU, in tiles that stay in registers: what attention.cl computes,
 * by the same rules of bias, shared keys, causal masks and dropout.
 *
 *   s = q k^T scale log2(e)     p = 2^(s - lse)     o = dropout(p) v
 *   dp = dropout(do v^T)        ds = p (dp - delta) scale, delta = sum_d do o
 *   dq = ds k                   dk = ds^T q         dv = dropout(p)^T do
 *
 * qkv [B, t, H + 2 KV, dh] and its gradient; o and do [B, t, H, dh]; lse, in powers of two, and
 * delta [B, H, t] in fp32. The loops are those of FlashAttention-2 (Dao, 2023, algorithms 1 and 2):
 * forward and for dq a group keeps a tile of queries and walks over the keys, for dk and dv it
 * keeps a tile of keys and walks over the queries of all heads that share them. Every sum stays in
 * its work-item's registers to the end and is written once: no atomics, no partial results. Tiles
 * that a causal mask hides are left out.
 *
 * Tiles are TILE x TILE. SLOTS slots of 4 TILE work-items make a group, each with a head of a
 * sample of its own, so that short windows (t <= 32) fill a group too. In a slot work-item (x, y),
 * x < 16, has the rows y + LY m, m < 4, of its tile and of them, in a product over dh, the columns
 * x + 16 n, n < NK; in a product over the other side of the tile ND columns of dh. Both products
 * read 16 columns or XR rows at a time from local memory while the next ones are on their way into
 * registers. p passes through local memory, where dropout's factors wait for it: a counter's words
 * serve the elements of a row that are 16 apart, and what is dropped is told by an element's place
 * alone (see common.h), not by the tiles.
 *
 * The bias of the keys is left out: it adds the same to all scores of a row, which the softmax
 * takes away, and to dq it adds sum_j ds[i, j], which is 0.
 *
 * Counted for TILE = 64: a product has 2 64^2 dh operations. Of local memory a work-item reads 8
 * vectors of 16 bytes for 64 multiply-adds, 1 operation a byte. The 32 of a warp read 1152
 * different bytes for 4096 operations, 3.6 a byte; 2 are needed where a processor does 128
 * multiply-adds and reads 128 bytes a clock. Of global memory a tile reads 3 64 dh numbers for its
 * two products: 21 operations a byte in fp32. Local memory: 27 KiB, 44 KiB for dk and dv, 2 KiB
 * more where ND is 12.
 *
 * Registers: s and the sums are 16 (1 + ND / 4) or, for dk and dv, 16 (1 + ND / 2) of a work-item;
 * with both sides' vectors, what is on its way and addresses some 105 to 125 are alive at a time,
 * for dk and dv of dh > 32 up to 160. ptxas takes 128 to 168 for them, where ND is 8 and more up to
 * 255: two groups, or 16 warps, on a processor where it is 128, 33% of those of sm_86 and 25% of
 * sm_90, else one. FlashAttention has 12 to 25% as well: what hides the time of an instruction are
 * the 16 or more multiply-adds of a work-item that do not wait for each other, and its next
 * vectors, loaded one step ahead.
 *
 * Heads wider than 128 (ND 12, 16) have one group of 8 warps: dk and dv are 96 and 128 sums of a
 * work-item. Where ND is 16 only 8 rows of the second product's right side are in local memory at a
 * time, and each work-item loads half of a row's part.
 *
 * -D: TILE (16, 32, 64; where ND is 16, 32 at least), ND (1, 2, 4, 8, 12, 16: dh <= 16 ND), HV (4:
 * dh is a multiple of 4, else 1, for ND up to 8), BIAS, DROP (in a training alone), BACK (0: there
 * is no backward pass), LANES = 256.
 */
#include "common.h"

#ifndef TILE
#define TILE 64
#endif
#ifndef ND
#define ND 4
#endif
#ifndef HV
#define HV 4
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef DROP
#define DROP 0
#endif
#ifndef BACK
#define BACK 1
#endif

#define ITEMS 256
#define LOG2E 1.44269504f
#define SLOTS (ITEMS / (4 * TILE))
#define LY (TILE / 4)
#define NK (TILE / 16)
#define PARTS (ND > 12 ? 2 : 1)   /* of a row of the second product's right side */
#define XR (LY / PARTS)           /* rows of it at a time */
#define CV (ND >= 4 ? 4 : 1)      /* columns side by side */
#define GN (ND / CV)              /* so many of them, 16 CV apart */
#define GP (GN / PARTS)           /* of these a work-item loads */
#define AHEAD (HV == 4 || ND < 8) /* it loads them one step ahead; else no registers are left */
#define PITCH 5           /* vectors in a row of 16 columns: no two rows in the same banks */
#define PP (TILE / 4 + 1) /* vectors in a row of p */
/* vectors: rows of both sides; at least 16 XR ND SLOTS / 4 */
#define ROOM (ND == 12 ? 768 : 2 * 64 * PITCH)

/* A tile of a matrix: `left` rows from place `from` of a sample's on; their bias where `biased`. */
struct rows {
    __global const stored *at;
    __global const float *bias;
    int biased, from, pitch, left;
    float scale;
};

/* Where a work-item is: its x, y; row y of its slot among the group's 64, in the local memory that
 * rows pass through (see ROOM) and in p; its first element in p. */
struct place {
    int x, y, row;
    __local float4 *room, *line;
    __local float *mine;
};

#if STORED == 0
#define get4(p) (*(__global const float4 *)(p))
#define put4(v, p) (*(__global float4 *)(p) = (v))
#else
#define PICK4(mask, a, b) select((float4)(b), (float4)(a), (mask))
#define BITS4(mask, a, b) as_uint4(PICK4(mask, as_float4(a), as_float4(b)))
STORED_BITS(bits4, float4, uint4, as_float4, as_uint4, BITS4)
STORED_VALUE(values4, float4, uint4, as_float4, as_uint4, PICK4)
#define get4(p) values4(convert_uint4(*(__global const ushort4 *)(p)))
#define put4(v, p) (*(__global ushort4 *)(p) = convert_ushort4(bits4(v)))
#endif

/* Columns d of a row, or d .. d + 3; zeros beyond the matrix, where its last row or first column is
 * read, so that nothing branches */
INLINE float load1(const struct rows *r, int row, int d, int dh)
{
    const int column = d < dh ? d : 0;
    float x = get((uint)(r->from + min(row, r->left - 1) * r->pitch + column), r->at);
    if (r->biased)
        x += r->bias[column];
    return ((row < r->left) & (d < dh)) ? x * r->scale : 0.0f;
}

INLINE float4 load4(const struct rows *r, int row, int d, int dh)
{
#if HV == 4
    const int column = d < dh ? d : 0;
    float4 x = get4(r->at + (uint)(r->from + min(row, r->left - 1) * r->pitch + column));
    if (r->biased)
        x += *(__global const float4 *)(r->bias + column);
    return ((row < r->left) & (d < dh)) ? x * r->scale : (float4)(0.0f);
#else
    return (float4)(load1(r, row, d, dh), load1(r, row, d + 1, dh), load1(r, row, d + 2, dh),
                    load1(r, row, d + 3, dh));
#endif
}

#if ND >= 4
typedef float4 cvec;
#define loadc load4
#else
typedef float cvec;
#define loadc load1
#endif
#define EACH_M _Pragma("unroll") for (int m = 0; m < 4; m++)
#define EACH_N _Pragma("unroll") for (int n = 0; n < NK; n++)
#define EACH_G _Pragma("unroll") for (int g = 0; g < GN; g++)
#define EACH_P _Pragma("unroll") for (int g = 0; g < GP; g++)
/* The first column of a work-item's g-th vector */
#define COLUMN(g) (((g)*16 + at->x) * CV)

/* s[m][n] = row y + LY m of `a` times row x + 16 n of `b`, over dh */
INLINE void across(float s[4][NK], const struct rows *a, const struct rows *b, int dh,
                   const struct place *at)
{
    const int lane = at->y * 16 + at->x, row = lane / 4, part = lane % 4 * 4;
    __local float4 *slot = at->room + (at->row - at->y) * PITCH;
    __local float4 *to = slot + row * PITCH + lane % 4;
    const __local float4 *left = slot + at->y * PITCH, *right = slot + (64 + at->x) * PITCH;
    float4 next_a = load4(a, row, part, dh), next_b = load4(b, row, part, dh);
    EACH_M EACH_N s[m][n] = 0;
#pragma unroll 1
    for (int d = 0; d < dh; d += 16) {
        group_barrier(CLK_LOCAL_MEM_FENCE);
        to[0] = next_a;
        to[64 * PITCH] = next_b;
        group_barrier(CLK_LOCAL_MEM_FENCE);
        next_a = load4(a, row, d + 16 + part, dh);
        next_b = load4(b, row, d + 16 + part, dh);
#pragma unroll 1
        for (int k = 0; k < 4; k++) {
            float4 x[4];
            EACH_M x[m] = left[LY * m * PITCH + k];
            EACH_N
            {
                const float4 z = right[16 * n * PITCH + k];
                EACH_M s[m][n] =
                    fma(x[m].w, z.w, fma(x[m].z, z.z, fma(x[m].y, z.y, fma(x[m].x, z.x, s[m][n]))));
            }
        }
    }
}

/* sum[m][g] += row y + LY m of p times the columns of the work-item in the first `rows` rows of b
 */
INLINE void along(cvec sum[4][GN], const struct rows *b, const __local float4 *left, int rows,
                  int dh, const struct place *at)
{
    __local cvec *slot = (__local cvec *)at->room + (at->row - at->y) / TILE * XR * GN * 16 + at->x;
    const int row = PARTS > 1 ? at->y % XR : at->y, part = PARTS > 1 ? at->y / XR * GP : 0;
    __local cvec *to = slot + (row * GN + part) * 16;
#if AHEAD
    cvec next[GP];
    EACH_P next[g] = loadc(b, row, COLUMN(part + g), dh);
#endif
#pragma unroll 1
    for (int j = 0; j < rows; j += XR) {
        group_barrier(CLK_LOCAL_MEM_FENCE);
#if AHEAD
        EACH_P to[g * 16] = next[g];
        group_barrier(CLK_LOCAL_MEM_FENCE);
        EACH_P next[g] = loadc(b, j + XR + row, COLUMN(part + g), dh);
#else
#pragma unroll 1
        for (int g = 0; g < GP; g++)
            to[g * 16] = loadc(b, j + row, COLUMN(part + g), dh);
        group_barrier(CLK_LOCAL_MEM_FENCE);
#endif
        const __local cvec *right = slot;
#pragma unroll 1
        for (int k = 0; k < XR; k += 4) {
            float4 x[4];
            EACH_M x[m] = left[LY * m * PP];
            EACH_G
            {
                const cvec z0 = right[g * 16], z1 = right[(GN + g) * 16];
                EACH_M sum[m][g] = fma((cvec)(x[m].x), z0, sum[m][g]);
                EACH_M sum[m][g] = fma((cvec)(x[m].y), z1, sum[m][g]);
                const cvec z2 = right[(2 * GN + g) * 16], z3 = right[(3 * GN + g) * 16];
                EACH_M sum[m][g] = fma((cvec)(x[m].z), z2, sum[m][g]);
                EACH_M sum[m][g] = fma((cvec)(x[m].w), z3, sum[m][g]);
            }
            left++;
            right += 4 * GN * 16;
        }
    }
}

/* x[m] = the most, or the sum, of what the 16 work-items of a row have there: four at a time make
 * one in parts [64][4] */
#define OF_ROW(name, join)                                            \
    INLINE void name(float x[4], const struct place *at)              \
    {                                                                 \
        __local float4 *own = at->room + at->row * 4;                 \
        __local float *to = (__local float *)own + at->x;             \
        const int first = (at->row - at->y) * 4 + at->y * 16 + at->x; \
        group_barrier(CLK_LOCAL_MEM_FENCE);                           \
        EACH_M to[LY * m * 16] = x[m];                                \
        group_barrier(CLK_LOCAL_MEM_FENCE);                           \
        const float4 four = at->room[first];                          \
        ((__local float *)(at->room + 64 * 4))[first] =               \
            join(join(four.x, four.y), join(four.z, four.w));         \
        group_barrier(CLK_LOCAL_MEM_FENCE);                           \
        EACH_M                                                        \
        {                                                             \
            const float4 part = at->room[64 * 4 + at->row + LY * m];  \
            x[m] = join(join(part.x, part.y), join(part.z, part.w));  \
        }                                                             \
    }
#define SUM(a, b) ((a) + (b))
OF_ROW(row_most, fmax)
OF_ROW(row_sum, SUM)

/* The work-item's columns of a row */
INLINE void store_row(const cvec sum[GN], float factor, __global stored *row, int dh,
                      const struct place *at)
{
#pragma unroll
    for (int g = 0; g < GN; g++) {
        const int d = COLUMN(g);
#if CV == 1
        if (d < dh)
            put(sum[g] * factor, d, row);
#elif HV == 4
        if (d < dh)
            put4(sum[g] * factor, row + d);
#else
        if (d < dh)
            put(sum[g].x * factor, d, row);
        if (d + 1 < dh)
            put(sum[g].y * factor, d + 1, row);
        if (d + 2 < dh)
            put(sum[g].z * factor, d + 2, row);
        if (d + 3 < dh)
            put(sum[g].w * factor, d + 3, row);
#endif
    }
}

/* Dropout's factors of the work-item's elements into their places in p: from `first` on, step_m and
 * step_n apart for the next m and n. The loop's inner steps are the smaller ones, 16 where TILE is
 * 64. */
#if DROP
INLINE void draw(__private struct dropout *drop, uint first, uint step_m, uint step_n, int inner_n,
                 const struct place *at)
{
#pragma unroll 1
    for (int k = 0; k < 4 * NK; k++) {
        const int m = inner_n ? k / NK : k % 4, n = inner_n ? k % NK : k / 4;
        at->mine[LY * m * 4 * PP + 16 * n] =
            dropout_factor(drop, first + (uint)m * step_m + (uint)n * step_n);
    }
}
#endif

#if BIAS
#define QKV __global const stored *restrict qkv, __global const float *restrict bias
#define BIAS_AT(column) (bias + (column))
#else
#define QKV __global const stored *restrict qkv
#define BIAS_AT(column) 0
#endif
/* t, dh, heads of queries and of keys, `all` of all samples: a slot's (B H, for dk and dv B KV). */
#define REST                                                                                     \
    __global const uint *restrict sample, __global const struct step *restrict step,             \
        const uint path, const uint threshold, const float keep, const float scale, const int t, \
        const int dh, const int heads, const int keys, const int causal, const int all
#define ROW ((heads + 2 * keys) * dh)
/* The first columns of head h: its queries, the keys and the values that it meets. */
#define QUERIES(h) ((h)*dh)
#define KEYS(h) ((heads + (h) / (heads / keys)) * dh)
#define VALUES(h) ((heads + keys + (h) / (heads / keys)) * dh)
/* A tile of them from row i0 on; one of head h of o or its gradient. */
#define TILE_OF(column, i0, biased, factor)                                        \
    {                                                                              \
        own, BIAS_AT(column), biased, (i0)*ROW + (column), ROW, t - (i0), (factor) \
    }
#define TILE_OUT(x, i0)                                                                       \
    {                                                                                         \
        (x) + (size_t)b *t *heads *dh, 0, 0, ((i0)*heads + h) * dh, heads *dh, t - (i0), 1.0f \
    }
/* Whether row `i` sees no column `j`, from the work-item's first ones on: `left` columns are there,
 * the first is `ahead` of the row. */
#define HIDDEN(i, j) ((left <= (j)) | (ahead > (i) - (j)))
/* A probability that waits in p with its factor of dropout, 0 or `keep`: below 0 it is dropped. */
#if DROP
#define WITH_FACTOR(e, factor) ((factor) > 0 ? (e) : -(e))
#define FACTOR_WITH(e) ((e) < 0 ? 0.0f : keep)
#else
#define WITH_FACTOR(e, factor) (e)
#define FACTOR_WITH(e) 1.0f
#endif
#define P_AT(m, n) at->mine[LY * (m)*4 * PP + 16 * (n)]

/* What a slot serves: head `of` of all, `live` if there is one. */
#define PLACES(parts)                                                        \
    __local float4 room[ROOM], p[(parts)*64 * PP];                           \
    const int lane = (int)get_local_id(0), slot = lane / (4 * TILE);         \
    const int own_x = lane % 16, own_y = lane % (4 * TILE) / 16;             \
    const int own_row = slot * TILE + own_y;                                 \
    const struct place here = {own_x,                                        \
                               own_y,                                        \
                               own_row,                                      \
                               room,                                         \
                               p + own_row * PP,                             \
                               (__local float *)(p + own_row * PP) + own_x}; \
    const struct place *at = &here;                                          \
    const int tiles = (t + TILE - 1) / TILE, group = (int)get_group_id(0);   \
    const int wanted = group / tiles * SLOTS + slot, live = wanted < all;    \
    const int of = min(wanted, all - 1);                                     \
    const uint td = (uint)(t + 15) / 16 * 16; /* elements of dropout in a row */

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
attention_tiles_fwd(QKV, __global stored *restrict o, __global float *restrict lse, REST)
{
    PLACES(1)
    const int b = of / heads, h = of % heads;
    __global const stored *own = qkv + (size_t)b * t * ROW;
    const int i0 = (tiles - 1 - group % tiles) * TILE; /* long walks first */
    const int to = causal ? min(i0 + TILE, t) : t;
    const struct rows q = TILE_OF(QUERIES(h), i0, BIAS, scale * LOG2E);
    float most[4], total[4];
    cvec sum[4][GN];
    EACH_M
    {
        most[m] = -INFINITY;
        total[m] = 0;
        EACH_G sum[m][g] = (cvec)(0.0f);
    }
    for (int j0 = 0; j0 < to; j0 += TILE) {
        const struct rows k = TILE_OF(KEYS(h), j0, 0, 1.0f), v = TILE_OF(VALUES(h), j0, BIAS, 1.0f);
        const int left = t - j0 - at->x;
        const int ahead = causal ? j0 + at->x - i0 - at->y : -TILE;
        float s[4][NK], high[4];
        across(s, &q, &k, dh, at);
        EACH_M
        {
            high[m] = -INFINITY;
            EACH_N
            {
                s[m][n] = HIDDEN(LY * m, 16 * n) ? -INFINITY : s[m][n];
                high[m] = fmax(high[m], s[m][n]);
            }
        }
        row_most(high, at);
#if DROP
        struct dropout drop;
        dropout_init(&drop, step, path, threshold, keep);
        dropout_sample(&drop, sample[b]);
        draw(&drop, ((uint)h * t + i0 + at->y) * td + (uint)(j0 + at->x), LY * td, 16, 1, at);
#endif
        EACH_M
        {
            const float now = fmax(most[m], high[m]), shrink = exp2_vec(most[m] - now);
            most[m] = now;
            total[m] *= shrink;
            EACH_G sum[m][g] *= shrink;
            EACH_N
            {
                const float x = exp2_vec(s[m][n] - now);
                total[m] += x;
                P_AT(m, n) = DROP ? x * P_AT(m, n) : x;
            }
        }
        along(sum, &v, at->line, min(TILE, t - j0), dh, at);
    }
    row_sum(total, at);
    EACH_M
    {
        const int i = i0 + at->y + LY * m;
        if (live && i < t) {
            store_row(sum[m], 1.0f / total[m], o + (((size_t)b * t + i) * heads + h) * dh, dh, at);
            if (at->x == 0)
                lse[(size_t)of * t + i] = most[m] + log2(total[m]);
        }
    }
}

#if BACK
/* dq, and delta for what follows */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
attention_tiles_bwd_q(QKV, __global const stored *restrict o, __global const float *restrict lse,
                      __global const stored *restrict dout, __global stored *restrict dqkv,
                      __global float *restrict delta, REST)
{
    PLACES(1)
    const int b = of / heads, h = of % heads;
    __global const stored *own = qkv + (size_t)b * t * ROW;
    const int i0 = (tiles - 1 - group % tiles) * TILE;
    const int to = causal ? min(i0 + TILE, t) : t;
    const struct rows q = TILE_OF(QUERIES(h), i0, BIAS, scale * LOG2E);
    const struct rows y = TILE_OUT(o, i0), dy = TILE_OUT(dout, i0);
    float mean[4], from[4];
    cvec sum[4][GN];
    EACH_M
    {
        const int row = at->y + LY * m;
        cvec part = (cvec)(0.0f);
        EACH_G
        {
            part = fma(loadc(&dy, row, COLUMN(g), dh), loadc(&y, row, COLUMN(g), dh), part);
            sum[m][g] = (cvec)(0.0f);
        }
#if CV == 4
        mean[m] = (part.x + part.y) + (part.z + part.w);
#else
        mean[m] = part;
#endif
        from[m] = lse[(size_t)of * t + min(i0 + row, t - 1)];
    }
    row_sum(mean, at);
    EACH_M
    {
        const int i = i0 + at->y + LY * m;
        if (live && i < t && at->x == 0)
            delta[(size_t)of * t + i] = mean[m];
    }
    for (int j0 = 0; j0 < to; j0 += TILE) {
        const struct rows k = TILE_OF(KEYS(h), j0, 0, 1.0f), v = TILE_OF(VALUES(h), j0, BIAS, 1.0f);
        const int left = t - j0 - at->x;
        const int ahead = causal ? j0 + at->x - i0 - at->y : -TILE;
        float s[4][NK];
        across(s, &q, &k, dh, at);
#if DROP
        struct dropout drop;
        dropout_init(&drop, step, path, threshold, keep);
        dropout_sample(&drop, sample[b]);
        draw(&drop, ((uint)h * t + i0 + at->y) * td + (uint)(j0 + at->x), LY * td, 16, 1, at);
#endif
        EACH_M EACH_N
        {
            const float x = exp2_vec(s[m][n] - from[m]);
            const float e = HIDDEN(LY * m, 16 * n) ? 0.0f : x;
            P_AT(m, n) = WITH_FACTOR(e, P_AT(m, n));
        }
        across(s, &dy, &v, dh, at);
        EACH_M EACH_N
        {
            const float e = P_AT(m, n), dp = s[m][n] * FACTOR_WITH(e);
            P_AT(m, n) = fabs(e) * (dp - mean[m]) * scale;
        }
        along(sum, &k, at->line, min(TILE, t - j0), dh, at);
    }
    EACH_M
    {
        const int i = i0 + at->y + LY * m;
        if (live && i < t)
            store_row(sum[m], 1, dqkv + ((size_t)b * t + i) * ROW + QUERIES(h), dh, at);
    }
}

/* dk and dv. Rows are keys here, columns queries. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
attention_tiles_bwd_kv(QKV, __global const float *restrict delta,
                       __global const float *restrict lse, __global const stored *restrict dout,
                       __global stored *restrict dqkv, REST)
{
    PLACES(2)
    const int b = of / keys, shared = heads / keys, first = of % keys * shared;
    __global const stored *own = qkv + (size_t)b * t * ROW;
    const int j0 = group % tiles * TILE, from = causal ? j0 : 0;
    const struct rows k = TILE_OF(KEYS(first), j0, 0, 1.0f),
                      v = TILE_OF(VALUES(first), j0, BIAS, 1.0f);
    cvec dk[4][GN], dv[4][GN];
    EACH_M EACH_G dk[m][g] = dv[m][g] = (cvec)(0.0f);
    for (int n_head = 0; n_head < shared; n_head++)
        for (int i0 = from; i0 < t; i0 += TILE) {
            const int h = first + n_head;
            const struct rows scaled = TILE_OF(QUERIES(h), i0, BIAS, scale * LOG2E);
            const struct rows q = TILE_OF(QUERIES(h), i0, BIAS, 1.0f), dy = TILE_OUT(dout, i0);
            const int left = t - i0 - at->x;
            const int behind = causal ? j0 + at->y - i0 - at->x : -TILE;
            float s[4][NK];
            across(s, &k, &scaled, dh, at);
#if DROP
            struct dropout drop;
            dropout_init(&drop, step, path, threshold, keep);
            dropout_sample(&drop, sample[b]);
            draw(&drop, ((uint)h * t + i0 + at->x) * td + (uint)(j0 + at->y), LY, 16 * td, 0, at);
#endif
            const size_t row = ((size_t)b * heads + h) * t + i0 + at->x;
            EACH_N
            {
                const float l = left > 16 * n ? lse[row + 16 * n] : 0;
                EACH_M
                {
                    const float x = exp2_vec(s[m][n] - l);
                    const float e = ((left <= 16 * n) | (behind > 16 * n - LY * m)) ? 0.0f : x;
                    P_AT(m, n) = WITH_FACTOR(e, P_AT(m, n));
                }
            }
            across(s, &v, &dy, dh, at);
            EACH_N
            {
                const float mean = left > 16 * n ? delta[row + 16 * n] : 0;
                EACH_M
                {
                    const float e = P_AT(m, n), factor = FACTOR_WITH(e);
                    P_AT(m, n) = fabs(e) * factor;
                    P_AT(64 / LY + m, n) = fabs(e) * fma(s[m][n], factor, -mean) * scale;
                }
            }
            along(dv, &dy, at->line, min(TILE, t - i0), dh, at);
            along(dk, &q, at->line + 64 * PP, min(TILE, t - i0), dh, at);
        }
    EACH_M
    {
        const int j = j0 + at->y + LY * m;
        __global stored *row = dqkv + ((size_t)b * t + j) * ROW;
        if (live && j < t) {
            store_row(dk[m], 1, row + KEYS(first), dh, at);
            store_row(dv[m], 1, row + VALUES(first), dh, at);
        }
    }
}
#endif
