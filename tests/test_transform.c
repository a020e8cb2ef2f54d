/* SPDX-License-Identifier: MIT */
/* transform: what targets become and that it is undone exactly; text from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/transform.h"

/* Parses the items of one line, separated by blanks here: "log scale(-1,1)". */
static int parse(struct transform *t, const char *text, struct error *err)
{
    char copy[1024], *item[32];
    struct list list = {item, 0};
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        item[list.count++] = at;
    return transform_parse(t, &list, err);
}

static struct transform parsed(const char *text)
{
    struct transform t;
    struct error err;
    if (parse(&t, text, &err))
        fail_msg("%s", err.text);
    return t;
}

/* Parsed and fitted to x, none of which is constant. */
static struct transform fitted(const char *text, const double *x, size_t count)
{
    struct transform t = parsed(text);
    struct error err;
    size_t bad;
    int constant;
    if (transform_fit(&t, x, count, &bad, &constant, &err))
        fail_msg("%s: %s", text, err.text);
    assert_false(constant);
    return t;
}

static void near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%.17g is not %.17g", got, wanted);
}

static void steps_by_their_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double x, y;
    } is[] = {
        {"none", -3.5, -3.5},
        {"log", 20, 2.995732273553991},
        {"signed_log", 20, 3.044522437723423},
        {"signed_log", -20, -3.044522437723423},
        {"signed_log", 1e-20, 1e-20},
        {"sqrt", 6.25, 2.5},
        {"sqrt", 0, 0},
        {"signed_sqrt", -6.25, -2.5},
        {"power(2)", -3, -9},
        {"power(0.5)", -9, -3},
        {"Power(3)", 2, 8},
        {"clip(-1,2)", -7, -1},
        {"clip(-1,2)", 7, 2},
        {"clip(-1,2)", 0.5, 0.5},
        {"clip(-1,2) power(2)", 7, 4},
        {"sqrt log", 20, 1.4978661367769954},
    };
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        struct transform t = parsed(is[i].text);
        near(transform_forward(&t, is[i].x), is[i].y, 1e-15 * fabs(is[i].y) * 4);
    }
}

static void fits_in_order(void **state)
{
    (void)state;
    /* Mean 5 and standard deviation 2 (over 8, not 7). */
    static const double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct transform t = fitted("standard", x, 8);
    near(t.step[0].offset, 5, 1e-15);
    near(t.step[0].scale, 2, 1e-15);
    near(transform_forward(&t, 11), 3, 1e-15);

    t = fitted("scale(-1,1)", x, 8);
    near(transform_forward(&t, 2), -1, 1e-15);
    near(transform_forward(&t, 9), 1, 1e-15);
    near(transform_forward(&t, 12.5), 2, 1e-15);
    near(transform_inverse(&t, 0, NULL), 5.5, 1e-15);

    /* The bounds of [0, 1] are met exactly: binary cross-entropy takes nothing beyond. */
    t = fitted("scale(0,1)", x, 8);
    assert_true(transform_forward(&t, 2) == 0 && transform_forward(&t, 9) == 1);

    /* Each step sees what the one before gives: 4, 4, 4, 4, 5, 5, 7, 7 are 5 +- sqrt(1.5). */
    t = fitted("clip(4,7) standard", x, 8);
    near(t.step[1].offset, 5, 1e-15);
    near(t.step[1].scale, 1.224744871391589, 1e-15);
    near(transform_forward(&t, 1e9), 2 / 1.224744871391589, 1e-14);
    t = fitted("log scale(0,10)", x, 8);
    near(transform_forward(&t, sqrt(2 * 9)), 5, 1e-14);

    /* Far from zero the deviation keeps its digits. */
    double far[8];
    for (int i = 0; i < 8; i++)
        far[i] = 1e12 + x[i];
    t = fitted("standard", far, 8);
    near(t.step[0].scale, 2, 1e-14);
    /* And no square overflows. */
    for (int i = 0; i < 8; i++)
        far[i] = 1e300 * x[i];
    t = fitted("standard", far, 8);
    near(t.step[0].scale / 1e300, 2, 1e-14);
}

static void fitting_leaves_its_input(void **state)
{
    (void)state;
    double x[] = {1, 4, 9}, before[] = {1, 4, 9};
    fitted("sqrt standard clip(-1,1)", x, 3);
    assert_memory_equal(x, before, sizeof x);
}

