/* SPDX-License-Identifier: MIT */
#include "data/time_form.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/csv.h"
#include "data/instant.h"

#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)

/* What was read of a field, before it is an instant. */
struct parts {
    int year, month, day, hour, minute, second, milli;
    int afternoon;  /* -1: a clock of 24 hours; 0: AM; 1: PM */
    int zoned;      /* the field names its offset or zone */
    int64_t offset; /* ms east */
    char zone[TIME_SHOWN];
    int64_t epoch; /* of %s, in ms */
    int has_epoch, day_of_year;
    int named; /* the month has a name, so that every order reads the same */
};

struct cursor {
    const char *at, *end;
};

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const weekday_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                            "Friday", "Saturday", "Sunday"};

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

/* --- pieces of a field */

static int is_digit(const struct cursor *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

/* Up to `most` digits; returns how many. */
static int digits(struct cursor *c, int most, int *value)
{
    int count = 0;
    *value = 0;
    for (; count < most && is_digit(c); count++)
        *value = *value * 10 + (*c->at++ - '0');
    return count;
}

static int blanks(struct cursor *c)
{
    const char *from = c->at;
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
    return c->at > from;
}

static int take(struct cursor *c, char wanted)
{
    int there = c->at < c->end && *c->at == wanted;
    c->at += there;
    return there;
}

static size_t letters(const struct cursor *c)
{
    size_t n = 0;
    while (c->at + n < c->end && isalpha((unsigned char)c->at[n]) && (unsigned char)c->at[n] < 128)
        n++;
    return n;
}

/* A name of the list, whole or at least its first three letters: its number from 1; 0 if none. */
static int name_of(struct cursor *c, const char *const *names, int count)
{
    size_t n = letters(c);
    for (int i = 0; i < count && n >= 3; i++)
        if (n <= strlen(names[i]) && !strncasecmp(c->at, names[i], n)) {
            c->at += n;
            return i + 1;
        }
    return 0;
}

static int word(struct cursor *c, const char *text)
{
    size_t n = strlen(text);
    int there = letters(c) == n && !strncasecmp(c->at, text, n);
    c->at += there ? n : 0;
    return there;
}

/* Of two digits, as POSIX has them: 69 to 99 are of the 20th century. */
static int full_year(int year, int width)
{
    return width == 2 ? year + (year < 69 ? 2000 : 1900) : year;
}

/* AM or PM, with points or not */
static int half_day(struct cursor *c, int *afternoon)
{
    static const char *const words[] = {"a.m.", "p.m.", "am", "pm", "a.m", "p.m"};
    for (int i = 0; i < 6; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(c->end - c->at) >= n && !strncasecmp(c->at, words[i], n) &&
            (c->at + n == c->end || !isalpha((unsigned char)c->at[n]))) {
            c->at += n;
            *afternoon = i % 2;
            return 1;
        }
    }
    return 0;
}

/* Digits behind the seconds; those behind the third are dropped. */
static int fraction(struct cursor *c, int *milli)
{
    int value, unit = 100, count = 0;
    *milli = 0;
    for (; digits(c, 1, &value); unit /= 10, count++)
        *milli += value * unit;
    return count;
}

/* ±hh[[:]mm] */
static int offset_of(struct cursor *c, struct parts *p)
{
    int east = *c->at == '+', hour, minute = 0;
    c->at++;
    if (digits(c, 2, &hour) != 2)
        return -1;
    int colon = take(c, ':'), count = digits(c, 2, &minute);
    if ((count && count != 2) || (colon && !count) || hour > 23 || minute > 59)
        return -1;
    p->zoned = 1;
    p->offset = (hour * 60 + minute) * 60 * SECOND * (east ? 1 : -1);
    return 0;
}

/* Z, UTC, GMT (and an offset behind these), ±hh:mm, Area/City; nothing is right as well */
static int zone_of(struct cursor *c, struct parts *p)
{
    blanks(c);
    if (c->at == c->end)
        return 0;
    if (*c->at == '+' || *c->at == '-')
        return offset_of(c, p);
    if (word(c, "Z") || word(c, "UTC") || word(c, "GMT")) {
        p->zoned = 1;
        return c->at < c->end && (*c->at == '+' || *c->at == '-') ? offset_of(c, p) : 0;
    }
    size_t n = 0;
    while (c->at + n < c->end && (isalnum((unsigned char)c->at[n]) || strchr("/_+-", c->at[n])))
        n++;
    if (!n || n >= sizeof p->zone || !memchr(c->at, '/', n))
        return -1;
    memcpy(p->zone, c->at, n);
    p->zone[n] = 0;
    p->zoned = 1;
    c->at += n;
    return 0;
}

