/* SPDX-License-Identifier: MIT */
#include "sweep/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/clocale.h"
#include "util/philox.h"

enum { CANDIDATES = 24, MOST_GOOD = 25, FULL_WEIGHT = 25, PRIOR = -1 };

#define SQRT_HALF 0.70710678118654752

/* --- random */

static double within(const struct axis *axis, double value)
{
    return fmin(fmax(value, axis->low), axis->high);
}

/* To 6 digits: people read them, and what libraries of machines make of the last ones differs. */
static double rounded(const struct axis *axis, double value)
{
    char text[40];
    locale_t before = clocale_enter();
    snprintf(text, sizeof text, "%.6g", value);
    value = strtod(text, NULL);
    clocale_leave(before);
    return within(axis, value);
}

/* The value at u in (0, 1) of an axis. */
static double even(const struct axis *axis, double u)
{
    switch (axis->kind) {
    case AXIS_CHOICE:
        return floor(u * (double)axis->choices);
    case AXIS_INT:
        return within(axis, axis->low + floor(u * (axis->high - axis->low + 1)));
    case AXIS_UNIFORM:
        return rounded(axis, axis->low + u * (axis->high - axis->low));
    case AXIS_LOG:
        break;
    }
    return rounded(axis, axis->low * pow(axis->high / axis->low, u));
}

void sampler_random(const struct sampler *s, size_t number, double *point)
{
    for (size_t i = 0; i < s->axes; i++) {
        uint32_t word[4];
        philox(word, (uint32_t)number, 0, philox_path(s->axis[i].name), philox_path("sweep"),
               s->seed);
        point[i] = even(&s->axis[i], philox_unit(word[0]));
    }
}

/* --- the space of the kernels */

static int is_single(const struct axis *axis)
{
    return axis->kind == AXIS_CHOICE ? axis->choices <= 1 : axis->low == axis->high;
}

/* Where the kernels of an axis of numbers are cut. */
static double low_of(const struct axis *axis)
{
    return axis->kind == AXIS_LOG   ? log(axis->low)
           : axis->kind == AXIS_INT ? axis->low - 0.5
                                    : axis->low;
}

static double high_of(const struct axis *axis)
{
    return axis->kind == AXIS_LOG   ? log(axis->high)
           : axis->kind == AXIS_INT ? axis->high + 0.5
                                    : axis->high;
}

static double to_kernels(const struct axis *axis, double value)
{
    return axis->kind == AXIS_LOG ? log(value) : value;
}

static double from_kernels(const struct axis *axis, double x)
{
    if (axis->kind == AXIS_INT)
        return within(axis, floor(x + 0.5));
    return rounded(axis, axis->kind == AXIS_LOG ? exp(x) : x);
}

/* --- a mixture */

struct mixture {
    const struct sampler *s;
    size_t kernels; /* one a trial, the last is the prior */
    double *weight; /* [kernels], 1 together */
    double *centre; /* [kernels, axes]; of choices the index, or PRIOR */
    double *sigma;  /* [kernels, axes], of numbers */
};

static void mixture_fini(struct mixture *m)
{
    free(m->weight);
    free(m->centre);
    free(m->sigma);
}

/* Weights of n trials, the oldest first, and of the prior. */
static void fill_weights(double *weight, size_t n)
{
    double sum = 1;
    size_t ramp = n > FULL_WEIGHT ? n - FULL_WEIGHT : 0;
    for (size_t i = 0; i < n; i++) {
        double first = 1 / (double)n, steps = ramp > 1 ? (double)ramp - 1 : 1;
        weight[i] = i < ramp ? first + (1 - first) * (double)i / steps : 1;
        sum += weight[i];
    }
    weight[n] = 1;
    for (size_t i = 0; i <= n; i++)
        weight[i] /= sum;
}

struct place {
    double x;
    size_t kernel;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->x != y->x)
        return x->x > y->x ? 1 : -1;
    return (x->kernel > y->kernel) - (x->kernel < y->kernel);
}

/* Sigmas of an axis of numbers; `row` has room for the trials. */
static void fill_sigmas(struct mixture *m, size_t i, struct place *row)
{
    size_t axes = m->s->axes, n = m->kernels - 1;
    double low = low_of(&m->s->axis[i]), high = high_of(&m->s->axis[i]);
    double least = (high - low) / fmin(100, (double)m->kernels + 1);
    for (size_t k = 0; k < n; k++)
        row[k] = (struct place){m->centre[k * axes + i], k};
    qsort(row, n, sizeof *row, by_place);
    for (size_t k = 0; k < n; k++) {
        double left = row[k].x - (k ? row[k - 1].x : low);
        double right = (k + 1 < n ? row[k + 1].x : high) - row[k].x;
        double sigma = n == 1       ? fmax(left, right)
                       : k == 0     ? right
                       : k == n - 1 ? left
                                    : fmax(left, right);
        m->sigma[row[k].kernel * axes + i] = fmin(fmax(sigma, least), high - low);
    }
    m->centre[n * axes + i] = 0.5 * (low + high);
    m->sigma[n * axes + i] = high - low;
}

