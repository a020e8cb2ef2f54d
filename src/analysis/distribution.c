/* SPDX-License-Identifier: MIT */
#include "analysis/distribution.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/normality.h"

const double distribution_quantile[DISTRIBUTION_QUANTILES] = {0.001, 0.01, 0.05, 0.25, 0.5,
                                                              0.75,  0.95, 0.99, 0.999};

const char *const distribution_band[DISTRIBUTION_BANDS] = {
    "< -50%", "-50..-40%", "-40..-30%", "-30..-20%", "-20..-10%", "-10..0%",
    "0..10%", "10..20%",   "20..30%",   "30..40%",   "40..50%",   ">= 50%"};

/* Central moments of sorted values, in units of their largest distance from the mean, so that no
 * power overflows. */
static void moments(struct distribution *d, const double *x, size_t n)
{
    double sum = 0, m2 = 0, m3 = 0, m4 = 0, first = x[0] / 2;
    for (size_t i = 0; i < n; i++) /* from the first, so that equal values have no rounding */
        sum += (x[i] / 2 - first) / (double)n;
    d->mean = 2 * (first + sum);
    double unit = fmax(d->max / 2 - d->mean / 2, d->mean / 2 - d->min / 2);
    d->sd = 0;
    d->skew = d->kurtosis = NAN;
    if (!(unit > 0))
        return;
    for (size_t i = 0; i < n; i++) {
        double z = (x[i] / 2 - d->mean / 2) / unit;
        m2 += z * z / (double)n;
        m3 += z * z * z / (double)n;
        m4 += z * z * z * z / (double)n;
    }
    d->sd = 2 * unit * sqrt(m2);
    d->skew = m3 / (m2 * sqrt(m2));
    d->kurtosis = m4 / (m2 * m2) - 3;
}

int distribution_of(struct distribution *d, const double *x, size_t n, double k, struct error *err)
{
    double *sorted = malloc((n + 1) * sizeof *sorted);
    if (!sorted)
        return error_set(err, STATUS_FAILED, "out of memory for %zu values", n);
    size_t count = normality_sort(x, n, sorted);
    *d = (struct distribution){.count = count, .missing = n - count};
    for (int i = 0; i < DISTRIBUTION_QUANTILES; i++)
        d->quantile[i] = normality_quantile(sorted, count, distribution_quantile[i]);
    d->min = d->max = d->mean = d->sd = d->skew = d->kurtosis = NAN;
    if (count) {
        d->min = sorted[0];
        d->max = sorted[count - 1];
        moments(d, sorted, count);
        double q1 = d->quantile[3], q3 = d->quantile[5];
        for (size_t i = 0; i < count; i++) {
            d->low += sorted[i] < q1 - k * (q3 - q1);
            d->high += sorted[i] > q3 + k * (q3 - q1);
        }
    }
    free(sorted);
    return 0;
}

void distribution_bands(const double *returns, size_t n, double share[DISTRIBUTION_BANDS])
{
    size_t size[DISTRIBUTION_BANDS] = {0}, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(returns[i]))
            continue;
        size_t band = 0;
        while (band < DISTRIBUTION_BANDS - 1 && returns[i] >= ((double)band - 5) / 10)
            band++;
        size[band]++;
        count++;
    }
    for (size_t band = 0; band < DISTRIBUTION_BANDS; band++)
        share[band] = count ? (double)size[band] / (double)count : 0;
}
