/* SPDX-License-Identifier: MIT */
/*
 * tokenizer: text to numbers, 0 .. count - 1, and back.
 *
 *   characters  a number for each code point of the text it was made of, in their order
 *   bytes       a number for each byte, 256 of them, for any text
 *   a file      what a tokenizer.json of the tokenizers library says (tokenizer_file.h)
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

/* The same of several texts: marks their code points in seen[UTF8_POINTS], then of all marked. */
int tokenizer_see(unsigned char *seen, const char *text, size_t size, const char *name,
                  struct error *err);
struct tokenizer *tokenizer_of_points(const unsigned char *seen, struct error *err);

struct tokenizer *tokenizer_bytes(struct error *err);

/* That of a tokenizer.json; STATUS_INPUT, with CAUSE_UNFIT where something in it is wrong or not
 * known here. */
struct tokenizer *tokenizer_load(const char *path, struct error *err);

/* The same, which first makes texts lower-case. */
struct tokenizer *tokenizer_load_lower(const char *path, struct error *err);

/* That of bytes by this name, or of a tokenizer.json. */
struct tokenizer *tokenizer_named(const char *name, struct error *err);
void tokenizer_free(struct tokenizer *tokenizer);

/* For a checkpoint, and back: NULL if it is none (STATUS_INPUT) or memory runs out. */
json_t *tokenizer_json(const struct tokenizer *tokenizer);
struct tokenizer *tokenizer_of_json(const json_t *json, const char *name, struct error *err);

/* Different tokens: their numbers are below. */
size_t tokenizer_count(const struct tokenizer *tokenizer);

/* Adds the tokens of text[size] behind those of `to`. STATUS_INPUT, with file and line, where
 * there is no token for what stands there. */
int tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t size,
                     const char *name, struct tokens *to, struct error *err);

/* The same of a whole text: with the numbers that the file's post-processor puts in front of it and
 * behind it. */
int tokenizer_encode_whole(const struct tokenizer *tokenizer, const char *text, size_t size,
                           const char *name, struct tokens *to, struct error *err);

/* The same of what a text begins with: nothing is put behind it. */
int tokenizer_encode_beginning(const struct tokenizer *tokenizer, const char *text, size_t size,
                               const char *name, struct tokens *to, struct error *err);

/* The same of a text that is cut so that all of it are `most` numbers at most: what is too much at
 * its end is left out, as transformers truncates. STATUS_INPUT where what stands around texts is
 * more by itself. */
int tokenizer_encode_within(const struct tokenizer *tokenizer, const char *text, size_t size,
                            const char *name, size_t most, struct tokens *to, struct error *err);

/* The text of numbers, which the caller frees; a NUL stands behind its *size bytes. Without
 * `special` the special tokens are left out. By a file what is no UTF-8 becomes U+FFFD.
 * STATUS_INPUT: a number without a token. */
char *tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *number, size_t count,
                       int special, size_t *size, struct error *err);

/* The number of a token by its text in the file, "<|endoftext|>"; -1: there is none. */
int64_t tokenizer_number(const struct tokenizer *tokenizer, const char *text);

/* Whether a token is no text of a document but marks something: <|endoftext|> does. */
int tokenizer_is_special(const struct tokenizer *tokenizer, uint32_t number);

/* Whether there is a token with this number. */
int tokenizer_has(const struct tokenizer *tokenizer, uint32_t number);

/* The bytes of a token, which need not be whole characters; 0 bytes for a number without one. */
const char *tokenizer_piece(const struct tokenizer *tokenizer, uint32_t number, size_t *size);

#endif
