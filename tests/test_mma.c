/* SPDX-License-Identifier: MIT */
/* The matrix units as cl/mma.h and cl/mma_units.h emulate them: products against double precision,
 * and places of fragments as the units' makers describe them (tests/mma/places.tsv, by
 * tests/peer/make_mma_golden.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "device/opencl.h"
#include "quarantine.h"

enum { WARPS = 2, M = 32, N = 48, MOST_K = 16 };
static const char *const types[] = {"", "bf16", "fp16", "tf32"};

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

static struct buffer *buffer_of(const void *from, size_t bytes)
{
    struct error err;
    struct buffer *b = buffer_new(dev, bytes, "numbers", &err);
    assert_non_null(b);
    if (from)
        assert_int_equal(buffer_write(b, 0, bytes, from, &err), 0);
    return b;
}

/* One group of a kernel of mma.cl over these buffers; the last is read to `to`. */
static void run(const char *name, const char *options, size_t lanes, struct buffer *const *buffers,
                unsigned count, void *to)
{
    struct error err = {0};
    struct kernel *k = kernel_new(dev, "mma.cl", name, options, &err);
    if (!k)
        fail_msg("%s", err.text);
    for (unsigned i = 0; i < count; i++)
        kernel_set_buffer(k, i, buffers[i]);
    if (kernel_enqueue(k, 1, lanes, &err) ||
        buffer_read(buffers[count - 1], 0, buffer_size(buffers[count - 1]), to, &err))
        fail_msg("%s: %s", options, err.text);
    kernel_free(k);
}

/* To so many binary digits; ties to even, or away from zero. */
static double to_digits(double x, int digits, int away)
{
    int exponent;
    const double part = ldexp(frexp(x, &exponent), digits);
    return ldexp(away ? round(part) : nearbyint(part), exponent - digits);
}

static float value(size_t i)
{
    return (float)((double)(i * 2654435761u % 1000003u) / 500001.5 - 1);
}

static void check_product(enum device_matrix how, int type, int across_a, int across_b)
{
    const size_t k = type == 3 ? 8 : 16;
    const size_t warp = how == MATRIX_DPAS_8_EMULATED    ? 8
                        : how == MATRIX_DPAS_16_EMULATED ? 16
                                                         : 32;
    float a[M * MOST_K], b[MOST_K * N], c[WARPS][M * N];
    double left[M][MOST_K], right[MOST_K][N];
    char options[96];
    for (size_t i = 0; i < M * k; i++) {
        a[i] = value(i);
        left[across_a ? i % M : i / k][across_a ? i / M : i % k] =
            to_digits((double)a[i], type == 1 ? 8 : 11, type == 3);
    }
    for (size_t i = 0; i < N * k; i++) {
        b[i] = value(i + 999);
        right[across_b ? i / N : i % k][across_b ? i % N : i / k] =
            to_digits((double)b[i], type == 1 ? 8 : 11, type == 3);
    }
    struct buffer *buffers[] = {buffer_of(a, M * k * sizeof *a), buffer_of(b, N * k * sizeof *b),
                                buffer_of(NULL, sizeof c)};
    snprintf(options, sizeof options,
             "-DMMA=%d -DMMA_TYPE=%d -DACROSS_A=%d -DACROSS_B=%d -DLANES=%zu", (int)how, type,
             across_a, across_b, WARPS * warp);
    run("mma_product", options, WARPS * warp, buffers, 3, c);
    for (size_t i = 0; i < M * N; i++) {
        double sum = 0;
        for (size_t e = 0; e < k; e++)
            sum += 2 * left[i / N][e] * right[e][i % N];
        for (size_t w = 0; w < WARPS; w++)
            if (!(fabs((double)c[w][i] - sum) < 1e-5))
                fail_msg("%s %s across %d %d, warp %zu at %zu,%zu: %g, not %g",
                         device_matrix_name(how), types[type], across_a, across_b, w, i / N, i % N,
                         (double)c[w][i], sum);
    }
    for (int i = 0; i < 3; i++)
        buffer_free(buffers[i]);
}

static void test_products(void **state)
{
    (void)state;
    for (int type = 1; type <= 3; type++)
        for (int across = 0; across < 4; across++)
            check_product(MATRIX_EMULATED, type, across & 1, across >> 1);
}

/* AMD's and Intel's: each way to load a fragment of A and of B. */
static void test_others(void **state)
{
    (void)state;
    for (int how = MATRIX_WMMA_EMULATED; how <= MATRIX_DPAS_16_EMULATED; how += 2)
        for (int across = 0; across < 2; across++)
            check_product((enum device_matrix)how, 1 + across, across, across);
}

