/* SPDX-License-Identifier: MIT */
/*
 * mma_words: the words of mma.h, made of floats. In bfloat16 what is below 2^-126 counts as 0 where
 * no instruction makes the word, as in gemm.cl.
 */

#if MMA_TYPE == 1
static inline uint mma_bits(float x)
{
    const uint u = as_uint(x), near = u + 0x7fffu + (u >> 16 & 1u);
    return (u & 0x7f800000u) == 0 ? u >> 16 & 0x8000u : x != x ? u >> 16 | 0x40u : near >> 16;
}

static inline float mma_value(uint bits)
{
    return as_float(bits << 16);
}
#elif MMA_TYPE == 2
static inline uint mma_bits(float x)
{
    const uint u = as_uint(fabs(x)), near = u + 0xc8000fffu + (u >> 13 & 1u);
    const uint small = as_uint(fabs(x) + 0.5f) - 0x3f000000u;
    uint h = fabs(x) < 0x1p-14f ? small : near >> 13;
    h = fabs(x) < 65536.0f ? h : 0x7c00u;
    h = x != x ? 0x7e00u : h;
    return h | (as_uint(x) >> 16 & 0x8000u);
}

static inline float mma_value(uint bits)
{
    const uint size = (bits & 0x7fffu) << 13, sign = (bits & 0x8000u) << 16;
    const float x = as_float(size) * 0x1p112f;
    return as_float((x >= 65536.0f ? size | 0x7f800000u : as_uint(x)) | sign);
}
#endif

#if MMA_TYPE == 3
/* A word of a float: rounded to nearest, ties away from zero. */
static inline uint mma_word(float x)
{
#if MMA == 1
    uint word;
    __asm__("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
    return word;
#else
    const uint u = as_uint(x);
    return (u & 0x7f800000u) == 0x7f800000u ? u : (u + 0x1000u) & 0xffffe000u;
#endif
}
#else
/* A word of two neighbours along K, rounded to nearest, ties to even. */
static inline uint mma_word(float first, float second)
{
#if MMA == 1 && MMA_TYPE == 1
    uint word;
    __asm__("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    return word;
#elif MMA == 1
    uint word;
    __asm__("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    return word;
#else
    return mma_bits(first) | mma_bits(second) << 16;
#endif
}
#endif

#if MMA_TYPE != 3
/* The halves at `column` of two rows. */
static inline uint mma_halves(__local const uint *first, __local const uint *second, int column)
{
    const uint x = first[column / 2], y = second[column / 2];
    return column % 2 ? x >> 16 | (y & 0xffff0000u) : (x & 0xffffu) | y << 16;
}
#endif
