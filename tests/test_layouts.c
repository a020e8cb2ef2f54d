/* SPDX-License-Identifier: MIT */
/* Files as people have them: values and times against what was worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/aggregate.h"
#include "data/amount.h"
#include "data/table.h"
#include "data/text.h"
#include "data/time_form.h"
#include "data_fakes.h"

static char column_x[] = "x", column_y[] = "y";
static char *names[] = {column_x, column_y};

static struct table *read_bytes(const char *text, size_t size, const char *suffix,
                                const struct table_how *how, size_t columns, struct error *err)
{
    const char *path = fake_file(text, size, suffix);
    *err->text = 0;
    struct table *table = table_read(path, how, names, columns, NULL, err);
    unlink(path);
    return table;
}

static struct table *read_text(const char *text, const struct table_how *how, size_t columns)
{
    struct error err;
    struct table *table = read_bytes(text, strlen(text), ".csv", how, columns, &err);
    if (!table)
        fail_msg("%s", err.text);
    return table;
}

/* Reading fails with this somewhere in the message. */
static void expect_fault(const char *text, const struct table_how *how, size_t columns,
                         const char *wants)
{
    struct error err;
    struct table *table = read_bytes(text, strlen(text), ".csv", how, columns, &err);
    if (table)
        fail_msg("it was read, but '%s' was expected", wants);
    assert_int_equal(err.status, STATUS_INPUT);
    if (!strstr(err.text, wants))
        fail_msg("'%s' has no '%s'", err.text, wants);
    assert_null(strchr(err.text, '\n'));
}

/* --- numbers */

/* A column with one other field decides; NaN: it is refused, with this in the message. */
static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *other;
        double x;
    } good[] = {
        {"1234.5", "1", 1234.5},
        {"1,234.5", "1", 1234.5},
        {"1,234,567", "1", 1234567},
        {"1.234,5", "1", 1234.5},
        {"1.234.567", "1", 1234567},
        {"1 234 567,25", "1", 1234567.25},
        {"1\xc2\xa0"
         "234.5",
         "1", 1234.5},
        {"1\xe2\x80\xaf"
         "234,5",
         "1", 1234.5},
        {"1'234.5", "1", 1234.5},
        {"1\xe2\x80\x99"
         "234'567.5",
         "1", 1234567.5},
        {"0,5", "1", 0.5},
        {"12,5", "1", 12.5},
        {"1234,567", "1", 1234.567},  /* four digits in front: no thousands */
        {"408,812", "1.5", 408812},   /* the other shows the point */
        {"408,812", "1,5", 408.812},  /* and here the comma */
        {"408.812", "1", 408.812},    /* a point is a point */
        {"408.812", "1,5", 408812},   /* unless the column shows otherwise */
        {"408,812", "0.125", 408812}, /* 0.125 is no thousand: it shows the point */
        {"$1,234.50", "1", 1234.5},
        {"1.234,50 \xe2\x82\xac", "1", 1234.5},
        {"-$5", "1", -5},
        {"$-5", "1", -5},
        {"\xe2\x82\xa9"
         "1,500,000",
         "1", 1500000},
        {"(1.5)", "1", -1.5},
        {"($1,234.5)", "1", -1234.5},
        {"\xe2\x88\x92"
         "3.25",
         "1", -3.25},
        {"+3.25", "1", 3.25},
        {"5%", "1", 0.05},
        {"-0.27%", "1", -0.0027},
        {"0,15 %", "1", 0.0015},
        {"408.81K", "1", 408810},
        {"1.2M", "1", 1200000},
        {"3.1B", "1", 3100000000},
        {"2T", "1", 2e12},
        {"=\"100.5\"", "1", 100.5},
        {"1.5D3", "1", 1500},
        {"1.5d-3", "1", 0.0015},
        {"3.1E7", "1", 31000000},
        {"1,5e3", "1", 1500},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[256], quoted[128];
        size_t n = 0;
        for (const char *p = good[i].text; *p; p++) {
            if (*p == '"')
                quoted[n++] = '"';
            quoted[n++] = *p;
        }
        quoted[n] = 0;
        snprintf(text, sizeof text, "x,y\n\"%s\",1\n\"%s\",2\n", quoted, good[i].other);
        struct table *table = read_text(text, &(struct table_how){0}, 2);
        if (table->column[0][0] != good[i].x)
            fail_msg("'%s' beside '%s' was read as %.17g", good[i].text, good[i].other,
                     table->column[0][0]);
        table_free(table);
    }
}

