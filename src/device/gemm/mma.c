/* SPDX-License-Identifier: MIT */
/* Which products the kernel for matrix units makes. */
#include "device/gemm/instance.h"
#include "tensor/packed.h"

int gemm_mma_fits(const struct device *dev, const struct gemm_shape *s, enum dtype factor)
{
    const struct device_info *info = device_info(dev);
    if (info->matrix == MATRIX_NONE || packed_is(s->type[1]) ||
        (factor == DTYPE_F32 && (!info->tf32 || device_matrix_kind(info->matrix) != MATRIX_PTX)))
        return 0;
    for (int i = 0; i < 3; i++) /* halves of another kind would be rounded once more */
        if (s->type[i] != DTYPE_F32 && s->type[i] != factor)
            return 0;
    return 1;
}

/* A piece is 16 bytes of factors. */
static size_t piece(enum dtype factor)
{
    return factor == DTYPE_F32 ? 4 : 8;
}

size_t gemm_wide(const struct gemm_instance *of, enum dtype factor)
{
    return of->matrix ? piece(factor) : 4;
}

int gemm_mma_fits_wide(const struct device *dev, const struct gemm_shape *s, enum dtype factor)
{
    const size_t unit = piece(factor);
    return gemm_mma_fits(dev, s, factor) && (s->trans_a ? s->m : s->k) % unit == 0 &&
           (s->trans_b ? s->k : s->n) % unit == 0;
}
