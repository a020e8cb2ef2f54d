/* SPDX-License-Identifier: MIT */
/*
 * folder: what a run folder holds is told, or why it cannot be; one process at a time works in it.
 * Calls of the system fail as told.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "run/folder.h"
#include "util/file.h"

static char top[] = "folder-test-XXXXXX";
static char run[64];
static struct error err;

/* What a call fails with where the path ends with this (NULL: nowhere). */
static const char *bad_name;
static int bad_lstat, bad_flock, bad_join;

int __real_lstat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st)
{
    size_t n = bad_name ? strlen(bad_name) : 0, all = strlen(path);
    if (!n || n > all || strcmp(path + all - n, bad_name) || !bad_lstat)
        return __real_lstat(path, st);
    errno = bad_lstat;
    return -1;
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
    if (!bad_flock)
        return __real_flock(fd, operation);
    errno = bad_flock;
    return -1;
}

char *__real_file_join(const char *folder, const char *name);
char *__wrap_file_join(const char *folder, const char *name);
char *__wrap_file_join(const char *folder, const char *name)
{
    return bad_join && bad_name && !strcmp(name, bad_name) ? NULL : __real_file_join(folder, name);
}

static const char *in(const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", run, name);
    return path[turn];
}

static void put(const char *name)
{
    FILE *f = fopen(in(name), "w");
    assert_non_null(f);
    fputs(name, f);
    fclose(f);
}

static int there(const char *name)
{
    struct stat st;
    return !__real_lstat(in(name), &st);
}

static int set_up(void **state)
{
    (void)state;
    bad_name = NULL;
    bad_lstat = bad_flock = bad_join = 0;
    snprintf(run, sizeof run, "%s/run", top);
    return mkdir(run, 0777);
}

static int tear_down(void **state)
{
    (void)state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", run);
    return system(command);
}

static struct folder folder_of(enum folder_use use, int lock)
{
    struct folder f;
    struct config config = {.run = {.output = run, .lock = lock}};
    folder_init(&f, &config, use);
    return f;
}

static void test_empty(void **state)
{
    (void)state;
    struct folder f = folder_of(FOLDER_FRESH, 1);
    assert_int_equal(folder_enter(&f, 0, &err), 0);
    assert_true(f.entered && f.lock >= 0);
    assert_false(f.last || f.former);
    assert_int_equal(folder_enter(&f, 1, &err), 0); /* again: nothing to do */
    folder_fini(&f);
    assert_true(there("run.lock"));
}

/* A folder that is not there is made when the run begins, not before. */
static void test_made_late(void **state)
{
    (void)state;
    struct folder f = folder_of(FOLDER_FRESH, 1);
    struct stat st;
    assert_int_equal(rmdir(run), 0);
    assert_int_equal(folder_enter(&f, 0, &err), 0);
    assert_false(f.entered);
    assert_int_equal(__real_lstat(run, &st), -1);
    assert_int_equal(folder_enter(&f, 1, &err), 0);
    assert_true(f.entered && there("run.lock"));
    folder_fini(&f);
}

/* A run that came between the first look and the second is not taken for nothing. */
static void test_overtaken(void **state)
{
    (void)state;
    static const enum folder_use all[] = {FOLDER_FRESH, FOLDER_RESUME, FOLDER_OVERWRITE};
    static const enum status status[] = {STATUS_USAGE, STATUS_FAILED, STATUS_FAILED};
    for (int i = 0; i < 3; i++) {
        struct folder f = folder_of(all[i], 1);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(folder_enter(&f, 0, &err), 0);
        assert_int_equal(set_up(state), 0);
        put("last.safetensors");
        assert_int_equal(folder_enter(&f, 1, &err), -1);
        assert_int_equal(err.status, status[i]);
        folder_fini(&f);
    }
}

static void test_occupied(void **state)
{
    (void)state;
    static const char *const one[] = {"last.safetensors", "last.1.safetensors", "config.ini",
                                      "log.jsonl"};
    for (size_t i = 0; i < 4; i++) {
        struct folder f = folder_of(FOLDER_FRESH, 1);
        put(one[i]);
        assert_int_equal(folder_enter(&f, 0, &err), -1);
        assert_int_equal(err.status, STATUS_USAGE);
        assert_false(there("run.lock"));
        f = folder_of(FOLDER_RESUME, 1);
        assert_int_equal(folder_enter(&f, 0, &err), 0);
        assert_int_equal(f.last, i == 0);
        assert_int_equal(f.former, i == 1);
        folder_fini(&f);
        assert_int_equal(unlink(in("run.lock")), 0);
        assert_int_equal(unlink(in(one[i])), 0);
    }
    put("spectrum.png"); /* a picture alone */
    struct folder f = folder_of(FOLDER_FRESH, 1);
    assert_int_equal(folder_enter(&f, 0, &err), 0);
    folder_fini(&f);
}