static void no_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wants;
    } bad[] = {
        {"x\n0x10\n", ":2: column 'x': '0x10' is not a number (hexadecimal"},
        {"x\nabc\n", ":2: column 'x': 'abc' is not a number; if it stands for no value, add it "
                     "to data.missing_values"},
        {"x\n\"12,34,567\"\n",
         ":2: column 'x': '12,34,567' is not a number (a thousands separator"},
        {"x\n\"1,2345.6\"\n", "is not a number"},
        {"x\n1..5\n", "is not a number"},
        {"x\n(-5)\n", "is not a number"},
        {"x\n5 5\n", "is not a number"},
        {"x\n--5\n", "is not a number"},
        {"x\n$\n", "is not a number"},
        {"x\n1e999\n", "is beyond the range of a number"},
        {"x\n\"408,812\"\n\"125,000\"\n",
         ":2: column 'x': the comma may separate thousands or be a decimal comma; data.decimal ="},
        {"x\n\"1.234,5\"\n\"1,234.5\"\n",
         ":2: column 'x' has a decimal comma here and a decimal point in line 3; data.decimal"},
        {"x\n0.500\n\"1,5\"\n", ":3: column 'x' has a decimal comma here and a decimal point"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_fault(bad[i].text, &(struct table_how){0}, 1, bad[i].wants);
    struct table_how comma = {.decimal = DECIMAL_COMMA}, point = {.decimal = DECIMAL_POINT};
    struct table *table = read_text("x\n\"408,812\"\n1.500\n", &comma, 1);
    assert_true(table->column[0][0] == 408.812 && table->column[0][1] == 1500);
    table_free(table);
    table = read_text("x\n\"408,812\"\n1.500\n", &point, 1);
    assert_true(table->column[0][0] == 408812 && table->column[0][1] == 1.5);
    table_free(table);
    expect_fault("x\n\"1.234,5\"\n", &point, 1, ":2: column 'x': '1.234,5' is not a number");
}

static void numbers_are_told(void **state)
{
    (void)state;
    struct table *table =
        read_text("x,y\n5%,\"1.234,5\"\n-2%,\"2,5\"\n", &(struct table_how){0}, 2);
    assert_string_equal(table->told, "column 'x': 5% is read as 0.05\n"
                                     "column 'y': decimal commas\n");
    table_free(table);
    table = read_text("x,y\n5K,(3)\n6K,4\n", &(struct table_how){0}, 2);
    assert_string_equal(table->told,
                        "column 'x': K, M, B and T stand for 10^3, 10^6, 10^9 and 10^12\n"
                        "column 'y': numbers in brackets are negative\n");
    table_free(table);
}

/* Thousands that look like fractions, beside a column that has decimal commas. */
static void points_beside_commas_are_told(void **state)
{
    (void)state;
    static const char commas[] = "column 'y': decimal commas\n";
    static const char file[] = "x,y\n900,\"0,5\"\n40.206,\"1,5\"\n";
    struct table *table = read_text(file, &(struct table_how){0}, 2);
    assert_memory_equal(table->told, commas, strlen(commas));
    assert_string_equal(table->told + strlen(commas),
                        "column 'x': decimal points with three digits behind each (line 3), but "
                        "column 'y' has decimal commas; if those points separate thousands, set "
                        "data.decimal = comma\n");
    assert_true(table->column[0][0] == 900 && table->column[0][1] == 40.206);
    table_free(table);
    table = read_text(file, &(struct table_how){.decimal = DECIMAL_COMMA}, 2);
    assert_true(!table->told || !*table->told);
    assert_true(table->column[0][1] == 40206 && table->column[1][1] == 1.5);
    table_free(table);
    static const char *const sure[] = {
        "x,y\n900.5,\"0,5\"\n40.206,\"1,5\"\n", /* no thousands */
        "x,y\n0.500,\"0,5\"\n40.206,\"1,5\"\n",
        "x,y\n900,\"0,5\"\n40,\"1,5\"\n", /* no point at all */
    };
    for (size_t i = 0; i < sizeof sure / sizeof *sure; i++) {
        table = read_text(sure[i], &(struct table_how){0}, 2);
        assert_string_equal(table->told, commas);
        table_free(table);
    }
}

/* --- times */

/* 2024-01-02T00:00:00Z and later, in ms */
#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)
#define JANUARY_2 INT64_C(1704153600000)

static struct table *timed(const char *first, const char *second, const struct table_how *how)
{
    char text[256];
    snprintf(text, sizeof text, "t,x\n\"%s\",1\n\"%s\",2\n", first, second);
    struct table_how timed = *how;
    timed.time[0] = "t";
    return read_text(text, &timed, 1);
}

static void expect_times(const char *first, const char *second, int64_t from, int64_t to)
{
    struct table *table = timed(first, second, &(struct table_how){0});
    if (table->time[0] != from || table->time[1] != to)
        fail_msg("'%s', '%s' were read as %lld, %lld", first, second, (long long)table->time[0],
                 (long long)table->time[1]);
    table_free(table);
}

static void times(void **state)
{
    (void)state;
    const int64_t day = JANUARY_2;
    static const struct {
        const char *first, *second; /* one day apart from JANUARY_2 on */
    } days[] = {
        {"2024-01-02", "2024-01-03"},
        {"2024-1-2", "2024-1-3"},
        {"2024/01/02", "2024/01/03"},
        {"2024.01.02", "2024.01.03"},
        {"2024- 01- 02", "2024- 01- 03"},
        {"20240102", "20240103"},
        {"202401020000", "202401030000"},
        {"20240102000000", "20240103000000"},
        {"20240102T000000Z", "20240103T0000Z"},
        {"20240102 00:00:00", "20240103 00:00"},
        {"2024-01-02T00", "2024-01-03T00"},
        {"2024-01-02 0:00", "2024-01-03 0:00"},
        {"2024-01-02-00:00:00", "2024-01-03-00:00:00"},
        {"2024-01-02 00:00:00 UTC", "2024-01-03 00:00:00 UTC"},
        {"2024-01-02 09:00:00 Asia/Seoul", "2024-01-03 09:00:00 Asia/Seoul"},
        {"2024-01-02T09:00+09", "2024-01-03T09:00+0900"},
        {"2024-01-01T24:00", "2024-01-02T24:00:00"},
        {"2024-01-02 12-AM", "2024-01-03 12-AM"},
        {"2024-01-02 12:00:00 am", "2024-01-03 12:00 a.m."},
        {"Jan 02, 2024", "Jan 3, 2024"},
        {"January 2 2024", "January 3 2024"},
        {"2 Jan 2024", "3 January 2024"},
        {"02-Jan-2024", "03-Jan-2024"},
        {"02-Jan-24", "03-Jan-24"},
        {"2024-Jan-02", "2024-Jan-03"},
        {"Tue, 02 Jan 2024 00:00:00 GMT", "Wed, 03 Jan 2024 00:00:00 GMT"},
        {"Tuesday 2024-01-02", "Wednesday 2024-01-03"},
        {"1704153600", "1704240000"},
        {"1704153600000", "1704240000000"},
        {"1704153600000000", "1704240000000000"},
        {"1704153600000000000", "1704240000000000000"},
        {"1.7041536e+09", "1.70424e+09"},      /* all digits there are */
        {"1704153600000", "1704240000000000"}, /* ms, then us */
    };
    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        if (strcmp(days[i].first, "1.7041536e+09"))
            expect_times(days[i].first, days[i].second, day, day + DAY);
    expect_times("31/01/2024", "01/02/2024", day + 29 * DAY, day + 30 * DAY);
    expect_times("01/31/2024 01:30 PM", "02/01/2024 12:15 PM",
                 day + 29 * DAY + 13 * HOUR + HOUR / 2, day + 30 * DAY + 12 * HOUR + HOUR / 4);
    expect_times("2024-01", "2024-02", day - DAY, day + 30 * DAY);
    expect_times("202401", "202402", day - DAY, day + 30 * DAY);
    expect_times("2024-01-02T00:00:01,250", "2024-01-02T00:00:01.500", day + 1250, day + 1500);
    expect_times("1704153600000123", "1704153600001999", day, day + 1); /* us, cut to ms */
    expect_times("1704153600000999999", "1704153600001000000", day, day + 1);
    expect_times("0", "60", 0, 60000); /* seconds counted from 0 */
    expect_times("-315619200", "-315532800", -315619200000, -315532800000);
}

static void times_by_format(void **state)
{
    (void)state;
    static const struct {
        const char *format, *first, *second;
        int64_t from, apart;
    } cases[] = {
        {"%Y%m%d%H", "2024010200", "2024010201", JANUARY_2, HOUR},
        {"%y%m%d", "240102", "240103", JANUARY_2, DAY},
        {"%d.%m.%Y %H:%M:%S.%f", "02.01.2024 00:00:00.5", "02.01.2024 00:00:01.123456789",
         JANUARY_2 + 500, 623},
        {"%m/%d/%y %I:%M %p", "01/02/24 12:00 AM", "01/02/24 01:00 PM", JANUARY_2, 13 * HOUR},
        {"%Y-%jT%T%z", "2024-002T01:00:00+01:00", "2024-003T01:00:00+01:00", JANUARY_2, DAY},
        {"%d %b %Y", "02 JAN 2024", "03 january 2024", JANUARY_2, DAY},
        {"@%s", "@1704153600", "@1704240000", JANUARY_2, DAY},
        {"%F %R%%", "2024-01-02 00:00%", "2024-01-03 00:00%", JANUARY_2, DAY},
        {"%Y", "2023", "2024", JANUARY_2 - DAY - 365 * DAY, 365 * DAY},
        {"excel", "45293.375", "45294.375", JANUARY_2 + 9 * HOUR, DAY},
        {"s", "2024010200", "2024010201", INT64_C(2024010200000), 1000},
        {"ms", "1000", "2000", 1000, 1000},
        {"us", "1704153600000000", "1704153600001000", JANUARY_2, 1},
        {"ns", "1704153600000000000", "1704153600001000000", JANUARY_2, 1},
        {"dmy", "01/02/2024", "02/02/2024", JANUARY_2 + 30 * DAY, DAY},
        {"mdy", "01/02/2024", "01/03/2024", JANUARY_2, DAY},
        {"ymd", "24-01-02", "24-01-03", JANUARY_2, DAY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct time_form form = {0};
        char fault[TIME_FAULT];
        assert_int_equal(time_form_of(cases[i].format, &form, fault), 0);
        struct table_how how = {.time_format = form.format, .time_pattern = form.pattern};
        struct table *table = timed(cases[i].first, cases[i].second, &how);
        if (table->time[0] != cases[i].from || table->time[1] != cases[i].from + cases[i].apart)
            fail_msg("'%s' by %s was read as %lld, %lld", cases[i].first, cases[i].format,
                     (long long)table->time[0], (long long)table->time[1]);
        table_free(table);
    }
    static const char *const bad[] = {"iso", "%Q %Y", "%d.%m.", "%H:%M", "%", "Y-m-d"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct time_form form;
        char fault[TIME_FAULT];
        assert_int_equal(time_form_of(bad[i], &form, fault), -1);
        assert_true(strlen(fault) > 20);
    }
    struct table_how how = {.time = {"t"}, .time_format = TIME_PATTERN, .time_pattern = "%d.%m.%Y"};
    expect_fault("t,x\n02.01.2024,1\n03.01.2024 x,2\n", &how, 1,
                 ":3: time '03.01.2024 x' is not written as data.time_format says");
    expect_fault("t,x\n31.02.2024,1\n", &how, 1, ":2: time '31.02.2024' is not written");
    expect_fault("t,x\n02.01.24,1\n", &how, 1,
                 ":2: time '02.01.24' is not written"); /* not 24 AD */
    how.time_pattern = "%Y-%j";
    expect_fault("t,x\n2024-000,1\n", &how, 1, ":2: time '2024-000' is not written");
}

static void ambiguous_times(void **state)
{
    (void)state;
    struct table_how how = {.time = {"t"}};
    static const struct {
        const char *text, *wants;
    } cases[] = {
        {"t,x\n01/02/2024,1\n02/03/2024,2\n",
         "column 't': time '01/02/2024' can be read in several ways; set data.time_format = dmy "
         "for "
         "2024-02-01T00:00:00Z or mdy for 2024-01-02T00:00:00Z"},
        {"t,x\n24-01-02,1\n24-01-03,2\n", "ymd for 2024-01-02T00:00:00Z or dmy for 2002-01-24"},
        {"t,x\n2024010203,1\n2024010204,2\n",
         "= %Y%m%d%H for 2024-01-02T03:00:00Z or s for 2034-02-20T"},
        {"t,x\n17500101,1\n17500201,2\n",
         "= %Y%m%d for 1750-01-01T00:00:00Z or s for 1970-07-22T13:08:21Z"},
        {"t,x\n26110101,1\n26110201,2\n",
         "time '26110101' is no date YYYYMMDD of the years 1000 to 2199; if these are seconds, "
         "set data.time_format = s"},
        {"t,x\n20240102,1\n20240230,2\n",
         ":3: column 't': time '20240230' is no date in digits (YYYYMMDD ...), as most of the "
         "column are; data.time_format says what they are"},
        {"t,x\n200012,1\n200013,2\n200101,3\n", ":3: column 't': time '200013' is no date"},
        {"t,x\n2001,1\n2002,2\n", "= %Y for 2001-01-01T00:00:00Z or s for 1970-01-01T00:33:21Z"},
        {"t,x\n240102,1\n240103,2\n", "= %y%m%d for 2024-01-02T00:00:00Z or s for 1970-01-03T"},
        {"t,x\n45293.5,1\n45294.5,2\n", "= excel for 2024-01-02T12:00:00Z or s for 1970-01-01T"},
        {"t,x\n093000,1\n093100,2\n", "time '093000' looks like a time of day"},
        {"t,x\n1.70419E+12,1\n1.70419E+12,2\n", "has lost its last digits"},
        {"t,x\n1704153600,1\n1704240000000,2\n", "are not of one unit since 1970"},
        {"t,x\n2024-01-02 00:00:00 Moon/Crater,1\n", "names a zone that the time zone database"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_fault(cases[i].text, &how, 1, cases[i].wants);
}

/* 2024-01-02-05:00 is 05:00 UTC, or midnight where clocks show five hours less: the same. */
static void dates_with_an_offset(void **state)
{
    (void)state;
    struct error err;
    struct table_how how = {.time = {"t"}};
    struct table *table = timed("2024-01-02-05:00", "2024-01-03-05:00", &how);
    assert_true(table->time[0] == JANUARY_2 + 5 * HOUR);
    table_free(table);
    struct zone *zone = zone_open("Asia/Seoul", &err);
    if (!zone) {
        print_message("# no time zone database here: not tested\n");
        skip();
    }
    how.zone = zone;
    expect_fault("t,x\n2024-01-02-05:00,1\n2024-01-03-05:00,2\n", &how, 1,
                 ": column 't': time '2024-01-02-05:00' ends in an offset or in a time of day of "
                 "data.time_zone; data.time_format = %Y-%m-%d%z or %Y-%m-%d-%H:%M says which");
    how.time_format = TIME_PATTERN;
    how.time_pattern = "%Y-%m-%d%z";
    table = timed("2024-01-02-05:00", "2024-01-03-05:00", &how);
    assert_true(table->time[0] == JANUARY_2 + 5 * HOUR);
    table_free(table);
    how.time_pattern = "%Y-%m-%d-%H:%M";
    table = timed("2024-01-02-05:00", "2024-01-03-05:00", &how);
    assert_true(table->time[0] == JANUARY_2 - 4 * HOUR);
    table_free(table);
    how.time_format = TIME_NONE;
    /* what differs from row to row is a time of day, and so is 15:00 */
    table = timed("2024-01-02-05:00", "2024-01-02-06:00", &how);
    assert_true(table->time[0] == JANUARY_2 - 4 * HOUR);
    table_free(table);
    table = timed("2024-01-02-15:00", "2024-01-03-15:00", &how);
    assert_true(table->time[0] == JANUARY_2 + 6 * HOUR);
    table_free(table);
    zone_free(zone);
}

/* Years that stand for "never", or are mistyped. */
static void times_far_away(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text;
    } cases[] = {{"auto", "2611-01-02"}, {"auto", "0001-01-01T00:00:00Z"},
                 {"auto", "9999-12-31"}, {"auto", "0999-12-31 23:59"},
                 {"auto", "2 Jan 2200"}, {"dmy", "02.01.2611"},
                 {"%Y%m%d", "26110102"}, {"auto", "2199-12-31 24:00"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct time_form form = {0};
        char fault[TIME_FAULT], file[128], wants[128];
        assert_int_equal(time_form_of(cases[i].format, &form, fault), 0);
        struct table_how how = {
            .time = {"t"}, .time_format = form.format, .time_pattern = form.pattern};
        snprintf(file, sizeof file, "t,x\n%s,1\n", cases[i].text);
        snprintf(wants, sizeof wants, ":2: time '%s' is no date of the years 1000 to 2199",
                 cases[i].text);
        expect_fault(file, &how, 1, wants);
    }
    struct table_how how = {.time = {"t"}};
    expect_fault("t,x\n2024-01-02,1\n2024-01-03,2\n2204-01-04,3\n", &how, 1,
                 ":4: time '2204-01-04' is no date of the years 1000 to 2199");
    struct table *table = timed("1000-01-01", "2199-12-31 23:59", &how);
    assert_true(table->time[0] == INT64_C(-354285) * DAY);
    table_free(table);
}

/* An exponent alone is no fault, where all digits are there. */
static void times_with_exponents(void **state)
{
    (void)state;
    struct table *table =
        timed("1.704153600E+09", "1.704240000E+09", &(struct table_how){.time = {"t"}});
    assert_true(table->time[0] == JANUARY_2 && table->time[1] == JANUARY_2 + DAY);
    table_free(table);
}

static void two_columns_of_time(void **state)
{
    (void)state;
    struct table_how how = {.time = {"d", "c"}};
    struct table *table =
        read_text("d\tc\tx\n2024.01.02\t00:00:00\t1\n2024.01.02\t01:30\t2\n", &how, 1);
    assert_true(table->time[0] == JANUARY_2 && table->time[1] == JANUARY_2 + 3 * HOUR / 2);
    assert_string_equal(table->told, "separated by tabs\n");
    table_free(table);
    how = (struct table_how){
        .time = {"d", "c"}, .time_format = TIME_PATTERN, .time_pattern = "%Y%m%d %H%M%S"};
    table = read_text("d,c,x\n20240102,000000,1\n20240102,013000,2\n", &how, 1);
    assert_true(table->time[0] == JANUARY_2 && table->time[1] == JANUARY_2 + 3 * HOUR / 2);
    table_free(table);
    how = (struct table_how){.time = {"d", "c"}};
    static const char hole[] =
        "d,c,x\n2024-01-02,01:00,1\n2024-01-03,,2\n,02:00,3\n2024-01-04,01:00,4\n";
    expect_fault(hole, &how, 1, ":3: column 'c': the time is missing; data.missing = skip");
    how.missing = MISSING_SKIP;
    table = read_text(hole, &how, 1);
    assert_true(table->rows == 2 && table->cuts == 1 && table->column[0][1] == 4);
    table_free(table);
    how = (struct table_how){.time = {"d"}};
    expect_fault("d,c,x\n2024-01-02,00:00,1\n2024-01-02,01:00,1\n2024-01-02,02:00,1\n", &how, 1,
                 "appears twice (does another column hold the time of day?");
}

/* --- local times */

static void clock_changes(void **state)
{
    (void)state;
    struct error err;
    struct zone *zone = zone_open("Europe/Berlin", &err);
    if (!zone) {
        print_message("# no time zone database here: not tested\n");
        skip();
    }
    struct table_how how = {.time = {"t"}, .zone = zone};
    /* summer time ends on 2023-10-29 at 03:00, which becomes 02:00 */
    const int64_t midnight = INT64_C(1698530400000); /* 00:00 there */
    struct table *table = read_text("t,x\n2023-10-29 00:00,1\n2023-10-29 01:00,2\n"
                                    "2023-10-29 02:00,3\n2023-10-29 02:00,4\n2023-10-29 03:00,5\n",
                                    &how, 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(table->time[i], midnight + i * HOUR);
    assert_string_equal(table->told, "clocks were put back: 1 row of the hour that came twice "
                                     "is of its second time\n");
    table_free(table);
    table = read_text("t,x\n2023-10-29 03:00,5\n2023-10-29 02:30,4\n2023-10-29 02:00,3\n"
                      "2023-10-29 02:30,2\n2023-10-29 02:00,1\n",
                      &how, 1); /* the newest first */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(table->time[i], midnight + 2 * HOUR + i * HOUR / 2);
        assert_true(table->column[0][i] == i + 1);
    }
    table_free(table);
    expect_fault("t,x\n2023-03-26 01:00,1\n2023-03-26 02:30,2\n", &how, 1,
                 ":3: time '2023-03-26 02:30' is a local time that clocks passed over");
    table =
        read_text("t,x\n2023-03-26T01:00Z,1\n2023-03-26T02:30Z,2\n", &how, 1); /* has an offset */
    assert_int_equal(table->time[1] - table->time[0], 3 * HOUR / 2);
    table_free(table);
    zone_free(zone);
    how.zone = NULL;
    expect_fault("t,x\n2023-10-29 01:00,1\n2023-10-29 02:00,2\n2023-10-29 02:00,3\n"
                 "2023-10-29 03:00,3\n",
                 &how, 1, "when clocks were put back? data.time_zone names their zone");
    /* not where they name their offset */
    expect_fault("t,x\n2023-10-29T01:00Z,1\n2023-10-29T02:00Z,2\n2023-10-29T02:00Z,3\n", &how, 1,
                 ":4: time 2023-10-29T02:00:00Z appears twice; data.duplicates");
    expect_fault("t,x\n29.10.2023 01:00 +02,1\n29.10.2023 02:00 +02,2\n29.10.2023 02:00 +02,3\n",
                 &how, 1, ":4: time 2023-10-29T00:00:00Z appears twice; data.duplicates");
    assert_null(zone_open("Europe/Atlantis", &err));
    assert_non_null(strstr(err.text, "tzdata"));
    assert_null(zone_open("../passwd", &err));
}

/* --- order and rows of one time */

static void order(void **state)
{
    (void)state;
    static const char falling[] = "t,x\n2024-01-04,3\n2024-01-03,2\n2024-01-02,1\n";
    static const char mixed[] = "t,x\n2024-01-03,2\n2024-01-04,3\n2024-01-02,1\n";
    struct table_how how = {.time = {"t"}};
    char where[TABLE_WHERE];
    struct table *table = read_text(falling, &how, 1);
    for (int i = 0; i < 3; i++)
        assert_true(table->time[i] == JANUARY_2 + i * DAY && table->column[0][i] == i + 1 &&
                    table->origin[i] == (size_t)(2 - i));
    assert_string_equal(table->told, "newest row first: turned round\n");
    assert_non_null(strstr(table_where(table, 0, where), ":4"));
    table_free(table);
    expect_fault(mixed, &how, 1, ":4: time 2024-01-02T00:00:00Z lies before the previous row's");
    expect_fault(mixed, &how, 1,
                 "the previous row's 2024-01-04T00:00:00Z; data.order = sort sorts");
    expect_fault("t,x\n2024-10-27 02:00,1\n2024-10-27 02:30,2\n2024-10-27 02:00,3\n", &how, 1,
                 "data.time_zone names the zone of these times; else data.order = sort");
    expect_fault("t,x\n1704153600,1\n1704155400,2\n1704153600,3\n", &how, 1,
                 "the previous row's 2024-01-02T00:30:00Z; data.order = sort sorts the rows");
    how.order = ORDER_RISING;
    expect_fault(falling, &how, 1, "data.order = falling turns the rows round");
    how.order = ORDER_FALLING;
    expect_fault("t,x\n2024-01-02,1\n2024-01-03,2\n", &how, 1, "times rise, but data.order");
    how.order = ORDER_SORT;
    table = read_text(mixed, &how, 1);
    for (int i = 0; i < 3; i++)
        assert_true(table->time[i] == JANUARY_2 + i * DAY && table->column[0][i] == i + 1);
    assert_true(table->origin[0] == 2 && table->origin[1] == 0);
    table_free(table);
}

static void duplicates(void **state)
{
    (void)state;
    static const char text[] = "t,x\n2024-01-02,1\n2024-01-03,2\n2024-01-03,5\n2024-01-04,3\n";
    struct table_how how = {.time = {"t"}};
    expect_fault(text, &how, 1, ":4: time 2024-01-03T00:00:00Z appears twice; data.duplicates =");
    static const double wanted[] = {0, 2, 5, 7};
    for (how.duplicates = DUPLICATES_FIRST; how.duplicates <= DUPLICATES_SUM; how.duplicates++) {
        struct table *table = read_text(text, &how, 1);
        assert_int_equal(table->rows, 3);
        assert_true(table->column[0][1] == wanted[how.duplicates] && table->column[0][2] == 3);
        assert_true(table->read == 4 && table->origin[2] == 3);
        table_free(table);
    }
    how.duplicates = DUPLICATES_FIRST; /* of the file, whichever way it runs */
    struct table *table = read_text("t,x\n2024-01-03,5\n2024-01-03,2\n2024-01-02,1\n", &how, 1);
    assert_true(table->rows == 2 && table->column[0][1] == 5);
    table_free(table);
}

/* --- missing values */

static void missing(void **state)
{
    (void)state;
    static char na[] = "NA", dash[] = "-";
    char *words[] = {na, dash};
    struct table_how how = {.time = {"t"}, .missing_value = words, .missing_values = 2};
    static const char text[] = "t,x,y\n2024-01-02,,1\n2024-01-03,2,2\n2024-01-04,NA,3\n"
                               "2024-01-05,4,4\n2024-01-06,5,-\n2024-01-07,6,6\n";
    expect_fault(text, &how, 2, ":4: column 'x': the value is missing; data.missing = skip leaves");
    how.missing = MISSING_SKIP;
    struct table *table = read_text(text, &how, 2);
    size_t runs;
    assert_int_equal(table->rows, 3);
    assert_true(table->column[0][0] == 2 && table->column[0][1] == 4 && table->column[0][2] == 6);
    struct run *run = table_runs(table, 0, &runs); /* nothing reaches across, whatever the gap */
    assert_true(runs == 3 && run[1].begin == 1 && run[1].end == 2);
    free(run);
    assert_string_equal(table->told, "1 row at the start left out: a column has no value yet\n"
                                     "2 rows left out where a value is missing\n");
    assert_true(table->read == 6 && table->origin[2] == 5 && !table->gaps);
    table_free(table);

    unsigned char only_target[] = {0, 1};
    how.only_target = only_target;
    table = read_text(text, &how, 2); /* a target that is not known leaves the row where it is */
    assert_int_equal(table->rows, 4);
    assert_true(table->gaps && isnan(table->column[1][2]) && table->column[1][3] == 6);
    table_free(table);
    how.only_target = NULL;

    how.missing = MISSING_PREVIOUS;
    how.missing_limit = 1;
    table = read_text(text, &how, 2);
    assert_int_equal(table->rows, 5);
    assert_true(table->column[0][1] == 2 && table->column[1][3] == 4);
    assert_true(isnan(table->unfilled[0][1]) && table->unfilled[0][2] == 4 &&
                isnan(table->unfilled[1][3]));
    table_free(table);
    expect_fault("t,x,y\n2024-01-02,1,1\n2024-01-03,,2\n2024-01-04,NA,3\n", &how, 2,
                 ":4: column 'x': values are missing in more than 1 successive rows");

    how.missing = MISSING_ERROR; /* a mean's first rows, as pandas writes them */
    table = read_text("t,x,y\n2024-01-02,1,\n2024-01-03,2,\n2024-01-04,3,9\n", &how, 2);
    assert_true(table->rows == 1 && table->column[1][0] == 9);
    table_free(table);
    expect_fault("t,x,y\n2024-01-02,1,\n2024-01-03,2,\n", &how, 2,
                 ":2: column 'y': the value is missing, here and in all other rows");
    expect_fault("t,x\n2024-01-02,na\n", &how, 1, "'na' is not a number"); /* compared exactly */
}

static void rows_without_a_time(void **state)
{
    (void)state;
    struct table_how how = {.time = {"t"}, .missing = MISSING_SKIP};
    size_t runs;
    struct table *table =
        read_text("t,x\n2024-01-05,5\n2024-01-04,4\n,9\n2024-01-03,3\n2024-01-02,2\n,\n", &how, 1);
    assert_true(table->rows == 4 && table->column[0][0] == 2 && table->column[0][3] == 5);
    struct run *run = table_runs(table, 0, &runs);
    assert_true(runs == 2 && run[1].begin == 2);
    free(run);
    table_free(table);
    for (int pattern = 0; pattern < 2; pattern++) {
        how.time_format = pattern ? TIME_YMD : TIME_NONE;
        expect_fault("t,x\n,1\n,2\n", &how, 1, "column 't': no row has a time");
    }
}

/* --- separators, headers, lines */

static void separators(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "t;x;y\n2024-01-02;1,5;2\n2024-01-03;2,5;3\n",
        "t\tx\ty\n2024-01-02\t1.5\t2\n2024-01-03\t2.5\t3\n",
        "t|x|y\n2024-01-02|1.5|2\n2024-01-03|2.5|3\n",
        "t x  y\n2024-01-02   1.5 2\n2024-01-03 2.5\t3\n",
        "sep=;\nt;x;y\n2024-01-02;1,5;2\n2024-01-03;2,5;3\n",
        "t,x,note,y\n2024-01-02,1.5,a;b,2\n2024-01-03,2.5,c;d,3\n",
        "t;note;x;y\r\n2024-01-02;\"a;b\n;c\";1,5;2\r\n2024-01-03;;2,5;3\r\n",
    };
    struct table_how how = {.time = {"t"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct table *table = read_text(texts[i], &how, 2);
        assert_int_equal(table->rows, 2);
        assert_true(table->time[0] == JANUARY_2 && table->column[0][0] == 1.5 &&
                    table->column[0][1] == 2.5 && table->column[1][1] == 3);
        table_free(table);
    }
    expect_fault("x;y|z\n1;2|3\n", &(struct table_how){0}, 1, "two separators cut the lines");
    how = (struct table_how){.csv = {.separator = '|'}};
    expect_fault("x;y|z\n1;2|3\n", &how, 1, "no column 'x'; the columns are x;y, z");
    expect_fault("x;a, b\n1;2,0\n", &(struct table_how){0}, 1,
                 "no column 'x' (data.separator = semicolon?); the columns are x;a, b");
    /* a tab between two tabs is an empty field, not a blank */
    how = (struct table_how){.missing = MISSING_PREVIOUS, .missing_limit = 1};
    struct table *table = read_text("x\ty\tz\n1\t2\t3\n\t4\t5\n", &how, 2);
    assert_true(table->column[0][1] == 1 && table->column[1][1] == 4);
    table_free(table);
}

static void lines_above_and_below(void **state)
{
    (void)state;
    char where[TABLE_WHERE];
    struct table_how how = {.time = {"t"}};
    struct table *table =
        read_text("https://example.org\n\n# made by hand\nt,x\n2024-01-02,1\n", &how, 1);
    assert_string_equal(table->told, "3 lines above the header passed over\n");
    assert_non_null(strstr(table_where(table, 0, where), ":5"));
    table_free(table);
    struct table_how hash = {.time = {"# t"}}; /* a comment that is the header */
    table = read_text("# t,x\n2024-01-02,1\n2024-01-03,2\n", &hash, 1);
    assert_int_equal(table->rows, 2);
    table_free(table);
    table = read_text("Price,x,y\nTicker,ABC,ABC\nDate,,\n2024-01-02,1,2\n",
                      &(struct table_how){.time = {"Date"}}, 2);
    assert_true(table->rows == 1 && table->column[1][0] == 2);
    assert_non_null(strstr(table_where(table, 0, where), ":4"));
    table_free(table);

    struct table_how skip = {.time = {"t"}, .csv = {.has_skip = 1, .skip_lines = 2}};
    table = read_text("some words,1\nmore\nt,x\n2024-01-02,1\n", &skip, 1);
    assert_int_equal(table->rows, 1);
    table_free(table);
    skip.csv.skip_lines = 9;
    expect_fault("t,x\n2024-01-02,1\n", &skip, 1, "data.skip_lines leaves nothing of the file");
    skip.csv.skip_lines = 0; /* nothing is found out then */
    expect_fault("# words\nt,x\n2024-01-02,1\n", &skip, 1, "no column 't'");

    expect_fault("t,x\n2024-01-02,1\nTotal,1\n", &how, 1,
                 ":3: column 't': time 'Total' has none of the forms");
    expect_fault("t,x\n2024-01-02,1\nTotal,1\n", &how, 1, "data.skip_footer leaves lines");
    how.csv.skip_footer = 2;
    table = read_text("t,x\n2024-01-02,1\n2024-01-03,2\nTotal,3\nwords\n\n", &how, 1);
    assert_true(table->rows == 2 && table->column[0][1] == 2);
    table_free(table);
    table = read_text("t;x\n2024-01-02;1\n2024-01-03;2\nTotal: 3\n\nmore words\n", &how, 1);
    assert_true(table->rows == 2 && table->column[0][1] == 2); /* nor does it hide the separator */
    table_free(table);
    expect_fault("t;x\n2024-01-02;1\nTotal: 3\n", &(struct table_how){.time = {"t"}}, 1,
                 "no column 't': no separator cuts all lines into as many fields; data.separator");
    expect_fault("t,x\nTotal,3\n", &how, 1, "data.skip_footer leaves no row");
    expect_fault("x,y\n1,2\n# cleaned\n3,4\n", &(struct table_how){0}, 1,
                 ":3: 1 field, but the header has 2 (a comment between rows");
    expect_fault("x,y\n1,2,\n3,4,\n", &(struct table_how){0}, 1,
                 ":2: 3 fields, but the header has 2 (an empty field at the end of each row?)");
}

static void files_without_a_header(void **state)
{
    (void)state;
    static char t[] = "t", x[] = "x";
    char *columns[] = {t, x};
    char where[TABLE_WHERE];
    static const char text[] = "1704153600000,1\n1704240000000,2\n";
    struct table_how how = {.time = {"t"}};
    expect_fault(text, &how, 1, ":1: no column 't': this line is a row already");
    expect_fault("1704153600000,1,1,1,1,2,1704153659999,3,4,5,6,0\n", &how, 1,
                 "(Binance's klines: data.columns = open_time, open, high,");
    how.csv.column = columns;
    how.csv.columns = 2;
    struct table *table = read_text(text, &how, 1);
    assert_true(table->rows == 2 && table->time[0] == JANUARY_2 && table->column[0][1] == 2);
    assert_non_null(strstr(table_where(table, 0, where), ":1"));
    table_free(table);
    expect_fault("t,x\n1704153600000,1\n", &how, 1, "this line looks like one; data.skip_lines");
    expect_fault("1704153600000,1,2\n", &how, 1, "data.columns has 2 names, but the line has 3");
}

static void names_of_columns(void **state)
{
    (void)state;
    struct table *table = read_text("x,note,note\n1,a,b\n", &(struct table_how){0}, 1);
    assert_int_equal(table->rows, 1); /* a name that nobody asks for may come twice */
    table_free(table);
    expect_fault("x,y,x\n1,2,3\n", &(struct table_how){0}, 1, ":1: column 'x' appears twice");
    /* U+AC00 composed in the question, two letters in the file */
    struct error err;
    char composed[] = "\xea\xb0\x80", *asked[] = {composed};
    static const char text[] = "\xe1\x84\x80\xe1\x85\xa1,b\n7,1\n";
    const char *path = fake_file(text, sizeof text - 1, ".csv");
    table = table_read(path, &(struct table_how){0}, asked, 1, NULL, &err);
    unlink(path);
    assert_non_null(table);
    assert_true(table->column[0][0] == 7);
    table_free(table);
    expect_fault("Cl\xf4ture,y\n1,2\n", &(struct table_how){0}, 1,
                 "the names in the file are not UTF-8; data.encoding names its encoding");
    table = read_text("\"x\",\"two\nlines\",y\n1,,2\n3,\"a\nb\n\",4\n", &(struct table_how){0}, 2);
    assert_true(table->rows == 2 && table->column[1][1] == 4);
    table_free(table);
}

/* A quote is text where the field does not begin with one; in one that does, two stand for one. */
static void quotes_inside_fields(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x,note,y\n1,a\"\"b,2\n3,5\" x 7\"\",4\n",
        "x,note,y\n1,\"a \"\"b, c\"\" d\",2\n3,\"\"\"\",4\n",
        "x;note;y\n1;\"a \"\"b; c\"\" d\";2\n3;a\"\"b;4\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct table *table = read_text(texts[i], &(struct table_how){0}, 2);
        assert_int_equal(table->rows, 2);
        assert_true(table->column[0][1] == 3 && table->column[1][0] == 2);
        table_free(table);
    }
    /* text right behind a closing quote, also where blanks separate */
    expect_fault("x;y;\"a\"b\n1;2;3\n", &(struct table_how){0}, 2, "a quoted field is not closed");
    expect_fault("x y \"\"b\"c d 5,1\n1 2 3 4 5\n", &(struct table_how){.csv = {.separator = ' '}},
                 2, "a quoted field is not closed");
}

/* --- encodings and kinds of file */

static void encodings(void **state)
{
    (void)state;
    static const char utf8[] = "x,y\n1,2\n3,4\n";
    char wide[2 + 2 * sizeof utf8];
    struct error err;
    for (int big = 0; big < 2; big++)
        for (int mark = 0; mark < 2; mark++) {
            size_t n = 0;
            if (mark) {
                wide[n++] = (char)(big ? 0xfe : 0xff);
                wide[n++] = (char)(big ? 0xff : 0xfe);
            }
            for (const char *p = utf8; *p; p++) {
                wide[n++] = big ? 0 : *p;
                wide[n++] = big ? *p : 0;
            }
            struct table *table = read_bytes(wide, n, ".csv", &(struct table_how){0}, 2, &err);
            assert_string_equal(err.text, "");
            assert_true(table->rows == 2 && table->column[1][1] == 4);
            assert_string_equal(table->told, big ? "encoding UTF-16BE\n" : "encoding UTF-16LE\n");
            table_free(table);
        }
    struct table_how latin = {.csv = {.encoding = "latin1"}};
    char asked[] = "Cl\xc3\xb4ture", *names_asked[] = {asked};
    static const char text[] = "Cl\xf4ture,y\n5,2\n";
    const char *path = fake_file(text, sizeof text - 1, ".csv");
    struct table *table = table_read(path, &latin, names_asked, 1, NULL, &err);
    assert_non_null(table);
    assert_true(table->column[0][0] == 5);
    table_free(table);
    latin.csv.encoding = "no-such-encoding";
    assert_null(table_read(path, &latin, names_asked, 1, NULL, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    unlink(path);
    latin.csv.encoding = "ascii";
    expect_fault("x,y\n1,2\n1,\xf4\n", &latin, 1, ":3: this is not ascii text; data.encoding");
    table = read_text("x,y\r1,2\r3,4\r", &(struct table_how){0}, 2);
    assert_true(table->rows == 2 && table->column[1][1] == 4);
    assert_string_equal(table->told, "lines end in CR alone\n");
    table_free(table);
    assert_true(text_is_utf8("a\xc3\xb4\xea\xb0\x80\xf0\x9f\x98\x80", 10));
    static const char *const bad[] = {"\xc3", "\xc0\x80",     "\xed\xa0\x80",    "\xf5\x80\x80\x80",
                                      "\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
}

/* Writes bytes as gzip data, of which the last `cut` bytes are lost. */
static const char *gzip_file(const void *bytes, unsigned size, off_t cut)
{
    const char *path = fake_file("", 0, ".csv.gz");
    gzFile out = gzopen(path, "wb");
    assert_true(out && gzwrite(out, bytes, size) == (int)size && gzclose(out) == Z_OK);
    if (cut) {
        FILE *file = fopen(path, "rb");
        assert_true(file && !fseek(file, 0, SEEK_END));
        assert_int_equal(truncate(path, ftell(file) - cut), 0);
        fclose(file);
    }
    return path;
}

/* What is found out about text is found out about the text inside gzip data, not about its bytes:
 * some of these files hold a CR and no LF. */
static void gzip_data(void **state)
{
    (void)state;
    struct error err;
    char text[64];
    for (int i = 0; i < 300; i++) {
        int size = snprintf(text, sizeof text, "x,y\n%d,%d\n%d,4\n", i, i * i, 7 * i);
        const char *path = gzip_file(text, (unsigned)size, 0);
        struct table *table = table_read(path, &(struct table_how){0}, names, 2, NULL, &err);
        unlink(path);
        if (!table)
            fail_msg("%s", err.text);
        assert_true(table->rows == 2 && table->column[1][0] == i * i && !table->told);
        table_free(table);
    }
    static const char ends[] = "x,y\r1,2\r3,4\r", wide[] = "\xff\xfex\0\n\0"
                                                           "1\0\n\0";
    const char *path = gzip_file(ends, sizeof ends - 1, 0);
    struct table *table = table_read(path, &(struct table_how){0}, names, 2, NULL, &err);
    unlink(path);
    assert_true(table && table->rows == 2 && table->column[1][1] == 4);
    table_free(table);
    path = gzip_file(wide, sizeof wide - 1, 0);
    table = table_read(path, &(struct table_how){0}, names, 1, NULL, &err);
    unlink(path);
    assert_true(table && table->rows == 1 && table->column[0][0] == 1);
    table_free(table);
    path = gzip_file("x\n3\n", 4, 0);
    struct table_how latin = {.csv = {.encoding = "latin1"}};
    table = table_read(path, &latin, names, 1, NULL, &err);
    unlink(path);
    assert_true(table && table->rows == 1 && table->column[0][0] == 3);
    table_free(table);
}

/* Gzip data that is cut off is an error, also on the way through another encoding. */
static void gzip_data_cut_off(void **state)
{
    (void)state;
    struct error err;
    const char *const encodings[] = {"auto", "latin1"};
    for (int i = 0; i < 2; i++) {
        const char *path = gzip_file("x,y\n1,2\n3,4\n", 12, 6);
        struct table_how how = {.csv = {.encoding = encodings[i]}};
        assert_null(table_read(path, &how, names, 2, NULL, &err));
        unlink(path);
        assert_int_equal(err.status, STATUS_INPUT);
    }
}

static void kinds_of_file(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wants;
    } cases[] = {
        {"PAR1aaaaaaaaaa\n", "this is a Parquet file, not CSV"},
        {"ARROW1\n", "a Feather file"},
        {"\x89HDF\r\n", "an HDF5 file"},
        {"%PDF-1.4\n", "a PDF document"},
        {"SQLite format 3\n", "an SQLite database"},
        {"\xd0\xcf\x11\xe0\n", "an Excel workbook (xls)"},
        {"<!DOCTYPE html>\n<p>\n", "an HTML page"},
        {"\n <html>\n", "an HTML page"},
        {"<?xml version=\"1.0\"?>\n", "an XML document"},
        {"[{\"x\": 1}]\n", "this is JSON"},
        {"{\"x\": [1]}\n", "this is JSON"},
        {"Rar!\n", "a RAR archive"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_fault(cases[i].text, &(struct table_how){0}, 1, cases[i].wants);
    struct table *table = read_text("<x>,y\n1,2\n", &(struct table_how){.time = {"<x>"}}, 0);
    assert_int_equal(table->rows, 1); /* MetaTrader's names */
    table_free(table);
}

/* --- candles */

static void aggregates(void **state)
{
    (void)state;
    static const double x[] = {3, 9, 1, 4};
    static const struct {
        const char *name;
        enum aggregate rule;
        double value;
    } cases[] = {
        {"Opening_Price", AGGREGATE_FIRST, 3},
        {"high_price", AGGREGATE_MAX, 9},
        {"Tief", AGGREGATE_MIN, 1},
        {"trade_price", AGGREGATE_LAST, 4},
        {"anything", AGGREGATE_LAST, 4},
        {"Volume BTC", AGGREGATE_SUM, 17},
        {"Volume_(BTC)", AGGREGATE_SUM, 17},
        {"candle_acc_trade_volume", AGGREGATE_SUM, 17},
        {"volumetric", AGGREGATE_LAST, 4},
        {"vol.", AGGREGATE_SUM, 17},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum aggregate rule = aggregate_of(NULL, cases[i].name);
        assert_int_equal(rule, cases[i].rule);
        assert_true(aggregate_merge(rule, x, 4) == cases[i].value);
    }
    static char automatic[] = "auto", open_last[] = "open last", wind[] = "wv (m/s)  mean";
    char *items[] = {automatic, open_last, wind};
    struct list rules = {items, 3};
    struct error err;
    assert_int_equal(aggregate_check(&rules, &err), 0);
    assert_int_equal(aggregate_of(&rules, "open"), AGGREGATE_LAST);
    assert_int_equal(aggregate_of(&rules, "wv (m/s)"), AGGREGATE_MEAN);
    assert_int_equal(aggregate_of(&rules, "high"), AGGREGATE_MAX);
    assert_true(aggregate_merge(AGGREGATE_MEAN, x, 4) == 4.25);
    const double gap[] = {1, NAN, 2};
    for (enum aggregate rule = 0; rule < AGGREGATES; rule++)
        assert_true(isnan(aggregate_merge(rule, gap, 3)));
    static char bad[] = "open average";
    items[1] = bad;
    assert_int_equal(aggregate_check(&rules, &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
    assert_non_null(strstr(err.text, "'open average' is neither auto nor a column"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(no_numbers),
        cmocka_unit_test(numbers_are_told),
        cmocka_unit_test(points_beside_commas_are_told),
        cmocka_unit_test(times),
        cmocka_unit_test(times_by_format),
        cmocka_unit_test(ambiguous_times),
        cmocka_unit_test(times_far_away),
        cmocka_unit_test(dates_with_an_offset),
        cmocka_unit_test(times_with_exponents),
        cmocka_unit_test(two_columns_of_time),
        cmocka_unit_test(clock_changes),
        cmocka_unit_test(order),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(missing),
        cmocka_unit_test(rows_without_a_time),
        cmocka_unit_test(separators),
        cmocka_unit_test(lines_above_and_below),
        cmocka_unit_test(files_without_a_header),
        cmocka_unit_test(names_of_columns),
        cmocka_unit_test(quotes_inside_fields),
        cmocka_unit_test(encodings),
        cmocka_unit_test(gzip_data),
        cmocka_unit_test(gzip_data_cut_off),
        cmocka_unit_test(kinds_of_file),
        cmocka_unit_test(aggregates),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
