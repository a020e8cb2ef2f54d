/* SPDX-License-Identifier: MIT */
/*
 * captions, siglip: figures of captions in English and Korean against pycocoevalcap, tokens against
 * Python's unicodedata, scores against PyTorch, from tests/captions/captions.json, which
 * tests/peer/make_captions_golden.py writes. collapse: when it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/captions.h"
#include "analysis/grams.h"
#include "analysis/siglip.h"
#include "text/utf8.h"
#include "train/collapse.h"

static json_t *golden;

static int read_golden(void **state)
{
    (void)state;
    char path[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/captions/captions.json", srcdir ? srcdir : ".");
    golden = json_load_file(path, 0, NULL);
    return golden ? 0 : -1;
}

static int free_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static void near(const char *name, const char *figure, double have, const json_t *want)
{
    if (json_is_null(want) ? !isnan(have) : !(fabs(have - json_number_value(want)) <= 1e-9))
        fail_msg("%s: %s is %.17g instead of %.17g", name, figure, have, json_number_value(want));
}

/* --- figures */

struct samples {
    size_t count;
    const char **generated;
    const char ***references;
};

static struct samples read_samples(const json_t *generated, const json_t *references)
{
    struct samples s = {.count = json_array_size(generated)};
    s.generated = calloc(s.count + 1, sizeof *s.generated);
    s.references = calloc(s.count + 1, sizeof *s.references);
    assert_true(s.generated && s.references);
    for (size_t i = 0; i < s.count; i++) {
        const json_t *list = json_array_get(references, i);
        s.generated[i] = json_string_value(json_array_get(generated, i));
        s.references[i] = calloc(json_array_size(list) + 1, sizeof **s.references);
        assert_non_null(s.references[i]);
        for (size_t k = 0; k < json_array_size(list); k++)
            s.references[i][k] = json_string_value(json_array_get(list, k));
    }
    return s;
}

static void samples_free(struct samples *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->references[i]);
    free(s->references);
    free(s->generated);
}

static struct caption_measures measure(const struct samples *s, enum caption_tokens rule,
                                       unsigned char *exact)
{
    struct caption_measures m;
    struct error err = {0};
    if (captions_measure(&m, s->generated, (const char *const *const *)s->references, s->count,
                         rule, exact, &err))
        fail_msg("%s", err.text);
    return m;
}

static void compare(const char *name, const struct samples *s, enum caption_tokens rule,
                    const json_t *want)
{
    static const char *const bleu[] = {"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"};
    unsigned char *exact = malloc(s->count + 1);
    assert_non_null(exact);
    const struct caption_measures m = measure(s, rule, exact);
    const json_t *is = json_object_get(want, "exact");
    double right = 0;
    for (size_t n = 0; n < CAPTIONS_BLEU; n++)
        near(name, bleu[n], m.bleu[n], json_array_get(json_object_get(want, "bleu"), n));
    for (size_t i = 0; i < s->count; i++) {
        assert_int_equal(exact[i], json_integer_value(json_array_get(is, i)));
        right += exact[i];
    }
    assert_true(m.exact == right / (double)s->count);
    near(name, "ROUGE-L", m.rouge_l, json_object_get(want, "rouge_l"));
    near(name, "CIDEr-D", m.cider, json_object_get(want, "cider"));
    near(name, "literal", m.literal, json_object_get(want, "literal"));
    near(name, "distinct", m.distinct, json_object_get(want, "distinct"));
    near(name, "of references", m.distinct_references,
         json_object_get(want, "distinct_references"));
    near(name, "distinct-1", m.distinct_1, json_object_get(want, "distinct_1"));
    near(name, "distinct-2", m.distinct_2, json_object_get(want, "distinct_2"));
    assert_int_equal(m.frequent, json_integer_value(json_object_get(want, "frequent")));
    assert_int_equal(m.frequent_count, json_integer_value(json_object_get(want, "frequent_count")));
    free(exact);
}

static void as_pycocoevalcap(void **state)
{
    (void)state;
    const json_t *list = json_object_get(golden, "cases");
    assert_true(json_array_size(list) >= 10);
    assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "generated")), 200);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *is = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(is, "name"));
        struct samples s =
            read_samples(json_object_get(is, "generated"), json_object_get(is, "references"));
        compare(name, &s, CAPTION_WORDS, json_object_get(is, "words"));
        compare(name, &s, CAPTION_CHARACTERS, json_object_get(is, "characters"));
        samples_free(&s);
    }
}

