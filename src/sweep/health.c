/* SPDX-License-Identifier: MIT */
#include "sweep/health.h"

#include <stdlib.h>
#include <string.h>

int health_init(struct health *h, const struct slots *slots, size_t runs, struct error *err)
{
    *h = (struct health){.slots = slots,
                         .runs = runs,
                         .of = calloc(slots->count, sizeof *h->of),
                         .failed = calloc(runs, slots->count)};
    return h->of && h->failed ? 0 : error_set(err, STATUS_FAILED, "out of memory");
}

void health_fini(struct health *h)
{
    free(h->of);
    free(h->failed);
}

/* The first slot of a slot's device. */
static size_t first_of(const struct health *h, size_t slot)
{
    size_t first = 0;
    while (!slots_same_device(h->slots, first, slot))
        first++;
    return first;
}

static unsigned char *failed_at(const struct health *h, size_t slot, size_t run)
{
    return &h->failed[(run - 1) * h->slots->count + first_of(h, slot)];
}

const struct health_device *health_of(const struct health *h, size_t slot)
{
    return &h->of[first_of(h, slot)];
}

int health_serves(const struct health *h, size_t slot)
{
    return !health_of(h, slot)->is_out;
}

int health_may(const struct health *h, size_t slot, size_t run)
{
    return health_serves(h, slot) && !*failed_at(h, slot, run);
}

void health_works(struct health *h, size_t slot)
{
    h->of[first_of(h, slot)].runs = 0;
}

void health_fails(struct health *h, size_t slot, size_t run, int elsewhere)
{
    struct health_device *d = &h->of[first_of(h, slot)];
    size_t i = 0;
    while (i < d->runs && d->run[i] != run)
        i++;
    if (i == d->runs)
        d->runs++;
    d->run[i] = run;
    d->counted[i] = !elsewhere;
    d->is_out = d->runs == HEALTH_MOST;
    *failed_at(h, slot, run) = 1;
    if (d->is_out) /* those that had it left have others to try again */
        memset(h->failed, 0, h->runs * h->slots->count);
    else if (!elsewhere)
        memset(&h->failed[(run - 1) * h->slots->count], 0, h->slots->count);
}
