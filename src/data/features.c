/* SPDX-License-Identifier: MIT */
#include "data/features.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/feature_functions.h"
#include "util/block.h"
#include "util/near.h"

#define DEPTH_MAX 32
#define NUMBER_MAX 100000000

/* What stands for a number among a function's arguments; every other name is a series. */
static const struct number {
    const char *name;
    int whole;    /* from 1 to NUMBER_MAX */
    double least; /* of one that is not whole */
    int rises;    /* must not be below the number before it */
} numbers[] = {
    {"n", 1, 1, 0},           {"m", 1, 1, 0},        {"h", 1, 1, 0},
    {"fast", 1, 1, 0},        {"slow", 1, 1, 0},     {"signal", 1, 1, 0},
    {"k", 0, 0, 0},           {"p", 0, -DBL_MAX, 0}, {"least", 0, -DBL_MAX, 0},
    {"most", 0, -DBL_MAX, 1},
};

/* One of a function's arguments: "n=14". */
struct argument {
    char name[16];
    const struct number *number; /* NULL: a series */
    int optional;
    double preset; /* of an optional number */
};

/* Takes the next argument from a function's list of them; 0 at the list's end. */
static int next_argument(const char **list, struct argument *a)
{
    const char *text = *list;
    size_t length = strcspn(text, ","), name = strcspn(text, ",=");
    if (!length)
        return 0;
    *list = text + length + (text[length] == ',');
    snprintf(a->name, sizeof a->name, "%.*s", (int)name, text);
    a->number = NULL;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!strcmp(numbers[i].name, a->name))
            a->number = &numbers[i];
    }
    a->optional = name < length;
    char preset[16] = "";
    if (a->optional)
        snprintf(preset, sizeof preset, "%.*s", (int)(length - name - 1), text + name + 1);
    a->preset = 0;
    csv_parse_number(preset, strlen(preset), &a->preset);
    return 1;
}

/* Where the parser is. `whole` is the text for messages. */
struct parser {
    const char *whole, *at;
    struct error *err;
    int depth;
};

static struct feature *fault(struct parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct feature *fault(struct parser *p, const char *format, ...)
{
    char shown[CSV_SHOWN], cause[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(cause, sizeof cause, format, ap);
    va_end(ap);
    error_set(p->err, STATUS_USAGE, "'%s': %s", csv_show(p->whole, shown), cause);
    return NULL;
}

static struct feature *no_memory_for(struct parser *p)
{
    char shown[CSV_SHOWN];
    error_set(p->err, STATUS_FAILED, "'%s': out of memory", csv_show(p->whole, shown));
    return NULL;
}

static int blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct parser *p)
{
    while (blank(*p->at))
        p->at++;
}

/* text[0 .. end) without the blanks around it, in memory of its own. */
static char *trimmed(const char *text, const char *end)
{
    while (text < end && blank(*text))
        text++;
    while (end > text && blank(end[-1]))
        end--;
    return strndup(text, (size_t)(end - text));
}

static const struct feature_function *find_function(const char *name)
{
    for (size_t i = 0; i < feature_function_count; i++) {
        if (csv_same_name(feature_functions[i].name, name))
            return &feature_functions[i];
    }
    return NULL;
}

static void unknown_function(struct parser *p, const char *name)
{
    char shown[CSV_SHOWN];
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < feature_function_count; i++) {
        if (near_is_nearer(name, feature_functions[i].name, &best))
            near = feature_functions[i].name;
    }
    csv_show(name, shown);
    if (near)
        fault(p, "there is no function %s; did you mean %s?", shown, near);
    else
        fault(p,
              "there is no function %s; seqtrain.ini(5) lists them under FEATURES (a column's name "
              "with parentheses stands in quotes)",
              shown);
}

static int number_fault(struct parser *p, const char *function, const struct argument *a)
{
    if (a->number->whole)
        fault(p, "%s of %s must be a whole number from 1 to %d", a->name, function, NUMBER_MAX);
    else if (a->number->least > -DBL_MAX)
        fault(p, "%s of %s must be a number from 0 on", a->name, function);
    else
        fault(p, "%s of %s must be a number%s", a->name, function,
              a->number->rises ? ", not below the one before it" : "");
    return -1;
}

