/* SPDX-License-Identifier: MIT */
/*
 * table_groups: several series in the rows of one file (data.series).
 *
 * While the file is read, groups_find() says which series a row belongs to; then groups_deal()
 * makes a table of each one's rows. A struct groups owns all it points to; zero is an empty one.
 */
#ifndef DATA_TABLE_GROUPS_H
#define DATA_TABLE_GROUPS_H

#include <jansson.h>

#include "data/table_piece.h"

struct group {
    char *name;
    size_t rows, skipped; /* with a time, and without */
};

struct groups {
    json_t *number;      /* of a group, by its name */
    struct group *group; /* [count] in the order of their first rows */
    size_t count, last;  /* last: the one found before */
    size_t *of;          /* [rows] the group of each row; by who reads */
};

void groups_fini(struct groups *groups);

/* The number of the group with this name, a new one if there is none; -1 without memory. */
int groups_find(struct groups *groups, const char *name, size_t *number);

/*
 * Deals the rows of `all`, in their order, to a table for each group, by the bytes of their names,
 * and settles each. The first takes the place of all->table, the others hang on its `next`.
 */
int groups_deal(const struct groups *groups, struct piece *all);

#endif
