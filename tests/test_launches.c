/* SPDX-License-Identifier: MIT */
/*
 * What becomes of operations where the numbers that come out cannot tell: what goes together in one
 * kernel, dropout that a program leaves out, programs that both passes share, where gradients lie,
 * what is told of a misfit, and the operations that `seqtrain check` adds up. Only a device's
 * limits are needed.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/opencl.h"
#include "ir/fuse.h"
#include "lower/lower.h"
#include "ops/ops.h"

enum { BATCH = 2, WINDOW = 5, ROWS = BATCH * WINDOW, COLUMNS = 12, ELEMS = ROWS * COLUMNS };

static struct device fake;

static struct graph *start(struct params *params)
{
    fake.info = (struct device_info){
        .is_cpu = 1, .base_align = 64, .max_alloc_bytes = 1 << 20, .max_group = 1024};
    struct graph *g = graph_new(params, BATCH, 1);
    assert_non_null(g);
    g->sample = graph_state(g, "sample", DTYPE_U32, 1, (size_t[]){BATCH});
    return g;
}

static struct tensor *input(struct graph *g, const char *name)
{
    struct tensor *t = graph_state(g, name, DTYPE_F32, 3, (size_t[]){BATCH, WINDOW, COLUMNS});
    t->needs_grad = 1;
    return t;
}

/* Fused and lowered; `grads`, up to NULL, get a gradient from elsewhere. */
static struct plan *lowered(struct graph *g, struct tensor *const *grads)
{
    struct error err = {0};
    for (; grads && *grads; grads++) {
        (*grads)->grad = graph_state(g, "upstream", DTYPE_F32, (*grads)->rank, (*grads)->dim);
        (*grads)->grad_written = 1;
    }
    graph_fuse(g);
    struct plan *p = lower_graph(g, &fake, &err);
    if (!p)
        fail_msg("%s", err.text);
    return p;
}

static size_t count_of(const struct plan *p, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < p->launch_count; i++)
        count += !strcmp(p->launches[i]->name, name);
    return count;
}

static struct launch *last(const struct plan *p, const char *name)
{
    for (size_t i = p->launch_count; i > 0; i--)
        if (!strcmp(p->launches[i - 1]->name, name))
            return p->launches[i - 1];
    fail_msg("no %s", name);
    return NULL;
}

static void expect_option(const struct launch *l, const char *option)
{
    if (!strstr(l->options, option))
        fail_msg("%s has not %s: %s", l->name, option, l->options);
}

/* The joint of two layers, of plain ops; both passes. */
struct joint {
    int residual, named, handed_out, relu;
    double p;
    const char *drop, *more; /* what the program of the forward pass is made with */
};

static void norm(const struct joint *j)
{
    struct params *params = params_new(0);
    assert_non_null(params);
    struct graph *g = start(params);
    struct tensor *x = input(g, "x"), *s = x, *y = NULL;
    if (j->residual)
        s = op_add(g, input(g, "residual"), op_dropout(g, x, j->p, "drop"));
    if (j->named)
        y = op_norm(g, s, "norm");
    if (j->relu)
        y = op_dropout(g, op_activation(g, y, ACT_RELU, "act"), j->p, "drop");
    s->keep = j->handed_out;
    struct plan *p =
        lowered(g, (struct tensor *[]){y ? y : s, y && j->handed_out && s != x ? s : NULL, NULL});
    const struct launch *forward = last(p, "norm_fwd"), *backward = last(p, "norm_bwd");
    assert_int_equal(p->launch_count, 2 + (size_t)(y != NULL)); /* gamma and beta in one */
    assert_true(forward->flops == 10.0 * ELEMS);
    assert_true(backward->flops == 16.0 * ELEMS);
    assert_string_equal(forward->label, y ? "norm" : "sum.x");
    assert_string_equal(backward->label, "grad.x");
    expect_option(forward, j->drop);
    expect_option(forward, j->more);
    expect_option(forward, j->relu ? "-DRELU=1" : "-DRELU=0");
    expect_option(forward, j->residual ? "-DRES=1" : "-DRES=0");
    expect_option(forward, j->named ? "-DNORM=1" : "-DNORM=0");
    assert_string_equal(backward->options, forward->options); /* one program */
    assert_int_equal(forward->groups, ROWS);
    plan_free(p);
    params_free(params);
}

