/* SPDX-License-Identifier: MIT */
/*
 * Compositions of operations: who reads a tensor, what is fused, where a gradient lies and what is
 * made again must not change any number. Graphs are drawn at random from plain operations. Each
 * runs with all tensors kept, so that nothing is fused, nothing lies over anything else and every
 * tensor has a buffer of its own; these gradients are held against central differences. Then it
 * runs fused: as planned, with a poisoned buffer for each tensor, with recomputation of operations
 * and of layers, with frozen parameters, and as an evaluation graph.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "exec/exec.h"
#include "ir/fuse.h"
#include "lower/lower.h"
#include "lower/step.h"
#include "ok.h"
#include "ops/ops.h"
#include "quarantine.h"
#include "quickly.h"
#include "util/philox.h"

/* Of random graphs the first OPTIMISED have kernels that the compiler has optimised, others maybe
 * not. */
enum { COLUMNS = 8, GRAPHS = 60, OPTIMISED = 15, MOST_SINKS = 16, MOST_POOL = 40 };

/* How a graph is built and run. */
enum {
    APART = 1,
    SCATTERED = 2,
    RECOMPUTED = 4,
    FROZEN = 8,
    EVALUATED = 16,
    BFLOATS = 32,
    LAYERS = 64,
    TAILS = 128 /* products are known to be ours, so that they may have tails */
};

static struct device *device;
static const char *products = "own";

static int open_device(void **state)
{
    (void)state;
    const struct device_options options = {
        .select = chosen_device(), .memory_fraction = 0.9, .threads = -1};
    device = device_open(&options, &err);
    if (!device) {
        print_error("%s\n", err.text);
        return -1;
    }
    quarantine_for(device);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    device_close(device);
    return 0;
}

static void *room(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    assert_non_null(p);
    return p;
}

/* Uniform in [low, high), a pure function of stream and index. */
static float draw(uint32_t stream, size_t index, double low, double high)
{
    uint32_t word[4];
    philox(word, (uint32_t)index, 78, stream, 0, 1);
    return (float)(low + (high - low) * philox_unit(word[0]));
}

/* --- a graph as it is built */

/* What builds a graph: the same calls, whatever the mode. */
struct making {
    struct graph *g;
    size_t batch, window;
    uint32_t seed, drawn;
    struct tensor *pool[MOST_POOL]; /* [B, T, COLUMNS] */
    size_t count;
    struct tensor *input[2];
    struct tensor *sink[MOST_SINKS]; /* what the objective sums up */
    size_t sinks;
};

typedef void build_fn(struct making *m);

static size_t below(struct making *m, size_t n)
{
    uint32_t word[4];
    philox(word, m->drawn++, 79, m->seed, 0, 1);
    return word[0] % n;
}

static struct tensor *any(struct making *m)
{
    /* late ones more often, so that graphs become deep */
    size_t a = below(m, m->count), b = below(m, m->count);
    return m->pool[a > b ? a : b];
}

static void add_sink(struct making *m, struct tensor *t)
{
    assert_true(m->sinks < MOST_SINKS);
    t = graph_as(m->g, t, DTYPE_F32); /* as the test reads it */
    tensor_base(t)->keep = 1;
    m->sink[m->sinks++] = t;
}

/* A name of its own, or one of two that operations share. */
static const char *name_of(struct making *m, const char *what)
{
    return below(m, 4) ? graph_name("%s.own%u", what, m->drawn)
                       : graph_name("%s.shared%zu", what, below(m, 2));
}

static struct tensor *attend(struct making *m, struct tensor *x)
{
    struct graph *g = m->g;
    const struct attend how = {.causal = (int)below(m, 2)};
    struct tensor *qkv = op_linear(g, x, 3 * COLUMNS, name_of(m, "qkv"));
    if (below(m, 2))
        qkv = op_rotary(g, qkv, 2, 0, below(m, 2) ? ROTARY_HALVES : ROTARY_NEIGHBOURS,
                        op_rotary_table(g, m->window, COLUMNS / 2));
    const double p = below(m, 2) ? 0.25 : 0;
    return op_attention(g, qkv, 2, &how, p, name_of(m, "attend"));
}

