/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

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
