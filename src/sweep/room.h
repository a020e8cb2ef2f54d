/* SPDX-License-Identifier: MIT */
/*
 * room: which runs of a supervisor may have the memory of their devices at a time. All plans on a
 * device fit its budget together: a plan that would not fit beside the others waits, and no other
 * run begins on its device before it. A slot on approval is used where as much memory is left as
 * the largest plan of its device has taken. Knows slots by their numbers.
 */
#ifndef SWEEP_ROOM_H
#define SWEEP_ROOM_H

#include "sweep/slots.h"
#include "sweep/wire.h"

enum room_state {
    ROOM_FREE,    /* no run is in the slot */
    ROOM_BEGINS,  /* its run has not told of its plan */
    ROOM_WAITS,   /* it has, and waits */
    ROOM_ADMITTED /* its plan has memory */
};

struct room_place {
    enum room_state state;
    uint64_t bytes, budget; /* of the plan, and of its device; kept from the run before */
    int is_cpu, shares;
    int told; /* that it waits */
};

struct room {
    const struct slots *slots;
    struct room_place *place; /* [slots->count] */
};

int room_init(struct room *room, const struct slots *slots, struct error *err);
void room_fini(struct room *room);

/* Whether a run may begin in a free slot. */
int room_may_begin(const struct room *room, size_t slot);

/* A run begins, tells of its plan, and has ended. */
void room_begin(struct room *room, size_t slot);
void room_plan(struct room *room, size_t slot, const struct wire *wire);
void room_end(struct room *room, size_t slot);

/* Admits the plan that waits in a slot, if it fits. */
int room_admit(struct room *room, size_t slot);

/* Bytes of the plans that are admitted on the device of a slot; *count: how many there are. */
uint64_t room_taken(const struct room *room, size_t slot, size_t *count);

#endif
