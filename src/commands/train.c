/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>

#include "commands/commands.h"
#include "run/prepare.h"
#include "run/run.h"

static int train_all(struct run *run, const struct options *options, struct error *err)
{
    if (run_train(run, err) || run_report(run, err))
        return -1;
    if (!interrupted) /* but another rank was */
        interrupted = run->training.stopped;
    return options->profile && !run->finished && !comm_rank(ranks)
               ? profile_print(run->training.engine, stdout, err)
               : 0;
}

/* Starts a process for each further device of device.select, and has one of them. */
static int start_ranks(struct config *config, struct error *err)
{
    const struct list *devices = &config->device.select;
    if (command_deals_shards(config, err) || comm_fork(&ranks, devices->item, devices->count, err))
        return -1;
    return comm_rank(ranks) /* the first goes on with all of them in its config.ini */
               ? config_set_device(config, devices->item[comm_rank(ranks)], err)
               : 0;
}

/* Joins the ranks that a launcher has started: each has the device that its turn gives it. */
static int join_ranks(struct config *config, struct error *err)
{
    const struct list *devices = &config->ranks.devices;
    const size_t several = config->device.select.count;
    if (comm_open(&ranks, (double)config->ranks.timeout / 1000, err))
        return -1;
    if (!ranks)
        return several > 1 && !config_splits(config) ? start_ranks(config, err) : 0;
    if (several > 1)
        return error_set(err, STATUS_USAGE,
                         "device.select names %zu devices, and a launcher has started %d ranks: "
                         "each of them has one device, which ranks.devices names in its place",
                         several, comm_size(ranks));
    if (comm_size(ranks) > config->train.shards)
        return error_set(err, STATUS_USAGE,
                         "%d ranks need train.shards = %d or more: a micro-batch is dealt to them "
                         "in shards",
                         comm_size(ranks), comm_size(ranks));
    if (!devices->count || !strcmp(devices->item[0], "auto"))
        return 0;
    return config_set_device(config, devices->item[(size_t)comm_rank(ranks) % devices->count], err);
}

int command_train_config(const struct options *options, struct config *config,
                         const struct run_options *as, struct error *err)
{
    if (join_ranks(config, err))
        return -1;
    const struct run_options with = {
        .use = as->use,
        .gate = as->gate,
        .judge = as->judge,
        .smaller_batch = as->smaller_batch,
        .comm = ranks,
        .config_path = options->config,
        .verbosity = options->verbosity,
        .profile = options->profile,
        .started = options->started,
        .interrupted = &interrupted,
    };
    struct run *run =
        command_needs_device(options, config, err) ? NULL : run_open(config, &with, err);
    int result = run ? run_close(run, train_all(run, options, err), err) : -1;
    if (result && err->cause == CAUSE_INTERRUPTED) {
        if (!interrupted) /* but another rank was */
            interrupted = SIGTERM;
        result = 0;
    }
    if (!result) {
        comm_close(ranks);
        ranks = NULL;
    }
    return result;
}

int command_train(const struct options *options, struct error *err)
{
    if (!options->config)
        return error_set(err, STATUS_USAGE, "train needs -c FILE");
    struct config *config =
        prepare_config(options->config, options->settings, options->setting_count, err);
    const struct run_options as = {.use = options->resume      ? FOLDER_RESUME
                                          : options->overwrite ? FOLDER_OVERWRITE
                                                               : FOLDER_FRESH};
    int result = config ? command_train_config(options, config, &as, err) : -1;
    config_free(config);
    return result;
}
