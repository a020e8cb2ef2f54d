/* SPDX-License-Identifier: MIT */
/*
 * run: the life of a run without a command line. What is opened, trained, reported and closed here
 * leaves the files and the bits of `seqtrain train`, in as many processes and parts as it may be.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "chosen.h"
#include "run/run.h"
#include "util/file.h"

static char top[] = "run-test-XXXXXX";
static struct error err;

/* "TOP/folder/name", or "TOP/folder" without a name, in turn in one of some places. */
static const char *in(const char *folder, const char *name)
{
    static char path[8][160];
    static unsigned turn;
    char *to = path[turn++ % 8];
    snprintf(to, sizeof *path, "%.30s/%.60s%s%.60s", top, folder, name ? "/" : "",
             name ? name : "");
    return to;
}

static int there(const char *folder, const char *name)
{
    struct stat st;
    return !lstat(in(folder, name), &st);
}

/* A configuration of a model with dropout and a stateful loss, or, by `more`, of another one; a
 * constant rate, so that its first epoch does not see how many there will be. */
static struct config *configured(const char *folder, char *const *more, size_t count)
{
    char source[200], output[200], device[256];
    snprintf(source, sizeof source, "data.source=%s", in("series.csv", NULL));
    snprintf(output, sizeof output, "run.output=%s", in(folder, NULL));
    snprintf(device, sizeof device, "device.select=%s", chosen_device());
    char *settings[32] = {source,
                          output,
                          device,
                          "run.name=life",
                          "data.features=a, b",
                          "data.window=8",
                          "model.d_model=8",
                          "model.heads=2",
                          "model.layers=1",
                          "model.feedforward=16",
                          "model.latent=4",
                          "train.batch=16",
                          "train.accumulate=2",
                          "train.schedule=constant",
                          "train.warmup=1 steps",
                          "train.lr=1e-2",
                          "cluster.categories=3",
                          "plots.enable=loss_curves, category_distribution"};
    size_t n = 0;
    while (settings[n])
        n++;
    for (size_t i = 0; i < count; i++)
        settings[n++] = more[i];
    struct config *config = config_load(NULL, settings, n, &err);
    if (!config)
        fail_msg("%s", err.text);
    return config;
}
#define CONFIG(folder, ...)                             \
    configured(folder, (char *[]){"", __VA_ARGS__} + 1, \
               sizeof((char *[]){"", __VA_ARGS__}) / sizeof(char *) - 1)

static struct run *opened(struct config *config, enum folder_use use)
{
    struct run *run = run_open(config, &(struct run_options){.use = use}, &err);
    if (!run)
        fail_msg("%s", err.text);
    return run;
}

/* A whole life. */
static void lived(struct config *config, enum folder_use use)
{
    struct run *run = opened(config, use);
    if (run_close(run, run_train(run, &err) || run_report(run, &err) ? -1 : 0, &err))
        fail_msg("%s", err.text);
    config_free(config);
}

/* The same by the command line, in a process of its own. */
static void commanded(const struct config *config)
{
    char command[400], *text = config_text(config);
    assert_non_null(text);
    assert_int_equal(file_write(in("command.ini", NULL), text, strlen(text), &err), 0);
    snprintf(command, sizeof command, "./seqtrain -q -c %s", in("command.ini", NULL));
    assert_int_equal(system(command), 0);
    free(text);
}

/* --- what two runs left */

/* Weights and, in last.safetensors, the optimizer's state and the sums; but for the history, which
 * has seconds. */
static void same_tensors(const char *one, const char *other, const char *name)
{
    struct safetensors *a = safetensors_read(in(one, name), &err);
    struct safetensors *b = a ? safetensors_read(in(other, name), &err) : NULL;
    if (!b)
        fail_msg("%s", err.text);
    assert_true(a->count > 4);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct safetensor *x = &a->tensor[i], *y = safetensors_find(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->bytes, y->bytes);
        if (strcmp(x->name, "state.history") && memcmp(x->data, y->data, x->bytes))
            fail_msg("%s: %s differs", name, x->name);
    }
    safetensors_free(a);
    safetensors_free(b);
}

/* An event of a log without what the clock and the system say, and how many epochs were wanted; a
 * new reference. NULL: its end. */
static json_t *next_event(FILE *log, const char *wanted)
{
    static const char *const passing[] = {"time",         "seconds",    "windows_per_second",
                                          "device_bytes", "host_bytes", "start_seconds",
                                          "telemetry",    "epochs"};
    char line[1 << 14];
    while (fgets(line, sizeof line, log)) {
        json_t *event = json_loads(line, 0, NULL);
        assert_non_null(event);
        if (!strcmp(json_string_value(json_object_get(event, "event")), wanted)) {
            for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
                json_object_del(event, passing[i]);
            return event;
        }
        json_decref(event);
    }
    return NULL;
}

