/* SPDX-License-Identifier: MIT */
/*
 * vocabulary: pieces of text and their numbers, found either way. A piece may hold any byte; no two
 * have one number or one text. Numbers may be left out.
 */
#ifndef TEXT_VOCABULARY_H
#define TEXT_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define VOCABULARY_NONE UINT32_MAX
#define VOCABULARY_MOST ((size_t)1 << 24) /* numbers are below */

struct vocabulary;

struct vocabulary *vocabulary_new(struct error *err);
void vocabulary_free(struct vocabulary *vocabulary);

/* 0; 1: the number or the text is there already, or the number is too large; -1: no memory. */
int vocabulary_add(struct vocabulary *vocabulary, const char *piece, size_t size, uint32_t number,
                   struct error *err);

/* The number of a piece; VOCABULARY_NONE: it has none. */
uint32_t vocabulary_find(const struct vocabulary *vocabulary, const char *piece, size_t size);

/* The piece of a number; NULL: it has none. */
const char *vocabulary_piece(const struct vocabulary *vocabulary, uint32_t number, size_t *size);

/* The largest number and 1; how many pieces there are. */
size_t vocabulary_count(const struct vocabulary *vocabulary);
size_t vocabulary_pieces(const struct vocabulary *vocabulary);

#endif
