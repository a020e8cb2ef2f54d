/* SPDX-License-Identifier: MIT */
/* The verdict's figures against hand-made windows, its bands at their borders. */
#include "analysis/verdict.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two windows of three rows, two features; the second never moves within a window. */
static const float original[] = {1, 0.1f, 2, 0.1f, 3, 0.1f, 10, 0.7f, 20, 0.7f, 30, 0.7f};

static struct fit fit_of(enum fit_loss loss, const float *reconstruction)
{
    struct fit fit;
    struct error err;
    assert_int_equal(fit_init(&fit, loss, 2, &err), 0);
    assert_true(isnan(fit_model(&fit)) && isnan(fit_baseline(&fit)) && isnan(fit_r2(&fit, 0)));
    fit_add(&fit, original, reconstruction, 1, 3); /* one by one sums up */
    fit_add(&fit, original + 6, reconstruction + 6, 1, 3);
    return fit;
}

static void near(double have, double want)
{
    if (!(fabs(have - want) <= 1e-9 * (1 + fabs(want))))
        fail_msg("%.17g instead of %.17g", have, want);
}

static void perfect_and_mean_reconstructions(void **state)
{
    (void)state;
    struct fit fit = fit_of(FIT_MSE, original);
    near(fit_model(&fit), 0);
    near(fit_baseline(&fit), (2 + 200) / 12.0);
    near(fit_r2(&fit, 0), 1);
    assert_true(isnan(fit_r2(&fit, 1)));
    fit_fini(&fit);

    const float means[] = {2, 0.1f, 2, 0.1f, 2, 0.1f, 20, 0.7f, 20, 0.7f, 20, 0.7f};
    fit = fit_of(FIT_MSE, means);
    near(fit_model(&fit), fit_baseline(&fit));
    near(fit_r2(&fit, 0), 0);
    fit_fini(&fit);
}

static void every_loss(void **state)
{
    (void)state;
    float y[12];
    memcpy(y, original, sizeof y);
    y[0] += 0.5f; /* off by a half and by 3 in the first feature */
    y[8] -= 3;
    static const double model[] = {9.25 / 12, 3.5 / 12, (0.125 + 2.5) / 12};
    /* from the mean: 1, 0, 1 and 10, 0, 10 */
    static const double baseline[] = {202 / 12.0, 22 / 12.0, (0.5 + 0.5 + 9.5 + 9.5) / 12};
    for (int loss = FIT_MSE; loss <= FIT_HUBER; loss++) {
        struct fit fit = fit_of((enum fit_loss)loss, y);
        near(fit_model(&fit), model[loss]);
        near(fit_baseline(&fit), baseline[loss]);
        near(fit_r2(&fit, 0), 1 - 9.25 / 202);
        fit_fini(&fit);
    }
}

static void reconstruction_is(double r, double baseline, const char *band)
{
    struct verdict verdict = verdict_reconstruction(r, baseline);
    if (strncmp(verdict.band, band, strlen(band)))
        fail_msg("R %g, baseline %g: %s instead of %s", r, baseline, verdict.band, band);
    assert_int_equal(!*verdict.advice, !strcmp(verdict.band, "good"));
}

static void reconstruction_bands(void **state)
{
    (void)state;
    reconstruction_is(0.05, 0.1, "good");
    reconstruction_is(0.05, 0.099, "fair, but hardly better");
    reconstruction_is(0.051, 1, "fair");
    reconstruction_is(0.2, 1, "fair");
    reconstruction_is(0.2, 0.3, "fair, but hardly better");
    reconstruction_is(0.201, 1, "weak");
    reconstruction_is(0.5, 1, "weak");
    reconstruction_is(0.501, 10, "under-trained");
    reconstruction_is(NAN, 1, "under-trained");
    assert_non_null(strstr(verdict_reconstruction(0.3, 1).advice, "wider model"));
}

/* `count` categories, the first of `most` points, the others sharing 1000 - most. */
static void categories_are(size_t count, uint64_t most, const char *band)
{
    uint64_t size[100];
    double share;
    for (size_t c = 1; c < count; c++)
        size[c] = (1000 - most) * c / (count - 1) - (1000 - most) * (c - 1) / (count - 1);
    size[0] = most;
    struct verdict verdict = verdict_categories(size, count, &share);
    near(share, (double)most / 1000);
    if (strcmp(verdict.band, band))
        fail_msg("%zu categories, share %g: %s instead of %s", count, share, verdict.band, band);
    assert_int_equal(!*verdict.advice, !strcmp(verdict.band, "good"));
}

