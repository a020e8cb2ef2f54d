/* SPDX-License-Identifier: MIT */
#include "data/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/aggregate.h"
#include "data/csv.h"
#include "util/block.h"

#define SECOND 1000
#define DAY ((int64_t)86400 * SECOND)

static void free_one(struct table *table)
{
    for (size_t i = 0; i < table->columns; i++) {
        if (table->name)
            free(table->name[i]);
        if (table->column)
            block_free(table->column[i]);
    }
    for (size_t i = 0; table->unfilled && i < table->columns; i++)
        block_free(table->unfilled[i]);
    free(table->unfilled);
    free(table->name);
    free(table->column);
    block_free(table->time);
    block_free(table->line);
    block_free(table->origin);
    block_free(table->cut);
    free(table->comma);
    free(table->told);
    free(table->series);
    free(table->told_of_file);
    for (size_t i = 0; i < table->parts; i++)
        free(table->part[i].path);
    free(table->part);
    free(table->path);
    free(table);
}

void table_free(struct table *table)
{
    for (struct table *next; table; table = next) {
        next = table->next;
        free_one(table);
    }
}

const char *table_time(int64_t ms, char out[TABLE_TIME])
{
    int64_t fraction = (ms % SECOND + SECOND) % SECOND;
    time_t seconds = (time_t)((ms - fraction) / SECOND);
    struct tm tm;
    size_t n = gmtime_r(&seconds, &tm) ? strftime(out, TABLE_TIME, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
    if (fraction)
        snprintf(out + n, TABLE_TIME - n, ".%03dZ", (int)fraction);
    else
        snprintf(out + n, TABLE_TIME - n, "Z");
    return out;
}

const char *table_duration(int64_t ms, char out[TABLE_TIME])
{
    static const struct {
        int64_t ms;
        const char *name;
    } unit[] = {{DAY, "d"}, {DAY / 24, "h"}, {60 * SECOND, "m"}, {SECOND, "s"}, {1, "ms"}};
    size_t used = 0;
    int parts = 0;
    snprintf(out, TABLE_TIME, "0s");
    for (size_t i = 0; i < sizeof unit / sizeof *unit && parts < 2; i++) {
        if (ms < unit[i].ms)
            continue;
        int n = snprintf(out + used, TABLE_TIME - used, "%s%lld%s", used ? " " : "",
                         (long long)(ms / unit[i].ms), unit[i].name);
        used += n > 0 ? (size_t)n : 0;
        ms %= unit[i].ms;
        parts++;
    }
    return out;
}

const char *table_where(const struct table *table, size_t row, char out[TABLE_WHERE])
{
    char at[TABLE_TIME];
    const char *path = table->path;
    for (size_t i = 0; i < table->parts && table->part[i].begin <= row; i++)
        path = table->part[i].path;
    if (table->candle)
        snprintf(out, TABLE_WHERE, "%s: candle of %s", table->path,
                 table_time(table->time[row], at));
    else if (table->line)
        snprintf(out, TABLE_WHERE, "%s:%llu", path, (unsigned long long)table->line[row]);
    else
        snprintf(out, TABLE_WHERE, "%s:%llu", table->path,
                 (unsigned long long)table->first_line + row);
    return out;
}

int table_allocate(struct table *table, int timed, size_t rows)
{
    if (rows > SIZE_MAX / sizeof(double))
        return -1;
    for (size_t i = 0; i < table->columns; i++)
        if (!(table->column[i] = block_new(rows * sizeof **table->column)))
            return -1;
    return timed && !(table->time = block_new(rows * sizeof *table->time)) ? -1 : 0;
}

int table_set_room(struct table *table, int timed, size_t rows)
{
    if (rows > SIZE_MAX / sizeof(double))
        return -1;
    for (size_t i = 0; i < table->columns; i++) {
        double *more = block_resize(table->column[i], rows * sizeof *more);
        if (!more)
            return -1;
        table->column[i] = more;
    }
    if (timed) {
        int64_t *more = block_resize(table->time, rows * sizeof *more);
        if (!more)
            return -1;
        table->time = more;
    }
    return 0;
}

struct table *table_new(const char *path, size_t columns)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->path = strdup(path);
    table->name = calloc(columns + 1, sizeof *table->name);
    table->column = calloc(columns + 1, sizeof *table->column);
    if (table->path && table->name && table->column) {
        table->columns = columns;
        return table;
    }
    table_free(table);
    return NULL;
}

