/* SPDX-License-Identifier: MIT */
/* csv and table: what files are read as, and what is said of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <zlib.h>

#include "data/csv.h"
#include "data/instant.h"
#include "data/table.h"
#include "data_fakes.h"

static uint64_t random_state = 1;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Reads the columns a and b and the time column t of a text; err->text is "" if it works. */
static struct table *read_bytes(const void *bytes, size_t size, const char *suffix,
                                const char *time, struct error *err)
{
    static char a[] = "a", b[] = "b", log;
    char *names[] = {a, b};
    const char *path = fake_file(bytes, size, suffix);
    *err->text = 0;
    struct table *table = table_read(path, &(struct table_how){.time = {time}}, names, 2,
                                     (struct log *)(void *)&log, err);
    unlink(path);
    return table;
}

static struct table *read_text(const char *text, const char *time, struct error *err)
{
    return read_bytes(text, strlen(text), ".csv", time, err);
}

/* Reading must fail with STATUS_INPUT and "path:" followed by `wants`. */
static void expect_fault_in(const void *bytes, size_t size, const char *suffix, const char *time,
                            const char *wants)
{
    struct error err;
    assert_null(read_bytes(bytes, size, suffix, time, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    const char *colon = strchr(err.text, ':');
    assert_non_null(colon);
    if (strncmp(colon + 1, wants, strlen(wants)))
        fail_msg("'%s' is not '%s'", err.text, wants);
    assert_null(strchr(err.text, '\n'));
}

static void expect_fault(const char *text, const char *time, const char *wants)
{
    expect_fault_in(text, strlen(text), ".csv", time, wants);
}

static void expect_number(const char *text)
{
    double got, wanted = strtod(text, NULL);
    enum csv_parsed parsed = csv_parse_number(text, strlen(text), &got);
    assert_int_equal(parsed, isfinite(wanted) ? CSV_NUMBER : CSV_OUT_OF_RANGE);
    if (parsed == CSV_NUMBER && memcmp(&got, &wanted, sizeof got))
        fail_msg("'%s' is read as %.17g, not %.17g", text, got, wanted);
}

static void numbers_are_what_strtod_reads(void **state)
{
    (void)state;
    static const char *const some[] = {
        "0",
        "-0",
        "+0",
        "00012",
        "1.",
        ".5",
        "-.5e1",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "0e999999",
        "9007199254740992",
        "9007199254740993",
        "9007199254740991e22",
        "123456789012345678",
        "1234567890123456789",
        "12345678901234567890",
        "0.1",
        "0.30000000000000004",
        "179769313486231570000e289",
        "1e308",
        "1e309",
        "-1e400",
        "4.9e-324",
        "2e-324",
        "1e-400",
        "2.2250738585072011e-308",
        "0.000000000000000000000000000000000001",
        "1000000000000000000000000000000000000",
        "5.692999839782715",
        "8.5e-00000000000000001",
        "1e-99999999999999999999",
        "6.8460000038147",
    };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        expect_number(some[i]);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        union {
            uint64_t bits;
            double x;
        } any = {random_bits()};
        if (!isfinite(any.x))
            continue;
        snprintf(text, sizeof text, "%.*g", (int)(random_bits() % 19) + 1, any.x);
        expect_number(text);
        snprintf(text, sizeof text, "%.*f", (int)(random_bits() % 12),
                 (double)(int64_t)random_bits() / (double)(1 + random_bits() % 100000000));
        expect_number(text);
    }
}

static void no_number_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-",   ".",   "1e",  "1e+", "e5",  "1.2.3", "0x10",
                                      "1 2", "1,5", "--1", "nan", "inf", "1d3", "+-1",   "1e5.0"};
    double x;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(csv_parse_number(bad[i], strlen(bad[i]), &x), CSV_NOT_A_NUMBER);
}

static void the_decimal_comma_is_not_seen(void **state)
{
    (void)state;
    double x;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        print_message("# no de_DE.UTF-8 here: not tested\n");
        return;
    }
    enum csv_parsed parsed = csv_parse_number("1.5e-300", 8, &x);
    setlocale(LC_NUMERIC, "C");
    assert_int_equal(parsed, CSV_NUMBER);
    assert_true(x == 1.5e-300);
}

static void a_plain_file(void **state)
{
    (void)state;
    struct error err;
    struct table *table = read_text(
        "t,b,x,a\n1600000000,2,?,1\n1600000060,4,?,3\n1600000120,-6.5,?,5e-1\n", "t", &err);
    assert_string_equal(err.text, "");
    assert_int_equal(table->rows, 3);
    assert_true(table->column[0][0] == 1 && table->column[0][1] == 3 && table->column[0][2] == 0.5);
    assert_true(table->column[1][0] == 2 && table->column[1][1] == 4 &&
                table->column[1][2] == -6.5);
    assert_int_equal(table->format, TIME_SECONDS);
    assert_int_equal(table->time[2], 1600000120000);
    assert_int_equal(table_step(table), 60000);
    table_free(table);
}

