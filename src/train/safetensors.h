/* SPDX-License-Identifier: MIT */
/*
 * safetensors: named tensors and string metadata in one file, the format of
 * github.com/huggingface/safetensors: u64 little-endian length of a JSON header, the header (padded
 * with blanks to 8 bytes), then the data, tensors in the header's order without holes.
 *
 * Reading trusts nothing: lengths, offsets, shapes and UTF-8 are checked before use and a fault
 * names the file and the tensor. Writing goes through file_write_* (util/file.h), so that the file
 * appears whole or not at all. A `struct safetensors` owns its memory and must not be moved.
 */
#ifndef TRAIN_SAFETENSORS_H
#define TRAIN_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum dtype { DTYPE_F32, DTYPE_F64, DTYPE_U8, DTYPE_I32, DTYPE_U32, DTYPE_I64, DTYPE_U64 };

#define SAFETENSORS_MAX_RANK 8

/* Copies `bytes` from `offset` on to `to`: how a tensor is had that lies elsewhere. */
typedef int safetensors_fetch(void *from, size_t offset, size_t bytes, void *to, struct error *err);

struct safetensor {
    char *name;
    enum dtype dtype;
    size_t rank;
    uint64_t shape[SAFETENSORS_MAX_RANK];
    size_t bytes;
    void *data; /* aligned for its type; NULL if it lies elsewhere */
    safetensors_fetch *fetch;
    void *from;
    size_t at;
};

struct safetensors {
    struct safetensor *tensor;
    size_t count;
    struct {
        char *key, *value;
    } * meta;
    size_t metas;
    char *path; /* of the open file that holds the tensors' data; NULL: none */
    int file;
};

struct safetensors *safetensors_new(void);
void safetensors_free(struct safetensors *st);

/* Adds a copy of `data`. Fails (STATUS_FAILED) on a name that is there already or without memory.
 */
int safetensors_add(struct safetensors *st, const char *name, enum dtype dtype, size_t rank,
                    const uint64_t *shape, const void *data, struct error *err);

/* Adds a tensor that safetensors_write() will fetch piece by piece, its first byte from offset `at`
 * of `from`, so that large ones need no second place in memory. Fails as safetensors_add(). */
int safetensors_add_far(struct safetensors *st, const char *name, enum dtype dtype, size_t rank,
                        const uint64_t *shape, safetensors_fetch *fetch, void *from, size_t at,
                        struct error *err);
int safetensors_set(struct safetensors *st, const char *key, const char *value, struct error *err);

/* Tensor or metadata by name; NULL if absent. */
const struct safetensor *safetensors_find(const struct safetensors *st, const char *name);
const char *safetensors_get(const struct safetensors *st, const char *key);

/* Reads a whole file; STATUS_INPUT with "path: cause". Types that are not in `enum dtype` fail. */
struct safetensors *safetensors_read(const char *path, struct error *err);

/* The same but for the data, which stay in the file, held open: see safetensors_copy(). */
struct safetensors *safetensors_open(const char *path, struct error *err);

/* Copies [offset, offset + bytes) of a tensor's data, which must be within it. */
int safetensors_copy(const struct safetensor *tensor, size_t offset, size_t bytes, void *to,
                     struct error *err);

/* The same from memory (for the fuzzer); `name` stands for the path. */
struct safetensors *safetensors_parse(const void *bytes, size_t size, const char *name,
                                      struct error *err);

/* Writes aside, syncs the file and its folder, renames. What fetch says of a failure is told. */
int safetensors_write(const struct safetensors *st, const char *path, struct error *err);

#endif