static void without_samples(void **state)
{
    (void)state;
    struct caption_measures m;
    struct error err = {0};
    assert_int_equal(captions_measure(&m, NULL, NULL, 0, CAPTION_WORDS, NULL, &err), 0);
    assert_true(isnan(m.bleu[0]) && isnan(m.bleu[3]) && isnan(m.rouge_l) && isnan(m.cider));
    assert_true(isnan(m.exact) && isnan(m.literal) && isnan(m.distinct));
    assert_true(isnan(m.distinct_references) && isnan(m.distinct_1) && isnan(m.distinct_2));
    assert_int_equal(m.frequent_count, 0);
}

static void without_a_reference(void **state)
{
    (void)state;
    struct caption_measures m;
    struct error err = {0};
    static const char *const some[] = {"a", NULL}, *const none[] = {NULL};
    static const char *const generated[] = {"a", "b"};
    static const char *const *const references[] = {some, none};
    assert_int_equal(captions_measure(&m, generated, references, 2, CAPTION_WORDS, NULL, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_string_equal(err.text, "caption 2 has no reference");
}

/* Some thousands of samples take no long time, whatever they are: more edges than there was room
 * for, a text of one token that comes again and again. */
static void many_samples(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static char text[MANY][64];
    static const char *generated[MANY], *list[MANY][2];
    static const char *const *references[MANY];
    struct caption_measures m;
    struct error err = {0};
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "w%zu x%zu y%zu z%zu a a a a a", i, i / 2, i % 7, i);
        generated[i] = i % 3 ? text[i] : "a a a a a a a a";
        list[i][0] = text[i];
        references[i] = list[i];
    }
    assert_int_equal(captions_measure(&m, generated, references, MANY, CAPTION_WORDS, NULL, &err),
                     0);
    assert_true(fabs(m.exact - 2.0 / 3) < 1e-12 && m.distinct_references == 1);
    assert_true(m.distinct == (double)(MANY - MANY / 3 + 1) / MANY);
    assert_true(m.frequent == 0 && m.frequent_count == MANY / 3);
    static char repeated[20001];
    memset(repeated, ' ', sizeof repeated - 1);
    for (size_t i = 0; i < sizeof repeated; i += 2)
        repeated[i] = i + 1 == sizeof repeated ? 0 : 'a';
    generated[0] = list[0][0] = repeated;
    assert_int_equal(captions_measure(&m, generated, references, 2, CAPTION_WORDS, NULL, &err), 0);
    assert_true(m.exact == 1 && m.rouge_l == 1 && fabs(m.bleu[3] - 1) < 1e-9);
}

/* A word and a pair of words are never the same n-gram, whatever their bytes and numbers are. */
static void grams_keep_apart(void **state)
{
    (void)state;
    enum { FIRST = ' ' + 1, BYTES = 256 - FIRST };
    char pair[] = "? ?", word[] = "??";
    struct grams grams = {0};
    struct sentence s;
    struct error err = {0};
    for (size_t i = 0; i < BYTES * BYTES; i++) {
        pair[0] = (char)(FIRST + i / BYTES);
        pair[2] = (char)(FIRST + i % BYTES);
        assert_int_equal(sentence_init(&s, pair, &grams, &err), 0);
        assert_int_equal(s.tokens, 2);
        assert_int_equal(s.begin[2], s.begin[1] + 1);
        sentence_fini(&s);
    }
    for (size_t i = 0; i < BYTES; i++) {
        const size_t nodes = grams_nodes(&grams);
        word[0] = word[1] = (char)(FIRST + i);
        assert_int_equal(sentence_init(&s, word, &grams, &err), 0);
        assert_int_equal(s.token[0], nodes); /* that word was not there */
        assert_int_equal(sentence_count(&s, 1, s.token[0]), 1);
        sentence_fini(&s);
    }
    grams_fini(&grams);
}

/* --- tokens */

static void tokens_are(const char *text, enum caption_tokens rule, const char *want)
{
    struct caption_work work = {0};
    struct textbuf to = {0};
    struct error err = {0};
    assert_int_equal(caption_tokens(rule, text, &work, &to, &err), 0);
    assert_int_equal(strlen(to.at), to.size);
    if (strcmp(to.at, want) != 0)
        fail_msg("'%s' becomes '%s' instead of '%s'", text, to.at, want);
    caption_work_fini(&work);
    textbuf_fini(&to);
}

