/* SPDX-License-Identifier: MIT */
/* The half of the canvas that knows axes: ticks, lines, bars. */
#include <math.h>

#include "plots/canvas_parts.h"
#include "plots/number.h"

enum { LABELLED = 24 }; /* points beside the numbers of a y axis for its label, and air */

/* ---- axes ---- */

double canvas_x(const struct axes *axes, double value)
{
    return axes->box.x + axes->box.w * axis_place(&axes->x, value);
}

double canvas_y(const struct axes *axes, double value)
{
    return axes->box.y + axes->box.h * (1 - axis_place(&axes->y, value));
}

/* "x10^-4" at the end of an axis. */
static void draw_factor(struct canvas *canvas, int power, double x, double y)
{
    char text[16];
    if (!power)
        return;
    number_signed(text, sizeof text, "%d", power);
    canvas_power(canvas, ALIGN_RIGHT, COLOR_MUTED, x, y, "\u00d710", text);
}

/* The middle of a label below an axis: at its tick, or where the picture's edge lets it be whole.
 */
static double label_middle(struct canvas *canvas, const struct axes *axes, const struct tick *tick,
                           double *width)
{
    *width = canvas_text_width(canvas, FONT_TICK, tick->label) +
             0.75 * canvas_text_width(canvas, FONT_TICK, tick->power);
    return fmin(canvas_x(axes, tick->at), CANVAS_WIDTH - CANVAS_MARGIN / 4 - *width / 2);
}

/* Whether neighbouring labels below an axis would touch. */
static int crowded(struct canvas *canvas, const struct axes *axes, const struct tick *ticks, int n)
{
    double end = -INFINITY;
    for (int i = 0; i < n; i++) {
        if (!ticks[i].label[0])
            continue;
        double width, x = label_middle(canvas, axes, &ticks[i], &width);
        if (x - width / 2 < end)
            return 1;
        end = x + width / 2 + 8;
    }
    return 0;
}

void canvas_x_ticks(struct canvas *canvas, const struct axes *axes)
{
    struct tick ticks[AXIS_TICKS];
    struct rect box = axes->box;
    int power, n, most = (int)(box.w / 40);
    do
        n = axis_ticks(&axes->x, most, ticks, &power);
    while (crowded(canvas, axes, ticks, n) && --most > 0);
    double bottom = box.y + box.h;
    for (int i = 0; i < n; i++) {
        double x = canvas_x(axes, ticks[i].at), width;
        int major = ticks[i].label[0] != 0;
        canvas_segment(canvas->cr, x, bottom, x, bottom + (major ? 4 : 2), 0.7, COLOR_FRAME);
        if (major)
            canvas_power(canvas, ALIGN_CENTER, COLOR_MUTED,
                         label_middle(canvas, axes, &ticks[i], &width), bottom + 15, ticks[i].label,
                         ticks[i].power);
    }
    draw_factor(canvas, power, box.x + box.w, bottom + 29);
}

static int y_ticks(const struct axes *axes, double height, struct tick *ticks, int *power)
{
    return axis_ticks(&axes->y, (int)(height / 22), ticks, power);
}

/* What the numbers beside a y axis of this height are wide. */
static double y_width(struct canvas *canvas, const struct axes *axes, double height)
{
    struct tick ticks[AXIS_TICKS];
    double width = 0;
    int power, n = y_ticks(axes, height, ticks, &power);
    for (int i = 0; i < n; i++)
        width = fmax(width, canvas_text_width(canvas, FONT_TICK, ticks[i].label) +
                                0.75 * canvas_text_width(canvas, FONT_TICK, ticks[i].power));
    return width;
}

static void draw_y_axis(struct canvas *canvas, const struct axes *axes)
{
    struct tick ticks[AXIS_TICKS];
    struct rect box = axes->box;
    int power, n = y_ticks(axes, box.h, ticks, &power);
    for (int i = 0; i < n; i++) {
        double y = canvas_y(axes, ticks[i].at);
        int major = ticks[i].label[0] != 0;
        canvas_segment(canvas->cr, box.x - (major ? 4 : 2), y, box.x, y, 0.7, COLOR_FRAME);
        if (!major)
            continue;
        canvas_segment(canvas->cr, box.x, y, box.x + box.w, y, 0.7, COLOR_GRID);
        canvas_power(canvas, ALIGN_RIGHT, COLOR_MUTED, box.x - 7, y + 3.6, ticks[i].label,
                     ticks[i].power);
    }
    draw_factor(canvas, power, box.x - 7, box.y - 7);
}

