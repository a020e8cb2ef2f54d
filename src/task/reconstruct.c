/* SPDX-License-Identifier: MIT */
#include "task/task.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/kmeans.h"
#include "analysis/tsne.h"
#include "data/table.h"
#include "plots/plots.h"
#include "train/advice.h"
#include "train/safetensors.h"
#include "util/file.h"

#define CATEGORY_WINDOWS 1000000
#define HELD_OUT 5

size_t report_block(size_t elems)
{
    size_t block = ((size_t)4 << 20) / (elems + 1) + 1;
    return block < 4096 ? block : 4096;
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

int part_report_init(struct part_report *report, struct engine *e, const uint32_t *start,
                     size_t count, struct log *log, struct error *err)
{
    static const enum fit_loss losses[] = {
        [LOSS_MSE] = FIT_MSE, [LOSS_MAE] = FIT_MAE, [LOSS_HUBER] = FIT_HUBER};
    const struct dataset *data = e->data;
    size_t elems = data->window * data->features, batch = engine_batch(e);
    memset(report, 0, sizeof *report);
    report->windows = count;
    report->terms = e->eval_io.terms;
    if (data->targets)
        return target_report_init(&report->targets, e, start, count, &report->evaluation, log, err);
    if (fit_init(&report->fit, losses[e->config->loss.reconstruction], data->features, err))
        return -1;
    float *x = malloc(batch * elems * sizeof *x), *y = malloc(batch * elems * sizeof *y);
    struct adding adding = {&report->fit, e, log, count};
    struct outputs outputs = {.input = x, .output = y, .each = add_batch, .ctx = &adding};
    int failed = x && y ? engine_evaluate(e, start, count, &outputs, &report->evaluation, err)
                        : error_set(err, STATUS_FAILED, "out of memory");
    log_progress(log, "", 0, 0);
    free(x);
    free(y);
    if (failed)
        part_report_fini(report);
    return failed;
}

void part_report_fini(struct part_report *report)
{
    fit_fini(&report->fit);
    target_report_fini(&report->targets);
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *part_report_json(const struct part_report *r, const struct dataset *data)
{
    if (data->targets) {
        json_t *all = target_report_json(&r->targets, data);
        json_object_set_new(all, "windows", json_integer((json_int_t)r->windows));
        json_object_set_new(all, "loss", number(r->evaluation.loss));
        return all;
    }
    json_t *r2 = json_object();
    for (size_t f = 0; f < data->features; f++)
        json_object_set_new(r2, data->names[f], number(fit_r2(&r->fit, f)));
    json_t *all = json_pack("{s:I, s:o}", "windows", (json_int_t)r->windows, "loss",
                            number(r->evaluation.loss));
    for (size_t k = 0; k < r->terms.count; k++)
        json_object_set_new(all, r->terms.term[k].name, number(r->evaluation.term[k]));
    json_object_set_new(all, "window_mean_reconstruction", number(fit_baseline(&r->fit)));
    json_object_set_new(all, "r2", r2);
    return all;
}

/* --- windows */

void row_label(char *to, size_t size, const struct dataset *data, size_t row)
{
    char time[TABLE_TIME];
    if (data->time && data->time[row] != DATASET_NO_TIME)
        snprintf(to, size, "%s", table_time(data->time[row], time));
    else
        snprintf(to, size, "row %zu", row);
}

/* At most `most` windows of a part, evenly spaced; the caller frees. */
static uint32_t *spread(const uint32_t *start, size_t count, size_t most, size_t *n)
{
    *n = count < most ? count : most;
    uint32_t *to = malloc((*n + 1) * sizeof *to);
    for (size_t i = 0; to && i < *n; i++)
        to[i] = start[(size_t)((double)i * (double)count / (double)*n)];
    return to;
}

/* --- categories */

struct grouping {
    uint32_t *start; /* [n] windows that were grouped */
    float *latent;   /* [n, d] */
    uint32_t *category;
    uint64_t *size;  /* [k] */
    float *centroid; /* [k, d] */
    size_t n, d, k;
};

static void grouping_fini(struct grouping *g)
{
    free(g->start);
    free(g->latent);
    free(g->category);
    free(g->size);
    free(g->centroid);
}

static int write_categories(const struct grouping *g, long epoch, const char *folder,
                            struct error *err)
{
    struct safetensors *st = safetensors_new();
    char *path = file_join(folder, "categories.safetensors"), of[32];
    const uint64_t shape[] = {g->k, g->d};
    snprintf(of, sizeof of, "%ld", epoch);
    int result = -1;
    if (!st || !path)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (!safetensors_add(st, "centroids", DTYPE_F32, 2, shape, g->centroid, err) &&
             !safetensors_add(st, "sizes", DTYPE_U64, 1, shape, g->size, err) &&
             !safetensors_set(st, "format", "pt", err) && !safetensors_set(st, "epoch", of, err))
        result = safetensors_write(st, path, err);
    safetensors_free(st);
    free(path);
    return result;
}

int categories_read(struct categories *c, const char *folder, size_t latent, struct error *err)
{
    memset(c, 0, sizeof *c);
    char *path = file_join(folder, "categories.safetensors");
    if (!path)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct stat status;
    if (lstat(path, &status) && errno == ENOENT) { /* whatever else is wrong is told below */
        free(path);
        return 0;
    }
    struct safetensors *st = safetensors_read(path, err);
    const struct safetensor *t = st ? safetensors_find(st, "centroids") : NULL;
    int result = -1, finite = 1;
    if (st && (!t || t->dtype != DTYPE_F32 || t->rank != 2 || t->shape[1] != latent ||
               !t->shape[0] || t->shape[0] > 1000000))
        error_set(err, STATUS_INPUT, "%s: its centroids do not fit a latent vector of %zu numbers",
                  path, latent);
    else if (st && (c->centroids = malloc(t->bytes))) {
        memcpy(c->centroids, t->data, t->bytes);
        c->k = t->shape[0];
        c->latent = latent;
        for (size_t i = 0; i < c->k * latent; i++)
            finite &= isfinite(c->centroids[i]) != 0;
        result =
            finite ? 0 : error_set(err, STATUS_INPUT, "%s: its centroids are not finite", path);
    } else if (st)
        error_set(err, STATUS_FAILED, "out of memory");
    const char *epoch = st ? safetensors_get(st, "epoch") : NULL;
    c->epoch = epoch ? strtol(epoch, NULL, 10) : 0;
    c->summed = st && st->summed;
    safetensors_free(st);
    free(path);
    return result;
}

void categories_fini(struct categories *c)
{
    free(c->centroids);
    memset(c, 0, sizeof *c);
}

/* Latent vectors of training windows and, unless there are to be none, their categories. */
static int group(struct grouping *g, struct engine *e, struct log *log, struct error *err)
{
    const struct dataset *data = e->data;
    const struct config *c = e->config;
    g->d = (size_t)c->model.latent;
    g->k = (size_t)c->cluster.categories;
    g->start = spread(data->start[PART_TRAIN], data->count[PART_TRAIN], CATEGORY_WINDOWS, &g->n);
    if (g->n < data->count[PART_TRAIN])
        log_say(log, "Categories are made from %zu of %zu training windows, evenly spaced.", g->n,
                data->count[PART_TRAIN]);
    g->latent = malloc(g->n * g->d * sizeof *g->latent);
    g->category = calloc(g->n + 1, sizeof *g->category);
    g->size = calloc(g->k + 1, sizeof *g->size);
    g->centroid = malloc((g->k * g->d + 1) * sizeof *g->centroid);
    if (!g->start || !g->latent || !g->category || !g->size || !g->centroid)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct evaluation ignored;
    if (engine_evaluate(e, g->start, g->n, &(struct outputs){.latent = g->latent}, &ignored, err))
        return -1;
    double inertia = 0;
    if (!g->k)
        return 0;
    return kmeans_fit(e->dev, g->latent, g->n, g->d, &g->k, (uint64_t)c->run.seed,
                      c->cluster.iterations, g->centroid, g->category, g->size, &inertia, log, err);
}

/* --- pictures */

static int wanted(const struct config *config, const char *plot)
{
    const struct list *list = &config->plots.enable;
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->item[i], "all") || !strcmp(list->item[i], plot))
            return 1;
    return 0;
}