static void tokens_of_any_language(void **state)
{
    (void)state;
    const json_t *list = json_object_get(golden, "texts");
    assert_true(json_array_size(list) > 20);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *is = json_array_get(list, i);
        const char *text = json_string_value(json_array_get(is, 0));
        tokens_are(text, CAPTION_WORDS, json_string_value(json_array_get(is, 1)));
        tokens_are(text, CAPTION_CHARACTERS, json_string_value(json_array_get(is, 2)));
    }
}

/* What is no UTF-8 counts as U+FFFD, one for as many bytes as could have begun a code point. */
static void tokens_of_any_bytes(void **state)
{
    (void)state;
    tokens_are("A\xff\xed\x95 B", CAPTION_WORDS, "a\xef\xbf\xbd\xef\xbf\xbd b");
    tokens_are("\xed\xa0\x80x", CAPTION_CHARACTERS, "\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd x");
    tokens_are("\xf0\x9f", CAPTION_WORDS, "\xef\xbf\xbd");
    tokens_are("e\xcc\x81\xc3", CAPTION_CHARACTERS, "\xc3\xa9 \xef\xbf\xbd");
}

/* --- SigLIP */

static void read_floats(const json_t *list, float *to, size_t most)
{
    assert_true(json_array_size(list) <= most);
    for (size_t i = 0; i < json_array_size(list); i++)
        to[i] = (float)json_number_value(json_array_get(list, i));
}

static void scores_of_frames(void **state)
{
    (void)state;
    enum { MOST = 16 };
    const json_t *list = json_object_get(golden, "siglip");
    assert_int_equal(json_array_size(list), 3);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *is = json_array_get(list, i), *frames = json_object_get(is, "frames");
        const size_t count = json_array_size(frames);
        const size_t width = json_array_size(json_object_get(is, "text"));
        float frame[MOST * MOST], text[MOST];
        assert_true(count <= MOST && width <= MOST);
        for (size_t k = 0; k < count; k++)
            read_floats(json_array_get(frames, k), frame + k * width, width);
        read_floats(json_object_get(is, "text"), text, MOST);
        const struct siglip s = siglip_measure(frame, count, text, width,
                                               json_number_value(json_object_get(is, "scale")),
                                               json_number_value(json_object_get(is, "bias")));
        near("SigLIP", "cosine", s.cosine, json_object_get(is, "cosine"));
        near("SigLIP", "score", s.score, json_object_get(is, "score"));
    }
    static const float zero[2], one[2] = {1, 0};
    assert_true(isnan(siglip_measure(zero, 1, one, 2, 1, 0).score));
    assert_true(isnan(siglip_measure(one, 1, zero, 2, 1, 0).cosine));
    assert_true(isnan(siglip_measure(one, 0, one, 2, 1, 0).score));
    assert_true(siglip_measure(one, 1, one, 2, 1000, 0).score == 1);
}

/* --- the collapse */

static int judge(struct collapse *c, double distinct, double references)
{
    *c = collapse_of(collapse_number(c)); /* as a checkpoint keeps it */
    return collapse_judge(
        c, &(struct collapse_figures){.count = 64, .distinct = distinct, .references = references},
        0);
}

/* How many of these figures pass until it is told; `count` + 1: it is not. */
static size_t told_at(size_t count, const double *distinct)
{
    struct collapse c = {0};
    for (size_t i = 0; i < count; i++)
        if (judge(&c, distinct[i], 1))
            return i + 1;
    return count + 1;
}
#define TOLD(...) told_at(sizeof(double[]){__VA_ARGS__} / sizeof(double), (double[]){__VA_ARGS__})

/* A model that was fine: two evaluations are enough, but one is not, nor is it on the way back. */
static void collapse_is_told_once(void **state)
{
    (void)state;
    struct collapse c = {0};
    const double fine[] = {0.9, 0.5, 0.499};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(judge(&c, fine[i], 1), 0);
    assert_int_equal(judge(&c, NAN, 1), 0); /* nothing is known: it is as it was */
    assert_int_equal(judge(&c, 0.1, 1), 1);
    assert_int_equal(judge(&c, 0.05, 1), 0);
    assert_int_equal(c.told, 1);
    assert_int_equal(judge(&c, 0.5, 1), 0);
    assert_int_equal(c.told, 0); /* it is over */
    assert_int_equal(TOLD(0.9, 0.9, 0.4, 0.3), 4);
    assert_int_equal(TOLD(0.9, 0.9, 0.4, 0.9, 0.4, 0.9, 0.4), 8);
    assert_int_equal(TOLD(0.9, 0.9, 0.2, 0.3, 0.4, 0.9, 0.9), 8);
}

