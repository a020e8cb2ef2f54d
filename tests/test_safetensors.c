/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing of safetensors files, against bytes written by hand and against files that
 * are cut, bent and poisoned.
 */
#include <fcntl.h>
#include <math.h>
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

#include "tensor/safetensors.h"
#include "util/crc32c.h"
#include "util/file.h"

static struct error err;
static char folder[] = "/tmp/seqtrain-safetensors-XXXXXX";
static char path[sizeof folder + 16];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails if a file was left beside it */
}

/*
 * The golden file: {"__metadata__":{"format":"pt"},"w":[2,3] F32 1..6,"b":[1] U8 255}, header of
 * 0x90 = 144 bytes.
 */
static const char golden_header[] =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
    "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[24,25]}}";
static const unsigned char golden_data[25] = {
    0,    0, 0x80, 0x3f, 0, 0, 0x00, 0x40, 0, 0, 0x40, 0x40, /* 1 2 3 */
    0,    0, 0x80, 0x40, 0, 0, 0xa0, 0x40, 0, 0, 0xc0, 0x40, /* 4 5 6 */
    0xff,
};
static const unsigned char golden_length[8] = {0x90, 0, 0, 0, 0, 0, 0, 0};
static unsigned char golden[8 + 144 + 25];

/* What is written carries sums, made by another program. */
static const char written_header[] =
    "{\"__metadata__\":{\"format\":\"pt\",\"crc32c\":\"f4ebb2a1\",\"crc32c.b\":\"ff000000\","
    "\"crc32c.w\":\"805104b9\"},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
    "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[24,25]}}  ";
static unsigned char written[8 + 208 + 25];

static void make_written(void)
{
    assert_int_equal(sizeof written_header - 1, 208);
    memset(written, 0, 8);
    written[0] = 208;
    memcpy(written + 8, written_header, 208);
    memcpy(written + 8 + 208, golden_data, 25);
}

static void make_golden(void)
{
    memcpy(golden, golden_length, 8);
    memset(golden + 8, ' ', 144);
    memcpy(golden + 8, golden_header, sizeof golden_header - 1);
    memcpy(golden + 8 + 144, golden_data, 25);
}

/* Parses a header followed by `data_size` zeros. */
static struct safetensors *parse(const char *header, size_t header_size, size_t data_size)
{
    size_t size = 8 + header_size + data_size;
    unsigned char *bytes = calloc(1, size);
    uint64_t length = header_size;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, header_size);
    memset(&err, 0, sizeof err);
    struct safetensors *st = safetensors_parse(bytes, size, "x.safetensors", &err);
    free(bytes);
    return st;
}

static void refused(const char *header, size_t data_size, const char *cause)
{
    assert_null(parse(header, strlen(header), data_size));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_memory_equal(err.text, "x.safetensors: ", 15);
    if (!strstr(err.text, cause))
        fail_msg("'%s' does not tell '%s'", err.text, cause);
    assert_null(strchr(err.text, '\n'));
}

static void accepted(const char *header, size_t data_size)
{
    struct safetensors *st = parse(header, strlen(header), data_size);
    if (!st)
        fail_msg("%s", err.text);
    safetensors_free(st);
}

static void test_reads_golden(void **state)
{
    (void)state;
    make_golden();
    struct safetensors *st = safetensors_parse(golden, sizeof golden, "golden", &err);
    assert_non_null(st);
    assert_int_equal(st->count, 2);
    assert_int_equal(st->metas, 1);
    assert_string_equal(safetensors_get(st, "format"), "pt");
    assert_null(safetensors_get(st, "w"));
    const struct safetensor *w = safetensors_find(st, "w");
    assert_int_equal(w->dtype, DTYPE_F32);
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->shape[0], 2);
    assert_int_equal(w->shape[1], 3);
    assert_int_equal(w->bytes, 24);
    for (int i = 0; i < 6; i++)
        assert_true(((float *)w->data)[i] == (float)(i + 1));
    const struct safetensor *b = safetensors_find(st, "b");
    assert_int_equal(b->dtype, DTYPE_U8);
    assert_int_equal(*(unsigned char *)b->data, 255);
    assert_null(safetensors_find(st, "__metadata__"));
    safetensors_free(st);
}