static void test_norm(void **state)
{
    (void)state;
    static const struct joint joints[] = {
        {.residual = 1, .named = 1, .p = 0, .drop = "-DDROP=0", .more = "-DMORE=0"},
        {.residual = 1, .named = 1, .p = 0.1, .drop = "-DDROP=1", .more = "-DMORE=0"},
        {.residual = 0, .named = 1, .p = 0, .drop = "-DDROP=0", .more = "-DMORE=0"},
        {.residual = 1,
         .named = 1,
         .handed_out = 1,
         .p = 0,
         .drop = "-DDROP=0",
         .more = "-DMORE=1"},
        {.residual = 0,
         .named = 1,
         .handed_out = 1,
         .p = 0,
         .drop = "-DDROP=0",
         .more = "-DMORE=0"},
        {.residual = 1, .handed_out = 1, .p = 0.1, .drop = "-DDROP=1", .more = "-DMORE=1"},
        {.named = 1, .relu = 1, .p = 0, .drop = "-DDROP=0", .more = "-DMORE=0"},
        {.named = 1, .relu = 1, .p = 0.1, .drop = "-DDROP=2", .more = "-DMORE=0"},
    };
    for (size_t i = 0; i < sizeof joints / sizeof *joints; i++)
        norm(&joints[i]);
}

/* A norm that nobody uses gets no gradient, and its parameters none. */
static void test_norm_unused(void **state)
{
    (void)state;
    struct params *params = params_new(0);
    assert_non_null(params);
    for (int which = 0; which < 2; which++) {
        struct graph *g = start(params);
        struct tensor *x = input(g, "x"), *residual = input(g, "residual");
        struct tensor *sum = op_add(g, residual, x);
        op_norm(g, sum, "norm");
        sum->keep = 1;
        struct plan *p = lowered(g, (struct tensor *[]){which ? sum : NULL, NULL});
        assert_int_equal(p->launch_count, 1 + (size_t)which);
        assert_true((x->grad != NULL) == which && (residual->grad != NULL) == which);
        if (which)
            expect_option(last(p, "norm_bwd"), "-DNORM=0");
        plan_free(p);
    }
    params_free(params);
}

/* What --profile divides by the time: a gather reads and writes each number once. */
static void test_gather(void **state)
{
    (void)state;
    struct graph *g = start(NULL);
    struct tensor *table = graph_state(g, "table", DTYPE_F32, 2, (size_t[]){100, 3});
    struct tensor *y = op_gather_rows(g, "rows", table, 2, WINDOW);
    assert_int_equal(y->elems, BATCH * WINDOW * 3);
    assert_false(y->needs_grad);
    struct plan *p = lowered(g, NULL);
    assert_true(last(p, "gather_rows")->bytes == 8.0 * BATCH * WINDOW * 3);
    assert_true(last(p, "gather_rows")->flops == 0);
    plan_free(p);
}

/* Programs of the optimizer take parameters in vectors as wide as a CPU's, or a GPU's. */
static void test_optimizer(void **state)
{
    (void)state;
    for (int cpu = 0; cpu < 2; cpu++) {
        struct graph *g = start(NULL);
        fake.info.is_cpu = cpu;
        struct tensor *value = graph_state(g, "value", DTYPE_F32, 1, (size_t[]){BATCH});
        struct tensor *contrastive = graph_state(g, "c", DTYPE_F32, 1, (size_t[]){1});
        op_loss_sum(g, (struct tensor *[TERMS_MOST]){value, contrastive},
                    (double[TERMS_MOST]){1, 0.5}, op_metrics(g));
        struct plan *p = lowered(g, NULL);
        expect_option(last(p, "loss_sum"), cpu ? "-DVEC=16" : "-DVEC=4");
        plan_free(p);
    }
}

