/* SPDX-License-Identifier: MIT */
#include "device/gemm/gemm.h"

#include <stdlib.h>

#include "device/gemm/provider.h"
#include "device/gemm/tuning.h"
#include "device/opencl.h"

enum gemm_provider gemm_provider_for(const struct device *dev, enum gemm_provider wish)
{
    if (wish != PROVIDER_AUTO)
        return wish;
    if (device_info(dev)->has_native && gemm_cblas_identity())
        return PROVIDER_CBLAS;
    return device_info(dev)->is_cpu ? PROVIDER_OWN : PROVIDER_CLBLAST;
}

static int bf16_on_host(const struct device *dev)
{
    return device_info(dev)->has_native && gemm_bf16_identity();
}

const char *gemm_provider_name(const struct device *dev, enum gemm_provider provider)
{
    switch (provider) {
    case PROVIDER_CBLAS:
        return gemm_cblas_identity() ? gemm_cblas_identity() : "no cblas";
    case PROVIDER_CLBLAST:
        return "CLBlast";
    case PROVIDER_OWN:
        return "own";
    case PROVIDER_BF16:
        return bf16_on_host(dev) ? gemm_bf16_identity() : "bf16 own";
    default:
        return "whoever was measured to be fastest";
    }
}

struct gemm *gemm_new(struct device *dev, enum gemm_provider provider, struct gemm_shape shape,
                      struct buffer *a, struct buffer *b, struct buffer *c, int add,
                      struct error *err)
{
    struct tuning_choice choice = {provider, 0};
    struct buffer *const matrix[] = {a, b, c};
    if (provider == PROVIDER_AUTO && dev->tuning &&
        tuning_gemm(dev, shape, matrix, add, &choice, err))
        return NULL;
    return gemm_new_as(dev, choice.provider, choice.tiles, shape, a, b, c, add, err);
}

struct gemm *gemm_new_as(struct device *dev, enum gemm_provider provider, size_t tiles,
                         struct gemm_shape shape, struct buffer *a, struct buffer *b,
                         struct buffer *c, int add, struct error *err)
{
    if (shape.m > INT32_MAX || shape.n > INT32_MAX || shape.k > INT32_MAX) {
        error_set(err, STATUS_DEVICE, "gemm: %zu x %zu x %zu is more than an int holds", shape.m,
                  shape.n, shape.k);
        return NULL;
    }
    struct gemm *gemm = calloc(1, sizeof *gemm);
    if (!gemm) {
        error_set(err, STATUS_FAILED, "gemm: out of memory");
        return NULL;
    }
    *gemm = (struct gemm){.dev = dev,
                          .provider = gemm_provider_for(dev, provider),
                          .shape = shape,
                          .matrix = {a, b, c},
                          .tiles = tiles,
                          .add = add};
    int failed = gemm->provider == PROVIDER_CBLAS     ? gemm_cblas_init(gemm, err)
                 : gemm->provider == PROVIDER_CLBLAST ? gemm_clblast_init(gemm, err)
                 : gemm->provider == PROVIDER_BF16 && bf16_on_host(dev) ? gemm_bf16_init(gemm, err)
                                                                        : gemm_own_init(gemm, err);
    if (failed) {
        gemm_free(gemm);
        return NULL;
    }
    return gemm;
}

int gemm_enqueue(struct gemm *gemm, struct error *err)
{
    if (gemm->multiply)
        return gemm_host_enqueue(gemm, err);
    if (gemm->provider == PROVIDER_CLBLAST)
        return gemm_clblast_enqueue(gemm, err);
    return kernel_enqueue(gemm->kernel, gemm->groups, gemm->lanes, err);
}

const char *gemm_describe(const struct gemm *gemm)
{
    static char text[64];
    const char *who = gemm->provider == PROVIDER_CBLAS     ? "cblas"
                      : gemm->provider == PROVIDER_CLBLAST ? "clblast"
                      : gemm->provider == PROVIDER_BF16    ? "bf16"
                                                           : "own";
    if (gemm->multiply)
        snprintf(text, sizeof text, "%s, %zu %s", who, gemm->tiles,
                 gemm->parts ? "parts" : "tiles");
    else
        snprintf(text, sizeof text, "%s", who);
    return text;
}

void gemm_free(struct gemm *gemm)
{
    if (gemm) {
        kernel_free(gemm->kernel);
        buffer_free(gemm->parts);
    }
    free(gemm);
}

/* Our own kernel; its tiles take 48 KiB of local memory on CPUs that have it, else 24 KiB. */
int gemm_own_init(struct gemm *gemm, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    const struct device_info *info = device_info(gemm->dev);
    int cpu = info->is_cpu || info->max_group < 256;
    int deep = info->is_cpu && info->local_bytes >= 48 << 10;
    size_t tile_m = 64, tile_n = 64;
    char options[160];
    gemm->lanes = cpu ? 1 : 256;
    snprintf(
        options, sizeof options,
        "-DTA=%d -DTB=%d -DADD=%d -DBF16=%d -DTM=%zu -DTN=%zu -DTK=%d -DRM=%d -DNV=%d -DVEC=%d "
        "-DLANES=%zu",
        s->trans_a, s->trans_b, gemm->add, gemm->provider == PROVIDER_BF16, tile_m, tile_n,
        deep ? 64 : 16, cpu ? 8 : 4, cpu ? 2 : 1, cpu ? 16 : 4, gemm->lanes);
    gemm->groups = (s->m + tile_m - 1) / tile_m * ((s->n + tile_n - 1) / tile_n);
    gemm->kernel = kernel_new(gemm->dev, "gemm.cl", "gemm", options, err);
    if (!gemm->kernel)
        return -1;
    for (unsigned i = 0; i < 3; i++)
        kernel_set_buffer(gemm->kernel, i, gemm->matrix[i]);
    kernel_set_int(gemm->kernel, 3, (int32_t)s->m);
    kernel_set_int(gemm->kernel, 4, (int32_t)s->n);
    kernel_set_int(gemm->kernel, 5, (int32_t)s->k);
    return 0;
}