/* hh[:mm[:ss[.fff]]] [AM], hhmm[ss[.fff]]; an hour alone needs the T or AM */
static int clock_of(struct cursor *c, struct parts *p, int behind_t)
{
    const char *from = c->at;
    int width = digits(c, 6, &p->hour), alone = 1;
    if (width == 4 || width == 6) {
        c->at = from;
        digits(c, 2, &p->hour);
        digits(c, 2, &p->minute);
        if (width == 6)
            digits(c, 2, &p->second);
        alone = 0;
    } else if (width != 1 && width != 2) {
        return -1;
    } else if (take(c, ':')) {
        if (digits(c, 2, &p->minute) != 2)
            return -1;
        width = 4;
        alone = 0;
        if (take(c, ':')) {
            if (!digits(c, 2, &p->second))
                return -1;
            width = 6;
        }
    }
    if (width == 6 && (take(c, '.') || take(c, ',')) && !fraction(c, &p->milli))
        return -1;
    struct cursor word = *c;
    if (!blanks(&word))
        take(&word, '-');
    if (half_day(&word, &p->afternoon))
        *c = word;
    return alone && !behind_t && p->afternoon < 0 ? -1 : 0;
}

/* --- dates in words and numbers */

/* Between the numbers of a date: '-', '/', '.', or blanks, which may also stand around these. */
static char between(struct cursor *c)
{
    int gap = blanks(c);
    char sign = c->at < c->end && strchr("-/.", *c->at) ? *c->at++ : 0;
    blanks(c);
    return sign ? sign : gap ? ' ' : 0;
}

/* "Jan 02, 2024", "January 2, 2024", "Jan 2024" */
static int month_first(struct cursor *c, struct parts *p)
{
    int value, width;
    p->month = name_of(c, month_names, 12);
    p->named = 1;
    take(c, '.');
    if (!p->month || (!blanks(c) && !take(c, '-') && !take(c, '/')))
        return -1;
    width = digits(c, 4, &value);
    if (width == 4) {
        p->year = value;
        return 0;
    }
    if (width != 1 && width != 2)
        return -1;
    p->day = value;
    if (!take(c, ',') && !take(c, '-') && !take(c, '/') && !blanks(c))
        return -1;
    blanks(c);
    width = digits(c, 4, &value);
    p->year = full_year(value, width);
    return width == 4 || width == 2 ? 0 : -1;
}

/* What follows "02-", "2024 ": "Jan-2024", "Jan 02" */
static int month_second(struct cursor *c, struct parts *p, int first, int width)
{
    int value;
    p->month = name_of(c, month_names, 12);
    p->named = 1;
    take(c, '.');
    if (!p->month)
        return -1;
    take(c, ',');
    if (!between(c) && !is_digit(c))
        return -1;
    int other = digits(c, 4, &value);
    if (width == 4) {
        p->year = first;
        p->day = value;
        return other == 1 || other == 2 ? 0 : -1;
    }
    p->day = first;
    p->year = full_year(value, other);
    return width <= 2 && (other == 4 || other == 2) ? 0 : -1;
}

static int three_numbers(struct parts *p, enum time_format order, const int value[3],
                         const int width[3])
{
    static const int place[3][3] = {{0, 1, 2}, {2, 1, 0}, {2, 0, 1}}; /* of year, month, day */
    const int *at = place[order - TIME_YMD];
    int year = width[at[0]];
    if ((year != 4 && year != 2) || width[at[1]] > 2 || width[at[2]] > 2)
        return -1;
    p->year = full_year(value[at[0]], year);
    p->month = value[at[1]];
    p->day = value[at[2]];
    return 0;
}

