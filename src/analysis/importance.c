/* SPDX-License-Identifier: MIT */
#include "analysis/importance.h"

#include <math.h>
#include <stdlib.h>

enum { GROUPS = 5 }; /* of a key with numbers */

struct pair {
    double value, figure;
    double rank; /* of the figure */
};

static int by_figure(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return (x->figure > y->figure) - (x->figure < y->figure);
}

static int by_value(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* Ranks 1 to n; equal figures share the mean of theirs. */
static void give_ranks(struct pair *pair, size_t n)
{
    qsort(pair, n, sizeof *pair, by_figure);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && pair[end].figure == pair[i].figure;)
            end++;
        for (size_t k = i; k < end; k++)
            pair[k].rank = ((double)i + 1 + (double)end) / 2;
    }
}

/* Where the group ends that begins at `from`, in the order of values. */
static size_t group_end(const struct pair *pair, size_t n, size_t choices, size_t from)
{
    size_t end = from + 1;
    if (!choices) {
        size_t group = from * GROUPS / n;
        while (end < n && end * GROUPS / n == group)
            end++;
    }
    while (end < n && pair[end].value == pair[end - 1].value)
        end++;
    return end;
}

static double share_of(struct pair *pair, size_t n, size_t choices)
{
    double mean = ((double)n + 1) / 2, total = 0, between = 0;
    size_t groups = 0;
    give_ranks(pair, n);
    qsort(pair, n, sizeof *pair, by_value);
    for (size_t i = 0, end; i < n; i = end, groups++) {
        double sum = 0;
        end = group_end(pair, n, choices, i);
        for (size_t k = i; k < end; k++) {
            sum += pair[k].rank - mean;
            total += (pair[k].rank - mean) * (pair[k].rank - mean);
        }
        between += sum * sum / (double)(end - i);
    }
    if (groups < 2 || n < groups + 3)
        return NAN;
    double eta = total > 0 ? between / total : 0;
    return fmax(0, 1 - (1 - eta) * (double)(n - 1) / (double)(n - groups));
}

double importance_share(const double *value, size_t choices, const double *figure, size_t n)
{
    struct pair *pair = malloc((n + 1) * sizeof *pair);
    size_t count = 0;
    for (size_t i = 0; pair && i < n; i++)
        if (!isnan(value[i]) && !isnan(figure[i]))
            pair[count++] = (struct pair){value[i], figure[i], 0};
    double share = pair ? share_of(pair, count, choices) : NAN;
    free(pair);
    return share;
}
