/* SPDX-License-Identifier: MIT */
/*
 * walk: the parts of folds against tests/golden/walk.txt, which tests/peer/make_walk_golden.py
 * makes with scikit-learn; what purge keeps from a model that knows the end of its training.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "data/dataset.h"
#include "data/walk.h"
#include "data_fakes.h"

#define MINUTE 60000
#define MOST 8

static char time_name[] = "time", close_name[] = "close", average[] = "ma(close,4)";
static char automatic[] = "auto", utc[] = "UTC", none[] = "";
static char *times[] = {time_name};
static char *features[] = {close_name, average};
static char paths[MOST][64];
static char *sources[MOST];

static struct config make_config(void)
{
    return (struct config){.data = {.source = {sources, 1},
                                    .time = {times, 1},
                                    .time_format = automatic,
                                    .time_zone = utc,
                                    .from = none,
                                    .to = none,
                                    .series = none,
                                    .features = {features, 1},
                                    .targets = {features, 1},
                                    .window = 5,
                                    .stride = 1,
                                    .horizon = 1,
                                    .eval_window = -1,
                                    .split = SPLIT_WALK_FORWARD,
                                    .split_block = -1,
                                    .folds = 5,
                                    .fold = 1,
                                    .purge = -1}};
}

/* --- the golden table */

/* A file of rows, a day or so of them; "first:rows:step:hole:at" in minutes. */
static void write_series(size_t at, const char *text)
{
    static char rows[1 << 16];
    long first, count, step, hole, hole_at;
    assert_int_equal(sscanf(text, "%ld:%ld:%ld:%ld:%ld", &first, &count, &step, &hole, &hole_at),
                     5);
    size_t used = (size_t)sprintf(rows, "time,close\n");
    for (long i = 0; i < count; i++) {
        long minute = first + i * step + (hole_at && i >= hole_at ? hole : 0);
        used += (size_t)sprintf(rows + used, "%lld,%ld\n", (long long)minute * MINUTE, i % 13);
    }
    strcpy(paths[at], fake_file(rows, used, ".csv"));
    sources[at] = paths[at];
}

/* The ranges of a part's windows, as the table has them. */
static void print_ranges(const struct dataset *data, enum part part, char *to)
{
    const uint32_t *start = data->start[part];
    *to = 0;
    for (size_t i = 0, n; i < data->count[part]; i += n) {
        for (n = 1; i + n < data->count[part] && start[i + n] == start[i] + n;)
            n++;
        sprintf(to + strlen(to), "%s%u-%u", i ? " " : "", start[i], start[i + n - 1]);
    }
}

static void expect_case(char *line, unsigned number)
{
    struct config config = make_config();
    char window[16], target[16], *field[5], have[4096];
    long gap, warm;
    for (int i = 0; i < 5; i++)
        field[i] = strsep(&line, "|");
    assert_non_null(field[4]);
    assert_int_equal(sscanf(field[0], "%ld %ld %15s %lf %ld %ld %ld %15s %ld %d %ld %ld",
                            &config.data.folds, &config.data.fold, window, &config.data.validation,
                            &config.data.purge, &config.data.embargo, &config.data.window, target,
                            &config.data.horizon, &config.data.look_back, &gap, &warm),
                     12);
    config.data.fold_window = strcmp(window, "rolling") ? FOLD_EXPANDING : FOLD_ROLLING;
    config.data.target_rows = !strcmp(target, "each")     ? TARGET_EACH
                              : !strcmp(target, "window") ? TARGET_WINDOW
                                                          : TARGET_HORIZON;
    config.data.gap = gap * MINUTE;
    config.data.features.count = warm ? 2 : 1;
    config.data.time.count = strncmp(field[1], "0:", 2) != 0;
    config.data.source.count = 0;
    for (char *one; (one = strsep(&field[1], " "));)
        write_series(config.data.source.count++, one);
    struct dataset *data = fake_load(&config);
    for (enum part part = 0; part < PARTS; part++) {
        print_ranges(data, part, have);
        if (strcmp(have, field[2 + part]))
            fail_msg("case %u, part %u: '%s' instead of '%s'", number, part, have, field[2 + part]);
    }
    dataset_free(data);
    for (size_t i = 0; i < config.data.source.count; i++)
        unlink(paths[i]);
}

static void parts_are_those_of_the_table(void **state)
{
    (void)state;
    const char *top = getenv("srcdir");
    char path[4096], line[8192];
    snprintf(path, sizeof path, "%s/tests/golden/walk.txt", top ? top : ".");
    FILE *in = fopen(path, "r");
    unsigned cases = 0;
    if (!in)
        fail_msg("%s is missing", path);
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        expect_case(line, ++cases);
    }
    fclose(in);
    assert_int_equal(cases, 120);
}

