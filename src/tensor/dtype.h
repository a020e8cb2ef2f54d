/* SPDX-License-Identifier: MIT */
/*
 * dtype: the types of numbers, of tensors on the device and in files alike.
 */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include <stddef.h>
#include <stdint.h>

enum dtype {
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_BF16,
    DTYPE_F16,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_I32,
    DTYPE_U32,
    DTYPE_I64,
    DTYPE_U64,
    /* of matrices that are packed with their scales, see tensor/packed.h */
    DTYPE_NF4,
    DTYPE_NF4_NESTED,
    DTYPE_INT8,
    DTYPES
};

/* "F32", as safetensors calls it. */
const char *dtype_name(enum dtype dtype);

/* The type of that name; DTYPES: there is none. */
enum dtype dtype_of(const char *name);

/* What kernels call a type that activations have, in -DSTORED: 0 F32 (and all others), 1 BF16, 2
 * F16. */
int dtype_stored(enum dtype dtype);

/* Bytes of so many elements in a row, of types that are not packed. */
size_t dtype_bytes(enum dtype dtype, size_t elems);

/* Whether dtype_floats() takes it: F32, BF16 or F16. */
int dtype_has_floats(enum dtype dtype);

/* Numbers of such a type as floats, exactly. `from` may be the end of the room that `to` has. */
void dtype_floats(enum dtype dtype, const void *from, size_t count, float *to);

/* Numbers as such a type, rounded once, to the nearest, ties to even. */
void dtype_of_doubles(enum dtype dtype, const double *from, size_t count, void *to);

/* Floats as BF16: to nearest, ties to even; what is no number stays none. */
void dtype_bfloats(const float *from, size_t count, uint16_t *to);

#endif
