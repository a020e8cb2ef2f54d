/* SPDX-License-Identifier: MIT */
/* Every GEMM provider against a double-precision product, odd shapes included. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "config/config.h"
#include "device/gemm/gemm.h"
#include "device/gemm/instance.h"
#include "device/gemm/provider.h"
#include "device/gemm/tuning.h"
#include "device/opencl.h"
#include "quant/quant.h"
#include "quarantine.h"
#include "quickly.h"
#include "tensor/packed.h"
#include "util/file.h"
#include "util/philox.h"

static struct device *dev;

static int setup(void **state)
{
    struct error err;
    (void)state;
    dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 0.9, .threads = -1},
        &err);
    if (!dev) {
        print_error("%s\n", err.text);
        return -1;
    }
    quarantine_for(dev);
    return 0;
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

/* The nearest number of so many binary digits, ties to even. */
static double to_digits(double x, int digits)
{
    int exponent;
    double part = frexp(x, &exponent);
    return ldexp(nearbyint(ldexp(part, digits)), exponent - digits);
}

/* A bfloat16, but for its range. */
static double bf16(double x)
{
    return to_digits(x, 8);
}

/* What the provider makes of a factor. */
static double factor_of(const struct gemm_provider *provider, double x)
{
    const char *name = provider ? provider->name : "";
    if (dev->info.tf32 && !strcmp(name, "own")) { /* ties go away from zero */
        int exponent;
        const double part = frexp(x, &exponent);
        return ldexp(round(ldexp(part, 11)), exponent - 11);
    }
    return !strcmp(name, "bf16_products")   ? bf16(x)
           : !strcmp(name, "fp16_products") ? to_digits(x, 11)
                                            : x;
}

/* The bits of a number that its type holds, none of them in the fp16 beyond its usual range. */
static uint16_t half_bits(float x, enum dtype type)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (type == DTYPE_BF16)
        return (uint16_t)(bits >> 16);
    const uint32_t exponent = bits >> 23 & 0xff;
    return (uint16_t)(bits >> 16 & 0x8000) |
           (exponent ? (uint16_t)((exponent - 112) << 10 | (bits >> 13 & 0x3ff)) : 0);
}

static float half_value(uint16_t bits, enum dtype type)
{
    const uint32_t word = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &word, sizeof x);
    if (type == DTYPE_BF16)
        return x;
    const int exponent = bits >> 10 & 31, digits = bits & 0x3ff;
    const double size = exponent ? ldexp(1024 + digits, exponent - 25) : ldexp(digits, -24);
    return (float)(bits & 0x8000 ? -size : size);
}

/* A matrix of values, as its type holds them, in a buffer; the values become those. */
static void write_matrix(struct buffer *to, enum dtype type, float *values, size_t n)
{
    struct error err;
    uint16_t *halves = malloc(2 * n);
    assert_non_null(halves);
    for (size_t i = 0; i < n && type != DTYPE_F32; i++) {
        values[i] = (float)to_digits((double)values[i], type == DTYPE_BF16 ? 8 : 11);
        values[i] = fabs((double)values[i]) < 1e-4 ? 0 : values[i];
        halves[i] = half_bits(values[i], type);
    }
    const void *from = type == DTYPE_F32 ? (void *)values : halves;
    assert_int_equal(buffer_write(to, 0, dtype_bytes(type, n), from, &err), 0);
    free(halves);
}

static void read_matrix(struct buffer *from, enum dtype type, float *values, size_t n)
{
    struct error err;
    uint16_t *halves = malloc(2 * n);
    assert_non_null(halves);
    void *to = type == DTYPE_F32 ? (void *)values : halves;
    assert_int_equal(buffer_read(from, 0, dtype_bytes(type, n), to, &err), 0);
    for (size_t i = 0; i < n && type != DTYPE_F32; i++)
        values[i] = half_value(halves[i], type);
    free(halves);
}

/* B of these values in a new buffer; the values become those that it holds. */
static struct buffer *new_b(const struct gemm_shape *s, float *values)
{
    struct error err;
    const size_t rows = s->trans_b ? s->n : s->k, columns = s->trans_b ? s->k : s->n;
    const enum dtype type = s->type[1];
    const size_t bytes = packed_is(type) ? packed_form(type, rows, columns).bytes
                                         : dtype_bytes(type, rows * columns);
    struct buffer *to = buffer_new(dev, bytes, "b", &err);
    assert_non_null(to);
    if (!packed_is(type)) {
        write_matrix(to, type, values, rows * columns);
        return to;
    }
    void *packed = malloc(bytes);
    assert_non_null(packed);
    assert_int_equal(quant_pack(type, values, rows, columns, packed, "b", &err), 0);
    packed_unpack(type, packed, rows, columns, 0, rows * columns, values);
    assert_int_equal(buffer_write(to, 0, bytes, packed, &err), 0);
    free(packed);
    return to;
}

static void fill_nan(struct buffer *to)
{
    struct error err;
    const size_t n = buffer_size(to) / 4;
    float *nan = malloc(4 * n);
    assert_non_null(nan);
    for (size_t i = 0; i < n; i++)
        nan[i] = NAN;
    assert_int_equal(buffer_write(to, 0, 4 * n, nan, &err), 0);
    free(nan);
}

