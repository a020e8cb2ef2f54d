/* SPDX-License-Identifier: MIT */
#include "data/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/instant.h"
#include "data/table.h"
#include "data/time_text.h"

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)
#define WEEK (7 * DAY)
#define LOOKED_DAYS 60                /* that have rows */
#define LOOKED_ROWS ((size_t)1 << 20) /* of them, at most */

static int64_t floor_to(int64_t x, int64_t unit)
{
    int64_t rest = x % unit;
    return x - (rest < 0 ? rest + unit : rest);
}

static int64_t local_of(const struct zone *zone, int64_t time)
{
    return zone ? zone_local(zone, time) : time;
}

/* Local ms since the last Monday 00:00; 1970-01-01 was a Thursday. */
static int64_t of_week(int64_t local)
{
    return local + 3 * DAY - floor_to(local + 3 * DAY, WEEK);
}

static int weekday_of(int64_t local)
{
    return (int)(of_week(local) / DAY);
}

/* --- months */

/* Months since year 0, and the day of the month from 1. The year begins in March, so that the leap
 * day is its last (Hinnant, "chrono-compatible low-level date algorithms", days_to_civil). */
static int64_t month_of(int64_t local, int *day)
{
    int64_t days = floor_to(local, DAY) / DAY + 719468, era = floor_to(days, 146097) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
            month = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * month + 2) / 5 + 1);
    return (era * 400 + year) * 12 + month + 2;
}

/* Local midnight of a month's first day; -1 beyond the years 0 to 9999. */
static int first_of(int64_t month, int64_t *local)
{
    if (month < 0 || month >= 120000)
        return -1;
    return instant_of_date((int)(month / 12), (int)(month % 12) + 1, 1, local);
}

/* Local midnight of the calendar's day in a month. */
static int day_in_month(const struct calendar *c, int64_t month, int64_t *local)
{
    int64_t first, last;
    if (first_of(month, &first) || first_of(month + 1, &last))
        return -1;
    last -= DAY;
    switch (c->place) {
    case CALENDAR_FIRST_WEEKDAY:
        while (weekday_of(first) > 4)
            first += DAY;
        *local = first;
        return 0;
    case CALENDAR_LAST_WEEKDAY:
        while (weekday_of(last) > 4)
            last -= DAY;
        *local = last;
        return 0;
    case CALENDAR_DAY:
        first += (c->day - 1) * DAY;
        *local = first < last ? first : last;
        return 0;
    default:
        *local = last;
        return 0;
    }
}

/* --- what is due next */

/* The first instant behind `time` at which clocks show `local`; -1 if there is none. */
static int instant_behind(const struct zone *zone, int64_t local, int64_t time, int64_t *instant)
{
    int64_t there[2] = {local, local};
    int count = zone ? zone_instants(zone, local, there) : 1;
    for (int i = 0; i < count; i++)
        if (there[i] > time) {
            *instant = there[i];
            return 0;
        }
    return -1;
}

static int next_month(const struct calendar *c, int64_t time, int64_t *next)
{
    int64_t local = local_of(c->zone, time), due;
    int day;
    if (day_in_month(c, month_of(local, &day) + c->months, &due))
        return -1;
    return instant_behind(c->zone, due + local - floor_to(local, DAY), time, next);
}

/* Slots whose local time clocks pass over are passed over as well. */
static int next_slot(const struct calendar *c, int64_t time, int64_t *next)
{
    int64_t local = local_of(c->zone, time), at = of_week(local), monday = local - at;
    size_t low = 0, high = c->slots;
    if (!c->slots)
        return -1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->slot[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t tries = 0; tries <= c->slots; tries++, low++) {
        if (low == c->slots) {
            low = 0;
            monday += WEEK;
        }
        if (c->unknown >> (c->slot[low] / DAY) & 1)
            return -1;
        if (!instant_behind(c->zone, monday + c->slot[low], time, next))
            return 0;
    }
    return -1;
}

int calendar_next(const struct calendar *c, int64_t time, int64_t *next)
{
    switch (c->kind) {
    case CALENDAR_EVEN:
        if (!c->by_clock || instant_behind(c->zone, local_of(c->zone, time) + c->step, time, next))
            *next = time + c->step;
        return 0;
    case CALENDAR_MONTHS:
        return next_month(c, time, next);
    case CALENDAR_WEEK:
        return next_slot(c, time, next);
    default:
        return -1;
    }
}

/* --- finding it */

/* The rows that are looked at. */
struct looked {
    const int64_t *time; /* [rows] */
    size_t rows;
    const struct zone *zone;
    int64_t *scratch; /* [rows] */
};