void canvas_axes(struct canvas *canvas, struct axes *axes, struct rect outer, const char *title,
                 const char *x_label, const char *y_label)
{
    double below = x_label ? 34 : 20, height = outer.h - CANVAS_HEAD - below;
    double left = y_width(canvas, axes, height) + (y_label ? LABELLED : 7);
    left = fmax(left, y_label ? 62 : 46);
    axes->box = (struct rect){outer.x + left, outer.y + CANVAS_HEAD, outer.w - left, height};
    struct rect box = axes->box;
    canvas_text(canvas, FONT_PANEL, ALIGN_LEFT, COLOR_INK, box.x, outer.y + 12, box.w, title);
    draw_y_axis(canvas, axes);
    canvas_x_ticks(canvas, axes);
    canvas_segment(canvas->cr, box.x, box.y, box.x, box.y + box.h, 0.8, COLOR_FRAME);
    canvas_segment(canvas->cr, box.x, box.y + box.h, box.x + box.w, box.y + box.h, 0.8,
                   COLOR_FRAME);
    if (x_label)
        canvas_text(canvas, FONT_LABEL, ALIGN_CENTER, COLOR_INK, box.x + box.w / 2,
                    box.y + box.h + 30, box.w, x_label);
    if (y_label)
        canvas_text_up(canvas, FONT_LABEL, outer.x + 11, box.y + box.h / 2, box.h, y_label);
}

void canvas_blank(struct canvas *canvas, const struct axes *axes, const char *text)
{
    canvas_text(canvas, FONT_LABEL, ALIGN_CENTER, COLOR_MUTED, axes->box.x + axes->box.w / 2,
                axes->box.y + axes->box.h / 2, axes->box.w, text);
}

/* ---- data ---- */

/* Nothing leaves the box until cairo_restore(), but by `air`: half of a dot on its border. */
static void clip(struct canvas *canvas, struct rect box, double air)
{
    cairo_save(canvas->cr);
    cairo_rectangle(canvas->cr, box.x - air, box.y - air, box.w + 2 * air, box.h + 2 * air);
    cairo_clip(canvas->cr);
}

static int shown(const struct axes *axes, double x, double y)
{
    return isfinite(x) && isfinite(y) && axis_place(&axes->x, x) > -1e3 &&
           axis_place(&axes->y, y) > -1e3;
}

/* The path of the run of points that begins at i; returns where it ends. Points that share a pixel
 * column become its first, lowest, highest and last one, so that a million cost what a screen
 * does. */
static size_t trace(cairo_t *cr, const struct axes *axes, const double *x, const double *y,
                    size_t i, size_t n)
{
    cairo_move_to(cr, canvas_x(axes, x[i]), canvas_y(axes, y[i]));
    while (i < n && shown(axes, x[i], y[i])) {
        double at = canvas_x(axes, x[i]), column = floor(at * CANVAS_SCALE);
        double low = INFINITY, high = -INFINITY, last = 0;
        size_t first = i;
        for (; i < n && shown(axes, x[i], y[i]); i++) {
            double px = canvas_x(axes, x[i]);
            if (floor(px * CANVAS_SCALE) != column)
                break;
            last = canvas_y(axes, y[i]);
            low = fmin(low, last);
            high = fmax(high, last);
        }
        cairo_line_to(cr, at, canvas_y(axes, y[first]));
        if (i - first > 1) {
            cairo_line_to(cr, at, low);
            cairo_line_to(cr, at, high);
            cairo_line_to(cr, at, last);
        }
    }
    return i;
}

