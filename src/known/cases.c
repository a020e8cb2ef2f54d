/* SPDX-License-Identifier: MIT */
/* The table of cases: small, but with rows and columns that no tile or vector divides. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "known/case.h"
#include "ops/ops.h"

static void set(struct known_slot *s, const char *name, enum known_role role, size_t elems,
                double low, double high)
{
    *s = (struct known_slot){.name = name, .role = role, .elems = elems, .low = low, .high = high};
}

static size_t elems_of(const struct ref *r)
{
    return r->b * r->t * r->d;
}

/* One input and an output of [b, t, d]. */
static void plain_slots(struct known *k)
{
    set(&k->in[0], "x", KNOWN_INPUT, elems_of(&k->r), -2, 2);
    k->out[0].elems = elems_of(&k->r);
}

/* Numbers below `most`, and some that are not. */
static void draw_numbers(struct known *k, size_t most)
{
    for (size_t i = 0; i < k->r.b * k->r.t; i++)
        k->numbers[i] = i % 5 == 3 ? (uint32_t)most : (uint32_t)((i * 7919 % 1009 + 5) % most);
}

static struct tensor *numbers(struct graph *g, struct known *k)
{
    const size_t dim[] = {k->r.b, k->r.t};
    struct tensor *t = graph_state(g, "number", DTYPE_U32, 2, dim);
    t->initial = malloc(dim[0] * dim[1] * sizeof *k->numbers);
    if (t->initial)
        memcpy(t->initial, k->numbers, dim[0] * dim[1] * sizeof *k->numbers);
    return t;
}

/* --- element by element, and random numbers */

static void act_slots(struct known *k)
{
    plain_slots(k);
    set(&k->in[1], "bias", KNOWN_PLAIN, k->r.d, -1, 1);
}

static void act_build(struct graph *g, struct known *k)
{
    const struct ref *r = &k->r;
    struct tensor *x = op_bias(g, known_rows(g, k, 0, r->d), k->in[1].tensor);
    k->out[0].tensor = op_dropout(g, op_activation(g, x, r->act, r->path), r->p, r->path);
}

static void dropout_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_dropout(g, known_rows(g, k, 0, k->r.d), k->r.p, k->r.path);
}

/* --- norms */

static void norm_slots(struct known *k)
{
    plain_slots(k);
    set(&k->in[2], "residual", KNOWN_INPUT, elems_of(&k->r), -3, 2);
    set(&k->in[3], "norm.weight", KNOWN_PARAM, k->r.d, 0.5, 1.5);
    set(&k->in[4], "norm.bias", KNOWN_PARAM, k->r.d, -0.5, 0.5);
}

static void norm_build(struct graph *g, struct known *k)
{
    const struct ref *r = &k->r;
    struct tensor *s = op_add(g, known_rows(g, k, 2, r->d),
                              op_dropout(g, known_rows(g, k, 0, r->d), r->p, r->path));
    k->out[0].tensor = op_norm(g, s, "norm");
}

static void rms_norm_slots(struct known *k)
{
    plain_slots(k);
    set(&k->in[1], "norm.weight", KNOWN_PARAM, k->r.d, 0.5, 1.5);
}

static void rms_norm_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_rms_norm(g, known_rows(g, k, 0, k->r.d), "norm");
}

static void batch_norm_slots(struct known *k)
{
    plain_slots(k);
    set(&k->in[2], "norm.weight", KNOWN_PARAM, k->r.d, 0.5, 1.5);
    set(&k->in[3], "norm.bias", KNOWN_PARAM, k->r.d, -0.5, 0.5);
    set(&k->in[4], "norm.running_mean", KNOWN_KEPT, k->r.d, -1, 1);
    set(&k->in[5], "norm.running_var", KNOWN_KEPT, k->r.d, 0.5, 3);
}

static void batch_norm_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_batch_norm(g, known_rows(g, k, 0, k->r.d), "norm");
}

/* --- attention */

static void attention_slots(struct known *k)
{
    const size_t columns = ref_qkv(&k->r);
    set(&k->in[0], "qkv", KNOWN_INPUT, k->r.b * k->r.t * columns, -2, 2);
    set(&k->in[1], "bias", KNOWN_PLAIN, columns, -1, 1);
    k->out[0].elems = elems_of(&k->r);
}

