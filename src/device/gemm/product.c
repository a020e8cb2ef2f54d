/* SPDX-License-Identifier: MIT */
/* A product by one provider. */
#include <stdlib.h>

#include "device/gemm/provider.h"
#include "tensor/packed.h"

struct gemm *gemm_new_as(struct device *dev, const struct gemm_provider *provider, size_t tiles,
                         struct gemm_shape shape, struct buffer *const matrix[4], int add,
                         const struct gemm_tail *tail, struct error *err)
{
    if (shape.m > INT32_MAX || shape.n > INT32_MAX || shape.k > INT32_MAX) {
        error_set(err, STATUS_DEVICE, "gemm: %zu x %zu x %zu is more than an int holds", shape.m,
                  shape.n, shape.k);
        return NULL;
    }
    if (packed_is(shape.type[1]) && !provider->unpacks)
        provider = gemm_provider_find("own");
    if (tail && !gemm_takes_tail(dev, provider, &shape)) {
        error_set(err, STATUS_DEVICE, "gemm: %s makes no tail of %zu x %zu x %zu", provider->name,
                  shape.m, shape.n, shape.k);
        return NULL;
    }
    struct gemm *gemm = calloc(1, sizeof *gemm);
    if (!gemm) {
        error_set(err, STATUS_FAILED, "gemm: out of memory");
        return NULL;
    }
    *gemm = (struct gemm){.dev = dev,
                          .provider = provider,
                          .shape = shape,
                          .matrix = {matrix[0], matrix[1], matrix[2], matrix[3]},
                          .tiles = tiles,
                          .add = add,
                          .has_tail = tail != NULL,
                          .tail = tail ? *tail : (struct gemm_tail){0}};
    if (provider->init(gemm, err)) {
        gemm_free(gemm);
        return NULL;
    }
    return gemm;
}

int gemm_takes_tail(const struct device *dev, const struct gemm_provider *provider,
                    const struct gemm_shape *shape)
{
    return provider && provider->tails && provider->tails(dev, shape);
}

/* A copy is a launch and 6 bytes for each number of B; a product of so many rows spares 2 bytes of
 * each for every tile that is 128 high. */
static size_t rounded_rows = 1024, rounded_elems = (size_t)1 << 18;

void gemm_round_from(size_t rows, size_t elems)
{
    rounded_rows = rows;
    rounded_elems = elems;
}

enum dtype gemm_factor(const struct device *dev, const struct gemm_provider *provider,
                       const struct gemm_shape *shape)
{
    const struct device_info *info = device_info(dev);
    return provider && !info->is_cpu && info->matrix != MATRIX_NONE &&
                   shape->type[1] == DTYPE_F32 && shape->m >= rounded_rows &&
                   shape->n * shape->k >= rounded_elems
               ? provider->factor
               : DTYPE_F32;
}

int gemm_enqueue(struct gemm *gemm, struct error *err)
{
    return gemm->provider->enqueue(gemm, err);
}

const char *gemm_describe(const struct gemm *gemm)
{
    static _Thread_local char text[80];
    char cut[48] = "";
    if (gemm->provider->describe)
        gemm->provider->describe(gemm, cut, sizeof cut);
    snprintf(text, sizeof text, "%s%s%s", gemm->provider->name, *cut ? ", " : "", cut);
    return text;
}

int gemm_cut(const struct gemm *gemm, struct gemm_cut *to)
{
    *to = (struct gemm_cut){.kernel = ""};
    if (!gemm->provider->cut)
        return -1;
    gemm->provider->cut(gemm, to);
    return to->groups ? 0 : -1;
}

void gemm_free(struct gemm *gemm)
{
    if (gemm && gemm->provider->fini)
        gemm->provider->fini(gemm);
    free(gemm);
}
