/* SPDX-License-Identifier: MIT */
/* k-means against double-precision references, on the device that `select = auto` picks. */
#include "analysis/kmeans.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/points.h"
#include "chosen.h"

static struct device *dev;
static struct log *quiet;

static char told[256]; /* the last that log_detail() was told */

void __wrap_log_detail(struct log *log, const char *format, ...);
void __wrap_log_detail(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    vsnprintf(told, sizeof told, format, ap);
    va_end(ap);
}

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

static double square(const float *a, const float *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
    return sum;
}

/* Roughly normal points around `blobs` centres, point i around centre i % blobs. */
static float *points(size_t n, size_t d, size_t blobs, double apart, double offset, uint64_t seed)
{
    float *x = malloc(n * d * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double sum = -2;
            for (size_t l = 0; l < 4; l++)
                sum += points_uniform(seed, (i * d + j) * 4 + l);
            double centre = points_uniform(seed + 1, i % blobs * d + j);
            x[i * d + j] = (float)(sum + apart * centre + offset);
        }
    return x;
}

struct fit {
    size_t k;
    float *centroids;
    uint32_t *category;
    uint64_t *size;
    double inertia;
};

static struct fit fit(const float *x, size_t n, size_t d, size_t k, uint64_t seed, long iterations)
{
    struct fit f = {k, malloc(k * d * sizeof(float)), malloc(n * sizeof(uint32_t)),
                    malloc(k * sizeof(uint64_t)), NAN};
    struct error err;
    if (kmeans_fit(dev, x, n, d, &f.k, seed, iterations, f.centroids, f.category, f.size,
                   &f.inertia, quiet, &err))
        fail_msg("%s", err.text);
    return f;
}

static void fit_free(struct fit *f)
{
    free(f->centroids);
    free(f->category);
    free(f->size);
}

/* Every point belongs to its nearest centroid; sizes and inertia fit. Returns how far, relative to
 * the root of the mean inertia, a centroid lies off the mean of its points at most. */
static double check(const struct fit *f, const float *x, size_t n, size_t d)
{
    double inertia = 0, spread = sqrt(f->inertia / (double)n), off = 0;
    uint64_t *size = calloc(f->k, sizeof *size);
    double *sum = calloc(f->k * d, sizeof *sum);
    for (size_t i = 0; i < n; i++) {
        assert_true(f->category[i] < f->k);
        double mine = square(x + i * d, f->centroids + f->category[i] * d, d), best = mine;
        for (size_t c = 0; c < f->k; c++)
            best = fmin(best, square(x + i * d, f->centroids + c * d, d));
        assert_true(mine <= best + 1e-5 * (best + f->inertia / (double)n));
        inertia += mine;
        size[f->category[i]]++;
        for (size_t j = 0; j < d; j++)
            sum[f->category[i] * d + j] += (double)x[i * d + j];
    }
    assert_true(fabs(inertia - f->inertia) <= 1e-9 * inertia);
    assert_memory_equal(size, f->size, f->k * sizeof *size);
    for (size_t c = 0; c < f->k; c++) {
        assert_true(size[c] > 0);
        for (size_t j = 0; j < d; j++)
            off =
                fmax(off, fabs(sum[c * d + j] / (double)size[c] - (double)f->centroids[c * d + j]) /
                              spread);
    }
    free(size);
    free(sum);
    return off;
}

static void converges_to_a_fixed_point(void **state)
{
    (void)state;
    static const struct {
        size_t n, d, k;
        double apart, offset;
    } cases[] = {{1000, 2, 10, 5, 0},   {777, 1, 3, 5, 0},  {33, 5, 33, 0, 0},    {32, 3, 1, 0, 0},
                 {2000, 32, 100, 1, 0}, {501, 67, 9, 2, 0}, {900, 8, 20, 3, 1000}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t n = cases[c].n, d = cases[c].d;
        float *x = points(n, d, 17, cases[c].apart, cases[c].offset, c);
        struct fit f = fit(x, n, d, cases[c].k, 5, 300);
        assert_int_equal(f.k, cases[c].k);
        double off = check(&f, x, n, d);
        /* half a unit in the last place of the centroids, where they have an offset */
        if (off > 1e-5 + cases[c].offset * 1e-6)
            fail_msg("case %zu: a centroid lies %g off its points", c, off);
        long iterations = 0;
        unsigned long long moved = 1;
        assert_int_equal(sscanf(told, "k-means: %ld iterations, %llu of", &iterations, &moved), 2);
        if (moved || iterations < 1 || iterations > 100) /* done long before the limit */
            fail_msg("case %zu: %s", c, told);
        fit_free(&f);
        free(x);
    }
}