/* --- rules that need no table */

/* Every position behind the first piece is tested once; nothing is trained on that lies behind it.
 */
static void folds_cover_the_axis(void **state)
{
    (void)state;
    for (size_t n = 1; n < 200; n++)
        for (size_t folds = 1; folds < 12; folds++)
            for (int rolling = 0; rolling < 2; rolling++) {
                struct walk walk = {folds, 1, rolling, n % 7, (double)(n % 4) / 4};
                struct walk_cut cut, before = {0};
                if (n < folds + 1) {
                    assert_int_equal(walk_cut(&walk, n, &cut), -1);
                    continue;
                }
                for (; walk.fold <= folds; walk.fold++) {
                    assert_int_equal(walk_cut(&walk, n, &cut), 0);
                    assert_true(cut.begin <= cut.validation && cut.validation <= cut.test &&
                                cut.test < cut.end);
                    assert_true(walk.fold == 1 ? cut.test == n - folds * (n / (folds + 1))
                                               : cut.test == before.end);
                    assert_true(rolling ? cut.begin == (walk.fold - 1) * (n / (folds + 1))
                                        : cut.begin == 0);
                    before = cut;
                }
                assert_int_equal(before.end, n);
            }
}

static void scalers_see_the_training_of_the_fold_alone(void **state)
{
    (void)state;
    struct config config = make_config();
    write_series(0, "28401120:120:1:0:0");
    config.data.scaler = (struct method){.kind = SCALER_STANDARD, .high = 1};
    config.data.fold_window = FOLD_ROLLING;
    for (config.data.fold = 1; config.data.fold <= 5; config.data.fold++) {
        struct dataset *data = fake_load(&config);
        size_t from = 20 * (size_t)(config.data.fold - 1), to = from + 20 - 1;
        double sum = 0, square = 0;
        size_t rows = to - 1 - from; /* the last one is a target alone */
        for (size_t i = from; i < to - 1; i++)
            sum += (double)(i % 13);
        for (size_t i = from; i < to - 1; i++)
            square += pow((double)(i % 13) - sum / (double)rows, 2);
        assert_true(fabs(data->scaler.offset[0] - sum / (double)rows) < 1e-12);
        assert_true(fabs(data->scaler.scale[0] - sqrt(square / (double)rows)) < 1e-12);
        assert_int_equal(data->fold.fold, config.data.fold);
        assert_int_equal(data->fold.folds, 5);
        assert_int_equal(data->fold.part[PART_TRAIN].rows, 19);
        assert_int_equal(data->fold.part[PART_TEST].rows, 20);
        assert_true(data->fold.part[PART_TEST].first ==
                    (28401120 + 20 * (int64_t)config.data.fold) * MINUTE);
        assert_true(data->fold.part[PART_TRAIN].last == (28401120 + (int64_t)to - 1) * MINUTE);
        dataset_free(data);
    }
    unlink(paths[0]);
}

static void what_is_told(void **state)
{
    (void)state;
    struct config config = make_config();
    write_series(0, "28401120:120:1:0:0"); /* 2024-01-01 00:00 */
    config.data.fold = 2;
    config.data.horizon = 3;
    config.data.embargo = 1;
    config.data.validation = 0.25;
    config.data.look_back = 1;
    dataset_free(fake_load(&config));
    if (!strstr(fake_said,
                "data: fold 2 of 5, expanding: training 23 rows, 2024-01-01T00:00:00Z to "
                "2024-01-01T00:22:00Z; validation 9 rows, 2024-01-01T00:27:00Z to "
                "2024-01-01T00:35:00Z; test 20 rows, 2024-01-01T00:40:00Z to 2024-01-01T00:59:00Z\n"
                "data: 4 rows between two parts left out: purge 3, embargo 1\n"))
        fail_msg("%s", fake_said);
    assert_int_equal(fake_told("fold", "fold"), 2);
    assert_int_equal(fake_told("fold", "folds"), 5);
    assert_int_equal(fake_told("fold", "purge"), 3);
    assert_int_equal(fake_told("fold", "embargo"), 1);
    const json_t *test = json_object_get(json_object_get(fake_event, "fold"), "test");
    assert_int_equal(json_integer_value(json_object_get(test, "rows")), 20);
    assert_string_equal(json_string_value(json_object_get(test, "first")), "2024-01-01T00:40:00Z");
    config.data.time.count = 0;
    dataset_free(fake_load(&config));
    assert_non_null(
        strstr(fake_said, "expanding: training 23 rows; validation 9 rows; test 20 rows\n"));
    unlink(paths[0]);
}

