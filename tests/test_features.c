/* SPDX-License-Identifier: MIT */
/* features: what expressions mean, and that no value knows its future. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "data/features.h"
#include "data_fakes.h"
#include "util/block.h"

enum { ROWS = 400 };

static uint64_t random_state = 7;

static double random_unit(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

/* The table's columns. */
enum { CLOSE, ADJ_CLOSE, HIGH, LOW, VOLUME, COLUMNS };
static char *const column_names[COLUMNS] = {"close", "Adj Close", "high", "low", "volume"};

/* A table as if read from "f.csv": candles (close within high and low, at times flat), Adj Close of
 * any sign, and a row every 5 hours 20 minutes from 1969-11 on. */
static struct table *make_table(void)
{
    struct table *table = calloc(1, sizeof *table);
    table->path = strdup("f.csv");
    table->first_line = 2;
    table->rows = ROWS;
    table->columns = COLUMNS;
    table->name = calloc(COLUMNS, sizeof *table->name);
    table->column = calloc(COLUMNS, sizeof *table->column);
    table->time = block_new(ROWS * sizeof *table->time);
    for (int c = 0; c < COLUMNS; c++) {
        table->name[c] = strdup(column_names[c]);
        table->column[c] = block_new(ROWS * sizeof(double));
    }
    for (int i = 0; i < ROWS; i++) {
        double close = 100 + floor(20 * random_unit() * 8) / 8;
        table->column[CLOSE][i] = i && i % 9 == 0 ? table->column[CLOSE][i - 1] : close;
        table->column[ADJ_CLOSE][i] = 2 * random_unit() - 1;
        table->column[HIGH][i] = table->column[CLOSE][i] + floor(3 * random_unit());
        table->column[LOW][i] = table->column[CLOSE][i] - floor(3 * random_unit());
        table->column[VOLUME][i] = floor(5 * random_unit());
        table->time[i] = (int64_t)i * 19200000 - (int64_t)60 * 86400000;
    }
    return table;
}

/* Parses, and puts the columns where make_table() has them. */
static struct feature *parse(const char *text)
{
    struct error err;
    char **names = malloc(sizeof column_names);
    memcpy(names, column_names, sizeof column_names);
    size_t count = COLUMNS;
    struct feature *feature = feature_parse(text, &err);
    if (!feature)
        fail_msg("%s", err.text);
    assert_int_equal(feature_columns(feature, &names, &count), 0);
    assert_int_equal(count, COLUMNS);
    free(names);
    return feature;
}

/* Values over rows [begin, end). */
static void compute(const char *text, const struct table *table, size_t begin, size_t end,
                    double *out)
{
    struct error err;
    struct feature *feature = parse(text);
    if (feature_compute(feature, table, (struct run){begin, end}, out, &err))
        fail_msg("%s", err.text);
    feature_free(feature);
}

static void near(double got, double wanted, double scale)
{
    if (!(fabs(got - wanted) <= 1e-12 * scale))
        fail_msg("%.17g is not %.17g", got, wanted);
}

static void moving_averages(void **state)
{
    (void)state;
    static const int spans[] = {1, 2, 3, 7, 50, 199, 200, 201, 390};
    struct table *table = make_table();
    double out[ROWS];
    for (size_t s = 0; s < sizeof spans / sizeof *spans; s++) {
        int n = spans[s];
        size_t begin = 10, end = ROWS;
        char text[64];
        snprintf(text, sizeof text, "ma(close,%d)", n);
        compute(text, table, begin, end, out);
        for (size_t t = 0; t < end - begin; t++) {
            double sum = 0;
            for (int k = 0; k < n && (int)t >= n - 1; k++)
                sum += table->column[0][begin + t - (size_t)k];
            if ((int)t < n - 1)
                assert_true(isnan(out[t]));
            else
                near(out[t], sum / n, 100);
        }

        snprintf(text, sizeof text, "ema(Adj Close,%d)", n);
        compute(text, table, begin, end, out);
        double mean = 0, a = 2.0 / (n + 1);
        const double *x = table->column[1] + begin;
        for (int k = 0; k < n; k++)
            mean += x[k];
        mean /= n;
        for (int t = 0; t < (int)(end - begin); t++) {
            if (t < n - 1) {
                assert_true(isnan(out[t]));
                continue;
            }
            /* In closed form: (1-a)^k of the first mean and a (1-a)^i of the value i rows ago. */
            double wanted = mean * pow(1 - a, t - (n - 1));
            for (int i = 0; i < t - (n - 1); i++)
                wanted += a * pow(1 - a, i) * x[t - i];
            near(out[t], wanted, 10);
        }
    }
    table_free(table);
}

/* What has left the window leaves nothing behind. */
static void moving_average_after_a_spike(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[ROWS], calm[ROWS];
    compute("ma(close,10)", table, 0, ROWS, calm);
    table->column[0][100] = 1e300;
    compute("ma(close,10)", table, 0, ROWS, out);
    for (int t = 9; t < ROWS; t++) {
        if (t < 100 || t >= 110)
            assert_true(out[t] == calm[t]);
    }
    table_free(table);
}

static void differences_and_logarithms(void **state)
{
    (void)state;
    struct table *table = make_table();
    double ret[ROWS], logret[ROWS], diff[ROWS], logarithm[ROWS];
    const double *x = table->column[0];
    compute("ret(close)", table, 0, ROWS, ret);
    compute("LogRet( close )", table, 0, ROWS, logret);
    compute("diff(close)", table, 0, ROWS, diff);
    compute("log(close)", table, 0, ROWS, logarithm);
    assert_true(isnan(ret[0]) && isnan(logret[0]) && isnan(diff[0]));
    near(logarithm[0], (double)logl(x[0]), 1);
    for (int t = 1; t < ROWS; t++) {
        near(ret[t], (double)((long double)x[t] / x[t - 1] - 1), 1);
        near(logret[t], (double)(logl(x[t]) - logl(x[t - 1])), 1);
        near(diff[t], x[t] - x[t - 1], 1);
        near(logarithm[t], (double)logl(x[t]), 1);
    }
    table_free(table);
}

