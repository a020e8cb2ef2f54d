/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

static struct launch *window_kernel(struct plan *p, const char *name, size_t batch, size_t width,
                                    size_t features, int gradient)
{
    unsigned lanes = cut_lanes(p, width, 1);
    return plan_kernel(p, "window_norm.cl", name, batch, lanes, "-DF=%zu -DGRADIENT=%d -DLANES=%u",
                       features, gradient, lanes);
}

/* --- on the way in */

static void window_norm_forward(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[0];
    struct launch *l = window_kernel(p, "window_norm", x->dim[0], x->dim[2], x->dim[2], 0);
    launch_read(l, op->in[0]);
    launch_write(l, op->out[0]);
    launch_write(l, op->out[1]);
    launch_int(l, x->dim[1]);
    launch_cost(l, 6.0 * (double)x->elems, op->out[0]->name);
}

static void window_norm_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[0];
    graph_output_like(g, op, 0, "window_norm", x);
    graph_output(g, op, 1, "window.stats", 3, (size_t[]){x->dim[0], 2, x->dim[2]});
}

static void window_norm_onnx(struct onnx *o, struct op *op)
{
    const char *x = onnx_of(o, op->in[0]), *mean = onnx_window_mean(o, x);
    const char *off = onnx_two(o, "Sub", x, mean);
    const char *variance = onnx_mean(o, onnx_two(o, "Mul", off, off), 1);
    /* EPS of window_norm.cl */
    const char *sd = onnx_one(o, "Sqrt", onnx_two(o, "Add", variance, onnx_number(o, 1e-5)));
    onnx_is(o, op->out[0], onnx_two(o, "Div", off, sd));
    onnx_is(o, op->out[1], onnx_along(o, "Concat", "axis", 1, mean, sd, NULL));
}

static void window_norm_cfile(struct cfile *c, struct op *op)
{
    const char *x = cfile_of(c, op->in[0]), *y = cfile_make(c, op->out[0]);
    cfile_call(c, "window_norm", "%s, %s, %s, %zu, %zu", x, y, cfile_make(c, op->out[1]),
               op->in[0]->dim[1], op->in[0]->dim[2]);
}

static const struct op_class window_norm_class = {
    .name = "window norm",
    .infer = window_norm_infer,
    .forward = window_norm_forward,
    .stored = READS_OUT(0),
    .onnx = window_norm_onnx,
    .cfile = window_norm_cfile,
};

struct tensor *op_window_norm(struct graph *g, struct tensor *x, struct tensor **stats)
{
    struct op *op = graph_op(g, &window_norm_class, "window_norm", NULL, 1, (struct tensor *[]){x});
    *stats = op->out[1];
    return op->out[0];
}

/* --- on the way out */

enum { Y, STATS, FEATURE };

static void put_back(struct plan *p, const struct op *op, struct tensor *y, struct tensor *z,
                     int gradient)
{
    const struct tensor *shape = op->out[0];
    const size_t elems = shape->dim[1] * shape->dim[2];
    struct launch *l = window_kernel(p, "window_denorm", shape->dim[0], elems,
                                     tensor_columns(op->in[STATS]), gradient);
    launch_read(l, y);
    launch_read(l, op->in[STATS]);
    launch_read(l, op->in[FEATURE]);
    launch_write(l, z);
    launch_int(l, elems);
    launch_int(l, shape->dim[2]);
    launch_cost(l, 2.0 * (double)shape->elems, z->name);
}

static void window_denorm_forward(struct plan *p, struct op *op)
{
    put_back(p, op, op->in[Y], op->out[0], 0);
}

static void window_denorm_back(struct plan *p, struct op *op)
{
    put_back(p, op, lower_arrived(op, 0), lower_grad_fresh(p, op, Y), 1);
}

static void window_denorm_infer(struct graph *g, struct op *op)
{
    const struct tensor *y = op->in[Y];
    const size_t targets = op->in[FEATURE]->elems, rows = y->elems / y->dim[0] / targets;
    if (rows * targets * y->dim[0] != y->elems)
        graph_misfit(g, op, "needs rows of all targets", Y, FEATURE);
    else
        graph_output(g, op, 0, "output", 3, (size_t[]){y->dim[0], rows, targets});
}

/* Row `which` of the statistics for each target, [B, 1, K]; of one that is no feature `otherwise`.
 */
static const char *statistic_onnx(struct onnx *o, struct op *op, int64_t which, float otherwise)
{
    const size_t targets = op->in[FEATURE]->elems;
    const float *feature = op->in[FEATURE]->initial;
    int64_t *index = malloc(targets * sizeof *index);
    float *is = malloc(targets * sizeof *is), *else_is = malloc(targets * sizeof *else_is);
    const char *x = "";
    int all = 1;
    if (!index || !is || !else_is)
        onnx_no_memory(o);
    else {
        for (size_t k = 0; k < targets; k++) {
            index[k] = feature[k] < 0 ? 0 : (int64_t)feature[k];
            is[k] = feature[k] >= 0;
            else_is[k] = feature[k] < 0 ? otherwise : 0;
            all &= feature[k] >= 0;
        }
        x = onnx_slice(o, onnx_of(o, op->in[STATS]), 1, which, which + 1);
        x = onnx_along(o, "Gather", "axis", 2, x, onnx_wholes(o, targets, index), NULL);
        if (!all) {
            x = onnx_two(o, "Mul", x, onnx_table(o, "window.is_feature", 1, &targets, is));
            x = onnx_two(o, "Add", x, onnx_table(o, "window.otherwise", 1, &targets, else_is));
        }
    }
    free(index);
    free(is);
    free(else_is);
    return x;
}

static void window_denorm_onnx(struct onnx *o, struct op *op)
{
    const char *y = onnx_of(o, op->in[Y]);
    const int64_t dim[] = {0, -1, (int64_t)op->out[0]->dim[2]};
    if (op->in[Y]->rank != 3)
        y = onnx_reshape(o, y, 3, dim);
    y = onnx_two(o, "Mul", y, statistic_onnx(o, op, 1, 1));
    onnx_is(o, op->out[0], onnx_two(o, "Add", y, statistic_onnx(o, op, 0, 0)));
}

static void window_denorm_cfile(struct cfile *c, struct op *op)
{
    const char *y = cfile_of(c, op->in[Y]), *stats = cfile_of(c, op->in[STATS]);
    const char *feature = cfile_of(c, op->in[FEATURE]);
    cfile_call(c, "window_denorm", "%s, %s, %s, %s, %zu, %zu, %zu", y, stats, feature,
               cfile_make(c, op->out[0]), op->out[0]->elems, op->in[FEATURE]->elems,
               tensor_columns(op->in[STATS]));
}

static const struct op_class window_denorm_class = {
    .name = "window denorm",
    .infer = window_denorm_infer,
    .forward = window_denorm_forward,
    .back = window_denorm_back,
    .reads = READS_IN(STATS),
    .onnx = window_denorm_onnx,
    .cfile = window_denorm_cfile,
};

struct tensor *op_window_denorm(struct graph *g, struct tensor *y, struct tensor *stats,
                                size_t targets, const int *feature)
{
    float *table = malloc(targets * sizeof *table);
    if (!table) {
        g->failed = 1;
        return &g->nowhere;
    }
    for (size_t k = 0; k < targets; k++)
        table[k] = (float)feature[k];
    struct tensor *of = graph_constant(g, "window.features", 1, &targets, table);
    free(table);
    return graph_op(g, &window_denorm_class, "output", NULL, 3, (struct tensor *[]){y, stats, of})
        ->out[0];
}
