#include "data/features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"

#define DEPTH_MAX 32
#define NUMBER_MAX 100000000

/*
 * A function gets its arguments from the first row on where all of them have a value, and writes
 * out[rows], of which the first `lag` are not looked at. A row that has no value becomes NaN; what
 * such a row lacks is said by `needs`. Only x[.][0 .. t] may enter out[t]. 0 or -1 (memory).
 */
struct feature_function {
    const char *name;
    int series;  /* how many expressions it takes */
    int numbers; /* 1: a number n from 1 on comes last */
    size_t (*lag)(long n);
    int (*compute)(const double *const *x, size_t rows, long n, double *out);
    const char *help, *needs;
};

static size_t lag_none(long n)
{
    (void)n;
    return 0;
}

static size_t lag_one(long n)
{
    (void)n;
    return 1;
}

static size_t lag_span(long n)
{
    return (size_t)n - 1;
}

/*
 * out[t] = (x[t-n+1] + ... + x[t]) / n. Rows are cut into blocks of n; a window is the end of one
 * block and the start of the next, so its sum is tail + head, where tail sums a block from its end
 * and head from its start. Nothing is ever subtracted: a large value leaves no rounding behind once
 * it is out of the window.
 */
static int compute_ma(const double *const *x, size_t rows, long n, double *out)
{
    size_t span = (size_t)n;
    double *tail = malloc((span + 1) * sizeof *tail); /* tail[j]: the block before, from j on */
    if (!tail)
        return -1;
    for (size_t block = 0; block < rows; block += span) {
        double head = 0;
        size_t end = rows - block < span ? rows - block : span;
        for (size_t j = 0; j < end; j++) {
            head += x[0][block + j];
            double before = block ? tail[j + 1] : 0;
            out[block + j] = (before + head) / (double)n;
        }
        tail[span] = 0;
        for (size_t j = span; end == span && j-- > 0;)
            tail[j] = x[0][block + j] + tail[j + 1];
    }
    free(tail);
    return 0;
}

/* out[t] = out[t-1] + a (x[t] - out[t-1]), a = 2 / (n + 1); out[n-1] is the mean of the first n. */
static int compute_ema(const double *const *x, size_t rows, long n, double *out)
{
    size_t span = (size_t)n;
    double a = 2 / ((double)n + 1), mean = 0;
    for (size_t t = 0; t < rows && t < span; t++)
        mean += x[0][t] / (double)n;
    if (rows >= span)
        out[span - 1] = mean;
    for (size_t t = span; t < rows; t++)
        out[t] = out[t - 1] + a * (x[0][t] - out[t - 1]);
    return 0;
}

/* out[t] = x[t] / x[t-1] - 1 */
static int compute_ret(const double *const *x, size_t rows, long n, double *out)
{
    (void)n;
    for (size_t t = 1; t < rows; t++)
        out[t] = x[0][t - 1] != 0 ? (x[0][t] - x[0][t - 1]) / x[0][t - 1] : NAN;
    return 0;
}

/* out[t] = ln(x[t] / x[t-1]) */
static int compute_logret(const double *const *x, size_t rows, long n, double *out)
{
    (void)n;
    for (size_t t = 1; t < rows; t++)
        out[t] = x[0][t] > 0 && x[0][t - 1] > 0 ? log(x[0][t] / x[0][t - 1]) : NAN;
    return 0;
}

/* out[t] = x[t] - x[t-1] */
static int compute_diff(const double *const *x, size_t rows, long n, double *out)
{
    (void)n;
    for (size_t t = 1; t < rows; t++)
        out[t] = x[0][t] - x[0][t - 1];
    return 0;
}

/* out[t] = ln(x[t]) */
static int compute_log(const double *const *x, size_t rows, long n, double *out)
{
    (void)n;
    for (size_t t = 0; t < rows; t++)
        out[t] = x[0][t] > 0 ? log(x[0][t]) : NAN;
    return 0;
}

