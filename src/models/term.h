/* SPDX-License-Identifier: MIT */
/*
 * term: one of the named, weighted terms whose sum is a model's loss. A model says once which terms
 * it has; metrics, history, log, pictures and train.monitor take the list as it is.
 *
 * A list is a value: names are constants, tensors are the graph's.
 */
#ifndef MODELS_TERM_H
#define MODELS_TERM_H

#include <stddef.h>

#include "lower/step.h"

struct tensor;

/* What a term's tensor holds, and what its figure over a part is. */
enum term_over {
    TERM_OFF,     /* no tensor: left out by the configuration, its figure is 0 */
    TERM_UNKNOWN, /* no tensor: of training alone, an evaluation does not know its figure */
    TERM_SAMPLES, /* [B]: the mean over samples */
    TERM_BATCHES, /* [1]: the mean over batches, each weighted by its samples. The figure depends on
                     the batch, so evaluation takes batches of train.batch. */
    TERM_WHOLE,   /* [1]: whole(total) */
};

struct term {
    const char *name;   /* "huber": val/huber, in the log val_huber */
    const char *symbol; /* "R", on the console; NULL: the name */
    const char *what;   /* its sentence below pictures; NULL: the name is enough */
    enum term_over over;
    double weight; /* in the loss */
    int lower_is_better;
    /* The figure over `samples` samples from the sums in total [elems / 2] of compensated pairs. */
    double (*whole)(const float *total, size_t elems, size_t samples);

    struct tensor *value; /* in a graph: what `over` says */
    struct tensor *total; /* in a graph: state that the batches of a part add to; NULL: none */
};

struct terms {
    struct term term[TERMS_MOST];
    size_t count;
};

/* What the console calls the term: its symbol or name. */
const char *term_label(const struct term *term);

/* The first term whose value is of a batch, not of samples; NULL: the batch changes none. */
const struct term *terms_by_batch(const struct terms *terms);

/* Whether a figure depends on the batch of evaluation, which then is train.batch. */
int terms_fix_batch(const struct terms *terms);

#endif