/* `tiles` as in struct gemm. */
static void check_tiles(const struct gemm_provider *provider, size_t tiles, struct gemm_shape s,
                        int add)
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
    struct buffer *db = new_b(&s, b);
    struct buffer *da = buffer_new(dev, dtype_bytes(s.type[0], s.m * s.k), "a", &err);
    size_t skip = device_info(dev)->base_align;
    struct buffer *room = buffer_new(dev, dtype_bytes(s.type[2], s.m * s.n) + skip, "c", &err);
    struct buffer *dc = buffer_part(room, skip, dtype_bytes(s.type[2], s.m * s.n), &err);
    write_matrix(da, s.type[0], a, s.m * s.k);
    write_matrix(dc, s.type[2], c, s.m * s.n);
    const size_t floats = gemm_room(dev, &s);
    struct buffer *parts = floats ? buffer_new(dev, 4 * floats, "parts", &err) : NULL;
    if (parts)
        fill_nan(parts);
    struct gemm *gemm = tiles ? gemm_new_as(dev, provider, tiles, s,
                                            (struct buffer *[]){da, db, dc, parts}, add, NULL, &err)
                              : gemm_new(dev, provider, s, da, db, dc, parts, add, NULL, &err);
    if (!gemm)
        fail_msg("%s", err.text);
    float *got = malloc(s.m * s.n * 4), *again = malloc(s.m * s.n * 4);
    for (int run = 0; run < 2; run++) { /* the same bits twice */
        if (run)
            write_matrix(dc, s.type[2], c, s.m * s.n);
        assert_int_equal(gemm_enqueue(gemm, &err), 0);
        read_matrix(dc, s.type[2], run ? again : got, s.m * s.n);
    }
    assert_memory_equal(got, again, s.m * s.n * 4);
    for (size_t i = 0; i < s.m * s.k; i++)
        a[i] = (float)factor_of(provider, (double)a[i]);
    for (size_t i = 0; i < s.k * s.n; i++)
        b[i] = (float)factor_of(provider, (double)b[i]);
    const double rounds = s.type[2] == DTYPE_BF16 ? 0x1p-8 : s.type[2] == DTYPE_F16 ? 0x1p-11 : 0;
    for (size_t i = 0; i < s.m; i++)
        for (size_t j = 0; j < s.n; j++) {
            double sum = add ? c[i * s.n + j] : 0, size = fabs(sum);
            for (size_t k = 0; k < s.k; k++) {
                const double x = (double)(s.trans_a ? a[k * s.m + i] : a[i * s.k + k]) *
                                 (double)(s.trans_b ? b[j * s.k + k] : b[k * s.n + j]);
                sum += x;
                size += fabs(x);
            }
            if (!(fabs(got[i * s.n + j] - sum) <=
                  1e-7 * sqrt((double)s.k) * size + 1e-7 + rounds * (fabs(sum) + 1e-4)))
                fail_msg("%zux%zux%zu ta %d tb %d add %d %s %s %s at %zu,%zu: %g, not %g", s.m, s.n,
                         s.k, s.trans_a, s.trans_b, add, dtype_name(s.type[0]),
                         dtype_name(s.type[1]), dtype_name(s.type[2]), i, j,
                         (double)got[i * s.n + j], sum);
        }
    gemm_free(gemm);
    buffer_free(da);
    buffer_free(db);
    buffer_free(dc);
    buffer_free(room);
    buffer_free(parts);
    free(a);
    free(b);
    free(c);
    free(got);
    free(again);
}

static void check(const struct gemm_provider *provider, struct gemm_shape s, int add)
{
    check_tiles(provider, 0, s, add);
}

static void check_all(const struct gemm_provider *provider)
{
    const size_t shapes[][3] = {{1, 1, 1},    {7, 5, 3},      {64, 64, 64},   {100, 65, 130},
                                {3, 200, 33}, {800, 64, 300}, {69, 23, 2500}, {33, 400, 2048}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int t = 0; t < 8; t++)
            check(provider,
                  gemm_shape_of(t & 1, t >> 1 & 1, shapes[i][0], shapes[i][1], shapes[i][2]),
                  t >> 2);
}

static void test_own(void **state)
{
    (void)state;
    check_all(gemm_provider_find("own"));
}

static int of_cpu; /* the device that is cut as for a GPU is a CPU */

/* Runs `test` with the device cut as for a GPU. */
static void as_gpu(void test(void))
{
    struct device *flat = dev;
    struct error err;
    dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 0.9, .threads = -1},
        &err);
    assert_non_null(dev);
    of_cpu = device_info(dev)->is_cpu;
    device_act_as_gpu(dev);
    compile_quickly_for(dev, 1);
    test();
    compile_quickly_for(dev, 0);
    device_close(dev);
    dev = flat;
}

/* Rows that are no multiples of four, and others, by each instance. */
static void instances(void)
{
    const size_t shapes[][3] = {{129, 65, 17}, {1, 3, 1}, {132, 260, 44}, {132, 68, 1061}};
    for (size_t of = 1; of <= gemm_instance_count; of++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int t = 0; t < 4 && !gemm_instances[of - 1].matrix; t++)
                check_tiles(gemm_provider_find("own"), of,
                            gemm_shape_of(t & 1, t >> 1, shapes[i][0], shapes[i][1], shapes[i][2]),
                            t & 1);
    check(gemm_provider_find("own"), gemm_shape_of(0, 0, 65, 3, 129), 0); /* wide or not: each */
    check(gemm_provider_find("own"), gemm_shape_of(0, 1, 3, 8, 132), 1);
    check(gemm_provider_find("own"), gemm_shape_of(1, 0, 17, 4, 68), 0);
}

static void test_instances(void **state)
{
    (void)state;
    as_gpu(instances);
}

