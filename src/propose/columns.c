/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"
#include "propose/kinds.h"

/* What ends a column's name in an expression, begins a comment, or makes a glob of it. */
#define SPECIAL ",()\";*?"

char *column_expression(const char *name)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    option_write_quoted(name, SPECIAL, out);
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
            option_write_quoted(kinds->column[i].name, SPECIAL, out);
        }
        *count += kinds->column[i].kind == COLUMN_NUMBERS;
    }
    if (out && !fclose(out) && *count)
        return text;
    free(text);
    return NULL;
}
