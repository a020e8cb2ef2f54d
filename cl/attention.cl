/*
 * Multi-head self-attention, fused: no T x T tensor leaves local memory.
 *
 *   p[i, j] = softmax_j(q_i k_j / sqrt(dh))        o_i = sum_j dropout(p)[i, j] v_j
 *
 * qkv [B, T, 3, H, DH] without its bias [3, H, DH], o [B, T, H, DH], lse [B, H, T] = log of the
 * softmax's denominator. A work-group serves one (sample, head); in the softmax vectors run over keys,
 * of which there are TP = T rounded up to VEC, in the products over DH in vectors of HV.
 * -D: T, TP, DH, HV, H, VEC, LANES; GLOBAL puts what is too large for local memory into `room`, SCRATCH
 * floats a work-group.
 */
#if GLOBAL
#define SPACE __global
#define FENCE CLK_GLOBAL_MEM_FENCE
#else
#define SPACE __local
#define FENCE CLK_LOCAL_MEM_FENCE
#endif
#define TD ((T + 15) / 16 * 16) /* a row of dropout's elements, the same for every VEC */
#define QB 4 /* queries side by side, so that a row of keys is loaded once for all */
#define KEYS (TP / VEC)
#define KB (KEYS % 4 == 0 ? 4 : KEYS % 3 == 0 ? 3 : KEYS % 2 == 0 ? 2 : 1)
#define TQ ((T + QB - 1) / QB * QB) /* rows of queries, those that pad included */
#define ROW (3 * H * DH)

#if HV == 1
typedef float hvec;
#define hload(i, p) ((p)[i])
#define hstore(x, i, p) ((p)[i] = (x))
#else
typedef PASTE(float, HV) hvec;
#define hload PASTE(vload, HV)
#define hstore PASTE(vstore, HV)
#endif
#define HN (DH / HV)

/* to[d, j] = from[j, d] + bias[d], zero for the keys that pad */
static inline void load_across(SPACE float *to, __global const float *from,
                               __global const float *bias, int stride, int lane)
{
    for (int e = lane; e < TP * DH; e += LANES) {
        const int d = e / TP, j = e % TP;
        to[e] = j < T ? from[(size_t)j * stride + d] + (bias ? bias[d] : 0) : 0;
    }
}

static inline void load_rows(SPACE float *to, __global const float *from, __global const float *bias,
                             int stride, int lane)
{
    for (int e = lane; e < T * HN; e += LANES) {
        const int j = e / HN, d = e % HN;
        hvec x = hload(d, from + (size_t)j * stride);
        if (bias)
            x += hload(d, bias);
        hstore(x, d, to + j * DH);
    }
}

/* to[QB][TP] = q[QB][DH] times the keys in kt: KB vectors of keys at a time stay in registers. */
static inline void scores(SPACE float *to, float q[QB][DH], const SPACE float *kt)
{
    for (int v0 = 0; v0 < KEYS; v0 += KB) {
        vec s[QB][KB];
#pragma unroll
        for (int i = 0; i < QB; i++)
#pragma unroll
            for (int v = 0; v < KB; v++)
                s[i][v] = (vec)(0.0f);
        for (int d = 0; d < DH; d++) {
            vec key[KB];
#pragma unroll
            for (int v = 0; v < KB; v++)
                key[v] = load_vec(v0 + v, kt + d * TP);
#pragma unroll
            for (int i = 0; i < QB; i++)
#pragma unroll
                for (int v = 0; v < KB; v++)
                    s[i][v] = fma((vec)(q[i][d]), key[v], s[i][v]);
        }
#pragma unroll
        for (int i = 0; i < QB; i++)
#pragma unroll
            for (int v = 0; v < KB; v++)
                store_vec(s[i][v], v0 + v, to + i * TP);
    }
}

/* 1 for the keys that are there, 0 for those that pad */
static inline ivec is_key(int v)
{
    return v * VEC + convert_ivec(iota()) < (ivec)(T);
}

