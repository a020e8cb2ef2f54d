/* SPDX-License-Identifier: MIT */
/* stall: what stands still is told, by a clock that only the test moves. */
#include "train/stall.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static atomic_long clock_s;
static atomic_int told;
static double told_seconds;
static void *told_ctx;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){.tv_sec = atomic_load(&clock_s)};
    return 0;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *with, void *(*run)(void *),
                          void *arg);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *with, void *(*run)(void *),
                          void *arg);
static int no_thread;
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *with, void *(*run)(void *),
                          void *arg)
{
    return no_thread ? 11 : __real_pthread_create(thread, with, run, arg);
}

static void tell(void *ctx, double seconds)
{
    told_ctx = ctx;
    told_seconds = seconds;
    atomic_fetch_add(&told, 1);
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Waits until so much was told, for half a minute at most. */
static void wait_for(int count)
{
    for (int i = 0; i < 3000 && atomic_load(&told) < count; i++)
        wait_ms(10);
    assert_int_equal(atomic_load(&told), count);
}

static void test_stall(void **state)
{
    (void)state;
    atomic_ulong counter = 7;
    struct stall *stall = stall_start(0.2, &counter, tell, &told);
    assert_non_null(stall);
    wait_ms(150);
    assert_int_equal(atomic_load(&told), 0); /* the clock stands still */
    atomic_fetch_add(&clock_s, 5);
    wait_for(1);
    assert_true(told_seconds == 5);
    assert_ptr_equal(told_ctx, &told);
    atomic_fetch_add(&clock_s, 5);
    wait_ms(150);
    assert_int_equal(atomic_load(&told), 1); /* of one stall only once */
    atomic_fetch_add(&counter, 1);
    wait_ms(500); /* it looks every 50 ms; where it does not, the next stall is told as the first */
    atomic_fetch_add(&clock_s, 5);
    for (int i = 0; i < 3000 && atomic_load(&told) < 2; i++) {
        wait_ms(10);
        atomic_fetch_add(&clock_s, 1);
    }
    wait_for(2);
    stall_stop(stall);
    stall_stop(NULL);
}

/* It ends at once, however long it would wait. */
static void test_stop(void **state)
{
    (void)state;
    atomic_ulong counter = 0;
    for (int i = 0; i < 100; i++)
        stall_stop(stall_start(1000, &counter, tell, &told));
}

static void test_no_thread(void **state)
{
    (void)state;
    atomic_ulong counter = 0;
    no_thread = 1;
    assert_null(stall_start(1000, &counter, tell, &told));
    no_thread = 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_stall),
                                              cmocka_unit_test(test_stop),
                                              cmocka_unit_test(test_no_thread)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