static void finds_blobs(void **state)
{
    (void)state;
    enum { N = 3000, D = 16, BLOBS = 30 };
    float *x = points(N, D, BLOBS, 40, 0, 3);
    struct fit f = fit(x, N, D, BLOBS, 1, 100);
    check(&f, x, N, D);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(f.category[i], f.category[i % BLOBS]);
    for (size_t c = 0; c < BLOBS; c++)
        assert_int_equal(f.size[c], N / BLOBS);
    fit_free(&f);
    free(x);
}

/* Lloyd's iterations from k random points, in double precision; the best inertia of `starts`. */
static double reference_inertia(const float *x, size_t n, size_t d, size_t k, int starts)
{
    double best = INFINITY;
    double *m = malloc(k * d * sizeof *m), *sum = malloc(k * d * sizeof *sum);
    size_t *size = malloc(k * sizeof *size);
    for (int start = 0; start < starts; start++) {
        double inertia = INFINITY, before;
        for (size_t c = 0; c < k; c++) {
            double u = points_uniform(99, (size_t)start * k + c);
            for (size_t j = 0; j < d; j++)
                m[c * d + j] = (double)x[(size_t)(u * (double)n) * d + j];
        }
        do {
            before = inertia;
            inertia = 0;
            memset(sum, 0, k * d * sizeof *sum);
            memset(size, 0, k * sizeof *size);
            for (size_t i = 0; i < n; i++) {
                size_t nearest = 0;
                double least = INFINITY;
                for (size_t c = 0; c < k; c++) {
                    double s = 0;
                    for (size_t j = 0; j < d; j++)
                        s += pow((double)x[i * d + j] - m[c * d + j], 2);
                    if (s < least) {
                        least = s;
                        nearest = c;
                    }
                }
                inertia += least;
                size[nearest]++;
                for (size_t j = 0; j < d; j++)
                    sum[nearest * d + j] += (double)x[i * d + j];
            }
            for (size_t e = 0; e < k * d; e++)
                if (size[e / d])
                    m[e] = sum[e] / (double)size[e / d];
        } while (inertia < before);
        best = fmin(best, inertia);
    }
    free(m);
    free(sum);
    free(size);
    return best;
}

static void is_as_good_as_the_best_of_ten(void **state)
{
    (void)state;
    enum { N = 1500, D = 6, K = 25 };
    float *x = points(N, D, 40, 3, 0, 8);
    struct fit f = fit(x, N, D, K, 1, 300);
    assert_true(f.inertia < 1.01 * reference_inertia(x, N, D, K, 10));
    fit_free(&f);
    free(x);
}

static void same_bits_again_and_other_seeds_differ(void **state)
{
    (void)state;
    enum { N = 5000, D = 12, K = 60 };
    float *x = points(N, D, 60, 1, 0, 4);
    struct fit a = fit(x, N, D, K, 1, 20), b = fit(x, N, D, K, 1, 20), c = fit(x, N, D, K, 2, 20);
    assert_memory_equal(a.centroids, b.centroids, K * D * sizeof *a.centroids);
    assert_memory_equal(a.category, b.category, N * sizeof *a.category);
    assert_true(a.inertia == b.inertia);
    assert_memory_not_equal(a.centroids, c.centroids, K * D * sizeof *a.centroids);

    /* one core of a CPU device gives the bits of all */
    struct error err;
    struct device_options one = {.select = chosen_device(), .memory_fraction = 0.95, .threads = 1};
    struct device *all = dev;
    if (device_info(dev)->is_cpu) {
        dev = device_open(&one, &err);
        assert_non_null(dev);
        struct fit e = fit(x, N, D, K, 1, 20);
        assert_memory_equal(a.centroids, e.centroids, K * D * sizeof *a.centroids);
        assert_true(a.inertia == e.inertia);
        fit_free(&e);
        device_close(dev);
        dev = all;
    }
    fit_free(&a);
    fit_free(&b);
    fit_free(&c);
    free(x);
}