static int date_of(struct cursor *c, enum time_format order, struct parts *p)
{
    int value[3], width[3];
    struct cursor start = *c;
    if (name_of(c, weekday_names, 7)) {
        take(c, '.');
        take(c, ',');
        if (!blanks(c))
            *c = start; /* a month, or nothing */
    }
    if (letters(c))
        return month_first(c, p);
    width[0] = digits(c, 8, &value[0]);
    if (width[0] == 8 && order == TIME_YMD) {
        p->year = value[0] / 10000;
        p->month = value[0] / 100 % 100;
        p->day = value[0] % 100;
        return 0;
    }
    char sign = width[0] && width[0] <= 4 ? between(c) : 0;
    if (!sign)
        return -1;
    if (letters(c))
        return month_second(c, p, value[0], width[0]);
    width[1] = digits(c, 2, &value[1]);
    struct cursor behind = *c;
    if (width[1] && between(c) == sign && is_digit(c)) {
        width[2] = digits(c, 4, &value[2]);
        return three_numbers(p, order, value, width);
    }
    *c = behind; /* ISO 8601, reduced: 2024-01 */
    p->year = value[0];
    p->month = value[1];
    return order == TIME_YMD && width[0] == 4 && width[1] && sign != '.' ? 0 : -1;
}

/* The whole field, in the order; -1 if it has another form. */
static int words_of(const char *text, size_t length, enum time_format order, struct parts *p)
{
    struct cursor c = {text, text + length};
    *p = (struct parts){.day = 1, .afternoon = -1};
    blanks(&c);
    if (date_of(&c, order, p))
        return -1;
    if (blanks(&c) && c.at == c.end)
        return 0;
    int behind_t = 0;
    if (c.at < c.end && c.at[-1] != ' ') {
        behind_t = take(&c, 'T') || take(&c, 't');
        if (!behind_t && !take(&c, '-') && !take(&c, '_') && !take(&c, ':'))
            take(&c, ',');
        blanks(&c);
    }
    if (c.at < c.end && is_digit(&c)) {
        if (clock_of(&c, p, behind_t))
            return -1;
    } else if (behind_t) {
        return -1;
    }
    if (zone_of(&c, p))
        return -1;
    blanks(&c);
    return c.at == c.end ? 0 : -1;
}

/* --- patterns */

/* One letter of a pattern. */
static int pattern_letter(char letter, struct cursor *c, struct parts *p)
{
    int value, width;
    static const struct {
        char letter;
        int most;
        size_t offset;
    } numbers[] = {
        {'Y', 4, offsetof(struct parts, year)},       {'m', 2, offsetof(struct parts, month)},
        {'d', 2, offsetof(struct parts, day)},        {'e', 2, offsetof(struct parts, day)},
        {'H', 2, offsetof(struct parts, hour)},       {'I', 2, offsetof(struct parts, hour)},
        {'M', 2, offsetof(struct parts, minute)},     {'S', 2, offsetof(struct parts, second)},
        {'j', 3, offsetof(struct parts, day_of_year)}};
    if (letter == 'e')
        blanks(c);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (letter == numbers[i].letter) {
            int *to = (int *)(void *)((char *)p + numbers[i].offset);
            p->afternoon = letter == 'I' && p->afternoon < 0 ? 0 : p->afternoon;
            width = digits(c, numbers[i].most, to);
            /* %Y is no year of two digits, and no year has a day 0 */
            return !width || (letter == 'Y' && width != 4) || (letter == 'j' && !*to) ? -1 : 0;
        }
    switch (letter) {
    case 'y':
        width = digits(c, 2, &value);
        p->year = full_year(value, 2);
        return width == 2 ? 0 : -1;
    case 'b':
    case 'B':
    case 'h':
        return (p->month = name_of(c, month_names, 12)) ? 0 : -1;
    case 'a':
    case 'A':
        return name_of(c, weekday_names, 7) ? 0 : -1;
    case 'p':
        return half_day(c, &p->afternoon) ? 0 : -1;
    case 'f':
        return fraction(c, &p->milli) ? 0 : -1;
    case 'z':
    case 'Z':
        return zone_of(c, p) || !p->zoned ? -1 : 0;
    case 's':
        p->has_epoch = p->zoned = 1;
        for (p->epoch = 0, width = 0; digits(c, 1, &value); width++)
            p->epoch = width < 12 ? p->epoch * 10 + value : p->epoch;
        p->epoch *= SECOND;
        return width && width < 12 ? 0 : -1;
    case '%':
        return take(c, '%') ? 0 : -1;
    default:
        return -1;
    }
}

