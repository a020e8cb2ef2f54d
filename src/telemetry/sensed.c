/* SPDX-License-Identifier: MIT */
#include "telemetry/sensed.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLACE(member) offsetof(struct telemetry_reading, member)

/* Numbers, and the bounds outside of which they mean nothing. */
static const struct number {
    const char *name;
    size_t place;
    double least, most;
    double unit; /* rounded to a multiple of it for the log; 0: a whole number of bytes */
    int fixed;   /* does not change while a process runs */
} numbers[] = {
    {"memory_total", PLACE(memory_total), 1, 1e15, 0, 1},
    {"memory_used", PLACE(memory_used), 0, 1e15, 0, 0},
    {"memory_process", PLACE(memory_process), 0, 1e15, 0, 0},
    {"temperature", PLACE(temperature), -50, 200, 0.1, 0},
    {"power", PLACE(power), 0, 1e4, 0.1, 0},
    {"power_limit", PLACE(power_limit), 1, 1e4, 0.1, 0},
    {"fan", PLACE(fan), 0, 200, 1, 0},
    {"fan_rpm", PLACE(fan_rpm), 0, 1e5, 1, 0},
    {"utilisation", PLACE(utilisation), 0, 100, 1, 0},
    {"memory_utilisation", PLACE(memory_utilisation), 0, 100, 1, 0},
    {"clock", PLACE(clock), 0, 1e5, 1, 0},
    {"memory_clock", PLACE(memory_clock), 0, 1e5, 1, 0},
    {"host_memory_total", PLACE(host_memory_total), 1, 1e15, 0, 1},
    {"host_memory_used", PLACE(host_memory_used), 0, 1e15, 0, 0},
    {"host_load", PLACE(host_load), 0, 1e6, 0.01, 0},
    {"host_temperature", PLACE(host_temperature), -50, 200, 0.1, 0},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/* Words. */
static const struct word {
    const char *name;
    size_t place;
    int fixed;
} words[] = {
    {"performance_state", PLACE(performance_state), 0},
    {"throttling", PLACE(throttling), 0},
    {"source", PLACE(source), 1},
    {"card", PLACE(card), 1},
    {"driver", PLACE(driver), 1},
    {"cuda", PLACE(cuda), 1},
    {"compute_mode", PLACE(compute_mode), 1},
    {"persistence", PLACE(persistence), 1},
};
enum { WORDS = sizeof words / sizeof *words };

static double *number_of(struct telemetry_reading *r, const struct number *n)
{
    return (double *)(void *)((char *)r + n->place);
}

void sensed_clear(struct telemetry_reading *r)
{
    *r = (struct telemetry_reading){.source = ""};
    for (size_t i = 0; i < NUMBERS; i++)
        *number_of(r, &numbers[i]) = NAN;
}

void sensed_bound(struct telemetry_reading *r)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        double *x = number_of(r, &numbers[i]);
        if (!(*x >= numbers[i].least && *x <= numbers[i].most))
            *x = NAN;
    }
}

static json_t *number_json(double x, double unit)
{
    if (!isfinite(x))
        return json_null();
    if (unit == 0 || unit == 1)
        return json_integer((json_int_t)(x + 0.5));
    return json_real(round(x / unit) * unit);
}

static void add_words(json_t *object, const struct telemetry_reading *r, int fixed)
{
    for (size_t i = 0; i < WORDS; i++) {
        const char *text = (const char *)r + words[i].place;
        if (words[i].fixed == fixed)
            json_object_set_new(object, words[i].name, *text ? json_string(text) : json_null());
    }
}

static json_t *json_of(const struct telemetry_reading *reading, int fixed)
{
    struct telemetry_reading r = *reading;
    json_t *object = json_object();
    for (size_t i = 0; i < NUMBERS; i++)
        if (numbers[i].fixed == fixed)
            json_object_set_new(object, numbers[i].name,
                                number_json(*number_of(&r, &numbers[i]), numbers[i].unit));
    add_words(object, &r, fixed);
    return object;
}

json_t *sensed_json(const struct telemetry_reading *r)
{
    return json_of(r, 0);
}

json_t *sensed_json_fixed(const struct telemetry_reading *r)
{
    return json_of(r, 1);
}

/* --- words for the console */

struct text {
    char *to;
    size_t size, used;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *format, ...)
{
    va_list ap;
    if (t->used && t->used + 2 < t->size)
        t->used += (size_t)snprintf(t->to + t->used, t->size - t->used, ", ");
    va_start(ap, format);
    if (t->used < t->size)
        t->used += (size_t)vsnprintf(t->to + t->used, t->size - t->used, format, ap);
    va_end(ap);
}

/* "1.2 of 8.0 GiB", or what of it is told. */
static void add_memory(struct text *t, double used, double total)
{
    if (isfinite(used) && isfinite(total))
        add(t, "memory %.1f of %.1f GiB", used / 0x1p30, total / 0x1p30);
    else if (isfinite(used))
        add(t, "memory %.1f GiB used", used / 0x1p30);
}

static void add_power(struct text *t, const struct telemetry_reading *r)
{
    if (isfinite(r->power) && isfinite(r->power_limit))
        add(t, "%.0f W of %.0f W", r->power, r->power_limit);
    else if (isfinite(r->power))
        add(t, "%.0f W", r->power);
    else if (isfinite(r->power_limit))
        add(t, "power limit %.0f W", r->power_limit);
}

void sensed_text(const struct telemetry_reading *r, char *to, size_t size)
{
    struct text t = {to, size, 0};
    *to = 0;
    add_memory(&t, r->memory_used, r->memory_total);
    if (isfinite(r->memory_process))
        add(&t, "%.1f GiB of this process", r->memory_process / 0x1p30);
    if (isfinite(r->temperature))
        add(&t, "%.0f C", r->temperature);
    add_power(&t, r);
    if (isfinite(r->fan))
        add(&t, "fan %.0f%%", r->fan);
    else if (isfinite(r->fan_rpm))
        add(&t, "fan %.0f rpm", r->fan_rpm);
    if (isfinite(r->utilisation))
        add(&t, "%.0f%% busy", r->utilisation);
    if (isfinite(r->clock))
        add(&t, "%.0f MHz", r->clock);
    if (*r->performance_state)
        add(&t, "state %s", r->performance_state);
    if (*r->throttling && strcmp(r->throttling, "none") != 0)
        add(&t, "throttled: %s", r->throttling);
    if (*r->compute_mode)
        add(&t, "compute mode %s", r->compute_mode);
    if (*r->persistence)
        add(&t, "persistence %s", r->persistence);
}

void sensed_text_host(const struct telemetry_reading *r, char *to, size_t size)
{
    struct text t = {to, size, 0};
    *to = 0;
    add_memory(&t, r->host_memory_used, r->host_memory_total);
    if (isfinite(r->host_load))
        add(&t, "load %.2f", r->host_load);
    if (isfinite(r->host_temperature))
        add(&t, "%.0f C", r->host_temperature);
}
