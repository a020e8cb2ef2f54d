/* SPDX-License-Identifier: MIT */
/*
 * segments: a log that is cut into segments, over forty days of a clock that the test moves, and
 * with processes that end at every single call that changes a file. What is read back is read by
 * zlib and counted line by line.
 */
#include "log/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "util/file.h"

enum { MOST = 128, SIZE = 1 << 20 };

static int64_t clock_ms; /* the time that it is */
static long calls_left;  /* before the process ends; 0: it does not */
static int gzwrite_fails;
static struct error err;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){clock_ms / 1000, clock_ms % 1000 * 1000000};
    return 0;
}

/* The process ends in front of this call, as if it were killed. */
static int is_end(void)
{
    return calls_left && !--calls_left;
}

#define INSTANT(type, name, parameters, arguments) \
    type __real_##name parameters;                 \
    type __wrap_##name parameters;                 \
    type __wrap_##name parameters                  \
    {                                              \
        if (is_end())                              \
            _exit(9);                              \
        return __real_##name arguments;            \
    }
INSTANT(int, rename, (const char *from, const char *to), (from, to))
INSTANT(int, unlink, (const char *path), (path))
INSTANT(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
INSTANT(int, ftruncate, (int fd, off_t size), (fd, size))
INSTANT(int, mkdir, (const char *path, mode_t mode), (path, mode))
INSTANT(int, fclose, (FILE * stream), (stream))
INSTANT(int, fflush, (FILE * stream), (stream))

int __wrap_fsync(int fd);
int __wrap_fsync(int fd) /* the kernel keeps what a process has written */
{
    (void)fd;
    if (is_end())
        _exit(9);
    return 0;
}

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (is_end()) {
        __real_write(fd, bytes, size / 2);
        _exit(9);
    }
    return __real_write(fd, bytes, size);
}

int __real_gzwrite(gzFile gz, voidpc bytes, unsigned size);
int __wrap_gzwrite(gzFile gz, voidpc bytes, unsigned size);
int __wrap_gzwrite(gzFile gz, voidpc bytes, unsigned size)
{
    if (is_end())
        _exit(9);
    errno = ENOSPC;
    return gzwrite_fails ? 0 : __real_gzwrite(gz, bytes, size);
}

/* --- folders */

static char folder[] = "/tmp/test_segments.XXXXXX";

static void clear(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *d; dir && (d = readdir(dir));)
        if (strcmp(d->d_name, "copies"))
            unlinkat(dirfd(dir), d->d_name, 0);
    if (dir)
        closedir(dir);
}

static int set_up(void **state)
{
    (void)state;
    clear("copies");
    clear(".");
    gzwrite_fails = 0;
    clock_ms = INT64_C(1790000000000); /* 2026-09-21T14:13:20Z */
    return 0;
}