static void nested(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[ROWS];
    const double *x = table->column[0];
    compute(" ma( logret(close) , 3 ) ", table, 5, ROWS, out);
    for (int t = 0; t < 3; t++)
        assert_true(isnan(out[t]));
    for (int t = 3; t < ROWS - 5; t++)
        near(out[t], log(x[5 + t] / x[5 + t - 3]) / 3, 1);
    struct feature *feature = parse(" diff( ema(ma(close,10),5)) ");
    assert_int_equal(feature_warmup(feature), 9 + 4 + 1);
    assert_string_equal(feature->text, "diff( ema(ma(close,10),5))");
    feature_free(feature);
    table_free(table);
}

static void runs_shorter_than_the_warmup(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[8] = {0};
    for (size_t length = 1; length <= 6; length++) {
        compute("ma(diff(close),5)", table, 20, 20 + length, out);
        for (size_t t = 0; t < length; t++)
            assert_int_equal(isnan(out[t]) != 0, t < 5);
    }
    table_free(table);
}

/* --- each function against its definition, taken literally: x[0] is the run's first row */

struct candles {
    const double *close, *adjusted, *high, *low, *volume;
    const int64_t *time;
};

typedef long double (*definition)(const struct candles *s, int t, const double *p);

static long double mean_of(const double *x, int t, int n)
{
    long double sum = 0;
    for (int i = t - n + 1; i <= t; i++)
        sum += x[i];
    return sum / n;
}

