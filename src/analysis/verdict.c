#include "analysis/verdict.h"

#include <math.h>
#include <stdlib.h>

int fidelity_init(struct fidelity *fidelity, size_t features)
{
    fidelity->features = features;
    fidelity->rows = 0;
    fidelity->error = calloc(features, sizeof *fidelity->error);
    fidelity->spread = calloc(features, sizeof *fidelity->spread);
    if (fidelity->error && fidelity->spread)
        return 0;
    fidelity_fini(fidelity);
    return -1;
}

void fidelity_fini(struct fidelity *fidelity)
{
    free(fidelity->error);
    free(fidelity->spread);
    fidelity->error = fidelity->spread = NULL;
}

void fidelity_add(struct fidelity *fidelity, const float *original, const float *reconstruction,
                  size_t count, size_t window)
{
    size_t features = fidelity->features;
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < features; f++) {
            const float *x = original + i * window * features + f;
            const float *y = reconstruction + i * window * features + f;
            double mean = 0;
            for (size_t t = 0; t < window; t++)
                mean += (double)x[t * features] / (double)window;
            for (size_t t = 0; t < window; t++) {
                double value = (double)x[t * features], off = value - (double)y[t * features];
                fidelity->error[f] += off * off;
                fidelity->spread[f] += (value - mean) * (value - mean);
            }
        }
    fidelity->rows += count * window;
}

double fidelity_r2(const struct fidelity *fidelity, size_t feature)
{
    double spread = fidelity->spread[feature];
    return spread > 0 ? 1 - fidelity->error[feature] / spread : NAN;
}

/* Mean over rows and features. */
static double mean_of(const struct fidelity *fidelity, const double *sum)
{
    double all = 0;
    for (size_t f = 0; f < fidelity->features; f++)
        all += sum[f];
    return all / ((double)fidelity->rows * (double)fidelity->features);
}

double fidelity_error(const struct fidelity *fidelity)
{
    return mean_of(fidelity, fidelity->error);
}

double fidelity_baseline(const struct fidelity *fidelity)
{
    return mean_of(fidelity, fidelity->spread);
}

enum quality verdict_quality(double error, double baseline)
{
    if (error <= 0.05 && error <= baseline / 2)
        return QUALITY_GOOD;
    if (error <= 0.2)
        return QUALITY_FAIR;
    return error <= 0.5 ? QUALITY_WEAK : QUALITY_UNDERTRAINED;
}

const char *verdict_quality_name(enum quality quality)
{
    static const char *const names[] = {"good", "fair", "weak", "under-trained"};
    return names[quality];
}

const char *verdict_quality_advice(enum quality quality)
{
    static const char *const advice[] = {
        NULL,
        "more epochs, or a wider model (model.d_model, model.latent)",
        "more epochs, a wider model (model.d_model, model.latent), or a smaller batch "
        "(train.batch, train.accumulate)",
        "many more epochs, and a smaller batch (train.batch, train.accumulate) or a higher "
        "train.lr",
    };
    return advice[quality];
}

double verdict_largest(const uint64_t *size, size_t categories)
{
    uint64_t all = 0, most = 0;
    for (size_t c = 0; c < categories; c++) {
        all += size[c];
        most = size[c] > most ? size[c] : most;
    }
    return all ? (double)most / (double)all : NAN;
}

enum balance verdict_balance(double share)
{
    if (share <= 0.05)
        return BALANCE_GOOD;
    return share <= 0.1 ? BALANCE_SLIGHTLY_SKEWED : BALANCE_SKEWED;
}

const char *verdict_balance_name(enum balance balance)
{
    static const char *const names[] = {"good", "slightly skewed", "skewed"};
    return names[balance];
}

const char *verdict_balance_advice(enum balance balance)
{
    static const char *const advice[] = {
        NULL,
        "more categories (cluster.categories), or a larger loss.contrastive_weight",
        "more categories (cluster.categories), a larger loss.contrastive_weight, or a larger "
        "model.latent",
    };
    return advice[balance];
}

const char *verdict_overfit_advice(double train_loss, double validation_loss)
{
    if (!(validation_loss - train_loss > 0.25 * fabs(train_loss)))
        return NULL;
    return "validation departs from training: more dropout (model.dropout), more "
           "train.weight_decay, or more data";
}
