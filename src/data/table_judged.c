/* SPDX-License-Identifier: MIT */
#include "data/table_judged.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/amount.h"
#include "data/complex.h"
#include "data/table_groups.h"
#include "data/table_piece.h"
#include "data/time_judge.h"
#include "util/block.h"

/* What is found out about one column of numbers. */
struct column {
    struct amount_style style;
    int decimal;
};

struct judged {
    struct table *table;
    const struct table_how *how;
    const struct table_columns *at;
    struct log *log;
    struct error *err;
    struct csv *csv;
    struct time_form form;
    struct time_judge times;
    struct column *column; /* [columns] */
    size_t room;
    size_t timed; /* rows with a time */
    char *text;   /* date and time of day, joined */
    size_t text_room;
    FILE *told;
    struct piece piece; /* all rows */
    struct groups groups;
};

static int no_memory(const struct judged *j)
{
    return error_set(j->err, STATUS_FAILED, "%s: out of memory", j->table->path);
}

static unsigned long long line_of(const struct judged *j)
{
    return (unsigned long long)j->csv->line;
}

/* --- fields */

static int is_missing(const struct judged *j, const struct csv_field *field)
{
    return csv_is_missing(field, j->how->missing_value, j->how->missing_values);
}

/* The text of the time: one field, or two with a blank between. NULL without memory. */
static const char *time_text(struct judged *j, size_t *length)
{
    const struct csv_field *date = &j->csv->field[j->at->time[0]];
    *length = date->length;
    if (j->at->times < 2)
        return date->text;
    const struct csv_field *clock = &j->csv->field[j->at->time[1]];
    size_t need = date->length + clock->length + 2;
    if (need > j->text_room) {
        char *more = realloc(j->text, need);
        if (!more)
            return NULL;
        j->text = more;
        j->text_room = need;
    }
    memcpy(j->text, date->text, date->length);
    j->text[date->length] = ' ';
    memcpy(j->text + date->length + 1, clock->text, clock->length + 1);
    *length = need - 1;
    return j->text;
}

static const char *column_name(const struct judged *j, size_t i, char shown[CSV_SHOWN])
{
    return csv_show(j->table->name[i], shown);
}

static const char *time_name(const struct judged *j, char shown[CSV_SHOWN])
{
    return csv_show(j->csv->name[j->at->time[0]], shown);
}

/* A text that is no number, but a complex one. */
static int is_complex(const struct judged *j, size_t i, const struct csv_field *field)
{
    char name[CSV_SHOWN], text[CSV_SHOWN];
    column_name(j, i, name);
    return error_set(j->err, STATUS_INPUT,
                     "%s:%llu: column '%s': '%s' is a complex number: its parts are the columns "
                     "'%s.re' and '%s.im'",
                     j->table->path, line_of(j), name, csv_show(field->text, text), name, name);
}

static int not_a_number(const struct judged *j, size_t i, const struct csv_field *field)
{
    char name[CSV_SHOWN], text[CSV_SHOWN];
    const char *p = field->text + (*field->text == '-' || *field->text == '+');
    int special =
        csv_same_name(p, "nan") || csv_same_name(p, "inf") || csv_same_name(p, "infinity");
    double x, y;
    if (j->at->part[i])
        return error_set(j->err, STATUS_INPUT,
                         "%s:%llu: column '%s': '%s' is not a complex number like 0.1+0.2j",
                         j->table->path, line_of(j), column_name(j, i, name),
                         csv_show(field->text, text));
    if (complex_parse(field->text, field->length, &x, &y) > 0)
        return is_complex(j, i, field);
    enum csv_parsed parsed = csv_parse_number(field->text, field->length, &x);
    const char *cause = special                      ? " is not a finite number"
                        : parsed == CSV_OUT_OF_RANGE ? " is beyond the range of a number"
                                                     : " is not a number";
    return error_set(j->err, STATUS_INPUT, "%s:%llu: column '%s': '%s'%s%s", j->table->path,
                     line_of(j), column_name(j, i, name), csv_show(field->text, text), cause,
                     special || parsed == CSV_OUT_OF_RANGE ? "" : amount_cause(field->text));
}

/* --- the first pass */

