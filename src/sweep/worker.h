/* SPDX-License-Identifier: MIT */
/*
 * worker: what makes a process one that trains a run of a sweep: it has the run's claim, and a
 * thread renews it. Where a supervisor has started the process, the thread also sees its end, by
 * the socket that closes then. Without its claim or its supervisor the process gets SIGTERM, as if
 * by the user, and SIGKILL where that has not ended it WORKER_GRACE seconds later.
 */
#ifndef SWEEP_WORKER_H
#define SWEEP_WORKER_H

#include <signal.h>

#include "log/log.h"
#include "sweep/claim.h"

#define WORKER_GRACE 4.0

/* In the environment of a process that a supervisor starts: "FD STALE", its end of their socket
 * and the generation of the run's claim that has no heartbeats any more, or 0. */
#define WORKER_VARIABLE "SEQTRAIN_SWEEP_WORKER"

struct worker;

/* What the environment says; 1: a supervisor started this process. Takes it out of there. */
struct worker_place {
    int socket; /* to the supervisor; -1: none */
    unsigned stale;
};
int worker_place(struct worker_place *place);

/*
 * Takes a run. 1: another process has it, who is in `look`. Without a supervisor a claim of another
 * machine is watched for as long as it takes to see whether there are heartbeats.
 */
int worker_begin(struct worker **worker, const struct worker_place *place, const char *folder,
                 size_t run, const volatile sig_atomic_t *interrupted, struct log *log,
                 struct claim_look *look, struct error *err);

/* Gives the run back; NULL is none. */
void worker_end(struct worker *worker);

#endif
