/* SPDX-License-Identifier: MIT */
/*
 * packed_weights: parameters that are stored otherwise than in fp32, packed (tensor/packed.h) or
 * shorter, to and from files: as bitsandbytes stores them, or as floats.
 */
#ifndef TRAIN_PACKED_WEIGHTS_H
#define TRAIN_PACKED_WEIGHTS_H

#include "params/params.h"
#include "quant/stored.h"

/* Adds a packed parameter whose values are in the arena. */
int packed_weights_add(struct safetensors *st, const struct tensor *param, struct arena *arena,
                       struct error *err);

/* Reads a parameter into the arena. `from` is what the source has under its name: codes or floats
 * of any type, which are packed or rounded where the parameter is. STATUS_INPUT where it is
 * neither, of another shape, or packed otherwise than the parameter. */
int packed_weights_load(const struct params *params, size_t index, struct arena *arena,
                        const struct stored_source *source, const struct safetensor *from,
                        struct error *err);

#endif
