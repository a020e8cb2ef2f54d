/* SPDX-License-Identifier: MIT */
/*
 * Every op, forward and every gradient, against double-precision references, those of
 * src/known/reference.c, which central differences confirm. Each problem runs as planned and with a
 * poisoned buffer for each tensor, which must give the same bits, and in an evaluation graph; on a
 * CPU everything runs a second time as kernels are cut for a GPU, so that barriers and local
 * reductions are tested where there is no GPU. Then all once more with activations in bfloat16, and
 * the small ones in half, from inputs that these hold exactly.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/opencl.h"
#include "exec/exec.h"
#include "ir/fuse.h"
#include "known/reference.h"
#include "lower/lower.h"
#include "lower/reduce.h"
#include "lower/step.h"
#include "modes.h"
#include "ops/ops.h"
#include "share.h"
#include "util/philox.h"

#define SEED UINT64_C(0x243f6a8885a308d3)
#define EPOCH 3
#define GEMM gemm_provider_find("own")

enum { AS_CPU = 1, BOTH }; /* cuts in which a problem is watched */

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
    philox(word, (uint32_t)index, 77, stream, 0, 1);
    return (float)(low + (high - low) * philox_unit(word[0]));
}

static void draw_all(float *to, size_t n, uint32_t stream, double low, double high)
{
    for (size_t i = 0; i < n; i++)
        to[i] = draw(stream, i, low, high);
}

/* First rows of windows, in no order. */
static uint32_t sample_of(size_t b)
{
    return (uint32_t)(b * 7919 % 1009 + 5);
}

/* --- the table's driver */

enum role {
    ABSENT,
    INPUT, /* written by the test, gradient read back */
    PLAIN, /* written by the test, no gradient */
    PARAM, /* made by the op */
    KEPT,  /* the same, without gradient */
};

struct slot {
    const char *name; /* of a PARAM, as the op calls it */
    enum role role;
    int frozen; /* a PARAM that takes no gradient */
    size_t elems;
    double low, high;
    struct tensor *tensor;
    float *values, *before; /* what a gradient that is added to holds before */
    float *upstream;        /* of an output */
};

struct check;

/* An op: which inputs and outputs a problem has, how it is built, its reference. */
struct tested {
    const char *name;
    void (*slots)(struct check *c);
    void (*build)(struct graph *g, struct check *c);
    void (*forward)(struct ref *r);
    void (*back)(struct ref *r);
    int is_loss;
};

struct problem {
    const struct tested *op;
    struct ref shape;
    unsigned added;      /* bit i: something has written the gradient of input i before */
    unsigned unused;     /* bit i: no gradient arrives at output i */
    unsigned fixed;      /* bit i: input i takes no gradient */
    int sum;             /* the sum in front of a norm has other readers */
    int over_batch;      /* what pads a short batch gets no gradient */
    enum attend_cut cut; /* of attention */
    int watched;         /* small enough for oclgrind: AS_CPU or BOTH */
    int on_cpu;          /* as on a GPU the programs of its neighbours run: left out */
    int by_units;        /* matrix units have work of it */
    double weight;       /* of a loss that is one number; 0: a loss for each sample */
    size_t group;        /* samples of the accumulation group; 0: count */
    double tolerance;    /* 0: 1e-5 */
};

struct check {
    const struct problem *problem;
    struct ref r;
    struct slot in[REF_INPUTS], out[REF_OUTPUTS];
    uint32_t *samples, *numbers;
    struct step step;
    enum dtype stored;
};

/* The nearest number of a type. */
static float rounded(float x, enum dtype type)
{
    int exponent;
    const int digits = type == DTYPE_BF16 ? 8 : 11;
    const double part = frexp((double)x, &exponent);
    return type == DTYPE_F32 ? x : (float)ldexp(nearbyint(ldexp(part, digits)), exponent - digits);
}

/* Random numbers of the type that is stored. */
static void draw_stored(struct check *c, float *to, size_t n, uint32_t stream, double low,
                        double high)
{
    draw_all(to, n, stream, low, high);
    for (size_t i = 0; i < n; i++)
        to[i] = rounded(to[i], c->stored);
}

static void slot_set(struct slot *s, const char *name, enum role role, size_t elems, double low,
                     double high)
{
    *s = (struct slot){.name = name, .role = role, .elems = elems, .low = low, .high = high};
}

static void check_open(struct check *c, const struct problem *problem, enum dtype stored)
{
    memset(c, 0, sizeof *c);
    c->problem = problem;
    c->stored = stored;
    c->r = problem->shape;
    struct ref *r = &c->r;
    if (!r->t)
        r->t = 1;
    if (!r->count)
        r->count = r->b;
    if (!r->dilation)
        r->dilation = 1;
    if (!(r->base > 0))
        r->base = 1e4;
    if (!(r->eps > 0))
        r->eps = 1e-5;
    r->epoch = EPOCH;
    r->seed = SEED;
    r->path = "encoder.layers.0.dropout1";
    r->scratch = room(ref_scratch(r) * sizeof *r->scratch);
    c->samples = room(r->b * sizeof *c->samples);
    for (size_t b = 0; b < r->b; b++)
        c->samples[b] = sample_of(b);
    r->sample = c->samples;
    size_t group = problem->group ? problem->group : r->count;
    c->step = (struct step){.count = (uint32_t)r->count,
                            .group = (uint32_t)group,
                            .epoch = EPOCH,
                            .seed = {(uint32_t)SEED, (uint32_t)(SEED >> 32)}};
    problem->op->slots(c);
    for (int i = 0; i < REF_INPUTS; i++) {
        struct slot *s = &c->in[i];
        if (s->role == ABSENT)
            continue;
        s->values = room(s->elems * sizeof(float));
        draw_stored(c, s->values, s->elems, (uint32_t)i, s->low, s->high);
        r->x[i] = room(s->elems * sizeof(double));
        r->dx[i] = room(s->elems * sizeof(double));
        for (size_t j = 0; j < s->elems; j++)
            r->x[i][j] = s->values[j];
        if (s->role == INPUT && problem->fixed >> i & 1)
            s->role = PLAIN;
        if (s->role == PARAM || (s->role == INPUT && problem->added >> i & 1)) {
            s->before = room(s->elems * sizeof(float));
            draw_stored(c, s->before, s->elems, (uint32_t)i + 10, -1, 1);
        }
    }
    for (int i = 0; i < REF_OUTPUTS; i++) {
        struct slot *s = &c->out[i];
        if (!s->elems)
            continue;
        r->y[i] = room(s->elems * sizeof(double));
        r->dy[i] = room(s->elems * sizeof(double));
        s->upstream = room(s->elems * sizeof(float));
        if (!(problem->unused >> i & 1))
            draw_stored(c, s->upstream, s->elems, (uint32_t)i + 20, -1, 1);
        for (size_t j = s->elems / r->b * r->count; problem->over_batch && j < s->elems; j++)
            s->upstream[j] = 0;
        for (size_t j = 0; j < s->elems; j++) /* a loss brings its own weight */
            r->dy[i][j] = !problem->op->is_loss ? (double)s->upstream[j]
                          : r->share > 0        ? (i ? r->share : 1 - r->share) / (double)group
                          : problem->weight > 0 ? problem->weight * (double)r->count / (double)group
                                                : 1 / (double)group;
    }
}

static void check_close(struct check *c)
{
    for (int i = 0; i < REF_INPUTS; i++) {
        free(c->in[i].values);
        free(c->in[i].before);
        free(c->r.x[i]);
        free(c->r.dx[i]);
    }
    for (int i = 0; i < REF_OUTPUTS; i++) {
        free(c->out[i].upstream);
        free(c->r.y[i]);
        free(c->r.dy[i]);
    }
    free(c->r.scratch);
    free(c->samples);
    free(c->numbers);
}

static double objective(struct check *c)
{
    double sum = 0;
    c->problem->op->forward(&c->r);
    for (int i = 0; i < REF_OUTPUTS; i++)
        for (size_t j = 0; j < c->out[i].elems; j++)
            sum += c->r.y[i][j] * c->r.dy[i][j];
    return sum;
}

static double rms(const double *x, size_t n)
{
    double square = 0;
    for (size_t i = 0; i < n; i++)
        square += x[i] * x[i];
    return sqrt(square / (double)n);
}

/* The reference's gradients against central differences of its values. */
static void check_reference(struct check *c)
{
    const double h = 1e-6;
    c->problem->op->back(&c->r);
    for (int i = 0; i < REF_INPUTS; i++) {
        const struct slot *s = &c->in[i];
        if (s->role == KEPT || (c->r.weight_bits && s->role == PARAM)) /* its steps have no slope */
            continue;
        size_t stride = s->elems / 9 + 1;
        for (size_t j = s->elems / 3 % stride; j < s->elems; j += stride) {
            double *x = &c->r.x[i][j], was = *x, want = c->r.dx[i][j];
            *x = was + h;
            double up = objective(c);
            *x = was - h;
            double down = objective(c);
            *x = was;
            double got = (up - down) / (2 * h);
            if (!(fabs(got - want) <=
                  1e-5 * (fabs(want) + rms(c->r.dx[i], s->elems)) + 1e-7 * (1 + fabs(up))))
                fail_msg("reference of %s: gradient of %s[%zu] is %.9g, by differences %.9g",
                         c->problem->op->name, s->name, j, want, got);
        }
    }
    c->problem->op->forward(&c->r);
}

static size_t param_index(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (!strcmp(params->list[i]->value.name, name))
            return i;
    fail_msg("the op made no parameter %s", name);
    return 0;
}

static void make_inputs(struct graph *g, struct check *c)
{
    g->sample = graph_state(g, "sample", DTYPE_U32, 1, &c->r.b);
    for (int i = 0; i < REF_INPUTS; i++) {
        struct slot *s = &c->in[i];
        if (s->role != INPUT && s->role != PLAIN)
            continue;
        s->tensor = graph_state(g, s->name, DTYPE_F32, 1, &s->elems);
        s->tensor->needs_grad = s->role == INPUT;
        if (s->role == INPUT && s->before) {
            s->tensor->grad = graph_state(g, "before", DTYPE_F32, 1, &s->elems);
            s->tensor->grad_written = 1;
        }
    }
}

/* Input i as rows of samples [B, T, columns]. */
static struct tensor *rows_of(struct graph *g, struct check *c, int i, size_t columns)
{
    size_t b = c->r.b;
    return graph_view(g, c->in[i].tensor, 3, (size_t[]){b, c->in[i].elems / b / columns, columns});
}

/* Input i as one row a sample. */
static struct tensor *row_of(struct graph *g, struct check *c, int i)
{
    return graph_view(g, c->in[i].tensor, 2, (size_t[]){c->r.b, c->in[i].elems / c->r.b});
}

/* `x` with the bias that is input i, if it is there. */
static struct tensor *biased(struct graph *g, struct check *c, struct tensor *x, int i)
{
    return c->in[i].tensor ? op_bias(g, x, c->in[i].tensor) : x;
}

/* Gives every output the gradient that a consumer would have written. */
static void make_upstream(struct graph *g, struct check *c)
{
    for (int i = 0; i < REF_OUTPUTS && !c->problem->op->is_loss; i++) {
        struct slot *s = &c->out[i];
        if (!s->elems || c->problem->unused >> i & 1)
            continue;
        struct tensor *y = tensor_base(s->tensor);
        y->grad = graph_state(g, "upstream", DTYPE_F32, 1, &y->elems);
        y->grad_written = 1;
    }
}

static void keep_gradients(struct check *c)
{
    for (int i = 0; i < REF_INPUTS; i++)
        if (c->in[i].role == INPUT) {
            if (!c->in[i].tensor->grad)
                fail_msg("no gradient of %s", c->in[i].name);
            c->in[i].tensor->grad->keep = 1;
        }
}

static void write_all(struct plan *p, struct check *c)
{
    OK(tensor_write(p->step, &c->step, &err));
    OK(tensor_write(p->graph->sample, c->samples, &err));
    for (int i = 0; i < REF_INPUTS; i++) {
        const struct slot *s = &c->in[i];
        if (s->role == PARAM || s->role == KEPT) {
            size_t at = param_index(p->params, s->name);
            assert_int_equal(p->params->list[at]->value.elems, s->elems);
            OK(params_write(p->params, at, p->params->values, s->values, &err));
            if (p->params->grads && s->role == PARAM && !s->frozen)
                OK(params_write(p->params, at, p->params->grads, s->before, &err));
        } else if (s->role != ABSENT) {
            OK(tensor_write(s->tensor, s->values, &err));
            if (s->before)
                OK(tensor_write(s->tensor->grad, s->before, &err));
        }
    }
    for (int i = 0; i < REF_OUTPUTS; i++) {
        const struct slot *s = &c->out[i];
        struct tensor *y = tensor_base(s->tensor);
        if (s->elems && y->grad && y->grad->kind == TENSOR_STATE)
            OK(tensor_write(y->grad, s->upstream, &err));
    }
}

/* Outputs, then gradients of INPUT and PARAM, one after another; the caller frees. */
static float *read_all(struct plan *p, struct check *c, size_t *n)
{
    *n = 0;
    for (int i = 0; i < REF_INPUTS; i++)
        *n += c->in[i].elems;
    for (int i = 0; i < REF_OUTPUTS; i++)
        *n += c->out[i].elems;
    float *all = room(*n * sizeof *all), *to = all;
    for (int i = 0; i < REF_OUTPUTS; i++) {
        if (c->out[i].elems)
            OK(tensor_read(c->out[i].tensor, to, &err));
        to += c->out[i].elems;
    }
    for (int i = 0; i < REF_INPUTS && p->training; i++) {
        const struct slot *s = &c->in[i];
        if (s->role == PARAM && !s->frozen)
            OK(params_read(p->params, param_index(p->params, s->name), p->params->grads, to, &err));
        else if (s->role == INPUT)
            OK(tensor_read(s->tensor->grad, to, &err));
        to += s->elems;
    }
    return all;
}

static const struct gemm_provider *provider_of(enum dtype stored)
{
    return gemm_provider_find(stored == DTYPE_BF16  ? "bf16_products"
                              : stored == DTYPE_F16 ? "fp16_products"
                                                    : "own");
}

/* Fails where no kernel of matrix units has an op's work. */
static void uses_matrix(const struct plan *p)
{
    int uses = 0;
    for (size_t i = 0; i < p->launch_count; i++)
        uses |= p->launches[i]->options && strstr(p->launches[i]->options, "-DMMA=") &&
                !strstr(p->launches[i]->options, "-DMMA=0");
    assert_true(uses);
}

static float *run(struct check *c, struct device *dev, int training, int scattered, size_t *n)
{
    struct params *params = params_new(0);
    assert_non_null(params);
    char *freeze[REF_INPUTS];
    size_t frozen = 0;
    for (int i = 0; i < REF_INPUTS; i++)
        if (c->in[i].frozen)
            freeze[frozen++] = (char *)(intptr_t)c->in[i].name;
    params_freeze(params, freeze, frozen);
    struct graph *g = graph_new(params, c->r.b, training);
    assert_non_null(g);
    op_store(g, c->stored);
    make_inputs(g, c);
    c->problem->op->build(g, c);
    for (int i = 0; i < REF_OUTPUTS; i++)
        if (c->out[i].elems)
            c->out[i].tensor = graph_as(g, c->out[i].tensor, DTYPE_F32);
    for (int i = 0; i < REF_OUTPUTS; i++)
        if (c->out[i].elems)
            tensor_base(c->out[i].tensor)->keep = 1;
    if (training)
        make_upstream(g, c);
    graph_fuse(g);
    struct plan *p = lower_graph(g, dev, &err);
    if (!p)
        fail_msg("%s", err.text);
    if (c->problem->by_units)
        uses_matrix(p);
    if (training)
        keep_gradients(c);
    size_t of_op = 0;
    for (int i = 0; i < REF_INPUTS; i++)
        of_op += c->in[i].role == PARAM ? c->in[i].elems : 0;
    assert_int_equal(params_count(params), of_op);
    params_place(params, device_info(dev)->base_align);
    if (params->count)
        OK(params_allocate(params, dev, training, &err));
    p->scattered = scattered;
    OK(plan_place(p, &err));
    OK(plan_check(p, &err));
    OK(exec_prepare(p, NULL, provider_of(c->stored), &err));
    float *first = NULL;
    for (int again = 0; again < 2; again++) { /* a plan can be run again */
        write_all(p, c);
        OK(exec_run(p, 0, p->launch_count, &err));
        float *got = read_all(p, c, n);
        if (first) {
            assert_memory_equal(got, first, *n * sizeof *got);
            free(got);
        } else
            first = got;
    }
    plan_free(p);
    params_free(params);
    return first;
}

static void compare(const struct check *c, const char *what, const float *got, const double *want,
                    const float *before, size_t n)
{
    double tolerance = c->problem->tolerance > 0 ? c->problem->tolerance : 1e-5;
    double typical = n ? rms(want, n) : 0;
    for (size_t i = 0; i < n; i++) {
        double was = before ? (double)before[i] : 0;
        if (!(fabs(got[i] - was - want[i]) <=
              tolerance * (fabs(want[i]) + typical) + 1e-7 * (1 + 2 * fabs(was))))
            fail_msg("%s, b %zu t %zu d %zu: %s[%zu] is %.9g, reference %.9g", c->problem->op->name,
                     c->r.b, c->r.t, c->r.d, what, i, got[i] - was, want[i]);
    }
}

/* The same of numbers that some roundings to 8 or 11 digits have gone through: as a whole, since
 * one of them may lie on the other side of a kink. */
static void compare_stored(const struct check *c, const char *what, const float *got,
                           const double *want, const float *before, size_t n)
{
    const double tolerance = c->stored == DTYPE_BF16 ? 0x1p-5 : 0x1p-8;
    double apart = 0;
    for (size_t i = 0; i < n; i++) {
        const double was = before ? (double)before[i] : 0;
        apart += pow(got[i] - was - want[i], 2);
    }
    if (n && !(sqrt(apart / (double)n) <= tolerance * rms(want, n) + 2e-5))
        fail_msg("%s in %s, b %zu t %zu d %zu: %s is %.3g from the reference, whose size is %.3g",
                 c->problem->op->name, dtype_name(c->stored), c->r.b, c->r.t, c->r.d, what,
                 sqrt(apart / (double)n), rms(want, n));
}

