/* SPDX-License-Identifier: MIT */
/*
 * optim: the update of each optimizer against its formula in double precision over 50 steps, with
 * clipping, weight decay by parameter and steps that are not finite; with a poisoned buffer for
 * each tensor, and on a CPU a second time as kernels are cut for a GPU.
 */
#include "exec/exec.h"
#include "optim/optim.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/opencl.h"
#include "modes.h"
#include "util/philox.h"

static const struct {
    const char *name;
    size_t elems;
    int decay;
} weights[] = {
    {"a.weight", 7, 1}, {"a.bias", 33, 0}, {"b.weight", 3001, 1}, {"b.bias", 1, 0}, {"c", 200, 0},
};
#define WEIGHTS (sizeof weights / sizeof *weights)
enum { ELEMS = 3242, STEPS = 50 };
#define DECAY 0.1
#define EMA 0.9
/* A running statistic, which is no weight. */
enum { RUNNING = 5 };

/* The reference's weights and slots. */
struct reference {
    double w[ELEMS], slot[OPTIM_MAX_SLOTS][ELEMS], average[ELEMS];
};

/* An optimizer as a user sets it up. */
struct subject {
    const char *name;
    char *setting[6];
    void (*update)(struct reference *r, size_t i, double gradient, double decay, double lr,
                   uint32_t number);
    double tolerance[1 + OPTIM_MAX_SLOTS]; /* of weights and slots */
};

/* Loshchilov and Hutter (2019), algorithm 2: decay decoupled from the moments. */
static void adamw(struct reference *r, size_t i, double gradient, double decay, double lr,
                  uint32_t number)
{
    double *m = &r->slot[0][i], *v = &r->slot[1][i];
    *m = 0.8 * *m + 0.2 * gradient;
    *v = 0.95 * *v + 0.05 * gradient * gradient;
    double mean = *m / (1 - pow(0.8, number)), square = *v / (1 - pow(0.95, number));
    r->w[i] -= lr * (mean / (sqrt(square) + 1e-7) + decay * r->w[i]);
}

/* torch.optim.SGD: decay is added to the gradient. */
static void sgd(struct reference *r, size_t i, double gradient, double decay, double lr,
                uint32_t number)
{
    (void)number;
    double *b = &r->slot[0][i];
    *b = 0.85 * *b + gradient + decay * r->w[i];
    r->w[i] -= lr * *b;
}

static void sgd_nesterov(struct reference *r, size_t i, double gradient, double decay, double lr,
                         uint32_t number)
{
    (void)number;
    double *b = &r->slot[0][i], g = gradient + decay * r->w[i];
    *b = 0.85 * *b + g;
    r->w[i] -= lr * (g + 0.85 * *b);
}

static void sgd_plain(struct reference *r, size_t i, double gradient, double decay, double lr,
                      uint32_t number)
{
    (void)number;
    r->slot[0][i] = gradient + decay * r->w[i];
    r->w[i] -= lr * r->slot[0][i];
}

/* Chen et al. (2023), algorithm 2. A sum so near 0 that rounding may turn its sign would be no
 * fault of the kernel: gradients are drawn so that there is none. */
static void lion(struct reference *r, size_t i, double gradient, double decay, double lr,
                 uint32_t number)
{
    (void)number;
    double *m = &r->slot[0][i], c = 0.8 * *m + 0.2 * gradient;
    assert_true(fabs(c) > 2e-8);
    r->w[i] -= lr * ((c > 0 ? 1 : -1) + decay * r->w[i]);
    *m = 0.95 * *m + 0.05 * gradient;
}

static const struct subject subjects[] = {
    {"adamw",
     {"train.optimizer=adamw", "train.beta1=0.8", "train.beta2=0.95", "train.epsilon=1e-7"},
     adamw,
     {2e-6, 1e-7, 2e-8}},
    {"sgd", {"train.optimizer=sgd", "train.momentum=0.85"}, sgd, {1e-6, 1e-6}},
    {"sgd, nesterov",
     {"train.optimizer=sgd", "train.momentum=0.85", "train.nesterov=yes"},
     sgd_nesterov,
     {1e-6, 1e-6}},
    {"sgd without momentum", {"train.optimizer=sgd", "train.momentum=0"}, sgd_plain, {1e-6, 1e-6}},
    {"lion", {"train.optimizer=lion", "train.beta1=0.8", "train.beta2=0.95"}, lion, {2e-6, 1e-7}},
    {"averaged adamw",
     {"train.optimizer=adamw", "train.beta1=0.8", "train.beta2=0.95", "train.epsilon=1e-7",
      "train.ema=0.9"},
     adamw,
     {2e-6, 1e-7, 2e-8}},
};
#define SUBJECTS (sizeof subjects / sizeof *subjects)

