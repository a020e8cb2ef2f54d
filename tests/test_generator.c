/* SPDX-License-Identifier: MIT */
/*
 * Text that goes on: logits behind a cache are those of a whole window, whatever was read at a time
 * and whatever was forgotten; which token is picked by them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "exec/exec.h"
#include "lower/lower.h"
#include "models/model.h"
#include "ok.h"
#include "quarantine.h"
#include "task/generator.h"
#include "task/sampling.h"
#include "train/base.h"
#include "train/planned.h"

enum { VOCABULARY = 37, WINDOW = 13, TOKENS = 3 * WINDOW, SEED = 42 };

static struct config *configured(char *const *more, size_t count)
{
    char device[256];
    char *settings[32] = {"data.source=none.txt", "data.tokenizer=bytes", "model.type=language",
                          "data.window=13",       "model.d_model=24",     "model.heads=4",
                          "model.layers=2",       "model.feedforward=20", "model.dropout=0.1"};
    size_t n = 9;
    snprintf(device, sizeof device, "device.select=%s", chosen_device());
    settings[n++] = device;
    for (size_t i = 0; i < count; i++)
        settings[n++] = more[i];
    struct config *config = config_load_with(NULL, settings, n, model_check, &err);
    if (!config)
        fail_msg("%s", err.text);
    return config;
}

/* --- the same logits by a pass over a whole window */

struct whole {
    struct session *session;
    struct params *params;
    struct model_io io;
    struct plan *plan;
    float logits[WINDOW * VOCABULARY];
};

static void whole_open_as(struct whole *w, const struct config *config,
                          const struct model_shape *shape)
{
    const struct session_options none = {0};
    w->session = session_open(config, &none, &err);
    w->params = planned_params(config, 0);
    assert_true(w->session && w->params);
    struct graph *g = model_rows(w->params, config, WINDOW, shape, &w->io);
    assert_non_null(g);
    w->plan = lower_graph(g, w->session->dev, &err);
    if (!w->plan)
        fail_msg("%s", err.text);
    params_place(w->params, device_info(w->session->dev)->base_align);
    OK(params_allocate(w->params, w->session->dev, 0, &err));
    OK(params_init(w->params, SEED, &err));
    OK(plan_place(w->plan, &err));
    OK(exec_prepare(w->plan, NULL, planned_products(config, w->session->dev), &err));
    OK(tensor_write(w->plan->step, &(struct step){.count = 1, .group = 1}, &err));
}

static void whole_open(struct whole *w, const struct config *config)
{
    whole_open_as(w, config, &(struct model_shape){.window = WINDOW, .vocabulary = VOCABULARY});
}

static void whole_close(struct whole *w)
{
    plan_free(w->plan);
    params_free(w->params);
    session_close(w->session);
}

/* Logits behind the last of `count` tokens. */
static const float *whole_read(struct whole *w, const uint32_t *token, size_t count)
{
    uint32_t window[WINDOW] = {0};
    assert_in_range(count, 1, WINDOW);
    memcpy(window, token, count * sizeof *token);
    OK(tensor_write(w->io.tokens, window, &err));
    OK(exec_run(w->plan, 0, w->plan->launch_count, &err));
    OK(tensor_read(w->io.output, w->logits, &err));
    return w->logits + (count - 1) * VOCABULARY;
}

