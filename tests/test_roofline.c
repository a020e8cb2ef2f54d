/* SPDX-License-Identifier: MIT */
/* The model of a card's time against times worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "roofline/kernel_use.h"
#include "roofline/roofline.h"

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fabs(b)))
        print_error("%.12g, not %.12g\n", a, b);
    assert_true(fabs(a - b) <= 1e-9 * fabs(b));
}

static struct launch launch_of(size_t groups, size_t lanes, double flops, double bytes)
{
    return (struct launch){
        .name = "no such kernel", .groups = groups, .lanes = lanes, .flops = flops, .bytes = bytes};
}

static void two_rates(void **state)
{
    struct card card;
    struct error err;
    (void)state;
    assert_int_equal(card_find("1000,100", &card, &err), 0);
    struct launch l = launch_of(7, 64, 1e9, 1e6);
    struct estimate e = roofline_launch(&card, &l);
    near(e.seconds, 1e-3);
    assert_int_equal(e.bound, BOUND_VECTOR);
    l.bytes = 1e9;
    e = roofline_launch(&card, &l);
    near(e.seconds, 1e-2);
    assert_int_equal(e.bound, BOUND_MEMORY);
}

/* 133 groups take 132 processors as long as 264 do; one group leaves 131 idle. */
static void waves(void **state)
{
    struct card card;
    struct error err;
    (void)state;
    assert_int_equal(card_find("h 100", &card, &err), 0);
    assert_int_equal(card.processors, 132);
    const size_t groups[] = {132, 133, 264, 1};
    const double busy[] = {1, 133.0 / 264, 1, 1.0 / 132};
    for (int i = 0; i < 4; i++) {
        struct launch l = launch_of(groups[i], 512, 1e9 * (double)groups[i], 1);
        const struct estimate e = roofline_launch(&card, &l);
        near(e.busy, busy[i]);
        near(e.arithmetic, 1e9 * (double)groups[i] / (card.flops * busy[i]));
        near(e.seconds, card.start + e.arithmetic);
    }
}

/* A few work-items cannot hide a latency: 32 of them have 512 bytes under way. */
static void latency(void **state)
{
    struct card card;
    struct error err;
    (void)state;
    assert_int_equal(card_find("3080ti", &card, &err), 0);
    struct launch l = launch_of(1, 32, 1, 1e6);
    near(roofline_launch(&card, &l).memory, 1e6 * card.latency / 512);
    near(roofline_launch(&card, &l).occupancy, 32.0 / 1536);
    /* 12 groups of 128 fill a processor, and all of them the memory's width */
    l = launch_of(80 * 12, 128, 1, 1e9);
    near(roofline_launch(&card, &l).occupancy, 1);
    near(roofline_launch(&card, &l).memory, 1e9 / card.bytes);
    /* what half of the cache holds comes from there */
    l.bytes = 1e6;
    near(roofline_launch(&card, &l).memory, 1e6 / card.cache_bytes);
}

/* Operations of matrix units are as fast as the type of factors has them; what vector units do
 * beside them may take longer. */
static void matrix(void **state)
{
    struct card card;
    struct error err;
    (void)state;
    assert_int_equal(card_find("H100", &card, &err), 0);
    struct launch l = launch_of(132, 512, 1e12, 1);
    l.local = 1;
    launch_matrix(&l, DTYPE_BF16, 1e9);
    near(roofline_launch(&card, &l).arithmetic, 1e12 / card.matrix_flops);
    assert_int_equal(roofline_launch(&card, &l).bound, BOUND_MATRIX);
    launch_matrix(&l, DTYPE_F32, 1e12);
    struct estimate e = roofline_launch(&card, &l);
    near(e.arithmetic, 1e12 / card.tf32_flops);
    near(e.seconds, card.start + 1e12 / card.flops);
    assert_int_equal(e.bound, BOUND_VECTOR);
}

/* What waits for what is before it takes as long on any card. */
static void chain(void **state)
{
    struct card card;
    struct error err;
    (void)state;
    assert_int_equal(card_find("A770", &card, &err), 0);
    struct launch l = launch_of(4, 64, 1, 1);
    l.chain = 1e6;
    near(roofline_launch(&card, &l).chain, 1e6 * 4 * card.cycle);
    assert_int_equal(roofline_launch(&card, &l).bound, BOUND_CHAIN);
    l.groups = 32 * 32 + 1; /* 32 processors hold 32 groups of 64 each */
    l.meets = 10;
    near(roofline_launch(&card, &l).chain, 2e6 * 4 * card.cycle + 10 * card.meet);
    launch_longest(&l, 1.5e6); /* beside two turns of the others */
    near(roofline_launch(&card, &l).chain, 2e6 * 4 * card.cycle + 10 * card.meet);
    launch_longest(&l, 3e6);
    near(roofline_launch(&card, &l).chain, 3e6 * 4 * card.cycle + 10 * card.meet);
}