static void quotes_line_ends_and_marks(void **state)
{
    (void)state;
    struct error err;
    struct table *table = read_text("\xef\xbb\xbf \"a\" ,\"x\"\"y,z\",B\r\n"
                                    "\"1\",\"any, \"\"thing\"\" \",2\r\n 3 ,,\t4\r\n\r\n\n",
                                    "", &err);
    assert_string_equal(err.text, "");
    assert_int_equal(table->rows, 2);
    assert_string_equal(table->name[1], "B"); /* found whatever its case */
    assert_true(table->column[0][0] == 1 && table->column[0][1] == 3);
    assert_true(table->column[1][0] == 2 && table->column[1][1] == 4);
    assert_null(table->time);
    table_free(table);

    table = read_text("a,b\n1,2", "", &err); /* no end of line */
    assert_non_null(table);
    assert_int_equal(table->rows, 1);
    table_free(table);

    table = read_text("A,b,a\n7,2,1\n", "", &err); /* the exact name comes first */
    assert_non_null(table);
    assert_true(table->column[0][0] == 1);
    table_free(table);
}

static void bad_files_are_named_with_their_line(void **state)
{
    (void)state;
    expect_fault("", "", "1: the file is empty");
    expect_fault("\n", "", "1: no header line");
    expect_fault("\n\n", "", "2: no header line");
    expect_fault("a,b\n", "", "1: no row follows the header");
    expect_fault("a,b\n\n\n", "", "1: no row follows the header");
    expect_fault("a,b\n1,2\n3\n", "", "3: 1 field, but the header has 2");
    expect_fault("a,b\n1,2\n3,4,5\n", "", "3: 3 fields, but the header has 2");
    expect_fault("a,b\n1,2\n1,x\n", "", "3: column 'b': 'x' is not a number");
    expect_fault("a,b\n1,NaN\n", "", "2: column 'b': 'NaN' is not a finite number");
    expect_fault("a,b\n-inf,1\n", "", "2: column 'a': '-inf' is not a finite number");
    expect_fault("a,b\n1e999,1\n", "", "2: column 'a': '1e999' is beyond the range of a number");
    expect_fault("a,b\n,1\n", "",
                 "2: column 'a': the value is missing, here and in all other rows");
    expect_fault("a,b\n1,2\n,1\n", "",
                 "3: column 'a': the value is missing; data.missing = skip leaves");
    expect_fault("a,c,d e\n1,2,3\n", "", "1: no column 'b'; the columns are a, c, d e");
    expect_fault("a,b,a\n1,2,3\n", "", "1: column 'a' appears twice");
    expect_fault("A,b,B,a\n1,2,3,4\n", "T", "1: no column 'T'; the columns are A, b, B, a");
    expect_fault("x,B,b,X\n1,2,3,4\n", "", "1: no column 'a'");
    expect_fault("a,Tt,tT,b\n1,2,3,4\n", "TT", "1: several columns are called 'TT' in upper and");
    expect_fault("a,b\n1,\"2\n", "", "2: a quoted field is not closed");
    expect_fault("a,b\n1,\"2\"x\n", "", "2: a quoted field is not closed");
    expect_fault("a,b\n1,\x1b[31m\n", "", "2: column 'b': '?[31m' is not a number");
    expect_fault_in("a,b\n1,\0\n", 8, ".csv", "", "2: a NUL byte: this is not a text file");
    expect_fault_in("\xff\xfe"
                    "a\0,\0b\0\n\0",
                    8, ".csv", "", "1: no row follows the header");
}

static void a_missing_file(void **state)
{
    (void)state;
    struct error err;
    assert_null(csv_open("no-such-file.csv", NULL, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, "no-such-file.csv: No such file or directory");
    assert_null(csv_open("/", NULL, &err));
    assert_string_equal(err.text, "/: Is a directory");
}

static void lines_up_to_a_mebibyte(void **state)
{
    (void)state;
    size_t size = CSV_LINE_MAX + 64;
    char *text = malloc(size);
    struct error err;
    /* A field of blanks and a number, so that the line has exactly as many bytes as may be. */
    memset(text, ' ', size);
    memcpy(text, "a,b\n1,", 6);
    memcpy(text + 4 + CSV_LINE_MAX - 3, "25\n8,9\n", 7);
    struct table *table = read_bytes(text, 4 + CSV_LINE_MAX + 4, ".csv", "", &err);
    assert_string_equal(err.text, "");
    assert_true(table->rows == 2 && table->column[1][0] == 25 && table->column[1][1] == 9);
    table_free(table);
    memset(text + 6, ' ', size - 6);
    expect_fault_in(text, size, ".csv", "", "2: the line is longer than 1 MiB");
    free(text);
}

/* gzip of a text that does not compress well; the caller frees it. */
static unsigned char *zipped(const char *text, size_t length, size_t *size)
{
    z_stream z = {0};
    unsigned char *out = malloc(length + 1000);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)length;
    z.next_out = out;
    z.avail_out = (unsigned)length + 1000;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *size = z.total_out;
    deflateEnd(&z);
    return out;
}