struct names {
    char name[MOST][256];
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What a folder holds whose name has `part` in it, sorted. */
static struct names names_in(const char *path, const char *part)
{
    struct names names = {.count = 0};
    DIR *dir = opendir(path);
    for (struct dirent *d; dir && (d = readdir(dir));)
        if (strstr(d->d_name, part) && names.count < MOST)
            snprintf(names.name[names.count++], sizeof names.name[0], "%s", d->d_name);
    if (dir)
        closedir(dir);
    qsort(names.name, names.count, sizeof names.name[0], by_name);
    return names;
}

/* --- reading */

/* Text of a file, compressed or not, behind what is in `to`. */
static void read_behind(const char *path, char *to)
{
    size_t used = strlen(to);
    gzFile gz = gzopen(path, "rb");
    int n = gz ? gzread(gz, to + used, (unsigned)(SIZE - 1 - used)) : 0;
    to[used + (size_t)(n > 0 ? n : 0)] = 0;
    if (gz)
        gzclose(gz);
}

static long number_of_current(void)
{
    static char text[SIZE];
    long number = 1;
    *text = 0;
    read_behind("log.jsonl", text);
    sscanf(text,
           "{\"event\":\"segment\",\"time\":\"%*[^\"]\",\"run\":\"a/b\",\"level\":\"info\","
           "\"number\":%ld",
           &number);
    return number;
}

/* All lines of the log as the manual says: of closed segments those with lower numbers. */
static char *read_all(void)
{
    static char text[SIZE];
    const long current = number_of_current();
    const struct names closed = names_in(".", ".jsonl.gz");
    *text = 0;
    for (size_t i = 0; i < closed.count; i++)
        if (strcmp(closed.name[i] + strlen(closed.name[i]) - 3, ".gz") == 0 &&
            atol(closed.name[i] + 4) < current)
            read_behind(closed.name[i], text);
    read_behind("log.jsonl", text);
    return text;
}

/* How many lines there are; -1 unless each is whole, and they are 1, 2, 3 ..., each once. A last
 * line that is cut short does not count. */
static long lines(void)
{
    long n = 0, is;
    char *rest, *text = read_all();
    char *end = strrchr(text, '\n');
    if (!end)
        return 0;
    end[1] = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *at = strstr(line, "\"n\":");
        if (*line != '{' || line[strlen(line) - 1] != '}')
            return -1;
        if (!at && strncmp(line, "{\"event\":\"segment\"", 18))
            return -1;
        is = at ? atol(at + 4) : 0;
        if (at && is != ++n)
            return -1;
    }
    return n;
}

/* --- writing */

static struct log_settings settings = {.run = "a/b",
                                       .segments = {.run = "a/b", .copy_to = "copies"}};

static struct log *open_log(int64_t keep)
{
    struct log *log = log_new(LOG_QUIET);
    assert_non_null(log);
    log_set(log, &settings);
    if (log_open(log, "log.jsonl", keep, &err))
        fail_msg("%s", err.text);
    return log;
}

static void put(struct log *log, long n)
{
    log_event(log, "line",
              json_pack("{s:I, s:s}", "n", (json_int_t)n, "text",
                        "forty characters of text, more or less"));
}

static int64_t position(struct log *log)
{
    int64_t at;
    assert_int_equal(log_position(log, &at, &err), 0);
    return at;
}

/* --- forty days */

static void forty_days(void **state)
{
    (void)state;
    enum { DAYS = 40, A_DAY = 4 };
    long n = 0;
    int64_t read = 0;
    settings.segments.rotation = SEGMENTS_DAILY;
    settings.segments.keep_days = 30;
    struct log *log = open_log(0);
    clock_ms -= clock_ms % 86400000; /* 2026-09-21, midnight */
    for (int day = 0; day < DAYS; day++)
        for (int i = 0; i < A_DAY; i++) {
            put(log, ++n);
            clock_ms += 86400000 / A_DAY;
        }
    const int64_t at = position(log);
    assert_int_equal(log_close(log, &err), 0);

    /* the day of 2026-10-30 is log.jsonl; of those closed, whose last lines are of 18:00, that of
     * 2026-09-30 was not yet thirty days old when that day began */
    const struct names closed = names_in(".", "log."), copies = names_in("copies", "a_b.log.");
    assert_int_equal(closed.count, 30 + 1);
    assert_string_equal(closed.name[0], "log.0010.20260930T000000Z.20260930T180000Z.jsonl.gz");
    assert_string_equal(closed.name[29], "log.0039.20261029T000000Z.20261029T180000Z.jsonl.gz");
    assert_string_equal(closed.name[30], "log.jsonl");
    assert_int_equal(copies.count, 39);
    assert_string_equal(copies.name[0], "a_b.log.0001.20260921T000000Z.20260921T180000Z.jsonl.gz");
    char *text = calloc(1, SIZE), name[256];
    for (size_t i = 0; i < copies.count; i++) {
        snprintf(name, sizeof name, "copies/%s", copies.name[i]);
        FILE *f = fopen(name, "rb"); /* a gzip file, smaller than its text */
        assert_int_equal(fgetc(f), 0x1f);
        assert_int_equal(fgetc(f), 0x8b);
        fclose(f);
        read_behind(name, text);
    }
    read_behind("log.jsonl", text);
    assert_int_equal(strlen(text), at); /* positions count all segments */
    for (long i = 1; i <= n; i++) {
        char want[32];
        snprintf(want, sizeof want, "\"n\":%ld,", i);
        const char *line = strstr(text + read, want);
        assert_non_null(line);
        read = line - text;
    }
    free(text);

    /* a day later the next one goes; with keep_days = 0 none */
    for (int keep = 1; keep >= 0; keep--) {
        settings.segments.keep_days = keep * 30;
        log = open_log(-1);
        put(log, ++n);
        assert_int_equal(log_close(log, &err), 0);
        assert_int_equal(names_in(".", ".jsonl.gz").count, keep ? 30 : 31);
        clock_ms += 86400000;
    }
}

