/* SPDX-License-Identifier: MIT */
/* The pictures of a model with targets, and the names and values in them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/split.h"
#include "task/forecast.h"
#include "util/file.h"

/* Ends a name at its file's ending. */
static void cut_ending(char *name)
{
    static const char *const endings[] = {".gz", ".bz2", ".xz", ".zst", ".zip", ".csv", ".txt"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t all = strlen(name), n = strlen(endings[i]);
        if (all > n && !strcasecmp(name + all - n, endings[i]))
            name[all - n] = 0;
    }
}

void series_label(char *to, size_t size, const struct dataset *data, size_t series)
{
    const char *name = data->file[series].name, *colon = strstr(name, ": ");
    int common = colon && data->files > 1;
    for (size_t s = 0; common && s < data->files; s++)
        common = !strncmp(data->file[s].name, name, (size_t)(colon - name) + 2);
    snprintf(to, size, "%s", common ? colon + 2 : name);
    cut_ending(to);
}

/* Whether the first target's values of different series can stand beside each other. */
static int one_unit(const struct dataset *data)
{
    return data->channels == 1 || !data->transform[0].steps;
}

/* The points' series, one behind the other; names [files][LABEL] is room. -1: memory. */
enum { LABEL = 128 };
static int part_series(const struct target_report *r, const struct dataset *data,
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
            series_label(names[*count], LABEL, data, s);
            to[*count].name = names[*count];
            to[(*count)++].begin = i;
        }
        to[*count - 1].end = i + 1;
    }
    return 0;
}

static int draw_predictions(const struct target_report *r, const struct engine *e, const char *path,
                            const char *what, const struct plot_about *about, struct error *err)
{
    const struct dataset *data = e->data;
    int own = one_unit(data);
    struct regression_metrics m =
        regression_metrics(own ? &r->original : &r->transformed, 0, REGRESSION_ALL);
    char verdict[320], text[256];
    target_report_verdict(r, data, text, sizeof text);
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
                    : plot_predictions(path, about, &plot, err);
    if (series)
        free((char *)(uintptr_t)series->name);
    free(series);
    free(time);
    return failed;
}

static int draw_residuals(const struct target_report *r, const struct dataset *data,
                          const char *path, const char *what, const char *unit,
                          const struct plot_about *about, struct error *err)
{
    double *residual = malloc((r->points + 1) * sizeof *residual);
    if (!residual)
        return error_set(err, STATUS_FAILED, "out of memory");
    int own = one_unit(data);
    for (size_t i = 0; i < r->points; i++)
        residual[i] =
            own ? r->predicted[i] - r->actual[i] : r->seen_predicted[i] - r->seen_actual[i];
    int failed = plot_residuals(
        path, about, &(struct plot_residuals){r->points, residual, r->independent, what, unit},
        err);
    free(residual);
    return failed;
}

/* Errors by row of the horizon, beside those of the naive forecast that was best in training. */
static int draw_horizon(const struct target_report *r, const struct dataset *data, const char *path,
                        const char *what, const char *unit, const struct plot_about *about,
                        struct error *err)
{
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
        plot_error_by_horizon(path, about,
                              &(struct plot_horizon){rows, x, x + rows, known ? x + 2 * rows : NULL,
                                                     known ? x + 3 * rows : NULL,
                                                     known ? naive_name[naive] : NULL, what, unit},
                              err);
    free(x);
    return failed;
}

void channel_name(char *to, size_t size, const struct dataset *data, size_t channel)
{
    const char *name = data->names[0];
    for (size_t s = 0; s < data->files; s++)
        if (data->file[s].channel == channel && strstr(data->file[s].name, ": ")) {
            name = strstr(data->file[s].name, ": ") + 2;
            break;
        }
    snprintf(to, size, "%s", name);
}

void target_name(char *to, size_t size, const struct dataset *data, size_t target)
{
    char column[LABEL];
    if (data->channels == 1) {
        snprintf(to, size, "%s", data->target_names[target]);
        return;
    }
    channel_name(column, sizeof column, data, target / data->targets);
    const char *name = data->target_names[target % data->targets];
    if (!strcmp(name, "channel"))
        snprintf(to, size, "%s", column);
    else
        snprintf(to, size, "%s, %s", column, name);
}

/* Keeps the rows, ascending, whose series are of a channel; returns how many. */
static size_t rows_of_channel(const struct dataset *data, uint32_t *rows, size_t count,
                              size_t channel)
{
    size_t kept = 0, s = 0;
    for (size_t i = 0; i < count; i++) {
        while (rows[i] >= data->file[s].end)
            s++;
        if (data->file[s].channel == channel)
            rows[kept++] = rows[i];
    }
    return kept;
}

int target_sample(const struct dataset *data, enum part part, size_t target, size_t most,
                  double *raw, double *seen, size_t *n, struct error *err)
{
    size_t all, k = data->targets, channel = target / k;
    size_t length = part != PART_TRAIN && data->eval_window ? data->eval_window : data->target_rows;
    uint32_t *rows =
        windows_rows(data->start[part], data->count[part], data->target_first, length, &all);
    if (!rows)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (data->channels > 1)
        all = rows_of_channel(data, rows, all, channel);
    *n = all < most ? all : most;
    for (size_t i = 0; i < *n; i++) {
        size_t row = rows[(size_t)((double)i * (double)all / (double)*n)];
        raw[i] = data->raw_target[row * k + target % k];
        if (seen)
            seen[i] = data->target[row * k + target % k];
    }
    free(rows);
    return 0;
}

