/* SPDX-License-Identifier: MIT */
/* The configuration: syntax, types, faults, checks between keys, printing, the manual. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "models/model.h"
#include "util/file.h"

#define COUNT(array) (sizeof array / sizeof *array)

/* What every config needs. */
#define SOURCE "[data]\nsource = x.csv\n"

static char *folder; /* of this test, its own; the current one */

static int setup(void **state)
{
    (void)state;
    static char name[] = "/tmp/test_config.XXXXXX";
    char *made = mkdtemp(name);
    if (!made || chdir(made))
        return -1;
    folder = realpath(made, NULL);
    return folder ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    int failed = chdir("/") || rmdir(folder);
    free(folder);
    return failed;
}

static struct config *accept(const char *text)
{
    struct error err = {0};
    struct config *config = config_parse_with(text, "f.ini", NULL, 0, model_check, &err);
    if (!config)
        fail_msg("refused: %s", err.text);
    return config;
}

/* The text of the error with which `text` is refused. */
static const char *refuse(const char *text)
{
    static struct error err;
    memset(&err, 0, sizeof err);
    assert_null(config_parse_with(text, "f.ini", NULL, 0, model_check, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    return err.text;
}

/* The same for SOURCE and one setting. */
static const char *refuse_setting(const char *setting)
{
    static struct error err;
    char *settings[] = {strdup(setting)};
    memset(&err, 0, sizeof err);
    assert_null(config_parse_with(SOURCE, "f.ini", settings, 1, model_check, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    free(settings[0]);
    return err.text;
}

static struct config *accept_setting(const char *setting)
{
    struct error err = {0};
    char *settings[] = {strdup(setting)};
    struct config *config = config_parse_with(SOURCE, "f.ini", settings, 1, model_check, &err);
    if (!config)
        fail_msg("refused: %s", err.text);
    free(settings[0]);
    return config;
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *c = accept(SOURCE);
    assert_string_equal(c->run.name, "seqtrain");
    assert_int_equal(c->run.seed, 42);
    assert_int_equal(c->device.threads, -1);
    assert_true(c->device.memory_fraction == 0.95);
    assert_int_equal(c->data.resample, 0);
    assert_int_equal(c->data.features.count, 5);
    assert_string_equal(c->data.features.item[4], "volume");
    assert_int_equal(c->data.scaler.kind, SCALER_STANDARD);
    assert_int_equal(c->model.norm_first, 1);
    assert_int_equal(c->train.decay_all, 0);
    assert_true(c->train.lr == 1e-4);
    assert_int_equal(c->train.warmup.unit, SPAN_PERCENT);
    assert_int_equal(c->train.checkpoint.unit, SPAN_EPOCHS);
    assert_true(c->train.checkpoint.value == 1);
    assert_int_equal(c->plots.enable.count, 1);
    config_free(c);
}

static void test_syntax(void **state)
{
    (void)state;
    struct config *c = accept("\xef\xbb\xbf; comment\r\n"
                              "# comment ; comment\r\n"
                              "[run]\r\n"
                              "name: a b = c \"d\" #e ; comment\r\n"
                              "[ data ] ; comment\n"
                              "source = x;y.csv\n"
                              "resample = \"1m\"\n"
                              "  gap   =  90m\t; indented, but a key\n"
                              "time=\"t ; \"\"t\"\"\"\n"
                              "features = open,\n"
                              "    ma(close, 10), ; the mean\n"
                              "; between\n"
                              "\n"
                              "\t\"a, b\", ema(ma(x,2),3)\n"
                              "[run]\n"
                              "seed = 7\n"
                              "output = a=\n b");
    assert_string_equal(c->run.output, "a= b");
    assert_string_equal(c->run.name, "a b = c \"d\" #e");
    assert_int_equal(c->run.seed, 7);
    assert_string_equal(*c->data.source.item, "x;y.csv");
    assert_int_equal(c->data.resample, 60000);
    assert_int_equal(c->data.gap, 90 * 60000);
    assert_string_equal(*c->data.time.item, "t ; \"t\"");
    assert_int_equal(c->data.features.count, 4);
    assert_string_equal(c->data.features.item[0], "open");
    assert_string_equal(c->data.features.item[1], "ma(close, 10)");
    assert_string_equal(c->data.features.item[2], "\"a, b\""); /* quotes belong to it */
    assert_string_equal(c->data.features.item[3], "ema(ma(x,2),3)");
    config_free(c);
}

/* Blanks, ; and # at any place of a long value survive inih, which cuts lines at 200 bytes. */
static void test_long_values(void **state)
{
    (void)state;
    for (size_t n = 150; n < 230; n++) {
        char name[512] = {0}, text[1024];
        memset(name, 'y', n);
        strcat(name, " \t  ;#[;  # =z");
        memset(name + n + 14, 'y', 200);
        snprintf(text, sizeof text, SOURCE "[run]\nname = \"%s\"\nseed = 7\n", name);
        struct config *c = accept(text);
        assert_string_equal(c->run.name, name);
        assert_int_equal(c->run.seed, 7);
        config_free(c);
    }
}

static void test_bad_syntax(void **state)
{
    (void)state;
    assert_string_equal(refuse(SOURCE
                               "source\n  continued, skipped\n[run\n[run] x\n= 3\nname = \"x\n"
                               "name = a\001b\nname = \xff\n\"k\" = v\n"),
                        "f.ini:3: this line is neither [section], 'key = value' nor a comment\n"
                        "f.ini:5: this line is no section: [name], alone on its line\n"
                        "f.ini:6: this line is no section: [name], alone on its line\n"
                        "f.ini:7: this line is neither [section], 'key = value' nor a comment\n"
                        "f.ini:8: this line has an opening \" without a closing one\n"
                        "f.ini:9: this line holds a control character\n"
                        "f.ini:10: this line is not UTF-8 text\n"
                        "f.ini:11: this line is neither [section], 'key = value' nor a comment");
    assert_string_equal(refuse("seed = 1\n" SOURCE),
                        "f.ini:1: this line sets a key before any [section]");
    assert_string_equal(refuse(SOURCE "a23456789_123456789_123456789_123456789_123456789 = 1\n"),
                        "f.ini:3: this line has a key longer than 48 bytes");
    assert_string_equal(refuse(SOURCE "source = \"a\" b\n"),
                        "f.ini:3: [data] source: was set in line 2 already");
    assert_string_equal(refuse("[data]\nsource = \"a\" b\n"),
                        "f.ini:2: [data] source: '\"a\" b' goes on behind its closing \"");
    assert_string_equal(refuse(SOURCE "[a\" ;\"]\nx = 1\n"),
                        "f.ini:3: there is no section 'a\" ;\"'");
    /* a fault in a continuation line takes the whole value with it */
    assert_string_equal(refuse(SOURCE "features = open,\n  \xff\n  close\n"),
                        "f.ini:4: this line is not UTF-8 text");
}

static void test_overlong(void **state)
{
    (void)state;
    size_t room = 40000;
    char *text = calloc(1, room);
    assert_non_null(text);
    strcpy(text, SOURCE "; ");
    memset(text + strlen(text), 'x', 32766); /* with "; ": the longest line */
    strcat(text, "\n[run]\nseed = 7");
    struct config *c = accept(text);
    assert_int_equal(c->run.seed, 7);
    config_free(c);

    strcpy(text, SOURCE "; ");
    size_t used = strlen(text);
    memset(text + used, 'x', 32767);
    text[used + 32767] = 0;
    assert_string_equal(refuse(text), "f.ini:3: this line is longer than 32768 bytes");

    strcpy(text, SOURCE "[run]\nname = ");
    used = strlen(text);
    memset(text + used, 'x', 4097);
    text[used + 4097] = 0;
    assert_string_equal(refuse(text), "f.ini:4: [run] name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer than "
                                      "4096 bytes");
    text[used + 4096] = 0;
    config_free(accept(text));
    free(text);
}

/* All faults of a file, in the order of its lines, then those of settings. */
static void test_faults(void **state)
{
    (void)state;
    struct error err = {0};
    char *settings[] = {"train.lr=fast", "train.epoch=3", "trian.lr=1", "lr=1"};
    assert_null(config_parse("[train]\n"
                             "lr = 1e-4x\n"
                             "epocs = 3\n"
                             "batch = 0\n"
                             "window = 50\n"
                             "schedule = cosin\n"
                             "accumulate = 2\n"
                             "accumulate = 3\n"
                             "warmup = 3 minutes\n"
                             "[trian]\n"
                             "lr = 1\n"
                             "whatever = 1\n"
                             "[model]\n"
                             "norm_first = true\n"
                             "xyzzy = 1\n",
                             "f.ini", settings, COUNT(settings), &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_string_equal(
        err.text, "f.ini:2: [train] lr: '1e-4x' is not a number\n"
                  "f.ini:3: [train] has no key 'epocs'; did you mean 'epochs'?\n"
                  "f.ini:4: [train] batch: '0' is not within 1 to 1048576\n"
                  "f.ini:5: [train] has no key 'window'; did you mean the one in [data]?\n"
                  "f.ini:6: [train] schedule: 'cosin' is not one of: constant | linear | cosine | "
                  "plateau\n"
                  "f.ini:8: [train] accumulate: was set in line 7 already\n"
                  "f.ini:9: [train] warmup: a warm-up is given as N epochs, N steps or N%\n"
                  "f.ini:10: there is no section 'trian'; did you mean [train]?\n"
                  "f.ini:14: [model] norm_first: 'true' is not one of: no | yes\n"
                  "f.ini:15: [model] has no key 'xyzzy'\n"
                  "f.ini: [data] source: a data file must be named\n"
                  "-s train.lr: 'fast' is not a number\n"
                  "-s 'train.epoch=3': [train] has no key 'epoch'; did you mean 'epochs'?\n"
                  "-s 'trian.lr=1': there is no section 'trian'; did you mean [train]?\n"
                  "-s 'lr=1' is not section.key=value");
}

/* A step of effective_batch windows is made of batch times accumulate, either of which may follow.
 */
static void test_effective_batch(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *fault;
    } cases[] = {
        {"batch = auto",
         "[train] batch: batch = auto needs effective_batch, the windows of a step"},
        {"accumulate = auto",
         "[train] accumulate: accumulate = auto needs effective_batch, the windows of a step"},
        {"batch = 16\naccumulate = 3\neffective_batch = 64",
         "[train] batch: batch = 16 times accumulate = 3 is not effective_batch = 64"},
        {"batch = 48\naccumulate = auto\neffective_batch = 64",
         "[train] batch: batch = 48 does not divide effective_batch = 64"},
        {"batch = auto\naccumulate = 5\neffective_batch = 64",
         "[train] accumulate: accumulate = 5 does not divide effective_batch = 64"},
        {"batch = 16\naccumulate = 4\neffective_batch = 64", NULL},
        {"batch = 16\naccumulate = auto\neffective_batch = 64", NULL},
        {"batch = auto\naccumulate = auto\neffective_batch = 64", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[256];
        snprintf(text, sizeof text, SOURCE "[train]\n%s", cases[i].keys);
        if (!cases[i].fault) {
            config_free(accept(text));
            continue;
        }
        const char *told = refuse(text);
        if (!strstr(told, cases[i].fault))
            fail_msg("'%s' is not told by '%s'", cases[i].fault, told);
    }
}

/* What does not fit into the text of an error is counted. */
static void test_many_faults(void **state)
{
    (void)state;
    for (int lines = 1; lines < 4000; lines += lines < 60 ? 1 : 977) {
        char *text = calloc(1, 64 + 32 * (size_t)lines);
        assert_non_null(text);
        strcpy(text, SOURCE);
        char *to = text + strlen(text);
        for (int i = 0; i < lines; i++)
            to += sprintf(to, "key_%04d = 1\n", i);
        const char *told = refuse(text), *last = strrchr(told, '\n');
        int count = 1, more = 0;
        for (const char *c = told; *c; c++)
            count += *c == '\n';
        if (last && sscanf(last, "\nand %d more fault", &more) == 1)
            count--;
        assert_int_equal(count + more, lines);
        assert_true(more == 0 || strlen(told) > 1900);
        if (more)
            assert_string_equal(strrchr(told, ' ') + 1, more == 1 ? "fault" : "faults");
        free(text);
    }
}

static void test_bad_values(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *fault;
    } bad[] = {
        {"train.lr=", "'' is not a number"},
        {"train.lr=0x1p-3", "'0x1p-3' is not a number"},
        {"train.lr=nan", "'nan' is not a number"},
        {"train.lr=-inf", "'-inf' is not a number"},
        {"train.lr=1e999", "'1e999' is not within 0 to 100"},
        {"train.lr=-1e-9", "'-1e-9' is not within 0 to 100"},
        {"train.lr=0,1", "'0,1' is not a number"},
        {"train.lr=1 000", "'1 000' is not a number"},
        {"train.epochs=1e3", "'1e3' is not a whole number"},
        {"train.epochs=", "'' is not a whole number"},
        {"train.epochs=99999999999999999999",
         "'99999999999999999999' is not within 1 to 100000000"},
        {"run.seed=4294967296", "'4294967296' is not within 0 to 4294967295"},
        {"run.seed=-1", "'-1' is not within 0 to 4294967295"},
        {"device.threads=-1", "'-1' is not within 1 to 1024"},
        {"device.threads=many", "'many' is neither a whole number nor auto"},
        {"data.gap=0", "'0' is not a duration such as 30s, 3m, 1h, 1d or none"},
        {"data.gap=0s", "'0s' is not within 1s to 36500d"},
        {"data.gap=-3m", "'-3m' is not within 1s to 36500d"},
        {"data.gap=36501d", "'36501d' is not within 1s to 36500d"},
        {"data.gap=9223372036854775807d", "'9223372036854775807d' is not within 1s to 36500d"},
        {"data.gap=3 m", "'3 m' is not a duration such as 30s, 3m, 1h, 1d or none"},
        {"device.memory=", "'' is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto"},
        {"device.memory=12gb",
         "'12gb' is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto"},
        {"device.memory=12G",
         "'12G' is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto"},
        {"device.memory=GiB",
         "'GiB' is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto"},
        {"device.memory=12GiB!",
         "'12GiB!' is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto"},
        {"device.memory=nan",
         "'nan' is not a size such as 12GiB, 500MB, 1073741824 (bytes) or auto"},
        {"device.memory=0", "'0' is not within 1MiB to 1024TiB"},
        {"device.memory=-4GiB", "'-4GiB' is not within 1MiB to 1024TiB"},
        {"device.memory=1023KiB", "'1023KiB' is not within 1MiB to 1024TiB"},
        {"device.memory=1e999GiB", "'1e999GiB' is not within 1MiB to 1024TiB"},
        {"device.memory=1048576.5", "'1048576.5' is not a whole number of bytes"},
        {"train.warmup=5", "'5' is not a span such as 5 epochs, 100 steps, 10% or 30 minutes"},
        {"train.warmup=1.5 steps", "'1.5 steps' is not a whole number of steps"},
        {"train.warmup=101%", "'101%' is not within 0% to 100%"},
        {"train.warmup=-1 epochs", "'-1 epochs' is not within 0 to 1000000000"},
        {"train.warmup=1 minute", "a warm-up is given as N epochs, N steps or N%"},
        {"train.checkpoint=5%", "give N epochs, N steps or N minutes, N above 0"},
        {"train.checkpoint=0 epochs", "give N epochs, N steps or N minutes, N above 0"},
        {"data.features=", "at least one feature is needed"},
        {"data.features=open,,close", "item 2 of the list is empty"},
        {"data.features=open,", "item 2 of the list is empty"},
        {"data.features=,", "item 1 of the list is empty"},
        {"data.features=ma(close", "'ma(close' has a ( without its )"},
        {"data.features=open, close)", "' close)' has a ) without its ("},
        {"plots.enable=all, loss_curves",
         "'all' is not one of: loss_curves | reconstruction_quality | latent_space_tsne | "
         "category_distribution | predictions | residuals | target_distribution | error_by_horizon "
         "| am_am_pm | spectrum | captions; nor is the whole all or none"},
        {"run.name=a\nb", "holds a control character"},
        {"run.name=\"a", "'\"a' has an opening \" without a closing one"},
        {"run.output=", "a run needs a folder"},
        {"data.source=", "a data file must be named"},
        {"model.heads=5", "d_model = 64 cannot be shared by heads = 5 equally"},
        {"model.d_model=30", "d_model = 30 cannot be shared by heads = 4 equally"},
        {"data.validation=0",
         "monitor = val/loss needs validation above 0 (or monitor = train/loss)"},
        {"train.monitor=best", "'best' is neither val/NAME nor train/NAME"},
        {"train.monitor=value", "'value' is neither val/NAME nor train/NAME"},
        {"train.monitor=val/", "'val/' is neither val/NAME nor train/NAME"},
        {"train.monitor=val/R2", "'val/R2' is neither val/NAME nor train/NAME"},
        {"train.monitor=val/a/b", "'val/a/b' is neither val/NAME nor train/NAME"},
        {"train.monitor=test/loss", "'test/loss' is neither val/NAME nor train/NAME"},
        {"data.test=0.9", "validation = 0.1 and test = 0.9 leave nothing to train on"},
        {"data.resample=3m", "resampling needs a time column (time = )"},
        {"data.gap=3m", "a gap needs a time column (time = )"},
        {"train.lr_min=0.01", "lr_min = 0.01 is above lr = 0.0001"},
        {"plots.tsne_points=90", "a perplexity of 30 takes at least 91 points, not 90"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char expected[512];
        snprintf(expected, sizeof expected, "-s %.*s: %s", (int)strcspn(bad[i].setting, "="),
                 bad[i].setting, bad[i].fault);
        assert_string_equal(refuse_setting(bad[i].setting), expected);
    }
}

static void test_clashes(void **state)
{
    (void)state;
    assert_string_equal(refuse(SOURCE "validation = 0.5\ntest = 0.5\n"),
                        "f.ini:3: [data] validation: validation = 0.5 and test = 0.5 leave nothing "
                        "to train on");
    assert_string_equal(refuse(SOURCE "time = t\ngap = 1m\nresample = 3m\n"),
                        "f.ini:4: [data] gap: a gap shorter than the resampled candles would part "
                        "all rows");
    assert_string_equal(refuse(SOURCE "split = shuffled\nsplit_block = 49\n"),
                        "f.ini:4: [data] split_block: blocks of 49 rows hold no window of 50");
    assert_string_equal(refuse(SOURCE "scaler = window\nwindow = 1\n"),
                        "f.ini:3: [data] scaler: a window of one row cannot be standardised by "
                        "itself");
    assert_string_equal(refuse(SOURCE "targets = channel\nfeatures = i, q\ntarget_rows = window\n"
                                      "channels = apart\n[model]\ntype = dgru\n"),
                        "f.ini:6: [data] channels: type = dgru needs I and Q together");
    assert_string_equal(refuse(SOURCE "targets = x\ntarget_rows = window\neval_window = 100\n"
                                      "split = shuffled_windows\n[model]\ntype = recurrent\n"),
                        "f.ini:5: [data] eval_window: windows that are dealt one by one are all of "
                        "window rows");
    /* a value that had a fault clashes with nothing: 64 heads are not what was meant */
    assert_string_equal(refuse(SOURCE "[model]\nheads = 5\nd_model = x\n"),
                        "f.ini:5: [model] d_model: 'x' is not a whole number");
    config_free(accept(SOURCE "validation = 0\n[train]\nmonitor = train_loss\n"));
    config_free(accept(SOURCE "split_block = 2\n")); /* of no use without split = shuffled */
}

/* The names that 0.1.0 wrote are the same figures. */
static void test_figures(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"val_loss", "val/loss"},
        {"val_reconstruction", "val/reconstruction"},
        {"train_loss", "train/loss"},
        {"\"val/directional_accuracy\"", "val/directional_accuracy"}};
    for (size_t i = 0; i < COUNT(same); i++) {
        char text[128], line[128];
        snprintf(text, sizeof text, SOURCE "[train]\nmonitor = %s\n", same[i][0]);
        struct config *c = accept(text);
        assert_string_equal(c->train.monitor, same[i][1]);
        char *printed = config_text(c);
        snprintf(line, sizeof line, "\nmonitor = %s\n", same[i][1]);
        assert_non_null(strstr(printed, line));
        free(printed);
        config_free(c);
    }
}

/* Each rule of what goes together has an accepted neighbour: the last value that it lets pass. */
static void test_bounds_of_clashes(void **state)
{
    (void)state;
#define TARGETS "model.type=recurrent;data.targets=close"
#define CONV "model.type=cnn_recurrent;data.targets=close"
#define DGRU "model.type=dgru;data.targets=i, q;data.target_rows=window"
#define TCN "model.type=tcn;data.targets=close"
#define GPT2 "model.type=language;data.tokenizer=bytes"
#define LLAMA GPT2 ";model.shape=llama"
#define ROTARY "model.type=transformer;data.targets=close;data.target_rows=window"
    static const struct {
        const char *settings, *fault; /* NULL: they are accepted */
    } cases[] = {
        {"data.manifest=m.txt", "give either source or manifest"},
        {"data.validation=0.5;data.test=0.4999", NULL},
        {"data.time=t;data.gap=3m;data.resample=3m", NULL},
        {"data.time=t;data.gap=179s;data.resample=3m", "a gap shorter"},
        {"data.from=2024-01-01;data.time=", "a range of time needs a time column"},
        {"data.days=1;data.time=", "a range of time needs a time column"},
        {"data.time=t;data.to=2024-01-01;data.days=1", NULL},
        {"data.time=t;data.from=2024-01-01;data.to=2025-01-01", NULL},
        {"data.time=t;data.from=2024-01-01;data.days=1", "give either from or days"},
        {"data.fold=5", NULL},
        {"data.fold=6", "there is no fold 6 of 5"},
        {"data.split=walk_forward;data.validation=0.5;data.test=0.9", NULL},
        {"data.split=walk_forward;data.test_source=x.csv",
         "walk_forward cuts the test from source"},
        {"data.split=walk_forward;data.validation_source=x.csv",
         "walk_forward cuts validation from source"},
        {"data.split=shuffled;data.split_block=50", NULL},
        {"data.split=shuffled;data.split_block=49", "blocks of 49 rows"},
        {"data.split=stratified;data.stratify=close;data.split_block=49", "blocks of 49 rows"},
        {"data.split=shuffled", NULL},
        {"data.scaler=window;data.window=2", NULL},
        {"model.type=recurrent", "type = recurrent needs targets"},
        {"data.targets=close", "an autoencoder has no targets but its input"},
        {TARGETS, NULL},
        {"model.positions=rotary", "an autoencoder's positions are learned or sinusoidal"},
        {"model.positions=none", "an autoencoder's positions are learned or sinusoidal"},
        {"model.positions=sinusoidal", NULL},
        {TARGETS ";model.positions=rotary", NULL},
        {TARGETS ";model.activation=rrelu", "rrelu is for the convolutions"},
        {CONV ";model.activation=rrelu", NULL},
        {CONV ";data.target_rows=window", NULL},
        {CONV ";data.target_rows=window;model.conv_stride=2",
         "model.conv_stride: a target for each row"},
        {CONV ";data.target_rows=window;model.conv_pool=2",
         "model.conv_pool: a target for each row"},
        {CONV ";model.conv_stride=2;model.conv_pool=2", NULL},
        {TARGETS ";data.target_rows=window;model.conv_stride=2", NULL},
        {DGRU ";data.features=i, q", NULL},
        {DGRU ";data.features=i", "type = dgru needs two features"},
        {DGRU ";data.features=i, q, x", "type = dgru needs two features"},
        {DGRU ";data.features=i, q;data.target_rows=each", "type = dgru needs two features"},
        {TCN ";model.layers=20", NULL},
        {TCN ";model.layers=21", "20 layers see more rows than a window can have"},
        {TARGETS ";model.layers=21", NULL},
        {TCN ";data.target_rows=window;data.eval_window=51", NULL},
        {TCN ";model.activation=rrelu", "rrelu is for the convolutions of cnn_recurrent"},
        {TARGETS ";data.target_rows=each;data.horizon=0", "needs a horizon of at least 1"},
        {TARGETS ";data.target_rows=each;data.horizon=1", NULL},
        {TARGETS ";data.target_rows=horizon;data.horizon=0", NULL},
        {TARGETS ";data.eval_window=50", "eval_window needs target_rows = window"},
        {TARGETS ";data.eval_window=1;data.target_rows=window", NULL},
        {ROTARY ";data.eval_window=51",
         "learned positions exist only for window rows, not for eval_window = 51"},
        {ROTARY ";data.eval_window=50", NULL},
        {ROTARY ";data.eval_window=51;model.positions=rotary", NULL},
        {TARGETS ";data.look_back=yes;data.target_rows=window", "look_back needs targets behind"},
        {"data.look_back=yes", "look_back needs targets behind"},
        {TARGETS ";data.look_back=yes", NULL},
        {TARGETS ";data.look_back=yes;data.split=shuffled", "only in the order of time"},
        {TARGETS ";data.look_back=yes;data.split=walk_forward", NULL},
        {TARGETS ";data.target_source=y.csv", "target_source needs target_rows = window"},
        {TARGETS ";data.target_source=y.csv;data.target_rows=window;data.duplicates=sum",
         "rows that are summed have no one row of target_source"},
        {TARGETS ";data.target_source=y.csv;data.target_rows=window", NULL},
        {TARGETS ";data.scaler=window;model.reversible_norm=yes", "has standardised each window"},
        {TARGETS ";data.scaler=standard;model.reversible_norm=yes", NULL},
        {TARGETS ";data.scaler=relative(close);data.target_rows=window",
         "tells what comes behind it"},
        {TARGETS ";data.scaler=relative(close)", NULL},
        {"data.scaler=relative(close)", NULL},
        {TARGETS ";data.scaler=relative(close);data.channels=apart",
         "no other feature to be relative to"},
        {TARGETS ";model.heads=5", NULL}, /* of no use to a recurrent model */
        {TARGETS ";model.heads=5;model.attention_layers=1",
         "the 128 columns of the recurrent core cannot be shared by heads = 5"},
        {TARGETS ";model.heads=5;model.attention_layers=1;model.hidden=10", NULL},
        {TARGETS ";model.heads=6;model.attention_layers=1;model.hidden=9", "the 9 columns"},
        {TARGETS ";model.heads=6;model.attention_layers=1;model.hidden=9;model.bidirectional=yes",
         NULL},
        {CONV ";model.heads=5;model.attention_layers=64", "cannot be shared by heads = 5"},
        {CONV ";model.attention_layers=1;model.activation=rrelu", "take gelu or relu, not rrelu"},
        {"model.type=transformer;data.targets=close;model.heads=5", "cannot be shared by heads"},
        {"model.kv_heads=3", "heads = 4 cannot share kv_heads = 3 equally"},
        {CONV ";model.attention_layers=1;model.kv_heads=8", "heads = 4 cannot share kv_heads = 8"},
        {GPT2, NULL},
        {GPT2 ";model.positions=rotary", "positions = rotary is not that of shape = gpt2, learned"},
        {GPT2 ";model.positions=learned", NULL},
        {GPT2 ";model.norm=rms", "norm = rms is not that of shape = gpt2, layer"},
        {GPT2 ";model.attention=full", "attention = full is not that of shape = gpt2, causal"},
        {GPT2 ";model.activation=swiglu", "shape = gpt2 has no gate"},
        {GPT2 ";model.activation=gelu_tanh", NULL},
        {GPT2 ";model.heads=3", "d_model = 64 cannot be shared by heads = 3 equally"},
        {GPT2 ";model.heads=3;model.head_width=8", "d_model = 64 cannot be shared by heads = 3"},
        {GPT2 ";model.head_width=16", NULL},
        {GPT2 ";model.head_width=8", "heads of shape = gpt2 are d_model / heads = 16 columns wide"},
        {GPT2 ";model.context=49", "window = 50 is more than the 49 positions"},
        {GPT2 ";model.context=50", NULL},
        {GPT2 ";model.rotary_scaling=linear(2)", "positions of shape = gpt2 are learned"},
        {LLAMA, NULL},
        {LLAMA ";model.activation=gelu", "activation = gelu is not that of shape = llama, swiglu"},
        {LLAMA ";model.norm_first=no", "norm_first = no is not that of shape = llama, yes"},
        {LLAMA ";model.heads=3", "d_model = 64 cannot be shared by heads = 3 equally"},
        {LLAMA ";model.heads=3;model.head_width=8", NULL},
        {LLAMA ";model.heads=3;model.head_width=7", "heads of 7 columns have no halves"},
        {LLAMA ";model.d_model=60;model.heads=20", "heads of 3 columns have no halves"},
        {LLAMA ";model.heads=4;model.kv_heads=3", "heads = 4 cannot share kv_heads = 3 equally"},
        {LLAMA ";model.rotary_scaling=linear(0.5)", NULL},
        {LLAMA ";model.rotary_scaling=linear(0)", "give none, linear(factor) or llama3"},
        {LLAMA ";model.rotary_scaling=linear(2) ", NULL},
        {LLAMA ";model.rotary_scaling=linear(2)x", "give none, linear(factor) or llama3"},
        {LLAMA ";model.rotary_scaling=llama3(8, 1, 4, 8192)", NULL},
        {LLAMA ";model.rotary_scaling=llama3(8,4,4,8192)", "give none, linear(factor) or llama3"},
        {LLAMA ";model.rotary_scaling=llama3(8,1,4)", "give none, linear(factor) or llama3"},
        {TARGETS ";model.activation=swiglu", "swiglu is for the layers of language models"},
        {CONV ";model.activation=gelu_tanh", "gelu_tanh is for the layers of language models"},
        {"data.validation=0;data.validation_source=v.csv", NULL},
        {"train.monitor=val_contrastive", NULL},
        {"train.monitor=val_loss;loss.contrastive=none", NULL},
        {"train.monitor=train/loss;data.validation=0", NULL},
        {"train.monitor=val/r2;data.validation=0", "monitor = val/r2 needs validation above 0"},
        {"train.lr_min=0.0001", NULL},
        {"train.lr_min=0.00011", "lr_min = 0.00011 is above lr = 0.0001"},
        {"train.nesterov=yes", NULL},
        {"train.nesterov=yes;train.momentum=0", "nesterov needs a momentum above 0"},
        {"train.checkpoint=1 steps", NULL},
        {"plots.tsne_points=91", NULL},
        {"plots.tsne_perplexity=33;plots.tsne_points=99", "takes at least 100 points, not 99"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = {0};
        char text[512], *settings[16] = {text}, *rest;
        size_t count = 0;
        snprintf(text, sizeof text, "data.source=x.csv;%s", cases[i].settings);
        for (char *s = strtok_r(text, ";", &rest); s; s = strtok_r(NULL, ";", &rest))
            settings[count++] = s;
        struct config *c = config_load_with(NULL, settings, count, model_check, &err);
        if (c ? cases[i].fault != NULL : !cases[i].fault || !strstr(err.text, cases[i].fault))
            fail_msg("%s: %s", cases[i].settings, c ? "accepted" : err.text);
        assert_true(c || (err.status == STATUS_USAGE && !strchr(err.text, '\n')));
        config_free(c);
    }
}

/* A shape says what is not set; a key that is set stays. */
static void test_shape_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *shape, *set;
        int positions, norm, activation, tied;
        double eps, base;
    } cases[] = {
        {"gpt2", "run.seed=1", POSITIONS_LEARNED, NORM_LAYER, ACTIVATION_GELU, 1, 1e-5, 1e4},
        {"llama", "run.seed=1", POSITIONS_ROTARY, NORM_RMS, ACTIVATION_SWIGLU, 0, 1e-5, 1e4},
        {"qwen3", "run.seed=1", POSITIONS_ROTARY, NORM_RMS, ACTIVATION_SWIGLU, 0, 1e-6, 1e6},
        {"qwen3", "model.tied=yes", POSITIONS_ROTARY, NORM_RMS, ACTIVATION_SWIGLU, 1, 1e-6, 1e6},
        {"gpt2", "model.tied=no", POSITIONS_LEARNED, NORM_LAYER, ACTIVATION_GELU, 0, 1e-5, 1e4},
        {"qwen3", "model.norm_eps=1e-5", POSITIONS_ROTARY, NORM_RMS, ACTIVATION_SWIGLU, 0, 1e-5,
         1e6},
        {"qwen3", "model.rotary_base=10000", POSITIONS_ROTARY, NORM_RMS, ACTIVATION_SWIGLU, 0, 1e-6,
         1e4},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = {0};
        char shape[64], set[64];
        char *settings[] = {"data.source=x.txt", "data.tokenizer=bytes", "model.type=language",
                            shape, set};
        snprintf(shape, sizeof shape, "model.shape=%s", cases[i].shape);
        snprintf(set, sizeof set, "%s", cases[i].set);
        struct config *c = config_load_with(NULL, settings, COUNT(settings), model_check, &err);
        if (!c)
            fail_msg("%s: %s", shape, err.text);
        assert_int_equal(c->model.positions, cases[i].positions);
        assert_int_equal(c->model.norm, cases[i].norm);
        assert_int_equal(c->model.attention, ATTENTION_CAUSAL);
        assert_int_equal(c->model.activation, cases[i].activation);
        assert_int_equal(c->model.tied, cases[i].tied);
        assert_true(c->model.norm_eps == cases[i].eps && c->model.rotary_base == cases[i].base);
        char *text = config_text(c); /* and says the same when it is read again */
        struct config *again = config_parse_with(text, "f.ini", NULL, 0, model_check, &err);
        assert_non_null(again);
        assert_int_equal(again->model.tied, cases[i].tied);
        assert_true(again->model.rotary_base == cases[i].base);
        config_free(again);
        free(text);
        config_free(c);
    }
}

static void test_good_values(void **state)
{
    (void)state;
    struct config *c = accept_setting(" train.lr = +.5 ");
    assert_true(c->train.lr == 0.5);
    config_free(c);
    c = accept_setting("train.checkpoint=30minutes");
    assert_int_equal(c->train.checkpoint.unit, SPAN_MINUTES);
    assert_true(c->train.checkpoint.value == 30);
    config_free(c);
    c = accept_setting("train.warmup=2.5 %");
    assert_int_equal(c->train.warmup.unit, SPAN_PERCENT);
    assert_true(c->train.warmup.value == 2.5);
    config_free(c);
    c = accept_setting("train.warmup=1 epoch");
    assert_int_equal(c->train.warmup.unit, SPAN_EPOCHS);
    config_free(c);
    c = accept_setting("run.seed=4294967295");
    assert_true(c->run.seed == 4294967295);
    config_free(c);
    static const struct {
        const char *setting;
        uint64_t bytes;
        const char *printed;
    } sizes[] = {
        {"device.memory=auto", 0, "\nmemory = auto\n"},
        {"device.memory=12GiB", UINT64_C(12) << 30, "\nmemory = 12GiB\n"},
        {"device.memory=1.5 GB", UINT64_C(1500000000), "\nmemory = 1500MB\n"},
        {"device.memory=1.1GB", UINT64_C(1100000000), "\nmemory = 1100MB\n"},
        {"device.memory=2048KiB", UINT64_C(2) << 20, "\nmemory = 2MiB\n"},
        {"device.memory=1048577", UINT64_C(1048577), "\nmemory = 1048577\n"},
        {"device.memory=1024TiB", UINT64_C(1) << 50, "\nmemory = 1024TiB\n"},
        {"device.memory=8e9", UINT64_C(8000000000), "\nmemory = 8GB\n"},
    };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        c = accept_setting(sizes[i].setting);
        assert_true(c->device.memory == sizes[i].bytes);
        char *text = config_text(c);
        if (!strstr(text, sizes[i].printed))
            fail_msg("%s is not printed as %s", sizes[i].setting, sizes[i].printed);
        config_free(c);
        c = accept(text);
        assert_true(c->device.memory == sizes[i].bytes);
        config_free(c);
        free(text);
    }
    c = accept_setting("plots.enable=category_distribution, loss_curves");
    assert_int_equal(c->plots.enable.count, 2);
    assert_string_equal(c->plots.enable.item[1], "loss_curves");
    config_free(c);
    c = accept_setting("run.name=a ; b = c");
    assert_string_equal(c->run.name, "a ; b = c");
    config_free(c);

    struct error err = {0};
    char *settings[] = {"train.lr=1", "train.lr=2"};
    c = config_parse(SOURCE "[train]\nlr = 3\n", "f.ini", settings, 2, &err);
    assert_non_null(c);
    assert_true(c->train.lr == 2); /* the last setting counts */
    config_free(c);
}

static void write_text(const char *path, const char *text, size_t size)
{
    struct error err;
    assert_int_equal(file_write(path, text, size, &err), 0);
}

static void test_files(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(mkdir("sub", 0777), 0);
    static const char text[] = SOURCE "[model]\ninit = /abs/w\n[run]\noutput = out\n";
    write_text("sub/f.ini", text, sizeof text - 1);
    struct config *c = config_load("sub/f.ini", NULL, 0, &err);
    assert_non_null(c);
    assert_string_equal(*c->data.source.item, "sub/x.csv");
    assert_string_equal(c->model.init, "/abs/w");
    assert_string_equal(c->run.output, "out");

    /* printed, names hold from anywhere: the folder's real name and the file's own */
    char *printed = config_text(c), expected[512];
    assert_non_null(printed);
    snprintf(expected, sizeof expected, "\nsource = %s/sub/x.csv\n", folder);
    assert_non_null(strstr(printed, expected));
    assert_non_null(strstr(printed, "\ninit = /abs/w\n"));
    snprintf(expected, sizeof expected, "\noutput = %s/out\n", folder);
    assert_non_null(strstr(printed, expected));
    struct config *again = config_parse(printed, "/else/where", NULL, 0, &err);
    assert_non_null(again);
    char why[256] = "";
    assert_int_equal(config_differs(c, again, 0, why, sizeof why), 0);
    config_free(again);
    free(printed);
    config_free(c);

    char *settings[] = {"data.source=y.csv"};
    c = config_load("sub/f.ini", settings, 1, &err);
    assert_non_null(c);
    assert_string_equal(*c->data.source.item, "y.csv"); /* as seen from the current folder */
    config_free(c);
    c = config_load(NULL, settings, 1, &err);
    assert_non_null(c);
    assert_string_equal(*c->data.source.item, "y.csv");
    config_free(c);

    write_text("sub/f.ini", "[run]\nname = a\0b\n", 17);
    assert_null(config_load("sub/f.ini", settings, 1, &err));
    assert_string_equal(err.text, "sub/f.ini:2: this line holds a NUL byte: this is not a text "
                                  "file");
    assert_null(config_load("sub/none.ini", NULL, 0, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_string_equal(err.text, "sub/none.ini: No such file or directory");
    assert_null(config_load("sub", NULL, 0, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_string_equal(err.text, "sub: Is a directory");
    assert_null(config_load(NULL, NULL, 0, &err));
    assert_string_equal(err.text, "configuration: [data] source: a data file must be named");
    assert_int_equal(unlink("sub/f.ini"), 0);
    assert_int_equal(rmdir("sub"), 0);
}

/* Every value reads back to the same bits and is printed as a person would write it. */
static void test_print(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *line;
    } printed[] = {
        {"train.lr=1e-4", "lr = 0.0001"},
        {"train.lr=0.10000000000000002", "lr = 0.10000000000000002"},
        {"train.lr=1e-5", "lr = 1e-05"},
        {"train.lr=2.5000", "lr = 2.5"},
        {"train.epsilon=3.0000000000000001e-20", "epsilon = 3e-20"},
        {"run.seed=007", "seed = 7"},
        {"device.threads=auto", "threads = auto"},
        {"device.threads=2", "threads = 2"},
        {"model.norm_first=no", "norm_first = no"},
        {"train.schedule=plateau", "schedule = plateau"},
        {"train.warmup=5 epoch", "warmup = 5 epochs"},
        {"train.warmup=2.5%", "warmup = 2.5%"},
        {"train.checkpoint=30 minutes", "checkpoint = 30 minutes"},
        {"run.name=a;b", "name = \"a;b\""},
        {"run.name=\" a\"", "name = \" a\""},
        {"run.name=5\"", "name = \"5\"\"\""},
        {"run.name=\"\"", "name = "},
        {"data.features=a b,\"c,d\",\"e(\",ma(x,2),\"#f\"",
         "features = a b, \"c,d\", \"e(\", ma(x,2), \"#f\""},
        {"plots.enable=none", "enable = none"},
    };
    for (size_t i = 0; i < COUNT(printed); i++) {
        struct config *c = accept_setting(printed[i].setting);
        char *text = config_text(c), line[256], why[256] = "";
        snprintf(line, sizeof line, "\n%s\n", printed[i].line);
        assert_non_null(text);
        if (!strstr(text, line))
            fail_msg("%s: no line '%s'", printed[i].setting, printed[i].line);
        struct config *again = accept(text);
        if (config_differs(c, again, 0, why, sizeof why))
            fail_msg("%s", why);
        config_free(again);
        free(text);
        config_free(c);
    }
    static const char *const gaps[] = {"45s", "90s", "10m", "90m", "12h", "1d", "36500d"};
    for (size_t i = 0; i < COUNT(gaps); i++) {
        char ini[128], line[64];
        snprintf(ini, sizeof ini, SOURCE "time = t\ngap = %s\n", gaps[i]);
        snprintf(line, sizeof line, "\ngap = %s\n", gaps[i]);
        struct config *c = accept(ini);
        char *text = config_text(c);
        assert_non_null(strstr(text, line));
        free(text);
        config_free(c);
    }
    struct config *c = accept(SOURCE "time = t\ngap = 3600s\n");
    char *text = config_text(c);
    assert_non_null(strstr(text, "\ngap = 1h\n"));
    free(text);
    config_free(c);
}

/* Doubles with all their digits survive, and so does a list of many lines. */
static void test_print_exactly(void **state)
{
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 300; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double lr = (double)(bits >> 11) * 0x1p-53, old;
        char setting[64];
        snprintf(setting, sizeof setting, "train.lr=%.17g", lr);
        if (strchr(setting, ','))
            *strchr(setting, ',') = '.';
        struct config *c = accept_setting(setting);
        old = c->train.lr;
        assert_memory_equal(&old, &lr, sizeof lr);
        char *text = config_text(c);
        config_free(c);
        c = accept(text);
        old = c->train.lr;
        assert_memory_equal(&old, &lr, sizeof lr);
        free(text);
        config_free(c);
    }
    char many[8192] = "data.features=";
    for (int i = 0; i < 500; i++)
        sprintf(many + strlen(many), "%s%s%d", i ? "," : "", i % 7 ? "c" : "\"#=\"\"",
                i % 7 ? i : 1);
    for (char *quote = many; (quote = strstr(quote, "\"\"1")); quote += 3)
        memcpy(quote, "\"\"\"", 3); /* the item #=" */
    struct config *c = accept_setting(many);
    assert_int_equal(c->data.features.count, 500);
    assert_string_equal(c->data.features.item[7], "\"#=\"\"\"");
    char *text = config_text(c), why[256] = "";
    struct config *again = accept(text);
    assert_int_equal(config_differs(c, again, 0, why, sizeof why), 0);
    assert_int_equal(again->data.features.count, 500);
    config_free(again);
    free(text);
    config_free(c);
}

/* What is written of expressions is read as the same, and written again as the same bytes. */
static void test_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *written; /* NULL: the value as it was set */
    } cases[] = {
        {"\"p (mbar)\", ma(\"p (mbar)\",20), close", NULL},
        {"\"a, b\", \"say \"\"x\"\"\"", NULL},
        {"Volume BTC, ret(close)", NULL},
        {"a;b, c#d", "\"a;b\", \"c#d\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char setting[256], wanted[256];
        snprintf(setting, sizeof setting, "data.features=%s", cases[i].setting);
        snprintf(wanted, sizeof wanted, "= %s\n",
                 cases[i].written ? cases[i].written : cases[i].setting);
        struct config *c = accept_setting(setting);
        char *text = config_text(c);
        if (!strstr(text, wanted))
            fail_msg("no '%s' in %s", wanted, text);
        struct config *again = accept(text);
        char *twice = config_text(again);
        assert_string_equal(twice, text);
        config_free(again);
        config_free(c);
        free(twice);
        free(text);
    }
    struct config *c = accept_setting("data.where=\"p (mbar)\" > 3 and close < 5");
    assert_string_equal(c->data.where, "\"p (mbar)\" > 3 and close < 5");
    char *text = config_text(c);
    struct config *again = accept(text);
    assert_string_equal(again->data.where, c->data.where);
    free(text);
    config_free(again);
    config_free(c);
}

/* A choice with arguments: what is written is read as the same. */
static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *written;
        struct method wanted;
    } cases[] = {
        {"data.scaler=minmax", "scaler = minmax\n", {SCALER_MINMAX, 0, 1, NULL}},
        {"data.scaler=\"minmax\"", "scaler = minmax\n", {SCALER_MINMAX, 0, 1, NULL}},
        {"data.scaler=minmax ( -1 , 1e0 )",
         "scaler = minmax(-1,1)\n",
         {SCALER_MINMAX, -1, 1, NULL}},
        {"data.scaler=minmax(0,1)", "scaler = minmax\n", {SCALER_MINMAX, 0, 1, NULL}},
        {"data.scaler=minmax(0.1,0.30000000000000004)",
         "minmax(0.1,0.30000000000000004)\n",
         {SCALER_MINMAX, 0.1, 0.30000000000000004, NULL}},
        {"data.scaler=robust", "scaler = robust\n", {SCALER_ROBUST, 0, 0, NULL}},
        {"data.scaler=relative(close)",
         "scaler = relative(close)\n",
         {SCALER_RELATIVE, 0, 0, (char *)(uintptr_t) "close"}},
        {"data.scaler=relative(\"p (mbar)\")",
         "scaler = relative(\"p (mbar)\")\n",
         {SCALER_RELATIVE, 0, 0, (char *)(uintptr_t) "\"p (mbar)\""}},
        {"data.scaler=relative(ma(close,3))",
         "scaler = relative(ma(close,3))\n",
         {SCALER_RELATIVE, 0, 0, (char *)(uintptr_t) "ma(close,3)"}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *c = accept_setting(cases[i].setting);
        const struct method *is = &c->data.scaler, *wanted = &cases[i].wanted;
        char *text = config_text(c);
        if (!strstr(text, cases[i].written))
            fail_msg("no '%s' in %s", cases[i].written, text);
        assert_int_equal(is->kind, wanted->kind);
        assert_true(is->low == wanted->low && is->high == wanted->high);
        assert_int_equal(!is->column, !wanted->column);
        if (is->column)
            assert_string_equal(is->column, wanted->column);
        struct config *again = accept(text);
        assert_true(again->data.scaler.low == is->low && again->data.scaler.high == is->high);
        char *twice = config_text(again);
        assert_string_equal(twice, text);
        free(twice);
        free(text);
        config_free(again);
        config_free(c);
    }
    struct config *c = accept(SOURCE "targets = close\ntarget_display = scale(0,1)\n"
                                     "[model]\ntype = recurrent\n");
    char *text = config_text(c);
    assert_non_null(strstr(text, "target_display = scale(0,1)\n"));
    free(text);
    config_free(c);
    static const char *const bad[][2] = {
        {"data.scaler=minmax(1,0)", "needs two numbers, the lower first, as in (0,100)"},
        {"data.scaler=minmax(1,1)", "needs two numbers"},
        {"data.scaler=minmax()", "needs two numbers"},
        {"data.scaler=minmax(1)", "needs two numbers"},
        {"data.scaler=minmax(1,2,3)", "needs two numbers"},
        {"data.scaler=minmax(1,2", "has a ( without its )"},
        {"data.scaler=minmax(-1e308,1e308)", "needs two numbers"},
        {"data.scaler=minmax(0,1e999)", "needs two numbers"},
        {"data.scaler=minmax(0,nan)", "needs two numbers"},
        {"data.scaler=standard(1)", "takes no arguments"},
        {"data.scaler=relative", "needs the name of a feature, as in (close)"},
        {"data.scaler=relative()", "needs the name of a feature"},
        {"data.scaler=relative(a,b)", "needs the name of a feature"},
        {"data.scaler=minimax", "'minimax' is not one of: none | standard | minmax"},
        {"data.target_display=scale", "needs two numbers"},
        {"data.target_display=minmax(0,1)", "is not one of: none | scale"},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        if (!strstr(refuse_setting(bad[i][0]), bad[i][1]))
            fail_msg("%s: %s", bad[i][0], refuse_setting(bad[i][0]));
}

/* The items, each with a | behind it. */
static void assert_items(const struct list *list, const char *items)
{
    char all[256] = "";
    for (size_t i = 0; i < list->count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s|", list->item[i]);
    assert_string_equal(all, items);
}

/* One device or several: a name that holds a comma stands in quotes, and is written so. */
static void test_devices(void **state)
{
    (void)state;
    static const struct {
        const char *setting, *items, *line;
    } cases[] = {
        {"device.select=\"AMD, Inc\"", "AMD, Inc|", "\nselect = \"AMD, Inc\"\n"},
        {"device.select=0.1/2", "0.1/2|", "\nselect = 0.1/2\n"},
        {"device.select=Xeon(R) (a, b)", "Xeon(R) (a, b)|", "\nselect = \"Xeon(R) (a, b)\"\n"},
        {"device.select=Xeon(R", "Xeon(R|", "\nselect = Xeon(R\n"},
        {"device.select=", "|", "\nselect = \n"},
        {"device.select=0,1", "0|1|", "\nselect = 0, 1\n"},
        {"device.select=\"AMD, Inc\", 1", "AMD, Inc|1|", "\nselect = \"AMD, Inc\", 1\n"},
        {"device.select=0.0/2, \"Xeon(R\" , gpu", "0.0/2|Xeon(R|gpu|",
         "\nselect = 0.0/2, \"Xeon(R\", gpu\n"},
    };
    static const char *const bad[][2] = {
        {"device.select=0, 1, 0", "'0' stands there twice"},
        {"device.select=0, None", "'None' stands for no device, and not among"},
        {"device.select=0, , 1", "item 2 of the list is empty"},
        {"device.select=0,", "item 2 of the list is empty"},
        {"device.select=0, Xeon(R", "has a ( without its )"},
        {"device.select=\"AMD, Inc\" 0, 1", "goes on behind its closing"},
    };
    struct error err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *c = accept_setting(cases[i].setting);
        char *text = config_text(c);
        assert_items(&c->device.select, cases[i].items);
        if (!strstr(text, cases[i].line))
            fail_msg("no '%s' in %s", cases[i].line, text);
        struct config *again = accept(text);
        assert_items(&again->device.select, cases[i].items);
        struct list read;
        assert_int_equal(config_read_devices(strchr(cases[i].setting, '=') + 1, &read, &err), 0);
        assert_items(&read, cases[i].items);
        config_free_list(&read);
        assert_int_equal(config_set_device(c, "AMD, \"Inc\"", &err), 0);
        assert_int_equal(c->device.select.count, 1);
        assert_string_equal(config_device(c), "AMD, \"Inc\"");
        free(text);
        config_free(again);
        config_free(c);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (!strstr(refuse_setting(bad[i][0]), bad[i][1]))
            fail_msg("%s: %s", bad[i][0], refuse_setting(bad[i][0]));
    struct list none;
    assert_int_equal(config_read_devices("0,0", &none, &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
}

static void test_differs(void **state)
{
    (void)state;
    char why[256] = "";
    struct config *a = accept(SOURCE), *b = accept_setting("model.d_model=128");
    assert_int_equal(config_differs(a, a, 0, why, sizeof why), 0);
    assert_int_equal(config_differs(a, b, 1, why, sizeof why), 1);
    assert_string_equal(why, "model.d_model: '64' in the checkpoint, '128' here");
    config_free(b);
    b = accept_setting("train.epochs=7");
    assert_int_equal(config_differs(a, b, 1, why, sizeof why), 0);
    assert_int_equal(config_differs(a, b, 0, why, sizeof why), 1);
    assert_string_equal(why, "train.epochs: '100' in the checkpoint, '7' here");
    config_free(b);
    b = accept_setting("plots.tsne_points=500");
    assert_int_equal(config_differs(a, b, 1, why, sizeof why), 0);
    config_free(b);
    b = accept_setting("data.features=open");
    assert_int_equal(config_differs(a, b, 1, why, sizeof why), 1);
    assert_string_equal(why, "data.features: 'open, high, low, close, volume' in the checkpoint, "
                             "'open' here");
    config_free(b);
    /* one file, named in two ways */
    char name[512];
    snprintf(name, sizeof name, "data.source=%s/../%s/x.csv", folder, strrchr(folder, '/') + 1);
    b = accept_setting(name);
    assert_int_equal(config_differs(a, b, 1, why, sizeof why), 0);
    config_free(b);
    config_free(a);
}

/* A value is read by its old name, written by the new one, and told. */
static void test_renamed(void **state)
{
    (void)state;
    struct config *old = accept_setting("device.gemm=bf16");
    struct config *now = accept_setting("device.gemm=bf16_products");
    char why[256], *text = config_text(old);
    assert_int_equal(old->device.gemm, GEMM_BF16);
    assert_int_equal(config_differs(old, now, 0, why, sizeof why), 0);
    assert_non_null(strstr(old->renamed, "bf16_products"));
    assert_null(now->renamed);
    assert_non_null(strstr(text, "bf16_products"));
    free(text);
    config_free(old);
    config_free(now);
}

/* config.h's enumerators against the table's choices, in order and number. */
static void test_choices(void **state)
{
    (void)state;
    static const struct {
        const char *section, *key;
        int value;
        const char *name;
    } choices[] = {
        {"device", "tuning", TUNING_TABLE, "table"},
        {"device", "tuning", TUNING_MEASURE, "measure"},
        {"device", "gemm", GEMM_AUTO, "auto"},
        {"device", "gemm", GEMM_CLBLAST, "clblast"},
        {"device", "gemm", GEMM_CBLAS, "cblas"},
        {"device", "gemm", GEMM_OWN, "own"},
        {"device", "gemm", GEMM_BF16, "bf16_products"},
        {"device", "gemm", GEMM_FP16, "fp16_products"},
        {"model", "split", SPLIT_NONE, "none"},
        {"model", "split", SPLIT_LAYERS, "layers"},
        {"model", "quantize", QUANTIZE_NONE, "none"},
        {"model", "quantize", QUANTIZE_NF4, "nf4"},
        {"model", "quantize", QUANTIZE_INT8, "int8"},
        {"train", "precision", PRECISION_FP32, "fp32"},
        {"train", "precision", PRECISION_BF16, "bf16"},
        {"train", "precision", PRECISION_FP16, "fp16"},
        {"data", "scaler", SCALER_NONE, "none"},
        {"data", "scaler", SCALER_STANDARD, "standard"},
        {"data", "scaler", SCALER_MINMAX, "minmax"},
        {"data", "scaler", SCALER_ROBUST, "robust"},
        {"data", "scaler", SCALER_WINDOW, "window"},
        {"data", "scaler", SCALER_RELATIVE, "relative"},
        {"data", "target_display", DISPLAY_NONE, "none"},
        {"data", "target_display", DISPLAY_SCALE, "scale"},
        {"data", "split", SPLIT_CHRONOLOGICAL, "chronological"},
        {"data", "split", SPLIT_SHUFFLED, "shuffled"},
        {"data", "split", SPLIT_STRATIFIED, "stratified"},
        {"data", "split", SPLIT_SHUFFLED_WINDOWS, "shuffled_windows"},
        {"data", "split", SPLIT_SPEC, "spec"},
        {"data", "split", SPLIT_WALK_FORWARD, "walk_forward"},
        {"data", "fold_window", FOLD_EXPANDING, "expanding"},
        {"data", "fold_window", FOLD_ROLLING, "rolling"},
        {"data", "channels", CHANNELS_TOGETHER, "together"},
        {"data", "channels", CHANNELS_APART, "apart"},
        {"data", "target_rows", TARGET_HORIZON, "horizon"},
        {"data", "target_rows", TARGET_EACH, "each"},
        {"data", "target_rows", TARGET_WINDOW, "window"},
        {"data", "sampling", SAMPLING_SHUFFLED, "shuffled"},
        {"data", "sampling", SAMPLING_RANDOM, "random"},
        {"data", "split_unit", SPLIT_BLOCK, "block"},
        {"data", "split_unit", SPLIT_SERIES, "series"},
        {"data", "balance", BALANCE_NONE, "none"},
        {"data", "balance", BALANCE_SELECT, "select"},
        {"data", "balance", BALANCE_WEIGHT, "weight"},
        {"data", "short_series", SHORT_ERROR, "error"},
        {"data", "short_series", SHORT_SKIP, "skip"},
        {"model", "type", MODEL_AUTOENCODER, "autoencoder"},
        {"model", "type", MODEL_RECURRENT, "recurrent"},
        {"model", "type", MODEL_CNN_RECURRENT, "cnn_recurrent"},
        {"model", "type", MODEL_TRANSFORMER, "transformer"},
        {"model", "type", MODEL_DGRU, "dgru"},
        {"model", "type", MODEL_TCN, "tcn"},
        {"model", "type", MODEL_LANGUAGE, "language"},
        {"model", "type", MODEL_CAPTIONER, "captioner"},
        {"model", "projector", PROJECTOR_LINEAR, "linear"},
        {"model", "projector", PROJECTOR_MLP, "mlp"},
        {"model", "projector", PROJECTOR_QUERIES, "queries"},
        {"encoder", "frames", FRAMES_ALL, "all"},
        {"encoder", "frames", FRAMES_MEAN, "mean"},
        {"encoder", "precision", FEATURES_BF16, "bf16"},
        {"encoder", "precision", FEATURES_FP32, "fp32"},
        {"caption", "collapse", COLLAPSE_WARN, "warn"},
        {"caption", "collapse", COLLAPSE_STOP, "stop"},
        {"caption", "tokenize", TOKENIZE_WORDS, "words"},
        {"caption", "tokenize", TOKENIZE_CHARACTERS, "characters"},
        {"model", "shape", SHAPE_GPT2, "gpt2"},
        {"model", "shape", SHAPE_LLAMA, "llama"},
        {"model", "shape", SHAPE_QWEN3, "qwen3"},
        {"model", "cell", CELL_LSTM, "lstm"},
        {"model", "cell", CELL_GRU, "gru"},
        {"model", "cell", CELL_RNN, "rnn"},
        {"model", "head", HEAD_LAST, "last"},
        {"model", "head", HEAD_MEAN, "mean"},
        {"model", "head", HEAD_ATTENTION, "attention"},
        {"model", "head", HEAD_FLATTEN, "flatten"},
        {"model", "attention", ATTENTION_FULL, "full"},
        {"model", "attention", ATTENTION_CAUSAL, "causal"},
        {"model", "norm", NORM_LAYER, "layer"},
        {"model", "norm", NORM_RMS, "rms"},
        {"model", "conv_norm", CONV_NORM_NONE, "none"},
        {"model", "conv_norm", CONV_NORM_BATCH, "batch"},
        {"model", "conv_norm", CONV_NORM_LAYER, "layer"},
        {"model", "initialisation", DRAW_PYTORCH, "pytorch"},
        {"model", "initialisation", DRAW_XAVIER_UNIFORM, "xavier_uniform"},
        {"model", "initialisation", DRAW_XAVIER_NORMAL, "xavier_normal"},
        {"model", "initialisation", DRAW_KAIMING_UNIFORM, "kaiming_uniform"},
        {"model", "initialisation", DRAW_KAIMING_NORMAL, "kaiming_normal"},
        {"model", "recurrent_init", RECURRENT_PYTORCH, "pytorch"},
        {"model", "recurrent_init", RECURRENT_ORTHOGONAL, "orthogonal"},
        {"data", "separator", SEPARATOR_AUTO, "auto"},
        {"data", "separator", SEPARATOR_COMMA, "comma"},
        {"data", "separator", SEPARATOR_SEMICOLON, "semicolon"},
        {"data", "separator", SEPARATOR_TAB, "tab"},
        {"data", "separator", SEPARATOR_PIPE, "pipe"},
        {"data", "separator", SEPARATOR_SPACE, "space"},
        {"data", "order", ORDER_AUTO, "auto"},
        {"data", "order", ORDER_RISING, "rising"},
        {"data", "order", ORDER_FALLING, "falling"},
        {"data", "order", ORDER_SORT, "sort"},
        {"data", "duplicates", DUPLICATES_ERROR, "error"},
        {"data", "duplicates", DUPLICATES_FIRST, "first"},
        {"data", "duplicates", DUPLICATES_LAST, "last"},
        {"data", "duplicates", DUPLICATES_SUM, "sum"},
        {"data", "decimal", DECIMAL_AUTO, "auto"},
        {"data", "decimal", DECIMAL_POINT, "point"},
        {"data", "decimal", DECIMAL_COMMA, "comma"},
        {"data", "missing", MISSING_ERROR, "error"},
        {"data", "missing", MISSING_SKIP, "skip"},
        {"data", "missing", MISSING_PREVIOUS, "previous"},
        {"model", "activation", ACTIVATION_GELU, "gelu"},
        {"model", "activation", ACTIVATION_RELU, "relu"},
        {"model", "activation", ACTIVATION_RRELU, "rrelu"},
        {"model", "activation", ACTIVATION_GELU_TANH, "gelu_tanh"},
        {"model", "activation", ACTIVATION_SWIGLU, "swiglu"},
        {"model", "positions", POSITIONS_LEARNED, "learned"},
        {"model", "positions", POSITIONS_SINUSOIDAL, "sinusoidal"},
        {"model", "positions", POSITIONS_ROTARY, "rotary"},
        {"model", "positions", POSITIONS_NONE, "none"},
        {"loss", "target", LOSS_MSE, "mse"},
        {"loss", "target", LOSS_MAE, "mae"},
        {"loss", "target", LOSS_HUBER, "huber"},
        {"loss", "target", LOSS_BCE, "bce"},
        {"loss", "reconstruction", LOSS_MSE, "mse"},
        {"loss", "reconstruction", LOSS_MAE, "mae"},
        {"loss", "reconstruction", LOSS_HUBER, "huber"},
        {"loss", "contrastive", CONTRASTIVE_NONE, "none"},
        {"loss", "contrastive", CONTRASTIVE_MEAN_SIMILARITY, "mean_similarity"},
        {"loss", "contrastive", CONTRASTIVE_NT_XENT, "nt_xent"},
        {"data", "feed", FEED_AUTO, "auto"},
        {"data", "feed", FEED_RESIDENT, "resident"},
        {"data", "feed", FEED_STREAM, "stream"},
        {"train", "recompute", RECOMPUTE_NO, "no"},
        {"train", "recompute", RECOMPUTE_YES, "yes"},
        {"train", "recompute", RECOMPUTE_LAYERS, "layers"},
        {"train", "recompute", RECOMPUTE_AUTO, "auto"},
        {"train", "optimizer", OPTIMIZER_ADAMW, "adamw"},
        {"train", "optimizer", OPTIMIZER_SGD, "sgd"},
        {"train", "optimizer", OPTIMIZER_LION, "lion"},
        {"train", "schedule", SCHEDULE_CONSTANT, "constant"},
        {"train", "schedule", SCHEDULE_LINEAR, "linear"},
        {"train", "schedule", SCHEDULE_COSINE, "cosine"},
        {"train", "schedule", SCHEDULE_PLATEAU, "plateau"},
        {"train", "mode", MODE_AUTO, "auto"},
        {"train", "mode", MODE_MIN, "min"},
        {"train", "mode", MODE_MAX, "max"},
        {"train", "quantize_aware", AWARE_NONE, "none"},
        {"train", "quantize_aware", AWARE_W16A16, "w16a16"},
        {"train", "quantize_aware", AWARE_W8A16, "w8a16"},
        {"train", "on_nonfinite", NONFINITE_STOP, "stop"},
        {"train", "on_nonfinite", NONFINITE_SKIP, "skip"},
        {"log", "rotate", ROTATE_NONE, "none"},
        {"log", "rotate", ROTATE_DAILY, "daily"},
        {"log", "rotate", ROTATE_SIZE, "size"},
        {"sweep", "sampler", SAMPLER_GRID, "grid"},
        {"sweep", "sampler", SAMPLER_RANDOM, "random"},
        {"sweep", "sampler", SAMPLER_TPE, "tpe"},
        {"sweep", "pruner", PRUNER_NONE, "none"},
        {"sweep", "pruner", PRUNER_ASHA, "asha"},
        {"sweep", "pruner", PRUNER_MEDIAN, "median"},
        {"sweep", "assign", ASSIGN_LOAD, "load"},
        {"sweep", "assign", ASSIGN_LIST, "list"},
    };
    for (size_t i = 0; i < COUNT(choices); i++) {
        const char *name = config_choice(choices[i].section, choices[i].key, choices[i].value);
        assert_non_null(name);
        assert_string_equal(name, choices[i].name);
    }
    /* and no choice of the table is without an enumerator */
    size_t count = 0;
#define CHOICE(s, key, resume, def, choices, help)   \
    for (int i = 0; config_choice(#s, #key, i); i++) \
        count++;
#define METHOD CHOICE
#include "config/options.def"
    assert_int_equal(count, COUNT(choices));
    assert_null(config_choice("train", "mode", -1));
    assert_null(config_choice("train", "lr", 0));
    assert_null(config_choice("train", "nothing", 0));
}

#define ENTRY(type, s, key, resume, ...) {#s, #key, #resume},
static const struct {
    const char *section, *key, *resume;
} keys[] = {
#include "config/options.def"
};

static char *reference(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(config_reference(out), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Every key is an entry of the manual, under its section's heading; so it is in the printed INI,
 * but for those of a sweep. */
static void test_every_key(void **state)
{
    (void)state;
    char *text = reference();
    struct config *c = accept(SOURCE);
    char *ini = config_text(c);
    for (size_t i = 0; i < COUNT(keys); i++) {
        char heading[64], entry[64], line[64];
        snprintf(heading, sizeof heading, ".SS [%s]\n", keys[i].section);
        snprintf(entry, sizeof entry, "\n.TP\n.BR \"%s =", keys[i].key);
        char *from = strstr(text, heading);
        assert_non_null(from);
        char *end = strstr(from + 1, ".SS "), saved = end ? *end : 0;
        if (end)
            *end = 0;
        if (!strstr(from, entry))
            fail_msg("[%s] %s is not in the reference", keys[i].section, keys[i].key);
        if (end)
            *end = saved;
        snprintf(heading, sizeof heading, "[%s]\n", keys[i].section);
        snprintf(line, sizeof line, "\n%s = ", keys[i].key);
        from = strstr(ini, heading);
        if (!strcmp(keys[i].resume, "SWEEP")) {
            assert_null(from);
            continue;
        }
        assert_non_null(from);
        assert_non_null(strstr(from, line));
    }
    free(ini);
    config_free(c);
    free(text);
}

static void test_reference(void **state)
{
    (void)state;
    char *text = reference();
    assert_non_null(strstr(text, ".BR \"lr = 1e\\-4\"\n"
                                 "Highest learning rate.\n"
                                 "Value: number, 0 to 100.\n"));
    assert_non_null(strstr(text, ".BR \"tuning = table\"\n"));
    assert_non_null(strstr(text, "Value: table | measure.\n"));
    assert_non_null(strstr(text, "Value: number, 0.01 to 1. May differ when a run is resumed.\n"));
    assert_non_null(strstr(text, ".BR \"source =\" \" (empty)\"\n"));
    assert_non_null(strstr(text, "\\(aqseqtrain devices\\(aq"));
    assert_null(strchr(text, '\''));
    for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        assert_true(strcspn(line, "\n") <= 80);
        if (*line == '.')
            assert_true(!strncmp(line, ".SS ", 4) || !strncmp(line, ".TP\n", 4) ||
                        !strncmp(line, ".BR ", 4));
    }
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_long_values),     cmocka_unit_test(test_bad_syntax),
        cmocka_unit_test(test_overlong),        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_effective_batch), cmocka_unit_test(test_many_faults),
        cmocka_unit_test(test_bad_values),      cmocka_unit_test(test_figures),
        cmocka_unit_test(test_clashes),         cmocka_unit_test(test_bounds_of_clashes),
        cmocka_unit_test(test_good_values),     cmocka_unit_test(test_shape_defaults),
        cmocka_unit_test(test_files),           cmocka_unit_test(test_print),
        cmocka_unit_test(test_print_exactly),   cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_methods),         cmocka_unit_test(test_devices),
        cmocka_unit_test(test_differs),         cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_choices),         cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_reference),
    };
    setlocale(LC_ALL, "");
    setlocale(LC_MESSAGES, "C"); /* strerror() */
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