/* Letters that stand for several. */
static const char *pattern_of(char letter)
{
    return letter == 'T'   ? "%H:%M:%S"
           : letter == 'R' ? "%H:%M"
           : letter == 'F' ? "%Y-%m-%d"
           : letter == 'D' ? "%m/%d/%y"
                           : NULL;
}

static int pattern_match(const char *pattern, struct cursor *c, struct parts *p)
{
    for (; *pattern; pattern++) {
        if (isspace((unsigned char)*pattern)) {
            blanks(c);
        } else if (*pattern != '%') {
            if (!take(c, *pattern))
                return -1;
        } else {
            const char *more = pattern_of(*++pattern);
            if (more ? pattern_match(more, c, p) : pattern_letter(*pattern, c, p))
                return -1;
        }
    }
    return 0;
}

static int by_pattern(const char *pattern, const char *text, size_t length, struct parts *p)
{
    struct cursor c = {text, text + length};
    *p = (struct parts){.month = 1, .day = 1, .afternoon = -1};
    return pattern_match(pattern, &c, p) || c.at != c.end ? -1 : 0;
}

/* --- instants */

/* Milliseconds of the date and clock, as if they were UTC; -1 if there is no such. */
static int local_of(const struct parts *p, int64_t *ms)
{
    int hour = p->hour;
    if (p->has_epoch) {
        *ms = p->epoch + p->milli;
        return 0;
    }
    if (p->afternoon >= 0) {
        if (hour < 1 || hour > 12)
            return -1;
        hour = hour % 12 + 12 * p->afternoon;
    }
    int midnight = hour == 24 && !p->minute && !p->second && !p->milli; /* of the next day */
    if ((hour > 23 && !midnight) || p->minute > 59 || p->second > 59)
        return -1;
    int month = p->day_of_year ? 1 : p->month, day = p->day_of_year ? 1 : p->day;
    if (instant_of_date(p->year, month, day, ms))
        return -1;
    if (p->day_of_year) {
        int64_t next;
        if (instant_of_date(p->year + 1, 1, 1, &next) || *ms + (p->day_of_year - 1) * DAY >= next)
            return -1;
        *ms += (p->day_of_year - 1) * DAY;
    }
    *ms += ((hour * 60 + p->minute) * 60 + p->second) * SECOND + p->milli;
    return 0;
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

static enum time_fault instant_of(struct time_form *form, const struct parts *p, int64_t *ms,
                                  int64_t *later)
{
    int64_t local;
    if (local_of(p, &local))
        return TIME_UNLIKE;
    if (*p->zone) {
        enum time_fault fault = named_zone(form, p->zone);
        return fault ? fault : in_zone(form->named, local, ms, later);
    }
    if (!p->zoned && form->zone)
        return in_zone(form->zone, local, ms, later);
    *ms = *later = local - p->offset;
    return TIME_READ;
}

static int all_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return 0;
    return length > 0;
}

/* YYYYMM[DD[hh[mm[ss]]]] of the years 1900 to 2100; with 8 digits 1800 to 2199, as was read before
 * there was another form. */
static int digits_of(const char *text, size_t length, struct parts *p)
{
    struct cursor c = {text, text + length};
    *p = (struct parts){.day = 1, .afternoon = -1};
    if (!all_digits(text, length) || length % 2 || length < 6 || length > 14)
        return -1;
    digits(&c, 4, &p->year);
    digits(&c, 2, &p->month);
    int *const rest[] = {&p->day, &p->hour, &p->minute, &p->second};
    for (size_t i = 0; c.at < c.end; i++)
        digits(&c, 2, rest[i]);
    int64_t ms;
    return local_of(p, &ms) || p->hour > 23 || p->year < (length == 8 ? 1800 : 1900) ||
                   p->year > (length == 8 ? 2199 : 2100)
               ? -1
               : 0;
}

