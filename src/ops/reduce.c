/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

/* Vectors of columns that a work-item sums side by side at most. */
static unsigned side(const struct graph *g)
{
    return device_info(g->dev)->is_cpu ? 8 : 1;
}

static unsigned lanes_of(const struct graph *g)
{
    return device_info(g->dev)->is_cpu ? 1 : 32;
}

/* Both kernels of a width of vectors are of one program. */
static struct launch *kernel(struct graph *g, const char *name, size_t groups, unsigned vec)
{
    return graph_kernel(g, "reduce.cl", name, groups, lanes_of(g), "-DVEC=%u -DLANES=%u -DNB=%u",
                        vec, lanes_of(g), side(g));
}

void op_add_parts(struct graph *g, struct tensor *part, size_t chunks, size_t columns,
                  size_t stride, size_t offset, struct tensor *grad, const char *label)
{
    unsigned vec = graph_vec(g, columns);
    while (stride % vec || offset % vec)
        vec /= 2;
    unsigned lanes = lanes_of(g);
    struct launch *l = kernel(g, "add_parts", (columns / vec + lanes - 1) / lanes, vec);
    launch_read(l, part);
    launch_update(l, grad);
    launch_int(l, chunks);
    launch_int(l, columns);
    launch_int(l, stride);
    launch_int(l, offset);
    launch_cost(l, (double)chunks * (double)columns, label);
}

void op_sum_rows(struct graph *g, struct tensor *x, size_t rows, size_t columns,
                 struct tensor *grad, const char *label)
{
    unsigned vec = graph_vec(g, columns);
    size_t per_group = side(g) * lanes_of(g), vectors = columns / vec;
    size_t blocks = (vectors + per_group - 1) / per_group;
    size_t chunks = graph_chunks(g, (rows + 15) / 16), chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + chunk - 1) / chunk;
    struct tensor *part = graph_tensor2(g, "parts", chunks, columns);
    struct launch *l = kernel(g, "sum_rows", chunks * blocks, vec);
    launch_read(l, x);
    launch_write(l, part);
    launch_int(l, rows);
    launch_int(l, columns);
    launch_int(l, chunk);
    launch_int(l, blocks);
    launch_cost(l, (double)rows * (double)columns, label);
    op_add_parts(g, part, chunks, columns, columns, 0, grad, label);
}
