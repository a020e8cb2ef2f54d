/* SPDX-License-Identifier: MIT */
/*
 * Multi-head self-attention: no T x T tensor in global memory.
 *
 *   p[i, j] = softmax_j(q_i k_j / sqrt(dh))        o_i = sum_j dropout(p)[i, j] v_j
 *
 * over all keys j, or with CAUSAL over those j <= i. qkv [B, T, H + 2 KV, DH], without its bias [H
 * + 2 KV, DH] where BIAS: the queries of H heads, the keys of KV heads, their values; H / KV heads
 * of queries share one of keys and values (Ainslie et al., "GQA", 2023). o [B, T, H, DH], lse [B,
 * H, T] = log2 of the softmax's denominator. The softmax is made of powers of two: log2(e) is a
 * factor of the queries.
 *
 * Keys come in tiles of TP, a multiple of VEC, queries in blocks of BQ; the softmax goes on from
 * tile to tile (Milakov and Gimelshein, 2018; Dao et al., "FlashAttention", 2022), o and the
 * gradients adding up in their places. A work-group of the forward pass serves one block of one
 * (sample, head). The backward pass is one kernel, whose work-groups serve a (sample, head of keys)
 * each and walk over its tiles and, in blocks of BB, its queries; or (SPLIT) two, which both
 * recompute p, for dq and for dk and dv. In the softmax vectors run over keys, in the products over
 * DH in vectors of HV.
 *
 * qkv, o and their gradients are `stored`; sums that go on from tile to tile or block to block are
 * fp32 (PART_O, PART_D), and ops/attention.c casts them behind the kernel.
 *
 * -D: T, TP, BQ, BB, SPLIT, DH, HV, H, KV (H), CAUSAL, BIAS, DROP, VEC, LANES, BACK (1; 0: there is
 * no backward pass); GLOBAL puts what is too large for local memory into `room`, SCRATCH floats a
 * work-group.
 */
#include "common.h"

#ifndef T
#define T 64
#endif
#ifndef TP
#define TP 64
#endif
#ifndef BQ
#define BQ 64
#endif
#ifndef BB
#define BB 64
#endif
#ifndef SPLIT
#define SPLIT 0
#endif
#ifndef DH
#define DH 16
#endif
#ifndef HV
#define HV 1
#endif
#ifndef H
#define H 4
#endif
#ifndef KV
#define KV H
#endif
#ifndef CAUSAL
#define CAUSAL 0
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef DROP
#define DROP 0
#endif
#ifndef GLOBAL
#define GLOBAL 0
#endif
#ifndef SCRATCH
#define SCRATCH 0
#endif
#ifndef BACK
#define BACK 1
#endif

#if GLOBAL
#define SPACE __global
#define FENCE CLK_GLOBAL_MEM_FENCE
#else
#define SPACE __local
#define FENCE (CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#endif
#define LOG2E 1.44269504f
#define TD ((T + 15) / 16 * 16) /* a row of dropout's elements, the same for every VEC */
#define QB 4 /* queries side by side, so that a row of keys is loaded once for all */
#define KEYS (TP / VEC)
#define KB (KEYS % 4 == 0 ? 4 : KEYS % 3 == 0 ? 3 : KEYS % 2 == 0 ? 2 : 1)
#define GROUP (H / KV) /* heads of queries that share keys */
#define ROW ((H + 2 * KV) * DH)
/* From a head's queries in a row to its keys and its values. */
#define TO_KEYS(h) ((H + (h) / GROUP - (h)) * DH)
#define TO_VALUES(h) ((H + KV + (h) / GROUP - (h)) * DH)
#define BR ((BQ + VEC - 1) / VEC * VEC)
#define BLOCKS ((T + BQ - 1) / BQ)
#define TILES ((T + TP - 1) / TP)
#define PART_O (STORED && T > TP)
#define PART_D (STORED && (T > TP || T > BB || GROUP > 1))

/* A loop over the tiles that rows before `to` see, and one over the blocks that see the tile at
 * `tile`. Where there is one, there is no loop (see group_barrier()). */
