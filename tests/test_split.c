/* SPDX-License-Identifier: MIT */
/* split: how blocks are dealt and where windows lie, each against a plain search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/split.h"
#include "util/block.h"

static uint64_t random_state = 11;

static double random_unit(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

static size_t below(size_t n)
{
    return (size_t)((double)n * random_unit());
}

static void blocks_cover_every_row_once(void **state)
{
    (void)state;
    for (int round = 0; round < 500; round++) {
        struct split split = {.kind = round % 4,
                              .unit = round % 8 < 4 ? SPLIT_BLOCK : SPLIT_SERIES,
                              .block = 2 + below(30),
                              .validation = 0.4 * random_unit(),
                              .test = 0.4 * random_unit()};
        size_t rows = 1 + below(300), at = 0;
        size_t count = split_cut(&split, 7, rows, NULL);
        struct block block[301];
        assert_int_equal(split_cut(&split, 7, rows, block), count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(block[i].file, 7);
            assert_int_equal(block[i].begin, at);
            assert_true(block[i].end >= at);
            at = block[i].end;
        }
        assert_int_equal(at, rows);
        if (split.kind == SPLIT_CHRONOLOGICAL) {
            assert_int_equal(count, 3);
            for (int part = 0; part < PARTS; part++)
                assert_int_equal(block[part].part, part);
            double wants = split.validation * (double)rows;
            assert_true(fabs((double)(block[1].end - block[1].begin) - wants) <= 0.5 + 1e-9);
        } else if (split.unit == SPLIT_SERIES || split.kind == SPLIT_SHUFFLED_WINDOWS)
            assert_int_equal(count, 1);
        else
            assert_int_equal(count, (rows + split.block - 1) / split.block);
    }
}

static void a_shuffled_deal_is_exact_and_fair(void **state)
{
    (void)state;
    enum { N = 20 };
    size_t hits[N] = {0};
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct split split = {.kind = SPLIT_SHUFFLED, .validation = 0.2, .test = 0.1, .seed = seed};
        struct block block[N] = {{0}};
        struct error err;
        size_t count[PARTS] = {0};
        assert_int_equal(split_deal(&split, block, N, 1000, &err), 0);
        for (int i = 0; i < N; i++) {
            count[block[i].part]++;
            hits[i] += block[i].part == PART_VALIDATION;
        }
        assert_true(count[0] == 14 && count[1] == 4 && count[2] == 2);
    }
    for (int i = 0; i < N; i++) /* 800 each, deviation 25 */
        assert_true(hits[i] > 675 && hits[i] < 925);
}

