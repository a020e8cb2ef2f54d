/* SPDX-License-Identifier: MIT */
/*
 * What a trained model is used for: evaluate, encode, predict. The checkpoint, or a Hugging Face
 * folder, alone is enough; with -c it is best.safetensors of that configuration's run folder. What
 * they print goes to standard output or, with -o, to a file.
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/kmeans.h"
#include "commands/commands.h"
#include "data/captioned.h"
#include "data/reading.h"
#include "hf/tower.h"
#include "run/features.h"
#include "run/prepare.h"
#include "run/trained.h"
#include "task/categories.h"
#include "task/put.h"
#include "task/task.h"
#include "util/file.h"
#include "util/jsonmem.h"

struct trained {
    struct log *log;
    char *path;
    struct checkpoint checkpoint;
    struct dataset *data;
    struct features *features; /* NULL: the data hold no clips */
    struct engine *engine;
    const struct task_class *task;
    struct output out;
};

/* Ends a command that came to this result; where it did not fail, -o's file appears. */
static int trained_fini(struct trained *t, int result, struct error *err)
{
    struct error late;
    result = output_close(&t->out, result, err);
    engine_close(t->engine);
    dataset_free(t->data);
    features_close(t->features);
    checkpoint_fini(&t->checkpoint);
    free(t->path);
    if (t->log)
        log_close(t->log, &late);
    return result;
}

