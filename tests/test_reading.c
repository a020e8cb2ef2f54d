/* SPDX-License-Identifier: MIT */
/*
 * What every reader of files does with a pipe that nobody writes to, with a slow writer, and with a
 * file that changes while it is read. fstat() is wrapped: it lies about the second look at a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "data/csv.h"
#include "data/source.h"
#include "data/table.h"
#include "tensor/safetensors.h"
#include "util/file.h"

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

/* What the second and later calls of fstat() add. */
static struct {
    int calls, size, nanoseconds;
} lie;

int __wrap_fstat(int fd, struct stat *st)
{
    int result = __real_fstat(fd, st);
    if (!result && lie.calls++) {
        st->st_size += lie.size;
        st->st_mtim.tv_nsec += lie.nanoseconds;
    }
    return result;
}

static char folder[] = "/tmp/seqtrain-reading-XXXXXX";

static const char *in(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char table_text[] = "t,a\n1,2\n3,4\n";
static const char manifest_text[] = "path\none.csv\n";
static const char config_text_of[] = "[data]\nsource = one.csv\nfeatures = a\n";

/* --- the readers: 0, or -1 with an error */

static int read_whole(const char *path, struct error *err)
{
    char *bytes = file_read(path, 1000, NULL, err);
    free(bytes);
    return bytes ? 0 : -1;
}

static int read_config(const char *path, struct error *err)
{
    struct config *config = config_load(path, NULL, 0, err);
    config_free(config);
    return config ? 0 : -1;
}

static int read_csv(const char *path, struct error *err)
{
    char name[] = "a", *names[] = {name};
    struct table *table = table_read(path, &(struct table_how){.time = {"t"}}, names, 1, NULL, err);
    size_t rows = table ? table->rows : 0;
    table_free(table);
    if (table)
        assert_true(rows >= 2);
    return table ? 0 : -1;
}

static int read_manifest(const char *path, struct error *err)
{
    struct sources sources = {0};
    int result = manifest_read(path, &sources, err);
    sources_fini(&sources);
    return result;
}

static const struct reader {
    const char *name;
    int (*read)(const char *path, struct error *err);
    const char *text;
} readers[] = {
    {"file", read_whole, table_text},
    {"configuration", read_config, config_text_of},
    {"table", read_csv, table_text},
    {"manifest", read_manifest, manifest_text},
};
#define READERS (sizeof readers / sizeof *readers)

/* --- pipes */

static void test_no_writer(void **state)
{
    const struct reader *r = *state;
    struct error err = {0};
    const char *path = in("pipe");
    file_patience = 0.1;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(r->read(path, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "pipe: a pipe that no process opened for writing within 0.1 "
                                     "seconds"));
    unlink(path);
}

static atomic_int opened;

/* Opens the pipe, waits for longer than a reader waits for a writer, and writes byte by byte. */
static void *write_slowly(void *text)
{
    int fd = open(in("pipe"), O_WRONLY);
    atomic_store(&opened, 1);
    usleep(300000);
    for (const char *at = text; *at; at++) {
        if (write(fd, at, 1) != 1)
            break;
        usleep(2000);
    }
    close(fd);
    return NULL;
}

static void test_slow_writer(void **state)
{
    const struct reader *r = *state;
    struct error err = {0};
    pthread_t writer;
    file_patience = 0.1;
    atomic_store(&opened, 0);
    char path[256];
    snprintf(path, sizeof path, "%s", in("pipe"));
    assert_int_equal(mkfifo(path, 0600), 0);
    /* a reader that is there already lets the writer open the pipe at once */
    int both = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, (void *)(uintptr_t)r->text), 0);
    while (!atomic_load(&opened))
        usleep(1000);
    if (r->read(path, &err))
        fail_msg("%s: %s", r->name, err.text);
    pthread_join(writer, NULL);
    close(both);
    unlink(path);
}