/* Fragments of which the golden file tells, and their kernels: a work-item has so many words of A
 * (halves where `halves`) and of B, and numbers of C. */
static const struct kind {
    const char *name;
    enum device_matrix how;
    int type, lanes, a, b, c, halves;
} kinds[] = {
    {"bf16", MATRIX_EMULATED, 1, 32, 4, 2, 4, 0},
    {"fp16", MATRIX_EMULATED, 2, 32, 4, 2, 4, 0},
    {"tf32", MATRIX_EMULATED, 3, 32, 4, 2, 4, 0},
    {"wmma", MATRIX_WMMA_EMULATED, 1, 32, 8, 8, 8, 0},
    {"wmma", MATRIX_WMMA_EMULATED, 2, 32, 8, 8, 8, 0},
    {"dpas8", MATRIX_DPAS_8_EMULATED, 1, 8, 8, 8, 8, 0},
    {"dpas8", MATRIX_DPAS_8_EMULATED, 2, 8, 8, 8, 8, 0},
    {"dpas16", MATRIX_DPAS_16_EMULATED, 1, 16, 8, 8, 8, 1},
    {"dpas16", MATRIX_DPAS_16_EMULATED, 2, 16, 8, 8, 8, 1},
};
enum { KINDS = sizeof kinds / sizeof *kinds, MOST_PLACES = 32 * 2 * (8 + 8 + 8) };

/* Values along K in a word of B, and in one of A. */
static int per_b(const struct kind *kind)
{
    return kind->type == 3 ? 1 : 2;
}

static int per_a(const struct kind *kind)
{
    return kind->halves ? 1 : per_b(kind);
}

/* One group of a kernel over `to` alone. */
static void run_kind(const struct kind *kind, const char *name, void *to, size_t bytes)
{
    char options[64];
    struct buffer *buffer = buffer_of(NULL, bytes);
    snprintf(options, sizeof options, "-DMMA=%d -DMMA_TYPE=%d -DLANES=%d", (int)kind->how,
             kind->type, kind->lanes);
    run(name, options, (size_t)kind->lanes, &buffer, 1, to);
    buffer_free(buffer);
}

/* Calls check() with each of so many lines of the golden file that have this name and operand: the
 * lane and its numbers. */
static void each_line(const char *name, char operand, int lanes,
                      void (*check)(const struct kind *kind, int lane, const int *pair, int pairs,
                                    const void *got),
                      const struct kind *kind, const void *got)
{
    char path[512], line[256], word[16], of;
    const char *top = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/mma/places.tsv", top ? top : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int lines = 0;
    while (fgets(line, sizeof line, file)) {
        int lane, at = 0, pair[32], n = 0, used;
        assert_int_equal(sscanf(line, "%15s %c %d%n", word, &of, &lane, &at), 3);
        if (strcmp(word, name) != 0 || of != operand)
            continue;
        assert_int_equal(lane, lines);
        while (n < 32 && sscanf(line + at, "%d%n", &pair[n], &used) == 1) {
            at += used;
            n++;
        }
        check(kind, lane, pair, n / 2, got);
        lines++;
    }
    fclose(file);
    assert_int_equal(lines, lanes);
}

/* Of what mma_places tells, the pairs of a lane. */
static const int *places_of(const struct kind *kind, int lane, const void *got)
{
    return (const int *)got + lane * 2 * (kind->a + kind->b + kind->c);
}

static void same(const struct kind *kind, const char *what, int lane, int v, int got, int want)
{
    if (got != want)
        fail_msg("%s of %s, %s, lane %d, value %d: %d, not %d", what, kind->name, types[kind->type],
                 lane, v, got, want);
}

/* Value v of A is half v % 2 of word v / 2 where words are pairs along K. */
static void check_a(const struct kind *kind, int lane, const int *pair, int pairs, const void *got)
{
    const int per = per_a(kind), *place = places_of(kind, lane, got);
    assert_int_equal(pairs, kind->a * per);
    for (int v = 0; v < pairs; v++) {
        same(kind, "row of A", lane, v, place[v / per * 2], pair[2 * v]);
        same(kind, "K of A", lane, v, place[v / per * 2 + 1] * per + v % per, pair[2 * v + 1]);
    }
}

static void check_b(const struct kind *kind, int lane, const int *pair, int pairs, const void *got)
{
    const int per = per_b(kind), *place = places_of(kind, lane, got) + 2 * kind->a;
    assert_int_equal(pairs, kind->b * per);
    for (int v = 0; v < pairs; v++) {
        same(kind, "K of B", lane, v, place[v / per * 2] * per + v % per, pair[2 * v]);
        same(kind, "column of B", lane, v, place[v / per * 2 + 1], pair[2 * v + 1]);
    }
}

