/* SPDX-License-Identifier: MIT */
/*
 * Products of factors that are bfloat16 or are rounded to it (to nearest, ties to even; what is
 * below 2^-126 counts as 0), added up in fp32: by the AVX512_BF16 instructions of x86-64 CPUs,
 * twice as fast as fp32. One instruction adds the products of 16 pairs of neighbours along K, so
 * both factors are stored in pairs. Blocks as in Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication" (2008): a block of B lies in panels of WIDE columns, the
 * pairs of a panel one behind the other.
 */
#include <stdint.h>

#include "device/gemm/provider.h"

#ifdef HAVE_AVX512_BF16

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define HIGH 12 /* rows of C that are summed up in registers */
#define WIDE 32 /* and its columns */
#define PAIRS \
    ((size_t)128) /* of K in a block, so that HIGH rows and a panel stay in the first cache */
#define ROWS ((size_t)96)     /* of A in a block */
#define COLUMNS ((size_t)512) /* of B */
#define SUM_ROWS (2 * ROWS)   /* of a C in bfloat16, summed up in fp32 */

struct pack {
    _Alignas(64)
        uint32_t a[ROWS * PAIRS]; /* [ROWS][PAIRS], or [PAIRS][ROWS] where A is stored transposed */
    _Alignas(64) uint32_t b[COLUMNS * PAIRS];
};

/* The first n of 16 elements */
static inline __mmask16 first(size_t n)
{
    return (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffff);
}

/* 16 pairs of the elements of x and of y: what 0, 16, 1, 17 ... of both are, rounded */
TARGET static inline __m512i pairs_of(__m512 x, __m512 y)
{
    const __m512i low = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i order =
        _mm512_or_si512(low, _mm512_slli_epi32(_mm512_add_epi32(low, _mm512_set1_epi32(16)), 16));
    return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(y, x));
}

/* The same of 16 elements of bfloat16 each, of which n are there */
TARGET static inline __m512i stored_pairs_of(const uint16_t *x, const uint16_t *y, size_t n)
{
    const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first(n), x));
    const __m512i high =
        y ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first(n), y)) : _mm512_setzero_si512();
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/* 16 pairs of the 32 elements from element `at` on, of which n are there */
TARGET static inline __m512i neighbours(const void *from, int stored, size_t at, size_t n)
{
    const float *p = (const float *)from + at;
    if (stored)
        return _mm512_maskz_loadu_epi16(n < 32 ? (1u << n) - 1 : UINT32_MAX,
                                        (const uint16_t *)from + at);
    const __m512 x = _mm512_maskz_loadu_ps(first(n), p);
    const __m512 y = n > 16 ? _mm512_maskz_loadu_ps(first(n - 16), p + 16) : _mm512_setzero_ps();
    return (__m512i)_mm512_cvtne2ps_pbh(y, x);
}

/* to[pair][pitch] = pairs of rows of from [k, n], which are `stride` elements apart: what runs
 * along K is a column. `stored`: as bfloat16. */
TARGET static void pack_columns(uint32_t *to, size_t pitch, const void *from, int stored,
                                size_t stride, size_t k, size_t n)
{
    for (size_t p = 0; p < (k + 1) / 2; p++)
        for (size_t i = 0; i < n; i += 16) {
            const size_t at = 2 * p * stride + i;
            if (stored) {
                const uint16_t *row = (const uint16_t *)from + at;
                _mm512_storeu_si512(
                    to + p * pitch + i,
                    stored_pairs_of(row, 2 * p + 1 < k ? row + stride : NULL, n - i));
                continue;
            }
            const float *x = (const float *)from + at;
            const __m512 none = _mm512_setzero_ps();
            const __m512 y = 2 * p + 1 < k ? _mm512_maskz_loadu_ps(first(n - i), x + stride) : none;
            _mm512_storeu_si512(to + p * pitch + i,
                                pairs_of(_mm512_maskz_loadu_ps(first(n - i), x), y));
        }
}

