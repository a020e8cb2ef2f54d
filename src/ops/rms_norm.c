/* SPDX-License-Identifier: MIT */
#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "lower/reduce.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

/* y = x r gamma, r = 1 / sqrt(mean of the row's squares + eps); saved: r, a number a row. */
enum { RMS_X, RMS_GAMMA };

struct rms {
    double eps;
};

static struct teams rms_cut(const struct plan *p, const struct op *op, int back)
{
    const size_t columns = tensor_columns(op->in[RMS_X]);
    return cut_teams(p, tensor_rows(op->in[RMS_X]), columns / cut_vec(p, columns), back);
}

static struct launch *rms_kernel(struct plan *p, const struct op *op, int back, int keep)
{
    const size_t columns = tensor_columns(op->in[RMS_X]);
    const struct teams cut = rms_cut(p, op, back);
    return cut_kernel(p, "rms_norm.cl", back ? "rms_norm_bwd" : "rms_norm_fwd", &cut,
                      "-DD=%zu -DVEC=%u -DKEEP=%d%s ", columns, cut_vec(p, columns), keep,
                      norm_eps_option(((const struct rms *)op->attr)->eps));
}

static void rms_tail(struct plan *p, struct launch *l, const struct op *op, int back)
{
    launch_int(l, tensor_rows(op->in[RMS_X]));
    launch_int(l, rms_cut(p, op, back).chunk);
}

static void rms_into(struct plan *p, const struct op *op, struct tensor *x, struct tensor *y,
                     struct tensor *scale)
{
    struct launch *l = rms_kernel(p, op, 0, scale != NULL);
    launch_read(l, x);
    launch_read(l, op->in[RMS_GAMMA]);
    launch_write(l, y);
    if (scale)
        launch_write(l, scale);
    rms_tail(p, l, op, 0);
    launch_cost(l, 6.0 * (double)x->elems, y->name);
}

static void rms_forward(struct plan *p, struct op *op)
{
    op->saved[0] = plan_tensor2(p, "scale", tensor_rows(op->in[RMS_X]), 1);
    rms_into(p, op, op->in[RMS_X], op->out[0], op->saved[0]);
}

static void rms_again(struct plan *p, struct op *op, struct tensor *to)
{
    rms_into(p, op, lower_value(p, op, RMS_X), to, NULL);
}

static void rms_back(struct plan *p, struct op *op)
{
    struct tensor *x = lower_value(p, op, RMS_X);
    const size_t columns = tensor_columns(op->in[RMS_X]);
    const size_t groups = rms_cut(p, op, 1).groups;
    int add = 0, add_gamma;
    struct tensor *dx = lower_grad(p, op, RMS_X, &add);
    struct tensor *dgamma = lower_grad(p, op, RMS_GAMMA, &add_gamma);
    struct tensor *part = plan_tensor2(p, "parts", groups, columns);
    struct launch *l = rms_kernel(p, op, 1, 1);
    if (!dx)
        dx = plan_like(p, "unused", x);
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, x);
    launch_read(l, op->saved[0]);
    launch_read(l, op->in[RMS_GAMMA]);
    launch_write(l, part);
    launch_add_to(l, dx, add);
    rms_tail(p, l, op, 1);
    launch_int(l, (size_t)add);
    launch_cost(l, 10.0 * (double)x->elems, dx->name);
    if (dgamma)
        reduce_add_parts(p, part, groups, columns, columns, 0, (struct tensor *[2]){dgamma},
                         op->in[RMS_GAMMA]->name);
}

static void rms_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, op->path, op->in[RMS_X]);
}

static void rms_onnx(struct onnx *o, struct op *op)
{
    const char *x = onnx_of(o, op->in[RMS_X]);
    const char *eps = onnx_number(o, ((const struct rms *)op->attr)->eps);
    const char *mean = onnx_mean(o, onnx_two(o, "Mul", x, x), -1);
    const char *size = onnx_one(o, "Sqrt", onnx_two(o, "Add", mean, eps));
    onnx_is(o, op->out[0],
            onnx_two(o, "Mul", onnx_two(o, "Div", x, size), onnx_of(o, op->in[RMS_GAMMA])));
}

static void rms_cfile(struct cfile *c, struct op *op)
{
    const char *x = cfile_of(c, op->in[RMS_X]), *gamma = cfile_of(c, op->in[RMS_GAMMA]);
    cfile_call(c, "rms_norm", "%s, %s, %s, %zu, %zu, %s", x, gamma, cfile_make(c, op->out[0]),
               tensor_rows(op->out[0]), tensor_columns(op->out[0]),
               cfile_real(c, ((const struct rms *)op->attr)->eps));
}

static const struct op_class rms_class = {
    .name = "rms_norm",
    .attr = sizeof(struct rms),
    .infer = rms_infer,
    .forward = rms_forward,
    .back = rms_back,
    .reads = READS_IN(RMS_X),
    .stored = READS_IN(RMS_X) | READS_OUT(0),
    .again = rms_again,
    .onnx = rms_onnx,
    .cfile = rms_cfile,
};

struct tensor *op_rms_norm(struct graph *g, struct tensor *x, const char *name)
{
    return op_rms_norm_of(g, x, NORM_EPS, name);
}

struct tensor *op_rms_norm_of(struct graph *g, struct tensor *x, double eps, const char *name)
{
    size_t columns = tensor_columns(x);
    struct tensor *gamma =
        graph_param(g, graph_name("%s.weight", name), 1, &columns, 0, INIT_CONSTANT, 1);
    return graph_op(g, &rms_class, name, &(struct rms){eps}, 2, (struct tensor *[]){x, gamma})
        ->out[0];
}
