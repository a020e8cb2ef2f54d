/* SPDX-License-Identifier: MIT */
#include "util/proto.h"

#include <stdlib.h>
#include <string.h>

/* How a field is encoded: the lower three bits of its tag. */
enum { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

#define VARINT_MOST 10 /* bytes */

void proto_fini(struct proto *w)
{
    free(w->bytes);
    *w = (struct proto){0};
}

/* Room for `size` more bytes; -1 without memory. */
static int grow(struct proto *w, size_t size)
{
    size_t room = w->room ? w->room : 256;
    while (room - w->size < size)
        room *= 2;
    if (room == w->room)
        return 0;
    unsigned char *more = realloc(w->bytes, room);
    if (!more) {
        w->failed = 1;
        return -1;
    }
    w->bytes = more;
    w->room = room;
    return 0;
}

static void put(struct proto *w, const void *bytes, size_t size)
{
    if (!size || grow(w, size))
        return;
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

/* Seven bits a byte, the lowest first; the eighth says that another byte follows. */
static size_t varint(unsigned char out[VARINT_MOST], uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        out[n++] = (unsigned char)(value | 0x80);
    out[n++] = (unsigned char)value;
    return n;
}

static void put_varint(struct proto *w, uint64_t value)
{
    unsigned char bytes[VARINT_MOST];
    put(w, bytes, varint(bytes, value));
}

static void put_tag(struct proto *w, unsigned number, unsigned type)
{
    put_varint(w, number << 3 | type);
}

/* The lowest byte first, on any machine. */
static void put_fixed(struct proto *w, uint64_t bits, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
    put(w, bytes, size);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void proto_whole(struct proto *w, unsigned number, uint64_t value)
{
    put_tag(w, number, VARINT);
    put_varint(w, value);
}

void proto_double(struct proto *w, unsigned number, double value)
{
    put_tag(w, number, FIXED64);
    put_fixed(w, bits_of(value), 8);
}

void proto_float(struct proto *w, unsigned number, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(w, number, FIXED32);
    put_fixed(w, bits, 4);
}

void proto_bytes(struct proto *w, unsigned number, const void *bytes, size_t size)
{
    put_tag(w, number, LENGTH);
    put_varint(w, size);
    put(w, bytes, size);
}

void proto_text(struct proto *w, unsigned number, const char *text)
{
    proto_bytes(w, number, text, strlen(text));
}

void proto_doubles(struct proto *w, unsigned number, const double *value, size_t count)
{
    put_tag(w, number, LENGTH);
    put_varint(w, 8 * count);
    for (size_t i = 0; i < count; i++)
        put_fixed(w, bits_of(value[i]), 8);
}

size_t proto_begin(struct proto *w, unsigned number)
{
    put_tag(w, number, LENGTH);
    return w->size;
}

void proto_end(struct proto *w, size_t begun)
{
    unsigned char length[VARINT_MOST];
    const size_t size = w->size - begun, n = varint(length, size);
    if (w->failed || grow(w, n))
        return;
    memmove(w->bytes + begun + n, w->bytes + begun, size);
    memcpy(w->bytes + begun, length, n);
    w->size += n;
}

/* --- reading */

static int read_varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        const unsigned char byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 0;
    }
    return -1;
}

int proto_read(const unsigned char **at, const unsigned char *end, struct proto_field *field)
{
    uint64_t tag, size;
    if (*at == end)
        return 0;
    if (read_varint(at, end, &tag))
        return -1;
    *field = (struct proto_field){.number = (unsigned)(tag >> 3)};
    switch (tag & 7) {
    case VARINT:
        return read_varint(at, end, &field->whole) ? -1 : 1;
    case LENGTH:
        if (read_varint(at, end, &size))
            return -1;
        break;
    case FIXED64:
    case FIXED32:
        size = (tag & 7) == FIXED64 ? 8 : 4;
        break;
    default:
        return -1;
    }
    if (size > (uint64_t)(end - *at))
        return -1;
    field->bytes = *at;
    field->size = (size_t)size;
    *at += size;
    return 1;
}
