/* SPDX-License-Identifier: MIT */
#include "util/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS_MOST 64

size_t parallel_cores(void)
{
#ifdef CPU_COUNT
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set))
        return (size_t)CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}

struct pieces {
    size_t count;
    atomic_size_t next;
    void (*work)(void *arg, size_t i);
    void *arg;
};

static void *take_pieces(void *arg)
{
    struct pieces *p = arg;
    for (size_t i; (i = atomic_fetch_add(&p->next, 1)) < p->count;)
        p->work(p->arg, i);
    return NULL;
}

void parallel_run(size_t count, size_t threads, void (*work)(void *arg, size_t i), void *arg)
{
    struct pieces pieces = {.count = count, .work = work, .arg = arg};
    pthread_t thread[THREADS_MOST];
    size_t most = threads ? threads : parallel_cores(), made = 0;
    if (!count)
        return;
    most = most < count ? most : count;
    most = most < THREADS_MOST ? most : THREADS_MOST;
    atomic_init(&pieces.next, 1);
    while (made + 1 < most && !pthread_create(&thread[made], NULL, take_pieces, &pieces))
        made++;
    work(arg, 0);
    take_pieces(&pieces);
    while (made)
        pthread_join(thread[--made], NULL);
}
