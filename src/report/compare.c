/* SPDX-License-Identifier: MIT */
#include "report/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/comparison.h"
#include "report/html.h"
#include "util/clocale.h"
#include "util/columns.h"
#include "util/jsonmem.h"
#include "util/jsonnumber.h"

/* Columns of texts in the table, and bytes that hold them. */
enum { LABEL_COLUMNS = 27, CELL_COLUMNS = 40, TITLE_LEAST = 34, TITLE_MOST = 52 };
enum { LABEL = 112, FIGURES = 80, NAME = 176 };

/* --- names of runs */

/* The name of a run, or its folder where another one has the same name. */
static const char *name_of(const struct record *run, size_t count, size_t i)
{
    for (size_t k = 0; k < count; k++)
        if (k != i && !strcmp(run[k].name, run[i].name))
            return run[i].folder;
    return run[i].name;
}

/* That in a column of the table. Where two long names are the same then, their numbers come first.
 */
static const char *label_of(const struct record *run, size_t count, size_t i, char to[LABEL])
{
    char other[LABEL];
    columns_fit(name_of(run, count, i), LABEL_COLUMNS, to, LABEL);
    for (size_t k = 0; k < count; k++)
        if (k != i &&
            !strcmp(to, columns_fit(name_of(run, count, k), LABEL_COLUMNS, other, LABEL))) {
            const int n = snprintf(to, LABEL, "%zu: ", i + 1);
            columns_fit(name_of(run, count, i), LABEL_COLUMNS - (size_t)n, to + n,
                        LABEL - (size_t)n);
            break;
        }
    return to;
}

/* --- the table */

struct table {
    const struct record *run;
    size_t count;
    size_t width[COMPARE_MOST]; /* of the columns */
    size_t title;               /* of the names of rows */
    FILE *out;
};

/* A cell behind one that has left `*gap` blanks to its end. */
static void put_cell(const char *text, size_t width, size_t *gap, FILE *out)
{
    const size_t columns = columns_of(text);
    fprintf(out, "%*s%s", (int)*gap, "", text);
    *gap = (width > columns ? width - columns : 0) + 2;
}

/* A row; nothing where no run has a value. */
static void put_row(const struct table *t, const char *name, const char *const *value)
{
    char title[NAME];
    int known = 0;
    size_t gap = 0;
    for (size_t i = 0; i < t->count; i++)
        known |= value[i] && *value[i] && strcmp(value[i], "-") != 0;
    if (!known)
        return;
    put_cell(columns_fit(name, TITLE_MOST, title, sizeof title), t->title, &gap, t->out);
    for (size_t i = 0; i < t->count; i++)
        put_cell(value[i] && *value[i] ? value[i] : "-", t->width[i], &gap, t->out);
    putc('\n', t->out);
}

/* A row of what a function tells of each run. */
typedef void telling(const struct record *run, char to[NAME]);
static void put_told(const struct table *t, const char *name, telling *tell)
{
    char text[COMPARE_MOST][NAME];
    const char *value[COMPARE_MOST];
    for (size_t i = 0; i < t->count; i++) {
        *text[i] = 0;
        tell(&t->run[i], text[i]);
        value[i] = text[i];
    }
    put_row(t, name, value);
}

static void put_number(double x, char to[NAME])
{
    if (isfinite(x))
        snprintf(to, NAME, "%s", html_number(x).text);
}

static void tell_state(const struct record *r, char to[NAME])
{
    static const char *const states[] = {"not finished", "ended", "pruned", "failed"};
    snprintf(to, NAME, "%s", states[r->state]);
}

static void tell_task(const struct record *r, char to[NAME])
{
    snprintf(to, NAME, "%.40s", record_task(r));
}

static void tell_model(const struct record *r, char to[NAME])
{
    const char *type = listed_find(&r->keys, "model.type");
    snprintf(to, NAME, "%.40s", type ? type : "");
}

static void tell_parameters(const struct record *r, char to[NAME])
{
    snprintf(to, NAME, "%s", html_count(jsonnumber_of(r->start, "parameters")).text);
}

static double at_best(const struct record *r, const double *column)
{
    const long best = record_best(r);
    return column && best >= 0 ? column[best] : NAN;
}

static double best_figure(const struct record *r)
{
    char name[64];
    return at_best(r, record_monitored(r, name));
}

static void tell_monitor(const struct record *r, char to[NAME])
{
    snprintf(to, NAME, "%.60s", record_monitor(r));
}

static void tell_best(const struct record *r, char to[NAME])
{
    put_number(best_figure(r), to);
}

