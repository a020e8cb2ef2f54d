/* SPDX-License-Identifier: MIT */
/*
 * gemm: matrix products on a device, behind one interface.
 *
 *   C[m, n] = op(A) op(B) (+ C)      row-major, summed up in fp32
 *
 * op(A) is [m, k]: A is stored [m, k], or [k, m] if trans_a; op(B) is [k, n]: B is stored [k, n],
 * or [n, k] if trans_b. Matrices are dense. Who multiplies is a provider of the table in table.c: a
 * host BLAS on CPU devices that run host functions, CLBlast on GPUs, our own kernels everywhere. A
 * `struct gemm` owns neither the matrices nor the room for parts of sums, which its plan has.
 */
#ifndef DEVICE_GEMM_GEMM_H
#define DEVICE_GEMM_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "device/device.h"
#include "error.h"
#include "tensor/dtype.h"

struct gemm_shape {
    int trans_a, trans_b;
    size_t m, n, k;
    enum dtype type[3]; /* of A, B, C: F32, BF16 or F16; B may be packed (tensor/packed.h) */
};

/* Of matrices of fp32. */
static inline struct gemm_shape gemm_shape_of(int trans_a, int trans_b, size_t m, size_t n,
                                              size_t k)
{
    return (struct gemm_shape){.trans_a = trans_a, .trans_b = trans_b, .m = m, .n = n, .k = k};
}

/* What is done to the sums before they are written, s being a sum as C would hold it (cl/gemm.h):
 * C = dropout(act(s + bias + position)), or of `slope` C = s dropout act'(kept + bias). */
enum { TAIL_BIAS, TAIL_POSITION, TAIL_KEPT, TAIL_SAMPLE, TAIL_STEP, TAIL_BUFFERS };
struct gemm_tail {
    int slope;
    int act;                   /* ACT of cl/bias.h */
    int biased, placed, drops; /* it has a bias, positions, dropout */
    int keeps;                 /* s is written to `kept`; never of `slope` */
    size_t period;             /* rows of a sample, or of the table of positions */
    uint32_t path, threshold;  /* of dropout: its key and share */
    float scale;
    struct buffer *buffer[TAIL_BUFFERS]; /* all there: what is not used is any buffer */
};

struct gemm;
struct gemm_provider; /* device/gemm/provider.h */

/* The provider that device.gemm calls `name`; NULL, which stands for whoever is best, where there
 * is none. */
const struct gemm_provider *gemm_provider_find(const char *name);

/* The first provider of the table that serves this device, unless there is a wish. */
const struct gemm_provider *gemm_provider_for(const struct device *dev,
                                              const struct gemm_provider *wish);

/* Whether it serves this device; NULL, who is measured, serves all. */
int gemm_provider_serves(const struct gemm_provider *provider, const struct device *dev);

/* "cblas OpenBLAS 0.3.21 core Zen": provider and what is known of its identity. */
const char *gemm_provider_name(const struct device *dev, const struct gemm_provider *provider);

/* "scratch memory of CLBlast": what it takes that no plan counts; NULL where there is nothing. */
const char *gemm_provider_uncounted(const struct gemm_provider *provider);

/* Floats of scratch memory that a product of this shape can use: a plan has a place for them. 0:
 * none. */
size_t gemm_room(const struct device *dev, const struct gemm_shape *shape);

/* Whether a product C = op(A) op(B) by this provider can have a tail here: our own kernels for GPUs
 * do; where K is cut, the launch that adds its parts up. */
int gemm_takes_tail(const struct device *dev, const struct gemm_provider *provider,
                    const struct gemm_shape *shape);

/* The type in which B of fp32, read by several products, is better stored for this provider here:
 * that of its factors, where matrix units wait for bytes and there are many; else F32. */
enum dtype gemm_factor(const struct device *dev, const struct gemm_provider *provider,
                       const struct gemm_shape *shape);

/* For tests: from now on that is so from so many rows of A and numbers of B on. */
void gemm_round_from(size_t rows, size_t elems);

/* Without a provider it is the one that was measured to be fastest, where the device measures, or
 * gemm_provider_for(). `room`: gemm_room() floats, or NULL, without which long sums are not cut.
 * `tail`, copied; NULL: none. */
struct gemm *gemm_new(struct device *dev, const struct gemm_provider *provider,
                      struct gemm_shape shape, struct buffer *a, struct buffer *b, struct buffer *c,
                      struct buffer *room, int add, const struct gemm_tail *tail,
                      struct error *err);
int gemm_enqueue(struct gemm *gemm, struct error *err);
void gemm_free(struct gemm *gemm);

/* "cblas, 16 tiles": how this product is made; valid until the next call. */
const char *gemm_describe(const struct gemm *gemm);

/* What a product asks of a GPU. */
struct gemm_cut {
    const char *kernel;   /* as in tests/lint.tsv */
    size_t groups, lanes; /* of its launch */
    double load;          /* bytes of A and B that a work-item has under way */
    double local_bytes;   /* that work-items load from local memory, all together */
    double cache_bytes;   /* that work-groups load of A and B */
    double sum_bytes; /* of the parts of K that are added up in a second launch; 0: there is none */
    int matrix;       /* matrix units multiply */
};

/* -1: its provider does not say. */
int gemm_cut(const struct gemm *gemm, struct gemm_cut *to);

#endif
