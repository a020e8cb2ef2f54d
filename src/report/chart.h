/* SPDX-License-Identifier: MIT */
/*
 * chart: a small line chart in a page, as SVG, which takes the colours of the page. For runs that
 * have no picture of their losses. It owns nothing.
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include <stddef.h>
#include <stdio.h>

struct chart_line {
    const char *name;
    const double *value; /* [points]; those that are not finite are left out */
};

enum { CHART_LINES = 2 };

/* x [points] ascending. Nothing is written where no line has two finite points. 1: it was. */
int chart_put(const char *title, const double *x, size_t points,
              const struct chart_line line[CHART_LINES], FILE *out);

#endif
