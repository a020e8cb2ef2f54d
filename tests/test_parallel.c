/* SPDX-License-Identifier: MIT */
/* parallel: each piece is done once, whatever threads there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "util/parallel.h"

#define PIECES 1000

static atomic_uint done[PIECES];
static pthread_t done_by[PIECES];
static pthread_barrier_t barrier;
static int threads_left, threads_made;

/* The linker gives us the library's calls: so many threads can be made and no more. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*call)(void *),
                          void *arg)
{
    if (threads_left-- <= 0)
        return EAGAIN;
    threads_made++;
    return __real_pthread_create(thread, attr, call, arg);
}

static void work(void *arg, size_t i)
{
    assert_ptr_equal(arg, done);
    atomic_fetch_add(&done[i], 1);
    done_by[i] = pthread_self();
}

/* Runs `count` pieces and checks that each was done once, the first here; how many threads it made.
 */
static int run(size_t count, size_t threads, int possible)
{
    for (size_t i = 0; i < PIECES; i++)
        atomic_store(&done[i], 0);
    threads_left = possible;
    threads_made = 0;
    parallel_run(count, threads, work, done);
    for (size_t i = 0; i < PIECES; i++)
        assert_int_equal(atomic_load(&done[i]), i < count);
    if (count)
        assert_true(pthread_equal(done_by[0], pthread_self()));
    return threads_made;
}

static void every_piece_once(void **state)
{
    (void)state;
    assert_int_equal(run(0, 4, 100), 0);
    assert_int_equal(run(1, 4, 100), 0);
    assert_int_equal(run(PIECES, 1, 100), 0);
    assert_int_equal(run(PIECES, 4, 100), 3);
    assert_int_equal(run(3, 7, 100), 2); /* no more than there are pieces */
    assert_int_equal(run(PIECES, 1000, 1000), 63);
    assert_int_equal(run(PIECES, 0, 1000), (int)parallel_cores() - 1);
}

static void threads_that_cannot_be_made(void **state)
{
    (void)state;
    assert_int_equal(run(PIECES, 4, 0), 0);
    assert_int_equal(run(PIECES, 4, 1), 1);
    for (int i = 0; i < PIECES; i++) /* all, if it is alone */
        done_by[i] = 0;
    run(PIECES, 4, 0);
    for (int i = 0; i < PIECES; i++)
        assert_true(pthread_equal(done_by[i], pthread_self()));
}

static void meet(void *arg, size_t i)
{
    (void)arg;
    (void)i;
    pthread_barrier_wait(&barrier);
}

/* Pieces that wait for each other come to an end only if they run at the same time. */
static void pieces_run_side_by_side(void **state)
{
    (void)state;
    threads_left = 100;
    pthread_barrier_init(&barrier, NULL, 3);
    parallel_run(3, 3, meet, NULL);
    parallel_run(9, 3, meet, NULL);
    pthread_barrier_destroy(&barrier);
}

static void cores_are_those_of_the_process(void **state)
{
    (void)state;
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(parallel_cores(), CPU_COUNT(&before));
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(parallel_cores(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_once),
        cmocka_unit_test(threads_that_cannot_be_made),
        cmocka_unit_test(pieces_run_side_by_side),
        cmocka_unit_test(cores_are_those_of_the_process),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
