/* SPDX-License-Identifier: MIT */
#include "lower/occupied.h"

#include <stdlib.h>
#include <string.h>

struct span {
    size_t from, to;
};

/* Spans in order, none of which touches the next. */
struct spans {
    struct span *span;
    size_t count, room;
};

/*
 * A node of the tree stands for a stretch of launches: node 1 for all, nodes 2i and 2i + 1 for the
 * halves of node i, node `leaves` + t for launch t. A time from launch to launch is made of
 * O(log launches) nodes; their parents lie on the way from the first or the last launch to node 1.
 */
struct node {
    struct spans whole; /* taken all the node's time */
    struct spans part; /* taken at some launch of the node: what is told to it or to a node below */
};

struct occupied {
    size_t leaves;
    struct node *node; /* [2 leaves] */
};

struct occupied *occupied_new(size_t launches)
{
    struct occupied *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->leaves = 1;
    while (o->leaves < launches)
        o->leaves *= 2;
    o->node = calloc(2 * o->leaves, sizeof *o->node);
    if (o->node)
        return o;
    free(o);
    return NULL;
}

void occupied_free(struct occupied *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < 2 * o->leaves; i++) {
        free(o->node[i].whole.span);
        free(o->node[i].part.span);
    }
    free(o->node);
    free(o);
}

/* Index of the first span that ends at `at` or behind it. */
static size_t ends_from(const struct spans *s, size_t at)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->span[middle].to < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int spans_add(struct spans *s, size_t from, size_t to)
{
    size_t i = ends_from(s, from), joined = i;
    for (; joined < s->count && s->span[joined].from <= to; joined++) {
        from = s->span[joined].from < from ? s->span[joined].from : from;
        to = s->span[joined].to > to ? s->span[joined].to : to;
    }
    if (joined == i && s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 2;
        struct span *more = realloc(s->span, room * sizeof *more);
        if (!more)
            return -1;
        s->span = more;
        s->room = room;
    }
    size_t behind = s->count - joined;
    if (behind && joined != i + 1)
        memmove(s->span + i + 1, s->span + joined, behind * sizeof *s->span);
    s->span[i] = (struct span){from, to};
    s->count = i + 1 + behind;
    return 0;
}

int occupied_add(struct occupied *o, size_t first, size_t last, size_t from, size_t to)
{
    size_t a = first + o->leaves, b = last + o->leaves;
    int failed = 0;
    for (size_t i = a, j = b; i; i /= 2, j /= 2) {
        failed |= spans_add(&o->node[i].part, from, to);
        if (i != j)
            failed |= spans_add(&o->node[j].part, from, to);
    }
    for (size_t i = a, j = b + 1; i < j; i /= 2, j /= 2) {
        struct node *whole[] = {i & 1 ? &o->node[i++] : NULL, j & 1 ? &o->node[--j] : NULL};
        for (int k = 0; k < 2; k++)
            if (whole[k])
                failed |=
                    spans_add(&whole[k]->whole, from, to) | spans_add(&whole[k]->part, from, to);
    }
    return failed ? -1 : 0;
}

/* The sets that hold whatever is taken from `first` to `last`; returns how many. */
#define SETS_MOST (4 * 64)
static size_t sets_of(const struct occupied *o, size_t first, size_t last,
                      const struct spans *set[SETS_MOST])
{
    size_t a = first + o->leaves, b = last + o->leaves, n = 0;
    for (size_t i = a, j = b; i; i /= 2, j /= 2) {
        set[n++] = &o->node[i].whole;
        if (i != j)
            set[n++] = &o->node[j].whole;
    }
    for (size_t i = a, j = b + 1; i < j; i /= 2, j /= 2) {
        if (i & 1)
            set[n++] = &o->node[i++].part;
        if (j & 1)
            set[n++] = &o->node[--j].part;
    }
    size_t filled = 0;
    for (size_t i = 0; i < n; i++)
        if (set[i]->count)
            set[filled++] = set[i];
    return filled;
}

/* `at`, or a later address, from which on `bytes` touch nothing of the set. */
static size_t past(const struct spans *s, size_t at, size_t bytes)
{
    for (size_t i = ends_from(s, at + 1); i < s->count && s->span[i].from < at + bytes; i++)
        at = s->span[i].to;
    return at;
}

size_t occupied_lowest(const struct occupied *o, size_t first, size_t last, size_t bytes,
                       size_t segment)
{
    const struct spans *set[SETS_MOST];
    size_t sets = sets_of(o, first, last, set), at = 0, before;
    do {
        before = at;
        for (size_t i = 0; i < sets; i++)
            at = past(set[i], at, bytes);
        if (at % segment + bytes > segment)
            at += segment - at % segment;
    } while (at > before);
    return at;
}
