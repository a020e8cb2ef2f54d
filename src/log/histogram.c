/* SPDX-License-Identifier: MIT */
#include "log/histogram.h"

#include <math.h>

/* The first look: how many there are, and from where to where. */
static void measure(struct histogram *h, const float *value, size_t count)
{
    h->least = INFINITY;
    h->most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const double x = (double)value[i];
        if (!isfinite(x))
            continue;
        h->count++;
        h->sum += x;
        h->squares += x * x;
        h->least = x < h->least ? x : h->least;
        h->most = x > h->most ? x : h->most;
    }
    h->not_finite = count - h->count;
}

struct histogram histogram_of(const float *value, size_t count)
{
    struct histogram h = {0};
    measure(&h, value, count);
    if (!h.count)
        return h;
    h.bins = h.most > h.least ? HISTOGRAM_BINS : 1;
    const double width = (h.most - h.least) / (double)h.bins;
    for (size_t k = 0; k + 1 < h.bins; k++)
        h.end[k] = h.least + width * (double)(k + 1);
    h.end[h.bins - 1] = h.most;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(value[i]))
            continue;
        size_t k = width > 0 ? (size_t)(((double)value[i] - h.least) / width) : 0;
        h.in[k < h.bins ? k : h.bins - 1]++; /* the last bin holds the largest value as well */
    }
    return h;
}
