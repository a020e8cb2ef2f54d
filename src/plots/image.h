/* SPDX-License-Identifier: MIT */
/*
 * image: pixels become a PNG with a few text chunks. The only place that knows libpng; owns
 * nothing of the caller's.
 */
#ifndef PLOTS_IMAGE_H
#define PLOTS_IMAGE_H

#include <stddef.h>

#include "error.h"

enum { IMAGE_TEXTS = 3 };

struct image {
    const unsigned char *pixels; /* [height, stride] bytes of native 0x00RRGGBB */
    size_t stride;               /* bytes of a line */
    unsigned width, height;
    double dots_per_inch;
    struct {
        char *key, *value; /* value: valid UTF-8 */
    } text[IMAGE_TEXTS];
};

/* Writes the PNG whole or not at all. STATUS_FAILED, naming the path. */
int image_write(const char *path, const struct image *image, struct error *err);

#endif