static void compare_all(struct check *c, const float *got, int training)
{
    void (*const same)(const struct check *, const char *, const float *, const double *,
                       const float *, size_t) = c->stored == DTYPE_F32 ? compare : compare_stored;
    for (int i = 0; i < REF_OUTPUTS; i++) {
        same(c, i ? "second output" : "output", got, c->r.y[i], NULL, c->out[i].elems);
        got += c->out[i].elems;
    }
    for (int i = 0; i < REF_INPUTS && training; i++) {
        const struct slot *s = &c->in[i];
        char what[80];
        snprintf(what, sizeof what, "gradient of %s", s->name ? s->name : "");
        if (s->role == INPUT || (s->role == PARAM && !s->frozen))
            same(c, what, got, c->r.dx[i], s->before, s->elems);
        got += s->elems;
    }
}

/* Without the gradients of every second parameter (1 or 2) or of any (3): the others stay right. */
static void run_frozen(struct check *c, struct device *dev, unsigned which)
{
    unsigned number = 0, frozen = 0;
    size_t n;
    for (int i = 0; i < REF_INPUTS; i++)
        if (c->in[i].role == PARAM) {
            c->in[i].frozen = (which & 1u << (number++ % 2)) != 0;
            frozen += (unsigned)c->in[i].frozen;
        }
    if (frozen) {
        float *got = run(c, dev, 1, 1, &n);
        compare_all(c, got, 1);
        free(got);
    }
    for (int i = 0; i < REF_INPUTS; i++)
        c->in[i].frozen = 0;
}

/* As planned, scattered and in an evaluation graph, with activations stored as a type. In fp32 the
 * reference is checked first, and parameters are frozen. */
static void run_stored(const struct problem *problem, struct device *dev, enum dtype stored)
{
    struct check c;
    size_t n;
    check_open(&c, problem, stored);
    if (stored == DTYPE_F32) {
        check_reference(&c);
    } else {
        problem->op->forward(&c.r);
        problem->op->back(&c.r);
    }
    float *planned = run(&c, dev, 1, 0, &n), *scattered = run(&c, dev, 1, 1, &n);
    compare_all(&c, planned, 1);
    assert_memory_equal(planned, scattered, n * sizeof *planned);
    free(planned);
    free(scattered);
    for (unsigned which = 1; stored == DTYPE_F32 && which <= 3; which++)
        run_frozen(&c, dev, which);

    c.r.evaluate = 1;
    problem->op->forward(&c.r);
    float *evaluated = run(&c, dev, 0, 0, &n);
    compare_all(&c, evaluated, 0);
    free(evaluated);
    check_close(&c);
}

/* As PoCL compiles slowly, what a CPU stores in 16 bits is compiled quickly where that can be, and
 * as on a GPU only what is watched there is stored so where it cannot. */
static void run_problem(const struct problem *problem, int mode)
{
    const int quick = compile_quickly(mode);
    run_stored(problem, device_of(mode), DTYPE_F32);
    compile_quickly_for(device_of(mode), 1);
    if (mode == FLAT || quick || problem->watched > mode)
        run_stored(problem, device_of(mode), DTYPE_BF16);
    if (problem->watched > mode) /* the kernels of bfloat16, other roundings */
        run_stored(problem, device_of(mode), DTYPE_F16);
}

/* --- ops */

static void bias_slots(struct check *c)
{
    const struct ref *r = &c->r;
    size_t n = r->b * r->t * r->d;
    slot_set(&c->in[0], "x", INPUT, n, -4, 4);
    if (!r->no_bias)
        slot_set(&c->in[1], "bias", PLAIN, r->d, -1, 1);
    if (r->has_position)
        slot_set(&c->in[2], "position", PARAM, r->t * r->d, -1, 1);
    c->out[0].elems = n;
}

static void bias_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    struct tensor *x = biased(g, c, rows_of(g, c, 0, r->d), 1);
    if (r->has_position)
        x = op_add(g, x,
                   graph_param(g, "position", 2, (size_t[]){r->t, r->d}, 0, INIT_CONSTANT, 0));
    x = op_activation(g, x, r->act, r->path);
    c->out[0].tensor = op_dropout(g, x, r->p, r->path);
}

static void norm_slots(struct check *c)
{
    const struct ref *r = &c->r;
    size_t n = r->b * r->t * r->d;
    slot_set(&c->in[0], "x", INPUT, n, -2, 3);
    if (r->has_bias)
        slot_set(&c->in[1], "bias", PLAIN, r->d, -1, 1);
    if (r->has_residual)
        slot_set(&c->in[2], "residual", INPUT, n, -3, 2);
    if (r->has_norm) {
        slot_set(&c->in[3], "norm.weight", PARAM, r->d, 0.5, 1.5);
        slot_set(&c->in[4], "norm.bias", PARAM, r->d, -0.5, 0.5);
        c->out[0].elems = n;
    }
    if (c->problem->sum)
        c->out[1].elems = n;
}

static void norm_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    struct tensor *s = biased(g, c, rows_of(g, c, 0, r->d), 1);
    if (r->has_residual)
        s = op_add(g, rows_of(g, c, 2, r->d), op_dropout(g, s, r->p, r->path));
    if (c->problem->sum)
        c->out[1].tensor = s;
    if (!r->has_norm)
        return;
    struct tensor *y = r->eps == 1e-5 ? op_norm(g, s, "norm") : op_norm_of(g, s, r->eps, "norm");
    if (r->relu)
        y = op_dropout(g, op_activation(g, y, ACT_RELU, "relu"), r->p, r->path);
    c->out[0].tensor = y;
}

static void rms_norm_slots(struct check *c)
{
    const struct ref *r = &c->r;
    size_t n = r->b * r->t * r->d;
    slot_set(&c->in[0], "x", INPUT, n, -2, 3);
    slot_set(&c->in[1], "norm.weight", PARAM, r->d, 0.5, 1.5);
    c->out[0].elems = n;
}

static void rms_norm_build(struct graph *g, struct check *c)
{
    struct tensor *x = rows_of(g, c, 0, c->r.d);
    c->out[0].tensor =
        c->r.eps == 1e-5 ? op_rms_norm(g, x, "norm") : op_rms_norm_of(g, x, c->r.eps, "norm");
}

static void attention_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "qkv", INPUT, r->b * r->t * ref_qkv(r), -2, 2);
    slot_set(&c->in[1], "bias", PLAIN, ref_qkv(r), -1, 1);
    c->out[0].elems = r->b * r->t * r->d;
}

/* The rotary table; base 10000 by its own call. */
static struct tensor *turns(struct graph *g, const struct ref *r)
{
    double frequency[64];
    const size_t width = r->d / r->heads;
    if (r->base == 1e4)
        return op_rotary_table(g, r->t, width);
    assert_true(width / 2 <= 64);
    rotary_frequencies(r->base, width, frequency);
    return op_rotary_table_of(g, r->t, width / 2, frequency);
}

static void attention_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    struct attend how = {.causal = r->causal, .cut = c->problem->cut, .key_heads = r->keys};
    struct tensor *qkv = biased(g, c, rows_of(g, c, 0, ref_qkv(r)), 1);
    if (r->rotary)
        qkv = op_rotary(g, qkv, r->heads, r->keys, r->halves ? ROTARY_HALVES : ROTARY_NEIGHBOURS,
                        turns(g, r));
    c->out[0].tensor = op_attention(g, qkv, r->heads, &how, r->p, r->path);
}

static void over_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "queries", INPUT, (r->per_sample ? r->b : 1) * r->in * r->d, -2, 2);
    slot_set(&c->in[1], "rows", INPUT, r->b * r->t * 2 * r->d, -2, 2);
    c->out[0].elems = r->b * r->in * r->d;
}

static void over_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    struct tensor *q = r->per_sample ? rows_of(g, c, 0, r->d)
                                     : graph_view(g, c->in[0].tensor, 2, (size_t[]){r->in, r->d});
    c->out[0].tensor = op_attention_over(g, q, rows_of(g, c, 1, 2 * r->d), r->heads, r->path);
}

static void linear_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->in, -1, 1);
    slot_set(&c->in[1], "layer.weight", PARAM, r->d * r->in, -1, 1);
    slot_set(&c->in[2], "layer.bias", PARAM, r->d, -1, 1);
    c->out[0].elems = r->b * r->t * r->d;
}

static void linear_build(struct graph *g, struct check *c)
{
    const size_t dim[] = {c->r.in, c->r.d};
    struct tensor *x = rows_of(g, c, 0, c->r.in);
    g->weight_bits = c->r.weight_bits;
    c->out[0].tensor =
        !c->r.in_out
            ? op_linear(g, x, c->r.d, "layer")
            : op_bias(g, op_product_in_out(g, x, graph_weight(g, "layer.weight", 2, dim, 1)),
                      graph_bias(g, "layer.bias", c->r.d, 1));
}

static void conv_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->in, -1, 1);
    slot_set(&c->in[1], "conv.weight", PARAM, r->d * r->in * r->kernel, -1, 1);
    if (!r->no_bias)
        slot_set(&c->in[2], "conv.bias", PARAM, r->d, -1, 1);
    c->out[0].elems = r->b * ref_conv_rows(r) * r->d;
}

static void conv_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    const struct conv shape = {r->kernel, r->stride, r->dilation, r->before, r->after};
    assert_int_equal(conv_rows(&shape, r->t), ref_conv_rows(r));
    c->out[0].tensor = op_conv1d(g, rows_of(g, c, 0, r->in), r->d, &shape, r->no_bias, "conv");
    assert_int_equal(c->out[0].tensor->dim[1], ref_conv_rows(r));
    assert_int_equal(g->params->list[0]->value.rank, 3);
}

static void max_pool_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->d, -1, 1);
    c->out[0].elems = r->b * (r->t / r->span) * r->d;
}

static void max_pool_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_max_pool(g, rows_of(g, c, 0, c->r.d), c->r.span);
}

static void batch_norm_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->d, -2, 3);
    if (r->has_bias)
        slot_set(&c->in[1], "bias", PLAIN, r->d, -1, 1);
    slot_set(&c->in[2], "norm.weight", PARAM, r->d, 0.5, 1.5);
    slot_set(&c->in[3], "norm.bias", PARAM, r->d, -0.5, 0.5);
    slot_set(&c->in[4], "norm.running_mean", KEPT, r->d, -1, 1);
    slot_set(&c->in[5], "norm.running_var", KEPT, r->d, 0.5, 3);
    c->out[0].elems = r->b * r->t * r->d;
}

static void batch_norm_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_batch_norm(g, biased(g, c, rows_of(g, c, 0, c->r.d), 1), "norm");
}

static void window_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "y", INPUT, r->b * r->rows * r->d, -2, 2);
    slot_set(&c->in[1], "x", PLAIN, r->b * r->t * r->in, 99, 102);
    c->out[0].elems = r->b * r->rows * r->d;
    c->out[1].elems = r->b * r->t * r->in;
}

static void window_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    int feature[8];
    for (size_t k = 0; k < r->d; k++)
        feature[k] = ref_feature(r, k);
    struct tensor *stats;
    c->out[1].tensor = op_window_norm(g, rows_of(g, c, 1, r->in), &stats);
    assert_false(c->out[1].tensor->needs_grad);
    c->out[0].tensor = op_window_denorm(g, row_of(g, c, 0), stats, r->d, feature);
}

static void latent_slots(struct check *c)
{
    slot_set(&c->in[0], "x", INPUT, c->r.b * c->r.d, -1, 2);
    slot_set(&c->in[1], "bias", PLAIN, c->r.d, -1, 1);
    c->out[0].elems = c->r.b * c->r.d;
}

static void latent_build(struct graph *g, struct check *c)
{
    struct tensor *x = biased(g, c, row_of(g, c, 0), 1);
    c->out[0].tensor = c->r.normalize ? op_unit(g, x) : x;
}

static void reconstruction_slots(struct check *c)
{
    size_t n = c->r.b * c->r.t * c->r.d;
    slot_set(&c->in[0], "y", INPUT, n, -2, 2);
    slot_set(&c->in[1], "x", PLAIN, n, -1, 1);
    c->out[0].elems = c->r.b;
}

static void reconstruction_build(struct graph *g, struct check *c)
{
    c->out[0].tensor =
        op_sample_loss(g, row_of(g, c, 0), row_of(g, c, 1), (enum loss_kind)c->r.kind, NULL);
}

static void similarity_slots(struct check *c)
{
    slot_set(&c->in[0], "z", INPUT, c->r.b * c->r.d, -1, 1.5);
    c->out[0].elems = 1;
}

static void similarity_build(struct graph *g, struct check *c)
{
    struct tensor *total;
    c->out[0].tensor = op_similarity(g, row_of(g, c, 0), c->problem->weight, &total);
}

static void nt_xent_slots(struct check *c)
{
    slot_set(&c->in[0], "z", INPUT, c->r.b * c->r.d, -1, 1.5);
    slot_set(&c->in[1], "w", INPUT, c->r.b * c->r.d, -1.5, 1);
    c->out[0].elems = 1;
}

static void nt_xent_build(struct graph *g, struct check *c)
{
    c->out[0].tensor =
        op_nt_xent(g, row_of(g, c, 0), row_of(g, c, 1), c->r.temperature, c->problem->weight);
}

static void recurrent_slots(struct check *c)
{
    static const char *const names[] = {"weight_ih_l3", "weight_hh_l3", "bias_ih_l3", "bias_hh_l3"};
    static char name[8][40];
    const struct ref *r = &c->r;
    size_t width = (r->cell == CELL_KIND_LSTM ? 4 : r->cell == CELL_KIND_GRU ? 3 : 1) * r->d;
    size_t elems[] = {width * r->in, width * r->d, width, width};
    double most = 2 / sqrt((double)r->d);
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->in, -2, 2);
    for (size_t i = 0; i < 4 * r->dirs; i++) {
        snprintf(name[i], sizeof name[i], "core.%s%s", names[i % 4], i < 4 ? "" : "_reverse");
        slot_set(&c->in[1 + i], name[i], PARAM, elems[i % 4], -most, most);
    }
    c->out[0].elems = r->b * r->t * r->dirs * r->d;
}

static void recurrent_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    const struct cell cell = {.kind = r->cell, .hidden = r->d, .bidirectional = r->dirs == 2};
    c->out[0].tensor = op_recurrent(g, rows_of(g, c, 0, r->in), &cell, "core", 3);
}

static void pool_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->d, -2, 2);
    if (r->pool == POOL_ATTENTION) {
        double most = 2 / sqrt((double)r->d);
        slot_set(&c->in[1], "attention.weight", PARAM, r->d, -most, most);
        slot_set(&c->in[2], "attention.bias", PARAM, 1, -1, 1);
    }
    c->out[0].elems = r->b * r->d;
}

static void pool_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    c->out[0].tensor = op_pool(g, rows_of(g, c, 0, r->d), r->reverse, r->pool, "attention");
}

static void join_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "a", INPUT, r->b * r->t * r->in, -2, 2);
    slot_set(&c->in[1], "b", INPUT, r->b * r->t * r->d, -2, 2);
    c->out[0].elems = r->b * r->t * (r->in + r->d);
}

static void join_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    c->out[0].tensor = op_concat(g, rows_of(g, c, 0, r->in), rows_of(g, c, 1, r->d));
}

/* One or two inputs and an output of [b, t, d]. */
static void plain_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->d, -2, 2);
    c->out[0].elems = r->b * r->t * r->d;
}

static void mul_slots(struct check *c)
{
    plain_slots(c);
    slot_set(&c->in[1], "y", INPUT, c->out[0].elems, -1, 3);
}

static void mul_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_mul(g, rows_of(g, c, 0, c->r.d), rows_of(g, c, 1, c->r.d));
}

static void gate_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_gate(g, rows_of(g, c, 0, c->r.d), rows_of(g, c, 1, c->r.d), c->r.act);
}

static void scale_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_scale(g, rows_of(g, c, 0, c->r.d), c->r.factor);
}

static void softmax_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_softmax(g, rows_of(g, c, 0, c->r.d));
}

static void slice_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "x", INPUT, r->b * r->t * r->in, -2, 2);
    c->out[0].elems = r->b * r->t * r->d;
}

static void slice_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_slice(g, rows_of(g, c, 0, c->r.in), c->r.rows, c->r.d);
}

static void transpose_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_transpose(g, rows_of(g, c, 0, c->r.d));
    assert_int_equal(c->out[0].tensor->dim[1], c->r.d);
}

/* Numbers below `most`, and some that are not. */
static void numbers_of(struct check *c, size_t most)
{
    const size_t count = c->r.b * c->r.t;
    uint32_t *number = c->numbers = room(count * sizeof *number);
    for (size_t i = 0; i < count; i++)
        number[i] =
            i % 5 == 3 ? (i % 2 ? UINT32_MAX : (uint32_t)most) : sample_of(i) % (uint32_t)most;
    c->r.number = number;
}

static struct tensor *numbers(struct graph *g, struct check *c)
{
    const size_t dim[] = {c->r.b, c->r.t}, bytes = dim[0] * dim[1] * sizeof *c->numbers;
    struct tensor *t = graph_state(g, "number", DTYPE_U32, 2, dim);
    t->initial = room(bytes);
    memcpy(t->initial, c->numbers, bytes);
    return t;
}

static void embedding_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "table.weight", PARAM, r->in * r->d, -2, 2);
    c->out[0].elems = r->b * r->t * r->d;
    numbers_of(c, r->in);
}

static void embedding_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_embedding(g, numbers(g, c), c->r.in, c->r.d, "table");
}

static void cross_entropy_slots(struct check *c)
{
    plain_slots(c);
    c->out[0].elems = c->r.b;
    numbers_of(c, c->r.d);
}

static void cross_entropy_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_cross_entropy(g, rows_of(g, c, 0, c->r.d), numbers(g, c), c->r.smoothing);
}

/* Logits of a model and of its teacher. */
static void distill_slots(struct check *c)
{
    cross_entropy_slots(c);
    slot_set(&c->in[1], "taught", PLAIN, c->r.b * c->r.t * c->r.d, -3, 3);
    c->out[1].elems = c->r.b;
}

static void distill_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_distill(g, rows_of(g, c, 0, c->r.d), rows_of(g, c, 1, c->r.d),
                                  numbers(g, c), c->r.temperature, c->r.share, &c->out[1].tensor);
}

