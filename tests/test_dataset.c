/* SPDX-License-Identifier: MIT */
/* dataset: windows, parts, scalers, and what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "data/dataset.h"
#include "data/scaler.h"
#include "data/split.h"
#include "data/table.h"
#include "data_fakes.h"
#include "util/block.h"

#define SYNTHETIC "configs/data/synthetic_candles.csv.gz"

static uint64_t random_state = 3;

static double random_unit(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

/* Rows of a file under test: a minute apart, but for holes. */
struct file {
    int rows;
    int hole_before; /* row before which ten minutes are missing; 0: none */
    double close[1000], volume[1000];
};

static struct file make_rows(int rows)
{
    struct file file = {.rows = rows};
    for (int i = 0; i < rows; i++) {
        file.close[i] = 100 + i + random_unit();
        file.volume[i] = 5 * random_unit() * random_unit();
    }
    return file;
}

static const char *write_rows(const struct file *file)
{
    static char text[1000 * 96];
    size_t used = (size_t)sprintf(text, "time,close,volume\n");
    for (int i = 0, minute = 0; i < file->rows; i++, minute++) {
        minute += file->hole_before && i == file->hole_before ? 10 : 0;
        used += (size_t)sprintf(text + used, "%d,%.17g,%.17g\n", 1600000020 + 60 * minute,
                                file->close[i], file->volume[i]);
    }
    return fake_file(text, used, ".csv");
}

static char time_name[] = "time", close_name[] = "close", volume_name[] = "volume",
            ma_name[] = "ma(close,10)";
static char automatic[] = "auto", utc[] = "UTC";
static char *time_list[] = {time_name};
static char *plain[] = {close_name, volume_name};
static char *with_ma[] = {close_name, volume_name, ma_name};

static struct config make_config(void)
{
    struct config config = {0};
    config.run.seed = 42;
    config.data.time_format = automatic;
    config.data.time_zone = utc;
    config.data.features = (struct list){plain, 2};
    config.data.window = 10;
    config.data.stride = 1;
    config.data.split_block = -1;
    config.data.validation = 0.1;
    config.data.test = 0.1;
    return config;
}

/* Loads the rows; NULL with an error. `whole` as encode does it. */
static struct dataset *try_load(struct config *config, const struct file *file, int whole,
                                const struct scaler *scaler, struct error *err)
{
    const struct fitted known = {.scaler = scaler ? *scaler : (struct scaler){0}};
    const struct fitted *fitted = scaler ? &known : NULL;
    const char *path = write_rows(file);
    char copy[64];
    snprintf(copy, sizeof copy, "%s", path);
    char *source[] = {copy};
    config->data.source = (struct list){source, 1};
    fake_forget();
    *err->text = 0;
    struct dataset *data = whole ? dataset_load_all(config, copy, fitted, NULL, err)
                                 : dataset_load(config, fitted, NULL, err);
    unlink(copy);
    return data;
}

static struct dataset *load(struct config *config, const struct file *file)
{
    struct error err;
    struct dataset *data = try_load(config, file, 0, NULL, &err);
    if (!data)
        fail_msg("%s", err.text);
    return data;
}

static void expect_fault(struct config *config, const struct file *file, enum status status,
                         const char *wants)
{
    struct error err;
    assert_null(try_load(config, file, 0, NULL, &err));
    fake_expect(&err, status, wants);
}

