/* SPDX-License-Identifier: MIT */
#include "train/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"

static int has_value(const struct term *t)
{
    return t->over != TERM_OFF && t->over != TERM_UNKNOWN;
}

static double loss_of(const struct terms *terms, const double term[TERMS_MOST])
{
    double loss = 0;
    for (size_t k = 0; k < terms->count; k++)
        if (terms->term[k].over != TERM_UNKNOWN)
            loss += terms->term[k].weight * term[k];
    return loss;
}

int evaluation_begin(const struct terms *terms, struct evaluation *sum, struct error *err)
{
    memset(sum, 0, sizeof *sum);
    for (size_t k = 0; k < terms->count; k++)
        if (terms->term[k].total && buffer_zero(terms->term[k].total->buffer, err))
            return -1;
    return 0;
}

int evaluation_fetch(const struct terms *terms, size_t n, size_t room, float *to, struct error *err)
{
    for (size_t k = 0; k < terms->count; k++) {
        const struct term *t = &terms->term[k];
        const size_t values = t->over == TERM_SAMPLES ? n : 1;
        if (has_value(t) &&
            buffer_fetch(t->value->buffer, 0, values * sizeof *to, to + k * room, err))
            return -1;
    }
    return 0;
}

void evaluation_add(const struct terms *terms, size_t n, size_t room, const float *from,
                    struct evaluation *sum)
{
    for (size_t k = 0; k < terms->count; k++) {
        const struct term *t = &terms->term[k];
        const float *value = from + k * room;
        if (!has_value(t))
            continue;
        if (t->over != TERM_SAMPLES)
            sum->term[k] += (double)*value * (double)n;
        for (size_t i = 0; t->over == TERM_SAMPLES && i < n; i++)
            sum->term[k] += value[i];
    }
}

/* The figure of a term that is made of sums over all batches. */
static int whole_of(const struct term *t, size_t samples, double *figure, struct error *err)
{
    float *total = malloc(t->total->elems * sizeof *total);
    if (!total)
        return error_set(err, STATUS_FAILED, "out of memory");
    int failed = tensor_read(t->total, total, err);
    if (!failed)
        *figure = t->whole(total, t->total->elems, samples);
    free(total);
    return failed;
}

int evaluation_divides(const struct terms *terms)
{
    for (size_t k = 0; k < terms->count; k++)
        if (terms->term[k].total)
            return 0;
    return 1;
}

int evaluation_end(const struct terms *terms, size_t samples, struct evaluation *sum,
                   struct error *err)
{
    for (size_t k = 0; k < terms->count; k++) {
        sum->term[k] /= terms->term[k].over == TERM_UNKNOWN ? (double)NAN : (double)samples;
        if (terms->term[k].total && whole_of(&terms->term[k], samples, &sum->term[k], err))
            return -1;
    }
    sum->loss = loss_of(terms, sum->term);
    return 0;
}
