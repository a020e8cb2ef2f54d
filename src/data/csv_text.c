/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/number.h"
#include "util/clocale.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int csv_same_name(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

const char *csv_show(const char *text, char out[CSV_SHOWN])
{
    size_t n = 0;
    for (; text[n] && n < CSV_SHOWN - 1; n++)
        out[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7f ? '?' : text[n];
    if (text[n]) { /* cut before a character of UTF-8, not inside it */
        n -= 3;
        while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
        memcpy(out + n, "...", 3);
        n += 3;
    }
    out[n] = 0;
    return out;
}

/* strtod() as the C locale has it. */
static double slow_number(const char *text)
{
    locale_t before = clocale_enter();
    double x = strtod(text, NULL);
    clocale_leave(before);
    return x;
}

int csv_is_missing(const struct csv_field *field, char *const *words, size_t count)
{
    if (!field->length)
        return 1;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(field->text, words[i]))
            return 1;
    return 0;
}

enum csv_parsed csv_parse_number(const char *text, size_t length, double *x)
{
    int exact;
    if (number_scan(text, text + length + 1, x, &exact) != text + length)
        return CSV_NOT_A_NUMBER;
    if (!exact)
        *x = slow_number(text);
    return isfinite(*x) ? CSV_NUMBER : CSV_OUT_OF_RANGE;
}
