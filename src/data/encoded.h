/* SPDX-License-Identifier: MIT */
/*
 * encoded: a cache on disk of what a frozen encoder makes of clips. A cache lies in FOLDER/KEY/,
 * whose KEY is the hash of a text that names all on which its bytes depend: another text is another
 * cache. It holds records of one size, found by the hash of a clip's content (util/content). A
 * cache that is open owns its memory and its mapped files; strings that are given stay the
 * caller's.
 *
 *   FOLDER/KEY/key.txt       the text of the key, for people and for encoded_tell()
 *   FOLDER/KEY/lock          the writer's lock, never unlinked, as run.lock
 *   FOLDER/KEY/index         what encoded_index.h describes
 *   FOLDER/KEY/data-0000 ... records, one behind the other, as encoded_shape.h describes them
 *
 * Records are only ever added. The entry of one is written when its bytes are on disk (fdatasync),
 * so a cache goes on after an interruption at any byte, and has lost what was added since the last
 * encoded_sync() at most. The checksum of a record (CRC-32C) is also over the clip's hash and the
 * record's place: bytes that changed or lie elsewhere are found. It is verified once in a process,
 * when the record is first asked for, and not when a cache is opened: the bytes are then read
 * anyway, which is most of the cost (the sum takes roughly 1 s for 3 GB), records that nobody
 * asks for cost nothing, and several threads can share the work. Until a damaged record is replaced
 * by another of the same hash, nobody finds it.
 *
 * One process at a time adds; others may read beside it what the index had when they opened it, and
 * take their turn at adding with encoded_take(). Any thread may find and read; one thread adds.
 */
#ifndef DATA_ENCODED_H
#define DATA_ENCODED_H

#include <stddef.h>
#include <stdint.h>

#include "data/encoded_shape.h"
#include "error.h"
#include "util/content.h"

struct encoded;

/* Bytes of a data file of a new cache, 1 GiB: a file has as many records as fit, at least one. */
extern uint64_t encoded_file_bytes;

/*
 * Opens the cache of a key: `what` are its lines "name = value", of the weights' hash, the
 * preprocessing and all else that makes the bytes; the shape is added to them. With `writes` the
 * folder and the cache are made if they are not there, what interrupted writes left is dropped, and
 * damaged entries are marked so; else nothing is changed, and what is not there is empty. Fails
 * where another process has the lock, and where files cannot be read or written.
 */
struct encoded *encoded_open(const char *folder, const char *what,
                             const struct encoded_shape *shape, int writes, struct error *err);

/*
 * Has an open cache be written from now on, as encoded_open() with `writes`. What others have added
 * since is found; what was verified stays so. 1: another process adds to it, and nothing is
 * changed: it can be tried again. Meanwhile no other thread may use the cache.
 */
int encoded_take(struct encoded *e, struct error *err);

/* encoded_sync(), and others may add: what can be found stays. */
int encoded_leave(struct encoded *e, struct error *err);

/* encoded_sync() and the end, which comes also where that fails. NULL is no cache. */
int encoded_close(struct encoded *e, struct error *err);

/* The record of a clip; -1: there is none. */
int64_t encoded_find(struct encoded *e, struct content hash);

/*
 * Adds a record: rows [frames, N, D] of the shape's type and pooled [frames, D], NULL where the
 * shape has none. Of several with one hash the last one counts. Syncs by itself each 64 MiB, 1024
 * records or two seconds. On failure (the disk is full) the cache is as it was before.
 */
int encoded_add(struct encoded *e, struct content hash, const void *rows, const float *pooled,
                struct error *err);

/* Whatever was added is on disk. After a failure it may be called again. */
int encoded_sync(struct encoded *e, struct error *err);

/*
 * The rows of a record that was found, and its pooled vectors (NULL where the shape has none), in
 * mapped memory that is good until encoded_close(). NULL where its bytes are damaged or cannot be
 * read: err->damaged is set if to make the record anew helps, and encoded_find() no longer finds
 * it.
 */
const void *encoded_rows(struct encoded *e, size_t record, struct error *err);
const float *encoded_pooled(struct encoded *e, size_t record, struct error *err);

/* What was found when the cache was opened; strings live as long as it does. */
struct encoded_found {
    const char *folder, *name, *path; /* FOLDER, KEY, FOLDER/KEY */
    const char *text;                 /* of the key */
    size_t records;                   /* that can be found */
    size_t cut;                       /* bytes of the index that an interrupted write had left */
    size_t damaged;                   /* entries of the index whose clips are to be encoded anew */
};
struct encoded_found encoded_found(const struct encoded *e);

#endif
