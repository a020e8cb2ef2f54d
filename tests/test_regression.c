/* SPDX-License-Identifier: MIT */
/* Metrics against sums in long double over kept arrays, by hand where they can be, and verdicts. */
#include "analysis/regression.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance * (1 + fabs(want))))
        fail_msg("%.17g instead of %.17g", have, want);
}

static double noise(void)
{
    static uint32_t state = 7;
    state = state * 1664525u + 1013904223u;
    return (state >> 8) / 16777216.0 - 0.5;
}

enum { N = 400, ROWS = 3, TARGETS = 2 };
static double prediction[N][ROWS][TARGETS], actual[N][ROWS][TARGETS];
static double last[N][TARGETS], origin[N][TARGETS];
static const double mean[TARGETS] = {0.1, 1e6};

/* The second target is a price: far from 0, so that careless sums lose all digits of its spread. */
static void fill(void)
{
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < TARGETS; k++) {
            double level = k ? 1e6 : 0;
            last[i][k] = level + noise();
            origin[i][k] = k ? last[i][k] : 0;
            for (size_t t = 0; t < ROWS; t++) {
                actual[i][t][k] = level + noise();
                prediction[i][t][k] = actual[i][t][k] + 0.3 * noise();
            }
        }
}

static double naive_of(enum naive naive, size_t i, size_t k)
{
    return naive == NAIVE_LAST ? last[i][k] : naive == NAIVE_ZERO ? origin[i][k] : mean[k];
}

/* The metrics of targets [k0, k1) and rows [t0, t1), in two passes over the arrays. */
static struct regression_metrics plain(size_t k0, size_t k1, size_t t0, size_t t1)
{
    long double n = 0, total = 0, square = 0, size = 0, spread = 0, moves = 0, hits = 0, up = 0;
    long double naive_square[NAIVES] = {0}, naive_size[NAIVES] = {0};
    for (size_t k = k0; k < k1; k++) {
        long double sum = 0;
        for (size_t i = 0; i < N; i++)
            for (size_t t = t0; t < t1; t++)
                sum += (long double)actual[i][t][k] / (N * (t1 - t0));
        for (size_t i = 0; i < N; i++)
            for (size_t t = t0; t < t1; t++) {
                long double a = actual[i][t][k], p = prediction[i][t][k], o = origin[i][k];
                n++;
                total += a;
                square += (p - a) * (p - a);
                size += fabsl(p - a);
                spread += (a - sum) * (a - sum);
                moves += a != o;
                up += a > o;
                hits += a != o && (a > o) == (p > o);
                for (int f = 0; f < NAIVES; f++) {
                    long double e = (long double)naive_of((enum naive)f, i, k) - a;
                    naive_square[f] += e * e;
                    naive_size[f] += fabsl(e);
                }
            }
    }
    struct regression_metrics m = {.count = (double)n,
                                   .mean = (double)(total / n),
                                   .variance = (double)(spread / n),
                                   .moves = (double)moves,
                                   .mse = (double)(square / n),
                                   .mae = (double)(size / n),
                                   .rmse = sqrt((double)(square / n)),
                                   .r2 = (double)(1 - square / spread),
                                   .direction = (double)(hits / moves)};
    m.naive_direction = fmax((double)(up / moves), 1 - (double)(up / moves));
    for (int f = 0; f < NAIVES; f++) {
        m.naive_mse[f] = (double)(naive_square[f] / n);
        m.naive_mae[f] = (double)(naive_size[f] / n);
    }
    return m;
}

static void same(struct regression_metrics have, struct regression_metrics want)
{
    near(have.count, want.count, 0);
    near(have.mean, want.mean, 1e-13);
    near(have.variance, want.variance, 1e-10);
    near(have.moves, want.moves, 0);
    near(have.mse, want.mse, 1e-13);
    near(have.mae, want.mae, 1e-13);
    near(have.rmse, want.rmse, 1e-13);
    near(have.r2, want.r2, 1e-10);
    near(have.direction, want.direction, 1e-14);
    near(have.naive_direction, want.naive_direction, 1e-14);
    for (int f = 0; f < NAIVES; f++) {
        near(have.naive_mse[f], want.naive_mse[f], 1e-13);
        near(have.naive_mae[f], want.naive_mae[f], 1e-13);
    }
}

