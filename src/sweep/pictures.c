/* SPDX-License-Identifier: MIT */
#include "sweep/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/importance.h"
#include "plots/sweep.h"
#include "sweep/curve.h"
#include "sweep/results.h"
#include "util/file.h"
#include "util/jsonnumber.h"

struct slot_row {
    const char *file; /* the journal of its process */
    json_int_t slot;
    char name[80];
};

struct gathered {
    struct state *state;
    size_t runs, keys, slots, tries;
    char **label;         /* [runs], of the rows */
    double *figure;       /* [runs] */
    enum plot_end *end;   /* [runs] */
    double **curve;       /* [runs] */
    size_t *epochs;       /* [runs] */
    struct plot_key *key; /* [keys], an axis each */
    double *share;        /* [keys] */
    struct slot_row *slot;
    char **slot_name; /* [slots] */
    struct plot_try *try;
};

/* --- what varies */

/* The first key of each axis stands for it. */
static int gather_keys(struct gathered *g)
{
    const struct runs *runs = g->state->runs;
    const struct sweep *sweep = runs->sweep;
    for (size_t k = 0; k < sweep->keys; k++) {
        const struct sweep_key *key = &sweep->key[k];
        const struct axis *axis = &sweep->axis[key->axis];
        int is_first = 1;
        for (size_t before = 0; before < k; before++)
            is_first &= sweep->key[before].axis != key->axis;
        if (!is_first)
            continue;
        double *value = malloc((g->runs + 1) * sizeof *value);
        if (!value)
            return -1;
        for (size_t i = 0; i < g->runs; i++) {
            const char *text = runs->row[i].value[k];
            value[i] = key->choice || !text ? NAN : strtod(text, NULL);
            for (size_t c = 0; text && key->choice && c < axis->choices; c++)
                if (!strcmp(text, key->choice[c]))
                    value[i] = (double)c;
        }
        g->key[g->keys] =
            (struct plot_key){key->name, value, key->choice, key->choice ? axis->choices : 0,
                              axis->kind == AXIS_LOG ? PLOT_LOG
                              : key->is_whole        ? PLOT_WHOLE
                                                     : PLOT_LINEAR};
        g->share[g->keys] = importance_share(value, g->key[g->keys].choices, g->figure, g->runs);
        g->keys++;
    }
    return 0;
}

/* --- the runs */

static int gather_runs(struct gathered *g)
{
    for (size_t i = 0; i < g->runs; i++) {
        const enum run_state at = g->state->place[i].state;
        const struct run_row *row = &g->state->runs->row[i];
        g->label[i] = row->label ? row->label : row->name;
        g->figure[i] = results_figure(g->state, i + 1);
        g->end[i] = at == RUN_ENDED ? PLOT_DONE : at == RUN_FAILED ? PLOT_FAILED : PLOT_PRUNED;
        struct curve curve;
        int failed = curve_read(&curve, row);
        g->curve[i] = curve.value;
        g->epochs[i] = curve.epochs;
        if (failed)
            return -1;
    }
    return 0;
}

/* --- the journal */

static double ms_of(const json_t *object)
{
    struct tm tm = {0};
    const char *text = json_string_value(json_object_get(object, "time"));
    return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? 1e3 * (double)timegm(&tm) : NAN;
}

static size_t slot_of(struct gathered *g, const struct journal_event *e)
{
    const json_int_t slot = json_integer_value(json_object_get(e->object, "slot"));
    const char *device = json_string_value(json_object_get(e->object, "device"));
    for (size_t i = 0; i < g->slots; i++)
        if (g->slot[i].slot == slot && !strcmp(g->slot[i].file, e->file))
            return i;
    struct slot_row *row = &g->slot[g->slots];
    *row = (struct slot_row){e->file, slot, ""};
    snprintf(row->name, sizeof row->name, "%.*s %s", (int)strcspn(e->file, "."), e->file,
             device ? device : "");
    g->slot_name[g->slots] = row->name;
    return g->slots++;
}

/* Whether a run is in its slot no more with an event. */
static int ends_try(const json_t *object, const char *event)
{
    static const char *const ends[] = {"ended", "failed", "smaller", "stopped", "elsewhere"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(event, ends[i]))
            return 1;
    return state_prunes(object);
}

/* A run that has started is in its slot until it ends there. */
static void gather_tries(struct gathered *g)
{
    const struct journal *journal = g->state->journal;
    for (size_t i = 0; i < journal_count(journal); i++) {
        const struct journal_event *e = journal_event(journal, i);
        const char *event = json_string_value(json_object_get(e->object, "event"));
        const json_int_t run = json_integer_value(json_object_get(e->object, "run"));
        const double at = ms_of(e->object);
        if (run < 1 || (size_t)run > g->runs || isnan(at))
            continue;
        if (!strcmp(event, "started")) {
            g->try[g->tries] =
                (struct plot_try){(size_t)run - 1, slot_of(g, e), at, NAN, PLOT_PRUNED};
            g->tries++;
            continue;
        }
        struct plot_try *try = NULL;
        for (size_t t = 0; t < g->tries; t++)
            if (g->try[t].run == (size_t)run - 1 && isnan(g->try[t].end))
                try = &g->try[t];
        if (!try || !ends_try(e->object, event))
            continue;
        try->end = at;
        try->how = !strcmp(event, "ended")    ? PLOT_DONE
                   : !strcmp(event, "failed") ? PLOT_FAILED
                                              : PLOT_PRUNED;
    }
    size_t ended = 0; /* of a process that was killed the end is not known */
    for (size_t t = 0; t < g->tries; t++)
        if (!isnan(g->try[t].end))
            g->try[ended++] = g->try[t];
    g->tries = ended;
}

