#include "ops/ops.h"

void op_add_parts(struct graph *g, struct tensor *part, size_t chunks, size_t columns,
                  size_t stride, size_t offset, struct tensor *grad, const char *label)
{
    unsigned vec = graph_vec(g, columns);
    while (stride % vec || offset % vec)
        vec /= 2;
    unsigned lanes = device_info(g->dev)->is_cpu ? 1 : 32;
    struct launch *l =
        graph_kernel(g, "reduce.cl", "add_parts", (columns / vec + lanes - 1) / lanes, lanes,
                     "-DVEC=%u -DLANES=%u", vec, lanes);
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
    unsigned vec = graph_vec(g, columns), lanes = device_info(g->dev)->is_cpu ? 1 : 32;
    unsigned most = device_info(g->dev)->is_cpu ? 8 : 1;
    size_t per_group = most * lanes, vectors = columns / vec;
    size_t blocks = (vectors + per_group - 1) / per_group;
    /* where one block covers all columns, no more accumulators than there are columns */
    unsigned nb = blocks == 1 ? (unsigned)((vectors + lanes - 1) / lanes) : most;
    size_t chunks = graph_chunks(g, (rows + 15) / 16), chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + chunk - 1) / chunk;
    struct tensor *part = graph_tensor2(g, "parts", chunks, columns);
    struct launch *l = graph_kernel(g, "reduce.cl", "sum_rows", chunks * blocks, lanes,
                                    "-DVEC=%u -DLANES=%u -DNB=%u", vec, lanes, nb);
    launch_read(l, x);
    launch_write(l, part);
    launch_int(l, rows);
    launch_int(l, columns);
    launch_int(l, chunk);
    launch_int(l, blocks);
    launch_cost(l, (double)rows * (double)columns, label);
    op_add_parts(g, part, chunks, columns, columns, 0, grad, label);
}
