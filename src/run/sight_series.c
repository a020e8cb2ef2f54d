/* SPDX-License-Identifier: MIT */
/*
 * A trained model of ours, which sees windows of a file of series: its latent vector of a window,
 * or the last of the rows that its head reads. Files are read as predict reads them, but that a
 * window may begin at any row, and that nothing is asked of targets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hf/tower.h"
#include "models/model.h"
#include "run/sight.h"
#include "run/trained.h"
#include "util/content.h"
#include "util/file.h"

struct seen_series {
    const struct config *config; /* of the captioner */
    char *path;                  /* of the checkpoint */
    struct checkpoint checkpoint;
    struct config reads, runs; /* its configuration as files are read, and as windows are run */
    size_t numbers;            /* of a window */
    size_t rows, columns;      /* that are made of it */
    struct dataset *windows;   /* of a batch, */
    struct engine *engine;     /* which it runs, once it was started */
    float *shown;              /* [batch, T, D] rows in front of the head */
};

/* --- what is known of the checkpoint */

static int read_checkpoint(struct checkpoint *to, const char *path, struct error *err)
{
    if (trained_read(to, path, NULL, NULL, 0, err))
        return -1;
    if (!model_columns(to->config))
        error_set(err, STATUS_USAGE,
                  "%s: a model of type %s reads text; an encoder reads images or series", path,
                  model_of(to->config)->name);
    else if (to->config->data.channels == CHANNELS_APART)
        error_set(err, STATUS_USAGE,
                  "%s: with channels = apart it sees one column at a time; a clip needs a model of "
                  "all columns: channels = together",
                  path);
    else
        return 0;
    checkpoint_fini(to);
    return -1;
}

/* The checkpoint that the base names. The caller frees. */
static char *path_of(const char *base, struct error *err)
{
    char *path = trained_path(base);
    if (!path)
        error_set(err, STATUS_FAILED, "out of memory");
    return path;
}

/* The keys that a latent vector or rows in front of a head decide. */
static void take(struct config_making *making, const struct config *c, const struct config *model)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", model_columns(model));
    config_must(making, "encoder.columns", number, "encoder.base");
    if (model_of(model)->supervised)
        config_default(making, "encoder.rows", "1");
    else
        config_must(making, "encoder.rows", "1", "encoder.base");
    if (model_of(model)->supervised && c->encoder.rows > model->data.window)
        config_clash(making, "encoder.rows", "encoder.base",
                     "rows = %ld is more than the %ld rows of a window of base", c->encoder.rows,
                     model->data.window);
}

void sight_settle(struct config_making *making, const struct config *c)
{
    const int knows = c->encoder.rows > 0 && c->encoder.columns > 0;
    struct checkpoint checkpoint;
    struct error err;
    if (!*c->encoder.base || hf_tower_is_named(c->encoder.base))
        return;
    char *path = path_of(c->encoder.base, &err);
    struct stat state;
    if (path && knows && stat(path, &state)) { /* a run's own config.ini says all */
        free(path);
        return;
    }
    if (path && !read_checkpoint(&checkpoint, path, &err)) {
        take(making, c, checkpoint.config);
        checkpoint_fini(&checkpoint);
    } else if (err.status == STATUS_FAILED) {
        config_short(making);
    } else {
        config_clash(making, "encoder.base", "encoder.base", "%s", err.text);
    }
    free(path);
}

/* --- opening */

static void series_stop(void *own)
{
    struct seen_series *s = own;
    engine_close(s->engine);
    dataset_free(s->windows);
    free(s->shown);
    s->engine = NULL;
    s->windows = NULL;
    s->shown = NULL;
}

static void series_close(void *own)
{
    struct seen_series *s = own;
    series_stop(s);
    checkpoint_fini(&s->checkpoint);
    free(s->path);
    free(s);
}

/* What holds of the files of training alone is let go. */
static struct config as_read(const struct config *c)
{
    static char none[1];
    struct config to = *c;
    to.data.targets = to.data.target_source = (struct list){0};
    to.data.from = to.data.to = to.data.augment_where = none;
    to.data.days = 0;
    to.data.stride = to.data.eval_window = -1;
    to.data.permute_targets = 0;
    to.data.short_series = SHORT_ERROR;
    to.data.cache = 0;
    to.data.feed = FEED_RESIDENT;
    return to;
}

/* Each window by itself, on the device that the captioner names. */
static struct config as_run(const struct config *c, const struct config *captioner)
{
    struct config to = *c;
    to.device = captioner->device;
    to.model.split = captioner->model.split;
    to.data.eval_window = to.train.evaluate_batch = -1;
    to.train.shards = to.train.accumulate = 1;
    to.train.effective_batch = 0;
    to.data.feed = FEED_RESIDENT;
    return to;
}

