/* SPDX-License-Identifier: MIT */
#include "known/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/philox.h"

size_t ref_scratch(const struct ref *r)
{
    return 4 * r->t * r->t + 16 * (r->t + 1) * (r->d + 1) + 2 * r->b * r->t * r->d + 8 * r->b + 64;
}

/* Zeros of the scratch room, until release(). */
static double *room(struct ref *r, size_t n)
{
    double *x = r->scratch + r->used;
    memset(x, 0, n * sizeof *x);
    r->used += n;
    return x;
}

/* Gives back what was taken from here on. */
static void release(struct ref *r, const double *x)
{
    const size_t used = (size_t)(x - r->scratch);
    r->used = used < r->used ? used : r->used;
}

/* The 16 bits of element e of sample b. */
static double bits_of(const struct ref *r, size_t b, size_t e)
{
    uint32_t word[4];
    philox(word, (uint32_t)(e / 128 * 16 + e % 16), r->sample[b], philox_path(r->path), r->epoch,
           r->seed);
    return e / 64 % 2 ? word[e / 16 % 4] >> 16 : word[e / 16 % 4] & 0xffff;
}

double ref_factor(const struct ref *r, size_t b, size_t e)
{
    double threshold = floor(r->p * 65536 + 0.5);
    if (!(r->p > 0) || r->evaluate)
        return 1;
    return bits_of(r, b, e) < threshold ? 0 : 1 / (1 - threshold / 65536);
}

/* --- bias */

/* nn.RReLU's slope at element i */
static double leak(const struct ref *r, size_t i)
{
    const double lower = 1.0 / 8, upper = 1.0 / 3;
    size_t sample = r->t * r->d;
    if (r->evaluate)
        return (lower + upper) / 2;
    return lower + (upper - lower) * (bits_of(r, i / sample, i % sample) + 0.5) / 65536;
}

static double sigmoid_of(double u)
{
    return 1 / (1 + exp(-u));
}

/* What the sigmoid in GELU by tanh is of, and its slope. */
static double bent(double u, double *slope)
{
    const double k = 2 * sqrt(2 / M_PI);
    *slope = k * (1 + 3 * 0.044715 * u * u);
    return k * (u + 0.044715 * u * u * u);
}

static double act(enum act kind, double u)
{
    double slope;
    if (kind == ACT_SILU)
        return u * sigmoid_of(u);
    if (kind == ACT_GELU_TANH)
        return u * sigmoid_of(bent(u, &slope));
    return kind == ACT_RELU ? fmax(u, 0) : kind == ACT_GELU ? u * 0.5 * erfc(-u * sqrt(0.5)) : u;
}

static double act_slope(enum act kind, double u)
{
    if (kind == ACT_GELU) /* (u Phi(u))' */
        return 0.5 * erfc(-u * sqrt(0.5)) + u * exp(-u * u / 2) / sqrt(2 * M_PI);
    if (kind == ACT_SILU)
        return sigmoid_of(u) + u * sigmoid_of(u) * sigmoid_of(-u);
    if (kind == ACT_GELU_TANH) {
        double slope, v = bent(u, &slope);
        return sigmoid_of(v) + u * sigmoid_of(v) * sigmoid_of(-v) * slope;
    }
    return kind == ACT_RELU ? u > 0 : 1;
}

static double bias_sum(const struct ref *r, size_t i)
{
    size_t d = i % r->d, t = i / r->d % r->t;
    return r->x[0][i] + (r->x[1] ? r->x[1][d] : 0) + (r->x[2] ? r->x[2][t * r->d + d] : 0);
}

void ref_bias(struct ref *r)
{
    size_t sample = r->t * r->d;
    for (size_t i = 0; i < r->b * sample; i++)
        if (r->act == ACT_RRELU)
            r->y[0][i] = bias_sum(r, i) * (bias_sum(r, i) < 0 ? leak(r, i) : 1);
        else
            r->y[0][i] = act(r->act, bias_sum(r, i)) * ref_factor(r, i / sample, i % sample);
}

void ref_bias_back(struct ref *r)
{
    size_t sample = r->t * r->d;
    for (size_t i = 0; i < r->b * sample; i++) {
        double du = r->dy[0][i], u = bias_sum(r, i);
        if (r->act == ACT_RRELU)
            du *= u < 0 ? leak(r, i) : 1;
        else
            du *= act_slope(r->act, u) * ref_factor(r, i / sample, i % sample);
        r->dx[0][i] = du;
        if (r->dx[1])
            r->dx[1][i % r->d] += du;
        if (r->dx[2])
            r->dx[2][i % sample] += du;
    }
}

void ref_gate(struct ref *r)
{
    for (size_t i = 0; i < r->b * r->t * r->d; i++)
        r->y[0][i] = act(r->act, r->x[0][i]) * r->x[1][i];
}

void ref_gate_back(struct ref *r)
{
    for (size_t i = 0; i < r->b * r->t * r->d; i++) {
        r->dx[0][i] = r->dy[0][i] * r->x[1][i] * act_slope(r->act, r->x[0][i]);
        r->dx[1][i] = r->dy[0][i] * act(r->act, r->x[0][i]);
    }
}

/* --- norm */

static void norm_sum(const struct ref *r, size_t row, double *s)
{
    size_t b = row / r->t, first = row % r->t * r->d;
    for (size_t d = 0; d < r->d; d++) {
        double u = r->x[0][row * r->d + d] + (r->x[1] ? r->x[1][d] : 0);
        if (r->x[2])
            u = r->x[2][row * r->d + d] + u * ref_factor(r, b, first + d);
        s[d] = u;
    }
}

static void norm_moments(const struct ref *r, const double *s, double *mean, double *sd)
{
    double n = (double)r->d, square = 0;
    *mean = 0;
    for (size_t d = 0; d < r->d; d++)
        *mean += s[d] / n;
    for (size_t d = 0; d < r->d; d++)
        square += (s[d] - *mean) * (s[d] - *mean) / n;
    *sd = sqrt(square + r->eps);
}

void ref_norm(struct ref *r)
{
    double *s = room(r, r->d), mean, sd;
    for (size_t row = 0; row < r->b * r->t; row++) {
        norm_sum(r, row, s);
        norm_moments(r, s, &mean, &sd);
        for (size_t d = 0; d < r->d; d++) {
            size_t i = row * r->d + d;
            if (r->y[1])
                r->y[1][i] = s[d];
            if (!r->y[0])
                continue;
            double u = (s[d] - mean) / sd * r->x[3][d] + r->x[4][d];
            if (r->relu)
                u = fmax(u, 0) * ref_factor(r, row / r->t, row % r->t * r->d + d);
            r->y[0][i] = u;
        }
    }
    release(r, s);
}

