/* SPDX-License-Identifier: MIT */
/*
 * wire: what a worker and its supervisor tell each other, a line a message, through the socket that
 * joins them: the worker what it has planned, before it takes any of the device's memory, the
 * figure of an epoch, and how it may go on where that memory ran out; the supervisor that a plan
 * may begin, and whether a run ends with an epoch.
 */
#ifndef SWEEP_WIRE_H
#define SWEEP_WIRE_H

#include <signal.h>
#include <stdint.h>

#include "error.h"

/* An epoch of a run, as a pruner judges it. */
struct epoch_told {
    long epoch;
    double figure; /* that is monitored */
    int is_last;   /* the run is at its end anyway */
};

/* The supervisor's end, and what has come so far; zeroed before, but for the descriptor. */
struct wire {
    int fd;
    char text[256]; /* the start of a message */
    size_t used;
    uint64_t bytes, budget; /* of the plan, and of its device; 0: none was told yet */
    int is_cpu, shares;     /* its device: a CPU; several runs may share it unasked */
    struct epoch_told told; /* that waits for its answer; epoch 0: none does */
    long batch, accumulate; /* with which the run may go on; 0: none was told */
};

/* Reads what has come; never waits. */
void wire_read(struct wire *wire);

/* The plan may begin. */
void wire_grant(struct wire *wire);

/* Whether the run ends with the epoch that was told. */
void wire_answer(struct wire *wire, int ends);

/* --- the worker's end */

struct wire_plan {
    uint64_t bytes, budget;
    int is_cpu, shares;
};

/* Tells of a plan, and waits until it may begin. -1 where the supervisor ends, or asks for an end.
 */
int wire_ask(int fd, const struct wire_plan *plan, const volatile sig_atomic_t *interrupted,
             struct error *err);

/* Tells an epoch, and waits for the word whether the run ends with it. 0: it goes on, as where no
 * answer comes: after a signal, and where the supervisor has ended. */
int wire_ask_epoch(int fd, const struct epoch_told *told, const volatile sig_atomic_t *interrupted);

/* Tells that the device's memory ran out, and with what the run may go on. */
void wire_tell_short(int fd, long batch, long accumulate);

#endif