#if TILES == 1
#define EACH_TILE(j0, to) const int j0 = 0;
#else
#define EACH_TILE(j0, to) for (int j0 = 0; j0 < seen((to)-1); j0 += TP)
#endif
#if T <= BB
#define EACH_BLOCK(from, tile) const int from = 0;
#else
#define EACH_BLOCK(from, tile) for (int from = FIRST_BLOCK(tile); from < T; from += BB)
#endif
#if GROUP == 1
#define EACH_HEAD(h, of) const int h = of;
#else
#define EACH_HEAD(h, of) for (int h = (of)*GROUP; h < ((of) + 1) * GROUP; h++)
#endif
#define FIRST_BLOCK(tile) (CAUSAL ? (tile) / BB * BB : 0)

#if HV == 1
typedef float hvec;
#define hload(i, p) ((p)[i])
#define hstore(x, i, p) ((p)[i] = (x))
#else
typedef PASTE(float, HV) hvec;
#define hload PASTE(vload, HV)
#if LANES == 1
typedef hvec loose_hvec __attribute__((aligned(4)));
LOOSE_STORE(hstore, hvec, __global, float)
LOOSE_STORE(hstore, hvec, __local, float)
LOOSE_STORE(hstore, hvec, __private, float)
#else
#define hstore PASTE(vstore, HV)
#endif
#endif
#if STORED == 0
#define hget hload
#define hput hstore
#elif HV == 1
#define hget get
#define hput put
#else
typedef PASTE(uint, HV) uhvec;
#define as_hvec PASTE(as_float, HV)
#define as_uhvec PASTE(as_uint, HV)
#define HPICK(mask, a, b) select((hvec)(b), (hvec)(a), (mask))
#define H_BITS(mask, a, b) as_uhvec(HPICK(mask, as_hvec(a), as_hvec(b)))
STORED_BITS(h_bits, hvec, uhvec, as_hvec, as_uhvec, H_BITS)
STORED_VALUE(h_values, hvec, uhvec, as_hvec, as_uhvec, HPICK)
static inline hvec hget(size_t i, __global const stored *p)
{
    return h_values(PASTE(convert_uint, HV)(PASTE(vload, HV)(i, p)));
}
static inline void hput(hvec x, size_t i, __global stored *p)
{
    PASTE(vstore, HV)(PASTE(convert_ushort, HV)(h_bits(x)), i, p);
}
#endif
#if PART_O
typedef float type_o;
#define oget hload
#define oput hstore
#else
typedef stored type_o;
#define oget hget
#define oput hput
#endif
#if PART_D
typedef float type_d;
#define dget hload
#define dput hstore
#else
typedef stored type_d;
#define dget hget
#define dput hput
#endif
#define HN (DH / HV)
/* Those of QB rows that are `there`: the first ones. A GPU has registers for what belongs to them,
 * but cannot index these by a variable. */
#if LANES == 1
#define EACH(i, there) for (int i = 0; there; i++)
#else
#define EACH(i, there) _Pragma("unroll") for (int i = 0; i < QB; i++) if (there)
#endif
#define COLUMNS (LANES == 1 && HN % 2 == 0 ? 2 : 1) /* vectors of DH side by side */
#define SUMS (LANES == 1 && COLUMNS == 1 ? 2 : 1)

/* What the kernels have in common. `bias` of q, k or v is NULL without BIAS. */
#if BIAS
#define QKV __global const stored *restrict qkv, __global const float *restrict bias
#define BIAS_OF(which) (bias + ((which) ? H + ((which)-1) * KV + h / GROUP : h) * DH)
#else
#define QKV __global const stored *restrict qkv
#define BIAS_OF(which) 0
#endif
#if GLOBAL
#define REST                                                                         \
    __global const uint *restrict sample, __global const struct step *restrict step, \
        const uint path, const uint threshold, const float keep, const float scale,  \
        __global float *restrict room
#else
#define REST                                                                         \
    __global const uint *restrict sample, __global const struct step *restrict step, \
        const uint path, const uint threshold, const float keep, const float scale
#endif

/* Keys that row i sees */
static inline int seen(int i)
{
#if CAUSAL
    return min(i + 1, T);
#else
    return T;
#endif
}

/* Vectors of the tile from key j0 that some row before `to` sees */
static inline int vectors_of(int to, int j0)
{
    return (min(seen(to - 1) - j0, TP) + VEC - 1) / VEC;
}

