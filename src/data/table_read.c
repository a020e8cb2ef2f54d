/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "data/amount.h"
#include "data/complex.h"
#include "data/csv.h"
#include "data/instant.h"
#include "data/rows.h"
#include "data/table.h"
#include "data/table_judged.h"
#include "data/table_long.h"
#include "data/time_judge.h"
#include "util/block.h"
#include "util/parallel.h"

/* Which columns of the file are read. */
struct wanted {
    const size_t *where; /* [columns of the table] */
    size_t time;
    int timed;
    enum time_format format; /* TIME_NONE: as the first row's */
};

/* What threads that read stretches of a file share. */
struct together {
    pthread_t caller; /* the one that tells the log */
    atomic_uint_fast64_t done;
    atomic_int failed;
};

/* The reading of a file, or of a stretch of it. */
struct reading {
    struct csv *csv;
    struct table *table; /* a stretch's owns nothing */
    const struct wanted *wanted;
    size_t room;               /* rows that fit into the table */
    struct rows_plan plan;     /* `to` is NULL where lines cannot be read the quick way */
    struct together *together; /* NULL: reads alone, and its table grows */
    struct log *log;           /* NULL: says nothing */
    uint64_t done;             /* bytes, as far as told */
    size_t next_told;          /* rows */
};

#define TELL_ROWS (1 << 17)

static int parse_time(const struct csv_field *field, enum time_format format, int64_t *ms)
{
    double x;
    if (format == TIME_ISO8601)
        return instant_scan(field->text, ms) == field->text + field->length ? 0 : -1;
    if (csv_parse_number(field->text, field->length, &x) != CSV_NUMBER)
        return -1;
    return instant_of_number(x, format, ms);
}

/* Reads the time of the row that `csv` is at; it must be later than the row before. */
static int read_time(struct reading *r)
{
    struct table *table = r->table;
    const struct csv_field *field = &r->csv->field[r->wanted->time];
    int64_t *at = &table->time[table->rows];
    if (!table->rows)
        table->format =
            r->wanted->format ? r->wanted->format : time_judge_first(field->text, field->length);
    return parse_time(field, table->format, at) || (table->rows && at[0] <= at[-1]) ? -1 : 0;
}

/* Where the plan's numbers go, once the table's memory is there. */
static void aim(struct reading *r)
{
    r->plan.times = r->table->time;
    for (size_t i = 0; r->plan.to && i < r->table->columns; i++)
        r->plan.to[r->wanted->where[i]] = r->table->column[i];
}

/* One column of the file has one place to go: where it is wanted twice, there is no quick way. */
static int plan_lines(struct reading *r, struct error *err)
{
    const struct wanted *w = r->wanted;
    r->plan.columns = r->csv->columns;
    r->plan.time = w->timed ? w->time : SIZE_MAX;
    char *taken = calloc(r->csv->columns, 1);
    r->plan.to = calloc(r->csv->columns, sizeof *r->plan.to);
    if (!taken || !r->plan.to) {
        free(taken);
        return error_set(err, STATUS_FAILED, "%s: out of memory", r->csv->path);
    }
    int twice = 0;
    for (size_t i = 0; i < r->table->columns; i++) {
        twice |= taken[w->where[i]] || w->where[i] == r->plan.time;
        taken[w->where[i]] = 1;
    }
    free(taken);
    if (twice) {
        free(r->plan.to);
        r->plan.to = NULL;
    }
    aim(r);
    return 0;
}

/* One row of the file, that `csv` is at, into the next of the table; -1 if anything is odd. */
static int read_row(struct reading *r)
{
    struct table *table = r->table;
    if (table->time && read_time(r))
        return -1;
    for (size_t i = 0; i < table->columns; i++) {
        const struct csv_field *field = &r->csv->field[r->wanted->where[i]];
        if (csv_parse_number(field->text, field->length, &table->column[i][table->rows]))
            return -1;
    }
    table->rows++;
    return 0;
}

