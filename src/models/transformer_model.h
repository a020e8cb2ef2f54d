/* SPDX-License-Identifier: MIT */
/*
 * transformer_model: a transformer encoder for one value or a sequence of them.
 *
 *   input Linear(F, D) + positions, N encoder layers over all rows or (causal) those before, with
 *   norm_first a final LayerNorm, then the head (models/head.h).
 *
 * Parameters are named as those of nn.TransformerEncoder. Positions are a parameter [T, D],
 * sinusoids, rotary (queries and keys of each layer are turned, Su et al. 2021) or none. The
 * PyTorch twin is transformer.py.
 */
#ifndef MODELS_TRANSFORMER_MODEL_H
#define MODELS_TRANSFORMER_MODEL_H

#include "models/model.h"

extern const struct model_class model_transformer;

#endif
