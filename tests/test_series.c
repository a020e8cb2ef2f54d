/* SPDX-License-Identifier: MIT */
/* dataset: many files, targets, and that no row serves two parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <sys/stat.h>

#include "data/dataset.h"
#include "data/source.h"
#include "data_fakes.h"

#define MOST 2000
#define FILES 4

/* The files under test: close and extra by row, a minute apart but for holes. */
struct rows {
    int count, hole_before;
    double close[MOST], extra[MOST];
};
static struct rows files[FILES];
static char folder[] = "series-test-XXXXXX";

static uint64_t random_state = 5;

static double random_unit(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

static void write_text(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    if (!out || fputs(text, out) < 0 || fclose(out))
        abort();
}

/* Minute of a row. */
static int64_t minute_of(const struct rows *rows, int i)
{
    return 27000000 + i + (rows->hole_before && i >= rows->hole_before ? 30 : 0);
}

/* f0.csv, f1.csv ...; odd ones have their columns in another order. */
static void write_file(int f)
{
    static char text[MOST * 100];
    const struct rows *rows = &files[f];
    size_t used = (size_t)sprintf(text, f % 2 ? "extra,close,time\n" : "time,close,extra\n");
    char name[16];
    for (int i = 0; i < rows->count; i++) {
        long long t = (long long)minute_of(rows, i) * 60;
        used += (size_t)(f % 2 ? sprintf(text + used, "%.17g,%.17g,%lld\n", rows->extra[i],
                                         rows->close[i], t)
                               : sprintf(text + used, "%lld,%.17g,%.17g\n", t, rows->close[i],
                                         rows->extra[i]));
    }
    sprintf(name, "f%d.csv", f);
    write_text(name, text);
}

static void make_files(int count)
{
    for (int f = 0; f < FILES; f++) {
        files[f].count = count + 10 * f;
        files[f].hole_before = 0;
        for (int i = 0; i < files[f].count; i++) {
            files[f].close[i] = 1000 * (f + 1) + 10 * random_unit() + i % 7;
            files[f].extra[i] = 3 * random_unit() - 1.5 + f;
        }
        write_file(f);
    }
}

/* A list of up to eight items, in memory that lives as long as the program. */
static struct list list_of(const char *text)
{
    static char store[64][256];
    static char *items[64][8];
    static int next;
    int at = next++ % 64;
    struct list list = {items[at], 0};
    snprintf(store[at], sizeof store[at], "%s", text);
    for (char *word = strtok(store[at], " "); word; word = strtok(NULL, " "))
        list.item[list.count++] = word;
    return list;
}

static struct list sources(const char *pattern)
{
    char text[256] = "", copy[256];
    snprintf(copy, sizeof copy, "%s", pattern);
    for (char *save, *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s/%s ", folder, word);
    }
    return list_of(text);
}

static char automatic[] = "auto", utc[] = "UTC", time_name[] = "time", empty[] = "",
            close_name[] = "close", extra_name[] = "extra";

static char *time_list[] = {time_name};

static struct config make_config(void)
{
    struct config config = {0};
    config.run.seed = 7;
    config.data.source = sources("f0.csv f1.csv f2.csv");
    config.data.manifest = config.data.where = empty;
    config.data.time = (struct list){time_list, 1};
    config.data.time_format = automatic;
    config.data.time_zone = utc;
    config.data.jump_column = close_name;
    config.data.stratify = extra_name;
    config.data.strata = 4;
    config.data.features = list_of("close extra");
    config.data.targets = list_of("close");
    config.data.window = 10;
    config.data.stride = 1;
    config.data.horizon = 3;
    config.data.eval_window = -1;
    config.data.split_block = -1;
    config.data.balance_bins = 20;
    config.data.validation = 0.2;
    config.data.test = 0.1;
    return config;
}

/* The row of file f that a row of the dataset was, by its time. */
static int file_row(const struct dataset *data, size_t row, int *f)
{
    size_t s = dataset_series(data, row);
    assert_true(data->file[s].begin <= row && row < data->file[s].end);
    assert_int_equal(sscanf(data->file[s].name, "f%d", f), 1);
    for (int i = 0; i < files[*f].count; i++)
        if (minute_of(&files[*f], i) * 60000 == data->time[row])
            return i;
    fail_msg("row %zu comes from nowhere", row);
    return -1;
}

/* --- files */

static void files_in_lists_folders_and_globs(void **state)
{
    (void)state;
    make_files(60);
    static const char *const lists[] = {"f2.csv f0.csv", "f[13].csv", "f3.csv f?.csv", "nil*.csv"};
    static const char *const wants[] = {"f2.csv f0.csv ", "f1.csv f3.csv ", NULL, NULL};
    static const char *const faults[] = {NULL, NULL, "f3.csv: this file is named twice",
                                         "nil*.csv: no file fits this pattern"};
    for (int i = 0; i < 4; i++) {
        struct config config = make_config();
        struct sources found;
        struct error err;
        char names[256] = "";
        config.data.source = sources(lists[i]);
        int failed = sources_find(&config, &found, &err);
        assert_int_equal(failed != 0, faults[i] != NULL);
        if (failed) {
            assert_non_null(strstr(err.text, faults[i]));
            continue;
        }
        for (size_t k = 0; k < found.count; k++) {
            strcat(names, found.item[k].name);
            strcat(names, " ");
            assert_int_equal(found.item[k].part, SOURCE_DEALT);
        }
        assert_string_equal(names, wants[i]);
        sources_fini(&found);
    }
    char path[128];
    snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    struct sources found;
    struct error err;
    assert_int_equal(sources_of(path, DOCUMENTS_OF_SERIES, &found, &err), -1);
    assert_non_null(strstr(err.text, "sub: no .csv or .csv.gz file is in this folder"));
    write_text("sub/c.txt", "");
    assert_int_equal(sources_of(path, DOCUMENTS_OF_SERIES, &found, &err), -1);
    assert_non_null(strstr(err.text, "in this folder, but c.txt; data.source = "));
    assert_non_null(strstr(err.text, "/sub/*.txt takes files of other names"));
    write_text("sub/b.csv.GZ", "");
    write_text("sub/a.csv", "");
    write_text("sub/B.CSV", "");
    write_text("sub/.c.csv", "");
    assert_int_equal(sources_of(path, DOCUMENTS_OF_SERIES, &found, &err), 0);
    assert_int_equal(found.count, 3); /* by bytes, whatever the locale: B a b */
    assert_int_equal(found.passed_over, 1);
    assert_string_equal(found.item[0].name, "B.CSV");
    assert_string_equal(found.item[1].name, "a.csv");
    assert_string_equal(found.item[2].name, "b.csv.GZ");
    sources_fini(&found);
    assert_int_equal(system("rm -r series-test-*/sub"), 0);
}

static void a_manifest_names_series_and_columns(void **state)
{
    (void)state;
    make_files(60);
    char path[128];
    struct config config = make_config();
    config.data.validation = config.data.test = 0;
    config.data.source = (struct list){0};
    write_text("list.csv",
               "name,path,close,extra\nfirst,f0.csv,,\nf1 swapped,.\\f1.csv,extra,close\n");
    snprintf(path, sizeof path, "%s/list.csv", folder);
    config.data.manifest = path;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->files, 2);
    assert_string_equal(data->file[0].name, "first");
    assert_string_equal(data->file[1].name, "f1 swapped");
    for (int i = 0; i < 60; i++)
        assert_true(data->series[2 * i] == (float)files[0].close[i]);
    for (int i = 0; i < 70; i++) {
        assert_true(data->series[2 * (60 + i)] == (float)files[1].extra[i]);
        assert_true(data->series[2 * (60 + i) + 1] == (float)files[1].close[i]);
    }
    dataset_free(data);
    write_text("list.csv", "path,close\nf0.csv,\nf1.csv,price\n");
    fake_expect_fault(&config, STATUS_INPUT,
                      "f1.csv:1: no column 'price'; the columns are extra, close");
    write_text("list.csv", "path\n");
    fake_expect_fault(&config, STATUS_INPUT, "list.csv: the manifest lists no series");
    write_text("list.csv", "path,name\n,x\n");
    fake_expect_fault(&config, STATUS_INPUT, "list.csv:2: the path is empty");
    write_text("list.csv", "name\nx\n");
    fake_expect_fault(&config, STATUS_INPUT, "list.csv:1: no column 'path'");
}