/* A writer that opens and closes leaves an empty file, at once. */
static void test_nothing_written(void **unused)
{
    (void)unused;
    struct error err = {0};
    const char *path = in("pipe");
    size_t size = 1;
    file_patience = 100;
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK), writer = open(path, O_WRONLY);
    assert_int_equal(write(writer, "x", 1), 1);
    close(writer);
    char *bytes = file_read(path, 10, &size, &err);
    assert_non_null(bytes);
    assert_string_equal(bytes, "x");
    free(bytes);
    close(reader);
    unlink(path);
}

/* What must be a regular file does not wait at all. */
static void test_checkpoint(void **unused)
{
    (void)unused;
    struct error err = {0};
    const char *path = in("pipe");
    file_patience = 100;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(safetensors_open(path, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "not a regular file"));
    unlink(path);
}

/* --- changes */

static void put(const char *path, const char *text)
{
    struct error err = {0};
    assert_int_equal(file_write(path, text, strlen(text), &err), 0);
}

static void test_changes(void **state)
{
    const struct reader *r = *state;
    const char *path = in("file");
    static const struct {
        int size, nanoseconds;
    } lies[] = {{1, 0}, {-1, 0}, {0, 1}};
    put(path, r->text);
    for (size_t i = 0; i <= sizeof lies / sizeof *lies; i++) {
        struct error err = {0};
        memset(&lie, 0, sizeof lie);
        if (i == sizeof lies / sizeof *lies) {
            assert_int_equal(r->read(path, &err), 0);
            assert_true(lie.calls > 1);
            break;
        }
        lie.size = lies[i].size;
        lie.nanoseconds = lies[i].nanoseconds;
        assert_int_equal(r->read(path, &err), -1);
        assert_int_equal(err.status, r->read == read_config ? STATUS_USAGE : STATUS_INPUT);
        assert_non_null(strstr(err.text, "file: the file changed while it was read"));
    }
    memset(&lie, 0, sizeof lie);
}

/* A large file, read in stretches side by side. */
static void test_large_table(void **unused)
{
    (void)unused;
    struct error err = {0};
    char path[256], line[64];
    snprintf(path, sizeof path, "%s", in("large"));
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("t,a\n", out);
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof line, "%d,%d\n", i + 1, i % 7);
        fputs(line, out);
    }
    fclose(out);
    table_stretch = 4096;
    table_threads = 4;
    memset(&lie, 0, sizeof lie);
    assert_int_equal(read_csv(path, &err), 0);
    lie.calls = 0;
    lie.nanoseconds = 1;
    assert_int_equal(read_csv(path, &err), -1);
    assert_non_null(strstr(err.text, "large: the file changed while it was read"));
    memset(&lie, 0, sizeof lie);
}

/* A file that is cut within its last field while it is read is not taken as it stands. */
static void test_cut(void **unused)
{
    (void)unused;
    struct error err = {0};
    char path[256];
    snprintf(path, sizeof path, "%s", in("cut"));
    put(path, "a\n1\n2345\n");
    struct csv *csv = csv_open(path, NULL, &err);
    assert_non_null(csv);
    assert_int_equal(truncate(path, 7), 0);
    int more;
    while ((more = csv_next(csv, &err)) > 0) {
    }
    assert_int_equal(more, 0);
    assert_int_equal(csv_unchanged(csv, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    csv_close(csv);
}

int main(void)
{
    struct CMUnitTest tests[3 * READERS + 4];
    char names[3 * READERS][64];
    size_t n = 0;
    void (*const each[])(void **) = {test_no_writer, test_slow_writer, test_changes};
    static const char *const what[] = {"no writer", "a slow writer", "changes"};
    if (!mkdtemp(folder))
        return 1;
    for (size_t t = 0; t < 3; t++)
        for (size_t r = 0; r < READERS; r++, n++) {
            snprintf(names[n], sizeof names[n], "%s: %s", readers[r].name, what[t]);
            tests[n] =
                (struct CMUnitTest){names[n], each[t], NULL, NULL, (void *)(uintptr_t)&readers[r]};
        }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_nothing_written);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_checkpoint);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_large_table);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_cut);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("reading", tests, NULL, NULL);
    unlink(in("file"));
    unlink(in("large"));
    unlink(in("cut"));
    rmdir(folder);
    return failed;
}
