/* SPDX-License-Identifier: MIT */
/* Files that appear whole or not at all, and folders. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/file.h"

static struct error err;
static char folder[] = "/tmp/seqtrain-file-XXXXXX";

/* "folder/name", good until the call after the next. */
static const char *in(const char *name)
{
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int exists(const char *path)
{
    struct stat st;
    return !lstat(path, &st);
}

/* How many files there are. */
static int files(void)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir));)
        n += d->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* The file's whole text. */
static void assert_text(const char *path, const char *want)
{
    char *text = file_read(path, 100, NULL, &err);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder); /* every test leaves the folder empty */
}

static void test_write_and_read(void **state)
{
    (void)state;
    const char bytes[] = "one\0two\n";
    assert_int_equal(file_write(in("a"), bytes, sizeof bytes, &err), 0);
    size_t size = 0;
    char *back = file_read(in("a"), 100, &size, &err);
    assert_non_null(back);
    assert_int_equal(size, sizeof bytes);
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_int_equal(back[size], 0);
    free(back);
    assert_int_equal(files(), 1);
    assert_int_equal(file_write(in("a"), "", 0, &err), 0);
    assert_non_null(back = file_read(in("a"), 100, &size, &err));
    assert_int_equal(size, 0);
    free(back);
    unlink(in("a"));
}

/* Until it is committed the old file stands; an aborted one leaves no trace. */
static void test_whole_or_not_at_all(void **state)
{
    (void)state;
    assert_int_equal(file_write(in("a"), "old", 3, &err), 0);
    struct file_draft *draft = file_begin(in("a"), &err);
    assert_non_null(draft);
    fputs("half", draft->stream);
    fflush(draft->stream);
    assert_text(in("a"), "old");
    assert_int_equal(files(), 2);
    file_abort(draft);
    assert_int_equal(files(), 1);

    draft = file_begin(in("a"), &err);
    fputs("new", draft->stream);
    assert_int_equal(file_commit(draft, &err), 0);
    assert_text(in("a"), "new");
    assert_int_equal(files(), 1);
    unlink(in("a"));
}

/* Drafts of one name do not meet, and no link that lies where a draft goes is followed. */
static void test_drafts_apart(void **state)
{
    (void)state;
    char own[32];
    snprintf(own, sizeof own, "a.%ld.tmp", (long)getpid());
    assert_int_equal(file_write(in("victim"), "safe", 4, &err), 0);
    assert_int_equal(symlink("victim", in("a.tmp")), 0);
    assert_int_equal(symlink("victim", in(own)), 0);
    struct file_draft *one = file_begin(in("a"), &err), *two = file_begin(in("a"), &err);
    assert_non_null(one);
    assert_non_null(two);
    fputs("one", one->stream);
    fputs("two", two->stream);
    assert_int_equal(file_commit(two, &err), 0);
    assert_text(in("a"), "two");
    assert_int_equal(file_commit(one, &err), 0);
    assert_text(in("a"), "one");
    assert_text(in("victim"), "safe");
    assert_int_equal(files(), 4);
    unlink(in("a.tmp"));
    unlink(in(own));
    unlink(in("victim"));
    unlink(in("a"));
}

/* A new file has the mode that the umask leaves, whether it replaces another or not. */
static void test_mode(void **state)
{
    (void)state;
    struct stat st;
    mode_t before = umask(027);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(file_write(in("a"), "x", 1, &err), 0);
        assert_int_equal(stat(in("a"), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        chmod(in("a"), 0600);
    }
    umask(before);
    unlink(in("a"));
}

/* Set: no file may have a second name. */
static int no_links;
int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to)
{
    if (no_links)
        errno = EPERM;
    return no_links ? -1 : __real_link(from, to);
}