/* 1 for the first n keys of the tile, else 0 */
static inline ivec is_key(int v, int n)
{
    return v * VEC + convert_ivec(iota()) < (ivec)(n);
}

/* to[d, j] = from[j, d] + bias[d], zero for the keys that pad */
static inline void load_across(SPACE float *to, __global const stored *from,
                               __global const float *bias, int j0, int lane)
{
#if LANES == 1 && VEC > 1 && DH % VEC == 0
    const int rows = min(TP, T - j0);
    for (int j = 0; j < TP; j += VEC)
        for (int d = 0; d < DH; d += VEC) {
            vec a[VEC];
#pragma unroll
            for (int i = 0; i < VEC; i++) {
                a[i] = (vec)(0.0f);
                if (j + i < rows) {
                    a[i] = get_vec(0, from + (size_t)(j0 + j + i) * ROW + d);
                    if (bias)
                        a[i] += load_vec(0, bias + d);
                }
            }
            transpose(a);
#pragma unroll
            for (int i = 0; i < VEC; i++)
                store_vec(a[i], 0, to + (d + i) * TP + j);
        }
#elif LANES == 1 /* row by row, each read at once */
    const int rows = min(TP, T - j0);
    for (int j = 0; j < rows; j++)
        for (int d = 0; d < DH; d++)
            to[d * TP + j] = get((size_t)(j0 + j) * ROW + d, from) + (bias ? bias[d] : 0);
    for (int d = 0; d < DH; d++)
        for (int j = rows; j < TP; j++)
            to[d * TP + j] = 0;
#else
    for (int e = lane; e < TP * DH; e += LANES) {
        const int d = e / TP, j = e % TP;
        to[e] = j0 + j < T ? get((size_t)(j0 + j) * ROW + d, from) + (bias ? bias[d] : 0) : 0;
    }
#endif
}

/* to[j, d] = from[j, d] + bias[d] */
static inline void load_rows(SPACE float *to, __global const stored *from,
                             __global const float *bias, int j0, int lane)
{
    for (int e = lane; e < min(TP, T - j0) * HN; e += LANES) {
        const int j = e / HN, d = e % HN;
        hvec x = hget(d, from + (size_t)(j0 + j) * ROW);
        if (bias)
            x += hload(d, bias);
        hstore(x, d, to + j * DH);
    }
}

/* Rows i0 .. of x, of `pitch` floats each, with their bias and scaled. A CPU copies them. A GPU has
 * no registers for rows of a head: it notes where they are and takes HV columns at a time. */
#if LANES == 1
typedef float queries[QB][DH];
static inline void load_queries(queries q, __global const stored *x, __global const float *bias,
                                size_t pitch, int i0, float scale)
{
    for (int i = 0; i < QB; i++) {
        __global const stored *row = x + min(i0 + i, T - 1) * pitch;
#pragma unroll
        for (int d = 0; d < HN; d++) {
            hvec a = hget(d, row);
            if (bias)
                a += hload(d, bias);
            hstore(a * scale, d, q[i]);
        }
    }
}
#else
typedef struct {
    __global const stored *row[QB];
    __global const float *bias;
    float scale;
} queries[1];
static inline void load_queries(queries q, __global const stored *x, __global const float *bias,
                                size_t pitch, int i0, float scale)
{
#pragma unroll
    for (int i = 0; i < QB; i++)
        q->row[i] = x + min(i0 + i, T - 1) * pitch;
    q->bias = bias;
    q->scale = scale;
}
#endif

