/* SPDX-License-Identifier: MIT */
/*
 * filled: texts as the numbers that a tower of texts (SigLIP) reads: those of a folder's
 * tokenizer.json, cut where they are too many, with what its post-processor puts around them, and
 * filled up to as many as the tower has positions. FOLDER/tokenizer_config.json, where it is there,
 * says with what (pad_token), at which end (padding_side), and whether texts are lower-case
 * (do_lower_case; Siglip2Tokenizer are). It never changes; threads may share it.
 */
#ifndef TEXT_FILLED_H
#define TEXT_FILLED_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct filled;

struct filled_how {
    const char *folder;
    size_t tokens, vocabulary; /* positions of the tower; its numbers are below `vocabulary` */
    long pad;                  /* what fills texts up where the files do not say; -1: unknown */
};

/* STATUS_INPUT with "path: cause", and CAUSE_UNFIT where a file is wrong or of a kind that is not
 * known here. */
struct filled *filled_open(const struct filled_how *how, struct error *err);
void filled_free(struct filled *filled);

/* The numbers [tokens] of a text. What is no UTF-8 in it becomes U+FFFD. CAUSE_UNFIT where the
 * tower has none of a number. */
int filled_encode(const struct filled *filled, const char *text, uint32_t *to, struct error *err);

#endif
