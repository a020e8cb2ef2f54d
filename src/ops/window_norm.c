/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "ops/ops.h"

struct window_denorm {
    struct tensor *y, *z, *stats, *feature;
    size_t elems, targets, features;
};

static struct launch *kernel(struct graph *g, const char *name, size_t width, size_t features,
                             int gradient)
{
    unsigned lanes = graph_lanes(g, width, 1);
    return graph_kernel(g, "window_norm.cl", name, g->batch, lanes,
                        "-DF=%zu -DGRADIENT=%d -DLANES=%u", features, gradient, lanes);
}

struct tensor *op_window_norm(struct graph *g, struct tensor *x, size_t window, size_t features,
                              struct tensor **stats)
{
    struct tensor *y = graph_tensor(g, "window_norm", 3, (size_t[]){g->batch, window, features});
    y->needs_grad = 0;
    *stats = graph_tensor(g, "window.stats", 3, (size_t[]){g->batch, 2, features});
    struct launch *l = kernel(g, "window_norm", features, features, 0);
    launch_read(l, x);
    launch_write(l, y);
    launch_write(l, *stats);
    launch_int(l, window);
    launch_cost(l, 6.0 * (double)y->elems, y->name);
    return y;
}

static void put_back(struct graph *g, const struct window_denorm *op, struct tensor *y,
                     struct tensor *z, int gradient)
{
    struct launch *l = kernel(g, "window_denorm", op->elems, op->features, gradient);
    launch_read(l, y);
    launch_read(l, op->stats);
    launch_read(l, op->feature);
    launch_write(l, z);
    launch_int(l, op->elems);
    launch_int(l, op->targets);
    launch_cost(l, 2.0 * (double)z->elems, z->name);
}

static void backward(struct graph *g, const void *arg)
{
    const struct window_denorm *op = arg;
    int add;
    struct tensor *dy = op->z->grad ? graph_grad(g, op->y, &add) : NULL;
    if (dy)
        put_back(g, op, op->z->grad, dy, 1); /* y's one reader */
}

struct tensor *op_window_denorm(struct graph *g, struct tensor *y, struct tensor *stats,
                                size_t rows, size_t targets, size_t features, const int *feature)
{
    struct window_denorm op = {
        .y = y, .stats = stats, .elems = rows * targets, .targets = targets, .features = features};
    float *table = malloc(targets * sizeof *table);
    if (!table) {
        g->failed = 1;
        return y;
    }
    for (size_t k = 0; k < targets; k++)
        table[k] = (float)feature[k];
    op.feature = graph_constant(g, "window.features", targets, table);
    free(table);
    op.z = graph_tensor(g, "output", 3, (size_t[]){g->batch, rows, targets});
    put_back(g, &op, y, op.z, 0);
    graph_backward_arg(g, backward, op);
    return op.z;
}
