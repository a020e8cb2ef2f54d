/* SPDX-License-Identifier: MIT */
/*
 * A weight as a model in integers has it: each output's numbers in a fixed-point format of their
 * own, cl/round_rows.cl. The gradient goes straight through: what rounding keeps within its range,
 * which is all, passes as it is.
 */
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/classes.h"
#include "ops/ops.h"

struct rounding {
    int bits; /* of a weight, with its sign */
};

/* The gradient of the rounded weight is that of the weight, the same tensor, which adds up. */
static void round_share_gradient(struct op *op)
{
    const struct tensor *w = tensor_base(op->in[0]);
    op->out[0]->grad = w->grad;
    op->out[0]->grad_written = w->grad != NULL;
}

static void round_forward(struct plan *p, struct op *op)
{
    const struct tensor *w = op->in[0];
    const size_t rows = w->dim[0], columns = w->elems / rows;
    const unsigned lanes = cut_lanes(p, columns, 1);
    struct launch *l =
        plan_kernel(p, "round_rows.cl", "round_rows", cut_rows(p, rows).groups, lanes,
                    "-DLANES=%u -DTOP=%d", lanes, ((const struct rounding *)op->attr)->bits - 2);
    launch_read(l, op->in[0]);
    launch_write(l, op->out[0]);
    launch_int(l, columns);
    launch_int(l, rows);
    launch_int(l, cut_rows(p, rows).chunk);
    launch_cost(l, 8.0 * (double)w->elems, op->path);
    if (op->out[0]->needs_grad)
        round_share_gradient(op);
}

/* The gradient is there already. */
static void round_back(struct plan *p, struct op *op)
{
    (void)p;
    (void)op;
}

static void round_infer(struct graph *g, struct op *op)
{
    if (op->in[0]->kind != TENSOR_PARAM && op->in[0]->needs_grad)
        graph_misfit(g, op, "rounds a parameter, or a frozen one that was fetched", 0, -1);
    else
        graph_output_like(g, op, 0, op->in[0]->name, op->in[0]);
}

static const struct op_class round_class = {
    .name = "round",
    .attr = sizeof(struct rounding),
    .infer = round_infer,
    .forward = round_forward,
    .back = round_back,
    .no_onnx = "the weights of a model that is exported are rounded when they are read",
};

struct tensor *op_round_weight(struct graph *g, struct tensor *w, int bits)
{
    return graph_op(g, &round_class, w->name, &(struct rounding){bits}, 1, &w)->out[0];
}

struct tensor *rounded_weight(struct graph *g, struct tensor *w)
{
    return g->weight_bits ? op_round_weight(g, w, g->weight_bits) : w;
}
