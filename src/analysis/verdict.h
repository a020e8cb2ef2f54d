/*
 * verdict: whether a trained autoencoder is any good, and what to try if not. Plain functions of
 * figures; nothing here touches a device, the log or the model. Texts are static.
 *
 * A loss alone proves nothing: a model that emits each window's mean already scores low on
 * standardised prices. So reconstructions are held against that window-mean baseline.
 */
#ifndef ANALYSIS_VERDICT_H
#define ANALYSIS_VERDICT_H

#include <stddef.h>
#include <stdint.h>

/* Sums over windows of squared errors, and of squared distances from the window's own mean. */
struct fidelity {
    size_t features;
    uint64_t rows;  /* windows * window so far */
    double *error;  /* [features] sum (x - reconstruction)^2 */
    double *spread; /* [features] sum (x - mean of the window)^2 */
};

int fidelity_init(struct fidelity *fidelity, size_t features); /* -1: out of memory */
void fidelity_fini(struct fidelity *fidelity);

/* Adds windows; both arrays are [count, window, features] in scaled units. */
void fidelity_add(struct fidelity *fidelity, const float *original, const float *reconstruction,
                  size_t count, size_t window);

/* Within-window R2 of a feature, 1 - error / spread: 1 is perfect, 0 as good as the window's mean.
 * NaN where the feature never moves within a window. */
double fidelity_r2(const struct fidelity *fidelity, size_t feature);

/* Mean squared error R of the reconstruction and of the window-mean baseline; NaN of nothing. */
double fidelity_error(const struct fidelity *fidelity);
double fidelity_baseline(const struct fidelity *fidelity);

enum quality { QUALITY_GOOD, QUALITY_FAIR, QUALITY_WEAK, QUALITY_UNDERTRAINED };
enum balance { BALANCE_GOOD, BALANCE_SLIGHTLY_SKEWED, BALANCE_SKEWED };

/* Good: R <= 0.05 and at most half the baseline's; fair: R <= 0.2; weak: R <= 0.5. */
enum quality verdict_quality(double error, double baseline);
const char *verdict_quality_name(enum quality quality);

/* What to try, NULL where there is nothing to better. */
const char *verdict_quality_advice(enum quality quality);

/* Share of the points that are in the largest category; NaN without points. */
double verdict_largest(const uint64_t *size, size_t categories);

/* Good: share <= 5%; slightly skewed: <= 10%. */
enum balance verdict_balance(double share);
const char *verdict_balance_name(enum balance balance);
const char *verdict_balance_advice(enum balance balance);

/* Advice where the validation loss departs from the training loss (by over a quarter), or NULL. */
const char *verdict_overfit_advice(double train_loss, double validation_loss);

#endif