/* --- a model that is nothing but parameters */

struct model {
    const struct subject *subject;
    struct config *config;
    struct params *params, *average;
    struct optim optim;
    struct plan *p;
    struct tensor *metrics;
    struct reference want;
};

/* Uniform in [low, high), a pure function of stream and index. */
static void draw(float *to, size_t n, uint32_t stream, double low, double high)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t word[4];
        philox(word, (uint32_t)i, 77, stream, 0, 1);
        to[i] = (float)(low + (high - low) * philox_unit(word[0]));
    }
}

static struct config *config_of(const struct subject *subject, const char *clip)
{
    char *settings[8] = {"data.source=none.csv", (char *)clip};
    size_t count = 2;
    for (; subject && subject->setting[count - 2]; count++)
        settings[count] = subject->setting[count - 2];
    struct config *config = config_load(NULL, settings, count, &err);
    if (!config)
        fail_msg("%s", err.text);
    config->train.weight_decay = DECAY;
    return config;
}

/* Memory of the parameters that there are, in buffers of at most `most` bytes, and the launches of
 * an update. */
static void prepare(struct model *m, struct device *dev, uint64_t most)
{
    const uint64_t before = dev->info.max_alloc_bytes;
    dev->info.max_alloc_bytes = most;
    params_place(m->params, device_info(dev)->base_align);
    OK(params_allocate(m->params, dev, 1, &err));
    if (m->config->train.ema > 0) {
        m->average = params_twin(m->params);
        assert_non_null(m->average);
        params_place(m->average, device_info(dev)->base_align);
        OK(params_allocate(m->average, dev, 0, &err));
    }
    optim_init(&m->optim, m->config);
    OK(optim_allocate(&m->optim, m->params, dev, &err));
    dev->info.max_alloc_bytes = before;
    m->metrics = plan_state(m->p, "metrics", METRICS_WORDS);
    optim_append(&m->optim, m->p, m->metrics, m->average);
    m->p->scattered = 1;
    OK(plan_place(m->p, &err));
    OK(plan_check(m->p, &err));
    OK(exec_prepare(m->p, NULL, gemm_provider_find("own"), &err));
}

static void open_model(struct model *m, const struct subject *subject, int mode, const char *clip)
{
    struct device *dev = device_of(mode);
    memset(m, 0, sizeof *m);
    m->subject = subject;
    m->config = config_of(subject, clip);
    m->params = params_new(0);
    m->p = plan_new(dev, m->params);
    assert_non_null(m->p);
    for (size_t i = 0; i < WEIGHTS; i++)
        assert_non_null(params_get(m->params, weights[i].name, 1, &weights[i].elems,
                                   weights[i].decay, INIT_CONSTANT, 0));
    assert_non_null(params_get_running(m->params, "statistic", 1, &(size_t){RUNNING}, 0));
    prepare(m, dev, dev->info.max_alloc_bytes);
    size_t at = 0;
    for (size_t i = 0; i < WEIGHTS; at += weights[i++].elems) {
        float w[ELEMS];
        draw(w, weights[i].elems, (uint32_t)(30 + i), -1, 1);
        OK(params_write(m->params, i, m->params->values, w, &err));
        for (size_t j = 0; j < weights[i].elems; j++)
            m->want.w[at + j] = w[j];
    }
    assert_int_equal(at, ELEMS);
}

static void close_model(struct model *m)
{
    plan_free(m->p);
    optim_fini(&m->optim);
    params_free(m->average);
    params_free(m->params);
    config_free(m->config);
}

static double rate(uint32_t number)
{
    return 3e-3 / (1 + 0.1 * number);
}

