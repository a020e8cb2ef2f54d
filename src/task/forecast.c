/* SPDX-License-Identifier: MIT */
#include "task/forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/transform.h"
#include "util/jsonnumber.h"

/* --- prices of returns */

/* How a target becomes a price, from the base at the window's last row. */
enum price { PRICE_NONE, PRICE_ITSELF, PRICE_RATIO, PRICE_LOG, PRICE_DIFFERENCE };

/* Whether the first argument is a function; brackets in quotes belong to a column's name. */
static int is_nested(const char *argument)
{
    int quoted = 0;
    for (const char *p = argument; *p; p++) {
        quoted ^= *p == '"';
        if (*p == '(' && !quoted)
            return 1;
    }
    return 0;
}

/* A function is "f(column)" or "f(column,n)" where n is the span over which f looks back. */
static enum price price_of(const char *name, int is_column, size_t ahead)
{
    static const struct {
        const char *function;
        enum price price;
        int spans; /* its last argument is the span; else it is 1 */
    } functions[] = {
        {"ret(", PRICE_RATIO, 0},  {"logret(", PRICE_LOG, 0},      {"roc(", PRICE_RATIO, 1},
        {"logroc(", PRICE_LOG, 1}, {"diff(", PRICE_DIFFERENCE, 0},
    };
    if (is_column)
        return PRICE_ITSELF;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        size_t n = strlen(functions[i].function);
        const char *comma = strrchr(name, ',');
        if (strncasecmp(name, functions[i].function, n) || is_nested(name + n))
            continue;
        size_t span = functions[i].spans && comma ? (size_t)strtoul(comma + 1, NULL, 10) : 1;
        return span == ahead ? functions[i].price : PRICE_NONE;
    }
    return PRICE_NONE;
}

static double price(enum price kind, double base, double y)
{
    return kind == PRICE_ITSELF       ? y
           : kind == PRICE_RATIO      ? base * (1 + y)
           : kind == PRICE_LOG        ? base * exp(y)
           : kind == PRICE_DIFFERENCE ? base + y
                                      : NAN;
}

/* What says "no move": the price itself at the window's end, half a chance of a rise, or 0. For
 * what has no sign, as a volatility, nothing does. */
static double origin(enum price kind, const char *name, double base, int has_sign)
{
    return kind == PRICE_ITSELF                          ? base
           : !strncasecmp(name, "rise_probability(", 17) ? 0.5
           : has_sign                                    ? 0
                                                         : NAN;
}

/* --- one part of the data */

static const struct transform *transform_of(const struct dataset *data, size_t row, size_t target)
{
    size_t channel = data->channels > 1 ? data->file[dataset_series(data, row)].channel : 0;
    return &data->transform[channel * data->targets + target];
}

double forecast_value(const struct dataset *data, size_t row, size_t target, double y,
                      size_t *outside)
{
    return transform_inverse(transform_of(data, row, target), y, outside);
}

struct adding {
    struct forecast *r;
    struct engine *e;
    struct log *log;
    const struct forecast_rows *rows_to; /* NULL: none are wanted */
    const uint32_t *start;
    size_t count, rows, every, covered;
    enum price *price; /* [targets] */
    double *low;       /* [targets]: least target of training */
    double *y, *x, *py, *px, *last, *origin, *base;
    double *mean;       /* [targets] of training, as the model sees them */
    int64_t *time;      /* [count] of each window's last row, or its place in its series */
    double *difference; /* [count] loss of the rival less the model's */
};

static int by_row(const struct dataset *data, const struct config *c)
{
    return data->targets && c->data.target_rows == TARGET_WINDOW;
}

/* Keeps a prediction for the pictures, if there is room: x and y in the original unit. */
static void keep_point(struct adding *a, size_t row, double x, double y, double seen)
{
    struct forecast *r = a->r;
    if (r->points == FORECAST_POINTS)
        return;
    r->actual[r->points] = x;
    r->predicted[r->points] = y;
    r->seen_actual[r->points] = (double)a->e->data->target[row * a->e->data->targets];
    r->seen_predicted[r->points] = seen;
    r->point_row[r->points++] = (uint32_t)row;
}

/* Appends the rows of a window that no window before it has covered. */
static void keep_rows(struct adding *a, const float *output, size_t start)
{
    const struct dataset *data = a->e->data;
    size_t k = data->targets;
    for (size_t i = 0; i < a->rows; i++) {
        size_t row = start + i;
        if (row < a->covered)
            continue;
        keep_point(a, row, a->x[i * k], a->y[i * k], (double)output[i * k]);
        if (a->rows_to)
            a->rows_to->take(a->rows_to->to, data, row, a->x + i * k, a->y + i * k);
    }
    a->covered = start + a->rows > a->covered ? start + a->rows : a->covered;
}