/* Rows side by side are the tensor itself: nothing is launched. */
static void test_flatten(void **state)
{
    (void)state;
    struct graph *g = start(NULL);
    struct tensor *x = input(g, "x"), *y = op_pool(g, x, 0, POOL_FLATTEN, "pool");
    assert_ptr_equal(tensor_base(y), x);
    assert_true(y->rank == 2 && y->dim[0] == BATCH && y->dim[1] == WINDOW * COLUMNS);
    struct plan *p = lowered(g, NULL);
    assert_int_equal(p->launch_count, 0);
    plan_free(p);
}

/* --- what goes together */

/* A linear layer with all that may follow it is a product and one kernel. */
static void test_fused_tail(void **state)
{
    (void)state;
    for (int act = ACT_NONE; act <= ACT_GELU; act++) {
        struct params *params = params_new(0);
        struct graph *g = start(params);
        struct tensor *y = op_linear(g, input(g, "x"), 7, "layer");
        y = op_activation(g, y, (enum act)act, "act");
        y = op_dropout(g, y, 0.5, "drop");
        struct plan *p = lowered(g, (struct tensor *[]){y, NULL});
        assert_int_equal(count_of(p, "bias_fwd"), 1);
        assert_int_equal(count_of(p, "bias_bwd"), 1);
        expect_option(last(p, "bias_fwd"), "-DBIAS=1 -DPOS=0 -DDROP=1");
        struct words does = {""};
        const struct op *made = y->maker;
        made->class->describe(made, &does);
        assert_string_equal(does.text, act == ACT_GELU   ? "bias, GELU, dropout"
                                       : act == ACT_RELU ? "bias, ReLU, dropout"
                                                         : "bias, dropout");
        expect_option(last(p, "bias_fwd"), act == ACT_GELU   ? "-DACT=2"
                                           : act == ACT_RELU ? "-DACT=1"
                                                             : "-DACT=0");
        plan_free(p);
        params_free(params);
    }
}

/* Stages that do not come in the order of the kernel are kernels of their own, and what somebody
 * else reads is made. */
static void test_not_fused(void **state)
{
    (void)state;
    struct params *params = params_new(0);
    struct graph *g = start(params);
    struct tensor *x = input(g, "x");
    struct tensor *y = op_activation(g, op_dropout(g, x, 0.5, "drop"), ACT_RELU, "act");
    struct plan *p = lowered(g, (struct tensor *[]){y, NULL});
    assert_int_equal(count_of(p, "bias_fwd"), 2);
    plan_free(p);

    /* a dropped and an undropped reader of the biased rows */
    g = start(params);
    y = op_linear(g, input(g, "x"), COLUMNS, "layer");
    struct tensor *dropped = op_dropout(g, y, 0.5, "drop");
    p = lowered(g, (struct tensor *[]){op_add(g, y, dropped), NULL});
    assert_int_equal(count_of(p, "bias_fwd"), 1);
    assert_int_equal(count_of(p, "norm_fwd"), 1); /* the sum, with the dropout in it */
    expect_option(last(p, "norm_fwd"), "-DDROP=1");
    plan_free(p);

    /* positions and an activation */
    g = start(params);
    y = op_add(g, input(g, "x"),
               graph_state(g, "positions", DTYPE_F32, 2, (size_t[]){WINDOW, COLUMNS}));
    y = op_activation(g, y, ACT_GELU, "act");
    p = lowered(g, (struct tensor *[]){y, NULL});
    assert_int_equal(count_of(p, "bias_fwd"), 2);
    plan_free(p);

    /* two layers that draw */
    g = start(params);
    y = op_activation(g, input(g, "x"), ACT_RRELU, "act");
    y = op_dropout(g, y, 0.5, "drop");
    p = lowered(g, (struct tensor *[]){y, NULL});
    assert_int_equal(count_of(p, "bias_fwd"), 2);
    plan_free(p);
    params_free(params);
}

