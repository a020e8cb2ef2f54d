/* SPDX-License-Identifier: MIT */
/*
 * tokenizer_file: a tokenizer as a tokenizer.json of the tokenizers library says: the parts of the
 * file, each a module of its own, in the order in which a text goes through them. Added tokens are
 * cut out, what is between them is normalized, cut into pieces and made numbers; the post-processor
 * frames a whole text. It owns all it points to; threads may share it, since what encoding writes
 * to is taken from a pool.
 */
#ifndef TEXT_TOKENIZER_FILE_H
#define TEXT_TOKENIZER_FILE_H

#include "text/tokenizer.h"

struct tokenizer_file;

/* `file` is for messages. It keeps the document. */
struct tokenizer_file *tokenizer_file_of(json_t *document, const char *file, struct error *err);
void tokenizer_file_free(struct tokenizer_file *file);

json_t *tokenizer_file_document(const struct tokenizer_file *file);
size_t tokenizer_file_count(const struct tokenizer_file *file);

/* Which numbers of a text are wanted. */
struct tokenizer_frame {
    int front, behind; /* with those that the post-processor puts there */
    size_t most;       /* in all: the end of a text that has more is left out */
};

/* Adds the numbers of a text that is UTF-8. STATUS_INPUT where what stands around it is too much by
 * itself. */
int tokenizer_file_encode(struct tokenizer_file *file, const char *text, size_t size,
                          const struct tokenizer_frame *frame, struct tokens *to,
                          struct error *err);

/* As tokenizer_has(), tokenizer_piece(), tokenizer_number(), tokenizer_is_special() and
 * tokenizer_decode(). */
int tokenizer_file_has(const struct tokenizer_file *file, uint32_t number);
const char *tokenizer_file_piece(const struct tokenizer_file *file, uint32_t number, size_t *size);
int64_t tokenizer_file_number(const struct tokenizer_file *file, const char *piece);
int tokenizer_file_is_special(const struct tokenizer_file *file, uint32_t number);
char *tokenizer_file_decode(struct tokenizer_file *file, const uint32_t *number, size_t count,
                            int special, size_t *size, struct error *err);

#endif
