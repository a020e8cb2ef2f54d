/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "cfile/cfile.h"
#include "fixed/fixed.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "lower/reduce.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

/*
 * The joint of two layers: s = residual + dropout(x + bias), y = LayerNorm(s) with gamma and beta,
 * or relu: y = dropout(relu(LayerNorm(s))), without a residual. Output 0 is y (NULL without a
 * norm), output 1 is s (NULL where it is x itself).
 */
enum { JOINT_X, JOINT_BIAS, JOINT_RESIDUAL, JOINT_GAMMA, JOINT_BETA };
struct joint {
    int norm, relu;
    struct drop drop;
    double eps;
};

static const struct op_class joint_class;

/* What the norm is of: the sum, or x where nothing is added. */
static struct tensor *normed(const struct op *op)
{
    return op->out[1] ? op->out[1] : op->in[JOINT_X];
}

/* 0: none, 1: on x, 2: on y */
static int drop_kind(const struct joint *j)
{
    return !(j->drop.p > 0) ? 0 : j->relu ? 2 : 1;
}

static struct teams joint_cut(const struct plan *p, const struct op *op, int back)
{
    const struct tensor *x = op->in[JOINT_X];
    const size_t columns = tensor_columns(x);
    return cut_teams(p, tensor_rows(x), columns / cut_vec(p, columns), back);
}

/* A kernel that norms s (or not) where x has this bias (or none) and residual. */
static struct launch *joint_kernel(struct plan *p, const struct op *op, int back, int added,
                                   int norm, int dropped, int more)
{
    const struct joint *j = op->attr;
    const size_t columns = tensor_columns(op->in[JOINT_X]);
    const struct teams cut = joint_cut(p, op, back);
    return cut_kernel(p, "norm.cl", back ? "norm_bwd" : "norm_fwd", &cut,
                      "-DD=%zu -DRES=%d -DBIAS=%d -DSUM=%d -DNORM=%d -DRELU=%d -DDROP=%d -DMORE=%d "
                      "-DVEC=%u%s ",
                      columns, added && op->in[JOINT_RESIDUAL], added && op->in[JOINT_BIAS],
                      added && op->out[1], norm, j->relu, dropped, more, cut_vec(p, columns),
                      norm ? norm_eps_option(j->eps) : "");
}

static void joint_tail(struct plan *p, struct launch *l, const struct op *op, int back)
{
    const struct joint *j = op->attr;
    const struct tensor *x = op->in[JOINT_X];
    const size_t rows = tensor_rows(x);
    launch_dropout(p, l, &j->drop, rows, rows / x->dim[0], joint_cut(p, op, back).chunk);
}

/* A sum that others read too gets a gradient: both passes share a program. */
static int sum_goes_on(const struct op *op)
{
    return op->out[1] && op->in[JOINT_RESIDUAL] && (op->out[1]->readers || op->out[1]->keep);
}

static void joint_forward(struct plan *p, struct op *op)
{
    const struct joint *j = op->attr;
    struct tensor *y = op->out[0], *s = op->out[1];
    struct launch *l = joint_kernel(p, op, 0, 1, j->norm, drop_kind(j), sum_goes_on(op));
    launch_read(l, op->in[JOINT_X]);
    if (op->in[JOINT_BIAS])
        launch_read(l, op->in[JOINT_BIAS]);
    if (op->in[JOINT_RESIDUAL])
        launch_read(l, op->in[JOINT_RESIDUAL]);
    if (s)
        launch_write(l, s);
    if (j->norm) {
        op->saved[0] = plan_tensor2(p, "stats", tensor_rows(y), 2);
        launch_read(l, op->in[JOINT_GAMMA]);
        launch_read(l, op->in[JOINT_BETA]);
        launch_write(l, y);
        launch_write(l, op->saved[0]);
    }
    joint_tail(p, l, op, 0);
    launch_cost(l, 10.0 * (double)op->in[JOINT_X]->elems, y ? y->name : s->name);
}

