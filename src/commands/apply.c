/* SPDX-License-Identifier: MIT */
/*
 * What a trained model is used for: evaluate, encode, predict. The checkpoint alone is enough; with
 * -c it is best.safetensors of that configuration's run folder. What they print goes to standard
 * output or, with -o, to a file.
 */
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/kmeans.h"
#include "commands/commands.h"
#include "data/table.h"
#include "task/task.h"
#include "run/prepare.h"
#include "util/file.h"
#include "util/jsonmem.h"

struct trained {
    struct log *log;
    char *path;
    struct checkpoint checkpoint;
    struct dataset *data;
    struct engine *engine;
    struct output out;
};

/* Ends a command that came to this result; where it did not fail, -o's file appears. */
static int trained_fini(struct trained *t, int result, struct error *err)
{
    struct error late;
    result = output_close(&t->out, result, err);
    engine_close(t->engine);
    dataset_free(t->data);
    checkpoint_fini(&t->checkpoint);
    free(t->path);
    if (t->log)
        log_close(t->log, &late);
    return result;
}

/* -m, or the best one of the folder that it names, or best.safetensors in the run folder of -c. */
static char *model_path(const struct options *o, struct error *err)
{
    char *path = NULL;
    if (o->model)
        path =
            file_is_folder(o->model) ? file_join(o->model, "best.safetensors") : strdup(o->model);
    else if (o->config) {
        struct config *config = prepare_config(o->config, o->settings, o->setting_count, err);
        if (!config)
            return NULL;
        path = file_join(config->run.output, "best.safetensors");
        config_free(config);
    } else {
        error_set(err, STATUS_USAGE, "one of -c FILE and -m CHECKPOINT is needed");
        return NULL;
    }
    if (!path)
        error_set(err, STATUS_FAILED, "out of memory");
    return path;
}

/* Opens what a command needs; whole: all windows of the input in one part, else its parts. */
static int trained_init(struct trained *t, const struct options *o, int whole, struct error *err)
{
    memset(t, 0, sizeof *t);
    /* standard output is for results, unless these go to a file */
    t->log = log_new(o->output && o->verbosity == LOG_VERBOSE ? LOG_VERBOSE : LOG_QUIET);
    if (!t->log)
        error_set(err, STATUS_FAILED, "out of memory");
    t->path = model_path(o, err);
    if (!t->log || !t->path ||
        checkpoint_read(&t->checkpoint, t->path, o->settings, o->setting_count, model_check, err) ||
        command_needs_device(o, t->checkpoint.config, err) ||
        output_open(&t->out, o, t->path, t->checkpoint.config, err))
        goto failed;
    prepare_tell_unchecked(o->verbosity, t->log, t->checkpoint.st->summed, t->path);
    const struct config *c = t->checkpoint.config;
    const struct fitted *fitted = &t->checkpoint.fitted;
    t->data = whole ? dataset_load_all(c, o->input, fitted, t->log, err)
                    : dataset_load(c, fitted, t->log, err);
    if (!t->data)
        goto failed;
    struct engine_options with = prepare_engine(t->log, 0, o->profile);
    t->engine = engine_open(c, t->data, &with, err);
    if (!t->engine || checkpoint_load_weights(t->engine, t->checkpoint.st, t->path, err))
        goto failed;
    return 0;
failed:
    return trained_fini(t, -1, err);
}

/* The rows of targets that a window of the last part has, from data->target_first on. */
static size_t target_rows(const struct trained *t)
{
    const struct dataset *data = t->data;
    int by_row = t->engine->config->data.target_rows == TARGET_WINDOW;
    return !by_row ? data->target_rows : data->eval_window ? data->eval_window : data->window;
}

/* Leaves out the windows of a whole file whose targets lie in the future, or are not known at the
 * window's end: there is nothing to compare predictions with, or no naive forecast. */
