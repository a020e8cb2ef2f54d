/* SPDX-License-Identifier: MIT */
#include "log/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/crc32c.h"
#include "util/file.h"

enum { HEAD = 12, TAIL = 4 }; /* bytes in front of those of a record, and behind */

/* A checksum of bytes that hold checksums says little: so it is turned and moved. */
static uint32_t masked_crc(const void *bytes, size_t size)
{
    const uint32_t crc = crc32c(0, bytes, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void put_little(unsigned char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_little(const unsigned char *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

int records_new(struct records *r, char *path, struct error *err)
{
    *r = (struct records){.path = path};
    r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    return r->fd < 0 ? error_errno(err, STATUS_FAILED, path) : 0;
}

/* 0 or errno. */
static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : EIO;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int records_append(struct records *r, const void *bytes, size_t size, struct error *err)
{
    const size_t whole = HEAD + size + TAIL;
    unsigned char *record = malloc(whole);
    if (!record)
        return error_set(err, STATUS_FAILED, "%s: out of memory", r->path);
    put_little(record, size, 8);
    put_little(record + 8, masked_crc(record, 8), 4);
    memcpy(record + HEAD, bytes, size);
    put_little(record + HEAD + size, masked_crc(bytes, size), TAIL);
    int number = r->torn && ftruncate(r->fd, (off_t)r->bytes) ? errno : 0;
    if (!number && (number = write_all(r->fd, record, whole)))
        r->torn = ftruncate(r->fd, (off_t)r->bytes) != 0;
    free(record);
    if (!number) {
        r->torn = 0;
        r->bytes += (int64_t)whole;
        return 0;
    }
    errno = number;
    return error_errno(err, STATUS_FAILED, r->path);
}

int records_sync(const struct records *r, struct error *err)
{
    return fsync(r->fd) ? error_errno(err, STATUS_FAILED, r->path) : 0;
}

void records_close(struct records *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->path);
    *r = (struct records){.fd = -1};
}

/* --- cutting */

/* The bytes of the record at `at` of a file of `end` bytes, in memory that the caller frees. NULL
 * with errno 0: it is broken or cut. */
static unsigned char *read_record(int fd, uint64_t at, uint64_t end, size_t *size)
{
    unsigned char head[HEAD], *bytes;
    errno = 0;
    if (end - at < HEAD + TAIL || file_read_at(fd, at, HEAD, head))
        return NULL;
    const uint64_t length = get_little(head, 8);
    if (get_little(head + 8, 4) != masked_crc(head, 8) || length > end - at - HEAD - TAIL)
        return NULL;
    *size = (size_t)length;
    if (!(bytes = malloc(*size + TAIL)))
        return NULL;
    if (!file_read_at(fd, at + HEAD, *size + TAIL, bytes) &&
        get_little(bytes + *size, TAIL) == masked_crc(bytes, *size))
        return bytes;
    const int number = errno;
    free(bytes);
    errno = number;
    return NULL;
}

/* Where the records end that stay; -1 with errno. */
static int64_t end_of(int fd, uint64_t bytes, records_keeper *stays, void *ctx)
{
    uint64_t at = 0;
    size_t size;
    while (at < bytes) {
        unsigned char *record = read_record(fd, at, bytes, &size);
        if (!record && errno)
            return -1;
        const int more = record && stays(ctx, record, size);
        free(record);
        if (!more)
            break;
        at += HEAD + size + TAIL;
    }
    return (int64_t)at;
}

int records_cut(const char *path, records_keeper *stays, void *ctx, struct error *err)
{
    struct stat st;
    int64_t end = -1;
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int failed = fd < 0 || fstat(fd, &st) ||
                 (end = end_of(fd, (uint64_t)st.st_size, stays, ctx)) < 0 ||
                 (end < st.st_size && ftruncate(fd, (off_t)end));
    if (failed)
        error_errno(err, STATUS_FAILED, path);
    if (fd >= 0)
        close(fd);
    return failed ? -1 : 0;
}
