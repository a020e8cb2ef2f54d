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

struct tensor *op_loss_sum(struct graph *g, struct tensor *const value[TERMS_MOST],
                           const double weight[TERMS_MOST])
{
    struct tensor *metrics = graph_state(g, "metrics", METRICS_WORDS);
    struct launch *l = kernel(g, "loss_sum", 1, 1);
    uint32_t there = 0, by_sample = 0;
    for (unsigned k = 0; k < TERMS_MOST; k++) {
        launch_read(l, value[k] ? value[k] : g->step);
        there |= (uint32_t)(value[k] != NULL) << k;
        by_sample |= (uint32_t)(value[k] && value[k]->elems == g->batch) << k;
    }
    launch_update(l, metrics);
    launch_read(l, g->step);
    launch_word(l, there);
    launch_word(l, by_sample);
    for (unsigned k = 0; k < TERMS_MOST; k++)
        launch_float(l, weight[k]);
    launch_cost(l, (double)g->batch, "loss");
    return metrics;
}
