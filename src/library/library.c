/* SPDX-License-Identifier: MIT */
/* libseqtrain: the functions of seqtrain.h, over run/stream.h. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "data/instant.h"
#include "library/plain.h"
#include "library/seqtrain.h"
#include "run/stream.h"
#include "run/trained.h"
#include "task/task.h"
#include "util/clocale.h"

struct st_model {
    pthread_mutex_t lock; /* of all that calls change */
    struct log *log;      /* that nobody reads */
    struct stream *stream;
    const struct task_class *task;
    struct task_prediction prediction;
    struct task_table table;
    size_t inputs, *where; /* the columns that are asked for, among those of a row of the stream */
    double *row;           /* of the stream, 0 in the others */
    char *setting[8];      /* [count] that the stream opens checkpoints with */
    size_t count;
    int answered;        /* a window is behind it, whose latent vector can be had */
    struct error broken; /* with a status: nothing more can be had */
};

/* --- what failed */

static _Thread_local struct error last;

/* Keeps a failure for st_error(); its status. */
static int fail(const struct error *err)
{
    last = *err;
    plain_text(last.text);
    return st_status();
}

static int misuse(const char *why)
{
    error_set(&last, STATUS_USAGE, "%s", why);
    return ST_MISUSE;
}

const char *st_error(void)
{
    return last.text;
}

int st_status(void)
{
    static const int of[] = {[STATUS_FAILED] = ST_FAILED,
                             [STATUS_USAGE] = ST_MISUSE,
                             [STATUS_INPUT] = ST_INPUT,
                             [STATUS_DEVICE] = ST_DEVICE};
    return *last.text ? of[last.status ? last.status : STATUS_FAILED] : 0;
}

const char *st_version(void)
{
    return PACKAGE_VERSION;
}

/* --- opening */

/* What a model says of its files is no matter of rows that are numbers already. */
static const char *const of_files[] = {"data.series=",   "data.where=",        "data.rows=0",
                                       "data.jump=0",    "data.resample=none", "data.skip_footer=0",
                                       "data.order=auto"};
enum { OF_FILES = sizeof of_files / sizeof *of_files };

/* "device.select=..."; NULL without memory. */
static char *device_setting(const char *device)
{
    char *quoted = config_quote(device), *text = NULL;
    const size_t size = quoted ? strlen(quoted) + sizeof "device.select=" : 0;
    if (quoted && (text = malloc(size)))
        snprintf(text, size, "device.select=%s", quoted);
    free(quoted);
    return text;
}

/* The settings, which the stream reads again when it takes another checkpoint. */
static int make_settings(struct st_model *m, const char *device, struct error *err)
{
    for (; m->count < OF_FILES; m->count++)
        if (!(m->setting[m->count] = strdup(of_files[m->count])))
            return error_set(err, STATUS_FAILED, "out of memory");
    if (!device)
        return 0;
    if (device_only_plans(device))
        return error_set(err, STATUS_USAGE, "device none: it computes nothing");
    if (!(m->setting[m->count] = device_setting(device)))
        return error_set(err, STATUS_FAILED, "out of memory");
    m->count++;
    return 0;
}

static int open_stream(struct st_model *m, const char *path, struct error *err)
{
    const struct log_settings silent = {.silent = 1};
    if (trained_is_folder(path))
        return error_set(err, STATUS_USAGE, "%s: a model of texts answers no rows", path);
    if (!(m->log = log_new(LOG_QUIET)))
        return error_set(err, STATUS_FAILED, "out of memory");
    log_set(m->log, &silent);
    const struct stream_options options = {
        .settings = m->setting, .count = m->count, .log = m->log, .is_guest = 1};
    m->stream = stream_open(path, &options, err);
    return m->stream ? 0 : -1;
}

/* Columns that only targets are made of are not asked for. */
static int find_inputs(struct st_model *m, struct error *err)
{
    struct live *live = m->stream->live;
    const size_t columns = live_columns(live);
    m->row = calloc(columns + 1, sizeof *m->row);
    m->where = calloc(columns + 1, sizeof *m->where);
    if (!m->row || !m->where)
        return error_set(err, STATUS_FAILED, "out of memory");
    live_leave_targets(live);
    for (size_t i = 0; i < columns; i++)
        if (live_needs_column(live, i))
            m->where[m->inputs++] = i;
    return 0;
}

static int make_table(struct st_model *m, const char *path, struct error *err)
{
    struct stream *s = m->stream;
    m->task = task_of(s->checkpoint.config, live_data(s->live));
    if (!m->task->ready)
        return error_set(err, STATUS_USAGE, "%s: the model answers no rows", path);
    m->prediction = (struct task_prediction){
        .e = s->engine, .fitted = &s->checkpoint.fitted, .model = s->path, .log = m->log};
    m->table = (struct task_table){.p = &m->prediction};
    return m->task->ready(&m->table, err);
}

static int open_in(struct st_model *m, const char *path, const char *device, struct error *err)
{
    if (make_settings(m, device, err) || open_stream(m, path, err) || find_inputs(m, err) ||
        make_table(m, path, err))
        return -1;
    device_save_programs(m->stream->engine->dev);
    return 0;
}

st_model *st_open(const char *path, const char *device)
{
    struct error err = {0};
    struct st_model *m = path ? calloc(1, sizeof *m) : NULL;
    if (!m) {
        error_set(&err, path ? STATUS_FAILED : STATUS_USAGE, "%s",
                  path ? "out of memory" : "no model is named");
        fail(&err);
        return NULL;
    }
    const locale_t before = clocale_enter();
    pthread_mutex_init(&m->lock, NULL);
    const int failed = open_in(m, path, device, &err);
    if (failed) {
        st_free(m);
        fail(&err);
    }
    clocale_leave(before);
    return failed ? NULL : m;
}

