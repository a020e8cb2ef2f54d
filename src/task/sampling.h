/* SPDX-License-Identifier: MIT */
/*
 * sampling: which token follows, by the logits of a language model. Pure functions of numbers, in
 * the order of transformers: repetition, temperature, top_k, top_p.
 */
#ifndef TASK_SAMPLING_H
#define TASK_SAMPLING_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct sampling {
    double temperature; /* logits are divided by it; 0: the most probable token */
    size_t top_k;       /* only the k most probable tokens; 0: all */
    double top_p;       /* only the most probable ones that have this much of all; 1: all */
    double repetition;  /* of tokens that were there, logits above 0 are divided by it, others are
                           multiplied with it (Keskar et al. 2019); 1: nothing */
    uint64_t seed;
};

/* What it works in, for `count` tokens; NULL without memory. */
struct sampler;
struct sampler *sampler_new(const struct sampling *how, size_t count, struct error *err);
void sampler_free(struct sampler *sampler);

/* The tokens that were there begin anew; `text`: number of the text, which keys random numbers. */
void sampler_begin(struct sampler *sampler, uint32_t text);

/* This token was there. */
void sampler_saw(struct sampler *sampler, uint32_t token);

/* The next token, by logits [count], which change. `number`: how many were picked before. */
uint32_t sampler_pick(struct sampler *sampler, float *logits, uint32_t number);

#endif
