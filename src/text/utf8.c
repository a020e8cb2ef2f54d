/* SPDX-License-Identifier: MIT */
#include "text/utf8.h"

#include <string.h>

size_t utf8_read(const char *text, size_t size, uint32_t *point)
{
    static const struct {
        unsigned char mask, is;
        uint32_t least;
    } forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const unsigned char *at = (const unsigned char *)text;
    for (size_t n = 1; n <= UTF8_MOST && n <= size; n++) {
        if ((at[0] & forms[n - 1].mask) != forms[n - 1].is)
            continue;
        uint32_t is = at[0] & (unsigned char)~forms[n - 1].mask;
        for (size_t i = 1; i < n; i++) {
            if ((at[i] & 0xc0) != 0x80)
                return 0;
            is = is << 6 | (at[i] & 0x3f);
        }
        *point = is;
        return is < forms[n - 1].least || is >= UTF8_POINTS || (is >= 0xd800 && is < 0xe000) ? 0
                                                                                             : n;
    }
    return 0;
}

size_t utf8_write(uint32_t point, char to[UTF8_MOST])
{
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    const size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)(lead[n - 1] | point);
    return n;
}

size_t utf8_whole(const char *text, size_t size)
{
    uint32_t point;
    for (size_t i = 0, n; i < size; i += n) {
        n = (unsigned char)text[i] < 0x80 ? 1 : utf8_read(text + i, size - i, &point);
        if (!n)
            return i;
    }
    return size;
}

size_t utf8_broken(const char *text, size_t size)
{
    char whole[UTF8_MOST + 1] = {0};
    uint32_t point;
    size_t n = 1;
    /* what has begun well is ended by one of these bytes, in each place */
    for (; n < size && n < UTF8_MOST; n++) {
        memcpy(whole, text, n + 1);
        memset(whole + n + 1, 0x80, UTF8_MOST - n);
        int begun = 0;
        for (size_t length = n + 1; length <= UTF8_MOST; length++)
            begun |= utf8_read(whole, length, &point) == length;
        if (!begun)
            break;
    }
    return n;
}
