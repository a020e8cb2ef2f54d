/* SPDX-License-Identifier: MIT */
#include "config/value.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof array / sizeof *array)

/* --- messages */

const char *option_quote(const char *text, char out[OPTION_QUOTED])
{
    size_t keep = strlen(text), room = OPTION_QUOTED - sizeof "'...'";
    const char *tail = "";
    if (keep > room) {
        keep = room;
        while (keep && ((unsigned char)text[keep] & 0xc0) == 0x80)
            keep--; /* not within a character */
        tail = "...";
    }
    snprintf(out, OPTION_QUOTED, "'%.*s%s'", (int)keep, text, tail);
    return out;
}

/* "'text' what" */
int value_wrong(char fault[OPTION_FAULT], const char *text, const char *what)
{
    char quoted[OPTION_QUOTED];
    snprintf(fault, OPTION_FAULT, "%s %s", option_quote(text, quoted), what);
    return -1;
}

/* --- numbers */

/* As a person would write it; more digits only where it takes them to read back the same. */
void value_write_number(double value, FILE *out)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, out);
}

/* A decimal number: no blanks before it, no hexadecimal digits, inf or nan. Returns what follows
 * it, NULL if there is no number. What is too large becomes infinite, out of any bounds. */
const char *value_read_number(const char *text, double *value)
{
    if (!*text || !strchr("+-.0123456789", *text))
        return NULL;
    char *end;
    *value = strtod(text, &end);
    for (const char *c = text; c < end; c++)
        if (!strchr("+-.0123456789eE", *c))
            return NULL;
    return end > text ? end : NULL;
}

/* The same for whole numbers. */
static const char *read_whole(const char *text, long long *value)
{
    size_t sign = *text == '+' || *text == '-';
    if (!strspn(text + sign, "0123456789"))
        return NULL;
    char *end;
    *value = strtoll(text, &end, 10); /* what is too large stays at LLONG_MAX, out of any bounds */
    return end;
}

static int out_of_bounds(const struct option *option, const char *text, char fault[OPTION_FAULT])
{
    char quoted[OPTION_QUOTED];
    snprintf(fault, OPTION_FAULT, "%s is not within %.15g to %.15g", option_quote(text, quoted),
             option->min, option->max);
    return -1;
}

int value_read_real(const struct option *option, const char *text, union option_value *value,
                    char *fault)
{
    const char *end = value_read_number(text, &value->real);
    if (!end || *end)
        return value_wrong(fault, text, "is not a number");
    if (value->real < option->min || value->real > option->max)
        return out_of_bounds(option, text, fault);
    return 0;
}

void value_write_real(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    value_write_number(value->real, out);
}

int value_read_integer(const struct option *option, const char *text, union option_value *value,
                       char *fault)
{
    long long number;
    const char *end = read_whole(text, &number);
    if (option->type == OPTION_AUTO && !strcmp(text, "auto")) {
        value->integer = -1;
        return 0;
    }
    if (!end || *end)
        return value_wrong(fault, text,
                           option->type == OPTION_AUTO ? "is neither a whole number nor auto"
                                                       : "is not a whole number");
    if ((double)number < option->min || (double)number > option->max || number > LONG_MAX)
        return out_of_bounds(option, text, fault);
    value->integer = (long)number;
    return 0;
}

void value_write_integer(const struct option *option, const union option_value *value, FILE *out)
{
    if (option->type == OPTION_AUTO && value->integer == -1)
        fputs("auto", out);
    else
        fprintf(out, "%ld", value->integer);
}

/* --- choices */

int value_read_choice(const struct option *option, const char *text, union option_value *value,
                      char *fault)
{
    value->index = option_choice_index(option, text);
    if (value->index >= 0)
        return 0;
    char quoted[OPTION_QUOTED];
    snprintf(fault, OPTION_FAULT, "%s is not one of: %s", option_quote(text, quoted),
             option->choices);
    return -1;
}

void value_write_choice(const struct option *option, const union option_value *value, FILE *out)
{
    const char *name = option_choice(option, value->index);
    fputs(name ? name : "?", out);
}

/* --- lengths of time and of training */

static const struct {
    const char *name;
    int64_t ms;
} duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};