static void test_writes_golden(void **state)
{
    (void)state;
    make_written();
    struct safetensors *st = safetensors_new();
    const unsigned char b = 255;
    const float w[] = {1, 2, 3, 4, 5, 6};
    /* The byte comes second although it is added first: wide types lead. */
    assert_int_equal(safetensors_add(st, "b", DTYPE_U8, 1, (uint64_t[]){1}, &b, &err), 0);
    assert_int_equal(safetensors_add(st, "w", DTYPE_F32, 2, (uint64_t[]){2, 3}, w, &err), 0);
    assert_int_equal(safetensors_set(st, "format", "np", &err), 0);
    assert_int_equal(safetensors_set(st, "format", "pt", &err), 0);
    assert_int_equal(safetensors_write(st, path, &err), 0);
    safetensors_free(st);

    size_t size;
    char *bytes = file_read(path, 1 << 20, &size, &err);
    assert_non_null(bytes);
    assert_int_equal(size, sizeof written);
    assert_memory_equal(bytes, written, sizeof written);
    free(bytes);
}

/* Sums are no metadata of the caller's; a file without them is read. */
static void test_sums(void **state)
{
    (void)state;
    make_golden();
    make_written();
    struct safetensors *st = safetensors_parse(golden, sizeof golden, "golden", &err);
    assert_non_null(st);
    assert_false(st->summed);
    safetensors_free(st);
    assert_non_null(st = safetensors_parse(written, sizeof written, "written", &err));
    assert_true(st->summed);
    assert_int_equal(st->metas, 1);
    assert_int_equal(st->count, 2);
    assert_int_equal(safetensors_find(st, "w")->sum, 0x805104b9u);
    safetensors_free(st);
}

/* Every byte of a file, changed and read again by way of memory and by way of the file. */
static void refused_when_bent(unsigned char *bytes, size_t size)
{
    assert_int_equal(file_write(path, bytes, size, &err), 0);
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        memset(&err, 0, sizeof err);
        if (safetensors_parse(bytes, size, "bent", &err))
            fail_msg("bit %zu of byte %zu may be changed", bit % 8, bit / 8);
        assert_int_equal(err.status, STATUS_INPUT);
        assert_true(err.damaged);
        assert_null(strchr(err.text, '\n'));
        if (bit % 8 == 3) {
            assert_int_equal(pwrite(file, bytes + bit / 8, 1, (off_t)(bit / 8)), 1);
            memset(&err, 0, sizeof err);
            if (safetensors_read(path, &err))
                fail_msg("byte %zu of a file may be changed", bit / 8);
            assert_true(err.damaged);
        }
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (bit % 8 == 3)
            assert_int_equal(pwrite(file, bytes + bit / 8, 1, (off_t)(bit / 8)), 1);
    }
    close(file);
    struct safetensors *st = safetensors_read(path, &err);
    assert_non_null(st);
    safetensors_free(st);
}

/* The length of the header, its text, names, sums, the blanks behind it, data: any bit. */
static void test_every_flip_is_seen(void **state)
{
    (void)state;
    make_written();
    refused_when_bent(written, sizeof written);

    /* what a checkpoint has: text in which a sum seems to stand, an empty tensor, all types */
    static const char *const names[] = {
        "encoder.weight", "state.history", "none", "\303\244", "crc32c", "a\"b", "state.metrics"};
    static const enum dtype types[] = {DTYPE_F32, DTYPE_F64, DTYPE_F32, DTYPE_U8,
                                       DTYPE_I64, DTYPE_U64, DTYPE_U32};
    double d[12];
    for (int i = 0; i < 12; i++)
        d[i] = 1 / (i + 3.0);
    struct safetensors *st = safetensors_new();
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(safetensors_add(st, names[i], types[i], 2,
                                         (uint64_t[]){i == 2 ? 0 : i + 1, 1}, d, &err),
                         0);
    assert_int_equal(safetensors_set(st, "config", "[run]\n; \"crc32c\":\"00000000\"\n", &err), 0);
    assert_int_equal(safetensors_set(st, "scaler", "{\"offset\":[1.5]}", &err), 0);
    assert_int_equal(safetensors_write(st, path, &err), 0);
    safetensors_free(st);
    size_t size;
    char *bytes = file_read(path, 1 << 20, &size, &err);
    assert_non_null(bytes);
    refused_when_bent((unsigned char *)bytes, size);
    free(bytes);
}

