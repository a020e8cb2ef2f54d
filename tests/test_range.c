/* SPDX-License-Identifier: MIT */
/* range: data.from, data.to and data.days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/dataset.h"
#include "data/table.h"
#include "data_fakes.h"

#define MINUTE 60000
#define DAY ((int64_t)1440 * MINUTE)
#define START ((int64_t)1704067200000) /* 2024-01-01T00:00Z */

static char time_name[] = "time", close_name[] = "close", volume_name[] = "volume",
            who_name[] = "who", average[] = "ma(close,3)";
static char automatic[] = "auto", utc[] = "UTC", none[] = "";
static char *times[] = {time_name};
static char *columns[] = {close_name, volume_name};
static char *averages[] = {close_name, volume_name, average};
static char path[64], other[64];
static char *sources[] = {path, other};

static struct config make_config(void)
{
    return (struct config){.data = {.source = {sources, 1},
                                    .time = {times, 1},
                                    .time_format = automatic,
                                    .time_zone = utc,
                                    .from = none,
                                    .to = none,
                                    .series = none,
                                    .features = {columns, 2},
                                    .window = 2,
                                    .stride = 1,
                                    .split_block = -1}};
}

/* A file of rows `step` ms apart but for those of `missing` (NULL: none); close counts the rows. */
static void write_rows(char *to, int rows, int64_t first, int64_t step, const char *missing)
{
    static char text[1 << 20];
    size_t used = (size_t)sprintf(text, "time,close,volume\n");
    for (int i = 0; i < rows; i++)
        if (!missing || !missing[i])
            used += (size_t)sprintf(text + used, "%lld,%d,%d\n", (long long)(first + i * step),
                                    i + 1, i % 7);
    strcpy(to, fake_file(text, used, ".csv"));
}

/* The series holds exactly the rows that count from `first` to `last`. */
static void expect_rows(const struct dataset *data, size_t s, int first, int last)
{
    const struct series *own = &data->file[s];
    assert_int_equal(own->end - own->begin, last - first + 1);
    for (size_t row = own->begin; row < own->end; row++)
        assert_true(data->series[row * data->features] == (float)(first + (int)(row - own->begin)));
}

static void expect_range(const struct config *config, int first, int last)
{
    struct dataset *data = fake_load(config);
    expect_rows(data, 0, first, last);
    dataset_free(data);
}

static void from_is_taken_and_to_is_not(void **state)
{
    (void)state;
    struct config config = make_config();
    write_rows(path, 100, START, DAY, NULL); /* January 1st to April 9th */
    config.data.from = (char[]){"2024-01-11"};
    expect_range(&config, 11, 100);
    assert_non_null(strstr(fake_said, "10 rows before 2024-01-11T00:00:00Z left out"));
    assert_int_equal(fake_told("rows_before_range", NULL), 10);
    config.data.to = (char[]){"2024-02-01"};
    expect_range(&config, 11, 31);
    assert_non_null(strstr(fake_said, "10 rows before 2024-01-11T00:00:00Z, 69 rows from "
                                      "2024-02-01T00:00:00Z on left out"));
    assert_non_null(strstr(fake_said, "21 rows, 2024-01-11T00:00:00Z to 2024-01-31T00:00:00Z"));
    assert_int_equal(fake_told("rows", NULL), 21);
    assert_int_equal(fake_told("rows_behind_range", NULL), 69);
    config.data.from = none;
    config.data.to = (char[]){"2024-02-01 00:00:00.001"};
    expect_range(&config, 1, 32);
    config.data.from = (char[]){"2023-01-01"};
    config.data.to = (char[]){"2025-01-01"};
    expect_range(&config, 1, 100);
    assert_null(strstr(fake_said, "left out"));
    config.data.rows = 5;
    config.data.from = (char[]){"2024-01-11"};
    expect_range(&config, 11, 15);
    unlink(path);
}

/* Features begin anew at the first row that is taken. */
static void what_is_cut_off_is_not_looked_back_to(void **state)
{
    (void)state;
    struct config config = make_config();
    write_rows(path, 50, START, DAY, NULL);
    config.data.features = (struct list){averages, 3};
    config.data.from = (char[]){"2024-01-11"};
    expect_range(&config, 13, 50);
    assert_int_equal(fake_told("warmup_rows", NULL), 2);
    unlink(path);
}

static void days_count_back_from_the_last_row(void **state)
{
    (void)state;
    struct config config = make_config();
    write_rows(path, 100, START, DAY, NULL);
    config.data.days = 30;
    expect_range(&config, 71, 100);
    assert_non_null(strstr(fake_said, "70 rows before the last 30 days left out"));
    config.data.to = (char[]){"2024-03-01"}; /* 60 days are before it */
    expect_range(&config, 31, 60);
    config.data.days = 1000;
    expect_range(&config, 1, 60);
    unlink(path);
    write_rows(path, 4 * 1440 + 34, START, MINUTE, NULL);
    config.data.to = none;
    config.data.days = 2;
    expect_range(&config, 2 * 1440 + 35, 4 * 1440 + 34);
    unlink(path);
}