/* What was there is kept under another name, where there is anything. */
static void keep(int without_links)
{
    static const char *const texts[] = {"1", "2", "3"};
    no_links = without_links;
    for (int i = 0; i < 3; i++) {
        struct file_draft *draft = file_begin(in("a"), &err);
        assert_non_null(draft);
        fputs(texts[i], draft->stream);
        assert_int_equal(file_commit_keeping(draft, in("a.1"), &err), 0);
        assert_text(in("a"), texts[i]);
        assert_int_equal(files(), i ? 2 : 1);
        if (i)
            assert_text(in("a.1"), texts[i - 1]);
    }
    /* where that name cannot be had all stays as it is */
    struct file_draft *draft = file_begin(in("a"), &err);
    assert_int_equal(mkdir(in("b"), 0700), 0);
    assert_int_equal(file_commit_keeping(draft, in("b"), &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_text(in("a"), "3");
    assert_int_equal(files(), 3);
    no_links = 0;
    rmdir(in("b"));
    unlink(in("a"));
    unlink(in("a.1"));
}

static void test_keeping(void **state)
{
    (void)state;
    keep(0);
    keep(1);
}

/* What killed processes left of a name goes, nothing else does, and nothing that is still young. */
static void test_sweep(void **state)
{
    (void)state;
    static const char *const left[] = {"a.tmp", "a.12.tmp", "a.12-3.tmp"};
    static const char *const other[] = {"a",       "b.12.tmp", "aa.tmp",      "a.12.tmp.b",
                                        "a12.tmp", "a.1",      "a.notes.tmp", "a.1.old.tmp"};
    enum { OTHER = sizeof other / sizeof *other };
    for (size_t i = 0; i < OTHER; i++)
        assert_int_equal(file_write(in(other[i]), "x", 1, &err), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(file_write(in(left[i]), "x", 1, &err), 0);
    assert_int_equal(symlink("a", in(left[2])), 0);
    file_sweep(in("a"), 3600);
    assert_int_equal(files(), OTHER + 3);
    file_sweep(in("a"), 0);
    assert_int_equal(files(), OTHER);
    for (size_t i = 0; i < OTHER; i++) {
        assert_text(in(other[i]), "x");
        unlink(in(other[i]));
    }
    file_sweep(in("no/such/folder"), 0);
}

/* A disk that is full, be it early or only when the file is flushed: files may not grow further. */
static void test_full_disk(void **state)
{
    (void)state;
    const size_t sizes[] = {10, 1 << 20};
    char *bytes = calloc(1, sizes[1]);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 5;
    fflush(stdout);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(file_write(in("a"), "old", 3, &err), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        int failed = file_write(in("a"), bytes, sizes[i], &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(failed, -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, "File too large"));
        assert_memory_equal(err.text, folder, strlen(folder));
        assert_int_equal(files(), 1);
        assert_text(in("a"), "old");
        unlink(in("a"));
    }
    signal(SIGXFSZ, handler);
    free(bytes);
}

static void test_unwritable(void **state)
{
    (void)state;
    assert_null(file_begin(in("no/such/folder"), &err));
    assert_int_equal(err.status, STATUS_FAILED);
    assert_non_null(strstr(err.text, "no/such/folder: No such file"));

    /* The name is taken by a folder: the rename fails and the file aside goes. */
    assert_int_equal(mkdir(in("taken"), 0700), 0);
    assert_int_equal(file_write(in("taken"), "x", 1, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_int_equal(files(), 1);
    rmdir(in("taken"));
}

static void test_read_limit(void **state)
{
    (void)state;
    enum { SIZE = 200000 }; /* more than the first room */
    char *bytes = malloc(SIZE);
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7);
    assert_int_equal(file_write(in("a"), bytes, SIZE, &err), 0);
    size_t size;
    char *back = file_read(in("a"), SIZE, &size, &err);
    assert_non_null(back);
    assert_int_equal(size, SIZE);
    assert_memory_equal(back, bytes, SIZE);
    free(back);
    assert_null(file_read(in("a"), SIZE - 1, &size, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "larger than 199999 bytes"));
    assert_null(file_read("/dev/zero", 1000, &size, &err)); /* an endless file ends */
    assert_int_equal(err.status, STATUS_INPUT);
    assert_null(file_read(in("b"), 10, &size, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_null(file_read(folder, 10, &size, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "directory"));
    free(bytes);
    unlink(in("a"));
}

static void test_mkdir(void **state)
{
    (void)state;
    assert_int_equal(file_mkdir(in("x/y//z/"), &err), 0);
    assert_true(exists(in("x/y/z")));
    assert_int_equal(file_mkdir(in("x/y/z"), &err), 0);
    assert_int_equal(file_mkdir("/", &err), 0);
    assert_int_equal(file_mkdir(".", &err), 0);
    assert_int_equal(file_mkdir("", &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_int_equal(file_write(in("f"), "", 0, &err), 0);
    assert_int_equal(file_mkdir(in("f"), &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_int_equal(file_mkdir(in("f/g"), &err), -1);
    char *real = file_real(in("x/./y/../y/")), *other = file_real(in("x/y"));
    assert_non_null(real);
    assert_string_equal(real, other);
    free(real);
    free(other);
    real = file_real(in("x/y/new/er/")); /* of which nothing is there */
    other = file_real(in("x/y"));
    assert_int_equal(strncmp(real, other, strlen(other)), 0);
    assert_string_equal(real + strlen(other), "/new/er");
    free(real);
    free(other);
    real = file_real("new");
    other = file_real("");
    assert_int_equal(strncmp(real, other, strlen(other)), 0);
    assert_string_equal(real + strlen(other), "/new");
    free(real);
    free(other);
    assert_int_equal(file_is_folder(in("x/y")), 1);
    assert_int_equal(file_is_folder(in("f")), 0);
    assert_int_equal(errno, 0);
    assert_int_equal(file_is_folder(in("g")), 0);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_is_folder(in("f/g")), 0);
    assert_int_equal(errno, ENOTDIR);
    assert_non_null(strstr(err.text, "f/g"));
    unlink(in("f"));
    rmdir(in("x/y/z"));
    rmdir(in("x/y"));
    rmdir(in("x"));
}

static void test_join(void **state)
{
    (void)state;
    const char *cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}, {"a", "", "a/"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = file_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_whole_or_not_at_all),
        cmocka_unit_test(test_drafts_apart),   cmocka_unit_test(test_mode),
        cmocka_unit_test(test_keeping),        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_full_disk),      cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_read_limit),     cmocka_unit_test(test_mkdir),
        cmocka_unit_test(test_join),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
