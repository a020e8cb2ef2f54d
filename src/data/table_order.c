/* SPDX-License-Identifier: MIT */
/* Rows of a piece into the order of time, and rows of one time into one. */
#include <math.h>
#include <stdlib.h>

#include "data/table_long.h"
#include "data/table_piece.h"
#include "util/block.h"

#define LONG_HINT (2 * CSV_SHOWN + 96)

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

static int sort_rows(struct piece *p)
{
    struct table *t = p->table;
    struct key *key = block_new((t->rows + 1) * sizeof *key);
    size_t *from = block_new((t->rows + 1) * sizeof *from);
    int result = key && from ? 0 : piece_no_memory(p);
    for (size_t i = 0; i < t->rows && !result; i++)
        key[i] = (struct key){t->time[i], i};
    if (!result)
        qsort(key, t->rows, sizeof *key, earlier_first);
    for (size_t i = 0; i < t->rows && !result; i++)
        from[i] = key[i].row;
    if (!result)
        result = piece_rearrange(p, from, t->rows);
    block_free(key);
    block_free(from);
    return result;
}

static int turn_round(struct piece *p)
{
    struct table *t = p->table;
    size_t *from = block_new((t->rows + 1) * sizeof *from);
    if (!from)
        return piece_no_memory(p);
    for (size_t i = 0; i < t->rows; i++)
        from[i] = t->rows - 1 - i;
    int result = piece_rearrange(p, from, t->rows);
    p->turned = 1;
    block_free(from);
    return result;
}

/* Whether the rows look like those of several series: "; column ...", or "". */
static const char *long_hint(const struct piece *p, char hint[LONG_HINT])
{
    const struct table *t = p->table;
    char name[CSV_SHOWN];
    size_t values;
    *hint = 0;
    int64_t *time = t->series ? NULL : block_new((t->read + 1) * sizeof *time);
    for (size_t i = 0; time && i < t->read; i++)
        time[i] = LONG_NO_TIME;
    for (size_t i = 0; time && i < t->rows; i++)
        time[t->origin[i]] = t->time[i];
    if (time && long_column(p->csv, p->at, t->columns, time, t->read, &values, name))
        snprintf(hint, LONG_HINT,
                 "; column '%s' tells %zu series apart, it seems: data.series = %s reads them",
                 name, values, name);
    block_free(time);
    return hint;
}

static int order_error(const struct piece *p, size_t row, const char *remedy)
{
    const struct table *t = p->table;
    char now[TABLE_TIME], before[TABLE_TIME];
    return error_set(p->err, STATUS_INPUT, "%s:%llu: time %s lies before the previous row's %s%s",
                     t->path, (unsigned long long)t->line[row], table_time(t->time[row], now),
                     table_time(t->time[row - 1], before), remedy);
}

/* Whether times are written as clocks show them, in no zone that is known. */
static int is_local(const struct piece *p)
{
    int epoch = p->format <= TIME_SECONDS || p->format == TIME_MICROSECONDS ||
                p->format == TIME_NANOSECONDS;
    return !epoch && !p->zoned && !p->how->zone;
}

/* What to do about a row that lies before the one above it. */
static const char *order_remedy(const struct piece *p, size_t row, int rises, char hint[LONG_HINT])
{
    const struct table *t = p->table;
    if (*long_hint(p, hint))
        return hint;
    if (p->how->order == ORDER_RISING && !rises)
        return ": the newest row comes first; data.order = falling turns the rows round";
    if (is_local(p) && rises && t->time[row - 1] - t->time[row] < 3600000)
        return "; if clocks were put back there, data.time_zone names the zone of these times; "
               "else data.order = sort sorts the rows";
    return t->series ? "; data.order = sort sorts the rows"
                     : "; data.order = sort sorts the rows; where the file holds several series, "
                       "data.series names the column that tells them apart";
}

