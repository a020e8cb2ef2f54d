/* SPDX-License-Identifier: MIT */
#include "data/feature_stream.h"

#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/feature_functions.h"
#include "data/feature_parts.h"

#define FOLDS 3
#define SMOOTHED 3

/* --- what was before: the parts that functions keep */

/* The last n values. */
struct delay {
    double *value; /* [n] */
    size_t n, at;
};

/* fold_window() of feature_functions.c: a window is the end of one block and the start of the
 * next. */
struct fold {
    double *block, *tail; /* [n], [n + 1] */
    size_t n, at;
    int begun; /* there is a block before */
    double head;
};

/* window_moments(), likewise. */
struct spread {
    double *block; /* [n] */
    struct moments *tail, head;
    size_t n, at;
    int begun;
    double first;
};

/* smooth(): begun with the mean of the first n values. */
struct smoothed {
    size_t n, count;
    double weight, value;
};

struct feature_stream {
    const struct feature *feature;
    const struct step *step; /* NULL: a column, or a function of one row */
    struct feature_stream *argument[FEATURE_ARGUMENTS];
    size_t skip, warmup, count; /* rows before all arguments have a value, before there is one */
    struct delay delay;
    struct fold fold[FOLDS];
    struct spread spread;
    struct smoothed smoothed[SMOOTHED];
    double sum;
};

/* The value of a row; x: those of the arguments, t: the row's number from the first that has all.
 */
typedef double step_fn(struct feature_stream *s, const double *x, size_t t);

struct step {
    const char *name;
    int (*make)(struct feature_stream *s, const double *p); /* -1: memory; NULL: nothing is kept */
    step_fn *next;
};

static double delay_push(struct delay *d, double x)
{
    const double before = d->value[d->at];
    d->value[d->at] = x;
    d->at = d->at + 1 < d->n ? d->at + 1 : 0;
    return before;
}

static int delay_make(struct delay *d, double n)
{
    d->n = (size_t)n;
    d->value = calloc(d->n, sizeof *d->value);
    return d->value ? 0 : -1;
}

static int fold_make(struct fold *f, double n)
{
    f->n = (size_t)n;
    f->block = calloc(f->n, sizeof *f->block);
    f->tail = calloc(f->n + 1, sizeof *f->tail);
    return f->block && f->tail ? 0 : -1;
}

static double fold_push(struct fold *f, double x, double (*o)(double, double), double none)
{
    if (!f->at) {
        f->tail[f->n] = f->head = none;
        for (size_t j = f->n; j-- > 0;)
            f->tail[j] = f->begun ? o(f->block[j], f->tail[j + 1]) : none;
        f->begun = 1;
    }
    f->head = o(f->head, x);
    f->block[f->at++] = x;
    const double all = o(f->tail[f->at], f->head);
    f->at = f->at < f->n ? f->at : 0;
    return all;
}

static int spread_make(struct spread *s, double n)
{
    s->n = (size_t)n;
    s->block = calloc(s->n, sizeof *s->block);
    s->tail = calloc(s->n + 1, sizeof *s->tail);
    return s->block && s->tail ? 0 : -1;
}

/* The standard deviation of the last n values; their mean in *mean. */
static double spread_push(struct spread *s, double x, double *mean)
{
    if (!s->at) {
        s->first = x;
        s->head = s->tail[s->n] = (struct moments){0, 0, 0};
        for (size_t j = s->n; j-- > 0;)
            s->tail[j] =
                s->begun ? moments_add(s->tail[j + 1], s->block[j] - x) : (struct moments){0, 0, 0};
        s->begun = 1;
    }
    s->head = moments_add(s->head, x - s->first);
    s->block[s->at++] = x;
    const struct moments all = moments_join(s->tail[s->at], s->head);
    s->at = s->at < s->n ? s->at : 0;
    *mean = s->first + all.mean;
    return sqrt(all.squares / (double)s->n);
}

