/* SPDX-License-Identifier: MIT */
/*
 * grams: the n-grams of texts as numbers, the same number for the same n-gram in any text. A text
 * is tokens with a blank (U+0020) between two. The numbers are those of the nodes of a trie, whose
 * edges lie in one table; who has the struct owns it, and one of zeros is empty.
 */
#ifndef ANALYSIS_GRAMS_H
#define ANALYSIS_GRAMS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define GRAMS_MOST 4 /* tokens of an n-gram */

struct grams {
    uint64_t *edge; /* node << 32 | what comes next; 0: none */
    uint32_t *node; /* where it leads */
    size_t room;    /* a power of two */
    uint32_t count; /* of nodes */
};

/* An n-gram of a sentence, and how often it stands there. */
struct gram {
    uint32_t node, count;
};

struct sentence {
    uint32_t *token; /* [tokens] nodes */
    size_t tokens;
    struct gram *gram;            /* n-grams in the order of n, then of their nodes */
    size_t begin[GRAMS_MOST + 1]; /* where those of n = 1, 2 ... begin, and the last end */
};

/* Only memory can be missing. */
int sentence_init(struct sentence *s, const char *text, struct grams *grams, struct error *err);
void sentence_fini(struct sentence *s);

/* How often an n-gram of n tokens stands in a sentence. */
uint32_t sentence_count(const struct sentence *s, size_t n, uint32_t node);

/* Nodes are below this number. */
size_t grams_nodes(const struct grams *grams);

void grams_fini(struct grams *grams);

#endif
