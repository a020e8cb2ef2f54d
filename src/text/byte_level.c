/* SPDX-License-Identifier: MIT */
#include "text/byte_level.h"

#include "text/utf8.h"

const char *const byte_level_regex =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* Bytes that stand for others: 0 .. 20, 7F .. A0 and AD, in this order. */
uint32_t byte_level_point(unsigned char byte)
{
    if (byte <= 0x20)
        return 0x100u + byte;
    if (byte >= 0x7f && byte <= 0xa0)
        return 0x121u + byte - 0x7f;
    return byte == 0xad ? 0x143 : byte;
}

int byte_level_byte(uint32_t point)
{
    if (point >= 0x100 && point <= 0x120)
        return (int)point - 0x100;
    if (point > 0x120 && point < 0x143)
        return (int)point - 0x121 + 0x7f;
    if (point == 0x143)
        return 0xad;
    return point < 0x100 && byte_level_point((unsigned char)point) == point ? (int)point : -1;
}

int byte_level_write(const char *bytes, size_t size, struct textbuf *to, struct error *err)
{
    if (size > SIZE_MAX / 4 || textbuf_room(to, 2 * size, err))
        return size > SIZE_MAX / 4 ? text_short(err) : -1;
    for (size_t i = 0; i < size; i++)
        to->size += utf8_write(byte_level_point((unsigned char)bytes[i]), to->at + to->size);
    return 0;
}

int byte_level_read(const char *piece, size_t size, struct textbuf *to, struct error *err)
{
    const size_t before = to->size;
    if (textbuf_room(to, size, err))
        return -1;
    for (size_t i = 0, n; i < size; i += n) {
        uint32_t point = UTF8_POINTS;
        n = utf8_read(piece + i, size - i, &point);
        const int byte = n ? byte_level_byte(point) : -1;
        if (byte < 0) {
            to->size = before;
            return textbuf_add(to, piece, size, err);
        }
        to->at[to->size++] = (char)byte;
    }
    return 0;
}
