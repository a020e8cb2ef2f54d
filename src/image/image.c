/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include <stdint.h>
#include <stdlib.h>

int image_init(struct image *to, size_t width, size_t height, const char *name, struct error *err)
{
    *to = (struct image){0};
    if (!width || !height)
        return error_damaged(err, "%s: an image of %zu x %zu pixels", name, width, height);
    if (width > IMAGE_SIDE || height > IMAGE_SIDE || width > IMAGE_PIXELS / height)
        return error_set(err, STATUS_INPUT,
                         "%s: %zu x %zu pixels are too many: images have at most %zu, and %zu in a "
                         "row or column",
                         name, width, height, IMAGE_PIXELS, IMAGE_SIDE);
    unsigned char *rgb = width <= SIZE_MAX / 3 / height ? malloc(3 * width * height) : NULL;
    if (!rgb)
        return error_set(err, STATUS_FAILED, "%s: out of memory", name);
    *to = (struct image){.width = width, .height = height, .rgb = rgb};
    return 0;
}

void image_fini(struct image *image)
{
    free(image->rgb);
    *image = (struct image){0};
}
