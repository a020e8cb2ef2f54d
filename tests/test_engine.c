/* SPDX-License-Identifier: MIT */
/*
 * Promises of the engine: evaluation that does not depend on its batch, the same bits from run to
 * run and for any number of threads, memory that does not grow, dropout that does not see the
 * batch, bad samples that never reach the weights, a refused plan that names one that fits, and
 * steps that wait for nothing.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "chosen.h"
#include "device/opencl.h"
#include "train/budget.h"
#include "train/planned.h"
#include "util/now.h"
#include "util/philox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { WINDOW = 12, FEATURES = 3, WINDOWS = 45, ROWS = WINDOWS * WINDOW };

#define SMALL                                                                        \
    "data.source=none.csv", "data.window=12", "model.d_model=16", "model.heads=2",   \
        "model.layers=1", "model.feedforward=24", "model.latent=5", "train.batch=8", \
        "train.lr=1e-3"

struct fixture {
    struct config *config;
    struct dataset data;
    uint32_t start[WINDOWS];
};

/* A small model over windows that do not overlap; settings after SMALL win. */
static void fixture_init(struct fixture *f, char *const *more, size_t count)
{
    struct error err = {0};
    char *settings[32] = {SMALL}, device[256];
    size_t n = 0;
    while (settings[n])
        n++;
    snprintf(device, sizeof device, "device.select=%s", chosen_device());
    settings[n++] = device;
    for (size_t i = 0; i < count; i++)
        settings[n++] = more[i];
    memset(f, 0, sizeof *f);
    f->config = config_load(NULL, settings, n, &err);
    if (!f->config)
        fail_msg("%s", err.text);
    f->data.rows = ROWS;
    f->data.window = WINDOW;
    f->data.features = FEATURES;
    f->data.series = malloc(ROWS * FEATURES * sizeof(float));
    assert_non_null(f->data.series);
    for (uint32_t i = 0; i < ROWS * FEATURES; i++) {
        uint32_t r[4];
        philox(r, i, 0, 0, 0, 7);
        f->data.series[i] = (float)philox_normal(r[0], r[1]);
    }
    for (uint32_t i = 0; i < WINDOWS; i++)
        f->start[i] = i * WINDOW;
    f->data.start[PART_TRAIN] = f->start;
    f->data.count[PART_TRAIN] = WINDOWS;
}
#define FIXTURE(f, ...) \
    fixture_init(f, (char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

static void fixture_fini(struct fixture *f)
{
    free(f->data.series);
    config_free(f->config);
}

static struct engine *open_engine(const struct fixture *f)
{
    struct error err = {0};
    struct engine *e =
        engine_open(f->config, &f->data, &(struct engine_options){.training = 1}, &err);
    if (!e)
        fail_msg("%s", err.text);
    assert_int_equal(params_init(e->params, 42, &err), 0);
    return e;
}

static float *weights_of(const struct engine *e)
{
    struct error err = {0};
    float *w = malloc(e->params->elems * sizeof *w);
    assert_non_null(w);
    assert_int_equal(arena_read(e->params->values, 0, e->params->elems * 4, w, &err), 0);
    return w;
}

/* Step `number` (from 1): one group of `accumulate` micro-batches, the order taken round and
 * round. */
static void train_step(struct engine *e, uint32_t number)
{
    struct error err = {0};
    const struct config *c = e->config;
    const uint32_t batch = (uint32_t)c->train.batch, per_epoch = WINDOWS / batch;
    struct step step = {.group = batch * (uint32_t)c->train.accumulate,
                        .count = batch,
                        .epoch = 1 + (number - 1) / per_epoch,
                        .seed = {42, 0},
                        .number = number,
                        .skip = c->train.on_nonfinite == NONFINITE_SKIP};
    optim_step(&e->optim, c->train.lr, &step);
    for (long i = 0; i < c->train.accumulate; i++) {
        step.first =
            (((number - 1) * (uint32_t)c->train.accumulate + (uint32_t)i) % per_epoch) * batch;
        if (engine_micro(e, &step, &err))
            fail_msg("%s", err.text);
    }
    if (engine_update(e, &err))
        fail_msg("%s", err.text);
}

static void begin(struct engine *e, const struct fixture *f)
{
    struct error err = {0};
    const struct metrics none = {0};
    assert_int_equal(engine_order(e, f->start, WINDOWS, &err), 0);
    assert_int_equal(engine_write_metrics(e, &none, &err), 0);
}

static struct metrics metrics_of(struct engine *e)
{
    struct error err = {0};
    struct metrics m;
    assert_int_equal(engine_read_metrics(e, &m, &err), 0);
    return m;
}

/* --- evaluation */

static void test_evaluate_batch(void **state)
{
    (void)state;
    static const long batches[] = {-1, 1, 2, 7, 16, 44, 45, 1000};
    static const size_t counts[] = {45, 1, 2, 13};
    struct evaluation want[4], got;
    float value[2][WINDOWS], latent[2][WINDOWS * 5], output[2][ROWS * FEATURES];
    float input[ROWS * FEATURES];
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        struct error err = {0};
        struct fixture f;
        FIXTURE(&f, "model.dropout=0.3");
        f.config->train.evaluate_batch = batches[b];
        struct engine *e = open_engine(&f);
        for (size_t c = 0; c < 4; c++) {
            const struct outputs out = {.value = value[b > 0],
                                        .latent = latent[b > 0],
                                        .output = output[b > 0],
                                        .input = input};
            if (engine_evaluate(e, f.start, counts[c], c ? NULL : &out, &got, &err))
                fail_msg("%s", err.text);
            if (!b)
                want[c] = got;
            if (!(fabs(got.term[0] - want[c].term[0]) <= 1e-6) ||
                !(fabs(got.term[1] - want[c].term[1]) <= 1e-6) ||
                !(fabs(got.loss - want[c].loss) <= 1e-6))
                fail_msg("evaluate_batch %ld, %zu windows: R %.9g C %.9g, not R %.9g C %.9g",
                         batches[b], counts[c], got.term[0], got.term[1], want[c].term[0],
                         want[c].term[1]);
            if (c)
                continue;
            for (size_t i = 0; i < WINDOWS; i++)
                assert_true(fabsf(value[b > 0][i] - value[0][i]) <= 1e-6f);
            for (size_t i = 0; i < WINDOWS * 5; i++)
                assert_true(fabsf(latent[b > 0][i] - latent[0][i]) <= 2e-6f);
            for (size_t i = 0; i < ROWS * FEATURES; i++)
                assert_true(fabsf(output[b > 0][i] - output[0][i]) <= 1e-5f);
            assert_memory_equal(input, f.data.series, sizeof input);
            double mean = 0;
            for (size_t i = 0; i < WINDOWS; i++)
                mean += value[b > 0][i] / (double)WINDOWS;
            assert_true(fabs(mean - got.term[0]) < 1e-6);
        }
        assert_true(want[0].term[0] > 0.1 && want[1].term[1] == 0);
        engine_close(e);
        fixture_fini(&f);
    }
    /* C by its definition: the mean cosine of all pairs of different windows */
    double sum = 0;
    for (size_t i = 0; i < WINDOWS; i++)
        for (size_t j = 0; j < i; j++)
            for (size_t d = 0; d < 5; d++)
                sum += 2 * (double)latent[0][i * 5 + d] * (double)latent[0][j * 5 + d];
    assert_true(fabs(sum / (WINDOWS * (WINDOWS - 1)) - want[0].term[1]) < 1e-6);
}

/* --- the same bits */

static float *trained(const char *threads, const char *accumulate, char *more,
                      struct metrics *metrics)
{
    struct fixture f;
    char setting[2][64];
    snprintf(setting[0], sizeof setting[0], "device.threads=%s", threads);
    snprintf(setting[1], sizeof setting[1], "train.accumulate=%s", accumulate);
    FIXTURE(&f, setting[0], setting[1], "train.batch=15", "model.dropout=0.2", more);
    struct engine *e = open_engine(&f);
    begin(e, &f);
    for (uint32_t i = 1; i <= 12; i++)
        train_step(e, i);
    *metrics = metrics_of(e);
    float *w = weights_of(e);
    w = realloc(w, (e->params->elems + 1) * sizeof *w);
    assert_non_null(w);
    w[e->params->elems] = NAN; /* marks the end for bits() */
    engine_close(e);
    fixture_fini(&f);
    return w;
}

static size_t length(const float *w)
{
    size_t n = 0;
    while (!isnan(w[n]))
        n++;
    return n;
}

static void test_same_bits(void **state)
{
    (void)state;
    static const char *const accumulate[] = {"1", "3"};
    for (int a = 0; a < 2; a++) {
        struct metrics m, n;
        float *first = trained("auto", accumulate[a], "train.recompute=no", &m);
        assert_int_equal(m.steps, 12);
        assert_true(length(first) > 1000);
        static const struct {
            const char *threads;
            char *more;
        } other[] = {{"auto", "train.recompute=no"},  {"1", "train.recompute=no"},
                     {"2", "train.recompute=no"},     {"2", "train.recompute=yes"},
                     {"2", "train.recompute=layers"}, {"auto", "data.feed=stream"}};
        for (int t = 0; t < 6; t++) {
            float *again = trained(other[t].threads, accumulate[a], other[t].more, &n);
            assert_int_equal(length(again), length(first));
            assert_memory_equal(again, first, length(first) * sizeof *first);
            assert_memory_equal(&m, &n, sizeof m);
            free(again);
        }
        free(first);
    }
}

/* The hash that a resume is held against sees each number of the data and each window. */
static void test_data_hash(void **state)
{
    (void)state;
    uint64_t hash[7];
    for (int i = 0; i < 7; i++) {
        struct fixture f;
        FIXTURE(&f, "model.dropout=0");
        f.data.series[0] += (float)(i == 1);
        f.data.series[ROWS * FEATURES - 1] += (float)(i == 2);
        f.start[0] += i == 3;
        f.start[WINDOWS - 1] -= i == 4;
        f.data.count[PART_TRAIN] -= i == 5;
        struct engine *e = open_engine(&f);
        hash[i] = e->data_hash; /* the last as the first */
        engine_close(e);
        fixture_fini(&f);
        for (int j = 0; j < i; j++)
            assert_int_equal(hash[i] == hash[j], i == 6 && j == 0);
    }
}

/* --- memory */

static long resident_most(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss; /* KiB */
}

/* What is resident now, where /proc tells: the most so far hides what compiling took. */
static long resident_now(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_memory(void **state)
{
    (void)state;
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, "model.dropout=0.1");
    struct engine *e = open_engine(&f);
    begin(e, &f);
    struct evaluation evaluation;
    uint64_t bytes = 0;
    unsigned programs = 0;
    long resident = 0, now = 0;
    for (uint32_t i = 1; i <= 600; i++) {
        train_step(e, i);
        if (i % 25 == 0) { /* as between epochs */
            metrics_of(e);
            assert_int_equal(engine_evaluate(e, f.start, WINDOWS, NULL, &evaluation, &err), 0);
            begin(e, &f);
        }
        if (i == 1) {
            bytes = device_bytes(e->dev);
            programs = device_programs(e->dev);
        }
        if (i == 50) {
            resident = resident_most();
            now = resident_now();
        }
        if (i == 200)
            assert_int_equal(device_bytes(e->dev), bytes);
    }
    assert_int_equal(device_bytes(e->dev), bytes);
    assert_int_equal(device_programs(e->dev), programs);
    long grown = resident_most() - resident, more = resident_now() - now;
    print_message("# resident memory over 550 steps: the most +%ld KiB, now %+ld KiB\n", grown,
                  more);
    if (!SANITIZED) /* quarantined memory grows */
        assert_true(grown <= 256 && more <= 256);

    /* the figures by arena add up */
    const struct planned_memory m = planned_memory(e);
    assert_int_equal(m.parameters + m.gradients + m.optimizer + m.activations + m.data + m.other,
                     bytes);
    assert_int_equal(m.optimizer, 2 * m.parameters);
    assert_true(m.activations > 0 && m.data == ROWS * FEATURES * 4 + WINDOWS * 4);
    engine_close(e);
    fixture_fini(&f);
}

/* --- dropout */

/* Latent of window `which` in training: in a batch of `batch`, at place `slot`. */
static void latent_in(const char *batch, uint32_t slot, uint32_t which, uint32_t epoch,
                      uint32_t count, float latent[5])
{
    struct error err = {0};
    struct fixture f;
    char setting[64];
    snprintf(setting, sizeof setting, "train.batch=%s", batch);
    FIXTURE(&f, setting, "model.dropout=0.5");
    struct engine *e = open_engine(&f);
    uint32_t order[WINDOWS];
    memcpy(order, f.start, sizeof order);
    order[slot] = f.start[which];
    assert_int_equal(engine_order(e, order, WINDOWS, &err), 0);
    const struct step step = {
        .count = count, .group = count, .epoch = epoch, .seed = {42, 0}, .number = 1};
    assert_int_equal(engine_micro(e, &step, &err), 0);
    assert_int_equal(buffer_read(e->io.latent->buffer, slot * 5 * 4, 5 * 4, latent, &err), 0);
    engine_close(e);
    fixture_fini(&f);
}

static float distance(const float a[5], const float b[5])
{
    float most = 0;
    for (int i = 0; i < 5; i++)
        most = fmaxf(most, fabsf(a[i] - b[i]));
    return most;
}

/* Loss of the first batch with these weights, in training, with the masks of epoch 1. */
static double loss_with(struct engine *e, const float *w)
{
    struct error err = {0};
    const struct step step = {.count = 8, .group = 8, .epoch = 1, .seed = {42, 0}, .number = 1};
    assert_int_equal(arena_write(e->params->values, 0, e->params->elems * 4, w, &err), 0);
    assert_int_equal(engine_micro(e, &step, &err), 0);
    return (double)metrics_of(e).last_loss;
}

/* Backward goes through the masks of forward: along the gradient the loss rises by its norm. */
static void test_dropout_gradient(void **state)
{
    (void)state;
    for (int norm_first = 0; norm_first < 2; norm_first++) {
        struct error err = {0};
        struct fixture f;
        FIXTURE(&f, "model.dropout=0.4",
                norm_first ? "model.norm_first=yes" : "model.norm_first=no");
        struct engine *e = open_engine(&f);
        begin(e, &f);
        size_t n = e->params->elems;
        float *w = weights_of(e), *g = malloc(n * 4), *moved = malloc(n * 4);
        assert_true(g && moved);
        loss_with(e, w);
        assert_int_equal(arena_read(e->params->grads, 0, n * 4, g, &err), 0);
        double norm = 0, loss[2], h = 3e-4; /* ReLU has kinks */
        for (size_t i = 0; i < n; i++)
            norm += (double)g[i] * (double)g[i];
        norm = sqrt(norm);
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < n; i++)
                moved[i] = w[i] + (float)((side ? h : -h) * (double)g[i] / norm);
            loss[side] = loss_with(e, moved);
        }
        double slope = (loss[1] - loss[0]) / (2 * h);
        if (!(fabs(slope - norm) < 0.02 * norm))
            fail_msg("norm_first %d: slope %g, norm of the gradient %g", norm_first, slope, norm);
        free(w);
        free(g);
        free(moved);
        engine_close(e);
        fixture_fini(&f);
    }
}

