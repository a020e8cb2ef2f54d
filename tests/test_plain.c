/* SPDX-License-Identifier: MIT */
/* plain: what failed, without names of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "library/plain.h"

static void check(const char *from, const char *to)
{
    char text[2048];
    snprintf(text, sizeof text, "%s", from);
    plain_text(text);
    assert_string_equal(text, to);
}

static void test_sentences(void **state)
{
    (void)state;
    check("", "");
    check("a.csv: No such file or directory", "a.csv: No such file or directory");
    check("m: [data] series: rows that come are one series; -s data.series= takes them as such, a "
          "process a series",
          "m: rows that come are one series");
    check(
        "column 'close': the value is missing; data.missing = skip leaves such rows out, previous "
        "carries the last value forward",
        "column 'close': the value is missing");
    check("one; two; three", "one; two; three");
    check("one; [data] order says so; three", "one; three");
    check("more than data.missing_limit rows", "more than the model's missing limit rows");
    check("is [data] window = 5 right?", "is the model's window = 5 right?");
    check("first: data.window is 5; more\nsecond; -s data.window=6",
          "first: the model's window is 5; more\nsecond");
}

/* What is no key stays: names of files and columns, sections that there are not. */
static void test_others(void **state)
{
    (void)state;
    check("runs/data.window/best.safetensors: damaged",
          "runs/data.window/best.safetensors: damaged");
    check("column 'my.data.window'", "column 'my.data.window'");
    check("[nothing] window: wrong", "[nothing] window: wrong");
    check("data.windows", "data.windows");
    check("[data] windows: wrong", "[data] windows: wrong");
    check("; ", "; ");
    check("\n\n", "\n\n");
}

/* Each key there is, in each of its places. */
static void test_keys(void **state)
{
    char text[2048], dotted[128];
    struct config_key key;
    (void)state;
    for (size_t i = 0; !config_key(i, &key); i++) {
        snprintf(dotted, sizeof dotted, "%s.%s", key.section, key.name);
        snprintf(text, sizeof text, "m: [%s] %s: %s is wrong; %s = 1 would do", key.section,
                 key.name, dotted, dotted);
        plain_text(text);
        assert_null(strstr(text, dotted));
        assert_null(strchr(text, '['));
        assert_non_null(strstr(text, "m: the model's "));
        assert_non_null(strstr(text, " is wrong"));
        assert_null(strstr(text, "would do"));
    }
}

/* A text as long as an error's stays in its room. */
static void test_long(void **state)
{
    char text[2048];
    (void)state;
    for (size_t i = 0; i + 12 < sizeof text; i += 12)
        memcpy(text + i, "data.window ", 13);
    plain_text(text);
    assert_true(strlen(text) < sizeof text);
    assert_null(strstr(text, "data.window"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_long),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
