/* SPDX-License-Identifier: MIT */
#include "data/table_piece.h"

#include <stdlib.h>
#include <string.h>

#include "util/block.h"

void piece_fini(struct piece *piece)
{
    block_free(piece->later);
    block_free(piece->skipped);
    piece->later = NULL;
    piece->skipped = NULL;
}

int piece_no_memory(const struct piece *piece)
{
    return error_set(piece->err, STATUS_FAILED, "%s: out of memory", piece->table->path);
}

_Static_assert(sizeof(double) == 8 && sizeof(size_t) <= 8, "one scratch serves all");

/* x[i] = x[from[i]], for values of `size` bytes; NULL has nothing to move. */
static void move(void *x, size_t size, const size_t *from, size_t rows, char *scratch)
{
    if (!x)
        return;
    for (size_t row = 0; row < rows; row++)
        memcpy(scratch + row * size, (char *)x + from[row] * size, size);
    memcpy(x, scratch, rows * size);
}

int piece_rearrange(struct piece *piece, const size_t *from, size_t rows)
{
    struct table *t = piece->table;
    char *scratch = block_new((rows + 1) * 8);
    if (!scratch)
        return piece_no_memory(piece);
    for (size_t i = 0; i < t->columns; i++)
        move(t->column[i], sizeof **t->column, from, rows, scratch);
    move(t->time, sizeof *t->time, from, rows, scratch);
    move(t->line, sizeof *t->line, from, rows, scratch);
    move(t->origin, sizeof *t->origin, from, rows, scratch);
    move(piece->later, sizeof *piece->later, from, rows, scratch);
    move(piece->skipped, sizeof *piece->skipped, from, rows, scratch);
    block_free(scratch);
    t->rows = rows;
    return 0;
}
