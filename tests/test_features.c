/* features: what expressions mean, and that no value knows its future. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "data/features.h"
#include "data_fakes.h"

enum { ROWS = 400 };

static uint64_t random_state = 7;

static double random_unit(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

/* A table with the columns close (positive) and Adj Close (of any sign), as if read from "f.csv".
 */
static struct table *make_table(void)
{
    struct table *table = calloc(1, sizeof *table);
    table->path = strdup("f.csv");
    table->rows = ROWS;
    table->columns = 2;
    table->name = calloc(2, sizeof *table->name);
    table->column = calloc(2, sizeof *table->column);
    table->name[0] = strdup("close");
    table->name[1] = strdup("Adj Close");
    for (int c = 0; c < 2; c++)
        table->column[c] = malloc(ROWS * sizeof(double));
    for (int i = 0; i < ROWS; i++) {
        table->column[0][i] = 100 + 20 * random_unit();
        table->column[1][i] = 2 * random_unit() - 1;
    }
    return table;
}

/* Parses, and puts the columns where make_table() has them. */
static struct feature *parse(const char *text)
{
    struct error err;
    char **names = calloc(2, sizeof *names);
    char close[] = "close", adjusted[] = "Adj Close";
    names[0] = close;
    names[1] = adjusted;
    size_t count = 2;
    struct feature *feature = feature_parse(text, &err);
    if (!feature)
        fail_msg("%s", err.text);
    assert_int_equal(feature_columns(feature, &names, &count), 0);
    assert_int_equal(count, 2);
    free(names);
    return feature;
}

/* Values over rows [begin, end). */
static void compute(const char *text, const struct table *table, size_t begin, size_t end,
                    double *out)
{
    struct error err;
    struct feature *feature = parse(text);
    if (feature_compute(feature, table, (struct run){begin, end}, out, &err))
        fail_msg("%s", err.text);
    feature_free(feature);
}

static void near(double got, double wanted, double scale)
{
    if (!(fabs(got - wanted) <= 1e-12 * scale))
        fail_msg("%.17g is not %.17g", got, wanted);
}

static void moving_averages(void **state)
{
    (void)state;
    static const int spans[] = {1, 2, 3, 7, 50, 199, 200, 201, 390};
    struct table *table = make_table();
    double out[ROWS];
    for (size_t s = 0; s < sizeof spans / sizeof *spans; s++) {
        int n = spans[s];
        size_t begin = 10, end = ROWS;
        char text[64];
        snprintf(text, sizeof text, "ma(close,%d)", n);
        compute(text, table, begin, end, out);
        for (size_t t = 0; t < end - begin; t++) {
            double sum = 0;
            for (int k = 0; k < n && (int)t >= n - 1; k++)
                sum += table->column[0][begin + t - (size_t)k];
            if ((int)t < n - 1)
                assert_true(isnan(out[t]));
            else
                near(out[t], sum / n, 100);
        }

        snprintf(text, sizeof text, "ema(Adj Close,%d)", n);
        compute(text, table, begin, end, out);
        double mean = 0, a = 2.0 / (n + 1);
        const double *x = table->column[1] + begin;
        for (int k = 0; k < n; k++)
            mean += x[k];
        mean /= n;
        for (int t = 0; t < (int)(end - begin); t++) {
            if (t < n - 1) {
                assert_true(isnan(out[t]));
                continue;
            }
            /* In closed form: (1-a)^k of the first mean and a (1-a)^i of the value i rows ago. */
            double wanted = mean * pow(1 - a, t - (n - 1));
            for (int i = 0; i < t - (n - 1); i++)
                wanted += a * pow(1 - a, i) * x[t - i];
            near(out[t], wanted, 10);
        }
    }
    table_free(table);
}

/* What has left the window leaves nothing behind. */
static void moving_average_after_a_spike(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[ROWS], calm[ROWS];
    compute("ma(close,10)", table, 0, ROWS, calm);
    table->column[0][100] = 1e300;
    compute("ma(close,10)", table, 0, ROWS, out);
    for (int t = 9; t < ROWS; t++) {
        if (t < 100 || t >= 110)
            assert_true(out[t] == calm[t]);
    }
    table_free(table);
}

