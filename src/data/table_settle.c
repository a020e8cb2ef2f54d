/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "data/table_piece.h"
#include "util/block.h"

/* Gives back what the table does not need: spare memory, and lines and rows of the file that are
 * what they would be anyway. */
static void trim(struct piece *piece)
{
    struct table *t = piece->table;
    int lines = 1, rows = t->rows == t->read;
    for (size_t i = 0; i < t->rows; i++) {
        lines &= t->line[i] == t->line[0] + i;
        rows &= t->origin[i] == i;
    }
    if (lines) {
        t->first_line = t->rows ? t->line[0] : t->first_line;
        block_free(t->line);
        t->line = NULL;
    }
    if (rows) {
        block_free(t->origin);
        t->origin = NULL;
    }
    if (!t->cuts) {
        block_free(t->cut);
        t->cut = NULL;
    }
    if (t->rows)
        table_set_room(t, t->time != NULL, t->rows);
}

int piece_settle(struct piece *piece)
{
    if ((piece->table->time && piece_order(piece)) || piece_missing(piece))
        return -1;
    trim(piece);
    return 0;
}