static void tell_best_epoch(const struct record *r, char to[NAME])
{
    put_number(at_best(r, record_column(r, "epoch")), to);
}

static void tell_epochs(const struct record *r, char to[NAME])
{
    const double *number = record_column(r, "epoch");
    put_number(number && r->epochs ? number[r->epochs - 1] : NAN, to);
}

static void tell_train(const struct record *r, char to[NAME])
{
    put_number(at_best(r, record_column(r, "train_loss")), to);
}

static void tell_validation(const struct record *r, char to[NAME])
{
    put_number(at_best(r, record_column(r, "val_loss")), to);
}

static void tell_time(const struct record *r, char to[NAME])
{
    snprintf(to, NAME, "%s", html_time(record_seconds(r)).text);
}

/* Windows of all epochs over their seconds. */
static void tell_speed(const struct record *r, char to[NAME])
{
    const double *rate = record_column(r, "windows_per_second");
    const double *seconds = record_column(r, "seconds");
    double windows = 0, all = 0;
    for (size_t i = 0; rate && seconds && i < r->epochs; i++)
        if (isfinite(rate[i] * seconds[i])) {
            windows += rate[i] * seconds[i];
            all += seconds[i];
        }
    if (all > 0)
        snprintf(to, NAME, "%.4g", windows / all);
}

static void tell_memory(const struct record *r, char to[NAME])
{
    snprintf(to, NAME, "%s", html_bytes(jsonnumber_of(r->start, "device_bytes")).text);
}

static void tell_device(const struct record *r, char to[NAME])
{
    const char *device = json_string_value(json_object_get(r->start, "device"));
    columns_fit(device ? device : "", CELL_COLUMNS, to, NAME);
}

static void tell_part(const struct record *r, char to[NAME])
{
    const char *part = json_string_value(json_object_get(r->verdict, "part"));
    snprintf(to, NAME, "%.20s", part ? part : "");
}

/* --- figures of the evaluation */

struct names {
    char name[FIGURES][NAME]; /* "original.close.mse" */
    size_t count;
};

static void add_name(struct names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (!strcmp(n->name[i], name))
            return;
    if (n->count < FIGURES)
        strcpy(n->name[n->count++], name);
}

/* The numbers of an object and of those within, but for what is told of naive forecasts. */
static void gather(struct names *n, const json_t *object, const char *before)
{
    const char *key;
    json_t *x;
    json_object_foreach((json_t *)object, key, x)
    {
        char name[NAME];
        if (!strcmp(key, "naive") || strchr(key, '\n') ||
            (size_t)snprintf(name, sizeof name, "%s%s%s", before, *before ? "." : "", key) >=
                sizeof name)
            continue;
        if (json_is_number(x))
            add_name(n, name);
        else if (json_is_object(x))
            gather(n, x, name);
    }
}

/* The number that has this name: what is within an object is looked for key by key, as keys may
 * have points. */
static double number_of(const json_t *object, const char *name)
{
    const char *key;
    json_t *x;
    const double direct = jsonnumber_of(object, name);
    if (isfinite(direct))
        return direct;
    json_object_foreach((json_t *)object, key, x)
    {
        const size_t length = strlen(key);
        if (json_is_object(x) && !strncmp(name, key, length) && name[length] == '.') {
            const double found = number_of(x, name + length + 1);
            if (isfinite(found))
                return found;
        }
    }
    return NAN;
}

static void gather_all(struct names *names, const struct table *t)
{
    for (size_t i = 0; i < t->count; i++)
        gather(names, t->run[i].verdict, "");
}

static void put_figures(const struct table *t, const struct names *names)
{
    if (names->count)
        fputs("\nevaluation\n", t->out);
    for (size_t k = 0; k < names->count; k++) {
        char text[COMPARE_MOST][NAME];
        const char *value[COMPARE_MOST];
        for (size_t i = 0; i < t->count; i++) {
            *text[i] = 0;
            put_number(number_of(t->run[i].verdict, names->name[k]), text[i]);
            value[i] = text[i];
        }
        put_row(t, names->name[k], value);
    }
}

/* --- keys that differ */

/* Keys that are of the run, not of what is trained. */
static int is_passed(const char *name)
{
    return !strcmp(name, "run.output") || !strcmp(name, "run.name");
}

static int differs(const struct table *t, const char *name)
{
    const char *first = listed_find(&t->run[0].keys, name);
    for (size_t i = 1; i < t->count; i++) {
        const char *text = listed_find(&t->run[i].keys, name);
        if (!first != !text || (first && strcmp(first, text) != 0))
            return 1;
    }
    return 0;
}

