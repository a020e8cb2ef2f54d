/* SPDX-License-Identifier: MIT */
/* cache: what comes out is what the CSV says, whatever has become of the cache file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/cache.h"
#include "data_fakes.h"
#include "util/block.h"
#include "util/file.h"

#define ROWS 3000

static char top[] = "cache-test-XXXXXX", home[PATH_MAX], csv[PATH_MAX];
static char a_name[] = "A", b_name[] = "b", *names[] = {b_name, a_name};

/* Rows that depend on `salt`; written so long ago that the file counts as settled. */
static void write_csv(int salt)
{
    FILE *out = fopen(csv, "wb");
    assert_non_null(out);
    fprintf(out, "t,a,B,c\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(out, "%d,%d.5,%d.25,x\n", 1600000000 + i, (i * 7 + salt) % 1000, i % 10 + salt);
    assert_int_equal(fclose(out), 0);
    struct timespec times[2] = {{.tv_sec = 1000000000 + salt}, {.tv_sec = 1000000000 + salt}};
    assert_int_equal(utimensat(AT_FDCWD, csv, times, 0), 0);
}

/* Reads and compares with what was written; 1 if it came from the cache. */
static int load(int salt, const char *time)
{
    struct error err;
    fake_forget();
    struct table *table =
        cache_table(csv, &(struct table_how){.time = {time}}, names, 2, NULL, &err);
    if (!table)
        fail_msg("%s", err.text);
    assert_int_equal(table->rows, ROWS);
    assert_string_equal(table->path, csv);
    assert_string_equal(table->name[0], "B");
    assert_string_equal(table->name[1], "a");
    assert_int_equal(table->time != NULL, *time != 0);
    for (int i = 0; i < ROWS; i++) {
        assert_true(table->column[0][i] == i % 10 + salt + 0.25);
        assert_true(table->column[1][i] == (i * 7 + salt) % 1000 + 0.5);
        if (*time)
            assert_true(table->time[i] == (1600000000 + i) * 1000LL);
    }
    assert_int_equal(table->format, *time ? TIME_SECONDS : TIME_NONE);
    table_free(table);
    return strstr(fake_said, "from the cache") != NULL;
}

/* The one cache file there is; how many there are. */
static int find(char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.4000s/seqtrain/data", home);
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (*entry->d_name == '.')
            continue;
        snprintf(path, PATH_MAX, "%.3000s/%.200s", folder, entry->d_name);
        count++;
    }
    if (dir)
        closedir(dir);
    return count;
}

static void forget_cache(void)
{
    char path[PATH_MAX];
    while (find(path))
        assert_int_equal(unlink(path), 0);
}

static int set_up(void **state)
{
    (void)state;
    char *folder = mkdtemp(top);
    if (!folder || !realpath(folder, home))
        return -1;
    snprintf(csv, sizeof csv, "%.4000s/rows.csv", home);
    return setenv("XDG_CACHE_HOME", home, 1);
}

static int tear_down(void **state)
{
    (void)state;
    char path[PATH_MAX];
    forget_cache();
    unlink(csv);
    snprintf(path, sizeof path, "%.4000s/seqtrain/data", home);
    rmdir(path);
    snprintf(path, sizeof path, "%.4000s/seqtrain", home);
    rmdir(path);
    fake_forget();
    return rmdir(home);
}

static void a_second_start_reads_no_csv(void **state)
{
    (void)state;
    char path[PATH_MAX];
    write_csv(100);
    assert_int_equal(load(100, "t"), 0);
    assert_int_equal(load(100, "t"), 1);
    assert_int_equal(find(path), 1);
    assert_int_equal(load(100, ""), 0); /* another question has another answer */
    assert_int_equal(load(100, ""), 1);
    assert_int_equal(find(path), 2);
    forget_cache();
}

static void a_changed_file_is_parsed(void **state)
{
    (void)state;
    char path[PATH_MAX];
    write_csv(200);
    assert_int_equal(load(200, "t"), 0);
    write_csv(300); /* as long as before */
    assert_int_equal(load(300, "t"), 0);
    assert_int_equal(load(300, "t"), 1);
    assert_int_equal(find(path), 1); /* the old one made room */

    /* Even if its time is set back. */
    write_csv(400);
    struct timespec times[2] = {{.tv_sec = 1000000300}, {.tv_sec = 1000000300}};
    assert_int_equal(utimensat(AT_FDCWD, csv, times, 0), 0);
    assert_int_equal(load(400, "t"), 0);

    /* A file that was only just written may change again. */
    write_csv(500);
    assert_int_equal(utimensat(AT_FDCWD, csv, NULL, 0), 0);
    assert_int_equal(load(500, "t"), 0);
    assert_int_equal(load(500, "t"), 0);
    forget_cache();
}

