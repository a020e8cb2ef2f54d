/* SPDX-License-Identifier: MIT */
/*
 * mma_units: the matrix units of other GPUs than NVIDIA's, with the names of mma.h; MMA_TYPE 1 and
 * 2, MMA_K = 16.
 *   MMA 3: AMD's v_wmma_f32_16x16x16 by clang's builtins (RDNA 3, waves of 32). C is [16, 16]. A
 *   work-item has a whole row of A and a whole column of B, which its neighbour 16 further has,
 * too, and every second element of a column of C ("RDNA3 Instruction Set Architecture", 7.9). MMA
 * 5, 7: Intel's XMX by cl_intel_subgroup_matrix_multiply_accumulate, with sub-groups of 8 (Xe-HPG)
 * and of 16 (Xe-HPC, Xe2), the smallest of the device. C is [8, 8] and [8, 16]. A work-item has a
 * column of B and of C; of A a word of each row, with sub-groups of 16 a half. MMA 4, 6, 8: 3, 5, 7
 * in plain OpenCL C.
 */
#if MMA <= 4
#define MMA_WARP 32
#define MMA_M 16
#define MMA_N 16
#else
#define MMA_WARP (MMA <= 6 ? 8 : 16)
#define MMA_M 8
#define MMA_N MMA_WARP
#endif
#define MMA_C 8
#define MMA_PAIRS 0
#if MMA == 5 || MMA == 7
#define MMA_GROUP __attribute__((intel_reqd_sub_group_size(MMA_WARP)))
#else
#define MMA_GROUP
#endif
#define MMA_HALVES (MMA > 6) /* a work-item has halves of A */

#if MMA_HALVES
typedef ushort mma_of_a;
#else
typedef uint mma_of_a;
#endif
typedef struct {
    mma_of_a s[8];
} mma_a;
typedef struct {
    uint s[8];
} mma_b;
typedef struct {
    float s[8];
} mma_c;

/* --- places: of word e of A and B (of half e of A where it has halves), of element e of C */

static inline int mma_lane(void)
{
    return (int)get_local_id(0) % MMA_WARP;
}

#if MMA <= 4
static inline int mma_a_row(int lane, int e)
{
    return lane % 16;
}

static inline int mma_a_word(int lane, int e)
{
    return e;
}

static inline int mma_c_row(int lane, int e)
{
    return 2 * e + lane / 16;
}
#else
static inline int mma_a_row(int lane, int e)
{
    return e;
}

static inline int mma_a_word(int lane, int e)
{
    return lane;
}

static inline int mma_c_row(int lane, int e)
{
    return e;
}
#endif

static inline int mma_b_word(int lane, int e)
{
    return e;
}

static inline int mma_b_column(int lane, int e)
{
    return lane % MMA_N;
}

static inline int mma_c_column(int lane, int e)
{
    return lane % MMA_N;
}

/* --- fragments from local memory */

/* Eight words of a row, which is 16 bytes aligned. */
static inline void mma_load_row(uint *to, __local const uint *words)
{
    __local const uint4 *fours = (__local const uint4 *)words;
    vstore4(fours[0], 0, to);
    vstore4(fours[1], 1, to);
}

static inline void mma_load_a(mma_a *a, __local const uint *words, int stride)
{
    const int lane = mma_lane();
#if MMA <= 4
    mma_load_row(a->s, words + mma_a_row(lane, 0) * stride);
#else
    __local const mma_of_a *of = (__local const mma_of_a *)words;
#pragma unroll
    for (int e = 0; e < 8; e++)
        a->s[e] = of[e * stride * (MMA_HALVES ? 2 : 1) + lane];
#endif
}

static inline void mma_load_a_across(mma_a *a, __local const uint *words, int stride)
{
    const int lane = mma_lane();
#pragma unroll
    for (int e = 0; e < 8; e++) {
#if MMA_HALVES
        a->s[e] = ((__local const ushort *)words)[lane * stride * 2 + e];
#else
        __local const uint *row = words + 2 * mma_a_word(lane, e) * stride;
        a->s[e] = mma_halves(row, row + stride, mma_a_row(lane, e));
#endif
    }
}