static void taught_build(struct graph *g, struct check *c)
{
    c->out[0].tensor = op_taught_loss(g, row_of(g, c, 0), row_of(g, c, 1), LOSS_KIND_BCE, NULL, 1,
                                      c->r.temperature);
}

static void head_slots(struct check *c)
{
    const struct ref *r = &c->r;
    slot_set(&c->in[0], "h", INPUT, r->b * r->t * r->in, -1, 1);
    slot_set(&c->in[1], "head.weight", PARAM, r->d * r->in, -1, 1);
    c->out[0].elems = r->b;
    numbers_of(c, r->d);
}

static void head_build(struct graph *g, struct check *c)
{
    const struct ref *r = &c->r;
    struct tensor *w = graph_weight(g, "head.weight", 2, (size_t[]){r->d, r->in}, 1);
    c->out[0].tensor =
        op_head_cross_entropy(g, rows_of(g, c, 0, r->in), w, numbers(g, c), r->smoothing, r->rows);
}

static const struct tested bias_op = {"bias", bias_slots, bias_build, ref_bias, ref_bias_back, 0};
static const struct tested norm_op = {"norm", norm_slots, norm_build, ref_norm, ref_norm_back, 0};
static const struct tested rms_norm_op = {"rms_norm",   rms_norm_slots,    rms_norm_build,
                                          ref_rms_norm, ref_rms_norm_back, 0};
static const struct tested attention_op = {"attention",   attention_slots,    attention_build,
                                           ref_attention, ref_attention_back, 0};
static const struct tested over_op = {"attention_over", over_slots,    over_build,
                                      ref_over,         ref_over_back, 0};
static const struct tested linear_op = {"linear",   linear_slots,    linear_build,
                                        ref_linear, ref_linear_back, 0};
static const struct tested conv_op = {"conv1d", conv_slots, conv_build, ref_conv, ref_conv_back, 0};
static const struct tested max_pool_op = {"max_pool",   max_pool_slots,    max_pool_build,
                                          ref_max_pool, ref_max_pool_back, 0};
static const struct tested batch_norm_op = {"batch_norm",   batch_norm_slots,    batch_norm_build,
                                            ref_batch_norm, ref_batch_norm_back, 0};
static const struct tested window_op = {"window_norm", window_slots,    window_build,
                                        ref_window,    ref_window_back, 0};
static const struct tested latent_op = {"latent",   latent_slots,    latent_build,
                                        ref_latent, ref_latent_back, 0};
static const struct tested reconstruction_op = {"reconstruction",     reconstruction_slots,
                                                reconstruction_build, ref_sample_loss,
                                                ref_sample_loss_back, 1};
static const struct tested similarity_op = {"similarity",   similarity_slots,    similarity_build,
                                            ref_similarity, ref_similarity_back, 1};
static const struct tested nt_xent_op = {"nt_xent",   nt_xent_slots,    nt_xent_build,
                                         ref_nt_xent, ref_nt_xent_back, 1};

static const struct tested recurrent_op = {"recurrent",   recurrent_slots,    recurrent_build,
                                           ref_recurrent, ref_recurrent_back, 0};
static const struct tested pool_op = {"pool", pool_slots, pool_build, ref_pool, ref_pool_back, 0};

static const struct tested join_op = {"join", join_slots, join_build, ref_join, ref_join_back, 0};

static const struct tested mul_op = {"mul", mul_slots, mul_build, ref_mul, ref_mul_back, 0};
static const struct tested gate_op = {"gate", mul_slots, gate_build, ref_gate, ref_gate_back, 0};
static const struct tested scale_op = {"scale",   plain_slots,    scale_build,
                                       ref_scale, ref_scale_back, 0};
static const struct tested softmax_op = {"softmax",   plain_slots,      softmax_build,
                                         ref_softmax, ref_softmax_back, 0};
static const struct tested slice_op = {"slice",   slice_slots,    slice_build,
                                       ref_slice, ref_slice_back, 0};
static const struct tested transpose_op = {"transpose",   plain_slots,        transpose_build,
                                           ref_transpose, ref_transpose_back, 0};
static const struct tested embedding_op = {"embedding",   embedding_slots,    embedding_build,
                                           ref_embedding, ref_embedding_back, 0};
static const struct tested cross_entropy_op = {"cross_entropy",        cross_entropy_slots,
                                               cross_entropy_build,    ref_cross_entropy,
                                               ref_cross_entropy_back, 1};
static const struct tested distill_op = {"distill",   distill_slots,    distill_build,
                                         ref_distill, ref_distill_back, 1};
static const struct tested taught_op = {"taught",   reconstruction_slots, taught_build,
                                        ref_taught, ref_taught_back,      1};
static const struct tested head_op = {"head", head_slots, head_build, ref_head, ref_head_back, 1};

#define LSTM CELL_KIND_LSTM
#define GRU CELL_KIND_GRU
#define RNN CELL_KIND_RNN
#define MSE LOSS_KIND_MSE
#define MAE LOSS_KIND_MAE
#define HUBER LOSS_KIND_HUBER