/* to[n][PAIRS] = pairs of from [n, k] */
TARGET static void pack_rows(uint32_t *to, const void *from, int stored, size_t stride, size_t k,
                             size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j += 32)
            _mm512_storeu_si512(to + i * PAIRS + j / 2,
                                neighbours(from, stored, i * stride + j, k - j));
}

/* to[pair][WIDE] = pairs of from [n, k], n <= 16: 16 x 16 of them are transposed by four perfect
 * shuffles, each of which turns the eight bits of a place by one (Stone, 1971). */
TARGET static void pack_across(uint32_t *to, const void *from, int stored, size_t stride, size_t k,
                               size_t n)
{
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_or_si512(low, _mm512_set1_epi32(8));
    for (size_t j = 0; j < k; j += 32) {
        __m512i x[16], y[16];
        for (size_t i = 0; i < 16; i++)
            x[i] = i < n ? neighbours(from, stored, i * stride + j, k - j) : _mm512_setzero_si512();
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 8; i++) {
                y[2 * i] = _mm512_permutex2var_epi32(x[i], low, x[i + 8]);
                y[2 * i + 1] = _mm512_permutex2var_epi32(x[i], high, x[i + 8]);
            }
            for (int i = 0; i < 16; i++)
                x[i] = y[i];
        }
        for (size_t p = 0; p < 16 && j + 2 * p < k; p++)
            _mm512_storeu_si512(to + (j / 2 + p) * WIDE, x[p]);
    }
}

/* C[rows, columns] = (or +=) the rows at a times a panel, over `pairs` pairs. The pair p of row i
 * is at a[i * of_row + p * of_pair]; both are known where this is inlined. */
TARGET __attribute__((always_inline)) static inline void
kernel(const uint32_t *a, size_t of_row, size_t of_pair, const uint32_t *panel, size_t pairs,
       float *c, size_t ldc, size_t rows, size_t columns, int add)
{
    __m512 sum[HIGH][2];
#pragma GCC unroll 12
    for (int i = 0; i < HIGH; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t p = 0; p < pairs; p++) {
        const __m512bh x = (__m512bh)_mm512_loadu_si512(panel + p * WIDE);
        const __m512bh y = (__m512bh)_mm512_loadu_si512(panel + p * WIDE + 16);
#pragma GCC unroll 12
        for (size_t i = 0; i < HIGH; i++) {
            const __m512bh row = (__m512bh)_mm512_set1_epi32((int)a[i * of_row + p * of_pair]);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], row, x);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], row, y);
        }
    }
    const __mmask16 left = first(columns), right = first(columns > 16 ? columns - 16 : 0);
#pragma GCC unroll 12
    for (size_t i = 0; i < HIGH; i++) {
        float *to = c + i * ldc;
        if (i >= rows)
            break;
        if (add)
            sum[i][0] = _mm512_add_ps(sum[i][0], _mm512_maskz_loadu_ps(left, to));
        _mm512_mask_storeu_ps(to, left, sum[i][0]);
        if (add && right)
            sum[i][1] = _mm512_add_ps(sum[i][1], _mm512_maskz_loadu_ps(right, to + 16));
        if (right)
            _mm512_mask_storeu_ps(to + 16, right, sum[i][1]);
    }
}

TARGET static void pack_b(const struct gemm_block *t, uint32_t *to, size_t k0, size_t k, size_t j0,
                          size_t n)
{
    const enum dtype type = t->shape.type[1];
    int stored = type != DTYPE_F32;
    for (size_t j = 0; j < n; j += WIDE, to += PAIRS * WIDE) {
        const size_t at = j0 + j, columns = least(WIDE, n - j);
        if (!t->shape.trans_b) {
            pack_columns(to, WIDE, gemm_at(t->b, type, k0 * t->ldb + at), stored, t->ldb, k,
                         columns);
            continue;
        }
        pack_across(to, gemm_at(t->b, type, at * t->ldb + k0), stored, t->ldb, k,
                    least(columns, 16));
        if (columns > 16)
            pack_across(to + 16, gemm_at(t->b, type, (at + 16) * t->ldb + k0), stored, t->ldb, k,
                        columns - 16);
    }
}

