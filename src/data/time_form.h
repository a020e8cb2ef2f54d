/* SPDX-License-Identifier: MIT */
/*
 * time_form: how a column of times is written, and the instants that its fields are.
 *
 * A form is found out from the column as a whole (time_judge.h), or is what data.time_format says.
 * Fields give instants in ms since 1970 UTC; those without an offset are local times of the form's
 * zone. A form owns the zone that a field named last; all else is the caller's.
 */
#ifndef DATA_TIME_FORM_H
#define DATA_TIME_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "data/table.h"
#include "data/time_text.h"
#include "error.h"
#include "util/zone.h"

#define TIME_FAULT 160

struct time_form {
    enum time_format format;
    const char *pattern;     /* of TIME_PATTERN */
    const struct zone *zone; /* of times without an offset; NULL: UTC */
    int zoned;               /* a field named its offset or zone */
    struct zone *named;      /* the one that a field named last, and its name */
    char name[TIME_SHOWN];
};

enum time_fault {
    TIME_READ,
    TIME_UNLIKE,  /* the text has not this form */
    TIME_BEYOND,  /* a number that is no instant of the years 1900 to 2200 */
    TIME_FAR,     /* a text that is no date of the years 1000 to 2199 */
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

#endif