static void attention_build(struct graph *g, struct known *k)
{
    const struct ref *r = &k->r;
    const struct attend how = {.causal = r->causal, .key_heads = r->keys};
    struct tensor *qkv = op_bias(g, known_rows(g, k, 0, ref_qkv(r)), k->in[1].tensor);
    if (r->rotary)
        qkv = op_rotary(g, qkv, r->heads, r->keys, ROTARY_NEIGHBOURS,
                        op_rotary_table(g, r->t, r->d / r->heads));
    k->out[0].tensor = op_attention(g, qkv, r->heads, &how, r->p, r->path);
}

/* --- layers */

static void linear_slots(struct known *k)
{
    const struct ref *r = &k->r;
    set(&k->in[0], "x", KNOWN_INPUT, r->b * r->t * r->in, -1, 1);
    set(&k->in[1], "layer.weight", KNOWN_PARAM, r->d * r->in, -1, 1);
    set(&k->in[2], "layer.bias", KNOWN_PARAM, r->d, -1, 1);
    k->out[0].elems = elems_of(r);
}

static void linear_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_linear(g, known_rows(g, k, 0, k->r.in), k->r.d, "layer");
}

static void layer_build(struct graph *g, struct known *k)
{
    const struct ref *r = &k->r;
    struct tensor *u = op_linear(g, known_rows(g, k, 0, r->in), r->d, "layer");
    k->out[0].tensor = op_dropout(g, op_activation(g, u, r->act, r->path), r->p, r->path);
}

static void conv_slots(struct known *k)
{
    const struct ref *r = &k->r;
    set(&k->in[0], "x", KNOWN_INPUT, r->b * r->t * r->in, -1, 1);
    set(&k->in[1], "conv.weight", KNOWN_PARAM, r->d * r->in * r->kernel, -1, 1);
    set(&k->in[2], "conv.bias", KNOWN_PARAM, r->d, -1, 1);
    k->out[0].elems = r->b * ref_conv_rows(r) * r->d;
}

static void conv_build(struct graph *g, struct known *k)
{
    const struct ref *r = &k->r;
    const struct conv shape = {r->kernel, r->stride, r->dilation, r->before, r->after};
    k->out[0].tensor = op_conv1d(g, known_rows(g, k, 0, r->in), r->d, &shape, 0, "conv");
}

static void max_pool_slots(struct known *k)
{
    plain_slots(k);
    k->out[0].elems = k->r.b * (k->r.t / k->r.span) * k->r.d;
}

static void max_pool_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_max_pool(g, known_rows(g, k, 0, k->r.d), k->r.span);
}

static void recurrent_slots(struct known *k)
{
    static const char *const names[] = {"core.weight_ih_l0",         "core.weight_hh_l0",
                                        "core.bias_ih_l0",           "core.bias_hh_l0",
                                        "core.weight_ih_l0_reverse", "core.weight_hh_l0_reverse",
                                        "core.bias_ih_l0_reverse",   "core.bias_hh_l0_reverse"};
    const struct ref *r = &k->r;
    const size_t gates = r->cell == CELL_KIND_LSTM ? 4 : r->cell == CELL_KIND_GRU ? 3 : 1;
    const size_t width = gates * r->d, elems[] = {width * r->in, width * r->d, width, width};
    const double most = 2 / sqrt((double)r->d);
    set(&k->in[0], "x", KNOWN_INPUT, r->b * r->t * r->in, -2, 2);
    for (size_t i = 0; i < 4 * r->dirs; i++)
        set(&k->in[1 + i], names[i], KNOWN_PARAM, elems[i % 4], -most, most);
    k->out[0].elems = r->b * r->t * r->dirs * r->d;
}

static void recurrent_build(struct graph *g, struct known *k)
{
    const struct ref *r = &k->r;
    const struct cell cell = {.kind = r->cell, .hidden = r->d, .bidirectional = r->dirs == 2};
    k->out[0].tensor = op_recurrent(g, known_rows(g, k, 0, r->in), &cell, "core", 0);
}

static void pool_slots(struct known *k)
{
    const double most = 2 / sqrt((double)k->r.d);
    plain_slots(k);
    set(&k->in[1], "attention.weight", KNOWN_PARAM, k->r.d, -most, most);
    set(&k->in[2], "attention.bias", KNOWN_PARAM, 1, -1, 1);
    k->out[0].elems = k->r.b * k->r.d;
}

static void pool_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_pool(g, known_rows(g, k, 0, k->r.d), 0, POOL_ATTENTION, "attention");
}

static void embedding_slots(struct known *k)
{
    set(&k->in[0], "table.weight", KNOWN_PARAM, k->r.in * k->r.d, -2, 2);
    k->out[0].elems = elems_of(&k->r);
    draw_numbers(k, k->r.in);
}

