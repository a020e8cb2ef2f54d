/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "plots/canvas.h"
#include "plots/number.h"
#include "plots/plots.h"

enum {
    NAMES_WIDEST = 120, /* points for the names of the features */
    FIT_WIDTH = 40,     /* points for each feature's R2 */
    COLUMN_GAP = 14,
    BLOCK_HEAD = 40, /* title of a window and of its columns */
    BLOCK_FOOT = 36, /* time axis, and air */
    LEGEND_HEIGHT = 44,
    NAME_PITCH = 9, /* rows thinner than this cannot all have a name */
};

/* The colour scale of one feature of one window. */
struct scale {
    double low, span;
};

struct layout {
    size_t shown;        /* windows that are drawn */
    double row;          /* height of a feature */
    double names, width; /* of the names and of a heat map */
};

static double column_x(const struct layout *layout, int column)
{
    return CANVAS_MARGIN + layout->names + 8 + column * (layout->width + COLUMN_GAP);
}

static double original_at(const struct plot_reconstruction *w, size_t i, size_t t, size_t f)
{
    return (double)w->original[(i * w->window + t) * w->features + f];
}

static double error_at(const struct plot_reconstruction *w, size_t i, size_t t, size_t f)
{
    return (double)w->reconstruction[(i * w->window + t) * w->features + f] -
           original_at(w, i, t, f);
}

/* The lowest value and the range of a feature over windows [first, last); span 0: no value. */
static struct scale range(const struct plot_reconstruction *w, size_t first, size_t last, size_t f)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = first; i < last; i++) {
        for (size_t t = 0; t < w->window; t++) {
            double v = original_at(w, i, t, f);
            if (!isfinite(v))
                continue;
            low = fmin(low, v);
            high = fmax(high, v);
        }
    }
    return low <= high ? (struct scale){low, high - low} : (struct scale){0, 0};
}

/*
 * The originals' range in the window itself: the level of a price differs so much from window to
 * window that a wider scale would show flat bands. A feature that hardly moves here gets 2% of its
 * range over all windows, so that noise does not pass for a pattern.
 */
static struct scale scale_of(const struct plot_reconstruction *w, size_t i, size_t f)
{
    struct scale all = range(w, 0, w->count, f), own = range(w, i, i + 1, f);
    double least = 0.02 * all.span;
    if (least <= 0)
        least = fmax(0.02 * fabs(own.low), 1e-6);
    if (own.span < least) {
        own.low -= (least - own.span) / 2;
        own.span = least;
    }
    return own;
}

/* The smallest round share of the scales that holds 98% of the errors in all shown windows. */
static double error_limit(const struct plot_reconstruction *w, const struct scale *scales,
                          size_t shown)
{
    static const double limits[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5};
    enum { LIMITS = sizeof limits / sizeof *limits };
    size_t beyond[LIMITS] = {0}, count = 0;
    for (size_t i = 0; i < shown; i++) {
        for (size_t t = 0; t < w->window; t++) {
            for (size_t f = 0; f < w->features; f++) {
                double e = fabs(error_at(w, i, t, f)) / scales[i * w->features + f].span;
                for (int k = 0; k < LIMITS; k++)
                    beyond[k] += e > limits[k];
                count++;
            }
        }
    }
    for (int k = 0; k < LIMITS; k++)
        if ((double)beyond[k] <= 0.02 * (double)count)
            return limits[k];
    return 1;
}

/* Squared error of a feature and its squared distance to the window's mean, which is 0 where it is
 * no more than rounding. */
static void squares(const struct plot_reconstruction *w, size_t i, size_t f, double *error,
                    double *spread)
{
    double mean = 0, size = 0;
    for (size_t t = 0; t < w->window; t++)
        mean += original_at(w, i, t, f) / (double)w->window;
    *error = *spread = 0;
    for (size_t t = 0; t < w->window; t++) {
        double e = error_at(w, i, t, f), d = original_at(w, i, t, f) - mean;
        *error += e * e;
        *spread += d * d;
        size += original_at(w, i, t, f) * original_at(w, i, t, f);
    }
    if (*spread <= 1e-14 * size)
        *spread = 0;
}

/* R2 = 1 - error / spread as text; a dash where nothing spreads. */
static void print_fit(char *out, size_t size, double error, double spread)
{
    double fit = 1 - error / spread;
    if (!(spread > 0) || isnan(fit))
        number_print(out, size, "\u2013");
    else if (fit < -9.99)
        number_print(out, size, "< \u221210");
    else
        number_signed(out, size, "%.2f", fabs(fit) < 0.005 ? 0 : fit);
}

