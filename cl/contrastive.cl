/* SPDX-License-Identifier: MIT */
/*
 * The contrastive terms. -D: D (latent), NT_XENT (else the mean similarity), LANES (work-items
 * share a row or D).
 */
#include "common.h"

#ifndef D
#define D 32
#endif
#ifndef NT_XENT
#define NT_XENT 0
#endif

#define EPS 1e-12f

/* inverse[b] = 1 / max(|z_b|, eps) */
__kernel void lengths(__global const float *restrict z, __global float *restrict inverse)
{
    __local float room[LANES];
    const size_t row = get_group_id(0);
    const int lane = (int)get_local_id(0);
    float square = 0;
    for (int d = lane; d < D; d += LANES)
        square = fma(z[row * D + d], z[row * D + d], square);
    square = group_sum(square, room);
    if (lane == 0)
        inverse[row] = 1.0f / fmax(sqrt(square), EPS);
}

#if !NT_XENT
/*
 * Mean cosine similarity between different samples: with z^ = z / |z| and S = sum z^ over the n
 * samples that count, C = (|S|^2 - n) / (n (n - 1)), 0 for n < 2: O(n D). One work-group.
 * total[D, 2] (TOTAL): S added to compensated pairs, for a C over a whole part.
 */
__kernel void similarity_fwd(__global const float *restrict z,
                             __global const float *restrict inverse, __global float *restrict sum,
                             __global float *restrict c, __global float *restrict total,
                             __global const struct step *restrict step)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0);
    const int n = (int)step->count;
    float square = 0;
    for (int d = lane; d < D; d += LANES) {
        float s = 0, lost = 0;
        for (int b = 0; b < n; b++) {
            const float add = z[(size_t)b * D + d] * inverse[b] - lost, next = s + add;
            lost = (next - s) - add;
            s = next;
        }
        sum[d] = s;
        square = fma(s, s, square);
        add_compensated(total + 2 * d, s);
    }
    square = group_sum(square, room);
    if (lane == 0)
        c[0] = n < 2 ? 0.0f : (square - n) / ((float)n * (float)(n - 1));
}

/* dC/dz^_b = 2 (S - z^_b) / (n (n - 1)), times weight n / group; projected: d z = (d z^ - z^ (z^ d
 * z^)) / |z| */
__kernel void similarity_bwd(__global const float *restrict z,
                             __global const float *restrict inverse,
                             __global const float *restrict sum, __global float *restrict dz,
                             __global const struct step *restrict step, const float weight,
                             const int add)
{
    __local float room[LANES];
    const size_t row = get_group_id(0);
    const int lane = (int)get_local_id(0);
    const int n = (int)step->count;
    const float share = weight * 2.0f / ((float)(n - 1) * (float)step->group);
    const float factor = row < (size_t)n && n > 1 ? share * loss_scale(step) : 0.0f;
    const float inv = inverse[row];
    float dot = 0;
    for (int d = lane; d < D; d += LANES) {
        const float u = z[row * D + d] * inv;
        dot = fma(u, sum[d] - u, dot);
    }
    dot = group_sum(dot, room);
    for (int d = lane; d < D; d += LANES) {
        const float u = z[row * D + d] * inv;
        const float g = factor * inv * (sum[d] - u - u * dot);
        dz[row * D + d] = add ? dz[row * D + d] + g : g;
    }
}
#else
/*
 * NT-Xent (Chen et al., "A simple framework for contrastive learning", 2020) over 2n vectors: z[B,
 * D] of the windows and w[B, D] of their noisy views. Vector i has its other view as positive, all
 * others as negatives: l_i = log sum_{j != i} exp(s_ij) - s_ip, s = cosine / temperature; C = mean
 * l_i. Stable: the largest score is taken out. One work-group a vector; value [2, B], lse [2, B].
 */
