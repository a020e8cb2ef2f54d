/* SPDX-License-Identifier: MIT */
#include "data/table_join.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/block.h"

static int by_first_time(const void *a, const void *b)
{
    const struct table *x = *(struct table *const *)a, *y = *(struct table *const *)b;
    if (x->time[0] != y->time[0])
        return x->time[0] < y->time[0] ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int same_value(double x, double y)
{
    return x == y || (isnan(x) && isnan(y));
}

static int same_row(const struct table *a, size_t i, const struct table *b, size_t j)
{
    int same = a->time[i] == b->time[j];
    for (size_t c = 0; c < a->columns && same; c++)
        same = same_value(a->column[c][i], b->column[c][j]);
    return same;
}

/* How many rows at the end of `a` are those at the beginning of `b`. -1: they overlap otherwise. */
static int meet(const struct table *a, const struct table *b, size_t *shared, struct error *err)
{
    size_t first = a->rows;
    char since[TABLE_TIME], until[TABLE_TIME];
    while (first && a->time[first - 1] >= b->time[0])
        first--;
    *shared = a->rows - first;
    int same = *shared <= b->rows;
    for (size_t i = 0; i < *shared && same; i++)
        same = same_row(a, first + i, b, i);
    if (same)
        return 0;
    return error_set(
        err, STATUS_INPUT,
        "%s: it begins at %s, but %s goes on up to %s: with data.join = yes the files of "
        "one item of data.source may not overlap in time",
        b->path, table_time(b->time[0], since), a->path, table_time(a->time[a->rows - 1], until));
}

/* Lines of `more` that the stream's text does not have yet. -1: memory. */
static int add_told(FILE *told, char *const *text, const char *more)
{
    for (const char *at = more, *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        size_t length = (size_t)(end - at) + 1;
        if (fflush(told) || !*text)
            return -1;
        if (!memmem(*text, strlen(*text), at, length))
            fwrite(at, length, 1, told);
    }
    return 0;
}

/* Cuts among the rows from `skip` on, which become those from `at` on. Rows that were left out
 * where two files meet are a hole too, unless rows that both have show what lies between. */
static void append_cuts(struct table *t, const struct table *part, size_t skip, size_t at)
{
    if (at && !skip && (t->left_behind || part->left_before))
        t->cut[t->cuts++] = at;
    for (size_t i = 0; i < part->cuts; i++)
        if (part->cut[i] >= skip)
            t->cut[t->cuts++] = at + part->cut[i] - skip;
    t->left_behind = part->left_behind;
}

/* The rows from `skip` on of one part, behind those that are there. */
static int append(struct table *t, const struct table *part, size_t skip)
{
    size_t rows = part->rows - skip, at = t->rows;
    if (!part->rows) {
        t->left_behind = 1;
        return 0;
    }
    for (size_t c = 0; c < t->columns; c++) {
        const double *from = part->unfilled && part->unfilled[c] ? part->unfilled[c] : NULL;
        memcpy(t->column[c] + at, part->column[c] + skip, rows * sizeof **t->column);
        if (t->unfilled && t->unfilled[c])
            memcpy(t->unfilled[c] + at, (from ? from : part->column[c]) + skip,
                   rows * sizeof **t->column);
    }
    memcpy(t->time + at, part->time + skip, rows * sizeof *t->time);
    for (size_t i = 0; i < rows; i++)
        t->line[at + i] = part->line ? part->line[skip + i] : part->first_line + skip + i;
    append_cuts(t, part, skip, at);
    t->part[t->parts].begin = at;
    if (!(t->part[t->parts++].path = strdup(part->path)))
        return -1;
    t->gaps |= part->gaps;
    t->rows += rows;
    return 0;
}

/* Memory for all rows of the parts. */
static struct table *allocate(struct table *const *part, size_t count, const char *path)
{
    size_t rows = 0, cuts = 0;
    struct table *t = table_new(path, part[0]->columns);
    for (size_t i = 0; i < count; i++) {
        rows += part[i]->rows;
        cuts += part[i]->cuts;
    }
    int failed = !t || table_allocate(t, 1, rows) ||
                 !(t->line = block_new(rows * sizeof *t->line)) ||
                 !(t->cut = block_new((cuts + count) * sizeof *t->cut)) ||
                 !(t->part = calloc(count, sizeof *t->part)) ||
                 (part[0]->series && !(t->series = strdup(part[0]->series)));
    for (size_t c = 0; !failed && c < t->columns; c++) {
        failed = !(t->name[c] = strdup(part[0]->name[c]));
        for (size_t i = 0; i < count && !failed; i++) {
            if (!part[i]->unfilled || !part[i]->unfilled[c])
                continue;
            if (!t->unfilled)
                failed = !(t->unfilled = calloc(t->columns + 1, sizeof *t->unfilled));
            if (!failed && !t->unfilled[c])
                failed = !(t->unfilled[c] = block_new(rows * sizeof **t->unfilled));
        }
    }
    if (!failed)
        return t;
    table_free(t);
    return NULL;
}

/* Whether two parts overlap, before any row is copied; shared[i] is what part i shares with the one
 * before that has rows. */
static int check(struct table *const *part, size_t count, size_t *shared, struct error *err)
{
    const struct table *before = NULL;
    for (size_t i = 0; i < count; i++) {
        shared[i] = 0;
        if (before && part[i]->rows && meet(before, part[i], &shared[i], err))
            return -1;
        before = part[i]->rows ? part[i] : before;
    }
    return 0;
}

struct table *table_join(struct table **part, size_t count, const char *path, struct error *err)
{
    size_t size = 0, *shared = malloc((count + 1) * sizeof *shared);
    struct table *t = NULL;
    char *text = NULL;
    FILE *told = open_memstream(&text, &size);
    int failed = !shared || !told ? error_set(err, STATUS_FAILED, "%s: out of memory", path) : 0;
    qsort(part, count, sizeof *part, by_first_time);
    if (!failed)
        failed = check(part, count, shared, err);
    if (!failed && !(t = allocate(part, count, path)))
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t i = 0; i < count && !failed; i++) {
        if (append(t, part[i], shared[i]) || add_told(told, &text, part[i]->told))
            failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
        if (shared[i])
            fprintf(told,
                    "%zu row%s at the end of %s come again at the beginning of %s: taken once\n",
                    shared[i], shared[i] > 1 ? "s" : "", t->part[t->parts - 2].path, part[i]->path);
    }
    if (!failed)
        fprintf(told, "%zu files joined, the first is %s\n", count, part[0]->path);
    if (told && fclose(told) && !failed)
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    free(shared);
    if (!failed) {
        t->format = part[0]->format;
        t->told = text;
        return t;
    }
    free(text);
    table_free(t);
    return NULL;
}
