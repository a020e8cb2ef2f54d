#include "ops/ops.h"

#include "graph/step.h"

struct tensor *op_sample_loss(struct graph *g, struct tensor *y, struct tensor *x, size_t elems,
                              enum loss_kind kind, struct tensor *weight)
{
    struct tensor *value = graph_tensor(g, "sample_loss", 1, &g->batch);
    unsigned lanes = device_info(g->dev)->is_cpu ? 1 : 64;
    struct launch *l =
        graph_kernel(g, "loss.cl", g->training ? "sample_loss_grad" : "sample_loss", g->batch,
                     lanes, "-DKIND=%d -DWEIGHT=%d -DLANES=%u", (int)kind, weight != NULL, lanes);
    launch_read(l, y);
    launch_read(l, x);
    launch_write(l, value);
    if (weight)
        launch_read(l, weight);
    if (g->training) {
        int add;
        launch_write(l, graph_grad(g, y, &add)); /* the only reader of y */
    }
    launch_read(l, g->step);
    launch_int(l, elems);
    launch_cost(l, 8.0 * (double)y->elems, "sample_loss");
    return value;
}

struct tensor *op_zero(struct graph *g)
{
    return graph_state(g, "zero", 1);
}

struct tensor *op_loss_sum(struct graph *g, struct tensor *value, struct tensor *contrastive,
                           double weight)
{
    struct tensor *metrics = graph_state(g, "metrics", METRICS_WORDS);
    unsigned lanes = device_info(g->dev)->is_cpu ? 1 : 64;
    struct launch *l =
        graph_kernel(g, "loss.cl", "loss_sum", 1, 1, "-DKIND=0 -DWEIGHT=0 -DLANES=%u", lanes);
    launch_read(l, value);
    launch_read(l, contrastive);
    launch_update(l, metrics);
    launch_read(l, g->step);
    launch_float(l, weight);
    launch_cost(l, (double)g->batch, "loss");
    return metrics;
}