/* `before` is the number before, for one that must not be below it. */
static int parse_number(struct parser *p, const char *function, const struct argument *a,
                        double before, double *number)
{
    const struct number *kind = a->number;
    const char *begin = p->at;
    p->at += strcspn(p->at, ",()");
    char *text = trimmed(begin, p->at);
    if (!text)
        return no_memory_for(p), -1;
    enum csv_parsed parsed = csv_parse_number(text, strlen(text), number);
    free(text);
    double most = kind->whole ? NUMBER_MAX : DBL_MAX;
    if (parsed != CSV_NUMBER || *number < kind->least || *number > most ||
        (kind->whole && *number != floor(*number)) || (kind->rises && *number < before))
        return number_fault(p, function, a);
    return 0;
}

static struct feature *parse_expression(struct parser *p);

/* Something else stands where a comma or the closing parenthesis belongs. */
static int unfinished(struct parser *p, const struct feature_function *function)
{
    char shown[CSV_SHOWN];
    if (*p->at == ')')
        fault(p, "too few arguments for %s(%s)", function->name, function->arguments);
    else if (!*p->at)
        fault(p, "')' is missing behind %s", function->name);
    else
        fault(p, "not expected: %s", csv_show(p->at, shown));
    return -1;
}

/* The arguments of feature->function and the closing parenthesis. */
static int parse_arguments(struct parser *p, struct feature *feature)
{
    const struct feature_function *function = feature->function;
    const char *list = function->arguments;
    struct argument a;
    int series = 0, count = 0;
    skip_blanks(p);
    while (next_argument(&list, &a)) {
        double *number = &feature->number[count];
        int first = !series && !count;
        if (!first && *p->at != ',') {
            if (!a.optional)
                return unfinished(p, function);
            *number = a.preset;
            count++;
            continue;
        }
        p->at += !first;
        if (!a.number) {
            if (!(feature->argument[series++] = parse_expression(p)))
                return -1;
            continue;
        }
        if (parse_number(p, function->name, &a, count ? number[-1] : 0, number))
            return -1;
        count++;
    }
    if (*p->at == ',' || (!*function->arguments && *p->at && *p->at != ')'))
        return fault(p, "too many arguments for %s(%s)", function->name, function->arguments), -1;
    if (*p->at != ')')
        return unfinished(p, function);
    p->at++;
    skip_blanks(p);
    return 0;
}

/* A column's name in quotes, where "" stands for ". */
static struct feature *parse_quoted(struct parser *p)
{
    struct feature *feature = calloc(1, sizeof *feature);
    char *to = feature ? malloc(strlen(p->at) + 1) : NULL;
    if (!to) {
        free(feature);
        return no_memory_for(p);
    }
    feature->text = to;
    for (p->at++; *p->at && (*p->at != '"' || p->at[1] == '"'); p->at++) {
        p->at += *p->at == '"';
        *to++ = *p->at;
    }
    *to = 0;
    int closed = *p->at == '"';
    p->at += closed;
    skip_blanks(p);
    if (closed && *feature->text)
        return feature;
    feature_free(feature);
    return fault(p, closed ? "a name in quotes is empty" : "the closing \" of a name is missing");
}

static struct feature *parse_expression(struct parser *p)
{
    skip_blanks(p);
    if (*p->at == '"')
        return parse_quoted(p);
    const char *begin = p->at;
    p->at += strcspn(p->at, ",()");
    struct feature *feature = calloc(1, sizeof *feature);
    char *name = trimmed(begin, p->at);
    if (!feature || !name) {
        no_memory_for(p);
    } else if (!*name) {
        char shown[CSV_SHOWN];
        fault(p, *p->at ? "a name is missing before %s" : "a name is missing at the end%s",
              csv_show(p->at, shown));
    } else if (*p->at != '(') {
        feature->text = name;
        return feature;
    } else if (++p->depth > DEPTH_MAX) {
        fault(p, "nested too deeply");
    } else if (!(feature->function = find_function(name))) {
        unknown_function(p, name);
    } else {
        p->at++;
        if (!parse_arguments(p, feature)) {
            p->depth--;
            free(name);
            if ((feature->text = trimmed(begin, p->at)))
                return feature;
            no_memory_for(p);
            name = NULL;
        }
    }
    free(name);
    feature_free(feature);
    return NULL;
}

