/*
 * Recurrent layers, step by step, equations and order of gates as PyTorch's. With the input's share
 * x = W_ih input + b_ih and the state's share a = W_hh h + b_hh, s the sigmoid and * by element:
 *
 *   LSTM  i = s(x_i + a_i)  f = s(x_f + a_f)  g = tanh(x_g + a_g)  o = s(x_o + a_o)
 *         c = f * c + i * g  h = o * tanh(c)
 *   GRU   r = s(x_r + a_r)  z = s(x_z + a_z)  n = tanh(x_n + r * a_n)  h = (1 - z) * n + z * h
 *   RNN   h = tanh(x + a)
 *
 * gates [B T, GATES H] holds x (without b_ih) at first, then the gates, and after the backward pass
 * the gradients of the shares x; each kernel works in place. extra [B T, H] is c of an LSTM, a_n of a
 * GRU. y [B T, DIRS H]: the forward direction's states, then those of the backward one, which walks
 * from the window's last row to its first.
 *
 * -D: CELL (0 LSTM, 1 GRU, 2 RNN), H, DIRS, LANES, VEC; S: sequences that a work-group walks side by
 * side through all rows, so that each weight it loads serves S of them; 0 where a step is a product
 * and the kernels recurrent_step_*. WIDE: the kernels recurrent_wide_* alone, of one direction, with
 * IN columns of the input; KEEP: for a backward pass, which is there then. CARRY: a walk begins with
 * the state that the one before ended with, carried [B, 2, H] = h and, of an LSTM, c.
 */
#define GATES (CELL == 0 ? 4 : CELL == 1 ? 3 : 1)
#define BLOCKS ((H + VEC - 1) / VEC)
#if CELL == 0 && CARRY
#define CARRY_C 1
#else
#define CARRY_C 0
#endif

/* First of the units in vector v. Where VEC does not divide H, the last vector begins at H - VEC and
 * overlaps the one before it, whose results it leaves as they are. */
static inline int unit_of(int v)
{
    return min(v * VEC, H - VEC);
}

static inline vec fresh(vec x, int v, vec old)
{
#if H % VEC
    return PICK(iota() >= (uvec)(v * VEC - unit_of(v)), x, old);
#else
    return x;
#endif
}
#define PUT(x, v, p) store_vec(fresh(x, v, load_vec(0, (p) + unit_of(v))), 0, (p) + unit_of(v))

static inline vec sigmoid_vec(vec x)
{
    return 1.0f / (1.0f + exp_vec(-x));
}

/* To 2 ulp: a polynomial near 0 (as in Cephes' tanhf), else 1 - 2 / (e^2x + 1). */
static inline vec tanh_vec(vec x)
{
    const vec z = x * x;
    vec p = (vec)(-5.70498872745e-3f);
    p = fma(p, z, (vec)(2.06390887954e-2f));
    p = fma(p, z, (vec)(-5.37397155531e-2f));
    p = fma(p, z, (vec)(1.33314422036e-1f));
    p = fma(p, z, (vec)(-3.33332819422e-1f));
    return PICK(z < 0.390625f, fma(p * z, x, x), 1.0f - 2.0f / (exp_vec(2.0f * x) + 1.0f));
}

/* The biases' part of a; of a GRU's n only b_hh, since r multiplies it. */
static inline void cell_bias(vec a[GATES], __global const float *b_ih, __global const float *b_hh, int u)
{
#pragma unroll
    for (int g = 0; g < GATES; g++) {
        a[g] = load_vec(0, b_hh + g * H + u);
        if (CELL != 1 || g != 2)
            a[g] += load_vec(0, b_ih + g * H + u);
    }
}

