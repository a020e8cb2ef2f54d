/* SPDX-License-Identifier: MIT */
/*
 * print_table FILE [KEY=VALUE ...]: prints what table_read() makes of a file: a line "# ..." for
 * each thing that was found out (of each series, with `series`), then for each row its time (ms
 * since 1970) and its values, cut by commas. KEY is a key of [data], or `want`, a column to read; a
 * list is given one item at a time. A file that is refused is told on standard error, with the
 * status seqtrain has.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "data/table.h"
#include "data/time_form.h"
#include "util/zone.h"

#define MOST 32

struct asked {
    struct table_how how;
    char *column[MOST], *want[MOST], *missing[MOST];
    size_t wants;
    struct zone *zone;
};

/* The place of `value` in a list of words; the program ends where it is none of them. */
static int choice(const char *value, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (!strcmp(value, words[i]))
            return i;
    fprintf(stderr, "print_table: '%s'?\n", value);
    exit(STATUS_USAGE);
}

static void append(char **list, size_t *count, char *item)
{
    if (*count == MOST)
        exit(STATUS_USAGE);
    list[(*count)++] = item;
}

/* Keys of how the text is cut into fields: 1 if `key` is one. */
static int take_of_text(struct asked *a, const char *key, char *value)
{
    static const char *const separators[] = {"auto", "comma", "semicolon", "tab",
                                             "pipe", "space", NULL};
    struct csv_how *csv = &a->how.csv;
    if (!strcmp(key, "encoding"))
        csv->encoding = value;
    else if (!strcmp(key, "separator"))
        csv->separator = "\0,;\t| "[choice(value, separators)];
    else if (!strcmp(key, "skip_footer"))
        csv->skip_footer = atol(value);
    else if (!strcmp(key, "columns"))
        append(a->column, &csv->columns, value);
    else if (!strcmp(key, "skip_lines")) {
        csv->has_skip = 1;
        csv->skip_lines = atol(value);
    } else
        return 0;
    return 1;
}

/* Keys of times; an error ends in -1. */
static int take_of_time(struct asked *a, const char *key, const char *value, struct error *err)
{
    char fault[TIME_FAULT];
    struct time_form form = {0};
    if (!strcmp(key, "time"))
        a->how.time[a->how.time[0] != NULL] = value;
    else if (!strcmp(key, "series"))
        a->how.series = value;
    else if (!strcmp(key, "time_zone"))
        return (a->how.zone = a->zone = zone_open(value, err)) ? 1 : -1;
    else if (!strcmp(key, "time_format")) {
        if (time_form_of(value, &form, fault))
            return error_set(err, STATUS_USAGE, "time_format %s", fault);
        a->how.time_format = form.format;
        a->how.time_pattern = form.pattern;
    } else
        return 0;
    return 1;
}

static void take_other(struct asked *a, const char *key, char *value)
{
    static const char *const decimals[] = {"auto", "point", "comma", NULL};
    static const char *const orders[] = {"auto", "rising", "falling", "sort", NULL};
    static const char *const duplicates[] = {"error", "first", "last", "sum", NULL};
    static const char *const missing[] = {"error", "skip", "previous", NULL};
    static const char *const keys[] = {"want",       "decimal", "order",          "missing_limit",
                                       "duplicates", "missing", "missing_values", NULL};
    switch (choice(key, keys)) {
    case 0:
        append(a->want, &a->wants, value);
        break;
    case 1:
        a->how.decimal = choice(value, decimals);
        break;
    case 2:
        a->how.order = choice(value, orders);
        break;
    case 3:
        a->how.missing_limit = atol(value);
        break;
    case 4:
        a->how.duplicates = choice(value, duplicates);
        break;
    case 5:
        a->how.missing = choice(value, missing);
        break;
    default:
        append(a->missing, &a->how.missing_values, value);
    }
}

static void print(const struct table *table)
{
    if (table->series)
        printf("# series %s\n", table->series);
    for (char *line = table->told ? strtok(table->told, "\n") : NULL; line;
         line = strtok(NULL, "\n"))
        printf("# %s\n", line);
    for (size_t row = 0; row < table->rows; row++) {
        if (table->time)
            printf("%" PRId64, table->time[row]);
        for (size_t i = 0; i < table->columns; i++)
            printf(",%.17g", table->column[i][row]);
        putchar('\n');
    }
}

int main(int argc, char **argv)
{
    struct asked asked = {.how.missing_limit = 10};
    struct error err;
    asked.how.csv.column = asked.column;
    asked.how.missing_value = asked.missing;
    int fault = argc < 2 ? error_set(&err, STATUS_USAGE, "print_table FILE KEY=VALUE ...") : 0;
    for (int i = 2; i < argc && !fault; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return STATUS_USAGE;
        *value++ = 0;
        int taken = take_of_text(&asked, argv[i], value);
        taken = taken ? taken : take_of_time(&asked, argv[i], value, &err);
        if (!taken)
            take_other(&asked, argv[i], value);
        fault = taken < 0;
    }
    struct table *table =
        fault ? NULL : table_read(argv[1], &asked.how, asked.want, asked.wants, NULL, &err);
    for (const struct table *t = table; t; t = t->next)
        print(t);
    if (!table)
        fprintf(stderr, "%s\n", err.text);
    table_free(table);
    zone_free(asked.zone);
    return table ? 0 : (int)err.status;
}