static long double deviation_of(const double *x, int t, int n)
{
    long double mean = mean_of(x, t, n), sum = 0;
    for (int i = t - n + 1; i <= t; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrtl(sum / n);
}

/* From the mean of f(0) .. f(n-1), moved by the share a of the distance in each row. */
static long double smoothed(const struct candles *s, int first, int t, int n, long double a,
                            const double *p, definition f)
{
    long double value = 0;
    for (int i = first; i < first + n; i++)
        value += f(s, i, p) / n;
    for (int i = first + n; i <= t; i++)
        value = (1 - a) * value + a * f(s, i, p);
    return value;
}

static long double d_close(const struct candles *s, int t, const double *p)
{
    (void)p;
    return s->close[t];
}

static long double d_sum(const struct candles *s, int t, const double *p)
{
    return mean_of(s->adjusted, t, (int)p[0]) * p[0];
}

static long double d_min(const struct candles *s, int t, const double *p)
{
    long double least = s->close[t];
    for (int i = t - (int)p[0] + 1; i <= t; i++)
        least = s->close[i] < least ? s->close[i] : least;
    return least;
}

static long double d_max(const struct candles *s, int t, const double *p)
{
    long double most = s->close[t];
    for (int i = t - (int)p[0] + 1; i <= t; i++)
        most = s->close[i] > most ? s->close[i] : most;
    return most;
}

static long double d_std(const struct candles *s, int t, const double *p)
{
    return deviation_of(s->close, t, (int)p[0]);
}

static long double d_zscore(const struct candles *s, int t, const double *p)
{
    int n = (int)p[0];
    return (s->adjusted[t] - mean_of(s->adjusted, t, n)) / deviation_of(s->adjusted, t, n);
}

static long double d_rank(const struct candles *s, int t, const double *p)
{
    int below = 0;
    for (int i = t - (int)p[0] + 1; i <= t; i++)
        below += s->close[i] < s->close[t];
    return below / (long double)p[0];
}

static long double d_lag(const struct candles *s, int t, const double *p)
{
    return s->close[t - (int)p[0]];
}

static long double d_roc(const struct candles *s, int t, const double *p)
{
    return (long double)s->close[t] / s->close[t - (int)p[0]] - 1;
}

static long double d_logroc(const struct candles *s, int t, const double *p)
{
    return logl(s->close[t]) - logl(s->close[t - (int)p[0]]);
}

static long double d_volatility(const struct candles *s, int t, const double *p)
{
    int n = (int)p[0];
    long double mean = (logl(s->close[t]) - logl(s->close[t - n])) / n, sum = 0;
    for (int i = t - n + 1; i <= t; i++)
        sum += powl(logl(s->close[i]) - logl(s->close[i - 1]) - mean, 2);
    return sqrtl(sum / n);
}

static long double d_rise_probability(const struct candles *s, int t, const double *p)
{
    int h = (int)p[0], above = 0;
    for (int i = t - h + 1; i <= t; i++)
        above += s->close[i] > s->close[t - h];
    return above / (long double)h;
}

static long double d_gain(const struct candles *s, int t, const double *p)
{
    (void)p;
    return fmax(s->close[t] - s->close[t - 1], 0);
}

static long double d_loss(const struct candles *s, int t, const double *p)
{
    (void)p;
    return fmax(s->close[t - 1] - s->close[t], 0);
}

/* As Wilder writes it: 100 - 100 / (1 + up / down). */
static long double d_rsi(const struct candles *s, int t, const double *p)
{
    int n = (int)p[0];
    long double up = smoothed(s, 1, t, n, 1.0L / n, p, d_gain);
    long double down = smoothed(s, 1, t, n, 1.0L / n, p, d_loss);
    return 100 - 100 / (1 + up / down);
}

static long double d_macd(const struct candles *s, int t, const double *p)
{
    return smoothed(s, 0, t, (int)p[0], 2 / (p[0] + 1.0L), p, d_close) -
           smoothed(s, 0, t, (int)p[1], 2 / (p[1] + 1.0L), p, d_close);
}

static long double d_macd_signal(const struct candles *s, int t, const double *p)
{
    return smoothed(s, (int)fmax(p[0], p[1]) - 1, t, (int)p[2], 2 / (p[2] + 1.0L), p, d_macd);
}

static long double d_macd_hist(const struct candles *s, int t, const double *p)
{
    return d_macd(s, t, p) - d_macd_signal(s, t, p);
}

static long double d_bb_upper(const struct candles *s, int t, const double *p)
{
    return mean_of(s->close, t, (int)p[0]) + p[1] * deviation_of(s->close, t, (int)p[0]);
}

static long double d_bb_lower(const struct candles *s, int t, const double *p)
{
    return mean_of(s->close, t, (int)p[0]) - p[1] * deviation_of(s->close, t, (int)p[0]);
}

static long double d_bb_width(const struct candles *s, int t, const double *p)
{
    return (d_bb_upper(s, t, p) - d_bb_lower(s, t, p)) / mean_of(s->close, t, (int)p[0]);
}

static long double d_bb_position(const struct candles *s, int t, const double *p)
{
    long double lower = d_bb_lower(s, t, p);
    return (s->close[t] - lower) / (d_bb_upper(s, t, p) - lower);
}

static long double d_true_range(const struct candles *s, int t, const double *p)
{
    (void)p;
    double top = fmax(s->high[t], s->close[t - 1]), bottom = fmin(s->low[t], s->close[t - 1]);
    return top - bottom;
}

static long double d_atr(const struct candles *s, int t, const double *p)
{
    return smoothed(s, 1, t, (int)p[0], 1.0L / p[0], p, d_true_range);
}

static long double d_stoch_k(const struct candles *s, int t, const double *p)
{
    double highest = s->high[t], lowest = s->low[t];
    for (int i = t - (int)p[0] + 1; i <= t; i++) {
        highest = fmax(highest, s->high[i]);
        lowest = fmin(lowest, s->low[i]);
    }
    return 100 * ((long double)s->close[t] - lowest) / (highest - lowest);
}

static long double d_stoch_d(const struct candles *s, int t, const double *p)
{
    long double sum = 0;
    for (int i = t - (int)p[1] + 1; i <= t; i++)
        sum += d_stoch_k(s, i, p);
    return sum / p[1];
}

static long double d_williams_r(const struct candles *s, int t, const double *p)
{
    double highest = s->high[t], lowest = s->low[t];
    for (int i = t - (int)p[0] + 1; i <= t; i++) {
        highest = fmax(highest, s->high[i]);
        lowest = fmin(lowest, s->low[i]);
    }
    return -100 * ((long double)highest - s->close[t]) / (highest - lowest);
}

static long double d_cci(const struct candles *s, int t, const double *p)
{
    int n = (int)p[0];
    long double mean = 0, distance = 0, y = 0;
    for (int i = t - n + 1; i <= t; i++)
        mean += ((long double)s->high[i] + s->low[i] + s->close[i]) / 3 / n;
    for (int i = t - n + 1; i <= t; i++) {
        y = ((long double)s->high[i] + s->low[i] + s->close[i]) / 3;
        distance += fabsl(y - mean) / n;
    }
    return (y - mean) / (0.015L * distance);
}

static long double d_obv(const struct candles *s, int t, const double *p)
{
    (void)p;
    long double sum = 0;
    for (int i = 1; i <= t; i++) {
        if (s->close[i] > s->close[i - 1])
            sum += s->volume[i];
        if (s->close[i] < s->close[i - 1])
            sum -= s->volume[i];
    }
    return sum;
}

static long double d_volume_ratio(const struct candles *s, int t, const double *p)
{
    return s->volume[t] / mean_of(s->volume, t, (int)p[0]);
}

static long double d_add(const struct candles *s, int t, const double *p)
{
    (void)p;
    return s->close[t] + s->adjusted[t];
}

static long double d_sub(const struct candles *s, int t, const double *p)
{
    (void)p;
    return s->close[t] - s->adjusted[t];
}

static long double d_mul(const struct candles *s, int t, const double *p)
{
    (void)p;
    return (long double)s->close[t] * s->adjusted[t];
}

static long double d_div(const struct candles *s, int t, const double *p)
{
    (void)p;
    return (long double)s->adjusted[t] / s->close[t];
}

static long double d_abs(const struct candles *s, int t, const double *p)
{
    (void)p;
    return s->adjusted[t] < 0 ? -s->adjusted[t] : s->adjusted[t];
}

static long double d_sign(const struct candles *s, int t, const double *p)
{
    (void)p;
    double d = s->close[t] - s->close[t - 1];
    return d > 0 ? 1 : d < 0 ? -1 : 0;
}

static long double d_clip(const struct candles *s, int t, const double *p)
{
    return s->adjusted[t] < p[0] ? p[0] : s->adjusted[t] > p[1] ? p[1] : s->adjusted[t];
}

static long double d_sqrt(const struct candles *s, int t, const double *p)
{
    (void)p;
    return powl(s->volume[t], 0.5L);
}

static long double d_square(const struct candles *s, int t, const double *p)
{
    (void)p;
    return (long double)s->adjusted[t] * s->adjusted[t];
}

static long double d_cube(const struct candles *s, int t, const double *p)
{
    (void)p;
    return (long double)s->adjusted[t] * s->adjusted[t] * s->adjusted[t];
}

static long double d_signed_log(const struct candles *s, int t, const double *p)
{
    (void)p;
    long double x = s->adjusted[t];
    return x < 0 ? -logl(1 - x) : logl(1 + x);
}

static long double d_amplitude(const struct candles *s, int t, const double *p)
{
    (void)p;
    return sqrtl((long double)s->adjusted[t] * s->adjusted[t] +
                 (long double)s->volume[t] * s->volume[t]);
}

static long double d_phase_sin(const struct candles *s, int t, const double *p)
{
    (void)p;
    return sinl(atan2l(s->volume[t], s->adjusted[t]));
}

static long double d_phase_cos(const struct candles *s, int t, const double *p)
{
    (void)p;
    return cosl(atan2l(s->volume[t], s->adjusted[t]));
}

static const struct {
    const char *text;
    double p[3];
    size_t warmup;
    definition is;
    double scale; /* of the values */
} defined[] = {
    {"sum(Adj Close,13)", {13}, 12, d_sum, 10},
    {"min(close,1)", {1}, 0, d_min, 1},
    {"min(close,6)", {6}, 5, d_min, 1},
    {"max(close,77)", {77}, 76, d_max, 1},
    {"std(close,1)", {1}, 0, d_std, 100},
    {"std(close,9)", {9}, 8, d_std, 100},
    {"std(close,150)", {150}, 149, d_std, 100},
    {"zscore(Adj Close,25)", {25}, 24, d_zscore, 100},
    {"rank(close,1)", {1}, 0, d_rank, 1},
    {"rank(close,12)", {12}, 11, d_rank, 1},
    {"rank(close,390)", {390}, 389, d_rank, 1},
    {"lag(close,4)", {4}, 4, d_lag, 1},
    {"roc(close,5)", {5}, 5, d_roc, 1},
    {"logroc(close,3)", {3}, 3, d_logroc, 10},
    {"volatility(close,20)", {20}, 20, d_volatility, 10},
    {"rise_probability(close,1)", {1}, 1, d_rise_probability, 1},
    {"rise_probability(close,24)", {24}, 24, d_rise_probability, 1},
    {"rsi(close,14)", {14}, 14, d_rsi, 1000},
    {"rsi(close,1e2)", {100}, 100, d_rsi, 1000},
    {"macd(close,12,26)", {12, 26}, 25, d_macd, 1000},
    {"macd(close,9,4)", {9, 4}, 8, d_macd, 1000},
    {"macd_signal(close,12,26,9)", {12, 26, 9}, 33, d_macd_signal, 1000},
    {"macd_hist(close,5,8,3)", {5, 8, 3}, 9, d_macd_hist, 1000},
    {"bb_upper(close,20,2)", {20, 2}, 19, d_bb_upper, 1000},
    {"bb_lower(close,20,2.5)", {20, 2.5}, 19, d_bb_lower, 1000},
    {"bb_width(close,10,2)", {10, 2}, 9, d_bb_width, 10},
    {"bb_position(close,10,2)", {10, 2}, 9, d_bb_position, 100},
    {"true_range(high,low,close)", {0}, 1, d_true_range, 1},
    {"atr(high,low,close,14)", {14}, 14, d_atr, 100},
    {"stoch_k(high,low,close,14)", {14}, 13, d_stoch_k, 100},
    {"stoch_d(high,low,close,14,3)", {14, 3}, 15, d_stoch_d, 100},
    {"williams_r(high,low,close,7)", {7}, 6, d_williams_r, 100},
    {"cci(high,low,close,20)", {20}, 19, d_cci, 1000},
    {"obv(close,volume)", {0}, 0, d_obv, 1},
    {"volume_ratio(volume,30)", {30}, 29, d_volume_ratio, 10},
    {"add(close,Adj Close)", {0}, 0, d_add, 1000},
    {"sub(close,Adj Close)", {0}, 0, d_sub, 1000},
    {"mul(close,Adj Close)", {0}, 0, d_mul, 1000},
    {"div(Adj Close,close)", {0}, 0, d_div, 1},
    {"abs(Adj Close)", {0}, 0, d_abs, 1},
    {"sign(diff(close))", {0}, 1, d_sign, 1},
    {"clip(Adj Close,-0.25,.5)", {-0.25, 0.5}, 0, d_clip, 1},
    {"sqrt(volume)", {0}, 0, d_sqrt, 10},
    {"square(Adj Close)", {0}, 0, d_square, 1},
    {"power(Adj Close,3)", {0}, 0, d_cube, 1},
    {"power(volume,0.5)", {0}, 0, d_sqrt, 10},
    {"signed_log(Adj Close)", {0}, 0, d_signed_log, 1},
    {"amplitude(Adj Close,volume)", {0}, 0, d_amplitude, 10},
    {"phase_sin(Adj Close,volume)", {0}, 0, d_phase_sin, 1},
    {"phase_cos(Adj Close,volume)", {0}, 0, d_phase_cos, 1},
};

static void functions_are_what_they_are_called(void **state)
{
    (void)state;
    struct table *table = make_table();
    size_t begin = 7;
    struct candles s = {table->column[CLOSE] + begin,  table->column[ADJ_CLOSE] + begin,
                        table->column[HIGH] + begin,   table->column[LOW] + begin,
                        table->column[VOLUME] + begin, table->time + begin};
    double out[ROWS];
    for (size_t i = 0; i < sizeof defined / sizeof *defined; i++) {
        struct feature *feature = parse(defined[i].text);
        if (feature_warmup(feature) != defined[i].warmup)
            fail_msg("%s: warm-up %zu", defined[i].text, feature_warmup(feature));
        feature_free(feature);
        compute(defined[i].text, table, begin, ROWS, out);
        for (size_t t = 0; t < ROWS - begin; t++) {
            if (t < defined[i].warmup) {
                assert_true(isnan(out[t]));
                continue;
            }
            double wanted = (double)defined[i].is(&s, (int)t, defined[i].p);
            if (!(fabs(out[t] - wanted) <= 1e-12 * defined[i].scale))
                fail_msg("%s: row %zu: %.17g is not %.17g", defined[i].text, t, out[t], wanted);
        }
    }
    table_free(table);
}

static void numbers_may_be_left_out(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"sma(close,9)", "ma(close,9)"},
        {"rsi(close)", "rsi(close,14)"},
        {"RSI( close )", "rsi(close,14.0)"},
        {"macd(close)", "macd(close,12,26)"},
        {"macd(close,5)", "macd(close,5,26)"},
        {"macd_signal(close,5,20)", "macd_signal(close,5,20,9)"},
        {"macd_hist(close)", "macd_hist(close,12,26,9)"},
        {"bb_upper(close)", "bb_upper(close,20,2)"},
        {"bb_lower(close,10)", "bb_lower( close , 10 , +2e0 )"},
        {"atr(high,low,close)", "atr(high,low,close,14)"},
        {"stoch_k(high,low,close)", "stoch_k(high,low,close,14)"},
        {"stoch_d(high,low,close,5)", "stoch_d(high,low,close,5,3)"},
        {"williams_r(high,low,close)", "williams_r(high,low,close,14)"},
        {"cci(high,low,close)", "cci(high,low,close,20)"},
        {"volume_ratio(volume)", "volume_ratio(volume,20)"},
    };
    struct table *table = make_table();
    double a[ROWS], b[ROWS];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        compute(same[i][0], table, 0, ROWS, a);
        compute(same[i][1], table, 0, ROWS, b);
        assert_memory_equal(a, b, sizeof a);
    }
    table_free(table);
}