static void narrow(struct looked *l)
{
    size_t from = l->rows, days = 0;
    int64_t day = INT64_MAX;
    for (; from && l->rows - from < LOOKED_ROWS; from--) {
        int64_t this = floor_to(local_of(l->zone, l->time[from - 1]), DAY);
        days += this != day;
        if (days > LOOKED_DAYS)
            break;
        day = this;
    }
    l->time += from;
    l->rows -= from;
}

/* The value that most of x have, if more than half do (Boyer and Moore, "MJRTY", 1981). */
static int64_t majority(const int64_t *x, size_t count)
{
    int64_t most = 0;
    size_t lead = 0;
    for (size_t i = 0; i < count; i++) {
        if (!lead)
            most = x[i];
        lead = x[i] == most ? lead + 1 : lead - 1;
    }
    return most;
}

/* How many rows are where the calendar expects them after the row before. */
static size_t hits(const struct calendar *c, const struct looked *l)
{
    size_t count = 0;
    int64_t next;
    for (size_t i = 0; i + 1 < l->rows; i++)
        count += !calendar_next(c, l->time[i], &next) && next == l->time[i + 1];
    return count;
}

/* Takes a candidate that is right more often than the best before it; frees the other. */
static void consider(struct calendar *best, size_t *most, struct calendar *c,
                     const struct looked *l)
{
    size_t count = hits(c, l);
    struct calendar other = *c;
    if (count > *most) {
        other = *best;
        *best = *c;
        *most = count;
    }
    calendar_fini(&other);
}

static int64_t usual_step(const struct looked *l)
{
    for (size_t i = 0; i + 1 < l->rows; i++)
        l->scratch[i] = l->time[i + 1] - l->time[i];
    return majority(l->scratch, l->rows - 1);
}

/* Months from row to row; 0 if most rows share one with the row before. */
static int64_t usual_months(const struct looked *l)
{
    int64_t before = 0;
    int day;
    for (size_t i = 0; i < l->rows; i++) {
        int64_t month = month_of(local_of(l->zone, l->time[i]), &day);
        if (i)
            l->scratch[i - 1] = month - before;
        before = month;
    }
    return majority(l->scratch, l->rows - 1);
}

static int usual_day(const struct looked *l)
{
    int day;
    for (size_t i = 0; i < l->rows; i++) {
        month_of(local_of(l->zone, l->time[i]), &day);
        l->scratch[i] = day;
    }
    return (int)majority(l->scratch, l->rows);
}

static int ascending(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Fills scratch with where each row lies in its day or week, sorts that, and keeps what is there in
 * more than half of the periods, twice at least. Returns how many. */
static size_t usual_places(const struct looked *l, int64_t period, size_t periods)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->rows; i++) {
        int64_t at = of_week(local_of(l->zone, l->time[i]));
        l->scratch[i] = at - floor_to(at, period);
    }
    qsort(l->scratch, l->rows, sizeof *l->scratch, ascending);
    for (size_t i = 0, next; i < l->rows; i = next) {
        for (next = i + 1; next < l->rows && l->scratch[next] == l->scratch[i];)
            next++;
        if (next - i > 1 && (next - i) * 2 > periods)
            l->scratch[kept++] = l->scratch[i];
    }
    return kept;
}

/* Days that have rows, of each weekday and in all. */
static size_t count_days(const struct looked *l, size_t of[7])
{
    size_t days = 0;
    int64_t before = INT64_MAX;
    memset(of, 0, 7 * sizeof *of);
    for (size_t i = 0; i < l->rows; i++) {
        int64_t day = floor_to(local_of(l->zone, l->time[i]), DAY);
        of[weekday_of(day)] += day != before;
        days += day != before;
        before = day;
    }
    return days;
}

/* Bits of the weekdays of which none lies between the first row and the last. */
static unsigned unseen(const struct looked *l)
{
    int64_t day = floor_to(local_of(l->zone, l->time[0]), DAY);
    int64_t end = local_of(l->zone, l->time[l->rows - 1]);
    unsigned seen = 0;
    for (int i = 0; i < 7 && day <= end; i++, day += DAY)
        seen |= 1u << weekday_of(day);
    return ~seen & 0x7f;
}

/* The same times on each day, on the weekdays that have at least half as many days with rows as the
 * fullest. */
