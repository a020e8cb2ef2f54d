/* SPDX-License-Identifier: MIT */
/*
 * provider: what gemm.c and the providers' files share.
 */
#ifndef DEVICE_GEMM_PROVIDER_H
#define DEVICE_GEMM_PROVIDER_H

#include "device/gemm/gemm.h"

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A part of a product on the host, C[m, n] = op(A) op(B) (+ C): rows `ld` floats apart. */
struct gemm_block {
    struct gemm_shape shape;
    const float *a, *b;
    float *c;
    size_t lda, ldb, ldc;
    int add, deep; /* deep: C is small, K is large, A transposed, B not */
};

struct gemm {
    struct device *dev;
    enum gemm_provider provider;
    struct gemm_shape shape;
    struct buffer *matrix[3]; /* A, B, C */
    int add;
    struct kernel *kernel; /* own */
    size_t groups, lanes;
    /* on the host: who multiplies; NULL for others */
    void (*multiply)(const struct gemm_block *block);
    size_t tiles;
    struct buffer *parts; /* the sums of the parts of a deep product; NULL for others */
};

/* gemm_new() by this provider, without a choice; tiles of a host BLAS, 0: by the shape. */
struct gemm *gemm_new_as(struct device *dev, enum gemm_provider provider, size_t tiles,
                         struct gemm_shape shape, struct buffer *a, struct buffer *b,
                         struct buffer *c, int add, struct error *err);

int gemm_own_init(struct gemm *gemm, struct error *err);

/* How a product with `multiply` is cut. */
int gemm_host_init(struct gemm *gemm, struct error *err);
int gemm_host_enqueue(struct gemm *gemm, struct error *err);

/* Factors rounded to bfloat16. NULL where this CPU or the compiler has no instructions for it. */
const char *gemm_bf16_identity(void);
int gemm_bf16_init(struct gemm *gemm, struct error *err);

/* NULL where seqtrain was built without a host BLAS. */
const char *gemm_cblas_identity(void);
int gemm_cblas_init(struct gemm *gemm, struct error *err);

int gemm_clblast_init(struct gemm *gemm, struct error *err);
int gemm_clblast_enqueue(struct gemm *gemm, struct error *err);

#endif