/* --- gradients */

static int writes(const struct launch *l, const struct tensor *t, enum arg_kind kind)
{
    for (unsigned a = 0; a < l->args; a++)
        if (l->arg[a].tensor == t && l->arg[a].kind == kind)
            return 1;
    return 0;
}

/* The gradient of a linear layer's tail lies over what the product made, which nobody reads any
 * more; where its reader's backward pass does, it does not. */
static void test_gradient_in_place(void **state)
{
    (void)state;
    for (int read = 0; read < 2; read++) {
        struct params *params = params_new(0);
        struct graph *g = start(params);
        struct tensor *x = input(g, "x");
        struct tensor *h =
            op_product(g, x, graph_weight(g, "w", 2, (size_t[]){COLUMNS, COLUMNS}, 1));
        struct tensor *other = read ? op_norm(g, h, "norm") : NULL;
        struct tensor *y = op_activation(g, h, ACT_GELU, "act");
        struct plan *p = lowered(g, (struct tensor *[]){y, other, NULL});
        assert_int_equal(writes(last(p, "bias_bwd"), h, ARG_WRITE), !read);
        plan_free(p);
        params_free(params);
    }
}

/* A class that reads what it does not declare is told. */
static void sly_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, "sly", op->in[0]);
}

static void sly_forward(struct plan *p, struct op *op)
{
    struct launch *l = plan_kernel(p, "none.cl", "sly", 1, 1, "%s", "");
    launch_read(l, op->in[0]);
    launch_write(l, op->out[0]);
}

static void sly_back(struct plan *p, struct op *op)
{
    struct launch *l = plan_kernel(p, "none.cl", "sly_back", 1, 1, "%s", "");
    launch_read(l, op->out[0]);
    launch_write(l, lower_grad_fresh(p, op, 0));
}

static void test_undeclared_read(void **state)
{
    (void)state;
    static const struct op_class sly = {
        .name = "sly", .infer = sly_infer, .forward = sly_forward, .back = sly_back};
    struct error err = {0};
    struct graph *g = start(NULL);
    struct tensor *x = input(g, "x");
    struct tensor *y = graph_op(g, &sly, "layer", NULL, 1, (struct tensor *[]){x})->out[0];
    struct plan *p = lowered(g, (struct tensor *[]){y, NULL});
    assert_int_equal(plan_place(p, &err), -1);
    assert_non_null(strstr(err.text, "layer (sly) reads sly in its backward pass"));
    plan_free(p);
}

/* Two that can only write: what the second one wrote is added. */
static void test_two_readers(void **state)
{
    (void)state;
    struct params *params = params_new(0);
    struct graph *g = start(params);
    struct tensor *x = input(g, "x");
    struct tensor *a = op_activation(g, x, ACT_GELU, "a"), *b = op_activation(g, x, ACT_RELU, "b");
    struct plan *p = lowered(g, (struct tensor *[]){a, b, NULL});
    assert_int_equal(count_of(p, "bias_bwd"), 2);
    assert_int_equal(count_of(p, "add_parts"), 1);
    assert_true(writes(last(p, "add_parts"), x->grad, ARG_UPDATE));
    plan_free(p);
    params_free(params);
}

