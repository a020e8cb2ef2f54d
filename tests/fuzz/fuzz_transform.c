/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes transforms: any text is one item of data.target_transform a line, and what a checkpoint
 * says of a transform. One that is understood is used on values of all sizes: what it makes of them
 * is finite or NaN, what it makes of any output is finite, and its own text reads back as it was.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/transform.h"
#include "fuzz.h"

enum { ITEMS = 10, VALUES = 24 };

/* 0, and both signs of 1e-308 ... 1e308. */
static double value(int i)
{
    double x = pow(10, 308.0 * (i / 2 - 5.5) / 5.5);
    return i == VALUES ? 0 : i % 2 ? -x : x;
}

static void use(const struct transform *t)
{
    for (int i = 0; i <= VALUES; i++) {
        size_t outside = 0;
        double y = transform_forward(t, value(i));
        check(isfinite(y) || isnan(y));
        check(isnan(y) || isfinite(transform_inverse(t, y, NULL)));
        check(isfinite(transform_inverse(t, value(i), &outside)));
        check(outside <= 1);
    }
}

static void same_after_reading(const struct transform *t)
{
    struct transform again;
    struct error err;
    char *text = transform_text(t, 1);
    check(text != NULL);
    check(!transform_read(&again, 1, text, &err));
    check(again.steps == t->steps);
    for (size_t i = 0; i < t->steps; i++) {
        check(again.step[i].kind == t->step[i].kind && again.step[i].a == t->step[i].a);
        check(again.step[i].b == t->step[i].b && again.step[i].scale == t->step[i].scale);
        check(again.step[i].offset == t->step[i].offset);
    }
    free(text);
}

static void fit(struct transform *t, const double *x, size_t count)
{
    struct error err;
    size_t bad;
    int constant;
    if (transform_fit(t, x, count, &bad, &constant, &err)) {
        check(err.status == STATUS_INPUT && *err.text && bad < count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        check(isfinite(transform_forward(t, x[i])));
    use(t);
    same_after_reading(t);
}

static void try_items(char *text)
{
    static const double tame[] = {3, 1, 4, 1, 5, 9, 2, 6}, equal[] = {2, 2, 2};
    char *item[ITEMS], *at = text;
    struct list list = {item, 0};
    struct transform t;
    struct error err;
    double wild[VALUES + 1];
    for (int i = 0; i <= VALUES; i++)
        wild[i] = value(i);
    while (at && list.count < ITEMS) {
        item[list.count++] = at;
        at = strchr(at, '\n');
        if (at)
            *at++ = 0;
    }
    if (transform_parse(&t, &list, &err)) {
        check(err.status == STATUS_USAGE && *err.text);
        return;
    }
    fit(&t, tame, sizeof tame / sizeof *tame);
    fit(&t, wild, VALUES + 1);
    fit(&t, equal, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err;
    struct transform t;
    char *text = malloc(size + 1);
    check(text != NULL);
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    if (transform_read(&t, 1, text, &err)) {
        check(err.status == STATUS_INPUT && *err.text);
    } else {
        use(&t);
        same_after_reading(&t);
    }
    try_items(text);
    free(text);
    return 0;
}
