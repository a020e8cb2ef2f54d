/* SPDX-License-Identifier: MIT */
/*
 * mma: the matrix units of a GPU. MMA_WARP work-items, a warp, multiply fragments that lie in their
 * registers: C[MMA_M, MMA_N] += A[MMA_M, MMA_K] B[MMA_K, MMA_N], summed up in fp32. This file has
 * NVIDIA's, whose warp is 32 and whose fragment of C is [16, 8]; mma_units.h has AMD's and Intel's.
 *   MMA_TYPE 1: bfloat16, K = 16; 2: IEEE half, K = 16; 3: TF32 (floats of 11 digits), K = 8.
 *   MMA 1: NVIDIA's mma.sync by inline PTX (sm_80 and later); 3, 5, 7: see mma_units.h; 2, 4, 6, 8:
 *   the one before in plain OpenCL C, for tests: the warp exchanges its fragments through local
 * memory, at the places that the PTX ISA's manual gives them ("Matrix Fragments for mma.m16n8k16
 * with floating point type", "... m16n8k8").
 *
 * A word is 32 bits: two neighbours along K, the first in the lower half, or one TF32. In words
 * both shapes are the same: A is 16 x 8, B 8 x 8; a work-item has 4 of A, 2 of B, 4 floats of C.
 * mma_a_row() ... tell which.
 *
 * How a kernel uses it, of groups of 32 x WARPS work-items (1-D), each warp with C of
 * 16 ROWS x 8 COLUMNS:
 *     MMA_ROOM(room, WARPS, ROWS, COLUMNS);  among the kernel's variables; nothing where MMA = 1
 *     mma_zero(c, ROWS * COLUMNS)
 *     mma_load_a(&a[r], words, stride)         from A[i][k] in local memory, rows of `stride` words
 *     mma_load_a_across(&a[r], words, stride)  from A[k][i]: it is transposed on the way
 *     mma_load_b(&b[j], words, stride)         from B'[j][k], as K of Q K'
 *     mma_load_b_across(&b[j], words, stride)  from B[k][j], as V of P V
 *     mma_multiply(c, a, b, ROWS, COLUMNS, room)  C += A B, by all warps of the group and under no
 *                                              condition: where MMA = 2 there are barriers in it
 *     c[r * COLUMNS + j].s[e]                  is C at row 16 r + mma_c_row(lane, e), column 8 j +
 *                                              mma_c_column(lane, e), lane = mma_lane()
 *     mma_a_of_c(&a, &left, &right)            two neighbours of C, 16 columns, as a fragment of A
 *     mma_a_of_columns(&a, &c[j])              MMA_K columns of C, from fragment j on, as one of A
 *     mma_load_b_of_columns(&b, words, stride) as mma_load_b_across, in the order of its columns
 *     mma_swap(x, across, room)                x of lane `across` away, 1 or 2; as mma_multiply()
 *     mma_word(x, y)                           two floats as a word; of TF32 mma_word(x)
 * a, b and c are mma_a [ROWS], mma_b [COLUMNS] and mma_c [ROWS * COLUMNS]. `words` is the address
 * of the fragment's first word, 16 bytes aligned, as all its rows are; the four words of a row lie
 * in one bank group, so that rows must differ in it: strides of 4 more than a multiple of 8 words;
 * of TF32 across, which is read word by word, 8 more than one of 32.
 */
#ifndef MMA
#define MMA 2
#endif
#ifndef MMA_TYPE
#define MMA_TYPE 1
#endif

#define MMA_PER (MMA_TYPE == 3 ? 1 : 2) /* elements of a word */
#define MMA_K (8 * MMA_PER)

#include "mma_words.h"

/* What takes the room of a kernel. Were it a call, a compiler might put the array's name into it
 * where a program has one kernel alone, and PoCL 3.1, which knows arrays of kernels only, would
 * give all its threads the same one. */
#define MMA_INLINE static inline __attribute__((always_inline))

#if MMA > 2
#include "mma_units.h"
#else
#define MMA_WARP 32
#define MMA_M 16
#define MMA_N 8
#define MMA_C 4     /* numbers of C that a work-item has of a fragment */
#define MMA_PAIRS 1 /* elements 2 e and 2 e + 1 of them are neighbours in a row */
#define MMA_GROUP   /* an attribute of kernels */

typedef struct {
    uint s[4];
} mma_a;
typedef struct {
    uint s[2];
} mma_b;
typedef struct {
    float s[4];
} mma_c;

/* --- places: of word e of A and B, of element e of C */

static inline int mma_lane(void)
{
    return (int)get_local_id(0) % 32;
}

static inline int mma_a_row(int lane, int e)
{
    return lane / 4 + e % 2 * 8;
}

static inline int mma_a_word(int lane, int e)
{
    return lane % 4 + e / 2 * 4;
}

static inline int mma_b_word(int lane, int e)
{
    return lane % 4 + e * 4;
}

static inline int mma_b_column(int lane, int e)
{
    return lane / 4;
}

static inline int mma_c_row(int lane, int e)
{
    return lane / 4 + e / 2 * 8;
}