static void polyline(struct canvas *canvas, const struct axes *axes, const double *x,
                     const double *y, size_t n, unsigned color, enum dash dash, double width)
{
    cairo_t *cr = canvas->cr;
    clip(canvas, axes->box, dash == DASH_NONE ? 3 : 0);
    canvas_dash(cr, dash);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, dash == DASH_NONE ? CAIRO_LINE_CAP_ROUND : CAIRO_LINE_CAP_BUTT);
    for (size_t i = 0; i < n; i++) {
        if (!shown(axes, x[i], y[i]))
            continue;
        size_t end = trace(cr, axes, x, y, i, n);
        cairo_set_line_width(cr, width);
        canvas_color(cr, color, 1);
        cairo_stroke(cr);
        if (dash == DASH_NONE && (n <= 12 || end == i + 1))
            for (size_t j = i; j < end; j++)
                canvas_dot(canvas, canvas_x(axes, x[j]), canvas_y(axes, y[j]), width + 1, color, 1);
        i = end;
    }
    cairo_restore(cr);
}

void canvas_line(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                 size_t n, unsigned color)
{
    polyline(canvas, axes, x, y, n, color, DASH_NONE, 1.5);
}

void canvas_dashes(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                   size_t n, unsigned color)
{
    polyline(canvas, axes, x, y, n, color, DASH_LONG, 1.5);
}

void canvas_wide(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                 size_t n, unsigned color)
{
    polyline(canvas, axes, x, y, n, color, DASH_NONE, CANVAS_WIDE);
}

void canvas_rule(struct canvas *canvas, const struct axes *axes, double x0, double y0, double x1,
                 double y1, unsigned color, enum dash dash)
{
    clip(canvas, axes->box, 0);
    canvas_dash(canvas->cr, dash);
    canvas_segment(canvas->cr, canvas_x(axes, x0), canvas_y(axes, y0), canvas_x(axes, x1),
                   canvas_y(axes, y1), 1.2, color);
    cairo_restore(canvas->cr);
}

void canvas_bars(struct canvas *canvas, const struct axes *axes, const double *edge,
                 const double *height, size_t n, unsigned color)
{
    clip(canvas, axes->box, 0);
    double base = axes->box.y + axes->box.h, pixel = 1.0 / CANVAS_SCALE;
    for (size_t i = 0; i < n;) {
        double left = canvas_x(axes, edge[i]), right, high = 0;
        do {
            right = canvas_x(axes, edge[i + 1]);
            high = fmax(high, height[i]);
        } while (++i < n && right - left < pixel);
        double gap = right - left >= 6 ? 1 : right - left >= 3 ? 0.5 : 0;
        double top = fmin(base, canvas_y(axes, high));
        cairo_rectangle(canvas->cr, left + gap / 2, top, fmax(right - left - gap, pixel),
                        base - top);
    }
    canvas_color(canvas->cr, color, 1);
    cairo_fill(canvas->cr);
    cairo_restore(canvas->cr);
}

void canvas_steps(struct canvas *canvas, const struct axes *axes, const double *edge,
                  const double *height, size_t n, unsigned color)
{
    if (!n)
        return;
    cairo_t *cr = canvas->cr;
    double base = axes->box.y + axes->box.h;
    clip(canvas, axes->box, 0);
    cairo_move_to(cr, canvas_x(axes, edge[0]), base);
    for (size_t i = 0; i < n; i++) {
        double y = fmin(base, canvas_y(axes, height[i]));
        cairo_line_to(cr, canvas_x(axes, edge[i]), y);
        cairo_line_to(cr, canvas_x(axes, edge[i + 1]), y);
    }
    cairo_line_to(cr, canvas_x(axes, edge[n]), base);
    canvas_color(cr, color, 0.16);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, 1.2);
    canvas_color(cr, color, 1);
    cairo_stroke(cr);
    cairo_restore(cr);
}

void canvas_band(struct canvas *canvas, const struct axes *axes, double x0, double x1,
                 unsigned color)
{
    clip(canvas, axes->box, 0);
    cairo_rectangle(canvas->cr, canvas_x(axes, x0), axes->box.y,
                    canvas_x(axes, x1) - canvas_x(axes, x0), axes->box.h);
    canvas_color(canvas->cr, color, 0.10);
    cairo_fill(canvas->cr);
    cairo_restore(canvas->cr);
}
