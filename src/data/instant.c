/* SPDX-License-Identifier: MIT */
#include "data/instant.h"

#include <math.h>
#include <stddef.h>

#define SECOND 1000
#define DAY ((int64_t)86400 * SECOND)
/* The years 1900 to 2199: a number beyond them is hardly a time. */
#define EARLIEST (-25567 * DAY)
#define LATEST (84006 * DAY - 1)
/* Text may be older, but not of the years that programs write for "never": 1, 9999. */
#define FIRST_YEAR 1000
#define LAST_YEAR 2199

/* Exactly `count` decimal digits. */
static inline int take_digits(const char **at, int count, int *value)
{
    const char *p = *at;
    *value = 0;
    for (int i = 0; i < count; i++, p++) {
        if (*p < '0' || *p > '9')
            return 0;
        *value = *value * 10 + (*p - '0');
    }
    *at = p;
    return 1;
}

static inline int take(const char **at, char c)
{
    return **at == c ? (*at)++, 1 : 0;
}

static int ends(const char *p)
{
    return !*p || *p == ',' || *p == '\n' || *p == '\r';
}

/* Days from 1970-01-01 to a date of the Gregorian calendar; *valid is 0 if there is no such. */
static int64_t days(int year, int month, int day, int *valid)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    *valid = month >= 1 && month <= 12 && day >= 1 &&
             day <= before[month] - before[month - 1] + (leap && month == 2);
    if (!*valid)
        return 0;
    int64_t past = year - 1; /* leap days of whole years: floor division, year 0 included */
    int64_t leaps = year ? past / 4 - past / 100 + past / 400 : -1;
    return past * 365 + leaps + before[month - 1] + (leap && month > 2) + day - 1 - 719162;
}

/* 2021-04-02 or 20210402, which stands alone: else it is a number of seconds. */
static const char *scan_date(const char *p, int64_t *ms)
{
    int year, month, day, valid;
    if (!take_digits(&p, 4, &year))
        return NULL;
    int dashes = take(&p, '-');
    if (!take_digits(&p, 2, &month) || (dashes && !take(&p, '-')) || !take_digits(&p, 2, &day))
        return NULL;
    if (year < FIRST_YEAR || year > LAST_YEAR || (!dashes && (!ends(p) || year < 1800)))
        return NULL;
    *ms = days(year, month, day, &valid) * DAY;
    return valid ? p : NULL;
}

/* 00:03[:15[.250]] */
static const char *scan_clock(const char *p, int64_t *ms)
{
    int hour, minute, second = 0;
    if (!take_digits(&p, 2, &hour) || !take(&p, ':') || !take_digits(&p, 2, &minute))
        return NULL;
    if (take(&p, ':') && !take_digits(&p, 2, &second))
        return NULL;
    if (hour > 23 || minute > 59 || second > 59)
        return NULL;
    *ms += ((hour * 60 + minute) * 60 + second) * (int64_t)SECOND;
    if (take(&p, '.')) {
        int unit = 100, tenth;
        for (; take_digits(&p, 1, &tenth); unit /= 10)
            *ms += tenth * unit;
    }
    return p;
}

/* +09[[:]00] */
static const char *scan_zone(const char *p, int64_t *ms)
{
    int hour, minute = 0, east = *p == '+';
    if ((!take(&p, '+') && !take(&p, '-')) || !take_digits(&p, 2, &hour))
        return NULL;
    if (!ends(p)) {
        take(&p, ':');
        if (!take_digits(&p, 2, &minute))
            return NULL;
    }
    if (hour > 23 || minute > 59)
        return NULL;
    int64_t zone = (hour * 60 + minute) * (int64_t)60 * SECOND;
    *ms += east ? -zone : zone;
    return p;
}

const char *instant_scan(const char *text, int64_t *ms)
{
    const char *p = scan_date(text, ms);
    if (!p || ends(p))
        return p;
    if (!take(&p, 'T') && !take(&p, ' '))
        return NULL;
    p = scan_clock(p, ms);
    if (p && !take(&p, 'Z') && !ends(p))
        p = scan_zone(p, ms);
    return p && ends(p) ? p : NULL;
}

int instant_of_date(int year, int month, int day, int64_t *ms)
{
    int valid = 0;
    if (year >= 0 && year <= 9999)
        *ms = days(year, month, day, &valid) * DAY;
    return valid ? 0 : -1;
}

int instant_is_plausible(int64_t local)
{
    int valid;
    return local >= days(FIRST_YEAR, 1, 1, &valid) * DAY &&
           local < days(LAST_YEAR + 1, 1, 1, &valid) * DAY;
}

/* A spreadsheet's days in milliseconds; day 25569 is 1970-01-01. Of six decimals or fewer half a
 * unit of the last is 43.2 ms or more: the second that lies so near is meant. */
static double of_days(double x)
{
    double ms = (x - 25569) * (double)DAY, second = round(ms / SECOND) * SECOND;
    int short_fraction = fabs(x * 1e6 - round(x * 1e6)) < 1e-4;
    return short_fraction && fabs(ms - second) <= 43.2 ? second : ms;
}

int instant_of_number(double x, enum time_format format, int64_t *ms)
{
    static const double parts[TIME_FORMATS] = {
        [TIME_MILLISECONDS] = 1, [TIME_MICROSECONDS] = 1e3, [TIME_NANOSECONDS] = 1e6};
    if (format == TIME_SECONDS)
        x *= SECOND;
    else if (format == TIME_EXCEL)
        x = of_days(x);
    else
        x /= parts[format];
    if (!(x >= (double)EARLIEST && x <= (double)LATEST))
        return -1;
    if (format == TIME_MICROSECONDS)
        x = floor(x); /* as the digits of ISO 8601's seconds behind the third */
    int64_t whole = (int64_t)x;
    *ms = (double)whole == x ? whole : llround(x);
    return 0;
}
