/* SPDX-License-Identifier: MIT */
#include "fixed/fixed.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "lower/reduce.h"
#include "lower/tail.h"
#include "ops/cfile_act.h"
#include "ops/classes.h"
#include "ops/onnx_act.h"

/* Rows of a sample, to which dropout's keys count, or of the table of positions. */
static size_t period_of(const struct op *op)
{
    const struct tensor *position = op->in[POINTWISE_POSITION], *x = op->in[POINTWISE_X];
    return position ? position->elems / tensor_columns(x) : tensor_rows(x) / x->dim[0];
}

static struct teams pointwise_cut(const struct plan *p, const struct op *op)
{
    const struct tensor *x = op->in[POINTWISE_X];
    const size_t columns = tensor_columns(x);
    return cut_teams(p, tensor_rows(x), columns / cut_vec(p, columns), 0);
}

/* ACT of cl/bias.h. */
static int act_here(const struct plan *p, const struct pointwise *a)
{
    return (int)(a->act == ACT_RRELU && !p->training ? ACT_RRELU_MEAN : a->act);
}

static struct launch *pointwise_kernel(struct plan *p, const struct op *op, const char *name)
{
    const struct pointwise *a = op->attr;
    const size_t columns = tensor_columns(op->in[POINTWISE_X]);
    const struct teams cut = pointwise_cut(p, op);
    return cut_kernel(p, "bias.cl", name, &cut,
                      "-DD=%zu -DACT=%d -DBIAS=%d -DPOS=%d -DDROP=%d -DVEC=%u ", columns,
                      act_here(p, a), op->in[POINTWISE_BIAS] != NULL,
                      op->in[POINTWISE_POSITION] != NULL, a->drop.p > 0, cut_vec(p, columns));
}

static void pointwise_tail(struct plan *p, struct launch *l, const struct op *op)
{
    const struct pointwise *a = op->attr;
    size_t rows = tensor_rows(op->in[POINTWISE_X]);
    launch_dropout(p, l, &a->drop, rows, period_of(op), pointwise_cut(p, op).chunk);
}

static void pointwise_again(struct plan *p, struct op *op, struct tensor *to)
{
    struct launch *l = pointwise_kernel(p, op, "bias_fwd");
    launch_read(l, op->in[POINTWISE_X]);
    if (op->in[POINTWISE_BIAS])
        launch_read(l, op->in[POINTWISE_BIAS]);
    if (op->in[POINTWISE_POSITION])
        launch_read(l, op->in[POINTWISE_POSITION]);
    launch_write(l, to);
    pointwise_tail(p, l, op);
    launch_cost(l, 20.0 * (double)to->elems, op->in[POINTWISE_X]->name);
}

/* The product that has made x, or dy, with the node as its tail: 0 where there is no such. */
static int pointwise_tail_of(struct plan *p, const struct op *op, struct tensor *product, int slope,
                             struct tensor *to)
{
    const struct pointwise *a = op->attr;
    struct tensor *x = op->in[POINTWISE_X], *position = op->in[POINTWISE_POSITION];
    struct launch *l = tail_product(p, product);
    const int others = x->of || x->keep || x->readers > 1;
    const int keeps = !slope && (p->training || others);
    if (!l)
        return 0;
    tail_give(l,
              &(struct gemm_tail){.slope = slope,
                                  .act = act_here(p, a),
                                  .biased = op->in[POINTWISE_BIAS] != NULL,
                                  .placed = position && !slope,
                                  .drops = dropout_threshold(p, &a->drop) > 0,
                                  .keeps = keeps,
                                  .period = period_of(op),
                                  .path = a->drop.path,
                                  .threshold = dropout_threshold(p, &a->drop),
                                  .scale = (float)dropout_scale(p, &a->drop)},
              (struct tensor *[]){op->in[POINTWISE_BIAS], slope ? NULL : position,
                                  slope || keeps ? x : NULL, dropout_sample(p), p->step},
              to);
    return 1;
}

static void pointwise_forward(struct plan *p, struct op *op)
{
    if (!pointwise_tail_of(p, op, op->in[POINTWISE_X], 0, op->out[0]))
        pointwise_again(p, op, op->out[0]);
}

void pointwise_bias_back(struct plan *p, struct op *op, int bias, struct tensor *dx)
{
    int add;
    struct tensor *db = lower_grad(p, op, bias, &add);
    if (db)
        reduce_sum_rows(p, dx, tensor_rows(dx), tensor_columns(dx), db, op->in[bias]->name);
}

/* dx of dy, where the product that has made dy does not. */
static void pointwise_slope(struct plan *p, const struct op *op, struct tensor *dy,
                            struct tensor *dx)
{
    struct launch *l = pointwise_kernel(p, op, "bias_bwd");
    launch_read(l, dy);
    launch_read(l, op->in[POINTWISE_X]);
    if (op->in[POINTWISE_BIAS])
        launch_read(l, op->in[POINTWISE_BIAS]);
    launch_write(l, dx);
    pointwise_tail(p, l, op);
    launch_cost(l, 30.0 * (double)dx->elems, dx->name);
}