static int drop_unknown(struct trained *t, const char *path, struct error *err)
{
    struct dataset *data = t->data;
    size_t k = data->targets, rows = target_rows(t), kept = 0;
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

int command_evaluate(const struct options *options, struct error *err)
{
    static const char *const names[] = {"train", "validation", "test"};
    struct trained t;
    if (trained_init(&t, options, options->input != NULL, err))
        return -1;
    if (options->input && t.data->targets && drop_unknown(&t, options->input, err))
        return trained_fini(&t, -1, err);
    /* a path need not be text */
    json_t *all = json_object(), *path = json_string(t.path);
    int failed = 0;
    json_object_set_new(all, "model", path ? path : json_null());
    json_object_set_new(all, "epoch", json_integer((json_int_t)t.checkpoint.epoch));
    for (int part = 0; part < PARTS && !failed; part++) {
        struct part_report r;
        size_t count;
        const uint32_t *start = dataset_windows(t.data, (enum part)part, &count);
        if (!count)
            continue;
        failed = part_report_init(&r, t.engine, start, count, t.log, err);
        if (failed)
            break;
        json_object_set_new(all, options->input ? "input" : names[part],
                            part_report_json(&r, t.data));
        part_report_fini(&r);
    }
    if (!failed) {
        char *text = jsonmem_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        if (text)
            fprintf(t.out.stream, "%s\n", text);
        else
            failed = error_set(err, STATUS_FAILED, "%s: out of memory", t.path);
        free(text);
        device_save_programs(t.engine->dev);
    }
    json_decref(all);
    return trained_fini(&t, failed, err);
}

/* A field that may hold a comma, quoted. */
static void put_name(const char *name, FILE *out)
{
    if (!strpbrk(name, ",\"")) {
        fputs(name, out);
        return;
    }
    putc('"', out);
    for (; *name; name++) {
        if (*name == '"')
            putc('"', out);
        putc(*name, out);
    }
    putc('"', out);
}

static void put_series(const struct series *series, FILE *out)
{
    put_name(series->name, out);
    putc(',', out);
}

/* Number of a row in tables of windows: in its series, where the table names that. */
static size_t shown_row(const struct dataset *data, size_t row)
{
    return data->by_series ? row - data->file[dataset_series(data, row)].begin : row;
}

int command_encode(const struct options *options, struct error *err)
{
    struct trained t;
    struct categories categories = {0};
    if (trained_init(&t, options, 1, err))
        return -1;
    if (!t.engine->eval_io.latent) {
        error_set(err, STATUS_USAGE, "%s: a model of type %s has no latent vectors to encode",
                  t.path, model_of(t.engine->config)->name);
        return trained_fini(&t, -1, err);
    }
    FILE *out = t.out.stream;
    size_t d = (size_t)t.engine->config->model.latent, count = t.data->count[PART_TEST];
    size_t block = report_block(d);
    char *copy = strdup(t.path);
    float *z = malloc(block * d * sizeof *z);
    uint32_t *category = malloc(block * sizeof *category);
    int failed = 0;
    if (!copy || !z || !category)
        failed = error_set(err, STATUS_FAILED, "out of memory");
    else
        failed = categories_read(&categories, dirname(copy), d, err);
    if (!failed && categories.k)
        prepare_tell_unchecked(options->verbosity, t.log, categories.summed,
                               "categories.safetensors");
    if (!failed && categories.k && categories.epoch != t.checkpoint.epoch)
        log_warn(t.log, "categories.safetensors is of epoch %ld, the model of epoch %ld",
                 categories.epoch, t.checkpoint.epoch);
    if (!failed) {
        fputs(t.data->by_series ? "series," : "", out);
        fputs(t.data->time ? "time,row" : "row", out);
        for (size_t i = 0; i < d; i++)
            fprintf(out, ",z%zu", i);
        fputs(categories.k ? ",category\n" : "\n", out);
    }
    for (size_t at = 0; !failed && at < count; at += block) {
        size_t n = count - at < block ? count - at : block;
        const uint32_t *start = t.data->start[PART_TEST] + at;
        struct evaluation ignored;
        failed = engine_evaluate(t.engine, start, n, &(struct outputs){.latent = z}, &ignored, err);
        if (!failed && categories.k)
            failed = kmeans_assign(t.engine->dev, z, n, d, categories.centroids, categories.k,
                                   category, err);
        for (size_t i = 0; !failed && i < n; i++) {
            char label[64];
            row_label(label, sizeof label, t.data, start[i]);
            if (t.data->by_series)
                put_series(&t.data->file[dataset_series(t.data, start[i])], out);
            if (t.data->time)
                fprintf(out, "%s,", label);
            fprintf(out, "%zu", shown_row(t.data, start[i]));
            for (size_t j = 0; j < d; j++)
                fprintf(out, ",%.9g", (double)z[i * d + j]);
            if (categories.k)
                fprintf(out, ",%u", category[i]);
            putc('\n', out);
        }
        failed = failed || output_flush(&t.out, err);
    }
    if (!failed)
        device_save_programs(t.engine->dev);
    categories_fini(&categories);
    free(copy);
    free(z);
    free(category);
    return trained_fini(&t, failed, err);
}

/* What the model makes of the window that starts at row `start` in the units of the input: the scaler
 * undone, or the window's own mean and deviation put back. */
static void to_input_units(const struct dataset *data, size_t start, float *y)
{
    size_t window = data->window, features = data->features;
    const float *series = data->series + start * features;
    const struct series *own = &data->file[dataset_series(data, start)];
    for (size_t f = 0; f < features; f++) {
        size_t at = own->channel * features + f;
        double offset = data->scaler.offset[at], scale = data->scaler.scale[at];
        if (data->scaler.kind == SCALER_WINDOW) {
            double mean = 0, square = 0;
            for (size_t i = 0; i < window; i++)
                mean += series[i * features + f];
            mean /= (double)window;
            for (size_t i = 0; i < window; i++)
                square += (series[i * features + f] - mean) * (series[i * features + f] - mean);
            double sd = sqrt(square / (double)window);
            offset = mean;
            scale = sd > 1e-7 * fabs(mean) ? sd : 1; /* as gather.cl */
        }
        if (data->scaler.kind == SCALER_RELATIVE) {
            offset = series[(window - 1) * features + data->scaler.base];
            scale = fabs(offset);
        }
        for (size_t i = 0; i < window; i++)
            y[i * features + f] = (float)(y[i * features + f] * scale + offset);
    }
}

/* data.target_display: the scale that targets are shown on. */
struct display {
    double low, high;
    const double *range;  /* of training, [channels * targets][2]; NULL: shown as they are */
    size_t shown, beyond; /* predictions, and those beyond their target's range */
};

/* STATUS_INPUT if the checkpoint does not tell the range, or there is none. */
static int display_init(struct display *d, const struct trained *t, struct error *err)
{
    const struct method *method = &t->checkpoint.config->data.target_display;
    *d = (struct display){.low = method->low, .high = method->high};
    if (method->kind == DISPLAY_NONE)
        return 0;
    d->range = t->checkpoint.fitted.target_range;
    if (!d->range)
        return error_set(err, STATUS_INPUT,
                         "%s: data.target_display needs the range that targets had in training, "
                         "which this checkpoint does not tell (0.1.0 wrote it?)",
                         t->path);
    for (size_t i = 0; i < t->checkpoint.fitted.targets; i++)
        if (!(d->range[2 * i] < d->range[2 * i + 1]))
            return error_set(err, STATUS_INPUT,
                             "%s: target %zu had one value in training, %g: data.target_display "
                             "has no range to show it on",
                             t->path, i + 1, d->range[2 * i]);
    return 0;
}

/* The value of target number i, counted over all channels, as it is shown; *beyond counts one that
 * is brought to an end of the range. */
static double display_value(const struct display *d, size_t i, double x, size_t *beyond)
{
    if (!d->range)
        return x;
    double least = d->range[2 * i], most = d->range[2 * i + 1];
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
        if (display->range)
            snprintf(scale, sizeof scale, " (%g to %g)", display->low, display->high);
        snprintf(name, sizeof name, "%s%s%s", k < data->targets ? "" : "actual ",
                 data->target_names[k % data->targets], scale);
        putc(',', out);
        put_name(name, out);
    }
    putc('\n', out);
}

