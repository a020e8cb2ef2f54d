/* SPDX-License-Identifier: MIT */
#include "config/option.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* --- the table */

#define SECTION(name, help) {#name, help},
#define END(name)
#define TEXT(s, key, def, help)
#define INPUT(s, key, def, help)
#define INPUTS(s, key, def, help)
#define OUTPUT(s, key, def, help)
#define LIST(s, key, def, help)
#define EXPRESSION(s, key, def, help)
#define EXPRESSIONS(s, key, def, help)
#define SET(s, key, def, choices, help)
#define FLAG(s, key, def, help)
#define INTEGER(s, key, def, min, max, help)
#define AUTO(s, key, def, min, max, help)
#define REAL(s, key, def, min, max, help)
#define CHOICE(s, key, def, choices, help)
#define METHOD(s, key, def, choices, help)
#define DURATION(s, key, def, help)
#define SPAN(s, key, def, help)
#define BYTES(s, key, def, help)
const struct option_section option_sections[] = {
#include "config/options.def"
};
#undef SECTION
#undef TEXT
#undef INPUT
#undef INPUTS
#undef OUTPUT
#undef LIST
#undef EXPRESSION
#undef EXPRESSIONS
#undef SET
#undef FLAG
#undef INTEGER
#undef AUTO
#undef REAL
#undef CHOICE
#undef METHOD
#undef DURATION
#undef SPAN
#undef BYTES

#define SECTION(name, help)
#define ENTRY(type, s, key, def, help, choices, min, max) \
    {OPTION_##type, #s, #key, def, help, choices, min, max, offsetof(struct config, s.key)},
#define TEXT(s, key, def, help) ENTRY(TEXT, s, key, def, help, NULL, 0, 0)
#define INPUT(s, key, def, help) ENTRY(INPUT, s, key, def, help, NULL, 0, 0)
#define INPUTS(s, key, def, help) ENTRY(INPUTS, s, key, def, help, NULL, 0, 0)
#define OUTPUT(s, key, def, help) ENTRY(OUTPUT, s, key, def, help, NULL, 0, 0)
#define LIST(s, key, def, help) ENTRY(LIST, s, key, def, help, NULL, 0, 0)
#define EXPRESSION(s, key, def, help) ENTRY(EXPRESSION, s, key, def, help, NULL, 0, 0)
#define EXPRESSIONS(s, key, def, help) ENTRY(EXPRESSIONS, s, key, def, help, NULL, 0, 0)
#define SET(s, key, def, choices, help) ENTRY(SET, s, key, def, help, choices, 0, 0)
#define FLAG(s, key, def, help) ENTRY(FLAG, s, key, def, help, "no | yes", 0, 0)
#define INTEGER(s, key, def, min, max, help) ENTRY(INTEGER, s, key, def, help, NULL, min, max)
#define AUTO(s, key, def, min, max, help) ENTRY(AUTO, s, key, def, help, NULL, min, max)
#define REAL(s, key, def, min, max, help) ENTRY(REAL, s, key, def, help, NULL, min, max)
#define CHOICE(s, key, def, choices, help) ENTRY(CHOICE, s, key, def, help, choices, 0, 0)
#define METHOD(s, key, def, choices, help) ENTRY(METHOD, s, key, def, help, choices, 0, 0)
#define DURATION(s, key, def, help) ENTRY(DURATION, s, key, def, help, NULL, 0, 0)
#define SPAN(s, key, def, help) ENTRY(SPAN, s, key, def, help, NULL, 0, 0)
#define BYTES(s, key, def, help) ENTRY(BYTES, s, key, def, help, NULL, 0, 0)
const struct option options[] = {
#include "config/options.def"
};

#define COUNT(array) (sizeof array / sizeof *array)
const size_t option_count = COUNT(options);
const size_t option_section_count = COUNT(option_sections);

const struct option *option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < option_count; i++)
        if (!strcmp(options[i].section, section) && !strcmp(options[i].key, key))
            return &options[i];
    return NULL;
}

/* --- choices: "a | b | c" cut into "a", "b", "c", once */

