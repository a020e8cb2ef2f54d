/* SPDX-License-Identifier: MIT */
#include "sweep/folds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/clocale.h"
#include "util/jsonnumber.h"

#define ALL "all" /* targets together, where there are several */

/* --- which runs are folds of one test */

/* The axis of data.fold; axes: it does not vary. */
static size_t fold_axis(const struct sweep *sweep)
{
    const struct sweep_key *key = sweep_key_of(sweep, "data.fold");
    return key ? key->axis : sweep->axes;
}

int folds_vary(const struct sweep *sweep)
{
    return fold_axis(sweep) < sweep->axes;
}

/* What a run has told of its fold; NULL: nothing (yet). */
static const json_t *tested(const struct state *s, size_t run)
{
    const struct run_place *p = &s->place[run - 1];
    return p->state == RUN_ENDED ? json_object_get(p->latest, "tested") : NULL;
}

static int same_test(const struct state *s, size_t a, size_t b)
{
    const struct sweep *sweep = s->runs->sweep;
    const size_t axis = fold_axis(sweep);
    for (size_t k = 0; k < sweep->keys; k++) {
        const char *x = s->runs->row[a - 1].value[k], *y = s->runs->row[b - 1].value[k];
        if (sweep->key[k].axis != axis && (!x || !y || strcmp(x, y) != 0))
            return 0;
    }
    return 1;
}

/* The first run of a test that has ended, and whether that is this one. */
static int is_first(const struct state *s, size_t run)
{
    for (size_t i = 1; i < run; i++)
        if (tested(s, i) && same_test(s, i, run))
            return 0;
    return tested(s, run) != NULL;
}

/* --- figures */

/* Sums over folds. */
struct pool {
    double folds, values, moves;
    double squares, absolute, hits; /* of errors; of the moves */
    double sum, power;              /* of the actual values, and of their squares */
    double mse[2], lead[2];         /* sums over folds, and of squares */
    json_t *naive;                  /* sums of squares of each naive forecast that all folds have */
};

static double least_naive(const json_t *metrics)
{
    const char *name;
    const json_t *one;
    double least = NAN;
    json_object_foreach((json_t *)json_object_get(metrics, "naive"), name, one) least =
        fmin(least, jsonnumber_of(one, "mse"));
    return least;
}

static void add_naive(struct pool *p, const json_t *metrics, double values)
{
    const json_t *naive = json_object_get(metrics, "naive"), *one;
    const char *name;
    void *next;
    if (p->folds == 0)
        json_object_foreach((json_t *)naive, name, one)
            json_object_set_new(p->naive, name, json_real(0));
    json_object_foreach_safe(p->naive, next, name, one)
    {
        double mse = jsonnumber_of(json_object_get(naive, name), "mse");
        if (isfinite(mse))
            json_object_set_new(p->naive, name, json_real(json_real_value(one) + mse * values));
        else
            json_object_del(p->naive, name);
    }
}

static void add(struct pool *p, const json_t *metrics)
{
    const double n = jsonnumber_of(metrics, "values"), mse = jsonnumber_of(metrics, "mse");
    const double mean = jsonnumber_of(metrics, "actual_mean");
    const double moves = jsonnumber_of(metrics, "moves"), lead = 1 - mse / least_naive(metrics);
    const double direction = jsonnumber_of(metrics, "directional_accuracy");
    add_naive(p, metrics, n);
    p->folds++;
    p->values += n;
    p->squares += n * mse;
    p->absolute += n * jsonnumber_of(metrics, "mae");
    p->sum += n * mean;
    p->power += n * (jsonnumber_of(metrics, "actual_variance") + mean * mean);
    if (moves > 0 && isfinite(direction)) {
        p->moves += moves;
        p->hits += moves * direction;
    }
    p->mse[0] += mse;
    p->mse[1] += mse * mse;
    p->lead[0] += lead;
    p->lead[1] += lead * lead;
}

