/* SPDX-License-Identifier: MIT */
/*
 * gemm: matrix products on a device, behind one interface.
 *
 *   C[m, n] = op(A) op(B) (+ C)      row-major, fp32
 *
 * op(A) is [m, k]: A is stored [m, k], or [k, m] if trans_a; op(B) is [k, n]: B is stored [k, n],
 * or [n, k] if trans_b. Matrices are dense. Three providers: a host BLAS on CPU devices that run
 * host functions, cut into one-threaded tiles that are fixed by the shape; CLBlast on GPUs; and our
 * own kernel everywhere. A `struct gemm` owns its temporary memory, not the matrices.
 */
#ifndef DEVICE_GEMM_GEMM_H
#define DEVICE_GEMM_GEMM_H

#include <stddef.h>

#include "device/device.h"
#include "error.h"

struct gemm_shape {
    int trans_a, trans_b;
    size_t m, n, k;
};

struct gemm;

enum gemm_provider { PROVIDER_AUTO, PROVIDER_CLBLAST, PROVIDER_CBLAS, PROVIDER_OWN, PROVIDER_BF16 };

/* What AUTO stands for on this device. */
enum gemm_provider gemm_provider_for(const struct device *dev, enum gemm_provider wish);

/* "cblas (OpenBLAS 0.3.21 Zen)": provider and what is known of its identity. */
const char *gemm_provider_name(const struct device *dev, enum gemm_provider provider);

struct gemm *gemm_new(struct device *dev, enum gemm_provider provider, struct gemm_shape shape,
                      struct buffer *a, struct buffer *b, struct buffer *c, int add,
                      struct error *err);
int gemm_enqueue(struct gemm *gemm, struct error *err);
void gemm_free(struct gemm *gemm);

/* "cblas, 16 tiles": how this product is made; valid until the next call. */
const char *gemm_describe(const struct gemm *gemm);

#endif
