/* SPDX-License-Identifier: MIT */
/*
 * augment: mirror images of expressions against the numbers of a mirrored series; what is refused
 * and what it says; targets that stay true, through the engine; which windows are augmented, and
 * that nothing but a window's own keys decides on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chosen.h"
#include "data/augment.h"
#include "data/feature_functions.h"
#include "data/mirror.h"
#include "exec/exec.h"
#include "ok.h"
#include "train/planned.h"
#include "util/philox.h"

static struct log *quiet;

/* --- mirror images */

enum { LENGTH = 60, COLUMNS = 6 };

static double column[2][COLUMNS][LENGTH]; /* as they are, and in the mirror */
static char high_name[] = "high", low_name[] = "low", close_name[] = "close", i_name[] = "i",
            q_name[] = "q", volume_name[] = "volume";
static char *const column_names[] = {high_name, low_name, close_name, i_name, q_name, volume_name};

/* A candle that stands on its head has its low where its high was. */
static void make_columns(int geometric)
{
    double close = 100;
    for (uint32_t t = 0; t < LENGTH; t++) {
        double z[4];
        for (uint32_t k = 0; k < 4; k++) {
            uint32_t w[4];
            philox(w, t, k, 0, 0, 11);
            z[k] = philox_normal(w[0], w[1]);
        }
        close += z[0];
        const double candle[] = {close + fabs(z[1]), close - fabs(z[2]), close};
        for (int k = 0; k < 3; k++) {
            const double of = candle[k == 2 ? 2 : 1 - k];
            column[0][k][t] = candle[k];
            column[1][k][t] = geometric ? 1e4 / of : 200 - of;
        }
        column[0][3][t] = z[1];
        column[0][4][t] = z[2];
        column[1][3][t] = -z[1];
        column[1][4][t] = -z[2];
        column[0][5][t] = column[1][5][t] = 5 + fabs(z[3]);
    }
}

static enum mirror_kind kind_of(void *ctx, const struct feature *f)
{
    (void)ctx;
    return !strcmp(f->text, "volume")                       ? MIRROR_STAYS
           : !strcmp(f->text, "i") || !strcmp(f->text, "q") ? MIRROR_TURNS
                                                            : MIRROR_LEVEL;
}

static void compute(struct feature *f, int mirrored, double *out)
{
    static char path[] = "none.csv";
    double *columns[COLUMNS];
    char **names = malloc(sizeof column_names);
    size_t count = COLUMNS;
    memcpy(names, column_names, sizeof column_names);
    for (int k = 0; k < COLUMNS; k++)
        columns[k] = column[mirrored][k];
    const struct table table = {.path = path,
                                .first_line = 2,
                                .rows = LENGTH,
                                .columns = COLUMNS,
                                .name = names,
                                .column = columns};
    assert_int_equal(feature_columns(f, &names, &count), 0);
    OK(feature_compute(f, &table, (struct run){0, LENGTH}, out, &err));
    free(names);
}

/* By the mirror of prices; LOG: of their logarithms; NEAR: the same, up to the square of a move. */
enum how { EXACT, LOG, NEAR };

