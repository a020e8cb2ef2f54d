/* SPDX-License-Identifier: MIT */
/*
 * merge: folds the adapter of a checkpoint into the weights of its layers: W + (alpha / r) B A, in
 * double precision, rounded once. What is left is a checkpoint of the same model without adapter.
 */
#ifndef RUN_MERGE_H
#define RUN_MERGE_H

#include <stddef.h>

#include "error.h"

/* Reads the checkpoint `from` and writes `to`, which appears whole or not at all; *layers: how many
 * had an adapter. STATUS_USAGE where there is none, or where both are one file. */
int merge(const char *from, const char *to, size_t *layers, struct error *err);

#endif
