/* SPDX-License-Identifier: MIT */
/*
 * loader: items that threads make ahead of whom they are for, and that are handed over in the order
 * in which they were asked for. An item is a number, for which the caller's function fills a
 * buffer. What comes out depends on the order alone, never on how many threads there are: where
 * there can be none, loader_next() makes the item by itself.
 *
 * A loader owns its threads. The buffers are the caller's, or its own; an item lies in the next one
 * in turn, so no more items are ahead or taken than there are buffers. One thread asks.
 */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include <signal.h>
#include <stddef.h>

#include "error.h"

#define LOADER_WORKERS 64 /* at most */

/* Fills a buffer with an item; -1 with an error. Several threads call it at once, each with its own
 * `worker`, a number below `workers` (0 where there are none), for memory of its own. */
typedef int loader_maker(void *ctx, size_t worker, size_t item, void *buffer, struct error *err);

struct loader_settings {
    size_t workers;      /* threads; 0: none */
    size_t prefetch;     /* buffers, at least 1: items that are ahead or taken */
    size_t bytes;        /* of a buffer */
    void *const *buffer; /* [prefetch] the caller's; NULL: the loader's own (util/block) */
    loader_maker *make;
    void *ctx;
    const volatile sig_atomic_t *interrupted; /* set: loader_next() waits no longer; NULL: never */
};

struct loader *loader_new(const struct loader_settings *settings); /* NULL without memory */

/* Waits for items that are being made, and for the threads. */
void loader_free(struct loader *loader);

/* The items to come, which stay as they are until all are taken or others come. What was made ahead
 * is forgotten, whatever was taken is given back, and an error is over. */
void loader_order(struct loader *loader, const size_t *item, size_t count);

/* One that was taken. */
struct loader_item {
    size_t number;
    size_t slot; /* of its buffer */
    void *buffer;
};

/*
 * Takes the next item, which keeps its buffer until it is given back; at most `prefetch` are taken
 * at a time. 1; 0 behind the last, or where `interrupted` is set; -1 with the error of this item,
 * and again at each call until another order comes. Errors of later items are told in their turn.
 */
int loader_next(struct loader *loader, struct loader_item *item, struct error *err);

/* Gives back the buffer of the item that was taken first. */
void loader_done(struct loader *loader);

/* Seconds that loader_next() has waited, or made items by itself, since the loader was made. */
double loader_waited(const struct loader *loader);

#endif
