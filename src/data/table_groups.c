/* SPDX-License-Identifier: MIT */
#include "data/table_groups.h"

#include <stdlib.h>
#include <string.h>

#include "util/block.h"

void groups_fini(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        free(groups->group[i].name);
    free(groups->group);
    block_free(groups->of);
    json_decref(groups->number);
    *groups = (struct groups){0};
}

static int add(struct groups *groups, const char *name)
{
    size_t n = groups->count;
    if (!(n & (n - 1))) { /* room for as many again */
        struct group *more = realloc(groups->group, (n ? 2 * n : 1) * sizeof *more);
        if (!more)
            return -1;
        groups->group = more;
    }
    if (!groups->number && !(groups->number = json_object()))
        return -1;
    if (json_object_set_new_nocheck(groups->number, name, json_integer((json_int_t)n)))
        return -1;
    groups->group[n] = (struct group){.name = strdup(name)};
    groups->count += groups->group[n].name != NULL;
    return groups->group[n].name ? 0 : -1;
}

int groups_find(struct groups *groups, const char *name, size_t *number)
{
    if (!groups->count || strcmp(groups->group[groups->last].name, name)) {
        const json_t *known = json_object_get(groups->number, name);
        groups->last = known ? (size_t)json_integer_value(known) : groups->count;
        if (!known && add(groups, name)) {
            groups->last = 0;
            return -1;
        }
    }
    *number = groups->last;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct group *const *)a)->name, (*(const struct group *const *)b)->name);
}

static void *copy(const void *from, size_t size, const size_t *row, size_t rows)
{
    char *to = block_new((rows + 1) * size);
    for (size_t i = 0; to && i < rows; i++)
        memcpy(to + i * size, (const char *)from + row[i] * size, size);
    return to;
}

/* A piece of the rows row[rows] of `all`; its table is new. -1: memory. */
static int take(const struct piece *all, const char *name, const size_t *row, size_t rows,
                struct piece *piece)
{
    const struct table *from = all->table;
    struct table *t = table_new(from->path, from->columns);
    piece->table = t;
    if (!t)
        return -1;
    t->rows = rows;
    t->read = from->read;
    t->format = from->format;
    t->separator = from->separator;
    t->series = strdup(name);
    t->comma = malloc(t->columns + 1);
    int failed = !t->series || !t->comma;
    if (!failed)
        memcpy(t->comma, from->comma, t->columns);
    for (size_t i = 0; i < t->columns && !failed; i++) {
        t->name[i] = strdup(from->name[i]);
        t->column[i] = copy(from->column[i], sizeof *t->column[i], row, rows);
        failed = !t->name[i] || !t->column[i];
    }
    t->line = copy(from->line, sizeof *t->line, row, rows);
    t->origin = copy(from->origin, sizeof *t->origin, row, rows);
    failed |= !t->line || !t->origin;
    if (from->time)
        failed |= !(t->time = copy(from->time, sizeof *t->time, row, rows));
    if (all->later)
        failed |= !(piece->later = copy(all->later, sizeof *piece->later, row, rows));
    if (all->skipped)
        failed |= !(piece->skipped = copy(all->skipped, sizeof *piece->skipped, row, rows));
    return failed ? -1 : 0;
}

/* One series: its rows are row[group->rows]. The table is for the caller. */
static struct table *settle(const struct piece *all, const struct group *group, const size_t *row)
{
    size_t size = 0;
    char *told = NULL;
    struct piece piece = {.how = all->how,
                          .err = all->err,
                          .csv = all->csv,
                          .at = all->at,
                          .format = all->format,
                          .zoned = all->zoned,
                          .skipped_count = group->skipped,
                          .told = open_memstream(&told, &size)};
    int failed = !piece.told || take(all, group->name, row, group->rows, &piece)
                     ? piece_no_memory(all)
                     : piece_settle(&piece);
    if (piece.told && fclose(piece.told) && !failed)
        failed = piece_no_memory(all);
    piece_fini(&piece);
    if (piece.table && told && *told)
        piece.table->told = told;
    else
        free(told);
    if (!failed)
        return piece.table;
    table_free(piece.table);
    return NULL;
}

/* The rows of all groups, one group behind the other; group[i]'s begin at begin[i]. */
static size_t *sort_rows(const struct groups *groups, size_t rows, size_t *begin)
{
    size_t *row = block_new((rows + 1) * sizeof *row), at = 0;
    for (size_t i = 0; i < groups->count; i++) {
        begin[i] = at;
        at += groups->group[i].rows;
    }
    for (size_t i = 0; row && i < rows; i++)
        row[begin[groups->of[i]]++] = i;
    for (size_t i = 0; i < groups->count; i++)
        begin[i] -= groups->group[i].rows;
    return row;
}

/* `head` takes the place of `table`. */
static void replace(struct table *table, struct table *head)
{
    struct table old = *table;
    *table = *head;
    *head = old;
    table_free(head);
}

int groups_deal(const struct groups *groups, struct piece *all)
{
    struct group **sorted = malloc((groups->count + 1) * sizeof *sorted);
    size_t *begin = malloc((groups->count + 1) * sizeof *begin);
    size_t *row = begin ? sort_rows(groups, all->table->rows, begin) : NULL;
    struct table *head = NULL, **end = &head;
    int failed = !sorted || !row ? piece_no_memory(all) : 0;
    for (size_t i = 0; i < groups->count && !failed; i++)
        sorted[i] = &groups->group[i];
    if (!failed)
        qsort(sorted, groups->count, sizeof *sorted, by_name);
    for (size_t i = 0; i < groups->count && !failed; i++) {
        char shown[CSV_SHOWN];
        if (sorted[i]->rows) {
            failed = !(*end = settle(all, sorted[i], row + begin[sorted[i] - groups->group]));
            end = failed ? end : &(*end)->next;
        } else {
            fprintf(all->told, "series '%s' left out: no row of it has a time\n",
                    csv_show(sorted[i]->name, shown));
        }
    }
    if (failed)
        table_free(head);
    else
        replace(all->table, head);
    free(sorted);
    free(begin);
    block_free(row);
    return failed ? -1 : 0;
}
