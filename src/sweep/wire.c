/* SPDX-License-Identifier: MIT */
#include "sweep/wire.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#define GRANT "go\n"
#define END "end\n"

/* --- the supervisor's end */

static void take(struct wire *w, const char *line)
{
    uint64_t bytes, budget, figure;
    long batch, accumulate, epoch;
    int is_cpu, shares, is_last;
    if (sscanf(line, "plan %" SCNu64 " %" SCNu64 " %d %d", &bytes, &budget, &is_cpu, &shares) ==
        4) {
        w->bytes = bytes ? bytes : 1;
        w->budget = budget;
        w->is_cpu = is_cpu;
        w->shares = shares;
    } else if (sscanf(line, "short %ld %ld", &batch, &accumulate) == 2) {
        w->batch = batch;
        w->accumulate = accumulate;
    } else if (sscanf(line, "epoch %ld %" SCNx64 " %d", &epoch, &figure, &is_last) == 3) {
        w->told.epoch = epoch;
        memcpy(&w->told.figure, &figure, sizeof figure);
        w->told.is_last = is_last;
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

void wire_answer(struct wire *w, int ends)
{
    const char *text = ends ? END : GRANT;
    w->told.epoch = 0;
    send(w->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- the worker's end */

static int say(int fd, const char *text)
{
    size_t length = strlen(text);
    return send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

/* Waits for the first byte of the supervisor's answer: 0 where it has ended, or a signal came. */
static char await(int fd, const volatile sig_atomic_t *interrupted)
{
    char answer[sizeof GRANT + sizeof END];
    while (!*interrupted) {
        struct pollfd at = {.fd = fd, .events = POLLIN};
        if (poll(&at, 1, 500) <= 0)
            continue;
        return recv(fd, answer, sizeof answer, 0) > 0 ? *answer : 0;
    }
    return 0;
}

int wire_ask(int fd, const struct wire_plan *plan, const volatile sig_atomic_t *interrupted,
             struct error *err)
{
    char text[128];
    snprintf(text, sizeof text, "plan %" PRIu64 " %" PRIu64 " %d %d\n", plan->bytes, plan->budget,
             plan->is_cpu, plan->shares);
    if (!say(fd, text) && await(fd, interrupted))
        return 0;
    return error_set(err, STATUS_FAILED,
                     *interrupted ? "interrupted while it waited for memory of the device"
                                  : "the supervisor of the sweep has ended");
}

int wire_ask_epoch(int fd, const struct epoch_told *told, const volatile sig_atomic_t *interrupted)
{
    char text[128];
    uint64_t figure; /* its bits: in a locale numbers may have commas */
    memcpy(&figure, &told->figure, sizeof figure);
    snprintf(text, sizeof text, "epoch %ld %" PRIx64 " %d\n", told->epoch, figure, told->is_last);
    return !say(fd, text) && await(fd, interrupted) == *END;
}

void wire_tell_short(int fd, long batch, long accumulate)
{
    char text[128];
    snprintf(text, sizeof text, "short %ld %ld\n", batch, accumulate);
    say(fd, text); /* a supervisor that is gone asks nothing */
}
