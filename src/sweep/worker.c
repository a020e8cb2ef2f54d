/* SPDX-License-Identifier: MIT */
#include "sweep/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/now.h"

struct worker {
    struct claim *claim;
    int parent; /* its other end closes when the supervisor ends; -1: there is none */
    int end[2]; /* closes when the work is done */
    const volatile sig_atomic_t *interrupted;
    pthread_t thread;
};

int worker_place(struct worker_place *place)
{
    const char *text = getenv(WORKER_VARIABLE);
    *place = (struct worker_place){.socket = -1};
    if (!text || sscanf(text, "%d %u", &place->socket, &place->stale) != 2 ||
        fcntl(place->socket, F_SETFD, FD_CLOEXEC)) {
        place->socket = -1;
        return 0;
    }
    unsetenv(WORKER_VARIABLE);
    return 1;
}

/* --- the thread */

/* Waits for the end of work, or of the supervisor. 'e', 'p', or 0 after so many seconds. */
static int wait_for_end(const struct worker *w, double seconds)
{
    /* of the supervisor only its end: what it says is not for this thread */
    struct pollfd fd[] = {{.fd = w->end[0]}, {.fd = w->parent}};
    double until = now() + seconds, left;
    while ((left = until - now()) > 0) {
        if (poll(fd, 2, (int)(left * 1000) + 1) <= 0)
            continue;
        if (fd[0].revents)
            return 'e';
        if (fd[1].revents)
            return 'p';
    }
    return 0;
}

/* Ends the process as a user would, with a checkpoint, or else at once. */
static void end_process(struct worker *w)
{
    if (!*w->interrupted) /* a second one would end it at once */
        kill(getpid(), SIGTERM);
    w->parent = -1;
    if (!wait_for_end(w, WORKER_GRACE))
        kill(getpid(), SIGKILL);
}

static void *guard(void *ctx)
{
    struct worker *w = ctx;
    for (;;) {
        int what = wait_for_end(w, CLAIM_PERIOD);
        if (what == 'e')
            return NULL;
        if (what == 'p' || claim_renew(w->claim)) {
            end_process(w);
            return NULL;
        }
    }
}

static int start_guard(struct worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int failed = pthread_create(&w->thread, NULL, guard, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* --- taking a run */

/* Watches a claim that is held until there is a heartbeat (0), or it is free (1) or stale (1). */
static int watch(const char *folder, size_t run, const volatile sig_atomic_t *interrupted,
                 struct log *log, struct claim_look *look, struct error *err)
{
    struct claim_watch seen = {0};
    const struct claim_look first = *look;
    log_say(log, "Run %zu was begun by %s: waiting for its heartbeat.", run, look->holder);
    while (!*interrupted) {
        if (claim_look(folder, run, look, err))
            return -1;
        if (look->state != CLAIM_HELD || claim_is_stale(&seen, look, now()))
            return 1;
        if (look->generation != first.generation || strcmp(look->content, first.content) != 0)
            return 0;
        poll(NULL, 0, 1000);
    }
    return 0;
}

static int take(struct worker *w, const struct worker_place *place, const char *folder, size_t run,
                struct log *log, struct claim_look *look, struct error *err)
{
    int taken = claim_take(folder, run, place->stale, &w->claim, look, err);
    if (taken <= 0 || place->socket >= 0 || look->is_here)
        return taken;
    int is_free = watch(folder, run, w->interrupted, log, look, err);
    if (is_free <= 0)
        return is_free ? -1 : 1;
    return claim_take(folder, run, look->generation, &w->claim, look, err);
}

int worker_begin(struct worker **worker, const struct worker_place *place, const char *folder,
                 size_t run, const volatile sig_atomic_t *interrupted, struct log *log,
                 struct claim_look *look, struct error *err)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return error_set(err, STATUS_FAILED, "out of memory");
    w->parent = place->socket;
    w->interrupted = interrupted;
    int result = take(w, place, folder, run, log, look, err);
    if (!result && pipe2(w->end, O_CLOEXEC))
        result = error_errno(err, STATUS_FAILED, "pipe");
    else if (!result && start_guard(w)) {
        close(w->end[0]);
        close(w->end[1]);
        result = error_set(err, STATUS_FAILED, "no thread can be started");
    }
    if (!result) {
        *worker = w;
        return 0;
    }
    claim_release(w->claim);
    free(w);
    return result;
}

void worker_end(struct worker *w)
{
    if (!w)
        return;
    close(w->end[1]);
    pthread_join(w->thread, NULL);
    close(w->end[0]);
    claim_release(w->claim);
    free(w);
}