/* Returns h; makes the gates of x, and *extra: of an LSTM c of the step before, then of this one. */
static inline vec cell_fwd(vec x[GATES], const vec a[GATES], vec h, vec *extra)
{
#if CELL == 0
    x[0] = sigmoid_vec(x[0] + a[0]);
    x[1] = sigmoid_vec(x[1] + a[1]);
    x[2] = tanh_vec(x[2] + a[2]);
    x[3] = sigmoid_vec(x[3] + a[3]);
    *extra = fma(x[1], *extra, x[0] * x[2]);
    return x[3] * tanh_vec(*extra);
#elif CELL == 1
    x[0] = sigmoid_vec(x[0] + a[0]);
    x[1] = sigmoid_vec(x[1] + a[1]);
    x[2] = tanh_vec(fma(x[0], a[2], x[2]));
    *extra = a[2];
    return fma(x[1], h - x[2], x[2]);
#else
    x[0] = tanh_vec(x[0] + a[0]);
    return x[0];
#endif
}

/*
 * From dh and the gates in x: x becomes the gradients of the shares x; those of a are the same but a
 * GRU's of n, which *da_n receives. *dc: of an LSTM what c gets from the step after, then what it
 * passes on. Returns what h passes on to the step before without W_hh.
 */
static inline vec cell_bwd(vec x[GATES], vec dh, vec h_before, vec extra, vec c_before, vec *dc, vec *da_n)
{
#if CELL == 0
    const vec i = x[0], f = x[1], g = x[2], o = x[3], tanh_c = tanh_vec(extra);
    const vec d = fma(dh * o, 1.0f - tanh_c * tanh_c, *dc);
    x[0] = d * g * i * (1.0f - i);
    x[1] = d * c_before * f * (1.0f - f);
    x[2] = d * i * (1.0f - g * g);
    x[3] = dh * tanh_c * o * (1.0f - o);
    *dc = d * f;
    return (vec)(0.0f);
#elif CELL == 1
    const vec r = x[0], z = x[1], n = x[2], dn = dh * (1.0f - z) * (1.0f - n * n);
    x[0] = dn * extra * r * (1.0f - r);
    x[1] = dh * (h_before - n) * z * (1.0f - z);
    x[2] = dn;
    *da_n = dn * r;
    return dh * z;
#else
    x[0] = dh * (1.0f - x[0] * x[0]);
    return (vec)(0.0f);
#endif
}

#if WIDE
/*
 * A small layer on a CPU: VEC sequences side by side, each in an element of the vectors, so that no
 * element is idle whatever H is, a weight is loaded once for all of them, and the products with the
 * input and the weights' gradients need no pass of their own.
 *
 * trace [groups, T, TRACE, VEC], what a step of the walk leaves: the gates, c of an LSTM or a_n of a
 * GRU, the state it began with, its input. The backward pass puts the gradients of x in place of the
 * gates, and that of a_n in place of a_n.
 */
#define WITH_EXTRA (CELL == 2 ? 0 : H)
#define AT_STATE (GATES * H + WITH_EXTRA)
#define AT_INPUT (AT_STATE + H)
#define TRACE ((AT_INPUT + IN) | 1) /* odd, so that steps do not share a set of a cache */
#define SIDE 2  /* units at a time: a loaded state serves SIDE * GATES sums */
#define BLOCK (H <= 24 ? H : 16) /* gradients of the state at a time */
#define BLOCK_IN (IN <= 24 ? IN : 16) /* of the input */
#define STEPS 8 /* of the walk, whose weights' gradients are added up at a time */

/* to[n] = rows of `count` sequences, the first of which is at p, the next `stride` floats on. Sequences
 * that are not there are 0. Rows come in vectors, the last of which may overlap the one before. */
static inline void turn_in(vec *to, int n, __global const float *p, size_t stride, int count)
{
    float *element = (float *)to;
    if (count == VEC && n >= VEC) {
        for (int from = 0; from < n; from += VEC) {
            const int i0 = min(from, n - VEC);
            vec a[VEC];
#pragma unroll
            for (int s = 0; s < VEC; s++)
                a[s] = load_vec(0, p + (size_t)s * stride + i0);
            transpose(a);
#pragma unroll
            for (int i = 0; i < VEC; i++)
                to[i0 + i] = a[i];
        }
        return;
    }
    for (int i = 0; i < n && count < VEC; i++)
        to[i] = (vec)(0.0f);
    for (int s = 0; s < count; s++)
        for (int i = 0; i < n; i++)
            element[i * VEC + s] = p[(size_t)s * stride + i];
}

