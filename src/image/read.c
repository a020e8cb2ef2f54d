/* SPDX-License-Identifier: MIT */
#include "image/read.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/jpeg.h"
#include "image/pixels.h"
#include "image/png.h"
#include "util/file.h"

/* What other files begin with. */
static const struct {
    size_t at, size;
    const char *bytes, *kind;
} others[] = {
    {0, 4, "GIF8", "a GIF image"},
    {8, 4, "WEBP", "a WebP image"},
    {0, 2, "BM", "a BMP image"},
    {0, 4, "II*\0", "a TIFF image"},
    {0, 4, "MM\0*", "a TIFF image"},
    {4, 8, "ftypavif", "an AVIF image"},
    {4, 7, "ftyphei", "a HEIF image"},
    {4, 7, "ftypmif", "a HEIF image"},
    {4, 8, "jP  \r\n\x87\n", "a JPEG 2000 image"},
    {0, 4, "\xff\x4f\xff\x51", "a JPEG 2000 image"},
    {0, 2, "\xff\x0a", "a JPEG XL image"},
    {4, 8, "JXL \r\n\x87\n", "a JPEG XL image"},
    {0, 4, "8BPS", "a Photoshop image"},
    {0, 4, "\0\0\1\0", "an icon"},
    {4, 4, "ftyp", "a video"},
    {0, 4, "\x1a\x45\xdf\xa3", "a video"},
    {8, 4, "AVI ", "a video"},
    {0, 4, "%PDF", "a PDF document"},
    {0, 2, "\x1f\x8b", "a file packed by gzip"},
    {0, 4, "PK\3\4", "a zip archive"},
    {0, 1, "<", "a text such as SVG or HTML"},
};

static int begins(const void *bytes, size_t size, size_t at, const char *with, size_t length)
{
    return size >= at + length && !memcmp((const char *)bytes + at, with, length);
}

static int refuse_kind(const void *bytes, size_t size, const char *name, struct error *err)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (begins(bytes, size, others[i].at, others[i].bytes, others[i].size))
            return error_set(err, STATUS_INPUT, "%s: this is %s; PNG and JPEG are read", name,
                             others[i].kind);
    return error_set(err, STATUS_INPUT, "%s: %s; PNG and JPEG are read", name,
                     size ? "this is no image that is known here" : "the file is empty");
}

int image_decode(struct image *to, const void *bytes, size_t size, const char *name,
                 struct error *err)
{
    int orientation = 1, failed;
    *to = (struct image){0};
    if (begins(bytes, size, 0, "\x89PNG\r\n\x1a\n", 8))
        failed = png_decode(to, bytes, size, name, &orientation, err);
    else if (begins(bytes, size, 0, "\xff\xd8\xff", 3))
        failed = jpeg_decode(to, bytes, size, name, &orientation, err);
    else
        failed = refuse_kind(bytes, size, name, err);
    if (failed || pixels_turn(to, orientation, name, err)) {
        image_fini(to);
        return -1;
    }
    return 0;
}

int image_read(struct image *to, const char *path, struct error *err)
{
    size_t size;
    char *bytes = file_read(path, IMAGE_FILE, &size, err);
    *to = (struct image){0};
    if (!bytes)
        return -1;
    int failed = image_decode(to, bytes, size, path, err);
    free(bytes);
    return failed;
}

int image_is_named(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".jpe"};
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    for (size_t i = 0; dot && (!slash || dot > slash) && i < 4; i++)
        if (!strcasecmp(dot, endings[i]))
            return 1;
    return 0;
}
