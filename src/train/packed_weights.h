/* SPDX-License-Identifier: MIT */
/*
 * packed_weights: packed parameters (tensor/packed.h) to and from files: as bitsandbytes stores
 * them, or from floats, which are packed then.
 */
#ifndef TRAIN_PACKED_WEIGHTS_H
#define TRAIN_PACKED_WEIGHTS_H

#include "params/params.h"
#include "quant/stored.h"

/* Adds a packed parameter whose values are in the arena. */
int packed_weights_add(struct safetensors *st, const struct tensor *param, struct arena *arena,
                       struct error *err);

/* Reads a packed parameter into the arena. `from` is what the source has under its name: codes, or
 * floats of any type. STATUS_INPUT where it is neither, of another shape or packed in another way.
 */
int packed_weights_load(const struct params *params, size_t index, struct arena *arena,
                        const struct stored_source *source, const struct safetensor *from,
                        struct error *err);

/* Fails, with STATUS_INPUT, if the source has this parameter packed, which is none here. */
int packed_weights_refuse(const struct stored_source *source, const struct tensor *param,
                          struct error *err);

#endif
