/* SPDX-License-Identifier: MIT */
#include "train/packed_weights.h"

#include <stdlib.h>

int packed_weights_add(struct safetensors *st, const struct tensor *param, struct arena *arena,
                       struct error *err)
{
    return stored_add(st, param->name, param->dtype, tensor_rows(param), tensor_columns(param),
                      arena_fetch, arena, param->offset, err);
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
    if (!packed_is(t->dtype))
        return error_set(err, STATUS_INPUT,
                         "%s: %s is quantised, and this model keeps it as floats or trains it: %s "
                         "fits it where it is frozen (model.freeze, [adapter])",
                         source->path, t->name, keys_of(found));
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

/* From floats. */
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

static int fits(const struct tensor *t, const struct safetensor *from)
{
    int same = dtype_has_floats(from->dtype) && from->rank == (size_t)t->rank;
    for (int r = 0; same && r < t->rank; r++)
        same = from->shape[r] == t->dim[r];
    return same;
}

int packed_weights_load(const struct params *params, size_t index, struct arena *arena,
                        const struct stored_source *source, const struct safetensor *from,
                        struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    enum dtype found;
    if (stored_finds(source, t->name, &found))
        return load_packed(params, index, arena, source, found, err);
    if (!fits(t, from))
        return error_set(err, STATUS_INPUT,
                         "%s: %s has not the shape of this model's: another configuration?",
                         source->path, t->name);
    return load_floats(params, index, arena, source, from, err);
}
