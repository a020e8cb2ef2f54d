/* SPDX-License-Identifier: MIT */
/* condition: which rows are chosen, and what is said of those that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "data/condition.h"
#include "data_fakes.h"

enum { ROWS = 8 };

/* All combinations of three truths, and a column that rises. */
static double a[ROWS] = {0, 0, 0, 0, 1, 1, 1, 1};
static double b[ROWS] = {0, 0, 1, 1, 0, 0, 1, 1};
static double c[ROWS] = {0, 1, 0, 1, 0, 1, 0, 1};
static double rise[ROWS] = {-2, -1, 0, 1, 2, 3, 4, 5};
static double *columns[] = {a, b, c, rise};
static char path[] = "f.csv";
static const struct table table = {
    .path = path, .first_line = 2, .rows = ROWS, .columns = 4, .column = columns};

static struct condition *parse(const char *text)
{
    static char *const known[] = {"a", "b", "c", "Rise Up"};
    struct error err;
    struct condition *condition = condition_parse(text, &err);
    if (!condition)
        fail_msg("%s", err.text);
    char **names = malloc(sizeof known);
    memcpy(names, known, sizeof known);
    size_t count = 4;
    assert_int_equal(condition_columns(condition, &names, &count), 0);
    assert_int_equal(count, 4);
    free(names);
    return condition;
}