/* From s as forward made it, in the same order, so to the same bits. */
static void joint_again(struct plan *p, struct op *op, struct tensor *to)
{
    const struct joint *j = op->attr;
    struct launch *l = joint_kernel(p, op, 0, 0, 1, j->relu ? drop_kind(j) : 0, 0);
    launch_read(l, normed(op));
    launch_read(l, op->in[JOINT_GAMMA]);
    launch_read(l, op->in[JOINT_BETA]);
    launch_write(l, to);
    launch_write(l, plan_tensor2(p, "unused", tensor_rows(to), 2)); /* the same again */
    joint_tail(p, l, op, 0);
    launch_cost(l, 10.0 * (double)to->elems, to->name);
}

static void joint_back(struct plan *p, struct op *op)
{
    const struct joint *j = op->attr;
    struct tensor *x = op->in[JOINT_X], *part = NULL;
    struct tensor *dy = lower_arrived(op, 0), *more = lower_arrived(op, 1);
    const size_t columns = tensor_columns(x), groups = joint_cut(p, op, 1).groups;
    int add_res = 0, add_x = 0, add = 0;
    struct launch *l = joint_kernel(p, op, 1, 1, dy != NULL, drop_kind(j), more != NULL);
    if (dy) { /* else nobody uses the norm: its parameters get no gradient */
        part = plan_tensor2(p, "parts", groups, 2 * columns);
        launch_read(l, dy);
        launch_read(l, normed(op));
        launch_read(l, op->saved[0]);
        launch_read(l, op->in[JOINT_GAMMA]);
        launch_read(l, op->in[JOINT_BETA]);
        launch_write(l, part);
    }
    if (more)
        launch_read(l, more);
    if (op->in[JOINT_RESIDUAL]) {
        struct tensor *dres = lower_grad(p, op, JOINT_RESIDUAL, &add_res);
        launch_add_to(l, dres ? dres : plan_like(p, "unused", x), add_res);
    }
    /* a bias needs what reaches x by this way alone; a residual that is x has its own */
    const int alone = lower_needs(op, JOINT_BIAS) ||
                      tensor_base(op->in[JOINT_X]) == tensor_base(op->in[JOINT_RESIDUAL]);
    struct tensor *dx =
        alone ? lower_grad_fresh(p, op, JOINT_X) : lower_grad(p, op, JOINT_X, &add_x);
    if (!dx)
        dx = plan_like(p, "unused", x);
    launch_add_to(l, dx, add_x);
    joint_tail(p, l, op, 1);
    launch_int(l, (size_t)add_res);
    launch_int(l, (size_t)add_x);
    launch_cost(l, 16.0 * (double)x->elems, dx->name);
    pointwise_bias_back(p, op, JOINT_BIAS, dx);
    if (!part)
        return;
    struct tensor *gamma = lower_grad(p, op, JOINT_GAMMA, &add);
    struct tensor *beta = lower_grad(p, op, JOINT_BETA, &add);
    if (gamma || beta)
        reduce_add_parts(p, part, groups, columns, 2 * columns, gamma ? 0 : columns,
                         (struct tensor *[2]){gamma ? gamma : beta, gamma ? beta : NULL},
                         op->in[gamma ? JOINT_GAMMA : JOINT_BETA]->name);
}

static void joint_infer(struct graph *g, struct op *op)
{
    const struct joint *j = op->attr;
    const struct tensor *x = op->in[JOINT_X], *residual = op->in[JOINT_RESIDUAL];
    if (residual && residual->elems != x->elems)
        graph_misfit(g, op, "adds tensors of two shapes", JOINT_X, JOINT_RESIDUAL);
    if (j->norm)
        graph_output_like(g, op, 0, op->path, x);
    if (residual)
        graph_output_like(g, op, 1, op->path, x);
}

/* A norm does the sum in front of it, which others may read too. */
static struct op *absorb_sum(struct graph *g, struct op *norm)
{
    struct tensor *s = norm->in[JOINT_X];
    struct op *sum = s && !s->of ? s->maker : NULL;
    if (!sum || sum->class != &joint_class || sum->out[1] != s || sum->out[0] ||
        norm->in[JOINT_RESIDUAL] || norm->in[JOINT_BIAS])
        return NULL;
    struct joint *j = norm->attr;
    j->drop = ((const struct joint *)sum->attr)->drop;
    for (int i = JOINT_X; i <= JOINT_RESIDUAL; i++)
        graph_set_input(norm, i, sum->in[i]);
    graph_take_output(norm, 1, sum, 1);
    graph_drop(g, sum, norm); /* others may read the sum before the norm was to come */
    return norm;
}

