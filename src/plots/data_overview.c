/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/number.h"
#include "plots/panels.h"
#include "plots/plots.h"

enum {
    GAP = 26,
    PANEL_HEIGHT = 260,
    ROW = 18,       /* points of a feature */
    NAMES = 150,    /* for its name */
    NUMBERS = 74,   /* for its lowest and its highest value */
    HEAD = 46,      /* title and column heads of the features */
    FEW_SERIES = 8, /* that can be named below the axis */
};

static const char *const part_name[PLOT_PARTS] = {"training", "validation", "test"};

struct size {
    double key;
    size_t series;
};

static int descending(const void *a, const void *b)
{
    const struct size *x = a, *y = b;
    return x->key < y->key   ? 1
           : x->key > y->key ? -1
                             : (x->series > y->series) - (x->series < y->series);
}

/* Below an axis that counts few series their names, each as wide as its place. */
static void name_series(struct canvas *canvas, const struct axes *axes,
                        const struct plot_overview *o, const struct size *order)
{
    double width = axes->box.w / ((double)o->series + 0.5), y = axes->box.y + axes->box.h + 15;
    for (size_t i = 0; i < o->series && axes->x.bare; i++)
        canvas_text(canvas, FONT_TICK, ALIGN_CENTER, COLOR_INK, canvas_x(axes, (double)i + 1), y,
                    width - 6, o->series_name[order[i].series]);
}

/* Stacked bars of the parts' rows, longest series first. */
static void draw_rows(struct canvas *canvas, const struct plot_overview *o, struct size *order,
                      double *edge, double *height, struct rect outer)
{
    struct axes axes;
    double zero = 0;
    for (size_t i = 0; i < o->series; i++) {
        const double *rows = o->rows + PLOT_PARTS * i;
        order[i] = (struct size){rows[0] + rows[1] + rows[2], i};
        edge[i] = (double)i + 0.5;
    }
    edge[o->series] = (double)o->series + 0.5;
    qsort(order, o->series, sizeof *order, descending);
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, edge, o->series ? o->series + 1 : 0);
    axis_include(&axes.y, &zero, 1);
    for (size_t i = 0; i < o->series; i++)
        axis_include(&axes.y, &order[i].key, 1);
    axis_fit(&axes.x, AXIS_WHOLE);
    axes.x.bare = o->series <= FEW_SERIES;
    axis_fit(&axes.y, AXIS_WHOLE);
    axes.y.lo = 0;
    canvas_axes(canvas, &axes, outer, "Rows", "series, longest first", "rows");
    name_series(canvas, &axes, o, order);
    if (!o->series) {
        canvas_blank(canvas, &axes, "no series");
        return;
    }
    struct key keys[PLOT_PARTS];
    for (int part = PLOT_PARTS; part-- > 0;) { /* the sum of the parts up to this one */
        for (size_t i = 0; i < o->series; i++) {
            height[i] = 0;
            for (int k = 0; k <= part; k++)
                height[i] += o->rows[PLOT_PARTS * order[i].series + (size_t)k];
        }
        canvas_bars(canvas, &axes, edge, height, o->series, color_category[part]);
        keys[part] = (struct key){MARK_BAR, color_category[part], part_name[part]};
    }
    canvas_legend(canvas, &axes, keys, PLOT_PARTS);
}

/* Volatility of the parts, series with the highest in training first. */
static void draw_volatility(struct canvas *canvas, const struct plot_overview *o,
                            struct size *order, struct rect outer)
{
    struct axes axes;
    double zero = 0;
    for (size_t i = 0; i < o->series; i++) {
        double v = o->volatility[PLOT_PARTS * i];
        order[i] = (struct size){isnan(v) ? -INFINITY : v, i};
    }
    qsort(order, o->series, sizeof *order, descending);
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    double ends[] = {0.5, (double)o->series + 0.5};
    axis_include(&axes.x, ends, o->series ? 2 : 0);
    axis_include(&axes.y, o->volatility, PLOT_PARTS * o->series);
    int blank = axes.y.lo > axes.y.hi;
    axis_fit(&axes.x, AXIS_WHOLE);
    axes.x.bare = o->series <= FEW_SERIES;
    int even = axes.y.lo >= 0 && axes.y.hi < 10 * axes.y.lo; /* 0 shows how little they differ */
    axis_include(&axes.y, &zero, even ? 1 : 0);
    axis_fit(&axes.y, AXIS_AUTO);
    canvas_axes(canvas, &axes, outer, "Volatility", "series, the most volatile in training first",
                o->volatility_name);
    name_series(canvas, &axes, o, order);
    if (blank) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    struct key keys[PLOT_PARTS];
    double aside = o->series <= FEW_SERIES ? 0.15 : 0; /* equal ones do not hide each other */
    double radius = o->series > 300 ? 1.2 : o->series > 50 ? 2 : 3;
    for (int part = PLOT_PARTS; part-- > 0;) {
        for (size_t i = 0; i < o->series; i++) {
            double v = o->volatility[PLOT_PARTS * order[i].series + (size_t)part];
            double up = axis_place(&axes.y, v);
            if (isfinite(v) && up >= 0 && up <= 1)
                canvas_dot(canvas, canvas_x(&axes, (double)i + 1 + (part - 1) * aside),
                           canvas_y(&axes, v), radius, color_category[part], 0.8);
        }
        keys[part] = (struct key){MARK_DOT, color_category[part], part_name[part]};
    }
    canvas_legend(canvas, &axes, keys, PLOT_PARTS);
}

/* One feature: a line from its lowest to its highest value, a box of the middle half, the median.
 * range: minimum, quartiles, maximum. */