/* sum[QB] = rows p[QB][TP] times x[T][DH] at vector d */
static inline void weighted(hvec sum[QB], const SPACE float *p, const SPACE float *x, int d)
{
#pragma unroll
    for (int i = 0; i < QB; i++)
        sum[i] = (hvec)(0.0f);
    for (int j = 0; j < T; j++) {
        const hvec value = hload(d, x + j * DH);
#pragma unroll
        for (int i = 0; i < QB; i++)
            sum[i] = fma((hvec)(p[i * TP + j]), value, sum[i]);
    }
}

__kernel void attention_fwd(__global const float *restrict qkv, __global const float *restrict bias,
                            __global float *restrict o, __global float *restrict lse,
                            __global const uint *restrict sample,
                            __global const struct step *restrict step, const uint path,
                            const uint threshold, const float keep, const float scale
#if GLOBAL
                            ,
                            __global float *restrict room
#endif
)
{
#if GLOBAL
    __global float *kt = room + (size_t)get_group_id(0) * SCRATCH;
    __global float *vs = kt + TP * DH, *ps = vs + T * DH;
#else
    __local float kt[TP * DH], vs[T * DH], ps[LANES * QB * TP];
#endif
    const int lane = (int)get_local_id(0), b = (int)get_group_id(0) / H, h = (int)get_group_id(0) % H;
    __global const float *base = qkv + (size_t)b * T * ROW + h * DH;
    SPACE float *p = ps + lane * QB * TP;
    load_across(kt, base + H * DH, bias + (H + h) * DH, ROW, lane);
    load_rows(vs, base + 2 * H * DH, bias + (2 * H + h) * DH, ROW, lane);
    barrier(FENCE);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, keep);
    if (threshold)
        dropout_sample(&drop, sample[b]);

    for (int i0 = lane * QB; i0 < T; i0 += LANES * QB) {
        float q[QB][DH];
        for (int i = 0; i < QB; i++) {
            const int row = min(i0 + i, T - 1);
            for (int d = 0; d < DH; d++)
                q[i][d] = (base[(size_t)row * ROW + d] + bias[h * DH + d]) * scale;
        }
        scores(p, q, kt);
        for (int i = 0; i < QB && i0 + i < T; i++) {
            SPACE float *row = p + i * TP;
            vec most = (vec)(-INFINITY);
            for (int v = 0; v < KEYS; v++) {
                const vec s = load_vec(v, row);
                most = PICK(is_key(v) && s > most, s, most);
            }
            const float m = vmax(most);
            vec sum = (vec)(0.0f);
            for (int v = 0; v < KEYS; v++) {
                const vec e = PICK(is_key(v), exp_vec(load_vec(v, row) - m), (vec)(0.0f));
                store_vec(e, v, row);
                sum += e;
            }
            const float total = vsum(sum), inverse = 1.0f / total;
            lse[((size_t)b * H + h) * T + i0 + i] = m + log(total);
            for (int v = 0; v < KEYS; v++) {
                vec x = load_vec(v, row) * inverse;
                if (threshold)
                    x *= dropout_factor(&drop, (uint)((h * T + i0 + i) * TD + v * VEC));
                store_vec(x, v, row);
            }
        }
        for (int d = 0; d < HN; d++) {
            hvec sum[QB];
            weighted(sum, p, vs, d);
            for (int i = 0; i < QB && i0 + i < T; i++)
                hstore(sum[i], d, o + (((size_t)b * T + i0 + i) * H + h) * DH);
        }
    }
}

/*
 * dp = do v^T dropout, ds = p (dp - sum_j p dp), and sum_j p dp = do o (Dao et al., "FlashAttention",
 * 2022, B.4); dq = ds k scale, dk = ds^T q scale, dv = dropout(p)^T do.
 * First each work-item fills rows of dropout(p) and ds and finishes their dq, then each takes keys.
 */