/* Few widths, each a program: odd ones, one that no vector divides, one wider than a work-group. */
static const struct problem problems[] = {
    {.op = &bias_op, .shape = {.b = 1, .t = 1, .d = 1, .has_position = 1}},
    {.op = &bias_op, .shape = {.b = 3, .t = 5, .d = 7, .act = ACT_RELU, .p = 0.25}},
    {.op = &bias_op, .shape = {.b = 2, .t = 70, .d = 12, .act = ACT_GELU, .p = 0.5}},
    {.op = &bias_op, .shape = {.b = 3, .t = 5, .d = 20, .act = ACT_GELU}},
    {.op = &bias_op, .shape = {.b = 1, .t = 9, .d = 48, .act = ACT_GELU, .p = 0.1}},
    {.op = &bias_op, .shape = {.b = 5, .t = 3, .d = 200, .has_position = 1, .p = 0.1}},
    {.op = &bias_op, .shape = {.b = 70, .t = 1, .d = 200, .has_position = 1}},
    {.op = &bias_op, .shape = {.b = 3, .t = 5, .d = 7, .no_bias = 1, .p = 0.25}},
    {.op = &bias_op, .shape = {.b = 2, .t = 9, .d = 20, .no_bias = 1, .act = ACT_GELU, .p = 0.5}},
    {.op = &bias_op, .shape = {.b = 3, .t = 5, .d = 7, .act = ACT_GELU, .no_bias = 1}},
    {.op = &bias_op, .shape = {.b = 3, .t = 50, .d = 7, .act = ACT_RRELU, .no_bias = 1}},
    {.op = &bias_op, .shape = {.b = 2, .t = 70, .d = 48, .act = ACT_RRELU}},
    {.op = &bias_op,
     .watched = BOTH,
     .shape = {.b = 2, .t = 5, .d = 7, .act = ACT_SILU, .p = 0.25}},
    {.op = &bias_op, .shape = {.b = 3, .t = 5, .d = 48, .act = ACT_SILU}},
    {.op = &bias_op, .watched = BOTH, .shape = {.b = 2, .t = 5, .d = 7, .act = ACT_GELU_TANH}},
    {.op = &bias_op, .shape = {.b = 3, .t = 5, .d = 48, .act = ACT_GELU_TANH, .no_bias = 1}},

    {.op = &bias_op, .shape = {.b = 3, .t = 5, .d = 7, .act = ACT_GELU, .p = 0.25}, .added = 1},

    /* pre-norm: the first norm; a joint whose sum goes on; the last joint, without a norm */
    {.op = &norm_op, .shape = {.b = 2, .t = 5, .d = 20, .has_norm = 1}},
    {.op = &norm_op, .shape = {.b = 2, .t = 5, .d = 20, .has_norm = 1}, .added = 1},
    {.op = &norm_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 7, .d = 12, .has_bias = 1, .has_residual = 1, .has_norm = 1, .p = 0.2},
     .sum = 1},
    {.op = &norm_op,
     .shape = {.b = 2, .t = 70, .d = 12, .has_bias = 1, .has_residual = 1, .has_norm = 1, .p = 0.2},
     .sum = 1,
     .added = 5},
    {.op = &norm_op,
     .watched = BOTH,
     .shape = {.b = 2, .t = 3, .d = 12, .has_bias = 1, .has_residual = 1, .has_norm = 1, .p = 0.2},
     .sum = 1,
     .unused = 2},
    {.op = &norm_op,
     .shape = {.b = 2, .t = 3, .d = 12, .has_bias = 1, .has_residual = 1, .has_norm = 1, .p = 0.2},
     .sum = 1,
     .unused = 1},
    {.op = &norm_op,
     .shape = {.b = 3, .t = 5, .d = 7, .has_bias = 1, .has_residual = 1, .p = 0.3},
     .sum = 1},
    {.op = &norm_op, .shape = {.b = 2, .t = 5, .d = 20, .has_norm = 1, .eps = 0.25}},
    {.op = &norm_op, .shape = {.b = 9, .t = 32, .d = 257, .has_norm = 1}}, /* sums of 72 groups */
    {.op = &norm_op,
     .shape = {.b = 2, .t = 5, .d = 7, .has_norm = 1, .has_residual = 1, .eps = 1e-3}},
    {.op = &rms_norm_op, .watched = BOTH, .shape = {.b = 2, .t = 5, .d = 7, .eps = 0.25}},
    {.op = &rms_norm_op, .shape = {.b = 2, .t = 30, .d = 64, .eps = 1e-6}},
    {.op = &rms_norm_op, .shape = {.b = 1, .t = 1, .d = 1}, .tolerance = 1e-4},
    {.op = &rms_norm_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7}},
    {.op = &rms_norm_op, .shape = {.b = 3, .t = 5, .d = 7}, .fixed = 1},
    {.op = &rms_norm_op, .shape = {.b = 2, .t = 70, .d = 20}, .added = 1},
    {.op = &rms_norm_op, .shape = {.b = 70, .t = 1, .d = 200}},
    {.op = &rms_norm_op, .watched = BOTH, .shape = {.b = 2, .t = 3, .d = 48}, .added = 1},
    {.op = &rms_norm_op, .shape = {.b = 2, .t = 2, .d = 1100}},
    /* post-norm */
    {.op = &norm_op,
     .shape =
         {.b = 2, .t = 70, .d = 48, .has_bias = 1, .has_residual = 1, .has_norm = 1, .p = 0.1}},
    {.op = &norm_op,
     .shape = {.b = 1, .t = 1, .d = 1, .has_bias = 1, .has_residual = 1, .has_norm = 1}},
    {.op = &norm_op,
     .watched = BOTH,
     .shape = {.b = 2, .t = 3, .d = 200, .has_residual = 1, .has_norm = 1, .p = 0.5},
     .added = 4},
    {.op = &norm_op, .shape = {.b = 2, .t = 2, .d = 1100, .has_bias = 1, .has_norm = 1}, .sum = 1},
    /* op_norm_relu */
    {.op = &norm_op,
     .watched = BOTH,
     .shape = {.b = 5, .t = 1, .d = 7, .has_bias = 1, .has_norm = 1, .relu = 1, .p = 0.25}},
    {.op = &norm_op,
     .shape = {.b = 70, .t = 2, .d = 200, .has_bias = 1, .has_norm = 1, .relu = 1, .p = 0.1}},
    {.op = &norm_op,
     .watched = BOTH,
     .shape = {.b = 1, .t = 4, .d = 20, .has_norm = 1, .relu = 1},
     .added = 1},

    {.op = &attention_op, .on_cpu = 1, .shape = {.b = 1, .t = 1, .d = 1, .heads = 1}},
    {.op = &attention_op,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 5, .d = 21, .heads = 3, .p = 0.25}},
    {.op = &attention_op, .on_cpu = 1, .shape = {.b = 2, .t = 16, .d = 16, .heads = 2}},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 3, .t = 17, .d = 4, .heads = 4, .p = 0.5}},
    {.op = &attention_op, .shape = {.b = 1, .t = 33, .d = 20, .heads = 1, .p = 0.1}},
    /* as on a GPU several tiles */
    {.op = &attention_op, .on_cpu = 1, .shape = {.b = 2, .t = 100, .d = 12, .heads = 1, .p = 0.1}},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 1, .d = 3, .heads = 1, .causal = 1, .rotary = 1}},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 17, .d = 12, .heads = 2, .causal = 1, .p = 0.25}},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 9, .d = 10, .heads = 2, .causal = 1, .rotary = 1, .p = 0.1}},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 33, .d = 16, .heads = 2, .rotary = 1}},
    /* whole vectors of a head, beyond one block of a CPU's backward pass */
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 66, .d = 64, .heads = 2, .causal = 1, .rotary = 1, .p = 0.2}},
    {.op = &attention_op, .on_cpu = 1, .shape = {.b = 2, .t = 97, .d = 16, .heads = 1}},
    /* in tiles: less than one, some, more than one block of queries */
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 1, .d = 4, .heads = 2},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 17, .d = 15, .heads = 3, .p = 0.25},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 17, .d = 8, .heads = 2, .causal = 1, .p = 0.25},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 130, .d = 8, .heads = 1, .p = 0.1},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 1, .t = 131, .d = 8, .heads = 2, .causal = 1, .rotary = 1, .p = 0.1},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 300, .d = 3, .heads = 1, .causal = 1, .p = 0.2},
     .cut = ATTEND_SPLIT},
    /* the same with the backward pass in one kernel */
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 1, .d = 4, .heads = 2},
     .cut = ATTEND_TILES},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 17, .d = 15, .heads = 3, .p = 0.25},
     .cut = ATTEND_TILES},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 17, .d = 8, .heads = 2, .causal = 1, .p = 0.25},
     .cut = ATTEND_TILES},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 130, .d = 8, .heads = 1, .p = 0.1},
     .cut = ATTEND_TILES},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 1, .t = 131, .d = 8, .heads = 2, .causal = 1, .rotary = 1, .p = 0.1},
     .cut = ATTEND_TILES},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 300, .d = 3, .heads = 1, .causal = 1, .p = 0.2},
     .cut = ATTEND_TILES},
    /* tiles too large for local memory as on a GPU */
    {.op = &attention_op,
     .shape = {.b = 1, .t = 19, .d = 400, .heads = 1, .causal = 1},
     .cut = ATTEND_SPLIT},
    /* rows of a head for which there are no registers: a window as a whole, in tiles of which some
     * fit into local memory */
    {.op = &attention_op,
     .watched = BOTH,
     .shape = {.b = 1, .t = 5, .d = 258, .heads = 1, .causal = 1, .p = 0.25}},
    {.op = &attention_op,
     .shape = {.b = 1, .t = 19, .d = 320, .heads = 2, .keys = 1, .causal = 1, .p = 0.25},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .shape = {.b = 1, .t = 19, .d = 320, .heads = 2, .keys = 1, .p = 0.25},
     .cut = ATTEND_TILES},
    /* heads that share keys and values */
    {.op = &attention_op,
     .watched = BOTH,
     .shape = {.b = 2, .t = 9, .d = 12, .heads = 4, .keys = 2, .causal = 1, .p = 0.25}},
    {.op = &attention_op,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 7, .d = 15, .heads = 3, .keys = 1, .causal = 1, .rotary = 1}},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 33, .d = 36, .heads = 9, .keys = 3, .rotary = 1}},
    {.op = &attention_op,
     .shape = {.b = 1, .t = 70, .d = 128, .heads = 4, .keys = 2, .causal = 1, .p = 0.1}},
    {.op = &attention_op,
     .watched = BOTH,
     .shape = {.b = 2, .t = 17, .d = 12, .heads = 4, .keys = 2, .causal = 1, .p = 0.25},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape = {.b = 1, .t = 131, .d = 12, .heads = 3, .keys = 1, .causal = 1, .rotary = 1},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 140, .d = 8, .heads = 4, .keys = 2, .p = 0.1},
     .cut = ATTEND_SPLIT},
    {.op = &attention_op,
     .watched = BOTH,
     .shape = {.b = 2, .t = 17, .d = 12, .heads = 4, .keys = 2, .causal = 1, .p = 0.25},
     .cut = ATTEND_TILES},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 140, .d = 9, .heads = 3, .keys = 1, .causal = 1},
     .cut = ATTEND_TILES},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 9, .d = 12, .heads = 4, .keys = 2, .rotary = 1},
     .added = 1},
    /* with other readers, with and without rotary positions */
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 5, .d = 12, .heads = 3, .p = 0.25},
     .added = 1},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 17, .d = 8, .heads = 2, .causal = 1, .p = 0.25},
     .cut = ATTEND_SPLIT,
     .added = 1},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 9, .d = 10, .heads = 2, .rotary = 1},
     .added = 1},

    /* rotary positions by halves, of other bases */
    {.op = &attention_op,
     .on_cpu = 1,
     .shape =
         {.b = 2, .t = 9, .d = 10, .heads = 2, .causal = 1, .rotary = 1, .halves = 1, .base = 500}},
    {.op = &attention_op,
     .on_cpu = 1,
     .watched = AS_CPU,
     .shape =
         {.b = 2, .t = 7, .d = 16, .heads = 2, .keys = 1, .rotary = 1, .halves = 1, .base = 1e6},
     .added = 1},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 1, .d = 1, .heads = 1, .rotary = 1, .halves = 1}},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 1, .t = 66, .d = 64, .heads = 2, .causal = 1, .rotary = 1, .halves = 1}},
    {.op = &attention_op,
     .on_cpu = 1,
     .shape = {.b = 2, .t = 5, .d = 10, .heads = 2, .rotary = 1, .base = 70}},

    /* the tiles of a GPU: each side of them, whole and odd heads of each width, one row too few or
     * too many, short batches */
    {.op = &attention_op,
     .watched = AS_CPU,
     .shape = {.b = 3, .t = 5, .d = 48, .heads = 2, .keys = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 21, .d = 24, .heads = 2, .p = 0.25}},
    {.op = &attention_op,
     .watched = AS_CPU,
     .shape = {.b = 1, .t = 34, .d = 37, .heads = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op,
     .watched = BOTH,
     .shape = {.b = 1, .t = 66, .d = 8, .heads = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op, .shape = {.b = 2, .t = 65, .d = 64, .heads = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op, .shape = {.b = 1, .t = 64, .d = 128, .heads = 2, .p = 0.1}},
    {.op = &attention_op,
     .shape = {.b = 2, .t = 63, .d = 192, .heads = 3, .keys = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op,
     .shape = {.b = 1, .t = 130, .d = 256, .heads = 2, .keys = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op, .shape = {.b = 1, .t = 65, .d = 100, .heads = 1, .p = 0.1}},
    {.op = &attention_op, .shape = {.b = 1, .t = 35, .d = 101, .heads = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op,
     .shape = {.b = 1, .t = 67, .d = 512, .heads = 2, .keys = 1, .causal = 1, .p = 0.1}},
    {.op = &attention_op, .watched = BOTH, .shape = {.b = 1, .t = 5, .d = 160, .heads = 1}},

    {.op = &over_op, .shape = {.b = 1, .t = 1, .d = 1, .heads = 1, .in = 1}},
    {.op = &over_op, .watched = BOTH, .shape = {.b = 2, .t = 19, .d = 12, .heads = 3, .in = 1}},
    {.op = &over_op,
     .watched = BOTH,
     .shape = {.b = 2, .t = 5, .d = 16, .heads = 2, .in = 3, .per_sample = 1},
     .added = 3},
    {.op = &over_op, .shape = {.b = 3, .t = 40, .d = 32, .heads = 1, .in = 7}, .added = 3},
    {.op = &over_op, .shape = {.b = 2, .t = 70, .d = 144, .heads = 2, .in = 33}},
    {.op = &over_op, .shape = {.b = 1, .t = 333, .d = 20, .heads = 4, .in = 5}, .fixed = 1},
    {.op = &over_op, .shape = {.b = 2, .t = 17, .d = 9, .heads = 3, .in = 2}, .fixed = 2},

    {.op = &linear_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1}},
    {.op = &linear_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7, .in = 12}},
    {.op = &linear_op, .shape = {.b = 3, .t = 5, .d = 7, .in = 12}, .fixed = 1},
    {.op = &linear_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1, .weight_bits = 8}},
    {.op = &linear_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 5, .d = 7, .in = 23, .weight_bits = 8}},
    {.op = &linear_op, .shape = {.b = 2, .t = 9, .d = 70, .in = 300, .weight_bits = 8}, .added = 1},
    {.op = &linear_op, .shape = {.b = 2, .t = 9, .d = 20, .in = 40, .weight_bits = 16}},
    {.op = &linear_op, .shape = {.b = 2, .t = 70, .d = 20, .in = 200}, .added = 1},
    {.op = &linear_op, .shape = {.b = 40, .t = 8, .d = 200, .in = 7}},
    {.op = &linear_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7, .in = 12, .in_out = 1}},
    {.op = &linear_op, .shape = {.b = 2, .t = 70, .d = 20, .in = 200, .in_out = 1}, .added = 1},

    {.op = &conv_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1, .kernel = 1, .stride = 1}},
    {.op = &conv_op, .shape = {.b = 3, .t = 17, .d = 7, .in = 5, .kernel = 1, .stride = 1}},
    {.op = &conv_op, .shape = {.b = 2, .t = 5, .d = 3, .in = 4, .kernel = 1, .stride = 2}},
    {.op = &conv_op,
     .shape =
         {.b = 2, .t = 17, .d = 20, .in = 3, .kernel = 3, .stride = 1, .before = 1, .after = 1},
     .fixed = 1},
    {.op = &conv_op,
     .watched = BOTH,
     .shape =
         {.b = 3, .t = 17, .d = 7, .in = 12, .kernel = 3, .stride = 2, .before = 1, .after = 1},
     .added = 1},
    {.op = &conv_op,
     .watched = BOTH,
     .shape =
         {.b = 2, .t = 20, .d = 5, .in = 2, .kernel = 2, .stride = 5, .before = 4, .after = 4}},
    {.op = &conv_op,
     .shape =
         {.b = 2, .t = 3, .d = 5, .in = 70, .kernel = 7, .stride = 3, .before = 3, .after = 3}},
    {.op = &conv_op, .shape = {.b = 1, .t = 9, .d = 4, .in = 3, .kernel = 9, .stride = 1}},
    {.op = &conv_op,
     .shape = {.b = 2, .t = 9, .d = 4, .in = 3, .kernel = 3, .stride = 1, .no_bias = 1}},
    /* dilated; causal, all zeros in front, also where the kernel reaches beyond the window */
    {.op = &conv_op,
     .watched = BOTH,
     .shape =
         {.b = 3, .t = 17, .d = 7, .in = 5, .kernel = 3, .stride = 1, .dilation = 4, .before = 8},
     .added = 1},
    {.op = &conv_op,
     .shape =
         {.b = 2, .t = 5, .d = 3, .in = 4, .kernel = 7, .stride = 1, .dilation = 2, .before = 12}},
    {.op = &conv_op,
     .shape =
         {.b = 2, .t = 5, .d = 3, .in = 4, .kernel = 2, .stride = 1, .dilation = 9, .before = 9}},
    {.op = &conv_op,
     .shape =
         {.b = 1, .t = 1, .d = 1, .in = 1, .kernel = 3, .stride = 1, .dilation = 1, .before = 2}},
    {.op = &conv_op,
     .watched = BOTH,
     .shape = {.b = 2,
               .t = 20,
               .d = 5,
               .in = 3,
               .kernel = 4,
               .stride = 3,
               .dilation = 2,
               .before = 1,
               .after = 5},
     .added = 1},
    {.op = &conv_op,
     .shape =
         {.b = 2, .t = 9, .d = 20, .in = 70, .kernel = 3, .stride = 2, .dilation = 4, .after = 3}},
    {.op = &conv_op,
     .shape =
         {.b = 2, .t = 6, .d = 4, .in = 3, .kernel = 1, .stride = 1, .after = 2, .no_bias = 1}},

    {.op = &max_pool_op, .shape = {.b = 1, .t = 1, .d = 1, .span = 1}},
    {.op = &max_pool_op, .watched = BOTH, .shape = {.b = 3, .t = 17, .d = 7, .span = 2}},
    {.op = &max_pool_op, .shape = {.b = 40, .t = 11, .d = 48, .span = 4}},
    {.op = &max_pool_op, .shape = {.b = 3, .t = 9, .d = 7, .span = 2}, .added = 1},

    {.op = &batch_norm_op, .shape = {.b = 3, .t = 1, .d = 1, .has_bias = 1}, .tolerance = 1e-4},
    {.op = &batch_norm_op, .watched = BOTH, .shape = {.b = 3, .t = 17, .d = 7, .has_bias = 1}},
    {.op = &batch_norm_op,
     .watched = BOTH,
     .shape = {.b = 6, .t = 5, .d = 12, .count = 4, .has_bias = 1},
     .over_batch = 1},
    {.op = &batch_norm_op, .shape = {.b = 40, .t = 50, .d = 48, .count = 7}, .over_batch = 1},
    {.op = &batch_norm_op,
     .shape = {.b = 3, .t = 5, .d = 200, .count = 2, .has_bias = 1},
     .over_batch = 1},
    {.op = &batch_norm_op, .shape = {.b = 3, .t = 17, .d = 7, .has_bias = 1}, .added = 1},

    {.op = &window_op, .shape = {.b = 1, .t = 7, .d = 1, .in = 1, .rows = 1}, .unused = 2},
    {.op = &window_op,
     .shape = {.b = 2, .t = 7, .d = 3, .in = 4, .rows = 2},
     .unused = 2,
     .added = 1,
     .tolerance = 3e-5},
    {.op = &window_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 17, .d = 5, .in = 4, .rows = 6},
     .unused = 2,
     .tolerance = 3e-5},

    /* one row, one sample, one unit; widths no vector divides; batches that leave a bunch of
     * sequences incomplete; both directions; a width whose steps are products */
    {.op = &recurrent_op,
     .watched = BOTH,
     .shape = {.b = 1, .t = 1, .d = 1, .in = 1, .cell = LSTM, .dirs = 1}},
    {.op = &recurrent_op, .shape = {.b = 7, .t = 5, .d = 23, .in = 2, .cell = LSTM, .dirs = 1}},
    {.op = &recurrent_op,
     .watched = BOTH,
     .shape = {.b = 13, .t = 4, .d = 7, .in = 3, .cell = LSTM, .dirs = 2}},
    {.op = &recurrent_op,
     .shape = {.b = 2, .t = 9, .d = 48, .in = 5, .cell = LSTM, .dirs = 2},
     .added = 1},
    {.op = &recurrent_op, .shape = {.b = 3, .t = 1, .d = 16, .in = 6, .cell = LSTM, .dirs = 2}},
    {.op = &recurrent_op, .shape = {.b = 3, .t = 3, .d = 261, .in = 2, .cell = LSTM, .dirs = 2}},
    {.op = &recurrent_op, .shape = {.b = 33, .t = 9, .d = 37, .in = 30, .cell = LSTM, .dirs = 2}},
    {.op = &recurrent_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1, .cell = GRU, .dirs = 2}},
    {.op = &recurrent_op, .shape = {.b = 17, .t = 10, .d = 64, .in = 64, .cell = GRU, .dirs = 1}},
    {.op = &recurrent_op, .shape = {.b = 21, .t = 6, .d = 23, .in = 2, .cell = GRU, .dirs = 1}},
    {.op = &recurrent_op,
     .shape = {.b = 9, .t = 4, .d = 23, .in = 7, .cell = GRU, .dirs = 2},
     .added = 1},
    {.op = &recurrent_op,
     .watched = BOTH,
     .shape = {.b = 5, .t = 7, .d = 12, .in = 4, .cell = GRU, .dirs = 1},
     .fixed = 1},
    {.op = &recurrent_op, .shape = {.b = 130, .t = 2, .d = 5, .in = 1, .cell = GRU, .dirs = 1}},
    {.op = &recurrent_op, .shape = {.b = 3, .t = 1, .d = 258, .in = 2, .cell = LSTM, .dirs = 2}},
    {.op = &recurrent_op, .shape = {.b = 4, .t = 2, .d = 264, .in = 3, .cell = GRU, .dirs = 2}},
    {.op = &recurrent_op,
     .shape = {.b = 2, .t = 3, .d = 257, .in = 2, .cell = GRU, .dirs = 1},
     .added = 1},
    {.op = &recurrent_op, .shape = {.b = 1, .t = 3, .d = 1, .in = 2, .cell = RNN, .dirs = 1}},
    {.op = &recurrent_op,
     .watched = BOTH,
     .shape = {.b = 11, .t = 5, .d = 23, .in = 2, .cell = RNN, .dirs = 2}},
    {.op = &recurrent_op, .shape = {.b = 2, .t = 70, .d = 20, .in = 3, .cell = RNN, .dirs = 1}},
    {.op = &recurrent_op,
     .watched = AS_CPU,
     .shape = {.b = 2, .t = 3, .d = 270, .in = 3, .cell = RNN, .dirs = 1}},
    {.op = &recurrent_op, .shape = {.b = 66, .t = 3, .d = 257, .in = 2, .cell = RNN, .dirs = 2}},
    {.op = &recurrent_op, .shape = {.b = 37, .t = 2, .d = 321, .in = 1, .cell = GRU, .dirs = 2}},
    {.op = &recurrent_op,
     .shape = {.b = 130, .t = 2, .d = 300, .in = 1, .cell = LSTM, .dirs = 1},
     .added = 1},

    {.op = &join_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1}},
    {.op = &join_op, .shape = {.b = 3, .t = 50, .d = 6, .in = 23}, .added = 1},
    {.op = &join_op, .shape = {.b = 2, .t = 7, .d = 40, .in = 3}, .fixed = 2, .added = 1},

    {.op = &mul_op, .shape = {.b = 1, .t = 1, .d = 1}},
    {.op = &mul_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7}, .added = 2},
    {.op = &mul_op, .shape = {.b = 40, .t = 70, .d = 48}, .fixed = 1, .added = 2},
    {.op = &gate_op, .shape = {.b = 1, .t = 1, .d = 1, .act = ACT_SILU}},
    {.op = &gate_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7, .act = ACT_SILU}},
    {.op = &gate_op, .shape = {.b = 4, .t = 70, .d = 48, .act = ACT_SILU}, .added = 3},
    {.op = &gate_op, .watched = BOTH, .shape = {.b = 2, .t = 3, .d = 20, .act = ACT_GELU_TANH}},
    {.op = &gate_op, .shape = {.b = 3, .t = 5, .d = 7, .act = ACT_GELU_TANH}, .added = 1},
    {.op = &gate_op, .shape = {.b = 3, .t = 5, .d = 7, .act = ACT_SILU}, .fixed = 1},
    {.op = &gate_op, .shape = {.b = 3, .t = 5, .d = 8, .act = ACT_GELU}, .fixed = 2},
    {.op = &scale_op, .shape = {.b = 1, .t = 1, .d = 1, .factor = 3}},
    {.op = &scale_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7, .factor = -0.125}},
    {.op = &scale_op, .shape = {.b = 40, .t = 70, .d = 48, .factor = 0.3}, .added = 1},
    {.op = &softmax_op, .shape = {.b = 1, .t = 1, .d = 1}},
    {.op = &softmax_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7}},
    {.op = &softmax_op, .shape = {.b = 2, .t = 70, .d = 300}, .added = 1},
    {.op = &slice_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1}},
    {.op = &slice_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7, .in = 20, .rows = 13}},
    {.op = &slice_op, .shape = {.b = 3, .t = 50, .d = 40, .in = 90, .rows = 3}, .added = 1},
    {.op = &transpose_op, .shape = {.b = 1, .t = 1, .d = 1}},
    {.op = &transpose_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7}},
    {.op = &transpose_op, .shape = {.b = 2, .t = 70, .d = 33}, .added = 1},
    {.op = &embedding_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1}},
    {.op = &embedding_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7, .in = 4}},
    {.op = &embedding_op, .shape = {.b = 2, .t = 170, .d = 200, .in = 23}},
    {.op = &embedding_op, .shape = {.b = 3, .t = 90, .d = 12, .in = 300}},
    {.op = &embedding_op, .shape = {.b = 7, .t = 61, .d = 33, .in = 3}},
    {.op = &embedding_op, .shape = {.b = 2, .t = 300, .d = 6, .in = 900}},
    {.op = &cross_entropy_op, .shape = {.b = 1, .t = 1, .d = 1}},
    {.op = &cross_entropy_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 5, .d = 7, .count = 2},
     .group = 7},
    {.op = &cross_entropy_op, .shape = {.b = 4, .t = 4, .d = 3, .smoothing = 0.1}, .added = 1},
    {.op = &cross_entropy_op, .shape = {.b = 5, .t = 1, .d = 1100, .smoothing = 0.2}},
    {.op = &head_op, .shape = {.b = 1, .t = 1, .d = 1, .in = 1}},
    {.op = &head_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 5, .d = 7, .in = 4, .count = 2},
     .group = 7},
    {.op = &head_op, .shape = {.b = 12, .t = 9, .d = 65, .in = 20}, .added = 1},
    {.op = &head_op, .shape = {.b = 3, .t = 4, .d = 33, .in = 5, .smoothing = 0.1}},
    /* rows in parts: equal ones, a last one that is shorter, one row each */
    {.op = &head_op, .shape = {.b = 2, .t = 30, .d = 65, .in = 7, .rows = 30}},
    {.op = &head_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 5, .d = 19, .in = 4, .rows = 4, .smoothing = 0.2, .count = 2},
     .added = 1},
    {.op = &head_op, .shape = {.b = 3, .t = 17, .d = 300, .in = 12, .rows = 20}, .fixed = 1},
    {.op = &head_op, .shape = {.b = 1, .t = 3, .d = 1100, .in = 3, .rows = 1}},

    {.op = &pool_op, .shape = {.b = 1, .t = 1, .d = 1, .pool = POOL_LAST}},
    {.op = &pool_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 5, .d = 14, .pool = POOL_LAST, .reverse = 7}},
    {.op = &pool_op, .shape = {.b = 2, .t = 19, .d = 48, .pool = POOL_LAST}, .added = 1},
    {.op = &pool_op, .watched = BOTH, .shape = {.b = 3, .t = 5, .d = 7, .pool = POOL_MEAN}},
    {.op = &pool_op, .shape = {.b = 2, .t = 70, .d = 20, .pool = POOL_MEAN}, .added = 1},
    {.op = &pool_op, .watched = BOTH, .shape = {.b = 2, .t = 2, .d = 3, .pool = POOL_ATTENTION}},
    {.op = &pool_op, .shape = {.b = 3, .t = 70, .d = 23, .pool = POOL_ATTENTION}},
    {.op = &pool_op, .shape = {.b = 5, .t = 9, .d = 200, .pool = POOL_ATTENTION}, .added = 1},

    {.op = &latent_op, .shape = {.b = 1, .d = 1, .normalize = 1}},
    {.op = &latent_op, .shape = {.b = 5, .d = 7, .normalize = 1}},
    {.op = &latent_op, .shape = {.b = 5, .d = 7, .normalize = 1}, .added = 1},
    {.op = &latent_op, .shape = {.b = 4, .d = 200, .normalize = 1}},
    {.op = &latent_op, .shape = {.b = 3, .d = 7}},
    {.op = &latent_op, .shape = {.b = 2, .d = 200}},

    {.op = &reconstruction_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 5, .d = 7, .count = 2, .kind = MSE},
     .group = 7},
    {.op = &reconstruction_op, .shape = {.b = 1, .t = 1, .d = 1, .kind = MSE}},
    {.op = &reconstruction_op, .shape = {.b = 3, .t = 5, .d = 7, .kind = MSE}, .added = 1},
    {.op = &reconstruction_op,
     .shape = {.b = 2, .t = 101, .d = 301, .kind = MSE},
     .tolerance = 1e-6},
    {.op = &reconstruction_op,
     .watched = BOTH,
     .shape = {.b = 4, .t = 3, .d = 5, .kind = MAE},
     .group = 12},
    {.op = &reconstruction_op, .shape = {.b = 2, .t = 100, .d = 12, .kind = MAE, .count = 1}},
    {.op = &reconstruction_op,
     .watched = BOTH,
     .shape = {.b = 4, .t = 8, .d = 12, .kind = HUBER, .count = 3},
     .group = 5},
    {.op = &reconstruction_op, .shape = {.b = 1, .t = 1, .d = 7, .kind = HUBER}},

    {.op = &taught_op,
     .watched = BOTH,
     .shape = {.b = 4, .t = 3, .d = 5, .temperature = 3, .count = 3},
     .group = 5},
    {.op = &taught_op, .shape = {.b = 2, .t = 1, .d = 1, .temperature = 0.5}, .added = 1},

    {.op = &distill_op,
     .watched = BOTH,
     .shape = {.b = 3, .t = 6, .d = 7, .temperature = 2, .share = 0.3, .count = 2},
     .group = 5},
    {.op = &distill_op,
     .shape = {.b = 4, .t = 4, .d = 3, .temperature = 0.5, .share = 0.9},
     .added = 1},
    {.op = &distill_op, .shape = {.b = 5, .t = 1, .d = 1100, .temperature = 4, .share = 0.5}},

    {.op = &similarity_op, .shape = {.b = 6, .d = 7, .count = 4}, .weight = 0.7, .group = 9},
    {.op = &similarity_op,
     .shape = {.b = 6, .d = 7, .count = 4},
     .weight = 0.7,
     .group = 9,
     .added = 1},
    {.op = &similarity_op, .shape = {.b = 1, .d = 7}, .weight = 0.7},
    {.op = &similarity_op, .shape = {.b = 3, .d = 7, .count = 1}, .weight = 0.7},
    {.op = &similarity_op, .shape = {.b = 3, .d = 1}, .weight = 1},
    {.op = &similarity_op, .shape = {.b = 40, .d = 200, .count = 33}, .weight = 0.1, .added = 1},

    {.op = &nt_xent_op,
     .watched = BOTH,
     .shape = {.b = 6, .d = 7, .count = 4, .temperature = 0.5},
     .weight = 0.7,
     .group = 9},
    {.op = &nt_xent_op,
     .shape = {.b = 6, .d = 7, .count = 4, .temperature = 0.5},
     .weight = 0.7,
     .added = 3},
    {.op = &nt_xent_op, .shape = {.b = 1, .d = 7, .temperature = 0.5}, .weight = 0.7},
    {.op = &nt_xent_op,
     .watched = BOTH,
     .shape = {.b = 3, .d = 7, .temperature = 0.5, .count = 1},
     .weight = 0.7,
     .added = 1},
    {.op = &nt_xent_op, .shape = {.b = 2, .d = 1, .temperature = 0.1}, .weight = 1},
    {.op = &nt_xent_op,
     .shape = {.b = 40, .d = 200, .count = 33, .temperature = 0.1},
     .weight = 0.1},
    {.op = &nt_xent_op,
     .shape = {.b = 5, .d = 7, .temperature = 0.005},
     .weight = 1,
     .tolerance = 1e-4},
};
#define PROBLEMS (sizeof problems / sizeof *problems)

