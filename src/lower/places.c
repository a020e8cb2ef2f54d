/* SPDX-License-Identifier: MIT */
/*
 * places: lifetimes and places of activations. Greedy by size (Pisarchyk and Lee, "Efficient memory
 * management for deep neural net inference", 2020): the largest tensor first, each at the lowest
 * address at which nothing that lives at the same time lies. Segments are buffers within the
 * device's largest allocation. Each device has its own, in their order.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "lower/occupied.h"
#include "lower/plan.h"

static size_t aligned_bytes(const struct plan *p, const struct tensor *t)
{
    const size_t align = device_info(device_at(p->dev, t->device))->base_align;
    return (tensor_bytes(t) + align - 1) / align * align;
}

/* The device's largest buffer, as far as it can be counted here: size_t may have 32 bits. */
static size_t largest_buffer(const struct plan *p, size_t device)
{
    const uint64_t bytes = device_info(device_at(p->dev, device))->max_alloc_bytes;
    return bytes < SIZE_MAX / 2 ? (size_t)bytes : SIZE_MAX / 2;
}

static int planned(const struct tensor *t)
{
    return t->kind == TENSOR_ACTIVATION && t->first >= 0;
}

static int find_lifetimes(struct plan *p, struct error *err)
{
    for (size_t i = 0; i < p->launch_count; i++) {
        struct launch *l = p->launches[i];
        for (unsigned a = 0; a < l->args; a++) {
            const struct tensor *t = l->arg[a].tensor;
            if (t && t->kind == TENSOR_ACTIVATION && t->first < 0 && l->arg[a].kind != ARG_WRITE)
                return error_set(err, STATUS_FAILED,
                                 "plan: launch %zu (%s %s) reads %s, which "
                                 "nothing has written",
                                 i, l->name, l->label, t->name);
        }
        for (unsigned a = 0; a < l->args; a++) {
            struct tensor *t = l->arg[a].tensor;
            if (!t || t->kind != TENSOR_ACTIVATION)
                continue;
            if (t->first < 0)
                t->first = (int)i;
            t->last = (int)i;
        }
    }
    return 0;
}

/* The tensors that need a place. */
struct chosen {
    size_t launches;
    struct tensor **item;
    size_t count;
};

static int count_one(struct tensor *t, void *ctx)
{
    ((struct chosen *)ctx)->count += (size_t)planned(t);
    return 0;
}

static int choose_one(struct tensor *t, void *ctx)
{
    struct chosen *c = ctx;
    if (!planned(t))
        return 0;
    if (t->keep)
        t->last = (int)c->launches;
    c->item[c->count++] = t;
    return 0;
}

/* With room for as many again; -1 without memory. */
static int choose_tensors(const struct plan *p, struct chosen *c)
{
    *c = (struct chosen){.launches = p->launch_count};
    plan_each_tensor(p, count_one, c);
    c->item = calloc(2 * c->count + 1, sizeof(struct tensor *));
    c->count = 0;
    return c->item ? plan_each_tensor(p, choose_one, c) : -1;
}

static int larger_first(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    if (x->elems != y->elems)
        return x->elems < y->elems ? 1 : -1;
    return x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                : strcmp(x->name, y->name);
}

/* What could not be told while the graph was built. */
static int check_built(const struct plan *p, struct error *err)
{
    if (p->failed)
        return error_set(err, STATUS_FAILED, "out of memory while building the plan");
    if (p->fault[0])
        return error_set(err, STATUS_USAGE, "%s", p->fault);
    for (size_t i = 0; i < p->launch_count; i++) {
        const struct launch *l = p->launches[i];
        if (l->misfit) {
            error_set(err, STATUS_USAGE,
                      "%s %s: %zu is more than a kernel's int holds: a smaller train.batch helps",
                      l->name, l->label, l->misfit);
            return error_cause(err, CAUSE_BUDGET);
        }
        if (l->args > LAUNCH_MAX_ARGS)
            return error_set(err, STATUS_FAILED, "%s %s: %u arguments, at most %d", l->name,
                             l->label, l->args, LAUNCH_MAX_ARGS);
    }
    return 0;
}

/* Whether each tensor fits into a buffer, and the sum of their bytes can be counted. */
static int check_sizes(const struct plan *p, struct tensor *const *order, size_t count,
                       struct error *err)
{
    for (size_t i = 0, sum = 0; i < count; i++) {
        const size_t limit = largest_buffer(p, order[i]->device);
        const size_t bytes = aligned_bytes(p, order[i]);
        if (bytes > limit) {
            error_set(err, STATUS_USAGE,
                      "%s takes %zu bytes, more than the device's largest buffer of %zu: a smaller "
                      "train.batch helps",
                      order[i]->name, bytes, limit);
            return error_cause(err, CAUSE_BUDGET);
        }
        if ((sum += bytes) > SIZE_MAX / 16) {
            error_set(err, STATUS_USAGE, "the activations are larger than any memory");
            return error_cause(err, CAUSE_BUDGET);
        }
    }
    return 0;
}

static int add_segments(struct plan *p, size_t count, size_t device)
{
    size_t *bytes = realloc(p->segment_bytes, count * sizeof *bytes);
    p->segment_bytes = bytes ? bytes : p->segment_bytes;
    size_t *on = realloc(p->segment_device, count * sizeof *on);
    p->segment_device = on ? on : p->segment_device;
    if (!bytes || !on)
        return -1;
    for (; p->segments < count; p->segments++) {
        p->segment_bytes[p->segments] = 0;
        p->segment_device[p->segments] = device;
    }
    return 0;
}

