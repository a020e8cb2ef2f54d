/* SPDX-License-Identifier: MIT */
#include "data/item.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "data/csv.h"

#define BLANKS " \t"

int item_fault(struct error *err, const char *item, const char *format, ...)
{
    char shown[CSV_SHOWN], cause[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(cause, sizeof cause, format, ap);
    va_end(ap);
    return error_set(err, STATUS_USAGE, "'%s': %s", csv_show(item, shown), cause);
}

const char *item_name(const char *item, char name[ITEM_NAME])
{
    const size_t length = strcspn(item, BLANKS "(");
    snprintf(name, ITEM_NAME, "%.*s", (int)(length < ITEM_NAME ? length : ITEM_NAME), item);
    return item + length + strspn(item + length, BLANKS);
}

int item_number(const char **at, double *value)
{
    const char *text = *at + 1 + strspn(*at + 1, BLANKS);
    char number[64];
    size_t length = strcspn(text, ",()");
    *at = text + length;
    while (length && strchr(BLANKS, text[length - 1]))
        length--;
    if (!length || length >= sizeof number)
        return -1;
    memcpy(number, text, length);
    number[length] = 0;
    return csv_parse_number(number, length, value) != CSV_NUMBER;
}
