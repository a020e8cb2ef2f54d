/* SPDX-License-Identifier: MIT */
/*
 * bpe_train: makes a tokenizer.json of texts: pairs of neighbours that occur most often are merged
 * until the vocabulary is as large as asked for. The merges are those of the tokenizers library's
 * BpeTrainer(min_frequency=2, special_tokens=["<|endoftext|>"],
 * initial_alphabet=ByteLevel.alphabet()), to which the texts are given line by line: of pairs that
 * occur equally often the one with the smaller numbers comes first. It owns what it counts.
 */
#ifndef TEXT_BPE_TRAIN_H
#define TEXT_BPE_TRAIN_H

#include <jansson.h>
#include <stddef.h>

#include "error.h"

#define BPE_TRAIN_LEAST 257 /* numbers of the bytes and of <|endoftext|> */
#define BPE_TRAIN_MOST 1000000

struct bpe_training;

/* How texts are parted; ends with NULL. The first one is the usual. */
extern const char *const bpe_train_kinds[];

/* NULL with STATUS_USAGE where the kind is none of these. */
struct bpe_training *bpe_training_new(const char *kind, struct error *err);
void bpe_training_free(struct bpe_training *training);

/* Counts the words of a text; STATUS_INPUT where it is no UTF-8, with *bad bytes in front. */
int bpe_training_add(struct bpe_training *training, const char *text, size_t size, size_t *bad,
                     struct error *err);

/* The document, with `numbers` tokens at most, *got of them. */
json_t *bpe_training_end(struct bpe_training *training, size_t numbers, size_t *got,
                         struct error *err);

#endif
