/* SPDX-License-Identifier: MIT */
/*
 * jpeg: a JPEG in memory to bytes of red, green and blue, by libjpeg, which is seen here alone. The
 * caller owns the image.
 */
#ifndef IMAGE_JPEG_H
#define IMAGE_JPEG_H

#include <stddef.h>

#include "error.h"
#include "image/image.h"

/* Also how the image lies in the file, 0 or 1: upright. STATUS_INPUT with "name: cause"; *to may
 * then have memory, which is the caller's to free. Damage that libjpeg only warns of is passed
 * over, as by Pillow; a file that ends too early is an error. */
int jpeg_decode(struct image *to, const void *bytes, size_t size, const char *name,
                int *orientation, struct error *err);

#endif
