/* SPDX-License-Identifier: MIT */
#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

enum { X, BIAS, GAMMA, BETA, MEAN, VAR, TRACKED };

static struct launch *batch_norm_kernel(struct plan *p, const struct op *op, const char *name,
                                        int over_rows)
{
    const size_t columns = tensor_columns(op->in[X]);
    unsigned vec = cut_vec(p, columns), lanes = cut_lanes(p, columns, vec);
    return plan_kernel(p, "batch_norm.cl", name,
                       over_rows ? cut_rows(p, tensor_rows(op->in[X])).groups
                                 : (columns + lanes - 1) / lanes,
                       lanes, "-DD=%zu -DBIAS=%d -DVEC=%u -DLANES=%u%s", columns,
                       op->in[BIAS] != NULL, vec, lanes, p->graph->in_parts ? " -DPARTS=1" : "");
}

/* A kernel over rows, which reads x. */
static struct launch *over_rows(struct plan *p, const struct op *op, const char *name)
{
    struct launch *l = batch_norm_kernel(p, op, name, 1);
    launch_read(l, op->in[X]);
    if (op->in[BIAS])
        launch_read(l, op->in[BIAS]);
    return l;
}

/* A kernel with a work-item a column. */
static struct launch *over_columns(struct plan *p, const struct op *op, const char *name)
{
    return batch_norm_kernel(p, op, name, 0);
}

static void count_rows(struct plan *p, struct launch *l, const struct op *op)
{
    const struct tensor *x = op->in[X];
    const size_t rows = tensor_rows(x);
    launch_read(l, p->step);
    launch_int(l, rows);
    launch_int(l, rows / x->dim[0]);
    launch_int(l, cut_rows(p, rows).chunk);
}

/* The micro-batch's moments into `stats`, and into the running ones. */
static void take_moments(struct plan *p, struct op *op, struct tensor *stats)
{
    const struct tensor *x = op->in[X], *y = op->out[0];
    const size_t groups = cut_rows(p, tensor_rows(x)).groups;
    struct tensor *part = plan_tensor2(p, "parts", groups, 2 * tensor_columns(x));
    struct launch *l = over_rows(p, op, "batch_norm_moments");
    launch_write(l, part);
    count_rows(p, l, op);
    launch_cost(l, 4.0 * (double)x->elems, y->name);
    l = over_columns(p, op, "batch_norm_merge");
    launch_read(l, part);
    launch_write(l, stats);
    launch_update(l, op->in[MEAN]);
    launch_update(l, op->in[VAR]);
    launch_update(l, op->in[TRACKED]);
    count_rows(p, l, op);
    launch_cost(l, 4.0 * (double)part->elems, y->name);
}

static void take_running(struct plan *p, struct op *op, struct tensor *stats)
{
    struct launch *l = over_columns(p, op, "batch_norm_running");
    launch_read(l, op->in[MEAN]);
    launch_read(l, op->in[VAR]);
    launch_write(l, stats);
    launch_cost(l, 4.0 * (double)tensor_columns(op->in[X]), op->out[0]->name);
}

static void batch_norm_forward(struct plan *p, struct op *op)
{
    const size_t rows = tensor_rows(op->in[X]);
    if (!p->replays) /* running statistics count a micro-batch once */
        op->saved[0] = plan_tensor2(p, "stats", 2, tensor_columns(op->in[X]));
    struct tensor *stats = op->saved[0];
    if (p->training && !p->replays)
        take_moments(p, op, stats);
    else if (!p->training)
        take_running(p, op, stats);
    struct launch *l = over_rows(p, op, "batch_norm_fwd");
    launch_read(l, stats);
    launch_read(l, op->in[GAMMA]);
    launch_read(l, op->in[BETA]);
    launch_write(l, op->out[0]);
    launch_int(l, rows);
    launch_int(l, cut_rows(p, rows).chunk);
    launch_cost(l, 4.0 * (double)op->in[X]->elems, op->out[0]->name);
}

/* The gradient of a parameter, or a place for what nobody asks for. */
static struct tensor *grad_or_unused(struct plan *p, struct op *op, int i)
{
    int add;
    struct tensor *grad = lower_grad(p, op, i, &add);
    return grad ? grad : plan_constant(p, "unused", op->in[i]->elems, NULL);
}

