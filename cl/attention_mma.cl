/* SPDX-License-Identifier: MIT */
/*
 * Multi-head self-attention by matrix units (mma.h): what attention_tiles.cl computes, of the same
 * arguments and by the same rules, for windows that fill its tiles.
 *
 *   s = q k^T     p = 2^(s scale log2(e) - lse)     o = dropout(p) v
 *   dp = dropout(do v^T)     ds = p (dp - delta) scale     dq = ds k     dk = ds^T q
 *   dv = dropout(p)^T do
 *
 * Factors are rounded to the type that is stored, bfloat16 or half, of fp32 to TF32; all sums and
 * the softmax are fp32. p and ds, which are made here, are rounded as factors too.
 *
 * A group of four warps keeps 64 rows, 16 to a warp: queries forward and for dq, keys for dk and
 * dv. It walks over the other side in tiles of as many rows as registers allow. The rows that it
 * keeps are fragments of A in registers (for dk and dv of wide heads in local memory); the tiles it
 * walks over lie in local memory, from where they are fragments of B, along dh and, for the second
 * product, across. s lies in registers as fragments of C. Two neighbours of C, 16 columns, are what
 * a fragment of A is, so that p and ds never leave the registers (FlashAttention-2; Dao, 2023): for
 * dk and dv s is computed transposed, keys by queries. Of TF32 one fragment of C is one of A whose
 * columns come in another order, for which the rows of B are picked (mma.h). The next tiles are on
 * their way from global memory while a tile is multiplied. Sums are written once: no atomics.
 *
 * Dropout: what is dropped is told by an element's place alone (common.h). A work-item has 2 rows
 * of a tile of s and of them columns of 4 residues of 16; a counter's words serve those that are 16
 * apart, so that it draws 8 counters for its 32 elements and keeps them as 32 bits. Transposed it
 * would need one for each element: there the group draws together, and bits pass through local
 * memory.
 *
 * Counted of halves: a product of 64 rows and a tile of n reads 8 n dh bytes of local memory as B
 * and, for its share of the tile, writes 1 to 2 n dh: 12 operations a byte and more, 370 TF/s at an
 * H100's rate; of TF32 half. mma.sync itself is said to reach 62% of its 989 TF/s. For each element
 * of s there are 2 dh FLOPs to a product, and some ten instructions of softmax: with dh 32 these
 * take longer than the products.
 *
 * -D: ND (1, 2, 4, 8: dh <= 16 ND; TF32: up to 4), HV (a row's 16 bytes lie whole: dh is a multiple
 * of HV, 8 halves or 4 floats; else 1), BIAS, DROP, BACK as in attention_tiles.cl; STORED; MMA;
 * LANES = 128.
 */
#include "common.h"

#define MMA_TYPE (STORED ? STORED : 3)
#include "mma.h"

#ifndef ND
#define ND 4
#endif
#ifndef HV
#define HV (STORED ? 8 : 4)
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

#define LOG2E 1.44269504f
#define ITEMS 128
#define WARPS 4
#define TILE 64                      /* rows that a group keeps */
#define WIDTH (16 * ND)              /* columns of a row, zeros past dh */
#define STEPS (WIDTH / MMA_K)        /* fragments along it, as A */
#define PIECES (WIDTH / 8)           /* and across it, as C */
#define STRIDE (WIDTH / MMA_PER + 4) /* words from row to row in local memory */
#define CHUNK (4 * MMA_PER)          /* elements of 16 bytes */
#define ROW_CHUNKS (WIDTH / CHUNK)

