/* SPDX-License-Identifier: MIT */
#include "util/zone.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"

#define LIMIT ((size_t)1 << 20)
#define DAY INT64_C(86400)

/* A rule of the footer, which serves all years behind the last change: "M3.5.0/2" */
struct rule {
    int kind; /* 'M': month.week.day, 'J': day 1-365 without 29 February, 'n': day 0-365 */
    int month, week, day, time;
};

struct zone {
    char *name;
    int64_t *change; /* [changes] seconds since 1970 UTC, ascending */
    int32_t *offset; /* [changes + 1] seconds east: before the first change, behind each */
    size_t changes;
    int has_rules; /* behind the last change */
    int32_t standard, summer;
    struct rule begins, ends; /* of summer time, in local time */
};

/* --- the footer: a TZ string of POSIX, "CET-1CEST,M3.5.0,M10.5.0/3" */

static int number(const char **at, int *value)
{
    if (!isdigit((unsigned char)**at))
        return -1;
    for (*value = 0; isdigit((unsigned char)**at); ++*at)
        *value = *value < 100000 ? *value * 10 + (**at - '0') : *value;
    return 0;
}

static int skip_name(const char **at)
{
    const char *from = *at;
    if (**at == '<') {
        const char *close = strchr(*at, '>');
        if (!close)
            return -1;
        *at = close + 1;
        return 0;
    }
    while (isalpha((unsigned char)**at))
        ++*at;
    return *at - from >= 3 ? 0 : -1;
}

/* [+-]hh[:mm[:ss]] in seconds */
static int clock_of(const char **at, int32_t *seconds)
{
    int sign = **at == '-' ? -1 : 1, hour, minute = 0, second = 0;
    *at += **at == '-' || **at == '+';
    if (number(at, &hour) || hour > 167)
        return -1;
    if (**at == ':') {
        ++*at;
        if (number(at, &minute) || minute > 59)
            return -1;
        if (**at == ':') {
            ++*at;
            if (number(at, &second) || second > 59)
                return -1;
        }
    }
    *seconds = sign * (hour * 3600 + minute * 60 + second);
    return 0;
}

static int rule_of(const char **at, struct rule *rule)
{
    int32_t time = 7200;
    rule->kind = **at == 'M' || **at == 'J' ? **at : 'n';
    *at += rule->kind != 'n';
    if (rule->kind != 'M') {
        if (number(at, &rule->day))
            return -1;
    } else if (number(at, &rule->month) || *(*at)++ != '.' || number(at, &rule->week) ||
               *(*at)++ != '.' || number(at, &rule->day) || rule->month < 1 || rule->month > 12 ||
               rule->week < 1 || rule->week > 5 || rule->day > 6) {
        return -1;
    }
    if (**at == '/') {
        ++*at;
        if (clock_of(at, &time))
            return -1;
    }
    rule->time = time;
    return 0;
}

static int read_footer(struct zone *zone, const char *text)
{
    int32_t west;
    if (!*text)
        return 0;
    if (skip_name(&text) || clock_of(&text, &west))
        return -1;
    zone->standard = -west;
    zone->summer = zone->standard + 3600;
    zone->has_rules = 1;
    zone->begins.kind = 0;
    if (!*text)
        return 0;
    if (skip_name(&text))
        return -1;
    if (*text && *text != ',') {
        if (clock_of(&text, &west))
            return -1;
        zone->summer = -west;
    }
    return *text == ',' && (text++, !rule_of(&text, &zone->begins)) && *text == ',' &&
                   (text++, !rule_of(&text, &zone->ends)) && !*text
               ? 0
               : -1;
}

/* --- the file */

