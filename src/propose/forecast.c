/* SPDX-License-Identifier: MIT */
/* Forecasts of a column of series by a recurrent model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/distribution.h"
#include "propose/kinds.h"

#define LEAP 0.43 /* of a day's price, that is no trading */
#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

int forecast_fits(const struct proposing *p)
{
    return p->is_table && column_of_kind(&p->column, COLUMN_NUMBERS);
}

/* --- what is forecast */

/* The column: of candles the close, else one that is called so, else the last. */
static const char *pick_target(const struct column_kinds *k, const char **why)
{
    static const char *const names[] = {"target", "y", "label", "value"};
    const char *last = column_of_role(k, ROLE_CLOSE);
    *why = "The close of a candle";
    for (size_t n = 0; n < sizeof names / sizeof *names && !last; n++)
        for (size_t i = 0; i < k->columns; i++)
            if (k->column[i].kind == COLUMN_NUMBERS && !strcasecmp(k->column[i].name, names[n])) {
                *why = "The column that is called so";
                last = k->column[i].name;
            }
    if (last)
        return last;
    *why = "The last column of numbers";
    for (size_t i = 0; i < k->columns; i++)
        if (k->column[i].kind == COLUMN_NUMBERS)
            last = k->column[i].name;
    return last;
}

/* Rows ahead, and what they are called; `most` at most. */
static size_t pick_horizon(const struct rhythm *r, size_t most, const char **why)
{
    static const struct {
        int64_t step;
        int64_t ahead;
        const char *why;
    } usual[] = {
        {5 * MINUTE, HOUR, "an hour"},
        {30 * MINUTE, 4 * HOUR, "four hours"},
        {12 * HOUR, DAY, "a day"},
    };
    if (!r->step) {
        *why = "the next row";
        return 1;
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (r->step <= usual[i].step) {
            const size_t rows = (size_t)(usual[i].ahead / r->step);
            *why = rows > most ? "as many as the rows allow" : usual[i].why;
            return rows > most ? most : rows;
        }
    *why = r->step <= DAY ? "a week" : "the next row";
    return r->step > DAY ? 1 : r->week ? r->week : (size_t)(7 * DAY / r->step);
}

/* --- features */

struct candle {
    char *open, *high, *low, *close, *volume; /* expressions; NULL: there is none */
};

static char *role_expression(const struct column_kinds *k, enum column_role role, int *failed)
{
    const char *name = column_of_role(k, role);
    char *text = name ? column_expression(name) : NULL;
    *failed |= name && !text;
    return text;
}

/* -1: memory; candle_fini() frees in any case. */
static int candle_of(struct candle *c, const struct column_kinds *k)
{
    int failed = 0;
    c->open = role_expression(k, ROLE_OPEN, &failed);
    c->high = role_expression(k, ROLE_HIGH, &failed);
    c->low = role_expression(k, ROLE_LOW, &failed);
    c->close = role_expression(k, ROLE_CLOSE, &failed);
    c->volume = role_expression(k, ROLE_VOLUME, &failed);
    return failed ? -1 : 0;
}

static void candle_fini(struct candle *c)
{
    free(c->open);
    free(c->high);
    free(c->low);
    free(c->close);
    free(c->volume);
}

/* The time of day and of the week, where steps are short enough to show it, and some have passed.
 */
static int has_calendar(const struct rhythm *r)
{
    return r->step && r->step <= DAY && r->span >= (r->step < DAY ? 3 : 21) * DAY;
}

static void put_calendar(const struct rhythm *r, FILE *out)
{
    if (has_calendar(r) && r->step < DAY)
        fputs(", hour_sin(), hour_cos()", out);
    if (has_calendar(r) && r->span >= 21 * DAY)
        fputs(", weekday_sin(), weekday_cos()", out);
}

static void draft_list(struct proposing *p, const char *key, FILE *out, char **text)
{
    if (out && !fclose(out))
        draft_set(p->draft, key, "%s", *text);
    else
        draft_short(p->draft);
    free(*text);
}

/* What prices do, not where they stand: the level of today was hardly ever seen in training. */
static void candle_features(struct proposing *p, const struct candle *c, const struct rhythm *r,
                            int with_volume)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        fprintf(out, "ret(%s), roc(%s,5), roc(%s,20)", c->close, c->close, c->close);
        fprintf(out, ", div(%s,ma(%s,20)), volatility(%s,20), rsi(%s)", c->close, c->close,
                c->close, c->close);
        if (c->high && c->low)
            fprintf(out, ", div(atr(%s,%s,%s),%s), stoch_k(%s,%s,%s)", c->high, c->low, c->close,
                    c->close, c->high, c->low, c->close);
        if (with_volume && c->volume)
            fprintf(out, ", volume_ratio(%s,20)", c->volume);
        put_calendar(r, out);
    }
    draft_list(p, "data.features", out, &text);
    draft_why(p->draft, "data.features",
              "What prices did, in relation to themselves: their level in the test may be one that "
              "training never saw.%s",
              with_volume || !c->volume ? "" : " Volumes of 0 allow no ratio of volumes.");
}