/* Rows of a tile that is walked over: forward, for dq, for dk and dv. */
#if MMA_TYPE == 3
#define WALK_O 32
#define WALK_Q (ND > 2 ? 16 : 32)
#define WALK_KV (ND > 2 ? 16 : 32)
#else
#define WALK_O (ND > 4 ? 32 : 64)
#define WALK_Q (ND > 4 ? 16 : ND > 2 ? 32 : 64)
#define WALK_KV (ND > 4 ? 16 : ND > 1 ? 32 : 64)
#endif
#define KEEPS (ND <= 4) /* keys and values of dk and dv as fragments in registers */
/* The next tiles are on their way: where a chunk is one load, and registers are left for it. */
#define AHEAD (HV > 1)
#define AHEAD_KV (AHEAD && KEEPS)
#define ROWS_Q (2 * WALK_Q > TILE ? 2 * WALK_Q : TILE) /* in local memory */
#if KEEPS
#define ROWS_KV (2 * WALK_KV > TILE ? 2 * WALK_KV : TILE)
#else
#define ROWS_KV (2 * WALK_KV + 2 * TILE)
#endif

/* What a work-item fetches of a tile of so many rows: chunks, of four words. */
#define CHUNKS(rows) ((rows)*ROW_CHUNKS / ITEMS)

/* Loops over registers, which only matrix units have: where MMA = 2 there are barriers in them. One
 * of one pass is none (common.h). */
#if MMA == 1
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif
#if ND == 1 && MMA_TYPE != 3
#define EACH_STEP(k) const int k = 0;
#else
#define EACH_STEP(k) UNROLL for (int k = 0; k < STEPS; k++)
#endif
#define EACH(i, n) _Pragma("unroll") for (int i = 0; i < (n); i++)

/* Fragments of C. No function: clang 15 does not unroll the loop of one everywhere. */
#define ZERO(c, n) EACH(i_, n) EACH(e_, 4)(c)[i_].s[e_] = 0.0f

/* A tile of a matrix: `left` rows from place `from` of a sample's on; their bias where `biased`. */
struct rows {
    __global const stored *at;
    __global const float *bias;
    int biased, from, pitch, left;
};

INLINE size_t place_of(const struct rows *r, int row, int d)
{
    return (size_t)(uint)(r->from + min(row, r->left - 1) * r->pitch + d);
}

/* Column d of a row; 0 past the matrix, where its last row or first column is read. */
INLINE float load1(const struct rows *r, int row, int d, int dh)
{
    const int column = d < dh ? d : 0;
    float x = get(place_of(r, row, column), r->at);
    if (r->biased)
        x += r->bias[column];
    return ((row < r->left) & (d < dh)) ? x : 0.0f;
}

/* The 16 bytes of factors from column d on. */
INLINE void load_chunk(uint *to, const struct rows *r, int row, int d, int dh)
{
#if HV > 1
    const int column = d < dh ? d : 0, inside = (row < r->left) & (d < dh);
    const uint4 four = *(__global const uint4 *)(r->at + place_of(r, row, column));
    const uint x[4] = {four.x, four.y, four.z, four.w};
    EACH(w, 4)
    {
#if STORED
        uint word = x[w];
        if (r->biased) {
            __global const float *bias = r->bias + column + 2 * w;
            word = mma_word(mma_value(word & 0xffffu) + bias[0], mma_value(word >> 16) + bias[1]);
        }
#else
        const uint word = mma_word(as_float(x[w]) + (r->biased ? r->bias[column + w] : 0.0f));
#endif
        to[w] = inside ? word : 0;
    }
#elif STORED
    EACH(w, 4)
    to[w] = mma_word(load1(r, row, d + 2 * w, dh), load1(r, row, d + 2 * w + 1, dh));
#else
    EACH(w, 4) to[w] = mma_word(load1(r, row, d + w, dh));
#endif
}

/* A work-item's chunks of a tile of so many rows, so that they are on their way; else nothing. */
INLINE void fetch(uint *to, const int ahead, const struct rows *r, const int rows, int dh)
{
    if (!ahead)
        return;
    EACH(c, CHUNKS(rows))
    {
        const int e = (int)get_local_id(0) + c * ITEMS;
        load_chunk(to + 4 * c, r, e / ROW_CHUNKS, e % ROW_CHUNKS * CHUNK, dh);
    }
}