static double smooth_push(struct smoothed *s, double x)
{
    if (s->count < s->n)
        s->value = (s->count ? s->value : 0) + x / (double)s->n;
    else
        s->value = s->value + s->weight * (x - s->value);
    s->count += s->count < s->n;
    return s->value;
}

/* --- functions over the last n rows */

static int make_fold(struct feature_stream *s, const double *p)
{
    return fold_make(&s->fold[0], p[0]);
}

static double next_sum(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return fold_push(&s->fold[0], x[0], add, 0);
}

static double next_mean(struct feature_stream *s, const double *x, size_t t)
{
    return next_sum(s, x, t) / (double)s->fold[0].n;
}

static double next_min(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return fold_push(&s->fold[0], x[0], lesser, INFINITY);
}

static double next_max(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return fold_push(&s->fold[0], x[0], greater, -INFINITY);
}

static double next_volume_ratio(struct feature_stream *s, const double *x, size_t t)
{
    const double mean = next_mean(s, x, t);
    return mean != 0 ? x[0] / mean : 1;
}

static int make_spread(struct feature_stream *s, const double *p)
{
    return spread_make(&s->spread, p[0]);
}

static double next_std(struct feature_stream *s, const double *x, size_t t)
{
    double mean;
    (void)t;
    return spread_push(&s->spread, x[0], &mean);
}

static double next_zscore(struct feature_stream *s, const double *x, size_t t)
{
    double mean, deviation = spread_push(&s->spread, x[0], &mean);
    (void)t;
    return deviation != 0 ? (x[0] - mean) / deviation : 0;
}

static double next_band(struct feature_stream *s, const double *x, enum band band)
{
    double mean, deviation = spread_push(&s->spread, x[0], &mean);
    return band_value(band, x[0], mean, s->feature->number[1] * deviation);
}

static double next_bb_upper(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return next_band(s, x, BAND_UPPER);
}

static double next_bb_lower(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return next_band(s, x, BAND_LOWER);
}

static double next_bb_width(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return next_band(s, x, BAND_WIDTH);
}

static double next_bb_position(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return next_band(s, x, BAND_POSITION);
}

static int make_volatility(struct feature_stream *s, const double *p)
{
    return make_spread(s, p) || delay_make(&s->delay, 1) ? -1 : 0;
}

static double next_volatility(struct feature_stream *s, const double *x, size_t t)
{
    const double before = delay_push(&s->delay, x[0]);
    double mean;
    return t ? spread_push(&s->spread, log_ratio(x[0], before), &mean) : NAN;
}

/* How many of the last n values are below x. */
static double count_below(const struct delay *d, double sign, double x)
{
    size_t below = 0;
    for (size_t i = 0; i < d->n; i++)
        below += sign * d->value[i] < sign * x;
    return (double)below;
}

static int make_delay(struct feature_stream *s, const double *p)
{
    return delay_make(&s->delay, p[0]);
}

static double next_rank(struct feature_stream *s, const double *x, size_t t)
{
    delay_push(&s->delay, x[0]);
    return t + 1 >= s->delay.n ? count_below(&s->delay, 1, x[0]) / (double)s->delay.n : NAN;
}

static double next_rise_probability(struct feature_stream *s, const double *x, size_t t)
{
    const double before = delay_push(&s->delay, x[0]);
    return t >= s->delay.n ? count_below(&s->delay, -1, before) / (double)s->delay.n : NAN;
}

/* --- against a row before: the function itself, of the two rows */

static int make_one(struct feature_stream *s, const double *p)
{
    (void)p;
    return delay_make(&s->delay, 1);
}

static double next_against(struct feature_stream *s, const double *x, size_t t)
{
    static const double one[FEATURE_NUMBERS] = {1, 1, 1};
    const double two[] = {delay_push(&s->delay, x[0]), x[0]}, *rows[] = {two};
    double out[2];
    if (t < s->delay.n || s->feature->function->compute(rows, 2, one, out))
        return NAN;
    return out[1];
}

