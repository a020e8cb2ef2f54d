/* SPDX-License-Identifier: MIT */
#include "data/feature_functions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/feature_parts.h"
#include "data/features.h"
#include "util/block.h"

#define DAY_MS 86400000.0

static double *room(size_t rows)
{
    return block_new(rows * sizeof(double));
}

/* --- how many rows a function looks back */

static size_t lag_one(const double *p)
{
    (void)p;
    return 1;
}

static size_t lag_rows(const double *p)
{
    return (size_t)p[0];
}

static size_t lag_span(const double *p)
{
    return (size_t)p[0] - 1;
}

/* Of two spans, one over the values of the other: stoch_d. */
static size_t lag_span_of_span(const double *p)
{
    return (size_t)p[0] - 1 + (size_t)p[1] - 1;
}

static size_t lag_macd(const double *p)
{
    return (size_t)(p[0] > p[1] ? p[0] : p[1]) - 1;
}

static size_t lag_macd_signal(const double *p)
{
    return lag_macd(p) + (size_t)p[2] - 1;
}

/* --- windows: the last n rows, row t included */

/*
 * out[t] = x[t-n+1] o ... o x[t] for an operation o with the neutral element `none`. Rows are cut
 * into blocks of n; a window is the end of one block and the start of the next, so its value is
 * tail o head, where tail goes over a block from its end and head from its start. Nothing is ever
 * subtracted: a large value leaves no rounding behind once it is out of the window.
 */
static int fold_window(const double *x, size_t rows, size_t n, double (*o)(double, double),
                       double none, double *out)
{
    double *tail = room(n + 1); /* tail[j]: the block before, from j on */
    if (!tail)
        return -1;
    tail[n] = none;
    for (size_t block = 0; block < rows; block += n) {
        for (size_t j = n; j-- > 0;)
            tail[j] = block ? o(x[block - n + j], tail[j + 1]) : none;
        double head = none;
        for (size_t j = 0; j < n && block + j < rows; j++) {
            head = o(head, x[block + j]);
            out[block + j] = o(tail[j + 1], head);
        }
    }
    block_free(tail);
    return 0;
}

static int window_mean(const double *x, size_t rows, size_t n, double *out)
{
    if (fold_window(x, rows, n, add, 0, out))
        return -1;
    for (size_t t = 0; t < rows; t++)
        out[t] /= (double)n;
    return 0;
}

/*
 * Mean (may be NULL) and standard deviation, over n and not n - 1; as fold_window() goes. Values
 * are taken less the block's first one, which all windows that end in the block hold: digits are
 * not lost where values are large beside their spread.
 */