static void test_dropout(void **state)
{
    (void)state;
    float a[5], b[5];
    latent_in("8", 0, 30, 1, 8, a);
    latent_in("8", 7, 30, 1, 8, b);
    assert_true(distance(a, b) < 1e-5f);
    latent_in("5", 3, 30, 1, 5, b);
    assert_true(distance(a, b) < 1e-5f);
    latent_in("33", 20, 30, 1, 21, b); /* a short batch */
    assert_true(distance(a, b) < 1e-5f);
    latent_in("8", 0, 30, 2, 8, b); /* another epoch, another mask */
    assert_true(distance(a, b) > 1e-2f);
    latent_in("8", 0, 31, 1, 8, b);
    assert_true(distance(a, b) > 1e-2f);
}

/* --- shards */

/* One step over `count` windows of a batch of 12, and another over all of it. */
static void sharded_steps(struct engine *e, const struct fixture *f, uint32_t count)
{
    struct error err = {0};
    const uint32_t accumulate = (uint32_t)e->config->train.accumulate, batch = 12;
    begin(e, f);
    for (uint32_t number = 1; number <= 3; number++) {
        const uint32_t group = number == 1 ? (accumulate - 1) * batch + count : accumulate * batch;
        struct step step = {.group = group, .epoch = 1, .seed = {42, 0}, .number = number};
        optim_step(&e->optim, e->config->train.lr, &step);
        for (uint32_t i = 0; i < accumulate; i++) {
            step.first = i * batch;
            step.count = number == 1 && i + 1 == accumulate ? count : batch;
            assert_int_equal(engine_micro(e, &step, &err), 0);
        }
        assert_int_equal(engine_update(e, &err), 0);
    }
}

