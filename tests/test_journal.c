/* SPDX-License-Identifier: MIT */
/* The journal of a sweep: its order, cut and damaged lines, writes that fail. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep/journal.h"
#include "util/file.h"

static char folder[64];
static struct log *log_told; /* of what is told, to the file "told" */

/* --- writes that take only so many bytes */

static ssize_t most_written = -1;

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (most_written < 0 || (ssize_t)size <= most_written)
        return __real_write(fd, bytes, size);
    return __real_write(fd, bytes, (size_t)most_written);
}

static int setup(void **state)
{
    struct error err;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_journal.XXXXXX");
    if (!mkdtemp(folder) || chdir(folder) || !freopen("/dev/null", "w", stderr))
        return -1;
    log_told = log_new(LOG_QUIET);
    return log_open(log_told, "told", -1, &err);
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (*entry->d_name != '.') {
            char *name = file_join(path, entry->d_name);
            unlink(name);
            free(name);
        }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static int teardown(void **state)
{
    struct error err;
    (void)state;
    int failed = log_close(log_told, &err);
    remove_all("journal");
    remove_all(folder);
    return failed || chdir("/");
}

/* How many warnings there were. */
static size_t told(void)
{
    struct error err;
    size_t count = 0;
    char *text = file_read("told", 1 << 20, NULL, &err);
    assert_non_null(text);
    for (const char *at = text; (at = strstr(at, "passed over")); at++)
        count++;
    free(text);
    return count;
}

static struct journal *opened(void)
{
    struct error err = {0};
    struct journal *j = journal_open(folder, log_told, &err);
    if (!j)
        fail_msg("%s", err.text);
    return j;
}

static void append(struct journal *j, int value)
{
    struct error err = {0};
    if (journal_append(j, "value", json_pack("{s:i}", "value", value), &err))
        fail_msg("%s", err.text);
}

static void reads(struct journal *j)
{
    struct error err = {0};
    if (journal_read(j, &err))
        fail_msg("%s", err.text);
}

static int value_of(const struct journal *j, size_t i)
{
    return (int)json_integer_value(json_object_get(journal_event(j, i)->object, "value"));
}

static void assert_same(const struct journal *a, const struct journal *b)
{
    assert_int_equal(journal_count(a), journal_count(b));
    for (size_t i = 0; i < journal_count(a); i++) {
        assert_true(json_equal(journal_event(a, i)->object, journal_event(b, i)->object));
        assert_string_equal(journal_event(a, i)->file, journal_event(b, i)->file);
    }
}

/* Puts bytes behind a file of the journal. */
static void put(const char *name, const char *bytes, size_t size)
{
    char *path = file_join("journal", name);
    FILE *f = fopen(path, "a");
    assert_true(f && fwrite(bytes, 1, size, f) == size && !fclose(f));
    free(path);
}

static void puts_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

/* An empty folder has no events, and reading makes nothing. */
static void test_empty(void **state)
{
    (void)state;
    struct journal *j = opened();
    assert_int_equal(journal_count(j), 0);
    assert_int_equal(access("journal", F_OK), -1);
    journal_free(j);
}

/* An event stands behind all that its writer knew, whoever reads, and however often. */
static void test_order(void **state)
{
    (void)state;
    enum { WRITERS = 3, EVENTS = 200 };
    struct journal *writer[WRITERS], *often = opened();
    unsigned random = 12345;
    for (size_t w = 0; w < WRITERS; w++)
        writer[w] = opened();
    for (int i = 0; i < EVENTS; i++) {
        random = random * 1664525 + 1013904223;
        append(writer[(random >> 16) % WRITERS], i);
        if (random >> 30 == 0)
            reads(often);
    }
    reads(often);
    struct journal *once = opened();
    assert_same(often, once);
    assert_int_equal(journal_count(once), EVENTS);
    for (size_t i = 0; i < EVENTS; i++) /* each had read all before it wrote */
        assert_int_equal(value_of(once, i), (int)i);
    for (size_t w = 0; w < WRITERS; w++) {
        reads(writer[w]);
        assert_same(writer[w], once);
        journal_free(writer[w]);
    }
    journal_free(often);
    journal_free(once);
}

/* Of one n, the file's name and then the line decide. */
static void test_ties(void **state)
{
    (void)state;
    assert_int_equal(mkdir("journal", 0777), 0);
    puts_text("b.1.jsonl", "{\"n\":1,\"event\":\"value\",\"value\":3}\n"
                           "{\"n\":1,\"event\":\"value\",\"value\":4}\n");
    puts_text("a.2.jsonl", "{\"n\":2,\"event\":\"value\",\"value\":5}\n"
                           "{\"n\":1,\"event\":\"value\",\"value\":2}\n");
    struct journal *j = opened();
    assert_int_equal(journal_count(j), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(value_of(j, i), (int)i + 2);
    append(j, 6);
    assert_int_equal(journal_event(j, 4)->n, 3);
    journal_free(j);
}

/* A last line without its end is absent until it has one. */
static void test_cut(void **state)
{
    (void)state;
    static const char line[] = "{\"n\":1,\"event\":\"value\",\"value\":7}\n";
    assert_int_equal(mkdir("journal", 0777), 0);
    struct journal *j = opened();
    for (size_t i = 0; line[i]; i++) {
        assert_int_equal(journal_count(j), 0);
        put("a.1.jsonl", line + i, 1);
        reads(j);
    }
    assert_int_equal(journal_count(j), 1);
    assert_int_equal(value_of(j, 0), 7);
    assert_int_equal(told(), 0);
    journal_free(j);
}

/* Lines that are no events are told and passed over. */
static void test_damaged(void **state)
{
    (void)state;
    assert_int_equal(mkdir("journal", 0777), 0);
    puts_text("a.1.jsonl", "{\"n\":1,\"ev{\"n\":2,\"event\":\"value\",\"value\":1}\n"
                           "{\"n\":1,\"event\":\"value\",\"value\":8}\n\n"
                           "{\"n\":0,\"event\":\"value\"}\n{\"n\":2}\n[1]\n"
                           "{\"n\":99999999999999999,\"event\":\"value\"}\n");
    put("a.1.jsonl", "\0\0\0\n", 4);
    puts_text("a.1.jsonl", "{\"n\":2,\"event\":\"value\",\"value\":9}\n");
    puts_text("README", "{\"n\":3,\"event\":\"value\",\"value\":10}\n");
    struct journal *j = opened();
    assert_int_equal(journal_count(j), 2);
    assert_int_equal(value_of(j, 0), 8);
    assert_int_equal(value_of(j, 1), 9);
    assert_int_equal(told(), 6);
    reads(j);
    assert_int_equal(told(), 6);
    journal_free(j);
}

/* A line that is longer than any of ours is passed over as one. */
static void test_long(void **state)
{
    (void)state;
    assert_int_equal(mkdir("journal", 0777), 0);
    size_t size = (size_t)9 << 20;
    char *bytes = malloc(size);
    memset(bytes, 'x', size);
    put("a.1.jsonl", bytes, size);
    free(bytes);
    puts_text("a.1.jsonl", "{\"n\":1,\"event\":\"value\",\"value\":1}\n"
                           "{\"n\":2,\"event\":\"value\",\"value\":11}\n");
    struct journal *j = opened();
    assert_int_equal(journal_count(j), 1);
    assert_int_equal(value_of(j, 0), 11);
    assert_int_equal(told(), 1);
    journal_free(j);
}

/* A write of a part, as on a full disk, is told; what follows it is read. */
static void test_full(void **state)
{
    (void)state;
    struct error err = {0};
    struct journal *j = opened();
    append(j, 1);
    for (ssize_t bytes = 0; bytes < 30; bytes += 10) {
        most_written = bytes;
        assert_int_equal(journal_append(j, "value", json_pack("{s:i}", "value", 2), &err), -1);
        assert_non_null(strstr(err.text, strerror(ENOSPC)));
        assert_int_equal(err.status, STATUS_FAILED);
        most_written = -1;
        append(j, 3);
    }
    struct journal *other = opened();
    assert_same(j, other);
    assert_int_equal(journal_count(j), 4);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(value_of(j, i), 3);
    journal_free(j);
    journal_free(other);
}

/* Nobody writes to a file that is there, not even to one of his own number. */
static void test_own(void **state)
{
    (void)state;
    struct journal *a = opened(), *b = opened();
    append(a, 1);
    append(b, 2);
    assert_int_equal(journal_count(b), 2);
    assert_string_not_equal(journal_event(b, 0)->file, journal_event(b, 1)->file);
    journal_free(a);
    journal_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