/* What needs no gradient gets none: neither frozen weights nor what stands in front of them. */
static void test_frozen(void **state)
{
    (void)state;
    for (int frozen = 0; frozen < 2; frozen++) {
        struct params *params = params_new(0);
        struct graph *g = start(params);
        struct tensor *w = graph_weight(g, "w", 2, (size_t[]){COLUMNS, COLUMNS}, 1);
        struct tensor *x = input(g, "x");
        x->needs_grad = 0;
        w->needs_grad = !frozen;
        struct tensor *y = op_activation(g, op_product(g, x, w), ACT_GELU, "act");
        assert_int_equal(y->needs_grad, !frozen);
        struct plan *p = lowered(g, (struct tensor *[]){y, NULL});
        assert_int_equal(count_of(p, "gemm"), frozen ? 1 : 2);
        assert_int_equal(count_of(p, "bias_bwd"), !frozen);
        assert_null(x->grad);
        plan_free(p);
        params_free(params);
    }
}

/* --- misfits */

static void expect_fault(struct graph *g, const char *a, const char *b)
{
    struct error err = {0};
    struct plan *p = lower_graph(g, &fake, &err);
    assert_null(p);
    assert_int_equal(err.status, STATUS_USAGE);
    if (!strstr(err.text, a) || !strstr(err.text, b))
        fail_msg("%s", err.text);
}

/* Each names the op and both shapes; what follows a fault does nothing. */
static void test_misfits(void **state)
{
    (void)state;
    struct params *params = params_new(0);
    struct graph *g = start(params);
    struct tensor *x = input(g, "x");
    op_product(g, x, graph_weight(g, "narrow", 2, (size_t[]){4, 5}, 1));
    op_linear(g, op_norm(g, x, "after"), 3, "later");
    expect_fault(g, "narrow (linear)", "x is [2, 5, 12], narrow is [4, 5]");

    g = start(params);
    op_bias(g, input(g, "x"), graph_bias(g, "b", 11, 1));
    expect_fault(g, "x (pointwise)", "x is [2, 5, 12], b is [11]");

    g = start(params);
    op_add(g, input(g, "x"), graph_state(g, "p", DTYPE_F32, 2, (size_t[]){4, COLUMNS}));
    expect_fault(g, "x (pointwise)", "x is [2, 5, 12], p is [4, 12]");

    g = start(params);
    op_attention(g, input(g, "x"), 3, &(struct attend){0}, 0, "attend");
    expect_fault(g, "attend (attention)", "x is [2, 5, 12]");

    g = start(params);
    op_concat(g, input(g, "x"), graph_state(g, "y", DTYPE_F32, 3, (size_t[]){BATCH, 4, 3}));
    expect_fault(g, "join (concat)", "x is [2, 5, 12], y is [2, 4, 3]");

    g = start(params);
    graph_view(g, input(g, "x"), 2, (size_t[]){BATCH, 50});
    expect_fault(g, "x is [2, 5, 12]", "[2, 50]");

    g = start(params);
    op_sample_loss(g, input(g, "x"), graph_state(g, "t", DTYPE_F32, 2, (size_t[]){BATCH, 7}),
                   LOSS_KIND_MSE, NULL);
    expect_fault(g, "loss (sample loss)", "x is [2, 5, 12], t is [2, 7]");
    params_free(params);
}

/* Layers of 1024 units in both directions over 240 rows, as configs/fleet.ini has them, on a GPU.
 */
enum { LAYERS = 4, B = 128, T = 240, H = 1024 };
static struct plan *fleet(struct params *params, enum device_barrier barrier,
                          enum device_matrix matrix, enum dtype stored)
{
    struct graph *g = start(params);
    op_store(g, stored);
    const struct cell cell = {.kind = CELL_KIND_LSTM, .hidden = H, .bidirectional = 1};
    fake.counts = 1;
    fake.budget = UINT64_C(1) << 40;
    fake.info = (struct device_info){.base_align = 512,
                                     .max_alloc_bytes = UINT64_C(1) << 40,
                                     .max_group = 1024,
                                     .local_bytes = 48 << 10,
                                     .compute_units = 132,
                                     .resident = 132,
                                     .barrier = barrier,
                                     .matrix = matrix,
                                     .keeps = DEVICE_WALK_KEEPS};
    struct tensor *x = graph_state(g, "x", DTYPE_F32, 3, (size_t[]){B, T, 8});
    for (size_t layer = 0; layer < LAYERS; layer++)
        x = op_recurrent(g, x, &cell, "core", layer);
    return lowered(g, (struct tensor *[]){x, NULL});
}

