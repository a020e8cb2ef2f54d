/* SPDX-License-Identifier: MIT */
#include "data/live_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/amount.h"
#include "data/complex.h"
#include "data/csv_stream.h"
#include "data/load.h"
#include "data/time_form.h"
#include "data/time_judge.h"

struct live_text {
    const struct live *live;
    const struct table_how *how;
    struct csv *csv;
    size_t columns;
    size_t *where;       /* [columns] of the text */
    unsigned char *part; /* [columns] COMPLEX_... */
    int *decimal;        /* [columns] DECIMAL_...; AUTO: plain numbers alone */
    size_t time[2];
    int times;
    struct time_form form;
    double *x; /* [columns] */
    char *joined;
    size_t room;
};

static int no_memory(const char *name, struct error *err)
{
    return error_set(err, STATUS_FAILED, "%s: out of memory", name);
}

static int is_utf8(const char *encoding)
{
    return !encoding || csv_same_name(encoding, "auto") || csv_same_name(encoding, "utf-8");
}

int live_text_check(const struct live *live, struct error *err)
{
    const struct load *load = live_load(live);
    const struct csv_how *csv = &load->how.csv;
    if (!is_utf8(csv->encoding))
        return error_set(err, STATUS_USAGE,
                         "[data] encoding: rows that come must be UTF-8: convert them (iconv -f %s "
                         "-t UTF-8), and use -s data.encoding=auto",
                         csv->encoding);
    return 0;
}

/* Where the columns are that are wanted. */
static int find_columns(struct live_text *t, struct error *err)
{
    for (; t->times < 2 && t->how->time[t->times] && *t->how->time[t->times]; t->times++)
        if (csv_find(t->csv, t->how->time[t->times], &t->time[t->times], err))
            return -1;
    for (size_t i = 0; i < t->columns; i++)
        if (complex_find(t->csv, live_column(t->live, i), &t->where[i], &t->part[i], err))
            return -1;
    return 0;
}

/* How the files of training were written, where no key says otherwise. */
static int apply_kept(struct live_text *t, struct table_how *how)
{
    const struct load *load = live_load(t->live);
    *how = load->how;
    if (load->kept)
        reading_apply(load->kept, load->columns.name, t->columns, t->decimal, how);
    for (size_t i = 0; i < t->columns && load->how.decimal; i++)
        t->decimal[i] = load->how.decimal;
    t->form = (struct time_form){
        .format = load->how.time_format, .pattern = load->how.time_pattern, .zone = load->how.zone};
    if (!t->form.format && load->kept)
        t->form.format = load->kept->time;
    return how->csv.separator || how->csv.kept ? 0 : -1;
}

static int open_in(struct live_text *t, const char *name, const struct csv_source *source,
                   struct error *err)
{
    struct table_how how;
    t->columns = live_columns(t->live);
    t->where = calloc(t->columns + 1, sizeof *t->where);
    t->part = calloc(t->columns + 1, sizeof *t->part);
    t->decimal = calloc(t->columns + 1, sizeof *t->decimal);
    t->x = calloc(t->columns + 1, sizeof *t->x);
    if (!t->where || !t->part || !t->decimal || !t->x)
        return no_memory(name, err);
    if (live_text_check(t->live, err))
        return -1;
    if (apply_kept(t, &how))
        return error_set(err, STATUS_USAGE,
                         "[data] separator: the files of training had different ones, or the "
                         "checkpoint does not tell: rows that come need data.separator = comma, "
                         "semicolon, tab, pipe or space");
    t->csv = csv_open_source(name, &how.csv, source, err);
    return t->csv ? find_columns(t, err) : -1;
}

struct live_text *live_text_open(const struct live *live, const char *name,
                                 const struct csv_source *source, struct error *err)
{
    struct live_text *t = calloc(1, sizeof *t);
    if (!t) {
        no_memory(name, err);
        return NULL;
    }
    t->live = live;
    t->how = &live_load(live)->how;
    if (!open_in(t, name, source, err))
        return t;
    live_text_close(t);
    return NULL;
}

void live_text_close(struct live_text *t)
{
    if (!t)
        return;
    csv_close(t->csv);
    time_form_fini(&t->form);
    free(t->where);
    free(t->part);
    free(t->decimal);
    free(t->x);
    free(t->joined);
    free(t);
}

unsigned long long live_text_line(const struct live_text *t)
{
    return (unsigned long long)t->csv->line;
}

/* --- fields */

static int is_missing(const struct live_text *t, const struct csv_field *field)
{
    return csv_is_missing(field, t->how->missing_value, t->how->missing_values);
}