/* Each series has its own last days; one without a row in the range is told. */
static void several_series(void **state)
{
    (void)state;
    struct config config = make_config();
    write_rows(path, 100, START, DAY, NULL);
    write_rows(other, 40, START, DAY, NULL);
    config.data.source.count = 2;
    config.data.days = 10;
    struct dataset *data = fake_load(&config);
    expect_rows(data, 0, 91, 100);
    expect_rows(data, 1, 31, 40);
    assert_int_equal(fake_told("rows_before_range", NULL), 90 + 30);
    assert_non_null(strstr(fake_said, "120 rows before the last 10 days left out"));
    dataset_free(data);
    config.data.days = 0;
    config.data.from = (char[]){"2024-03-01"};
    fake_expect_fault(&config, STATUS_INPUT,
                      "of 2024-01-01T00:00:00Z to 2024-02-09T00:00:00Z, lies within data.from");
    config.data.short_series = SHORT_SKIP;
    data = fake_load(&config);
    assert_int_equal(data->files, 1);
    expect_rows(data, 0, 61, 100);
    assert_int_equal(fake_told("files_left_out", NULL), 1);
    dataset_free(data);
    unlink(path);
    unlink(other);
}

/* A file of two series, and one series of two files: the range is that of each series. */
static void long_and_joined_files(void **state)
{
    (void)state;
    struct config config = make_config();
    char text[8192] = "time,who,close,volume\n", folder[] = "range-XXXXXX", name[96];
    for (int i = 0; i < 60; i++)
        for (int k = 0; k < 2 && i < 60 - 20 * k; k++)
            sprintf(text + strlen(text), "%lld,%c,%d,1\n", (long long)(START + i * DAY), 'a' + k,
                    i + 1);
    strcpy(path, fake_file(text, strlen(text), ".csv"));
    config.data.series = who_name;
    config.data.days = 5;
    struct dataset *data = fake_load(&config);
    expect_rows(data, 0, 56, 60);
    expect_rows(data, 1, 36, 40);
    dataset_free(data);
    unlink(path);

    assert_non_null(mkdtemp(folder));
    write_rows(other, 30, START, DAY, NULL);
    snprintf(name, sizeof name, "%s/a.csv", folder);
    assert_int_equal(rename(other, name), 0);
    *text = 0;
    sprintf(text, "time,close,volume\n");
    for (int i = 30; i < 60; i++)
        sprintf(text + strlen(text), "%lld,%d,%s\n", (long long)(START + i * DAY), i + 1,
                i == 58 ? "1e300" : "1");
    strcpy(other, fake_file(text, strlen(text), ".csv"));
    snprintf(name, sizeof name, "%s/b.csv", folder);
    assert_int_equal(rename(other, name), 0);
    snprintf(path, sizeof path, "%s", folder);
    config.data.series = none;
    config.data.join = 1;
    config.data.features.count = 1;
    expect_range(&config, 56, 60);
    config.data.days = 35;
    expect_range(&config, 26, 60);
    /* a fault behind the cut is told with its own file and line */
    config.data.features.count = 2;
    char wants[128];
    snprintf(wants, sizeof wants, "%s:30: feature 'volume'", name);
    fake_expect_fault(&config, STATUS_INPUT, wants);
    unlink(name);
    snprintf(name, sizeof name, "%s/a.csv", folder);
    unlink(name);
    rmdir(folder);
}

/* --- candles */

/* The candles of a range are those of the whole that lie in it, whatever is missing where. */
static void expect_candles(struct config config, int64_t from, int64_t to, int64_t length)
{
    char begin[TABLE_TIME], end[TABLE_TIME];
    config.data.from = config.data.to = none;
    struct dataset *all = fake_load(&config);
    size_t last = 0, first;
    config.data.from = (char *)(uintptr_t)table_time(from, begin);
    config.data.to = (char *)(uintptr_t)table_time(to, end);
    struct dataset *data = fake_load(&config);
    for (first = 0; all->time[first] < from;)
        first++;
    for (last = first; last < all->rows && all->time[last] + length <= to;)
        last++;
    assert_int_equal(data->rows, last - first);
    assert_memory_equal(data->time, all->time + first, data->rows * sizeof *data->time);
    assert_memory_equal(data->series, all->series + first * 2, data->rows * 2 * sizeof(float));
    dataset_free(all);
    dataset_free(data);
}

static void whole_candles_are_taken(void **state)
{
    (void)state;
    static const int64_t lengths[] = {3, 5, 15, 60};
    struct config config = make_config();
    char missing[3000] = {0};
    for (int i = 0; i < 3000; i++)
        missing[i] = i % 11 == 0 || i % 60 == 59 || (i > 1000 && i < 1040);
    for (int gap = 0; gap < 2; gap++)
        for (size_t i = 0; i < 4; i++) {
            write_rows(path, 3000, START + 7 * MINUTE, MINUTE, missing);
            config.data.resample = lengths[i] * MINUTE;
            config.data.gap = gap ? 60 * MINUTE : 0;
            for (int k = 0; k < 130; k += 9)
                expect_candles(config, START + (600 + k) * MINUTE, START + (1800 + 2 * k) * MINUTE,
                               lengths[i] * MINUTE);
            unlink(path);
        }
}

