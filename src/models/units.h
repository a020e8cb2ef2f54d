/* SPDX-License-Identifier: MIT */
/*
 * units: what of a model can be left out one by one: hidden columns of a recurrent layer, channels
 * of a convolution, the middle of a transformer layer's feed-forward part. A model tells the sets
 * of its units, all of one size, which is a key of [model], and which rows or columns of which
 * parameters are a unit's: those that make its value (in) and those that read it (out).
 *
 * The list is memory of its own, which units_fini() frees. Without memory it says so in `failed`.
 */
#ifndef MODELS_UNITS_H
#define MODELS_UNITS_H

#include <stddef.h>

#include "config/config.h"
#include "error.h"

/*
 * Unit u of a set has the places b * stride + offset + u of an axis, for b < blocks; blocks = 0: as
 * many as the axis has strides.
 */
struct unit_slice {
    char name[96]; /* of the parameter; it may not be there */
    size_t set;
    int axis, is_out;
    size_t blocks, stride, offset;
};

struct units {
    const char *key; /* of [model], that says how many units a set has */
    size_t size, sets;
    size_t avoid; /* a size that would make other parameters; 0: none */
    struct unit_slice *slice;
    size_t slices;
    int failed;
};

void units_fini(struct units *units);

/* --- for models */

/* Adds a slice; its name is made by the format. */
void units_add(struct units *units, struct unit_slice slice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The head's parameters read the columns of a set, which begin at `offset` of `columns`. */
void units_head(struct units *units, size_t set, size_t offset, size_t columns);

#endif
