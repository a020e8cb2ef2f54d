/* SPDX-License-Identifier: MIT */
/* Several series in one file, and one series in several files: the same as a file for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "data/dataset.h"
#include "data/table.h"
#include "data_fakes.h"
#include "util/zone.h"

#define SERIES 3
#define ROWS 240

/* What the files hold: of each series its rows; some lack a value. */
struct row {
    int64_t time;
    double close, extra;
    int lacks, target;
};
static struct row rows[SERIES][ROWS];
static const char *const names[SERIES] = {"A", "B c", "C,\"x\""};
static const int count[SERIES] = {ROWS, ROWS - 35, ROWS - 80};
static char folder[] = "long-test-XXXXXX";

static double random_unit(void)
{
    static uint64_t state = 11;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static void make_rows(void)
{
    for (int s = 0; s < SERIES; s++)
        for (int i = 0; i < ROWS; i++)
            rows[s][i] = (struct row){INT64_C(1600000000) + 60 * (i + (i > 90 + s ? 20 : 0)),
                                      100 * (s + 1) + 10 * random_unit() + i % 5, 3 * random_unit(),
                                      i == 60 + 7 * s, 1000 * s + i};
}

static const char *in(const char *name)
{
    static char path[4][128];
    static int next;
    char *to = path[next++ % 4];
    snprintf(to, sizeof path[0], "%s/%s", folder, name);
    return to;
}

static FILE *create(const char *name)
{
    FILE *out = fopen(in(name), "wb");
    if (!out)
        abort();
    return out;
}

static void close_file(FILE *out)
{
    if (fclose(out))
        abort();
}

static void put(FILE *out, int s, int i)
{
    const struct row *row = &rows[s][i];
    fprintf(out, "%lld,%.17g,", (long long)row->time, row->close);
    fprintf(out, row->lacks ? "\n" : "%.17g\n", row->extra);
}

static void put_long(FILE *out, int s, int i)
{
    if (s == 2)
        fputs("\"C,\"\"x\"\"\",", out);
    else
        fprintf(out, "%s,", names[s]);
    put(out, s, i);
}

/* s0.csv ...: rows [from, to) of a series each; and its targets beside, t0.csv. */
static void write_series(const char *prefix, int s, int from, int to)
{
    char name[32];
    snprintf(name, sizeof name, "%s%d.csv", prefix, s);
    FILE *out = create(name);
    fputs("time,close,extra\n", out);
    for (int i = from; i < to; i++)
        put(out, s, i);
    close_file(out);
    snprintf(name, sizeof name, "t%d.csv", s);
    out = create(name);
    fputs("y\n", out);
    for (int i = from; i < to; i++)
        fprintf(out, "%d\n", rows[s][i].target);
    close_file(out);
}

enum layout { BY_SERIES, BY_TIME, MIXED };

/* All series in one file, and their targets beside in another. */
static void write_long(const char *name, const char *beside, enum layout layout, int from, int to)
{
    FILE *out = create(name), *targets = create(beside);
    fputs("who,time,close,extra\n", out);
    fputs("y\n", targets);
    for (int k = 0; k < SERIES * ROWS; k++) {
        /* 7 has no divisor in common with the number of rows */
        int at = layout == MIXED ? 7 * k % (SERIES * ROWS) : k;
        int s = layout == BY_SERIES ? SERIES - 1 - at / ROWS : at % SERIES;
        int i = layout == BY_SERIES ? at % ROWS : at / SERIES;
        if (i >= count[s] || i < from || i >= to)
            continue;
        put_long(out, s, i);
        fprintf(targets, "%d\n", rows[s][i].target);
    }
    close_file(out);
    close_file(targets);
}

/* A list of items in the folder, cut at blanks, in memory that lives as long as the program. */
static struct list list_of(const char *text, int in_folder)
{
    static char store[64][256];
    static char *items[64][8];
    static int next;
    char copy[256], *save;
    int at = next++ % 64;
    size_t used = 0;
    struct list list = {items[at], 0};
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        list.item[list.count++] = store[at] + used;
        used += (size_t)snprintf(store[at] + used, sizeof store[at] - used, "%s%s%s",
                                 in_folder ? folder : "", in_folder ? "/" : "", word) +
                1;
    }
    return list;
}

static char automatic[] = "auto", utc[] = "UTC", who[] = "who", empty[] = "", extra[] = "extra",
            closing[] = "close";

static struct config make_config(const char *source)
{
    struct config config = {0};
    config.run.seed = 7;
    config.data.source = list_of(source, 1);
    config.data.manifest = config.data.where = config.data.series = empty;
    config.data.time = list_of("time", 0);
    config.data.time_format = automatic;
    config.data.time_zone = utc;
    config.data.jump_column = closing;
    config.data.stratify = extra;
    config.data.strata = 3;
    config.data.features = list_of("ma(close,5) ret(close) extra", 0);
    config.data.targets = list_of("close", 0);
    config.data.window = 10;
    config.data.stride = 1;
    config.data.horizon = 2;
    config.data.eval_window = -1;
    config.data.split_block = -1;
    config.data.balance_bins = 10;
    config.data.validation = 0.2;
    config.data.test = 0.2;
    config.data.gap = 300000;
    config.data.missing = MISSING_SKIP;
    config.data.scaler = (struct method){.kind = SCALER_STANDARD, .high = 1};
    return config;
}

