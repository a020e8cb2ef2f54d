/* SPDX-License-Identifier: MIT */
/* A frozen weight that lies in the host's memory (device.offload), brought to the device for each
 * pass that reads it. */
#include "cfile/cfile.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

static void fetch_again(struct plan *p, struct op *op, struct tensor *to)
{
    plan_send(p, op->in[0], to);
}

static void fetch_forward(struct plan *p, struct op *op)
{
    plan_send(p, op->in[0], op->out[0]);
}

static void fetch_infer(struct graph *g, struct op *op)
{
    const struct tensor *weight = op->in[0];
    graph_output_as(g, op, 0, weight->name, weight->dtype, weight->rank, weight->dim);
}

static void fetch_onnx(struct onnx *o, struct op *op)
{
    onnx_is(o, op->out[0], onnx_of(o, op->in[0]));
}

static void fetch_cfile(struct cfile *c, struct op *op)
{
    cfile_same(c, op->out[0], op->in[0]);
}

static const struct op_class fetch_class = {
    .name = "fetch",
    .infer = fetch_infer,
    .forward = fetch_forward,
    .again = fetch_again,
    .is_brought = 1,
    .onnx = fetch_onnx,
    .cfile = fetch_cfile,
};

struct tensor *fetch_weight(struct graph *g, struct tensor *weight)
{
    return params_host(g->params, weight)
               ? graph_op(g, &fetch_class, weight->name, NULL, 1, &weight)->out[0]
               : weight;
}
