/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "plots/canvas.h"
#include "plots/plots.h"

enum { GAP = 18, ACROSS = 3, PANEL_HEIGHT = 190 };

/* Feature f of window w. */
static void draw_panel(struct canvas *canvas, const struct plot_augmentation *a, size_t w, size_t f,
                       double *row, struct rect outer)
{
    static const char *const names[] = {"1", "2", "3"};
    struct key keys[1 + PLOT_DRAWS] = {{MARK_WIDE, COLOR_REST, "as it is"}};
    double *y = row + a->rows;
    struct axes axes;
    char title[160];
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, row, a->rows);
    for (size_t d = 0; d <= PLOT_DRAWS; d++)
        for (size_t t = 0; t < a->rows; t++) {
            const float *from = d ? a->is + ((d - 1) * a->windows + w) * a->rows * a->features
                                  : a->was + w * a->rows * a->features;
            y[d * a->rows + t] = (double)from[t * a->features + f];
        }
    axis_include(&axes.y, y, (1 + PLOT_DRAWS) * a->rows);
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, AXIS_LINEAR);
    snprintf(title, sizeof title, "%s", f ? a->feature_names[f] : a->titles[w]);
    canvas_axes(canvas, &axes, outer, title, NULL, f ? NULL : a->feature_names[f]);
    canvas_wide(canvas, &axes, row, y, a->rows, COLOR_REST);
    for (size_t d = 0; d < PLOT_DRAWS; d++) {
        canvas_line(canvas, &axes, row, y + (1 + d) * a->rows, a->rows, color_category[d]);
        keys[1 + d] = (struct key){MARK_LINE, color_category[d], names[d]};
    }
    if (!w && !f)
        canvas_legend(canvas, &axes, keys, 1 + PLOT_DRAWS);
}

int plot_augmentation(const char *path, const struct plot_about *about,
                      const struct plot_augmentation *a, struct error *err)
{
    const size_t across = a->features < ACROSS ? a->features : ACROSS;
    const double width =
        (CANVAS_WIDTH - 2 * CANVAS_MARGIN - GAP * (double)(across - 1)) / (double)across;
    double *room = malloc((2 + PLOT_DRAWS) * (a->rows + 1) * sizeof *room);
    if (!room)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t t = 0; t < a->rows; t++)
        room[t] = (double)t;
    struct canvas *canvas =
        canvas_begin(path, "Augmentation", about,
                     CANVAS_TOP + (PANEL_HEIGHT + GAP) * (double)a->windows + CANVAS_BOTTOM, err);
    for (size_t w = 0; canvas && w < a->windows; w++)
        for (size_t f = 0; f < across; f++)
            draw_panel(canvas, a, w, f, room,
                       (struct rect){CANVAS_MARGIN + (width + GAP) * (double)f,
                                     CANVAS_TOP + (PANEL_HEIGHT + GAP) * (double)w, width,
                                     PANEL_HEIGHT});
    if (canvas) {
        canvas_subtitle(canvas, a->what);
        canvas_note(canvas,
                    across < a->features ? "The first features, scaled." : "Scaled values.");
    }
    free(room);
    return canvas ? canvas_end(canvas, err) : -1;
}
