/* SPDX-License-Identifier: MIT */
#include "plots/image.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"

static void image_failed(png_structp png, png_const_charp message)
{
    struct error *err = png_get_error_ptr(png);
    if (!err->text[0])
        error_set(err, STATUS_FAILED, "libpng: %s", message);
    png_longjmp(png, 1);
}

static void image_warned(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void image_put(png_structp png, png_bytep bytes, size_t size)
{
    struct error *err = png_get_error_ptr(png);
    if (fwrite(bytes, 1, size, png_get_io_ptr(png)) == size)
        return;
    error_set(err, STATUS_FAILED, "%s", strerror(errno));
    png_error(png, "write");
}

static void image_flush_nothing(png_structp png)
{
    (void)png;
}

/* tEXt is Latin-1: anything beyond ASCII goes into an iTXt chunk. */
static png_text text_chunk(char *key, char *text)
{
    png_text chunk = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = key, .text = text};
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80)
            chunk.compression = PNG_ITXT_COMPRESSION_NONE;
    if (chunk.compression == PNG_ITXT_COMPRESSION_NONE)
        chunk.itxt_length = size;
    else
        chunk.text_length = size;
    return chunk;
}

/* row [width, 3] is room. */
static void write_rows(png_structp png, const struct image *image, unsigned char *row)
{
    for (unsigned y = 0; y < image->height; y++) {
        for (unsigned x = 0; x < image->width; x++) {
            uint32_t pixel;
            memcpy(&pixel, image->pixels + y * image->stride + 4 * (size_t)x, 4);
            row[3 * x] = (unsigned char)(pixel >> 16);
            row[3 * x + 1] = (unsigned char)(pixel >> 8);
            row[3 * x + 2] = (unsigned char)pixel;
        }
        png_write_row(png, row);
    }
}

/* Nothing that lives in this function changes after setjmp. */
static int write_png(FILE *stream, const struct image *image, png_text text[IMAGE_TEXTS],
                     unsigned char *row, struct error *err)
{
    err->text[0] = 0;
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, err, image_failed, image_warned);
    if (!png)
        return err->text[0] ? -1 : error_set(err, STATUS_FAILED, "libpng: out of memory");
    png_infop info = png_create_info_struct(png);
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return err->text[0] ? -1 : error_set(err, STATUS_FAILED, "libpng: out of memory");
    }
    png_set_write_fn(png, stream, image_put, image_flush_nothing);
    png_set_IHDR(png, info, image->width, image->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png, info, PNG_sRGB_INTENT_RELATIVE);
    unsigned per_meter = (unsigned)lround(image->dots_per_inch / 0.0254);
    png_set_pHYs(png, info, per_meter, per_meter, PNG_RESOLUTION_METER);
    png_set_text(png, info, text, IMAGE_TEXTS);
    png_write_info(png, info);
    write_rows(png, image, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return 0;
}

int image_write(const char *path, const struct image *image, struct error *err)
{
    png_text text[IMAGE_TEXTS];
    for (int i = 0; i < IMAGE_TEXTS; i++)
        text[i] = text_chunk(image->text[i].key, image->text[i].value);
    unsigned char *row = malloc(3 * (size_t)image->width + 1);
    if (!row)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    struct file_draft *draft = file_begin(path, err);
    int failed = !draft;
    if (draft && write_png(draft->stream, image, text, row, err)) {
        file_abort(draft);
        error_prefix(err, "%s", path);
        failed = 1;
    } else if (draft) {
        failed = file_commit(draft, err);
    }
    free(row);
    return failed ? -1 : 0;
}