static void embedding_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_embedding(g, numbers(g, k), k->r.in, k->r.d, "table");
}

/* --- losses */

static void softmax_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_softmax(g, known_rows(g, k, 0, k->r.d));
}

static void cross_entropy_slots(struct known *k)
{
    plain_slots(k);
    k->out[0].elems = k->r.b;
    draw_numbers(k, k->r.d);
}

static void cross_entropy_build(struct graph *g, struct known *k)
{
    k->out[0].tensor =
        op_cross_entropy(g, known_rows(g, k, 0, k->r.d), numbers(g, k), k->r.smoothing);
}

static void sample_slots(struct known *k)
{
    plain_slots(k);
    set(&k->in[1], "target", KNOWN_PLAIN, elems_of(&k->r), 0, 1);
    k->out[0].elems = k->r.b;
}

static void sample_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_sample_loss(g, known_row(g, k, 0), known_row(g, k, 1), k->r.kind, NULL);
}

static void pairs_slots(struct known *k)
{
    set(&k->in[0], "z", KNOWN_INPUT, k->r.b * k->r.d, -1, 1.5);
    set(&k->in[1], "w", KNOWN_INPUT, k->r.b * k->r.d, -1.5, 1);
    k->out[0].elems = 1;
}

static void pairs_build(struct graph *g, struct known *k)
{
    k->out[0].tensor = op_nt_xent(g, known_row(g, k, 0), known_row(g, k, 1), k->r.temperature,
                                  1 / (double)k->r.count);
}

/* --- the table */

#define RUN(name) name##_slots, name##_build
#define PLAIN(name) plain_slots, name##_build
#define REF(name) ref_##name, ref_##name##_back
#define STORED(type) .stored = DTYPE_##type
#define SMOOTH(type) .stored = DTYPE_##type, .is_smooth = 1

