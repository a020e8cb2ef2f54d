/* SPDX-License-Identifier: MIT */
/* Every GEMM provider against a double-precision product, odd shapes included. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "device/gemm/gemm.h"
#include "device/gemm/tuning.h"
#include "device/opencl.h"
#include "util/file.h"

static struct device *dev;

static int setup(void **state)
{
    struct error err;
    (void)state;
    dev = device_open(&(struct device_options){chosen_device(), 0.9, -1, 0, 0}, &err);
    if (!dev)
        print_error("%s\n", err.text);
    return dev ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    device_close(dev);
    return 0;
}

static float value(size_t i)
{
    return (float)((double)(i * 2654435761u % 1000003u) / 500001.5 - 1);
}

/* The nearest number of 8 binary digits, ties to even: a bfloat16, but for its range. */
static double bf16(double x)
{
    int exponent;
    double digits = frexp(x, &exponent);
    return ldexp(nearbyint(ldexp(digits, 8)), exponent - 8);
}

static void check(enum gemm_provider provider, struct gemm_shape s, int add)
{
    struct error err;
    float *a = malloc(s.m * s.k * 4), *b = malloc(s.k * s.n * 4), *c = malloc(s.m * s.n * 4);
    assert_true(a && b && c);
    for (size_t i = 0; i < s.m * s.k; i++)
        a[i] = value(i);
    for (size_t i = 0; i < s.k * s.n; i++)
        b[i] = value(i + 77);
    for (size_t i = 0; i < s.m * s.n; i++)
        c[i] = value(i + 991);
    /* B first and C a part: implementations must not depend on the order in which buffers are made
     */
    struct buffer *db = buffer_new(dev, s.k * s.n * 4, "b", &err);
    struct buffer *da = buffer_new(dev, s.m * s.k * 4, "a", &err);
    size_t skip = device_info(dev)->base_align;
    struct buffer *room = buffer_new(dev, s.m * s.n * 4 + skip, "c", &err);
    struct buffer *dc = buffer_part(room, skip, s.m * s.n * 4, &err);
    assert_int_equal(buffer_write(da, 0, s.m * s.k * 4, a, &err), 0);
    assert_int_equal(buffer_write(db, 0, s.k * s.n * 4, b, &err), 0);
    assert_int_equal(buffer_write(dc, 0, s.m * s.n * 4, c, &err), 0);
    struct gemm *gemm = gemm_new(dev, provider, s, da, db, dc, add, &err);
    if (!gemm)
        fail_msg("%s", err.text);
    assert_int_equal(gemm_enqueue(gemm, &err), 0);
    float *got = malloc(s.m * s.n * 4);
    assert_int_equal(buffer_read(dc, 0, s.m * s.n * 4, got, &err), 0);
    for (size_t i = 0; i < s.m; i++)
        for (size_t j = 0; j < s.n; j++) {
            double sum = add ? c[i * s.n + j] : 0, size = fabs(sum);
            for (size_t k = 0; k < s.k; k++) {
                double x = (double)(s.trans_a ? a[k * s.m + i] : a[i * s.k + k]);
                double y = (double)(s.trans_b ? b[j * s.k + k] : b[k * s.n + j]);
                x = provider == PROVIDER_BF16 ? bf16(x) * bf16(y) : x * y;
                sum += x;
                size += fabs(x);
            }
            if (fabs(got[i * s.n + j] - sum) > 1e-7 * sqrt((double)s.k) * size + 1e-7)
                fail_msg("%zux%zux%zu ta %d tb %d add %d at %zu,%zu: %g, not %g", s.m, s.n, s.k,
                         s.trans_a, s.trans_b, add, i, j, (double)got[i * s.n + j], sum);
        }
    gemm_free(gemm);
    buffer_free(da);
    buffer_free(db);
    buffer_free(dc);
    buffer_free(room);
    free(a);
    free(b);
    free(c);
    free(got);
}

static void check_all(enum gemm_provider provider)
{
    const size_t shapes[][3] = {{1, 1, 1},    {7, 5, 3},      {64, 64, 64},   {100, 65, 130},
                                {3, 200, 33}, {800, 64, 300}, {69, 23, 2500}, {33, 400, 2048}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int t = 0; t < 8; t++)
            check(provider,
                  (struct gemm_shape){t & 1, t >> 1 & 1, shapes[i][0], shapes[i][1], shapes[i][2]},
                  t >> 2);
}

