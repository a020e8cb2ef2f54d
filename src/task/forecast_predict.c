/* SPDX-License-Identifier: MIT */
/* Predictions of a model with targets. */
#include <math.h>
#include <stdlib.h>

#include "data/table.h"
#include "task/forecast.h"
#include "task/put.h"
#include "util/file.h"

/* The rows of targets that a window of the last part has, from data->target_first on. */
static size_t target_rows(const struct dataset *data, const struct config *config)
{
    int by_row = config->data.target_rows == TARGET_WINDOW;
    return !by_row ? data->target_rows : data->eval_window ? data->eval_window : data->window;
}

/* Leaves out the windows of a whole file whose targets lie in the future, or are not known at the
 * window's end: there is nothing to compare predictions with, or no naive forecast. */
int forecast_keep_known(struct dataset *data, const struct config *config, const char *path,
                        struct error *err)
{
    size_t k = data->targets, rows = target_rows(data, config), kept = 0;
    uint32_t *start = data->start[PART_TEST];
    for (size_t i = 0; i < data->count[PART_TEST]; i++) {
        const double *y = data->raw_target + (start[i] + data->target_first) * k;
        const double *last = data->raw_target + (start[i] + data->window - 1) * k;
        int known = 1;
        for (size_t j = 0; j < rows * k; j++)
            known &= isfinite(y[j]) != 0;
        for (size_t j = 0; j < k && data->target_first; j++)
            known &= isfinite(last[j]) != 0;
        if (known)
            start[kept++] = start[i];
    }
    data->count[PART_TEST] = kept;
    return kept ? 0 : error_set(err, STATUS_INPUT, "%s: no window in it has all its targets", path);
}

/* data.target_display: the scale that targets are shown on. */
struct display {
    double low, high;
    const struct fitted *fitted; /* has the ranges of training; NULL: shown as they are */
    size_t shown, beyond;        /* predictions, and those beyond their target's range */
};

/* STATUS_INPUT if the checkpoint does not tell the range, or there is none. */
static int display_init(struct display *d, const struct task_prediction *p, struct error *err)
{
    const struct method *method = &p->e->config->data.target_display;
    *d = (struct display){.low = method->low, .high = method->high};
    if (method->kind == DISPLAY_NONE)
        return 0;
    d->fitted = p->fitted;
    const double *range = p->fitted->target_range; /* [channels * targets][2] */
    if (!range)
        return error_set(err, STATUS_INPUT,
                         "%s: data.target_display needs the range that targets had in training, "
                         "which this checkpoint does not tell (0.1.0 wrote it?)",
                         p->model);
    for (size_t i = 0; i < p->fitted->targets; i++)
        if (!(range[2 * i] < range[2 * i + 1]))
            return error_set(err, STATUS_INPUT,
                             "%s: target %zu had one value in training, %g: data.target_display "
                             "has no range to show it on",
                             p->model, i + 1, range[2 * i]);
    return 0;
}

/* The value of target number i, counted over all channels, as it is shown; *beyond counts one that
 * is brought to an end of the range. */
static double display_value(const struct display *d, size_t i, double x, size_t *beyond)
{
    if (!d->fitted)
        return x;
    const double *range = d->fitted->target_range; /* of now: a stream may take another model */
    double least = range[2 * i], most = range[2 * i + 1];
    *beyond += x < least || x > most;
    x = x < least ? least : x > most ? most : x;
    return d->low + (d->high - d->low) * ((x - least) / (most - least));
}

/* Header of predict's table for targets: where, which row, each target's prediction and value. */
static void put_target_header(const struct dataset *data, const struct display *display, FILE *out)
{
    fputs(data->files > 1 || data->by_series ? "series," : "", out);
    fputs(data->time ? "time,row" : "row", out);
    fputs(data->target_rows > 1 && data->target_first ? ",ahead" : "", out);
    for (size_t k = 0; k < 2 * data->targets; k++) {
        char name[512], scale[80] = "";
        if (display->fitted)
            snprintf(scale, sizeof scale, " (%g to %g)", display->low, display->high);
        snprintf(name, sizeof name, "%s%s%s", k < data->targets ? "" : "actual ",
                 data->target_names[k % data->targets], scale);
        putc(',', out);
        put_name(name, out);
    }
    putc('\n', out);
}

/* What the model gives for a target, as it is shown. */
static double shown_value(const struct dataset *data, size_t row, size_t k, float y,
                          struct display *display)
{
    const size_t first = data->file[dataset_series(data, row)].channel * data->targets;
    display->shown++;
    return display_value(display, first + k, forecast_value(data, row, k, y, NULL),
                         &display->beyond);
}

