/* SPDX-License-Identifier: MIT */
/* Values of text, alone, in lists and as arguments of a choice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/value.h"
#include "util/quoted.h"

#define COUNT(array) (sizeof array / sizeof *array)

/* --- text and lists */

/* Takes "quoted", where "" stands for ", or plain text. NULL with `fault` if it is neither. */
char *value_unquote(const char *text, size_t length, char *fault)
{
    char *copy = strndup(text, length);
    if (!copy) {
        *fault = 0;
        return NULL;
    }
    size_t used = length;
    if (length && *text == '"') {
        used = 0;
        size_t i = 1;
        while (i < length && (text[i] != '"' || (i + 1 < length && text[i + 1] == '"'))) {
            i += text[i] == '"';
            copy[used++] = text[i++];
        }
        copy[used] = 0;
        if (i + 1 != length) {
            value_wrong(fault, text,
                        i < length ? "goes on behind its closing \""
                                   : "has an opening \" without a closing one");
            free(copy);
            return NULL;
        }
    }
    if (used > OPTION_MAX_TEXT) {
        value_wrong(fault, copy, "is longer than 4096 bytes");
        free(copy);
        return NULL;
    }
    return copy;
}

void option_write_quoted(const char *text, const char *special, FILE *out)
{
    size_t n = strlen(text);
    const int blank = n && (strchr(" \t", text[0]) || strchr(" \t", text[n - 1]));
    quoted_put(text, blank ? NULL : special, out);
}

/* Names of terms and metrics are made of these. */
#define FIGURE_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

int value_read_text(const struct option *option, const char *text, union option_value *value,
                    char *fault)
{
    (void)option;
    value->text = value_unquote(text, strlen(text), fault);
    return value->text ? 0 : -1;
}

int value_read_figure(const struct option *option, const char *text, union option_value *value,
                      char *fault)
{
    if (value_read_text(option, text, value, fault))
        return -1;
    char *name = value->text;
    size_t part = strncmp(name, "val", 3) ? strncmp(name, "train", 5) ? 0 : 5 : 3;
    size_t letters = strspn(name + part, "/_") ? strspn(name + part + 1, FIGURE_LETTERS) : 0;
    if (part && letters && !name[part + 1 + letters]) {
        name[part] = '/';
        return 0;
    }
    value_wrong(fault, name, "is neither val/NAME nor train/NAME");
    free(name);
    return -1;
}

void value_write_text(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    option_write_quoted(value->text, "\";", out);
}

void value_release_list(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i]);
    free(list->item);
}

/* Length up to the next comma that is neither in quotes nor in parentheses. `depth`: what stays
 * open. */
static size_t item_length(const char *text, int *depth)
{
    size_t n = 0;
    int quoted = 0;
    for (*depth = 0; text[n] && (quoted || *depth > 0 || text[n] != ','); n++) {
        if (text[n] == '"')
            quoted = !quoted;
        else if (!quoted)
            *depth += (text[n] == '(') - (text[n] == ')');
        if (*depth < 0)
            break;
    }
    return n;
}

/* Appends the item; takes it over. */
static int list_add(struct list *list, char *item)
{
    /* Room doubles whenever count is a power of two. */
    if ((list->count & (list->count - 1)) == 0) {
        char **more = realloc(list->item, (list->count ? 2 * list->count : 1) * sizeof *more);
        if (!more) {
            free(item);
            return -1;
        }
        list->item = more;
    }
    list->item[list->count++] = item;
    return 0;
}

/* The text as it stands, its quotes in pairs: they belong to what it says. */
static char *keep_quotes(const char *text, size_t length, char *fault)
{
    size_t quotes = 0;
    for (size_t i = 0; i < length; i++)
        quotes += text[i] == '"';
    if (quotes % 2) {
        value_wrong(fault, text, "has an opening \" without a closing one");
        return NULL;
    }
    if (length > OPTION_MAX_TEXT) {
        value_wrong(fault, text, "is longer than 4096 bytes");
        return NULL;
    }
    *fault = 0;
    return strndup(text, length);
}

/* Plain where it would read back the same: what means something in an INI file is in quotes. */
static int stands_alone(const char *text)
{
    int depth, quoted = 0;
    size_t n = strlen(text);
    if (item_length(text, &depth) != n || depth || !n || strchr(" \t", text[0]) ||
        strchr(" \t", text[n - 1]))
        return 0;
    for (; *text; text++) {
        quoted ^= *text == '"';
        if (!quoted && strchr(";#=:[", *text))
            return 0;
    }
    return !quoted;
}

/* A name within an expression, in quotes where it would mean something else in an INI file. */
static void write_name(const char *name, size_t n, FILE *out)
{
    while (n && strchr(" \t", *name)) {
        name++;
        n--;
    }
    while (n && strchr(" \t", name[n - 1]))
        n--;
    int quote = *name != '"' && strcspn(name, "\";#=:[") < n;
    if (quote)
        putc('"', out);
    for (size_t i = 0; i < n; i++) {
        if (quote && name[i] == '"')
            putc('"', out);
        putc(name[i], out);
    }
    if (quote)
        putc('"', out);
}