/* to[QB][TP] = rows q times the keys in kt: KB vectors of keys at a time stay in registers. */
static inline void scores(SPACE float *to, queries q, const SPACE float *kt, int vectors)
{
    for (int v0 = 0; v0 < vectors; v0 += KB) {
        vec s[QB][KB];
#pragma unroll
        for (int i = 0; i < QB; i++)
#pragma unroll
            for (int v = 0; v < KB; v++)
                s[i][v] = (vec)(0.0f);
#if LANES == 1
        for (int d = 0; d < DH; d++) {
            vec key[KB];
#pragma unroll
            for (int v = 0; v < KB; v++)
                key[v] = load_vec(v0 + v, kt + d * TP);
#pragma unroll
            for (int i = 0; i < QB; i++)
#pragma unroll
                for (int v = 0; v < KB; v++)
                    s[i][v] = fma((vec)(q[i][d]), key[v], s[i][v]);
        }
#else
#pragma unroll 1
        for (int d = 0; d < HN; d++) {
            float x[QB][HV];
#pragma unroll
            for (int i = 0; i < QB; i++) {
                hvec a = hget(d, q->row[i]);
                if (q->bias)
                    a += hload(d, q->bias);
                hstore(a * q->scale, 0, x[i]);
            }
#pragma unroll
            for (int k = 0; k < HV; k++)
#pragma unroll
                for (int v = 0; v < KB; v++) {
                    const vec key = load_vec(v0 + v, kt + (d * HV + k) * TP);
#pragma unroll
                    for (int i = 0; i < QB; i++)
                        s[i][v] = fma((vec)(x[i][k]), key, s[i][v]);
                }
        }
#endif
#pragma unroll
        for (int i = 0; i < QB; i++)
#pragma unroll
            for (int v = 0; v < KB; v++)
                store_vec(s[i][v], v0 + v, to + i * TP);
    }
}

/* sum[QB][COLUMNS] = rows p[QB][TP] times x[keys][DH] from vector d on. Two sums of each where
 * there are too few to hide the time of an fma. */
static inline void weighted(hvec sum[QB][COLUMNS], const SPACE float *p, const SPACE float *x,
                            int keys, int d)
{
    hvec part[SUMS][QB][COLUMNS];
#pragma unroll
    for (int n = 0; n < SUMS; n++)
#pragma unroll
        for (int i = 0; i < QB; i++)
#pragma unroll
            for (int c = 0; c < COLUMNS; c++)
                part[n][i][c] = (hvec)(0.0f);
    int j = 0;
    for (; j + SUMS <= keys; j += SUMS)
#pragma unroll
        for (int n = 0; n < SUMS; n++) {
            hvec value[COLUMNS];
#pragma unroll
            for (int c = 0; c < COLUMNS; c++)
                value[c] = hload(d + c, x + (j + n) * DH);
#pragma unroll
            for (int i = 0; i < QB; i++)
#pragma unroll
                for (int c = 0; c < COLUMNS; c++)
                    part[n][i][c] = fma((hvec)(p[i * TP + j + n]), value[c], part[n][i][c]);
        }
    for (; j < keys; j++)
#pragma unroll
        for (int i = 0; i < QB; i++)
#pragma unroll
            for (int c = 0; c < COLUMNS; c++)
                part[0][i][c] = fma((hvec)(p[i * TP + j]), hload(d + c, x + j * DH), part[0][i][c]);
#pragma unroll
    for (int i = 0; i < QB; i++)
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
            sum[i][c] = SUMS == 2 ? part[0][i][c] + part[SUMS - 1][i][c] : part[0][i][c];
}

/* The most that was seen, `most`, and the sum of exp(s - most), `total`, of each row go on from
 * tile to tile; o, which belongs to the former most, is scaled along. */