static inline void turn_out(const vec *from, int n, __global float *p, size_t stride, int count)
{
    const float *element = (const float *)from;
    if (count == VEC && n >= VEC) {
        for (int first = 0; first < n; first += VEC) {
            const int i0 = min(first, n - VEC);
            vec a[VEC];
#pragma unroll
            for (int i = 0; i < VEC; i++)
                a[i] = from[i0 + i];
            transpose(a);
#pragma unroll
            for (int s = 0; s < VEC; s++)
                store_vec(a[s], 0, p + (size_t)s * stride + i0);
        }
        return;
    }
    for (int s = 0; s < count; s++)
        for (int i = 0; i < n; i++)
            p[(size_t)s * stride + i] = element[i * VEC + s];
}

__kernel void recurrent_wide_fwd(__global const float *restrict x, __global const float *restrict w_ih,
                                 __global const float *restrict w_hh,
                                 __global const float *restrict b_ih,
                                 __global const float *restrict b_hh, __global float *restrict trace,
                                 __global float *restrict y, const int batch, const int window,
                                 const int backward, const int column)
{
    const int group = (int)get_group_id(0), first = group * VEC, count = min(VEC, batch - first);
    vec state[2][H], extra[2][H], in[IN]; /* state and extra: of this step and the next, in turn */
    for (int k = 0; k < H; k++)
        state[0][k] = extra[0][k] = (vec)(0.0f);
    for (int t = 0; t < window; t++) {
        const size_t row = (size_t)first * window + (backward ? window - 1 - t : t);
        const vec *h = state[t % 2], *e = extra[t % 2];
        vec *next = state[(t + 1) % 2], *e_next = extra[(t + 1) % 2];
        turn_in(in, IN, x + row * IN, (size_t)window * IN, count);
#if KEEP
        __global float *to = trace + ((size_t)group * window + t) * TRACE * VEC;
        for (int k = 0; k < H; k++)
            store_vec(h[k], AT_STATE + k, to);
        for (int i = 0; i < IN; i++)
            store_vec(in[i], AT_INPUT + i, to);
#endif
        for (int from = 0; from < H; from += SIDE) {
            const int u0 = min(from, H - min(SIDE, H)); /* the last units may come twice */
            vec a[SIDE][GATES], of_x[SIDE][GATES];
#pragma unroll
            for (int s = 0; s < SIDE; s++) {
                const int u = min(u0 + s, H - 1);
#pragma unroll
                for (int g = 0; g < GATES; g++) {
                    const int j = g * H + u, apart = CELL == 1 && g == 2;
                    a[s][g] = (vec)(b_hh[j] + (apart ? 0.0f : b_ih[j]));
                    of_x[s][g] = (vec)(apart ? b_ih[j] : 0.0f);
                }
            }
            for (int i = 0; i < IN; i++)
#pragma unroll
                for (int s = 0; s < SIDE; s++)
#pragma unroll
                    for (int g = 0; g < GATES; g++)
                        of_x[s][g] =
                            fma((vec)(w_ih[(g * H + min(u0 + s, H - 1)) * IN + i]), in[i], of_x[s][g]);
            for (int k = 0; k < H; k++)
#pragma unroll
                for (int s = 0; s < SIDE; s++)
#pragma unroll
                    for (int g = 0; g < GATES; g++)
                        a[s][g] = fma((vec)(w_hh[(g * H + min(u0 + s, H - 1)) * H + k]), h[k], a[s][g]);
#pragma unroll
            for (int s = 0; s < SIDE; s++) {
                const int u = min(u0 + s, H - 1);
                vec more = e[u];
                next[u] = cell_fwd(of_x[s], a[s], h[u], &more);
                e_next[u] = more;
#if KEEP
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    store_vec(of_x[s][g], g * H + u, to);
                if (WITH_EXTRA)
                    store_vec(more, GATES * H + u, to);
#endif
            }
        }
        turn_out(next, H, y + row * DIRS * H + column, (size_t)window * DIRS * H, count);
    }
}

/* sum[GATES, columns] += over `steps` steps of the trace: gates' gradients times its vectors from `at`
 * on, for the gates of unit u. `n`: where the trace has the gradient that goes with a GRU's n. */