static void what_a_mirror_makes_of_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum mirror_kind kind;
        enum how how;
    } cases[] = {
        {"close", MIRROR_LEVEL, EXACT},
        {"i", MIRROR_TURNS, EXACT},
        {"volume", MIRROR_STAYS, EXACT},
        {"ma(i,5)", MIRROR_TURNS, EXACT},
        {"sma(i,5)", MIRROR_TURNS, EXACT},
        {"ema(i,5)", MIRROR_TURNS, EXACT},
        {"sum(i,5)", MIRROR_TURNS, EXACT},
        {"lag(i,2)", MIRROR_TURNS, EXACT},
        {"ma(close,5)", MIRROR_LEVEL, EXACT},
        {"min(close,5)", MIRROR_LEVEL, EXACT},
        {"min(i,5)", MIRROR_NONE, EXACT},
        {"bb_upper(close)", MIRROR_LEVEL, EXACT},
        {"ma(rsi(close),4)", MIRROR_TURNS, EXACT},
        {"sum(rsi(close),4)", MIRROR_NONE, EXACT},
        {"std(close,9)", MIRROR_STAYS, EXACT},
        {"std(i,9)", MIRROR_STAYS, EXACT},
        {"zscore(close,9)", MIRROR_TURNS, EXACT},
        {"rank(close,10)", MIRROR_TURNS, EXACT},
        {"rank(i,10)", MIRROR_TURNS, EXACT},
        {"diff(close)", MIRROR_TURNS, EXACT},
        {"diff(i)", MIRROR_TURNS, EXACT},
        {"diff(volume)", MIRROR_STAYS, EXACT},
        {"ret(close)", MIRROR_TURNS, NEAR},
        {"roc(close,3)", MIRROR_TURNS, NEAR},
        {"logret(close)", MIRROR_TURNS, LOG},
        {"logroc(close,3)", MIRROR_TURNS, LOG},
        {"diff(log(close))", MIRROR_TURNS, LOG},
        {"volatility(close,5)", MIRROR_STAYS, LOG},
        {"ret(i)", MIRROR_NONE, EXACT},
        {"rise_probability(close,8)", MIRROR_TURNS, EXACT},
        {"rsi(close)", MIRROR_TURNS, EXACT},
        {"rsi(i)", MIRROR_TURNS, EXACT},
        {"macd(close)", MIRROR_TURNS, EXACT},
        {"macd_signal(close)", MIRROR_TURNS, EXACT},
        {"macd_hist(close)", MIRROR_TURNS, EXACT},
        {"bb_width(close)", MIRROR_STAYS, NEAR},
        {"bb_width(i)", MIRROR_NONE, EXACT},
        {"bb_position(close)", MIRROR_TURNS, EXACT},
        {"true_range(high,low,close)", MIRROR_STAYS, EXACT},
        {"true_range(i,q,i)", MIRROR_NONE, EXACT},
        {"atr(high,low,close)", MIRROR_STAYS, EXACT},
        {"stoch_k(high,low,close)", MIRROR_TURNS, EXACT},
        {"stoch_d(high,low,close)", MIRROR_TURNS, EXACT},
        {"williams_r(high,low,close)", MIRROR_TURNS, EXACT},
        {"cci(high,low,close)", MIRROR_TURNS, EXACT},
        {"obv(close,volume)", MIRROR_TURNS, EXACT},
        {"volume_ratio(volume)", MIRROR_STAYS, EXACT},
        {"zscore(obv(close,volume),9)", MIRROR_TURNS, EXACT},
        {"add(i,q)", MIRROR_TURNS, EXACT},
        {"add(rsi(close),rsi(close,5))", MIRROR_TURNS, EXACT},
        {"sub(rsi(close),rsi(close,5))", MIRROR_TURNS, EXACT},
        {"add(i,volume)", MIRROR_NONE, EXACT},
        {"sub(close,ma(close,5))", MIRROR_TURNS, EXACT},
        {"mul(i,q)", MIRROR_STAYS, EXACT},
        {"mul(i,volume)", MIRROR_TURNS, EXACT},
        {"mul(close,volume)", MIRROR_NONE, EXACT},
        {"div(i,volume)", MIRROR_TURNS, EXACT},
        {"div(close,ma(close,5))", MIRROR_TURNS, NEAR},
        {"div(atr(high,low,close),close)", MIRROR_STAYS, NEAR},
        {"div(macd(close),close)", MIRROR_TURNS, NEAR},
        {"div(volume,i)", MIRROR_TURNS, EXACT},
        {"abs(i)", MIRROR_STAYS, EXACT},
        {"abs(close)", MIRROR_NONE, EXACT},
        {"sign(i)", MIRROR_TURNS, EXACT},
        {"signed_log(i)", MIRROR_TURNS, EXACT},
        {"square(i)", MIRROR_STAYS, EXACT},
        {"clip(i,-1,1)", MIRROR_TURNS, EXACT},
        {"clip(i,-1,2)", MIRROR_NONE, EXACT},
        {"clip(rsi(close),20,80)", MIRROR_TURNS, EXACT},
        {"log(volume)", MIRROR_STAYS, EXACT},
        {"sqrt(close)", MIRROR_NONE, EXACT},
        {"power(i,3)", MIRROR_NONE, EXACT},
        {"amplitude(i,q)", MIRROR_STAYS, EXACT},
        {"amplitude(i,volume)", MIRROR_NONE, EXACT},
        {"phase_sin(i,q)", MIRROR_TURNS, EXACT},
        {"phase_cos(i,q)", MIRROR_TURNS, EXACT},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double x[LENGTH], y[LENGTH];
        struct feature *f = feature_parse(cases[c].text, &err);
        if (!f)
            fail_msg("%s", err.text);
        const struct mirror m = mirror_of(f, kind_of, NULL);
        if (m.kind != cases[c].kind)
            fail_msg("%s: kind %d, not %d", cases[c].text, m.kind, cases[c].kind);
        make_columns(cases[c].how != EXACT);
        compute(f, 0, x);
        compute(f, 1, y);
        for (size_t t = feature_warmup(f); t < LENGTH; t++) {
            const double want = m.kind == MIRROR_STAYS ? x[t] : 2 * m.centre - x[t];
            const double room = cases[c].how == NEAR ? 0.2 * fabs(x[t] - m.centre) + 1e-3 : 1e-9;
            if (m.kind != MIRROR_NONE && m.kind != MIRROR_LEVEL &&
                !(fabs(y[t] - want) <= room * (1 + fabs(want))))
                fail_msg("%s: %g in row %zu becomes %g, not %g", cases[c].text, x[t], t, y[t],
                         want);
        }
        feature_free(f);
    }
}

