/* SPDX-License-Identifier: MIT */
#include "train/monitor.h"

#include <math.h>
#include <string.h>

#include "models/model.h"

static void add_name(char *to, size_t size, const char *part, const char *name)
{
    size_t used = strlen(to);
    snprintf(to + used, size - used, "%s%s%s", used ? ", " : "", part, name);
}

/* NULL: there is none. */
static const struct term *term_named(const struct terms *terms, const char *name)
{
    for (size_t k = 0; k < terms->count; k++)
        if (!strcmp(terms->term[k].name, name))
            return &terms->term[k];
    return NULL;
}

static int has_figure(const struct term *term)
{
    return term->over != TERM_OFF && term->over != TERM_UNKNOWN;
}

/* What train.monitor could be: "train/loss, train/mse, val/loss, val/mse, val/r2". */
static void list_names(char *to, size_t size, const struct terms terms[2],
                       const struct measures *measures)
{
    static const char *const part[] = {"train/", "val/"};
    *to = 0;
    for (int p = 0; p < 2; p++) {
        add_name(to, size, part[p], "loss");
        for (size_t k = 0; k < terms[p].count; k++)
            if (has_figure(&terms[p].term[k]))
                add_name(to, size, part[p], terms[p].term[k].name);
    }
    for (size_t k = 0; k < measures->count; k++)
        if (!term_named(terms, measures->metric[k].name))
            add_name(to, size, "val/", measures->metric[k].name);
}

/* Finds `name` of a part, "loss" or that of a term; -1 if there is none. */
static int find_term(struct monitor *m, const struct terms *terms, const char *name)
{
    const struct history_columns columns = history_columns(terms);
    const struct term *term = term_named(terms, name);
    if (term && !has_figure(term))
        return -1;
    m->lower_is_better = !term || term->lower_is_better;
    for (size_t i = 0; i < columns.count; i++)
        if (!strcmp(columns.column[i].name, m->name)) {
            m->of = columns.column[i];
            return 0;
        }
    return -1;
}

static int find_metric(struct monitor *m, const char *name)
{
    for (size_t k = 0; k < m->measures.count; k++)
        if (!strcmp(m->measures.metric[k].name, name)) {
            m->metric = &m->measures.metric[k];
            m->lower_is_better = m->metric->lower_is_better;
            return 0;
        }
    return -1;
}

int monitor_find(struct monitor *m, const struct config *c, struct measures measures,
                 struct error *err)
{
    const char *slash = strchr(c->train.monitor, '/'), *name = slash + 1;
    const int is_val = !strncmp(c->train.monitor, "val/", 4);
    const struct terms terms[] = {model_terms(c), model_judged_terms(c)};
    char names[512];
    *m = (struct monitor){.measures = measures};
    snprintf(m->name, sizeof m->name, "%.*s_%s", (int)(slash - c->train.monitor), c->train.monitor,
             name);
    if (find_term(m, &terms[is_val], name) && (!is_val || find_metric(m, name))) {
        list_names(names, sizeof names, terms, &measures);
        return error_set(err, STATUS_USAGE, "this model has no figure '%s': there are %s",
                         c->train.monitor, names);
    }
    if (c->train.mode != MODE_AUTO) {
        m->is_against = m->lower_is_better != (c->train.mode == MODE_MIN);
        m->lower_is_better = c->train.mode == MODE_MIN;
    }
    return 0;
}

void monitor_warn(const struct monitor *m, const struct config *c, struct log *log)
{
    if (m->is_against)
        log_warn(log,
                 "train.mode = %s takes the worst epoch for the best: a %s %s is better; "
                 "train.mode = auto knows that",
                 config_choice("train", "mode", c->train.mode),
                 m->lower_is_better ? "higher" : "lower", c->train.monitor);
}

int monitor_evaluate(const struct monitor *m, struct engine *e, long epoch, int *kept,
                     struct log *log, struct evaluation *evaluation, double *metric,
                     struct error *err)
{
    const struct measures *all = &m->measures;
    const struct measuring of = {
        .e = e,
        .start = e->data->start[PART_VALIDATION],
        .count = e->data->count[PART_VALIDATION],
        .which = m->metric ? (size_t)(m->metric - all->metric) : MEASURES_NONE,
        .epoch = epoch,
        .kept = kept,
        .log = log,
    };
    *metric = NAN;
    return m->metric || (all->wants && all->wants(e->config, epoch))
               ? all->measure(&of, evaluation, metric, err)
               : engine_evaluate_together(e, of.start, of.count, evaluation, err);
}

double monitor_figure(const struct monitor *m, struct epoch_figures *figures)
{
    return m->metric ? figures->metric : *history_figure(figures, &m->of);
}