__kernel void attention_fwd(QKV, __global type_o *restrict o, __global float *restrict lse, REST)
{
#if GLOBAL
    __global float *kt = room + get_group_id(0) * SCRATCH;
    __global float *vs = kt + TP * DH, *ps = vs + TP * DH;
    __global float *most = ps + LANES * QB * TP, *total = most + BR;
#else
    __local float kt[TP * DH], vs[TP * DH], ps[LANES * QB * TP], most[BR], total[BR];
#endif
    const int lane = (int)get_local_id(0), block = (int)get_group_id(0) % BLOCKS;
    const int bh = (int)get_group_id(0) / BLOCKS, b = bh / H, h = bh % H;
    const int from = block * BQ, to = min(from + BQ, T);
    __global const stored *base = qkv + (size_t)b * T * ROW + h * DH;
    __global type_o *out = o + ((size_t)b * T * H + h) * DH;
    SPACE float *p = ps + lane * QB * TP;
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, keep);
    if (DROP && threshold)
        dropout_sample(&drop, sample[b]);

    EACH_TILE(j0, to)
    {
        group_barrier(FENCE);
        load_across(kt, base + TO_KEYS(h), BIAS_OF(1), j0, lane);
        load_rows(vs, base + TO_VALUES(h), BIAS_OF(2), j0, lane);
        group_barrier(FENCE);
        for (int i0 = from + lane * QB; i0 < to; i0 += LANES * QB) {
            const int end = min(i0 + QB, to), vectors = vectors_of(end, j0);
            queries q;
            float shrink[QB];
            load_queries(q, base, BIAS_OF(0), ROW, i0, scale * LOG2E);
            scores(p, q, kt, vectors);
            for (int i = 0; i0 + i < end; i++) {
                SPACE float *row = p + i * TP;
                const int at = i0 + i - from, n = seen(i0 + i) - j0;
                vec high = (vec)(-INFINITY), sum = (vec)(0.0f);
                for (int v = 0; v < vectors; v++) {
                    vec s = load_vec(v, row);
                    if (v >= n / VEC) {
                        s = PICK(is_key(v, n), s, (vec)(-INFINITY));
                        store_vec(s, v, row);
                    }
                    high = PICK(s > high, s, high);
                }
                const float was = j0 ? most[at] : -INFINITY, m = fmax(was, vmax(high));
                for (int v = 0; v < vectors; v++) {
                    vec x = exp2_vec(load_vec(v, row) - m);
                    sum += x;
                    if (DROP && threshold)
                        x *= dropout_factor(&drop,
                                            ((uint)h * T + i0 + i) * TD + (uint)(j0 + v * VEC));
                    store_vec(x, v, row);
                }
                const float less = j0 ? exp2(was - m) : 0;
#if LANES == 1
                shrink[i] = less;
#else
                EACH(k, k < QB)
                {
                    shrink[k] = k == i ? less : shrink[k];
                }
#endif
                most[at] = m;
                total[at] = (j0 ? total[at] * less : 0) + vsum(sum);
            }
            for (int d = 0; d < HN; d += COLUMNS) {
                hvec sum[QB][COLUMNS];
                weighted(sum, p, vs, min(seen(end - 1) - j0, TP), d);
                EACH(i, i0 + i < end)
                {
#pragma unroll
                    for (int c = 0; c < COLUMNS; c++) {
                        __global type_o *row = out + (size_t)(i0 + i) * H * DH;
                        hvec x = sum[i][c];
                        if (j0)
                            x += oget(d + c, row) * shrink[i];
                        if (j0 + TP >= seen(to - 1)) /* the last tile */
                            x *= 1.0f / total[i0 + i - from];
                        oput(x, d + c, row);
                    }
                }
            }
        }
    }
#if LANES == 1
    for (int i = 0; i < to - from; i += VEC) {
        float sums[VEC];
        store_vec(load_vec(0, most + i) + log2(load_vec(0, total + i)), 0, sums);
        for (int k = 0; k < min(VEC, to - from - i); k++)
            lse[(size_t)bh * T + from + i + k] = sums[k];
    }
#else
    for (int i0 = from + lane * QB; i0 < to; i0 += LANES * QB)
        for (int i = i0; i < min(i0 + QB, to); i++)
            lse[(size_t)bh * T + i] = most[i - from] + log2(total[i - from]);
#endif
}

/*
 * dp = do v^T dropout, ds = p (dp - sum_j p dp), and sum_j p dp = do o =: delta (Dao et al., B.4);
 * dq = ds k scale, dk = ds^T q scale, dv = dropout(p)^T do.
 */

/* delta of the rows i0 .. */
static inline void load_delta(float delta[QB], __global const stored *o,
                              __global const stored *dout, int i0)
{
    EACH(i, i < QB)
    {
        const size_t row = (size_t)min(i0 + i, T - 1) * H * DH;
        hvec sum = (hvec)(0.0f);
#if LANES > 1
#pragma unroll 1
#endif
        for (int d = 0; d < HN; d++)
            sum = fma(hget(d, dout + row), hget(d, o + row), sum);
#if LANES > 1 && HV == 4
        delta[i] = (sum.x + sum.z) + (sum.y + sum.w);
#else
        float part[HV];
        hstore(sum, 0, part);
#pragma unroll
        for (int n = HV / 2; n > 0; n /= 2)
#pragma unroll
            for (int k = 0; k < n; k++)
                part[k] += part[k + n];
        delta[i] = part[0];
#endif
    }
}