/* A step of a layer is a launch. What it multiplies and moves is counted once. */
static void test_recurrent(void **state)
{
    (void)state;
    struct params *params = params_new(0);
    struct plan *p = fleet(params, BARRIER_NONE, MATRIX_NONE, DTYPE_F32);
    assert_int_equal(count_of(p, "recurrent_tiles_fwd"), LAYERS * T);
    assert_int_equal(count_of(p, "recurrent_tiles_bwd"), LAYERS * T);
    assert_int_equal(count_of(p, "recurrent_tiles_pack"), LAYERS * 2);
    assert_in_range(p->launch_count, 1, 2000);
    const double weights = 2 * 4.0 * H * H;
    const struct launch *l = last(p, "recurrent_tiles_fwd");
    assert_true(l->groups == 128 && l->lanes == 256);
    assert_true(l->flops >= 2 * B * weights && l->flops <= 2.1 * B * weights);
    assert_true(l->bytes >= 4 * weights && l->bytes <= 8 * weights);
    expect_option(l, "-DGRID=0");
    plan_free(p);
    params_free(params);
}

/* With a barrier of all work-groups a pass of a layer is one. */
static void test_recurrent_walk(void **state)
{
    (void)state;
    struct params *params = params_new(0), *again = params_new(0);
    struct plan *p = fleet(params, BARRIER_NONE, MATRIX_NONE, DTYPE_F32),
                *walk = fleet(again, BARRIER_PTX, MATRIX_NONE, DTYPE_F32);
    assert_int_equal(count_of(walk, "recurrent_tiles_fwd"), LAYERS);
    assert_int_equal(count_of(walk, "recurrent_tiles_bwd"), LAYERS);
    assert_int_equal(p->launch_count - walk->launch_count, LAYERS * 2 * (T - 1));
    assert_in_range(walk->launch_count, 1, 100);
    const struct launch *l = last(walk, "recurrent_tiles_bwd");
    double flops = 0, bytes = 0;
    for (size_t i = 0; i < p->launch_count; i++)
        if (p->launches[i]->name == last(p, "recurrent_tiles_bwd")->name) {
            flops += p->launches[i]->flops / LAYERS;
            bytes += p->launches[i]->bytes / LAYERS;
        }
    assert_true(fabs(l->flops - flops) <= 1e-9 * flops);
    assert_true(l->bytes < bytes && l->bytes > 0.5 * bytes); /* a quarter of W_hh stays */
    assert_true(l->groups == 128);
    expect_option(l, "-DGRID=2");
    expect_option(l, "-DKEEP=32");
    plan_free(p);
    plan_free(walk);
    params_free(params);
    params_free(again);
    buffer_free(fake.alarm);
    fake = (struct device){.info = fake.info};
}

/* By matrix units state and W_hh move as halves, and all of a forward block of W_hh stays. */
static void test_recurrent_matrix(void **state)
{
    (void)state;
    struct params *params = params_new(0), *again = params_new(0);
    struct plan *vector = fleet(params, BARRIER_PTX, MATRIX_NONE, DTYPE_BF16);
    struct plan *p = fleet(again, BARRIER_PTX, MATRIX_PTX, DTYPE_BF16);
    for (int back = 0; back < 2; back++) {
        const char *name = back ? "recurrent_tiles_bwd" : "recurrent_tiles_fwd";
        const struct launch *l = last(p, name), *was = last(vector, name);
        assert_true(l->groups == 128 && l->lanes == 256);
        assert_true(fabs(l->flops + l->beside - was->flops) <= 1e-9 * was->flops);
        assert_true(l->matrix == 1 + DTYPE_BF16 && !was->matrix);
        assert_true(l->beside < 0.05 * l->flops && l->local < 0.25 * was->local);
        assert_true(l->loads < 0.55 * was->loads);
        expect_option(l, back ? "-DTK=128 -DSLICES=4 " : "-DTK=64 -DSLICES=1 ");
        expect_option(l, back ? " -DMMA=1 -DWM=2 -DWN=1" : " -DMMA=1 -DWM=4 -DWN=2");
        expect_option(l, back ? "-DKEEP=14 " : "-DKEEP=16 ");
    }
    plan_free(vector);
    plan_free(p);
    params_free(params);
    params_free(again);
    buffer_free(fake.alarm);
    fake = (struct device){.info = fake.info};
}