static char *picture(const char *folder, const char *plot)
{
    char name[64];
    snprintf(name, sizeof name, "%s.png", plot);
    return file_join(folder, name);
}

/* The naive forecast that was best in training; where training compares none, the best here. */
static enum naive part_rival(const struct part_report *r)
{
    struct regression_metrics m =
        regression_metrics(&r->targets.transformed, REGRESSION_ALL, REGRESSION_ALL);
    return r->targets.rival != NAIVES ? r->targets.rival : regression_verdict(&m).best;
}

/* The loss of a forecast without a model over a part: the window mean's R, or that of the naive
 * forecast; NaN: not known. */
static double part_baseline(const struct part_report *r, const struct config *c,
                            const struct dataset *data)
{
    if (!data->targets)
        return fit_baseline(&r->fit);
    enum naive rival = part_rival(r);
    struct regression_metrics m =
        regression_metrics(&r->targets.transformed, REGRESSION_ALL, REGRESSION_ALL);
    return rival == NAIVES              ? NAN
           : c->loss.target == LOSS_MSE ? m.naive_mse[rival]
           : c->loss.target == LOSS_MAE ? m.naive_mae[rival]
                                        : NAN;
}

/*
 * The same for the part that the loss curves show beside training: a picture compares figures of
 * one part only. `own` is the report of `part`. 1: interrupted.
 */
