/* SPDX-License-Identifier: MIT */
/*
 * rows: lines of plain numbers read in one pass, without cutting them into fields first.
 *
 * Takes what csv_next() and the readers of its fields would, with the same values, as long as a
 * line is plain; where anything is odd about one (quotes, blanks, too many digits, another number
 * of fields, a time that does not rise, no number at all) it stops before that line, which is then
 * theirs, with whatever they have to say about it. The caller owns all memory.
 */
#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "data/csv.h"
#include "data/table.h"

struct rows_plan {
    size_t columns; /* of the file */
    double **to;    /* [columns]: where a column's numbers go, by row; NULL: it is passed over */
    size_t time;    /* column of the time; any other number without one */
    int64_t *times; /* by row */
    enum time_format format;
};

/*
 * Reads lines of text [at, stop) into the rows from *row, at least 1 with a time, on, and not
 * beyond `room` rows; counts *row on and returns where the first line begins that was not read. The
 * text ends with that of a line, or this line goes on behind it; CSV_BEHIND more bytes may be read.
 */
const char *rows_take(const struct rows_plan *plan, const char *at, const char *stop, size_t *row,
                      size_t room);

#endif
