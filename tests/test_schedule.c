/* SPDX-License-Identifier: MIT */
/* schedule: spans in steps and the rate of each step, against values worked out by hand. */
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void near(double have, double want)
{
    if (!(fabs(have - want) <= 1e-15))
        fail_msg("%.17g instead of %.17g", have, want);
}

/* Groups of 12 samples; rates between 0.3 and 0.06. */
static struct config settings(int schedule, double warmup_steps)
{
    struct config c = {0};
    c.train.batch = 4;
    c.train.accumulate = 3;
    c.train.epochs = 5;
    c.train.lr = 0.3;
    c.train.lr_min = 0.06;
    c.train.schedule = schedule;
    c.train.warmup = (struct span){warmup_steps, SPAN_STEPS};
    return c;
}

static void spans_in_steps(void **state)
{
    (void)state;
    static const long per_epoch[][2] = {{1, 1}, {11, 1}, {12, 1}, {13, 2}, {100, 9}, {108, 9}};
    struct config c = settings(SCHEDULE_CONSTANT, 7);
    for (int i = 0; i < 6; i++) {
        struct schedule s = schedule_make(&c, (size_t)per_epoch[i][0]);
        assert_int_equal(s.per_epoch, per_epoch[i][1]);
        assert_int_equal(s.total, 5 * per_epoch[i][1]);
        assert_int_equal(s.warmup, 7);
        assert_true(s.factor == 1);
    }
    static const struct {
        struct span span;
        long steps;
    } want[] = {
        {{2, SPAN_EPOCHS}, 18},    {{0.5, SPAN_EPOCHS}, 5}, /* 4.5 */
        {{7, SPAN_STEPS}, 7},      {{10, SPAN_PERCENT}, 5}, /* 4.5 of 45 */
        {{9, SPAN_PERCENT}, 4},                             /* 4.05 */
        {{100, SPAN_PERCENT}, 45}, {{3, SPAN_MINUTES}, 0},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        c.train.warmup = want[i].span;
        struct schedule s = schedule_make(&c, 100);
        assert_int_equal(schedule_span(&s, want[i].span), want[i].steps);
        assert_int_equal(s.warmup, want[i].steps);
    }
}

/* 45 steps, the first 5 of them warm up: 40 lie between the highest rate and the lowest. */
static void rates(void **state)
{
    (void)state;
    const double root = 0.70710678118654752440; /* cos(pi / 4) */
    const struct {
        int schedule;
        long step;
        double want;
    } rate[] = {
        {SCHEDULE_CONSTANT, 5, 0.3},
        {SCHEDULE_CONSTANT, 44, 0.3},
        {SCHEDULE_LINEAR, 5, 0.3},
        {SCHEDULE_LINEAR, 15, 0.24},
        {SCHEDULE_LINEAR, 25, 0.18},
        {SCHEDULE_LINEAR, 44, 0.066},
        {SCHEDULE_LINEAR, 45, 0.06},
        {SCHEDULE_COSINE, 5, 0.3},
        {SCHEDULE_COSINE, 15, 0.06 + 0.12 * (1 + root)},
        {SCHEDULE_COSINE, 25, 0.18},
        {SCHEDULE_COSINE, 35, 0.06 + 0.12 * (1 - root)},
        {SCHEDULE_COSINE, 45, 0.06},
    };
    for (int schedule = SCHEDULE_CONSTANT; schedule <= SCHEDULE_PLATEAU; schedule++) {
        struct config c = settings(schedule, 5);
        struct schedule s = schedule_make(&c, 100);
        for (long step = 0; step < 5; step++) /* the last of them has the whole rate */
            near(schedule_lr(&s, &c, step), 0.06 * (double)(step + 1));
    }
    for (size_t i = 0; i < sizeof rate / sizeof *rate; i++) {
        struct config c = settings(rate[i].schedule, 5);
        struct schedule s = schedule_make(&c, 100);
        near(schedule_lr(&s, &c, rate[i].step), rate[i].want);
    }
}

/* What is left behind the warm-up may be one step or none. */
static void short_runs(void **state)
{
    (void)state;
    for (int schedule = SCHEDULE_LINEAR; schedule <= SCHEDULE_COSINE; schedule++)
        for (int rest = 0; rest < 3; rest++) {
            struct config c = settings(schedule, 45 - rest);
            struct schedule s = schedule_make(&c, 100);
            near(schedule_lr(&s, &c, 44 - rest), 0.3);
            near(schedule_lr(&s, &c, 45 - rest), 0.3);
            near(schedule_lr(&s, &c, 46 - rest), rest == 2 ? 0.18 : 0.06);
        }
}

static void plateau_ends_at_its_floor(void **state)
{
    (void)state;
    static const double want[]
                            [3] = {
                                /* factor, lr_min, rate */
                                {1, 0.06, 0.3},    {0.5, 0.06, 0.15}, {0.2, 0.06, 0.06},
                                {0.1, 0.06, 0.06}, {0.1, 0, 0.03},    {0.5, 0.3, 0.3},
                                {0.5, 0.7, 0.3}, /* a floor above the rate lifts nothing */
                            };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct config c = settings(SCHEDULE_PLATEAU, 5);
        struct schedule s = schedule_make(&c, 100);
        s.factor = want[i][0];
        c.train.lr_min = want[i][1];
        near(schedule_lr(&s, &c, 5), want[i][2]);
        near(schedule_lr(&s, &c, 44), want[i][2]);
    }
}

/* An epoch of train.evaluate steps, an end by train.steps. */
static void by_steps(void **state)
{
    (void)state;
    struct config c = settings(SCHEDULE_COSINE, 0);
    c.train.evaluate = (struct span){7, SPAN_STEPS};
    struct schedule s = schedule_make(&c, 100);
    assert_int_equal(s.samples, 84);
    assert_int_equal(s.per_epoch, 7);
    assert_int_equal(s.total, 35);
    c.train.steps = 20;
    s = schedule_make(&c, 5); /* the training part may be smaller than a step */
    assert_int_equal(s.samples, 84);
    assert_int_equal(s.total, 20);
    near(schedule_lr(&s, &c, 0), 0.3);
    near(schedule_lr(&s, &c, 10), 0.18);
    c.train.evaluate = (struct span){1, SPAN_EPOCHS};
    s = schedule_make(&c, 100);
    assert_int_equal(s.samples, 100);
    assert_int_equal(s.per_epoch, 9);
    assert_int_equal(s.total, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_in_steps),
        cmocka_unit_test(rates),
        cmocka_unit_test(short_runs),
        cmocka_unit_test(plateau_ends_at_its_floor),
        cmocka_unit_test(by_steps),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