static void category_bands(void **state)
{
    (void)state;
    categories_are(100, 50, "good");
    categories_are(100, 51, "slightly skewed");
    categories_are(100, 100, "slightly skewed");
    categories_are(100, 101, "skewed");
    categories_are(10, 150, "good"); /* an even split of few categories is no skew */
    categories_are(10, 201, "skewed");
    assert_non_null(
        strstr(verdict_categories((const uint64_t[]){9, 1, 0, 0}, 4, &(double){0}).advice,
               "contrastive_weight"));
    double share;
    verdict_categories(NULL, 0, &share);
    near(share, 0);
}

static void generalisation(void **state)
{
    (void)state;
    assert_string_equal(verdict_generalisation(0.1, 0.12).advice, "");
    assert_string_equal(verdict_generalisation(0.1, 0.05).advice, "");
    assert_string_equal(verdict_generalisation(NAN, 0.05).advice, "");
    assert_non_null(strstr(verdict_generalisation(0.1, 0.16).advice, "dropout"));
}

static int rises(const double *mean, size_t epochs)
{
    struct verdict verdict = verdict_gradients(mean, epochs);
    assert_int_equal(!*verdict.advice, !strstr(verdict.band, "rising"));
    assert_true(!*verdict.advice || strstr(verdict.advice, "clip_norm"));
    return *verdict.advice != 0;
}

/* mean[i] = exp(slope i) with log-normal noise of this size, another for each seed. */
static void series(double mean[30], double slope, double noise, uint32_t seed)
{
    for (int i = 0; i < 30; i++) {
        double sum = 0;
        for (int k = 0; k < 12; k++) {
            seed = seed * 1664525u + 1013904223u;
            sum += (seed >> 8) / 16777216.0 - 0.5;
        }
        mean[i] = exp(slope * i + noise * sum);
    }
}

static void gradients(void **state)
{
    (void)state;
    double mean[30];
    series(mean, 0.1, 0, 1);
    assert_true(rises(mean, 30) && rises(mean, 10) && !rises(mean, 7) && !rises(mean, 0));
    series(mean, 0.2, 0, 1);
    assert_true(rises(mean, 5) && !rises(mean, 4));
    series(mean, 0.07, 0, 1); /* less than a doubling in 10 epochs */
    assert_false(rises(mean, 30));
    series(mean, -0.2, 0, 1);
    assert_false(rises(mean, 30));
    for (int i = 20; i < 30; i++)
        mean[i] = 3;
    assert_false(rises(mean, 30));
    mean[29] = 1e6; /* one epoch alone is no trend */
    assert_false(rises(mean, 30));

    /* only the end counts: a rise that is over, one that has begun */
    for (int i = 0; i < 30; i++)
        mean[i] = i < 15 ? exp(0.3 * i) : exp(4.2);
    assert_false(rises(mean, 30));
    for (int i = 0; i < 30; i++)
        mean[i] = i < 20 ? 1 : exp(0.3 * (i - 19));
    assert_true(rises(mean, 30));

    int steady = 0, rising = 0, falling = 0;
    for (uint32_t seed = 1; seed <= 1000; seed++) {
        series(mean, 0, 0.5, seed);
        steady += rises(mean, 30);
        series(mean, 0.25, 0.25, seed);
        rising += rises(mean, 30);
        series(mean, -0.1, 0.5, seed);
        falling += rises(mean, 30);
    }
    assert_true(steady <= 20 && falling == 0 && rising >= 950);

    series(mean, 0.2, 0, 1);
    mean[22] = NAN;
    mean[24] = INFINITY;
    mean[26] = 0;
    mean[27] = -1;
    assert_true(rises(mean, 30));
    for (int i = 20; i < 26; i++)
        mean[i] = NAN;
    assert_false(rises(mean, 30));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perfect_and_mean_reconstructions),
        cmocka_unit_test(every_loss),
        cmocka_unit_test(reconstruction_bands),
        cmocka_unit_test(category_bands),
        cmocka_unit_test(generalisation),
        cmocka_unit_test(gradients),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
