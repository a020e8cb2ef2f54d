/* SPDX-License-Identifier: MIT */
#include "data/time_text.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "data/instant.h"
#include "data/number.h"

#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
const char *const time_text_weekdays[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                           "Friday", "Saturday", "Sunday"};

/* --- pieces of a field */

static int is_digit(const struct time_cursor *c)
{
    return c->at < c->end && number_is_digit(*c->at);
}

int time_text_digits(struct time_cursor *c, int most, int *value)
{
    int count = 0;
    *value = 0;
    for (; count < most && is_digit(c); count++)
        *value = *value * 10 + (*c->at++ - '0');
    return count;
}

int time_text_blanks(struct time_cursor *c)
{
    const char *from = c->at;
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
    return c->at > from;
}

int time_text_take(struct time_cursor *c, char wanted)
{
    int there = c->at < c->end && *c->at == wanted;
    c->at += there;
    return there;
}

static size_t letters(const struct time_cursor *c)
{
    size_t n = 0;
    while (c->at + n < c->end && isalpha((unsigned char)c->at[n]) && (unsigned char)c->at[n] < 128)
        n++;
    return n;
}

/* A name of the list, whole or at least its first three letters: its number from 1; 0 if none. */
static int name_of(struct time_cursor *c, const char *const *names, int count)
{
    size_t n = letters(c);
    for (int i = 0; i < count && n >= 3; i++)
        if (n <= strlen(names[i]) && !strncasecmp(c->at, names[i], n)) {
            c->at += n;
            return i + 1;
        }
    return 0;
}

int time_text_month(struct time_cursor *c)
{
    return name_of(c, month_names, 12);
}

int time_text_weekday(struct time_cursor *c)
{
    return name_of(c, time_text_weekdays, 7);
}

static int word(struct time_cursor *c, const char *text)
{
    size_t n = strlen(text);
    int there = letters(c) == n && !strncasecmp(c->at, text, n);
    c->at += there ? n : 0;
    return there;
}

int time_text_year(int year, int width)
{
    return width == 2 ? year + (year < 69 ? 2000 : 1900) : year;
}

int time_text_half_day(struct time_cursor *c, int *afternoon)
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

int time_text_fraction(struct time_cursor *c, int *milli)
{
    int value, unit = 100, count = 0;
    *milli = 0;
    for (; time_text_digits(c, 1, &value); unit /= 10, count++)
        *milli += value * unit;
    return count;
}

/* ±hh[[:]mm] */
static int offset_of(struct time_cursor *c, struct time_parts *p)
{
    int east = *c->at == '+', hour, minute = 0;
    c->at++;
    if (time_text_digits(c, 2, &hour) != 2)
        return -1;
    int colon = time_text_take(c, ':'), count = time_text_digits(c, 2, &minute);
    if ((count && count != 2) || (colon && !count) || hour > 23 || minute > 59)
        return -1;
    p->zoned = 1;
    p->offset = (hour * 60 + minute) * 60 * SECOND * (east ? 1 : -1);
    return 0;
}

