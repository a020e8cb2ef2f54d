/* SPDX-License-Identifier: MIT */
/* What becomes of missing values in a piece. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table_piece.h"
#include "util/block.h"

static int needed(const struct piece *p, size_t column)
{
    return !p->how->only_target || !p->how->only_target[column];
}

static int lacks(const struct piece *p, size_t row, size_t *column)
{
    for (size_t c = 0; c < p->table->columns; c++)
        if (needed(p, c) && isnan(p->table->column[c][row])) {
            *column = c;
            return 1;
        }
    return 0;
}

/* Rows at the start in which some column has no value yet, as where a mean begins. */
static size_t find_start(const struct piece *p)
{
    size_t start = 0, first;
    for (size_t c = 0; c < p->table->columns; c++) {
        for (first = 0;
             needed(p, c) && first < p->table->rows && isnan(p->table->column[c][first]);)
            first++;
        start = first > start ? first : start;
    }
    return start;
}

static int missing_error(const struct piece *p, size_t row, size_t column)
{
    const struct table *t = p->table;
    char name[CSV_SHOWN];
    return error_set(p->err, STATUS_INPUT,
                     "%s:%llu: column '%s': the value is missing; data.missing = skip leaves such "
                     "rows out, previous carries the last value forward",
                     t->path, (unsigned long long)t->line[row],
                     csv_show(p->table->name[column], name));
}

/* A copy of a column before values are carried forward, for targets. */
static int keep_unfilled(struct piece *p, size_t c)
{
    struct table *t = p->table;
    if (!t->unfilled && !(t->unfilled = calloc(t->columns + 1, sizeof *t->unfilled)))
        return piece_no_memory(p);
    if (!(t->unfilled[c] = block_new((t->rows + 1) * sizeof **t->unfilled)))
        return piece_no_memory(p);
    memcpy(t->unfilled[c], t->column[c], t->rows * sizeof **t->unfilled);
    return 0;
}

static int carry_forward(struct piece *p, size_t c)
{
    struct table *t = p->table;
    char name[CSV_SHOWN];
    double *x = t->column[c];
    long since = 0;
    size_t filled = 0;
    for (size_t row = 1; row < t->rows; row++) {
        since = isnan(x[row]) ? since + 1 : 0;
        if (!since)
            continue;
        if (since > p->how->missing_limit)
            return error_set(
                p->err, STATUS_INPUT,
                "%s:%llu: column '%s': values are missing in more than %ld successive rows; "
                "data.missing_limit allows more, data.missing = skip leaves these rows out",
                t->path, (unsigned long long)t->line[row], csv_show(p->table->name[c], name),
                p->how->missing_limit);
        if (!filled++ && keep_unfilled(p, c))
            return -1;
        x[row] = x[row - 1];
    }
    if (filled)
        fprintf(p->told, "column '%s': %zu missing values carried forward\n",
                csv_show(p->table->name[c], name), filled);
    return 0;
}

/* Whether a row without a time stood between two rows. */
static int hole_between(const struct piece *p, size_t before, size_t behind)
{
    return p->skipped && p->skipped[before] != p->skipped[behind];
}

/* Whether rows were left out before the first one that is kept, and behind the last. */
static void look_at_ends(const struct piece *p, size_t first, size_t last)
{
    struct table *t = p->table;
    size_t of_first = p->skipped ? p->skipped[first] : 0;
    size_t of_last = p->skipped ? p->skipped[last] : 0, all = p->skipped_count;
    t->left_before = first > 0 || (p->turned ? all > of_first : of_first > 0);
    t->left_behind = last + 1 < t->rows || (p->turned ? of_last > 0 : all > of_last);
}

/* Leaves the first rows out, and if `all` those in which a needed value is missing: holes that
 * nothing reaches across. */
static int skip_rows(struct piece *p, size_t start, int all)
{
    struct table *t = p->table;
    size_t kept = 0, column, left_out = p->skipped_count;
    size_t *from = block_new((t->rows + 1) * sizeof *from);
    t->cut = block_new((t->rows + 1) * sizeof *t->cut);
    int result = from && t->cut ? 0 : piece_no_memory(p);
    for (size_t i = start; i < t->rows && !result; i++) {
        if (all && lacks(p, i, &column)) {
            left_out++;
            continue;
        }
        if (kept && (from[kept - 1] + 1 != i || hole_between(p, from[kept - 1], i)))
            t->cut[t->cuts++] = kept;
        from[kept++] = i;
    }
    if (kept)
        look_at_ends(p, from[0], from[kept - 1]);
    if (left_out)
        fprintf(p->told, "%zu row%s left out where a value is missing\n", left_out,
                left_out == 1 ? "" : "s");
    if (!result && (left_out || start))
        result = piece_rearrange(p, from, kept);
    block_free(from);
    return result;
}

/* Some column has no value in any row; or each has some, but never all in one row. */
static int no_values(const struct piece *p)
{
    const struct table *t = p->table;
    char name[CSV_SHOWN];
    for (size_t c = 0, row; c < t->columns; c++) {
        for (row = 0; needed(p, c) && row < t->rows && isnan(t->column[c][row]);)
            row++;
        if (row == t->rows)
            return error_set(p->err, STATUS_INPUT,
                             "%s:%llu: column '%s': the value is missing, here "
                             "and in all other rows%s",
                             t->path, (unsigned long long)t->line[0], csv_show(t->name[c], name),
                             t->series ? " of the series; data.missing = skip with "
                                         "data.short_series = skip leaves such series out"
                                       : "");
    }
    return error_set(p->err, STATUS_INPUT, "%s: no row has a value in every column that is used",
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

static int refuse_missing(struct piece *p)
{
    const struct table *t = p->table;
    for (size_t i = 0; i < t->rows; i++)
        for (size_t c = 0; c < t->columns; c++)
            if (isnan(t->column[c][i]))
                return missing_error(p, i, c);
    return 0;
}

int piece_missing(struct piece *p)
{
    struct table *t = p->table;
    size_t start = find_start(p);
    int how = p->how->missing;
    if (start)
        fprintf(p->told, "%zu row%s at the start left out: a column has no value yet\n", start,
                start == 1 ? "" : "s");
    if (start == t->rows && (!t->series || how != MISSING_SKIP))
        return no_values(p);
    if ((start || how == MISSING_SKIP) && skip_rows(p, start, how == MISSING_SKIP))
        return -1;
    if (how == MISSING_ERROR)
        return refuse_missing(p);
    for (size_t c = 0; c < t->columns && how == MISSING_PREVIOUS; c++)
        if (needed(p, c) && carry_forward(p, c))
            return -1;
    t->gaps = has_gaps(t);
    return 0;
}