/* Mean and standard deviation (n - 1) of what a pool has sums of. */
static void spread_of(const double sums[2], double folds, double *mean, double *deviation)
{
    *mean = sums[0] / folds;
    *deviation = folds > 1 ? sqrt(fmax(0, (sums[1] - folds * *mean * *mean) / (folds - 1))) : NAN;
}

/* What a pool comes to, as the metrics of a fold are written. */
static json_t *pooled_json(const struct pool *p)
{
    const double n = p->values, mse = p->squares / n;
    const double mean = p->sum / n, variance = p->power / n - mean * mean;
    json_t *naive = json_object();
    const json_t *one;
    const char *name;
    json_object_foreach(p->naive, name, one) json_object_set_new(
        naive, name, json_pack("{s:o}", "mse", jsonnumber(json_real_value(one) / n)));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "values", jsonnumber(n), "mse",
                     jsonnumber(mse), "mae", jsonnumber(p->absolute / n), "rmse",
                     jsonnumber(sqrt(mse)), "r2", jsonnumber(1 - mse / variance),
                     "directional_accuracy", jsonnumber(p->hits / p->moves), "moves",
                     jsonnumber(p->moves), "naive", naive);
}

static json_t *spread_json(const double sums[2], double folds)
{
    double mean, deviation;
    spread_of(sums, folds, &mean, &deviation);
    return json_pack("{s:o, s:o}", "mean", jsonnumber(mean), "deviation", jsonnumber(deviation));
}

/* --- a test */

/* The values that its runs share: "model.hidden = 8"; "" where only the fold varies. */
static json_t *shared_values(const struct state *s, size_t run)
{
    const struct sweep *sweep = s->runs->sweep;
    json_t *values = json_object();
    for (size_t k = 0; k < sweep->keys; k++)
        if (sweep->key[k].axis != fold_axis(sweep))
            json_object_set_new(values, sweep->key[k].name,
                                json_string(s->runs->row[run - 1].value[k]));
    return values;
}

static json_t *fold_json(size_t run, const json_t *of, const json_t *metrics)
{
    json_t *fold =
        json_pack("{s:I, s:O}", "run", (json_int_t)run, "fold", json_object_get(of, "fold"));
    json_object_update(fold, (json_t *)metrics);
    return fold;
}

/* The folds of the test of a run that have ended, in the order of time. */
static json_t *folds_of(const struct state *s, size_t first, const char *target, struct pool *pool)
{
    json_t *folds = json_array();
    for (size_t run = first; run <= s->runs->count; run++) {
        const json_t *of = tested(s, run);
        const json_t *metrics = json_object_get(json_object_get(of, "original"), target);
        size_t at = json_array_size(folds);
        if (!metrics || !same_test(s, first, run))
            continue;
        add(pool, metrics);
        while (at &&
               jsonnumber_of(json_array_get(folds, at - 1), "fold") > jsonnumber_of(of, "fold"))
            at--;
        json_array_insert_new(folds, at, fold_json(run, of, metrics));
    }
    return folds;
}

static json_t *test_json(const struct state *s, size_t first, const char *target)
{
    struct pool pool = {.naive = json_object()};
    json_t *folds = folds_of(s, first, target, &pool);
    json_t *test =
        json_pack("{s:o, s:s, s:O, s:o, s:o, s:{s:o, s:o}}", "values", shared_values(s, first),
                  "target", target, "of_folds", json_object_get(tested(s, first), "folds"), "folds",
                  folds, "pooled", pooled_json(&pool), "spread", "mse",
                  spread_json(pool.mse, pool.folds), "lead", spread_json(pool.lead, pool.folds));
    json_decref(pool.naive);
    return test;
}

json_t *folds_json(const struct state *s)
{
    json_t *tests = json_array();
    for (size_t run = 1; run <= s->runs->count; run++) {
        const char *target;
        const json_t *ignored;
        if (!is_first(s, run))
            continue;
        json_object_foreach(json_object_get(tested(s, run), "original"), target,
                            ignored) if (strcmp(target, ALL) != 0)
            json_array_append_new(tests, test_json(s, run, target));
    }
    return tests;
}

