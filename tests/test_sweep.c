/* SPDX-License-Identifier: MIT */
/* Sweeps: how [sweep] is read, what it refuses, and the runs that a file stands for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep/sweep.h"
#include "util/file.h"

#define COUNT(array) (sizeof array / sizeof *array)
#define SOURCE "[data]\nsource = x.csv\n"

static char *folder; /* of this test, its own; the current one */

static int setup(void **state)
{
    (void)state;
    static char name[] = "/tmp/test_sweep.XXXXXX";
    if (!mkdtemp(name) || chdir(name))
        return -1;
    folder = realpath(name, NULL);
    return folder ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    int failed = unlink("f.ini") || chdir("/") || rmdir(folder);
    free(folder);
    return failed;
}

static struct sweep *open_text(const char *text, const char *setting, struct error *err)
{
    char *copy = setting ? strdup(setting) : NULL;
    assert_int_equal(file_write("f.ini", text, strlen(text), err), 0);
    memset(err, 0, sizeof *err);
    struct sweep *s = sweep_open("f.ini", &copy, copy ? 1 : 0, err);
    free(copy);
    return s;
}

static struct sweep *accept(const char *text, const char *setting)
{
    struct error err;
    struct sweep *s = open_text(text, setting, &err);
    if (!s)
        fail_msg("refused: %s", err.text);
    return s;
}

