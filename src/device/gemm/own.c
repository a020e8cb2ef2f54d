/* SPDX-License-Identifier: MIT */
/* Our own kernel, which runs everywhere. */
#include <stdlib.h>

#include "device/gemm/provider.h"
#include "tensor/packed.h"

struct own {
    struct kernel *kernel;
    size_t groups, lanes;
};

/* Its tiles take 48 KiB of local memory on CPUs that have it, else 24 KiB. */
int gemm_own_init(struct gemm *gemm, enum dtype factor, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    const struct device_info *info = device_info(gemm->dev);
    struct own *own = gemm->state = calloc(1, sizeof *own);
    if (!own)
        return error_set(err, STATUS_FAILED, "gemm: out of memory");
    int cpu = info->is_cpu || info->max_group < 256;
    int deep = info->is_cpu && info->local_bytes >= 48 << 10;
    size_t tile_m = 64, tile_n = 64;
    int type[3], stored = dtype_stored(factor); /* a product has one type beside fp32 */
    char options[256];
    for (int i = 0; i < 3; i++) {
        type[i] = dtype_stored(s->type[i]);
        stored |= type[i];
    }
    if (packed_is(s->type[1]))
        type[1] = 3 + (int)(s->type[1] - DTYPE_NF4);
    own->lanes = cpu ? 1 : 256;
    snprintf(options, sizeof options,
             "-DTA=%d -DTB=%d -DADD=%d -DSTORED=%d -DTYPE_A=%d -DTYPE_B=%d -DTYPE_C=%d -DFACTOR=%d "
             "-DTM=%zu -DTN=%zu -DTK=%d -DRM=%d -DNV=%d -DVEC=%d -DLANES=%zu",
             s->trans_a, s->trans_b, gemm->add, stored, type[0], type[1], type[2],
             dtype_stored(factor), tile_m, tile_n, deep ? 64 : 16, cpu ? 8 : 4, cpu ? 2 : 1,
             cpu ? 16 : 4, own->lanes);
    own->groups = (s->m + tile_m - 1) / tile_m * ((s->n + tile_n - 1) / tile_n);
    own->kernel = kernel_new(gemm->dev, "gemm.cl", "gemm", options, err);
    if (!own->kernel)
        return -1;
    for (unsigned i = 0; i < 3; i++)
        kernel_set_buffer(own->kernel, i, gemm->matrix[i]);
    kernel_set_int(own->kernel, 3, (int32_t)s->m);
    kernel_set_int(own->kernel, 4, (int32_t)s->n);
    kernel_set_int(own->kernel, 5, (int32_t)s->k);
    return 0;
}

int gemm_own_enqueue(struct gemm *gemm, struct error *err)
{
    const struct own *own = gemm->state;
    return kernel_enqueue(own->kernel, own->groups, own->lanes, err);
}

void gemm_own_fini(struct gemm *gemm)
{
    struct own *own = gemm->state;
    if (own)
        kernel_free(own->kernel);
    free(own);
}

static int own_serves(const struct device *dev)
{
    (void)dev;
    return 1;
}

static const char *own_identity(const struct device *dev)
{
    (void)dev;
    return "own";
}

static int own_init(struct gemm *gemm, struct error *err)
{
    return gemm_own_init(gemm, DTYPE_F32, err);
}

const struct gemm_provider gemm_own = {
    .name = "own",
    .serves = own_serves,
    .identity = own_identity,
    .init = own_init,
    .enqueue = gemm_own_enqueue,
    .fini = gemm_own_fini,
    .tilings = 1,
    .unpacks = 1,
};
