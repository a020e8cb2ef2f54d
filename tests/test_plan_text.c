/* SPDX-License-Identifier: MIT */
/* What of two plans must be the same for a run to go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/plan_text.h"

#define FACTS(device, gemm)                                                                    \
    "\"device\": \"" device "\", \"platform\": \"p\", \"driver\": \"d\", \"version\": \"v\", " \
    "\"gemm\": \"" gemm "\", "
#define KERNEL(name, label, options, groups)                                     \
    "{\"kernel\": \"" name "\", \"for\": \"" label "\", \"options\": \"" options \
    "\", \"groups\": " groups ", \"lanes\": 1}"
#define PRODUCT(label, how, k)                                                         \
    "{\"gemm\": \"" label "\", \"product\": \"" how "\", \"m, n, k\": [4, 5, " k "], " \
    "\"transposed\": [false, true]}"
#define PLAN(facts, training, evaluation) \
    "{" facts "\"training\": [" training "], \"evaluation\": [" evaluation "]}"

#define HERE FACTS("a", "own")
#define NORM KERNEL("norm_fwd", "norm.0", "-DD=4", "8")
#define LINEAR PRODUCT("head.weight", "cblas, 2 tiles", "6")
static const char plan[] = PLAN(HERE, NORM ", " LINEAR, LINEAR);

static void test_differs(void **state)
{
    (void)state;
    static const struct {
        const char *other, *why; /* NULL: none */
    } cases[] = {
        {plan, NULL},
        {PLAN(HERE, KERNEL("norm_fwd", "another name", "-DD=4", "8") ", " LINEAR,
              PRODUCT("another name", "cblas, 2 tiles", "6")),
         NULL},
        {PLAN(FACTS("b", "own"), NORM ", " LINEAR, LINEAR),
         "device: \"b\" in the checkpoint, \"a\" here"},
        {PLAN(FACTS("a", "cblas"), NORM ", " LINEAR, LINEAR),
         "gemm: \"cblas\" in the checkpoint, \"own\" here"},
        {PLAN(HERE, KERNEL("norm_fwd", "norm.0", "-DD=5", "8") ", " LINEAR, LINEAR),
         "training, launch 0 (norm_fwd), options: \"-DD=5\" in the checkpoint, \"-DD=4\" here"},
        {PLAN(HERE, NORM ", " LINEAR, PRODUCT("head.weight", "cblas, 4 tiles", "6")),
         "evaluation, launch 0 (gemm), product: \"cblas, 4 tiles\" in the checkpoint, \"cblas, 2 "
         "tiles\" here"},
        {PLAN(HERE, NORM ", " PRODUCT("head.weight", "cblas, 2 tiles", "7"), LINEAR),
         "training, launch 1 (gemm), m, n, k: [4, 5, 7] in the checkpoint, [4, 5, 6] here"},
        {PLAN(HERE, NORM, LINEAR), "training, launch 1 (gemm), product: nothing in the checkpoint, "
                                   "\"cblas, 2 tiles\" here"},
        {PLAN(HERE, NORM ", " LINEAR ", " NORM, LINEAR),
         "training: 3 launches in the checkpoint, 2 here"},
        {"{\"device\": ", "the checkpoint's is no JSON"},
        {"[]", "device: nothing in the checkpoint, \"a\" here"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[256] = "";
        int differs = plan_text_differs(cases[i].other, plan, 0, why, sizeof why);
        assert_int_equal(differs, cases[i].why != NULL);
        assert_string_equal(why, cases[i].why ? cases[i].why : "");
    }
}

/* One of the two runs makes what is cheap again in its backward pass. */
static void test_recompute(void **state)
{
    (void)state;
    static const char more[] = PLAN(HERE, NORM ", " LINEAR ", " NORM, LINEAR);
    static const char other[] = PLAN(HERE, NORM ", " LINEAR ", " NORM, NORM);
    static const char elsewhere[] = PLAN(FACTS("b", "own"), NORM ", " LINEAR ", " NORM, LINEAR);
    char why[256];
    assert_int_equal(plan_text_differs(more, plan, 1, why, sizeof why), 0);
    assert_int_equal(plan_text_differs(other, plan, 1, why, sizeof why), 1);
    assert_int_equal(plan_text_differs(elsewhere, plan, 1, why, sizeof why), 1);
}

/* A version that makes the same bits by other launches has raised the plan's number. */
static void test_number(void **state)
{
    (void)state;
    static const char later[] = PLAN("\"number\": 2, " HERE, NORM, LINEAR);
    static const char other[] = PLAN("\"number\": 2, " HERE, LINEAR, LINEAR);
    static const char elsewhere[] = PLAN("\"number\": 2, " FACTS("b", "own"), NORM, LINEAR);
    char why[256];
    assert_int_equal(plan_text_differs(plan, later, 0, why, sizeof why), 0);
    assert_int_equal(plan_text_differs(plan, elsewhere, 0, why, sizeof why), 1);
    assert_int_equal(plan_text_differs(other, later, 0, why, sizeof why), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differs),
        cmocka_unit_test(test_recompute),
        cmocka_unit_test(test_number),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("plan_text", tests, NULL, NULL);
}
