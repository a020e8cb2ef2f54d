/* SPDX-License-Identifier: MIT */
/*
 * slots: where runs of a sweep are trained side by side, and which run may be trained where. A slot
 * is a device, as device.select names it; one device may serve several slots. With sweep.slots =
 * auto each device has a slot, and more on approval, which are used where memory allows.
 */
#ifndef SWEEP_SLOTS_H
#define SWEEP_SLOTS_H

#include "sweep/sweep.h"

struct slots {
    char **device; /* [count] */
    size_t *base;  /* [count]: the slot itself or, of one on approval, the slot of its device */
    size_t count;
    size_t *slot_of; /* [choices of the first axis]; NULL: any run may be in any slot */
};

/* By sweep.slots, sweep.assign and sweep.slot.N; slots_fini() in any case. */
int slots_init(struct slots *slots, const struct sweep *sweep, struct error *err);
void slots_fini(struct slots *slots);

/* Whether two slots are on the same device, as it is named. */
int slots_same_device(const struct slots *slots, size_t a, size_t b);

/* Whether a run may be trained in a slot; `value`: of the first key that varies, in that run. */
int slots_allow(const struct slots *slots, const struct sweep *sweep, size_t slot,
                const char *value);

#endif
