/* SPDX-License-Identifier: MIT */
#include "run/run.h"

#include <stdlib.h>
#include <string.h>

#include "run/alike.h"
#include "run/features.h"
#include "run/kept.h"
#include "run/prepare.h"
#include "run/sensing.h"
#include "run/told.h"
#include "run/weights.h"
#include "task/task.h"
#include "train/adapters.h"
#include "train/plan_text.h"
#include "train/teacher.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/now.h"

/* --- opening */

/* Whether a configuration is the one that a run wrote into its folder. */
static int is_own(const char *path, const struct config *config)
{
    char *own = file_join(config->run.output, "config.ini"), *one = path ? file_real(path) : NULL;
    char *other = own ? file_real(own) : NULL;
    int same = one && other && !strcmp(one, other);
    free(own);
    free(one);
    free(other);
    return same;
}

/* Rank 0 computes what the cache lacks, and the others wait for it. */
static int open_features(struct run *run, const struct config *config, struct error *err)
{
    const struct engine_options with = prepare_engine(run->training.log, 1, 0);
    const struct features_how how = {run->training.log, with.own, run->training.interrupted};
    const int is_first = comm_rank(run->options.comm) == 0;
    int failed[2] = {0};
    if (is_first && !(run->features = features_open(config, run->data, &how, err))) {
        failed[0] = 1;
        failed[1] = err->cause;
    }
    if (comm_share(run->options.comm, failed, sizeof failed, err))
        return -1;
    if (!failed[0] && !is_first)
        return (run->features = features_open(config, run->data, &how, err)) ? 0 : -1;
    if (failed[0] && !is_first)
        err->cause = (enum cause)failed[1];
    return failed[0] ? -1 : 0;
}

static int open_data(struct run *run, struct config *config, struct error *err)
{
    struct log *log = run->training.log;
    int again = run->resumes || is_own(run->options.config_path, config);
    if (prepare_features(config, log, err) || kept_read(&run->kept, config, err))
        return -1;
    const struct fitted *fitted = run->kept.config ? &run->kept.fitted : NULL;
    if (!(run->data = dataset_load_run(config, fitted, again, log, err)))
        return -1;
    if (run->data->captioned && open_features(run, config, err))
        return -1;
    prepare_batch(config, run->data->count[PART_TRAIN], log);
    return task_expect(config, run->data, log, err);
}

static int open_engine(struct run *run, struct config *config, struct error *err)
{
    struct training *t = &run->training;
    struct engine_options with = prepare_engine(t->log, 1, run->options.profile);
    with.session = run->options.session;
    with.comm = run->options.comm;
    with.gate = run->options.gate;
    with.resumes = run->resumes;
    if (run->resumes)
        weights_same_batch(&run->folder, config);
    if (!(t->engine = prepare_open(config, run->data, with, t->log, err)))
        return -1;
    log_progress(t->log, "", 0, 0);
    t->plan = plan_text(t->engine);
    return t->plan ? 0 : error_set(err, STATUS_FAILED, "out of memory");
}

/* What rank 0 has found in the folder, where the others look at nothing. */
static int share_found(struct run *run, struct error *err)
{
    int found[] = {run->resumes, run->folder.last, run->folder.former};
    if (comm_share(run->options.comm, found, sizeof found, err))
        return -1;
    run->resumes = found[0];
    run->folder.last = found[1];
    run->folder.former = found[2];
    return 0;
}

/* What the configuration says of the log. */
static void set_log(const struct training *t, const struct config *c)
{
    static const enum segments_rotation rotation[] = {[ROTATE_NONE] = SEGMENTS_NONE,
                                                      [ROTATE_DAILY] = SEGMENTS_DAILY,
                                                      [ROTATE_SIZE] = SEGMENTS_SIZE};
    log_set(t->log,
            &(struct log_settings){
                .run = c->run.name,
                .folder = c->run.output,
                .on_event = c->log.on_event,
                .silent = !train_writes(t),
                .segments = {.rotation = rotation[c->log.rotate],
                             .size = c->log.rotate_size ? (int64_t)c->log.rotate_size : 10 << 20,
                             .keep_days = c->log.keep_days,
                             .copy_to = c->log.copy_to,
                             .run = c->run.name}});
}

static int open_all(struct run *run, struct config *config, struct error *err)
{
    struct training *t = &run->training;
    if (monitor_find(&t->monitor, config, task_measures(config), err))
        return error_prefix(err, "[train] monitor");
    if (task_check(config, err) || (train_writes(t) && folder_enter(&run->folder, 0, err)))
        return -1;
    if (!(t->log = log_new(run->options.verbosity)))
        return error_set(err, STATUS_FAILED, "out of memory");
    set_log(t, config);
    run->resumes = run->options.use == FOLDER_RESUME && (run->folder.last || run->folder.former);
    if (share_found(run, err) || open_data(run, config, err) || open_engine(run, config, err) ||
        teacher_load(t->engine, err))
        return -1;
    /* the weights first: a run that cannot start leaves what is in its folder alone, and
     * model.init or adapter.file may be one of the files that go */
    const struct weights_terms terms = {.verbosity = run->options.verbosity,
                                        .smaller_batch = run->options.smaller_batch};
    if (run->resumes
            ? weights_resume(t, &run->folder, &terms, err)
            : weights_start(t, &terms, err) || adapters_load(t->engine->params, config, err))
        return -1;
    run->finished = t->progress.finished && train_is_over(t);
    return alike_check(t, err);
}

