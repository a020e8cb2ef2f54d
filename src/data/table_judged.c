/* SPDX-License-Identifier: MIT */
#include "data/table_judged.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/amount.h"
#include "data/time_form.h"

/* What is found out about one column of numbers. */
struct column {
    struct amount_style style;
    int decimal;
};

/* A local time that clocks showed twice: the later instant, should the earlier not do. */
struct twice {
    size_t row;
    int64_t later;
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
    struct twice *twice;           /* [twices] */
    size_t twices, skipped, timed; /* rows that come twice, without a time, others */
    char *text;                    /* date and time of day, joined */
    size_t text_room;
    FILE *told;
    size_t *before; /* [room], by row as read: how many rows without a time were before it */
    int turned;     /* the rows were: what came first in the file comes last */
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
    if (!field->length)
        return 1;
    for (size_t i = 0; i < j->how->missing_values; i++)
        if (!strcmp(field->text, j->how->missing_value[i]))
            return 1;
    return 0;
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

static int not_a_number(const struct judged *j, size_t i, const struct csv_field *field)
{
    char name[CSV_SHOWN], text[CSV_SHOWN];
    const char *p = field->text + (*field->text == '-' || *field->text == '+');
    int special =
        csv_same_name(p, "nan") || csv_same_name(p, "inf") || csv_same_name(p, "infinity");
    double x;
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
    if (is_missing(j, field))
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

/* The decimal sign of each column; a column without a decision is an error. */
static int decide(struct judged *j)
{
    char name[CSV_SHOWN];
    for (size_t i = 0; i < j->table->columns; i++) {
        struct column *c = &j->column[i];
        c->decimal = j->how->decimal ? j->how->decimal : amount_decide(&c->style);
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
    return 0;
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
    if (j->at->times && !j->form.format &&
        time_judge_end(&j->times, j->table->path, time_name(j, name), &j->form, j->err))
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

static int grow(struct judged *j)
{
    struct table *t = j->table;
    size_t room = j->room ? j->room + j->room / 2 : 4096;
    uint64_t *line = realloc(t->line, room * sizeof *line);
    t->line = line ? line : t->line;
    size_t *before = realloc(j->before, room * sizeof *before);
    j->before = before ? before : j->before;
    if (!line || !before || table_set_room(t, j->at->times > 0, room))
        return no_memory(j);
    j->room = room;
    return 0;
}

static int read_time(struct judged *j)
{
    static const char *const causes[] = {
        [TIME_UNLIKE] = "is not written like the times before it",
        [TIME_BEYOND] = "is no instant of the years 1900 to 2200",
        [TIME_NO_ZONE] = "names a zone that the time zone database has not (package tzdata)",
        [TIME_SKIPPED] = "is a local time that clocks passed over when they were put forward: is "
                         "data.time_zone right?",
    };
    struct table *t = j->table;
    size_t length;
    int64_t later;
    const char *text = time_text(j, &length);
    if (!text)
        return no_memory(j);
    enum time_fault fault = time_parse(&j->form, text, length, &t->time[t->rows], &later);
    if (fault) {
        char shown[CSV_SHOWN];
        return error_set(j->err, STATUS_INPUT, "%s:%llu: time '%s' %s (%s)", t->path, line_of(j),
                         csv_show(text, shown), causes[fault], time_format_name(j->form.format));
    }
    if (later == t->time[t->rows])
        return 0;
    struct twice *more = realloc(j->twice, (j->twices + 1) * sizeof *more);
    if (!more)
        return no_memory(j);
    j->twice = more;
    more[j->twices++] = (struct twice){t->rows, later};
    return 0;
}

static int read_row(struct judged *j)
{
    struct table *t = j->table;
    if (t->rows == j->room && grow(j))
        return -1;
    if (skip_time(j)) {
        j->skipped++;
        return 0;
    }
    if (j->at->times && read_time(j))
        return -1;
    for (size_t i = 0; i < t->columns; i++) {
        const struct csv_field *field = &j->csv->field[j->at->where[i]];
        double *x = &t->column[i][t->rows];
        *x = NAN;
        if (!is_missing(j, field) &&
            amount_parse(field->text, field->length, j->column[i].decimal, x))
            return not_a_number(j, i, field);
    }
    j->before[t->rows] = j->skipped;
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
    j->table->read = j->table->rows;
    return more;
}

/* --- order */

/* Moves the rows so that row i becomes what row from[i] was, for `rows` rows. */
static int permute(struct judged *j, const size_t *from, size_t rows)
{
    struct table *t = j->table;
    double *x = malloc((rows + 1) * sizeof *x);
    if (!x)
        return no_memory(j);
    for (size_t i = 0; i < t->columns; i++) {
        for (size_t row = 0; row < rows; row++)
            x[row] = t->column[i][from[row]];
        memcpy(t->column[i], x, rows * sizeof *x);
    }
    _Static_assert(sizeof(int64_t) == sizeof *x && sizeof(uint64_t) == sizeof *x, "one scratch");
    int64_t *time = (int64_t *)(void *)x;
    for (size_t row = 0; t->time && row < rows; row++)
        time[row] = t->time[from[row]];
    if (t->time)
        memcpy(t->time, time, rows * sizeof *time);
    uint64_t *line = (uint64_t *)(void *)x;
    for (size_t row = 0; row < rows; row++)
        line[row] = t->line[from[row]];
    memcpy(t->line, line, rows * sizeof *line);
    free(x);
    t->rows = rows;
    return 0;
}

/* The same for rows that may have moved before: t->origin follows. */
static int rearrange(struct judged *j, const size_t *from, size_t rows)
{
    struct table *t = j->table;
    size_t *origin = malloc((rows + 1) * sizeof *origin);
    if (!origin)
        return no_memory(j);
    for (size_t i = 0; i < rows; i++)
        origin[i] = t->origin ? t->origin[from[i]] : from[i];
    if (permute(j, from, rows)) {
        free(origin);
        return -1;
    }
    free(t->origin);
    t->origin = origin;
    return 0;
}

static void count_directions(const struct table *t, size_t *up, size_t *down)
{
    *up = *down = 0;
    for (size_t i = 1; i < t->rows; i++) {
        *up += t->time[i] > t->time[i - 1];
        *down += t->time[i] < t->time[i - 1];
    }
}

struct key {
    int64_t time;
    size_t row;
};

static int earlier_first(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows in the order of `time`; `falling`: they only have to be turned round. */
static int sort_rows(struct judged *j, int falling)
{
    struct table *t = j->table;
    struct key *key = malloc((t->rows + 1) * sizeof *key);
    size_t *from = malloc((t->rows + 1) * sizeof *from);
    int result = key && from ? 0 : no_memory(j);
    for (size_t i = 0; i < t->rows && !result; i++)
        key[i] = falling ? (struct key){0, t->rows - 1 - i} : (struct key){t->time[i], i};
    if (!result && !falling)
        qsort(key, t->rows, sizeof *key, earlier_first);
    for (size_t i = 0; i < t->rows && !result; i++)
        from[i] = key[i].row;
    if (!result)
        result = rearrange(j, from, t->rows);
    j->turned = falling;
    free(key);
    free(from);
    return result;
}

static int order_error(const struct judged *j, size_t row, const char *remedy)
{
    const struct table *t = j->table;
    char now[TABLE_TIME], before[TABLE_TIME];
    return error_set(j->err, STATUS_INPUT, "%s:%llu: time %s lies before the previous row's %s%s",
                     t->path, (unsigned long long)t->line[row], table_time(t->time[row], now),
                     table_time(t->time[row - 1], before), remedy);
}

static int put_in_order(struct judged *j)
{
    struct table *t = j->table;
    int order = j->how->order;
    size_t up, down;
    count_directions(t, &up, &down);
    if (order == ORDER_SORT && down) {
        fprintf(j->told, "rows sorted by time\n");
        return sort_rows(j, 0);
    }
    if (order == ORDER_FALLING && up)
        return error_set(j->err, STATUS_INPUT,
                         "%s: times rise, but data.order = falling says that the newest row comes "
                         "first",
                         t->path);
    if (down && (order == ORDER_FALLING || (order == ORDER_AUTO && !up))) {
        fprintf(j->told, "newest row first: turned round\n");
        return sort_rows(j, 1);
    }
    for (size_t i = 1; i < t->rows && down; i++)
        if (t->time[i] < t->time[i - 1])
            return order_error(j, i,
                               order == ORDER_RISING && !up
                                   ? ": the newest row comes first; data.order = falling turns "
                                     "the rows round"
                                   : "; data.order = sort sorts the rows; several series in one "
                                     "file have to be split into files");
    return 0;
}

/* Where clocks were put back, an hour came twice: what does not lie behind the row before it in
 * time is of the second. The newest row may come first. */
static void settle_twice(struct judged *j)
{
    struct table *t = j->table;
    int falls = t->time[0] > t->time[t->rows - 1];
    size_t later = 0;
    for (size_t k = 0; k < j->twices; k++) {
        const struct twice *twice = &j->twice[falls ? j->twices - 1 - k : k];
        size_t row = twice->row;
        if (falls ? row + 1 == t->rows : row == 0)
            continue;
        if (t->time[row] <= t->time[falls ? row + 1 : row - 1]) {
            t->time[row] = twice->later;
            later++;
        }
    }
    if (later)
        fprintf(j->told,
                "clocks were put back: %zu local times that came twice were taken for the second\n",
                later);
}

/* --- rows of one time */

static void merge_rows(struct judged *j, size_t to, size_t row)
{
    struct table *t = j->table;
    int last = j->how->duplicates == (j->turned ? DUPLICATES_FIRST : DUPLICATES_LAST);
    for (size_t c = 0; c < t->columns; c++) {
        double *x = t->column[c];
        if (last)
            x[to] = x[row];
        else if (j->how->duplicates == DUPLICATES_SUM)
            x[to] = isnan(x[to]) ? x[row] : isnan(x[row]) ? x[to] : x[to] + x[row];
    }
}

/* What rows of one time hint at: dates whose time of day is elsewhere, clocks that were put back.
 */
static const char *duplicates_hint(const struct judged *j, size_t row)
{
    const struct table *t = j->table;
    size_t same = 0;
    for (size_t i = 1; i < t->rows; i++)
        same += t->time[i] == t->time[i - 1];
    if (same > t->rows / 2)
        return " (does another column hold the time of day? data.time names both)";
    int epoch = j->form.format <= TIME_SECONDS || j->form.format == TIME_MICROSECONDS ||
                j->form.format == TIME_NANOSECONDS;
    return !epoch && !j->how->zone && row > 1 && t->time[row] - t->time[row - 2] < 86400000
               ? " (local times, when clocks were put back? data.time_zone names their zone)"
               : "";
}

static int merge_duplicates(struct judged *j)
{
    static const char *const names[] = {"", "the first was", "the last was", "their sum was"};
    struct table *t = j->table;
    size_t kept = 0, merged = 0;
    size_t *from = malloc((t->rows + 1) * sizeof *from);
    int result = from ? 0 : no_memory(j);
    for (size_t i = 0; i < t->rows && !result; i++) {
        if (!i || t->time[i] != t->time[from[kept - 1]]) {
            from[kept++] = i;
        } else if (j->how->duplicates == DUPLICATES_ERROR) {
            char at[TABLE_TIME];
            result = error_set(
                j->err, STATUS_INPUT,
                "%s:%llu: time %s appears twice%s; data.duplicates = first, last or sum keeps one "
                "row of them",
                t->path, (unsigned long long)t->line[i], table_time(t->time[i], at),
                duplicates_hint(j, i));
        } else {
            merged++;
            merge_rows(j, from[kept - 1], i);
        }
    }
    if (!result && merged) {
        fprintf(j->told, "%zu rows had the time of another: %s taken\n", merged,
                names[j->how->duplicates]);
        result = rearrange(j, from, kept);
    }
    free(from);
    return result;
}

/* --- missing values */

static int needed(const struct judged *j, size_t column)
{
    return !j->how->only_target || !j->how->only_target[column];
}

static int lacks(const struct judged *j, size_t row, size_t *column)
{
    for (size_t c = 0; c < j->table->columns; c++)
        if (needed(j, c) && isnan(j->table->column[c][row])) {
            *column = c;
            return 1;
        }
    return 0;
}

/* Rows at the start in which some column has no value yet, as where a mean begins. */
static size_t find_start(const struct judged *j)
{
    size_t start = 0, first;
    for (size_t c = 0; c < j->table->columns; c++) {
        for (first = 0;
             needed(j, c) && first < j->table->rows && isnan(j->table->column[c][first]);)
            first++;
        start = first > start ? first : start;
    }
    return start;
}

static int missing_error(const struct judged *j, size_t row, size_t column)
{
    const struct table *t = j->table;
    char name[CSV_SHOWN];
    return error_set(j->err, STATUS_INPUT,
                     "%s:%llu: column '%s': the value is missing; data.missing = skip leaves such "
                     "rows out, previous carries the last value forward",
                     t->path, (unsigned long long)t->line[row], column_name(j, column, name));
}

/* A copy of a column before values are carried forward, for targets. */
static int keep_unfilled(struct judged *j, size_t c)
{
    struct table *t = j->table;
    if (!t->unfilled && !(t->unfilled = calloc(t->columns + 1, sizeof *t->unfilled)))
        return no_memory(j);
    if (!(t->unfilled[c] = malloc((t->rows + 1) * sizeof **t->unfilled)))
        return no_memory(j);
    memcpy(t->unfilled[c], t->column[c], t->rows * sizeof **t->unfilled);
    return 0;
}

static int carry_forward(struct judged *j, size_t c)
{
    struct table *t = j->table;
    char name[CSV_SHOWN];
    double *x = t->column[c];
    long since = 0;
    size_t filled = 0;
    for (size_t row = 1; row < t->rows; row++) {
        since = isnan(x[row]) ? since + 1 : 0;
        if (!since)
            continue;
        if (since > j->how->missing_limit)
            return error_set(j->err, STATUS_INPUT,
                             "%s:%llu: column '%s': values are missing in more than %ld rows, one "
                             "behind the other; data.missing_limit allows more, data.missing = "
                             "skip leaves these rows out",
                             t->path, (unsigned long long)t->line[row], column_name(j, c, name),
                             j->how->missing_limit);
        if (!filled++ && keep_unfilled(j, c))
            return -1;
        x[row] = x[row - 1];
    }
    if (filled)
        fprintf(j->told, "column '%s': %zu missing values carried forward\n",
                column_name(j, c, name), filled);
    return 0;
}

/* Whether a row without a time stood between two rows, by where these were in the file. */
static int hole_between(const struct judged *j, size_t before, size_t behind)
{
    const struct table *t = j->table;
    size_t a = t->origin ? t->origin[before] : before, b = t->origin ? t->origin[behind] : behind;
    return j->before[a] != j->before[b];
}

/* Leaves the first rows out, and if `all` those in which a needed value is missing: holes that
 * nothing reaches across. */
static int skip_rows(struct judged *j, size_t start, int all)
{
    struct table *t = j->table;
    size_t kept = 0, column, left_out = j->skipped;
    size_t *from = malloc((t->rows + 1) * sizeof *from);
    t->cut = malloc((t->rows + 1) * sizeof *t->cut);
    int result = from && t->cut ? 0 : no_memory(j);
    for (size_t i = start; i < t->rows && !result; i++) {
        if (all && lacks(j, i, &column)) {
            left_out++;
            continue;
        }
        if (kept && (from[kept - 1] + 1 != i || hole_between(j, from[kept - 1], i)))
            t->cut[t->cuts++] = kept;
        from[kept++] = i;
    }
    if (left_out)
        fprintf(j->told, "%zu rows left out where a value is missing\n", left_out);
    if (!result && (left_out || start))
        result = rearrange(j, from, kept);
    free(from);
    return result;
}

/* Some column has no value in any row; or each has some, but never all in one row. */
static int no_values(const struct judged *j)
{
    const struct table *t = j->table;
    char name[CSV_SHOWN];
    for (size_t c = 0, row; c < t->columns; c++) {
        for (row = 0; needed(j, c) && row < t->rows && isnan(t->column[c][row]);)
            row++;
        if (row == t->rows)
            return error_set(j->err, STATUS_INPUT,
                             "%s:%llu: column '%s': the value is missing, here "
                             "and in all other rows",
                             t->path, (unsigned long long)t->line[0], column_name(j, c, name));
    }
    return error_set(j->err, STATUS_INPUT, "%s: no row has a value in every column that is used",
                     t->path);
}

static int has_gaps(const struct table *t)
{
    for (size_t c = 0; c < t->columns; c++)
        for (size_t row = 0; row < t->rows; row++)
            if (isnan(t->column[c][row]))
                return 1;
    return 0;
}

static int deal_with_missing(struct judged *j)
{
    struct table *t = j->table;
    size_t start = find_start(j), column;
    if (start)
        fprintf(j->told, "%zu rows at the start left out: a column has no value yet\n", start);
    if (start == t->rows)
        return no_values(j);
    for (size_t i = start; i < t->rows && j->how->missing == MISSING_ERROR; i++) {
        if (lacks(j, i, &column))
            return missing_error(j, i, column);
        for (column = 0; column < t->columns; column++)
            if (isnan(t->column[column][i]))
                return missing_error(j, i, column);
    }
    int skip = j->how->missing == MISSING_SKIP;
    if ((start || skip) && skip_rows(j, start, skip))
        return -1;
    for (size_t c = 0; c < t->columns && j->how->missing == MISSING_PREVIOUS; c++)
        if (needed(j, c) && carry_forward(j, c))
            return -1;
    t->gaps = has_gaps(t);
    return 0;
}

/* --- all of it */

/* Lines and rows are only kept where they are not what they would be anyway. */
static void forget_plain(struct table *t)
{
    int same = 1;
    for (size_t i = 0; i < t->rows && same; i++)
        same = t->line[i] == i + t->first_line;
    if (same) {
        free(t->line);
        t->line = NULL;
    }
    if (!t->cuts) {
        free(t->cut);
        t->cut = NULL;
    }
    table_set_room(t, t->time != NULL, t->rows);
}

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
    if (j->at->times) {
        settle_twice(j);
        if (put_in_order(j) || merge_duplicates(j))
            return -1;
    }
    if (deal_with_missing(j))
        return -1;
    j->table->format = j->form.format;
    forget_plain(j->table);
    return 0;
}

int table_read_judged(struct table *table, struct csv *csv, const struct table_how *how,
                      const struct table_columns *columns, struct log *log, struct error *err)
{
    size_t size = 0;
    struct judged j = {
        .table = table, .csv = csv, .how = how, .at = columns, .log = log, .err = err};
    j.form = (struct time_form){
        .format = how->time_format, .pattern = how->time_pattern, .zone = how->zone};
    j.column = calloc(table->columns + 1, sizeof *j.column);
    j.told = open_memstream(&table->told, &size);
    int result = j.column && j.told ? read_all(&j) : no_memory(&j);
    if (j.told && fclose(j.told) && !result)
        result = no_memory(&j);
    if (table->told && !*table->told) {
        free(table->told);
        table->told = NULL;
    }
    if (log)
        log_progress(log, "reading", 0, 0);
    time_form_fini(&j.form);
    free(j.column);
    free(j.twice);
    free(j.text);
    free(j.before);
    return result;
}
