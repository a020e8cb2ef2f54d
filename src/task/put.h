/* SPDX-License-Identifier: MIT */
/*
 * put: fields of tables of predictions and latent vectors, in CSV.
 */
#ifndef TASK_PUT_H
#define TASK_PUT_H

#include <stdio.h>

#include "data/dataset.h"

/* A field that may hold a comma, quoted. */
void put_name(const char *name, FILE *out);

/* The same of a series, with the comma behind it. */
void put_series(const struct series *series, FILE *out);

/* "series,time,row": where a row of a window lies: its series, where the table names that, its
 * time, where rows have one, and its number, in its series where that is named. */
void put_row(const struct dataset *data, size_t row, FILE *out);

/* The same with another number. */
void put_row_numbered(const struct dataset *data, size_t row, size_t number, FILE *out);

/* The heading of these. */
void put_row_heading(const struct dataset *data, FILE *out);

#endif