static const struct feature_function functions[] = {
    {"ma", 1, 1, lag_span, compute_ma, "mean of the last n rows", "values that add up"},
    {"ema", 1, 1, lag_span, compute_ema,
     "exponential mean with weight 2/(n+1), begun with the mean of the first n rows",
     "values that add up"},
    {"ret", 1, 0, lag_one, compute_ret, "return: x over the row before's, less 1",
     "the row before not to be 0"},
    {"logret", 1, 0, lag_one, compute_logret, "logarithm of x over the row before's",
     "values above 0, here and in the row before"},
    {"diff", 1, 0, lag_one, compute_diff, "x less the row before's", "a smaller difference"},
    {"log", 1, 0, lag_none, compute_log, "natural logarithm of x", "values above 0"},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

void feature_reference(FILE *out)
{
    static const char *const series = "xyzw";
    for (size_t i = 0; i < FUNCTIONS; i++) {
        fprintf(out, "%s(", functions[i].name);
        for (int k = 0; k < functions[i].series; k++)
            fprintf(out, "%s%c", k ? "," : "", series[k]);
        fprintf(out, "%s)\t%s\n", functions[i].numbers ? ",n" : "", functions[i].help);
    }
}

/* Where the parser is. `whole` is the text for messages. */
struct parser {
    const char *whole, *at;
    struct error *err;
    int depth;
};

static struct feature *fault(struct parser *p, const char *cause, const char *name)
{
    char shown[CSV_SHOWN], named[CSV_SHOWN];
    csv_show(p->whole, shown);
    error_set(p->err, STATUS_USAGE, "'%s': %s%s", shown, cause, name ? csv_show(name, named) : "");
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
    for (size_t i = 0; i < FUNCTIONS; i++) {
        if (csv_same_name(functions[i].name, name))
            return &functions[i];
    }
    return NULL;
}

static int unknown_function(struct parser *p, const char *name)
{
    fault(p, "no function ", name);
    for (size_t i = 0; i < FUNCTIONS; i++) {
        size_t used = strlen(p->err->text);
        snprintf(p->err->text + used, sizeof p->err->text - used, "%s%s",
                 i ? ", " : "; the functions are ", functions[i].name);
    }
    return -1;
}

static int parse_number(struct parser *p, long *number)
{
    long n = 0;
    skip_blanks(p);
    for (; *p->at >= '0' && *p->at <= '9' && n <= NUMBER_MAX; p->at++)
        n = n * 10 + (*p->at - '0');
    skip_blanks(p);
    *number = n;
    return n >= 1 && n <= NUMBER_MAX && (*p->at == ')' || *p->at == ',' || !*p->at) ? 0 : -1;
}

static struct feature *parse_expression(struct parser *p);

/* Something else stands where a comma or the closing parenthesis belongs. */
static int unfinished(struct parser *p, const char *function)
{
    if (*p->at == ')')
        fault(p, "too few arguments of ", function);
    else if (!*p->at)
        fault(p, "')' is missing behind ", function);
    else
        fault(p, "not expected: ", p->at);
    return -1;
}

/* The arguments of feature->function and the closing parenthesis. */
static int parse_arguments(struct parser *p, struct feature *feature)
{
    const struct feature_function *function = feature->function;
    const char *name = function->name;
    for (int i = 0; i < function->series + function->numbers; i++) {
        if (i && *p->at != ',')
            return unfinished(p, name);
        p->at += i > 0;
        if (i < function->series) {
            if (!(feature->argument[i] = parse_expression(p)))
                return -1;
        } else if (parse_number(p, &feature->number)) {
            return fault(p, "a whole number from 1 to 100000000 comes last in ", name), -1;
        }
    }
    skip_blanks(p);
    if (*p->at == ',')
        return fault(p, "too many arguments of ", name), -1;
    if (*p->at != ')')
        return unfinished(p, name);
    p->at++;
    skip_blanks(p);
    return 0;
}

static struct feature *parse_expression(struct parser *p)
{
    const char *begin = p->at;
    p->at += strcspn(p->at, ",()");
    struct feature *feature = calloc(1, sizeof *feature);
    char *name = trimmed(begin, p->at);
    if (!feature || !name) {
        fault(p, "out of memory", NULL);
    } else if (!*name) {
        fault(p, *p->at ? "a name is missing before " : "a name is missing at the end", p->at);
    } else if (*p->at != '(') {
        feature->text = name;
        return feature;
    } else if (++p->depth > DEPTH_MAX) {
        fault(p, "nested too deeply", NULL);
    } else if (!(feature->function = find_function(name))) {
        unknown_function(p, name);
    } else {
        p->at++;
        if (!parse_arguments(p, feature)) {
            p->depth--;
            free(name);
            if ((feature->text = trimmed(begin, p->at)))
                return feature;
            fault(p, "out of memory", NULL);
            name = NULL;
        }
    }
    free(name);
    feature_free(feature);
    return NULL;
}

struct feature *feature_parse(const char *text, struct error *err)
{
    struct parser p = {.whole = text, .at = text, .err = err};
    struct feature *feature = parse_expression(&p);
    if (feature && *p.at) {
        fault(&p, "not expected: ", p.at);
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
    for (int i = 0; feature->function && i < feature->function->series; i++) {
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

/* Rows of a run before all arguments have a value. */
static size_t warmup_of_arguments(const struct feature *feature)
{
    size_t most = 0;
    for (int i = 0; feature->function && i < feature->function->series; i++) {
        size_t rows = feature_warmup(feature->argument[i]);
        most = rows > most ? rows : most;
    }
    return most;
}

size_t feature_warmup(const struct feature *feature)
{
    return feature->function
               ? warmup_of_arguments(feature) + feature->function->lag(feature->number)
               : 0;
}

static int not_finite(const struct feature *feature, const struct table *table, size_t row,
                      struct error *err)
{
    char where[TABLE_WHERE], text[CSV_SHOWN];
    return error_set(err, STATUS_INPUT, "%s: feature '%s' has no finite value here: %s needs %s",
                     table_where(table, row, where), csv_show(feature->text, text),
                     feature->function->name, feature->function->needs);
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
    for (int i = 0; i < function->series; i++)
        x[i] += skip;
    if (function->compute(x, rows - skip, feature->number, out + skip))
        return error_set(err, STATUS_INPUT, "%s: out of memory", table->path);
    for (size_t t = skip; t < warmup; t++)
        out[t] = NAN;
    for (size_t t = warmup; t < rows; t++) {
        if (!isfinite(out[t]))
            return not_finite(feature, table, run.begin + t, err);
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
    const double *x[FEATURE_ARGUMENTS];
    double *own[FEATURE_ARGUMENTS] = {NULL};
    int result = 0;
    for (int i = 0; i < feature->function->series && !result; i++) {
        const struct feature *argument = feature->argument[i];
        if (!argument->function) { /* a column is read where it lies */
            x[i] = table->column[argument->column] + run.begin;
            continue;
        }
        x[i] = own[i] = malloc(rows * sizeof *own[i]);
        result = own[i] ? feature_compute(argument, table, run, own[i], err)
                        : error_set(err, STATUS_INPUT, "%s: out of memory", table->path);
    }
    if (!result)
        result = apply(feature, x, table, run, out, err);
    for (int i = 0; i < FEATURE_ARGUMENTS; i++)
        free(own[i]);
    return result;
}
