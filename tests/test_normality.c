/* SPDX-License-Identifier: MIT */
/* The normal distribution, Shapiro-Wilk and histograms against scipy and numpy (numbers printed by
 * tests/peer/make_normality_golden.py), and what is hostile to them. */
#include "analysis/normality.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/distribution.h"

static void near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance))
        fail_msg("%.17g instead of %.17g", have, want);
}

enum kind { NORMAL, UNIFORM, TIES, SKEWED, FAR };

/* As make() in make_normality_golden.py, operation by operation. */
static double *make(enum kind kind, size_t n)
{
    double *x = malloc(n * sizeof *x);
    assert_non_null(x);
    uint32_t state = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        double total = 0;
        for (int k = 0; k < 12; k++) {
            state = state * 1664525u + 1013904223u;
            total += (state >> 8) / 16777216.0 - 0.5;
        }
        if (kind == UNIFORM)
            total = (state >> 8) / 16777216.0;
        else if (kind == TIES)
            total = floor(total * 2);
        else if (kind == SKEWED)
            total = (total * total) * total + total * total;
        else if (kind == FAR)
            total = 1e9 + total;
        x[i] = total;
    }
    return x;
}

static void shapiro_as_scipy(void **state)
{
    (void)state;
    static const struct {
        enum kind kind;
        size_t n;
        double w, p;
    } golden[] = {
        {NORMAL, 3, 0.9887722900549768, 0.79724899047592934},
        {NORMAL, 4, 0.88079122870027993, 0.34202625318997693},
        {NORMAL, 5, 0.86934354937238711, 0.26377582319342402},
        {NORMAL, 6, 0.94777922162638761, 0.7222664623816244},
        {NORMAL, 11, 0.88826961038447261, 0.13230581320372403},
        {NORMAL, 12, 0.90551198832735802, 0.18681971666209513},
        {NORMAL, 50, 0.97500790736626619, 0.36520372830380698},
        {NORMAL, 500, 0.99799005051956646, 0.82659343848004352},
        {NORMAL, 5000, 0.9995746109252468, 0.35470538840642601},
        {UNIFORM, 3, 0.87491857618613056, 0.30960455827583322},
        {UNIFORM, 4, 0.98311982231157125, 0.92006437930798346},
        {UNIFORM, 5, 0.82891119794941182, 0.13652584473754242},
        {UNIFORM, 6, 0.89269165907256876, 0.33253189971367308},
        {UNIFORM, 11, 0.95079224531514572, 0.65409249784759682},
        {UNIFORM, 12, 0.87305346447820653, 0.071455142396280841},
        {UNIFORM, 50, 0.94483534072297481, 0.021020097860792463},
        {UNIFORM, 500, 0.95241664346432264, 1.3155394162616618e-11},
        {UNIFORM, 5000, 0.95391091971359365, 4.5439511139166325e-37},
        {TIES, 3, 0.75, 0},
        {TIES, 4, 0.89494521805084581, 0.40638744979953317},
        {TIES, 5, 0.86683587222442904, 0.25384646376124342},
        {TIES, 6, 0.94956906507347871, 0.73679049743383562},
        {TIES, 11, 0.74868729790154087, 0.0019982254552544897},
        {TIES, 12, 0.81437817718093231, 0.013715071091817566},
        {TIES, 50, 0.95923788147805644, 0.08259086577358439},
        {TIES, 500, 0.97455508942795743, 1.2272530873713859e-07},
        {TIES, 5000, 0.97825349359632285, 5.3436170350171005e-27},
        {SKEWED, 3, 0.8533767620395456, 0.24952305438044975},
        {SKEWED, 4, 0.68354400494027545, 0.007344565941054166},
        {SKEWED, 5, 0.95329657264649081, 0.7607051927832531},
        {SKEWED, 6, 0.63566800382513966, 0.001208018697866194},
        {SKEWED, 11, 0.9007157410861566, 0.18860613447073521},
        {SKEWED, 12, 0.75543253187832293, 0.0030469727677316779},
        {SKEWED, 50, 0.42451200696168601, 1.0040530372124534e-12},
        {SKEWED, 500, 0.54602521088914557, 6.1206375992872079e-34},
        {SKEWED, 5000, 0.51972919698589426, 2.7885707268337442e-79},
        {FAR, 3, 0.98877227875367935, 0.79724888805096084},
        {FAR, 4, 0.88079124897526617, 0.34202634034953916},
        {FAR, 5, 0.86934354167271688, 0.26377579225397191},
        {FAR, 6, 0.94777921446832236, 0.72226640424372313},
        {FAR, 11, 0.88826958816464174, 0.13230572837368754},
        {FAR, 12, 0.90551198876760808, 0.18681971910014966},
        {FAR, 50, 0.975007907399292, 0.36520372936328782},
        {FAR, 500, 0.9979900502750324, 0.82659336352912605},
        {FAR, 5000, 0.99957461091052613, 0.35470535461236896},
    };
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        double *x = make(golden[i].kind, golden[i].n), w, p;
        assert_int_equal(shapiro_wilk(x, golden[i].n, &w, &p), golden[i].n);
        near(w, golden[i].w, 1e-8);
        /* scipy's normal quantiles have single precision, which p shows as 1 - W is small */
        near(p, golden[i].p, 1e-5 * golden[i].p + 1e-12);
        free(x);
    }
}