static size_t best_of(const float *x)
{
    size_t best = 0;
    for (size_t i = 1; i < VOCABULARY; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void expect_logits(const float *got, const float *want, double tolerance, size_t length)
{
    for (size_t i = 0; i < VOCABULARY; i++)
        if (!(fabs(got[i] - want[i]) <= tolerance))
            fail_msg("logit %zu behind %zu tokens is %g, not %g", i, length, got[i], want[i]);
}

/* --- generators */

static struct generator *opened(const struct config *config, int as_gpu)
{
    const struct session_options how = {.as_gpu = as_gpu};
    struct generator *g = generator_open(config, VOCABULARY, &how, &err);
    if (!g)
        fail_msg("%s", err.text);
    OK(params_init(generator_params(g), SEED, &err));
    assert_int_equal(generator_window(g), WINDOW);
    assert_true(generator_cache_bytes(g) > 0);
    return g;
}

static void random_tokens(uint32_t *to, size_t count, uint32_t stream)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (uint32_t)((i * 7919 + stream * 104729 + i * i * 31) % VOCABULARY);
}

/* What stays of a text to which a token comes; its new length. */
static size_t forget(uint32_t *text, size_t length)
{
    const size_t kept = (WINDOW + 1) / 2 - 1;
    if (length < WINDOW)
        return length;
    memmove(text, text + length - kept, kept * sizeof *text);
    return kept;
}

/* The most probable token follows, again and again, far beyond the window. */
static void greedy_as(const struct config *config, int as_gpu, double tolerance)
{
    struct generator *g = opened(config, as_gpu);
    struct whole w;
    whole_open(&w, config);
    for (uint32_t turn = 0; turn < 3; turn++) { /* nothing of the turn before is left */
        uint32_t text[WINDOW], next;
        size_t length = 1 + turn * 5;
        random_tokens(text, length, turn);
        generator_begin(g);
        const float *got = generator_read(g, text, length, &err);
        for (size_t i = 0; got && i < TOKENS; i++) {
            const float *want = whole_read(&w, text, length);
            expect_logits(got, want, tolerance, length);
            if (tolerance < 1e-3)
                assert_int_equal(best_of(got), best_of(want));
            next = (uint32_t)best_of(got);
            length = forget(text, length);
            text[length++] = next;
            got = generator_read(g, &next, 1, &err);
        }
        if (!got)
            fail_msg("%s", err.text);
    }
    whole_close(&w);
    generator_close(g);
}

static void greedy(char *const *settings, size_t count, double tolerance)
{
    struct config *config = configured(settings, count);
    greedy_as(config, 0, tolerance);
    greedy_as(config, 1, tolerance);
    config_free(config);
}
#define GREEDY(tolerance, ...) \
    greedy((char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *), tolerance)

static void test_greedy(void **state)
{
    (void)state;
    GREEDY(2e-5, "model.layers=3");
    GREEDY(2e-5, "model.shape=llama", "model.kv_heads=2");
    GREEDY(2e-5, "model.shape=qwen3", "model.head_width=10", "model.kv_heads=1", "model.tied=yes");
    GREEDY(2e-5, "model.kv_heads=2", "model.d_model=20");
    GREEDY(2e-5, "model.kv_heads=1", "model.heads=3", "model.d_model=15");
    GREEDY(0.02, "train.precision=bf16");
}

/* However a text is cut when it is read, and where it is longer than the window. */
static void test_pieces(void **state)
{
    (void)state;
    struct config *config = configured(NULL, 0);
    struct generator *g = opened(config, 0);
    struct whole w;
    uint32_t text[2 * WINDOW];
    whole_open(&w, config);
    random_tokens(text, 2 * WINDOW, 3);
    for (size_t first = 1; first < WINDOW; first++) {
        generator_begin(g);
        assert_non_null(generator_read(g, text, first, &err));
        const float *got = generator_read(g, text + first, WINDOW - first, &err);
        assert_non_null(got);
        expect_logits(got, whole_read(&w, text, WINDOW), 2e-5, WINDOW);
    }
    generator_begin(g);
    const float *got = generator_read(g, text, 2 * WINDOW, &err);
    assert_non_null(got);
    expect_logits(got, whole_read(&w, text + WINDOW, WINDOW), 2e-5, 2 * WINDOW);
    /* some tokens more than fit: half a window stays */
    const size_t more = 3, half = (WINDOW + 1) / 2;
    got = generator_read(g, text, more, &err);
    assert_non_null(got);
    uint32_t left[WINDOW];
    memcpy(left, text + 2 * WINDOW - (half - more), (half - more) * sizeof *left);
    memcpy(left + half - more, text, more * sizeof *left);
    expect_logits(got, whole_read(&w, left, half), 2e-5, half);
    whole_close(&w);
    generator_close(g);
    config_free(config);
}

/* A text of more rows than are read at a time gives what it gives token by token. */
static void test_long(void **state)
{
    enum { LONG = 150 };
    char *const settings[] = {"data.window=160", "model.shape=llama", "model.kv_heads=2"};
    const struct session_options none = {0};
    uint32_t text[LONG];
    float *got = NULL, want[VOCABULARY];
    (void)state;
    struct config *config = configured(settings, 3);
    struct generator *g = generator_open(config, VOCABULARY, &none, &err);
    if (!g)
        fail_msg("%s", err.text);
    OK(params_init(generator_params(g), SEED, &err));
    random_tokens(text, LONG, 5);
    for (size_t i = 0; i < LONG; i++)
        assert_non_null(got = generator_read(g, text + i, 1, &err));
    memcpy(want, got, sizeof want);
    for (size_t first = 0; first < 80; first += 79) { /* the parts begin elsewhere */
        generator_begin(g);
        if (first)
            assert_non_null(generator_read(g, text, first, &err));
        assert_non_null(got = generator_read(g, text + first, LONG - first, &err));
        expect_logits(got, want, 2e-5, LONG);
    }
    generator_close(g);
    config_free(config);
}

/* --- clips */

enum { CLIP_ROWS = 4, CLIP_COLUMNS = 6 };

/* Logits of a whole window behind a clip. */
static void clip_logits(const struct config *config, const float *clip, const uint32_t *token,
                        float *to)
{
    enum { ALL = (CLIP_ROWS + WINDOW) * VOCABULARY };
    const struct model_shape shape = {.window = WINDOW,
                                      .vocabulary = VOCABULARY,
                                      .prefix = CLIP_ROWS,
                                      .clip_rows = CLIP_ROWS,
                                      .clip_columns = CLIP_COLUMNS};
    static float all[ALL];
    struct whole w;
    whole_open_as(&w, config, &shape);
    OK(tensor_write(w.io.clip, clip, &err));
    OK(tensor_write(w.io.tokens, token, &err));
    OK(exec_run(w.plan, 0, w.plan->launch_count, &err));
    assert_int_equal(w.io.output->elems, ALL);
    OK(tensor_read(w.io.output, all, &err));
    memcpy(to, all + (CLIP_ROWS - 1) * VOCABULARY, (WINDOW + 1) * VOCABULARY * sizeof *to);
    whole_close(&w);
}

/* What is read token by token behind a clip is what a whole window gives, however often clips
 * change. */
static void see_as(const struct config *config, int as_gpu)
{
    float clip[2][CLIP_ROWS * CLIP_COLUMNS], want[2][(WINDOW + 1) * VOCABULARY];
    uint32_t text[WINDOW];
    random_tokens(text, WINDOW, 4);
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < CLIP_ROWS * CLIP_COLUMNS; i++)
            clip[c][i] = (float)sin((double)(i * 7 + c * 50)) * 3;
        clip_logits(config, clip[c], text, want[c]);
    }
    struct generator *g = opened(config, as_gpu);
    for (size_t turn = 0; turn < 4; turn++) {
        OK(generator_see(g, clip[turn % 2], &err));
        for (size_t i = 0; i < WINDOW; i++) {
            const float *got = generator_read(g, text + i, 1, &err);
            assert_non_null(got);
            expect_logits(got, want[turn % 2] + (i + 1) * VOCABULARY, 2e-5, i + 1);
        }
    }
    double apart = 0;
    for (size_t i = 0; i < VOCABULARY; i++)
        apart += fabs((double)want[0][VOCABULARY + i] - want[1][VOCABULARY + i]);
    assert_true(apart > 1e-3); /* the clip matters */
    generator_close(g);
}

