/* SPDX-License-Identifier: MIT */
/* Who makes a product: the provider that was asked for, the one measured, or the table's. */
#include "device/gemm/gemm.h"

#include "device/gemm/provider.h"
#include "device/gemm/tuning.h"
#include "device/opencl.h"
#include "tensor/packed.h"

/* Providers that round are measured on GPUs alone, by the instances of our own. */
static int is_measured(const struct device *dev, const struct gemm_provider *provider,
                       const struct gemm_shape *shape)
{
    if (!dev->tuning || packed_is(shape->type[1]))
        return 0;
    return !provider || (provider->rounds && !dev->info.is_cpu);
}

struct gemm *gemm_new(struct device *dev, const struct gemm_provider *provider,
                      struct gemm_shape shape, struct buffer *a, struct buffer *b, struct buffer *c,
                      struct buffer *room, int add, const struct gemm_tail *tail, struct error *err)
{
    struct tuning_choice choice = {provider, 0};
    struct buffer *const matrix[] = {a, b, c, room};
    if (is_measured(dev, provider, &shape) &&
        tuning_gemm(dev, provider, shape, matrix, add, &choice, err))
        return NULL;
    return gemm_new_as(dev, gemm_provider_for(dev, choice.provider), choice.tiles, shape, matrix,
                       add, tail, err);
}