/* There and back over the whole range of a chain, and never falling on the way. */
static void round_trips(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double low, high;
    } chains[] = {
        {"none", -1e3, 1e3},
        {"log", 1e-3, 1e3},
        {"signed_log", -1e3, 1e3},
        {"sqrt", 0, 1e3},
        {"signed_sqrt", -1e3, 1e3},
        {"power(3)", -50, 50},
        {"power(0.3)", -50, 50},
        {"scale(-1,1)", -7, 1e3},
        {"scale(2.5,100)", -1e3, -999},
        {"standard", -5, 100},
        {"log standard", 1, 50},
        {"clip(-2000,2000) signed_log scale(0,1)", -1e3, 1e3},
        {"standard signed_sqrt scale(-1,1) power(2) signed_log standard", -20, 30},
        {"log signed_log signed_sqrt power(1.5) scale(0.1,0.9) sqrt log standard", 2, 1e6},
    };
    enum { COUNT = 1001 };
    double x[COUNT];
    for (size_t c = 0; c < sizeof chains / sizeof *chains; c++) {
        double range = chains[c].high - chains[c].low, last = -INFINITY;
        for (int i = 0; i < COUNT; i++)
            x[i] = chains[c].low + range * i / (COUNT - 1);
        struct transform t = fitted(chains[c].text, x, COUNT);
        size_t outside = 0;
        for (int i = 0; i < COUNT; i++) {
            double y = transform_forward(&t, x[i]);
            assert_true(y > last);
            last = y;
            double back = transform_inverse(&t, y, &outside);
            if (!(fabs(back - x[i]) <= 1e-12 * (range + fabs(x[i]))))
                fail_msg("%s: %.17g comes back as %.17g", chains[c].text, x[i], back);
        }
        assert_int_equal(outside, 0);
    }
}

/* Values that no forward transform gives are brought back to the bound, and counted once each. */
static void inverses_beyond_the_range(void **state)
{
    (void)state;
    static const double x[] = {1, 4, 9, 16};
    static const struct {
        const char *text;
        double y, back;
        size_t outside;
    } is[] = {
        {"sqrt", -0.5, 0, 1},
        {"sqrt", 0, 0, 0},
        {"sqrt", 1e200, DBL_MAX, 1},
        {"log", 1000, DBL_MAX, 1},
        {"log", -1e300, 0, 0},
        {"signed_log", -1000, -DBL_MAX, 1},
        {"signed_sqrt", -1e200, -DBL_MAX, 1},
        {"power(0.5)", 1e200, DBL_MAX, 1},
        {"power(2)", -16, -4, 0},
        {"clip(0,1)", 5, 5, 0},
        {"scale(0,1)", 1.5, 23.5, 0},
        {"scale(0,1)", INFINITY, DBL_MAX, 1},
        {"sqrt scale(0,1)", -0.5, 0, 1}, /* 1 + 3 (-0.5) = -0.5 */
        {"sqrt sqrt standard", -1e3, 0, 1},
    };
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        struct transform t = fitted(is[i].text, x, 4);
        size_t outside = 7;
        double back = transform_inverse(&t, is[i].y, &outside);
        assert_true(isfinite(back));
        if (!(fabs(back - is[i].back) <= 1e-9 * fabs(is[i].back)) || outside != 7 + is[i].outside)
            fail_msg("%s: %g comes back as %.17g, %zu outside", is[i].text, is[i].y, back,
                     outside - 7);
        assert_true(back == transform_inverse(&t, is[i].y, NULL));
        assert_true(isnan(transform_inverse(&t, NAN, NULL)));
    }
}

static void what_has_no_transform_is_nan(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double x;
    } is[] = {{"none", NAN},     {"log", 0},          {"log", -1},        {"sqrt", -1e-300},
              {"log", NAN},      {"power(2)", 1e200}, {"clip(0,1)", NAN}, {"signed_sqrt log", -4},
              {"none", INFINITY}};
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        struct transform t = parsed(is[i].text);
        assert_true(isnan(transform_forward(&t, is[i].x)));
    }
}

