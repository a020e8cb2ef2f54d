/* SPDX-License-Identifier: MIT */
/*
 * What ops append to a graph where the numbers that come out cannot tell: dropout that a program
 * leaves out, programs that both passes share, and the operations that `seqtrain check` adds up.
 * Only a device's limits are needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/opencl.h"
#include "ops/ops.h"

enum { BATCH = 2, WINDOW = 5, ROWS = BATCH * WINDOW, COLUMNS = 12, ELEMS = ROWS * COLUMNS };

static struct device fake;

static struct graph *start(struct params *params)
{
    fake.info = (struct device_info){
        .is_cpu = 1, .base_align = 64, .max_alloc_bytes = 1 << 20, .max_group = 1024};
    struct graph *g = graph_new(&fake, params, BATCH, 1);
    assert_non_null(g);
    return g;
}

static struct tensor *input(struct graph *g, const char *name)
{
    struct tensor *t = graph_tensor2(g, name, ROWS, COLUMNS);
    t->needs_grad = 1;
    return t;
}

static struct launch *last(const struct graph *g, const char *name)
{
    for (size_t i = g->launch_count; i > 0; i--)
        if (!strcmp(g->launches[i - 1]->name, name))
            return g->launches[i - 1];
    fail_msg("no %s", name);
    return NULL;
}

static void expect_option(const struct launch *l, const char *option)
{
    if (!strstr(l->options, option))
        fail_msg("%s has not %s: %s", l->name, option, l->options);
}

/* A joint as `residual`, `named`, `p` and `handed_out` have it, or op_norm_relu(); both passes. */
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
    struct tensor *sample = graph_tensor2(g, "sample", 1, BATCH), *sum = NULL;
    struct drop drop = {.p = j->p, .sample = sample, .period = WINDOW, .path = "drop"};
    struct tensor *x = input(g, "x"), *residual = j->residual ? input(g, "residual") : NULL;
    const char *name = j->named ? "norm" : NULL;
    struct tensor *y = j->relu ? op_norm_relu(g, x, ROWS, COLUMNS, name, &drop)
                               : op_add_norm(g, x, residual, ROWS, COLUMNS, name, &drop,
                                             j->handed_out ? &sum : NULL);
    int added;
    if (y)
        graph_grad(g, y, &added);
    if (sum)
        graph_grad(g, sum, &added);
    graph_backward(g);
    const struct launch *forward = last(g, "norm_fwd"), *backward = last(g, "norm_bwd");
    assert_true(forward->flops == 10.0 * ELEMS);
    assert_true(backward->flops == 16.0 * ELEMS);
    assert_string_equal(forward->label, y ? "norm" : sum->name);
    assert_string_equal(backward->label, "grad.x");
    expect_option(forward, j->drop);
    expect_option(forward, j->more);
    expect_option(forward, j->relu ? "-DRELU=1" : "-DRELU=0");
    expect_option(forward, j->residual ? "-DRES=1" : "-DRES=0");
    expect_option(forward, j->named ? "-DNORM=1" : "-DNORM=0");
    assert_string_equal(backward->options, forward->options); /* one program */
    assert_int_equal(forward->groups, ROWS);
    graph_free(g);
    params_free(params);
}

static void test_norm(void **state)
{
    (void)state;
    static const struct joint joints[] = {
        {.residual = 1, .named = 1, .p = 0, .drop = "-DDROP=0", .more = "-DMORE=0"},
        {.residual = 1, .named = 1, .p = 0.1, .drop = "-DDROP=1", .more = "-DMORE=0"},
        {.residual = 0, .named = 1, .p = 0.1, .drop = "-DDROP=0", .more = "-DMORE=0"},
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
        struct drop drop = {.path = "drop"};
        struct tensor *x = input(g, "x"), *residual = input(g, "residual"), *sum;
        op_add_norm(g, x, residual, ROWS, COLUMNS, "norm", &drop, &sum);
        size_t forward = g->launch_count;
        int added;
        if (which)
            graph_grad(g, sum, &added);
        graph_backward(g);
        assert_int_equal(g->launch_count, forward + (size_t)which);
        assert_true((x->grad != NULL) == which && (residual->grad != NULL) == which);
        if (which)
            expect_option(last(g, "norm_bwd"), "-DNORM=0");
        graph_free(g);
    }
    params_free(params);
}

/* What --profile divides by the time: a gather reads and writes each number once. */
static void test_gather(void **state)
{
    (void)state;
    struct graph *g = start(NULL);
    struct tensor *table = graph_tensor2(g, "table", 100, 3);
    struct tensor *sample = graph_tensor2(g, "sample", 1, BATCH);
    struct tensor *y = op_gather_rows(g, "rows", table, sample, 2, WINDOW, 3);
    assert_int_equal(y->elems, BATCH * WINDOW * 3);
    assert_true(last(g, "gather_rows")->bytes == 8.0 * BATCH * WINDOW * 3);
    assert_true(last(g, "gather_rows")->flops == 0);
    assert_false(y->needs_grad);
    graph_free(g);
}

/* Programs of the optimizer take parameters in vectors as wide as a CPU's, or a GPU's. */
static void test_optimizer(void **state)
{
    (void)state;
    for (int cpu = 0; cpu < 2; cpu++) {
        struct graph *g = start(NULL);
        fake.info.is_cpu = cpu;
        struct tensor *value = graph_tensor2(g, "value", 1, BATCH);
        struct tensor *contrastive = graph_tensor2(g, "contrastive", 1, 1);
        op_loss_sum(g, (struct tensor *[TERMS_MOST]){value, contrastive},
                    (double[TERMS_MOST]){1, 0.5});
        expect_option(last(g, "loss_sum"), cpu ? "-DVEC=16" : "-DVEC=4");
        graph_free(g);
    }
}

/* Rows side by side are the tensor itself: nothing is launched. */
static void test_flatten(void **state)
{
    (void)state;
    struct graph *g = start(NULL);
    struct tensor *x = input(g, "x");
    size_t before = g->launch_count;
    assert_ptr_equal(op_pool(g, x, WINDOW, COLUMNS, 0, POOL_FLATTEN, "pool"), x);
    assert_int_equal(g->launch_count, before);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm),    cmocka_unit_test(test_norm_unused),
        cmocka_unit_test(test_gather),  cmocka_unit_test(test_optimizer),
        cmocka_unit_test(test_flatten),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("launches", tests, NULL, NULL);
}
