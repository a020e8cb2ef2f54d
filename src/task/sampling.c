/* SPDX-License-Identifier: MIT */
#include "task/sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/philox.h"

struct candidate {
    double weight; /* e^(logit - the largest) */
    uint32_t token;
};

struct sampler {
    struct sampling how;
    size_t count;
    uint32_t text;
    unsigned char *seen;         /* [count] */
    struct candidate *candidate; /* [count] */
};

struct sampler *sampler_new(const struct sampling *how, size_t count, struct error *err)
{
    struct sampler *s = calloc(1, sizeof *s);
    if (s) {
        s->how = *how;
        s->count = count;
        s->seen = calloc(count, 1);
        s->candidate = calloc(count, sizeof *s->candidate);
    }
    if (s && s->seen && s->candidate)
        return s;
    sampler_free(s);
    error_set(err, STATUS_FAILED, "out of memory");
    return NULL;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    free(s->seen);
    free(s->candidate);
    free(s);
}

void sampler_begin(struct sampler *s, uint32_t text)
{
    memset(s->seen, 0, s->count);
    s->text = text;
}

void sampler_saw(struct sampler *s, uint32_t token)
{
    if (token < s->count)
        s->seen[token] = 1;
}

/* The first of the largest numbers; what is not a number is none. */
static size_t largest(const float *x, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (x[i] > x[best] || isnan(x[best]))
            best = i;
    return best;
}

/* The most probable first; of equal ones that with the smaller number. */
static int by_weight(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->token < y->token ? -1 : x->token > y->token;
}

/* How many of the sorted candidates have at least `share` of all their weight. */
static size_t most_probable(const struct candidate *c, size_t count, double share)
{
    double all = 0, sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        all += c[i].weight;
    while (kept < count && (!kept || sum < share * all))
        sum += c[kept++].weight;
    return kept;
}

static uint32_t draw(const struct sampler *s, const struct candidate *c, size_t count,
                     uint32_t number)
{
    uint32_t word[4];
    double all = 0, sum = 0;
    philox(word, number, s->text, philox_path("generate"), 0, s->how.seed);
    for (size_t i = 0; i < count; i++)
        all += c[i].weight;
    /* 53 bits: a vocabulary may be large */
    const double unit = ((double)(word[0] >> 5) * 0x1p26 + (double)(word[1] >> 6) + 0.5) * 0x1p-53;
    for (size_t i = 0; i < count; i++) {
        sum += c[i].weight;
        if (unit * all < sum)
            return c[i].token;
    }
    return c[0].token;
}

uint32_t sampler_pick(struct sampler *s, float *logits, uint32_t number)
{
    const struct sampling *how = &s->how;
    struct candidate *c = s->candidate;
    size_t count = s->count;
    const float by = (float)how->repetition;
    for (size_t i = 0; how->repetition != 1 && i < count; i++)
        if (s->seen[i])
            logits[i] = logits[i] > 0 ? logits[i] / by : logits[i] * by;
    const size_t best = largest(logits, count);
    if (!(how->temperature > 0) || !isfinite(logits[best]))
        return (uint32_t)best;
    for (size_t i = 0; i < count; i++) {
        const double weight = exp(((double)logits[i] - (double)logits[best]) / how->temperature);
        c[i] = (struct candidate){weight >= 0 ? weight : 0, (uint32_t)i};
    }
    if ((how->top_k && how->top_k < count) || how->top_p < 1)
        qsort(c, count, sizeof *c, by_weight);
    if (how->top_k && how->top_k < count)
        count = how->top_k;
    if (how->top_p < 1)
        count = most_probable(c, count, how->top_p);
    return draw(s, c, count, number);
}
