/* SPDX-License-Identifier: MIT */
/*
 * pretokenizer: how a tokenizer.json parts a text into the pieces that are made numbers one by one:
 * Split, ByteLevel, Digits, Metaspace, and a Sequence of them. It never changes; what a run writes
 * to is its pretokenizer_work, one a thread.
 */
#ifndef TEXT_PRETOKENIZER_H
#define TEXT_PRETOKENIZER_H

#include <jansson.h>

#include "text/pattern.h"
#include "text/textbuf.h"

struct pretokenizer;

#define PRETOKENIZER_MOST 16 /* steps of a Sequence */

struct pretokenizer_work {
    struct textbuf changed[PRETOKENIZER_MOST], bytes[PRETOKENIZER_MOST]; /* by step */
};

struct pretokenizer *pretokenizer_read(const char *file, const json_t *json, struct error *err);
void pretokenizer_free(struct pretokenizer *pretokenizer);
void pretokenizer_work_fini(struct pretokenizer_work *work);

/* Takes a piece, which is not empty and lives until it returns; -1 ends the run. */
typedef int pretokenizer_taker(void *ctx, const char *piece, size_t size, struct error *err);

/* Shows the pieces of a UTF-8 text in their order. `first`: no text stands in front of it. */
int pretokenizer_run(const struct pretokenizer *pretokenizer, struct pretokenizer_work *work,
                     struct pattern_work *search, const char *text, size_t size, int first,
                     pretokenizer_taker *take, void *ctx, struct error *err);

#endif