/* Sums of a part of K each: with and without room for them. */
static void parts(void)
{
    const struct gemm_provider *own = gemm_provider_find("own");
    struct error err;
    char text[64];
    struct gemm_shape s = gemm_shape_of(1, 0, 33, 17, 1061);
    assert_int_equal(gemm_parts(&s), 4);
    assert_int_equal(gemm_room(dev, &s), 4 * 33 * 17);
    assert_true(4 * gemm_chunk(&s, 4) >= 1061 && 3 * gemm_chunk(&s, 4) < 1061);
    for (int add = 0; add < 2; add++)
        check(own, s, add);
    check(own, gemm_shape_of(0, 1, 4, 8, 2048), 1);
    s.type[0] = s.type[2] = DTYPE_BF16;
    check(gemm_provider_find("bf16_products"), s, 1);
    struct buffer *m[4];
    for (int i = 0; i < 4; i++)
        assert_non_null(m[i] = buffer_new(dev, 4 * 33 * 1061, "matrix", &err));
    s = gemm_shape_of(1, 0, 33, 17, 1061);
    for (int room = 0; room < 2; room++) {
        struct gemm *gemm =
            gemm_new(dev, own, s, m[0], m[1], m[2], room ? m[3] : NULL, 0, NULL, &err);
        assert_non_null(gemm);
        snprintf(text, sizeof text, "%s", gemm_describe(gemm));
        assert_int_equal(strstr(text, "4 parts") != NULL, room);
        gemm_free(gemm);
    }
    for (int i = 0; i < 4; i++)
        buffer_free(m[i]);
}

static void test_parts(void **state)
{
    (void)state;
    as_gpu(parts);
}

/* Into how many parts K is cut depends on the shape; there is room where it is cut on a GPU. */
static void test_cut(void **state)
{
    (void)state;
    const struct {
        size_t m, n, k, parts;
    } cases[] = {{64, 64, 1023, 1},        {64, 64, 1024, 4},    {64, 64, 1 << 20, 256},
                 {1024, 1024, 1 << 20, 1}, {512, 512, 65536, 4}, {512, 1024, 4096, 2},
                 {1, 1, 100000, 241}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gemm_shape s = gemm_shape_of(0, 0, cases[i].m, cases[i].n, cases[i].k);
        const size_t parts = gemm_parts(&s), chunk = gemm_chunk(&s, parts);
        assert_int_equal(parts, cases[i].parts);
        assert_true((parts - 1) * chunk < s.k && parts * chunk >= s.k);
        if (device_info(dev)->is_cpu)
            assert_int_equal(gemm_room(dev, &s), 0);
    }
}

/* Large tiles where there are enough of them for each processor; none on CPUs, nor where groups are
 * small. */
static void test_choice(void **state)
{
    (void)state;
    const struct device_info before = dev->info;
    const struct {
        size_t m, n, k;
        unsigned units;
        const char *kernel;
    } cases[] = {{8192, 3072, 768, 132, "gemm_128x128"}, {8192, 3072, 768, 0, "gemm_128x128"},
                 {512, 512, 256, 132, "gemm_32x32"},     {512, 512, 256, 4, "gemm_128x128"},
                 {2560, 256, 256, 80, "gemm_64x64"},     {33, 17, 5000, 80, "gemm_32x32"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gemm_shape s = gemm_shape_of(0, 0, cases[i].m, cases[i].n, cases[i].k);
        dev->info.vendor[0] = 0;
        dev->info.is_cpu = 1;
        assert_null(gemm_instance_for(dev, &s, DTYPE_F32));
        dev->info.is_cpu = 0;
        dev->info.compute_units = cases[i].units;
        dev->info.max_group = 1024;
        assert_string_equal(gemm_instance_for(dev, &s, DTYPE_F32)->kernel, cases[i].kernel);
        dev->info.max_group = 128;
        assert_true(gemm_instance_for(dev, &s, DTYPE_F32)->lanes <= 128);
        dev->info.max_group = 32;
        assert_null(gemm_instance_for(dev, &s, DTYPE_F32));
    }
    dev->info = before;
}

/* Intel's compute units are parts of a processor. */
static void test_choice_class(void **state)
{
    (void)state;
    const struct device_info before = dev->info;
    const struct gemm_shape s = gemm_shape_of(0, 0, 1024, 1024, 512);
    static const struct {
        const char *vendor, *kernel;
        enum device_matrix matrix;
        unsigned units;
    } cases[] = {{"another", "gemm_128x128", MATRIX_NONE, 32},
                 {"another", "gemm_32x32", MATRIX_NONE, 512},
                 {"Intel(R) Corporation", "gemm_128x128", MATRIX_DPAS_8, 512},
                 {"Intel(R) Corporation", "gemm_128x128", MATRIX_DPAS_16, 256},
                 {"Intel(R) Corporation", "gemm_32x32", MATRIX_DPAS_16, 2048}};
    dev->info.is_cpu = 0;
    dev->info.max_group = 1024;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(dev->info.vendor, sizeof dev->info.vendor, "%s", cases[i].vendor);
        dev->info.matrix = cases[i].matrix;
        dev->info.compute_units = cases[i].units;
        assert_string_equal(gemm_instance_for(dev, &s, DTYPE_F32)->kernel, cases[i].kernel);
    }
    dev->info = before;
}

/* By matrix units as fast as on a card for computing, and as on others: large tiles where the last
 * cache bounds a product, smaller ones where processors would be without work. */