static void short_series(void **state)
{
    (void)state;
    make_files(60);
    files[1].count = 12; /* a window of 10 and a target 3 rows behind it take 13 */
    write_file(1);
    struct config config = make_config();
    config.data.validation = config.data.test = 0;
    fake_expect_fault(&config, STATUS_INPUT,
                      "f1.csv: too short: a window takes 13 rows with its targets");
    config.data.short_series = SHORT_SKIP;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->files, 2);
    assert_string_equal(data->file[1].name, "f2.csv");
    assert_int_equal(fake_told("files_left_out", NULL), 1);
    assert_int_equal(fake_told("rows", NULL), 60 + 80);
    dataset_free(data);
    config.data.source = sources("f1.csv");
    fake_expect_fault(&config, STATUS_INPUT,
                      "f1.csv: too few rows: no window of 10 and the 3 rows up to");
    config.data.horizon = 200;
    config.data.source = sources("f0.csv f2.csv");
    fake_expect_fault(&config, STATUS_INPUT, "2 files: all of them are too short");
}

static void columns_that_differ(void **state)
{
    (void)state;
    make_files(60);
    write_text("f1.csv", "time,close\n1,2\n");
    struct config config = make_config();
    fake_expect_fault(&config, STATUS_INPUT,
                      "f1.csv:1: no column 'extra'; the columns are time, close");
    write_text("f1.csv", "time,close,extra\n1,2,x\n");
    fake_expect_fault(&config, STATUS_INPUT, "f1.csv:2: column 'extra': 'x' is not a number");
}

static void the_first_rows_of_each_file(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.rows = 150;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->rows, 450);
    assert_int_equal(data->file[1].begin, 150);
    assert_int_equal(data->count[PART_TRAIN], 3 * (105 - 12)); /* 105 30 15 */
    assert_int_equal(data->count[PART_TEST], 3 * (15 - 12));
    assert_true(data->series[2 * 449] == (float)files[2].close[149]);
    dataset_free(data);
}

/* --- windows and targets */

/* Every window of every part against the files: features, targets, bases, in one file and without a
 * hole inside; returns how many there are. */
static size_t check_windows(const struct config *config, const struct dataset *data)
{
    size_t windows = 0;
    int rows = config->data.target_rows;
    size_t w = (size_t)config->data.window, h = (size_t)config->data.horizon;
    size_t first = rows == TARGET_HORIZON ? w - 1 + h : rows == TARGET_EACH ? w : 0;
    size_t count = rows == TARGET_HORIZON ? 1 : rows == TARGET_EACH ? h : w;
    assert_int_equal(data->target_first, first);
    assert_int_equal(data->target_rows, count);
    for (int part = 0; part < PARTS; part++)
        for (size_t i = 0; i < data->count[part]; i++, windows++) {
            uint32_t start = data->start[part][i];
            int f, again, at = file_row(data, start, &f);
            for (size_t row = 0; row < w; row++)
                assert_true(data->series[(start + row) * 2] ==
                            (float)files[f].close[at + (int)row]);
            for (size_t row = first; row < first + count; row++) {
                double wants = files[f].close[at + (int)row];
                assert_int_equal(file_row(data, start + row, &again), at + (int)row);
                assert_int_equal(again, f);
                assert_true(data->raw_target[start + row] == wants);
                assert_true(data->target[start + row] == (float)wants);
                assert_true(data->target_base[start + row] == wants);
                assert_int_equal(minute_of(&files[f], at + (int)row) - minute_of(&files[f], at),
                                 (int64_t)row);
            }
        }
    return windows;
}

static void targets_lie_where_target_rows_says(void **state)
{
    (void)state;
    make_files(200);
    files[1].hole_before = 90;
    write_file(1);
    for (int rows = TARGET_HORIZON; rows <= TARGET_WINDOW; rows++) {
        struct config config = make_config();
        config.data.gap = 60000;
        config.data.target_rows = rows;
        struct dataset *data = fake_load(&config);
        size_t span = rows == TARGET_WINDOW ? 10 : 13, wants = 0;
        /* f0: 140 40 20 rows. f1: 147 42 21, cut at 90. f2: 154 44 22. */
        static const size_t stretches[] = {140, 40, 20, 90, 57, 42, 21, 154, 44, 22};
        for (int i = 0; i < 10; i++)
            wants += stretches[i] + 1 - span;
        assert_int_equal(check_windows(&config, data), wants);
        assert_int_equal(data->rows, 630);
        assert_int_equal(data->count[PART_VALIDATION], 40 + 42 + 44 - 3 * (span - 1));
        assert_int_equal(fake_told("windows_dropped", "holes"), span - 1);
        assert_int_equal(fake_told("windows_dropped", "target"), 0);
        dataset_free(data);
    }
}

/* Windows of validation and test begin so early that their first target is the first row of their
 * part, but behind a hole not before that; training is left as it was. */
static void look_back_reaches_into_the_part_before(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.target_rows = TARGET_EACH;
    config.data.look_back = 1;
    config.data.source = sources("f0.csv");
    struct dataset *data =
        fake_load(&config); /* 140 40 20, windows of 10, targets in the 3 behind */
    assert_int_equal(data->count[PART_TRAIN], 140 - 12);
    assert_int_equal(data->count[PART_VALIDATION], 40 + 10 - 12);
    assert_int_equal(data->count[PART_TEST], 20 + 10 - 12);
    assert_int_equal(data->start[PART_VALIDATION][0], 130);
    assert_int_equal(data->start[PART_TEST][0], 170);
    dataset_free(data);

    files[0].hole_before = 135;
    write_file(0);
    config.data.gap = 60000;
    data = fake_load(&config);
    assert_int_equal(data->start[PART_VALIDATION][0], 135);
    assert_int_equal(data->start[PART_TEST][0], 170);
    dataset_free(data);
    files[0].hole_before = 140;
    write_file(0);
    data = fake_load(&config);
    assert_int_equal(data->start[PART_VALIDATION][0], 140);
    dataset_free(data);
}