static void differences_and_logarithms(void **state)
{
    (void)state;
    struct table *table = make_table();
    double ret[ROWS], logret[ROWS], diff[ROWS], logarithm[ROWS];
    const double *x = table->column[0];
    compute("ret(close)", table, 0, ROWS, ret);
    compute("LogRet( close )", table, 0, ROWS, logret);
    compute("diff(close)", table, 0, ROWS, diff);
    compute("log(close)", table, 0, ROWS, logarithm);
    assert_true(isnan(ret[0]) && isnan(logret[0]) && isnan(diff[0]));
    near(logarithm[0], (double)logl(x[0]), 1);
    for (int t = 1; t < ROWS; t++) {
        near(ret[t], (double)((long double)x[t] / x[t - 1] - 1), 1);
        near(logret[t], (double)(logl(x[t]) - logl(x[t - 1])), 1);
        near(diff[t], x[t] - x[t - 1], 1);
        near(logarithm[t], (double)logl(x[t]), 1);
    }
    table_free(table);
}

static void nested(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[ROWS];
    const double *x = table->column[0];
    compute(" ma( logret(close) , 3 ) ", table, 5, ROWS, out);
    for (int t = 0; t < 3; t++)
        assert_true(isnan(out[t]));
    for (int t = 3; t < ROWS - 5; t++)
        near(out[t], log(x[5 + t] / x[5 + t - 3]) / 3, 1);
    struct feature *feature = parse(" diff( ema(ma(close,10),5)) ");
    assert_int_equal(feature_warmup(feature), 9 + 4 + 1);
    assert_string_equal(feature->text, "diff( ema(ma(close,10),5))");
    feature_free(feature);
    table_free(table);
}

static void runs_shorter_than_the_warmup(void **state)
{
    (void)state;
    struct table *table = make_table();
    double out[8] = {0};
    for (size_t length = 1; length <= 6; length++) {
        compute("ma(diff(close),5)", table, 20, 20 + length, out);
        for (size_t t = 0; t < length; t++)
            assert_int_equal(isnan(out[t]) != 0, t < 5);
    }
    table_free(table);
}

/* Whatever comes after row t, or before the run, the values up to row t keep their bits. */
static void no_value_knows_its_future(void **state)
{
    (void)state;
    static const char *const all[] = {
        "close",      "ma(close,7)",   "ema(close,9)",    "ret(close)",
        "log(close)", "logret(close)", "diff(Adj Close)", "ema(ma(logret(close),4),6)"};
    struct table *table = make_table();
    double before[ROWS], after[ROWS];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t t = 30; t < ROWS; t += 37) {
            size_t begin = 10;
            compute(all[i], table, begin, ROWS, before);
            for (int c = 0; c < 2; c++) {
                for (size_t row = 0; row < ROWS; row++) {
                    if (row < begin || row > t)
                        table->column[c][row] = 50 + 1000 * random_unit();
                }
            }
            compute(all[i], table, begin, ROWS, after);
            assert_memory_equal(before, after, (t - begin + 1) * sizeof *before);
            compute(all[i], table, begin, t + 1, after); /* nor whether there is any */
            assert_memory_equal(before, after, (t - begin + 1) * sizeof *before);
        }
    }
    table_free(table);
}