static void by_target_and_row(void **state)
{
    (void)state;
    fill();
    struct regression r;
    struct error err;
    assert_int_equal(regression_init(&r, TARGETS, ROWS, mean, &err), 0);
    for (size_t i = 0; i < N; i++)
        regression_add(&r, prediction[i][0], actual[i][0], last[i], origin[i]);
    for (size_t k = 0; k < TARGETS; k++) {
        for (size_t t = 0; t < ROWS; t++)
            same(regression_metrics(&r, k, t), plain(k, k + 1, t, t + 1));
        same(regression_metrics(&r, k, REGRESSION_ALL), plain(k, k + 1, 0, ROWS));
    }
    same(regression_metrics(&r, REGRESSION_ALL, 1), plain(0, TARGETS, 1, 2));
    same(regression_metrics(&r, REGRESSION_ALL, REGRESSION_ALL), plain(0, TARGETS, 0, ROWS));
    regression_fini(&r);
}

/* A million errors of 0.1 behind one of 1e8: the small ones still count. */
static void digits_are_kept(void **state)
{
    (void)state;
    struct regression r;
    struct error err;
    enum { MANY = 1000000 };
    assert_int_equal(regression_init(&r, 1, 1, NULL, &err), 0);
    const double zero = 0, tenth = 0.1, large = 1e8;
    regression_add(&r, &large, &zero, NULL, NULL);
    for (int i = 0; i < MANY; i++)
        regression_add(&r, &tenth, &zero, NULL, NULL);
    struct regression_metrics m = regression_metrics(&r, 0, 0);
    near(m.mae * (MANY + 1), 1e8 + 1e5, 1e-15);
    near((m.mse * (MANY + 1) - 1e16) / 1e4, 1, 1e-3);
    assert_true(isnan(m.r2) && isnan(m.direction) && isnan(m.naive_mse[NAIVE_LAST]));
    regression_fini(&r);
}

static void directions_by_hand(void **state)
{
    (void)state;
    struct regression r;
    struct error err;
    assert_int_equal(regression_init(&r, 1, 1, NULL, &err), 0);
    /* base 10: up and right, down and wrong, no move, up but the prediction stays, down and right
     */
    static const double pairs[][2] = {{12, 11}, {10.5, 9}, {11, 10}, {10, 12}, {3, 9.9}};
    const double base = 10;
    for (size_t i = 0; i < 5; i++)
        regression_add(&r, &pairs[i][0], &pairs[i][1], &base, &base);
    struct regression_metrics m = regression_metrics(&r, 0, REGRESSION_ALL);
    near(m.direction, 0.5, 0);
    near(m.naive_direction, 0.5, 0);
    near(m.mae, (1 + 1.5 + 1 + 2 + 6.9) / 5, 1e-15);
    near(m.naive_mae[NAIVE_ZERO], (1 + 1 + 0 + 2 + 0.1) / 5, 1e-15);
    assert_true(m.naive_mae[NAIVE_LAST] == m.naive_mae[NAIVE_ZERO]);
    assert_true(isnan(m.naive_mae[NAIVE_MEAN]));
    regression_fini(&r);
}

