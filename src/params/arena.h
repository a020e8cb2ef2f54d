/* SPDX-License-Identifier: MIT */
/*
 * arena: bytes side by side that may lie in several buffers, the blocks, where the device's largest
 * buffer asks for it. Offsets count from the first block's start; what is read, written or made a
 * part of lies within one block. The last blocks may lie in the host's memory. An arena owns its
 * blocks but those that it shares.
 */
#ifndef PARAMS_ARENA_H
#define PARAMS_ARENA_H

#include "device/device.h"

struct arena {
    size_t blocks, owned;  /* the first ones are owned */
    struct buffer **block; /* [blocks]; NULL: in the host's memory, */
    char **host;           /* [blocks] there; both NULL where the device only counts */
    struct device *dev;    /* whose copies read what is there */
    size_t *from;          /* [blocks + 1]; block b holds the bytes from[b] to from[b + 1] */
};

/* Which blocks of a new arena are not buffers of its own. */
struct arena_kept {
    const struct arena *other; /* the blocks from `shared` on are its; NULL: none are */
    size_t shared;
    size_t hosted;        /* the blocks from this one on lie in the host's memory */
    const size_t *device; /* [blocks] numbers of the devices that they lie on; NULL: the first */
};

/* Blocks of zeros with these bounds, also given as from[blocks + 1]; `what` names them in errors.
 */
struct arena *arena_new(struct device *dev, const size_t *from, size_t blocks, const char *what,
                        const struct arena_kept *kept, struct error *err);
void arena_free(struct arena *a);

size_t arena_bytes(const struct arena *a);

/* Bytes in the host's memory, from `offset` on; NULL where the device only counts. */
const void *arena_host(const struct arena *a, size_t offset);

/* A part of a block that is a buffer, as buffer_part(). */
struct buffer *arena_part(const struct arena *a, size_t offset, size_t bytes, struct error *err);

/* Blocking copies; they may go over blocks. */
int arena_read(const struct arena *a, size_t offset, size_t bytes, void *to, struct error *err);
int arena_write(const struct arena *a, size_t offset, size_t bytes, const void *from,
                struct error *err);
int arena_zero(const struct arena *a, struct error *err);

/* arena_read() for those who keep an arena without knowing it, as safetensors do. */
int arena_fetch(void *arena, size_t offset, size_t bytes, void *to, struct error *err);

#endif