static void test_clip(void **state)
{
    static char *const shapes[] = {"model.shape=gpt2", "model.shape=llama"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *const settings[] = {"model.type=captioner", "data.source=none.csv", "encoder.rows=2",
                                  "encoder.columns=6",    "data.frames=2",        shapes[i]};
        struct config *config = configured(settings, 6);
        see_as(config, 0);
        see_as(config, 1);
        config_free(config);
    }
}

/* --- against transformers */

/* Numbers of a line; 0: there is no line. */
static size_t read_tokens(FILE *file, uint32_t *to, size_t most)
{
    char line[512], *at = line, *end;
    size_t count = 0;
    if (!fgets(line, sizeof line, file))
        return 0;
    for (unsigned long x = strtoul(at, &end, 10); end != at; x = strtoul(at, &end, 10)) {
        assert_true(count < most);
        to[count++] = (uint32_t)x;
        at = end;
    }
    return count;
}

/* tests/base/NAME/following: lines of a prompt and of what transformers' generate() puts behind it.
 */
static void follow_transformers(const char *name)
{
    char folder[4096], path[4200], base[4200];
    char *settings[] = {"model.type=language", "data.source=none", "data.window=12", base};
    const char *srcdir = getenv("srcdir");
    const struct session_options none = {0};
    uint32_t prompt[32], want[32];
    size_t count, cases = 0;
    snprintf(folder, sizeof folder, "%s/tests/base/%s", srcdir ? srcdir : ".", name);
    snprintf(base, sizeof base, "model.base=%s", folder);
    snprintf(path, sizeof path, "%s/following", folder);
    struct config *config = config_load_with(NULL, settings, 4, model_check, &err);
    if (!config)
        fail_msg("%s", err.text);
    if (config->model.context < 0 || config->model.context > 24)
        OK(config_set(config, "data", "window", "24", &err));
    else
        config->data.window = config->model.context;
    const size_t vocabulary = (size_t)config->model.vocabulary;
    struct generator *g = generator_open(config, vocabulary, &none, &err);
    if (!g)
        fail_msg("%s", err.text);
    OK(base_load(generator_params(g), folder, &err));
    const struct sampling how = {.temperature = 0, .top_p = 1, .repetition = 1};
    struct sampler *s = sampler_new(&how, vocabulary, &err);
    FILE *file = fopen(path, "r");
    assert_true(s && file);
    while ((count = read_tokens(file, prompt, 32))) {
        const size_t wanted = read_tokens(file, want, 32);
        assert_true(wanted > 3);
        generator_begin(g);
        float *logits = generator_read(g, prompt, count, &err);
        for (size_t i = 0; logits && i < wanted; i++) {
            const uint32_t token = sampler_pick(s, logits, (uint32_t)i);
            if (token != want[i])
                fail_msg("%s, case %zu: token %zu is %u, not %u", name, cases, i, token, want[i]);
            logits = i + 1 < wanted ? generator_read(g, &token, 1, &err) : logits;
        }
        assert_non_null(logits);
        cases++;
    }
    assert_int_equal(cases, 3);
    fclose(file);
    sampler_free(s);
    generator_close(g);
    config_free(config);
}