static int64_t big_endian(const unsigned char *at, int bytes)
{
    uint64_t value = bytes == 4 && at[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

struct counts {
    size_t utc, standard, leap, times, types, names;
};

/* The header of a data block: -1 if there is none. */
static int read_counts(const unsigned char *at, const unsigned char *end, struct counts *n)
{
    if (end - at < 44 || memcmp(at, "TZif", 4))
        return -1;
    size_t *to[] = {&n->utc, &n->standard, &n->leap, &n->times, &n->types, &n->names};
    for (size_t i = 0; i < 6; i++) {
        int64_t count = big_endian(at + 20 + 4 * i, 4);
        if (count < 0 || (size_t)count > LIMIT)
            return -1;
        *to[i] = (size_t)count;
    }
    return n->types ? 0 : -1;
}

static size_t block_bytes(const struct counts *n, size_t word)
{
    return n->times * (word + 1) + n->types * 6 + n->names + n->leap * (word + 4) + n->standard +
           n->utc;
}

/* Seconds east of a type. */
static int offset_of(const unsigned char *types, const struct counts *n, size_t type, int32_t *to)
{
    if (type >= n->types)
        return -1;
    *to = (int32_t)big_endian(types + 6 * type, 4);
    return *to > -93600 && *to < 93600 ? 0 : -1;
}

/* The changes of a block whose times have `word` bytes. */
static int read_block(struct zone *zone, const unsigned char *at, const struct counts *n, int word)
{
    const unsigned char *kind = at + n->times * (size_t)word, *types = kind + n->times;
    zone->change = calloc(n->times + 1, sizeof *zone->change);
    zone->offset = calloc(n->times + 1, sizeof *zone->offset);
    zone->changes = n->times;
    if (!zone->change || !zone->offset)
        return -1;
    size_t first = 0; /* before the first change: the first type that is no summer time */
    while (first < n->types && types[6 * first + 4])
        first++;
    if (offset_of(types, n, first < n->types ? first : 0, &zone->offset[0]))
        return -1;
    for (size_t i = 0; i < n->times; i++) {
        zone->change[i] = big_endian(at + i * (size_t)word, word);
        if (offset_of(types, n, kind[i], &zone->offset[i + 1]) ||
            (i && zone->change[i] <= zone->change[i - 1]))
            return -1;
    }
    return 0;
}

static int read_zone(struct zone *zone, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;
    struct counts n;
    if (read_counts(at, end, &n))
        return -1;
    int version = at[4];
    at += 44;
    if (block_bytes(&n, 4) > (size_t)(end - at))
        return -1;
    if (version < '2')
        return read_block(zone, at, &n, 4);
    at += block_bytes(&n, 4);
    if (read_counts(at, end, &n) || block_bytes(&n, 8) > (size_t)(end - at - 44))
        return -1;
    at += 44;
    if (read_block(zone, at, &n, 8))
        return -1;
    at += block_bytes(&n, 8);
    const unsigned char *close =
        at < end && *at == '\n' ? memchr(at + 1, '\n', (size_t)(end - at - 1)) : NULL;
    char footer[256];
    if (!close || (size_t)(close - at) > sizeof footer)
        return -1;
    memcpy(footer, at + 1, (size_t)(close - at - 1));
    footer[close - at - 1] = 0;
    return read_footer(zone, footer);
}

static int is_name(const char *name)
{
    if (!*name || *name == '/' || strstr(name, "..") || strlen(name) > 100)
        return 0;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("/_+-", *name))
            return 0;
    return 1;
}

struct zone *zone_open(const char *name, struct error *err)
{
    struct zone *zone = calloc(1, sizeof *zone);
    if (zone && !(zone->name = strdup(name))) {
        zone_free(zone);
        zone = NULL;
    }
    if (zone && (!strcmp(name, "UTC") || !strcmp(name, "GMT")) &&
        (zone->offset = calloc(1, sizeof *zone->offset)))
        return zone;
    const char *folder = getenv("TZDIR");
    char *path = zone && is_name(name)
                     ? file_join(folder && *folder ? folder : "/usr/share/zoneinfo", name)
                     : NULL;
    struct error why;
    size_t size = 0;
    char *bytes = path ? file_read(path, LIMIT, &size, &why) : NULL;
    if (bytes && !read_zone(zone, bytes, size)) {
        free(bytes);
        free(path);
        return zone;
    }
    if (!zone)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (bytes)
        error_set(err, STATUS_INPUT, "%s: not a file of the time zone database", path);
    else
        error_set(err, STATUS_INPUT,
                  "the time zone database has no zone '%.100s'%s (names look like Europe/Berlin; "
                  "the package tzdata brings the database)",
                  name, path ? "" : ", which is no name of one");
    free(bytes);
    free(path);
    zone_free(zone);
    return NULL;
}

void zone_free(struct zone *zone)
{
    if (zone) {
        free(zone->name);
        free(zone->change);
        free(zone->offset);
    }
    free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

/* --- offsets */

/* Days since 1970 of January 1st of a year */
static int64_t new_year(int64_t year)
{
    int64_t y = year - 1;
    return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Local seconds since 1970 at which a rule takes effect in a year */
static int64_t rule_time(const struct rule *rule, int64_t year)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t day = new_year(year);
    if (rule->kind == 'J')
        day += rule->day - 1 + (is_leap(year) && rule->day > 59);
    else if (rule->kind == 'n')
        day += rule->day;
    else {
        int length = before[rule->month] - before[rule->month - 1];
        length += is_leap(year) && rule->month == 2;
        day += before[rule->month - 1] + (is_leap(year) && rule->month > 2);
        int64_t weekday = ((day + 4) % 7 + 7) % 7, from = (rule->day - weekday + 7) % 7;
        from += 7 * (rule->week - 1);
        day += from < length ? from : from - 7;
    }
    return day * DAY + rule->time;
}

/* Seconds east at an instant behind the last change */
static int32_t by_rules(const struct zone *zone, int64_t instant)
{
    if (!zone->begins.kind)
        return zone->standard;
    int64_t year = 1970 + (instant + zone->standard) / 31556952;
    while (new_year(year + 1) * DAY <= instant + zone->standard)
        year++;
    while (new_year(year) * DAY > instant + zone->standard)
        year--;
    int64_t begins = rule_time(&zone->begins, year) - zone->standard;
    int64_t ends = rule_time(&zone->ends, year) - zone->summer;
    int summer =
        begins < ends ? instant >= begins && instant < ends : instant >= begins || instant < ends;
    return summer ? zone->summer : zone->standard;
}

static int32_t offset_at(const struct zone *zone, int64_t instant)
{
    size_t low = 0, high = zone->changes;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->change[middle] <= instant)
            low = middle + 1;
        else
            high = middle;
    }
    return low == zone->changes && zone->has_rules ? by_rules(zone, instant) : zone->offset[low];
}

int zone_instants(const struct zone *zone, int64_t local, int64_t instant[2])
{
    int64_t rest = (local % 1000 + 1000) % 1000, seconds = (local - rest) / 1000;
    /* every offset in force within a day of it is a candidate; each is one if it is in force then
     */
    const int32_t offset[] = {offset_at(zone, seconds - DAY - DAY / 8),
                              offset_at(zone, seconds + DAY + DAY / 8)};
    int found = 0;
    int32_t high = offset[0] > offset[1] ? offset[0] : offset[1];
    int32_t low = offset[0] > offset[1] ? offset[1] : offset[0];
    if (offset_at(zone, seconds - high) == high)
        instant[found++] = (seconds - high) * 1000 + rest;
    if (low != high && offset_at(zone, seconds - low) == low)
        instant[found++] = (seconds - low) * 1000 + rest;
    return found;
}

int64_t zone_local(const struct zone *zone, int64_t instant)
{
    int64_t rest = (instant % 1000 + 1000) % 1000;
    return instant + offset_at(zone, (instant - rest) / 1000) * INT64_C(1000);
}
