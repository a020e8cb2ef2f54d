/* SPDX-License-Identifier: MIT */
#include "image/orientation.h"

#include <stdint.h>
#include <string.h>

#define TAG_ORIENTATION 0x0112

/* A TIFF structure: numbers have the order of bytes that its head tells. */
struct tiff {
    const unsigned char *bytes;
    size_t size;
    int big;
};

/* A number of `width` bytes; 0 beyond the end. */
static uint32_t tiff_number(const struct tiff *tiff, size_t at, size_t width)
{
    uint32_t number = 0;
    if (at > tiff->size || width > tiff->size - at)
        return 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | tiff->bytes[at + (tiff->big ? i : width - 1 - i)];
    return number;
}

/* The only number that an entry of a directory has: a byte (type 1), one of 16 (3) or 32 bits (4);
 * 0 where it has another type or number of them. */
static int tiff_value(const struct tiff *tiff, size_t entry)
{
    static const size_t widths[] = {[1] = 1, [3] = 2, [4] = 4};
    const uint32_t type = tiff_number(tiff, entry + 2, 2);
    if (type >= sizeof widths / sizeof *widths || !widths[type])
        return 0;
    const uint32_t value = tiff_number(tiff, entry + 8, widths[type]);
    return tiff_number(tiff, entry + 4, 4) == 1 && value <= 8 ? (int)value : 0;
}

int orientation_of_exif(const unsigned char *bytes, size_t size)
{
    for (int i = 0; i < 2 && size >= 6 && !memcmp(bytes, "Exif\0\0", 6); i++, size -= 6)
        bytes += 6;
    if (size < 8 || (memcmp(bytes, "II*\0", 4) && memcmp(bytes, "MM\0*", 4)))
        return 0;
    const struct tiff tiff = {.bytes = bytes, .size = size, .big = *bytes == 'M'};
    const size_t directory = tiff_number(&tiff, 4, 4);
    const size_t entries = tiff_number(&tiff, directory, 2);
    int found = 0;
    for (size_t i = 0; i < entries && directory + 14 + 12 * i <= size; i++)
        if (tiff_number(&tiff, directory + 2 + 12 * i, 2) == TAG_ORIENTATION)
            found = tiff_value(&tiff, directory + 2 + 12 * i);
    return found;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

int orientation_of_raw(const char *text, size_t size)
{
    unsigned char bytes[4096]; /* the directory stands in front */
    size_t at = 0, count = 0;
    for (int lines = 0; lines < 3 && at < size; at++)
        lines += text[at] == '\n';
    int high = -1;
    for (; at < size && count < sizeof bytes; at++) {
        const int now = digit(text[at]);
        if (now >= 0 && high >= 0)
            bytes[count++] = (unsigned char)(high << 4 | now);
        high = now < 0 ? high : high < 0 ? now : -1;
    }
    return orientation_of_exif(bytes, count);
}

int orientation_of_xmp(const char *text, size_t size)
{
    static const char name[] = "tiff:Orientation";
    const size_t length = sizeof name - 1;
    for (size_t i = 0; i + length + 3 <= size; i++) {
        if (memcmp(text + i, name, length))
            continue;
        const char *value = text + i + length;
        value += *value == '>' ? 1 : !memcmp(value, "=\"", 2) ? 2 : 0;
        if (value > text + i + length && value < text + size && *value >= '0' && *value <= '9')
            return *value - '0';
    }
    return 0;
}
