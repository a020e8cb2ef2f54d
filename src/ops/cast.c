/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

void cast_into(struct plan *p, struct tensor *x, struct tensor *y, int add)
{
    const unsigned vec = cut_vec(p, x->elems);
    const size_t vectors = x->elems / vec;
    const struct teams cut = cut_vectors(p, vectors);
    struct launch *l = cut_kernel(p, "cast.cl", x->dtype == DTYPE_F32 ? "cast_store" : "cast_load",
                                  &cut, "-DVEC=%u ", vec);
    launch_read(l, x);
    launch_add_to(l, y, add);
    launch_int(l, vectors);
    launch_int(l, cut.chunk);
    launch_int(l, (size_t)add);
    launch_cost(l, (double)x->elems, y->name);
}

/* The copy of a weight; NULL: there is none yet. */
static struct tensor *known_copy(const struct plan *p, const struct tensor *weight)
{
    for (size_t i = 0; i < p->rounded_count; i++)
        if (p->rounded[i].of == weight)
            return p->rounded[i].as;
    return NULL;
}

struct tensor *cast_weight(struct plan *p, const struct gemm_shape *shape, struct tensor *weight)
{
    const struct graph *g = p->graph;
    struct gemm_shape with = *shape;
    with.type[1] = weight->dtype;
    if (weight->kind != TENSOR_PARAM || p->device || g->stored == DTYPE_F32 ||
        gemm_factor(p->dev, g->products, &with) != g->stored)
        return weight;
    struct tensor *copy = known_copy(p, weight);
    if (copy)
        return copy;
    void *more = realloc(p->rounded, (p->rounded_count + 1) * sizeof *p->rounded);
    if (!more) {
        p->failed = 1;
        return weight;
    }
    p->rounded = more;
    copy = plan_stored(p, weight->name, tensor_rows(weight), tensor_columns(weight));
    p->rounded[p->rounded_count].of = weight;
    p->rounded[p->rounded_count++].as = copy;
    cast_into(p, weight, copy, 0);
    return copy;
}

static void cast_forward(struct plan *p, struct op *op)
{
    cast_into(p, op->in[0], op->out[0], 0);
}

static void cast_back(struct plan *p, struct op *op)
{
    int add;
    struct tensor *dx = lower_grad(p, op, 0, &add);
    cast_into(p, lower_arrived(op, 0), dx, add);
}

static void cast_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[0];
    graph_output_as(g, op, 0, op->path, x->dtype == DTYPE_F32 ? g->stored : DTYPE_F32, x->rank,
                    x->dim);
}

static void cast_describe(const struct op *op, struct words *to)
{
    words_add(to, dtype_name(op->in[0]->dtype));
    words_add(to, dtype_name(op->out[0]->dtype));
}

/* All numbers are fp32 there. */
static void cast_onnx(struct onnx *o, struct op *op)
{
    onnx_is(o, op->out[0], onnx_of(o, op->in[0]));
}

static void cast_cfile(struct cfile *c, struct op *op)
{
    cfile_same(c, op->out[0], op->in[0]);
}

static const struct op_class cast_class = {
    .name = "cast",
    .infer = cast_infer,
    .forward = cast_forward,
    .back = cast_back,
    .describe = cast_describe,
    .onnx = cast_onnx,
    .cfile = cast_cfile,
};

void op_store(struct graph *g, enum dtype dtype)
{
    graph_store(g, dtype, dtype == DTYPE_F32 ? NULL : &cast_class);
}
