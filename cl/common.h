/* SPDX-License-Identifier: MIT */
/*
 * common.h stands before every kernel file: src/device/program.c puts it there once, and the line
 * #include "common.h" of a file is for who reads the file alone.
 *
 * LANES work-items, a team, share a row, each working on vectors of VEC floats: CPUs take LANES=1
 * VEC=16, GPUs LANES=4 and more, VEC=1..4. A work-group is TEAMS teams, which take a chunk of rows
 * each, so that short rows fill a GPU's work-groups, too; one team but where a kernel's head says
 * that it may have more. All are given with -D.
 */
#include "step.h"

/* Vectors wider than the processor's go by memory: nothing outside calls what is here. */
#ifdef __clang__
#if __has_warning("-Wpsabi")
#pragma clang diagnostic ignored "-Wpsabi"
#endif
#endif

#ifndef LANES
#define LANES 1
#endif
#ifndef TEAMS
#define TEAMS 1
#endif
#ifndef VEC
#define VEC 1
#endif
#ifndef STORED
#define STORED 0
#endif
#ifndef SPREAD
#define SPREAD 0
#endif

/*
 * Every barrier of a kernel is a group_barrier() (kmeans_pick apart, whose group is no LANES
 * work-items). Where a work-group is one work-item there is nothing to wait for, and it is left
 * out. PoCL makes loops over the work-items between two barriers, and 3.1 and 6.0 make it wrongly
 * in some kernels whose loop with barriers in it folds to one pass. So:
 *   - a barrier stands under no condition, and behind no return or break;
 *   - a loop around one runs as often for all work-items, which its head shows: it is made of
 * constants, the kernel's arguments and the group's number;
 *   - no constant makes such a loop one pass: where it would, #if takes the loop away.
 *   - where such a loop may have no pass, what stands in front of it asks for no condition of the
 * loop's: PoCL 5.0 then loses the end of a loop over the work-items.
 * Loops around a barrier: attention over tiles, blocks and dh, gemm over k, recurrent over steps,
 * in tiles over k, norm over rows (in group_sum()), contrastive over D, kmeans over candidates,
 * t-SNE over rows, and the halvings of group_sum(), group_max() and sum_teams(): one pass if LANES
 * or TEAMS were 2, so no kernel has them then.
 */
#if LANES == 1
#define group_barrier(fence)
#else
#define group_barrier(fence) barrier(fence)
#endif

/* The number of a team, and of a work-item in its team. */
#if TEAMS == 1
#define team_id() ((int)get_group_id(0))
#define team_lane() ((int)get_local_id(0))
#else
#define team_id() ((int)get_global_id(0) / LANES)
#define team_lane() ((int)get_local_id(0) % LANES)
#endif

/* The rows [from, to) of a team's chunk, in a loop with barriers: several teams go round equally
 * often, and a team for which a row is not THERE does nothing to it. */
#if TEAMS == 1
#define EACH_ROW for (int row = from; row < to; row++)
#define THERE 1
#else
#define EACH_ROW for (int turn_ = 0, row = from; turn_ < chunk; turn_++, row++)
#define THERE (row < to)
#endif

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)

/* What works on private arrays of a kernel is a part of it: were it a call, they would leave their
 * registers. */
#define INLINE static inline __attribute__((always_inline))

/* An argument of a kernel, with the comma behind it, where `used` is 1; nothing where it is 0. */
#define OPTIONAL(used, argument) PASTE(OPTIONAL_, used)(argument)
#define OPTIONAL_1(argument) argument,
#define OPTIONAL_0(argument)

/* As vstore, which PoCL makes of four stores of 16 bytes: what then loads all 64 waits for them.
 * loose_VECTOR is the vector aligned as its elements. */