static void gzip_whole_cut_and_broken(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    char *text = malloc(ROWS * 64);
    size_t length = (size_t)sprintf(text, "a,b\n"), size;
    double sum = 0, got = 0;
    for (int i = 0; i < ROWS; i++) {
        int x = (int)(random_bits() % 1000000000);
        sum += x;
        length += (size_t)sprintf(text + length, "%d,%d\n", x, i);
    }
    unsigned char *gz = zipped(text, length, &size);
    struct error err;
    struct table *table = read_bytes(gz, size, ".csv.gz", "", &err);
    assert_string_equal(err.text, "");
    assert_int_equal(table->rows, ROWS);
    for (int i = 0; i < ROWS; i++) {
        got += table->column[0][i];
        assert_true(table->column[1][i] == i);
    }
    assert_true(got == sum);
    table_free(table);

    for (int i = 0; i < 40; i++) { /* wherever it is cut */
        size_t cut = i < 20 ? size - 1 - (size_t)i : 2 + random_bits() % (size - 40);
        table = read_bytes(gz, cut, ".csv.gz", "", &err);
        assert_null(table);
        assert_int_equal(err.status, STATUS_INPUT);
        assert_non_null(strstr(err.text, ": the gzip data is cut off"));
    }
    gz[size - 6] ^= 1; /* in the checksum */
    assert_null(read_bytes(gz, size, ".csv.gz", "", &err));
    assert_non_null(strstr(err.text, ": the gzip data is broken (incorrect data check)"));
    expect_fault_in("a,b\n1,2\n", 8, ".csv.gz", "",
                    "1: not gzip data, although the name ends in .gz");
    free(gz);
    free(text);
}

/* The time of a row with this text, or a failure. */
static int64_t time_of(const char *text)
{
    struct error err;
    char file[256];
    snprintf(file, sizeof file, "a,b,t\n1,2,%s\n", text);
    struct table *table = read_text(file, "t", &err);
    if (!table)
        fail_msg("%s", err.text);
    int64_t time = table->time[0];
    table_free(table);
    return time;
}

/* --- files so large that stretches of them are read side by side */

#define LARGE_ROWS 600000 /* of which each stretch tells its progress if it may */

/*
 * Row i, from 0, has time 1000000 + i, a = i / 8 and b = -i; rows differ in length. Each line is
 * plain (but the first), or none is, or every `odd`-th is odd in one of several ways. The caller
 * frees it.
 */
enum { NO_LINE_IS_PLAIN = 1, EVERY_LINE_IS_PLAIN = LARGE_ROWS };
static char *large_text(size_t *length, unsigned odd)
{
    static const char *const ways[] = {
        "%u,\"%.*s,\"\"\",%u.%03u, -%u\n",
        "\"%u\",%.*s,\"%u.%03u\",\"-%u\"\n",
        " %u ,%.*s, %u.%03u\t,  -%u \n",
        "%u,%.*s,%u.%03u00000000000000000,-%u\n",
        "%u.0000000000000000000000,%.*s,+%u.%03ue0,-%u.\r\n",
        "+%ue+00,%.*s,00000000000000000000000%u.%03u,-%uE-0\r\n",
    };
    char *text = malloc((size_t)LARGE_ROWS * 80 + 100), *at = text;
    table_threads = 2;
    assert_non_null(text);
    at += sprintf(at, "t,note,a,b\r\n");
    for (unsigned i = 0; i < LARGE_ROWS; i++) {
        unsigned way = odd == NO_LINE_IS_PLAIN ? 0 : i / odd % 6;
        const char *form = i % odd ? "%u,%.*s,%u.%03u,-%u\n" : ways[way];
        const char *note = i % odd == 0 && way == 0
                               ? "quoted, with commas and blanks, to any length"
                               : "a note's bytes + blanks; any letters at all!";
        at +=
            sprintf(at, form, 1000000 + i, (int)(random_bits() % 40), note, i / 8, i % 8 * 125, i);
    }
    *length = (size_t)(at - text);
    assert_true(*length > (size_t)20 << 20);
    return text;
}