static inline void outer(__global float *sum, __global const float *trace, int steps, int columns,
                         int at, int u, int n)
{
    for (int from = 0; from < columns; from += 6) {
        vec d[GATES], acc[GATES][6];
#pragma unroll
        for (int g = 0; g < GATES; g++)
#pragma unroll
            for (int i = 0; i < 6; i++)
                acc[g][i] = (vec)(0.0f);
        for (int s = 0; s < steps; s++) {
            __global const float *p = trace + (size_t)s * TRACE * VEC;
#pragma unroll
            for (int g = 0; g < GATES; g++)
                d[g] = load_vec(CELL == 1 && g == 2 ? n + u : g * H + u, p);
#pragma unroll
            for (int i = 0; i < 6; i++) {
                const vec v = load_vec(at + min(from + i, columns - 1), p);
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    acc[g][i] = fma(d[g], v, acc[g][i]);
            }
        }
#pragma unroll
        for (int i = 0; i < 6; i++)
            if (from + i < columns)
#pragma unroll
                for (int g = 0; g < GATES; g++) {
                    __global float *to = sum + ((size_t)(g * H + u) * columns + from + i) * VEC;
                    store_vec(load_vec(0, to) + acc[g][i], 0, to);
                }
    }
}

#if KEEP
/*
 * part [groups, GATES H (H + IN + 2)]: the gradients of W_hh, W_ih, b_hh and b_ih, one behind the
 * other; sums: the same with a vector for each. dx [B T, IN] as add_dx says: 0 none, 1 written, 2 added
 * to.
 */