/* What step and slope may do hangs on it. */
static void what_follows_a_level(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int follows;
    } cases[] = {
        {"close", 1},
        {"ma(close,5)", 1},
        {"bb_upper(close)", 1},
        {"log(close)", 1},
        {"ret(close)", 0},
        {"ma(ret(close),5)", 0},
        {"rsi(close)", 0},
        {"atr(high,low,close)", 0},
        {"rank(close,9)", 0},
        {"div(close,ma(close,5))", 0},
        {"div(close,ret(close))", 1},
        {"hour_sin()", 0},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct feature *f = feature_parse(cases[c].text, &err);
        if (!f)
            fail_msg("%s", err.text);
        if (mirror_follows(f) != cases[c].follows)
            fail_msg("%s", cases[c].text);
        feature_free(f);
    }
}

static void transforms_in_the_mirror(void **state)
{
    (void)state;
    static const struct {
        const char *item[3];
        double centre;
        int mirrors, moves;
    } cases[] = {
        {{"none"}, 3, 1, 1},
        {{"standard"}, 50, 1, 1},
        {{"scale(0,1)"}, 0, 1, 1},
        {{"signed_log", "standard"}, 0, 1, 0},
        {{"signed_sqrt", "scale(-1,1)"}, 0, 1, 0},
        {{"power(0.5)"}, 0, 1, 0},
        {{"signed_log"}, 1, 0, 0},
        {{"clip(-4,4)", "standard"}, 0, 1, 0},
        {{"clip(-4,5)", "standard"}, 0, 0, 0},
        {{"clip(-4,5)", "standard"}, 0.5, 1, 0},
        {{"standard", "signed_log"}, 0, 0, 0},
        {{"standard", "scale(0,2)"}, 7, 1, 1},
        {{"sqrt"}, 0, 0, 0},
        {{"log"}, 0, 0, 0},
    };
    const double x[] = {0.5, 1, 2, 8, 3, 40};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct list items = {(char **)cases[c].item, 0};
        struct transform t;
        size_t bad;
        int constant;
        double sum = 0, gain = 0;
        while (items.count < 3 && items.item[items.count])
            items.count++;
        OK(transform_parse(&t, &items, &err));
        OK(transform_fit(&t, x, 6, &bad, &constant, &err));
        const int mirrors = !transform_mirror(&t, cases[c].centre, &sum);
        const int moves = !transform_gain(&t, &gain);
        if (mirrors != cases[c].mirrors || moves != cases[c].moves)
            fail_msg("case %zu: mirrors %d, moves %d", c, mirrors, moves);
        for (size_t i = 0; i < 6; i++) {
            const double y = transform_forward(&t, x[i]);
            if (mirrors)
                assert_true(fabs(transform_forward(&t, 2 * cases[c].centre - x[i]) + y - sum) <
                            1e-9);
            if (moves)
                assert_true(fabs(transform_forward(&t, x[i] + 3) - y - 3 * gain) < 1e-9);
        }
    }
}

/* --- data and engine */

enum { T = 8, ROWS = 400 };

#define SETTINGS                                                                        \
    "data.source=augment.csv", "data.window=8", "data.validation=0.1", "data.test=0.1", \
        "data.horizon=2", "model.type=recurrent", "model.hidden=4", "model.layers=1",   \
        "train.batch=32", "train.schedule=constant", "data.target_transform=none", "data.stride=3"

/*
 * r: moves. s: the sum of the last 4 of them. c: a constant, in each of 4 series another. l: a
 * line. big: whether r was large. o, h, low, close: candles. p: a price of the moves.
 */
static void write_data(void)
{
    FILE *out = fopen("augment.csv", "w");
    double r[ROWS], price = 100;
    assert_non_null(out);
    fprintf(out, "t,r,s,l,open,high,low,close,volume,other\n");
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t w[4];
        philox(w, i, 0, 0, 0, 3);
        r[i] = philox_normal(w[0], w[1]);
        double sum = 0, open = price;
        for (uint32_t k = 0; k < 4 && k <= i; k++)
            sum += r[i - k];
        price *= exp(0.01 * r[i]);
        fprintf(out, "%u,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%u\n", 1600000000 + 3600 * i, r[i],
                sum, 5 + 0.25 * i, open, (open > price ? open : price) * 1.002,
                (open < price ? open : price) * 0.997, price, 50 + philox_unit(w[2]), i % 7);
    }
    assert_int_equal(fclose(out), 0);
}