void st_free(st_model *m)
{
    struct error ignored;
    if (!m)
        return;
    stream_close(m->stream);
    if (m->log)
        log_close(m->log, &ignored);
    for (size_t i = 0; i < m->count; i++)
        free(m->setting[i]);
    free(m->table.own);
    free(m->where);
    free(m->row);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* --- what a model is asked; none of it changes */

static const struct dataset *data_of(const st_model *m)
{
    return live_data(m->stream->live);
}

const char *st_device(const st_model *m)
{
    return device_info(m->stream->engine->dev)->name;
}

size_t st_inputs(const st_model *m)
{
    return m->inputs;
}

const char *st_input_name(const st_model *m, size_t i)
{
    return i < m->inputs ? live_column(m->stream->live, m->where[i]) : NULL;
}

size_t st_outputs(const st_model *m)
{
    const struct dataset *d = data_of(m);
    return d->targets ? d->targets : d->features;
}

const char *st_output_name(const st_model *m, size_t i)
{
    const struct dataset *d = data_of(m);
    return i >= st_outputs(m) ? NULL : d->targets ? d->target_names[i] : d->names[i];
}

int st_timed(const st_model *m)
{
    return live_is_timed(m->stream->live);
}

size_t st_rows(const st_model *m)
{
    return engine_window_elems(m->stream->engine) / st_outputs(m);
}

size_t st_needs(const st_model *m)
{
    return live_needs(m->stream->live);
}

size_t st_stride(const st_model *m)
{
    return live_stride(m->stream->live);
}

size_t st_latents(const st_model *m)
{
    const struct engine *e = m->stream->engine;
    return e->eval_io.latent ? (size_t)e->config->model.latent : 0;
}

/* --- rows */

static int check_row(const st_model *m, const double *row, int64_t time, struct error *err)
{
    int64_t ignored;
    for (size_t i = 0; i < m->inputs; i++)
        if (isinf(row[i]))
            return error_set(err, STATUS_INPUT, "column '%.200s': the value is not finite",
                             st_input_name(m, i));
    if (st_timed(m) && instant_of_number((double)time / 1000, TIME_SECONDS, &ignored))
        return error_set(err, STATUS_INPUT, "time %lld is no instant of the years 1900 to 2200",
                         (long long)time);
    return 0;
}

/* The rows that the window's prediction has; -1 with an error. */
static int take_row(st_model *m, const double *row, int64_t time, double *to, int64_t *times,
                    struct error *err)
{
    struct live *live = m->stream->live;
    const struct live_row whole = {m->row, time, time};
    for (size_t i = 0; i < m->inputs; i++)
        m->row[m->where[i]] = row[i];
    const enum live_taken taken = stream_push(m->stream, &whole, err);
    if (taken != LIVE_WINDOW)
        return taken == LIVE_TAKEN ? 0 : -1;
    m->answered = 1;
    const size_t first = live_first(live);
    const struct task_window window = {
        .number = first, .place = first, .before = live_windows(live), .y = m->stream->output};
    return (int)m->task->answer(&m->table, &window, to, times);
}

/* With the lock. */
static int push(st_model *m, const double *row, int64_t time, double *to, int64_t *times)
{
    struct error err = {0};
    if (m->broken.status)
        return fail(&m->broken);
    const int rows = check_row(m, row, time, &err) ? -1 : take_row(m, row, time, to, times, &err);
    if (rows >= 0)
        return rows;
    if (err.status != STATUS_INPUT)
        m->broken = err;
    return fail(&err);
}

int st_push(st_model *m, const double *row, int64_t time, double *predictions, int64_t *times)
{
    if (!m || !row || !predictions)
        return misuse("a model, a row and room for predictions are needed");
    const locale_t before = clocale_enter();
    pthread_mutex_lock(&m->lock);
    const int rows = push(m, row, time, predictions, times);
    pthread_mutex_unlock(&m->lock);
    clocale_leave(before);
    return rows;
}

/* With the lock. */
static int latent(st_model *m, float *to)
{
    struct error err = {0};
    if (m->broken.status)
        return fail(&m->broken);
    if (!st_latents(m))
        return misuse("the model has no latent vectors");
    if (!m->answered)
        return misuse("no window has been answered yet");
    return engine_window_latent(m->stream->engine, to, &err) ? fail(&err) : 0;
}

int st_latent(st_model *m, float *to)
{
    if (!m || !to)
        return misuse("a model and room for a latent vector are needed");
    pthread_mutex_lock(&m->lock);
    const int failed = latent(m, to);
    pthread_mutex_unlock(&m->lock);
    return failed;
}

int st_reset(st_model *m)
{
    int failed = 0;
    if (!m)
        return misuse("a model is needed");
    pthread_mutex_lock(&m->lock);
    if (m->broken.status)
        failed = fail(&m->broken);
    live_reset(m->stream->live);
    m->table.done = 0;
    m->answered = 0;
    pthread_mutex_unlock(&m->lock);
    return failed;
}

int st_reload(st_model *m)
{
    struct error err = {0};
    if (!m)
        return misuse("a model is needed");
    const locale_t before = clocale_enter();
    pthread_mutex_lock(&m->lock);
    if (m->broken.status)
        err = m->broken;
    const int failed = err.status || stream_reload(m->stream, &err) ? fail(&err) : 0;
    pthread_mutex_unlock(&m->lock);
    clocale_leave(before);
    return failed;
}