/* roc(close,40) has no value in the first 40 rows of a run; features warm up in 4. */
static void windows_without_a_target_are_dropped(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.features = list_of("close ma(close,5)");
    config.data.targets = list_of("roc(close,40) extra");
    config.data.source = sources("f0.csv");
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->rows, 196);
    assert_int_equal(data->targets, 2);
    assert_string_equal(data->target_names[0], "roc(close,40)");
    /* The window's last row s + 9 of the dataset is file row s + 4 + 9, the first with a value 40:
     * what the target is when it is predicted is known, so that it can be a forecast. */
    assert_int_equal(data->start[PART_TRAIN][0], 27);
    assert_int_equal(fake_told("windows_dropped", "target"), 27);
    assert_true(data->target_feature[0] == -1 && data->target_feature[1] == -1);
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++) {
        size_t row = data->start[PART_TRAIN][i] + data->target_first;
        const double *x = files[0].close + 4 + row;
        assert_true(isfinite(data->raw_target[2 * (data->start[PART_TRAIN][i] + 9)]));
        assert_true(fabs(data->raw_target[2 * row] - (x[0] / x[-40] - 1)) < 1e-12);
        assert_true(data->target_base[2 * row] == x[0]);
        assert_true(data->raw_target[2 * row + 1] == files[0].extra[4 + row]);
    }
    dataset_free(data);
}

static void transforms_are_fitted_to_training_targets(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.targets = list_of("ret(close) extra");
    config.data.target_transform = list_of("signed_sqrt scale(-1,1)");
    struct dataset *data = fake_load(&config);
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++)
        for (int k = 0; k < 2; k++) {
            int f, at = file_row(data, data->start[PART_TRAIN][i] + 12, &f);
            double x = k ? files[f].extra[at] : files[f].close[at] / files[f].close[at - 1] - 1;
            double y = x < 0 ? -sqrt(-x) : sqrt(x);
            low[k] = fmin(low[k], y);
            high[k] = fmax(high[k], y);
        }
    for (int part = 0; part < PARTS; part++)
        for (size_t i = 0; i < data->count[part]; i++)
            for (size_t k = 0; k < 2; k++) {
                size_t cell = (data->start[part][i] + 12) * 2 + k;
                double x = data->raw_target[cell], y = x < 0 ? -sqrt(-x) : sqrt(x);
                double wants = -1 + 2 * (y - low[k]) / (high[k] - low[k]);
                assert_true(fabs(data->target[cell] - wants) < 1e-6);
                assert_true(part || (wants > -1 - 1e-9 && wants < 1 + 1e-9));
            }

    /* A checkpoint's are taken as they are. */
    const struct fitted fitted = {
        .scaler = data->scaler, .transform = data->transform, .targets = 2};
    config.data.source = sources("f3.csv");
    struct error err;
    struct dataset *other = dataset_load(&config, &fitted, NULL, &err);
    assert_non_null(other);
    assert_memory_equal(other->transform, data->transform, 2 * sizeof *data->transform);
    size_t cell = (other->start[PART_TEST][0] + 12) * 2 + 1;
    double x = other->raw_target[cell], y = x < 0 ? -sqrt(-x) : sqrt(x);
    assert_true(fabs(other->target[cell] - (-1 + 2 * (y - low[1]) / (high[1] - low[1]))) < 1e-5);
    dataset_free(other);
    const struct fitted one = {.scaler = data->scaler, .transform = data->transform, .targets = 1};
    assert_null(dataset_load(&config, &one, NULL, &err));
    assert_non_null(strstr(err.text, "transforms of 1 targets, data.targets makes 2"));
    dataset_free(data);
}

static void a_transform_that_is_undefined(void **state)
{
    (void)state;
    make_files(200);
    for (int i = 0; i < 220; i++)
        files[0].extra[i] = files[1].extra[i] = files[2].extra[i] = 1 + random_unit();
    for (int f = 0; f < 3; f++) {
        files[f].extra[11] = -1; /* the first target is in row 12 */
        write_file(f);
    }
    struct config config = make_config();
    config.data.targets = list_of("extra");
    config.data.target_transform = list_of("log");
    dataset_free(fake_load(&config));
    files[1].extra[12] = -2;
    write_file(1);
    fake_expect_fault(&config, STATUS_INPUT, "f1.csv:14: target 'extra': ");
    files[1].extra[12] = 2;
    files[1].extra[205] = -2; /* in the test part, which nothing is fitted to */
    write_file(1);
    fake_expect_fault(&config, STATUS_INPUT,
                      "f1.csv:207: target 'extra': -2 has no value under data.target_transform");
    config.data.target_transform = list_of("lgo");
    fake_expect_fault(&config, STATUS_USAGE, "[data] target_transform: 'lgo'");
    config.data.targets = list_of("ret(close");
    fake_expect_fault(&config, STATUS_USAGE, "[data] targets: 'ret(close': ')' is missing");
}

static void a_target_that_is_a_feature_shares_its_scale(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.scaler = (struct method){.kind = SCALER_STANDARD, .high = 1};
    config.data.targets = list_of("extra close");
    config.data.target_transform = list_of("standard");
    config.data.target_rows = TARGET_EACH;
    struct dataset *data = fake_load(&config);
    assert_true(data->target_feature[0] == 1 && data->target_feature[1] == 0);
    for (size_t row = 0; row < data->rows; row++) {
        assert_true(fabsf(data->target[2 * row] - data->series[2 * row + 1]) < 1e-5f);
        assert_true(fabsf(data->target[2 * row + 1] - data->series[2 * row]) < 1e-5f);
    }
    dataset_free(data);
}

/* The mean of a target over the rows that training windows of a channel have targets in. */
static double training_mean(const struct dataset *data, size_t channel, size_t k)
{
    char *is = calloc(data->rows, 1);
    double sum = 0, count = 0;
    assert_non_null(is);
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++)
        memset(is + data->start[PART_TRAIN][i] + data->target_first, 1, data->target_rows);
    for (size_t row = 0; row < data->rows; row++) {
        if (!is[row] || data->file[dataset_series(data, row)].channel != channel)
            continue;
        sum += data->raw_target[row * data->targets + k];
        count++;
    }
    free(is);
    return sum / count;
}

static void near(double have, double want)
{
    if (!(fabs(have - want) <= 1e-9 * (1 + fabs(want))))
        fail_msg("%.17g instead of %.17g", have, want);
}

/* The scale is shared where feature and target are one quantity, standardised alone, and nowhere
 * else. */
static void which_targets_share_a_scale(void **state)
{
    (void)state;
    static const struct {
        const char *transform;
        int scaler, target_source, shared;
    } cases[] = {
        {"standard", SCALER_STANDARD, 0, 1},
        {"standard", SCALER_STANDARD, 1, 0},
        {"standard", SCALER_MINMAX, 0, 0},
        {"standard", SCALER_NONE, 0, 0},
        {"scale(0,1)", SCALER_STANDARD, 0, 0},
        {"clip(0,1) standard", SCALER_STANDARD, 0, 0},
        {"standard clip(0,1)", SCALER_STANDARD, 0, 0},
    };
    make_files(200);
    files[3].count = 200;
    write_file(3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config = make_config();
        config.data.source = sources("f0.csv");
        if (cases[i].target_source)
            config.data.target_source = sources("f3.csv");
        config.data.scaler = (struct method){.kind = cases[i].scaler, .high = 1};
        config.data.targets = list_of("extra close");
        config.data.target_transform = list_of(cases[i].transform);
        struct dataset *data = fake_load(&config);
        for (size_t k = 0; k < 2; k++) {
            const struct transform_step *step = data->transform[k].step;
            int same = step->offset == data->scaler.offset[1 - k] &&
                       step->scale == data->scaler.scale[1 - k];
            if (same != cases[i].shared)
                fail_msg("%s, scaler %d: %sshared", cases[i].transform, cases[i].scaler,
                         same ? "" : "not ");
            if (!same && !strcmp(cases[i].transform, "standard"))
                near(step->offset, training_mean(data, 0, k));
        }
        dataset_free(data);
    }
}

