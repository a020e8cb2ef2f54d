/* SPDX-License-Identifier: MIT */
/* hook: commands that are run at events, what they are told, and that none stays behind. */
#include "log/hook.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/file.h"
#include "util/words.h"

static char folder[] = "/tmp/test_hook.XXXXXX";
static struct error err;

static const struct hook_event event = {.event = "warning",
                                        .level = "warning",
                                        .message = "it's \"so\"",
                                        .json = "{\"a\":1}",
                                        .run = "a run",
                                        .folder = "runs/a"};

static void words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words[6];
    } cases[] = {{"", {NULL}},
                 {"   \t", {NULL}},
                 {"a", {"a"}},
                 {"  a  bc ", {"a", "bc"}},
                 {"a 'b c'  \"d 'e\" f", {"a", "b c", "d 'e", "f"}},
                 {"x'y z'w", {"xy zw"}},
                 {"'' \"\" a", {"", "", "a"}},
                 {"a\\ b", {"a\\", "b"}},
                 {"'a\"b'", {"a\"b"}},
                 {"a b c d e", {"a", "b", "c", "d", "e"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char **cut = words_cut(cases[i].text);
        size_t k = 0;
        assert_non_null(cut);
        assert_true(words_are_whole(cases[i].text));
        for (; cases[i].words[k]; k++) {
            assert_non_null(cut[k]);
            assert_string_equal(cut[k], cases[i].words[k]);
        }
        assert_null(cut[k]);
        free(cut);
    }
    assert_false(words_are_whole("a 'b"));
    assert_false(words_are_whole("a \"b'"));
    assert_false(words_are_whole("'a' 'b"));
}

static struct hook *hook_of(const char *command, double seconds)
{
    struct hook *hook = hook_new(command, seconds);
    assert_non_null(hook);
    return hook;
}

/* Nothing of ours runs or waits to be reaped. */
static void nobody_is_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static char *file(const char *name)
{
    char *text = file_read(name, 1 << 16, NULL, &err);
    if (!text)
        fail_msg("%s", err.text);
    unlink(name);
    return text;
}

static void what_it_is_told(void **state)
{
    (void)state;
    char fault[HOOK_FAULT];
    setenv("SEQTRAIN_EVENT", "an older one", 1);
    setenv("OTHER", "stays", 1);
    signal(SIGPIPE, SIG_IGN);
    struct hook *hook =
        hook_of("sh -c 'printf \"%s|\" \"$@\" \"$SEQTRAIN_EVENT\" \"$SEQTRAIN_LEVEL\" "
                "\"$SEQTRAIN_MESSAGE\" \"$SEQTRAIN_JSON\" \"$SEQTRAIN_RUN\" \"$SEQTRAIN_FOLDER\" "
                "\"$OTHER\" \"$(cat)\" >told; kill -PIPE $$' name 'two words'",
                30);
    hook_run(hook, &event, 0);
    hook_close(hook, fault);
    signal(SIGPIPE, SIG_DFL);
    char *text = file("told");
    assert_string_equal(text,
                        "two words|warning|warning|it's \"so\"|{\"a\":1}|a run|runs/a|stays||");
    assert_string_equal(fault, "sh was ended by signal 13"); /* which this process ignores */
    free(text);
    nobody_is_left();
}

/* What goes wrong is told once, the first time. */
static void what_goes_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *command, *fault;
    } cases[] = {
        {"sh -c 'exit 3'", "sh ended with status 3"},
        {"/no/such/program", "/no/such/program cannot be started: No such file or directory"},
        {"true", ""},
        {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char fault[HOOK_FAULT];
        const char *told = NULL;
        struct hook *hook = hook_of(cases[i].command, 30);
        hook_run(hook, &event, 0);
        for (int k = 0; k < 3000 && !told && *cases[i].fault; k++, poll(NULL, 0, 10))
            told = hook_tend(hook);
        assert_string_equal(told ? told : "", cases[i].fault);
        hook_run(hook, &event, 0);
        hook_close(hook, fault);
        assert_string_equal(fault, "");
        nobody_is_left();
    }
    char fault[HOOK_FAULT] = "x";
    hook_close(NULL, fault);
    assert_string_equal(fault, "");
}

/* One that hangs is killed, with what it has started. */
static void one_that_hangs(void **state)
{
    (void)state;
    char fault[HOOK_FAULT];
    struct hook *hook = hook_of("sh -c 'sleep 1000 & echo $! >pid.new; mv pid.new pid; wait'", 2);
    hook_run(hook, &event, 0);
    for (int k = 0; k < 3000 && access("pid", F_OK); k++)
        poll(NULL, 0, 10);
    hook_close(hook, fault);
    char *text = file("pid");
    int gone = 0;
    for (int k = 0; k < 3000 && !gone; k++, poll(NULL, 0, 10)) {
        char path[64], *stat;
        snprintf(path, sizeof path, "/proc/%ld/stat", atol(text));
        stat = file_read(path, 1 << 16, NULL, &err); /* its reaper may take its time */
        gone = !stat || strstr(stat, ") Z ");
        free(stat);
    }
    assert_true(gone);
    assert_string_equal(fault, "sh took too long, and was killed");
    free(text);
    nobody_is_left();
}

/* Eight at a time; what can be missed is started only alone. */
static void many_at_a_time(void **state)
{
    (void)state;
    char fault[HOOK_FAULT];
    struct hook *hook =
        hook_of("sh -c 'while [ ! -e go ]; do sleep 0.01; done; echo x >>count'", 60);
    unlink("go");
    for (int i = 0; i < 8; i++)
        hook_run(hook, &event, 0);
    hook_run(hook, &event, 1);
    assert_null(hook_tend(hook));
    hook_run(hook, &event, 0);
    const char *told = hook_tend(hook);
    assert_non_null(told);
    assert_string_equal(told, "sh was not started for an event: too many of it still run");
    assert_int_equal(file_write("go", "", 0, &err), 0);
    hook_close(hook, fault);
    assert_string_equal(fault, "");
    char *text = file("count");
    assert_string_equal(text, "x\nx\nx\nx\nx\nx\nx\nx\n");
    free(text);
    hook = hook_of("sh -c 'echo x >>count'", 60);
    hook_run(hook, &event, 1);
    hook_close(hook, fault);
    text = file("count");
    assert_string_equal(text, "x\n");
    free(text);
    unlink("go");
    nobody_is_left();
}

static int make_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder) || chdir(folder) ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return chdir("/") || rmdir(folder);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),           cmocka_unit_test(what_it_is_told),
        cmocka_unit_test(what_goes_wrong), cmocka_unit_test(one_that_hangs),
        cmocka_unit_test(many_at_a_time),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