/* Gradients of a step, and their norm. */
static double give_gradients(struct model *m, float *grad, uint32_t number)
{
    double square = 0;
    size_t at = 0;
    draw(grad, ELEMS, 50 + number, -0.2, 0.25);
    for (size_t i = 0; i < ELEMS; i++)
        square += (double)grad[i] * grad[i];
    for (size_t i = 0; i < WEIGHTS; at += weights[i++].elems)
        OK(params_write(m->params, i, m->params->grads, grad + at, &err));
    return sqrt(square);
}

static void run_step(struct model *m, uint32_t number, int skip)
{
    struct step step = {.number = number, .skip = (uint32_t)skip};
    const float statistic[RUNNING] = {(float)number, -1, 2, -3, 4};
    OK(params_write(m->params, WEIGHTS, m->params->values, statistic, &err));
    optim_step(&m->optim, rate(number), &step);
    OK(tensor_write(m->p->step, &step, &err));
    OK(exec_run(m->p, 0, m->p->launch_count, &err));
}

/* The average behind a step that has changed the weights (`moved`), or has not. */
static void expect_average(struct model *m, uint32_t number, int moved)
{
    for (size_t i = 0; i < ELEMS; i++)
        if (number == 1)
            m->want.average[i] = m->want.w[i];
        else if (moved)
            m->want.average[i] = EMA * m->want.average[i] + (1 - EMA) * m->want.w[i];
}

/* What the step should have done. */
static void expect_step(struct model *m, const float *grad, double norm, uint32_t number)
{
    const double clip = m->config->train.clip_norm;
    const double scale = clip > 0 && norm > clip ? clip / norm : 1;
    size_t at = 0;
    for (size_t i = 0; i < WEIGHTS; i++)
        for (size_t j = 0; j < weights[i].elems; j++, at++)
            m->subject->update(&m->want, at, grad[at] * scale, weights[i].decay ? DECAY : 0,
                               rate(number), number);
    expect_average(m, number, 1);
}

static void compare(const struct model *m, const char *what, const struct arena *arena,
                    const double *want, double tolerance)
{
    size_t at = 0;
    for (size_t i = 0; i < WEIGHTS; at += weights[i++].elems) {
        float got[ELEMS];
        OK(params_read(m->params, i, arena, got, &err));
        for (size_t j = 0; j < weights[i].elems; j++)
            if (!(fabs(got[j] - want[at + j]) <= tolerance))
                fail_msg("%s of %s[%zu] is %.9g, not %.9g", what, weights[i].name, j, got[j],
                         want[at + j]);
    }
}

static void compare_all(const struct model *m)
{
    static const double zeros[ELEMS];
    const struct optim_class *class = m->optim.class;
    compare(m, "value", m->params->values, m->want.w, m->subject->tolerance[0]);
    for (size_t i = 0; i < class->slots; i++)
        compare(m, class->slot[i], m->optim.slot[i], m->want.slot[i], m->subject->tolerance[1 + i]);
    compare(m, "gradient", m->params->grads, zeros, 0);
    if (!m->average)
        return;
    compare(m, "average", m->average->values, m->want.average, m->subject->tolerance[0]);
    float is[RUNNING], was[RUNNING];
    OK(params_read(m->average, WEIGHTS, m->average->values, is, &err));
    OK(params_read(m->params, WEIGHTS, m->params->values, was, &err));
    assert_memory_equal(is, was, sizeof is);
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * (1 + fabs(want))))
        fail_msg("%.9g, not %.9g", got, want);
}

/* --- tests */

/* 50 steps, of which one is not finite and left out: the reference's t counts on. */
static void steps(const struct subject *subject, int mode, const char *setting)
{
    struct model m;
    struct metrics metrics;
    float grad[ELEMS];
    double norms = 0, most = 0, norm = 0;
    open_model(&m, subject, mode, setting);
    for (uint32_t number = 1; number <= STEPS; number++) {
        norm = give_gradients(&m, grad, number);
        if (number == 21) {
            const float bad = NAN;
            OK(params_write(m.params, 3, m.params->grads, &bad, &err));
        } else {
            expect_step(&m, grad, norm, number);
            norms += norm;
            most = fmax(most, norm);
        }
        run_step(&m, number, 1);
        compare_all(&m);
    }
    const double clip = m.config->train.clip_norm;
    OK(tensor_read(m.metrics, &metrics, &err));
    near(metrics.last_norm, norm);
    near(metrics.norm_max, most);
    near((double)metrics.norm_sum[0] + (double)metrics.norm_sum[1], norms);
    near(metrics.scale, clip > 0 && norm > clip ? clip / norm : 1);
    assert_int_equal(metrics.steps, STEPS - 1);
    assert_int_equal(metrics.bad, 1);
    assert_int_equal(metrics.bad_first, 21);
    close_model(&m);
}