static void chronological(void **state)
{
    (void)state;
    struct file file = make_rows(200);
    struct config config = make_config();
    struct dataset *data = load(&config, &file);
    assert_int_equal(data->rows, 200);
    assert_int_equal(data->features, 2);
    assert_string_equal(data->names[1], "volume");
    assert_null(data->time);
    assert_int_equal(data->count[PART_TRAIN], 151); /* rows 0-159, 160-179, 180-199 */
    assert_int_equal(data->count[PART_VALIDATION], 11);
    assert_int_equal(data->count[PART_TEST], 11);
    for (uint32_t i = 0; i < 151; i++)
        assert_int_equal(data->start[PART_TRAIN][i], i);
    for (uint32_t i = 0; i < 11; i++) {
        assert_int_equal(data->start[PART_VALIDATION][i], 160 + i);
        assert_int_equal(data->start[PART_TEST][i], 180 + i);
    }
    for (int i = 0; i < 200; i++)
        assert_true(data->series[2 * i] == (float)file.close[i] &&
                    data->series[2 * i + 1] == (float)file.volume[i]);
    assert_int_equal(fake_told("rows", NULL), 200);
    const json_t *told = json_object_get(fake_event, "features");
    assert_int_equal(json_array_size(told), 2);
    assert_string_equal(json_string_value(json_array_get(told, 0)), "close");
    assert_string_equal(json_string_value(json_array_get(told, 1)), "volume");
    assert_int_equal(json_array_size(json_object_get(fake_event, "targets")), 0);
    assert_int_equal(fake_told("windows", "training"), 151);
    assert_int_equal(fake_told("windows_dropped", "parts"), 18);
    assert_int_equal(fake_told("windows_dropped", "holes"), 0);
    assert_string_equal(fake_warned, "");
    dataset_free(data);

    config.data.stride = 7;
    config.data.test = 0;
    data = load(&config, &file);
    assert_int_equal(data->count[PART_TRAIN], 25); /* 0, 7, ... 168 of rows 0-179 */
    assert_int_equal(data->count[PART_VALIDATION], 2);
    assert_int_equal(data->count[PART_TEST], 0);
    assert_int_equal(data->start[PART_VALIDATION][1], 187);
    dataset_free(data);
}

/* Row of the dataset by its close, which rises from row to row of the file. */
static int file_row(const struct dataset *data, const struct file *file, size_t row)
{
    for (int i = 0; i < file->rows; i++) {
        if ((float)file->close[i] == data->series[row * data->features])
            return i;
    }
    fail_msg("row %zu comes from nowhere", row);
    return -1;
}

static void windows_and_features_stop_at_a_hole(void **state)
{
    (void)state;
    struct file file = make_rows(300);
    file.hole_before = 120;
    struct config config = make_config();
    config.data.time = (struct list){time_list, 1};
    config.data.gap = 5 * 60000;
    config.data.features = (struct list){with_ma, 3};
    struct dataset *data = load(&config, &file);
    assert_int_equal(data->rows, 300 - 9 - 9); /* each run warms up */
    assert_int_equal(fake_told("holes", NULL), 1);
    assert_int_equal(fake_told("longest_hole_ms", NULL), 11 * 60000);
    assert_int_equal(fake_told("warmup_rows", NULL), 18);
    assert_int_equal(fake_told("windows_dropped", "holes"), 9);
    for (size_t row = 0; row < data->rows; row++) {
        int i = file_row(data, &file, row);
        double sum = 0;
        assert_int_equal(i, row < 111 ? row + 9 : row + 18);
        assert_int_equal(data->time[row], (1600000020 + 60 * (i + (i >= 120 ? 10 : 0))) * 1000LL);
        for (int k = 0; k < 10; k++)
            sum += file.close[i - k];
        assert_true(fabs(data->series[row * 3 + 2] - sum / 10) < 1e-4);
    }
    size_t windows = 0;
    for (enum part part = 0; part < PARTS; part++) {
        windows += data->count[part];
        for (size_t i = 0; i < data->count[part]; i++) {
            size_t start = data->start[part][i];
            assert_true(start + 10 <= 111 || start >= 111);
            assert_int_equal(data->time[start + 9] - data->time[start], 9 * 60000);
        }
    }
    assert_int_equal(windows, 282 - 9 - 3 * 9); /* three stretches end inside: hole, two parts */
    dataset_free(data);

    config.data.gap = 11 * 60000; /* the hole is not longer than this */
    data = load(&config, &file);
    assert_int_equal(data->rows, 291);
    assert_int_equal(fake_told("holes", NULL), 0);
    dataset_free(data);
}