static struct tensor *attend_over(struct making *m, struct tensor *x, struct tensor *y)
{
    struct graph *g = m->g;
    const int shared = (int)below(m, 2);
    if (shared) /* a table of parameters for all samples */
        y = graph_param(g, name_of(m, "queries"), 2, (size_t[]){m->window, COLUMNS}, 0, INIT_NORMAL,
                        1);
    return op_attention_over(g, y, op_linear(g, x, 2 * COLUMNS, name_of(m, "kv")), 2,
                             name_of(m, "over"));
}

static struct tensor *position(struct making *m)
{
    return graph_param(m->g, name_of(m, "position"), 2, (size_t[]){m->window, COLUMNS}, 0,
                       INIT_NORMAL, 1);
}

static struct tensor *same_again(struct making *m, struct tensor *x)
{
    struct tensor *flat = graph_view(m->g, x, 2, (size_t[]){m->batch, m->window * COLUMNS});
    return graph_view(m->g, flat, 3, (size_t[]){m->batch, m->window, COLUMNS});
}

static struct tensor *recur(struct making *m, struct tensor *x)
{
    const int both = !below(m, 3);
    const struct cell cell = {
        .kind = both ? CELL_KIND_LSTM : CELL_KIND_GRU, .hidden = COLUMNS, .bidirectional = both};
    x = op_recurrent(m->g, x, &cell, name_of(m, both ? "lstm" : "gru"), 0);
    return both ? op_linear(m->g, x, COLUMNS, name_of(m, "join")) : x;
}

static struct tensor *convolve(struct making *m, struct tensor *x)
{
    const struct conv shape = {.kernel = 3, .stride = 1, .dilation = 1, .before = 1, .after = 1};
    const int bare = (int)below(m, 2);
    return op_conv1d(m->g, x, COLUMNS, &shape, bare, name_of(m, "conv"));
}

/* One more operation on what there is. */
static struct tensor *one_more(struct making *m)
{
    struct graph *g = m->g;
    struct tensor *x = any(m), *y = any(m);
    switch (below(m, 20)) {
    case 0:
    case 1:
        return op_linear(g, x, COLUMNS, name_of(m, "layer"));
    case 2:
        return op_bias(g, x, graph_bias(g, name_of(m, "bias"), COLUMNS, 1));
    case 3:
        return op_activation(g, x, below(m, 2) ? ACT_RELU : ACT_GELU, "act");
    case 4:
    case 5:
        return op_dropout(g, x, 0.25, name_of(m, "drop"));
    case 6:
    case 7:
        return op_add(g, x, y);
    case 8:
        return op_add(g, x, op_dropout(g, y, 0.25, name_of(m, "drop")));
    case 9:
        return op_add(g, x, position(m));
    case 10:
    case 11:
        return op_norm(g, x, name_of(m, "norm"));
    case 12:
        return attend(m, x);
    case 13:
        return op_linear(g, op_concat(g, x, y), COLUMNS, name_of(m, "join"));
    case 14:
        return op_batch_norm(g, x, graph_name("batch_norm.own%u", m->drawn));
    case 15:
        return below(m, 2) ? convolve(m, x) : op_max_pool(g, x, 1);
    case 16:
        return recur(m, x);
    case 17:
        return op_gate(g, x, y, below(m, 2) ? ACT_SILU : ACT_GELU_TANH);
    case 18:
        return attend_over(m, x, y);
    default:
        return same_again(m, x);
    }
}

