/* SPDX-License-Identifier: MIT */
/*
 * normalizer: what a tokenizer.json makes of a text first: NFC, Replace, Lowercase, Prepend, and a
 * Sequence of them. It never changes; what a run writes to is its normalizer_work, one a thread.
 */
#ifndef TEXT_NORMALIZER_H
#define TEXT_NORMALIZER_H

#include <jansson.h>

#include "text/pattern.h"
#include "text/textbuf.h"

struct normalizer;

struct normalizer_work {
    struct textbuf one, other;
    struct textbuf points; /* of int32_t */
};

struct normalizer *normalizer_read(const char *file, const json_t *json, struct error *err);
void normalizer_free(struct normalizer *normalizer);
void normalizer_work_fini(struct normalizer_work *work);

/* Makes *text[*size], which is UTF-8, what it becomes: it may point into `work` then, until the
 * next run. */
int normalizer_run(const struct normalizer *normalizer, struct normalizer_work *work,
                   struct pattern_work *search, const char **text, size_t *size, struct error *err);

#endif
