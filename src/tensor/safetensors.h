/* SPDX-License-Identifier: MIT */
/*
 * safetensors: named tensors and string metadata in one file, the format of
 * github.com/huggingface/safetensors: u64 little-endian length of a JSON header, the header (padded
 * with blanks to 8 bytes), then the data, tensors in the header's order without holes.
 *
 * Reading trusts nothing: lengths, offsets, shapes and UTF-8 are checked before use and a fault
 * names the file and the tensor. Writing goes through util/file.h, so that the file appears whole
 * or not at all. A `struct safetensors` owns its memory and must not be moved.
 *
 * What is written carries sums, CRC32C in eight hexadecimal digits, among its metadata: crc32c.NAME
 * of each tensor's bytes, and crc32c of all that is in front of the tensors' bytes, with its own
 * digits taken as zeros. A file that has them is held against them: its header when it is opened, a
 * tensor whenever it is read. They are no part of `meta`. Bytes that are not as they should be make
 * an error that is `damaged`.
 */
#ifndef TENSOR_SAFETENSORS_H
#define TENSOR_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "tensor/dtype.h"

#define SAFETENSORS_MAX_RANK 8

/* Copies `bytes` from `offset` on to `to`: how a tensor is had that lies elsewhere. */
typedef int safetensors_fetch(void *from, size_t offset, size_t bytes, void *to, struct error *err);

/* Takes a tensor's bytes from `offset` on. */
typedef int safetensors_take(void *to, size_t offset, size_t bytes, const void *piece,
                             struct error *err);

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
    uint32_t sum; /* of the bytes, as the file says, if it has sums */
};

struct safetensors {
    struct safetensor *tensor;
    size_t count;
    struct {
        char *key, *value;
    } * meta;
    size_t metas;
    int summed; /* what was read had sums */
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

/* Reads a whole file; STATUS_INPUT with "path: cause". Types that are not in `enum
 * dtype`, and NF4, fail. */
struct safetensors *safetensors_read(const char *path, struct error *err);

/* The same but for the data, which stay in the file, held open. */
struct safetensors *safetensors_open(const char *path, struct error *err);

/* Gives the data of a tensor of `st` to `take`, in pieces, in their order. That they are damaged is
 * known, and told, when the last piece has been taken. */
int safetensors_each(const struct safetensors *st, const struct safetensor *tensor,
                     safetensors_take *take, void *to, struct error *err);

/* Copies all data of a tensor of `st`. */
int safetensors_copy(const struct safetensors *st, const struct safetensor *tensor, void *to,
                     struct error *err);

/* The same from memory (for the fuzzer); `name` stands for the path. */
struct safetensors *safetensors_parse(const void *bytes, size_t size, const char *name,
                                      struct error *err);

/* Writes aside, syncs the file and its folder, renames. What fetch says of a failure is told. */
int safetensors_write(const struct safetensors *st, const char *path, struct error *err);

/* The same, and a file that has the name already is kept as `former`, unless that is NULL. */
int safetensors_write_keeping(const struct safetensors *st, const char *path, const char *former,
                              struct error *err);

#endif
