/* SPDX-License-Identifier: MIT */
/* advice: what is warned of, at its bounds, and what is recommended for a width. */
#include "train/advice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char warned[1024], said[512];

static void put(char *to, size_t size, const char *format, va_list ap)
{
    size_t used = strlen(to);
    vsnprintf(to + used, size - used, format, ap);
}

void log_warn(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    put(warned, sizeof warned, format, ap);
    va_end(ap);
}

void log_say(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    put(said, sizeof said, format, ap);
    va_end(ap);
}

static struct config *settings(char *const *setting, size_t count)
{
    struct error err;
    struct config *c = config_load(NULL, setting, count, &err);
    if (!c)
        fail_msg("%s", err.text);
    return c;
}
#define SETTINGS(...)                                         \
    settings((char *[]){"data.source=none.csv", __VA_ARGS__}, \
             sizeof((char *[]){"data.source=none.csv", __VA_ARGS__}) / sizeof(char *))
#define RECURRENT "model.type=recurrent", "data.targets=close"

static void expect_warning(struct config *c, const char *wants)
{
    const struct dataset none = {0};
    *warned = 0;
    advice_warn(c, &none, NULL);
    assert_string_equal(warned, wants);
    config_free(c);
}

static void warnings(void **state)
{
    (void)state;
    static char clip[] = "models with attention often stall with such settings: train.clip_norm "
                         "(1.0 is usual)";
    static const char all[] =
        "models with attention often stall with such settings: train.clip_norm (1.0 is usual), "
        "train.lr (at most 0.0078 at a width of 64), train.warmup (1% to 10% of the steps), "
        "train.weight_decay (0.01)";
    expect_warning(SETTINGS("train.clip_norm=10", "train.lr=7.8e-3", "train.warmup=1 steps",
                            "train.weight_decay=1e-9"),
                   "");
    expect_warning(SETTINGS("train.clip_norm=10.1"), clip);
    expect_warning(SETTINGS("train.clip_norm=0"), clip);
    expect_warning(SETTINGS("train.clip_norm=0", "train.lr=7.9e-3", "train.warmup=0 steps",
                            "train.weight_decay=0"),
                   all);
    expect_warning(SETTINGS("train.lr=1.1e-3", "model.d_model=512"),
                   "models with attention often stall with such settings: train.lr (at most 0.001 "
                   "at a width of 512)");
    expect_warning(SETTINGS("train.lr=1e-3", "model.d_model=1024"), "");
    expect_warning(SETTINGS("train.lr=3e-2", "model.d_model=16"), "");
    expect_warning(SETTINGS("train.lr=3.2e-2", "model.d_model=16"),
                   "models with attention often stall with such settings: train.lr (at most 0.031 "
                   "at a width of 16)");
    expect_warning(SETTINGS("train.optimizer=lion", "train.lr=2.6e-3"), "");
    expect_warning(SETTINGS("train.optimizer=lion", "train.lr=2.7e-3"),
                   "models with attention often stall with such settings: train.lr (at most 0.0026 "
                   "at a width of 64)");
    expect_warning(SETTINGS("train.optimizer=sgd", "train.lr=0.5", "train.weight_decay=0"), "");
    expect_warning(SETTINGS(RECURRENT, "train.clip_norm=200", "train.lr=0.1"), "");
    expect_warning(SETTINGS(RECURRENT, "model.attention_layers=1", "model.hidden=8",
                            "model.bidirectional=yes", "train.lr=3e-2"),
                   "");
    expect_warning(SETTINGS(RECURRENT, "model.attention_layers=1", "model.hidden=8",
                            "model.bidirectional=yes", "train.lr=4e-2", "train.clip_norm=200"),
                   "models with attention often stall with such settings: train.clip_norm (1.0 is "
                   "usual), train.lr (at most 0.031 at a width of 16)");
    expect_warning(SETTINGS("model.type=tcn", "data.targets=close", "model.attention_layers=1",
                            "train.clip_norm=200", "train.lr=0.1"),
                   ""); /* which has none */
    expect_warning(SETTINGS(RECURRENT, "train.clip_norm=201"),
                   "train.clip_norm = 201 hardly clips: models without attention take up to 200");
}