/* A model that learns its first words, one that never does, and one that begins with noise. */
static void collapse_waits_for_words(void **state)
{
    (void)state;
    assert_int_equal(TOLD(0.02, 0.02, 0.02, 0.05, 0.1, 0.1, 0.1, 0.3, 0.6, 0.9, 0.9), 12);
    assert_int_equal(TOLD(0.02, 0.03, 0.02, 0.02, 0.02, 0.02), 5);
    assert_int_equal(TOLD(0.02, 0.03, 0.02, 0.1, 0.02, 0.02, 0.1, 0.11), 8);
    assert_int_equal(TOLD(0.9, 0.02, 0.02, 0.1, 0.5, 0.9), 7);
    assert_int_equal(TOLD(0.9, 0.02, 0.02, 0.02, 0.02, 0.02), 6);
    struct collapse c = {0};
    for (int i = 0; i < 20; i++) /* the warm-up is not counted */
        assert_int_equal(
            collapse_judge(
                &c, &(struct collapse_figures){.count = 64, .distinct = 0.02, .references = 1}, 1),
            0);
    for (int i = 0; i < COLLAPSE_PATIENCE; i++)
        assert_int_equal(judge(&c, 0.02, 1), i + 1 == COLLAPSE_PATIENCE);
    c = (struct collapse){0};
    for (int i = 0; i < 20; i++)
        assert_int_equal(judge(&c, 0.3, 0.3), 0); /* as different as they should be */
    assert_int_equal(judge(&c, 0.29, 0.3), 0);
    assert_int_equal(judge(&c, 0.29, 0.3), 1);
    assert_int_equal(
        collapse_is_below(&(struct collapse_figures){.distinct = 0.3, .references = NAN}), 1);
}

/* What a checkpoint says may be anything. */
static void collapse_of_any_number(void **state)
{
    (void)state;
    for (long i = -70000; i < 140000; i++) {
        const struct collapse c = collapse_of((int)i);
        assert_int_equal(collapse_number(&c), i >= 0 && (i >> 1 & 3) < 3 && i >> 6 <= 1000 ? i : 0);
    }
    assert_int_equal(collapse_of(1).told, 1); /* what true once was */
    assert_int_equal(collapse_of(INT_MAX).told + collapse_of(INT_MIN).told, 0);
}

static void words_are(const struct collapse_figures *f, const char *want)
{
    char text[COLLAPSE_TEXT];
    collapse_words(f, text);
    assert_string_equal(text, want);
}

static void collapse_in_words(void **state)
{
    (void)state;
    struct collapse_figures f = {64, 12 / 64.0, 60 / 64.0, "빨간 원", 41};
    words_are(&f, "captions collapse: 12 of 64 are different (of the references 60), and 41 are "
                  "'빨간 원'");
    f.references = NAN;
    f.caption = "a\nb\x1b[2J\xff\xc2\x85.";
    words_are(&f, "captions collapse: 12 of 64 are different, and 41 are 'a?b?[2J??.'");
    char longer[1000] = "x", text[COLLAPSE_TEXT];
    for (size_t i = 1; i + 4 < sizeof longer; i += 3)
        memcpy(longer + i, "원", 4);
    f = (struct collapse_figures){SIZE_MAX, 0.25, 0.5, longer, SIZE_MAX};
    collapse_words(&f, text);
    assert_int_equal(utf8_whole(text, strlen(text)), strlen(text));
    assert_string_equal(text + strlen(text) - 7, "원...'");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_pycocoevalcap),       cmocka_unit_test(without_samples),
        cmocka_unit_test(without_a_reference),    cmocka_unit_test(many_samples),
        cmocka_unit_test(grams_keep_apart),       cmocka_unit_test(tokens_of_any_language),
        cmocka_unit_test(tokens_of_any_bytes),    cmocka_unit_test(scores_of_frames),
        cmocka_unit_test(collapse_is_told_once),  cmocka_unit_test(collapse_waits_for_words),
        cmocka_unit_test(collapse_of_any_number), cmocka_unit_test(collapse_in_words)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, read_golden, free_golden);
}