__kernel void attention_bwd(__global const float *restrict qkv, __global const float *restrict bias,
                            __global const float *restrict o, __global const float *restrict lse,
                            __global const float *restrict dout, __global float *restrict dqkv,
                            __global const uint *restrict sample,
                            __global const struct step *restrict step, const uint path,
                            const uint threshold, const float keep, const float scale
#if GLOBAL
                            ,
                            __global float *restrict room
#endif
)
{
#if GLOBAL
    __global float *kt = room + (size_t)get_group_id(0) * SCRATCH;
    __global float *vt = kt + TP * DH, *ks = vt + TP * DH, *ps = ks + T * DH, *ds = ps + TQ * TP;
#else
    __local float kt[TP * DH], vt[TP * DH], ks[T * DH], ps[TQ * TP], ds[TQ * TP];
#endif
    const int lane = (int)get_local_id(0), b = (int)get_group_id(0) / H, h = (int)get_group_id(0) % H;
    __global const float *base = qkv + (size_t)b * T * ROW + h * DH;
    __global float *dbase = dqkv + (size_t)b * T * ROW + h * DH;
    load_across(kt, base + H * DH, bias + (H + h) * DH, ROW, lane);
    load_across(vt, base + 2 * H * DH, bias + (2 * H + h) * DH, ROW, lane);
    load_rows(ks, base + H * DH, bias + (H + h) * DH, ROW, lane);
    barrier(FENCE);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, keep);
    if (threshold)
        dropout_sample(&drop, sample[b]);

    for (int i0 = lane * QB; i0 < T; i0 += LANES * QB) {
        float q[QB][DH], g[QB][DH], delta[QB];
        for (int i = 0; i < QB; i++) {
            const int row = min(i0 + i, T - 1);
            const size_t out = (((size_t)b * T + row) * H + h) * DH;
            delta[i] = 0;
            for (int d = 0; d < DH; d++) {
                q[i][d] = (base[(size_t)row * ROW + d] + bias[h * DH + d]) * scale;
                g[i][d] = dout[out + d];
                delta[i] = fma(g[i][d], o[out + d], delta[i]);
            }
        }
        SPACE float *p = ps + i0 * TP, *dp = ds + i0 * TP;
        scores(p, q, kt);
        scores(dp, g, vt);
        for (int i = 0; i < QB && i0 + i < T; i++) {
            const float l = lse[((size_t)b * H + h) * T + i0 + i];
            for (int v = 0; v < KEYS; v++) {
                const vec e =
                    PICK(is_key(v), exp_vec(load_vec(v, p + i * TP) - l), (vec)(0.0f));
                vec factor = (vec)(1.0f);
                if (threshold)
                    factor = dropout_factor(&drop, (uint)((h * T + i0 + i) * TD + v * VEC));
                store_vec(e * factor, v, p + i * TP);
                store_vec(e * fma(load_vec(v, dp + i * TP), factor, (vec)(-delta[i])) * scale, v,
                          dp + i * TP);
            }
        }
        for (int d = 0; d < HN; d++) {
            hvec sum[QB];
            weighted(sum, dp, ks, d);
            for (int i = 0; i < QB && i0 + i < T; i++)
                hstore(sum[i], d, dbase + (size_t)(i0 + i) * ROW);
        }
    }
    barrier(FENCE);
    for (int j0 = lane * QB; j0 < T; j0 += LANES * QB)
        for (int d = 0; d < HN; d++) {
            hvec dk[QB], dv[QB];
#pragma unroll
            for (int j = 0; j < QB; j++)
                dk[j] = dv[j] = (hvec)(0.0f);
            for (int i = 0; i < T; i++) {
                const hvec q = hload(d, base + (size_t)i * ROW) + hload(d, bias + h * DH);
                const hvec g = hload(d, dout + (((size_t)b * T + i) * H + h) * DH);
#pragma unroll
                for (int j = 0; j < QB; j++) {
                    const int at = i * TP + min(j0 + j, TP - 1);
                    dk[j] = fma((hvec)(ds[at]), q, dk[j]);
                    dv[j] = fma((hvec)(ps[at]), g, dv[j]);
                }
            }
            for (int j = 0; j < QB && j0 + j < T; j++) {
                hstore(dk[j], d, dbase + (size_t)(j0 + j) * ROW + H * DH);
                hstore(dv[j], d, dbase + (size_t)(j0 + j) * ROW + 2 * H * DH);
            }
        }
}
