/* SPDX-License-Identifier: MIT */
#include "image/processor.h"

#include <stdio.h>

#include "util/clocale.h"

void processor_finish(struct processor *p)
{
    for (int i = 0; i < 3; i++)
        for (int byte = 0; byte < 256; byte++) {
            float x = p->factor > 0 ? (float)(byte * p->factor) : (float)byte;
            if (p->normalizes)
                x = (x - (float)p->mean[i]) / (float)p->deviation[i];
            p->value[i][byte] = x;
        }
}

void processor_default(struct processor *to, enum processor_kind kind, size_t size)
{
    *to = (struct processor){.kind = kind,
                             .height = size,
                             .width = size,
                             .resizes = 1,
                             .resize_height = size,
                             .resize_width = size,
                             .filter = kind == PROCESSOR_VIT ? RESAMPLE_BILINEAR : RESAMPLE_BICUBIC,
                             .factor = 1.0 / 255,
                             .normalizes = 1,
                             .mean = {0.5, 0.5, 0.5},
                             .deviation = {0.5, 0.5, 0.5}};
    processor_finish(to);
}

/* --- an image */

/* The size behind resizing: the shorter edge as told, the longer one rounded down. */
static void sizes(const struct processor *p, const struct image *image, size_t *width,
                  size_t *height)
{
    const size_t wide = image->width, high = image->height;
    *width = p->resizes ? p->resize_width : wide;
    *height = p->resizes ? p->resize_height : high;
    if (!p->shortest)
        return;
    const size_t shorter = wide < high ? wide : high, longer = wide < high ? high : wide;
    /* as Python divides: in doubles */
    const size_t longest = (size_t)((double)(p->shortest * longer) / (double)shorter);
    *width = wide <= high ? p->shortest : longest;
    *height = wide <= high ? longest : p->shortest;
}

/* Where output 0 lies in the image: its middle, rounded down, in front of it where that is smaller.
 */
static ptrdiff_t offset(size_t from, size_t to)
{
    return from >= to ? (ptrdiff_t)((from - to) / 2) : -(ptrdiff_t)((to - from + 1) / 2);
}

/* to [3, height, width]; what lies beyond the image is black. */
static void spread(const struct processor *p, const struct image *image, float *to)
{
    const ptrdiff_t down = offset(image->height, p->height);
    const ptrdiff_t across = offset(image->width, p->width);
    for (size_t channel = 0; channel < 3; channel++)
        for (size_t y = 0; y < p->height; y++) {
            const size_t row = (size_t)((ptrdiff_t)y + down); /* huge above the image */
            for (size_t x = 0; x < p->width; x++) {
                const size_t column = (size_t)((ptrdiff_t)x + across);
                const int inside = row < image->height && column < image->width;
                *to++ =
                    p->value[channel]
                            [inside ? image->rgb[3 * (row * image->width + column) + channel] : 0];
            }
        }
}

int processor_apply(const struct processor *p, const struct image *image, const char *name,
                    float *to, struct error *err)
{
    size_t width, height;
    struct image resized = {0};
    sizes(p, image, &width, &height);
    if (!p->crops && (width != p->width || height != p->height))
        return error_set(err, STATUS_INPUT,
                         "%s: the processor makes an image of %zu x %zu pixels of it, where %zu x "
                         "%zu are wanted",
                         name, width, height, p->width, p->height);
    const int same = width == image->width && height == image->height;
    if (!same && resample(&resized, image, width, height, p->filter, name, err))
        return -1;
    spread(p, same ? image : &resized, to);
    image_fini(&resized);
    return 0;
}

const char *processor_text(const struct processor *p, char to[PROCESSOR_TEXT])
{
    char resize[80] = "as it is", normal[250] = "";
    locale_t before = clocale_enter();
    if (p->resizes && p->shortest)
        snprintf(resize, sizeof resize, "shorter edge %zu %s", p->shortest,
                 resample_name(p->filter));
    else if (p->resizes)
        snprintf(resize, sizeof resize, "%zux%zu %s", p->resize_width, p->resize_height,
                 resample_name(p->filter));
    if (p->normalizes)
        snprintf(normal, sizeof normal, ", mean %.9g %.9g %.9g, deviation %.9g %.9g %.9g",
                 p->mean[0], p->mean[1], p->mean[2], p->deviation[0], p->deviation[1],
                 p->deviation[2]);
    snprintf(to, PROCESSOR_TEXT, "RGB, %s, %s %zux%zu, times %.17g%s", resize,
             p->crops ? "cut to" : "must be", p->width, p->height, p->factor > 0 ? p->factor : 1.0,
             normal);
    clocale_leave(before);
    return to;
}
