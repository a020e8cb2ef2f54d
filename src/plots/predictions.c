/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "plots/number.h"
#include "plots/panels.h"
#include "plots/plots.h"

enum { GAP = 26, SCATTER_HEIGHT = 400, TIME_HEIGHT = 220, DETAIL = 200, GROUPS = 10 };

/* One range for both axes, so that the identity is the diagonal. */
static struct axes square_axes(const struct sample *actual, const struct sample *predicted)
{
    struct axes axes;
    double low, high;
    axis_clear(&axes.x);
    if (sample_range(actual, &low, &high)) {
        axis_include(&axes.x, &low, 1);
        axis_include(&axes.x, &high, 1);
    }
    if (sample_range(predicted, &low, &high)) {
        axis_include(&axes.x, &low, 1);
        axis_include(&axes.x, &high, 1);
    }
    axis_fit(&axes.x, AXIS_LINEAR);
    axes.y = axes.x;
    return axes;
}

static void draw_identity(struct canvas *canvas, const struct axes *axes)
{
    double low = fmin(axes->x.lo, axes->y.lo), high = fmax(axes->x.hi, axes->y.hi);
    canvas_rule(canvas, axes, low, low, high, high, COLOR_INK, DASH_LONG);
    struct key key = {MARK_DASHES, COLOR_INK, "identity"};
    canvas_legend(canvas, axes, &key, 1);
}

/* Returns how many points lie outside. */
static size_t draw_scatter(struct canvas *canvas, const struct plot_predictions *p,
                           const struct sample *actual, const struct sample *predicted,
                           struct rect outer)
{
    struct axes axes = square_axes(actual, predicted);
    canvas_axes(canvas, &axes, outer, "Predicted against actual", "actual", "predicted");
    if (!actual->n || !predicted->n) {
        canvas_blank(canvas, &axes, "no data");
        return 0;
    }
    size_t outside =
        panel_cloud(canvas, &axes, p->actual, p->predicted, p->count, color_category[0]);
    draw_identity(canvas, &axes);
    return outside;
}

struct pair {
    double predicted, actual;
};

static int by_prediction(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

/* Mean of the actual values in each tenth of the predictions, lowest to highest; returns the number
 * of groups. pairs [count] is room. */
static size_t calibrate(const struct plot_predictions *p, struct pair *pairs, double *x, double *y)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        if (isfinite(p->predicted[i]) && isfinite(p->actual[i]))
            pairs[n++] = (struct pair){p->predicted[i], p->actual[i]};
    qsort(pairs, n, sizeof *pairs, by_prediction);
    size_t groups = n < GROUPS ? n : GROUPS;
    for (size_t g = 0; g < groups; g++) {
        size_t begin = g * n / groups, end = (g + 1) * n / groups;
        x[g] = y[g] = 0;
        for (size_t i = begin; i < end; i++) {
            x[g] += pairs[i].predicted / (double)(end - begin);
            y[g] += pairs[i].actual / (double)(end - begin);
        }
    }
    return groups;
}

static void draw_calibration(struct canvas *canvas, const double *x, const double *y, size_t groups,
                             struct rect outer)
{
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, x, groups);
    axis_include(&axes.y, y, groups);
    axis_fit(&axes.x, AXIS_LINEAR);
    axis_fit(&axes.y, AXIS_LINEAR);
    canvas_axes(canvas, &axes, outer, "Calibration: tenths of the predictions", "mean predicted",
                "mean actual");
    if (!groups) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    canvas_line(canvas, &axes, x, y, groups, color_category[1]);
    draw_identity(canvas, &axes);
}

/* Samples [begin, end) over time; index [count] is 1, 2, 3 ... */
static void draw_time(struct canvas *canvas, const struct plot_predictions *p, const double *index,
                      const struct axes *square, size_t begin, size_t end, const char *title,
                      struct rect outer)
{
    struct axes axes;
    size_t n = end - begin;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, index + begin, n);
    for (size_t i = begin; i < end; i++) {
        double pair[] = {p->actual[i], p->predicted[i]};
        for (int k = 0; k < 2; k++)
            if (pair[k] >= square->x.lo && pair[k] <= square->x.hi)
                axis_include(&axes.y, &pair[k], 1);
    }
    int blank = axes.y.lo > axes.y.hi;
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, AXIS_LINEAR);
    canvas_axes(canvas, &axes, outer, title, "sample", p->unit);
    if (blank) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    canvas_line(canvas, &axes, index + begin, p->actual + begin, n, color_category[0]);
    canvas_line(canvas, &axes, index + begin, p->predicted + begin, n, color_category[1]);
    struct key keys[] = {{MARK_LINE, color_category[0], "actual"},
                         {MARK_LINE, color_category[1], "predicted"}};
    canvas_legend(canvas, &axes, keys, 2);
}

static void write_facts(struct canvas *canvas, const struct plot_predictions *p, size_t outside)
{
    char count[32], beyond[32], text[320];
    number_count(count, sizeof count, p->count);
    number_count(beyond, sizeof beyond, outside);
    number_print(text, sizeof text, "%.200s: %s sample%s%s%s%s", p->what, count,
                 p->count == 1 ? "" : "s", outside ? ", " : "", outside ? beyond : "",
                 outside ? " beyond the axes" : "");
    canvas_subtitle(canvas, text);
    canvas_note(canvas, p->verdict ? p->verdict : "");
}

int plot_predictions(const char *path, const struct plot_about *about,
                     const struct plot_predictions *p, struct error *err)
{
    struct sample actual = {0}, predicted = {0};
    double *index = malloc((p->count + 1) * sizeof *index), x[GROUPS], y[GROUPS];
    struct pair *pairs = malloc((p->count + 1) * sizeof *pairs);
    int ready = index && pairs && !sample_init(&actual, NULL, 0, p->actual, p->count) &&
                !sample_init(&predicted, NULL, 0, p->predicted, p->count);
    int detail = p->count > 2 * DETAIL;
    double height = CANVAS_TOP + SCATTER_HEIGHT + (detail ? 2 : 1) * (GAP + TIME_HEIGHT);
    struct canvas *canvas = NULL;
    if (ready)
        canvas = canvas_begin(path, "Predictions", about, height + CANVAS_BOTTOM, err);
    else
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, left = 414, top = CANVAS_TOP;
        struct rect scatter = {CANVAS_MARGIN, top, left, SCATTER_HEIGHT};
        struct rect tenths = {CANVAS_MARGIN + left + GAP, top, full - left - GAP, SCATTER_HEIGHT};
        struct rect time = {CANVAS_MARGIN, top + SCATTER_HEIGHT + GAP, full, TIME_HEIGHT};
        struct axes square = square_axes(&actual, &predicted);
        for (size_t i = 0; i < p->count; i++)
            index[i] = (double)i + 1;
        size_t outside = draw_scatter(canvas, p, &actual, &predicted, scatter);
        draw_calibration(canvas, x, y, calibrate(p, pairs, x, y), tenths);
        draw_time(canvas, p, index, &square, 0, p->count, "Over time", time);
        time.y += TIME_HEIGHT + GAP;
        if (detail)
            draw_time(canvas, p, index, &square, p->count - DETAIL, p->count,
                      "The last 200 samples", time);
        write_facts(canvas, p, outside);
    }
    free(index);
    free(pairs);
    sample_fini(&actual);
    sample_fini(&predicted);
    return canvas ? canvas_end(canvas, err) : -1;
}
