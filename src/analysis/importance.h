/* SPDX-License-Identifier: MIT */
/*
 * importance: how much of the order of runs a key explains by itself. Pure numbers.
 */
#ifndef ANALYSIS_IMPORTANCE_H
#define ANALYSIS_IMPORTANCE_H

#include <stddef.h>

/*
 * Share of the variance of the ranks of figure [n] between the groups that value [n] makes: with
 * choices > 0 one group a choice, else up to five groups of equal size in the order of the values
 * (equal values stay together). It is Kruskal and Wallis's eta squared, less what chance gives
 * (epsilon squared, Kelley 1935: 1 - (1 - eta^2) (n - 1) / (n - k)), not below 0. Pairs in which
 * either is NaN are left out. NaN: fewer than two groups or than three runs more than groups, or
 * no memory.
 */
double importance_share(const double *value, size_t choices, const double *figure, size_t n);

#endif
