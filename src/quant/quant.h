/* SPDX-License-Identifier: MIT */
/*
 * quant: from a matrix of floats to a packed one (tensor/packed.h), bit by bit as the package
 * bitsandbytes makes it on a CPU. The result does not depend on the number of threads.
 *
 * NF4: of each block, x / absmax is coded by the nearest of the 16 numbers; in the middle between
 * two, by the lower one. Nested: offset is the mean of the absmax (rounded once; that of
 * bitsandbytes may differ in its last bits), and what is left is coded in groups of 256 blocks by
 * its absmax and the dynamic map. INT8: round(x 127 / absmax) of each row of halves,
 * ties to even, as LLM.int8 stores weights.
 */
#ifndef QUANT_QUANT_H
#define QUANT_QUANT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "tensor/packed.h"

/* Packs x [rows, columns] into packed_form().bytes at `to`, aligned for floats. Fails without
 * memory and, with STATUS_INPUT, on a number that is not finite; `name` names the matrix. */
int quant_pack(enum dtype dtype, const float *x, size_t rows, size_t columns, void *to,
               const char *name, struct error *err);

/* The nested scales of `blocks` absmax: a byte each, and the absmax of each group, after `offset`
 * was taken away. */
void quant_nest(const float *absmax, size_t blocks, float offset, uint8_t *codes, float *groups);

#endif