/* Where nothing moves a function is neutral; it neither fails nor shows rounding. */
static void flat_series(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } neutral[] = {
        {"std(close,7)", 0},
        {"zscore(close,7)", 0},
        {"volatility(close,7)", 0},
        {"rank(close,7)", 0},
        {"rise_probability(close,7)", 0},
        {"rsi(close,7)", 50},
        {"bb_upper(close,7,2)", 0.1},
        {"bb_lower(close,7,2)", 0.1},
        {"bb_width(close,7,2)", 0},
        {"bb_position(close,7,2)", 0.5},
        {"bb_width(volume,7,2)", 0},
        {"stoch_k(close,close,close,7)", 50},
        {"stoch_d(close,close,close,7,3)", 50},
        {"williams_r(close,close,close,7)", -50},
        {"cci(close,close,close,7)", 0},
        {"obv(close,high)", 0},
        {"volume_ratio(volume,7)", 1},
        {"sign(volume)", 0},
        {"phase_sin(volume,volume)", 0},
        {"phase_cos(volume,volume)", 1},
    };
    struct table *table = make_table();
    double out[ROWS];
    for (int i = 0; i < ROWS; i++) {
        table->column[CLOSE][i] = 0.1;
        table->column[VOLUME][i] = i % 2 ? 0 : -0.0;
    }
    for (size_t i = 0; i < sizeof neutral / sizeof *neutral; i++) {
        compute(neutral[i].text, table, 0, ROWS, out);
        for (int t = 10; t < ROWS; t++) {
            if (out[t] != neutral[i].value)
                fail_msg("%s: row %d: %.17g", neutral[i].text, t, out[t]);
        }
    }
    table_free(table);
}

