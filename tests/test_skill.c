/* SPDX-License-Identifier: MIT */
/* The test of skill against tables, a worked case, random walks and a signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/skill.h"

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g", a, b);
}

/* Quantiles of Student's t as tables have them. */
static void student(void **state)
{
    (void)state;
    near(skill_student(0, 7), 0.5, 1e-15);
    near(skill_student(1, 1), 0.25, 1e-14);
    near(skill_student(-1, 1), 0.75, 1e-14);
    near(skill_student(2, 2), (1 - 2 / sqrt(6)) / 2, 1e-14);
    near(skill_student(31.820515954, 1), 0.01, 1e-11);
    near(skill_student(2.763769458, 10), 0.01, 1e-10);
    near(skill_student(2.364217, 100), 0.01, 1e-7);
    near(skill_student(2.326347874, 1e9), 0.01, 1e-7);
    near(skill_student(12, 30), 2.6e-13, 1e-13);
}

/* The statistic written out: 20 times, errors that depend on each other over 1. */
static void a_worked_case(void **state)
{
    (void)state;
    double d[20], mean = 0, c0 = 0, c1 = 0;
    int64_t time[20];
    struct skill s;
    struct error err;
    for (int i = 0; i < 20; i++) {
        d[i] = 0.3 + sin(i * i) / 2;
        time[19 - i] = i; /* any order */
        mean += d[i] / 20;
    }
    for (int i = 0; i < 20; i++) {
        c0 += (d[i] - mean) * (d[i] - mean) / 20;
        c1 += i ? (d[i] - mean) * (d[i - 1] - mean) / 20 : 0;
    }
    double t = mean / sqrt((c0 + c1) / 20) * sqrt((20 + 1 - 4 + 2 / 20.0) / 20);
    double turned[20];
    for (int i = 0; i < 20; i++)
        turned[19 - i] = d[i];
    assert_int_equal(skill_test(time, turned, 20, 1, &s, &err), 0);
    near(s.t, t, 1e-12);
    near(s.better, skill_student(t, 19), 1e-15);
    near(s.independent, 10, 0);
    assert_int_equal(s.times, 20);
    for (int i = 0; i < 20; i++)
        d[i] = -turned[i];
    assert_int_equal(skill_test(time, d, 20, 1, &s, &err), 0);
    near(s.t, -t, 1e-12);
    near(s.worse, skill_student(t, 19), 1e-15);
}

static void few_and_none(void **state)
{
    (void)state;
    double d[400];
    int64_t time[400];
    struct skill s;
    struct error err;
    for (int i = 0; i < 400; i++) {
        d[i] = 1;
        time[i] = i;
    }
    assert_int_equal(skill_test(time, d, 19, 1, &s, &err), 0);
    assert_int_equal(s.kind, SKILL_FEW);
    assert_int_equal(skill_test(time, d, 20, 1, &s, &err), 0);
    assert_int_equal(s.kind, SKILL_BETTER); /* always by the same amount */
    assert_int_equal(skill_test(time, d, 0, 1, &s, &err), 0);
    assert_int_equal(s.kind, SKILL_UNKNOWN);
    /* four hundred series at ten times are ten differences, not four thousand */
    for (int i = 0; i < 400; i++) {
        time[i] = i % 5;
        d[i] = 1 + i % 3;
    }
    assert_int_equal(skill_test(time, d, 400, 0, &s, &err), 0);
    assert_int_equal(s.times, 5);
    assert_int_equal(s.kind, SKILL_FEW);
}

/* --- random walks, and a model that is fitted to them */

static uint64_t seed;

static double gauss(void)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        sum += (double)(seed >> 11) * 0x1p-53;
    }
    return sum - 6;
}

enum { ROWS = 1200, TRAIN = 900, AHEAD = 5 };

/*
 * The change over AHEAD rows, forecast as a line through the change of the AHEAD rows before, which
 * is fitted to the first TRAIN rows; tested against "no move" on the others, where `pull` of each
 * step is undone by the next AHEAD.
 */
static enum skill_kind fitted(double pull)
{
    static double x[ROWS], d[ROWS];
    static int64_t time[ROWS];
    struct skill s;
    struct error err;
    size_t n = 0;
    double sx = 0, sy = 0, sxx = 0, sxy = 0, m = 0;
    x[0] = 0;
    for (int i = 1; i < ROWS; i++)
        x[i] = x[i - 1] * (1 - pull) + gauss();
    for (int i = AHEAD; i + AHEAD < TRAIN; i++, m++) {
        double a = x[i] - x[i - AHEAD], b = x[i + AHEAD] - x[i];
        sx += a;
        sy += b;
        sxx += a * a;
        sxy += a * b;
    }
    double slope = (sxy - sx * sy / m) / (sxx - sx * sx / m), base = (sy - slope * sx) / m;
    for (int i = TRAIN; i + AHEAD < ROWS; i++) {
        double b = x[i + AHEAD] - x[i], e = b - base - slope * (x[i] - x[i - AHEAD]);
        time[n] = i;
        d[n++] = b * b - e * e;
    }
    assert_int_equal(skill_test(time, d, n, AHEAD, &s, &err), 0);
    return s.kind;
}

static void random_walks(void **state)
{
    (void)state;
    int claims = 0, found = 0;
    seed = 1;
    for (int i = 0; i < 100; i++) {
        claims += fitted(0) == SKILL_BETTER;
        found += fitted(0.5) == SKILL_BETTER;
    }
    assert_in_range(claims, 0, 5);
    assert_in_range(found, 80, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student),
        cmocka_unit_test(a_worked_case),
        cmocka_unit_test(few_and_none),
        cmocka_unit_test(random_walks),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("skill", tests, NULL, NULL);
}
