/* SPDX-License-Identifier: MIT */
#include "util/columns.h"

#include <stdint.h>
#include <string.h>

/* The character at t[0] and its bytes; a byte that begins none is one by itself. */
static size_t point_at(const char *text, uint32_t *point)
{
    const unsigned char *t = (const unsigned char *)text;
    const size_t size = t[0] < 0xc2 ? 1 : t[0] < 0xe0 ? 2 : t[0] < 0xf0 ? 3 : t[0] < 0xf5 ? 4 : 1;
    *point = size == 1 ? t[0] : t[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((t[i] & 0xc0) != 0x80) {
            *point = t[0];
            return 1;
        }
        *point = *point << 6 | (t[i] & 0x3fu);
    }
    return size;
}

/* Columns of a character: the wide ones of Unicode's East Asian Width in whole blocks, and the
 * marks of the scripts in which names of runs are likely. */
static size_t width_of(uint32_t point)
{
    static const struct {
        uint32_t from, to;
        unsigned columns;
    } ranges[] = {
        {0x300, 0x36f, 0},   {0x900, 0x902, 0},   {0x93c, 0x93c, 0},     {0x941, 0x948, 0},
        {0x94d, 0x94d, 0},   {0x1100, 0x115f, 2}, {0x200b, 0x200f, 0},   {0x2e80, 0xa4cf, 2},
        {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2}, {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},
        {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2}, {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i].from && point <= ranges[i].to)
            return ranges[i].columns;
    return 1;
}

size_t columns_of(const char *text)
{
    size_t columns = 0;
    for (uint32_t point; *text;) {
        text += point_at(text, &point);
        columns += width_of(point);
    }
    return columns;
}

/* The bytes at the start of a text that take at most so many columns and bytes. */
static size_t start_of(const char *text, size_t columns, size_t size)
{
    size_t used = 0;
    for (uint32_t point; text[used];) {
        const size_t bytes = point_at(text + used, &point), width = width_of(point);
        if (width > columns || used + bytes > size)
            break;
        columns -= width;
        used += bytes;
    }
    return used;
}

/* The same at the end: where it begins. No mark comes first. */
static const char *end_of(const char *text, size_t columns, size_t size)
{
    size_t left = columns_of(text);
    for (uint32_t point; *text;) {
        const size_t bytes = point_at(text, &point), width = width_of(point);
        if (left <= columns && width && strlen(text) <= size)
            break;
        left -= width;
        text += bytes;
    }
    return text;
}

/* Blanks in a row become one, other control characters '?'. */
static void clean(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        const int blank = strchr(" \t\n\r\v\f", *from) != NULL;
        if (blank && to > text && to[-1] == ' ')
            continue;
        *to++ = blank ? ' ' : (unsigned char)*from < ' ' || *from == 127 ? '?' : *from;
    }
    *to = 0;
}

const char *columns_fit(const char *text, size_t most, char *to, size_t size)
{
    enum {
        CLEAN = 4096
    }; /* bytes of a text; of a longer one the middle is left out here already */
    char whole[CLEAN];
    const size_t length = strlen(text);
    if (length < sizeof whole)
        memcpy(whole, text, length + 1);
    else {
        memcpy(whole, text, CLEAN / 2);
        memcpy(whole + CLEAN / 2, text + length - (CLEAN / 2 - 1), CLEAN / 2);
    }
    clean(whole);
    if (columns_of(whole) <= most && strlen(whole) < size) {
        memcpy(to, whole, strlen(whole) + 1);
        return to;
    }
    const size_t back = (most - 3) / 2, bytes = (size - 4) / 2;
    const size_t start = start_of(whole, most - 3 - back, bytes);
    const char *end = end_of(whole + start, back, bytes);
    memcpy(to, whole, start);
    memcpy(to + start, "...", 3);
    memcpy(to + start + 3, end, strlen(end) + 1);
    return to;
}
