/* SPDX-License-Identifier: MIT */
/*
 * proto: messages as Protocol Buffers encode them, field by field. A writer appends fields to bytes
 * that it owns; where memory runs out it notes that and goes on. A message is its fields, so a
 * struct proto is a message.
 */
#ifndef UTIL_PROTO_H
#define UTIL_PROTO_H

#include <stddef.h>
#include <stdint.h>

struct proto {
    unsigned char *bytes;
    size_t size, room;
    int failed; /* memory ran out: the bytes are not what they should be */
};

void proto_fini(struct proto *w);

/* A field of each type, with its number. */
void proto_whole(struct proto *w, unsigned number, uint64_t value); /* int32, int64, enum, bool */
void proto_double(struct proto *w, unsigned number, double value);
void proto_float(struct proto *w, unsigned number, float value);
void proto_bytes(struct proto *w, unsigned number, const void *bytes, size_t size);
void proto_text(struct proto *w, unsigned number, const char *text);
void proto_doubles(struct proto *w, unsigned number, const double *value,
                   size_t count); /* packed */

/* A message inside: what is written in between is its fields. */
size_t proto_begin(struct proto *w, unsigned number);
void proto_end(struct proto *w, size_t begun);

/* A field that was read: `whole` of a varint, else its `size` bytes. */
struct proto_field {
    unsigned number;
    uint64_t whole;
    const unsigned char *bytes;
    size_t size;
};

/* Reads the field at *at, which moves on. 0: there is none any more; -1: it is broken. */
int proto_read(const unsigned char **at, const unsigned char *end, struct proto_field *field);

#endif