/* Each channel's transform is fitted to its own rows: from the first row of a file on, where the
 * file before is of another channel, to its last. */
static void channels_have_their_own_transforms(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.channels = CHANNELS_APART;
    config.data.targets = list_of("channel");
    config.data.target_transform = list_of("standard");
    config.data.target_rows = TARGET_WINDOW;
    struct dataset *data = fake_load(&config);
    assert_true(data->files == 6 && data->start[PART_TRAIN][0] == 0);
    for (size_t c = 0; c < 2; c++)
        near(data->transform[c].step[0].offset, training_mean(data, c, 0));
    for (size_t row = 0; row < data->rows; row++) {
        const struct transform_step *step =
            data->transform[data->file[dataset_series(data, row)].channel].step;
        near(data->target[row],
             (double)(float)((data->raw_target[row] - step->offset) / step->scale));
    }
    dataset_free(data);

    /* permuted, values stay in their channel, and each channel is dealt in its own way */
    config.data.source = sources("f0.csv");
    struct dataset *plain = fake_load(&config);
    config.data.permute_targets = 1;
    data = fake_load(&config);
    size_t from[2][MOST], n = plain->file[0].end, same = 0;
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < 140; i++) {
            size_t k = 0;
            while (k < 140 && plain->raw_target[c * n + k] != data->raw_target[c * n + i])
                k++;
            assert_true(k < 140);
            from[c][i] = k;
        }
    for (size_t i = 0; i < 140; i++)
        same += from[0][i] == from[1][i];
    assert_true(same < 20);
    dataset_free(data);
    dataset_free(plain);
}

/* Another seed deals in another way; what is only predicted is left as it is. */
static void permutations_depend_on_the_seed(void **state)
{
    (void)state;
    make_files(300);
    struct config config = make_config();
    struct dataset *data[3];
    char path[128];
    struct error err;
    config.data.permute_targets = 1;
    for (int i = 0; i < 3; i++) {
        config.run.seed = i < 2 ? 7 : 8;
        data[i] = fake_load(&config);
    }
    size_t bytes = data[0]->rows * sizeof(double);
    assert_memory_equal(data[0]->raw_target, data[1]->raw_target, bytes);
    assert_memory_not_equal(data[0]->raw_target, data[2]->raw_target, bytes);
    for (int i = 0; i < 3; i++)
        dataset_free(data[i]);
    snprintf(path, sizeof path, "%s/f0.csv", folder);
    struct dataset *whole = dataset_load_all(&config, path, NULL, NULL, &err);
    assert_non_null(whole);
    for (size_t i = 0; i < 300; i++)
        assert_true(whole->raw_target[i] == files[0].close[i]);
    dataset_free(whole);
}

/* Targets that a loss or single precision cannot take, in each part; a prediction takes any. */
static void targets_that_cannot_be_learnt(void **state)
{
    (void)state;
    static const struct {
        int loss;
        double value;
        const char *wants; /* NULL: it is taken */
    } cases[] = {
        {LOSS_BCE, 0, NULL},
        {LOSS_BCE, 1, NULL},
        {LOSS_BCE, 1 + 2e-7, "1 lies outside 0..1 when transformed, which loss.target = bce needs"},
        {LOSS_BCE, -1e-30, "-1e-30 lies outside 0..1 when transformed"},
        {LOSS_MSE, -7, NULL},
        {LOSS_MSE, 3.4e38, NULL},
        {LOSS_MSE, 3.5e38, "3.5e+38 is too large for single precision when transformed"},
        {LOSS_MSE, -1e300, "-1e+300 is too large for single precision when transformed"},
    };
    static const int rows[] = {12, 139, 152, 179, 192, 199}; /* the ends of each part's targets */
    struct config config = make_config();
    struct error err;
    char path[128], wants[160];
    snprintf(path, sizeof path, "%s/f0.csv", folder);
    config.data.source = sources("f0.csv");
    config.data.features = list_of("close");
    config.data.targets = list_of("extra");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int r = 0; r < 6; r++) {
            make_files(200);
            for (int row = 0; row < 200; row++)
                files[0].extra[row] = row % 2 ? 0.25 : 0.75;
            files[0].extra[rows[r]] = cases[i].value;
            write_file(0);
            config.loss.target = cases[i].loss;
            if (cases[i].wants) {
                snprintf(wants, sizeof wants, "f0.csv:%d: target 'extra': ", rows[r] + 2);
                fake_expect_fault(&config, STATUS_INPUT, wants);
                fake_expect_fault(&config, STATUS_INPUT, cases[i].wants);
                struct dataset *whole = dataset_load_all(&config, path, NULL, NULL, &err);
                assert_non_null(whole);
                dataset_free(whole);
            } else
                dataset_free(fake_load(&config));
        }
}

/* --- no leak */

/* Marks the file rows that a part's windows see: theirs, their targets' and what those look back
 * to, at most `back` rows in the same piece. */
static void mark(const struct dataset *data, enum part part, int back, char seen[FILES][MOST])
{
    memset(seen, 0, FILES * MOST);
    for (size_t i = 0; i < data->count[part]; i++) {
        int f, at = file_row(data, data->start[part][i], &f);
        size_t reach = data->target_first + data->target_rows;
        for (int row = at - back; row < at + (int)(reach > 10 ? reach : 10); row++)
            if (row >= 0)
                seen[f][row] = 1;
    }
}

/* What a part's windows are made of; the caller frees. */
static float *contents(const struct dataset *data, enum part part, size_t *count)
{
    size_t each = 10 * data->features + data->target_rows * data->targets, at = 0;
    float *to = malloc((data->count[part] * each + 1) * sizeof *to);
    for (size_t i = 0; i < data->count[part]; i++) {
        size_t start = data->start[part][i], n = 10 * data->features;
        memcpy(to + at, data->series + start * data->features, n * sizeof *to);
        at += n;
        n = data->target_rows * data->targets;
        memcpy(to + at, data->target + (start + data->target_first) * data->targets,
               n * sizeof *to);
        at += n;
    }
    *count = at;
    return to;
}

/*
 * Nothing that a part does not see can change it: with every other row of the files replaced, its
 * windows hold the same bits. obv and ema remember all of their past. In a chronological split a
 * later part may look back at an earlier one, so that there it holds for training.
 */
