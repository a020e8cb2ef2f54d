/* SPDX-License-Identifier: MIT */
/*
 * merge: a checkpoint of a model whose adapter is folded into the weights, and whose packed
 * matrices are numbers again (run/folded.h).
 */
#ifndef RUN_MERGE_H
#define RUN_MERGE_H

#include <stddef.h>

#include "error.h"

struct merged {
    size_t layers; /* that had an adapter */
    size_t packed; /* matrices that were packed */
};

/* Reads the checkpoint `from` and writes `to`, which appears whole or not at all. STATUS_USAGE
 * where there is neither an adapter nor a packed matrix, or where both are one file. */
int merge(const char *from, const char *to, struct merged *merged, struct error *err);

#endif
