/* SPDX-License-Identifier: MIT */
/* From the list of files to tables and their runs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/cache.h"
#include "data/csv.h"
#include "data/load.h"
#include "data/table_join.h"
#include "util/block.h"

void series_fini(struct input *input)
{
    table_free(input->table);
    free(input->run);
    free(input->segment);
    free(input->stretch);
    block_free(input->where);
    free(input->column);
    free(input->name);
    free(input->label);
}

/* Calls the table's columns as we call them. */
static int rename_columns(struct table *table, char *const *theirs, const struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (theirs[i] == columns->name[i])
            continue;
        char *ours = strdup(columns->name[i]);
        if (!ours)
            return -1;
        free(table->name[i]);
        table->name[i] = ours;
    }
    return 0;
}

/* The tables of one file, their columns called as we call them. */
static struct table *read_file(struct load *load, const struct source *source, const char *path,
                               const struct table_how *asked, const struct columns *columns)
{
    struct table_how how = *asked;
    for (size_t i = 0; i < 2 && how.time[i]; i++)
        how.time[i] = source_column(source, how.time[i]);
    how.series = how.series ? source_column(source, how.series) : NULL;
    char **names = malloc((columns->count + 1) * sizeof *names);
    int *decimal = malloc((columns->count + 1) * sizeof *decimal);
    if (!names || !decimal) {
        free(names);
        free(decimal);
        load_no_memory(load);
        return NULL;
    }
    if (load->kept)
        reading_apply(load->kept, columns->name, columns->count, decimal, &how);
    for (size_t i = 0; i < columns->count; i++)
        names[i] = (char *)(uintptr_t)source_column(source, columns->name[i]);
    struct table *table = NULL;
    if (how.again && !load->config->data.cache && source_is_once(path))
        cache_refuse(path, load->err);
    else
        table = (load->config->data.cache ? cache_table : table_read)(
            path, &how, names, columns->count, load->log, load->err);
    int failed = 0;
    for (struct table *t = table; t && !failed; t = t->next)
        failed = rename_columns(t, names, columns);
    if (failed) {
        load_no_memory(load);
        table_free(table);
        table = NULL;
    }
    if (table && reading_add(load->data->reading, table, columns->name, columns->count)) {
        load_no_memory(load);
        table_free(table);
        table = NULL;
    }
    free(names);
    free(decimal);
    return table;
}

/* Puts the columns of a file beside behind the table's; rows that were moved or left out take
 * theirs along. */
static int add_columns(struct table *table, const struct table *more)
{
    size_t columns = table->columns + more->columns;
    char **name = realloc(table->name, (columns + 1) * sizeof *name);
    table->name = name ? name : table->name;
    double **column = realloc(table->column, (columns + 1) * sizeof *column);
    table->column = column ? column : table->column;
    if (!name || !column)
        return -1;
    if (table->unfilled) { /* has an entry for each column */
        double **unfilled = realloc(table->unfilled, (columns + 1) * sizeof *unfilled);
        if (!unfilled)
            return -1;
        table->unfilled = unfilled;
        memset(unfilled + table->columns, 0, (more->columns + 1) * sizeof *unfilled);
    }
    for (size_t i = 0; i < more->columns; i++) {
        double *to = block_new((table->rows + 1) * sizeof *to);
        char *called = strdup(more->name[i]);
        table->name[table->columns] = called;
        table->column[table->columns++] = to;
        if (!to || !called)
            return -1;
        for (size_t row = 0; row < table->rows; row++)
            to[row] = more->column[i][table->origin ? table->origin[row] : row];
    }
    table->gaps |= more->gaps;
    return 0;
}