/* Each stratum gives each part its share, and the parts get what a shuffled split gives them. */
static void strata_give_each_part_its_share(void **state)
{
    (void)state;
    enum { N = 400 };
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct split split = {
            .kind = SPLIT_STRATIFIED, .strata = 10, .validation = 0.2, .test = 0.1, .seed = seed};
        struct block block[N] = {{0}};
        struct error err;
        size_t of[10][PARTS] = {{0}}, rank[N];
        for (int i = 0; i < N; i++)
            block[i].figure = random_unit() < 0.02 ? NAN : random_unit();
        assert_int_equal(split_deal(&split, block, N, 10000, &err), 0);
        for (int i = 0; i < N; i++) { /* rank by counting; without a figure comes first */
            double x = isnan(block[i].figure) ? -1 : block[i].figure;
            rank[i] = 0;
            for (int j = 0; j < N; j++) {
                double y = isnan(block[j].figure) ? -1 : block[j].figure;
                rank[i] += y < x || (y == x && j < i);
            }
            of[rank[i] / 40][block[i].part]++;
        }
        for (int s = 0; s < 10; s++)
            assert_true(of[s][0] == 28 && of[s][1] == 8 && of[s][2] == 4);
    }
    /* Strata smaller than a part's share of them: the sums are still right, and no stratum is far
     * from its share. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct split split = {
            .kind = SPLIT_STRATIFIED, .strata = 30, .validation = 0.1, .test = 0.2, .seed = seed};
        struct block block[90] = {{0}};
        struct error err;
        size_t count[PARTS] = {0};
        for (int i = 0; i < 90; i++)
            block[i].figure = i;
        assert_int_equal(split_deal(&split, block, 90, 10000, &err), 0);
        for (int i = 0; i < 90; i++)
            count[block[i].part]++;
        assert_true(count[0] == 63 && count[1] == 9 && count[2] == 18);
        for (int third = 0; third < 3; third++) {
            size_t validation = 0, test = 0;
            for (int i = 30 * third; i < 30 * third + 30; i++) {
                validation += block[i].part == PART_VALIDATION;
                test += block[i].part == PART_TEST;
            }
            assert_true(validation >= 2 && validation <= 4 && test >= 5 && test <= 7);
        }
    }
}

static void a_deal_depends_on_its_seed(void **state)
{
    (void)state;
    struct block one[200] = {{0}}, two[200] = {{0}};
    struct error err;
    for (int kind = SPLIT_SHUFFLED; kind <= SPLIT_STRATIFIED; kind++) {
        struct split split = {.kind = kind, .strata = 5, .validation = 0.3, .test = 0.2, .seed = 5};
        int differ = 0;
        for (int i = 0; i < 200; i++)
            one[i].figure = two[i].figure = random_unit();
        split_deal(&split, one, 200, 10000, &err);
        split_deal(&split, two, 200, 10000, &err);
        for (int i = 0; i < 200; i++)
            assert_int_equal(one[i].part, two[i].part);
        split.seed = 6;
        split_deal(&split, two, 200, 10000, &err);
        for (int i = 0; i < 200; i++)
            differ += one[i].part != two[i].part;
        assert_true(differ > 20);
    }
}

static void too_little_to_deal(void **state)
{
    (void)state;
    struct split split = {.kind = SPLIT_SHUFFLED, .block = 80, .validation = 0.1, .test = 0.1};
    struct block block[3] = {{0}};
    struct error err;
    size_t count[PARTS] = {0};
    assert_int_equal(split_deal(&split, block, 2, 160, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "160 rows make 2 blocks of 80, too few"));
    split.unit = SPLIT_SERIES;
    assert_int_equal(split_deal(&split, block, 2, 160, &err), -1);
    assert_string_equal(err.text, "2 series are too few to deal to the parts");
    assert_int_equal(split_deal(&split, block, 3, 160, &err), 0); /* one for each */
    for (int i = 0; i < 3; i++)
        count[block[i].part]++;
    assert_true(count[0] == 1 && count[1] == 1 && count[2] == 1);
    split.validation = split.test = 0.5;
    assert_int_equal(split_deal(&split, block, 3, 160, &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
}

static int no_multiple_of_seven(void *ctx, size_t start, enum part part)
{
    ++*(size_t *)ctx;
    return part == PART_TEST || start % 7;
}

/* Windows of random stretches, against trying every row. */
static void windows_of_random_stretches(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct stretch stretch[20];
        size_t stretches = 0, row = 0, asked = 0, fitting = 0;
        for (; stretches < 1 + (size_t)round % 20; stretches++) {
            size_t begin = row + below(4);
            row = begin + 1 + below(40);
            stretch[stretches] = (struct stretch){begin, row, (enum part)below(PARTS)};
        }
        struct windowing windowing = {.ctx = &asked,
                                      .keep = round % 2 ? no_multiple_of_seven : NULL};
        for (int part = 0; part < PARTS; part++) {
            windowing.span[part] = 1 + below(12);
            windowing.stride[part] = 1 + below(5);
        }
        uint32_t *start[PARTS];
        size_t count[PARTS], at[PARTS] = {0};
        assert_int_equal(windows_find(&windowing, stretch, stretches, start, count), 0);
        for (size_t s = 0; s < stretches; s++) {
            enum part part = stretch[s].part;
            for (row = stretch[s].begin; row < stretch[s].end; row++) {
                if ((row - stretch[s].begin) % windowing.stride[part] ||
                    row + windowing.span[part] > stretch[s].end)
                    continue;
                fitting++;
                if (windowing.keep && part != PART_TEST && row % 7 == 0)
                    continue;
                assert_true(at[part] < count[part]);
                assert_int_equal(start[part][at[part]++], row);
            }
        }
        for (int part = 0; part < PARTS; part++) {
            assert_int_equal(at[part], count[part]);
            block_free(start[part]);
        }
        assert_int_equal(asked, windowing.keep ? fitting : 0);
    }
}