struct job {
    const struct problem *problem;
    void (*test)(int mode);
    int mode;
    char name[100];
};

static void run_job(void **state)
{
    const struct job *job = *state;
    if (job->problem)
        run_problem(job->problem, job->mode);
    else {
        compile_quickly(job->mode);
        job->test(job->mode);
    }
}

/* --- what does not fit the table */

static struct graph *graph_open(size_t batch, int training)
{
    struct params *params = params_new(0);
    struct graph *g = params ? graph_new(params, batch, training) : NULL;
    assert_non_null(g);
    return g;
}

static struct plan *lowered(struct graph *g, int mode)
{
    graph_fuse(g);
    struct plan *p = lower_graph(g, device_of(mode), &err);
    if (!p)
        fail_msg("%s", err.text);
    return p;
}

static void plan_ready(struct plan *p, int scattered)
{
    p->scattered = scattered;
    OK(plan_place(p, &err));
    OK(plan_check(p, &err));
    OK(exec_prepare(p, NULL, GEMM, &err));
}

static void plan_close(struct plan *p)
{
    struct params *params = p->params;
    plan_free(p);
    params_free(params);
}

/* A state of floats in one dimension, or in three. */
static struct tensor *flat(struct graph *g, const char *name, size_t elems)
{
    return graph_state(g, name, DTYPE_F32, 1, &elems);
}

static struct tensor *constant3(struct graph *g, const char *name, size_t a, size_t b, size_t c,
                                const float *values)
{
    return graph_constant(g, name, 3, (size_t[]){a, b, c}, values);
}

static void keys(struct graph *g)
{
    g->sample = graph_state(g, "sample", DTYPE_U32, 1, &g->batch);
}

static void run_step(struct plan *p, const struct step *step)
{
    OK(tensor_write(p->step, step, &err));
    OK(exec_run(p, 0, p->launch_count, &err));
}

static float *fetch(const struct tensor *t)
{
    float *x = room(t->elems * sizeof *x);
    OK(tensor_read(t, x, &err));
    return x;
}

/* The known answers that come with Random123, for seven rounds. */
static void test_philox(int mode)
{
    uint32_t r[4];
    (void)mode;
    philox(r, 0, 0, 0, 0, 0);
    assert_memory_equal(r, ((uint32_t[]){0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}), 16);
    philox(r, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, UINT64_C(0x299f31d0a4093822));
    assert_memory_equal(r, ((uint32_t[]){0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}), 16);
}

/* Dropout of ones, and of gradients of one: [batch, t, d] both. */
static void drop_ones(int mode, const uint32_t *samples, size_t batch, size_t t, size_t d, double p,
                      float **forward, float **backward)
{
    struct graph *g = graph_open(batch, 1);
    size_t n = batch * t * d;
    float *ones = room(n * sizeof *ones);
    for (size_t i = 0; i < n; i++)
        ones[i] = 1;
    keys(g);
    struct tensor *x = constant3(g, "x", batch, t, d, ones);
    x->needs_grad = 1;
    struct tensor *y =
        op_dropout(g, op_bias(g, x, flat(g, "bias", d)), p, "decoder.layers.1.dropout");
    y->keep = 1;
    y->grad = constant3(g, "upstream", batch, t, d, ones);
    y->grad_written = 1;
    struct plan *plan = lowered(g, mode);
    x->grad->keep = 1;
    plan_ready(plan, 0);
    OK(tensor_write(g->sample, samples, &err));
    run_step(plan, &(struct step){.count = (uint32_t)batch, .epoch = 2, .seed = {11, 12}});
    *forward = fetch(y);
    *backward = fetch(x->grad);
    plan_close(plan);
    free(ones);
}

/* A mask belongs to the sample, not to its place; the share that is kept is right; the backward
 * pass has the same mask. */
static void test_masks(int mode)
{
    enum { B = 9, T = 31, D = 20 };
    const double p = 0.3, scale = 1 / (1 - floor(0.3 * 65536 + 0.5) / 65536);
    uint32_t samples[B], few[2];
    for (size_t b = 0; b < B; b++)
        samples[b] = sample_of(b);
    few[0] = samples[7];
    few[1] = samples[2];
    float *y, *dx, *y2, *dx2;
    drop_ones(mode, samples, B, T, D, p, &y, &dx);
    drop_ones(mode, few, 2, T, D, p, &y2, &dx2);
    assert_memory_equal(y, dx, B * T * D * sizeof *y);
    assert_memory_equal(y2, y + 7 * T * D, T * D * sizeof *y);
    assert_memory_equal(y2 + T * D, y + 2 * T * D, T * D * sizeof *y);
    size_t kept = 0, alike = 0;
    for (size_t i = 0; i < B * T * D; i++) {
        kept += y[i] > 0;
        assert_true(y[i] == 0 || fabs(y[i] - scale) < 1e-6);
    }
    double n = B * T * D, sd = sqrt(n * p * (1 - p));
    if (fabs((double)kept - n * (1 - p)) > 4 * sd)
        fail_msg("%zu of %g elements kept at p = %g", kept, n, p);
    for (size_t i = 0; i < T * D; i++) /* two samples differ in 2 p (1 - p) of their elements */
        alike += (y2[i] > 0) == (y2[T * D + i] > 0);
    if (fabs((double)alike - T * D * (1 - 2 * p * (1 - p))) > 4 * sqrt(T * D * 0.25))
        fail_msg("masks of two samples agree in %zu of %d elements", alike, T * D);
    free(y);
    free(dx);
    free(y2);
    free(dx2);
}

static void gather(int mode, size_t features, size_t window, int scaling, double tolerance)
{
    enum { ROWS = 90, ORDER = 20, B = 5 };
    struct graph *g = graph_open(B, 1);
    float series[ROWS * 70];
    uint32_t order[ORDER];
    assert_true(features <= 70);
    draw_all(series, ROWS * features, 3, 90, 110);
    for (size_t row = 0; row < ROWS; row++)
        series[row * features + features - 1] = 1e6f; /* flat */
    for (size_t row = 0; row < ROWS && features > 2; row++)
        series[row * features + 1] *= -1;
    for (size_t i = 0; i < ORDER; i++)
        order[i] = sample_of(i) % (uint32_t)(ROWS - window + 1);
    struct tensor *of_series = graph_constant(g, "series", 2, (size_t[]){ROWS, features}, series);
    struct tensor *of_order = graph_state(g, "order", DTYPE_U32, 1, (size_t[]){ORDER});
    struct tensor *x = op_gather(g, of_series, of_order, window, scaling), *sample = g->sample;
    x->keep = sample->keep = 1;
    assert_false(x->needs_grad);
    struct plan *p = lowered(g, mode);
    plan_ready(p, 1);
    OK(tensor_write(of_order, order, &err));
    run_step(p, &(struct step){.first = 6, .count = 3});
    float *got = fetch(x);
    uint32_t samples[B];
    OK(tensor_read(sample, samples, &err));
    for (size_t b = 0; b < B; b++) {
        size_t start = order[6 + (b < 3 ? b : 0)]; /* padding repeats the first */
        assert_int_equal(samples[b], start);
        for (size_t f = 0; f < features; f++) {
            double mean = 0, square = 0, sd = 1;
            for (size_t t = 0; t < window; t++)
                mean += series[(start + t) * features + f];
            mean /= (double)window;
            for (size_t t = 0; t < window; t++)
                square += pow(series[(start + t) * features + f] - mean, 2) / (double)window;
            if (square > 0)
                sd = sqrt(square);
            for (size_t t = 0; t < window; t++) {
                double want = series[(start + t) * features + f];
                if (scaling == GATHER_STANDARDISED)
                    want = (want - mean) / sd;
                if (scaling >= GATHER_RELATIVE) {
                    size_t base = (size_t)(scaling - GATHER_RELATIVE);
                    double last = series[(start + window - 1) * features + base];
                    want = (want - last) / fabs(last);
                }
                float is = got[(b * window + t) * features + f];
                double allowed =
                    scaling >= GATHER_RELATIVE ? tolerance * (1 + fabs(want)) : tolerance;
                if (!(fabs(is - want) <= allowed))
                    fail_msg("window %zu, row %zu, feature %zu: %.9g, not %.9g", b, t, f, is, want);
            }
        }
    }
    free(got);
    plan_close(p);
}

static void test_gather(int mode)
{
    gather(mode, 1, 1, 0, 0);
    gather(mode, 70, 13, 0, 0);
    gather(mode, 1, 1, 1, 0);
    gather(mode, 70, 13, 1, 3e-5);
    gather(mode, 70, 1, 1, 0);
    gather(mode, 1, 1, GATHER_RELATIVE, 0);
    gather(mode, 70, 13, GATHER_RELATIVE, 3e-7);
    gather(mode, 70, 13, GATHER_RELATIVE + 1, 3e-7); /* below 0 */
    gather(mode, 5, 2, GATHER_RELATIVE + 4, 3e-7);
}

enum { STAGED_B = 5, STAGED_T = 13, STAGED_R = 4, STAGED_F = 3 };

/* Gathers windows [B, T, F] and rows [B, R, F] behind them; returns the windows. */
static float *gather_both(int mode, const float *series, const float *table, size_t rows,
                          const uint32_t *order, size_t orders, uint32_t first, int scaling,
                          size_t row, uint32_t *samples, float **got_rows)
{
    struct graph *g = graph_open(STAGED_B, 1);
    const size_t dim[] = {rows, STAGED_F};
    struct tensor *of_series = graph_constant(g, "series", 2, dim, series);
    struct tensor *of_table = graph_constant(g, "table", 2, dim, table);
    struct tensor *of_order = graph_state(g, "order", DTYPE_U32, 1, &orders);
    struct tensor *x = op_gather(g, of_series, of_order, STAGED_T, scaling), *sample = g->sample;
    struct tensor *y = op_gather_rows(g, "rows", of_table, row, STAGED_R);
    x->keep = y->keep = sample->keep = 1;
    struct plan *p = lowered(g, mode);
    plan_ready(p, 1);
    OK(tensor_write(of_order, order, &err));
    run_step(p, &(struct step){.first = first, .count = 3});
    float *got = fetch(x);
    *got_rows = fetch(y);
    OK(tensor_read(sample, samples, &err));
    plan_close(p);
    return got;
}

/* Windows that lie behind each other already give the same bits, and the samples' numbers. */
static void test_gather_staged(int mode)
{
    enum { ROWS = 60, B = STAGED_B, T = STAGED_T, R = STAGED_R, F = STAGED_F };
    const uint32_t order[] = {1, 2, 33, 7, 40, 9};
    float series[ROWS * F], windows[ROWS * F * B] = {0}, table[ROWS * F * B] = {0};
    draw_all(series, ROWS * F, 3, 90, 110);
    for (int scaling = GATHER_RAW; scaling <= GATHER_RELATIVE + 1; scaling++) {
        uint32_t samples[2][B], own[B];
        float *rows[2], *got[2];
        for (size_t b = 0; b < B; b++) {
            own[b] = order[2 + (b < 3 ? b : 0)];
            memcpy(windows + b * T * F, series + own[b] * F, T * F * sizeof *series);
            memcpy(table + b * R * F, series + (own[b] + T) * F, R * F * sizeof *series);
        }
        got[0] =
            gather_both(mode, series, series, ROWS, order, 6, 2, scaling, T, samples[0], &rows[0]);
        got[1] = gather_both(mode, windows, table, B * T, own, B, 2, scaling + GATHER_STAGED,
                             GATHER_STAGED, samples[1], &rows[1]);
        assert_memory_equal(samples[0], own, sizeof own);
        assert_memory_equal(samples[1], own, sizeof own);
        assert_memory_equal(got[0], got[1], B * T * F * sizeof **got);
        assert_memory_equal(rows[0], rows[1], B * R * F * sizeof **rows);
        assert_memory_equal(rows[0], table, B * R * F * sizeof **rows);
        for (int i = 0; i < 2; i++) {
            free(got[i]);
            free(rows[i]);
        }
    }
}

static float *noise_of(int mode, const float *x, size_t elems, const uint32_t *samples, size_t b,
                       double sd, uint32_t epoch)
{
    struct graph *g = graph_open(b, 1);
    keys(g);
    struct tensor *sample = g->sample;
    struct tensor *of_x = constant3(g, "x", b, elems, 1, x);
    struct tensor *y = op_noise(g, of_x, "loss.noise", sd);
    y->keep = 1;
    assert_false(y->needs_grad);
    struct plan *p = lowered(g, mode);
    plan_ready(p, 1);
    OK(tensor_write(sample, samples, &err));
    run_step(p, &(struct step){.count = (uint32_t)b, .epoch = epoch, .seed = {5, 6}});
    float *got = fetch(y);
    plan_close(p);
    return got;
}

/* Normal by its moments and, element by element, Box-Muller of the documented words. */
static void test_noise(int mode)
{
    enum { B = 40, ELEMS = 301 };
    const double sd = 0.3;
    static float x[B * ELEMS];
    uint32_t samples[B];
    double sum = 0, square = 0, fourth = 0, n = B * ELEMS;
    draw_all(x, B * ELEMS, 4, -1, 1);
    for (size_t b = 0; b < B; b++)
        samples[b] = sample_of(b);
    float *y = noise_of(mode, x, ELEMS, samples, B, sd, 2);
    for (size_t i = 0; i < B * ELEMS; i++) {
        size_t e = i % ELEMS;
        double noise = ((double)y[i] - x[i]) / sd;
        uint32_t w[4];
        philox(w, (uint32_t)(e / 2), samples[i / ELEMS], philox_path("loss.noise"), 2,
               UINT64_C(6) << 32 | 5);
        double radius = sqrt(-2 * log(((double)(w[0] >> 8) + 0.5) * 0x1p-24));
        double angle = 2 * M_PI * (double)(w[1] >> 8) * 0x1p-24;
        double want = radius * (e % 2 ? sin(angle) : cos(angle));
        if (!(fabs(noise - want) <= 1e-5))
            fail_msg("noise %zu is %g, not %g", i, noise, want);
        sum += noise;
        square += noise * noise;
        fourth += pow(noise, 4);
    }
    assert_true(fabs(sum / n) < 4 / sqrt(n));
    assert_true(fabs(square / n - 1) < 4 * sqrt(2 / n));
    assert_true(fabs(fourth / n - 3) < 4 * sqrt(96 / n));

    float *again = noise_of(mode, x, ELEMS, samples, B, sd, 2);
    assert_memory_equal(y, again, B * ELEMS * sizeof *y);
    free(again);
    /* alone in a batch: the same noise; in another epoch: other noise */
    again = noise_of(mode, x + 3 * ELEMS, ELEMS, samples + 3, 1, sd, 2);
    assert_memory_equal(y + 3 * ELEMS, again, ELEMS * sizeof *y);
    free(again);
    again = noise_of(mode, x + 3 * ELEMS, ELEMS, samples + 3, 1, sd, 3);
    assert_memory_not_equal(y + 3 * ELEMS, again, ELEMS * sizeof *y);
    free(again);
    free(y);
}

/* --- augmentation: windows [b, t, f] and their targets [b, r, k] */

struct augmented {
    size_t b, t, f, first, r, k;
    struct augment how;
    const float *of, *of_target, *flag; /* flag NULL: all */
    const float *x, *target;
    const uint32_t *samples;
    uint32_t epoch;
    float *y, *z; /* what came of them */
};

