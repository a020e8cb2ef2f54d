/* SPDX-License-Identifier: MIT */
/* What `*` and globs among the features stand for, and quoted items that name no column. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/option.h"
#include "data/amount.h"
#include "data/csv.h"
#include "data/load.h"

/* Why a column is not one that a glob takes. */
enum apart { TAKEN, NAMED, TIME, SERIES, TARGET, NOT_NUMBERS, EMPTY, NAMELESS };

struct expansion {
    struct config *config;
    struct log *log;
    struct error *err;
    const struct source *source; /* the first file */
    struct csv *csv;             /* it */
    unsigned char *apart;        /* [columns] enum apart */
    unsigned char *fits;         /* [columns] whether a glob fits that may not take it */
    size_t *order;               /* [taken] columns in the order that globs took them */
    size_t taken;
    int globs;
};

static int no_memory(const struct expansion *e)
{
    return error_set(e->err, STATUS_FAILED, "%s: out of memory", e->source->path);
}

/* --- columns */

/* Whether the file has a column of ours, and which. */
static int has(const struct csv *csv, const struct source *source, const char *ours, size_t *column)
{
    struct error ignored;
    return !csv_find(csv, source_column(source, ours), column, &ignored);
}

/* Our name of a column of the file. */
static const char *our_name(const struct expansion *e, size_t column)
{
    const char *name = e->csv->name[column];
    for (size_t i = 0; i < e->source->renames; i++)
        if (!strcmp(e->source->rename[i].theirs, name))
            return e->source->rename[i].ours;
    return name;
}

/* Sets columns apart that an expression is made of. */
static int set_expression_apart(struct expansion *e, const char *text, int only_column,
                                enum apart why)
{
    struct columns columns = {0};
    struct error ignored;
    struct feature *feature = feature_parse(text, &ignored);
    size_t column;
    if (!feature) /* the reading of the expression tells */
        return 0;
    int failed = feature_columns(feature, &columns.name, &columns.count);
    for (size_t i = 0; i < columns.count && !(only_column && feature->function); i++)
        if (has(e->csv, e->source, columns.name[i], &column))
            e->apart[column] = (unsigned char)why;
    free(columns.name);
    feature_free(feature);
    return failed ? no_memory(e) : 0;
}

/* --- items */

/* What an item is: a glob in *glob (the caller frees), or in *text what is to be read instead. */
static int look_at_item(struct expansion *e, const char *item, const struct csv *csv, char **glob,
                        char **text)
{
    char *name;
    struct error fault = {0};
    size_t column;
    *glob = *text = NULL;
    if (feature_unquoted(item, &name))
        return no_memory(e);
    if (*item == '"' ? !name : strpbrk(item, "(\"") != NULL)
        return 0;
    if (!name && !(name = strdup(item)))
        return no_memory(e);
    if (has(csv, e->source, name, &column)) {
        free(name);
        return 0;
    }
    struct feature *feature = *item == '"' ? feature_parse(name, &fault) : NULL;
    if (fault.status == STATUS_FAILED) {
        free(name);
        return no_memory(e);
    }
    if (feature && feature->function)
        *text = name;
    else if (strpbrk(name, "*?"))
        *glob = name;
    else
        free(name);
    feature_free(feature);
    return 0;
}

static void tell_expression(const struct expansion *e, const char *key, const char *item)
{
    char shown[CSV_SHOWN];
    log_say(e->log, "data: %s: there is no column %s: it is read as an expression, without quotes",
            key, csv_show(item, shown));
}

/* "a, b, c and 4 more" */
static void put_names(const struct expansion *e, const size_t *column, size_t count, FILE *out)
{
    char shown[CSV_SHOWN];
    const size_t most = 40;
    for (size_t i = 0; i < count && i < most; i++)
        fprintf(out, "%s%s", i ? ", " : "", csv_show(our_name(e, column[i]), shown));
    if (count > most)
        fprintf(out, " and %zu more", count - most);
}

/* "; not taken: the time (Date)", of columns that some glob fits, for reasons from `first` on; -1:
 * memory. */
