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

/* Marks of Unicode 10 to 14, and the one pair of them that is composed (U+11938). */
static const int32_t newer[][2] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},
    {0xc3c, 0xc3c},     {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},
    {0x1abf, 0x1ace},   {0x1df6, 0x1dfa},   {0xa82c, 0xa82c},   {0x10d24, 0x10d27},
    {0x10eab, 0x10eac}, {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070},
    {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x1183a}, {0x11930, 0x11930},
    {0x11938, 0x11938}, {0x1193d, 0x1193e}, {0x11943, 0x11943}, {0x119e0, 0x119e0},
    {0x11a34, 0x11a34}, {0x11a47, 0x11a47}, {0x11a99, 0x11a99}, {0x11d42, 0x11d42},
    {0x11d44, 0x11d45}, {0x11d97, 0x11d97}, {0x16ff0, 0x16ff1}, {0x1e130, 0x1e136},
    {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}};

static int is_newer(int32_t point)
{
    size_t i = 0;
    while (i < sizeof newer / sizeof *newer && point > newer[i][1])
        i++;
    return i < sizeof newer / sizeof *newer && point >= newer[i][0];
}

/* What stands above the code point of a character: its combining class, or that it is newer. */
#define POINT 0x1fffff
#define CLASS_BIT 21
#define NEWER (1 << 29)

static int32_t classed(int32_t point)
{
    const int32_t class = utf8proc_get_property(point)->combining_class;
    return point | class << CLASS_BIT;
}

static int class_of(int32_t classed)
{
    return classed >> CLASS_BIT & 0xff;
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
        point[i] &= POINT | NEWER;
    return 0;
}

static int add_point(struct textbuf *points, int32_t point, struct error *err)
{
    return textbuf_add(points, (const char *)&point, sizeof point, err);
}

/* The characters that a text's decompose into, into points. */
static int decompose(const char *text, size_t size, struct textbuf *points, struct error *err)
{
    points->size = 0;
    for (size_t i = 0; i < size;) {
        uint32_t is = 0;
        utf8proc_int32_t become[8];
        int boundary = 0;
        i += utf8_read(text + i, size - i, &is);
        const int32_t point = (int32_t)is;
        if (is_newer(point)) {
            if (add_point(points, point | NEWER, err))
                return -1;
            continue;
        }
        const utf8proc_ssize_t n = utf8proc_decompose_char(
            point, become, 8, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        for (utf8proc_ssize_t k = 0; k < n; k++)
            if (add_point(points, classed(become[k]), err))
                return -1;
    }
    return 0;
}

/* Adds a stretch without newer characters, composed. */
static int compose(int32_t *point, size_t count, struct textbuf *to, struct error *err)
{
    const utf8proc_ssize_t left = utf8proc_normalize_utf32(point, (utf8proc_ssize_t)count,
                                                           UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    if (left < 0)
        return text_short(err);
    for (utf8proc_ssize_t i = 0; i < left; i++)
        if (textbuf_add_point(to, (uint32_t)point[i], err))
            return -1;
    return 0;
}

int nfc_write(const char *text, size_t size, struct textbuf *points, struct textbuf *to,
              struct error *err)
{
    if (decompose(text, size, points, err))
        return -1;
    int32_t *point = (int32_t *)(void *)points->at;
    const size_t count = points->size / sizeof *point;
    if (order_all(point, count, err))
        return -1;
    for (size_t i = 0, end; i < count; i = end + 1) {
        for (end = i; end < count && !(point[end] & NEWER); end++)
            ;
        if ((end > i && compose(point + i, end - i, to, err)) ||
            (end < count && textbuf_add_point(to, (uint32_t)(point[end] & POINT), err)))
            return -1;
    }
    return 0;
}