/* Makes the mixture of n trials. -1: no memory; mixture_fini() in any case. */
static int mixture_init(struct mixture *m, const struct sampler *s,
                        const struct trial *const *trial, size_t n)
{
    struct place *row = malloc((n + 1) * sizeof *row);
    *m = (struct mixture){.s = s, .kernels = n + 1};
    m->weight = malloc((n + 1) * sizeof *m->weight);
    m->centre = malloc((n + 1) * (s->axes + 1) * sizeof *m->centre);
    m->sigma = malloc((n + 1) * (s->axes + 1) * sizeof *m->sigma);
    int failed = !row || !m->weight || !m->centre || !m->sigma;
    if (!failed)
        fill_weights(m->weight, n);
    for (size_t i = 0; !failed && i < s->axes; i++) {
        const struct axis *axis = &s->axis[i];
        for (size_t k = 0; k < n; k++)
            m->centre[k * s->axes + i] = to_kernels(axis, trial[k]->point[i]);
        if (axis->kind == AXIS_CHOICE)
            m->centre[n * s->axes + i] = PRIOR;
        else if (!is_single(axis))
            fill_sigmas(m, i, row);
    }
    free(row);
    return failed ? -1 : 0;
}

/* The standard normal's probability from a to b. */
static double probability(double a, double b)
{
    if (b < 0)
        return probability(-b, -a);
    if (a > 0)
        return 0.5 * (erfc(a * SQRT_HALF) - erfc(b * SQRT_HALF));
    return 0.5 * (erf(b * SQRT_HALF) - erf(a * SQRT_HALF));
}

/* Of a choice, in a kernel around another (or the prior). */
static double share_of(const struct mixture *m, size_t i, double centre, double choice)
{
    double choices = (double)m->s->axis[i].choices, each = 1 / (double)m->kernels;
    if (centre == PRIOR)
        return 1 / choices;
    return (each + (choice == centre)) / (each * choices + 1);
}

/* The logarithm of kernel k's density on axis i, but for a constant. */
static double log_kernel(const struct mixture *m, size_t k, size_t i, double value)
{
    const struct axis *axis = &m->s->axis[i];
    double centre = m->centre[k * m->s->axes + i], sigma = m->sigma[k * m->s->axes + i];
    if (axis->kind == AXIS_CHOICE)
        return log(share_of(m, i, centre, value));
    double cut = probability((low_of(axis) - centre) / sigma, (high_of(axis) - centre) / sigma);
    double z = (to_kernels(axis, value) - centre) / sigma;
    if (axis->kind == AXIS_INT)
        return log(probability(z - 0.5 / sigma, z + 0.5 / sigma) / cut);
    return -0.5 * z * z - log(sigma * cut);
}

/* The logarithm of the density at a point. It is finite: the prior covers all. */
static double log_density(const struct mixture *m, const double *point)
{
    double greatest = -INFINITY, sum = 0;
    for (size_t k = 0; k < m->kernels; k++) {
        double x = log(m->weight[k]);
        for (size_t i = 0; i < m->s->axes; i++)
            if (!is_single(&m->s->axis[i]))
                x += log_kernel(m, k, i, point[i]);
        if (x == -INFINITY) /* a whole number too far away */
            continue;
        if (x > greatest) {
            sum = sum * exp(greatest - x) + 1;
            greatest = x;
        } else
            sum += exp(x - greatest);
    }
    return greatest + log(sum);
}

/* --- drawing */

/* In (0, 1), of a trial's number, a candidate and a name. */
static double draw(const struct sampler *s, size_t number, uint32_t candidate, const char *name)
{
    uint32_t word[4];
    philox(word, (uint32_t)number, candidate, philox_path(name), philox_path("tpe"), s->seed);
    return philox_unit(word[0]);
}

/* The choice at u in (0, 1) of a kernel. */
static double choice_at(const struct mixture *m, size_t i, double centre, double u)
{
    size_t choice = 0;
    while (choice + 1 < m->s->axis[i].choices && (u -= share_of(m, i, centre, (double)choice)) > 0)
        choice++;
    return (double)choice;
}

/* The place at u in (0, 1) of a cut normal, by bisection of its distribution function. */
static double normal_at(const struct axis *axis, double centre, double sigma, double u)
{
    double a = (low_of(axis) - centre) / sigma, b = (high_of(axis) - centre) / sigma;
    double wants = u * probability(a, b), low = a, high = b;
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high);
        if (probability(a, middle) < wants)
            low = middle;
        else
            high = middle;
    }
    return centre + sigma * low;
}

