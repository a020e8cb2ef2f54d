/* SPDX-License-Identifier: MIT */
/*
 * language: models that give the next token of a text its probability. Figures of a part are the
 * cross-entropy of its tokens in nats, its perplexity, and bits a character, which do not depend on
 * what the tokenizer calls a token.
 */
#ifndef TASK_LANGUAGE_H
#define TASK_LANGUAGE_H

#include "task/task_class.h"

/* Text that was predicted, and how well. */
struct language {
    size_t tokens, characters;
    double cross_entropy;      /* nats a token */
    double perplexity;         /* exp of it */
    double bits_per_character; /* NaN without a character */
    double frequencies;        /* cross-entropy by the frequencies of tokens in training */
};

extern const struct task_class task_language;

/* The figures of a result; NULL if it is of another task. */
const struct language *language_of(const struct task_result *r);

#endif
