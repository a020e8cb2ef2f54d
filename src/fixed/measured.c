/* SPDX-License-Identifier: MIT */
#include "fixed/measured.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct measured {
    struct fixed *f;
    double *value, *kept, *sum;
};

struct measured *measured_new(struct fixed *f)
{
    struct measured *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->f = f;
    m->value = calloc(f->places + 1, sizeof *m->value);
    m->kept = calloc(f->kept + 1, sizeof *m->kept);
    m->sum = calloc(f->sums + 1, sizeof *m->sum);
    if (m->value && m->kept && m->sum)
        return m;
    measured_free(m);
    return NULL;
}

void measured_free(struct measured *m)
{
    if (!m)
        return;
    free(m->value);
    free(m->kept);
    free(m->sum);
    free(m);
}

void measured_reset(struct measured *m)
{
    memset(m->kept, 0, (m->f->kept + 1) * sizeof *m->kept);
}

static void multiply(const struct fixed_matrix *w, const double *x, double *y)
{
    for (size_t o = 0; o < w->out; o++) {
        y[o] = (double)w->bias[o];
        for (size_t i = 0; i < w->in; i++)
            y[o] += (double)w->number[o * w->in + i] * x[i];
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void gru(const double *a, const double *b, double *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double r = sigmoid(a[i] + b[i]), z = sigmoid(a[n + i] + b[n + i]);
        const double u = tanh(a[2 * n + i] + r * b[2 * n + i]);
        h[i] = u + z * (h[i] - u);
    }
}

static void lstm(const double *a, const double *b, double *h, double *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double in = sigmoid(a[i] + b[i]), forget = sigmoid(a[n + i] + b[n + i]);
        const double g = tanh(a[2 * n + i] + b[2 * n + i]);
        c[i] = forget * c[i] + in * g;
        h[i] = sigmoid(a[3 * n + i] + b[3 * n + i]) * tanh(c[i]);
    }
}

static void rnn(const double *a, const double *b, double *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h[i] = tanh(a[i] + b[i]);
}

static void cell(struct measured *m, const struct fixed_step *s, const double *x, double *y)
{
    const size_t n = m->f->value[s->out]->columns;
    double *h = m->kept + s->kept, *c = h + n, *b = m->sum + s->matrix[0]->out;
    multiply(s->matrix[0], x, m->sum);
    multiply(s->matrix[1], h, b);
    if (s->kind == FIXED_GRU)
        gru(m->sum, b, h, n);
    else if (s->kind == FIXED_LSTM)
        lstm(m->sum, b, h, c, n);
    else
        rnn(m->sum, b, h, n);
    memcpy(y, h, n * sizeof *y);
    if (s->kind == FIXED_LSTM)
        memcpy(m->value + m->f->value[s->cell]->at, c, n * sizeof *c);
}

/* The rows of the past lie behind each other, the oldest first. */
static void unfold(const struct fixed_step *s, double *past, const double *x, double *y, size_t c)
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

static void iq(const double *x, double *y)
{
    const double size = sqrt(x[0] * x[0] + x[1] * x[1]), divisor = size > 0 ? size : 1;
    const double all[] = {x[0], x[1], size, size * size * size, x[1] / divisor, x[0] / divisor};
    memcpy(y, all, sizeof all);
}

static void run(struct measured *m, const struct fixed_step *s)
{
    struct fixed_value *const *v = m->f->value;
    const double *a = m->value + v[s->in[0]]->at, *b = m->value + v[s->in[1]]->at;
    const size_t n = v[s->in[0]]->columns;
    double *y = m->value + v[s->out]->at;
    switch (s->kind) {
    case FIXED_LINEAR:
        multiply(s->matrix[0], a, y);
        break;
    case FIXED_GRU:
    case FIXED_LSTM:
    case FIXED_RNN:
        cell(m, s, a, y);
        break;
    case FIXED_JOIN:
        memcpy(y, a, n * sizeof *y);
        memcpy(y + n, b, v[s->in[1]]->columns * sizeof *y);
        break;
    case FIXED_SUM:
        for (size_t i = 0; i < n; i++)
            y[i] = a[i] + b[i];
        break;
    case FIXED_UNFOLD:
        unfold(s, m->kept + s->kept, a, y, n);
        break;
    case FIXED_IQ:
        iq(a, y);
        break;
    }
    for (size_t i = 0; s->relu && i < v[s->out]->columns; i++)
        y[i] = y[i] < 0 ? 0 : y[i]; /* NaN stays */
}

const double *measured_step(struct measured *m, const float *row)
{
    const struct fixed *f = m->f;
    for (size_t i = 0; i < f->value[f->input]->columns; i++)
        m->value[f->value[f->input]->at + i] = (double)row[i];
    for (size_t i = 0; i < f->steps; i++)
        run(m, f->step[i]);
    for (size_t i = 0; i < f->values; i++) {
        struct fixed_value *v = f->value[i];
        for (size_t k = 0; k < v->columns; k++) {
            const double size = fabs(m->value[v->at + k]);
            if (size > v->most || isnan(size)) /* which stays */
                v->most = size;
        }
    }
    return m->value + f->value[f->output]->at;
}
