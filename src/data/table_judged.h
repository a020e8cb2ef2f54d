/* SPDX-License-Identifier: MIT */
/*
 * table_judged: the reading of files that are not plain, in two passes.
 *
 * The first pass looks at every field that is wanted: how the times are written, which decimal sign
 * each column has. The second reads accordingly. Then rows are brought into the order of time, rows
 * of one time are merged, and missing values dealt with, as struct table_how says. What was found
 * is told in table->told; whatever remains ambiguous is an error with its remedy.
 */
#ifndef DATA_TABLE_JUDGED_H
#define DATA_TABLE_JUDGED_H

#include "data/csv.h"
#include "data/table.h"

/* Columns of the file: of the table's, [columns], and of the time. */
struct table_columns {
    const size_t *where;
    const unsigned char *part; /* COMPLEX_..., of the table's */
    size_t time[2];
    int times;
    size_t series; /* if by_series */
    int by_series;
};

/* Fills a table that has names and no rows, from the start of `csv`. */
int table_read_judged(struct table *table, struct csv *csv, const struct table_how *how,
                      const struct table_columns *columns, struct log *log, struct error *err);

#endif
