/* SPDX-License-Identifier: MIT */
#include "image/resample.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRACTION 22 /* bits of a weight behind the point: 32 less 8 of a pixel, less 2 */
#define PI 3.14159265358979323846

/* --- the filters, functions of the distance in pixels; zero from `support` on */

static double box(double x)
{
    return x > -0.5 && x <= 0.5;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Pillow's constants are of single precision. */
static double hamming(double x)
{
    x = fabs(x);
    if (x == 0)
        return 1;
    if (x >= 1)
        return 0;
    x *= PI;
    return sin(x) / x * ((double)0.54f + (double)0.46f * cos(x));
}

/* Keys' cubic convolution with a = -1/2, in Horner's form: the last bit counts. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(x * PI) / (x * PI);
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct {
    const char *name;
    double (*at)(double x);
    double support;
} filters[RESAMPLES] = {[RESAMPLE_NEAREST] = {"nearest", NULL, 0},
                        [RESAMPLE_LANCZOS] = {"lanczos", lanczos, 3},
                        [RESAMPLE_BILINEAR] = {"bilinear", bilinear, 1},
                        [RESAMPLE_BICUBIC] = {"bicubic", bicubic, 2},
                        [RESAMPLE_BOX] = {"box", box, 0.5},
                        [RESAMPLE_HAMMING] = {"hamming", hamming, 1}};

const char *resample_name(enum resample filter)
{
    return (unsigned)filter < RESAMPLES ? filters[filter].name : NULL;
}

/* --- weights of one direction */

/* Output i is the sum of `count[i]` inputs from `first[i]` on, by the weights from i `most` on. */
struct weights {
    size_t most;           /* of the inputs of one output */
    size_t *first, *count; /* [size] */
    int32_t *weight;       /* [size, most] */
};

static void weights_fini(struct weights *w)
{
    free(w->first);
    free(w->count);
    free(w->weight);
}

/* sum [most] is room for weights before they are rounded. */
static void weigh_one(struct weights *w, size_t i, size_t from, double scale, double stretch,
                      enum resample filter, double *sum)
{
    const double center = ((double)i + 0.5) * scale, support = filters[filter].support * stretch;
    const double low = center - support + 0.5, high = center + support + 0.5, inverse = 1 / stretch;
    const size_t first = low > 0 ? (size_t)low : 0;
    const size_t end = high < (double)from ? (size_t)high : from;
    double all = 0;
    for (size_t k = 0; k < end - first; k++) {
        sum[k] = filters[filter].at(((double)(k + first) - center + 0.5) * inverse);
        all += sum[k];
    }
    for (size_t k = 0; k < end - first; k++) {
        const double one = (all != 0 ? sum[k] / all : sum[k]) * (1 << FRACTION);
        w->weight[i * w->most + k] = (int32_t)(one < 0 ? one - 0.5 : one + 0.5);
    }
    w->first[i] = first;
    w->count[i] = end - first;
}

static int weights_init(struct weights *w, size_t from, size_t to, enum resample filter)
{
    const double scale = (double)from / (double)to, stretch = scale < 1 ? 1 : scale;
    *w = (struct weights){.most = 2 * (size_t)ceil(filters[filter].support * stretch) + 1};
    double *sum = malloc(w->most * sizeof *sum);
    w->first = malloc(to * sizeof *w->first);
    w->count = malloc(to * sizeof *w->count);
    w->weight = malloc(to * w->most * sizeof *w->weight);
    const int failed = !sum || !w->first || !w->count || !w->weight;
    for (size_t i = 0; !failed && i < to; i++)
        weigh_one(w, i, from, scale, stretch, filter, sum);
    free(sum);
    return failed ? -1 : 0;
}

/* --- the two passes */

static unsigned char to_byte(int32_t sum)
{
    const int32_t value = sum >> FRACTION;
    return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void row_across(unsigned char *to, const unsigned char *from, size_t width,
                       const struct weights *w)
{
    for (size_t x = 0; x < width; x++, to += 3) {
        const int32_t *weight = w->weight + x * w->most;
        const unsigned char *at = from + 3 * w->first[x];
        int32_t red = 1 << (FRACTION - 1), green = red, blue = red;
        for (size_t k = 0; k < w->count[x]; k++, at += 3) {
            red += at[0] * weight[k];
            green += at[1] * weight[k];
            blue += at[2] * weight[k];
        }
        to[0] = to_byte(red);
        to[1] = to_byte(green);
        to[2] = to_byte(blue);
    }
}

/* sum [3 width] is room. */
static void row_down(unsigned char *to, const struct image *from, size_t y, const struct weights *w,
                     int32_t *sum)
{
    const size_t bytes = 3 * from->width;
    const unsigned char *at = from->rgb + bytes * w->first[y];
    for (size_t i = 0; i < bytes; i++)
        sum[i] = 1 << (FRACTION - 1);
    for (size_t k = 0; k < w->count[y]; k++, at += bytes) {
        const int32_t weight = w->weight[y * w->most + k];
        for (size_t i = 0; i < bytes; i++)
            sum[i] += at[i] * weight;
    }
    for (size_t i = 0; i < bytes; i++)
        to[i] = to_byte(sum[i]);
}

/* to [from->height, width] */
static int resample_across(struct image *to, const struct image *from, enum resample filter)
{
    struct weights w;
    const int failed = weights_init(&w, from->width, to->width, filter);
    for (size_t y = 0; !failed && y < to->height; y++)
        row_across(to->rgb + 3 * to->width * y, from->rgb + 3 * from->width * y, to->width, &w);
    weights_fini(&w);
    return failed;
}

/* to [height, from->width] */
static int resample_down(struct image *to, const struct image *from, enum resample filter)
{
    struct weights w;
    int32_t *sum = malloc(3 * from->width * sizeof *sum);
    const int failed = weights_init(&w, from->height, to->height, filter) || !sum;
    for (size_t y = 0; !failed && y < to->height; y++)
        row_down(to->rgb + 3 * to->width * y, from, y, &w, sum);
    weights_fini(&w);
    free(sum);
    return failed ? -1 : 0;
}

/* --- the nearest pixel: places are summed up, not multiplied, so that they are rounded alike */

static int resample_nearest(struct image *to, const struct image *from)
{
    const double across = (double)from->width / (double)to->width;
    const double down = (double)from->height / (double)to->height;
    size_t *column = malloc(to->width * sizeof *column);
    double place = across * 0.5;
    if (!column)
        return -1;
    for (size_t x = 0; x < to->width; x++, place += across)
        column[x] = (size_t)place < from->width ? (size_t)place : from->width - 1;
    place = down * 0.5;
    for (size_t y = 0; y < to->height; y++, place += down) {
        const size_t row = (size_t)place < from->height ? (size_t)place : from->height - 1;
        unsigned char *at = to->rgb + 3 * to->width * y;
        for (size_t x = 0; x < to->width; x++, at += 3)
            memcpy(at, from->rgb + 3 * (row * from->width + column[x]), 3);
    }
    free(column);
    return 0;
}

/* Whether rows are summed first: the height shrinks, by over twice what the width does. */
static int down_first(const struct image *to, const struct image *from)
{
    const ptrdiff_t down = (ptrdiff_t)from->height - (ptrdiff_t)to->height;
    const ptrdiff_t across = (ptrdiff_t)from->width - (ptrdiff_t)to->width;
    return down > 0 && down > 2 * across;
}

/* A direction whose size stays is left out. */
static int resample_filtered(struct image *to, const struct image *from, enum resample filter,
                             const char *name, struct error *err)
{
    struct image between = {0};
    const int down = down_first(to, from);
    int failed = 0;
    if (to->height == from->height)
        return resample_across(to, from, filter);
    if (to->width == from->width)
        return resample_down(to, from, filter);
    if (image_init(&between, down ? from->width : to->width, down ? to->height : from->height, name,
                   err))
        return -1;
    if (down)
        failed = resample_down(&between, from, filter) || resample_across(to, &between, filter);
    else
        failed = resample_across(&between, from, filter) || resample_down(to, &between, filter);
    image_fini(&between);
    return failed ? -1 : 0;
}

int resample(struct image *to, const struct image *from, size_t width, size_t height,
             enum resample filter, const char *name, struct error *err)
{
    int failed = 0;
    err->text[0] = 0;
    if (image_init(to, width, height, name, err))
        return -1;
    if (width == from->width && height == from->height)
        memcpy(to->rgb, from->rgb, 3 * width * height);
    else if (filter == RESAMPLE_NEAREST)
        failed = resample_nearest(to, from);
    else
        failed = resample_filtered(to, from, filter, name, err);
    if (!failed)
        return 0;
    image_fini(to);
    return err->text[0] ? -1 : error_set(err, STATUS_FAILED, "%s: out of memory", name);
}