/* The chosen ones of the rows [begin, end), as a picture: "..##". */
static void expect_rows(const char *text, size_t begin, size_t end, const char *wants)
{
    struct error err;
    struct condition *condition = parse(text);
    unsigned char *out = malloc(end - begin);
    char got[ROWS + 1] = "";
    memset(out, 7, end - begin);
    if (condition_compute(condition, &table, (struct run){begin, end}, out, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < end - begin; i++) {
        assert_true(out[i] <= 1);
        got[i] = out[i] ? '#' : '.';
    }
    if (strcmp(got, wants))
        fail_msg("%s: %s, not %s", text, got, wants);
    free(out);
    condition_free(condition);
}

static void expect(const char *text, const char *wants)
{
    expect_rows(text, 0, ROWS, wants);
}

static void comparisons(void **state)
{
    (void)state;
    expect("Rise Up < 1", "###.....");
    expect("Rise Up <= 1", "####....");
    expect("Rise Up > 1", "....####");
    expect("Rise Up >= 1", "...#####");
    expect("Rise Up == 1", "...#....");
    expect("Rise Up != 1", "###.####");
    expect("1<Rise Up", "....####");
    expect("Rise Up>-1.5e0", ".#######");
    expect("a == b", "##....##");
    expect("a<b", "..##....");
    expect("abs(Rise Up) > a", "##.#####");
    expect("1 < 2", "########");
    expect("2 < 1", "........");
}

static void truth_tables(void **state)
{
    (void)state;
    expect("a > 0 and b > 0", "......##");
    expect("a > 0 or b > 0", "..######");
    expect("not a > 0", "####....");
    expect("not not a > 0", "....####");
    expect("a > 0 and b > 0 and c > 0", ".......#");
    expect("a > 0 or b > 0 or c > 0", ".#######");
}

/* not binds more than and, and more than or; parentheses over all. */
static void precedence(void **state)
{
    (void)state;
    expect("a > 0 or b > 0 and c > 0", "...#####");
    expect("b > 0 and c > 0 or a > 0", "...#####");
    expect("(a > 0 or b > 0) and c > 0", "...#.#.#");
    expect("not a > 0 and b > 0", "..##....");
    expect("not (a > 0 and b > 0)", "######..");
    expect("not a > 0 or b > 0", "####..##");
    expect("a > 0 and not b > 0 or not c > 0", "#.#.###.");
    expect("((a > 0)) and (not ((b > 0) or c > 0))", "....#...");
}

static void words_and_blanks(void **state)
{
    (void)state;
    expect("  a>0 AND(b>0)oR not(c>0)\t", "#.#.#.##");
    expect("NOT(a>0)And\tNot b>0", "##......");
    expect("a > 0 or(b>0)", "..######");
    expect("a > 0 and MA( Rise Up , 1 ) > 2", ".....###");
}

static void warmups(void **state)
{
    (void)state;
    struct condition *condition = parse("ma(a,3) > 0 or diff(diff(diff(b))) >= 0 and c < 2");
    assert_int_equal(condition_warmup(condition), 3);
    condition_free(condition);
    expect("Rise Up > -9 or ma(a,4) > 5", "...#####");
    expect("not lag(a,2) > 7", "..######");
    expect("not ma(a,9) > 7", "........"); /* no row at all has a value */
    expect_rows("\"Rise Up\" > 1", 0, ROWS, "....####");
    expect_rows("ma(Rise Up,2) > 0", 2, 6, ".###");
    expect_rows("not ma(Rise Up,5) > 0", 4, 6, "..");
}

static void bad_values_are_named(void **state)
{
    (void)state;
    struct condition *condition = parse("Rise Up > 0 and log(Rise Up) > 1");
    unsigned char out[ROWS];
    struct error err;
    assert_int_equal(condition_compute(condition, &table, (struct run){1, ROWS}, out, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, "f.csv:3: feature 'log(Rise Up)' has no finite value here: log "
                                  "needs values above 0");
    assert_int_equal(condition_compute(condition, &table, (struct run){3, ROWS}, out, &err), 0);
    condition_free(condition);
    condition = parse("a > hour_sin()");
    assert_int_equal(condition_compute(condition, &table, (struct run){0, ROWS}, out, &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
    condition_free(condition);
}

static void columns_are_asked_for_once(void **state)
{
    (void)state;
    struct error err;
    struct condition *condition =
        condition_parse("close > lag(close,1) or 3 < volume and sma(Adj Close,5) == volume", &err);
    assert_non_null(condition);
    char **names = NULL;
    size_t count = 0;
    assert_int_equal(condition_columns(condition, &names, &count), 0);
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "close");
    assert_string_equal(names[1], "volume");
    assert_string_equal(names[2], "Adj Close");
    free(names);
    condition_free(condition);
}

static void bad_conditions(void **state)
{
    (void)state;
#define RELATION "one of < <= > >= == != is missing "
#define SIDE "a number or a feature is missing "
    static const struct {
        const char *text, *wants;
    } bad[] = {
        {"", "'': " SIDE "at the end"},
        {"close", "'close': " RELATION "at the end"},
        {"close >", "'close >': " SIDE "at the end"},
        {"> 1", "'> 1': " SIDE "before > 1"},
        {"close = 1", "'close = 1': " RELATION "before = 1"},
        {"close ! 1", "'close ! 1': " RELATION "before ! 1"},
        {"close => 1", "'close => 1': " RELATION "before => 1"},
        {"close > > 1", "'close > > 1': " SIDE "before > 1"},
        {"1 < close < 2", "'1 < close < 2': not expected: < 2"},
        {"close > 1 and", "'close > 1 and': " SIDE "at the end"},
        {"and close > 1", "'and close > 1': " SIDE "before and close > 1"},
        {"close > 1 or or a > 1", "'close > 1 or or a > 1': " SIDE "before or a > 1"},
        {"close not > 1", "'close not > 1': " RELATION "before not > 1"},
        {"not", "'not': " SIDE "at the end"},
        {"(close > 1", "'(close > 1': ')' is missing"},
        {"close > 1)", "'close > 1)': not expected: )"},
        {"(close > 1) 2", "'(close > 1) 2': not expected: 2"},
        {"()", "'()': " SIDE "before )"},
        {"(close) > 1", "'(close) > 1': " RELATION "before ) > 1"},
        {"close > 1e999", "'close > 1e999': too large: 1e999"},
        {"ma(close > 1", "'ma(close > 1': ')' is missing behind ma"},
        {"ma(close) > 1", "'ma(close)': too few arguments for ma(x,n)"},
        {"vol(close,2) > 1", "'vol(close,2)': there is no function vol; seqtrain.ini(5) lists them "
                             "under FEATURES (a column's name with parentheses stands in quotes)"},
        {"\"a > 1", "'\"a > 1': the closing \" of a name is missing"},
    };
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(condition_parse(bad[i].text, &err));
        assert_int_equal(err.status, STATUS_USAGE);
        assert_string_equal(err.text, bad[i].wants);
    }
    char deep[4096] = "";
    for (int i = 0; i < 4000; i++)
        strcat(deep, "(");
    assert_null(condition_parse(deep, &err));
    assert_non_null(strstr(err.text, "nested too deeply"));
    *deep = 0;
    for (int i = 0; i < 1000; i++)
        strcat(deep, "not ");
    assert_null(condition_parse(deep, &err));
    assert_non_null(strstr(err.text, "nested too deeply"));
}

/* Length is no depth. */
static void long_conditions(void **state)
{
    (void)state;
    char text[1 << 15] = "a > 5";
    for (int i = 0; i < 1000; i++)
        strcat(text, i % 2 ? " or (c > 0 and b > 0)" : " or a < 0");
    expect(text, "...#...#");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons),
        cmocka_unit_test(truth_tables),
        cmocka_unit_test(precedence),
        cmocka_unit_test(words_and_blanks),
        cmocka_unit_test(warmups),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(columns_are_asked_for_once),
        cmocka_unit_test(bad_conditions),
        cmocka_unit_test(long_conditions),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
