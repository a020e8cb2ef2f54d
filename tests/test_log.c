/* SPDX-License-Identifier: MIT */
/* The log: JSON lines, cutting back, failing writes, the console, the progress bar. */
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "log/log.h"
#include "util/file.h"

static const char *path; /* of a file in a folder of this test's own, which is the current one */

static int setup(void **state)
{
    (void)state;
    static char name[] = "/tmp/test_log.XXXXXX";
    path = "log.jsonl";
    return !mkdtemp(name) || chdir(name) || setenv("TERM", "xterm", 1) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    char *here = getcwd(NULL, 0);
    int failed = !here || chdir("/") || rmdir(here);
    free(here);
    return failed;
}

/* While streams are caught, nothing may be asserted: the report would be caught as well. */
struct caught {
    int fd, saved;
    FILE *stream;
};

static struct caught catch_stream(FILE *stream, const char *into)
{
    fflush(stream);
    int fd = fileno(stream);
    struct caught caught = {fd, dup(fd), stream};
    int file = open(into, O_RDWR | O_CREAT | O_TRUNC, 0666);
    dup2(file, fd);
    close(file);
    return caught;
}

/* What was caught; the caller frees it. */
static char *release_stream(struct caught caught, const char *from)
{
    struct error err;
    fflush(caught.stream);
    dup2(caught.saved, caught.fd);
    close(caught.saved);
    char *text = file_read(from, 1 << 20, NULL, &err);
    assert_non_null(text);
    assert_int_equal(unlink(from), 0);
    return text;
}

static struct log *open_log(int64_t keep)
{
    struct error err = {0};
    struct log *log = log_new(LOG_QUIET);
    assert_non_null(log);
    if (log_open(log, path, keep, &err))
        fail_msg("%s", err.text);
    return log;
}

static void close_log(struct log *log)
{
    struct error err = {0};
    if (log_close(log, &err))
        fail_msg("%s", err.text);
}

static char *read_log(void)
{
    struct error err = {0};
    char *text = file_read(path, 1 << 20, NULL, &err);
    assert_non_null(text);
    return text;
}

static void test_event(void **state)
{
    (void)state;
    struct log *log = open_log(-1);
    time_t before = time(NULL);
    log_set(log, &(struct log_settings){.run = "a \"run\""});
    log_event(log, "epoch",
              json_pack("{s:i, s:f, s:o, s:s}", "epoch", 3, "loss", 0.1, "val", json_null(),
                        "event", "not this"));
    char *text = read_log(); /* each line is there at once */
    log_event(log, "end", NULL);
    close_log(log);

    json_error_t fault;
    json_t *object = json_loads(text, 0, &fault);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "event")), "epoch");
    assert_int_equal(json_integer_value(json_object_get(object, "epoch")), 3);
    assert_true(json_real_value(json_object_get(object, "loss")) == 0.1);
    assert_true(json_is_null(json_object_get(object, "val")));
    assert_int_equal(strncmp(text, "{\"event\":\"epoch\",\"time\":\"", 25), 0);
    assert_non_null(
        strstr(text, "Z\",\"run\":\"a \\\"run\\\"\",\"level\":\"info\",\"epoch\":3,\"loss\":0.1,"));
    assert_string_equal(strchr(text, '\n'), "\n");

    struct tm tm = {0};
    int ms, length = 0;
    const char *when = json_string_value(json_object_get(object, "time"));
    assert_int_equal(sscanf(when, "%d-%d-%dT%d:%d:%d.%3dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                            &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &length),
                     7);
    assert_int_equal(length, 24);
    assert_int_equal(strlen(when), 24);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    assert_in_range(timegm(&tm), before, before + 5);
    json_decref(object);
    free(text);

    text = read_log();
    assert_non_null(strstr(text, "\n{\"event\":\"end\",\"time\":\""));
    free(text);
    unlink(path);
}

