/* SPDX-License-Identifier: MIT */
#include "data/augment.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/item.h"
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
        return item_fault(err, item, "there is no augmentation %s; did you mean %s?", shown, near);
    return item_fault(err, item,
                      "there is no augmentation %s; there are none, noise(s), spike(p,s), step(s), "
                      "slope(s), flip(p), crop(n) and warp(f)",
                      shown);
}

/* The numbers in parentheses behind the name. */
static int read_numbers(const struct kind *kind, const char *item, const char *at, double value[2],
                        struct error *err)
{
    for (size_t i = 0; i < kind->numbers; i++) {
        const int wrong = *at == (i ? ',' : '(') ? item_number(&at, &value[i]) : -1;
        if (wrong < 0)
            return item_fault(err, item, "it is written %s", kind->form);
        if (wrong || !(value[i] > kind->above[i] && value[i] <= kind->most[i]))
            return item_fault(err, item, "in %s, %c is a number above %g and at most %g",
                              kind->form, kind->form[strlen(kind->name) + 1 + 2 * i],
                              kind->above[i], kind->most[i]);
    }
    if (*at != ')' || at[1 + strspn(at + 1, " \t")])
        return item_fault(err, item, "it is written %s", kind->form);
    if (kind == &kinds[CROP] && value[0] != floor(value[0]))
        return item_fault(err, item, "in crop(n), n is a whole number of rows");
    return 0;
}

static int parse_item(struct augmentation *a, const char *item, struct error *err)
{
    double value[2] = {0};
    double *to[KINDS] = {&a->noise, &a->spike, &a->step, &a->slope, &a->flip, NULL, &a->warp};
    char name[ITEM_NAME];
    const char *behind = item_name(item, name);
    size_t k = 0;
    while (k < KINDS && !csv_same_name(kinds[k].name, name))
        k++;
    if (k == KINDS)
        return unknown(item, name, err);
    if (read_numbers(&kinds[k], item, behind, value, err))
        return -1;
    if (to[k] ? *to[k] > 0 : a->crop > 0)
        return item_fault(err, item, "%s stands there twice", kinds[k].name);
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
            return item_fault(err, items->item[i], "none stands alone");
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
