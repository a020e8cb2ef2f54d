/* SPDX-License-Identifier: MIT */
/*
 * merge: a checkpoint of a model whose adapter is folded into the weights, and whose packed
 * matrices are numbers again (run/folded.h); or, of a model with model.base, a folder for
 * transformers: the weights with the names and types of that folder, its configuration and
 * tokenizer.
 */
#ifndef RUN_MERGE_H
#define RUN_MERGE_H

#include <stddef.h>

#include "error.h"

struct merged {
    size_t layers; /* that had an adapter */
    size_t packed; /* matrices that were packed */
};

/* Reads the checkpoint `from` and writes `to`: a file, which appears whole or not at all, or, of a
 * model with model.base where the name does not end in .safetensors, a new folder. STATUS_USAGE
 * where a file would hold the same, and where something would be overwritten that must not be. */
int merge(const char *from, const char *to, struct merged *merged, struct error *err);

#endif
