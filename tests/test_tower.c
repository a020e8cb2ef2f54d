/* SPDX-License-Identifier: MIT */
/*
 * Encoders of images and texts: small ones that transformers wrote, tests/tower/, give its features
 * and scores, to 1e-4 in fp32 and to 2e-2 in bfloat16, to the same bits whatever the batch. What
 * their config.json may say and what is refused of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chosen.h"
#include "config/config.h"
#include "hf/tower.h"
#include "models/model.h"
#include "models/tower.h"
#include "ok.h"
#include "tensor/safetensors.h"
#include "train/encoder.h"

static const char *folder_of(const char *name)
{
    static char path[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/tower/%s", srcdir ? srcdir : ".", name);
    return path;
}

/* --- config.json */

static int parse(const char *text, struct hf_tower *to)
{
    return hf_tower_parse(to, text, strlen(text), "c.json", &err);
}

static void refuse(const char *text, const char *want)
{
    struct hf_tower t;
    assert_int_equal(parse(text, &t), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, want);
}

/* As google/siglip2-so400m-patch14-384 has it: most keys are left out. */
static void test_defaults(void **state)
{
    struct hf_tower t;
    (void)state;
    OK(parse("{\"model_type\": \"siglip\", \"text_config\": {\"hidden_size\": 1152, "
             "\"intermediate_size\": 4304, \"num_attention_heads\": 16, \"num_hidden_layers\": 27, "
             "\"vocab_size\": 256000}, \"vision_config\": {\"hidden_size\": 1152, \"image_size\": "
             "384, \"intermediate_size\": 4304, \"num_attention_heads\": 16, "
             "\"num_hidden_layers\": 27, \"patch_size\": 14}}",
             &t));
    assert_int_equal(hf_tower_patches(&t), 729);
    assert_int_equal(t.vision.layers.width, 1152);
    assert_int_equal(t.vision.layers.activation, HF_GELU_TANH);
    assert_true(t.vision.layers.norm_eps == 1e-6 && t.vision.has_head && t.has_text);
    assert_int_equal(t.text.positions, 64);
    assert_int_equal(t.text.projection, 1152);
    assert_int_equal(t.text.pad, 1);
    OK(parse("{\"model_type\": \"vit\"}", &t));
    assert_int_equal(t.kind, HF_TOWER_VIT);
    assert_int_equal(hf_tower_patches(&t), 196);
    assert_int_equal(t.vision.layers.activation, HF_GELU);
    assert_true(t.vision.layers.norm_eps == 1e-12 && !t.vision.no_bias && !t.has_text);
    OK(parse("{\"model_type\": \"siglip_vision_model\", \"image_size\": [30, 23], \"patch_size\": "
             "7, \"vision_use_head\": false}",
             &t));
    assert_int_equal(hf_tower_patches(&t), 12);
    assert_false(t.vision.has_head);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("{}", "c.json: 'model_type' is missing");
    refuse("{\"model_type\": \"clip\"}",
           "c.json: 'model_type' is 'clip': encoders of the types siglip, siglip2, "
           "siglip_vision_model and vit are read");
    refuse("{\"model_type\": \"siglip2\", \"vision_config\": {\"num_patches\": 256}}",
           "c.json: 'vision_config.num_patches' is of a model for images of any shape (NaFlex), "
           "which is not computed: one of a fixed resolution is");
    refuse(
        "{\"model_type\": \"siglip2\"}",
        "c.json: 'vision_config.image_size' is missing: the file is of a model for images of any "
        "shape (NaFlex), which is not computed");
    refuse("{\"model_type\": \"vit\", \"hidden_size\": 10, \"num_attention_heads\": 3}",
           "c.json: 'hidden_size' cannot be shared by num_attention_heads equally");
    refuse("{\"model_type\": \"vit\", \"patch_size\": 300}",
           "c.json: 'patch_size' is larger than image_size");
    refuse("{\"model_type\": \"vit\", \"patch_size\": 1, \"image_size\": 300}",
           "c.json: 'image_size' makes more than 65536 patches");
    refuse("{\"model_type\": \"vit\", \"hidden_act\": \"quick_gelu\"}",
           "c.json: 'hidden_act' is 'quick_gelu': gelu, gelu_new, gelu_pytorch_tanh, relu, silu "
           "and swish are computed");
    refuse("{\"model_type\": \"siglip\", \"text_config\": {\"projection_size\": 5}}",
           "c.json: 'text_config.projection_size' is not vision_config.hidden_size: images and "
           "texts cannot be compared");
    refuse("{\"model_type\": \"siglip\", \"vision_config\": 3}",
           "c.json: 'vision_config' is no object");
    refuse("{\"model_type\": \"vit\", \"num_hidden_layers\": 1e6}",
           "c.json: 'num_hidden_layers' is not between 1 and 1000");
    refuse("{\"model_type\": \"vit\", \"quantization_config\": {}}",
           "c.json: 'quantization_config' is there: packed weights of encoders are not read");
}

/* --- patches */

