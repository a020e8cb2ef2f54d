/* SPDX-License-Identifier: MIT */
/* Files that appear whole or not at all, and folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    assert_false(exists(in("a.tmp")));
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
    FILE *stream = file_begin(in("a"), &err);
    assert_non_null(stream);
    fputs("half", stream);
    fflush(stream);
    char *now = file_read(in("a"), 100, NULL, &err);
    assert_string_equal(now, "old");
    free(now);
    file_abort(stream, in("a"));
    assert_false(exists(in("a.tmp")));

    stream = file_begin(in("a"), &err);
    fputs("new", stream);
    assert_int_equal(file_commit(stream, in("a"), &err), 0);
    assert_non_null(now = file_read(in("a"), 100, NULL, &err));
    assert_string_equal(now, "new");
    free(now);
    unlink(in("a"));
}

/* The file aside is /dev/full: writing it fails, be it early or only when it is flushed. */
static void test_full_disk(void **state)
{
    (void)state;
    const size_t sizes[] = {10, 1 << 20};
    char *bytes = calloc(1, sizes[1]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(file_write(in("a"), "old", 3, &err), 0);
        assert_int_equal(symlink("/dev/full", in("a.tmp")), 0);
        assert_int_equal(file_write(in("a"), bytes, sizes[i], &err), -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, "No space left on device"));
        assert_memory_equal(err.text, folder, strlen(folder));
        assert_false(exists(in("a.tmp")));
        char *now = file_read(in("a"), 100, NULL, &err);
        assert_string_equal(now, "old");
        free(now);
        unlink(in("a"));
    }
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
    assert_false(exists(in("taken.tmp")));
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
        cmocka_unit_test(test_full_disk),      cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_read_limit),     cmocka_unit_test(test_mkdir),
        cmocka_unit_test(test_join),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
