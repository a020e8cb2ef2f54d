/* SPDX-License-Identifier: MIT */
#include "analysis/skill.h"

#include <math.h>
#include <stdlib.h>

#define LEVEL 0.01
#define LEAST 10 /* independent times */

/* Continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 500; m++) {
        double numerator[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                               -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double before = h;
        for (int i = 0; i < 2; i++) {
            d = 1 + numerator[i] * d;
            c = 1 + numerator[i] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            h *= d * c;
        }
        if (fabs(h - before) <= 1e-15 * fabs(h))
            break;
    }
    return h;
}

/* The regularised incomplete beta function I_x(a, b) */
static double beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x >= 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double skill_student(double t, double n)
{
    double tail = beta(n / 2, 0.5, n / (n + t * t)) / 2;
    return t > 0 ? tail : 1 - tail;
}

const char *skill_name(enum skill_kind kind)
{
    static const char *const names[] = {"unknown", "too few to tell", "better",
                                        "not distinguishable", "worse"};
    return names[kind];
}

struct point {
    int64_t time;
    double x;
};

static int by_time(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->x > y->x) - (x->x < y->x); /* so that a sum does not depend on the order given */
}

/* Means of the points of each time; returns how many times there are. */
static size_t average(struct point *p, size_t count)
{
    size_t times = 0;
    for (size_t i = 0, next; i < count; i = next) {
        double sum = 0;
        for (next = i; next < count && p[next].time == p[i].time; next++)
            sum += p[next].x;
        p[times++] = (struct point){p[i].time, sum / (double)(next - i)};
    }
    return times;
}

/* The variance of the mean of n values that depend on each other over `lags` (Newey and West). */
static double variance(const struct point *p, size_t n, double mean, size_t lags)
{
    double sum = 0;
    for (size_t k = 0; k <= lags && k < n; k++) {
        double covariance = 0, weight = 1 - (double)k / (double)(lags + 1);
        for (size_t i = k; i < n; i++)
            covariance += (p[i].x - mean) * (p[i - k].x - mean);
        sum += (k ? 2 : 1) * weight * covariance / (double)n;
    }
    return sum / (double)n;
}

int skill_test(const int64_t *time, const double *difference, size_t count, size_t lags,
               struct skill *skill, struct error *err)
{
    struct point *p = malloc((count + 1) * sizeof *p);
    size_t kept = 0;
    *skill = (struct skill){.kind = SKILL_UNKNOWN, .t = NAN, .better = NAN, .worse = NAN};
    if (!p)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (isfinite(difference[i]))
            p[kept++] = (struct point){time[i], difference[i]};
    qsort(p, kept, sizeof *p, by_time);
    double n = (double)(skill->times = average(p, kept)), mean = 0, h = (double)lags + 1;
    for (size_t i = 0; i < skill->times; i++)
        mean += p[i].x / n;
    skill->independent = n / h;
    double spread = skill->times ? variance(p, skill->times, mean, lags) : 0;
    double correction = (n + 1 - 2 * h + h * (h - 1) / n) / n;
    free(p);
    if (kept)
        skill->kind = SKILL_FEW;
    if (skill->independent < LEAST || !(correction > 0))
        return 0;
    skill->t = spread > 0 ? mean / sqrt(spread) * sqrt(correction)
               : mean > 0 ? INFINITY
               : mean < 0 ? -INFINITY
                          : 0;
    skill->better = isinf(skill->t) ? skill->t < 0 : skill_student(skill->t, n - 1);
    skill->worse = 1 - skill->better;
    skill->kind = skill->better < LEVEL  ? SKILL_BETTER
                  : skill->worse < LEVEL ? SKILL_WORSE
                                         : SKILL_NONE;
    return 0;
}