/* room for all of them, without an allocation that can fail: each text and one NUL more */
#undef ENTRY
#define ENTRY(type, s, key, def, help, choices, min, max) +sizeof(choices) + 1
static char choice_text[0
#include "config/options.def"
];
static char *choice_names[COUNT(options)]; /* "a\0b\0c\0\0" */

/* Each CHOICE and METHOD against its enumerators, when this is compiled. */
#undef ENTRY
#undef CHOICE
#define ENTRY(...)
#define NAME(enumerator, text) " | " #text
#define CHOICE(s, key, def, choices, help)                                      \
    _Static_assert(!__builtin_strcmp(" | " choices, CHOICES_##s##_##key(NAME)), \
                   "options.def and choices.h differ in the values of " #s "." #key);
#undef METHOD
#define METHOD CHOICE
#include "config/options.def"

static void cut_choices(void)
{
    char *to = choice_text;
    for (size_t i = 0; i < option_count; i++) {
        const char *from = options[i].choices;
        choice_names[i] = from ? to : NULL;
        for (; from && *from; from++)
            if (*from == '|')
                *to++ = 0;
            else if (*from != ' ')
                *to++ = *from;
        to += from ? 2 : 0;
    }
}

const char *option_choice(const struct option *option, int index)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, cut_choices);
    const char *name = choice_names[option - options];
    for (int i = 0; name && *name && index >= 0; i++, name += strlen(name) + 1)
        if (i == index)
            return name;
    return NULL;
}

/* Number of a choice, -1 if it is none. */
static int choice_index(const struct option *option, const char *text)
{
    const char *name;
    for (int i = 0; (name = option_choice(option, i)); i++)
        if (!strcmp(name, text))
            return i;
    return -1;
}

/* --- messages */

const char *option_quote(const char *text, char out[OPTION_QUOTED])
{
    size_t keep = strlen(text), room = OPTION_QUOTED - sizeof "'...'";
    const char *tail = "";
    if (keep > room) {
        keep = room;
        while (keep && ((unsigned char)text[keep] & 0xc0) == 0x80)
            keep--; /* not within a character */
        tail = "...";
    }
    snprintf(out, OPTION_QUOTED, "'%.*s%s'", (int)keep, text, tail);
    return out;
}

/* "'text' what" */
static int wrong(char fault[OPTION_FAULT], const char *text, const char *what)
{
    char quoted[OPTION_QUOTED];
    snprintf(fault, OPTION_FAULT, "%s %s", option_quote(text, quoted), what);
    return -1;
}

/* --- numbers */

/* As a person would write it; more digits only where it takes them to read back the same. */
static void write_double(double value, FILE *out)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, out);
}

/* A decimal number: no blanks before it, no hexadecimal digits, inf or nan. Returns what follows
 * it, NULL if there is no number. What is too large becomes infinite, out of any bounds. */
static const char *read_double(const char *text, double *value)
{
    if (!*text || !strchr("+-.0123456789", *text))
        return NULL;
    char *end;
    *value = strtod(text, &end);
    for (const char *c = text; c < end; c++)
        if (!strchr("+-.0123456789eE", *c))
            return NULL;
    return end > text ? end : NULL;
}

/* The same for whole numbers. */
static const char *read_whole(const char *text, long long *value)
{
    size_t sign = *text == '+' || *text == '-';
    if (!strspn(text + sign, "0123456789"))
        return NULL;
    char *end;
    *value = strtoll(text, &end, 10); /* what is too large stays at LLONG_MAX, out of any bounds */
    return end;
}

static int out_of_bounds(const struct option *option, const char *text, char fault[OPTION_FAULT])
{
    char quoted[OPTION_QUOTED];
    snprintf(fault, OPTION_FAULT, "%s is not within %.15g to %.15g", option_quote(text, quoted),
             option->min, option->max);
    return -1;
}

static int read_real(const struct option *option, const char *text, union option_value *value,
                     char *fault)
{
    const char *end = read_double(text, &value->real);
    if (!end || *end)
        return wrong(fault, text, "is not a number");
    if (value->real < option->min || value->real > option->max)
        return out_of_bounds(option, text, fault);
    return 0;
}

