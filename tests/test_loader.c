/* SPDX-License-Identifier: MIT */
/*
 * loader: items come in their order and whole, whatever the number of threads and buffers, and
 * however long each takes; errors are told in their turn; it ends at any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#include "data/loader.h"

enum { ITEMS = 200, WORDS = 16, NONE = 1 << 20 };

static atomic_size_t made, inside, most_inside, last_begun;
static atomic_int taken_by[LOADER_WORKERS];
static size_t fails_at[2], sleep_us;
static int threads_left, masked;
static struct error err;

/* The linker gives us the library's call. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    masked = sigismember(&set, SIGINT);
    return threads_left-- > 0 ? __real_pthread_create(thread, attr, call, arg) : EAGAIN;
}

static void rest(size_t us)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

/* Fills the buffer with the item's number; some items take longer than others. */
static int make(void *ctx, size_t worker, size_t item, void *buffer, struct error *error)
{
    (void)ctx;
    uint32_t *to = buffer;
    const size_t now_inside = atomic_fetch_add(&inside, 1) + 1;
    if (now_inside > atomic_load(&most_inside))
        atomic_store(&most_inside, now_inside);
    assert_int_equal(atomic_fetch_add(&taken_by[worker], 1), 0); /* one item at a time */
    atomic_store(&last_begun, item);
    if (sleep_us)
        rest(item * 7919 % 5 * sleep_us);
    for (size_t i = 0; i < WORDS; i++)
        to[i] = (uint32_t)item;
    atomic_fetch_sub(&taken_by[worker], 1);
    atomic_fetch_sub(&inside, 1);
    atomic_fetch_add(&made, 1);
    if (item != fails_at[0] && item != fails_at[1])
        return 0;
    return error_set(error, STATUS_INPUT, "item %zu is broken", item);
}

static struct loader *open_loader(size_t workers, size_t prefetch, int threads,
                                  const volatile sig_atomic_t *interrupted)
{
    const struct loader_settings how = {.workers = workers,
                                        .prefetch = prefetch,
                                        .bytes = WORDS * 4,
                                        .make = make,
                                        .interrupted = interrupted};
    threads_left = threads;
    fails_at[0] = fails_at[1] = NONE;
    sleep_us = 0;
    atomic_store(&made, 0);
    struct loader *l = loader_new(&how);
    assert_non_null(l);
    return l;
}

static void is_item(const struct loader_item *item, size_t number)
{
    assert_int_equal(item->number, number);
    for (size_t i = 0; i < WORDS; i++)
        assert_int_equal(((uint32_t *)item->buffer)[i], number);
}

static void draw_order(size_t *order, size_t count, size_t seed)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (i * 17 + seed * 5) % ITEMS;
}

/* All items of an order, of which `held` are kept at a time. */
static void take_all(struct loader *l, const size_t *order, size_t count, size_t held)
{
    struct loader_item item[8];
    loader_order(l, order, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(loader_next(l, &item[i % 8], &err), 1);
        is_item(&item[i % 8], order[i]);
        if (i + 1 < held)
            continue;
        is_item(&item[(i + 1 - held) % 8], order[i + 1 - held]); /* it has stayed as it was */
        loader_done(l);
    }
    assert_int_equal(loader_next(l, &item[0], &err), 0);
    assert_int_equal(loader_next(l, &item[0], &err), 0);
}

static void test_in_order(void **state)
{
    (void)state;
    static const size_t workers[] = {0, 1, 2, 3, 8};
    size_t order[ITEMS];
    for (size_t w = 0; w < 5; w++)
        for (size_t prefetch = 1; prefetch < 6; prefetch++) {
            struct loader *l = open_loader(workers[w], prefetch, (int)workers[w], NULL);
            assert_true(!workers[w] || masked);
            for (size_t epoch = 0; epoch < 3; epoch++) {
                sleep_us = epoch == 1 ? 20 : 0;
                draw_order(order, ITEMS, epoch);
                take_all(l, order, ITEMS - epoch, 1 + epoch % prefetch);
            }
            loader_free(l);
        }
    struct loader *l = open_loader(4, 3, 1, NULL); /* fewer threads than asked for, or none */
    draw_order(order, ITEMS, 1);
    take_all(l, order, ITEMS, 2);
    loader_free(l);
    l = open_loader(4, 3, 0, NULL);
    take_all(l, order, ITEMS, 2);
    assert_int_equal(made, ITEMS);
    loader_free(l);
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    assert_false(sigismember(&set, SIGINT));
}