/* p, dp [QB][TP] = dropout(p) and ds * scale of rows i0 .. end against the keys from j0 in kt, vt
 */
static inline void slopes(SPACE float *p, SPACE float *dp, __global const stored *base,
                          __global const float *bias, __global const stored *dout,
                          __global const float *lse, const float delta[QB], const SPACE float *kt,
                          const SPACE float *vt, __private struct dropout *drop, float scale, int h,
                          int i0, int end, int j0)
{
    const int vectors = vectors_of(end, j0);
    queries q;
    load_queries(q, base, bias, ROW, i0, scale * LOG2E);
    scores(p, q, kt, vectors);
    load_queries(q, dout, 0, H * DH, i0, 1);
    scores(dp, q, vt, vectors);
#if LANES == 1
#define DELTA(i) delta[i]
#else
#define DELTA(i) ((i) == 0 ? mean.x : (i) == 1 ? mean.y : (i) == 2 ? mean.z : mean.w)
    const float4 mean = vload4(0, delta);
#endif
    for (int i = 0; i0 + i < end; i++) {
        const float l = lse[i0 + i];
        const int n = seen(i0 + i) - j0;
        for (int v = 0; v < vectors; v++) {
            const vec e = PICK(is_key(v, n), exp2_vec(load_vec(v, p + i * TP) - l), (vec)(0.0f));
            vec factor = (vec)(1.0f);
            if (DROP && drop->threshold)
                factor = dropout_factor(drop, ((uint)h * T + i0 + i) * TD + (uint)(j0 + v * VEC));
            store_vec(e * factor, v, p + i * TP);
            store_vec(e * fma(load_vec(v, dp + i * TP), factor, (vec)(-DELTA(i))) * scale, v,
                      dp + i * TP);
        }
    }
}

/* dq of rows i0 .. end += (or, for the first tile, =) ds times the keys in ks */
static inline void add_dq(__global type_d *dq, const SPACE float *ds, const SPACE float *ks, int i0,
                          int end, int j0)
{
    for (int d = 0; d < HN; d += COLUMNS) {
        hvec sum[QB][COLUMNS];
        weighted(sum, ds, ks, min(seen(end - 1) - j0, TP), d);
        EACH(i, i0 + i < end)
        {
#pragma unroll
            for (int c = 0; c < COLUMNS; c++) {
                __global type_d *row = dq + (size_t)(i0 + i) * ROW;
                dput(j0 ? dget(d + c, row) + sum[i][c] : sum[i][c], d + c, row);
            }
        }
    }
}

/* dk and dv of keys j .. j + QB of the tile from j0, at vector d, += (or =) those of the rows from
 * .. to, whose p and ds are ps, ds [rows][TP] */
static inline void add_dkv(__global type_d *dk, __global type_d *dv, const SPACE float *ps,
                           const SPACE float *ds, __global const stored *base,
                           __global const float *bias, __global const stored *dout, int from,
                           int to, int j0, int j, int d, int add)
{
    hvec k[QB][COLUMNS], v[QB][COLUMNS];
#pragma unroll
    for (int n = 0; n < QB; n++)
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
            k[n][c] = v[n][c] = (hvec)(0.0f);
#if LANES > 1
#pragma unroll 1
#endif
    for (int i = CAUSAL ? max(from, (j0 + j) / QB * QB) : from; i < to; i++) {
        hvec q[COLUMNS], g[COLUMNS];
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            q[c] = hget(d + c, base + (size_t)i * ROW);
            if (bias)
                q[c] += hload(d + c, bias);
            g[c] = hget(d + c, dout + (size_t)i * H * DH);
        }
#pragma unroll
        for (int n = 0; n < QB; n++) {
            const int at = (i - from) * TP + min(j + n, TP - 1);
            const hvec s = (hvec)(ds[at]), p = (hvec)(ps[at]);
#pragma unroll
            for (int c = 0; c < COLUMNS; c++) {
                k[n][c] = fma(s, q[c], k[n][c]);
                v[n][c] = fma(p, g[c], v[n][c]);
            }
        }
    }
    EACH(n, n < QB && j + n < TP && j0 + j + n < T)
    {
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            const size_t row = (size_t)(j0 + j + n) * ROW;
            dput(add ? dget(d + c, dk + row) + k[n][c] : k[n][c], d + c, dk + row);
            dput(add ? dget(d + c, dv + row) + v[n][c] : v[n][c], d + c, dv + row);
        }
    }
}