static void odd_values(void **state)
{
    (void)state;
    struct regression r;
    struct error err;
    assert_int_equal(regression_init(&r, 1, 2, NULL, &err), 0);
    struct regression_metrics m = regression_metrics(&r, REGRESSION_ALL, REGRESSION_ALL);
    assert_true(m.count == 0 && isnan(m.mse) && isnan(m.mae) && isnan(m.r2));
    struct regression_verdict v = regression_verdict(&m);
    assert_false(v.beats);
    assert_int_equal(v.best, NAIVES);

    /* an actual value that is missing is passed over, a prediction that is missing is told */
    regression_add(&r, (double[]){1, NAN}, (double[]){NAN, 2}, (double[]){0}, (double[]){0});
    regression_add(&r, (double[]){1, 3}, (double[]){INFINITY, 3}, (double[]){0}, (double[]){0});
    assert_true(regression_metrics(&r, 0, 0).count == 0);
    m = regression_metrics(&r, 0, 1);
    assert_true(m.count == 2 && isnan(m.mse) && isnan(m.rmse));
    near(m.direction, 0.5, 0);
    near(m.naive_mse[NAIVE_LAST], 6.5, 0);
    v = regression_verdict(&m);
    assert_false(v.beats);
    assert_non_null(strstr(v.text, " of the last value: no number"));
    regression_add(&r, (double[]){1, INFINITY}, (double[]){1, 3}, NULL, NULL);
    assert_true(regression_metrics(&r, 0, 0).count == 1);
    regression_fini(&r);

    assert_int_equal(regression_init(&r, 1, 1, NULL, &err), 0);
    regression_add(&r, (double[]){INFINITY}, (double[]){1}, NULL, NULL);
    regression_add(&r, (double[]){0}, (double[]){1}, NULL, NULL);
    m = regression_metrics(&r, 0, 0);
    assert_true(isinf(m.mse) && isinf(m.mae));
    regression_fini(&r);
    assert_int_equal(regression_init(&r, 2, SIZE_MAX / 2 + 1, NULL, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
}

static struct regression_verdict verdict_of(double mse, double last_mse, double zero,
                                            double average)
{
    struct regression_metrics m = {.mse = mse, .naive_mse = {last_mse, zero, average}};
    return regression_verdict(&m);
}

static void verdicts(void **state)
{
    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        setlocale(LC_ALL, "");
    struct regression_verdict v = verdict_of(0.75, 2, 1, 1.5);
    setlocale(LC_ALL, "C");
    assert_true(v.beats && v.best == NAIVE_ZERO);
    near(v.gain, 0.25, 1e-15);
    assert_string_equal(v.text, "MSE 0.75 against 1 of the zero return: 25% less");

    v = verdict_of(0.995, 2, NAN, 1);
    assert_true(v.beats && v.best == NAIVE_MEAN && strstr(v.text, ": 0.5% less"));

    v = verdict_of(1.25, 1, 2, 3);
    assert_true(!v.beats && v.best == NAIVE_LAST);
    near(v.gain, -0.25, 1e-15);
    assert_string_equal(v.text, "MSE 1.25 against 1 of the last value: 25% more");
    assert_false(verdict_of(1, 1, 1, 1).beats);
    v = verdict_of(0, 0, NAN, NAN); /* both perfect */
    assert_true(!v.beats && v.gain == 0);
    assert_true(verdict_of(1, 0, NAN, NAN).gain < -1e300);
    v = verdict_of(1, NAN, NAN, INFINITY);
    assert_true(!v.beats && v.best == NAIVES && isnan(v.gain) && strstr(v.text, "no naive"));
}

/* Never 100% less, nor a number that has to be read twice. */
static void ratios(void **state)
{
    (void)state;
    static const struct {
        double mse, naive;
        const char *text;
    } cases[] = {
        {0.75, 1, "25% less"},
        {0.999, 1, "0.1% less"},
        {0.99999, 1, "0.001% less"},
        {0.101, 1, "90% less"},
        {0.1, 1, "1/10.0 of it, -10.0 dB"},
        {0.0012, 1, "1/833 of it, -29.2 dB"},
        {1e-9, 2, "1/2000000000 of it, -93.0 dB"},
        {4.357e-05, 0.9942, "1/22800 of it, -43.6 dB"},
        {8654.3, 1, "8650 times as much"},
        {23.46, 1, "23.5 times as much"},
        {1, 1, "the same"},
        {1.04, 1, "4% more"},
        {1.99, 1, "99% more"},
        {2, 1, "2.0 times as much"},
        {8600.3, 1, "8600 times as much"},
        {3.1e9, 1, "3.1e+09 times as much"},
        {0, 0, "the same"},
        {1, 0, "more"},
        {0, 1, "none at all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[REGRESSION_RATIO];
        regression_ratio(cases[i].mse, cases[i].naive, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_target_and_row),  cmocka_unit_test(digits_are_kept),
        cmocka_unit_test(directions_by_hand), cmocka_unit_test(odd_values),
        cmocka_unit_test(verdicts),           cmocka_unit_test(ratios),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