static int events(const char *folder, const char *wanted)
{
    int count = 0;
    FILE *log = fopen(in(folder, "log.jsonl"), "r");
    assert_non_null(log);
    for (json_t *event; (event = next_event(log, wanted)); count++)
        json_decref(event);
    fclose(log);
    return count;
}

/* The same figures in each of these events. */
static void same_log(const char *one, const char *other, const char *wanted, int count)
{
    FILE *a = fopen(in(one, "log.jsonl"), "r"), *b = fopen(in(other, "log.jsonl"), "r");
    assert_true(a && b);
    for (int i = 0; i < count; i++) {
        json_t *x = next_event(a, wanted), *y = next_event(b, wanted);
        assert_true(x && y);
        if (!json_equal(x, y))
            fail_msg("%s instead of %s", json_dumps(x, 0), json_dumps(y, 0));
        json_decref(x);
        json_decref(y);
    }
    assert_null(next_event(a, wanted));
    assert_null(next_event(b, wanted));
    fclose(a);
    fclose(b);
}

static void same_file(const char *one, const char *other, const char *name)
{
    char *bytes[2];
    size_t size[2];
    const char *const folder[] = {one, other};
    for (int i = 0; i < 2; i++)
        if (!(bytes[i] = file_read(in(folder[i], name), 1 << 24, &size[i], &err)))
            fail_msg("%s", err.text);
    assert_true(size[0] > 16);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    free(bytes[0]);
    free(bytes[1]);
}