__kernel void recurrent_wide_bwd(__global float *restrict trace, __global const float *restrict w_ih,
                                 __global const float *restrict w_hh, __global const float *restrict dy,
                                 __global float *restrict sums, __global float *restrict part,
                                 __global float *restrict dx, const int batch, const int window,
                                 const int backward, const int column, const int add_dx)
{
    const int group = (int)get_group_id(0), first = group * VEC, count = min(VEC, batch - first);
    const int n = CELL == 1 ? GATES * H : 2 * H, all = GATES * H * (H + IN + 2);
    __global float *s_hh = sums + (size_t)group * all * VEC, *s_ih = s_hh + GATES * H * H * VEC;
    __global float *s_bias = s_ih + GATES * H * IN * VEC;
    vec carry[H], past[H], dh[H]; /* gradients of h from the step after; past W_hh, or of c; of h */
    for (int i = 0; i < all; i++)
        store_vec((vec)(0.0f), i, s_hh);
    for (int k = 0; k < H; k++)
        carry[k] = past[k] = (vec)(0.0f);
    for (int t = window - 1; t >= 0; t--) {
        const size_t row = (size_t)first * window + (backward ? window - 1 - t : t);
        __global float *at = trace + ((size_t)group * window + t) * TRACE * VEC;
        turn_in(dh, H, dy + row * DIRS * H + column, (size_t)window * DIRS * H, count);
        for (int u = 0; u < H; u++) {
            vec g[GATES], da_n = (vec)(0.0f), e = da_n, c = da_n;
#pragma unroll
            for (int i = 0; i < GATES; i++)
                g[i] = load_vec(i * H + u, at);
            if (WITH_EXTRA)
                e = load_vec(GATES * H + u, at);
            if (CELL == 0 && t)
                c = load_vec(GATES * H + u, at - TRACE * VEC);
            const vec direct =
                cell_bwd(g, dh[u] + carry[u], load_vec(AT_STATE + u, at), e, c, past + u, &da_n);
#pragma unroll
            for (int i = 0; i < GATES; i++)
                store_vec(g[i], i * H + u, at);
            if (CELL == 1)
                store_vec(da_n, n + u, at);
            carry[u] = direct;
        }
        for (int from = 0; from < H && t; from += BLOCK) {
            const int k0 = min(from, H - BLOCK);
            vec acc[BLOCK];
#pragma unroll
            for (int k = 0; k < BLOCK; k++)
                acc[k] = k0 + k >= from ? carry[k0 + k] : (vec)(0.0f);
            for (int g = 0; g < GATES; g++)
                for (int u = 0; u < H; u++) {
                    const vec d = load_vec(CELL == 1 && g == 2 ? n + u : g * H + u, at);
                    __global const float *w = w_hh + (g * H + u) * H + k0;
#pragma unroll
                    for (int k = 0; k < BLOCK; k++)
                        acc[k] = fma((vec)(w[k]), d, acc[k]);
                }
#pragma unroll
            for (int k = 0; k < BLOCK; k++)
                if (k0 + k >= from)
                    carry[k0 + k] = acc[k];
        }
        if (add_dx) {
            vec d_in[IN];
            if (add_dx == 2)
                turn_in(d_in, IN, dx + row * IN, (size_t)window * IN, count);
            for (int i = 0; i < IN && add_dx == 1; i++)
                d_in[i] = (vec)(0.0f);
            for (int from = 0; from < IN; from += BLOCK_IN) {
                const int i0 = min(from, IN - BLOCK_IN);
                vec acc[BLOCK_IN];
#pragma unroll
                for (int i = 0; i < BLOCK_IN; i++)
                    acc[i] = d_in[i0 + i];
                for (int j = 0; j < GATES * H; j++) {
                    const vec d = load_vec(j, at);
                    __global const float *w = w_ih + j * IN + i0;
#pragma unroll
                    for (int i = 0; i < BLOCK_IN; i++)
                        acc[i] = fma((vec)(w[i]), d, acc[i]);
                }
#pragma unroll
                for (int i = 0; i < BLOCK_IN; i++)
                    if (i0 + i >= from)
                        d_in[i0 + i] = acc[i];
            }
            turn_out(d_in, IN, dx + row * IN, (size_t)window * IN, count);
        }
        if (t % STEPS)
            continue;
        const int steps = min(STEPS, window - t);
        for (int u = 0; u < H; u++) {
            outer(s_hh, at, steps, H, AT_STATE, u, n);
            outer(s_ih, at, steps, IN, AT_INPUT, u, 2 * H);
        }
        for (int j = 0; j < GATES * H; j++) {
            vec of_a = load_vec(j, s_bias), of_x = load_vec(GATES * H + j, s_bias);
            const int of_n = CELL == 1 && j >= 2 * H ? n + j - 2 * H : j;
            for (int s = 0; s < steps; s++) {
                of_a += load_vec(of_n, at + (size_t)s * TRACE * VEC);
                of_x += load_vec(j, at + (size_t)s * TRACE * VEC);
            }
            store_vec(of_a, j, s_bias);
            store_vec(of_x, GATES * H + j, s_bias);
        }
    }
    const int blocks = all / VEC; /* VEC sums at a time */
    for (int block = 0; block < blocks; block++) {
        const int i0 = block * VEC;
        vec a[VEC], sum = (vec)(0.0f);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            a[i] = load_vec(i0 + i, s_hh);
        transpose(a);
#pragma unroll
        for (int i = 0; i < VEC; i++)
            sum += a[i];
        store_vec(sum, 0, part + (size_t)group * all + i0);
    }
    for (int i = blocks * VEC; i < all; i++)
        part[(size_t)group * all + i] = vsum(load_vec(i, s_hh));
}
#endif
#else

/* One row's step forward for the units of vector v. `before`: from a row to the one walked before it,
 * in rows; 0 at the first, where c is `c_first`. Returns h. */
static inline vec step_fwd(int v, size_t row, int before, const vec a[GATES], vec h, vec c_first,
                           __global float *gates, __global const float *b_ih, __global float *extra,
                           __global float *y)
{
    const int u = unit_of(v);
    vec x[GATES], e = c_first;
    gates += row * GATES * H;
#pragma unroll
    for (int g = 0; g < GATES; g++)
        x[g] = load_vec(0, gates + g * H + u);
#if CELL == 0
    if (before)
        e = load_vec(0, extra + (row + before) * H + u);
#elif CELL == 1
    x[2] += load_vec(0, b_ih + 2 * H + u);
#endif
    h = cell_fwd(x, a, h, &e);
#pragma unroll
    for (int g = 0; g < GATES; g++)
        PUT(x[g], v, gates + g * H);
#if CELL != 2
    PUT(e, v, extra + row * H);
#endif
    PUT(h, v, y + row * DIRS * H);
    return h;
}

