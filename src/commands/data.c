/* SPDX-License-Identifier: MIT */
/*
 * seqtrain data: what the configuration's data looks like, without training; with --features the
 * rows that its models read, as a table.
 */
#include <stdlib.h>

#include "commands/commands.h"
#include "data/scaler.h"
#include "run/prepare.h"
#include "run/trained.h"
#include "task/overview.h"
#include "task/overview_texts.h"
#include "task/rows.h"

/* --- rows */

/* Features as their expressions give them, not scaled. */
static int put_features(const struct options *o, const struct config *config,
                        const struct dataset *data, const char *checkpoint, struct error *err)
{
    struct output out;
    if (output_open(&out, o, checkpoint, config, err))
        return -1;
    const char *const *names = (const char *const *)config->data.features.item;
    return output_close(&out, rows_put(data, o->model != NULL, names, out.stream, out.name, err),
                        err);
}

/* Of the files that a trained model is used for, as predict sees them. */
static int trained_features(const struct options *o, struct log *log, struct error *err)
{
    struct checkpoint c;
    char *path = trained_path(o->model);
    struct dataset *data = NULL;
    if (!path)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (trained_read(&c, path, o->input, o->settings, o->setting_count, err)) {
        free(path);
        return -1;
    }
    struct fitted fitted = c.fitted;
    int result = -1;
    if (model_of(c.config)->reads_tokens)
        error_set(err, STATUS_USAGE, "%s: a model of type %s reads tokens, no features", path,
                  model_of(c.config)->name);
    else if (scaler_init(&fitted.scaler, SCALER_NONE, c.fitted.scaler.features))
        error_set(err, STATUS_FAILED, "out of memory");
    else if ((data = dataset_load_all(c.config, o->input, &fitted, log, err)))
        result = put_features(o, c.config, data, path, err);
    dataset_free(data);
    if (fitted.scaler.offset != c.fitted.scaler.offset)
        scaler_fini(&fitted.scaler);
    checkpoint_fini(&c);
    free(path);
    return result;
}

/* Of the files of a configuration, for which nothing has been trained yet. */
static int configured_features(const struct options *o, struct config *config, struct log *log,
                               struct error *err)
{
    if (dataset_is_text(config))
        return error_set(err, STATUS_USAGE, "--features: texts have none, and tokenize tokens");
    config->data.scaler.kind = SCALER_NONE;
    struct dataset *data =
        prepare_features(config, log, err) ? NULL : dataset_load(config, NULL, log, err);
    const int result = data ? put_features(o, config, data, NULL, err) : -1;
    dataset_free(data);
    return result;
}

static int command_rows(const struct options *o, struct error *err)
{
    struct error late;
    struct log *log = log_new(LOG_QUIET);
    struct config *config = NULL;
    int result = -1;
    if (!log)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (o->model)
        result = trained_features(o, log, err);
    else if (!o->config || o->input)
        error_set(err, STATUS_USAGE,
                  o->input ? "--features: -i takes the features of a model, -m"
                           : "data --features needs -c FILE or -m CKPT");
    else if ((config = prepare_config(o->config, o->settings, o->setting_count, err)))
        result = configured_features(o, config, log, err);
    config_free(config);
    log_close(log, &late);
    return result;
}

/* --- the overview */

int command_data(const struct options *options, struct error *err)
{
    if (options->features)
        return command_rows(options, err);
    if (options->model || options->input)
        return error_set(err, STATUS_USAGE, "data takes -m and -i with --features alone");
    if (!options->config)
        return error_set(err, STATUS_USAGE, "data needs -c FILE");
    struct config *config =
        prepare_config(options->config, options->settings, options->setting_count, err);
    if (!config)
        return -1;
    struct log *log = log_new(options->verbosity);
    struct dataset *data = NULL;
    int result = -1;
    if (!log)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (!prepare_features(config, log, err) && (data = dataset_load(config, NULL, log, err))) {
        log_progress(log, "", 0, 0);
        result = data->token ? overview_texts(data, err) : overview_report(config, data, err);
    }
    struct error late;
    dataset_free(data);
    if (log)
        log_close(log, &late);
    config_free(config);
    return result;
}