static inline int mma_c_column(int lane, int e)
{
    return lane % 4 * 2 + e % 2;
}

#if MMA_TYPE != 3
/* C[16, 16] in two fragments as A. */
INLINE void mma_a_of_c(mma_a *a, const mma_c *left, const mma_c *right)
{
#pragma unroll
    for (int e = 0; e < 2; e++) {
        a->s[e] = mma_word(left->s[2 * e], left->s[2 * e + 1]);
        a->s[2 + e] = mma_word(right->s[2 * e], right->s[2 * e + 1]);
    }
}
#endif

/* MMA_K columns of C as A. Of TF32 the places of columns 0 .. 7 in A are those of columns 0, 2, 4,
 * 6, 1, 3, 5, 7 in C: what A multiplies must come in that order (mma_load_b_of_columns()). */
INLINE void mma_a_of_columns(mma_a *a, const mma_c *c)
{
#if MMA_TYPE == 3
    a->s[0] = mma_word(c->s[0]);
    a->s[1] = mma_word(c->s[2]);
    a->s[2] = mma_word(c->s[1]);
    a->s[3] = mma_word(c->s[3]);
#else
    mma_a_of_c(a, c, c + 1);
#endif
}

/*
 * --- fragments from local memory, by ldmatrix: 8 x 8 matrices of halves in rows of 16 bytes; lane
 * 8 e + r names row r of matrix e, and gets word lane % 4 of row lane / 4 of each; across, the
 * halves at column lane / 4 of rows lane % 4 * 2 and the next. That is a fragment's layout, in
 * words.
 */

/* Where the row begins that a lane names, of [16][stride] or [8][stride] words ... */
static inline int mma_a_named(int lane, int stride)
{
    return lane % 16 * stride + lane / 16 * 4;
}

static inline int mma_b_named(int lane, int stride)
{
    return lane % 8 * stride + lane / 8 % 2 * 4;
}

/* ... and of [MMA_K][stride] words. */
static inline int mma_a_named_across(int lane, int stride)
{
    return (lane % 8 + lane / 16 * 8) * stride + lane / 8 % 2 * 4;
}

static inline int mma_b_named_across(int lane, int stride)
{
    return lane % 16 * stride;
}

#if MMA == 1
#define MMA_MOVE4(name, how, named)                                                   \
    INLINE void name(mma_a *a, __local const uint *words, int stride)                 \
    {                                                                                 \
        const uint at = (uint)(size_t)(words + named(mma_lane(), stride));            \
        __asm__ volatile("ldmatrix.sync.aligned.m8n8.x4" how ".shared.b16 "           \
                         "{%0, %1, %2, %3}, [%4];"                                    \
                         : "=r"(a->s[0]), "=r"(a->s[1]), "=r"(a->s[2]), "=r"(a->s[3]) \
                         : "r"(at)                                                    \
                         : "memory");                                                 \
    }
#define MMA_MOVE2(name, how, named)                                         \
    INLINE void name(mma_b *b, __local const uint *words, int stride)       \
    {                                                                       \
        const uint at = (uint)(size_t)(words + named(mma_lane(), stride));  \
        __asm__ volatile("ldmatrix.sync.aligned.m8n8.x2" how ".shared.b16 " \
                         "{%0, %1}, [%2];"                                  \
                         : "=r"(b->s[0]), "=r"(b->s[1])                     \
                         : "r"(at)                                          \
                         : "memory");                                       \
    }
MMA_MOVE4(mma_load_a, "", mma_a_named)
MMA_MOVE2(mma_load_b, "", mma_b_named)
#if MMA_TYPE != 3
MMA_MOVE4(mma_load_a_across, ".trans", mma_a_named_across)
MMA_MOVE2(mma_load_b_across, ".trans", mma_b_named_across)
#endif
#else
INLINE void mma_load_a(mma_a *a, __local const uint *words, int stride)
{
    const int lane = mma_lane();
    for (int e = 0; e < 4; e++)
        a->s[e] = words[mma_a_named(8 * e + lane / 4, stride) + lane % 4];
}

INLINE void mma_load_b(mma_b *b, __local const uint *words, int stride)
{
    const int lane = mma_lane();
    for (int e = 0; e < 2; e++)
        b->s[e] = words[mma_b_named(8 * e + lane / 4, stride) + lane % 4];
}

#if MMA_TYPE != 3
INLINE void mma_load_a_across(mma_a *a, __local const uint *words, int stride)
{
    const int lane = mma_lane();
    for (int e = 0; e < 4; e++) {
        const int row = 8 * e + lane % 4 * 2;
        a->s[e] = mma_halves(words + mma_a_named_across(row, stride),
                             words + mma_a_named_across(row + 1, stride), lane / 4);
    }
}

INLINE void mma_load_b_across(mma_b *b, __local const uint *words, int stride)
{
    const int lane = mma_lane();
    for (int e = 0; e < 2; e++) {
        const int row = 8 * e + lane % 4 * 2;
        b->s[e] = mma_halves(words + mma_b_named_across(row, stride),
                             words + mma_b_named_across(row + 1, stride), lane / 4);
    }
}
#endif
#endif