/* All that a model is trained on and judged by. */
static void expect_same(const struct dataset *a, const struct dataset *b)
{
    size_t cells = a->rows * a->targets;
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->files, b->files);
    assert_int_equal(a->targets, b->targets);
    assert_memory_equal(a->series, b->series, a->rows * a->features * sizeof *a->series);
    assert_int_equal(a->time == NULL, b->time == NULL);
    if (a->time)
        assert_memory_equal(a->time, b->time, a->rows * sizeof *a->time);
    assert_memory_equal(a->target, b->target, cells * sizeof *a->target);
    assert_memory_equal(a->raw_target, b->raw_target, cells * sizeof *a->raw_target);
    assert_memory_equal(a->target_base, b->target_base, cells * sizeof *a->target_base);
    assert_memory_equal(a->scaler.offset, b->scaler.offset, a->features * sizeof(double));
    assert_memory_equal(a->scaler.scale, b->scaler.scale, a->features * sizeof(double));
    for (int part = 0; part < PARTS; part++) {
        assert_true(a->count[part] > 0);
        assert_int_equal(a->count[part], b->count[part]);
        assert_memory_equal(a->start[part], b->start[part], a->count[part] * sizeof **a->start);
    }
    assert_int_equal(a->borders, b->borders);
    assert_memory_equal(a->border, b->border, a->borders * sizeof *a->border);
    for (size_t s = 0; s < a->files; s++) {
        assert_int_equal(a->file[s].begin, b->file[s].begin);
        assert_int_equal(a->file[s].end, b->file[s].end);
        assert_memory_equal(&a->file[s].file, &b->file[s].file, sizeof a->file[s].file);
    }
    if (a->weight)
        assert_memory_equal(a->weight, b->weight, a->rows * sizeof *a->weight);
}

/* The files of the series, and long files in each layout, make the same. */
static void expect_all_same(struct config config, int sorted)
{
    static const char *const files[] = {"by_series.csv", "by_time.csv", "mixed.csv"};
    config.data.source = list_of("s0.csv s1.csv s2.csv", 1);
    struct dataset *want = fake_load(&config);
    config.data.series = who;
    for (int layout = 0; layout < (sorted ? 3 : 2); layout++) {
        config.data.source = list_of(files[layout], 1);
        config.data.order = layout == MIXED ? ORDER_SORT : ORDER_AUTO;
        struct dataset *data = fake_load(&config);
        expect_same(want, data);
        for (size_t s = 0; s < SERIES; s++)
            assert_string_equal(data->file[s].name, names[s]);
        assert_true(data->by_series);
        assert_string_equal(fake_warned, "");
        dataset_free(data);
    }
    dataset_free(want);
}

static void write_all(void)
{
    make_rows();
    for (int s = 0; s < SERIES; s++)
        write_series("s", s, 0, count[s]);
    write_long("by_series.csv", "by_series_t.csv", BY_SERIES, 0, ROWS);
    write_long("by_time.csv", "by_time_t.csv", BY_TIME, 0, ROWS);
    write_long("mixed.csv", "mixed_t.csv", MIXED, 0, ROWS);
}

static void a_long_file_is_its_series(void **state)
{
    (void)state;
    write_all();
    struct config config = make_config("");
    expect_all_same(config, 1);
    config.data.rows = 150;
    expect_all_same(config, 1);
    config.data.rows = 0;
    for (int split = SPLIT_SHUFFLED; split <= SPLIT_SHUFFLED_WINDOWS; split++) {
        config.data.split = split;
        config.data.stride = split == SPLIT_SHUFFLED_WINDOWS ? 20 : 1;
        expect_all_same(config, 1);
    }
    config.data.stride = 1;
    config.data.split = SPLIT_SHUFFLED;
    config.data.split_unit = SPLIT_SERIES;
    expect_all_same(config, 1);
    config.data.split = SPLIT_CHRONOLOGICAL;
    config.data.balance = BALANCE_WEIGHT;
    expect_all_same(config, 1);
    config.data.balance = BALANCE_SELECT;
    expect_all_same(config, 1);
    config.data.balance = BALANCE_NONE;
    config.data.missing = MISSING_PREVIOUS;
    config.data.missing_limit = 1;
    config.data.targets = list_of("extra", 0);
    expect_all_same(config, 1);
    config.data.resample = 180000;
    config.data.gap = 0;
    config.data.window = 5;
    expect_all_same(config, 1);
}