/* The same backward. x receives the gradients of the shares a; the return value is cell_bwd()'s. */
static inline vec step_bwd(int v, size_t row, int before, vec x[GATES], vec dh, vec *dc,
                           __global float *gates, __global const float *extra,
                           __global const float *y, __global float *h_before, __global float *da)
{
    const int u = unit_of(v);
    vec e = (vec)(0.0f), c = (vec)(0.0f), h = (vec)(0.0f), da_n = (vec)(0.0f);
    gates += row * GATES * H;
#pragma unroll
    for (int g = 0; g < GATES; g++)
        x[g] = load_vec(0, gates + g * H + u);
    if (before)
        h = load_vec(0, y + (row + before) * DIRS * H + u);
#if CELL != 2
    e = load_vec(0, extra + row * H + u);
#endif
#if CELL == 0
    if (before)
        c = load_vec(0, extra + (row + before) * H + u);
#endif
    const vec direct = cell_bwd(x, dh, h, e, c, dc, &da_n);
    store_vec(h, 0, h_before + row * H + u);
#pragma unroll
    for (int g = 0; g < GATES; g++)
        PUT(x[g], v, gates + g * H);
#if CELL == 1
    x[2] = da_n;
    da += row * GATES * H;
#pragma unroll
    for (int g = 0; g < GATES; g++)
        PUT(x[g], v, da + g * H);
#endif
    return direct;
}

#if S
/* to[H, GATES H] = w^T; a work-group takes 16 rows of w [GATES H, H]. */
__kernel void recurrent_transpose(__global const float *restrict w, __global float *restrict to)
{
    const int from = (int)get_group_id(0) * 16, until = min(from + 16, GATES * H);
    for (int k = (int)get_local_id(0); k < H; k += LANES)
        for (int j = from; j < until; j++)
            to[(size_t)k * GATES * H + j] = w[(size_t)j * H + k];
}

#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)

/* Pointers of a direction; a kernel of two has those of each. */
#if DIRS == 2
#define PICK_DIRECTION(p) __global float *restrict p = backward ? p##1 : p##0
#define PICK_DIRECTION_CONST(p) __global const float *restrict p = backward ? p##1 : p##0
#else
#define PICK_DIRECTION(p) __global float *restrict p = p##0
#define PICK_DIRECTION_CONST(p) __global const float *restrict p = p##0
#endif

/* wt: the transposed W_hh. */
__kernel void recurrent_fwd(
    __global float *restrict gates0, __global const float *restrict wt0,
    __global const float *restrict b_ih0, __global const float *restrict b_hh0,
    __global float *restrict extra0,
#if DIRS == 2
    __global float *restrict gates1, __global const float *restrict wt1,
    __global const float *restrict b_ih1, __global const float *restrict b_hh1,
    __global float *restrict extra1,
#endif
    __global float *restrict y, __global float *restrict carried, const int batch, const int window)
{
    __local float state[2 * S * H]; /* h of this step and of the next, in turn */
    const int lane = (int)get_local_id(0), backward = (int)get_group_id(0) % DIRS;
    const int first = (int)get_group_id(0) / DIRS * S, count = min(S, batch - first);
    PICK_DIRECTION(gates);
    PICK_DIRECTION_CONST(wt);
    PICK_DIRECTION_CONST(b_ih);
    PICK_DIRECTION_CONST(b_hh);
    PICK_DIRECTION(extra);
    for (int i = lane; i < 2 * S * H; i += LANES)
        state[i] = 0;
    carried += (size_t)first * 2 * H;
#if CARRY
    for (int i = lane; i < count * H; i += LANES)
        state[i] = carried[i / H * 2 * H + i % H];
#endif
    for (int t = 0; t < window; t++) {
        const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
        __local const float *h = state + t % 2 * S * H;
        __local float *next = state + (t + 1) % 2 * S * H;
        BARRIER();
        for (int v = lane; v < BLOCKS; v += LANES) {
            const int u = unit_of(v);
            vec sum[S][GATES], a[S][GATES];
            cell_bias(sum[0], b_ih, b_hh, u);
#pragma unroll
            for (int s = 1; s < S; s++)
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    sum[s][g] = sum[0][g];
            for (int k = 0; k < H; k++) {
                vec w[GATES];
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    w[g] = load_vec(0, wt + (size_t)k * GATES * H + g * H + u);
#pragma unroll
                for (int s = 0; s < S; s++)
#pragma unroll
                    for (int g = 0; g < GATES; g++)
                        sum[s][g] = fma((vec)(h[s * H + k]), w[g], sum[s][g]);
            }
            /* a copy, so that the sums stay in registers although a loop picks its sequence */
#pragma unroll
            for (int s = 0; s < S; s++)
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    a[s][g] = sum[s][g];
            for (int s = 0; s < count; s++) {
                const vec c_first =
                    CARRY_C ? load_vec(0, carried + (s * 2 + 1) * H + u) : (vec)(0.0f);
                const vec to = step_fwd(v, (size_t)(first + s) * window + at, before, a[s],
                                        load_vec(0, h + s * H + u), c_first, gates, b_ih, extra,
                                        y + backward * H);
                PUT(to, v, next + s * H);
            }
        }
    }
#if CARRY
    BARRIER();
    for (int i = lane; i < count * H; i += LANES) {
        carried[i / H * 2 * H + i % H] = state[window % 2 * S * H + i];
        if (CARRY_C)
            carried[(i / H * 2 + 1) * H + i % H] =
                extra[((size_t)(first + i / H) * window + window - 1) * H + i % H];
    }
#endif
}