static inline void mma_load_b(mma_b *b, __local const uint *words, int stride)
{
    mma_load_row(b->s, words + mma_b_column(mma_lane(), 0) * stride);
}

static inline void mma_load_b_across(mma_b *b, __local const uint *words, int stride)
{
    const int column = mma_b_column(mma_lane(), 0);
#pragma unroll
    for (int e = 0; e < 8; e++)
        b->s[e] = mma_halves(words + 2 * e * stride, words + (2 * e + 1) * stride, column);
}

/* --- products */

#if MMA % 2
#if MMA == 3 && MMA_TYPE == 1
#define MMA_ONE(a, b, c) \
    __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(as_short16(a), as_short16(b), c)
#elif MMA == 3
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define MMA_ONE(a, b, c) __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(as_half16(a), as_half16(b), c)
#elif MMA_TYPE == 1
#define MMA_ONE(a, b, c) intel_sub_group_bf16_bf16_matrix_mad_k16(a, as_int8(b), c)
#else
#define MMA_ONE(a, b, c) intel_sub_group_f16_f16_matrix_mad_k16(a, as_int8(b), c)
#endif
#if MMA == 3
#define MMA_AS_A(a) (a)
#elif MMA_HALVES
#define MMA_AS_A(a) as_short8(a)
#else
#define MMA_AS_A(a) as_int8(a)
#endif

#define MMA_ROOM(name, warps, rows, columns) __local uint *const name = 0

MMA_INLINE void mma_multiply(mma_c *c, const mma_a *a, const mma_b *b, const int rows,
                             const int columns, __local uint *room)
{
#pragma unroll
    for (int r = 0; r < rows; r++)
#pragma unroll
        for (int j = 0; j < columns; j++) {
            float *sum = c[r * columns + j].s;
            vstore8(MMA_ONE(MMA_AS_A(vload8(0, a[r].s)), vload8(0, b[j].s), vload8(0, sum)), 0,
                    sum);
        }
}
#else
/* Of each warp: A [rows][MMA_M][8] and B [columns][MMA_N][8] in words, with K last. */
#define MMA_WORDS(rows, columns) ((rows)*MMA_M * 8 + (columns)*MMA_N * 8)
#define MMA_ROOM(name, warps, rows, columns) __local uint name[(warps)*MMA_WORDS(rows, columns)]

/* The product of two words. */
static inline float mma_dot(uint x, uint y, float sum)
{
    sum = fma(mma_value(x & 0xffffu), mma_value(y & 0xffffu), sum);
    return fma(mma_value(x >> 16), mma_value(y >> 16), sum);
}

MMA_INLINE void mma_multiply(mma_c *c, const mma_a *a, const mma_b *b, const int rows,
                             const int columns, __local uint *room)
{
    const int lane = mma_lane();
    __local uint *left = room + (int)get_local_id(0) / MMA_WARP * MMA_WORDS(rows, columns);
    __local uint *right = left + rows * MMA_M * 8;
    __local mma_of_a *of = (__local mma_of_a *)left;
    if (lane < 16) { /* what the others hold is the same */
        for (int r = 0; r < rows; r++)
            for (int e = 0; e < 8; e++)
                of[(r * MMA_M + mma_a_row(lane, e)) * (MMA_HALVES ? 16 : 8) + mma_a_word(lane, e)] =
                    a[r].s[e];
        for (int j = 0; j < columns; j++)
            for (int e = 0; e < 8; e++)
                right[(j * MMA_N + mma_b_column(lane, e)) * 8 + mma_b_word(lane, e)] = b[j].s[e];
    }
    group_barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < rows * columns; i++)
        for (int e = 0; e < 8; e++) {
            __local const uint *row = left + (i / columns * MMA_M + mma_c_row(lane, e)) * 8;
            __local const uint *column = right + (i % columns * MMA_N + mma_c_column(lane, e)) * 8;
            float sum = c[i].s[e];
            for (int k = 0; k < 8; k++)
                sum = mma_dot(row[k], column[k], sum);
            c[i].s[e] = sum;
        }
    group_barrier(CLK_LOCAL_MEM_FENCE);
}
#endif