/* `o` and the segments from `from` on are those of the tensor's device. */
static int place(struct plan *p, struct occupied *o, struct tensor *t, size_t from)
{
    const size_t limit = largest_buffer(p, t->device), bytes = aligned_bytes(p, t);
    size_t first = (size_t)t->first, last = (size_t)t->last;
    size_t at = occupied_lowest(o, first, last, bytes, limit);
    if (occupied_add(o, first, last, at, at + bytes))
        return -1;
    t->segment = from + at / limit;
    t->offset = at % limit;
    if (t->segment >= p->segments && add_segments(p, t->segment + 1, t->device))
        return -1;
    if (t->offset + bytes > p->segment_bytes[t->segment])
        p->segment_bytes[t->segment] = t->offset + bytes;
    return 0;
}

/* Places those of the tensors that lie on a device. */
static int place_on(struct plan *p, size_t device, const struct chosen *c)
{
    const size_t from = p->segments;
    struct occupied *o = occupied_new(p->launch_count + 1);
    int failed = !o;
    for (size_t i = 0; !failed && i < c->count; i++)
        failed = c->item[i]->device == device && place(p, o, c->item[i], from);
    occupied_free(o);
    return failed;
}

int plan_place(struct plan *p, struct error *err)
{
    struct chosen c;
    if (check_built(p, err) || find_lifetimes(p, err))
        return -1;
    int failed = choose_tensors(p, &c) ? error_set(err, STATUS_FAILED, "out of memory") : 0;
    if (!failed) {
        qsort(c.item, c.count, sizeof *c.item, larger_first);
        failed = check_sizes(p, c.item, c.count, err);
    }
    const size_t devices = device_count(p->dev);
    for (size_t d = 0; !failed && d < devices; d++)
        if (place_on(p, d, &c))
            failed = error_set(err, STATUS_FAILED, "out of memory");
    p->activation_bytes = 0;
    for (size_t i = 0; i < p->segments; i++)
        p->activation_bytes += p->segment_bytes[i];
    free(c.item);
    return failed;
}

/* --- the check, which shares nothing with the planner but the lifetimes */

/* 0 where two tensors' places overlap, else in the order of the places. */
static int by_place(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    if (x->offset + tensor_bytes(x) <= y->offset)
        return -1;
    return y->offset + tensor_bytes(y) <= x->offset;
}

static int ends_first(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    return (x->last > y->last) - (x->last < y->last);
}

static int begins_first(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    return (x->first > y->first) - (x->first < y->first);
}

static void free_nothing(void *tensor)
{
    (void)tensor;
}

/* Walks along the launches with a tree of the tensors that live, ordered by place. */
static int check_overlaps(struct tensor **begin, struct tensor **end, size_t count,
                          struct error *err)
{
    void *live = NULL;
    int result = 0;
    qsort(begin, count, sizeof *begin, begins_first);
    qsort(end, count, sizeof *end, ends_first);
    for (size_t i = 0, ended = 0; i < count && !result; i++) {
        for (; end[ended]->last < begin[i]->first; ended++)
            tdelete(end[ended], &live, by_place);
        struct tensor **found = tsearch(begin[i], &live, by_place);
        if (!found)
            result = error_set(err, STATUS_FAILED, "out of memory");
        else if (*found != begin[i])
            result = error_set(err, STATUS_FAILED, "plan: %s and %s live at once and overlap",
                               begin[i]->name, (*found)->name);
    }
    tdestroy(live, free_nothing);
    return result;
}

static int lies_within(const struct plan *p, const struct tensor *t)
{
    return t->segment < p->segments && p->segment_device[t->segment] == t->device &&
           t->offset + tensor_bytes(t) <= p->segment_bytes[t->segment] &&
           p->segment_bytes[t->segment] <= largest_buffer(p, t->device) &&
           !(t->offset % device_info(device_at(p->dev, t->device))->base_align);
}

/* That a launch uses what lies on its device; one that moves a tensor, one there and one elsewhere.
 */
static int check_devices(const struct plan *p, struct error *err)
{
    for (size_t i = 0; i < p->launch_count; i++) {
        const struct launch *l = p->launches[i];
        for (unsigned a = 0; a < l->args; a++) {
            const struct tensor *t = l->arg[a].tensor;
            const int goes = l->moves && !a;
            if (t && (t->device == l->device) == goes)
                return error_set(err, STATUS_FAILED,
                                 "plan: launch %zu (%s %s) of device %zu uses %s of device %zu", i,
                                 l->name, l->label, l->device, t->name, t->device);
        }
    }
    return 0;
}

int plan_check(const struct plan *p, struct error *err)
{
    struct chosen c;
    if (check_devices(p, err))
        return -1;
    if (choose_tensors(p, &c))
        return error_set(err, STATUS_FAILED, "out of memory");
    struct tensor **end = c.item + c.count;
    int failed = 0;
    for (size_t i = 0; i < c.count && !failed; i++) {
        if (!lies_within(p, c.item[i]))
            failed =
                error_set(err, STATUS_FAILED, "plan: %s lies outside its segment", c.item[i]->name);
        end[i] = c.item[i];
    }
    if (!failed)
        failed = check_overlaps(c.item, end, c.count, err);
    free(c.item);
    return failed;
}
