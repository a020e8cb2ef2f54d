/* SPDX-License-Identifier: MIT */
/*
 * Packed matrices against those of bitsandbytes (tests/golden/quant/, by
 * tests/peer/make_quant_golden.py), bit by bit.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quant/quant.h"
#include "tensor/safetensors.h"

static const char *const cases[] = {"short", "odd", "groups", "zeros", "tiny", "ties"};
#define CASES (sizeof cases / sizeof *cases)

static struct safetensors *golden;

static int setup(void **state)
{
    struct error err;
    char path[512];
    const char *srcdir = getenv("srcdir");
    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/quant/matrices.safetensors",
             srcdir ? srcdir : ".");
    golden = safetensors_read(path, &err);
    if (!golden)
        print_error("%s\n", err.text);
    return golden ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    safetensors_free(golden);
    return 0;
}

static const struct safetensor *of_file(const char *name, const char *part)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", name, part);
    const struct safetensor *t = safetensors_find(golden, full);
    if (!t)
        fail_msg("no %s in the file", full);
    return t;
}

/* A case packed by us, which the caller frees. */
static unsigned char *pack(const char *name, enum dtype dtype, struct packed_form *form)
{
    struct error err;
    const struct safetensor *x = of_file(name, "input");
    *form = packed_form(dtype, x->shape[0], x->shape[1]);
    unsigned char *packed = malloc(form->bytes);
    assert_non_null(packed);
    if (quant_pack(dtype, x->data, x->shape[0], x->shape[1], packed, name, &err))
        fail_msg("%s", err.text);
    return packed;
}

static void check_bytes(const char *name, const char *part, const void *got, size_t at_most)
{
    const struct safetensor *t = of_file(name, part);
    assert_true(t->bytes > 0 && t->bytes <= at_most);
    for (size_t i = 0; i < t->bytes; i++)
        if (((const unsigned char *)got)[i] != ((const unsigned char *)t->data)[i])
            fail_msg("%s: byte %zu of %s differs", name, i, part);
}

/* The numbers again, as bitsandbytes makes them of its codes; INT8 in another order of products. */
static void check_values(const char *name, const char *part, enum dtype dtype, const void *packed)
{
    char full[128];
    const struct safetensor *x = of_file(name, "input");
    const size_t n = x->bytes / sizeof(float);
    const float rounds = dtype == DTYPE_INT8 ? 2e-7F : 0;
    snprintf(full, sizeof full, "%s.%s", name, part);
    const struct safetensor *t = safetensors_find(golden, full);
    float *got = malloc(x->bytes + 4), *again = malloc(x->bytes + 4);
    assert_true(got && again);
    packed_unpack(dtype, packed, x->shape[0], x->shape[1], 0, n, got);
    for (size_t i = 0; i < n && t; i++)
        if (fabsf(got[i] - ((const float *)t->data)[i]) > rounds * fabsf(got[i]))
            fail_msg("%s[%zu] is %g, not %g", full, i, (double)got[i],
                     (double)((const float *)t->data)[i]);
    /* any part of it is the same */
    for (size_t from = 0; from < n; from += n / 37 + 1)
        for (size_t count = 1; from + count <= n; count = 3 * count + 1) {
            packed_unpack(dtype, packed, x->shape[0], x->shape[1], from, count, again);
            assert_memory_equal(again, got + from, count * sizeof(float));
        }
    free(got);
    free(again);
}

static void test_nf4(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct packed_form form;
        unsigned char *packed = pack(cases[i], DTYPE_NF4, &form);
        check_bytes(cases[i], "nf4", packed, form.scales);
        check_bytes(cases[i], "nf4.absmax", packed + form.scales, form.bytes - form.scales);
        check_values(cases[i], "nf4.values", DTYPE_NF4, packed);
        free(packed);
    }
}

/* nested_offset of the JSON text. */
static float offset_of(const char *name)
{
    char text[512] = "";
    const struct safetensor *t = of_file(name, "nested.quant_state.bitsandbytes__nf4");
    assert_true(t->bytes < sizeof text);
    memcpy(text, t->data, t->bytes);
    const char *at = strstr(text, "\"nested_offset\": ");
    assert_non_null(at);
    return strtof(at + 17, NULL);
}

