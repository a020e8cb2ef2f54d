/* SPDX-License-Identifier: MIT */
/*
 * reduce: launches that sum rows, for gradients that many rows or many nodes add to. The order of a
 * sum depends on the shape alone.
 */
#ifndef LOWER_REDUCE_H
#define LOWER_REDUCE_H

#include "lower/plan.h"

/* grad += sum of x's rows, [rows, columns] -> columns */
void reduce_sum_rows(struct plan *p, struct tensor *x, size_t rows, size_t columns,
                     struct tensor *grad, const char *label);

/* grad[0] += sum over chunks of part[chunk, stride] at offset; grad[1], if there is one, += that of
 * as many columns behind these */
void reduce_add_parts(struct plan *p, struct tensor *part, size_t chunks, size_t columns,
                      size_t stride, size_t offset, struct tensor *const grad[2],
                      const char *label);

#endif
