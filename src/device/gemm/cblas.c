/* SPDX-License-Identifier: MIT */
/*
 * A host BLAS multiplies the blocks. It must stay one-threaded: its threads would fight the
 * device's for the cores.
 */
#include "device/gemm/provider.h"
#include "tensor/packed.h"

#ifdef HAVE_CBLAS

static int cblas_init(struct gemm *gemm, struct error *err)
{
    if (!device_info(gemm->dev)->has_native)
        return error_set(err, STATUS_DEVICE,
                         "device.gemm = cblas: this device does not run host functions");
    gemm_blas_ready();
    return gemm_host_init(
        gemm, packed_is(gemm->shape.type[1]) ? gemm_rounded(DTYPE_F32) : gemm_blas, err);
}

#else

static int cblas_init(struct gemm *gemm, struct error *err)
{
    (void)gemm;
    return error_set(err, STATUS_DEVICE,
                     "device.gemm = cblas: seqtrain was built without a host BLAS");
}

#endif

static int cblas_serves(const struct device *dev)
{
    return device_info(dev)->has_native && gemm_blas_identity();
}

static const char *cblas_identity(const struct device *dev)
{
    (void)dev;
    return gemm_blas_identity() ? gemm_blas_identity() : "no cblas";
}

const struct gemm_provider gemm_cblas = {
    .name = "cblas",
    .serves = cblas_serves,
    .identity = cblas_identity,
    .init = cblas_init,
    .enqueue = gemm_host_enqueue,
    .fini = gemm_host_fini,
    .describe = gemm_host_describe,
    .tilings = 6,
    .tiling = {0, 1, 2, 4, 8, 16},
    .unpacks = 1,
};