static int describe(struct seen_series *s, struct sight_shape *to, struct error *err)
{
    const struct config *c = s->checkpoint.config;
    s->reads = as_read(c);
    s->runs = as_run(c, s->config);
    s->numbers = (size_t)c->data.window * c->data.features.count;
    s->rows = model_of(c)->supervised && s->config->encoder.rows > 0
                  ? (size_t)s->config->encoder.rows
                  : 1;
    s->columns = model_columns(c);
    *to = (struct sight_shape){.numbers = s->numbers, .rows = s->rows, .columns = s->columns};
    return s->rows <= (size_t)c->data.window
               ? 0
               : error_set(err, STATUS_USAGE,
                           "[encoder] rows: %zu of a window are wanted, and those of %s have %ld",
                           s->rows, s->path, c->data.window);
}

static void *series_open(const struct config *config, int reads, struct sight_shape *to,
                         struct error *err)
{
    struct seen_series *s = calloc(1, sizeof *s);
    (void)reads;
    if (!s) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    s->config = config;
    if ((s->path = path_of(config->encoder.base, err)) &&
        !read_checkpoint(&s->checkpoint, s->path, err) && !describe(s, to, err))
        return s;
    series_close(s);
    return NULL;
}

static int series_list(const void *own, const char *path, struct clip *to, struct error *err)
{
    const struct seen_series *s = own;
    if (file_is_folder(path))
        return error_set(err, STATUS_INPUT,
                         "%s: this is a folder; what %s sees of a clip is one file of series", path,
                         s->path);
    if (errno)
        return error_errno(err, STATUS_INPUT, path);
    return clip_open(to, path, 1, err);
}

static int series_tell(const void *own, FILE *to, struct error *err)
{
    const struct seen_series *s = own;
    struct content weights;
    char hash[CONTENT_TEXT];
    if (content_of_weights(s->path, &weights, err))
        return -1;
    fprintf(to, "encoder.weights = %s\n", content_text(weights, hash));
    fprintf(to, "encoder.frames = %s\n",
            config_choice("encoder", "frames", s->config->encoder.frames));
    fprintf(to, "data.frames = %ld\n", s->config->data.frames);
    fprintf(to, "preprocessing = series, windows of %ld rows, evenly to the last\n",
            s->checkpoint.config->data.window);
    return 0;
}

/* --- reading */

/* Which of n windows is the k-th of `frames`: evenly from the first to the last; one is the last.
 */
static size_t window_of(size_t n, size_t frames, size_t k)
{
    return frames < 2 ? n - 1 : ((n - 1) * k + (frames - 1) / 2) / (frames - 1);
}

static void take_windows(const struct seen_series *s, const struct dataset *data, float *to)
{
    const size_t frames = (size_t)s->config->data.frames, count = data->count[PART_TEST];
    for (size_t k = 0; k < frames; k++) {
        const size_t row = data->start[PART_TEST][window_of(count, frames, k)];
        memcpy(to + k * s->numbers, data->series + row * data->features, s->numbers * sizeof *to);
    }
}

/* Tells what a clip must have, behind what is wrong with it. */
static int misfit(const struct seen_series *s, struct error *err)
{
    const struct config *c = s->checkpoint.config;
    const struct error why = *err;
    char features[120] = "";
    size_t used = 0;
    if (why.status == STATUS_FAILED)
        return -1;
    for (size_t i = 0; i < c->data.features.count && used < sizeof features; i++)
        used += (size_t)snprintf(features + used, sizeof features - used, "%s%s", i ? ", " : "",
                                 c->data.features.item[i]);
    return error_set(
        err, why.status,
        "%s; encoder.base = %s sees windows of %ld rows of %s%s: what lacks them is no "
        "clip for it",
        why.text, s->path, c->data.window, features, used < sizeof features ? "" : " ...");
}

static int series_read(const void *own, const struct clip *clip, float *to, struct error *err)
{
    const struct seen_series *s = own;
    const struct fitted *all = &s->checkpoint.fitted;
    const struct fitted fitted = {.scaler = all->scaler, .reading = all->reading};
    struct error late;
    struct log *log = log_new(LOG_QUIET);
    if (!log)
        return error_set(err, STATUS_FAILED, "%s: out of memory", clip->path[0]);
    log_set(log, &(struct log_settings){.silent = 1});
    struct dataset *data = dataset_load_all(&s->reads, clip->path[0], &fitted, log, err);
    int failed = !data;
    if (data && data->files != 1)
        failed = error_set(err, STATUS_INPUT, "%s: there are %zu series in it, and a clip is one",
                           clip->path[0], data->files);
    else if (data && !data->count[PART_TEST])
        failed = error_set(err, STATUS_INPUT, "%s: no window is left", clip->path[0]);
    else if (data)
        take_windows(s, data, to);
    dataset_free(data);
    log_close(log, &late);
    return failed ? misfit(s, err) : 0;
}