/* A number in the form's unit; nanoseconds have more digits than a double. */
static enum time_fault number_of(const struct time_form *form, const char *text, size_t length,
                                 int64_t *ms, int64_t *later)
{
    double x;
    enum time_fault fault = TIME_READ;
    if (form->format == TIME_NANOSECONDS && all_digits(text, length) && length <= 19)
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

enum time_fault time_parse(struct time_form *form, const char *text, size_t length, int64_t *ms,
                           int64_t *later)
{
    struct parts p;
    switch (form->format) {
    case TIME_MILLISECONDS:
    case TIME_SECONDS:
    case TIME_MICROSECONDS:
    case TIME_NANOSECONDS:
    case TIME_EXCEL:
        return number_of(form, text, length, ms, later);
    case TIME_DIGITS:
        return digits_of(text, length, &p) ? TIME_UNLIKE : instant_of(form, &p, ms, later);
    case TIME_PATTERN:
        return by_pattern(form->pattern, text, length, &p) ? TIME_UNLIKE
                                                           : instant_of(form, &p, ms, later);
    case TIME_ISO8601:
        if (!form->zone && instant_scan(text, ms) == text + length) {
            *later = *ms;
            return TIME_READ;
        }
        return words_of(text, length, TIME_YMD, &p) ? TIME_UNLIKE : instant_of(form, &p, ms, later);
    case TIME_YMD:
    case TIME_DMY:
    case TIME_MDY:
        return words_of(text, length, form->format, &p) ? TIME_UNLIKE
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
    int year = 0;
    if (!strchr(text, '%')) {
        snprintf(fault, TIME_FAULT,
                 "is none of auto, ms, us, ns, s, excel, ymd, dmy, "
                 "mdy, and no pattern such as %%d.%%m.%%Y");
        return -1;
    }
    for (const char *p = text; (p = strchr(p, '%')); p++) {
        if (!*++p || !strchr("YmdeHIMSfpyjbBhaAzZsTRFD%", *p)) {
            snprintf(fault, TIME_FAULT, "has %%%.1s, which is not known; see DATA FILES", p);
            return -1;
        }
        year |= strchr("YysFD", *p) != NULL;
    }
    if (!year) {
        snprintf(fault, TIME_FAULT,
                 "has no year (%%Y, %%y, %%F or %%s): where date and time stand in two columns, "
                 "data.time names both");
        return -1;
    }
    form->format = TIME_PATTERN;
    form->pattern = text;
    return 0;
}

/* --- judging a column */

#define BIT(format) (1u << (format))

static int is_number(const char *text, size_t length, double *x)
{
    return csv_parse_number(text, length, x) == CSV_NUMBER;
}

/* The unit in which a number is an instant of 1970 to 2200 by its size. */
static enum time_format unit_of(double x)
{
    static const struct {
        enum time_format format;
        double least, most;
    } units[] = {{TIME_SECONDS, -2208988800.0, 7258118400.0},
                 {TIME_MILLISECONDS, 1e11, 7258118400e3},
                 {TIME_MICROSECONDS, 1e14, 7258118400e6},
                 {TIME_NANOSECONDS, 1e17, 7258118400e9}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (x >= units[i].least && x < units[i].most)
            return units[i].format;
    return TIME_NONE;
}

static void note_odd(struct time_judge *j, const char *text, uint64_t line)
{
    if (j->odd_line)
        return;
    j->odd_line = line;
    csv_show(text, j->odd_text);
}

/* Two digits of a field as a number */
static int pair(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}

/* Whether a spreadsheet has probably cut digits off: the text has fewer than the number, and few.
 */
static int lost_digits(const char *text, double x)
{
    size_t mantissa = strcspn(text, "eE"), digits = 0;
    if (!text[mantissa] || mantissa >= 12 || fabs(x) < 1e9)
        return 0;
    for (size_t i = 0; i < mantissa; i++)
        digits += text[i] >= '0' && text[i] <= '9';
    return (double)digits < floor(log10(fabs(x))) + 1;
}

static void judge_number(struct time_judge *j, const char *text, size_t length, uint64_t line,
                         double x)
{
    struct parts p;
    int64_t ms;
    int width = all_digits(text, length) ? (int)length : 0;
    enum time_format unit = unit_of(x);
    if (!j->rows) {
        j->width = width;
        j->calendar = j->yymmdd = j->hhmmss = j->excel = j->zeros = 1;
        j->first = j->least = j->most = x;
    }
    j->width = j->width == width ? width : 0;
    j->calendar &= width && !digits_of(text, length, &p);
    j->yymmdd &= width == 6 &&
                 !instant_of_date(full_year(pair(text), 2), pair(text + 2), pair(text + 4), &ms);
    j->hhmmss &= width == 6 && pair(text) < 24 && pair(text + 2) < 60 && pair(text + 4) < 60;
    j->excel &= x >= 10000 && x < 100000;
    j->short_exponent |= lost_digits(text, x);
    j->least = x < j->least ? x : j->least;
    j->most = x > j->most ? x : j->most;
    if (unit == TIME_MICROSECONDS && j->units == BIT(TIME_MILLISECONDS))
        j->change_line = line;
    if (!unit)
        note_odd(j, text, line);
    j->units |= BIT(unit);
}

void time_judge_row(struct time_judge *j, const char *text, size_t length, uint64_t line)
{
    struct parts p;
    int64_t ms;
    double x;
    if (!j->rows) {
        j->orders = BIT(TIME_YMD) | BIT(TIME_DMY) | BIT(TIME_MDY);
        j->iso = j->named = 1;
        csv_show(text, j->first_text);
    }
    j->iso = j->iso && instant_scan(text, &ms) == text + length;
    for (enum time_format order = TIME_YMD; order <= TIME_MDY; order++) {
        if (!(j->orders & BIT(order)))
            continue;
        if (words_of(text, length, order, &p) || local_of(&p, &ms))
            j->orders &= ~BIT(order);
        else
            j->named &= p.named;
    }
    if (!j->words && is_number(text, length, &x))
        judge_number(j, text, length, line, x);
    else
        j->words = 1;
    if (!j->orders && j->words)
        note_odd(j, text, line);
    j->rows++;
}

const char *time_judge_reading(const struct time_judge *j, enum time_format format,
                               const char *pattern, char out[TABLE_TIME])
{
    struct time_form form = {.format = format, .pattern = pattern};
    int64_t ms, later;
    if (time_parse(&form, j->first_text, strlen(j->first_text), &ms, &later))
        return "nothing";
    return table_time(ms, out);
}

struct choice {
    const char *value; /* of data.time_format */
    enum time_format format;
};

/* Refuses with the reading of the first field in each form that is possible. */
static int refuse(const struct time_judge *j, const char *path, const char *column,
                  const struct choice *choice, size_t count, struct error *err)
{
    char out[TABLE_TIME];
    error_set(err, STATUS_INPUT,
              "%s: column '%s': time '%s' can be read in several ways; set data.time_format =",
              path, column, j->first_text);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, "%s %s for %s",
                 i == 0           ? ""
                 : i + 1 == count ? " or"
                                  : ",",
                 choice[i].value, time_judge_reading(j, choice[i].format, choice[i].value, out));
    }
    return -1;
}

static int judge_digits(const struct time_judge *j, const char *path, const char *column,
                        struct time_form *form, struct error *err)
{
    static const struct choice hours[] = {{"%Y%m%d%H", TIME_PATTERN}, {"s", TIME_SECONDS}};
    static const struct choice years[] = {{"%Y", TIME_PATTERN}, {"s", TIME_SECONDS}};
    static const struct choice days[] = {{"excel", TIME_EXCEL}, {"s", TIME_SECONDS}};
    static const struct choice short_days[] = {{"%y%m%d", TIME_PATTERN}, {"s", TIME_SECONDS}};
    int seconds = !(j->units & ~BIT(TIME_SECONDS));
    form->format = TIME_NONE;
    if (j->calendar && j->width == 10 && seconds)
        return refuse(j, path, column, hours, 2, err);
    if (j->calendar)
        form->format = TIME_DIGITS;
    else if (j->first == 0)
        return 0;
    else if (j->width == 4)
        return refuse(j, path, column, years, 2, err);
    else if (j->hhmmss && !j->yymmdd)
        return error_set(err, STATUS_INPUT,
                         "%s: column '%s': time '%s' looks like a time of day: where the date "
                         "stands in another column, data.time names both (date first); if these "
                         "are seconds, set data.time_format = s",
                         path, column, j->first_text);
    else if (j->yymmdd)
        return refuse(j, path, column, short_days, 2, err);
    else if (j->excel)
        return refuse(j, path, column, days, 2, err);
    return 0;
}

static int judge_numbers(const struct time_judge *j, const char *path, const char *column,
                         struct time_form *form, struct error *err)
{
    if (j->short_exponent)
        return error_set(
            err, STATUS_INPUT,
            "%s: column '%s': time '%s' has lost its last digits, as in a spreadsheet: "
            "write the file again with all digits",
            path, column, j->first_text);
    if (judge_digits(j, path, column, form, err))
        return -1;
    if (form->format)
        return 0;
    unsigned units = j->units;
    if (units == (BIT(TIME_MILLISECONDS) | BIT(TIME_MICROSECONDS)) ||
        units == BIT(TIME_MILLISECONDS))
        form->format = TIME_MILLISECONDS;
    else if (units == BIT(TIME_SECONDS))
        form->format = TIME_SECONDS;
    else if (units == BIT(TIME_MICROSECONDS))
        form->format = TIME_MICROSECONDS;
    else if (units == BIT(TIME_NANOSECONDS))
        form->format = TIME_NANOSECONDS;
    else if (units & BIT(TIME_NONE))
        return error_set(err, STATUS_INPUT,
                         "%s:%llu: column '%s': time '%s' is no instant of the years 1900 to 2200, "
                         "neither in seconds, milliseconds, microseconds or nanoseconds since 1970 "
                         "nor as digits YYYYMMDDhhmmss; data.time_format says what it is",
                         path, (unsigned long long)j->odd_line, column, j->odd_text);
    else
        return error_set(
            err, STATUS_INPUT,
            "%s: column '%s': times from %.17g to %.17g are not of one unit since 1970; "
            "data.time_format = s, ms, us or ns says which",
            path, column, j->least, j->most);
    return 0;
}

int time_judge_end(const struct time_judge *j, const char *path, const char *column,
                   struct time_form *form, struct error *err)
{
    static const struct choice orders[] = {{"ymd", TIME_YMD}, {"dmy", TIME_DMY}, {"mdy", TIME_MDY}};
    struct choice left[3];
    size_t count = 0;
    if (j->rows && !j->words)
        return judge_numbers(j, path, column, form, err);
    for (size_t i = 0; i < 3; i++)
        if (j->orders & BIT(orders[i].format))
            left[count++] = orders[i];
    if (!count)
        return error_set(
            err, STATUS_INPUT,
            "%s:%llu: column '%s': time '%s' has none of the forms that are found out, "
            "or not that of the rows before; data.time_format can name it (as "
            "%%d.%%m.%%Y %%H:%%M)",
            path, (unsigned long long)j->odd_line, column, j->odd_text);
    if (count > 1 && !j->named)
        return refuse(j, path, column, left, count, err);
    form->format = j->iso && !form->zone ? TIME_ISO8601 : left[0].format;
    return 0;
}

int time_judge_allows(const struct time_judge *j, enum time_format kept)
{
    const unsigned ms = BIT(TIME_MILLISECONDS), us = BIT(TIME_MICROSECONDS);
    if (!j->rows || j->words)
        return kept == TIME_ISO8601
                   ? (j->orders & BIT(TIME_YMD)) != 0
                   : kept >= TIME_YMD && kept <= TIME_MDY && (j->orders & BIT(kept)) != 0;
    if (j->short_exponent)
        return 0;
    if (j->calendar && j->width != 10)
        return kept == TIME_DIGITS;
    if (kept == TIME_MILLISECONDS)
        return (j->units & ms) && !(j->units & ~(ms | us));
    return (kept == TIME_SECONDS || kept == TIME_MICROSECONDS || kept == TIME_NANOSECONDS) &&
           j->units == BIT(kept);
}

enum time_format time_of_first(const char *text, size_t length)
{
    struct parts p;
    int64_t ms;
    if (instant_scan(text, &ms) == text + length)
        return TIME_ISO8601;
    if (!all_digits(text, length))
        return TIME_NONE;
    if (length == 13)
        return TIME_MILLISECONDS;
    return length == 10 && digits_of(text, length, &p) ? TIME_SECONDS : TIME_NONE;
}
