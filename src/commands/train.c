/* SPDX-License-Identifier: MIT */
#include "commands/commands.h"
#include "run/prepare.h"
#include "run/run.h"

static int train_all(struct run *run, const struct options *options, struct error *err)
{
    if (run_train(run, err) || run_report(run, err))
        return -1;
    return options->profile && !run->finished ? profile_print(run->training.engine, stdout, err)
                                              : 0;
}

int command_train(const struct options *options, struct error *err)
{
    if (!options->config)
        return error_set(err, STATUS_USAGE, "train needs -c FILE");
    struct config *config =
        prepare_config(options->config, options->settings, options->setting_count, err);
    if (!config)
        return -1;
    const struct run_options with = {
        .use = options->resume      ? FOLDER_RESUME
               : options->overwrite ? FOLDER_OVERWRITE
                                    : FOLDER_FRESH,
        .config_path = options->config,
        .verbosity = options->verbosity,
        .profile = options->profile,
        .started = options->started,
        .interrupted = &interrupted,
    };
    struct run *run =
        command_needs_device(options, config, err) ? NULL : run_open(config, &with, err);
    int result = run ? run_close(run, train_all(run, options, err), err) : -1;
    config_free(config);
    return result;
}