static void pointwise_back(struct plan *p, struct op *op)
{
    struct tensor *x = op->in[POINTWISE_X], *dy = lower_arrived(op, 0);
    struct tensor *dx = lower_grad_over(p, op, POINTWISE_X);
    if (!dx)
        dx = plan_like(p, "unused", x);
    if (!pointwise_tail_of(p, op, dy, 1, dx))
        pointwise_slope(p, op, dy, dx);
    int add;
    const struct tensor *position = op->in[POINTWISE_POSITION];
    struct tensor *table = lower_grad(p, op, POINTWISE_POSITION, &add);
    if (table) /* [B, T D] summed over B */
        reduce_sum_rows(p, dx, dx->elems / position->elems, position->elems, table, position->name);
    pointwise_bias_back(p, op, POINTWISE_BIAS, dx);
}

static void pointwise_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[POINTWISE_X], *bias = op->in[POINTWISE_BIAS];
    const struct tensor *position = op->in[POINTWISE_POSITION];
    if (bias && bias->elems != tensor_columns(x))
        graph_misfit(g, op, "needs a bias for each column", POINTWISE_X, POINTWISE_BIAS);
    for (int r = 1; position && r <= position->rank; r++)
        if (position->rank > x->rank || position->dim[position->rank - r] != x->dim[x->rank - r])
            graph_misfit(g, op, "adds what has not the last dimensions", POINTWISE_X,
                         POINTWISE_POSITION);
    graph_output_like(g, op, 0, x->name, x);
}

/* Whether the stages of `first` may come before those of `then` in one kernel. */
static int in_order(const struct op *first, const struct op *then)
{
    const struct pointwise *a = first->attr, *b = then->attr;
    int before = a->drop.p > 0                   ? 4
                 : a->act                        ? 3
                 : first->in[POINTWISE_POSITION] ? 2
                 : first->in[POINTWISE_BIAS]     ? 1
                                                 : 0;
    int after = then->in[POINTWISE_BIAS] ? 1 : then->in[POINTWISE_POSITION] ? 2 : b->act ? 3 : 4;
    const struct op *with = first->in[POINTWISE_POSITION] ? first : then;
    if (with->in[POINTWISE_POSITION] && (a->act || b->act))
        return 0;
    /* a table of positions and dropout count rows in one way */
    if (with->in[POINTWISE_POSITION] && (a->drop.p > 0 || b->drop.p > 0) &&
        period_of(with) != tensor_rows(then->in[POINTWISE_X]) / then->in[POINTWISE_X]->dim[0])
        return 0;
    return before < after && !(a->key && b->key);
}

static struct op *pointwise_fuse(struct graph *g, struct op *op)
{
    struct op *from = graph_sole_maker(op, POINTWISE_X, &op_pointwise_class);
    struct pointwise *a = op->attr;
    if (!from || !in_order(from, op))
        return NULL;
    const struct pointwise *before = from->attr;
    if (before->act)
        a->act = before->act;
    if (before->key) {
        a->drop = before->drop;
        a->key = 1;
    }
    if (from->in[POINTWISE_BIAS])
        graph_set_input(op, POINTWISE_BIAS, from->in[POINTWISE_BIAS]);
    if (from->in[POINTWISE_POSITION])
        graph_set_input(op, POINTWISE_POSITION, from->in[POINTWISE_POSITION]);
    graph_set_input(op, POINTWISE_X, from->in[POINTWISE_X]);
    graph_drop(g, from, NULL);
    return op;
}

static void pointwise_describe(const struct op *op, struct words *to)
{
    static const char *const acts[] = {NULL,    "ReLU", "GELU",        "RReLU",
                                       "RReLU", "SiLU", "GELU by tanh"};
    const struct pointwise *a = op->attr;
    if (op->in[POINTWISE_BIAS])
        words_add(to, "bias");
    if (op->in[POINTWISE_POSITION])
        words_add(to, "positions");
    if (a->act)
        words_add(to, acts[a->act]);
    if (a->drop.p > 0)
        words_add(to, "dropout");
}

/* Positions [T, ..] of the rows that there are; one of whole samples is taken as it is. */
static const char *position_onnx(struct onnx *o, struct op *op, const char *x)
{
    struct tensor *position = op->in[POINTWISE_POSITION];
    const char *table = onnx_of(o, position);
    return position->rank > 1 ? onnx_first_rows(o, table, x) : table;
}

