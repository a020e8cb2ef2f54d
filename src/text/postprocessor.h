/* SPDX-License-Identifier: MIT */
/*
 * postprocessor: the numbers that a tokenizer.json puts in front of a whole text and behind it:
 * TemplateProcessing, ByteLevel, which puts none, and a Sequence of them. Its struct is the
 * caller's to look into.
 */
#ifndef TEXT_POSTPROCESSOR_H
#define TEXT_POSTPROCESSOR_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct postprocessor {
    uint32_t *front, *behind;
    size_t fronts, behinds;
};

/* `numbers`: those of the tokenizer are below. */
struct postprocessor *postprocessor_read(const char *file, const json_t *json, size_t numbers,
                                         struct error *err);
void postprocessor_free(struct postprocessor *postprocessor);

#endif