/* Shards make the step of the whole micro-batch, but for the order of its sums: also where windows
 * are too few for all of them, and where a step is of several micro-batches. */
static void shards_make_the_same_step(void **state)
{
    (void)state;
    static char *const accumulate[] = {"train.accumulate=1", "train.accumulate=3"};
    static char *const shards[] = {"train.shards=1", "train.shards=2", "train.shards=3",
                                   "train.shards=4", "train.shards=12"};
    static const uint32_t counts[] = {12, 7, 1};
    for (size_t k = 0; k < 6; k++) {
        struct metrics whole = {0};
        float *first = NULL;
        for (size_t i = 0; i < 5; i++) {
            struct fixture f;
            FIXTURE(&f, accumulate[k / 3], shards[i], "train.batch=12", "model.dropout=0.2",
                    "loss.contrastive=none", "train.optimizer=sgd", "train.lr=0.1");
            struct engine *e = open_engine(&f);
            sharded_steps(e, &f, counts[k % 3]);
            float *w = weights_of(e);
            struct metrics m = metrics_of(e);
            if (!i) {
                whole = m;
                first = w;
            } else {
                float most = 0;
                for (size_t j = 0; j < e->params->elems; j++)
                    most = fmaxf(most, fabsf(w[j] - first[j]));
                if (!(most < 2e-6f))
                    fail_msg("%s, %u windows: weights are off by %g", shards[i], counts[k % 3],
                             (double)most);
                assert_true(m.samples[0] == whole.samples[0] && m.steps == 3 && !m.bad);
                assert_true(fabsf(m.loss[0] - whole.loss[0]) <= 2e-6f * whole.loss[0]);
                assert_true(fabsf(m.term[0][0] - whole.term[0][0]) <= 2e-6f * whole.term[0][0]);
                assert_true(fabsf(m.last_loss - whole.last_loss) <= 2e-6f * whole.last_loss);
                assert_true(fabsf(m.norm_max - whole.norm_max) <= 1e-5f * whole.norm_max);
                free(w);
            }
            engine_close(e);
            fixture_fini(&f);
        }
        free(first);
    }
}

/* Batch norm sees a shard as it sees a micro-batch: its running statistics move from shard to
 * shard as they do from one micro-batch to the next, also where the last one has no windows. */
static void shards_are_as_micro_batches(void **state)
{
    (void)state;
    static const uint32_t counts[] = {12, 10, 6};
    for (size_t k = 0; k < 3; k++) {
        float *values[2], most = 0;
        size_t elems = 0;
        for (int parts = 0; parts < 2; parts++) {
            struct fixture f;
            struct error err = {0};
            FIXTURE(&f, "model.type=cnn_recurrent", "model.conv_norm=batch", "model.hidden=6",
                    "model.conv_channels=5, 4", "data.targets=close", "data.features=a, b, c",
                    "model.dropout=0.2", "train.optimizer=sgd", "train.lr=0.1",
                    parts ? "train.shards=2" : "train.accumulate=2",
                    parts ? "train.batch=12" : "train.batch=6");
            float target[ROWS];
            int of[] = {-1};
            for (size_t i = 0; i < ROWS; i++)
                target[i] = f.data.series[i * FEATURES] * 0.5F;
            f.data.targets = f.data.target_rows = 1;
            f.data.target_first = 3;
            f.data.target = target;
            f.data.target_feature = of;
            struct engine *e = open_engine(&f);
            begin(e, &f);
            for (uint32_t number = 1; number <= 3; number++) {
                struct step step = {
                    .group = counts[k], .epoch = 1, .seed = {42, 0}, .number = number};
                optim_step(&e->optim, e->config->train.lr, &step);
                for (uint32_t first = 0; first < counts[k];
                     first += (uint32_t)f.config->train.batch) {
                    const uint32_t left = counts[k] - first;
                    step.first = first;
                    step.count = left < (uint32_t)f.config->train.batch
                                     ? left
                                     : (uint32_t)f.config->train.batch;
                    assert_int_equal(engine_micro(e, &step, &err), 0);
                }
                assert_int_equal(engine_update(e, &err), 0);
            }
            elems = e->params->elems + e->params->running;
            assert_true(e->params->running > 0);
            values[parts] = malloc(elems * sizeof(float));
            assert_int_equal(arena_read(e->params->values, 0, elems * 4, values[parts], &err), 0);
            engine_close(e);
            fixture_fini(&f);
        }
        for (size_t i = 0; i < elems; i++)
            most = fmaxf(most, fabsf(values[0][i] - values[1][i]));
        if (!(most < 2e-6F))
            fail_msg("%u windows: values are off by %g", counts[k], (double)most);
        free(values[0]);
        free(values[1]);
    }
}

