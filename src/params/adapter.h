/* SPDX-License-Identifier: MIT */
/*
 * adapter: matrices of low rank beside those of linear layers (LoRA, Hu et al. 2021):
 * y = x W^T + (alpha / r) dropout(x) A^T B^T, with A [r, in] and B [out, r]. This file knows which
 * layers get them and what their parameters are called: as PEFT's files do, behind the layer's
 * path, which is the name of its weight without ".weight" or "_weight".
 */
#ifndef PARAMS_ADAPTER_H
#define PARAMS_ADAPTER_H

#include <stddef.h>

struct adapter {
    size_t rank; /* r; 0: there is no adapter */
    double alpha, dropout;
    char *const *target; /* [targets], the caller's */
    size_t targets;
};

/* Behind a layer's path: A [r, in] and B [out, r]. */
#define ADAPTER_A ".lora_A.weight"
#define ADAPTER_B ".lora_B.weight"

/* Bytes of the path of a layer in the name of its weight. */
size_t adapter_path(const char *weight);

/* Whether a parameter is an adapter's own. */
int adapter_owns(const char *name);

/* Whether a target is for the layer of this weight. A target is a path or the end of one, behind a
 * point; a pattern (fnmatch) of whole paths where it has one of * ? [; or "all", which is for all
 * layers but the one that makes a model's values. */
int adapter_fits(const char *target, const char *weight);

/* Whether any target is. */
int adapter_wants(const struct adapter *adapter, const char *weight);

#endif