/* Rows of a matrix to local memory, one chunk after the other. */
INLINE void load_rows(__local uint *tile, const struct rows *r, const int rows, int dh)
{
#pragma unroll 1
    for (int e = (int)get_local_id(0); e < rows * ROW_CHUNKS; e += ITEMS) {
        uint x[4];
        load_chunk(x, r, e / ROW_CHUNKS, e % ROW_CHUNKS * CHUNK, dh);
        *(__local uint4 *)(tile + e / ROW_CHUNKS * STRIDE + e % ROW_CHUNKS * 4) =
            (uint4)(x[0], x[1], x[2], x[3]);
    }
}

/* What was fetched of a tile, to its place; or, where nothing is on its way, the tile itself. */
INLINE void settle(__local uint *tile, const uint *from, const int ahead, const struct rows *r,
                   const int rows, int dh)
{
    if (!ahead) {
        load_rows(tile, r, rows, dh);
        return;
    }
    EACH(c, CHUNKS(rows))
    {
        const int e = (int)get_local_id(0) + c * ITEMS;
        *(__local uint4 *)(tile + e / ROW_CHUNKS * STRIDE + e % ROW_CHUNKS * 4) =
            (uint4)(from[4 * c], from[4 * c + 1], from[4 * c + 2], from[4 * c + 3]);
    }
}

/* The warp's 16 rows of it as fragments. All wait before the next tile comes to its place. */
INLINE void keep_rows(mma_a *a, __local uint *tile, const struct rows *r, int dh)
{
    load_rows(tile, r, TILE, dh);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    EACH(k, STEPS)
    mma_load_a(&a[k], tile + (int)get_local_id(0) / 32 * 16 * STRIDE + k * 8, STRIDE);
    group_barrier(CLK_LOCAL_MEM_FENCE);
}

/* s[16, n] += the warp's rows, `kept` or else in local memory, times n rows of b, over dh. */
INLINE void across(mma_c *s, const mma_a *kept, __local const uint *left, const int keeps,
                   __local const uint *b, const int n, __local uint *room)
{
    EACH_STEP(k)
    {
        mma_a a;
        mma_b right[8];
        if (keeps)
            a = kept[k];
        else
            mma_load_a(&a, left + (int)get_local_id(0) / 32 * 16 * STRIDE + k * 8, STRIDE);
        EACH(i, n / 8) mma_load_b(&right[i], b + i * 8 * STRIDE + k * 8, STRIDE);
        mma_multiply(s, &a, right, 1, n / 8, room);
    }
}

/* sum[16, WIDTH] += 16 or 8 columns of p, from fragment k MMA_PER on, times as many rows of b; at
 * most 8 pieces at a time. */
#define SIDE (PIECES < 8 ? PIECES : 8)
INLINE void along_step(mma_c *sum, const mma_c *p, const int k, __local const uint *b,
                       __local uint *room)
{
    mma_a a;
    mma_b right[SIDE];
    mma_a_of_columns(&a, p + k * MMA_PER);
    b += k * MMA_K * STRIDE;
    EACH(i, SIDE) mma_load_b_of_columns(&right[i], b + i * 8 / MMA_PER, STRIDE);
    mma_multiply(sum, &a, right, 1, SIDE, room);
#if ND > 4
    EACH(i, SIDE) mma_load_b_of_columns(&right[i], b + (i + 8) * 8 / MMA_PER, STRIDE);
    mma_multiply(sum + 8, &a, right, 1, SIDE, room);
#endif
}

/* sum[16, WIDTH] += p[16, n] b[n, WIDTH], n more than MMA_K */
INLINE void along(mma_c *sum, const mma_c *p, __local const uint *b, const int n,
                  __local uint *room)
{
    UNROLL for (int k = 0; k < n / MMA_K; k++) along_step(sum, p, k, b, room);
}