/* No item beyond the buffers is begun, and threads do work at the same time. */
static void test_ahead(void **state)
{
    (void)state;
    size_t order[ITEMS];
    struct loader_item item;
    struct loader *l = open_loader(3, 4, 3, NULL);
    for (size_t i = 0; i < ITEMS; i++)
        order[i] = i;
    sleep_us = 500;
    atomic_store(&most_inside, 0);
    loader_order(l, order, ITEMS);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(loader_next(l, &item, &err), 1);
        rest(3000);
        assert_true(atomic_load(&last_begun) <= i + 3);
        assert_true(atomic_load(&made) <= i + 4);
        loader_done(l);
    }
    assert_true(most_inside > 1 && most_inside <= 3);
    loader_free(l);
    l = open_loader(0, 2, 0, NULL); /* one that keeps all buffers gets no more */
    loader_order(l, order, ITEMS);
    assert_int_equal(loader_next(l, &item, &err), 1);
    assert_int_equal(loader_next(l, &item, &err), 1);
    assert_int_equal(loader_next(l, &item, &err), 0);
    loader_done(l);
    assert_int_equal(loader_next(l, &item, &err), 1);
    is_item(&item, 2);
    loader_free(l);
}

/* The first item that fails is told, in its turn, though a later one fails sooner. */
static void test_errors(void **state)
{
    (void)state;
    size_t order[ITEMS];
    struct loader_item item;
    for (size_t i = 0; i < ITEMS; i++)
        order[i] = i;
    for (size_t workers = 0; workers < 5; workers++)
        for (int round = 0; round < 10; round++) {
            struct loader *l = open_loader(workers, 8, (int)workers, NULL);
            fails_at[0] = 12;
            fails_at[1] = 15;
            sleep_us = round % 2 ? 30 : 0;
            loader_order(l, order, ITEMS);
            for (size_t i = 0; i < 12; i++) {
                assert_int_equal(loader_next(l, &item, &err), 1);
                is_item(&item, i);
                loader_done(l);
            }
            for (int again = 0; again < 2; again++) {
                assert_int_equal(loader_next(l, &item, &err), -1);
                assert_string_equal(err.text, "item 12 is broken");
                loader_done(l);
            }
            take_all(l, order, 12, 1); /* another order: it is over */
            take_all(l, order + 13, 2, 1);
            loader_free(l);
        }
}

/* Orders that are left in the midst are read no more, and a loader ends at any moment. */
static void test_left_behind(void **state)
{
    (void)state;
    size_t order[ITEMS];
    struct loader_item item;
    loader_free(open_loader(4, 4, 4, NULL));
    for (size_t i = 0; i < 100; i++) {
        struct loader *l = open_loader(1 + i % 4, 3, 4, NULL);
        sleep_us = i % 5 * 10;
        draw_order(order, ITEMS, i);
        loader_order(l, order, ITEMS);
        if (i % 2)
            assert_int_equal(loader_next(l, &item, &err), 1);
        rest(i * 5);
        loader_order(l, NULL, 0);
        memset(order, 0xff, sizeof order);
        assert_int_equal(loader_next(l, &item, &err), 0);
        draw_order(order, ITEMS, i + 1);
        loader_order(l, order, ITEMS);
        if (i % 3)
            assert_int_equal(loader_next(l, &item, &err), 1);
        loader_free(l);
    }
    loader_free(NULL);
}

static volatile sig_atomic_t interrupted;

static void note(int number)
{
    interrupted = number;
}

/* A signal ends the waiting, though no item is made, and the time is counted. */
static void test_interrupted(void **state)
{
    (void)state;
    size_t order[ITEMS];
    struct loader_item item;
    struct loader *l = open_loader(2, 2, 2, &interrupted);
    draw_order(order, ITEMS, 1);
    take_all(l, order, ITEMS, 1);
    signal(SIGALRM, note);
    sleep_us = 100000; /* item 1 takes 0.4 s */
    order[0] = 1;
    assert_int_equal(1 * 7919 % 5, 4);
    const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    const double before = loader_waited(l);
    loader_order(l, order, ITEMS);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(loader_next(l, &item, &err), 0);
    assert_true(interrupted);
    assert_true(loader_waited(l) - before > 0.01);
    assert_int_equal(loader_next(l, &item, &err), 0);
    loader_free(l);
    interrupted = 0;
}

/* Buffers of the caller's, each in its turn. */
static void test_buffers(void **state)
{
    (void)state;
    static uint32_t buffer[3][WORDS];
    void *const buffers[] = {buffer[0], buffer[1], buffer[2]};
    const struct loader_settings how = {
        .workers = 2, .prefetch = 3, .buffer = buffers, .make = make};
    size_t order[ITEMS];
    struct loader_item item;
    threads_left = 2;
    fails_at[0] = fails_at[1] = NONE;
    struct loader *l = loader_new(&how);
    draw_order(order, ITEMS, 2);
    loader_order(l, order, ITEMS);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_int_equal(loader_next(l, &item, &err), 1);
        assert_int_equal(item.slot, i % 3);
        assert_ptr_equal(item.buffer, buffers[i % 3]);
        is_item(&item, order[i]);
        loader_done(l);
    }
    loader_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),    cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_interrupted), cmocka_unit_test(test_buffers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
