/* SPDX-License-Identifier: MIT */
/*
 * table_long: whether the rows of a file look like several series (long format), and which column
 * tells them apart. For messages: nothing is read otherwise.
 */
#ifndef DATA_TABLE_LONG_H
#define DATA_TABLE_LONG_H

#include <stddef.h>
#include <stdint.h>

#include "data/table_judged.h"

/* time[rows] of a row without a time. */
#define LONG_NO_TIME INT64_MIN

/*
 * The first column, neither one of the times nor read, with at least two values, few beside the
 * rows, whose rows rise strictly in time for each value, or fall for each; time[rows] is by the
 * rows of the file. NULL, where the file has no times, asks instead for words that each stand in
 * rows one behind the other. The name, fit for a message; NULL if there is no such column.
 */
const char *long_column(struct csv *csv, const struct table_columns *columns, size_t read,
                        const int64_t *time, size_t rows, size_t *values, char name[CSV_SHOWN]);

#endif
