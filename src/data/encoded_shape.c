/* SPDX-License-Identifier: MIT */
#include "data/encoded_shape.h"

#include <inttypes.h>
#include <stdio.h>

#define RECORD_MOST (UINT64_C(1) << 40)
#define ENTRY 64 /* bytes of the index for a record, and for its head */

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ENCODED_ALIGN - 1) / ENCODED_ALIGN * ENCODED_ALIGN;
}

/* a b, or more than any record may have. */
static uint64_t product(uint64_t a, uint64_t b)
{
    return b && a > RECORD_MOST / b ? RECORD_MOST + 1 : a * b;
}

static uint64_t rows_bytes(const struct encoded_shape *s)
{
    return product(product(product(s->frames, s->rows), s->width), s->type == ENCODED_BF16 ? 2 : 4);
}

static uint64_t pooled_bytes(const struct encoded_shape *s)
{
    return product(product(s->pooled, s->pooled_width), 4);
}

int encoded_shape_check(const struct encoded_shape *shape, struct error *err)
{
    const uint64_t rows = rows_bytes(shape), pooled = pooled_bytes(shape);
    const uint64_t most = SIZE_MAX < RECORD_MOST ? SIZE_MAX / 4 : RECORD_MOST;
    if (!rows)
        return error_set(err, STATUS_USAGE, "an encoder's rows [%zu, %zu, %zu] are none",
                         shape->frames, shape->rows, shape->width);
    if (rows > most || pooled > most || rows + pooled > most - 2 * ENCODED_ALIGN)
        return error_set(
            err, STATUS_USAGE,
            "an encoder's rows [%zu, %zu, %zu] with pooled vectors [%zu, %zu] are more "
            "than %" PRIu64 " bytes",
            shape->frames, shape->rows, shape->width, shape->pooled, shape->pooled_width, most);
    return 0;
}

size_t encoded_rows_bytes(const struct encoded_shape *shape)
{
    return (size_t)rows_bytes(shape);
}

size_t encoded_pooled_at(const struct encoded_shape *shape)
{
    return (size_t)aligned(rows_bytes(shape));
}

size_t encoded_pooled_bytes(const struct encoded_shape *shape)
{
    return (size_t)pooled_bytes(shape);
}

size_t encoded_stride(const struct encoded_shape *shape)
{
    return (size_t)(aligned(rows_bytes(shape)) + aligned(pooled_bytes(shape)));
}

uint64_t encoded_bytes(const struct encoded_shape *shape, size_t records)
{
    const uint64_t one = aligned(rows_bytes(shape)) + aligned(pooled_bytes(shape)) + ENTRY;
    return records > (UINT64_MAX - ENTRY) / one ? UINT64_MAX : one * records + ENTRY;
}

static const char *byte_order(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one ? "little" : "big";
}

char *encoded_key_text(const struct encoded_shape *shape, const char *what)
{
    char *text = NULL;
    if (asprintf(&text,
                 "format = 1\nbyte_order = %s\nrows = %zu %zu %zu %s\npooled = %zu %zu fp32\n%s",
                 byte_order(), shape->frames, shape->rows, shape->width,
                 shape->type == ENCODED_BF16 ? "bf16" : "fp32", shape->pooled, shape->pooled_width,
                 what) < 0)
        return NULL;
    return text;
}