static void no_part_knows_of_another(void **state)
{
    (void)state;
    static const int kinds[] = {SPLIT_CHRONOLOGICAL, SPLIT_SHUFFLED, SPLIT_STRATIFIED,
                                SPLIT_SHUFFLED, SPLIT_STRATIFIED};
    for (int round = 0; round < 15; round++) {
        struct config config = make_config();
        int kind = round % 5;
        make_files(400);
        files[1].hole_before = 133;
        write_file(1);
        config.data.gap = 60000;
        config.data.source = sources("f0.csv f1.csv f2.csv f3.csv");
        config.run.seed = round;
        config.data.split = kinds[kind];
        config.data.split_unit = kind > 2 ? SPLIT_SERIES : SPLIT_BLOCK;
        config.data.split_block = 41;
        config.data.validation = 0.3;
        config.data.test = 0.3;
        config.data.target_rows = round / 5;
        config.data.features = list_of("ma(close,6) ema(close,3) obv(close,extra)");
        config.data.targets = list_of("roc(close,4) ema(close,2)");
        struct dataset *data = fake_load(&config);
        static char seen[PARTS][FILES][MOST];
        for (int part = 0; part < PARTS; part++)
            mark(data, (enum part)part, 5, seen[part]);
        for (int part = 0; part < (kind ? PARTS : 1); part++) {
            struct rows before[FILES];
            size_t n, m;
            float *was = contents(data, (enum part)part, &n);
            memcpy(before, files, sizeof files);
            assert_true(n > 0);
            for (int f = 0; f < FILES; f++) {
                for (int i = 0; i < files[f].count; i++) {
                    assert_true(!seen[part][f][i] || !kind || !seen[(part + 1) % PARTS][f][i]);
                    if (!seen[part][f][i])
                        files[f].close[i] = 5000 * random_unit();
                }
                write_file(f);
            }
            struct dataset *other = fake_load(&config);
            assert_int_equal(other->count[part], data->count[part]);
            float *is = contents(other, (enum part)part, &m);
            assert_int_equal(n, m);
            assert_memory_equal(was, is, n * sizeof *was);
            free(was);
            free(is);
            dataset_free(other);
            memcpy(files, before, sizeof files);
        }
        dataset_free(data);
    }
}

/* Blocks of high and low figures: stratified, each part has as much of both. */
static void stratified_parts_are_alike(void **state)
{
    (void)state;
    make_files(1000);
    for (int f = 0; f < 3; f++) {
        for (int i = 0; i < files[f].count; i++)
            files[f].extra[i] = (i / 50) % 10 < 3 ? 100 + random_unit() : random_unit();
        write_file(f);
    }
    struct config config = make_config();
    config.data.split = SPLIT_STRATIFIED;
    config.data.split_block = 25;
    config.data.strata = 10;
    config.data.test = 0.2;
    for (int seed = 0; seed < 10; seed++) {
        config.run.seed = seed;
        struct dataset *data = fake_load(&config);
        for (int part = 0; part < PARTS; part++) {
            size_t high = 0;
            for (size_t i = 0; i < data->count[part]; i++)
                high += data->series[2 * data->start[part][i] + 1] > 50;
            double share = (double)high / (double)data->count[part];
            assert_true(share > 0.19 && share < 0.42);
        }
        assert_int_equal(fake_told("split_blocks", NULL), 40 + 41 + 41);
        dataset_free(data);
    }
}

static void parts_of_their_own_files(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.source = sources("f0.csv f3.csv");
    config.data.validation_source = sources("f1.csv");
    config.data.test_source = sources("f2.csv");
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->count[PART_TRAIN], 200 - 12 + 230 - 12);
    assert_int_equal(data->count[PART_VALIDATION], 210 - 12);
    assert_int_equal(data->count[PART_TEST], 220 - 12);
    check_windows(&config, data);
    for (size_t i = 0; i < data->count[PART_TEST]; i++)
        assert_string_equal(data->file[dataset_series(data, data->start[PART_TEST][i])].name,
                            "f2.csv");
    dataset_free(data);
    config.data.test_source = (struct list){0}; /* its share comes from source */
    data = fake_load(&config);
    assert_int_equal(data->count[PART_TEST], 20 - 12 + 23 - 12);
    assert_int_equal(data->count[PART_TRAIN], 180 - 12 + 207 - 12);
    dataset_free(data);
    config.data.test_source = sources("f1.csv");
    fake_expect_fault(&config, STATUS_USAGE, "f1.csv: this file is named twice");
}

static void targets_in_files_of_their_own(void **state)
{
    (void)state;
    make_files(200);
    files[3].count = 200;
    write_file(3);
    struct config config = make_config();
    config.data.source = sources("f0.csv");
    config.data.target_source = sources("f3.csv");
    config.data.target_rows = TARGET_WINDOW;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->count[PART_TRAIN], 140 - 9);
    for (int i = 0; i < 200; i++) {
        assert_true(data->series[2 * i] == (float)files[0].close[i]);
        assert_true(data->target[i] == (float)files[3].close[i]);
    }
    dataset_free(data);
    files[3].count = 199;
    write_file(3);
    fake_expect_fault(&config, STATUS_INPUT, "f3.csv: 199 rows, but ");
    config.data.source = sources("f0.csv f1.csv");
    fake_expect_fault(&config, STATUS_USAGE, "[data] target_source: 1 files beside 2 of source");
    config.data.source = sources("f0.csv");
    config.data.validation_source = sources("f1.csv");
    fake_expect_fault(&config, STATUS_USAGE, "f1.csv: no file with targets is named beside it");
}

/* --- what selects windows */

static void jumps_part_windows(void **state)
{
    (void)state;
    make_files(200);
    for (int i = 0; i < 200; i++)
        files[0].close[i] = (i < 80 ? 100 : 50) + random_unit();
    files[0].close[30] = 0;
    files[0].close[120] = 80; /* up by 60 %, down by 37 % */
    write_file(0);
    struct config config = make_config();
    config.data.source = sources("f0.csv");
    config.data.jump = 0.43;
    config.data.validation = config.data.test = 0;
    config.data.features = list_of("close ret(close)");
    struct dataset *data = fake_load(&config);
    /* [0,30) [31,80) [80,120) [120,200), each without its first row */
    assert_int_equal(data->rows, 29 + 48 + 39 + 79);
    assert_int_equal(data->count[PART_TRAIN], 29 + 48 + 39 + 79 - 4 * 12);
    check_windows(&config, data);
    for (size_t row = 0; row < data->rows; row++)
        assert_true(fabsf(data->series[2 * row + 1]) < 0.43f);
    assert_int_equal(fake_told("jumps", NULL), 2);
    assert_int_equal(fake_told("prices_not_above_0", NULL), 1);
    assert_int_equal(fake_told("windows_dropped", "jumps"),
                     199 - 12 - (29 + 48 + 39 + 79 - 4 * 12));
    assert_int_equal(fake_told("warmup_rows", NULL), 4);
    dataset_free(data);
    config.data.jump = 0.7;
    data = fake_load(&config);
    assert_int_equal(fake_told("jumps", NULL), 0);
    dataset_free(data);
    config.data.jump = 0;
    fake_expect_fault(&config, STATUS_INPUT, "f0.csv:33: feature 'ret(close)' has no finite value");
}