/* --- what is not finite */

/* Windows 16..23 are step 3's; an inf in window 18. */
static void nonfinite(char *policy, char *shards, float poison)
{
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, policy, shards, "model.dropout=0");
    f.data.series[18 * WINDOW * FEATURES + 5] = poison;
    struct engine *e = open_engine(&f);
    begin(e, &f);
    train_step(e, 1);
    train_step(e, 2);
    float *before = weights_of(e);
    struct metrics m = metrics_of(e);
    assert_true(m.bad == 0 && m.bad_first == 0 && m.steps == 2 && m.scale > 0);
    const struct metrics good = m;
    train_step(e, 3);
    float *w = weights_of(e);
    size_t bytes = e->params->elems * sizeof *w;
    assert_memory_equal(w, before, bytes);
    free(w);
    m = metrics_of(e);
    assert_true(m.bad == 1 && m.bad_first == 3 && m.scale == 0 && m.steps == 2);
    assert_true(!isfinite(m.bad_norm) || !isfinite(m.last_loss));
    /* the epoch's sums are of the good batches */
    assert_memory_equal(m.loss, good.loss, sizeof m.loss);
    assert_memory_equal(m.norm_sum, good.norm_sum, sizeof m.norm_sum);
    assert_true(m.samples[0] == 16 && isfinite(m.norm_max));
    train_step(e, 4);
    train_step(e, 5);
    w = weights_of(e);
    m = metrics_of(e);
    assert_int_equal(m.bad_first, 3);
    if (e->config->train.on_nonfinite == NONFINITE_STOP) {
        assert_memory_equal(w, before, bytes);
        assert_true(m.latched && m.steps == 2);
    } else {
        assert_true(memcmp(w, before, bytes) != 0);
        for (size_t i = 0; i < e->params->elems; i++)
            assert_true(isfinite(w[i]));
        assert_true(!m.latched && m.steps == 4 && m.bad == 1 && m.samples[0] == 32);
        assert_true(isfinite(m.loss[0]) && isfinite(m.term[1][0]) && isfinite(m.norm_sum[0]));
        float *moment = malloc(bytes);
        assert_int_equal(arena_read(e->optim.slot[1], 0, bytes, moment, &err), 0);
        for (size_t i = 0; i < e->params->elems; i++)
            assert_true(isfinite(moment[i]));
        free(moment);
    }
    free(w);
    free(before);
    engine_close(e);
    fixture_fini(&f);
}

static void test_nonfinite(void **state)
{
    (void)state;
    nonfinite("train.on_nonfinite=stop", "train.shards=1", INFINITY);
    nonfinite("train.on_nonfinite=skip", "train.shards=1", INFINITY);
    nonfinite("train.on_nonfinite=stop", "train.shards=1", NAN);
    nonfinite("train.on_nonfinite=skip", "train.shards=1", NAN);
    nonfinite("train.on_nonfinite=skip", "train.shards=4", INFINITY);
    nonfinite("train.on_nonfinite=stop", "train.shards=8", NAN);
}

/* --- memory budget */

/* Device bytes that this config's engine takes. */
static uint64_t bytes_of(struct fixture *f, int training)
{
    struct error err = {0};
    f->config->device.memory_fraction = 0.5;
    struct engine *e =
        engine_open(f->config, &f->data, &(struct engine_options){.training = training}, &err);
    if (!e)
        fail_msg("%s", err.text);
    uint64_t bytes = device_bytes(e->dev);
    engine_close(e);
    return bytes;
}

static void set_budget(struct fixture *f, uint64_t bytes)
{
    struct error err = {0};
    struct device *dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 1, .threads = -1},
        &err);
    assert_non_null(dev);
    f->config->device.memory_fraction =
        ((double)bytes + 0.5) / (double)device_info(dev)->global_bytes;
    device_close(dev);
}

static struct engine *try_open(const struct fixture *f, int training, struct error *err)
{
    memset(err, 0, sizeof *err);
    return engine_open(f->config, &f->data, &(struct engine_options){.training = training}, err);
}

/* Each "fits: -s KEY=VALUE ..." of a refusal, applied as printed, is enough; counts those that name
 * `key`. */
static unsigned take_advice(struct fixture *f, int training, const char *refusal, const char *key)
{
    const struct config asked = *f->config;
    unsigned named = 0;
    for (const char *at = refusal; (at = strstr(at, "\nfits: -s "));) {
        const char *line = at + 1, *end = line + strcspn(line, "(");
        char text[256], *rest = NULL;
        snprintf(text, sizeof text, "%.*s", (int)(end - line), line);
        named += strstr(text, key) != NULL;
        strtok_r(text, " ", &rest); /* fits: */
        for (char *word; strtok_r(NULL, " ", &rest) && (word = strtok_r(NULL, " ", &rest));) {
            struct error err = {0};
            char *point = strchr(word, '.'), *equals = strchr(word, '=');
            assert_true(point && equals);
            *point = *equals = 0;
            if (config_set(f->config, word, point + 1, equals + 1, &err))
                fail_msg("%s: %s", line, err.text);
        }
        struct error err = {0};
        struct engine *e = try_open(f, training, &err);
        if (!e)
            fail_msg("what was named does not fit: %s\n%s", line, err.text);
        engine_close(e);
        *f->config = asked;
        at = end;
    }
    return named;
}

/* The figure of an arena in a refusal's table, in MiB. */
static double arena_of(const char *refusal, const char *name)
{
    char line[32];
    snprintf(line, sizeof line, "\n%-12s ", name);
    const char *at = strstr(refusal, line);
    return at ? strtod(at + strlen(line), NULL) : 0;
}

