/* SPDX-License-Identifier: MIT */
/*
 * resample: an image in another size, byte by byte as Image.resize() of Pillow 13 makes it: where
 * an image shrinks, the filter is stretched (antialiasing); first across, then down, rounded to
 * bytes in between, with weights of 22 fractional bits. Where the height shrinks by more than twice
 * what the width does, it is first down, then across; Pillow 12 and before never do that, and then
 * differ by a rounding. It owns nothing beyond a call.
 */
#ifndef IMAGE_RESAMPLE_H
#define IMAGE_RESAMPLE_H

#include <stddef.h>

#include "error.h"
#include "image/image.h"

/* By Pillow's numbers. */
enum resample {
    RESAMPLE_NEAREST,
    RESAMPLE_LANCZOS,
    RESAMPLE_BILINEAR,
    RESAMPLE_BICUBIC,
    RESAMPLE_BOX,
    RESAMPLE_HAMMING,
    RESAMPLES
};

/* "bicubic"; NULL: no such filter. */
const char *resample_name(enum resample filter);

/* A new image; `name` is for messages. STATUS_INPUT where the size is beyond the limits. */
int resample(struct image *to, const struct image *from, size_t width, size_t height,
             enum resample filter, const char *name, struct error *err);

#endif