void ref_norm_back(struct ref *r)
{
    double *s = room(r, r->d), *g = room(r, r->d), mean, sd, n = (double)r->d;
    for (size_t row = 0; row < r->b * r->t; row++) {
        size_t b = row / r->t, first = row % r->t * r->d;
        double sum = 0, moment = 0; /* of dL/dh, and of dL/dh h */
        norm_sum(r, row, s);
        norm_moments(r, s, &mean, &sd);
        for (size_t d = 0; d < r->d && r->y[0]; d++) {
            double h = (s[d] - mean) / sd, du = r->dy[0][row * r->d + d];
            if (r->relu)
                du *= h * r->x[3][d] + r->x[4][d] > 0 ? ref_factor(r, b, first + d) : 0;
            r->dx[3][d] += du * h;
            r->dx[4][d] += du;
            g[d] = du * r->x[3][d];
            sum += g[d];
            moment += g[d] * h;
        }
        for (size_t d = 0; d < r->d; d++) {
            size_t i = row * r->d + d;
            double ds = r->y[1] ? r->dy[1][i] : 0;
            if (r->y[0])
                ds += (g[d] - sum / n - (s[d] - mean) / sd * moment / n) / sd;
            double du = r->x[2] ? ds * ref_factor(r, b, first + d) : ds;
            r->dx[0][i] = du;
            if (r->x[1])
                r->dx[1][d] += du;
            if (r->x[2])
                r->dx[2][i] = ds;
        }
    }
    release(r, s);
    release(r, g);
}

/* --- RMSNorm */

static double root_mean_square(const struct ref *r, const double *x)
{
    double square = 0;
    for (size_t d = 0; d < r->d; d++)
        square += x[d] * x[d] / (double)r->d;
    return sqrt(square + r->eps);
}

void ref_rms_norm(struct ref *r)
{
    for (size_t i = 0; i < r->b * r->t * r->d; i++)
        r->y[0][i] =
            r->x[0][i] / root_mean_square(r, r->x[0] + i / r->d * r->d) * r->x[1][i % r->d];
}

/* dx[i] is the sum over d of dy[d] gamma[d] times d(x[d] / rms) / dx[i]. */
void ref_rms_norm_back(struct ref *r)
{
    for (size_t row = 0; row < r->b * r->t; row++) {
        const double *x = r->x[0] + row * r->d, *dy = r->dy[0] + row * r->d;
        double rms = root_mean_square(r, x);
        for (size_t i = 0; i < r->d; i++) {
            double dx = dy[i] * r->x[1][i] / rms;
            for (size_t d = 0; d < r->d; d++)
                dx -= dy[d] * r->x[1][d] * x[d] * x[i] / (rms * rms * rms * (double)r->d);
            r->dx[0][row * r->d + i] = dx;
            r->dx[1][i] += dy[i] * x[i] / rms;
        }
    }
}

/* --- attention */

size_t ref_qkv(const struct ref *r)
{
    return r->d + 2 * (r->d / r->heads) * (r->keys ? r->keys : r->heads);
}

/* Row t of q (0), k (1) or v (2) of sample b that head h of the queries meets, and the bias at its
 * place. */
static size_t qkv_at(const struct ref *r, size_t b, size_t t, size_t which, size_t h, size_t e)
{
    size_t keys = r->keys ? r->keys : r->heads, width = r->d / r->heads;
    size_t head = which ? r->heads + (which - 1) * keys + h * keys / r->heads : h;
    return (b * r->t + t) * ref_qkv(r) + head * width + e;
}

static double qkv_plain(const struct ref *r, size_t b, size_t t, size_t which, size_t h, size_t e)
{
    size_t at = qkv_at(r, b, t, which, h, e);
    return r->x[0][at] + r->x[1][at % ref_qkv(r)];
}

/* Element e's partner in its rotary pair, or itself where it is not turned, and the pair's angle;
 * *second: e is the second of both. */
static size_t partner(const struct ref *r, size_t t, size_t which, size_t e, double *angle,
                      int *second)
{
    const size_t width = r->d / r->heads, step = r->halves ? width / 2 : 1;
    if (!r->rotary || which == 2 || e >= width / 2 * 2)
        return e;
    *second = e / step % 2 != 0;
    const size_t first = *second ? e - step : e, pair = r->halves ? first : first / 2;
    *angle = (double)t * pow(r->base, -2 * (double)pair / (double)width);
    return *second ? first : e + step;
}

static double qkv(const struct ref *r, size_t b, size_t t, size_t which, size_t h, size_t e)
{
    int second;
    double angle, x = qkv_plain(r, b, t, which, h, e);
    size_t other = partner(r, t, which, e, &angle, &second);
    if (other == e)
        return x;
    double y = qkv_plain(r, b, t, which, h, other);
    return second ? y * sin(angle) + x * cos(angle) : x * cos(angle) - y * sin(angle);
}

/* Adds the gradient of what qkv() gave. */
static void qkv_add(struct ref *r, size_t b, size_t t, size_t which, size_t h, size_t e, double g)
{
    int second;
    double angle;
    size_t other = partner(r, t, which, e, &angle, &second);
    if (other == e) {
        r->dx[0][qkv_at(r, b, t, which, h, e)] += g;
        return;
    }
    r->dx[0][qkv_at(r, b, t, which, h, e)] += g * cos(angle);
    r->dx[0][qkv_at(r, b, t, which, h, other)] += second ? g * sin(angle) : -g * sin(angle);
}

/* p[t, t] = softmax of the scores, before dropout */
static void probabilities(const struct ref *r, size_t b, size_t h, double *p)
{
    size_t T = r->t, width = r->d / r->heads;
    for (size_t i = 0; i < T; i++) {
        double most = -INFINITY, sum = 0;
        for (size_t j = 0; j < T; j++) {
            double s = 0;
            for (size_t e = 0; e < width; e++)
                s += qkv(r, b, i, 0, h, e) * qkv(r, b, j, 1, h, e);
            p[i * T + j] = r->causal && j > i ? -INFINITY : s / sqrt((double)width);
            most = fmax(most, p[i * T + j]);
        }
        for (size_t j = 0; j < T; j++)
            sum += p[i * T + j] = exp(p[i * T + j] - most);
        for (size_t j = 0; j < T; j++)
            p[i * T + j] /= sum;
    }
}

/* Rows of probabilities begin at multiples of 16 in the numbering of dropout's elements. */
static double attention_factor(const struct ref *r, size_t b, size_t h, size_t i, size_t j)
{
    return ref_factor(r, b, (h * r->t + i) * ((r->t + 15) / 16 * 16) + j);
}

void ref_attention(struct ref *r)
{
    size_t T = r->t, width = r->d / r->heads;
    double *p = room(r, T * T);
    for (size_t b = 0; b < r->b; b++)
        for (size_t h = 0; h < r->heads; h++) {
            probabilities(r, b, h, p);
            for (size_t i = 0; i < T; i++)
                for (size_t e = 0; e < width; e++)
                    r->y[0][(b * T + i) * r->d + h * width + e] = 0;
            for (size_t i = 0; i < T; i++)
                for (size_t j = 0; j < T; j++) {
                    double weight = p[i * T + j] * attention_factor(r, b, h, i, j);
                    for (size_t e = 0; e < width; e++)
                        r->y[0][(b * T + i) * r->d + h * width + e] +=
                            weight * qkv(r, b, j, 2, h, e);
                }
        }
    release(r, p);
}