static void test_choice_matrix(void **state)
{
    (void)state;
    const struct device_info before = dev->info;
    const struct {
        size_t m, n, k;
        unsigned units, rate;
        const char *kernel;
    } cases[] = {{2048, 2048, 512, 132, 16, "gemm_mma_256x128"},
                 {2048, 512, 2048, 132, 16, "gemm_mma_128x128"},
                 {512, 512, 512, 132, 16, "gemm_mma_64x64"},
                 {2048, 1536, 512, 132, 16, "gemm_mma_256x128"},
                 {2048, 1536, 512, 80, 2, "gemm_mma_64x64"},
                 {2044, 2047, 512, 132, 16, "gemm_mma_64x64"}};
    dev->info.is_cpu = 0;
    dev->info.max_group = 1024;
    dev->info.matrix = MATRIX_PTX;
    dev->info.vendor[0] = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gemm_shape s = gemm_shape_of(0, 0, cases[i].m, cases[i].n, cases[i].k);
        s.type[0] = s.type[1] = s.type[2] = DTYPE_BF16;
        dev->info.compute_units = cases[i].units;
        dev->info.matrix_rate = cases[i].rate;
        assert_string_equal(gemm_instance_for(dev, &s, DTYPE_BF16)->kernel, cases[i].kernel);
    }
    dev->info = before;
}

/* Stored and rounded factors, and packed ones. */
static void types(void)
{
    static const struct {
        const char *name;
        enum dtype type;
    } factors[] = {
        {"bf16_products", DTYPE_BF16}, {"fp16_products", DTYPE_F16}, {"own", DTYPE_BF16}};
    static const enum dtype packs[] = {DTYPE_NF4, DTYPE_NF4_NESTED, DTYPE_INT8};
    dev->info.has_native = 0;
    for (int i = 0; i < 3; i++)
        for (int t = 0; t < 4; t++) {
            struct gemm_shape s = t % 2 ? gemm_shape_of(t >> 1, !(t >> 1), 36, 40, 20)
                                        : gemm_shape_of(t >> 1, t >> 1, 33, 7, 35);
            for (int k = 0; k < 3; k++)
                s.type[k] = t == 3 || k != t ? factors[i].type : DTYPE_F32;
            check(gemm_provider_find(factors[i].name), s, t % 2);
        }
    for (int i = 0; i < 3; i++) {
        struct gemm_shape s = gemm_shape_of(0, i % 2, 5, 36, 68);
        s.type[1] = packs[i];
        check(gemm_provider_find("own"), s, 0);
    }
}

static void test_types(void **state)
{
    (void)state;
    as_gpu(types);
}

static void test_cblas(void **state)
{
    (void)state;
    if (!device_info(dev)->has_native) {
        print_message("this device runs no host functions\n");
        skip();
    }
    check_all(gemm_provider_find("cblas"));
}

static void test_clblast(void **state)
{
    (void)state;
    check_all(gemm_provider_find("clblast"));
}

/* By the host BLAS, whatever instructions the CPU has. */
static int blas_init(struct gemm *gemm, struct error *err)
{
    gemm_blas_ready();
    return gemm_host_init(
        gemm, gemm_rounded(strcmp(gemm->provider->name, "bf16_products") ? DTYPE_F16 : DTYPE_BF16),
        err);
}

/* Every mixture of fp32 and `stored`. */
static void check_stored(const struct gemm_provider *provider, enum dtype stored)
{
    const size_t shapes[][3] = {{1, 1, 1},     {7, 5, 3},      {100, 65, 130},
                                {97, 33, 257}, {13, 513, 256}, {300, 530, 515}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int t = 0; t < 64; t++) {
            struct gemm_shape s =
                gemm_shape_of(t & 1, t >> 1 & 1, shapes[i][0], shapes[i][1], shapes[i][2]);
            for (int k = 0; k < 3; k++)
                s.type[k] = t >> (3 + k) & 1 ? stored : DTYPE_F32;
            if (t >> 3 && (i < 4 || t % 13 == 0)) /* some of the larger ones */
                check(provider, s, t >> 2 & 1);
        }
}

static void test_rounded(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum dtype type;
    } factors[] = {{"bf16_products", DTYPE_BF16}, {"fp16_products", DTYPE_F16}};
    if (!device_info(dev)->has_native || !gemm_rounded(DTYPE_BF16)) {
        print_message("no host BLAS for this device\n");
        skip();
    }
    for (int i = 0; i < 2; i++) {
        const struct gemm_provider provider = {.name = factors[i].name,
                                               .init = blas_init,
                                               .enqueue = gemm_host_enqueue,
                                               .fini = gemm_host_fini};
        check_all(&provider);
        check_stored(&provider, factors[i].type);
    }
}

static void test_fp16(void **state)
{
    (void)state;
    int native = dev->info.has_native;
    check_all(gemm_provider_find("fp16_products"));
    dev->info.has_native = 0;
    check_all(gemm_provider_find("fp16_products"));
    check_stored(gemm_provider_find("fp16_products"), DTYPE_F16);
    dev->info.has_native = native;
}