/* Where the first step is left out, the average begins with the weights as they were. */
static void test_average(void **state)
{
    (void)state;
    struct model m;
    float grad[ELEMS];
    open_model(&m, &subjects[SUBJECTS - 1], FLAT, "train.clip_norm=1");
    assert_non_null(m.average);
    give_gradients(&m, grad, 1);
    OK(params_write(m.params, 3, m.params->grads, &(float){NAN}, &err));
    expect_average(&m, 1, 0);
    run_step(&m, 1, 1);
    compare_all(&m);
    const double norm = give_gradients(&m, grad, 2);
    expect_step(&m, grad, norm, 2);
    run_step(&m, 2, 1);
    compare_all(&m);
    close_model(&m);
}

static void test_plain(const struct subject *subject, int mode)
{
    steps(subject, mode, "train.clip_norm=0");
}

static void test_clip(const struct subject *subject, int mode)
{
    steps(subject, mode, "train.clip_norm=0.5");
    steps(subject, mode, "train.clip_norm=50"); /* never reached */
}

/* All that an update changes. */
static float *state_of(const struct model *m)
{
    const size_t n = m->params->elems, slots = m->optim.class->slots;
    float *x = calloc((2 + slots) * n, sizeof *x);
    assert_non_null(x);
    OK(arena_read(m->params->values, 0, n * 4, x, &err));
    for (size_t i = 0; i < slots; i++)
        OK(arena_read(m->optim.slot[i], 0, n * 4, x + (1 + i) * n, &err));
    if (m->average)
        OK(arena_read(m->average->values, 0, n * 4, x + (1 + slots) * n, &err));
    return x;
}

/* A bad step leaves weights and slots to the bit; then the latch holds, or training goes on. */
static void bad_steps(const struct subject *subject, int mode, int go_on, double poison,
                      int bad_loss)
{
    struct model m;
    struct metrics metrics;
    float grad[ELEMS];
    static const double zeros[ELEMS];
    open_model(&m, subject, mode, "train.clip_norm=1");
    double norm = give_gradients(&m, grad, 1);
    expect_step(&m, grad, norm, 1);
    run_step(&m, 1, go_on);
    const size_t bytes = (2 + m.optim.class->slots) * m.params->elems * 4;
    float *before = state_of(&m);
    for (uint32_t number = 2; number <= 3; number++) {
        give_gradients(&m, grad, number);
        if (bad_loss) {
            OK(tensor_read(m.metrics, &metrics, &err));
            metrics.bad_loss = 1;
            OK(tensor_write(m.metrics, &metrics, &err));
        } else {
            float bads[200] = {[199] = (float)poison};
            OK(params_write(m.params, 4, m.params->grads, bads, &err));
        }
        run_step(&m, number, go_on);
        float *after = state_of(&m);
        assert_memory_equal(after, before, bytes);
        free(after);
        compare(&m, "gradient", m.params->grads, zeros, 0);
    }
    OK(tensor_read(m.metrics, &metrics, &err));
    assert_int_equal(metrics.bad, 2);
    assert_int_equal(metrics.bad_first, 2);
    assert_int_equal(metrics.steps, 1);
    assert_int_equal(isfinite(metrics.bad_norm), bad_loss);
    assert_true(metrics.bad_loss == 0 && metrics.scale == 0);
    assert_int_equal(metrics.latched != 0, !go_on);

    norm = give_gradients(&m, grad, 4);
    if (go_on)
        expect_step(&m, grad, norm, 4);
    run_step(&m, 4, go_on);
    compare_all(&m);
    OK(tensor_read(m.metrics, &metrics, &err));
    assert_int_equal(metrics.steps, go_on ? 2 : 1);
    free(before);
    close_model(&m);
}

static void test_stop(const struct subject *subject, int mode)
{
    bad_steps(subject, mode, 0, NAN, 0);
}

