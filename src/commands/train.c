/* SPDX-License-Identifier: MIT */
#include "train/train.h"
#include "train/advice.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.h"
#include "report/report.h"
#include "run/folder.h"
#include "train/plan_text.h"
#include "train/schedule.h"
#include "util/file.h"
#include "util/jsonmem.h"

static int write_text(const struct run *run, const char *name, const char *text, struct error *err)
{
    char *path = run_path(run, name);
    int result = path && text ? file_write(path, text, strlen(text), err)
                              : error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return result;
}

/* The files that only describe the run. */
static int describe_run(const struct run *run, struct error *err)
{
    char *config = config_text(run->config);
    json_t *text = config ? json_string(config) : NULL;
    if (config && !text &&
        !jsonmem_short()) { /* the folder that names are relative to may have any name */
        free(config);
        return error_set(err, STATUS_USAGE,
                         "%s: its absolute name or that of data.source is not UTF-8 text, which "
                         "checkpoints are made of",
                         run->folder);
    }
    int failed = write_text(run, "config.ini", text ? config : NULL, err) ||
                 write_text(run, "plan.json", run->plan, err) ||
                 write_text(run, "model.py", model_python(run->config), err);
    json_decref(text);
    free(config);
    return failed ? -1 : 0;
}

/* Keys that may differ from the checkpoint's, as seqtrain(1) says. */
static const char *const may_differ[] = {
    "run.name",
    "run.output",
    "run.lock",
    "train.epochs",
    "train.patience",
    "train.checkpoint",
    "data.target_display",
    "plots.*",
    "device.memory_fraction",
    "device.memory",
    NULL,
};

/* Takes weights, optimizer state and progress of a checkpoint in the run folder. */
static int resume_from(struct run *run, const struct options *options, const char *name,
                       struct error *err)
{
    struct checkpoint c;
    char *path = run_path(run, name), why[1024];
    int result = -1;
    if (!path)
        return error_set(err, STATUS_FAILED, "out of memory");
    progress_fini(&run->progress); /* that of a checkpoint that was damaged behind it */
    if (!checkpoint_read(&c, path, NULL, 0, err)) {
        const char *plan = safetensors_get(c.st, "plan");
        int differs = config_differs(c.config, run->config, may_differ, why, sizeof why);
        command_tell_unchecked(options, run->log, c.st->summed, path);
        if (differs < 0)
            error_set(err, STATUS_FAILED, "%s: out of memory", path);
        else if (differs)
            error_set(err, STATUS_USAGE, "--resume: %s", why);
        else if (plan && plan_text_differs(plan, run->plan, why, sizeof why))
            error_set(err, STATUS_USAGE,
                      "--resume: the plan is not the one of the checkpoint, so the bits would not "
                      "be the same: %s",
                      why);
        else if (!checkpoint_load_weights(run->engine, c.st, path, err) &&
                 !checkpoint_load_state(run->engine, c.st, path, &run->progress, err))
            result = 0;
        checkpoint_fini(&c);
    }
    free(path);
    return result;
}

/* Goes on from the last checkpoint or, where that is damaged or missing, from the one before. */
static int resume(struct run *run, const struct options *options, const struct folder *folder,
                  struct error *err)
{
    struct error first = {0};
    if (folder->last) {
        if (!resume_from(run, options, RUN_LAST, err))
            return 0;
        if (!err->damaged || !folder->former)
            return -1;
        first = *err;
    } else {
        error_set(&first, STATUS_INPUT, "%s/" RUN_LAST " is missing", run->folder);
    }
    if (resume_from(run, options, RUN_FORMER, err))
        return err->damaged ? error_prefix(err, "%s; the one before", first.text) : -1;
    run->from_former = 1;
    log_warn(run->log, "%s; the run goes on from " RUN_FORMER ", the checkpoint before",
             first.text);
    return 0;
}

static int load_weights(struct run *run, const char *path, int *summed, struct error *err)
{
    struct safetensors *st = safetensors_open(path, err);
    int result = st ? checkpoint_load_weights(run->engine, st, path, err) : -1;
    *summed = st && st->summed;
    safetensors_free(st);
    return result;
}

