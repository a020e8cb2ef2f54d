/* SPDX-License-Identifier: MIT */
/*
 * time_text: dates and times of day in words and numbers, as a field has them, before they are
 * instants: the parts, and the pieces of text that they are read from. It owns nothing.
 */
#ifndef DATA_TIME_TEXT_H
#define DATA_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "data/table.h"

#define TIME_SHOWN 64

/* What was read of a field. */
struct time_parts {
    int year, month, day, hour, minute, second, milli;
    int afternoon;  /* -1: a clock of 24 hours; 0: AM; 1: PM */
    int zoned;      /* the field names its offset or zone */
    int64_t offset; /* ms east */
    char zone[TIME_SHOWN];
    int64_t epoch; /* of %s, in ms */
    int has_epoch, day_of_year;
    int named; /* the month has a name, so that every order reads the same */
};

/* The whole field, a date in the order (TIME_YMD ...), then maybe a time of day and a zone; -1 if
 * it has another form. */
int time_text_words(const char *text, size_t length, enum time_format order, struct time_parts *p);

int time_text_all_digits(const char *text, size_t length);

/* YYYYMM[DD[hh[mm[ss]]]] of the years 1900 to 2100; with 8 digits 1800 to 2199, as was read before
 * there was another form. */
int time_text_calendar(const char *text, size_t length, struct time_parts *p);

/* Milliseconds of the date and clock, as if they were UTC; -1 if there is no such. */
int time_text_local(const struct time_parts *p, int64_t *ms);

/* --- pieces, each of which moves the cursor behind what it takes */

struct time_cursor {
    const char *at, *end;
};

/* Up to `most` digits; returns how many. */
int time_text_digits(struct time_cursor *c, int most, int *value);

/* Whether there were blanks, or the character. */
int time_text_blanks(struct time_cursor *c);
int time_text_take(struct time_cursor *c, char wanted);

/* The number of a name, whole or at least its first three letters: 1 is January or Monday; 0: none.
 */
int time_text_month(struct time_cursor *c);
int time_text_weekday(struct time_cursor *c);

/* Of two digits, as POSIX has them: 69 to 99 are of the 20th century. */
int time_text_year(int year, int width);

/* Whether there is AM or PM, with points or not. */
int time_text_half_day(struct time_cursor *c, int *afternoon);

/* Digits behind the seconds, how many; those behind the third are dropped. */
int time_text_fraction(struct time_cursor *c, int *milli);

/* Z, UTC, GMT (and an offset behind these), +hh:mm, Area/City; nothing is right as well. */
int time_text_zone(struct time_cursor *c, struct time_parts *p);

/* English names, from Monday on. */
extern const char *const time_text_weekdays[7];

#endif