const struct known_case known_cases[] = {
    {"random numbers", "dropout", PLAIN(dropout), REF(bias),
     .shape = {.b = 5, .t = 9, .d = 37, .p = 0.3, .no_bias = 1}},
    {"elements", "bias, GELU, dropout", RUN(act), REF(bias),
     .shape = {.b = 3, .t = 5, .d = 47, .act = ACT_GELU, .p = 0.25}},
    {"elements", "bias, GELU, dropout in bf16", RUN(act), REF(bias),
     .shape = {.b = 3, .t = 5, .d = 47, .act = ACT_GELU, .p = 0.25}, STORED(BF16)},
    {"norm", "layer norm of a sum", RUN(norm), REF(norm),
     .shape = {.b = 3, .t = 5, .d = 70, .has_residual = 1, .has_norm = 1, .p = 0.1}},
    {"norm", "layer norm of a sum in bf16", RUN(norm), REF(norm),
     .shape = {.b = 3, .t = 5, .d = 70, .has_residual = 1, .has_norm = 1, .p = 0.1}, STORED(BF16)},
    {"norm", "RMS norm", RUN(rms_norm), REF(rms_norm), .shape = {.b = 3, .t = 5, .d = 70}},
    {"norm", "batch norm", RUN(batch_norm), REF(batch_norm), .shape = {.b = 6, .t = 5, .d = 12}},
    {"attention", "causal, dropout", RUN(attention), REF(attention),
     .shape = {.b = 2, .t = 17, .d = 24, .heads = 2, .causal = 1, .p = 0.25}},
    {"attention", "causal, dropout in bf16", RUN(attention), REF(attention),
     .shape = {.b = 2, .t = 17, .d = 24, .heads = 2, .causal = 1, .p = 0.25}, STORED(BF16)},
    {"attention", "a longer window, shared keys, rotary", RUN(attention), REF(attention),
     .shape = {.b = 1, .t = 70, .d = 64, .heads = 4, .keys = 2, .rotary = 1}},
    {"attention", "130 rows, causal, dropout in bf16", RUN(attention), REF(attention),
     .shape = {.b = 1, .t = 130, .d = 64, .heads = 1, .causal = 1, .p = 0.25}, SMOOTH(BF16),
     .where = KNOWN_ON_GPUS},
    {"attention", "130 rows, causal in fp16", RUN(attention), REF(attention),
     .shape = {.b = 1, .t = 130, .d = 64, .heads = 1, .causal = 1}, SMOOTH(F16),
     .where = KNOWN_ON_GPUS},
    {"attention", "130 rows, shared keys in bf16", RUN(attention), REF(attention),
     .shape = {.b = 1, .t = 130, .d = 128, .heads = 2, .keys = 1}, SMOOTH(BF16),
     .where = KNOWN_ON_GPUS},
    {"attention", "130 rows, causal, dropout in TF32", RUN(attention), REF(attention),
     .shape = {.b = 1, .t = 130, .d = 64, .heads = 1, .causal = 1, .p = 0.25}, .allowed = 0x1p-6,
     .where = KNOWN_BY_TF32},
    {"recurrent", "LSTM of both directions", RUN(recurrent), REF(recurrent),
     .shape = {.b = 13, .t = 4, .d = 23, .in = 3, .cell = CELL_KIND_LSTM, .dirs = 2}},
    {"recurrent", "GRU", RUN(recurrent), REF(recurrent),
     .shape = {.b = 5, .t = 7, .d = 12, .in = 4, .cell = CELL_KIND_GRU, .dirs = 1}},
    {"recurrent", "LSTM of 264 units", RUN(recurrent), REF(recurrent),
     .shape = {.b = 3, .t = 3, .d = 264, .in = 2, .cell = CELL_KIND_LSTM, .dirs = 2}},
    {"recurrent", "LSTM of 288 units in bf16", RUN(recurrent), REF(recurrent),
     .shape = {.b = 19, .t = 5, .d = 288, .in = 2, .cell = CELL_KIND_LSTM, .dirs = 1},
     SMOOTH(BF16)},
    {"recurrent", "GRU of 288 units, both ways in fp16", RUN(recurrent), REF(recurrent),
     .shape = {.b = 19, .t = 5, .d = 288, .in = 2, .cell = CELL_KIND_GRU, .dirs = 2}, SMOOTH(F16),
     .where = KNOWN_ON_GPUS},
    {"recurrent", "LSTM of 1152 units in bf16", RUN(recurrent), REF(recurrent),
     .shape = {.b = 3, .t = 4, .d = 1152, .in = 2, .cell = CELL_KIND_LSTM, .dirs = 1}, SMOOTH(BF16),
     .where = KNOWN_ON_GPUS},
    {"linear layer", "in fp32", RUN(linear), REF(linear),
     .shape = {.b = 3, .t = 23, .d = 20, .in = 70}},
    {"linear layer", "in bf16", RUN(linear), REF(linear),
     .shape = {.b = 3, .t = 23, .d = 20, .in = 70}, STORED(BF16)},
    {"linear layer", "GELU, dropout in bf16", linear_slots, layer_build, REF(layer),
     .shape = {.b = 3, .t = 23, .d = 144, .in = 72, .act = ACT_GELU, .p = 0.25}, SMOOTH(BF16),
     .where = KNOWN_ON_GPUS},
    {"convolution", "dilated, causal", RUN(conv), REF(conv),
     .shape =
         {.b = 3, .t = 17, .d = 7, .in = 5, .kernel = 3, .stride = 1, .dilation = 4, .before = 8}},
    {"convolution", "largest of neighbours", RUN(max_pool), REF(max_pool),
     .shape = {.b = 3, .t = 17, .d = 7, .span = 2}},
    {"pool", "mean by attention", RUN(pool), REF(pool),
     .shape = {.b = 3, .t = 9, .d = 20, .pool = POOL_ATTENTION}},
    {"embedding", "rows of a table", RUN(embedding), REF(embedding),
     .shape = {.b = 3, .t = 9, .d = 20, .in = 23}},
    {"loss", "softmax", PLAIN(softmax), REF(softmax), .shape = {.b = 3, .t = 5, .d = 70}},
    {"loss", "cross-entropy", RUN(cross_entropy), REF(cross_entropy),
     .shape = {.b = 4, .t = 5, .d = 50, .smoothing = 0.1}, .is_loss = 1},
    {"loss", "mean squared error", RUN(sample), REF(sample_loss),
     .shape = {.b = 5, .t = 3, .d = 7, .kind = LOSS_KIND_MSE}, .is_loss = 1},
    {"loss", "Huber's loss", RUN(sample), REF(sample_loss),
     .shape = {.b = 5, .t = 3, .d = 7, .kind = LOSS_KIND_HUBER}, .is_loss = 1},
    {"loss", "pairs of views", RUN(pairs), REF(nt_xent),
     .shape = {.b = 9, .t = 1, .d = 12, .temperature = 0.5}, .is_loss = 1},
};
const size_t known_case_count = sizeof known_cases / sizeof *known_cases;
