/* SPDX-License-Identifier: MIT */
#include "data/time_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/instant.h"
#include "data/time_pattern.h"
#include "data/time_text.h"

const char *time_format_name(enum time_format format)
{
    static const char *const names[] = {
        [TIME_NONE] = "none",
        [TIME_MILLISECONDS] = "milliseconds",
        [TIME_SECONDS] = "seconds",
        [TIME_ISO8601] = "ISO 8601",
        [TIME_MICROSECONDS] = "microseconds",
        [TIME_NANOSECONDS] = "nanoseconds",
        [TIME_EXCEL] = "days of a spreadsheet",
        [TIME_DIGITS] = "digits of year, month, day ...",
        [TIME_YMD] = "year, month, day",
        [TIME_DMY] = "day, month, year",
        [TIME_MDY] = "month, day, year",
        [TIME_PATTERN] = "data.time_format",
    };
    _Static_assert(sizeof names / sizeof *names == TIME_FORMATS, "a format without a name");
    return names[format];
}

static enum time_fault in_zone(const struct zone *zone, int64_t local, int64_t *ms, int64_t *later)
{
    int64_t instant[2];
    int count = zone_instants(zone, local, instant);
    if (!count)
        return TIME_SKIPPED;
    *ms = instant[0];
    *later = instant[count - 1];
    return TIME_READ;
}

static enum time_fault named_zone(struct time_form *form, const char *name)
{
    struct error ignored;
    if (form->named && !strcmp(form->name, name))
        return TIME_READ;
    zone_free(form->named);
    form->named = zone_open(name, &ignored);
    snprintf(form->name, sizeof form->name, "%s", name);
    return form->named ? TIME_READ : TIME_NO_ZONE;
}

static enum time_fault instant_of(struct time_form *form, const struct time_parts *p, int64_t *ms,
                                  int64_t *later)
{
    int64_t local;
    if (time_text_local(p, &local))
        return TIME_UNLIKE;
    if (!instant_is_plausible(local))
        return TIME_FAR;
    form->zoned |= p->zoned;
    if (*p->zone) {
        enum time_fault fault = named_zone(form, p->zone);
        return fault ? fault : in_zone(form->named, local, ms, later);
    }
    if (!p->zoned && form->zone)
        return in_zone(form->zone, local, ms, later);
    *ms = *later = local - p->offset;
    return TIME_READ;
}

/* A number in the form's unit; nanoseconds have more digits than a double. */
static enum time_fault number_of(const struct time_form *form, const char *text, size_t length,
                                 int64_t *ms, int64_t *later)
{
    double x;
    enum time_fault fault = TIME_READ;
    if (form->format == TIME_NANOSECONDS && time_text_all_digits(text, length) && length <= 19)
        x = (double)(strtoull(text, NULL, 10) / 1000000) * 1e6;
    else if (csv_parse_number(text, length, &x) != CSV_NUMBER)
        fault = TIME_UNLIKE;
    enum time_format unit = form->format;
    if (unit == TIME_MILLISECONDS && !fault && x >= 1e14) /* as Binance's files change to */
        unit = TIME_MICROSECONDS;
    if (!fault && instant_of_number(x, unit, ms))
        fault = TIME_BEYOND;
    if (!fault && form->format == TIME_EXCEL && form->zone)
        return in_zone(form->zone, *ms, ms, later);
    if (!fault)
        *later = *ms;
    return fault;
}

/* Of ISO 8601: behind the date stands Z, or a sign. */
static int names_offset(const char *text, size_t length)
{
    const char *clock = text + 10;
    return text[length - 1] == 'Z' ||
           (length > 10 && (memchr(clock, '+', length - 10) || memchr(clock, '-', length - 10)));
}

enum time_fault time_parse(struct time_form *form, const char *text, size_t length, int64_t *ms,
                           int64_t *later)
{
    struct time_parts p;
    switch (form->format) {
    case TIME_MILLISECONDS:
    case TIME_SECONDS:
    case TIME_MICROSECONDS:
    case TIME_NANOSECONDS:
    case TIME_EXCEL:
        return number_of(form, text, length, ms, later);
    case TIME_DIGITS:
        return time_text_calendar(text, length, &p) ? TIME_UNLIKE : instant_of(form, &p, ms, later);
    case TIME_PATTERN:
        return time_pattern_read(form->pattern, text, length, &p) ? TIME_UNLIKE
                                                                  : instant_of(form, &p, ms, later);
    case TIME_ISO8601:
        if (!form->zone && instant_scan(text, ms) == text + length) {
            form->zoned |= names_offset(text, length);
            *later = *ms;
            return TIME_READ;
        }
        return time_text_words(text, length, TIME_YMD, &p) ? TIME_UNLIKE
                                                           : instant_of(form, &p, ms, later);
    case TIME_YMD:
    case TIME_DMY:
    case TIME_MDY:
        return time_text_words(text, length, form->format, &p) ? TIME_UNLIKE
                                                               : instant_of(form, &p, ms, later);
    default:
        return TIME_UNLIKE;
    }
}

void time_form_fini(struct time_form *form)
{
    zone_free(form->named);
    form->named = NULL;
}

int time_form_of(const char *text, struct time_form *form, char fault[TIME_FAULT])
{
    static const struct {
        const char *name;
        enum time_format format;
    } names[] = {{"auto", TIME_NONE},      {"ms", TIME_MILLISECONDS}, {"us", TIME_MICROSECONDS},
                 {"ns", TIME_NANOSECONDS}, {"s", TIME_SECONDS},       {"excel", TIME_EXCEL},
                 {"ymd", TIME_YMD},        {"dmy", TIME_DMY},         {"mdy", TIME_MDY}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(text, names[i].name)) {
            form->format = names[i].format;
            return 0;
        }
    if (!strchr(text, '%')) {
        snprintf(fault, TIME_FAULT,
                 "is none of auto, ms, us, ns, s, excel, ymd, dmy, "
                 "mdy, and no pattern such as %%d.%%m.%%Y");
        return -1;
    }
    if (time_pattern_check(text, fault, TIME_FAULT))
        return -1;
    form->format = TIME_PATTERN;
    form->pattern = text;
    return 0;
}
