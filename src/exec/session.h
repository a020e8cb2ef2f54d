/* SPDX-License-Identifier: MIT */
/*
 * session: a device that was opened once, with its queue and the programs that were built for it.
 * Any number of engines and runs stand on one session at a time: their commands take turns in its
 * queue, a program that several want is built once, and what each takes counts against the one
 * budget. Its maker closes it, after all that stand on it; one thread at a time works with it.
 */
#ifndef EXEC_SESSION_H
#define EXEC_SESSION_H

#include "config/config.h"
#include "device/device.h"
#include "error.h"

#define SESSION_UNITS 132 /* an H100's */

struct session_options {
    int only_plans;      /* no memory of the device is taken, nothing can be run */
    int as_gpu;          /* kernels cut as for a GPU (debugging) */
    int walks;           /* the same, of one with a barrier of all work-groups; with only_plans */
    int emulates_matrix; /* matrix units are emulated (debugging) */
    enum device_matrix matrix; /* the same, of one with such matrix units ... */
    unsigned matrix_rate;      /* ... and their rate (device_info) */
    unsigned units; /* compute units that such devices and device.select = none have; 0: not told */
    int roams;      /* a part of a CPU does not keep the process to its cores */
    int lasts;      /* see device_options */
    int profile;    /* launches are watched, and programs timed */
    void (*on_build)(void *ctx, const char *program); /* told before a program is built */
    void *on_build_ctx;
};

struct session {
    struct device *dev;
    int profile;
};

/* The device that [device] names, with the memory and the threads that it allows; with model.split
 * all of them, the others beside the first. */
struct session *session_open(const struct config *config, const struct session_options *options,
                             struct error *err);
void session_close(struct session *session);

#endif