static void where_looks_at_the_last_row(void **state)
{
    (void)state;
    static char where[] = "extra > 0.5 and not close < ma(close,30)";
    make_files(300);
    struct config config = make_config(), all = make_config();
    config.data.where = where;
    struct dataset *data = fake_load(&config), *whole = fake_load(&all);
    size_t dropped = (size_t)fake_told("windows_dropped", "where"), wants = 0;
    assert_int_equal(dropped, 0); /* of the last load, without one */
    for (int part = 0; part < PARTS; part++) {
        size_t at = 0;
        for (size_t i = 0; i < whole->count[part]; i++) {
            int f, last = file_row(whole, whole->start[part][i] + 9, &f);
            double mean = 0;
            for (int k = 0; k < 30 && last >= 29; k++)
                mean += files[f].close[last - k] / 30;
            int fulfilled =
                last >= 29 && files[f].extra[last] > 0.5 && files[f].close[last] >= mean;
            assert_int_equal(at < data->count[part] &&
                                 data->start[part][at] == whole->start[part][i],
                             fulfilled);
            at += (size_t)fulfilled;
            wants += !fulfilled;
        }
        assert_int_equal(at, data->count[part]);
    }
    dataset_free(data);
    dataset_free(whole);
    dataset_free(fake_load(&config));
    assert_int_equal(fake_told("windows_dropped", "where"), wants);
}

/* Behind a column that targets alone are made of. */
static void where_looks_at_a_column_of_its_own(void **state)
{
    (void)state;
    static char where[] = "mark == 1";
    static char rows[1 << 12];
    struct config config = make_config();
    size_t used = (size_t)sprintf(rows, "close,label,mark\n"), wants = 0;
    for (int i = 0; i < 200; i++)
        used += (size_t)sprintf(rows + used, "%d,%d,%d\n", i % 13, i % 5 ? 0 : 1, i % 3 ? 0 : 1);
    const char *path = fake_file(rows, used, ".csv");
    config.data.source = list_of(path);
    config.data.time.count = 0;
    config.data.features = list_of("close");
    config.data.targets = list_of("label");
    config.data.where = where;
    struct dataset *data = fake_load(&config);
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++) {
        assert_int_equal((data->start[PART_TRAIN][i] + 9) % 3, 0);
        wants++;
    }
    assert_true(wants > 40);
    dataset_free(data);
    unlink(path);
}

static void long_windows_of_validation_and_test(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    config.data.target_rows = TARGET_WINDOW;
    config.data.eval_window = 15;
    config.data.test = 0.2;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->eval_window, 15);
    assert_int_equal(data->count[PART_TRAIN], 120 + 126 + 132 - 3 * 9);
    assert_int_equal(data->count[PART_VALIDATION], 2 + 2 + 2); /* of 40, 42 and 44 */
    assert_int_equal(data->count[PART_TEST], 6);
    static const uint32_t wants[] = {120, 135, 326, 341, 542, 557};
    assert_memory_equal(data->start[PART_VALIDATION], wants, sizeof wants);
    assert_int_equal(fake_told("eval_rows_left_out", NULL), 2 * (10 + 12 + 14));
    /* those of the training part, 120, 126 and 132 rows, follow each other just so */
    size_t count;
    const uint32_t *start = dataset_windows(data, PART_TRAIN, &count);
    assert_int_equal(count, 8 + 8 + 8);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(start[i], (i < 8 ? 0 : i < 16 ? 200 : 410) + i % 8 * 15);
    start = dataset_windows(data, PART_TEST, &count);
    assert_true(start == data->start[PART_TEST] && count == 6);
    dataset_free(data);
}

/* --- balance and permutation */

/* A window goes on where the one before ended if no file, part or hole lies between them. */
static void windows_that_go_on(void **state)
{
    (void)state;
    make_files(200);
    files[0].hole_before = 30; /* where a window ends */
    files[1].hole_before = 55; /* amid one */
    write_file(0);
    write_file(1);
    struct config config = make_config();
    config.data.target_rows = TARGET_WINDOW;
    config.data.eval_window = 10;
    config.data.gap = 60000;
    struct dataset *data = fake_load(&config);
    size_t going = 0, all = 0;
    for (enum part part = 0; part < PARTS; part++) {
        size_t count;
        const uint32_t *start = dataset_windows(data, part, &count);
        for (size_t i = 1; i < count; i++, all++) {
            int64_t minutes = (data->time[start[i]] - data->time[start[i] - 1]) / 60000;
            int wants = start[i] == start[i - 1] + 10 && minutes == 1;
            for (size_t f = 0; f < data->files; f++)
                wants &= start[i] != data->file[f].begin;
            assert_int_equal(dataset_goes_on(data, start[i - 1], start[i]), wants);
            going += (size_t)wants;
        }
    }
    assert_true(going == 38 + 9 + 3 && all == 42 + 11 + 5);
    /* f0: 140 40 20 rows: its parts begin where the one before has its last window */
    const uint32_t *train = dataset_windows(data, PART_TRAIN, &all);
    assert_int_equal(train[13], 130);
    assert_int_equal(data->start[PART_VALIDATION][0], 140);
    assert_false(dataset_goes_on(data, 130, 140));
    assert_false(dataset_goes_on(data, 20, 30));
    assert_true(dataset_goes_on(data, 30, 40));
    dataset_free(data);
}

/* Each file's rows and windows are told. */
static void series_are_told(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config();
    struct dataset *data = fake_load(&config);
    const json_t *list = json_object_get(fake_event, "series");
    static const char *const keys[PARTS] = {"training", "validation", "test"};
    static const int rows[3][PARTS] = {{140, 40, 20}, {147, 42, 21}, {154, 44, 22}};
    assert_int_equal(json_array_size(list), 3);
    for (size_t f = 0; f < 3; f++) {
        const json_t *told = json_array_get(list, f);
        assert_string_equal(json_string_value(json_object_get(told, "name")), data->file[f].name);
        assert_int_equal(json_integer_value(json_object_get(told, "rows")), 200 + 10 * f);
        for (int part = 0; part < PARTS; part++)
            assert_int_equal(json_integer_value(json_object_get(told, keys[part])),
                             rows[f][part] - 12);
    }
    assert_non_null(strstr(fake_said, "f1.csv: 210 rows; 135 training, 30 validation, 9 test\n"));
    assert_non_null(strstr(fake_said, "data: 0 windows dropped for want of a target\n"));
    assert_int_equal(fake_told("files", NULL), 3);
    assert_int_equal(fake_told("files_left_out", NULL), 0);
    assert_int_equal(fake_told("rows", NULL), 200 + 210 + 220);
    assert_int_equal(fake_told("columns", NULL), 2);
    assert_int_equal(fake_told("step_ms", NULL), 60000);
    const char *first = json_string_value(json_object_get(fake_event, "time_first"));
    const char *last = json_string_value(json_object_get(fake_event, "time_last"));
    assert_string_equal(first, "2021-05-03T00:00:00Z");
    assert_string_equal(last, "2021-05-03T03:39:00Z"); /* of the longest file */
    dataset_free(data);

    /* nothing of targets where every window is wanted */
    struct error err;
    char path[128];
    snprintf(path, sizeof path, "%s/f0.csv", folder);
    fake_forget();
    data = dataset_load_all(&config, path, NULL, NULL, &err);
    assert_non_null(data);
    assert_null(strstr(fake_said, "for want of a target"));
    dataset_free(data);
}