/* Those of a file of the run folder. */
static int load_own(struct run *run, const char *name, struct error *err)
{
    char *path = run_path(run, name);
    int summed, result = path ? load_weights(run, path, &summed, err)
                              : error_set(err, STATUS_FAILED, "%s: out of memory", name);
    free(path);
    return result;
}

/* Weights to start from: those of model.init, or drawn. */
static int start(struct run *run, const struct options *options, struct error *err)
{
    const char *init = run->config->model.init;
    int summed;
    run->progress.factor = 1;
    if (params_init(run->engine->params, (uint64_t)run->config->run.seed, err))
        return -1;
    if (!init || !*init)
        return 0;
    if (load_weights(run, init, &summed, err))
        return -1;
    command_tell_unchecked(options, run->log, summed, init);
    return 0;
}

static json_t *start_event(const struct run *run)
{
    const struct engine *e = run->engine;
    const struct device_info *d = device_info(e->dev);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "run", run->config->run.name,
        "version", PACKAGE_VERSION, "folder", run->folder, "device", d->name, "platform",
        d->platform, "gemm", gemm_provider_name(e->dev, e->gemm), "parameters",
        (json_int_t)params_count(e->params), "device_bytes", (json_int_t)device_bytes(e->dev),
        "train_windows", (json_int_t)e->data->count[PART_TRAIN], "validation_windows",
        (json_int_t)e->data->count[PART_VALIDATION], "test_windows",
        (json_int_t)e->data->count[PART_TEST]);
}

static void say_start(const struct run *run)
{
    const struct engine *e = run->engine;
    const struct config *c = run->config;
    log_say(run->log, "Device: %s (%s), matrices by %s", device_info(e->dev)->name,
            device_info(e->dev)->platform, gemm_provider_name(e->dev, e->gemm));
    log_say(run->log, "Model: %s, %zu parameters; %.1f MiB on the device", model_of(c)->name,
            params_count(e->params), (double)device_bytes(e->dev) / 0x1p20);
    struct schedule s = schedule_make(c, e->data->count[PART_TRAIN]);
    log_say(run->log, "%ld epochs of %ld steps, each %ld x %ld windows", c->train.epochs,
            s.per_epoch, c->train.accumulate, c->train.batch);
    advice_step(c, e->data->count[PART_TRAIN], run->log);
    advice_warn(c, e->data, run->log);
    if (c->train.accumulate > 1 && c->loss.contrastive != CONTRASTIVE_NONE)
        log_say(run->log, "The contrastive term is that of each micro-batch of %ld windows.",
                c->train.batch);
}

/* Best weights back into the engine, then pictures and verdict. 1: interrupted. */
static int finish(struct run *run, struct error *err)
{
    if (load_own(run, "best.safetensors", err))
        return -1;
    return report(run->engine, &run->progress, run->folder, run->log, run->interrupted, err);
}

/* What the best epoch is told by: its validation loss, or the monitored figure where there is none.
 */
static double best_figure(const struct run *run, const char **name)
{
    const struct progress *p = &run->progress;
    double val = p->best_epoch > 0 && (size_t)p->best_epoch <= p->epochs
                     ? p->history[p->best_epoch - 1].val_loss
                     : NAN;
    *name =
        isfinite(val) ? "val_loss" : config_choice("train", "monitor", run->config->train.monitor);
    return isfinite(val) ? val : p->best;
}

