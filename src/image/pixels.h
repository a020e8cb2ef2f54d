/* SPDX-License-Identifier: MIT */
/*
 * pixels: what becomes of decoded bytes: other channels to red, green and blue, in place, and an
 * image turned. It owns nothing.
 */
#ifndef IMAGE_PIXELS_H
#define IMAGE_PIXELS_H

#include <stddef.h>

#include "image/image.h"

/* A row of `width` numbers of 16 bits, high byte first, becomes grey: what is above 255 is 255, as
 * Pillow's I;16 becomes RGB. The row has room for 3 `width` bytes. */
void pixels_of_grey16(unsigned char *row, size_t width);

/* from [width, 4], inverted as Adobe writes it, to [width, 3]: (255 - k) (255 - c) / 255, rounded.
 */
void pixels_of_cmyk(unsigned char *to, const unsigned char *from, size_t width);

/* Turns or mirrors an image as an Exif orientation of 1 to 8 asks; any other does nothing. The
 * image's memory is taken once more; where that fails the image is as it was. */
int pixels_turn(struct image *image, int orientation, const char *name, struct error *err);

#endif
