/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes image/read and image/resample: any bytes, as they are and as chunks whose lengths and
 * sums are made right, without which libpng would see little of them. What is taken
 * must be an image within its limits, all of whose bytes are there.
 */
#include "image/read.h"

#include <string.h>
#include <zlib.h>

#include "fuzz.h"
#include "image/resample.h"

static void decode(const uint8_t *bytes, size_t size)
{
    struct image image, other;
    struct error err;
    size_t sum = 0;
    if (image_decode(&image, bytes, size, "fuzz", &err)) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n') && !image.rgb);
        return;
    }
    check(image.width && image.height && image.width <= IMAGE_PIXELS / image.height);
    check(!resample(&other, &image, 1 + size % 9, 1 + size % 7, (enum resample)(size % RESAMPLES),
                    "fuzz", &err));
    for (size_t i = 0; i < 3 * other.width * other.height; i++)
        sum += other.rgb[i];
    check(sum <= 3 * 255 * other.width * other.height);
    image_fini(&image);
    image_fini(&other);
}

static uint32_t number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A signature, then length, kind, data and sum, one chunk after the other; the last one ends with
 * the bytes. Behind them is room for a chunk that ends the image. Returns where that ends. */
static size_t mend(uint8_t *bytes, size_t size)
{
    size_t at = 8;
    memcpy(bytes, "\x89PNG\r\n\x1a\n", 8);
    while (size - at >= 12) {
        size_t length = number(bytes + at);
        length = length > size - at - 12 ? size - at - 12 : length;
        put(bytes + at, (uint32_t)length);
        put(bytes + at + 8 + length, (uint32_t)crc32(0, bytes + at + 4, (uInt)length + 4));
        at += length + 12;
    }
    memcpy(bytes + at, "\0\0\0\0IEND\xae\x42\x60\x82", 12);
    return at + 12;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *mended = malloc(size + 12);
    check(mended != NULL);
    memcpy(mended, bytes, size);
    if (size >= 8)
        decode(mended, mend(mended, size));
    decode(bytes, size);
    free(mended);
    return 0;
}