static void check_large(const void *bytes, size_t size, const char *suffix)
{
    struct error err;
    struct table *table = read_bytes(bytes, size, suffix, "t", &err);
    assert_string_equal(err.text, "");
    assert_int_equal(fake_unheard, 0); /* the real one needs a log */
    assert_int_equal(table->rows, LARGE_ROWS);
    for (size_t i = 0; i < LARGE_ROWS; i++)
        if (table->time[i] != 1000 * (int64_t)(1000000 + i) ||
            table->column[0][i] != (double)i / 8 || table->column[1][i] != -(double)i)
            fail_msg("row %zu is not what the file has", i);
    table_free(table);
}

static void a_large_file(void **state)
{
    (void)state;
    static const unsigned odd[] = {NO_LINE_IS_PLAIN, 7, 100003, EVERY_LINE_IS_PLAIN};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        size_t length, size;
        char *text = large_text(&length, odd[i]);
        check_large(text, length, ".csv");
        check_large(text, length - 1, ".csv"); /* the last line has no end */
        if (odd[i] == NO_LINE_IS_PLAIN) {
            unsigned char *gz = zipped(text, length, &size);
            check_large(gz, size, ".csv.gz"); /* which has no stretches */
            free(gz);
        }
        strcpy(text + length, "\n\r\n");
        check_large(text, length + 3, ".csv"); /* blank lines end it */
        free(text);
    }
}

/* Wherever in a large file a fault is, it is told with its line. */
static void check_faults(unsigned odd)
{
    size_t length;
    char *text = large_text(&length, odd), *at = strchr(text, '\n') + 1, wants[80];
    for (unsigned line = 2; line <= LARGE_ROWS + 1; line++) {
        char *end = strchr(at, '\n'), digit = end[-1];
        if (line < 4 || line > LARGE_ROWS - 1 || random_bits() % 80000 == 0) {
            end[-1] = 'x';
            snprintf(wants, sizeof wants, "%u: column 'b': '-", line);
            expect_fault_in(text, length, ".csv", "t", wants);
            end[-1] = digit;
            *at = '0';
            snprintf(wants, sizeof wants, "%u: time 1970-", line);
            if (line > 2)
                expect_fault_in(text, length, ".csv", "t", wants);
            *at = ',';
            snprintf(wants, sizeof wants, "%u: 5 fields, but the header has 4", line);
            expect_fault_in(text, length, ".csv", "t", wants);
            *at = 0;
            snprintf(wants, sizeof wants, "%u: a NUL byte", line);
            expect_fault_in(text, length, ".csv", "t", wants);
            *at = '1';
            char byte = at[8]; /* of the note, or behind it */
            at[8] = 0;
            expect_fault_in(text, length, ".csv", "t", wants);
            at[8] = byte;
        }
        at = end + 1;
    }
    check_large(text, length, ".csv");
    free(text);
}

static void faults_of_a_large_file(void **state)
{
    (void)state;
    check_faults(NO_LINE_IS_PLAIN);
    check_faults(EVERY_LINE_IS_PLAIN);
}

/* The lines that begin in a part of a file, against counting them one by one. */
static void lines_of_a_part(void **state)
{
    (void)state;
    static const char text[] = "a,b\n1,2\n\n33,4\r\n\n\n5,66\n7,8";
    const uint64_t size = sizeof text - 1;
    struct error err;
    const char *path = fake_file(text, size, ".csv");
    struct csv *csv = csv_open(path, NULL, &err);
    assert_non_null(csv);
    for (uint64_t from = 1; from <= size; from++) {
        for (uint64_t to = from + 1; to <= size; to++) {
            size_t lines, wanted = 0;
            for (uint64_t at = from; at < to; at++)
                wanted += text[at - 1] == '\n';
            assert_int_equal(csv_count(csv, from, to, &lines), 0);
            assert_int_equal(lines, wanted);
        }
        size_t lines;
        assert_int_equal(csv_count(csv, from, size + 2, &lines), -1); /* as if it were cut */
    }
    csv_close(csv);
    unlink(path);
}

/* --- random files: the quick way, side by side or not, against fields cut one by one */

static const char *any_of(const char *const *text, size_t count)
{
    return text[random_bits() % count];
}

/* Appends a number, mostly plain. */
static char *any_number(char *at)
{
    static const char *const odd[] = {"-0",
                                      "+7",
                                      ".5",
                                      "-.25",
                                      "3.",
                                      "1e5",
                                      "-2E-3",
                                      "9007199254740993",
                                      "0.1234567890123456789",
                                      "123456789012345678901",
                                      "1e300",
                                      "12345678.12345678",
                                      "0e99",
                                      "00000000000000000000001.5",
                                      "4.9e-324",
                                      "99999999",
                                      "100000000",
                                      "0.00000001",
                                      "12345678",
                                      "87654321.",
                                      "1e22",
                                      "1e23"};
    static const char *const worse[] = {"",  "nan",   "1e",  "1.2.3", "x",
                                        "-", "1e999", "0x1", "1 2",   "\r"};
    static const char *const around[] = {" %s", "%s ", "\t%s\t", "\"%s\"", " \"%s\" "};
    char number[64];
    uint64_t r = random_bits() % 1000;
    if (r < 700)
        snprintf(number, sizeof number, "%.*f", (int)(random_bits() % 10),
                 (double)(int64_t)random_bits() / (double)(random_bits() >> random_bits() % 64));
    else
        strcpy(number, r < 997 ? any_of(odd, sizeof odd / sizeof *odd)
                               : any_of(worse, sizeof worse / sizeof *worse));
    if (strlen(number) > 40)
        strcpy(number, "1");
    const char *form = random_bits() % 100 ? "%s" : any_of(around, 5);
    const char *s = strstr(form, "%s");
    return at + sprintf(at, "%.*s%s%s", (int)(s - form), form, number, s + 2);
}