void ref_attention_back(struct ref *r)
{
    size_t T = r->t, width = r->d / r->heads;
    double *p = room(r, T * T), *dp = room(r, T), scale = 1 / sqrt((double)width);
    for (size_t b = 0; b < r->b; b++)
        for (size_t h = 0; h < r->heads; h++) {
            probabilities(r, b, h, p);
            for (size_t i = 0; i < T; i++) {
                const double *dy = r->dy[0] + (b * T + i) * r->d + h * width;
                double mean = 0;
                for (size_t j = 0; j < T; j++) {
                    double factor = attention_factor(r, b, h, i, j);
                    dp[j] = 0;
                    for (size_t e = 0; e < width; e++) {
                        dp[j] += dy[e] * qkv(r, b, j, 2, h, e) * factor;
                        qkv_add(r, b, j, 2, h, e, p[i * T + j] * factor * dy[e]);
                    }
                    mean += p[i * T + j] * dp[j];
                }
                for (size_t j = 0; j < T; j++)
                    for (size_t e = 0; e < width; e++) {
                        double ds = p[i * T + j] * (dp[j] - mean) * scale;
                        qkv_add(r, b, i, 0, h, e, ds * qkv(r, b, j, 1, h, e));
                        qkv_add(r, b, j, 1, h, e, ds * qkv(r, b, i, 0, h, e));
                    }
            }
        }
    for (size_t i = 0; i < r->b * T * ref_qkv(r); i++)
        r->dx[1][i % ref_qkv(r)] += r->dx[0][i];
    release(r, p);
    release(r, dp);
}

/* --- attention of queries over rows */

/* Places of element e of head h in query i and in row j's keys (0) or values (1). */
static size_t query_at(const struct ref *r, size_t b, size_t i, size_t h, size_t e)
{
    return ((r->per_sample ? b : 0) * r->in + i) * r->d + h * (r->d / r->heads) + e;
}

static size_t seen_at(const struct ref *r, size_t b, size_t j, size_t which, size_t h, size_t e)
{
    return ((b * r->t + j) * 2 + which) * r->d + h * (r->d / r->heads) + e;
}

/* p[t] = softmax of the scores of query i */
static void over_probabilities(const struct ref *r, size_t b, size_t h, size_t i, double *p)
{
    const size_t width = r->d / r->heads;
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < r->t; j++) {
        double s = 0;
        for (size_t e = 0; e < width; e++)
            s += r->x[0][query_at(r, b, i, h, e)] * r->x[1][seen_at(r, b, j, 0, h, e)];
        p[j] = s / sqrt((double)width);
        most = fmax(most, p[j]);
    }
    for (size_t j = 0; j < r->t; j++)
        sum += p[j] = exp(p[j] - most);
    for (size_t j = 0; j < r->t; j++)
        p[j] /= sum;
}

/* One query of a head of a sample: its output, or with dp [t] its gradients. */
static void over_one(struct ref *r, size_t b, size_t h, size_t i, double *p, double *dp)
{
    const size_t width = r->d / r->heads, to = (b * r->in + i) * r->d + h * width;
    const double scale = 1 / sqrt((double)width);
    double mean = 0;
    over_probabilities(r, b, h, i, p);
    for (size_t e = 0; e < width && !dp; e++) {
        r->y[0][to + e] = 0;
        for (size_t j = 0; j < r->t; j++)
            r->y[0][to + e] += p[j] * r->x[1][seen_at(r, b, j, 1, h, e)];
    }
    if (!dp)
        return;
    for (size_t j = 0; j < r->t; j++) {
        dp[j] = 0;
        for (size_t e = 0; e < width; e++) {
            dp[j] += r->dy[0][to + e] * r->x[1][seen_at(r, b, j, 1, h, e)];
            r->dx[1][seen_at(r, b, j, 1, h, e)] += p[j] * r->dy[0][to + e];
        }
        mean += p[j] * dp[j];
    }
    for (size_t j = 0; j < r->t; j++)
        for (size_t e = 0; e < width; e++) {
            const size_t q = query_at(r, b, i, h, e), k = seen_at(r, b, j, 0, h, e);
            r->dx[0][q] += p[j] * (dp[j] - mean) * scale * r->x[1][k];
            r->dx[1][k] += p[j] * (dp[j] - mean) * scale * r->x[0][q];
        }
}

static void over_all(struct ref *r, int back)
{
    double *p = room(r, r->t), *dp = room(r, r->t);
    for (size_t b = 0; b < r->b; b++)
        for (size_t h = 0; h < r->heads; h++)
            for (size_t i = 0; i < r->in; i++)
                over_one(r, b, h, i, p, back ? dp : NULL);
    release(r, p);
    release(r, dp);
}

void ref_over(struct ref *r)
{
    over_all(r, 0);
}

void ref_over_back(struct ref *r)
{
    over_all(r, 1);
}

/* --- linear */

/* The place of a linear layer's weight from column i to column o. */
static size_t weight_at(const struct ref *r, size_t o, size_t i)
{
    return r->in_out ? i * r->d + o : o * r->in + i;
}

/* A weight of output o as it is multiplied by: q / 2^bits, q of so many bits with its sign, with as
 * many bits behind the point as the largest of the output's weights takes. */
static double rounded_at(const struct ref *r, size_t o, size_t i)
{
    const double largest = ldexp(1, r->weight_bits - 1) - 1;
    double most = 0, step = ldexp(1, 15);
    if (!r->weight_bits)
        return r->x[1][weight_at(r, o, i)];
    for (size_t k = 0; k < r->in; k++)
        most = fmax(most, fabs(r->x[1][weight_at(r, o, k)]));
    while (step > ldexp(1, -20) && most <= largest * step / 2)
        step /= 2;
    return fmax(-largest, fmin(largest, nearbyint(r->x[1][weight_at(r, o, i)] / step))) * step;
}

void ref_linear(struct ref *r)
{
    for (size_t row = 0; row < r->b * r->t; row++)
        for (size_t o = 0; o < r->d; o++) {
            double sum = r->x[2][o];
            for (size_t i = 0; i < r->in; i++)
                sum += r->x[0][row * r->in + i] * rounded_at(r, o, i);
            r->y[0][row * r->d + o] = sum;
        }
}

void ref_linear_back(struct ref *r)
{
    for (size_t row = 0; row < r->b * r->t; row++)
        for (size_t o = 0; o < r->d; o++) {
            double dy = r->dy[0][row * r->d + o];
            r->dx[2][o] += dy;
            for (size_t i = 0; i < r->in; i++) {
                r->dx[0][row * r->in + i] += dy * rounded_at(r, o, i);
                r->dx[1][weight_at(r, o, i)] += dy * r->x[0][row * r->in + i];
            }
        }
}

/* Adds to the gradients of a linear layer alone, from those of its output; u: its output. */
static void layer_back(const struct ref *r, double *u, double *du)
{
    struct ref linear = *r;
    linear.y[0] = u;
    linear.dy[0] = du;
    ref_linear(&linear);
    for (size_t i = 0; i < r->b * r->t * r->d; i++)
        du[i] = r->dy[0][i] * act_slope(r->act, u[i]) *
                ref_factor(r, i / (r->t * r->d), i % (r->t * r->d));
    ref_linear_back(&linear);
}

void ref_layer(struct ref *r)
{
    ref_linear(r);
    for (size_t i = 0; i < r->b * r->t * r->d; i++)
        r->y[0][i] = act(r->act, r->y[0][i]) * ref_factor(r, i / (r->t * r->d), i % (r->t * r->d));
}

void ref_layer_back(struct ref *r)
{
    const size_t n = r->b * r->t * r->d;
    double *u = room(r, n), *du = room(r, n);
    layer_back(r, u, du);
    release(r, u);
    release(r, du);
}

/* --- convolution and pooling */

size_t ref_conv_rows(const struct ref *r)
{
    return (r->before + r->t + r->after - (r->kernel - 1) * r->dilation - 1) / r->stride + 1;
}