/* Sums of the product with W_hh go to TILES vectors at a time, that a loaded gradient serves more. */
#define TILES (BLOCKS > 1 && LANES == 1 ? 2 : 1)

/* h_before [B T, H]: the state that each step began with; da [B T, GATES H] (GRU): gradients of the
 * shares a, which for the others are those of x. */
__kernel void recurrent_bwd(
    __global float *restrict gates0, __global const float *restrict w0,
    __global const float *restrict extra0, __global float *restrict h_before0,
    __global float *restrict da0,
#if DIRS == 2
    __global float *restrict gates1, __global const float *restrict w1,
    __global const float *restrict extra1, __global float *restrict h_before1,
    __global float *restrict da1,
#endif
    __global const float *restrict dy, __global const float *restrict y, const int batch,
    const int window)
{
    __local float grad[S * GATES * H], carry[S * H]; /* of a; of h, from the step after */
    __local float more[S * H]; /* LSTM: of c, from the step after; GRU: past W_hh */
    const int lane = (int)get_local_id(0), backward = (int)get_group_id(0) % DIRS;
    const int first = (int)get_group_id(0) / DIRS * S, count = min(S, batch - first);
    PICK_DIRECTION(gates);
    PICK_DIRECTION_CONST(w);
    PICK_DIRECTION_CONST(extra);
    PICK_DIRECTION(h_before);
    PICK_DIRECTION(da);
    for (int i = lane; i < S * GATES * H; i += LANES)
        grad[i] = 0;
    for (int i = lane; i < S * H; i += LANES)
        carry[i] = more[i] = 0;
    for (int t = window - 1; t >= 0; t--) {
        const int at = backward ? window - 1 - t : t, before = !t ? 0 : backward ? 1 : -1;
        BARRIER();
        for (int v = lane; v < BLOCKS; v += LANES) {
            const int u = unit_of(v);
            for (int s = 0; s < count; s++) {
                const size_t row = (size_t)(first + s) * window + at;
                vec x[GATES], dc = load_vec(0, more + s * H + u);
                const vec dh = load_vec(0, dy + row * DIRS * H + backward * H + u) +
                               load_vec(0, carry + s * H + u);
                const vec direct = step_bwd(v, row, before, x, dh, &dc, gates, extra,
                                            y + backward * H, h_before, da);
#pragma unroll
                for (int g = 0; g < GATES; g++)
                    PUT(x[g], v, grad + (s * GATES + g) * H);
#if CELL == 0
                PUT(dc, v, more + s * H);
#elif CELL == 1
                PUT(direct, v, more + s * H);
#endif
            }
        }
        if (!t)
            break;
        BARRIER();
        for (int v = lane * TILES; v < BLOCKS; v += LANES * TILES) {
            vec sum[S][TILES];
            int u[TILES];
#pragma unroll
            for (int i = 0; i < TILES; i++) {
                u[i] = unit_of(v + i);
#pragma unroll
                for (int s = 0; s < S; s++)
                    sum[s][i] = CELL == 1 ? load_vec(0, more + s * H + u[i]) : (vec)(0.0f);
            }
            for (int j = 0; j < GATES * H; j++)
#pragma unroll
                for (int i = 0; i < TILES; i++) {
                    const vec wj = load_vec(0, w + (size_t)j * H + u[i]);
#pragma unroll
                    for (int s = 0; s < S; s++)
                        sum[s][i] = fma((vec)(grad[s * GATES * H + j]), wj, sum[s][i]);
                }
#pragma unroll
            for (int i = 0; i < TILES; i++)
#pragma unroll
                for (int s = 0; s < S; s++)
                    store_vec(sum[s][i], 0, carry + s * H + u[i]);
        }
    }
}
#else