/* An item of a list of expressions, which read back is the same expression: functions stay, names
 * that mean something to an INI file get quotes. */
static void write_item(const char *text, FILE *out)
{
    if (stands_alone(text)) {
        fputs(text, out);
        return;
    }
    while (*text) {
        size_t n = 0;
        for (int quoted = 0; text[n] && (quoted || !strchr("(,)", text[n])); n++)
            quoted ^= text[n] == '"';
        if (text[n] == '(')
            fwrite(text, 1, n, out);
        else
            write_name(text, n, out);
        text += n;
        if (*text)
            putc(*text++, out);
    }
}

int value_read_expression(const struct option *option, const char *text, union option_value *value,
                          char *fault)
{
    (void)option;
    value->text = keep_quotes(text, strlen(text), fault);
    return value->text ? 0 : -1;
}

void value_write_expression(const struct option *option, const union option_value *value, FILE *out)
{
    int quoted = 0, plain = 1;
    (void)option;
    for (const char *p = value->text; *p; p++) {
        quoted ^= *p == '"';
        plain &= quoted || *p != ';';
    }
    option_write_quoted(value->text, plain && !quoted ? "" : "\";", out);
}

static int read_item(const struct option *option, struct list *list, const char *text, size_t n,
                     char *fault)
{
    while (n && strchr(" \t", *text)) {
        text++;
        n--;
    }
    while (n && strchr(" \t", text[n - 1]))
        n--;
    char *item = option->type == OPTION_EXPRESSIONS ? keep_quotes(text, n, fault)
                                                    : value_unquote(text, n, fault);
    if (!item)
        return -1;
    if (!*item) {
        free(item);
        snprintf(fault, OPTION_FAULT, "item %zu of the list is empty", list->count + 1);
        return -1;
    }
    if (!list_add(list, item))
        return 0;
    *fault = 0;
    return -1;
}

int value_read_list(const struct option *option, const char *text, union option_value *value,
                    char *fault)
{
    struct list list = {NULL, 0};
    int depth, failed = 0;
    while (*text && !failed) {
        size_t n = item_length(text, &depth);
        if (depth) {
            failed = value_wrong(fault, text,
                                 depth > 0 ? "has a ( without its )" : "has a ) without its (");
            break;
        }
        failed = read_item(option, &list, text, n, fault);
        text += n;
        if (*text == ',' && !*++text && !failed)
            failed = read_item(option, &list, text, 0, fault); /* nothing behind the last comma */
    }
    if (failed) {
        value_release_list(&list);
        return -1;
    }
    value->list = list;
    return 0;
}

static void write_list_item(const struct option *option, const char *item, FILE *out)
{
    int depth;
    if (option->type == OPTION_EXPRESSIONS) {
        write_item(item, out);
        return;
    }
    /* A comma at depth 0, or parentheses that do not pair, would cut the item elsewhere. */
    int plain = item_length(item, &depth) == strlen(item) && !depth;
    option_write_quoted(item, plain ? "\";#=:[" : item, out);
}

/* Lines are wrapped by what is written, so that what is read back is wrapped in the same places. */
void value_write_list(const struct option *option, const union option_value *value, FILE *out)
{
    size_t column = strlen(option->key) + 3;
    for (size_t i = 0; i < value->list.count; i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *item = open_memstream(&text, &n);
        int whole = 0;
        if (item) {
            write_list_item(option, value->list.item[i], item);
            whole = !ferror(item);
            whole &= !fclose(item);
        }
        if (i)
            fputs(column + n > 90 ? ",\n    " : ", ", out);
        column = i && column + n > 90 ? 4 + n : column + n + 2;
        if (whole)
            fwrite(text, 1, n, out);
        else /* without memory the line is a long one */
            write_list_item(option, value->list.item[i], out);
        free(text);
    }
}

/* --- devices */

/* Whatever its parentheses, and even without a letter. */
static int read_one_device(const char *text, struct list *list, char *fault)
{
    char *item = value_unquote(text, strlen(text), fault);
    if (!item || !list_add(list, item))
        return item ? 0 : -1;
    *fault = 0;
    return -1;
}

/* Of several each is another one, and is a device; or none of them is. */
static int check_devices(const struct list *list, char *fault)
{
    size_t nones = 0;
    for (size_t i = 0; i < list->count; i++)
        nones += !strcasecmp(list->item[i], "none");
    for (size_t i = 0; i < list->count && nones < list->count; i++) {
        if (!strcasecmp(list->item[i], "none"))
            return value_wrong(fault, list->item[i], "stands for no device, and not among devices");
        for (size_t k = 0; k < i; k++)
            if (!strcmp(list->item[i], list->item[k]))
                return value_wrong(fault, list->item[i],
                                   "stands there twice, and a model is trained on a device once");
    }
    return 0;
}

