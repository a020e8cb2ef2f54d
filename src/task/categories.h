/* SPDX-License-Identifier: MIT */
/*
 * categories: the latent vectors of training windows, grouped by k-means, and the file that keeps
 * the groups' centroids beside a checkpoint.
 */
#ifndef TASK_CATEGORIES_H
#define TASK_CATEGORIES_H

#include "log/log.h"
#include "train/engine.h"

struct grouping {
    uint32_t *start; /* [n] windows that were grouped */
    float *latent;   /* [n, d] */
    uint32_t *category;
    uint64_t *size;  /* [k] */
    float *centroid; /* [k, d] */
    size_t n, d, k;
};

/* Latent vectors of training windows and, unless there are to be none, their categories. 1:
 * interrupted. Freed by grouping_fini(), also where it fails. */
int grouping_init(struct grouping *g, struct engine *e, struct log *log, struct error *err);
void grouping_fini(struct grouping *g);

/* At most `most` windows of a part, evenly spaced; the caller frees. */
uint32_t *categories_spread(const uint32_t *start, size_t count, size_t most, size_t *n);

/* Categories of a run: [k, latent]. */
struct categories {
    float *centroids;
    size_t k, latent;
    int summed; /* the file had checksums */
    long epoch; /* of the model whose latent vectors were grouped; 0: not known */
};

/* Writes categories.safetensors of a model of this epoch. */
int categories_write(const struct grouping *g, long epoch, const char *folder, struct error *err);

/* Reads categories.safetensors beside a checkpoint; k = 0 where there is none. */
int categories_read(struct categories *c, const char *folder, size_t latent, struct error *err);
void categories_fini(struct categories *c);

#endif
