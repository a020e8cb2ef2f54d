/* SPDX-License-Identifier: MIT */
/*
 * base: weights of a Hugging Face folder, by the names of a model's parameters.
 */
#ifndef TRAIN_BASE_H
#define TRAIN_BASE_H

#include "error.h"
#include "params/params.h"

/* Reads them into the parameters but for those of an adapter: in pieces and as fp32, or matrices
 * that are kept packed, one by one. Every parameter must be there with its shape, and none besides;
 * STATUS_INPUT names what is not so. */
int base_load(struct params *params, const char *folder, struct error *err);

/* The same of a model that is a part of what the folder has: passes_over() tells of each tensor
 * that is none of the parameters whether it may be there. */
int base_load_part(struct params *params, const char *folder,
                   int (*passes_over)(const char *name, int which), int which, struct error *err);

#endif