/* Row `at` of each sequence, a work-group each. product [B, GATES H] = h W_hh^T (nothing at the
 * first step without CARRY), h [B, H] the state; carried [B, H] (CARRY): c. */
__kernel void recurrent_step_fwd(__global float *restrict gates, __global const float *restrict b_ih,
                                 __global const float *restrict b_hh, __global float *restrict extra,
                                 __global float *restrict y, __global const float *restrict product,
                                 __global float *restrict h, __global float *restrict carried,
                                 const int window, const int at, const int before, const int column)
{
    const int b = (int)get_group_id(0);
    for (int v = (int)get_local_id(0); v < BLOCKS; v += LANES) {
        const int u = unit_of(v);
        vec a[GATES], state = (vec)(0.0f), c_first = state;
        cell_bias(a, b_ih, b_hh, u);
        if (before || CARRY) {
            state = load_vec(0, h + (size_t)b * H + u);
#pragma unroll
            for (int g = 0; g < GATES; g++)
                a[g] += load_vec(0, product + ((size_t)b * GATES + g) * H + u);
        }
        if (CARRY_C)
            c_first = load_vec(0, carried + (size_t)b * H + u);
        const size_t row = (size_t)b * window + at;
        state = step_fwd(v, row, before, a, state, c_first, gates, b_ih, extra, y + column);
        PUT(state, v, h + (size_t)b * H);
        if (CARRY_C)
            PUT(load_vec(0, extra + row * H + u), v, carried + (size_t)b * H);
    }
}

/* The same backward. carry [B, H]: the gradient of h from the step after (`last`: there is none), then
 * what goes past W_hh; the product grad W_hh, grad [B, GATES H], is added to it. dc [B, H] (LSTM). */
__kernel void recurrent_step_bwd(__global float *restrict gates, __global const float *restrict extra,
                                 __global float *restrict h_before, __global float *restrict da,
                                 __global const float *restrict dy, __global const float *restrict y,
                                 __global float *restrict grad, __global float *restrict carry,
                                 __global float *restrict dc, const int window, const int at,
                                 const int before, const int column, const int last)
{
    const int b = (int)get_group_id(0);
    const size_t row = (size_t)b * window + at;
    for (int v = (int)get_local_id(0); v < BLOCKS; v += LANES) {
        const int u = unit_of(v);
        vec x[GATES], d = (vec)(0.0f), dh = load_vec(0, dy + row * DIRS * H + column + u);
        if (!last) {
            dh += load_vec(0, carry + (size_t)b * H + u);
            if (CELL == 0)
                d = load_vec(0, dc + (size_t)b * H + u);
        }
        const vec direct = step_bwd(v, row, before, x, dh, &d, gates, extra, y + column, h_before, da);
#pragma unroll
        for (int g = 0; g < GATES; g++)
            PUT(x[g], v, grad + ((size_t)b * GATES + g) * H);
        PUT(direct, v, carry + (size_t)b * H);
        if (CELL == 0)
            PUT(d, v, dc + (size_t)b * H);
    }
}
#endif
#endif