static void write_real(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    write_double(value->real, out);
}

static int read_integer(const struct option *option, const char *text, union option_value *value,
                        char *fault)
{
    long long number;
    const char *end = read_whole(text, &number);
    if (option->type == OPTION_AUTO && !strcmp(text, "auto")) {
        value->integer = -1;
        return 0;
    }
    if (!end || *end)
        return wrong(fault, text,
                     option->type == OPTION_AUTO ? "is neither a whole number nor auto"
                                                 : "is not a whole number");
    if ((double)number < option->min || (double)number > option->max || number > LONG_MAX)
        return out_of_bounds(option, text, fault);
    value->integer = (long)number;
    return 0;
}

static void write_integer(const struct option *option, const union option_value *value, FILE *out)
{
    if (option->type == OPTION_AUTO && value->integer == -1)
        fputs("auto", out);
    else
        fprintf(out, "%ld", value->integer);
}

/* --- choices */

static int read_choice(const struct option *option, const char *text, union option_value *value,
                       char *fault)
{
    value->index = choice_index(option, text);
    if (value->index >= 0)
        return 0;
    char quoted[OPTION_QUOTED];
    snprintf(fault, OPTION_FAULT, "%s is not one of: %s", option_quote(text, quoted),
             option->choices);
    return -1;
}

static void write_choice(const struct option *option, const union option_value *value, FILE *out)
{
    const char *name = option_choice(option, value->index);
    fputs(name ? name : "?", out);
}

/* --- lengths of time and of training */

static const struct {
    const char *name;
    int64_t ms;
} duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};

static int read_duration(const struct option *option, const char *text, union option_value *value,
                         char *fault)
{
    (void)option;
    value->ms = 0;
    if (!strcmp(text, "none"))
        return 0;
    long long number;
    const char *end = read_whole(text, &number);
    for (size_t i = 0; end && i < COUNT(duration_units); i++) {
        if (strcmp(end, duration_units[i].name))
            continue;
        if (number < 1 || number > INT64_C(3153600000000) / duration_units[i].ms)
            return wrong(fault, text, "is not within 1s to 36500d");
        value->ms = number * duration_units[i].ms;
        return 0;
    }
    return wrong(fault, text, "is not a duration such as 30s, 3m, 1h, 1d or none");
}

static void write_duration(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    if (!value->ms) {
        fputs("none", out);
        return;
    }
    size_t i = 0;
    while (value->ms % duration_units[i].ms)
        i++;
    fprintf(out, "%lld%s", (long long)(value->ms / duration_units[i].ms), duration_units[i].name);
}

static const struct {
    const char *name, *one;
} span_units[] = {
    [SPAN_EPOCHS] = {"epochs", "epoch"},
    [SPAN_STEPS] = {"steps", "step"},
    [SPAN_PERCENT] = {"%", "%"},
    [SPAN_MINUTES] = {"minutes", "minute"},
};

static int read_span(const struct option *option, const char *text, union option_value *value,
                     char *fault)
{
    (void)option;
    const char *end = read_double(text, &value->span.value);
    if (end)
        end += strspn(end, " \t");
    size_t unit = 0;
    while (end && unit < COUNT(span_units) && strcmp(end, span_units[unit].name) &&
           strcmp(end, span_units[unit].one))
        unit++;
    if (!end || unit == COUNT(span_units))
        return wrong(fault, text, "is not a span such as 5 epochs, 100 steps, 10% or 30 minutes");
    value->span.unit = (enum span_unit)unit;
    if (!(value->span.value >= 0 && value->span.value <= (unit == SPAN_PERCENT ? 100 : 1e9)))
        return wrong(fault, text,
                     unit == SPAN_PERCENT ? "is not within 0% to 100%"
                                          : "is not within 0 to 1000000000");
    if (unit == SPAN_STEPS && value->span.value != floor(value->span.value))
        return wrong(fault, text, "is not a whole number of steps");
    return 0;
}

