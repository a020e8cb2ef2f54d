/* SPDX-License-Identifier: MIT */
/* What tensors of our own graphs are called. */
#include <stdlib.h>

#include "onnx/parts.h"
#include "util/array.h"

static struct onnx_bound *find(const struct onnx *o, const struct tensor *t)
{
    for (size_t i = o->bounds; i-- > 0;)
        if (o->bound[i]->tensor == t)
            return o->bound[i];
    return NULL;
}

static struct onnx_bound *bind(struct onnx *o, const struct tensor *t)
{
    struct onnx_bound *b =
        o->failed ? NULL : array_append((void ***)&o->bound, &o->bounds, sizeof *b);
    if (!b) {
        onnx_no_memory(o);
        return NULL;
    }
    b->tensor = t;
    return b;
}

void onnx_is(struct onnx *o, struct tensor *t, const char *value)
{
    struct onnx_bound *b = bind(o, t);
    if (b)
        b->value = value;
}

void onnx_slides(struct onnx *o, struct tensor *unfolded, const struct onnx_slide *slide)
{
    struct onnx_bound *b = bind(o, unfolded);
    if (b)
        b->slide = *slide;
}

const struct onnx_slide *onnx_slide_of(const struct onnx *o, const struct tensor *t)
{
    const struct onnx_bound *b = find(o, t);
    return b && b->slide.x ? &b->slide : NULL;
}

/* A parameter, or a constant with its contents. */
static const char *initial_of(struct onnx *o, const struct tensor *t)
{
    const int is_param = t->kind == TENSOR_PARAM;
    if (!is_param && !(t->kind == TENSOR_STATE && t->initial && t->dtype == DTYPE_F32)) {
        onnx_fault(o, "%s: no operation of the exported graph makes it", t->name);
        return "";
    }
    struct onnx_initial *made =
        onnx_initial(o, t->name, ONNX_FLOAT, (size_t)t->rank, t->dim, is_param ? NULL : t->initial);
    if (made && is_param)
        made->param = t;
    return made ? made->name : "";
}

/* A view of an activation [B, ..]: the batch stays, and so do its rows where they are seen as they
 * are; else all that is left makes the second dimension. */
static const char *view_of(struct onnx *o, struct tensor *t, const char *base)
{
    const struct tensor *of = tensor_base(t);
    const int is_fixed = of->kind == TENSOR_PARAM || of->initial;
    int64_t dim[TENSOR_MAX_RANK];
    if (is_fixed && of->elems != t->elems) /* its first rows */
        return onnx_slice(o, base, 0, 0, (int64_t)t->dim[0]);
    for (int r = 0; r < t->rank; r++)
        dim[r] = (int64_t)t->dim[r];
    if (!is_fixed) {
        dim[0] = 0;
        if (t->rank > 1)
            dim[1] = of->rank > 2 && t->rank > 2 && t->dim[1] == of->dim[1] ? 0 : -1;
    }
    return onnx_reshape(o, base, (size_t)t->rank, dim);
}

const char *onnx_of(struct onnx *o, struct tensor *t)
{
    const struct onnx_bound *b = find(o, t);
    if (o->failed)
        return "";
    if (b && !b->value) {
        onnx_fault(o, "%s: rows that are laid out for a product have another reader", t->name);
        return "";
    }
    if (b)
        return b->value;
    const char *value = t->of ? view_of(o, t, onnx_of(o, t->of)) : initial_of(o, t);
    onnx_is(o, t, value);
    return value;
}

float *onnx_numbers(struct onnx *o, struct tensor *param)
{
    float *to = o->failed ? NULL : malloc(param->elems * sizeof *to + 1);
    if (!to) {
        onnx_no_memory(o);
        return NULL;
    }
    if (!o->read(o->ctx, param, to, &o->fault))
        return to;
    o->failed = 1;
    free(to);
    return NULL;
}