/* Losses and values that a tensor ends in. */
static void end_in(struct making *m, struct tensor *x)
{
    struct graph *g = m->g;
    const size_t dim[] = {m->batch, COLUMNS};
    const enum pool_kind kind = (enum pool_kind)below(m, 3);
    struct tensor *z = op_pool(g, x, 0, kind, name_of(m, "pool")), *total;
    switch (below(m, 7)) {
    case 0:
        add_sink(m, op_sample_loss(g, z, graph_state(g, "target", DTYPE_F32, 2, dim), LOSS_KIND_MSE,
                                   NULL));
        break;
    case 1:
        add_sink(m, op_unit(g, z));
        break;
    case 2:
        add_sink(m, op_similarity(g, z, 1, &total));
        break;
    case 3:
        add_sink(m, op_nt_xent(g, z, op_pool(g, any(m), 0, POOL_MEAN, "pool"), 0.5, 1));
        break;
    default:
        add_sink(m, below(m, 2) ? z : x);
    }
}

/* Often a layer begins, or one ends; layers are of any operations. */
static void part_layers(struct making *m, size_t number)
{
    uint32_t word[4];
    philox(word, (uint32_t)number, 80, m->seed, 0, 1);
    if (word[0] % 3 == 0)
        graph_layer(m->g);
    else if (word[0] % 8 == 1)
        graph_layers_end(m->g);
}

/* Some of what nobody reads stays so: its operations get no gradient. */
static void build_random(struct making *m)
{
    const size_t more = 4 + below(m, 9);
    for (size_t i = 0; i < more; i++) {
        part_layers(m, i);
        struct tensor *y = one_more(m);
        m->pool[m->count++] = y;
    }
    part_layers(m, more);
    end_in(m, m->pool[m->count - 1]);
    for (size_t i = 0; i + 1 < m->count; i++) {
        const int read = tensor_base(m->pool[i])->readers != 0;
        if (read ? !below(m, 8) : below(m, 4) != 0)
            end_in(m, m->pool[i]);
    }
}

/* --- a run */

struct run {
    int mode;
    size_t batch, window;
    struct params *params;
    struct making m;
    struct plan *plan;
    uint32_t *samples;
    float *upstream; /* for each number of a sink */
};

/* A sink that begins its gradient itself. */
static int is_loss(const struct tensor *sink)
{
    return sink->rank == 1;
}

static void make_inputs(struct making *m)
{
    struct graph *g = m->g;
    g->sample = graph_state(g, "sample", DTYPE_U32, 1, &m->batch);
    for (size_t i = 0; i < 2; i++) {
        struct tensor *x = graph_state(g, i ? "second" : "first", DTYPE_F32, 3,
                                       (size_t[]){m->batch, m->window, COLUMNS});
        x->needs_grad = 1;
        m->input[i] = m->pool[m->count++] = x;
    }
}

static void keep_all(struct graph *g)
{
    for (size_t i = 0; i < g->op_count; i++)
        for (int k = 0; k < OP_OUTPUTS; k++)
            if (g->ops[i]->out[k])
                g->ops[i]->out[k]->keep = 1;
}

/* Gradients of inputs and sinks lie in states, which the test writes and reads. */
static void make_states(struct making *m)
{
    for (size_t i = 0; i < 2; i++) {
        struct tensor *x = m->input[i];
        x->grad = graph_state(m->g, "gradient", DTYPE_F32, x->rank, x->dim);
        x->grad_written = 1;
    }
    for (size_t i = 0; i < m->sinks; i++) {
        struct tensor *y = tensor_base(m->sink[i]);
        if (is_loss(y) || y->grad)
            continue;
        y->grad = graph_state(m->g, "upstream", DTYPE_F32, y->rank, y->dim);
        y->grad_written = 1;
    }
}

