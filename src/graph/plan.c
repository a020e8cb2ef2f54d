/* SPDX-License-Identifier: MIT */
/*
 * plan: lifetimes and places of activations. Greedy by size (Pisarchyk and Lee, "Efficient memory
 * management for deep neural net inference", 2020): the largest tensor first, each at the lowest
 * address at which nothing that lives at the same time lies. Segments are buffers within the
 * device's largest allocation.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/occupied.h"

static size_t aligned_bytes(const struct graph *g, const struct tensor *t)
{
    size_t align = device_info(g->dev)->base_align;
    return (tensor_bytes(t) + align - 1) / align * align;
}

/* The device's largest buffer, as far as it can be counted here: size_t may have 32 bits. */
static size_t largest_buffer(const struct graph *g)
{
    uint64_t bytes = device_info(g->dev)->max_alloc_bytes;
    return bytes < SIZE_MAX / 2 ? (size_t)bytes : SIZE_MAX / 2;
}

static int planned(const struct tensor *t)
{
    return t->kind == TENSOR_ACTIVATION && t->first >= 0;
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

/* Whether each tensor fits into a buffer, and the sum of their bytes can be counted. */
static int check_sizes(const struct graph *g, struct tensor *const *order, size_t count,
                       struct error *err)
{
    const size_t limit = largest_buffer(g);
    for (size_t i = 0, sum = 0; i < count; i++) {
        size_t bytes = aligned_bytes(g, order[i]);
        if (bytes > limit)
            return error_set(
                err, STATUS_USAGE,
                "%s takes %zu bytes, more than the device's largest buffer of %zu: a smaller "
                "train.batch helps",
                order[i]->name, bytes, limit);
        if ((sum += bytes) > SIZE_MAX / 16)
            return error_set(err, STATUS_USAGE, "the activations are larger than any memory");
    }
    return 0;
}

static int place(struct graph *g, struct occupied *o, struct tensor *t)
{
    const size_t limit = largest_buffer(g), bytes = aligned_bytes(g, t);
    size_t first = (size_t)t->first, last = (size_t)t->last;
    size_t at = occupied_lowest(o, first, last, bytes, limit);
    if (occupied_add(o, first, last, at, at + bytes))
        return -1;
    t->segment = at / limit;
    t->offset = at % limit;
    if (t->segment >= g->segments) {
        size_t *more = realloc(g->segment_bytes, (t->segment + 1) * sizeof *more);
        if (!more)
            return -1;
        g->segment_bytes = more;
        g->segment_bytes[t->segment] = 0;
        g->segments = t->segment + 1;
    }
    if (t->offset + bytes > g->segment_bytes[t->segment])
        g->segment_bytes[t->segment] = t->offset + bytes;
    return 0;
}

int graph_plan(struct graph *g, struct error *err)
{
    if (check_built(g, err) || find_lifetimes(g, err))
        return -1;
    size_t count = 0;
    struct tensor **order = calloc(g->tensor_count + 1, sizeof(struct tensor *));
    struct occupied *o = occupied_new(g->launch_count + 1);
    int result = order && o ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !result && i < g->tensor_count; i++)
        if (planned(g->tensors[i]))
            order[count++] = g->tensors[i];
    if (!result) {
        qsort(order, count, sizeof *order, larger_first);
        result = check_sizes(g, order, count, err);
    }
    for (size_t i = 0; !result && i < count; i++)
        if (place(g, o, order[i]))
            result = error_set(err, STATUS_FAILED, "out of memory");
    g->activation_bytes = 0;
    for (size_t i = 0; i < g->segments; i++)
        g->activation_bytes += g->segment_bytes[i];
    free(order);
    occupied_free(o);
    return result;
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

int graph_check(const struct graph *g, struct error *err)
{
    size_t limit = largest_buffer(g), count = 0;
    struct tensor **begin = calloc(2 * g->tensor_count + 1, sizeof(struct tensor *));
    if (!begin)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct tensor **end = begin + g->tensor_count;
    int result = 0;
    for (size_t i = 0; i < g->tensor_count && !result; i++) {
        struct tensor *t = g->tensors[i];
        if (!planned(t))
            continue;
        if (t->segment >= g->segments ||
            t->offset + tensor_bytes(t) > g->segment_bytes[t->segment] ||
            g->segment_bytes[t->segment] > limit || t->offset % device_info(g->dev)->base_align)
            result = error_set(err, STATUS_FAILED, "plan: %s lies outside its segment", t->name);
        begin[count] = end[count] = t;
        count++;
    }
    if (!result)
        result = check_overlaps(begin, end, count, err);
    free(begin);
    return result;
}
