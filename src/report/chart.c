/* SPDX-License-Identifier: MIT */
#include "report/chart.h"

#include <math.h>

#include "plots/axis.h"
#include "report/html.h"

/* Of the picture, and of the box in it where data are drawn. */
enum { WIDTH = 720, HEIGHT = 300, LEFT = 64, TOP = 34, RIGHT = 704, BOTTOM = 258, TICKS = 6 };
enum { MOST = 1000 }; /* points of a line that are drawn */

struct chart {
    struct axis x, y;
};

static double place_x(const struct chart *c, double x)
{
    return LEFT + (RIGHT - LEFT) * axis_place(&c->x, x);
}

static double place_y(const struct chart *c, double y)
{
    return BOTTOM - (BOTTOM - TOP) * axis_place(&c->y, y);
}

/* Ranges of what is drawn; 0: there is too little. */
static int fit(struct chart *c, const double *x, size_t points,
               const struct chart_line line[CHART_LINES])
{
    size_t count = 0;
    axis_clear(&c->x);
    axis_clear(&c->y);
    axis_include(&c->x, x, points);
    for (size_t k = 0; k < CHART_LINES; k++)
        for (size_t i = 0; line[k].value && i < points; i++)
            if (isfinite(line[k].value[i]) && fabs(line[k].value[i]) < 1e100) {
                axis_include(&c->y, &line[k].value[i], 1);
                count++;
            }
    if (count < 2 || points < 2 || !(c->x.hi > c->x.lo) || !(fabs(c->x.hi) < 1e15))
        return 0;
    axis_fit(&c->x, AXIS_WHOLE);
    axis_fit(&c->y, AXIS_AUTO);
    return 1;
}

/* The label of a tick, its power raised. */
static void put_label(const struct tick *t, double x, double y, const char *anchor, FILE *out)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s", x, y, anchor, t->label);
    if (*t->power)
        fprintf(out, "<tspan dy=\"-5\">%s</tspan>", t->power);
    fputs("</text>\n", out);
}

static void put_axes(const struct chart *c, FILE *out)
{
    struct tick ticks[AXIS_TICKS];
    int power, count = axis_ticks(&c->y, TICKS, ticks, &power);
    for (int i = 0; i < count; i++) {
        const double y = place_y(c, ticks[i].at);
        if (!*ticks[i].label)
            continue;
        fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", LEFT,
                RIGHT, y, y);
        put_label(&ticks[i], LEFT - 8, y + 4, "end", out);
    }
    if (power)
        fprintf(out, "<text x=\"4\" y=\"20\">x 10^%d</text>\n", power);
    count = axis_ticks(&c->x, TICKS, ticks, &power);
    for (int i = 0; i < count; i++)
        if (*ticks[i].label)
            put_label(&ticks[i], place_x(c, ticks[i].at), BOTTOM + 18, "middle", out);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">epoch%s</text>\n",
            (LEFT + RIGHT) / 2, BOTTOM + 36, power ? " (in powers)" : "");
}

static void put_line(const struct chart *c, const double *x, size_t points,
                     const struct chart_line *line, int number, FILE *out)
{
    const size_t step = (points - 1) / MOST + 1;
    int pen = 0;
    fprintf(out, "<path class=\"line%d\" d=\"", number);
    for (size_t i = 0; i < points; i += step) {
        const double y = line->value[i];
        if (!isfinite(y) || fabs(y) >= 1e100) {
            pen = 0;
            continue;
        }
        fprintf(out, "%c%.1f %.1f", pen ? 'L' : 'M', place_x(c, x[i]), place_y(c, y));
        pen = 1;
    }
    fputs("\"/>\n", out);
    fprintf(out, "<path class=\"line%d\" d=\"M%d 16h24\"/><text x=\"%d\" y=\"20\">", number,
            LEFT + 150 * number, LEFT + 150 * number + 30);
    html_text(line->name, out);
    fputs("</text>\n", out);
}

int chart_put(const char *title, const double *x, size_t points,
              const struct chart_line line[CHART_LINES], FILE *out)
{
    struct chart c;
    if (!fit(&c, x, points, line))
        return 0;
    fprintf(out,
            "<figure>\n<div class=\"wide\" tabindex=\"0\">\n<svg role=\"img\" "
            "xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d "
            "%d\" aria-label=\"",
            WIDTH, HEIGHT);
    html_print(out, "Line chart: %s by epoch, from %g to %g%s", title, x[0], x[points - 1],
               c.y.log ? "; the scale is logarithmic" : "");
    fputs("\">\n", out);
    put_axes(&c, out);
    for (int k = 0; k < CHART_LINES; k++)
        if (line[k].value)
            put_line(&c, x, points, &line[k], k, out);
    fputs("</svg>\n</div>\n<figcaption>", out);
    html_text(title, out);
    fputs("</figcaption>\n</figure>\n", out);
    return 1;
}