/* Row under place k of the kernel at output row l, or -1 in the padding. */
static long under(const struct ref *r, size_t l, size_t k)
{
    long t = (long)(l * r->stride + k * r->dilation) - (long)r->before;
    return t < (long)r->t ? t : -1;
}

void ref_conv(struct ref *r)
{
    size_t rows = ref_conv_rows(r);
    for (size_t b = 0; b < r->b; b++)
        for (size_t l = 0; l < rows; l++)
            for (size_t o = 0; o < r->d; o++) {
                double sum = r->x[2] ? r->x[2][o] : 0;
                for (size_t k = 0; k < r->kernel; k++)
                    for (size_t i = 0; i < r->in && under(r, l, k) >= 0; i++)
                        sum += r->x[0][(b * r->t + (size_t)under(r, l, k)) * r->in + i] *
                               r->x[1][(o * r->in + i) * r->kernel + k];
                r->y[0][(b * rows + l) * r->d + o] = sum;
            }
}

void ref_conv_back(struct ref *r)
{
    size_t rows = ref_conv_rows(r);
    for (size_t b = 0; b < r->b; b++)
        for (size_t l = 0; l < rows; l++)
            for (size_t o = 0; o < r->d; o++) {
                double dy = r->dy[0][(b * rows + l) * r->d + o];
                if (r->x[2])
                    r->dx[2][o] += dy;
                for (size_t k = 0; k < r->kernel; k++)
                    for (size_t i = 0; i < r->in && under(r, l, k) >= 0; i++) {
                        size_t x = (b * r->t + (size_t)under(r, l, k)) * r->in + i;
                        size_t w = (o * r->in + i) * r->kernel + k;
                        r->dx[0][x] += dy * r->x[1][w];
                        r->dx[1][w] += dy * r->x[0][x];
                    }
            }
}

static size_t most_at(const struct ref *r, size_t b, size_t l, size_t d)
{
    size_t most = (b * r->t + l * r->span) * r->d + d;
    for (size_t k = 1; k < r->span; k++) {
        size_t at = (b * r->t + l * r->span + k) * r->d + d;
        most = r->x[0][at] > r->x[0][most] ? at : most;
    }
    return most;
}

void ref_max_pool(struct ref *r)
{
    size_t rows = r->t / r->span;
    for (size_t i = 0; i < r->b * rows * r->d; i++)
        r->y[0][i] = r->x[0][most_at(r, i / r->d / rows, i / r->d % rows, i % r->d)];
}

void ref_max_pool_back(struct ref *r)
{
    size_t rows = r->t / r->span;
    for (size_t i = 0; i < r->b * rows * r->d; i++)
        r->dx[0][most_at(r, i / r->d / rows, i / r->d % rows, i % r->d)] += r->dy[0][i];
}

/* --- batch norm */

void ref_moments(const struct ref *r, size_t d, double correction, double *mean, double *var)
{
    size_t n = r->count * r->t;
    double bias = r->x[1] ? r->x[1][d] : 0;
    *mean = *var = 0;
    for (size_t row = 0; row < n; row++)
        *mean += (r->x[0][row * r->d + d] + bias) / (double)n;
    for (size_t row = 0; row < n; row++)
        *var += pow(r->x[0][row * r->d + d] + bias - *mean, 2) / ((double)n - correction);
}

void ref_batch_norm(struct ref *r)
{
    for (size_t d = 0; d < r->d; d++) {
        double mean = r->x[4][d], var = r->x[5][d];
        if (!r->evaluate)
            ref_moments(r, d, 0, &mean, &var);
        for (size_t i = d; i < r->b * r->t * r->d; i += r->d) {
            double u = r->x[0][i] + (r->x[1] ? r->x[1][d] : 0);
            r->y[0][i] = (u - mean) / sqrt(var + 1e-5) * r->x[2][d] + r->x[3][d];
        }
    }
}

void ref_batch_norm_back(struct ref *r)
{
    double n = (double)(r->count * r->t);
    for (size_t d = 0; d < r->d; d++) {
        double mean, var, bias = r->x[1] ? r->x[1][d] : 0, sum = 0, moment = 0;
        ref_moments(r, d, 0, &mean, &var);
        for (size_t row = 0; row < r->count * r->t; row++) {
            double h = (r->x[0][row * r->d + d] + bias - mean) / sqrt(var + 1e-5);
            sum += r->dy[0][row * r->d + d];
            moment += r->dy[0][row * r->d + d] * h;
        }
        r->dx[2][d] = moment;
        r->dx[3][d] = sum;
        for (size_t row = 0; row < r->count * r->t; row++) {
            size_t i = row * r->d + d;
            double h = (r->x[0][i] + bias - mean) / sqrt(var + 1e-5);
            r->dx[0][i] = r->x[2][d] * (r->dy[0][i] - sum / n - h * moment / n) / sqrt(var + 1e-5);
            if (r->x[1])
                r->dx[1][d] += r->dx[0][i];
        }
    }
}

/* --- reversible norm of windows */

int ref_feature(const struct ref *r, size_t k)
{
    return k % 3 == 2 ? -1 : (int)((2 * k + 1) % r->in);
}

static void window_moments(const struct ref *r, size_t b, size_t f, double *mean, double *sd)
{
    double var = 0, n = (double)r->t;
    *mean = 0;
    for (size_t t = 0; t < r->t; t++)
        *mean += r->x[1][(b * r->t + t) * r->in + f] / n;
    for (size_t t = 0; t < r->t; t++)
        var += pow(r->x[1][(b * r->t + t) * r->in + f] - *mean, 2) / n;
    *sd = sqrt(var + 1e-5);
}

void ref_window(struct ref *r)
{
    double mean, sd;
    for (size_t i = 0; i < r->b * r->rows * r->d; i++) {
        int f = ref_feature(r, i % r->d);
        r->y[0][i] = r->x[0][i];
        if (f < 0)
            continue;
        window_moments(r, i / (r->rows * r->d), (size_t)f, &mean, &sd);
        r->y[0][i] = r->x[0][i] * sd + mean;
    }
    for (size_t i = 0; i < r->b * r->t * r->in; i++) {
        window_moments(r, i / (r->t * r->in), i % r->in, &mean, &sd);
        r->y[1][i] = (r->x[1][i] - mean) / sd;
    }
}

/* Of y[0] alone. */
void ref_window_back(struct ref *r)
{
    double mean, sd, n = (double)r->t;
    for (size_t i = 0; i < r->b * r->rows * r->d; i++) {
        int f = ref_feature(r, i % r->d);
        size_t b = i / (r->rows * r->d);
        r->dx[0][i] = r->dy[0][i];
        if (f < 0)
            continue;
        window_moments(r, b, (size_t)f, &mean, &sd);
        r->dx[0][i] = r->dy[0][i] * sd;
        for (size_t t = 0; t < r->t; t++) {
            size_t at = (b * r->t + t) * r->in + (size_t)f;
            r->dx[1][at] += r->dy[0][i] * (1 + r->x[0][i] * (r->x[1][at] - mean) / sd) / n;
        }
    }
}

/* --- latent */

static double length(const double *x, size_t n)
{
    double square = 0;
    for (size_t i = 0; i < n; i++)
        square += x[i] * x[i];
    return sqrt(square);
}

