/* SPDX-License-Identifier: MIT */
/*
 * Pruners against decisions recorded from Optuna (tests/golden/pruners.txt, tests/peer/search.py);
 * samplers on landscapes, at bounds and on histories that tell nothing.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "search_play.h"
#include "sweep/pruner.h"
#include "sweep/sampler.h"

#define COUNT(array) (sizeof array / sizeof *array)

/* --- pruners */

static void test_curves(void **state)
{
    (void)state;
    struct played played;
    char path[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/golden/pruners.txt", srcdir ? srcdir : ".");
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_int_equal(search_curves(in, &played), 0);
    fclose(in);
    assert_int_equal(played.studies, 30);
    assert_int_equal(played.decisions, 1391);
    assert_int_equal(played.ends, 143);
    assert_int_equal(played.differ, 0);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(pruner_defaults.startup_trials, 5);
    assert_int_equal(pruner_defaults.warmup_steps, 0);
    assert_int_equal(pruner_defaults.interval_steps, 1);
    assert_int_equal(pruner_defaults.min_trials, 1);
    assert_int_equal(pruner_defaults.min_resource, 1);
    assert_int_equal(pruner_defaults.reduction_factor, 4);
    assert_int_equal(pruner_defaults.min_early_stopping_rate, 0);
}

/* A trial without figures, alone: nobody ends it. */
static void test_nothing_known(void **state)
{
    (void)state;
    struct trial trial = {0};
    assert_int_equal(pruner_median(&pruner_defaults, &trial, 1, 0), 0);
    assert_int_equal(pruner_asha(&pruner_defaults, &trial, 1, 0), 0);
    assert_int_equal(trial.rungs, 0);
}

/* What ended with NaN has failed: it is none of the startup trials, and nobody's median. */
static void test_done_with_nan(void **state)
{
    (void)state;
    struct trial_report good = {1, 1}, bad = {1, 2};
    struct trial trial[6];
    for (int i = 0; i < 5; i++)
        trial[i] = (struct trial){.state = TRIAL_DONE, .figure = 1, .report = &good, .reports = 1};
    trial[5] = (struct trial){.report = &bad, .reports = 1};
    assert_int_equal(pruner_median(&pruner_defaults, trial, 6, 5), 1);
    trial[2].figure = NAN;
    assert_int_equal(pruner_median(&pruner_defaults, trial, 6, 5), 0);
}

/* Nobody ends where an infinite figure stands next to the median: Optuna's percentile is NaN. */
static void test_infinite_median(void **state)
{
    (void)state;
    struct trial_report report[] = {{1, 1}, {1, 1}, {1, 1}, {1, 9}, {1, 9}, {1, 2}};
    struct trial trial[6];
    for (int i = 0; i < 6; i++)
        trial[i] = (struct trial){.state = i < 5 ? TRIAL_DONE : TRIAL_RUNNING,
                                  .figure = 1,
                                  .report = &report[i],
                                  .reports = 1};
    assert_int_equal(pruner_median(&pruner_defaults, trial, 6, 5), 1);
    report[3].figure = report[4].figure = INFINITY;
    assert_int_equal(pruner_median(&pruner_defaults, trial, 6, 5), 0);
}

/* --- samplers on landscapes */

enum { SEEDS = 20 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of_runs(const struct landscape *l, int is_tpe)
{
    double best[SEEDS];
    for (size_t i = 0; i < SEEDS; i++)
        best[i] = search_run(l, is_tpe ? SEARCH_TPE : SEARCH_RANDOM, i + 1, 60, NULL);
    qsort(best, SEEDS, sizeof *best, by_value);
    return (best[SEEDS / 2 - 1] + best[SEEDS / 2]) / 2;
}

/* How far TPE stays from the landscape's least figure, as a part of random search's distance. */
static void test_landscapes(void **state)
{
    (void)state;
    static const double least[] = {0, 0, 0.39788735772973816, 0, 0};
    for (size_t i = 0; i < COUNT(search_landscapes); i++) {
        const struct landscape *l = &search_landscapes[i];
        double tpe = median_of_runs(l, 1) - least[i], random = median_of_runs(l, 0) - least[i];
        print_message("# %s: TPE %.3g, random %.3g\n", l->name, tpe, random);
        assert_true(tpe > 0);
        assert_true(tpe < 0.5 * random);
    }
}

/* The greatest figure of a landscape upside down is found at the same points. */
static void test_maximize(void **state)
{
    (void)state;
    enum { N = 40 };
    const struct landscape *l = &search_landscapes[3];
    struct sampler s = {.axis = l->axis, .axes = l->axes, .seed = 3, .startup_trials = 10};
    struct trial low[N], high[N];
    double point[N][5], other[5];
    for (size_t t = 0; t < N; t++) {
        s.maximize = 0;
        assert_int_equal(sampler_tpe(&s, low, t, t, point[t]), 0);
        s.maximize = 1;
        assert_int_equal(sampler_tpe(&s, high, t, t, other), 0);
        assert_memory_equal(other, point[t], l->axes * sizeof *other);
        low[t] =
            (struct trial){.state = TRIAL_DONE, .point = point[t], .figure = l->figure(point[t])};
        high[t] = low[t];
        high[t].figure = -low[t].figure;
    }
}

/* --- samplers and what they may give */

static const struct axis every_kind[] = {
    {"a", AXIS_CHOICE, 3, 0, 0},  {"b", AXIS_INT, 0, -2, 5},   {"c", AXIS_UNIFORM, 0, -1e-3, 1e3},
    {"d", AXIS_LOG, 0, 1e-8, 10}, {"e", AXIS_CHOICE, 1, 0, 0}, {"f", AXIS_INT, 0, 4, 4},
    {"g", AXIS_UNIFORM, 0, 2, 2}, {"h", AXIS_LOG, 0, 3, 3},
};
enum { AXES = COUNT(every_kind) };

static void assert_within(const double *point)
{
    for (size_t i = 0; i < AXES; i++) {
        const struct axis *axis = &every_kind[i];
        int is_choice = axis->kind == AXIS_CHOICE;
        assert_true(point[i] >= (is_choice ? 0 : axis->low));
        assert_true(point[i] <= (is_choice ? (double)axis->choices - 1 : axis->high));
        if (is_choice || axis->kind == AXIS_INT)
            assert_true(point[i] == floor(point[i]));
    }
}

enum figures {
    ALL_EQUAL,
    AT_BOUNDS,
    ALL_INFINITE,
    ALL_NAN,
    ALL_FAILED,
    ALL_RUNNING,
    ALL_PRUNED,
    KINDS
};

/* Histories of each kind, up to 80 trials long: each point lies within the bounds. */
static void walk(enum figures kind, size_t startup_trials)
{
    enum { N = 80 };
    struct sampler s = {every_kind, AXES, 5, 0, startup_trials};
    struct trial trial[N];
    static double point[N][AXES];
    for (size_t t = 0; t < N; t++) {
        assert_int_equal(sampler_tpe(&s, trial, t, t + 1, point[t]), 0);
        assert_within(point[t]);
        if (kind == AT_BOUNDS) /* all at the same corner, or the opposite one */
            for (size_t i = 0; i < AXES; i++)
                point[t][i] = every_kind[i].kind == AXIS_CHOICE ? 0
                              : t % 2                           ? every_kind[i].low
                                                                : every_kind[i].high;
        trial[t] = (struct trial){.point = point[t],
                                  .state = kind == ALL_FAILED    ? TRIAL_FAILED
                                           : kind == ALL_RUNNING ? TRIAL_RUNNING
                                           : kind == ALL_PRUNED  ? TRIAL_PRUNED
                                                                 : TRIAL_DONE,
                                  .figure = kind == ALL_INFINITE ? INFINITY
                                            : kind == ALL_NAN    ? NAN
                                                                 : 1};
    }
}

static void test_bounds(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        walk((enum figures)kind, 10);
        walk((enum figures)kind, 0);
    }
    struct sampler s = {every_kind, AXES, 9, 0, 10};
    size_t seen[3] = {0};
    for (size_t number = 1; number <= 3000; number++) {
        double point[AXES];
        sampler_random(&s, number, point);
        assert_within(point);
        seen[(size_t)point[0]]++;
    }
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_in_range(seen[i], 900, 1100);
}

/* No axis at all: a point of nothing. */
static void test_no_axis(void **state)
{
    (void)state;
    double untouched = 7;
    struct trial trial = {.state = TRIAL_DONE, .point = &untouched, .figure = 1};
    struct sampler s = {NULL, 0, 1, 0, 0};
    assert_int_equal(sampler_tpe(&s, &trial, 1, 1, &untouched), 0);
    assert_true(untouched == 7);
}

/* Of what comes next after trials on a line from 0 to 1, over many seeds: the mean of |x - from|.
 */
static double mean_of_next(const struct trial *trial, size_t trials, int maximize, double from)
{
    static const struct axis axis = {"x", AXIS_UNIFORM, 0, 0, 1};
    double sum = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sampler s = {&axis, 1, seed, maximize, 10};
        double x;
        assert_int_equal(sampler_tpe(&s, trial, trials, trials + 1, &x), 0);
        sum += fabs(x - from);
    }
    return sum / 200;
}

