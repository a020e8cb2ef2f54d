/* SPDX-License-Identifier: MIT */
#include "analysis/regression.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/clocale.h"

const char *const naive_name[NAIVES] = {"last value", "zero return", "training mean"};

/* A sum whose rounding errors are kept beside it (Neumaier 1974). */
struct sum {
    double total, rest;
};

static void sum_add(struct sum *s, double x)
{
    double total = s->total + x;
    s->rest += fabs(s->total) >= fabs(x) ? s->total - total + x : x - total + s->total;
    s->total = total;
}

static double sum_of(struct sum s)
{
    return isfinite(s.total) ? s.total + s.rest : s.total;
}

struct regression_cell {
    double count, mean, spread; /* actual values: Welford's mean and sum of squared distances */
    struct sum square, size;    /* of the errors */
    double moves, up, hits;     /* actual values off the origin, above it; signs that were right */
    struct sum naive_square[NAIVES], naive_size[NAIVES];
};

int regression_init(struct regression *r, size_t targets, size_t rows, const double *mean,
                    struct error *err)
{
    *r = (struct regression){.targets = targets, .rows = rows};
    r->mean = malloc((targets + 1) * sizeof *r->mean);
    if (!targets || rows <= (size_t)-1 / targets)
        r->cell = calloc(targets * rows + 1, sizeof *r->cell);
    if (!r->mean || !r->cell) {
        regression_fini(r);
        return error_set(err, STATUS_FAILED, "out of memory for the metrics of %zu targets",
                         targets);
    }
    for (size_t k = 0; k < targets; k++)
        r->mean[k] = mean ? mean[k] : NAN;
    return 0;
}

void regression_fini(struct regression *r)
{
    free(r->mean);
    free(r->cell);
    r->mean = NULL;
    r->cell = NULL;
}

static void cell_add(struct regression_cell *c, double prediction, double actual, double origin,
                     const double naive[NAIVES])
{
    double error = prediction - actual, step = actual - c->mean;
    c->count++;
    c->mean += step / c->count;
    c->spread += step * (actual - c->mean);
    sum_add(&c->square, error * error);
    sum_add(&c->size, fabs(error));
    if (actual < origin || actual > origin) {
        c->moves++;
        c->up += actual > origin;
        c->hits += actual > origin ? prediction > origin : prediction < origin;
    }
    for (int i = 0; i < NAIVES; i++) {
        double e = naive[i] - actual;
        sum_add(&c->naive_square[i], e * e);
        sum_add(&c->naive_size[i], fabs(e));
    }
}

void regression_add(struct regression *r, const double *prediction, const double *actual,
                    const double *last, const double *origin)
{
    for (size_t row = 0; row < r->rows; row++)
        for (size_t k = 0; k < r->targets; k++) {
            size_t i = row * r->targets + k;
            double zero = origin ? origin[k] : NAN;
            double naive[NAIVES] = {last ? last[k] : NAN, zero, r->mean[k]};
            if (isfinite(actual[i]))
                cell_add(&r->cell[i], prediction[i], actual[i], zero, naive);
        }
}

/* Joins the rows of a target (Chan, Golub and LeVeque 1983). */
static void cell_join(struct regression_cell *to, const struct regression_cell *c)
{
    double count = to->count + c->count, step = c->mean - to->mean;
    if (c->count <= 0)
        return;
    to->spread += c->spread + step * step * to->count * (c->count / count);
    to->mean += step * (c->count / count);
    to->count = count;
    to->moves += c->moves;
    to->up += c->up;
    to->hits += c->hits;
    sum_add(&to->square, sum_of(c->square));
    sum_add(&to->size, sum_of(c->size));
    for (int i = 0; i < NAIVES; i++) {
        sum_add(&to->naive_square[i], sum_of(c->naive_square[i]));
        sum_add(&to->naive_size[i], sum_of(c->naive_size[i]));
    }
}