static int look_at_number(struct judged *j, size_t i)
{
    const struct csv_field *field = &j->csv->field[j->at->where[i]];
    struct column *column = &j->column[i];
    double x;
    if (is_missing(j, field) || j->at->part[i])
        return 0;
    int plain = csv_parse_number(field->text, field->length, &x) == CSV_NUMBER;
    if (plain && (column->style.point || !strchr(field->text, '.')))
        return 0; /* it shows nothing more */
    if (!plain && amount_signs(field->text, field->length) & AMOUNT_IS_NONE)
        return not_a_number(j, i, field);
    amount_gather(&column->style, field->text, field->length, j->csv->line);
    return 0;
}

/* The column of the time that has no value in this row; NULL if there is a time. */
static const char *lacks_time(const struct judged *j)
{
    for (int i = 0; i < j->at->times; i++)
        if (is_missing(j, &j->csv->field[j->at->time[i]]))
            return j->csv->name[j->at->time[i]];
    return NULL;
}

/* With missing = skip a row without a time is left out like one without another value. */
static int skip_time(const struct judged *j)
{
    return j->how->missing == MISSING_SKIP && lacks_time(j);
}

static int look_at_row(struct judged *j)
{
    char name[CSV_SHOWN];
    const char *lacking = lacks_time(j);
    if (lacking && j->how->missing == MISSING_SKIP)
        return 0;
    if (lacking)
        return error_set(j->err, STATUS_INPUT,
                         "%s:%llu: column '%s': the time is missing; data.missing = skip leaves "
                         "such rows out",
                         j->table->path, line_of(j), csv_show(lacking, name));
    if (j->at->by_series && !j->csv->field[j->at->series].length)
        return error_set(j->err, STATUS_INPUT,
                         "%s:%llu: column '%s': the name of the series is missing", j->table->path,
                         line_of(j), csv_show(j->csv->name[j->at->series], name));
    j->timed++;
    if (j->at->times && !j->form.format) {
        size_t length;
        const char *text = time_text(j, &length);
        if (!text)
            return no_memory(j);
        time_judge_row(&j->times, text, length, j->csv->line);
    }
    for (size_t i = 0; i < j->table->columns; i++)
        if (look_at_number(j, i))
            return -1;
    return 0;
}

static void tell_progress(struct judged *j, size_t rows)
{
    uint64_t done, total;
    if (!j->log || rows % (1 << 17))
        return;
    csv_progress(j->csv, &done, &total);
    if (total && done < total)
        log_progress(j->log, "reading", done, total);
}

/* The decimal sign that the column had in training counts unless some field shows the other. */
static int keep_decimal(struct judged *j, size_t i, int kept)
{
    char name[CSV_SHOWN];
    struct column *c = &j->column[i];
    uint64_t other = kept == DECIMAL_COMMA ? c->style.point : c->style.comma;
    if (!other || c->decimal == kept || (c->style.point && c->style.comma)) {
        c->decimal = c->style.point && c->style.comma ? DECIMAL_AUTO : kept;
        return 0;
    }
    return error_set(j->err, STATUS_INPUT,
                     "%s:%llu: column '%s' has decimal %s here, and had decimal %s in the files "
                     "that the model was trained on; -s data.decimal=auto reads it as it is",
                     j->table->path, (unsigned long long)other, column_name(j, i, name),
                     kept == DECIMAL_COMMA ? "points" : "commas",
                     kept == DECIMAL_COMMA ? "commas" : "points");
}

/* 40.206 may be thousands where another column of the file, by itself, has decimal commas. */
static void tell_dotted(struct judged *j)
{
    char name[CSV_SHOWN], other[CSV_SHOWN];
    size_t with_comma = 0, columns = j->table->columns;
    while (with_comma < columns && !j->table->comma[with_comma])
        with_comma++;
    for (size_t i = 0; i < columns && with_comma < columns && !j->how->decimal; i++) {
        const struct column *c = &j->column[i];
        if (c->decimal != DECIMAL_POINT || c->style.point || !c->style.dotted ||
            (j->how->kept_decimal && j->how->kept_decimal[i]))
            continue;
        fprintf(j->told,
                "column '%s': decimal points with three digits behind each (line %llu), but column "
                "'%s' has decimal commas; if those points separate thousands, set data.decimal = "
                "comma\n",
                column_name(j, i, name), (unsigned long long)c->style.dotted,
                column_name(j, with_comma, other));
    }
}

