/* SPDX-License-Identifier: MIT */
#include "plots/axis.h"

#include <math.h>
#include <time.h>

#include "plots/number.h"

/* Beyond these, ratios would overflow: values are cut there. */
#define LARGEST 1e150
#define SMALLEST 1e-150

/* Of time, in milliseconds. */
#define SECOND 1e3
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MONDAY (4 * DAY) /* the first one after 1970-01-01 */
#define FARTHEST 4e15    /* a year of six digits, whose label would not fit */

void axis_clear(struct axis *axis)
{
    *axis = (struct axis){.lo = INFINITY, .hi = -INFINITY};
}

static double tamed(double value)
{
    if (fabs(value) < SMALLEST)
        return 0;
    return fmin(fmax(value, -LARGEST), LARGEST);
}

void axis_include(struct axis *axis, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            continue;
        axis->lo = fmin(axis->lo, tamed(values[i]));
        axis->hi = fmax(axis->hi, tamed(values[i]));
    }
}

void axis_fit(struct axis *axis, enum axis_kind kind)
{
    axis->whole = kind == AXIS_WHOLE;
    axis->time = kind == AXIS_TIME;
    if (axis->lo > axis->hi) {
        axis->lo = 0;
        axis->hi = 1;
        return;
    }
    if (kind == AXIS_AUTO && axis->lo > 0 && axis->hi / 10 >= axis->lo) {
        axis->log = 1;
        double air = pow(axis->hi / axis->lo, 0.04);
        axis->lo /= air;
        axis->hi *= air;
        return;
    }
    if (axis->time) {
        double span = axis->hi - axis->lo, air = span > 0 ? 0.015 * span : HOUR;
        axis->lo -= air;
        axis->hi += air;
        return;
    }
    double largest = fmax(fabs(axis->lo), fabs(axis->hi)), span = axis->hi - axis->lo;
    if (axis->whole || span <= 1e-4 * largest || span == 0) {
        double least = axis->whole ? fmax(1, 1e-4 * largest) : largest > 0 ? 0.1 * largest : 1;
        if (span < least) {
            axis->lo -= least / 2;
            axis->hi += least / 2;
        }
    }
    double air = (axis->whole ? 0.015 : 0.05) * (axis->hi - axis->lo);
    int positive = axis->lo >= 0;
    axis->lo -= air;
    axis->hi += air;
    if (positive && axis->lo < 0)
        axis->lo = 0;
}

double axis_place(const struct axis *axis, double value)
{
    if (!axis->log)
        return (tamed(value) - axis->lo) / (axis->hi - axis->lo);
    value = tamed(value);
    if (value <= 0)
        return -1e4;
    return log(value / axis->lo) / log(axis->hi / axis->lo);
}