static void normal_as_scipy(void **state)
{
    (void)state;
    static const double quantiles[][2] = {
        {1e-300, -37.047096299361201},
        {1e-20, -9.2623400897984087},
        {1e-09, -5.9978070150076865},
        {0.001, -3.0902323061678132},
        {0.02425, -1.9729610513118849},
        {0.07, -1.4757910281791706},
        {0.075, -1.4395314709384563},
        {0.3, -0.52440051270804089},
        {0.5, 0},
        {0.6, 0.25334710313579972},
        {0.925, 1.4395314709384563},
        {0.95, 1.6448536269514722},
        {0.999, 3.0902323061678132},
        {0.9999999999, 6.3613408896974217},
    };
    static const double shares[][2] = {
        {-37.0, 5.7255712225239266e-300}, {-9.0, 1.1285884059538324e-19},
        {-1.5, 0.066807201268858071},     {0.0, 0.5},
        {0.3, 0.61791142218895256},       {2.0, 0.97724986805182079},
        {8.0, 0.99999999999999933},
    };
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        near(normal_quantile(quantiles[i][0]), quantiles[i][1], 4e-15 * fabs(quantiles[i][1]));
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        double x = shares[i][0];
        near(normal_cdf(x), shares[i][1], (2 + x * x) * DBL_EPSILON * shares[i][1]);
    }
    for (double p = 1e-12; p < 1; p += 1.0 / 997)
        near(normal_cdf(normal_quantile(p)), p, 4 * DBL_EPSILON);
    assert_true(isinf(normal_quantile(0)) && normal_quantile(0) < 0);
    assert_true(isinf(normal_quantile(1)) && normal_quantile(1) > 0);
    assert_true(isnan(normal_quantile(-1e-9)) && isnan(normal_quantile(1.1)));
    assert_true(isnan(normal_quantile(NAN)));
}

static void histograms_as_numpy(void **state)
{
    (void)state;
    enum { N = 500, MOST = 400 };
    static const struct {
        enum kind kind;
        size_t bins, largest, where;
        double mean, sd, skew, kurtosis, q01, q95;
    } golden[] = {
        {NORMAL, 18, 72, 8, 0.00070719230175018315, 0.93895200999711459, 0.028514735355503744,
         0.0030912881509181922, -2.1906058597564697, 1.6153898984193782},
        {SKEWED, 288, 188, 77, 0.90710658221822726, 3.3941326505079186, 3.8760807013049501,
         25.722042452809166, -5.7135007788257353, 6.8253502177757399},
    };
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        double *x = make(golden[i].kind, N), sorted[N], edge[MOST + 1], count[MOST] = {0}, all = 0;
        assert_int_equal(normality_sort(x, N, sorted), N);
        size_t bins = histogram_edges(sorted, N, sorted[0], sorted[N - 1], MOST, edge);
        assert_int_equal(bins, golden[i].bins);
        assert_int_equal(histogram_count(x, N, edge, bins, count), 0);
        for (size_t b = 0; b < bins; b++)
            all += count[b];
        near(all, N, 0);
        near(count[golden[i].where], (double)golden[i].largest, 0);
        near(normality_quantile(sorted, N, 0.01), golden[i].q01, 1e-14);
        near(normality_quantile(sorted, N, 0.95), golden[i].q95, 1e-14);
        assert_int_equal(histogram_edges(sorted, N, sorted[0], sorted[N - 1], 7, edge), 7);

        struct distribution d;
        struct error err;
        assert_int_equal(distribution_of(&d, x, N, 1.5, &err), 0);
        near(d.mean, golden[i].mean, 1e-14);
        near(d.sd, golden[i].sd, 1e-13);
        near(d.skew, golden[i].skew, 1e-12);
        near(d.kurtosis, golden[i].kurtosis, 1e-11);
        near(d.quantile[1], golden[i].q01, 1e-14);
        near(d.quantile[6], golden[i].q95, 1e-14);
        free(x);
    }
}

