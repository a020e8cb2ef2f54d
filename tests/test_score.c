/* SPDX-License-Identifier: MIT */
/*
 * Scores of captions by SigLIP: tokens and scores against transformers, from tests/score/, which
 * tests/peer/make_score_golden.py writes, through the cache of features and without it; what is
 * told of folders that have no scores; memory within the plan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chosen.h"
#include "data/captioned.h"
#include "ok.h"
#include "run/features.h"
#include "run/prepare.h"
#include "task/caption_score.h"
#include "text/filled.h"
#include "train/planned.h"

enum { MOST = 16, TOKENS = 12, VOCABULARY = 330, PAD = 5 };

static json_t *golden;
static char sources[4096]; /* the top of the source tree */

static char *path_of(const char *name, char to[5000])
{
    snprintf(to, 5000, "%s/%s", sources, name);
    return to;
}

static int read_golden(void **state)
{
    char path[5000];
    const char *srcdir = getenv("srcdir");
    (void)state;
    if (!realpath(srcdir ? srcdir : ".", sources))
        return -1;
    golden = json_load_file(path_of("tests/score/golden.json", path), 0, NULL);
    return golden ? 0 : -1;
}

static int free_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static const json_t *texts(void)
{
    return json_object_get(golden, "texts");
}

static const char *text_at(size_t i)
{
    return json_string_value(json_array_get(texts(), i));
}

/* --- tokens */

static struct filled *open_filled(const char *folder, size_t tokens, long pad)
{
    return filled_open(&(struct filled_how){folder, tokens, VOCABULARY, pad}, &err);
}

static void check_tokens(const char *name)
{
    char path[5000], folder[64];
    uint32_t got[TOKENS];
    snprintf(folder, sizeof folder, "tests/score/%s", name);
    struct filled *f = open_filled(path_of(folder, path), TOKENS, PAD);
    const json_t *want = json_object_get(json_object_get(golden, "tokens"), name);
    if (!f)
        fail_msg("%s", err.text);
    assert_int_equal(json_array_size(want), json_array_size(texts()));
    for (size_t i = 0; i < json_array_size(want); i++) {
        OK(filled_encode(f, text_at(i), got, &err));
        for (size_t k = 0; k < TOKENS; k++)
            if (got[k] != json_integer_value(json_array_get(json_array_get(want, i), k)))
                fail_msg("%s: text %zu, token %zu is %u", name, i, k, got[k]);
    }
    filled_free(f);
}

static void test_tokens(void **state)
{
    (void)state;
    check_tokens("hub");
    check_tokens("left");
}

/* A folder of the test's own: hub's tokenizer.json, and this beside it (NULL: nothing). */
static char own[] = "test_score.d";