/* The plain lines that follow, as far as they are in memory; the first row has told the format. */
static void read_plain(struct reading *r)
{
    const char *at, *stop;
    size_t before = r->table->rows;
    if (!r->plan.to)
        return;
    csv_lines(r->csv, &at, &stop);
    r->plan.format = r->table->format;
    at = rows_take(&r->plan, at, stop, &r->table->rows, r->room);
    if (r->table->rows > before)
        csv_pass(r->csv, at, r->table->rows - before);
}

static void tell(struct reading *r)
{
    uint64_t done, total;
    if (!r->log || r->table->rows < r->next_told)
        return;
    r->next_told = r->table->rows + TELL_ROWS;
    csv_progress(r->csv, &done, &total);
    if (r->together) {
        uint64_t more = done - r->done;
        r->done = done;
        done = atomic_fetch_add(&r->together->done, more) + more;
        if (!pthread_equal(pthread_self(), r->together->caller))
            return;
    }
    if (total && done < total)
        log_progress(r->log, "reading", done, total);
}

static int grow(struct reading *r, struct error *err)
{
    size_t room = r->room ? r->room + r->room / 2 : 4096;
    if (r->together || table_set_room(r->table, r->wanted->timed, room))
        return error_set(err, STATUS_FAILED, "%s:%llu: out of memory", r->csv->path,
                         (unsigned long long)r->csv->line);
    r->room = room;
    aim(r);
    return 0;
}

/* All rows to the end; a line that is not plain, and the first one, by way of its fields. */
static int read_rows(struct reading *r, struct error *err)
{
    struct table *table = r->table;
    int more;
    if (plan_lines(r, err))
        return -1;
    r->next_told = TELL_ROWS;
    while ((more = csv_next(r->csv, err)) > 0) {
        if ((table->rows == r->room && grow(r, err)) || read_row(r))
            return -1;
        read_plain(r);
        tell(r);
        if (r->together && atomic_load(&r->together->failed))
            return -1;
    }
    if (!more && !table->rows)
        return error_set(err, STATUS_INPUT, "%s:1: no row follows the header", r->csv->path);
    return more;
}

static int read_alone(struct table *table, struct csv *csv, const struct wanted *wanted,
                      struct log *log, struct error *err)
{
    struct reading r = {.csv = csv, .table = table, .wanted = wanted, .log = log};
    int result = read_rows(&r, err);
    free(r.plan.to);
    if (log && table->rows >= TELL_ROWS)
        log_progress(log, "reading", 0, 0);
    if (!result) /* a smaller block can always be had; if not, the larger one serves */
        table_set_room(table, wanted->timed, table->rows);
    return result;
}

/* --- a large file in stretches, side by side */

#define STRETCHES 64

uint64_t table_stretch = (uint64_t)4 << 20;
unsigned table_threads;

struct stretch {
    uint64_t from, to;
    size_t begin, lines; /* rows of the table, as many as lines were counted */
    struct table part;   /* those rows; owns `column`, but not what that points to */
};

struct stretches {
    const struct csv *csv; /* of the whole file */
    struct table *table;
    const struct wanted *wanted;
    struct log *log;
    struct together together;
    size_t count;
    struct stretch stretch[STRETCHES];
};

static void count_stretch(void *arg, size_t i)
{
    struct stretches *all = arg;
    struct stretch *s = &all->stretch[i];
    if (csv_count(all->csv, s->from, s->to, &s->lines))
        atomic_store(&all->together.failed, 1);
}

/* Fails where there are not as many rows as lines, but for blank lines at the file's end. */
static int read_part(struct stretches *all, struct stretch *s, int last)
{
    struct error ignored;
    struct reading r = {.table = &s->part,
                        .wanted = all->wanted,
                        .room = s->lines,
                        .together = &all->together,
                        .log = all->log,
                        .done = s->from};
    s->part = (struct table){.columns = all->table->columns};
    s->part.column = malloc((all->table->columns + 1) * sizeof *s->part.column);
    if (!s->part.column)
        return -1;
    for (size_t c = 0; c < all->table->columns; c++)
        s->part.column[c] = all->table->column[c] + s->begin;
    if (all->wanted->timed)
        s->part.time = all->table->time + s->begin;
    r.csv = csv_open_part(all->csv, s->from, last ? UINT64_MAX : s->to, &ignored);
    int result = r.csv ? read_rows(&r, &ignored) : -1;
    if ((!last && s->part.rows != s->lines) || (r.csv && r.csv->blank_lines))
        result = -1;
    free(r.plan.to);
    csv_close(r.csv);
    return result;
}