static void balanced_windows(void **state)
{
    (void)state;
    make_files(1500);
    for (int f = 0; f < 3; f++) {
        for (int i = 0; i < files[f].count; i++)
            files[f].extra[i] = random_unit() * random_unit() * random_unit();
        write_file(f);
    }
    struct config config = make_config();
    config.data.targets = list_of("extra");
    config.data.balance_bins = 10;
    struct dataset *plain = fake_load(&config);
    size_t n = plain->count[PART_TRAIN], count[10] = {0}, sorted[10], at = 0;
    double *x = malloc(n * sizeof *x), low = 1, high = 0;
    /* Percentiles by counting: the outer bins hold what is beyond. */
    for (size_t i = 0; i < n; i++)
        x[i] = plain->target[plain->start[PART_TRAIN][i] + 12];
    for (size_t i = 0; i < n; i++) {
        size_t less = 0;
        for (size_t k = 0; k < n; k++)
            less += x[k] < x[i];
        if (less == (n - 1) / 100)
            low = x[i];
        if (less == n - 1 - (n - 1) / 100)
            high = x[i];
    }
    for (size_t i = 0; i < n; i++) {
        int bin = (int)floor((x[i] - low) / ((high - low) / 10));
        count[bin < 0 ? 0 : bin > 9 ? 9 : bin]++;
    }
    memcpy(sorted, count, sizeof count);
    for (int i = 0; i < 10; i++)
        for (int k = i + 1; k < 10; k++)
            if (sorted[k] < sorted[i]) {
                size_t swap = sorted[i];
                sorted[i] = sorted[k];
                sorted[k] = swap;
            }
    size_t median = sorted[5], wants = 0;
    for (int i = 0; i < 10; i++)
        wants += count[i] < median ? count[i] : median;
    assert_true(count[0] > 3 * count[9]);

    config.data.balance = BALANCE_SELECT;
    struct dataset *data = fake_load(&config), *again = fake_load(&config);
    size_t left[10] = {0};
    assert_int_equal(data->count[PART_TRAIN], wants);
    assert_null(data->weight);
    assert_memory_equal(data->start[PART_TRAIN], again->start[PART_TRAIN], wants * 4);
    assert_int_equal(data->count[PART_TEST], plain->count[PART_TEST]);
    for (size_t i = 0; i < wants; i++) {
        while (plain->start[PART_TRAIN][at] != data->start[PART_TRAIN][i])
            at++;
        int bin = (int)floor((x[at] - low) / ((high - low) / 10));
        left[bin < 0 ? 0 : bin > 9 ? 9 : bin]++;
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(left[i], count[i] < median ? count[i] : median);
    assert_int_equal(fake_told("balance", "windows"), wants);
    dataset_free(again);
    dataset_free(data);

    config.data.balance = BALANCE_WEIGHT;
    data = fake_load(&config);
    double sum = 0, of_bin[10] = {0};
    assert_int_equal(data->count[PART_TRAIN], n);
    for (size_t i = 0; i < n; i++) {
        int bin = (int)floor((x[i] - low) / ((high - low) / 10));
        double weight = data->weight[data->start[PART_TRAIN][i]];
        sum += weight;
        of_bin[bin < 0 ? 0 : bin > 9 ? 9 : bin] += weight;
    }
    assert_true(fabs(sum / (double)n - 1) < 1e-5);
    for (int i = 0; i < 10; i++)
        assert_true(fabs(of_bin[i] - (double)n / 10) < 0.01);
    for (size_t i = 0; i < data->count[PART_TEST]; i++)
        assert_true(data->weight[data->start[PART_TEST][i]] == 1);
    dataset_free(data);
    dataset_free(plain);
    free(x);
    config.data.targets = (struct list){0};
    fake_expect_fault(&config, STATUS_USAGE, "[data] balance: there is no target");
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void permuted_targets(void **state)
{
    (void)state;
    make_files(300);
    struct config config = make_config();
    config.data.targets = list_of("close extra");
    config.data.target_transform = list_of("standard");
    struct dataset *plain = fake_load(&config);
    config.data.permute_targets = 1;
    struct dataset *data = fake_load(&config);
    size_t n = data->count[PART_TRAIN], same = 0;
    double *was = malloc(n * sizeof *was), *is = malloc(n * sizeof *is);
    assert_int_equal(n, plain->count[PART_TRAIN]);
    for (size_t i = 0; i < n; i++) {
        size_t row = data->start[PART_TRAIN][i] + 12;
        was[i] = plain->raw_target[2 * row];
        is[i] = data->raw_target[2 * row];
        same += was[i] == is[i];
    }
    assert_true(same < n / 20);
    /* Both targets of a row stay together, and training sees what is told. */
    for (size_t i = 0; i < n; i++) {
        size_t row = data->start[PART_TRAIN][i] + 12, k = 0;
        while (was[k] != is[i])
            k++;
        size_t from = data->start[PART_TRAIN][k] + 12;
        assert_true(data->raw_target[2 * row + 1] == plain->raw_target[2 * from + 1]);
        assert_true(data->target[2 * row + 1] == plain->target[2 * from + 1]);
    }
    qsort(was, n, sizeof *was, compare);
    qsort(is, n, sizeof *is, compare);
    assert_memory_equal(was, is, n * sizeof *was);
    for (int part = PART_VALIDATION; part < PARTS; part++)
        for (size_t i = 0; i < data->count[part]; i++) {
            size_t row = data->start[part][i] + 12;
            assert_memory_equal(data->target + 2 * row, plain->target + 2 * row, 8);
        }
    assert_memory_equal(data->series, plain->series, data->rows * 8);
    free(was);
    free(is);
    dataset_free(data);
    dataset_free(plain);
}

/* --- channels apart */

static void channels_apart(void **state)
{
    (void)state;
    make_files(200);
    struct config config = make_config(), one = make_config();
    config.data.channels = CHANNELS_APART;
    config.data.scaler = one.data.scaler = (struct method){.kind = SCALER_STANDARD, .high = 1};
    config.data.features = list_of("close ma(extra,4)");
    config.data.targets = list_of("channel");
    config.data.target_transform = one.data.target_transform = list_of("standard");
    struct dataset *data = fake_load(&config);
    assert_true(data->features == 1 && data->targets == 1 && data->channels == 2);
    assert_int_equal(data->files, 6);
    assert_string_equal(data->file[3].name, "f1.csv: ma(extra,4)");
    assert_string_equal(data->names[0], "channel");
    assert_int_equal(data->target_feature[0], 0);
    assert_int_equal(data->scaler.features, 2);
    size_t windows = 0;
    for (size_t c = 0; c < 2; c++) {
        /* The same as the only feature of a dataset; close warms up no longer than its neighbour.
         */
        one.data.features = list_of(c ? "ma(extra,4)" : "close");
        one.data.targets = list_of(c ? "ma(extra,4)" : "close");
        struct dataset *alone = fake_load(&one);
        size_t skip = c ? 0 : 3;
        windows += data->count[PART_TRAIN] / 2;
        if (c) {
            assert_true(data->scaler.offset[c] == alone->scaler.offset[0]);
            assert_true(data->scaler.scale[c] == alone->scaler.scale[0]);
            assert_int_equal(data->count[PART_TRAIN], 2 * alone->count[PART_TRAIN]);
        }
        for (size_t f = 0; f < 3; f++) {
            const struct series *mine = &data->file[2 * f + c], *its = &alone->file[f];
            assert_int_equal(mine->channel, c);
            assert_int_equal(mine->end - mine->begin + skip, its->end - its->begin);
            for (size_t row = 0; row < mine->end - mine->begin; row++) {
                size_t a = mine->begin + row, b = its->begin + row + skip;
                assert_int_equal(data->time[a], alone->time[b]);
                assert_true(data->raw_target[a] == alone->raw_target[b]);
                assert_true(!c || (data->series[a] == alone->series[b] &&
                                   data->target[a] == alone->target[b]));
                assert_true(fabsf(data->target[a] - data->series[a]) < 1e-5f);
            }
        }
        dataset_free(alone);
    }
    assert_int_equal(windows, data->count[PART_TRAIN]);
    dataset_free(data);
    config.data.targets = list_of("close");
    fake_expect_fault(&config, STATUS_USAGE, "with channels = apart, targets = channel");
}

/* --- predictions */

static void predictions_reach_beyond_the_end(void **state)
{
    (void)state;
    make_files(100);
    files[0].hole_before = 60;
    write_file(0);
    char path[128];
    struct error err;
    snprintf(path, sizeof path, "%s/f0.csv", folder);
    for (int rows = TARGET_HORIZON; rows <= TARGET_WINDOW; rows++) {
        struct config config = make_config();
        config.data.gap = 60000;
        config.data.target_rows = rows;
        config.data.horizon = 25; /* longer than the window */
        fake_forget();
        struct dataset *data = dataset_load_all(&config, path, NULL, NULL, &err);
        if (!data)
            fail_msg("%s", err.text);
        assert_int_equal(data->count[PART_TEST], 60 - 9 + 40 - 9);
        for (size_t i = 0; i < data->count[PART_TEST]; i++) {
            size_t start = data->start[PART_TEST][i];
            int f, at = file_row(data, start, &f), end = at < 60 ? 60 : 100;
            assert_true(at + 10 <= end);
            for (size_t r = 0; r < data->target_rows; r++) {
                size_t row = start + data->target_first + r;
                int there = at + (int)(data->target_first + r);
                assert_true(row < data->rows);
                assert_int_equal(data->time[row] - data->time[start],
                                 (int64_t)(data->target_first + r) * 60000);
                if (there < end)
                    assert_true(data->target[row] == (float)files[0].close[there]);
                else
                    assert_true(isnan(data->target[row]) && isnan(data->raw_target[row]));
            }
        }
        dataset_free(data);
    }
    /* All files, and one without its targets' file. */
    struct config config = make_config();
    struct dataset *data = dataset_load_all(&config, NULL, NULL, NULL, &err);
    assert_int_equal(data->count[PART_TEST], 100 - 9 + 110 - 9 + 120 - 9);
    dataset_free(data);
    config.data.target_source = sources("f0.csv f1.csv f2.csv");
    config.data.target_rows = TARGET_WINDOW;
    data = dataset_load_all(&config, path, NULL, NULL, &err);
    assert_non_null(data);
    assert_true(isnan(data->target[50]) && data->series[100] == (float)files[0].close[50]);
    dataset_free(data);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char path[128];
    for (int f = 0; f < FILES; f++) {
        snprintf(path, sizeof path, "%s/f%d.csv", folder, f);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/list.csv", folder);
    unlink(path);
    fake_forget();
    return rmdir(folder);
}

/* Candles that cannot be, values that stand for none: counted and told with their first line. */
static void what_is_hardly_right(void **state)
{
    (void)state;
    static char text[1 << 16];
    static const struct {
        int row;
        const char *candle, *wants; /* open,high,low,close,wind */
    } cases[] = {
        {0, "10,11,9,10,3", ""},
        {20, "10,9,11,10,3",
         "candles.csv:22: the high is below the low in 2 rows, first here; data.where"},
        {30, "10,11,9,12,3",
         "candles.csv:32: the close lies outside of low to high in 2 rows, first"},
        {40, "0,0,0,10,3",
         "candles.csv:42: open, high or low is 0 (a halt?) in 2 rows, first here; "
         "data.jump = 0.5 with data.jump_column"},
        {50, "10,11,9,10,-9999",
         "candles.csv:52: column 'wind' is -9999 in 2 rows, first here; if"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int used = sprintf(text, "time,open,high,low,close,wind\n");
        for (int i = 0; i < 300; i++)
            used += sprintf(text + used, "%d,%s\n", 1600000000 + 60 * i,
                            i == cases[c].row || i == 200 ? cases[c].candle
                            : i % 2                       ? "10,11,9,10.5,4"
                                                          : "10,11,9,9.5,2");
        write_text("candles.csv", text);
        struct config config = make_config();
        config.data.source = sources("candles.csv");
        config.data.features = list_of("open high low close wind");
        dataset_free(fake_load(&config));
        if (!strstr(fake_warned, cases[c].wants) || (!c && *fake_warned))
            fail_msg("'%s' is not in '%s'", cases[c].wants, fake_warned);
    }
    struct config config = make_config(); /* the last of them, with what its message names */
    config.data.source = sources("candles.csv");
    config.data.features = list_of("open high low close wind");
    config.data.missing_values = list_of("-9999");
    config.data.missing = MISSING_SKIP;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->rows, 298);
    assert_string_equal(fake_warned, "");
    dataset_free(data);
    int used = sprintf(text, "time,close\n"); /* a price that does not move */
    for (int i = 0; i < 300; i++)
        used += sprintf(text + used, "%d,%d\n", 1600000000 + 60 * i, i > 50 && i < 151 ? 7 : i);
    write_text("candles.csv", text);
    config = make_config();
    config.data.source = sources("candles.csv");
    config.data.features = list_of("close");
    dataset_free(fake_load(&config));
    assert_non_null(
        strstr(fake_warned, "candles.csv:53: the price is the same in 100 rows from here"));
    assert_int_equal(system("rm series-test-*/candles.csv"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_in_lists_folders_and_globs),
        cmocka_unit_test(a_manifest_names_series_and_columns),
        cmocka_unit_test(short_series),
        cmocka_unit_test(columns_that_differ),
        cmocka_unit_test(the_first_rows_of_each_file),
        cmocka_unit_test(targets_lie_where_target_rows_says),
        cmocka_unit_test(look_back_reaches_into_the_part_before),
        cmocka_unit_test(windows_without_a_target_are_dropped),
        cmocka_unit_test(transforms_are_fitted_to_training_targets),
        cmocka_unit_test(a_transform_that_is_undefined),
        cmocka_unit_test(a_target_that_is_a_feature_shares_its_scale),
        cmocka_unit_test(which_targets_share_a_scale),
        cmocka_unit_test(channels_have_their_own_transforms),
        cmocka_unit_test(permutations_depend_on_the_seed),
        cmocka_unit_test(targets_that_cannot_be_learnt),
        cmocka_unit_test(no_part_knows_of_another),
        cmocka_unit_test(stratified_parts_are_alike),
        cmocka_unit_test(parts_of_their_own_files),
        cmocka_unit_test(targets_in_files_of_their_own),
        cmocka_unit_test(jumps_part_windows),
        cmocka_unit_test(where_looks_at_the_last_row),
        cmocka_unit_test(where_looks_at_a_column_of_its_own),
        cmocka_unit_test(long_windows_of_validation_and_test),
        cmocka_unit_test(windows_that_go_on),
        cmocka_unit_test(series_are_told),
        cmocka_unit_test(balanced_windows),
        cmocka_unit_test(permuted_targets),
        cmocka_unit_test(channels_apart),
        cmocka_unit_test(predictions_reach_beyond_the_end),
        cmocka_unit_test(what_is_hardly_right),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