/* `verdicts` of the first: a run in parts is judged after each. */
static void same_run(const char *one, const char *other, int verdicts)
{
    same_tensors(one, other, "best.safetensors");
    same_tensors(one, other, "last.safetensors");
    same_log(one, other, "epoch", 2);
    if (verdicts == 1)
        same_log(one, other, "verdict", 1);
    assert_int_equal(events(one, "verdict"), verdicts);
    static const char *const files[] = {"plan.json", "model.py", "loss_curves.png",
                                        "categories.safetensors", "category_distribution.png"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        same_file(one, other, files[i]);
}

/* --- the tests */

/* One epoch, closed, one more: what the command leaves after two in one go. */
static void a_life_in_two_parts(void **state)
{
    (void)state;
    struct config *whole = CONFIG("command", "train.epochs=2");
    commanded(whole);
    config_free(whole);
    lived(CONFIG("parts", "train.epochs=1"), FOLDER_FRESH);
    assert_int_equal(events("parts", "end"), 1);
    struct config *more = CONFIG("parts", "train.epochs=2");
    struct run *run = opened(more, FOLDER_RESUME);
    assert_true(run->resumes);
    assert_false(run->finished);
    assert_int_equal(run->training.progress.epoch, 1);
    assert_int_equal(run_train(run, &err), 0);
    assert_int_equal(run->training.progress.epoch, 2);
    assert_int_equal(run_report(run, &err), 0);
    assert_int_equal(run_close(run, 0, &err), 0);
    config_free(more);
    same_run("parts", "command", 2);
}

/* Runs of different models one after the other in one process do not see each other. */
static void one_after_the_other(void **state)
{
    (void)state;
    static char *const other[] = {"train.epochs=2", "run.seed=7", "model.d_model=16"};
    struct config *whole = configured("other-command", other, 3);
    commanded(whole);
    config_free(whole);
    lived(CONFIG("first", "train.epochs=2"), FOLDER_FRESH);
    lived(configured("second", other, 3), FOLDER_FRESH);
    lived(CONFIG("third", "train.epochs=2"), FOLDER_FRESH);
    same_run("first", "command", 1);
    same_run("second", "other-command", 1);
    same_run("third", "command", 1);
}

/* Two runs that are open on one session do not see each other. */
static void beside_each_other(void **state)
{
    (void)state;
    static char *const other[] = {"train.epochs=2", "run.seed=7", "model.d_model=16"};
    struct config *config[] = {CONFIG("left", "train.epochs=2"), configured("right", other, 3)};
    struct session *session = session_open(config[0], &(struct session_options){0}, &err);
    struct run *run[2];
    assert_non_null(session);
    for (int i = 0; i < 2; i++) {
        run[i] = run_open(config[i], &(struct run_options){.session = session}, &err);
        if (!run[i])
            fail_msg("%s", err.text);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(run_train(run[i], &err), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(run_report(run[i], &err), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_close(run[i], 0, &err), 0);
        config_free(config[i]);
    }
    session_close(session);
    same_run("left", "command", 1);
    same_run("right", "other-command", 1);
}

/* An interrupted run is saved, is not reported, and goes on to the same bits. */
static void interrupted_and_resumed(void **state)
{
    (void)state;
    static const volatile sig_atomic_t signalled = 15;
    const struct run_options options = {.interrupted = &signalled};
    struct config *config = CONFIG("stopped", "train.epochs=2");
    struct run *run = run_open(config, &options, &err);
    assert_non_null(run);
    assert_int_equal(run_train(run, &err), 0);
    assert_int_equal(run->training.progress.step, 1);
    assert_int_equal(run_report(run, &err), 0);
    assert_int_equal(run_close(run, 0, &err), 0);
    config_free(config);
    assert_true(there("stopped", "last.safetensors"));
    assert_false(there("stopped", "best.safetensors") || there("stopped", "loss_curves.png"));
    assert_int_equal(events("stopped", "end"), 0);
    lived(CONFIG("stopped", "train.epochs=2"), FOLDER_RESUME);
    same_run("stopped", "command", 1);
}

/* A run that is only opened leaves nothing; one that is at its end has nothing to do. */
static void opened_and_closed(void **state)
{
    (void)state;
    struct config *config = CONFIG("looked", "train.epochs=1");
    struct run *run = opened(config, FOLDER_FRESH);
    assert_false(there("looked", NULL));
    assert_int_equal(run_close(run, 0, &err), 0);
    config_free(config);
    assert_false(there("looked", NULL));
    struct stat before, after;
    assert_int_equal(stat(in("command", "last.safetensors"), &before), 0);
    config = CONFIG("command", "train.epochs=2");
    run = opened(config, FOLDER_RESUME);
    assert_true(run->finished);
    assert_int_equal(run_train(run, &err), 0);
    assert_int_equal(run_report(run, &err), 0);
    assert_int_equal(run_close(run, 0, &err), 0);
    config_free(config);
    assert_int_equal(stat(in("command", "last.safetensors"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

/* An occupied folder is refused, and so is one in which another run works. */
static void refused(void **state)
{
    (void)state;
    struct config *config = CONFIG("command", "train.epochs=2");
    assert_null(run_open(config, &(struct run_options){.use = FOLDER_FRESH}, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_non_null(strstr(err.text, "holds a run already"));
    struct run *run = opened(config, FOLDER_RESUME);
    assert_null(run_open(config, &(struct run_options){.use = FOLDER_RESUME}, &err));
    assert_non_null(strstr(err.text, "another process trains in this folder"));
    assert_int_equal(run_close(run, 0, &err), 0);
    config_free(config);
    config = CONFIG("command", "train.epochs=2", "train.lr=1e-3");
    assert_null(run_open(config, &(struct run_options){.use = FOLDER_RESUME}, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_non_null(strstr(err.text, "train.lr"));
    config_free(config);
}

/* What a run failed with is in its log. */
static void an_error_is_told(void **state)
{
    (void)state;
    struct config *config = CONFIG("failed", "train.epochs=1");
    struct run *run = opened(config, FOLDER_FRESH);
    assert_int_equal(run_train(run, &err), 0);
    error_set(&err, STATUS_FAILED, "the test ends it");
    assert_int_equal(run_close(run, -1, &err), -1);
    assert_string_equal(err.text, "the test ends it");
    config_free(config);
    assert_int_equal(events("failed", "error"), 1);
    assert_int_equal(events("failed", "end"), 0);
}

/* --- the folder of the tests */

static int make_top(void **state)
{
    (void)state;
    FILE *out = mkdtemp(top) ? fopen(in("series.csv", NULL), "w") : NULL;
    if (!out)
        return -1;
    fputs("a,b\n", out);
    for (int i = 0; i < 200; i++) /* cycles of different length, without a random number */
        fprintf(out, "%d.%d,%d\n", i * i % 17, i % 10, (i * 7 + i / 3) % 23);
    return fclose(out);
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st;
    (void)what;
    (void)at;
    return remove(path);
}

static int remove_top(void **state)
{
    (void)state;
    return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_in_two_parts), cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(beside_each_other),   cmocka_unit_test(interrupted_and_resumed),
        cmocka_unit_test(opened_and_closed),   cmocka_unit_test(refused),
        cmocka_unit_test(an_error_is_told),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_top, remove_top);
}