static void no_byte_of_a_cache_can_be_wrong(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct error err;
    size_t size;
    write_csv(100);
    load(100, "t");
    assert_int_equal(find(path), 1);
    char *bytes = file_read(path, 1 << 20, &size, &err);
    assert_non_null(bytes);
    for (size_t at = 0; at < size; at += at < 600 || at + 40 > size ? 1 : 997) {
        bytes[at] ^= 0x10;
        assert_int_equal(file_write(path, bytes, size, &err), 0);
        assert_int_equal(load(100, "t"), 0); /* and it is written anew */
        bytes[at] ^= 0x10;
    }
    assert_int_equal(load(100, "t"), 1);
    for (size_t cut = 0; cut < size; cut += cut < 600 || cut + 40 > size ? 1 : 1999) {
        assert_int_equal(file_write(path, bytes, cut, &err), 0);
        assert_int_equal(load(100, "t"), 0);
    }
    char *longer = calloc(1, size + 8);
    memcpy(longer, bytes, size);
    assert_int_equal(file_write(path, longer, size + 8, &err), 0);
    assert_int_equal(load(100, "t"), 0);
    free(longer);
    free(bytes);
    forget_cache();
}

static void values_that_no_file_can_have(void **state)
{
    (void)state;
    struct table *table = table_new("x.csv", 1);
    char path[] = "foreign.columns";
    double *x = table->column[0] = block_new(4 * sizeof *x);
    table->name[0] = strdup("x");
    table->time = block_new(4 * sizeof *table->time);
    table->rows = 4;
    for (int i = 0; i < 4; i++) {
        x[i] = i;
        table->time[i] = i;
    }
    table->format = TIME_SECONDS;
    assert_int_equal(cache_write(path, "key", table), 0);
    struct table *again = cache_read(path, "key", "x.csv", 1, 1);
    assert_non_null(again);
    assert_memory_equal(again->column[0], x, 4 * sizeof *x);
    table_free(again);
    assert_null(cache_read(path, "kex", "x.csv", 1, 1));
    assert_null(cache_read(path, "key", "x.csv", 0, 1));
    assert_null(cache_read(path, "key", "x.csv", 1, 2));
    x[2] = 0.0 / 0.0;
    assert_int_equal(cache_write(path, "key", table), 0);
    assert_null(cache_read(path, "key", "x.csv", 1, 1));
    x[2] = 2;
    table->time[3] = 2;
    assert_int_equal(cache_write(path, "key", table), 0);
    assert_null(cache_read(path, "key", "x.csv", 1, 1));
    table_free(table);
    unlink(path);
}

/* A column is read and hashed in pieces of 2^18 rows; here are two whole ones and a part. */
#define LONG_ROWS ((2 << 18) + 12345)

static struct table *long_table(void)
{
    struct table *table = table_new("x.csv", 2);
    assert_non_null(table);
    table->rows = LONG_ROWS;
    table->format = TIME_MILLISECONDS;
    table->time = block_new(LONG_ROWS * sizeof *table->time);
    for (size_t c = 0; c < 2; c++) {
        table->column[c] = block_new(LONG_ROWS * sizeof(double));
        table->name[c] = strdup(c ? "b" : "a");
        assert_non_null(table->column[c]);
        for (size_t i = 0; i < LONG_ROWS; i++)
            table->column[c][i] = (double)(i + c) / 8 - 1000;
    }
    for (int64_t i = 0; i < LONG_ROWS; i++)
        table->time[i] = 1600000000000 + 60000 * i;
    return table;
}

/* Whether what is written can be read again; if so it must be what was written. */
static int comes_back(const char *path, const struct table *table)
{
    struct table *again = cache_read(path, "key", "x.csv", 1, 2);
    if (!again)
        return 0;
    assert_int_equal(again->rows, table->rows);
    assert_memory_equal(again->time, table->time, table->rows * sizeof *table->time);
    for (size_t c = 0; c < 2; c++)
        assert_memory_equal(again->column[c], table->column[c], table->rows * sizeof(double));
    table_free(again);
    return 1;
}

static void flip(const char *path, long at, unsigned char bit)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    int byte = getc(file);
    fseek(file, at, SEEK_SET);
    putc(byte ^ bit, file);
    assert_int_equal(fclose(file), 0);
}

