/* SPDX-License-Identifier: MIT */
#include "data/live.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/calendar.h"
#include "data/csv.h"
#include "data/feature_stream.h"
#include "data/load.h"
#include "data/table.h"
#include "util/block.h"

#define TIMES_KEPT ((size_t)1 << 20) /* that a calendar is found out from */

/* The times of all rows so far, as far as a calendar looks back. */
struct past {
    int64_t *time;
    size_t count, room;
    int64_t step; /* from row to row, if that is always the same; 0: not yet, -1: it is not */
};

struct live {
    struct load load;
    struct dataset *data;
    int by_row;
    size_t window, stride, padding, columns;
    struct feature_stream **feature, **target;
    double *raw;      /* [window, features] */
    double *x, *last; /* [columns] a row with what was carried forward, and the row before */
    long *since;      /* [columns] rows that lack a value, one behind the other */
    unsigned char *seen;
    size_t run;         /* rows of the run so far */
    size_t number;      /* of the next usable row */
    size_t windows;     /* so far */
    size_t done;        /* the same, this one left out */
    int started, fresh; /* each column has had a value; no window of the run was before */
    int cut;            /* the next row begins a run */
    int64_t before;     /* time of the row before */
    size_t rows;        /* so far */
    struct past past;
};

/* --- what cannot be had row by row */

static int refuse_key(const char *key, const char *why, struct error *err)
{
    return error_set(err, STATUS_USAGE, "[data] %s: %s", key, why);
}

static int check_keys(const struct config *c, struct error *err)
{
    const struct {
        int is_set;
        const char *key, *why;
    } keys[] = {
        {c->data.channels == CHANNELS_APART, "channels",
         "each column is a series of its own (apart), which a table of predictions has one behind "
         "the other: rows that come cannot be answered so"},
        {c->data.series && *c->data.series, "series",
         "rows that come are one series; -s data.series= takes them as such, a process a series"},
        {c->data.resample > 0, "resample",
         "candles are not made of rows that come: what comes has to be candles, and "
         "-s data.resample=none takes them so"},
        {c->data.jump > 0, "jump", "rows that come are not cut at jumps; -s data.jump=0 takes all"},
        {c->data.where && *c->data.where, "where",
         "rows that come are all answered: -s data.where= says that this is meant"},
        {c->data.rows > 0, "rows", "-s data.rows=0 takes all rows that come"},
        {(c->data.from && *c->data.from) || (c->data.to && *c->data.to) || c->data.days > 0,
         "from, to and days", "all rows that come are taken"},
        {c->data.skip_footer > 0, "skip_footer",
         "rows that come have no end whose lines could be left out; -s data.skip_footer=0 takes "
         "all"},
        {c->data.order == ORDER_FALLING, "order",
         "with order = falling the newest row comes first, and rows that come cannot do so"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].is_set)
            return refuse_key(keys[i].key, keys[i].why, err);
    return 0;
}

/* --- opening */

static struct feature_stream **make_streams(struct feature *const *from, size_t count, int timed,
                                            struct error *err)
{
    struct feature_stream **to = calloc(count + 1, sizeof *to);
    if (!to)
        error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; to && i < count; i++)
        if (!(to[i] = feature_stream_new(from[i], timed, err))) {
            while (i--)
                feature_stream_free(to[i]);
            free(to);
            return NULL;
        }
    return to;
}

static void free_streams(struct feature_stream **streams, size_t count)
{
    for (size_t i = 0; streams && i < count; i++)
        feature_stream_free(streams[i]);
    free(streams);
}

/* The dataset of one window, with rows behind it for targets that lie ahead. */
static int make_data(struct live *l)
{
    struct dataset *d = l->data;
    const size_t reach = d->targets ? d->target_first + d->target_rows : 0;
    const size_t window = d->eval_window ? d->eval_window : d->window; /* as a table has them */
    if (l->by_row)
        d->eval_window = 1;
    l->window = d->eval_window ? d->eval_window : d->window;
    l->stride = d->eval_window ? d->eval_window : dataset_stride(l->load.config);
    l->padding = reach > window ? reach - window : 0;
    d->rows = l->window + l->padding;
    d->files = 1;
    d->file = calloc(2, sizeof *d->file);
    d->start[PART_TEST] = block_zeros(sizeof *d->start[PART_TEST]);
    d->count[PART_TEST] = 1;
    d->series = block_zeros(d->rows * d->features * sizeof *d->series);
    d->time = live_is_timed(l) ? block_zeros(d->rows * sizeof *d->time) : NULL;
    d->target = block_zeros((d->rows * d->targets + 1) * sizeof *d->target);
    d->raw_target = block_zeros((d->rows * d->targets + 1) * sizeof *d->raw_target);
    if (!d->file || !d->start[PART_TEST] || !d->series || (live_is_timed(l) && !d->time) ||
        !d->target || !d->raw_target || !(d->file[0].name = strdup("")))
        return -1;
    d->file[0].end = d->rows;
    return 0;
}

