/* SPDX-License-Identifier: MIT */
/*
 * evaluation: the figures of a part, made of those of its batches as each term of the loss says.
 * begin, then run a batch, read and add it, again and again, then end. The sums are those of the
 * batches in their order, whoever has run them.
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

/* Asks for the values of the batch of n samples that has just run, those of term k to [k room ...),
 * which are there after device_finish(). */
int evaluation_fetch(const struct terms *terms, size_t n, size_t room, float *to,
                     struct error *err);
void evaluation_add(const struct terms *terms, size_t n, size_t room, const float *from,
                    struct evaluation *sum);

/* Whether these values say all: no term has sums on the device, which the batches add to. */
int evaluation_divides(const struct terms *terms);

/* Makes figures of the sums over `samples` samples. */
int evaluation_end(const struct terms *terms, size_t samples, struct evaluation *sum,
                   struct error *err);

#endif
