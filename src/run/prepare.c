/* SPDX-License-Identifier: MIT */
#include "run/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "data/document.h"
#include "run/sight.h"
#include "task/task.h"
#include "train/adapters.h"
#include "train/budget.h"
#include "train/teacher.h"

static void on_build(void *ctx, const char *program)
{
    char text[96];
    snprintf(text, sizeof text, "Compiling %s", program);
    log_progress(ctx, text, 1, 2);
    log_detail(ctx, "%s", text);
}

struct engine_options prepare_engine(struct log *log, int training, int profile)
{
    const char *debug = getenv("SEQTRAIN_DEBUG"); /* see seqtrain(1) */
    return (struct engine_options){.training = training,
                                   .scattered = debug && strstr(debug, "scattered"),
                                   .own = {.profile = profile,
                                           .lasts = training,
                                           .on_build = on_build,
                                           .on_build_ctx = log}};
}

void prepare_check(struct config_making *making, const struct config *config)
{
    struct monitor monitor;
    struct error err;
    sight_settle(making, config);
    model_check(making, config);
    if (monitor_find(&monitor, config, task_measures(config), &err))
        config_clash(making, "train.monitor", "model.type", "%s", err.text);
    else if (monitor.metric)
        task_check_metric(making, config, monitor.metric);
}

/* Whether what failed is that a file of data was read as a configuration. */
static int is_data(const char *path, const struct error *err)
{
    return path && err->status == STATUS_USAGE && strstr(err->text, ":1: this line ") &&
           document_is_named(path, DOCUMENTS_OF_SERIES);
}

struct config *prepare_config(const char *path, char *const *settings, size_t count,
                              struct error *err)
{
    struct config *config = config_load_with(path, settings, count, prepare_check, err);
    if (!config && is_data(path, err))
        error_set(err, STATUS_USAGE,
                  "%s: this is a file of data, and -c names a configuration: "
                  "\"seqtrain init --data %s\" writes one for it",
                  path, path);
    return config;
}

int prepare_features(struct config *config, struct log *log, struct error *err)
{
    return dataset_expand(config, log, err) || model_check_features(config, err) ? -1 : 0;
}

void prepare_batch(struct config *c, size_t windows, struct log *log)
{
    const size_t step = (size_t)c->train.effective_batch;
    const size_t shards = (size_t)c->train.shards;
    const size_t most = (windows + shards - 1) / shards * shards;
    size_t batch = most;
    budget_settle(c);
    if (!windows || c->train.batch < 0 || (size_t)c->train.batch <= most)
        return;
    while (step && step % batch)
        batch -= shards;
    const char *why = batch < most
                          ? "a divisor of train.effective_batch within the training windows"
                      : most > windows ? "the training windows and what fills the last shard"
                                       : "the number of training windows";
    log_say(log, "train.batch = %ld is cut to %zu, %s", c->train.batch, batch, why);
    c->train.batch = (long)batch;
    if (step)
        c->train.accumulate = (long)(step / batch);
}

/* With a session, and numbers where the configuration has train.batch = auto. */
static struct engine *open_batched(struct config *config, const struct dataset *data,
                                   struct engine_options options, struct log *log,
                                   struct error *err)
{
    if (!options.session) {
        options.takes_session = 1;
        if (!(options.session = session_open(config, &options.own, err)))
            return NULL;
    }
    if (!budget_batch(config, data, &options, log, err))
        return engine_open(config, data, &options, err);
    session_close(options.takes_session ? options.session : NULL);
    return NULL;
}

/* The same with its teacher, which is the engine's. */
static struct engine *open_taught(struct config *config, const struct dataset *data,
                                  struct engine_options options, struct log *log, struct error *err)
{
    struct teacher *teacher = teacher_open(config, data, err);
    struct engine *e = NULL;
    options.teacher = teacher;
    if (teacher)
        e = open_batched(config, data, options, log, err);
    else
        session_close(options.takes_session ? options.session : NULL);
    if (e)
        e->own_teacher = teacher;
    else
        teacher_close(teacher);
    return e;
}

struct engine *prepare_open(struct config *config, const struct dataset *data,
                            struct engine_options options, struct log *log, struct error *err)
{
    if (options.training && adapters_settle(config, err)) {
        session_close(options.takes_session ? options.session : NULL);
        return NULL;
    }
    if (options.training && *config->loss.teacher)
        return open_taught(config, data, options, log, err);
    return open_batched(config, data, options, log, err);
}

void prepare_tell_unchecked(enum verbosity verbosity, struct log *log, int summed, const char *path)
{
    if (verbosity == LOG_VERBOSE && !summed)
        log_warn(log, "%s has no checksums: seqtrain 0.1.0 or another program wrote it", path);
}
