/* SPDX-License-Identifier: MIT */
/*
 * packed: how a matrix [rows, columns] of few bits a number lies in memory, on the host and on a
 * device: codes first, then their scales, in one piece.
 *
 *   NF4         blocks of 64 numbers of the flat matrix, whatever its rows are: codes of 4 bits,
 * the first number of a pair in the high half of a byte, then the absmax of each block as float. A
 * block that is begun takes 32 bytes. NF4_NESTED  the same, with absmax as a byte in groups of 256
 * blocks, then the floats offset and absmax of each group: absmax of block b = map[byte b] group[b
 * / 256] + offset. INT8        codes from -127 to 127, then the absmax of each row as float.
 */
#ifndef TENSOR_PACKED_H
#define TENSOR_PACKED_H

#include <stddef.h>

#include "tensor/dtype.h"

#define PACKED_BLOCK ((size_t)64)
#define PACKED_GROUP ((size_t)256)

/* Whether tensors of this type are packed matrices. */
int packed_is(enum dtype dtype);

struct packed_form {
    size_t blocks, groups; /* of NF4; 0 of others */
    size_t scales, nested; /* where the scales and the nested floats begin, in bytes */
    size_t bytes;          /* of all */
};

struct packed_form packed_form(enum dtype dtype, size_t rows, size_t columns);

/* What codes stand for: 16 of NF4, 256 of nested scales. */
extern const float packed_nf4[16];
extern const float packed_dynamic[256];

/* Numbers `from` to `from` + `count` of the flat matrix at `matrix`. */
void packed_unpack(enum dtype dtype, const void *matrix, size_t rows, size_t columns, size_t from,
                   size_t count, float *to);

#endif