static void a_long_file_without_times(void **state)
{
    (void)state;
    write_all();
    struct config config = make_config("");
    config.data.time.count = 0;
    config.data.gap = 0;
    expect_all_same(config, 0);
}

static void targets_beside_a_long_file(void **state)
{
    (void)state;
    static const char *const layouts[][2] = {{"by_series.csv", "by_series_t.csv"},
                                             {"by_time.csv", "by_time_t.csv"},
                                             {"mixed.csv", "mixed_t.csv"}};
    write_all();
    for (int missing = MISSING_SKIP; missing <= MISSING_PREVIOUS; missing++) {
        struct config config = make_config("s0.csv s1.csv s2.csv");
        config.data.missing = missing;
        config.data.missing_limit = 1;
        config.data.target_source = list_of("t0.csv t1.csv t2.csv", 1);
        config.data.targets = list_of("y", 0);
        config.data.target_rows = TARGET_WINDOW;
        struct dataset *want = fake_load(&config);
        config.data.series = who;
        config.data.order = ORDER_SORT;
        for (int layout = 0; layout < 3; layout++) {
            config.data.source = list_of(layouts[layout][0], 1);
            config.data.target_source = list_of(layouts[layout][1], 1);
            struct dataset *data = fake_load(&config);
            expect_same(want, data);
            dataset_free(data);
        }
        dataset_free(want);
    }
}

/* Rows without a time are left out with their rows of targets; the next row is behind a hole. */
static void rows_without_a_time_beside_targets(void **state)
{
    (void)state;
    struct config config = make_config("no_time.csv");
    config.data.features = list_of("close", 0);
    config.data.targets = list_of("y", 0);
    config.data.target_source = list_of("no_time_t.csv", 1);
    config.data.target_rows = TARGET_WINDOW;
    config.data.window = 2;
    config.data.gap = 0;
    config.data.validation = config.data.test = 0;
    config.data.scaler = (struct method){.kind = SCALER_NONE, .high = 1};
    FILE *out = create("no_time.csv"), *targets = create("no_time_t.csv");
    fputs("time,close\n", out);
    fputs("y\n", targets);
    for (int i = 0; i < 20; i++) {
        if (i == 7)
            fprintf(out, ",%d\n", i);
        else
            fprintf(out, "%d,%d\n", 1600000000 + 60 * i, i);
        fprintf(targets, "%d\n", 100 + i);
    }
    close_file(out);
    close_file(targets);
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->rows, 19);
    assert_int_equal(data->count[PART_TRAIN], 18 - 1);
    for (size_t row = 0; row < data->rows; row++)
        assert_true(data->raw_target[row] == 100 + (double)data->series[row]);
    dataset_free(data);
}

/* Of rows of one time the one that counts takes its row of targets with it. */
static void merged_rows_beside_targets(void **state)
{
    (void)state;
    static const char *const texts[] = {"1,10\n2,20\n2,21\n3,30\n", "3,30\n2,20\n2,21\n1,10\n"};
    for (int k = 0; k < 4; k++) {
        char text[64];
        struct config config = make_config("twice.csv");
        config.data.duplicates = k / 2 ? DUPLICATES_LAST : DUPLICATES_FIRST;
        config.data.target_source = list_of("twice_t.csv", 1);
        config.data.features = list_of("close", 0);
        config.data.targets = list_of("y", 0);
        config.data.target_rows = TARGET_WINDOW;
        config.data.window = 2;
        config.data.gap = 0;
        config.data.validation = config.data.test = 0;
        config.data.scaler = (struct method){.kind = SCALER_NONE, .high = 1};
        snprintf(text, sizeof text, "time,close\n%s", texts[k % 2]);
        FILE *out = create("twice.csv"), *targets = create("twice_t.csv");
        fputs(text, out);
        fputs(k % 2 ? "y\n300\n200\n210\n100\n" : "y\n100\n200\n210\n300\n", targets);
        close_file(out);
        close_file(targets);
        struct dataset *data = fake_load(&config);
        assert_int_equal(data->rows, 3);
        assert_true(data->series[1] == (k / 2 ? 21 : 20));
        for (size_t row = 0; row < data->rows; row++)
            assert_true(data->raw_target[row] == 10 * (double)data->series[row]);
        dataset_free(data);
    }
}

/* --- files that follow one another */

static void write_text(const char *name, const char *text)
{
    FILE *out = create(name);
    fputs(text, out);
    close_file(out);
}

static void write_months(int s)
{
    static const int begin[] = {0, 80, 150, ROWS};
    char prefix[32];
    mkdir(in("months"), 0777);
    for (int m = 0; m < 3; m++) {
        snprintf(prefix, sizeof prefix, "months/X-%d-", 3 - m); /* the last month comes first */
        write_series(prefix, s, begin[m], begin[m + 1]);
    }
}

static void clear_months(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s/months", folder);
    assert_int_equal(system(command), 0);
}

