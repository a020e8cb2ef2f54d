/* SPDX-License-Identifier: MIT */
#include "tensor/dtype.h"

#include <stdint.h>
#include <string.h>

static const struct {
    const char *name;
    size_t bytes; /* of a number; 0: packed */
} types[] = {
    [DTYPE_F32] = {"F32", 4},   [DTYPE_F64] = {"F64", 8}, [DTYPE_BF16] = {"BF16", 2},
    [DTYPE_F16] = {"F16", 2},   [DTYPE_I8] = {"I8", 1},   [DTYPE_U8] = {"U8", 1},
    [DTYPE_I32] = {"I32", 4},   [DTYPE_U32] = {"U32", 4}, [DTYPE_I64] = {"I64", 8},
    [DTYPE_U64] = {"U64", 8},   [DTYPE_NF4] = {"NF4", 0}, [DTYPE_NF4_NESTED] = {"NF4_NESTED", 0},
    [DTYPE_INT8] = {"INT8", 0},
};
_Static_assert(sizeof types / sizeof *types == DTYPES, "one line a type");

const char *dtype_name(enum dtype dtype)
{
    return types[dtype].name;
}

enum dtype dtype_of(const char *name)
{
    enum dtype dtype = 0;
    while (dtype < DTYPES && strcmp(name, types[dtype].name))
        dtype++;
    return dtype;
}

int dtype_stored(enum dtype dtype)
{
    return dtype == DTYPE_BF16 ? 1 : dtype == DTYPE_F16 ? 2 : 0;
}

size_t dtype_bytes(enum dtype dtype, size_t elems)
{
    return elems * types[dtype].bytes;
}

int dtype_has_floats(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_BF16 || dtype == DTYPE_F16;
}

static float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* A half: sign, 5 bits of exponent, 10 of fraction. */
static float float_of_half(uint32_t half)
{
    const uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31,
                   fraction = half & 1023;
    if (exponent == 31) /* infinite, or no number */
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent) /* 112: the difference of the exponents' biases */
        return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    return (sign ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
}

void dtype_floats(enum dtype dtype, const void *from, size_t count, float *to)
{
    const unsigned char *at = from;
    if (dtype == DTYPE_F32) {
        memmove(to, from, count * sizeof *to);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, at + 2 * i, sizeof bits);
        to[i] = dtype == DTYPE_BF16 ? float_of_bits((uint32_t)bits << 16) : float_of_half(bits);
    }
}
