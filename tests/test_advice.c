/* SPDX-License-Identifier: MIT */
/* advice: which settings are warned of, at their bounds, and what is recommended for a width. */
#include "train/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char warned[512];

void log_warn(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    vsnprintf(warned, sizeof warned, format, ap);
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
    *warned = 0;
    advice_warn(c, NULL);
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
        "train.lr (at most 1e-3), train.warmup (1% to 10% of the steps), train.weight_decay (0.01)";
    expect_warning(SETTINGS("train.clip_norm=10", "train.lr=1e-3", "train.warmup=1 steps",
                            "train.weight_decay=1e-9"),
                   "");
    expect_warning(SETTINGS("train.clip_norm=10.1"), clip);
    expect_warning(SETTINGS("train.clip_norm=0"), clip);
    expect_warning(SETTINGS("train.clip_norm=0", "train.lr=1.1e-3", "train.warmup=0 steps",
                            "train.weight_decay=0"),
                   all);
    expect_warning(SETTINGS("train.lr=1.1e-3"),
                   "models with attention often stall with such settings: train.lr (at most 1e-3)");
    expect_warning(SETTINGS(RECURRENT, "train.clip_norm=200", "train.lr=0.1"), "");
    expect_warning(SETTINGS(RECURRENT, "train.clip_norm=201"),
                   "train.clip_norm = 201 hardly clips: models without attention take up to 200");
}

static void expect_advice(struct config *c, long total, const char *wants)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    const struct schedule s = {.total = total};
    advice_print(c, &s, out);
    fclose(out);
    assert_string_equal(text, wants);
    free(text);
    config_free(c);
}

/* Steps are rounded to the nearest. */
static void recommendations(void **state)
{
    (void)state;
    expect_advice(SETTINGS("model.d_model=508"), 1000,
                  "recommended: lr 3e-4 for a width of 508, clip_norm 1.0, warm-up of 50 to 100 "
                  "steps (5% to 10%; 1% is 10, enough for many small data sets)\n");
    expect_advice(SETTINGS("model.d_model=512"), 949,
                  "recommended: lr 1e-4 for a width of 512, clip_norm 1.0, warm-up of 47 to 95 "
                  "steps (5% to 10%; 1% is 9, enough for many small data sets)\n");
    expect_advice(
        SETTINGS(RECURRENT, "model.hidden=1023"), 950,
        "recommended: lr 1e-4 for a width of 1023, clip_norm 1.0 to 200, warm-up of 48 to "
        "95 steps (5% to 10%; 1% is 10, enough for many small data sets)\n");
    expect_advice(SETTINGS(RECURRENT, "model.hidden=1024"), 944,
                  "recommended: lr 5e-5 to 1e-4 for a width of 1024, clip_norm 1.0 to 200, warm-up "
                  "of 47 to 94 steps (5% to 10%; 1% is 9, enough for many small data sets)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings),
        cmocka_unit_test(recommendations),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("advice", tests, NULL, NULL);
}