static void draw_feature(struct canvas *canvas, const char *name, const double range[5], double y)
{
    double left = CANVAS_MARGIN + NAMES, right = CANVAS_WIDTH - CANVAS_MARGIN - NUMBERS;
    double x[5], begin = left + NUMBERS + 8, width = right - 8 - begin;
    char text[32];
    canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_INK, left, y + 3.5, NAMES, name);
    for (int i = 0; i < 5; i++) {
        double share = (range[i] / 2 - range[0] / 2) / (range[4] / 2 - range[0] / 2);
        if (!isfinite(range[i])) {
            canvas_text(canvas, FONT_TICK, ALIGN_LEFT, COLOR_MUTED, begin, y + 3.5, 0, "no data");
            return;
        }
        x[i] = begin + width * (range[4] > range[0] ? fmin(fmax(share, 0), 1) : 0.5);
    }
    number_signed(text, sizeof text, "%.4g", range[0]);
    canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_MUTED, begin - 8, y + 3.5, 0, text);
    number_signed(text, sizeof text, "%.4g", range[4]);
    canvas_text(canvas, FONT_TICK, ALIGN_LEFT, COLOR_MUTED, right, y + 3.5, 0, text);
    canvas_fill(canvas, (struct rect){x[0], y - 0.5, fmax(x[4] - x[0], 1), 1}, COLOR_FRAME);
    canvas_fill(canvas, (struct rect){x[1], y - 5, fmax(x[3] - x[1], 1), 10}, color_category[5]);
    canvas_fill(canvas, (struct rect){x[2] - 0.75, y - 5, 1.5, 10}, COLOR_INK);
}

static void draw_features(struct canvas *canvas, const struct plot_overview *o, size_t shown,
                          double y)
{
    double left = CANVAS_MARGIN + NAMES + NUMBERS;
    char text[96];
    canvas_text(canvas, FONT_PANEL, ALIGN_LEFT, COLOR_INK, CANVAS_MARGIN + 62, y + 12, 0,
                "Features");
    canvas_text(canvas, FONT_SMALL, ALIGN_RIGHT, COLOR_MUTED, left, y + 34, 0, "lowest");
    canvas_text(canvas, FONT_SMALL, ALIGN_LEFT, COLOR_MUTED, CANVAS_WIDTH - CANVAS_MARGIN - NUMBERS,
                y + 34, 0, "highest");
    canvas_text(canvas, FONT_SMALL, ALIGN_CENTER, COLOR_MUTED,
                (left + CANVAS_WIDTH - CANVAS_MARGIN - NUMBERS) / 2, y + 34, 0,
                "box: middle half of the training rows; mark: median; line: all of them");
    for (size_t f = 0; f < shown; f++)
        draw_feature(canvas, o->feature_name[f], o->range + 5 * f,
                     y + HEAD + ROW * ((double)f + 0.5));
    if (shown < o->features) {
        number_print(text, sizeof text, "and %zu more", o->features - shown);
        canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_MUTED, CANVAS_MARGIN + NAMES,
                    y + HEAD + ROW * ((double)shown + 0.5) + 3.5, 0, text);
    }
}

static void write_facts(struct canvas *canvas, const struct plot_overview *o)
{
    double total = 0;
    char text[160], rows[32], series[32];
    for (size_t i = 0; i < PLOT_PARTS * o->series; i++)
        total += isfinite(o->rows[i]) ? o->rows[i] : 0;
    number_count(rows, sizeof rows, (uint64_t)fmin(fmax(total, 0), 1e18));
    number_count(series, sizeof series, o->series);
    number_print(text, sizeof text, "%s row%s in %s series, %zu feature%s", rows,
                 total == 1 ? "" : "s", series, o->features, o->features == 1 ? "" : "s");
    canvas_subtitle(canvas, text);
    canvas_note(canvas, o->note ? o->note : "");
}

int plot_data_overview(const char *path, const struct plot_about *about,
                       const struct plot_overview *o, struct error *err)
{
    struct sample target[PLOT_PARTS] = {{0}};
    struct size *order = malloc((o->series + 1) * sizeof *order);
    double *edge = malloc((o->series + 1) * sizeof *edge);
    double *heights = malloc((o->series + 1) * sizeof *heights);
    int failed = !order || !edge || !heights;
    for (int part = 0; part < PLOT_PARTS && o->target; part++)
        failed |= sample_init(&target[part], part_name[part], color_category[part],
                              o->target_values[part], o->target_count[part]);
    double top = CANVAS_TOP + PANEL_HEIGHT + GAP, y = top;
    if (o->target)
        y += PANEL_HEIGHT + GAP;
    size_t most = (size_t)((CANVAS_TALLEST - y - HEAD - CANVAS_BOTTOM) / ROW) - 1;
    size_t shown = o->features < most ? o->features : most;
    double height = y + HEAD + ROW * (double)(shown + (shown < o->features)) + CANVAS_BOTTOM;
    struct canvas *canvas = NULL;
    if (failed)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        canvas = canvas_begin(path, "Data", about, height, err);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
        struct rect left = {CANVAS_MARGIN, CANVAS_TOP, half, PANEL_HEIGHT}, right = left;
        right.x += half + GAP;
        draw_rows(canvas, o, order, edge, heights, left);
        draw_volatility(canvas, o, order, right);
        if (o->target)
            panel_histogram(canvas, (struct rect){CANVAS_MARGIN, top, full, PANEL_HEIGHT}, "Target",
                            o->target, target, PLOT_PARTS, 0);
        draw_features(canvas, o, shown, y);
        write_facts(canvas, o);
    }
    for (int part = 0; part < PLOT_PARTS; part++)
        sample_fini(&target[part]);
    free(order);
    free(edge);
    free(heights);
    return canvas ? canvas_end(canvas, err) : -1;
}
