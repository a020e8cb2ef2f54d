/* SPDX-License-Identifier: MIT */
#include "util/block.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)2 << 20)
#define HEAD ((size_t)64)          /* room for a head: blocks keep the alignment of vectors */
#define SEGMENT ((size_t)16 << 20) /* of a file that small blocks share */
#define ALONE (SEGMENT / 4)        /* blocks from this size on have a file of their own */
#define BLOCK_MOST (PTRDIFF_MAX - SEGMENT)
#define ROUND(n, to) (((n) + (to)-1) / (to) * (to))

/* A file, mapped; this is what it begins with. */
struct segment {
    size_t bytes, used; /* used: with what blocks had that are freed */
    size_t held;        /* by blocks, and by `map` */
};

/* What lies in front of a block. */
struct head {
    size_t bytes;            /* of head and block */
    struct segment *segment; /* NULL: it is memory */
};

/* All under the lock, with the segments. */
static struct {
    pthread_mutex_t lock;
    int depth; /* begins without their end */
    char *folder;
    struct segment *open; /* takes the next block */
    int cause;            /* errno of the last failure */
} map = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- segments */

/* A new file without a name. -1 with errno. */
static int block_file(const char *folder)
{
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return file;
    char *path; /* where the system has no O_TMPFILE */
    if (asprintf(&path, "%s/blocks-XXXXXX", folder) < 0)
        return -1;
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0 && unlink(path)) {
        close(file);
        file = -1;
    }
    free(path);
    return file;
}

/* Zeros in all of a file, known to be on the disk: where the system cannot reserve. */
static int write_zeros(int file, size_t bytes)
{
    static const char zeros[1 << 16];
    for (size_t at = 0; at < bytes;) {
        size_t most = bytes - at < sizeof zeros ? bytes - at : sizeof zeros;
        ssize_t n = pwrite(file, zeros, most, (off_t)at);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return fdatasync(file);
}

/* Gives a file its place on disk: without it, writing to the mapping is a SIGBUS. */
static int reserve(int file, size_t bytes)
{
    int failed;
    while ((failed = fallocate(file, 0, 0, (off_t)bytes)) && errno == EINTR)
        ;
    return failed && (errno == EOPNOTSUPP || errno == ENOSYS) ? write_zeros(file, bytes) : failed;
}

/* A segment with room for so many bytes, held by the caller. NULL with errno. */
static struct segment *segment_new(size_t room)
{
    const size_t bytes = ROUND(room + HEAD, 1 << 16); /* a multiple of any system's page */
    int file = block_file(map.folder);
    if (file < 0)
        return NULL;
    void *at = reserve(file, bytes)
                   ? MAP_FAILED
                   : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int cause = errno;
    close(file);
    errno = cause;
    if (at == MAP_FAILED)
        return NULL;
    struct segment *s = at;
    *s = (struct segment){.bytes = bytes, .used = HEAD, .held = 1};
    return s;
}

static void segment_release(struct segment *s)
{
    if (!--s->held)
        munmap(s, s->bytes);
}

/* The segment that has room for a block, held for it. NULL with errno. */
static struct segment *segment_for(size_t bytes)
{
    if (bytes >= ALONE)
        return segment_new(bytes);
    if (map.open->bytes - map.open->used < bytes) {
        struct segment *more = segment_new(SEGMENT - HEAD);
        if (!more)
            return NULL;
        segment_release(map.open);
        map.open = more;
    }
    map.open->held++;
    return map.open;
}

/* Bytes count the head from here on. */
static struct head *in_file(size_t bytes)
{
    const size_t whole = ROUND(bytes, HEAD);
    struct segment *s = segment_for(whole);
    if (!s) {
        map.cause = errno;
        return NULL;
    }
    struct head *head = (struct head *)((char *)s + s->used);
    s->used += whole;
    *head = (struct head){.bytes = bytes, .segment = s};
    return head;
}

/* Whether a new block of this size lies in a file; then, with `to`, it is made, or NULL. */
static int is_mapped(size_t bytes, struct head **to)
{
    pthread_mutex_lock(&map.lock);
    int mapped = map.depth && bytes >= BLOCK_MAPPED;
    if (mapped && to)
        *to = in_file(bytes + HEAD);
    pthread_mutex_unlock(&map.lock);
    return mapped;
}

/* --- memory */

static struct head *in_memory(size_t bytes)
{
#ifdef MADV_HUGEPAGE
    void *room;
    if (bytes >= 2 * PAGE && !posix_memalign(&room, PAGE, bytes)) {
        madvise(room, bytes - bytes % PAGE, MADV_HUGEPAGE); /* advice: nothing hangs on it */
        return room;
    }
#endif
    return malloc(bytes);
}

static struct head *zeros_in_memory(size_t bytes)
{
    return calloc(1, bytes);
}

/* --- blocks */

static struct head *head_of(void *block)
{
    return (struct head *)((char *)block - HEAD);
}

static void *block_make(size_t bytes, struct head *(*memory)(size_t bytes))
{
    struct head *head;
    if (bytes > BLOCK_MOST)
        return NULL;
    if (!is_mapped(bytes, &head) && (head = memory(bytes + HEAD)))
        *head = (struct head){.bytes = bytes + HEAD};
    return head ? (char *)head + HEAD : NULL;
}

void *block_new(size_t bytes)
{
    return block_make(bytes, in_memory);
}

void *block_zeros(size_t bytes)
{
    return block_make(bytes, zeros_in_memory);
}

/* Gives the pages that a block alone has in its file back to the disk; where the system cannot,
 * they go with the file. */
static void give_back(const struct head *head)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t from = ROUND((uintptr_t)head, page);
    const uintptr_t to = ((uintptr_t)head + head->bytes) / page * page;
    if (from < to)
        madvise((void *)from, to - from, MADV_REMOVE);
}

