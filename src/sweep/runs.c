/* SPDX-License-Identifier: MIT */
#include "sweep/runs.h"

#include <stdlib.h>
#include <string.h>

#include "task/task.h"
#include "train/monitor.h"

static int fill_values(struct run_row *row, const struct sweep *s, double *point, size_t number)
{
    if (!(row->value = calloc(s->keys + 1, sizeof *row->value)))
        return -1;
    sweep_point(s, number, point);
    for (size_t k = 0; k < s->keys; k++)
        if (!(row->value[k] = sweep_value(&s->key[k], point)))
            return -1;
    return 0;
}

static int fill(struct run_row *row, const struct sweep *s, double *point, size_t number,
                struct error *err)
{
    struct sweep_run run;
    struct monitor monitor;
    if (sweep_run(s, number, NULL, &run, err))
        return -1;
    int failed = monitor_find(&monitor, run.config, task_measures(run.config), err);
    row->name = strdup(run.name);
    row->label = strdup(run.label);
    row->folder = strdup(run.folder);
    sweep_run_fini(&run);
    if (failed)
        return -1;
    if (!row->name || !row->label || !row->folder || fill_values(row, s, point, number))
        return error_set(err, STATUS_FAILED, "out of memory");
    snprintf(row->figure, sizeof row->figure, "%s", monitor.name);
    row->lower_is_better = monitor.lower_is_better;
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
        failed = fill(&runs->row[i], s, point, i + 1, err);
        runs->count++;
    }
    free(point);
    if (!failed)
        return runs;
    runs_free(runs);
    return NULL;
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
    }
    if (runs)
        free(runs->row);
    free(runs);
}