/* In one: a work-group takes all keys and queries of a head. Each work-item fills rows of
 * dropout(p) and ds and adds to their dq, then takes keys. */
#if BACK && !SPLIT
__kernel void attention_bwd(QKV, __global const stored *restrict o,
                            __global const float *restrict lse,
                            __global const stored *restrict dout, __global type_d *restrict dqkv,
                            REST)
{
#if GLOBAL
    __global float *kt = room + get_group_id(0) * SCRATCH;
    __global float *vt = kt + TP * DH, *ks = vt + TP * DH, *ps = ks + TP * DH, *ds = ps + BB * TP;
#else
    __local float kt[TP * DH], vt[TP * DH], ks[TP * DH], ps[BB * TP], ds[BB * TP];
#endif
    const int lane = (int)get_local_id(0);
    const int b = (int)get_group_id(0) / KV, kv = (int)get_group_id(0) % KV;
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, keep);
    if (DROP && threshold)
        dropout_sample(&drop, sample[b]);
    EACH_HEAD(h, kv)
    {
        const int bh = b * H + h;
        __global const stored *base = qkv + (size_t)b * T * ROW + h * DH;
        const size_t out = ((size_t)b * T * H + h) * DH;
        __global type_d *dbase = dqkv + (size_t)b * T * ROW + h * DH;
        EACH_TILE(j0, T)
        {
            group_barrier(FENCE);
            load_across(kt, base + TO_KEYS(h), BIAS_OF(1), j0, lane);
            load_across(vt, base + TO_VALUES(h), BIAS_OF(2), j0, lane);
            load_rows(ks, base + TO_KEYS(h), BIAS_OF(1), j0, lane);
            EACH_BLOCK(from, j0)
            {
                const int to = min(from + BB, T);
                const int add = from > FIRST_BLOCK(j0) || h > kv * GROUP;
                group_barrier(FENCE);
                for (int i0 = from + lane * QB; i0 < to; i0 += LANES * QB) {
                    const int end = min(i0 + QB, to);
                    SPACE float *p = ps + (i0 - from) * TP, *dp = ds + (i0 - from) * TP;
                    float delta[QB];
                    if (CAUSAL && i0 + QB <= j0)
                        continue;
                    load_delta(delta, o + out, dout + out, i0);
                    slopes(p, dp, base, BIAS_OF(0), dout + out, lse + (size_t)bh * T, delta, kt, vt,
                           &drop, scale, h, i0, end, j0);
                    add_dq(dbase, dp, ks, i0, end, j0);
                }
                group_barrier(FENCE);
                for (int j = lane * QB; j < min(TP, T - j0); j += LANES * QB)
                    for (int d = 0; d < HN; d += COLUMNS)
                        add_dkv(dbase + TO_KEYS(h), dbase + TO_VALUES(h), ps, ds, base, BIAS_OF(0),
                                dout + out, from, to, j0, j, d, add);
            }
        }
    }
}
#elif BACK

