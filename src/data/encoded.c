/* SPDX-License-Identifier: MIT */
#include "data/encoded.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/encoded_index.h"
#include "util/crc32c.h"
#include "util/file.h"
#include "util/now.h"

/* What may be lost with the process. */
#define PENDING_BYTES ((uint64_t)1 << 26)
#define PENDING_RECORDS 1024
#define PENDING_SECONDS 2.0

#define CHUNK ((size_t)1 << 18) /* bytes that are verified at once */
#define KEY_MOST ((size_t)1 << 16)

uint64_t encoded_file_bytes = (uint64_t)1 << 30;

struct encoded {
    char *folder, *path, *text;
    char name[CONTENT_TEXT];
    struct encoded_shape shape;
    size_t stride;
    struct encoded_found found; /* what the index was */

    int writes;
    int lock_file, index_file, data_file; /* -1: not open */
    size_t data_number;                   /* of the open data file */
    size_t synced;                        /* records whose entries are on disk */
    double since;                         /* when the first one behind them was added */

    pthread_mutex_t lock; /* of what follows */
    struct encoded_index index;
    char **map; /* [maps] data files; NULL: not mapped yet */
    size_t maps;
};

static int no_memory(const struct encoded *e, struct error *err)
{
    return error_set(err, STATUS_FAILED, "%s: out of memory", e->path);
}

/* The path of a file of the cache; NULL with an error. */
static char *path_of(const struct encoded *e, const char *name, struct error *err)
{
    char *path = file_join(e->path, name);
    if (!path)
        no_memory(e, err);
    return path;
}

static char *data_path(const struct encoded *e, size_t number, struct error *err)
{
    char name[32];
    snprintf(name, sizeof name, "data-%04zu", number);
    return path_of(e, name, err);
}

