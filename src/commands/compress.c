/* SPDX-License-Identifier: MIT */
/*
 * compress: a checkpoint without some of its units (run/pruned.h), which a run then trains on with
 * the checkpoint as its teacher, and what came of it: a table of the three models.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/commands.h"
#include "data/reading.h"
#include "run/prepare.h"
#include "run/pruned.h"
#include "run/trained.h"
#include "util/file.h"
#include "util/now.h"

#define SECONDS 0.5 /* that a model's speed is measured for, at least */

/* What a compression works with; all are owned. */
struct compression {
    char *from;   /* the checkpoint, by its whole path */
    char *folder; /* of the run */
    char *pruned; /* the checkpoint that the run starts from, beside the folder */
    double keep;
};

static void compression_fini(struct compression *c)
{
    free(c->from);
    free(c->folder);
    free(c->pruned);
}

/* --- what the command line says */

static int read_keep(const struct options *o, double *keep, struct error *err)
{
    char *end = NULL;
    *keep = 0.5;
    if (!o->keep)
        return 0;
    *keep = strtod(o->keep, &end);
    if (end == o->keep || *end || !(*keep > 0 && *keep < 1))
        return error_set(err, STATUS_USAGE,
                         "--keep %s: a number above 0 and below 1 is the part that stays", o->keep);
    return 0;
}

/* The run's folder: that of -o, or beside the folder of the run that trained the checkpoint. */
static char *folder_of(const struct options *o, const struct config *config)
{
    int is_set = 0;
    char *folder = NULL;
    for (size_t i = 0; i < o->setting_count; i++)
        is_set |= reading_sets(o->settings[i], "run.output");
    if (asprintf(&folder, "%s%s", config->run.output, is_set ? "" : "-compressed") < 0)
        return NULL;
    return folder;
}

static int check_alone(const struct config *config, struct error *err)
{
    return config->device.select.count > 1
               ? error_set(err, STATUS_USAGE, "compress uses one device: -d names it")
               : 0;
}

static int compression_init(struct compression *c, const struct options *o, struct error *err)
{
    struct checkpoint checkpoint;
    *c = (struct compression){0};
    if (!o->model)
        return error_set(err, STATUS_USAGE, "compress needs -m CKPT");
    if (read_keep(o, &c->keep, err))
        return -1;
    if (trained_is_folder(o->model))
        return error_set(err, STATUS_USAGE,
                         "-m %s: this is a Hugging Face folder, whose model has no units that can "
                         "be left out",
                         o->model);
    char *path = trained_path(o->model);
    c->from = path ? file_real(path) : NULL;
    free(path);
    if (!c->from)
        return error_set(err, STATUS_FAILED, "%s: out of memory", o->model);
    if (checkpoint_read(&checkpoint, c->from, o->settings, o->setting_count, prepare_check, err))
        return -1;
    c->folder = folder_of(o, checkpoint.config);
    const int failed =
        check_alone(checkpoint.config, err) || command_needs_device(o, checkpoint.config, err);
    checkpoint_fini(&checkpoint);
    if (failed)
        return -1;
    if (!c->folder || asprintf(&c->pruned, "%s-pruned.safetensors", c->folder) < 0) {
        c->pruned = NULL;
        return error_set(err, STATUS_FAILED, "out of memory");
    }
    return 0;
}

/* --- what a model is like */

struct likeness {
    size_t parameters, bytes;
    double rate, figure; /* windows a second; the loss, or NaN */
    enum part part;      /* that they are of */
};

/* Parameters and their bytes; what an optimizer keeps is none. */
static void count_params(const struct safetensors *st, struct likeness *to)
{
    for (size_t i = 0; i < st->count; i++) {
        const struct safetensor *t = &st->tensor[i];
        if (!strncmp(t->name, "optimizer.", 10) || !strncmp(t->name, "state.", 6))
            continue;
        to->bytes += t->bytes;
        to->parameters += t->bytes / 4;
    }
}

/* The loss of a part, and how many of its windows are seen in a second. */
static int run_windows(struct engine *e, struct likeness *to, struct error *err)
{
    struct evaluation evaluation;
    size_t count = 0, seen = 0;
    static const enum part parts[] = {PART_VALIDATION, PART_TEST, PART_TRAIN};
    const uint32_t *start = NULL;
    for (int i = 0; i < 3 && !count; i++) {
        to->part = parts[i];
        start = dataset_windows(e->data, to->part, &count);
    }
    if (engine_evaluate(e, start, count, NULL, &evaluation, err))
        return -1;
    to->figure = evaluation.loss;
    const double began = now();
    while (now() - began < SECONDS && !interrupted) {
        if (engine_evaluate(e, start, count, NULL, &evaluation, err))
            return -1;
        seen += count;
    }
    to->rate = (double)seen / (now() - began);
    return 0;
}

