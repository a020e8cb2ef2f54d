/* SPDX-License-Identifier: MIT */
/*
 * file: files that appear whole or not at all, files that are read, and folders.
 *
 * file_begin() makes a new file beside PATH, PATH.PID.tmp, which no other process writes to;
 * file_commit() syncs it, renames it to PATH and syncs the folder; file_abort() removes it. Both
 * free the draft. Its stream is the caller's to write to in between.
 */
#ifndef UTIL_FILE_H
#define UTIL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "error.h"

struct file_draft {
    FILE *stream;
    char *path, *aside; /* where it is to be, where it is */
};

/* Flushes a stream: 0, or the errno of what failed, now or in an earlier write. */
int file_flush_errno(FILE *stream);

/* The same; fails with "NAME: cause". */
int file_flush(FILE *stream, const char *name, struct error *err);

struct file_draft *file_begin(const char *path, struct error *err);
int file_commit(struct file_draft *draft, struct error *err);
void file_abort(struct file_draft *draft);

/* As file_commit(), but a file that has the name already is kept under the name `former`, where it
 * takes the place of what is there. */
int file_commit_keeping(struct file_draft *draft, const char *former, struct error *err);

/* Syncs the folder that holds PATH: a new name is on disk only when its folder is. -1 with errno.
 */
int file_sync_name(const char *path);

/* Removes PATH.tmp, PATH.PID.tmp and PATH.PID-1.tmp, which killed processes left, if nothing was
 * written to them for `seconds`. With 0 nobody else may be writing PATH. */
void file_sweep(const char *path, double seconds);

/* A whole small file at once. */
int file_write(const char *path, const void *bytes, size_t size, struct error *err);

/*
 * Opens a file for reading: a descriptor, -1 with STATUS_INPUT. A pipe without data has
 * `file_patience` seconds (5) for a writer to open it, and is then read to its end, however slow.
 * file_open_regular() refuses what is no regular file. *state is for file_unchanged().
 */
extern double file_patience;
int file_open(const char *path, struct stat *state, struct error *err);
int file_open_regular(const char *path, struct stat *state, struct error *err);

/* Whether two looks at a path found the same file, unchanged: its number, size and time of change.
 */
int file_same(const struct stat *one, const struct stat *other);

/* Fails with STATUS_INPUT if a regular file's size or time of change is no longer that of `state`.
 */
int file_unchanged(int fd, const struct stat *state, const char *path, struct error *err);

/* Reads a whole file into memory that the caller frees, with a NUL behind it; STATUS_INPUT. Files
 * over `limit` bytes, and those that change while they are read, are refused. */
char *file_read(const char *path, size_t limit, size_t *size, struct error *err);

/* `bytes` bytes of an open file from `offset` on; -1 too, with errno 0, if it ends before. */
int file_read_at(int fd, uint64_t offset, size_t bytes, void *to);

/* Whether a folder has this path, links followed. If not, errno is 0 where something else has it,
 * ENOENT where nothing does, and else why that cannot be told. */
int file_is_folder(const char *path);

/* The real name of a path, the last folders of which need not be there; the caller frees. NULL
 * without memory. */
char *file_real(const char *path);

/* mkdir -p; STATUS_FAILED. */
int file_mkdir(const char *path, struct error *err);

/* Bytes that are free for this process where PATH lies or would lie; STATUS_FAILED. */
int file_free_space(const char *path, uint64_t *bytes, struct error *err);

/* A folder below $XDG_CACHE_HOME/seqtrain (or ~/.cache/seqtrain), made; "": that folder itself. The
 * caller frees; NULL with STATUS_FAILED. */
char *file_cache(const char *name, struct error *err);

/* "folder/name" in memory that the caller frees. */
char *file_join(const char *folder, const char *name);

#endif