static void bad_values_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double x[4];
        size_t bad;
        const char *wants;
    } is[] = {
        {"log", {3, 1, -2.5, -7}, 2, "log of -2.5: it needs a value above 0"},
        {"sqrt", {0, 1, 2, -1}, 3, "sqrt of -1: it needs a value from 0 on"},
        {"clip(-1,1) log", {0.5, -3, 2, 1}, 1, "log of -1: it needs a value above 0"},
        {"power(10)", {1, 1e40, 2, 3}, 1, "power of 1e+40: it needs a smaller value"},
        {"signed_log", {1, 2, 3, NAN}, 3, "nan has no transform"},
        {"none", {INFINITY, 2, 3, NAN}, 0, "inf has no transform"},
        {"standard",
         {1, -1e308, 1e308, 5},
         2,
         "standard: values from -1e+308 to 1e+308 are too far apart"},
        {"scale(0,0.001)", {1, 2, 3, 1e307}, 3, "scale: values from 1 to 1e+307 are too far apart"},
    };
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        struct transform t = parsed(is[i].text);
        struct error err;
        size_t bad = 99;
        int constant;
        assert_int_equal(transform_fit(&t, is[i].x, 4, &bad, &constant, &err), -1);
        assert_int_equal(err.status, STATUS_INPUT);
        assert_string_equal(err.text, is[i].wants);
        assert_int_equal(bad, is[i].bad);
    }
    struct transform t = parsed("log");
    struct error err;
    size_t bad;
    int constant;
    assert_int_equal(transform_fit(&t, NULL, 0, &bad, &constant, &err), -1);
    assert_string_equal(err.text, "there is no value to fit a transform to");
}

static void constant_values(void **state)
{
    (void)state;
    static const double x[] = {0.3, 0.3, 0.3};
    static const struct {
        const char *text;
        int constant;
        double y;
    } is[] = {{"standard", 1, 0},     {"scale(-1,1)", 1, -1},           {"scale(0,1)", 1, 0},
              {"log standard", 1, 0}, {"clip(0.5,1) scale(3,4)", 1, 3}, {"power(2)", 0, 0.09},
              {"none", 0, 0.3}};
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        struct transform t = parsed(is[i].text);
        struct error err;
        size_t bad;
        int constant;
        assert_int_equal(transform_fit(&t, x, 3, &bad, &constant, &err), 0);
        assert_int_equal(constant, is[i].constant);
        double y = transform_forward(&t, 0.3);
        near(y, is[i].y, 1e-15);
        if (strncmp(is[i].text, "clip", 4)) /* it keeps the bound */
            near(transform_inverse(&t, y, NULL), 0.3, 1e-15);
    }
}

static void bad_items(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wants;
    } bad[] = {
        {"powr(2)", "'powr(2)': there is no transform powr; did you mean power?"},
        {"singed_log", "'singed_log': there is no transform singed_log; did you mean signed_log?"},
        {"boxcox", "'boxcox': there is no transform boxcox; there are none, log, signed_log, sqrt, "
                   "signed_sqrt, power(p), clip(low,high), scale(low,high) and standard"},
        {"log none", "'none': none stands alone"},
        {"power", "'power': p of power is missing"},
        {"power(", "'power(': p of power must be a number"},
        {"power()", "'power()': p of power must be a number"},
        {"power(x)", "'power(x)': p of power must be a number"},
        {"power(2", "'power(2': ')' is missing"},
        {"power(2,3)", "'power(2,3)': ')' is missing"},
        {"power(2))", "'power(2))': not expected behind power: )"},
        {"power(0)", "'power(0)': p must lie between 0.01 and 100"},
        {"power(-1)", "'power(-1)': p must lie between 0.01 and 100"},
        {"power(1e999)", "'power(1e999)': p of power must be a number"},
        {"clip(1)", "'clip(1)': high of clip is missing"},
        {"clip(1,)", "'clip(1,)': high of clip must be a number"},
        {"clip(2,1)", "'clip(2,1)': low must be below high"},
        {"clip(1,1)", "'clip(1,1)': low must be below high"},
        {"scale(-1e308,1e308)", "'scale(-1e308,1e308)': low and high are too far apart"},
        {"log(2)", "'log(2)': not expected behind log: (2)"},
        {"log log log log log log log log sqrt", "'sqrt': more than 8 transforms"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct transform t;
        struct error err;
        assert_int_equal(parse(&t, bad[i].text, &err), -1);
        assert_int_equal(err.status, STATUS_USAGE);
        assert_string_equal(err.text, bad[i].wants);
    }
    /* An item as it comes from the INI file, with blanks. */
    char spaced[] = "clip ( -0.1 , +1e-1 ) ", *item[] = {spaced};
    struct list list = {item, 1};
    struct transform t;
    struct error err;
    assert_int_equal(transform_parse(&t, &list, &err), 0);
    assert_int_equal(t.steps, 1);
    assert_true(t.step[0].a == -0.1 && t.step[0].b == 0.1);
    list.count = 0;
    assert_int_equal(transform_parse(&t, &list, &err), 0);
    assert_int_equal(t.steps, 0);
}