static int write_at(int fd, const void *bytes, size_t size, uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        const ssize_t put =
            pwrite(fd, (const char *)bytes + done, size - done, (off_t)(offset + done));
        if (put < 0 && errno != EINTR)
            return -1;
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* --- what an interrupted writer left */

/* 1: another process has it. */
static int take_lock(struct encoded *e, struct error *err)
{
    char *path = path_of(e, "lock", err);
    if (!path)
        return -1;
    e->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    int failed = e->lock_file < 0 || flock(e->lock_file, LOCK_EX | LOCK_NB);
    const int busy = failed && e->lock_file >= 0 && errno == EWOULDBLOCK;
    if (failed && !busy)
        error_errno(err, STATUS_FAILED, path);
    if (failed && e->lock_file >= 0) {
        close(e->lock_file);
        e->lock_file = -1;
    }
    free(path);
    return busy ? 1 : failed ? -1 : 0;
}

/* The text of the key: the folder's name is its hash, so another text there is a damaged one. */
static int write_text(struct encoded *e, struct error *err)
{
    struct error ignored;
    char *path = path_of(e, "key.txt", err);
    char *there = path ? file_read(path, KEY_MOST, NULL, &ignored) : NULL;
    int failed = !path;
    if (path)
        file_sweep(path, 0);
    if (path && (!there || strcmp(there, e->text)))
        failed = file_write(path, e->text, strlen(e->text), err);
    free(there);
    free(path);
    return failed;
}

/* Entries from record `first` on, up to `end`. */
static int write_entries(struct encoded *e, size_t first, size_t end)
{
    unsigned char entry[64][ENCODED_ENTRY];
    while (first < end) {
        const size_t n = end - first < 64 ? end - first : 64;
        pthread_mutex_lock(&e->lock);
        for (size_t i = 0; i < n; i++)
            encoded_index_entry(&e->index, first + i, entry[i]);
        pthread_mutex_unlock(&e->lock);
        if (write_at(e->index_file, entry, n * ENCODED_ENTRY, (first + 1) * ENCODED_ENTRY))
            return -1;
        first += n;
    }
    return 0;
}

/* Makes the index file what was understood of it; -1 with errno. */
static int repair(struct encoded *e, const char *path)
{
    const struct encoded_index *index = &e->index;
    unsigned char head[ENCODED_ENTRY];
    encoded_index_head(index, head);
    if (!index->has_head && write_at(e->index_file, head, sizeof head, 0))
        return -1;
    if (index->cut && ftruncate(e->index_file, (off_t)((index->count + 1) * ENCODED_ENTRY)))
        return -1;
    for (size_t i = 0; i < index->damaged; i++)
        if (write_entries(e, index->where[i], index->where[i] + 1))
            return -1;
    if (index->has_head && !index->cut && !index->damaged)
        return 0;
    return fsync(e->index_file) || file_sync_name(path) || file_sync_name(e->path) ? -1 : 0;
}

static int open_index(struct encoded *e, struct error *err)
{
    const int how = e->writes ? O_RDWR | O_CREAT : O_RDONLY;
    char *path = path_of(e, "index", err);
    int failed = path ? 0 : -1;
    if (path && (e->index_file = open(path, how | O_CLOEXEC | O_NOFOLLOW, 0666)) < 0)
        failed = errno == ENOENT && !e->writes ? 0 : error_errno(err, STATUS_FAILED, path);
    if (!failed && e->index_file >= 0)
        failed = encoded_index_read(&e->index, e->index_file, path, err);
    if (!failed && e->writes && repair(e, path))
        failed = error_errno(err, STATUS_FAILED, path);
    e->synced = e->index.count;
    free(path);
    return failed;
}

/* Makes the folder, and has the lock. 1: another process has it. */
static int enter_to_write(struct encoded *e, struct error *err)
{
    const int busy = file_mkdir(e->path, err) ? -1 : take_lock(e, err);
    return busy ? busy : write_text(e, err) ? -1 : 0;
}

/* Reads the index. */
static int enter(struct encoded *e, struct error *err)
{
    if (open_index(e, err))
        return -1;
    struct encoded_found *f = &e->found;
    *f = (struct encoded_found){e->folder, e->name, e->path, e->text, 0, 0, e->index.damaged};
    f->cut = e->writes ? e->index.cut : 0; /* a reader may see what is being written */
    for (size_t i = 0; i < e->index.count; i++)
        f->records += encoded_index_find(&e->index, e->index.record[i].hash) == (int64_t)i;
    return 0;
}

/* --- open and close */

static void unmap_all(struct encoded *e)
{
    for (size_t i = 0; i < e->maps; i++)
        if (e->map[i])
            munmap(e->map[i], (size_t)e->index.by_file * e->stride);
    free(e->map);
    e->map = NULL;
    e->maps = 0;
}

static void close_file(int *file)
{
    if (*file >= 0)
        close(*file);
    *file = -1;
}

/* Frees all and closes all. */
static void end(struct encoded *e)
{
    unmap_all(e);
    encoded_index_fini(&e->index);
    close_file(&e->data_file);
    close_file(&e->index_file);
    close_file(&e->lock_file);
    pthread_mutex_destroy(&e->lock);
    free(e->folder);
    free(e->path);
    free(e->text);
    free(e);
}

static void name_key(struct encoded *e)
{
    const struct content key = content_of(e->text, strlen(e->text));
    uint64_t by_file = encoded_file_bytes / e->stride;
    encoded_index_init(&e->index, key, e->stride, by_file ? by_file : 1);
    content_text(key, e->name);
}

static int open_it(struct encoded *e, struct error *err)
{
    const int busy = e->writes ? enter_to_write(e, err) : 0;
    if (busy > 0)
        return error_set(err, STATUS_FAILED,
                         "%s: another process adds to this cache: wait for its end, or name "
                         "another folder",
                         e->path);
    return busy ? -1 : enter(e, err);
}

struct encoded *encoded_open(const char *folder, const char *what,
                             const struct encoded_shape *shape, int writes, struct error *err)
{
    if (encoded_shape_check(shape, err))
        return NULL;
    struct encoded *e = calloc(1, sizeof *e);
    if (!e) {
        error_set(err, STATUS_FAILED, "%s: out of memory", folder);
        return NULL;
    }
    e->shape = *shape;
    e->stride = encoded_stride(shape);
    e->writes = writes;
    e->lock_file = e->index_file = e->data_file = -1;
    pthread_mutex_init(&e->lock, NULL);
    e->folder = strdup(folder);
    if ((e->text = encoded_key_text(shape, what)))
        name_key(e);
    e->path = e->text ? file_join(folder, e->name) : NULL;
    const int failed = !e->folder || !e->path
                           ? error_set(err, STATUS_FAILED, "%s: out of memory", folder)
                           : open_it(e, err);
    if (!failed)
        return e;
    end(e);
    return NULL;
}

/* What was verified of records that are still the same. */
static void keep_states(struct encoded_index *to, const struct encoded_index *from)
{
    for (size_t i = 0; i < to->count && i < from->count; i++) {
        const struct encoded_record *was = &from->record[i];
        struct encoded_record *is = &to->record[i];
        if (is->state == ENCODED_UNREAD && was->state != ENCODED_UNREAD &&
            is->checksum == was->checksum && content_same(is->hash, was->hash))
            is->state = was->state;
    }
}

int encoded_take(struct encoded *e, struct error *err)
{
    struct encoded_index before = e->index;
    const int busy = e->writes ? 0 : enter_to_write(e, err);
    if (e->writes || busy)
        return busy;
    unmap_all(e);
    close_file(&e->index_file);
    e->writes = 1;
    name_key(e);
    const int failed = enter(e, err);
    if (!failed)
        keep_states(&e->index, &before);
    encoded_index_fini(&before);
    return failed;
}

int encoded_leave(struct encoded *e, struct error *err)
{
    if (encoded_sync(e, err))
        return -1;
    e->writes = 0;
    close_file(&e->data_file);
    close_file(&e->lock_file);
    return 0;
}

int encoded_close(struct encoded *e, struct error *err)
{
    if (!e)
        return 0;
    const int failed = encoded_sync(e, err);
    end(e);
    return failed;
}

struct encoded_found encoded_found(const struct encoded *e)
{
    return e->found;
}

/* --- adding */

/* The file of a record, in which those behind it go too. -1 with an error. */
static int open_data(struct encoded *e, size_t number, struct error *err)
{
    if (e->data_file >= 0 && e->data_number == number)
        return 0;
    if (encoded_sync(e, err))
        return -1;
    if (e->data_file >= 0)
        close(e->data_file);
    char *path = data_path(e, number, err);
    e->data_file = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;
    e->data_number = number;
    int failed = e->data_file < 0 || file_sync_name(path);
    if (failed && path)
        error_errno(err, STATUS_FAILED, path);
    free(path);
    return failed ? -1 : 0;
}

/* Where the checksum of a record begins. */
static uint32_t seed(struct content hash, uint64_t record)
{
    const uint64_t about[] = {hash.high, hash.low, record};
    return crc32c(0, about, sizeof about);
}

/* Writes bytes with the zeros behind them, and moves on what they are written to. */
static int write_part(const struct encoded *e, const void *bytes, size_t size, uint64_t *at,
                      uint32_t *crc)
{
    static const char zeros[ENCODED_ALIGN];
    const size_t more = (ENCODED_ALIGN - size % ENCODED_ALIGN) % ENCODED_ALIGN;
    *crc = crc32c(crc32c(*crc, bytes, size), zeros, more);
    if (write_at(e->data_file, bytes, size, *at) || write_at(e->data_file, zeros, more, *at + size))
        return -1;
    *at += size + more;
    return 0;
}

int encoded_add(struct encoded *e, struct content hash, const void *rows, const float *pooled,
                struct error *err)
{
    const uint64_t record = e->index.count, by_file = e->index.by_file;
    const size_t pooled_bytes = encoded_pooled_bytes(&e->shape);
    uint64_t at = record % by_file * e->stride;
    uint32_t crc = seed(hash, record);
    if (open_data(e, (size_t)(record / by_file), err))
        return -1;
    if (write_part(e, rows, encoded_rows_bytes(&e->shape), &at, &crc) ||
        (pooled_bytes && write_part(e, pooled, pooled_bytes, &at, &crc)))
        return error_errno(err, STATUS_FAILED, e->path);
    if (record == e->synced)
        e->since = now();
    pthread_mutex_lock(&e->lock);
    int failed = encoded_index_add(&e->index, hash, crc);
    pthread_mutex_unlock(&e->lock);
    if (failed)
        return no_memory(e, err);
    const uint64_t pending = record + 1 - e->synced;
    return pending >= PENDING_RECORDS || pending * e->stride >= PENDING_BYTES ||
                   now() - e->since >= PENDING_SECONDS
               ? encoded_sync(e, err)
               : 0;
}

int encoded_sync(struct encoded *e, struct error *err)
{
    const size_t count = e->writes ? e->index.count : e->synced;
    if (e->synced == count)
        return 0;
    if (fdatasync(e->data_file) || write_entries(e, e->synced, count) || fdatasync(e->index_file))
        return error_errno(err, STATUS_FAILED, e->path);
    e->synced = count;
    return 0;
}

/* --- reading */

int64_t encoded_find(struct encoded *e, struct content hash)
{
    pthread_mutex_lock(&e->lock);
    const int64_t record = encoded_index_find(&e->index, hash);
    pthread_mutex_unlock(&e->lock);
    return record;
}

/* The record is damaged: nobody finds it from now on. */
static int judge_bad(struct encoded *e, size_t record, const char *why, struct error *err)
{
    pthread_mutex_lock(&e->lock);
    e->index.record[record].state = ENCODED_BAD;
    pthread_mutex_unlock(&e->lock);
    return error_damaged(err, "%s/data-%04zu: the clip at place %zu is damaged (%s)", e->path,
                         (size_t)(record / e->index.by_file), (size_t)(record % e->index.by_file),
                         why);
}

/* The checksum of a record's bytes; -1 with errno, 0 where the file ends before. */
static int sum_bytes(const struct encoded *e, int fd, size_t record, uint32_t *crc)
{
    const uint64_t from = record % e->index.by_file * e->stride;
    char *chunk = malloc(CHUNK);
    int failed = !chunk;
    for (size_t at = 0; at < e->stride && !failed; at += CHUNK) {
        const size_t bytes = e->stride - at < CHUNK ? e->stride - at : CHUNK;
        if (!(failed = file_read_at(fd, from + at, bytes, chunk)))
            *crc = crc32c(*crc, chunk, bytes);
    }
    free(chunk);
    return failed ? -1 : 0;
}

/* Verifies a record, by reading and not where it is mapped: there a bad disk ends the process. */
static int verify(struct encoded *e, size_t record, const struct encoded_record *r,
                  struct error *err)
{
    char *path = data_path(e, record / (size_t)e->index.by_file, err);
    uint32_t crc = seed(r->hash, record);
    if (!path)
        return -1;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const int failed = fd < 0 || sum_bytes(e, fd, record, &crc), number = failed ? errno : 0;
    if (fd >= 0)
        close(fd);
    errno = number;
    if (failed && (number == 0 || number == ENOENT || number == EIO))
        judge_bad(e, record, number ? strerror(number) : "the file ends before it", err);
    else if (failed)
        error_errno(err, STATUS_FAILED, path);
    else if (crc != r->checksum)
        judge_bad(e, record, "its checksum does not fit", err);
    free(path);
    return failed || crc != r->checksum ? -1 : 0;
}

/* A data file in memory, as long as it can become. The lock is held. */
static char *map_file(struct encoded *e, size_t number, struct error *err)
{
    if (number >= e->maps) {
        char **more = realloc(e->map, (number + 1) * sizeof *more);
        if (!more)
            return no_memory(e, err), NULL;
        while (e->maps <= number)
            more[e->maps++] = NULL;
        e->map = more;
    }
    if (e->map[number])
        return e->map[number];
    char *path = data_path(e, number, err);
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    void *map = fd >= 0
                    ? mmap(NULL, (size_t)e->index.by_file * e->stride, PROT_READ, MAP_SHARED, fd, 0)
                    : MAP_FAILED;
    if (path && map == MAP_FAILED)
        error_errno(err, STATUS_FAILED, path);
    if (fd >= 0)
        close(fd);
    free(path);
    return map == MAP_FAILED ? NULL : (e->map[number] = map);
}

/* A record's bytes, verified. */
static const char *bytes_of(struct encoded *e, size_t record, struct error *err)
{
    pthread_mutex_lock(&e->lock);
    struct encoded_record r = e->index.record[record];
    pthread_mutex_unlock(&e->lock);
    if (r.state == ENCODED_BAD)
        return judge_bad(e, record, "as was told before", err), NULL;
    if (r.state == ENCODED_UNREAD && verify(e, record, &r, err))
        return NULL;
    pthread_mutex_lock(&e->lock);
    if (e->index.record[record].state == ENCODED_UNREAD)
        e->index.record[record].state = ENCODED_GOOD;
    const char *map = map_file(e, record / (size_t)e->index.by_file, err);
    pthread_mutex_unlock(&e->lock);
    return map ? map + record % (size_t)e->index.by_file * e->stride : NULL;
}

const void *encoded_rows(struct encoded *e, size_t record, struct error *err)
{
    return bytes_of(e, record, err);
}

const float *encoded_pooled(struct encoded *e, size_t record, struct error *err)
{
    const char *bytes = encoded_pooled_bytes(&e->shape) ? bytes_of(e, record, err) : NULL;
    return bytes ? (const float *)(const void *)(bytes + encoded_pooled_at(&e->shape)) : NULL;
}
