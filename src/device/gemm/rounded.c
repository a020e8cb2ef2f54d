/* SPDX-License-Identifier: MIT */
/*
 * Products of rounded factors, and who makes them: instructions of the CPU; or the host BLAS from
 * blocks of A and B that are rounded and unpacked to fp32, which holds their products; or our own
 * kernel. Products of packed matrices are made by the same blocks.
 */
#include "device/gemm/provider.h"
#include "tensor/packed.h"

#ifdef HAVE_CBLAS

#include <math.h>
#include <string.h>

/* Of a block: all three lie on the stack of a thread. */
#define ROWS ((size_t)192)
#define COLUMNS ((size_t)256)
#define DEEP ((size_t)256)

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* As in cl/common.h: to nearest, ties to even; NaN stays NaN. */
static uint16_t to_bfloat(float x)
{
    const uint32_t u = bits_of(x);
    return (uint16_t)(x != x ? u >> 16 | 0x40 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static uint16_t to_half(float x)
{
    const uint32_t u = bits_of(x) & 0x7fffffff, sign = bits_of(x) >> 16 & 0x8000;
    uint32_t h = (u + 0xc8000fff + (u >> 13 & 1)) >> 13;
    if (u < 113U << 23) /* the last digit of x + 1/2 is 2^-24 */
        h = bits_of(of_bits(u) + 0.5F) - 0x3f000000;
    else if (u > 0x7f800000)
        h = 0x7e00;
    else if (u >= 143U << 23)
        h = 0x7c00;
    return (uint16_t)(h | sign);
}

static float from_half(uint16_t h)
{
    const uint32_t size = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    const float x = of_bits(size) * 0x1p112F;
    return of_bits((x >= 65536 ? size | 0x7f800000 : bits_of(x)) | sign);
}

/* In bfloat16 what is below 2^-126 counts as 0, as in AVX512_BF16. */
static float from_bfloat(uint16_t bits)
{
    return of_bits((uint32_t)(bits & 0x7f80 ? bits : bits & 0x8000) << 16);
}

/* A row of n elements as factors. */
static void unpack(float *to, const void *from, enum dtype type, enum dtype factor, size_t n)
{
    const float *x = from;
    const uint16_t *h = from;
    if (type == DTYPE_BF16)
        for (size_t i = 0; i < n; i++)
            to[i] = from_bfloat(h[i]);
    else if (type == DTYPE_F16)
        for (size_t i = 0; i < n; i++)
            to[i] = from_half(h[i]);
    else if (factor == DTYPE_F32)
        memmove(to, x, n * sizeof *to);
    else if (factor == DTYPE_BF16)
        for (size_t i = 0; i < n; i++)
            to[i] = fabsf(x[i]) < 0x1p-126F ? copysignf(0, x[i]) : from_bfloat(to_bfloat(x[i]));
    else
        for (size_t i = 0; i < n; i++)
            to[i] = from_half(to_half(x[i]));
}

/* [rows, columns] from (row, column) on of a matrix whose rows are `ld` elements apart, dense. */
static void unpack_block(float *to, const void *from, enum dtype type, enum dtype factor, size_t ld,
                         size_t row, size_t column, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        unpack(to + i * columns, gemm_at(from, type, (row + i) * ld + column), type, factor,
               columns);
}

/* The same of B. */
static void unpack_b(float *to, const struct gemm_block *t, enum dtype factor, size_t row,
                     size_t column, size_t rows, size_t columns)
{
    const enum dtype type = t->shape.type[1];
    if (!packed_is(type)) {
        unpack_block(to, t->b, type, factor, t->ldb, row, column, rows, columns);
        return;
    }
    for (size_t i = 0; i < rows; i++, to += columns) {
        packed_unpack(type, t->b, t->b_rows, t->ldb, t->b_from + (row + i) * t->ldb + column,
                      columns, to);
        unpack(to, to, DTYPE_F32, factor, columns);
    }
}

/* A row of sums as what C is stored as; `add`: to what is there. */
static void pack(void *to, enum dtype type, const float *sum, size_t n, int add)
{
    uint16_t *h = to;
    for (size_t i = 0; i < n; i++) {
        const float was = !add                ? 0
                          : type == DTYPE_F16 ? from_half(h[i])
                                              : of_bits((uint32_t)h[i] << 16);
        h[i] = type == DTYPE_F16 ? to_half(sum[i] + was) : to_bfloat(sum[i] + was);
    }
}

/* C's rows from i0 and columns from j0 on. */
static void multiply_block(const struct gemm_block *t, enum dtype factor, size_t i0, size_t m,
                           size_t j0, size_t n)
{
    float a[ROWS * DEEP], b[DEEP * COLUMNS], sum[ROWS * COLUMNS];
    const struct gemm_shape *s = &t->shape;
    const int stored = s->type[2] != DTYPE_F32;
    const int as_it_is = factor == DTYPE_F32 && s->type[0] == DTYPE_F32;
    float *c = stored ? sum : (float *)t->c + i0 * t->ldc + j0;
    for (size_t k0 = 0; k0 < s->k; k0 += DEEP) {
        const size_t k = least(DEEP, s->k - k0);
        const size_t at = s->trans_a ? k0 * t->lda + i0 : i0 * t->lda + k0;
        if (!as_it_is)
            unpack_block(a, t->a, s->type[0], factor, t->lda, s->trans_a ? k0 : i0,
                         s->trans_a ? i0 : k0, s->trans_a ? k : m, s->trans_a ? m : k);
        unpack_b(b, t, factor, s->trans_b ? j0 : k0, s->trans_b ? k0 : j0, s->trans_b ? n : k,
                 s->trans_b ? k : n);
        const struct gemm_block block = {.shape = gemm_shape_of(s->trans_a, s->trans_b, m, n, k),
                                         .a = as_it_is ? gemm_at(t->a, DTYPE_F32, at) : a,
                                         .b = b,
                                         .c = c,
                                         .lda = as_it_is     ? t->lda
                                                : s->trans_a ? m
                                                             : k,
                                         .ldb = s->trans_b ? k : n,
                                         .ldc = stored ? n : t->ldc,
                                         .add = k0 > 0 || (t->add && !stored)};
        gemm_blas(&block);
    }
    for (size_t i = 0; i < m && stored; i++)
        pack(gemm_at(t->c, s->type[2], (i0 + i) * t->ldc + j0), s->type[2], sum + i * n, n, t->add);
}

static void multiply(const struct gemm_block *t, enum dtype factor)
{
    for (size_t j0 = 0; j0 < t->shape.n; j0 += COLUMNS)
        for (size_t i0 = 0; i0 < t->shape.m; i0 += ROWS)
            multiply_block(t, factor, i0, least(ROWS, t->shape.m - i0), j0,
                           least(COLUMNS, t->shape.n - j0));
}

static void multiply_floats(const struct gemm_block *t)
{
    multiply(t, DTYPE_F32);
}

static void multiply_bfloats(const struct gemm_block *t)
{
    multiply(t, DTYPE_BF16);
}

static void multiply_halves(const struct gemm_block *t)
{
    multiply(t, DTYPE_F16);
}

gemm_multiply *gemm_rounded(enum dtype factor)
{
    return factor == DTYPE_F32    ? multiply_floats
           : factor == DTYPE_BF16 ? multiply_bfloats
                                  : multiply_halves;
}

#else

gemm_multiply *gemm_rounded(enum dtype factor)
{
    (void)factor;
    return NULL;
}

#endif

/* --- the providers */

/* Who multiplies on the host; NULL: our own kernel, which rounds in the same way. */
static gemm_multiply *on_host(const struct device *dev, enum dtype factor, int packed)
{
    if (!device_info(dev)->has_native || device_info(dev)->matrix != MATRIX_NONE)
        return NULL;
    if (factor == DTYPE_BF16 && gemm_bf16_instructions() && !packed)
        return gemm_bf16_instructions();
    return gemm_rounded(factor);
}

static int init(struct gemm *gemm, enum dtype factor, struct error *err)
{
    gemm_multiply *host = on_host(gemm->dev, factor, packed_is(gemm->shape.type[1]));
    gemm->on_host = host != NULL;
    if (host && host == gemm_rounded(factor))
        gemm_blas_ready();
    return host ? gemm_host_init(gemm, host, err) : gemm_own_init(gemm, factor, err);
}

static int enqueue(struct gemm *gemm, struct error *err)
{
    return gemm->on_host ? gemm_host_enqueue(gemm, err) : gemm_own_enqueue(gemm, err);
}

static void fini(struct gemm *gemm)
{
    if (gemm->on_host)
        gemm_host_fini(gemm);
    else
        gemm_own_fini(gemm);
}

static void describe(const struct gemm *gemm, char *to, size_t size)
{
    if (gemm->on_host)
        gemm_host_describe(gemm, to, size);
    else
        gemm_own_describe(gemm, to, size);
}

static void cut(const struct gemm *gemm, struct gemm_cut *to)
{
    if (!gemm->on_host)
        gemm_own_cut(gemm, to);
}

static const char *identity(const struct device *dev, enum dtype factor, char name[256])
{
    const char *type = factor == DTYPE_BF16 ? "bf16" : "fp16";
    if (on_host(dev, factor, 0) && on_host(dev, factor, 0) == gemm_bf16_instructions())
        return "bf16 AVX512_BF16";
    const enum device_matrix matrix = device_info(dev)->matrix;
    const int host = on_host(dev, factor, 0) != NULL, plain = host || matrix == MATRIX_NONE;
    snprintf(name, 256, "%s %s%s%s", type, host ? gemm_blas_identity() : "own", plain ? "" : " ",
             plain ? "" : device_matrix_name(matrix));
    return name;
}

static int tails(const struct device *dev, const struct gemm_shape *shape, enum dtype factor)
{
    return !on_host(dev, factor, packed_is(shape->type[1])) && gemm_own_tails(dev, shape, factor);
}

static int bf16_init(struct gemm *gemm, struct error *err)
{
    return init(gemm, DTYPE_BF16, err);
}

static const char *bf16_identity(const struct device *dev)
{
    static _Thread_local char name[256];
    return identity(dev, DTYPE_BF16, name);
}

static int bf16_tails(const struct device *dev, const struct gemm_shape *shape)
{
    return tails(dev, shape, DTYPE_BF16);
}

const struct gemm_provider gemm_bf16 = {
    .name = "bf16_products",
    .identity = bf16_identity,
    .init = bf16_init,
    .enqueue = enqueue,
    .fini = fini,
    .describe = describe,
    .cut = cut,
    .tails = bf16_tails,
    .factor = DTYPE_BF16,
    GEMM_OWN_TILINGS,
    .rounds = 1,
    .unpacks = 1,
};

static int fp16_init(struct gemm *gemm, struct error *err)
{
    return init(gemm, DTYPE_F16, err);
}

static const char *fp16_identity(const struct device *dev)
{
    static _Thread_local char name[256];
    return identity(dev, DTYPE_F16, name);
}

static int fp16_tails(const struct device *dev, const struct gemm_shape *shape)
{
    return tails(dev, shape, DTYPE_F16);
}

const struct gemm_provider gemm_fp16 = {
    .name = "fp16_products",
    .identity = fp16_identity,
    .init = fp16_init,
    .enqueue = enqueue,
    .fini = fini,
    .describe = describe,
    .cut = cut,
    .tails = fp16_tails,
    .factor = DTYPE_F16,
    GEMM_OWN_TILINGS,
    .rounds = 1,
    .unpacks = 1,
};
