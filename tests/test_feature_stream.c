/* SPDX-License-Identifier: MIT */
/* feature_stream: each function row by row has the bits that it has over a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/feature_functions.h"
#include "data/feature_stream.h"
#include "util/block.h"

enum { ROWS = 300, COLUMNS = 5 };

static char *names[COLUMNS] = {"high", "low", "close", "volume", "any"};
static uint64_t state = 11;

static double unit(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

/* Candles, at times flat; what functions need above 0 is. */
static struct table *make_table(void)
{
    struct table *t = table_new("f.csv", COLUMNS);
    assert_non_null(t);
    for (int c = 0; c < COLUMNS; c++)
        t->name[c] = strdup(names[c]);
    assert_int_equal(table_allocate(t, 1, ROWS), 0);
    t->rows = ROWS;
    for (int i = 0; i < ROWS; i++) {
        const double close =
            i % 11 < 3 && i ? t->column[2][i - 1] : 100 + 1e-3 * floor(9e3 * unit());
        t->column[2][i] = close;
        t->column[0][i] = close + 0.37 * unit();
        t->column[1][i] = close - 0.41 * unit();
        t->column[3][i] = 1 + floor(7 * unit());
        t->column[4][i] = 0.5 + unit() / 3;
        t->time[i] = (int64_t)i * 19200000 - (int64_t)60 * 86400000;
    }
    return t;
}

static struct feature *parse(const char *text)
{
    struct error err;
    char **list = malloc(sizeof names);
    size_t count = COLUMNS;
    memcpy(list, names, sizeof names);
    struct feature *feature = feature_parse(text, &err);
    if (!feature)
        fail_msg("%s", err.text);
    assert_int_equal(feature_columns(feature, &list, &count), 0);
    assert_int_equal(count, COLUMNS);
    free(list);
    return feature;
}

/* The stream over rows [begin, end), from a reset on. */
static void compare(const struct feature *f, struct feature_stream *s, const struct table *t,
                    size_t begin, size_t end)
{
    struct error err;
    static double wanted[ROWS];
    assert_int_equal(feature_compute(f, t, (struct run){begin, end}, wanted, &err), 0);
    feature_stream_reset(s);
    for (size_t row = begin; row < end; row++) {
        double x[COLUMNS], got;
        for (int c = 0; c < COLUMNS; c++)
            x[c] = t->column[c][row];
        assert_int_equal(feature_stream_push(s, x, t->time[row], &got, &err), 0);
        if (isnan(wanted[row - begin]) ? !isnan(got)
                                       : memcmp(&got, &wanted[row - begin], sizeof got))
            fail_msg("%s, row %zu of %zu: %a, not %a", f->text, row - begin, end - begin, got,
                     wanted[row - begin]);
    }
}

/* A run of all rows, then one that begins in the middle, after a reset. */
static void check(const char *text)
{
    struct error err;
    struct table *t = make_table();
    struct feature *f = parse(text);
    struct feature_stream *s = feature_stream_new(f, 1, &err);
    if (!s)
        fail_msg("%s", err.text);
    compare(f, s, t, 0, ROWS);
    compare(f, s, t, 17, ROWS - 40);
    feature_stream_free(s);
    feature_free(f);
    table_free(t);
}

/* "ma(close,5)": series by their names, numbers that differ. */
static void write_call(const struct feature_function *function, const char *series, char *text,
                       size_t size)
{
    static const char *const numbers[] = {"5", "7", "3"};
    const char *at = function->arguments;
    size_t used = (size_t)snprintf(text, size, "%s(", function->name), number = 0;
    while (*at) {
        const size_t n = strcspn(at, ",="), all = strcspn(at, ",");
        char name[16];
        int column = -1;
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        for (int c = 0; c < COLUMNS; c++)
            column = strcmp(names[c], name) ? column : c;
        const int is_series = column >= 0 || strchr("xyiq", *name);
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", at == function->arguments ? "" : ",",
                             column >= 0 ? names[column]
                             : is_series ? series
                                         : numbers[number++]);
        at += all + (at[all] == ',');
    }
    snprintf(text + used, size - used, ")");
}

static void test_each_function(void **unused)
{
    char text[256];
    (void)unused;
    for (size_t i = 0; i < feature_function_count; i++) {
        if (!strcmp(feature_functions[i].name, "clip"))
            snprintf(text, sizeof text, "clip(close,101,104)");
        else
            write_call(&feature_functions[i], "close", text, sizeof text);
        check(text);
    }
}

/* Arguments that warm up, blocks that begin elsewhere. */
static void test_nested(void **unused)
{
    static const char *const texts[] = {
        "close",
        "ma(ma(close,4),9)",
        "std(ret(close),6)",
        "zscore(obv(close,volume),20)",
        "div(atr(high,low,close,14),close)",
        "rank(sub(close,lag(close,13)),10)",
        "ma(rsi(close),3)",
        "macd_hist(ema(close,5))",
        "stoch_d(ma(high,2),lag(low,1),close,5,4)",
        "cci(high,low,ma(close,3),1)",
        "max(diff(diff(close)),1)",
        "volatility(any,2)",
        "sum(hour_sin(),24)",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check(texts[i]);
}

/* A row without a finite value is named, and a reset goes on. */
static void test_not_finite(void **unused)
{
    struct error err = {0};
    struct feature *f = parse("log(close)");
    struct feature_stream *s = feature_stream_new(f, 0, &err);
    double x[COLUMNS] = {0}, out;
    (void)unused;
    assert_non_null(s);
    assert_int_equal(feature_stream_push(s, x, 0, &out, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, "feature 'log(close)' has no finite value here: log needs values "
                                  "above 0");
    feature_stream_reset(s);
    x[2] = 1;
    assert_int_equal(feature_stream_push(s, x, 0, &out, &err), 0);
    assert_true(out == 0);
    feature_stream_free(s);
    feature_free(f);
}

static void test_without_time(void **unused)
{
    struct error err = {0};
    struct feature *f = parse("ma(hour_sin(),3)");
    (void)unused;
    assert_null(feature_stream_new(f, 0, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_non_null(strstr(err.text, "data.time"));
    feature_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_function),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_without_time),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
