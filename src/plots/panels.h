/* SPDX-License-Identifier: MIT */
/*
 * panels: what several pictures have in common: histograms laid over each other, QQ plots, clouds
 * of points. They draw into a canvas and own nothing; of any values those that are not finite are
 * left out.
 */
#ifndef PLOTS_PANELS_H
#define PLOTS_PANELS_H

#include <stddef.h>

#include "plots/canvas.h"

/* A set of numbers: its finite values in ascending order. */
struct sample {
    const char *name; /* in the legend; NULL: none */
    unsigned color;
    double *sorted; /* [n] */
    size_t n;
};

/* Sorts a copy of x [n]. -1: memory. */
int sample_init(struct sample *sample, const char *name, unsigned color, const double *x, size_t n);
void sample_fini(struct sample *sample);

double sample_mean(const struct sample *sample);
double sample_sd(const struct sample *sample); /* of the count, not of one less */

/* The range to show: that of the middle 99% of the values, widened by half on each side, where it
 * does not end before. 0: there are no values. */
int sample_range(const struct sample *sample, double *low, double *high);

/*
 * Histograms with common bins, in per cent of each sample's values; empty samples are left out.
 * With `fitted` the normal distribution of the first one's mean and deviation is laid over it. What
 * lies beyond the range is told in the legend's row.
 */
void panel_histogram(struct canvas *canvas, struct rect outer, const char *title,
                     const char *x_label, const struct sample *samples, size_t count, int fitted);

/* Values against the quantiles of a standard normal or of a uniform distribution over 0..1, with
 * the line of the first sample's mean and deviation. */
enum reference { REFERENCE_NORMAL, REFERENCE_UNIFORM };
void panel_qq(struct canvas *canvas, struct rect outer, const char *title, const char *y_label,
              const struct sample *samples, size_t count, enum reference reference);

/* Says at the right end of the legend's row how many values lie beyond the axes, if any do. */
void panel_beyond(struct canvas *canvas, const struct axes *axes, size_t beyond);

/* Points; where they are many, the density of cells of 1.5 points, with its scale above the box.
 * Returns how many finite points lie outside the axes. */
size_t panel_cloud(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                   size_t n, unsigned color);

#endif
