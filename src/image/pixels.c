/* SPDX-License-Identifier: MIT */
#include "image/pixels.h"

#include <string.h>

void pixels_of_grey16(unsigned char *row, size_t width)
{
    for (size_t x = width; x-- > 0;) {
        unsigned char grey = row[2 * x] ? 255 : row[2 * x + 1];
        memset(row + 3 * x, grey, 3);
    }
}

/* a b / 255, rounded */
static unsigned times(unsigned a, unsigned b)
{
    const unsigned ab = a * b + 128;
    return ((ab >> 8) + ab) >> 8;
}

void pixels_of_cmyk(unsigned char *to, const unsigned char *from, size_t width)
{
    for (size_t x = 0; x < width; x++, to += 3, from += 4)
        for (size_t i = 0; i < 3; i++)
            to[i] = (unsigned char)(from[3] - times(255U - from[i], from[3]));
}

/* The pixel of the turned image at (x, y) is that of the file at (`x` or mirrored, `y` or
 * mirrored), behind `swap`. */
static const struct turn {
    int swap, mirror_x, mirror_y;
} turns[9] = {[2] = {0, 1, 0}, [3] = {0, 1, 1}, [4] = {0, 0, 1}, [5] = {1, 0, 0},
              [6] = {1, 0, 1}, [7] = {1, 1, 1}, [8] = {1, 1, 0}};

static void turn_into(struct image *to, const struct image *from, struct turn how)
{
    unsigned char *at = to->rgb;
    for (size_t y = 0; y < to->height; y++)
        for (size_t x = 0; x < to->width; x++, at += 3) {
            size_t from_x = how.swap ? y : x, from_y = how.swap ? x : y;
            from_x = how.mirror_x ? from->width - 1 - from_x : from_x;
            from_y = how.mirror_y ? from->height - 1 - from_y : from_y;
            memcpy(at, from->rgb + 3 * (from_y * from->width + from_x), 3);
        }
}

int pixels_turn(struct image *image, int orientation, const char *name, struct error *err)
{
    struct image turned;
    if (orientation < 2 || orientation > 8)
        return 0;
    const struct turn how = turns[orientation];
    const size_t width = how.swap ? image->height : image->width;
    if (image_init(&turned, width, how.swap ? image->width : image->height, name, err))
        return -1;
    turn_into(&turned, image, how);
    image_fini(image);
    *image = turned;
    return 0;
}