static void run_augmented(int mode, struct augmented *a)
{
    struct graph *g = graph_open(a->b, 1);
    keys(g);
    struct tensor *sample = g->sample;
    struct tensor *x = constant3(g, "x", a->b, a->t, a->f, a->x);
    struct tensor *target = constant3(g, "t", a->b, a->r, a->k, a->target);
    struct tensor *flag = a->flag ? constant3(g, "flag", a->b, 1, 1, a->flag) : NULL;
    struct tensor *y = op_augment(g, "augment", x, flag, &a->how, a->of);
    struct tensor *z =
        op_augment_target(g, "augment.target", target, flag, &a->how, a->of_target, a->first, a->t);
    y->keep = z->keep = 1;
    assert_false(y->needs_grad || z->needs_grad);
    struct plan *p = lowered(g, mode);
    plan_ready(p, 1);
    OK(tensor_write(sample, a->samples, &err));
    run_step(p, &(struct step){.count = (uint32_t)a->b, .epoch = a->epoch, .seed = {5, 6}});
    a->y = fetch(y);
    a->z = fetch(z);
    plan_close(p);
}

static struct ref_window_key key_of(const struct augmented *a, size_t b)
{
    return (struct ref_window_key){a->samples[b], a->epoch, UINT64_C(6) << 32 | 5, a->t};
}

/* Against the reference; windows without a flag stay to the bit. */
static void expect_augmented(int mode, struct augmented *a, const char *name)
{
    double *y = room(a->t * a->f * sizeof *y), *z = room(a->r * a->k * sizeof *z);
    run_augmented(mode, a);
    for (size_t b = 0; b < a->b; b++) {
        const struct ref_window_key key = key_of(a, b);
        const size_t at = b * a->t * a->f, of_target = b * a->r * a->k;
        if (a->flag && a->flag[b] == 0) {
            assert_memory_equal(a->y + at, a->x + at, a->t * a->f * sizeof *a->y);
            assert_memory_equal(a->z + of_target, a->target + of_target,
                                a->r * a->k * sizeof *a->z);
            continue;
        }
        ref_augment(&a->how, a->of, &key, a->x + at, a->f, y);
        ref_augment_target(&a->how, a->of_target, &key, a->target + of_target, a->first, a->r, a->k,
                           z);
        for (size_t i = 0; i < a->t * a->f; i++)
            if (!(fabs(a->y[at + i] - y[i]) <= 1e-5 * (1 + fabs(y[i]))))
                fail_msg("%s: window %zu, value %zu is %g, not %g", name, b, i, a->y[at + i], y[i]);
        for (size_t i = 0; i < a->r * a->k; i++)
            if (!(fabs(a->z[of_target + i] - z[i]) <= 1e-5 * (1 + fabs(z[i]))))
                fail_msg("%s: target %zu of window %zu is %g, not %g", name, i, b,
                         a->z[of_target + i], z[i]);
    }
    free(a->y);
    free(a->z);
    free(y);
    free(z);
}

static const struct {
    const char *name;
    struct augment how;
} augmentations[] = {
    {"noise", {.noise = 0.5}},
    {"spike", {.spikes = 0.6, .spike = 4}},
    {"step", {.step = 2}},
    {"slope", {.slope = 3}},
    {"flip", {.flip = 0.5}},
    {"crop", {.crop = 4}},
    {"crop before the last row", {.crop = 4, .keeps_end = 1}},
    {"warp", {.warp = 3, .keeps_end = 1}},
    {"all",
     {.noise = 0.1,
      .spikes = 0.5,
      .spike = 2,
      .step = 1,
      .slope = 1,
      .flip = 0.4,
      .crop = 3,
      .warp = 2}},
};

/* Features 0 and 2 draw together; 1 stays in the mirror. Target 1 moves with feature 0. */
static const float of_features[] = {0.5f, 0, -1, 0.25f, 2,  1, 1, 0, 0.25f, 0,
                                    -1,   0, 1,  3,     -1, 0, 1, 4, 1,     0};
static const float of_targets[] = {-1, 0, 0, 0, -1, 0.5f, 0.75f, 0, 1, 0, 0, 3};

static void test_augment(int mode)
{
    enum { B = 9, MOST = B * 70 * 5 };
    static const struct {
        size_t b, t, f, first, r, k;
    } shape[] = {
        {B, 7, 5, 9, 1, 3}, {1, 70, 1, 70, 4, 2}, {B, 16, 3, 0, 16, 2}, {3, 1, 2, 1, 2, 1}};
    static float x[MOST], target[MOST];
    uint32_t samples[B];
    float flag[B];
    draw_all(x, MOST, 4, -1, 1);
    draw_all(target, MOST, 5, -2, 2);
    for (size_t b = 0; b < B; b++) {
        samples[b] = sample_of(b);
        flag[b] = b % 3 != 1;
    }
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (size_t i = 0; i < sizeof augmentations / sizeof *augmentations; i++) {
            struct augmented a = {.b = shape[s].b, .t = shape[s].t, .f = shape[s].f};
            a.first = shape[s].first;
            a.r = shape[s].r;
            a.k = shape[s].k;
            a.how = augmentations[i].how;
            a.of = of_features;
            a.of_target = of_targets;
            a.flag = (s + i) % 2 ? flag : NULL;
            a.x = x;
            a.target = target;
            a.samples = samples;
            a.epoch = 3;
            if (a.t == 1) /* of one row nothing can rise or be stretched */
                a.how.step = a.how.slope = a.how.warp = 0, a.how.crop = 0;
            expect_augmented(mode, &a, augmentations[i].name);
        }
}

/* The same windows at another place of another batch: the same bits; in another epoch: others. */
static void test_augment_keys(int mode)
{
    enum { B = 6, T = 9, F = 3, ELEMS = T * F };
    static float x[B * ELEMS], target[B * 2];
    uint32_t samples[B];
    draw_all(x, B * ELEMS, 4, -1, 1);
    draw_all(target, B * 2, 5, -1, 1);
    for (size_t b = 0; b < B; b++)
        samples[b] = sample_of(b);
    struct augmented all = {.b = B, .t = T, .f = F, .first = T, .r = 1, .k = 2};
    all.how = augmentations[8].how;
    all.of = of_features;
    all.of_target = of_targets;
    all.x = x;
    all.target = target;
    all.samples = samples;
    all.epoch = 2;
    struct augmented again = all, part = all, later = all;
    part.b = 2;
    part.x += 3 * ELEMS;
    part.target += 3 * 2;
    part.samples += 3;
    later.epoch = 3;
    struct augmented *const runs[] = {&all, &again, &part, &later};
    for (int i = 0; i < 4; i++)
        run_augmented(mode, runs[i]);
    assert_memory_equal(all.y, again.y, B * ELEMS * sizeof *all.y);
    assert_memory_equal(all.z, again.z, B * 2 * sizeof *all.z);
    assert_memory_equal(all.y + 3 * ELEMS, part.y, 2 * ELEMS * sizeof *all.y);
    assert_memory_equal(all.z + 3 * 2, part.z, 2 * 2 * sizeof *all.z);
    assert_memory_not_equal(all.y, later.y, ELEMS * sizeof *all.y);
    for (int i = 0; i < 4; i++) {
        free(runs[i]->y);
        free(runs[i]->z);
    }
}

/* How often, how far: of many windows of zeros, or of a ramp. */
static void test_augment_statistics(int mode)
{
    enum { B = 4000, T = 12 };
    static float x[B * T], target[B];
    static uint32_t samples[B];
    static const float of[] = {2, 0, -1, 1}, of_target[] = {-1, 0, 2, 0};
    struct augmented a = {.b = B, .t = T, .f = 1, .first = T - 1, .r = 1, .k = 1};
    double squares[2] = {0}, spikes = 0, up = 0, turned = 0, rows[T] = {0}, cut = 0, least = 1;
    memset(x, 0, sizeof x);
    memset(target, 0, sizeof target);
    for (size_t b = 0; b < B; b++)
        samples[b] = (uint32_t)(17 * b);
    a.of = of;
    a.of_target = of_target;
    a.x = x;
    a.target = target;
    a.samples = samples;
    a.epoch = 1;

    /* level and slope at the last row are normal, and the target there moves as far */
    for (int i = 0; i < 2; i++) {
        a.how = i ? (struct augment){.slope = 3} : (struct augment){.step = 3};
        run_augmented(mode, &a);
        for (size_t b = 0; b < B; b++) {
            const double last = a.y[b * T + T - 1];
            squares[i] += last * last / 36 / B;
            if (!(fabs(a.z[b] - last) < 1e-5 * (1 + fabs(last))))
                fail_msg("%d: target %zu moves by %g, not by %g", i, b, a.z[b], last);
            assert_true(a.y[b * T] == 0);
        }
        assert_true(fabs(squares[i] - 1) < 4 * sqrt(2.0 / B));
        free(a.y);
        free(a.z);
    }

    /* one row of a quarter of the windows, each row as often, up or down */
    a.how = (struct augment){.spikes = 0.25, .spike = 5};
    run_augmented(mode, &a);
    for (size_t b = 0; b < B; b++) {
        size_t found = 0;
        for (size_t t = 0; t < T; t++)
            if (a.y[b * T + t] != 0) {
                assert_true(fabsf(a.y[b * T + t]) == 10);
                found++;
                rows[t]++;
                up += a.y[b * T + t] > 0;
            }
        assert_true(found < 2);
        spikes += (double)found;
    }
    free(a.y);
    free(a.z);
    assert_true(fabs(spikes / B - 0.25) < 4 * sqrt(0.25 * 0.75 / B));
    assert_true(fabs(up / spikes - 0.5) < 4 * sqrt(0.25 / spikes));
    for (size_t t = 0; t < T; t++)
        assert_true(fabs(rows[t] / spikes - 1.0 / T) < 4 * sqrt(1.0 / T / spikes));

    /* of a ramp: the last row stays, rows stay in order, a fifth of the cuts is each of 0 to 4 */
    for (size_t i = 0; i < B * T; i++)
        x[i] = (float)(i % T);
    a.how = (struct augment){.crop = 4, .keeps_end = 1};
    run_augmented(mode, &a);
    for (size_t b = 0; b < B; b++) {
        assert_true(a.y[b * T + T - 1] == T - 1);
        for (size_t t = 1; t < T; t++)
            assert_true(a.y[b * T + t] > a.y[b * T + t - 1]);
        cut += a.y[b * T] / B;
    }
    assert_true(fabs(cut - 2) < 4 * sqrt(2.0 / B));
    free(a.y);
    free(a.z);

    /* a step of time is never below 1/f, and comes near it */
    a.how = (struct augment){.warp = 2};
    run_augmented(mode, &a);
    for (size_t i = 0; i < B * T; i++) {
        const double step = i % T ? a.y[i] - a.y[i - 1] : 1;
        assert_true(step > 0.5 - 1e-5 && step < 1.5 + 1e-5);
        least = step < least ? step : least;
    }
    assert_true(least < 0.55);
    free(a.y);
    free(a.z);

    /* what turns does so in three of ten windows, its target with it */
    a.how = (struct augment){.flip = 0.3};
    for (size_t b = 0; b < B; b++)
        target[b] = x[b * T + 3] - 0.5f;
    run_augmented(mode, &a);
    for (size_t b = 0; b < B; b++) {
        const int is = a.y[b * T] == 1 - x[b * T];
        turned += is;
        assert_true(is || a.y[b * T] == x[b * T]);
        assert_true(a.z[b] == a.y[b * T + 3] - 0.5f);
    }
    assert_true(fabs(turned / B - 0.3) < 4 * sqrt(0.3 * 0.7 / B));
    free(a.y);
    free(a.z);
}

/* Zero vectors: nothing that is not finite may come of them. */
static void test_zero_latent(int mode)
{
    enum { B = 3, D = 7 };
    struct graph *g = graph_open(B, 1);
    float zeros[B * D] = {0}, ones[B * D];
    for (int i = 0; i < B * D; i++)
        ones[i] = 1;
    const size_t dim[] = {B, D};
    struct tensor *x = graph_constant(g, "x", 2, dim, zeros), *total;
    x->needs_grad = 1;
    struct tensor *z = op_unit(g, op_bias(g, x, flat(g, "bias", D)));
    struct tensor *c = op_similarity(g, z, 1, &total);
    z->keep = c->keep = 1;
    z->grad = graph_constant(g, "upstream", 2, dim, ones);
    z->grad_written = 1;
    struct plan *p = lowered(g, mode);
    x->grad->keep = 1;
    plan_ready(p, 1);
    run_step(p, &(struct step){.count = B, .group = B});
    float *dx = fetch(x->grad), *of_z = fetch(z), *of_c = fetch(c);
    for (int i = 0; i < B * D; i++) {
        assert_true(isfinite(dx[i]));
        assert_true(of_z[i] == 0);
    }
    assert_true(isfinite(*of_c));
    free(dx);
    free(of_z);
    free(of_c);
    plan_close(p);
}

/* S over all runs, from which C over a whole part follows; added up without losing digits. */
static void test_similarity_total(int mode)
{
    enum { B = 4, D = 7, RUNS = 50 };
    struct graph *g = graph_open(B, 0);
    float values[B * D];
    draw_all(values, B * D, 8, -1, 2);
    struct tensor *z = graph_constant(g, "z", 2, (size_t[]){B, D}, values), *total;
    op_similarity(g, z, 0.5, &total)->keep = 1;
    struct plan *p = lowered(g, mode);
    plan_ready(p, 0);
    float large[2 * D] = {0};
    for (int d = 0; d < D; d++)
        large[2 * d] = 1e8f; /* whose last digit is 8: all that follows would be lost */
    OK(tensor_write(total, large, &err));
    for (int i = 0; i < RUNS; i++)
        run_step(p, &(struct step){.count = 3, .group = 3});
    float *got = fetch(total);
    for (int d = 0; d < D; d++) {
        double want = 0;
        for (int b = 0; b < 3; b++) {
            double square = 0;
            for (int e = 0; e < D; e++)
                square += (double)values[b * D + e] * values[b * D + e];
            want += RUNS * values[b * D + d] / sqrt(square);
        }
        double is = (double)got[2 * d] - 1e8 + (double)got[2 * d + 1];
        if (!(fabs(is - want) <= 2e-4))
            fail_msg("S[%d] is %.9g, not %.9g", d, is, want);
    }
    free(got);
    plan_close(p);
}