static void test_nested(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        struct packed_form form, plain;
        const float offset = offset_of(cases[i]);
        unsigned char *packed = pack(cases[i], DTYPE_NF4_NESTED, &form);
        unsigned char *unnested = pack(cases[i], DTYPE_NF4, &plain);
        float *floats = (float *)(void *)(packed + form.nested);
        const float *absmax = (const float *)(const void *)(unnested + plain.scales);
        assert_true(fabsf(floats[0] - offset) <= 2e-7F * fabsf(offset)); /* the order of its sum */
        check_bytes(cases[i], "nested", packed, form.scales);
        /* all else from the same offset */
        floats[0] = offset;
        quant_nest(absmax, form.blocks, offset, packed + form.scales, floats + 1);
        check_bytes(cases[i], "nested.absmax", packed + form.scales, form.blocks);
        check_bytes(cases[i], "nested.nested_absmax", floats + 1, 4 * form.groups);
        check_values(cases[i], "nested.values", DTYPE_NF4_NESTED, packed);
        free(packed);
        free(unnested);
    }
}

static void test_int8(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < CASES; i++) { /* the ties do not fit into half */
        struct packed_form form;
        unsigned char *packed = pack(cases[i], DTYPE_INT8, &form);
        check_bytes(cases[i], "int8.SCB", packed + form.scales, form.bytes - form.scales);
        check_bytes(cases[i], "int8", packed, form.scales);
        check_values(cases[i], "int8.values", DTYPE_INT8, packed);
        free(packed);
    }
}

static void test_maps(void **state)
{
    (void)state;
    check_bytes("short", "nf4.quant_map", packed_nf4, sizeof packed_nf4);
    check_bytes("short", "nested.nested_quant_map", packed_dynamic, sizeof packed_dynamic);
}

/* Pieces that threads share out make the same as one of them does. */
static void test_large(void **state)
{
    (void)state;
    const size_t rows = 300, columns = 701;
    struct error err;
    float *x = malloc(rows * columns * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < rows * columns; i++)
        x[i] = (float)((double)(i * 2654435761u % 1000003u) / 500001.5 - 1) / (float)(1 + i % 7);
    for (enum dtype dtype = DTYPE_NF4; dtype <= DTYPE_INT8; dtype++) {
        const struct packed_form form = packed_form(dtype, rows, columns);
        const size_t part = dtype == DTYPE_INT8 ? columns : PACKED_BLOCK;
        unsigned char *all = malloc(form.bytes);
        assert_non_null(all);
        assert_int_equal(quant_pack(dtype, x, rows, columns, all, "x", &err), 0);
        const size_t step = dtype == DTYPE_INT8 ? columns : PACKED_BLOCK / 2;
        for (size_t at = 0; at < rows * columns; at += part) {
            unsigned char one[1024];
            const size_t n = at + part > rows * columns ? rows * columns - at : part;
            const enum dtype plain = dtype == DTYPE_INT8 ? DTYPE_INT8 : DTYPE_NF4;
            assert_true(packed_form(plain, 1, n).bytes <= sizeof one);
            assert_int_equal(quant_pack(plain, x + at, 1, n, one, "x", &err), 0);
            assert_memory_equal(one, all + at / part * step, dtype == DTYPE_INT8 ? n : step);
        }
        free(all);
    }
    free(x);
}

static void test_not_finite(void **state)
{
    (void)state;
    const size_t at[] = {0, 63, 64, 129}; /* the last block is begun */
    for (int i = 0; i < 8; i++)
        for (enum dtype dtype = DTYPE_NF4; dtype <= DTYPE_INT8; dtype++) {
            struct error err;
            float x[130] = {1};
            unsigned char packed[1024];
            x[at[i % 4]] = i < 4 ? NAN : -INFINITY;
            assert_true(packed_form(dtype, 2, 65).bytes <= sizeof packed);
            assert_int_equal(quant_pack(dtype, x, 2, 65, packed, "a.weight", &err), -1);
            assert_non_null(strstr(err.text, "a.weight"));
            assert_int_equal(err.status, STATUS_INPUT);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nf4),   cmocka_unit_test(test_nested),
        cmocka_unit_test(test_int8),  cmocka_unit_test(test_maps),
        cmocka_unit_test(test_large), cmocka_unit_test(test_not_finite),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
