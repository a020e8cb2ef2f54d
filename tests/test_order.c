/* SPDX-License-Identifier: MIT */
/* order: passes are permutations, one behind the other; random draws are even and repeat. */
#include "train/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/philox.h"

#define WINDOWS 37
#define SEED UINT64_C(0x1234567890)

/* Each pass holds each window once, passes differ, and the second is what 0.1.0 took in epoch 2. */
static void passes(void **state)
{
    (void)state;
    uint32_t to[3 * WINDOWS], pass[WINDOWS], want[WINDOWS];
    order_shuffled(to, 3 * WINDOWS, 0, pass, WINDOWS, SEED);
    for (int k = 0; k < 3; k++) {
        int times[WINDOWS] = {0};
        for (int i = 0; i < WINDOWS; i++)
            times[to[k * WINDOWS + i]]++;
        for (int i = 0; i < WINDOWS; i++)
            assert_int_equal(times[i], 1);
    }
    assert_memory_not_equal(to, to + WINDOWS, sizeof pass);
    philox_shuffle(want, WINDOWS, philox_path("order"), 2, SEED);
    assert_memory_equal(to + WINDOWS, want, sizeof want);
}

/* What begins anywhere is that part of the whole. */
static void parts(void **state)
{
    (void)state;
    uint32_t whole[4 * WINDOWS], part[4 * WINDOWS], pass[WINDOWS];
    order_shuffled(whole, 4 * WINDOWS, 0, pass, WINDOWS, SEED);
    for (size_t from = 0; from < 3 * WINDOWS; from += 5) {
        order_shuffled(part, WINDOWS, from, pass, WINDOWS, SEED);
        assert_memory_equal(part, whole + from, WINDOWS * sizeof *part);
    }
}

/* Chi squared of 37,000 draws over 37 windows, 36 degrees of freedom: beyond 86 once in 100,000
 * seeds, and these are fixed. Below 10 they would be too even. */
static void draws(void **state)
{
    (void)state;
    enum { COUNT = 1000 * WINDOWS };
    static uint32_t to[COUNT], again[COUNT];
    int times[WINDOWS] = {0};
    double chi = 0;
    order_random(to, COUNT, 3, WINDOWS, SEED);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(to[i] < WINDOWS);
        times[to[i]]++;
    }
    for (int i = 0; i < WINDOWS; i++)
        chi += (times[i] - 1000.0) * (times[i] - 1000.0) / 1000;
    assert_true(chi > 10 && chi < 86);
    order_random(again, COUNT / 2, 3, WINDOWS, SEED);
    assert_memory_equal(to, again, sizeof again / 2);
    order_random(again, COUNT, 4, WINDOWS, SEED);
    assert_memory_not_equal(to, again, sizeof again);
    order_random(again, COUNT, 3, WINDOWS, SEED + 1);
    assert_memory_not_equal(to, again, sizeof again);
    order_random(to, 100, 1, 1, SEED);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(to[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes),
        cmocka_unit_test(parts),
        cmocka_unit_test(draws),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
