/* SPDX-License-Identifier: MIT */
/*
 * What the kernels of products C = op(A) op(B) (+ C) share: how matrices are stored, what sums are
 * written to, the sum of parts of K, and a tail, what else is done to sums before they are written.
 *
 * TAIL 1: C = dropout(act(s + bias + position)), s the sum as C would hold it, which goes to `kept`
 * if KEEP. TAIL 2: C = s dropout act'(kept + bias). Both have the bits that bias.cl makes of s.
 * bias[n]; position[period, n], added to row % period; kept[m, n], which may be C. What is not used
 * is any buffer.
 *
 * -D: TA, TB (stored transposed), ADD; TYPE_A, TYPE_B, TYPE_C: 0 fp32, else as STORED, which is the
 * same for all, but TYPE_B of 3 and more, which is PACKED of packed.h plus 2; FACTOR (factors are
 * rounded to 1 bfloat16, 2 half); PARTS; TAIL, BIAS, POS, KEEP, ACT, DROP (bias.h), with a tail n
 * is a multiple of 4, with SPREAD of 16, PARTS is 1, VEC is 4 and nothing is added.
 */
#if TAIL
#include "bias.h"
#else
#include "common.h"
#endif

#ifndef TA
#define TA 0
#endif
#ifndef TB
#define TB 0
#endif
#ifndef ADD
#define ADD 0
#endif
#ifndef TYPE_A
#define TYPE_A 0
#endif
#ifndef TYPE_B
#define TYPE_B 0
#endif
#ifndef TYPE_C
#define TYPE_C 0
#endif
#ifndef FACTOR
#define FACTOR 0
#endif
#ifndef WIDE_A
#define WIDE_A 0
#endif
#ifndef WIDE_B
#define WIDE_B 0
#endif
#ifndef WIDE_C
#define WIDE_C 0
#endif
#ifndef PARTS
#define PARTS 1
#endif
#ifndef TAIL
#define TAIL 0
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef POS
#define POS 0
#endif
#ifndef KEEP
#define KEEP 0
#endif

/* --- how matrices are stored */

#if TYPE_A
typedef stored type_a;
#else
typedef float type_a;
#endif
#if TYPE_B >= 3
#define PACKED (TYPE_B - 2)
#include "packed.h"
typedef uchar type_b;
#elif TYPE_B
typedef stored type_b;
#else
typedef float type_b;
#endif
#if TYPE_C
typedef stored type_c;
#define AT_C(i) get(i, c)
#define TO_C(x, i) put(x, i, c)
#else
typedef float type_c;
#define AT_C(i) c[i]
#define TO_C(x, i) c[i] = (x)
#endif
/* What sums are written to: the parts, or C, to which they may be added. */
#if PARTS > 1
typedef float type_out;
#define ADDS 0
#else
typedef type_c type_out;
#define ADDS ADD
#endif

#if PARTS > 1
/* c[elems] = the sum of parts[PARTS, elems] (+ c), by groups of 64. */
__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void
gemm_sum(__global const float *restrict parts, __global type_c *restrict c, const int elems)
{
    const int i = (int)get_global_id(0);
    if (i < elems) {
        float sum = parts[i];
        for (int part = 1; part < PARTS; part++)
            sum += parts[(size_t)part * elems + i];
        TO_C((ADD ? AT_C(i) : 0.0f) + sum, i);
    }
}
#endif

/* --- the tail */

#if TAIL
/* What the kernel's arguments tell of it. */
struct tail {
    __global const float *bias, *position;
    __global type_c *kept;
    __global const uint *sample;
    int period;
    struct dropout drop;
};

/* Four of a row: neighbours, or two pairs that lie 8 apart (SPREAD, see struct dropout). */
#if SPREAD
static inline float4 four_floats(__global const float *p)
{
    return (float4)(vload2(0, p), vload2(4, p));
}
#else
static inline float4 four_floats(__global const float *p)
{
    return vload4(0, p);
}
#endif

#if TYPE_C
#define AS_C(x) as_stored(x)
static inline float4 four_of_c(__global const type_c *p)
{
#if SPREAD
    const ushort4 x = (ushort4)(*(__global const ushort2 *)p, *(__global const ushort2 *)(p + 8));
#else
    const ushort4 x = *(__global const ushort4 *)p;
#endif
    return stored_values(convert_uint4(x));
}

static inline void put_four(float4 x, __global type_c *p)
{
    const ushort4 bits = convert_ushort4(stored_bits(x));
#if SPREAD
    *(__global ushort2 *)p = bits.lo;
    *(__global ushort2 *)(p + 8) = bits.hi;
#else
    *(__global ushort4 *)p = bits;
#endif
}
#else
#define AS_C(x) (x)
static inline float4 four_of_c(__global const type_c *p)
{
#if SPREAD
    return (float4)(*(__global const float2 *)p, *(__global const float2 *)(p + 8));
#else
    return *(__global const float4 *)p;
#endif
}

static inline void put_four(float4 x, __global type_c *p)
{
#if SPREAD
    *(__global float2 *)p = x.lo;
    *(__global float2 *)(p + 8) = x.hi;
#else
    *(__global float4 *)p = x;
#endif
}
#endif

/* The row of the next sums. */
static inline void tail_row(__private struct tail *t, int i)
{
    if (DRAWS)
        dropout_sample(&t->drop, t->sample[i / t->period]);
}

/* Writes four sums of row i of C[.., n], the first at column j. */
static inline void tail_write(__private struct tail *t, __global type_c *c, float4 sum, int i,
                              int j, int n)
{
    const size_t at = (size_t)i * n + j;
    const uint e = (uint)(i % t->period) * n + j;
    const float4 s = AS_C(sum);
#if TAIL == 1
    float4 u = s;
    if (KEEP)
        put_four(s, t->kept + at);
#else
    float4 u = four_of_c(t->kept + at);
#endif
    if (BIAS)
        u += four_floats(t->bias + j);
    if (POS)
        u += four_floats(t->position + e);
    float4 y = TAIL == 1 ? act(u, &t->drop, e) : s * act_slope(u, &t->drop, e);
    if (DROP && t->drop.threshold)
        y *= dropout_factor(&t->drop, e);
    put_four(y, c + at);
}

#define TAILED 1
#define TAIL_BEGIN(name)                \
    struct tail name = {                \
        .bias = bias,                   \
        .position = position,           \
        .kept = kept,                   \
        .sample = sample,               \
        .period = period,               \
    };                                  \
    dropout_init(&name.drop, step, path, threshold, scale)
#define TAIL_ROW(name, i, m) \
    if ((i) < (m))           \
    tail_row(&name, i)
#else
#define TAILED 0
#define TAIL_BEGIN(name)
#define TAIL_ROW(name, i, m)
#endif

/* A kernel's arguments for it, in front of its whole numbers. */
#define TAIL_ARGUMENTS                                          \
    OPTIONAL(TAILED, __global const float *restrict bias)       \
    OPTIONAL(TAILED, __global const float *restrict position)   \
    OPTIONAL(TAILED, __global type_c *kept)                     \
    OPTIONAL(TAILED, __global const uint *restrict sample)      \
    OPTIONAL(TAILED, __global const struct step *restrict step) \
    OPTIONAL(TAILED, const int period)                          \
    OPTIONAL(TAILED, const uint path)                           \
    OPTIONAL(TAILED, const uint threshold)                      \
    OPTIONAL(TAILED, const float scale)