/* The decimal sign of each column; a column without a decision is an error. */
static int decide(struct judged *j)
{
    char name[CSV_SHOWN];
    for (size_t i = 0; i < j->table->columns; i++) {
        struct column *c = &j->column[i];
        int kept = j->how->kept_decimal ? j->how->kept_decimal[i] : DECIMAL_AUTO;
        c->decimal = j->how->decimal ? j->how->decimal : amount_decide(&c->style);
        if (kept && !j->how->decimal && keep_decimal(j, i, kept))
            return -1;
        j->table->comma[i] = c->decimal == DECIMAL_COMMA;
        if (c->decimal == DECIMAL_COMMA && !j->how->decimal)
            fprintf(j->told, "column '%s': decimal commas\n", column_name(j, i, name));
        if (c->style.percent)
            fprintf(j->told, "column '%s': 5%% is read as 0.05\n", column_name(j, i, name));
        if (c->style.unit)
            fprintf(j->told, "column '%s': K, M, B and T stand for 10^3, 10^6, 10^9 and 10^12\n",
                    column_name(j, i, name));
        if (c->style.brackets)
            fprintf(j->told, "column '%s': numbers in brackets are negative\n",
                    column_name(j, i, name));
        if (c->decimal)
            continue;
        if (c->style.comma)
            return error_set(j->err, STATUS_INPUT,
                             "%s:%llu: column '%s' has a decimal comma here and a decimal point in "
                             "line %llu; data.decimal = comma or point says which it is",
                             j->table->path, (unsigned long long)c->style.comma,
                             column_name(j, i, name), (unsigned long long)c->style.point);
        return error_set(j->err, STATUS_INPUT,
                         "%s:%llu: column '%s': the comma may separate thousands or be a decimal "
                         "comma; data.decimal = point (thousands) or comma says which",
                         j->table->path, (unsigned long long)c->style.either,
                         column_name(j, i, name));
    }
    tell_dotted(j);
    return 0;
}

/* How the times are written: as in training where that is possible, else it is an error. */
static int find_form(struct judged *j, const char *column)
{
    enum time_format kept = j->how->kept_time;
    char here[TABLE_TIME], there[TABLE_TIME];
    int found = !time_judge_end(&j->times, j->table->path, column, &j->form, j->err);
    if (!kept)
        return found ? 0 : -1;
    if (time_judge_allows(&j->times, kept)) {
        int same = found && (j->form.format == TIME_ISO8601 || j->form.format == TIME_YMD) &&
                   (kept == TIME_ISO8601 || kept == TIME_YMD);
        j->form.format = same ? j->form.format : kept;
        if (!found)
            fprintf(j->told, "times are %s, as in training\n", time_format_name(kept));
        return 0;
    }
    size_t used = strlen(j->err->text);
    if (!found) {
        snprintf(j->err->text + used, sizeof j->err->text - used,
                 "; the files that the model was trained on have times as %s",
                 time_format_name(kept));
        return -1;
    }
    return error_set(
        j->err, STATUS_INPUT,
        "%s: column '%s': times are %s here (the first, '%s', is %s), and were %s in the files "
        "that the model was trained on (it would be %s); -s data.time_format=auto reads them as "
        "they are",
        j->table->path, column, time_format_name(j->form.format), j->times.first_text,
        time_judge_reading(&j->times, j->form.format, NULL, here), time_format_name(kept),
        time_judge_reading(&j->times, kept, NULL, there));
}

static int look(struct judged *j)
{
    char name[CSV_SHOWN];
    size_t rows = 0;
    int more;
    if (csv_rewind(j->csv, j->err))
        return -1;
    fputs(j->csv->told, j->told);
    while ((more = csv_next(j->csv, j->err)) > 0) {
        if (look_at_row(j))
            return -1;
        tell_progress(j, ++rows);
    }
    if (more < 0)
        return -1;
    if (!rows)
        return error_set(j->err, STATUS_INPUT, "%s:1: no row follows the header", j->table->path);
    if (!j->timed)
        return error_set(j->err, STATUS_INPUT, "%s: column '%s': no row has a time", j->table->path,
                         time_name(j, name));
    if (j->at->times && !j->form.format && find_form(j, time_name(j, name)))
        return -1;
    if (j->times.change_line && j->form.format == TIME_MILLISECONDS)
        fprintf(j->told, "times are milliseconds, from line %llu on microseconds\n",
                (unsigned long long)j->times.change_line);
    if (j->csv->blank_lines)
        fprintf(j->told, "%zu blank line%s between rows passed over\n", j->csv->blank_lines,
                j->csv->blank_lines > 1 ? "s" : "");
    return decide(j);
}

