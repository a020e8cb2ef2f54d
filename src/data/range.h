/* SPDX-License-Identifier: MIT */
/*
 * range: the rows that data.from, data.to and data.days leave of a series. data.to cuts first; then
 * data.days counts back from the last row that is left. Of a series that is resampled whole candles
 * are left. It owns nothing.
 */
#ifndef DATA_RANGE_H
#define DATA_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "data/table.h"

struct range {
    int64_t from, to; /* ms since 1970 UTC, [from, to); INT64_MIN and INT64_MAX: no bound */
    int64_t days;     /* ms; 0: all */
};

/* What was cut off a series. */
struct range_cut {
    size_t before, behind;     /* rows */
    size_t candles;            /* that the range begins or ends inside of */
    int64_t first, last;       /* times of the rows that there were */
    struct candle_edges edges; /* for table_resample() */
};

/* Reads the keys; times are of the zone of `how`. STATUS_USAGE. */
int range_read(struct range *range, const struct config *config, const struct table_how *how,
               struct error *err);

/* Whether there is anything to cut. */
int range_is_set(const struct range *range);

/* The range of whole candles of `length` ms, 0: of rows as they are; its days are left alone. */
struct range range_of_candles(const struct range *range, int64_t length);

/*
 * Takes the rows outside of the range from a table that has times; maybe all. `length` is that of
 * its candles, 0 where it is not resampled, `gap` is data.gap.
 */
void range_cut(const struct range *range, struct table *table, int64_t length, int64_t gap,
               struct range_cut *cut);

#endif
