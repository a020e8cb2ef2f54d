/* SPDX-License-Identifier: MIT */
/*
 * decoder: how the pieces of a tokenizer.json become text again: ByteLevel, Metaspace,
 * ByteFallback, Fuse, Replace, Strip, and a Sequence of them. It never changes.
 */
#ifndef TEXT_DECODER_H
#define TEXT_DECODER_H

#include <jansson.h>

#include "text/pattern.h"
#include "text/textbuf.h"

struct decoder;

/* Pieces one behind the other: piece i is bytes.at[end[i - 1]] .. bytes.at[end[i] - 1]. */
struct pieces {
    struct textbuf bytes, ends; /* ends: of size_t */
};

int pieces_add(struct pieces *pieces, const char *piece, size_t size, struct error *err);
void pieces_fini(struct pieces *pieces);

struct decoder *decoder_read(const char *file, const json_t *json, struct error *err);
void decoder_free(struct decoder *decoder);

/* Adds the text of the pieces to `to`; they are used up. */
int decoder_run(const struct decoder *decoder, struct pattern_work *search, struct pieces *pieces,
                struct textbuf *to, struct error *err);

/* Adds the bytes of one piece within a text, which need not be whole characters, to `to`. */
int decoder_piece(const struct decoder *decoder, struct pattern_work *search, const char *piece,
                  size_t size, struct textbuf *to, struct error *err);

#endif