void ref_latent(struct ref *r)
{
    for (size_t b = 0; b < r->b; b++) {
        double *z = r->y[0] + b * r->d;
        for (size_t d = 0; d < r->d; d++)
            z[d] = r->x[0][b * r->d + d] + r->x[1][d];
        double norm = r->normalize ? length(z, r->d) : 1;
        for (size_t d = 0; d < r->d; d++)
            z[d] /= norm;
    }
}

void ref_latent_back(struct ref *r)
{
    double *u = room(r, r->d);
    for (size_t b = 0; b < r->b; b++) {
        double dot = 0;
        for (size_t d = 0; d < r->d; d++) {
            u[d] = r->x[0][b * r->d + d] + r->x[1][d];
            dot += u[d] * r->dy[0][b * r->d + d];
        }
        double norm = length(u, r->d);
        for (size_t d = 0; d < r->d; d++) {
            double du = r->dy[0][b * r->d + d];
            if (r->normalize) /* d(u / |u|) */
                du = du / norm - u[d] * dot / (norm * norm * norm);
            r->dx[0][b * r->d + d] = du;
            r->dx[1][d] += du;
        }
    }
    release(r, u);
}

/* --- losses */

void ref_sample_loss(struct ref *r)
{
    size_t n = r->t * r->d;
    for (size_t b = 0; b < r->b; b++) {
        r->y[0][b] = 0;
        for (size_t i = b * n; i < (b + 1) * n && b < r->count; i++) {
            double e = fabs(r->x[0][i] - r->x[1][i]);
            r->y[0][b] += (r->kind == LOSS_KIND_MSE   ? e * e
                           : r->kind == LOSS_KIND_MAE ? e
                           : e < 1                    ? e * e / 2
                                                      : e - 0.5) /
                          (double)n;
        }
    }
}

void ref_sample_loss_back(struct ref *r)
{
    size_t n = r->t * r->d;
    for (size_t i = 0; i < r->count * n; i++) {
        double e = r->x[0][i] - r->x[1][i], sign = (e > 0) - (e < 0);
        double slope = r->kind == LOSS_KIND_MSE                   ? 2 * e
                       : r->kind == LOSS_KIND_MAE || fabs(e) >= 1 ? sign
                                                                  : e;
        r->dx[0][i] = r->dy[0][i / n] * slope / (double)n;
        r->dx[1][i] = -r->dx[0][i];
    }
}

static double cosine(const double *a, const double *b, size_t n)
{
    double dot = 0;
    for (size_t i = 0; i < n; i++)
        dot += a[i] * b[i];
    return dot / (length(a, n) * length(b, n));
}

/* da += weight * d cosine(a, b) / da */
static void cosine_back(double *da, const double *a, const double *b, size_t n, double weight)
{
    double c = cosine(a, b, n), la = length(a, n), lb = length(b, n);
    for (size_t i = 0; i < n; i++)
        da[i] += weight * (b[i] / lb - c * a[i] / la) / la;
}

void ref_similarity(struct ref *r)
{
    double n = (double)r->count, sum = 0;
    for (size_t i = 0; i < r->count; i++)
        for (size_t j = 0; j < r->count; j++)
            if (i != j)
                sum += cosine(r->x[0] + i * r->d, r->x[0] + j * r->d, r->d);
    r->y[0][0] = n < 2 ? 0 : sum / (n * (n - 1));
}

void ref_similarity_back(struct ref *r)
{
    double n = (double)r->count, *z = r->x[0];
    for (size_t i = 0; i < r->count; i++)
        for (size_t j = 0; j < r->count; j++)
            if (i != j)
                cosine_back(r->dx[0] + i * r->d, z + i * r->d, z + j * r->d, r->d,
                            2 * r->dy[0][0] / (n * (n - 1)));
}

/* Vector i of the 2 n, and the place of its gradient. */
static double *vector(const struct ref *r, double *const *from, size_t i)
{
    return from[i / r->count] + i % r->count * r->d;
}

/* q[j] = softmax of the scores of i among all others */
static double xent_softmax(const struct ref *r, size_t i, double *q)
{
    size_t n = r->count, positive = (i + n) % (2 * n);
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < 2 * n; j++) {
        q[j] = cosine(vector(r, r->x, i), vector(r, r->x, j), r->d) / r->temperature;
        if (j != i)
            most = fmax(most, q[j]);
    }
    double score = q[positive];
    for (size_t j = 0; j < 2 * n; j++)
        sum += q[j] = j == i ? 0 : exp(q[j] - most);
    for (size_t j = 0; j < 2 * n; j++)
        q[j] /= sum;
    return most + log(sum) - score;
}

void ref_nt_xent(struct ref *r)
{
    size_t n = r->count;
    double *q = room(r, 2 * n), sum = 0;
    for (size_t i = 0; i < 2 * n; i++)
        sum += xent_softmax(r, i, q);
    r->y[0][0] = n < 2 ? 0 : sum / (2 * (double)n);
    release(r, q);
}

void ref_nt_xent_back(struct ref *r)
{
    size_t n = r->count;
    double *q = room(r, 2 * n), weight = r->dy[0][0] / (2 * (double)n * r->temperature);
    for (size_t i = 0; i < 2 * n && n > 1; i++) {
        xent_softmax(r, i, q);
        for (size_t j = 0; j < 2 * n; j++) {
            double *a = vector(r, r->x, i), *b = vector(r, r->x, j);
            double w = weight * (q[j] - (j == (i + n) % (2 * n)));
            if (i == j)
                continue;
            cosine_back(vector(r, r->dx, i), a, b, r->d, w);
            cosine_back(vector(r, r->dx, j), b, a, r->d, w);
        }
    }
    release(r, q);
}

/* --- recurrent: nn.LSTM's, nn.GRU's and nn.RNN's equations as PyTorch documents them */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* One direction's states of a sample: h and c before each step and after the last, [t + 1, d], the
 * gates [t, 4 d], and of a GRU the state's share of n, [t, d]. */
struct walk {
    double *h, *c, *gate, *share;
    size_t gates;
    const double *w_ih, *w_hh, *b_ih, *b_hh;
};

static size_t walk_row(const struct ref *r, size_t b, size_t dir, size_t t)
{
    return b * r->t + (dir ? r->t - 1 - t : t);
}

static void walk_forward(struct ref *r, struct walk *w, size_t b, size_t dir)
{
    size_t n = r->d;
    w->gates = r->cell == CELL_KIND_LSTM ? 4 : r->cell == CELL_KIND_GRU ? 3 : 1;
    w->w_ih = r->x[1 + 4 * dir];
    w->w_hh = r->x[2 + 4 * dir];
    w->b_ih = r->x[3 + 4 * dir];
    w->b_hh = r->x[4 + 4 * dir];
    w->h = room(r, (r->t + 1) * n);
    w->c = room(r, (r->t + 1) * n);
    w->gate = room(r, r->t * 4 * n);
    w->share = room(r, r->t * n);
    for (size_t t = 0; t < r->t; t++) {
        const double *in = r->x[0] + walk_row(r, b, dir, t) * r->in, *h = w->h + t * n;
        double *next = w->h + (t + 1) * n, *gate = w->gate + t * 4 * n;
        for (size_t j = 0; j < w->gates * n; j++) {
            double x = w->b_ih[j], a = w->b_hh[j];
            for (size_t k = 0; k < r->in; k++)
                x += w->w_ih[j * r->in + k] * in[k];
            for (size_t k = 0; k < n; k++)
                a += w->w_hh[j * n + k] * h[k];
            size_t g = j / n, d = j % n;
            if (r->cell == CELL_KIND_RNN || (r->cell == CELL_KIND_LSTM && g == 2))
                gate[j] = tanh(x + a);
            else if (r->cell == CELL_KIND_GRU && g == 2) {
                gate[j] = tanh(x + gate[d] * a);
                w->share[t * n + d] = a;
            } else
                gate[j] = sigmoid(x + a);
        }
        for (size_t d = 0; d < n; d++) {
            double *c = w->c + (t + 1) * n + d;
            if (r->cell == CELL_KIND_LSTM) {
                *c = gate[n + d] * w->c[t * n + d] + gate[d] * gate[2 * n + d];
                next[d] = gate[3 * n + d] * tanh(*c);
            } else if (r->cell == CELL_KIND_GRU)
                next[d] = (1 - gate[n + d]) * gate[2 * n + d] + gate[n + d] * h[d];
            else
                next[d] = gate[d];
        }
    }
}

