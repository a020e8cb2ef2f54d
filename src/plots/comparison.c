/* SPDX-License-Identifier: MIT */
#include "plots/comparison.h"

#include <math.h>

#include "plots/canvas.h"
#include "plots/number.h"

enum { PANEL = 260, GAP = 26, KEY_ROW = 19, BELOW = 30 };

static double height_of(const struct plot_group *g)
{
    return PANEL + BELOW + KEY_ROW * (double)g->runs;
}

/* The same colours in both panels and in the list below them. */
static unsigned color_of(size_t run)
{
    return color_category[run % COLOR_CATEGORIES];
}

static const double *values_of(const struct plot_compared *run, int of_training)
{
    return of_training ? run->train : run->figure;
}

/* The value of the epoch that is marked; NaN: none. */
static double best_value(const struct plot_compared *run)
{
    for (size_t i = 0; run->figure && i < run->epochs; i++)
        if (run->epoch[i] == run->best_epoch)
            return run->figure[i];
    return NAN;
}

static void draw_panel(struct canvas *canvas, const struct plot_group *g, struct rect outer,
                       const char *title, int of_training)
{
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    for (size_t i = 0; i < g->runs; i++) {
        axis_include(&axes.x, g->run[i].epoch, g->run[i].epochs);
        if (values_of(&g->run[i], of_training))
            axis_include(&axes.y, values_of(&g->run[i], of_training), g->run[i].epochs);
    }
    const int blank = axes.y.lo > axes.y.hi;
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, AXIS_AUTO);
    canvas_axes(canvas, &axes, outer, title, "epoch", NULL);
    if (blank)
        canvas_blank(canvas, &axes, "no data");
    for (size_t i = g->runs; i-- > 0;) {
        const struct plot_compared *run = &g->run[i];
        const double *values = values_of(run, of_training), best = best_value(run);
        if (values)
            canvas_line(canvas, &axes, run->epoch, values, run->epochs, color_of(i));
        if (!of_training && isfinite(best))
            canvas_ring(canvas, canvas_x(&axes, run->best_epoch), canvas_y(&axes, best),
                        color_of(i));
    }
}

static void draw_group(struct canvas *canvas, const struct plot_group *g, double y)
{
    const double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
    draw_panel(canvas, g, (struct rect){CANVAS_MARGIN, y, half, PANEL}, g->figure, 0);
    draw_panel(canvas, g, (struct rect){CANVAS_MARGIN + half + GAP, y, half, PANEL},
               "training loss", 1);
    for (size_t i = 0; i < g->runs; i++) {
        const double at = y + PANEL + BELOW + KEY_ROW * (double)i;
        const struct key key = {MARK_LINE, color_of(i), g->run[i].label};
        canvas_key(canvas, &key, CANVAS_MARGIN, at, half - 30);
        canvas_text(canvas, FONT_TICK, ALIGN_LEFT, COLOR_INK, CANVAS_MARGIN + half + GAP, at, half,
                    g->run[i].told);
    }
}

int plot_comparison(const char *path, const struct plot_about *about,
                    const struct plot_group *groups, size_t count, struct error *err)
{
    char subtitle[96];
    double height = CANVAS_TOP + CANVAS_BOTTOM, y = CANVAS_TOP;
    size_t runs = 0;
    for (size_t k = 0; k < count; k++) {
        height += height_of(&groups[k]) + (k ? GAP : 0);
        runs += groups[k].runs;
    }
    struct canvas *canvas = canvas_begin(path, "Runs compared", about, height, err);
    if (!canvas)
        return -1;
    number_print(subtitle, sizeof subtitle, "%zu runs%s", runs,
                 count > 1 ? "; those in different rows cannot be compared" : "");
    canvas_subtitle(canvas, subtitle);
    for (size_t k = 0; k < count; k++) {
        draw_group(canvas, &groups[k], y);
        y += height_of(&groups[k]) + GAP;
    }
    canvas_note(canvas, "A ring is the best epoch.");
    return canvas_end(canvas, err);
}