static void test_transformers(void **state)
{
    static const char *const names[] = {"gpt2",         "gpt2_untied", "llama",
                                        "llama_linear", "qwen3",       "qwen3_untied"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        follow_transformers(names[i]);
}

/* --- sampling */

static const float logits[5] = {1, 3, 2, 3, -1};

static uint32_t pick_by(struct sampler *s, uint32_t text, uint32_t number, int saw)
{
    float x[5];
    memcpy(x, logits, sizeof x);
    sampler_begin(s, text);
    if (saw >= 0)
        sampler_saw(s, (uint32_t)saw);
    return sampler_pick(s, x, number);
}

static uint32_t pick(const struct sampling *how, uint32_t text, uint32_t number, int saw)
{
    struct sampler *s = sampler_new(how, 5, &err);
    assert_non_null(s);
    const uint32_t token = pick_by(s, text, number, saw);
    sampler_free(s);
    return token;
}

/* How often each token comes, within 5 standard deviations of its probability. */
static void expect_shares(const struct sampling *how, int saw, const double *want)
{
    enum { DRAWS = 20000 };
    size_t count[5] = {0};
    struct sampler *s = sampler_new(how, 5, &err);
    assert_non_null(s);
    for (uint32_t i = 0; i < DRAWS; i++)
        count[pick_by(s, i / 100, i % 100, saw)]++;
    sampler_free(s);
    for (size_t k = 0; k < 5; k++) {
        const double sd = sqrt(want[k] * (1 - want[k]) * DRAWS);
        if (fabs((double)count[k] - want[k] * DRAWS) > 5 * sd)
            fail_msg("token %zu came %zu times, not %g", k, count[k], want[k] * DRAWS);
    }
}

/* The softmax of these logits; -INFINITY: never. */
static void shares_of(const double *x, double temperature, double to[5])
{
    double sum = 0;
    for (int k = 0; k < 5; k++)
        sum += to[k] = exp(x[k] / temperature);
    for (int k = 0; k < 5; k++)
        to[k] /= sum;
}

static void test_sampling(void **state)
{
    const struct sampling plain = {.temperature = 1, .top_p = 1, .repetition = 1, .seed = 7};
    struct sampling how = plain;
    double want[5];
    (void)state;
    shares_of((double[]){1, 3, 2, 3, -1}, 1, want);
    expect_shares(&how, -1, want);
    how.temperature = 0.5;
    shares_of((double[]){1, 3, 2, 3, -1}, 0.5, want);
    expect_shares(&how, -1, want);
    how = plain;
    how.top_k = 2;
    shares_of((double[]){-INFINITY, 3, -INFINITY, 3, -INFINITY}, 1, want);
    expect_shares(&how, -1, want);
    /* the two largest have 0.79 of all, a third one is needed for more */
    how = plain;
    how.top_p = 0.8;
    shares_of((double[]){-INFINITY, 3, 2, 3, -INFINITY}, 1, want);
    expect_shares(&how, -1, want);
    how.top_p = 0.75;
    shares_of((double[]){-INFINITY, 3, -INFINITY, 3, -INFINITY}, 1, want);
    expect_shares(&how, -1, want);
    how = plain;
    how.repetition = 2;
    shares_of((double[]){1, 1.5, 2, 3, -1}, 1, want);
    expect_shares(&how, 1, want);
    shares_of((double[]){1, 3, 2, 3, -2}, 1, want);
    expect_shares(&how, 4, want);
}

/* Temperature 0 takes the first of the largest; seeds, texts and places draw by themselves. */
static void test_picks(void **state)
{
    struct sampling how = {.temperature = 0, .top_p = 1, .repetition = 1};
    unsigned differ[3] = {0};
    (void)state;
    assert_int_equal(pick(&how, 0, 0, -1), 1);
    how.repetition = 2;
    assert_int_equal(pick(&how, 0, 0, 1), 3);
    how = (struct sampling){.temperature = 2, .top_k = 1, .top_p = 1, .repetition = 1};
    assert_int_equal(pick(&how, 0, 5, -1), 1);
    how.top_k = 0;
    for (uint32_t i = 0; i < 50; i++) {
        struct sampling other = how;
        other.seed = 1;
        assert_int_equal(pick(&how, 0, i, -1), pick(&how, 0, i, -1));
        differ[0] += pick(&how, 0, i, -1) != pick(&other, 0, i, -1);
        differ[1] += pick(&how, 0, i, -1) != pick(&how, 1, i, -1);
        differ[2] += pick(&how, 0, i, -1) != pick(&how, 0, i + 1, -1);
    }
    for (int i = 0; i < 3; i++)
        assert_true(differ[i] > 10);
    float bad[5] = {NAN, 1, NAN, 2, 0};
    struct sampler *s = sampler_new(&how, 5, &err);
    assert_non_null(s);
    for (uint32_t i = 0; i < 50; i++) {
        float x[5];
        memcpy(x, bad, sizeof x);
        const uint32_t token = sampler_pick(s, x, i);
        assert_true(token == 1 || token == 3 || token == 4);
    }
    sampler_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),       cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_long),         cmocka_unit_test(test_clip),
        cmocka_unit_test(test_transformers), cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_picks),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("generator", tests, quarantine_setup, NULL);
}
