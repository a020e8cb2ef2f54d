/* SPDX-License-Identifier: MIT */
/*
 * table_piece: the rows of one series as they were read, on their way to a table.
 *
 * piece_settle() (table_settle.c) brings them into the order of time and merges rows of one time
 * (table_order.c), then deals with missing values (table_missing.c), as struct table_how says. Rows
 * that move take all that is known about them along. A piece owns its two arrays; the table is the
 * caller's.
 */
#ifndef DATA_TABLE_PIECE_H
#define DATA_TABLE_PIECE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "data/csv.h"
#include "data/table.h"
#include "data/table_judged.h"

struct piece {
    struct table *table; /* with `line` and `origin` */
    const struct table_how *how;
    FILE *told; /* what was found, a line each */
    struct error *err;
    struct csv *csv; /* the file, for what can be said about it in a message */
    const struct table_columns *at;
    enum time_format format;
    int zoned;            /* times named their offset or zone */
    int64_t *later;       /* [rows] the second instant, where clocks showed a local time twice, else
                             the row's time; NULL: no time came twice */
    size_t *skipped;      /* [rows] rows without a time before it; NULL: there are none */
    size_t skipped_count; /* in all */
    int turned;           /* what came first in the file comes last */
};

void piece_fini(struct piece *piece);
int piece_no_memory(const struct piece *piece);

/* Moves the rows so that row i becomes what row from[i] was, for `rows` rows. */
int piece_rearrange(struct piece *piece, const size_t *from, size_t rows);

/* All of it: order, missing values; then spare memory, and lines and rows of the file that are what
 * they would be anyway, go. */
int piece_settle(struct piece *piece);

/* Rows with a time: settles local times that came twice, orders, merges rows of one time. */
int piece_order(struct piece *piece);

/* Missing values: an error, left out, or carried forward. */
int piece_missing(struct piece *piece);

#endif