/* Every how many rows a name fits. */
static size_t name_step(const struct layout *layout)
{
    return (size_t)ceil(NAME_PITCH / layout->row);
}

static enum font name_font(const struct layout *layout)
{
    return layout->row >= 13 ? FONT_TICK : layout->row >= 11 ? FONT_SMALL : FONT_TINY;
}

static void draw_names(struct canvas *canvas, const struct plot_reconstruction *w,
                       const struct layout *layout, size_t i, double top)
{
    enum font font = name_font(layout);
    for (size_t f = 0; f < w->features; f += name_step(layout)) {
        double y = top + ((double)f + 0.5) * layout->row + 3, error, spread;
        canvas_text(canvas, font, ALIGN_RIGHT, COLOR_INK, column_x(layout, 0) - 6, y, layout->names,
                    w->feature_names[f]);
        char text[32];
        squares(w, i, f, &error, &spread);
        print_fit(text, sizeof text, error, spread);
        canvas_text(canvas, font, ALIGN_RIGHT, COLOR_INK, CANVAS_WIDTH - CANVAS_MARGIN, y, 0, text);
    }
}

static void draw_head(struct canvas *canvas, const struct plot_reconstruction *w,
                      const struct layout *layout, size_t i, double top)
{
    static const char *const columns[] = {"original", "reconstruction", "error"};
    double error = 0, spread = 0, e, s;
    for (size_t f = 0; f < w->features; f++) {
        squares(w, i, f, &e, &s);
        error += e;
        spread += s;
    }
    char fit[32], text[96];
    print_fit(fit, sizeof fit, error, spread);
    error /= (double)(w->window * w->features);
    if (isfinite(error))
        number_signed(text, sizeof text, "mean squared error %.3g, R\u00b2 %s", error, fit);
    else
        number_print(text, sizeof text, "mean squared error not finite");
    double right = CANVAS_WIDTH - CANVAS_MARGIN, left = column_x(layout, 0);
    double width = canvas_text_width(canvas, FONT_TICK, text);
    canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_INK, right, top - 22, 0, text);
    canvas_text(canvas, FONT_PANEL, ALIGN_LEFT, COLOR_INK, left, top - 22,
                right - width - 20 - left, w->titles[i]);
    for (int k = 0; k < 3; k++)
        canvas_text(canvas, FONT_TICK, ALIGN_CENTER, COLOR_MUTED,
                    column_x(layout, k) + layout->width / 2, top - 5, 0, columns[k]);
    canvas_text(canvas, FONT_TICK, ALIGN_RIGHT, COLOR_MUTED, right, top - 5, 0, "R\u00b2");
}

/* The rows of the window below a heat map: the middle of column t is the value t. */
static void draw_time(struct canvas *canvas, const struct plot_reconstruction *w, struct rect map,
                      int last)
{
    struct axes axes = {.box = map};
    axes.x = (struct axis){.lo = -0.5, .hi = (double)w->window - 0.5, .whole = 1};
    canvas_x_ticks(canvas, &axes);
    if (last)
        canvas_text(canvas, FONT_TICK, ALIGN_CENTER, COLOR_INK, map.x + map.w / 2,
                    map.y + map.h + 29, 0, "row of the window");
}

/* What map k (original, reconstruction, error) shows of one value: 0 to 1, or NaN. */
static float shade(const struct plot_reconstruction *w, const struct scale *scale, double limit,
                   int k, size_t i, size_t t, size_t f)
{
    double original = original_at(w, i, t, f), error = error_at(w, i, t, f);
    double v = k == 2 ? 0.5 + error / scale->span / limit / 2
                      : (original + (k ? error : 0) - scale->low) / scale->span;
    return isnan(v) ? NAN : (float)fmin(fmax(v, 0), 1);
}

/* One window: values [features, window] is room for what is shown. */
static void draw_window(struct canvas *canvas, const struct plot_reconstruction *w,
                        const struct layout *layout, const struct scale *scales, double limit,
                        size_t i, double top, float *values)
{
    unsigned colors[2][COLOR_MAP];
    color_values(colors[0]);
    color_errors(colors[1]);
    for (int k = 0; k < 3; k++) {
        for (size_t f = 0; f < w->features; f++)
            for (size_t t = 0; t < w->window; t++)
                values[f * w->window + t] =
                    shade(w, &scales[i * w->features + f], limit, k, i, t, f);
        struct rect map = {column_x(layout, k), top, layout->width,
                           layout->row * (double)w->features};
        canvas_heatmap(canvas, map, values, w->features, w->window, colors[k == 2]);
        canvas_frame(canvas, map, COLOR_FRAME);
        draw_time(canvas, w, map, i + 1 == layout->shown);
    }
    draw_head(canvas, w, layout, i, top);
    draw_names(canvas, w, layout, i, top);
}