static void run_open(struct run *r, int mode, uint32_t seed, size_t batch, size_t window,
                     build_fn *build)
{
    static char *freeze[] = {"*.own*.weight", "*.bias"};
    *r = (struct run){.mode = mode, .batch = batch, .window = window};
    r->params = params_new(0);
    assert_non_null(r->params);
    if (mode & FROZEN)
        params_freeze(r->params, freeze, 2);
    struct graph *g = graph_new(r->params, batch, !(mode & EVALUATED));
    assert_non_null(g);
    g->recompute = (mode & RECOMPUTED) != 0;
    g->recompute_layers = mode & LAYERS ? SIZE_MAX : 0;
    g->products = mode & TAILS ? gemm_provider_find(products) : NULL;
    r->m = (struct making){.g = g, .batch = batch, .window = window, .seed = seed};
    op_store(g, mode & BFLOATS ? DTYPE_BF16 : DTYPE_F32);
    make_inputs(&r->m);
    build(&r->m);
    if (mode & APART)
        keep_all(g);
    if (!(mode & EVALUATED))
        make_states(&r->m);
    graph_fuse(g);
    r->plan = lower_graph(g, device, &err);
    if (!r->plan)
        fail_msg("%s", err.text);
    r->plan->scattered = (mode & SCATTERED) != 0;
    params_place(r->params, device_info(device)->base_align);
    OK(params_allocate(r->params, device, !(mode & EVALUATED), &err));
    OK(plan_place(r->plan, &err));
    OK(plan_check(r->plan, &err));
    OK(exec_prepare(r->plan, NULL, gemm_provider_find(products), &err));
    r->samples = room(batch * sizeof *r->samples);
    for (size_t b = 0; b < batch; b++)
        r->samples[b] = (uint32_t)(b * 7919 % 1009 + 5);
}

static void run_close(struct run *r)
{
    plan_free(r->plan);
    params_free(r->params);
    free(r->samples);
}

/* Numbers that the objective depends on: inputs, then parameters. */
static size_t sources(const struct run *r)
{
    return 2 + r->params->count;
}

static size_t source_elems(const struct run *r, size_t i)
{
    return i < 2 ? r->m.input[i]->elems : r->params->list[i - 2]->value.elems;
}

static const char *source_name(const struct run *r, size_t i)
{
    return i < 2 ? r->m.input[i]->name : r->params->list[i - 2]->value.name;
}

static int has_gradient(const struct run *r, size_t i)
{
    return i < 2 || r->params->list[i - 2]->group == PARAM_TRAINED;
}

/* +1 or -1 for each element of the source that is moved. */
static float direction(size_t source, size_t k)
{
    return draw((uint32_t)source + 500, k, -1, 1) < 0 ? -1 : 1;
}

/* Writes source i; moved by `by` along its direction. */
static void write_source(struct run *r, size_t i, double by)
{
    const size_t n = source_elems(r, i);
    const char *name = source_name(r, i);
    const int scale = strstr(name, "norm") && strstr(name, "weight");
    const int variance = strstr(name, "running_var") != NULL;
    const int weight = !scale && i >= 2 && r->params->list[i - 2]->value.rank > 1;
    float *x = room(n * sizeof *x);
    for (size_t k = 0; k < n; k++) {
        double low = scale || variance ? 0.5 : weight ? -0.6 : -1;
        x[k] = draw((uint32_t)i + 100, k, low, scale || variance ? 1.5 : -low);
        x[k] += (float)by * direction(i, k);
    }
    if (i < 2)
        OK(tensor_write(r->m.input[i], x, &err));
    else
        OK(params_write(r->params, i - 2, r->params->values, x, &err));
    free(x);
}

static void write_zeros(struct run *r, struct tensor *t)
{
    float *zero = room(tensor_bytes(t));
    OK(tensor_write(t, zero, &err));
    free(zero);
    (void)r;
}

/* What the objective multiplies number k of sink i with. */
static double upstream(const struct run *r, size_t i, size_t k)
{
    const struct tensor *y = r->m.sink[i];
    if (is_loss(y))
        return y->elems == 1 ? 1 : 1 / (double)r->batch;
    return (double)draw((uint32_t)i + 300, k, -1, 1);
}

/* Sinks that show one tensor share its gradient: the sum of what each multiplies. */
static void write_upstream(struct run *r)
{
    for (size_t i = 0; i < r->m.sinks; i++) {
        struct tensor *y = tensor_base(r->m.sink[i]);
        if (is_loss(r->m.sink[i]) || !y->grad || y->grad->kind != TENSOR_STATE)
            continue;
        float *dy = room(y->elems * sizeof *dy);
        for (size_t j = 0; j < r->m.sinks; j++)
            for (size_t k = 0; tensor_base(r->m.sink[j]) == y && k < y->elems; k++)
                dy[k] += (float)upstream(r, j, k);
        OK(tensor_write(y->grad, dy, &err));
        free(dy);
    }
}

