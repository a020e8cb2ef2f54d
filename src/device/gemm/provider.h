/* SPDX-License-Identifier: MIT */
/*
 * provider: what a GEMM provider is, and what the files of providers share. A provider is a file
 * with a `struct gemm_provider` and a line in table.c.
 */
#ifndef DEVICE_GEMM_PROVIDER_H
#define DEVICE_GEMM_PROVIDER_H

#include <stdint.h>

#include "device/gemm/gemm.h"

#define GEMM_TILINGS 16
#define GEMM_MAX_TILES 64
/* As the shape asks, and each of gemm_instances[]. */
#define GEMM_OWN_TILINGS .tilings = 13, .tiling = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}

struct gemm {
    struct device *dev;
    const struct gemm_provider *provider;
    struct gemm_shape shape;
    struct buffer *matrix[4]; /* A, B, C, room for parts of sums (NULL: there is none) */
    int add, has_tail;
    struct gemm_tail tail;
    size_t tiles; /* into how many it is cut, or by which instance; 0: as the shape asks */
    int on_host;  /* of providers that multiply on the host or by our own kernel */
    void *state;  /* the provider's: init() allocates it, fini() frees it */
};

struct gemm_provider {
    const char *name; /* in device.gemm */

    /* Whether it is the one for this device if nobody was asked for; NULL: never. */
    int (*serves)(const struct device *dev);

    /* What is known of its identity. */
    const char *(*identity)(const struct device *dev);

    /* Readies a product, with the device's memory that it needs; fini() follows even a failure. */
    int (*init)(struct gemm *gemm, struct error *err);
    int (*enqueue)(struct gemm *gemm, struct error *err);
    void (*fini)(struct gemm *gemm); /* NULL: nothing to free */

    /* Writes "16 tiles", how a product is cut; NULL where it is not. */
    void (*describe)(const struct gemm *gemm, char *to, size_t size);

    /* What a product of this provider asks of a GPU; NULL: it does not say. */
    void (*cut)(const struct gemm *gemm, struct gemm_cut *to);

    /* What device.tuning = measure tries: numbers of tiles, or of our own instances, of which
     * init() takes those that fit. */
    size_t tilings, tiling[GEMM_TILINGS];
    int rounds;        /* it gives other results: measured where it is asked for, on GPUs */
    enum dtype factor; /* to which it rounds factors; F32: it does not, or to TF32 */
    int is_dear;       /* its first product takes seconds: not tried behind one that serves */

    /* Whether its products of this kind can have a tail; NULL: none can. */
    int (*tails)(const struct device *dev, const struct gemm_shape *shape);

    const char *uncounted; /* what it takes that no plan counts; NULL: nothing */
    int unpacks;           /* B may be packed; else our own kernel makes such a product */
};

/* All providers, in the order in which they are asked whether they serve. */
extern const struct gemm_provider *const gemm_providers[];
extern const size_t gemm_provider_count;

/* gemm_new() by this provider, without a choice. */
struct gemm *gemm_new_as(struct device *dev, const struct gemm_provider *provider, size_t tiles,
                         struct gemm_shape shape, struct buffer *const matrix[4], int add,
                         const struct gemm_tail *tail, struct error *err);

/* --- our own kernels, which take matrices of any type; factors are rounded to `factor` unless that
 * is F32. gemm->tiles is the number of an instance of instance.h, from 1 on; 0: the one chosen */
int gemm_own_init(struct gemm *gemm, enum dtype factor, struct error *err);
int gemm_own_enqueue(struct gemm *gemm, struct error *err);
void gemm_own_fini(struct gemm *gemm);
void gemm_own_describe(const struct gemm *gemm, char *to, size_t size);
void gemm_own_cut(const struct gemm *gemm, struct gemm_cut *to);
int gemm_own_tails(const struct device *dev, const struct gemm_shape *shape, enum dtype factor);

/* --- products by host functions (host.c) */

/* A part of a product on the host, C[m, n] = op(A) op(B) (+ C), of the types of the shape: rows
 * `ld` elements apart. */
struct gemm_block {
    struct gemm_shape shape;
    const void *a, *b;
    void *c;
    size_t lda, ldb, ldc;
    size_t b_rows, b_from; /* of a packed B: rows of all of it, and the number it begins with */
    int add, deep;         /* deep: C is small, K is large, A transposed, B not */
};

typedef void gemm_multiply(const struct gemm_block *block);

/* Cuts a product into blocks for multiply(). */
int gemm_host_init(struct gemm *gemm, gemm_multiply *multiply, struct error *err);
int gemm_host_enqueue(struct gemm *gemm, struct error *err);
void gemm_host_fini(struct gemm *gemm);
void gemm_host_describe(const struct gemm *gemm, char *to, size_t size);

/* Blocks of fp32 by the host BLAS, once it is ready; neither is called where there is none. */
gemm_multiply gemm_blas;
void gemm_blas_ready(void);

/* Which host BLAS there is, "cblas OpenBLAS 0.3.21"; NULL: none. */
const char *gemm_blas_identity(void);

/* Factors rounded to BF16 or F16, or as they are (F32), and matrices stored or packed in any way,
 * by the host BLAS; NULL: there is none. */
gemm_multiply *gemm_rounded(enum dtype factor);

/* The same in BF16 by instructions of this CPU; NULL: it has none. */
gemm_multiply *gemm_bf16_instructions(void);

/* Element i of a matrix of this type. */
static inline void *gemm_at(const void *matrix, enum dtype type, size_t i)
{
    return (char *)(uintptr_t)matrix + dtype_bytes(type, i);
}

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
