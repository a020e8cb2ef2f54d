/* SPDX-License-Identifier: MIT */
#include "util/near.h"

#include <stdint.h>
#include <string.h>

#define LONGEST 48

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int differ(char a, char b)
{
    return lower(a) != lower(b);
}

/* Edits (insert, delete, replace, swap neighbours) from one name to another; Damerau 1964. */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), d[LONGEST + 1][LONGEST + 1];
    if (na > LONGEST || nb > LONGEST)
        return SIZE_MAX;
    for (size_t i = 0; i <= na; i++)
        for (size_t j = 0; j <= nb; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            size_t least = d[i - 1][j - 1] + (size_t)differ(a[i - 1], b[j - 1]);
            if (d[i - 1][j] + 1 < least)
                least = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < least)
                least = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && !differ(a[i - 1], b[j - 2]) && !differ(a[i - 2], b[j - 1]) &&
                d[i - 2][j - 2] + 1 < least)
                least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    return d[na][nb];
}

int near_is_nearer(const char *wanted, const char *name, size_t *best)
{
    size_t edits = distance(wanted, name);
    if (edits >= *best || edits > 1 + (strlen(name) - 1) / 3)
        return 0;
    *best = edits;
    return 1;
}