/* `header` with its own sum put in where it has eight x. */
static struct safetensors *parse_summed(const char *header)
{
    char text[512], *at;
    const uint64_t length = strlen(header);
    snprintf(text, sizeof text, "%s", header);
    assert_non_null(at = strstr(text, "xxxxxxxx"));
    memcpy(at, "00000000", 8);
    uint32_t sum = crc32c(crc32c(0, &length, 8), text, length);
    char digits[9];
    snprintf(digits, sizeof digits, "%08x", sum);
    memcpy(at, digits, 8);
    return parse(text, length, 4);
}

/* A sum that is missing or none is damage as well, and so is one without that of the header. The
 * sum of four zeros is 48674bc7. */
static void test_incomplete_sums(void **state)
{
    (void)state;
#define W "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
    struct safetensors *st =
        parse_summed("{\"__metadata__\":{\"crc32c.w\":\"48674bc7\",\"crc32c\":\"xxxxxxxx\"}," W);
    assert_non_null(st);
    assert_true(st->summed);
    safetensors_free(st);
    static const char *const bad[] = {
        "{\"__metadata__\":{\"crc32c\":\"xxxxxxxx\"}," W,
        "{\"__metadata__\":{\"crc32c\":\"xxxxxxxx\",\"crc32c.w\":\"48674BC7\"}," W,
        "{\"__metadata__\":{\"crc32c\":\"xxxxxxxx\",\"crc32c.w\":\"48674bc\"}," W,
        "{\"__metadata__\":{\"crc32c\":\"xxxxxxxx\",\"crc32c.w\":\"48674bc8\"}," W,
        "{\"__metadata__\":{\"crc32c\":\"xxxxxxxx\",\"crc32c.v\":\"48674bc7\"}," W,
        "{\"__metadata__\":{\"crc32b\":\"xxxxxxxx\",\"crc32c.w\":\"48674bc7\"}," W,
        "{\"__metadata__\":{\"crc32c\" :\"xxxxxxxx\",\"crc32c.w\":\"48674bc7\"}," W,
        "{\"__metadata__\":{\"crc32c\":\"xxxxxxxx \",\"crc32c.w\":\"48674bc7\"}," W,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(parse_summed(bad[i]));
        assert_int_equal(err.status, STATUS_INPUT);
        assert_true(err.damaged);
        assert_non_null(strstr(err.text, "x.safetensors: damaged: "));
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct safetensors *st = safetensors_new();
    double d[70];
    for (int i = 0; i < 70; i++)
        d[i] = 1.0 / (i + 1);
    const uint64_t big = UINT64_MAX;
    static const enum dtype types[] = {DTYPE_I32, DTYPE_F64, DTYPE_BF16, DTYPE_I8, DTYPE_F16};
    char name[32];
    for (int i = 0; i < 70; i++) {
        snprintf(name, sizeof name, "layer.%d", i);
        assert_int_equal(
            safetensors_add(st, name, types[i % 5], 1, (uint64_t[]){(uint64_t)i}, d, &err), 0);
    }
    assert_int_equal(safetensors_add(st, "scalar", DTYPE_U64, 0, NULL, &big, &err), 0);
    assert_int_equal(safetensors_add(st, "none", DTYPE_F32, 3, (uint64_t[]){4, 0, 9}, NULL, &err),
                     0);
    assert_int_equal(safetensors_set(st, "config", "[run]\nname = \"\303\244\"\n\t; \\", &err), 0);
    assert_int_equal(safetensors_set(st, "empty", "", &err), 0);
    assert_int_equal(safetensors_write(st, path, &err), 0);

    struct safetensors *back = safetensors_read(path, &err);
    assert_non_null(back);
    assert_int_equal(back->count, st->count);
    assert_int_equal(back->metas, 2);
    for (size_t i = 0; i < st->count; i++) {
        const struct safetensor *a = &st->tensor[i], *b = safetensors_find(back, a->name);
        assert_non_null(b);
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(a->rank, b->rank);
        for (size_t k = 0; k < a->rank; k++)
            assert_int_equal(a->shape[k], b->shape[k]);
        assert_int_equal(a->bytes, b->bytes);
        assert_memory_equal(a->data, b->data, a->bytes);
        assert_int_equal((uintptr_t)b->data % dtype_bytes(b->dtype, 1), 0);
    }
    assert_string_equal(safetensors_get(back, "config"), safetensors_get(st, "config"));
    assert_string_equal(safetensors_get(back, "empty"), "");
    safetensors_free(back);

    /* In the file every tensor lies at a multiple of its type's size: 8-byte types come first. */
    back = safetensors_read(path, &err);
    assert_int_equal(back->tensor[0].dtype, DTYPE_F64);
    assert_int_equal(back->tensor[back->count - 1].dtype, DTYPE_I8);
    safetensors_free(back);
    safetensors_free(st);
}

/* Bytes that count up, or fail once `fail_from` is reached. */
static size_t fail_from;

static int fetch(void *from, size_t offset, size_t bytes, void *to, struct error *e)
{
    if (offset + bytes > fail_from)
        return error_set(e, STATUS_DEVICE, "lost");
    memcpy(to, (const char *)from + offset, bytes);
    return 0;
}

/* What pieces have to be, and where to stop (0: nowhere). */
struct pieces {
    size_t next;
    const unsigned char *want;
    size_t stop;
};

static int take_piece(void *to, size_t offset, size_t bytes, const void *piece, struct error *e)
{
    struct pieces *p = to;
    assert_int_equal(offset, p->next);
    assert_true(bytes > 0);
    if (offset) /* the first number was changed */
        assert_memory_equal(piece, p->want + offset, bytes);
    p->next += bytes;
    return p->stop && p->next >= p->stop ? error_set(e, STATUS_DEVICE, "enough") : 0;
}

/* A tensor of more than two pieces that begins inside what it is a part of; when it cannot be had,
 * the file that was there stays. */
static void test_far(void **state)
{
    (void)state;
    const size_t count = (9 << 20) / 4 + 3, first = 5;
    uint32_t *x = malloc((first + count) * sizeof *x);
    const uint64_t shape[] = {3, count / 3};
    assert_non_null(x);
    assert_int_equal(count % 3, 0);
    for (size_t i = 0; i < first + count; i++)
        x[i] = (uint32_t)(i * 2654435761u);
    struct safetensors *st = safetensors_new();
    assert_int_equal(safetensors_add(st, "near", DTYPE_U64, 0, NULL, &shape[1], &err), 0);
    assert_int_equal(
        safetensors_add_far(st, "far", DTYPE_U32, 2, shape, fetch, x, first * sizeof *x, &err), 0);
    assert_int_equal(
        safetensors_add_far(st, "near", DTYPE_U32, 2, shape, fetch, x, first * sizeof *x, &err),
        -1);
    fail_from = SIZE_MAX;
    assert_int_equal(safetensors_write(st, path, &err), 0);
    for (int turn = 0; turn < 2; turn++) {
        struct safetensors *back = safetensors_read(path, &err);
        assert_non_null(back);
        const struct safetensor *far = safetensors_find(back, "far");
        assert_int_equal(far->bytes, count * sizeof *x);
        assert_memory_equal(far->data, x + first, far->bytes);
        assert_memory_equal(safetensors_find(back, "near")->data, &shape[1], 8);
        safetensors_free(back);
        memset(x, 0, sizeof *x); /* not part of it */
        fail_from = (size_t)6 << 20;
        assert_int_equal(safetensors_write(st, path, &err), -1);
        assert_int_equal(err.status, STATUS_DEVICE);
        assert_non_null(strstr(err.text, "far: lost"));
    }
    struct safetensors *held = safetensors_open(path, &err);
    assert_non_null(held);
    const struct safetensor *far = safetensors_find(held, "far");
    assert_null(far->data);
    struct pieces pieces = {0, (unsigned char *)(x + first), 0};
    assert_int_equal(safetensors_each(held, far, take_piece, &pieces, &err), 0);
    assert_int_equal(pieces.next, far->bytes);
    pieces.next = 0;
    pieces.stop = (size_t)1 << 20;
    assert_int_equal(safetensors_each(held, far, take_piece, &pieces, &err), -1);
    assert_string_equal(err.text, "enough");
    assert_int_equal(truncate(path, 9 << 20), 0);
    assert_int_equal(safetensors_copy(held, far, x + first, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_true(err.damaged);
    assert_non_null(strstr(err.text, "cannot be read"));
    safetensors_free(held);
    char aside[sizeof path + 32];
    snprintf(aside, sizeof aside, "%s.%ld.tmp", path, (long)getpid());
    assert_int_equal(access(aside, F_OK), -1);
    safetensors_free(st);
    free(x);
}

/* What was read can be added to. */
static void test_add_to_what_was_read(void **state)
{
    (void)state;
    char name[32];
    const uint64_t shape[] = {0};
    struct safetensors *st = safetensors_new();
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(safetensors_add(st, name, DTYPE_F32, 1, shape, NULL, &err), 0);
        assert_int_equal(safetensors_set(st, name, name, &err), 0);
        if (i % 5)
            continue; /* so that several are added to what was read */
        assert_int_equal(safetensors_write(st, path, &err), 0);
        safetensors_free(st);
        assert_non_null(st = safetensors_read(path, &err));
    }
    assert_int_equal(st->count, 40);
    assert_int_equal(st->metas, 40);
    assert_string_equal(st->tensor[39].name, "39");
    safetensors_free(st);
}

static void test_empty(void **state)
{
    (void)state;
    struct safetensors *st = safetensors_new();
    assert_int_equal(safetensors_write(st, path, &err), 0);
    safetensors_free(st);
    st = safetensors_read(path, &err);
    assert_non_null(st);
    assert_int_equal(st->count + st->metas, 0);
    safetensors_free(st);
}

static void test_add_refuses(void **state)
{
    (void)state;
    struct safetensors *st = safetensors_new();
    const float one = 1;
    const uint64_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const uint64_t huge[2] = {UINT64_C(1) << 40, UINT64_C(1) << 40};
    assert_int_equal(safetensors_add(st, "a", DTYPE_F32, 8, shape, &one, &err), 0);
    assert_int_equal(safetensors_add(st, "a", DTYPE_F32, 8, shape, &one, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_string_equal(err.text, "tensor 'a' is there already");
    assert_int_equal(safetensors_add(st, "b", DTYPE_F32, 9, shape, &one, &err), -1);
    assert_int_equal(safetensors_add(st, "b", DTYPE_F32, 2, huge, &one, &err), -1);
    assert_int_equal(safetensors_add(st, "__metadata__", DTYPE_F32, 1, shape, &one, &err), -1);
    assert_string_equal(err.text, "tensor '__metadata__': the name is reserved");
    assert_int_equal(st->count, 1);

    assert_int_equal(safetensors_set(st, "bad", "\xff\xfe", &err), 0);
    assert_int_equal(safetensors_write(st, path, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_non_null(strstr(err.text, "not UTF-8"));
    safetensors_free(st);
}

static void test_every_truncation(void **state)
{
    (void)state;
    make_golden();
    for (size_t size = 0; size < sizeof golden; size++) {
        /* A copy of just that size, so that a sanitizer sees a read behind it. */
        unsigned char *cut = malloc(size ? size : 1);
        memcpy(cut, golden, size);
        assert_null(safetensors_parse(cut, size, "cut", &err));
        assert_int_equal(err.status, STATUS_INPUT);
        free(cut);

        assert_int_equal(file_write(path, golden, size, &err), 0);
        assert_null(safetensors_read(path, &err));
        assert_int_equal(err.status, STATUS_INPUT);
    }
}

static void test_every_flipped_bit(void **state)
{
    (void)state;
    make_golden();
    unsigned char bent[sizeof golden];
    for (size_t bit = 0; bit < 8 * (8 + 144); bit++) {
        memcpy(bent, golden, sizeof golden);
        bent[bit / 8] ^= (unsigned char)(1u << bit % 8);
        memset(&err, 0, sizeof err);
        struct safetensors *st = safetensors_parse(bent, sizeof bent, "bent", &err);
        if (!st) {
            assert_int_equal(err.status, STATUS_INPUT);
            assert_null(strchr(err.text, '\n'));
            continue;
        }
        size_t bytes =
            0; /* a changed name or type may pass; the data must still be accounted for */
        for (size_t i = 0; i < st->count; i++)
            bytes += st->tensor[i].bytes;
        assert_int_equal(bytes, 25);
        safetensors_free(st);
    }
}

static void test_header_length(void **state)
{
    (void)state;
    const uint64_t lengths[] = {145 + 25,          UINT64_C(1) << 24, (UINT64_C(1) << 24) + 1,
                                UINT64_C(1) << 63, UINT64_MAX,        UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        make_golden();
        memcpy(golden, &lengths[i], 8);
        assert_null(safetensors_parse(golden, sizeof golden, "long", &err));
        assert_int_equal(err.status, STATUS_INPUT);
        assert_int_equal(file_write(path, golden, sizeof golden, &err), 0);
        assert_null(safetensors_read(path, &err));
        assert_int_equal(err.status, STATUS_INPUT);
    }
}

#define F32(name, shape, offsets) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void test_offsets(void **state)
{
    (void)state;
    accepted("{" F32("a", "[2]", "[0,8]") "," F32("b", "[1]", "[8,12]") "}", 12);
    accepted("{" F32("b", "[1]", "[8,12]") "," F32("a", "[2]", "[0,8]") "}", 12);
    accepted("{" F32("b", "[1]", "[0,4]") "," F32("a", "[0]", "[0,0]") "}", 4);
    accepted("{" F32("b", "[1]", "[0,4]") "," F32("a", "[0,7]", "[4,4]") "}", 4);
    accepted("{" F32("a", "[]", "[0,4]") "}  \n ", 4);
    refused("{" F32("a", "[2]", "[0,8]") "," F32("b", "[1]", "[4,8]") "}", 8, "overlaps");
    refused("{" F32("a", "[1]", "[0,4]") "," F32("b", "[1]", "[0,4]") "}", 4, "overlaps");
    refused("{" F32("a", "[1]", "[0,4]") "," F32("b", "[1]", "[8,12]") "}", 12, "hole");
    refused("{" F32("a", "[1]", "[4,8]") "}", 8, "hole");
    refused("{" F32("a", "[0]", "[4,4]") "}", 4, "hole");
    refused("{" F32("a", "[1]", "[0,4]") "}", 5, "too long");
    refused("{" F32("a", "[1]", "[0,4]") "}", 3, "truncated");
    refused("{}", 1, "too long");
    refused("{" F32("a", "[1]", "[4,0]") "}", 4, "ascending");
    refused("{" F32("a", "[1]", "[-4,0]") "}", 4, "ascending");
    refused("{" F32("a", "[1]", "[0,4.0]") "}", 4, "ascending");
    refused("{" F32("a", "[1]", "[0,8]") "}", 8, "disagree");
    refused("{" F32("a", "[1]", "[0]") "}", 4, "two data_offsets");
    refused("{" F32("a", "[1]", "[0,4,8]") "}", 4, "two data_offsets");
    refused("{" F32("a", "[1]", "[0,18446744073709551616]") "}", 4, "too big integer");
    refused("{" F32("a", "[1]", "[9223372036854775804,9223372036854775807]") "}", 4, "disagree");
}

static void test_shapes(void **state)
{
    (void)state;
    accepted("{" F32("a", "[1,1,1,1,1,1,1,1]", "[0,4]") "}", 4);
    refused("{" F32("a", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "more than 8");
    refused("{" F32("a", "[-1]", "[0,4]") "}", 4, "whole");
    refused("{" F32("a", "[1.0]", "[0,4]") "}", 4, "whole");
    refused("{" F32("a", "[\"1\"]", "[0,4]") "}", 4, "whole");
    refused("{" F32("a", "1", "[0,4]") "}", 4, "needs");
    /* 4 * 2^62 is 0 modulo 2^64. */
    refused("{" F32("a", "[4611686018427387904]", "[0,0]") "}", 0, "overflows");
    refused("{" F32("a", "[4294967296,4294967296]", "[0,0]") "}", 0, "overflows");
    refused("{" F32("a", "[1099511627776]", "[0,4398046511104]") "}", 4, "truncated");
}

static void test_json(void **state)
{
    (void)state;
    refused("", 0, "header");
    refused("[]", 0, "not an object");
    refused("{", 0, "header");
    refused("{} x", 0, "header");
    refused("{\"a\":1}", 0, "needs");
    refused("{\"a\":{}}", 0, "needs");
    refused("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
            "duplicate");
    refused("{" F32("a", "[1]", "[0,4]") "," F32("a", "[1]", "[4,8]") "}", 8, "duplicate");
    refused("{" F32("a", "[1]", "[0,4]") "," F32("\\u0061", "[1]", "[4,8]") "}", 8, "duplicate");
    refused("{\"__metadata__\":{\"k\":\"v\",\"k\":\"w\"}}", 0, "duplicate");
    refused("{\"__metadata__\":{\"k\":1}}", 0, "no string");
    refused("{\"__metadata__\":[]}", 0, "not an object");
    refused("{\"a\":{\"dtype\":\"NF4\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2, "dtype");
    refused("{\"a\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,2]}}", 2, "dtype");
    refused("{" F32("a\\u0000b", "[1]", "[0,4]") "}", 4, "header");
    refused("{" F32("\xff", "[1]", "[0,4]") "}", 4, "decode");
    refused("{" F32("\xc0\xaf", "[1]", "[0,4]") "}", 4, "decode");
    refused("{" F32("\\ud800", "[1]", "[0,4]") "}", 4, "Unicode");
    refused("{" F32("two\\nlines", "[1]", "[0,8]") "}", 8, "two?lines");
    assert_null(parse("{}\0", 3, 0));

    enum { DEPTH = 100000 };
    char *deep = malloc(DEPTH + 1);
    memset(deep, '[', DEPTH);
    deep[DEPTH] = 0;
    refused(deep, 0, "header");
    free(deep);
}

static void test_read_refuses(void **state)
{
    (void)state;
    char missing[sizeof path + 8];
    snprintf(missing, sizeof missing, "%s.missing", path);
    assert_null(safetensors_read(missing, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "No such file"));
    assert_null(safetensors_read(folder, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "not a regular file"));

    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(safetensors_read(path, &err)); /* without waiting for a writer */
    assert_non_null(strstr(err.text, "not a regular file"));

    struct safetensors *st = safetensors_new();
    snprintf(missing, sizeof missing, "%s/no/x", folder);
    assert_int_equal(safetensors_write(st, missing, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    safetensors_free(st);
}

/* Each half and bfloat16 is what its bits say, and comes back; between two neighbours lies what is
 * rounded to them, in the middle to the even one. */
static void test_short_numbers(void **state)
{
    (void)state;
    static const enum dtype types[] = {DTYPE_BF16, DTYPE_F16};
    for (size_t k = 0; k < 2; k++) {
        const uint16_t most = k ? 0x7c00 : 0x7f80; /* infinite */
        for (uint32_t code = 0; code < 0x10000; code++) {
            const uint16_t bits = (uint16_t)code, next = (uint16_t)(bits + 1);
            const unsigned fraction = k ? 10 : 7, exponent = (bits & 0x7fffu) >> fraction;
            const double digits = bits & ((1u << fraction) - 1u), bias = k ? 15 : 127;
            const double unit = ldexp(1, (int)((exponent ? exponent : 1) - bias - fraction));
            const double want = (digits + (exponent ? ldexp(1, (int)fraction) : 0)) * unit;
            uint16_t back[5];
            float x;
            dtype_floats(types[k], &bits, 1, &x);
            if ((bits & 0x7fffu) > most) {
                assert_true(isnan(x));
                continue;
            }
            if ((bits & 0x7fffu) < most)
                assert_true(fabs(x) == want && !signbit(x) == !(bits >> 15));
            const double sign = bits >> 15 ? -1 : 1, half = sign * unit / 2;
            const double y[] = {x, x + half, x + half * (1 + 1e-9), x + half * (1 - 1e-9), -x};
            dtype_of_doubles(types[k], y, 5, back);
            assert_int_equal(back[0], bits);
            assert_int_equal(back[4], bits ^ 0x8000);
            if ((bits & 0x7fffu) >= most)
                continue;
            assert_int_equal(back[1], bits & 1 ? next : bits);
            assert_int_equal(back[2], next);
            assert_int_equal(back[3], bits);
        }
    }
    float one;
    dtype_of_doubles(DTYPE_F32, &(double){1 + 0x1p-24}, 1, &one);
    assert_true(one == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_golden),
        cmocka_unit_test(test_writes_golden),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_every_flip_is_seen),
        cmocka_unit_test(test_incomplete_sums),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_add_to_what_was_read),
        cmocka_unit_test(test_add_refuses),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_flipped_bit),
        cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_read_refuses),
        cmocka_unit_test(test_short_numbers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