__kernel void nt_xent_fwd(__global const float *restrict z, __global const float *restrict w,
                          __global const float *restrict inverse_z,
                          __global const float *restrict inverse_w, __global float *restrict value,
                          __global float *restrict lse, __global const struct step *restrict step,
                          const int batch, const float sharp)
{
    __local float room[LANES], top[LANES];
    const int lane = (int)get_local_id(0), n = (int)step->count;
    const int view = (int)get_group_id(0) / batch, i = (int)get_group_id(0) % batch;
    __global const float *mine = (view ? w : z) + (size_t)i * D;
    const float inv = (view ? inverse_w : inverse_z)[i] * sharp;
    /* every work-item keeps its own largest score and sum; they are joined below */
    float m = -INFINITY, sum = 0, positive = 0;
    for (int j = lane; i < n && j < 2 * n; j += LANES) {
        const int other = j >= n, jj = other ? j - n : j;
        if (other == view && jj == i)
            continue;
        __global const float *theirs = (other ? w : z) + (size_t)jj * D;
        float dot = 0;
        for (int d = 0; d < D; d++)
            dot = fma(mine[d], theirs[d], dot);
        const float s = dot * inv * (other ? inverse_w : inverse_z)[jj];
        if (jj == i)
            positive = s;
        const float larger = fmax(m, s);
        sum = sum * exp(m - larger) + exp(s - larger);
        m = larger;
    }
    top[lane] = m;
    group_barrier(CLK_LOCAL_MEM_FENCE);
    float most = top[0];
    for (int l = 1; l < LANES; l++)
        most = fmax(most, top[l]);
    sum = group_sum(m == -INFINITY ? 0.0f : sum * exp(m - most), room);
    positive = group_sum(positive, room);
    if (lane == 0) {
        const size_t at = (size_t)view * batch + i;
        lse[at] = i < n && n > 1 ? most + log(sum) : 0.0f;
        value[at] = i < n && n > 1 ? lse[at] - positive : 0.0f;
    }
}

/* c = mean of value over 2n; one work-item */
__kernel void nt_xent_sum(__global const float *restrict value, __global float *restrict c,
                          __global const struct step *restrict step, const int batch)
{
    const int n = (int)step->count;
    float sum = 0, lost = 0;
    for (int view = 0; view < 2; view++)
        for (int i = 0; i < n; i++) {
            const float add = value[(size_t)view * batch + i] - lost, next = sum + add;
            lost = (next - sum) - add;
            sum = next;
        }
    c[0] = n < 2 ? 0.0f : sum / (2.0f * n);
}

/*
 * With p_ij = exp(s_ij - lse_i): dC/ds_ij = (p_ij - [j is i's positive]) / 2n, and z_i meets s_ij
 * and s_ji: g = sum_j (p_ij + p_ji - 2 [positive]) z^_j sharp / 2n, projected as above. dv is the
 * gradient of the vectors of `view`.
 */
__kernel void nt_xent_bwd(__global const float *restrict z, __global const float *restrict w,
                          __global const float *restrict inverse_z,
                          __global const float *restrict inverse_w,
                          __global const float *restrict lse, __global float *restrict dv,
                          __global const struct step *restrict step, const int batch,
                          const int view, const float sharp, const float weight, const int add)
{
    __local float room[LANES];
    const int lane = (int)get_local_id(0), n = (int)step->count, i = (int)get_group_id(0);
    __global const float *mine = (view ? w : z) + (size_t)i * D;
    const float inv = (view ? inverse_w : inverse_z)[i];
    const float mine_lse = lse[(size_t)view * batch + i];
    float g[D];
    for (int d = 0; d < D; d++)
        g[d] = 0;
    for (int j = lane; i < n && n > 1 && j < 2 * n; j += LANES) {
        const int other = j >= n, jj = other ? j - n : j;
        if (other == view && jj == i)
            continue;
        __global const float *theirs = (other ? w : z) + (size_t)jj * D;
        const float inv_j = (other ? inverse_w : inverse_z)[jj];
        float dot = 0;
        for (int d = 0; d < D; d++)
            dot = fma(mine[d], theirs[d], dot);
        const float s = dot * inv * inv_j * sharp;
        const float p =
            exp(s - mine_lse) + exp(s - lse[(size_t)other * batch + jj]) - (jj == i ? 2.0f : 0.0f);
        for (int d = 0; d < D; d++)
            g[d] = fma(p * inv_j, theirs[d], g[d]);
    }
    const float factor =
        weight * sharp * (float)n / (2.0f * (float)n * (float)step->group) * loss_scale(step);
    float dot = 0;
#if D == 1 /* no loop, see group_barrier() */
    const int d = 0;
#else
    for (int d = 0; d < D; d++)
#endif
    {
        g[d] = group_sum(g[d], room) * factor;
        dot = fma(g[d], mine[d] * inv, dot);
    }
    for (int e = lane; e < D; e += LANES) {
        const float x = i < n ? (g[e] - mine[e] * inv * dot) * inv : 0.0f;
        dv[(size_t)i * D + e] = add ? dv[(size_t)i * D + e] + x : x;
    }
}
#endif