static void test_skip(const struct subject *subject, int mode)
{
    bad_steps(subject, mode, 1, -INFINITY, 0);
    bad_steps(subject, mode, 1, 0, 1);
}

/* --- scaled gradients */

/* A step whose gradients, of the factor 2^log2, are good or hold one that is not finite. */
static void scaled_step(struct model *m, struct metrics *metrics, uint32_t number, double poison)
{
    float grad[ELEMS];
    double norm = give_gradients(m, grad, number);
    const uint32_t log2 = metrics->log2_scale;
    struct step step = {.number = number, .scales = 1, .log2_scale = log2};
    const float statistic[RUNNING] = {(float)number, -1, 2, -3, 4};
    size_t at = 0;
    if (poison == 0)
        expect_step(m, grad, norm, number);
    for (size_t i = 0; i < ELEMS; i++)
        grad[i] = i             ? ldexpf(grad[i], (int)log2)
                  : poison == 0 ? ldexpf(grad[i], (int)log2)
                                : (float)poison;
    for (size_t i = 0; i < WEIGHTS; at += weights[i++].elems)
        OK(params_write(m->params, i, m->params->grads, grad + at, &err));
    OK(params_write(m->params, WEIGHTS, m->params->values, statistic, &err));
    OK(tensor_write(m->metrics, metrics, &err));
    optim_step(&m->optim, rate(number), &step);
    OK(tensor_write(m->p->step, &step, &err));
    OK(exec_run(m->p, 0, m->p->launch_count, &err));
    OK(tensor_read(m->metrics, metrics, &err));
    if (poison == 0)
        near(metrics->last_norm, norm);
}

/* Gradients are divided by their scale; one that is not finite halves it and leaves the step out,
 * 2000 good ones double it; at a scale of 1 it is a bad step as without a scale. */
static void test_scaled(const struct subject *subject, int mode)
{
    struct model m;
    struct metrics metrics = {.log2_scale = 3};
    open_model(&m, subject, mode, "train.clip_norm=0.3");
    scaled_step(&m, &metrics, 1, 0);
    compare_all(&m);
    assert_int_equal(metrics.log2_scale, 3);
    assert_int_equal(metrics.good_steps, 1);
    const size_t bytes = (2 + m.optim.class->slots) * m.params->elems * 4;
    float *before = state_of(&m);
    for (uint32_t left = 3; left > 0; left--) {
        scaled_step(&m, &metrics, 2, left % 2 ? INFINITY : NAN);
        assert_int_equal(metrics.log2_scale, left - 1);
        assert_int_equal(metrics.overflows, 4 - left);
        assert_int_equal(metrics.good_steps, 0);
        assert_int_equal(metrics.bad, 0);
    }
    scaled_step(&m, &metrics, 2, NAN);
    assert_int_equal(metrics.bad, 1);
    assert_int_equal(metrics.latched, 1);
    float *after = state_of(&m);
    assert_memory_equal(after, before, bytes);
    free(before);
    free(after);
    metrics = (struct metrics){.log2_scale = 5, .good_steps = SCALE_STEPS - 2};
    scaled_step(&m, &metrics, 2, 0);
    assert_int_equal(metrics.log2_scale, 5);
    scaled_step(&m, &metrics, 3, 0);
    assert_int_equal(metrics.log2_scale, 6);
    assert_int_equal(metrics.good_steps, 0);
    compare_all(&m);
    close_model(&m);
}

/* --- blocks */

enum { SMALL = 30 }; /* parameters */

/* What three steps leave of small parameters, where no buffer may be larger than `most`. */
static float *trained_in_blocks(const struct subject *subject, struct device *dev, uint64_t most,
                                size_t *bytes, size_t *blocks)
{
    struct model m = {.subject = subject, .config = config_of(subject, "train.clip_norm=0.5")};
    float grad[128];
    m.params = params_new(0);
    m.p = plan_new(dev, m.params);
    assert_non_null(m.p);
    for (size_t i = 0; i < SMALL; i++) {
        char name[32];
        const size_t elems = i * 37 % 90 + 1;
        snprintf(name, sizeof name, "layer.%zu", i);
        assert_non_null(params_get(m.params, name, 1, &elems, i % 3 > 0, INIT_NORMAL, 1));
    }
    assert_non_null(params_get_running(m.params, "statistic", 1, &(size_t){RUNNING}, 2));
    prepare(&m, dev, most);
    OK(params_init(m.params, 5, &err));
    for (uint32_t number = 1; number <= 3; number++) {
        struct step step = {.number = number};
        for (size_t i = 0; i < SMALL; i++) {
            draw(grad, 128, number * 100 + (uint32_t)i, -1, 1);
            OK(params_write(m.params, i, m.params->grads, grad, &err));
        }
        optim_step(&m.optim, rate(number), &step);
        OK(tensor_write(m.p->step, &step, &err));
        OK(exec_run(m.p, 0, m.p->launch_count, &err));
    }
    *blocks = m.params->values->blocks;
    *bytes = (2 + m.optim.class->slots) * m.params->elems * 4;
    float *state = state_of(&m);
    close_model(&m);
    return state;
}

