/* SPDX-License-Identifier: MIT */
/* The pictures of a model with targets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task/forecast.h"
#include "task/label.h"
#include "task/picture.h"
#include "task/target_sample.h"

static int forecasts(const struct picture_of *of)
{
    return forecast_of(of->result) != NULL;
}

static int has_horizon(const struct picture_of *of)
{
    return forecasts(of) && forecast_of(of->result)->original.rows > 1;
}

/* Whether the first target's values of different series can stand beside each other. */
static int one_unit(const struct dataset *data)
{
    return data->channels == 1 || !data->transform[0].steps;
}

enum { LABEL = 128, WHAT = 320 };

/* Which target of which part. */
static void print_what(char to[WHAT], const struct picture_of *of)
{
    const struct dataset *data = of->result->e->data;
    if (data->targets > 1)
        snprintf(to, WHAT, "%.200s, the first of %zu targets, %s part", data->target_names[0],
                 data->targets, of->to->part);
    else
        snprintf(to, WHAT, "%.200s, %s part", data->target_names[0], of->to->part);
}

static void print_unit(char to[WHAT], const struct dataset *data)
{
    snprintf(to, WHAT, one_unit(data) ? "%.200s" : "%.200s, transformed", data->target_names[0]);
}

/* The points' series, one behind the other; names [files][LABEL] is room. -1: memory. */
static int part_series(const struct forecast *r, const struct dataset *data,
                       struct plot_series **series, size_t *count)
{
    *count = 0;
    struct plot_series *to = calloc(data->files + 1, sizeof *to);
    char(*names)[LABEL] = calloc(data->files + 1, sizeof *names);
    *series = to;
    if (!to || !names) {
        free(names);
        return -1;
    }
    to->name = *names; /* owns them, even where there is no point */
    for (size_t i = 0, s = SIZE_MAX; i < r->points; i++) {
        if (s == SIZE_MAX || r->point_row[i] >= data->file[s].end) {
            s = dataset_series(data, r->point_row[i]);
            label_series(names[*count], LABEL, data, s);
            to[*count].name = names[*count];
            to[(*count)++].begin = i;
        }
        to[*count - 1].end = i + 1;
    }
    return 0;
}

static int predictions_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct engine *e = of->result->e;
    const struct forecast *r = forecast_of(of->result);
    char what[WHAT];
    const struct dataset *data = e->data;
    int own = one_unit(data);
    print_what(what, of);
    struct regression_metrics m =
        regression_metrics(own ? &r->original : &r->transformed, 0, REGRESSION_ALL);
    char verdict[320], text[256];
    forecast_verdict(r, data, text, sizeof text);
    text[strcspn(text, ":")] = 0; /* the figures are on the console */
    snprintf(verdict, sizeof verdict, "R\u00b2 %.4f; %s", m.r2, text);
    struct plot_series *series;
    size_t count;
    double *time = data->time ? malloc((r->points + 1) * sizeof *time) : NULL;
    int failed = part_series(r, data, &series, &count) || (data->time && !time);
    for (size_t i = 0; time && i < r->points; i++)
        time[i] = data->time[r->point_row[i]] == DATASET_NO_TIME
                      ? NAN
                      : (double)data->time[r->point_row[i]];
    const struct plot_predictions plot = {
        .count = r->points,
        .actual = r->actual,
        .predicted = r->predicted,
        .time = time,
        .series = series,
        .series_count = count,
        .common = {own ? NULL : r->seen_actual, own ? NULL : r->seen_predicted},
        .independent = r->independent,
        .each = e->config->data.target_rows == TARGET_WINDOW ? "row" : "window",
        .what = what,
        .unit = data->target_names[0],
        .verdict = verdict};
    failed = failed ? error_set(err, STATUS_FAILED, "out of memory")
                    : plot_predictions(path, &of->about, &plot, err);
    if (series)
        free((char *)(uintptr_t)series->name);
    free(series);
    free(time);
    return failed;
}

static int residuals_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct dataset *data = of->result->e->data;
    const struct forecast *r = forecast_of(of->result);
    char what[WHAT], unit[WHAT];
    double *residual = malloc((r->points + 1) * sizeof *residual);
    if (!residual)
        return error_set(err, STATUS_FAILED, "out of memory");
    int own = one_unit(data);
    print_what(what, of);
    print_unit(unit, data);
    for (size_t i = 0; i < r->points; i++)
        residual[i] =
            own ? r->predicted[i] - r->actual[i] : r->seen_predicted[i] - r->seen_actual[i];
    int failed = plot_residuals(
        path, &of->about, &(struct plot_residuals){r->points, residual, r->independent, what, unit},
        err);
    free(residual);
    return failed;
}

/* Errors by row of the horizon, beside those of the naive forecast that was best in training. */
static int horizon_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct dataset *data = of->result->e->data;
    const struct forecast *r = forecast_of(of->result);
    char what[WHAT], unit[WHAT];
    print_what(what, of);
    print_unit(unit, data);
    const struct regression *errors = one_unit(data) ? &r->original : &r->transformed;
    size_t rows = errors->rows;
    double *x = calloc(4 * rows, sizeof *x);
    if (!x)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct regression_metrics all = regression_metrics(errors, 0, REGRESSION_ALL);
    enum naive naive = r->rival != NAIVES && isfinite(all.naive_mse[r->rival])
                           ? r->rival
                           : regression_verdict(&all).best;
    for (size_t i = 0; i < rows; i++) {
        struct regression_metrics m = regression_metrics(errors, 0, i);
        x[i] = m.rmse;
        x[rows + i] = m.mae;
        x[2 * rows + i] = naive == NAIVES ? NAN : sqrt(m.naive_mse[naive]);
        x[3 * rows + i] = naive == NAIVES ? NAN : m.naive_mae[naive];
    }
    int known = naive != NAIVES;
    int failed =
        plot_error_by_horizon(path, &of->about,
                              &(struct plot_horizon){rows, x, x + rows, known ? x + 2 * rows : NULL,
                                                     known ? x + 3 * rows : NULL,
                                                     known ? naive_name[naive] : NULL, what, unit},
                              err);
    free(x);
    return failed;
}

static int distribution_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct engine *e = of->result->e;
    return target_sample_draw(e->data, e->config, path, &of->about, err);
}

const struct picture picture_predictions = {forecasts, predictions_draw};
const struct picture picture_residuals = {forecasts, residuals_draw};
const struct picture picture_target_distribution = {forecasts, distribution_draw};
const struct picture picture_error_by_horizon = {has_horizon, horizon_draw};