/* m rows and n columns of c from what is packed. */
TARGET static void multiply_packed(const struct gemm_block *t, const struct pack *pack, size_t k,
                                   size_t m, size_t n, float *to, size_t ldc, int add)
{
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < m; i += HIGH) {
            float *c = to + i * ldc + j;
            const uint32_t *panel = pack->b + j * PAIRS;
            const size_t rows = least(HIGH, m - i), columns = least(WIDE, n - j);
            if (t->shape.trans_a)
                kernel(pack->a + i, 1, ROWS, panel, (k + 1) / 2, c, ldc, rows, columns, add);
            else
                kernel(pack->a + i * PAIRS, PAIRS, 1, panel, (k + 1) / 2, c, ldc, rows, columns,
                       add);
        }
}

/* Rows i0 .. i0+m and columns j0 .. j0+n of C, whose first element is at `to`. */
TARGET static void multiply_columns(const struct gemm_block *t, struct pack *pack, size_t i0,
                                    size_t m, size_t j0, size_t n, float *to, size_t ldc, int add)
{
    const struct gemm_shape *s = &t->shape;
    const enum dtype type = s->type[0];
    int stored = type != DTYPE_F32;
    for (size_t k0 = 0; k0 < s->k; k0 += 2 * PAIRS) {
        const size_t k = least(2 * PAIRS, s->k - k0);
        pack_b(t, pack->b, k0, k, j0, n);
        for (size_t i = 0; i < m; i += ROWS) {
            const size_t rows = least(ROWS, m - i);
            if (s->trans_a)
                pack_columns(pack->a, ROWS, gemm_at(t->a, type, k0 * t->lda + i0 + i), stored,
                             t->lda, k, rows);
            else
                pack_rows(pack->a, gemm_at(t->a, type, (i0 + i) * t->lda + k0), stored, t->lda, k,
                          rows);
            multiply_packed(t, pack, k, rows, n, to + i * ldc, ldc, add || k0 > 0);
        }
    }
}

/* Sums in fp32 as rows of C in bfloat16. */
TARGET static void store_rows(const struct gemm_block *t, const float *sum, size_t i0, size_t m,
                              size_t j0, size_t n)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j += 16) {
            uint16_t *to = gemm_at(t->c, DTYPE_BF16, (i0 + i) * t->ldc + j0 + j);
            const __mmask16 there = first(n - j);
            __m512 x = _mm512_maskz_loadu_ps(there, sum + i * COLUMNS + j);
            if (t->add)
                x = _mm512_add_ps(
                    x, _mm512_castsi512_ps(_mm512_slli_epi32(
                           _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(there, to)), 16)));
            _mm256_mask_storeu_epi16(to, there, (__m256i)_mm512_cvtneps_pbh(x));
        }
}

TARGET static void multiply(const struct gemm_block *t)
{
    struct pack pack; /* what lies beyond the edges is multiplied, but never stored */
    _Alignas(64) float sum[SUM_ROWS * COLUMNS];
    const struct gemm_shape *s = &t->shape;
    for (size_t j0 = 0; j0 < s->n; j0 += COLUMNS) {
        const size_t n = least(COLUMNS, s->n - j0);
        if (s->type[2] == DTYPE_F32) {
            multiply_columns(t, &pack, 0, s->m, j0, n, (float *)t->c + j0, t->ldc, t->add);
            continue;
        }
        for (size_t i0 = 0; i0 < s->m; i0 += SUM_ROWS) {
            const size_t m = least(SUM_ROWS, s->m - i0);
            multiply_columns(t, &pack, i0, m, j0, n, sum, COLUMNS, 0);
            store_rows(t, sum, i0, m, j0, n);
        }
    }
}

gemm_multiply *gemm_bf16_instructions(void)
{
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl")
               ? multiply
               : NULL;
}

#else

gemm_multiply *gemm_bf16_instructions(void)
{
    return NULL;
}

#endif
