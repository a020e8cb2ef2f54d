/* SPDX-License-Identifier: MIT */
/* stage: batches hold the windows that were asked for, in whatever order and whether or not there
 * is a thread; one stays as it is until the call after the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "data/captioned.h"
#include "data/stage.h"

enum { ROWS = 60, F = 3, K = 2, MOST = 40, LARGE = 4000 };

static float series[ROWS * F], target[ROWS * K], weight[ROWS];
static struct dataset data = {.rows = ROWS,
                              .features = F,
                              .targets = K,
                              .series = series,
                              .target = target,
                              .weight = weight};
static const struct stage_shape shapes[] = {
    {.batch = 4, .window = 5, .target_first = 6, .target_rows = 2},
    {.batch = 2, .window = 20, .target_first = 0, .target_rows = 20},
    {.batch = LARGE, .window = 20, .target_first = 0, .target_rows = 20},
};
static int can_make_threads, threads_made;

/* The linker gives us the library's call. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg)
{
    if (!can_make_threads)
        return EAGAIN;
    threads_made++;
    return __real_pthread_create(thread, attr, call, arg);
}

static struct stage *open_stage(int threaded)
{
    for (int i = 0; i < ROWS * F; i++)
        series[i] = (float)i;
    for (int i = 0; i < ROWS * K; i++)
        target[i] = 1000 + (float)i;
    for (int i = 0; i < ROWS; i++)
        weight[i] = 5000 + (float)i;
    can_make_threads = threaded;
    threads_made = 0;
    struct stage *stage = stage_new(&data, shapes, 3, &(struct stage_memory){0});
    assert_non_null(stage);
    assert_int_equal(threads_made, threaded);
    return stage;
}

/* A batch is that of samples [first, first + count) of the order, by the definition of a window. */
static void is_batch(const struct stage_batch *b, const struct stage_shape *s,
                     const uint32_t *order, size_t first, size_t count)
{
    assert_int_equal(b->first, first);
    assert_int_equal(b->count, count);
    for (size_t i = 0; i < s->batch; i++) {
        uint32_t row = order[i < count ? first + i : first];
        assert_int_equal(b->start[i], row);
        assert_true(b->weight[i] == 5000 + (float)row);
        for (size_t t = 0; t < s->window; t++)
            for (size_t f = 0; f < F; f++)
                assert_true(b->series[(i * s->window + t) * F + f] == (float)((row + t) * F + f));
        for (size_t r = 0; r < s->target_rows; r++)
            for (size_t k = 0; k < K; k++)
                assert_true(b->target[(i * s->target_rows + r) * K + k] ==
                            1000 + (float)((row + s->target_first + r) * K + k));
    }
}

static void draw_order(uint32_t *order, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)((i * 17 + seed * 5) % 40);
}

/* All batches of an order; each is looked at again when the next one has been taken, and once more
 * later, when the thread had time to make another. */
static void take_all(struct stage *stage, const struct stage_shape *s, const uint32_t *order,
                     size_t count)
{
    const struct stage_batch *before = NULL;
    stage_order(stage, s, order, count);
    for (size_t first = 0; first < count; first += s->batch) {
        size_t n = count - first < s->batch ? count - first : s->batch;
        const struct stage_batch *b = stage_next(stage, first, n);
        is_batch(b, s, order, first, n);
        if (before) {
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
            is_batch(before, s, order, first - s->batch, s->batch);
        }
        before = b;
    }
}

static void in_turn(int threaded)
{
    struct stage *stage = open_stage(threaded);
    uint32_t order[2][MOST];
    for (unsigned epoch = 0; epoch < 6; epoch++) {
        for (unsigned i = 0; i < 2; i++)
            draw_order(order[i], MOST, 2 * epoch + i);
        take_all(stage, &shapes[0], order[0], MOST - epoch);
        take_all(stage, &shapes[1], order[1], 1 + 3 * epoch);
    }
    stage_free(stage);
}

static void test_in_turn(void **state)
{
    (void)state;
    in_turn(1);
    in_turn(0);
}

/* Samples that are not the ones that were made ahead: a run that goes on within an epoch, groups of
 * batches with a short last one, orders that are left before their end. */
