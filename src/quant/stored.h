/* SPDX-License-Identifier: MIT */
/*
 * stored: packed matrices in safetensors files, as bitsandbytes and transformers write them. Of a
 * weight X these are
 *
 *   NF4         X U8 [n / 2, 1], X.absmax, X.quant_map, X.quant_state.bitsandbytes__nf4 (JSON)
 *   NF4_NESTED  the same with absmax in U8, X.nested_absmax, X.nested_quant_map
 *   INT8        X I8 [rows, columns], X_format, and SCB beside it: layer.weight has layer.SCB
 *
 * Maps are held to ours; what a JSON text says of a matrix is held to what is asked for.
 */
#ifndef QUANT_STORED_H
#define QUANT_STORED_H

#include "error.h"
#include "tensor/packed.h"
#include "tensor/safetensors.h"

/* Adds the tensors of the matrix `name`, whose bytes `fetch` has from offset `at` of `from` on. */
int stored_add(struct safetensors *st, const char *name, enum dtype dtype, size_t rows,
               size_t columns, safetensors_fetch *fetch, void *from, size_t at, struct error *err);

/* Where tensors are read from: a file, or the files of a folder. */
struct stored_source {
    const char *path; /* names it in errors */
    const void *in;
    const struct safetensor *(*find)(const void *in, const char *name); /* NULL: none */
    int (*copy)(const void *in, const struct safetensor *tensor, void *to, struct error *err);
};

struct stored_source stored_file(const struct safetensors *st, const char *path);

/* Whether the weight `name` is there in one of these ways, and which. */
int stored_finds(const struct stored_source *source, const char *name, enum dtype *dtype);

/* The shape of a matrix that stored_finds() has found; STATUS_INPUT where it is not told. */
int stored_shape(const struct stored_source *source, const char *name, enum dtype dtype,
                 size_t *rows, size_t *columns, struct error *err);

/* Reads a matrix of this type and shape into packed_form().bytes at `to`. STATUS_INPUT where it is
 * there otherwise. */
int stored_read(const struct stored_source *source, const char *name, enum dtype dtype, size_t rows,
                size_t columns, void *to, struct error *err);

/* Whether a tensor is a part of a packed weight other than its codes, and the weight's name. */
int stored_is_part(const char *tensor, char *weight, size_t size);

#endif
