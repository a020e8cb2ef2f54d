/* SPDX-License-Identifier: MIT */
/*
 * Products of factors rounded to bfloat16 (to nearest, ties to even; what is below 2^-126 counts as
 * 0), added up in fp32: by the AVX512_BF16 instructions of x86-64 CPUs, twice as fast as fp32. One
 * instruction adds the products of 16 pairs of neighbours along K, so both factors are stored in
 * pairs. Blocks as in Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
 * (2008): a block of B lies in panels of WIDE columns, the pairs of a panel one behind the other.
 */
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

/* 16 pairs of the 32 elements from p on, of which n are there */
TARGET static inline __m512i neighbours(const float *p, size_t n)
{
    const __m512 x = _mm512_maskz_loadu_ps(first(n), p);
    const __m512 y = n > 16 ? _mm512_maskz_loadu_ps(first(n - 16), p + 16) : _mm512_setzero_ps();
    return (__m512i)_mm512_cvtne2ps_pbh(y, x);
}

/* to[pair][pitch] = pairs of rows of from [k, n], each `stride` floats long: what runs along K is a
 * column. */
TARGET static void pack_columns(uint32_t *to, size_t pitch, const float *from, size_t stride,
                                size_t k, size_t n)
{
    for (size_t p = 0; p < (k + 1) / 2; p++)
        for (size_t i = 0; i < n; i += 16) {
            const float *x = from + 2 * p * stride + i;
            const __m512 none = _mm512_setzero_ps();
            const __m512 y = 2 * p + 1 < k ? _mm512_maskz_loadu_ps(first(n - i), x + stride) : none;
            _mm512_storeu_si512(to + p * pitch + i,
                                pairs_of(_mm512_maskz_loadu_ps(first(n - i), x), y));
        }
}

/* to[n][PAIRS] = pairs of from [n, k] */
TARGET static void pack_rows(uint32_t *to, const float *from, size_t stride, size_t k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j += 32)
            _mm512_storeu_si512(to + i * PAIRS + j / 2, neighbours(from + i * stride + j, k - j));
}

/* to[pair][WIDE] = pairs of from [n, k], n <= 16: 16 x 16 of them are transposed by four perfect
 * shuffles, each of which turns the eight bits of a place by one (Stone, 1971). */
TARGET static void pack_across(uint32_t *to, const float *from, size_t stride, size_t k, size_t n)
{
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_or_si512(low, _mm512_set1_epi32(8));
    for (size_t j = 0; j < k; j += 32) {
        __m512i x[16], y[16];
        for (size_t i = 0; i < 16; i++)
            x[i] = i < n ? neighbours(from + i * stride + j, k - j) : _mm512_setzero_si512();
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
    for (size_t j = 0; j < n; j += WIDE, to += PAIRS * WIDE) {
        const size_t at = j0 + j, columns = least(WIDE, n - j);
        if (!t->shape.trans_b) {
            pack_columns(to, WIDE, t->b + k0 * t->ldb + at, t->ldb, k, columns);
            continue;
        }
        pack_across(to, t->b + at * t->ldb + k0, t->ldb, k, least(columns, 16));
        if (columns > 16)
            pack_across(to + 16, t->b + (at + 16) * t->ldb + k0, t->ldb, k, columns - 16);
    }
}

/* Rows i0 .. of C at columns j0 .. from what is packed. */
TARGET static void multiply_packed(const struct gemm_block *t, const struct pack *pack, size_t k,
                                   size_t i0, size_t m, size_t j0, size_t n, int add)
{
    for (size_t j = 0; j < n; j += WIDE)
        for (size_t i = 0; i < m; i += HIGH) {
            float *c = t->c + (i0 + i) * t->ldc + j0 + j;
            const uint32_t *panel = pack->b + j * PAIRS;
            const size_t rows = least(HIGH, m - i), columns = least(WIDE, n - j);
            if (t->shape.trans_a)
                kernel(pack->a + i, 1, ROWS, panel, (k + 1) / 2, c, t->ldc, rows, columns, add);
            else
                kernel(pack->a + i * PAIRS, PAIRS, 1, panel, (k + 1) / 2, c, t->ldc, rows, columns,
                       add);
        }
}

TARGET static void multiply(const struct gemm_block *t)
{
    struct pack pack; /* what lies beyond the edges is multiplied, but never stored */
    const struct gemm_shape *s = &t->shape;
    for (size_t j0 = 0; j0 < s->n; j0 += COLUMNS)
        for (size_t k0 = 0; k0 < s->k; k0 += 2 * PAIRS) {
            const size_t n = least(COLUMNS, s->n - j0), k = least(2 * PAIRS, s->k - k0);
            pack_b(t, pack.b, k0, k, j0, n);
            for (size_t i0 = 0; i0 < s->m; i0 += ROWS) {
                const size_t m = least(ROWS, s->m - i0);
                if (s->trans_a)
                    pack_columns(pack.a, ROWS, t->a + k0 * t->lda + i0, t->lda, k, m);
                else
                    pack_rows(pack.a, t->a + i0 * t->lda + k0, t->lda, k, m);
                multiply_packed(t, &pack, k, i0, m, j0, n, t->add || k0 > 0);
            }
        }
}

static const char *instructions(void)
{
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl")
               ? "bf16 AVX512_BF16"
               : NULL;
}

#else

static const char *instructions(void)
{
    return NULL;
}

static void (*const multiply)(const struct gemm_block *block) = NULL;

#endif

/* Whether the host multiplies; else our own kernel does, which rounds in the same way. */
static int on_host(const struct device *dev)
{
    return device_info(dev)->has_native && instructions();
}

static const char *bf16_identity(const struct device *dev)
{
    return on_host(dev) ? instructions() : "bf16 own";
}

static int bf16_init(struct gemm *gemm, struct error *err)
{
    return on_host(gemm->dev) ? gemm_host_init(gemm, multiply, err) : gemm_own_init(gemm, 1, err);
}

static int bf16_enqueue(struct gemm *gemm, struct error *err)
{
    return on_host(gemm->dev) ? gemm_host_enqueue(gemm, err) : gemm_own_enqueue(gemm, err);
}

static void bf16_fini(struct gemm *gemm)
{
    if (on_host(gemm->dev))
        gemm_host_fini(gemm);
    else
        gemm_own_fini(gemm);
}

static void bf16_describe(const struct gemm *gemm, char *to, size_t size)
{
    if (on_host(gemm->dev))
        gemm_host_describe(gemm, to, size);
}

const struct gemm_provider gemm_bf16 = {
    .name = "bf16",
    .identity = bf16_identity,
    .init = bf16_init,
    .enqueue = bf16_enqueue,
    .fini = bf16_fini,
    .describe = bf16_describe,
};
