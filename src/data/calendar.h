/* SPDX-License-Identifier: MIT */
/*
 * calendar: when the next row is due, found out from the times of the rows that are there.
 *
 * A calendar is an even step, a day of every month (or third, or twelfth), or a timetable of the
 * week: weekdays and times of day at which rows lie. Of these the one is taken that is right about
 * most of the file's own rows. Days and times of day are those of a time zone. Holidays are not
 * known. A calendar owns its timetable; the zone is the caller's.
 */
#ifndef DATA_CALENDAR_H
#define DATA_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

#include "util/zone.h"

enum calendar_kind { CALENDAR_NONE, CALENDAR_EVEN, CALENDAR_MONTHS, CALENDAR_WEEK };

/* Which day of a month. */
enum calendar_place {
    CALENDAR_DAY, /* the one of this number, or the month's last where it has fewer */
    CALENDAR_LAST_DAY,
    CALENDAR_FIRST_WEEKDAY, /* Monday to Friday */
    CALENDAR_LAST_WEEKDAY,
    CALENDAR_PLACES,
};

struct calendar {
    enum calendar_kind kind;
    const struct zone *zone;   /* NULL: UTC */
    int64_t step;              /* of CALENDAR_EVEN, ms */
    int by_clock;              /* and the step is one of local time: days of 23 and 25 hours */
    int64_t months;            /* of CALENDAR_MONTHS: from row to row */
    enum calendar_place place; /* and where in the month */
    int day;
    int64_t *slot; /* of CALENDAR_WEEK: [slots] ascending, local ms since Monday 00:00 */
    size_t slots;
    unsigned unknown; /* bit d: the rows do not show whether weekday d (0: Monday) has any */
};

/* The calendar that ascending times follow, in their last 60 days that have rows; CALENDAR_NONE if
 * none is right about three quarters of them. -1: memory. */
int calendar_find(struct calendar *calendar, const int64_t *time, size_t rows,
                  const struct zone *zone);
void calendar_fini(struct calendar *calendar);

/* The time at which the row behind the one at `time` is due; -1 if the calendar does not say. */
int calendar_next(const struct calendar *calendar, int64_t time, int64_t *next);

/* "every 5m", "every month on its last day" ...: for messages. */
#define CALENDAR_TEXT 128
const char *calendar_text(const struct calendar *calendar, char out[CALENDAR_TEXT]);

#endif