static void long_columns(void **state)
{
    (void)state;
    static char path[] = "long.columns";
    static const size_t rows[] = {0,       1,       (1 << 15) - 1, 1 << 15,      (1 << 18) - 1,
                                  1 << 18, 2 << 18, LONG_ROWS - 2, LONG_ROWS - 1};
    struct table *table = long_table();
    assert_int_equal(cache_write(path, "key", table), 0);
    assert_int_equal(comes_back(path, table), 1);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    long body = (long)st.st_size - 9 - 3L * LONG_ROWS * 8; /* two names and more behind it */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (long c = 0; c < 3; c++) { /* one bit, and the top bits of two words of a lane */
            long at = body + (c * LONG_ROWS + (long)rows[i]) * 8;
            flip(path, at, 1);
            assert_int_equal(comes_back(path, table), 0);
            flip(path, at, 1);
            long other = rows[i] > 8 ? at - 64 : at + 64;
            flip(path, at + 7, 0x80);
            flip(path, other + 7, 0x80);
            assert_int_equal(comes_back(path, table), 0);
            flip(path, at + 7, 0x80);
            flip(path, other + 7, 0x80);
        }
    }
    assert_int_equal(comes_back(path, table), 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) { /* with a checksum that is right */
        static const double bad[] = {INFINITY, -INFINITY, NAN};
        double before = table->column[1][rows[i]];
        table->column[1][rows[i]] = bad[i % 3];
        assert_int_equal(cache_write(path, "key", table), 0);
        assert_int_equal(comes_back(path, table), 0);
        table->column[1][rows[i]] = before;
        int64_t time = table->time[rows[i]];
        if (rows[i]) { /* as late as the row before */
            table->time[rows[i]] = table->time[rows[i] - 1];
            assert_int_equal(cache_write(path, "key", table), 0);
            assert_int_equal(comes_back(path, table), 0);
        }
        table->time[rows[i]] = time;
    }
    table->column[0][7] = DBL_MAX; /* as far as numbers go */
    table->column[1][LONG_ROWS - 1] = -DBL_MAX;
    assert_int_equal(cache_write(path, "key", table), 0);
    assert_int_equal(comes_back(path, table), 1);
    assert_int_equal(truncate(path, st.st_size - 1), 0);
    assert_int_equal(comes_back(path, table), 0);
    table_free(table);
    unlink(path);
}

static void nowhere_to_write_is_no_error(void **state)
{
    (void)state;
    write_csv(100);
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    assert_int_equal(load(100, "t"), 0);
    assert_int_equal(load(100, "t"), 0);
    setenv("XDG_CACHE_HOME", csv, 1); /* a file, not a folder */
    assert_int_equal(load(100, "t"), 0);
    unsetenv("XDG_CACHE_HOME");
    char *before = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    unsetenv("HOME");
    assert_int_equal(load(100, "t"), 0);
    if (before)
        setenv("HOME", before, 1);
    free(before);
    setenv("XDG_CACHE_HOME", home, 1);
}

static void small_files_and_faults_are_not_kept(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct error err;
    assert_int_equal(file_write(csv, "a,b\n1,2\n", 8, &err), 0);
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, csv, times, 0), 0);
    struct table *table = cache_table(csv, &(struct table_how){.time = {""}}, names, 2, NULL, &err);
    assert_non_null(table);
    table_free(table);
    assert_int_equal(find(path), 0);
    write_csv(100);
    FILE *out = fopen(csv, "ab");
    fprintf(out, "1,2\n");
    fclose(out);
    assert_int_equal(utimensat(AT_FDCWD, csv, times, 0), 0);
    assert_null(cache_table(csv, &(struct table_how){.time = {"t"}}, names, 2, NULL, &err));
    assert_non_null(strstr(err.text, "rows.csv:3002: 2 fields, but the header has 4"));
    assert_int_equal(find(path), 0);
}

/* A long file: series of different length by turns, and one of one row. */
static void write_long(void)
{
    FILE *out = fopen(csv, "wb");
    assert_non_null(out);
    fputs("who,t,a,B\n", out);
    for (int i = 0; i < ROWS; i++)
        for (int s = 0; s < 3; s++)
            if (s < 2 ? i % (s + 1) == 0 : i == 7)
                fprintf(out, "series %d,%d,%d,%d\n", s, 1600000000 + i, i, s);
    assert_int_equal(fclose(out), 0);
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, csv, times, 0), 0);
}