static void put_key(const struct table *t, const char *name)
{
    char text[COMPARE_MOST][NAME];
    const char *value[COMPARE_MOST];
    for (size_t i = 0; i < t->count; i++) {
        const char *known = listed_find(&t->run[i].keys, name);
        columns_fit(!known ? "" : !*known ? "\"\"" : known, CELL_COLUMNS, text[i], NAME);
        value[i] = text[i];
    }
    put_row(t, name, value);
}

/* Keys in the order of the first run that has them. */
static size_t put_keys(const struct table *t)
{
    size_t rows = 0;
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < t->run[i].keys.count; k++) {
            const char *name = t->run[i].keys.item[k].name;
            int before = 0;
            for (size_t j = 0; j < i; j++)
                before |= listed_find(&t->run[j].keys, name) != NULL;
            if (before || is_passed(name) || !differs(t, name))
                continue;
            if (!rows++)
                fputs("\nkeys that differ\n", t->out);
            put_key(t, name);
        }
    return rows;
}

/* --- what cannot be compared */

static int same(const struct record *a, const struct record *b,
                const char *(*of)(const struct record *))
{
    return !strcmp(of(a), of(b));
}

static const char *part_of(const struct record *r)
{
    const char *part = json_string_value(json_object_get(r->verdict, "part"));
    return part ? part : "";
}

/* The first run that is another than the first in this; 0: there is none. */
static size_t other(const struct table *t, const char *(*of)(const struct record *))
{
    for (size_t i = 1; i < t->count; i++)
        if (!same(&t->run[0], &t->run[i], of))
            return i;
    return 0;
}

static void put_clash(const struct table *t, size_t i, const char *what,
                      const char *(*of)(const struct record *), const char *why)
{
    char a[LABEL], b[LABEL];
    if (i && *of(&t->run[0]) && *of(&t->run[i]))
        fprintf(t->out, "Not to be compared: %s: '%s' has %.60s, '%s' has %.60s%s.\n", what,
                label_of(t->run, t->count, 0, a), of(&t->run[0]), label_of(t->run, t->count, i, b),
                of(&t->run[i]), why);
}

/* Keys by which windows are made. */
static void put_data(const struct table *t)
{
    static const char *const keys[] = {
        "data.source",  "data.tokenizer", "data.window",          "data.features", "data.targets",
        "data.horizon", "data.scaler",    "data.eval_window",     "data.where",    "data.from",
        "data.to",      "data.test",      "data.validation",      "data.split",    "data.resample",
        "data.prompt",  "data.column",    "data.target_rows",     "data.days",     "data.rows",
        "data.gap",     "data.stride",    "data.target_transform"};
    size_t found = 0;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (differs(t, keys[k]))
            fprintf(t->out, "%s%s", found++ ? ", " : "The data are not the same (", keys[k]);
    if (found)
        fputs("): figures are of different windows.\n", t->out);
}

static void put_unfinished(const struct table *t)
{
    char label[LABEL];
    for (size_t i = 0; i < t->count; i++)
        if (t->run[i].state == RECORD_UNFINISHED)
            fprintf(t->out, "'%s' has not finished: its figures are those so far.\n",
                    label_of(t->run, t->count, i, label));
}

static void put_sentences(const struct table *t)
{
    put_clash(t, other(t, record_task), "losses and figures of different tasks", record_task, "");
    put_clash(t, other(t, record_monitor), "best epochs and best figures", record_monitor, "");
    put_clash(t, other(t, part_of), "figures of the evaluation", part_of,
              " as the part that was evaluated");
    put_data(t);
    put_unfinished(t);
}

/* --- all of it */

static void widen(size_t *width, const char *text, size_t most)
{
    size_t columns = columns_of(text);
    columns = columns < most ? columns : most;
    *width = columns > *width ? columns : *width;
}

/* Of the names of rows: figures of the evaluation and keys that differ. */
static void fit_title(struct table *t, const struct names *names)
{
    t->title = TITLE_LEAST;
    for (size_t k = 0; k < names->count; k++)
        widen(&t->title, names->name[k], TITLE_MOST);
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < t->run[i].keys.count; k++)
            if (differs(t, t->run[i].keys.item[k].name))
                widen(&t->title, t->run[i].keys.item[k].name, TITLE_MOST);
}

static void fit_widths(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        char text[NAME];
        t->width[i] = 14;
        widen(&t->width[i], label_of(t->run, t->count, i, text), LABEL_COLUMNS);
        tell_device(&t->run[i], text);
        widen(&t->width[i], text, CELL_COLUMNS);
        for (size_t k = 0; k < t->run[i].keys.count; k++)
            if (!is_passed(t->run[i].keys.item[k].name) && differs(t, t->run[i].keys.item[k].name))
                widen(&t->width[i],
                      columns_fit(t->run[i].keys.item[k].text, CELL_COLUMNS, text, sizeof text),
                      CELL_COLUMNS);
    }
}