static int curve_baseline(struct engine *e, const struct part_report *own, enum part part,
                          double *baseline, struct log *log, struct error *err)
{
    size_t count;
    const uint32_t *start = dataset_windows(e->data, PART_VALIDATION, &count);
    *baseline = NAN;
    if (part == (count ? PART_VALIDATION : PART_TRAIN))
        *baseline = part_baseline(own, e->config, e->data);
    if (!count || part == PART_VALIDATION)
        return 0;
    struct part_report r;
    int ended = part_report_init(&r, e, start, count, log, err);
    if (ended)
        return ended;
    *baseline = part_baseline(&r, e->config, e->data);
    part_report_fini(&r);
    return 0;
}

/* "Reconstruction term R" into `title`, and "R: reconstruction error. " behind what is in `note`.
 */
static void name_term(const struct term *term, char title[96], char *note, size_t size)
{
    size_t used = strlen(note);
    snprintf(title, 96, "%s term %s", term->name, term->symbol ? term->symbol : "");
    title[0] = (char)toupper((unsigned char)title[0]);
    if (term->what)
        snprintf(note + used, size - used, "%s: %s. ", term_label(term), term->what);
}

/* The history by columns, [columns, epochs], which the caller frees; NULL without memory. */
static double *transposed(const struct progress *p, const struct history_columns *columns)
{
    double *to = malloc((p->epochs * columns->count + 1) * sizeof *to);
    for (size_t c = 0; to && c < columns->count; c++)
        for (size_t i = 0; i < p->epochs; i++)
            to[c * p->epochs + i] = *history_figure(&p->history[i], &columns->column[c]);
    return to;
}

/* `dashed` is what the forecast `naive` of `baseline` is. */
static int draw_losses(const struct progress *p, const struct config *c, const char *folder,
                       const struct plot_about *about, double baseline, const char *naive,
                       const char *dashed, struct error *err)
{
    const struct terms terms = model_terms(c);
    const struct history_columns columns = history_columns(&terms);
    struct plot_term term[TERMS_MOST];
    char title[TERMS_MOST][96], note[384] = "";
    double *column = transposed(p, &columns);
    char *path = picture(folder, "loss_curves");
    int result = -1, several = terms.count > 1;
    size_t n = p->epochs, k = terms.count;
    if (column && path) {
        for (size_t i = 0; several && i < k; i++) {
            name_term(&terms.term[i], title[i], note, sizeof note);
            term[i] = (struct plot_term){title[i], column + (2 + i) * n, column + (3 + k + i) * n};
        }
        struct plot_losses losses = {.epochs = n,
                                     .epoch = column,
                                     .train_loss = column + n,
                                     .val_loss = column + (2 + k) * n,
                                     .term = term,
                                     .terms = several ? k : 0,
                                     .lr = column + (3 + 2 * k) * n,
                                     .grad_mean = column + (4 + 2 * k) * n,
                                     .grad_max = column + (5 + 2 * k) * n,
                                     .baseline = baseline,
                                     .naive = isfinite(baseline) ? naive : NULL,
                                     .dashed = dashed,
                                     .note = note,
                                     .best = p->best_epoch,
                                     .name = several ? NULL : terms.term[0].name};
        result = plot_loss_curves(path, about, &losses, err);
    } else
        error_set(err, STATUS_FAILED, "out of memory");
    free(column);
    free(path);
    return result;
}

static const char *const part_names[PARTS] = {"training part", "validation part", "test part"};

