/* SPDX-License-Identifier: MIT */
/*
 * hash: where in a table a piece of text, or a pair of numbers, is looked for first.
 */
#ifndef TEXT_HASH_H
#define TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The high half of the product goes into the low one, by which tables are entered. */
static inline uint64_t hash_number(uint64_t x)
{
    x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 32;
}

static inline uint64_t hash_bytes(const char *bytes, size_t size)
{
    uint64_t hash = size, word = 0;
    for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = hash_number(hash ^ word);
    }
    word = 0;
    if (size)
        memcpy(&word, bytes, size);
    return hash_number(hash_number(hash ^ word));
}

#endif