static int make_rows(struct live *l)
{
    l->columns = l->load.columns.count;
    l->raw = block_zeros((l->window * l->data->features) * sizeof *l->raw);
    l->x = calloc(l->columns + 1, sizeof *l->x);
    l->last = calloc(l->columns + 1, sizeof *l->last);
    l->since = calloc(l->columns + 1, sizeof *l->since);
    l->seen = calloc(l->columns + 1, sizeof *l->seen);
    l->cut = l->fresh = 1;
    return l->raw && l->x && l->last && l->since && l->seen ? 0 : -1;
}

/* Transforms of targets; the targets themselves stay zeros, which no prediction depends on. */
static int take_transforms(struct live *l, const struct fitted *fitted)
{
    struct dataset *d = l->data;
    if (!d->targets)
        return 0;
    if (fitted->targets != d->targets)
        return error_set(l->load.err, STATUS_INPUT,
                         "the checkpoint has transforms of %zu targets, data.targets makes %zu",
                         fitted->targets, d->targets);
    if (!d->transform && !(d->transform = calloc(d->targets, sizeof *d->transform)))
        return load_no_memory(&l->load);
    for (size_t i = 0; i < d->targets; i++)
        d->transform[i] = fitted->transform[i];
    return 0;
}

static int open_in(struct live *l, const struct fitted *fitted)
{
    struct load *load = &l->load;
    const struct config *c = load->config;
    if (dataset_is_text(c))
        return error_set(load->err, STATUS_USAGE,
                         "rows that come are numbers: a model of texts has none");
    if (check_keys(c, load->err) || keys_read(load) || fill_prepare(load, fitted))
        return -1;
    if (make_data(l) || make_rows(l))
        return load_no_memory(load);
    if (take_transforms(l, fitted) ||
        !(l->feature = make_streams(load->feature, load->features, live_is_timed(l), load->err)))
        return -1;
    if (l->data->targets && !load->target_columns.count && /* else they are in files beside */
        !(l->target =
              make_streams(load->expression, load->expressions, live_is_timed(l), load->err)))
        return -1;
    return 0;
}

struct live *live_open(const struct config *config, const struct fitted *fitted, int by_row,
                       struct log *log, struct error *err)
{
    struct live *l = calloc(1, sizeof *l);
    if (!l) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    l->by_row = by_row;
    l->load = (struct load){.config = config,
                            .whole = 1,
                            .log = log,
                            .err = err,
                            .label = "rows that come",
                            .kept = fitted->reading};
    l->load.told = json_object();
    l->data = l->load.data = calloc(1, sizeof *l->data);
    if (l->data && l->load.told ? !open_in(l, fitted) : load_no_memory(&l->load))
        return l;
    live_close(l);
    return NULL;
}

void live_close(struct live *l)
{
    if (!l)
        return;
    free_streams(l->feature, l->load.features);
    free_streams(l->target, l->load.expressions);
    dataset_free(l->data);
    load_fini(&l->load);
    block_free(l->raw);
    block_free(l->past.time);
    free(l->x);
    free(l->last);
    free(l->since);
    free(l->seen);
    free(l);
}

/* --- what it is asked */

struct dataset *live_data(struct live *l)
{
    return l->data;
}

int live_repeat(struct live *l, size_t windows, struct error *err)
{
    struct dataset *d = l->data;
    uint32_t *start = block_zeros(windows * sizeof *start);
    l->load.err = err;
    if (!start)
        return load_no_memory(&l->load);
    block_free(d->start[PART_TEST]);
    d->start[PART_TEST] = start;
    d->count[PART_TEST] = windows;
    return 0;
}

size_t live_columns(const struct live *l)
{
    return l->load.columns.count;
}