/* --- the second pass */

/* The array with room for so many values of 8 bytes; NULL stays. */
static void *roomier(void *array, size_t room, int *failed)
{
    void *more = array ? block_resize(array, room * sizeof(int64_t)) : NULL;
    *failed |= array && !more;
    return more ? more : array;
}

static int grow(struct judged *j)
{
    struct table *t = j->table;
    size_t room = j->room ? j->room + j->room / 2 : 4096;
    if (!j->room) {
        t->line = block_new(sizeof *t->line);
        t->origin = block_new(sizeof *t->origin);
    }
    int failed = !t->line || !t->origin;
    t->line = roomier(t->line, room, &failed);
    t->origin = roomier(t->origin, room, &failed);
    j->piece.later = roomier(j->piece.later, room, &failed);
    j->piece.skipped = roomier(j->piece.skipped, room, &failed);
    if (j->at->by_series && !j->room)
        failed |= !(j->groups.of = block_new(sizeof *j->groups.of));
    j->groups.of = roomier(j->groups.of, room, &failed);
    if (failed || table_set_room(t, j->at->times > 0, room))
        return no_memory(j);
    j->room = room;
    return 0;
}

/* The row's second instant, if clocks showed its time twice. */
static int note_later(struct judged *j, int64_t later)
{
    const struct table *t = j->table;
    if (!j->piece.later) {
        if (later == t->time[t->rows])
            return 0;
        if (!(j->piece.later = block_new(j->room * sizeof *j->piece.later)))
            return no_memory(j);
        memcpy(j->piece.later, t->time, t->rows * sizeof *t->time);
    }
    j->piece.later[t->rows] = later;
    return 0;
}

/* How many rows of its series without a time there were before the row. */
static int note_skipped(struct judged *j, size_t before)
{
    struct piece *p = &j->piece;
    if (!p->skipped && !before)
        return 0;
    if (!p->skipped && !(p->skipped = block_zeros(j->room * sizeof *p->skipped)))
        return no_memory(j);
    p->skipped[j->table->rows] = before;
    return 0;
}

static int read_time(struct judged *j)
{
    static const char *const causes[] = {
        [TIME_UNLIKE] = "is not written like the times before it",
        [TIME_BEYOND] = "is no instant of the years 1900 to 2200",
        [TIME_FAR] = "is no date of the years 1000 to 2199",
        [TIME_NO_ZONE] = "names a zone that the time zone database has not (package tzdata)",
        [TIME_SKIPPED] = "is a local time that clocks passed over when they were put forward: is "
                         "data.time_zone right?",
    };
    struct table *t = j->table;
    size_t length;
    int64_t later;
    char shown[CSV_SHOWN];
    const char *text = time_text(j, &length);
    if (!text)
        return no_memory(j);
    enum time_fault fault = time_parse(&j->form, text, length, &t->time[t->rows], &later);
    if (fault == TIME_UNLIKE && j->how->time_format)
        return error_set(j->err, STATUS_INPUT,
                         "%s:%llu: time '%s' is not written as data.time_format says", t->path,
                         line_of(j), csv_show(text, shown));
    if (fault)
        return error_set(j->err, STATUS_INPUT, "%s:%llu: time '%s' %s (%s)", t->path, line_of(j),
                         csv_show(text, shown), causes[fault], time_format_name(j->form.format));
    return note_later(j, later);
}

/* A number, or a part of a complex one. */
static int read_number(const struct judged *j, size_t i, const struct csv_field *field, double *x)
{
    double re, im;
    if (!j->at->part[i])
        return amount_parse(field->text, field->length, j->column[i].decimal, x);
    if (complex_parse(field->text, field->length, &re, &im) < 0)
        return -1;
    *x = j->at->part[i] == COMPLEX_RE ? re : im;
    return 0;
}