/* The smallest of 1, 2, 5 times a power of ten that is at least `step`. */
static double nice(double step)
{
    double unit = pow(10, floor(log10(step)));
    double times = step / unit;
    return unit * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static int linear_ticks(const struct axis *axis, int most, struct tick *ticks, int *power)
{
    double step = nice((axis->hi - axis->lo) / most * (1 - 1e-9));
    if (axis->whole && step < 1)
        step = 1;
    double largest = fmax(fabs(axis->lo), fabs(axis->hi));
    int size = (int)floor(log10(largest));
    *power = size >= (axis->whole ? 6 : 5) || size <= -4 ? size : 0;
    double unit = pow(10, *power);
    int decimals = (int)fmax(0, -floor(log10(step / unit) + 1e-9));
    double first = ceil(axis->lo / step - 1e-9);
    int n = 0;
    for (; n < AXIS_TICKS; n++) {
        double at = (first + n) * step;
        if (at > axis->hi + 1e-9 * step)
            break;
        if (fabs(at) < step / 2)
            at = 0;
        ticks[n] = (struct tick){.at = at};
        number_signed(ticks[n].label, sizeof ticks[n].label, "%.*f", decimals, at / unit);
    }
    return n;
}

static void log_label(struct tick *tick, int mantissa, int exponent, int plain)
{
    if (plain) {
        number_print(tick->label, sizeof tick->label, "%.*f", exponent < 0 ? -exponent : 0,
                     tick->at);
        return;
    }
    if (mantissa == 1)
        number_print(tick->label, sizeof tick->label, "10");
    else
        number_print(tick->label, sizeof tick->label, "%d\u00b710", mantissa);
    number_signed(tick->power, sizeof tick->power, "%d", exponent);
}

/* The smallest of 1, 2, 3, 5, 10, 20, 30, 50, 100 ... that is at least `step`. */
static int whole_step(int step)
{
    for (int unit = 1;; unit *= 10)
        for (int times = 1; times <= 5; times += times < 3 ? 1 : 2)
            if (unit * times >= step)
                return unit * times;
}

/* Labels at powers of ten, at 1, 2, 5 times them where these are few; minor ticks at 1 ... 9. */
static int log_ticks(const struct axis *axis, int most, struct tick *ticks)
{
    int low = (int)floor(log10(axis->lo)), high = (int)ceil(log10(axis->hi));
    int stride = whole_step((high - low + most - 1) / most);
    int plain = axis->lo >= 5e-5 && axis->hi < 2e5;
    int few = 3 * log10(axis->hi / axis->lo) <= most + 1;
    int n = 0;
    for (int exponent = low; exponent <= high; exponent++) {
        for (int mantissa = 1; mantissa <= 9 && n < AXIS_TICKS; mantissa++) {
            double at = mantissa * pow(10, exponent);
            if (at < axis->lo || at > axis->hi || (stride > 1 && mantissa > 1))
                continue;
            int labelled =
                mantissa == 1 ? exponent % stride == 0 : few && (mantissa == 2 || mantissa == 5);
            if (stride > 1 && !labelled)
                continue;
            ticks[n] = (struct tick){.at = at};
            if (labelled)
                log_label(&ticks[n], mantissa, exponent, plain);
            n++;
        }
    }
    return n;
}

/* "2017", "2017-03", "2017-03-14", "12:00", "12:00:30" or "12:00:30.500", as the step asks; at
 * midnight the date. */
static void time_label(struct tick *tick, double step)
{
    time_t seconds = (time_t)floor(tick->at / SECOND);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm))
        return;
    int year = tm.tm_year + 1900, month = tm.tm_mon + 1;
    int millisecond = (int)(tick->at - (double)seconds * SECOND);
    size_t size = sizeof tick->label;
    if (step >= 365 * DAY)
        number_print(tick->label, size, "%d", year);
    else if (step >= 28 * DAY)
        number_print(tick->label, size, "%d-%02d", year, month);
    else if (step >= DAY || fmod(tick->at, DAY) == 0)
        number_print(tick->label, size, "%d-%02d-%02d", year, month, tm.tm_mday);
    else if (step >= MINUTE)
        number_print(tick->label, size, "%02d:%02d", tm.tm_hour, tm.tm_min);
    else if (step >= SECOND)
        number_print(tick->label, size, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        number_print(tick->label, size, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
                     millisecond);
}

/* Midnight of the first day of a month, counted from January 1900, in ms since 1970. */
static double month_begin(int month)
{
    struct tm tm = {.tm_year = 0, .tm_mon = month, .tm_mday = 1};
    return (double)timegm(&tm) * SECOND;
}

static int month_ticks(const struct axis *axis, int most, struct tick *ticks)
{
    static const int steps[] = {1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200};
    static const double month = 30.436875 * DAY;
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof *steps && (axis->hi - axis->lo) / month / steps[i] > most)
        i++;
    int n = 0;
    int at = (int)floor((axis->lo / month + 70 * 12) / steps[i] - 1) * steps[i];
    for (; n < AXIS_TICKS && month_begin(at) <= axis->hi; at += steps[i]) {
        if (month_begin(at) < axis->lo)
            continue;
        ticks[n] = (struct tick){.at = month_begin(at)};
        time_label(&ticks[n++], steps[i] * 30 * DAY);
    }
    return n;
}

static int time_ticks(const struct axis *axis, int most, struct tick *ticks)
{
    static const double steps[] = {
        1,           2,           5,           10,      20,         50,
        100,         200,         500,         SECOND,  2 * SECOND, 5 * SECOND,
        10 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE,  2 * MINUTE, 5 * MINUTE,
        10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR,    2 * HOUR,   3 * HOUR,
        6 * HOUR,    12 * HOUR,   DAY,         2 * DAY, 7 * DAY,    14 * DAY,
    };
    enum { STEPS = sizeof steps / sizeof *steps };
    size_t i = 0;
    while (i < STEPS && (axis->hi - axis->lo) / steps[i] > most)
        i++;
    if (i == STEPS)
        return month_ticks(axis, most, ticks);
    double origin = steps[i] >= 7 * DAY ? MONDAY : 0;
    double first = ceil((axis->lo - origin) / steps[i]);
    int n = 0;
    for (; n < AXIS_TICKS && (first + n) * steps[i] + origin <= axis->hi; n++) {
        ticks[n] = (struct tick){.at = (first + n) * steps[i] + origin};
        time_label(&ticks[n], steps[i]);
    }
    return n;
}

int axis_ticks(const struct axis *axis, int most, struct tick *ticks, int *power)
{
    *power = 0;
    if (most < 1)
        most = 1;
    if (axis->bare)
        return 0;
    if (axis->time && fmax(fabs(axis->lo), fabs(axis->hi)) < FARTHEST)
        return time_ticks(axis, most, ticks);
    return axis->log ? log_ticks(axis, most, ticks) : linear_ticks(axis, most, ticks, power);
}