static void folds_that_cannot_be(void **state)
{
    (void)state;
    struct config config = make_config();
    write_series(0, "28401120:60:1:0:0");
    config.data.folds = 60;
    fake_expect_fault(&config, STATUS_INPUT,
                      "60 usable rows of different times are too few for data.folds = 60, which "
                      "cuts them into 61 pieces");
    config.data.folds = 59;
    fake_expect_fault(&config, STATUS_INPUT, "fits into the training part");
    config.data.folds = 5;
    config.data.purge = 10;
    fake_expect_fault(&config, STATUS_INPUT, "fewer data.folds, a smaller data.purge");
    unlink(paths[0]);
}

/* --- leaks */

/*
 * Targets that know what comes: each is the mean of the noise of SPAN rows that come after the
 * window, so that no forecast is better than 0. But the targets of neighbouring rows are made of
 * nearly the same rows: a model that has learnt by heart how its training ended knows the begin of
 * the test, unless that lies SPAN rows behind.
 */
#define SPAN 8
#define LENGTH 64
#define NOISE (21 * LENGTH)

static char mean_behind[] = "ma(close,8)", label_name[] = "label";
static char *means[] = {mean_behind}, *labels[] = {label_name};

/* Rows of noise, and beside them a label that another program made: the mean of the SPAN rows that
 * come next. */
static void write_noise(uint32_t *state)
{
    static char rows[1 << 16];
    int noise[NOISE + SPAN];
    size_t used = (size_t)sprintf(rows, "time,close,label\n");
    for (int i = 0; i < NOISE + SPAN; i++) {
        *state = *state * 1664525 + 1013904223;
        noise[i] = (int)(*state >> 16) % 2001 - 1000;
    }
    for (int i = 0; i < NOISE; i++) {
        double sum = 0;
        for (int k = 1; k <= SPAN; k++)
            sum += noise[i + k];
        used += (size_t)sprintf(rows + used, "%d,%d,%g\n", 60 * (i + 1), noise[i], sum / SPAN);
    }
    strcpy(paths[0], fake_file(rows, used, ".csv"));
    sources[0] = paths[0];
}

/* Squared error, over many folds, of the target of the last training window as the forecast of the
 * first windows of the test, as a share of that of 0. */
static double error_by_heart(char **targets, long horizon, long purge)
{
    struct config config = make_config();
    uint32_t state = 1;
    double model = 0, naive = 0;
    config.data.targets = (struct list){targets, 1};
    config.data.window = 1;
    config.data.horizon = horizon;
    config.data.look_back = 1;
    config.data.folds = 20;
    config.data.purge = purge;
    for (int file = 0; file < 20; file++) {
        write_noise(&state);
        for (config.data.fold = 1; config.data.fold <= config.data.folds; config.data.fold++) {
            struct dataset *data = fake_load(&config);
            size_t first = data->target_first;
            uint32_t last = data->start[PART_TRAIN][data->count[PART_TRAIN] - 1];
            double known = data->raw_target[last + first];
            for (size_t i = 0; i < 3; i++) {
                double y = data->raw_target[data->start[PART_TEST][i] + first];
                model += (known - y) * (known - y);
                naive += y * y;
            }
            dataset_free(data);
        }
        unlink(paths[0]);
    }
    return model / naive;
}

static void purge_finds_out_what_looks_ahead(void **state)
{
    (void)state;
    /* neighbours 1, 2 and 3 rows apart have 7, 6 and 5 of 8 rows in common: 2 (1 - 6 / 8) */
    assert_true(fabs(error_by_heart(means, SPAN, 0) - 0.5) < 0.1);
    assert_true(fabs(error_by_heart(means, SPAN, -1) - 2) < 0.3);
    /* what looks ahead by itself is not seen through, but purged where the user says so */
    assert_true(fabs(error_by_heart(labels, 0, -1) - 0.5) < 0.1);
    assert_true(fabs(error_by_heart(labels, 0, SPAN) - 2) < 0.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_those_of_the_table),
        cmocka_unit_test(folds_cover_the_axis),
        cmocka_unit_test(scalers_see_the_training_of_the_fold_alone),
        cmocka_unit_test(what_is_told),
        cmocka_unit_test(folds_that_cannot_be),
        cmocka_unit_test(purge_finds_out_what_looks_ahead),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
