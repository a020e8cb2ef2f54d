/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/ops.h"

enum { LOGITS, TARGET };

struct cross_entropy {
    double smoothing;
};

/* In a training graph the kernel writes the gradient too: it is known with the value. */
static void cross_entropy_forward(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[LOGITS];
    const size_t batch = x->dim[0], classes = tensor_columns(x);
    unsigned lanes = cut_lanes(p, classes, 1);
    struct launch *l =
        plan_kernel(p, "cross_entropy.cl", p->training ? "cross_entropy_grad" : "cross_entropy",
                    batch, lanes, "-DLANES=%u", lanes);
    launch_read(l, op->in[LOGITS]);
    launch_read(l, op->in[TARGET]);
    launch_write(l, op->out[0]);
    if (p->training) {
        struct tensor *grad = lower_grad_fresh(p, op, LOGITS);
        launch_write(l, grad ? grad : plan_like(p, "unused", x));
    }
    launch_read(l, p->step);
    launch_int(l, tensor_rows(x) / batch);
    launch_int(l, classes);
    launch_float(l, ((const struct cross_entropy *)op->attr)->smoothing);
    launch_cost(l, 30.0 * (double)x->elems, op->path);
}

static void cross_entropy_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[LOGITS], *target = op->in[TARGET];
    if (target->dtype != DTYPE_U32 || target->elems != tensor_rows(x) ||
        target->dim[0] != x->dim[0])
        graph_misfit(g, op, "needs a class for each row of logits", LOGITS, TARGET);
    else
        graph_output(g, op, 0, op->path, 1, x->dim);
}

static const struct op_class cross_entropy_class = {
    .name = "cross entropy",
    .attr = sizeof(struct cross_entropy),
    .infer = cross_entropy_infer,
    .forward = cross_entropy_forward,
    .is_loss = 1,
    .no_onnx = "it is a loss",
};

struct tensor *op_cross_entropy(struct graph *g, struct tensor *logits, struct tensor *target,
                                double smoothing)
{
    return graph_op(g, &cross_entropy_class, "cross_entropy", &(struct cross_entropy){smoothing}, 2,
                    (struct tensor *[]){logits, target})
        ->out[0];
}