/* All rows of a target, or one. */
static struct regression_cell target_cell(const struct regression *r, size_t target, size_t row)
{
    struct regression_cell all = {0};
    for (size_t i = 0; i < r->rows; i++)
        if (row == REGRESSION_ALL || row == i)
            cell_join(&all, &r->cell[i * r->targets + target]);
    return all;
}

struct regression_metrics regression_metrics(const struct regression *r, size_t target, size_t row)
{
    struct regression_cell all = {0};
    for (size_t k = 0; k < r->targets; k++) {
        if (target != REGRESSION_ALL && target != k)
            continue;
        struct regression_cell one = target_cell(r, k, row);
        double spread = all.spread + one.spread; /* each target about its own mean */
        cell_join(&all, &one);
        all.spread = spread;
    }
    double n = all.count > 0 ? all.count : NAN, error = sum_of(all.square);
    struct regression_metrics m = {
        .count = all.count,
        .mean = all.count > 0 ? all.mean : NAN,
        .variance = all.spread / n,
        .moves = all.moves,
        .mse = error / n,
        .mae = sum_of(all.size) / n,
        .rmse = sqrt(error / n),
        .r2 = all.spread > 0 ? 1 - error / all.spread : NAN,
        .direction = all.moves > 0 ? all.hits / all.moves : NAN,
        .naive_direction = all.moves > 0 ? fmax(all.up, all.moves - all.up) / all.moves : NAN,
    };
    for (int i = 0; i < NAIVES; i++) {
        m.naive_mse[i] = sum_of(all.naive_square[i]) / n;
        m.naive_mae[i] = sum_of(all.naive_size[i]) / n;
    }
    return m;
}

/* Three digits of x. */
static double rounded(double x)
{
    double unit = pow(10, floor(log10(x)) - 2);
    return round(x / unit) * unit;
}

void regression_ratio(double mse, double naive, char text[REGRESSION_RATIO])
{
    const size_t size = REGRESSION_RATIO;
    double share = mse / naive, off = 100 * fabs(1 - share);
    locale_t before = clocale_enter();
    if (!(naive > 0) || !isfinite(share))
        snprintf(text, size, mse > naive ? "more" : "the same");
    else if (share <= 0)
        snprintf(text, size, "none at all");
    else if (share <= 0.1)
        snprintf(text, size, "1/%.*f of it, %.1f dB", share > 0.01, rounded(1 / share),
                 10 * log10(share));
    else if (share >= 2)
        snprintf(text, size, share < 1e6 ? "%.*f times as much" : "%.*e times as much",
                 share < 100 || share >= 1e6, rounded(share));
    else if (off <= 0)
        snprintf(text, size, "the same");
    else
        snprintf(text, size, off < 10 ? "%.2g%% %s" : "%.0f%% %s", off,
                 share < 1 ? "less" : "more");
    clocale_leave(before);
}

struct regression_verdict regression_verdict(const struct regression_metrics *m)
{
    struct regression_verdict v = {.best = NAIVES, .gain = NAN};
    char ratio[REGRESSION_RATIO];
    for (int i = 0; i < NAIVES; i++)
        if (isfinite(m->naive_mse[i]) &&
            (v.best == NAIVES || m->naive_mse[i] < m->naive_mse[v.best]))
            v.best = (enum naive)i;
    locale_t before = clocale_enter();
    if (v.best == NAIVES) {
        snprintf(v.text, sizeof v.text, "no naive forecast to compare with: MSE %.4g", m->mse);
    } else {
        double naive = m->naive_mse[v.best];
        v.gain = naive > 0 ? 1 - m->mse / naive : m->mse > 0 ? -INFINITY : 0;
        v.beats = m->mse < naive;
        regression_ratio(m->mse, naive, ratio);
        snprintf(v.text, sizeof v.text, "MSE %.4g against %.4g of the %s: %s", m->mse, naive,
                 naive_name[v.best], isfinite(m->mse) ? ratio : "no number");
    }
    clocale_leave(before);
    return v;
}