/* All but one byte is refused, and all is enough. */
static void test_budget(void **state)
{
    (void)state;
    struct error err = {0};
    for (int part = 1; part <= 9; part++) {
        struct fixture f;
        FIXTURE(&f, "train.batch=24", "train.accumulate=3", "loss.contrastive=none",
                part % 3 ? "train.evaluate_batch=auto" : "train.evaluate_batch=45");
        uint64_t most = bytes_of(&f, 1), least;
        f.config->train.batch = 1;
        f.config->train.evaluate_batch = 1;
        least = bytes_of(&f, 1);
        f.config->train.batch = 24;
        f.config->train.evaluate_batch = part % 3 ? -1 : 45;
        set_budget(&f, most);
        struct engine *e = try_open(&f, 1, &err); /* exactly what it takes */
        if (!e)
            fail_msg("%s", err.text);
        engine_close(e);
        set_budget(&f, most - 1);
        assert_null(try_open(&f, 1, &err));
        set_budget(&f, least + (most - least) * (uint64_t)part / 10);
        assert_null(try_open(&f, 1, &err));
        assert_int_equal(err.status, STATUS_USAGE);
        assert_int_equal(err.cause, CAUSE_BUDGET);
        unsigned long long needed, budget;
        unsigned long batch = 0, accumulate = 0;
        const char *at = strstr(err.text, "fits: -s train.batch=");
        if (sscanf(err.text, "the plan needs %llu bytes of %llu", &needed, &budget) != 2 || !at ||
            sscanf(at, "fits: -s train.batch=%lu -s train.accumulate=%lu", &batch, &accumulate) !=
                2 ||
            !strstr(at, "(makes the same step)"))
            fail_msg("%s", err.text);
        assert_int_equal(needed, most);
        assert_int_equal(batch * accumulate, 72);
        assert_true(batch <= 24);
        static const char *const arenas[] = {"parameters",  "gradients", "optimizer",
                                             "activations", "data",      "other"};
        double sum = 0, all = arena_of(err.text, "all");
        for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++)
            sum += arena_of(err.text, arenas[i]);
        assert_true(fabs(all - (double)most / 0x1p20) <= 0.005 && fabs(sum - all) <= 0.03);
        assert_int_equal(take_advice(&f, 1, err.text, "train.batch="), 1);
        assert_int_equal(take_advice(&f, 1, err.text, "device.memory_fraction="), 1);
        /* and the next larger divisor of the group does not fit */
        f.config->train.accumulate = (long)accumulate;
        if (strstr(at, " -s train.evaluate_batch=auto"))
            f.config->train.evaluate_batch = -1;
        long next = (long)batch + 1;
        while (72 % next)
            next++;
        if (next <= 24) {
            f.config->train.batch = next;
            f.config->train.evaluate_batch = part % 3 ? -1 : f.config->train.evaluate_batch;
            assert_null(try_open(&f, 1, &err));
        }
        fixture_fini(&f);
    }
}

/* With recomputation less is needed; where that fits and was not asked for, the refusal says so. */
static void test_budget_recompute(void **state)
{
    (void)state;
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, "train.batch=24", "train.accumulate=1", "loss.contrastive=none", "model.layers=3");
    static const char *const way[] = {"\nfits: -s train.recompute=yes (makes the same step)",
                                      "\nfits: -s train.recompute=layers (makes the same step, "
                                      "most of its forward pass twice)"};
    uint64_t most = bytes_of(&f, 1), less[2];
    f.config->train.recompute = RECOMPUTE_YES;
    less[0] = bytes_of(&f, 1);
    f.config->train.recompute = RECOMPUTE_LAYERS;
    less[1] = bytes_of(&f, 1);
    assert_true(less[0] < most - most / 5 && less[1] < less[0] - less[0] / 5);
    for (int layers = 0; layers < 2; layers++)
        for (int fits = 0; fits < 2; fits++) {
            const int asked = layers ? RECOMPUTE_LAYERS : RECOMPUTE_YES;
            const int told = fits ? layers : layers + 1; /* the least that does; 2: nothing does */
            set_budget(&f, fits ? less[layers] : less[layers] - 1);
            f.config->train.recompute = RECOMPUTE_NO;
            assert_null(try_open(&f, 1, &err));
            if (!strstr(err.text, "makes the same step"))
                fail_msg("%s", err.text);
            for (int k = 0; k < 2; k++)
                if ((strstr(err.text, way[k]) != NULL) != (k == told))
                    fail_msg("%s", err.text);
            take_advice(&f, 1, err.text, "");
            f.config->train.recompute = asked;
            struct engine *e = try_open(&f, 1, &err);
            assert_int_equal(e != NULL, fits);
            if (e)
                assert_int_equal(device_bytes(e->dev), less[layers]);
            else if ((strstr(err.text, "train.recompute") != NULL) != !layers)
                fail_msg("%s", err.text);
            else
                take_advice(&f, 1, err.text, "");
            engine_close(e);
        }
    fixture_fini(&f);
}

/* With auto no more is made again than the budget asks: one less does not fit. The step has the
 * same bits in any case. */
static void test_recompute_auto(void **state)
{
    (void)state;
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, "train.batch=24", "train.accumulate=1", "loss.contrastive=none", "model.layers=3",
            "model.dropout=0.2");
    const uint64_t most = bytes_of(&f, 1);
    f.config->train.recompute = RECOMPUTE_LAYERS;
    const uint64_t least = bytes_of(&f, 1);
    size_t before = 0;
    float *kept = NULL;
    for (int part = 0; part <= 8; part++) {
        f.config->train.recompute = RECOMPUTE_AUTO;
        set_budget(&f, most - (most - least) * (uint64_t)part / 8);
        struct engine *e = try_open(&f, 1, &err);
        if (!e)
            fail_msg("%s", err.text);
        const struct remakes made = {e->train->remade, e->train->replayed};
        const size_t all = e->train->can_remake, remade = made.nodes + made.layers;
        assert_true(part ? remade >= before && remade > 0 : remade == 0);
        assert_true(made.nodes <= all && device_bytes(e->dev) <= device_budget(e->dev));
        assert_true(!made.layers || (made.nodes == all && made.layers <= e->train->can_replay));
        assert_true(part < 8 || made.layers > 1);
        assert_true(part ? e->train->remade_flops > 0 : e->train->remade_flops == 0);
        before = remade;
        assert_int_equal(params_init(e->params, 42, &err), 0);
        begin(e, &f);
        for (uint32_t number = 1; number <= 2; number++)
            train_step(e, number);
        float *weights = weights_of(e);
        const size_t bytes = e->params->elems * sizeof *weights;
        if (kept)
            assert_memory_equal(weights, kept, bytes);
        free(kept);
        kept = weights;
        engine_close(e);
        if (!remade)
            continue;
        /* one operation or one layer less is too much */
        const struct remakes fewer = {made.nodes - !made.layers, made.layers - !!made.layers};
        struct session *session = session_open(f.config, &(struct session_options){0}, &err);
        struct engine *less = planned_open(
            f.config, &f.data, &(struct engine_options){.training = 1, .remakes = fewer},
            session->dev, &err);
        assert_true(less && planned_bytes(less, 0) > device_budget(session->dev));
        planned_close(less);
        session_close(session);
    }
    free(kept);
    set_budget(&f, least - 1);
    assert_null(try_open(&f, 1, &err));
    take_advice(&f, 1, err.text, "");
    fixture_fini(&f);
}