#define LOOSE_STORE(name, vector, space, type)                                               \
    static inline __attribute__((overloadable)) void name(vector x, size_t i, space type *p) \
    {                                                                                        \
        ((space loose_##vector *)p)[i] = x;                                                  \
    }

#if VEC == 1
typedef float vec;
typedef int ivec;
typedef uint uvec;
#define load_vec(i, p) ((p)[i])
#define store_vec(x, i, p) ((p)[i] = (x))
#define as_uvec as_uint
#define as_vec as_float
#define as_ivec as_int
#define convert_vec convert_float
#define convert_ivec convert_int
#define convert_uvec convert_uint
#define PICK(mask, a, b) ((mask) ? (a) : (b))
static inline float vsum(vec x)
{
    return x;
}
static inline float vmax(vec x)
{
    return x;
}
#else
typedef PASTE(float, VEC) vec;
typedef PASTE(int, VEC) ivec;
typedef PASTE(uint, VEC) uvec;
#define load_vec PASTE(vload, VEC)
#if LANES == 1
typedef vec loose_vec __attribute__((aligned(4)));
typedef ivec loose_ivec __attribute__((aligned(4)));
LOOSE_STORE(store_vec, vec, __global, float)
LOOSE_STORE(store_vec, vec, __local, float)
LOOSE_STORE(store_vec, vec, __private, float)
LOOSE_STORE(store_vec, ivec, __global, int)
#else
#define store_vec PASTE(vstore, VEC)
#endif
#define as_uvec PASTE(as_uint, VEC)
#define as_vec PASTE(as_float, VEC)
#define as_ivec PASTE(as_int, VEC)
#define convert_vec PASTE(convert_float, VEC)
#define convert_ivec PASTE(convert_int, VEC)
#define convert_uvec PASTE(convert_uint, VEC)
#define PICK(mask, a, b) select((vec)(b), (vec)(a), (mask))
#define GREATER(x, y) select((y), (x), (x) > (y))
#if VEC == 16
static inline float vsum(float16 x)
{
    float8 a = x.lo + x.hi;
    float4 b = a.lo + a.hi;
    float2 c = b.lo + b.hi;
    return c.x + c.y;
}
static inline float vmax(float16 x)
{
    float8 a = GREATER(x.lo, x.hi);
    float4 b = GREATER(a.lo, a.hi);
    float2 c = GREATER(b.lo, b.hi);
    return c.x > c.y ? c.x : c.y;
}
#elif VEC == 8
static inline float vsum(float8 a)
{
    float4 b = a.lo + a.hi;
    float2 c = b.lo + b.hi;
    return c.x + c.y;
}
static inline float vmax(float8 a)
{
    float4 b = GREATER(a.lo, a.hi);
    float2 c = GREATER(b.lo, b.hi);
    return c.x > c.y ? c.x : c.y;
}
#elif VEC == 4
static inline float vsum(float4 b)
{
    float2 c = b.lo + b.hi;
    return c.x + c.y;
}
static inline float vmax(float4 b)
{
    float2 c = GREATER(b.lo, b.hi);
    return c.x > c.y ? c.x : c.y;
}
#elif VEC == 2
static inline float vsum(float2 c)
{
    return c.x + c.y;
}
static inline float vmax(float2 c)
{
    return c.x > c.y ? c.x : c.y;
}
#endif
#endif

#if VEC == 16
/* a[i] element j <-> a[j] element i. Each round is a perfect shuffle, which turns the eight bits of
 * an element's place by one (Stone, 1971). */
#define ZIP(x, y)                                                                             \
    (float16)((x).s0, (y).s0, (x).s1, (y).s1, (x).s2, (y).s2, (x).s3, (y).s3, (x).s4, (y).s4, \
              (x).s5, (y).s5, (x).s6, (y).s6, (x).s7, (y).s7)
#define ZIP_HIGH(x, y)                                                                        \
    (float16)((x).s8, (y).s8, (x).s9, (y).s9, (x).sa, (y).sa, (x).sb, (y).sb, (x).sc, (y).sc, \
              (x).sd, (y).sd, (x).se, (y).se, (x).sf, (y).sf)
static inline void shuffle_rows(const vec from[VEC], vec to[VEC])
{
#pragma unroll
    for (int i = 0; i < 8; i++) {
        to[2 * i] = ZIP(from[i], from[i + 8]);
        to[2 * i + 1] = ZIP_HIGH(from[i], from[i + 8]);
    }
}

static inline void transpose(vec a[VEC])
{
    vec b[VEC];
    shuffle_rows(a, b);
    shuffle_rows(b, a);
    shuffle_rows(a, b);
    shuffle_rows(b, a);
}
#else
static inline void transpose(vec a[VEC])
{
    float from[VEC * VEC], to[VEC * VEC];
    for (int i = 0; i < VEC; i++)
        store_vec(a[i], i, from);
    for (int i = 0; i < VEC * VEC; i++)
        to[i] = from[i % VEC * VEC + i / VEC];
    for (int i = 0; i < VEC; i++)
        a[i] = load_vec(i, to);
}
#endif

/*
 * Activations and their gradients are `stored` as STORED says: 0 fp32, 1 bfloat16 (the upper half
 * of a float), 2 IEEE half. What is computed is fp32: get_vec() and get() read, put_vec() and put()
 * round to nearest, ties to even; as_stored() is what get_vec() reads of what put_vec() wrote. The
 * bits are made here: built-in halves are calls for each element on CPUs.
 */
#if STORED == 0
typedef float stored;
#define get_vec load_vec
#define put_vec store_vec
#define get(i, p) ((p)[i])
#define put(x, i, p) ((p)[i] = (x))
#define as_stored(x) (x)
#else
typedef ushort stored;
#define CHOOSE(mask, a, b) ((mask) ? (a) : (b))
#define OF_BITS(mask, a, b) as_uvec(PICK(mask, as_vec(a), as_vec(b)))
#if STORED == 1
/* The bits of a number, in the lower half of the result, and back; NaN stays NaN. */
#define STORED_BITS(name, real, uints, as_real, as_uints, pick)           \
    static inline uints name(real x)                                      \
    {                                                                     \
        const uints u = as_uints(x), near = u + 0x7fffu + (u >> 16 & 1u); \
        return pick(x != x, u >> 16 | 0x40u, near >> 16);                 \
    }
#define STORED_VALUE(name, real, uints, as_real, as_uints, pick) \
    static inline real name(uints u)                             \
    {                                                            \
        return as_real(u << 16);                                 \
    }
#else
/* Of halves: the exponent moves by 112; what is small is rounded by the addition of 1/2, whose last
 * digit is 2^-24. */
#define STORED_BITS(name, real, uints, as_real, as_uints, pick)                     \
    static inline uints name(real x)                                                \
    {                                                                               \
        const uints u = as_uints(fabs(x)), near = u + 0xc8000fffu + (u >> 13 & 1u); \
        const uints small = as_uints(fabs(x) + 0.5f) - 0x3f000000u;                 \
        uints h = pick(fabs(x) < 0x1p-14f, small, near >> 13);                      \
        h = pick(fabs(x) < 65536.0f, h, (uints)(0x7c00u));                          \
        h = pick(x != x, (uints)(0x7e00u), h);                                      \
        return h | (as_uints(x) >> 16 & 0x8000u);                                   \
    }
#define STORED_VALUE(name, real, uints, as_real, as_uints, pick)                              \
    static inline real name(uints u)                                                          \
    {                                                                                         \
        const uints size = (u & 0x7fffu) << 13, sign = (u & 0x8000u) << 16;                   \
        const real x = as_real(size) * 0x1p112f;                                              \
        return as_real(as_uints(pick(x >= 65536.0f, as_real(size | 0x7f800000u), x)) | sign); \
    }
#endif
STORED_BITS(stored_bit, float, uint, as_float, as_uint, CHOOSE)
STORED_VALUE(stored_value, float, uint, as_float, as_uint, CHOOSE)
static inline float get(size_t i, __global const stored *p)
{
    return stored_value(p[i]);
}
static inline void put(float x, size_t i, __global stored *p)
{
    p[i] = (ushort)stored_bit(x);
}
#if VEC == 1
#define get_vec get
#define put_vec put
#define as_stored(x) stored_value(stored_bit(x))
#else
STORED_BITS(stored_bits, vec, uvec, as_vec, as_uvec, OF_BITS)
STORED_VALUE(stored_values, vec, uvec, as_vec, as_uvec, PICK)
#define as_stored(x) stored_values(stored_bits(x))
static inline vec get_vec(size_t i, __global const stored *p)
{
    return stored_values(convert_uvec(PASTE(vload, VEC)(i, p)));
}
static inline void put_vec(vec x, size_t i, __global stored *p)
{
    const PASTE(ushort, VEC) bits = PASTE(convert_ushort, VEC)(stored_bits(x));
#if LANES == 1
    typedef PASTE(ushort, VEC) loose __attribute__((aligned(2)));
    ((__global loose *)p)[i] = bits;
#else
    PASTE(vstore, VEC)(bits, i, p);
#endif
}
#endif
#endif

/* Sum over the team, the same for each of its work-items. `room` holds LANES * TEAMS floats of
 * local memory. The order of the additions depends on LANES alone. */
#if LANES != 2 /* see group_barrier() */
static inline float group_sum(float x, __local float *room)
{
#if LANES == 1
    return x;
#else
    const int lane = team_lane();
    room += (int)get_local_id(0) - lane;
    group_barrier(CLK_LOCAL_MEM_FENCE);
    room[lane] = x;
    for (int reach = LANES / 2; reach > 0; reach /= 2) {
        group_barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < reach)
            room[lane] += room[lane + reach];
    }
    group_barrier(CLK_LOCAL_MEM_FENCE);
    return room[0];
#endif
}

static inline float group_max(float x, __local float *room)
{
#if LANES == 1
    return x;
#else
    const int lane = team_lane();
    room += (int)get_local_id(0) - lane;
    group_barrier(CLK_LOCAL_MEM_FENCE);
    room[lane] = x;
    for (int reach = LANES / 2; reach > 0; reach /= 2) {
        group_barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < reach)
            room[lane] = fmax(room[lane], room[lane + reach]);
    }
    group_barrier(CLK_LOCAL_MEM_FENCE);
    return room[0];
#endif
}
#endif

