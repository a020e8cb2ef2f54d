/* SPDX-License-Identifier: MIT */
/*
 * Which known answers `seqtrain devices --test` has for a card: each instance by which our own
 * kernels multiply there, and each kernel for its matrix units. Nothing is computed: the card is
 * planned. That answers are found right or wrong test_cli_devices.sh tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/gemm/instance.h"
#include "device/gemm/provider.h"
#include "known/case.h"
#include "known/pieces.h"
#include "lower/plan.h"
#include "ok.h"

enum { UNITS = 132, RATE = 16 };

/* A card with such matrix units and a barrier of all work-groups. */
static struct device *card(enum device_matrix matrix, int tf32)
{
    struct device *dev = device_open(
        &(struct device_options){.select = "none", .memory_fraction = 1, .tf32 = tf32}, &err);
    assert_non_null(dev);
    device_plan_walks(dev, UNITS);
    device_plan_matrix(dev, matrix, RATE);
    return dev;
}

/* --- products */

static const struct {
    const char *name;
    enum dtype factor;
} ours[] = {{"own", DTYPE_F32}, {"bf16_products", DTYPE_BF16}, {"fp16_products", DTYPE_F16}};

static size_t count_of(const struct known_tiling *all, size_t count, const char *provider,
                       size_t tiles)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += all[i].tiles == tiles && !strcmp(all[i].provider->name, provider);
    return found;
}

/* Each instance of the device's units is there once for each type that it multiplies, and of vector
 * units each where a type has no others and is not rounded. */
static void expect_tilings(enum device_matrix matrix, int tf32)
{
    const struct gemm_shape any = gemm_shape_of(0, 0, 512, 512, 512);
    struct known_tiling all[KNOWN_TILINGS];
    struct device *dev = card(matrix, tf32);
    const size_t count = known_tilings(dev, all);
    size_t of_units = 0;
    assert_in_range(count, 1, KNOWN_TILINGS - 1);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        for (size_t tiles = 1; tiles <= gemm_instance_count; tiles++) {
            const struct gemm_instance *of = &gemm_instances[tiles - 1];
            const int fits = gemm_instance_fits(of, dev, &any, ours[i].factor);
            const int is_vector = of->matrix == MATRIX_NONE;
            const size_t found = count_of(all, count, ours[i].name, tiles);
            if (!is_vector)
                assert_int_equal(found, fits);
            else
                assert_int_equal(found, ours[i].factor == DTYPE_F32 && !tf32);
            of_units += !is_vector && found;
        }
    assert_int_equal(of_units > 0, matrix != MATRIX_NONE);
    device_close(dev);
}

static void test_tilings(void **state)
{
    (void)state;
    static const enum device_matrix kinds[] = {MATRIX_NONE, MATRIX_PTX, MATRIX_WMMA, MATRIX_DPAS_8,
                                               MATRIX_DPAS_16};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        expect_tilings(kinds[i], 0);
    expect_tilings(MATRIX_PTX, 1);
}

/* --- cases */

/* What cases of a card launch: for each kernel the types of factors that its matrix units multiply
 * (bits, 1 << dtype); of walks, forward and backward, those that keep all of W_hh in registers, and
 * a part. */
struct seen {
    unsigned forward, back_q, back_kv, dropped; /* attention */
    unsigned walk[2], all[2], part[2];
    unsigned tail; /* products with one, of any units: the type of A */
};

/* -DNAME=value of a launch; 0 where it has none. */
static unsigned option(const struct launch *l, const char *name)
{
    char text[32];
    snprintf(text, sizeof text, "-D%s=", name);
    const char *at = l->options ? strstr(l->options, text) : NULL;
    return at ? (unsigned)strtoul(at + strlen(text), NULL, 10) : 0;
}

