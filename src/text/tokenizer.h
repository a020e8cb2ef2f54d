/* SPDX-License-Identifier: MIT */
/*
 * tokenizer: text to numbers, 0 .. count - 1, and back.
 *
 *   characters  a number for each code point of the text it was made of, in their order
 *   bytes       a number for each byte, 256 of them, for any text
 *
 * A tokenizer owns all it points to and never changes: threads may share it. A checkpoint keeps it
 * as JSON.
 */
#ifndef TEXT_TOKENIZER_H
#define TEXT_TOKENIZER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct tokenizer;

/* Numbers of tokens; freed by free(number). */
struct tokens {
    uint32_t *number;
    size_t count;
};

/* A tokenizer of the code points of text[size]; `name` is for messages. STATUS_INPUT, with the
 * line, where it is no UTF-8. */
struct tokenizer *tokenizer_characters(const char *text, size_t size, const char *name,
                                       struct error *err);
struct tokenizer *tokenizer_bytes(struct error *err);
void tokenizer_free(struct tokenizer *tokenizer);

/* For a checkpoint, and back: NULL if it is none (STATUS_INPUT) or memory runs out. */
json_t *tokenizer_json(const struct tokenizer *tokenizer);
struct tokenizer *tokenizer_of_json(const json_t *json, const char *name, struct error *err);

/* Different tokens. */
size_t tokenizer_count(const struct tokenizer *tokenizer);

/* Adds the tokens of text[size] behind those of `to`. STATUS_INPUT, with file and line, where
 * there is no token for what stands there. */
int tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t size,
                     const char *name, struct tokens *to, struct error *err);

/* The bytes of a token, which need not be whole characters; 0 bytes for a number without one. */
const char *tokenizer_piece(const struct tokenizer *tokenizer, uint32_t number, size_t *size);

#endif