static void joined_files_are_one_series(void **state)
{
    (void)state;
    static const int begin[] = {0, 80, 150, ROWS};
    make_rows();
    write_series("s", 0, 0, ROWS);
    write_months(0);
    for (int missing = MISSING_SKIP; missing <= MISSING_PREVIOUS; missing++) {
        struct config config = make_config("s0.csv");
        config.data.missing = missing;
        config.data.missing_limit = 1;
        config.data.targets = list_of("extra", 0);
        struct dataset *want = fake_load(&config);
        config.data.join = 1;
        config.data.source = list_of("months", 1);
        struct dataset *data = fake_load(&config);
        expect_same(want, data);
        assert_string_equal(data->file[0].name, "months");
        assert_string_equal(fake_warned, "");
        assert_non_null(strstr(fake_said, "3 files joined, the first is "));
        dataset_free(data);
        config.data.source = list_of("months/X-*.csv", 1);
        data = fake_load(&config);
        expect_same(want, data);
        assert_string_equal(data->file[0].name, "X-*.csv");
        dataset_free(data);
        dataset_free(want);
    }
    /* with their targets beside */
    struct config beside = make_config("s0.csv");
    beside.data.targets = list_of("y", 0);
    beside.data.target_rows = TARGET_WINDOW;
    beside.data.target_source = list_of("whole.csv", 1);
    FILE *out = create("whole.csv");
    fputs("y\n", out);
    for (int i = 0; i < ROWS; i++)
        fprintf(out, "%d\n", rows[0][i].target);
    close_file(out);
    for (int m = 0; m < 3; m++) { /* in the order of the files' names */
        char name[32];
        snprintf(name, sizeof name, "beside%d.csv", m);
        out = create(name);
        fputs("y\n", out);
        for (int i = begin[2 - m]; i < begin[3 - m]; i++)
            fprintf(out, "%d\n", rows[0][i].target);
        close_file(out);
    }
    struct dataset *alone = fake_load(&beside);
    beside.data.join = 1;
    beside.data.source = list_of("months", 1);
    beside.data.target_source = list_of("beside*.csv", 1);
    struct dataset *together = fake_load(&beside);
    expect_same(alone, together);
    dataset_free(alone);
    dataset_free(together);
    clear_months();

    /* each month holds all series */
    write_all();
    mkdir(in("months"), 0777);
    for (int m = 0; m < 3; m++) {
        char name[32];
        snprintf(name, sizeof name, "months/%d.csv", m);
        write_long(name, "unused.csv", m % 2 ? BY_TIME : BY_SERIES, begin[m], begin[m + 1]);
    }
    struct config config = make_config("by_time.csv");
    config.data.series = who;
    struct dataset *want = fake_load(&config);
    config.data.join = 1;
    config.data.source = list_of("months", 1);
    struct dataset *data = fake_load(&config);
    expect_same(want, data);
    for (size_t s = 0; s < SERIES; s++)
        assert_string_equal(data->file[s].name, names[s]);
    dataset_free(data);
    dataset_free(want);
    clear_months();
}

/* A hole where two files meet is one, whatever data.gap says; rows that both files have show what
 * lies between. */
static void joined_files_with_holes_where_they_meet(void **state)
{
    (void)state;
    static const int lacks[][2] = {{79, -1}, {80, -1}, {79, 80}, {149, 150}, {81, 151}};
    for (size_t k = 0; k < 2 * sizeof lacks / sizeof *lacks; k++) {
        make_rows();
        rows[0][60].lacks = 0;
        for (int i = 0; i < 2; i++)
            if (lacks[k / 2][i] >= 0)
                rows[0][lacks[k / 2][i]].lacks = 1;
        write_series("s", 0, 0, ROWS);
        struct config config = make_config("s0.csv");
        config.data.gap = 10000000;
        struct dataset *want = fake_load(&config);
        write_months(0);
        if (k % 2) { /* the second begins with a row of the first */
            write_series("months/X-2-", 0, 79 - (lacks[k / 2][0] == 79), 150);
        }
        config.data.join = 1;
        config.data.source = list_of("months", 1);
        struct dataset *data = fake_load(&config);
        expect_same(want, data);
        dataset_free(data);
        dataset_free(want);
        clear_months();
    }
    /* a row without a time, at an end of a file or in the order of the newest first */
    static const char *const texts[][2] = {
        {"1,1\n2,2\n,9\n", "3,3\n4,4\n"},     {"1,1\n2,2\n", ",9\n3,3\n4,4\n"},
        {",9\n2,2\n1,1\n", "4,4\n3,3\n"},     {"2,2\n1,1\n", "4,4\n3,3\n,9\n"},
        {"1,1\n2,2\n", "3,3\n4,4\n,9\n"},     {",9\n1,1\n2,2\n", "3,3\n4,4\n"},
        {"1,1\n2,2\n3,\n", "2,2\n3,3\n4,4\n"}};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        char text[64];
        mkdir(in("months"), 0777);
        for (int i = 0; i < 2; i++) {
            snprintf(text, sizeof text, "time,close\n%s", texts[k][i]);
            write_text(i ? "months/b.csv" : "months/a.csv", text);
        }
        struct config config = make_config("months");
        config.data.features = list_of("close", 0);
        config.data.targets.count = 0;
        config.data.window = 2;
        config.data.gap = 0;
        config.data.validation = config.data.test = 0;
        config.data.join = 1;
        struct dataset *data = fake_load(&config);
        assert_int_equal(data->rows, 4);
        assert_int_equal(data->count[PART_TRAIN], k < 4 ? 2 : 3);
        dataset_free(data);
        clear_months();
    }
}

