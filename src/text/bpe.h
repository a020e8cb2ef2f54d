/* SPDX-License-Identifier: MIT */
/*
 * bpe: the model of a tokenizer.json that makes a piece of text numbers: its characters, then pairs
 * of neighbours merged, the pair of the lowest rank first and of these the leftmost. It never
 * changes; what encoding writes to, words that it remembers among it, is a bpe_work, one a thread.
 */
#ifndef TEXT_BPE_H
#define TEXT_BPE_H

#include <jansson.h>

#include "text/textbuf.h"
#include "text/vocabulary.h"

struct bpe;
struct bpe_work;

struct bpe *bpe_read(const char *file, const json_t *json, struct error *err);
void bpe_free(struct bpe *bpe);

const struct vocabulary *bpe_vocabulary(const struct bpe *bpe);

struct bpe_work *bpe_work_new(struct error *err);
void bpe_work_free(struct bpe_work *work);

/* Adds the numbers of a piece, which is not empty, as uint32_t. STATUS_INPUT where a character has
 * none. */
int bpe_encode(const struct bpe *bpe, struct bpe_work *work, const char *piece, size_t size,
               struct textbuf *to, struct error *err);

#endif
