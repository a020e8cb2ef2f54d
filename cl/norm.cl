/* SPDX-License-Identifier: MIT */
/*
 * The joint between two layers, in one pass:
 *
 *   s = residual + dropout(x + bias)                 (RES, BIAS, DROP == 1)
 *   y = dropout(relu((s - mean) rstd gamma + beta))  (NORM; RELU, DROP == 2)
 *
 * Layer normalisation of Ba, Kiros and Hinton (2016), biased variance.
 * x, residual, s, y [rows, D]; stats [rows, 2] = mean, rstd. A team, of TEAMS of a group, takes the
 * rows of its chunk. -D: D, RES, BIAS, SUM (s is written), NORM, RELU, DROP, LANES, TEAMS, VEC,
 * EPS_BITS (of 1e-5f).
 */
#include "common.h"

#ifndef D
#define D 64
#endif
#ifndef RES
#define RES 0
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef SUM
#define SUM 0
#endif
#ifndef NORM
#define NORM 1
#endif
#ifndef RELU
#define RELU 0
#endif
#ifndef DROP
#define DROP 0
#endif
#ifndef MORE
#define MORE 0
#endif

#define N (D / VEC)
#define PER_LANE ((N + LANES - 1) / LANES)
#ifdef EPS_BITS
#define EPS as_float(EPS_BITS)
#else
#define EPS 1e-5f
#endif

__kernel void norm_fwd(__global const stored *restrict x,
                       OPTIONAL(BIAS, __global const float *restrict bias)
                       OPTIONAL(RES, __global const stored *restrict residual)
                       OPTIONAL(SUM, __global stored *restrict s)
                       OPTIONAL(NORM, __global const float *restrict gamma)
                       OPTIONAL(NORM, __global const float *restrict beta)
                       OPTIONAL(NORM, __global stored *restrict y)
                       OPTIONAL(NORM, __global float *restrict stats)
                       __global const uint *restrict sample,
                       __global const struct step *restrict step, const int rows, const int period,
                       const int chunk, const uint path, const uint threshold, const float scale)
{
    __local float room[LANES * TEAMS];
    const int lane = team_lane();
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, scale);
    EACH_ROW
    {
        const size_t at = (size_t)row * D;
        const int n = THERE ? N : 0;
        const uint first = (uint)(row % period) * D;
        if (DROP && threshold && THERE && (first == 0 || row == from))
            dropout_sample(&drop, sample[row / period]);
        vec value[PER_LANE];
        vec sum = (vec)(0.0f);
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
            vec u = get_vec(d, x + at);
#if BIAS
            u += load_vec(d, bias);
#endif
#if DROP == 1
            if (threshold)
                u *= dropout_factor(&drop, first + (uint)d * VEC);
#endif
#if RES
            u += get_vec(d, residual + at);
#endif
#if SUM
            u = as_stored(u); /* what those behind read: the norm made again has the same bits */
            put_vec(u, d, s + at);
#endif
            value[i] = u;
            sum += u;
        }
#if NORM
        const float mean = group_sum(vsum(sum), room) / D;
        vec square = (vec)(0.0f);
        for (int i = 0; i < PER_LANE; i++)
            if (lane + i * LANES < n)
                square = fma(value[i] - mean, value[i] - mean, square);
        const float rstd = 1.0f / sqrt(group_sum(vsum(square), room) / D + EPS);
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
            vec u = fma((value[i] - mean) * rstd, load_vec(d, gamma), load_vec(d, beta));
#if RELU
            u = PICK(u < 0.0f, (vec)(0.0f), u);
#endif
#if DROP == 2
            if (threshold)
                u *= dropout_factor(&drop, first + (uint)d * VEC);
#endif
            put_vec(u, d, y + at);
        }
        if (lane == 0 && THERE) {
            stats[2 * row] = mean;
            stats[2 * row + 1] = rstd;
        }
#endif
    }
}