static void test_cut_back(void **state)
{
    (void)state;
    struct error err = {0};
    int64_t at = -1, end = -1;
    struct log *log = open_log(-1);
    assert_int_equal(log_position(log, &at, &err), 0);
    assert_int_equal(at, 0);
    log_event(log, "one", NULL);
    assert_int_equal(log_position(log, &at, &err), 0);
    char *text = read_log();
    assert_int_equal(at, strlen(text));
    log_event(log, "two", NULL);
    close_log(log);

    log = open_log(at);
    log_event(log, "three", NULL);
    assert_int_equal(log_position(log, &end, &err), 0);
    close_log(log);
    char *resumed = read_log();
    assert_int_equal(end, strlen(resumed));
    assert_int_equal(strncmp(resumed, text, (size_t)at), 0);
    assert_null(strstr(resumed, "two"));
    assert_non_null(strstr(resumed, "three"));
    free(resumed);
    free(text);

    /* a line that was cut short is dropped */
    assert_int_equal(truncate(path, end - 5), 0);
    close_log(open_log(-1));
    text = read_log();
    assert_int_equal(strlen(text), at);
    free(text);
    unlink(path);
}

/* A log that is shorter than a checkpoint remembers is not filled up with zeros. */
static void test_short_log(void **state)
{
    (void)state;
    struct caught caught = catch_stream(stderr, "stderr");
    struct log *log = open_log(1000);
    char *told = release_stream(caught, "stderr");
    close_log(log);
    assert_string_equal(told, "seqtrain: warning: log.jsonl is shorter than it was; its lost lines "
                              "stay lost\n");
    free(told);
    char *text = read_log();
    assert_int_equal(strncmp(text, "{\"event\":\"warning\"", 18), 0);
    free(text);
    unlink(path);
}

static void test_warning(void **state)
{
    (void)state;
    struct caught caught = catch_stream(stderr, "stderr");
    struct log *log = open_log(-1);
    log_warn(log, "half is %g, %s", 0.5, "\"quoted\"");
    log_warn(log, "not UTF-8: %s", "a\xff");
    char *told = release_stream(caught, "stderr"); /* although quiet */
    close_log(log);
    assert_string_equal(told, "seqtrain: warning: half is 0.5, \"quoted\"\n"
                              "seqtrain: warning: not UTF-8: a\xff\n");
    free(told);
    char *text = read_log();
    assert_non_null(strstr(text, "\"message\":\"half is 0.5, \\\"quoted\\\"\"}\n"));
    assert_non_null(strstr(text, "\"message\":\"not UTF-8: a?\"}\n"));
    free(text);
    unlink(path);
}

static void say_all(enum verbosity verbosity, const char *expected)
{
    struct error err = {0};
    struct caught caught = catch_stream(stdout, "stdout");
    struct log *log = log_new(verbosity);
    log_say(log, "said %.1f", 1.5);
    log_detail(log, "detail %d", 2);
    log_event(log, "event", json_pack("{s:i}", "a", 1)); /* goes to the file, which it lacks */
    int64_t bytes = -1;
    int failed = log_position(log, &bytes, &err) | log_close(log, &err);
    char *told = release_stream(caught, "stdout");
    assert_string_equal(told, expected);
    assert_int_equal(failed, 0);
    assert_int_equal(bytes, 0);
    free(told);
}