/* Which part a row of a shuffled split belongs to, if any window says so. */
static void shuffled_blocks(void **state)
{
    (void)state;
    struct file file = make_rows(995);
    struct config config = make_config();
    config.data.split = SPLIT_SHUFFLED;
    config.data.split_block = 50;
    config.data.validation = 0.2;
    uint32_t *first = NULL;
    for (int seed = 1; seed <= 30; seed++) {
        config.run.seed = seed;
        struct dataset *data = load(&config, &file);
        int part_of[20], blocks[PARTS] = {0};
        memset(part_of, -1, sizeof part_of);
        /* Every block holds whole windows, and they tell its part. */
        for (int part = 0; part < PARTS; part++) {
            for (size_t i = 0; i < data->count[part]; i++) {
                size_t begin = data->start[part][i] / 50, end = (data->start[part][i] + 9) / 50;
                assert_true(i == 0 || data->start[part][i] > data->start[part][i - 1]);
                assert_true(part_of[begin] == -1 || part_of[begin] == part);
                assert_true(part_of[end] == -1 || part_of[end] == part);
                part_of[begin] = part_of[end] = part;
            }
        }
        size_t windows = 0, wanted = 986;
        for (int b = 0; b < 20; b++) {
            assert_true(part_of[b] >= 0);
            blocks[part_of[b]]++;
            wanted -= b && part_of[b] != part_of[b - 1] ? 9 : 0;
        }
        for (int part = 0; part < PARTS; part++)
            windows += data->count[part];
        assert_int_equal(windows, wanted); /* dropped where the part changes, nowhere else */
        assert_int_equal(fake_told("windows_dropped", "parts"), 986 - wanted);
        assert_int_equal(fake_told("split_blocks", NULL), 20);
        assert_true(blocks[PART_TRAIN] == 14 && blocks[PART_VALIDATION] == 4 &&
                    blocks[PART_TEST] == 2);

        struct dataset *again = load(&config, &file);
        assert_int_equal(again->count[PART_TEST], data->count[PART_TEST]);
        assert_memory_equal(again->start[PART_TEST], data->start[PART_TEST],
                            data->count[PART_TEST] * sizeof(uint32_t));
        dataset_free(again);
        if (seed == 1) {
            first = data->start[PART_TEST];
            data->start[PART_TEST] = NULL;
        } else if (seed == 2) {
            assert_memory_not_equal(first, data->start[PART_TEST], 40 * sizeof(uint32_t));
        }
        dataset_free(data);
    }
    block_free(first);
}

static void few_blocks(void **state)
{
    (void)state;
    struct file file = make_rows(160);
    struct config config = make_config();
    config.data.split = SPLIT_SHUFFLED;
    config.data.split_block = 40; /* 4 blocks: a tenth of them is none, but each part gets one */
    struct dataset *data = load(&config, &file);
    assert_true(data->count[PART_TEST] == 31 && data->count[PART_VALIDATION] == 31);
    dataset_free(data);
    config.data.split_block = 80;
    expect_fault(&config, &file, STATUS_INPUT,
                 ": 160 rows make 2 blocks of 80, too few to deal to the parts; lower");
    config.data.split_block = -1; /* 20 windows */
    expect_fault(&config, &file, STATUS_INPUT, "1 blocks of 200");
}

