/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "lower/lower.h"
#include "ops/adapter.h"
#include "ops/classes.h"
#include "ops/ops.h"
#include "tensor/packed.h"

enum { X, WEIGHT };

struct product {
    int in_out; /* the weight is [in, out], not [out, in, ..] */
};

static int is_in_out(const struct op *op)
{
    return ((const struct product *)op->attr)->in_out;
}

static size_t outs(const struct op *op)
{
    return op->in[WEIGHT]->dim[is_in_out(op) ? 1 : 0];
}

static void product_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[X], *w = op->in[WEIGHT];
    size_t dim[TENSOR_MAX_RANK];
    if ((is_in_out(op) && w->rank != 2) || w->elems / outs(op) != tensor_columns(x))
        graph_misfit(g, op, "multiplies a tensor of other columns", X, WEIGHT);
    for (int r = 0; r < x->rank; r++)
        dim[r] = x->dim[r];
    dim[x->rank - 1] = outs(op);
    graph_output(g, op, 0, w->name, x->rank, dim);
}

/* C = A op(W) (+ C if add) */
static void multiply(struct plan *p, const char *label, struct gemm_shape shape, struct tensor *a,
                     struct tensor *w, struct tensor *c, int add)
{
    if (packed_is(w->dtype))
        packed_product(p, label, shape, a, w, c, add);
    else
        plan_gemm(p, label, shape, a, w, c, add);
}

static void product_forward(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[X];
    multiply(p, op->in[WEIGHT]->name,
             gemm_shape_of(0, !is_in_out(op), tensor_rows(x), outs(op), tensor_columns(x)),
             op->in[X], op->in[WEIGHT], op->out[0], 0);
}

/* dW += dy^T x, or x^T dy of a weight [in, out] */
static void weight_back(struct plan *p, struct op *op, struct tensor *dy)
{
    const size_t rows = tensor_rows(op->in[X]), in = tensor_columns(op->in[X]), out = outs(op);
    int add;
    struct tensor *dw = lower_grad(p, op, WEIGHT, &add);
    if (!dw)
        return;
    if (is_in_out(op))
        plan_gemm(p, op->in[WEIGHT]->name, gemm_shape_of(1, 0, in, out, rows),
                  lower_value(p, op, X), dy, dw, add);
    else
        plan_gemm(p, op->in[WEIGHT]->name, gemm_shape_of(1, 0, out, in, rows), dy,
                  lower_value(p, op, X), dw, add);
}

/* dx = dy W */
static void product_back(struct plan *p, struct op *op)
{
    struct tensor *dy = lower_arrived(op, 0);
    const size_t rows = tensor_rows(op->in[X]), in = tensor_columns(op->in[X]), out = outs(op);
    int add;
    weight_back(p, op, dy);
    struct tensor *dx = lower_grad(p, op, X, &add);
    if (dx)
        multiply(p, dx->name, gemm_shape_of(0, is_in_out(op), rows, in, out), dy, op->in[WEIGHT],
                 dx, add);
}

static const struct op_class product_class = {
    .name = "linear",
    .attr = sizeof(struct product),
    .infer = product_infer,
    .forward = product_forward,
    .back = product_back,
    .reads = READS_IN(X) | READS_IN(WEIGHT),
    .stored = READS_IN(X) | READS_OUT(0),
};

struct tensor *op_product(struct graph *g, struct tensor *x, struct tensor *weight)
{
    return graph_op(g, &product_class, weight->name, &(struct product){0}, 2,
                    (struct tensor *[]){x, weight})
        ->out[0];
}

struct tensor *op_product_in_out(struct graph *g, struct tensor *x, struct tensor *weight)
{
    struct tensor *y = graph_op(g, &product_class, weight->name, &(struct product){1}, 2,
                                (struct tensor *[]){x, weight})
                           ->out[0];
    return op_adapted(g, x, weight, y);
}

struct tensor *op_linear_bare(struct graph *g, struct tensor *x, size_t out, const char *name,
                              double bound)
{
    struct tensor *w = graph_weight(g, graph_name("%s.weight", name), 2,
                                    (size_t[]){out, tensor_columns(x)}, bound);
    params_pack(g->params, w);
    return op_adapted(g, x, w, op_product(g, x, w));
}

struct tensor *op_linear_named(struct graph *g, struct tensor *x, size_t out, const char *weight,
                               const char *bias, double weight_bound, double bias_bound)
{
    struct tensor *w = graph_weight(g, weight, 2, (size_t[]){out, tensor_columns(x)}, weight_bound);
    params_pack(g->params, w);
    struct tensor *y = op_adapted(g, x, w, op_product(g, x, w));
    return op_bias(g, y, graph_bias(g, bias, out, bias_bound));
}

struct tensor *op_linear(struct graph *g, struct tensor *x, size_t out, const char *name)
{
    /* nn.Linear: Kaiming uniform with a = sqrt(5), so U(-1/sqrt(in), 1/sqrt(in)) for both */
    double bound = 1 / sqrt((double)tensor_columns(x));
    return op_linear_named(g, x, out, graph_name("%s.weight", name), graph_name("%s.bias", name),
                           bound, bound);
}
