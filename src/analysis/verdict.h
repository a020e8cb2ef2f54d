/* SPDX-License-Identifier: MIT */
/*
 * verdict: is the model any good? Figures against the baseline that only emits each window's mean,
 * and what they say in words. Pure functions of arrays.
 */
#ifndef ANALYSIS_VERDICT_H
#define ANALYSIS_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum fit_loss { FIT_MSE, FIT_MAE, FIT_HUBER };

/* Sums over windows of a reconstruction and of the window-mean baseline. */
struct fit {
    enum fit_loss loss;
    size_t features;
    double windows;
    double model, baseline; /* sums over windows of the mean loss of T F elements */
    double *residual;       /* [features] sum of (x - y)^2 */
    double *within;         /* [features] sum of (x - mean of the window)^2 */
};

int fit_init(struct fit *fit, enum fit_loss loss, size_t features, struct error *err);
void fit_fini(struct fit *fit);

/* Adds windows x and their reconstructions y, [count, window, features]. */
void fit_add(struct fit *fit, const float *x, const float *y, size_t count, size_t window);

/* R of the model and of the baseline; NaN without windows. */
double fit_model(const struct fit *fit);
double fit_baseline(const struct fit *fit);

/* Within-window R2 of a feature: 1 - residual / within; NaN where the feature never moves. */
double fit_r2(const struct fit *fit, size_t feature);

struct verdict {
    const char *band; /* "good" ... */
    char advice[160]; /* what follows; "" if nothing does */
};

/* What the configuration has already, and so is no advice. */
struct verdict_about {
    int scaled_by_window; /* data.scaler = window or relative: the level is gone already */
    int contrastive;      /* a contrastive term with a weight */
    int lr_is_high;       /* as high as a model of its width bears */
};

/* good <= 0.05 and at most half the baseline's R; fair to 0.2; weak to 0.5; under-trained beyond.
 */
struct verdict verdict_reconstruction(double r, double baseline, struct verdict_about about);

/* Share of the largest category: good <= 5%, slightly skewed to 10%, skewed beyond. Of fewer than
 * 10 windows for each category nothing can be told. */
struct verdict verdict_categories(const uint64_t *size, size_t categories,
                                  struct verdict_about about, double *share);

/* Whether validation departs from training. */
struct verdict verdict_generalisation(double train, double validation);

/*
 * Whether the gradient norm keeps rising, from its mean in each epoch. It does where in the last 10
 * epochs (5 at least) 4 of 5 pairs of epochs rise (Kendall's tau 0.6, by chance in 1% of runs) and
 * the slope of Theil and Sen through its logarithm comes to a doubling or more, 8% an epoch. Norms
 * that are not finite or not above 0 are passed over. It is no fault while the training loss falls,
 * from one epoch to another in more than half of the pairs: near a minimum steep valleys are usual.
 */
struct verdict verdict_gradients(const double *mean, const double *loss, size_t epochs);

#endif
