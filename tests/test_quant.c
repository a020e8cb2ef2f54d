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
#include "quant/stored.h"
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
    for (size_t i = 0; i < CASES; i++) {
        struct packed_form form;
        unsigned char *packed = pack(cases[i], DTYPE_INT8, &form);
        check_bytes(cases[i], "int8.SCB", packed + form.scales, form.bytes - form.scales);
        check_bytes(cases[i], "int8.weight", packed, form.scales);
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

/* --- files */

static int fetch(void *from, size_t at, size_t bytes, void *to, struct error *err)
{
    (void)err;
    memcpy(to, (const char *)from + at, bytes);
    return 0;
}

/* What bitsandbytes has stored is read as we pack it, and what we store is what it has stored. */
static void check_stored(const char *name, const char *form_name, enum dtype dtype)
{
    struct error err;
    char full[64], path[64] = "matrices.safetensors";
    struct packed_form form;
    enum dtype found;
    snprintf(full, sizeof full, "%s.%s", name, form_name);
    const struct safetensor *x = of_file(name, "input");
    const struct stored_source source = stored_file(golden, path);
    unsigned char *packed = pack(name, dtype, &form), *read = malloc(form.bytes);
    assert_non_null(read);
    assert_true(stored_finds(&source, full, &found));
    assert_int_equal(found, dtype);
    if (stored_read(&source, full, dtype, x->shape[0], x->shape[1], read, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(read, packed, (x->shape[0] * x->shape[1] + 1) / 2);
    struct safetensors *ours = safetensors_new();
    assert_int_equal(stored_add(ours, full, dtype, x->shape[0], x->shape[1], fetch, read, 0, &err),
                     0);
    for (size_t i = 0; i < ours->count; i++) {
        const struct safetensor *t = &ours->tensor[i], *then = safetensors_find(golden, t->name);
        if (!then)
            fail_msg("bitsandbytes has no %s", t->name);
        assert_int_equal(t->dtype, then->dtype);
        assert_int_equal(t->rank, then->rank);
        if (strstr(t->name, "quant_state")) /* another number of digits */
            continue;
        assert_memory_equal(t->shape, then->shape, t->rank * sizeof *t->shape);
        if (t->data)
            assert_memory_equal(t->data, then->data, t->bytes);
        else
            assert_memory_equal(read + t->at, then->data, t->bytes);
    }
    free(packed);
    free(read);
    safetensors_free(ours);
}

static void test_stored(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        check_stored(cases[i], "nf4", DTYPE_NF4);
        check_stored(cases[i], "nested", DTYPE_NF4_NESTED);
        check_stored(cases[i], "int8.weight", DTYPE_INT8);
    }
}

/* A file with one of its tensors left out, or changed. */
static struct safetensors *spoilt(const char *without, const char *name, enum dtype dtype,
                                  size_t size, const void *data)
{
    struct error err;
    struct safetensors *st = safetensors_new();
    for (size_t i = 0; i < golden->count; i++) {
        const struct safetensor *t = &golden->tensor[i];
        if (!strncmp(t->name, "short.", 6) && strcmp(t->name, without))
            assert_int_equal(
                safetensors_add(st, t->name, t->dtype, t->rank, t->shape, t->data, &err), 0);
    }
    const uint64_t shape = size;
    if (name)
        assert_int_equal(safetensors_add(st, name, dtype, 1, &shape, data, &err), 0);
    return st;
}

static void refused(const char *without, const char *name, enum dtype dtype, size_t size,
                    const void *data, const char *why)
{
    struct error err;
    unsigned char to[4096];
    struct safetensors *st = spoilt(without, name, dtype, size, data);
    const struct stored_source source = stored_file(st, "a.safetensors");
    const int int8 = !strncmp(without, "short.int8", 10);
    assert_int_equal(stored_read(&source, int8 ? "short.int8.weight" : "short.nested",
                                 int8 ? DTYPE_INT8 : DTYPE_NF4_NESTED, 37, 50, to, &err),
                     -1);
    assert_int_equal(err.status, STATUS_INPUT);
    if (!strstr(err.text, why) || !strstr(err.text, "a.safetensors"))
        fail_msg("'%s' does not tell '%s'", err.text, why);
    safetensors_free(st);
}

static void test_spoilt(void **state)
{
    (void)state;
    static const char text[] = "short.nested.quant_state.bitsandbytes__nf4";
    static const char nested[] =
        "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"shape\": [37, 50], "
        "\"nested_blocksize\": 256, \"nested_offset\": 1e300}";
    static const char *const states[] = {
        "{",
        "[]",
        "{}",
        "{\"quant_type\": \"fp4\", \"blocksize\": 64}",
        "{\"quant_type\": \"nf4\", \"blocksize\": 128}",
        "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"shape\": [50, 37]}",
        "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"shape\": [37, 50]}",
        nested};
    float map[256] = {0};
    const char *const parts[] = {"",
                                 ".absmax",
                                 ".quant_map",
                                 ".nested_absmax",
                                 ".nested_quant_map",
                                 ".quant_state.bitsandbytes__nf4"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[80];
        snprintf(name, sizeof name, "short.nested%s", parts[i]);
        refused(name, NULL, DTYPE_F32, 0, NULL, "has no");
        refused(name, name, DTYPE_F32, 3, map, i + 1 < 6 ? "shape" : "has no");
    }
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        refused(text, text, DTYPE_U8, strlen(states[i]), states[i],
                i < 1   ? "broken"
                : i < 5 ? "NF4"
                : i < 6 ? "shape"
                        : "nested");
    refused("short.nested.quant_map", "short.nested.quant_map", DTYPE_F32, 16, map, "quant_map");
    refused("short.nested.nested_quant_map", "short.nested.nested_quant_map", DTYPE_F32, 256, map,
            "nested_quant_map");
    refused("short.int8.SCB", NULL, DTYPE_F32, 0, NULL, "SCB");
}

static void test_parts(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"a.weight.absmax", "a.weight"},
                                           {"a.weight.nested_quant_map", "a.weight"},
                                           {"a.SCB", "a.weight"},
                                           {"a.weight_format", "a.weight"},
                                           {"a.in_proj_SCB", "a.in_proj_weight"},
                                           {"a.weight.nested_absmax", "a.weight"},
                                           {"a.weight.quant_state.bitsandbytes__nf4", "a.weight"}};
    char weight[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(stored_is_part(names[i][0], weight, sizeof weight));
        assert_string_equal(weight, names[i][1]);
    }
    assert_false(stored_is_part("a.weight", weight, sizeof weight));
    assert_false(stored_is_part(".absmax", weight, sizeof weight));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nf4),    cmocka_unit_test(test_nested),
        cmocka_unit_test(test_int8),   cmocka_unit_test(test_maps),
        cmocka_unit_test(test_large),  cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_stored), cmocka_unit_test(test_spoilt),
        cmocka_unit_test(test_parts),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
