/* SPDX-License-Identifier: MIT */
/*
 * evaluation: the figures of a part, made of those of its batches as each term of the loss says.
 * begin, then run a batch and add it, again and again, then end.
 */
#ifndef TRAIN_EVALUATION_H
#define TRAIN_EVALUATION_H

#include "error.h"
#include "models/term.h"

/* The loss and each term: of a part, or of the training of an epoch. */
struct evaluation {
    double loss, term[TERMS_MOST];
};

int evaluation_begin(const struct terms *terms, struct evaluation *sum, struct error *err);

/* The n samples of the batch that has just run. `first` [B] gets the first term's value of each,
 * unless it is NULL; `room` holds B floats. */
int evaluation_add(const struct terms *terms, size_t n, float *first, float *room,
                   struct evaluation *sum, struct error *err);

/* Makes figures of the sums over `samples` samples. */
int evaluation_end(const struct terms *terms, size_t samples, struct evaluation *sum,
                   struct error *err);

#endif