/* Five windows of a part, evenly spaced, beside their reconstructions. */
static int draw_windows(struct engine *e, const struct grouping *g, const char *folder,
                        const struct plot_about *about, enum part part, struct error *err)
{
    const struct dataset *data = e->data;
    size_t n, elems = data->window * data->features;
    uint32_t *start = spread(data->start[part], data->count[part], HELD_OUT, &n);
    float *x = malloc((n * elems + 1) * sizeof *x), *y = malloc((n * elems + 1) * sizeof *y);
    float *z = malloc((n * g->d + 1) * sizeof *z);
    uint32_t category[HELD_OUT] = {0};
    char titles[HELD_OUT][96], *title[HELD_OUT], *path = picture(folder, "reconstruction_quality");
    struct evaluation ignored;
    int failed = 0;
    if (!start || !x || !y || !z || !path)
        failed = error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        failed = engine_evaluate(
            e, start, n, &(struct outputs){.input = x, .output = y, .latent = z}, &ignored, err);
    if (!failed && g->k)
        failed = kmeans_assign(e->dev, z, n, g->d, g->centroid, g->k, category, err);
    for (size_t i = 0; !failed && i < n; i++) {
        char at[64];
        row_label(at, sizeof at, data, start[i]);
        if (g->k)
            snprintf(titles[i], sizeof titles[i], "%s, category %u", at, category[i]);
        else
            snprintf(titles[i], sizeof titles[i], "%s", at);
        title[i] = titles[i];
    }
    if (!failed)
        failed = plot_reconstruction_quality(
            path, about,
            &(struct plot_reconstruction){n, data->window, data->features, x, y, data->names, title,
                                          part_names[part]},
            err);
    free(start);
    free(x);
    free(y);
    free(z);
    free(path);
    return failed ? -1 : 0;
}

static int draw_map(struct engine *e, const struct grouping *g, const char *folder,
                    const struct plot_about *about, struct log *log, struct error *err)
{
    const struct config *c = e->config;
    size_t most = (size_t)c->plots.tsne_points, n = g->n < most ? g->n : most;
    float *x = malloc((n * g->d + 1) * sizeof *x), *xy = malloc((2 * n + 1) * sizeof *xy);
    uint32_t *category = malloc((n + 1) * sizeof *category);
    char *path = picture(folder, "latent_space_tsne");
    double kl = 0;
    int failed = 0;
    if (!x || !xy || !category || !path)
        failed = error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !failed && i < n; i++) {
        size_t from = (size_t)((double)i * (double)g->n / (double)n);
        memcpy(x + i * g->d, g->latent + from * g->d, g->d * sizeof *x);
        category[i] = g->category[from];
    }
    if (!failed)
        failed = tsne_fit(e->dev, x, n, g->d, c->plots.tsne_perplexity, c->plots.tsne_iterations,
                          (uint64_t)c->run.seed, xy, &kl, log, err);
    if (!failed)
        failed = plot_latent_space_tsne(path, about,
                                        &(struct plot_map){n, xy, g->k ? category : NULL, g->k, kl,
                                                           c->plots.tsne_perplexity, g->n,
                                                           "training part"},
                                        err);
    if (!failed)
        log_event(log, "map",
                  json_pack("{s:I, s:f}", "points", (json_int_t)n, "kl_divergence", kl));
    free(x);
    free(xy);
    free(category);
    free(path);
    return failed;
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

/* The first term of the training loss in the best epoch. */
static double best_training(const struct progress *p)
{
    return p->best_epoch > 0 && (size_t)p->best_epoch <= p->epochs
               ? p->history[p->best_epoch - 1].train.term[0]
               : NAN;
}

static void say_verdict(struct log *log, const char *what, struct verdict v)
{
    log_say(log, "%s: %s%s%s", what, v.band, *v.advice ? "; what helps: " : "", v.advice);
}

/* A low R may come from the level and scale of the features alone: names those whose shape within
 * the window is not reconstructed. */
static void tell_blind(struct log *log, const struct part_report *r, const struct dataset *data,
                       int scaled_by_window)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t f = 0; f < data->features; f++)
        if (fit_r2(&r->fit, f) < 0.2 && used < sizeof names - 1)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                     data->names[f]);
    if (used)
        log_say(
            log, "Within windows hardly anything is reconstructed (R2 below 0.2) of: %s%s.", names,
            scaled_by_window ? "" : "; scaler = window makes the shape count instead of the level");
}

