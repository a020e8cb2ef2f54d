/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lower/cut.h"
#include "lower/lower.h"
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

static const struct op_class rotary_class = {
    .name = "rotary",
    .attr = sizeof(struct rotary),
    .infer = rotary_infer,
    .stored = READS_IN(QKV) | READS_OUT(0),
    .forward = rotary_forward,
    .back = rotary_back,
    .fuse = rotary_fuse,
    .describe = rotary_describe,
};

struct tensor *op_rotary(struct graph *g, struct tensor *qkv, size_t heads, size_t key_heads,
                         enum rotary_pairs pairs, struct tensor *table)
{
    const struct rotary attr = {heads, key_heads ? key_heads : heads, pairs};
    return graph_op(g, &rotary_class, qkv->name, &attr, 3, (struct tensor *[]){qkv, NULL, table})
        ->out[0];
}