static int by_days(struct calendar *c, const struct looked *l)
{
    size_t of[7], days = count_days(l, of), fullest = 0;
    size_t places = usual_places(l, DAY, days);
    *c = (struct calendar){.kind = CALENDAR_WEEK, .zone = l->zone, .unknown = unseen(l)};
    if (!(c->slot = malloc((7 * places + 1) * sizeof *c->slot)))
        return -1;
    for (int d = 0; d < 7; d++)
        fullest = of[d] > fullest ? of[d] : fullest;
    for (int d = 0; d < 7; d++)
        for (size_t i = 0; i < places && (c->unknown >> d & 1 || 2 * of[d] >= fullest); i++)
            c->slot[c->slots++] = d * DAY + l->scratch[i];
    return 0;
}

/* The same times in each week, of which there must be three. */
static int by_weeks(struct calendar *c, const struct looked *l)
{
    size_t weeks = 0;
    int64_t before = INT64_MAX;
    for (size_t i = 0; i < l->rows; i++) {
        int64_t local = local_of(l->zone, l->time[i]), monday = local - of_week(local);
        weeks += monday != before;
        before = monday;
    }
    *c = (struct calendar){.kind = CALENDAR_WEEK, .zone = l->zone};
    c->slots = weeks < 3 ? 0 : usual_places(l, WEEK, weeks);
    if (!(c->slot = malloc((c->slots + 1) * sizeof *c->slot)))
        return -1;
    memcpy(c->slot, l->scratch, c->slots * sizeof *c->slot);
    return 0;
}

/* Tries one after the other; of calendars that are right equally often the first is taken. */
static int find(struct calendar *best, const struct looked *l)
{
    size_t most = 0, steps = l->rows - 1;
    struct calendar c = {.kind = CALENDAR_EVEN, .zone = l->zone, .step = usual_step(l)};
    for (c.by_clock = c.zone && c.step % DAY == 0; c.by_clock >= 0 && most < steps; c.by_clock--)
        consider(best, &most, &c, l);
    if (most == steps)
        return 0;
    c = (struct calendar){
        .kind = CALENDAR_MONTHS, .zone = l->zone, .months = usual_months(l), .day = usual_day(l)};
    for (; c.months > 0 && c.place < CALENDAR_PLACES; c.place++)
        consider(best, &most, &c, l);
    for (int weeks = 0; weeks < 2; weeks++) {
        if (weeks ? by_weeks(&c, l) : by_days(&c, l))
            return -1;
        consider(best, &most, &c, l);
    }
    if (most * 4 < steps * 3) {
        calendar_fini(best);
        *best = (struct calendar){0};
    }
    return 0;
}

int calendar_find(struct calendar *calendar, const int64_t *time, size_t rows,
                  const struct zone *zone)
{
    struct looked l = {time, rows, zone, NULL};
    *calendar = (struct calendar){0};
    narrow(&l);
    if (l.rows < 2)
        return 0;
    if (!(l.scratch = malloc(l.rows * sizeof *l.scratch)))
        return -1;
    int result = find(calendar, &l);
    if (result)
        calendar_fini(calendar);
    free(l.scratch);
    return result;
}

void calendar_fini(struct calendar *calendar)
{
    free(calendar->slot);
    calendar->slot = NULL;
    calendar->slots = 0;
}

/* --- in words */

static const char *put_slot(int64_t slot, char out[TABLE_TIME])
{
    unsigned minutes = (unsigned)(slot % DAY / MINUTE) % 1440;
    snprintf(out, TABLE_TIME, "%s %02u:%02u", time_text_weekdays[slot / DAY], minutes / 60,
             minutes % 60);
    return out;
}

const char *calendar_text(const struct calendar *c, char out[CALENDAR_TEXT])
{
    static const char *const places[] = {"", "its last day", "its first weekday",
                                         "its last weekday"};
    char from[TABLE_TIME], to[TABLE_TIME];
    switch (c->kind) {
    case CALENDAR_EVEN:
        snprintf(out, CALENDAR_TEXT, "every %s", table_duration(c->step, from));
        break;
    case CALENDAR_MONTHS:
        snprintf(from, sizeof from, "day %d", c->day);
        snprintf(to, sizeof to, "every %lld months", (long long)c->months);
        snprintf(out, CALENDAR_TEXT, "%s on %s", c->months == 1 ? "every month" : to,
                 c->place ? places[c->place] : from);
        break;
    case CALENDAR_WEEK:
        snprintf(out, CALENDAR_TEXT, "%zu times a week, from %s to %s", c->slots,
                 put_slot(c->slot[0], from), put_slot(c->slot[c->slots - 1], to));
        break;
    default:
        snprintf(out, CALENDAR_TEXT, "at no times that are known");
    }
    return out;
}
