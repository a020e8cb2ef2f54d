/* SPDX-License-Identifier: MIT */
/*
 * canvas_parts: what canvas.c and canvas_data.c, the two halves of the canvas, share. Nothing else
 * includes it: a picture is drawn through canvas.h.
 */
#ifndef PLOTS_CANVAS_PARTS_H
#define PLOTS_CANVAS_PARTS_H

#include <cairo.h>

#include "plots/canvas.h"

struct canvas {
    const char *path, *title;
    const struct plot_about *about;
    double height;
    cairo_surface_t *surface; /* CAIRO_FORMAT_RGB24 */
    cairo_t *cr;
    int no_memory;     /* for something that was to be drawn */
    char another[128]; /* family that had the characters which the usual font lacked last; "": none
                        */
};

#define CANVAS_WIDE 2.8 /* points of a wide line */

/* The colour of what is drawn next. */
void canvas_color(cairo_t *cr, unsigned color, double alpha);

/* The dashes of lines that are drawn next. */
void canvas_dash(cairo_t *cr, enum dash dash);

/* A straight line between two points of the figure. */
void canvas_segment(cairo_t *cr, double x0, double y0, double x1, double y1, double width,
                    unsigned color);

/* A number of FONT_TICK with its power raised behind it: 10^-4. */
void canvas_power(struct canvas *canvas, enum align align, unsigned color, double x, double y,
                  const char *label, const char *power);

#endif
