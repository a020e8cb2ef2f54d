/* SPDX-License-Identifier: MIT */
#include "data/table_long.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "data/number.h"

#define FEW_ROWS 3    /* of a value, on average */
#define BLOCK_ROWS 10 /* of a word, on average, in a file without times */
#define VALUES_MOST 100000

/* A column that may tell series apart. */
struct candidate {
    size_t column;
    int out, numbers, rises, falls;
    json_t *number; /* of a value */
    int64_t *last;  /* [values] time of its last row; in a file without times, whether it ended */
    size_t values, now;
};

static int holds(const char *name, const char *word)
{
    for (; *name; name++) {
        size_t n = 0;
        while (word[n] && (name[n] | 0x20) == word[n])
            n++;
        if (!word[n])
            return 1;
    }
    return 0;
}

/* A part of a time is no series: an hour has its row on each day as well. */
static int named_as_time(const char *name)
{
    static const char *const words[] = {"time", "date", "hour", "min", "sec", "day"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (holds(name, words[i]))
            return 1;
    return 0;
}

static int is_free(const struct table_columns *columns, size_t read, size_t column)
{
    for (int i = 0; i < columns->times; i++)
        if (columns->time[i] == column)
            return 0;
    for (size_t i = 0; i < read; i++)
        if (columns->where[i] == column)
            return 0;
    return 1;
}

/* Whole numbers and words, but no dates and times of day. */
static int is_name(const struct csv_field *field, int *number)
{
    size_t digits = strspn(field->text, "0123456789");
    *number = digits == field->length;
    return field->length && field->length < CSV_SHOWN &&
           (*number || !number_is_digit(*field->text) || !strpbrk(field->text, ":./-"));
}

/* Finds the value, or makes it known: 1 if it is new. -1: too many, or no memory. */
static int find(struct candidate *c, const char *text, size_t *value)
{
    const json_t *known = json_object_get(c->number, text);
    *value = known ? (size_t)json_integer_value(known) : c->values;
    if (known)
        return 0;
    if (c->values == VALUES_MOST)
        return -1;
    if (!(c->values & (c->values - 1))) {
        int64_t *more = realloc(c->last, (c->values ? 2 * c->values : 1) * sizeof *more);
        if (!more)
            return -1;
        c->last = more;
    }
    c->values++;
    return json_object_set_new_nocheck(c->number, text, json_integer((json_int_t)*value)) ? -1 : 1;
}

/* A row, by its time: of each value they all rise or all fall. */
static void take_time(struct candidate *c, size_t value, int is_new, int64_t time)
{
    if (!is_new) {
        c->rises |= time > c->last[value];
        c->falls |= time < c->last[value];
        c->out = time == c->last[value] || (c->rises && c->falls);
    }
    c->last[value] = time;
}

/* A row without a time: a value that had ended does not come again. */
static void take_block(struct candidate *c, size_t value, int is_new)
{
    c->out = !is_new && value != c->now;
    c->now = value;
}

static void take(struct candidate *c, const struct csv_field *field, const int64_t *time)
{
    size_t value;
    int number, is_new;
    if (!is_name(field, &number) || (number && !time) ||
        (is_new = find(c, field->text, &value)) < 0) {
        c->out = 1;
        return;
    }
    c->numbers |= number;
    if (time)
        take_time(c, value, is_new, *time);
    else
        take_block(c, value, is_new);
}

/* All that are free, and what the first row allows. */
static size_t begin(struct csv *csv, const struct table_columns *columns, size_t read, int timed,
                    struct candidate *c)
{
    struct error ignored;
    size_t count = 0;
    if (csv_rewind(csv, &ignored) || csv_next(csv, &ignored) <= 0)
        return 0;
    for (size_t i = 0; i < csv->columns; i++) {
        int number;
        if (!is_free(columns, read, i) || !is_name(&csv->field[i], &number) ||
            (number && (!timed || named_as_time(csv->name[i]))))
            continue;
        c[count] = (struct candidate){.column = i, .number = json_object()};
        count += c[count].number != NULL;
    }
    return count;
}

static int go_through(struct csv *csv, struct candidate *c, size_t count, const int64_t *time,
                      size_t rows)
{
    struct error ignored;
    int more = 1;
    size_t left = count, row = 0;
    if (csv_rewind(csv, &ignored))
        return -1;
    for (; left && row < rows && (more = csv_next(csv, &ignored)) > 0; row++) {
        left = 0;
        for (size_t i = 0; i < count; i++) {
            if (!c[i].out && (!time || time[row] != LONG_NO_TIME))
                take(&c[i], &csv->field[c[i].column], time ? &time[row] : NULL);
            left += !c[i].out;
        }
    }
    return more < 0 ? -1 : 0;
}

const char *long_column(struct csv *csv, const struct table_columns *columns, size_t read,
                        const int64_t *time, size_t rows, size_t *values, char name[CSV_SHOWN])
{
    struct candidate *c = calloc(csv->columns + 1, sizeof *c);
    size_t count = c ? begin(csv, columns, read, time != NULL, c) : 0;
    size_t each = time ? FEW_ROWS : BLOCK_ROWS;
    int failed = !count || go_through(csv, c, count, time, rows);
    const struct candidate *found = NULL;
    for (size_t i = 0; i < count && !failed; i++)
        if (!c[i].out && c[i].values > 1 && rows / c[i].values >= each &&
            (!found || found->numbers > c[i].numbers)) /* words tell better than numbers */
            found = &c[i];
    if (found) {
        csv_show(csv->name[found->column], name);
        *values = found->values;
    }
    for (size_t i = 0; i < count; i++) {
        json_decref(c[i].number);
        free(c[i].last);
    }
    free(c);
    return found ? name : NULL;
}
