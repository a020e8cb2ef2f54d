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
 * With parts of K it is the sum of them that has the tail.
 *
 * -D: TA, TB (stored transposed), ADD; TYPE_A, TYPE_B, TYPE_C: 0 fp32, else as STORED, which is the
 * same for all, but TYPE_B of 3 and more, which is PACKED of packed.h plus 2; FACTOR (factors are
 * rounded to 1 bfloat16, 2 half); PARTS; TAIL, BIAS, POS, KEEP, ACT, DROP (bias.h), with a tail n
 * is a multiple of 4, with SPREAD of 16, VEC is 4 and nothing is added.
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
#define PAIR(type, p) (*(__global type##2 *)(p))
#define ROW_OF(type, p) ((type##4)(PAIR(const type, p), PAIR(const type, (p) + 8)))
#define ROW_TO(type, x, p) PAIR(type, p) = (x).lo, PAIR(type, (p) + 8) = (x).hi
#define LOOSE_ROW(p) ((float4)(vload2(0, p), vload2(4, p)))
#else
#define ROW_OF(type, p) (*(__global const type##4 *)(p))
#define ROW_TO(type, x, p) *(__global type##4 *)(p) = (x)
#define LOOSE_ROW(p) vload4(0, p)
#endif

#if TYPE_C
#define AS_C(x) as_stored(x)
#define ROW_OF_C(p) stored_values(convert_uint4(ROW_OF(ushort, p)))
#define ROW_TO_C(x, p) ROW_TO(ushort, convert_ushort4(stored_bits(x)), p)
#else
#define AS_C(x) (x)
#define ROW_OF_C(p) ROW_OF(float, p)
#define ROW_TO_C(x, p) ROW_TO(float, x, p)
#endif

/* The row of the next sums. */
INLINE void tail_row(__private struct tail *t, int i)
{
    if (DRAWS)
        dropout_sample(&t->drop, t->sample[i / t->period]);
}

/* Writes four sums of row i of C[.., n], the first at column j. */
INLINE void tail_write(__private struct tail *t, __global type_c *c, float4 sum, int i, int j,
                       int n)
{
    const size_t at = (size_t)i * n + j;
    const uint e = (uint)(i % t->period) * n + j;
    const float4 s = AS_C(sum);
#if TAIL == 1
    float4 u = s;
    if (KEEP)
        ROW_TO_C(s, t->kept + at);
#else
    float4 u = ROW_OF_C(t->kept + at);
#endif
    if (BIAS)
        u += LOOSE_ROW(t->bias + j);
    if (POS)
        u += LOOSE_ROW(t->position + e);
    float4 y = TAIL == 1 ? act(u, &t->drop, e) : s * act_slope(u, &t->drop, e);
    if (DROP && t->drop.threshold)
        y *= dropout_factor(&t->drop, e);
    ROW_TO_C(y, c + at);
}

#define TAIL_OF_ARGUMENTS(name) \
    struct tail name = {        \
        .bias = bias,           \
        .position = position,   \
        .kept = kept,           \
        .sample = sample,       \
        .period = period,       \
    };                          \
    dropout_init(&name.drop, step, path, threshold, scale)
#define HAS_TAIL 1
#else
#define HAS_TAIL 0
#endif

/* A kernel's arguments for it where `used` is 1, in front of its whole numbers. */
#define TAIL_ARGUMENTS_IF(used)                               \
    OPTIONAL(used, __global const float *restrict bias)       \
    OPTIONAL(used, __global const float *restrict position)   \
    OPTIONAL(used, __global type_c *kept)                     \
    OPTIONAL(used, __global const uint *restrict sample)      \
    OPTIONAL(used, __global const struct step *restrict step) \
    OPTIONAL(used, const int period)                          \
    OPTIONAL(used, const uint path)                           \
    OPTIONAL(used, const uint threshold)                      \
    OPTIONAL(used, const float scale)

/* The product itself has it where K is not cut. */
#if TAIL && PARTS == 1
#define TAILED 1
#define TAIL_BEGIN(name) TAIL_OF_ARGUMENTS(name)
#define TAIL_ROW(name, i, m) \
    if ((i) < (m))           \
    tail_row(&name, i)
#else
#define TAILED 0
#define TAIL_BEGIN(name)
#define TAIL_ROW(name, i, m)
#endif
#define TAIL_ARGUMENTS TAIL_ARGUMENTS_IF(TAILED)

/* --- the parts of K */

#if PARTS > 1
/* c[elems], rows of n, = the sum of parts[PARTS, elems] (+ c), or of it what the tail makes, by
 * groups of 64: a number for each work-item, with a tail four. */
__kernel __attribute__((reqd_work_group_size(64, 1, 1))) void
gemm_sum(__global const float *restrict parts, __global type_c *c,
         TAIL_ARGUMENTS_IF(HAS_TAIL) const int elems, const int n)
{
    const int i = (int)get_global_id(0);
#if TAIL
    const int across = n / 4, row = i / across, place = i % across;
    const int j = SPREAD ? place / 4 * 16 + place % 4 * 2 : place * 4;
    if (i < elems / 4) {
        __global const float *from = parts + (size_t)row * n + j;
        float4 sum = ROW_OF(float, from);
        for (int part = 1; part < PARTS; part++)
            sum += ROW_OF(float, from + (size_t)part * elems);
        TAIL_OF_ARGUMENTS(tail);
        tail_row(&tail, row);
        tail_write(&tail, c, sum, row, j, n);
    }
#else
    if (i < elems) {
        float sum = parts[i];
        for (int part = 1; part < PARTS; part++)
            sum += parts[(size_t)part * elems + i];
        TO_C((ADD ? AT_C(i) : 0.0f) + sum, i);
    }
#endif
}
#endif