int time_text_zone(struct time_cursor *c, struct time_parts *p)
{
    time_text_blanks(c);
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
static int clock_of(struct time_cursor *c, struct time_parts *p, int behind_t)
{
    const char *from = c->at;
    int width = time_text_digits(c, 6, &p->hour), alone = 1;
    if (width == 4 || width == 6) {
        c->at = from;
        time_text_digits(c, 2, &p->hour);
        time_text_digits(c, 2, &p->minute);
        if (width == 6)
            time_text_digits(c, 2, &p->second);
        alone = 0;
    } else if (width != 1 && width != 2) {
        return -1;
    } else if (time_text_take(c, ':')) {
        if (time_text_digits(c, 2, &p->minute) != 2)
            return -1;
        width = 4;
        alone = 0;
        if (time_text_take(c, ':')) {
            if (!time_text_digits(c, 2, &p->second))
                return -1;
            width = 6;
        }
    }
    if (width == 6 && (time_text_take(c, '.') || time_text_take(c, ',')) &&
        !time_text_fraction(c, &p->milli))
        return -1;
    struct time_cursor word = *c;
    if (!time_text_blanks(&word))
        time_text_take(&word, '-');
    if (time_text_half_day(&word, &p->afternoon))
        *c = word;
    return alone && !behind_t && p->afternoon < 0 ? -1 : 0;
}

/* --- dates in words and numbers */

/* Between the numbers of a date: '-', '/', '.', or blanks, which may also stand around these. */
static char between(struct time_cursor *c)
{
    int gap = time_text_blanks(c);
    char sign = c->at < c->end && strchr("-/.", *c->at) ? *c->at++ : 0;
    time_text_blanks(c);
    return sign ? sign : gap ? ' ' : 0;
}

/* "Jan 02, 2024", "January 2, 2024", "Jan 2024" */
static int month_first(struct time_cursor *c, struct time_parts *p)
{
    int value, width;
    p->month = time_text_month(c);
    p->named = 1;
    time_text_take(c, '.');
    if (!p->month || (!time_text_blanks(c) && !time_text_take(c, '-') && !time_text_take(c, '/')))
        return -1;
    width = time_text_digits(c, 4, &value);
    if (width == 4) {
        p->year = value;
        return 0;
    }
    if (width != 1 && width != 2)
        return -1;
    p->day = value;
    if (!time_text_take(c, ',') && !time_text_take(c, '-') && !time_text_take(c, '/') &&
        !time_text_blanks(c))
        return -1;
    time_text_blanks(c);
    width = time_text_digits(c, 4, &value);
    p->year = time_text_year(value, width);
    return width == 4 || width == 2 ? 0 : -1;
}

/* What follows "02-", "2024 ": "Jan-2024", "Jan 02" */
static int month_second(struct time_cursor *c, struct time_parts *p, int first, int width)
{
    int value;
    p->month = time_text_month(c);
    p->named = 1;
    time_text_take(c, '.');
    if (!p->month)
        return -1;
    time_text_take(c, ',');
    if (!between(c) && !is_digit(c))
        return -1;
    int other = time_text_digits(c, 4, &value);
    if (width == 4) {
        p->year = first;
        p->day = value;
        return other == 1 || other == 2 ? 0 : -1;
    }
    p->day = first;
    p->year = time_text_year(value, other);
    return width <= 2 && (other == 4 || other == 2) ? 0 : -1;
}

static int three_numbers(struct time_parts *p, enum time_format order, const int value[3],
                         const int width[3])
{
    static const int place[3][3] = {{0, 1, 2}, {2, 1, 0}, {2, 0, 1}}; /* of year, month, day */
    const int *at = place[order - TIME_YMD];
    int year = width[at[0]];
    if ((year != 4 && year != 2) || width[at[1]] > 2 || width[at[2]] > 2)
        return -1;
    p->year = time_text_year(value[at[0]], year);
    p->month = value[at[1]];
    p->day = value[at[2]];
    return 0;
}

static int date_of(struct time_cursor *c, enum time_format order, struct time_parts *p)
{
    int value[3], width[3];
    struct time_cursor start = *c;
    if (time_text_weekday(c)) {
        time_text_take(c, '.');
        time_text_take(c, ',');
        if (!time_text_blanks(c))
            *c = start; /* a month, or nothing */
    }
    if (letters(c))
        return month_first(c, p);
    width[0] = time_text_digits(c, 8, &value[0]);
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
    width[1] = time_text_digits(c, 2, &value[1]);
    struct time_cursor behind = *c;
    if (width[1] && between(c) == sign && is_digit(c)) {
        width[2] = time_text_digits(c, 4, &value[2]);
        return three_numbers(p, order, value, width);
    }
    *c = behind; /* ISO 8601, reduced: 2024-01 */
    p->year = value[0];
    p->month = value[1];
    return order == TIME_YMD && width[0] == 4 && width[1] && sign != '.' ? 0 : -1;
}

int time_text_words(const char *text, size_t length, enum time_format order, struct time_parts *p)
{
    struct time_cursor c = {text, text + length};
    *p = (struct time_parts){.day = 1, .afternoon = -1};
    time_text_blanks(&c);
    if (date_of(&c, order, p))
        return -1;
    if (time_text_blanks(&c) && c.at == c.end)
        return 0;
    int behind_t = 0;
    if (c.at < c.end && c.at[-1] != ' ') {
        behind_t = time_text_take(&c, 'T') || time_text_take(&c, 't');
        if (!behind_t && !time_text_take(&c, '-') && !time_text_take(&c, '_') &&
            !time_text_take(&c, ':'))
            time_text_take(&c, ',');
        time_text_blanks(&c);
    }
    if (c.at < c.end && is_digit(&c)) {
        if (clock_of(&c, p, behind_t))
            return -1;
    } else if (behind_t) {
        return -1;
    }
    if (time_text_zone(&c, p))
        return -1;
    time_text_blanks(&c);
    return c.at == c.end ? 0 : -1;
}

/* --- whole numbers */

int time_text_all_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return 0;
    return length > 0;
}

int time_text_calendar(const char *text, size_t length, struct time_parts *p)
{
    struct time_cursor c = {text, text + length};
    *p = (struct time_parts){.day = 1, .afternoon = -1};
    if (!time_text_all_digits(text, length) || length % 2 || length < 6 || length > 14)
        return -1;
    time_text_digits(&c, 4, &p->year);
    time_text_digits(&c, 2, &p->month);
    int *const rest[] = {&p->day, &p->hour, &p->minute, &p->second};
    for (size_t i = 0; c.at < c.end; i++)
        time_text_digits(&c, 2, rest[i]);
    int64_t ms;
    return time_text_local(p, &ms) || p->hour > 23 || p->year < (length == 8 ? 1800 : 1900) ||
                   p->year > (length == 8 ? 2199 : 2100)
               ? -1
               : 0;
}

/* --- the instant */

int time_text_local(const struct time_parts *p, int64_t *ms)
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