/* --- smoothed */

static void smooth_make(struct smoothed *s, double n, double weight)
{
    *s = (struct smoothed){.n = (size_t)n, .weight = weight};
}

static void ema_make(struct smoothed *s, double n)
{
    smooth_make(s, n, 2 / (n + 1));
}

static int make_ema(struct feature_stream *s, const double *p)
{
    ema_make(&s->smoothed[0], p[0]);
    return 0;
}

static double next_ema(struct feature_stream *s, const double *x, size_t t)
{
    (void)t;
    return smooth_push(&s->smoothed[0], x[0]);
}

static int make_macd(struct feature_stream *s, const double *p)
{
    ema_make(&s->smoothed[0], p[0]);
    ema_make(&s->smoothed[1], p[1]);
    return 0;
}

static double next_macd(struct feature_stream *s, const double *x, size_t t)
{
    const double fast = smooth_push(&s->smoothed[0], x[0]);
    (void)t;
    return fast - smooth_push(&s->smoothed[1], x[0]);
}

static int make_macd_signal(struct feature_stream *s, const double *p)
{
    ema_make(&s->smoothed[2], p[2]);
    return make_macd(s, p);
}

/* The signal line, NaN where there is no macd yet, which goes to *macd. */
static double macd_signal(struct feature_stream *s, const double *x, size_t t, double *macd)
{
    const double *p = s->feature->number;
    *macd = next_macd(s, x, t);
    return (double)(t + 1) >= greater(p[0], p[1]) ? smooth_push(&s->smoothed[2], *macd) : NAN;
}

static double next_macd_signal(struct feature_stream *s, const double *x, size_t t)
{
    double macd;
    return macd_signal(s, x, t, &macd);
}

static double next_macd_hist(struct feature_stream *s, const double *x, size_t t)
{
    double macd, signal = macd_signal(s, x, t, &macd);
    return macd - signal;
}

static int make_rsi(struct feature_stream *s, const double *p)
{
    smooth_make(&s->smoothed[0], p[0], 1 / p[0]);
    smooth_make(&s->smoothed[1], p[0], 1 / p[0]);
    return delay_make(&s->delay, 1);
}

static double next_rsi(struct feature_stream *s, const double *x, size_t t)
{
    const double d = x[0] - delay_push(&s->delay, x[0]);
    if (!t)
        return NAN;
    const double up = smooth_push(&s->smoothed[0], d > 0 ? d : 0);
    const double down = smooth_push(&s->smoothed[1], d < 0 ? -d : 0);
    return up + down != 0 ? 100 * (up / (up + down)) : 50;
}

/* --- of candles */

static double next_true_range(struct feature_stream *s, const double *x, size_t t)
{
    const double before = delay_push(&s->delay, x[2]);
    return t ? true_range(x[0], x[1], before) : NAN;
}

static int make_atr(struct feature_stream *s, const double *p)
{
    smooth_make(&s->smoothed[0], p[0], 1 / p[0]);
    return delay_make(&s->delay, 1);
}

static double next_atr(struct feature_stream *s, const double *x, size_t t)
{
    const double range = next_true_range(s, x, t);
    return t ? smooth_push(&s->smoothed[0], range) : NAN;
}

static int make_stoch(struct feature_stream *s, const double *p)
{
    return fold_make(&s->fold[0], p[0]) || fold_make(&s->fold[1], p[0]) ? -1 : 0;
}

static double next_stoch_k(struct feature_stream *s, const double *x, size_t t)
{
    const double lowest = fold_push(&s->fold[0], x[1], lesser, INFINITY);
    (void)t;
    return stochastic(x[2], lowest, fold_push(&s->fold[1], x[0], greater, -INFINITY));
}

static double next_williams_r(struct feature_stream *s, const double *x, size_t t)
{
    return next_stoch_k(s, x, t) - 100;
}