/* The same bits in one buffer and in many; chunks of sums lie in up to three of them. */
static void test_blocks(const struct subject *subject, int mode)
{
    size_t bytes, same, blocks;
    struct device *dev = device_of(mode);
    float *whole = trained_in_blocks(subject, dev, dev->info.max_alloc_bytes, &bytes, &blocks);
    assert_int_equal(blocks, 1);
    for (uint64_t most = 512; most < 7000; most += most / 3) {
        float *parts = trained_in_blocks(subject, dev, most, &same, &blocks);
        assert_int_equal(same, bytes);
        assert_true(blocks > 1);
        assert_memory_equal(parts, whole, bytes);
        free(parts);
    }
    free(whole);
}

/* Each choice of train.optimizer has its class, and what it keeps has names of its own. */
static void test_classes(void **state)
{
    (void)state;
    struct config *c = config_of(NULL, "train.clip_norm=1");
    const char *name;
    int count = 0;
    for (; (name = config_choice("train", "optimizer", count)); count++) {
        c->train.optimizer = count;
        const struct optim_class *class = optim_class_of(c);
        assert_non_null(class);
        assert_string_equal(class->name, name);
        int tried = 0;
        for (size_t i = 0; i < SUBJECTS; i++) {
            struct config *of = config_of(&subjects[i], "train.clip_norm=1");
            tried |= of->train.optimizer == count;
            config_free(of);
        }
        if (!tried)
            fail_msg("no test of %s", name);
        assert_in_range(class->slots, 0, OPTIM_MAX_SLOTS);
        for (size_t i = 0; i < class->slots; i++)
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(class->slot[i], class->slot[j]);
    }
    assert_true(count > 0);
    config_free(c);
}

/* --- the list */

struct job {
    char name[96];
    const struct subject *subject;
    void (*test)(const struct subject *subject, int mode);
    int mode;
};

static void run_job(void **state)
{
    const struct job *job = *state;
    job->test(job->subject, job->mode);
}

/* tests/test_optim 'adamw*' runs the tests whose names fit. */
int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(const struct subject *subject, int mode);
    } kinds[] = {
        {"", test_plain},
        {", clipped", test_clip},
        {", stop at a bad step", test_stop},
        {", skip bad steps", test_skip},
        {", in blocks", test_blocks},
        {", scaled gradients", test_scaled},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds, JOBS = MODES * SUBJECTS * KINDS };
    static struct job jobs[JOBS];
    static struct CMUnitTest tests[JOBS + 2];
    for (size_t i = 0; i < JOBS; i++) {
        const size_t kind = i % KINDS;
        jobs[i].subject = &subjects[i / KINDS % SUBJECTS];
        jobs[i].test = kinds[kind].test;
        jobs[i].mode = i < SUBJECTS * KINDS ? FLAT : AS_GPU;
        snprintf(jobs[i].name, sizeof jobs[i].name, "%s%s%s", jobs[i].subject->name,
                 kinds[kind].name, jobs[i].mode == AS_GPU ? ", as on a GPU" : "");
        tests[i] = (struct CMUnitTest){jobs[i].name, run_job, NULL, NULL, &jobs[i]};
    }
    tests[JOBS] = (struct CMUnitTest){"classes", test_classes, NULL, NULL, NULL};
    tests[JOBS + 1] = (struct CMUnitTest){"an average whose first step is left out", test_average,
                                          NULL, NULL, NULL};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("optim", tests, open_devices, close_devices);
}
