/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

enum { X, BIAS };

static struct launch *unit_kernel(struct plan *p, const char *name, const struct op *op)
{
    const struct tensor *x = op->in[X];
    unsigned lanes = cut_group(p, 64);
    return plan_kernel(p, "latent.cl", name, tensor_rows(x), lanes, "-DD=%zu -DBIAS=%d -DLANES=%u",
                       tensor_columns(x), op->in[BIAS] != NULL, lanes);
}

static void unit_forward(struct plan *p, struct op *op)
{
    struct tensor *x = op->in[X];
    op->saved[0] = plan_tensor(p, "latent.norm", tensor_rows(x));
    struct launch *l = unit_kernel(p, "latent_fwd", op);
    launch_read(l, x);
    launch_read(l, op->in[BIAS] ? op->in[BIAS] : x); /* not read without BIAS */
    launch_write(l, op->out[0]);
    launch_write(l, op->saved[0]);
    launch_cost(l, 4.0 * (double)x->elems, "latent");
}

static void unit_back(struct plan *p, struct op *op)
{
    struct tensor *dx = lower_grad_fresh(p, op, X);
    if (!dx)
        dx = plan_like(p, "unused", op->in[X]);
    struct launch *l = unit_kernel(p, "latent_bwd", op);
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, op->out[0]);
    launch_read(l, op->saved[0]);
    launch_write(l, dx);
    launch_cost(l, 6.0 * (double)dx->elems, dx->name);
    pointwise_bias_back(p, op, BIAS, dx);
}

static void unit_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, "latent", op->in[X]);
}

static struct op *unit_fuse(struct graph *g, struct op *op)
{
    return pointwise_absorb_bias(g, op, X, BIAS);
}

static void unit_describe(const struct op *op, struct words *to)
{
    pointwise_describe_bias(op, BIAS, to);
}

static void unit_onnx(struct onnx *o, struct op *op)
{
    const struct onnx_attribute last = {
        .name = "axes", .kind = ONNX_LIST, .count = 1, .list = (const int64_t[]){-1}};
    const char *x = onnx_of(o, op->in[X]);
    const char *length = onnx_append(o, &(struct onnx_node){"ReduceL2", 1, &x, 1, &last, 1}, NULL);
    length = onnx_two(o, "Max", length, onnx_number(o, 1e-12)); /* EPS of latent.cl */
    onnx_is(o, op->out[0], onnx_two(o, "Div", x, length));
}

static const struct op_class unit_class = {
    .name = "unit",
    .infer = unit_infer,
    .forward = unit_forward,
    .back = unit_back,
    .reads = READS_OUT(0),
    .fuse = unit_fuse,
    .describe = unit_describe,
    .onnx = unit_onnx,
    .no_cfile = "it makes latent vectors, and --format c writes models with targets",
};

struct tensor *op_unit(struct graph *g, struct tensor *x)
{
    return graph_op(g, &unit_class, x->name, NULL, 1, (struct tensor *[]){x})->out[0];
}
