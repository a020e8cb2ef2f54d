/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/classes.h"

enum { QKV, BIAS, TABLE }; /* as attention.c has them; [T, head width / 2, 2] */

struct rotary {
    size_t heads, key_heads;
    enum rotary_pairs pairs;
};

/* Heads of queries, keys and values. */
static size_t all_heads(const struct rotary *a)
{
    return a->heads + 2 * a->key_heads;
}

void rotary_frequencies(double base, size_t head_width, double *frequency)
{
    for (size_t i = 0; i < head_width / 2; i++)
        frequency[i] = pow(base, -2 * (double)i / (double)head_width);
}

struct tensor *op_rotary_table_of(struct graph *g, size_t window, size_t pairs,
                                  const double *frequency)
{
    size_t n = window * pairs * 2;
    const size_t dim[] = {window, pairs ? pairs : 1, 2};
    if (n > GRAPH_MAX_TABLE) {
        graph_fault(g, "rotary",
                    "positions take more than 2^26 numbers: a shorter data.window or more "
                    "model.heads helps");
        return &g->nowhere;
    }
    float *values = calloc(dim[0] * dim[1] * dim[2], sizeof *values);
    if (!values) {
        g->failed = 1;
        return &g->nowhere;
    }
    for (size_t i = 0; i < window * pairs; i++) {
        double angle = (double)(i / pairs) * frequency[i % pairs];
        values[2 * i] = (float)cos(angle);
        values[2 * i + 1] = (float)sin(angle);
    }
    struct tensor *table = graph_constant(g, "rotary", 3, dim, values);
    free(values);
    return table;
}

struct tensor *op_rotary_table(struct graph *g, size_t window, size_t head_width)
{
    double *frequency = malloc((head_width / 2 + 1) * sizeof *frequency);
    if (!frequency) {
        g->failed = 1;
        return &g->nowhere;
    }
    rotary_frequencies(10000, head_width, frequency);
    struct tensor *table = op_rotary_table_of(g, window, head_width / 2, frequency);
    free(frequency);
    return table;
}

struct tensor *op_rotary_rows(struct graph *g, struct tensor *table, struct tensor *place)
{
    const size_t pairs = table->dim[1];
    struct tensor *plain = graph_view(g, table, 2, (size_t[]){table->dim[0], 2 * pairs});
    return graph_view(g, op_lookup(g, place, plain, "rotary"), 3,
                      (size_t[]){place->elems, pairs, 2});
}

static void turn(struct plan *p, const struct op *op, struct tensor *x, struct tensor *bias,
                 struct tensor *y, int sign)
{
    const struct tensor *qkv = op->in[QKV];
    const struct rotary *a = op->attr;
    const size_t head_width = qkv->dim[2] / all_heads(a);
    size_t items = tensor_rows(qkv) * all_heads(a) * ((head_width + 1) / 2);
    size_t lanes = cut_for_cpu(p) ? 16 : 128;
    char keys[32] = "";
    if (a->key_heads < a->heads)
        snprintf(keys, sizeof keys, " -DKV=%zu", a->key_heads);
    const char *halves = a->pairs == ROTARY_HALVES ? " -DHALVES=1" : "";
    struct launch *l = plan_kernel(p, "rotary.cl", "rotary", (items + lanes - 1) / lanes, lanes,
                                   "-DDH=%zu -DH=%zu%s -DSIGN=%d -DBIAS=%d%s", head_width, a->heads,
                                   keys, sign, bias != NULL, halves);
    launch_read(l, x);
    if (bias)
        launch_read(l, bias);
    launch_read(l, op->in[TABLE]);
    launch_write(l, y);
    launch_int(l, qkv->dim[1]);
    launch_int(l, items);
    launch_cost(l, 3.0 * (double)qkv->elems, y->name);
}

static void rotary_forward(struct plan *p, struct op *op)
{
    turn(p, op, op->in[QKV], op->in[BIAS], op->out[0], 1);
}

static void rotary_back(struct plan *p, struct op *op)
{
    struct tensor *dx = lower_grad_fresh(p, op, QKV);
    if (!dx)
        dx = plan_like(p, "unused", op->in[QKV]);
    turn(p, op, lower_arrived(op, 0), NULL, dx, -1);
    pointwise_bias_back(p, op, BIAS, dx);
}

static void rotary_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[QKV];
    const struct rotary *a = op->attr;
    const struct tensor *table = op->in[TABLE];
    const size_t width = x->rank == 3 && a->heads ? x->dim[2] / all_heads(a) : 0;
    if (!width || x->dim[2] % all_heads(a))
        graph_misfit(g, op, "needs queries, keys and values [B, T, 3 D]", QKV, -1);
    else if (table->dim[0] != x->dim[1] || (table->dim[1] != width / 2 && width > 1))
        graph_misfit(g, op, "needs a table of its rows and pairs", QKV, TABLE);
    else
        graph_output_like(g, op, 0, "rotary", x);
}

static struct op *rotary_fuse(struct graph *g, struct op *op)
{
    return pointwise_absorb_bias(g, op, QKV, BIAS);
}

static void rotary_describe(const struct op *op, struct words *to)
{
    pointwise_describe_bias(op, BIAS, to);
    if (((const struct rotary *)op->attr)->pairs == ROTARY_HALVES)
        words_add(to, "halves");
}

