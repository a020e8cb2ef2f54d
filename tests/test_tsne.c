/* SPDX-License-Identifier: MIT */
/* t-SNE against double-precision references, on the device that `select = auto` picks. */
#include "analysis/tsne.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/points.h"
#include "chosen.h"

static struct device *dev;
static struct log *quiet;

static uint64_t bytes_before;

/* Each test leaves as much on the device as it found. */
static int before(void **state)
{
    (void)state;
    bytes_before = device_bytes(dev);
    return 0;
}

static int after(void **state)
{
    (void)state;
    assert_int_equal(device_bytes(dev), bytes_before);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    struct error err;
    struct device_options options = {
        .select = chosen_device(), .memory_fraction = 0.95, .threads = -1};
    dev = device_open(&options, &err);
    quiet = log_new(LOG_QUIET);
    if (!dev)
        print_error("%s\n", err.text);
    return dev && quiet ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    struct error err;
    device_close(dev);
    return log_close(quiet, &err);
}

/* Roughly normal numbers. */
static void fill(float *x, size_t count, uint64_t seed, double scale)
{
    for (size_t i = 0; i < count; i++) {
        double sum = -6;
        for (size_t j = 0; j < 12; j++)
            sum += points_uniform(seed, i * 12 + j);
        x[i] = (float)(scale * sum);
    }
}

static double square(const float *a, const float *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
    return sum;
}

/* Dense p_ij [n, n] from the compressed rows; checks that columns ascend. */
static double *dense(const struct affinity *a)
{
    double *p = calloc(a->n * a->n, sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < a->n; i++)
        for (int32_t e = a->start[i]; e < a->start[i + 1]; e++) {
            assert_true(e == a->start[i] || a->column[e] > a->column[e - 1]);
            p[i * a->n + (size_t)a->column[e]] = (double)a->p[e];
        }
    return p;
}

/* p_j|i at the perplexity by a plain bisection over log(beta) and all pairs, cut to the k nearest;
 * then (p + p^T) / 2n. */
