/* SPDX-License-Identifier: MIT */
#include "propose/rhythm.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fft.h"

#define DAY INT64_C(86400000)
#define WEEK (7 * DAY)
#define REPEATS 0.25 /* autocorrelation of differences that is a season's, of any length */
#define KNOWN 0.1    /* and of a length that is to be expected */

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Rows from each row to the one a week behind it, the median; of series that go on that long.
 * `count` has room for as many numbers as there are rows. */
static size_t rows_of_week(const int64_t *time, const unsigned char *cut, size_t rows,
                           int64_t *count)
{
    size_t n = 0;
    for (size_t i = 0, end = 0; i < rows; i++) {
        end = end > i ? end : i + 1;
        while (end < rows && !cut[end] && time[end] - time[i] < WEEK)
            end++;
        if (end < rows && !cut[end])
            count[n++] = (int64_t)(end - i);
    }
    qsort(count, n, sizeof *count, by_size);
    return n ? (size_t)count[n / 2] : 0;
}

int rhythm_of_times(struct rhythm *r, const int64_t *time, const unsigned char *cut, size_t rows,
                    struct error *err)
{
    size_t n = 0;
    int64_t first = INT64_MAX, last = INT64_MIN;
    int64_t *step = malloc((rows + 1) * sizeof *step);
    if (!step)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < rows; i++) {
        first = time[i] < first ? time[i] : first;
        last = time[i] > last ? time[i] : last;
        if (i && !cut[i])
            step[n++] = time[i] - time[i - 1];
    }
    qsort(step, n, sizeof *step, by_size);
    r->span = n ? last - first : 0;
    r->step = n ? step[n / 2] : 0;
    r->usual = n ? step[(size_t)(0.995 * (double)(n - 1))] : 0;
    r->longest = n ? step[n - 1] : 0;
    r->week = rows_of_week(time, cut, rows, step); /* the steps are read */
    free(step);
    return 0;
}

/* Autocorrelations of x [n] at the lags 0 to most < n, by the power spectrum: a [most + 1]. */
static int correlate(const double *x, size_t n, double *a, size_t most, struct error *err)
{
    size_t length = 1;
    double mean = 0;
    while (length < n + most + 1)
        length *= 2;
    struct fft *fft = fft_new(length);
    double complex *z = calloc(length, sizeof *z);
    int failed = !fft || !z;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; !failed && i < n; i++)
        z[i] = x[i] - mean;
    for (int pass = 0; !failed && pass < 2; pass++) {
        fft_run(fft, z);
        for (size_t i = 0; !pass && i < length; i++)
            z[i] = creal(z[i] * conj(z[i]));
    }
    for (size_t k = 0; !failed && k <= most; k++)
        a[k] = creal(z[0]) > 0 ? creal(z[k]) / creal(z[0]) : 0;
    fft_free(fft);
    free(z);
    return failed ? error_set(err, STATUS_FAILED, "out of memory") : 0;
}

/* A lag is a season where the autocorrelation of differences is the highest from half of it to one
 * and a half times, as a day of hours is. */
static int is_peak(const double *a, size_t lag, size_t most)
{
    for (size_t k = lag / 2 + 1; k <= lag + lag / 2 && k <= most; k++)
        if (a[k] > a[lag])
            return 0;
    return 1;
}

/* A day, a week or a year of rows, else the lag that repeats most. */
static void find_season(struct rhythm *r, const double *a, size_t most)
{
    static const int64_t spans[] = {DAY, WEEK, 365 * DAY};
    for (size_t i = 0; r->step && i < sizeof spans / sizeof *spans; i++) {
        const size_t lag =
            spans[i] == WEEK && r->week ? r->week : (size_t)((spans[i] + r->step / 2) / r->step);
        if (lag < 4 || lag + lag / 2 > most || a[lag] < KNOWN || !is_peak(a, lag, most))
            continue;
        r->season = lag;
        r->repeats = a[lag];
        return;
    }
    for (size_t lag = 4; lag + lag / 2 <= most; lag++)
        if (a[lag] >= REPEATS && a[lag] > r->repeats && is_peak(a, lag, most)) {
            r->season = lag;
            r->repeats = a[lag];
        }
}

int rhythm_of_values(struct rhythm *r, const double *x, size_t n, int changes, size_t most,
                     struct error *err)
{
    if (n < 16)
        return 0;
    if (most > n / 2)
        most = n / 2;
    double *y = malloc((n + 1) * sizeof *y), *a = calloc(most + 1, sizeof *a);
    r->of_changes = changes;
    int failed = !y || !a ? error_set(err, STATUS_FAILED, "out of memory") : 0;
    const double chance = 2 / sqrt((double)n);
    for (size_t i = 1; !failed && i < n; i++)
        y[i - 1] = x[i] - x[i - 1];
    failed = failed || correlate(y, n - 1, a, most, err);
    if (!failed)
        find_season(r, a, most);
    for (size_t i = 1; !failed && changes && i < n; i++)
        y[i - 1] = x[i - 1] != 0 ? fabs(x[i] / x[i - 1] - 1) : 0;
    if (!failed)
        failed = correlate(changes ? y : x, changes ? n - 1 : n, a, most, err);
    while (!failed && r->memory < most && a[r->memory + 1] > fmax(chance, a[1] / M_E))
        r->memory++;
    if (!failed && changes)
        failed = correlate(x, n, a, most, err);
    if (!failed)
        r->level = a[1];
    free(y);
    free(a);
    return failed ? -1 : 0;
}