int feature_unquoted(const char *text, char **inside)
{
    size_t n = strlen(text), i = 1, used = 0;
    char *to = *inside = *text == '"' ? malloc(n + 1) : NULL;
    if (!to)
        return *text == '"' ? -1 : 0;
    while (i < n && (text[i] != '"' || text[i + 1] == '"')) {
        i += text[i] == '"';
        to[used++] = text[i++];
    }
    to[used] = 0;
    if (i + 1 == n)
        return 0;
    free(to);
    *inside = NULL;
    return 0;
}

struct feature *feature_parse(const char *text, struct error *err)
{
    struct parser p = {.whole = text, .at = text, .err = err};
    struct feature *feature = parse_expression(&p);
    if (feature && *p.at) {
        char shown[CSV_SHOWN];
        fault(&p, "not expected: %s", csv_show(p.at, shown));
        feature_free(feature);
        return NULL;
    }
    return feature;
}

void feature_free(struct feature *feature)
{
    if (!feature)
        return;
    for (int i = 0; i < FEATURE_ARGUMENTS; i++)
        feature_free(feature->argument[i]);
    free(feature->text);
    free(feature);
}

int feature_columns(struct feature *feature, char ***names, size_t *count)
{
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++) {
        if (feature_columns(feature->argument[i], names, count))
            return -1;
    }
    if (feature->function)
        return 0;
    for (size_t i = 0; i < *count; i++) {
        if (!strcmp((*names)[i], feature->text)) {
            feature->column = i;
            return 0;
        }
    }
    char **more = realloc(*names, (*count + 1) * sizeof *more);
    if (!more)
        return -1;
    *names = more;
    feature->column = *count;
    more[(*count)++] = feature->text;
    return 0;
}

int feature_reads(const struct feature *feature, const char *column)
{
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++)
        if (feature_reads(feature->argument[i], column))
            return 1;
    return !feature->function && csv_same_name(feature->text, column);
}

const struct feature *feature_base(const struct feature *feature)
{
    if (!feature->function)
        return feature;
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++) {
        const struct feature *base = feature_base(feature->argument[i]);
        if (base)
            return base;
    }
    return NULL;
}

/* Rows of a run before all arguments have a value. */
static size_t warmup_of_arguments(const struct feature *feature)
{
    size_t most = 0;
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++) {
        size_t rows = feature_warmup(feature->argument[i]);
        most = rows > most ? rows : most;
    }
    return most;
}

size_t feature_warmup(const struct feature *feature)
{
    const struct feature_function *function = feature->function;
    return warmup_of_arguments(feature) +
           (function && function->lag ? function->lag(feature->number) : 0);
}

static int not_finite(const struct feature *feature, const struct table *table, size_t row,
                      struct error *err)
{
    const struct feature_function *function = feature->function;
    char where[TABLE_WHERE], text[CSV_SHOWN];
    return error_set(err, STATUS_INPUT, "%s: feature '%s' has no finite value here: %s needs %s",
                     table_where(table, row, where), csv_show(feature->text, text), function->name,
                     function->needs ? function->needs : "smaller values");
}

static int no_memory(const struct table *table, struct error *err)
{
    return error_set(err, STATUS_FAILED, "%s: out of memory", table->path);
}

