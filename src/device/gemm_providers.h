/*
 * gemm_providers: what gemm.c and the providers' files share.
 */
#ifndef DEVICE_GEMM_PROVIDERS_H
#define DEVICE_GEMM_PROVIDERS_H

#include "device/gemm.h"

struct gemm {
    struct device *dev;
    enum gemm_provider provider;
    struct gemm_shape shape;
    struct buffer *matrix[3]; /* A, B, C */
    int add;
    struct kernel *kernel; /* own */
    size_t groups, lanes;
    size_t tiles; /* cblas */
};

int gemm_own_init(struct gemm *gemm, struct error *err);

/* NULL where seqtrain was built without a host BLAS. */
const char *gemm_cblas_identity(void);
int gemm_cblas_init(struct gemm *gemm, struct error *err);
int gemm_cblas_enqueue(struct gemm *gemm, struct error *err);

int gemm_clblast_init(struct gemm *gemm, struct error *err);
int gemm_clblast_enqueue(struct gemm *gemm, struct error *err);

#endif