static void test_budget_too_small(void **state)
{
    (void)state;
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, "train.batch=24", "train.accumulate=1");
    f.config->train.batch = f.config->train.evaluate_batch = 1;
    uint64_t least = bytes_of(&f, 1);
    set_budget(&f, least - 4);
    f.config->train.batch = 24;
    f.config->train.evaluate_batch = -1;
    assert_null(try_open(&f, 1, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_non_null(strstr(err.text, "not even batch = 1 fits"));
    assert_non_null(strstr(err.text, "device.memory_fraction"));
    assert_int_equal(take_advice(&f, 1, err.text, "device.memory_fraction"), 1);
    set_budget(&f, 64); /* not even the series */
    assert_null(try_open(&f, 1, &err));
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(err.text, "series: "));
    set_budget(&f, ROWS * FEATURES * 4 + 256); /* not even the parameters */
    assert_null(try_open(&f, 1, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_non_null(strstr(err.text, "whatever the batch"));
    assert_true(arena_of(err.text, "parameters") > 0);

    /* an engine that only evaluates names the batch of evaluation */
    f.config->train.evaluate_batch = 40;
    uint64_t most = bytes_of(&f, 0);
    set_budget(&f, most - 1);
    assert_null(try_open(&f, 0, &err));
    assert_int_equal(take_advice(&f, 0, err.text, "fits: -s train.evaluate_batch="), 1);
    unsigned long batch = 0;
    const char *at = strstr(err.text, "fits: -s train.evaluate_batch=");
    if (!at || sscanf(at, "fits: -s train.evaluate_batch=%lu (", &batch) != 1)
        fail_msg("%s", err.text);
    f.config->train.evaluate_batch = (long)batch;
    struct engine *e = try_open(&f, 0, &err);
    if (!e)
        fail_msg("%s", err.text);
    assert_int_equal(e->eval_batch, batch);
    engine_close(e);
    fixture_fini(&f);
}

/* One budget bounds the engines of a session together: a second one is refused where the first has
 * left too little, by one byte, with what fits beside the first. */
static void test_budget_of_session(void **state)
{
    (void)state;
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, "train.batch=24", "train.accumulate=1", "loss.contrastive=none");
    const uint64_t one = bytes_of(&f, 1);
    for (int short_by = 0; short_by < 2; short_by++) {
        set_budget(&f, 2 * one - (uint64_t)short_by);
        struct session *session = session_open(f.config, &(struct session_options){0}, &err);
        assert_non_null(session);
        const struct engine_options beside = {.training = 1, .session = session};
        struct engine *first = engine_open(f.config, &f.data, &beside, &err);
        assert_non_null(first);
        struct engine *second = engine_open(f.config, &f.data, &beside, &err);
        assert_int_equal(second != NULL, !short_by);
        assert_int_equal(device_bytes(session->dev), short_by ? one : 2 * one);
        unsigned long batch = 0, accumulate;
        const char *at = strstr(err.text, "fits: -s train.batch=");
        if (short_by && (!at || sscanf(at, "fits: -s train.batch=%lu -s train.accumulate=%lu",
                                       &batch, &accumulate) != 2))
            fail_msg("%s", err.text);
        if (short_by) {
            assert_true(fabs(arena_of(err.text, "other runs") - (double)one / 0x1p20) <= 0.005);
            f.config->train.batch = (long)batch;
            f.config->train.accumulate = (long)accumulate;
            second = engine_open(f.config, &f.data, &beside, &err);
            assert_non_null(second);
        }
        engine_close(second);
        engine_close(first);
        session_close(session);
    }
    fixture_fini(&f);
}

/* --- the same step in smaller micro-batches */

enum { STEP = 64 };

/* Gradients of the first step over STEP windows that overlap, in micro-batches as configured. */
static float *step_gradients(struct fixture *f, struct session *session, size_t *count)
{
    struct error err = {0};
    static uint32_t start[STEP];
    for (uint32_t i = 0; i < STEP; i++)
        start[i] = i * (ROWS - WINDOW) / STEP;
    const struct engine_options beside = {.training = 1, .session = session};
    struct dataset data = f->data;
    data.start[PART_TRAIN] = start;
    data.count[PART_TRAIN] = STEP;
    struct log *log = log_new(LOG_QUIET);
    assert_int_equal(budget_batch(f->config, &data, &beside, log, &err), 0);
    log_close(log, &err);
    assert_int_equal(f->config->train.batch * f->config->train.accumulate, STEP);
    struct engine *e = engine_open(f->config, &data, &beside, &err);
    if (!e)
        fail_msg("%s", err.text);
    assert_int_equal(params_init(e->params, 42, &err), 0);
    assert_int_equal(engine_order(e, start, STEP, &err), 0);
    assert_int_equal(engine_write_metrics(e, &(struct metrics){0}, &err), 0);
    struct step step = {.group = STEP, .epoch = 1, .number = 1, .seed = {42, 0}};
    for (step.count = (uint32_t)f->config->train.batch; step.first < STEP; step.first += step.count)
        assert_int_equal(engine_micro(e, &step, &err), 0);
    float *gradients = malloc(e->params->elems * sizeof *gradients);
    assert_non_null(gradients);
    assert_int_equal(
        arena_read(e->params->grads, 0, e->params->elems * sizeof *gradients, gradients, &err), 0);
    *count = e->params->elems;
    engine_close(e);
    return gradients;
}

/* |a - b| / |b| */
static double away(const float *a, const float *b, size_t count)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        difference += pow((double)a[i] - (double)b[i], 2);
        norm += pow((double)b[i], 2);
    }
    return sqrt(difference / norm);
}

#define OF_64 "train.effective_batch=64", "loss.contrastive=none"

/* A step of 64 windows has the same gradients at once, by 16 and by what a budget leaves, which is
 * the largest divisor that fits. */
static void test_effective_batch(void **state)
{
    (void)state;
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, OF_64, "train.batch=64", "train.accumulate=1");
    struct session *session = session_open(f.config, &(struct session_options){0}, &err);
    size_t count, ignored;
    float *whole = step_gradients(&f, session, &count);
    session_close(session);
    fixture_fini(&f);
    static const struct {
        const char *batch, *accumulate;
        long of,
            wanted; /* the budget is what a batch of `of` takes, less a byte if it is negative */
    } cases[] = {{"16", "4", 64, 16},      {"16", "auto", 64, 16},   {"auto", "2", 64, 32},
                 {"auto", "auto", 64, 64}, {"auto", "auto", 16, 16}, {"auto", "auto", -16, 8},
                 {"auto", "auto", 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char batch[32], accumulate[32];
        snprintf(batch, sizeof batch, "train.batch=%s", cases[i].batch);
        snprintf(accumulate, sizeof accumulate, "train.accumulate=%s", cases[i].accumulate);
        FIXTURE(&f, OF_64, batch, accumulate);
        const struct config asked = *f.config;
        f.config->train.batch = labs(cases[i].of);
        f.config->train.accumulate = STEP / f.config->train.batch;
        /* the order of samples has room for STEP of them, not for WINDOWS */
        const uint64_t room = (STEP - WINDOWS) * sizeof(uint32_t);
        const uint64_t bytes = bytes_of(&f, 1) + room - (cases[i].of < 0);
        *f.config = asked;
        set_budget(&f, bytes);
        session = session_open(f.config, &(struct session_options){0}, &err);
        assert_non_null(session);
        float *got = step_gradients(&f, session, &ignored);
        assert_int_equal(f.config->train.batch, cases[i].wanted);
        const double distance = away(got, whole, count);
        print_message("# %s x %s: %ld x %ld, gradients %.1e away\n", cases[i].batch,
                      cases[i].accumulate, f.config->train.batch, f.config->train.accumulate,
                      distance);
        assert_true(distance <= 1e-6);
        free(got);
        session_close(session);
        fixture_fini(&f);
    }
    free(whole);
}

