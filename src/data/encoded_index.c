/* SPDX-License-Identifier: MIT */
#include "data/encoded_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/crc32c.h"
#include "util/file.h"

#define MAGIC "seqtrain encoded 1\n"
#define CHUNK 1024 /* entries that are read at once */

struct head {
    char magic[24];
    struct content key;
    uint64_t stride, by_file;
    uint32_t unused, check;
};

enum kind { KIND_RECORD = 1, KIND_NONE = 2 };

struct entry {
    struct content hash;
    uint32_t checksum, kind;
    uint64_t unused[4];
    uint32_t unused_too, check;
};

_Static_assert(sizeof(struct head) == ENCODED_ENTRY, "the head has the size of an entry");
_Static_assert(sizeof(struct entry) == ENCODED_ENTRY, "an entry has its size");

static uint32_t check_head(const struct head *head)
{
    return crc32c(0, head, offsetof(struct head, check));
}

/* An entry of another cache, or of another place, does not fit. */
static uint32_t check_entry(const struct entry *entry, struct content key, uint64_t place)
{
    uint32_t crc = crc32c(0, &key, sizeof key);
    crc = crc32c(crc, &place, sizeof place);
    return crc32c(crc, entry, offsetof(struct entry, check));
}

void encoded_index_init(struct encoded_index *index, struct content key, uint64_t stride,
                        uint64_t by_file)
{
    *index = (struct encoded_index){.key = key, .stride = stride, .by_file = by_file};
}

void encoded_index_fini(struct encoded_index *index)
{
    free(index->record);
    free(index->slot);
    free(index->where);
    index->record = NULL;
    index->slot = NULL;
    index->where = NULL;
    index->count = index->room = index->slots = index->damaged = 0;
}

/* --- records by hash */

/* Where in the table the hash is, or would be. */
static size_t place_of(const struct encoded_index *index, struct content hash)
{
    size_t at = (size_t)hash.low & (index->slots - 1);
    while (index->slot[at] && !content_same(index->record[index->slot[at] - 1].hash, hash))
        at = (at + 1) & (index->slots - 1);
    return at;
}

/* A table of `slots` places, a power of two, for the records that there are. */
static int make_table(struct encoded_index *index, size_t slots)
{
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return -1;
    free(index->slot);
    index->slot = slot;
    index->slots = slots;
    for (size_t i = 0; i < index->count; i++)
        if (index->record[i].state != ENCODED_BAD)
            slot[place_of(index, index->record[i].hash)] = (uint32_t)i + 1;
    return 0;
}

/* Room for `count` records, and for twice as many in the table. */
static int make_room(struct encoded_index *index, size_t count)
{
    size_t room = index->room ? index->room : 64;
    if (count > ENCODED_MOST)
        return -1;
    while (room < count)
        room *= 2;
    if (room > index->room) {
        struct encoded_record *more = realloc(index->record, room * sizeof *more);
        if (!more)
            return -1;
        index->record = more;
        index->room = room;
    }
    return index->slots < 2 * room ? make_table(index, 2 * room) : 0;
}

int64_t encoded_index_find(const struct encoded_index *index, struct content hash)
{
    if (!index->slots)
        return -1;
    const uint32_t found = index->slot[place_of(index, hash)];
    return found && index->record[found - 1].state != ENCODED_BAD ? (int64_t)found - 1 : -1;
}

int encoded_index_add(struct encoded_index *index, struct content hash, uint32_t checksum)
{
    if (make_room(index, index->count + 1))
        return -1;
    const size_t at = place_of(index, hash);
    index->record[index->count++] = (struct encoded_record){hash, checksum, ENCODED_UNREAD};
    index->slot[at] = (uint32_t)index->count;
    return 0;
}

/* --- the file */

void encoded_index_head(const struct encoded_index *index, unsigned char to[ENCODED_ENTRY])
{
    struct head head = {
        .magic = MAGIC, .key = index->key, .stride = index->stride, .by_file = index->by_file};
    head.check = check_head(&head);
    memcpy(to, &head, sizeof head);
}

