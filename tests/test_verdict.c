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

static const struct verdict_about plain = {0}, all_set = {.scaled_by_window = 1,
                                                          .contrastive = 1,
                                                          .lr_is_high = 1};

static void reconstruction_is(double r, double baseline, const char *band)
{
    struct verdict verdict = verdict_reconstruction(r, baseline, plain);
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
    reconstruction_is(0.08, 0.0801, "fair, but hardly better");
    reconstruction_is(0.08, 0.08, "no better than each window's mean");
    reconstruction_is(0.201, 1, "weak");
    reconstruction_is(0.5, 1, "weak");
    reconstruction_is(0.501, 10, "under-trained");
    reconstruction_is(NAN, 1, "not finite");
    reconstruction_is(INFINITY, 1, "not finite");
    assert_non_null(strstr(verdict_reconstruction(0.3, 1, plain).advice, "wider model"));
}

/* What is set already is not recommended. */
static void advice_of_what_is_not_set(void **state)
{
    (void)state;
    struct verdict v = verdict_reconstruction(0.2, 0.3, plain);
    assert_non_null(strstr(v.advice, "try scaler = window, more epochs"));
    v = verdict_reconstruction(0.2, 0.3, all_set);
    assert_true(!strstr(v.advice, "scaler") && strstr(v.advice, "try more epochs"));
    v = verdict_reconstruction(2, 3, plain);
    assert_non_null(strstr(v.advice, "a higher learning rate"));
    v = verdict_reconstruction(2, 3, all_set);
    assert_true(!strstr(v.advice, "rate") &&
                strstr(v.advice, "many more epochs or a smaller batch"));

    double share;
    const uint64_t skewed[] = {90, 10, 0, 0}, few[] = {30, 10, 0, 0};
    v = verdict_categories(skewed, 4, plain, &share);
    assert_string_equal(v.advice,
                        "more categories or loss.contrastive = mean_similarity or a larger latent");
    v = verdict_categories(skewed, 4, all_set, &share);
    assert_non_null(strstr(v.advice, "a larger loss.contrastive_weight"));
    v = verdict_categories(few, 4, all_set, &share); /* more would be too many for 40 windows */
    assert_string_equal(v.band, "skewed");
    assert_null(strstr(v.advice, "more categories"));
}

/* As many categories as windows tell nothing, however even they are. */
static void too_many_categories(void **state)
{
    (void)state;
    uint64_t size[100];
    double share;
    for (int i = 0; i < 100; i++)
        size[i] = 1;
    struct verdict v = verdict_categories(size, 100, plain, &share);
    assert_string_equal(v.band, "too many for so few windows");
    assert_non_null(strstr(v.advice, "at most 10 categories"));
    for (int i = 0; i < 100; i++)
        size[i] = 9 + (i > 0);
    assert_string_equal(verdict_categories(size, 100, plain, &share).band,
                        "too many for so few windows");
    size[0] = 10;
    assert_string_equal(verdict_categories(size, 100, plain, &share).band, "good");
    assert_non_null(strstr(verdict_categories(size, 0, plain, &share).band, "good"));
    v = verdict_categories((const uint64_t[]){1, 1}, 2, plain, &share);
    assert_non_null(strstr(v.advice, "at most 1 categories"));
}

/* `count` categories, the first of `most` points, the others sharing 1000 - most. */
static void categories_are(size_t count, uint64_t most, const char *band)
{
    uint64_t size[100];
    double share;
    for (size_t c = 1; c < count; c++)
        size[c] = (1000 - most) * c / (count - 1) - (1000 - most) * (c - 1) / (count - 1);
    size[0] = most;
    struct verdict verdict = verdict_categories(size, count, plain, &share);
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
    double share;
    verdict_categories(NULL, 0, plain, &share);
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
    static double flat[30];
    struct verdict verdict = verdict_gradients(mean, flat, epochs);
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

/* A norm that rises is no fault while the loss falls. */
static void gradients_of_a_loss_that_falls(void **state)
{
    (void)state;
    double mean[30], loss[30];
    series(mean, 0.2, 0, 1);
    for (int i = 0; i < 30; i++)
        loss[i] = 1 / (1.0 + i);
    assert_string_equal(verdict_gradients(mean, loss, 30).advice, "");
    for (int i = 20; i < 30; i++) /* what counts is the end */
        loss[i] = 0.04 + 0.001 * i;
    assert_true(*verdict_gradients(mean, loss, 30).advice);
    for (int i = 20; i < 30; i++) /* falls from one epoch to the next, but not in all */
        loss[i] = i % 2 ? 0.05 : 0.04;
    assert_true(*verdict_gradients(mean, loss, 30).advice);
    for (int i = 20; i < 30; i++)
        loss[i] = i == 25 ? 7 : 1 / (1.0 + i); /* one that leaps changes nothing */
    assert_string_equal(verdict_gradients(mean, loss, 30).advice, "");
    for (int i = 20; i < 30; i++)
        loss[i] = NAN;
    assert_true(*verdict_gradients(mean, loss, 30).advice);
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
        cmocka_unit_test(gradients_of_a_loss_that_falls),
        cmocka_unit_test(advice_of_what_is_not_set),
        cmocka_unit_test(too_many_categories),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