static void pointwise_onnx(struct onnx *o, struct op *op)
{
    const char *x = onnx_of(o, op->in[POINTWISE_X]);
    if (op->in[POINTWISE_BIAS])
        x = onnx_two(o, "Add", x, onnx_of(o, op->in[POINTWISE_BIAS]));
    if (op->in[POINTWISE_POSITION])
        x = onnx_two(o, "Add", x, position_onnx(o, op, x));
    onnx_is(o, op->out[0], onnx_act(o, ((const struct pointwise *)op->attr)->act, x));
}

static void pointwise_cfile(struct cfile *c, struct op *op)
{
    struct tensor *bias = op->in[POINTWISE_BIAS], *position = op->in[POINTWISE_POSITION];
    const char *x = cfile_of(c, op->in[POINTWISE_X]), *y = cfile_make(c, op->out[0]);
    const size_t elems = op->out[0]->elems;
    if (bias)
        cfile_call(c, "add", "%s, %s, %s, %zu, %zu", x, cfile_of(c, bias), y, elems, bias->elems);
    if (position)
        cfile_call(c, "add", "%s, %s, %s, %zu, %zu", bias ? y : x, cfile_of(c, position), y, elems,
                   position->elems);
    if (!bias && !position)
        cfile_call(c, "copy", "%s, %s, %zu", x, y, elems);
    cfile_act(c, ((const struct pointwise *)op->attr)->act, y, elems);
}

static void pointwise_fixed(struct fixed *f, struct op *op)
{
    struct tensor *x = op->in[POINTWISE_X], *bias = op->in[POINTWISE_BIAS], *y = op->out[0];
    const enum act act = ((const struct pointwise *)op->attr)->act;
    if (op->in[POINTWISE_POSITION] || (act != ACT_NONE && (act != ACT_RELU || bias)))
        fixed_fault(f, "%s: of activations and positions, integers have ReLU alone", op->path);
    else if (bias)
        fixed_bias(f, x, bias, y);
    else if (act)
        fixed_relu(f, x, y);
    else
        fixed_same(f, x, y);
}

const struct op_class op_pointwise_class = {
    .name = "pointwise",
    .attr = sizeof(struct pointwise),
    .infer = pointwise_infer,
    .forward = pointwise_forward,
    .back = pointwise_back,
    .reads = READS_IN(POINTWISE_X),
    .stored = READS_IN(POINTWISE_X) | READS_OUT(0),
    .again = pointwise_again,
    .fuse = pointwise_fuse,
    .describe = pointwise_describe,
    .onnx = pointwise_onnx,
    .cfile = pointwise_cfile,
    .fixed = pointwise_fixed,
};

/* The op that adds a bias to input i of `op`, and does nothing else, if nobody else reads what it
 * makes; else NULL. */
static struct op *pointwise_sole_bias(const struct op *op, int i)
{
    struct op *from = graph_sole_maker(op, i, &op_pointwise_class);
    const struct pointwise *a = from ? from->attr : NULL;
    int plain = a && a->act == ACT_NONE && !(a->drop.p > 0) && !from->in[POINTWISE_POSITION];
    return plain && from->in[POINTWISE_BIAS] ? from : NULL;
}

void pointwise_describe_bias(const struct op *op, int bias, struct words *to)
{
    if (op->in[bias])
        words_add(to, "bias");
}

struct op *pointwise_absorb_bias(struct graph *g, struct op *op, int x, int bias)
{
    struct op *from = op->in[bias] ? NULL : pointwise_sole_bias(op, x);
    if (!from)
        return NULL;
    graph_set_input(op, bias, from->in[POINTWISE_BIAS]);
    graph_set_input(op, x, from->in[POINTWISE_X]);
    graph_drop(g, from, NULL);
    return op;
}

struct tensor *op_bias(struct graph *g, struct tensor *x, struct tensor *bias)
{
    return graph_op(g, &op_pointwise_class, x->name, &(struct pointwise){0}, 2,
                    (struct tensor *[]){x, bias})
        ->out[0];
}

struct tensor *op_activation(struct graph *g, struct tensor *x, enum act act, const char *path)
{
    struct pointwise attr = {.act = act, .drop = drop_of(0, path), .key = act == ACT_RRELU};
    if (act == ACT_NONE)
        return x;
    return graph_op(g, &op_pointwise_class, x->name, &attr, 1, (struct tensor *[]){x})->out[0];
}

struct tensor *op_dropout(struct graph *g, struct tensor *x, double p, const char *path)
{
    struct pointwise attr = {.drop = drop_of(p, path), .key = 1};
    if (!(p > 0))
        return x;
    return graph_op(g, &op_pointwise_class, x->name, &attr, 1, (struct tensor *[]){x})->out[0];
}

struct tensor *op_add_rows(struct graph *g, struct tensor *a, struct tensor *b)
{
    return graph_op(g, &op_pointwise_class, a->name, &(struct pointwise){0}, 3,
                    (struct tensor *[]){a, NULL, b})
        ->out[0];
}
