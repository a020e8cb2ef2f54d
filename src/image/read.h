/* SPDX-License-Identifier: MIT */
/*
 * read: a PNG or JPEG file to an image, with the bytes that Pillow has behind transformers'
 * load_image(): turned as the file's Exif (or XMP) orientation says, transparency dropped, grey and
 * palettes spread to three channels, grey of 16 bits cut off at 255, CMYK turned to RGB without a
 * colour profile. Gamma and profiles count for nothing, as there.
 *
 * Nothing of a file is trusted. No state outlives a call, so that several threads may read.
 */
#ifndef IMAGE_READ_H
#define IMAGE_READ_H

#include <stddef.h>

#include "error.h"
#include "image/image.h"

/* Most bytes of a file. */
#define IMAGE_FILE ((size_t)1 << 30)

/* By the file's first bytes a PNG or a JPEG. STATUS_INPUT with "path: cause"; *to is then empty. */
int image_read(struct image *to, const char *path, struct error *err);

/* The same of bytes in memory; `name` stands for the path. */
int image_decode(struct image *to, const void *bytes, size_t size, const char *name,
                 struct error *err);

/* Whether the path's ending is .png, .jpg, .jpeg or .jpe, whatever its case. */
int image_is_named(const char *path);

#endif