void encoded_index_entry(const struct encoded_index *index, size_t record,
                         unsigned char to[ENCODED_ENTRY])
{
    const struct encoded_record *r = &index->record[record];
    struct entry entry = {.kind = KIND_NONE};
    if (r->state != ENCODED_BAD)
        entry = (struct entry){.hash = r->hash, .checksum = r->checksum, .kind = KIND_RECORD};
    entry.check = check_entry(&entry, index->key, record);
    memcpy(to, &entry, sizeof entry);
}

/* A head that is not whole tells nothing that the key does not. */
static int read_head(struct encoded_index *index, int fd, const char *path, struct error *err)
{
    struct head head;
    if (file_read_at(fd, 0, sizeof head, &head))
        return errno ? error_errno(err, STATUS_FAILED, path) : 0;
    if (memcmp(head.magic, MAGIC, sizeof MAGIC) || head.check != check_head(&head))
        return 0;
    if (!content_same(head.key, index->key) || head.stride != index->stride || !head.by_file ||
        head.by_file > (UINT64_C(1) << 62) / head.stride)
        return error_set(err, STATUS_FAILED,
                         "%s: the index of another cache: this folder can be removed", path);
    index->by_file = head.by_file;
    index->has_head = 1;
    return 0;
}

static int is_blank(const struct entry *entry)
{
    static const struct entry blank;
    return !memcmp(entry, &blank, sizeof blank);
}

/* A record that nobody finds. */
static int add_bad(struct encoded_index *index)
{
    if (make_room(index, index->count + 1))
        return -1;
    index->record[index->count++] = (struct encoded_record){.state = ENCODED_BAD};
    return 0;
}

static int add_damaged(struct encoded_index *index)
{
    /* room for the next power of two */
    if (!(index->damaged & (index->damaged - 1))) {
        size_t *more = realloc(index->where, (2 * index->damaged + 1) * sizeof *more);
        if (!more)
            return -1;
        index->where = more;
    }
    index->where[index->damaged++] = index->count;
    return add_bad(index);
}

/* The entry of place i. Blank ones are damaged if one follows that is not. */
static int take_entry(struct encoded_index *index, const struct entry *entry, size_t i)
{
    if (is_blank(entry))
        return 0;
    while (index->count < i)
        if (add_damaged(index))
            return -1;
    if (entry->check != check_entry(entry, index->key, i))
        return add_damaged(index);
    return entry->kind == KIND_RECORD ? encoded_index_add(index, entry->hash, entry->checksum)
                                      : add_bad(index);
}

static int read_entries(struct encoded_index *index, int fd, size_t count, const char *path,
                        struct error *err)
{
    struct entry *entry = malloc(CHUNK * sizeof *entry);
    int failed = !entry;
    for (size_t at = 0; at < count && !failed; at += CHUNK) {
        const size_t n = count - at < CHUNK ? count - at : CHUNK;
        if (file_read_at(fd, (at + 1) * sizeof *entry, n * sizeof *entry, entry)) {
            failed = errno ? error_errno(err, STATUS_FAILED, path) : 0;
            free(entry);
            return failed; /* it may have become shorter: a writer cuts what is blank */
        }
        for (size_t i = 0; i < n && !failed; i++)
            failed = take_entry(index, &entry[i], at + i);
    }
    free(entry);
    return failed ? error_set(err, STATUS_FAILED, "%s: out of memory", path) : 0;
}

int encoded_index_read(struct encoded_index *index, int fd, const char *path, struct error *err)
{
    struct stat state;
    if (fstat(fd, &state))
        return error_errno(err, STATUS_FAILED, path);
    const uint64_t size = (uint64_t)state.st_size;
    if (size / ENCODED_ENTRY > ENCODED_MOST)
        return error_set(err, STATUS_FAILED, "%s: an index of more than %zu records", path,
                         ENCODED_MOST);
    if (read_head(index, fd, path, err))
        return -1;
    const size_t whole = (size_t)(size / ENCODED_ENTRY);
    if (whole && read_entries(index, fd, whole - 1, path, err))
        return -1;
    index->cut = (size_t)size - (whole ? (index->count + 1) * ENCODED_ENTRY : 0);
    return 0;
}
