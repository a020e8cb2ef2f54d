/* SPDX-License-Identifier: MIT */
#include "text/nfc.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/utf8.h"

/* Ranges of characters that stay in any text: NFC_QC = Yes, combining class 0. */
static const uint32_t plain[][2] = {{0, 0x2ff},       {0x400, 0x482},   {0x48a, 0x52f},
                                    {0x2010, 0x2027}, {0x2030, 0x205e}, {0x3001, 0x3029},
                                    {0x3041, 0x3096}, {0x309b, 0x30ff}, {0x3400, 0x9fff},
                                    {0xac00, 0xd7a3}, {0xff01, 0xffef}, {0x1f300, 0x1faff}};

static int is_plain(uint32_t point)
{
    size_t i = 0;
    while (i < sizeof plain / sizeof *plain && point > plain[i][1])
        i++;
    return i < sizeof plain / sizeof *plain && point >= plain[i][0];
}

int nfc_is_plain(const char *text, size_t size)
{
    uint32_t point = 0;
    for (size_t i = 0; i < size;) {
        if ((unsigned char)text[i] < 0xcc) { /* below U+0300 */
            i++;
            continue;
        }
        i += utf8_read(text + i, size - i, &point);
        if (!is_plain(point))
            return 0;
    }
    return 1;
}

/* A character with its combining class in the high byte. */
static int32_t classed(utf8proc_int32_t point)
{
    return (int32_t)((uint32_t)utf8proc_get_property(point)->combining_class << 21) | point;
}

static int class_of(int32_t classed)
{
    return (int)((uint32_t)classed >> 21);
}

/* Marks in the order of their classes, those of one class as they were: by counting, so that many
 * of them take no long time. */
static int order_marks(int32_t *mark, size_t count, struct error *err)
{
    size_t place[257] = {0};
    if (count < 2)
        return 0;
    int32_t *ordered = malloc(count * sizeof *ordered);
    if (!ordered)
        return text_short(err);
    for (size_t i = 0; i < count; i++)
        place[class_of(mark[i]) + 1]++;
    for (size_t i = 0; i < 256; i++)
        place[i + 1] += place[i];
    for (size_t i = 0; i < count; i++)
        ordered[place[class_of(mark[i])]++] = mark[i];
    memcpy(mark, ordered, count * sizeof *mark);
    free(ordered);
    return 0;
}

/* Each run of marks ordered; the classes are taken off. */
static int order_all(int32_t *point, size_t count, struct error *err)
{
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && class_of(point[end]); end++)
            ;
        if (order_marks(point + i, end - i, err))
            return -1;
        end += end == i;
    }
    for (size_t i = 0; i < count; i++)
        point[i] &= 0x1fffff;
    return 0;
}

/* The characters that a text's decompose into, into points; their number, -1: no memory. */
static long decompose(const char *text, size_t size, struct textbuf *points, struct error *err)
{
    points->size = 0;
    for (size_t i = 0; i < size;) {
        uint32_t point = 0;
        utf8proc_int32_t become[8];
        int boundary = 0;
        i += utf8_read(text + i, size - i, &point);
        const utf8proc_ssize_t n = utf8proc_decompose_char(
            (utf8proc_int32_t)point, become, 8, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        for (utf8proc_ssize_t k = 0; k < n; k++) {
            const int32_t c = classed(become[k]);
            if (textbuf_add(points, (const char *)&c, sizeof c, err))
                return -1;
        }
    }
    return (long)(points->size / sizeof(int32_t));
}

int nfc_write(const char *text, size_t size, struct textbuf *points, struct textbuf *to,
              struct error *err)
{
    const long count = decompose(text, size, points, err);
    int32_t *point = (int32_t *)(void *)points->at;
    if (count < 0 || order_all(point, (size_t)count, err))
        return -1;
    const utf8proc_ssize_t left =
        count ? utf8proc_normalize_utf32(point, count, UTF8PROC_COMPOSE | UTF8PROC_STABLE) : 0;
    if (left < 0)
        return text_short(err);
    for (utf8proc_ssize_t i = 0; i < left; i++)
        if (textbuf_add_point(to, (uint32_t)point[i], err))
            return -1;
    return 0;
}