static void joined_files_without_values(void **state)
{
    (void)state;
    mkdir(in("months"), 0777);
    write_text("months/a.csv", "who,time,close,extra\nx,1600000000,1,\n");
    write_text("months/b.csv", "who,time,close,extra\nx,1600000060,1,\n");
    struct config config = make_config("months");
    config.data.join = 1;
    config.data.series = who;
    fake_expect_fault(&config, STATUS_INPUT,
                      "/months: no row has a value in every column that is used");
    clear_months();
}

/* Of one of two series no row of the middle file has a value: a hole, although data.gap sees none.
 */
static void a_file_without_values_of_a_series(void **state)
{
    (void)state;
    mkdir(in("months"), 0777);
    for (int m = 0; m < 3; m++) {
        char name[32];
        snprintf(name, sizeof name, "months/%d.csv", 3 - m);
        FILE *out = create(name);
        fputs("who,time,close\n", out);
        for (int i = 10 * m; i < 10 * (m + 1); i++) {
            fprintf(out, "x,%d,%s\n", 1600000000 + i, m == 1 ? "" : "1");
            fprintf(out, "y,%d,%d\n", 1600000000 + i, i);
            fprintf(out, "z,%d,\n", 1600000000 + i);
        }
        close_file(out);
    }
    struct config config = make_config("months");
    config.data.join = 1;
    config.data.series = who;
    config.data.features = list_of("close", 0);
    config.data.targets.count = 0;
    config.data.window = 2;
    config.data.gap = 0;
    config.data.validation = config.data.test = 0;
    fake_expect_fault(&config, STATUS_INPUT,
                      "/months: z: no row has a value in every column that is");
    config.data.short_series = SHORT_SKIP;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->files, 2);
    assert_int_equal(data->rows, 20 + 30);
    assert_int_equal(data->count[PART_TRAIN], 9 + 9 + 29);
    dataset_free(data);
    clear_months();
}

/* Each item of source is a series of its own. */
static void items_are_joined_each_by_itself(void **state)
{
    (void)state;
    make_rows();
    write_series("s", 0, 0, ROWS);
    write_series("s", 1, 0, count[1]);
    write_months(0);
    struct config config = make_config("s0.csv s1.csv");
    struct dataset *want = fake_load(&config);
    config.data.join = 1;
    config.data.source = list_of("months s1.csv", 1);
    struct dataset *data = fake_load(&config);
    expect_same(want, data);
    assert_string_equal(data->file[0].name, "months");
    assert_string_equal(data->file[1].name, "s1.csv");
    dataset_free(data);
    dataset_free(want);
    /* a manifest has an item, and a name, for each file */
    write_text("list.csv", "path,name\ns0.csv,first\ns1.csv,second\n");
    static char manifest[128];
    snprintf(manifest, sizeof manifest, "%s", in("list.csv"));
    config.data.manifest = manifest;
    config.data.source.count = 0;
    data = fake_load(&config);
    assert_int_equal(data->files, 2);
    assert_string_equal(data->file[0].name, "first");
    assert_string_equal(data->file[1].name, "second");
    dataset_free(data);
    config.data.time.count = 0;
    config.data.gap = 0;
    fake_expect_fault(&config, STATUS_USAGE, "[data] join: needs data.time");
    clear_months();
}

static void where_files_meet(void **state)
{
    (void)state;
    mkdir(in("months"), 0777);
    struct config config = make_config("months");
    config.data.join = 1;
    config.data.features = config.data.targets = list_of("x", 0);
    config.data.window = 1;
    config.data.horizon = 1;
    config.data.gap = 0;
    config.data.validation = config.data.test = 0;
    config.data.scaler = (struct method){.kind = SCALER_NONE, .high = 1};
    write_text("months/a.csv", "time,x\n1600000000,1\n1600000060,2\n1600000120,3\n");
    write_text("months/b.csv", "time,x\n1600000060,2\n1600000120,3\n1600000180,4\n");
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->rows, 4);
    for (int i = 0; i < 4; i++)
        assert_true(data->series[i] == (float)(i + 1));
    assert_non_null(strstr(fake_said, "2 rows at the end of "));
    dataset_free(data);

    write_text("months/b.csv", "time,x\n1600000060,2\n1600000120,9\n1600000180,4\n");
    fake_expect_fault(&config, STATUS_INPUT,
                      "/months/b.csv: it begins at 2020-09-13T12:27:40Z, but ");
    fake_expect_fault(&config, STATUS_INPUT, "/months/a.csv goes on up to 2020-09-13T12:28:40Z: ");
    write_text("months/b.csv", "time,x\n1600000050,2\n1600000180,4\n");
    fake_expect_fault(&config, STATUS_INPUT, "/months/a.csv goes on up to ");

    /* a message names the file of the row, and its line */
    static char log_text[] = "log";
    static char *log_list[] = {log_text};
    config.data.target_transform = (struct list){log_list, 1};
    write_text("months/b.csv", "time,x\n1600000180,4\n1600000240,-5\n1600000300,4\n");
    fake_expect_fault(&config, STATUS_INPUT, "/months/b.csv:3: ");
    clear_months();
}