/* Split: dq, and delta [B, H, T] for what follows. */
__kernel void attention_bwd_q(QKV, __global const stored *restrict o,
                              __global const float *restrict lse,
                              __global const stored *restrict dout, __global type_d *restrict dqkv,
                              __global float *restrict delta, REST)
{
#if GLOBAL
    __global float *kt = room + get_group_id(0) * SCRATCH;
    __global float *vt = kt + TP * DH, *ks = vt + TP * DH, *ps = ks + TP * DH;
    __global float *ds = ps + LANES * QB * TP;
#else
    __local float kt[TP * DH], vt[TP * DH], ks[TP * DH], ps[LANES * QB * TP], ds[LANES * QB * TP];
#endif
    const int lane = (int)get_local_id(0), block = (int)get_group_id(0) % BLOCKS;
    const int bh = (int)get_group_id(0) / BLOCKS, b = bh / H, h = bh % H;
    const int from = block * BQ, to = min(from + BQ, T);
    __global const stored *base = qkv + (size_t)b * T * ROW + h * DH;
    const size_t out = ((size_t)b * T * H + h) * DH;
    SPACE float *p = ps + lane * QB * TP, *dp = ds + lane * QB * TP;
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, keep);
    if (DROP && threshold)
        dropout_sample(&drop, sample[b]);
    EACH_TILE(j0, to)
    {
        group_barrier(FENCE);
        load_across(kt, base + TO_KEYS(h), BIAS_OF(1), j0, lane);
        load_across(vt, base + TO_VALUES(h), BIAS_OF(2), j0, lane);
        load_rows(ks, base + TO_KEYS(h), BIAS_OF(1), j0, lane);
        group_barrier(FENCE);
        for (int i0 = from + lane * QB; i0 < to; i0 += LANES * QB) {
            const int end = min(i0 + QB, to);
            float own[QB];
            load_delta(own, o + out, dout + out, i0);
            if (j0 == 0) {
                EACH(i, i0 + i < end)
                {
                    delta[(size_t)bh * T + i0 + i] = own[i];
                }
            }
            slopes(p, dp, base, BIAS_OF(0), dout + out, lse + (size_t)bh * T, own, kt, vt, &drop,
                   scale, h, i0, end, j0);
            add_dq(dqkv + (size_t)b * T * ROW + h * DH, dp, ks, i0, end, j0);
        }
    }
}

/* Split: dk and dv of a tile of keys, from the blocks of queries that see it. */
__kernel void attention_bwd_kv(QKV, __global const float *restrict delta,
                               __global const float *restrict lse,
                               __global const stored *restrict dout, __global type_d *restrict dqkv,
                               REST)
{
#if GLOBAL
    __global float *kt = room + get_group_id(0) * SCRATCH;
    __global float *vt = kt + TP * DH, *ps = vt + TP * DH, *ds = ps + BB * TP;
#else
    __local float kt[TP * DH], vt[TP * DH], ps[BB * TP], ds[BB * TP];
#endif
    const int lane = (int)get_local_id(0), j0 = (int)get_group_id(0) % TILES * TP;
    const int of = (int)get_group_id(0) / TILES, b = of / KV, kv = of % KV;
    {
        const int h = kv * GROUP; /* the first of those that share them */
        __global const stored *base = qkv + (size_t)b * T * ROW + h * DH;
        load_across(kt, base + TO_KEYS(h), BIAS_OF(1), j0, lane);
        load_across(vt, base + TO_VALUES(h), BIAS_OF(2), j0, lane);
    }
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, keep);
    if (DROP && threshold)
        dropout_sample(&drop, sample[b]);
    EACH_HEAD(h, kv)
    {
        const int bh = b * H + h;
        __global const stored *base = qkv + (size_t)b * T * ROW + h * DH;
        const size_t out = ((size_t)b * T * H + h) * DH;
        __global type_d *dbase = dqkv + (size_t)b * T * ROW + h * DH;
        EACH_BLOCK(from, j0)
        {
            const int to = min(from + BB, T);
            const int add = from > FIRST_BLOCK(j0) || h > kv * GROUP;
            group_barrier(FENCE);
            for (int i0 = from + lane * QB; i0 < to; i0 += LANES * QB) {
                float own[QB];
                EACH(i, i < QB)
                {
                    own[i] = delta[(size_t)bh * T + min(i0 + i, T - 1)];
                }
                if (!CAUSAL || i0 + QB > j0)
                    slopes(ps + (i0 - from) * TP, ds + (i0 - from) * TP, base, BIAS_OF(0),
                           dout + out, lse + (size_t)bh * T, own, kt, vt, &drop, scale, h, i0,
                           min(i0 + QB, to), j0);
            }
            group_barrier(FENCE);
            for (int e = lane; e < (TP + QB - 1) / QB * (HN / COLUMNS); e += LANES)
                add_dkv(dbase + TO_KEYS(h), dbase + TO_VALUES(h), ps, ds, base, BIAS_OF(0),
                        dout + out, from, to, j0, e / (HN / COLUMNS) * QB,
                        e % (HN / COLUMNS) * COLUMNS, add);
        }
    }
}
#endif
