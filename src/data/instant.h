/* SPDX-License-Identifier: MIT */
/*
 * instant: the times of rows as they stand in files, in ms since 1970 UTC. It owns nothing.
 */
#ifndef DATA_INSTANT_H
#define DATA_INSTANT_H

#include <stdint.h>

#include "data/table.h"

/*
 * ISO 8601: 2021-04-02 or 20210402, then maybe T or a blank, 00:03[:15[.250]], Z or +09[[:]00].
 * Returns what is behind it, which is NUL, a comma or the end of the line; NULL if the text does
 * not begin so, or is of no year that instant_is_plausible().
 */
const char *instant_scan(const char *text, int64_t *ms);

/* Whether a date in text is of the years 1000 to 2199: others stand for "never" or are mistyped. */
int instant_is_plausible(int64_t local);

/* A number in the unit of the format; -1 if it is beyond the years 1900 to 2200. */
int instant_of_number(double x, enum time_format format, int64_t *ms);

/* ms since 1970 of midnight of a date of the Gregorian calendar, years 0 to 9999; -1 if there is no
 * such date. */
int instant_of_date(int year, int month, int day, int64_t *ms);

#endif
