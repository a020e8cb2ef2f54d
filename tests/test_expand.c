/* SPDX-License-Identifier: MIT */
/* Names of columns through INI files and back; globs among features; expressions in quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/dataset.h"
#include "data/features.h"

#define COUNT(array) (sizeof array / sizeof *array)

static char *folder; /* of this test, its own; the current one */
static char sources[4096];
static struct log *quiet;

static int setup(void **state)
{
    (void)state;
    static char name[] = "/tmp/test_expand.XXXXXX";
    const char *given = getenv("srcdir");
    char *from = realpath(given ? given : ".", NULL);
    snprintf(sources, sizeof sources, "%s", from ? from : ".");
    free(from);
    folder = mkdtemp(name);
    quiet = log_new(LOG_QUIET);
    return quiet && folder && !chdir(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const files[] = {"hard.csv", "x.csv", "y.csv"};
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(files[i]);
    struct error err;
    return log_close(quiet, &err) || chdir("/") || rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

/* --- what is written is what was read */

/* The same functions of the same columns. */
static void same_feature(const struct feature *a, const struct feature *b)
{
    assert_ptr_equal(a->function, b->function);
    if (!a->function)
        assert_string_equal(a->text, b->text);
    assert_memory_equal(a->number, b->number, sizeof a->number);
    for (int i = 0; i < FEATURE_ARGUMENTS; i++) {
        assert_int_equal(!a->argument[i], !b->argument[i]);
        if (a->argument[i])
            same_feature(a->argument[i], b->argument[i]);
    }
}

static void same_list(const struct list *a, const struct list *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        struct error err;
        struct feature *x = feature_parse(a->item[i], &err), *y = feature_parse(b->item[i], &err);
        if (!x || !y)
            fail_msg("%s and %s: %s", a->item[i], b->item[i], err.text);
        same_feature(x, y);
        feature_free(x);
        feature_free(y);
    }
}

/* Writes the config, reads that, writes again: the same bytes, features and targets. */
static void round_trip(const struct config *config)
{
    struct error err;
    char *text = config_text(config);
    assert_non_null(text);
    struct config *again = config_parse(text, "again.ini", NULL, 0, &err);
    if (!again)
        fail_msg("%s", err.text);
    char *twice = config_text(again);
    assert_string_equal(twice, text);
    same_list(&config->data.features, &again->data.features);
    same_list(&config->data.targets, &again->data.targets);
    free(twice);
    free(text);
    config_free(again);
}

static void test_shipped(void **state)
{
    (void)state;
    static const char *const names[] = {"amplifier",   "amplifier_tcn", "amplifier_transformer",
                                        "autoencoder", "demo",          "etth1",
                                        "stocks"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[sizeof sources + 64];
        struct error err;
        snprintf(path, sizeof path, "%s/configs/%s.ini", sources, names[i]);
        struct config *config = config_load(path, NULL, 0, &err);
        if (!config)
            fail_msg("%s", err.text);
        round_trip(config);
        config_free(config);
    }
}

static const char *const hard[] = {
    "p (mbar)",
    "a, b",
    "say \"x\"",
    "\"all\"",
    "\"",
    "\"\"",
    "semi;colon",
    "semi ;colon",
    ";first",
    "#hash",
    "x # y",
    "a=b",
    "=",
    "key = value",
    "100%",
    "%d",
    "back\\slash",
    "\\n",
    "Temp [C]",
    "[section]",
    "a:b",
    "two  blanks",
    "(",
    ")",
    ")(",
    "a\"b",
    "p (\"x\", y)",
    "Gr\xc3\xb6\xc3\x9f"
    "e",
    "Gro\xcc\x88\xc3\x9f"
    "e",
    "\xea\xb0\x80\xea\xb2\xa9",
    "\xf0\x9f\x93\x88 up",
    "Close*",
    "ma(close,10)",
    "not",
    "a < b",
    "*",
    "1.5",
    "-",
    "a very long name of a column, which is longer "
    "than what stands on a line of an INI file that seqtrain writes",
};

/* The name in quotes, for an expression. */
static const char *quoted(const char *name, char out[512])
{
    char *to = out;
    *to++ = '"';
    for (; *name; name++) {
        if (*name == '"')
            *to++ = '"';
        *to++ = *name;
    }
    *to++ = '"';
    *to = 0;
    return out;
}

static void has_columns(const struct config *config, const char *name)
{
    struct error err;
    for (size_t i = 0; i < config->data.features.count; i++) {
        struct feature *feature = feature_parse(config->data.features.item[i], &err);
        if (!feature)
            fail_msg("%s: %s", name, err.text);
        const struct feature *base = feature_base(feature);
        if (i < 3)
            assert_string_equal(base->text, name);
        feature_free(feature);
    }
}

/* In an INI file and in a setting, alone, in functions, before and behind others. */
static void test_hard_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hard); i++) {
        char name[512], ini[8192], setting[2048];
        struct error err;
        quoted(hard[i], name);
        snprintf(setting, sizeof setting, "%s, ma(%s,3), ma( ret(%s) , 4 ), x, %s", name, name,
                 name, name);
        snprintf(ini, sizeof ini, "[data]\nsource = x.csv\nfeatures = %s\n  , %s\ntargets=%s\n",
                 setting, name, name);
        char *end = strchr(ini, 0);
        snprintf(end, sizeof ini - (size_t)(end - ini), "[model]\ntype = recurrent\n");
        struct config *config = config_parse(ini, "hard.ini", NULL, 0, &err);
        if (!config)
            fail_msg("%s", err.text);
        assert_int_equal(config->data.features.count, 6);
        has_columns(config, hard[i]);
        round_trip(config);
        config_free(config);
        snprintf(ini, sizeof ini, "data.features=%s", setting);
        char *settings[] = {ini};
        config = config_parse("[data]\nsource=x\n", "hard.ini", settings, 1, &err);
        if (!config)
            fail_msg("%s", err.text);
        has_columns(config, hard[i]);
        round_trip(config);
        config_free(config);
    }
}