static void rows_of_windows_each_once(void **state)
{
    (void)state;
    for (int round = 0; round < 500; round++) {
        uint32_t start[30];
        size_t n = below(30), first = below(9), length = 1 + below(9), rows, at = 0, row = 0;
        char covered[400] = {0};
        for (size_t i = 0; i < n; i++) {
            start[i] = (uint32_t)(row += 1 + below(12));
            memset(covered + start[i] + first, 1, length);
        }
        uint32_t *found = windows_rows(start, n, first, length, &rows);
        for (row = 0; row < sizeof covered; row++)
            if (covered[row]) {
                assert_true(at < rows);
                assert_int_equal(found[at++], row);
            }
        assert_int_equal(at, rows);
        block_free(found);
    }
}

/* SplitMix64's steps over seed and index, worked out with Python's integers. */
static void random_words(void **state)
{
    (void)state;
    assert_true(split_random(0, 0) == UINT64_C(0xf4a90164c4749e1a));
    assert_true(split_random(0, 1) == UINT64_C(0xbfa9ae8d44b45a35));
    assert_true(split_random(42, 0) == UINT64_C(0xac060260b1b443b0));
    assert_true(split_random(42, 7) == UINT64_C(0xe30a41bc353e4c23));
    assert_true(split_random(UINT64_MAX, 3) == UINT64_C(0xf88bb8a8724c81ec));
}

static const char dealt[] = "01000110022000100000"; /* 14, 4 and 2 of 20, with seed 5 */