static int put_left(const struct expansion *e, enum apart first, FILE *out)
{
    static const char *const why[] = {
        [NAMED] = "named already",
        [TIME] = "the time",
        [SERIES] = "the series",
        [TARGET] = "columns of targets",
        [NOT_NUMBERS] = "not numbers in all rows",
        [EMPTY] = "no value in any row",
        [NAMELESS] = "no name",
    };
    const char *begin = "; not taken: ";
    size_t *left = malloc((e->csv->columns + 1) * sizeof *left);
    for (enum apart k = first; left && k <= NAMELESS; k++) {
        size_t count = 0;
        for (size_t i = 0; i < e->csv->columns; i++)
            if (e->apart[i] == k && e->fits[i])
                left[count++] = i;
        if (!count)
            continue;
        fprintf(out, "%s%s (", begin, why[k]);
        put_names(e, left, count, out);
        putc(')', out);
        begin = ", ";
    }
    free(left);
    return left ? 0 : -1;
}

/* A glob that takes nothing. */
static int takes_nothing(const struct expansion *e, const char *glob)
{
    char shown[CSV_SHOWN], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int failed = out ? put_left(e, NAMED, out) : -1;
    if (out)
        failed |= fclose(out);
    if (failed)
        no_memory(e);
    else
        error_set(e->err, STATUS_INPUT, "%s: [data] features: '%s' takes no column%s",
                  e->source->path, csv_show(glob, shown),
                  *text ? text : ": the name of none fits it");
    free(text);
    return -1;
}

/* The columns that a glob takes, behind what is in `out` already. */
static int put_glob(struct expansion *e, const char *glob, FILE *out)
{
    size_t before = e->taken;
    for (size_t i = 0; i < e->csv->columns; i++) {
        int fits = csv_fits(our_name(e, i), glob);
        if (fits < 0)
            return no_memory(e);
        e->fits[i] |= fits && e->apart[i];
        if (!fits || e->apart[i])
            continue;
        fputs(ftell(out) ? ", " : "", out);
        option_write_quoted(our_name(e, i), ",()\"", out);
        e->apart[i] = NAMED;
        e->order[e->taken++] = i;
    }
    return e->taken > before ? 0 : takes_nothing(e, glob);
}

/* One item of features or targets into `out`; a glob of targets stays as it is. */
static int put_item(struct expansion *e, const struct csv *csv, const char *key, const char *item,
                    FILE *out)
{
    char *glob, *text;
    int result = 0;
    if (look_at_item(e, item, csv, &glob, &text))
        return -1;
    if (glob && csv == e->csv && !strcmp(key, "features")) {
        result = put_glob(e, glob, out);
    } else {
        fputs(ftell(out) ? ", " : "", out);
        fputs(text ? text : item, out);
    }
    if (text)
        tell_expression(e, key, item);
    free(glob);
    free(text);
    return result;
}

/* Puts the items of a list into the configuration anew. */
static int put_list(struct expansion *e, const struct csv *csv, const char *key,
                    const struct list *list)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int result = out ? 0 : no_memory(e);
    for (size_t i = 0; i < list->count && !result; i++)
        result = put_item(e, csv, key, list->item[i], out);
    if (out && fclose(out) && !result)
        result = no_memory(e);
    if (!result)
        result = config_set(e->config, "data", key, text, e->err);
    free(text);
    return result;
}

/* --- which columns hold numbers */

static int is_number(const struct expansion *e, const struct csv_field *field, int *missing)
{
    const struct list *words = &e->config->data.missing_values;
    *missing = csv_is_missing(field, words->item, words->count);
    return *missing || amount_is_number(field->text, field->length);
}

/* Columns that hold no number in some row, or none in any, are set apart. */
static int look_for_numbers(struct expansion *e)
{
    unsigned char *some = calloc(e->csv->columns + 1, 1);
    int more = some ? 0 : no_memory(e);
    while (some && (more = csv_next(e->csv, e->err)) > 0)
        for (size_t i = 0; i < e->csv->columns; i++) {
            int missing;
            if (e->apart[i])
                continue;
            if (!is_number(e, &e->csv->field[i], &missing))
                e->apart[i] = NOT_NUMBERS;
            some[i] |= !missing;
        }
    for (size_t i = 0; some && i < e->csv->columns; i++)
        if (!e->apart[i] && !some[i])
            e->apart[i] = EMPTY;
    free(some);
    return more;
}

