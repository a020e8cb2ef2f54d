/* SPDX-License-Identifier: MIT */
/*
 * health: which devices of the slots are in service, by the runs that have failed on them for
 * reasons of the device. Such a failure is first taken for the device's: the run is tried on
 * another one. A device on which HEALTH_MOST different runs have failed, one after the other and
 * before they had finished an epoch there, is out of service.
 */
#ifndef SWEEP_HEALTH_H
#define SWEEP_HEALTH_H

#include "sweep/slots.h"

#define HEALTH_MOST 3

struct health_device {
    size_t run[HEALTH_MOST];  /* that have failed there in a row */
    int counted[HEALTH_MOST]; /* the failure was told as the run's own */
    size_t runs;
    int is_out;
};

struct health {
    const struct slots *slots;
    size_t runs;
    struct health_device *of; /* [slots->count]; of the first slot of a device */
    unsigned char *failed;    /* [runs, slots->count]: a run has failed on the device of a slot */
};

int health_init(struct health *health, const struct slots *slots, size_t runs, struct error *err);
void health_fini(struct health *health);

/* Whether a slot is in service. */
int health_serves(const struct health *health, size_t slot);

/* Whether a run may be tried in a slot. */
int health_may(const struct health *health, size_t slot, size_t run);

/* A run has finished an epoch in a slot. */
void health_works(struct health *health, size_t slot);

/* A run has failed by the device of a slot. `elsewhere`: it has another slot, on a device where it
 * has not failed yet; else the failure is its own, and it may be tried on all devices again. */
void health_fails(struct health *health, size_t slot, size_t run, int elsewhere);

/* What is known of the device of a slot. */
const struct health_device *health_of(const struct health *health, size_t slot);

#endif
