/* SPDX-License-Identifier: MIT */
/*
 * dropout: the key of a mask, as kernels take it. For classes whose kernels drop elements.
 */
#ifndef OPS_DROPOUT_H
#define OPS_DROPOUT_H

#include "ir/graph.h"
#include "lower/plan.h"

/* Dropout of probability p; `path` is the hash of the name that keys it. */
struct drop {
    double p;
    uint32_t path;
};

struct drop drop_of(double p, const char *path);

/* The last arguments of a kernel with dropout over rows of a tensor [B, .., columns]: sample, step,
 * rows, rows of a sample, chunk, path, threshold, scale. */
void launch_dropout(struct plan *p, struct launch *l, const struct drop *drop, size_t rows,
                    size_t period, size_t chunk);

/* In 2^-16 the share that is dropped here, and what the others are multiplied with. */
uint32_t dropout_threshold(const struct plan *p, const struct drop *drop);
double dropout_scale(const struct plan *p, const struct drop *drop);

/* path, threshold, scale alone */
void launch_dropout_key(struct plan *p, struct launch *l, const struct drop *drop);

/* The first rows of samples, which key masks; where a graph has none the kernel does not read them.
 */
struct tensor *dropout_sample(struct plan *p);

#endif