/* Only ENOENT is absence: a checkpoint that cannot be looked at is not missing. */
static void test_cannot_be_told(void **state)
{
    (void)state;
    static const int causes[] = {EIO, EACCES, ENOMEM, ELOOP, ENOTDIR, ESTALE};
    static const char *const names[] = {"/last.safetensors", "/last.1.safetensors", "/config.ini"};
    put("last.safetensors");
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        for (size_t k = 0; k < 3; k++) {
            struct folder f = folder_of(FOLDER_RESUME, 1);
            bad_name = names[k];
            bad_lstat = causes[i];
            assert_int_equal(folder_enter(&f, 0, &err), -1);
            assert_int_equal(err.status, STATUS_FAILED);
            assert_non_null(strstr(err.text, strerror(causes[i])));
            assert_non_null(strstr(err.text, names[k]));
            assert_false(there("run.lock"));
            folder_fini(&f);
        }
    bad_lstat = 0;
    bad_join = 1;
    static const char *const joined[] = {"last.safetensors", "last.1.safetensors", "run.lock"};
    for (size_t k = 0; k < 3; k++) {
        struct folder f = folder_of(FOLDER_RESUME, 1);
        bad_name = joined[k];
        assert_int_equal(folder_enter(&f, 0, &err), -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, "out of memory"));
        folder_fini(&f);
    }
    assert_true(there("last.safetensors"));
}

/* A link to nowhere is a name that is taken. */
static void test_link(void **state)
{
    (void)state;
    struct folder f = folder_of(FOLDER_RESUME, 1);
    assert_int_equal(symlink("nowhere", in("last.safetensors")), 0);
    assert_int_equal(folder_enter(&f, 0, &err), 0);
    assert_true(f.last);
    folder_fini(&f);
    assert_int_equal(unlink(in("run.lock")), 0);
    put("victim");
    assert_int_equal(symlink("victim", in("run.lock")), 0);
    f = folder_of(FOLDER_RESUME, 1);
    assert_int_equal(folder_enter(&f, 0, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    folder_fini(&f);
}

static void test_lock(void **state)
{
    (void)state;
    struct folder one = folder_of(FOLDER_FRESH, 1), two = folder_of(FOLDER_OVERWRITE, 1),
                  three = folder_of(FOLDER_OVERWRITE, 0);
    assert_int_equal(folder_enter(&one, 0, &err), 0);
    assert_int_equal(folder_enter(&two, 0, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_non_null(strstr(err.text, "another process trains in this folder"));
    folder_fini(&two);
    assert_int_equal(folder_enter(&three, 0, &err), 0); /* run.lock = no */
    assert_int_equal(three.lock, -1);
    assert_int_equal(folder_clear(&one, &err), 0);
    assert_true(there("run.lock"));
    two = folder_of(FOLDER_OVERWRITE, 1);
    assert_int_equal(folder_enter(&two, 0, &err), -1);
    folder_fini(&two);
    folder_fini(&one);
    two = folder_of(FOLDER_OVERWRITE, 1);
    assert_int_equal(folder_enter(&two, 0, &err), 0);
    folder_fini(&two);
}

/* The lock of a process ends with it, however it ends. */
static void test_lock_of_the_dead(void **state)
{
    (void)state;
    int ready[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        struct folder f = folder_of(FOLDER_FRESH, 1);
        if (!folder_enter(&f, 0, &err) && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    struct folder f = folder_of(FOLDER_FRESH, 1);
    assert_int_equal(folder_enter(&f, 0, &err), -1);
    folder_fini(&f);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    f = folder_of(FOLDER_FRESH, 1);
    assert_int_equal(folder_enter(&f, 0, &err), 0);
    folder_fini(&f);
    close(ready[0]);
    close(ready[1]);
}

/* A file system that knows no locks: the run stops, and says what does without. */
static void test_no_locks(void **state)
{
    (void)state;
    static const int causes[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
    for (size_t i = 0; i < 3; i++) {
        struct folder f = folder_of(FOLDER_FRESH, 1);
        bad_flock = causes[i];
        assert_int_equal(folder_enter(&f, 0, &err), -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, "run.lock = no"));
        assert_non_null(strstr(err.text, strerror(causes[i])));
        folder_fini(&f);
        f = folder_of(FOLDER_FRESH, 0);
        assert_int_equal(folder_enter(&f, 0, &err), 0);
        folder_fini(&f);
    }
}

/* What is a run's goes, but for the lock; what killed processes left goes while the lock is held.
 */
static void test_clear_and_sweep(void **state)
{
    (void)state;
    static const char *const gone[] = {"last.safetensors", "last.1.safetensors", "best.safetensors",
                                       "log.jsonl", "spectrum.png"};
    static const char *const left[] = {"notes.txt", "last.2.safetensors", "notes.txt.1.tmp"};
    for (size_t i = 0; i < 5; i++)
        put(gone[i]);
    for (size_t i = 0; i < 3; i++)
        put(left[i]);
    put("last.safetensors.12.tmp");
    struct folder f = folder_of(FOLDER_OVERWRITE, 0);
    assert_int_equal(folder_enter(&f, 0, &err), 0);
    folder_sweep(&f);
    assert_true(there("last.safetensors.12.tmp"));
    f = folder_of(FOLDER_OVERWRITE, 1);
    assert_int_equal(folder_enter(&f, 0, &err), 0);
    folder_sweep(&f);
    assert_false(there("last.safetensors.12.tmp"));
    assert_int_equal(folder_clear(&f, &err), 0);
    for (size_t i = 0; i < 5; i++)
        assert_false(there(gone[i]));
    for (size_t i = 0; i < 3; i++)
        assert_true(there(left[i]));
    assert_true(there("run.lock"));
    folder_fini(&f);
}

static int make_top(void **state)
{
    (void)state;
    return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
    (void)state;
    return rmdir(top);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_empty),
        TEST(test_made_late),
        TEST(test_overtaken),
        TEST(test_occupied),
        TEST(test_link),
        TEST(test_cannot_be_told),
        TEST(test_lock),
        TEST(test_no_locks),
        TEST(test_lock_of_the_dead),
        TEST(test_clear_and_sweep),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_top, remove_top);
}
