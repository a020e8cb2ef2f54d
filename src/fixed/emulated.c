/* SPDX-License-Identifier: MIT */
#include "fixed/emulated.h"

#include <stdlib.h>
#include <string.h>

struct emulated {
    const struct fixed *f;
    int16_t *value, *kept;
    int32_t *sum;
};

struct emulated *emulated_new(const struct fixed *f)
{
    struct emulated *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->f = f;
    e->value = calloc(f->places + 1, sizeof *e->value);
    e->kept = calloc(f->kept + 1, sizeof *e->kept);
    e->sum = calloc(f->sums + 1, sizeof *e->sum);
    if (e->value && e->kept && e->sum)
        return e;
    emulated_free(e);
    return NULL;
}

void emulated_free(struct emulated *e)
{
    if (!e)
        return;
    free(e->value);
    free(e->kept);
    free(e->sum);
    free(e);
}

void emulated_reset(struct emulated *e)
{
    memset(e->kept, 0, (e->f->kept + 1) * sizeof *e->kept);
}

/* --- arithmetic */

/* v / 2^by, to the nearest, halves up. */
static int64_t shifted(int64_t v, int by)
{
    if (by <= 0)
        return v * ((int64_t)1 << -by);
    v += (int64_t)1 << (by - 1);
    return v >= 0 ? v >> by : ~(~v >> by);
}

static int64_t within(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

static int16_t fit(int64_t v)
{
    return (int16_t)within(v, INT16_MIN, INT16_MAX);
}

/* tanh(v / 2^bits), 15 bits behind the point. */
static int32_t curve(const struct fixed *f, int64_t v, int bits)
{
    const int below = bits - FIXED_STEP;
    const int64_t size = v < 0 ? -v : v, at = size >> below, rest = size - (at << below);
    int64_t y = f->table[FIXED_TABLE];
    if (at < FIXED_TABLE)
        y = f->table[at] + shifted((f->table[at + 1] - f->table[at]) * rest, below);
    return (int32_t)(v < 0 ? -y : y);
}

/* The same of 1 / (1 + exp(-v)), of a gate. */
static int32_t sigmoid(const struct fixed *f, int64_t v)
{
    return (int32_t)shifted(32768 + curve(f, v, FIXED_GATE + 1), 1);
}

static void multiply(const struct fixed_matrix *w, const int16_t *x, int32_t *y)
{
    for (size_t o = 0; o < w->out; o++) {
        int64_t sum = w->base[o];
        for (size_t i = 0; i < w->in; i++)
            sum += (int64_t)w->weight[o * w->in + i] * x[i];
        y[o] = (int32_t)within(shifted(sum, w->shift[o]), -FIXED_GATE_MOST, FIXED_GATE_MOST);
    }
}

/* The integer part of the root of v. */
static int64_t root(int64_t v)
{
    int64_t y = 0;
    for (int64_t bit = (int64_t)1 << 34; bit; bit >>= 2) {
        if (v >= y + bit) {
            v -= y + bit;
            y = (y >> 1) + bit;
        } else
            y >>= 1;
    }
    return y;
}

/* --- steps */

static void gru(const struct fixed *f, const int32_t *a, const int32_t *b, int16_t *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int64_t r = sigmoid(f, a[i] + b[i]), z = sigmoid(f, a[n + i] + b[n + i]);
        const int64_t u = curve(f, a[2 * n + i] + shifted(r * b[2 * n + i], 15), FIXED_GATE);
        h[i] = fit(u + shifted(z * (h[i] - u), 15));
    }
}

static void lstm(const struct fixed *f, const int32_t *a, const int32_t *b, int16_t *h, int16_t *c,
                 size_t n, int bits)
{
    for (size_t i = 0; i < n; i++) {
        const int64_t in = sigmoid(f, a[i] + b[i]), forget = sigmoid(f, a[n + i] + b[n + i]);
        const int64_t g = curve(f, a[2 * n + i] + b[2 * n + i], FIXED_GATE);
        const int64_t o = sigmoid(f, a[3 * n + i] + b[3 * n + i]);
        c[i] = fit(shifted(shifted(forget * c[i], bits - 15) + in * g, 30 - bits));
        h[i] = fit(shifted(o * curve(f, shifted(c[i], bits - FIXED_GATE), FIXED_GATE), 15));
    }
}

static void rnn(const struct fixed *f, const int32_t *a, const int32_t *b, int16_t *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h[i] = fit(curve(f, a[i] + b[i], FIXED_GATE));
}

