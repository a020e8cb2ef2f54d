/* SPDX-License-Identifier: MIT */
/* live: its windows are those of a file with the same rows, bit by bit; what it refuses. */
#include <math.h>

#include "data/live_text.h"
#include "data_fakes.h"

enum { WINDOW = 6, FEATURES = 3, ROWS = 90 };

static char *features[] = {"close", "ma(close,4)", "rsi(close,3)"};
static char *targets[] = {"ret(close)"};
static char *times[] = {"time"};
static double offset[FEATURES] = {99, 98.5, 40}, scale[FEATURES] = {1.7, 2.3, 11};
static struct transform transform[1];

static struct config make_config(void)
{
    struct config c = {.data = {.features = {features, FEATURES},
                                .targets = {targets, 1},
                                .time = {times, 1},
                                .time_format = "auto",
                                .time_zone = "UTC",
                                .window = WINDOW,
                                .horizon = 3,
                                .target_rows = TARGET_HORIZON,
                                .stride = -1,
                                .eval_window = -1,
                                .skip_lines = -1,
                                .missing_limit = 2,
                                .gap = 7200000,
                                .scaler = {.kind = SCALER_STANDARD}}};
    return c;
}

static const struct fitted fitted = {
    .scaler = {.kind = SCALER_STANDARD, .features = FEATURES, .offset = offset, .scale = scale},
    .transform = transform,
    .targets = 1,
};

/* A row a half hour, with a hole in front of row 40. */
static void row_of(int i, double *x, int64_t *time)
{
    *x = 100 + sin(i * 0.7) + 0.25 * cos(i * i);
    *time = INT64_C(1600000200000) + i * INT64_C(1800000) + (i >= 40) * INT64_C(86400000);
}

/* The file of the first rows. */
static struct dataset *load(const struct config *config, int rows)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct error err;
    fputs("time,close\n", out);
    for (int i = 0; i < rows; i++) {
        double x;
        int64_t time;
        row_of(i, &x, &time);
        fprintf(out, "%lld,%.17g\n", (long long)time, x);
    }
    fclose(out);
    const char *path = fake_file(text, size, ".csv");
    struct dataset *data = dataset_load_all(config, path, &fitted, NULL, &err);
    if (!data)
        fail_msg("%s", err.text);
    unlink(path);
    free(text);
    return data;
}

static struct live *open_live(const struct config *config)
{
    struct error err;
    struct live *live = live_open(config, &fitted, 0, NULL, &err);
    if (!live)
        fail_msg("%s", err.text);
    return live;
}

/* The last window of a file, and the one that the live has. */
static void compare(struct live *live, const struct dataset *data)
{
    const struct dataset *own = live_data(live);
    assert_true(data->count[PART_TEST] > 0);
    assert_int_equal(live_windows(live), data->count[PART_TEST] - 1);
    const size_t start = data->start[PART_TEST][data->count[PART_TEST] - 1];
    assert_int_equal(live_first(live), start);
    assert_memory_equal(own->series, data->series + start * FEATURES,
                        WINDOW * FEATURES * sizeof(float));
    assert_memory_equal(own->time, data->time + start, (WINDOW + 3) * sizeof *own->time);
    for (size_t i = 0; i < WINDOW + 3; i++) {
        const double a = own->raw_target[i], b = data->raw_target[start + i];
        assert_true(isnan(a) ? isnan(b) : a == b);
    }
}

static void test_windows(void **unused)
{
    const struct config config = make_config();
    struct live *live = open_live(&config);
    struct error err;
    size_t windows = 0;
    (void)unused;
    assert_int_equal(live_columns(live), 1);
    assert_string_equal(live_column(live, 0), "close");
    assert_int_equal(live_needs(live), WINDOW + 3);
    for (int i = 0; i < ROWS; i++) {
        double x;
        struct live_row row = {.x = &x};
        row_of(i, &x, &row.time);
        row.later = row.time;
        const enum live_taken taken = live_push(live, &row, &err);
        assert_int_not_equal(taken, LIVE_REFUSED);
        if (taken == LIVE_TAKEN)
            continue;
        struct dataset *data = load(&config, i + 1);
        compare(live, data);
        dataset_free(data);
        assert_int_equal(live_is_fresh(live), i == WINDOW + 2 || i == 40 + WINDOW + 2);
        windows++;
    }
    assert_int_equal(windows, ROWS - 2 * (WINDOW + 2));
    live_close(live);
}

