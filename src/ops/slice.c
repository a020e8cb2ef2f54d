/* SPDX-License-Identifier: MIT */
#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

/* --- some of the columns */

struct slice {
    size_t first, columns;
};

/* A kernel that goes between [rows, columns] and [rows, width]. */
static void take(struct plan *p, const struct op *op, const char *name, struct tensor *x,
                 struct tensor *y, int add)
{
    const struct slice *a = op->attr;
    const size_t rows = tensor_rows(op->in[0]);
    const struct teams cut = cut_teams(p, rows, a->columns, 0);
    struct launch *l = cut_kernel(p, "join.cl", name, &cut, "%s", "");
    launch_read(l, x);
    launch_add_to(l, y, add);
    launch_int(l, a->columns);
    launch_int(l, tensor_columns(op->in[0]));
    launch_int(l, a->first);
    launch_int(l, rows);
    launch_int(l, cut.chunk);
    launch_int(l, (size_t)add);
    launch_cost(l, 0, y->name);
}

static void slice_forward(struct plan *p, struct op *op)
{
    take(p, op, "join_bwd", op->in[0], op->out[0], 0);
}

static void slice_back(struct plan *p, struct op *op)
{
    int add;
    struct tensor *dx = lower_grad(p, op, 0, &add);
    take(p, op, "slice_bwd", lower_arrived(op, 0), dx, add);
}

static void slice_infer(struct graph *g, struct op *op)
{
    const struct slice *a = op->attr;
    const struct tensor *x = op->in[0];
    size_t dim[TENSOR_MAX_RANK];
    if (!a->columns || a->columns > tensor_columns(x) ||
        a->first > tensor_columns(x) - a->columns) {
        graph_misfit(g, op, "takes columns that are not there", 0, -1);
        return;
    }
    for (int r = 0; r < x->rank; r++)
        dim[r] = x->dim[r];
    dim[x->rank - 1] = a->columns;
    graph_output(g, op, 0, op->path, x->rank, dim);
}

static void slice_onnx(struct onnx *o, struct op *op)
{
    const struct slice *a = op->attr;
    onnx_is(o, op->out[0],
            onnx_slice(o, onnx_of(o, op->in[0]), -1, (int64_t)a->first,
                       (int64_t)(a->first + a->columns)));
}

static void slice_cfile(struct cfile *c, struct op *op)
{
    const struct slice *a = op->attr;
    const char *x = cfile_of(c, op->in[0]);
    cfile_call(c, "columns", "%s, %s, %zu, %zu, %zu, %zu, %zu, 0", x, cfile_make(c, op->out[0]),
               tensor_rows(op->in[0]), tensor_columns(op->in[0]), a->first, a->columns, a->columns);
}

static const struct op_class slice_class = {
    .name = "slice",
    .attr = sizeof(struct slice),
    .infer = slice_infer,
    .forward = slice_forward,
    .back = slice_back,
    .stored = READS_IN(0) | READS_OUT(0),
    .onnx = slice_onnx,
    .cfile = slice_cfile,
};

struct tensor *op_slice(struct graph *g, struct tensor *x, size_t first, size_t columns)
{
    return graph_op(g, &slice_class, graph_name("slice.%s", x->name),
                    &(struct slice){first, columns}, 1, (struct tensor *[]){x})
        ->out[0];
}

/* --- rows for columns */

/* y [.., b, a] = x [.., a, b] */
static void turn_round(struct plan *p, struct tensor *x, size_t a, size_t b, struct tensor *y,
                       int add)
{
    const size_t rows = x->elems / a;
    const struct teams cut = cut_teams(p, rows, a, 0);
    struct launch *l = cut_kernel(p, "join.cl", "transpose_rows", &cut, "%s", "");
    launch_read(l, x);
    launch_add_to(l, y, add);
    launch_int(l, a);
    launch_int(l, b);
    launch_int(l, rows);
    launch_int(l, cut.chunk);
    launch_int(l, (size_t)add);
    launch_cost(l, 0, y->name);
}

static void transpose_forward(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[0];
    turn_round(p, op->in[0], x->dim[x->rank - 2], x->dim[x->rank - 1], op->out[0], 0);
}

static void transpose_back(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[0];
    int add;
    struct tensor *dx = lower_grad(p, op, 0, &add);
    turn_round(p, lower_arrived(op, 0), x->dim[x->rank - 1], x->dim[x->rank - 2], dx, add);
}

static void transpose_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[0];
    size_t dim[TENSOR_MAX_RANK];
    if (x->rank < 2) {
        graph_misfit(g, op, "needs rows and columns", 0, -1);
        return;
    }
    for (int r = 0; r < x->rank; r++)
        dim[r] = x->dim[r];
    dim[x->rank - 1] = x->dim[x->rank - 2];
    dim[x->rank - 2] = x->dim[x->rank - 1];
    graph_output(g, op, 0, op->path, x->rank, dim);
}

static void transpose_onnx(struct onnx *o, struct op *op)
{
    const int rank = op->in[0]->rank;
    int64_t order[TENSOR_MAX_RANK];
    for (int r = 0; r < rank; r++)
        order[r] = r < rank - 2 ? r : 2 * rank - 3 - r;
    onnx_is(o, op->out[0], onnx_transpose(o, onnx_of(o, op->in[0]), (size_t)rank, order));
}

static void transpose_cfile(struct cfile *c, struct op *op)
{
    const struct tensor *shape = op->in[0];
    const size_t a = shape->dim[shape->rank - 2], b = shape->dim[shape->rank - 1];
    const char *x = cfile_of(c, op->in[0]);
    cfile_call(c, "transpose", "%s, %s, %zu, %zu, %zu", x, cfile_make(c, op->out[0]),
               shape->elems / a / b, a, b);
}

static const struct op_class transpose_class = {
    .name = "transpose",
    .infer = transpose_infer,
    .forward = transpose_forward,
    .back = transpose_back,
    .stored = READS_IN(0) | READS_OUT(0),
    .onnx = transpose_onnx,
    .cfile = transpose_cfile,
};

struct tensor *op_transpose(struct graph *g, struct tensor *x)
{
    return graph_op(g, &transpose_class, graph_name("transpose.%s", x->name), NULL, 1,
                    (struct tensor *[]){x})
        ->out[0];
}
