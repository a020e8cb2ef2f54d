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

int command_train_config(const struct options *options, struct config *config, enum folder_use use,
                         struct error *err)
{
    const struct run_options with = {
        .use = use,
        .config_path = options->config,
        .verbosity = options->verbosity,
        .profile = options->profile,
        .started = options->started,
        .interrupted = &interrupted,
    };
    struct run *run =
        command_needs_device(options, config, err) ? NULL : run_open(config, &with, err);
    return run ? run_close(run, train_all(run, options, err), err) : -1;
}

int command_train(const struct options *options, struct error *err)
{
    if (!options->config)
        return error_set(err, STATUS_USAGE, "train needs -c FILE");
    struct config *config =
        prepare_config(options->config, options->settings, options->setting_count, err);
    const enum folder_use use = options->resume      ? FOLDER_RESUME
                                : options->overwrite ? FOLDER_OVERWRITE
                                                     : FOLDER_FRESH;
    int result = config ? command_train_config(options, config, use, err) : -1;
    config_free(config);
    return result;
}