/* Reads the file with the targets, for all tables of the file that it lies beside. */
static int add_targets(struct load *load, const struct source *source, struct table *tables)
{
    const char *path = source->target;
    struct table_how how = load->how;
    how.time[0] = NULL;
    how.series = NULL;
    unsigned char *all = malloc(load->target_columns.count + 1);
    if (!all)
        return load_no_memory(load);
    memset(all, 1, load->target_columns.count);
    how.only_target = all;
    struct table *more = read_file(load, source, path, &how, &load->target_columns);
    free(all);
    if (!more)
        return -1;
    int result = 0;
    size_t rows = tables->origin ? tables->read : tables->rows;
    if (more->rows != rows)
        result = error_set(load->err, STATUS_INPUT, "%s: %zu rows, but %s beside it has %zu", path,
                           more->rows, tables->path, rows);
    for (struct table *t = tables; t && !result; t = t->next)
        if (add_columns(t, more))
            result = load_no_memory(load);
    table_free(more);
    return result;
}

/* The tables of one file, with their targets. */
static struct table *read_source(struct load *load, const struct source *source)
{
    struct table_how how = load->how;
    how.only_target = load->only_target;
    struct table *tables = read_file(load, source, source->path, &how, &load->columns);
    if (tables && source->target && add_targets(load, source, tables)) {
        table_free(tables);
        return NULL;
    }
    for (const char *at = tables ? tables->told_of_file : NULL, *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        (load->sources.count == 1 ? log_say : log_detail)(load->log, "data: %s: %.*s", source->path,
                                                          (int)(end - at), at);
    }
    return tables;
}

/* Cuts the table's rows at holes in time. */
static int find_runs(struct load *load, struct input *input)
{
    const struct table *table = input->table;
    input->run = table_runs(table, load->config->data.gap, &input->runs);
    if (!input->run)
        return load_no_memory(load);
    for (size_t i = 1; i < input->runs && table->time; i++) {
        int64_t hole = table->time[input->run[i].begin] - table->time[input->run[i].begin - 1];
        if (hole <= load->config->data.gap) /* rows were left out there */
            continue;
        input->holes++;
        input->longest_hole = hole > input->longest_hole ? hole : input->longest_hole;
    }
    return 0;
}

/*
 * Cuts the runs between two rows where the price changes by more than data.jump of the former, as
 * at a share's split: neither windows nor features reach across. Rows whose price is not above 0
 * are left out.
 */
static int cut_at_jumps(struct load *load, struct input *input)
{
    double limit = load->config->data.jump;
    if (!load->jump)
        return 0;
    const double *x = input->table->column[load->jump->column];
    struct run *run = NULL;
    size_t runs = 0;
    for (int pass = 0; pass < 2; pass++) {
        runs = 0;
        for (size_t r = 0; r < input->runs; r++) {
            size_t end = input->run[r].end;
            for (size_t row = input->run[r].begin, next; row < end; row = next) {
                next = row + 1;
                if (!(x[row] > 0)) {
                    load->lost.prices += (size_t)pass;
                    continue;
                }
                while (next < end && x[next] > 0 &&
                       fabs(x[next] - x[next - 1]) <= limit * x[next - 1])
                    next++;
                load->jumps += pass && next < end && x[next] > 0;
                if (run)
                    run[runs] = (struct run){row, next};
                runs++;
            }
        }
        if (!run && !(run = malloc((runs + 1) * sizeof *run)))
            return load_no_memory(load);
    }
    free(input->run);
    input->run = run;
    input->runs = runs;
    return 0;
}

/* Windows that the runs hold behind their warm-up, and that one stretch of all their rows would. */
static size_t count_windows(const struct load *load, const struct input *input, size_t *as_one)
{
    size_t rows = 0, windows = 0, span = load_span(load, PART_TRAIN);
    size_t stride = dataset_stride(load->config);
    for (size_t i = 0; i < input->runs; i++) {
        size_t length = input->run[i].end - input->run[i].begin;
        length = length > load->warmup ? length - load->warmup : 0;
        rows += length;
        windows += windows_in(length, span, stride);
    }
    *as_one = windows_in(rows, span, stride);
    return windows;
}