static struct table *read_long(const char *series, int cached)
{
    struct error err;
    fake_forget();
    struct table_how how = {
        .time = {"t"}, .series = series, .order = ORDER_SORT, .duplicates = DUPLICATES_LAST};
    struct table *table = cache_table(csv, &how, names, 2, NULL, &err);
    if (!table)
        fail_msg("%s", err.text);
    assert_int_equal(strstr(fake_said, "from the cache") != NULL, cached);
    return table;
}

static void expect_equal_rows(const struct table *a, const struct table *b)
{
    char one[TABLE_WHERE], other[TABLE_WHERE];
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->read, b->read);
    assert_string_equal(a->series ? a->series : "", b->series ? b->series : "");
    assert_string_equal(a->told ? a->told : "", b->told ? b->told : "");
    assert_memory_equal(a->time, b->time, a->rows * sizeof *a->time);
    for (size_t c = 0; c < 2; c++)
        assert_memory_equal(a->column[c], b->column[c], a->rows * sizeof **a->column);
    assert_int_equal(!a->origin, !b->origin);
    for (size_t i = 0; i < a->rows; i++) {
        assert_string_equal(table_where(a, i, one), table_where(b, i, other));
        assert_true(!a->origin || a->origin[i] == b->origin[i]);
    }
}

static void series_of_a_file(void **state)
{
    (void)state;
    char path[PATH_MAX];
    write_long();
    struct table *first = read_long("who", 0), *again = read_long("who", 1);
    size_t count = 0;
    for (const struct table *a = first, *b = again; a || b; a = a->next, b = b->next, count++) {
        assert_true(a && b);
        expect_equal_rows(a, b);
    }
    assert_int_equal(count, 3);
    assert_int_equal(first->rows, ROWS);
    assert_int_equal(first->next->rows, ROWS / 2);
    assert_int_equal(first->next->next->rows, 1);
    table_free(first);
    table_free(again);

    /* the same file without series is another table; its rows were merged, and keep their lines */
    first = read_long(NULL, 0);
    again = read_long(NULL, 1);
    assert_null(first->series);
    assert_null(first->next);
    expect_equal_rows(first, again);
    table_free(first);
    table_free(again);
    assert_int_equal(find(path), 2);
    forget_cache();

    /* no part of it can be wrong, and none may be missing */
    table_free(read_long("who", 0));
    assert_int_equal(find(path), 1);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (long at = 0; at < (long)st.st_size; at += 2999) {
        flip(path, at, 4);
        table_free(read_long("who", 0));
        table_free(read_long("who", 1));
    }
    static const long cuts[] = {1, 30, 200, 40000};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(truncate(path, (off_t)st.st_size - cuts[i]), 0);
        table_free(read_long("who", 0));
    }
    forget_cache();
}

/* Rows from the last to the first, in which values are missing here and there. */
static void write_gaps(void)
{
    FILE *out = fopen(csv, "wb");
    assert_non_null(out);
    fputs("t,a,B\n", out);
    for (int i = ROWS; i--;) {
        char a[16] = "";
        if ((i % 7 && i < ROWS - 1) || !i)
            snprintf(a, sizeof a, "%d", i);
        fprintf(out, "%d,%s,%s\n", 1600000000 + i, a, i % 11 || !i ? "-1" : "NA");
    }
    assert_int_equal(fclose(out), 0);
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, csv, times, 0), 0);
}

static struct table *read_gaps(int missing, const unsigned char *only_target, int cached)
{
    struct error err;
    char na[] = "NA", *values[] = {na};
    fake_forget();
    struct table_how how = {.time = {"t"},
                            .missing = missing,
                            .missing_limit = 10,
                            .missing_value = values,
                            .missing_values = 1,
                            .only_target = only_target};
    struct table *table = cache_table(csv, &how, names, 2, NULL, &err);
    if (!table)
        fail_msg("%s", err.text);
    assert_int_equal(strstr(fake_said, "from the cache") != NULL, cached);
    return table;
}

/* What is not known is NaN in both, of the same bits. */
static const double *before_filling(const struct table *table, size_t c)
{
    return table->unfilled && table->unfilled[c] ? table->unfilled[c] : table->column[c];
}

static void expect_same_gaps(int missing, const unsigned char *only_target, size_t cuts, int gaps,
                             int filled)
{
    struct table *a = read_gaps(missing, only_target, 0), *b = read_gaps(missing, only_target, 1);
    expect_equal_rows(a, b);
    assert_int_equal(a->cuts, cuts);
    assert_int_equal(b->cuts, cuts);
    assert_true(!cuts || !memcmp(a->cut, b->cut, cuts * sizeof *a->cut));
    assert_int_equal(a->gaps, gaps);
    assert_int_equal(b->gaps, gaps);
    assert_int_equal(a->left_before, b->left_before);
    assert_int_equal(a->left_behind, b->left_behind);
    assert_int_equal(a->left_behind, missing == MISSING_SKIP);
    assert_int_equal(a->unfilled != NULL, filled);
    assert_int_equal(b->unfilled != NULL, filled);
    for (size_t c = 0; c < 2; c++)
        assert_memory_equal(before_filling(a, c), before_filling(b, c), a->rows * sizeof(double));
    table_free(a);
    table_free(b);
}