static void test_own(void **state)
{
    (void)state;
    check_all(PROVIDER_OWN);
}

static void test_cblas(void **state)
{
    (void)state;
    if (!device_info(dev)->has_native) {
        print_message("this device runs no host functions\n");
        skip();
    }
    check_all(PROVIDER_CBLAS);
}

static void test_clblast(void **state)
{
    (void)state;
    check_all(PROVIDER_CLBLAST);
}

/* By instructions of the CPU where it has them, and by our own kernel. */
static void test_bf16(void **state)
{
    (void)state;
    int native = dev->info.has_native;
    print_message("# products in bfloat16 by %s\n", gemm_provider_name(dev, PROVIDER_BF16));
    check_all(PROVIDER_BF16);
    const size_t blocks[][3] = {{97, 33, 257}, {13, 513, 256}, {200, 31, 1}, {1, 1100, 700}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        for (int t = 0; t < 8; t++)
            check(PROVIDER_BF16,
                  (struct gemm_shape){t & 1, t >> 1 & 1, blocks[i][0], blocks[i][1], blocks[i][2]},
                  t >> 2);
    dev->info.has_native = 0;
    check_all(PROVIDER_BF16);
    dev->info.has_native = native;
}

/* What is not finite arrives; what is below bfloat16's range counts as 0. */
static void test_bf16_range(void **state)
{
    (void)state;
    const float a[4] = {NAN, INFINITY, -1e-40f, 3.4e38f}, b[4] = {1, 1, 1, 1};
    int native = dev->info.has_native;
    for (int on_host = native; on_host >= 0; on_host--) {
        struct error err;
        float c[4];
        struct buffer *m[3];
        dev->info.has_native = on_host;
        for (int i = 0; i < 3; i++)
            assert_non_null(m[i] = buffer_new(dev, sizeof a, "matrix", &err));
        assert_int_equal(buffer_write(m[0], 0, sizeof a, a, &err), 0);
        assert_int_equal(buffer_write(m[1], 0, sizeof a, b, &err), 0);
        struct gemm *gemm = gemm_new(dev, PROVIDER_BF16, (struct gemm_shape){0, 0, 4, 1, 1}, m[0],
                                     m[1], m[2], 0, &err);
        assert_non_null(gemm);
        assert_int_equal(gemm_enqueue(gemm, &err), 0);
        assert_int_equal(buffer_read(m[2], 0, sizeof c, c, &err), 0);
        assert_true(isnan(c[0]) && isinf(c[1]) && c[1] > 0 && c[2] == 0 && isinf(c[3]));
        gemm_free(gemm);
        for (int i = 0; i < 3; i++)
            buffer_free(m[i]);
    }
    dev->info.has_native = native;
}

/* device.tuning = measure: right results, remembered for the next run, broken memory measured anew.
 */
static void test_measured(void **state)
{
    (void)state;
    struct device *table = dev;
    struct error err;
    char folder[] = "/tmp/test_gemm.XXXXXX", command[128];
    const char *before = getenv("XDG_CACHE_HOME");
    char *saved = before ? strdup(before) : NULL;
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
    for (int run = 0; run < 4; run++) {
        dev = device_open(&(struct device_options){chosen_device(), 0.9, -1, 1, 0}, &err);
        assert_non_null(dev);
        size_t known = tuning_count(dev->tuning);
        assert_int_equal(known, run == 0 || run == 3 ? 0 : 1);
        check(PROVIDER_AUTO, (struct gemm_shape){0, 1, 64, 33, 20}, 0);
        assert_int_equal(tuning_count(dev->tuning), 1);
        device_save_programs(dev);
        if (run == 2) { /* what is no entry is forgotten */
            char *path = tuning_path(dev);
            assert_int_equal(file_write(path, "64 33 20 0 1 0 9 1\nnonsense", 26, &err), 0);
            free(path);
        }
        device_close(dev);
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    saved ? setenv("XDG_CACHE_HOME", saved, 1) : unsetenv("XDG_CACHE_HOME");
    free(saved);
    dev = table;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),        cmocka_unit_test(test_cblas),
        cmocka_unit_test(test_clblast),    cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_bf16_range), cmocka_unit_test(test_measured),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("gemm", tests, setup, teardown);
}