/* Row-by-row targets are one row each to the metrics, and there is no last value before them. */
static void add_rows(struct adding *a, struct regression *to)
{
    size_t k = a->e->data->targets;
    if (!by_row(a->e->data, a->e->config)) {
        regression_add(to, a->y, a->x, a->last, a->origin);
        return;
    }
    for (size_t i = 0; i < a->rows; i++)
        regression_add(to, a->y + i * k, a->x + i * k, NULL, NULL);
}

/* The forecast without a model, of target t, as the model sees it. */
static double rival_value(const struct adding *a, enum naive rival, size_t t)
{
    return rival == NAIVE_LAST ? a->last[t] : rival == NAIVE_ZERO ? a->origin[t] : a->mean[t];
}

/* Squared errors of the window, the rival's less the model's: means over rows and targets. */
static void compare(struct adding *a, size_t start, size_t number)
{
    const struct dataset *data = a->e->data;
    size_t k = data->targets, now = start + data->window - 1;
    double sum = 0;
    for (size_t i = 0; i < a->rows * k && a->r->rival != NAIVES; i++) {
        double naive = rival_value(a, a->r->rival, i % k) - a->x[i], own = a->y[i] - a->x[i];
        sum += naive * naive - own * own;
    }
    a->difference[number] = a->r->rival == NAIVES ? NAN : sum / (double)(a->rows * k);
    a->time[number] =
        data->time ? data->time[now] : (int64_t)(now - data->file[dataset_series(data, now)].begin);
}

static void add_window(struct adding *a, const float *output, size_t start, size_t number)
{
    struct forecast *r = a->r;
    const struct dataset *data = a->e->data;
    size_t k = data->targets, first = start + data->target_first, rows = a->rows;
    size_t now = start + data->window - 1;
    int along = by_row(data, a->e->config);
    for (size_t i = 0; i < rows * k; i++) {
        size_t row = first + i / k, t = i % k;
        a->y[i] = forecast_value(data, row, t, output[i], &r->outside);
        a->x[i] = data->raw_target[row * k + t];
        a->py[i] = price(a->price[t], data->target_base[now * k + t], a->y[i]);
        a->px[i] = data->target_base[row * k + t];
    }
    for (size_t t = 0; t < k; t++) {
        double base = data->target_base[now * k + t];
        a->last[t] = data->raw_target[now * k + t];
        a->origin[t] = origin(a->price[t], data->target_names[t], base, a->low[t] < 0);
        a->base[t] = base;
    }
    add_rows(a, &r->original);
    if (r->has_price)
        regression_add(&r->price, a->py, a->px, a->base, a->base);
    if (along)
        keep_rows(a, output, start);
    else if (number % a->every == 0)
        keep_point(a, first + rows - 1, a->x[(rows - 1) * k], a->y[(rows - 1) * k],
                   (double)output[(rows - 1) * k]);
    /* and once more as the model sees them */
    for (size_t i = 0; i < rows * k; i++) {
        size_t row = first + i / k;
        a->y[i] = output[i];
        a->x[i] = data->target[row * k + i % k];
    }
    for (size_t t = 0; t < k; t++) {
        a->last[t] = data->target[now * k + t];
        a->origin[t] = transform_forward(transform_of(data, now, t), a->origin[t]);
    }
    add_rows(a, &r->transformed);
    compare(a, start, number);
}

static int add_batch(void *ctx, const struct outputs *batch, size_t first, size_t n)
{
    struct adding *a = ctx;
    size_t elems = a->rows * a->e->data->targets;
    for (size_t i = 0; i < n; i++)
        add_window(a, batch->output + i * elems, a->start[first + i], first + i);
    log_progress(a->log, "Evaluating", first + n, a->count);
    return device_stopped(a->e->dev);
}

/* Means of the training windows' targets, raw and transformed, and the least raw one (of all
 * rows where there is no training part); [targets] each. */
static void training_means(const struct dataset *data, double *raw, double *transformed,
                           double *low)
{
    size_t k = data->targets, count = 0, done = 0;
    for (size_t t = 0; t < k; t++)
        low[t] = INFINITY;
    for (size_t w = 0; w < data->count[PART_TRAIN]; w++) {
        size_t row = data->start[PART_TRAIN][w] + data->target_first;
        size_t end = row + data->target_rows;
        for (row = row < done ? done : row; row < end; row++, count++)
            for (size_t t = 0; t < k; t++) {
                raw[t] += data->raw_target[row * k + t];
                low[t] = fmin(low[t], data->raw_target[row * k + t]);
                transformed[t] += data->target[row * k + t];
            }
        done = end;
    }
    for (size_t i = 0; i < data->rows * k && !count; i++) /* a file that is not of training */
        low[i % k] = fmin(low[i % k], data->raw_target[i]);
    for (size_t t = 0; t < k; t++) {
        raw[t] = count ? raw[t] / (double)count : NAN;
        transformed[t] = count ? transformed[t] / (double)count : NAN;
    }
}

