/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation of Ioffe and Szegedy (2015) over the samples and rows of each column, as
 * nn.BatchNorm1d: biased variance, eps 1e-5; what pads a short batch takes no part.
 *
 *   s = x + bias (BIAS)      h = (s - mean) rstd      y = h gamma + beta
 *
 * x, y [rows, D], `period` rows a sample; stats [2, D] = mean, rstd. Reductions go in two passes
 * whose order depends on the shape alone: chunks of rows, then over chunks. -D: D, BIAS, PARTS,
 * VEC, LANES.
 */
#include "common.h"

#ifndef D
#define D 64
#endif
#ifndef BIAS
#define BIAS 0
#endif
#ifndef PARTS
#define PARTS 0
#endif

#define N (D / VEC)
#define EPS 1e-5f
#define MOMENTUM 0.1f

static inline vec row_of(__global const stored *x, __global const float *bias, int row, int d)
{
    const vec u = get_vec(d, x + (size_t)row * D);
    return bias ? u + load_vec(d, bias) : u;
}

#if BIAS
#define INPUT __global const stored *restrict x, __global const float *restrict bias
#define ROW(row, d) row_of(x, bias, row, d)
#else
#define INPUT __global const stored *restrict x
#define ROW(row, d) row_of(x, 0, row, d)
#endif

/* Rows that count, and of these those of a chunk */
static inline int rows_of(__global const struct step *step, int rows, int period)
{
    return (int)min((uint)rows, step->count * (uint)period);
}

/* part[chunk, 2 D] = mean of the chunk's rows and the sum of their squared distances from it */
__kernel void batch_norm_moments(INPUT, __global float *restrict part,
                                 __global const struct step *restrict step, const int rows,
                                 const int period, const int chunk)
{
    const int c = (int)get_group_id(0), n = rows_of(step, rows, period);
    const int from = min(c * chunk, n), to = min(from + chunk, n);
    __global float *mine = part + (size_t)c * 2 * D;
    for (int d = (int)get_local_id(0); d < N; d += LANES) {
        vec sum = (vec)(0.0f), square = (vec)(0.0f);
        for (int row = from; row < to; row++)
            sum += ROW(row, d);
        const vec mean = sum / (float)max(to - from, 1);
        for (int row = from; row < to; row++) {
            const vec off = ROW(row, d) - mean;
            square = fma(off, off, square);
        }
        store_vec(mean, d, mine);
        store_vec(square, d, mine + D);
    }
}

/*
 * The moments of all rows from those of the chunks (Chan, Golub and LeVeque, 1979), a work-item a
 * column; the running statistics move by MOMENTUM toward them, with the unbiased variance, unless
 * they are not finite. With PARTS they become these moments: train/shards.c moves them.
 */
__kernel void batch_norm_merge(__global const float *restrict part, __global float *restrict stats,
                               __global float *restrict running_mean,
                               __global float *restrict running_var,
                               __global float *restrict tracked,
                               __global const struct step *restrict step, const int rows,
                               const int period, const int chunk)
{
    const int d = (int)get_global_id(0), n = rows_of(step, rows, period);
    if (d >= D)
        return;
    float mean = part[d], square = part[D + d];
    for (int from = chunk; from < n; from += chunk) {
        __global const float *next = part + (size_t)(from / chunk) * 2 * D;
        const float more = min(chunk, n - from), all = from + more, apart = next[d] - mean;
        mean += apart * (more / all);
        square += next[D + d] + apart * apart * (from * (more / all));
    }
    const float var = square / n;
    stats[d] = mean;
    stats[D + d] = 1.0f / sqrt(var + EPS);
    if (PARTS) {
        running_mean[d] = mean;
        running_var[d] = square / max(n - 1, 1);
    } else if (isfinite(mean) && isfinite(square)) {
        running_mean[d] += MOMENTUM * (mean - running_mean[d]);
        running_var[d] += MOMENTUM * (square / max(n - 1, 1) - running_var[d]);
    }
    if (d == 0)
        tracked[0] = PARTS ? 1 : tracked[0] + 1;
}

