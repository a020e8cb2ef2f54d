/* SPDX-License-Identifier: MIT */
#include "cfile/cfile.h"
#include "fixed/fixed.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

/* A kernel of join.cl over rows. */
static struct launch *rows_kernel(struct plan *p, const char *name, const struct teams *cut)
{
    return cut_kernel(p, "join.cl", name, cut, "%s", "");
}

static void concat_forward(struct plan *p, struct op *op)
{
    const size_t rows = tensor_rows(op->in[0]);
    const struct teams cut = cut_teams(p, rows, tensor_columns(op->out[0]), 0);
    struct launch *l = rows_kernel(p, "join_fwd", &cut);
    launch_read(l, op->in[0]);
    launch_read(l, op->in[1]);
    launch_write(l, op->out[0]);
    launch_int(l, tensor_columns(op->in[0]));
    launch_int(l, tensor_columns(op->in[1]));
    launch_int(l, rows);
    launch_int(l, cut.chunk);
    launch_cost(l, 0, "join");
}

static void concat_back(struct plan *p, struct op *op)
{
    const size_t rows = tensor_rows(op->in[0]);
    for (int i = 0; i < 2; i++) {
        int add;
        struct tensor *dx = lower_grad(p, op, i, &add);
        if (!dx)
            continue;
        const struct teams cut = cut_teams(p, rows, tensor_columns(op->in[i]), 0);
        struct launch *l = rows_kernel(p, "join_bwd", &cut);
        launch_read(l, lower_arrived(op, 0));
        launch_add_to(l, dx, add);
        launch_int(l, tensor_columns(op->in[i]));
        launch_int(l, tensor_columns(op->out[0]));
        launch_int(l, i ? tensor_columns(op->in[0]) : 0);
        launch_int(l, rows);
        launch_int(l, cut.chunk);
        launch_int(l, (size_t)add);
        launch_cost(l, 0, dx->name);
    }
}

static void concat_infer(struct graph *g, struct op *op)
{
    const struct tensor *a = op->in[0], *b = op->in[1];
    size_t dim[TENSOR_MAX_RANK];
    int fits = a->rank == b->rank;
    for (int r = 0; r < a->rank; r++) {
        dim[r] = a->dim[r];
        fits &= r == a->rank - 1 || a->dim[r] == b->dim[r];
    }
    if (!fits) {
        graph_misfit(g, op, "joins tensors of other rows", 0, 1);
        return;
    }
    dim[a->rank - 1] += tensor_columns(b);
    graph_output(g, op, 0, "join", a->rank, dim);
}

static void concat_onnx(struct onnx *o, struct op *op)
{
    onnx_is(
        o, op->out[0],
        onnx_along(o, "Concat", "axis", -1, onnx_of(o, op->in[0]), onnx_of(o, op->in[1]), NULL));
}

static void concat_cfile(struct cfile *c, struct op *op)
{
    const char *y = cfile_make(c, op->out[0]);
    size_t at = 0;
    for (int i = 0; i < 2; i++) {
        const size_t columns = tensor_columns(op->in[i]);
        cfile_call(c, "columns", "%s, %s, %zu, %zu, 0, %zu, %zu, %zu", cfile_of(c, op->in[i]), y,
                   tensor_rows(op->in[i]), columns, columns, tensor_columns(op->out[0]), at);
        at += columns;
    }
}

static void concat_fixed(struct fixed *f, struct op *op)
{
    fixed_join(f, op->in[0], op->in[1], op->out[0]);
}

static const struct op_class concat_class = {
    .name = "concat",
    .infer = concat_infer,
    .forward = concat_forward,
    .back = concat_back,
    .stored = READS_IN(0) | READS_IN(1) | READS_OUT(0),
    .onnx = concat_onnx,
    .cfile = concat_cfile,
    .fixed = concat_fixed,
};

struct tensor *op_concat(struct graph *g, struct tensor *a, struct tensor *b)
{
    return graph_op(g, &concat_class, "join", NULL, 2, (struct tensor *[]){a, b})->out[0];
}

/* --- features of I/Q samples */

static void iq_features_forward(struct plan *p, struct op *op)
{
    const size_t rows = tensor_rows(op->in[0]);
    const struct teams cut = cut_teams(p, rows, 32, 0); /* each work-item has rows of its own */
    struct launch *l = rows_kernel(p, "iq_features", &cut);
    launch_read(l, op->in[0]);
    launch_write(l, op->out[0]);
    launch_int(l, rows);
    launch_int(l, cut.chunk);
    launch_cost(l, 20.0 * (double)rows, op->out[0]->name);
}

static void iq_features_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[0];
    size_t dim[TENSOR_MAX_RANK];
    for (int r = 0; r < x->rank; r++)
        dim[r] = x->dim[r];
    dim[x->rank - 1] = 6;
    if (tensor_columns(x) != 2)
        graph_misfit(g, op, "needs I and Q", 0, -1);
    else
        graph_output(g, op, 0, "iq_features", x->rank, dim);
}

/* Where |x| is 0, sin and cos are 0, too: I and Q are. */
static void iq_features_onnx(struct onnx *o, struct op *op)
{
    const char *iq[2];
    onnx_split(o, onnx_of(o, op->in[0]), 2, (const int64_t[]){1, 1}, iq);
    const char *square =
        onnx_two(o, "Add", onnx_two(o, "Mul", iq[0], iq[0]), onnx_two(o, "Mul", iq[1], iq[1]));
    const char *size = onnx_one(o, "Sqrt", square);
    const char *is_zero = onnx_two(o, "Equal", size, onnx_number(o, 0));
    const char *divisor = onnx_three(o, "Where", is_zero, onnx_number(o, 1), size);
    const char *cube = onnx_two(o, "Mul", onnx_two(o, "Mul", size, size), size);
    const char *all[] = {iq[0],
                         iq[1],
                         size,
                         cube,
                         onnx_two(o, "Div", iq[1], divisor),
                         onnx_two(o, "Div", iq[0], divisor)};
    const struct onnx_attribute axis = {.name = "axis", .kind = ONNX_WHOLE, .whole = -1};
    onnx_is(o, op->out[0],
            onnx_append(o, &(struct onnx_node){"Concat", 6, all, 1, &axis, 1}, NULL));
}

static void iq_features_cfile(struct cfile *c, struct op *op)
{
    const char *x = cfile_of(c, op->in[0]);
    cfile_call(c, "iq_features", "%s, %s, %zu", x, cfile_make(c, op->out[0]),
               tensor_rows(op->in[0]));
}

static void iq_features_fixed(struct fixed *f, struct op *op)
{
    fixed_iq(f, op->in[0], op->out[0]);
}

static const struct op_class iq_features_class = {
    .name = "I/Q features",
    .infer = iq_features_infer,
    .forward = iq_features_forward,
    .onnx = iq_features_onnx,
    .cfile = iq_features_cfile,
    .fixed = iq_features_fixed,
};

struct tensor *op_iq_features(struct graph *g, struct tensor *x)
{
    return graph_op(g, &iq_features_class, "iq_features", NULL, 1, (struct tensor *[]){x})->out[0];
}