/* The naive forecast with the least mean squared error, *mse, in the training windows, as the model
 * sees the targets; NAIVES where there is none. */
static enum naive find_rival(struct adding *a, double *mse)
{
    const struct dataset *data = a->e->data;
    size_t k = data->targets;
    double error[NAIVES] = {0};
    *mse = NAN;
    if (by_row(data, a->e->config) || !data->count[PART_TRAIN])
        return NAIVES;
    for (size_t w = 0; w < data->count[PART_TRAIN]; w++) {
        size_t start = data->start[PART_TRAIN][w], now = start + data->window - 1;
        for (size_t t = 0; t < k; t++) {
            double base = data->target_base[now * k + t];
            a->last[t] = data->target[now * k + t];
            a->origin[t] =
                transform_forward(transform_of(data, now, t),
                                  origin(a->price[t], data->target_names[t], base, a->low[t] < 0));
        }
        for (size_t i = 0; i < a->rows * k; i++)
            for (int n = 0; n < NAIVES; n++) {
                double e = rival_value(a, (enum naive)n, i % k) -
                           data->target[(start + data->target_first) * k + i];
                error[n] += e * e;
            }
    }
    enum naive best = NAIVES;
    for (int n = 0; n < NAIVES; n++)
        if (isfinite(error[n]) && (best == NAIVES || error[n] < error[best]))
            best = (enum naive)n;
    if (best != NAIVES)
        *mse = error[best] / (double)(data->count[PART_TRAIN] * a->rows * k);
    return best;
}

/* Windows that depend on each other: those whose targets overlap, or reach over the same rows. */
static size_t dependent(const struct adding *a)
{
    const struct dataset *data = a->e->data;
    size_t ahead = data->target_first + data->target_rows - data->window; /* rows, at least 1 */
    size_t rows = ahead > data->target_lag ? ahead - 1 : data->target_lag;
    size_t stride = dataset_stride(a->e->config);
    return (rows + stride - 1) / stride;
}

static int make_room(struct forecast *r, struct adding *a, struct error *err)
{
    size_t k = a->e->data->targets, elems = a->rows * k, samples = a->count * a->rows;
    a->y = calloc(4 * elems + 4 * k, sizeof *a->y);
    a->price = calloc(k, sizeof *a->price);
    size_t points = by_row(a->e->data, a->e->config) ? samples : a->count;
    points = points < FORECAST_POINTS ? points : FORECAST_POINTS;
    r->actual = calloc(4 * points + 1, sizeof *r->actual);
    r->point_row = calloc(points + 1, sizeof *r->point_row);
    if (!a->y || !a->price || !r->actual || !r->point_row)
        return error_set(err, STATUS_FAILED, "out of memory");
    a->x = a->y + elems;
    a->py = a->x + elems;
    a->px = a->py + elems;
    a->last = a->px + elems;
    a->origin = a->last + k;
    a->base = a->origin + k;
    a->low = a->base + k;
    a->time = calloc(a->count + 1, sizeof *a->time);
    a->difference = calloc(a->count + 1, sizeof *a->difference);
    if (!a->time || !a->difference)
        return error_set(err, STATUS_FAILED, "out of memory");
    r->predicted = r->actual + points;
    r->seen_actual = r->predicted + points;
    r->seen_predicted = r->seen_actual + points;
    return 0;
}