static void plain_features(struct proposing *p, const struct rhythm *r)
{
    char *text = NULL, *columns;
    size_t size, count;
    FILE *out = open_memstream(&text, &size);
    columns = columns_of_numbers(&p->column, &count);
    if (!columns)
        draft_short(p->draft);
    if (out) {
        fputs(columns ? columns : "", out);
        put_calendar(r, out);
    }
    draft_list(p, "data.features", out, &text);
    draft_why(p->draft, "data.features", "All %zu column%s of numbers%s.", count,
              count == 1 ? "" : "s", has_calendar(r) ? ", and the calendar" : "");
    free(columns);
}

/* --- the target's distribution */

/* Of the training windows' targets, as they are. */
static int target_distribution(const struct dataset *data, struct distribution *d,
                               struct error *err)
{
    size_t n = 0;
    double *x = malloc((data->rows + 1) * sizeof *x);
    if (!x)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t w = 0; w < data->count[PART_TRAIN]; w++) {
        const size_t row = data->start[PART_TRAIN][w] + data->target_first + data->target_rows - 1;
        if (row < data->rows && isfinite(data->raw_target[row * data->targets]))
            x[n++] = data->raw_target[row * data->targets];
    }
    const int failed = distribution_of(d, x, n, 3, err);
    free(x);
    return failed;
}

/* Two digits of a bound: the next one down, or up. */
static double rounded(double x, double (*to)(double))
{
    if (x == 0 || !isfinite(x))
        return x;
    const double unit = pow(10, floor(log10(fabs(x))) - 1);
    return to(x / unit) * unit;
}

/* How the target is transformed, by its shape; 1: it leaves its scale, so that reversible_norm
 * cannot be used. */
static int pick_transform(struct proposing *p, const struct distribution *d)
{
    const double low = rounded(d->quantile[0], floor), high = rounded(d->quantile[8], ceil);
    if (d->min > 0 && d->skew > 2) {
        draft_set(p->draft, "data.target_transform", "log, standard");
        draft_why(p->draft, "data.target_transform",
                  "All values are above 0, and few are very large (skewness %.1f): logarithms are "
                  "more even.",
                  d->skew);
        return 1;
    }
    if (d->min >= 0 && d->skew > 2) {
        draft_set(p->draft, "data.target_transform", "sqrt, standard");
        draft_why(p->draft, "data.target_transform",
                  "No value is below 0, some are 0, and few are very large (skewness %.1f): roots "
                  "are more even.",
                  d->skew);
        return 1;
    }
    if (d->kurtosis > 3 && low < high) {
        draft_set(p->draft, "data.target_transform", "clip(%g,%g), standard", low, high);
        draft_why(p->draft, "data.target_transform",
                  "Few values are far from the others (excess kurtosis %.1f): in training, the "
                  "outermost 0.1%% at each end count as the bound.",
                  d->kurtosis);
        return 0;
    }
    draft_set(p->draft, "data.target_transform", "standard");
    draft_why(p->draft, "data.target_transform",
              "Skewness %.1f and excess kurtosis %.1f ask for no more than mean 0 and deviation 1.",
              d->skew, d->kurtosis);
    return 0;
}

static void pick_loss(struct proposing *p, const struct distribution *d)
{
    if (d->kurtosis > 1) {
        draft_set(p->draft, "loss.target", "huber");
        draft_why(p->draft, "loss.target", "Rows that are far out do not rule it.");
    } else {
        draft_set(p->draft, "loss.target", "mse");
    }
}

/* --- the model */

static void pick_model(struct proposing *p, size_t windows, int wanders)
{
    const size_t hidden = windows < 2000 ? 16 : windows < 20000 ? 32 : windows < 200000 ? 64 : 128;
    draft_set(p->draft, "model.type", "recurrent");
    draft_set(p->draft, "model.cell", "gru");
    draft_set(p->draft, "model.hidden", "%zu", hidden);
    draft_why(p->draft, "model.hidden", "%zu training windows carry a model of this size.",
              windows);
    draft_set(p->draft, "model.layers", "%d", windows < 20000 ? 1 : 2);
    draft_set(p->draft, "model.dropout", "%s", windows < 20000 ? "0.2" : "0.1");
    if (wanders) {
        draft_set(p->draft, "model.reversible_norm", "yes");
        draft_why(p->draft, "model.reversible_norm",
                  "The level wanders: each window leaves its own behind and gets it back.");
    }
}

/* --- all */

