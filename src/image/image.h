/* SPDX-License-Identifier: MIT */
/*
 * image: a picture as bytes of red, green and blue. The caller owns an image; its size has limits,
 * which are judged before memory is taken.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stddef.h>

#include "error.h"

/* Most pixels of an image, and most in a row or column. */
#ifndef IMAGE_PIXELS
#define IMAGE_PIXELS ((size_t)1 << 28)
#endif
#define IMAGE_SIDE ((size_t)65500)

struct image {
    size_t width, height;
    unsigned char *rgb; /* [height, width, 3] */
};

/* Memory of so many pixels, which hold anything; STATUS_INPUT with "name: ..." beyond the limits.
 */
int image_init(struct image *to, size_t width, size_t height, const char *name, struct error *err);
void image_fini(struct image *image);

#endif
