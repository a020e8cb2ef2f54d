/* SPDX-License-Identifier: MIT */
#include "train/packed_weights.h"

#include <stdlib.h>

static int fetch(void *arena, size_t offset, size_t bytes, void *to, struct error *err)
{
    return arena_read(arena, offset, bytes, to, err);
}

int packed_weights_add(struct safetensors *st, const struct tensor *param, struct arena *arena,
                       struct error *err)
{
    return stored_add(st, param->name, param->dtype, tensor_rows(param), tensor_columns(param),
                      fetch, arena, param->offset, err);
}

/* What model.quantize and double_quantization are where matrices are packed so. */
static const char *keys_of(enum dtype dtype)
{
    return dtype == DTYPE_INT8  ? "model.quantize = int8"
           : dtype == DTYPE_NF4 ? "model.quantize = nf4 with double_quantization = no"
                                : "model.quantize = nf4 with double_quantization = yes";
}

/* From codes that are there. */
static int load_packed(const struct params *params, size_t index, struct arena *arena,
                       const struct stored_source *source, enum dtype found, struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    if (found != t->dtype)
        return error_set(err, STATUS_INPUT, "%s: %s is quantised otherwise there: %s fits it",
                         source->path, t->name, keys_of(found));
    void *packed = malloc(tensor_bytes(t));
    if (!packed)
        return error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
    int failed =
        stored_read(source, t->name, t->dtype, tensor_rows(t), tensor_columns(t), packed, err) ||
        params_write(params, index, arena, packed, err);
    free(packed);
    return failed ? -1 : 0;
}

/* From floats, which are packed. */
static int load_floats(const struct params *params, size_t index, struct arena *arena,
                       const struct stored_source *source, const struct safetensor *from,
                       struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    float *x = malloc(t->elems * sizeof *x);
    /* shorter numbers lie in the upper half until they are floats */
    char *read = x ? (char *)x + (t->elems * sizeof *x - from->bytes) : NULL;
    int failed = !x ? error_set(err, STATUS_FAILED, "%s: out of memory", t->name)
                    : source->copy(source->in, from, read, err);
    if (!failed) {
        dtype_floats(from->dtype, read, t->elems, x);
        failed = params_put(params, index, arena, x, err);
    }
    free(x);
    return failed ? -1 : 0;
}

int packed_weights_load(const struct params *params, size_t index, struct arena *arena,
                        const struct stored_source *source, const struct safetensor *from,
                        struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    enum dtype found;
    if (stored_finds(source, t->name, &found))
        return load_packed(params, index, arena, source, found, err);
    if (!dtype_has_floats(from->dtype) || from->rank != 2 || from->shape[0] != t->dim[0] ||
        from->shape[1] != t->dim[1])
        return error_set(err, STATUS_INPUT,
                         "%s: %s has not the shape of this model's: another configuration?",
                         source->path, t->name);
    return load_floats(params, index, arena, source, from, err);
}

int packed_weights_refuse(const struct stored_source *source, const struct tensor *param,
                          struct error *err)
{
    enum dtype found;
    return stored_finds(source, param->name, &found)
               ? error_set(err, STATUS_INPUT,
                           "%s: %s is quantised, and this model keeps it in fp32 or trains it: %s "
                           "fits it where it is frozen (model.freeze, [adapter])",
                           source->path, param->name, keys_of(found))
               : 0;
}