/* What is drafted for a column that is no price: it, as it will be. */
static void draft_value_target(struct proposing *p, const char *target, const char *why)
{
    char *column = column_expression(target);
    if (!column)
        draft_short(p->draft);
    draft_set(p->draft, "data.targets", "%s", column ? column : "");
    draft_why(p->draft, "data.targets", "%s. Another one: -s data.targets=NAME.", why);
    free(column);
}

static void draft_candle_target(struct proposing *p, const struct candle *c, size_t horizon)
{
    draft_set(p->draft, "data.targets", "roc(%s,%zu)", c->close, horizon);
    draft_why(
        p->draft, "data.targets",
        "The change until then, relative to the last close; predictions are also given as prices.");
}

/* Without ratios of volumes where a volume of 0 allows none. */
static struct dataset *load_candle(struct proposing *p, const struct candle *c,
                                   const struct rhythm *r, struct error *err)
{
    struct dataset *data = recording_load(p, p->silent, err);
    if (data || err->status != STATUS_INPUT || !c->volume || !strstr(err->text, "volume_ratio"))
        return data;
    candle_features(p, c, r, 0);
    return recording_load(p, p->silent, err);
}

static int draft_forecast(struct proposing *p, const struct recording *seen, const char *target,
                          const char *why_target, int is_price, struct error *err)
{
    const struct rhythm *r = &seen->rhythm;
    struct candle candle;
    struct distribution d;
    const char *ahead;
    size_t windows = 0;
    const size_t mean = seen->rows / seen->series;
    if (candle_of(&candle, &p->column)) {
        candle_fini(&candle);
        return error_set(err, STATUS_FAILED, "out of memory");
    }
    const size_t horizon = pick_horizon(r, mean > 40 ? mean / 40 : 1, &ahead);
    recording_gap(seen, p);
    if (is_price && r->step == DAY && seen->leap > LEAP) {
        draft_set(p->draft, "data.jump", "%g", LEAP);
        draft_why(p->draft, "data.jump",
                  "A price changes by %.0f%% from one day to the next: a split, or the like. No "
                  "window reaches across.",
                  100 * seen->leap);
        draft_set(p->draft, "data.jump_column", "%s", candle.close);
    }
    if (is_price)
        candle_features(p, &candle, r, 1);
    else
        plain_features(p, r);
    recording_window(seen, p, target, horizon);
    if (is_price)
        draft_candle_target(p, &candle, horizon);
    else
        draft_value_target(p, target, why_target);
    draft_set(p->draft, "data.horizon", "%zu", horizon);
    draft_why(p->draft, "data.horizon", "Rows ahead: %s.", ahead);
    draft_set(p->draft, "data.target_transform", "none");
    draft_set(p->draft, "data.scaler", "standard");
    recording_split(seen, p);
    draft_set(p->draft, "model.type", "recurrent");
    struct dataset *data =
        is_price ? load_candle(p, &candle, r, err) : recording_load(p, p->silent, err);
    int failed = !data || target_distribution(data, &d, err);
    windows = data ? data->count[PART_TRAIN] : 0;
    dataset_free(data);
    if (!failed) {
        const int leaves = pick_transform(p, &d);
        pick_model(p, windows, !is_price && !leaves && r->level > 0.9);
        pick_loss(p, &d);
        draft_set(p->draft, "train.lr", "1e-3");
        recording_train(p, windows, 3000);
        failed = recording_try(p, p->log, &windows, err);
    }
    candle_fini(&candle);
    return failed;
}

/* The column of numbers that data.targets asks for by its name alone; NULL: none. */
static const char *column_asked(const struct column_kinds *k, const char *asked)
{
    for (size_t i = 0; asked && i < k->columns; i++)
        if (k->column[i].kind == COLUMN_NUMBERS && !strcmp(k->column[i].name, asked))
            return k->column[i].name;
    return NULL;
}

int forecast_propose(struct proposing *p, struct error *err)
{
    struct recording seen;
    const char *why;
    const char *target = pick_target(&p->column, &why);
    if (!target)
        return error_set(err, STATUS_INPUT, "%s: no column of it holds numbers alone", p->data);
    const int candle = column_of_role(&p->column, ROLE_CLOSE) != NULL;
    const char *asked = draft_asked(p->draft, "data.targets");
    if (!candle && column_asked(&p->column, asked))
        target = column_asked(&p->column, asked);
    draft_set_path(p->draft, "data.source", p->data);
    if (recording_read(&seen, p, target, candle, err))
        return -1;
    draft_about(p->draft,
                "A forecast of %s by a recurrent model, proposed by seqtrain init. %zu rows in "
                "%zu series. Look at the data: seqtrain data -c %s; train: seqtrain -c %s.",
                asked ? asked : target, seen.rows, seen.series, p->path, p->path);
    const int failed = draft_forecast(p, &seen, target, why, candle && seen.leap > 0, err);
    recording_fini(&seen);
    return failed;
}
