/* SPDX-License-Identifier: MIT */
/*
 * Event files for TensorBoard: golden/events.tfevents is by TensorBoard's own messages and writer
 * (peer/tensorboard.py). Files are read here by a reader of their own: lengths, checksums bit by
 * bit, fields.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "log/board.h"
#include "log/histogram.h"
#include "log/log.h"
#include "log/records.h"
#include "util/file.h"
#include "util/proto.h"

#define FIRST "events.out.tfevents.1600000000.seqtrain"
#define NOW 1600000000123

static char *golden; /* the file's path */

static int setup(void **state)
{
    (void)state;
    static char name[] = "/tmp/test_tensorboard.XXXXXX";
    const char *source = getenv("srcdir");
    char *here = file_real(source ? source : ".");
    golden = here ? file_join(here, "tests/golden/events.tfevents") : NULL;
    free(here);
    return !golden || !mkdtemp(name) || chdir(name) ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    char *here = getcwd(NULL, 0);
    int failed = !here || chdir("/") || rmdir(here);
    free(here);
    free(golden);
    return failed;
}

/* A file in memory that the caller frees. */
static unsigned char *bytes_of(const char *path, size_t *size)
{
    struct error err;
    unsigned char *bytes = (unsigned char *)file_read(path, 1 << 24, size, &err);
    assert_non_null(bytes);
    return bytes;
}

/* --- a reader of its own */