static double *reference_affinity(const float *x, size_t n, size_t d, size_t k, double perplexity)
{
    double *p = calloc(n * n, sizeof *p), *both = calloc(n * n, sizeof *both);
    assert_non_null(p);
    assert_non_null(both);
    for (size_t i = 0; i < n; i++) {
        double low = -60, high = 60;
        for (int step = 0; step < 100; step++) {
            double beta = exp((low + high) / 2), sum = 0, nearest = INFINITY, entropy = 0;
            for (size_t j = 0; j < n; j++)
                if (j != i)
                    nearest = fmin(nearest, square(x + i * d, x + j * d, d));
            for (size_t j = 0; j < n; j++) {
                size_t closer = 0;
                double mine = square(x + i * d, x + j * d, d);
                for (size_t l = 0; l < n && step == 0; l++)
                    closer += l != i && square(x + i * d, x + l * d, d) < mine;
                if (step == 0) /* rank, told apart from 0 = not among the k nearest */
                    both[i * n + j] = j != i && closer < k;
                p[i * n + j] = both[i * n + j] > 0 ? exp(-beta * (mine - nearest)) : 0;
                sum += p[i * n + j];
            }
            for (size_t j = 0; j < n; j++) {
                p[i * n + j] /= sum;
                if (p[i * n + j] > 0)
                    entropy -= p[i * n + j] * log(p[i * n + j]);
            }
            if (entropy > log(perplexity))
                low = (low + high) / 2;
            else
                high = (low + high) / 2;
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            both[i * n + j] = (p[i * n + j] + p[j * n + i]) / (2 * (double)n);
    free(p);
    return both;
}

static void affinities_match_reference(void **state)
{
    (void)state;
    static const struct {
        size_t n, d;
        double perplexity;
        float offset;
    } cases[] = {{60, 5, 7, 0}, {97, 1, 10, 0}, {33, 17, 4.5, 100}, {130, 32, 30, 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t n = cases[c].n, d = cases[c].d;
        float *x = calloc(n * d, sizeof *x);
        assert_non_null(x);
        fill(x, n * d, c, 1);
        for (size_t i = 0; i < n * d; i++)
            x[i] += cases[c].offset;
        struct affinity a;
        struct error err;
        assert_int_equal(affinity_init(&a, dev, x, n, d, cases[c].perplexity, &err), 0);
        size_t k = (size_t)(3 * cases[c].perplexity + 1);
        double *want = reference_affinity(x, n, d, k, cases[c].perplexity), *have = dense(&a);
        double all = 0;
        for (size_t e = 0; e < n * n; e++) {
            assert_true(fabs(have[e] - want[e]) <= 2e-5 * want[e] + 1e-10);
            all += have[e];
        }
        assert_true(fabs(all - 1) < 1e-5);
        free(want);
        free(have);
        free(x);
        affinity_fini(&a);
    }
}

/* sum_ij p_ij log(p_ij / q_ij) over all pairs, from y [n, 2]. */
static double reference_divergence(const double *p, const double *y, size_t n)
{
    double norm = 0, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double d0 = y[i * 2] - y[j * 2], d1 = y[i * 2 + 1] - y[j * 2 + 1];
                double w = i == j ? 0 : 1 / (1 + d0 * d0 + d1 * d1);
                if (pass == 0)
                    norm += w;
                else if (p[i * n + j] > 0)
                    sum += p[i * n + j] * log(p[i * n + j] / (w / norm));
            }
    return sum;
}

/* Central differences of the reference divergence, over maps from nearly a point to wide. */
static void gradient_matches_differences(void **state)
{
    (void)state;
    static const size_t counts[] = {4, 37, 64, 101, 150};
    static const double spreads[] = {1e-2, 1, 40};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++) {
            size_t n = counts[c], d = 6;
            float x[150 * 6], xy[300], gradient[300];
            double y[300], kl;
            fill(x, n * d, 1, 1);
            fill(xy, n * 2, 2, spreads[s]);
            struct affinity a;
            struct error err;
            double perplexity = fmin(8, (double)(n - 1) / 3);
            assert_int_equal(affinity_init(&a, dev, x, n, d, perplexity, &err), 0);
            assert_int_equal(tsne_gradient(dev, &a, xy, gradient, &kl, &err), 0);
            double *p = dense(&a), largest = 0, worst = 0;
            for (size_t i = 0; i < 2 * n; i++)
                y[i] = (double)xy[i];
            double want = reference_divergence(p, y, n);
            assert_true(fabs(kl - want) < 1e-5 * (1 + fabs(want)));
            double step = 1e-4 * fmin(spreads[s], 1);
            for (size_t i = 0; i < 2 * n; i++) {
                double at = y[i];
                y[i] = at + step;
                double above = reference_divergence(p, y, n);
                y[i] = at - step;
                double below = reference_divergence(p, y, n);
                y[i] = at;
                double slope = (above - below) / (2 * step);
                largest = fmax(largest, fabs(slope));
                worst = fmax(worst, fabs(slope - (double)gradient[i]));
            }
            if (worst > 1e-4 * largest)
                fail_msg("n %zu spread %g: gradient off by %g of %g", n, spreads[s], worst,
                         largest);
            free(p);
            affinity_fini(&a);
        }
}

/* Five blobs far apart in 10 dimensions: nearest neighbours on the map are of the same blob. */
static void blobs_stay_apart(void **state)
{
    (void)state;
    enum { N = 500, D = 10, BLOBS = 5 };
    float *x = calloc(N * D, sizeof *x), *xy = calloc(N * 2, sizeof *xy);
    float *again = calloc(N * 2, sizeof *again), where[BLOBS * D];
    fill(x, N * D, 3, 1);
    fill(where, BLOBS * D, 4, 10);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++)
            x[i * D + j] += where[i % BLOBS * D + j];
    struct error err;
    double kl, kl_again;
    assert_int_equal(tsne_fit(dev, x, N, D, 30, 500, 7, xy, &kl, quiet, &err), 0);
    size_t strays = 0;
    for (size_t i = 0; i < N; i++) {
        size_t nearest = i ? 0 : 1;
        for (size_t j = 0; j < N; j++)
            if (j != i &&
                square(xy + i * 2, xy + j * 2, 2) < square(xy + i * 2, xy + nearest * 2, 2))
                nearest = j;
        strays += nearest % BLOBS != i % BLOBS;
    }
    assert_int_equal(strays, 0);
    assert_true(kl > 0 && kl < 1);

    assert_int_equal(tsne_fit(dev, x, N, D, 30, 500, 7, again, &kl_again, quiet, &err), 0);
    assert_memory_equal(xy, again, N * 2 * sizeof *xy);
    assert_true(kl == kl_again);
    free(x);
    free(xy);
    free(again);
}

