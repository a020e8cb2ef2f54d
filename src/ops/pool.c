/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

enum { X, WEIGHT, BIAS }; /* [B, T, D], [1, D], [1] */

struct pool {
    enum pool_kind kind;
    size_t reverse;
};

static unsigned teams_of(const struct plan *p)
{
    return cut_group(p, 256) < 32 ? 1 : 8;
}

/* Groups of a sample in the backward pass: on a GPU so many that each of their teams has a row. */
static size_t parts_of(const struct plan *p, const struct op *op)
{
    const unsigned teams = teams_of(p);
    const int one = cut_for_cpu(p) || ((const struct pool *)op->attr)->kind == POOL_ATTENTION;
    return one ? 1 : (op->in[X]->dim[1] + teams - 1) / teams;
}

static struct launch *pool_kernel(struct plan *p, const struct op *op, const char *name,
                                  size_t parts)
{
    const struct pool *a = op->attr;
    const struct tensor *x = op->in[X];
    const unsigned teams = teams_of(p);
    struct teams cut = {
        .lanes = cut_group(p, 256) / teams, .teams = teams, .groups = x->dim[0] * parts};
    unsigned vec = cut_vec(p, x->dim[2]);
    while (a->reverse % vec)
        vec /= 2;
    if (a->kind == POOL_ATTENTION) {
        cut.lanes *= cut.teams;
        cut.teams = 1;
    }
    return cut_kernel(p, "pool.cl", name, &cut, "-DKIND=%d -DVEC=%u ", (int)a->kind, vec);
}

static void pool_tail(struct launch *l, const struct op *op)
{
    launch_int(l, op->in[X]->dim[1]);
    launch_int(l, op->in[X]->dim[2]);
    launch_int(l, ((const struct pool *)op->attr)->reverse);
}

static void pool_forward(struct plan *p, struct op *op)
{
    struct tensor *x = op->in[X];
    struct launch *l = pool_kernel(p, op, "pool_fwd", 1);
    launch_read(l, x);
    if (op->in[WEIGHT]) {
        op->saved[0] = plan_tensor2(p, "scores", x->dim[0], x->dim[1]);
        launch_read(l, op->in[WEIGHT]);
        launch_read(l, op->in[BIAS]);
        launch_write(l, op->saved[0]);
    }
    launch_write(l, op->out[0]);
    pool_tail(l, op);
    launch_cost(l, 2.0 * (double)x->elems, op->path);
    if (((const struct pool *)op->attr)->kind == POOL_LAST) /* a row of each sample */
        l->bytes = 2.0 * (double)tensor_bytes(op->out[0]);
}

/* dweight += ds^T x, see cl/pool.cl; the bias moves all scores alike, which softmax does not see:
 * its gradient is 0 */
static void pool_back(struct plan *p, struct op *op)
{
    const struct tensor *shape = op->in[X];
    struct tensor *x = op->in[WEIGHT] ? lower_value(p, op, X) : NULL, *ds = NULL;
    int add, add_weight;
    struct tensor *dx = lower_grad(p, op, X, &add);
    if (!dx)
        dx = plan_like(p, "unused", shape);
    const size_t parts = parts_of(p, op);
    struct launch *l = pool_kernel(p, op, "pool_bwd", parts);
    launch_read(l, lower_arrived(op, 0));
    if (x) {
        ds = plan_tensor2(p, "grad.scores", shape->dim[0], shape->dim[1]);
        launch_read(l, x);
        launch_read(l, op->in[WEIGHT]);
        launch_read(l, op->saved[0]);
        launch_write(l, ds);
    }
    launch_add_to(l, dx, add);
    pool_tail(l, op);
    launch_int(l, (size_t)add);
    launch_int(l, parts);
    launch_cost(l, 4.0 * (double)shape->elems, dx->name);
    struct tensor *dw = x ? lower_grad(p, op, WEIGHT, &add_weight) : NULL;
    if (dw)
        plan_gemm(p, op->in[WEIGHT]->name,
                  gemm_shape_of(1, 0, 1, shape->dim[2], tensor_rows(shape)), ds, x, dw, add_weight);
}

static void pool_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[X];
    if (x->rank != 3)
        graph_misfit(g, op, "needs rows of samples [B, T, D]", X, -1);
    else
        graph_output(g, op, 0, op->path, 2, (size_t[]){x->dim[0], x->dim[2]});
}