int value_read_duration(const struct option *option, const char *text, union option_value *value,
                        char *fault)
{
    (void)option;
    value->ms = 0;
    if (!strcmp(text, "none"))
        return 0;
    long long number;
    const char *end = read_whole(text, &number);
    for (size_t i = 0; end && i < COUNT(duration_units); i++) {
        if (strcmp(end, duration_units[i].name))
            continue;
        if (number < 1 || number > INT64_C(3153600000000) / duration_units[i].ms)
            return value_wrong(fault, text, "is not within 1s to 36500d");
        value->ms = number * duration_units[i].ms;
        return 0;
    }
    return value_wrong(fault, text, "is not a duration such as 30s, 3m, 1h, 1d or none");
}

void value_write_duration(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    if (!value->ms) {
        fputs("none", out);
        return;
    }
    size_t i = 0;
    while (value->ms % duration_units[i].ms)
        i++;
    fprintf(out, "%lld%s", (long long)(value->ms / duration_units[i].ms), duration_units[i].name);
}

static const struct {
    const char *name, *one;
} span_units[] = {
    [SPAN_EPOCHS] = {"epochs", "epoch"},
    [SPAN_STEPS] = {"steps", "step"},
    [SPAN_PERCENT] = {"%", "%"},
    [SPAN_MINUTES] = {"minutes", "minute"},
};

int value_read_span(const struct option *option, const char *text, union option_value *value,
                    char *fault)
{
    (void)option;
    const char *end = value_read_number(text, &value->span.value);
    if (end)
        end += strspn(end, " \t");
    size_t unit = 0;
    while (end && unit < COUNT(span_units) && strcmp(end, span_units[unit].name) &&
           strcmp(end, span_units[unit].one))
        unit++;
    if (!end || unit == COUNT(span_units))
        return value_wrong(fault, text,
                           "is not a span such as 5 epochs, 100 steps, 10% or 30 minutes");
    value->span.unit = (enum span_unit)unit;
    if (!(value->span.value >= 0 && value->span.value <= (unit == SPAN_PERCENT ? 100 : 1e9)))
        return value_wrong(fault, text,
                           unit == SPAN_PERCENT ? "is not within 0% to 100%"
                                                : "is not within 0 to 1000000000");
    if (unit == SPAN_STEPS && value->span.value != floor(value->span.value))
        return value_wrong(fault, text, "is not a whole number of steps");
    return 0;
}

void value_write_span(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    value_write_number(value->span.value, out);
    fprintf(out, "%s%s", value->span.unit == SPAN_PERCENT ? "" : " ",
            span_units[value->span.unit].name);
}

/* --- sizes of memory */

static const struct {
    const char *name;
    uint64_t bytes;
} byte_units[] = {
    /* the larger first */
    {"TiB", UINT64_C(1) << 40},   {"TB", UINT64_C(1000000000000)}, {"GiB", UINT64_C(1) << 30},
    {"GB", UINT64_C(1000000000)}, {"MiB", UINT64_C(1) << 20},      {"MB", UINT64_C(1000000)},
    {"KiB", UINT64_C(1) << 10},   {"KB", UINT64_C(1000)},          {"", UINT64_C(1)},
};

int value_read_bytes(const struct option *option, const char *text, union option_value *value,
                     char *fault)
{
    (void)option;
    value->bytes = 0;
    if (!strcmp(text, "auto"))
        return 0;
    double number;
    const char *end = value_read_number(text, &number);
    if (end)
        end += strspn(end, " \t");
    size_t unit = 0;
    while (end && unit < COUNT(byte_units) && strcmp(end, byte_units[unit].name))
        unit++;
    if (!end || unit == COUNT(byte_units))
        return value_wrong(fault, text,
                           "is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto");
    number *= (double)byte_units[unit].bytes;
    if (!(number >= 0x1p20 && number <= 0x1p50))
        return value_wrong(fault, text, "is not within 1MiB to 1024TiB");
    if (!*end && number != floor(number))
        return value_wrong(fault, text, "is not a whole number of bytes");
    value->bytes = (uint64_t)(number + 0.5);
    return 0;
}

void value_write_bytes(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    if (!value->bytes) {
        fputs("auto", out);
        return;
    }
    size_t i = 0;
    while (value->bytes % byte_units[i].bytes)
        i++;
    fprintf(out, "%" PRIu64 "%s", value->bytes / byte_units[i].bytes, byte_units[i].name);
}