static int read_row(struct judged *j)
{
    struct table *t = j->table;
    if (t->rows == j->room && grow(j))
        return -1;
    size_t row = t->read++, of = 0, *skipped = &j->piece.skipped_count;
    if (j->at->by_series) {
        if (groups_find(&j->groups, j->csv->field[j->at->series].text, &of))
            return no_memory(j);
        skipped = &j->groups.group[of].skipped;
    }
    if (skip_time(j)) {
        ++*skipped;
        return 0;
    }
    if (j->at->times && read_time(j))
        return -1;
    for (size_t i = 0; i < t->columns; i++) {
        const struct csv_field *field = &j->csv->field[j->at->where[i]];
        double *x = &t->column[i][t->rows];
        *x = NAN;
        if (!is_missing(j, field) && read_number(j, i, field, x))
            return not_a_number(j, i, field);
    }
    if (note_skipped(j, *skipped))
        return -1;
    if (j->at->by_series) {
        j->groups.of[t->rows] = of;
        j->groups.group[of].rows++;
    }
    t->origin[t->rows] = row;
    t->line[t->rows++] = j->csv->line;
    return 0;
}

static int read_rows(struct judged *j)
{
    int more;
    if (csv_rewind(j->csv, j->err))
        return -1;
    while ((more = csv_next(j->csv, j->err)) > 0) {
        if (read_row(j))
            return -1;
        tell_progress(j, j->table->rows);
    }
    if (!more && !j->table->rows) /* it had some a moment ago */
        return error_set(j->err, STATUS_INPUT, "%s: the file changed while it was read",
                         j->table->path);
    return more;
}

/* --- all of it */

/* If the fault is in the last line of the file, that may be no data. */
static void hint_at_footer(struct judged *j)
{
    char begin[sizeof j->err->text];
    struct error ignored;
    unsigned long long line = line_of(j);
    if (j->times.odd_line && j->err->status == STATUS_INPUT)
        line = (unsigned long long)j->times.odd_line;
    snprintf(begin, sizeof begin, "%s:%llu: ", j->table->path, line);
    if (strncmp(j->err->text, begin, strlen(begin)) || line <= j->table->first_line)
        return;
    int more = line + 1 < j->csv->line || (line == j->csv->line && csv_next(j->csv, &ignored));
    size_t used = strlen(j->err->text);
    if (!more)
        snprintf(j->err->text + used, sizeof j->err->text - used,
                 "; it is the last line: data.skip_footer leaves lines at the end out");
}

static int read_all(struct judged *j)
{
    if (look(j) || read_rows(j)) {
        hint_at_footer(j);
        return -1;
    }
    j->table->format = j->form.format;
    j->piece.format = j->form.format;
    j->piece.zoned = j->form.zoned;
    return j->at->by_series ? groups_deal(&j->groups, &j->piece) : piece_settle(&j->piece);
}

int table_read_judged(struct table *table, struct csv *csv, const struct table_how *how,
                      const struct table_columns *columns, struct log *log, struct error *err)
{
    size_t size = 0;
    char *told = NULL;
    struct judged j = {
        .table = table, .csv = csv, .how = how, .at = columns, .log = log, .err = err};
    j.form = (struct time_form){
        .format = how->time_format, .pattern = how->time_pattern, .zone = how->zone};
    j.column = calloc(table->columns + 1, sizeof *j.column);
    table->comma = calloc(table->columns + 1, 1);
    j.told = open_memstream(&told, &size);
    j.piece = (struct piece){
        .table = table, .how = how, .told = j.told, .err = err, .csv = csv, .at = columns};
    int result = j.column && table->comma && j.told ? read_all(&j) : no_memory(&j);
    if (j.told && fclose(j.told) && !result)
        result = no_memory(&j);
    if (told && *told)
        *(columns->by_series ? &table->told_of_file : &table->told) = told;
    else
        free(told);
    if (log)
        log_progress(log, "reading", 0, 0);
    time_form_fini(&j.form);
    free(j.column);
    free(j.text);
    piece_fini(&j.piece);
    groups_fini(&j.groups);
    return result;
}
