/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "cfile/cfile.h"
#include "fixed/fixed.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

enum { X };

size_t conv_rows(const struct conv *shape, size_t window)
{
    size_t padded = shape->before + window + shape->after;
    size_t reach = (shape->kernel - 1) * shape->dilation + 1;
    return padded < reach ? 0 : (padded - reach) / shape->stride + 1;
}

/* A kernel of conv.cl that makes `length` rows of `width` a sample. */
static struct launch *slide_kernel(struct plan *p, const struct op *op, const char *name,
                                   size_t width, struct tensor *const *reads, struct tensor *write,
                                   int add, size_t length)
{
    const struct conv *shape = op->attr;
    const struct tensor *x = op->in[X], *y = op->out[0];
    const size_t rows = x->dim[0] * length;
    const struct teams cut = cut_teams(p, rows, width, 0);
    struct launch *l =
        cut_kernel(p, "conv.cl", name, &cut, "-DC=%zu -DK=%zu -DS=%zu -DD=%zu -DP=%zu ",
                   tensor_columns(x), shape->kernel, shape->stride, shape->dilation, shape->before);
    for (; *reads; reads++)
        launch_read(l, *reads);
    launch_add_to(l, write, add);
    launch_int(l, x->dim[1]);
    launch_int(l, y->dim[1]);
    launch_int(l, rows);
    launch_int(l, cut.chunk);
    launch_cost(l, (double)rows * (double)width, write->name);
    return l;
}

static void unfold_into(struct plan *p, const struct op *op, struct tensor *x, struct tensor *y)
{
    struct tensor *reads[] = {x, NULL};
    slide_kernel(p, op, "unfold", tensor_columns(op->out[0]), reads, y, 0, op->out[0]->dim[1]);
}

static void unfold_forward(struct plan *p, struct op *op)
{
    unfold_into(p, op, op->in[X], op->out[0]);
}

static void unfold_again(struct plan *p, struct op *op, struct tensor *to)
{
    unfold_into(p, op, lower_value(p, op, X), to);
}

static void unfold_back(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[X];
    int add;
    struct tensor *dx = lower_grad(p, op, X, &add);
    struct tensor *reads[] = {lower_arrived(op, 0), NULL};
    struct launch *l = slide_kernel(p, op, "fold", tensor_columns(x), reads, dx, add, x->dim[1]);
    launch_int(l, (size_t)add);
}

static void unfold_infer(struct graph *g, struct op *op)
{
    const struct conv *shape = op->attr;
    const struct tensor *x = op->in[X];
    if (x->rank != 3)
        graph_misfit(g, op, "needs rows of samples [B, T, in]", X, -1);
    else if (!shape->kernel || !shape->stride || !shape->dilation)
        graph_fault(g, op->path, "has a kernel, a stride or a dilation of 0");
    else if (!conv_rows(shape, x->dim[1]))
        graph_fault(g, op->path, "has a kernel longer than its padded input");
    else
        graph_output(
            g, op, 0, "unfolded", 3,
            (size_t[]){x->dim[0], conv_rows(shape, x->dim[1]), tensor_columns(x) * shape->kernel});
}

/* The product that reads it is a convolution. */
static void unfold_onnx(struct onnx *o, struct op *op)
{
    const struct conv *shape = op->attr;
    onnx_slides(o, op->out[0],
                &(struct onnx_slide){.x = onnx_of(o, op->in[X]),
                                     .kernel = (int64_t)shape->kernel,
                                     .stride = (int64_t)shape->stride,
                                     .dilation = (int64_t)shape->dilation,
                                     .before = (int64_t)shape->before,
                                     .after = (int64_t)shape->after});
}

static void unfold_cfile(struct cfile *c, struct op *op)
{
    const struct conv *shape = op->attr;
    const size_t columns = op->in[X]->dim[2], past = (shape->kernel - 1) * shape->dilation;
    const char *x = cfile_of(c, op->in[X]), *y = cfile_make(c, op->out[0]);
    if (!cfile_streams(c))
        cfile_call(c, "unfold", "%s, %s, %zu, %zu, %zu, %zu, %zu, %zu, %zu", x, y,
                   op->in[X]->dim[1], columns, op->out[0]->dim[1], shape->kernel, shape->stride,
                   shape->dilation, shape->before);
    else if (shape->stride != 1 || shape->after || shape->before != past)
        cfile_fault(c,
                    "%s: a convolution that reads rows ahead, or not each, does not go row by row",
                    op->path);
    else
        cfile_call(c, "unfold_next", "%s, %s, %s, %zu, %zu, %zu", x, cfile_state(c, past * columns),
                   y, columns, shape->kernel, shape->dilation);
}