static int put_in_order(struct piece *p)
{
    struct table *t = p->table;
    int order = p->how->order;
    size_t up, down;
    count_directions(t, &up, &down);
    if (order == ORDER_SORT && down) {
        fprintf(p->told, "rows sorted by time\n");
        return sort_rows(p);
    }
    if (order == ORDER_FALLING && up)
        return error_set(p->err, STATUS_INPUT,
                         "%s: times rise, but data.order = falling says that the newest row comes "
                         "first",
                         t->path);
    if (down && (order == ORDER_FALLING || (order == ORDER_AUTO && !up))) {
        fprintf(p->told, "newest row first: turned round\n");
        return turn_round(p);
    }
    char hint[LONG_HINT];
    for (size_t i = 1; i < t->rows && down; i++)
        if (t->time[i] < t->time[i - 1])
            return order_error(p, i, order_remedy(p, i, up > 0, hint));
    return 0;
}

/* Where clocks were put back, an hour came twice: what does not lie behind the row before it in
 * time is of the second. The newest row may come first. */
static void settle_twice(struct piece *p)
{
    struct table *t = p->table;
    int falls = t->time[0] > t->time[t->rows - 1];
    size_t later = 0;
    for (size_t i = 1; p->later && i < t->rows; i++) {
        size_t row = falls ? t->rows - 1 - i : i;
        if (p->later[row] != t->time[row] && t->time[row] <= t->time[falls ? row + 1 : row - 1]) {
            t->time[row] = p->later[row];
            later++;
        }
    }
    if (later)
        fprintf(
            p->told,
            "clocks were put back: %zu row%s of the hour that came twice %s of its second time\n",
            later, later == 1 ? "" : "s", later == 1 ? "is" : "are");
}

/* --- rows of one time */

static void merge_rows(struct piece *p, size_t to, size_t row)
{
    struct table *t = p->table;
    int last = p->how->duplicates == (p->turned ? DUPLICATES_FIRST : DUPLICATES_LAST);
    for (size_t c = 0; c < t->columns; c++) {
        double *x = t->column[c];
        if (last)
            x[to] = x[row];
        else if (p->how->duplicates == DUPLICATES_SUM)
            x[to] = isnan(x[to]) ? x[row] : isnan(x[row]) ? x[to] : x[to] + x[row];
    }
    if (last) {
        t->line[to] = t->line[row];
        t->origin[to] = t->origin[row];
    }
}

/* What rows of one time hint at: dates whose time of day is elsewhere, clocks that were put back.
 */
static const char *duplicates_hint(const struct piece *p, size_t row, char hint[LONG_HINT])
{
    const struct table *t = p->table;
    size_t same = 0;
    if (*long_hint(p, hint))
        return hint;
    for (size_t i = 1; i < t->rows; i++)
        same += t->time[i] == t->time[i - 1];
    if (same > t->rows / 2)
        return " (does another column hold the time of day? data.time names both)";
    return is_local(p) && row > 1 && t->time[row] - t->time[row - 2] < 86400000
               ? " (local times, when clocks were put back? data.time_zone names their zone)"
               : "";
}

static int merge_duplicates(struct piece *p)
{
    static const char *const names[] = {"", "the first was", "the last was", "their sum was"};
    struct table *t = p->table;
    size_t kept = 0, merged = 0;
    size_t *from = block_new((t->rows + 1) * sizeof *from);
    int result = from ? 0 : piece_no_memory(p);
    for (size_t i = 0; i < t->rows && !result; i++) {
        if (!i || t->time[i] != t->time[from[kept - 1]]) {
            from[kept++] = i;
        } else if (p->how->duplicates == DUPLICATES_ERROR) {
            char at[TABLE_TIME], hint[LONG_HINT];
            result = error_set(
                p->err, STATUS_INPUT,
                "%s:%llu: time %s appears twice%s; data.duplicates = first, last or sum keeps one "
                "row of them",
                t->path, (unsigned long long)t->line[i], table_time(t->time[i], at),
                duplicates_hint(p, i, hint));
        } else {
            merged++;
            merge_rows(p, from[kept - 1], i);
        }
    }
    if (!result && merged) {
        fprintf(p->told, "%zu row%s had the time of another: %s taken\n", merged,
                merged == 1 ? "" : "s", names[p->how->duplicates]);
        result = piece_rearrange(p, from, kept);
    }
    block_free(from);
    return result;
}

int piece_order(struct piece *p)
{
    settle_twice(p);
    return put_in_order(p) || merge_duplicates(p) ? -1 : 0;
}