static void partial_candles_are_told(void **state)
{
    (void)state;
    struct config config = make_config();
    write_rows(path, 1440, START, MINUTE, NULL);
    config.data.resample = 15 * MINUTE;
    config.data.from = (char[]){"2024-01-01 06:07"};
    config.data.to = (char[]){"2024-01-01 18:08"};
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->rows, (18 - 6) * 4 - 1);
    assert_true(data->time[0] == START + (6 * 60 + 15) * MINUTE);
    assert_true(data->time[data->rows - 1] == START + (17 * 60 + 45) * MINUTE);
    assert_int_equal(fake_told("candles_left_out", NULL), 2);
    assert_non_null(strstr(fake_said, "2 incomplete ones at the ends left out"));
    dataset_free(data);
    unlink(path);
    /* so many days of whole candles, although the last one is not */
    write_rows(path, 3 * 1440 + 10, START, MINUTE, NULL);
    config.data.from = config.data.to = none;
    config.data.days = 1;
    data = fake_load(&config);
    assert_int_equal(data->rows, 96);
    assert_int_equal(fake_told("candles_left_out", NULL), 1);
    assert_true(data->time[0] == START + 2 * DAY);
    dataset_free(data);
    unlink(path);
}

/* --- the keys */

static void times_are_read_as_those_of_files(void **state)
{
    (void)state;
    static const struct {
        const char *from, *format, *zone;
        int first; /* day of January; 0: refused */
    } cases[] = {
        {"2024-01-11", "auto", "UTC", 11},
        {"20240111", "auto", "UTC", 11},
        {"2024-01-10T12:00", "auto", "UTC", 11},
        {"2024-01-11 01:00:00+01:00", "auto", "UTC", 11},
        {"2024-01-11 00:30+01:00", "auto", "UTC", 11},
        {"Jan 11, 2024", "auto", "UTC", 11},
        {"1704931200000", "auto", "UTC", 11},
        {"1704931200", "auto", "UTC", 11},
        {"31/01/2024", "auto", "UTC", 31},
        {"2024-01-11", "auto", "Europe/Berlin", 11},
        {"2024-01-11 01:30", "auto", "Europe/Berlin", 12},
        {"11.01.2024", "dmy", "UTC", 11},
        {"11.01.2024", "%d.%m.%Y", "UTC", 11},
        {"2024-01-11", "%d.%m.%Y", "UTC", 11},
        {"11/01/2024", "auto", "UTC", 0},
        {"2024", "auto", "UTC", 0},
        {"2024-02-30", "auto", "UTC", 0},
        {"yesterday", "auto", "UTC", 0},
        {"2024-01-11 25:00", "auto", "UTC", 0},
        {"2024-03-31 02:30", "auto", "Europe/Berlin", 0},
    };
    char text[4096];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config = make_config();
        int pattern = strcmp(cases[i].format, "auto") != 0;
        sprintf(text, "time,close,volume\n");
        for (int day = 1; day <= 31; day++)
            sprintf(text + strlen(text),
                    pattern ? "%02d.01.2024,%d,1\n" : "2024-01-%02dT00:00Z,%d,1\n", day, day);
        strcpy(path, fake_file(text, strlen(text), ".csv"));
        config.data.from = (char *)(uintptr_t)cases[i].from;
        config.data.time_format = (char *)(uintptr_t)cases[i].format;
        config.data.time_zone = (char *)(uintptr_t)cases[i].zone;
        config.data.window = 1;
        if (cases[i].first)
            expect_range(&config, cases[i].first, 31);
        else
            fake_expect_fault(&config, STATUS_USAGE, "[data] from: '");
        unlink(path);
    }
}

static void ranges_that_are_none(void **state)
{
    (void)state;
    struct config config = make_config();
    write_rows(path, 100, START, DAY, NULL);
    config.data.from = config.data.to = (char[]){"2024-01-11"};
    fake_expect_fault(&config, STATUS_USAGE, "[data] to: '2024-01-11' does not lie behind from");
    config.data.from = (char[]){"2030-01-01"};
    config.data.to = none;
    fake_expect_fault(&config, STATUS_INPUT,
                      "none of its rows, of 2024-01-01T00:00:00Z to 2024-04-09T00:00:00Z, lies");
    config.data.time.count = 0;
    fake_expect_fault(&config, STATUS_USAGE, "from, to and days: need data.time");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_is_taken_and_to_is_not),
        cmocka_unit_test(what_is_cut_off_is_not_looked_back_to),
        cmocka_unit_test(days_count_back_from_the_last_row),
        cmocka_unit_test(several_series),
        cmocka_unit_test(long_and_joined_files),
        cmocka_unit_test(whole_candles_are_taken),
        cmocka_unit_test(partial_candles_are_told),
        cmocka_unit_test(times_are_read_as_those_of_files),
        cmocka_unit_test(ranges_that_are_none),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
