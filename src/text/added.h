/* SPDX-License-Identifier: MIT */
/*
 * added: the added tokens of a tokenizer.json, which are cut out of a text before anything else is
 * done to it, or behind the normalizer where they are "normalized". It never changes.
 */
#ifndef TEXT_ADDED_H
#define TEXT_ADDED_H

#include <jansson.h>

#include "text/normalizer.h"
#include "text/vocabulary.h"

struct added;

struct added *added_read(const char *file, const json_t *json, const struct vocabulary *vocabulary,
                         const struct normalizer *normalizer, struct error *err);
void added_free(struct added *added);

/* The number of the token with this text; VOCABULARY_NONE: there is none. */
uint32_t added_find(const struct added *added, const char *text, size_t size);

/* The text of a number, normalized where its token is; NULL: no added token has it. *special: it is
 * no text of a document. */
const char *added_piece(const struct added *added, uint32_t number, size_t *size, int *special);

/* The largest number and 1. */
size_t added_count(const struct added *added);

/* Takes text[from .. to - 1], which is a token, or text between tokens (VOCABULARY_NONE). */
typedef int added_taker(void *ctx, const char *text, size_t from, size_t to, uint32_t number,
                        struct error *err);

/* Shows a text in stretches: cut at the tokens that are normalized, or at the others. Of tokens at
 * one place the longest counts. */
int added_cut(const struct added *added, int normalized, const char *text, size_t size,
              added_taker *take, void *ctx, struct error *err);

#endif
