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

/* What a task whose `own` begins with a struct language has in common with this one. */
int language_fill(struct task_result *r, struct language *own, const uint32_t *start,
                  struct log *log, struct error *err);
void language_tell(const struct task_result *r, const struct task_report_to *to, json_t *more);
json_t *language_json(const struct task_result *r);
struct task_baseline language_baseline(const struct task_result *r);

/* The figures of a result; NULL if its task has none. */
const struct language *language_of(const struct task_result *r);

#endif
