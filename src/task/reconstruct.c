/* SPDX-License-Identifier: MIT */
#include "task/reconstruct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "task/put.h"
#include "train/advice.h"
#include "util/file.h"
#include "util/jsonnumber.h"

struct reconstruction *reconstruct_of(const struct task_result *r)
{
    return r->class == &task_reconstruct ? r->own : NULL;
}

/* --- the fit of a part */

struct adding {
    struct fit *fit;
    const struct engine *e;
    struct log *log;
    size_t count;
};

static int add_batch(void *ctx, const struct outputs *batch, size_t first, size_t n)
{
    struct adding *a = ctx;
    fit_add(a->fit, batch->input, batch->output, n, a->e->data->window);
    log_progress(a->log, "Evaluating", first + n, a->count);
    return device_stopped(a->e->dev);
}

static void reconstruct_release(struct task_result *r)
{
    struct reconstruction *own = r->own;
    fit_fini(&own->fit);
    grouping_fini(&own->grouping);
    free(own);
}

static int reconstruct_evaluate(struct task_result *r, const uint32_t *start, struct log *log,
                                struct error *err)
{
    static const enum fit_loss losses[] = {
        [LOSS_MSE] = FIT_MSE, [LOSS_MAE] = FIT_MAE, [LOSS_HUBER] = FIT_HUBER};
    struct engine *e = r->e;
    const struct dataset *data = e->data;
    size_t elems = data->window * data->features, batch = engine_batch(e);
    struct reconstruction *own = r->own = calloc(1, sizeof *own);
    if (!own)
        return error_set(err, STATUS_FAILED, "out of memory");
    float *x = malloc(batch * elems * sizeof *x), *y = malloc(batch * elems * sizeof *y);
    struct adding adding = {&own->fit, e, log, r->windows};
    struct outputs outputs = {.input = x, .output = y, .each = add_batch, .ctx = &adding};
    int failed =
        x && y ? fit_init(&own->fit, losses[e->config->loss.reconstruction], data->features, err)
               : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        failed = engine_evaluate(e, start, r->windows, &outputs, &r->evaluation, err);
    log_progress(log, "", 0, 0);
    free(x);
    free(y);
    if (failed)
        reconstruct_release(r);
    return failed;
}

static json_t *reconstruct_json(const struct task_result *r)
{
    const struct dataset *data = r->e->data;
    const struct fit *fit = &reconstruct_of(r)->fit;
    json_t *r2 = json_object();
    for (size_t f = 0; f < data->features; f++)
        json_object_set_new(r2, data->names[f], jsonnumber(fit_r2(fit, f)));
    json_t *all = json_pack("{s:I, s:o}", "windows", (json_int_t)r->windows, "loss",
                            jsonnumber(r->evaluation.loss));
    for (size_t k = 0; k < r->e->eval_io.terms.count; k++)
        if (r->e->eval_io.terms.term[k].over != TERM_UNKNOWN)
            json_object_set_new(all, r->e->eval_io.terms.term[k].name,
                                jsonnumber(r->evaluation.term[k]));
    json_object_set_new(all, "window_mean_reconstruction", jsonnumber(fit_baseline(fit)));
    json_object_set_new(all, "r2", r2);
    return all;
}

/* --- words */

/* Whether the scaler takes the level out of each window. */
static int is_by_window(const struct config *c)
{
    return c->data.scaler.kind == SCALER_WINDOW || c->data.scaler.kind == SCALER_RELATIVE;
}

static struct verdict_about about_of(const struct config *c)
{
    return (struct verdict_about){
        .scaled_by_window = is_by_window(c),
        .contrastive = c->loss.contrastive != CONTRASTIVE_NONE && c->loss.contrastive_weight > 0,
        .lr_is_high = c->train.lr >= advice_most_lr(c),
    };
}

static void say_verdict(struct log *log, const char *what, struct verdict v)
{
    log_say(log, "%s: %s%s%s", what, v.band, *v.advice ? "; what helps: " : "", v.advice);
}

