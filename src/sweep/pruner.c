/* SPDX-License-Identifier: MIT */
#include "sweep/pruner.h"

#include <math.h>
#include <stdlib.h>

const struct pruner pruner_defaults = {
    .startup_trials = 5,
    .interval_steps = 1,
    .min_trials = 1,
    .min_resource = 1,
    .reduction_factor = 4,
};

/* Whether figure a is better than b; never where either is NaN. */
static int is_better(const struct pruner *p, double a, double b)
{
    return p->maximize ? a > b : a < b;
}

/* --- median */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int is_done(const struct trial *t)
{
    return t->state == TRIAL_DONE && !isnan(t->figure);
}

/* The report of an epoch; NULL: there is none. */
static const struct trial_report *report_of(const struct trial *t, size_t epoch)
{
    for (size_t i = t->reports; i-- > 0 && t->report[i].epoch >= epoch;)
        if (t->report[i].epoch == epoch)
            return &t->report[i];
    return NULL;
}

/* Whether no report since the last epoch at which decisions are due came before this one. */
static int is_first_of_interval(const struct pruner *p, const struct trial *t)
{
    size_t epoch = t->report[t->reports - 1].epoch;
    size_t due = epoch - (epoch - p->warmup_steps) % p->interval_steps;
    return t->reports < 2 || t->report[t->reports - 2].epoch < due;
}

/* The best figure of a trial that is not NaN; NaN: it has none. */
static double best_of(const struct pruner *p, const struct trial *t)
{
    double best = NAN;
    for (size_t i = 0; i < t->reports; i++)
        if (isnan(best) || is_better(p, t->report[i].figure, best))
            best = t->report[i].figure;
    return best;
}

/* Of value [n], which is put in order; NaN: of nothing. */
static double median_of(double *value, size_t n)
{
    if (!n)
        return NAN;
    qsort(value, n, sizeof *value, by_value);
    size_t next = (n + 1) / 2 < n ? (n + 1) / 2 : n - 1;
    double below = value[(n - 1) / 2], above = value[next];
    /* numpy's interpolation, which is NaN where a neighbour is infinite */
    return n % 2 ? below + (above - below) * 0 : above - (above - below) * 0.5;
}

/* The median that the done trials had at an epoch: NaN where they are too few. -1: no memory. */
static int median_at(const struct pruner *p, const struct trial *trial, size_t trials, size_t epoch,
                     double *median)
{
    double *value = malloc((trials + 1) * sizeof *value);
    size_t there = 0, n = 0;
    if (!value)
        return -1;
    for (size_t i = 0; i < trials; i++) {
        const struct trial_report *r = is_done(&trial[i]) ? report_of(&trial[i], epoch) : NULL;
        there += r != NULL;
        if (r && !isnan(r->figure))
            value[n++] = r->figure;
    }
    *median = there < p->min_trials ? NAN : median_of(value, n);
    free(value);
    return 0;
}

int pruner_median(const struct pruner *p, const struct trial *trial, size_t trials, size_t which)
{
    const struct trial *t = &trial[which];
    size_t done = 0;
    for (size_t i = 0; i < trials; i++)
        done += (size_t)is_done(&trial[i]);
    if (!done || done < p->startup_trials || !t->reports)
        return 0;
    size_t epoch = t->report[t->reports - 1].epoch;
    if (epoch < p->warmup_steps || !is_first_of_interval(p, t))
        return 0;
    double best = best_of(p, t), median;
    if (isnan(best))
        return 1;
    if (median_at(p, trial, trials, epoch, &median))
        return -1;
    return is_better(p, median, best);
}

/* --- asha */

/* The epoch of a rung, or any behind `last` where it lies there. */
static size_t epoch_of_rung(const struct pruner *p, size_t rung, size_t last)
{
    size_t epoch = p->min_resource;
    for (size_t i = p->min_early_stopping_rate + rung; i > 0 && epoch <= last; i--)
        epoch *= p->reduction_factor;
    return epoch;
}

/* What a trial had when it came to an epoch, which it did. */
static double figure_from(const struct trial *t, size_t epoch)
{
    size_t i = 0;
    while (t->report[i].epoch < epoch)
        i++;
    return t->report[i].figure;
}

/* Whether the figure with which trial[which] comes to its next rung is good enough to go on. */
static int goes_on(const struct pruner *p, const struct trial *trial, size_t trials, size_t which,
                   size_t epoch, double figure)
{
    size_t came = 1, better = 0;
    for (size_t i = 0; i < trials; i++)
        if (i != which && trial[i].rungs > trial[which].rungs) {
            came++;
            better += (size_t)is_better(p, figure_from(&trial[i], epoch), figure);
        }
    size_t places = came / p->reduction_factor;
    return better < (places ? places : 1);
}

int pruner_asha(const struct pruner *p, struct trial *trial, size_t trials, size_t which)
{
    struct trial *t = &trial[which];
    if (!t->reports)
        return 0;
    const struct trial_report *last = &t->report[t->reports - 1];
    for (;;) { /* where epochs have no report, several rungs may be reached at once */
        size_t epoch = epoch_of_rung(p, t->rungs, last->epoch);
        if (last->epoch < epoch)
            return 0;
        if (isnan(last->figure))
            return 1;
        int stays = goes_on(p, trial, trials, which, epoch, last->figure);
        t->rungs++;
        if (!stays)
            return 1;
    }
}