/* By instructions of the CPU where it has them, and by our own kernel. */
static void test_bf16(void **state)
{
    (void)state;
    int native = dev->info.has_native;
    print_message("# products in bfloat16 by %s\n",
                  gemm_provider_name(dev, gemm_provider_find("bf16_products")));
    check_all(gemm_provider_find("bf16_products"));
    check_stored(gemm_provider_find("bf16_products"), DTYPE_BF16);
    const size_t blocks[][3] = {{97, 33, 257}, {13, 513, 256}, {200, 31, 1}, {1, 1100, 700}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        for (int t = 0; t < 8; t++)
            check(gemm_provider_find("bf16_products"),
                  gemm_shape_of(t & 1, t >> 1 & 1, blocks[i][0], blocks[i][1], blocks[i][2]),
                  t >> 2);
    dev->info.has_native = 0;
    check_all(gemm_provider_find("bf16_products"));
    check_stored(gemm_provider_find("bf16_products"), DTYPE_BF16);
    dev->info.has_native = native;
}

/* The instance of such units with a tile of so many rows, counted from 1; 0: there is none. */
static size_t tiles_of(enum device_matrix matrix, size_t m)
{
    for (size_t i = 0; i < gemm_instance_count; i++)
        if (gemm_instances[i].matrix == device_matrix_kind(matrix) && gemm_instances[i].m == m)
            return i + 1;
    return 0;
}

/* A GPU's own units, if it has some; a CPU has the first of the emulated ones. */
static enum device_matrix own_units(void)
{
    return dev->info.matrix != MATRIX_NONE ? dev->info.matrix : MATRIX_EMULATED;
}

struct by_units {
    size_t m, n, k, tile;             /* tile: its rows */
    int provider, trans, add, stored; /* bits: A, B, C */
};

static void check_units(enum device_matrix matrix, const struct by_units *c)
{
    static const char *const names[] = {"bf16_products", "fp16_products", "own"};
    static const enum dtype types[] = {DTYPE_BF16, DTYPE_F16, DTYPE_F32};
    struct gemm_shape s = gemm_shape_of(c->trans & 1, c->trans >> 1, c->m, c->n, c->k);
    const enum dtype type = types[c->provider];
    const size_t tiles = tiles_of(matrix, c->tile);
    const int emulated = matrix != device_matrix_kind(matrix);
    if (!tiles || (type == DTYPE_F32 && device_matrix_kind(matrix) != MATRIX_PTX))
        return; /* NVIDIA's alone have a tile of 256 rows, and TF32 */
    if (emulated && c->tile > 64 && !of_cpu)
        return; /* a GPU has not the local memory that large ones take when they are emulated */
    for (int t = 0; t < 3; t++)
        s.type[t] = c->stored >> t & 1 ? type : DTYPE_F32;
    assert_true(gemm_instance_for(dev, &s, type)->matrix != MATRIX_NONE);
    assert_true(gemm_instance_fits(&gemm_instances[tiles - 1], dev, &s, type));
    check_tiles(gemm_provider_find(names[c->provider]), tiles, s, c->add);
}

/* By matrix units: their kernel in all tiles, with rows that are read 16 bytes at a time and such
 * that are not, and in parts of K. Each needs programs that take seconds to compile. */
static void matrix(void)
{
    static const struct by_units cases[] = {
        {1, 1, 1, 64, 0, 0, 0, 0},        {70, 65, 33, 64, 0, 1, 1, 7},
        {67, 131, 50, 64, 1, 3, 1, 2},    {67, 131, 50, 64, 2, 0, 0, 0},
        {65, 70, 19, 64, 2, 3, 1, 0},     {72, 136, 96, 64, 0, 3, 0, 4},
        {136, 72, 40, 64, 1, 1, 0, 7},    {136, 72, 200, 64, 0, 2, 1, 0},
        {100, 68, 52, 64, 2, 1, 0, 0},    {100, 68, 52, 64, 2, 2, 1, 0},
        {264, 200, 48, 128, 0, 2, 0, 7},  {200, 136, 56, 128, 2, 0, 0, 0},
        {72, 67, 1100, 64, 0, 1, 1, 5},   {70, 66, 1030, 64, 2, 2, 0, 0},
        {264, 136, 40, 256, 0, 0, 1, 5},  {264, 136, 44, 256, 2, 3, 0, 0},
        {72, 136, 1064, 128, 1, 0, 0, 3}, {136, 72, 1064, 256, 0, 3, 1, 7},
    };
    char bf16[96], tf32[96];
    const enum device_matrix units = own_units();
    dev->info.tf32 = 1;
    device_emulate_matrix(dev, units);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_units(units, &cases[i]);
    snprintf(bf16, sizeof bf16, "bf16 own %s", device_matrix_name(units));
    snprintf(tf32, sizeof tf32, "own TF32 %s", device_matrix_name(units));
    assert_string_equal(gemm_provider_name(dev, gemm_provider_find("bf16_products")), bf16);
    dev->info.has_native = 0;
    if (device_matrix_kind(units) == MATRIX_PTX)
        assert_string_equal(gemm_provider_name(dev, gemm_provider_for(dev, NULL)), tf32);
}

static void test_matrix(void **state)
{
    (void)state;
    as_gpu(matrix);
}

/* By AMD's and Intel's matrix units, emulated. They make no TF32. */
static void others(void)
{
    static const struct by_units cases[] = {{67, 131, 40, 64, 0, 0, 1, 5},
                                            {70, 66, 1030, 64, 1, 3, 0, 6},
                                            {136, 264, 40, 128, 0, 2, 0, 7}};
    const struct gemm_shape full = gemm_shape_of(0, 0, 64, 64, 64);
    dev->info.tf32 = 1;
    for (int how = MATRIX_WMMA_EMULATED; how <= MATRIX_DPAS_16_EMULATED; how += 2) {
        device_emulate_matrix(dev, (enum device_matrix)how);
        assert_true(gemm_instance_for(dev, &full, DTYPE_F32)->matrix == MATRIX_NONE);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            check_units((enum device_matrix)how, &cases[i]);
    }
}

static void test_others(void **state)
{
    (void)state;
    as_gpu(others);
}

/* GELU, and its slope. */
static double gelu(double u)
{
    return u * erfc(-u * M_SQRT1_2) / 2;
}

static double gelu_slope(double u)
{
    return erfc(-u * M_SQRT1_2) / 2 + u * exp(-u * u / 2) * M_SQRT1_2 * M_2_SQRTPI / 2;
}

/* What a product and its tail read and write: A, B, C, room, bias, positions, kept. Behind each lie
 * BEHIND numbers that stay. */
enum { PERIOD = 6, TAILED_BUFFERS = 7, BEHIND = 400, DROP_PATH = 11, DROP_BELOW = 1 << 14 };
struct tailed {
    struct buffer *buffer[TAILED_BUFFERS], *zeros, *samples;
    float *value[TAILED_BUFFERS], behind[TAILED_BUFFERS][BEHIND];
    size_t elems[TAILED_BUFFERS];
};

/* The sample that is number i of a batch. */
static uint32_t sample_of(size_t i)
{
    return (uint32_t)(i * 7 + 3);
}

static void tailed_open(struct tailed *t, const struct gemm_shape *s)
{
    struct error err;
    const size_t elems[] = {s->m * s->k, s->k * s->n,   s->m * s->n, gemm_room(dev, s),
                            s->n,        s->n * PERIOD, s->m * s->n};
    const enum dtype type[] = {s->type[0], s->type[1], s->type[2], DTYPE_F32,
                               DTYPE_F32,  DTYPE_F32,  s->type[2]};
    for (size_t i = 0; i < TAILED_BUFFERS; i++) {
        const size_t n = (t->elems[i] = elems[i]) + BEHIND;
        t->value[i] = malloc(4 * n);
        t->buffer[i] = buffer_new(dev, dtype_bytes(type[i], n), "matrix", &err);
        assert_true(t->value[i] && t->buffer[i]);
        for (size_t j = 0; j < n; j++)
            t->value[i][j] = value(j + 1000 * i);
        write_matrix(t->buffer[i], type[i], t->value[i], n);
        memcpy(t->behind[i], t->value[i] + elems[i], sizeof t->behind[i]);
    }
    uint32_t sample[64];
    for (size_t i = 0; i < 64; i++)
        sample[i] = sample_of(i);
    t->zeros = buffer_new(dev, 4096, "zeros", &err); /* what is in a step */
    t->samples = buffer_new(dev, sizeof sample, "samples", &err);
    assert_true(t->zeros && t->samples);
    assert_int_equal(buffer_write(t->samples, 0, sizeof sample, sample, &err), 0);
}

static void tailed_close(struct tailed *t)
{
    for (int i = 0; i < TAILED_BUFFERS; i++) {
        buffer_free(t->buffer[i]);
        free(t->value[i]);
    }
    buffer_free(t->zeros);
    buffer_free(t->samples);
}

/* What a product has written, and nothing behind it. */
static void tailed_read(struct tailed *t, int i, enum dtype type)
{
    read_matrix(t->buffer[i], type, t->value[i], t->elems[i] + BEHIND);
    assert_memory_equal(t->value[i] + t->elems[i], t->behind[i], sizeof t->behind[i]);
}

/* What dropout of a quarter multiplies an element with, by the rule of cl/common.h. */
static double dropped(size_t row, size_t column, size_t n)
{
    const uint32_t e = (uint32_t)(row % PERIOD * n + column), h = e / 64;
    uint32_t word[4];
    philox(word, h / 2 * 16 + e % 16, sample_of(row / PERIOD), DROP_PATH, 0, 0);
    return (word[e / 16 % 4] >> h % 2 * 16 & 0xffff) >= DROP_BELOW ? 4.0 / 3 : 0;
}

/* A sum of rounded factors in double precision, and the size of its terms. */
static double sum_at(const struct gemm_provider *provider, const struct tailed *t,
                     const struct gemm_shape *s, size_t i, size_t j, double *size)
{
    double sum = 0;
    *size = 0;
    for (size_t k = 0; k < s->k; k++) {
        const float a = t->value[0][s->trans_a ? k * s->m + i : i * s->k + k];
        const float b = t->value[1][s->trans_b ? j * s->k + k : k * s->n + j];
        const double x = factor_of(provider, (double)a) * factor_of(provider, (double)b);
        sum += x;
        *size += fabs(x);
    }
    return sum;
}

/* C = dropout(GELU(s + bias + position)), s kept; or of `slope` C = s dropout GELU'(kept + bias).
 */
static void check_tail(const char *name, struct gemm_shape s, int slope)
{
    struct error err;
    struct tailed t;
    const struct gemm_provider *provider = gemm_provider_find(name);
    tailed_open(&t, &s);
    const struct gemm_tail tail = {
        .slope = slope,
        .act = 2,
        .biased = 1,
        .placed = !slope,
        .keeps = !slope,
        .drops = 1,
        .period = PERIOD,
        .path = DROP_PATH,
        .threshold = DROP_BELOW,
        .scale = 4.0f / 3,
        .buffer = {t.buffer[4], t.buffer[5], t.buffer[6], t.samples, t.zeros}};
    assert_true(gemm_takes_tail(dev, provider, &s));
    struct gemm *gemm = gemm_new(dev, provider, s, t.buffer[0], t.buffer[1], t.buffer[2],
                                 gemm_room(dev, &s) ? t.buffer[3] : NULL, 0, &tail, &err);
    if (!gemm)
        fail_msg("%s", err.text);
    assert_non_null(strstr(gemm_describe(gemm), "tail"));
    assert_int_equal(strstr(gemm_describe(gemm), "parts") != NULL, s.k > 1000);
    assert_int_equal(gemm_enqueue(gemm, &err), 0);
    tailed_read(&t, 2, s.type[2]);
    tailed_read(&t, 6, s.type[2]);
    const double rounds = s.type[2] == DTYPE_BF16 ? 0x1p-8 : s.type[2] == DTYPE_F16 ? 0x1p-11 : 0;
    for (size_t e = 0; e < s.m * s.n; e++) {
        const size_t i = e / s.n, j = e % s.n;
        double size, sum = sum_at(provider, &t, &s, i, j, &size);
        const double kept = (double)t.value[6][e], u = kept + (double)t.value[4][j],
                     got = (double)t.value[2][e];
        const double off = 1e-7 * sqrt((double)s.k) * size + rounds * (fabs(sum) + 1e-4) + 1e-6;
        const double y =
            dropped(i, j, s.n) *
            (slope ? sum * gelu_slope(u) : gelu(u + (double)t.value[5][i % PERIOD * s.n + j]));
        const double apart = slope ? 8.0 / 3 * off : 1e-5 + rounds * (fabs(y) + 1e-4);
        if (!(slope || fabs(kept - sum) <= off) || !(fabs(got - y) <= apart + 1e-5 * fabs(y)))
            fail_msg("%s %zux%zux%zu slope %d at %zu,%zu: %g, not %g, of %g, not %g", name, s.m,
                     s.n, s.k, slope, i, j, got, y, kept, sum);
    }
    gemm_free(gemm);
    tailed_close(&t);
}

/* By tiles, and by the matrix units of all, emulated but for a GPU's own, some with parts of K,
 * whose sum has the tail. Each is a program that takes a second or more to compile. */
static void tails(void)
{
    static const struct {
        const char *name;
        enum device_matrix matrix;
        size_t m, n, k;
        int trans, slope, stored; /* stored: bits of A, B, C */
    } cases[] = {
        {"own", MATRIX_NONE, 33, 20, 1061, 2, 0, 0},
        {"bf16_products", MATRIX_NONE, 35, 36, 19, 0, 1, 5},
        {"bf16_products", MATRIX_EMULATED, 35, 48, 1061, 2, 0, 5},
        {"fp16_products", MATRIX_EMULATED, 67, 80, 40, 0, 1, 7},
        {"bf16_products", MATRIX_WMMA_EMULATED, 35, 68, 40, 2, 0, 5},
        {"fp16_products", MATRIX_DPAS_8_EMULATED, 35, 20, 1061, 0, 1, 5},
        {"bf16_products", MATRIX_DPAS_16_EMULATED, 67, 36, 24, 0, 1, 1},
    };
    const enum device_matrix own = own_units();
    dev->info.has_native = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gemm_shape s = gemm_shape_of(cases[i].trans & 1, cases[i].trans >> 1, cases[i].m,
                                            cases[i].n, cases[i].k);
        const int is_own = device_matrix_kind(cases[i].matrix) == device_matrix_kind(own);
        const int half = cases[i].name[0] == 'f';
        for (int k = 0; k < 3; k++)
            if (cases[i].stored >> k & 1)
                s.type[k] = half ? DTYPE_F16 : DTYPE_BF16;
        device_emulate_matrix(dev, is_own ? own : cases[i].matrix);
        check_tail(cases[i].name, s, cases[i].slope);
    }
}

