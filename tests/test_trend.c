/* SPDX-License-Identifier: MIT */
/* trend: medians and distances of values that come again and again, against what numpy says. */
#include "train/trend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void near(double have, double want)
{
    if (!(fabs(have - want) <= 1e-9 * fabs(want)))
        fail_msg("%.17g instead of %.17g", have, want);
}

static void test_median(void **state)
{
    (void)state;
    struct trend trend = {.count = 0};
    assert_true(isnan(trend_median(&trend, 0)));
    trend_add(&trend, 5);
    assert_true(trend_median(&trend, 1) == 5);
    assert_true(isnan(trend_median(&trend, 2)));
    trend_add(&trend, 1);
    assert_true(trend_median(&trend, 2) == 3);
    trend_add(&trend, 2);
    assert_true(trend_median(&trend, 2) == 2);
    for (int i = 0; i < TREND_MOST; i++) /* what was there is gone */
        trend_add(&trend, 100 + i);
    near(trend_median(&trend, 6), 131.5);
}

static void test_z(void **state)
{
    (void)state;
    struct trend trend = {.count = 0};
    for (int i = 1; i <= 10; i++) {
        assert_true(trend_z(&trend, 100, 10) == 0); /* too few */
        trend_add(&trend, i * i);
    }
    near(trend_z(&trend, 150, 10), 3.2627547742662624); /* numpy: (150 - mean) / std(ddof=1) */
    assert_true(trend_z(&trend, 100, 10) == 0);         /* as high before */
    assert_true(trend_z(&trend, 20, 10) == 0);          /* lower */
    trend = (struct trend){.count = 0};
    for (int i = 0; i < 200; i++)
        trend_add(&trend, 4);
    near(trend_z(&trend, 5, 10), 5); /* 5% of the mean */
    trend = (struct trend){.count = 0};
    for (int i = 0; i < 20; i++)
        trend_add(&trend, -4);
    near(trend_z(&trend, -3, 10), 5);
    for (int i = 0; i < TREND_MOST; i++)
        trend_add(&trend, 0);
    assert_true(isfinite(trend_z(&trend, 1, 10)) && trend_z(&trend, 1, 10) > 1000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_median),
                                              cmocka_unit_test(test_z)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
