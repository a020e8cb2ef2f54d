/* SPDX-License-Identifier: MIT */
/*
 * profile: which steps of a profiled training are watched, and what is counted. The launches of one
 * step in five are waited for one by one; the steps between run as ever, one behind the other, and
 * are timed as a stretch. What a step takes beyond its launches is gaps. The first step is left
 * out: implementations load kernels in it. It owns nothing.
 */
#ifndef EXEC_PROFILE_H
#define EXEC_PROFILE_H

#include <stdint.h>

#include "device/device.h"
#include "error.h"

enum profile_turn { TURN_NONE, TURN_WATCHED, TURN_ALONE };
#define PROFILE_TURNS 5

struct profile {
    int on;
    enum profile_turn turn;
    double since;   /* now() when the turn began */
    uint64_t steps; /* all of them */
    uint64_t steps_watched, steps_alone;
    double seconds; /* of the latter */
};

/* Ends the turn that goes on unless it is `turn`, which then begins. Waits where it ends one. */
int profile_turn(struct profile *p, enum profile_turn turn, struct device *dev, struct error *err);

/* The turn of the step that is under way, begun where it is not. */
int profile_step(struct profile *p, struct device *dev, struct error *err);

/* A step has been enqueued up to its update. */
void profile_step_done(struct profile *p);

#endif
