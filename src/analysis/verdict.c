/* SPDX-License-Identifier: MIT */
#include "analysis/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fit_init(struct fit *fit, enum fit_loss loss, size_t features, struct error *err)
{
    memset(fit, 0, sizeof *fit);
    fit->loss = loss;
    fit->features = features;
    fit->residual = calloc(features, sizeof *fit->residual);
    fit->within = calloc(features, sizeof *fit->within);
    if (fit->residual && fit->within)
        return 0;
    fit_fini(fit);
    return error_set(err, STATUS_FAILED, "out of memory");
}

void fit_fini(struct fit *fit)
{
    free(fit->residual);
    free(fit->within);
    fit->residual = fit->within = NULL;
}

static double loss_of(enum fit_loss loss, double r)
{
    double size = fabs(r);
    return loss == FIT_MSE ? r * r : loss == FIT_MAE ? size : size <= 1 ? 0.5 * r * r : size - 0.5;
}

void fit_add(struct fit *fit, const float *x, const float *y, size_t count, size_t window)
{
    size_t features = fit->features;
    for (size_t w = 0; w < count; w++, x += window * features, y += window * features) {
        double model = 0, baseline = 0;
        for (size_t f = 0; f < features; f++) {
            /* from the first value, so that a feature that never moves has no rounding errors */
            double mean = 0, first = x[f];
            for (size_t t = 0; t < window; t++)
                mean += x[t * features + f] - first;
            mean = first + mean / (double)window;
            for (size_t t = 0; t < window; t++) {
                double value = x[t * features + f], r = value - y[t * features + f];
                fit->residual[f] += r * r;
                fit->within[f] += (value - mean) * (value - mean);
                model += loss_of(fit->loss, r);
                baseline += loss_of(fit->loss, value - mean);
            }
        }
        fit->model += model / (double)(window * features);
        fit->baseline += baseline / (double)(window * features);
        fit->windows++;
    }
}

double fit_model(const struct fit *fit)
{
    return fit->windows > 0 ? fit->model / fit->windows : NAN;
}

double fit_baseline(const struct fit *fit)
{
    return fit->windows > 0 ? fit->baseline / fit->windows : NAN;
}

double fit_r2(const struct fit *fit, size_t feature)
{
    return fit->within[feature] > 0 ? 1 - fit->residual[feature] / fit->within[feature] : NAN;
}

static struct verdict say(const char *band, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static struct verdict say(const char *band, const char *format, ...)
{
    struct verdict v = {.band = band};
    va_list ap;
    va_start(ap, format);
    vsnprintf(v.advice, sizeof v.advice, format, ap);
    va_end(ap);
    return v;
}

struct verdict verdict_reconstruction(double r, double baseline, struct verdict_about about)
{
    const char *scaler = about.scaled_by_window ? "" : "scaler = window, ";
    if (!isfinite(r))
        return say("not finite", "a lower lr or a tighter clip_norm");
    if (r <= 0.05 && r <= baseline / 2)
        return (struct verdict){.band = "good"};
    if (r <= 0.2 && r > baseline / 2)
        return say(r < baseline ? "fair, but hardly better than each window's mean"
                                : "no better than each window's mean",
                   "the loss is low because windows are flat in these units: try %smore epochs or "
                   "a wider model (d_model)",
                   scaler);
    if (r <= 0.2)
        return say("fair", "more epochs, a wider model (d_model) or a larger latent");
    if (r <= 0.5)
        return say("weak", "more epochs, a wider model (d_model), a smaller batch or a larger "
                           "latent");
    return say("under-trained", "many more epochs%s or a smaller batch",
               about.lr_is_high ? "" : ", a higher learning rate");
}

struct verdict verdict_categories(const uint64_t *size, size_t categories,
                                  struct verdict_about about, double *share)
{
    enum { LEAST = 10 }; /* windows for each category */
    uint64_t most = 0, total = 0;
    for (size_t i = 0; i < categories; i++) {
        total += size[i];
        most = size[i] > most ? size[i] : most;
    }
    *share = total ? (double)most / (double)total : 0;
    if (categories && total < LEAST * categories)
        return say("too many for so few windows",
                   "at most %llu categories, or more windows: each should have %d or more",
                   (unsigned long long)(total / LEAST > 1 ? total / LEAST : 1), LEAST);
    /* fewer than 20 categories cannot be under 5% each: an even split is then what is good */
    double even = categories ? 1.0 / (double)categories : 1;
    const char *more = total >= 2 * LEAST * categories ? "more categories or " : "";
    const char *spread = about.contrastive ? "a larger loss.contrastive_weight"
                                           : "loss.contrastive = mean_similarity";
    if (*share <= fmax(0.05, 1.5 * even))
        return (struct verdict){.band = "good"};
    if (*share <= fmax(0.10, 2 * even))
        return say("slightly skewed", "%s%s", more, spread);
    return say("skewed", "%s%s or a larger latent", more, spread);
}

struct verdict verdict_generalisation(double train, double validation)
{
    if (!(validation > 1.5 * train))
        return (struct verdict){.band = "validation keeps up with training"};
    return say("validation departs from training", "more dropout, more weight_decay or more data");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The share of the pairs of these epochs in which a figure is lower later. */
static double falling(const double *x, const size_t *epoch, size_t n)
{
    double falls = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            falls += x[epoch[i]] < x[epoch[k]];
    return n > 1 ? falls / ((double)n * (double)(n - 1) / 2) : 0;
}

struct verdict verdict_gradients(const double *mean, const double *loss, size_t epochs)
{
    enum { LAST = 10, LEAST = 5 };
    double size[LAST], slope[LAST * (LAST - 1) / 2];
    size_t at[LAST], n = 0, pairs = 0, rising = 0;
    for (size_t i = epochs < LAST ? 0 : epochs - LAST; i < epochs; i++) {
        if (!isfinite(mean[i]) || mean[i] <= 0)
            continue;
        at[n] = i;
        size[n++] = log(mean[i]);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++) {
            slope[pairs] = (size[i] - size[k]) / (double)(at[i] - at[k]);
            rising += slope[pairs++] > 0;
        }
    const struct verdict steady = {.band = "the gradient norm is steady"};
    if (n < LEAST || 5 * rising < 4 * pairs || falling(loss, at, n) > 0.5)
        return steady;
    qsort(slope, pairs, sizeof *slope, ascending);
    double median = (slope[(pairs - 1) / 2] + slope[pairs / 2]) / 2;
    if (median * (double)(at[n - 1] - at[0]) < log(2))
        return steady;
    return say("the gradient norm keeps rising, and the loss does not fall",
               "a lower lr or a tighter clip_norm");
}