static void test_cut(void **state)
{
    struct hf_tower t;
    float image[2 * 5 * 7], patches[2 * 3 * 2 * 4];
    (void)state;
    OK(parse("{\"model_type\": \"vit\", \"num_channels\": 2, \"image_size\": [5, 7], "
             "\"patch_size\": [2, 2]}",
             &t));
    for (size_t i = 0; i < 70; i++)
        image[i] = (float)i;
    tower_cut(&t, image, patches);
    assert_int_equal(hf_tower_patches(&t) * tower_patch_elems(&t), 48);
    for (size_t n = 0; n < 6; n++)
        for (size_t e = 0; e < 8; e++) {
            const size_t y = n / 3 * 2 + e / 2 % 2, x = n % 3 * 2 + e % 2;
            assert_true(patches[n * 8 + e] == (float)(e / 4 * 35 + y * 7 + x));
        }
}

/* --- encoders */

static struct session *session_of(int only_plans)
{
    char device[256];
    char *settings[] = {"data.source=none.csv", device};
    snprintf(device, sizeof device, "device.select=%s", only_plans ? "none" : chosen_device());
    struct config *config = config_load_with(NULL, settings, 2, model_check, &err);
    if (!config)
        fail_msg("%s", err.text);
    struct session *s = session_open(config, &(struct session_options){0}, &err);
    if (!s)
        fail_msg("%s", err.text);
    config_free(config);
    return s;
}

/* A tensor of golden.safetensors as it lies there; the caller frees. */
static void *golden(const char *name, const char *what, size_t *count)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/golden.safetensors", folder_of(name));
    struct safetensors *st = safetensors_open(path, &err);
    assert_non_null(st);
    for (size_t i = 0; i < st->count; i++)
        if (!strcmp(st->tensor[i].name, what)) {
            const struct safetensor *t = &st->tensor[i];
            void *to = malloc(t->bytes);
            assert_non_null(to);
            OK(t->fetch(t->from, t->at, t->bytes, to, &err));
            *count = t->bytes / 4;
            safetensors_free(st);
            return to;
        }
    safetensors_free(st);
    return NULL;
}

static struct encoder *open_encoder(struct session *s, const char *name, enum encoder_of of,
                                    enum dtype stored, size_t batch)
{
    const struct encoder_options with = {
        .session = s, .folder = folder_of(name), .of = of, .stored = stored, .batch = batch};
    struct encoder *e = encoder_open(&with, &err);
    if (!e)
        fail_msg("%s", err.text);
    return e;
}

/* Parts of the largest number. */
static void compare(const char *what, const float *got, const float *want, size_t n, double most)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= most * largest))
            fail_msg("%s[%zu] is %g instead of %g", what, i, (double)got[i], (double)want[i]);
}

/* Rows and pooled vectors of three images in batches of a size. */
static void encode(const char *name, enum dtype stored, size_t batch, float **rows, float **pooled)
{
    size_t n;
    struct session *s = session_of(0);
    struct encoder *e = open_encoder(s, name, ENCODER_IMAGES, stored, batch);
    const struct encoder_shape *shape = encoder_shape(e);
    float *images = golden(name, "images", &n);
    *rows = calloc(3 * shape->rows * shape->columns, sizeof **rows);
    *pooled = calloc(3 * shape->pooled + 1, sizeof **pooled);
    assert_true(images && *rows && *pooled);
    assert_int_equal(n, 3 * shape->channels * shape->height * shape->width);
    OK(encoder_run(e, images, 3, *rows, DTYPE_F32, *pooled, &err));
    free(images);
    encoder_close(e);
    session_close(s);
}

static const char *const names[] = {"siglip", "siglip_vision", "vit"};

static void check_features(enum dtype stored, double most)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n, m = 0;
        float *rows, *pooled, *want = golden(names[i], "rows", &n);
        float *vector = golden(names[i], "pooled", &m);
        encode(names[i], stored, 2, &rows, &pooled);
        compare(names[i], rows, want, n, most);
        compare(names[i], pooled, vector, m, most);
        free(rows);
        free(pooled);
        free(want);
        free(vector);
    }
}

static void test_fp32(void **state)
{
    (void)state;
    check_features(DTYPE_F32, 1e-4);
}

static void test_bf16(void **state)
{
    (void)state;
    check_features(DTYPE_BF16, 2e-2);
}

/* One at a time, two with a part of a batch, all at once and fewer than a batch. */
static void test_batches(void **state)
{
    static const size_t batches[] = {2, 3, 7};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        const enum dtype stored = i % 2 ? DTYPE_BF16 : DTYPE_F32;
        size_t n, m = 0;
        float *rows, *pooled, *first, *vector;
        free(golden(names[i / 2], "rows", &n));
        free(golden(names[i / 2], "pooled", &m));
        encode(names[i / 2], stored, 1, &first, &vector);
        for (size_t k = 0; k < 3; k++) {
            encode(names[i / 2], stored, batches[k], &rows, &pooled);
            assert_memory_equal(rows, first, n * sizeof *rows);
            if (m)
                assert_memory_equal(pooled, vector, m * sizeof *pooled);
            free(rows);
            free(pooled);
        }
        free(first);
        free(vector);
    }
}