/* The next smaller micro-batch of the same step, down to single windows. */
static void test_smaller_batch(void **state)
{
    (void)state;
    static const long wanted[] = {24, 18, 12, 9, 8, 6, 4, 3, 2, 1};
    struct fixture f;
    FIXTURE(&f, "train.batch=36", "train.accumulate=2", "train.evaluate_batch=10");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        assert_int_equal(budget_smaller(f.config), 0);
        assert_int_equal(f.config->train.batch, wanted[i]);
        assert_int_equal(f.config->train.accumulate, 72 / wanted[i]);
        assert_int_equal(f.config->train.evaluate_batch, wanted[i] < 10 ? -1 : 10);
    }
    assert_int_equal(budget_smaller(f.config), -1);
    assert_int_equal(f.config->train.batch, 1);
    fixture_fini(&f);
}

/* Of 12 steps the 2nd, 7th and 12th are watched launch by launch, the first is neither; an epoch's
 * end in between is no part of the time that steps take by themselves. */
static void test_profile(void **state)
{
    (void)state;
    struct error err = {0};
    struct fixture f;
    FIXTURE(&f, "train.accumulate=2");
    struct engine *e = engine_open(
        f.config, &f.data, &(struct engine_options){.training = 1, .own = {.profile = 1}}, &err);
    assert_non_null(e);
    assert_int_equal(params_init(e->params, 42, &err), 0);
    begin(e, &f);
    double before = now(), slept = 0.3;
    for (uint32_t number = 1; number <= 12; number++) {
        train_step(e, number);
        if (number == 4) { /* amid steps that run by themselves */
            metrics_of(e);
            usleep((useconds_t)(slept * 1e6));
        }
    }
    metrics_of(e);
    double all = now() - before;
    assert_int_equal(e->profiled.steps, 12);
    assert_int_equal(e->profiled.steps_watched, 3);
    assert_int_equal(e->profiled.steps_alone, 8);
    double launches = 0;
    for (size_t i = 0; i < e->train->launch_count; i++) {
        assert_int_equal(e->train->launches[i]->runs, i < e->micro ? 6 : 3);
        launches += e->train->launches[i]->seconds;
    }
    assert_true(launches > 0 && e->profiled.seconds > 0);
    assert_true(e->profiled.seconds + launches < all - slept);
    /* evaluations are watched as well */
    struct evaluation got;
    assert_int_equal(engine_evaluate(e, f.start, WINDOWS, NULL, &got, &err), 0);
    for (size_t i = 0; i < e->eval->launch_count; i++)
        assert_true(e->eval->launches[i]->runs > 0);
    engine_close(e);
    fixture_fini(&f);
}

/* --- engines on one session */

static struct session *open_session(const struct fixture *f)
{
    struct error err = {0};
    struct session *s = session_open(f->config, &(struct session_options){0}, &err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

static struct engine *open_beside(const struct fixture *f, struct session *session)
{
    struct error err = {0};
    struct engine *e = engine_open(
        f->config, &f->data, &(struct engine_options){.training = 1, .session = session}, &err);
    if (!e)
        fail_msg("%s", err.text);
    assert_int_equal(params_init(e->params, 42, &err), 0);
    return e;
}

static double loss_over_all(struct engine *e, const struct fixture *f)
{
    struct error err = {0};
    struct evaluation got;
    assert_int_equal(engine_evaluate(e, f->start, WINDOWS, NULL, &got, &err), 0);
    return got.loss;
}

/* Two engines whose steps and evaluations take turns on one session have the bits of each alone,
 * and share programs; one that closes gives back what it took. */
static void test_one_session(void **state)
{
    (void)state;
    enum { STEPS = 7 };
    struct fixture f[2];
    FIXTURE(&f[0], "train.accumulate=2");
    FIXTURE(&f[1], "model.d_model=32", "train.lr=3e-3");
    float *alone[2], *beside;
    double loss[2];
    for (int i = 0; i < 2; i++) {
        struct engine *e = open_engine(&f[i]);
        begin(e, &f[i]);
        for (uint32_t number = 1; number <= STEPS; number++)
            train_step(e, number);
        loss[i] = loss_over_all(e, &f[i]);
        alone[i] = weights_of(e);
        engine_close(e);
    }
    struct session *session = open_session(&f[0]);
    struct engine *e[2];
    for (int i = 0; i < 2; i++) {
        e[i] = open_beside(&f[i], session);
        assert_ptr_equal(e[i]->dev, session->dev);
        begin(e[i], &f[i]);
    }
    for (uint32_t number = 1; number <= STEPS; number++)
        for (int i = 0; i < 2; i++) {
            train_step(e[i], number);
            if (number == 3) { /* amid the steps of the other */
                loss_over_all(e[i], &f[i]);
                assert_int_equal(engine_order(e[i], f[i].start, WINDOWS, &(struct error){0}), 0);
            }
        }
    for (int i = 0; i < 2; i++) {
        assert_true(loss_over_all(e[i], &f[i]) == loss[i]);
        beside = weights_of(e[i]);
        assert_memory_equal(beside, alone[i], e[i]->params->elems * sizeof *beside);
        free(beside);
    }
    const unsigned programs = device_programs(session->dev);
    const uint64_t bytes = device_bytes(session->dev);
    struct engine *third = open_beside(&f[1], session);
    assert_int_equal(device_programs(session->dev), programs);
    assert_int_equal(device_bytes(session->dev), bytes + third->bytes);
    const struct planned_memory one = planned_memory(e[1]), other = planned_memory(third);
    assert_memory_equal(&one, &other, sizeof one);
    engine_close(third);
    assert_int_equal(device_bytes(session->dev), bytes);
    assert_int_equal(e[0]->bytes + e[1]->bytes, bytes);
    for (int i = 0; i < 2; i++) {
        engine_close(e[i]);
        free(alone[i]);
        fixture_fini(&f[i]);
    }
    assert_int_equal(device_bytes(session->dev), 0);
    session_close(session);
}

/* --- what steps wait for. The linker sends the engine's calls of OpenCL here. */

static struct {
    unsigned finished, blocking; /* calls that wait for all that is enqueued, or for a copy */
    unsigned waited, youngest;   /* calls that wait for a marker; least markers behind such a one */
    unsigned launches, events;   /* launches and copies; those that make an event */
    unsigned markers;
    cl_event marker[256]; /* the last ones, as long as they are held */
} seen;

cl_int __real_clFinish(cl_command_queue queue);
cl_int __wrap_clFinish(cl_command_queue queue);
cl_int __wrap_clFinish(cl_command_queue queue)
{
    seen.finished++;
    return __real_clFinish(queue);
}

cl_int __real_clWaitForEvents(cl_uint count, const cl_event *event);
cl_int __wrap_clWaitForEvents(cl_uint count, const cl_event *event);
cl_int __wrap_clWaitForEvents(cl_uint count, const cl_event *event)
{
    unsigned behind = 0;
    while (behind < seen.markers && seen.marker[(seen.markers - 1 - behind) % 256] != *event)
        behind++;
    seen.youngest = !seen.waited || behind < seen.youngest ? behind : seen.youngest;
    seen.waited++;
    return __real_clWaitForEvents(count, event);
}

cl_int __real_clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint count,
                                          const cl_event *wait, cl_event *event);
cl_int __wrap_clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint count,
                                          const cl_event *wait, cl_event *event);