static void unfold_fixed(struct fixed *f, struct op *op)
{
    const struct conv *shape = op->attr;
    if (shape->stride != 1 || shape->after ||
        shape->before != (shape->kernel - 1) * shape->dilation)
        fixed_fault(f,
                    "%s: a convolution that reads rows ahead, or not each, does not go row by row",
                    op->path);
    else
        fixed_unfold(f, op->in[X], shape->kernel, shape->dilation, op->out[0]);
}

static const struct op_class unfold_class = {
    .name = "unfold",
    .attr = sizeof(struct conv),
    .infer = unfold_infer,
    .forward = unfold_forward,
    .back = unfold_back,
    .reads = READS_IN(X), /* where it is made again */
    .stored = READS_IN(X) | READS_OUT(0),
    .again = unfold_again,
    .onnx = unfold_onnx,
    .cfile = unfold_cfile,
    .fixed = unfold_fixed,
};

struct tensor *op_conv1d(struct graph *g, struct tensor *x, size_t out, const struct conv *shape,
                         int bare, const char *name)
{
    const size_t in = tensor_columns(x);
    double bound = 1 / sqrt((double)(in * shape->kernel)); /* as nn.Linear over all it reads */
    struct tensor *w = graph_weight(g, graph_name("%s.weight", name), 3,
                                    (size_t[]){out, in, shape->kernel}, bound);
    struct tensor *b = bare ? NULL : graph_bias(g, graph_name("%s.bias", name), out, bound);
    if (shape->kernel != 1 || shape->stride != 1 || shape->before || shape->after)
        x = graph_op(g, &unfold_class, name, shape, 1, (struct tensor *[]){x})->out[0];
    struct tensor *y = op_product(g, x, rounded_weight(g, w));
    return b ? op_bias(g, y, b) : y;
}

/* --- max pooling: kernel and stride are the span */

static void max_pool_forward(struct plan *p, struct op *op)
{
    struct tensor *reads[] = {op->in[X], NULL};
    slide_kernel(p, op, "max_pool_fwd", tensor_columns(op->in[X]), reads, op->out[0], 0,
                 op->out[0]->dim[1]);
}

static void max_pool_back(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[X];
    struct tensor *dx = lower_grad_fresh(p, op, X);
    struct tensor *reads[] = {lower_arrived(op, 0), lower_value(p, op, X), NULL};
    slide_kernel(p, op, "max_pool_bwd", tensor_columns(x), reads, dx, 0, x->dim[1]);
}

static void max_pool_infer(struct graph *g, struct op *op)
{
    const struct conv *shape = op->attr;
    const struct tensor *x = op->in[X];
    if (x->rank != 3)
        graph_misfit(g, op, "needs rows of samples [B, T, columns]", X, -1);
    else if (x->dim[1] < shape->kernel)
        graph_fault(g, op->path, "has fewer rows than a pooling window");
    else
        graph_output(g, op, 0, "pooled", 3,
                     (size_t[]){x->dim[0], x->dim[1] / shape->kernel, x->dim[2]});
}

static void max_pool_onnx(struct onnx *o, struct op *op)
{
    const int64_t span = (int64_t)((const struct conv *)op->attr)->kernel, turned[] = {0, 2, 1};
    const struct onnx_attribute with[] = {
        {.name = "kernel_shape", .kind = ONNX_LIST, .count = 1, .list = &span},
        {.name = "strides", .kind = ONNX_LIST, .count = 1, .list = &span}};
    const char *x = onnx_transpose(o, onnx_of(o, op->in[X]), 3, turned);
    x = onnx_append(o, &(struct onnx_node){"MaxPool", 1, &x, 2, with, 1}, NULL);
    onnx_is(o, op->out[0], onnx_transpose(o, x, 3, turned));
}

static void max_pool_cfile(struct cfile *c, struct op *op)
{
    const struct tensor *y = op->out[0];
    const char *x = cfile_of(c, op->in[X]);
    cfile_call(c, "max_pool", "%s, %s, %zu, %zu, %zu", x, cfile_make(c, op->out[0]), y->dim[1],
               y->dim[2], ((const struct conv *)op->attr)->kernel);
}

static const struct op_class max_pool_class = {
    .name = "max_pool",
    .attr = sizeof(struct conv),
    .infer = max_pool_infer,
    .forward = max_pool_forward,
    .back = max_pool_back,
    .reads = READS_IN(X),
    .stored = READS_IN(X) | READS_OUT(0),
    .onnx = max_pool_onnx,
    .cfile = max_pool_cfile,
};

struct tensor *op_max_pool(struct graph *g, struct tensor *x, size_t pool)
{
    return graph_op(g, &max_pool_class, x->name, &(struct conv){pool, pool, 1, 0, 0}, 1,
                    (struct tensor *[]){x})
        ->out[0];
}