static void expect_bad_value(const char *text, double value, const char *wants)
{
    struct table *table = make_table();
    struct error err;
    double out[ROWS];
    struct feature *feature = parse(text);
    table->column[0][250] = value;
    assert_int_equal(feature_compute(feature, table, (struct run){200, 300}, out, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, wants);
    /* Runs that do not hold the row are not concerned. */
    assert_int_equal(feature_compute(feature, table, (struct run){251, 300}, out, &err), 0);
    feature_free(feature);
    table_free(table);
}

static void values_without_a_logarithm_are_named(void **state)
{
    (void)state;
    expect_bad_value("log(close)", 0,
                     "f.csv:252: feature 'log(close)' has no finite value here: log needs values "
                     "above 0");
    expect_bad_value("logret(close)", -1,
                     "f.csv:252: feature 'logret(close)' has no finite value here: logret needs "
                     "values above 0, here and in the row before");
    expect_bad_value("ma(ret(close),3)", 0,
                     "f.csv:253: feature 'ret(close)' has no finite value here: ret needs the row "
                     "before not to be 0");
}

static void bad_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wants;
    } bad[] = {
        {"", "'': a name is missing at the end"},
        {"ma(close,10", "'ma(close,10': ')' is missing behind ma"},
        {"ma(close", "'ma(close': ')' is missing behind ma"},
        {"ma(", "'ma(': a name is missing at the end"},
        {"ma()", "'ma()': a name is missing before )"},
        {"ma(close)", "'ma(close)': too few arguments for ma(x,n)"},
        {"ma(close,10,3)", "'ma(close,10,3)': too many arguments for ma(x,n)"},
        {"log(close,3)", "'log(close,3)': too many arguments for log(x)"},
        {"hour_sin(close)", "'hour_sin(close)': too many arguments for hour_sin()"},
        {"hour_sin(", "'hour_sin(': ')' is missing behind hour_sin"},
        {"atr(close,14)", "'atr(close,14)': too few arguments for atr(high,low,close,n=14)"},
        {"atr(a,b,c,14,)", "'atr(a,b,c,14,)': too many arguments for atr(high,low,close,n=14)"},
        {"atr(a,b,c,)", "'atr(a,b,c,)': n of atr must be a whole number from 1 to 100000000"},
        {"rsi(close,", "'rsi(close,': n of rsi must be a whole number from 1 to 100000000"},
        {"rsi(close", "'rsi(close': ')' is missing behind rsi"},
        {"ma(close,0)", "'ma(close,0)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,-1)", "'ma(close,-1)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,1.5)", "'ma(close,1.5)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,nan)", "'ma(close,nan)': n of ma must be a whole number from 1 to 100000000"},
        {"ma(close,99999999999999999999)",
         "'ma(close,99999999999999999999)': n of ma must be a whole number from 1 to 100000000"},
        {"macd(close,12,0)",
         "'macd(close,12,0)': slow of macd must be a whole number from 1 to 100000000"},
        {"bb_upper(close,20,-2)",
         "'bb_upper(close,20,-2)': k of bb_upper must be a number from 0 on"},
        {"bb_upper(close,20,1e999)",
         "'bb_upper(close,20,1e999)': k of bb_upper must be a number from 0 on"},
        {"power(close,two)", "'power(close,two)': p of power must be a number"},
        {"clip(close,1,0.5)",
         "'clip(close,1,0.5)': most of clip must be a number, not below the one before it"},
        {"ma(close,10)x", "'ma(close,10)x': not expected: x"},
        {"ma(ma(close,2)x,3)", "'ma(ma(close,2)x,3)': not expected: x,3)"},
        {"close)", "'close)': not expected: )"},
        {"a,b", "'a,b': not expected: ,b"},
        {"(close)", "'(close)': a name is missing before (close)"},
        {"bb_uper(close,3)",
         "'bb_uper(close,3)': there is no function bb_uper; did you mean bb_upper?"},
        {"RIS(close,3)", "'RIS(close,3)': there is no function RIS; did you mean rsi?"},
        {"ichimoku(close)", "'ichimoku(close)': there is no function ichimoku; seqtrain.ini(5) "
                            "lists them under FEATURES"},
    };
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(feature_parse(bad[i].text, &err));
        assert_int_equal(err.status, STATUS_USAGE);
        assert_string_equal(err.text, bad[i].wants);
    }
    char deep[4096] = "";
    for (int i = 0; i < 900; i++)
        strcat(deep, "log(");
    assert_null(feature_parse(deep, &err));
    assert_non_null(strstr(err.text, "nested too deeply"));
}

static void the_reference_lists_every_function(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    feature_reference(out);
    fclose(out);
    assert_non_null(strstr(text, "ma(x,n)\tmean of the last n rows\n"));
    assert_non_null(strstr(text, "\nlog(x)\tnatural logarithm of x\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moving_averages),
        cmocka_unit_test(moving_average_after_a_spike),
        cmocka_unit_test(differences_and_logarithms),
        cmocka_unit_test(nested),
        cmocka_unit_test(runs_shorter_than_the_warmup),
        cmocka_unit_test(no_value_knows_its_future),
        cmocka_unit_test(values_without_a_logarithm_are_named),
        cmocka_unit_test(bad_expressions),
        cmocka_unit_test(the_reference_lists_every_function),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