/* Low figures lie at the low end. Pruned trials are good only after all done ones. */
static void test_history(void **state)
{
    (void)state;
    double x[40];
    struct trial trial[40];
    struct trial_report early = {1, -9}, late = {7, 3};
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = ((double)i + 0.5) / COUNT(x);
        trial[i] = (struct trial){.state = TRIAL_DONE, .point = &x[i], .figure = x[i]};
    }
    assert_true(mean_of_next(trial, 40, 0, 0) < 0.15);
    assert_true(mean_of_next(trial, 40, 1, 0) > 0.85);
    for (size_t i = 0; i < 20; i++) { /* pruned with the best of figures, yet not good */
        trial[i].state = TRIAL_PRUNED;
        trial[i].report = &early;
        trial[i].reports = 1;
    }
    double next = mean_of_next(trial, 40, 0, 0);
    assert_true(next > 0.4 && next < 0.7);
    for (size_t i = 0; i < 40; i++) /* all pruned: who came farthest is the best */
        trial[i] = (struct trial){
            .state = TRIAL_PRUNED, .point = &x[i], .report = i < 36 ? &early : &late, .reports = 1};
    assert_true(mean_of_next(trial, 40, 0, 0) > 0.85);
    for (size_t i = 0; i < 40; i++) /* what fails teaches nothing */
        trial[i] = (struct trial){
            .state = i < 20 ? TRIAL_FAILED : TRIAL_DONE, .point = &x[i], .figure = x[i]};
    next = mean_of_next(trial, 40, 0, 0);
    assert_true(next < 0.6);
}