static void files_that_follow_are_warned_of(void **state)
{
    (void)state;
    make_rows();
    write_months(0);
    struct config config = make_config("months");
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->files, 3);
    assert_non_null(strstr(fake_warned, "/months/X-3-0.csv and "));
    assert_non_null(strstr(fake_warned, "/months/X-2-0.csv follow one another in time"));
    assert_non_null(strstr(fake_warned, "data.join = yes"));
    dataset_free(data);
    clear_months();

    /* not where they overlap, and not where their names tell other things */
    write_series("s", 0, 0, ROWS);
    write_series("s", 1, 0, ROWS);
    write_series("first", 0, 0, 120);
    write_series("second", 0, 120, ROWS);
    static const char *const others[] = {"s0.csv s1.csv", "first0.csv second0.csv"};
    for (int i = 0; i < 2; i++) {
        config.data.source = list_of(others[i], 1);
        data = fake_load(&config);
        assert_string_equal(fake_warned, "");
        dataset_free(data);
    }
    /* what is named file by file is not joined, and that is told */
    config.data.join = 1;
    data = fake_load(&config);
    assert_int_equal(data->files, 2);
    assert_non_null(
        strstr(fake_warned, "each item of data.source is one file, so none are joined"));
    dataset_free(data);
    config.data.source = list_of("first0.csv", 1);
    data = fake_load(&config);
    assert_string_equal(fake_warned, "");
    dataset_free(data);
    config.data.join = 0;
    /* nor of parts, which are apart anyway */
    write_series("part1", 0, 0, 120);
    write_series("part2", 0, 120, ROWS);
    config.data.source = list_of("part10.csv", 1);
    config.data.validation_source = list_of("part20.csv", 1);
    config.data.test = 0;
    data = fake_load(&config);
    assert_string_equal(fake_warned, "");
    dataset_free(data);
}

/* --- what looks like a long file, and faults of one */

static char column_x[] = "x";
static char *wanted[] = {column_x};

static struct table *read_text(const char *text, const struct table_how *how, struct error *err)
{
    const char *path = fake_file(text, strlen(text), ".csv");
    struct table *table = table_read(path, how, wanted, 1, NULL, err);
    unlink(path);
    return table;
}

/* Reading fails; the message has `wants`, and not `lacks`. */
static void refused(const char *text, struct table_how how, const char *wants, const char *lacks)
{
    struct error err = {0};
    struct table *table = read_text(text, &how, &err);
    assert_null(table);
    fake_expect(&err, STATUS_INPUT, wants);
    if (lacks && strstr(err.text, lacks))
        fail_msg("'%s' has '%s'", err.text, lacks);
}

