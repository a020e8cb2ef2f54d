/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes image/read: any bytes behind a JPEG's first ones. What is taken must be an image within
 * its limits, all of whose bytes are there.
 */
#include "image/read.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct image image;
    struct error err;
    size_t sum = 0;
    uint8_t *begun = malloc(size + 1);
    check(begun != NULL);
    memcpy(begun, bytes, size);
    if (size >= 3)
        memcpy(begun, "\xff\xd8\xff", 3);
    if (image_decode(&image, begun, size, "fuzz", &err)) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n') && !image.rgb);
    } else {
        check(image.width && image.height && image.width <= IMAGE_PIXELS / image.height);
        for (size_t i = 0; i < 3 * image.width * image.height; i++)
            sum += image.rgb[i];
        check(sum <= 3 * 255 * image.width * image.height);
    }
    image_fini(&image);
    free(begun);
    return 0;
}