/* A sum drops elements of the branch that it adds. */
static struct op *absorb_dropout(struct graph *g, struct op *op)
{
    struct joint *j = op->attr;
    if (!op->in[JOINT_RESIDUAL] || j->drop.p > 0 || j->norm || op->in[JOINT_BIAS])
        return NULL;
    struct op *from = graph_sole_maker(op, JOINT_X, &op_pointwise_class);
    const struct pointwise *a = from ? from->attr : NULL;
    if (!a || a->act || from->in[POINTWISE_POSITION])
        return NULL;
    j->drop = a->drop;
    graph_set_input(op, JOINT_BIAS, from->in[POINTWISE_BIAS]);
    graph_set_input(op, JOINT_X, from->in[POINTWISE_X]);
    graph_drop(g, from, NULL);
    return op;
}

/* A norm alone adds the bias of what it norms, and keeps the sum. */
static struct op *absorb_bias(struct graph *g, struct op *op)
{
    if (op->in[JOINT_RESIDUAL] || !pointwise_absorb_bias(g, op, JOINT_X, JOINT_BIAS))
        return NULL;
    graph_output_like(g, op, 1, graph_name("sum.%s", op->in[JOINT_X]->name), op->in[JOINT_X]);
    return op;
}

/* Without a residual, a norm does the ReLU behind it, then the dropout behind that. */
static struct op *joint_follow(struct graph *g, struct op *op, struct op *reader)
{
    struct joint *j = op->attr;
    const struct pointwise *a = reader->attr;
    if (reader->class != &op_pointwise_class || !j->norm || op->in[JOINT_RESIDUAL] ||
        reader->in[POINTWISE_BIAS] || reader->in[POINTWISE_POSITION])
        return NULL;
    if (j->relu ? a->act != ACT_NONE || j->drop.p > 0 : a->act != ACT_RELU)
        return NULL;
    j->relu = 1;
    if (a->drop.p > 0)
        j->drop = a->drop;
    graph_set_input(reader, POINTWISE_X, NULL);
    graph_take_output(op, 0, reader, 0);
    graph_drop(g, reader, NULL);
    return op;
}

static struct op *joint_fuse(struct graph *g, struct op *op)
{
    const struct joint *j = op->attr;
    struct op *done = j->norm ? absorb_sum(g, op) : absorb_dropout(g, op);
    return done ? done : j->norm ? absorb_bias(g, op) : NULL;
}

static void joint_describe(const struct op *op, struct words *to)
{
    const struct joint *j = op->attr;
    if (op->in[JOINT_BIAS])
        words_add(to, "bias");
    if (drop_kind(j) == 1)
        words_add(to, "dropout");
    if (op->in[JOINT_RESIDUAL])
        words_add(to, sum_goes_on(op) ? "residual sum kept for others" : "residual sum");
    if (j->norm)
        words_add(to, "norm");
    if (j->relu)
        words_add(to, "ReLU");
    if (drop_kind(j) == 2)
        words_add(to, "dropout");
}

static void joint_onnx(struct onnx *o, struct op *op)
{
    const struct joint *j = op->attr;
    const char *x = onnx_of(o, op->in[JOINT_X]);
    if (op->in[JOINT_BIAS])
        x = onnx_two(o, "Add", x, onnx_of(o, op->in[JOINT_BIAS]));
    if (op->in[JOINT_RESIDUAL])
        x = onnx_two(o, "Add", onnx_of(o, op->in[JOINT_RESIDUAL]), x);
    if (op->out[1])
        onnx_is(o, op->out[1], x);
    if (!j->norm)
        return;
    const char *in[] = {x, onnx_of(o, op->in[JOINT_GAMMA]), onnx_of(o, op->in[JOINT_BETA])};
    const struct onnx_attribute with[] = {{.name = "axis", .kind = ONNX_WHOLE, .whole = -1},
                                          {.name = "epsilon", .kind = ONNX_REAL, .real = j->eps}};
    x = onnx_append(o, &(struct onnx_node){"LayerNormalization", 3, in, 2, with, 1}, NULL);
    onnx_is(o, op->out[0], j->relu ? onnx_one(o, "Relu", x) : x);
}