/* A low R may come from the level and scale of the features alone: names those whose shape within
 * the window is not reconstructed. */
static void tell_blind(struct log *log, const struct fit *fit, const struct dataset *data,
                       int scaled_by_window)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t f = 0; f < data->features; f++)
        if (fit_r2(fit, f) < 0.2 && used < sizeof names - 1)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                     data->names[f]);
    if (used)
        log_say(
            log, "Within windows hardly anything is reconstructed (R2 below 0.2) of: %s%s.", names,
            scaled_by_window ? "" : "; scaler = window makes the shape count instead of the level");
}

static void reconstruct_tell(const struct task_result *r, const struct task_report_to *to)
{
    const struct config *c = r->e->config;
    const struct dataset *data = r->e->data;
    const struct fit *fit = &reconstruct_of(r)->fit;
    struct log *log = to->log;
    double model = fit_model(fit), baseline = fit_baseline(fit);
    struct verdict v = verdict_reconstruction(model, baseline, about_of(c));
    log_say(log,
            "Reconstruction of %zu %s windows%s: R %.6f; emitting each window's mean gives %.6f (R "
            "is %.3g%% of it).",
            r->windows, to->part, to->fold, model, baseline, 100 * model / baseline);
    for (size_t f = 0; f < data->features; f++)
        log_say(log, "  R2 within windows, %-20s %7.4f", data->names[f], fit_r2(fit, f));
    say_verdict(log, "Reconstruction", v);
    tell_blind(log, fit, data, is_by_window(c));
    struct verdict g = verdict_generalisation(to->train, model);
    say_verdict(log, "Generalisation", g);
    json_t *event = reconstruct_json(r);
    json_object_set_new(event, "part", json_string(to->part));
    task_set_fold(event, data);
    json_object_set_new(event, "band", json_string(v.band));
    json_object_set_new(event, "advice", json_string(v.advice));
    json_object_set_new(event, "generalisation", json_string(g.band));
    task_set_said(event, log);
    log_event(log, "verdict", event);
}

static void tell_categories(struct log *log, const struct grouping *g, const struct config *c)
{
    double share;
    struct verdict v = verdict_categories(g->size, g->k, about_of(c), &share);
    char what[96];
    snprintf(what, sizeof what, "%zu categories, the largest holds %.1f%%", g->k, 100 * share);
    say_verdict(log, what, v);
    log_event(log, "categories",
              json_pack("{s:I, s:f, s:s, s:s}", "categories", (json_int_t)g->k, "largest_share",
                        share, "band", v.band, "advice", v.advice));
}

static struct task_baseline reconstruct_baseline(const struct task_result *r)
{
    return (struct task_baseline){fit_baseline(&reconstruct_of(r)->fit), "window mean",
                                  "each window's mean"};
}

/* Categories of the latent vectors. */
static int reconstruct_analyse(struct task_result *r, const struct task_report_to *to,
                               struct error *err)
{
    struct grouping *g = &reconstruct_of(r)->grouping;
    int ended = *to->interrupted ? 1 : grouping_init(g, r->e, to->log, err);
    if (!ended && g->k) {
        ended = categories_write(g, to->epoch, to->folder, err);
        tell_categories(to->log, g, r->e->config);
    }
    return !ended && *to->interrupted ? 1 : ended;
}

/* --- predictions */

/* A reconstruction of the window that starts at row `start` in the units of the input: the scaler
 * undone, or the window's own mean and deviation put back. */
