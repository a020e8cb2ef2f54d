/* SPDX-License-Identifier: MIT */
#include "data/time_judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/csv.h"
#include "data/instant.h"
#include "data/time_text.h"

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
    struct time_parts p;
    int64_t ms;
    int width = time_text_all_digits(text, length) ? (int)length : 0;
    int calendar = width && !time_text_calendar(text, length, &p);
    enum time_format unit = unit_of(x);
    if (!j->rows) {
        j->width = width;
        j->calendar = j->yymmdd = j->hhmmss = j->excel = j->zeros = j->dates = 1;
        j->first = j->least = j->most = x;
    }
    j->width = j->width == width ? width : 0;
    j->calendar &= calendar;
    j->calendars += (size_t)calendar;
    if (!calendar && !j->stray_line) {
        j->stray_line = line;
        csv_show(text, j->stray_text);
    }
    j->dates &= width == 8 && !instant_of_date(pair(text) * 100 + pair(text + 2), pair(text + 4),
                                               pair(text + 6), &ms);
    j->yymmdd &= width == 6 && !instant_of_date(time_text_year(pair(text), 2), pair(text + 2),
                                                pair(text + 4), &ms);
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

/* 2024-01-02-05:00: a date of ISO 8601, then a time of day or an offset of XML Schema. Both are the
 * same instant, unless data.time_zone is not UTC. */
static int like_an_offset(const char *text, size_t length)
{
    static const char form[] = "dddd-dd-dd-dd:dd";
    for (size_t i = 0; i < length || form[i]; i++)
        if (i == length || (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]))
            return 0;
    return pair(text + 11) <= 14;
}

void time_judge_row(struct time_judge *j, const char *text, size_t length, uint64_t line)
{
    struct time_parts p;
    int64_t ms;
    double x;
    if (!j->rows) {
        j->orders = BIT(TIME_YMD) | BIT(TIME_DMY) | BIT(TIME_MDY);
        j->iso = j->named = j->dashed = 1;
        csv_show(text, j->first_text);
    }
    j->dashed = j->dashed && like_an_offset(text, length) && !strcmp(text + 10, j->first_text + 10);
    j->iso = j->iso && instant_scan(text, &ms) == text + length;
    for (enum time_format order = TIME_YMD; order <= TIME_MDY; order++) {
        if (!(j->orders & BIT(order)))
            continue;
        if (time_text_words(text, length, order, &p) || time_text_local(&p, &ms))
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
    static const struct choice old_days[] = {{"%Y%m%d", TIME_PATTERN}, {"s", TIME_SECONDS}};
    int seconds = !(j->units & ~BIT(TIME_SECONDS));
    form->format = TIME_NONE;
    if (j->calendar && j->width == 10 && seconds)
        return refuse(j, path, column, hours, 2, err);
    if (j->calendar)
        form->format = TIME_DIGITS;
    else if (j->calendars * 2 >= j->rows && j->rows > 1)
        return error_set(err, STATUS_INPUT,
                         "%s:%llu: column '%s': time '%s' is no date in digits (YYYYMMDD ...), as "
                         "most of the column are; data.time_format says what they are",
                         path, (unsigned long long)j->stray_line, column, j->stray_text);
    else if (j->dates && j->first >= 10000000 && j->first < 22000000)
        return refuse(j, path, column, old_days, 2, err);
    else if (j->dates)
        return error_set(err, STATUS_INPUT,
                         "%s: column '%s': time '%s' is no date YYYYMMDD of the years 1000 to "
                         "2199; if these are seconds, set data.time_format = s",
                         path, column, j->first_text);
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
    if (j->dashed && form->zone)
        return error_set(err, STATUS_INPUT,
                         "%s: column '%s': time '%s' ends in an offset or in a time of day of "
                         "data.time_zone; data.time_format = %%Y-%%m-%%d%%z or %%Y-%%m-%%d-%%H:%%M "
                         "says which",
                         path, column, j->first_text);
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

enum time_format time_judge_first(const char *text, size_t length)
{
    struct time_parts p;
    int64_t ms;
    if (instant_scan(text, &ms) == text + length)
        return TIME_ISO8601;
    if (!time_text_all_digits(text, length))
        return TIME_NONE;
    if (length == 13)
        return TIME_MILLISECONDS;
    return length == 10 && time_text_calendar(text, length, &p) ? TIME_SECONDS : TIME_NONE;
}
