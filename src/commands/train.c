/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "run/prepare.h"
#include "run/run.h"
#include "run/trained.h"
#include "util/file.h"

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

/* --- from a checkpoint */

/* "name=value", the value in quotes; the caller frees. NULL: memory. */
static char *setting_of(const char *name, const char *value)
{
    char *quoted = config_quote(value), *text = NULL;
    if (quoted && asprintf(&text, "%s=%s", name, quoted) < 0)
        text = NULL;
    free(quoted);
    return text;
}

/* The configuration that a checkpoint was trained with, with these settings. */
static struct config *config_of(const char *path, char *const *settings, size_t count,
                                struct error *err)
{
    struct safetensors *st = safetensors_open(path, err);
    const char *text = st ? safetensors_get(st, "config") : NULL;
    struct config *config = NULL;
    if (text)
        config = config_parse_with(text, path, settings, count, prepare_check, err);
    else if (st)
        error_set(err, STATUS_INPUT, "%s: no configuration inside: not a checkpoint of seqtrain",
                  path);
    safetensors_free(st);
    return config;
}

/* What -s says wins over what --from stands for. */
static struct config *config_from(const struct options *o, const char *path, struct error *err)
{
    struct config *config = NULL;
    char **all = calloc(o->setting_count + 2, sizeof *all);
    if (!all) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    all[0] = setting_of("model.init", path);
    all[1] = setting_of("data.fitted_by", o->refit ? "" : path);
    for (size_t i = 0; i < o->setting_count; i++)
        all[i + 2] = o->settings[i];
    if (!all[0] || !all[1])
        error_set(err, STATUS_FAILED, "out of memory");
    else
        config = o->config ? prepare_config(o->config, all, o->setting_count + 2, err)
                           : config_of(path, all, o->setting_count + 2, err);
    free(all[0]);
    free(all[1]);
    free(all);
    return config;
}

/* The checkpoint that --from names, by its whole path; the caller frees. */
static char *path_from(const struct options *o, struct error *err)
{
    if (o->resume) {
        error_set(err, STATUS_USAGE, "--from begins a run, --resume goes on with one");
        return NULL;
    }
    if (trained_is_folder(o->from)) {
        error_set(err, STATUS_USAGE,
                  "--from %s: this is a Hugging Face folder, which model.base starts from",
                  o->from);
        return NULL;
    }
    char *path = trained_path(o->from), *whole = path ? file_real(path) : NULL;
    if (!whole)
        error_set(err, STATUS_FAILED, "%s: out of memory", o->from);
    free(path);
    return whole;
}

static struct config *make_config(const struct options *o, struct error *err)
{
    if (!o->from && o->refit) {
        error_set(err, STATUS_USAGE, "--refit is for --from: other runs fit all of it anyway");
        return NULL;
    }
    if (!o->from)
        return prepare_config(o->config, o->settings, o->setting_count, err);
    char *path = path_from(o, err);
    struct config *config = path ? config_from(o, path, err) : NULL;
    free(path);
    return config;
}

static enum folder_use use_of(const struct options *o)
{
    return o->resume ? FOLDER_RESUME : o->overwrite ? FOLDER_OVERWRITE : FOLDER_FRESH;
}

int command_train_checkpoint(const struct options *options, const char *path, struct error *err)
{
    const struct run_options as = {.use = use_of(options)};
    struct config *config = config_of(path, options->settings, options->setting_count, err);
    int result = config ? command_train_config(options, config, &as, err) : -1;
    config_free(config);
    return result;
}

int command_train(const struct options *options, struct error *err)
{
    if (!options->config && !options->from)
        return error_set(err, STATUS_USAGE, "train needs -c FILE");
    struct config *config = make_config(options, err);
    const struct run_options as = {.use = use_of(options)};
    int result = config ? command_train_config(options, config, &as, err) : -1;
    config_free(config);
    return result;
}