static void test_loss_sum(int mode)
{
    enum { B = 3000, N = 2999, RUNS = 40 };
    const double weight = 0.25, contrastive = -0.125;
    struct graph *g = graph_open(B, 1);
    static float values[B];
    double sum = 0;
    draw_all(values, B, 9, 0, 1e-3);
    values[N] = NAN; /* padding */
    for (int i = 0; i < N; i++)
        sum += values[i];
    struct tensor *value = graph_constant(g, "value", 1, (size_t[]){B}, values);
    struct tensor *c = graph_constant(g, "c", 1, (size_t[]){1}, (float[]){(float)contrastive});
    struct tensor *of_metrics = op_metrics(g);
    op_loss_sum(g, (struct tensor *[TERMS_MOST]){value, c}, (double[TERMS_MOST]){1, weight},
                of_metrics);
    struct plan *p = lowered(g, mode);
    plan_ready(p, 0);
    struct metrics metrics = {.loss = {1e6f, 0}, .term = {{1e8f, 0}}}, was;
    const struct step step = {.count = N, .group = N};
    OK(tensor_write(of_metrics, &metrics, &err));
    for (int i = 0; i < RUNS; i++)
        run_step(p, &step);
    OK(tensor_read(of_metrics, &metrics, &err));
#define PAIR(x) ((double)(x)[0] + (double)(x)[1])
#define NEAR(x, y, relative)                                                \
    do {                                                                    \
        if (!(fabs((double)(x) - (y)) <= (relative)*fabs((double)(y))))     \
            fail_msg("%s is %.9g, not %.9g", #x, (double)(x), (double)(y)); \
    } while (0)
    NEAR(PAIR(metrics.term[0]) - 1e8, RUNS * sum, 1e-6);
    NEAR(PAIR(metrics.term[1]), RUNS * N * contrastive, 1e-6);
    NEAR(PAIR(metrics.loss) - 1e6, RUNS * (sum + weight * contrastive * N), 1e-5);
    NEAR(PAIR(metrics.samples), RUNS * N, 0);
    NEAR(metrics.last_loss, sum / N + weight * contrastive, 1e-6);
    assert_true(metrics.bad_loss == 0);

    /* a loss that is not finite raises the flag, which stays until the optimizer has seen it */
    was = metrics;
    values[1] = NAN;
    OK(tensor_write(value, values, &err));
    run_step(p, &step);
    values[1] = 0;
    OK(tensor_write(value, values, &err));
    run_step(p, &step);
    OK(tensor_read(of_metrics, &metrics, &err));
    assert_true(metrics.bad_loss == 1);
    OK(tensor_write(of_metrics, &was, &err));
    OK(tensor_write(c, (float[]){INFINITY}, &err));
    run_step(p, &step);
    OK(tensor_read(of_metrics, &metrics, &err));
    assert_true(metrics.bad_loss == 1);
    plan_close(p);
}

/* As many terms as there can be: of samples, of the batch, and two that are left out. */
static void test_loss_terms(int mode)
{
    enum { B = 7, N = 5, OUT_A = 2, OUT_B = 5 };
    static const double weight[TERMS_MOST] = {1, 0.5, 4, -2, 0.25, 8, 3, 0.125};
    struct graph *g = graph_open(B, 0);
    struct tensor *value[TERMS_MOST] = {NULL};
    double want[TERMS_MOST] = {0}, loss = 0;
    for (int k = 0; k < TERMS_MOST; k++) {
        float x[B];
        char name[16];
        draw_all(x, B, (unsigned)k + 40, 0, 1);
        for (int i = 0; k % 2 == 0 && i < N; i++)
            want[k] += x[i];
        if (k % 2)
            want[k] = (double)x[0] * N;
        if (k == OUT_A || k == OUT_B) {
            want[k] = 0;
            continue;
        }
        snprintf(name, sizeof name, "value%d", k);
        value[k] = graph_constant(g, name, 1, &(size_t){k % 2 ? 1 : B}, x);
        loss += weight[k] * want[k];
    }
    struct tensor *of_metrics = op_metrics(g);
    op_loss_sum(g, value, weight, of_metrics);
    struct plan *p = lowered(g, mode);
    plan_ready(p, 0);
    run_step(p, &(struct step){.count = N, .group = N});
    struct metrics metrics;
    OK(tensor_read(of_metrics, &metrics, &err));
    for (int k = 0; k < TERMS_MOST; k++)
        if (!(fabs(PAIR(metrics.term[k]) - want[k]) <= 1e-5))
            fail_msg("term %d is %.9g, not %.9g", k, PAIR(metrics.term[k]), want[k]);
    if (!(fabs(PAIR(metrics.loss) - loss) <= 1e-4))
        fail_msg("the loss is %.9g, not %.9g", PAIR(metrics.loss), loss);
    plan_close(p);
}

static void sum_rows(int mode, size_t rows, size_t columns)
{
    struct graph *g = graph_open(1, 1);
    float *x = room(rows * columns * sizeof *x), *before = room(columns * sizeof *before);
    draw_all(x, rows * columns, 12, -1, 1);
    draw_all(before, columns, 13, -1, 1);
    struct plan *p = lowered(g, mode);
    struct tensor *grad = plan_constant(p, "grad", columns, before);
    reduce_sum_rows(p, plan_constant(p, "x", rows * columns, x), rows, columns, grad, "sum");
    plan_ready(p, 1);
    run_step(p, &(struct step){0});
    float *got = fetch(grad);
    for (size_t c = 0; c < columns; c++) {
        double want = before[c], size = fabs(want);
        for (size_t row = 0; row < rows; row++) {
            want += x[row * columns + c];
            size += fabs(x[row * columns + c]);
        }
        if (!(fabs(got[c] - want) <= 1e-6 * size))
            fail_msg("%zu x %zu: sum %zu is %.9g, not %.9g", rows, columns, c, got[c], want);
    }
    free(x);
    free(before);
    free(got);
    plan_close(p);
}

static void test_sum_rows(int mode)
{
    static const size_t shapes[][2] = {{1, 1},     {5, 1},    {37, 7},    {100, 12},   {16, 20},
                                       {1000, 20}, {33, 48},  {2, 200},   {1029, 200}, {19, 201},
                                       {64, 201},  {3, 1040}, {300, 1000}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        sum_rows(mode, shapes[i][0], shapes[i][1]);
}

/* Each number's rows, of the lengths that a GPU's sums tell apart, and between them `beyond`
 * numbers that the table has no row for; the first run moves the others against the pieces of the
 * order. Gradients are small integers, so that sums are exact. */
static void embedding_runs(int mode, size_t numbers, size_t columns, size_t first, size_t beyond)
{
    const size_t run[] = {first, 1, 31, 63, 33, 0, 64, 65, 2, 1700, 7, 8, 9, 96, 1, 257};
    enum { RUNS = sizeof run / sizeof *run };
    size_t rows = beyond, at = 0;
    for (size_t k = 0; k < RUNS; k++)
        rows += run[k];
    uint32_t *number = room(rows * sizeof *number);
    float *dy = room(rows * columns * sizeof *dy), *want = room(numbers * columns * sizeof *want);
    for (size_t k = 0; k <= RUNS; k++)
        for (size_t j = 0; j < (k < RUNS ? run[k] : beyond); j++, at++)
            number[at * 7919 % rows] = k < RUNS ? (uint32_t)((numbers - 1) * k / (RUNS - 1))
                                       : j % 3  ? (uint32_t)numbers
                                                : UINT32_MAX;
    for (size_t i = 0; i < numbers * columns; i++)
        want[i] = (float)(i % 5) - 2;
    struct graph *g = graph_open(1, 1);
    struct tensor *n = graph_state(g, "number", DTYPE_U32, 2, (size_t[]){1, rows});
    struct tensor *y = op_embedding(g, n, numbers, columns, "table");
    y->keep = 1;
    y->grad = graph_state(g, "upstream", DTYPE_F32, 3, (size_t[]){1, rows, columns});
    y->grad_written = 1;
    struct plan *p = lowered(g, mode);
    params_place(p->params, device_info(device_of(mode))->base_align);
    OK(params_allocate(p->params, device_of(mode), 1, &err));
    plan_ready(p, 1);
    OK(params_write(p->params, 0, p->params->grads, want, &err));
    for (size_t row = 0; row < rows; row++)
        for (size_t d = 0; d < columns; d++) {
            dy[row * columns + d] = (float)((row * 31 + d * 7) % 17) - 8;
            if (number[row] < numbers)
                want[number[row] * columns + d] += dy[row * columns + d];
        }
    OK(tensor_write(n, number, &err));
    OK(tensor_write(y->grad, dy, &err));
    run_step(p, &(struct step){.count = 1});
    float *got = room(numbers * columns * sizeof *got);
    OK(params_read(p->params, 0, p->params->grads, got, &err));
    for (size_t i = 0; i < numbers * columns; i++)
        if (!(fabs(got[i] - want[i]) <= 0))
            fail_msg("%zu x %zu after %zu: column %zu of number %zu is %g, not %g", numbers,
                     columns, first, i % columns, i / columns, got[i], want[i]);
    free(number);
    free(dy);
    free(want);
    free(got);
    plan_close(p);
}

static void test_embedding_runs(int mode)
{
    static const size_t first[] = {0, 3, 31, 62, 63, 300};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        embedding_runs(mode, 16, 36, first[i], 45);
        embedding_runs(mode, 511, 3, first[i], 1);
        embedding_runs(mode, 512, 34, first[i], 0);
    }
    embedding_runs(mode, 16, 5, 1759, 0);      /* 4096 rows: nothing stands behind the last one */
    embedding_runs(mode, 300000, 1, 1759, 45); /* sorted in three launches */
}

/* What a layer makes of one row each: tanh and the sigmoid, from tiny to huge and NaN. RNN: h =
 * tanh(x); LSTM with g = o = 1: h = tanh(s(x)). */
static void test_recurrent_range(int mode)
{
    static const float x[] = {0,     1e-20f, 1e-6f, 0.01f, 0.624f, 0.626f, 1,      3,
                              8,     12,     30,    88,    200,    1e30f,  -1e-6f, -0.3f,
                              -0.7f, -5,     -12,   -30,   -80,    -1e30f, NAN};
    enum { B = sizeof x / sizeof *x, H = 3 };
    for (int kind = CELL_KIND_LSTM; kind <= CELL_KIND_RNN; kind += CELL_KIND_RNN) {
        struct graph *g = graph_open(B, 0);
        const struct cell cell = {.kind = (enum cell_kind)kind, .hidden = H};
        struct tensor *y = op_recurrent(g, constant3(g, "x", B, 1, 1, x), &cell, "core", 0);
        y->keep = 1;
        params_place(g->params, device_info(device_of(mode))->base_align);
        OK(params_allocate(g->params, device_of(mode), 0, &err));
        struct plan *p = lowered(g, mode);
        plan_ready(p, 1);
        float zero[4 * H * H] = {0}, w[4 * H] = {1, 1, 1}, bias[4 * H] = {0};
        for (int d = 2 * H; d < 4 * H; d++)
            bias[d] = 60; /* g and o */
        for (size_t i = 0; i < g->params->count; i++) {
            const char *name = g->params->list[i]->value.name;
            OK(params_write(g->params, i, g->params->values,
                            strstr(name, "weight_ih") ? w
                            : strstr(name, "bias_ih") ? bias
                                                      : zero,
                            &err));
        }
        run_step(p, &(struct step){.count = B});
        float *got = fetch(y);
        for (size_t i = 0; i < B * H; i++) {
            double at = x[i / H];
            double want = tanh(kind == CELL_KIND_RNN ? at : 1 / (1 + exp(-at)));
            if (!(isnan(at) ? isnan(got[i]) : fabs(got[i] - want) <= 4e-7 * fabs(want) + 1e-37))
                fail_msg("kind %d at %g: %.9g, not %.9g", kind, at, (double)got[i], want);
        }
        free(got);
        plan_close(p);
    }
}

/* Rows of a layer in bfloat16 by so many runs, each of which begins with the state that the one
 * before ended with: [runs, CARRIED_B, CARRIED_T / runs, H]. */
enum { CARRIED_B = 5, CARRIED_T = 4, CARRIED_IN = 2 };
static float *run_carried(int mode, const struct cell *cell, size_t runs)
{
    const size_t window = CARRIED_T / runs, inputs = CARRIED_B * window * CARRIED_IN;
    struct graph *g = graph_open(CARRIED_B, 0);
    g->carries = 1;
    op_store(g, DTYPE_BF16);
    struct tensor *of_x =
        graph_state(g, "x", DTYPE_F32, 3, (size_t[]){CARRIED_B, window, CARRIED_IN});
    struct tensor *of_y = graph_keep(g, op_recurrent(g, of_x, cell, "core", 0));
    params_place(g->params, device_info(device_of(mode))->base_align);
    OK(params_allocate(g->params, device_of(mode), 0, &err));
    struct plan *p = lowered(g, mode);
    plan_ready(p, 1);
    for (size_t i = 0; i < g->params->count; i++) {
        const size_t n = g->params->list[i]->value.elems;
        float *values = room(n * sizeof *values);
        draw_all(values, n, (uint32_t)i, -0.4, 0.4);
        OK(params_write(g->params, i, g->params->values, values, &err));
        free(values);
    }
    float *x = room(inputs * sizeof *x), *y = room(runs * of_y->elems * sizeof *y);
    for (size_t r = 0; r < runs; r++) {
        for (size_t i = 0; i < inputs; i++) {
            const size_t row = i / CARRIED_IN, b = row / window, t = r * window + row % window;
            x[i] = draw(40, (b * CARRIED_T + t) * CARRIED_IN + i % CARRIED_IN, -2, 2);
        }
        OK(tensor_write(of_x, x, &err));
        run_step(p, &(struct step){.count = CARRIED_B});
        OK(tensor_read(of_y, y + r * of_y->elems, &err));
    }
    free(x);
    plan_close(p);
    return y;
}

/* What goes from run to run is what goes from step to step, fp32 however rows are stored: a window
 * walked at once and one walked row by row have the same bits. */
static void test_recurrent_carried(int mode)
{
    for (int kind = CELL_KIND_LSTM; kind <= CELL_KIND_RNN; kind++)
        for (size_t hidden = 23; hidden <= 261; hidden += 238) {
            const struct cell cell = {.kind = (enum cell_kind)kind, .hidden = hidden};
            float *whole = run_carried(mode, &cell, 1), *rows = run_carried(mode, &cell, CARRIED_T);
            for (size_t b = 0; b < CARRIED_B; b++)
                for (size_t t = 0; t < CARRIED_T; t++)
                    assert_memory_equal(whole + (b * CARRIED_T + t) * hidden,
                                        rows + (t * CARRIED_B + b) * hidden,
                                        hidden * sizeof *whole);
            assert_memory_not_equal(whole, whole + hidden, hidden * sizeof *whole);
            free(whole);
            free(rows);
        }
}

/* Running statistics go on by PyTorch's rule, from the samples that count; what is not finite stays
 * out of them. */
static void test_running_statistics(int mode)
{
    enum { B = 5, T = 9, D = 7, COUNT = 3, N = B * T * D };
    double x[N], mean[D] = {0}, var[D];
    float values[N], got[D];
    struct graph *g = graph_open(B, 1);
    struct params *params = g->params;
    struct tensor *of_x = constant3(g, "x", B, T, D, (const float[N]){0});
    struct ref r = {.b = B, .t = T, .d = D, .count = COUNT, .x = {x}};
    op_batch_norm(g, of_x, "norm");
    assert_int_equal(params_count(params), 2 * D);
    params_place(params, device_info(device_of(mode))->base_align);
    OK(params_allocate(params, device_of(mode), 1, &err));
    OK(params_init(params, 1, &err));
    struct plan *p = lowered(g, mode);
    plan_ready(p, 0);
    for (int d = 0; d < D; d++)
        var[d] = 1;
    for (int run = 0; run < 4; run++) {
        draw_all(values, N, (uint32_t)(90 + run), -3, 5);
        if (run == 3)
            values[2] = NAN;
        for (size_t i = 0; i < N; i++)
            x[i] = values[i];
        OK(tensor_write(of_x, values, &err));
        run_step(p, &(struct step){.count = COUNT});
        for (size_t d = 0; d < D; d++) {
            double m, v;
            ref_moments(&r, d, 1, &m, &v);
            mean[d] += isfinite(m) ? 0.1 * (m - mean[d]) : 0;
            var[d] += isfinite(m) ? 0.1 * (v - var[d]) : 0;
        }
        OK(params_read(params, param_index(params, "norm.running_mean"), params->values, got,
                       &err));
        for (int d = 0; d < D; d++)
            NEAR(got[d], mean[d], 2e-6);
        OK(params_read(params, param_index(params, "norm.running_var"), params->values, got, &err));
        for (int d = 0; d < D; d++)
            NEAR(got[d], var[d], 2e-6);
        OK(params_read(params, param_index(params, "norm.num_batches_tracked"), params->values, got,
                       &err));
        assert_true(got[0] == (float)(run + 1));
    }
    plan_close(p);
}

/* What does not fit is told, not computed. */
static void test_conv_limits(int mode)
{
    static const struct {
        struct conv shape;
        const char *what;
    } misfits[] = {
        {{6, 1, 1, 1, 1}, "convs.0 has a kernel longer"},
        {{3, 1, 3, 3, 0}, "convs.0 has a kernel longer"},
        {{3, 1, 0, 2, 0}, "convs.0 has a kernel, a stride or a dilation of 0"},
        {{3, 0, 1, 2, 0}, "convs.0 has a kernel, a stride or a dilation of 0"},
        {{0}, "x has fewer rows"}, /* of a pooling */
    };
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        struct graph *g = graph_open(2, 1);
        struct params *params = g->params;
        struct tensor *x = graph_state(g, "x", DTYPE_F32, 3, (size_t[]){2, 3, 4});
        if (misfits[i].shape.kernel)
            op_conv1d(g, x, 5, &misfits[i].shape, 0, "convs.0");
        else
            op_max_pool(g, x, 4);
        assert_null(lower_graph(g, device_of(mode), &err));
        assert_non_null(strstr(err.text, misfits[i].what));
        assert_int_equal(err.status, STATUS_USAGE);
        params_free(params);
    }
}

static void test_iq_features(int mode)
{
    enum { ROWS = 700 };
    static float x[2 * ROWS];
    struct graph *g = graph_open(ROWS, 0);
    draw_all(x, 2 * ROWS, 15, -1, 1);
    x[4] = x[5] = 0;
    x[7] = 0;
    struct tensor *y = op_iq_features(g, constant3(g, "x", ROWS, 1, 2, x));
    y->keep = 1;
    assert_false(y->needs_grad);
    struct plan *p = lowered(g, mode);
    plan_ready(p, 1);
    run_step(p, &(struct step){.count = ROWS});
    float *got = fetch(y);
    for (size_t row = 0; row < ROWS; row++) {
        double i = x[2 * row], q = x[2 * row + 1], size = hypot(i, q);
        double want[] = {
            i, q, size, pow(size, 3), size > 0 ? q / size : 0, size > 0 ? i / size : 0};
        for (int d = 0; d < 6; d++)
            if (!(fabs(got[6 * row + (size_t)d] - want[d]) <= 5e-7 * fabs(want[d])))
                fail_msg("row %zu, feature %d: %.9g, not %.9g", row, d,
                         (double)got[6 * row + (size_t)d], want[d]);
    }
    free(got);
    plan_close(p);
}

/* --- initial values */

static float *initial(int mode, enum init_kind kind, double scale, int rank, const size_t *dim)
{
    struct params *params = params_new(0);
    struct tensor *t = params_get(params, "layer.weight", rank, dim, 1, kind, scale);
    assert_non_null(t);
    params_place(params, device_info(device_of(mode))->base_align);
    OK(params_allocate(params, device_of(mode), 0, &err));
    OK(params_init(params, SEED, &err));
    float *x = room(t->elems * sizeof *x);
    OK(params_read(params, 0, params->values, x, &err));
    params_free(params);
    return x;
}

/* Mean 0, the variance that is asked for, and for uniform values the bounds that go with it. */
static void check_draw(int mode, enum init_kind kind, double scale, int rank, const size_t *dim,
                       int uniform, double variance)
{
    float *x = initial(mode, kind, scale, rank, dim);
    size_t n = dim[0] * dim[1] * (rank > 2 ? dim[2] : 1);
    double sum = 0, square = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        square += (double)x[i] * x[i];
        most = fmax(most, fabs(x[i]));
    }
    double bound = sqrt(3 * variance), error = 5 / sqrt((double)n); /* 5 standard errors */
    if (!(fabs(sum / (double)n) <= error * sqrt(variance)))
        fail_msg("init %d: mean %g", (int)kind, sum / (double)n);
    if (!(fabs(square / (double)n / variance - 1) <= error * (uniform ? 0.9 : 1.42)))
        fail_msg("init %d: variance %g, not %g", (int)kind, square / (double)n, variance);
    if (uniform ? !(most <= bound * 1.000001 && most > bound * 0.99) : !(most > 1.5 * bound))
        fail_msg("init %d: largest %g, bound %g", (int)kind, most, bound);
    free(x);
}

static void test_draws(int mode)
{
    const size_t plain[] = {60, 40}, gates[] = {4 * 30, 50}, convolution[] = {32, 20, 5};
    check_draw(mode, INIT_UNIFORM, 0.3, 2, plain, 1, 0.09 / 3);
    check_draw(mode, INIT_NORMAL, 0.3, 2, plain, 0, 0.09);
    check_draw(mode, INIT_XAVIER_UNIFORM, 1, 2, plain, 1, 2.0 / 100);
    check_draw(mode, INIT_XAVIER_NORMAL, 1, 2, plain, 0, 2.0 / 100);
    check_draw(mode, INIT_KAIMING_UNIFORM, 1, 2, plain, 1, 2.0 / 40);
    check_draw(mode, INIT_KAIMING_NORMAL, 1, 2, plain, 0, 2.0 / 40);
    check_draw(mode, INIT_XAVIER_UNIFORM, 4, 2, gates, 1, 2.0 / 80);
    check_draw(mode, INIT_KAIMING_NORMAL, 4, 2, gates, 0, 2.0 / 50);
    check_draw(mode, INIT_XAVIER_UNIFORM, 1, 3, convolution, 1, 2.0 / (5 * 52));
    check_draw(mode, INIT_XAVIER_NORMAL, 1, 3, convolution, 0, 2.0 / (5 * 52));
    check_draw(mode, INIT_KAIMING_UNIFORM, 1, 3, convolution, 1, 2.0 / 100);
}

