/* SPDX-License-Identifier: MIT */
/*
 * encoded_index: the index of a cache of encoded clips: the hash and the checksum of each record,
 * in the order of the records; internal to src/data. The index in memory is the caller's struct;
 * encoded_index_fini() frees what it holds.
 *
 * The file is a head of 64 bytes and 64 bytes for each record, in the machine's byte order, which
 * the key tells. Head and entries have a checksum, of an entry also over the key and its place. So
 * an entry is whole, or it is damaged, whatever became of the others.
 */
#ifndef DATA_ENCODED_INDEX_H
#define DATA_ENCODED_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "util/content.h"

#define ENCODED_ENTRY 64
#define ENCODED_MOST ((size_t)1 << 24) /* records of an index */

enum encoded_state {
    ENCODED_UNREAD, /* its checksum is yet to be verified */
    ENCODED_GOOD,
    ENCODED_BAD, /* its bytes or its entry are damaged; nobody finds it */
};

struct encoded_record {
    struct content hash;
    uint32_t checksum;
    enum encoded_state state;
};

struct encoded_index {
    struct content key;
    uint64_t stride;               /* bytes of a record */
    uint64_t by_file;              /* records of a data file */
    struct encoded_record *record; /* [count] */
    size_t count, room;
    uint32_t *slot; /* [slots] of a table by hash: a record's number and one, or 0 */
    size_t slots;
    int has_head;   /* the file's head is whole */
    size_t cut;     /* bytes at the end that an interrupted write left */
    size_t damaged; /* entries that were found damaged, */
    size_t *where;  /* [damaged] and which */
};

/* An empty index. */
void encoded_index_init(struct encoded_index *index, struct content key, uint64_t stride,
                        uint64_t by_file);
void encoded_index_fini(struct encoded_index *index);

/*
 * Reads an index file into an empty index. What stands behind the last whole entry is `cut`;
 * entries before it that are not whole are `damaged`, and their records ENCODED_BAD. Fails where it
 * cannot be read, has more than ENCODED_MOST entries, or is the index of another key.
 */
int encoded_index_read(struct encoded_index *index, int fd, const char *path, struct error *err);

/* A record's number; -1: there is none of this hash. Of several the last one counts. */
int64_t encoded_index_find(const struct encoded_index *index, struct content hash);

/* Puts a record behind the others; -1 without memory or beyond ENCODED_MOST. */
int encoded_index_add(struct encoded_index *index, struct content hash, uint32_t checksum);

/* The bytes of the head and of a record's entry; that of a damaged one says that it is none. */
void encoded_index_head(const struct encoded_index *index, unsigned char to[ENCODED_ENTRY]);
void encoded_index_entry(const struct encoded_index *index, size_t record,
                         unsigned char to[ENCODED_ENTRY]);

#endif
