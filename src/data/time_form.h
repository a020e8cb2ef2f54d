/* SPDX-License-Identifier: MIT */
/*
 * time_form: how a column of times is written, and the reading of one of its fields.
 *
 * A form is found out from the column as a whole (struct time_judge), or is what data.time_format
 * says. Fields give instants in ms since 1970 UTC; those without an offset are local times of the
 * form's zone. A form owns the zone that a field named last; all else is the caller's.
 */
#ifndef DATA_TIME_FORM_H
#define DATA_TIME_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "data/table.h"
#include "error.h"
#include "util/zone.h"

#define TIME_SHOWN 64
#define TIME_FAULT 160

struct time_form {
    enum time_format format;
    const char *pattern;     /* of TIME_PATTERN */
    const struct zone *zone; /* of times without an offset; NULL: UTC */
    struct zone *named;      /* the one that a field named last, and its name */
    char name[TIME_SHOWN];
};

enum time_fault {
    TIME_READ,
    TIME_UNLIKE,  /* the text has not this form */
    TIME_BEYOND,  /* a number that is no instant of the years 1900 to 2200 */
    TIME_NO_ZONE, /* a zone that the database has not */
    TIME_SKIPPED, /* a local time that clocks passed over when they were put forward */
};

/* The field text[length], NUL-terminated. Where clocks were put back, a local time is two instants:
 * *later is the second of them; else it is *ms. */
enum time_fault time_parse(struct time_form *form, const char *text, size_t length, int64_t *ms,
                           int64_t *later);
void time_form_fini(struct time_form *form);

/* "ms", "us", "ns", "s", "excel", "ymd", "dmy", "mdy" or a pattern with a %: what data.time_format
 * holds; "auto" gives TIME_NONE. -1, with what is wrong about it in `fault`, for anything else. */
int time_form_of(const char *text, struct time_form *form, char fault[TIME_FAULT]);

/* "milliseconds", "day, month, year" ...: for messages. */
const char *time_format_name(enum time_format format);

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
    int excel, short_exponent, zeros; /* all could be a spreadsheet's days; some lost digits */
    double first, least, most;
    unsigned units; /* bits of TIME_SECONDS ... that fields fit by their size, 1: none */
    char first_text[TIME_SHOWN], odd_text[TIME_SHOWN]; /* the first field; one that fits nothing */
    uint64_t odd_line, change_line; /* where that is; where microseconds follow milliseconds */
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
enum time_format time_of_first(const char *text, size_t length);

#endif
