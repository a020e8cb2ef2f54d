/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "lower/cut.h"
#include "lower/lower.h"
#include "lower/step.h"
#include "ops/ops.h"

/* --- the loss of each sample */

enum { Y, TARGET, WEIGHT };

struct sample_loss {
    enum loss_kind kind;
    double part; /* of the gradient: the weight of the loss among others */
    double heat; /* the temperature at which logits are held against a teacher's; 0: they are not */
};

/* In a training graph the kernel writes the gradient too: it is known with the value. */
static void sample_loss_forward(struct plan *p, struct op *op)
{
    const struct sample_loss *a = op->attr;
    const struct tensor *y = op->in[Y];
    const size_t batch = y->dim[0];
    unsigned lanes = cut_group(p, 128);
    char heat[48] = "";
    if (a->heat > 0)
        snprintf(heat, sizeof heat, " -DHEAT=%.9ef", a->heat);
    struct launch *l =
        plan_kernel(p, "loss.cl", p->training ? "sample_loss_grad" : "sample_loss", batch, lanes,
                    "-DKIND=%d -DWEIGHT=%d -DLANES=%u%s", a->heat > 0 ? 4 : (int)a->kind,
                    op->in[WEIGHT] != NULL, lanes, heat);
    launch_read(l, op->in[Y]);
    launch_read(l, op->in[TARGET]);
    launch_write(l, op->out[0]);
    if (op->in[WEIGHT])
        launch_read(l, op->in[WEIGHT]);
    if (p->training) {
        struct tensor *dy = lower_grad_fresh(p, op, Y);
        launch_write(l, dy ? dy : plan_like(p, "unused", y));
    }
    launch_read(l, p->step);
    launch_int(l, y->elems / batch);
    launch_float(l, a->part);
    launch_cost(l, 8.0 * (double)y->elems, "sample_loss");
}

static void sample_loss_infer(struct graph *g, struct op *op)
{
    const struct tensor *y = op->in[Y];
    if (op->in[TARGET]->elems != y->elems)
        graph_misfit(g, op, "compares tensors of two sizes", Y, TARGET);
    else
        graph_output(g, op, 0, "sample_loss", 1, y->dim);
}

static const struct op_class sample_loss_class = {
    .name = "sample loss",
    .attr = sizeof(struct sample_loss),
    .infer = sample_loss_infer,
    .forward = sample_loss_forward,
    .is_loss = 1,
    .no_onnx = "it is a loss",
};

struct tensor *op_sample_loss(struct graph *g, struct tensor *y, struct tensor *x,
                              enum loss_kind kind, struct tensor *weight)
{
    return op_part_loss(g, y, x, kind, weight, 1);
}

struct tensor *op_part_loss(struct graph *g, struct tensor *y, struct tensor *x,
                            enum loss_kind kind, struct tensor *weight, double part)
{
    return graph_op(g, &sample_loss_class, "loss", &(struct sample_loss){kind, part, 0}, 3,
                    (struct tensor *[]){y, x, weight})
        ->out[0];
}

struct tensor *op_taught_loss(struct graph *g, struct tensor *y, struct tensor *taught,
                              enum loss_kind kind, struct tensor *weight, double part,
                              double temperature)
{
    const double heat = kind == LOSS_KIND_BCE ? temperature : 0;
    return graph_op(g, &sample_loss_class, "teacher", &(struct sample_loss){kind, part, heat}, 3,
                    (struct tensor *[]){y, taught, weight})
        ->out[0];
}

/* --- the scale of the gradients */

static void loss_scale_forward(struct plan *p, struct op *op)
{
    struct launch *l = plan_kernel(p, "optimizer.cl", "scale_step", 1, 1, "-DVEC=%u -DLANES=%u",
                                   cut_vec(p, 16), cut_group(p, 256));
    launch_read(l, op->in[0]);
    launch_update(l, p->step);
    launch_cost(l, 0, op->path);
}

static void nothing_infer(struct graph *g, struct op *op)
{
    (void)g, (void)op; /* what it changes is a state */
}

static const struct op_class loss_scale_class = {
    .name = "loss scale",
    .infer = nothing_infer,
    .forward = loss_scale_forward,
    .no_onnx = "it acts in training alone",
};

void op_loss_scale(struct graph *g, struct tensor *metrics)
{
    graph_op(g, &loss_scale_class, "scale", NULL, 1, &metrics);
}

/* --- the epoch's sums */

struct tensor *op_metrics(struct graph *g)
{
    const size_t words = METRICS_WORDS;
    return graph_state(g, "metrics", DTYPE_U32, 1, &words);
}

enum { METRICS = TERMS_MOST };

struct loss_sum {
    double weight[TERMS_MOST];
};

static void loss_sum_forward(struct plan *p, struct op *op)
{
    const struct loss_sum *a = op->attr;
    const size_t batch = p->graph->batch;
    struct launch *l = plan_kernel(p, "optimizer.cl", "loss_sum", 1, cut_group(p, 256),
                                   "-DVEC=%u -DLANES=%u", cut_vec(p, 16), cut_group(p, 256));
    uint32_t there = 0, by_sample = 0;
    for (unsigned k = 0; k < TERMS_MOST; k++) {
        launch_read(l, op->in[k] ? op->in[k] : p->step);
        there |= (uint32_t)(op->in[k] != NULL) << k;
        by_sample |= (uint32_t)(op->in[k] && op->in[k]->elems == batch) << k;
    }
    launch_update(l, op->in[METRICS]);
    launch_read(l, p->step);
    launch_word(l, there);
    launch_word(l, by_sample);
    for (unsigned k = 0; k < TERMS_MOST; k++)
        launch_float(l, a->weight[k]);
    launch_cost(l, (double)batch, "loss");
}

static void loss_sum_infer(struct graph *g, struct op *op)
{
    for (int k = 0; k < TERMS_MOST; k++)
        if (op->in[k] && op->in[k]->elems != g->batch && op->in[k]->elems != 1)
            graph_misfit(g, op, "adds what is neither of samples nor of the batch", k, -1);
}

static const struct op_class loss_sum_class = {
    .name = "loss sum",
    .attr = sizeof(struct loss_sum),
    .infer = loss_sum_infer, /* what it changes is a state */
    .forward = loss_sum_forward,
    .no_onnx = "it is a loss",
};

void op_loss_sum(struct graph *g, struct tensor *const value[TERMS_MOST],
                 const double weight[TERMS_MOST], struct tensor *metrics)
{
    struct loss_sum attr;
    struct tensor *in[METRICS + 1];
    for (int k = 0; k < TERMS_MOST; k++) {
        attr.weight[k] = weight[k];
        in[k] = value[k];
    }
    in[METRICS] = metrics;
    graph_op(g, &loss_sum_class, "loss", &attr, METRICS + 1, in);
}