static const char *refuse(const char *text)
{
    static struct error err;
    assert_null(open_text(text, NULL, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    return err.text;
}

/* The labels of all runs, with "; " between them. */
static const char *labels(const struct sweep *s)
{
    static char text[4096];
    *text = 0;
    for (size_t i = 1; i <= s->runs; i++) {
        struct sweep_run run;
        struct error err;
        assert_int_equal(sweep_run(s, i, NULL, &run, &err), 0);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 1 ? "; " : "",
                 run.label);
        sweep_run_fini(&run);
    }
    return text;
}

/* The labels of the runs of SOURCE and these lines of [sweep]. */
static void check_labels(const char *lines, const char *wanted)
{
    char text[1024];
    snprintf(text, sizeof text,
             SOURCE "[vars]\na = 1\nb = 2\n[run]\nname = ${vars.a}${vars.b}\n"
                    "[sweep]\n%s\n",
             lines);
    struct sweep *s = accept(text, NULL);
    assert_string_equal(labels(s), wanted);
    sweep_free(s);
}

static void test_grid(void **state)
{
    (void)state;
    check_labels("", "");
    check_labels("vars.a = x", "a = x");
    check_labels("vars.a = x, y", "a = x; a = y");
    check_labels("vars.a = choice( x , y )", "a = x; a = y");
    check_labels("vars.a = x, y\ntrain.lr = 1e-3, 1e-4",
                 "a = x, lr = 1e-3; a = x, lr = 1e-4; a = y, lr = 1e-3; a = y, lr = 1e-4");
    check_labels("vars.a = zip(x, y)\ntrain.lr = 1e-3, 1e-4\nvars.b = zip(3, 4)",
                 "a = x, lr = 1e-3, b = 3; a = x, lr = 1e-4, b = 3; a = y, lr = 1e-3, b = 4; "
                 "a = y, lr = 1e-4, b = 4");
    check_labels("vars.a = zip(x, y)\ntrain.epochs = zip2(1, 2)\ndata.window = zip2(3, 4)",
                 "a = x, epochs = 1, window = 3; a = x, epochs = 2, window = 4; "
                 "a = y, epochs = 1, window = 3; a = y, epochs = 2, window = 4");
    check_labels("vars.a = zip9(x, y)\nvars.b = zip3(1, 2, 3)\ntrain.epochs = zip9(7, 8)",
                 "a = x, b = 1, epochs = 7; a = x, b = 2, epochs = 7; a = x, b = 3, epochs = 7; "
                 "a = y, b = 1, epochs = 8; a = y, b = 2, epochs = 8; a = y, b = 3, epochs = 8");
    check_labels("data.noise = 0, 1\nloss.noise = 0",
                 "data.noise = 0, loss.noise = 0; data.noise = 1, loss.noise = 0");
}

static void test_items(void **state)
{
    (void)state;
    check_labels("data.features = \"open, close\", \"close\"",
                 "features = open, close; features = close");
    check_labels("data.features = ma(close,3), close", "features = ma(close,3); features = close");
    check_labels("data.features = log(close), int(close)",
                 "features = log(close); features = int(close)");
    check_labels("vars.a = \"zip(1, 2)\", \"\", \"a \"\"b\"\"\", p \"q\"",
                 "a = zip(1, 2); a = ; a = a \"b\"; a = p \"q\"");
    check_labels("vars.a = log(1, 2)", "a = log(1, 2)");
    check_labels("data.target_transform = log, none",
                 "target_transform = log; target_transform = none");
    check_labels("run.name = ${vars.b}, $${vars.b}", "name = ${vars.b}; name = $${vars.b}");
}

/* The fault of these lines of [sweep], the first of which is the fourth of the file. */
static void check_refused(const char *lines, const char *wanted)
{
    char text[1024];
    snprintf(text, sizeof text, SOURCE "[sweep]\n%s\n[vars]\na = 1\n[run]\nname = ${vars.a}\n",
             lines);
    assert_string_equal(refuse(text), wanted);
}

static void test_faults(void **state)
{
    (void)state;
    check_refused("train.lrr = 3", "f.ini:4: [sweep] train.lrr: [train] has no key 'lrr'; did you "
                                   "mean 'lr'?");
    check_refused("trian.lr = 3", "f.ini:4: [sweep] trian.lr: there is no section 'trian'; did you "
                                  "mean [train]?");
    check_refused("vars.b = 3", "f.ini:4: [sweep] vars.b: [vars] has no such variable; it holds "
                                "the value of vars.b outside of a sweep");
    check_refused("sweep.samples = 3",
                  "f.ini:4: [sweep] sweep.samples: what belongs to the sweep itself does not vary");
    check_refused(
        "sweep.train.lr = 3\ntrain.lr = 3",
        "f.ini:4: [sweep] sweep.train.lr: what belongs to the sweep itself does not vary");
    check_refused("train = 3", "f.ini:4: [sweep] has no key 'train'");
    check_refused("train.lr = 3\ntrain.lr = 4",
                  "f.ini:5: [sweep] train.lr: was set in line 4 already");
    check_refused("train.lr =", "f.ini:4: [sweep] train.lr: there is no value");
    check_refused("train.lr = 1,,2", "f.ini:4: [sweep] train.lr: value 2 is empty; \"\" is a value "
                                     "without letters");
    check_refused("train.lr = zip()", "f.ini:4: [sweep] train.lr: value 1 is empty; \"\" is a "
                                      "value without letters");
    check_refused("train.lr = 1, x, 101",
                  "f.ini:4: [sweep] train.lr: 'x' is not a number\n"
                  "f.ini:4: [sweep] train.lr: '101' is not within 0 to 100");
    check_refused("train.schedule = cosin",
                  "f.ini:4: [sweep] train.schedule: 'cosin' is not one of: constant | linear | "
                  "cosine | plateau");
    check_refused("vars.a = x, choice(y, z)", "f.ini:4: [sweep] vars.a: choice(...) stands alone, "
                                              "not in a list; in quotes it is a value");
    check_refused("vars.a = zip2(y, z), x", "f.ini:4: [sweep] vars.a: zip2(...) stands alone, not "
                                            "in a list; in quotes it is a value");
    check_refused("train.lr = 1, log(1, 2)", "f.ini:4: [sweep] train.lr: log(...) stands alone, "
                                             "not in a list; in quotes it is a value");
    check_refused("vars.a = zip(x, y", "f.ini:4: [sweep] vars.a: a ( is without its ), or a ) "
                                       "without its (; a value that holds one stands in quotes");
    check_refused("vars.a = x), y", "f.ini:4: [sweep] vars.a: a ( is without its ), or a ) "
                                    "without its (; a value that holds one stands in quotes");
    check_refused("train.lr = log(1, 2)", "f.ini:4: [sweep] train.lr: a range is drawn from: a "
                                          "grid has none (sampler = random)");
    check_refused("vars.a = zip(x, y)\ntrain.lr = zip(1, 2, 3)",
                  "f.ini:5: [sweep] train.lr: has 3 values, but vars.a, which it walks along with, "
                  "has 2");
    check_refused("vars.a = x, y, x", "f.ini:4: [sweep] vars.a: value 3 is value 1 again: 'x'");
    check_refused("vars.a = zip(x, y, x)\ntrain.lr = zip(1, 2, 1)",
                  "f.ini:4: [sweep] vars.a: value 3 is value 1 again: 'x'");
    check_refused("vars.a = ${vars.b}",
                  "f.ini:4: [sweep] vars.a: ${vars.b}: [vars] has no 'b'; did "
                  "you mean ${vars.a}?");
    check_refused("vars.a = ${run.name}",
                  "f.ini:4: [sweep] vars.a: ${run.name} stands for itself: run.name, vars.a, "
                  "run.name");
    /* what does not go together in one of the runs */
    check_refused("train.lr = 1e-3, 1e-4\ntrain.lr_min = 0, 1e-3",
                  "run 4 (lr = 1e-4, lr_min = 1e-3): f.ini:5: [sweep] train.lr_min: lr_min = 0.001 "
                  "is above lr = 0.0001");
    check_refused("train.lr = 1e-3, 1e-4\nrun.output = \"x\"",
                  "f.ini: runs 1 and 2 would share the folder x: let run.output hold what varies "
                  "(${train.lr}), or leave it out, and each run has a folder in sweep.output");
}

static void test_range_faults(void **state)
{
    (void)state;
    static const struct {
        const char *line, *what;
    } cases[] = {
        {"train.lr = log(2, 1)", "a range has two numbers, the lower first, as in log(1e-5, 1e-2)"},
        {"train.lr = log(1)", "a range has two numbers, the lower first, as in log(1e-5, 1e-2)"},
        {"train.lr = log(1, 2, 3)",
         "a range has two numbers, the lower first, as in log(1e-5, 1e-2)"},
        {"train.lr = log(1, x)", "a range has two numbers, the lower first, as in log(1e-5, 1e-2)"},
        {"train.lr = log(0, 1)", "the lower bound of log(...) is above 0"},
        {"train.lr = int(1, 2.5)", "the bounds are whole numbers"},
        {"train.batch = uniform(1, 2.5)", "the bounds are whole numbers"},
        {"train.lr = uniform(0, 101)", "'101' is not within 0 to 100"},
        {"train.batch = log(0.5, 8)", "the bounds are whole numbers"},
        {"train.batch = int(0, 8)", "'0' is not within 1 to 1048576"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[256], wanted[256];
        snprintf(line, sizeof line, "sampler = random\n%s", cases[i].line);
        snprintf(wanted, sizeof wanted, "f.ini:5: [sweep] %.*s: %s",
                 (int)strcspn(cases[i].line, " "), cases[i].line, cases[i].what);
        check_refused(line, wanted);
    }
}

/* All faults are told. */
static void test_many_faults(void **state)
{
    (void)state;
    check_refused("train.lr = x\nvars.a = zip(1, 2)\ntrain.epochs = 1,,2\ntrain.batch = zip(1)",
                  "f.ini:4: [sweep] train.lr: 'x' is not a number\n"
                  "f.ini:6: [sweep] train.epochs: value 2 is empty; \"\" is a value without "
                  "letters\n"
                  "f.ini:7: [sweep] train.batch: has 1 value, but vars.a, which it walks along "
                  "with, has 2");
}

/* What is drawn lies within its bounds, comes again, and does not depend on what else varies. */
static void test_random(void **state)
{
    (void)state;
    struct sweep *s = accept(SOURCE "[sweep]\nsampler = random\nsamples = 2000\n"
                                    "train.lr = log(1e-5, 1e-2)\nmodel.layers = int(2, 4)\n"
                                    "model.dropout = uniform(0.25, 0.5)\n"
                                    "train.schedule = cosine, linear\n"
                                    "model.hidden = log(1, 8)\ntrain.epochs = uniform(1, 2)\n",
                             NULL);
    struct sweep *other = accept(SOURCE "[sweep]\nsampler = random\nsamples = 3\n"
                                        "data.window = int(2, 50)\ntrain.lr = log(1e-5, 1e-2)\n",
                                 NULL);
    struct sweep *seed = accept(SOURCE "[run]\nseed = 7\n[sweep]\nsampler = random\n"
                                       "train.lr = log(1e-5, 1e-2)\n",
                                NULL);
    size_t layers[5] = {0}, linear = 0, below = 0, hidden[9] = {0};
    double point[6], again[6], sum = 0;
    assert_int_equal(s->runs, 2000);
    assert_int_equal(s->axes, 6);
    assert_int_equal(s->axis[1].kind, AXIS_INT);
    assert_int_equal(s->axis[5].kind, AXIS_INT);
    for (size_t i = 1; i <= s->runs; i++) {
        sweep_point(s, i, point);
        sweep_point(s, i, again);
        assert_memory_equal(point, again, sizeof point);
        assert_true(point[0] >= 1e-5 && point[0] <= 1e-2);
        below += point[0] < 3.1622776601683795e-4; /* the middle, in the logarithm */
        assert_true(point[1] == 2 || point[1] == 3 || point[1] == 4);
        layers[(size_t)point[1]]++;
        assert_true(point[2] >= 0.25 && point[2] <= 0.5);
        sum += point[2];
        assert_true(point[3] == 0 || point[3] == 1);
        linear += point[3] == 1;
        assert_true(point[4] >= 1 && point[4] <= 8);
        hidden[(size_t)floor(point[4] + 0.5)]++;
    }
    /* within 5 deviations of what is expected */
    assert_in_range(below, 888, 1112);
    assert_in_range(linear, 888, 1112);
    for (size_t i = 2; i < 5; i++)
        assert_in_range(layers[i], 561, 772);
    assert_true(fabs(sum / 2000 - 0.375) < 5 * 0.25 / sqrt(12 * 2000.0));
    assert_true(hidden[1] > hidden[2] / 2 && hidden[1] && hidden[8]);
    struct sweep_run run;
    struct error err;
    assert_int_equal(sweep_run(s, 3, NULL, &run, &err), 0);
    sweep_point(s, 3, point);
    assert_true(run.config->train.lr == point[0]);
    assert_true(run.config->model.dropout == point[2]);
    assert_true(run.config->model.hidden == (long)floor(point[4] + 0.5));
    assert_int_equal(strncmp(run.name, "0003-", 5), 0);
    sweep_run_fini(&run);
    sweep_point(other, 3, again);
    assert_true(again[1] == point[0]);
    sweep_point(seed, 3, again);
    assert_true(again[0] != point[0]);
    /* a sampler of others: the same run at another point, and runs behind the last */
    point[0] = 2e-3;
    point[4] = 2.6;
    assert_int_equal(sweep_run(s, 5000, point, &run, &err), 0);
    assert_true(run.config->train.lr == 2e-3);
    assert_int_equal(run.config->model.hidden, 3);
    assert_int_equal(strncmp(run.name, "5000-0.002-", 11), 0);
    sweep_run_fini(&run);
    sweep_free(seed);
    sweep_free(other);
    sweep_free(s);
}

static void test_sizes(void **state)
{
    (void)state;
    char text[4096] = SOURCE "[sweep]\nrun.seed = 0";
    for (int i = 1; i < 101; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ", %d", i);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "\ntrain.epochs = 1");
    for (int i = 2; i < 101; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ", %d", i);
    assert_string_equal(refuse(text), "f.ini: [sweep] is a grid of more than 10000 runs; sampler "
                                      "= random tries some of them");
    text[used] = 0;
    struct sweep *s = accept(text, NULL);
    assert_int_equal(s->runs, 101);
    sweep_free(s);
}

/* What a setting says does not vary; a setting may vary what the file does not. */
static void test_settings(void **state)
{
    (void)state;
    static const char text[] = SOURCE "[vars]\na = 1\n[run]\nname = ${vars.a}\n[sweep]\n"
                                      "vars.a = zip(x, y)\ntrain.lr = zip(x, 1e-4)\n";
    struct sweep *s = accept(text, "train.lr = 1e-2");
    assert_string_equal(labels(s), "a = x; a = y");
    assert_true(s->base->train.lr == 1e-2);
    sweep_free(s);
    s = accept(text, "sweep.train.lr = zip(1e-3, 1e-4)");
    assert_string_equal(labels(s), "a = x, lr = 1e-3; a = y, lr = 1e-4");
    sweep_free(s);
    s = accept(SOURCE, "sweep.train.lr = 1e-3, 1e-4");
    assert_string_equal(labels(s), "lr = 1e-3; lr = 1e-4");
    sweep_free(s);
    struct error err;
    assert_null(open_text(text, "sweep.train.lr = zip(1e-3)", &err));
    assert_string_equal(err.text, "-s sweep.train.lr: has 1 value, but vars.a, which it walks "
                                  "along with, has 2");
    assert_null(open_text(text, "sweep.trian.lr = 3", &err));
    assert_non_null(strstr(err.text, "-s sweep.trian.lr: there is no section 'trian'"));
}

/* A setting of a run; NULL: there is none of this name. */
static const char *setting_of(const struct sweep_run *run, const char *name)
{
    for (size_t i = 0; i < run->settings; i++)
        if (!strncmp(run->setting[i], name, strlen(name)) && run->setting[i][strlen(name)] == '=')
            return run->setting[i] + strlen(name) + 1;
    return NULL;
}

/* The settings of a run make the same configuration from anywhere. */
static void check_again(const struct sweep_run *run)
{
    struct error err = {0};
    char why[512], path[512];
    snprintf(path, sizeof path, "%s/f.ini", folder);
    assert_int_equal(chdir("/"), 0);
    struct config *again = config_load(path, run->setting, run->settings, &err);
    assert_non_null(again);
    char *text = config_text(again);
    assert_int_equal(chdir(folder), 0);
    char *wanted = config_text(run->config);
    assert_string_equal(text, wanted);
    assert_int_equal(config_differs(run->config, again, 0, why, sizeof why), 0);
    assert_null(strstr(text, "[sweep]"));
    assert_null(strstr(text, "[vars]"));
    free(text);
    free(wanted);
    config_free(again);
}

static void test_runs(void **state)
{
    (void)state;
    struct sweep *s =
        accept("[vars]\ncoin = BTC\nfiles = candles\n[data]\n"
               "source = ${vars.files}/${vars.coin}.csv\ntime = t\n"
               "features = close\n"
               "[sweep]\noutput = \"out $${x}\"\nvars.coin = BTC, \"${vars.files} 2\"\n"
               "data.resample = zip(1m, 5m)\ndata.window = zip(24, 14)\n"
               "data.features = \"open, close\", \"a;b, $${c}, \"\"d, e\"\"\"\n",
               "data.validation_source = v.csv");
    struct sweep_run run;
    struct error err = {0};
    char wanted[512];
    assert_int_equal(s->runs, 8);
    for (size_t i = 1; i <= s->runs; i++) {
        assert_int_equal(sweep_run(s, i, NULL, &run, &err), 0);
        check_again(&run);
        sweep_run_fini(&run);
    }
    assert_int_equal(sweep_run(s, 8, NULL, &run, &err), 0);
    assert_int_equal(run.number, 8);
    assert_string_equal(run.config->data.source.item[0], "candles/candles 2.csv");
    assert_int_equal(run.config->data.window, 14);
    assert_int_equal(run.config->data.features.count, 3);
    assert_string_equal(run.config->data.features.item[2], "\"d, e\"");
    assert_string_equal(run.config->data.features.item[1], "${c}");
    assert_string_equal(run.name, "_vars.files_2-5m-a_b_c_d_e_");
    snprintf(wanted, sizeof wanted, "out ${x}/%s", run.name);
    assert_string_equal(run.folder, wanted);
    snprintf(wanted, sizeof wanted, "%s/out $${x}/%s", folder, run.name);
    assert_string_equal(setting_of(&run, "run.output"), wanted);
    snprintf(wanted, sizeof wanted, "%s/v.csv", folder);
    assert_string_equal(setting_of(&run, "data.validation_source"), wanted);
    assert_string_equal(setting_of(&run, "vars.coin"), "candles 2");
    assert_null(setting_of(&run, "vars.files"));
    assert_null(setting_of(&run, "sweep.output"));
    assert_null(setting_of(&run, "data.source"));
    sweep_run_fini(&run);
    sweep_free(s);
}

/* Files that vary are those beside the INI file, as all that it names. */
static void test_paths(void **state)
{
    (void)state;
    struct sweep *s = accept("[sweep]\ndata.source = a.csv, \"b.csv, c.csv\", /d/e.csv\n"
                             "run.output = \"o-${data.source}\"\n[data]\nsource = x.csv\n",
                             NULL);
    struct sweep_run run;
    struct error err;
    char wanted[512];
    assert_int_equal(sweep_run(s, 2, NULL, &run, &err), 0);
    snprintf(wanted, sizeof wanted, "%s/b.csv, %s/c.csv", folder, folder);
    assert_string_equal(setting_of(&run, "data.source"), wanted);
    assert_string_equal(run.folder, "o-b.csv, c.csv");
    check_again(&run);
    sweep_run_fini(&run);
    sweep_free(s);
}

/* Names of runs are those of files, and no two are the same. */
static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *first, *second;
    } cases[] = {
        {"vars.a = x, y", "x", "y"},
        {"vars.a = -x, .y", "_-x", "_.y"},
        {"vars.a = a/b.csv, /c/d.csv", "b.csv", "d.csv"},
        {"vars.a = a/, /", "a_", "_"},
        {"vars.a = \"a b\", \"\"", "a_b", "none"},
        {"vars.a = a/x, b/x", "1-x", "2-x"},
        {"vars.a = \"a b\", a:b", "1-a_b", "2-a_b"},
        {"vars.a = \xc3\xa4\xea\xb0\x80, z", "\xc3\xa4\xea\xb0\x80", "z"},
        {"vars.a = 1234567890123456789012345678901\xc3\xa4, 3", "1234567890123456789012345678901",
         "3"},
        {"vars.a = x\ntrain.lr = 1, 2", "1", "2"},
        {"vars.a = x", "run", NULL},
        {"vars.a = zip(1, 1)\ntrain.lr = zip(1, 2)", "1-1", "2-1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        struct sweep_run run;
        struct error err;
        snprintf(text, sizeof text, SOURCE "[vars]\na = 1\n[run]\nname = ${vars.a}\n[sweep]\n%s\n",
                 cases[i].lines);
        struct sweep *s = accept(text, NULL);
        assert_int_equal(s->runs, cases[i].second ? 2 : 1);
        for (size_t k = 1; k <= s->runs; k++) {
            assert_int_equal(sweep_run(s, k, NULL, &run, &err), 0);
            assert_string_equal(run.name, k == 1 ? cases[i].first : cases[i].second);
            sweep_run_fini(&run);
        }
        sweep_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid),        cmocka_unit_test(test_items),
        cmocka_unit_test(test_faults),      cmocka_unit_test(test_range_faults),
        cmocka_unit_test(test_many_faults), cmocka_unit_test(test_random),
        cmocka_unit_test(test_sizes),       cmocka_unit_test(test_settings),
        cmocka_unit_test(test_runs),        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_names),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
