/* SPDX-License-Identifier: MIT */
/*
 * encoded_shape: what a frozen encoder makes of a clip: its extents, how many bytes it takes in a
 * cache, and the text that tells one cache from another. Pure functions; they own nothing.
 *
 * A record of a cache is the rows, then the pooled vectors, each filled up with zeros to a multiple
 * of ENCODED_ALIGN bytes.
 */
#ifndef DATA_ENCODED_SHAPE_H
#define DATA_ENCODED_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define ENCODED_ALIGN 64

enum encoded_type { ENCODED_BF16, ENCODED_FP32 };

struct encoded_shape {
    size_t frames, rows, width;  /* [frames, N, D]; frames 1 where rows are means over the frames */
    enum encoded_type type;      /* of the rows */
    size_t pooled, pooled_width; /* [frames, D] fp32; 0: there are none */
};

/* Refuses extents of which a record is empty or has more than 2^40 bytes: STATUS_USAGE. */
int encoded_shape_check(const struct encoded_shape *shape, struct error *err);

/* Bytes of a record's rows, and where in a record the pooled vectors begin. */
size_t encoded_rows_bytes(const struct encoded_shape *shape);
size_t encoded_pooled_at(const struct encoded_shape *shape);
size_t encoded_pooled_bytes(const struct encoded_shape *shape);

/* From one record to the next. */
size_t encoded_stride(const struct encoded_shape *shape);

/* Bytes on disk of a cache of so many records, but for the file system's own. */
uint64_t encoded_bytes(const struct encoded_shape *shape, size_t records);

/* The text of a key: lines "name = value" for the format and the shape, then the caller's `what`
 * as it is. The caller frees; NULL without memory. */
char *encoded_key_text(const struct encoded_shape *shape, const char *what);

#endif