static void what_looks_long(void **state)
{
    (void)state;
    const struct table_how how = {.time = {"t"}};
    static const char remedy[] = "; column 'who' tells 2 series apart, it seems: data.series = who "
                                 "reads them";
    refused("who,t,x\na,2024-01-01,1\na,2024-01-02,2\na,2024-01-03,3\n"
            "b,2024-01-01,1\nb,2024-01-02,2\nb,2024-01-03,3\n",
            how, remedy, NULL);
    refused("t,x,who\n2024-01-01,1,a\n2024-01-01,2,b\n2024-01-02,3,a\n"
            "2024-01-02,1,b\n2024-01-03,2,a\n2024-01-03,3,b\n",
            how, remedy, "time of day");
    /* newest first, and sorted already */
    refused("t,x,who\n2024-01-03,1,a\n2024-01-03,2,b\n2024-01-02,3,a\n"
            "2024-01-02,1,b\n2024-01-01,2,a\n2024-01-01,3,b\n",
            how, remedy, NULL);
    struct table_how sorted = how;
    sorted.order = ORDER_SORT;
    refused("who,t,x\na,2024-01-01,1\na,2024-01-02,2\na,2024-01-03,3\n"
            "b,2024-01-01,1\nb,2024-01-02,2\nb,2024-01-03,3\n",
            sorted, remedy, NULL);
    /* numbers may tell them apart; words do so better */
    refused("who,t,x\n1,2024-01-01,1\n1,2024-01-02,2\n1,2024-01-03,3\n"
            "2,2024-01-01,1\n2,2024-01-02,2\n2,2024-01-03,3\n",
            how, remedy, NULL);
    refused("n,who,t,x\n1,a,2024-01-01,1\n1,a,2024-01-02,2\n1,a,2024-01-03,3\n"
            "2,b,2024-01-01,1\n2,b,2024-01-02,2\n2,b,2024-01-03,3\n",
            how, remedy, NULL);
    /* a time of day, an hour, a word that does not tell rows apart, a name for each row */
    static const char *const others[] = {
        "t,clock,x\n2024-01-01,09:00,1\n2024-01-01,10:00,2\n2024-01-02,09:00,3\n"
        "2024-01-02,10:00,4\n2024-01-03,09:00,5\n2024-01-03,10:00,6\n",
        "t,Hour,x\n2024-01-01,9,1\n2024-01-01,10,2\n2024-01-02,9,3\n"
        "2024-01-02,10,4\n2024-01-03,9,5\n2024-01-03,10,6\n",
        "t,who,x\n2024-01-01,a,1\n2024-01-01,a,2\n2024-01-02,b,3\n"
        "2024-01-02,b,4\n2024-01-03,b,5\n2024-01-03,b,6\n",
        "t,who,x\n2024-01-01,a,1\n2024-01-01,b,2\n2024-01-02,c,3\n"
        "2024-01-02,d,4\n2024-01-03,e,5\n2024-01-03,f,6\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        refused(others[i], how, "appears twice", "data.series");
}

/* Without times nothing else tells. */
static void words_in_blocks_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *word[4];
        int told;
    } cases[] = {
        {{"a", "a", "b", "b"}, 1}, {{"a", "b", "a", "b"}, 0}, {{"a", "a", "a", "a"}, 0},
        {{"1", "1", "2", "2"}, 0}, {{"", "a", "b", "b"}, 0},  {{"09:00", "09:00", "9", "9"}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048] = "who,x\n";
        size_t used = strlen(text);
        for (int row = 0; row < 40; row++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s,%d\n",
                                     cases[i].word[row / 10], row);
        struct error err;
        struct table *table = read_text(text, &(struct table_how){0}, &err);
        assert_non_null(table);
        int told = table->told &&
                   strstr(table->told, "column 'who' has 2 words, and all rows of a word follow"
                                       " each other: if these are series, data.series = who keeps "
                                       "them apart\n");
        if (told != cases[i].told)
            fail_msg("case %zu: '%s'", i, table->told ? table->told : "");
        table_free(table);
        table = read_text(text, &(struct table_how){.series = "who"}, &err);
        assert_int_equal(table == NULL, i == 4); /* a name is missing */
        assert_true(!table || !table->told);
        table_free(table);
    }
}

static void faults_of_long_files(void **state)
{
    (void)state;
    const struct table_how how = {.time = {"t"}, .series = "who"};
    refused("who,t,x\na,2024-01-01,1\n,2024-01-02,2\n", how,
            ".csv:3: column 'who': the name of the series is missing", NULL);
    refused("who,t,x\na,2024-01-01,1\nb,2024-01-01,1\na,2024-01-03,1\na,2024-01-02,1\n", how,
            ".csv:5: time 2024-01-02T00:00:00Z lies before the previous row's "
            "2024-01-03T00:00:00Z; data.order = sort",
            "data.series");
    refused("who,t,x\na,2024-01-01,1\nb,2024-01-01,1\na,2024-01-02,1\nb,2024-01-01,1\n", how,
            ".csv:5: time 2024-01-01T00:00:00Z appears twice", "data.series");
    refused("who,t,x\na,2024-01-01,1\nb,2024-01-01,1\na,2024-01-02,\n", how,
            ".csv:4: column 'x': the value is missing", NULL);
    refused("t,x\n2024-01-01,1\n", how, "no column 'who'", NULL);

    /* a series without a time, and one without a value */
    struct table_how skip = how;
    struct error err;
    skip.missing = MISSING_SKIP;
    struct table *table = read_text("who,t,x\nb,,2\na,2024-01-01,1\nc,2024-01-01,\n"
                                    "a,2024-01-02,\na,2024-01-03,3\n",
                                    &skip, &err);
    assert_non_null(table);
    assert_string_equal(table->series, "a");
    assert_string_equal(table->told_of_file, "series 'b' left out: no row of it has a time\n");
    assert_int_equal(table->rows, 2);
    assert_int_equal(table->cuts, 1);
    assert_int_equal(table->line[1], 6);
    assert_string_equal(table->next->series, "c");
    assert_int_equal(table->next->rows, 0);
    assert_null(table->next->next);
    table_free(table);
}

