/* SPDX-License-Identifier: MIT */
/*
 * png: a PNG in memory to bytes of red, green and blue, by libpng, which this folder sees here
 * alone. The caller owns the image.
 */
#ifndef IMAGE_PNG_H
#define IMAGE_PNG_H

#include <stddef.h>

#include "error.h"
#include "image/image.h"

/* The bytes begin with a PNG's signature. Also how the image lies in the file, 0 or 1: upright.
 * STATUS_INPUT with "name: cause"; *to may then have memory, which is the caller's to free. */
int png_decode(struct image *to, const void *bytes, size_t size, const char *name, int *orientation,
               struct error *err);

#endif
