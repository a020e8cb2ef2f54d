/* SPDX-License-Identifier: MIT */
/*
 * encoding: clips through the frozen encoder of a captioner, some at a time, while threads read the
 * images of those behind them. It owns a session with the device, the encoder and the threads; what
 * its options name stays the caller's and outlives it. What a clip gives does not depend on the
 * clips beside it. One thread at a time works with it.
 */
#ifndef RUN_ENCODING_H
#define RUN_ENCODING_H

#include <signal.h>
#include <stdint.h>

#include "config/config.h"
#include "data/encoded_shape.h"
#include "exec/session.h"
#include "run/sight.h"
#include "util/content.h"

struct encoding;

struct encoding_options {
    const struct config *config;
    const struct session_options *session; /* of the device that computes */
    struct sight *sight;                   /* is started and stopped */
    const struct encoded_shape *shape;     /* what is kept of a clip */
    const struct clip *clip;               /* that numbers mean, */
    const struct content *hash;            /* and what each held when it was listed */
    const volatile sig_atomic_t *interrupted;
};

struct encoding *encoding_open(const struct encoding_options *options, struct error *err);
void encoding_close(struct encoding *e);

/* Clips that are computed at a time, at most. */
size_t encoding_most(const struct encoding *e);

/* Bytes of the device. */
uint64_t encoding_bytes(const struct encoding *e);

/* The clips to come. `clip` [count] stays as it is until all are taken or others come. */
void encoding_order(struct encoding *e, const size_t *clip, size_t count);

/* Computes the next `count` clips of the order: 1; 0: interrupted; -1 with an error, where the rest
 * of the order is lost. */
int encoding_next(struct encoding *e, size_t count, struct error *err);

/* Of clip i of those that were computed last: rows as a record has them, and pooled vectors, NULL
 * where the shape has none. Good until the next call of either. */
const void *encoding_rows(const struct encoding *e, size_t i);
const float *encoding_pooled(const struct encoding *e, size_t i);

/* The type of rows of records. */
enum dtype encoding_type(const struct encoded_shape *shape);

/* Programs that were built go into the device's cache. */
void encoding_save(struct encoding *e);

#endif