/* Appends a time: of kind 0 milliseconds, 1 seconds, others ISO 8601. */
static char *any_time(char *at, int kind, int64_t ms)
{
    static const char *const ends[] = {"", "Z", "+00:00", "-00"};
    char text[TABLE_TIME];
    if (random_bits() % 3000 == 0)
        kind = (int)(random_bits() % 3);
    if (kind == 0)
        return at + sprintf(at, "%lld", (long long)ms);
    if (kind == 1)
        return at + sprintf(at, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
    table_time(ms, text);
    text[10] = kind == 2 ? 'T' : ' ';
    text[strlen(text) - 1] = 0;
    return at + sprintf(at, "%s%s", text, any_of(ends, 4));
}

static char *any_file(char *text)
{
    static const char *const notes[] = {
        "x",    "",      "two words",        "\"a, b\"",  "\xc3\xa4+-#!",
        "a\"b", "7",     "0123456789abcdef", "0123456\"", "1234567890,1",
        "\"x",  "\"a\"b"};
    static const char *const ends[] = {"\n", "\n", "\n", "\r\n"};
    int lines = 1 + (int)(random_bits() % 60), kind = (int)(random_bits() % 4),
        crlf = random_bits() % 4 == 0;
    int64_t ms = 1000000000000 + (int64_t)(random_bits() % 1000000000);
    char *at = text + sprintf(text, "t,a,note,b\n");
    for (int i = 0; i < lines; i++) {
        ms += (int64_t)(random_bits() % 100000) - (random_bits() % 500 == 0 ? 70000 : 0) + 1;
        at = any_time(at, kind, ms);
        *at++ = ',';
        at = any_number(at);
        at += sprintf(at, ",%s,", any_of(notes, random_bits() % 500 ? 4 : 12));
        at = any_number(at);
        if (random_bits() % 3000 == 0)
            at += sprintf(at, ",9");
        at += sprintf(at, "%s",
                      random_bits() % 300 == 0 ? "\n\n"
                      : crlf                   ? "\r\n"
                                               : any_of(ends, 4));
    }
    if (random_bits() % 4 == 0)
        at--;
    if (random_bits() % 8 == 0)
        at += sprintf(at, "%s", random_bits() % 2 ? "\n\r\n" : "\n \r\n");
    return at;
}

static struct table *read_any(const char *path, const char *time, size_t columns, uint64_t stretch,
                              struct error *err)
{
    static char a[] = "a", b[] = "b";
    char *names[] = {a, b, b};
    uint64_t before = table_stretch;
    *err->text = 0;
    table_stretch = stretch;
    table_threads = 3;
    struct table *table =
        table_read(path, &(struct table_how){.time = {time}}, names, columns, NULL, err);
    table_stretch = before;
    return table;
}

/* Numbers against strtod() of the fields; returns the rows. */
static size_t compare_fields(const char *path, const struct table *table)
{
    struct error err;
    struct csv *csv = csv_open(path, NULL, &err);
    size_t row = 0;
    assert_non_null(csv);
    for (; csv_next(csv, &err) > 0; row++) {
        double wanted[2] = {strtod(csv->field[1].text, NULL), strtod(csv->field[3].text, NULL)};
        for (size_t c = 0; c < 2; c++)
            assert_memory_equal(&table->column[c][row], &wanted[c], sizeof *wanted);
    }
    csv_close(csv);
    return row;
}

static void compare_ways(const char *path, const char *time, size_t *read)
{
    /* b is asked for twice: that is what keeps a table from being read the quick way */
    struct error fault[3];
    struct table *slow = read_any(path, time, 3, UINT64_MAX, &fault[0]);
    struct table *quick = read_any(path, time, 2, UINT64_MAX, &fault[1]);
    struct table *beside = read_any(path, time, 2, 1 + random_bits() % 200, &fault[2]);
    assert_string_equal(fault[1].text, fault[0].text);
    assert_string_equal(fault[2].text, fault[0].text);
    if (slow) {
        if (!slow->origin) /* else rows at the start are left out, that lack a value */
            assert_int_equal(compare_fields(path, slow), slow->rows);
        const struct table *other[] = {quick, beside};
        for (size_t i = 0; i < 2; i++) {
            assert_non_null(other[i]);
            assert_int_equal(other[i]->rows, slow->rows);
            assert_int_equal(other[i]->format, slow->format);
            for (size_t c = 0; c < 2; c++)
                assert_memory_equal(other[i]->column[c], slow->column[c],
                                    slow->rows * sizeof(double));
            assert_int_equal(!other[i]->time, !slow->time);
            if (slow->time)
                assert_memory_equal(other[i]->time, slow->time, slow->rows * sizeof *slow->time);
        }
        ++*read;
    }
    table_free(slow);
    table_free(quick);
    table_free(beside);
}

static void every_way_reads_the_same(void **state)
{
    (void)state;
    enum { FILES = 4000 };
    static char text[1 << 14];
    size_t read = 0;
    for (int i = 0; i < FILES; i++) {
        char *end = any_file(text);
        const char *path = fake_file(text, (size_t)(end - text), ".csv");
        compare_ways(path, "t", &read);
        compare_ways(path, "", &read);
        unlink(path);
    }
    assert_in_range(read, FILES / 2, 2 * FILES - FILES / 10); /* both kinds were tried */
}

/* A blank line is passed over wherever a stretch ends; rows keep their lines. */
static void blank_lines_between_stretches(void **state)
{
    (void)state;
    enum { ROWS = 24 };
    for (int blank = 1; blank < ROWS; blank++) {
        char text[1024], where[TABLE_WHERE], wants[64];
        int length = sprintf(text, "a,note,b\n");
        for (int i = 0; i < ROWS; i++)
            length += sprintf(text + length, "%s%d,x,%d\n", i == blank ? "\n" : "", i, i);
        const char *path = fake_file(text, (size_t)length, ".csv");
        snprintf(wants, sizeof wants, "%s:%d", path, ROWS + 2);
        for (uint64_t stretch = 1; stretch < 100; stretch++) {
            struct error err;
            struct table *table = read_any(path, "", 2, stretch, &err);
            assert_string_equal(err.text, "");
            assert_int_equal(table->rows, ROWS);
            for (int i = 0; i < ROWS; i++)
                assert_true(table->column[1][i] == i);
            assert_string_equal(table_where(table, ROWS - 1, where), wants);
            assert_string_equal(table->told, "1 blank line between rows passed over\n");
            table_free(table);
        }
        unlink(path);
    }
}

static void times_in_every_format(void **state)
{
    (void)state;
    assert_int_equal(time_of("1617321600000"), 1617321600000);
    assert_int_equal(time_of("1617321600"), 1617321600000);
    assert_int_equal(time_of("1617321600.125"), 1617321600125);
    assert_int_equal(time_of("2021-04-02"), 1617321600000);
    assert_int_equal(time_of("20210402"), 1617321600000);
    assert_int_equal(time_of("2021-04-02T00:03"), 1617321780000);
    assert_int_equal(time_of("2021-04-02 00:03:15"), 1617321795000);
    assert_int_equal(time_of("2021-04-02T00:03:15.2509Z"), 1617321795250);
    assert_int_equal(time_of("2021-04-02T09:00:00+09:00"), 1617321600000);
    assert_int_equal(time_of("2021-04-01T18:30:00-0530"), 1617321600000);
    assert_int_equal(time_of("2021-04-02T02:00:00+02"), 1617321600000);
    assert_int_equal(time_of("1969-12-31T23:59:59.999"), -1);
    assert_int_equal(time_of("2000-02-29"), 951782400000);
    int64_t ms;
    assert_int_equal(instant_of_date(0, 1, 1, &ms), 0);
    assert_int_equal(ms, -62167219200000);
    assert_int_equal(instant_of_date(9999, 12, 31, &ms), 0);
    assert_int_equal(ms, 253402214400000);
    assert_int_equal(time_of("1000-01-01"), -30610224000000);
    assert_int_equal(time_of("2199-12-31T23:59:59.999"), 7258118399999);
    static const struct {
        double day;
        int64_t ms; /* behind 2024-01-02T09:00:00Z */
    } excel[] = {{45293.375, 0},        {45293.375694, 60000},     {45293.376389, 120000},
                 {45293.37500116, 100}, {45293.3756939815, 59960}, {45293.375695, 60048},
                 {45293.37501, 864},    {45294, 54000000}};
    for (size_t i = 0; i < sizeof excel / sizeof *excel; i++) {
        assert_int_equal(instant_of_number(excel[i].day, TIME_EXCEL, &ms), 0);
        assert_int_equal(ms - 1704186000000, excel[i].ms);
    }
    /* days of twelve centuries, against the C library's calendar */
    for (int64_t day = -354285; day < 84006; day += 23) {
        char text[TABLE_TIME];
        assert_int_equal(time_of(table_time(day * 86400000, text)), day * 86400000);
    }
}

static void bad_times(void **state)
{
    (void)state;
    static const char *const bad[] = {"2021-02-29",         "1900-02-29",
                                      "2021-13-01",         "2021-00-10",
                                      "2021-04-02T00:60",   "2021-04-02T00:00:61",
                                      "2021-04-02T00:00Zx", "2021-04-02T00:00+1",
                                      "2021-04-02T24:01",   "2021-04-02T",
                                      "2021-04-02 7",       "yesterday",
                                      "2021-0402",          "13:00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char file[256], wants[256];
        snprintf(file, sizeof file, "a,b,t\n1,2,%s\n", bad[i]);
        snprintf(wants, sizeof wants, "2: column 't': time '%s' has none of the forms", bad[i]);
        expect_fault(file, "t", wants);
    }
    expect_fault("a,b,t\n1,2,\n", "t", "2: column 't': the time is missing");
    expect_fault("a,b,t\n1,2,99999999999\n", "t",
                 "2: column 't': time '99999999999' is no instant of the years 1900 to 2200");
    expect_fault("t,a,b\n1600000000,1,2\nx,3,4\n", "t", "3: column 't': time 'x' has none of");
    expect_fault("t,a,b\n2021-01-01,1,2\n7,3,4\n", "t", "3: column 't': time '7' has none of");
    expect_fault("t,a,b\n100,1,2\n100,3,4\n", "t", "3: time 1970-01-01T00:01:40Z appears twice");
    expect_fault(
        "t,a,b\n100,1,2\n160,3,4\n40,3,4\n", "t",
        "4: time 1970-01-01T00:00:40Z lies before the previous row's 1970-01-01T00:02:40Z");
}

static void steps_and_runs(void **state)
{
    (void)state;
    struct error err;
    size_t runs;
    struct table *table = read_text("t,a,b\n0,1,1\n60,1,1\n120,1,1\n180,1,1\n780,1,1\n840,1,1\n"
                                    "1441,1,1\n",
                                    "t", &err);
    assert_string_equal(err.text, "");
    assert_int_equal(table_step(table), 60000);
    struct run *run = table_runs(table, 600000, &runs); /* 600 s is not longer than 600 s */
    assert_int_equal(runs, 2);
    assert_true(run[0].begin == 0 && run[0].end == 6 && run[1].begin == 6 && run[1].end == 7);
    free(run);
    run = table_runs(table, 599999, &runs);
    assert_int_equal(runs, 3);
    assert_true(run[1].begin == 4 && run[1].end == 6);
    free(run);
    run = table_runs(table, 0, &runs);
    assert_true(runs == 1 && run[0].begin == 0 && run[0].end == 7);
    free(run);
    table_free(table);
    table = read_text("t,a,b\n0,1,1\n60,1,1\n121,1,1\n183,1,1\n", "t", &err);
    assert_int_equal(table_step(table), 0);
    table_free(table);
}

/* Candles of three minutes from rows of one, told apart by their values. */
static void resampling(void **state)
{
    (void)state;
    static char open[] = "open", high[] = "HIGH", low[] = "Low", close[] = "close",
                volume[] = "Volume", other[] = "other";
    char *names[] = {open, high, low, close, volume, other};
    /* Minutes 1, 2 | 3, 4, 5 | 6, 8 | (9 to 11 missing) | 12, 13, 14 | 15, 16 */
    static const int minutes[] = {1, 2, 3, 4, 5, 6, 8, 12, 13, 14, 15, 16};
    char text[2048] = "time,open,high,low,close,volume,other\n";
    for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
        int m = minutes[i], swing = m % 3 == 1 ? 9 : 1;
        sprintf(text + strlen(text), "%d,%d,%d,%d,%d,%d,%d\n", 1617321600 + 60 * m, 100 + m,
                100 + m + swing, 100 + m - swing, 200 + m, m, 1000 + m);
    }
    const char *path = fake_file(text, strlen(text), ".csv");
    struct error err;
    struct table *table =
        table_read(path, &(struct table_how){.time = {"time"}}, names, 6, NULL, &err);
    unlink(path);
    assert_non_null(table);
    size_t runs;
    struct run *run = table_runs(table, 0, &runs);
    struct resampling told;
    assert_int_equal(table_resample(table, 180000, NULL, NULL, run, &runs, &told, &err), 0);
    assert_int_equal(told.rows, 12);
    assert_int_equal(told.cut, 2); /* minutes 1-2 and 15-16 */
    assert_int_equal(told.partial, 1);
    assert_int_equal(table->rows, 3);
    static const double wanted[6][3] = {{103, 106, 112}, {113, 109, 122}, {95, 105, 104},
                                        {205, 208, 214}, {12, 14, 39},    {1005, 1008, 1014}};
    for (int c = 0; c < 6; c++) {
        for (int i = 0; i < 3; i++)
            assert_true(table->column[c][i] == wanted[c][i]);
    }
    assert_true(table->time[0] == 1617321780000 && table->time[1] == 1617321960000 &&
                table->time[2] == 1617322320000);
    assert_true(runs == 1 && run[0].begin == 0 && run[0].end == 3);
    char where[TABLE_WHERE];
    assert_non_null(strstr(table_where(table, 1, where), ": candle of 2021-04-02T00:06:00Z"));
    free(run);
    table_free(table);
}