/* What has left the window leaves nothing behind, in any function of a window. */
static void windows_after_a_spike(void **state)
{
    (void)state;
    static const char *const all[] = {
        "sum(close,10)",         "min(sub(low,close),10)",     "max(close,10)",
        "std(close,10)",         "zscore(close,10)",           "rank(close,10)",
        "volatility(close,10)",  "rise_probability(close,10)", "bb_upper(close,10)",
        "bb_lower(close,10)",    "bb_width(close,10)",         "bb_position(close,10)",
        "roc(close,10)",         "volume_ratio(close,10)",     "stoch_d(high,low,close,8,3)",
        "cci(high,low,close,10)"};
    struct table *table = make_table();
    double spiked[ROWS], calm[ROWS];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double kept = table->column[CLOSE][100];
        compute(all[i], table, 0, ROWS, calm);
        table->column[CLOSE][100] = 1e100;
        compute(all[i], table, 0, ROWS, spiked);
        table->column[CLOSE][100] = kept;
        if (!memcmp(spiked + 100, calm + 100, 11 * sizeof *calm))
            fail_msg("%s does not see the spike", all[i]);
        assert_memory_equal(spiked, calm, 100 * sizeof *calm);
        assert_memory_equal(spiked + 111, calm + 111, (ROWS - 111) * sizeof *calm);
    }
    table_free(table);
}

/* Digits are not lost where values are large beside their spread. */
static void deviation_far_from_zero(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[ROWS];
    for (int i = 0; i < ROWS; i++) /* 0, 1, 2, 3, 4, 0 ...: variance 2 over whole cycles */
        table->column[CLOSE][i] = 1e12 + i % 5;
    compute("std(close,20)", table, 3, ROWS, out);
    for (int t = 19; t < ROWS - 3; t++)
        near(out[t], sqrt(2), 1);
    table_free(table);
}

