#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the golden numbers of tests/test_normality.c: scipy's Shapiro-Wilk test, quantiles of the
normal distribution and numpy's histograms of data that the test makes anew, bit by bit. Needs scipy.
"""

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import kurtosis, shapiro, skew


def make(kind, n):
    """As make() in the test: sums of a linear congruential generator, and what is made of them."""
    state, x = n, []
    for i in range(n):
        total = 0.0
        for _ in range(12):
            state = (state * 1664525 + 1013904223) % 2**32
            total += (state >> 8) / 2**24 - 0.5
        if kind == "uniform":
            total = (state >> 8) / 2**24
        elif kind == "ties":
            total = np.floor(total * 2)
        elif kind == "skewed":
            total = (total * total) * total + total * total
        elif kind == "far":
            total = 1e9 + total
        x.append(total)
    return np.array(x)


for kind in ("normal", "uniform", "ties", "skewed", "far"):
    for n in (3, 4, 5, 6, 11, 12, 50, 500, 5000):
        x = make(kind, n)
        if x.min() == x.max():
            continue
        w, p = shapiro(x)
        print("    {%s, %d, %.17g, %.17g}," % (kind.upper(), n, w, p))
print()
for p in (1e-300, 1e-20, 1e-9, 1e-3, 0.02425, 0.07, 0.075, 0.3, 0.5, 0.6, 0.925, 0.95, 0.999,
          1 - 1e-10):
    print("    {%r, %.17g}," % (p, ndtri(p)))
print()
for x in (-37.0, -9.0, -1.5, 0.0, 0.3, 2.0, 8.0):
    print("    {%r, %.17g}," % (x, ndtr(x)))
print()
for kind in ("normal", "skewed"):
    x = make(kind, 500)
    edges = np.histogram_bin_edges(x, "fd")
    counts = np.histogram(x, edges)[0]
    print("    {%s, %d, %d, %d, %.17g, %.17g, %.17g, %.17g, %.17g, %.17g}," % (
        kind.upper(), len(counts), counts.max(), counts.argmax(), x.mean(), x.std(), skew(x),
        kurtosis(x), np.quantile(x, 0.01), np.quantile(x, 0.95)))