/* Cosines (0) or sines (1) of the table, [T, 1, pairs], for as many rows as x has. */
static const char *angles_onnx(struct onnx *o, const struct op *op, size_t which, const char *x)
{
    const struct tensor *table = tensor_base(op->in[TABLE]);
    const size_t rows = op->in[TABLE]->dim[0], pairs = op->in[TABLE]->dim[1];
    const float *all = table->initial;
    float *some = all ? malloc(rows * pairs * sizeof *some) : NULL;
    if (!all)
        onnx_fault(o, "rotary positions have no table");
    else if (!some)
        onnx_no_memory(o);
    if (!some)
        return "";
    for (size_t i = 0; i < rows * pairs; i++)
        some[i] = all[2 * i + which];
    const char *made = onnx_table(o, which ? "rotary.sin" : "rotary.cos", 3,
                                  (const size_t[]){rows, 1, pairs}, some);
    free(some);
    return onnx_first_rows(o, made, x);
}

/* Every second element of the last dimension, `pairs` of them. */
static const char *every_second(struct onnx *o, const char *x, int64_t from, int64_t pairs)
{
    const int64_t end = 2 * pairs, last = -1, two = 2;
    const char *in[] = {x, onnx_wholes(o, 1, &from), onnx_wholes(o, 1, &end),
                        onnx_wholes(o, 1, &last), onnx_wholes(o, 1, &two)};
    return onnx_append(o, &(struct onnx_node){"Slice", 5, in, 0, NULL, 1}, NULL);
}

/* Heads x [B, T, heads, width], turned. */
static const char *turn_onnx(struct onnx *o, const struct op *op, const char *x, int64_t heads,
                             int64_t width)
{
    const int halves = ((const struct rotary *)op->attr)->pairs == ROTARY_HALVES;
    const int64_t pairs = width / 2, one[] = {0, 0, heads, pairs, 1}, all[] = {0, 0, heads, -1};
    const char *cos = angles_onnx(o, op, 0, x), *sin = angles_onnx(o, op, 1, x);
    const char *a = halves ? onnx_slice(o, x, -1, 0, pairs) : every_second(o, x, 0, pairs);
    const char *b = halves ? onnx_slice(o, x, -1, pairs, 2 * pairs) : every_second(o, x, 1, pairs);
    const char *u = onnx_two(o, "Sub", onnx_two(o, "Mul", a, cos), onnx_two(o, "Mul", b, sin));
    const char *v = onnx_two(o, "Add", onnx_two(o, "Mul", b, cos), onnx_two(o, "Mul", a, sin));
    const char *rest = width % 2 ? onnx_slice(o, x, -1, width - 1, width) : NULL;
    if (halves)
        return onnx_along(o, "Concat", "axis", -1, u, v, rest);
    u = onnx_along(o, "Concat", "axis", -1, onnx_reshape(o, u, 5, one), onnx_reshape(o, v, 5, one),
                   NULL);
    u = onnx_reshape(o, u, 4, all);
    return rest ? onnx_along(o, "Concat", "axis", -1, u, rest, NULL) : u;
}

static void rotary_onnx(struct onnx *o, struct op *op)
{
    const struct rotary *a = op->attr;
    const int64_t width = (int64_t)(op->in[QKV]->dim[2] / all_heads(a));
    const int64_t heads = (int64_t)(a->heads + a->key_heads),
                  values = (int64_t)a->key_heads * width;
    const int64_t apart[] = {0, 0, heads, width}, together[] = {0, 0, heads * width};
    const char *x = onnx_of(o, op->in[QKV]), *part[2];
    if (op->in[BIAS])
        x = onnx_two(o, "Add", x, onnx_of(o, op->in[BIAS]));
    if (width > 1) {
        onnx_split(o, x, 2, (const int64_t[]){heads * width, values}, part);
        x = turn_onnx(o, op, onnx_reshape(o, part[0], 4, apart), heads, width);
        x = onnx_along(o, "Concat", "axis", -1, onnx_reshape(o, x, 3, together), part[1], NULL);
    }
    onnx_is(o, op->out[0], x);
}

static void rotary_cfile(struct cfile *c, struct op *op)
{
    const struct rotary *a = op->attr;
    const char *x = cfile_of(c, op->in[QKV]), *y = cfile_make(c, op->out[0]);
    const size_t rows = op->in[QKV]->dim[1], heads = all_heads(a);
    if (op->in[BIAS])
        cfile_fault(c, "%s: a bias came in", op->path);
    cfile_call(c, "copy", "%s, %s, %zu", x, y, op->out[0]->elems);
    cfile_call(c, "rotary", "%s, %s, %zu, %zu, %zu, %zu, %d", y, cfile_of(c, op->in[TABLE]), rows,
               a->heads + a->key_heads, heads, op->in[QKV]->dim[2] / heads,
               a->pairs == ROTARY_HALVES);
}

static const struct op_class rotary_class = {
    .name = "rotary",
    .attr = sizeof(struct rotary),
    .infer = rotary_infer,
    .stored = READS_IN(QKV) | READS_OUT(0),
    .forward = rotary_forward,
    .back = rotary_back,
    .fuse = rotary_fuse,
    .describe = rotary_describe,
    .onnx = rotary_onnx,
    .cfile = rotary_cfile,
};

struct tensor *op_rotary(struct graph *g, struct tensor *qkv, size_t heads, size_t key_heads,
                         enum rotary_pairs pairs, struct tensor *table)
{
    const struct rotary attr = {heads, key_heads ? key_heads : heads, pairs};
    return graph_op(g, &rotary_class, qkv->name, &attr, 3, (struct tensor *[]){qkv, NULL, table})
        ->out[0];
}