/* --- sweep.csv */

static const char *const columns[] = {"values", "mse", "mae", "r2", "directional_accuracy"};

void folds_put_names(FILE *out)
{
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        fprintf(out, ",%s", columns[i]);
    fputs(",naive_mse", out);
}

static void put_number(double x, FILE *out)
{
    if (isfinite(x))
        fprintf(out, ",%.10g", x);
    else
        putc(',', out);
}

void folds_put_run(const struct state *s, size_t run, FILE *out)
{
    json_t *targets = json_object_get(tested(s, run), "original");
    const json_t *metrics = json_object_get(targets, ALL);
    if (!metrics)
        metrics = json_object_iter_value(json_object_iter(targets));
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        put_number(jsonnumber_of(metrics, columns[i]), out);
    put_number(least_naive(metrics), out);
}

/* --- for people */

static void put_line(const char *fold, const json_t *metrics, FILE *out)
{
    const double mse = jsonnumber_of(metrics, "mse"), naive = least_naive(metrics);
    const double direction = jsonnumber_of(metrics, "directional_accuracy");
    fprintf(out, "%8s %9.0f %13.6g", fold, jsonnumber_of(metrics, "values"), mse);
    if (isfinite(naive))
        fprintf(out, " %13.6g %8.1f%%", naive, 100 * (1 - mse / naive));
    else
        fprintf(out, " %13s %9s", "-", "-");
    fprintf(out, " %8.3f", jsonnumber_of(metrics, "r2"));
    if (isfinite(direction))
        fprintf(out, " %9.1f%%\n", 100 * direction);
    else
        fprintf(out, " %10s\n", "-");
}

static void put_spread(const json_t *test, FILE *out)
{
    const json_t *spread = json_object_get(test, "spread");
    const json_t *mse = json_object_get(spread, "mse"), *lead = json_object_get(spread, "lead");
    if (isfinite(jsonnumber_of(mse, "deviation")) && isfinite(jsonnumber_of(lead, "mean")))
        fprintf(out,
                "over folds: MSE %.6g, deviation %.6g; less by %.1f%%, deviation %.1f points\n",
                jsonnumber_of(mse, "mean"), jsonnumber_of(mse, "deviation"),
                100 * jsonnumber_of(lead, "mean"), 100 * jsonnumber_of(lead, "deviation"));
}

static void put_test(const json_t *test, FILE *out)
{
    const json_t *value, *folds = json_object_get(test, "folds");
    const char *name, *comma = "";
    char number[32];
    size_t i;
    fprintf(out, "Tested on %zu of %" JSON_INTEGER_FORMAT " folds: %s", json_array_size(folds),
            json_integer_value(json_object_get(test, "of_folds")),
            json_string_value(json_object_get(test, "target")));
    json_object_foreach(json_object_get(test, "values"), name, value)
    {
        fprintf(out, "%s%s = %s", *comma ? comma : "; ", name, json_string_value(value));
        comma = ", ";
    }
    fprintf(out, "\n%8s %9s %13s %13s %9s %8s %10s\n", "fold", "values", "MSE", "naive", "less by",
            "R2", "direction");
    json_array_foreach(folds, i, value)
    {
        snprintf(number, sizeof number, "%.0f", jsonnumber_of(value, "fold"));
        put_line(number, value, out);
    }
    put_line("pooled", json_object_get(test, "pooled"), out);
    put_spread(test, out);
}

char *folds_text(const struct state *s)
{
    char *text = NULL;
    size_t size, i;
    json_t *tests = folds_vary(s->runs->sweep) ? folds_json(s) : json_array(), *test;
    FILE *out = open_memstream(&text, &size);
    locale_t before = clocale_enter();
    if (out)
        json_array_foreach(tests, i, test) put_test(test, out);
    clocale_leave(before);
    json_decref(tests);
    if (!out || fclose(out)) {
        free(text);
        return NULL;
    }
    if (size)
        text[size - 1] = 0;
    return text;
}