static void draw_point(const struct mixture *m, size_t number, uint32_t candidate, double *point)
{
    const struct sampler *s = m->s;
    double left = draw(s, number, candidate, "");
    size_t k = 0;
    while (k + 1 < m->kernels && (left -= m->weight[k]) > 0)
        k++;
    for (size_t i = 0; i < s->axes; i++) {
        const struct axis *axis = &s->axis[i];
        double u = draw(s, number, candidate, axis->name), centre = m->centre[k * s->axes + i];
        if (is_single(axis))
            point[i] = axis->kind == AXIS_CHOICE ? 0 : axis->low;
        else if (axis->kind == AXIS_CHOICE)
            point[i] = choice_at(m, i, centre, u);
        else
            point[i] = from_kernels(axis, normal_at(axis, centre, m->sigma[k * s->axes + i], u));
    }
}

/* Of the points drawn from `good`, the one that is the most likelier there than in `bad`. */
static int choose(const struct mixture *good, const struct mixture *bad, size_t number,
                  double *point)
{
    size_t axes = good->s->axes;
    double *tried = malloc((axes + 1) * sizeof *tried), best = -INFINITY;
    if (!tried)
        return -1;
    for (uint32_t c = 0; c < CANDIDATES; c++) {
        draw_point(good, number, c, tried);
        double gain = log_density(good, tried) - log_density(bad, tried);
        if (c && !(gain > best))
            continue;
        best = gain;
        for (size_t i = 0; i < axes; i++)
            point[i] = tried[i];
    }
    free(tried);
    return 0;
}

/* --- good and bad */

struct judged {
    const struct trial *trial;
    double first, second; /* less is better */
};

/* What a trial that is done or pruned is ordered by. */
static struct judged judge(const struct trial *t, int maximize)
{
    double sign = maximize ? -1 : 1;
    if (t->state == TRIAL_DONE)
        return (struct judged){t, sign * t->figure, 0};
    if (!t->reports)
        return (struct judged){t, 1, 0}; /* behind all epochs */
    const struct trial_report *last = &t->report[t->reports - 1];
    return (struct judged){t, -(double)last->epoch,
                           isnan(last->figure) ? INFINITY : sign * last->figure};
}

static int by_merit(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    if (x->trial->state != y->trial->state)
        return x->trial->state == TRIAL_DONE ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->second != y->second)
        return x->second < y->second ? -1 : 1;
    return (x->trial > y->trial) - (x->trial < y->trial);
}

/* Trials are of one array, in the order of their numbers. */
static int by_number(const void *a, const void *b)
{
    const struct trial *x = *(const struct trial *const *)a, *y = *(const struct trial *const *)b;
    return (x > y) - (x < y);
}

/* Whether a trial has ended and tells something. */
static int is_judged(const struct trial *t)
{
    return t->state == TRIAL_PRUNED || (t->state == TRIAL_DONE && !isnan(t->figure));
}

/* Fills `split` with good trials, then bad ones, each in the order of numbers. -1: no memory. */
static int split_trials(const struct sampler *s, const struct trial *trial, size_t trials,
                        const struct trial **split, size_t *good, size_t *bad)
{
    struct judged *judged = malloc((trials + 1) * sizeof *judged);
    size_t n = 0;
    if (!judged)
        return -1;
    for (size_t i = 0; i < trials; i++)
        if (is_judged(&trial[i]))
            judged[n++] = judge(&trial[i], s->maximize);
    qsort(judged, n, sizeof *judged, by_merit);
    for (size_t i = 0; i < n; i++)
        split[i] = judged[i].trial;
    free(judged);
    *good = (n + 9) / 10 < MOST_GOOD ? (n + 9) / 10 : MOST_GOOD;
    for (size_t i = 0; i < trials; i++)
        if (trial[i].state == TRIAL_RUNNING)
            split[n++] = &trial[i];
    *bad = n - *good;
    qsort(split, *good, sizeof *split, by_number);
    qsort(split + *good, *bad, sizeof *split, by_number);
    return 0;
}

int sampler_is_tpe(const struct sampler *s, const struct trial *trial, size_t trials)
{
    size_t ended = 0;
    for (size_t i = 0; i < trials; i++)
        ended += (size_t)is_judged(&trial[i]);
    return ended >= s->startup_trials;
}

int sampler_tpe(const struct sampler *s, const struct trial *trial, size_t trials, size_t number,
                double *point)
{
    size_t good = 0, bad = 0;
    if (!sampler_is_tpe(s, trial, trials)) {
        sampler_random(s, number, point);
        return 0;
    }
    const struct trial **split = malloc((trials + 1) * sizeof *split);
    struct mixture l = {0}, g = {0};
    int failed = !split || split_trials(s, trial, trials, split, &good, &bad) ||
                 mixture_init(&l, s, split, good) || mixture_init(&g, s, split + good, bad) ||
                 choose(&l, &g, number, point);
    mixture_fini(&l);
    mixture_fini(&g);
    free(split);
    return failed ? -1 : 0;
}
