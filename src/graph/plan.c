/* SPDX-License-Identifier: MIT */
/*
 * plan: lifetimes and places of activations. Greedy by size (Pisarchyk and Lee, "Efficient memory
 * management for deep neural net inference", 2020): the largest tensor first, each at the lowest
 * address at which nothing that lives at the same time lies. Segments are buffers within the
 * device's largest allocation.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

static size_t aligned_bytes(const struct graph *g, const struct tensor *t)
{
    size_t align = device_info(g->dev)->base_align;
    return (t->elems * 4 + align - 1) / align * align;
}

static int planned(const struct tensor *t)
{
    return t->kind == TENSOR_ACTIVATION && t->first >= 0;
}

static int overlap(const struct tensor *a, const struct tensor *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int find_lifetimes(struct graph *g, struct error *err)
{
    for (size_t i = 0; i < g->launch_count; i++) {
        struct launch *l = g->launches[i];
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
    for (size_t i = 0; i < g->tensor_count; i++)
        if (g->tensors[i]->keep && g->tensors[i]->first >= 0)
            g->tensors[i]->last = (int)g->launch_count;
    return 0;
}

static int larger_first(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    if (x->elems != y->elems)
        return x->elems < y->elems ? 1 : -1;
    return x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                : strcmp(x->name, y->name);
}

static int lower_first(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Lowest offset in `segment` for t among the `n` placed tensors; `room` is scratch for them. */
static size_t lowest_offset(const struct graph *g, const struct tensor *t, size_t segment,
                            struct tensor **placed, size_t n, struct tensor **room)
{
    size_t neighbours = 0, at = 0, bytes = aligned_bytes(g, t);
    for (size_t i = 0; i < n; i++)
        if (placed[i]->segment == segment && overlap(placed[i], t))
            room[neighbours++] = placed[i];
    qsort(room, neighbours, sizeof *room, lower_first);
    for (size_t i = 0; i < neighbours; i++) {
        if (room[i]->offset >= at + bytes)
            break;
        size_t end = room[i]->offset + aligned_bytes(g, room[i]);
        at = end > at ? end : at;
    }
    return at;
}

/* What could not be told while the graph was built. */
static int check_built(const struct graph *g, struct error *err)
{
    if (g->failed)
        return error_set(err, STATUS_FAILED, "out of memory while building the graph");
    if (g->fault[0])
        return error_set(err, STATUS_USAGE, "%s", g->fault);
    for (size_t i = 0; i < g->launch_count; i++) {
        const struct launch *l = g->launches[i];
        if (l->misfit)
            return error_set(err, STATUS_USAGE,
                             "%s %s: %zu is more than a kernel's int holds: a smaller train.batch "
                             "helps",
                             l->name, l->label, l->misfit);
        if (l->args > LAUNCH_MAX_ARGS)
            return error_set(err, STATUS_FAILED, "%s %s: %u arguments, at most %d", l->name,
                             l->label, l->args, LAUNCH_MAX_ARGS);
    }
    return 0;
}

int graph_plan(struct graph *g, struct error *err)
{
    if (check_built(g, err) || find_lifetimes(g, err))
        return -1;
    size_t limit = (size_t)device_info(g->dev)->max_alloc_bytes, count = 0;
    struct tensor **order = calloc(g->tensor_count + 1, sizeof(struct tensor *));
    struct tensor **room = calloc(g->tensor_count + 1, sizeof(struct tensor *));
    int result = -1;
    if (!order || !room) {
        error_set(err, STATUS_FAILED, "out of memory");
        goto done;
    }
    for (size_t i = 0; i < g->tensor_count; i++)
        if (planned(g->tensors[i]))
            order[count++] = g->tensors[i];
    qsort(order, count, sizeof *order, larger_first);
    for (size_t i = 0; i < count; i++) {
        struct tensor *t = order[i];
        size_t bytes = aligned_bytes(g, t), segment = 0;
        if (bytes > limit) {
            error_set(err, STATUS_USAGE,
                      "%s takes %zu bytes, more than the device's largest buffer of %zu: a smaller "
                      "train.batch helps",
                      t->name, bytes, limit);
            goto done;
        }
        for (;; segment++) {
            t->offset = lowest_offset(g, t, segment, order, i, room);
            if (t->offset + bytes <= limit)
                break;
        }
        t->segment = segment;
        if (segment >= g->segments) {
            size_t *more = realloc(g->segment_bytes, (segment + 1) * sizeof *more);
            if (!more) {
                error_set(err, STATUS_FAILED, "out of memory");
                goto done;
            }
            g->segment_bytes = more;
            g->segment_bytes[segment] = 0;
            g->segments = segment + 1;
        }
        if (t->offset + bytes > g->segment_bytes[segment])
            g->segment_bytes[segment] = t->offset + bytes;
    }
    g->activation_bytes = 0;
    for (size_t i = 0; i < g->segments; i++)
        g->activation_bytes += g->segment_bytes[i];
    result = 0;
done:
    free(order);
    free(room);
    return result;
}

int graph_check(const struct graph *g, struct error *err)
{
    size_t limit = (size_t)device_info(g->dev)->max_alloc_bytes;
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct tensor *a = g->tensors[i];
        if (!planned(a))
            continue;
        if (a->segment >= g->segments || a->offset + a->elems * 4 > g->segment_bytes[a->segment] ||
            g->segment_bytes[a->segment] > limit || a->offset % device_info(g->dev)->base_align)
            return error_set(err, STATUS_FAILED, "plan: %s lies outside its segment", a->name);
        for (size_t j = 0; j < i; j++) {
            const struct tensor *b = g->tensors[j];
            if (planned(b) && overlap(a, b) && a->segment == b->segment &&
                a->offset < b->offset + b->elems * 4 && b->offset < a->offset + a->elems * 4)
                return error_set(err, STATUS_FAILED, "plan: %s and %s live at once and overlap",
                                 a->name, b->name);
        }
    }
    return 0;
}
