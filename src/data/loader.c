/* SPDX-License-Identifier: MIT */
#include "data/loader.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "util/block.h"
#include "util/now.h"

#define GLANCE 50000000 /* ns between two looks at whether it is interrupted */

enum state { EMPTY, FILLING, FULL, FAILED };

struct slot {
    void *buffer;
    enum state state;
    struct error err; /* of FAILED */
};

struct worker {
    struct loader *loader;
    pthread_t thread;
    size_t number;
};

struct loader {
    struct loader_settings how;
    struct slot *slot; /* [prefetch]; item i of the order lies in slot[i % prefetch] */
    struct worker worker[LOADER_WORKERS];
    size_t workers;
    double waited;

    pthread_mutex_t lock; /* of what follows, and of the slots */
    pthread_cond_t work, made;
    const size_t *item;        /* [count] the order */
    size_t count;              /* items up to the first that failed, and that one */
    size_t begun, taken, done; /* items of the order so far */
    size_t filling;            /* threads that make one */
    int ends;
};

/* Makes the next item of the order. The lock is held, but not while the item is made. */
static void make_next(struct loader *l, size_t worker)
{
    const size_t i = l->begun++, number = l->item[i];
    struct slot *slot = &l->slot[i % l->how.prefetch];
    slot->state = FILLING;
    l->filling++;
    pthread_mutex_unlock(&l->lock);
    const int failed = l->how.make(l->how.ctx, worker, number, slot->buffer, &slot->err);
    pthread_mutex_lock(&l->lock);
    l->filling--;
    slot->state = failed ? FAILED : FULL;
    if (failed && i < l->count)
        l->count = i + 1; /* what is behind is of no use */
    pthread_cond_signal(&l->made);
}

/* Whether an item is left that has a buffer. */
static int has_work(const struct loader *l)
{
    return l->begun < l->count && l->begun - l->done < l->how.prefetch;
}

static void *work(void *arg)
{
    const struct worker *w = arg;
    struct loader *l = w->loader;
    pthread_mutex_lock(&l->lock);
    while (!l->ends)
        if (has_work(l))
            make_next(l, w->number);
        else
            pthread_cond_wait(&l->work, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* As many threads as can be had. Signals are the main thread's. */
static void start_workers(struct loader *l)
{
    const size_t most = l->how.workers < LOADER_WORKERS ? l->how.workers : LOADER_WORKERS;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; l->workers < most; l->workers++) {
        struct worker *w = &l->worker[l->workers];
        *w = (struct worker){.loader = l, .number = l->workers};
        if (pthread_create(&w->thread, NULL, work, w))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int allocate(struct loader *l)
{
    if (!l->how.prefetch)
        l->how.prefetch = 1;
    if (!(l->slot = calloc(l->how.prefetch, sizeof *l->slot)))
        return -1;
    for (size_t i = 0; i < l->how.prefetch; i++) {
        l->slot[i].buffer = l->how.buffer ? l->how.buffer[i] : block_new(l->how.bytes);
        if (!l->slot[i].buffer)
            return -1;
    }
    return 0;
}

struct loader *loader_new(const struct loader_settings *settings)
{
    pthread_condattr_t attr;
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->how = *settings;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->work, &attr);
    pthread_cond_init(&l->made, &attr);
    pthread_condattr_destroy(&attr);
    if (!allocate(l)) {
        start_workers(l);
        return l;
    }
    loader_free(l);
    return NULL;
}

void loader_free(struct loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->ends = 1;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    while (l->workers)
        pthread_join(l->worker[--l->workers].thread, NULL);
    for (size_t i = 0; l->slot && !l->how.buffer && i < l->how.prefetch; i++)
        block_free(l->slot[i].buffer);
    free(l->slot);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->made);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void loader_order(struct loader *l, const size_t *item, size_t count)
{
    pthread_mutex_lock(&l->lock);
    l->count = 0; /* no thread begins another one */
    while (l->filling)
        pthread_cond_wait(&l->made, &l->lock);
    l->item = item;
    l->count = count;
    l->begun = l->taken = l->done = 0;
    for (size_t i = 0; i < l->how.prefetch; i++)
        l->slot[i].state = EMPTY;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
}

static int is_interrupted(const struct loader *l)
{
    return l->how.interrupted && *l->how.interrupted;
}

/* A while, or until an item is made. The lock is held. */
static void wait_for_item(struct loader *l)
{
    struct timespec until;
    if (!l->how.interrupted) {
        pthread_cond_wait(&l->made, &l->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GLANCE;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&l->made, &l->lock, &until);
}

/* Waits for an item, or makes it; counts the time. -1: interrupted. The lock is held. */
static int await(struct loader *l, const struct slot *slot, size_t i)
{
    if (i < l->begun && slot->state != FILLING)
        return is_interrupted(l) ? -1 : 0;
    const double from = now();
    while (!is_interrupted(l) && (i >= l->begun || slot->state == FILLING))
        if (!l->workers)
            make_next(l, 0);
        else
            wait_for_item(l);
    l->waited += now() - from;
    return i >= l->begun || slot->state == FILLING || is_interrupted(l) ? -1 : 0;
}

int loader_next(struct loader *l, struct loader_item *item, struct error *err)
{
    int code = 0;
    pthread_mutex_lock(&l->lock);
    const size_t i = l->taken, s = i % l->how.prefetch;
    struct slot *slot = &l->slot[s];
    if (i < l->count && i - l->done < l->how.prefetch && !await(l, slot, i))
        code = slot->state == FAILED ? -1 : 1;
    if (code < 0)
        *err = slot->err;
    else if (code > 0)
        *item = (struct loader_item){l->item[i], s, slot->buffer};
    l->taken += code > 0;
    pthread_mutex_unlock(&l->lock);
    return code;
}

void loader_done(struct loader *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->done < l->taken)
        l->slot[l->done++ % l->how.prefetch].state = EMPTY;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->lock);
}

double loader_waited(const struct loader *l)
{
    return l->waited;
}
