/*
 * y = dropout(act(x + bias + position)), the tail of a linear layer.
 * -D: D (columns), BIAS (0: there is none), ACT (0 none, 1 ReLU, 2 exact GELU), POS (add position[row % period]), LANES, VEC.
 * x, y [rows, D]; bias [D]; position [period, D]. A work-group takes the rows of its chunk.
 */
static inline vec act(vec u)
{
#if ACT == 1
    return PICK(u < 0.0f, (vec)(0.0f), u); /* not fmax: NaN must stay NaN */
#elif ACT == 2
    return 0.5f * u * (1.0f + erf_vec(u * 0.70710678f)); /* u Phi(u) */
#else
    return u;
#endif
}

static inline vec act_slope(vec u)
{
#if ACT == 1
    return PICK(u > 0.0f, (vec)(1.0f), (vec)(0.0f));
#elif ACT == 2
    /* Phi(u) + u phi(u) */
    return 0.5f + 0.5f * erf_vec(u * 0.70710678f) + u * 0.39894228f * exp_vec(-0.5f * u * u);
#else
    return (vec)(1.0f);
#endif
}

__kernel void bias_fwd(__global const float *restrict x,
#if BIAS
                       __global const float *restrict bias,
#endif
#if POS
                       __global const float *restrict position,
#endif
                       __global float *restrict y, __global const uint *restrict sample,
                       __global const struct step *restrict step, const int rows, const int period,
                       const int chunk, const uint path, const uint threshold, const float scale)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, scale);
    for (int row = from; row < to; row++) {
        const int at = row % period;
        if (threshold && (at == 0 || row == from))
            dropout_sample(&drop, sample[row / period]);
        for (int d = (int)get_local_id(0); d < D / VEC; d += LANES) {
            vec u = load_vec(d, x + (size_t)row * D);
#if BIAS
            u += load_vec(d, bias);
#endif
#if POS
            u += load_vec(d, position + (size_t)at * D);
#endif
            u = act(u);
            if (threshold)
                u *= dropout_factor(&drop, (uint)at * D + (uint)d * VEC);
            store_vec(u, d, y + (size_t)row * D);
        }
    }
}

/* dx = dy * dropout * act'(x + bias) */
__kernel void bias_bwd(__global const float *restrict dy, __global const float *restrict x,
#if BIAS
                       __global const float *restrict bias,
#endif
                       __global float *restrict dx,
                       __global const uint *restrict sample,
                       __global const struct step *restrict step, const int rows, const int period,
                       const int chunk, const uint path, const uint threshold, const float scale)
{
    const int from = (int)get_group_id(0) * chunk, to = min(from + chunk, rows);
    struct dropout drop;
    dropout_init(&drop, step, path, threshold, scale);
    for (int row = from; row < to; row++) {
        const int at = row % period;
        if (threshold && (at == 0 || row == from))
            dropout_sample(&drop, sample[row / period]);
        for (int d = (int)get_local_id(0); d < D / VEC; d += LANES) {
            vec g = load_vec(d, dy + (size_t)row * D), u = load_vec(d, x + (size_t)row * D);
#if BIAS
            u += load_vec(d, bias);
#endif
            g *= act_slope(u);
            if (threshold)
                g *= dropout_factor(&drop, (uint)at * D + (uint)d * VEC);
            store_vec(g, d, dx + (size_t)row * D);
        }
    }
}