/* What a launch loads again comes from a cache that holds it. */
static void again(void **state)
{
    struct card card;
    struct error err;
    (void)state;
    assert_int_equal(card_find("H100", &card, &err), 0);
    struct launch l = launch_of(132 * 16, 128, 1, 3e9);
    l.again = 2e9;
    l.footprint = 40e6;
    near(roofline_launch(&card, &l).memory, 1e9 / card.bytes + 2e9 / card.cache_bytes);
    l.footprint = 60e6;
    near(roofline_launch(&card, &l).memory, 3e9 / card.bytes);
}

/* Registers and local memory of the table bound what a processor holds. */
static void resident(void **state)
{
    struct card card;
    struct error err;
    size_t by_registers = 0, by_local = 0;
    (void)state;
    assert_int_equal(card_find("H100", &card, &err), 0);
    card.local = 8192;
    for (size_t i = 0; i < kernel_use_count; i++) {
        const struct kernel_use *use = &kernel_uses[i];
        if (strcmp(use->arch, "sm_90") != 0)
            continue;
        struct launch l = launch_of(132 * 64, 256, 1, 1);
        l.name = use->kernel;
        double groups = floor(65536 / (256 * ceil(use->registers / 8.0) * 8));
        by_registers += groups < 8;
        if (use->local && floor(8192.0 / (double)use->local) < groups) {
            groups = floor(8192.0 / (double)use->local);
            by_local++;
        }
        near(roofline_launch(&card, &l).occupancy, fmin(8, fmax(groups, 1)) / 8);
    }
    assert_true(by_registers > 0 && by_local > 0);
}

/* Of programs of one name, that have rows of their own in the table, each is found by its options.
 */
static void rows(void **state)
{
    static const struct {
        char *name, *options, *row;
        int matrix;
    } programs[] = {
        {"attention_tiles_fwd", "-DTILE=64 -DND=4 -DHV=4", "attention_tiles_fwd", 0},
        {"attention_tiles_fwd", "-DTILE=64 -DND=8 -DHV=4", "attention_tiles_fwd wide", 0},
        {"attention_tiles_fwd", "-DTILE=64 -DND=12 -DHV=4", "attention_tiles_fwd wide", 0},
        {"attention_tiles_fwd", "-DTILE=64 -DND=16 -DHV=4", "attention_tiles_fwd wide", 0},
        {"recurrent_tiles_fwd", "-DGRID=0", "recurrent_tiles_fwd", 0},
        {"recurrent_tiles_fwd", "-DGRID=2", "recurrent_tiles_fwd walking", 0},
        {"recurrent_tiles_fwd", "-DGRID=0", "recurrent_tiles_mma_fwd", 1 + DTYPE_BF16},
        {"recurrent_tiles_fwd", "-DGRID=2", "recurrent_tiles_mma_fwd walking", 1 + DTYPE_BF16},
    };
    struct card card;
    struct error err;
    (void)state;
    assert_int_equal(card_find("H100", &card, &err), 0);
    card.groups = 1e9;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        const struct kernel_use *use = NULL;
        for (size_t k = 0; k < kernel_use_count; k++)
            if (!strcmp(kernel_uses[k].kernel, programs[i].row) &&
                !strcmp(kernel_uses[k].arch, "sm_90"))
                use = &kernel_uses[k];
        assert_non_null(use);
        struct launch l = launch_of(132 * 64, 32, 1, 1);
        l.name = programs[i].name;
        l.options = programs[i].options;
        l.matrix = programs[i].matrix;
        for (int bound = 0; bound < 2; bound++) { /* by registers, by local memory */
            card.local = bound ? 1 << 20 : 1 << 30;
            const double by_registers = floor(65536 / (32 * ceil(use->registers / 8.0) * 8));
            const double by_local = floor((double)card.local / (double)use->local);
            near(roofline_launch(&card, &l).occupancy, fmin(64, fmin(by_registers, by_local)) / 64);
        }
    }
}

static void names(void **state)
{
    static const char *const wrong[] = {"",       "H10",   "H1000", "100",      "100,",  ",100",
                                        "0,1",    "1,0",   "-1,1",  "nan,1",    "1,inf", "1,1x",
                                        "1e99,1", "1,1,1", "1;1",   "measured", "a\nb,1"};
    static const char *const right[] = {"H100",       "h100",     "3080 Ti", "3080ti",
                                        "A770",       "7900 XTX", "7900xtx", "1,1",
                                        "66900,3350", "1.5e3,0.5"};
    struct card card;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(card_find(wrong[i], &card, &err), -1);
        assert_int_equal(err.status, STATUS_USAGE);
        assert_non_null(strstr(err.text, "7900 XTX"));
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_int_equal(card_find(right[i], &card, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_rates), cmocka_unit_test(waves), cmocka_unit_test(latency),
        cmocka_unit_test(matrix),    cmocka_unit_test(chain), cmocka_unit_test(again),
        cmocka_unit_test(resident),  cmocka_unit_test(rows),  cmocka_unit_test(names),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("roofline", tests, NULL, NULL);
}