static void shuffled_windows(void **state)
{
    (void)state;
    struct file file = make_rows(500);
    file.hole_before = 200;
    struct config config = make_config();
    config.data.time = (struct list){time_list, 1};
    config.data.gap = 5 * 60000;
    config.data.split = SPLIT_SHUFFLED_WINDOWS;
    struct dataset *data = load(&config, &file);
    char seen[500] = {0};
    assert_int_equal(data->count[PART_TRAIN], 386); /* of 191 + 291 */
    assert_int_equal(data->count[PART_VALIDATION], 48);
    assert_int_equal(data->count[PART_TEST], 48);
    for (int part = 0; part < PARTS; part++) {
        for (size_t i = 0; i < data->count[part]; i++) {
            uint32_t start = data->start[part][i];
            assert_true(i == 0 || start > data->start[part][i - 1]);
            assert_true(start + 10 <= 200 || (start >= 200 && start + 10 <= 500));
            assert_int_equal(seen[start]++, 0);
        }
    }
    /* Spread over the rows, not all at one end. */
    assert_true(data->start[PART_TEST][0] < 100 && data->start[PART_TEST][47] > 400);
    assert_non_null(strstr(fake_warned, "shuffled_windows deals windows that share rows"));
    dataset_free(data);

    config.data.stride = 10; /* no rows are shared */
    data = load(&config, &file);
    assert_string_equal(fake_warned, "");
    dataset_free(data);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As numpy.quantile does it: between the two ranks around q (n - 1). */
static double sorted_quantile(const double *sorted, int n, double q)
{
    double place = q * (n - 1);
    int rank = (int)floor(place);
    double next = rank + 1 < n ? sorted[rank + 1] : sorted[rank];
    return sorted[rank] + (next - sorted[rank]) * (place - rank);
}

/* Offset and scale of x[n] from their definitions. */
static void fit_plainly(int kind, const double *x, int n, double *offset, double *scale)
{
    double sorted[1000];
    long double mean = 0, square = 0;
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, compare);
    for (int i = 0; i < n; i++)
        mean += x[i] / (long double)n;
    for (int i = 0; i < n; i++)
        square += (x[i] - mean) * (x[i] - mean) / n;
    *offset = kind == SCALER_STANDARD ? (double)mean
              : kind == SCALER_MINMAX ? sorted[0]
                                      : sorted_quantile(sorted, n, 0.5);
    *scale = kind == SCALER_STANDARD ? (double)sqrtl(square)
             : kind == SCALER_MINMAX
                 ? sorted[n - 1] - sorted[0]
                 : sorted_quantile(sorted, n, 0.75) - sorted_quantile(sorted, n, 0.25);
}

static void scalers_see_training_rows_only_each_once(void **state)
{
    (void)state;
    static const int kinds[] = {SCALER_STANDARD, SCALER_MINMAX, SCALER_ROBUST};
    for (int k = 0; k < 6; k++) {
        struct file file = make_rows(333);
        struct config config = make_config();
        config.data.scaler = (struct method){.kind = kinds[k % 3], .high = 1};
        config.data.split = k < 3 ? SPLIT_CHRONOLOGICAL : SPLIT_SHUFFLED;
        config.data.split_block = 40;
        config.data.stride = k < 3 ? 13 : 1; /* beyond the window: some rows are in none */
        struct dataset *data = load(&config, &file);
        char covered[333] = {0};
        double sample[2][333], offset, scale;
        int n = 0;
        for (size_t i = 0; i < data->count[PART_TRAIN]; i++)
            memset(covered + data->start[PART_TRAIN][i], 1, 10);
        for (int i = 0; i < 333; i++) {
            sample[0][n] = file.close[i];
            sample[1][n] = file.volume[i];
            n += covered[i];
        }
        for (int f = 0; f < 2; f++) {
            fit_plainly(kinds[k % 3], sample[f], n, &offset, &scale);
            assert_true(fabs(data->scaler.offset[f] - offset) <= 1e-13 * fabs(offset) + 1e-15);
            assert_true(fabs(data->scaler.scale[f] - scale) <= 1e-12 * scale);
            for (int i = 0; i < 333; i++) {
                double wanted = ((f ? file.volume[i] : file.close[i]) - offset) / scale;
                assert_true(fabs(data->series[2 * i + f] - wanted) <= 1e-6 * (1 + fabs(wanted)));
            }
        }
        /* Rows outside may become anything. */
        struct scaler before;
        assert_int_equal(scaler_copy(&before, &data->scaler), 0);
        dataset_free(data);
        for (int i = 0; i < 333; i++)
            file.close[i] = covered[i] ? file.close[i] : -1e6 * random_unit();
        data = load(&config, &file);
        assert_memory_equal(data->scaler.offset, before.offset, 2 * sizeof(double));
        assert_memory_equal(data->scaler.scale, before.scale, 2 * sizeof(double));
        dataset_free(data);
        scaler_fini(&before);
    }
}