static void to_input_units(const struct dataset *data, size_t start, float *y)
{
    size_t window = data->window, features = data->features;
    const float *series = data->series + start * features;
    const struct series *own = &data->file[dataset_series(data, start)];
    for (size_t f = 0; f < features; f++) {
        size_t at = own->channel * features + f;
        double offset = data->scaler.offset[at], scale = data->scaler.scale[at];
        if (data->scaler.kind == SCALER_WINDOW) {
            double mean = 0, square = 0;
            for (size_t i = 0; i < window; i++)
                mean += series[i * features + f];
            mean /= (double)window;
            for (size_t i = 0; i < window; i++)
                square += (series[i * features + f] - mean) * (series[i * features + f] - mean);
            double sd = sqrt(square / (double)window);
            offset = mean;
            scale = sd > 1e-7 * fabs(mean) ? sd : 1; /* as gather.cl */
        }
        if (data->scaler.kind == SCALER_RELATIVE) {
            offset = series[(window - 1) * features + data->scaler.base];
            scale = fabs(offset);
        }
        for (size_t i = 0; i < window; i++)
            y[i * features + f] = (float)(y[i * features + f] * scale + offset);
    }
}

static int reconstruct_begin(struct task_table *table, struct error *err)
{
    const struct dataset *data = table->p->e->data;
    FILE *out = table->p->out;
    (void)err;
    fputs("window,", out);
    put_row_heading(data, out);
    for (size_t f = 0; f < data->features; f++) {
        putc(',', out);
        put_name(data->names[f], out);
    }
    putc('\n', out);
    return 0;
}

static void reconstruct_put(struct task_table *table, const struct task_window *window)
{
    const struct dataset *data = table->p->e->data;
    FILE *out = table->p->out;
    to_input_units(data, window->start, window->y);
    for (size_t row = 0; row < data->window; row++) {
        fprintf(out, "%zu,", window->before);
        put_row_numbered(data, window->start + row,
                         (data->by_series ? window->number : window->place) + row, out);
        for (size_t f = 0; f < data->features; f++)
            fprintf(out, ",%.9g", (double)window->y[row * data->features + f]);
        putc('\n', out);
    }
}

static void reconstruct_end(struct task_table *table)
{
    (void)table;
}

static int reconstruct_ready(struct task_table *table, struct error *err)
{
    (void)table;
    (void)err;
    return 0;
}

static size_t reconstruct_answer(struct task_table *table, const struct task_window *window,
                                 double *to, int64_t *time)
{
    const struct dataset *data = table->p->e->data;
    to_input_units(data, window->start, window->y);
    for (size_t i = 0; i < data->window * data->features; i++)
        to[i] = window->y[i];
    for (size_t row = 0; time && row < data->window; row++)
        time[row] = data->time ? data->time[window->start + row] : DATASET_NO_TIME;
    return data->window;
}

/* Reconstructions of all windows, in the units of the input. */
static int reconstruct_predict(const struct task_prediction *p, struct error *err)
{
    struct task_table table = {.p = p};
    const struct dataset *data = p->e->data;
    size_t elems = data->window * data->features, count = data->count[PART_TEST];
    size_t block = task_block(elems);
    float *y = malloc(block * elems * sizeof *y);
    int failed =
        y ? reconstruct_begin(&table, err) : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t at = 0; !failed && at < count; at += block) {
        size_t n = count - at < block ? count - at : block;
        const uint32_t *start = data->start[PART_TEST] + at;
        struct evaluation ignored;
        failed = engine_evaluate(p->e, start, n, &(struct outputs){.output = y}, &ignored, err);
        for (size_t i = 0; !failed && i < n; i++) {
            const size_t first = data->file[dataset_series(data, start[i])].begin;
            const struct task_window window = {start[i], start[i] - first, start[i], at + i,
                                               y + i * elems};
            reconstruct_put(&table, &window);
        }
        failed = failed || file_flush(p->out, p->name, err);
    }
    if (!failed)
        device_save_programs(p->e->dev);
    free(y);
    return failed ? -1 : 0;
}

const struct task_class task_reconstruct = {
    .evaluate = reconstruct_evaluate,
    .release = reconstruct_release,
    .json = reconstruct_json,
    .tell = reconstruct_tell,
    .baseline = reconstruct_baseline,
    .analyse = reconstruct_analyse,
    .predict = reconstruct_predict,
    .begin = reconstruct_begin,
    .put = reconstruct_put,
    .end = reconstruct_end,
    .ready = reconstruct_ready,
    .answer = reconstruct_answer,
};