static int lost(const struct live_text *t, const char *column, const struct csv_field *field,
                const char *cause, struct error *err)
{
    char name[CSV_SHOWN], text[CSV_SHOWN];
    return error_set(err, STATUS_INPUT, "%s:%llu: column '%s': '%s' %s", t->csv->path,
                     live_text_line(t), csv_show(column, name), csv_show(field->text, text), cause);
}

/* The text of the time: one field, or two with a blank between. NULL without memory. */
static const char *time_text(struct live_text *t, size_t *length)
{
    const struct csv_field *date = &t->csv->field[t->time[0]], *clock = date;
    *length = date->length;
    if (t->times < 2)
        return date->text;
    clock = &t->csv->field[t->time[1]];
    const size_t need = date->length + clock->length + 2;
    if (need > t->room) {
        char *more = realloc(t->joined, need);
        if (!more)
            return NULL;
        t->joined = more;
        t->room = need;
    }
    memcpy(t->joined, date->text, date->length);
    t->joined[date->length] = ' ';
    memcpy(t->joined + date->length + 1, clock->text, clock->length + 1);
    *length = need - 1;
    return t->joined;
}

static const char *time_cause(enum time_fault fault)
{
    switch (fault) {
    case TIME_BEYOND:
        return "is no instant of the years 1900 to 2200";
    case TIME_FAR:
        return "is no date of the years 1000 to 2199";
    case TIME_NO_ZONE:
        return "names a zone that the time zone database has not (package tzdata)";
    case TIME_SKIPPED:
        return "is a local time that clocks passed over when they were put forward: is "
               "data.time_zone right?";
    default:
        return "is not written like the times of training";
    }
}

static enum live_read read_time(struct live_text *t, struct live_row *row, struct error *err)
{
    size_t length;
    for (int i = 0; i < t->times; i++) {
        const struct csv_field *field = &t->csv->field[t->time[i]];
        if (!is_missing(t, field))
            continue;
        if (t->how->missing == MISSING_SKIP)
            return LIVE_SKIPPED;
        lost(t, t->csv->name[t->time[i]], field,
             "is a missing time; data.missing = skip leaves such rows out", err);
        return LIVE_LOST;
    }
    const char *text = time_text(t, &length);
    if (!text) {
        no_memory(t->csv->path, err);
        return LIVE_BROKEN;
    }
    const struct csv_field field = {(char *)(uintptr_t)text, length};
    const char *column = t->csv->name[t->time[0]];
    if (!t->form.format && !(t->form.format = time_judge_first(text, length))) {
        lost(t, column, &field,
             "may be a time of several forms: data.time_format says how times are written", err);
        return LIVE_LOST;
    }
    const enum time_fault fault = time_parse(&t->form, text, length, &row->time, &row->later);
    if (!fault)
        return LIVE_ROW;
    lost(t, column, &field, time_cause(fault), err);
    return LIVE_LOST;
}

static int read_number(const struct live_text *t, size_t i, const struct csv_field *field)
{
    double re, im;
    if (t->part[i]) {
        if (complex_parse(field->text, field->length, &re, &im) < 0)
            return -1;
        t->x[i] = t->part[i] == COMPLEX_RE ? re : im;
        return 0;
    }
    if (t->decimal[i] == DECIMAL_AUTO)
        return csv_parse_number(field->text, field->length, &t->x[i]) == CSV_NUMBER ? 0 : -1;
    return amount_parse(field->text, field->length, t->decimal[i], &t->x[i]);
}

static enum live_read read_numbers(struct live_text *t, struct error *err)
{
    for (size_t i = 0; i < t->columns; i++) {
        const struct csv_field *field = &t->csv->field[t->where[i]];
        t->x[i] = NAN;
        if (is_missing(t, field) || !read_number(t, i, field))
            continue;
        lost(t, live_column(t->live, i), field,
             t->part[i] ? "is not a complex number like 0.1+0.2j" : "is not a finite number", err);
        return LIVE_LOST;
    }
    return LIVE_ROW;
}

/* Where the text stands: a fault that does not get behind its record would come again. */
static uint64_t place(const struct csv *csv)
{
    return csv->stream->base + csv->stream->begin;
}

enum live_read live_text_next(struct live_text *t, struct live_row *row, struct error *err)
{
    const uint64_t before = place(t->csv);
    const int more = csv_next(t->csv, err);
    if (more < 0)
        return place(t->csv) > before ? LIVE_LOST : LIVE_BROKEN;
    if (!more)
        return LIVE_END;
    *row = (struct live_row){.x = t->x};
    const enum live_read read = t->times ? read_time(t, row, err) : LIVE_ROW;
    return read == LIVE_ROW ? read_numbers(t, err) : read;
}
