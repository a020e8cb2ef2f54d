/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

struct tensor *op_gather(struct graph *g, struct tensor *series, struct tensor *order,
                         size_t window, size_t features, int scaling, struct tensor **sample)
{
    struct tensor *x = graph_tensor(g, "input", 3, (size_t[]){g->batch, window, features});
    *sample = graph_tensor(g, "sample", 1, &g->batch);
    x->needs_grad = 0;
    unsigned lanes = device_info(g->dev)->is_cpu ? 1 : 64;
    struct launch *l = graph_kernel(g, "gather.cl", "gather", g->batch, lanes, "-DLANES=%u", lanes);
    launch_read(l, series);
    launch_read(l, order);
    launch_read(l, g->step);
    launch_write(l, x);
    launch_write(l, *sample);
    launch_int(l, window);
    launch_int(l, features);
    launch_int(l, (size_t)scaling);
    l->bytes = 8.0 * (double)x->elems;
    launch_cost(l, 0, "input");
    return x;
}

struct tensor *op_gather_rows(struct graph *g, const char *name, struct tensor *table,
                              struct tensor *sample, size_t first, size_t rows, size_t columns)
{
    struct tensor *y = graph_tensor(g, name, 3, (size_t[]){g->batch, rows, columns});
    y->needs_grad = 0;
    unsigned lanes = device_info(g->dev)->is_cpu ? 1 : 64;
    struct launch *l =
        graph_kernel(g, "gather.cl", "gather_rows", g->batch, lanes, "-DLANES=%u", lanes);
    launch_read(l, table);
    launch_read(l, sample);
    launch_write(l, y);
    launch_int(l, first);
    launch_int(l, rows * columns);
    launch_int(l, columns);
    l->bytes = 8.0 * (double)y->elems;
    launch_cost(l, 0, name);
    return y;
}