size_t table_row_at(const struct table *table, size_t begin, size_t end, int64_t time)
{
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (table->time[middle] < time)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* A value that more than half of a sequence has survives when unlike ones are struck out in pairs
 * (Boyer and Moore, "MJRTY", 1981). */
int64_t table_step(const struct table *table)
{
    int64_t step = 0;
    size_t lead = 0, votes = 0;
    for (size_t i = 1; table->time && i < table->rows; i++) {
        int64_t distance = table->time[i] - table->time[i - 1];
        if (!lead)
            step = distance;
        lead = distance == step ? lead + 1 : lead - 1;
    }
    for (size_t i = 1; table->time && i < table->rows; i++)
        votes += table->time[i] - table->time[i - 1] == step;
    return votes * 2 >= table->rows && votes ? step : 0;
}

/* Whether row + 1 does not go on from row; *cut counts the table's cuts up to it. */
static int parts(const struct table *table, int64_t gap, size_t row, size_t *cut)
{
    while (*cut < table->cuts && table->cut[*cut] <= row)
        ++*cut;
    return (*cut < table->cuts && table->cut[*cut] == row + 1) ||
           (gap > 0 && table->time && table->time[row + 1] - table->time[row] > gap);
}

struct run *table_runs(const struct table *table, int64_t gap, size_t *count)
{
    size_t runs = 1, cut = 0;
    for (size_t i = 0; i + 1 < table->rows; i++)
        runs += (size_t)parts(table, gap, i, &cut);
    struct run *run = malloc(runs * sizeof *run);
    *count = 0;
    if (!run)
        return NULL;
    cut = 0;
    for (size_t i = 0, begin = 0; i < table->rows; i++)
        if (i + 1 == table->rows || parts(table, gap, i, &cut)) {
            run[(*count)++] = (struct run){begin, i + 1};
            begin = i + 1;
        }
    return run;
}

int64_t table_candle(int64_t time, int64_t length)
{
    int64_t rest = time % length;
    return time - (rest < 0 ? rest + length : rest);
}

/*
 * Merges the rows of one run, which become the candles from `to` on (to <= run.begin, so that
 * nothing unread is written over). Returns the row behind the last candle.
 */
static size_t resample_run(struct table *table, struct run run, int64_t length, int64_t step,
                           struct candle_edges edges, size_t to, const enum aggregate *rule,
                           struct resampling *told)
{
    int64_t *time = table->time;
    /* One more row would be due at begins - step, and at ends; without a step, a ms away. */
    int64_t due = step ? step : 1, begins = time[run.begin], ends = time[run.end - 1] + due;
    begins = edges.begins < begins ? edges.begins : begins;
    ends = edges.ends > ends ? edges.ends : ends;
    for (size_t i = run.begin, next; i < run.end; i = next) {
        int64_t candle = table_candle(time[i], length);
        for (next = i + 1; next < run.end && time[next] < candle + length;)
            next++;
        if (begins - due >= candle || ends < candle + length) {
            told->cut++;
            continue;
        }
        told->partial += step && (int64_t)(next - i) < length / step;
        for (size_t c = 0; c < table->columns; c++) {
            table->column[c][to] = aggregate_merge(rule[c], table->column[c] + i, next - i);
            if (table->unfilled && table->unfilled[c])
                table->unfilled[c][to] = aggregate_merge(rule[c], table->unfilled[c] + i, next - i);
        }
        time[to++] = candle;
    }
    return to;
}

int table_resample(struct table *table, int64_t length, const struct list *aggregate,
                   const struct candle_edges *edges, struct run *runs, size_t *count,
                   struct resampling *told, struct error *err)
{
    int64_t step = table_step(table);
    char apart[TABLE_TIME], wanted[TABLE_TIME];
    *told = (struct resampling){.rows = table->rows};
    if (step > length)
        return error_set(err, STATUS_INPUT, "%s: rows are %s apart, too far for candles of %s",
                         table->path, table_duration(step, apart), table_duration(length, wanted));
    enum aggregate *rule = malloc((table->columns + 1) * sizeof *rule);
    if (!rule)
        return error_set(err, STATUS_FAILED, "%s: out of memory", table->path);
    for (size_t c = 0; c < table->columns; c++)
        rule[c] = aggregate_of(aggregate, table->name[c]);

    size_t rows = 0, kept = 0;
    for (size_t i = 0; i < *count; i++) {
        size_t begin = rows;
        const struct candle_edges own = {edges && !i ? edges->begins : INT64_MAX,
                                         edges && i + 1 == *count ? edges->ends : INT64_MIN};
        rows = resample_run(table, runs[i], length, step, own, rows, rule, told);
        if (rows > begin)
            runs[kept++] = (struct run){begin, rows};
    }
    free(rule);
    table->rows = rows;
    table->candle = length;
    *count = kept;
    if (rows) /* a smaller block can always be had; if not, the larger one serves */
        table_set_room(table, 1, rows);
    return 0;
}