#if MMA_TYPE == 3
INLINE void mma_load_a_across(mma_a *a, __local const uint *words, int stride)
{
    const int lane = mma_lane();
#pragma unroll
    for (int e = 0; e < 4; e++)
        a->s[e] = words[mma_a_word(lane, e) * stride + mma_a_row(lane, e)];
}

INLINE void mma_load_b_across(mma_b *b, __local const uint *words, int stride)
{
    const int lane = mma_lane();
#pragma unroll
    for (int e = 0; e < 2; e++)
        b->s[e] = words[mma_b_word(lane, e) * stride + mma_b_column(lane, e)];
}
#endif

/* As across, rows in the order of mma_a_of_columns(). Of TF32 strides of 4 more than a multiple of
 * 16 words keep lanes in different banks. */
INLINE void mma_load_b_of_columns(mma_b *b, __local const uint *words, int stride)
{
#if MMA_TYPE == 3
    const int lane = mma_lane();
#pragma unroll
    for (int e = 0; e < 2; e++)
        b->s[e] = words[(lane % 4 * 2 + e) * stride + mma_b_column(lane, e)];
#else
    mma_load_b_across(b, words, stride);
#endif
}

/* --- exchange */

/* x of the lane whose number differs in the bits of `across`. */
MMA_INLINE float mma_swap(float x, const int across, __local uint *room)
{
    float other;
#if MMA == 1
    __asm__ volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;"
                     : "=f"(other)
                     : "f"(x), "r"(across));
#else
    room[get_local_id(0)] = as_uint(x);
    group_barrier(CLK_LOCAL_MEM_FENCE);
    other = as_float(room[(int)get_local_id(0) ^ across]);
    group_barrier(CLK_LOCAL_MEM_FENCE);
#endif
    return other;
}

/* --- products */

#if MMA == 1
#if MMA_TYPE == 1
#define MMA_NAME "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
#elif MMA_TYPE == 2
#define MMA_NAME "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
#else
#define MMA_NAME "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
#endif

/* C += A B, of one fragment each. */
INLINE void mma_one(mma_c *c, const mma_a *a, const mma_b *b)
{
    __asm__ volatile(MMA_NAME "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(c->s[0]), "+f"(c->s[1]), "+f"(c->s[2]), "+f"(c->s[3])
                     : "r"(a->s[0]), "r"(a->s[1]), "r"(a->s[2]), "r"(a->s[3]), "r"(b->s[0]),
                       "r"(b->s[1]));
}

#define MMA_ROOM(name, warps, rows, columns) __local uint *const name = 0

INLINE void mma_multiply(mma_c *c, const mma_a *a, const mma_b *b, const int rows,
                         const int columns, __local uint *room)
{
#pragma unroll
    for (int r = 0; r < rows; r++)
#pragma unroll
        for (int j = 0; j < columns; j++)
            mma_one(&c[r * columns + j], &a[r], &b[j]);
}
#else
/* Of each warp: A [rows][16][8] and B [columns][8][8] in words, with K last. */
#define MMA_WORDS(rows, columns) ((rows)*128 + (columns)*64)
#define MMA_ROOM(name, warps, rows, columns) __local uint name[(warps)*MMA_WORDS(rows, columns)]

/* The product of two words. */
static inline float mma_dot(uint x, uint y, float sum)
{
#if MMA_TYPE == 3
    return fma(as_float(x), as_float(y), sum);
#else
    sum = fma(mma_value(x & 0xffffu), mma_value(y & 0xffffu), sum);
    return fma(mma_value(x >> 16), mma_value(y >> 16), sum);
#endif
}

MMA_INLINE void mma_multiply(mma_c *c, const mma_a *a, const mma_b *b, const int rows,
                             const int columns, __local uint *room)
{
    const int lane = mma_lane();
    __local uint *left = room + (int)get_local_id(0) / 32 * MMA_WORDS(rows, columns);
    __local uint *right = left + rows * 128;
    for (int r = 0; r < rows; r++)
        for (int e = 0; e < 4; e++)
            left[r * 128 + mma_a_row(lane, e) * 8 + mma_a_word(lane, e)] = a[r].s[e];
    for (int j = 0; j < columns; j++)
        for (int e = 0; e < 2; e++)
            right[j * 64 + mma_b_column(lane, e) * 8 + mma_b_word(lane, e)] = b[j].s[e];
    group_barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < rows * columns; i++)
        for (int e = 0; e < 4; e++) {
            __local const uint *row = left + i / columns * 128 + mma_c_row(lane, e) * 8;
            __local const uint *column = right + i % columns * 64 + mma_c_column(lane, e) * 8;
            float sum = c[i].s[e];
            for (int k = 0; k < 8; k++)
                sum = mma_dot(row[k], column[k], sum);
            c[i].s[e] = sum;
        }
    group_barrier(CLK_LOCAL_MEM_FENCE);
}
#endif
#endif

INLINE void mma_zero(mma_c *c, const int fragments)
{
#pragma unroll
    for (int i = 0; i < fragments; i++)
#pragma unroll
        for (int e = 0; e < MMA_C; e++)
            c[i].s[e] = 0.0f;
}