static void scalers_keep_their_digits(void **state)
{
    (void)state;
    enum { N = 100001 };
    struct scaler scaler;
    double *x = malloc(N * sizeof *x);
    assert_int_equal(scaler_init(&scaler, SCALER_STANDARD, 1), 0);
    for (int i = 0; i < N; i++)
        x[i] = 1e9 + (i % 2 ? 1 : -1) * 0x1p-10; /* deviation 2^-10, but for the odd one */
    x[0] = 1e9;
    assert_int_equal(scaler_fit(&scaler, 0, x, N), SCALER_FITTED);
    assert_true(fabs(scaler.offset[0] - 1e9) < 1e-6);
    assert_true(fabs(scaler.scale[0] / 0x1p-10 - sqrt(100000.0 / 100001)) < 1e-10);
    for (int i = 0; i < N; i++)
        x[i] = i % 2 ? 1e-200 : 3e-200; /* squares underflow */
    scaler_fit(&scaler, 0, x, N - 1);
    assert_true(fabs(scaler.scale[0] - 1e-200) < 1e-212);
    for (int i = 0; i < N; i++)
        x[i] = i % 2 ? 1e200 : 3e200; /* squares overflow */
    scaler_fit(&scaler, 0, x, N - 1);
    assert_true(fabs(scaler.scale[0] - 1e200) < 1e188);
    x[0] = -DBL_MAX;
    x[1] = DBL_MAX;
    assert_int_equal(scaler_fit(&scaler, 0, x, 2), SCALER_TOO_WIDE);
    for (int i = 0; i < N; i++)
        x[i] = 0.1;
    assert_int_equal(scaler_fit(&scaler, 0, x, N), SCALER_CONSTANT);
    assert_true(scaler.offset[0] == 0.1 && scaler.scale[0] == 1);
    scaler_fini(&scaler);
    free(x);
}

/* minmax(low,high) maps the lowest value to low and the highest to high, a constant to low. */
static void minmax_has_bounds(void **state)
{
    (void)state;
    static const double bounds[][2] = {{-1, 1}, {0, 100}, {-7.5, -2}, {0, 1}};
    static const double values[] = {30, 10, 12.5, 50, 20};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        double low = bounds[i][0], high = bounds[i][1], x[5];
        struct scaler scaler;
        assert_int_equal(scaler_init(&scaler, SCALER_MINMAX, 2), 0);
        scaler.low = low;
        scaler.high = high;
        memcpy(x, values, sizeof x);
        assert_int_equal(scaler_fit(&scaler, 0, x, 5), SCALER_FITTED);
        for (int k = 0; k < 5; k++) {
            double is = (values[k] - scaler.offset[0]) / scaler.scale[0];
            assert_true(fabs(is - (low + (high - low) * (values[k] - 10) / 40)) < 1e-12);
        }
        x[0] = x[1] = 3;
        assert_int_equal(scaler_fit(&scaler, 1, x, 2), SCALER_CONSTANT);
        assert_true(scaler.scale[1] == 1 && 3 - scaler.offset[1] == low);
        scaler_fini(&scaler);
    }
}

/* Orders that are hard for a selection: sorted, reversed, few values, one value. */
static void quartiles_of_hard_orders(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct scaler scaler;
    double *x = malloc(N * sizeof *x);
    assert_int_equal(scaler_init(&scaler, SCALER_ROBUST, 1), 0);
    for (int order = 0; order < 4; order++) {
        for (int i = 0; i < N; i++)
            x[i] = order == 0 ? i : order == 1 ? N - 1 - i : order == 2 ? i % 3 : 7;
        enum scaler_fit fit = scaler_fit(&scaler, 0, x, N);
        assert_int_equal(fit, order == 3 ? SCALER_CONSTANT : SCALER_FITTED);
        assert_true(scaler.offset[0] == (order < 2 ? (N - 1) / 2.0 : order == 2 ? 1 : 7));
        assert_true(scaler.scale[0] == (order < 2 ? (N - 1) / 2.0 : order == 2 ? 2 : 1));
    }
    scaler_fini(&scaler);
    free(x);
}