static void rows_too_far_apart_for_the_candles(void **state)
{
    (void)state;
    struct error err;
    struct resampling told;
    size_t runs;
    struct table *table = read_text("t,a,b\n0,1,1\n180,1,1\n360,1,1\n", "t", &err);
    struct run *run = table_runs(table, 0, &runs);
    assert_int_equal(table_resample(table, 60000, NULL, NULL, run, &runs, &told, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, ": rows are 3m apart, too far for candles of 1m"));
    free(run);
    table_free(table);
}

/* A hole cuts candles as the ends of the file do. */
static void resampling_with_a_hole(void **state)
{
    (void)state;
    struct error err;
    char text[1024] = "t,a,b\n";
    for (int m = 0; m < 30; m++) { /* minutes 7 to 12 are missing */
        if (m < 7 || m > 12)
            sprintf(text + strlen(text), "%d,%d,%d\n", m * 60, m, m);
    }
    struct table *table = read_text(text, "t", &err);
    size_t runs;
    struct run *run = table_runs(table, 300000, &runs);
    struct resampling told;
    assert_int_equal(runs, 2);
    assert_int_equal(table_resample(table, 180000, NULL, NULL, run, &runs, &told, &err), 0);
    assert_int_equal(told.cut, 2); /* minute 6 alone, and 13 and 14 */
    assert_int_equal(told.partial, 0);
    assert_true(runs == 2 && run[0].end == 2 && run[1].begin == 2 && run[1].end == 7);
    assert_true(table->column[0][1] == 5 && table->column[0][2] == 17);
    assert_int_equal(table->time[2], 900000);
    free(run);
    table_free(table);
}