static void test_figure(void **state)
{
    (void)state;
    static const struct {
        double x;
        int decimals;
        const char *text;
    } cases[] = {
        {0.123456, 6, "0.123456"},
        {0.001, 6, "0.001000"},
        {0.000999, 6, "0.000999"},
        {-1.8e-5, 6, "-0.000018"},
        {0, 6, "0.000000"},
        {12.345, 2, "12.35"},
        {0.83, 2, "0.83"},
        {0.0042, 2, "0.0042"},
        {(double)NAN, 6, "nan"},
        {0.001, 2, "0.0010"},
        {1e-9, 6, "0.0000000010"},
        {9.9e-10, 6, "9.90e-10"},
        {999999999, 2, "999999999.00"},
        {1e9, 2, "1.00e+09"},
        {-1e300, 2, "-1.00e+300"},
        {(double)INFINITY, 6, "inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct figure figure = log_figure(cases[i].x, cases[i].decimals);
        assert_string_equal(figure.text, cases[i].text);
    }
}

static void test_verbosity(void **state)
{
    (void)state;
    say_all(LOG_QUIET, "");
    say_all(LOG_NORMAL, "said 1.5\n");
    say_all(LOG_VERBOSE, "said 1.5\ndetail 2\n");
}

/* The level of each line of the log. */
static void test_levels(void **state)
{
    (void)state;
    struct caught caught = catch_stream(stderr, "stderr");
    struct log *log = open_log(-1);
    log_event(log, "checkpoint", json_pack("{s:s}", "level", "not this"));
    log_event(log, "error", NULL);
    log_warn(log, "beware");
    log_alarm(log, "slow", json_pack("{s:i}", "step", 3), "%d times", 2);
    log_alarm(log, "stalled", NULL, "it %s", "hangs");
    char *told = release_stream(caught, "stderr");
    close_log(log);
    assert_string_equal(told, "seqtrain: warning: beware\nseqtrain: warning: 2 times\n"
                              "seqtrain: warning: it hangs\n");
    free(told);
    static const char *const wants[] = {"info\"}", "error\"}", "warning\",\"message\":\"beware\"}",
                                        "warning\",\"step\":3,\"message\":\"2 times\"}",
                                        "warning\",\"message\":\"it hangs\"}"};
    char *text = read_log(), *rest;
    char *line = strtok_r(text, "\n", &rest);
    for (size_t i = 0; i < 5; i++, line = strtok_r(NULL, "\n", &rest)) {
        assert_non_null(line);
        const char *level = strstr(line, "\"level\":\"");
        assert_non_null(level);
        assert_string_equal(level + 9, wants[i]);
    }
    assert_null(line);
    free(text);
    unlink(path);
}

static int count(const char *text, const char *part)
{
    int found = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        found++;
    return found;
}

/* A full disk is reported once, and again by log_close(); the run goes on. */
static void test_full_disk(void **state)
{
    (void)state;
    struct error err = {0};
    if (access("/dev/full", W_OK))
        skip();
    struct caught caught = catch_stream(stderr, "stderr");
    struct log *log = log_new(LOG_NORMAL);
    int opened = log_open(log, "/dev/full", -1, &err);
    log_event(log, "one", NULL);
    log_event(log, "two", NULL);
    int closed = log_close(log, &err);
    char *told = release_stream(caught, "stderr");
    assert_int_equal(opened, 0);
    assert_int_equal(closed, -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_string_equal(err.text, "/dev/full: No space left on device");
    assert_int_equal(count(told, "/dev/full: No space left on device"), 1);
    free(told);

    caught = catch_stream(stdout, "stdout");
    int full = open("/dev/full", O_WRONLY);
    dup2(full, STDOUT_FILENO);
    close(full);
    log = log_new(LOG_NORMAL);
    log_say(log, "lost");
    closed = log_close(log, &err);
    free(release_stream(caught, "stdout"));
    clearerr(stdout);
    assert_int_equal(closed, -1);
    assert_string_equal(err.text, "standard output: No space left on device");
}

static void test_unwritable(void **state)
{
    (void)state;
    struct error err = {0};
    struct log *log = log_new(LOG_QUIET);
    assert_int_equal(log_open(log, "no/such/folder.jsonl", -1, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_string_equal(err.text, "no/such/folder.jsonl: No such file or directory");
    assert_int_equal(log_close(log, &err), 0);
}

/* Opens a pseudo-terminal's two ends; skips the test where there is none (no /dev/pts). */
static int open_terminal(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0)
        skip();
    assert_int_equal(grantpt(master) | unlockpt(master), 0);
    const char *name = ptsname(master);
    *slave = name ? open(name, O_RDWR | O_NOCTTY) : -1;
    if (*slave < 0 && access("/dev/pts/ptmx", F_OK)) {
        close(master);
        skip();
    }
    assert_true(*slave >= 0);
    return master;
}

/* Draws on a pseudo-terminal of so many columns; what arrived there is in `out`. */
static void draw(enum verbosity verbosity, unsigned short columns, char *out, size_t size)
{
    int slave, master = open_terminal(&slave);
    struct winsize window = {.ws_row = 25, .ws_col = columns};
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &window), 0);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(slave, STDERR_FILENO);

    struct error err = {0};
    struct log *log = log_new(verbosity);
    log_progress(log, "epoch 3/20", 0, 1000);
    for (uint64_t done = 1; done <= 500; done++)
        log_progress(log, "epoch 3/20", done, 1000); /* too fast to be seen */
    nanosleep(&(struct timespec){0, 150000000}, NULL);
    log_progress(log, "epoch 3/20", 500, 1000);
    log_progress(log, "epoch 3/20", 1000, 1000);
    log_close(log, &err);
    putc('!', stderr); /* the end of what is read */
    fflush(stderr);

    size_t used = 0;
    for (ssize_t n = 1; n > 0 && !memchr(out, '!', used); used += (size_t)(n > 0 ? n : 0))
        n = read(master, out + used, size - 1 - used);
    out[used] = 0;
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(slave);
    close(master);
}

static void test_progress(void **state)
{
    (void)state;
    char out[4096];
    draw(LOG_NORMAL, 80, out, sizeof out);
    /* at once, once more after a tenth of a second (or more often on a slow machine), then gone */
    assert_int_equal(strncmp(out, "\repoch 3/20 [....................] 0%\033[K", 40), 0);
    assert_non_null(strstr(out, "\repoch 3/20 [##########..........] 50% ETA 0:0"));
    assert_in_range(count(out, "\repoch"), 2, 5);
    assert_string_equal(out + strlen(out) - 5, "\r\033[K!");

    draw(LOG_NORMAL, 12, out, sizeof out); /* a narrow terminal: no line wraps */
    assert_int_equal(strncmp(out, "\repoch 3/20 \033[K", 15), 0);

    draw(LOG_QUIET, 80, out, sizeof out);
    assert_string_equal(out, "!");
}

/* Where standard error is no terminal nothing is drawn. */
static void test_no_terminal(void **state)
{
    (void)state;
    struct error err = {0};
    struct caught caught = catch_stream(stderr, "stderr");
    struct log *log = log_new(LOG_VERBOSE);
    log_progress(log, "epoch", 1, 2);
    log_progress(log, "epoch", 2, 2);
    log_close(log, &err);
    char *told = release_stream(caught, "stderr");
    assert_string_equal(told, "");
    free(told);
}

static void test_one_writer(void **state)
{
    (void)state;
    struct error err = {0};
    struct log *first = log_new(LOG_QUIET), *second = log_new(LOG_QUIET);
    assert_int_equal(log_open(first, path, -1, &err), 0);
    assert_int_equal(log_open(second, path, -1, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_non_null(strstr(err.text, "another process"));
    assert_int_equal(log_close(first, &err), 0);
    assert_int_equal(log_open(second, path, -1, &err), 0);
    assert_int_equal(log_close(second, &err), 0);
    /* a device is not one run's own */
    first = log_new(LOG_QUIET), second = log_new(LOG_QUIET);
    assert_int_equal(log_open(first, "/dev/null", -1, &err), 0);
    assert_int_equal(log_open(second, "/dev/null", -1, &err), 0);
    assert_int_equal(log_close(first, &err), 0);
    assert_int_equal(log_close(second, &err), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_writer), cmocka_unit_test(test_event),
        cmocka_unit_test(test_cut_back),   cmocka_unit_test(test_short_log),
        cmocka_unit_test(test_levels),     cmocka_unit_test(test_figure),
        cmocka_unit_test(test_warning),    cmocka_unit_test(test_verbosity),
        cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_progress),   cmocka_unit_test(test_no_terminal),
    };
    setlocale(LC_ALL, "");
    setlocale(LC_MESSAGES, "C"); /* strerror() */
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
