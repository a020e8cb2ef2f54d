/* SPDX-License-Identifier: MIT */
#include "text/vocabulary.h"

#include <stdlib.h>

#include "text/hash.h"
#include "text/textbuf.h"

struct place {
    size_t at;
    uint32_t size, there;
};

struct vocabulary {
    struct textbuf pool;
    struct place *place; /* [room], by number */
    size_t count, room, pieces;
    uint32_t *slot; /* [slots], a power of two: number + 1, 0 where there is none */
    size_t slots;
};

struct vocabulary *vocabulary_new(struct error *err)
{
    struct vocabulary *v = calloc(1, sizeof *v);
    if (!v)
        text_short(err);
    return v;
}

void vocabulary_free(struct vocabulary *v)
{
    if (!v)
        return;
    textbuf_fini(&v->pool);
    free(v->place);
    free(v->slot);
    free(v);
}

static int is_piece(const struct vocabulary *v, uint32_t number, const char *piece, size_t size)
{
    const struct place *p = &v->place[number];
    return p->size == size && !memcmp(v->pool.at + p->at, piece, size);
}

/* The slot that has the piece, or the empty one where it would be. */
static size_t slot_of(const struct vocabulary *v, const char *piece, size_t size)
{
    size_t i = hash_bytes(piece, size) & (v->slots - 1);
    while (v->slot[i] && !is_piece(v, v->slot[i] - 1, piece, size))
        i = (i + 1) & (v->slots - 1);
    return i;
}

/* At most half of the slots are taken. */
static int grow_slots(struct vocabulary *v, struct error *err)
{
    if (2 * (v->pieces + 1) <= v->slots)
        return 0;
    const size_t slots = v->slots ? 2 * v->slots : 1024;
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return text_short(err);
    free(v->slot);
    v->slot = slot;
    v->slots = slots;
    for (size_t i = 0; i < v->count; i++) {
        const struct place *p = &v->place[i];
        if (p->there)
            slot[slot_of(v, v->pool.at + p->at, p->size)] = (uint32_t)i + 1;
    }
    return 0;
}

static int grow_places(struct vocabulary *v, size_t count, struct error *err)
{
    if (count <= v->room)
        return 0;
    const size_t room = 2 * count + 256;
    struct place *place = realloc(v->place, room * sizeof *place);
    if (!place)
        return text_short(err);
    memset(place + v->room, 0, (room - v->room) * sizeof *place);
    v->place = place;
    v->room = room;
    return 0;
}

int vocabulary_add(struct vocabulary *v, const char *piece, size_t size, uint32_t number,
                   struct error *err)
{
    if (number >= VOCABULARY_MOST || size > UINT32_MAX)
        return 1;
    if (grow_slots(v, err) || grow_places(v, (size_t)number + 1, err))
        return -1;
    const size_t i = slot_of(v, piece, size);
    if (v->slot[i] || v->place[number].there)
        return 1;
    v->place[number] = (struct place){v->pool.size, (uint32_t)size, 1};
    if (textbuf_add(&v->pool, piece, size, err)) {
        v->place[number].there = 0;
        return -1;
    }
    v->slot[i] = number + 1;
    v->pieces++;
    if (number >= v->count)
        v->count = (size_t)number + 1;
    return 0;
}

uint32_t vocabulary_find(const struct vocabulary *v, const char *piece, size_t size)
{
    return v->slots ? v->slot[slot_of(v, piece, size)] - 1 : VOCABULARY_NONE;
}

const char *vocabulary_piece(const struct vocabulary *v, uint32_t number, size_t *size)
{
    if (number >= v->count || !v->place[number].there)
        return NULL;
    *size = v->place[number].size;
    return v->pool.at + v->place[number].at;
}

size_t vocabulary_count(const struct vocabulary *v)
{
    return v->count;
}

size_t vocabulary_pieces(const struct vocabulary *v)
{
    return v->pieces;
}