static int look_at(const struct options *o, const char *path, struct likeness *to,
                   struct error *err)
{
    struct checkpoint c;
    struct error late;
    struct log *log = log_new(LOG_QUIET);
    *to = (struct likeness){0};
    if (!log)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (checkpoint_read(&c, path, o->settings, o->setting_count, prepare_check, err)) {
        log_close(log, &late);
        return -1;
    }
    struct dataset *data = dataset_load(c.config, &c.fitted, log, err);
    struct engine *e =
        data ? prepare_open(c.config, data, prepare_engine(log, 0, 0), log, err) : NULL;
    count_params(c.st, to);
    const int failed = !e || trained_load(&c, path, e, err) || run_windows(e, to, err);
    engine_close(e);
    dataset_free(data);
    checkpoint_fini(&c);
    log_close(log, &late);
    return failed ? -1 : 0;
}

/* --- the steps */

/* Writes the smaller checkpoint; a run that goes on has it. */
static int prune(const struct options *o, const struct compression *c, struct error *err)
{
    struct pruned p;
    struct stat state;
    const int is_there = !stat(c->pruned, &state);
    if (o->resume && is_there)
        return 0;
    if (is_there && !o->overwrite)
        return error_set(err, STATUS_USAGE,
                         "%s is there already: --overwrite starts afresh, --resume goes on",
                         c->pruned);
    if (pruned_write(c->from, c->pruned, c->keep, &p, err))
        return -1;
    if (o->verbosity != LOG_QUIET)
        printf("model.%s: %zu of %zu units stay in each of %zu sets\n", p.key, p.kept, p.size,
               p.sets);
    fflush(stdout);
    return 0;
}

/* "name=value", the value in quotes; the caller frees. NULL: memory. */
static char *setting_of(const char *name, const char *value)
{
    char *quoted = config_quote(value), *text = NULL;
    if (quoted && asprintf(&text, "%s=%s", name, quoted) < 0)
        text = NULL;
    free(quoted);
    return text;
}

/* Trains the smaller model on. What -s says wins. */
static int fine_tune(const struct options *o, const struct compression *c, struct error *err)
{
    struct options with = *o;
    char **all = calloc(o->setting_count + 4, sizeof *all);
    int failed = !all;
    if (all) {
        all[0] = setting_of("loss.teacher", c->from);
        all[1] = setting_of("run.output", c->folder);
        all[2] = setting_of("model.init", c->pruned);
        all[3] = setting_of("data.fitted_by", c->pruned);
        failed = !all[0] || !all[1] || !all[2] || !all[3];
        memcpy(all + 4, o->settings, o->setting_count * sizeof *all);
    }
    with.settings = all;
    with.setting_count = o->setting_count + 4;
    int result = failed ? error_set(err, STATUS_FAILED, "out of memory")
                        : command_train_checkpoint(&with, c->pruned, err);
    for (int i = 0; i < 4 && all; i++)
        free(all[i]);
    free(all);
    return result;
}

static void print_row(const char *name, const struct likeness *l)
{
    printf("%-10s %11zu %10zu %10.0f %16.6g\n", name, l->parameters, l->bytes, l->rate, l->figure);
}

static void print_table(const struct likeness all[3])
{
    static const char *const figure[PARTS] = {"training loss", "validation loss", "test loss"};
    static const char *const names[] = {"before", "pruned", "fine-tuned"};
    printf("%-10s %11s %10s %10s %16s\n", "", "parameters", "bytes", "windows/s",
           figure[all[0].part]);
    for (int i = 0; i < 3; i++)
        print_row(names[i], &all[i]);
}

int command_compress(const struct options *options, struct error *err)
{
    struct compression c;
    struct likeness all[3];
    char *best = NULL;
    int failed = compression_init(&c, options, err) || prune(options, &c, err) ||
                 look_at(options, c.from, &all[0], err) ||
                 look_at(options, c.pruned, &all[1], err) || fine_tune(options, &c, err);
    if (!failed && !interrupted) {
        best = file_join(c.folder, "best.safetensors");
        failed = best ? look_at(options, best, &all[2], err)
                      : error_set(err, STATUS_FAILED, "out of memory");
        if (!failed && !interrupted)
            print_table(all);
    }
    free(best);
    compression_fini(&c);
    return failed ? -1 : 0;
}