/* --- all */

static int gather(struct gathered *g)
{
    const size_t n = g->runs + 1, keys = g->state->runs->sweep->keys + 1;
    const size_t events = journal_count(g->state->journal) + 1;
    g->label = calloc(n, sizeof *g->label);
    g->figure = calloc(n, sizeof *g->figure);
    g->end = calloc(n, sizeof *g->end);
    g->curve = calloc(n, sizeof *g->curve);
    g->epochs = calloc(n, sizeof *g->epochs);
    g->key = calloc(keys, sizeof *g->key);
    g->share = calloc(keys, sizeof *g->share);
    g->slot = calloc(events, sizeof *g->slot);
    g->slot_name = calloc(events, sizeof *g->slot_name);
    g->try = calloc(events, sizeof *g->try);
    if (!g->label || !g->figure || !g->end || !g->curve || !g->epochs || !g->key || !g->share ||
        !g->slot || !g->slot_name || !g->try || gather_runs(g) || gather_keys(g))
        return -1;
    gather_tries(g);
    return 0;
}

static void gathered_fini(struct gathered *g)
{
    for (size_t i = 0; g->curve && i < g->runs; i++)
        free(g->curve[i]);
    for (size_t k = 0; k < g->keys; k++)
        free((double *)g->key[k].value);
    free(g->label);
    free(g->figure);
    free(g->end);
    free(g->curve);
    free(g->epochs);
    free(g->key);
    free(g->share);
    free(g->slot);
    free(g->slot_name);
    free(g->try);
}

/* --- the table */

typedef int picture_drawer(const struct gathered *g, const char *path,
                           const struct plot_about *about, const struct plot_sweep *s,
                           struct error *err);

static int draw_timeline(const struct gathered *g, const char *path, const struct plot_about *about,
                         const struct plot_sweep *s, struct error *err)
{
    return plot_timeline(path, about, s, g->slot_name, g->slots, g->try, g->tries, err);
}

static int draw_coordinates(const struct gathered *g, const char *path,
                            const struct plot_about *about, const struct plot_sweep *s,
                            struct error *err)
{
    (void)g;
    return plot_parallel_coordinates(path, about, s, err);
}

static int draw_figure_by_key(const struct gathered *g, const char *path,
                              const struct plot_about *about, const struct plot_sweep *s,
                              struct error *err)
{
    (void)g;
    return plot_figure_by_key(path, about, s, err);
}

static int draw_importance(const struct gathered *g, const char *path,
                           const struct plot_about *about, const struct plot_sweep *s,
                           struct error *err)
{
    return plot_key_importance(path, about, s, g->share, err);
}

static int draw_curves(const struct gathered *g, const char *path, const struct plot_about *about,
                       const struct plot_sweep *s, struct error *err)
{
    return plot_learning_curves(path, about, s, (const double *const *)g->curve, g->epochs, err);
}

/* The first one compares no runs. */
static const struct {
    const char *name;
    picture_drawer *draw;
} pictures[] = {
    {"timeline.png", draw_timeline},           {"parallel_coordinates.png", draw_coordinates},
    {"figure_by_key.png", draw_figure_by_key}, {"key_importance.png", draw_importance},
    {"learning_curves.png", draw_curves},
};

static int draw(const struct gathered *g, size_t picture, struct error *err)
{
    const struct run_row *first = g->state->runs->row;
    const struct plot_about about = {g->state->runs->sweep->base->run.name,
                                     "seqtrain " PACKAGE_VERSION, 0};
    const struct plot_sweep s = {g->runs, g->label,      g->figure,
                                 g->end,  first->figure, !first->lower_is_better,
                                 g->key,  g->keys};
    char *path = file_join(g->state->folder, pictures[picture].name);
    int failed = path ? pictures[picture].draw(g, path, &about, &s, err)
                      : error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return failed;
}

int pictures_write(struct state *state, struct error *err)
{
    struct gathered g = {.state = state, .runs = state->runs->count};
    const size_t count = runs_compare(state->runs) ? sizeof pictures / sizeof *pictures : 1;
    const struct list *wanted = &state->runs->sweep->base->plots.enable;
    if (!wanted->count || !strcmp(wanted->item[0], "none"))
        return 0;
    int failed = gather(&g) ? error_set(err, STATUS_FAILED, "out of memory") : 0;
    for (size_t i = 0; i < count && !failed; i++)
        failed = draw(&g, i, err);
    gathered_fini(&g);
    return failed;
}