/* Runs side by side keep away from those that run. */
static void test_running(void **state)
{
    (void)state;
    double x[34];
    struct trial trial[34];
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = i < 30 ? ((double)i + 0.5) / 30 : 0.3;
        trial[i] = (struct trial){.state = i < 30 ? TRIAL_DONE : TRIAL_RUNNING,
                                  .point = &x[i],
                                  .figure = fabs(x[i] - 0.3)};
    }
    double alone = mean_of_next(trial, 30, 0, 0.3), beside = mean_of_next(trial, 34, 0, 0.3);
    print_message("# distance %.3f alone, %.3f beside\n", alone, beside);
    assert_true(alone < 0.05);
    assert_true(beside > 1.5 * alone);
}

static void test_repeats(void **state)
{
    (void)state;
    char *text[2], *other;
    size_t size[2], length;
    for (int i = 0; i < 2; i++) {
        FILE *out = open_memstream(&text[i], &size[i]);
        search_run(&search_landscapes[4], SEARCH_TPE, 11, 50, out);
        fclose(out);
    }
    FILE *out = open_memstream(&other, &length);
    search_run(&search_landscapes[4], SEARCH_TPE, 12, 50, out);
    fclose(out);
    assert_string_equal(text[0], text[1]);
    assert_string_not_equal(text[0], other);
    free(text[0]);
    free(text[1]);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curves),          cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_nothing_known),   cmocka_unit_test(test_done_with_nan),
        cmocka_unit_test(test_infinite_median), cmocka_unit_test(test_landscapes),
        cmocka_unit_test(test_maximize),        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_no_axis),         cmocka_unit_test(test_history),
        cmocka_unit_test(test_running),         cmocka_unit_test(test_repeats),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