/* --- running */

/* The extents of what the engine makes are those that the keys say. */
static int check_made(const struct seen_series *s, struct error *err)
{
    const struct model_io *io = &s->engine->eval_io;
    if (io->latent)
        return io->latent->elems == s->engine->eval_batch * s->columns
                   ? 0
                   : error_set(err, STATUS_INPUT, "%s: its latent vector is another", s->path);
    const size_t rows = io->rows->elems / s->engine->eval_batch / s->columns;
    return rows >= s->rows
               ? 0
               : error_set(err, STATUS_USAGE,
                           "[encoder] rows: %zu of a window are wanted, and the head of %s reads "
                           "%zu",
                           s->rows, s->path, rows);
}

static int load(struct seen_series *s, struct error *err)
{
    const struct tensor *rows = s->engine->eval_io.rows;
    if (check_made(s, err))
        return -1;
    if (rows && !(s->shown = malloc(rows->elems * sizeof *s->shown)))
        return error_set(err, STATUS_FAILED, "out of memory");
    return device_counts(s->engine->dev) ? 0
                                         : trained_load(&s->checkpoint, s->path, s->engine, err);
}

/* A CPU takes one after the other, as it takes images (train/encoder.c). */
static int series_start(void *own, struct session *session, size_t batch, struct sight_shape *to,
                        struct error *err)
{
    struct seen_series *s = own;
    const struct engine_options with = {.session = session, .shows_rows = 1};
    struct log *log = log_new(LOG_QUIET);
    struct error late;
    if (!log)
        return error_set(err, STATUS_FAILED, "out of memory");
    s->runs.train.batch = device_info(session->dev)->is_cpu ? 1 : (long)batch;
    s->windows =
        dataset_blank(&s->runs, &s->checkpoint.fitted, (size_t)s->runs.train.batch, log, err);
    log_close(log, &late);
    s->runs.data.feed = FEED_STREAM; /* windows change from batch to batch */
    if (!s->windows || !(s->engine = engine_open(&s->runs, s->windows, &with, err)) || load(s, err))
        return -1;
    const struct plan *p = s->engine->eval;
    to->bytes = s->engine->bytes;
    for (size_t i = 0; i < p->launch_count; i++)
        to->flops += p->launches[i]->flops / (double)s->engine->eval_batch;
    return 0;
}

/* The last rows of a window. Where one is wanted, the backward direction's is its own last, the
 * window's first. */
static void take_rows(const struct seen_series *s, const float *from, size_t count, float *to)
{
    const size_t reverse = s->engine->eval_io.reverse, ahead = s->columns - reverse;
    memcpy(to, from + (count - s->rows) * s->columns, s->rows * s->columns * sizeof *to);
    if (s->rows == 1)
        memcpy(to + ahead, from + ahead, reverse * sizeof *to);
}

static int run_batch(struct seen_series *s, const float *frames, size_t n, float *to,
                     struct error *err)
{
    struct dataset *data = s->windows;
    struct evaluation ignored;
    const uint32_t *start = data->start[PART_TEST];
    for (size_t i = 0; i < n; i++)
        memcpy(data->series + start[i] * data->features, frames + i * s->numbers,
               s->numbers * sizeof *frames);
    const struct outputs outputs = {.latent = s->shown ? NULL : to, .rows = s->shown};
    if (engine_evaluate(s->engine, start, n, &outputs, &ignored, err))
        return -1;
    const size_t each =
        s->shown ? s->engine->eval_io.rows->elems / s->engine->eval_batch : s->columns;
    for (size_t i = 0; s->shown && i < n; i++)
        take_rows(s, s->shown + i * each, each / s->columns, to + i * s->rows * s->columns);
    return 0;
}

static int series_run(void *own, const float *frames, size_t n, float *rows, float *pooled,
                      struct error *err)
{
    struct seen_series *s = own;
    const size_t batch = s->engine->eval_batch;
    (void)pooled;
    for (size_t i = 0, now; i < n; i += now) {
        now = n - i < batch ? n - i : batch;
        if (run_batch(s, frames + i * s->numbers, now, rows + i * s->rows * s->columns, err))
            return -1;
    }
    return 0;
}

const struct sight_class sight_series = {
    .open = series_open,
    .close = series_close,
    .list = series_list,
    .tell = series_tell,
    .read = series_read,
    .start = series_start,
    .stop = series_stop,
    .run = series_run,
};
