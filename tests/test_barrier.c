/* SPDX-License-Identifier: MIT */
/*
 * Recurrent layers that walk through all steps in one launch, with a barrier of all work-groups:
 * the same bits as with a launch a step, of what comes out and of every gradient; and the barrier
 * itself, which never waits for ever. On a CPU kernels are cut as for a GPU, and there are no more
 * work-groups than threads.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "device/opencl.h"
#include "exec/exec.h"
#include "ir/fuse.h"
#include "lower/lower.h"
#include "ok.h"
#include "ops/ops.h"
#include "quarantine.h"
#include "quickly.h"
#include "util/philox.h"

enum { STEPS, WALKS, WAYS };
enum {
    THREADS = 6
}; /* of PoCL, whatever cores there are: as many groups can wait for each other */
static struct device *way[WAYS];
static size_t wider; /* what layers must have so that they are cut in tiles */
static enum device_matrix own;

static int open_ways(void **state)
{
    (void)state;
    const struct device_options options = {
        .select = chosen_device(), .memory_fraction = 0.9, .threads = -1};
    char threads[8];
    snprintf(threads, sizeof threads, "%d", THREADS);
    setenv("POCL_MAX_PTHREAD_COUNT", threads, 1);
    setenv("POCL_CPU_MAX_CU_COUNT", threads, 1); /* its later name */
    for (int i = 0; i < WAYS; i++)
        if (!(way[i] = device_open(&options, &err))) {
            print_error("%s\n", err.text);
            return -1;
        }
    quarantine_for(way[0]);
    own = device_info(way[0])->matrix;
    compile_quickly_for(way[0], device_info(way[0])->is_cpu);
    if (device_info(way[0])->is_cpu)
        for (int i = 0; i < WAYS; i++) {
            device_act_as_gpu(way[i]);
            if (device_try_barrier(way[i], &err)) {
                print_message("%s\n", err.text);
                way[i]->info.barrier = BARRIER_NONE;
            }
        }
    else
        wider = 256;
    way[STEPS]->info.barrier = BARRIER_NONE;
    return 0;
}

static int close_ways(void **state)
{
    (void)state;
    for (int i = 0; i < WAYS; i++)
        device_close(way[i]);
    return 0;
}

static void needs_barrier(void)
{
    if (way[WALKS]->info.barrier == BARRIER_NONE) {
        print_message("the device has no barrier of all work-groups\n");
        skip();
    }
}

/* --- layers */

struct shape {
    enum cell_kind kind;
    size_t batch, window, hidden;
    int both, carries;
    enum dtype stored;
    enum device_matrix matrix; /* its units multiply, or a GPU's own */
    unsigned keeps, kept[2];   /* at most so many pieces of W_hh stay (0: as the device has
                                  it), which are so many turns of it forward and backward */
};

/* The device's units, or emulated ones; or none. */
static enum device_matrix take_units(struct device *dev, enum device_matrix wanted)
{
    const enum device_matrix taken = wanted && own ? own : wanted;
    device_emulate_matrix(dev, taken);
    return taken;
}

enum { IN = 3 };

static float *drawn(size_t n, uint32_t stream, double most)
{
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        uint32_t word[4];
        philox(word, (uint32_t)i, stream, 0, 0, 5);
        x[i] = (float)(most * (2 * philox_unit(word[0]) - 1));
    }
    return x;
}

static void write_drawn(struct tensor *t, uint32_t stream, double most)
{
    float *x = drawn(t->elems, stream, most);
    OK(tensor_write(t, x, &err));
    free(x);
}

static struct plan *placed(struct graph *g, struct device *dev)
{
    struct params *params = g->params;
    graph_fuse(g);
    struct plan *p = lower_graph(g, dev, &err);
    if (!p)
        fail_msg("%s", err.text);
    params_place(params, device_info(dev)->base_align);
    OK(params_allocate(params, dev, g->training, &err));
    p->scattered = 1;
    OK(plan_place(p, &err));
    OK(plan_check(p, &err));
    OK(exec_prepare(p, NULL, gemm_provider_find("own"), &err));
    for (size_t i = 0; i < params->count; i++) {
        float *values = drawn(params->list[i]->value.elems, (uint32_t)(10 + i), 0.3);
        OK(params_write(params, i, params->values, values, &err));
        free(values);
    }
    return p;
}

