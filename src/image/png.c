/* SPDX-License-Identifier: MIT */
#include "image/png.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "image/orientation.h"
#include "image/pixels.h"
#include "util/shown.h"

/* What the functions that libpng calls share. It lies with the caller of the function that calls
 * setjmp(), so that longjmp() leaves its values alone. */
struct source {
    const unsigned char *bytes; /* that are still to be read */
    size_t left;
    const char *name;
    struct error *err;
    struct image *image;
    png_infop info, end; /* what stands in front of the pixels, and behind them */
    int short_of_memory;
};

static void png_failed(png_structp png, png_const_charp message)
{
    const struct source *source = png_get_error_ptr(png);
    if (strstr(message, "memory"))
        error_set(source->err, STATUS_FAILED, "%s: libpng: out of memory", source->name);
    else
        error_damaged(source->err, "%s: libpng: %s", source->name, show_name(message).text);
    png_longjmp(png, 1);
}

/* libpng goes on without texts and Exif data that it has no memory for. */
static void png_warned(png_structp png, png_const_charp message)
{
    struct source *source = png_get_error_ptr(png);
    source->short_of_memory |= strstr(message, "memory") != NULL;
}

static void png_take(png_structp png, png_bytep to, size_t size)
{
    struct source *source = png_get_io_ptr(png);
    if (size > source->left) {
        error_damaged(source->err, "%s: the file ends before its image does", source->name);
        png_longjmp(png, 1);
    }
    memcpy(to, source->bytes, size);
    source->bytes += size;
    source->left -= size;
}

/* Has libpng make three bytes a pixel of everything but grey of 16 bits, which stays. */
static void png_convert(png_structp png, png_const_infop info)
{
    const int color = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    if (color == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (color == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (color == PNG_COLOR_TYPE_GRAY && depth == 16)
        return;
    if (depth == 16)
        png_set_strip_16(png);
    if (!(color & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
}

/* Every pass of an interlaced image adds pixels to all rows. */
static void png_rows(png_structp png, const struct image *to, int passes, int grey16)
{
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < to->height; y++)
            png_read_row(png, to->rgb + 3 * to->width * y, NULL);
    for (size_t y = 0; grey16 && y < to->height; y++)
        pixels_of_grey16(to->rgb + 3 * to->width * y, to->width);
}

static int png_orientation(png_structp png, png_infop info)
{
    int count, found = 0;
    png_textp text;
#ifdef PNG_eXIf_SUPPORTED
    png_bytep exif;
    png_uint_32 size;
    if (png_get_eXIf_1(png, info, &size, &exif))
        found = orientation_of_exif(exif, size);
#endif
    if (found || !png_get_text(png, info, &text, &count))
        return found;
    for (int i = 0; i < count && !found; i++) {
        const size_t length = text[i].text ? strlen(text[i].text) : 0;
        if (!strcmp(text[i].key, "Raw profile type exif"))
            found = orientation_of_raw(text[i].text, length);
        else if (!strcmp(text[i].key, "XML:com.adobe.xmp"))
            found = orientation_of_xmp(text[i].text, length);
    }
    return found;
}

/* What follows the setjmp() of png_decode(); libpng's errors leave it by longjmp(). -1 where a
 * cause other than libpng's is set. */
static int png_decode_from(png_structp png, struct source *source, int *orientation)
{
    png_read_info(png, source->info);
    const size_t width = png_get_image_width(png, source->info);
    const size_t height = png_get_image_height(png, source->info);
    if (image_init(source->image, width, height, source->name, source->err))
        return -1;
    const int grey16 = png_get_color_type(png, source->info) == PNG_COLOR_TYPE_GRAY &&
                       png_get_bit_depth(png, source->info) == 16;
    png_convert(png, source->info);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, source->info);
    if (png_get_rowbytes(png, source->info) != (grey16 ? 2 : 3) * width)
        png_error(png, "rows of an unexpected width");
    png_rows(png, source->image, passes, grey16);
    png_read_end(png, source->end);
    *orientation = png_orientation(png, source->info);
    if (!*orientation)
        *orientation = png_orientation(png, source->end);
    return 0;
}

/* Nothing that lives in this function changes behind setjmp(). */
static int png_guarded(png_structp png, struct source *source, int *orientation)
{
    if (setjmp(png_jmpbuf(png)))
        return -1;
    return png_decode_from(png, source, orientation);
}

/* Whether all chunks are there: libpng takes memory for what the length of one says before it reads
 * it. Behind the signature stand length, kind, data and sum of each. */
static int png_is_whole(const unsigned char *bytes, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        const size_t length = png_get_uint_32(bytes + at);
        if (length > size - at - 12)
            return 0;
        if (!memcmp(bytes + at + 4, "IEND", 4))
            return 1;
        at += length + 12;
    }
    return 0;
}

int png_decode(struct image *to, const void *bytes, size_t size, const char *name, int *orientation,
               struct error *err)
{
    struct source source = {.bytes = bytes, .left = size, .name = name, .err = err, .image = to};
    if (!png_is_whole(bytes, size))
        return error_damaged(err, "%s: the file ends before its image does", name);
    png_structp png =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, png_failed, png_warned);
    source.info = png ? png_create_info_struct(png) : NULL;
    source.end = source.info ? png_create_info_struct(png) : NULL;
    int failed = -1;
    if (!source.end) {
        error_set(err, STATUS_FAILED, "%s: out of memory", name);
    } else {
        png_set_read_fn(png, &source, png_take);
        png_set_user_limits(png, (png_uint_32)IMAGE_SIDE, (png_uint_32)IMAGE_SIDE);
        failed = png_guarded(png, &source, orientation);
    }
    png_destroy_read_struct(&png, &source.info, &source.end);
    if (source.short_of_memory)
        failed = error_set(err, STATUS_FAILED, "%s: libpng: out of memory", name);
    return failed;
}
