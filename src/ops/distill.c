/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/ops.h"

enum { LOGITS, TAUGHT, TARGET };

struct distill {
    double heat, w;
};

/* 1 / rows of each sample that count. */
static struct tensor *share_of(struct plan *p, const struct op *op, size_t classes)
{
    const struct tensor *target = op->in[TARGET];
    const size_t batch = target->dim[0];
    const unsigned lanes = cut_lanes(p, target->elems / batch, 1);
    struct tensor *share = plan_tensor2(p, "share", batch, 1);
    struct launch *l =
        plan_kernel(p, "head.cl", "head_share", batch, lanes,
                    "-DV=%zu -DGRAD=0 -DSMOOTH=0 -DVEC=1 -DLANES=%u", classes, lanes);
    launch_read(l, op->in[TARGET]);
    launch_write(l, share);
    launch_read(l, p->step);
    launch_int(l, target->elems / batch);
    launch_cost(l, 0, op->path);
    return share;
}

/* The mean of a sample's losses, to output i. */
static void mean_of(struct plan *p, struct op *op, int i, struct tensor *loss, struct tensor *share,
                    size_t classes)
{
    const size_t batch = share->dim[0];
    const unsigned lanes = cut_lanes(p, loss->elems / batch, 1);
    struct launch *l =
        plan_kernel(p, "head.cl", "head_value", batch, lanes,
                    "-DV=%zu -DGRAD=0 -DSMOOTH=0 -DVEC=1 -DLANES=%u", classes, lanes);
    launch_read(l, loss);
    launch_read(l, share);
    launch_write(l, op->out[i]);
    launch_int(l, loss->elems / batch);
    launch_cost(l, 0, op->path);
}

/* In a training graph the kernel writes the gradient too: it is known with the values. */
static void distill_forward(struct plan *p, struct op *op)
{
    const struct distill *a = op->attr;
    const struct tensor *x = op->in[LOGITS];
    const size_t rows = tensor_rows(x), classes = tensor_columns(x);
    const struct chunks cut = cut_rows(p, rows);
    const unsigned lanes = cut_lanes(p, classes, 1);
    struct tensor *share = share_of(p, op, classes);
    struct tensor *hard = plan_tensor2(p, "hard", rows, 1),
                  *soft = plan_tensor2(p, "soft", rows, 1);
    struct launch *l = plan_kernel(p, "distill.cl", "distill_rows", cut.groups, lanes,
                                   "-DV=%zu -DGRAD=%d -DLANES=%u", classes, p->training, lanes);
    launch_read(l, op->in[LOGITS]);
    launch_read(l, op->in[TAUGHT]);
    launch_read(l, op->in[TARGET]);
    launch_read(l, share);
    launch_write(l, hard);
    launch_write(l, soft);
    if (p->training) {
        struct tensor *grad = lower_grad_fresh(p, op, LOGITS);
        launch_write(l, grad ? grad : plan_like(p, "unused", x));
    }
    launch_read(l, p->step);
    launch_int(l, rows);
    launch_int(l, rows / x->dim[0]);
    launch_int(l, cut.chunk);
    launch_float(l, a->heat);
    launch_float(l, a->w);
    launch_cost(l, 80.0 * (double)x->elems, op->path);
    mean_of(p, op, 0, hard, share, classes);
    mean_of(p, op, 1, soft, share, classes);
}

static void distill_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[LOGITS], *target = op->in[TARGET];
    if (op->in[TAUGHT]->elems != x->elems || tensor_columns(op->in[TAUGHT]) != tensor_columns(x)) {
        graph_misfit(g, op, "compares logits of two sizes", LOGITS, TAUGHT);
        return;
    }
    if (target->dtype != DTYPE_U32 || target->elems != tensor_rows(x) ||
        target->dim[0] != x->dim[0]) {
        graph_misfit(g, op, "needs a class for each row of logits", LOGITS, TARGET);
        return;
    }
    graph_output(g, op, 0, "cross_entropy", 1, x->dim);
    graph_output(g, op, 1, "teacher", 1, x->dim);
}

static const struct op_class distill_class = {
    .name = "distillation",
    .attr = sizeof(struct distill),
    .infer = distill_infer,
    .forward = distill_forward,
    .is_loss = 1,
    .no_onnx = "it is a loss",
};

struct tensor *op_distill(struct graph *g, struct tensor *logits, struct tensor *taught,
                          struct tensor *target, double temperature, double w, struct tensor **soft)
{
    struct op *op = graph_op(g, &distill_class, "distill", &(struct distill){temperature, w}, 3,
                             (struct tensor *[]){logits, taught, target});
    *soft = op->out[1];
    return op->out[0];
}
