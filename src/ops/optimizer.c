/* SPDX-License-Identifier: MIT */
#include "graph/step.h"
#include "ops/ops.h"

static unsigned vec_of(const struct graph *g)
{
    return graph_vec(g, 16);
}

static unsigned lanes_of(const struct graph *g)
{
    return device_info(g->dev)->is_cpu ? 1 : 64;
}

static struct launch *kernel(struct graph *g, const char *name, size_t groups, size_t lanes)
{
    return graph_kernel(g, "optimizer.cl", name, groups, lanes, "-DVEC=%u -DLANES=%u", vec_of(g),
                        lanes_of(g));
}

struct tensor *op_loss_sum(struct graph *g, struct tensor *value, struct tensor *contrastive,
                           double weight)
{
    struct tensor *metrics = graph_state(g, "metrics", METRICS_WORDS);
    struct launch *l = kernel(g, "loss_sum", 1, 1);
    launch_read(l, value);
    launch_read(l, contrastive);
    launch_update(l, metrics);
    launch_read(l, g->step);
    launch_float(l, weight);
    launch_cost(l, (double)g->batch, "loss");
    return metrics;
}

void op_adamw(struct graph *g, struct tensor *metrics, double beta1, double beta2, double epsilon)
{
    const struct params *p = g->params;
    unsigned vec = vec_of(g), lanes = lanes_of(g);
    size_t vectors = p->elems / vec, chunks = graph_chunks(g, (vectors + 63) / 64);
    size_t chunk = (vectors + chunks - 1) / chunks, groups = (vectors + chunk - 1) / chunk;
    struct tensor *grads = graph_borrow(g, "gradients", p->grads);
    struct tensor *part = graph_tensor(g, "norm.parts", 1, &groups);

    struct launch *l = kernel(g, "norm_parts", groups, lanes);
    launch_read(l, grads);
    launch_write(l, part);
    launch_int(l, vectors);
    launch_int(l, chunk);
    launch_cost(l, 2.0 * (double)p->elems, "norm");

    l = kernel(g, "norm_finish", 1, 1);
    launch_read(l, part);
    launch_update(l, metrics);
    launch_read(l, g->step);
    launch_int(l, groups);
    launch_cost(l, (double)groups, "norm");

    l = kernel(g, "adamw", groups, lanes);
    launch_update(l, graph_borrow(g, "parameters", p->values));
    launch_update(l, grads);
    launch_update(l, graph_borrow(g, "exp_avg", p->exp_avg));
    launch_update(l, graph_borrow(g, "exp_avg_sq", p->exp_avg_sq));
    launch_read(l, metrics);
    launch_read(l, g->step);
    launch_int(l, vectors);
    launch_int(l, chunk);
    launch_int(l, p->decayed / vec);
    launch_float(l, beta1);
    launch_float(l, 1 - beta1);
    launch_float(l, beta2);
    launch_float(l, 1 - beta2);
    launch_float(l, epsilon);
    launch_cost(l, 14.0 * (double)p->elems, "adamw");
}