static void expect_advice(struct config *c, const struct schedule s, const char *wants)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    advice_print(c, &s, out);
    fclose(out);
    assert_string_equal(text, wants);
    free(text);
    config_free(c);
}

/* What is otherwise, with what it is; nothing where nothing is. */
static void recommendations(void **state)
{
    (void)state;
    const struct schedule even = {.total = 1000, .warmup = 50}, steep = {.total = 950};
    expect_advice(SETTINGS("train.lr=3e-4"), even, "");
    expect_advice(SETTINGS("train.lr=3e-3"), even, "");
    expect_advice(SETTINGS("train.lr=2e-3", "model.d_model=32"), even, "");
    expect_advice(SETTINGS("train.lr=2e-4"), even,
                  "recommended for a width of 64: lr 3e-4 to 3e-3 (now 0.0002)\n");
    expect_advice(SETTINGS("train.lr=2e-4", "train.optimizer=sgd"), even, "");
    expect_advice(SETTINGS("train.lr=1e-3", "model.d_model=508"), even,
                  "recommended for a width of 508: lr 3e-4 to 4e-4 (now 0.001)\n");
    expect_advice(SETTINGS("train.lr=1e-4", "model.d_model=512"), even, "");
    expect_advice(SETTINGS("train.lr=1e-4", "train.clip_norm=0", "model.d_model=1024"), steep,
                  "recommended for a width of 1024: clip_norm 1.0 (now 0), warm-up of 10 to 95 "
                  "steps (now 0)\n");
    expect_advice(SETTINGS("train.lr=3e-4", "train.clip_norm=10"),
                  (struct schedule){.total = 1000, .warmup = 102},
                  "recommended for a width of 64: warm-up of 10 to 100 steps (now 102)\n");
    expect_advice(SETTINGS(RECURRENT, "train.lr=5e-3", "train.clip_norm=200", "model.hidden=64"),
                  steep, "");
    expect_advice(SETTINGS(RECURRENT, "train.lr=5e-3", "train.clip_norm=200", "model.hidden=64",
                           "model.attention_layers=2"),
                  steep,
                  "recommended for a width of 64: lr 3e-4 to 3e-3 (now 0.005), clip_norm 1.0 (now "
                  "200), warm-up of 10 to 95 steps (now 0)\n");
    expect_advice(SETTINGS(RECURRENT, "train.lr=1e-2", "train.clip_norm=201", "model.hidden=1024"),
                  steep,
                  "recommended for a width of 1024: lr 5e-5 to 5e-4 (now 0.01), clip_norm 1.0 to "
                  "200 (now 201)\n");
}

/* --- the scale of targets */

/* What is said of four windows' targets, m - d and m + d in turn. */
static void targets_are(double m, double d, int feature, struct config *c, const char *wants)
{
    char *name = "Close";
    uint32_t start[] = {0, 1, 2, 3};
    float target[8];
    struct transform transform = {.steps = strcmp(c->data.target_transform.item[0], "none") != 0};
    struct dataset data = {.window = 2, .targets = 1, .target_first = 2, .target_rows = 3};
    for (int i = 0; i < 8; i++)
        target[i] = (float)(i % 2 ? m + d : m - d);
    target[0] = target[1] = 1e30f; /* no window has these as targets */
    data.target = target;
    data.target_names = &name;
    data.transform = &transform;
    data.target_feature = &feature;
    data.start[PART_TRAIN] = start;
    data.count[PART_TRAIN] = 4;
    *warned = 0;
    advice_warn(c, &data, NULL);
    if (!*wants ? *warned : !strstr(warned, wants))
        fail_msg("mean %g, deviation %g: \"%s\" instead of \"%s\"", m, d, warned, wants);
    config_free(c);
}