/* At most this many values of each part. */
#define TARGET_SAMPLE 20000

/* "HUFL, the first of 7 channels": which of several targets is drawn. */
static void print_choice(char *to, size_t size, const struct dataset *data, const char *name)
{
    if (data->channels > 1)
        snprintf(to, size, "%s, the first of %zu channels", name, data->channels);
    else if (data->targets > 1)
        snprintf(to, size, "%s, the first of %zu targets", name, data->targets);
    else
        snprintf(to, size, "%s", name);
}

int target_distribution_draw(const struct dataset *data, const struct config *config,
                             const char *path, const struct plot_about *about, struct error *err)
{
    double *room = malloc(2 * PARTS * TARGET_SAMPLE * sizeof *room);
    char steps[256] = "";
    if (!room)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < config->data.target_transform.count; i++) {
        size_t used = strlen(steps);
        snprintf(steps + used, sizeof steps - used, "%s%s", i ? ", " : "",
                 config->data.target_transform.item[i]);
    }
    char name[2 * LABEL], what[3 * LABEL];
    target_name(name, sizeof name, data, 0);
    print_choice(what, sizeof what, data, name);
    struct plot_targets plot = {
        .name = what, .unit = name, .transform = data->transform[0].steps ? steps : NULL};
    int failed = 0;
    for (enum part part = 0; part < PARTS && !failed; part++) {
        double *raw = room + 2 * (size_t)part * TARGET_SAMPLE, *seen = raw + TARGET_SAMPLE;
        failed = target_sample(data, part, 0, TARGET_SAMPLE, raw, seen, &plot.count[part], err);
        plot.raw[part] = raw;
        plot.transformed[part] = seen;
    }
    failed = failed || plot_target_distribution(path, about, &plot, err) ? -1 : 0;
    free(room);
    return failed;
}

static int draw_amplifier(const struct target_report *r, const char *path, const char *what,
                          const struct plot_about *about, struct error *err)
{
    return plot_am_am_pm(
        path, about,
        &(struct plot_amplifier){r->samples, r->input, r->output, r->model, what, r->signal.nmse},
        err);
}

static int draw_spectrum(const struct target_report *r, const char *path, const char *what,
                         const struct plot_about *about, struct error *err)
{
    size_t n = r->channel.segment && r->channel.segment < 4096 ? r->channel.segment : 4096;
    double *x = malloc(5 * n * sizeof *x), *error = malloc(2 * r->samples * sizeof *error);
    double rate = r->channel.sample_rate > 0 ? r->channel.sample_rate : 1;
    int failed = x && error ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !failed && i < 2 * r->samples; i++)
        error[i] = r->model[i] - r->output[i];
    const double *signals[] = {r->input, r->output, r->model, error};
    for (size_t i = 0; !failed && i < 4; i++)
        failed = signal_spectrum(signals[i], r->samples, n, 1, rate, x, x + (i + 1) * n, err);
    double sub = (double)(r->channel.sub_channels ? r->channel.sub_channels : 1);
    if (!failed)
        failed = plot_spectrum(
            path, about,
            &(struct plot_spectrum){n,
                                    x,
                                    x + n,
                                    x + 2 * n,
                                    x + 3 * n,
                                    x + 4 * n,
                                    r->channel.bandwidth,
                                    r->channel.bandwidth / sub,
                                    what,
                                    {r->signal.aclr_left, r->signal.aclr_right},
                                    {r->signal.measured_left, r->signal.measured_right}},
            err);
    free(x);
    free(error);
    return failed;
}

int target_report_draw(const struct target_report *r, const struct engine *e, const char *part,
                       const char *folder, const struct plot_about *about,
                       int (*wanted)(const struct config *config, const char *plot),
                       struct error *err)
{
    static const char *const plots[] = {"predictions",      "residuals", "target_distribution",
                                        "error_by_horizon", "am_am_pm",  "spectrum"};
    const char *unit = e->data->target_names[0];
    char what[320], all[64], name[64], seen[256];
    if (e->data->targets > 1)
        snprintf(what, sizeof what, "%.200s, the first of %zu targets, %s part", unit,
                 e->data->targets, part);
    else
        snprintf(what, sizeof what, "%.200s, %s part", unit, part);
    snprintf(seen, sizeof seen, one_unit(e->data) ? "%.200s" : "%.200s, transformed", unit);
    snprintf(all, sizeof all, "%s part", part);
    int failed = 0;
    for (size_t i = 0; i < sizeof plots / sizeof *plots && !failed; i++) {
        if (!wanted(e->config, plots[i]) || (i == 3 && r->original.rows < 2) ||
            (i > 3 && !r->model))
            continue;
        snprintf(name, sizeof name, "%s.png", plots[i]);
        char *path = file_join(folder, name);
        failed = !path    ? error_set(err, STATUS_FAILED, "out of memory")
                 : i == 0 ? draw_predictions(r, e, path, what, about, err)
                 : i == 1 ? draw_residuals(r, e->data, path, what, seen, about, err)
                 : i == 2 ? target_distribution_draw(e->data, e->config, path, about, err)
                 : i == 3 ? draw_horizon(r, e->data, path, what, seen, about, err)
                 : i == 4 ? draw_amplifier(r, path, all, about, err)
                          : draw_spectrum(r, path, all, about, err);
        free(path);
    }
    return failed;
}
