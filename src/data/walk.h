/* SPDX-License-Identifier: MIT */
/*
 * walk: a fold of a walk-forward evaluation. An axis of positions, the instants at which any series
 * has a row or, without times, the rows of a series, is cut into one piece more than there are
 * folds; fold k is tested on piece k + 1 and trained on what lies before it. It owns nothing.
 */
#ifndef DATA_WALK_H
#define DATA_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct load;

struct walk {
    size_t folds, fold; /* fold: from 1 */
    int rolling;        /* the training span does not grow from fold to fold */
    size_t gap;         /* rows between two parts */
    double validation;  /* share of the training span, at its end */
};

/* Where the parts of a fold begin, and the last one ends. Of the training part and of validation
 * the last `gap` rows are nobody's. */
struct walk_cut {
    size_t begin, validation, test, end;
};

/* The folds of a configuration whose targets lie up to `reach` rows ahead. */
struct walk walk_of(const struct config *config, size_t reach);

/*
 * Cuts an axis. The pieces of the tests are equal, what is left over belongs to the first piece, as
 * scikit-learn's TimeSeriesSplit has it. -1: there are fewer positions than pieces.
 */
int walk_cut(const struct walk *walk, size_t positions, struct walk_cut *cut);

/* The same for the usable rows of each series, [load->inputs]: at the same instants where there are
 * times. */
int walk_series(struct load *load, const struct walk *walk, struct walk_cut *cut);

/* Tells the dataset what its parts are, once the rows of all series are laid out. */
void walk_measure(struct load *load);

#endif
