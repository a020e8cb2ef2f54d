/* SPDX-License-Identifier: MIT */
/*
 * arena: bytes side by side that may lie in several buffers, the blocks, where the device's largest
 * buffer asks for it. Offsets count from the first block's start; what is read, written or made a
 * part of lies within one block. An arena owns its blocks but those that it shares.
 */
#ifndef PARAMS_ARENA_H
#define PARAMS_ARENA_H

#include "device/device.h"

struct arena {
    size_t blocks, owned;  /* the first ones are owned */
    struct buffer **block; /* [blocks] */
    size_t *from;          /* [blocks + 1]; block b holds the bytes from[b] to from[b + 1] */
};

/* Blocks of zeros with these bounds, also given as from[blocks + 1]; `what` names them in errors.
 * The blocks from `shared` on are those of `other` (NULL: none are). */
struct arena *arena_new(struct device *dev, const size_t *from, size_t blocks, const char *what,
                        const struct arena *other, size_t shared, struct error *err);
void arena_free(struct arena *a);

size_t arena_bytes(const struct arena *a);

/* A part of a block, as buffer_part(). */
struct buffer *arena_part(const struct arena *a, size_t offset, size_t bytes, struct error *err);

/* Blocking copies; they may go over blocks. */
int arena_read(const struct arena *a, size_t offset, size_t bytes, void *to, struct error *err);
int arena_write(const struct arena *a, size_t offset, size_t bytes, const void *from,
                struct error *err);
int arena_zero(const struct arena *a, struct error *err);

#endif