char *command_model_path(const struct options *o, struct error *err)
{
    char *path = NULL;
    if (o->model)
        path = trained_path(o->model);
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

/* A file that -i names is taken whole, unless -s says otherwise: the range of time is that of the
 * files of training. */
static int forget_range(struct config *config, const struct options *o, struct error *err)
{
    static const struct {
        const char *name, *key, *value;
    } keys[] = {{"data.from", "from", ""}, {"data.to", "to", ""}, {"data.days", "days", "0"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int is_set = !o->input;
        for (size_t k = 0; k < o->setting_count; k++)
            is_set |= reading_sets(o->settings[k], keys[i].name);
        if (!is_set && config_set(config, "data", keys[i].key, keys[i].value, err))
            return -1;
    }
    return 0;
}

/* Several devices train together; what a trained model is used for takes one. */
static void tell_first(const struct options *o, const struct config *config, struct log *log)
{
    if (config->device.select.count > 1 && !config_splits(config) && o->verbosity != LOG_QUIET)
        log_warn(log, "device.select names %zu devices: %s uses the first of them, %s",
                 config->device.select.count, o->command, config_device(config));
}

/* All windows of the input. A file of columns may be a clip, where the encoder sees series. */
static struct dataset *load_whole(const struct config *c, const char *input,
                                  const struct fitted *fitted, struct log *log, struct error *err)
{
    const int is_tower = hf_tower_is_named(c->encoder.base) && file_is_folder(c->encoder.base);
    const int is_clip = input && dataset_is_clips(c) && !is_tower && captioned_is_series(c, input);
    return (is_clip ? dataset_load_clip : dataset_load_all)(c, input, fitted, log, err);
}

/* Opens what a command needs; whole: all windows of the input in one part, else its parts. */
static int trained_init(struct trained *t, const struct options *o, int whole, struct error *err)
{
    static const volatile sig_atomic_t never;
    memset(t, 0, sizeof *t);
    /* standard output is for results, unless these go to a file */
    t->log = log_new(o->output && o->verbosity == LOG_VERBOSE ? LOG_VERBOSE : LOG_QUIET);
    if (!t->log)
        error_set(err, STATUS_FAILED, "out of memory");
    t->path = command_model_path(o, err);
    if (!t->log || !t->path ||
        trained_read(&t->checkpoint, t->path, o->input, o->settings, o->setting_count, err) ||
        command_needs_device(o, t->checkpoint.config, err) ||
        forget_range(t->checkpoint.config, o, err) ||
        output_open(&t->out, o, t->path, t->checkpoint.config, err))
        goto failed;
    tell_first(o, t->checkpoint.config, t->log);
    prepare_tell_unchecked(o->verbosity, t->log, trained_summed(&t->checkpoint), t->path);
    struct config *c = t->checkpoint.config;
    const struct fitted *fitted = &t->checkpoint.fitted;
    t->data =
        whole ? load_whole(c, o->input, fitted, t->log, err) : dataset_load(c, fitted, t->log, err);
    if (!t->data)
        goto failed;
    t->task = task_of(c, t->data);
    struct engine_options with = prepare_engine(t->log, 0, o->profile);
    const struct features_how how = {t->log, with.own, &never};
    if (t->data->captioned && !(t->features = features_open(c, t->data, &how, err)))
        goto failed;
    t->engine = prepare_open(c, t->data, with, t->log, err);
    if (!t->engine || trained_load(&t->checkpoint, t->path, t->engine, err))
        goto failed;
    return 0;
failed:
    return trained_fini(t, -1, err);
}

int command_evaluate(const struct options *options, struct error *err)
{
    static const char *const names[] = {"train", "validation", "test"};
    struct trained t;
    if (trained_init(&t, options, options->input != NULL, err))
        return -1;
    if (options->input && t.task->keep_known &&
        t.task->keep_known(t.data, t.checkpoint.config, options->input, err))
        return trained_fini(&t, -1, err);
    /* a path need not be text */
    json_t *all = json_object(), *path = json_string(t.path);
    int failed = 0;
    json_object_set_new(all, "model", path ? path : json_null());
    json_object_set_new(all, "epoch", json_integer((json_int_t)t.checkpoint.epoch));
    task_set_fold(all, t.data);
    for (int part = 0; part < PARTS && !failed; part++) {
        struct task_result r;
        size_t count;
        const uint32_t *start = dataset_windows(t.data, (enum part)part, &count);
        if (!count)
            continue;
        failed = task_evaluate(&r, t.task, t.engine, start, count, t.log, err);
        if (failed)
            break;
        json_object_set_new(all, options->input ? "input" : names[part], t.task->json(&r));
        task_release(&r);
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

/* Fills the cache of features of a captioner's clips. An interruption leaves what is done. */
static int encode_clips(const struct options *o, struct config *config, struct error *err)
{
    static const volatile sig_atomic_t never;
    if (!features_are_kept(config))
        return error_set(err, STATUS_USAGE, "[encoder] cache = none: there is no cache to fill");
    struct log *log = log_new(o->verbosity);
    struct error late;
    if (!log)
        return error_set(err, STATUS_FAILED, "out of memory");
    const struct engine_options with = prepare_engine(log, 0, o->profile);
    const struct features_how how = {log, with.own, &never};
    struct dataset *data =
        command_needs_device(o, config, err) ? NULL : dataset_load(config, NULL, log, err);
    struct features *features = data ? features_open(config, data, &how, err) : NULL;
    const int failed = !features;
    dataset_free(data);
    features_close(features);
    log_close(log, &late);
    return failed ? -1 : 0;
}

int command_encode(const struct options *options, struct error *err)
{
    if (options->config && !options->model) {
        struct config *config =
            prepare_config(options->config, options->settings, options->setting_count, err);
        const int sees = config && config->model.type == MODEL_CAPTIONER;
        const int failed = !config || (sees && encode_clips(options, config, err));
        config_free(config);
        if (failed || sees)
            return failed ? -1 : 0;
    }
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
    size_t block = task_block(d);
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
        put_row_heading(t.data, out);
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
            put_row(t.data, start[i], out);
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

int command_predict(const struct options *options, struct error *err)
{
    struct trained t;
    if (options->follow || (options->input && !strcmp(options->input, "-")))
        return command_live(options, err);
    if (trained_init(&t, options, 1, err))
        return -1;
    const struct task_prediction prediction = {.e = t.engine,
                                               .fitted = &t.checkpoint.fitted,
                                               .model = t.path,
                                               .out = t.out.stream,
                                               .name = t.out.name,
                                               .log = t.log};
    return trained_fini(&t, t.task->predict(&prediction, err), err);
}
