/* SPDX-License-Identifier: MIT */
/*
 * seqtrain data: what the configuration's data looks like, without training.
 */
#include "commands/commands.h"
#include "run/prepare.h"
#include "task/overview.h"
#include "task/overview_texts.h"

int command_data(const struct options *options, struct error *err)
{
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