static void tell_fit(struct log *log, const struct part_report *r, const struct dataset *data,
                     const char *part, double train, const struct config *c)
{
    double model = fit_model(&r->fit), baseline = fit_baseline(&r->fit);
    struct verdict v = verdict_reconstruction(model, baseline, about_of(c));
    log_say(log,
            "Reconstruction of %zu %s windows: R %.6f; emitting each window's mean gives %.6f (R "
            "is %.3g%% of it).",
            r->windows, part, model, baseline, 100 * model / baseline);
    for (size_t f = 0; f < data->features; f++)
        log_say(log, "  R2 within windows, %-20s %7.4f", data->names[f], fit_r2(&r->fit, f));
    say_verdict(log, "Reconstruction", v);
    tell_blind(log, r, data, is_by_window(c));
    struct verdict g = verdict_generalisation(train, model);
    say_verdict(log, "Generalisation", g);
    json_t *event = part_report_json(r, data);
    json_object_set_new(event, "part", json_string(part));
    json_object_set_new(event, "band", json_string(v.band));
    json_object_set_new(event, "advice", json_string(v.advice));
    json_object_set_new(event, "generalisation", json_string(g.band));
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

static int draw(struct engine *e, const struct progress *p, const struct grouping *g,
                const char *folder, enum part part, double baseline, struct log *log,
                struct error *err)
{
    const struct config *c = e->config;
    const struct plot_about about = {c->run.name, "seqtrain " PACKAGE_VERSION, p->best_epoch};
    if (wanted(c, "loss_curves") &&
        draw_losses(p, c, folder, &about, baseline, "window mean", "each window's mean", err))
        return -1;
    if (wanted(c, "reconstruction_quality") && draw_windows(e, g, folder, &about, part, err))
        return -1;
    int ended = wanted(c, "latent_space_tsne") ? draw_map(e, g, folder, &about, log, err) : 0;
    if (ended)
        return ended;
    if (!g->k || !wanted(c, "category_distribution"))
        return 0;
    char *path = picture(folder, "category_distribution");
    int result =
        path ? plot_category_distribution(
                   path, &about, &(struct plot_categories){g->k, g->size, "training part"}, err)
             : error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return result;
}

/* What a model with targets leaves behind. */
static int report_targets(struct engine *e, const struct progress *p, const char *folder,
                          enum part part, const char *name, struct log *log, struct error *err)
{
    const struct config *c = e->config;
    const struct plot_about about = {c->run.name, "seqtrain " PACKAGE_VERSION, p->best_epoch};
    struct part_report r;
    size_t count;
    const uint32_t *start = dataset_windows(e->data, part, &count);
    if (!count) {
        log_warn(log, "no predictions: the %s part holds no window of data.eval_window = %zu rows",
                 name, e->data->eval_window);
        return 0;
    }
    int result = part_report_init(&r, e, start, count, log, err);
    if (result)
        return result;
    target_report_tell(&r.targets, e, name, c->loss.target == LOSS_MSE ? best_training(p) : NAN,
                       log);
    json_t *event = part_report_json(&r, e->data);
    json_object_set_new(event, "part", json_string(name));
    log_event(log, "verdict", event);
    double baseline;
    if (wanted(c, "loss_curves")) {
        enum naive rival = part_rival(&r);
        const char *naive = rival == NAIVES ? NULL : naive_name[rival];
        result = curve_baseline(e, &r, part, &baseline, log, err);
        if (!result)
            result = draw_losses(p, c, folder, &about, baseline, naive, "the naive forecast", err);
    }
    if (!result)
        result = target_report_draw(&r.targets, e, name, folder, &about, wanted, err);
    part_report_fini(&r);
    return result;
}

int report(struct engine *e, const struct progress *p, const char *folder, struct log *log,
           const volatile sig_atomic_t *interrupted, struct error *err)
{
    static const char *const names[] = {"training", "validation", "test"};
    const struct dataset *data = e->data;
    enum part part = data->count[PART_TEST]         ? PART_TEST
                     : data->count[PART_VALIDATION] ? PART_VALIDATION
                                                    : PART_TRAIN;
    if (data->targets)
        return report_targets(e, p, folder, part, names[part], log, err);
    struct part_report fit;
    struct grouping g = {0};
    int ended = part_report_init(&fit, e, data->start[part], data->count[part], log, err);
    if (ended)
        return ended;
    tell_fit(log, &fit, data, names[part], best_training(p), e->config);
    double baseline = NAN;
    ended =
        wanted(e->config, "loss_curves") ? curve_baseline(e, &fit, part, &baseline, log, err) : 0;
    part_report_fini(&fit);
    if (ended)
        return ended;
    int result = *interrupted ? 1 : group(&g, e, log, err);
    if (!result && g.k) {
        result = write_categories(&g, p->best_epoch, folder, err);
        tell_categories(log, &g, e->config);
    }
    if (!result && *interrupted)
        result = 1;
    if (!result)
        result = draw(e, p, &g, folder, part, baseline, log, err);
    grouping_fini(&g);
    return result;
}