/* Writes everything and runs; source `moved` by `by`. */
static void run_once(struct run *r, size_t moved, double by)
{
    const int training = !(r->mode & EVALUATED);
    const struct step step = {.count = (uint32_t)r->batch,
                              .group = (uint32_t)r->batch,
                              .epoch = 3,
                              .seed = {0x85a308d3, 0x243f6a88}};
    OK(tensor_write(r->plan->step, &step, &err));
    OK(tensor_write(r->m.g->sample, r->samples, &err));
    for (size_t i = 0; i < sources(r); i++) {
        if (source_elems(r, i) == 1 && strstr(source_name(r, i), "num_batches"))
            continue;
        write_source(r, i, i == moved ? by : 0);
        if (!training || !has_gradient(r, i))
            continue;
        float *zero = room(source_elems(r, i) * sizeof *zero);
        if (i < 2)
            write_zeros(r, r->m.input[i]->grad);
        else
            OK(params_write(r->params, i - 2, r->params->grads, zero, &err));
        free(zero);
    }
    if (training)
        write_upstream(r);
    OK(exec_run(r->plan, 0, r->plan->launch_count, &err));
}

static float *read_sink(struct run *r, size_t i)
{
    float *y = room(tensor_bytes(r->m.sink[i]));
    OK(tensor_read(r->m.sink[i], y, &err));
    return y;
}

static float *read_gradient(struct run *r, size_t i)
{
    float *dx = room(source_elems(r, i) * sizeof *dx);
    if (i < 2)
        OK(tensor_read(r->m.input[i]->grad, dx, &err));
    else
        OK(params_read(r->params, i - 2, r->params->grads, dx, &err));
    return dx;
}

static double objective(struct run *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->m.sinks; i++) {
        float *y = read_sink(r, i);
        for (size_t k = 0; k < r->m.sink[i]->elems; k++)
            sum += y[k] * upstream(r, i, k);
        free(y);
    }
    return sum;
}

/* --- comparisons */

static void tell(const struct run *r)
{
    for (size_t i = 0; i < r->m.g->op_count; i++) {
        const struct op *op = r->m.g->ops[i];
        if (!op)
            continue;
        print_message("  %s (%s):", op->path, op->class->name);
        for (int k = 0; k < OP_INPUTS; k++)
            if (op->in[k])
                print_message(" %s%s %p", op->in[k]->name, op->in[k]->of ? " (view)" : "",
                              (void *)tensor_base(op->in[k]));
        print_message(" ->");
        for (int k = 0; k < OP_OUTPUTS; k++)
            if (op->out[k])
                print_message(" %p", (void *)op->out[k]);
        print_message("\n");
    }
}

static double length(const float *x, size_t n)
{
    double square = 0;
    for (size_t k = 0; k < n; k++)
        square += (double)x[k] * x[k];
    return sqrt(square);
}

static void expect_close(const struct run *r, const char *what, const float *got, const float *want,
                         size_t n)
{
    const double typical = length(want, n) / sqrt((double)n);
    for (size_t k = 0; k < n; k++)
        if (!(fabs((double)got[k] - want[k]) <= 1e-4 * (fabs(want[k]) + typical) + 2e-6)) {
            tell(r);
            fail_msg("seed %u, B %zu, T %zu, mode %d: %s[%zu] is %.9g, apart %.9g", r->m.seed,
                     r->batch, r->window, r->mode, what, k, (double)got[k], (double)want[k]);
        }
}

static void expect_same(const struct run *r, const char *what, const float *got, const float *want,
                        size_t n)
{
    if (!memcmp(got, want, n * sizeof *got))
        return;
    tell(r);
    fail_msg("seed %u, B %zu, T %zu, mode %d: other bits of %s", r->m.seed, r->batch, r->window,
             r->mode, what);
}