/* Other figures scale the rows of the window anew. */
static void test_refit(void **unused)
{
    const struct config config = make_config();
    struct live *live = open_live(&config);
    struct error err;
    double shifted[FEATURES] = {1, 2, 3};
    struct fitted other = fitted;
    (void)unused;
    for (int i = 0; i < 12; i++) {
        double x;
        struct live_row row = {.x = &x};
        row_of(i, &x, &row.time);
        row.later = row.time;
        live_push(live, &row, &err);
    }
    const float before = live_data(live)->series[0];
    other.scaler.offset = shifted;
    assert_int_equal(live_refit(live, &other, &err), 0);
    assert_true(fabs((double)live_data(live)->series[0] - ((double)before * 1.7 + 98) / 1.7) <
                1e-4);
    other.scaler.features = 2;
    assert_int_equal(live_refit(live, &other, &err), -1);
    fake_expect(&err, STATUS_INPUT, "has 2 features, data.features 3");
    live_close(live);
}

static void refuses(struct config config, const char *what)
{
    struct error err;
    assert_null(live_open(&config, &fitted, 0, NULL, &err));
    fake_expect(&err, STATUS_USAGE, what);
}

static void test_refused_keys(void **unused)
{
    struct config c = make_config();
    (void)unused;
    c.data.resample = 60000;
    refuses(c, "[data] resample: ");
    c = make_config();
    c.data.jump = 0.5;
    refuses(c, "[data] jump: ");
    c = make_config();
    c.data.series = "name";
    refuses(c, "[data] series: ");
    c = make_config();
    c.data.order = ORDER_FALLING;
    refuses(c, "[data] order: ");
}

static void test_refused_rows(void **unused)
{
    const struct config config = make_config();
    struct live *live = open_live(&config);
    struct error err;
    double x = 1;
    (void)unused;
    assert_int_equal(live_push(live, &(struct live_row){&x, 1000, 1000}, &err), LIVE_TAKEN);
    assert_int_equal(live_push(live, &(struct live_row){&x, 900, 900}, &err), LIVE_REFUSED);
    fake_expect(&err, STATUS_INPUT, "lies before the previous row's");
    assert_int_equal(live_push(live, &(struct live_row){&x, 1000, 1000}, &err), LIVE_REFUSED);
    fake_expect(&err, STATUS_INPUT, "appears twice");
    /* a local time that clocks showed twice */
    assert_int_equal(live_push(live, &(struct live_row){&x, 1000, 2000}, &err), LIVE_TAKEN);
    x = NAN;
    assert_int_equal(live_push(live, &(struct live_row){&x, 3000, 3000}, &err), LIVE_REFUSED);
    fake_expect(&err, STATUS_INPUT, "column 'close': the value is missing");
    x = 5; /* the row as it should be */
    assert_int_equal(live_push(live, &(struct live_row){&x, 3000, 3000}, &err), LIVE_TAKEN);
    live_close(live);
}

/* --- text, in pieces of one byte */

struct bytes {
    const char *text;
    size_t taken;
};

static long give(void *ctx, char *to, size_t room)
{
    struct bytes *b = ctx;
    if (!b->text[b->taken] || !room)
        return 0;
    *to = b->text[b->taken++];
    return 1;
}

static void test_text(void **unused)
{
    static const char text[] = "a,close,time\n1,2.5,1600000200\n1,x,1600000300\n1,2\n"
                               "1,,1600000400\n\"1\",\"3\",1600000500";
    struct config config = make_config();
    config.data.separator = SEPARATOR_COMMA;
    struct live *live = open_live(&config);
    struct bytes bytes = {text, 0};
    const struct csv_source source = {give, &bytes};
    struct error err;
    struct live_row row;
    struct live_text *t = live_text_open(live, "rows", &source, &err);
    (void)unused;
    assert_non_null(t);
    assert_true(bytes.taken <= strlen("a,close,time\n1,2.5,1600000200\n"));
    assert_int_equal(live_text_next(t, &row, &err), LIVE_ROW);
    assert_true(row.x[0] == 2.5 && row.time == INT64_C(1600000200000));
    assert_int_equal(live_text_line(t), 2);
    assert_int_equal(live_text_next(t, &row, &err), LIVE_LOST);
    fake_expect(&err, STATUS_INPUT, "rows:3: column 'close': 'x' is not a finite number");
    assert_int_equal(live_text_next(t, &row, &err), LIVE_LOST);
    fake_expect(&err, STATUS_INPUT, "rows:4: 2 fields, but the header has 3");
    assert_int_equal(live_text_next(t, &row, &err), LIVE_ROW);
    assert_true(isnan(row.x[0]));
    assert_int_equal(live_text_next(t, &row, &err), LIVE_ROW);
    assert_true(row.x[0] == 3);
    assert_int_equal(live_text_next(t, &row, &err), LIVE_END);
    live_text_close(t);
    live_close(live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),      cmocka_unit_test(test_refit),
        cmocka_unit_test(test_refused_keys), cmocka_unit_test(test_refused_rows),
        cmocka_unit_test(test_text),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
