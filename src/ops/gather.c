/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "ops/ops.h"

#define LANES 64  /* of a group on a GPU */
#define CHUNK 256 /* numbers of a window that such a group makes */

static struct launch *gather_kernel(struct plan *p, const char *name, size_t groups)
{
    unsigned lanes = cut_group(p, LANES);
    return plan_kernel(p, "gather.cl", name, groups, lanes, "-DLANES=%u", lanes);
}

/* Both read and write as many bytes, whatever the size of the table. */
static void gather_cost(struct launch *l, const struct tensor *y)
{
    l->bytes = 2.0 * (double)tensor_bytes(y);
    launch_cost(l, 0, y->name);
}

/* --- windows */

enum { SERIES, ORDER };

struct gather {
    size_t window;
    int scaling;
};

static void gather_forward(struct plan *p, struct op *op)
{
    const struct gather *a = op->attr;
    struct tensor *x = op->out[0];
    const size_t numbers = a->window * x->dim[2];
    const int whole = cut_for_cpu(p) || (a->scaling & ~GATHER_STAGED) == GATHER_STANDARDISED;
    const size_t chunk = whole || numbers < CHUNK ? numbers : CHUNK;
    struct launch *l = gather_kernel(p, "gather", x->dim[0] * ((numbers + chunk - 1) / chunk));
    launch_read(l, op->in[SERIES]);
    launch_read(l, op->in[ORDER]);
    launch_read(l, p->step);
    launch_write(l, x);
    launch_write(l, op->out[1]);
    launch_int(l, a->window);
    launch_int(l, x->dim[2]);
    launch_int(l, (size_t)a->scaling);
    launch_int(l, chunk);
    gather_cost(l, x);
}

static void gather_infer(struct graph *g, struct op *op)
{
    const struct gather *a = op->attr;
    graph_output(g, op, 0, "input", 3,
                 (size_t[]){g->batch, a->window, tensor_columns(op->in[SERIES])});
    graph_output_as(g, op, 1, "sample", DTYPE_U32, 1, &g->batch);
}

static const struct op_class gather_class = {
    .name = "gather",
    .attr = sizeof(struct gather),
    .infer = gather_infer,
    .forward = gather_forward,
    .no_onnx = "windows are an input of an exported model",
};

struct tensor *op_gather(struct graph *g, struct tensor *series, struct tensor *order,
                         size_t window, int scaling)
{
    struct op *op = graph_op(g, &gather_class, "input", &(struct gather){window, scaling}, 2,
                             (struct tensor *[]){series, order});
    g->sample = op->out[1];
    return op->out[0];
}

/* --- tokens */

struct gather_tokens {
    size_t window, vocabulary;
    int staged;
};

static void gather_tokens_forward(struct plan *p, struct op *op)
{
    const struct gather_tokens *a = op->attr;
    struct tensor *x = op->out[0];
    struct launch *l = gather_kernel(p, "gather_tokens", x->dim[0]);
    launch_read(l, op->in[SERIES]);
    launch_read(l, op->in[ORDER]);
    launch_read(l, p->step);
    launch_write(l, x);
    launch_write(l, op->out[1]);
    launch_write(l, op->out[2]);
    launch_int(l, a->window);
    launch_int(l, a->vocabulary);
    launch_int(l, (size_t)a->staged);
    gather_cost(l, x);
}

static void gather_tokens_infer(struct graph *g, struct op *op)
{
    const size_t dim[] = {g->batch, ((const struct gather_tokens *)op->attr)->window};
    graph_output_as(g, op, 0, "tokens", DTYPE_U32, 2, dim);
    graph_output_as(g, op, 1, "sample", DTYPE_U32, 1, &g->batch);
    graph_output_as(g, op, 2, "next", DTYPE_U32, 2, dim);
}

static const struct op_class gather_tokens_class = {
    .name = "gather tokens",
    .attr = sizeof(struct gather_tokens),
    .infer = gather_tokens_infer,
    .forward = gather_tokens_forward,
    .no_onnx = "tokens are an input of an exported model",
};

struct tensor *op_gather_tokens(struct graph *g, struct tensor *series, struct tensor *order,
                                size_t window, size_t vocabulary, int staged, struct tensor **next)
{
    const struct gather_tokens attr = {window, vocabulary, staged};
    struct op *op =
        graph_op(g, &gather_tokens_class, "tokens", &attr, 2, (struct tensor *[]){series, order});
    g->sample = op->out[1];
    *next = op->out[2];
    return op->out[0];
}

/* --- rows of samples */

enum { TABLE, SAMPLE };

struct gather_rows {
    size_t first, rows;
};

static void gather_rows_forward(struct plan *p, struct op *op)
{
    struct tensor *y = op->out[0];
    struct launch *l = gather_kernel(p, "gather_rows", y->dim[0]);
    launch_read(l, op->in[TABLE]);
    launch_read(l, op->in[SAMPLE]);
    launch_write(l, y);
    launch_int(l, ((const struct gather_rows *)op->attr)->first);
    launch_int(l, y->dim[1] * y->dim[2]);
    launch_int(l, y->dim[2]);
    gather_cost(l, y);
}

static void gather_rows_infer(struct graph *g, struct op *op)
{
    graph_output(g, op, 0, op->path, 3,
                 (size_t[]){g->batch, ((const struct gather_rows *)op->attr)->rows,
                            tensor_columns(op->in[TABLE])});
}

static const struct op_class gather_rows_class = {
    .name = "gather rows",
    .attr = sizeof(struct gather_rows),
    .infer = gather_rows_infer,
    .forward = gather_rows_forward,
    .no_onnx = "targets, weights and clips come from outside",
};

struct tensor *op_gather_rows(struct graph *g, const char *name, struct tensor *table, size_t first,
                              size_t rows)
{
    return graph_op(g, &gather_rows_class, name, &(struct gather_rows){first, rows}, 2,
                    (struct tensor *[]){table, g->sample})
        ->out[0];
}
