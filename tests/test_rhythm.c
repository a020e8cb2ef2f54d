/* SPDX-License-Identifier: MIT */
/* rhythm: against sums written out, and series whose rhythm is known. */
#include "propose/rhythm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define ROWS 4000

/* Autocorrelation at a lag, as it is defined. */
static double correlation(const double *x, size_t n, size_t lag)
{
    double mean = 0, a = 0, all = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        all += (x[i] - mean) * (x[i] - mean);
        a += i + lag < n ? (x[i] - mean) * (x[i + lag] - mean) : 0;
    }
    return a / all;
}

/* The last lag from 1 on that is correlated, as rhythm.h says. */
static size_t memory(const double *x, size_t n, size_t most)
{
    const double least = fmax(2 / sqrt((double)n), correlation(x, n, 1) / exp(1));
    size_t lag = 0;
    while (lag < most && correlation(x, n, lag + 1) > least)
        lag++;
    return lag;
}

/* Numbers that look random, the same everywhere (Park and Miller 1988): from -1 to 1. */
static double noise(void)
{
    static uint64_t state = 7;
    state = state * 48271 % 2147483647;
    return 2 * (double)state / 2147483647 - 1;
}

static void test_memory(void **state)
{
    (void)state;
    static double x[ROWS], changes[ROWS];
    struct error err;
    for (size_t i = 1; i < ROWS; i++)
        x[i] = 0.9 * x[i - 1] + noise();
    struct rhythm r = {.step = HOUR};
    assert_int_equal(rhythm_of_values(&r, x, ROWS, 0, 200, &err), 0);
    assert_int_equal(r.memory, memory(x, ROWS, 200));
    assert_in_range(r.memory, 6, 14); /* 0.9^10 is 1 / e */
    assert_true(fabs(r.level - correlation(x, ROWS, 1)) < 1e-9);
    assert_int_equal(r.season, 0);
    /* prices whose restlessness is remembered, while their changes are not */
    double restless = 0;
    x[0] = 100;
    for (size_t i = 1; i < ROWS; i++) {
        restless = 0.95 * restless + 0.3 * noise();
        x[i] = x[i - 1] * (1 + 0.01 * exp(restless) * noise());
        changes[i - 1] = fabs(x[i] / x[i - 1] - 1);
    }
    struct rhythm of_changes = {.step = HOUR};
    assert_int_equal(rhythm_of_values(&of_changes, x, ROWS, 1, 200, &err), 0);
    assert_int_equal(of_changes.memory, memory(changes, ROWS - 1, 200));
    assert_true(of_changes.memory > 3 && of_changes.of_changes);
}

/* A day of hours, and seven rows without times; an exact repetition of differences has (n - lag) /
 * n of all. */
static void test_season(void **state)
{
    (void)state;
    static double x[ROWS];
    static const double week[] = {3, 1, 4, 1, 5, 9, 2};
    struct error err;
    for (size_t i = 0; i < ROWS; i++)
        x[i] = sin(2 * M_PI * (double)(i % 24) / 24) + 0.2 * noise() + 0.001 * (double)i;
    struct rhythm hours = {.step = HOUR};
    assert_int_equal(rhythm_of_values(&hours, x, ROWS, 0, 400, &err), 0);
    assert_int_equal(hours.season, 24);
    for (size_t i = 0; i < ROWS; i++)
        x[i] = week[i % 7];
    struct rhythm rows = {0};
    assert_int_equal(rhythm_of_values(&rows, x, ROWS, 0, 400, &err), 0);
    assert_int_equal(rows.season, 7);
    assert_true(fabs(rows.repeats - (ROWS - 1 - 7.) / (ROWS - 1)) < 1e-3);
    /* too few rows show nothing */
    struct rhythm few = {0};
    assert_int_equal(rhythm_of_values(&few, x, 9, 0, 400, &err), 0);
    assert_int_equal(few.season + few.memory, 0);
}

/* Trading days of two series: steps of a day, but for weekends and one hole. */
static void test_times(void **state)
{
    (void)state;
    int64_t time[600];
    unsigned char cut[600] = {1};
    struct error err;
    size_t rows = 0;
    for (int series = 0; series < 2; series++) {
        cut[rows] = 1;
        for (int64_t day = 4; day < 400; day++) /* 1970-01-05 is a Monday */
            if ((day - 4) % 7 < 5 && !(series && day > 200 && day < 230))
                time[rows++] = day * DAY + (series ? HOUR : 0);
    }
    struct rhythm r = {0};
    assert_int_equal(rhythm_of_times(&r, time, cut, rows, &err), 0);
    assert_true(r.step == DAY && r.usual == 3 * DAY && r.week == 5);
    assert_true(r.longest == 30 * DAY); /* from day 200 to day 230, both of a working week */
    assert_true(r.span == 395 * DAY + HOUR);
}

/* Six rows a week, as of a shop that is closed on Sundays; a day without rows is no rule. */
static void test_week(void **state)
{
    (void)state;
    int64_t time[400];
    unsigned char cut[400] = {1};
    struct error err;
    size_t rows = 0;
    for (int64_t day = 4; day < 400; day++)
        if ((day - 4) % 7 < 6 && day % 50)
            time[rows++] = day * DAY;
    struct rhythm r = {0};
    assert_int_equal(rhythm_of_times(&r, time, cut, rows, &err), 0);
    assert_int_equal(r.week, 6);
    assert_int_equal(rhythm_of_times(&r, time, cut, 5, &err), 0);
    assert_int_equal(r.week, 0); /* there is no whole week */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), cmocka_unit_test(test_season), cmocka_unit_test(test_times),
        cmocka_unit_test(test_week)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