static void rows_that_lack_values(void **state)
{
    (void)state;
    char path[PATH_MAX];
    static const unsigned char only_target[] = {1, 0}; /* B, a */
    write_gaps();
    size_t holes = 0; /* which begin at a row that lacks a value; row 0 has both */
    for (int i = 1; i < ROWS; i++)
        holes += (i % 7 == 0 || i % 11 == 0) && (i == 1 || ((i - 1) % 7 && (i - 1) % 11));
    expect_same_gaps(MISSING_SKIP, NULL, holes, 0, 0);
    expect_same_gaps(MISSING_SKIP, only_target, (ROWS - 1) / 7, 1, 0);
    expect_same_gaps(MISSING_PREVIOUS, NULL, 0, 0, 1);
    expect_same_gaps(MISSING_PREVIOUS, only_target, 0, 1, 1);
    assert_int_equal(find(path), 4);
    forget_cache();
    table_free(read_gaps(MISSING_PREVIOUS, only_target, 0));
    assert_int_equal(find(path), 1);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (long at = 0; at < (long)st.st_size; at += 3989) { /* no bit of it can be wrong */
        flip(path, at, 4);
        table_free(read_gaps(MISSING_PREVIOUS, only_target, 0));
    }
    forget_cache();
}

/* Cuts and values that a file cannot have, with a checksum that is right. */
static void gaps_that_no_file_can_have(void **state)
{
    (void)state;
    static char path[] = "gaps.columns";
    static const struct {
        size_t cut[2];
        double x;
        int good;
    } cases[] = {{{1, 3}, NAN, 1}, {{1, 3}, INFINITY, 0}, {{0, 3}, NAN, 0},      {{3, 1}, NAN, 0},
                 {{2, 2}, NAN, 0}, {{1, 4}, NAN, 0},      {{1, 3}, -INFINITY, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct table *table = table_new("x.csv", 1);
        table->column[0] = block_zeros(4 * sizeof(double));
        table->name[0] = strdup("x");
        table->rows = table->read = 4;
        table->column[0][2] = cases[i].x;
        table->gaps = 1;
        table->cut = block_new(sizeof cases[i].cut);
        memcpy(table->cut, cases[i].cut, sizeof cases[i].cut);
        table->cuts = 2;
        assert_int_equal(cache_write(path, "key", table), 0);
        struct table *again = cache_read(path, "key", "x.csv", 0, 1);
        assert_int_equal(again != NULL, cases[i].good);
        table_free(again);
        table_free(table);
    }
    unlink(path);
}

/* Rows of the file that it cannot have, with a checksum that is right. */
static void places_that_no_file_can_have(void **state)
{
    (void)state;
    char path[] = "places.columns";
    struct table *table = table_new("x.csv", 1);
    table->column[0] = block_zeros(2 * sizeof(double));
    table->name[0] = strdup("x");
    table->origin = block_zeros(2 * sizeof *table->origin);
    table->rows = 2;
    table->read = 5;
    table->origin[1] = 4;
    assert_int_equal(cache_write(path, "key", table), 0);
    struct table *again = cache_read(path, "key", "x.csv", 0, 1);
    assert_non_null(again);
    assert_int_equal(again->origin[1], 4);
    table_free(again);
    table->origin[1] = 5;
    assert_int_equal(cache_write(path, "key", table), 0);
    assert_null(cache_read(path, "key", "x.csv", 0, 1));
    table_free(table);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_start_reads_no_csv),
        cmocka_unit_test(a_changed_file_is_parsed),
        cmocka_unit_test(no_byte_of_a_cache_can_be_wrong),
        cmocka_unit_test(values_that_no_file_can_have),
        cmocka_unit_test(long_columns),
        cmocka_unit_test(series_of_a_file),
        cmocka_unit_test(places_that_no_file_can_have),
        cmocka_unit_test(rows_that_lack_values),
        cmocka_unit_test(gaps_that_no_file_can_have),
        cmocka_unit_test(nowhere_to_write_is_no_error),
        cmocka_unit_test(small_files_and_faults_are_not_kept),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