static void phases_and_amplitudes_at_the_edges(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[ROWS];
    static const double iq[][4] = {/* i, q, sine, cosine */
                                   {0, 2, 1, 0},
                                   {-3, 0, 0, -1},
                                   {1e308, 1e308, M_SQRT1_2, M_SQRT1_2},
                                   {3e-310, -4e-310, -0.8, 0.6}};
    for (int i = 0; i < 4; i++) {
        table->column[CLOSE][i] = iq[i][0];
        table->column[VOLUME][i] = iq[i][1];
    }
    compute("phase_sin(close,volume)", table, 0, 4, out);
    for (int i = 0; i < 4; i++)
        near(out[i], iq[i][2], 1);
    compute("phase_cos(close,volume)", table, 0, 4, out);
    for (int i = 0; i < 4; i++)
        near(out[i], iq[i][3], 1);
    table_free(table);
}

static void times_of_day_week_and_year(void **state)
{
    (void)state;
    /* ms since 1970 UTC (date -ud ... +%s), hour of the day, days after Monday, months after
     * January */
    static const struct {
        int64_t ms;
        double hour, weekday, month;
    } at[] = {
        {INT64_C(-3600000), 23, 2, 11},                    /* Wed 1969-12-31T23:00 */
        {INT64_C(0), 0, 3, 0},                             /* Thu 1970-01-01 */
        {INT64_C(1709231400000), 18.5, 3, 1},              /* Thu 2024-02-29T18:30 */
        {INT64_C(1709510399500), 23.99986111111111, 6, 2}, /* Sun 2024-03-03T23:59:59.5 */
        {INT64_C(1709510400000), 0, 0, 2},                 /* Mon 2024-03-04 */
    };
    enum { COUNT = sizeof at / sizeof *at };
    struct table *table = make_table();
    double sine[COUNT], cosine[COUNT], turn = 2 * 3.14159265358979323846;
    for (int i = 0; i < COUNT; i++)
        table->time[i] = at[i].ms;
    compute("hour_sin()", table, 0, COUNT, sine);
    compute("Hour_Cos( )", table, 0, COUNT, cosine);
    for (int i = 0; i < COUNT; i++) {
        near(sine[i], sin(turn * at[i].hour / 24), 10);
        near(cosine[i], cos(turn * at[i].hour / 24), 10);
    }
    compute("weekday_sin()", table, 0, COUNT, sine);
    compute("weekday_cos()", table, 0, COUNT, cosine);
    for (int i = 0; i < COUNT; i++) {
        near(sine[i], sin(turn * at[i].weekday / 7), 10);
        near(cosine[i], cos(turn * at[i].weekday / 7), 10);
    }
    compute("month_sin()", table, 0, COUNT, sine);
    compute("month_cos()", table, 0, COUNT, cosine);
    for (int i = 0; i < COUNT; i++) {
        near(sine[i], sin(turn * at[i].month / 12), 10);
        near(cosine[i], cos(turn * at[i].month / 12), 10);
    }
    /* Over a run that begins later, and as an argument. */
    compute("ma(hour_cos(),2)", table, 1, COUNT, sine);
    assert_true(isnan(sine[0]));
    near(sine[1], (1 + cos(turn * 18.5 / 24)) / 2, 10);

    block_free(table->time);
    table->time = NULL;
    struct error err;
    struct feature *feature = parse("add(close,hour_sin())");
    assert_int_equal(feature_compute(feature, table, (struct run){0, 4}, sine, &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
    assert_string_equal(err.text, "feature 'hour_sin()' needs the time of each row: set data.time");
    feature_free(feature);
    table_free(table);
}

static void the_column_that_stands_first(void **state)
{
    (void)state;
    static const struct {
        const char *text, *base;
        size_t column;
    } of[] = {
        {"close", "close", CLOSE},
        {"ma(ret( volume ),5)", "volume", VOLUME},
        {"sub(Adj Close,ma(close,3))", "Adj Close", ADJ_CLOSE},
        {"atr(high,low,close)", "high", HIGH},
        {"mul(hour_sin(),low)", "low", LOW},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        struct feature *feature = parse(of[i].text);
        const struct feature *base = feature_base(feature);
        assert_non_null(base);
        assert_string_equal(base->text, of[i].base);
        assert_int_equal(base->column, of[i].column);
        feature_free(feature);
    }
    struct feature *feature = parse("square(hour_sin())");
    assert_null(feature_base(feature));
    feature_free(feature);
}

/* --- what must hold for every function of the registry */

/* What stands for an argument of that name. */
static const char *example(const char *name)
{
    static const char *const is[][2] = {
        {"x", "close"}, {"y", "Adj Close"}, {"i", "Adj Close"},   {"q", "volume"}, {"high", "high"},
        {"low", "low"}, {"close", "close"}, {"volume", "volume"}, {"n", "7"},      {"m", "3"},
        {"h", "5"},     {"fast", "4"},      {"slow", "9"},        {"signal", "3"}, {"k", "1.5"},
        {"p", "2"},     {"least", "102.5"}, {"most", "115"},
    };
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        if (!strcmp(is[i][0], name))
            return is[i][1];
    }
    fail_msg("what is %s?", name);
    return NULL;
}

enum { EXPRESSION = 128, EXPRESSIONS = 100 };

/* An expression of each function, made of what the reference says of it: "rsi(close,7)". */
static size_t every_function(char all[EXPRESSIONS][EXPRESSION])
{
    char *text = NULL;
    size_t size, count = 0;
    FILE *out = open_memstream(&text, &size);
    feature_reference(out);
    fclose(out);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(count < EXPRESSIONS);
        char *expression = all[count++], *at = strchr(line, '(') + 1, *tab = strchr(line, '\t');
        assert_non_null(tab);
        assert_true(strlen(tab) > 4);
        snprintf(expression, EXPRESSION, "%.*s", (int)(at - line), line);
        while (*at != ')') {
            char name[16];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ",=)"), at);
            strcat(expression, example(name));
            at += strcspn(at, ",)");
            if (*at == ',') {
                strcat(expression, ",");
                at++;
            }
        }
        strcat(expression, ")");
    }
    free(text);
    return count;
}

