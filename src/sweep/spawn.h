/* SPDX-License-Identifier: MIT */
/*
 * spawn: starts the process that trains a run for its supervisor: this program, as `sweep -c FILE
 * --run N`, with its console in a file. The two are joined by a socket, which closes when one ends.
 */
#ifndef SWEEP_SPAWN_H
#define SWEEP_SPAWN_H

#include <signal.h>
#include <sys/types.h>

#include "error.h"

/* What a worker is to do. All of it stays the caller's. */
struct spawn {
    const char *config_path;
    char *const *settings; /* [setting_count] */
    size_t setting_count;
    const char *device; /* as device.select names it */
    const char *folder; /* of the run, for its console */
    size_t run;
    unsigned stale;       /* generation of the run's claim that has no heartbeats, or 0 */
    const sigset_t *mask; /* of signals that the worker holds back */
};

/* Starts it; *fd is the supervisor's end of the socket. */
int spawn_worker(const struct spawn *what, pid_t *pid, int *fd, struct error *err);

#endif