/* CRC-32C by its definition, masked. */
static uint32_t masked(const unsigned char *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static uint64_t little(const unsigned char *at, size_t size)
{
    uint64_t x = 0;
    for (size_t i = size; i-- > 0;)
        x = x << 8 | at[i];
    return x;
}

static double real_of(const struct proto_field *field)
{
    uint64_t bits = little(field->bytes, 8);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* What is in a file: a line for each event, "7 train/loss=0.75 start", in `text`. */
static void read_value(const struct proto_field *value, char *text)
{
    const unsigned char *at = value->bytes, *end = at + value->size;
    struct proto_field f;
    while (proto_read(&at, end, &f) > 0) {
        uint32_t bits = f.number == 2 ? (uint32_t)little(f.bytes, 4) : 0;
        float x;
        memcpy(&x, &bits, sizeof x);
        if (f.number == 1)
            sprintf(text + strlen(text), " %.*s", (int)f.size, (const char *)f.bytes);
        if (f.number == 2)
            sprintf(text + strlen(text), "=%g", (double)x);
    }
}

static void read_event(const unsigned char *at, const unsigned char *end, char *text)
{
    struct proto_field f, inner;
    unsigned long long step = 0;
    char rest[4096] = "";
    int more;
    while ((more = proto_read(&at, end, &f)) > 0) {
        const unsigned char *in = f.bytes;
        if (f.number == 2)
            step = f.whole;
        if (f.number == 3)
            sprintf(rest + strlen(rest), " %.*s", (int)f.size, (const char *)f.bytes);
        if (f.number == 5)
            while (proto_read(&in, f.bytes + f.size, &inner) > 0)
                read_value(&inner, rest);
        if (f.number == 7 && proto_read(&in, f.bytes + f.size, &inner) > 0)
            strcat(rest, inner.whole == 1 ? " start" : " stop");
    }
    assert_int_equal(more, 0);
    sprintf(text + strlen(text), "%llu%s\n", step, rest);
}

/* Fails where a record is not whole. */
static void read_file(const char *path, char *text)
{
    size_t size, at = 0;
    unsigned char *bytes = bytes_of(path, &size);
    *text = 0;
    while (at < size) {
        assert_true(size - at > 16);
        const size_t length = (size_t)little(bytes + at, 8);
        assert_int_equal(little(bytes + at + 8, 4), masked(bytes + at, 8));
        assert_true(size - at >= 16 + length);
        assert_int_equal(little(bytes + at + 12 + length, 4), masked(bytes + at + 12, length));
        read_event(bytes + at + 12, bytes + at + 12 + length, text);
        at += 16 + length;
    }
    free(bytes);
}

/* --- writing */

static struct board *begin(int64_t step, int finished, int64_t now)
{
    struct error err;
    const struct board_from from = {step, finished};
    struct board *b = board_open(".", &from, now, &err);
    assert_non_null(b);
    return b;
}

static void tell(struct board *b, const char *event, const char *members, int64_t now)
{
    struct error err;
    json_t *json = json_loads(members, 0, NULL);
    assert_non_null(json);
    assert_int_equal(board_event(b, event, json, now, &err), 0);
    json_decref(json);
}

static void write_png(void)
{
    static const unsigned char png[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\200\0\0\1\340\b\2\0\0\0\0\0\0";
    struct error err;
    assert_int_equal(file_write("x.png", png, 33, &err), 0);
}

/* Every kind of value, as TensorBoard writes it. */
static void test_golden(void **state)
{
    (void)state;
    static const float values[] = {-1.5f, 0.25f, 2.0f, 0.5f, 1.75f};
    struct error err;
    size_t size, wanted;
    struct board *b = begin(-1, 0, NOW);
    json_t *hparams =
        json_pack("{s:b, s:f, s:s}", "data.time", 1, "train.lr", 0.0005, "vars.coin", "BTC");
    write_png();
    assert_int_equal(board_hparams(b, hparams, "[train]\nlr = 5e-4\n", NOW, &err), 0);
    assert_int_equal(board_histogram(b, "weights/a", 7, values, 5, 1600000001500, &err), 0);
    tell(b, "epoch",
         "{\"epoch\":1,\"epochs\":9,\"step\":7,\"train_loss\":0.75,\"val_loss\":1.5,\"lr\":0.0005,"
         "\"best\":true,\"other\":null,\"telemetry\":{\"power\":0,\"source\":\"nvml\"}}",
         1600000002000);
    tell(b, "checkpoint", "{\"epoch\":1,\"step\":7}", 1600000002500);
    assert_int_equal(board_picture(b, "loss_curves", "x.png", 1600000003000, &err), 0);
    tell(b, "end", "{\"folder\":\"f\",\"best_epoch\":1,\"best\":1.5}", 1600000004000);
    assert_int_equal(board_sync(b, &err), 0);
    board_close(b);
    unsigned char *ours = bytes_of(FIRST, &size), *theirs = bytes_of(golden, &wanted);
    assert_int_equal(size, wanted);
    assert_memory_equal(ours, theirs, size);
    free(ours);
    free(theirs);
    unlink("x.png");
    json_decref(hparams);
    assert_int_equal(board_clear(".", &err), 0);
}

static void test_resume(void **state)
{
    (void)state;
    static const char next[] = "events.out.tfevents.1600000001.seqtrain";
    char text[8192];
    struct error err;
    struct board *b = begin(-1, 0, NOW);
    tell(b, "step", "{\"step\":3,\"train_loss\":4}", NOW);
    tell(b, "epoch", "{\"step\":5,\"train_loss\":2}", NOW);
    tell(b, "telemetry", "{\"step\":6,\"host_bytes\":1,\"telemetry\":{\"power\":8}}", NOW);
    tell(b, "verdict", "{\"part\":\"test\",\"loss\":2}", NOW);
    tell(b, "error", "{\"message\":\"x\"}", NOW);
    board_close(b);
    read_file(FIRST, text);
    assert_string_equal(text, "0 brain.Event:2\n0 start\n3 steps/train_loss=4\n5 train/loss=2\n"
                              "6 steps/telemetry/power=8\n6 stop\n6 test/loss=2\n"
                              "6 _hparams_/session_end_info\n");
    /* a checkpoint after step 6: its report is made again; the second's number is taken */
    board_close(begin(6, 0, NOW));
    read_file(FIRST, text);
    assert_string_equal(text, "0 brain.Event:2\n0 start\n3 steps/train_loss=4\n5 train/loss=2\n"
                              "6 steps/telemetry/power=8\n");
    read_file(next, text);
    assert_string_equal(text, "0 brain.Event:2\n7 start\n");
    /* one after step 4 */
    b = begin(4, 0, NOW);
    tell(b, "epoch", "{\"step\":5,\"train_loss\":2}", NOW);
    tell(b, "end", "{\"best\":2}", NOW);
    board_close(b);
    read_file(FIRST, text);
    assert_string_equal(text, "0 brain.Event:2\n0 start\n3 steps/train_loss=4\n");
    read_file(next, text);
    assert_string_equal(text, "0 brain.Event:2\n");
    /* a finished run goes on: what it reported stays */
    board_close(begin(5, 1, NOW));
    read_file("events.out.tfevents.1600000002.seqtrain", text);
    assert_string_equal(text, "0 brain.Event:2\n5 start\n5 train/loss=2\n5 stop\n"
                              "5 run/best=2 _hparams_/session_end_info\n");
    /* and begins afresh */
    board_close(begin(-1, 0, NOW));
    read_file(FIRST, text);
    assert_string_equal(text, "");
    assert_int_equal(board_clear(".", &err), 0);
    assert_int_equal(access(next, F_OK), -1);
}

/* Wherever the file is cut, or a byte of it is another one: what is in front stays. */
static void test_broken(void **state)
{
    (void)state;
    char whole[8192], text[8192];
    struct error err;
    size_t size;
    struct board *b = begin(-1, 0, NOW);
    tell(b, "epoch", "{\"step\":5,\"train_loss\":2}", NOW);
    board_close(b);
    read_file(FIRST, whole);
    unsigned char *bytes = bytes_of(FIRST, &size);
    for (size_t i = 0; i < 2 * size; i++) {
        const size_t at = i / 2;
        bytes[at] ^= (unsigned char)(i % 2 ? 1 << at % 8 : 0);
        assert_int_equal(file_write(FIRST, bytes, i % 2 ? size : at, &err), 0);
        board_close(begin(9, 0, NOW));
        read_file(FIRST, text);
        assert_true(strlen(text) < strlen(whole) && !strncmp(whole, text, strlen(text)));
        bytes[at] ^= (unsigned char)(i % 2 ? 1 << at % 8 : 0);
        assert_int_equal(unlink("events.out.tfevents.1600000001.seqtrain"), 0);
    }
    free(bytes);
    assert_int_equal(board_clear(".", &err), 0);
}

/* Files that are none of ours stay as they are. */
static void test_others(void **state)
{
    (void)state;
    static const char *const others[] = {"events.out.tfevents.1.host",
                                         "events.out.tfevents.5.seqtrain.x",
                                         "events.out.tfevents..seqtrain", "x"};
    struct error err;
    char *text;
    size_t size;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(file_write(others[i], "ours", 4, &err), 0);
    board_close(begin(3, 0, NOW));
    assert_int_equal(board_clear(".", &err), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(text = file_read(others[i], 100, &size, &err));
        assert_string_equal(text, "ours");
        free(text);
        unlink(others[i]);
    }
    assert_null(board_open("no/such/folder", &(struct board_from){0, 0}, NOW, &err));
    assert_string_equal(err.text, "no/such/folder/" FIRST ": No such file or directory");
    struct board *b = begin(0, 0, NOW);
    assert_int_equal(
        file_write("x.png", "no picture, and long enough for the head of one", 40, &err), 0);
    assert_int_equal(board_picture(b, "x", "x.png", NOW, &err), -1);
    assert_string_equal(err.text, "x.png: not a PNG file");
    board_close(b);
    unlink("x.png");
    assert_int_equal(board_clear(".", &err), 0);
}

static void test_histogram(void **state)
{
    (void)state;
    float x[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = (float)(i % 31); /* 0 to 30: whole numbers begin a bin, 30 is in the last */
    struct histogram h = histogram_of(x, 1000);
    assert_int_equal(h.bins, 30);
    assert_true(h.least == 0 && h.most == 30 && h.end[29] == 30 && h.end[0] == 1);
    assert_true(h.in[0] == 33 && h.in[7] == 33 && h.in[8] == 32 && h.in[29] == 64);
    double sum = 0, squares = 0;
    for (int i = 0; i < 1000; i++) {
        sum += i % 31;
        squares += (i % 31) * (i % 31);
    }
    assert_true(h.sum == sum && h.squares == squares && h.count == 1000 && !h.not_finite);
    x[0] = NAN;
    x[1] = INFINITY;
    x[2] = -INFINITY;
    h = histogram_of(x, 62);
    assert_true(h.count == 59 && h.not_finite == 3 && h.least == 0 && h.most == 30);
    assert_int_equal(histogram_of(x, 3).bins, 0);
    assert_int_equal(histogram_of(x, 0).bins, 0);
    h = histogram_of(x + 5, 1);
    assert_true(h.bins == 1 && h.in[0] == 1 && h.least == 5 && h.most == 5 && h.end[0] == 5);
    x[0] = -3e38f;
    x[1] = 3e38f;
    h = histogram_of(x, 2);
    assert_true(h.bins == 30 && h.in[0] == 1 && h.in[29] == 1 && isfinite(h.end[3]));
}

/* What is not finite is told by number; where nothing else is there, there is no histogram. */
static void test_not_finite(void **state)
{
    (void)state;
    static const float x[] = {NAN, 1, INFINITY};
    char text[4096];
    struct error err;
    struct board *b = begin(-1, 0, NOW);
    assert_int_equal(board_histogram(b, "weights/a", 2, x, 3, NOW, &err), 0);
    assert_int_equal(board_histogram(b, "weights/b", 2, x, 1, NOW, &err), 0);
    board_close(b);
    read_file(FIRST, text);
    assert_string_equal(text, "0 brain.Event:2\n0 start\n2 weights/a not_finite/weights/a=2\n"
                              "2 not_finite/weights/b=1\n");
    assert_int_equal(board_clear(".", &err), 0);
}

/* --- a disk that is full */

static int64_t room = -1; /* bytes that can be written; -1: all */

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (room >= 0 && (int64_t)size > room) {
        size = (size_t)room;
        if (!size) {
            errno = ENOSPC;
            return -1;
        }
    }
    ssize_t n = __real_write(fd, bytes, size);
    if (room >= 0)
        room -= n;
    return n;
}

/* The event is lost, the others are whole. */
static void test_full(void **state)
{
    (void)state;
    char text[4096];
    struct error err;
    struct board *b = begin(-1, 0, NOW);
    json_t *json = json_pack("{s:i, s:f}", "step", 5, "train_loss", 2.0);
    room = 20;
    assert_int_equal(board_event(b, "epoch", json, NOW, &err), -1);
    room = -1;
    assert_string_equal(err.text, "./" FIRST ": No space left on device");
    tell(b, "epoch", "{\"step\":6,\"train_loss\":1}", NOW);
    board_close(b);
    json_decref(json);
    read_file(FIRST, text);
    assert_string_equal(text, "0 brain.Event:2\n0 start\n6 train/loss=1\n");
    assert_int_equal(board_clear(".", &err), 0);
}

/* The log tells it once, and at its end. */
static void test_log(void **state)
{
    (void)state;
    struct error err = {0};
    struct log *log = log_new(LOG_QUIET);
    assert_non_null(log);
    log_picture(log, "x", "no.png"); /* without event files: nothing */
    assert_int_equal(log_open(log, "/dev/null", 0, &err), 0);
    assert_int_equal(log_open_board(log, ".", &(struct board_from){-1, 0}, &err), 0);
    log_event(log, "epoch", json_pack("{s:i, s:f}", "step", 5, "val_loss", 2.0));
    log_event(log, "epoch", json_pack("{s:i, s:f}", "step", 6, "val_loss", 1.0));
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && freopen("err", "w", stderr));
    log_picture(log, "x", "no.png");
    log_picture(log, "x", "no.png");
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    size_t size;
    char *told = file_read("err", 1000, &size, &err);
    assert_non_null(told);
    assert_string_equal(told,
                        "seqtrain: warning: log.tensorboard: no.png: No such file or directory\n");
    free(told);
    unlink("err");
    assert_int_equal(log_close(log, &err), -1);
    assert_string_equal(err.text, "no.png: No such file or directory");
    assert_int_equal(board_clear(".", &err), 0);
}

/* --- messages */

static void test_proto(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 127, 128, 300, 1ull << 35, UINT64_MAX};
    struct proto w = {0};
    struct proto_field f;
    for (unsigned i = 0; i < 7; i++)
        proto_whole(&w, i + 1, numbers[i]);
    const size_t outer = proto_begin(&w, 100), inner = proto_begin(&w, 2);
    for (int i = 0; i < 200; i++)
        proto_double(&w, 3, i / 4.0);
    proto_end(&w, inner);
    proto_end(&w, outer);
    assert_int_equal(w.failed, 0);
    const unsigned char *at = w.bytes, *end = at + w.size;
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(proto_read(&at, end, &f), 1);
        assert_true(f.number == i + 1 && f.whole == numbers[i]);
    }
    assert_int_equal(proto_read(&at, end, &f), 1);
    assert_true(f.number == 100 && at == end && proto_read(&at, end, &f) == 0);
    const unsigned char *in = f.bytes, *out = in + f.size;
    assert_int_equal(proto_read(&in, out, &f), 1);
    assert_true(f.number == 2 && f.size == 200 * 9 && in == out);
    in = f.bytes;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(proto_read(&in, out, &f), 1);
        assert_true(f.number == 3 && real_of(&f) == i / 4.0);
    }
    proto_fini(&w);
    /* a length beyond the end; a number without end; a group, which nobody writes any more */
    static const unsigned char broken[][12] = {{0x0a, 5, 1}, {0x08, 0xff, 0xff}, {0x0b}, {0x09, 1}};
    static const size_t sizes[] = {3, 3, 1, 2};
    for (size_t i = 0; i < 4; i++) {
        at = broken[i];
        assert_int_equal(proto_read(&at, at + sizes[i], &f), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proto),      cmocka_unit_test(test_golden),
        cmocka_unit_test(test_resume),     cmocka_unit_test(test_broken),
        cmocka_unit_test(test_others),     cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_full),
        cmocka_unit_test(test_log),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