struct run *run_open(struct config *config, const struct run_options *options, struct error *err)
{
    static const volatile sig_atomic_t never;
    struct run *run = calloc(1, sizeof *run);
    if (!run) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    run->options = *options;
    run->training = (struct training){
        .config = config,
        .folder = config->run.output,
        .comm = options->comm,
        .judge = options->judge,
        .interrupted = options->interrupted ? options->interrupted : &never,
        .started = options->started > 0 ? options->started : now(),
    };
    folder_init(&run->folder, config, options->use);
    if (!open_all(run, config, err))
        return run;
    run_close(run, -1, err);
    return NULL;
}

/* --- training */

static int write_text(const struct training *t, const char *name, const char *text,
                      struct error *err)
{
    char *path = train_path(t, name);
    int result = path && text ? file_write(path, text, strlen(text), err)
                              : error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return result;
}

/* The files that only describe the run. */
static int describe(const struct training *t, struct error *err)
{
    char *config = config_text(t->config);
    json_t *text = config ? json_string(config) : NULL;
    if (config && !text &&
        !jsonmem_short()) { /* the folder that names are relative to may have any name */
        free(config);
        return error_set(err, STATUS_USAGE,
                         "%s: its absolute name or that of data.source is not UTF-8 text, which "
                         "checkpoints are made of",
                         t->folder);
    }
    int failed = write_text(t, "config.ini", text ? config : NULL, err) ||
                 write_text(t, "plan.json", t->plan, err) ||
                 write_text(t, "model.py", model_python(t->config), err);
    json_decref(text);
    free(config);
    return failed ? -1 : 0;
}

/* The folder is the run's from here on: it holds what describes the run, and its log. */
static int begin(struct run *run, struct error *err)
{
    struct training *t = &run->training;
    const struct board_from from = {.step = run->resumes ? t->progress.step : -1,
                                    .finished = t->progress.finished};
    t->progress.finished = 0;
    if (folder_enter(&run->folder, 1, err) || (!run->resumes && folder_clear(&run->folder, err)))
        return -1;
    folder_sweep(&run->folder);
    char *path = train_path(t, "log.jsonl");
    int failed = path ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    failed = failed || describe(t, err) ||
             log_open(t->log, path, run->resumes ? t->progress.log_bytes : 0, err) ||
             (t->config->log.tensorboard && log_open_board(t->log, t->folder, &from, err));
    free(path);
    return failed ? -1 : 0;
}

int run_train(struct run *run, struct error *err)
{
    struct training *t = &run->training;
    if (run->finished) {
        told_best(t, "finished already: ");
        return 0;
    }
    if (train_writes(t) && begin(run, err))
        return -1;
    sensing_begin(t);
    told_start(t, run->options.use == FOLDER_RESUME, run->resumes);
    return train(t, err);
}

/* --- the end */

int run_report(struct run *run, struct error *err)
{
    struct training *t = &run->training;
    if (run->finished || t->stopped || t->pruned || *t->interrupted || !train_writes(t))
        return 0;
    int ended = weights_load_own(t, "best.safetensors", err);
    device_stop_at(t->engine->dev, t->interrupted); /* long work ends early */
    if (!ended)
        ended = task_report(t->engine, &t->progress, t->folder, t->log, t->interrupted, err);
    device_stop_at(t->engine->dev, NULL);
    if (ended)
        return ended < 0 ? -1 : 0;
    /* last.safetensors keeps the last weights */
    if (weights_load_own(t, t->from_former ? RUN_FORMER : RUN_LAST, err))
        return -1;
    told_end(t);
    t->progress.finished = 1;
    if (train_checkpoint(t, err))
        return -1;
    told_best(t, "");
    return 0;
}

/* What ended the run. Where the device's memory ran out, a smaller micro-batch may do: the event
 * says so ("cause"), with the one that was tried. */
static json_t *error_event(const struct training *t, const struct error *err)
{
    json_t *event = json_pack("{s:s}", "message", err->text);
    if (err->cause != CAUSE_MEMORY)
        return event;
    json_object_set_new(event, "cause", json_string("device_memory"));
    json_object_set_new(event, "batch", json_integer(t->config->train.batch));
    json_object_set_new(event, "accumulate", json_integer(t->config->train.accumulate));
    return event;
}

int run_close(struct run *run, int result, struct error *err)
{
    struct training *t = &run->training;
    struct error late = {0};
    const int is_wrong = result && err->cause != CAUSE_INTERRUPTED;
    if (t->log)
        log_progress(t->log, "", 0, 0);
    if (t->log && result && !is_wrong)
        log_say(t->log, "%s", err->text);
    sensing_end(t);
    if (t->engine)
        device_save_programs(t->engine->dev);
    if (t->log && *t->interrupted)
        log_leave_console(t->log);
    if (is_wrong && t->log)
        log_event(t->log, "error", error_event(t, err));
    free(t->plan);
    progress_fini(&t->progress);
    engine_close(t->engine);
    dataset_free(run->data);
    features_close(run->features);
    checkpoint_fini(&run->kept);
    if (t->log && log_close(t->log, &late) && !result) {
        *err = late;
        result = -1;
    }
    folder_fini(&run->folder);
    free(run);
    return result;
}