/* Whatever comes after row t, or before the run, the values up to row t keep their bits. */
static void future_does_not_show(const char *text)
{
    struct table *table = make_table();
    double before[ROWS], after[ROWS];
    for (size_t t = 30; t < ROWS; t += 37) {
        size_t begin = 10;
        compute(text, table, begin, ROWS, before);
        for (size_t row = 0; row < ROWS; row++) {
            if (row >= begin && row <= t)
                continue;
            for (int c = 0; c < COLUMNS; c++)
                table->column[c][row] = 50 + 1000 * random_unit();
            table->time[row] = (int64_t)(1e12 * random_unit());
        }
        compute(text, table, begin, ROWS, after);
        if (memcmp(before, after, (t - begin + 1) * sizeof *before))
            fail_msg("%s sees behind row %zu", text, t);
        compute(text, table, begin, t + 1, after); /* nor whether there is any */
        if (memcmp(before, after, (t - begin + 1) * sizeof *before))
            fail_msg("%s sees that row %zu is the last", text, t);
    }
    table_free(table);
}

static void no_value_knows_its_future(void **state)
{
    (void)state;
    char all[EXPRESSIONS][EXPRESSION];
    size_t count = every_function(all);
    assert_true(count >= 50);
    for (size_t i = 0; i < count; i++)
        future_does_not_show(all[i]);
    future_does_not_show("close");
    future_does_not_show("ema(ma(logret(close),4),6)");
    future_does_not_show("sub(rank(atr(high,low,close,3),30),zscore(hour_sin(),7))");
}

/* Each function has its first value right behind its warm-up, wherever runs begin and end. */
static void warmups_are_exact(void **state)
{
    (void)state;
    char all[EXPRESSIONS][EXPRESSION];
    size_t count = every_function(all);
    struct table *table = make_table();
    double out[64], *exact;
    for (size_t i = 0; i < count; i++) {
        struct feature *feature = parse(all[i]);
        size_t warmup = feature_warmup(feature);
        feature_free(feature);
        assert_true(warmup < 20);
        for (size_t rows = 1; rows <= warmup + 3; rows++) {
            compute(all[i], table, 50, 50 + rows, out);
            for (size_t t = 0; t < rows; t++)
                assert_int_equal(isnan(out[t]) != 0, t < warmup);
            /* The run's end is the memory's end: a sanitizer sees what reaches beyond it. */
            exact = malloc(rows * sizeof *exact);
            compute(all[i], table, ROWS - rows, ROWS, exact);
            free(exact);
        }
    }
    table_free(table);
}