/*
 * With g = dy gamma (after dropout and ReLU), h = (s - mean) rstd, the row's gradient is
 *   ds = rstd (g - mean(g) - h mean(g h)) + what arrives at s from elsewhere (MORE);
 * dresidual = ds (added to if add_res), dx = dropout ds (added to if add_x).
 * part[group, 2 D]: sums of dy h and of dy over the rows of the group's chunks, for gamma and beta.
 */
__kernel void norm_bwd(
    OPTIONAL(NORM, __global const stored *restrict dy)
    OPTIONAL(NORM, __global const stored *restrict s)
    OPTIONAL(NORM, __global const float *restrict stats)
    OPTIONAL(NORM, __global const float *restrict gamma)
    OPTIONAL(NORM, __global const float *restrict beta)
    OPTIONAL(NORM, __global float *restrict part)
    OPTIONAL(MORE, __global const stored *restrict more)
    OPTIONAL(RES, __global stored *restrict dres)
    __global stored *restrict dx, __global const uint *restrict sample,
    __global const struct step *restrict step, const int rows, const int period, const int chunk,
    const uint path, const uint threshold, const float scale, const int add_res, const int add_x)
{
#if TEAMS == 1
    __local float room[LANES];
#else
    __local float room[LANES * TEAMS * VEC];
#endif
    const int lane = team_lane();
    const int from = team_id() * chunk, to = min(from + chunk, rows);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, scale);
#if NORM
    vec dgamma[PER_LANE], dbeta[PER_LANE];
    for (int i = 0; i < PER_LANE; i++)
        dgamma[i] = dbeta[i] = (vec)(0.0f);
#endif
    EACH_ROW
    {
        const size_t at = (size_t)row * D;
        const int n = THERE ? N : 0;
        const uint first = (uint)(row % period) * D;
        if (DROP && threshold && THERE && (first == 0 || row == from))
            dropout_sample(&drop, sample[row / period]);
        vec total[PER_LANE];
#if NORM
        const float mean = THERE ? stats[2 * row] : 0, rstd = THERE ? stats[2 * row + 1] : 0;
        vec h[PER_LANE], sum_g = (vec)(0.0f), sum_gh = (vec)(0.0f);
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
            vec g = get_vec(d, dy + at);
            h[i] = (get_vec(d, s + at) - mean) * rstd;
#if RELU
            g = PICK(fma(h[i], load_vec(d, gamma), load_vec(d, beta)) > 0.0f, g, (vec)(0.0f));
#endif
#if DROP == 2
            if (threshold)
                g *= dropout_factor(&drop, first + (uint)d * VEC);
#endif
            dgamma[i] = fma(g, h[i], dgamma[i]);
            dbeta[i] += g;
            g *= load_vec(d, gamma);
            sum_g += g;
            sum_gh = fma(g, h[i], sum_gh);
            total[i] = g;
        }
        const float mean_g = group_sum(vsum(sum_g), room) / D;
        const float mean_gh = group_sum(vsum(sum_gh), room) / D;
#endif
        for (int i = 0; i < PER_LANE; i++) {
            const int d = lane + i * LANES;
            if (d >= n)
                break;
#if NORM
            vec ds = rstd * (total[i] - mean_g - h[i] * mean_gh);
#else
            vec ds = (vec)(0.0f);
#endif
#if MORE
            ds += get_vec(d, more + at);
#endif
#if RES
            put_vec(add_res ? get_vec(d, dres + at) + ds : ds, d, dres + at);
#endif
#if DROP == 1
            if (threshold)
                ds *= dropout_factor(&drop, first + (uint)d * VEC);
#endif
            put_vec(add_x ? get_vec(d, dx + at) + ds : ds, d, dx + at);
        }
    }
#if NORM
#if TEAMS > 1 /* PER_LANE is 1 */
    dgamma[0] = sum_teams(dgamma[0], room);
    dbeta[0] = sum_teams(dbeta[0], room);
#endif
    for (int i = 0; i < PER_LANE; i++) {
        const int d = (int)get_local_id(0) + i * LANES;
        if (d >= N)
            break;
        store_vec(dgamma[i], d, part + (size_t)get_group_id(0) * 2 * D);
        store_vec(dbeta[i], d, part + (size_t)get_group_id(0) * 2 * D + D);
    }
#endif
}
