/* SPDX-License-Identifier: MIT */
/*
 * What is known of the matrix units (mma.h): a product whose result is known, by which a device is
 * tried before they are used, and the places of fragments. Groups are LANES work-items, LANES /
 * MMA_WARP warps.
 * -D: MMA, MMA_TYPE; ACROSS_A, ACROSS_B: how fragments are read.
 */
#include "common.h"
#include "mma.h"

#ifndef ACROSS_A
#define ACROSS_A 0
#endif
#ifndef ACROSS_B
#define ACROSS_B 0
#endif

/* Several fragments of A and of B a warp. */
#define M 32
#define N 48
#define ROWS (M / MMA_M)
#define COLUMNS (N / MMA_N)
#define WARPS (LANES < MMA_WARP ? 1 : LANES / MMA_WARP)
#if ACROSS_A
#define A_ROWS MMA_K
#define A_STRIDE (M / MMA_PER + (MMA_TYPE == 3 ? 8 : 4))
#else
#define A_ROWS M
#define A_STRIDE 12
#endif
#if ACROSS_B
#define B_ROWS MMA_K
#define B_STRIDE (N / MMA_PER + (MMA_TYPE == 3 ? 24 : 4))
#else
#define B_ROWS N
#define B_STRIDE 12
#endif

/* Words of a matrix [rows][columns] of floats, whose rows are `stride` words in `to`. */
static inline void mma_fill(__local uint *to, int stride, __global const float *from, int rows,
                            int columns)
{
    for (int e = (int)get_local_id(0); e < rows * columns / MMA_PER; e += LANES) {
        const int row = e / (columns / MMA_PER), word = e % (columns / MMA_PER);
        __global const float *x = from + row * columns + word * MMA_PER;
#if MMA_TYPE == 3
        to[row * stride + word] = mma_word(x[0]);
#else
        to[row * stride + word] = mma_word(x[0], x[1]);
#endif
    }
}

/*
 * c[WARPS][M, N] = 2 A B, by each warp. a: [M][MMA_K], or across [MMA_K][M]; b: [N][MMA_K], or
 * across [MMA_K][N].
 */
__kernel MMA_GROUP void mma_product(__global const float *restrict a,
                                    __global const float *restrict b, __global float *restrict c)
{
    __local __attribute__((aligned(16))) uint as[A_ROWS * A_STRIDE], bs[B_ROWS * B_STRIDE];
    MMA_ROOM(room, WARPS, ROWS, COLUMNS);
    const int lane = mma_lane(), warp = (int)get_local_id(0) / MMA_WARP;
    mma_a left[ROWS];
    mma_b right[COLUMNS];
    mma_c sum[ROWS * COLUMNS];
    mma_fill(as, A_STRIDE, a, A_ROWS, M * MMA_K / A_ROWS);
    mma_fill(bs, B_STRIDE, b, B_ROWS, N * MMA_K / B_ROWS);
    group_barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#if ACROSS_A
        mma_load_a_across(&left[r], as + r * MMA_M / MMA_PER, A_STRIDE);
#else
        mma_load_a(&left[r], as + r * MMA_M * A_STRIDE, A_STRIDE);
#endif
#pragma unroll
    for (int j = 0; j < COLUMNS; j++)
#if ACROSS_B
        mma_load_b_across(&right[j], bs + j * MMA_N / MMA_PER, B_STRIDE);
#else
        mma_load_b(&right[j], bs + j * MMA_N * B_STRIDE, B_STRIDE);
#endif
    mma_zero(sum, ROWS * COLUMNS);
    mma_multiply(sum, left, right, ROWS, COLUMNS, room);
    mma_multiply(sum, left, right, ROWS, COLUMNS, room);
#pragma unroll
    for (int i = 0; i < ROWS * COLUMNS; i++)
#pragma unroll
        for (int e = 0; e < MMA_C; e++) {
            const int row = i / COLUMNS * MMA_M + mma_c_row(lane, e);
            const int column = i % COLUMNS * MMA_N + mma_c_column(lane, e);
            c[(warp * M + row) * N + column] = sum[i].s[e];
        }
}

/* What a lane has of a fragment: words of A, of Intel's sub-groups of 16 halves; words of B. */
#define OF_A (MMA <= 2 ? 4 : 8)
#define OF_B (MMA <= 2 ? 2 : 8)

/* Pairs of ints of each lane: row and word of A's words, word and column of B's, row and column of
 * C's numbers. */
__kernel MMA_GROUP void mma_places(__global int *restrict place)
{
    const int lane = (int)get_global_id(0);
    __global int *a = place + lane * 2 * (OF_A + OF_B + MMA_C), *b = a + 2 * OF_A,
                 *c = b + 2 * OF_B;
    for (int e = 0; e < OF_A; e++) {
        a[2 * e] = mma_a_row(lane, e);
        a[2 * e + 1] = mma_a_word(lane, e);
    }
    for (int e = 0; e < OF_B; e++) {
        b[2 * e] = mma_b_word(lane, e);
        b[2 * e + 1] = mma_b_column(lane, e);
    }
    for (int e = 0; e < MMA_C; e++) {
        c[2 * e] = mma_c_row(lane, e);
        c[2 * e + 1] = mma_c_column(lane, e);
    }
}

#if MMA_TYPE != 3
#if MMA <= 2
/* The fragment of A that two neighbours of C make, whose elements are numbered row by row: [32
 * lanes][4] words. */
__kernel void mma_chain(__global uint *restrict a)
{
    const int lane = mma_lane();
    mma_c left, right;
    for (int e = 0; e < 4; e++) {
        left.s[e] = (float)(mma_c_row(lane, e) * 16 + mma_c_column(lane, e));
        right.s[e] = left.s[e] + 8.0f;
    }
    mma_a made;
    mma_a_of_c(&made, &left, &right);
    for (int e = 0; e < 4; e++)
        a[lane * 4 + e] = made.s[e];
}
#endif

/* Which of the halves [16][16] each lane gets, which are numbered row by row: [lanes] of OF_A words
 * of A, OF_A of A across, OF_B of B, OF_B of B across. */
__kernel MMA_GROUP void mma_moved(__global uint *restrict to)
{
    __local __attribute__((aligned(16))) uint halves[16 * 8];
    for (int e = (int)get_local_id(0); e < 128; e += LANES)
        halves[e] = (uint)(2 * e) | (uint)(2 * e + 1) << 16;
    group_barrier(CLK_LOCAL_MEM_FENCE);
    const int lane = mma_lane();
    __global uint *words = to + lane * 2 * (OF_A + OF_B);
    mma_a a, across;
    mma_b b, b_across;
    mma_load_a(&a, halves, 8);
    mma_load_a_across(&across, halves, 8);
    mma_load_b(&b, halves, 8);
    mma_load_b_across(&b_across, halves, 8);
    for (int e = 0; e < OF_A; e++) {
        words[e] = a.s[e];
        words[OF_A + e] = across.s[e];
    }
    for (int e = 0; e < OF_B; e++) {
        words[2 * OF_A + e] = b.s[e];
        words[2 * OF_A + OF_B + e] = b_across.s[e];
    }
}
#endif