static void say_best(const struct run *run, const char *what)
{
    const char *name;
    double best = best_figure(run, &name);
    log_say(run->log, "%s: %sbest epoch %ld, %s %s", run->folder, what, run->progress.best_epoch,
            name, log_figure(best, 6).text);
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* The run is finished: told in last.safetensors (which keeps the last weights) and in the log. */
static int conclude(struct run *run, struct error *err)
{
    if (load_own(run, run->from_former ? RUN_FORMER : RUN_LAST, err))
        return -1;
    const struct progress *p = &run->progress;
    const char *name;
    double figure = best_figure(run, &name);
    log_event(run->log, "end",
              json_pack("{s:s, s:I, s:o, s:o, s:I, s:f}", "folder", run->folder, "best_epoch",
                        (json_int_t)p->best_epoch, name, number(figure), "best", number(p->best),
                        "epochs", (json_int_t)p->epoch, "seconds", p->seconds));
    run->progress.finished = 1;
    if (train_checkpoint(run, err))
        return -1;
    say_best(run, "");
    return 0;
}

static int run_all(struct run *run, const struct options *options, struct folder *folder,
                   struct error *err)
{
    const int resuming = options->resume && (folder->last || folder->former);
    /* the weights first: a run that cannot start leaves what is in its folder alone, and
     * model.init may be one of the files that go */
    if ((resuming ? resume(run, options, folder, err) : start(run, options, err)))
        return -1;
    if (run->progress.finished && train_is_over(run)) {
        say_best(run, "finished already: ");
        return 0;
    }
    run->progress.finished = 0;
    if (folder_enter(folder, 1, err) || (!resuming && folder_clear(folder, err)))
        return -1;
    folder_sweep(folder);
    char *path = run_path(run, "log.jsonl");
    int failed = path ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    failed = failed || describe_run(run, err) ||
             log_open(run->log, path, resuming ? run->progress.log_bytes : 0, err);
    free(path);
    if (failed)
        return -1;
    log_event(run->log, "start", start_event(run));
    if (options->resume && !resuming)
        log_say(run->log, "%s holds no checkpoint to go on from: the run starts afresh.",
                run->folder);
    if (resuming) {
        log_event(run->log, "resume",
                  json_pack("{s:I, s:I}", "epoch", (json_int_t)run->progress.epoch, "step",
                            (json_int_t)run->progress.step));
        log_say(run->log, "Resuming after epoch %ld, step %ld.", run->progress.epoch,
                run->progress.step);
    }
    say_start(run);
    if (train(run, err))
        return -1;
    if (options->profile && profile_print(run->engine, stdout, err))
        return -1;
    int ended = *run->interrupted ? 1 : finish(run, err);
    if (ended)
        return ended < 0 ? -1 : 0;
    return conclude(run, err);
}

/* Whether a configuration is the one that a run wrote into its folder. */
static int is_own(const char *path, const struct config *config)
{
    char *own = file_join(config->run.output, "config.ini"), *one = file_real(path);
    char *other = own ? file_real(own) : NULL;
    int same = one && other && !strcmp(one, other);
    free(own);
    free(one);
    free(other);
    return same;
}

int command_train(const struct options *options, struct error *err)
{
    if (!options->config)
        return error_set(err, STATUS_USAGE, "train needs -c FILE");
    struct config *config =
        config_load(options->config, options->settings, options->setting_count, err);
    if (!config)
        return -1;
    int result = -1;
    struct folder folder;
    struct log *log = NULL;
    folder_init(&folder, config,
                options->resume      ? FOLDER_RESUME
                : options->overwrite ? FOLDER_OVERWRITE
                                     : FOLDER_FRESH);
    if (command_needs_device(options, config, err) || target_report_check(config, err) ||
        folder_enter(&folder, 0, err) ||
        (!(log = log_new(options->verbosity)) && error_set(err, STATUS_FAILED, "out of memory"))) {
        folder_fini(&folder);
        config_free(config);
        return -1;
    }
    int again =
        (options->resume && (folder.last || folder.former)) || is_own(options->config, config);
    struct dataset *data =
        dataset_expand(config, log, err) ? NULL : dataset_load_run(config, again, log, err);
    if (data) {
        command_cut_batch(config, data->count[PART_TRAIN], log);
        target_report_expect(data, config, log);
    }
    struct engine_options with = command_engine_options(log, options, 1);
    struct engine *engine = data ? engine_open(config, data, &with, err) : NULL;
    struct run run = {.config = config,
                      .engine = engine,
                      .log = log,
                      .folder = config->run.output,
                      .interrupted = &interrupted,
                      .started = options->started};
    log_progress(log, "", 0, 0);
    if (engine)
        device_stop_at(engine->dev, &interrupted);
    if (engine && !(run.plan = plan_text(engine)))
        error_set(err, STATUS_FAILED, "out of memory");
    else if (engine)
        result = run_all(&run, options, &folder, err);
    if (engine)
        device_save_programs(engine->dev);
    if (result && log)
        log_event(log, "error", json_pack("{s:s}", "message", err->text));
    free(run.plan);
    progress_fini(&run.progress);
    engine_close(engine);
    dataset_free(data);
    struct error late = {0};
    if (log && log_close(log, &late) && !result) {
        *err = late;
        result = -1;
    }
    folder_fini(&folder);
    config_free(config);
    return result;
}