static void write_span(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    write_double(value->span.value, out);
    fprintf(out, "%s%s", value->span.unit == SPAN_PERCENT ? "" : " ",
            span_units[value->span.unit].name);
}

/* --- sizes of memory */

static const struct {
    const char *name;
    uint64_t bytes;
} byte_units[] = {
    /* the larger first */
    {"TiB", UINT64_C(1) << 40},   {"TB", UINT64_C(1000000000000)}, {"GiB", UINT64_C(1) << 30},
    {"GB", UINT64_C(1000000000)}, {"MiB", UINT64_C(1) << 20},      {"MB", UINT64_C(1000000)},
    {"KiB", UINT64_C(1) << 10},   {"KB", UINT64_C(1000)},          {"", UINT64_C(1)},
};

static int read_bytes(const struct option *option, const char *text, union option_value *value,
                      char *fault)
{
    (void)option;
    value->bytes = 0;
    if (!strcmp(text, "auto"))
        return 0;
    double number;
    const char *end = read_double(text, &number);
    if (end)
        end += strspn(end, " \t");
    size_t unit = 0;
    while (end && unit < COUNT(byte_units) && strcmp(end, byte_units[unit].name))
        unit++;
    if (!end || unit == COUNT(byte_units))
        return wrong(fault, text, "is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto");
    number *= (double)byte_units[unit].bytes;
    if (!(number >= 0x1p20 && number <= 0x1p50))
        return wrong(fault, text, "is not within 1MiB to 1024TiB");
    if (!*end && number != floor(number))
        return wrong(fault, text, "is not a whole number of bytes");
    value->bytes = (uint64_t)(number + 0.5);
    return 0;
}

static void write_bytes(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    if (!value->bytes) {
        fputs("auto", out);
        return;
    }
    size_t i = 0;
    while (value->bytes % byte_units[i].bytes)
        i++;
    fprintf(out, "%" PRIu64 "%s", value->bytes / byte_units[i].bytes, byte_units[i].name);
}

/* --- text and lists */

/* Takes "quoted", where "" stands for ", or plain text. NULL with `fault` if it is neither. */
static char *unquote(const char *text, size_t length, char *fault)
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
            wrong(fault, text,
                  i < length ? "goes on behind its closing \""
                             : "has an opening \" without a closing one");
            free(copy);
            return NULL;
        }
    }
    if (used > OPTION_MAX_TEXT) {
        wrong(fault, copy, "is longer than 4096 bytes");
        free(copy);
        return NULL;
    }
    return copy;
}

