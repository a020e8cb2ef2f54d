/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "plots/canvas.h"
#include "plots/number.h"
#include "plots/plots.h"

enum { GAP = 26, PANEL_HEIGHT = 300 };

static void draw(struct canvas *canvas, const struct plot_horizon *h, const double *row,
                 const double *model, const double *naive, const char *title, struct rect outer)
{
    struct axes axes;
    double zero = 0;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, row, h->rows);
    axis_include(&axes.y, model, h->rows);
    axis_include(&axes.y, naive, naive ? h->rows : 0);
    int blank = axes.y.lo > axes.y.hi;
    axis_include(&axes.y, &zero, 1);
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, AXIS_LINEAR);
    canvas_axes(canvas, &axes, outer, title, "row of the horizon", h->unit);
    if (blank) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    if (naive && h->rows == 1)
        canvas_rule(canvas, &axes, axes.x.lo, *naive, axes.x.hi, *naive, COLOR_INK, DASH_LONG);
    else if (naive)
        canvas_dashes(canvas, &axes, row, naive, h->rows, COLOR_INK);
    canvas_line(canvas, &axes, row, model, h->rows, color_category[0]);
    struct key keys[] = {{MARK_LINE, color_category[0], "model"},
                         {MARK_DASHES, COLOR_INK, h->naive}};
    canvas_legend(canvas, &axes, keys, naive ? 2 : 1);
}

int plot_error_by_horizon(const char *path, const struct plot_about *about,
                          const struct plot_horizon *h, struct error *err)
{
    double *row = malloc((h->rows + 1) * sizeof *row);
    if (!row)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t i = 0; i < h->rows; i++)
        row[i] = (double)i + 1;
    struct canvas *canvas = canvas_begin(path, "Error by horizon", about,
                                         CANVAS_TOP + PANEL_HEIGHT + CANVAS_BOTTOM, err);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
        struct rect left = {CANVAS_MARGIN, CANVAS_TOP, half, PANEL_HEIGHT}, right = left;
        right.x += half + GAP;
        canvas_subtitle(canvas, h->what);
        draw(canvas, h, row, h->rmse, h->naive_rmse, "Root mean squared error", left);
        draw(canvas, h, row, h->mae, h->naive_mae, "Mean absolute error", right);
        canvas_note(canvas,
                    h->naive_rmse
                        ? "Below the dashed line the model errs less than the naive forecast."
                        : "");
    }
    free(row);
    return canvas ? canvas_end(canvas, err) : -1;
}
