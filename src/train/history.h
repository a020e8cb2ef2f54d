/* SPDX-License-Identifier: MIT */
/*
 * history: the figures of each finished epoch, and the columns that they are in a table: in the
 * checkpoint, in the log (whose members have the same names) and in pictures. Which columns there
 * are follows from the terms of the model's loss.
 */
#ifndef TRAIN_HISTORY_H
#define TRAIN_HISTORY_H

#include "train/evaluation.h"

/* NaN: not known. */
struct epoch_figures {
    double epoch;
    struct evaluation train, val;
    double lr, grad_mean, grad_max, seconds;
    double metric; /* that is monitored, of the validation part; in no column */
    double waited; /* seconds for batches, or NaN; in no column */
};

struct history_column {
    char name[80]; /* "train_loss" */
    size_t offset; /* of the double in struct epoch_figures */
};

struct history_columns {
    struct history_column column[7 + 2 * TERMS_MOST];
    size_t count;
};

/* epoch, train_loss, train_TERM ..., val_loss, val_TERM ..., lr, grad_norm, grad_norm_max, seconds
 */
struct history_columns history_columns(const struct terms *terms);

/* The figure of a column. */
double *history_figure(struct epoch_figures *figures, const struct history_column *column);

#endif