const char *live_column(const struct live *l, size_t i)
{
    return l->load.columns.name[i];
}

int live_is_timed(const struct live *l)
{
    return l->load.how.time[0] && *l->load.how.time[0];
}

const struct load *live_load(const struct live *l)
{
    return &l->load;
}

size_t live_first(const struct live *l)
{
    return l->number - l->window;
}

int live_is_fresh(const struct live *l)
{
    return l->fresh;
}

size_t live_windows(const struct live *l)
{
    return l->done;
}

size_t live_needs(const struct live *l)
{
    return l->load.warmup + l->window;
}

size_t live_stride(const struct live *l)
{
    return l->stride;
}

int live_needs_column(const struct live *l, size_t i)
{
    return !l->load.only_target[i];
}

void live_leave_targets(struct live *l)
{
    free_streams(l->target, l->load.expressions);
    l->target = NULL;
}

/* --- the order of time */

/* Behind a run that had usable rows lie those that its forecasts reach. */
static void begin_run(struct live *l)
{
    l->number += l->run > l->load.warmup ? l->padding : 0;
    l->run = 0;
    l->cut = 0;
    l->fresh = 1;
    for (size_t i = 0; i < l->load.features; i++)
        feature_stream_reset(l->feature[i]);
    for (size_t i = 0; l->target && i < l->load.expressions; i++)
        feature_stream_reset(l->target[i]);
}

void live_cut(struct live *l)
{
    l->cut = 1;
}

void live_reset(struct live *l)
{
    memset(l->since, 0, l->columns * sizeof *l->since);
    memset(l->seen, 0, l->columns * sizeof *l->seen);
    l->run = l->number = l->windows = l->done = l->rows = 0;
    l->started = 0;
    l->past.count = 0;
    l->past.step = 0;
    live_cut(l);
}

static int not_later(struct live *l, int64_t time)
{
    char now[TABLE_TIME], before[TABLE_TIME];
    if (time < l->before)
        return error_set(l->load.err, STATUS_INPUT,
                         "time %s lies before the previous row's %s: the row is left out",
                         table_time(time, now), table_time(l->before, before));
    if (l->load.how.duplicates == DUPLICATES_FIRST)
        return 1;
    return error_set(l->load.err, STATUS_INPUT,
                     "time %s appears twice: the row is left out, for the first of that time is "
                     "answered%s",
                     table_time(time, now),
                     l->load.how.duplicates == DUPLICATES_ERROR
                         ? "; data.duplicates = first leaves such rows out without a word"
                         : " already, whatever data.duplicates says");
}

/* Whether the row lies behind the one before: 0; 1: it is left out; -1: it is refused. */
static int take_time(struct live *l, const struct live_row *row, int64_t *time)
{
    *time = row->time;
    if (!live_is_timed(l) || !l->rows)
        return 0;
    if (row->later != row->time && row->time <= l->before)
        *time = row->later;
    if (*time <= l->before)
        return not_later(l, *time);
    const double gap = (double)l->load.config->data.gap;
    l->cut |= gap > 0 && (double)(*time - l->before) > gap;
    return 0;
}

/* The times of the last rows; memory grows up to twice what a calendar looks at. */
static int remember(struct live *l, int64_t time)
{
    struct past *p = &l->past;
    if (!l->padding || !live_is_timed(l))
        return 0;
    if (p->count == 2 * TIMES_KEPT) {
        memmove(p->time, p->time + TIMES_KEPT, TIMES_KEPT * sizeof *p->time);
        p->count = TIMES_KEPT;
    }
    if (p->count == p->room) {
        const size_t room = p->room ? 2 * p->room : 1024;
        int64_t *more = block_resize(p->time, room * sizeof *more);
        if (!more)
            return load_no_memory(&l->load);
        p->time = more;
        p->room = room;
    }
    const int64_t step = p->count ? time - p->time[p->count - 1] : 0;
    p->step = !p->count ? 0 : !p->step || p->step == step ? step : -1;
    p->time[p->count++] = time;
    return 0;
}

/* --- missing values */

static int lacks_value(struct live *l, size_t column, const char *what)
{
    char name[CSV_SHOWN];
    return error_set(l->load.err, STATUS_INPUT, "column '%s': %s",
                     csv_show(live_column(l, column), name), what);
}