static void text_reads_back_to_the_same_bits(void **state)
{
    (void)state;
    double x[100];
    for (int i = 0; i < 100; i++)
        x[i] = exp(sin(i * i)) / 3;
    struct transform before[] = {
        fitted("log signed_log signed_sqrt power(0.7) standard clip(-0.1,3) scale(-1,0.3) standard",
               x, 100),
        fitted("none", x, 100), fitted("sqrt scale(0,1)", x, 100)};
    char *text = transform_text(before, 3);
    assert_non_null(text);
    struct transform after[3];
    struct error err;
    if (transform_read(after, 3, text, &err))
        fail_msg("%s", err.text);
    free(text);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(after[i].steps, before[i].steps);
        for (int k = 0; k < 100; k++) {
            double y = transform_forward(&before[i], x[k]), z = transform_forward(&after[i], x[k]);
            assert_memory_equal(&y, &z, sizeof y);
            y = transform_inverse(&before[i], y, NULL);
            z = transform_inverse(&after[i], z, NULL);
            assert_memory_equal(&y, &z, sizeof y);
        }
    }
    text = transform_text(NULL, 0);
    assert_string_equal(text, "[]");
    assert_int_equal(transform_read(NULL, 0, text, &err), 0);
    free(text);
}

static void hostile_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wants;
    } bad[] = {
        {"", "transform: '[' or '{' expected near end of file"},
        {"{}", "transform: no list of 1"},
        {"[]", "transform: no list of 1"},
        {"[[],[]]", "transform: no list of 1"},
        {"[{}]", "transform: no list of at most 8 steps"},
        {"[[1]]", "transform: a step that is not known"},
        {"[[{}]]", "transform: a step that is not known"},
        {"[[{\"step\":7}]]", "transform: a step that is not known"},
        {"[[{\"step\":\"cube\"}]]", "transform: a step that is not known"},
        {"[[{\"step\":\"power\"}]]", "transform: 'p' is no number"},
        {"[[{\"step\":\"power\",\"p\":\"2\"}]]", "transform: 'p' is no number"},
        {"[[{\"step\":\"power\",\"p\":0}]]", "transform: power: p must lie between 0.01 and 100"},
        {"[[{\"step\":\"clip\",\"low\":1,\"high\":0}]]", "transform: clip: low must be below high"},
        {"[[{\"step\":\"standard\",\"offset\":0}]]", "transform: 'scale' is no number"},
        {"[[{\"step\":\"standard\",\"offset\":0,\"scale\":0}]]",
         "transform: standard: a scale that is none"},
        {"[[{\"step\":\"standard\",\"offset\":0,\"scale\":-1}]]",
         "transform: standard: a scale that is none"},
        {"[[{\"step\":\"log\"},{\"step\":\"log\"},{\"step\":\"log\"},{\"step\":\"log\"},"
         "{\"step\":\"log\"},{\"step\":\"log\"},{\"step\":\"log\"},{\"step\":\"log\"},"
         "{\"step\":\"log\"}]]",
         "transform: no list of at most 8 steps"},
        {"[[{\"step\":\"log\",\"step\":\"log\"}]]",
         "transform: duplicate object key near '\"step\"'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct transform t;
        struct error err;
        assert_int_equal(transform_read(&t, 1, bad[i].text, &err), -1);
        assert_int_equal(err.status, STATUS_INPUT);
        assert_string_equal(err.text, bad[i].wants);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_by_their_formulas),
        cmocka_unit_test(fits_in_order),
        cmocka_unit_test(fitting_leaves_its_input),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(inverses_beyond_the_range),
        cmocka_unit_test(what_has_no_transform_is_nan),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(constant_values),
        cmocka_unit_test(bad_items),
        cmocka_unit_test(text_reads_back_to_the_same_bits),
        cmocka_unit_test(hostile_text),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