static void read_stretch(void *arg, size_t i)
{
    struct stretches *all = arg;
    struct stretch *s = &all->stretch[i];
    if (s->lines && !atomic_load(&all->together.failed) && read_part(all, s, i + 1 == all->count))
        atomic_store(&all->together.failed, 1);
}

/* Room for the rows of all stretches, and which is whose. */
static int share_rows(struct stretches *all)
{
    size_t rows = 0;
    for (size_t i = 0; i < all->count; i++) {
        all->stretch[i].begin = rows;
        rows += all->stretch[i].lines;
    }
    return rows ? table_allocate(all->table, all->wanted->timed, rows) : -1;
}

/* Times must be of one format, and rise from stretch to stretch too. */
static int join_stretches(struct stretches *all)
{
    const struct table *before = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct table *part = &all->stretch[i].part;
        if (!part->rows)
            continue;
        if (before && (before->format != part->format ||
                       (part->time && before->time[before->rows - 1] >= part->time[0])))
            return -1;
        before = part;
        all->table->rows = all->stretch[i].begin + part->rows;
    }
    all->table->format = before ? before->format : TIME_NONE;
    return before ? 0 : -1;
}

static void forget_rows(struct table *table)
{
    for (size_t c = 0; c < table->columns; c++) {
        block_free(table->column[c]);
        table->column[c] = NULL;
    }
    block_free(table->time);
    table->time = NULL;
    table->rows = 0;
}

/*
 * 0 if it read the whole file: lines are counted first, so that each stretch knows its rows'
 * places. Whatever is odd about a file, from an error to one that changes while it is read, or one
 * core, is left to a reader that goes from line to line, and knows their numbers.
 */
static int read_side_by_side(struct table *table, const struct csv *csv,
                             const struct wanted *wanted, struct log *log)
{
    uint64_t begin, end;
    size_t threads = table_threads ? table_threads : parallel_cores();
    if (threads < 2 || !csv_extent(csv, &begin, &end))
        return -1;
    uint64_t fit = (end - begin) / table_stretch;
    size_t most = threads < STRETCHES / 4 ? 4 * threads : STRETCHES;
    struct stretches all = {.csv = csv, .table = table, .wanted = wanted, .log = log};
    all.count = fit < most ? (size_t)fit : most;
    all.together.caller = pthread_self();
    if (all.count < 2)
        return -1;
    for (size_t i = 0; i < all.count; i++) {
        all.stretch[i].from = begin + (end - begin) / all.count * i;
        all.stretch[i].to = begin + (end - begin) / all.count * (i + 1);
    }
    all.stretch[all.count - 1].to = end;
    parallel_run(all.count, threads, count_stretch, &all);
    int failed = atomic_load(&all.together.failed) || share_rows(&all);
    if (!failed) {
        parallel_run(all.count, threads, read_stretch, &all);
        failed = atomic_load(&all.together.failed) || join_stretches(&all);
    }
    for (size_t i = 0; i < all.count; i++)
        free(all.stretch[i].part.column);
    if (log)
        log_progress(log, "reading", 0, 0);
    if (failed)
        forget_rows(table);
    return failed ? -1 : 0;
}

