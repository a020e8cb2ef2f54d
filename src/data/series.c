/* SPDX-License-Identifier: MIT */
/* From the list of files to tables and their runs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/cache.h"
#include "data/csv.h"
#include "data/load.h"

void series_fini(struct input *input)
{
    table_free(input->table);
    free(input->run);
    free(input->segment);
    free(input->stretch);
    free(input->where);
    free(input->column);
}

/* The table of one file, its columns called as we call them. */
static struct table *read_file(struct load *load, const struct source *source, const char *path,
                               const struct table_how *asked, const struct columns *columns)
{
    struct table_how how = *asked;
    for (size_t i = 0; i < 2 && how.time[i]; i++)
        how.time[i] = source_column(source, how.time[i]);
    char **names = malloc((columns->count + 1) * sizeof *names), *theirs = NULL;
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
    struct table *table = (load->config->data.cache ? cache_table : table_read)(
        path, &how, names, columns->count, load->log, load->err);
    for (size_t i = 0; table && i < columns->count; i++) {
        if (names[i] == columns->name[i])
            continue;
        if (!(theirs = strdup(columns->name[i]))) {
            load_no_memory(load);
            table_free(table);
            table = NULL;
            break;
        }
        free(table->name[i]);
        table->name[i] = theirs;
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

/* Rows of a file beside follow those of the table, which were moved or left out. */
static int follow(struct table *more, const struct table *table)
{
    for (size_t i = 0; i < more->columns; i++) {
        double *to = malloc((table->rows + 1) * sizeof *to);
        if (!to)
            return -1;
        for (size_t row = 0; row < table->rows; row++)
            to[row] = more->column[i][table->origin[row]];
        free(more->column[i]);
        more->column[i] = to;
    }
    more->rows = table->rows;
    return 0;
}

/* Reads the file with the targets and puts its columns behind those of the table. */
static int join_target(struct load *load, struct input *input)
{
    struct table *table = input->table;
    const char *path = input->source->target;
    struct table_how how = load->how;
    how.time[0] = NULL;
    how.only_target = NULL;
    unsigned char *all = malloc(load->target_columns.count + 1);
    if (!all)
        return load_no_memory(load);
    memset(all, 1, load->target_columns.count);
    how.only_target = all;
    struct table *more = read_file(load, input->source, path, &how, &load->target_columns);
    free(all);
    if (!more)
        return -1;
    int result = 0;
    size_t columns = table->columns + more->columns;
    char **name = realloc(table->name, (columns + 1) * sizeof *name);
    table->name = name ? name : table->name;
    double **column = realloc(table->column, (columns + 1) * sizeof *column);
    table->column = column ? column : table->column;
    size_t rows = table->origin ? table->read : table->rows;
    if (more->rows != rows)
        result = error_set(load->err, STATUS_INPUT, "%s: %zu rows, but %s beside it has %zu", path,
                           more->rows, table->path, rows);
    else if (!name || !column || (table->origin && follow(more, table)))
        result = load_no_memory(load);
    for (size_t i = 0; i < more->columns && !result; i++) {
        table->name[table->columns] = more->name[i];
        table->column[table->columns++] = more->column[i];
        more->name[i] = NULL;
        more->column[i] = NULL;
    }
    table->gaps |= more->gaps;
    table_free(more);
    return result;
}

/* Cuts the table's rows at holes in time. */
static int find_runs(struct load *load, struct input *input)
{
    const struct table *table = input->table;
    input->run = table_runs(table, load->config->data.gap, &input->runs);
    if (!input->run)
        return load_no_memory(load);
    input->holes = input->runs - 1;
    for (size_t i = 1; i < input->runs; i++) {
        int64_t hole = table->time[input->run[i].begin] - table->time[input->run[i].begin - 1];
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
    size_t stride = (size_t)load->config->data.stride;
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

static int read_input(struct load *load, struct input *input)
{
    const struct config *config = load->config;
    const struct source *source = input->source;
    size_t as_one, by_holes, by_jumps;
    struct table_how how = load->how;
    how.only_target = load->only_target;
    input->table = read_file(load, source, source->path, &how, &load->columns);
    if (!input->table || (source->target && join_target(load, input)))
        return -1;
    struct table *table = input->table;
    if (config->data.rows && table->rows > (size_t)config->data.rows)
        table->rows = (size_t)config->data.rows;
    input->step = table_step(table);
    input->file = look_at(table, input->step);
    sanity_look(load, table);
    input->first_time = table->time ? table->time[0] : 0;
    input->last_time = table->time ? table->time[table->rows - 1] : 0;
    if (find_runs(load, input) ||
        (config->data.resample &&
         table_resample(input->table, config->data.resample, &config->data.aggregate, input->run,
                        &input->runs, &input->resampling, load->err)))
        return -1;
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
    for (enum part part = 0; part < PARTS; part++) {
        size_t span = load_span(load, part);
        if (input->source->part == (int)part || (input->source->part < 0 && span < shortest))
            shortest = span;
    }
    *skip = 0;
    if (longest >= shortest || load->inputs == 1)
        return 0;
    if (load->config->data.short_series == SHORT_SKIP) {
        *skip = 1;
        load->lost.files++;
        log_detail(load->log, "data: %s: left out: %zu usable rows, at most %zu in one run",
                   input->source->path, usable, longest);
        return 0;
    }
    return error_set(
        load->err, STATUS_INPUT,
        "%s: too short: a window takes %zu rows with its targets, and of %zu usable "
        "rows at most %zu are in one run; data.short_series = skip leaves such files out",
        input->source->path, shortest, usable, longest);
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
                 a->source->path, table_duration(b->step, other), b->source->path);
        return;
    }
}

int series_read(struct load *load)
{
    size_t files = load->sources.count, kept = 0;
    int skip;
    load->input = calloc(files + 1, sizeof *load->input);
    if (!load->input)
        return load_no_memory(load);
    load->inputs = files;
    for (size_t i = 0; i < files; i++) {
        struct input *input = &load->input[kept];
        *input = (struct input){.source = &load->sources.item[i]};
        kept++;
        if (read_input(load, input) || fits(load, input, &skip))
            return -1;
        if (skip) {
            series_fini(input);
            *input = (struct input){0};
            kept--;
        }
        if (files > 1)
            log_progress(load->log, "Reading files", i + 1, files);
    }
    load->inputs = kept;
    if (!kept)
        return error_set(load->err, STATUS_INPUT,
                         "%s: all of them are too short for a window with its targets",
                         load_label(load));
    compare_steps(load);
    tell_files(load);
    return 0;
}