/* Keeps the runs that are longer than the warm-up. Returns the usable rows of the longest one. */
static size_t drop_short_runs(const struct load *load, struct input *input, size_t *usable)
{
    size_t kept = 0, longest = 0;
    *usable = 0;
    for (size_t i = 0; i < input->runs; i++) {
        size_t length = input->run[i].end - input->run[i].begin;
        if (length <= load->warmup)
            continue;
        input->run[kept++] = input->run[i];
        *usable += length - load->warmup;
        longest = length - load->warmup > longest ? length - load->warmup : longest;
    }
    input->runs = kept;
    return longest;
}

/* Targets are not made of values that were carried forward: where there are such, the view has the
 * columns without them. */
static int look_through(const struct load *load, struct input *input)
{
    const struct table *table = input->table;
    if (!table->unfilled)
        return 0;
    if (!(input->column = malloc((table->columns + 1) * sizeof *input->column)))
        return error_set(load->err, STATUS_FAILED, "%s: out of memory", table->path);
    for (size_t i = 0; i < table->columns; i++)
        input->column[i] = table->unfilled[i] ? table->unfilled[i] : table->column[i];
    input->target.column = input->column;
    input->target.gaps = 1;
    return 0;
}

/* The columns that targets are made of. */
static int set_view(const struct load *load, struct input *input)
{
    input->target = *input->table;
    if (!input->source->target)
        return look_through(load, input);
    input->target.path = input->source->target;
    input->target.name += load->columns.count;
    input->target.column += load->columns.count;
    input->target.columns = load->target_columns.count;
    return 0;
}

static struct file_rows look_at(const struct table *table, int64_t step)
{
    struct file_rows file = {.rows = table->rows};
    for (size_t row = 1; row < table->rows; row++) {
        size_t i = 0; /* a table of times alone has nothing to repeat */
        while (i < table->columns && table->column[i][row] == table->column[i][row - 1])
            i++;
        file.repeated += i && i == table->columns;
        int64_t apart = table->time ? table->time[row] - table->time[row - 1] : 0;
        file.gaps += step && apart > step;
        file.longest = apart > file.longest ? apart : file.longest;
    }
    return file;
}

/* Cuts the table of a series into runs, and tells what it holds. */
static int prepare(struct load *load, struct input *input)
{
    const struct config *config = load->config;
    size_t as_one, by_holes, by_jumps;
    struct table *table = input->table;
    if (config->data.rows && table->rows > (size_t)config->data.rows) {
        table->rows = (size_t)config->data.rows;
        input->cut.edges.ends = INT64_MIN;
    }
    input->step = table_step(table);
    input->file = look_at(table, input->step);
    if (sanity_look(load, table))
        return -1;
    input->first_time = table->time ? table->time[0] : 0;
    input->last_time = table->time ? table->time[table->rows - 1] : 0;
    if (find_runs(load, input) ||
        (config->data.resample &&
         table_resample(input->table, config->data.resample, &config->data.aggregate,
                        &input->cut.edges, input->run, &input->runs, &input->resampling,
                        load->err)))
        return -1;
    input->resampling.cut += input->cut.candles;
    tell_input(load, input);
    by_holes = count_windows(load, input, &as_one);
    load->lost.holes += as_one > by_holes ? as_one - by_holes : 0;
    if (cut_at_jumps(load, input))
        return -1;
    by_jumps = count_windows(load, input, &as_one);
    load->lost.jumps += by_holes > by_jumps ? by_holes - by_jumps : 0;
    return set_view(load, input);
}

/* Whether a series holds a window; if not, it is an error or left out. The only one may be short:
 * the parts tell. */
static int fits(struct load *load, struct input *input, int *skip)
{
    size_t usable, longest = drop_short_runs(load, input, &usable);
    size_t shortest = load_span(load, PART_TRAIN);
    char why[512];
    for (enum part part = 0; part < PARTS; part++) {
        size_t span = load_span(load, part);
        if (input->source->part == (int)part || (input->source->part < 0 && span < shortest))
            shortest = span;
    }
    *skip = 0;
    if (longest >= shortest || !load->several)
        return 0;
    if (load->config->data.short_series == SHORT_SKIP) {
        *skip = 1;
        load->lost.files++;
        log_detail(load->log, "data: %s: left out: %zu usable rows, at most %zu in one run",
                   input->label, usable, longest);
        return 0;
    }
    parts_why_short(load, input, 1, shortest, why, sizeof why);
    return error_set(
        load->err, STATUS_INPUT,
        "%s: too short: a window takes %zu rows with its targets, and of %zu usable "
        "rows at most %zu are in one run%s; data.short_series = skip leaves such %s out",
        input->label, shortest, usable, longest, why, input->table->series ? "series" : "files");
}

