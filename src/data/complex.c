/* SPDX-License-Identifier: MIT */
#include "data/complex.h"

#include <stdlib.h>
#include <string.h>

#define MOST 128 /* bytes of a complex number */

/* Where the sign of the last part stands, 0 if it is the first: one that follows no exponent's e.
 */
static size_t last_sign(const char *text, size_t length)
{
    size_t i = length;
    while (i-- > 1)
        if ((text[i] == '+' || text[i] == '-') && text[i - 1] != 'e' && text[i - 1] != 'E')
            return i;
    return 0;
}

/* Takes brackets and blanks off; numpy's "+-" becomes "-". -1 if it is too long. */
static int plain_copy(const char *text, size_t length, char out[MOST], size_t *used)
{
    int brackets = length > 1 && text[0] == '(' && text[length - 1] == ')';
    *used = 0;
    for (size_t i = (size_t)brackets; i + (size_t)brackets < length; i++) {
        if (text[i] == ' ')
            continue;
        if (*used && out[*used - 1] == '+' && text[i] == '-')
            --*used;
        if (*used + 1 == MOST)
            return -1;
        out[(*used)++] = text[i];
    }
    out[*used] = 0;
    return 0;
}

static int number(const char *text, size_t length, double *x)
{
    return csv_parse_number(text, length, x) == CSV_NUMBER ? 0 : -1;
}

int complex_parse(const char *text, size_t length, double *re, double *im)
{
    char copy[MOST];
    size_t used;
    *re = *im = 0;
    if (plain_copy(text, length, copy, &used) || !used)
        return -1;
    if (!strchr("ijIJ", copy[used - 1]))
        return number(copy, used, re);
    copy[--used] = 0;
    size_t sign = last_sign(copy, used);
    if (number(copy + sign, used - sign, im))
        return -1;
    copy[sign] = 0;
    return sign && number(copy, sign, re) ? -1 : 1;
}

int complex_find(const struct csv *csv, const char *name, size_t *column, unsigned char *part,
                 struct error *err)
{
    struct error ignored;
    size_t length = strlen(name);
    *part = COMPLEX_WHOLE;
    if (!csv_find(csv, name, column, err))
        return 0;
    int re = length > 3 && !strcmp(name + length - 3, ".re");
    if (!re && !(length > 3 && !strcmp(name + length - 3, ".im")))
        return -1;
    char *whole = strndup(name, length - 3);
    if (!whole)
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    int failed = csv_find(csv, whole, column, &ignored);
    free(whole);
    *part = re ? COMPLEX_RE : COMPLEX_IM;
    return failed;
}