/* The clock is set back: nothing is rotated for that. */
static void clock_set_back(void **state)
{
    (void)state;
    settings.segments.rotation = SEGMENTS_DAILY;
    struct log *log = open_log(0);
    for (int i = 1; i < 10; i++) {
        put(log, i);
        clock_ms -= 86400000;
    }
    assert_int_equal(log_close(log, &err), 0);
    assert_int_equal(lines(), 9);
    assert_int_equal(names_in(".", ".gz").count, 0);
}

/* --- processes that end at any call */

enum { LINES = 30, CHECKPOINT = 14, STOP = 27 };

/* What the child has done; shared with it. */
static struct {
    long written; /* lines, by calls that have returned */
} * shared;

/* Writes what is still to be written, as a run does: from its checkpoint on. */
static void work(long crash_at, long stop_at)
{
    int64_t keep = 0;
    long from = 0;
    FILE *f = fopen("checkpoint", "r");
    if (f && fscanf(f, "%ld", &from) == 1 && fscanf(f, "%ld", &keep) != 1)
        _exit(2);
    shared->written = from;
    calls_left = crash_at;
    struct log *log = log_new(LOG_QUIET);
    log_set(log, &settings);
    if (log_open(log, "log.jsonl", keep, &err))
        _exit(3);
    for (long i = from + 1; i <= LINES; i++) {
        char text[64];
        clock_ms += 1000;
        put(log, i);
        shared->written = i;
        if (i == stop_at)
            _exit(8);
        if (i % CHECKPOINT)
            continue;
        int n =
            log_position(log, &keep, &err) ? -1 : snprintf(text, sizeof text, "%ld %ld", i, keep);
        if (n < 0 || file_write("checkpoint", text, (size_t)n, &err))
            _exit(4);
    }
    _exit(log_close(log, &err) ? 5 : 0);
}

static int run(long crash_at, long stop_at)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (!child)
        work(crash_at, stop_at);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* No line is lost or doubled that was written when the process ended. */
static void whole_after(long crash_at)
{
    const long n = lines();
    if (n < shared->written || n > LINES)
        fail_msg("call %ld: %ld lines are read, %ld were written", crash_at, n, shared->written);
}

/* The log is that of a run that nothing disturbed, with a copy of each closed segment. */
static void complete(long crash_at)
{
    const struct names closed = names_in(".", ".gz"), copies = names_in("copies", "");
    if (lines() != LINES)
        fail_msg("call %ld: %ld lines at the end", crash_at, lines());
    assert_int_equal(number_of_current(), closed.count + 1);
    assert_int_equal(copies.count, closed.count + 2); /* . and .. */
    for (size_t i = 0; i < closed.count; i++) {
        char want[300], path[320], a[SIZE / 16] = "", b[SIZE / 16] = "";
        snprintf(want, sizeof want, "a_b.%s", closed.name[i]);
        assert_string_equal(copies.name[i + 2], want);
        snprintf(path, sizeof path, "copies/%s", want);
        read_behind(closed.name[i], a);
        read_behind(path, b);
        assert_string_equal(a, b);
    }
}

static void killed_at_any_call(void **state)
{
    long at = 1, ended = 9;
    settings.segments.rotation = SEGMENTS_SIZE;
    settings.segments.size = 900;
    settings.segments.keep_days = 0;
    for (; ended == 9; at++) {
        set_up(state);
        ended = run(at, 0);
        assert_true(ended == 9 || ended == 0);
        whole_after(at);
        assert_int_equal(run(0, 0), 0);
        complete(at);
    }
    assert_true(at > 120);
}

