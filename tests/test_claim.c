/* SPDX-License-Identifier: MIT */
/* Claims of runs: one process at a time has a run, whatever others do and however processes end. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep/claim.h"
#include "util/file.h"

static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_claim.XXXXXX");
    return !mkdtemp(folder);
}

static int teardown(void **state)
{
    (void)state;
    char *path = file_join(folder, "claim");
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (*entry->d_name != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    int failed = dir && rmdir(path);
    free(path);
    return failed || rmdir(folder);
}

static int take(size_t run, unsigned stale, struct claim **claim, struct claim_look *look)
{
    struct error err = {0};
    int taken = claim_take(folder, run, stale, claim, look, &err);
    if (taken < 0)
        fail_msg("%s", err.text);
    return taken;
}

static struct claim_look looked(size_t run)
{
    struct claim_look look;
    struct error err = {0};
    if (claim_look(folder, run, &look, &err))
        fail_msg("%s", err.text);
    return look;
}

/* A claim of a machine that is not this one: who has it cannot be looked up. */
static void put_foreign(size_t run, unsigned generation, const char *is_free)
{
    char name[128], text[256];
    struct error err = {0};
    snprintf(name, sizeof name, "%s/claim", folder);
    assert_int_equal(file_mkdir(name, &err), 0);
    snprintf(name, sizeof name, "%s/claim/%zu.%u", folder, run, generation);
    int n = snprintf(text, sizeof text,
                     "{\"host\":\"far\",\"pid\":1,\"place\":\"elsewhere\",\"begun\":\"1\","
                     "\"beats\":3,\"free\":%s}   \n",
                     is_free);
    assert_int_equal(file_write(name, text, (size_t)n, &err), 0);
}

/* Taken, refused to others, given back, taken again. */
static void test_take(void **state)
{
    (void)state;
    struct claim *a = NULL, *b = NULL;
    struct claim_look look;
    char self[32];
    assert_int_equal(looked(3).state, CLAIM_FREE);
    assert_int_equal(take(3, 0, &a, &look), 0);
    assert_int_equal(take(3, 0, &b, &look), 1);
    assert_int_equal(look.state, CLAIM_HELD);
    snprintf(self, sizeof self, "process %ld of ", (long)getpid());
    assert_non_null(strstr(look.holder, self));
    assert_int_equal(take(4, 0, &b, &look), 0);
    claim_release(b);
    claim_release(a);
    assert_int_equal(looked(3).state, CLAIM_FREE);
    assert_int_equal(take(3, 0, &a, &look), 0);
    assert_int_equal(looked(3).generation, 2);
    claim_release(a);
}

/* A heartbeat changes the content; one that somebody else took is lost. */
static void test_renew(void **state)
{
    (void)state;
    struct claim *a = NULL;
    struct claim_look look, later;
    assert_int_equal(take(1, 0, &a, &look), 0);
    look = looked(1);
    assert_int_equal(claim_renew(a), 0);
    later = looked(1);
    assert_string_not_equal(look.content, later.content);
    assert_int_equal(later.state, CLAIM_HELD);
    put_foreign(1, 2, "false");
    assert_int_equal(claim_renew(a), 1);
    claim_release(a);
    assert_int_equal(looked(1).state, CLAIM_HELD); /* the other's stays */
}

/* Without a heartbeat for two minutes of the reader's clock a claim is stale. */
static void test_stale(void **state)
{
    (void)state;
    struct claim_watch watch = {0};
    struct claim_look look;
    struct claim *a = NULL;
    put_foreign(1, 1, "false");
    look = looked(1);
    assert_int_equal(look.state, CLAIM_HELD);
    assert_int_equal(claim_is_stale(&watch, &look, 1e6), 0);
    assert_int_equal(claim_is_stale(&watch, &look, 1e6 + 119), 0);
    look.content[1] ^= 1; /* a heartbeat */
    assert_int_equal(claim_is_stale(&watch, &look, 1e6 + 121), 0);
    assert_int_equal(claim_is_stale(&watch, &look, 1e6 + 240), 0);
    assert_int_equal(claim_is_stale(&watch, &look, 1e6 + 242), 1);
    assert_int_equal(take(1, 0, &a, &look), 1);
    assert_int_equal(take(1, 1, &a, &look), 0);
    claim_release(a);
    assert_int_equal(take(1, 1, &a, &look), 0); /* it is free */
    struct claim *b = NULL;
    assert_int_equal(take(1, 1, &b, &look), 1); /* another than the stale one */
    claim_release(a);
    put_foreign(2, 1, "true");
    assert_int_equal(looked(2).state, CLAIM_FREE);
}