/* One target row of a window; `number`: the row's in its series. */
static void put_targets(const struct dataset *data, size_t row, size_t number, size_t ahead,
                        const float *y, struct display *display, FILE *out)
{
    const struct series *series = &data->file[dataset_series(data, row)];
    size_t first = series->channel * data->targets, ignored = 0;
    char time[TABLE_TIME];
    if (data->files > 1 || data->by_series)
        put_series(series, out);
    if (data->time) /* empty: beyond the end of a file without a calendar */
        fprintf(out, "%s,",
                data->time[row] == DATASET_NO_TIME ? "" : table_time(data->time[row], time));
    fprintf(out, "%zu", number);
    if (data->target_rows > 1 && data->target_first)
        fprintf(out, ",%zu", ahead);
    for (size_t k = 0; k < data->targets; k++)
        fprintf(out, ",%.9g", shown_value(data, row, k, y[k], display));
    for (size_t k = 0; k < data->targets; k++) {
        double actual = data->raw_target[row * data->targets + k];
        if (isfinite(actual)) /* empty: it lies in the future */
            fprintf(out, ",%.9g", display_value(display, first + k, actual, &ignored));
        else
            putc(',', out);
    }
    putc('\n', out);
}

int forecast_ready(struct task_table *table, struct error *err)
{
    struct display *display = table->own = calloc(1, sizeof *display);
    if (!display)
        return error_set(err, STATUS_FAILED, "out of memory");
    return display_init(display, table->p, err);
}

int forecast_begin(struct task_table *table, struct error *err)
{
    const struct task_prediction *p = table->p;
    if (forecast_ready(table, err))
        return -1;
    put_target_header(p->e->data, table->own, p->out);
    return 0;
}

/* Whether row r of a window's targets is told: of windows that overlap the first that has it tells
 * it. */
static int is_told(struct task_table *table, const struct task_window *window, size_t r)
{
    const size_t ahead = table->p->e->data->target_first + r;
    if (table->p->e->config->data.target_rows != TARGET_WINDOW)
        return 1;
    if (window->place + ahead < table->done)
        return 0;
    table->done = window->place + ahead + 1;
    return 1;
}

size_t forecast_answer(struct task_table *table, const struct task_window *window, double *to,
                       int64_t *time)
{
    const struct dataset *data = table->p->e->data;
    const size_t rows = target_rows(data, table->p->e->config);
    size_t told = 0;
    for (size_t r = 0; r < rows; r++) {
        const size_t row = window->start + data->target_first + r;
        if (!is_told(table, window, r))
            continue;
        for (size_t k = 0; k < data->targets; k++)
            to[told * data->targets + k] =
                shown_value(data, row, k, window->y[r * data->targets + k], table->own);
        if (time)
            time[told] = data->time ? data->time[row] : DATASET_NO_TIME;
        told++;
    }
    return told;
}

void forecast_put(struct task_table *table, const struct task_window *window)
{
    const struct task_prediction *p = table->p;
    const struct dataset *data = p->e->data;
    const size_t rows = target_rows(data, p->e->config);
    for (size_t r = 0; r < rows; r++) {
        const size_t ahead = data->target_first + r;
        if (is_told(table, window, r))
            put_targets(data, window->start + ahead, window->number + ahead,
                        ahead - data->window + 1, window->y + r * data->targets, table->own,
                        p->out);
    }
}

void forecast_end(struct task_table *table)
{
    const struct display *display = table->own;
    if (display && display->beyond)
        log_warn(table->p->log,
                 "%zu of %zu predictions lie beyond the range that targets had in training: they "
                 "are shown at its ends",
                 display->beyond, display->shown);
    free(table->own);
}

/* Predictions of all windows, block by block. */
static int put_windows(struct task_table *table, float *y, size_t block, size_t elems,
                       struct error *err)
{
    const struct task_prediction *p = table->p;
    const struct dataset *data = p->e->data;
    const size_t count = data->count[PART_TEST];
    int failed = 0;
    for (size_t at = 0; !failed && at < count; at += block) {
        size_t n = count - at < block ? count - at : block;
        const uint32_t *start = data->start[PART_TEST] + at;
        struct evaluation ignored;
        failed = engine_evaluate(p->e, start, n, &(struct outputs){.output = y}, &ignored, err);
        for (size_t i = 0; !failed && i < n; i++) {
            const size_t first = data->file[dataset_series(data, start[i])].begin;
            const struct task_window window = {start[i], start[i] - first, start[i], at + i,
                                               y + i * elems};
            forecast_put(table, &window);
        }
        failed = failed || file_flush(p->out, p->name, err);
    }
    return failed;
}

/* Predictions of a model with targets, in their own unit. */
int forecast_predict(const struct task_prediction *p, struct error *err)
{
    struct task_table table = {.p = p};
    const size_t elems = target_rows(p->e->data, p->e->config) * p->e->data->targets;
    const size_t block = task_block(elems);
    float *y = malloc(block * elems * sizeof *y);
    int failed = y ? forecast_begin(&table, err) : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        failed = put_windows(&table, y, block, elems, err);
    if (failed)
        free(table.own);
    else
        forecast_end(&table);
    if (!failed)
        device_save_programs(p->e->dev);
    free(y);
    return failed ? -1 : 0;
}
