/* SPDX-License-Identifier: MIT */
#include "sweep/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clocale.h"

#define BLANKS " \t"

/* [text, text + length) */
struct piece {
    const char *text;
    size_t length;
};

static struct piece trim(struct piece p)
{
    while (p.length && strchr(BLANKS, *p.text)) {
        p.text++;
        p.length--;
    }
    while (p.length && strchr(BLANKS, p.text[p.length - 1]))
        p.length--;
    return p;
}

static int is(struct piece p, const char *word)
{
    return p.length == strlen(word) && !strncmp(p.text, word, p.length);
}

/* Bytes of `p` before a comma that is neither in quotes nor in parentheses; `open`: parentheses
 * that do not close there. */
static size_t item_length(struct piece p, int *open)
{
    size_t n = 0;
    int quoted = 0;
    for (*open = 0; n < p.length && (quoted || *open > 0 || p.text[n] != ','); n++) {
        if (p.text[n] == '"')
            quoted = !quoted;
        else if (!quoted)
            *open += (p.text[n] == '(') - (p.text[n] == ')');
    }
    return n;
}

/* Takes NAME(ARGUMENTS) apart, where the parenthesis closes at the end of all. */
static int is_call(struct piece p, struct piece *name, struct piece *arguments)
{
    size_t n = 0;
    int quoted = 0, depth = 1;
    while (n < p.length && strchr("abcdefghijklmnopqrstuvwxyz0123456789", p.text[n]))
        n++;
    *name = (struct piece){p.text, n};
    if (!n || n == p.length || p.text[n] != '(' || p.text[p.length - 1] != ')')
        return 0;
    *arguments = (struct piece){p.text + n + 1, p.length - n - 2};
    for (size_t i = 0; i < arguments->length && depth; i++) {
        if (arguments->text[i] == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (arguments->text[i] == '(') - (arguments->text[i] == ')');
    }
    return depth == 1;
}

/* 1: zip, 2: zip2 ... 9: zip9; 0: another name. */
static int zip_of(struct piece name)
{
    if (is(name, "zip"))
        return 1;
    return name.length == 4 && !strncmp(name.text, "zip", 3) && name.text[3] >= '2' &&
                   name.text[3] <= '9'
               ? name.text[3] - '0'
               : 0;
}

static const struct {
    const char *name;
    enum axis_kind kind;
} ranges[] = {{"int", AXIS_INT}, {"uniform", AXIS_UNIFORM}, {"log", AXIS_LOG}};
enum { RANGES = sizeof ranges / sizeof *ranges };

static size_t range_of(struct piece name)
{
    size_t i = 0;
    while (i < RANGES && !is(name, ranges[i].name))
        i++;
    return i;
}

static int wrong(char *what, const char *text)
{
    snprintf(what, VALUES_FAULT, "%s", text);
    return -1;
}

/* --- lists */

/* A copy; of what is one text in quotes, what is between them. */
static char *plain(struct piece p)
{
    char *copy = strndup(p.text, p.length);
    size_t used = 0, i = 1;
    if (!copy || p.length < 2 || *p.text != '"')
        return copy;
    while (i < p.length && (p.text[i] != '"' || (i + 1 < p.length && p.text[i + 1] == '"'))) {
        i += p.text[i] == '"';
        copy[used++] = p.text[i++];
    }
    if (i + 1 == p.length)
        copy[used] = 0;
    else
        memcpy(copy, p.text, p.length);
    return copy;
}

/* choice(...) and zip(...) stand around a list, a range in its place: not within it. */
static int check_item(struct piece item, const struct config_varied *varied, char *what)
{
    struct piece name, arguments;
    if (!is_call(item, &name, &arguments) ||
        (!is(name, "choice") && !zip_of(name) && (!varied->is_number || range_of(name) == RANGES)))
        return 0;
    snprintf(what, VALUES_FAULT, "%.*s(...) stands alone, not in a list; in quotes it is a value",
             (int)name.length, name.text);
    return -1;
}

static int read_list(struct values *values, struct piece list, const struct config_varied *varied,
                     char *what)
{
    size_t room = 1;
    for (size_t i = 0; i < list.length; i++)
        room += list.text[i] == ',';
    values->kind = AXIS_CHOICE;
    values->item = calloc(room, sizeof *values->item);
    if (!values->item)
        return -1;
    for (;;) {
        int open;
        size_t n = item_length(list, &open);
        struct piece item = trim((struct piece){list.text, n});
        if (open)
            return wrong(what, "a ( is without its ), or a ) without its (; a value that holds one "
                               "stands in quotes");
        if (!item.length) {
            snprintf(what, VALUES_FAULT, "value %zu is empty; \"\" is a value without letters",
                     values->count + 1);
            return -1;
        }
        if (check_item(item, varied, what) || !(values->item[values->count++] = plain(item)))
            return -1;
        if (n == list.length)
            return 0;
        list.text += n + 1;
        list.length -= n + 1;
    }
}

/* --- ranges */

static int read_number(const char *text, double *value)
{
    char *end;
    locale_t before = clocale_enter();
    *value = strtod(text, &end);
    clocale_leave(before);
    return !*text || *end || !isfinite(*value) ? -1 : 0;
}

static int read_range(struct values *values, size_t range, struct piece arguments,
                      const struct config_varied *varied, char *what)
{
    int open;
    size_t n = item_length(arguments, &open);
    struct piece bound[2] = {{arguments.text, n}, {arguments.text, 0}};
    if (n < arguments.length)
        bound[1] = (struct piece){arguments.text + n + 1, arguments.length - n - 1};
    for (size_t i = 0; i < 2; i++) {
        bound[i] = trim(bound[i]);
        if (!(values->bound[i] = strndup(bound[i].text, bound[i].length)))
            return -1;
    }
    values->kind = ranges[range].kind;
    if (read_number(values->bound[0], &values->low) ||
        read_number(values->bound[1], &values->high) || !(values->low < values->high))
        return wrong(what, "a range has two numbers, the lower first, as in log(1e-5, 1e-2)");
    if (values->kind == AXIS_LOG && values->low <= 0)
        return wrong(what, "the lower bound of log(...) is above 0");
    if ((values->kind == AXIS_INT || varied->is_whole) &&
        (values->low != floor(values->low) || values->high != floor(values->high)))
        return wrong(what, "the bounds are whole numbers");
    if (values->kind == AXIS_UNIFORM && varied->is_whole)
        values->kind = AXIS_INT;
    return 0;
}

/* --- both */

int values_read(struct values *values, const struct config_varied *varied, char what[VALUES_FAULT])
{
    struct piece name, arguments, all = trim((struct piece){varied->text, strlen(varied->text)});
    *values = (struct values){0};
    *what = 0;
    if (!all.length)
        return wrong(what, "there is no value");
    if (is_call(all, &name, &arguments)) {
        values->zip = zip_of(name);
        if (values->zip || is(name, "choice"))
            return read_list(values, arguments, varied, what);
        size_t range = varied->is_number ? range_of(name) : RANGES;
        if (range < RANGES)
            return read_range(values, range, arguments, varied, what);
    }
    return read_list(values, all, varied, what);
}

void values_release(struct values *values)
{
    for (size_t i = 0; i < values->count; i++)
        free(values->item[i]);
    free(values->item);
    free(values->bound[0]);
    free(values->bound[1]);
    *values = (struct values){0};
}