/* Whole vectors alone have tails, by NVIDIA's units whole 16 columns. */
static void tails_fit(void)
{
    static const struct {
        enum device_matrix matrix;
        size_t n;
        int fits;
    } cases[] = {{MATRIX_NONE, 20, 1},          {MATRIX_NONE, 18, 0},
                 {MATRIX_EMULATED, 48, 1},      {MATRIX_EMULATED, 20, 0},
                 {MATRIX_WMMA_EMULATED, 20, 1}, {MATRIX_WMMA_EMULATED, 18, 0}};
    const struct gemm_provider *provider = gemm_provider_find("bf16_products");
    dev->info.has_native = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct gemm_shape s = gemm_shape_of(0, 0, 35, cases[i].n, 40);
        device_emulate_matrix(dev, cases[i].matrix);
        assert_int_equal(gemm_takes_tail(dev, provider, &s), cases[i].fits);
    }
}

static void test_tails(void **state)
{
    (void)state;
    as_gpu(tails_fit);
    as_gpu(tails);
}

/* What is not finite arrives; what is below bfloat16's usual range counts as 0, or as what it is.
 */
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
        struct gemm *gemm =
            gemm_new(dev, gemm_provider_find("bf16_products"), gemm_shape_of(0, 0, 4, 1, 1), m[0],
                     m[1], m[2], NULL, 0, NULL, &err);
        assert_non_null(gemm);
        assert_int_equal(gemm_enqueue(gemm, &err), 0);
        assert_int_equal(buffer_read(m[2], 0, sizeof c, c, &err), 0);
        assert_true(isnan(c[0]) && isinf(c[1]) && c[1] > 0 && fabs((double)c[2]) <= 1.1e-40 &&
                    isinf(c[3]));
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
        dev = device_open(
            &(struct device_options){
                .select = chosen_device(), .memory_fraction = 0.9, .threads = -1, .measure = 1},
            &err);
        assert_non_null(dev);
        size_t known = tuning_count(dev->tuning);
        assert_int_equal(known, run == 0 || run == 3 ? 0 : 1);
        check(NULL, gemm_shape_of(0, 1, 64, 33, 20), 0);
        assert_int_equal(tuning_count(dev->tuning), 1);
        device_save_programs(dev);
        if (run == 2) { /* what is no entry is forgotten, and who would change the result */
            static const char text[] =
                "64 33 20 0 1 0 F32 F32 F32 nobody 1\n64 33 20 0 1 0 F32 F9 F32 own 1\n"
                "64 33 20 0 1 0 own 1\nnonsense";
            char *path = tuning_path(dev);
            assert_int_equal(file_write(path, text, sizeof text - 1, &err), 0);
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

/* Who rounds is measured on GPUs, by the instances of our own alone; what it was stands in the file
 * with its types, and is for nobody else. */
static void test_measured_rounded(void **state)
{
    (void)state;
    struct device *table = dev;
    struct error err;
    char folder[] = "/tmp/test_gemm.XXXXXX", command[128];
    const char *before = getenv("XDG_CACHE_HOME");
    char *saved = before ? strdup(before) : NULL;
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
    struct gemm_shape s = gemm_shape_of(0, 0, 36, 40, 20);
    s.type[0] = DTYPE_BF16;
    for (int run = 0; run < 2; run++) {
        dev = device_open(
            &(struct device_options){
                .select = chosen_device(), .memory_fraction = 0.9, .threads = -1, .measure = 1},
            &err);
        assert_non_null(dev);
        const struct device_info flat = dev->info; /* by which the file is found */
        device_act_as_gpu(dev);
        dev->info.has_native = 0;
        assert_int_equal(tuning_count(dev->tuning), run ? 1 : 0);
        check(gemm_provider_find("bf16_products"), s, 0);
        assert_int_equal(tuning_count(dev->tuning), 1);
        dev->info = flat;
        device_save_programs(dev);
        device_close(dev);
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    saved ? setenv("XDG_CACHE_HOME", saved, 1) : unsetenv("XDG_CACHE_HOME");
    free(saved);
    dev = table;
}

/* device.gemm offers the providers of the table, and auto. */
static void test_choices(void **state)
{
    const char *choice;
    (void)state;
    assert_int_equal(CHOICES_device_gemm, gemm_provider_count + 1);
    for (int i = 0; (choice = config_choice("device", "gemm", i)); i++)
        if (strcmp(choice, "auto") != 0 && !gemm_provider_find(choice))
            fail_msg("no provider is called %s", choice);
    assert_null(gemm_provider_find("auto"));
    const struct gemm_provider *own = gemm_provider_find("own");
    assert_int_equal(own->tilings, gemm_instance_count + 1); /* measuring tries each instance */
    for (size_t i = 0; i < own->tilings; i++)
        assert_int_equal(own->tiling[i], i);
}

/* Who multiplies unless another is asked for. */
static void test_best(void **state)
{
    (void)state;
    const struct device_info before = dev->info;
    const struct {
        int is_cpu, has_native;
        const char *name;
    } cases[] = {{0, 0, "clblast"}, {1, 0, "own"}, {1, 1, "cblas"}, {0, 1, "cblas"}};
    const int blas = strcmp(gemm_provider_name(dev, gemm_provider_find("cblas")), "no cblas") != 0;
    for (size_t i = 0; i < (blas ? 4 : 2); i++) {
        dev->info.is_cpu = cases[i].is_cpu;
        dev->info.has_native = cases[i].has_native;
        assert_string_equal(gemm_provider_for(dev, NULL)->name, cases[i].name);
        assert_ptr_equal(gemm_provider_for(dev, gemm_provider_find("own")),
                         gemm_provider_find("own"));
    }
    dev->info = before;
}

/* A provider that is none of the table: plain loops between two copies. */
static int loops_made, loops_freed;

static int loops_init(struct gemm *gemm, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    gemm->state = malloc((s->m * s->k + s->k * s->n + s->m * s->n) * sizeof(float));
    if (!gemm->state)
        return error_set(err, STATUS_FAILED, "out of memory");
    loops_made++;
    return 0;
}

static int loops_enqueue(struct gemm *gemm, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    float *a = gemm->state, *b = a + s->m * s->k, *c = b + s->k * s->n;
    if (buffer_read(gemm->matrix[0], 0, s->m * s->k * sizeof *a, a, err) ||
        buffer_read(gemm->matrix[1], 0, s->k * s->n * sizeof *b, b, err) ||
        buffer_read(gemm->matrix[2], 0, s->m * s->n * sizeof *c, c, err))
        return -1;
    for (size_t i = 0; i < s->m * s->n; i++) {
        const size_t row = i / s->n, column = i % s->n;
        double sum = gemm->add ? (double)c[i] : 0;
        for (size_t k = 0; k < s->k; k++)
            sum += (double)(s->trans_a ? a[k * s->m + row] : a[row * s->k + k]) *
                   (double)(s->trans_b ? b[column * s->k + k] : b[k * s->n + column]);
        c[i] = (float)sum;
    }
    return buffer_write(gemm->matrix[2], 0, s->m * s->n * sizeof *c, c, err);
}

static void loops_fini(struct gemm *gemm)
{
    loops_freed += gemm->state != NULL;
    free(gemm->state);
}

static void loops_describe(const struct gemm *gemm, char *to, size_t size)
{
    snprintf(to, size, "%zu rows", gemm->shape.m);
}

static const struct gemm_provider loops = {.name = "loops",
                                           .init = loops_init,
                                           .enqueue = loops_enqueue,
                                           .fini = loops_fini,
                                           .describe = loops_describe};

static void test_another(void **state)
{
    (void)state;
    struct error err;
    check_all(&loops);
    assert_int_equal(loops_made, 64);
    assert_int_equal(loops_freed, 64);
    struct gemm *gemm =
        gemm_new(dev, &loops, gemm_shape_of(0, 0, 4, 1, 1), NULL, NULL, NULL, NULL, 0, NULL, &err);
    assert_non_null(gemm);
    assert_string_equal(gemm_describe(gemm), "loops, 4 rows");
    gemm_free(gemm);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_instances),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_cblas),
        cmocka_unit_test(test_clblast),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_fp16),
        cmocka_unit_test(test_rounded),
        cmocka_unit_test(test_bf16_range),
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_measured_rounded),
        cmocka_unit_test(test_choice_matrix),
        cmocka_unit_test(test_choice_class),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_another),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("gemm", tests, setup, teardown);
}
