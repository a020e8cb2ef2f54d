/* SPDX-License-Identifier: MIT */
/*
 * skill: whether forecasts are better than those without a model, or only look so. Windows overlap,
 * and series move together, so that their errors are not independent: differences of losses are
 * averaged over the series at each time, then tested as Diebold and Mariano (1995) do, with the
 * variance of Newey and West (1987) and the correction of Harvey, Leybourne and Newbold (1997)
 * against Student's t. Pure functions of arrays.
 */
#ifndef ANALYSIS_SKILL_H
#define ANALYSIS_SKILL_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum skill_kind {
    SKILL_UNKNOWN, /* there is nothing to compare with */
    SKILL_FEW,     /* fewer than 10 independent times */
    SKILL_BETTER,  /* at the 1% level */
    SKILL_NONE,    /* not distinguishable */
    SKILL_WORSE,
};

struct skill {
    enum skill_kind kind;
    double t, better, worse; /* Student's t; its tails: the chance of as much without any skill */
    size_t times;            /* that differ */
    double independent;      /* times / (lags + 1) */
};

/*
 * difference[count]: loss of the naive forecast less that of the model, in windows at time[count],
 * in any order. `lags`: over how many times errors depend on each other. STATUS_FAILED: memory.
 */
int skill_test(const int64_t *time, const double *difference, size_t count, size_t lags,
               struct skill *skill, struct error *err);

/* P(T > t) of Student's t with n degrees of freedom. */
double skill_student(double t, double n);

/* "better" ... */
const char *skill_name(enum skill_kind kind);

#endif