int value_read_devices(const struct option *option, const char *text, union option_value *value,
                       char *fault)
{
    int depth;
    value->list = (struct list){0};
    if (text[item_length(text, &depth)] != ',')
        return read_one_device(text, &value->list, fault);
    if (value_read_list(option, text, value, fault))
        return -1;
    if (!check_devices(&value->list, fault))
        return 0;
    value_release_list(&value->list);
    return -1;
}

void value_write_devices(const struct option *option, const union option_value *value, FILE *out)
{
    const struct list *list = &value->list;
    (void)option;
    for (size_t i = 0; i < list->count; i++) {
        fputs(i ? ", " : "", out);
        option_write_quoted(list->item[i], list->count > 1 ? "\";,()" : "\";,", out);
    }
}

/* --- choices with arguments */

/* What stands in parentheses behind a name. */
static const struct {
    const char *name;
    int bounds;   /* (low,high); else (column) */
    int optional; /* then 0 and 1 */
} methods[] = {{"minmax", 1, 1}, {"scale", 1, 0}, {"relative", 0, 0}};

/* "0, 100" */
static int read_bounds(const char *text, struct method *method)
{
    const char *at = value_read_number(text + strspn(text, " \t"), &method->low);
    at = at ? at + strspn(at, " \t") : NULL;
    if (!at || *at != ',')
        return -1;
    at++;
    at = value_read_number(at + strspn(at, " \t"), &method->high);
    return at && !at[strspn(at, " \t")] && method->low < method->high && isfinite(method->low) &&
                   isfinite(method->high) && isfinite(method->high - method->low)
               ? 0
               : -1;
}

static size_t find_method(const char *name)
{
    size_t k = 0;
    while (k < COUNT(methods) && strcmp(methods[k].name, name))
        k++;
    return k;
}

/* Arguments without their parentheses; NULL: there are none. */
static int read_arguments(const char *text, const char *name, const char *arguments,
                          struct method *method, char *fault)
{
    size_t k = find_method(name);
    if (k == COUNT(methods))
        return arguments ? value_wrong(fault, text, "takes no arguments") : 0;
    method->high = methods[k].bounds;
    if (!arguments && methods[k].optional)
        return 0;
    if (methods[k].bounds)
        return arguments && !read_bounds(arguments, method)
                   ? 0
                   : value_wrong(fault, text, "needs two numbers, the lower first, as in (0,100)");
    int depth;
    if (!arguments || !arguments[strspn(arguments, " \t")] ||
        item_length(arguments, &depth) != strlen(arguments) || depth)
        return value_wrong(fault, text, "needs the name of a feature, as in (close)");
    method->column = keep_quotes(arguments, strlen(arguments), fault);
    return method->column ? 0 : -1;
}

int value_read_method(const struct option *option, const char *text, union option_value *value,
                      char *fault)
{
    size_t n = strcspn(text, "("), length = strlen(text), name = n;
    int called = n < length;
    value->method = (struct method){0};
    if (*text == '"') { /* as any choice may stand in quotes */
        char *plain = value_unquote(text, length, fault);
        int failed = !plain || (*plain == '"' ? value_wrong(fault, text, "is in quotes twice")
                                              : value_read_method(option, plain, value, fault));
        free(plain);
        return failed ? -1 : 0;
    }
    if (called && text[length - 1] != ')')
        return value_wrong(fault, text, "has a ( without its )");
    while (name && strchr(" \t", text[name - 1]))
        name--;
    char *word = strndup(text, name);
    char *arguments = word && called ? strndup(text + n + 1, length - n - 2) : NULL;
    int result = -1;
    *fault = 0;
    if (word && (!called || arguments))
        result = value_read_choice(option, word, value, fault); /* the index is the first member */
    if (!result) {
        value->method = (struct method){.kind = value->index};
        result = read_arguments(text, word, arguments, &value->method, fault);
    }
    free(word);
    free(arguments);
    return result;
}

void value_write_method(const struct option *option, const union option_value *value, FILE *out)
{
    const struct method *m = &value->method;
    const char *name = option_choice(option, m->kind);
    size_t k = find_method(name ? name : "");
    fputs(name ? name : "?", out);
    if (k == COUNT(methods))
        return;
    if (!methods[k].bounds) {
        putc('(', out);
        write_item(m->column, out);
        putc(')', out);
    } else if (!methods[k].optional || m->low != 0 || m->high != 1) {
        putc('(', out);
        value_write_number(m->low, out);
        putc(',', out);
        value_write_number(m->high, out);
        putc(')', out);
    }
}

int value_read_set(const struct option *option, const char *text, union option_value *value,
                   char *fault)
{
    if (value_read_list(option, text, value, fault))
        return -1;
    const struct list *list = &value->list;
    int alone = list->count == 1 && (!strcmp(*list->item, "all") || !strcmp(*list->item, "none"));
    char quoted[OPTION_QUOTED];
    for (size_t i = 0; i < list->count && !alone; i++) {
        if (option_choice_index(option, list->item[i]) >= 0)
            continue;
        snprintf(fault, OPTION_FAULT, "%s is not one of: %s; nor is the whole all or none",
                 option_quote(list->item[i], quoted), option->choices);
        value_release_list(&value->list);
        return -1;
    }
    return 0;
}