/* Texts by the same folder, and how they go with the images. */
static void check_scores(enum dtype stored, double most)
{
    size_t n, texts, m;
    double scale, bias;
    struct session *s = session_of(0);
    struct encoder *e = open_encoder(s, "siglip", ENCODER_TEXTS, stored, 3);
    uint32_t *tokens = golden("siglip", "tokens", &n);
    float *want = golden("siglip", "texts", &texts), *scores = golden("siglip", "scores", &m);
    float *rows, *images, *got = calloc(texts, sizeof *got);
    const size_t d = encoder_shape(e)->pooled;
    assert_int_equal(encoder_shape(e)->tokens, 9);
    OK(encoder_run_texts(e, tokens, 2, got, &err));
    compare("texts", got, want, texts, most);
    encode("siglip", stored, 3, &rows, &images);
    OK(encoder_logits(folder_of("siglip"), &scale, &bias, &err));
    for (size_t i = 0; i < m; i++) {
        const float *text = got + i / 3 * d, *image = images + i % 3 * d;
        double dot = 0, a = 0, b = 0;
        for (size_t k = 0; k < d; k++) {
            dot += (double)text[k] * (double)image[k];
            a += (double)text[k] * (double)text[k];
            b += (double)image[k] * (double)image[k];
        }
        const double score = 1 / (1 + exp(-(exp(scale) * dot / sqrt(a * b) + bias)));
        assert_true(fabs(score - (double)scores[i]) <= most);
    }
    free(tokens);
    free(want);
    free(scores);
    free(rows);
    free(images);
    free(got);
    encoder_close(e);
    session_close(s);
}

static void test_scores(void **state)
{
    (void)state;
    check_scores(DTYPE_F32, 1e-4);
    check_scores(DTYPE_BF16, 2e-2);
}

/* Rows of BF16 are those of fp32, rounded. */
static void test_short_rows(void **state)
{
    size_t n;
    struct session *s = session_of(0);
    struct encoder *e = open_encoder(s, "siglip_vision", ENCODER_IMAGES, DTYPE_F32, 2);
    float *images = golden("siglip_vision", "images", &n);
    const size_t elems = 3 * encoder_shape(e)->rows * encoder_shape(e)->columns;
    float *rows = calloc(elems, sizeof *rows);
    uint16_t *got = calloc(elems, sizeof *got), *want = calloc(elems, sizeof *want);
    (void)state;
    OK(encoder_run(e, images, 3, rows, DTYPE_F32, NULL, &err));
    OK(encoder_run(e, images, 3, got, DTYPE_BF16, NULL, &err));
    dtype_bfloats(rows, elems, want);
    assert_memory_equal(got, want, elems * sizeof *got);
    free(images);
    free(rows);
    free(got);
    free(want);
    encoder_close(e);
    session_close(s);
}

/* Without a device: bytes, parameters and work of what is not run. */
static void test_planned(void **state)
{
    struct session *s = session_of(1);
    struct encoder *e = open_encoder(s, "siglip", ENCODER_IMAGES, DTYPE_F32, 4);
    const struct encoder_shape *shape = encoder_shape(e);
    struct encoder_shape described;
    (void)state;
    OK(encoder_describe(folder_of("siglip"), ENCODER_IMAGES, &described, &err));
    assert_int_equal(shape->rows, 16);
    assert_int_equal(described.rows, 16);
    assert_true(shape->has_texts && described.has_texts);
    assert_int_equal(shape->pooled, 36);
    assert_true(shape->bytes > shape->parameter_bytes && shape->flops > 1e5);
    /* 36: 3 49 + 1; 16 positions; two layers of 4 36 36 + 2 36 50 + ...; norm; head */
    const size_t layer = 4 * (36 * 36 + 36) + 36 * 50 + 50 + 50 * 36 + 36 + 4 * 36;
    const size_t head = 36 + 4 * (36 * 36 + 36) + 36 * 50 + 50 + 50 * 36 + 36 + 2 * 36;
    assert_int_equal(shape->parameters, 36 * 148 + 16 * 36 + 2 * layer + 2 * 36 + head);
    encoder_close(e);
    session_close(s);
}

/* A folder without texts, and one whose weights are another's. */
static void test_misfits(void **state)
{
    struct session *s = session_of(0);
    struct encoder_options with = {.session = s,
                                   .folder = folder_of("vit"),
                                   .of = ENCODER_TEXTS,
                                   .stored = DTYPE_F32,
                                   .batch = 1};
    double scale, bias;
    (void)state;
    assert_null(encoder_open(&with, &err));
    assert_non_null(strstr(err.text, "/vit: there is no encoder of texts"));
    assert_int_equal(encoder_logits(with.folder, &scale, &bias, &err), -1);
    assert_non_null(strstr(err.text, "/vit: no tensor logit_scale is there"));
    session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_cut),      cmocka_unit_test(test_fp32),
        cmocka_unit_test(test_bf16),     cmocka_unit_test(test_scores),
        cmocka_unit_test(test_batches),  cmocka_unit_test(test_short_rows),
        cmocka_unit_test(test_planned),  cmocka_unit_test(test_misfits),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("tower", tests, NULL, NULL);
}