static struct config *config_of(char *const *more, size_t count)
{
    char *settings[48] = {SETTINGS}, device[256];
    size_t n = 0;
    while (settings[n])
        n++;
    snprintf(device, sizeof device, "device.select=%s", chosen_device());
    settings[n++] = device;
    for (size_t i = 0; i < count; i++)
        settings[n++] = more[i];
    struct config *config = config_load(NULL, settings, n, &err);
    if (!config)
        fail_msg("%s", err.text);
    return config;
}
#define CONFIG(...) \
    config_of((char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

static struct dataset *load(const struct config *config)
{
    struct dataset *data = dataset_load(config, NULL, quiet, &err);
    if (!data)
        fail_msg("%s", err.text);
    return data;
}

static void expect_refusal(struct config *config, const char *wants)
{
    assert_null(dataset_load(config, NULL, quiet, &err));
    if (!strstr(err.text, wants) || err.status != STATUS_USAGE)
        fail_msg("'%s' (status %d) does not say '%s'", err.text, err.status, wants);
    config_free(config);
}

#define ON_MOVES(augment, targets) \
    CONFIG("data.features=r, volume", "data.targets=" targets, "data.augment=" augment)
#define ON_PRICES(augment, features, targets) \
    CONFIG("data.features=" features, "data.targets=" targets, "data.augment=" augment)

static void what_is_refused(void **state)
{
    (void)state;
    expect_refusal(
        ON_MOVES("nois(1)", "r"),
        "[data] augment: 'nois(1)': there is no augmentation nois; did you mean noise(s)?");
    expect_refusal(ON_MOVES("nothing", "r"), "there are none, noise(s), spike(p,s)");
    expect_refusal(ON_MOVES("noise", "r"), "'noise': it is written noise(s)");
    expect_refusal(ON_MOVES("spike(0.1)", "r"), "it is written spike(p,s)");
    expect_refusal(ON_MOVES("spike(0.1,2,3)", "r"), "it is written spike(p,s)");
    expect_refusal(ON_MOVES("noise(1) 2", "r"), "it is written noise(s)");
    expect_refusal(ON_MOVES("noise x(1)", "r"), "it is written noise(s)");
    expect_refusal(ON_MOVES("noise(x)", "r"), "in noise(s), s is a number above 0 and at most 100");
    expect_refusal(ON_MOVES("noise(0)", "r"), "in noise(s), s is a number above 0");
    expect_refusal(ON_MOVES("noise(nan)", "r"), "in noise(s), s is a number above 0");
    expect_refusal(ON_MOVES("spike(1.5,2)", "r"), "p is a number above 0 and at most 1");
    expect_refusal(ON_MOVES("spike(1,-2)", "r"), "s is a number above 0");
    expect_refusal(ON_MOVES("warp(1)", "r"), "f is a number above 1 and at most 10");
    expect_refusal(ON_MOVES("crop(1.5)", "r"), "n is a whole number of rows");
    expect_refusal(ON_MOVES("flip(1), none", "r"), "none stands alone");
    expect_refusal(ON_MOVES("flip(1), flip(0.5)", "r"), "flip stands there twice");
    expect_refusal(ON_MOVES("crop(7)", "r"), "of data.window = 8 rows 2 must be left");
    expect_refusal(
        CONFIG("data.features=r", "data.targets=r", "data.augment=noise(1)", "data.noise=0.1"),
        "data.noise adds noise to each window already");

    expect_refusal(ON_PRICES("flip(1)", "ret(close), close", "r"),
                   "flip: the feature 'close' is a level that never changes its sign");
    expect_refusal(ON_PRICES("flip(1)", "ret(close), power(r,2)", "r"),
                   "of the feature 'power(r,2)' no mirror image is known");
    expect_refusal(ON_PRICES("flip(1)", "ret(close)", "close"),
                   "flip: the target 'close' is a level");
    expect_refusal(CONFIG("data.features=r", "data.targets=s", "data.augment=flip(1)",
                          "data.target_transform=clip(-1,2)"),
                   "the target 's' turns about 0, which data.target_transform does not keep");
    expect_refusal(CONFIG("data.features=r", "data.targets=s", "data.augment=flip(1)",
                          "data.target_transform=scale(0.1,0.8)", "loss.target=bce"),
                   "would lie outside 0..1");
    expect_refusal(
        CONFIG("data.features=r", "data.targets=s", "data.augment=flip(1)", "data.balance=weight"),
        "use balance = select");
    expect_refusal(CONFIG("data.features=r, s", "data.targets=s", "data.augment=flip(1)",
                          "data.scaler=relative(s)"),
                   "data.scaler = relative");

    expect_refusal(ON_PRICES("step(1)", "ret(close)", "close"),
                   "step: the target 'close' is a level");
    expect_refusal(ON_PRICES("slope(1)", "close", "roc(close,2)"),
                   "slope: the feature 'close' is a level that is shifted, and the target "
                   "'roc(close,2)' begins from it");
    expect_refusal(ON_PRICES("step(1)", "ret(close)", "volatility(close,5)"),
                   "step: the target 'volatility(close,5)' looks at rows within the window");
    expect_refusal(
        CONFIG("data.features=l", "data.targets=l", "data.augment=step(1)", "data.scaler=window"),
        "the target 'l' moves with its feature, which needs a data.scaler");
    expect_refusal(CONFIG("data.features=l", "data.targets=l", "data.augment=step(1)",
                          "data.target_transform=signed_log"),
                   "the target 'l' moves with its feature, which needs");
    expect_refusal(CONFIG("data.features=l", "data.targets=l", "data.augment=step(1)",
                          "data.target_source=augment.csv", "data.target_rows=window"),
                   "step: data.target_source holds what answers to the rows as they are");
    expect_refusal(CONFIG("data.features=r, s", "data.targets=channel", "data.channels=apart",
                          "data.augment=slope(1)"),
                   "with data.channels = apart");

    expect_refusal(CONFIG("data.features=r", "data.targets=s", "data.augment=warp(2)",
                          "data.target_rows=window"),
                   "warp: data.target_rows = window has a target for each row");
    expect_refusal(ON_PRICES("crop(2)", "ret(close)", "roc(close,3)"),
                   "crop: the target 'roc(close,3)' looks at rows within the window");
}

static void what_is_taken(void **state)
{
    (void)state;
    struct config *const configs[] = {
        ON_PRICES("step(1), slope(1), crop(2), warp(2), flip(0.5)", "ret(close)", "roc(close,2)"),
        ON_PRICES("step(1), slope(1), crop(2), warp(2)", "ret(close), close", "other"),
        ON_PRICES("Noise ( 1 ), spike( 1 , 1 )", "close", "volatility(close,5)"),
        ON_PRICES("none", "close", "close"),
        CONFIG("data.features=r, s", "data.targets=channel", "data.channels=apart",
               "data.augment=crop(2), noise(0.1), warp(2)"),
        CONFIG("data.features=r", "data.targets=rise_probability(r,2)", "data.augment=flip(1)",
               "loss.target=bce"),
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        struct dataset *data = load(configs[i]);
        assert_int_equal(data->augment != NULL, i != 3);
        if (data->augment)
            assert_int_equal(data->augment->windows, data->count[PART_TRAIN]);
        dataset_free(data);
        config_free(configs[i]);
    }
}

/* A unit is one standard deviation of the scaled feature; prices of a candle share one, in the
 * file's unit, and what is drawn. */
static void units_and_candles(void **state)
{
    (void)state;
    static const char *const scalers[] = {"none", "standard", "minmax", "robust", "window"};
    for (size_t s = 0; s < 5; s++) {
        char scaler[64];
        snprintf(scaler, sizeof scaler, "data.scaler=%s", scalers[s]);
        struct config *config = CONFIG("data.features=volume, open, high, low, close, r",
                                       "data.targets=other", "data.augment=noise(1)", scaler);
        struct dataset *data = load(config);
        const float *of = data->augment->feature;
        for (size_t f = 0; f < 6; f++) {
            const int price = f >= 1 && f <= 4;
            assert_true(of[4 * f + 1] == (float)(price ? 1 : f));
            assert_true(of[4 * f + 2] == 1 && of[4 * f + 3] == 0);
            double raw = of[4 * f] * data->scaler.scale[f];
            if (price)
                assert_true(fabs(raw / (of[4] * data->scaler.scale[1]) - 1) < 1e-6);
            double sum = 0, square = 0, n = 0;
            for (size_t i = 0; i < data->count[PART_TRAIN]; i++)
                for (size_t t = 0; t < T; t++, n++) {
                    double v = data->series[(data->start[PART_TRAIN][i] + t) * 6 + (price ? 1 : f)];
                    sum += v;
                    square += v * v;
                }
            const double sd = sqrt(square / n - sum / n * (sum / n));
            const double ratio = price ? data->scaler.scale[1] / data->scaler.scale[f] : 1;
            if (s != 4 && !(fabs(of[4 * f] / (sd * ratio) - 1) < 0.02))
                fail_msg("%s: the unit of feature %zu is %g, its deviation %g", scalers[s], f,
                         of[4 * f], sd * ratio);
            if (s == 4)
                assert_true(of[4 * f] == 1);
        }
        dataset_free(data);
        config_free(config);
    }
}

/* Nothing is added to the time of day, which has no direction either. */
static void the_time_is_not_disturbed(void **state)
{
    (void)state;
    struct config *config = CONFIG("data.features=r, hour_sin()", "data.targets=s", "data.time=t",
                                   "data.augment=noise(1), flip(0.5)");
    struct dataset *data = load(config);
    assert_true(data->augment->feature[0] == 1 && data->augment->feature[4] == 0);
    assert_true(data->augment->feature[2] == -1 && data->augment->feature[6] == 1);
    dataset_free(data);
    config_free(config);
}

/* A training engine, its tensors each in memory of its own, after the micro-batch of the windows
 * [first, first + count) of the training part, in their order. */
static struct engine *engine_after(const struct config *config, const struct dataset *data,
                                   uint32_t first, uint32_t count, uint32_t epoch)
{
    const struct engine_options options = {.training = 1, .scattered = 1};
    const struct metrics none = {0};
    struct engine *e = engine_open(config, data, &options, &err);
    if (!e)
        fail_msg("%s", err.text);
    OK(params_init(e->params, 42, &err));
    OK(engine_order(e, data->start[PART_TRAIN], data->count[PART_TRAIN], &err));
    OK(engine_write_metrics(e, &none, &err));
    struct step step = {.first = first, .count = count, .group = count, .epoch = epoch};
    step.seed[0] = 42;
    step.number = 1;
    OK(engine_micro(e, &step, &err));
    return e;
}

static float *read_tensor(const struct tensor *t)
{
    float *x = malloc(t->elems * sizeof *x);
    assert_non_null(x);
    OK(tensor_read(t, x, &err));
    return x;
}

enum { BATCH = 32 };

/* The input and targets of a batch, in the file's units. */
struct seen {
    double x[BATCH][T][8], y[BATCH][T];
};

static void see(struct config *config, struct seen *seen, const struct dataset *data)
{
    struct engine *e = engine_after(config, data, 0, BATCH, 1);
    float *x = read_tensor(e->io.input), *y = read_tensor(e->io.target);
    const size_t f = data->features, r = data->target_rows;
    assert_true(data->targets == 1);
    for (size_t b = 0; b < BATCH; b++) {
        for (size_t i = 0; i < T * f; i++)
            seen->x[b][i / f][i % f] =
                x[b * T * f + i] * data->scaler.scale[i % f] + data->scaler.offset[i % f];
        for (size_t i = 0; i < r; i++)
            seen->y[b][i] = transform_inverse(data->transform, y[b * r + i], NULL);
    }
    free(x);
    free(y);
    engine_close(e);
}

/* The sum of the last four moves, whose sign turns with them. */
static void a_turned_target_stays_true(void **state)
{
    (void)state;
    static const char *const transforms[] = {"none", "standard", "clip(-9,9), standard",
                                             "signed_log, scale(-1,1)"};
    static struct seen seen;
    for (size_t i = 0; i < 4; i++) {
        char transform[64];
        size_t turned = 0;
        snprintf(transform, sizeof transform, "data.target_transform=%s", transforms[i]);
        struct config *config = CONFIG("data.features=r, volume", "data.targets=s",
                                       "data.horizon=0", "data.augment=flip(0.5)", transform);
        struct dataset *data = load(config);
        see(config, &seen, data);
        for (size_t b = 0; b < BATCH; b++) {
            double sum = 0;
            const size_t at = (data->start[PART_TRAIN][b] + T - 1) * 2;
            const double was = data->series[at] * data->scaler.scale[0] + data->scaler.offset[0];
            for (size_t t = T - 4; t < T; t++)
                sum += seen.x[b][t][0];
            if (!(fabs(seen.y[b][0] - sum) < 1e-4))
                fail_msg("%s: window %zu has the target %g of moves that sum up to %g",
                         transforms[i], b, seen.y[b][0], sum);
            assert_true(seen.x[b][0][1] > 49 && seen.x[b][0][1] < 52); /* the volume stays */
            turned += fabs(seen.x[b][T - 1][0] + was) < 1e-5;
        }
        assert_in_range(turned, BATCH / 4, BATCH * 3 / 4);
        dataset_free(data);
        config_free(config);
    }
}

/* What is a straight line goes on as one behind the window: level, slope and target. And where
 * target and feature are the same rows, they stay the same. */
static void a_shifted_target_stays_true(void **state)
{
    (void)state;
    static struct seen seen;
    for (int i = 0; i < 2; i++) {
        struct config *config =
            CONFIG("data.features=r, l", "data.targets=l",
                   i ? "data.target_rows=window" : "data.target_rows=horizon",
                   "data.augment=step(2), slope(0.5)", "data.target_transform=scale(0,1)");
        struct dataset *data = load(config);
        size_t moved = 0;
        see(config, &seen, data);
        for (size_t b = 0; b < BATCH; b++) {
            const double rise = seen.x[b][T - 1][1] - seen.x[b][T - 2][1];
            /* but where the step lies between the last two rows, by which it is no line */
            const double before = seen.x[b][T - 2][1] - seen.x[b][T - 3][1];
            const double want = seen.x[b][T - 1][1] + 2 * rise;
            if (!i && fabs(rise - before) < 1e-3 && !(fabs(seen.y[b][0] - want) < 2e-3))
                fail_msg("window %zu goes on to %g, its target is %g", b, want, seen.y[b][0]);
            moved += fabs(rise - 0.25) > 1e-2;
            for (size_t t = 0; i && t < T; t++)
                assert_true(fabs(seen.y[b][t] - seen.x[b][t][1]) < 1e-3);
        }
        assert_true(moved > BATCH / 2);
        dataset_free(data);
        config_free(config);
    }
}

/* Prices of a candle keep their order, whatever is added to them. */
static void candles_stay_candles(void **state)
{
    (void)state;
    static const char *const scalers[] = {"none", "standard", "minmax", "robust"};
    static struct seen seen;
    for (size_t s = 0; s < 4; s++) {
        char scaler[64];
        snprintf(scaler, sizeof scaler, "data.scaler=%s", scalers[s]);
        struct config *config =
            CONFIG("data.features=open, high, low, close, volume", "data.targets=other", scaler,
                   "data.augment=noise(0.5), spike(0.5,3), step(1), slope(1), crop(2), warp(2)");
        struct dataset *data = load(config);
        double moved = 0;
        see(config, &seen, data);
        for (size_t b = 0; b < BATCH; b++)
            for (size_t t = 0; t < T; t++) {
                const double *x = seen.x[b][t];
                const double low = x[0] < x[3] ? x[0] : x[3], high = x[0] > x[3] ? x[0] : x[3];
                const float *was = &data->series[(data->start[PART_TRAIN][b] + t) * 5];
                assert_true(x[1] >= high - 1e-3 && x[2] <= low + 1e-3);
                moved += fabs(x[0] - was[0] * data->scaler.scale[0] - data->scaler.offset[0]);
            }
        assert_true(moved / (BATCH * T) > 1);
        dataset_free(data);
        config_free(config);
    }
}

/* --- which windows, and by what */

static void only_where_the_condition_holds(void **state)
{
    (void)state;
    struct config *config =
        CONFIG("data.features=r, volume", "data.targets=s", "data.augment=noise(1)",
               "data.augment_where=r > 0.8 or other == 3", "train.epochs=1");
    struct dataset *data = load(config);
    size_t windows = 0;
    struct engine *e = engine_after(config, data, 0, BATCH, 1);
    float *x = read_tensor(e->io.input);
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++) {
        const size_t start = data->start[PART_TRAIN][i], last = start + T - 1;
        const double r = data->series[last * 2] * data->scaler.scale[0] + data->scaler.offset[0];
        const int want = r > 0.8 || last % 7 == 3;
        if (data->augment->flag[start] != (float)want)
            fail_msg("window %zu: %g, not %d", i, data->augment->flag[start], want);
        windows += (size_t)want;
        if (i < BATCH)
            assert_int_equal(!memcmp(x + i * T * 2, data->series + start * 2, T * 2 * sizeof *x),
                             !want);
    }
    assert_int_equal(windows, data->augment->windows);
    assert_true(windows > 10 && windows < data->count[PART_TRAIN] - 10);
    free(x);
    engine_close(e);
    dataset_free(data);
    config_free(config);
}

/* What the windows [16, 24) become, however they reach the device. */
static void fetch_eight(char *const *more, size_t count, uint32_t first, uint32_t epoch, float *x,
                        float *y)
{
    char *settings[8] = {"data.features=r, volume", "data.targets=s",
                         "data.augment=noise(0.1), spike(0.5,2), flip(0.5), crop(3), warp(2)",
                         "data.augment_where=other != 2"};
    size_t n = 4;
    for (size_t i = 0; i < count; i++)
        settings[n++] = more[i];
    struct config *config = config_of(settings, n);
    struct dataset *data = load(config);
    const uint32_t batch = (uint32_t)config->train.batch;
    struct engine *e = engine_after(config, data, first, batch, epoch);
    float *input = read_tensor(e->io.input), *target = read_tensor(e->io.target);
    memcpy(x, input + (16 - first) % 8 * T * 2 + (batch > 8 ? (16 - first) * T * 2 : 0),
           8 * T * 2 * sizeof *x);
    memcpy(y, target + (batch > 8 ? 16 - first : 0), 8 * sizeof *y);
    free(input);
    free(target);
    engine_close(e);
    dataset_free(data);
    config_free(config);
}

static void nothing_but_its_keys_decides(void **state)
{
    (void)state;
    static char whole[] = "train.batch=32", small[] = "train.batch=8",
                stream[] = "data.feed=stream", seed[] = "run.seed=42",
                threads[] = "device.threads=1", later[] = "run.seed=42";
    static const struct {
        char *more[2];
        uint32_t first, epoch;
        int same;
    } cases[] = {
        {{whole, seed}, 0, 2, 1},    {{small, seed}, 16, 2, 1},    {{whole, stream}, 0, 2, 1},
        {{small, stream}, 16, 2, 1}, {{small, threads}, 16, 2, 1}, {{small, later}, 16, 3, 0},
    };
    float x[2][8 * T * 2], y[2][8];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fetch_eight(cases[i].more, 2, cases[i].first, cases[i].epoch, x[i > 0], y[i > 0]);
        const int same = !memcmp(x[i > 0], x[0], sizeof *x) && !memcmp(y[i > 0], y[0], sizeof *y);
        if (same != cases[i].same)
            fail_msg("case %zu: %s", i, same ? "the same" : "not the same");
    }
}