/* Numbers that went through bfloat16, as a whole: one may lie on the other side of a kink. */
static void expect_near(const struct run *r, const char *what, const float *got, const float *want,
                        size_t n)
{
    double apart = 0;
    for (size_t k = 0; k < n; k++)
        apart += ((double)got[k] - want[k]) * ((double)got[k] - want[k]);
    if (!(sqrt(apart) <= 0.1 * length(want, n) + 0.02 * sqrt((double)n))) {
        tell(r);
        fail_msg("seed %u, B %zu, T %zu, mode %d: %s is %.3g from fp32, whose length is %.3g",
                 r->m.seed, r->batch, r->window, r->mode, what, sqrt(apart), length(want, n));
    }
}

typedef void expect_fn(const struct run *r, const char *what, const float *got, const float *want,
                       size_t n);

static void compare(struct run *r, struct run *with, expect_fn *expect)
{
    for (size_t i = 0; i < r->m.sinks; i++) {
        float *got = read_sink(r, i), *want = read_sink(with, i);
        expect(r, graph_name("sink %zu", i), got, want, r->m.sink[i]->elems);
        free(got);
        free(want);
    }
    for (size_t i = 0; !(r->mode & EVALUATED) && i < sources(r); i++) {
        if (!has_gradient(r, i))
            continue;
        float *got = read_gradient(r, i), *want = read_gradient(with, i);
        expect(r, graph_name("the gradient of %s", source_name(r, i)), got, want,
               source_elems(r, i));
        free(got);
        free(want);
    }
}

/* By how much the objective grows along the direction of a source. */
static double difference(struct run *r, size_t source, double h)
{
    run_once(r, source, h);
    double up = objective(r);
    run_once(r, source, -h);
    return (up - objective(r)) / (2 * h);
}

/* The gradients of a run against central differences along a direction of each source. Where a
 * step goes over a kink, a shorter one may not. */
static void check_differences(struct run *r)
{
    for (size_t i = 0; i < sources(r); i++) {
        if (!has_gradient(r, i))
            continue;
        run_once(r, i, 0);
        const size_t n = source_elems(r, i);
        const double noise = 2e-3 * (1 + fabs(objective(r)));
        float *dx = read_gradient(r, i);
        double want = 0, got = 0;
        int close = 0;
        for (size_t k = 0; k < n; k++)
            want += (double)dx[k] * direction(i, k);
        for (double h = 2e-3; h > 1e-4 && !close; h /= 4) {
            got = difference(r, i, h);
            close = fabs(got - want) <= 0.03 * length(dx, n) + noise;
        }
        if (!close) {
            tell(r);
            fail_msg("seed %u, B %zu, T %zu: the gradient of %s along a line is %.6g, by "
                     "differences %.6g",
                     r->m.seed, r->batch, r->window, source_name(r, i), want, got);
        }
        free(dx);
    }
}