/* Each of `stacked` matrices [rows, columns] has orthonormal rows, or columns if it is high. */
static void check_orthogonal(int mode, size_t stacked, size_t rows, size_t columns)
{
    float *x =
        initial(mode, INIT_ORTHOGONAL, (double)stacked, 2, (size_t[]){stacked * rows, columns});
    size_t n = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    size_t down = rows < columns ? columns : 1, along = rows < columns ? 1 : columns;
    for (size_t s = 0; s < stacked; s++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++) {
                const float *m = x + s * rows * columns;
                double dot = 0;
                for (size_t k = 0; k < length; k++)
                    dot += (double)m[i * down + k * along] * m[j * down + k * along];
                if (!(fabs(dot - (i == j)) <= 1e-6))
                    fail_msg("%zu x %zu: product of %zu and %zu is %g", rows, columns, i, j, dot);
            }
    /* different draws, of both signs */
    double sum = 0;
    for (size_t i = 0; stacked > 1 && i < rows * columns; i++)
        sum += fabs(x[i] - x[rows * columns + i]);
    assert_true(stacked == 1 || sum > 0.1);
    free(x);
}

static void test_orthogonal(int mode)
{
    check_orthogonal(mode, 1, 1, 1);
    check_orthogonal(mode, 4, 23, 23);
    check_orthogonal(mode, 3, 20, 50);
    check_orthogonal(mode, 2, 70, 9);
}

/* model.initialisation reaches weights, the cell's own wishes its parameters; biases stay. */
static void test_cell_draws(int mode)
{
    enum { H = 40, IN = 10 };
    struct graph *g = graph_open(1, 0);
    const struct cell cell = {.kind = CELL_KIND_LSTM,
                              .hidden = H,
                              .input = INIT_KAIMING_NORMAL,
                              .recurrent = INIT_ORTHOGONAL,
                              .forget_bias = 7};
    g->params->weights = INIT_XAVIER_UNIFORM;
    struct tensor *x = graph_state(g, "x", DTYPE_F32, 3, (size_t[]){1, 1, IN});
    op_linear(g, op_recurrent(g, x, &cell, "core", 0), 2, "output")->keep = 1;
    params_place(g->params, device_info(device_of(mode))->base_align);
    OK(params_allocate(g->params, device_of(mode), 0, &err));
    OK(params_init(g->params, SEED, &err));
    double bound = 1 / sqrt(H);
    float values[4 * H * H];
    OK(params_read(g->params, param_index(g->params, "core.bias_ih_l0"), g->params->values, values,
                   &err));
    for (int i = 0; i < 4 * H; i++)
        assert_true(fabs(values[i] - (i >= H && i < 2 * H ? 7 : 0)) <= bound * 1.0001);
    assert_true(values[H] != values[H + 1]);
    OK(params_read(g->params, param_index(g->params, "core.bias_hh_l0"), g->params->values, values,
                   &err));
    for (int i = 0; i < 4 * H; i++)
        assert_true(fabs(values[i]) <= bound);
    struct params *p = g->params;
    assert_int_equal(p->list[param_index(p, "core.weight_ih_l0")]->init, INIT_KAIMING_NORMAL);
    assert_int_equal(p->list[param_index(p, "core.weight_hh_l0")]->init, INIT_ORTHOGONAL);
    assert_true(p->list[param_index(p, "core.weight_hh_l0")]->scale == 4);
    assert_int_equal(p->list[param_index(p, "output.weight")]->init, INIT_XAVIER_UNIFORM);
    assert_int_equal(p->list[param_index(p, "output.bias")]->init, INIT_CONSTANT);
    assert_true(p->list[param_index(p, "output.bias")]->scale == 0);
    assert_true(p->list[param_index(p, "core.weight_hh_l0")]->decay);
    assert_false(p->list[param_index(p, "core.bias_hh_l0")]->decay);
    graph_free(g);
    params_free(p);
}

/* Dropout cannot number more than 2^32 probabilities of a sample; without it any window will do. */
static void test_attention_limit(int mode)
{
    for (int heads = 1; heads <= 2; heads++)
        for (int dropped = 0; dropped < 2; dropped++) {
            struct graph *g = graph_open(1, 1);
            struct params *params = g->params;
            struct tensor *qkv = graph_state(g, "qkv", DTYPE_F32, 3, (size_t[]){1, 65536, 3 * 2});
            op_attention(g, qkv, (size_t)heads, &(struct attend){0}, dropped ? 0.1 : 0,
                         "self_attn");
            struct plan *p = lower_graph(g, device_of(mode), &err);
            int failed = p ? 0 : -1;
            assert_int_equal(failed, dropped && heads == 2 ? -1 : 0);
            if (failed)
                assert_non_null(strstr(err.text, "self_attn has more than 2^32"));
            plan_free(p);
            params_free(params);
        }
}

/* The matrix units of tests that need some: a GPU's own, else emulated ones of a CPU cut as for a
 * GPU. */
static enum device_matrix units_of(int mode)
{
    const struct device_info *info = device_info(device_of(mode));
    if (info->is_cpu) { /* the other mode has them */
        print_message("as on a GPU alone\n");
        skip();
    }
    if (mode == FLAT && info->matrix == MATRIX_NONE) {
        print_message("this GPU has no matrix units\n");
        skip();
    }
    return mode == FLAT ? info->matrix : MATRIX_EMULATED;
}

/* Heads of 1, 2, 4 and 8 times 16 columns, whole and not, tiles that are whole and not, heads that
 * share keys, with a bias and (behind rotary positions) without. Few, since PoCL compiles each for
 * seconds. */
static void test_attention_matrix(int mode)
{
    static const struct {
        struct ref shape;
        unsigned types; /* bits of 1 TF32, 2 bfloat16, 4 half */
    } shapes[] = {
        {{.b = 2, .t = 70, .d = 64, .heads = 4, .keys = 2, .p = 0.1}, 2},
        {{.b = 1, .t = 65, .d = 37, .heads = 1, .causal = 1}, 4},
        {{.b = 1, .t = 128, .d = 64, .heads = 1, .rotary = 1, .p = 0.25}, 1},
        {{.b = 1, .t = 67, .d = 200, .heads = 2, .keys = 1, .causal = 1, .p = 0.1}, 2},
        {{.b = 2, .t = 70, .d = 64, .heads = 2, .causal = 1, .p = 0.1}, 2 | 1},
        {{.b = 1, .t = 66, .d = 64, .heads = 1, .p = 0.1}, 2},
    };
    static const enum dtype stored[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    const enum device_matrix matrix = units_of(mode);
    if (device_matrix_kind(matrix) != MATRIX_PTX) {
        print_message("no attention by %s\n", device_matrix_name(matrix));
        skip();
    }
    struct device *dev = device_open(
        &(struct device_options){
            .select = chosen_device(), .memory_fraction = 0.9, .threads = -1, .tf32 = 1},
        &err);
    assert_non_null(dev);
    if (mode == AS_GPU) {
        device_act_as_gpu(dev);
        device_emulate_matrix(dev, matrix);
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t type = 0; type < 3; type++)
            if (shapes[i].types >> type & 1)
                run_stored(&(struct problem){.op = &attention_op,
                                             .shape = shapes[i].shape,
                                             .by_units = 1,
                                             .tolerance = 5e-3},
                           dev, stored[type]);
    device_close(dev);
}

/* Layers in tiles: of each kind of units, or all of them by a GPU's own, fewer sequences than a
 * fragment has, several tiles of them, columns that a warp has one to four fragments of. */
static void test_recurrent_matrix(int mode)
{
    static const struct {
        struct ref shape;
        enum dtype stored;
        enum device_matrix matrix;
    } shapes[] = {
        {{.b = 360, .t = 2, .d = 380, .in = 1, .cell = CELL_KIND_RNN, .dirs = 2},
         DTYPE_BF16,
         MATRIX_EMULATED}, /* large tiles: warps, slices and steps of a turn, some of each */
        {{.b = 3, .t = 3, .d = 261, .in = 2, .cell = CELL_KIND_LSTM, .dirs = 2},
         DTYPE_BF16,
         MATRIX_EMULATED},
        {{.b = 37, .t = 3, .d = 290, .in = 1, .cell = CELL_KIND_GRU, .dirs = 1},
         DTYPE_F16,
         MATRIX_EMULATED},
        {{.b = 20, .t = 3, .d = 257, .in = 2, .cell = CELL_KIND_GRU, .dirs = 1},
         DTYPE_BF16,
         MATRIX_WMMA_EMULATED},
        {{.b = 37, .t = 3, .d = 257, .in = 2, .cell = CELL_KIND_LSTM, .dirs = 1},
         DTYPE_F16,
         MATRIX_DPAS_8_EMULATED},
        {{.b = 5, .t = 3, .d = 257, .in = 2, .cell = CELL_KIND_LSTM, .dirs = 1},
         DTYPE_BF16,
         MATRIX_DPAS_16_EMULATED},
    };
    const enum device_matrix own = units_of(mode);
    struct device *dev = device_of(mode);
    const int quick = compile_quickly(mode);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (i % 3 == 1 && mode == AS_GPU && !quick)
            continue; /* its programs take seconds, and its neighbours have them nearly all */
        device_emulate_matrix(dev, mode == FLAT ? own : shapes[i].matrix);
        run_stored(&(struct problem){.op = &recurrent_op, .shape = shapes[i].shape, .by_units = 1},
                   dev, shapes[i].stored);
    }
    device_emulate_matrix(dev, mode == FLAT ? own : MATRIX_NONE);
}

/* An evaluation draws no dropout and has no backward kernels, so that a device with local memory
 * for the forward one alone serves it in tiles, and a training on it not. */
static void test_attention_evaluated(int mode)
{
    struct device *none =
        device_open(&(struct device_options){.select = "none", .memory_fraction = 0.9}, &err);
    assert_non_null(none);
    (void)mode;
    for (size_t local = 32; local <= 48; local += 16)
        for (int i = 0; i < 4; i++) {
            const int training = i % 2;
            const size_t width = i < 2 ? 16 : 320; /* of all heads */
            struct graph *g = graph_open(2, training);
            struct params *params = g->params;
            struct tensor *qkv = graph_state(g, "qkv", DTYPE_F32, 3, (size_t[]){2, 70, 3 * width});
            op_attention(g, qkv, 2, &(struct attend){0}, 0.1, "self_attn");
            none->info.local_bytes = local << 10;
            struct plan *p = lower_graph(g, none, &err);
            if (!p)
                fail_msg("%s", err.text);
            const struct launch *l = p->launches[0];
            const int tiles = !strcmp(l->file, "attention_tiles.cl");
            assert_int_equal(tiles, local == 48 || !training);
            if (tiles &&
                !strstr(l->options, training ? " -DDROP=1 -DBACK=1" : " -DDROP=0 -DBACK=0"))
                fail_msg("%s", l->options);
            plan_free(p);
            params_free(params);
        }
    device_close(none);
}

/* --- attention with a cache */

struct cached_shape {
    size_t rows, heads, keys, width, chunk;
};

/* The attention of a whole window. */
static float *attend_whole(int mode, const struct cached_shape *s, const float *qkv)
{
    const size_t columns = (s->heads + 2 * s->keys) * s->width;
    const struct attend how = {.causal = 1, .key_heads = s->keys};
    struct graph *g = graph_open(1, 0);
    keys(g);
    struct tensor *x = constant3(g, "qkv", 1, s->rows, columns, qkv);
    struct tensor *y = op_attention(g, x, s->heads, &how, 0, "attend");
    y->keep = 1;
    struct plan *p = lowered(g, mode);
    plan_ready(p, 0);
    run_step(p, &(struct step){.count = 1});
    float *got = fetch(y);
    plan_close(p);
    return got;
}

/* The same by `chunk` rows at a time; what is missing of the last ones has no place. */
static float *attend_by_rows(int mode, const struct cached_shape *s, const float *qkv,
                             enum dtype stored)
{
    const size_t columns = (s->heads + 2 * s->keys) * s->width, wide = s->heads * s->width;
    const size_t elems = attend_cache_elems(s->rows, s->keys, s->width);
    float *some = room(s->chunk * columns * sizeof *some);
    float *all = room((s->rows + s->chunk) * wide * sizeof *all);
    uint32_t *place = room(s->chunk * sizeof *place);
    struct graph *g = graph_open(1, 0);
    op_store(g, stored);
    struct tensor *x = constant3(g, "qkv", 1, s->chunk, columns, some);
    struct tensor *at = graph_state(g, "position", DTYPE_U32, 2, (size_t[]){1, s->chunk});
    struct tensor *cache = graph_state(g, "cache", stored, 1, &elems);
    struct tensor *y = op_attention_cached(g, x, s->heads, s->keys, cache, at, "attend");
    y = graph_as(g, y, DTYPE_F32);
    y->keep = 1;
    struct plan *p = lowered(g, mode);
    plan_ready(p, 1);
    for (size_t row = 0; row < s->rows; row += s->chunk) {
        const size_t n = s->rows - row < s->chunk ? s->rows - row : s->chunk;
        memcpy(some, qkv + row * columns, n * columns * sizeof *some);
        for (size_t i = 0; i < s->chunk; i++)
            place[i] = i < n ? (uint32_t)(row + i) : UINT32_MAX;
        OK(tensor_write(x, some, &err));
        OK(tensor_write(at, place, &err));
        run_step(p, &(struct step){.count = 1});
        OK(tensor_read(y, all + row * wide, &err));
        for (size_t i = n * wide; i < s->chunk * wide; i++)
            assert_true(all[row * wide + i] == 0);
    }
    plan_close(p);
    free(some);
    free(place);
    return all;
}

static void check_cached(int mode, const struct cached_shape *s, enum dtype stored)
{
    const size_t n = s->rows * (s->heads + 2 * s->keys) * s->width;
    float *qkv = room(n * sizeof *qkv);
    draw_all(qkv, n, 40, -2, 2);
    for (size_t k = 0; k < n; k++)
        qkv[k] = rounded(qkv[k], stored);
    float *whole = attend_whole(mode, s, qkv), *rows = attend_by_rows(mode, s, qkv, stored);
    for (size_t k = 0; k < s->rows * s->heads * s->width; k++)
        if (!(fabs(rows[k] - whole[k]) <= (stored == DTYPE_F32 ? 3e-6 : 0.01)))
            fail_msg("%zu rows of %zu, number %zu in %s is %g, not %g", s->rows, s->width, k,
                     dtype_name(stored), rows[k], whole[k]);
    free(whole);
    free(rows);
    free(qkv);
}

static void test_attention_cached(int mode)
{
    static const struct cached_shape shapes[] = {
        {1, 1, 1, 1, 1},   {5, 2, 1, 3, 1},    {40, 4, 2, 16, 7},   {37, 3, 3, 8, 37},
        {70, 6, 2, 64, 1}, {33, 2, 2, 20, 64}, {150, 1, 1, 128, 16}};
    static const enum dtype stored[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t j = 0; j < 3; j++)
            check_cached(mode, &shapes[i], stored[j]);
}

/* Shapes small enough for oclgrind. */
static void test_attention_cached_small(int mode)
{
    static const struct cached_shape shapes[] = {{5, 2, 1, 3, 1}, {19, 2, 1, 16, 7}};
    for (size_t i = 0; i < 2; i++)
        check_cached(mode, &shapes[i], i ? DTYPE_BF16 : DTYPE_F32);
}

/* The names of the problems that tests/test_oclgrind.sh runs. */
static int list_watched(const struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (jobs[i].problem && jobs[i].problem->watched > jobs[i].mode)
            puts(jobs[i].name);
    return 0;
}

/* tests/test_ops 'norm *' runs the tests whose names fit; -w lists those for oclgrind. */
int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(int mode);
    } others[] = {
        {"philox", test_philox},
        {"dropout's masks", test_masks},
        {"gather", test_gather},
        {"gather_staged", test_gather_staged},
        {"noise", test_noise},
        {"augmentation", test_augment},
        {"augmentation's keys", test_augment_keys},
        {"augmentation's statistics", test_augment_statistics},
        {"latent of zeros", test_zero_latent},
        {"similarity's total", test_similarity_total},
        {"attention's limit", test_attention_limit},
        {"attention, evaluated", test_attention_evaluated},
        {"attention by matrix units", test_attention_matrix},
        {"attention with a cache", test_attention_cached},
        {"small attention with a cache", test_attention_cached_small},
        {"batch norm's running statistics", test_running_statistics},
        {"limits of convolutions", test_conv_limits},
        {"loss_sum", test_loss_sum},
        {"terms of a loss", test_loss_terms},
        {"sum_rows", test_sum_rows},
        {"embedding's runs", test_embedding_runs},
        {"recurrent, range of values", test_recurrent_range},
        {"recurrent, carried", test_recurrent_carried},
        {"recurrent, by matrix units", test_recurrent_matrix},
        {"I/Q features", test_iq_features},
        {"initial values", test_draws},
        {"initial values, orthogonal", test_orthogonal},
        {"initial values of a cell", test_cell_draws},
    };
    enum { OTHERS = sizeof others / sizeof *others, JOBS = MODES * (PROBLEMS + OTHERS) };
    static struct job jobs[JOBS];
    static struct CMUnitTest tests[JOBS]; /* what is left empty is no test */
    size_t count = 0;
    for (size_t i = 0; i < JOBS; i++) {
        struct job *job = &jobs[count];
        size_t which = i % (PROBLEMS + OTHERS);
        job->mode = i < PROBLEMS + OTHERS ? FLAT : AS_GPU;
        const char *suffix = job->mode == AS_GPU ? ", as on a GPU" : "";
        if (which < PROBLEMS && job->mode == AS_GPU && problems[which].on_cpu)
            continue;
        if (which < PROBLEMS) {
            job->problem = &problems[which];
            size_t number = 0; /* among the problems of its op */
            for (size_t j = 0; j < which; j++)
                number += problems[j].op == job->problem->op;
            snprintf(job->name, sizeof job->name, "%s %zu%s", job->problem->op->name, number,
                     suffix);
        } else {
            job->test = others[which - PROBLEMS].test;
            snprintf(job->name, sizeof job->name, "%s%s", others[which - PROBLEMS].name, suffix);
        }
        tests[count++] = (struct CMUnitTest){job->name, run_job, NULL, NULL, job};
    }
    if (argc > 1 && !strcmp(argv[1], "-w"))
        return list_watched(jobs, count);
    share_of(tests, count);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("ops", tests, open_devices, close_devices);
}