static int window_moments(const double *x, size_t rows, size_t n, double *mean, double *deviation)
{
    struct moments *tail = calloc(n + 1, sizeof *tail);
    if (!tail)
        return -1;
    for (size_t block = 0; block < rows; block += n) {
        double first = x[block];
        for (size_t j = n; block && j-- > 0;)
            tail[j] = moments_add(tail[j + 1], x[block - n + j] - first);
        struct moments head = {0, 0, 0};
        for (size_t j = 0; j < n && block + j < rows; j++) {
            head = moments_add(head, x[block + j] - first);
            struct moments all = moments_join(tail[j + 1], head);
            deviation[block + j] = sqrt(all.squares / (double)n);
            if (mean)
                mean[block + j] = first + all.mean;
        }
    }
    free(tail);
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many of sorted[count] are below x. */
static size_t count_below(const double *sorted, size_t count, double x)
{
    size_t begin = 0, end = count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (sorted[middle] < x)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/*
 * out[t] = how many of the last n rows have sign * x below sign * x[t-back], from t = back on. A
 * binary indexed tree (Fenwick 1994) over the values' order holds the rows of the window; that the
 * order is that of the whole run does not show in a count.
 */
static int count_window(const double *x, size_t rows, size_t n, size_t back, double sign,
                        double *out)
{
    double *sorted = room(rows);
    size_t *place = block_new(rows * sizeof *place), *tree = block_zeros((rows + 1) * sizeof *tree);
    int result = sorted && place && tree ? 0 : -1;
    for (size_t t = 0; t < rows && !result; t++)
        sorted[t] = sign * x[t];
    if (!result)
        qsort(sorted, rows, sizeof *sorted, compare);
    for (size_t t = 0; t < rows && !result; t++) {
        place[t] = count_below(sorted, rows, sign * x[t]);
        for (size_t i = place[t] + 1; i <= rows; i += i & -i)
            tree[i]++;
        for (size_t i = t >= n ? place[t - n] + 1 : rows + 1; i <= rows; i += i & -i)
            tree[i]--;
        size_t below = 0;
        for (size_t i = t >= back ? place[t - back] : 0; i; i -= i & -i)
            below += tree[i];
        out[t] = (double)below;
    }
    block_free(sorted);
    block_free(place);
    block_free(tree);
    return result;
}

static int compute_ma(const double *const *x, size_t rows, const double *p, double *out)
{
    return window_mean(x[0], rows, (size_t)p[0], out);
}

static int compute_sum(const double *const *x, size_t rows, const double *p, double *out)
{
    return fold_window(x[0], rows, (size_t)p[0], add, 0, out);
}

static int compute_min(const double *const *x, size_t rows, const double *p, double *out)
{
    return fold_window(x[0], rows, (size_t)p[0], lesser, INFINITY, out);
}

static int compute_max(const double *const *x, size_t rows, const double *p, double *out)
{
    return fold_window(x[0], rows, (size_t)p[0], greater, -INFINITY, out);
}

static int compute_std(const double *const *x, size_t rows, const double *p, double *out)
{
    return window_moments(x[0], rows, (size_t)p[0], NULL, out);
}

/* out[t] = (x[t] - mean) / deviation; 0 for equal values */
static int compute_zscore(const double *const *x, size_t rows, const double *p, double *out)
{
    double *mean = room(rows);
    if (!mean || window_moments(x[0], rows, (size_t)p[0], mean, out)) {
        block_free(mean);
        return -1;
    }
    for (size_t t = 0; t < rows; t++)
        out[t] = out[t] != 0 ? (x[0][t] - mean[t]) / out[t] : 0;
    block_free(mean);
    return 0;
}

static int compute_rank(const double *const *x, size_t rows, const double *p, double *out)
{
    if (count_window(x[0], rows, (size_t)p[0], 0, 1, out))
        return -1;
    for (size_t t = 0; t < rows; t++)
        out[t] /= p[0];
    return 0;
}

static int compute_rise_probability(const double *const *x, size_t rows, const double *p,
                                    double *out)
{
    if (count_window(x[0], rows, (size_t)p[0], (size_t)p[0], -1, out))
        return -1;
    for (size_t t = 0; t < rows; t++)
        out[t] /= p[0];
    return 0;
}

/* out[t] = x[t] / mean; 1 where the mean is 0 */
static int compute_volume_ratio(const double *const *x, size_t rows, const double *p, double *out)
{
    if (window_mean(x[0], rows, (size_t)p[0], out))
        return -1;
    for (size_t t = 0; t < rows; t++)
        out[t] = out[t] != 0 ? x[0][t] / out[t] : 1;
    return 0;
}

/* --- against a row before */

static double change(double now, double before)
{
    return before != 0 ? (now - before) / before : NAN;
}

static double difference(double now, double before)
{
    return now - before;
}

static double earlier(double now, double before)
{
    (void)now;
    return before;
}

/* out[t] = f(x[t], x[t-n]) */
static int against(const double *x, size_t rows, size_t n, double (*f)(double, double), double *out)
{
    for (size_t t = n; t < rows; t++)
        out[t] = f(x[t], x[t - n]);
    return 0;
}

static int compute_ret(const double *const *x, size_t rows, const double *p, double *out)
{
    (void)p;
    return against(x[0], rows, 1, change, out);
}

static int compute_logret(const double *const *x, size_t rows, const double *p, double *out)
{
    (void)p;
    return against(x[0], rows, 1, log_ratio, out);
}

static int compute_diff(const double *const *x, size_t rows, const double *p, double *out)
{
    (void)p;
    return against(x[0], rows, 1, difference, out);
}

static int compute_roc(const double *const *x, size_t rows, const double *p, double *out)
{
    return against(x[0], rows, (size_t)p[0], change, out);
}

static int compute_logroc(const double *const *x, size_t rows, const double *p, double *out)
{
    return against(x[0], rows, (size_t)p[0], log_ratio, out);
}

static int compute_lag(const double *const *x, size_t rows, const double *p, double *out)
{
    return against(x[0], rows, (size_t)p[0], earlier, out);
}

/* Standard deviation of the last n rows' logarithmic returns. */
static int compute_volatility(const double *const *x, size_t rows, const double *p, double *out)
{
    double *returns = room(rows);
    int result = returns ? against(x[0], rows, 1, log_ratio, returns) : -1;
    if (!result)
        result = window_moments(returns + 1, rows - 1, (size_t)p[0], NULL, out + 1);
    block_free(returns);
    return result;
}

/* --- smoothing */

/*
 * out[t] = out[t-1] + a (x[t] - out[t-1]); out[n-1] is the mean of the first n. a = 2/(n+1) is the
 * exponential mean, a = 1/n Wilder's smoothing. `out` may be x.
 */
static void smooth(const double *x, size_t rows, size_t n, double a, double *out)
{
    double mean = 0;
    for (size_t t = 0; t < rows && t < n; t++)
        mean += x[t] / (double)n;
    if (rows >= n)
        out[n - 1] = mean;
    for (size_t t = n; t < rows; t++)
        out[t] = out[t - 1] + a * (x[t] - out[t - 1]);
}

static void ema(const double *x, size_t rows, double n, double *out)
{
    smooth(x, rows, (size_t)n, 2 / (n + 1), out);
}

static int compute_ema(const double *const *x, size_t rows, const double *p, double *out)
{
    ema(x[0], rows, p[0], out);
    return 0;
}

/* out[t] = ema(x,fast) - ema(x,slow) (Appel 1979) */
static int compute_macd(const double *const *x, size_t rows, const double *p, double *out)
{
    double *slow = room(rows);
    if (!slow)
        return -1;
    ema(x[0], rows, p[0], out);
    ema(x[0], rows, p[1], slow);
    for (size_t t = lag_macd(p); t < rows; t++)
        out[t] -= slow[t];
    block_free(slow);
    return 0;
}

static int compute_macd_signal(const double *const *x, size_t rows, const double *p, double *out)
{
    size_t first = lag_macd(p);
    if (compute_macd(x, rows, p, out))
        return -1;
    ema(out + first, rows - first, p[2], out + first);
    return 0;
}

static int compute_macd_hist(const double *const *x, size_t rows, const double *p, double *out)
{
    double *signal = room(rows);
    int result =
        signal && !compute_macd_signal(x, rows, p, signal) ? compute_macd(x, rows, p, out) : -1;
    for (size_t t = lag_macd_signal(p); t < rows && !result; t++)
        out[t] -= signal[t];
    block_free(signal);
    return result;
}

/* RSI = 100 up / (up + down), both smoothed over n rows (Wilder 1978); 50 where both are 0. */
static int compute_rsi(const double *const *x, size_t rows, const double *p, double *out)
{
    double *up = room(rows), *down = out;
    if (!up)
        return -1;
    for (size_t t = 1; t < rows; t++) {
        double d = x[0][t] - x[0][t - 1];
        up[t] = d > 0 ? d : 0;
        down[t] = d < 0 ? -d : 0;
    }
    smooth(up + 1, rows - 1, (size_t)p[0], 1 / p[0], up + 1);
    smooth(down + 1, rows - 1, (size_t)p[0], 1 / p[0], down + 1);
    for (size_t t = lag_rows(p); t < rows; t++)
        out[t] = up[t] + down[t] != 0 ? 100 * (up[t] / (up[t] + down[t])) : 50;
    block_free(up);
    return 0;
}

/* --- bands around a moving average: mean +- k deviations of the last n rows (Bollinger 2001) */

static int bands(enum band band, const double *x, size_t rows, const double *p, double *out)
{
    double *mean = room(rows);
    if (!mean || window_moments(x, rows, (size_t)p[0], mean, out)) {
        block_free(mean);
        return -1;
    }
    for (size_t t = 0; t < rows; t++)
        out[t] = band_value(band, x[t], mean[t], p[1] * out[t]);
    block_free(mean);
    return 0;
}

static int compute_bb_upper(const double *const *x, size_t rows, const double *p, double *out)
{
    return bands(BAND_UPPER, x[0], rows, p, out);
}

static int compute_bb_lower(const double *const *x, size_t rows, const double *p, double *out)
{
    return bands(BAND_LOWER, x[0], rows, p, out);
}

static int compute_bb_width(const double *const *x, size_t rows, const double *p, double *out)
{
    return bands(BAND_WIDTH, x[0], rows, p, out);
}

static int compute_bb_position(const double *const *x, size_t rows, const double *p, double *out)
{
    return bands(BAND_POSITION, x[0], rows, p, out);
}

/* --- of candles: x is high, low, close */

/* out[t] = max(high - low, |high - close[t-1]|, |low - close[t-1]|) (Wilder 1978) */
static int compute_true_range(const double *const *x, size_t rows, const double *p, double *out)
{
    (void)p;
    for (size_t t = 1; t < rows; t++)
        out[t] = true_range(x[0][t], x[1][t], x[2][t - 1]);
    return 0;
}

static int compute_atr(const double *const *x, size_t rows, const double *p, double *out)
{
    compute_true_range(x, rows, p, out);
    smooth(out + 1, rows - 1, (size_t)p[0], 1 / p[0], out + 1);
    return 0;
}

/* %K = 100 (close - lowest) / (highest - lowest) over the last n rows (Lane 1984); 50 if flat. */
static int compute_stoch_k(const double *const *x, size_t rows, const double *p, double *out)
{
    size_t n = (size_t)p[0];
    double *lowest = room(rows), *highest = out;
    int result = lowest ? fold_window(x[1], rows, n, lesser, INFINITY, lowest) : -1;
    if (!result)
        result = fold_window(x[0], rows, n, greater, -INFINITY, highest);
    for (size_t t = 0; t < rows && !result; t++)
        out[t] = stochastic(x[2][t], lowest[t], highest[t]);
    block_free(lowest);
    return result;
}

/* %D: the mean of the last m %K. */
static int compute_stoch_d(const double *const *x, size_t rows, const double *p, double *out)
{
    size_t first = lag_span(p);
    double *k = room(rows);
    int result = k && !compute_stoch_k(x, rows, p, k)
                     ? window_mean(k + first, rows - first, (size_t)p[1], out + first)
                     : -1;
    block_free(k);
    return result;
}

/* %R = -100 (highest - close) / (highest - lowest) = %K - 100 */
static int compute_williams_r(const double *const *x, size_t rows, const double *p, double *out)
{
    if (compute_stoch_k(x, rows, p, out))
        return -1;
    for (size_t t = 0; t < rows; t++)
        out[t] -= 100;
    return 0;
}

/*
 * out[t] = (y[t] - mean) / (0.015 d), y = (high + low + close) / 3, d the mean of the last n
 * |y - mean| (Lambert 1980); 0 if flat. Takes n operations a row: the mean moves all distances.
 */
static int compute_cci(const double *const *x, size_t rows, const double *p, double *out)
{
    size_t n = (size_t)p[0];
    double *y = room(rows), *mean = room(rows);
    int result = y && mean ? 0 : -1;
    for (size_t t = 0; t < rows && !result; t++)
        y[t] = (x[0][t] + x[1][t] + x[2][t]) / 3;
    if (!result)
        result = window_moments(y, rows, n, mean, out);
    for (size_t t = n - 1; t < rows && !result; t++) {
        double distance = 0;
        for (size_t i = t + 1 - n; i <= t; i++)
            distance += fabs(y[i] - mean[t]);
        distance /= (double)n;
        out[t] = distance != 0 ? (y[t] - mean[t]) / (0.015 * distance) : 0;
    }
    block_free(y);
    block_free(mean);
    return result;
}

/* out[t] = out[t-1] + volume, 0 or -volume as close rose, stayed or fell (Granville 1963). */
static int compute_obv(const double *const *x, size_t rows, const double *p, double *out)
{
    (void)p;
    out[0] = 0;
    for (size_t t = 1; t < rows; t++) {
        int sign = (x[0][t] > x[0][t - 1]) - (x[0][t] < x[0][t - 1]);
        out[t] = out[t - 1] + sign * x[1][t];
    }
    return 0;
}

/* --- of one row */

static int compute_clip(const double *const *x, size_t rows, const double *p, double *out)
{
    for (size_t t = 0; t < rows; t++)
        out[t] = greater(p[0], lesser(p[1], x[0][t]));
    return 0;
}

static int compute_power(const double *const *x, size_t rows, const double *p, double *out)
{
    for (size_t t = 0; t < rows; t++)
        out[t] = pow(x[0][t], p[0]);
    return 0;
}

static double each_add(const double *x)
{
    return x[0] + x[1];
}

static double each_sub(const double *x)
{
    return x[0] - x[1];
}

static double each_mul(const double *x)
{
    return x[0] * x[1];
}

static double each_div(const double *x)
{
    return x[1] != 0 ? x[0] / x[1] : NAN;
}

static double each_abs(const double *x)
{
    return fabs(x[0]);
}

static double each_sign(const double *x)
{
    return (x[0] > 0) - (x[0] < 0);
}

static double each_sqrt(const double *x)
{
    return x[0] >= 0 ? sqrt(x[0]) : NAN;
}

static double each_square(const double *x)
{
    return x[0] * x[0];
}

static double each_log(const double *x)
{
    return x[0] > 0 ? log(x[0]) : NAN;
}

static double each_signed_log(const double *x)
{
    return copysign(log1p(fabs(x[0])), x[0]);
}

static double each_amplitude(const double *x)
{
    return hypot(x[0], x[1]);
}

/* Of the angle of i + jq; divided by the larger part first, so that nothing overflows. */
static double each_phase_sin(const double *x)
{
    double part = greater(fabs(x[0]), fabs(x[1]));
    return part > 0 ? x[1] / part / hypot(x[0] / part, x[1] / part) : 0;
}

static double each_phase_cos(const double *x)
{
    double part = greater(fabs(x[0]), fabs(x[1]));
    return part > 0 ? x[0] / part / hypot(x[0] / part, x[1] / part) : 1;
}

/* --- of the time: angles of a turn a day, a week and a year */

static double modulo(double x, double n)
{
    double rest = fmod(x, n);
    return rest < 0 ? rest + n : rest;
}

static double hour_angle(double ms)
{
    return 2 * M_PI * (modulo(ms, DAY_MS) / DAY_MS);
}

/* 1970-01-01 was a Thursday, 3 days after a Monday. */
static double weekday_angle(double ms)
{
    return 2 * M_PI * (modulo(floor(ms / DAY_MS) + 3, 7) / 7);
}

static double month_angle(double ms)
{
    time_t seconds = (time_t)floor(ms / 1000);
    struct tm tm;
    return gmtime_r(&seconds, &tm) ? 2 * M_PI * (tm.tm_mon / 12.0) : NAN;
}

static double each_hour_sin(const double *x)
{
    return sin(hour_angle(x[0]));
}

static double each_hour_cos(const double *x)
{
    return cos(hour_angle(x[0]));
}

static double each_weekday_sin(const double *x)
{
    return sin(weekday_angle(x[0]));
}

static double each_weekday_cos(const double *x)
{
    return cos(weekday_angle(x[0]));
}

static double each_month_sin(const double *x)
{
    return sin(month_angle(x[0]));
}

static double each_month_cos(const double *x)
{
    return cos(month_angle(x[0]));
}

#define POSITIVE "values above 0"
#define POSITIVE_BOTH "values above 0, here and in the row before"
#define POSITIVE_ALL "values above 0 in all its rows"

/* name, arguments, lag, each or compute, needs, help, nature, centre */
const struct feature_function feature_functions[] = {
    {"ma", "x,n", lag_span, NULL, compute_ma, "values that add up", "Mean of the last n rows.",
     NATURE_LINEAR, 0},
    {"sma", "x,n", lag_span, NULL, compute_ma, "values that add up", "The same as ma.",
     NATURE_LINEAR, 0},
    {"ema", "x,n", lag_span, NULL, compute_ema, "values that add up",
     "Exponential mean with weight 2/(n+1), begun with the mean of the first n rows.",
     NATURE_LINEAR, 0},
    {"sum", "x,n", lag_span, NULL, compute_sum, "values that add up", "Sum of the last n rows.",
     NATURE_SUM, 0},
    {"min", "x,n", lag_span, NULL, compute_min, NULL, "Lowest of the last n rows.", NATURE_EXTREME,
     0},
    {"max", "x,n", lag_span, NULL, compute_max, NULL, "Highest of the last n rows.", NATURE_EXTREME,
     0},
    {"std", "x,n", lag_span, NULL, compute_std, NULL,
     "Standard deviation of the last n rows (over n, as everywhere here, not n-1).", NATURE_SPREAD,
     0},
    {"zscore", "x,n", lag_span, NULL, compute_zscore, NULL,
     "Standard score: x less the mean of the last n rows, over their standard deviation; 0 where "
     "they are equal.",
     NATURE_DIFFERENCE, 0},
    {"rank", "x,n", lag_span, NULL, compute_rank, NULL,
     "Share of the last n rows, this one among them, that are below x: 0 to 1-1/n.", NATURE_RANK,
     0},
    {"lag", "x,n", lag_rows, NULL, compute_lag, NULL, "The row n before.", NATURE_LINEAR, 0},
    {"diff", "x", lag_one, NULL, compute_diff, "a smaller difference",
     "Difference: x less the row before's.", NATURE_DIFFERENCE, 0},
    {"ret", "x", lag_one, NULL, compute_ret, "the row before not to be 0",
     "Return: x over the row before's, less 1.", NATURE_RATIO, 0},
    {"logret", "x", lag_one, NULL, compute_logret, POSITIVE_BOTH,
     "Logarithm of x over the row before's.", NATURE_RATIO, 0},
    {"roc", "x,n", lag_rows, NULL, compute_roc, "the row n before not to be 0",
     "Rate of change: x over that of the row n before, less 1.", NATURE_RATIO, 0},
    {"logroc", "x,n", lag_rows, NULL, compute_logroc,
     "values above 0, here and in the row n before",
     "Logarithm of x over that of the row n before.", NATURE_RATIO, 0},
    {"volatility", "x,n", lag_rows, NULL, compute_volatility, POSITIVE_ALL,
     "Standard deviation of the last n rows' logret.", NATURE_SHARE, 0},
    {"rise_probability", "x,h", lag_rows, NULL, compute_rise_probability, NULL,
     "Share of the last h rows that are above the row h before; as a target at horizon h the share "
     "of the look-ahead period above the present x.",
     NATURE_PLACE, 0.5},
    {"rsi", "x,n=14", lag_rows, NULL, compute_rsi, NULL,
     "Relative strength index, 0 to 100, with Wilder's smoothing begun with the mean of the first "
     "n differences (Wilder 1978); 50 where x did not move.",
     NATURE_PLACE, 50},
    {"macd", "x,fast=12,slow=26", lag_macd, NULL, compute_macd, NULL,
     "Moving average convergence/divergence: ema(x,fast) less ema(x,slow) (Appel 1979).",
     NATURE_DIFFERENCE, 0},
    {"macd_signal", "x,fast=12,slow=26,signal=9", lag_macd_signal, NULL, compute_macd_signal, NULL,
     "Signal line: ema of macd over signal rows.", NATURE_DIFFERENCE, 0},
    {"macd_hist", "x,fast=12,slow=26,signal=9", lag_macd_signal, NULL, compute_macd_hist, NULL,
     "Histogram: macd less macd_signal.", NATURE_DIFFERENCE, 0},
    {"bb_upper", "x,n=20,k=2", lag_span, NULL, compute_bb_upper, NULL,
     "Upper Bollinger band: mean of the last n rows plus k standard deviations.", NATURE_EXTREME,
     0},
    {"bb_lower", "x,n=20,k=2", lag_span, NULL, compute_bb_lower, NULL,
     "Lower Bollinger band: mean of the last n rows less k standard deviations.", NATURE_EXTREME,
     0},
    {"bb_width", "x,n=20,k=2", lag_span, NULL, compute_bb_width, "a mean other than 0",
     "Distance of the Bollinger bands over the mean; 0 where x did not move.", NATURE_SHARE, 0},
    {"bb_position", "x,n=20,k=2", lag_span, NULL, compute_bb_position, NULL,
     "Place of x between the Bollinger bands: 0 at the lower, 1 at the upper; 0.5 where they "
     "meet.",
     NATURE_PLACE, 0.5},
    {"true_range", "high,low,close", lag_one, NULL, compute_true_range, NULL,
     "Largest of high-low, |high-c| and |low-c|, c being the row before's close (Wilder 1978).",
     NATURE_SPREAD, 0},
    {"atr", "high,low,close,n=14", lag_rows, NULL, compute_atr, NULL,
     "Average true range: true_range with Wilder's smoothing, begun with the mean of the first n.",
     NATURE_SPREAD, 0},
    {"stoch_k", "high,low,close,n=14", lag_span, NULL, compute_stoch_k, NULL,
     "Stochastic %K: place of close between lowest low and highest high of the last n rows, 0 to "
     "100; 50 where they are equal.",
     NATURE_PLACE, 50},
    {"stoch_d", "high,low,close,n=14,m=3", lag_span_of_span, NULL, compute_stoch_d, NULL,
     "Stochastic %D: mean of the last m stoch_k.", NATURE_PLACE, 50},
    {"williams_r", "high,low,close,n=14", lag_span, NULL, compute_williams_r, NULL,
     "Williams' %R, -100 to 0: stoch_k less 100.", NATURE_PLACE, -50},
    {"cci", "high,low,close,n=20", lag_span, NULL, compute_cci, NULL,
     "Commodity channel index of y=(high+low+close)/3: distance of y from the mean of the last n "
     "rows, over 0.015 times their mean distance from it (Lambert 1980); 0 where y did not move.",
     NATURE_DIFFERENCE, 0},
    {"obv", "close,volume", NULL, NULL, compute_obv, NULL,
     "On-balance volume: sum of volume, counted negative where close fell and not at all where it "
     "stayed; 0 at the start (Granville 1963).",
     NATURE_FLOW, 0},
    {"volume_ratio", "volume,n=20", lag_span, NULL, compute_volume_ratio, NULL,
     "Volume over the mean of the last n rows; 1 where that is 0.", NATURE_OTHER, 0},
    {"add", "x,y", NULL, each_add, NULL, NULL, "Sum: x + y.", NATURE_LINEAR, 0},
    {"sub", "x,y", NULL, each_sub, NULL, NULL, "Difference: x - y.", NATURE_SUBTRACTION, 0},
    {"mul", "x,y", NULL, each_mul, NULL, NULL, "Product: x times y.", NATURE_PRODUCT, 0},
    {"div", "x,y", NULL, each_div, NULL, "y not to be 0", "Ratio: x over y.", NATURE_QUOTIENT, 0},
    {"abs", "x", NULL, each_abs, NULL, NULL, "Absolute value: x without its sign.", NATURE_EVEN, 0},
    {"sign", "x", NULL, each_sign, NULL, NULL, "Sign of x: -1, 0 or 1.", NATURE_ODD, 0},
    {"clip", "x,least,most", NULL, NULL, compute_clip, NULL,
     "Bounds: x, or the bound that it is beyond.", NATURE_BOUND, 0},
    {"sqrt", "x", NULL, each_sqrt, NULL, "values from 0 on", "Square root of x.", NATURE_OTHER, 0},
    {"square", "x", NULL, each_square, NULL, NULL, "Square: x times x.", NATURE_EVEN, 0},
    {"power", "x,p", NULL, NULL, compute_power,
     "a power that is defined: a whole p for values below 0, p from 0 on for 0",
     "Power: x to the power of p.", NATURE_OTHER, 0},
    {"log", "x", NULL, each_log, NULL, POSITIVE, "Natural logarithm of x.", NATURE_LOGARITHM, 0},
    {"signed_log", "x", NULL, each_signed_log, NULL, NULL,
     "Logarithm of 1+|x|, with the sign of x.", NATURE_ODD, 0},
    {"amplitude", "i,q", NULL, each_amplitude, NULL, NULL, "Magnitude of i+jq.", NATURE_EVEN, 0},
    {"phase_sin", "i,q", NULL, each_phase_sin, NULL, NULL,
     "Sine of the angle of i+jq: q over the amplitude; 0 where that is 0.", NATURE_ODD, 0},
    {"phase_cos", "i,q", NULL, each_phase_cos, NULL, NULL,
     "Cosine of the angle of i+jq: i over the amplitude; 1 where that is 0.", NATURE_ODD, 0},
    {"hour_sin", "", NULL, each_hour_sin, NULL, NULL,
     "Sine of the time of day (UTC, minutes and less included) as an angle. Needs data.time.",
     NATURE_OTHER, 0},
    {"hour_cos", "", NULL, each_hour_cos, NULL, NULL, "Cosine of the same.", NATURE_OTHER, 0},
    {"weekday_sin", "", NULL, each_weekday_sin, NULL, NULL,
     "Sine of the day of the week (UTC), from Monday, as an angle. Needs data.time.", NATURE_OTHER,
     0},
    {"weekday_cos", "", NULL, each_weekday_cos, NULL, NULL, "Cosine of the same.", NATURE_OTHER, 0},
    {"month_sin", "", NULL, each_month_sin, NULL, NULL,
     "Sine of the month (UTC), from January, as an angle. Needs data.time.", NATURE_OTHER, 0},
    {"month_cos", "", NULL, each_month_cos, NULL, NULL, "Cosine of the same.", NATURE_OTHER, 0},
};
const size_t feature_function_count = sizeof feature_functions / sizeof *feature_functions;

void feature_reference(FILE *out)
{
    for (size_t i = 0; i < feature_function_count; i++) {
        const struct feature_function *function = &feature_functions[i];
        fprintf(out, "%s(%s)\t%s\n", function->name, function->arguments, function->help);
    }
}
