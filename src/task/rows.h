/* SPDX-License-Identifier: MIT */
/*
 * rows: the rows that models read, as a table in CSV: for other programs that compute no features.
 */
#ifndef TASK_ROWS_H
#define TASK_ROWS_H

#include <stdio.h>

#include "data/dataset.h"
#include "error.h"

/* The rows of all series with the features as they lie in the dataset; is_whole: it is
 * dataset_load_all()'s, in which rows of targets alone may follow others: these are left out.
 * `name` is that of the output, for errors. */
int rows_put(const struct dataset *data, int is_whole, const char *const *features, FILE *out,
             const char *name, struct error *err);

#endif
