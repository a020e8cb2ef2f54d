/* SPDX-License-Identifier: MIT */
#include "data/scaler.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int scaler_init(struct scaler *scaler, int kind, size_t features)
{
    scaler->kind = kind;
    scaler->low = 0;
    scaler->high = 1;
    scaler->base = 0;
    scaler->features = features;
    scaler->offset = calloc(features + 1, sizeof *scaler->offset);
    scaler->scale = calloc(features + 1, sizeof *scaler->scale);
    if (!scaler->offset || !scaler->scale) {
        scaler_fini(scaler);
        return -1;
    }
    for (size_t i = 0; i < features; i++)
        scaler->scale[i] = 1;
    return 0;
}

int scaler_copy(struct scaler *to, const struct scaler *from)
{
    if (scaler_init(to, from->kind, from->features))
        return -1;
    memcpy(to->offset, from->offset, from->features * sizeof *to->offset);
    memcpy(to->scale, from->scale, from->features * sizeof *to->scale);
    to->base = from->base;
    return 0;
}

void scaler_fini(struct scaler *scaler)
{
    free(scaler->offset);
    free(scaler->scale);
    memset(scaler, 0, sizeof *scaler);
}

/* A sum that carries what rounding drops (Neumaier, 1974). */
struct sum {
    double value, rest;
};

static void sum_add(struct sum *sum, double x)
{
    double total = sum->value + x;
    sum->rest += fabs(sum->value) >= fabs(x) ? (sum->value - total) + x : (x - total) + sum->value;
    sum->value = total;
}

/*
 * Mean and deviation from u = (x - low) / range in [0, 1], and the deviation from u less its mean:
 * no square overflows, and no digits go where the values are large beside their spread.
 */
static void fit_standard(const double *x, size_t count, double low, double range, double *mean,
                         double *deviation)
{
    struct sum sum = {0, 0}, squares = {0, 0};
    for (size_t i = 0; i < count; i++)
        sum_add(&sum, (x[i] - low) / range);
    double centre = (sum.value + sum.rest) / (double)count;
    for (size_t i = 0; i < count; i++) {
        double d = (x[i] - low) / range - centre;
        sum_add(&squares, d * d);
    }
    *mean = low + range * centre;
    *deviation = range * sqrt((squares.value + squares.rest) / (double)count);
}

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

/*
 * Reorders x[count] so that x[k] is what it would be if x were sorted, none before it is larger and
 * none behind it smaller. Splits in three (Dijkstra), so that equal values cost nothing; the
 * pivot's place is pseudo-random, so that no input makes it slow on purpose.
 */
static double select_rank(double *x, size_t count, size_t k)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    size_t begin = 0, end = count;
    while (end - begin > 1) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double pivot = x[begin + (size_t)(state >> 33) % (end - begin)];
        size_t less = begin, i = begin, more = end; /* < pivot | = pivot | not seen | > pivot */
        while (i < more) {
            if (x[i] < pivot)
                swap(&x[less++], &x[i++]);
            else if (x[i] > pivot)
                swap(&x[i], &x[--more]);
            else
                i++;
        }
        if (k < less)
            end = less;
        else if (k >= more)
            begin = more;
        else
            return x[k];
    }
    return x[k];
}

/* The quantile q of x, between two ranks by linear interpolation; reorders x. */
static double quantile(double *x, size_t count, double q)
{
    double place = q * (double)(count - 1);
    size_t rank = (size_t)place;
    double low = select_rank(x, count, rank), high = low;
    for (size_t i = rank + 1; i < count; i++)
        high = i == rank + 1 || x[i] < high ? x[i] : high;
    return low + (place - (double)rank) * (high - low);
}

enum scaler_fit scaler_fit(struct scaler *scaler, size_t feature, double *x, size_t count)
{
    double low = x[0], high = x[0], offset = 0, scale = 1;
    for (size_t i = 1; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    double range = high - low;
    if (!isfinite(range))
        return SCALER_TOO_WIDE;
    if (scaler->kind == SCALER_STANDARD && range > 0) {
        fit_standard(x, count, low, range, &offset, &scale);
    } else if (scaler->kind == SCALER_STANDARD || scaler->kind == SCALER_MINMAX) {
        offset = low;
        scale = range;
    } else if (scaler->kind == SCALER_ROBUST) {
        offset = quantile(x, count, 0.5);
        scale = quantile(x, count, 0.75) - quantile(x, count, 0.25);
    }
    int bounded = scaler->kind == SCALER_MINMAX && (scaler->low != 0 || scaler->high != 1);
    scaler->scale[feature] = scale > 0 ? scale / (bounded ? scaler->high - scaler->low : 1) : 1;
    scaler->offset[feature] = bounded ? offset - scaler->low * scaler->scale[feature] : offset;
    return scale > 0 ? SCALER_FITTED : SCALER_CONSTANT;
}