static void targets_far_from_where_a_model_begins(void **state)
{
    (void)state;
    targets_are(6e7, 1e6, 0, SETTINGS(RECURRENT),
                "target 'Close' has mean 6e+07 and deviation 1e+06, but a model's outputs begin "
                "near 0 and within about 1: it may never get there (a flat forecast); "
                "data.target_transform = standard brings them together");
    targets_are(0, 1, 0, SETTINGS(RECURRENT), "");
    targets_are(5, 0.021, 0, SETTINGS(RECURRENT), "");
    targets_are(-5, 4.99, 0, SETTINGS(RECURRENT), "");
    targets_are(-5.1, 1, 0, SETTINGS(RECURRENT), "mean -5.1 ");
    targets_are(0, 5.1, 0, SETTINGS(RECURRENT), "deviation 5.1,");
    targets_are(0, 0.019, 0, SETTINGS(RECURRENT), "deviation 0.019,");
    targets_are(0, 0, 0, SETTINGS(RECURRENT), ""); /* constant: told elsewhere */
    targets_are(20, 1, 0, SETTINGS(RECURRENT, "data.target_transform=log"),
                "standard as the last step of data.target_transform");
    targets_are(0.01, 0.01, 0, SETTINGS(RECURRENT, "loss.target=bce"), "");
    targets_are(100, 1, 0, SETTINGS(RECURRENT, "model.reversible_norm=yes"), "");
    targets_are(100, 1, -1, SETTINGS(RECURRENT, "model.reversible_norm=yes"), "mean 100 ");
}

/* --- few steps, much time */

static void steps_are(size_t windows, struct config *c, const char *wants)
{
    *said = 0;
    advice_step(c, windows, NULL);
    assert_string_equal(said, wants);
    config_free(c);
}

static void epochs_of_one_step(void **state)
{
    (void)state;
    steps_are(5000, SETTINGS("train.batch=512", "train.accumulate=16"),
              "An epoch is one step: train.batch x train.accumulate is 8192 windows, training has "
              "5000. With train.batch = 256 and train.accumulate = 1 it is 20 steps.");
    steps_are(150, SETTINGS("train.batch=150"),
              "An epoch is one step: train.batch x train.accumulate is 150 windows, training has "
              "150. With train.batch = 8 it is 19 steps.");
    steps_are(3, SETTINGS("train.batch=3"),
              "An epoch is one step: train.batch x train.accumulate is 3 windows, training has 3. "
              "With train.batch = 1 it is 3 steps.");
    steps_are(150, SETTINGS("train.batch=149"), "");
    steps_are(8193, SETTINGS("train.batch=512", "train.accumulate=16"), "");
    steps_are(1, SETTINGS("train.batch=1"), "");
}

static void time_is(double seconds, int is_cpu, struct config *c, const char *wants)
{
    *warned = 0;
    assert_int_equal(advice_time(c, is_cpu, seconds, NULL), *wants != 0);
    assert_string_equal(warned, wants);
    config_free(c);
}

static void days(void **state)
{
    (void)state;
    time_is(86399, 1, SETTINGS("train.patience=0"), "");
    time_is(NAN, 1, SETTINGS("train.patience=0"), "");
    time_is(3.5 * 86400, 1, SETTINGS("train.patience=0"),
            "at this speed the training takes 3.5 days more; what shortens it: fewer train.epochs, "
            "train.patience, which stops early, a larger data.stride, a smaller model, a GPU");
    time_is(86400, 0, SETTINGS("train.patience=5", "data.window=4", "data.stride=4"),
            "at this speed the training takes 1 days more; what shortens it: fewer train.epochs, a "
            "smaller model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings),
        cmocka_unit_test(recommendations),
        cmocka_unit_test(targets_far_from_where_a_model_begins),
        cmocka_unit_test(epochs_of_one_step),
        cmocka_unit_test(days),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("advice", tests, NULL, NULL);
}