static void out_of_turn(int threaded)
{
    static const struct {
        size_t first, count;
    } asked[] = {{12, 4}, {16, 4}, {20, 2}, {22, 4}, {0, 4},
                 {0, 4},  {36, 4}, {4, 1},  {5, 4},  {39, 1}};
    struct stage *stage = open_stage(threaded);
    uint32_t order[MOST], other[MOST];
    draw_order(order, MOST, 3);
    draw_order(other, MOST, 4);
    for (int round = 0; round < 20; round++) {
        stage_order(stage, &shapes[0], order, MOST);
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
            is_batch(stage_next(stage, asked[i].first, asked[i].count), &shapes[0], order,
                     asked[i].first, asked[i].count);
        stage_order(stage, &shapes[1], other, MOST);
        if (round % 2)
            is_batch(stage_next(stage, 0, 2), &shapes[1], other, 0, 2);
        stage_order(stage, &shapes[1], NULL, 0); /* from here on nobody reads `other` */
        memset(other, 0xff, sizeof other);
        draw_order(other, MOST, 4);
    }
    stage_free(stage);
}

static void test_out_of_turn(void **state)
{
    (void)state;
    out_of_turn(1);
    out_of_turn(0);
}

/* An order that is left is read no more, even if the thread was in the midst of a batch. */
static void test_left_behind(void **state)
{
    (void)state;
    static uint32_t order[LARGE];
    struct stage *stage = open_stage(1);
    for (long i = 0; i < 60; i++) {
        draw_order(order, LARGE, (unsigned)i);
        stage_order(stage, &shapes[2], order, LARGE);
        nanosleep(&(struct timespec){.tv_nsec = 5000 * i}, NULL);
        stage_order(stage, &shapes[2], NULL, 0);
        memset(order, 0xff, sizeof order); /* rows that are not there */
    }
    stage_free(stage);
}

enum { GONE = 9, CELLS = 3 };

static int fetch(void *ctx, const size_t *clip, size_t count, float *to, struct error *err)
{
    size_t *asked = ctx;
    for (size_t i = 0; i < count; i++) {
        if (clip[i] == GONE)
            return error_set(err, STATUS_INPUT, "clip %d is gone", GONE);
        for (size_t k = 0; k < CELLS; k++)
            to[i * CELLS + k] = (float)(10 * clip[i] + k);
    }
    *asked += count;
    return 0;
}

/* Features of the clips of a batch are asked for at once; one that cannot be had spoils its batch
 * alone. */
static void clips(int threaded)
{
    struct caption item[ROWS / 5] = {{0}};
    size_t asked = 0;
    struct captioned own = {
        .captions.item = item, .rows = 1, .columns = CELLS, .fetch = fetch, .ctx = &asked};
    for (size_t i = 0; i < ROWS / 5; i++)
        item[i].clip = i * 7 % (ROWS / 5);
    data.captioned = &own;
    data.window = 4;
    const uint32_t order[] = {10, 0, 25, 35, 30, 15, 45, 5, 50, 55};
    struct stage *stage = open_stage(threaded);
    stage_order(stage, &shapes[0], order, 10);
    for (size_t first = 0; first < 10; first += 4) {
        const size_t count = first < 8 ? 4 : 2;
        const struct stage_batch *b = stage_next(stage, first, count);
        assert_int_equal(b->failed != 0, first == 4); /* row 15 is that of clip 9 */
        if (first == 4)
            assert_string_equal(b->err.text, "clip 9 is gone");
        for (size_t i = 0; !b->failed && i < 4; i++)
            for (size_t k = 0; k < CELLS; k++)
                assert_true(b->clip[i * CELLS + k] ==
                            (float)(10 * item[order[first + (i < count ? i : 0)] / 5].clip + k));
    }
    assert_int_equal(asked, 6);
    stage_free(stage);
    data.captioned = NULL;
    data.window = 0;
}

static void test_clips(void **state)
{
    (void)state;
    clips(1);
    clips(0);
}

/* A stage that nobody asks anything ends, and so does one that has batches ahead. */
static void test_end(void **state)
{
    (void)state;
    uint32_t order[MOST];
    draw_order(order, MOST, 1);
    stage_free(open_stage(1));
    for (int i = 0; i < 50; i++) {
        struct stage *stage = open_stage(1);
        stage_order(stage, &shapes[0], order, MOST);
        if (i % 2)
            stage_next(stage, 0, 4);
        stage_free(stage);
    }
    stage_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_turn),     cmocka_unit_test(test_out_of_turn),
        cmocka_unit_test(test_left_behind), cmocka_unit_test(test_clips),
        cmocka_unit_test(test_end),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
