/* SPDX-License-Identifier: MIT */
/*
 * content: a hash of 128 bits of what files hold, by which the same bytes are known again wherever
 * they lie. It is XXH3 of xxHash, the same on every machine; two contents have one hash by an
 * accident of 2^-128. Against who forges files it is no help. It owns nothing beyond a call.
 */
#ifndef UTIL_CONTENT_H
#define UTIL_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct content {
    uint64_t high, low;
};

/* Room for a hash as text. */
#define CONTENT_TEXT 33

/* 32 hexadecimal digits, as xxh128sum(1) prints them. */
const char *content_text(struct content hash, char to[CONTENT_TEXT]);

int content_same(struct content one, struct content other);

struct content content_of(const void *bytes, size_t size);

/* Of a regular file's bytes, as content_of(). Fails with STATUS_INPUT where it cannot be read, or
 * changes meanwhile. */
int content_of_file(const char *path, struct content *hash, struct error *err);

/* Of the bytes of files, their order, sizes and number; their names do not count. */
int content_of_files(char *const *path, size_t count, struct content *hash, struct error *err);

/*
 * Of the weights of a model: of a file as content_of_file(), of a folder its files *.safetensors,
 * config.json, preprocessor_config.json and processor_config.json with their names. A folder
 * without *.safetensors is refused with STATUS_INPUT.
 */
int content_of_weights(const char *path, struct content *hash, struct error *err);

#endif