static void check(uint32_t seed, size_t batch, size_t window, build_fn *build)
{
    static const struct {
        int mode;
        expect_fn *expect; /* against the fused run; NULL: closely against the one apart */
    } modes[] = {{SCATTERED, expect_same},
                 {RECOMPUTED, expect_same},
                 {RECOMPUTED | SCATTERED, expect_same},
                 {LAYERS, expect_same},
                 {LAYERS | RECOMPUTED | SCATTERED, expect_same},
                 {FROZEN, NULL},
                 {FROZEN | LAYERS | SCATTERED, NULL},
                 {FROZEN | RECOMPUTED | SCATTERED, NULL}};
    struct run apart, fused, other, evaluated;
    run_open(&apart, APART | SCATTERED, seed, batch, window, build);
    check_differences(&apart);
    run_once(&apart, 0, 0);
    run_open(&fused, 0, seed, batch, window, build);
    run_once(&fused, 0, 0);
    run_once(&fused, 0, 0); /* a plan can be run again */
    compare(&fused, &apart, expect_close);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        run_open(&other, modes[i].mode, seed, batch, window, build);
        run_once(&other, 0, 0);
        if (modes[i].expect)
            compare(&other, &fused, modes[i].expect);
        else
            compare(&other, &apart, expect_close);
        run_close(&other);
    }
    run_close(&fused);
    run_open(&fused, BFLOATS, seed, batch, window, build);
    run_once(&fused, 0, 0);
    compare(&fused, &apart, expect_near);
    for (int k = 0; k < 4; k++) {
        static const int same[] = {SCATTERED, RECOMPUTED, RECOMPUTED | SCATTERED,
                                   LAYERS | RECOMPUTED | SCATTERED};
        run_open(&other, BFLOATS | same[k], seed, batch, window, build);
        run_once(&other, 0, 0);
        compare(&other, &fused, expect_same);
        run_close(&other);
    }
    run_close(&fused);
    run_close(&apart);
    run_open(&apart, EVALUATED | APART | SCATTERED, seed, batch, window, build);
    run_open(&evaluated, EVALUATED, seed, batch, window, build);
    run_once(&apart, 0, 0);
    run_once(&evaluated, 0, 0);
    compare(&evaluated, &apart, expect_close);
    run_close(&evaluated);
    run_close(&apart);
}

/* --- compositions that were wrong once, or could be */

/* Linear layers drawn at random beside all else, most of them with an adapter. */
static void build_adapted(struct making *m)
{
    static char *target[] = {"*.own*", "*.shared0"};
    const struct adapter adapter = {
        .rank = 3, .alpha = 2, .dropout = 0.25, .target = target, .targets = 2};
    params_adapt(m->g->params, &adapter);
    build_random(m);
}

/* A sum of a tensor with itself. */
static void build_twice(struct making *m)
{
    add_sink(m, op_add(m->g, m->input[0], m->input[0]));
}

/* The same with dropout of one operand, which the kernel of the sum does. */
static void build_twice_dropped(struct making *m)
{
    struct tensor *h = op_linear(m->g, m->input[0], COLUMNS, "layer");
    struct tensor *s = op_add(m->g, h, op_dropout(m->g, h, 0.25, "drop"));
    add_sink(m, op_norm(m->g, s, "norm"));
}

/* A bias between a sum and a norm, which can add only one of them. */
static void build_biased_sum(struct making *m)
{
    struct graph *g = m->g;
    struct tensor *s = op_add(g, m->input[0], op_dropout(g, m->input[1], 0.25, "drop"));
    add_sink(m, op_norm(g, op_bias(g, s, graph_bias(g, "bias", COLUMNS, 1)), "norm"));
}

/* Two norms of one sum, which others read too. */
static void build_two_norms(struct making *m)
{
    struct graph *g = m->g;
    struct tensor *s = op_add(g, m->input[0], m->input[1]);
    struct tensor *y = op_norm(g, s, "first_norm"), *z = op_norm(g, s, "second_norm");
    add_sink(m, op_add(g, op_activation(g, s, ACT_GELU, "act"), op_add(g, y, z)));
}

/* A value, and a view of it, that are read by both passes of others. */
static void build_views(struct making *m)
{
    struct graph *g = m->g;
    struct tensor *h = op_linear(g, m->input[0], COLUMNS, "layer");
    struct tensor *v = same_again(m, h);
    struct tensor *a = op_activation(g, v, ACT_GELU, "act"), *b = op_norm(g, h, "norm");
    add_sink(m, op_add(g, a, op_add(g, b, v)));
    add_sink(m, v);
}

/* Layers whose bias, activation and dropout products can do, forward and backward. */
static void build_tailed(struct making *m)
{
    struct graph *g = m->g;
    struct tensor *h = op_linear(g, m->input[0], 32, "up");
    h = op_dropout(g, op_activation(g, h, ACT_GELU, "gelu"), 0.25, "drop");
    h = op_activation(g, op_linear(g, h, 48, "middle"), ACT_RRELU, "leak");
    graph_layer(g);
    h = op_linear(g, h, 32, "down");
    add_sink(m, op_linear(g, op_activation(g, h, ACT_RELU, "relu"), COLUMNS, "end"));
    graph_layer(g);
    add_sink(m, op_activation(g, h, ACT_SILU, "silu"));
}