/* Affine changes, order and values that are no numbers change nothing. */
static void shapiro_invariance(void **state)
{
    (void)state;
    enum { N = 60 };
    double *x = make(SKEWED, N), y[2 * N], w, p, v, q;
    shapiro_wilk(x, N, &w, &p);
    static const double scales[] = {-1, 1e300, -1e-300, 1};
    for (size_t k = 0; k < 4; k++) {
        for (size_t i = 0; i < N; i++) {
            y[2 * i] = scales[k] * x[N - 1 - i];
            y[2 * i + 1] = i % 3 ? NAN : i % 2 ? INFINITY : -INFINITY;
        }
        assert_int_equal(shapiro_wilk(y, 2 * N, &v, &q), N);
        near(v, w, 1e-12);
        near(q, p, 1e-9 * p);
    }
    free(x);
}

/* Of four times as many values every fourth counts. */
static void shapiro_samples(void **state)
{
    (void)state;
    enum { N = 4 * SHAPIRO_LARGEST };
    double *x = make(NORMAL, N), *y = malloc(SHAPIRO_LARGEST * sizeof *y), w, p, v, q;
    assert_non_null(y);
    for (size_t i = 0; i < SHAPIRO_LARGEST; i++)
        y[i] = x[4 * i];
    assert_int_equal(shapiro_wilk(x, N, &w, &p), SHAPIRO_LARGEST);
    assert_int_equal(shapiro_wilk(y, SHAPIRO_LARGEST, &v, &q), SHAPIRO_LARGEST);
    assert_true(w == v && p == q);
    assert_int_equal(shapiro_wilk(x, SHAPIRO_LARGEST + 1, &w, &p), SHAPIRO_LARGEST);
    assert_true(w > 0.99 && w < 1 && p > 0);
    free(x);
    free(y);
}

static void nothing_to_tell(void **state)
{
    (void)state;
    double w, p, edge[4], count[3] = {0};
    const double same[] = {2, 2, 2, 2}, odd[] = {NAN, 1, INFINITY, 2, -INFINITY};
    const double apart[] = {-DBL_MAX, 0, 1, DBL_MAX}, close[] = {1, 1, 1 + DBL_EPSILON};
    assert_int_equal(shapiro_wilk(same, 4, &w, &p), 4);
    assert_true(isnan(w) && isnan(p));
    assert_int_equal(shapiro_wilk(odd, 5, &w, &p), 2);
    assert_true(isnan(w) && isnan(p));
    assert_int_equal(shapiro_wilk(NULL, 0, &w, &p), 0);
    assert_true(isnan(w) && isnan(p));
    assert_int_equal(shapiro_wilk(apart, 4, &w, &p), 4);
    assert_true(w > 0 && w <= 1 && p >= 0 && p <= 1);
    const double tiny[] = {0, 0, 5e-324, 0};
    assert_int_equal(shapiro_wilk(tiny, 4, &w, &p), 4);
    assert_true(isnan(w) && isnan(p));
    assert_int_equal(shapiro_wilk(close, 3, &w, &p), 3);
    near(w, 0.75, 1e-9);
    near(p, 0, 1e-9);

    assert_true(isnan(normality_quantile(same, 0, 0.5)));
    assert_true(isnan(normality_quantile(same, 4, NAN)) && isnan(normality_quantile(same, 4, 2)));
    near(normality_quantile(same, 4, 1), 2, 0);
    near(normality_quantile(apart, 4, 0.5), 0.5, 0);

    assert_int_equal(histogram_edges(same, 4, 2, 2, 3, edge), 0);
    assert_int_equal(histogram_edges(same, 4, 0, 4, 3, edge), 1); /* no spread: no width */
    assert_int_equal(histogram_edges(same, 0, 0, 4, 3, edge), 0);
    assert_int_equal(histogram_edges(apart, 4, -DBL_MAX, DBL_MAX, 3, edge), 0);
    assert_int_equal(histogram_edges(odd, 1, NAN, 4, 3, edge), 0);
    const double thirds[] = {0, 1, 2, 3}, values[] = {0, 0.5, 1, 2.999, 3, 3.001, -0.1, NAN};
    assert_int_equal(histogram_count(values, 8, thirds, 3, count), 3);
    assert_true(count[0] == 2 && count[1] == 1 && count[2] == 2);
    assert_int_equal(histogram_count(values, 8, thirds, 0, count), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapiro_as_scipy),    cmocka_unit_test(normal_as_scipy),
        cmocka_unit_test(histograms_as_numpy), cmocka_unit_test(shapiro_invariance),
        cmocka_unit_test(shapiro_samples),     cmocka_unit_test(nothing_to_tell),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