/* stats from the running statistics, for evaluation */
__kernel void batch_norm_running(__global const float *restrict running_mean,
                                 __global const float *restrict running_var,
                                 __global float *restrict stats)
{
    const int d = (int)get_global_id(0);
    if (d >= D)
        return;
    stats[d] = running_mean[d];
    stats[D + d] = 1.0f / sqrt(running_var[d] + EPS);
}

__kernel void batch_norm_fwd(INPUT, __global const float *restrict stats,
                             __global const float *restrict gamma,
                             __global const float *restrict beta, __global stored *restrict y,
                             const int rows, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    for (int row = from; row < to; row++)
        for (int d = (int)get_local_id(0); d < N; d += LANES) {
            const vec h = (ROW(row, d) - load_vec(d, stats)) * load_vec(d, stats + D);
            put_vec(fma(h, load_vec(d, gamma), load_vec(d, beta)), d, y + (size_t)row * D);
        }
}

/* part[chunk, 2 D] = sums of dy h and of dy over the chunk's rows that count */
__kernel void batch_norm_bwd_sums(INPUT, __global const stored *restrict dy,
                                  __global const float *restrict stats,
                                  __global float *restrict part,
                                  __global const struct step *restrict step, const int rows,
                                  const int period, const int chunk)
{
    const int c = (int)get_group_id(0), n = rows_of(step, rows, period);
    const int from = min(c * chunk, n), to = min(from + chunk, n);
    __global float *mine = part + (size_t)c * 2 * D;
    for (int d = (int)get_local_id(0); d < N; d += LANES) {
        vec sum_h = (vec)(0.0f), sum = (vec)(0.0f);
        for (int row = from; row < to; row++) {
            const vec g = get_vec(d, dy + (size_t)row * D);
            const vec h = (ROW(row, d) - load_vec(d, stats)) * load_vec(d, stats + D);
            sum_h = fma(g, h, sum_h);
            sum += g;
        }
        store_vec(sum_h, d, mine);
        store_vec(sum, d, mine + D);
    }
}

/* total[2 D] = sums over chunks; they are also what gamma's and beta's gradients grow by */
__kernel void batch_norm_bwd_total(__global const float *restrict part,
                                   __global float *restrict total, __global float *restrict dgamma,
                                   __global float *restrict dbeta, const int chunks)
{
    const int d = (int)get_global_id(0);
    if (d >= D)
        return;
    float sum_h = 0, sum = 0;
    for (int c = 0; c < chunks; c++) {
        sum_h += part[(size_t)c * 2 * D + d];
        sum += part[(size_t)c * 2 * D + D + d];
    }
    total[d] = sum_h;
    total[D + d] = sum;
    dgamma[d] += sum_h;
    dbeta[d] += sum;
}

/* dx = gamma rstd (dy - mean(dy) - h mean(dy h)), 0 for what pads */
__kernel void batch_norm_bwd_x(INPUT, __global const stored *restrict dy,
                               __global const float *restrict stats,
                               __global const float *restrict gamma,
                               __global const float *restrict total, __global stored *restrict dx,
                               __global const struct step *restrict step, const int rows,
                               const int period, const int chunk)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    const int n = rows_of(step, rows, period);
    const float share = 1.0f / n;
    for (int row = from; row < to; row++)
        for (int d = (int)get_local_id(0); d < N; d += LANES) {
            const vec rstd = load_vec(d, stats + D);
            const vec h = (ROW(row, d) - load_vec(d, stats)) * rstd;
            const vec off = fma(h, load_vec(d, total), load_vec(d, total + D)) * share;
            const vec g = get_vec(d, dy + (size_t)row * D) - off;
            put_vec(row < n ? g * rstd * load_vec(d, gamma) : (vec)(0.0f), d, dx + (size_t)row * D);
        }
}
