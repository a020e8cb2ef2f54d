/* SPDX-License-Identifier: MIT */
/*
 * time_judge: which form a column of times has, judged by all its fields.
 *
 * What has more than one reading is refused, with each reading and its remedy. A judge owns
 * nothing.
 */
#ifndef DATA_TIME_JUDGE_H
#define DATA_TIME_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "data/time_form.h"
#include "error.h"

/*
 * The form of a column, from its fields; all candidates are tried until one is left. Zeroed at
 * first, then a call for each row.
 */
struct time_judge {
    size_t rows;
    unsigned orders; /* of day, month and year that fit: bits of TIME_YMD ... */
    int words;       /* some field is no number */
    int iso, named;  /* all fields have the usual form of ISO 8601; all name the month */
    int width;       /* digits of all fields; 0: they differ, or are more than digits */
    int calendar, yymmdd, hhmmss;     /* all fields could be these */
    int dates;                        /* all are YYYYMMDD of some year */
    size_t calendars;                 /* fields that are calendar numbers */
    int dashed;                       /* all are a date and the same -hh:mm */
    int excel, short_exponent, zeros; /* all could be a spreadsheet's days; some lost digits */
    double first, least, most;
    unsigned units; /* bits of TIME_SECONDS ... that fields fit by their size, 1: none */
    char first_text[TIME_SHOWN], odd_text[TIME_SHOWN]; /* the first field; one that fits nothing */
    uint64_t odd_line, change_line; /* where that is; where microseconds follow milliseconds */
    char stray_text[TIME_SHOWN];    /* the first number that is no calendar number */
    uint64_t stray_line;
};

void time_judge_row(struct time_judge *judge, const char *text, size_t length, uint64_t line);

/* The form; STATUS_INPUT, with the remedy, if there is none or more than one. `path` and the
 * column's name are for the message. */
int time_judge_end(const struct time_judge *judge, const char *path, const char *column,
                   struct time_form *form, struct error *err);

/* Whether the column may have the form that another had, which was found out there: it is what
 * time_judge_end() would find, or one of several among which that cannot choose. */
int time_judge_allows(const struct time_judge *judge, enum time_format kept);

/* The first field's instant in a form, "2024-01-02T00:00:00Z" or "nothing". */
const char *time_judge_reading(const struct time_judge *judge, enum time_format format,
                               const char *pattern, char out[TABLE_TIME]);

/* The form that the first field alone settles, as nearly all files have it; TIME_NONE if the column
 * has to be looked at. */
enum time_format time_judge_first(const char *text, size_t length);

#endif
