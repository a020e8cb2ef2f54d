/* SPDX-License-Identifier: MIT */
/*
 * fleet: the supervisor of a sweep: it trains the runs in slots, each run by a process of its own
 * (this program, as `sweep -c FILE --run N`), tries those again that fail, and stops all when it is
 * asked to. All that lasts is in the sweep's folder: several supervisors, on several machines, may
 * work on one folder, and a later one goes on where they stopped.
 */
#ifndef SWEEP_FLEET_H
#define SWEEP_FLEET_H

#include <signal.h>

#include "sweep/state.h"

struct fleet_options {
    const char *config_path; /* the file of the sweep, which workers read again */
    char *const *settings;   /* [setting_count] */
    size_t setting_count;
    int overwrite;
    enum verbosity verbosity;
    const volatile sig_atomic_t *interrupted; /* the signal that asks for an end; 0: none */
};

/* Trains what is not at its end. 0 when all runs are, or after an interruption; STATUS_FAILED where
 * runs have failed for good. */
int fleet_train(struct runs *runs, const struct fleet_options *options, struct log *log,
                struct error *err);

#endif
