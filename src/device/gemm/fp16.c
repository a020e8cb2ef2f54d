/* SPDX-License-Identifier: MIT */
/*
 * Products of factors that are halves (fp16) or are rounded to them, to nearest, ties to even;
 * added up in fp32 by our own kernel.
 */
#include "device/gemm/provider.h"

static const char *fp16_identity(const struct device *dev)
{
    (void)dev;
    return "fp16 own";
}

static int fp16_init(struct gemm *gemm, struct error *err)
{
    return gemm_own_init(gemm, DTYPE_F16, err);
}

const struct gemm_provider gemm_fp16 = {
    .name = "fp16_products",
    .identity = fp16_identity,
    .init = fp16_init,
    .enqueue = gemm_own_enqueue,
    .fini = gemm_own_fini,
};