/* One target row of the window at `start`. */
static void put_targets(const struct dataset *data, size_t row, size_t ahead, const float *y,
                        struct display *display, FILE *out)
{
    const struct series *series = &data->file[dataset_series(data, row)];
    size_t first = series->channel * data->targets, ignored = 0;
    char time[TABLE_TIME];
    if (data->files > 1 || data->by_series)
        put_series(series, out);
    if (data->time) /* empty: beyond the end of a file without a calendar */
        fprintf(out, "%s,",
                data->time[row] == DATASET_NO_TIME ? "" : table_time(data->time[row], time));
    fprintf(out, "%zu", row - series->begin);
    if (data->target_rows > 1 && data->target_first)
        fprintf(out, ",%zu", ahead);
    for (size_t k = 0; k < data->targets; k++)
        fprintf(out, ",%.9g",
                display_value(display, first + k, target_value(data, row, k, y[k], NULL),
                              &display->beyond));
    display->shown += data->targets;
    for (size_t k = 0; k < data->targets; k++) {
        double actual = data->raw_target[row * data->targets + k];
        if (isfinite(actual)) /* empty: it lies in the future */
            fprintf(out, ",%.9g", display_value(display, first + k, actual, &ignored));
        else
            putc(',', out);
    }
    putc('\n', out);
}