static void batch_norm_back(struct plan *p, struct op *op)
{
    struct tensor *x = op->in[X], *dy = lower_arrived(op, 0), *stats = op->saved[0];
    const size_t columns = tensor_columns(x), groups = cut_rows(p, tensor_rows(x)).groups;
    struct tensor *part = plan_tensor2(p, "parts", groups, 2 * columns);
    struct tensor *total = plan_tensor2(p, "total", 2, columns);
    struct launch *l = over_rows(p, op, "batch_norm_bwd_sums");
    launch_read(l, dy);
    launch_read(l, stats);
    launch_write(l, part);
    count_rows(p, l, op);
    launch_cost(l, 6.0 * (double)x->elems, op->in[GAMMA]->name);
    l = over_columns(p, op, "batch_norm_bwd_total");
    launch_read(l, part);
    launch_write(l, total);
    launch_update(l, grad_or_unused(p, op, GAMMA));
    launch_update(l, grad_or_unused(p, op, BETA));
    launch_int(l, groups);
    launch_cost(l, 2.0 * (double)part->elems, op->in[GAMMA]->name);
    struct tensor *dx = lower_grad_fresh(p, op, X);
    if (!dx && lower_needs(op, BIAS))
        dx = plan_like(p, "unused", x);
    if (!dx)
        return;
    l = over_rows(p, op, "batch_norm_bwd_x");
    launch_read(l, dy);
    launch_read(l, stats);
    launch_read(l, op->in[GAMMA]);
    launch_read(l, total);
    launch_write(l, dx);
    count_rows(p, l, op);
    launch_cost(l, 8.0 * (double)x->elems, dx->name);
    pointwise_bias_back(p, op, BIAS, dx);
}

static void batch_norm_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, op->path, op->in[X]);
}

static struct op *batch_norm_fuse(struct graph *g, struct op *op)
{
    return pointwise_absorb_bias(g, op, X, BIAS);
}

static void batch_norm_describe(const struct op *op, struct words *to)
{
    pointwise_describe_bias(op, BIAS, to);
}

/* (x - mean) / sqrt(var + eps) gamma + beta over the last dimension; ONNX's own wants the second.
 */
static void batch_norm_onnx(struct onnx *o, struct op *op)
{
    const char *x = onnx_of(o, op->in[X]), *eps = onnx_number(o, NORM_EPS);
    if (op->in[BIAS])
        x = onnx_two(o, "Add", x, onnx_of(o, op->in[BIAS]));
    const char *sd = onnx_one(o, "Sqrt", onnx_two(o, "Add", onnx_of(o, op->in[VAR]), eps));
    x = onnx_two(o, "Div", onnx_two(o, "Sub", x, onnx_of(o, op->in[MEAN])), sd);
    x = onnx_two(o, "Mul", x, onnx_of(o, op->in[GAMMA]));
    onnx_is(o, op->out[0], onnx_two(o, "Add", x, onnx_of(o, op->in[BETA])));
}

static void batch_norm_cfile(struct cfile *c, struct op *op)
{
    const char *x = cfile_of(c, op->in[X]), *y = cfile_make(c, op->out[0]);
    if (op->in[BIAS])
        cfile_fault(c, "%s: a bias came in", op->path);
    cfile_call(c, "batch_norm", "%s, %s, %s, %s, %s, %s, %zu, %zu, %s", x,
               cfile_of(c, op->in[GAMMA]), cfile_of(c, op->in[BETA]), cfile_of(c, op->in[MEAN]),
               cfile_of(c, op->in[VAR]), y, tensor_rows(op->in[X]), tensor_columns(op->in[X]),
               cfile_real(c, NORM_EPS));
}

static const struct op_class batch_norm_class = {
    .name = "batch norm",
    .infer = batch_norm_infer,
    .forward = batch_norm_forward,
    .back = batch_norm_back,
    .reads = READS_IN(X),
    .stored = READS_IN(X) | READS_OUT(0),
    .fuse = batch_norm_fuse,
    .describe = batch_norm_describe,
    .onnx = batch_norm_onnx,
    .cfile = batch_norm_cfile,
};

struct tensor *op_batch_norm(struct graph *g, struct tensor *x, const char *name)
{
    const size_t columns = tensor_columns(x);
    struct tensor *gamma =
        graph_param(g, graph_name("%s.weight", name), 1, &columns, 0, INIT_CONSTANT, 1);
    struct tensor *beta =
        graph_param(g, graph_name("%s.bias", name), 1, &columns, 0, INIT_CONSTANT, 0);
    struct tensor *mean = graph_running(g, graph_name("%s.running_mean", name), 1, &columns, 0);
    struct tensor *var = graph_running(g, graph_name("%s.running_var", name), 1, &columns, 1);
    struct tensor *tracked =
        graph_running(g, graph_name("%s.num_batches_tracked", name), 0, &columns, 0);
    return graph_op(g, &batch_norm_class, name, NULL, 7,
                    (struct tensor *[]){x, NULL, gamma, beta, mean, var, tracked})
        ->out[0];
}