/* An autoencoder reads disturbances and rebuilds what was there without them; another shape it
 * rebuilds as it is. Evaluation sees neither. */
static void what_an_autoencoder_rebuilds(void **state)
{
    (void)state;
    static char *const augment[] = {"data.augment=noise(0.5), spike(1,3)",
                                    "data.augment=step(1), crop(2), flip(0.5)",
                                    "data.augment=noise(0.5), slope(2)"};
    for (int i = 0; i < 3; i++) {
        struct config *config =
            CONFIG("data.features=r, volume", "model.type=autoencoder", "model.d_model=8",
                   "model.heads=2", "model.latent=3", "model.feedforward=8", augment[i]);
        struct dataset *data = load(config);
        struct engine *e = engine_after(config, data, 0, BATCH, 1);
        float *x = read_tensor(e->io.input), *whole = read_tensor(e->io.whole), seen[BATCH * T * 2];
        size_t read_as_is = 0, rebuilt_as_is = 0, same = 0;
        for (size_t b = 0; b < BATCH; b++) {
            const float *was = data->series + data->start[PART_TRAIN][b] * 2;
            const size_t at = b * T * 2, bytes = T * 2 * sizeof *x;
            read_as_is += !memcmp(x + at, was, bytes);
            rebuilt_as_is += !memcmp(whole + at, was, bytes);
            same += !memcmp(whole + at, x + at, bytes);
        }
        assert_int_equal(read_as_is, 0);
        assert_int_equal(rebuilt_as_is, i == 0 ? BATCH : 0);
        assert_int_equal(same, i == 1 ? BATCH : 0);
        struct evaluation result;
        const struct outputs out = {.input = seen};
        OK(engine_evaluate(e, data->start[PART_TRAIN], BATCH, &out, &result, &err));
        for (size_t b = 0; b < BATCH; b++)
            assert_memory_equal(seen + b * T * 2, data->series + data->start[PART_TRAIN][b] * 2,
                                T * 2 * sizeof *seen);
        free(x);
        free(whole);
        engine_close(e);
        dataset_free(data);
        config_free(config);
    }
}

static int set_up(void **state)
{
    (void)state;
    quiet = log_new(LOG_QUIET);
    write_data();
    return quiet ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    log_close(quiet, &err);
    unlink("augment.csv");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_mirror_makes_of_expressions),
        cmocka_unit_test(what_follows_a_level),
        cmocka_unit_test(transforms_in_the_mirror),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(what_is_taken),
        cmocka_unit_test(units_and_candles),
        cmocka_unit_test(the_time_is_not_disturbed),
        cmocka_unit_test(a_turned_target_stays_true),
        cmocka_unit_test(a_shifted_target_stays_true),
        cmocka_unit_test(candles_stay_candles),
        cmocka_unit_test(only_where_the_condition_holds),
        cmocka_unit_test(nothing_but_its_keys_decides),
        cmocka_unit_test(what_an_autoencoder_rebuilds),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
