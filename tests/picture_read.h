/* SPDX-License-Identifier: MIT */
/*
 * picture_read: a PNG that a picture was written to, for tests: its size, its pixels, its texts. A
 * test that includes this includes cmocka before it.
 */
#ifndef TESTS_PICTURE_READ_H
#define TESTS_PICTURE_READ_H

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct picture {
    unsigned width, height;
    unsigned char *rgb; /* [height, width, 3] */
    char title[128], software[128], comment[256];
    int comment_is_itxt;
};

static inline void keep_text(struct picture *p, const png_text *text)
{
    if (!strcmp(text->key, "Title"))
        snprintf(p->title, sizeof p->title, "%s", text->text);
    if (!strcmp(text->key, "Software"))
        snprintf(p->software, sizeof p->software, "%s", text->text);
    if (!strcmp(text->key, "Comment")) {
        snprintf(p->comment, sizeof p->comment, "%s", text->text);
        p->comment_is_itxt = text->compression >= PNG_ITXT_COMPRESSION_NONE;
    }
}

/* libpng aborts the test on a broken file. */
static inline struct picture picture_read(const char *path)
{
    struct picture p = {0};
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, stream);
    png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    p.width = png_get_image_width(png, info);
    p.height = png_get_image_height(png, info);
    assert_int_equal(png_get_color_type(png, info), PNG_COLOR_TYPE_RGB);
    assert_int_equal(png_get_bit_depth(png, info), 8);
    p.rgb = malloc(3 * (size_t)p.width * p.height);
    assert_non_null(p.rgb);
    png_bytepp rows = png_get_rows(png, info);
    for (unsigned y = 0; y < p.height; y++)
        memcpy(p.rgb + 3 * (size_t)y * p.width, rows[y], 3 * (size_t)p.width);
    png_textp text;
    int n;
    png_get_text(png, info, &text, &n);
    for (int i = 0; i < n; i++)
        keep_text(&p, &text[i]);
    png_destroy_read_struct(&png, &info, NULL);
    fclose(stream);
    return p;
}

static inline unsigned pixel(const struct picture *p, unsigned x, unsigned y)
{
    const unsigned char *at = p->rgb + 3 * ((size_t)y * p->width + x);
    return (unsigned)at[0] << 16 | (unsigned)at[1] << 8 | at[2];
}

static inline size_t count_color(const struct picture *p, unsigned color)
{
    size_t count = 0;
    for (unsigned y = 0; y < p->height; y++)
        for (unsigned x = 0; x < p->width; x++)
            count += pixel(p, x, y) == color;
    return count;
}

#endif