/* What is shown of a text: no control characters, and no more than fits, cut between characters. */
static void texts_as_shown(void **state)
{
    (void)state;
#define TEN "0123456789"
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"ma(close,3)", "ma(close,3)"},
        {"a\tb\x1f\x7f\n ~", "a?b??? ~"},
        {TEN TEN TEN TEN TEN TEN "123", TEN TEN TEN TEN TEN TEN "123"},
        {TEN TEN TEN TEN TEN TEN "1234", TEN TEN TEN TEN TEN TEN "..."},
        /* an e with an accent, two bytes, whole before the cut and across it */
        {TEN TEN TEN TEN TEN "12345678\xc3\xa9-----", TEN TEN TEN TEN TEN "12345678\xc3\xa9..."},
        {TEN TEN TEN TEN TEN "123456789\xc3\xa9----", TEN TEN TEN TEN TEN "123456789..."},
        /* a sign of three bytes whose last is cut off */
        {TEN TEN TEN TEN TEN "12345678\xe2\x82\xac----", TEN TEN TEN TEN TEN "12345678..."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char shown[CSV_SHOWN + 1];
        memset(shown, '#', sizeof shown);
        assert_ptr_equal(csv_show(cases[i].text, shown), shown);
        assert_string_equal(shown, cases[i].shown);
        assert_int_equal(shown[CSV_SHOWN], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_what_strtod_reads),
        cmocka_unit_test(no_number_is_refused),
        cmocka_unit_test(the_decimal_comma_is_not_seen),
        cmocka_unit_test(a_plain_file),
        cmocka_unit_test(quotes_line_ends_and_marks),
        cmocka_unit_test(bad_files_are_named_with_their_line),
        cmocka_unit_test(a_missing_file),
        cmocka_unit_test(lines_up_to_a_mebibyte),
        cmocka_unit_test(gzip_whole_cut_and_broken),
        cmocka_unit_test(a_large_file),
        cmocka_unit_test(faults_of_a_large_file),
        cmocka_unit_test(lines_of_a_part),
        cmocka_unit_test(every_way_reads_the_same),
        cmocka_unit_test(blank_lines_between_stretches),
        cmocka_unit_test(times_in_every_format),
        cmocka_unit_test(bad_times),
        cmocka_unit_test(steps_and_runs),
        cmocka_unit_test(resampling),
        cmocka_unit_test(rows_too_far_apart_for_the_candles),
        cmocka_unit_test(resampling_with_a_hole),
        cmocka_unit_test(texts_as_shown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
