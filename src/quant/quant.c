/* SPDX-License-Identifier: MIT */
#include "quant/quant.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "util/parallel.h"

#define PIECE ((size_t)1 << 16) /* numbers that a thread takes at a time */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The largest size of n numbers; NaN or infinite if one of them is. */
static float largest(const float *x, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(x[i]);
        most = size > most || isnan(size) ? size : most;
    }
    return most;
}

/* --- NF4 */

/* A code is how many of the middles between two numbers are below x. */
static void nf4_codes(const float x[PACKED_BLOCK], int32_t code[PACKED_BLOCK])
{
    memset(code, 0, PACKED_BLOCK * sizeof *code);
    for (int k = 0; k < 15; k++) {
        const float middle = (packed_nf4[k] + packed_nf4[k + 1]) / 2;
        for (size_t i = 0; i < PACKED_BLOCK; i++)
            code[i] += middle < x[i];
    }
}

/* Codes of n <= 64 numbers; returns what is kept as their absmax. A block that is begun is divided
 * where a whole one is multiplied, as bitsandbytes does. */
static float nf4_block(const float *x, size_t n, uint8_t *codes)
{
    const float absmax = largest(x, n), held = fmaxf(absmax, 1e-38F), factor = 1 / held;
    const int whole = n == PACKED_BLOCK;
    float scaled[PACKED_BLOCK] = {0};
    int32_t code[PACKED_BLOCK];
    for (size_t i = 0; i < n; i++)
        scaled[i] = fminf(fmaxf(whole ? x[i] * factor : x[i] / held, -1), 1);
    nf4_codes(scaled, code); /* also of what is beyond the end: 0 */
    for (size_t i = 0; i < PACKED_BLOCK / 2; i++)
        codes[i] = (uint8_t)(code[2 * i] << 4 | code[2 * i + 1]);
    return whole || !isfinite(absmax) ? absmax : held;
}

struct packing {
    const float *x;
    size_t elems, columns;
    uint8_t *codes;
    float *scales;
    atomic_int broken; /* a number is not finite */
};

static void nf4_piece(void *arg, size_t piece)
{
    struct packing *p = arg;
    const size_t end = least(p->elems, (piece + 1) * PIECE);
    for (size_t at = piece * PIECE; at < end; at += PACKED_BLOCK) {
        const size_t block = at / PACKED_BLOCK;
        p->scales[block] = nf4_block(p->x + at, least(PACKED_BLOCK, end - at),
                                     p->codes + block * (PACKED_BLOCK / 2));
        if (!isfinite(p->scales[block]))
            atomic_store(&p->broken, 1);
    }
}

/* --- nested scales */

/* The code of x, from -1 to 1: that which is nearest to the nearest of 65536 numbers, the table by
 * which bitsandbytes looks codes up on a CPU. */
static uint8_t dynamic_code(float x)
{
    const int at = (int)((x + 1) * 32767.5F + 0.5F);
    const double y = (double)at / 65535 * 2 - 1;
    size_t low = 0, high = 255;
    while (low < high) {
        const size_t i = (low + high) / 2;
        const float middle = (packed_dynamic[i] + packed_dynamic[i + 1]) / 2;
        if ((double)middle < y)
            low = i + 1;
        else
            high = i;
    }
    return (uint8_t)low;
}

void quant_nest(const float *absmax, size_t blocks, float offset, uint8_t *codes, float *groups)
{
    for (size_t at = 0; at < blocks; at += PACKED_GROUP) {
        const size_t n = least(PACKED_GROUP, blocks - at);
        float rest[PACKED_GROUP];
        for (size_t i = 0; i < n; i++)
            rest[i] = absmax[at + i] - offset;
        const float most = largest(rest, n), factor = 1 / most;
        for (size_t i = 0; i < n; i++)
            codes[at + i] = most > 0 ? dynamic_code(rest[i] * factor) : 0;
        groups[at / PACKED_GROUP] = most;
    }
}

static float mean(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return n ? (float)(sum / (double)n) : 0;
}

/* --- INT8 */

/* The nearest number that IEEE's half holds, which bitsandbytes begins with; beyond them x. */
static float half_of(float x)
{
    uint32_t bits;
    float near;
    if (fabsf(x) < 0x1p-14F)
        return copysignf(fabsf(x) + 0.5F - 0.5F, x); /* the last digit of 1/2 is 2^-24 */
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0xfff + (bits >> 13 & 1)) & ~UINT32_C(0x1fff);
    memcpy(&near, &bits, sizeof near);
    return fabsf(near) > 65504 ? x : near;
}

static void int8_rows(void *arg, size_t piece)
{
    struct packing *p = arg;
    const size_t rows = p->elems / p->columns, each = PIECE / p->columns + 1;
    for (size_t row = piece * each; row < least(rows, (piece + 1) * each); row++) {
        const float *x = p->x + row * p->columns;
        int8_t *codes = (int8_t *)p->codes + row * p->columns;
        const float absmax = half_of(largest(x, p->columns)), factor = 1 / absmax * 127;
        for (size_t i = 0; i < p->columns && isfinite(absmax); i++)
            codes[i] =
                absmax > 0 ? (int8_t)rintf(fmaxf(fminf(half_of(x[i]) * factor, 127), -127)) : 0;
        p->scales[row] = absmax;
        if (!isfinite(absmax))
            atomic_store(&p->broken, 1);
    }
}

/* --- all of them */

/* Packs with scales that are floats. */
static void pack_plain(struct packing *p, int int8)
{
    if (int8) {
        const size_t each = PIECE / p->columns + 1;
        parallel_run((p->elems / p->columns + each - 1) / each, 0, int8_rows, p);
    } else {
        parallel_run((p->elems + PIECE - 1) / PIECE, 0, nf4_piece, p);
    }
}

int quant_pack(enum dtype dtype, const float *x, size_t rows, size_t columns, void *to,
               const char *name, struct error *err)
{
    const struct packed_form form = packed_form(dtype, rows, columns);
    const int nested = dtype == DTYPE_NF4_NESTED;
    uint8_t *bytes = to;
    float *absmax = nested ? malloc((form.blocks + 1) * sizeof *absmax) : NULL;
    if (nested && !absmax)
        return error_set(err, STATUS_FAILED, "%s: out of memory", name);
    memset(to, 0, form.bytes);
    struct packing p = {.x = x,
                        .elems = rows * columns,
                        .columns = columns,
                        .codes = bytes,
                        .scales = nested ? absmax : (float *)(void *)(bytes + form.scales)};
    pack_plain(&p, dtype == DTYPE_INT8);
    if (nested) {
        float *floats = (float *)(void *)(bytes + form.nested);
        floats[0] = mean(absmax, form.blocks);
        quant_nest(absmax, form.blocks, floats[0], bytes + form.scales, floats + 1);
        free(absmax);
    }
    return p.broken ? error_set(err, STATUS_INPUT,
                                "%s: a number is not finite, which cannot be quantised", name)
                    : 0;
}
