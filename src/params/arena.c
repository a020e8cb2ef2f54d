/* SPDX-License-Identifier: MIT */
#include "params/arena.h"

#include <stdlib.h>
#include <string.h>

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (size_t b = 0; a->block && b < a->owned; b++)
        buffer_free(a->block[b]);
    free(a->block);
    free(a->from);
    free(a);
}

struct arena *arena_new(struct device *dev, const size_t *from, size_t blocks, const char *what,
                        const struct arena *other, size_t shared, struct error *err)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a) {
        a->block = calloc(blocks, sizeof(struct buffer *));
        a->from = malloc((blocks + 1) * sizeof *from);
    }
    if (!a || !a->block || !a->from) {
        error_set(err, STATUS_FAILED, "%s: out of memory", what);
        arena_free(a);
        return NULL;
    }
    memcpy(a->from, from, (blocks + 1) * sizeof *from);
    a->blocks = blocks;
    a->owned = other ? shared : blocks;
    for (size_t b = 0; b < blocks; b++) {
        a->block[b] =
            b < a->owned ? buffer_new(dev, from[b + 1] - from[b], what, err) : other->block[b];
        if (!a->block[b]) {
            arena_free(a);
            return NULL;
        }
    }
    return a;
}

size_t arena_bytes(const struct arena *a)
{
    return a->from[a->blocks];
}

static size_t arena_block(const struct arena *a, size_t offset)
{
    size_t b = 0;
    while (b + 1 < a->blocks && offset >= a->from[b + 1])
        b++;
    return b;
}

struct buffer *arena_part(const struct arena *a, size_t offset, size_t bytes, struct error *err)
{
    const size_t b = arena_block(a, offset);
    return buffer_part(a->block[b], offset - a->from[b], bytes, err);
}

/* Bytes from `offset` on that lie in its block, of so many. */
static size_t arena_piece(const struct arena *a, size_t offset, size_t bytes)
{
    const size_t b = arena_block(a, offset), room = a->from[b + 1] - offset;
    return bytes <= room || b + 1 == a->blocks ? bytes : room;
}

int arena_read(const struct arena *a, size_t offset, size_t bytes, void *to, struct error *err)
{
    char *at = to;
    for (size_t n; bytes; bytes -= n, offset += n, at += n) {
        const size_t b = arena_block(a, offset);
        n = arena_piece(a, offset, bytes);
        if (buffer_read(a->block[b], offset - a->from[b], n, at, err))
            return -1;
    }
    return 0;
}

int arena_write(const struct arena *a, size_t offset, size_t bytes, const void *from,
                struct error *err)
{
    const char *at = from;
    for (size_t n; bytes; bytes -= n, offset += n, at += n) {
        const size_t b = arena_block(a, offset);
        n = arena_piece(a, offset, bytes);
        if (buffer_write(a->block[b], offset - a->from[b], n, at, err))
            return -1;
    }
    return 0;
}

int arena_zero(const struct arena *a, struct error *err)
{
    for (size_t b = 0; b < a->blocks; b++)
        if (buffer_zero(a->block[b], err))
            return -1;
    return 0;
}