static void check_c(const struct kind *kind, int lane, const int *pair, int pairs, const void *got)
{
    const int *place = places_of(kind, lane, got) + 2 * (kind->a + kind->b);
    assert_int_equal(pairs, kind->c);
    for (int v = 0; v < pairs; v++) {
        same(kind, "row of C", lane, v, place[2 * v], pair[2 * v]);
        same(kind, "column of C", lane, v, place[2 * v + 1], pair[2 * v + 1]);
    }
}

static void test_places(void **state)
{
    (void)state;
    for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
        int place[MOST_PLACES];
        const int numbers = 2 * (kind->a + kind->b + kind->c);
        run_kind(kind, "mma_places", place, (size_t)(kind->lanes * numbers) * sizeof *place);
        each_line(kind->name, 'a', kind->lanes, check_a, kind, place);
        each_line(kind->name, 'b', kind->lanes, check_b, kind, place);
        each_line(kind->name, 'c', kind->lanes, check_c, kind, place);
    }
}

/* Value v of these words, of one half or of two each. */
static int half_of(const uint32_t *words, int v, int per)
{
    return (int)(words[v / per] >> v % per * 16 & 0xffff);
}

/* The halves are numbered: element (i, k) of A is 16 i + k, of A across 16 k + i; B's alike. */
static void check_loaded_a(const struct kind *kind, int lane, const int *pair, int pairs,
                           const void *got)
{
    const uint32_t *word = (const uint32_t *)got + lane * 2 * (kind->a + kind->b);
    for (int v = 0; v < pairs; v++) {
        const int row = pair[2 * v], k = pair[2 * v + 1];
        same(kind, "load of A", lane, v, half_of(word, v, per_a(kind)), 16 * row + k);
        same(kind, "load across of A", lane, v, half_of(word + kind->a, v, per_a(kind)),
             16 * k + row);
    }
}

static void check_loaded_b(const struct kind *kind, int lane, const int *pair, int pairs,
                           const void *got)
{
    const uint32_t *word = (const uint32_t *)got + lane * 2 * (kind->a + kind->b) + 2 * kind->a;
    for (int v = 0; v < pairs; v++) {
        const int k = pair[2 * v], column = pair[2 * v + 1];
        same(kind, "load of B", lane, v, half_of(word, v, per_b(kind)), 16 * column + k);
        same(kind, "load across of B", lane, v, half_of(word + kind->b, v, per_b(kind)),
             16 * k + column);
    }
}

/* What the loads give each work-item, the repeated ones too, and in which half of a word. */
static void test_loaded(void **state)
{
    (void)state;
    for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
        uint32_t words[MOST_PLACES];
        if (kind->type == 3) /* has no halves */
            continue;
        run_kind(kind, "mma_moved", words,
                 (size_t)(kind->lanes * 2 * (kind->a + kind->b)) * sizeof *words);
        each_line(kind->name, 'a', kind->lanes, check_loaded_a, kind, words);
        each_line(kind->name, 'b', kind->lanes, check_loaded_b, kind, words);
    }
}

/* A's matrices lie below each other first, where its rows are K; across, beside each other. */
static void check_moves(int across, int lane, const int *pair, int pairs, const void *got)
{
    const uint32_t *word = (const uint32_t *)got + lane * 12;
    assert_int_equal(pairs, 8);
    for (int v = 0; v < 8; v++) {
        const int e = v / 2, matrix = pair[2 * v] / 8, row = pair[2 * v] % 8;
        const int below = across ? matrix / 2 : matrix % 2,
                  beside = across ? matrix % 2 : matrix / 2;
        const uint32_t want = (uint32_t)((8 * below + row) * 16 + 8 * beside + pair[2 * v + 1]);
        assert_int_equal(word[(across ? 4 : 0) + e] >> v % 2 * 16 & 0xffff, want);
        if (matrix < 2) /* B's two matrices: beside each other, or across below */
            assert_int_equal(word[(across ? 10 : 8) + e] >> v % 2 * 16 & 0xffff,
                             across ? (8 * matrix + row) * 16 + pair[2 * v + 1]
                                    : row * 16 + 8 * matrix + pair[2 * v + 1]);
    }
}

static void check_moved(const struct kind *kind, int lane, const int *pair, int pairs,
                        const void *got)
{
    (void)kind;
    check_moves(0, lane, pair, pairs, got);
}

static void check_moved_across(const struct kind *kind, int lane, const int *pair, int pairs,
                               const void *got)
{
    (void)kind;
    check_moves(1, lane, pair, pairs, got);
}

