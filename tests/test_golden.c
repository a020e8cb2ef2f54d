/* SPDX-License-Identifier: MIT */
/*
 * The engine against PyTorch in double precision (tests/peer/make_golden.py): losses of the first
 * 20 steps, outputs, gradients of every parameter at step 1; once as planned and once with a
 * poisoned buffer for each tensor, which must give the same bits.
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "exec/exec.h"
#include "golden_case.h"
#include "ir/graph.h"
#include "quarantine.h"
#include "quickly.h"
#include "share.h"
#include "task/generator.h"
#include "text/tokenizer.h"
#include "train/engine.h"
#include "train/planned.h"

#define STEPS 20

static const char *folder;

static const struct safetensor *need(const struct golden *c, const char *name)
{
    const struct safetensor *t = safetensors_find(c->st, name);
    if (!t)
        fail_msg("no tensor %s", name);
    return t;
}

static void need_golden(struct golden *c, const char *name)
{
    struct error err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    if (golden_open(c, path, chosen_device(), &err))
        fail_msg("%s", err.text);
}

/* The noisy view is handed over instead of drawn, so that both sides have the same. */
static int run_micro(struct engine *e, const struct golden *c, const struct step *step,
                     struct error *err)
{
    if (!c->noise)
        return engine_micro(e, step, err);
    struct plan *p = e->train;
    size_t at = 0;
    while (strcmp(p->launches[at]->name, "add_noise"))
        at++;
    struct tensor *view = p->launches[at]->arg[1].tensor;
    size_t elems = view->elems / p->graph->batch;
    float *x = calloc(view->elems, sizeof *x);
    for (size_t b = 0; b < step->count; b++)
        for (size_t i = 0; i < elems; i++)
            x[b * elems + i] = c->data.series[(step->first + b) * elems + i] +
                               c->noise[(step->first + b) * elems + i];
    int failed = tensor_write(p->step, step, err) || exec_run(p, 0, at, err) ||
                 tensor_write(view, x, err) || exec_run(p, at + 1, e->micro, err);
    free(x);
    return failed;
}

static double error_of(const float *got, const float *want, size_t n, double *norm)
{
    double error = 0;
    *norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        *norm += (double)want[i] * want[i];
    }
    *norm = sqrt(*norm);
    return sqrt(error);
}

static void near(const char *name, double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want) + 1e-7))
        fail_msg("%s: %.9g, PyTorch %.9g", name, got, want);
}

static void check_gradients(const struct golden *c, struct engine *e)
{
    struct error err = {0};
    const double total = ((const double *)need(c, "norms")->data)[0];
    for (size_t i = 0; i < e->params->count; i++) {
        const struct tensor *t = &e->params->list[i]->value;
        char name[128];
        snprintf(name, sizeof name, "grad.%s", t->name);
        assert_int_equal(safetensors_find(c->st, name) != NULL,
                         e->params->list[i]->group == PARAM_TRAINED);
        if (e->params->list[i]->group != PARAM_TRAINED)
            continue;
        const struct safetensor *want = need(c, name);
        float *got = malloc(t->elems * 4);
        assert_int_equal(want->bytes, t->elems * 4);
        assert_int_equal(params_read(e->params, i, e->params->grads, got, &err), 0);
        double norm, error = error_of(got, want->data, t->elems, &norm);
        if (!(error <= 1e-4 * norm || error <= 1e-6 * total))
            fail_msg("%s: off by %g, norm %g, global norm %g", name, error, norm, total);
        free(got);
    }
}

/* After all steps: running statistics, and parameters where the file has them */
static void check_after(const struct golden *c, const struct params *params, const char *prefix)
{
    struct error err = {0};
    for (size_t i = 0; i < params->count; i++) {
        const struct tensor *t = &params->list[i]->value;
        char name[128];
        snprintf(name, sizeof name, "%s.%s", prefix, t->name);
        if (params->list[i]->group != PARAM_RUNNING && !safetensors_find(c->st, name))
            continue;
        const struct safetensor *want = need(c, name);
        float *got = malloc(t->elems * 4);
        assert_int_equal(want->bytes, t->elems * 4);
        assert_int_equal(params_read(params, i, params->values, got, &err), 0);
        for (size_t j = 0; j < t->elems; j++)
            near(t->name, got[j], ((const float *)want->data)[j], 1e-4);
        if (params->list[i]->group == PARAM_FROZEN)
            assert_memory_equal(got, want->data, want->bytes);
        free(got);
    }
}