static size_t count_of(const struct plan *p, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < p->launch_count; i++)
        count += !strcmp(p->launches[i]->name, name);
    return count;
}

static const struct launch *launch_of(const struct plan *p, const char *name)
{
    for (size_t i = 0; i < p->launch_count; i++)
        if (!strcmp(p->launches[i]->name, name))
            return p->launches[i];
    fail_msg("no launch of %s", name);
    return NULL;
}

static void expect_option(const struct launch *l, const char *name, unsigned value)
{
    char option[32];
    snprintf(option, sizeof option, " -D%s=%u ", name, value);
    if (!strstr(l->options, option))
        fail_msg("%s has no%sin %s", l->name, option, l->options);
}

/* y and the gradients of the parameters, one behind the other, after two runs, the second of which
 * goes on where the first ended if the layer carries its state. */
static float *made(struct device *dev, const struct shape *s, size_t *n)
{
    const struct cell cell = {
        .kind = s->kind, .hidden = s->hidden + wider, .bidirectional = s->both};
    struct params *params = params_new(0);
    struct graph *g = graph_new(params, s->batch, !s->carries);
    const enum device_matrix matrix = take_units(dev, s->matrix);
    const unsigned keeps = dev->info.keeps;
    dev->info.keeps = s->keeps ? s->keeps : keeps;
    const size_t dim[] = {s->batch, s->window, IN};
    struct tensor *x = graph_state(g, "x", DTYPE_F32, 3, dim), *up = NULL;
    g->carries = s->carries;
    op_store(g, s->stored);
    x->needs_grad = !s->carries;
    struct tensor *y = graph_keep(g, op_recurrent(g, x, &cell, "core", 0));
    if (!s->carries) {
        y->grad = up = graph_state(g, "upstream", DTYPE_F32, y->rank, y->dim);
        y->grad_written = 1;
    }
    struct plan *p = placed(g, dev);
    dev->info.keeps = keeps;
    const int walks = dev->info.barrier != BARRIER_NONE;
    assert_int_equal(count_of(p, "recurrent_tiles_fwd"), walks ? 1 : s->window);
    assert_int_equal(count_of(p, "recurrent_tiles_bwd"), s->carries ? 0 : walks ? 1 : s->window);
    for (size_t i = 0; walks && i < p->launch_count; i++)
        if (!strcmp(p->launches[i]->name, "recurrent_tiles_fwd") ||
            !strcmp(p->launches[i]->name, "recurrent_tiles_bwd"))
            assert_in_range(p->launches[i]->groups, 1, dev->info.resident);
    for (size_t i = 0; i < p->launch_count; i++)
        if (!strcmp(p->launches[i]->name, "recurrent_tiles_fwd"))
            expect_option(p->launches[i], "MMA", matrix);
    if (s->keeps && walks && !wider) {
        expect_option(launch_of(p, "recurrent_tiles_fwd"), "KEEP", s->kept[0]);
        expect_option(launch_of(p, "recurrent_tiles_bwd"), "KEEP", s->kept[1]);
    }
    write_drawn(x, 1, 2);
    if (up)
        write_drawn(up, 2, 1);
    for (int run = 0; run < 2; run++)
        OK(exec_run(p, 0, p->launch_count, &err));
    *n = y->elems;
    for (size_t i = 0; up && i < params->count; i++)
        *n += params->list[i]->value.elems;
    float *got = calloc(*n, sizeof *got);
    assert_non_null(got);
    OK(tensor_read(y, got, &err));
    size_t at = y->elems;
    for (size_t i = 0; up && i < params->count; i++) {
        OK(params_read(params, i, params->grads, got + at, &err));
        at += params->list[i]->value.elems;
    }
    plan_free(p);
    params_free(params);
    return got;
}

/* With a launch a step and with one for all, the same bits. */
static void expect_same(const struct shape *shape, size_t number)
{
    size_t n, m;
    float *steps = made(way[STEPS], shape, &n), *walk = made(way[WALKS], shape, &m);
    double sum = 0;
    assert_int_equal(n, m);
    for (size_t k = 0; k < n; k++) {
        sum += walk[k] * walk[k];
        if (memcmp(&steps[k], &walk[k], sizeof *walk))
            fail_msg("shape %zu: number %zu of %zu is %.9g, with a launch a step %.9g", number, k,
                     n, (double)walk[k], (double)steps[k]);
    }
    assert_true(sum > 0);
    free(steps);
    free(walk);
}