static void constant_features(void **state)
{
    (void)state;
    static const int kinds[] = {SCALER_STANDARD, SCALER_MINMAX, SCALER_ROBUST};
    for (int k = 0; k < 3; k++) {
        struct file file = make_rows(200);
        struct config config = make_config();
        config.data.scaler = (struct method){.kind = kinds[k], .high = 1};
        for (int i = 0; i < 180; i++)
            file.volume[i] = 0.7;
        struct dataset *data = load(&config, &file);
        assert_true(data->scaler.offset[1] == 0.7 && data->scaler.scale[1] == 1);
        assert_true(data->series[1] == 0);
        assert_non_null(strstr(fake_warned, "feature 'volume'"));
        dataset_free(data);
    }
}

static void resampled(void **state)
{
    (void)state;
    struct file file = make_rows(301); /* from 00:27 on: 00:27 is a multiple of three minutes */
    struct config config = make_config();
    config.data.time = (struct list){time_list, 1};
    config.data.resample = 3 * 60000;
    struct dataset *data = load(&config, &file);
    assert_int_equal(data->rows, 100); /* the last row begins a candle that never ends */
    assert_int_equal(fake_told("candles", NULL), 100);
    assert_int_equal(fake_told("candles_left_out", NULL), 1);
    for (int i = 0; i < 100; i++) {
        const double *v = file.volume + 3 * i;
        assert_true(data->series[2 * i] == (float)file.close[3 * i + 2]);
        assert_true(data->series[2 * i + 1] == (float)(v[0] + v[1] + v[2]));
        assert_int_equal(data->time[i] - data->time[0], 180000LL * i);
    }
    dataset_free(data);
    config.data.resample = 150000;
    data = load(&config, &file);
    assert_non_null(strstr(fake_warned, "do not hold a whole number of rows of 1m"));
    dataset_free(data);
}

static void whole_files_with_a_given_scaler(void **state)
{
    (void)state;
    struct file file = make_rows(100);
    struct config config = make_config();
    struct error err;
    double offset[2] = {100, -1}, scale[2] = {0.5, 4};
    struct scaler fitted = {
        .kind = SCALER_STANDARD, .features = 2, .offset = offset, .scale = scale};
    config.data.scaler = (struct method){.kind = SCALER_STANDARD, .high = 1};
    config.data.split = SPLIT_SHUFFLED;
    config.data.stride = 3;
    struct dataset *data = try_load(&config, &file, 1, &fitted, &err);
    assert_non_null(data);
    assert_int_equal(data->count[PART_TRAIN], 0);
    assert_int_equal(data->count[PART_VALIDATION], 0);
    assert_int_equal(data->count[PART_TEST], 31);
    assert_int_equal(data->start[PART_TEST][30], 90);
    assert_true(data->series[7] == (float)((file.volume[3] + 1) / 4));
    assert_true(data->scaler.offset != offset && data->scaler.offset[0] == 100);
    dataset_free(data);
    assert_null(try_load(&config, &file, 1, NULL, &err));
    assert_non_null(strstr(err.text, "data.scaler = standard needs a checkpoint's scaler"));
    fitted.features = 1;
    assert_null(try_load(&config, &file, 1, &fitted, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "the checkpoint's scaler has 1 features, data.features 2"));
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static char bad[] = "smb(close,3)", missing[] = "price", logarithm[] = "log(volume)";
    char *feature[1];
    struct config config = make_config();
    struct file file = make_rows(95);
    config.data.test = 0.05;
    expect_fault(&config, &file, STATUS_INPUT,
                 "no window of 10 fits into the test part (95 usable");
    config.data.window = 96;
    config.data.validation = config.data.test = 0;
    expect_fault(&config, &file, STATUS_INPUT,
                 ": too few rows: no window of 96 fits into the training part (95 usable rows, at "
                 "most 95 without a hole)");
    config = make_config();
    config.data.validation = config.data.test = 0.5;
    expect_fault(&config, &file, STATUS_USAGE, "leave nothing for training");
    config = make_config();
    config.data.gap = 1;
    expect_fault(&config, &file, STATUS_USAGE, "[data] gap: needs data.time");
    config = make_config();
    config.data.resample = 60000;
    expect_fault(&config, &file, STATUS_USAGE, "[data] resample: needs data.time");
    config = make_config();
    config.data.features = (struct list){feature, 1};
    feature[0] = bad;
    expect_fault(&config, &file, STATUS_USAGE,
                 "[data] features: 'smb(close,3)': there is no function smb");
    feature[0] = missing;
    expect_fault(&config, &file, STATUS_INPUT,
                 ".csv:1: no column 'price'; the columns are time, close, volume");
    feature[0] = logarithm;
    file.volume[17] = 0;
    expect_fault(&config, &file, STATUS_INPUT,
                 ".csv:19: feature 'log(volume)' has no finite value");
    feature[0] = volume_name;
    file.volume[18] = 1e300;
    config.data.validation = config.data.test = 0;
    expect_fault(&config, &file, STATUS_INPUT,
                 ".csv:20: feature 'volume': 1e+300 is too large for single precision");
    config.data.scaler = (struct method){.kind = SCALER_STANDARD, .high = 1};
    file.volume[18] = 1.7e308;
    file.volume[19] = -1.7e308;
    expect_fault(&config, &file, STATUS_INPUT, "feature 'volume': its values lie too far apart");
    config = make_config();
    config.data.time = (struct list){time_list, 1};
    config.data.gap = 30000; /* every row is an island */
    expect_fault(&config, &file, STATUS_INPUT, "at most 1 without a hole");
}