static void see_walk(struct seen *seen, const struct launch *l, unsigned type, int back)
{
    const unsigned gates = option(l, "CELL") == 0 ? 4 : 3, width = (option(l, "H") + 31) / 32 * 32;
    const unsigned depth = back ? gates * width : width, kept = option(l, "KEEP") * option(l, "TK");
    assert_true(option(l, "GRID") > 0);
    seen->walk[back] |= type;
    seen->all[back] |= kept == depth ? type : 0;
    seen->part[back] |= kept > 0 && kept < depth ? type : 0;
}

static void see(struct seen *seen, const struct launch *l)
{
    const unsigned type = l->matrix ? 1u << (l->matrix - 1) : 0;
    seen->tail |= l->has_tail ? 1u << l->gemm.type[0] : 0;
    if (!strcmp(l->name, "attention_mma_fwd"))
        seen->forward |= type;
    if (!strcmp(l->name, "attention_mma_bwd_q"))
        seen->back_q |= type;
    if (!strcmp(l->name, "attention_mma_bwd_kv"))
        seen->back_kv |= type;
    if (!strncmp(l->name, "attention_mma", 13) && option(l, "DROP"))
        seen->dropped |= type;
    if (!strcmp(l->name, "recurrent_tiles_fwd"))
        see_walk(seen, l, type, 0);
    if (!strcmp(l->name, "recurrent_tiles_bwd"))
        see_walk(seen, l, type, 1);
}

static struct seen seen_on(enum device_matrix matrix, int tf32)
{
    struct seen seen = {0};
    struct device *dev = card(matrix, tf32);
    for (size_t i = 0; i < known_case_count; i++) {
        struct params *params = params_new(0);
        if (known_is_for(&known_cases[i], device_info(dev))) {
            struct plan *p = known_plan(&known_cases[i], dev, params, &err);
            if (!p)
                fail_msg("%s: %s", known_cases[i].what, err.text);
            for (size_t j = 0; j < p->launch_count; j++)
                see(&seen, p->launches[j]);
            plan_free(p);
        }
        params_free(params);
    }
    device_close(dev);
    return seen;
}

enum { BF16 = 1 << DTYPE_BF16, F16 = 1 << DTYPE_F16, F32 = 1 << DTYPE_F32 };

/* NVIDIA's units: attention of both types and of TF32, walks that keep all of W_hh or a part. */
static void test_cases(void **state)
{
    (void)state;
    const struct seen seen = seen_on(MATRIX_PTX, 0), tf32 = seen_on(MATRIX_PTX, 1);
    assert_int_equal(seen.forward, BF16 | F16);
    assert_int_equal(seen.back_q, BF16 | F16);
    assert_int_equal(seen.back_kv, BF16 | F16);
    assert_int_equal(seen.dropped, BF16);
    assert_true(seen.tail & BF16);
    for (int back = 0; back < 2; back++) {
        assert_int_equal(seen.all[back], BF16 | F16);
        assert_int_equal(seen.part[back], BF16);
    }
    assert_int_equal(tf32.forward, F32);
    assert_int_equal(tf32.back_q, F32);
    assert_int_equal(tf32.back_kv, F32);
    assert_int_equal(tf32.dropped, F32);
}

/* Others' units multiply in walks; attention is no work for them. */
static void test_cases_of_others(void **state)
{
    (void)state;
    static const enum device_matrix kinds[] = {MATRIX_WMMA, MATRIX_DPAS_8, MATRIX_DPAS_16};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct seen seen = seen_on(kinds[i], 0);
        assert_int_equal(seen.forward, 0);
        assert_int_equal(seen.walk[0], BF16 | F16);
        assert_int_equal(seen.walk[1], BF16 | F16);
    }
}

/* A CPU is not tried by what only repeats there. */
static void test_cpu(void **state)
{
    (void)state;
    const struct device_info cpu = {.is_cpu = 1}, gpu = {.is_cpu = 0};
    size_t left_out = 0;
    for (size_t i = 0; i < known_case_count; i++)
        left_out += known_is_for(&known_cases[i], &gpu) && !known_is_for(&known_cases[i], &cpu);
    assert_true(left_out > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tilings),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_cases_of_others),
        cmocka_unit_test(test_cpu),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