static void draw_legend(struct canvas *canvas, const struct layout *layout, double limit, double y)
{
    unsigned colors[COLOR_MAP];
    char low[32], high[32];
    color_values(colors);
    struct rect bar = {column_x(layout, 0), y, 2 * layout->width + COLUMN_GAP, 9};
    canvas_colorbar(canvas, bar, colors, "lowest", "range of each feature's original in its window",
                    "highest");
    color_errors(colors);
    number_signed(low, sizeof low, "%.0f%%", -100 * limit);
    number_print(high, sizeof high, "+%.0f%%", 100 * limit);
    bar.x = column_x(layout, 2);
    bar.w = layout->width;
    canvas_colorbar(canvas, bar, colors, low, "error / that range", high);
}

/* Row heights on the pixel grid, thick for few features; as many windows as a PNG can hold. */
static struct layout plan(const struct plot_reconstruction *w)
{
    struct layout layout = {0};
    double row = fmin(18, 420 / (double)w->features);
    layout.row =
        w->features <= 64 ? fmax(floor(2 * row) / 2, NAME_PITCH) : 576 / (double)w->features;
    double block = layout.row * (double)w->features + BLOCK_HEAD + BLOCK_FOOT;
    double room = CANVAS_TALLEST - CANVAS_TOP - CANVAS_BOTTOM - LEGEND_HEIGHT;
    layout.shown = (size_t)fmin((double)w->count, floor(room / block));
    return layout;
}

static void fit_names(struct canvas *canvas, const struct plot_reconstruction *w,
                      struct layout *layout)
{
    enum font font = name_font(layout);
    for (size_t f = 0; f < w->features; f++)
        layout->names =
            fmax(layout->names, canvas_text_width(canvas, font, w->feature_names[f]) + 1);
    layout->names = fmin(layout->names, NAMES_WIDEST);
    double room = CANVAS_WIDTH - CANVAS_MARGIN - FIT_WIDTH - column_x(layout, 0);
    layout->width = floor(2 * (room - 2 * COLUMN_GAP) / 3) / 2;
}

int plot_reconstruction_quality(const char *path, const struct plot_about *about,
                                const struct plot_reconstruction *windows, struct error *err)
{
    if (!windows->features || !windows->window)
        return error_set(err, STATUS_FAILED, "%s: windows without rows or features", path);
    struct layout layout = plan(windows);
    size_t features = windows->features, cells = windows->window * features;
    struct scale *scales = calloc(layout.shown * features + 1, sizeof *scales);
    float *values = malloc(cells * sizeof *values);
    struct canvas *canvas = NULL;
    double block = layout.row * (double)features + BLOCK_HEAD + BLOCK_FOOT;
    double bottom = CANVAS_TOP + block * (double)layout.shown;
    if (scales && values)
        canvas = canvas_begin(path, "Reconstruction quality", about,
                              bottom + LEGEND_HEIGHT + CANVAS_BOTTOM, err);
    else
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (canvas) {
        fit_names(canvas, windows, &layout);
        for (size_t i = 0; i < layout.shown; i++)
            for (size_t f = 0; f < features; f++)
                scales[i * features + f] = scale_of(windows, i, f);
        double limit = error_limit(windows, scales, layout.shown);
        for (size_t i = 0; i < layout.shown; i++)
            draw_window(canvas, windows, &layout, scales, limit, i,
                        CANVAS_TOP + block * (double)i + BLOCK_HEAD, values);
        draw_legend(canvas, &layout, limit, bottom + 12);
        char text[256];
        number_print(text, sizeof text,
                     "%zu window%s of the %.100s, of %zu row%s and %zu feature%s", layout.shown,
                     layout.shown == 1 ? "" : "s", windows->what, windows->window,
                     windows->window == 1 ? "" : "s", features, features == 1 ? "" : "s");
        canvas_subtitle(canvas, text);
        canvas_note(canvas, "R\u00b2: share of the movement within the window that is reproduced");
    }
    free(scales);
    free(values);
    return canvas ? canvas_end(canvas, err) : -1;
}
