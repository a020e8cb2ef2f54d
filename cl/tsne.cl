/* SPDX-License-Identifier: MIT */
/*
 * t-SNE (van der Maaten and Hinton 2008). Built with
 *   LANES  work-items that share a group's rows; VEC points in a vector
 *   ROWS   rows of a group in tsne_forces
 * CPUs take LANES = 1, VEC = 16, GPUs LANES = 64, VEC = 1.
 */
#include "common.h"

#ifndef ROWS
#define ROWS 4
#endif

#if VEC == 1
#define ANY(mask) (mask)
#else
#define ANY(mask) any(mask)
#endif

/*
 * The k nearest others of each of the points [ceil(n / VEC), d, VEC], by ascending distance, the
 * lower number first of equals: square [n, k] is |x_i - x_j|^2, index [n, k] is j. One work-item a
 * point; an insertion sort, because candidates seldom pass the k-th.
 */
kernel void tsne_neighbours(global const float *restrict points, int n, int d, int k,
                            global float *restrict square, global int *restrict index)
{
    int i = (int)get_global_id(0);
    if (i >= n)
        return;
    global const float *mine = points + (size_t)(i / VEC) * d * VEC + i % VEC;
    square += (size_t)i * k;
    index += (size_t)i * k;
    for (int e = 0; e < k; e++)
        square[e] = INFINITY;
    float worst = INFINITY;
    for (int first = 0; first < n; first += VEC) {
        global const float *x = points + (size_t)first * d;
        vec distance = 0;
        for (int j = 0; j < d; j++) {
            vec difference = load_vec(j, x) - mine[(size_t)j * VEC];
            distance = fma(difference, difference, distance);
        }
        if (!ANY(distance < worst))
            continue;
        float each[VEC];
        store_vec(distance, 0, each);
        for (int l = 0; l < VEC; l++) {
            int other = first + l;
            if (!(each[l] < worst) || other == i || other >= n)
                continue;
            int e = k - 1;
            for (; e > 0 && square[e - 1] > each[l]; e--) {
                square[e] = square[e - 1];
                index[e] = index[e - 1];
            }
            square[e] = each[l];
            index[e] = other;
            worst = square[k - 1];
        }
    }
}

/*
 * With w_ij = 1 / (1 + |y_i - y_j|^2), for the rows of each group
 *   force [5, padded]: sum_j p_ij w_ij (y_i - y_j) in x and y (over the stored p),
 *                      sum_j w_ij^2 (y_i - y_j) in x and y, sum_j w_ij (over all j but i).
 * y is [2, padded], padding so far away that its w vanishes. p_ij in compressed rows: entries
 * start[i] .. start[i + 1] of column and p.
 */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
tsne_forces(global const float *restrict y, int padded, global const int *restrict start,
            global const int *restrict column, global const float *restrict p,
            global float *restrict force)
{
#if LANES > 1
    local float room[LANES];
#endif
    int lane = (int)get_local_id(0);
    int first = (int)get_group_id(0) * ROWS;
    float mine[2][ROWS];
    vec push[2][ROWS], total[ROWS];
    float pull[2][ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        mine[0][r] = y[first + r];
        mine[1][r] = y[padded + first + r];
        push[0][r] = push[1][r] = total[r] = 0;
        pull[0][r] = pull[1][r] = 0;
    }
    for (int j = lane * VEC; j < padded; j += LANES * VEC) {
        vec other0 = load_vec(0, y + j), other1 = load_vec(0, y + padded + j);
        ivec number = convert_ivec(iota()) + (j - first);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            vec d0 = mine[0][r] - other0, d1 = mine[1][r] - other1;
            vec w = 1 / fma(d0, d0, fma(d1, d1, (vec)1));
            w = number == r ? (vec)0 : w;
            total[r] += w;
            w *= w;
            push[0][r] = fma(w, d0, push[0][r]);
            push[1][r] = fma(w, d1, push[1][r]);
        }
    }
#if LANES > 1
#pragma unroll /* what is counted through has no registers on a GPU */
#endif
    for (int r = 0; r < ROWS; r++)
        for (int e = start[first + r] + lane; e < start[first + r + 1]; e += LANES) {
            float d0 = mine[0][r] - y[column[e]], d1 = mine[1][r] - y[padded + column[e]];
            float w = p[e] / (1 + d0 * d0 + d1 * d1);
            pull[0][r] += w * d0;
            pull[1][r] += w * d1;
        }
#if LANES == 1
    for (int r = 0; r < ROWS; r++)
        for (int which = 0; which < 5; which++)
            force[which * padded + first + r] = which < 2   ? pull[which][r]
                                                : which < 4 ? vsum(push[which - 2][r])
                                                            : vsum(total[r]);
#else
    for (int which = 0; which < 5 * ROWS; which++) {
        float part = 0;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            part = which == r ? pull[0][r] : part;
            part = which == ROWS + r ? pull[1][r] : part;
            part = which == 2 * ROWS + r ? vsum(push[0][r]) : part;
            part = which == 3 * ROWS + r ? vsum(push[1][r]) : part;
            part = which == 4 * ROWS + r ? vsum(total[r]) : part;
        }
        part = group_sum(part, room);
        if (lane == 0)
            force[which / ROWS * padded + first + which % ROWS] = part;
    }
#endif
}

/* norm[0] = sum_i force[4][i], each lane's running sum with its rounding errors kept (Kahan). */
kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
tsne_norm(global const float *restrict force, int n, int padded, global float *restrict norm)
{
    local float room[LANES];
    int lane = (int)get_local_id(0);
    float all = 0, lost = 0;
    for (int i = lane; i < n; i += LANES) {
        float term = force[4 * padded + i] - lost;
        float next = all + term;
        lost = (next - all) - term;
        all = next;
    }
    all = group_sum(all, room);
    if (lane == 0)
        norm[0] = all;
}

/*
 * One step of gradient descent with momentum and per-coordinate gains (Jacobs 1988):
 *   gradient = 4 (exaggeration * pull - push / norm)
 * y, speed and gain are [2, padded]; a work-item a coordinate.
 */
kernel void tsne_step(global float *restrict y, global float *restrict speed,
                      global float *restrict gain, global const float *restrict force,
                      global const float *restrict norm, int n, int padded, float exaggeration,
                      float momentum, float rate)
{
    int at = (int)get_global_id(0);
    if (at >= 2 * padded || at % padded >= n)
        return;
    float gradient = 4 * (exaggeration * force[at] - force[2 * padded + at] / norm[0]);
    float v = speed[at];
    /* by sign, because the product underflows in a small map */
    float g =
        (gradient < 0 && v > 0) || (gradient > 0 && v < 0) ? gain[at] + 0.2f : gain[at] * 0.8f;
    g = fmax(g, 0.01f);
    v = momentum * v - rate * g * gradient;
    gain[at] = g;
    speed[at] = v;
    y[at] += v;
}