/* x + bias, + residual: where it lies. */
static const char *joint_sum(struct cfile *c, struct op *op)
{
    struct tensor *bias = op->in[JOINT_BIAS], *residual = op->in[JOINT_RESIDUAL];
    const size_t elems = op->in[JOINT_X]->elems;
    const char *x = cfile_of(c, op->in[JOINT_X]), *s = x;
    if (bias || residual || op->out[1])
        s = op->out[1] ? cfile_make(c, op->out[1]) : cfile_room(c, elems);
    if (bias)
        cfile_call(c, "add", "%s, %s, %s, %zu, %zu", x, cfile_of(c, bias), s, elems, bias->elems);
    if (residual)
        cfile_call(c, "add", "%s, %s, %s, %zu, %zu", bias ? s : x, cfile_of(c, residual), s, elems,
                   elems);
    return s;
}

static void joint_cfile(struct cfile *c, struct op *op)
{
    const struct joint *j = op->attr;
    const char *s = joint_sum(c, op);
    if (j->norm) {
        const char *y = cfile_make(c, op->out[0]);
        cfile_call(c, "layer_norm", "%s, %s, %s, %s, %zu, %zu, %s", s,
                   cfile_of(c, op->in[JOINT_GAMMA]), cfile_of(c, op->in[JOINT_BETA]), y,
                   tensor_rows(op->out[0]), tensor_columns(op->out[0]), cfile_real(c, j->eps));
        if (j->relu)
            cfile_call(c, "relu", "%s, %zu", y, op->out[0]->elems);
    }
    cfile_room_end(c);
}

static void joint_fixed(struct fixed *f, struct op *op)
{
    const struct joint *a = op->attr;
    if (a->norm || op->in[JOINT_BIAS] || !op->in[JOINT_RESIDUAL])
        fixed_fault(f, "%s: a norm has no form in integers", op->path);
    else
        fixed_sum(f, op->in[JOINT_X], op->in[JOINT_RESIDUAL], op->out[1]);
}

static const struct op_class joint_class = {
    .name = "norm",
    .attr = sizeof(struct joint),
    .infer = joint_infer,
    .forward = joint_forward,
    .back = joint_back,
    .reads = READS_IN(JOINT_X) | READS_OUT(1),
    .stored = READS_IN(JOINT_X) | READS_IN(JOINT_RESIDUAL) | READS_OUT(0) | READS_OUT(1),
    .again = joint_again,
    .fuse = joint_fuse,
    .follow = joint_follow,
    .describe = joint_describe,
    .onnx = joint_onnx,
    .cfile = joint_cfile,
    .fixed = joint_fixed,
};

static int same_shape(const struct tensor *a, const struct tensor *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

struct tensor *op_add(struct graph *g, struct tensor *a, struct tensor *b)
{
    if (!same_shape(a, b))
        return op_add_rows(g, a, b);
    return graph_op(g, &joint_class, graph_name("sum.%s", b->name), &(struct joint){0}, 3,
                    (struct tensor *[]){b, NULL, a})
        ->out[1];
}

const char *norm_eps_option(double eps)
{
    const float value = (float)eps;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return eps == NORM_EPS ? "" : graph_name(" -DEPS_BITS=0x%08" PRIx32 "u", bits);
}

struct tensor *op_norm(struct graph *g, struct tensor *x, const char *name)
{
    return op_norm_of(g, x, NORM_EPS, name);
}

struct tensor *op_norm_of(struct graph *g, struct tensor *x, double eps, const char *name)
{
    size_t columns = tensor_columns(x);
    struct tensor *gamma =
        graph_param(g, graph_name("%s.weight", name), 1, &columns, 0, INIT_CONSTANT, 1);
    struct tensor *beta =
        graph_param(g, graph_name("%s.bias", name), 1, &columns, 0, INIT_CONSTANT, 0);
    return graph_op(g, &joint_class, name, &(struct joint){.norm = 1, .eps = eps}, 5,
                    (struct tensor *[]){x, NULL, NULL, gamma, beta})
        ->out[0];
}
