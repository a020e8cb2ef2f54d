/* SPDX-License-Identifier: MIT */
#include "sweep/room.h"

#include <stdlib.h>

/* What a driver may take of a card for each process, beside the plan: an estimate. */
#define DRIVER_BYTES (UINT64_C(256) << 20)

int room_init(struct room *room, const struct slots *slots, struct error *err)
{
    *room = (struct room){.slots = slots, .place = calloc(slots->count, sizeof *room->place)};
    return room->place ? 0 : error_set(err, STATUS_FAILED, "out of memory");
}

void room_fini(struct room *room)
{
    free(room->place);
}

static int is_beside(const struct room *room, size_t slot, size_t other)
{
    return slots_same_device(room->slots, slot, other);
}

uint64_t room_taken(const struct room *room, size_t slot, size_t *count)
{
    uint64_t bytes = 0;
    *count = 0;
    for (size_t i = 0; i < room->slots->count; i++)
        if (is_beside(room, slot, i) && room->place[i].state == ROOM_ADMITTED) {
            bytes += room->place[i].bytes;
            ++*count;
        }
    return bytes;
}

/* Whether a run more has room beside those on a device. */
static int is_approved(const struct room *room, size_t slot)
{
    const struct room_place *largest = NULL;
    size_t count;
    const uint64_t taken = room_taken(room, slot, &count);
    for (size_t i = 0; i < room->slots->count; i++) {
        const struct room_place *p = &room->place[i];
        if (!is_beside(room, slot, i))
            continue;
        if (p->state == ROOM_BEGINS)
            return 0;
        if (p->bytes && (!largest || p->bytes > largest->bytes))
            largest = p;
    }
    if (!largest || !largest->shares)
        return 0;
    const uint64_t more = largest->bytes + (largest->is_cpu ? 0 : count * DRIVER_BYTES);
    return taken + more <= largest->budget;
}

int room_may_begin(const struct room *room, size_t slot)
{
    for (size_t i = 0; i < room->slots->count; i++)
        if (is_beside(room, slot, i) && room->place[i].state == ROOM_WAITS)
            return 0;
    return room->slots->base[slot] == slot || is_approved(room, slot);
}

void room_begin(struct room *room, size_t slot)
{
    room->place[slot].state = ROOM_BEGINS;
    room->place[slot].told = 0;
}

void room_plan(struct room *room, size_t slot, const struct wire *wire)
{
    struct room_place *p = &room->place[slot];
    *p = (struct room_place){.state = ROOM_WAITS,
                             .bytes = wire->bytes,
                             .budget = wire->budget,
                             .is_cpu = wire->is_cpu,
                             .shares = wire->shares};
}

void room_end(struct room *room, size_t slot)
{
    room->place[slot].state = ROOM_FREE;
}

int room_admit(struct room *room, size_t slot)
{
    struct room_place *p = &room->place[slot];
    size_t count;
    const uint64_t taken = room_taken(room, slot, &count);
    if (count && taken + p->bytes > p->budget)
        return 0;
    p->state = ROOM_ADMITTED;
    return 1;
}