/* The sum over the teams of a group, in the work-items of the first one. `room` holds TEAMS * LANES
 * vectors. The order of the additions depends on TEAMS alone. */
#if TEAMS > 2 /* see group_barrier() */
static inline vec sum_teams(vec x, __local float *room)
{
    const int at = (int)get_local_id(0);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    store_vec(x, at, room);
    for (int reach = TEAMS / 2; reach > 0; reach /= 2) {
        group_barrier(CLK_LOCAL_MEM_FENCE);
        if (at < reach * LANES)
            store_vec(load_vec(at, room) + load_vec(at + reach * LANES, room), at, room);
    }
    return load_vec(at, room);
}
#endif

/* 0, 1, ... VEC-1 */
static inline uvec iota(void)
{
#if VEC == 1
    return 0;
#elif VEC == 2
    return (uint2)(0, 1);
#elif VEC == 4
    return (uint4)(0, 1, 2, 3);
#elif VEC == 8
    return (uint8)(0, 1, 2, 3, 4, 5, 6, 7);
#else
    return (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
}

/* e^x to 2 ulp for x in [-87, 88], held at these bounds; NaN stays NaN. Range reduction by ln 2 in
 * two parts (Cody and Waite) and a polynomial of degree 6 (as in Cephes' expf). Adding 1.5 2^23
 * rounds to an integer, which then stands in the low bits. */
static inline vec exp_vec(vec x)
{
    x = PICK(x < -87.0f, (vec)(-87.0f), x);
    x = PICK(x > 88.0f, (vec)(88.0f), x);
    const vec shifted = x * 1.44269504f + 12582912.0f, n = shifted - 12582912.0f;
    vec r = fma(n, (vec)(-0.693359375f), x);
    r = fma(n, (vec)(2.12194440e-4f), r);
    vec p = (vec)(1.9875691500e-4f);
    p = fma(p, r, (vec)(1.3981999507e-3f));
    p = fma(p, r, (vec)(8.3334519073e-3f));
    p = fma(p, r, (vec)(4.1665795894e-2f));
    p = fma(p, r, (vec)(1.6666665459e-1f));
    p = fma(p, r, (vec)(5.0000001201e-1f));
    p = fma(p * r, r, r) + 1.0f;
    return p * as_vec((as_ivec(shifted) << 23) + (127 << 23));
}

/* 2^x to 1 ulp for x in [-126, 127], below that 0; NaN stays NaN. As exp_vec(), but nothing is lost
 * by the range's reduction; the polynomial is minimax on [-1/2, 1/2]. */
static inline vec exp2_vec(vec x)
{
    const vec shifted = x + 12582912.0f, r = x - (shifted - 12582912.0f);
    vec p = (vec)(1.53457990e-4f);
    p = fma(p, r, (vec)(1.33999309e-3f));
    p = fma(p, r, (vec)(9.61848907e-3f));
    p = fma(p, r, (vec)(5.55032864e-2f));
    p = fma(p, r, (vec)(0.240226462f));
    p = fma(p, r, (vec)(0.693147182f));
    p = fma(p, r, (vec)(1.0f));
    return PICK(x < -126.0f, (vec)(0.0f), as_vec(as_ivec(p) + (as_ivec(shifted) << 23)));
}

/* erf(x) to 7e-8: an odd rational minimax approximation on [-4, 4], beyond which erf is 1 in fp32.
 */
static inline vec erf_vec(vec x)
{
    x = PICK(x < -4.0f, (vec)(-4.0f), x);
    x = PICK(x > 4.0f, (vec)(4.0f), x);
    const vec t = x * x;
    vec p = (vec)(-2.72614225801306e-10f);
    p = fma(p, t, (vec)(2.77068142495902e-08f));
    p = fma(p, t, (vec)(-2.10102402082508e-06f));
    p = fma(p, t, (vec)(-5.69250639462346e-05f));
    p = fma(p, t, (vec)(-7.34990630326855e-04f));
    p = fma(p, t, (vec)(-2.95459980854025e-03f));
    p = fma(p, t, (vec)(-1.60960333262415e-02f));
    vec q = (vec)(-1.45660718464996e-05f);
    q = fma(q, t, (vec)(-2.13374055278905e-04f));
    q = fma(q, t, (vec)(-1.68282697438203e-03f));
    q = fma(q, t, (vec)(-7.37332916720468e-03f));
    q = fma(q, t, (vec)(-1.42647390514189e-02f));
    return x * p / q;
}

/* hi and lo words of a * m. Vector units multiply the even 32-bit lanes of 64-bit ones: so the even
 * and the odd lanes in turn, which is several times faster than mul_hi where that has no
 * instruction. */
#if VEC == 1
static inline void multiply(uint *hi, uint *lo, uint a, uint m)
{
    *hi = mul_hi(a, m);
    *lo = a * m;
}
#else
#if VEC == 2
typedef ulong half_lanes;
#define as_half_lanes as_ulong
#elif VEC == 4
typedef ulong2 half_lanes;
#define as_half_lanes as_ulong2
#elif VEC == 8
typedef ulong4 half_lanes;
#define as_half_lanes as_ulong4
#else
typedef ulong8 half_lanes;
#define as_half_lanes as_ulong8
#endif
static inline void multiply(uvec *hi, uvec *lo, uvec a, uint m)
{
    const half_lanes lanes = as_half_lanes(a), low = (half_lanes)(0xffffffffUL);
    const half_lanes even = (lanes & low) * (ulong)m, odd = (lanes >> 32) * (ulong)m;
    *hi = as_uvec((even >> 32) | (odd & ~low));
    *lo = as_uvec((even & low) | (odd << 32));
}
#endif

/* Philox4x32-7 (Salmon et al., 2011: seven rounds pass BigCrush), VEC counters side by side. On a
 * CPU a call costs little beside the rounds, while unrolled loops full of them took twice as long
 * to compile. */
#if LANES == 1 && VEC > 1
#define PHILOX_CALL __attribute__((noinline))
#else
#define PHILOX_CALL inline
#endif
static PHILOX_CALL void philox(uvec out[4], uvec c0, uint c1, uint c2, uint c3, uint k0, uint k1)
{
    uvec a = c0, b = (uvec)(c1), c = (uvec)(c2), d = (uvec)(c3);
#pragma unroll
    for (int round = 0; round < 7; round++) {
        uvec hi0, lo0, hi1, lo1;
        multiply(&hi0, &lo0, a, 0xD2511F53u);
        multiply(&hi1, &lo1, c, 0xCD9E8D57u);
        a = hi1 ^ b ^ k0;
        c = hi0 ^ d ^ k1;
        b = lo1;
        d = lo0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
}

/* What all gradients of the step are multiplied with, a power of two: 1 but in fp16. */
static inline float loss_scale(__global const struct step *step)
{
    return as_float((127u + step->log2_scale) << 23);
}

/* pair += x, the rounding error kept (Neumaier's variant of Kahan's sum). */
static inline void add_compensated(__global float *pair, float x)
{
    const float sum = pair[0] + x;
    pair[1] += fabs(pair[0]) >= fabs(x) ? (pair[0] - sum) + x : (x - sum) + pair[0];
    pair[0] = sum;
}

/*
 * Dropout. Element e of a sample is kept if its 16 random bits reach `threshold` (p * 2^16,
 * rounded) and then multiplied by `scale`, 1 / (1 - threshold / 2^16). Its bits: with h = e / 64,
 * of the word (e / 16) % 4 of Philox at the counter ((h / 2) * 16 + e % 16, sample, path of the op,
 * epoch) the lower half where h is even, the upper where it is odd: the same for every VEC, batch
 * and device. Vectors must not straddle a multiple of VEC; consecutive ones reuse what was drawn.
 * With SPREAD a vector of four is two pairs that lie 8 apart, as matrix units have them (mma.h), of
 * 16 elements from a multiple of 16 on: e is its first one.
 */
#if SPREAD
#define DROPOUT_FIRST(e) ((e) % 16)
#define DROPOUT_PLACES (uint4)(0, 1, 8, 9)
#else
#define DROPOUT_FIRST(e) ((e) % 16 / VEC * VEC)
#define DROPOUT_PLACES iota()
#endif
struct dropout {
    uvec word[4];
    uint block, sample, path, epoch, k0, k1, threshold;
    float scale;
};

static inline void dropout_init(__private struct dropout *d, __global const struct step *step,
                                uint path, uint threshold, float scale)
{
    d->block = 0xffffffffu;
    d->sample = 0;
    d->path = path;
    d->epoch = step->epoch;
    d->k0 = step->seed[0];
    d->k1 = step->seed[1];
    d->threshold = threshold;
    d->scale = scale;
}

static inline void dropout_sample(__private struct dropout *d, uint sample)
{
    d->block = 0xffffffffu;
    d->sample = sample;
}

/* A word that was drawn. A GPU has registers for all four, but no way to count through them. */
static inline uvec dropout_word(__private const struct dropout *d, uint w)
{
#if LANES == 1
    return d->word[w];
#else
    uvec word = d->word[0];
    if (w == 1)
        word = d->word[1];
    if (w == 2)
        word = d->word[2];
    if (w == 3)
        word = d->word[3];
    return word;
#endif
}

/* The 16 random bits of each of the elements e .. e+VEC-1. */
static inline uvec dropout_bits(__private struct dropout *d, uint e)
{
    const uint block = e / 128 * 16 + DROPOUT_FIRST(e);
    if (block != d->block) {
        d->block = block;
        philox(d->word, (uvec)(block) + DROPOUT_PLACES, d->sample, d->path, d->epoch, d->k0, d->k1);
    }
    return (dropout_word(d, e / 16 % 4) >> (e / 64 % 2 * 16)) & 0xffffu;
}

/* Factors of elements e .. e+VEC-1: 0 or scale. */
static inline vec dropout_factor(__private struct dropout *d, uint e)
{
    const uvec bits = dropout_bits(d, e);
    return PICK(bits >= (uvec)(d->threshold), (vec)(d->scale), (vec)(0.0f));
}
