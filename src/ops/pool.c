/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "ops/ops.h"

struct pool {
    struct tensor *x, *y, *weight, *bias, *p; /* [B T, D], [B, D], [1, D], [1], [B, T] */
    size_t window, columns, reverse;
    enum pool_kind kind;
    unsigned vec, lanes;
};

static struct launch *kernel(struct graph *g, const struct pool *op, const char *name)
{
    return graph_kernel(g, "pool.cl", name, g->batch, op->lanes, "-DKIND=%d -DVEC=%u -DLANES=%u",
                        (int)op->kind, op->vec, op->lanes);
}

/* dweight += ds^T x, see cl/pool.cl; the bias moves all scores alike, which softmax does not see:
 * its gradient is 0 */
static void backward(struct graph *g, const void *arg)
{
    const struct pool *op = arg;
    struct tensor *dy = op->y->grad, *ds = NULL;
    int add;
    struct tensor *dx = dy ? graph_grad(g, op->x, &add) : NULL;
    if (!dx)
        return;
    size_t rows = g->batch * op->window;
    struct launch *l = kernel(g, op, "pool_bwd");
    launch_read(l, dy);
    if (op->kind == POOL_ATTENTION) {
        ds = graph_tensor2(g, "grad.scores", g->batch, op->window);
        launch_read(l, op->x);
        launch_read(l, op->weight);
        launch_read(l, op->p);
        launch_write(l, ds);
    }
    launch_add_to(l, dx, add);
    launch_int(l, op->window);
    launch_int(l, op->columns);
    launch_int(l, op->reverse);
    launch_int(l, (size_t)add);
    launch_cost(l, 4.0 * (double)op->x->elems, dx->name);
    if (!ds)
        return;
    graph_gemm(g, op->weight->name, (struct gemm_shape){1, 0, 1, op->columns, rows}, ds, op->x,
               op->weight->grad, 1);
}

struct tensor *op_pool(struct graph *g, struct tensor *x, size_t window, size_t columns,
                       size_t reverse, enum pool_kind kind, const char *name)
{
    if (kind == POOL_FLATTEN)
        return x;
    struct pool op = {.x = x,
                      .window = window,
                      .columns = columns,
                      .reverse = reverse,
                      .kind = kind,
                      .vec = graph_vec(g, columns),
                      .lanes = device_info(g->dev)->is_cpu ? 1 : 64};
    while (reverse % op.vec)
        op.vec /= 2;
    op.y = graph_tensor2(g, name, g->batch, columns);
    if (kind == POOL_ATTENTION) {
        double bound = 1 / sqrt((double)columns); /* nn.Linear's */
        char text[96];
        snprintf(text, sizeof text, "%s.weight", name);
        op.weight = graph_weight(g, text, 2, (size_t[]){1, columns}, bound);
        snprintf(text, sizeof text, "%s.bias", name);
        op.bias = graph_bias(g, text, 1, bound);
        op.p = graph_tensor2(g, "scores", g->batch, window);
    }
    struct launch *l = kernel(g, &op, "pool_fwd");
    launch_read(l, x);
    if (kind == POOL_ATTENTION) {
        launch_read(l, op.weight);
        launch_read(l, op.bias);
        launch_write(l, op.p);
    }
    launch_write(l, op.y);
    launch_int(l, window);
    launch_int(l, columns);
    launch_int(l, reverse);
    launch_cost(l, 2.0 * (double)x->elems, name);
    graph_backward_arg(g, backward, op);
    return op.y;
}
