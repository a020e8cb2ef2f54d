/* SPDX-License-Identifier: MIT */
/*
 * Products of packed matrices of weights, forward and the gradient of x, against the same in double
 * precision: every type, few rows and many, rows that are no blocks, activations as they may be
 * stored, cut as for a CPU and as for a GPU, by each provider. A plan run twice gives the same
 * bits.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/gemm/provider.h"
#include "exec/exec.h"
#include "lower/lower.h"
#include "modes.h"
#include "ops/ops.h"
#include "quant/quant.h"

struct problem {
    enum dtype dtype, stored;
    size_t rows, in, out;
    int in_out, add;
};

/* A number that bfloat16 holds. */
static float value(size_t i, size_t stream)
{
    return (float)((double)((i * 2654435761u + stream * 40503u) % 251u) / 64 - 1.953125);
}

/* What a problem is made of and comes to, all owned. */
struct data {
    size_t inputs, outputs, weights;
    float *x, *dy, *before, *w;
    double *y, *dx;
    unsigned char *packed;
    struct packed_form form;
};

static void *room(size_t bytes)
{
    void *p = calloc(1, bytes + 1);
    assert_non_null(p);
    return p;
}

static float *values(size_t n, size_t stream)
{
    float *x = room(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = value(i, stream);
    return x;
}

static struct data data_new(const struct problem *p)
{
    struct data d = {
        .inputs = p->rows * p->in, .outputs = p->rows * p->out, .weights = p->in * p->out};
    const size_t high = p->in_out ? p->in : p->out, wide = p->in_out ? p->out : p->in;
    d.x = values(d.inputs, 1);
    d.dy = values(d.outputs, 2);
    d.before = values(d.inputs, 3);
    d.w = values(d.weights, 4);
    for (size_t i = 0; i < d.weights; i++) /* scales of their own */
        d.w[i] *= (float)(1 + i / 64 % 13) / (float)(1 + i / wide % 5);
    d.form = packed_form(p->dtype, high, wide);
    d.packed = room(d.form.bytes);
    OK(quant_pack(p->dtype, d.w, high, wide, d.packed, "w", &err));
    packed_unpack(p->dtype, d.packed, high, wide, 0, d.weights, d.w);
    d.y = room(d.outputs * sizeof *d.y);
    d.dx = room(d.inputs * sizeof *d.dx);
    for (size_t r = 0; r < p->rows; r++)
        for (size_t o = 0; o < p->out; o++)
            for (size_t i = 0; i < p->in; i++) {
                const double w = (double)d.w[p->in_out ? i * p->out + o : o * p->in + i];
                d.y[r * p->out + o] += w * (double)d.x[r * p->in + i];
                d.dx[r * p->in + i] += w * (double)d.dy[r * p->out + o];
            }
    return d;
}

static void data_fini(struct data *d)
{
    free(d->x);
    free(d->dy);
    free(d->before);
    free(d->w);
    free(d->y);
    free(d->dx);
    free(d->packed);
}

/* The largest difference, as part of the size of the numbers. */
static void compare(const struct problem *p, const char *what, const float *got, const double *want,
                    const float *before, size_t n)
{
    const double least = p->stored == DTYPE_F32 ? 2e-6 : p->stored == DTYPE_BF16 ? 0x1p-6 : 0x1p-9;
    double size = 0, apart = 0;
    for (size_t i = 0; i < n; i++) {
        const double was = before ? (double)before[i] : 0;
        size += want[i] * want[i] / (double)n;
        apart = fmax(apart, fabs((double)got[i] - was - want[i]));
        if (isnan(got[i]))
            apart = INFINITY;
    }
    if (!(apart <= least * (4 * sqrt(size) + 4 * (before != NULL))))
        fail_msg("%s%s, %zu rows, [%zu, %zu], stored as %s: %s is %.3g from the reference, whose "
                 "size is %.3g",
                 dtype_name(p->dtype), p->in_out ? " in-out" : "", p->rows, p->out, p->in,
                 dtype_name(p->stored), what, apart, sqrt(size));
}

static struct tensor *product(struct graph *g, const struct problem *p, struct tensor *x,
                              struct tensor **w)
{
    *w = graph_state(g, "w", p->dtype, 2,
                     p->in_out ? (size_t[]){p->in, p->out} : (size_t[]){p->out, p->in});
    return p->in_out ? op_product_in_out(g, x, *w) : op_product(g, x, *w);
}

static void run(const struct problem *p, const struct data *d, struct device *dev,
                const struct gemm_provider *provider, int scattered)
{
    struct params *params = params_new(0);
    struct graph *g = graph_new(params, 1, 1);
    assert_true(params && g);
    op_store(g, p->stored);
    struct tensor *x = graph_state(g, "x", DTYPE_F32, 2, (size_t[]){p->rows, p->in}), *w;
    x->needs_grad = 1;
    if (p->add) {
        x->grad = graph_state(g, "before", DTYPE_F32, 2, x->dim);
        x->grad_written = 1;
    }
    struct tensor *y = graph_keep(g, product(g, p, x, &w));
    y->grad = graph_state(g, "upstream", DTYPE_F32, 2, y->dim);
    y->grad_written = 1;
    struct plan *plan = lower_graph(g, dev, &err);
    if (!plan)
        fail_msg("%s", err.text);
    x->grad->keep = 1;
    params_place(params, device_info(dev)->base_align);
    plan->scattered = scattered;
    OK(plan_place(plan, &err));
    OK(plan_check(plan, &err));
    OK(exec_prepare(plan, NULL, provider, &err));
    float *got[2] = {room(d->outputs * sizeof(float)), room(d->outputs * sizeof(float))};
    float *dx[2] = {room(d->inputs * sizeof(float)), room(d->inputs * sizeof(float))};
    for (int again = 0; again < 2; again++) {
        OK(tensor_write(x, d->x, &err));
        OK(tensor_write(w, d->packed, &err));
        OK(tensor_write(y->grad, d->dy, &err));
        if (p->add)
            OK(tensor_write(x->grad, d->before, &err));
        OK(exec_run(plan, 0, plan->launch_count, &err));
        OK(tensor_read(y, got[again], &err));
        OK(tensor_read(x->grad, dx[again], &err));
    }
    assert_memory_equal(got[0], got[1], d->outputs * sizeof(float));
    assert_memory_equal(dx[0], dx[1], d->inputs * sizeof(float));
    compare(p, "y", got[0], d->y, NULL, d->outputs);
    compare(p, "dx", dx[0], d->dx, p->add ? d->before : NULL, d->inputs);
    for (int i = 0; i < 2; i++) {
        free(got[i]);
        free(dx[i]);
    }
    plan_free(plan);
    params_free(params);
}

static void check(const struct problem *p)
{
    const char *const names[] = {p->stored == DTYPE_BF16  ? "bf16_products"
                                 : p->stored == DTYPE_F16 ? "fp16_products"
                                                          : "own",
                                 p->stored == DTYPE_F32 ? "cblas" : NULL};
    struct data d = data_new(p);
    for (int mode = 0; mode < MODES; mode++)
        for (int i = 0; i < 2 && names[i] && devices[mode]; i++) {
            const struct gemm_provider *provider = gemm_provider_find(names[i]);
            if (i && (!provider->serves || !provider->serves(devices[mode])))
                continue;
            run(p, &d, devices[mode], provider, 0);
            run(p, &d, devices[mode], provider, 1);
        }
    data_fini(&d);
}

static void check_dtype(enum dtype dtype)
{
    static const size_t rows[] = {1, 2, 3, 8, 9, 64, 65};
    static const size_t shapes[][2] = {{5, 7}, {33, 50}, {70, 128}, {17, 192}, {96, 80}};
    static const enum dtype stored[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    for (size_t s = 0; s < 5; s++)
        for (size_t r = 0; r < 7; r++)
            for (int k = 0; k < (s == 2 ? 3 : s % 2 ? 2 : 1); k++)
                check(&(struct problem){.dtype = dtype,
                                        .stored = stored[k],
                                        .rows = rows[r],
                                        .out = shapes[s][0],
                                        .in = shapes[s][1],
                                        .in_out = (s + r) % 3 == 0,
                                        .add = (s + r + (size_t)k) % 2 == 0});
}

static void test_nf4(void **state)
{
    (void)state;
    check_dtype(DTYPE_NF4);
}

static void test_nested(void **state)
{
    (void)state;
    check_dtype(DTYPE_NF4_NESTED);
}

static void test_int8(void **state)
{
    (void)state;
    check_dtype(DTYPE_INT8);
}

/* More than one block of the host's, and two groups of nested scales. */
static void test_large(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++)
        check(&(struct problem){.dtype = DTYPE_NF4_NESTED,
                                .stored = k ? DTYPE_BF16 : DTYPE_F32,
                                .rows = 260,
                                .out = 300,
                                .in = 330,
                                .in_out = k});
}

struct job {
    enum dtype dtype;
    int mode;
};

/* Shapes small enough for oclgrind, in buffers of their own: few rows and many, whole blocks and
 * none. */
static void test_small(void **state)
{
    static const size_t shapes[][2] = {{5, 7}, {3, 64}}, rows[] = {1, 3, 9};
    const struct job *job = *state;
    struct device *dev = device_of(job->mode);
    for (size_t i = 0; i < 6; i++) {
        const struct problem p = {.dtype = job->dtype,
                                  .stored = DTYPE_F32,
                                  .rows = rows[i / 2],
                                  .out = shapes[i % 2][0],
                                  .in = shapes[i % 2][1]};
        struct data d = data_new(&p);
        run(&p, &d, dev, gemm_provider_find("own"), 1);
        data_fini(&d);
    }
}

/* --- parameters */

static struct tensor *made(struct params *params, const char *name, size_t rows, size_t columns)
{
    struct tensor *t = params_get(params, name, 2, (size_t[]){rows, columns}, 1, INIT_NORMAL, 0.02);
    assert_non_null(t);
    return t;
}

/* The same parameters, drawn, frozen or not. */
static struct params *drawn(char **freeze, size_t count, enum dtype packs, struct tensor *t[4])
{
    struct params *params = params_new(0);
    assert_non_null(params);
    params_freeze(params, freeze, count);
    params_quantize(params, packs, DTYPE_BF16);
    t[0] = made(params, "layer.weight", 5, 70);
    params_pack(params, t[0]);
    t[1] = made(params, "table.weight", 7, 12);
    params_table(params, t[1]);
    t[2] = made(params, "output.weight", 3, 64);
    params_pack(params, t[2]);
    t[3] = made(params, "trained.weight", 64, 64);
    params_pack(params, t[3]);
    params_place(params, device_info(devices[FLAT])->base_align);
    OK(params_allocate(params, devices[FLAT], 1, &err));
    OK(params_init(params, 7, &err));
    return params;
}

static void check_parameters(enum dtype packs)
{
    char *freeze[] = {(char[]){"layer.*"}, (char[]){"table.*"}, (char[]){"output.*"}};
    struct tensor *t[4], *f[4];
    struct params *params = drawn(freeze, 3, packs, t), *floats = drawn(NULL, 0, packs, f);
    const struct packed_form form = packed_form(packs, 5, 70);
    float x[350], again[84];
    uint16_t table[84];
    unsigned char *read = room(form.bytes), *want = room(form.bytes);
    assert_int_equal(t[0]->dtype, packs);
    assert_int_equal(t[1]->dtype, DTYPE_BF16);
    assert_int_equal(t[2]->dtype, DTYPE_F32);
    assert_int_equal(t[3]->dtype, DTYPE_F32);
    for (int i = 0; i < 4; i++)
        assert_int_equal(f[i]->dtype, DTYPE_F32);
    OK(params_read(floats, 0, floats->values, x, &err));
    OK(params_read(params, 0, params->values, read, &err));
    OK(quant_pack(packs, x, 5, 70, want, "layer.weight", &err));
    assert_memory_equal(read, want, form.bytes);
    OK(params_read(floats, 1, floats->values, x, &err));
    OK(params_read(params, 1, params->values, table, &err));
    dtype_floats(DTYPE_BF16, table, 84, again);
    for (size_t i = 0; i < 84; i++)
        if (!(fabsf(again[i] - x[i]) <= 0x1p-8F * fabsf(x[i])))
            fail_msg("%zu: %g, not %g", i, (double)again[i], (double)x[i]);
    const struct params_packed packed = params_packed(params);
    assert_int_equal(packed.elems, 350);
    assert_int_equal(packed.bytes, form.bytes);
    assert_int_equal(params_count(params), 350 + 84 + 192 + 4096);
    struct params *twin = params_twin(params);
    assert_non_null(twin);
    for (int i = 0; i < 4; i++)
        assert_int_equal(twin->list[i]->value.dtype, t[i]->dtype);
    params_free(twin);
    params_free(params);
    params_free(floats);
    free(read);
    free(want);
}

static void test_parameters(void **state)
{
    (void)state;
    for (enum dtype packs = DTYPE_NF4; packs <= DTYPE_INT8; packs++)
        check_parameters(packs);
}

/* To nearest, ties to even. */
static void test_bfloats(void **state)
{
    (void)state;
    const float from[] = {1, 1.00390625F, 1.01171875F, -1.005F, 3e38F, 1e-40F, NAN, -INFINITY};
    const uint16_t want[] = {0x3f80, 0x3f80, 0x3f82, 0xbf81, 0x7f62, 0x0001, 0x7fc0, 0xff80};
    uint16_t got[8];
    dtype_bfloats(from, 8, got);
    for (int i = 0; i < 8; i++)
        assert_int_equal(got[i], want[i]);
}

/* tests/test_quantized 'small*' runs the tests whose names fit. */
int main(int argc, char **argv)
{
    static struct job jobs[] = {{DTYPE_NF4, FLAT},          {DTYPE_NF4_NESTED, FLAT},
                                {DTYPE_INT8, FLAT},         {DTYPE_NF4, AS_GPU},
                                {DTYPE_NF4_NESTED, AS_GPU}, {DTYPE_INT8, AS_GPU}};
    enum { JOBS = sizeof jobs / sizeof *jobs };
    static char name[JOBS][64];
    struct CMUnitTest tests[6 + JOBS] = {
        cmocka_unit_test(test_nf4),        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_int8),       cmocka_unit_test(test_large),
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_bfloats),
    };
    for (size_t i = 0; i < JOBS; i++) {
        snprintf(name[i], sizeof name[i], "small %s%s", dtype_name(jobs[i].dtype),
                 jobs[i].mode == AS_GPU ? ", as on a GPU" : "");
        tests[6 + i] = (struct CMUnitTest){name[i], test_small, NULL, NULL, &jobs[i]};
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, open_devices, close_devices);
}