static float *train(const struct golden *c, struct engine_options options, const char *gemm)
{
    struct error err = {0};
    for (int i = 0; gemm && i < 4; i++)
        if (!strcmp(config_choice("device", "gemm", i), gemm))
            c->config->device.gemm = i;
    options.teacher = golden_teacher(c);
    struct engine *e = engine_open(c->config, &c->data, &options, &err);
    if (!e || teacher_load(e, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < e->params->count; i++) {
        const struct tensor *t = &e->params->list[i]->value;
        char name[128];
        snprintf(name, sizeof name, "param.%s", t->name);
        const struct safetensor *p = need(c, name);
        assert_int_equal(p->bytes, t->elems * 4);
        assert_int_equal(params_write(e->params, i, e->params->values, p->data, &err), 0);
        assert_int_equal(params_write(e->judged, i, e->judged->values, p->data, &err), 0);
    }
    size_t params = 0;
    for (size_t i = 0; i < c->st->count; i++)
        params += !strncmp(c->st->tensor[i].name, "param.", 6);
    assert_int_equal(params, e->params->count);

    size_t n = c->data.count[PART_TRAIN], batch = (size_t)c->config->train.batch;
    size_t group = (size_t)c->config->train.accumulate * batch;

    /* latent and output of the first micro-batch */
    const struct safetensor *of_z = safetensors_find(c->st, "latent");
    size_t first = n < batch ? n : batch, latent = of_z ? of_z->shape[1] : 0;
    size_t elems = need(c, "output")->bytes / 4 / first;
    float *z = of_z ? calloc(n * latent, 4) : NULL, *y = calloc(n * elems, 4);
    struct outputs outputs = {.latent = z, .output = y};
    if (c->data.token) /* of a model of text the losses of the windows, which has no output */
        outputs = (struct outputs){.value = y};
    struct evaluation evaluation;
    if (engine_evaluate(e, c->data.start[PART_TRAIN], n, &outputs, &evaluation, &err))
        fail_msg("%s", err.text);
    assert_int_equal(engine_order(e, c->data.start[PART_TRAIN], n, &err), 0);
    double norm, error = of_z ? error_of(z, of_z->data, first * latent, &norm) : 0;
    if (of_z && !(error <= 2e-5 * norm))
        fail_msg("latent: off by %g of %g", error, norm);
    error = error_of(y, need(c, "output")->data, first * elems, &norm);
    if (!(error <= 2e-5 * norm))
        fail_msg("output: off by %g of %g", error, norm);
    free(z);
    free(y);

    const double *losses = need(c, "losses")->data, *rs = need(c, "reconstruction")->data;
    const double *cs = need(c, "contrastive")->data, *norms = need(c, "norms")->data;
    size_t at = 0;
    for (int s = 0; s < STEPS; s++) {
        struct metrics metrics = {0};
        size_t samples = n - at < group ? n - at : group;
        assert_int_equal(engine_write_metrics(e, &metrics, &err), 0);
        struct step step = {.group = (uint32_t)samples, .epoch = 1, .number = (uint32_t)s + 1};
        optim_step(&e->optim, c->config->train.lr, &step);
        for (size_t done = 0; done < samples; done += step.count) {
            step.first = (uint32_t)(at + done);
            step.count = (uint32_t)(samples - done < batch ? samples - done : batch);
            if (run_micro(e, c, &step, &err))
                fail_msg("%s", err.text);
        }
        if (s == 0)
            check_gradients(c, e);
        assert_int_equal(engine_update(e, &err), 0);
        assert_int_equal(engine_read_metrics(e, &metrics, &err), 0);
        near("loss", (metrics.loss[0] + metrics.loss[1]) / (double)samples, losses[s], 1e-4);
        near("R", (metrics.term[0][0] + metrics.term[0][1]) / (double)samples, rs[s], 1e-4);
        near("C + 2", 2 + (metrics.term[1][0] + metrics.term[1][1]) / (double)samples, 2 + cs[s],
             2e-5);
        near("gradient norm", metrics.last_norm, norms[s], 1e-3);
        at = at + samples == n ? 0 : at + samples;
    }
    check_after(c, e->params, "after");
    assert_int_equal(e->judged != e->params, c->config->train.ema > 0);
    if (e->judged != e->params) {
        char name[128];
        snprintf(name, sizeof name, "averaged.%s", e->params->list[0]->value.name);
        need(c, name);
        check_after(c, e->judged, "averaged");
    }
    const size_t bytes = arena_bytes(e->params->values);
    float *weights = calloc(1, bytes);
    assert_int_equal(arena_read(e->params->values, 0, bytes, weights, &err), 0);
    engine_close(e);
    return weights;
}

/* As planned, with a buffer for each tensor, and with what is cheap made again: the same bits. */
static void test_case(void **state)
{
    struct golden c;
    need_golden(&c, *state);
    const struct engine_options together = {.training = 1}, apart = {.training = 1, .scattered = 1};
    float *planned = train(&c, together, NULL), *scattered = train(&c, apart, NULL);
    c.config->train.recompute = 1;
    float *again = train(&c, apart, NULL);
    size_t elems = 0;
    for (size_t i = 0; i < c.st->count; i++)
        if (!strncmp(c.st->tensor[i].name, "param.", 6))
            elems += c.st->tensor[i].bytes / 4;
    assert_memory_equal(planned, scattered, elems * 4);
    assert_memory_equal(planned, again, elems * 4);
    free(planned);
    free(scattered);
    free(again);
    golden_close(&c);
}

static void test_own_gemm(void **state)
{
    struct golden c;
    need_golden(&c, *state);
    free(train(&c, (struct engine_options){.training = 1}, "own"));
    golden_close(&c);
}

/* Kernels cut as for a GPU, with many work-items in a work-group */
static void test_as_gpu(void **state)
{
    struct error err = {0};
    struct golden c;
    struct device *dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 0.9, .threads = -1},
        &err);
    assert_non_null(dev);
    compile_quickly_for(dev, 1);
    need_golden(&c, *state);
    free(train(&c, (struct engine_options){.training = 1, .own = {.as_gpu = 1}}, "own"));
    golden_close(&c);
    compile_quickly_for(dev, 0);
    device_close(dev);
}

