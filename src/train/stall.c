/* SPDX-License-Identifier: MIT */
#include "train/stall.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/now.h"

/* It looks this often, ms. */
#define PERIOD 1000

struct stall {
    double seconds;
    const atomic_ulong *counter;
    stall_tell *tell;
    void *ctx;
    int ends[2]; /* a pipe, closed at the end */
    pthread_t thread;
};

static void *watch(void *arg)
{
    struct stall *s = arg;
    struct pollfd end = {.fd = s->ends[0], .events = POLLIN};
    unsigned long seen = atomic_load(s->counter);
    double since = now();
    int told = 0;
    while (poll(&end, 1, s->seconds * 250 < PERIOD ? (int)(s->seconds * 250) : PERIOD) <= 0) {
        unsigned long count = atomic_load(s->counter);
        if (count != seen) {
            seen = count;
            since = now();
            told = 0;
        } else if (!told && now() - since >= s->seconds) {
            told = 1;
            s->tell(s->ctx, now() - since);
        }
    }
    return NULL;
}

struct stall *stall_start(double seconds, const atomic_ulong *counter, stall_tell *tell, void *ctx)
{
    sigset_t all, before;
    struct stall *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    *s = (struct stall){.seconds = seconds, .counter = counter, .tell = tell, .ctx = ctx};
    if (pipe2(s->ends, O_CLOEXEC)) {
        free(s);
        return NULL;
    }
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&s->thread, NULL, watch, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        return s;
    close(s->ends[0]);
    close(s->ends[1]);
    free(s);
    return NULL;
}

void stall_stop(struct stall *s)
{
    if (!s)
        return;
    close(s->ends[1]); /* the other end sees it */
    pthread_join(s->thread, NULL);
    close(s->ends[0]);
    free(s);
}