/* What previous makes of a column without a value. */
static int carry_forward(struct live *l, size_t c)
{
    if (++l->since[c] > l->load.how.missing_limit || isnan(l->last[c]))
        return lacks_value(l, c,
                           isnan(l->last[c]) ? "the value is missing, and there is none before it"
                                             : "values are missing in too many rows, one behind "
                                               "the other; data.missing_limit says how many");
    l->x[c] = l->last[c];
    return 0;
}

/* 0; 1: the row is left out; -1: it is refused. Leaves in l->x what features are made of. */
static int take_values(struct live *l, const double *x)
{
    const int how = l->load.how.missing;
    int all = 1;
    for (size_t c = 0; c < l->columns && !l->started; c++) {
        if (!isnan(x[c]))
            l->seen[c] = 1;
        all &= l->seen[c] || !live_needs_column(l, c);
    }
    if (!all)
        return 1; /* a column has no value yet, as where a mean begins */
    if (!l->started)
        for (size_t c = 0; c < l->columns; c++)
            l->last[c] = NAN;
    l->started = 1;
    for (size_t c = 0; c < l->columns; c++) {
        l->x[c] = x[c];
        if (!isnan(x[c]))
            l->since[c] = 0;
        else if (how == MISSING_ERROR)
            return lacks_value(l, c,
                               "the value is missing; data.missing = skip leaves such rows out, "
                               "previous carries the last value forward");
        else if (live_needs_column(l, c) && how == MISSING_SKIP)
            return 1;
        else if (live_needs_column(l, c) && carry_forward(l, c))
            return -1;
    }
    memcpy(l->last, l->x, l->columns * sizeof *l->last);
    return 0;
}

/* --- features and targets */

/* Moves what the window has to make room for one more row at its end. */
static void shift(struct live *l)
{
    struct dataset *d = l->data;
    const size_t kept = l->window - 1;
    memmove(l->raw, l->raw + d->features, kept * d->features * sizeof *l->raw);
    memmove(d->series, d->series + d->features, kept * d->features * sizeof *d->series);
    memmove(d->raw_target, d->raw_target + d->targets, kept * d->targets * sizeof *d->raw_target);
    if (d->time)
        memmove(d->time, d->time + 1, kept * sizeof *d->time);
}

static int scale(struct live *l, size_t row, size_t f)
{
    struct dataset *d = l->data;
    const double x = l->raw[row * d->features + f], by = d->scaler.scale[f];
    const float value = (float)((x - d->scaler.offset[f]) / by);
    char shown[CSV_SHOWN];
    d->series[row * d->features + f] = value;
    return isfinite(value) ? 0
                           : error_set(l->load.err, STATUS_INPUT,
                                       "feature '%s': %g is too large for single precision%s",
                                       csv_show(l->load.feature[f]->text, shown), x,
                                       by != 1 ? " when scaled" : "");
}

/* The features of a row of the run, into the window's last row if it is behind the warm-up. */
static int take_features(struct live *l, int64_t time)
{
    const size_t n = l->data->features;
    double *to = l->raw + (l->window - 1) * n;
    const int warm = l->run >= l->load.warmup;
    double ignored;
    for (size_t f = 0; f < n; f++)
        if (feature_stream_push(l->feature[f], l->x, time, warm ? &to[f] : &ignored, l->load.err) ||
            (warm && scale(l, l->window - 1, f)))
            return -1;
    return 0;
}

static int is_known(const struct feature *feature, const double *x)
{
    if (!feature->function)
        return !isnan(x[feature->column]);
    for (int i = 0; i < FEATURE_ARGUMENTS && feature->argument[i]; i++)
        if (!is_known(feature->argument[i], x))
            return 0;
    return 1;
}

/* Targets are made of what the row itself has; where it lacks a value there is none, and functions
 * begin anew. */
static int take_targets(struct live *l, const double *x, int64_t time)
{
    const size_t k = l->data->targets;
    double *to = l->data->raw_target + (l->window - 1) * k, value;
    for (size_t i = 0; i < k; i++) {
        value = NAN;
        if (!l->target)
            ; /* it is not among the columns that come */
        else if (!is_known(l->load.expression[i], x))
            feature_stream_reset(l->target[i]);
        else if (feature_stream_push(l->target[i], x, time, &value, l->load.err))
            return -1;
        to[i] = value;
    }
    return 0;
}

/* --- windows */

