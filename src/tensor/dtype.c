/* SPDX-License-Identifier: MIT */
#include "tensor/dtype.h"

#include <math.h>
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

/* x with so many bits of fraction, none of them below 2^least; to the nearest, ties to even. */
static float round_to(double x, int bits, int least)
{
    int exponent;
    frexp(x, &exponent);
    const int last = exponent - bits > least ? exponent - bits : least;
    return (float)ldexp(nearbyint(ldexp(x, -last)), last);
}

static uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Of a number that a half holds, or that is larger than all. */
static uint16_t half_of(float x)
{
    const uint32_t bits = bits_of_float(x), sign = bits >> 16 & 0x8000u;
    if (isnan(x))
        return (uint16_t)(sign | 0x7e00u);
    if (fabsf(x) > 65504)
        return (uint16_t)(sign | 0x7c00u);
    if (fabsf(x) < 0x1p-14f)
        return (uint16_t)(sign | (uint32_t)(fabsf(x) * 0x1p24f));
    return (uint16_t)(sign | ((bits >> 23 & 255) - 112) << 10 | (bits >> 13 & 1023));
}

void dtype_of_doubles(enum dtype dtype, const double *from, size_t count, void *to)
{
    for (size_t i = 0; i < count; i++) {
        const int is_finite = isfinite(from[i]);
        if (dtype == DTYPE_F32) {
            const float x = (float)from[i];
            memcpy((char *)to + i * sizeof x, &x, sizeof x);
            continue;
        }
        uint16_t bits;
        if (dtype == DTYPE_F16)
            bits = half_of(is_finite ? round_to(from[i], 11, -24) : (float)from[i]);
        else
            bits =
                (uint16_t)(bits_of_float(is_finite ? round_to(from[i], 8, -133) : (float)from[i]) >>
                           16);
        memcpy((char *)to + i * sizeof bits, &bits, sizeof bits);
    }
}

void dtype_bfloats(const float *from, size_t count, uint16_t *to)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = bits_of_float(from[i]);
        to[i] = (uint16_t)(isnan(from[i]) ? bits >> 16 | 0x40
                                          : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}