/* Layers whose sums are cut, forward and backward: what adds their parts up has the tail. */
static void build_long(struct making *m)
{
    struct graph *g = m->g;
    struct tensor *h = op_activation(g, op_linear(g, m->input[0], 32, "short"), ACT_RELU, "relu");
    h = op_activation(g, op_linear(g, h, 1056, "long"), ACT_SILU, "silu");
    h = op_dropout(g, op_linear(g, h, 32, "short_again"), 0.25, "drop");
    add_sink(m, op_linear(g, h, COLUMNS, "end"));
}

/* A table of positions, and what a gradient is added to in front of a slope. */
static void build_placed(struct making *m)
{
    struct graph *g = m->g;
    struct tensor *h = op_add(g, op_linear(g, m->input[0], COLUMNS, "placed"), position(m));
    h = op_dropout(g, h, 0.25, "drop");
    add_sink(m, op_add(g, op_linear(g, h, COLUMNS, "first"), op_linear(g, h, COLUMNS, "second")));
}

/* The same bits with and without tails, and with weights that are rounded once: so many launches
 * less. */
static void check_tails(build_fn *build, int how, size_t spared)
{
    static const int modes[] = {0, SCATTERED, LAYERS | RECOMPUTED, EVALUATED};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct run plain, tailed;
        run_open(&plain, how | modes[i], 0, 3, 5, build);
        run_open(&tailed, how | modes[i] | TAILS, 0, 3, 5, build);
        if (!modes[i])
            assert_int_equal(plain.plan->launch_count - tailed.plan->launch_count, spared);
        run_once(&plain, 0, 0);
        run_once(&tailed, 0, 0);
        run_once(&tailed, 0, 0);
        compare(&tailed, &plain, expect_same);
        run_close(&plain);
        run_close(&tailed);
    }
}

static void test_tails(void **state)
{
    struct device *flat = device;
    if (open_device(state))
        fail_msg("%s", err.text);
    device_act_as_gpu(device);
    compile_quickly_for(device, 1);
    check_tails(build_tailed, 0, 7);
    check_tails(build_placed, 0, 2);
    check_tails(build_long, 0, 7);
    device_emulate_matrix(device, MATRIX_EMULATED);
    products = "bf16_products";
    gemm_round_from(1, 1);
    check_tails(build_tailed, BFLOATS, 2); /* four weights are rounded once */
    products = "own";
    close_device(state);
    device = flat;
}

static void test_cases(void **state)
{
    static build_fn *const builds[] = {build_twice, build_twice_dropped, build_biased_sum,
                                       build_two_norms, build_views};
    (void)state;
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        check((uint32_t)i, 3, 5, builds[i]);
        check((uint32_t)i, 1, 1, builds[i]);
    }
}

static void test_random(void **state)
{
    static const size_t batches[] = {3, 1, 9, 2}, windows[] = {5, 4, 1};
    const char *only = getenv("SEQTRAIN_TEST_SEED"), *most = getenv("SEQTRAIN_TEST_GRAPHS");
    const uint32_t count = most ? (uint32_t)atoi(most) : GRAPHS;
    (void)state;
    for (uint32_t seed = 0; seed < count; seed++)
        if (!only || (uint32_t)atoi(only) == seed) {
            compile_quickly_for(device, seed >= OPTIMISED);
            check(seed, batches[seed % 4], windows[seed % 3], build_random);
        }
}

static void test_adapted(void **state)
{
    static const size_t batches[] = {3, 1, 2}, windows[] = {5, 1};
    (void)state;
    for (uint32_t seed = 200; seed < 216; seed++)
        check(seed, batches[seed % 3], windows[seed % 2], build_adapted);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_adapted),
                                       cmocka_unit_test(test_tails)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("compose", tests, open_device, close_device);
}