/* out[t] from the arguments' values in row t, x[.][t]. */
static void apply_each(double (*each)(const double *x), const double *const *x, size_t rows,
                       double *out)
{
    for (size_t t = 0; t < rows; t++) {
        double value[FEATURE_ARGUMENTS] = {0};
        for (int i = 0; i < FEATURE_ARGUMENTS && x[i]; i++)
            value[i] = x[i][t];
        out[t] = each(value);
    }
}

/* Values of the function from those of its arguments, x[.][rows of the run]. */
static int apply(const struct feature *feature, const double **x, const struct table *table,
                 struct run run, double *out, struct error *err)
{
    const struct feature_function *function = feature->function;
    size_t rows = run.end - run.begin, skip = warmup_of_arguments(feature);
    size_t warmup = feature_warmup(feature);
    for (size_t t = 0; t < rows && t < warmup; t++)
        out[t] = NAN;
    if (rows <= warmup)
        return 0;
    for (int i = 0; i < FEATURE_ARGUMENTS && x[i]; i++)
        x[i] += skip;
    if (function->each)
        apply_each(function->each, x, rows - skip, out + skip);
    else if (function->compute(x, rows - skip, feature->number, out + skip))
        return no_memory(table, err);
    for (size_t t = skip; t < warmup; t++)
        out[t] = NAN;
    for (size_t t = warmup; t < rows; t++) {
        if (!isfinite(out[t]))
            return not_finite(feature, table, run.begin + t, err);
    }
    return 0;
}

/* The time of the run's rows, for a function without a series; the caller frees. */
static double *times(const struct feature *feature, const struct table *table, struct run run,
                     struct error *err)
{
    size_t rows = run.end - run.begin;
    char text[CSV_SHOWN];
    if (!table->time) {
        error_set(err, STATUS_USAGE, "feature '%s' needs the time of each row: set data.time",
                  csv_show(feature->text, text));
        return NULL;
    }
    double *out = block_new(rows * sizeof *out);
    if (!out)
        no_memory(table, err);
    for (size_t i = 0; out && i < rows; i++)
        out[i] = (double)table->time[run.begin + i];
    return out;
}

static int is_known(const struct feature *feature, const struct table *table, size_t row)
{
    if (!feature->function)
        return !isnan(table->column[feature->column][row]);
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++)
        if (!is_known(feature->argument[i], table, row))
            return 0;
    return 1;
}

int feature_compute_known(const struct feature *feature, const struct table *table, struct run run,
                          double *out, struct error *err)
{
    if (!table->gaps)
        return feature_compute(feature, table, run, out, err);
    for (size_t from = run.begin, to; from < run.end; from = to) {
        int known = is_known(feature, table, from);
        for (to = from + 1; to < run.end && is_known(feature, table, to) == known;)
            to++;
        if (!known)
            for (size_t row = from; row < to; row++)
                out[row - run.begin] = NAN;
        else if (feature_compute(feature, table, (struct run){from, to}, out + (from - run.begin),
                                 err))
            return -1;
    }
    return 0;
}

int feature_compute(const struct feature *feature, const struct table *table, struct run run,
                    double *out, struct error *err)
{
    size_t rows = run.end - run.begin;
    if (!feature->function) {
        memcpy(out, table->column[feature->column] + run.begin, rows * sizeof *out);
        return 0;
    }
    const double *x[FEATURE_ARGUMENTS] = {NULL};
    double *own[FEATURE_ARGUMENTS] = {NULL};
    int result = 0;
    if (!feature->argument[0]) {
        x[0] = own[0] = times(feature, table, run, err);
        result = own[0] ? 0 : -1;
    }
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i] && !result; i++) {
        const struct feature *argument = feature->argument[i];
        if (!argument->function) { /* a column is read where it lies */
            x[i] = table->column[argument->column] + run.begin;
            continue;
        }
        x[i] = own[i] = block_new(rows * sizeof *own[i]);
        result =
            own[i] ? feature_compute(argument, table, run, own[i], err) : no_memory(table, err);
    }
    if (!result)
        result = apply(feature, x, table, run, out, err);
    for (int i = 0; i < FEATURE_ARGUMENTS; i++)
        block_free(own[i]);
    return result;
}
