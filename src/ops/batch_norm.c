/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "ops/ops.h"

struct batch_norm {
    struct tensor *x, *y, *stats, *gamma, *beta;
    size_t rows, columns, period, chunk, groups;
    unsigned vec, lanes;
};

static struct launch *kernel(struct graph *g, const struct batch_norm *op, const char *name,
                             size_t groups)
{
    return graph_kernel(g, "batch_norm.cl", name, groups, op->lanes,
                        "-DD=%zu -DBIAS=%d -DVEC=%u -DLANES=%u", op->columns, op->x->bias != NULL,
                        op->vec, op->lanes);
}

/* A kernel over rows, which reads x. */
static struct launch *over_rows(struct graph *g, const struct batch_norm *op, const char *name)
{
    struct launch *l = kernel(g, op, name, op->groups);
    launch_read(l, op->x);
    if (op->x->bias)
        launch_read(l, op->x->bias);
    return l;
}

/* A kernel with a work-item a column. */
static struct launch *over_columns(struct graph *g, const struct batch_norm *op, const char *name)
{
    return kernel(g, op, name, (op->columns + op->lanes - 1) / op->lanes);
}

static void count_rows(struct graph *g, struct launch *l, const struct batch_norm *op)
{
    launch_read(l, g->step);
    launch_int(l, op->rows);
    launch_int(l, op->period);
    launch_int(l, op->chunk);
}

static void backward(struct graph *g, const void *arg)
{
    const struct batch_norm *op = arg;
    struct tensor *dy = op->y->grad;
    int add;
    if (!dy)
        return;
    struct tensor *part = graph_tensor2(g, "parts", op->groups, 2 * op->columns);
    struct tensor *total = graph_tensor2(g, "total", 2, op->columns);
    struct launch *l = over_rows(g, op, "batch_norm_bwd_sums");
    launch_read(l, dy);
    launch_read(l, op->stats);
    launch_write(l, part);
    count_rows(g, l, op);
    launch_cost(l, 6.0 * (double)op->x->elems, op->gamma->name);
    l = over_columns(g, op, "batch_norm_bwd_total");
    launch_read(l, part);
    launch_write(l, total);
    launch_update(l, op->gamma->grad);
    launch_update(l, op->beta->grad);
    launch_int(l, op->groups);
    launch_cost(l, 2.0 * (double)part->elems, op->gamma->name);
    struct tensor *dx = graph_grad(g, op->x, &add);
    if (!dx)
        return;
    l = over_rows(g, op, "batch_norm_bwd_x");
    launch_read(l, dy);
    launch_read(l, op->stats);
    launch_read(l, op->gamma);
    launch_read(l, total);
    launch_write(l, dx); /* a convolution's output has this one reader */
    count_rows(g, l, op);
    launch_cost(l, 8.0 * (double)op->x->elems, dx->name);
}

struct tensor *op_batch_norm(struct graph *g, struct tensor *x, size_t rows, size_t columns,
                             const char *name)
{
    struct batch_norm op = {.x = x, .rows = rows, .columns = columns, .period = rows / g->batch};
    op.vec = graph_vec(g, columns);
    op.lanes = graph_lanes(g, columns, op.vec);
    size_t chunks = graph_chunks(g, rows);
    op.chunk = (rows + chunks - 1) / chunks;
    op.groups = (rows + op.chunk - 1) / op.chunk;
    char label[5][96];
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var",
                                        "num_batches_tracked"};
    for (int i = 0; i < 5; i++)
        snprintf(label[i], sizeof label[i], "%s.%s", name, parts[i]);
    op.gamma = graph_param(g, label[0], 1, &columns, 0, INIT_CONSTANT, 1);
    op.beta = graph_param(g, label[1], 1, &columns, 0, INIT_CONSTANT, 0);
    struct tensor *mean = graph_running(g, label[2], 1, &columns, 0);
    struct tensor *var = graph_running(g, label[3], 1, &columns, 1);
    struct tensor *tracked = graph_running(g, label[4], 0, &columns, 0);
    op.stats = graph_tensor2(g, "stats", 2, columns);
    op.y = graph_tensor2(g, name, rows, columns);
    struct launch *l;
    if (g->training) {
        struct tensor *part = graph_tensor2(g, "parts", op.groups, 2 * columns);
        l = over_rows(g, &op, "batch_norm_moments");
        launch_write(l, part);
        count_rows(g, l, &op);
        launch_cost(l, 4.0 * (double)x->elems, name);
        l = over_columns(g, &op, "batch_norm_merge");
        launch_read(l, part);
        launch_write(l, op.stats);
        launch_update(l, mean);
        launch_update(l, var);
        launch_update(l, tracked);
        count_rows(g, l, &op);
        launch_cost(l, 4.0 * (double)part->elems, name);
    } else {
        l = over_columns(g, &op, "batch_norm_running");
        launch_read(l, mean);
        launch_read(l, var);
        launch_write(l, op.stats);
        launch_cost(l, 4.0 * (double)columns, name);
    }
    l = over_rows(g, &op, "batch_norm_fwd");
    launch_read(l, op.stats);
    launch_read(l, op.gamma);
    launch_read(l, op.beta);
    launch_write(l, op.y);
    launch_int(l, rows);
    launch_int(l, op.chunk);
    launch_cost(l, 4.0 * (double)x->elems, name);
    graph_backward_arg(g, backward, op);
    return op.y;
}