/* What cannot be read is held by somebody. */
static void test_unreadable(void **state)
{
    (void)state;
    struct error err = {0};
    struct claim_look look;
    struct claim *a = NULL;
    char name[128];
    put_foreign(1, 1, "false");
    snprintf(name, sizeof name, "%s/claim/1.1", folder);
    assert_int_equal(file_write(name, "{\"ho", 4, &err), 0);
    assert_int_equal(take(1, 0, &a, &look), 1);
    assert_string_equal(look.holder, "another process");
    assert_int_equal(file_write(name, "", 0, &err), 0);
    assert_int_equal(take(1, 0, &a, &look), 1);
}

/* A process takes each of `runs` runs that it can get; a byte for each that it got and a 0, by
 * pipe. */
static void compete(int from, int to, size_t runs, unsigned stale)
{
    char byte;
    struct error err;
    struct claim_look look;
    struct claim *claim;
    if (read(from, &byte, 1)) /* all begin when the pipe is closed */
        _exit(1);
    for (size_t run = 1; run <= runs; run++) {
        byte = (char)run;
        int got = claim_take(folder, run, stale, &claim, &look, &err);
        if (got < 0 || (!got && write(to, &byte, 1) != 1))
            _exit(1);
    }
    byte = 0;
    if (write(to, &byte, 1) == 1)
        pause(); /* the claims are held until the end */
    _exit(1);
}

/* Many processes: each run is had by one of them. `stale`: of claims that are there. */
static void race(unsigned stale)
{
    enum { PROCESSES = 8, RUNS = 40 };
    int start[2], told[2], had[RUNS + 1] = {0};
    pid_t child[PROCESSES];
    assert_int_equal(pipe(start) | pipe(told), 0);
    for (size_t i = 0; i < PROCESSES; i++)
        if (!(child[i] = fork())) {
            close(start[1]);
            compete(start[0], told[1], RUNS, stale);
        }
    close(start[0]);
    close(start[1]);
    close(told[1]);
    for (size_t i = 0; i < RUNS + PROCESSES; i++) { /* nobody looks at claims any more */
        char byte = 0;
        assert_int_equal(read(told[0], &byte, 1), 1);
        had[(size_t)byte]++;
    }
    for (size_t run = 1; run <= RUNS; run++) {
        assert_int_equal(had[run], 1);
        assert_int_equal(looked(run).state, CLAIM_HELD);
        assert_int_equal(looked(run).generation, stale + 1);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status;
        kill(child[i], SIGKILL);
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFSIGNALED(status));
    }
    close(told[0]);
    for (size_t run = 1; run <= RUNS; run++)
        assert_int_equal(looked(run).state, CLAIM_GONE);
}

/* ... of free runs, then of those that killed processes had. */
static void test_race(void **state)
{
    (void)state;
    race(0);
    struct claim *a = NULL;
    struct claim_look look;
    assert_int_equal(take(1, 0, &a, &look), 0);
    assert_int_equal(looked(1).generation, 2);
    claim_release(a);
}

/* ... of runs whose holders have no heartbeat. */
static void test_race_stale(void **state)
{
    (void)state;
    for (size_t run = 1; run <= 40; run++)
        put_foreign(run, 1, "false");
    race(1);
}

/* A process that has ended but whose parent has not looked yet is gone. */
static void test_zombie(void **state)
{
    (void)state;
    pid_t child = fork();
    struct claim *a = NULL;
    struct claim_look look;
    struct error err;
    siginfo_t info;
    if (!child)
        _exit(claim_take(folder, 1, 0, &a, &look, &err) ? 1 : 0);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(info.si_status, 0);
    assert_int_equal(looked(1).state, CLAIM_GONE);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(take(1, 0, &a, &look), 0);
    claim_release(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_take, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zombie, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