static void test_moved(void **state)
{
    (void)state;
    const struct kind *kind = &kinds[1];
    uint32_t words[32 * 12];
    run_kind(kind, "mma_moved", words, sizeof words);
    each_line("plain", 'm', 32, check_moved, kind, words);
    each_line("across", 'm', 32, check_moved_across, kind, words);
}

/* C's neighbours are A's columns: element (i, k) is 16 i + k, exact in both types. */
static void check_chain(const struct kind *kind, int lane, const int *pair, int pairs,
                        const void *got)
{
    const uint32_t *word = (const uint32_t *)got + lane * 4;
    for (int v = 0; v < pairs; v++) {
        const float want = (float)(16 * pair[2 * v] + pair[2 * v + 1]);
        uint32_t bits, half = word[v / 2] >> v % 2 * 16 & 0xffff;
        memcpy(&bits, &want, sizeof bits);
        /* A whole number below 256 has no more than ten digits behind the first. */
        if (kind->type == 2)
            bits = want > 0 ? ((bits >> 23) - 112) << 26 | (bits & 0x7fffff) << 3 : 0;
        assert_int_equal(half, bits >> 16);
    }
}

static void test_chain(void **state)
{
    (void)state;
    for (const struct kind *kind = kinds; kind < kinds + 2; kind++) {
        uint32_t words[32 * 4];
        run_kind(kind, "mma_chain", words, sizeof words);
        each_line(kind->name, 'a', 32, check_chain, kind, words);
    }
}

/* Units that do not give the known products are none: no compiler takes another vendor's. */
static void test_tried(void **state)
{
    (void)state;
    const struct device_info had = dev->info;
    const enum device_matrix offered = had.matrix_offered;
    const uint64_t before = device_bytes(dev);
    struct error err;
    assert_int_equal(matrix_try(dev, MATRIX_EMULATED, &err), 0);
    for (int how = MATRIX_PTX; how <= MATRIX_DPAS_16; how += 2) {
        const int is_own = how == (int)offered;
        const int kin = how >= MATRIX_DPAS_8 ? offered >= MATRIX_DPAS_8 : is_own;
        dev->info.matrix = MATRIX_NONE;
        dev->info.matrix_offered = (enum device_matrix)how;
        matrix_find(dev);
        if (!kin) {
            assert_int_equal(dev->info.matrix, MATRIX_NONE);
            assert_true(*device_doubts(dev)->matrix);
        }
        if (is_own)
            assert_int_equal(dev->info.matrix, device_matrix_kind(had.matrix));
    }
    dev->info.matrix = MATRIX_NONE;
    dev->info.matrix_offered = MATRIX_NONE;
    matrix_find(dev);
    assert_int_equal(dev->info.matrix, MATRIX_NONE);
    dev->info = had;
    print_message("# matrix units: %s\n", device_matrix_name(had.matrix));
    assert_int_equal(device_bytes(dev), before);
}

/* One wrong number among those that are read, where `spoils`. */
static int spoils;

int __wrap_buffer_read(struct buffer *b, size_t offset, size_t size, void *dst, struct error *err);
int __real_buffer_read(struct buffer *b, size_t offset, size_t size, void *dst, struct error *err);
int __wrap_buffer_read(struct buffer *b, size_t offset, size_t size, void *dst, struct error *err)
{
    const int failed = __real_buffer_read(b, offset, size, dst, err);
    if (!failed && spoils)
        ((float *)dst)[77] += 1; /* of the first product row 1, column 29 */
    return failed;
}

/* Units whose program compiles, but gives one number that is not the known one, are none. */
static void test_wrong(void **state)
{
    (void)state;
    const struct device_info had = dev->info;
    for (spoils = 0; spoils < 2; spoils++) {
        dev->info.matrix_offered = MATRIX_EMULATED;
        *dev->doubts.matrix = 0;
        matrix_find(dev);
        assert_int_equal(dev->info.matrix, spoils ? MATRIX_NONE : MATRIX_EMULATED);
        if (spoils)
            assert_non_null(
                strstr(device_doubts(dev)->matrix, "bfloat16: number 1, 29 of a product is "));
        else
            assert_string_equal(device_doubts(dev)->matrix, "");
    }
    spoils = 0;
    *dev->doubts.matrix = 0;
    dev->info = had;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products), cmocka_unit_test(test_others),
        cmocka_unit_test(test_places),   cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_moved),    cmocka_unit_test(test_chain),
        cmocka_unit_test(test_tried),    cmocka_unit_test(test_wrong),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("mma", tests, setup, teardown);
}