/* The calendar of the rows so far; where all steps are alike it is found without looking at all. */
static int find_calendar(const struct live *l, struct calendar *calendar)
{
    const int64_t day = 86400000, step = l->past.step;
    *calendar = (struct calendar){.kind = CALENDAR_EVEN, .zone = l->load.zone, .step = step};
    if (step > 0 && (!l->load.zone || step % day))
        return 0;
    return calendar_find(calendar, l->past.time, l->past.count, l->load.zone);
}

/* The times of rows ahead. */
static int carry_on(struct live *l)
{
    struct dataset *d = l->data;
    struct calendar calendar;
    if (!d->time || !l->padding)
        return 0;
    if (find_calendar(l, &calendar))
        return load_no_memory(&l->load);
    for (size_t row = l->window; row < d->rows; row++)
        if (d->time[row - 1] == DATASET_NO_TIME ||
            calendar_next(&calendar, d->time[row - 1], &d->time[row]))
            d->time[row] = DATASET_NO_TIME;
    calendar_fini(&calendar);
    return 0;
}

static int check_end(struct live *l)
{
    const struct dataset *d = l->data;
    char shown[CSV_SHOWN];
    if (d->scaler.kind != SCALER_RELATIVE ||
        d->series[(l->window - 1) * d->features + d->scaler.base] != 0)
        return 0;
    return error_set(l->load.err, STATUS_INPUT,
                     "feature '%s' is 0 where a window ends, and data.scaler = relative divides by "
                     "it there: the row gets no answer",
                     csv_show(l->load.feature[d->scaler.base]->text, shown));
}

/* Whether a window ends with the row that was put in; it is then made whole. */
static enum live_taken end_window(struct live *l)
{
    struct dataset *d = l->data;
    const size_t usable = l->run - l->load.warmup;
    if (usable < l->window || (usable - l->window) % l->stride)
        return LIVE_TAKEN;
    l->done = l->windows;
    if (carry_on(l) || check_end(l))
        return LIVE_REFUSED;
    l->windows++;
    l->fresh = usable == l->window;
    for (size_t i = l->window * d->targets; i < d->rows * d->targets; i++)
        d->raw_target[i] = NAN;
    return LIVE_WINDOW;
}

/* A row with all its values. */
static enum live_taken put_in(struct live *l, const double *x, int64_t time)
{
    if (l->run >= l->load.warmup)
        shift(l);
    if (take_features(l, time) || take_targets(l, x, time)) {
        live_cut(l);
        return LIVE_REFUSED;
    }
    if (l->data->time)
        l->data->time[l->window - 1] = time;
    if (l->run++ < l->load.warmup)
        return LIVE_TAKEN;
    l->number++;
    return end_window(l);
}

enum live_taken live_push(struct live *l, const struct live_row *row, struct error *err)
{
    int64_t time;
    l->load.err = err;
    int left_out = take_time(l, row, &time);
    if (left_out)
        return left_out < 0 ? LIVE_REFUSED : LIVE_TAKEN;
    left_out = take_values(l, row->x);
    if (left_out)
        live_cut(l);
    if (left_out < 0) /* the same row may come again, as it should be */
        return LIVE_REFUSED;
    l->before = time;
    l->rows++;
    if (left_out)
        return LIVE_TAKEN;
    if (remember(l, time))
        return LIVE_REFUSED;
    if (l->cut)
        begin_run(l);
    return put_in(l, row->x, time);
}

int live_refit(struct live *l, const struct fitted *fitted, struct error *err)
{
    struct scaler scaler = {0};
    struct dataset *d = l->data;
    l->load.err = err;
    if (fitted->scaler.features != d->features)
        return error_set(err, STATUS_INPUT,
                         "the checkpoint's scaler has %zu features, data.features %zu",
                         fitted->scaler.features, d->features);
    if (scaler_copy(&scaler, &fitted->scaler))
        return load_no_memory(&l->load);
    if (take_transforms(l, fitted)) {
        scaler_fini(&scaler);
        return -1;
    }
    scaler.low = d->scaler.low;
    scaler.high = d->scaler.high;
    scaler.base = d->scaler.base;
    scaler_fini(&d->scaler);
    d->scaler = scaler;
    for (size_t row = 0; row < l->window; row++)
        for (size_t f = 0; f < d->features; f++)
            if (scale(l, row, f))
                l->cut = 1;
    return 0;
}
