/* SPDX-License-Identifier: MIT */
/* Shares against numbers worked out with scipy.stats.rankdata (scipy 1.17.1). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "analysis/importance.h"

#define COUNT(array) (sizeof array / sizeof *array)

static void near(double x, double wants)
{
    if (!(fabs(x - wants) <= 1e-12))
        fail_msg("%.17g, not %.17g", x, wants);
}

static const double figure[] = {0.5, 0.7, 0.2, 0.9, 0.7, 0.4, 0.6, 0.1, 0.3, 0.8, 0.7, 1.5};

static void choices(void **state)
{
    (void)state;
    const double choice[] = {0, 1, 0, 1, 1, 0, 2, 0, 2, 1, 2, 2};
    near(importance_share(choice, 3, figure, COUNT(figure)), 0.484239558707644);
    double all_one[COUNT(figure)] = {0};
    assert_true(isnan(importance_share(all_one, 3, figure, COUNT(figure))));
    const double holed[] = {0, 1, 0, NAN, 1, 0, 2, 0, 2, 1, 2, 2};
    near(importance_share(holed, 3, figure, COUNT(figure)), 0.459876543209876);
}

/* Five groups in the order of the values, whatever these are. */
static void numbers(void **state)
{
    (void)state;
    const double lr[] = {1e-4, 3e-4, 1e-5, 1e-2, 4e-4, 6e-5, 5e-4, 2e-5, 3e-5, 2e-3, 1e-3, 5e-2};
    double logarithm[COUNT(lr)];
    for (size_t i = 0; i < COUNT(lr); i++)
        logarithm[i] = log(lr[i]);
    near(importance_share(lr, 0, figure, COUNT(figure)), 0.914555893279297);
    near(importance_share(logarithm, 0, figure, COUNT(figure)), 0.914555893279297);
}

/* A key that has nothing to do with the figure explains nothing, to within chance. */
static void chance(void **state)
{
    (void)state;
    enum { N = 400 };
    double value[N], loss[N], sum = 0;
    uint32_t seed = 1;
    for (int t = 0; t < 50; t++) {
        for (size_t i = 0; i < N; i++) {
            seed = seed * 1664525u + 1013904223u;
            value[i] = seed >> 8;
            seed = seed * 1664525u + 1013904223u;
            loss[i] = seed >> 8;
        }
        sum += importance_share(value, 0, loss, N);
    }
    assert_true(sum / 50 < 0.01);
}

static void too_few(void **state)
{
    (void)state;
    const double choice[] = {0, 1, 0, 1};
    assert_true(isnan(importance_share(choice, 2, figure, 0)));
    assert_true(isnan(importance_share(choice, 2, figure, 4)));
    const double five[] = {0, 1, 0, 1, 1}, same[] = {3, 3, 3, 3, 3},
                 none[] = {NAN, NAN, NAN, NAN, NAN};
    near(importance_share(five, 2, same, 5), 0);
    assert_true(isnan(importance_share(five, 2, none, 5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices),
        cmocka_unit_test(numbers),
        cmocka_unit_test(chance),
        cmocka_unit_test(too_few),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("importance", tests, NULL, NULL);
}
