/* SPDX-License-Identifier: MIT */
/* Figures of columns that are counted by hand. (Moments and quantiles: see test_normality.c.) */
#include "analysis/distribution.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void near(double have, double want)
{
    if (!(fabs(have - want) <= 1e-12 * (1 + fabs(want))))
        fail_msg("%.17g instead of %.17g", have, want);
}

static void by_hand(void **state)
{
    (void)state;
    struct distribution d;
    struct error err;
    /* quartiles 3 and 7 of 1..9: outliers by 1.5 lie below -3 and above 13 */
    const double x[] = {9, 1, 8, NAN, 2, 7, 3, INFINITY, 6, 4, 5};
    assert_int_equal(distribution_of(&d, x, 11, 1.5, &err), 0);
    assert_true(d.count == 9 && d.missing == 2 && d.low == 0 && d.high == 0);
    near(d.min, 1);
    near(d.max, 9);
    near(d.mean, 5);
    near(d.sd, sqrt(60 / 9.0));
    near(d.skew, 0);
    near(d.kurtosis, 708 / 9.0 / (60 / 9.0 * 60 / 9.0) - 3);
    near(d.quantile[4], 5);
    near(d.quantile[3], 3);
    near(d.quantile[0], 1.008);
    const double y[] = {-4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1000, 14};
    assert_int_equal(distribution_of(&d, y, 13, 1.5, &err), 0); /* quartiles 3, 9 */
    assert_true(d.low == 0 && d.high == 1);
    assert_int_equal(distribution_of(&d, y, 13, 0.5, &err), 0); /* beyond 0 and 12 */
    assert_true(d.low == 1 && d.high == 2);
}

static void nothing_and_extremes(void **state)
{
    (void)state;
    struct distribution d;
    struct error err;
    assert_int_equal(distribution_of(&d, NULL, 0, 1.5, &err), 0);
    assert_true(d.count == 0 && d.missing == 0 && isnan(d.mean) && isnan(d.quantile[4]));
    const double odd[] = {NAN, -INFINITY};
    assert_int_equal(distribution_of(&d, odd, 2, 1.5, &err), 0);
    assert_true(d.count == 0 && d.missing == 2 && isnan(d.min) && isnan(d.sd));
    const double same[] = {0.1, 0.1, 0.1};
    assert_int_equal(distribution_of(&d, same, 3, 1.5, &err), 0);
    assert_true(d.mean == 0.1 && d.sd == 0 && isnan(d.skew) && isnan(d.kurtosis) && !d.high);
    const double wide[] = {-DBL_MAX, DBL_MAX, -DBL_MAX, DBL_MAX};
    assert_int_equal(distribution_of(&d, wide, 4, 1.5, &err), 0);
    near(d.mean / DBL_MAX, 0);
    near(d.sd / DBL_MAX, 1);
    near(d.kurtosis, -2);
    const double level[] = {1e9 + 1, 1e9 + 2, 1e9 + 3};
    assert_int_equal(distribution_of(&d, level, 3, 1.5, &err), 0);
    near(d.sd, sqrt(2 / 3.0));
}

static void bands(void **state)
{
    (void)state;
    double share[DISTRIBUTION_BANDS];
    const double returns[] = {-0.51, -0.5, -0.41, -0.05, 0, 0.05, 0.1, 0.3, 0.499, 0.5, 7, NAN};
    static const int want[] = {1, 2, 0, 0, 0, 1, 2, 1, 0, 1, 1, 2};
    distribution_bands(returns, 12, share);
    for (int i = 0; i < DISTRIBUTION_BANDS; i++)
        near(share[i], want[i] / 11.0);
    distribution_bands(returns + 11, 1, share);
    for (int i = 0; i < DISTRIBUTION_BANDS; i++)
        near(share[i], 0);
    assert_string_equal(distribution_band[0], "< -50%");
    assert_string_equal(distribution_band[DISTRIBUTION_BANDS - 1], ">= 50%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(nothing_and_extremes),
        cmocka_unit_test(bands),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
