/* SPDX-License-Identifier: MIT */
#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

static struct launch *softmax_kernel(struct plan *p, const struct op *op, const char *name)
{
    unsigned lanes = cut_lanes(p, tensor_columns(op->in[0]), 1);
    return plan_kernel(p, "softmax.cl", name, cut_rows(p, tensor_rows(op->in[0])).groups, lanes,
                       "-DLANES=%u", lanes);
}

static void softmax_tail(struct plan *p, struct launch *l, const struct op *op)
{
    const size_t rows = tensor_rows(op->in[0]);
    launch_int(l, tensor_columns(op->in[0]));
    launch_int(l, rows);
    launch_int(l, cut_rows(p, rows).chunk);
}

static void softmax_forward(struct plan *p, struct op *op)
{
    struct launch *l = softmax_kernel(p, op, "softmax_fwd");
    launch_read(l, op->in[0]);
    launch_write(l, op->out[0]);
    softmax_tail(p, l, op);
    launch_cost(l, 20.0 * (double)op->in[0]->elems, op->path);
}

static void softmax_back(struct plan *p, struct op *op)
{
    int add;
    struct tensor *dx = lower_grad(p, op, 0, &add);
    struct launch *l = softmax_kernel(p, op, "softmax_bwd");
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, op->out[0]);
    launch_add_to(l, dx, add);
    softmax_tail(p, l, op);
    launch_int(l, (size_t)add);
    launch_cost(l, 5.0 * (double)op->in[0]->elems, dx->name);
}

static void softmax_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, op->path, op->in[0]);
}

static void softmax_onnx(struct onnx *o, struct op *op)
{
    const char *x = onnx_of(o, op->in[0]);
    onnx_is(o, op->out[0], onnx_along(o, "Softmax", "axis", -1, x, NULL, NULL));
}

static void softmax_cfile(struct cfile *c, struct op *op)
{
    const char *x = cfile_of(c, op->in[0]);
    cfile_call(c, "softmax", "%s, %s, %zu, %zu", x, cfile_make(c, op->out[0]),
               tensor_rows(op->in[0]), tensor_columns(op->in[0]));
}

static const struct op_class softmax_class = {
    .name = "softmax",
    .infer = softmax_infer,
    .forward = softmax_forward,
    .back = softmax_back,
    .reads = READS_OUT(0),
    .onnx = softmax_onnx,
    .cfile = softmax_cfile,
};

struct tensor *op_softmax(struct graph *g, struct tensor *x)
{
    return graph_op(g, &softmax_class, graph_name("softmax.%s", x->name), NULL, 1,
                    (struct tensor *[]){x})
        ->out[0];
}