void option_write_quoted(const char *text, const char *special, FILE *out)
{
    size_t n = strlen(text);
    if (!strpbrk(text, special) &&
        (!n || !(strchr(" \t", text[0]) || strchr(" \t", text[n - 1])))) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

static int read_text(const struct option *option, const char *text, union option_value *value,
                     char *fault)
{
    (void)option;
    value->text = unquote(text, strlen(text), fault);
    return value->text ? 0 : -1;
}

static void write_text(const struct option *option, const union option_value *value, FILE *out)
{
    (void)option;
    option_write_quoted(value->text, "\";", out);
}

static void release_list(struct list *list)
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
        wrong(fault, text, "has an opening \" without a closing one");
        return NULL;
    }
    if (length > OPTION_MAX_TEXT) {
        wrong(fault, text, "is longer than 4096 bytes");
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

static int read_expression(const struct option *option, const char *text, union option_value *value,
                           char *fault)
{
    (void)option;
    value->text = keep_quotes(text, strlen(text), fault);
    return value->text ? 0 : -1;
}

static void write_expression(const struct option *option, const union option_value *value,
                             FILE *out)
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
    char *item =
        option->type == OPTION_EXPRESSIONS ? keep_quotes(text, n, fault) : unquote(text, n, fault);
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

static int read_list(const struct option *option, const char *text, union option_value *value,
                     char *fault)
{
    struct list list = {NULL, 0};
    int depth, failed = 0;
    while (*text && !failed) {
        size_t n = item_length(text, &depth);
        if (depth) {
            failed =
                wrong(fault, text, depth > 0 ? "has a ( without its )" : "has a ) without its (");
            break;
        }
        failed = read_item(option, &list, text, n, fault);
        text += n;
        if (*text == ',' && !*++text && !failed)
            failed = read_item(option, &list, text, 0, fault); /* nothing behind the last comma */
    }
    if (failed) {
        release_list(&list);
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
static void write_list(const struct option *option, const union option_value *value, FILE *out)
{
    size_t column = strlen(option->key) + 3;
    for (size_t i = 0; i < value->list.count; i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *item = open_memstream(&text, &n);
        if (item) {
            write_list_item(option, value->list.item[i], item);
            fclose(item);
        }
        if (i)
            fputs(column + n > 90 ? ",\n    " : ", ", out);
        column = i && column + n > 90 ? 4 + n : column + n + 2;
        if (text)
            fwrite(text, 1, n, out);
        else /* without memory the line is a long one */
            write_list_item(option, value->list.item[i], out);
        free(text);
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
    const char *at = read_double(text + strspn(text, " \t"), &method->low);
    at = at ? at + strspn(at, " \t") : NULL;
    if (!at || *at != ',')
        return -1;
    at++;
    at = read_double(at + strspn(at, " \t"), &method->high);
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
        return arguments ? wrong(fault, text, "takes no arguments") : 0;
    method->high = methods[k].bounds;
    if (!arguments && methods[k].optional)
        return 0;
    if (methods[k].bounds)
        return arguments && !read_bounds(arguments, method)
                   ? 0
                   : wrong(fault, text, "needs two numbers, the lower first, as in (0,100)");
    int depth;
    if (!arguments || !arguments[strspn(arguments, " \t")] ||
        item_length(arguments, &depth) != strlen(arguments) || depth)
        return wrong(fault, text, "needs the name of a feature, as in (close)");
    method->column = keep_quotes(arguments, strlen(arguments), fault);
    return method->column ? 0 : -1;
}

static int read_method(const struct option *option, const char *text, union option_value *value,
                       char *fault)
{
    size_t n = strcspn(text, "("), length = strlen(text), name = n;
    int called = n < length;
    value->method = (struct method){0};
    if (*text == '"') { /* as any choice may stand in quotes */
        char *plain = unquote(text, length, fault);
        int failed = !plain || (*plain == '"' ? wrong(fault, text, "is in quotes twice")
                                              : read_method(option, plain, value, fault));
        free(plain);
        return failed ? -1 : 0;
    }
    if (called && text[length - 1] != ')')
        return wrong(fault, text, "has a ( without its )");
    while (name && strchr(" \t", text[name - 1]))
        name--;
    char *word = strndup(text, name);
    char *arguments = word && called ? strndup(text + n + 1, length - n - 2) : NULL;
    int result = -1;
    *fault = 0;
    if (word && (!called || arguments))
        result = read_choice(option, word, value, fault); /* the index is the first member */
    if (!result) {
        value->method = (struct method){.kind = value->index};
        result = read_arguments(text, word, arguments, &value->method, fault);
    }
    free(word);
    free(arguments);
    return result;
}

static void write_method(const struct option *option, const union option_value *value, FILE *out)
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
        write_double(m->low, out);
        putc(',', out);
        write_double(m->high, out);
        putc(')', out);
    }
}

static int read_set(const struct option *option, const char *text, union option_value *value,
                    char *fault)
{
    if (read_list(option, text, value, fault))
        return -1;
    const struct list *list = &value->list;
    int alone = list->count == 1 && (!strcmp(*list->item, "all") || !strcmp(*list->item, "none"));
    char quoted[OPTION_QUOTED];
    for (size_t i = 0; i < list->count && !alone; i++) {
        if (choice_index(option, list->item[i]) >= 0)
            continue;
        snprintf(fault, OPTION_FAULT, "%s is not one of: %s; nor is the whole all or none",
                 option_quote(list->item[i], quoted), option->choices);
        release_list(&value->list);
        return -1;
    }
    return 0;
}

/* --- types */

static const struct {
    size_t size; /* of the value in struct config */
    int (*read)(const struct option *, const char *, union option_value *, char *);
    void (*write)(const struct option *, const union option_value *, FILE *);
    const char *takes; /* for the manual; bounds and choices follow */
} types[] = {
    [OPTION_TEXT] = {sizeof(char *), read_text, write_text, "text"},
    [OPTION_INPUT] = {sizeof(char *), read_text, write_text, "file"},
    [OPTION_INPUTS] = {sizeof(struct list), read_list, write_list, "files, folders or globs"},
    [OPTION_OUTPUT] = {sizeof(char *), read_text, write_text, "folder"},
    [OPTION_LIST] = {sizeof(struct list), read_list, write_list, "list"},
    [OPTION_EXPRESSION] = {sizeof(char *), read_expression, write_expression, "text"},
    [OPTION_EXPRESSIONS] = {sizeof(struct list), read_list, write_list, "list"},
    [OPTION_METHOD] = {sizeof(struct method), read_method, write_method, ""},
    [OPTION_SET] = {sizeof(struct list), read_set, write_list, "all, none, or a list of "},
    [OPTION_FLAG] = {sizeof(int), read_choice, write_choice, ""},
    [OPTION_INTEGER] = {sizeof(long), read_integer, write_integer, "whole number, "},
    [OPTION_AUTO] = {sizeof(long), read_integer, write_integer, "auto, or a whole number, "},
    [OPTION_REAL] = {sizeof(double), read_real, write_real, "number, "},
    [OPTION_CHOICE] = {sizeof(int), read_choice, write_choice, ""},
    [OPTION_DURATION] = {sizeof(int64_t), read_duration, write_duration, "duration"},
    [OPTION_SPAN] = {sizeof(struct span), read_span, write_span, "span"},
    [OPTION_BYTES] = {sizeof(uint64_t), read_bytes, write_bytes,
                      "auto, or a number of bytes, KiB, MiB, GiB, TiB, KB, MB, GB or TB"},
};

static int is_scalar(const struct option *option)
{
    return option->type > OPTION_SET;
}

int option_read(const struct option *option, const char *text, union option_value *value,
                char fault[OPTION_FAULT])
{
    if (!is_scalar(option) || *text != '"')
        return types[option->type].read(option, text, value, fault);
    char *plain = unquote(text, strlen(text), fault);
    int failed = !plain || types[option->type].read(option, plain, value, fault);
    free(plain);
    return failed ? -1 : 0;
}

void option_write(const struct option *option, const union option_value *value, FILE *out)
{
    types[option->type].write(option, value, out);
}

void option_release(const struct option *option, union option_value *value)
{
    if (option->type == OPTION_LIST || option->type == OPTION_EXPRESSIONS ||
        option->type == OPTION_SET || option->type == OPTION_INPUTS)
        release_list(&value->list);
    else if (option->type == OPTION_METHOD)
        free(value->method.column);
    else if (!is_scalar(option))
        free(value->text);
}

void option_get(const struct option *option, const struct config *config, union option_value *to)
{
    memcpy(to, (const char *)config + option->offset, types[option->type].size);
}

void option_put(const struct option *option, struct config *config, const union option_value *from)
{
    memcpy((char *)config + option->offset, from, types[option->type].size);
}

void option_describe(const struct option *option, FILE *out)
{
    fputs(types[option->type].takes, out);
    if (option->choices)
        fputs(option->choices, out);
    if (option->min < option->max)
        fprintf(out, "%.15g to %.15g", option->min, option->max);
}

int config_key(size_t index, struct config_key *key)
{
    if (index >= option_count)
        return -1;
    const struct option *o = &options[index];
    *key = (struct config_key){
        .section = o->section,
        .name = o->key,
        .help = o->help,
        .words = o->type == OPTION_AUTO || o->type == OPTION_BYTES ? "auto"
                 : o->type == OPTION_SET                           ? "all | none"
                 : o->type == OPTION_DURATION                      ? "none"
                                                                   : NULL,
        .choices = o->choices,
        .is_path = o->type == OPTION_INPUT || o->type == OPTION_INPUTS || o->type == OPTION_OUTPUT,
    };
    return 0;
}