static void walk_free(struct ref *r, struct walk *w)
{
    release(r, w->h);
    release(r, w->c);
    release(r, w->gate);
    release(r, w->share);
}

void ref_recurrent(struct ref *r)
{
    for (size_t dir = 0; dir < r->dirs; dir++)
        for (size_t b = 0; b < r->b; b++) {
            struct walk w;
            walk_forward(r, &w, b, dir);
            for (size_t t = 0; t < r->t; t++)
                memcpy(r->y[0] + (walk_row(r, b, dir, t) * r->dirs + dir) * r->d,
                       w.h + (t + 1) * r->d, r->d * sizeof(double));
            walk_free(r, &w);
        }
}

/* Through step t: from dh and dc of the state after it to those of the state before it. */
static void walk_back(struct ref *r, const struct walk *w, size_t b, size_t dir, size_t t,
                      double *dh, double *dc)
{
    size_t n = r->d, row = walk_row(r, b, dir, t);
    const double *gate = w->gate + t * 4 * n, *h = w->h + t * n, *in = r->x[0] + row * r->in;
    double *of_h = room(r, n); /* passed on to the state before */
    for (size_t j = 0; j < w->gates * n; j++) {
        size_t g = j / n, d = j % n;
        double dx, da, slope = gate[j] * (1 - gate[j]); /* dx: of x; da: of a */
        if (r->cell == CELL_KIND_LSTM) {
            double tc = tanh(w->c[(t + 1) * n + d]);
            double cell = dc[d] + dh[d] * gate[3 * n + d] * (1 - tc * tc);
            dx = g == 0   ? cell * gate[2 * n + d] * slope
                 : g == 1 ? cell * w->c[t * n + d] * slope
                 : g == 2 ? cell * gate[d] * (1 - gate[j] * gate[j])
                          : dh[d] * tc * slope;
            da = dx;
        } else if (r->cell == CELL_KIND_GRU) {
            double of_n = gate[2 * n + d];
            double dn = dh[d] * (1 - gate[n + d]) * (1 - of_n * of_n);
            dx = g == 0   ? dn * w->share[t * n + d] * slope
                 : g == 1 ? dh[d] * (h[d] - of_n) * slope
                          : dn;
            da = g == 2 ? dn * gate[d] : dx;
        } else
            dx = da = dh[d] * (1 - gate[j] * gate[j]);
        r->dx[3 + 4 * dir][j] += dx;
        r->dx[4 + 4 * dir][j] += da;
        for (size_t k = 0; k < r->in; k++) {
            r->dx[1 + 4 * dir][j * r->in + k] += dx * in[k];
            r->dx[0][row * r->in + k] += dx * w->w_ih[j * r->in + k];
        }
        for (size_t k = 0; k < n; k++) {
            r->dx[2 + 4 * dir][j * n + k] += da * h[k];
            of_h[k] += da * w->w_hh[j * n + k];
        }
    }
    for (size_t d = 0; d < n; d++) {
        double tc = tanh(w->c[(t + 1) * n + d]);
        if (r->cell == CELL_KIND_LSTM)
            dc[d] = (dc[d] + dh[d] * gate[3 * n + d] * (1 - tc * tc)) * gate[n + d];
        dh[d] = of_h[d] + (r->cell == CELL_KIND_GRU ? dh[d] * gate[n + d] : 0);
    }
    release(r, of_h);
}

void ref_recurrent_back(struct ref *r)
{
    for (size_t dir = 0; dir < r->dirs; dir++)
        for (size_t b = 0; b < r->b; b++) {
            struct walk w;
            double *dh = room(r, r->d), *dc = room(r, r->d);
            walk_forward(r, &w, b, dir);
            for (size_t t = r->t; t-- > 0;) {
                const double *dy = r->dy[0] + (walk_row(r, b, dir, t) * r->dirs + dir) * r->d;
                for (size_t d = 0; d < r->d; d++)
                    dh[d] += dy[d];
                walk_back(r, &w, b, dir, t, dh, dc);
            }
            walk_free(r, &w);
            release(r, dh);
            release(r, dc);
        }
}

/* --- pool */

/* Weight of row t in column d of sample b. */
static double pool_weight(const struct ref *r, size_t b, size_t t, size_t d)
{
    if (r->pool == POOL_LAST)
        return t == (d < r->d - r->reverse ? r->t - 1 : 0);
    if (r->pool == POOL_MEAN)
        return 1 / (double)r->t;
    double sum = 0, own = 0;
    for (size_t u = 0; u < r->t; u++) {
        double score = r->x[2][0];
        for (size_t k = 0; k < r->d; k++)
            score += r->x[1][k] * r->x[0][(b * r->t + u) * r->d + k];
        sum += exp(score);
        own = u == t ? exp(score) : own;
    }
    return own / sum;
}

void ref_pool(struct ref *r)
{
    for (size_t b = 0; b < r->b; b++)
        for (size_t d = 0; d < r->d; d++) {
            r->y[0][b * r->d + d] = 0;
            for (size_t t = 0; t < r->t; t++)
                r->y[0][b * r->d + d] +=
                    pool_weight(r, b, t, d) * r->x[0][(b * r->t + t) * r->d + d];
        }
}

void ref_pool_back(struct ref *r)
{
    for (size_t b = 0; b < r->b; b++) {
        const double *dy = r->dy[0] + b * r->d;
        double mean = 0;
        for (size_t t = 0; t < r->t; t++)
            for (size_t d = 0; d < r->d; d++)
                mean += pool_weight(r, b, t, d) * dy[d] * r->x[0][(b * r->t + t) * r->d + d];
        for (size_t t = 0; t < r->t; t++) {
            const double *x = r->x[0] + (b * r->t + t) * r->d;
            double *dx = r->dx[0] + (b * r->t + t) * r->d, of_p = 0, ds = 0;
            for (size_t d = 0; d < r->d; d++) {
                dx[d] = pool_weight(r, b, t, d) * dy[d];
                of_p += dy[d] * x[d];
            }
            if (r->pool != POOL_ATTENTION)
                continue;
            ds = pool_weight(r, b, t, 0) * (of_p - mean);
            r->dx[2][0] += ds;
            for (size_t d = 0; d < r->d; d++) {
                dx[d] += ds * r->x[1][d];
                r->dx[1][d] += ds * x[d];
            }
        }
    }
}

/* --- join */