static void copy(const char *from, const char *to)
{
    char path[5000], bytes[1 << 18];
    FILE *in = fopen(path_of(from, path), "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    const size_t size = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    fclose(in);
    fclose(out);
}

static void write_own(const char *name, const char *text)
{
    char path[5000];
    snprintf(path, sizeof path, "%s/%s", own, name);
    unlink(path);
    if (!text)
        return;
    FILE *out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
}

static int make_own(void **state)
{
    (void)state;
    if (system("rm -rf test_score.d && mkdir test_score.d"))
        return -1;
    copy("tests/score/hub/tokenizer.json", "test_score.d/tokenizer.json");
    return 0;
}

static int free_own(void **state)
{
    (void)state;
    return system("rm -rf test_score.d");
}

/* Without a tokenizer_config.json texts stay as they are, and the tower says what fills them up. */
static void test_plain(void **state)
{
    uint32_t lower[TOKENS], upper[TOKENS], broken[TOKENS], mark[TOKENS];
    struct filled *f = open_filled(own, TOKENS, PAD);
    (void)state;
    assert_non_null(f);
    OK(filled_encode(f, "a", lower, &err));
    OK(filled_encode(f, "A", upper, &err));
    assert_int_not_equal(lower[0], upper[0]);
    assert_int_equal(lower[1], 1);
    assert_int_equal(lower[2], PAD);
    OK(filled_encode(f, "a\xff\xe2\x82", broken, &err));
    OK(filled_encode(f, "a\xef\xbf\xbd\xef\xbf\xbd", mark, &err));
    assert_memory_equal(broken, mark, sizeof broken);
    filled_free(f);
    /* one that is not of Gemma's kind is filled up at the right, too */
    write_own("tokenizer_config.json", "{\"pad_token\": {\"content\": \"<mask>\"}}");
    f = open_filled(own, TOKENS, -1);
    assert_non_null(f);
    OK(filled_encode(f, "a", lower, &err));
    assert_int_equal(lower[TOKENS - 1], 4);
    filled_free(f);
    write_own("tokenizer_config.json", NULL);
}

static void refuse(const char *config, size_t tokens, long pad, const char *want)
{
    write_own("tokenizer_config.json", config);
    assert_null(open_filled(own, tokens, pad));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_int_equal(err.cause, CAUSE_UNFIT);
    if (!strstr(err.text, want))
        fail_msg("'%s' is not in '%s'", want, err.text);
    write_own("tokenizer_config.json", NULL);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("[1]", TOKENS, PAD, "tokenizer_config.json: this is no object of JSON");
    refuse("{\"a\": ", TOKENS, PAD, "tokenizer_config.json: this is no object of JSON");
    refuse("{\"padding_side\": \"top\"}", TOKENS, PAD, "'padding_side' is neither left nor right");
    refuse("{\"do_lower_case\": 1}", TOKENS, PAD, "'do_lower_case' is neither true nor false");
    refuse("{}", TOKENS, -1, "there is no token for padding");
    refuse("{}", TOKENS, VOCABULARY, "token 330 fills texts up, and the tower knows 330 tokens");
    write_own("tokenizer_config.json", NULL);
    uint32_t to[TOKENS];
    struct filled *f = open_filled(own, 0, PAD);
    assert_non_null(f);
    assert_int_equal(filled_encode(f, "a", to, &err), -1);
    assert_non_null(strstr(err.text, "1 tokens stand around each text, and there is room for 0"));
    filled_free(f);
    f = filled_open(&(struct filled_how){own, TOKENS, 100, PAD}, &err);
    assert_non_null(f);
    assert_int_equal(filled_encode(f, "three", to, &err), -1);
    assert_non_null(strstr(err.text, "is none of the tower's 100"));
    filled_free(f);
    assert_null(open_filled("no/such", TOKENS, PAD)); /* that it cannot be read is another thing */
    assert_true(err.status == STATUS_INPUT && err.cause == CAUSE_NONE);
}

/* --- scores */

/* What a command has open, as far as scores want it. */
struct opened {
    struct config *config;
    struct log *log;
    struct dataset *data;
    struct features *features;
    struct session *session;
    struct engine *engine;
};

static void write_files(void)
{
    char path[5000];
    FILE *out = fopen("test_score.d/table.csv", "w");
    fputs("file,caption\n", out);
    for (size_t i = 0; i < json_array_size(json_object_get(golden, "clips")); i++)
        fprintf(out, "%s/%s,x\n", path_of("configs/data/synthetic_scenes", path),
                json_string_value(json_array_get(json_object_get(golden, "clips"), i)));
    fclose(out);
    out = fopen("test_score.d/c.ini", "w");
    fprintf(out, "[run]\noutput = run\n[data]\nsource = table.csv\n"
                 "prompt = \"<|english|>\"\nend_of_text = <|end|>\nwindow = 24\nframes = 4\n");
    fprintf(out, "[encoder]\nbase = %s\ncache = cache\n", path_of("tests/score/hub", path));
    fprintf(out, "[model]\ntype = captioner\nbase = %s\n[adapter]\nr = 2\n",
            path_of("configs/data/scenes_decoder", path));
    fclose(out);
}

static struct opened open_data(char **settings, size_t count)
{
    static const volatile sig_atomic_t never;
    struct opened o = {0};
    write_files();
    if (!(o.config = prepare_config("test_score.d/c.ini", settings, count, &err)) ||
        !(o.log = log_new(LOG_QUIET)) || !(o.data = dataset_load(o.config, NULL, o.log, &err)))
        fail_msg("%s", err.text);
    const struct features_how how = {o.log, {0}, &never};
    if (!(o.features = features_open(o.config, o.data, &how, &err)))
        fail_msg("%s", err.text);
    o.engine = prepare_open(o.config, o.data, prepare_engine(o.log, 1, 0), o.log, &err);
    if (!o.engine)
        fail_msg("%s", err.text);
    return o;
}

static void close_all(struct opened *o)
{
    engine_close(o->engine);
    dataset_free(o->data);
    features_close(o->features);
    log_close(o->log, &err);
    config_free(o->config);
}

static double wanted(const char *of, size_t clip, size_t text)
{
    return json_number_value(
        json_array_get(json_array_get(json_object_get(golden, of), clip), text));
}

static void check_scores(char **settings, size_t count, double most)
{
    char *text[MOST];
    size_t clip[MOST];
    struct siglip got[MOST];
    const size_t clips = json_array_size(json_object_get(golden, "clips"));
    const size_t each = json_array_size(texts());
    struct opened o = open_data(settings, count);
    assert_int_equal(o.data->captioned->captions.clips, clips);
    assert_int_equal(o.data->captioned->pooled, 4);
    for (size_t c = 0; c < clips; c++) {
        for (size_t i = 0; i < each; i++) {
            clip[i] = c;
            text[i] = (char *)(uintptr_t)text_at(i);
        }
        const uint64_t before = device_bytes(o.engine->dev);
        OK(caption_score(o.engine, clip, text, each, got, &err));
        assert_int_equal(device_bytes(o.engine->dev), before);
        for (size_t i = 0; i < each; i++)
            if (!(fabs(got[i].cosine - wanted("cosine", c, i)) <= most) ||
                !(fabs(got[i].score - wanted("score", c, i)) <= most))
                fail_msg("clip %zu, text %zu: %.7g %.7g", c, i, got[i].cosine, got[i].score);
    }
    close_all(&o);
}

static void test_scores(void **state)
{
    char *fp32[] = {"encoder.precision=fp32", "encoder.cache=none"};
    (void)state;
    check_scores(fp32, 1, 1e-4);
    check_scores(fp32, 2, 1e-4);
    check_scores(NULL, 0, 2e-2);
}

/* The tower of texts is in the plan: where it takes more than writing captions does, the plan has
 * no room less. */
static void test_planned(void **state)
{
    struct opened o = open_data(NULL, 0);
    const struct encoder_options how = planned_texts(o.config, o.engine->session);
    const uint64_t bytes = encoder_bytes(&how), before = device_bytes(o.engine->dev);
    struct encoder *e = encoder_open(&how, &err);
    (void)state;
    assert_non_null(e);
    assert_int_equal(encoder_shape(e)->bytes, bytes);
    assert_int_equal(device_bytes(o.engine->dev) - before, bytes);
    encoder_close(e);
    const uint64_t cache = planned_cache(o.engine, 0);
    assert_int_equal(planned_captions(o.engine, 0), cache > bytes ? cache : bytes);
    assert_int_equal(o.engine->others + o.engine->bytes, before + planned_captions(o.engine, 0));
    o.config->caption.samples = 0;
    assert_int_equal(planned_captions(o.engine, 0), 0);
    close_all(&o);
}

/* A folder without a tower of texts says nothing; one without a tokenizer, or with one of a kind
 * that is not known, tells so. */
static void test_missing(void **state)
{
    char path[5000];
    int silent;
    struct config *c = NULL;
    (void)state;
    write_files();
    if (!(c = prepare_config("test_score.d/c.ini", NULL, 0, &err)))
        fail_msg("%s", err.text);
    assert_true(caption_score_is_there(c, &silent, &err));
    assert_false(silent);
    char *base = c->encoder.base;
    c->encoder.base = path_of("tests/tower/vit", path);
    assert_false(caption_score_is_there(c, &silent, &err));
    assert_true(silent);
    copy("tests/score/hub/config.json", "test_score.d/config.json");
    c->encoder.base = own;
    assert_true(caption_score_is_there(c, &silent, &err));
    write_own("tokenizer.json", "{\"model\": {\"type\": \"Unigram\"}}");
    assert_false(caption_score_is_there(c, &silent, &err));
    assert_false(silent);
    assert_non_null(strstr(err.text, "Unigram is no kind that is known here"));
    write_own("tokenizer.json", NULL);
    assert_false(caption_score_is_there(c, &silent, &err));
    assert_false(silent);
    assert_non_null(strstr(err.text, "tokenizer.json: No such file"));
    assert_int_equal(err.cause, CAUSE_UNFIT);
    c->encoder.base = base;
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test_setup_teardown(test_plain, make_own, free_own),
        cmocka_unit_test_setup_teardown(test_refusals, make_own, free_own),
        cmocka_unit_test_setup_teardown(test_scores, make_own, free_own),
        cmocka_unit_test_setup_teardown(test_planned, make_own, free_own),
        cmocka_unit_test_setup_teardown(test_missing, make_own, free_own),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("score", tests, read_golden, free_golden);
}