/* What asks for more than the quick way knows. */
static int is_plain(const struct table_how *how, const struct table_columns *at, size_t columns)
{
    int times = at->times;
    for (size_t i = 0; i < columns; i++)
        if (at->part[i])
            return 0;
    for (size_t i = 0; i < columns && how->kept_decimal; i++)
        if (how->kept_decimal[i] == DECIMAL_COMMA)
            return 0;
    for (size_t i = 0; i < how->missing_values; i++) /* a number that stands for no value */
        if (strpbrk(how->missing_value[i], "0123456789"))
            return 0;
    return times < 2 && !at->by_series && !how->zone && how->decimal != DECIMAL_COMMA &&
           (!times || how->time_format <= TIME_ISO8601) &&
           (how->order == ORDER_AUTO || how->order == ORDER_RISING);
}

/* A file without times may hold several series all the same, and nothing else would show it. */
static int look_for_series(struct table *table, struct csv *csv,
                           const struct table_columns *columns, struct error *err)
{
    char name[CSV_SHOWN], *more;
    size_t values;
    if (columns->times || columns->by_series ||
        !long_column(csv, columns, table->columns, NULL, table->rows, &values, name))
        return 0;
    if (asprintf(&more,
                 "%scolumn '%s' has %zu words, and all rows of a word follow each other: if these "
                 "are series, data.series = %s keeps them apart\n",
                 table->told ? table->told : "", name, values, name) < 0)
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    free(table->told);
    table->told = more;
    return 0;
}

static int read_columns(struct table *table, struct csv *csv, const struct table_how *how,
                        const struct table_columns *columns, struct log *log, struct error *err)
{
    struct error odd;
    struct wanted wanted = {.where = columns->where,
                            .time = columns->time[0],
                            .timed = columns->times > 0,
                            .format = how->time_format};
    if (is_plain(how, columns, table->columns)) {
        if ((!read_side_by_side(table, csv, &wanted, log) ||
             (!read_alone(table, csv, &wanted, log, &odd) && !csv->blank_lines)) &&
            (!how->kept_time || !table->time || how->time_format ||
             how->kept_time == table->format))
            return *csv->told && !(table->told = strdup(csv->told))
                       ? error_set(err, STATUS_FAILED, "%s: out of memory", csv->path)
                       : 0;
        forget_rows(table);
    }
    return table_read_judged(table, csv, how, columns, log, err);
}

/* Finds the columns, then reads. */
static int read_table(struct table *table, struct csv *csv, const struct table_how *how,
                      char *const *names, struct log *log, struct error *err)
{
    size_t *where = calloc(table->columns + 1, sizeof *where);
    unsigned char *part = calloc(table->columns + 1, 1);
    struct table_columns columns = {.where = where, .part = part};
    int result = where && part ? 0 : error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    for (; columns.times < 2 && how->time[columns.times] && *how->time[columns.times] && !result;)
        if (!(result = csv_find(csv, how->time[columns.times], &columns.time[columns.times], err)))
            columns.times++;
    if (!result && how->series && *how->series) {
        if ((result = csv_find(csv, how->series, &columns.series, err)))
            error_prefix(err, "data.series = %s (if it is empty, each file is one series)",
                         how->series);
        columns.by_series = 1;
    }
    for (size_t i = 0; i < table->columns && !result; i++) {
        result = complex_find(csv, names[i], &where[i], &part[i], err);
        if (!result && !(table->name[i] = strdup(part[i] ? names[i] : csv->name[where[i]])))
            result = error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    }
    if (!result)
        result = read_columns(table, csv, how, &columns, log, err);
    if (!result)
        result = look_for_series(table, csv, &columns, err);
    free(where);
    free(part);
    return result;
}

struct table *table_read(const char *path, const struct table_how *how, char *const *names,
                         size_t columns, struct log *log, struct error *err)
{
    struct csv *csv = csv_open(path, &how->csv, err);
    if (!csv)
        return NULL;
    struct table *table = table_new(path, columns);
    if (table) {
        table->first_line = csv->first_line;
        table->separator = csv->separator;
    }
    int result = table ? read_table(table, csv, how, names, log, err)
                       : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (!result)
        result = csv_unchanged(csv, err);
    csv_close(csv);
    if (!result)
        return table;
    table_free(table);
    return NULL;
}
