/* SPDX-License-Identifier: MIT */
/*
 * k-means. Built with
 *   D      numbers in a point
 *   LANES  work-items of a group; VEC points in a vector; a work-item holds P vectors, so that a
 *          group handles a block of LANES * P * VEC points
 *   C      centroids handled at once
 * Points come in blocks [blocks, D, BLOCK], centroids in tiles [tiles, D, C]. CPUs take LANES = 1,
 * VEC = 16, GPUs LANES = 64, VEC = 1.
 */
#include "common.h"

#ifndef D
#define D 32
#endif
#ifndef P
#define P 1
#endif
#ifndef C
#define C 16
#endif

#define BLOCK (LANES * P * VEC)

/*
 * category[i] = argmin_c |x_i - c|^2 = argmax_c (x_i . c - |c|^2 / 2), the lowest c of equals.
 * norm [tiles * C] is |c|^2 / 2, and FLT_MAX behind the last centroid. One group a block.
 */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
kmeans_assign(global const float *restrict points, global const float *restrict centroids,
              global const float *restrict norm, int tiles, global int *restrict category)
{
    size_t first = get_group_id(0) * (size_t)BLOCK;
    size_t lane = get_local_id(0) * VEC;
    global const float *x = points + first * D + lane;
    vec best[P];
    ivec at[P];
    for (int p = 0; p < P; p++) {
        best[p] = -FLT_MAX;
        at[p] = 0;
    }
    for (int tile = 0; tile < tiles; tile++) {
        global const float *m = centroids + (size_t)tile * D * C;
        vec dot[P][C];
#pragma unroll
        for (int c = 0; c < C; c++)
#pragma unroll
            for (int p = 0; p < P; p++)
                dot[p][c] = -norm[tile * C + c];
#pragma unroll 4
        for (int j = 0; j < D; j++) {
            vec v[P];
#pragma unroll
            for (int p = 0; p < P; p++)
                v[p] = load_vec(0, x + (size_t)j * BLOCK + p * LANES * VEC);
#pragma unroll
            for (int c = 0; c < C; c++)
#pragma unroll
                for (int p = 0; p < P; p++)
                    dot[p][c] = fma(v[p], (vec)m[j * C + c], dot[p][c]);
        }
#pragma unroll
        for (int c = 0; c < C; c++)
#pragma unroll
            for (int p = 0; p < P; p++) {
                at[p] = dot[p][c] > best[p] ? (ivec)(tile * C + c) : at[p];
                best[p] = dot[p][c] > best[p] ? dot[p][c] : best[p];
            }
    }
    for (int p = 0; p < P; p++)
        store_vec(at[p], 0, category + first + lane + p * LANES * VEC);
}

/*
 * Greedy k-means++ (Arthur and Vassilvitskii 2007), one step: for each of C candidates [D, C]
 *   near[c][i] = min(nearest[i], |x_i - candidate_c|^2),   partial[c][group] = sum_i near[c][i]
 * where nearest is the row of the previous step's `near` that belongs to the candidate taken then
 * (state[0]). A group handles `span` blocks.
 */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
kmeans_near(global const float *restrict points, global const float *restrict candidate,
            global const float *restrict previous, global const int *restrict state, int blocks,
            int span, global float *restrict near, global float *restrict partial)
{
    local float room[LANES];
    size_t lane = get_local_id(0) * VEC;
    size_t count = (size_t)blocks * BLOCK;
    global const float *nearest = previous + state[0] * count;
    int begin = (int)get_group_id(0) * span;
    int end = min(begin + span, blocks);
    vec total[C];
    for (int c = 0; c < C; c++)
        total[c] = 0;
    for (int block = begin; block < end; block++)
        for (int p = 0; p < P; p++) {
            size_t at = (size_t)block * BLOCK + p * LANES * VEC + lane;
            global const float *x = points + (size_t)block * BLOCK * D + p * LANES * VEC + lane;
            vec square[C];
#pragma unroll
            for (int c = 0; c < C; c++)
                square[c] = 0;
#pragma unroll 4
            for (int j = 0; j < D; j++) {
                vec v = load_vec(0, x + (size_t)j * BLOCK);
#pragma unroll
                for (int c = 0; c < C; c++) {
                    vec difference = v - candidate[j * C + c];
                    square[c] = fma(difference, difference, square[c]);
                }
            }
            vec old = load_vec(0, nearest + at);
#pragma unroll
            for (int c = 0; c < C; c++) {
                square[c] = square[c] < old ? square[c] : old;
                total[c] += square[c];
                store_vec(square[c], 0, near + c * count + at);
            }
        }
    for (int c = 0; c < C; c++) {
        float all = group_sum(vsum(total[c]), room);
        if (get_local_id(0) == 0)
            partial[c * get_num_groups(0) + get_group_id(0)] = all;
    }
}

/*
 * Takes the candidate with the smallest potential as centroid number `step`, then draws the next C
 * candidates with probability nearest[i] / potential. state [1 + C]: the row taken, then the points
 * that are candidates, -1 where no point is left that lies off all centroids. One group of C
 * work-items whatever LANES is, so that the barriers always stay.
 */
kernel __attribute__((reqd_work_group_size(C, 1, 1))) void
kmeans_pick(global const float *restrict points, global const float *restrict near,
            global const float *restrict partial, global const float *restrict uniform, int step,
            int blocks, int span, int groups, global int *restrict state,
            global int *restrict taken, global float *restrict candidate)
{
    local float potential[C];
    int c = (int)get_local_id(0);
    int count = blocks * BLOCK;
    float all = 0;
    for (int g = 0; g < groups; g++)
        all += partial[c * groups + g];
    potential[c] = all;
    barrier(CLK_LOCAL_MEM_FENCE);
    int best = 0;
    for (int other = 1; other < C; other++)
        if (potential[other] < potential[best])
            best = other;
    if (c == 0)
        taken[step] = state[1 + best];
    barrier(CLK_GLOBAL_MEM_FENCE);

    /* the group, then the point, in which the running sum passes the drawn share; rounding may
     * leave it just short of the end: then the last one that counts at all */
    float rest = uniform[step * C + c] * potential[best];
    int group = -1;
    for (int g = 0; g < groups; g++) {
        float weight = partial[best * groups + g];
        if (weight > 0) {
            group = g;
            if (rest < weight)
                break;
            rest -= weight;
        }
    }
    global const float *nearest = near + best * (size_t)count;
    int point = -1;
    int begin = group * span * BLOCK;
    int end = group < 0 ? begin : min(begin + span * BLOCK, count);
    for (int i = begin; i < end; i++) {
        float weight = nearest[i];
        if (weight > 0) {
            point = i;
            if (rest < weight)
                break;
            rest -= weight;
        }
    }
    if (c == 0)
        state[0] = best;
    state[1 + c] = point;
    if (point >= 0)
        for (int j = 0; j < D; j++)
            candidate[j * C + c] =
                points[((size_t)(point / BLOCK) * D + j) * BLOCK + point % BLOCK];
}