/* What an evaluation takes to write captions is in the plan, and no more than that is taken. */
static void test_writes_within_plan(void **state)
{
    struct error err = {0};
    struct golden c;
    need_golden(&c, *state);
    for (int training = 0; training < 2; training++) {
        const struct engine_options options = {.training = training};
        struct engine *e = engine_open(c.config, &c.data, &options, &err);
        const size_t vocabulary = tokenizer_count(c.data.tokenizer);
        assert_non_null(e);
        const uint64_t before = device_bytes(e->dev);
        assert_true(planned_cache(e, 0) > 0);
        assert_int_equal(before + planned_cache(e, 0), e->others + e->bytes);
        struct generator *g =
            generator_open_on(c.config, model_vocabulary(c.config, vocabulary), e->session,
                              e->judged, training ? e->train : e->eval, &err);
        if (!g)
            fail_msg("%s", err.text);
        assert_int_equal(generator_cache_bytes(g), planned_cache(e, 0));
        assert_in_range(device_bytes(e->dev), before + planned_cache(e, 0),
                        before + planned_cache(e, 0) + 1024); /* tokens, places, logits */
        generator_close(g);
        engine_close(e);
    }
    c.config->caption.samples = 0;
    struct engine *e = engine_open(c.config, &c.data, &(struct engine_options){0}, &err);
    assert_non_null(e);
    assert_int_equal(planned_cache(e, 0), 0);
    engine_close(e);
    golden_close(&c);
}

/* tests/test_golden 'lstm*' runs the tests whose names fit. */
int main(int argc, char **argv)
{
    static const char *const names[] = {
        "accumulate",
        "adapter",
        "bilstm",
        "bilstm-attention",
        "bigru-norm",
        "captioner",
        "captioner-adapter",
        "captioner-queries",
        "cnn-attention",
        "cnn-gru-batch",
        "cnn-lstm",
        "cnn-rnn-layer",
        "dgru",
        "ema",
        "frozen",
        "frozen-cnn",
        "gru-attention",
        "gru-flatten",
        "gru-norm",
        "huber-free-latent",
        "language",
        "language-shared-keys",
        "last-batch-of-one",
        "lion",
        "lstm",
        "mae-none",
        "no-clip",
        "nt-xent-free-latent",
        "nt-xent",
        "one-in-batch",
        "one-row",
        "plain",
        "post-norm",
        "post-norm-relu-sinusoidal",
        "rms-post-norm",
        "rnn-mean",
        "rounded",
        "rounded-tcn",
        "sgd",
        "shared-keys",
        "sinusoidal-odd-width",
        "tcn",
        "tcn-rows",
        "teacher",
        "teacher-autoencoder",
        "teacher-bce",
        "teacher-language",
        "transformer",
        "transformer-long",
        "transformer-reversible",
        "transformer-rms",
        "transformer-rows",
        "transformer-shared-keys",
        "transformer-sinusoidal",
    };
    enum { CASES = sizeof names / sizeof *names };
    struct CMUnitTest tests[2 * CASES + 2];
    char as_gpu[CASES][64];
    for (int i = 0; i < CASES; i++) {
        void *name = (void *)(intptr_t)names[i];
        snprintf(as_gpu[i], sizeof as_gpu[i], "%s, as on a GPU", names[i]);
        tests[i] = (struct CMUnitTest){names[i], test_case, NULL, NULL, name};
        tests[CASES + i] = (struct CMUnitTest){as_gpu[i], test_as_gpu, NULL, NULL, name};
    }
    tests[2 * CASES] = (struct CMUnitTest){"plain, own gemm", test_own_gemm, NULL, NULL,
                                           (void *)(intptr_t) "plain"};
    tests[2 * CASES + 1] =
        (struct CMUnitTest){"captioner-adapter, memory of captions", test_writes_within_plan, NULL,
                            NULL, (void *)(intptr_t) "captioner-adapter"};
    share_of(tests, sizeof tests / sizeof *tests);
    const char *source = getenv("srcdir");
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/golden", source ? source : "..");
    folder = path;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("golden", tests, quarantine_setup, NULL);
}