void ref_join(struct ref *r)
{
    double *y = r->y[0];
    for (size_t row = 0; row < r->b * r->t; row++) {
        for (size_t d = 0; d < r->in; d++)
            *y++ = r->x[0][row * r->in + d];
        for (size_t d = 0; d < r->d; d++)
            *y++ = r->x[1][row * r->d + d];
    }
}

void ref_join_back(struct ref *r)
{
    const double *dy = r->dy[0];
    for (size_t row = 0; row < r->b * r->t; row++) {
        for (size_t d = 0; d < r->in; d++)
            r->dx[0][row * r->in + d] = *dy++;
        for (size_t d = 0; d < r->d; d++)
            r->dx[1][row * r->d + d] = *dy++;
    }
}

void ref_mul(struct ref *r)
{
    for (size_t i = 0; i < r->b * r->t * r->d; i++)
        r->y[0][i] = r->x[0][i] * r->x[1][i];
}

void ref_mul_back(struct ref *r)
{
    for (size_t i = 0; i < r->b * r->t * r->d; i++) {
        r->dx[0][i] = r->dy[0][i] * r->x[1][i];
        r->dx[1][i] = r->dy[0][i] * r->x[0][i];
    }
}

void ref_scale(struct ref *r)
{
    for (size_t i = 0; i < r->b * r->t * r->d; i++)
        r->y[0][i] = r->x[0][i] * r->factor;
}

void ref_scale_back(struct ref *r)
{
    for (size_t i = 0; i < r->b * r->t * r->d; i++)
        r->dx[0][i] = r->dy[0][i] * r->factor;
}

static void softmax_of(const double *x, double *p, size_t d)
{
    double most = x[0], sum = 0;
    for (size_t i = 1; i < d; i++)
        most = fmax(most, x[i]);
    for (size_t i = 0; i < d; i++)
        sum += p[i] = exp(x[i] - most);
    for (size_t i = 0; i < d; i++)
        p[i] /= sum;
}

void ref_softmax(struct ref *r)
{
    for (size_t row = 0; row < r->b * r->t; row++)
        softmax_of(r->x[0] + row * r->d, r->y[0] + row * r->d, r->d);
}

void ref_softmax_back(struct ref *r)
{
    ref_softmax(r);
    for (size_t row = 0; row < r->b * r->t; row++) {
        const double *y = r->y[0] + row * r->d, *dy = r->dy[0] + row * r->d;
        for (size_t i = 0; i < r->d; i++) {
            double sum = 0;
            for (size_t j = 0; j < r->d; j++)
                sum += dy[j] * y[j] * ((i == j) - y[i]);
            r->dx[0][row * r->d + i] = sum;
        }
    }
}

void ref_slice(struct ref *r)
{
    for (size_t row = 0; row < r->b * r->t; row++)
        for (size_t i = 0; i < r->d; i++)
            r->y[0][row * r->d + i] = r->x[0][row * r->in + r->rows + i];
}

void ref_slice_back(struct ref *r)
{
    for (size_t row = 0; row < r->b * r->t; row++)
        for (size_t i = 0; i < r->in; i++)
            r->dx[0][row * r->in + i] =
                i >= r->rows && i < r->rows + r->d ? r->dy[0][row * r->d + i - r->rows] : 0;
}

void ref_transpose(struct ref *r)
{
    for (size_t b = 0; b < r->b; b++)
        for (size_t t = 0; t < r->t; t++)
            for (size_t d = 0; d < r->d; d++)
                r->y[0][(b * r->d + d) * r->t + t] = r->x[0][(b * r->t + t) * r->d + d];
}

void ref_transpose_back(struct ref *r)
{
    for (size_t b = 0; b < r->b; b++)
        for (size_t t = 0; t < r->t; t++)
            for (size_t d = 0; d < r->d; d++)
                r->dx[0][(b * r->t + t) * r->d + d] = r->dy[0][(b * r->d + d) * r->t + t];
}

void ref_embedding(struct ref *r)
{
    for (size_t row = 0; row < r->b * r->t; row++)
        for (size_t d = 0; d < r->d; d++)
            r->y[0][row * r->d + d] =
                r->number[row] < r->in ? r->x[0][r->number[row] * r->d + d] : 0;
}

void ref_embedding_back(struct ref *r)
{
    for (size_t i = 0; i < r->in * r->d; i++)
        r->dx[0][i] = 0;
    for (size_t row = 0; row < r->b * r->t; row++)
        for (size_t d = 0; d < r->d && r->number[row] < r->in; d++)
            r->dx[0][r->number[row] * r->d + d] += r->dy[0][row * r->d + d];
}

static size_t counted_rows(const struct ref *r, size_t b)
{
    size_t counted = 0;
    for (size_t t = 0; t < r->t; t++)
        counted += r->number[b * r->t + t] < r->d;
    return counted;
}

void ref_cross_entropy(struct ref *r)
{
    double p[1200];
    for (size_t b = 0; b < r->b; b++) {
        size_t counted = counted_rows(r, b);
        r->y[0][b] = 0;
        for (size_t t = 0; t < r->t && b < r->count; t++) {
            size_t row = b * r->t + t, of = r->number[row];
            softmax_of(r->x[0] + row * r->d, p, r->d);
            for (size_t k = 0; k < r->d && of < r->d; k++)
                r->y[0][b] -= log(p[k]) / (double)counted *
                              ((k == of) * (1 - r->smoothing) + r->smoothing / (double)r->d);
        }
    }
}

void ref_cross_entropy_back(struct ref *r)
{
    double p[1200];
    for (size_t b = 0; b < r->b; b++) {
        size_t counted = counted_rows(r, b);
        for (size_t t = 0; t < r->t; t++) {
            size_t row = b * r->t + t, of = r->number[row];
            softmax_of(r->x[0] + row * r->d, p, r->d);
            for (size_t k = 0; k < r->d; k++)
                r->dx[0][row * r->d + k] =
                    of < r->d && b < r->count
                        ? r->dy[0][b] / (double)counted *
                              (p[k] - (k == of) * (1 - r->smoothing) - r->smoothing / (double)r->d)
                        : 0;
        }
    }
}

/* softmax(x / T) */
static void soft_of(const double *x, double heat, double *p, size_t n)
{
    double cooled[1200];
    for (size_t k = 0; k < n; k++)
        cooled[k] = x[k] / heat;
    softmax_of(cooled, p, n);
}

void ref_distill(struct ref *r)
{
    double p[1200], q[1200];
    ref_cross_entropy(r);
    for (size_t b = 0; b < r->b; b++) {
        const size_t counted = counted_rows(r, b);
        r->y[1][b] = 0;
        for (size_t row = b * r->t; row < (b + 1) * r->t && b < r->count; row++) {
            soft_of(r->x[0] + row * r->d, r->temperature, q, r->d);
            soft_of(r->x[1] + row * r->d, r->temperature, p, r->d);
            for (size_t k = 0; k < r->d && r->number[row] < r->d; k++)
                r->y[1][b] +=
                    r->temperature * r->temperature * p[k] * log(p[k] / q[k]) / (double)counted;
        }
    }
}

