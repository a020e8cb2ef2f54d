/* SPDX-License-Identifier: MIT */
#include "tensor/packed.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "cl/packed_maps.h"

const float packed_nf4[16] = {PACKED_NF4};
const float packed_dynamic[256] = {PACKED_DYNAMIC};

int packed_is(enum dtype dtype)
{
    return dtype == DTYPE_NF4 || dtype == DTYPE_NF4_NESTED || dtype == DTYPE_INT8;
}

static size_t ceil_to(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

struct packed_form packed_form(enum dtype dtype, size_t rows, size_t columns)
{
    struct packed_form form = {0};
    if (dtype == DTYPE_INT8) {
        form.scales = form.nested = ceil_to(rows * columns, sizeof(float));
        form.bytes = form.scales + rows * sizeof(float);
        return form;
    }
    form.blocks = ceil_to(rows * columns, PACKED_BLOCK) / PACKED_BLOCK;
    form.scales = form.blocks * (PACKED_BLOCK / 2);
    if (dtype == DTYPE_NF4) {
        form.nested = form.bytes = form.scales + form.blocks * sizeof(float);
        return form;
    }
    form.groups = ceil_to(form.blocks, PACKED_GROUP) / PACKED_GROUP;
    form.nested = form.scales + ceil_to(form.blocks, sizeof(float));
    form.bytes = form.nested + (1 + form.groups) * sizeof(float);
    return form;
}

static float float_at(const void *from, size_t i)
{
    float x;
    memcpy(&x, (const char *)from + i * sizeof x, sizeof x);
    return x;
}

/* The absmax of a block of NF4. */
static float block_scale(enum dtype dtype, const char *matrix, const struct packed_form *form,
                         size_t block)
{
    if (dtype == DTYPE_NF4)
        return float_at(matrix + form->scales, block);
    const uint8_t code = ((const uint8_t *)matrix)[form->scales + block];
    const void *nested = matrix + form->nested;
    return packed_dynamic[code] * float_at(nested, 1 + block / PACKED_GROUP) + float_at(nested, 0);
}

static float nf4_at(const uint8_t *codes, size_t i)
{
    return packed_nf4[i % 2 ? codes[i / 2] & 15 : codes[i / 2] >> 4];
}

/* The two numbers of each byte. */
static float pairs[256][2];
static pthread_once_t pairs_once = PTHREAD_ONCE_INIT;

static void make_pairs(void)
{
    for (size_t byte = 0; byte < 256; byte++) {
        pairs[byte][0] = packed_nf4[byte >> 4];
        pairs[byte][1] = packed_nf4[byte & 15];
    }
}

/* Numbers `from` to `end` of one block, of this scale. */
static void unpack_block(const uint8_t *codes, float scale, size_t from, size_t end, float *to)
{
    float x[PACKED_BLOCK];
    size_t n = 0;
    if (from % 2)
        x[n++] = nf4_at(codes, from);
    for (size_t i = from + n; i + 2 <= end; i += 2, n += 2)
        memcpy(x + n, pairs[codes[i / 2]], sizeof pairs[0]);
    if (from + n < end)
        x[n++] = nf4_at(codes, end - 1);
    for (size_t i = 0; i < n; i++)
        to[i] = x[i] * scale;
}

static void unpack_int8(const char *matrix, const struct packed_form *form, size_t columns,
                        size_t from, size_t end, float *to)
{
    const int8_t *codes = (const int8_t *)matrix;
    while (from < end) {
        const size_t row = from / columns;
        const size_t stop = end < (row + 1) * columns ? end : (row + 1) * columns;
        const float scale = float_at(matrix + form->scales, row) * (1.0F / 127);
        for (; from < stop; from++)
            *to++ = (float)codes[from] * scale;
    }
}

void packed_unpack(enum dtype dtype, const void *matrix, size_t rows, size_t columns, size_t from,
                   size_t count, float *to)
{
    const struct packed_form form = packed_form(dtype, rows, columns);
    const size_t end = from + count;
    if (dtype == DTYPE_INT8) {
        unpack_int8(matrix, &form, columns, from, end, to);
        return;
    }
    pthread_once(&pairs_once, make_pairs);
    while (from < end) {
        const size_t block = from / PACKED_BLOCK, next = (block + 1) * PACKED_BLOCK;
        const size_t stop = end < next ? end : next;
        unpack_block(matrix, block_scale(dtype, matrix, &form, block), from, stop, to);
        to += stop - from;
        from = stop;
    }
}