/* The last row of x [B, T, D]; of its last `reverse` columns the first one. */
static const char *last_onnx(struct onnx *o, const struct op *op, const char *x)
{
    const int64_t reverse = (int64_t)((const struct pool *)op->attr)->reverse;
    const int64_t ahead = (int64_t)op->in[X]->dim[2] - reverse;
    const char *last = onnx_slice(o, x, 1, -1, INT64_MAX);
    if (!reverse)
        return last;
    last = onnx_slice(o, last, 2, 0, ahead);
    const char *first = onnx_slice(o, onnx_slice(o, x, 1, 0, 1), 2, ahead, INT64_MAX);
    return onnx_along(o, "Concat", "axis", 2, last, first, NULL);
}

/* The rows weighted by their scores: [B, 1, T] [B, T, D] */
static const char *weighted_onnx(struct onnx *o, struct op *op, const char *x)
{
    const char *score = onnx_times(o, x, onnx_of(o, op->in[WEIGHT]));
    score = onnx_two(o, "Add", score, onnx_of(o, op->in[BIAS]));
    score = onnx_along(o, "Softmax", "axis", 1, score, NULL, NULL);
    return onnx_two(o, "MatMul", onnx_transpose(o, score, 3, (const int64_t[]){0, 2, 1}), x);
}

static void pool_onnx(struct onnx *o, struct op *op)
{
    const enum pool_kind kind = ((const struct pool *)op->attr)->kind;
    const char *x = onnx_of(o, op->in[X]);
    x = kind == POOL_MEAN        ? onnx_mean(o, x, 1)
        : kind == POOL_ATTENTION ? weighted_onnx(o, op, x)
                                 : last_onnx(o, op, x);
    const int64_t dim[] = {0, (int64_t)op->in[X]->dim[2]};
    onnx_is(o, op->out[0], onnx_reshape(o, x, 2, dim));
}

/* The rows weighted by their scores. */
static void weighted_cfile(struct cfile *c, struct op *op, const char *x, const char *y)
{
    const size_t rows = op->in[X]->dim[1], columns = op->in[X]->dim[2];
    const char *score = cfile_room(c, rows);
    cfile_call(c, "linear", "%s, %s, %s, %zu, %zu, 1", x, cfile_of(c, op->in[WEIGHT]), score, rows,
               columns);
    cfile_call(c, "add", "%s, %s, %s, %zu, 1", score, cfile_of(c, op->in[BIAS]), score, rows);
    cfile_call(c, "softmax", "%s, %s, 1, %zu", score, score, rows);
    cfile_call(c, "weighted_rows", "%s, %s, %s, %zu, %zu", x, score, y, rows, columns);
    cfile_room_end(c);
}

static void pool_cfile(struct cfile *c, struct op *op)
{
    const struct pool *a = op->attr;
    const size_t rows = op->in[X]->dim[1], columns = op->in[X]->dim[2];
    const char *x = cfile_of(c, op->in[X]), *y = cfile_make(c, op->out[0]);
    if (a->kind == POOL_ATTENTION)
        weighted_cfile(c, op, x, y);
    else if (a->kind == POOL_MEAN)
        cfile_call(c, "mean_rows", "%s, %s, %zu, %zu", x, y, rows, columns);
    else {
        const size_t ahead = columns - a->reverse;
        cfile_call(c, "copy", "%s + %zu, %s, %zu", x, (rows - 1) * columns, y, ahead);
        if (a->reverse)
            cfile_call(c, "copy", "%s + %zu, %s + %zu, %zu", x, ahead, y, ahead, a->reverse);
    }
}

static const struct op_class pool_class = {
    .name = "pool",
    .attr = sizeof(struct pool),
    .infer = pool_infer,
    .forward = pool_forward,
    .back = pool_back,
    .reads = READS_IN(X),
    .stored = READS_IN(X) | READS_OUT(0),
    .onnx = pool_onnx,
    .cfile = pool_cfile,
};

struct tensor *op_pool(struct graph *g, struct tensor *x, size_t reverse, enum pool_kind kind,
                       const char *name)
{
    const size_t columns = tensor_columns(x);
    const double bound = 1 / sqrt((double)columns); /* nn.Linear's */
    struct tensor *in[] = {x, NULL, NULL};
    if (kind == POOL_FLATTEN)
        return graph_view(g, x, 2, (size_t[]){x->dim[0], x->elems / x->dim[0]});
    if (kind == POOL_ATTENTION) {
        in[WEIGHT] =
            graph_weight(g, graph_name("%s.weight", name), 2, (size_t[]){1, columns}, bound);
        in[BIAS] = graph_bias(g, graph_name("%s.bias", name), 1, bound);
    }
    return graph_op(g, &pool_class, name, &(struct pool){kind, reverse}, 3, in)->out[0];
}