/* Predictions of a model with targets, in their own unit. */
static int predict_targets(struct trained *t, struct error *err)
{
    const struct dataset *data = t->data;
    FILE *out = t->out.stream;
    int by_row = t->engine->config->data.target_rows == TARGET_WINDOW;
    size_t rows = target_rows(t);
    size_t k = data->targets, elems = rows * k, count = data->count[PART_TEST], done = 0;
    size_t block = report_block(elems);
    float *y = malloc(block * elems * sizeof *y);
    struct display display;
    int failed =
        y ? display_init(&display, t, err) : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        put_target_header(data, &display, out);
    for (size_t at = 0; !failed && at < count; at += block) {
        size_t n = count - at < block ? count - at : block;
        const uint32_t *start = data->start[PART_TEST] + at;
        struct evaluation ignored;
        failed =
            engine_evaluate(t->engine, start, n, &(struct outputs){.output = y}, &ignored, err);
        for (size_t i = 0; !failed && i < n; i++)
            for (size_t r = 0; r < rows; r++) {
                size_t row = start[i] + data->target_first + r;
                if (by_row && row < done) /* windows may overlap */
                    continue;
                put_targets(data, row, row - start[i] - data->window + 1, y + i * elems + r * k,
                            &display, out);
                done = by_row ? row + 1 : done;
            }
        failed = failed || output_flush(&t->out, err);
    }
    if (!failed && display.beyond)
        log_warn(t->log,
                 "%zu of %zu predictions lie beyond the range that targets had in training: they "
                 "are shown at its ends",
                 display.beyond, display.shown);
    if (!failed)
        device_save_programs(t->engine->dev);
    free(y);
    return failed ? -1 : 0;
}

int command_predict(const struct options *options, struct error *err)
{
    struct trained t;
    if (trained_init(&t, options, 1, err))
        return -1;
    const struct dataset *data = t.data;
    FILE *out = t.out.stream;
    if (data->targets)
        return trained_fini(&t, predict_targets(&t, err), err);
    size_t elems = data->window * data->features, count = data->count[PART_TEST];
    size_t block = report_block(elems);
    float *y = malloc(block * elems * sizeof *y);
    int failed = y ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed) {
        fputs(data->by_series ? "window,series," : "window,", out);
        fputs(data->time ? "time,row" : "row", out);
        for (size_t f = 0; f < data->features; f++) {
            putc(',', out);
            put_name(data->names[f], out);
        }
        putc('\n', out);
    }
    for (size_t at = 0; !failed && at < count; at += block) {
        size_t n = count - at < block ? count - at : block;
        const uint32_t *start = data->start[PART_TEST] + at;
        struct evaluation ignored;
        failed = engine_evaluate(t.engine, start, n, &(struct outputs){.output = y}, &ignored, err);
        for (size_t i = 0; !failed && i < n; i++) {
            to_input_units(data, start[i], y + i * elems);
            for (size_t row = 0; row < data->window; row++) {
                char label[64];
                row_label(label, sizeof label, data, start[i] + row);
                fprintf(out, "%zu,", at + i);
                if (data->by_series)
                    put_series(&data->file[dataset_series(data, start[i])], out);
                if (data->time)
                    fprintf(out, "%s,", label);
                fprintf(out, "%zu", shown_row(data, start[i] + row));
                for (size_t f = 0; f < data->features; f++)
                    fprintf(out, ",%.9g", (double)y[i * elems + row * data->features + f]);
                putc('\n', out);
            }
        }
        failed = failed || output_flush(&t.out, err);
    }
    if (!failed)
        device_save_programs(t.engine->dev);
    free(y);
    return trained_fini(&t, failed, err);
}
