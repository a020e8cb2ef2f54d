/* SPDX-License-Identifier: MIT */
#include "sweep/runs.h"

#include <stdlib.h>
#include <string.h>

#include "sweep/names.h"
#include "task/task.h"
#include "train/monitor.h"

int runs_draw(struct runs *runs, size_t run, const double *point)
{
    const struct sweep *s = runs->sweep;
    struct run_row *row = &runs->row[run - 1];
    int failed = 0;
    free(row->label);
    row->label = NULL;
    for (size_t k = 0; k < s->keys; k++) {
        free(row->value[k]);
        row->value[k] = NULL;
    }
    if (point)
        failed = !(row->label = names_label(s, point));
    for (size_t k = 0; point && k < s->keys; k++)
        failed |= !(row->value[k] = sweep_value(&s->key[k], point));
    return failed ? -1 : 0;
}

static int fill(struct runs *runs, size_t number, double *point, struct error *err)
{
    const struct sweep *s = runs->sweep;
    struct run_row *row = &runs->row[number - 1];
    struct sweep_run run;
    struct monitor monitor;
    if (sweep_run(s, number, NULL, &run, err))
        return -1;
    int failed = monitor_find(&monitor, run.config, task_measures(run.config), err);
    row->name = strdup(run.name);
    row->folder = strdup(run.folder);
    sweep_run_fini(&run);
    if (failed)
        return -1;
    row->value = calloc(s->keys + 1, sizeof *row->value);
    failed = !row->name || !row->folder || !row->value;
    sweep_point(s, number, point);
    if (!failed && s->base->sweep.sampler != SAMPLER_TPE)
        failed = runs_draw(runs, number, point);
    if (failed)
        return error_set(err, STATUS_FAILED, "out of memory");
    snprintf(row->figure, sizeof row->figure, "%s", monitor.name);
    row->lower_is_better = monitor.lower_is_better;
    follow_fini(&row->follow);
    follow_init(&row->follow, row->folder, row->figure);
    return 0;
}

struct runs *runs_of(const struct sweep *s, struct error *err)
{
    struct runs *runs = calloc(1, sizeof *runs);
    double *point = calloc(s->axes + 1, sizeof *point);
    int failed = !runs || !point || !(runs->row = calloc(s->runs, sizeof *runs->row));
    if (failed)
        error_set(err, STATUS_FAILED, "out of memory");
    else
        runs->sweep = s;
    for (size_t i = 0; !failed && i < s->runs; i++) {
        runs->count++;
        failed = fill(runs, i + 1, point, err);
    }
    free(point);
    if (!failed)
        return runs;
    runs_free(runs);
    return NULL;
}

int runs_compare(const struct runs *runs)
{
    for (size_t i = 1; i < runs->count; i++)
        if (strcmp(runs->row[i].figure, runs->row->figure) != 0 ||
            runs->row[i].lower_is_better != runs->row->lower_is_better)
            return 0;
    return runs->count > 0;
}

void runs_free(struct runs *runs)
{
    for (size_t i = 0; runs && i < runs->count; i++) {
        struct run_row *row = &runs->row[i];
        for (size_t k = 0; row->value && k < runs->sweep->keys; k++)
            free(row->value[k]);
        free(row->value);
        free(row->name);
        free(row->label);
        free(row->folder);
        follow_fini(&row->follow);
    }
    if (runs)
        free(runs->row);
    free(runs);
}