/* All of a group's block stays in registers where there are no more blocks than groups; others have
 * more tasks than groups. Batches of several tiles, odd ones, one step fewer than an even number of
 * them. */
static void test_same_bits(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {CELL_KIND_LSTM, 5, 5, 37, 1, 0, DTYPE_F32, MATRIX_NONE, 0, {0}},
        {CELL_KIND_LSTM, 3, 4, 20, 0, 0, DTYPE_F32, MATRIX_NONE, 0, {0}},
        {CELL_KIND_GRU, 19, 3, 41, 1, 0, DTYPE_BF16, MATRIX_NONE, 0, {0}},
        {CELL_KIND_GRU, 40, 3, 23, 0, 0, DTYPE_F32, MATRIX_NONE, 0, {0}},
        {CELL_KIND_RNN, 9, 4, 70, 0, 0, DTYPE_F16, MATRIX_NONE, 0, {0}},
        {CELL_KIND_LSTM, 4, 3, 70, 0, 1, DTYPE_F32, MATRIX_NONE, 0, {0}},
        {CELL_KIND_GRU, 4, 2, 70, 0, 1, DTYPE_F32, MATRIX_NONE, 0, {0}},
        {CELL_KIND_LSTM, 5, 4, 37, 1, 0, DTYPE_BF16, MATRIX_EMULATED, 0, {0}},
        {CELL_KIND_LSTM, 3, 4, 20, 0, 0, DTYPE_BF16, MATRIX_EMULATED, 0, {0}},
        {CELL_KIND_GRU, 40, 3, 70, 0, 0, DTYPE_F16, MATRIX_EMULATED, 0, {0}},
        {CELL_KIND_RNN, 19, 3, 41, 1, 0, DTYPE_BF16, MATRIX_EMULATED, 0, {0}}};
    needs_barrier();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        expect_same(&shapes[i], i);
}

/* Some of a block in registers and the rest loaded in each step, in one or two fetches of a
 * work-item. */
static void test_kept(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {CELL_KIND_LSTM, 5, 5, 70, 0, 0, DTYPE_F32, MATRIX_NONE, 2, {1, 1}},
        {CELL_KIND_GRU, 9, 4, 90, 0, 0, DTYPE_F32, MATRIX_NONE, 4, {2, 4}},
        {CELL_KIND_GRU, 19, 3, 90, 0, 0, DTYPE_BF16, MATRIX_EMULATED, 2, {1, 2}},
        {CELL_KIND_LSTM, 4096, 2, 64, 0, 0, DTYPE_BF16, MATRIX_EMULATED, 2, {2, 1}},
    };
    needs_barrier();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        expect_same(&shapes[i], i);
}

/* No more groups than are at work at a time, which may be fewer than there are compute units. */
static void test_resident(void **state)
{
    (void)state;
    const struct shape shape = {CELL_KIND_LSTM, 5, 5, 37, 1, 0, DTYPE_F32, MATRIX_NONE, 0, {0}};
    needs_barrier();
    struct device_info *info = &way[WALKS]->info;
    const unsigned before = info->resident;
    size_t n, m;
    assert_in_range(before, info->compute_units > 1 ? 2 : 1, info->compute_units);
    float *steps = made(way[STEPS], &shape, &n);
    info->resident = 1;
    float *walk = made(way[WALKS], &shape, &m);
    info->resident = before;
    assert_int_equal(n, m);
    assert_memory_equal(steps, walk, n * sizeof *walk);
    free(steps);
    free(walk);
}

/* Launches of steps at widths small enough for oclgrind, which has no such barrier. */
static void test_steps(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {CELL_KIND_LSTM, 3, 3, 20, 1, 0, DTYPE_F32, MATRIX_NONE, 0, {0}},
        {CELL_KIND_GRU, 9, 2, 35, 0, 0, DTYPE_BF16, MATRIX_NONE, 0, {0}},
        {CELL_KIND_GRU, 3, 3, 20, 1, 0, DTYPE_BF16, MATRIX_EMULATED, 0, {0}}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t n;
        float *got = made(way[STEPS], &shapes[i], &n);
        for (size_t k = 0; k < n; k++)
            assert_true(got[k] == got[k]);
        free(got);
    }
}