/* The gradient of a table: a walk over all rows on a CPU, and where groups are small; else rows are
 * sorted by their numbers, 9 bits of these in a launch, and then summed. A launch counts no more
 * rows of the table than there are numbers. */
static void embedding(size_t numbers, int is_cpu, size_t group, size_t sorts, const size_t *groups)
{
    enum { D = 36, N = 2000 };
    struct params *params = params_new(0);
    assert_non_null(params);
    struct graph *g = start(params);
    fake.info.is_cpu = is_cpu;
    fake.info.max_group = group;
    struct tensor *number = graph_state(g, "number", DTYPE_U32, 2, (size_t[]){1, N});
    struct tensor *y = op_embedding(g, number, numbers, D, "table");
    struct plan *p = lowered(g, (struct tensor *[]){y, NULL});
    const double rows = numbers < N ? (double)numbers : N, dy = 4.0 * N * D;
    assert_true(fabs(last(p, "embedding_fwd")->bytes - (4 * rows * D + dy + 4 * N)) <= 1);
    assert_int_equal(count_of(p, "embedding_bwd"), !sorts);
    assert_int_equal(count_of(p, "embedding_sort"), sorts);
    assert_int_equal(p->launch_count, 1 + (sorts ? sorts + 1 : 1));
    for (size_t i = 0; i < sorts; i++)
        assert_true(p->launches[1 + i]->groups == groups[i] && p->launches[1 + i]->lanes == 256);
    const struct launch *l = p->launches[p->launch_count - 1];
    const double items = sorts ? 8 * 2048 : 4 * N; /* with what fills the order up */
    assert_true(fabs(l->bytes - (8 * rows * D + dy + items)) <= 1);
    assert_true(l->longest > 0 && l->chain > 0);
    if (sorts) {
        assert_int_equal(l->groups, 32 * 2); /* pieces of 64 rows, columns by 32 */
        expect_option(l, "-DVEC=4 -DLANES=8 -DTEAMS=32");
    }
    plan_free(p);
    params_free(params);
}

static void test_embedding(void **state)
{
    (void)state;
    embedding(65, 1, 1024, 0, NULL);
    embedding(65, 0, 128, 0, NULL);
    embedding(1, 0, 256, 1, (size_t[]){2});
    embedding(65, 0, 1024, 1, (size_t[]){66});
    embedding(511, 0, 1024, 1, (size_t[]){512});
    embedding(512, 0, 1024, 2, (size_t[]){32, 17});
    embedding(50257, 0, 1024, 2, (size_t[]){256, 197});
    embedding(300000, 0, 1024, 3, (size_t[]){128, 128, 19});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_norm_unused),
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_optimizer),
        cmocka_unit_test(test_flatten),
        cmocka_unit_test(test_fused_tail),
        cmocka_unit_test(test_not_fused),
        cmocka_unit_test(test_gradient_in_place),
        cmocka_unit_test(test_undeclared_read),
        cmocka_unit_test(test_two_readers),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_recurrent),
        cmocka_unit_test(test_recurrent_walk),
        cmocka_unit_test(test_recurrent_matrix),
        cmocka_unit_test(test_embedding),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("launches", tests, NULL, NULL);
}
