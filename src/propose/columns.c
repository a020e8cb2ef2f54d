/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "propose/kinds.h"
#include "util/quoted.h"

/* What ends a column's name in an expression, begins a comment, or makes a glob of it. */
#define SPECIAL ",()\";*?"

static void put_column(const char *name, FILE *out)
{
    const size_t n = strlen(name);
    const int blank = n && (strchr(" \t", name[0]) || strchr(" \t", name[n - 1]));
    quoted_put(name, blank ? NULL : SPECIAL, out);
}

char *column_expression(const char *name)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    put_column(name, out);
    if (!fclose(out))
        return text;
    free(text);
    return NULL;
}

char *columns_of_numbers(const struct column_kinds *kinds, size_t *count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    *count = 0;
    for (size_t i = 0; i < kinds->columns; i++) {
        if (kinds->column[i].kind == COLUMN_NUMBERS && out) {
            fputs(*count ? ", " : "", out);
            put_column(kinds->column[i].name, out);
        }
        *count += kinds->column[i].kind == COLUMN_NUMBERS;
    }
    if (out && !fclose(out) && *count)
        return text;
    free(text);
    return NULL;
}