/* The whole names of runs whose names in the table are shorter. */
static void put_whole_names(const struct table *t)
{
    char label[LABEL], whole[1024];
    for (size_t i = 0; i < t->count; i++) {
        const char *name = name_of(t->run, t->count, i);
        if (strcmp(label_of(t->run, t->count, i, label), name) != 0)
            fprintf(t->out, "'%s' is %s.\n", label,
                    columns_fit(name, sizeof whole - 1, whole, sizeof whole));
    }
}

static void put_labels(const struct table *t)
{
    char text[COMPARE_MOST][LABEL];
    const char *value[COMPARE_MOST];
    for (size_t i = 0; i < t->count; i++)
        value[i] = label_of(t->run, t->count, i, text[i]);
    put_row(t, "run", value);
}

int compare_print(const struct record *run, size_t count, FILE *out, struct error *err)
{
    static const struct {
        const char *name;
        telling *tell;
    } rows[] = {{"state", tell_state},
                {"task", tell_task},
                {"model", tell_model},
                {"parameters", tell_parameters},
                {"epochs", tell_epochs},
                {"best epoch", tell_best_epoch},
                {"monitor", tell_monitor},
                {"monitored figure there", tell_best},
                {"training loss there", tell_train},
                {"validation loss there", tell_validation},
                {"time of training", tell_time},
                {"windows a second", tell_speed},
                {"memory on the device", tell_memory},
                {"device", tell_device},
                {"evaluated part", tell_part}};
    struct table t = {.run = run, .count = count, .out = out};
    struct names *names = calloc(1, sizeof *names);
    if (!names)
        return error_set(err, STATUS_FAILED, "out of memory");
    locale_t before = clocale_enter();
    gather_all(names, &t);
    fit_title(&t, names);
    fit_widths(&t);
    put_labels(&t);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_told(&t, rows[i].name, rows[i].tell);
    put_figures(&t, names);
    free(names);
    if (!put_keys(&t))
        fputs("\nNo key differs.\n", out);
    putc('\n', out);
    put_whole_names(&t);
    put_sentences(&t);
    clocale_leave(before);
    return jsonmem_short() ? error_set(err, STATUS_FAILED, "out of memory") : 0;
}

/* --- the picture */

struct drawing {
    struct plot_compared run[COMPARE_MOST]; /* group by group */
    struct plot_group group[COMPARE_MOST];
    char label[COMPARE_MOST][LABEL], told[COMPARE_MOST][160];
    int taken[COMPARE_MOST];
    size_t runs, groups;
};

static void take_run(struct drawing *d, const struct record *run, size_t count, size_t i)
{
    char name[64];
    const struct record *r = &run[i];
    const double best = best_figure(r), epoch = at_best(r, record_column(r, "epoch"));
    d->taken[i] = 1;
    snprintf(d->told[i], sizeof d->told[i], "best %s in epoch %s; %s", html_number(best).text,
             html_number(epoch).text, html_time(record_seconds(r)).text);
    d->run[d->runs++] = (struct plot_compared){.label = label_of(run, count, i, d->label[i]),
                                               .told = d->told[i],
                                               .epochs = r->epochs,
                                               .epoch = record_column(r, "epoch"),
                                               .figure = record_monitored(r, name),
                                               .train = record_column(r, "train_loss"),
                                               .best_epoch = epoch};
}

/* Runs of one task and one monitor stand together. */
static void group_runs(struct drawing *d, const struct record *run, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (d->taken[i])
            continue;
        struct plot_group *g = &d->group[d->groups++];
        *g = (struct plot_group){record_monitor(&run[i]), &d->run[d->runs], 0};
        for (size_t k = i; k < count; k++)
            if (!d->taken[k] && same(&run[i], &run[k], record_task) &&
                same(&run[i], &run[k], record_monitor)) {
                take_run(d, run, count, k);
                g->runs++;
            }
    }
}

int compare_draw(const struct record *run, size_t count, const char *path, struct error *err)
{
    struct drawing *d = calloc(1, sizeof *d);
    char what[32];
    if (!d)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    locale_t before = clocale_enter();
    group_runs(d, run, count);
    clocale_leave(before);
    snprintf(what, sizeof what, "%zu runs", count);
    const struct plot_about about = {what, "seqtrain " PACKAGE_VERSION, 0};
    const int failed = plot_comparison(path, &about, d->group, d->groups, err);
    free(d);
    return failed;
}
