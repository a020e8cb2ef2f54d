/* SPDX-License-Identifier: MIT */
/*
 * normality: the normal distribution, order statistics, histograms and the Shapiro-Wilk test. Pure
 * functions of arrays that own nothing; `sorted` arrays are ascending and finite.
 */
#ifndef ANALYSIS_NORMALITY_H
#define ANALYSIS_NORMALITY_H

#include <stddef.h>
#include <stdint.h>

enum { SHAPIRO_LARGEST = 5000 };

/* P(X <= x) of a standard normal X, and its inverse (Wichura 1988, AS 241) to double precision:
 * -inf at 0, inf at 1, NaN beyond. */
double normal_cdf(double x);
double normal_quantile(double p);

/* Copies the finite values of x [n] to `sorted` in ascending order; returns their number. */
size_t normality_sort(const double *x, size_t n, double *sorted);

/* Quantile by linear interpolation (type 7 of Hyndman and Fan 1996, numpy's default); NaN of none.
 */
double normality_quantile(const double *sorted, size_t n, double p);

/* Expected place of value i of n in a QQ plot, as a share: (i + 1 - 3/8) / (n + 1/4) (Blom 1958).
 */
double normality_position(size_t i, size_t n);

/*
 * Shapiro-Wilk W and p by Royston (1995, AS R94) of x [n], in any order; values that are not finite
 * are left out. Of more than SHAPIRO_LARGEST values as many are taken at even distances in the
 * order of x. Returns the number of values it rests on; W and p are NaN where these are fewer than
 * 3 or all the same. SHAPIRO_NO_MEMORY where memory runs out.
 */
#define SHAPIRO_NO_MEMORY SIZE_MAX
size_t shapiro_wilk(const double *x, size_t n, double *w, double *p);

/*
 * Edges of equal bins over [low, high] with the width of Freedman and Diaconis (1981), 2 IQR
 * n^(-1/3) of the values; 1 to `most` bins, edge [most + 1]. Where half of all values are the same
 * the width follows Scott (1979), 3.49 sd n^(-1/3). Returns the number of bins; 0 without a range.
 */
size_t histogram_edges(const double *sorted, size_t n, double low, double high, size_t most,
                       double *edge);

/* Adds the values of x [n] to count [bins]; the last bin holds its upper edge. Returns how many lie
 * in no bin. */
size_t histogram_count(const double *x, size_t n, const double *edge, size_t bins, double *count);

#endif