cl_int __wrap_clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint count,
                                          const cl_event *wait, cl_event *event)
{
    const cl_int code = __real_clEnqueueMarkerWithWaitList(queue, count, wait, event);
    if (event)
        seen.marker[seen.markers++ % 256] = *event;
    return code;
}

cl_int __real_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                                     const size_t *from, const size_t *global, const size_t *local,
                                     cl_uint count, const cl_event *wait, cl_event *event);
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                                     const size_t *from, const size_t *global, const size_t *local,
                                     cl_uint count, const cl_event *wait, cl_event *event);
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                                     const size_t *from, const size_t *global, const size_t *local,
                                     cl_uint count, const cl_event *wait, cl_event *event)
{
    seen.launches++;
    seen.events += event != NULL;
    return __real_clEnqueueNDRangeKernel(queue, kernel, dims, from, global, local, count, wait,
                                         event);
}

cl_int __real_clEnqueueWriteBuffer(cl_command_queue queue, cl_mem to, cl_bool blocking, size_t at,
                                   size_t bytes, const void *from, cl_uint count,
                                   const cl_event *wait, cl_event *event);
cl_int __wrap_clEnqueueWriteBuffer(cl_command_queue queue, cl_mem to, cl_bool blocking, size_t at,
                                   size_t bytes, const void *from, cl_uint count,
                                   const cl_event *wait, cl_event *event);
cl_int __wrap_clEnqueueWriteBuffer(cl_command_queue queue, cl_mem to, cl_bool blocking, size_t at,
                                   size_t bytes, const void *from, cl_uint count,
                                   const cl_event *wait, cl_event *event)
{
    seen.launches++;
    seen.events += event != NULL;
    seen.blocking += blocking == CL_TRUE;
    return __real_clEnqueueWriteBuffer(queue, to, blocking, at, bytes, from, count, wait, event);
}

/* Every read is a wait: of a command that does not block, somebody asks for the end. */
cl_int __real_clEnqueueReadBuffer(cl_command_queue queue, cl_mem from, cl_bool blocking, size_t at,
                                  size_t bytes, void *to, cl_uint count, const cl_event *wait,
                                  cl_event *event);
cl_int __wrap_clEnqueueReadBuffer(cl_command_queue queue, cl_mem from, cl_bool blocking, size_t at,
                                  size_t bytes, void *to, cl_uint count, const cl_event *wait,
                                  cl_event *event);
cl_int __wrap_clEnqueueReadBuffer(cl_command_queue queue, cl_mem from, cl_bool blocking, size_t at,
                                  size_t bytes, void *to, cl_uint count, const cl_event *wait,
                                  cl_event *event)
{
    seen.blocking++;
    return __real_clEnqueueReadBuffer(queue, from, blocking, at, bytes, to, count, wait, event);
}

/* Twelve steps: none waits for the device, but for the step of `depth` micro-batches ago, which
 * bounds the queue. Cut as for a GPU no launch makes an event. */
static void steps_wait(int as_gpu, unsigned depth, char *const *settings, size_t count)
{
    struct error err = {0};
    struct fixture f;
    fixture_init(&f, settings, count);
    struct engine *e =
        engine_open(f.config, &f.data,
                    &(struct engine_options){.training = 1, .own = {.as_gpu = as_gpu}}, &err);
    if (!e)
        fail_msg("%s", err.text);
    assert_int_equal(params_init(e->params, 42, &err), 0);
    begin(e, &f);
    train_step(e, 1);
    metrics_of(e);
    const unsigned markers = seen.markers;
    seen.finished = seen.blocking = seen.waited = seen.launches = seen.events = 0;
    const unsigned steps = 12, micro = steps * (unsigned)f.config->train.accumulate;
    for (uint32_t number = 2; number < 2 + steps; number++)
        train_step(e, number);
    assert_int_equal(seen.finished, 0);
    assert_int_equal(seen.blocking, 0);
    assert_true(seen.launches > 10 * steps);
    assert_true(seen.waited <= micro);
    assert_true(seen.youngest >= depth - 1);
    if (as_gpu) {
        assert_int_equal(seen.events, 0);
        assert_int_equal(seen.markers - markers, micro);
    }
    metrics_of(e);
    assert_true(seen.finished + seen.blocking > 0); /* the calls are seen */
    engine_close(e);
    fixture_fini(&f);
}
#define STEPS_WAIT(as_gpu, depth, ...)                 \
    steps_wait(as_gpu, depth, (char *[]){__VA_ARGS__}, \
               sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

static void test_no_waiting(void **state)
{
    (void)state;
    STEPS_WAIT(0, ENGINE_DEPTH, "model.dropout=0.1");
    STEPS_WAIT(1, ENGINE_DEPTH, "device.gemm=own", "train.accumulate=2");
    STEPS_WAIT(1, ENGINE_DEPTH, "device.gemm=own", "train.precision=fp16");
    STEPS_WAIT(1, 1, "device.gemm=own", "data.feed=stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), /* first: the highest resident memory never falls */
        cmocka_unit_test(test_evaluate_batch),
        cmocka_unit_test(test_data_hash),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_dropout_gradient),
        cmocka_unit_test(test_nonfinite),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_recompute),
        cmocka_unit_test(test_recompute_auto),
        cmocka_unit_test(test_budget_too_small),
        cmocka_unit_test(test_effective_batch),
        cmocka_unit_test(test_smaller_batch),
        cmocka_unit_test(test_budget_of_session),
        cmocka_unit_test(shards_make_the_same_step),
        cmocka_unit_test(shards_are_as_micro_batches),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_one_session),
        cmocka_unit_test(test_no_waiting),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
