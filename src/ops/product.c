/* SPDX-License-Identifier: MIT */
#include "cfile/cfile.h"
#include "fixed/fixed.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/classes.h"
#include "ops/ops.h"
#include "tensor/packed.h"

/* LOW [.., r] and UP [out, r] of an adapter, which adds LOW UP^T; NULL: there is none */
enum { X, WEIGHT, LOW, UP };

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
    if (op->in[LOW] && (op->in[UP]->elems / outs(op) != tensor_columns(op->in[LOW]) ||
                        tensor_rows(op->in[LOW]) != tensor_rows(x)))
        graph_misfit(g, op, "adds a product of another shape", LOW, UP);
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
        plan_gemm(p, label, shape, a, cast_weight(p, &shape, w), c, add);
}

static void product_forward(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[X], *low = op->in[LOW];
    multiply(p, op->in[WEIGHT]->name,
             gemm_shape_of(0, !is_in_out(op), tensor_rows(x), outs(op), tensor_columns(x)),
             op->in[X], op->in[WEIGHT], op->out[0], 0);
    if (low)
        plan_gemm(p, op->in[UP]->name,
                  gemm_shape_of(0, 1, tensor_rows(x), outs(op), tensor_columns(low)), op->in[LOW],
                  op->in[UP], op->out[0], 1);
}

/* dUP += dy^T LOW, dLOW = dy UP */
static void adapter_back(struct plan *p, struct op *op, struct tensor *dy)
{
    const size_t rows = tensor_rows(op->in[X]), out = outs(op), r = tensor_columns(op->in[LOW]);
    int add;
    struct tensor *to = lower_grad(p, op, UP, &add);
    if (to)
        plan_gemm(p, op->in[UP]->name, gemm_shape_of(1, 0, out, r, rows), dy,
                  lower_value(p, op, LOW), to, add);
    if ((to = lower_grad(p, op, LOW, &add)))
        plan_gemm(p, to->name, gemm_shape_of(0, 0, rows, r, out), dy, op->in[UP], to, add);
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
    if (op->in[LOW])
        adapter_back(p, op, dy);
    struct tensor *dx = lower_grad(p, op, X, &add);
    if (dx)
        multiply(p, dx->name, gemm_shape_of(0, is_in_out(op), rows, in, out), dy,
                 lower_value(p, op, WEIGHT), dx, add);
}

static void product_describe(const struct op *op, struct words *to)
{
    if (op->in[LOW])
        words_add(to, "adapter");
}

/* nn.Conv1d along the rows: W [out, in, kernel] */
static const char *convolution_onnx(struct onnx *o, struct op *op, const struct onnx_slide *s)
{
    const int64_t turned[] = {0, 2, 1}, pads[] = {s->before, s->after};
    const struct onnx_attribute with[] = {
        {.name = "kernel_shape", .kind = ONNX_LIST, .count = 1, .list = &s->kernel},
        {.name = "strides", .kind = ONNX_LIST, .count = 1, .list = &s->stride},
        {.name = "dilations", .kind = ONNX_LIST, .count = 1, .list = &s->dilation},
        {.name = "pads", .kind = ONNX_LIST, .count = 2, .list = pads}};
    const char *in[] = {onnx_transpose(o, s->x, 3, turned), onnx_of(o, op->in[WEIGHT])};
    const char *y = onnx_append(o, &(struct onnx_node){"Conv", 2, in, 4, with, 1}, NULL);
    return onnx_transpose(o, y, 3, turned);
}

static void product_onnx(struct onnx *o, struct op *op)
{
    const struct onnx_slide *slide = onnx_slide_of(o, op->in[X]),
                            one = {.kernel = 1, .stride = 1, .dilation = 1};
    struct onnx_slide rows = slide ? *slide : one;
    const char *y;
    if (!slide)
        rows.x = onnx_of(o, op->in[X]);
    if (slide || op->in[WEIGHT]->rank == 3)
        y = convolution_onnx(o, op, &rows);
    else if (is_in_out(op))
        y = onnx_two(o, "MatMul", rows.x, onnx_of(o, op->in[WEIGHT]));
    else
        y = onnx_times(o, rows.x, onnx_of(o, op->in[WEIGHT]));
    if (op->in[LOW])
        y = onnx_two(o, "Add", y, onnx_times(o, onnx_of(o, op->in[LOW]), onnx_of(o, op->in[UP])));
    onnx_is(o, op->out[0], y);
}

static void product_cfile(struct cfile *c, struct op *op)
{
    if (is_in_out(op) || op->in[LOW]) {
        cfile_fault(c, "%s: a weight [in, out] or an adapter has no form in C yet", op->path);
        return;
    }
    const char *x = cfile_of(c, op->in[X]), *w = cfile_of(c, op->in[WEIGHT]);
    cfile_call(c, "linear", "%s, %s, %s, %zu, %zu, %zu", x, w, cfile_make(c, op->out[0]),
               tensor_rows(op->in[X]), tensor_columns(op->in[X]), outs(op));
}

static void product_fixed(struct fixed *f, struct op *op)
{
    if (is_in_out(op) || op->in[LOW])
        fixed_fault(f, "%s: a weight [in, out] or an adapter has no form in integers", op->path);
    else
        fixed_linear(f, op->in[X], op->in[WEIGHT], op->out[0]);
}

static const struct op_class product_class = {
    .name = "linear",
    .attr = sizeof(struct product),
    .infer = product_infer,
    .forward = product_forward,
    .back = product_back,
    .reads = READS_IN(X) | READS_IN(WEIGHT) | READS_IN(LOW) | READS_IN(UP),
    .stored = READS_IN(X) | READS_IN(LOW) | READS_OUT(0),
    .describe = product_describe,
    .onnx = product_onnx,
    .cfile = product_cfile,
    .fixed = product_fixed,
};

struct tensor *product_with(struct graph *g, struct tensor *x, struct tensor *weight, int in_out,
                            struct tensor *low, struct tensor *up)
{
    return graph_op(g, &product_class, weight->name, &(struct product){in_out}, low ? 4 : 2,
                    (struct tensor *[]){x, weight, low, up})
        ->out[0];
}

struct tensor *op_product(struct graph *g, struct tensor *x, struct tensor *weight)
{
    return product_with(g, x, weight, 0, NULL, NULL);
}