/* Without quotes, where the syntax lets them: what is written has quotes where they are needed. */
static void test_plain_names(void **state)
{
    (void)state;
    static const char *const plain[] = {"Temp [C]", "a=b", "a:b",  "x#y",
                                        "#hash",    "a;b", "a ;b", ";b"};
    for (size_t i = 0; i < COUNT(plain); i++) {
        char setting[512];
        struct error err;
        snprintf(setting, sizeof setting, "data.features=%s, ma(%s,3), ma(ret(%s),4)", plain[i],
                 plain[i], plain[i]);
        char *settings[] = {setting};
        struct config *config = config_parse("[data]\nsource=x\n", "f.ini", settings, 1, &err);
        if (!config)
            fail_msg("%s", err.text);
        has_columns(config, plain[i]);
        round_trip(config);
        config_free(config);
    }
}

/* --- globs */

/* The configuration of x.csv after its files were asked; NULL with the error. */
static struct config *expand(const char *features, const char *more, struct error *err)
{
    char ini[2048], setting[1024];
    char *settings[] = {setting};
    snprintf(ini, sizeof ini, "[data]\nsource = x.csv\n%s\n", more);
    snprintf(setting, sizeof setting, "data.features=%s", features);
    struct config *config = config_parse(ini, "f.ini", settings, 1, err);
    if (!config)
        fail_msg("%s", err->text);
    if (!dataset_expand(config, quiet, err)) {
        round_trip(config);
        return config;
    }
    config_free(config);
    return NULL;
}

static const char *joined(const struct list *list)
{
    static char text[4096];
    size_t used = 0;
    *text = 0;
    for (size_t i = 0; i < list->count; i++) {
        snprintf(text + used, sizeof text - used, "%s%s", i ? "|" : "", list->item[i]);
        used = strlen(text);
    }
    return text;
}

static const char table[] =
    "Date,open,High,low,\"p (mbar)\",\"p (hPa)\",who,empty,,Close*,\"a, b\",late\n"
    "2024-01-01,1,2,3,4,5,me,,0,7,8,\n"
    "2024-01-02,1,\"2,000.5\",3%,NA,5,7,NA,0,7,8,3\n";
#define TARGETS "[model]\ntype=recurrent\n"

static void test_globs(void **state)
{
    (void)state;
    static const struct {
        const char *features, *more, *wanted;
    } cases[] = {
        {"*", "time=Date", "open|High|low|\"p (mbar)\"|\"p (hPa)\"|Close*|\"a, b\"|late"},
        {"*", "time=DATE\ntargets=\"a, b\"\n" TARGETS,
         "open|High|low|\"p (mbar)\"|\"p (hPa)\"|Close*|late"},
        {"*", "targets=ret(ma(open,3)), logret(LOW)\n" TARGETS,
         "High|\"p (mbar)\"|\"p (hPa)\"|Close*|\"a, b\"|late"},
        {"*, open, ret(low)", "targets=open\n" TARGETS,
         "High|low|\"p (mbar)\"|\"p (hPa)\"|Close*|\"a, b\"|late|open|ret(low)"},
        {"late, *", "", "late|open|High|low|\"p (mbar)\"|\"p (hPa)\"|Close*|\"a, b\""},
        {"ma(low,2), l*, *o*", "", "ma(low,2)|low|late|open|Close*"},
        {"h*", "", "High"},
        {"?pen, OPE?", "", NULL},
        {"\"p (*\"", "", "\"p (mbar)\"|\"p (hPa)\""},
        {"\"p (?Pa)\"", "", "\"p (hPa)\""},
        {"Close*", "", "Close*"},
        {"\"Close*\"", "", "\"Close*\""},
        {"*", "channels=apart\ntargets=channel\n" TARGETS,
         "open|High|low|\"p (mbar)\"|\"p (hPa)\"|Close*|\"a, b\"|late"},
        {"*", "target_source=y.csv\ntargets=open\ntarget_rows=window\n" TARGETS,
         "open|High|low|\"p (mbar)\"|\"p (hPa)\"|Close*|\"a, b\"|late"},
        {"w*", "", NULL},
        {"emp*", "", NULL},
        {"Da*", "time=Date", NULL},
        {"open*", "targets=open\n" TARGETS, NULL},
        {"zz*", "", NULL},
    };
    write_file("x.csv", table);
    write_file("y.csv", "open\n1\n2\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct config *config = expand(cases[i].features, cases[i].more, &err);
        if (!cases[i].wanted) {
            assert_null(config);
            assert_int_equal(err.status, STATUS_INPUT);
            assert_non_null(strstr(err.text, "x.csv: [data] features: '"));
            assert_non_null(strstr(err.text, "' takes no column"));
            continue;
        }
        if (!config)
            fail_msg("%s: %s", cases[i].features, err.text);
        if (strcmp(joined(&config->data.features), cases[i].wanted))
            fail_msg("%s gave %s", cases[i].features, joined(&config->data.features));
        config_free(config);
    }
}