/* By matrix units only the factors are halves: the state that a GRU carries is not. Of h' = z h +
 * (1 - z) n, z near 1, bfloat16 would forget all additions once h is 0.25. */
static void test_slow_state(void **state)
{
    (void)state;
    enum { T = 700 };
    const struct cell cell = {.kind = CELL_KIND_GRU, .hidden = 3 + wider};
    const double z = 1 / (1 + exp(-7)), want = tanh(1) * (1 - pow(z, T));
    struct device *dev = way[WALKS];
    struct params *params = params_new(0);
    struct graph *g = graph_new(params, 1, 0);
    struct tensor *x = graph_state(g, "x", DTYPE_F32, 3, (size_t[]){1, T, 1});
    take_units(dev, MATRIX_EMULATED);
    op_store(g, DTYPE_BF16);
    struct tensor *y = graph_keep(g, op_recurrent(g, x, &cell, "core", 0));
    struct plan *p = placed(g, dev);
    for (size_t i = 0; i < params->count; i++) {
        const size_t n = params->list[i]->value.elems;
        float *values = calloc(n, sizeof *values);
        assert_non_null(values);
        const int is_bias = !strcmp(params->list[i]->value.name, "core.bias_ih_l0");
        for (size_t u = 0; is_bias && u < cell.hidden; u++) {
            values[cell.hidden + u] = 7;
            values[2 * cell.hidden + u] = 1;
        }
        OK(params_write(params, i, params->values, values, &err));
        free(values);
    }
    write_drawn(x, 1, 2);
    OK(exec_run(p, 0, p->launch_count, &err));
    float *got = calloc(y->elems, sizeof *got);
    assert_non_null(got);
    OK(tensor_read(y, got, &err));
    for (size_t u = 0; u < cell.hidden; u++)
        if (!(fabs((double)got[(T - 1) * cell.hidden + u] - want) <= 0.002))
            fail_msg("unit %zu is %g, not %g", u, (double)got[(T - 1) * cell.hidden + u], want);
    free(got);
    plan_free(p);
    params_free(params);
    take_units(dev, MATRIX_NONE);
}

/* --- the barrier */

/* Groups that wait for one more than there are give up after so many polls. */
static void test_gives_up(void **state)
{
    (void)state;
    needs_barrier();
    const size_t groups = device_info(way[WALKS])->resident;
    OK(barrier_try(way[WALKS], groups, groups, 0, &err));
    assert_int_equal(barrier_try(way[WALKS], groups, groups + 1, 1000, &err), -1);
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(err.text, "waited for in vain"));
    OK(barrier_try(way[WALKS], groups, groups, 0, &err));
}

/* One that does not wait is seen to. */
static void test_old_numbers(void **state)
{
    (void)state;
    needs_barrier();
    assert_int_equal(barrier_try(way[WALKS], 64, 0, 1000, &err), -1);
    if (!strstr(err.text, "old numbers"))
        fail_msg("%s", err.text);
}

/* The alarm of a walk that gave up: nothing is read from the device any more. */
static void test_alarm(void **state)
{
    (void)state;
    struct device *dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 0.9, .threads = -1},
        &err);
    uint32_t value = 0;
    assert_non_null(dev);
    struct buffer *alarm = device_alarm(dev, &err), *some = buffer_new(dev, 4, "some", &err);
    assert_non_null(alarm);
    assert_non_null(some);
    assert_ptr_equal(device_alarm(dev, &err), alarm);
    OK(buffer_read(some, 0, sizeof value, &value, &err));
    value = 1;
    assert_int_equal(buffer_write(alarm, 0, sizeof value, &value, &err), -1);
    assert_int_equal(buffer_read(some, 0, sizeof value, &value, &err), -1);
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(err.text, "SEQTRAIN_DEBUG=stepwise"));
    assert_int_equal(device_finish(dev, &err), -1);
    buffer_free(some);
    device_close(dev);
}

/* tests/test_barrier test_steps runs that test. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_up),  cmocka_unit_test(test_old_numbers),
        cmocka_unit_test(test_alarm),     cmocka_unit_test(test_steps),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_kept),
        cmocka_unit_test(test_resident),  cmocka_unit_test(test_slow_state),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("barrier", tests, open_ways, close_ways);
}