/* A series of a file of several, none of whose rows has all values: an error or left out. */
static int without_rows(struct load *load, const struct input *input, int *skip)
{
    *skip = load->config->data.short_series == SHORT_SKIP;
    if (!*skip)
        return error_set(load->err, STATUS_INPUT,
                         "%s: no row has a value in every column that is used; "
                         "data.short_series = skip leaves such series out",
                         input->label);
    load->lost.files++;
    log_detail(load->log, "data: %s: left out: no row has a value in every column", input->label);
    return 0;
}

/* Two files whose rows lie differently far apart are hardly what is meant. */
static void compare_steps(struct load *load)
{
    char one[TABLE_TIME], other[TABLE_TIME];
    for (size_t i = 1; i < load->inputs; i++) {
        const struct input *a = &load->input[0], *b = &load->input[i];
        if (a->step == b->step || load->config->data.resample || !a->step || !b->step)
            continue;
        log_warn(load->log, "rows are %s apart in %s, but %s in %s", table_duration(a->step, one),
                 a->label, table_duration(b->step, other), b->label);
        return;
    }
}

/* What the series is called, and its label. */
static int name_input(const struct load *load, struct input *input)
{
    const struct source *source = input->source;
    const char *series = input->table->series, *path = source->path, *name = source->name;
    if (load->config->data.join && strcmp(source->item, path)) {
        const char *slash = strrchr(source->item, '/');
        path = source->item;
        name = slash && slash[1] ? slash + 1 : path;
    }
    int one = load->sources.items == 1 && (load->config->data.join || load->sources.count == 1);
    int n = series ? asprintf(&input->label, "%s: %s", path, series)
                   : asprintf(&input->label, "%s", path);
    input->label = n < 0 ? NULL : input->label;
    n = !series ? asprintf(&input->name, "%s", name)
        : one   ? asprintf(&input->name, "%s", series)
                : asprintf(&input->name, "%s: %s", name, series);
    input->name = n < 0 ? NULL : input->name;
    return input->label && input->name ? 0 : -1;
}

/* Cuts the series to the range that is asked for; one without a row in it is an error or left out.
 */
static int cut_range(struct load *load, struct input *input, int *skip)
{
    const struct config *config = load->config;
    struct range_cut *cut = &input->cut;
    char first[TABLE_TIME], last[TABLE_TIME];
    *cut = (struct range_cut){.edges = {INT64_MAX, INT64_MIN}};
    if (!range_is_set(&load->range))
        return 0;
    range_cut(&load->range, input->table, config->data.resample, config->data.gap, cut);
    if (input->table->rows)
        return 0;
    *skip = load->several && config->data.short_series == SHORT_SKIP;
    if (!*skip)
        return error_set(
            load->err, STATUS_INPUT,
            "%s: none of its rows, of %s to %s, lies within data.from, data.to and data.days%s",
            input->label, table_time(cut->first, first), table_time(cut->last, last),
            load->several ? "; data.short_series = skip leaves such series out" : "");
    load->lost.files++;
    log_detail(load->log, "data: %s: left out: no row lies within data.from, data.to and data.days",
               input->label);
    return 0;
}

/* A series of the table, unless it is too short and may be left out. */
static int add_input(struct load *load, const struct source *source, struct table *table)
{
    int skip = 0;
    struct input *more = realloc(load->input, (load->inputs + 1) * sizeof *more);
    if (!more) {
        table_free(table);
        return load_no_memory(load);
    }
    load->input = more;
    struct input *input = &more[load->inputs++];
    *input = (struct input){.source = source, .table = table};
    if (name_input(load, input))
        return load_no_memory(load);
    if (table->rows ? cut_range(load, input, &skip) : without_rows(load, input, &skip))
        return -1;
    if (!skip && (prepare(load, input) || fits(load, input, &skip)))
        return -1;
    if (skip)
        series_fini(&load->input[--load->inputs]);
    return 0;
}