static void expect_bad_value(const char *text, double value, const char *wants)
{
    struct table *table = make_table();
    struct error err;
    double out[ROWS];
    struct feature *feature = parse(text);
    table->column[0][250] = value;
    assert_int_equal(feature_compute(feature, table, (struct run){200, 300}, out, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, wants);
    /* Runs that do not hold the row are not concerned. */
    assert_int_equal(feature_compute(feature, table, (struct run){251, 300}, out, &err), 0);
    feature_free(feature);
    table_free(table);
}

static void values_without_a_logarithm_are_named(void **state)
{
    (void)state;
    expect_bad_value("log(close)", 0,
                     "f.csv:252: feature 'log(close)' has no finite value here: log needs values "
                     "above 0");
    expect_bad_value("logret(close)", -1,
                     "f.csv:252: feature 'logret(close)' has no finite value here: logret needs "
                     "values above 0, here and in the row before");
    expect_bad_value("ma(ret(close),3)", 0,
                     "f.csv:253: feature 'ret(close)' has no finite value here: ret needs the row "
                     "before not to be 0");
    expect_bad_value("sqrt(close)", -1e-9,
                     "f.csv:252: feature 'sqrt(close)' has no finite value here: sqrt needs values "
                     "from 0 on");
    expect_bad_value("div(high,close)", 0,
                     "f.csv:252: feature 'div(high,close)' has no finite value here: div needs y "
                     "not to be 0");
    expect_bad_value("volatility(close,5)", 0,
                     "f.csv:252: feature 'volatility(close,5)' has no finite value here: "
                     "volatility needs values above 0 in all its rows");
    expect_bad_value("power(close,-0.5)", 0,
                     "f.csv:252: feature 'power(close,-0.5)' has no finite value here: power needs "
                     "a power that is defined: a whole p for values below 0, p from 0 on for 0");
    expect_bad_value("square(close)", 1e200,
                     "f.csv:252: feature 'square(close)' has no finite value here: square needs "
                     "smaller values");
}

/* Quotes hold whatever a column is called. */
static void names_in_quotes(void **state)
{
    (void)state;
    struct error err;
    static const struct {
        const char *text, *column, *whole;
    } cases[] = {
        {"\"p (mbar)\"", "p (mbar)", "p (mbar)"},
        {" \"a, b\" ", "a, b", "a, b"},
        {"\"say \"\"x\"\"\"", "say \"x\"", "say \"x\""},
        {"ma(\"wv (m/s)\", 20)", "wv (m/s)", "ma(\"wv (m/s)\", 20)"},
        {"ret( \"ma(close,10)\" )", "ma(close,10)", "ret( \"ma(close,10)\" )"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct feature *feature = feature_parse(cases[i].text, &err);
        char **names = NULL;
        size_t count = 0;
        assert_non_null(feature);
        assert_string_equal(feature->text, cases[i].whole);
        assert_int_equal(feature_columns(feature, &names, &count), 0);
        assert_int_equal(count, 1);
        assert_string_equal(names[0], cases[i].column);
        free(names);
        feature_free(feature);
    }
}

static void bad_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wants;
    } bad[] = {
        {"", "'': a name is missing at the end"},
        {"ma(close,10", "'ma(close,10': ')' is missing behind ma"},
        {"ma(close", "'ma(close': ')' is missing behind ma"},
        {"ma(", "'ma(': a name is missing at the end"},
        {"ma()", "'ma()': a name is missing before )"},
        {"ma(close)", "'ma(close)': too few arguments for ma(x,n)"},
        {"ma(close,10,3)", "'ma(close,10,3)': too many arguments for ma(x,n)"},
        {"log(close,3)", "'log(close,3)': too many arguments for log(x)"},
        {"hour_sin(close)", "'hour_sin(close)': too many arguments for hour_sin()"},
        {"hour_sin(", "'hour_sin(': ')' is missing behind hour_sin"},
        {"atr(close,14)", "'atr(close,14)': too few arguments for atr(high,low,close,n=14)"},
        {"atr(a,b,c,14,)", "'atr(a,b,c,14,)': too many arguments for atr(high,low,close,n=14)"},
        {"atr(a,b,c,)", "'atr(a,b,c,)': n of atr must be a whole number from 1 to 100000000"},
        {"rsi(close,", "'rsi(close,': n of rsi must be a whole number from 1 to 100000000"},
        {"rsi(close", "'rsi(close': ')' is missing behind rsi"},
        {"ma(close,0)", "'ma(close,0)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,-1)", "'ma(close,-1)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,1.5)", "'ma(close,1.5)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,nan)", "'ma(close,nan)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,99999999999999999999)",
         "'ma(close,99999999999999999999)': n of ma must be a whole number from 1 to 100000000"},
        {"macd(close,12,0)",
         "'macd(close,12,0)': slow of macd must be a whole number from 1 to 100000000"},
        {"bb_upper(close,20,-2)",
         "'bb_upper(close,20,-2)': k of bb_upper must be a number from 0 on"},
        {"bb_upper(close,20,1e999)",
         "'bb_upper(close,20,1e999)': k of bb_upper must be a number from 0 on"},
        {"power(close,two)", "'power(close,two)': p of power must be a number"},
        {"clip(close,1,0.5)",
         "'clip(close,1,0.5)': most of clip must be a number, not below the one before it"},
        {"ma(close,10)x", "'ma(close,10)x': not expected: x"},
        {"ma(ma(close,2)x,3)", "'ma(ma(close,2)x,3)': not expected: x,3)"},
        {"close)", "'close)': not expected: )"},
        {"a,b", "'a,b': not expected: ,b"},
        {"(close)", "'(close)': a name is missing before (close)"},
        {"bb_uper(close,3)",
         "'bb_uper(close,3)': there is no function bb_uper; did you mean bb_upper?"},
        {"RIS(close,3)", "'RIS(close,3)': there is no function RIS; did you mean rsi?"},
        {"ichimoku(close)", "'ichimoku(close)': there is no function ichimoku; seqtrain.ini(5) "
                            "lists them under FEATURES (a column's name with parentheses stands "
                            "in quotes)"},
        {"\"p (mbar", "'\"p (mbar': the closing \" of a name is missing"},
        {"ma(\"\",3)", "'ma(\"\",3)': a name in quotes is empty"},
        {"\"p\" q", "'\"p\" q': not expected: q"},
    };
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(feature_parse(bad[i].text, &err));
        assert_int_equal(err.status, STATUS_USAGE);
        assert_string_equal(err.text, bad[i].wants);
    }
    char deep[4096] = "";
    for (int i = 0; i < 900; i++)
        strcat(deep, "log(");
    assert_null(feature_parse(deep, &err));
    assert_non_null(strstr(err.text, "nested too deeply"));
}

static void the_reference_lists_every_function(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    feature_reference(out);
    fclose(out);
    assert_non_null(strstr(text, "ma(x,n)\tMean of the last n rows.\n"));
    assert_non_null(strstr(text, "\nmacd(x,fast=12,slow=26)\tMoving average convergence"));
    assert_non_null(strstr(text, "\nlog(x)\tNatural logarithm of x.\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moving_averages),
        cmocka_unit_test(moving_average_after_a_spike),
        cmocka_unit_test(differences_and_logarithms),
        cmocka_unit_test(nested),
        cmocka_unit_test(runs_shorter_than_the_warmup),
        cmocka_unit_test(functions_are_what_they_are_called),
        cmocka_unit_test(numbers_may_be_left_out),
        cmocka_unit_test(flat_series),
        cmocka_unit_test(windows_after_a_spike),
        cmocka_unit_test(deviation_far_from_zero),
        cmocka_unit_test(phases_and_amplitudes_at_the_edges),
        cmocka_unit_test(times_of_day_week_and_year),
        cmocka_unit_test(the_column_that_stands_first),
        cmocka_unit_test(no_value_knows_its_future),
        cmocka_unit_test(warmups_are_exact),
        cmocka_unit_test(values_without_a_logarithm_are_named),
        cmocka_unit_test(names_in_quotes),
        cmocka_unit_test(bad_expressions),
        cmocka_unit_test(the_reference_lists_every_function),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