int forecast_evaluate(struct forecast *r, struct task_result *result, const uint32_t *start,
                      const struct forecast_rows *rows_to, struct log *log, struct error *err)
{
    struct engine *e = result->e;
    const struct dataset *data = e->data;
    size_t k = data->targets, batch = engine_batch(e), count = result->windows;
    size_t window = data->eval_window ? data->eval_window : data->window;
    struct adding a = {
        .r = r, .e = e, .log = log, .rows_to = rows_to, .start = start, .count = count};
    int along = by_row(data, e->config);
    memset(r, 0, sizeof *r);
    a.rows = along ? window : data->target_rows;
    a.every = count / FORECAST_POINTS + 1;
    double *mean = calloc(2 * k, sizeof *mean);
    float *output = malloc(batch * a.rows * k * sizeof *output);
    int failed =
        mean && output ? make_room(r, &a, err) : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed) {
        training_means(data, mean, mean + k, a.low);
        r->has_price = !along;
        for (size_t t = 0; t < k; t++) {
            size_t ahead = data->target_first + 1 - data->window; /* rows after the window's last */
            a.price[t] =
                price_of(data->target_names[t], data->target_is_column[t], a.rows == 1 ? ahead : 0);
            r->has_price &= a.price[t] != PRICE_NONE && a.price[t] != PRICE_ITSELF;
        }
        a.mean = mean + k;
        r->rival = find_rival(&a, &r->rival_training);
        /* channels have a unit each, and no mean in common */
        failed = regression_init(&r->original, k, along ? 1 : a.rows,
                                 data->channels > 1 ? NULL : mean, err) ||
                 regression_init(&r->transformed, k, along ? 1 : a.rows, mean + k, err) ||
                 regression_init(&r->price, k, along ? 1 : a.rows, NULL, err);
        failed = failed ? -1 : 0;
    }
    struct outputs outputs = {.output = output, .each = add_batch, .ctx = &a};
    if (!failed)
        failed = engine_evaluate(e, start, count, &outputs, &result->evaluation, err);
    if (!failed && r->rival != NAIVES)
        failed = skill_test(a.time, a.difference, count, dependent(&a), &r->skill, err);
    /* of every nth window only some depend on each other */
    size_t near = along ? 0 : dependent(&a) / a.every;
    r->independent = (double)r->points / (double)(near + 1);
    log_progress(log, "", 0, 0);
    free(mean);
    free(output);
    free(a.y);
    free(a.price);
    free(a.time);
    free(a.difference);
    if (failed)
        forecast_fini(r);
    return failed;
}

void forecast_fini(struct forecast *r)
{
    regression_fini(&r->original);
    regression_fini(&r->transformed);
    regression_fini(&r->price);
    free(r->actual);
    free(r->point_row);
    memset(r, 0, sizeof *r);
}

/* --- figures */

static json_t *metrics_json(const struct regression *r, size_t target, size_t row)
{
    struct regression_metrics m = regression_metrics(r, target, row);
    struct regression_verdict v = regression_verdict(&m);
    json_t *naive = json_object();
    for (int i = 0; i < NAIVES; i++)
        if (isfinite(m.naive_mse[i]))
            json_object_set_new(naive, naive_name[i],
                                json_pack("{s:o, s:o}", "mse", jsonnumber(m.naive_mse[i]), "mae",
                                          jsonnumber(m.naive_mae[i])));
    json_t *all =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "mse", jsonnumber(m.mse), "mae",
                  jsonnumber(m.mae), "rmse", jsonnumber(m.rmse), "r2", jsonnumber(m.r2),
                  "directional_accuracy", jsonnumber(m.direction), "naive_directional_accuracy",
                  jsonnumber(m.naive_direction), "naive", naive, "beats_naive", v.beats);
    /* what it takes to pool these figures with those of another fold */
    json_t *of = json_pack("{s:I, s:I, s:o, s:o}", "values", (json_int_t)m.count, "moves",
                           (json_int_t)m.moves, "actual_mean", jsonnumber(m.mean),
                           "actual_variance", jsonnumber(m.variance));
    json_object_update(all, of);
    json_decref(of);
    return all;
}

static json_t *targets_json(const struct regression *r, const struct dataset *data)
{
    json_t *all = json_object();
    for (size_t t = 0; t < data->targets; t++)
        json_object_set_new(all, data->target_names[t], metrics_json(r, t, REGRESSION_ALL));
    if (data->targets > 1)
        json_object_set_new(all, "all", metrics_json(r, REGRESSION_ALL, REGRESSION_ALL));
    return all;
}

json_t *forecast_json(const struct forecast *r, const struct dataset *data)
{
    json_t *all = json_object(), *horizon = json_array();
    json_object_set_new(all, "transformed", targets_json(&r->transformed, data));
    json_object_set_new(all, "original", targets_json(&r->original, data));
    if (r->has_price)
        json_object_set_new(all, "price", targets_json(&r->price, data));
    for (size_t i = 0; r->transformed.rows > 1 && i < r->transformed.rows; i++)
        json_array_append_new(
            horizon, jsonnumber(regression_metrics(&r->transformed, REGRESSION_ALL, i).mse));
    if (json_array_size(horizon))
        json_object_set_new(all, "mse_by_horizon", json_incref(horizon));
    json_decref(horizon);
    if (r->rival != NAIVES)
        json_object_set_new(all, "skill",
                            json_pack("{s:s, s:s, s:o, s:o, s:f}", "verdict",
                                      skill_name(r->skill.kind), "against", naive_name[r->rival],
                                      "t", jsonnumber(r->skill.t), "p", jsonnumber(r->skill.better),
                                      "independent_windows", r->skill.independent));
    json_object_set_new(all, "outside_inverse", json_integer((json_int_t)r->outside));
    return all;
}

struct forecast *forecast_of(const struct task_result *r)
{
    return r->class->forecasts ? r->own : NULL;
}
