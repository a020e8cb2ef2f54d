/* SPDX-License-Identifier: MIT */
#include "data/augment.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "util/block.h"
#include "util/near.h"

/* What each is called, its parameters and their bounds; the lower bound itself is beyond. */
static const struct kind {
    const char *name, *form;
    size_t numbers;
    double above[2], most[2];
} kinds[] = {
    {"noise", "noise(s)", 1, {0}, {100}}, {"spike", "spike(p,s)", 2, {0, 0}, {1, 100}},
    {"step", "step(s)", 1, {0}, {100}},   {"slope", "slope(s)", 1, {0}, {100}},
    {"flip", "flip(p)", 1, {0}, {1}},     {"crop", "crop(n)", 1, {0}, {65535}},
    {"warp", "warp(f)", 1, {1}, {10}},
};
enum { NOISE, SPIKE, STEP, SLOPE, FLIP, CROP, WARP };
#define KINDS (sizeof kinds / sizeof *kinds)

static int fault(struct error *err, const char *item, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fault(struct error *err, const char *item, const char *format, ...)
{
    char shown[CSV_SHOWN], cause[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(cause, sizeof cause, format, ap);
    va_end(ap);
    return error_set(err, STATUS_USAGE, "'%s': %s", csv_show(item, shown), cause);
}

static int unknown(const char *item, const char *name, struct error *err)
{
    char shown[CSV_SHOWN];
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < KINDS; i++)
        if (near_is_nearer(name, kinds[i].name, &best))
            near = kinds[i].form;
    csv_show(name, shown);
    if (near)
        return fault(err, item, "there is no augmentation %s; did you mean %s?", shown, near);
    return fault(err, item,
                 "there is no augmentation %s; there are none, noise(s), spike(p,s), step(s), "
                 "slope(s), flip(p), crop(n) and warp(f)",
                 shown);
}

/* The numbers in parentheses behind the name. */
static int read_numbers(const struct kind *kind, const char *item, double value[2],
                        struct error *err)
{
    const char *at = item + strcspn(item, " \t(");
    char number[64];
    at += strspn(at, " \t");
    for (size_t i = 0; i < kind->numbers; i++) {
        if (*at != (i ? ',' : '('))
            return fault(err, item, "it is written %s", kind->form);
        at += 1 + strspn(at + 1, " \t");
        size_t whole = strcspn(at, ",()"), length = whole;
        while (length && strchr(" \t", at[length - 1]))
            length--;
        if (!length || length >= sizeof number)
            return fault(err, item, "it is written %s", kind->form);
        memcpy(number, at, length);
        number[length] = 0;
        if (csv_parse_number(number, length, &value[i]) != CSV_NUMBER ||
            !(value[i] > kind->above[i] && value[i] <= kind->most[i]))
            return fault(err, item, "in %s, %c is a number above %g and at most %g", kind->form,
                         kind->form[strlen(kind->name) + 1 + 2 * i], kind->above[i], kind->most[i]);
        at += whole;
    }
    if (*at != ')' || at[1 + strspn(at + 1, " \t")])
        return fault(err, item, "it is written %s", kind->form);
    if (kind == &kinds[CROP] && value[0] != floor(value[0]))
        return fault(err, item, "in crop(n), n is a whole number of rows");
    return 0;
}

static int parse_item(struct augmentation *a, const char *item, struct error *err)
{
    double value[2] = {0};
    double *to[KINDS] = {&a->noise, &a->spike, &a->step, &a->slope, &a->flip, NULL, &a->warp};
    char name[64];
    size_t length = strcspn(item, " \t("), k = 0;
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name), item);
    while (k < KINDS && !csv_same_name(kinds[k].name, name))
        k++;
    if (k == KINDS)
        return unknown(item, name, err);
    if (read_numbers(&kinds[k], item, value, err))
        return -1;
    if (to[k] ? *to[k] > 0 : a->crop > 0)
        return fault(err, item, "%s stands there twice", kinds[k].name);
    if (k == CROP)
        a->crop = (size_t)value[0];
    else
        *to[k] = value[k == SPIKE];
    if (k == SPIKE)
        a->spikes = value[0];
    return 0;
}

int augment_parse(struct augmentation *a, const struct list *items, struct error *err)
{
    if (!items->count || (items->count == 1 && csv_same_name(items->item[0], "none")))
        return 0;
    for (size_t i = 0; i < items->count; i++) {
        if (csv_same_name(items->item[i], "none"))
            return fault(err, items->item[i], "none stands alone");
        if (parse_item(a, items->item[i], err))
            return -1;
    }
    return 1;
}

void augment_free(struct augmentation *a)
{
    if (!a)
        return;
    free(a->feature);
    free(a->target);
    block_free(a->flag);
    free(a);
}