void block_free(void *block)
{
    struct head *head = block ? head_of(block) : NULL;
    struct segment *s = head ? head->segment : NULL;
    if (!s) {
        free(head);
        return;
    }
    pthread_mutex_lock(&map.lock);
    if (s->held > 1)
        give_back(head);
    segment_release(s);
    pthread_mutex_unlock(&map.lock);
}

/* As realloc(), of a block that is in memory and stays there. */
static void *resize_in_memory(struct head *head, size_t bytes)
{
    head = realloc(head, bytes + HEAD);
    if (head)
        head->bytes = bytes + HEAD;
    return head ? (char *)head + HEAD : NULL;
}

/* As realloc(), of any block. */
static void *resize_by_copy(void *block, size_t bytes)
{
    const size_t before = head_of(block)->bytes - HEAD;
    void *more = block_new(bytes);
    if (!more)
        return NULL;
    memcpy(more, block, before < bytes ? before : bytes);
    block_free(block);
    return more;
}

void *block_resize(void *block, size_t bytes)
{
    if (!block)
        return block_new(bytes);
    if (bytes > BLOCK_MOST)
        return NULL;
    struct head *head = head_of(block);
    if (head->segment && bytes + HEAD <= head->bytes)
        return block;
    return head->segment || is_mapped(bytes, NULL) ? resize_by_copy(block, bytes)
                                                   : resize_in_memory(head, bytes);
}

/* --- the folder */

int block_map_begin(const char *folder)
{
    pthread_mutex_lock(&map.lock);
    if (!map.depth) {
        map.cause = 0;
        map.folder = strdup(folder);
        map.open = map.folder ? segment_new(SEGMENT - HEAD) : NULL;
    }
    int failed = !map.open;
    if (failed)
        free(map.folder);
    else
        map.depth++;
    pthread_mutex_unlock(&map.lock);
    return failed ? -1 : 0;
}

int block_map_end(void)
{
    pthread_mutex_lock(&map.lock);
    const int cause = map.cause;
    if (!--map.depth) {
        segment_release(map.open);
        map.open = NULL;
        free(map.folder);
    }
    pthread_mutex_unlock(&map.lock);
    return cause;
}