static int make_stoch_d(struct feature_stream *s, const double *p)
{
    return make_stoch(s, p) || fold_make(&s->fold[2], p[1]) ? -1 : 0;
}

static double next_stoch_d(struct feature_stream *s, const double *x, size_t t)
{
    const double k = next_stoch_k(s, x, t);
    if (t + 1 < s->fold[0].n)
        return NAN;
    return fold_push(&s->fold[2], k, add, 0) / (double)s->fold[2].n;
}

static int make_cci(struct feature_stream *s, const double *p)
{
    return make_spread(s, p) || make_delay(s, p) ? -1 : 0;
}

/* The sum runs from the oldest row on, as in compute_cci(). */
static double next_cci(struct feature_stream *s, const double *x, size_t t)
{
    struct delay *d = &s->delay;
    const double y = (x[0] + x[1] + x[2]) / 3;
    double mean, distance = 0;
    spread_push(&s->spread, y, &mean);
    delay_push(d, y);
    for (size_t i = 0, at = d->at; t + 1 >= d->n && i < d->n; i++) {
        distance += fabs(d->value[at] - mean);
        at = at + 1 < d->n ? at + 1 : 0;
    }
    distance /= (double)d->n;
    return distance != 0 ? (y - mean) / (0.015 * distance) : 0;
}

static double next_obv(struct feature_stream *s, const double *x, size_t t)
{
    const double before = delay_push(&s->delay, x[0]);
    if (t)
        s->sum = s->sum + ((x[0] > before) - (x[0] < before)) * x[1];
    return s->sum;
}

static const struct step steps[] = {
    {"ma", make_fold, next_mean},
    {"sma", make_fold, next_mean},
    {"ema", make_ema, next_ema},
    {"sum", make_fold, next_sum},
    {"min", make_fold, next_min},
    {"max", make_fold, next_max},
    {"std", make_spread, next_std},
    {"zscore", make_spread, next_zscore},
    {"rank", make_delay, next_rank},
    {"lag", make_delay, next_against},
    {"diff", make_one, next_against},
    {"ret", make_one, next_against},
    {"logret", make_one, next_against},
    {"roc", make_delay, next_against},
    {"logroc", make_delay, next_against},
    {"volatility", make_volatility, next_volatility},
    {"rise_probability", make_delay, next_rise_probability},
    {"rsi", make_rsi, next_rsi},
    {"macd", make_macd, next_macd},
    {"macd_signal", make_macd_signal, next_macd_signal},
    {"macd_hist", make_macd_signal, next_macd_hist},
    {"bb_upper", make_spread, next_bb_upper},
    {"bb_lower", make_spread, next_bb_lower},
    {"bb_width", make_spread, next_bb_width},
    {"bb_position", make_spread, next_bb_position},
    {"true_range", make_one, next_true_range},
    {"atr", make_atr, next_atr},
    {"stoch_k", make_stoch, next_stoch_k},
    {"stoch_d", make_stoch_d, next_stoch_d},
    {"williams_r", make_stoch, next_williams_r},
    {"cci", make_cci, next_cci},
    {"obv", make_one, next_obv},
    {"volume_ratio", make_fold, next_volume_ratio},
};

/* --- the tree */

/* Functions of one row alone, which need nothing kept. */
static int is_of_one_row(const struct feature_function *function)
{
    return function->each || !strcmp(function->name, "clip") || !strcmp(function->name, "power");
}

static const struct step *find_step(const struct feature_function *function)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (!strcmp(steps[i].name, function->name))
            return &steps[i];
    return NULL;
}

static int refuse(const struct feature *feature, const char *why, struct error *err)
{
    char shown[CSV_SHOWN];
    return error_set(err, STATUS_USAGE, "feature '%s' %s", csv_show(feature->text, shown), why);
}

static int no_memory(const struct feature *feature, struct error *err)
{
    char shown[CSV_SHOWN];
    return error_set(err, STATUS_FAILED, "feature '%s': out of memory",
                     csv_show(feature->text, shown));
}