/* Adds each table of a list, which is used up. */
static int add_inputs(struct load *load, const struct source *source, struct table *list)
{
    load->several |= list && list->next != NULL;
    while (list) {
        struct table *next = list->next;
        list->next = NULL;
        if (add_input(load, source, list)) {
            table_free(next);
            return -1;
        }
        list = next;
    }
    return 0;
}

/* --- files that follow one another */

static int by_series(const void *a, const void *b)
{
    const char *x = (*(struct table *const *)a)->series, *y = (*(struct table *const *)b)->series;
    return x && y ? strcmp(x, y) : 0;
}

static int has_rows(struct table *const *part, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (part[i]->rows)
            return 1;
    return 0;
}

/* The tables of part[count], each series joined to one, as a list; those that were joined go. */
static struct table *join_tables(struct table **part, size_t count, const char *path,
                                 struct error *err)
{
    struct table *list = NULL, **end = &list;
    size_t done = 0;
    qsort(part, count, sizeof *part, by_series);
    while (done < count) {
        size_t n = 1;
        while (done + n < count && !by_series(&part[done], &part[done + n]))
            n++;
        int joined = n > 1 && has_rows(part + done, n);
        *end = joined ? table_join(part + done, n, path, err) : part[done];
        if (!*end)
            break;
        for (size_t i = joined ? 0 : 1; i < n; i++)
            table_free(part[done + i]);
        done += n;
        end = &(*end)->next;
    }
    if (done == count)
        return list;
    for (; done < count; done++)
        table_free(part[done]);
    table_free(list);
    return NULL;
}

/* The files of one item of the configuration as a list of series, each joined of those that hold
 * it. */
static struct table *read_joined(struct load *load, const struct source *source, size_t files)
{
    struct table **part = NULL, *list = NULL;
    size_t count = 0;
    int failed = 0;
    for (size_t i = 0; i < files && !failed; i++) {
        struct table *next, *tables = read_source(load, &source[i]);
        failed = !tables;
        for (; tables; tables = next) {
            struct table **more = realloc(part, (count + 1) * sizeof *more);
            next = tables->next;
            tables->next = NULL;
            if (more) {
                part = more;
                part[count++] = tables;
                continue;
            }
            failed |= load_no_memory(load);
            table_free(tables);
        }
    }
    if (!failed && !has_rows(part, count))
        failed = error_set(load->err, STATUS_INPUT,
                           "%s: no row has a value in every column that is used", source->item);
    if (!failed)
        list = join_tables(part, count, source->item, load->err);
    for (size_t i = 0; i < count && failed; i++)
        table_free(part[i]);
    free(part);
    return list;
}

/* --- all files */

static int read_all(struct load *load)
{
    size_t files = load->sources.count, next;
    for (size_t i = 0; i < files; i = next) {
        const struct source *source = &load->sources.item[i];
        next = i + 1;
        while (load->config->data.join && next < files && source->number == source[next - i].number)
            next++;
        struct table *list =
            next - i > 1 ? read_joined(load, source, next - i) : read_source(load, source);
        if (!list || add_inputs(load, source, list))
            return -1;
        if (files > 1)
            log_progress(load->log, "Reading files", next, files);
    }
    return 0;
}

int series_read(struct load *load)
{
    load->several = load->config->data.join ? load->sources.items > 1 : load->sources.count > 1;
    int failed = read_all(load);
    sanity_tell(load);
    if (failed)
        return -1;
    if (!load->inputs)
        return error_set(load->err, STATUS_INPUT,
                         "%s: all of them are too short for a window with its targets",
                         load_label(load));
    compare_steps(load);
    if (follow_look(load))
        return -1;
    tell_files(load);
    return 0;
}
