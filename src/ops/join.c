/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

struct join {
    struct tensor *part[2], *y;
    size_t columns[2], rows;
};

/* A kernel of join.cl over rows; its last arguments are the rows and how many a work-group takes.
 */
static struct launch *kernel(struct graph *g, const char *name, size_t rows, size_t *chunk)
{
    size_t chunks = graph_chunks(g, rows);
    unsigned lanes = device_info(g->dev)->is_cpu ? 1 : 32;
    *chunk = (rows + chunks - 1) / chunks;
    return graph_kernel(g, "join.cl", name, (rows + *chunk - 1) / *chunk, lanes, "-DLANES=%u",
                        lanes);
}

static void backward(struct graph *g, const void *arg)
{
    const struct join *op = arg;
    for (size_t i = 0; i < 2 && op->y->grad; i++) {
        int add;
        struct tensor *dx = graph_grad(g, op->part[i], &add);
        if (!dx)
            continue;
        size_t chunk;
        struct launch *l = kernel(g, "join_bwd", op->rows, &chunk);
        launch_read(l, op->y->grad);
        launch_add_to(l, dx, add);
        launch_int(l, op->columns[i]);
        launch_int(l, op->columns[0] + op->columns[1]);
        launch_int(l, i ? op->columns[0] : 0);
        launch_int(l, op->rows);
        launch_int(l, chunk);
        launch_int(l, (size_t)add);
        launch_cost(l, 0, dx->name);
    }
}

struct tensor *op_join(struct graph *g, struct tensor *a, size_t columns, struct tensor *b,
                       size_t more, size_t rows)
{
    struct join op = {.part = {a, b}, .columns = {columns, more}, .rows = rows};
    op.y = graph_tensor2(g, "join", rows, columns + more);
    size_t chunk;
    struct launch *l = kernel(g, "join_fwd", rows, &chunk);
    launch_read(l, a);
    launch_read(l, b);
    launch_write(l, op.y);
    launch_int(l, columns);
    launch_int(l, more);
    launch_int(l, rows);
    launch_int(l, chunk);
    launch_cost(l, 0, "join");
    graph_backward_arg(g, backward, op);
    return op.y;
}

struct tensor *op_iq_features(struct graph *g, struct tensor *x, size_t rows)
{
    struct tensor *y = graph_tensor2(g, "iq_features", rows, 6);
    y->needs_grad = 0;
    size_t chunk;
    struct launch *l = kernel(g, "iq_features", rows, &chunk);
    launch_read(l, x);
    launch_write(l, y);
    launch_int(l, rows);
    launch_int(l, chunk);
    launch_cost(l, 20.0 * (double)rows, y->name);
    return y;
}