/* The shipped data as the demo reads them. */
static void the_synthetic_candles(void **state)
{
    (void)state;
    static char open_name[] = "open", high_name[] = "high", low_name[] = "low",
                stamp[] = "timestamp_ms";
    static char *stamps[] = {stamp};
    char *features[] = {open_name, high_name, low_name, close_name, volume_name, ma_name};
    const char *top = getenv("srcdir");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", top ? top : ".", SYNTHETIC);
    struct config config = make_config();
    struct error err;
    char *source[] = {path};
    config.data.source = (struct list){source, 1};
    config.data.time = (struct list){stamps, 1};
    config.data.resample = 180000;
    config.data.gap = 600000;
    config.data.window = 50;
    config.data.scaler = (struct method){.kind = SCALER_STANDARD, .high = 1};
    config.data.features = (struct list){features, 6};
    fake_forget();
    struct dataset *data = dataset_load(&config, NULL, NULL, &err);
    if (!data)
        fail_msg("%s", err.text);
    assert_int_equal(fake_told("rows", NULL), 24000);
    assert_int_equal(fake_told("holes", NULL), 2);
    assert_int_equal(fake_told("step_ms", NULL), 60000);
    assert_int_equal(fake_told("candles_with_missing_rows", NULL), 0);
    assert_int_equal(fake_told("warmup_rows", NULL), 27);
    assert_string_equal(json_string_value(json_object_get(fake_event, "time_first")),
                        "2024-01-01T00:00:00Z");
    for (size_t row = 0; row < data->rows; row++) { /* back in prices */
        double x[6];
        for (size_t f = 0; f < 6; f++)
            x[f] = data->series[row * 6 + f] * data->scaler.scale[f] + data->scaler.offset[f];
        assert_true(x[1] >= x[2] && x[1] > x[3] - 0.01 && x[1] > x[0] - 0.01 &&
                    x[2] < x[0] + 0.01 && x[2] < x[3] + 0.01 && x[4] > 0);
    }
    dataset_free(data);
    fake_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chronological),
        cmocka_unit_test(windows_and_features_stop_at_a_hole),
        cmocka_unit_test(shuffled_blocks),
        cmocka_unit_test(few_blocks),
        cmocka_unit_test(shuffled_windows),
        cmocka_unit_test(scalers_see_training_rows_only_each_once),
        cmocka_unit_test(scalers_keep_their_digits),
        cmocka_unit_test(minmax_has_bounds),
        cmocka_unit_test(quartiles_of_hard_orders),
        cmocka_unit_test(constant_features),
        cmocka_unit_test(resampled),
        cmocka_unit_test(whole_files_with_a_given_scaler),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(the_synthetic_candles),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fake_forget();
    return failed;
}