/* 2^x */
INLINE float power2(float x)
{
#if MMA == 1
    float y;
    __asm__("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#else
    return exp2_vec(x);
#endif
}

/* x[m] = the most, or the sum, of what the four work-items of a row have there. */
INLINE void row_most(float x[2], __local uint *room)
{
    EACH(m, 2)
    {
        x[m] = fmax(x[m], mma_swap(x[m], 1, room));
        x[m] = fmax(x[m], mma_swap(x[m], 2, room));
    }
}

INLINE void row_sum(float x[2], __local uint *room)
{
    EACH(m, 2)
    {
        x[m] += mma_swap(x[m], 1, room);
        x[m] += mma_swap(x[m], 2, room);
    }
}

/* Two columns of a row, the first at d. */
INLINE void store_pair(float x, float y, __global stored *row, int d, int dh)
{
#if HV > 1 && STORED
    if (d < dh)
        *(__global uint *)(row + d) = stored_bit(x) | stored_bit(y) << 16;
#elif HV > 1
    if (d < dh)
        *(__global float2 *)(row + d) = (float2)(x, y);
#else
    if (d < dh)
        put(x, (size_t)d, row);
    if (d + 1 < dh)
        put(y, (size_t)d + 1, row);
#endif
}

/* Row m of the work-item's two of sum[16, WIDTH], times factor. */
INLINE void store_row(const mma_c *sum, const int m, float factor, __global stored *row, int dh)
{
    EACH(i, PIECES)
    store_pair(sum[i].s[2 * m] * factor, sum[i].s[2 * m + 1] * factor, row,
               8 * i + mma_c_column(mma_lane(), 0), dh);
}

#if DROP
/* Which of the work-item's elements of s[16, n] stay, bit by bit; `first` is the number of the one
 * in its first row and column 0 of the tile. */
INLINE uint draw(__private struct dropout *drop, uint first, uint row, const int n)
{
    uint bits = 0;
    const int column = mma_c_column(mma_lane(), 0);
#pragma unroll 1
    for (int k = 0; k < n / 2; k++) {
        const int w = k % (n / 16), of = k / (n / 16); /* 2 x (row, half of 16 columns, column) */
        const uint e =
            first + (uint)(of / 4 * 8) * row + (uint)(16 * w + of / 2 % 2 * 8 + column + of % 2);
        bits |= (uint)(dropout_bits(drop, e) >= drop->threshold) << k;
    }
    return bits;
}
/* Element e of fragment i there. */
#define STAYS(bits, n, i, e) \
    ((bits) >> (((e) / 2 * 4 + (i) % 2 * 2 + (e) % 2) * ((n) / 16) + (i) / 2) & 1u)

/* The same of 64 keys by n queries, by the whole group: bit [key / 16][key % 16][query]. `first` is
 * the number of the first key's and query's element. */
INLINE void draw_keys(__private struct dropout *drop, __local uchar *bits, uint first, uint row,
                      const int n)
{
    const int key = (int)get_local_id(0) % 16, unit = (int)get_local_id(0) / 16;
    uint four = 0;
#pragma unroll 1
    for (int k = 0; k < n / 2; k++) {
        const uint e = first + (uint)(unit * (n / 8) + k / 4) * row + (uint)(16 * (k % 4) + key);
        four |= (uint)(dropout_bits(drop, e) >= drop->threshold) << (k % 4 * 8 + k / 4);
    }
    EACH(w, 4) bits[(w * 16 + key) * 8 + unit] = (uchar)(four >> w * 8);
}
INLINE int stays_key(__local const uchar *bits, int key, int query, const int n)
{
    return bits[key * 8 + query / (n / 8)] >> query % (n / 8) & 1;
}
#endif

#if BIAS
#define QKV __global const stored *restrict qkv, __global const float *restrict bias
#define BIAS_AT(column) (bias + (column))
#else
#define QKV __global const stored *restrict qkv
#define BIAS_AT(column) 0
#endif
/* t, dh, heads of queries and of keys, `all` of all samples: as many as there are groups a tile. */
#define REST                                                                                     \
    __global const uint *restrict sample, __global const struct step *restrict step,             \
        const uint path, const uint threshold, const float keep, const float scale, const int t, \
        const int dh, const int heads, const int keys, const int causal, const int all
#define ROW ((heads + 2 * keys) * dh)
/* The first columns of head h: its queries, the keys and the values that it meets. */
#define QUERIES(h) ((h)*dh)
#define KEYS(h) ((heads + (h) / (heads / keys)) * dh)
#define VALUES(h) ((heads + keys + (h) / (heads / keys)) * dh)
/* Rows of them from row i0 on; of head h of o or its gradient. */
#define ROWS_OF(column, i0, biased)                                      \
    {                                                                    \
        own, BIAS_AT(column), biased, (i0)*ROW + (column), ROW, t - (i0) \
    }
#define ROWS_OUT(x, h, i0)                                                                \
    {                                                                                     \
        (x) + (size_t)b *t *heads *dh, 0, 0, ((i0)*heads + (h)) * dh, heads *dh, t - (i0) \
    }
#define KERNEL __kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void

/* Where a work-item is: its first row among the 64, its first column among 8; the other row is 8
 * further. Its group serves head `of` of all. */
#define PLACES                                                                     \
    MMA_ROOM(room, WARPS, 1, 8);                                                   \
    const int warp = (int)get_local_id(0) / 32, lane = mma_lane();                 \
    const int own_row = warp * 16 + mma_c_row(lane, 0), x = mma_c_column(lane, 0); \
    const int tiles = (t + TILE - 1) / TILE, group = (int)get_group_id(0);         \
    const int of = min(group / tiles, all - 1);                                    \
    const float factor = scale * LOG2E;                                            \
    const uint td = (uint)(t + 15) / 16 * 16 /* elements of dropout in a row */
#define TILE_ROOM(name, rows) __local __attribute__((aligned(16))) uint name[(rows)*STRIDE]

KERNEL attention_mma_fwd(QKV, __global stored *restrict o, __global float *restrict lse, REST)
{
    TILE_ROOM(ks, 2 * WALK_O);
    PLACES;
    const int b = of / heads, h = of % heads;
    __global const stored *own = qkv + (size_t)b * t * ROW;
    const int i0 = (tiles - 1 - group % tiles) * TILE; /* long walks first */
    const int to = causal ? min(i0 + TILE, t) : t, row = i0 + own_row;
    const struct rows queries = ROWS_OF(QUERIES(h), i0, BIAS), first = ROWS_OF(KEYS(h), 0, 0);
    __local uint *const vs = ks + WALK_O * STRIDE;
    mma_a q[STEPS];
    mma_c sum[PIECES];
    uint next[CHUNKS(WALK_O) * 4];
    float most[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
    ZERO(sum, PIECES);
    keep_rows(q, ks, &queries, dh);
    fetch(next, AHEAD, &first, WALK_O, dh);
    settle(ks, next, AHEAD, &first, WALK_O, dh);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    for (int j0 = 0; j0 < to; j0 += WALK_O) {
        const struct rows v = ROWS_OF(VALUES(h), j0, BIAS);
        const struct rows k = ROWS_OF(KEYS(h), j0 + WALK_O, 0);
        mma_c s[WALK_O / 8];
        float high[2] = {-INFINITY, -INFINITY};
        fetch(next, AHEAD, &v, WALK_O, dh);
        ZERO(s, WALK_O / 8);
        across(s, q, 0, 1, ks, WALK_O, room);
        EACH(i, WALK_O / 8) EACH(e, 4)
        {
            const int j = j0 + 8 * i + x + e % 2,
                      last = causal ? min(row + e / 2 * 8, t - 1) : t - 1;
            s[i].s[e] = j > last ? -INFINITY : s[i].s[e] * factor;
            high[e / 2] = fmax(high[e / 2], s[i].s[e]);
        }
        row_most(high, room);
#if DROP
        struct dropout drop;
        dropout_init(&drop, step, path, threshold, keep);
        dropout_sample(&drop, sample[b]);
        const uint bits = draw(&drop, ((uint)h * t + row) * td + (uint)j0, td, WALK_O);
#endif
        EACH(m, 2)
        {
            const float now = fmax(most[m], high[m]), shrink = power2(most[m] - now);
            most[m] = now;
            total[m] *= shrink;
            EACH(i, PIECES)
            {
                sum[i].s[2 * m] *= shrink;
                sum[i].s[2 * m + 1] *= shrink;
            }
        }
        EACH(i, WALK_O / 8) EACH(e, 4)
        {
            const float p = power2(s[i].s[e] - most[e / 2]);
            total[e / 2] += p;
#if DROP
            s[i].s[e] = STAYS(bits, WALK_O, i, e) ? p * keep : 0.0f;
#else
            s[i].s[e] = p;
#endif
        }
        settle(vs, next, AHEAD, &v, WALK_O, dh);
        group_barrier(CLK_LOCAL_MEM_FENCE);
        fetch(next, AHEAD, &k, WALK_O, dh);
        along(sum, s, vs, WALK_O, room);
        settle(ks, next, AHEAD, &k, WALK_O, dh);
        group_barrier(CLK_LOCAL_MEM_FENCE);
    }
    row_sum(total, room);
    EACH(m, 2)
    {
        const int i = row + 8 * m;
        if (i < t) {
            store_row(sum, m, 1.0f / total[m], o + (((size_t)b * t + i) * heads + h) * dh, dh);
            if (x == 0)
                lse[(size_t)of * t + i] = most[m] + log2(total[m]);
        }
    }
}

#if BACK
/* dq, and delta for what follows */
KERNEL attention_mma_bwd_q(QKV, __global const stored *restrict o,
                           __global const float *restrict lse, __global const stored *restrict dout,
                           __global stored *restrict dqkv, __global float *restrict delta, REST)
{
    TILE_ROOM(ks, ROWS_Q);
    PLACES;
    const int b = of / heads, h = of % heads;
    __global const stored *own = qkv + (size_t)b * t * ROW;
    const int i0 = (tiles - 1 - group % tiles) * TILE;
    const int to = causal ? min(i0 + TILE, t) : t, row = i0 + own_row;
    const struct rows queries = ROWS_OF(QUERIES(h), i0, BIAS);
    const struct rows y = ROWS_OUT(o, h, i0), dy = ROWS_OUT(dout, h, i0);
    const struct rows first_k = ROWS_OF(KEYS(h), 0, 0), first_v = ROWS_OF(VALUES(h), 0, BIAS);
    __local uint *const vs = ks + WALK_Q * STRIDE;
    mma_a q[STEPS], up[STEPS];
    mma_c sum[PIECES];
    uint next_k[CHUNKS(WALK_Q) * 4], next_v[CHUNKS(WALK_Q) * 4];
    float mean[2] = {0, 0}, from[2];
    ZERO(sum, PIECES);
    EACH(m, 2)
    {
        for (int d = x / 2; d < dh; d += 4)
            mean[m] =
                fma(load1(&dy, own_row + 8 * m, d, dh), load1(&y, own_row + 8 * m, d, dh), mean[m]);
        from[m] = lse[(size_t)of * t + min(row + 8 * m, t - 1)];
    }
    row_sum(mean, room);
    EACH(m, 2)
    if (row + 8 * m < t && x == 0)
        delta[(size_t)of * t + row + 8 * m] = mean[m];
    keep_rows(q, ks, &queries, dh);
    keep_rows(up, ks, &dy, dh);
    fetch(next_k, AHEAD, &first_k, WALK_Q, dh);
    fetch(next_v, AHEAD, &first_v, WALK_Q, dh);
    for (int j0 = 0; j0 < to; j0 += WALK_Q) {
        const struct rows here_k = ROWS_OF(KEYS(h), j0, 0);
        const struct rows here_v = ROWS_OF(VALUES(h), j0, BIAS);
        const struct rows k = ROWS_OF(KEYS(h), j0 + WALK_Q, 0);
        const struct rows v = ROWS_OF(VALUES(h), j0 + WALK_Q, BIAS);
        mma_c s[WALK_Q / 8], dp[WALK_Q / 8];
        settle(ks, next_k, AHEAD, &here_k, WALK_Q, dh);
        settle(vs, next_v, AHEAD, &here_v, WALK_Q, dh);
        group_barrier(CLK_LOCAL_MEM_FENCE);
        fetch(next_k, AHEAD, &k, WALK_Q, dh);
        fetch(next_v, AHEAD, &v, WALK_Q, dh);
        ZERO(s, WALK_Q / 8);
        ZERO(dp, WALK_Q / 8);
        across(s, q, 0, 1, ks, WALK_Q, room);
        across(dp, up, 0, 1, vs, WALK_Q, room);
#if DROP
        struct dropout drop;
        dropout_init(&drop, step, path, threshold, keep);
        dropout_sample(&drop, sample[b]);
        const uint bits = draw(&drop, ((uint)h * t + row) * td + (uint)j0, td, WALK_Q);
#endif
        EACH(i, WALK_Q / 8) EACH(e, 4)
        {
            const int j = j0 + 8 * i + x + e % 2,
                      last = causal ? min(row + e / 2 * 8, t - 1) : t - 1;
            const float p = j > last ? 0.0f : power2(fma(s[i].s[e], factor, -from[e / 2]));
#if DROP
            const float d = STAYS(bits, WALK_Q, i, e) ? dp[i].s[e] * keep : 0.0f;
#else
            const float d = dp[i].s[e];
#endif
            s[i].s[e] = p * (d - mean[e / 2]) * scale;
        }
#if WALK_Q == MMA_K
        along_step(sum, s, 0, ks, room);
#else
        along(sum, s, ks, WALK_Q, room);
#endif
        group_barrier(CLK_LOCAL_MEM_FENCE);
    }
    EACH(m, 2)
    if (row + 8 * m < t)
        store_row(sum, m, 1.0f, dqkv + ((size_t)b * t + row + 8 * m) * ROW + QUERIES(h), dh);
}

/* dk and dv. Rows are keys here, columns queries. */
KERNEL attention_mma_bwd_kv(QKV, __global const float *restrict delta,
                            __global const float *restrict lse,
                            __global const stored *restrict dout, __global stored *restrict dqkv,
                            REST)
{
    TILE_ROOM(qs, ROWS_KV);
    __local float told[2 * WALK_KV]; /* lse and delta of the queries */
    PLACES;
    const int b = of / keys, shared = heads / keys, first = of % keys * shared;
    __global const stored *own = qkv + (size_t)b * t * ROW;
    const int j0 = group % tiles * TILE, from = causal ? j0 : 0, row = j0 + own_row;
    const int walks = (t - from + WALK_KV - 1) / WALK_KV, turns = shared * walks;
    const struct rows k = ROWS_OF(KEYS(first), j0, 0), v = ROWS_OF(VALUES(first), j0, BIAS);
    const struct rows first_q = ROWS_OF(QUERIES(first), from, BIAS);
    const struct rows first_up = ROWS_OUT(dout, first, from);
    __local uint *const ups = qs + WALK_KV * STRIDE;
    mma_c dk[PIECES], dv[PIECES];
    uint next_q[CHUNKS(WALK_KV) * 4], next_up[CHUNKS(WALK_KV) * 4];
#if DROP
    __local uchar drawn[TILE * 8];
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, keep);
    dropout_sample(&drop, sample[b]);
#endif
    ZERO(dk, PIECES);
    ZERO(dv, PIECES);
#if KEEPS
    __local uint *const ks = 0, *const vs = 0;
    mma_a kept_k[STEPS], kept_v[STEPS];
    keep_rows(kept_k, qs, &k, dh);
    keep_rows(kept_v, qs, &v, dh);
#else
    __local uint *const ks = ups + WALK_KV * STRIDE, *const vs = ks + TILE * STRIDE;
    const mma_a *const kept_k = 0, *const kept_v = 0;
    load_rows(ks, &k, TILE, dh);
    load_rows(vs, &v, TILE, dh);
#endif
    fetch(next_q, AHEAD_KV, &first_q, WALK_KV, dh);
    fetch(next_up, AHEAD_KV, &first_up, WALK_KV, dh);
    for (int turn = 0; turn < turns; turn++) {
        const int h = first + turn / walks, i0 = from + turn % walks * WALK_KV;
        const struct rows here_q = ROWS_OF(QUERIES(h), i0, BIAS);
        const struct rows here_up = ROWS_OUT(dout, h, i0);
        const int next = min(turn + 1, turns - 1), next_h = first + next / walks;
        const struct rows q = ROWS_OF(QUERIES(next_h), from + next % walks * WALK_KV, BIAS);
        const struct rows up = ROWS_OUT(dout, next_h, from + next % walks * WALK_KV);
        mma_c s[WALK_KV / 8], dp[WALK_KV / 8];
        settle(qs, next_q, AHEAD_KV, &here_q, WALK_KV, dh);
        settle(ups, next_up, AHEAD_KV, &here_up, WALK_KV, dh);
        if ((int)get_local_id(0) < 2 * WALK_KV) {
            const int is_delta = (int)get_local_id(0) / WALK_KV;
            const int i = i0 + (int)get_local_id(0) % WALK_KV;
            __global const float *of_rows = is_delta ? delta : lse;
            told[get_local_id(0)] = of_rows[((size_t)b * heads + h) * t + min(i, t - 1)];
        }
#if DROP
        drop.block = 0xffffffffu;
        draw_keys(&drop, drawn, ((uint)h * t + i0) * td + (uint)j0, td, WALK_KV);
#endif
        group_barrier(CLK_LOCAL_MEM_FENCE);
        fetch(next_q, AHEAD_KV, &q, WALK_KV, dh);
        fetch(next_up, AHEAD_KV, &up, WALK_KV, dh);
        ZERO(s, WALK_KV / 8);
        ZERO(dp, WALK_KV / 8);
        across(s, kept_k, ks, KEEPS, qs, WALK_KV, room);
        across(dp, kept_v, vs, KEEPS, ups, WALK_KV, room);
        EACH(i, WALK_KV / 8) EACH(e, 4)
        {
            const int query = 8 * i + x + e % 2, key = own_row + e / 2 * 8;
            const int hidden = (i0 + query >= t) | (causal & (j0 + key > i0 + query));
            const float p = hidden ? 0.0f : power2(fma(s[i].s[e], factor, -told[query]));
#if DROP
            const float stays = stays_key(drawn, key, query, WALK_KV) ? keep : 0.0f;
#else
            const float stays = 1.0f;
#endif
            s[i].s[e] = p * stays;
            dp[i].s[e] = p * fma(dp[i].s[e], stays, -told[WALK_KV + query]) * scale;
        }
#if WALK_KV == MMA_K
        along_step(dv, s, 0, ups, room);
        along_step(dk, dp, 0, qs, room);
#else
        along(dv, s, ups, WALK_KV, room);
        along(dk, dp, qs, WALK_KV, room);
#endif
        group_barrier(CLK_LOCAL_MEM_FENCE);
    }
    EACH(m, 2)
    if (row + 8 * m < t) {
        __global stored *to = dqkv + ((size_t)b * t + row + 8 * m) * ROW;
        store_row(dk, m, 1.0f, to + KEYS(first), dh);
        store_row(dv, m, 1.0f, to + VALUES(first), dh);
    }
}
#endif