/* Columns that no glob takes, before their values are looked at. */
static int set_apart(struct expansion *e)
{
    const struct config *c = e->config;
    size_t column;
    char *glob, *text;
    for (size_t i = 0; i < e->csv->columns; i++)
        e->apart[i] = *e->csv->name[i] ? TAKEN : NAMELESS;
    for (size_t i = 0; i < c->data.features.count; i++) {
        const char *item = c->data.features.item[i];
        if (look_at_item(e, item, e->csv, &glob, &text))
            return -1;
        e->globs |= glob != NULL;
        int failed = !glob && !text && set_expression_apart(e, item, 1, NAMED);
        free(glob);
        free(text);
        if (failed)
            return -1;
    }
    for (size_t i = 0; i < c->data.time.count; i++)
        if (has(e->csv, e->source, c->data.time.item[i], &column))
            e->apart[column] = TIME;
    if (*c->data.series && has(e->csv, e->source, c->data.series, &column))
        e->apart[column] = SERIES;
    int elsewhere = c->data.channels == CHANNELS_APART || c->data.target_source.count;
    for (size_t i = 0; i < c->data.targets.count && !elsewhere; i++)
        if (set_expression_apart(e, c->data.targets.item[i], 0, TARGET))
            return -1;
    return 0;
}

/* Tells what globs took, and what they left. */
static int tell_globs(const struct expansion *e)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int failed = out ? 0 : -1;
    if (out) {
        fprintf(out, "data: globs in features stand for %zu column%s: ", e->taken,
                e->taken > 1 ? "s" : "");
        put_names(e, e->order, e->taken, out);
        failed = put_left(e, TIME, out);
        failed |= fclose(out);
    }
    if (!failed)
        log_say(e->log, "%s", text);
    free(text);
    return failed ? no_memory(e) : 0;
}

static int expand_features(struct expansion *e)
{
    e->apart = calloc(e->csv->columns + 1, 1);
    e->fits = calloc(e->csv->columns + 1, 1);
    e->order = calloc(e->csv->columns + 1, sizeof *e->order);
    if (!e->apart || !e->fits || !e->order)
        return no_memory(e);
    if (set_apart(e) || (e->globs && look_for_numbers(e)) ||
        put_list(e, e->csv, "features", &e->config->data.features))
        return -1;
    return e->globs ? tell_globs(e) : 0;
}

/* Columns of targets may be those of another file. */
static int expand_targets(struct expansion *e, const struct csv_how *how)
{
    const struct list *targets = &e->config->data.targets;
    if (!e->source->target)
        return put_list(e, e->csv, "targets", targets);
    struct csv *csv = csv_open(e->source->target, how, e->err);
    int result = csv ? put_list(e, csv, "targets", targets) : -1;
    csv_close(csv);
    return result;
}

/* A single expression that stands in quotes and names no column. */
static int expand_single(struct expansion *e, const char *key, const char *value)
{
    char *glob, *text;
    if (look_at_item(e, value, e->csv, &glob, &text))
        return -1;
    if (text)
        tell_expression(e, key, value);
    int result = text ? config_set(e->config, "data", key, text, e->err) : 0;
    free(glob);
    free(text);
    return result;
}

/* Whether some item may be a glob, and is not in quotes. */
static int has_glob(const struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (strpbrk(list->item[i], "*?") && !strpbrk(list->item[i], "(\""))
            return 1;
    return 0;
}

/* Whether some item begins with a quote: all of it may be in quotes. */
static int has_quoted(const struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (*list->item[i] == '"')
            return 1;
    return 0;
}

/* Whether the file can be read more than once; it is not opened, or a pipe would be read. */
static int is_plain(const char *path)
{
    struct stat st;
    return strcmp(path, "-") && !stat(path, &st) && S_ISREG(st.st_mode);
}

static int expand_all(struct expansion *e)
{
    const struct config *c = e->config;
    struct csv_how how = keys_csv_how(c);
    if (!is_plain(e->source->path))
        return !has_glob(&c->data.features)
                   ? 0
                   : error_set(e->err, STATUS_USAGE,
                               "%s: this is no plain file and can be read only once: data.features "
                               "must name its columns one by one",
                               e->source->path);
    if (!(e->csv = csv_open(e->source->path, &how, e->err)))
        return -1;
    return expand_targets(e, &how) || expand_features(e) ||
                   expand_single(e, "stratify", c->data.stratify)
               ? -1
               : 0;
}

int dataset_expand(struct config *config, struct log *log, struct error *err)
{
    struct expansion e = {.config = config, .log = log, .err = err};
    struct sources sources;
    if (dataset_is_text(config))
        return 0;
    if (!has_glob(&config->data.features) && !has_quoted(&config->data.features) &&
        !has_quoted(&config->data.targets) && *config->data.stratify != '"')
        return 0;
    if (sources_find(config, &sources, err))
        return -1;
    e.source = &sources.item[0];
    int result = expand_all(&e);
    csv_close(e.csv);
    free(e.apart);
    free(e.fits);
    free(e.order);
    sources_fini(&sources);
    return result;
}
