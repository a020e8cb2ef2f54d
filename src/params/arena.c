/* SPDX-License-Identifier: MIT */
#include "params/arena.h"

#include <stdlib.h>
#include <string.h>

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (size_t b = 0; a->block && a->host && b < a->owned; b++) {
        buffer_free(a->block[b]);
        if (a->host[b])
            device_host_free(a->dev, a->host[b]);
    }
    free(a->block);
    free(a->host);
    free(a->from);
    free(a);
}

/* Block b of an arena of its own. */
static int arena_make(struct arena *a, size_t b, int hosted, struct device *dev, const char *what,
                      struct error *err)
{
    const size_t bytes = a->from[b + 1] - a->from[b];
    if (!hosted)
        return (a->block[b] = buffer_new(dev, bytes, what, err)) ? 0 : -1;
    if (device_counts(dev))
        return 0;
    if ((a->host[b] = device_host_new(a->dev, bytes))) {
        memset(a->host[b], 0, bytes);
        return 0;
    }
    return error_set(err, STATUS_FAILED,
                     "device.offload: the host's memory has no %zu bytes for %s", bytes, what);
}

struct arena *arena_new(struct device *dev, const size_t *from, size_t blocks, const char *what,
                        const struct arena_kept *kept, struct error *err)
{
    const struct arena *other = kept->other;
    struct arena *a = calloc(1, sizeof *a);
    if (a) {
        a->dev = dev;
        a->block = calloc(blocks, sizeof(struct buffer *));
        a->host = calloc(blocks, sizeof(char *));
        a->from = malloc((blocks + 1) * sizeof *from);
    }
    if (!a || !a->block || !a->host || !a->from) {
        error_set(err, STATUS_FAILED, "%s: out of memory", what);
        arena_free(a);
        return NULL;
    }
    memcpy(a->from, from, (blocks + 1) * sizeof *from);
    a->blocks = blocks;
    a->owned = other ? kept->shared : blocks;
    for (size_t b = 0; b < blocks; b++)
        if (b >= a->owned) {
            a->block[b] = other->block[b];
            a->host[b] = other->host[b];
        } else if (arena_make(a, b, b >= kept->hosted,
                              device_at(dev, kept->device ? kept->device[b] : 0), what, err)) {
            arena_free(a);
            return NULL;
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

const void *arena_host(const struct arena *a, size_t offset)
{
    const size_t b = arena_block(a, offset);
    return a->host[b] ? a->host[b] + (offset - a->from[b]) : NULL;
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
        if (a->host[b])
            memcpy(at, a->host[b] + (offset - a->from[b]), n);
        else if (!a->block[b])
            return error_set(err, STATUS_FAILED, "nothing is stored where a device only counts");
        else if (buffer_read(a->block[b], offset - a->from[b], n, at, err))
            return -1;
    }
    return 0;
}

int arena_fetch(void *arena, size_t offset, size_t bytes, void *to, struct error *err)
{
    return arena_read(arena, offset, bytes, to, err);
}

int arena_write(const struct arena *a, size_t offset, size_t bytes, const void *from,
                struct error *err)
{
    const char *at = from;
    for (size_t n; bytes; bytes -= n, offset += n, at += n) {
        const size_t b = arena_block(a, offset);
        n = arena_piece(a, offset, bytes);
        if (a->host[b])
            memcpy(a->host[b] + (offset - a->from[b]), at, n);
        else if (a->block[b] && buffer_write(a->block[b], offset - a->from[b], n, at, err))
            return -1;
    }
    return 0;
}

int arena_zero(const struct arena *a, struct error *err)
{
    for (size_t b = 0; b < a->blocks; b++)
        if (a->host[b])
            memset(a->host[b], 0, a->from[b + 1] - a->from[b]);
        else if (a->block[b] && buffer_zero(a->block[b], err))
            return -1;
    return 0;
}
