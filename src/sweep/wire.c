/* SPDX-License-Identifier: MIT */
#include "sweep/wire.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#define GRANT "go\n"

/* --- the supervisor's end */

static void take(struct wire *w, const char *line)
{
    uint64_t bytes, budget;
    long batch, accumulate;
    int is_cpu, shares;
    if (sscanf(line, "plan %" SCNu64 " %" SCNu64 " %d %d", &bytes, &budget, &is_cpu, &shares) ==
        4) {
        w->bytes = bytes ? bytes : 1;
        w->budget = budget;
        w->is_cpu = is_cpu;
        w->shares = shares;
    } else if (sscanf(line, "short %ld %ld", &batch, &accumulate) == 2) {
        w->batch = batch;
        w->accumulate = accumulate;
    }
}

void wire_read(struct wire *w)
{
    ssize_t got;
    char *end;
    while ((got = recv(w->fd, w->text + w->used, sizeof w->text - 1 - w->used, MSG_DONTWAIT)) > 0) {
        w->used += (size_t)got;
        w->text[w->used] = 0;
        while ((end = strchr(w->text, '\n'))) {
            *end = 0;
            take(w, w->text);
            w->used -= (size_t)(end + 1 - w->text);
            memmove(w->text, end + 1, w->used + 1);
        }
        if (w->used == sizeof w->text - 1) /* nothing of ours */
            w->used = 0;
    }
}

void wire_grant(struct wire *w)
{
    /* a worker that is gone needs none */
    send(w->fd, GRANT, strlen(GRANT), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- the worker's end */

static int say(int fd, const char *text)
{
    size_t length = strlen(text);
    return send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

/* Waits for the first byte of the supervisor's answer. */
static int await(int fd, const volatile sig_atomic_t *interrupted, struct error *err)
{
    char answer[sizeof GRANT];
    while (!*interrupted) {
        struct pollfd at = {.fd = fd, .events = POLLIN};
        if (poll(&at, 1, 500) <= 0)
            continue;
        return recv(fd, answer, sizeof answer, 0) > 0
                   ? 0
                   : error_set(err, STATUS_FAILED, "the supervisor of the sweep has ended");
    }
    return error_set(err, STATUS_FAILED, "interrupted while it waited for memory of the device");
}

int wire_ask(int fd, const struct wire_plan *plan, const volatile sig_atomic_t *interrupted,
             struct error *err)
{
    char text[128];
    snprintf(text, sizeof text, "plan %" PRIu64 " %" PRIu64 " %d %d\n", plan->bytes, plan->budget,
             plan->is_cpu, plan->shares);
    return say(fd, text) ? error_set(err, STATUS_FAILED, "the supervisor of the sweep has ended")
                         : await(fd, interrupted, err);
}

void wire_tell_short(int fd, long batch, long accumulate)
{
    char text[128];
    snprintf(text, sizeof text, "short %ld %ld\n", batch, accumulate);
    say(fd, text); /* a supervisor that is gone asks nothing */
}
