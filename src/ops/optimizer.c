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