/* What the function keeps, and its arguments. */
static int make(struct feature_stream *s, int timed, struct error *err)
{
    const struct feature *feature = s->feature;
    if (!feature->function)
        return 0;
    if (!feature->argument[0] && !timed)
        return refuse(feature, "needs the time of each row: set data.time", err);
    s->step = find_step(feature->function);
    if (!s->step && !is_of_one_row(feature->function))
        return refuse(feature, "cannot be computed row by row, as rows come", err);
    if (s->step && s->step->make(s, feature->number))
        return no_memory(feature, err);
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++) {
        if (!(s->argument[i] = feature_stream_new(feature->argument[i], timed, err)))
            return -1;
        const size_t warmup = s->argument[i]->warmup;
        s->skip = warmup > s->skip ? warmup : s->skip;
    }
    return 0;
}

struct feature_stream *feature_stream_new(const struct feature *feature, int timed,
                                          struct error *err)
{
    struct feature_stream *s = calloc(1, sizeof *s);
    if (!s) {
        no_memory(feature, err);
        return NULL;
    }
    s->feature = feature;
    s->warmup = feature_warmup(feature);
    if (!make(s, timed, err))
        return s;
    feature_stream_free(s);
    return NULL;
}

void feature_stream_free(struct feature_stream *s)
{
    if (!s)
        return;
    for (int i = 0; i < FEATURE_ARGUMENTS; i++)
        feature_stream_free(s->argument[i]);
    for (int i = 0; i < FOLDS; i++) {
        free(s->fold[i].block);
        free(s->fold[i].tail);
    }
    free(s->delay.value);
    free(s->spread.block);
    free(s->spread.tail);
    free(s);
}

void feature_stream_reset(struct feature_stream *s)
{
    for (int i = 0; i < FEATURE_ARGUMENTS && s->argument[i]; i++)
        feature_stream_reset(s->argument[i]);
    s->count = s->delay.at = s->spread.at = 0;
    s->spread.begun = 0;
    s->sum = 0;
    for (int i = 0; i < FOLDS; i++) {
        s->fold[i].at = 0;
        s->fold[i].begun = 0;
    }
    for (int i = 0; i < SMOOTHED; i++)
        s->smoothed[i].count = 0;
}

/* The value of a function in a row in which all its arguments have one. */
static double apply(struct feature_stream *s, const double *x)
{
    const struct feature_function *function = s->feature->function;
    const double *rows[FEATURE_ARGUMENTS] = {&x[0], &x[1], &x[2]};
    double out = NAN;
    if (s->step)
        return s->step->next(s, x, s->count - s->skip);
    if (function->each)
        return function->each(x);
    return function->compute(rows, 1, s->feature->number, &out) ? NAN : out;
}

static int not_finite(const struct feature *feature, struct error *err)
{
    const struct feature_function *function = feature->function;
    char text[CSV_SHOWN];
    return error_set(err, STATUS_INPUT, "feature '%s' has no finite value here: %s needs %s",
                     csv_show(feature->text, text), function->name,
                     function->needs ? function->needs : "smaller values");
}

int feature_stream_push(struct feature_stream *s, const double *column, int64_t time, double *out,
                        struct error *err)
{
    double x[FEATURE_ARGUMENTS] = {0};
    if (!s->feature->function) {
        *out = column[s->feature->column];
        return 0;
    }
    if (!s->feature->argument[0])
        x[0] = (double)time;
    for (int i = 0; i < FEATURE_ARGUMENTS && s->argument[i]; i++)
        if (feature_stream_push(s->argument[i], column, time, &x[i], err))
            return -1;
    *out = s->count >= s->skip ? apply(s, x) : NAN;
    if (s->count >= s->warmup && !isfinite(*out))
        return not_finite(s->feature, err);
    if (s->count < s->warmup)
        *out = NAN;
    s->count++;
    return 0;
}
