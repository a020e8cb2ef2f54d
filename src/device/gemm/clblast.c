/* SPDX-License-Identifier: MIT */
/*
 * CLBlast. Its temporary memory is one buffer of the device, as large as its largest product needs.
 */
#include <clblast_c.h>

#include "device/gemm/provider.h"
#include "device/opencl.h"

struct layout {
    CLBlastTranspose ta, tb;
    size_t lda, ldb, ldc;
};

static struct layout layout_of(const struct gemm_shape *s)
{
    return (struct layout){s->trans_a ? CLBlastTransposeYes : CLBlastTransposeNo,
                           s->trans_b ? CLBlastTransposeYes : CLBlastTransposeNo,
                           s->trans_a ? s->m : s->k, s->trans_b ? s->k : s->n, s->n};
}

static int clblast_error(struct error *err, CLBlastStatusCode code, const char *call)
{
    return error_set(err, STATUS_DEVICE, "%s: CLBlast status %d (%s)", call, (int)code,
                     opencl_error_name((cl_int)code));
}

static int clblast_init(struct gemm *gemm, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    const struct layout l = layout_of(s);
    struct device *dev = gemm->dev;
    size_t bytes = 0;
    if (!dev->context) /* only a device can tell */
        return 0;
    CLBlastStatusCode code =
        CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, l.ta, l.tb, s->m, s->n, s->k, 0, l.lda, 0,
                                   l.ldb, 0, l.ldc, &dev->queue, &bytes);
    if (code != CLBlastSuccess)
        return clblast_error(err, code, "CLBlastSGemmTempBufferSize");
    if (bytes && (!dev->scratch || buffer_size(dev->scratch) < bytes)) {
        buffer_free(dev->scratch);
        dev->scratch = buffer_new(dev, bytes, "scratch memory of CLBlast", err);
        if (!dev->scratch)
            return -1;
    }
    return 0;
}

static int clblast_enqueue(struct gemm *gemm, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    const struct layout l = layout_of(s);
    struct device *dev = gemm->dev;
    if (dev->counts)
        return device_error_planned(err, "a product");
    CLBlastStatusCode code = CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, l.ta, l.tb, s->m, s->n, s->k, 1, gemm->matrix[0]->id, 0, l.lda,
        gemm->matrix[1]->id, 0, l.ldb, gemm->add ? 1 : 0, gemm->matrix[2]->id, 0, l.ldc,
        &dev->queue, NULL, dev->scratch ? dev->scratch->id : NULL);
    if (code != CLBlastSuccess)
        return clblast_error(err, code, "CLBlastSgemmWithTempBuffer");
    return 0;
}

static int clblast_serves(const struct device *dev)
{
    const struct device_info *info = device_info(dev);
    return !info->is_cpu && !(info->tf32 && device_matrix_kind(info->matrix) ==
                                                MATRIX_PTX); /* own has these units */
}

static const char *clblast_identity(const struct device *dev)
{
    (void)dev;
    return "CLBlast";
}

const struct gemm_provider gemm_clblast = {
    .name = "clblast",
    .serves = clblast_serves,
    .identity = clblast_identity,
    .init = clblast_init,
    .enqueue = clblast_enqueue,
    .tilings = 1,
    .is_dear = 1,
    .uncounted = "scratch memory of CLBlast",
};