/* assign says of the fitted points what fit said, one by one as well as together. */
static void assign_agrees_with_fit(void **state)
{
    (void)state;
    enum { N = 700, D = 9, K = 40 };
    float *x = points(N, D, 40, 1, 0, 6);
    struct fit f = fit(x, N, D, K, 1, 4);
    uint32_t category[N];
    struct error err;
    assert_int_equal(kmeans_assign(dev, x, N, D, f.centroids, f.k, category, &err), 0);
    assert_memory_equal(category, f.category, sizeof category);
    for (size_t i = 0; i < N; i += 97) {
        uint32_t one = UINT32_MAX;
        assert_int_equal(kmeans_assign(dev, x + i * D, 1, D, f.centroids, f.k, &one, &err), 0);
        assert_int_equal(one, f.category[i]);
    }
    fit_free(&f);
    free(x);

    float line[] = {0, 1, 2, 3, 4}, centroids[] = {4, 1, 1, 3}; /* ties go to the lower number */
    uint32_t want[] = {1, 1, 1, 0, 0}, have[5];
    want[3] = 3;
    assert_int_equal(kmeans_assign(dev, line, 5, 1, centroids, 4, have, &err), 0);
    assert_memory_equal(have, want, sizeof have);
}

static void fewer_points_than_categories(void **state)
{
    (void)state;
    float x[40];
    for (size_t i = 0; i < 40; i++)
        x[i] = (float)(i / 2 % 4) * 3e37f; /* 20 points in the plane, 4 of them different */
    struct fit f = fit(x, 20, 2, 10, 1, 50);
    assert_int_equal(f.k, 4);
    assert_true(f.inertia == 0);
    for (size_t c = 0; c < 4; c++)
        assert_int_equal(f.size[c], 5);
    fit_free(&f);

    f = fit(x, 3, 2, 10, 1, 50);
    assert_int_equal(f.k, 3);
    assert_true(f.inertia == 0);
    fit_free(&f);

    for (size_t i = 0; i < 40; i++)
        x[i] = 7;
    f = fit(x, 20, 2, 10, 1, 50);
    assert_int_equal(f.k, 1);
    assert_int_equal(f.size[0], 20);
    fit_free(&f);
}

static void refuses_bad_points(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, INFINITY, 6}, centroids[6];
    uint32_t category[3];
    uint64_t size[3];
    double inertia;
    size_t k = 2;
    struct error err;
    assert_int_equal(
        kmeans_fit(dev, x, 3, 2, &k, 1, 10, centroids, category, size, &inertia, quiet, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_string_equal(err.text, "k-means: number 0 of point 2 is not finite");
    assert_int_equal(
        kmeans_fit(dev, x, 0, 2, &k, 1, 10, centroids, category, size, &inertia, quiet, &err), -1);
    assert_string_equal(err.text, "k-means: there are no points");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(converges_to_a_fixed_point, before, after),
        cmocka_unit_test_setup_teardown(finds_blobs, before, after),
        cmocka_unit_test_setup_teardown(is_as_good_as_the_best_of_ten, before, after),
        cmocka_unit_test_setup_teardown(same_bits_again_and_other_seeds_differ, before, after),
        cmocka_unit_test_setup_teardown(assign_agrees_with_fit, before, after),
        cmocka_unit_test_setup_teardown(fewer_points_than_categories, before, after),
        cmocka_unit_test_setup_teardown(refuses_bad_points, before, after),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