/* A row without a time is a hole in its own series alone. */
static void holes_are_of_one_series(void **state)
{
    (void)state;
    struct error err;
    struct table_how how = {.time = {"t"}, .series = "who", .missing = MISSING_SKIP};
    struct table *table =
        read_text("who,t,x\na,2024-01-01,1\nb,2024-01-01,1\nb,,1\na,2024-01-02,1\nb,2024-01-03,1\n",
                  &how, &err);
    assert_non_null(table);
    assert_int_equal(table->cuts, 0);
    assert_int_equal(table->next->cuts, 1);
    assert_int_equal(table->next->cut[0], 1);
    table_free(table);

    /* clocks that were put back, for each series by itself */
    how = (struct table_how){
        .time = {"t"}, .series = "who", .zone = zone_open("Europe/Berlin", &err)};
    assert_non_null(how.zone);
    table = read_text("who,t,x\na,2023-10-29 02:30,1\nb,2023-10-29 02:30,1\n"
                      "a,2023-10-29 02:45,1\nb,2023-10-29 02:45,1\n"
                      "a,2023-10-29 02:15,1\nb,2023-10-29 03:15,1\na,2023-10-29 03:00,1\n",
                      &how, &err);
    assert_non_null(table);
    assert_int_equal(table->time[2] - table->time[1], 30 * 60000);
    assert_int_equal(table->next->time[2] - table->next->time[1], 90 * 60000);
    assert_non_null(strstr(table->told, "clocks were put back: 1 row of the hour"));
    assert_null(table->next->told);
    table_free(table);
    struct zone *zone = (struct zone *)(uintptr_t)how.zone;
    zone_free(zone);
}

static void series_that_are_too_short(void **state)
{
    (void)state;
    struct config config = make_config("short.csv");
    FILE *out = create("short.csv");
    fputs("who,time,close,extra\n", out);
    for (int i = 0; i < 100; i++)
        fprintf(out, "long,%d,%d,%d\n", 1600000000 + 60 * i, i + 1, i % 7);
    fputs("brief,1600000000,1,1\nbare,1600000000,1,\n", out);
    close_file(out);
    config.data.series = who;
    fake_expect_fault(&config, STATUS_INPUT,
                      "short.csv: bare: no row has a value in every column that is used; "
                      "data.short_series = skip");
    config.data.missing = MISSING_PREVIOUS;
    fake_expect_fault(&config, STATUS_INPUT,
                      "short.csv:103: column 'extra': the value is missing, here "
                      "and in all other rows of the series; data.missing = skip with "
                      "data.short_series = skip");
    config.data.missing = MISSING_SKIP;
    config.data.short_series = SHORT_SKIP;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->files, 1);
    assert_string_equal(data->file[0].name, "long");
    assert_int_equal(fake_told("files_left_out", NULL), 2);
    assert_non_null(strstr(fake_said, "2 series too short for a window left out"));
    dataset_free(data);
}

/* What is hardly right in several series is told once, with their number. */
static void what_is_hardly_right_in_many(void **state)
{
    (void)state;
    struct config config = make_config("odd.csv");
    FILE *out = create("odd.csv");
    fputs("who,time,close,extra\n", out);
    for (int s = 0; s < 5; s++)
        for (int i = 0; i < 60; i++)
            fprintf(out, "s%d,%d,%d,%d\n", s, 1600000000 + 60 * i,
                    s > 1 && i == 9 + s ? -999 : i + 1, s == 4 && i == 20 ? -999 : i % 7);
    close_file(out);
    config.data.series = who;
    config.data.validation = config.data.test = 0;
    struct dataset *data = fake_load(&config);
    const char *first = strstr(fake_warned, "odd.csv:133: column 'close' is -999 in 1 row, first");
    assert_non_null(first);
    assert_non_null(strstr(first, "; and so in 2 more series\n"));
    assert_non_null(strstr(fake_warned, "odd.csv:262: column 'extra' is -999 in 1 row, first"));
    assert_null(strstr(strstr(fake_warned, "odd.csv:262"), "more series"));
    assert_null(strstr(strstr(first, "'close'") + 1, "'close'")); /* once */
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
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    fake_forget();
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_file_is_its_series),
        cmocka_unit_test(a_long_file_without_times),
        cmocka_unit_test(targets_beside_a_long_file),
        cmocka_unit_test(rows_without_a_time_beside_targets),
        cmocka_unit_test(merged_rows_beside_targets),
        cmocka_unit_test(joined_files_are_one_series),
        cmocka_unit_test(joined_files_with_holes_where_they_meet),
        cmocka_unit_test(joined_files_without_values),
        cmocka_unit_test(a_file_without_values_of_a_series),
        cmocka_unit_test(items_are_joined_each_by_itself),
        cmocka_unit_test(where_files_meet),
        cmocka_unit_test(files_that_follow_are_warned_of),
        cmocka_unit_test(what_looks_long),
        cmocka_unit_test(words_in_blocks_are_told),
        cmocka_unit_test(faults_of_long_files),
        cmocka_unit_test(holes_are_of_one_series),
        cmocka_unit_test(series_that_are_too_short),
        cmocka_unit_test(what_is_hardly_right_in_many),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("long", tests, set_up, tear_down);
}
