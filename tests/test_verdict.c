/* The verdict's figures against hand-made windows, its bands at their borders. */
#include "analysis/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void r2_against_the_window_mean(void **state)
{
    (void)state;
    /* two windows of three rows, two features; the second feature never moves */
    const float x[] = {1, 5, 2, 5, 3, 5, 10, 7, 20, 7, 30, 7};
    float y[12];
    struct fidelity f;
    assert_int_equal(fidelity_init(&f, 2), 0);
    assert_true(isnan(fidelity_error(&f)));
    memcpy(y, x, sizeof y);
    fidelity_add(&f, x, y, 2, 3);
    assert_true(fidelity_r2(&f, 0) == 1);
    assert_true(isnan(fidelity_r2(&f, 1)));
    assert_true(fidelity_error(&f) == 0);
    assert_true(fabs(fidelity_baseline(&f) - 202.0 / 12) < 1e-9); /* 2 + 200 over 12 numbers */
    fidelity_fini(&f);

    /* each window's mean scores 0; windows added one by one sum up */
    const float means[] = {2, 5, 2, 5, 2, 5, 20, 7, 20, 7, 20, 7};
    assert_int_equal(fidelity_init(&f, 2), 0);
    fidelity_add(&f, x, means, 1, 3);
    fidelity_add(&f, x + 6, means + 6, 1, 3);
    assert_true(fabs(fidelity_r2(&f, 0)) < 1e-9);
    assert_true(fabs(fidelity_error(&f) - 202.0 / 12) < 1e-9);
    fidelity_fini(&f);

    /* off by 1 in one of the second window's rows, by 2 in the other feature */
    assert_int_equal(fidelity_init(&f, 2), 0);
    y[6] += 1;
    y[7] -= 2;
    fidelity_add(&f, x, y, 2, 3);
    assert_true(fabs(fidelity_r2(&f, 0) - (1 - 1.0 / 202)) < 1e-9);
    assert_true(fabs(fidelity_error(&f) - 5.0 / 12) < 1e-9);
    fidelity_fini(&f);
}

static void quality_bands(void **state)
{
    (void)state;
    assert_int_equal(verdict_quality(0.05, 0.1), QUALITY_GOOD);
    assert_int_equal(verdict_quality(0.05, 0.099), QUALITY_FAIR);
    assert_int_equal(verdict_quality(0.051, 1), QUALITY_FAIR);
    assert_int_equal(verdict_quality(0.05, NAN), QUALITY_FAIR);
    assert_int_equal(verdict_quality(0.2, 1), QUALITY_FAIR);
    assert_int_equal(verdict_quality(0.201, 1), QUALITY_WEAK);
    assert_int_equal(verdict_quality(0.5, 1), QUALITY_WEAK);
    assert_int_equal(verdict_quality(0.501, 1), QUALITY_UNDERTRAINED);
    assert_int_equal(verdict_quality(NAN, 1), QUALITY_UNDERTRAINED);
    assert_null(verdict_quality_advice(QUALITY_GOOD));
    assert_string_equal(verdict_quality_name(QUALITY_UNDERTRAINED), "under-trained");
    assert_non_null(strstr(verdict_quality_advice(QUALITY_FAIR), "epochs"));
    assert_non_null(strstr(verdict_quality_advice(QUALITY_WEAK), "wider model"));
    assert_non_null(strstr(verdict_quality_advice(QUALITY_UNDERTRAINED), "smaller batch"));
}

static void balance_bands(void **state)
{
    (void)state;
    const uint64_t size[] = {1, 7, 0, 2};
    assert_true(fabs(verdict_largest(size, 4) - 0.7) < 1e-12);
    assert_true(isnan(verdict_largest(size, 0)));
    assert_int_equal(verdict_balance(0.05), BALANCE_GOOD);
    assert_int_equal(verdict_balance(0.0501), BALANCE_SLIGHTLY_SKEWED);
    assert_int_equal(verdict_balance(0.1), BALANCE_SLIGHTLY_SKEWED);
    assert_int_equal(verdict_balance(0.1001), BALANCE_SKEWED);
    assert_null(verdict_balance_advice(BALANCE_GOOD));
    assert_string_equal(verdict_balance_name(BALANCE_SLIGHTLY_SKEWED), "slightly skewed");
    assert_non_null(strstr(verdict_balance_advice(BALANCE_SLIGHTLY_SKEWED), "categories"));
    assert_non_null(strstr(verdict_balance_advice(BALANCE_SKEWED), "latent"));
}

static void overfit(void **state)
{
    (void)state;
    assert_null(verdict_overfit_advice(0.1, 0.12));
    assert_null(verdict_overfit_advice(0.1, 0.05));
    assert_null(verdict_overfit_advice(NAN, 0.05));
    assert_null(verdict_overfit_advice(-0.1, -0.09));
    assert_non_null(strstr(verdict_overfit_advice(0.1, 0.13), "dropout"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r2_against_the_window_mean),
        cmocka_unit_test(quality_bands),
        cmocka_unit_test(balance_bands),
        cmocka_unit_test(overfit),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