/* The checkpoint lies in a segment that was closed since. */
static void killed_while_it_goes_on(void **state)
{
    long at = 1, ended = 9;
    settings.segments.rotation = SEGMENTS_SIZE;
    settings.segments.size = 900;
    settings.segments.keep_days = 0;
    for (; ended == 9; at++) {
        set_up(state);
        assert_int_equal(run(0, STOP), 8);
        assert_true(lines() == STOP && number_of_current() >= 4);
        ended = run(at, 0);
        assert_true(ended == 9 || ended == 0);
        whole_after(at);
        assert_int_equal(run(0, 0), 0);
        complete(at);
    }
    assert_true(at > 80);
}

/* --- what goes wrong */

/* What is read of standard error while the log is opened or written. */
static int saved_stderr;

static void catch_stderr(void)
{
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    int fd = open("told", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static char *told(void)
{
    fflush(stderr);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    char *text = file_read("told", 1 << 16, NULL, &err);
    assert_non_null(text);
    return text;
}

static int count(const char *text, const char *part)
{
    int found = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        found++;
    return found;
}

/* A rotation that fails is told once; the lines go on, and it is tried again after an hour. */
static void a_rotation_fails(void **state)
{
    (void)state;
    settings.segments.rotation = SEGMENTS_SIZE;
    settings.segments.size = 500;
    catch_stderr();
    struct log *log = open_log(0);
    gzwrite_fails = 1;
    for (int i = 1; i <= 20; i++)
        put(log, i);
    clock_ms += 3500000;
    put(log, 21);
    gzwrite_fails = 0;
    put(log, 22);
    size_t before = names_in(".", ".gz").count;
    clock_ms += 200000;
    put(log, 23);
    int failed = log_close(log, &err);
    char *text = told();
    assert_int_equal(failed, 0);
    assert_int_equal(before, 0);
    assert_int_equal(names_in(".", ".gz").count, 1);
    assert_int_equal(count(text, "seqtrain: warning: the log cannot be rotated: log.0001."), 1);
    assert_int_equal(count(text, "\n"), 1);
    free(text);
    text = read_all();
    assert_int_equal(count(text, "\"n\":"), 23);
    assert_int_equal(count(text, "\"event\":\"warning\""), 1);
}

/* A folder for copies that cannot be: told once, and the segments are closed all the same. */
static void a_copy_fails(void **state)
{
    (void)state;
    settings.segments.rotation = SEGMENTS_SIZE;
    settings.segments.size = 500;
    settings.segments.copy_to = "/dev/null/copies";
    catch_stderr();
    struct log *log = open_log(0);
    for (int i = 1; i <= 20; i++)
        put(log, i);
    int failed = log_close(log, &err);
    char *text = told();
    settings.segments.copy_to = "copies";
    assert_int_equal(failed, 0);
    assert_int_equal(count(text, "seqtrain: warning: the log was rotated, but: /dev/null"), 1);
    assert_int_equal(count(text, "\n"), 1);
    free(text);
    assert_true(names_in(".", ".gz").count > 3);
    assert_int_equal(count(read_all(), "\"n\":"), 20);
}

/* Some lines and the position behind line `at`. */
static int64_t written(long at, long last)
{
    int64_t keep = 0;
    settings.segments.rotation = SEGMENTS_SIZE;
    settings.segments.size = 500;
    settings.segments.keep_days = 0;
    struct log *log = open_log(0);
    for (long i = 1; i <= last; i++) {
        put(log, i);
        keep = i == at ? position(log) : keep;
    }
    assert_int_equal(log_close(log, &err), 0);
    return keep;
}

/* Each position of a log is found again. */
static void any_position(void **state)
{
    for (long at = 1; at <= 20; at++) {
        set_up(state);
        int64_t keep = written(at, 20);
        struct log *log = open_log(keep);
        assert_int_equal(position(log), keep);
        assert_int_equal(lines(), at);
        for (long i = at + 1; i <= 20; i++)
            put(log, i);
        assert_int_equal(log_close(log, &err), 0);
        assert_int_equal(lines(), 20);
    }
    struct log *log = open_log(0); /* afresh: nothing stays */
    assert_int_equal(log_close(log, &err), 0);
    assert_int_equal(lines(), 0);
    assert_int_equal(names_in(".", ".gz").count, 0);
}

/* The segment of a position was deleted: what is behind it goes, which is told. */
static void the_segment_is_gone(void **state)
{
    (void)state;
    int64_t keep = written(2, 20);
    const struct names closed = names_in(".", ".gz");
    assert_int_equal(unlink(closed.name[0]), 0);
    catch_stderr();
    struct log *log = open_log(keep);
    char *text = told();
    assert_string_equal(text, "seqtrain: warning: log.jsonl is shorter than it was; its lost lines "
                              "stay lost\n");
    free(text);
    put(log, 3);
    assert_int_equal(log_close(log, &err), 0);
    assert_int_equal(names_in(".", ".gz").count, 0);
    text = read_all();
    assert_int_equal(count(text, "\"n\":"), 1);
    assert_int_equal(count(text, "\"event\":\"segment\""), 1);
}

/* Somebody removed log.jsonl: the last closed segment is the current one again. */
static void the_current_is_gone(void **state)
{
    for (int i = 0; i < 2; i++) {
        set_up(state);
        int64_t keep = written(3, 20);
        assert_int_equal(unlink("log.jsonl"), 0);
        struct log *log = open_log(i ? -1 : keep);
        long n = lines();
        assert_true(i ? n > 12 && n < 20 : n == 3);
        put(log, n + 1);
        assert_int_equal(log_close(log, &err), 0);
        assert_int_equal(lines(), n + 1);
    }
}

/* Of a closed segment that is damaged what can be read is kept. */
static void a_damaged_segment(void **state)
{
    (void)state;
    int64_t keep = written(5, 20);
    const struct names closed = names_in(".", ".gz");
    struct stat st;
    assert_int_equal(stat(closed.name[1], &st), 0);
    assert_int_equal(truncate(closed.name[1], st.st_size / 2), 0);
    catch_stderr();
    struct log *log = open_log(keep);
    char *text = told();
    assert_int_equal(count(text, "its lost lines stay lost"), 1);
    free(text);
    assert_int_equal(log_close(log, &err), 0);
    for (size_t i = 0; i < names_in(".", ".gz").count; i++)
        assert_true(atol(names_in(".", ".gz").name[i] + 4) == 1);
}

/* Names that are not of this log stay. */
static void files_of_others(void **state)
{
    (void)state;
    static const char *const others[] = {"log.1.jsonl.gz", "log.0001.a.b.jsonl.gz", "log.gz",
                                         "log.0001.20260921T000000Z.20260921T180000Z.jsonl.gz.old",
                                         "my.log.0001.20260921T000000Z.20260921T180000Z.jsonl.gz"};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(file_write(others[i], "x", 1, &err), 0);
    struct log *log = open_log(0);
    assert_int_equal(log_close(log, &err), 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(access(others[i], F_OK), 0);
}

static int make_folder(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED || !mkdtemp(folder) || chdir(folder) ? -1 : 0;
}

static int remove_folder(void **state)
{
    set_up(state);
    return rmdir("copies") || chdir("/") || rmdir(folder);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(forty_days, set_up),
        cmocka_unit_test_setup(clock_set_back, set_up),
        cmocka_unit_test(killed_at_any_call),
        cmocka_unit_test(killed_while_it_goes_on),
        cmocka_unit_test_setup(a_rotation_fails, set_up),
        cmocka_unit_test_setup(a_copy_fails, set_up),
        cmocka_unit_test(any_position),
        cmocka_unit_test_setup(the_segment_is_gone, set_up),
        cmocka_unit_test(the_current_is_gone),
        cmocka_unit_test_setup(a_damaged_segment, set_up),
        cmocka_unit_test_setup(files_of_others, set_up),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
