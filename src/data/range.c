/* SPDX-License-Identifier: MIT */
#include "data/range.h"

#include <string.h>

#include "data/csv.h"
#include "data/time_form.h"
#include "data/time_judge.h"
#include "util/block.h"

#define DAY ((int64_t)86400000)

/* --- the keys */

/* A time as a field of the file may have it: in the order or pattern of data.time_format, or in any
 * form that can be read in one way only. */
static enum time_fault parse(const char *text, const struct table_how *how, int64_t *ms)
{
    struct time_form form = {
        .format = how->time_format, .pattern = how->time_pattern, .zone = how->zone};
    struct time_judge judge = {0};
    struct error ignored;
    size_t length = strlen(text);
    int64_t later;
    enum time_fault fault = TIME_UNLIKE;
    if (form.format >= TIME_YMD)
        fault = time_parse(&form, text, length, ms, &later);
    if (fault == TIME_UNLIKE) {
        time_judge_row(&judge, text, length, 1);
        if (!time_judge_end(&judge, "", "", &form, &ignored))
            fault = time_parse(&form, text, length, ms, &later);
    }
    time_form_fini(&form);
    return fault;
}

static int read_time(const char *text, const char *key, const struct table_how *how, int64_t *ms,
                     struct error *err)
{
    char shown[CSV_SHOWN];
    if (!text || !*text)
        return 0;
    switch (parse(text, how, ms)) {
    case TIME_READ:
        return 0;
    case TIME_SKIPPED:
        return error_set(err, STATUS_USAGE,
                         "[data] %s: '%s' is no time of data.time_zone: clocks were put forward",
                         key, csv_show(text, shown));
    default:
        return error_set(err, STATUS_USAGE,
                         "[data] %s: '%s' is no time that reads in one way only; write it as "
                         "2024-01-31 or 2024-01-31 09:30",
                         key, csv_show(text, shown));
    }
}

int range_read(struct range *range, const struct config *config, const struct table_how *how,
               struct error *err)
{
    *range = (struct range){INT64_MIN, INT64_MAX, config->data.days * DAY};
    if (read_time(config->data.from, "from", how, &range->from, err) ||
        read_time(config->data.to, "to", how, &range->to, err))
        return -1;
    return range->from < range->to
               ? 0
               : error_set(err, STATUS_USAGE, "[data] to: '%s' does not lie behind from = %s",
                           config->data.to, config->data.from);
}

int range_is_set(const struct range *range)
{
    return range->from > INT64_MIN || range->to < INT64_MAX || range->days;
}

/* --- the rows */

/* Whether the recording goes on from the row before to this one. */
static int goes_on(const struct table *table, size_t row, int64_t gap)
{
    if (!row || row >= table->rows)
        return 0;
    for (size_t i = 0; i < table->cuts; i++)
        if (table->cut[i] == row)
            return 0;
    return !gap || table->time[row] - table->time[row - 1] <= gap;
}

/* Rows [begin, end) of an array of values of `size` bytes. */
static void *keep(void *x, size_t size, size_t begin, size_t end)
{
    if (!x)
        return NULL;
    memmove(x, (char *)x + begin * size, (end - begin) * size);
    void *less = block_resize(x, (end - begin + 1) * size);
    return less ? less : x;
}

static void keep_rows(struct table *t, size_t begin, size_t end)
{
    size_t cuts = 0;
    for (size_t i = 0; i < t->columns; i++) {
        t->column[i] = keep(t->column[i], sizeof **t->column, begin, end);
        if (t->unfilled)
            t->unfilled[i] = keep(t->unfilled[i], sizeof **t->unfilled, begin, end);
    }
    t->time = keep(t->time, sizeof *t->time, begin, end);
    t->line = keep(t->line, sizeof *t->line, begin, end);
    t->origin = keep(t->origin, sizeof *t->origin, begin, end);
    for (size_t i = 0; i < t->cuts; i++)
        if (t->cut[i] > begin && t->cut[i] < end)
            t->cut[cuts++] = t->cut[i] - begin;
    for (size_t i = 0; i < t->parts; i++)
        t->part[i].begin -= t->part[i].begin < begin ? t->part[i].begin : begin;
    t->cuts = cuts;
    t->first_line += begin;
    t->rows = end - begin;
}

struct range range_of_candles(const struct range *range, int64_t length)
{
    struct range whole = *range;
    if (length && range->from > INT64_MIN)
        whole.from = table_candle(range->from + length - 1, length);
    if (length && range->to < INT64_MAX)
        whole.to = table_candle(range->to, length);
    return whole;
}

void range_cut(const struct range *range, struct table *table, int64_t length, int64_t gap,
               struct range_cut *cut)
{
    size_t rows = table->rows, behind = table_row_at(table, 0, rows, range->to);
    struct range asked = *range, whole = range_of_candles(range, length);
    size_t end = table_row_at(table, 0, rows, whole.to);
    *cut = (struct range_cut){.first = table->time[0], .last = table->time[rows - 1]};
    if (range->days && end) {
        int64_t step = table_step(table), last = table->time[end - 1] + (step ? step : 1);
        asked.from = (length ? table_candle(last, length) : last) - range->days;
        whole.from = range_of_candles(&asked, length).from;
    }
    size_t before = table_row_at(table, 0, rows, asked.from);
    size_t begin = table_row_at(table, 0, rows, whole.from);
    begin = begin < end ? begin : end;
    cut->candles = (size_t)(end < behind) + (size_t)(before < begin);
    cut->edges = (struct candle_edges){goes_on(table, begin, gap) ? whole.from : INT64_MAX,
                                       goes_on(table, end, gap) ? whole.to : INT64_MIN};
    cut->before = begin;
    cut->behind = rows - end;
    if (cut->before || cut->behind)
        keep_rows(table, begin, end);
}
