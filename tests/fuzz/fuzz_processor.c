/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes image/processor: any bytes are a preprocessor_config.json. What is taken must have sizes
 * within their limits and finite numbers, be told in one line, and make what it tells of an image.
 */
#include "image/processor.h"

#include <math.h>
#include <string.h>

#include "fuzz.h"

static void apply(const struct processor *p)
{
    unsigned char rgb[3 * 5 * 7];
    struct image image = {.width = 5, .height = 7, .rgb = rgb};
    struct error err;
    float *to = malloc(3 * p->height * p->width * sizeof *to);
    check(to != NULL);
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (unsigned char)(37 * i);
    if (processor_apply(p, &image, "fuzz", to, &err))
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    else
        for (size_t i = 0; i < 3 * p->height * p->width; i++)
            check(isfinite(to[i]));
    free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct processor p;
    struct error err;
    char text[PROCESSOR_TEXT];
    if (processor_parse(&p, (const char *)bytes, size, "fuzz", PROCESSOR_VIT, 24, &err)) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
        return 0;
    }
    check(p.height && p.width && p.height <= PROCESSOR_SIDE && p.width <= PROCESSOR_SIDE);
    check(p.resize_height <= PROCESSOR_SIDE && p.resize_width <= PROCESSOR_SIDE);
    check(p.shortest <= PROCESSOR_SIDE && (unsigned)p.filter < RESAMPLES);
    for (int i = 0; i < 3; i++)
        for (int byte = 0; byte < 256; byte++)
            check(isfinite(p.value[i][byte]));
    processor_text(&p, text);
    check(strlen(text) < sizeof text - 1 && !strchr(text, '\n'));
    if (p.height * p.width <= 4096 && p.resize_height * p.resize_width <= 65536 && p.shortest < 256)
        apply(&p);
    return 0;
}
