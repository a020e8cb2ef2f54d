/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>

#include "ops/ops.h"

/* Rows that a kernel of conv.cl makes of `window` rows of `columns`, and how it is cut. */
struct slide {
    struct tensor *x, *y;
    size_t window, length, columns;
    struct conv shape;
};

static struct launch *kernel(struct graph *g, const struct slide *op, const char *name,
                             size_t width, struct tensor *const *reads, struct tensor *write,
                             int add, size_t length)
{
    size_t rows = g->batch * length, chunks = graph_chunks(g, rows);
    size_t chunk = (rows + chunks - 1) / chunks;
    unsigned lanes = graph_lanes(g, width, 1);
    struct launch *l = graph_kernel(g, "conv.cl", name, (rows + chunk - 1) / chunk, lanes,
                                    "-DC=%zu -DK=%zu -DS=%zu -DP=%zu -DLANES=%u", op->columns,
                                    op->shape.kernel, op->shape.stride, op->shape.padding, lanes);
    for (; *reads; reads++)
        launch_read(l, *reads);
    launch_add_to(l, write, add);
    launch_int(l, op->window);
    launch_int(l, op->length);
    launch_int(l, rows);
    launch_int(l, chunk);
    launch_cost(l, (double)rows * (double)width, write->name);
    return l;
}

size_t conv_rows(const struct conv *shape, size_t window)
{
    size_t padded = window + 2 * shape->padding;
    return padded < shape->kernel ? 0 : (padded - shape->kernel) / shape->stride + 1;
}

static void fold_backward(struct graph *g, const void *arg)
{
    const struct slide *op = arg;
    int add;
    struct tensor *dx = op->y->grad ? graph_grad(g, op->x, &add) : NULL;
    if (!dx)
        return;
    struct tensor *reads[] = {op->y->grad, NULL};
    launch_int(kernel(g, op, "fold", op->columns, reads, dx, add, op->window), (size_t)add);
}

static void unfold_into(struct graph *g, const struct slide *op, struct tensor *x, struct tensor *y)
{
    struct tensor *reads[] = {x, NULL};
    kernel(g, op, "unfold", op->columns * op->shape.kernel, reads, y, 0, op->length);
}

static void make(struct graph *g, const void *arg, struct tensor *y)
{
    const struct slide *op = arg;
    unfold_into(g, op, graph_again(g, op->x), y);
}

static struct tensor *unfold(struct graph *g, struct tensor *x, size_t window, size_t length,
                             size_t in, const struct conv *shape)
{
    struct slide op = {x, NULL, window, length, in, *shape};
    op.y = graph_tensor2(g, "unfolded", g->batch * length, in * shape->kernel);
    op.y->needs_grad = x->needs_grad;
    unfold_into(g, &op, x, op.y);
    graph_on_again(g, op.y, make, &op, sizeof op);
    graph_backward_arg(g, fold_backward, op);
    return op.y;
}

struct tensor *op_conv1d(struct graph *g, struct tensor *x, size_t window, size_t in, size_t out,
                         const struct conv *shape, int bare, const char *name)
{
    size_t length = conv_rows(shape, window), columns = in * shape->kernel;
    double bound = 1 / sqrt((double)columns); /* nn.Conv1d: as nn.Linear over all it reads */
    char weight[96], bias[96];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    struct tensor *w = graph_weight(g, weight, 3, (size_t[]){out, in, shape->kernel}, bound);
    struct tensor *b = bare ? NULL : graph_bias(g, bias, out, bound);
    if (!length) {
        graph_fault(g, name, "has a kernel longer than its padded input");
        length = 1;
    }
    if (shape->kernel > 1 || shape->stride > 1 || shape->padding)
        x = unfold(g, x, window, length, in, shape);
    return op_linear_of(g, x, g->batch * length, columns, out, w, b);
}

/* --- max pooling */

static void max_pool_backward(struct graph *g, const void *arg)
{
    const struct slide *op = arg;
    int add;
    struct tensor *dx = op->y->grad ? graph_grad(g, op->x, &add) : NULL;
    if (!dx)
        return;
    struct tensor *reads[] = {op->y->grad, op->x, NULL};
    kernel(g, op, "max_pool_bwd", op->columns, reads, dx, 0, op->window); /* x's one reader */
}

struct tensor *op_max_pool(struct graph *g, struct tensor *x, size_t window, size_t columns,
                           size_t pool)
{
    struct slide op = {x, NULL, window, window / pool, columns, {pool, pool, 0}};
    if (!op.length) {
        graph_fault(g, x->name, "has fewer rows than a pooling window");
        op.length = 1;
    }
    op.y = graph_tensor2(g, "pooled", g->batch * op.length, columns);
    struct tensor *reads[] = {x, NULL};
    kernel(g, &op, "max_pool_fwd", columns, reads, op.y, 0, op.length);
    graph_backward_arg(g, max_pool_backward, op);
    return op.y;
}