static void cell(struct emulated *e, const struct fixed_step *s, const int16_t *x, int16_t *y)
{
    const size_t n = e->f->value[s->out]->columns;
    int16_t *h = e->kept + s->kept;
    int32_t *a = e->sum, *b = a + s->matrix[0]->out;
    multiply(s->matrix[0], x, a);
    multiply(s->matrix[1], h, b);
    if (s->kind == FIXED_GRU)
        gru(e->f, a, b, h, n);
    else if (s->kind == FIXED_LSTM)
        lstm(e->f, a, b, h, h + n, n, e->f->value[s->cell]->bits);
    else
        rnn(e->f, a, b, h, n);
    memcpy(y, h, n * sizeof *y);
}

static void linear(struct emulated *e, const struct fixed_step *s, const int16_t *x, int16_t *y)
{
    multiply(s->matrix[0], x, e->sum);
    for (size_t i = 0; i < s->matrix[0]->out; i++)
        y[i] = fit(s->relu && e->sum[i] < 0 ? 0 : e->sum[i]);
}

static void move(const int16_t *x, int16_t *y, size_t n, int by)
{
    for (size_t i = 0; i < n; i++)
        y[i] = fit(shifted(x[i], by));
}

/* The sum has the finer format of both. */
static void add(const struct fixed_step *s, const int16_t *a, int a_bits, const int16_t *b,
                int b_bits, int16_t *y, size_t n, int bits)
{
    const int finer = a_bits > b_bits ? a_bits : b_bits;
    for (size_t i = 0; i < n; i++) {
        const int64_t sum =
            shifted(shifted(a[i], a_bits - finer) + shifted(b[i], b_bits - finer), finer - bits);
        y[i] = fit(s->relu && sum < 0 ? 0 : sum);
    }
}

static void unfold(const struct fixed_step *s, int16_t *past, const int16_t *x, int16_t *y,
                   size_t c)
{
    const size_t rows = (s->kernel - 1) * s->dilation;
    for (size_t i = 0; i < c; i++)
        for (size_t k = 0; k < s->kernel; k++)
            y[i * s->kernel + k] = k + 1 < s->kernel ? past[k * s->dilation * c + i] : x[i];
    if (!rows)
        return;
    memmove(past, past + c, (rows - 1) * c * sizeof *past);
    memcpy(past + (rows - 1) * c, x, c * sizeof *past);
}

/* |x| with one bit more than x; |x|^3 is its cube. sin and cos are quotients, cut towards 0. */
static void iq(const int16_t *x, int x_bits, int16_t *y, int bits)
{
    const int64_t i = x[0], q = x[1], size = root(4 * (i * i + q * q));
    const int64_t divisor = size ? size : 1;
    y[0] = fit(shifted(i, x_bits - bits));
    y[1] = fit(shifted(q, x_bits - bits));
    y[2] = fit(shifted(size, x_bits + 1 - bits));
    y[3] = fit(shifted(size * size * size, 3 * x_bits + 3 - bits));
    y[4] = fit(shifted(q * 65536 / divisor, 15 - bits));
    y[5] = fit(shifted(i * 65536 / divisor, 15 - bits));
}

static void run(struct emulated *e, const struct fixed_step *s)
{
    struct fixed_value *const *v = e->f->value;
    const struct fixed_value *va = v[s->in[0]], *vb = v[s->in[1]], *vy = v[s->out];
    const int16_t *a = e->value + va->at, *b = e->value + vb->at;
    int16_t *y = e->value + vy->at;
    switch (s->kind) {
    case FIXED_LINEAR:
        linear(e, s, a, y);
        break;
    case FIXED_GRU:
    case FIXED_LSTM:
    case FIXED_RNN:
        cell(e, s, a, y);
        break;
    case FIXED_JOIN:
        move(a, y, va->columns, va->bits - vy->bits);
        move(b, y + va->columns, vb->columns, vb->bits - vy->bits);
        break;
    case FIXED_SUM:
        add(s, a, va->bits, b, vb->bits, y, vy->columns, vy->bits);
        break;
    case FIXED_UNFOLD:
        unfold(s, e->kept + s->kept, a, y, va->columns);
        break;
    case FIXED_IQ:
        iq(a, va->bits, y, vy->bits);
        break;
    }
}

const int16_t *emulated_step(struct emulated *e, const int16_t *row)
{
    const struct fixed *f = e->f;
    const struct fixed_value *x = f->value[f->input];
    memcpy(e->value + x->at, row, x->columns * sizeof *row);
    for (size_t i = 0; i < f->steps; i++)
        run(e, f->step[i]);
    return e->value + f->value[f->output]->at;
}