void ref_distill_back(struct ref *r)
{
    double p[1200], q[1200];
    ref_cross_entropy_back(r);
    for (size_t row = 0; row < r->count * r->t; row++) {
        const size_t b = row / r->t;
        const double slope = r->dy[1][b] * r->temperature / (double)counted_rows(r, b);
        soft_of(r->x[0] + row * r->d, r->temperature, q, r->d);
        soft_of(r->x[1] + row * r->d, r->temperature, p, r->d);
        double apart = 0;
        for (size_t k = 0; k < r->d; k++)
            apart += p[k] * log(p[k] / q[k]);
        for (size_t k = 0; k < r->d && r->number[row] < r->d; k++) {
            r->dx[0][row * r->d + k] += slope * (q[k] - p[k]);
            r->dx[1][row * r->d + k] = slope * p[k] * (log(p[k] / q[k]) - apart);
        }
    }
}

static double cooled_sigmoid(double x, double heat)
{
    return 1 / (1 + exp(-x / heat));
}

void ref_taught(struct ref *r)
{
    const size_t n = r->t * r->d;
    const double square = r->temperature * r->temperature;
    for (size_t b = 0; b < r->b; b++) {
        r->y[0][b] = 0;
        for (size_t i = b * n; i < (b + 1) * n && b < r->count; i++) {
            const double q = cooled_sigmoid(r->x[0][i], r->temperature);
            const double p = cooled_sigmoid(r->x[1][i], r->temperature);
            r->y[0][b] += square * (p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))) / (double)n;
        }
    }
}

void ref_taught_back(struct ref *r)
{
    const size_t n = r->t * r->d;
    for (size_t i = 0; i < r->count * n; i++) {
        const double slope = r->dy[0][i / n] * r->temperature / (double)n;
        const double q = cooled_sigmoid(r->x[0][i], r->temperature);
        const double p = cooled_sigmoid(r->x[1][i], r->temperature);
        r->dx[0][i] = slope * (q - p);
        r->dx[1][i] = slope * p * (1 - p) * (log(p / q) - log((1 - p) / (1 - q)));
    }
}

/* --- augmentation */

static void words_of(const struct ref_window_key *key, uint32_t place, uint32_t word[4])
{
    philox(word, place, key->sample, philox_path("data.augment"), key->epoch, key->seed);
}

/* In 0 .. n-1 */
static size_t one_of(uint32_t word, size_t n)
{
    return (size_t)(((uint64_t)word * n) >> 32);
}

/* Box and Muller, with the angle from 24 bits. */
static void normals_of(uint32_t a, uint32_t b, double z[2])
{
    const double radius = sqrt(-2 * log(((a >> 8) + 0.5) / 16777216.0));
    z[0] = radius * cos(2 * M_PI * (b >> 8) / 16777216.0);
    z[1] = radius * sin(2 * M_PI * (b >> 8) / 16777216.0);
}

/* By how many units step and slope move row `row` of a feature. */
static double moved(const struct augment *how, const struct ref_window_key *key, uint32_t lane,
                    size_t row)
{
    uint32_t of_lane[4], of_window[4];
    double z[2];
    words_of(key, 0xc0000000u + lane, of_lane);
    words_of(key, 0x80000000u, of_window);
    normals_of(of_lane[0], of_lane[1], z);
    return (row > one_of(of_window[3], key->t - 1) ? how->step * z[0] : 0) +
           how->slope * z[1] * (double)row / (double)(key->t - 1);
}

/* Where row `row` of a stretched window was before. */
static double came_from(const struct augment *how, const struct ref_window_key *key, size_t row)
{
    uint32_t word[4];
    words_of(key, 0x80000001u, word);
    const size_t cut = one_of(word[0], how->crop + 1);
    const size_t front = how->keeps_end ? cut : one_of(word[1], cut + 1);
    const double u = (double)row / (double)(key->t - 1), phi = 2 * M_PI * philox_unit(word[3]);
    const double a = how->warp > 1 ? (1 - 1 / how->warp) * philox_unit(word[2]) : 0;
    const double time = u + a * (sin(2 * M_PI * u + phi) - sin(phi)) / (2 * M_PI);
    return (double)front + (double)(key->t - 1 - cut) * time;
}

void ref_augment(const struct augment *how, const float *of, const struct ref_window_key *key,
                 const float *x, size_t in, double *y)
{
    uint32_t window[4], word[4];
    double z[2];
    words_of(key, 0x80000000u, window);
    for (size_t row = 0; row < key->t; row++)
        for (size_t f = 0; f < in; f++) {
            const uint32_t lane = (uint32_t)of[4 * f + 1];
            const double at = how->crop || how->warp > 1 ? came_from(how, key, row) : (double)row;
            const size_t low = at < (double)(key->t - 1) ? (size_t)at : key->t - 1;
            const size_t high = low + 1 < key->t ? low + 1 : low;
            const double share = at - (double)low;
            double v = (1 - share) * x[low * in + f] + share * x[high * in + f], unit = of[4 * f];
            if (philox_unit(window[0]) < how->flip)
                v = of[4 * f + 3] + of[4 * f + 2] * v;
            if (key->t > 1)
                v += unit * moved(how, key, lane, row);
            words_of(key, 0xc0000000u + lane, word);
            if (philox_unit(window[1]) < how->spikes && row == one_of(window[2], key->t))
                v += (word[2] >> 31 ? -1 : 1) * how->spike * unit;
            words_of(key, (uint32_t)(row * in) + lane, word);
            normals_of(word[0], word[1], z);
            y[row * in + f] = v + unit * how->noise * z[0];
        }
}

void ref_augment_target(const struct augment *how, const float *of,
                        const struct ref_window_key *key, const float *x, size_t first, size_t rows,
                        size_t d, double *y)
{
    uint32_t window[4];
    words_of(key, 0x80000000u, window);
    for (size_t i = 0; i < rows * d; i++) {
        const float *k = of + i % d * 4;
        const int turned = philox_unit(window[0]) < how->flip;
        y[i] = turned ? k[1] + k[0] * x[i] : x[i];
        if (k[2] != 0)
            y[i] += k[2] * moved(how, key, (uint32_t)k[3], first + i / d);
    }
}

/* --- head and cross entropy */

/* A reference of the loss alone, whose x[0] are the logits of this one's. */
static struct ref logits_of(const struct ref *r, double *logits, double *dlogits)
{
    struct ref loss = *r;
    for (size_t i = 0; i < r->b * r->t * r->d; i++) {
        logits[i] = dlogits[i] = 0;
        for (size_t k = 0; k < r->in; k++)
            logits[i] += r->x[0][i / r->d * r->in + k] * r->x[1][i % r->d * r->in + k];
    }
    loss.x[0] = logits;
    loss.dx[0] = dlogits;
    return loss;
}

void ref_head(struct ref *r)
{
    const size_t n = r->b * r->t * r->d;
    double *logits = room(r, n), *dlogits = room(r, n);
    struct ref loss = logits_of(r, logits, dlogits);
    ref_cross_entropy(&loss);
    release(r, logits);
    release(r, dlogits);
}

void ref_head_back(struct ref *r)
{
    const size_t n = r->b * r->t * r->d;
    double *logits = room(r, n), *dlogits = room(r, n);
    struct ref loss = logits_of(r, logits, dlogits);
    ref_cross_entropy_back(&loss);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r->in; k++) {
            const size_t h = i / r->d * r->in + k, w = i % r->d * r->in + k;
            r->dx[0][h] += dlogits[i] * r->x[1][w];
            r->dx[1][w] += dlogits[i] * r->x[0][h];
        }
    release(r, logits);
    release(r, dlogits);
}
