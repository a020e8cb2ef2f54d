/* SPDX-License-Identifier: MIT */
#include "data/reading.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    char separator;
    const char *name; /* of data.separator */
} separators[] = {{',', "comma"}, {';', "semicolon"}, {'\t', "tab"}, {'|', "pipe"}, {' ', "space"}};
#define SEPARATORS (sizeof separators / sizeof *separators)

/* Those that are found out. */
static const struct {
    enum time_format format;
    const char *name;
} times[] = {{TIME_MILLISECONDS, "ms"}, {TIME_SECONDS, "s"},      {TIME_ISO8601, "iso"},
             {TIME_MICROSECONDS, "us"}, {TIME_NANOSECONDS, "ns"}, {TIME_DIGITS, "digits"},
             {TIME_YMD, "ymd"},         {TIME_DMY, "dmy"},        {TIME_MDY, "mdy"}};
#define TIMES (sizeof times / sizeof *times)

static struct reading_column *find(const struct reading *reading, const char *name)
{
    for (size_t i = 0; i < reading->columns; i++)
        if (!strcmp(reading->column[i].name, name))
            return &reading->column[i];
    return NULL;
}

static int add_column(struct reading *reading, const char *name, int decimal)
{
    struct reading_column *there = find(reading, name);
    if (there) {
        there->decimal = there->decimal == decimal ? decimal : DECIMAL_AUTO;
        return 0;
    }
    struct reading_column *more = realloc(reading->column, (reading->columns + 1) * sizeof *more);
    reading->column = more ? more : reading->column;
    char *copy = more ? strdup(name) : NULL;
    if (!copy)
        return -1;
    more[reading->columns++] = (struct reading_column){copy, decimal};
    return 0;
}

int reading_add(struct reading *reading, const struct table *table, char *const *names,
                size_t count)
{
    const char *told = table->series ? table->told_of_file : table->told;
    if (!reading->files && told && !(reading->told = strdup(told)))
        return -1;
    if (!reading->files++)
        reading->separator = table->separator;
    else if (reading->separator != table->separator)
        reading->separator = 0;
    if (table->time && !reading->timed++)
        reading->time = table->format;
    else if (table->time && reading->time != table->format)
        reading->time = TIME_NONE;
    for (size_t i = 0; i < count; i++)
        if (add_column(reading, names[i],
                       table->comma && table->comma[i] ? DECIMAL_COMMA : DECIMAL_POINT))
            return -1;
    return 0;
}

void reading_apply(const struct reading *reading, char *const *names, size_t count, int *decimal,
                   struct table_how *how)
{
    how->csv.kept = reading->separator;
    how->kept_time = reading->time;
    how->kept_decimal = decimal;
    for (size_t i = 0; i < count; i++) {
        const struct reading_column *column = find(reading, names[i]);
        decimal[i] = column ? column->decimal : DECIMAL_AUTO;
    }
}

/* --- in a checkpoint */

json_t *reading_json(const struct reading *reading)
{
    json_t *json = json_object(), *decimal = json_object();
    for (size_t i = 0; i < SEPARATORS; i++)
        if (reading->separator == separators[i].separator)
            json_object_set_new(json, "separator", json_string(separators[i].name));
    for (size_t i = 0; i < TIMES; i++)
        if (reading->time == times[i].format)
            json_object_set_new(json, "time", json_string(times[i].name));
    for (size_t i = 0; i < reading->columns; i++)
        if (reading->column[i].decimal)
            json_object_set_new(
                decimal, reading->column[i].name,
                json_string(reading->column[i].decimal == DECIMAL_COMMA ? "comma" : "point"));
    json_object_set_new(json, "decimal", decimal);
    json_object_set_new(json, "told", json_string(reading->told ? reading->told : ""));
    return json;
}

int reading_of_json(const json_t *json, struct reading *reading)
{
    const char *separator = json_string_value(json_object_get(json, "separator"));
    const char *time = json_string_value(json_object_get(json, "time"));
    json_t *decimal = json_object_get(json, "decimal");
    for (size_t i = 0; separator && i < SEPARATORS; i++)
        if (!strcmp(separator, separators[i].name))
            reading->separator = separators[i].separator;
    for (size_t i = 0; time && i < TIMES; i++)
        if (!strcmp(time, times[i].name))
            reading->time = times[i].format;
    if (!json_is_object(decimal) || (separator && !reading->separator) || (time && !reading->time))
        return -1;
    for (void *at = json_object_iter(decimal); at; at = json_object_iter_next(decimal, at)) {
        const char *sign = json_string_value(json_object_iter_value(at));
        int comma = sign && !strcmp(sign, "comma");
        if (!sign || (!comma && strcmp(sign, "point")))
            return -1;
        if (add_column(reading, json_object_iter_key(at), comma ? DECIMAL_COMMA : DECIMAL_POINT))
            return 1;
    }
    return 0;
}

int reading_sets(const char *setting, const char *key)
{
    for (; *setting == ' ' || *setting == '\t' || (*key && *setting == *key); setting++)
        key += *setting == *key;
    return !*key && *setting == '=';
}

void reading_forget(struct reading *reading, char *const *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (reading_sets(settings[i], "data.separator"))
            reading->separator = 0;
        if (reading_sets(settings[i], "data.time_format") || reading_sets(settings[i], "data.time"))
            reading->time = TIME_NONE;
        for (size_t k = 0; k < reading->columns && reading_sets(settings[i], "data.decimal"); k++)
            reading->column[k].decimal = DECIMAL_AUTO;
    }
}

void reading_fini(struct reading *reading)
{
    for (size_t i = 0; i < reading->columns; i++)
        free(reading->column[i].name);
    free(reading->column);
    free(reading->told);
    memset(reading, 0, sizeof *reading);
}