/* Clouds in which all points are neighbours: early exaggeration draws them to a point, and no seed
 * may end there. The divergences of one cloud hardly depend on the seed. */
static void dense_clouds_do_not_collapse(void **state)
{
    (void)state;
    static const size_t counts[] = {20, 60, 300};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c];
        float x[300 * 8], xy[600];
        double least = INFINITY, most = 0;
        struct error err;
        fill(x, n * 8, c, 1);
        for (uint64_t seed = 0; seed < 3; seed++) {
            double kl;
            assert_int_equal(tsne_fit(dev, x, n, 8, 30, 1000, seed, xy, &kl, quiet, &err), 0);
            least = fmin(least, kl);
            most = fmax(most, kl);
            double extent = 0;
            for (size_t i = 0; i < 2 * n; i++)
                extent = fmax(extent, fabs((double)xy[i]));
            assert_true(extent > 1 && extent < 100);
        }
        assert_true(least > 0 && most < 1.1 * least && most < 1.3);
    }
}

static void degenerate_points(void **state)
{
    (void)state;
    enum { N = 40, D = 3 };
    float x[N * D], xy[N * 2];
    struct error err;
    double kl;
    fill(x, N * D, 5, 1);
    for (size_t n = 0; n <= 6; n++) {
        assert_int_equal(tsne_fit(dev, x, n, D, 30, 50, 1, xy, &kl, quiet, &err), 0);
        for (size_t i = 0; i < 2 * n; i++)
            assert_true(isfinite(xy[i]));
        assert_true(isfinite(kl));
        if (n == 2)
            assert_true(square(xy, xy + 2, 2) > 1);
    }
    for (size_t i = 0; i < N * D; i++) /* all equal, then two heaps, at the edge of float's range */
        x[i] = 3e38f;
    assert_int_equal(tsne_fit(dev, x, N, D, 10, 100, 1, xy, &kl, quiet, &err), 0);
    for (size_t i = 0; i < N * 2; i++)
        assert_true(isfinite(xy[i]));
    for (size_t i = 0; i < N * D / 2; i++)
        x[i] = -3e38f;
    assert_int_equal(tsne_fit(dev, x, N, D, 5, 300, 1, xy, &kl, quiet, &err), 0);
    for (size_t i = 0; i < N / 2; i++) /* a point is nearer to its heap than to the other */
        assert_true(square(xy, xy + i * 2, 2) < square(xy, xy + N + i * 2, 2));

    struct affinity many;
    memset(&many, 0xff, sizeof many);
    assert_int_equal(affinity_init(&many, dev, x, (size_t)1 << 28, D, 5, &err), -1);
    assert_string_equal(err.text, "t-SNE: 268435456 points are too many");
    affinity_fini(&many); /* holds nothing */

    x[17] = NAN;
    assert_int_equal(tsne_fit(dev, x, N, D, 5, 10, 1, xy, &kl, quiet, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_string_equal(err.text, "t-SNE: number 2 of point 5 is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(affinities_match_reference, before, after),
        cmocka_unit_test_setup_teardown(gradient_matches_differences, before, after),
        cmocka_unit_test_setup_teardown(blobs_stay_apart, before, after),
        cmocka_unit_test_setup_teardown(dense_clouds_do_not_collapse, before, after),
        cmocka_unit_test_setup_teardown(degenerate_points, before, after),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