/* All hard names at once: the header has them as CSV, the features as expressions. */
static void test_hard_columns(void **state)
{
    (void)state;
    struct error err;
    char name[512];
    FILE *out = fopen("x.csv", "w");
    assert_non_null(out);
    for (size_t i = 0; i < COUNT(hard); i++)
        fprintf(out, "%s%s", i ? "," : "", quoted(hard[i], name));
    fprintf(out, ",\"of two\n lines\"\n");
    for (size_t row = 0; row < 3; row++)
        for (size_t i = 0; i <= COUNT(hard); i++)
            fprintf(out, "%zu%c", row + i, i < COUNT(hard) ? ',' : '\n');
    assert_int_equal(fclose(out), 0);
    /* ?*, since * is a column; the two forms of a letter are told only where they are read */
    struct config *config = expand("?*", "", &err);
    if (!config)
        fail_msg("%s", err.text);
    assert_int_equal(config->data.features.count, COUNT(hard) + 1);
    for (size_t i = 0; i <= COUNT(hard); i++) {
        struct feature *feature = feature_parse(config->data.features.item[i], &err);
        assert_non_null(feature);
        assert_string_equal(feature->text, i < COUNT(hard) ? hard[i] : "of two lines");
        assert_null(feature->function);
        feature_free(feature);
    }
    config_free(config);
}

/* --- expressions in quotes */

static void test_quoted_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *features, *more, *wanted, *targets, *stratify;
    } cases[] = {
        {"\"ma(open,2)\", low", "", "ma(open,2)|low", "", NULL},
        {"\"ma(open,2)\"", "targets=\"ret(low)\", \"a, b\"\n" TARGETS, "ma(open,2)",
         "ret(low)|\"a, b\"", NULL},
        {"\"ma(\"\"p (mbar)\"\",2)\"", "", "ma(\"p (mbar)\",2)", "", NULL},
        {"\"ma(low)\"", "", "\"ma(low)\"", "", NULL}, /* neither: reading it tells */
        {"\"nothing\"", "", "\"nothing\"", "", NULL},
        {"low", "stratify=\"volatility(low,20)\"", "low", "", "volatility(low,20)"},
        {"low", "stratify=\"p (mbar)\"", "low", "", "\"p (mbar)\""},
        {"low", "target_source=y.csv\ntargets=\"ret(open)\"\ntarget_rows=window\n" TARGETS, "low",
         "ret(open)", NULL},
    };
    write_file("x.csv", table);
    write_file("y.csv", "open\n1\n2\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        struct config *config = expand(cases[i].features, cases[i].more, &err);
        if (!config)
            fail_msg("%s: %s", cases[i].features, err.text);
        assert_string_equal(joined(&config->data.features), cases[i].wanted);
        assert_string_equal(joined(&config->data.targets), cases[i].targets);
        if (cases[i].stratify)
            assert_string_equal(config->data.stratify, cases[i].stratify);
        config_free(config);
    }
    /* a column of that name comes first */
    write_file("x.csv", "\"ma(open,2)\",open\n1,2\n3,4\n");
    struct error err;
    struct config *config = expand("\"ma(open,2)\"", "", &err);
    assert_non_null(config);
    assert_string_equal(joined(&config->data.features), "\"ma(open,2)\"");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),      cmocka_unit_test(test_hard_names),
        cmocka_unit_test(test_plain_names),  cmocka_unit_test(test_globs),
        cmocka_unit_test(test_hard_columns), cmocka_unit_test(test_quoted_expressions),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("expand", tests, setup, teardown);
}