static void expect_deal(const struct split *split, struct block *block, size_t count,
                        const char *wants)
{
    struct error err;
    if (split_deal(split, block, count, 1000, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++)
        if (block[i].part != (enum part)(wants[i] - '0'))
            fail_msg("item %zu of %s is in part %d", i, wants, (int)block[i].part);
}

/* The same on every machine: a run that is repeated elsewhere has the same parts. */
static void a_deal_as_it_was(void **state)
{
    (void)state;
    struct block block[20] = {{0}};
    struct split split = {.kind = SPLIT_SHUFFLED, .validation = 0.2, .test = 0.1, .seed = 5};
    expect_deal(&split, block, 20, dealt);
    split.seed = 6;
    expect_deal(&split, block, 20, "01001000210000020010");
}

/* Halves are rounded up; validation comes first where the parts want more than there is. */
static void shares_are_rounded(void **state)
{
    (void)state;
    static const struct {
        double validation, test;
        size_t rows, part[PARTS];
    } cases[] = {
        {0.1, 0.1, 14, {12, 1, 1}}, {0.1, 0.1, 15, {11, 2, 2}}, {0.1, 0.1, 4, {4, 0, 0}},
        {0.1, 0.1, 5, {3, 1, 1}},   {0.5, 0.5, 3, {0, 2, 1}},   {0.25, 0, 10, {7, 3, 0}},
        {0, 0.25, 10, {7, 0, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct split split = {
            .kind = SPLIT_CHRONOLOGICAL, .validation = cases[i].validation, .test = cases[i].test};
        struct block block[PARTS];
        assert_int_equal(split_cut(&split, 0, cases[i].rows, block), PARTS);
        for (int part = 0; part < PARTS; part++)
            assert_int_equal(block[part].end - block[part].begin, cases[i].part[part]);
    }
}

/* Figures that are equal keep the order of the rows; one that is missing comes first. With a block
 * a stratum the parts lie evenly. */
static void strata_of_equal_figures(void **state)
{
    (void)state;
    struct block block[20] = {{0}}, other[20] = {{0}};
    struct split split = {
        .kind = SPLIT_STRATIFIED, .strata = 4, .validation = 0.2, .test = 0.2, .seed = 5};
    struct error err;
    for (int strata = 4; strata <= 64; strata *= 4) {
        split.strata = (size_t)strata;
        for (int i = 0; i < 20; i++)
            block[i] = (struct block){.figure = i};
        assert_int_equal(split_deal(&split, block, 20, 1000, &err), 0);
        for (int i = 0; i < 20; i++)
            other[i] = (struct block){.figure = 7};
        assert_int_equal(split_deal(&split, other, 20, 1000, &err), 0);
        for (int i = 0; i < 20; i++)
            assert_int_equal(other[i].part, block[i].part);
        for (int i = 0; i < 20; i++)
            other[i] = (struct block){.figure = i == 19 ? (double)NAN : -3 + i};
        assert_int_equal(split_deal(&split, other, 20, 1000, &err), 0);
        for (int i = 0; i < 20; i++)
            assert_int_equal(other[i].part, block[(i + 1) % 20].part);
        size_t count[4][PARTS] = {{0}};
        for (int i = 0; i < 20; i++)
            count[i / 5][block[i].part]++;
        for (int fourth = 0; fourth < 4; fourth++)
            assert_true(count[fourth][1] == 1 && count[fourth][2] == 1);
    }
}

/* A part whose share is 0 gets no block, however few there are. */
static void a_share_of_nothing(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct split split = {
            .kind = SPLIT_SHUFFLED, .validation = which ? 0.01 : 0, .test = which ? 0 : 0.01};
        struct block block[3] = {{0}};
        struct error err;
        size_t count[PARTS] = {0};
        assert_int_equal(split_deal(&split, block, 3, 30, &err), 0);
        for (int i = 0; i < 3; i++)
            count[block[i].part]++;
        assert_true(count[0] == 2 && count[1] == (size_t)which && count[2] == (size_t)!which);
    }
    struct split split = {.kind = SPLIT_SHUFFLED, .validation = 0.5, .test = 0.25, .block = 10};
    struct block block[2] = {{0}};
    struct error err;
    assert_int_equal(split_deal(&split, block, 2, 20, &err), -1); /* none is left to train on */
    assert_int_equal(split_deal(&split, block, 0, 0, &err), 0);
}

/* Windows that are dealt go behind those that a part has of its own files. */
static void windows_are_dealt(void **state)
{
    (void)state;
    struct split split = {.validation = 0.2, .test = 0.1, .seed = 5};
    uint32_t *start[PARTS];
    size_t count[PARTS] = {20, 1, 2}, at[PARTS] = {0, 1, 2};
    for (int part = 0; part < PARTS; part++) {
        start[part] = block_new(20 * sizeof **start);
        assert_non_null(start[part]);
        for (uint32_t i = 0; i < 20; i++)
            start[part][i] = 1000 * (uint32_t)part + 3 * i;
    }
    assert_int_equal(windows_deal(&split, start, count), 0);
    assert_true(count[0] == 14 && count[1] == 5 && count[2] == 4);
    assert_true(start[1][0] == 1000 && start[2][0] == 2000 && start[2][1] == 2003);
    for (uint32_t i = 0; i < 20; i++) {
        int part = dealt[i] - '0';
        assert_int_equal(start[part][at[part]++], 3 * i);
    }
    for (int part = 0; part < PARTS; part++)
        block_free(start[part]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_cover_every_row_once),
        cmocka_unit_test(a_shuffled_deal_is_exact_and_fair),
        cmocka_unit_test(strata_give_each_part_its_share),
        cmocka_unit_test(a_deal_depends_on_its_seed),
        cmocka_unit_test(too_little_to_deal),
        cmocka_unit_test(windows_of_random_stretches),
        cmocka_unit_test(rows_of_windows_each_once),
        cmocka_unit_test(random_words),
        cmocka_unit_test(a_deal_as_it_was),
        cmocka_unit_test(shares_are_rounded),
        cmocka_unit_test(strata_of_equal_figures),
        cmocka_unit_test(a_share_of_nothing),
        cmocka_unit_test(windows_are_dealt),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
