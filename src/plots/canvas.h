/* SPDX-License-Identifier: MIT */
/*
 * canvas: a figure that is drawn and becomes a PNG. Lengths are in points of the figure, each
 * CANVAS_SCALE pixels wide; x grows to the right, y downward. Text is UTF-8; what is not valid is
 * shown as a replacement character, never refused.
 *
 * Drawing functions return nothing: the first failure (memory, mostly) sticks to the canvas and
 * canvas_end() tells it. The canvas keeps pointers to path, title and about until then.
 */
#ifndef PLOTS_CANVAS_H
#define PLOTS_CANVAS_H

#include <stddef.h>

#include "error.h"
#include "plots/axis.h"
#include "plots/color.h"
#include "plots/plots.h"

enum {
    CANVAS_SCALE = 2,
    CANVAS_WIDTH = 800,
    CANVAS_TALLEST = 16000, /* cairo's surfaces end at 32767 pixels */
    CANVAS_MARGIN = 22,
    CANVAS_TOP = 72,    /* below it the title and subtitle are over */
    CANVAS_BOTTOM = 40, /* above it the small print begins */
};

struct canvas;

struct rect {
    double x, y, w, h;
};

enum font { FONT_TITLE, FONT_PANEL, FONT_LABEL, FONT_TICK, FONT_SMALL, FONT_TINY };
enum align { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT };

/* A white figure with its title; `height` in points is cut to CANVAS_TALLEST. NULL: memory. */
struct canvas *canvas_begin(const char *path, const char *title, const struct plot_about *about,
                            double height, struct error *err);

/* There was no memory for something that was to be drawn, as canvas_end() will tell. */
void canvas_short(struct canvas *canvas);

/* Writes the PNG whole or not at all and frees the canvas. STATUS_FAILED, naming the path. */
int canvas_end(struct canvas *canvas, struct error *err);

/* The line below the title, and the small print at the bottom left (run, epoch and version stand
 * at the right). */
void canvas_subtitle(struct canvas *canvas, const char *text);
void canvas_note(struct canvas *canvas, const char *text);

/* Text on the baseline y. Where `width` is above 0, text that is wider loses its middle. */
void canvas_text(struct canvas *canvas, enum font font, enum align align, unsigned color, double x,
                 double y, double width, const char *text);
double canvas_text_width(struct canvas *canvas, enum font font, const char *text);

/* Whether there is a font that has all characters of a text; where not, some become boxes. */
int canvas_has(struct canvas *canvas, enum font font, const char *text);

/* Text that reads upward, centred on y, its baseline at x. */
void canvas_text_up(struct canvas *canvas, enum font font, double x, double y, double width,
                    const char *text);

/* Text centred on (x, y) with a white rim, for labels on top of points. */
void canvas_text_rimmed(struct canvas *canvas, enum font font, double x, double y,
                        const char *text);

void canvas_fill(struct canvas *canvas, struct rect rect, unsigned color);
void canvas_frame(struct canvas *canvas, struct rect rect, unsigned color);
void canvas_dot(struct canvas *canvas, double x, double y, double radius, unsigned color,
                double alpha);

/* A thin straight line between two points of the figure. */
void canvas_leader(struct canvas *canvas, double x0, double y0, double x1, double y1);

/* A small open circle: a point that is spoken of. */
void canvas_ring(struct canvas *canvas, double x, double y, unsigned color);

/* values [rows, columns], 0 the lowest and 1 the highest colour of the map, row 0 at the top. A
 * pixel that covers several cells shows their mean; NaN is grey. */
void canvas_heatmap(struct canvas *canvas, struct rect rect, const float *values, size_t rows,
                    size_t columns, const unsigned map[COLOR_MAP]);

/* rgb [height, width, 3]. A pixel that covers several of these shows their mean. */
void canvas_image(struct canvas *canvas, struct rect rect, const unsigned char *rgb, size_t width,
                  size_t height);

/* A horizontal colour bar with labels below its ends and its middle (NULL: none). */
void canvas_colorbar(struct canvas *canvas, struct rect rect, const unsigned map[COLOR_MAP],
                     const char *low, const char *middle, const char *high);

/* Entries of legends. */
enum mark { MARK_LINE, MARK_WIDE, MARK_DASHES, MARK_DOT, MARK_RING, MARK_BAR };
struct key {
    enum mark mark;
    unsigned color;
    const char *text;
};

/* Draws one entry with the text's baseline at y and returns its width; text over `width` is cut. */
double canvas_key(struct canvas *canvas, const struct key *key, double x, double y, double width);

/* A panel: its title and legend in the top CANVAS_HEAD points of `outer`, axes in the rest. */
enum { CANVAS_HEAD = 38 };
struct axes {
    struct axis x, y;
    struct rect box; /* where data is drawn; set by canvas_axes */
};

/* Draws title, ticks, grid and labels of axes that were fitted, and sets axes->box. Labels may be
 * NULL. */
void canvas_axes(struct canvas *canvas, struct axes *axes, struct rect outer, const char *title,
                 const char *x_label, const char *y_label);

/* Only the ticks and numbers of the x axis, below axes->box. */
void canvas_x_ticks(struct canvas *canvas, const struct axes *axes);

/* The legend of a panel, in a row above its box. */
void canvas_legend(struct canvas *canvas, const struct axes *axes, const struct key *keys,
                   size_t count);

/* Words in the middle of a panel that has nothing to show. */
void canvas_blank(struct canvas *canvas, const struct axes *axes, const char *text);

/* Places of a value in points. */
double canvas_x(const struct axes *axes, double value);
double canvas_y(const struct axes *axes, double value);

/* A line through the finite points of x, y [n], interrupted where one is not; points that stand
 * alone, or few points, get dots. */
void canvas_line(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                 size_t n, unsigned color);

/* The same, so wide that it shows on both sides of another line that lies on it. */
void canvas_wide(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                 size_t n, unsigned color);

/* The same dashed, without dots. */
void canvas_dashes(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                   size_t n, unsigned color);

/* A straight line between two values, dashed or dotted, cut at the box. */
enum dash { DASH_NONE, DASH_LONG, DASH_DOTS };
void canvas_rule(struct canvas *canvas, const struct axes *axes, double x0, double y0, double x1,
                 double y1, unsigned color, enum dash dash);

/* Bars from 0 to height[i] between edge[i] and edge[i + 1]; those thinner than a pixel merge, the
 * highest standing for them. */
void canvas_bars(struct canvas *canvas, const struct axes *axes, const double *edge,
                 const double *height, size_t n, unsigned color);

/* The outline of a histogram as canvas_bars() takes it, over a light fill, so that several may lie
 * above each other. */
void canvas_steps(struct canvas *canvas, const struct axes *axes, const double *edge,
                  const double *height, size_t n, unsigned color);

/* A light band behind the data from value x0 to x1, over the whole height. */
void canvas_band(struct canvas *canvas, const struct axes *axes, double x0, double x1,
                 unsigned color);

#endif
