/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plots/number.h"
#include "plots/panels.h"
#include "plots/plots.h"

enum {
    GAP = 26,
    SCATTER_HEIGHT = 400,
    TIME_HEIGHT = 220,
    LOW_HEIGHT = 180,
    DETAIL = 200,
    GROUPS = 10
};
enum {
    SERIES = 8, /* that have a panel */
    FEW = 30,   /* independent points, below which a pattern says little */
};

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
    canvas_axes(canvas, &axes, outer,
                p->common[0] ? "Predicted against actual, transformed" : "Predicted against actual",
                "actual", "predicted");
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

/* ---- over time ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The longest step in time that is no hole: ten times the median one. `room` [n]. */
static double longest_step(const double *time, size_t n, double *room)
{
    for (size_t i = 1; i < n; i++)
        room[i - 1] = time[i] - time[i - 1];
    if (n < 2)
        return INFINITY;
    qsort(room, n - 1, sizeof *room, by_value);
    return 10 * room[(n - 1) / 2];
}

/* Draws both lines through the points [begin, end), interrupted at holes in time. */
static void draw_lines(struct canvas *canvas, const struct plot_predictions *p,
                       const struct axes *axes, const double *x, size_t begin, size_t end,
                       double longest)
{
    for (size_t i = begin, next; i < end; i = next) {
        for (next = i + 1; next < end && x[next] - x[next - 1] <= longest; next++)
            ;
        canvas_wide(canvas, axes, x + i, p->actual + i, next - i, color_category[0]);
    }
    for (size_t i = begin, next; i < end; i = next) {
        for (next = i + 1; next < end && x[next] - x[next - 1] <= longest; next++)
            ;
        canvas_line(canvas, axes, x + i, p->predicted + i, next - i, color_category[1]);
    }
}

/* The range of the values [begin, end) that is shown; returns how many points lie beyond, or
 * SIZE_MAX for memory. */
static size_t fit_values(const struct plot_predictions *p, struct axis *y, size_t begin, size_t end)
{
    const double *const values[] = {p->actual + begin, p->predicted + begin};
    size_t n = end - begin, beyond = 0;
    double low, high;
    axis_clear(y);
    for (int k = 0; k < 2; k++) {
        struct sample sample;
        if (sample_init(&sample, NULL, 0, values[k], n))
            return SIZE_MAX;
        if (sample_range(&sample, &low, &high)) {
            axis_include(y, &low, 1);
            axis_include(y, &high, 1);
        }
        sample_fini(&sample);
    }
    low = y->lo;
    high = y->hi;
    axis_fit(y, AXIS_LINEAR);
    for (size_t i = 0; i < n && low <= high; i++)
        beyond += values[0][i] < y->lo || values[0][i] > y->hi || values[1][i] < y->lo ||
                  values[1][i] > y->hi;
    return beyond;
}

/* "2017-03-14" */
static void print_day(char *out, size_t size, double time)
{
    time_t seconds = (time_t)floor(time / 1000);
    struct tm tm;
    out[0] = 0;
    if (gmtime_r(&seconds, &tm))
        strftime(out, size, "%Y-%m-%d", &tm);
}

/* What the axis counts: "2017-03-14 to 2018-01-02 (UTC)", or windows. */
static void print_axis(char *out, size_t size, const struct plot_predictions *p, size_t begin,
                       size_t end)
{
    char first[32], last[32];
    if (!p->time) {
        number_print(out, size, "%s", p->each);
        return;
    }
    print_day(first, sizeof first, p->time[begin]);
    print_day(last, sizeof last, p->time[end - 1]);
    int same = !strcmp(first, last);
    number_print(out, size, "%s%s%s (UTC)", first, same ? "" : " to ", same ? "" : last);
}

/* Points [begin, end) of a series over x: the time, or their number. `room` [count]. */
static void draw_time(struct canvas *canvas, const struct plot_predictions *p,
                      const struct plot_series *s, const double *x, size_t begin, size_t end,
                      const char *title, struct rect outer, double *room)
{
    struct axes axes;
    char label[96];
    axis_clear(&axes.x);
    axis_include(&axes.x, x + begin, end - begin);
    axis_fit(&axes.x, p->time ? AXIS_TIME : AXIS_WHOLE);
    size_t beyond = fit_values(p, &axes.y, begin, end);
    if (beyond == SIZE_MAX) {
        canvas_short(canvas);
        return;
    }
    print_axis(label, sizeof label, p, begin, end);
    canvas_axes(canvas, &axes, outer, title, label, p->common[0] ? s->name : p->unit);
    draw_lines(canvas, p, &axes, x, begin, end,
               p->time ? longest_step(x + begin, end - begin, room) : INFINITY);
    struct key keys[] = {{MARK_WIDE, color_category[0], "actual"},
                         {MARK_LINE, color_category[1], "predicted"}};
    canvas_legend(canvas, &axes, keys, 2);
    panel_beyond(canvas, &axes, beyond);
}

/* ---- which series ---- */

struct choice {
    size_t count, series[SERIES]; /* ascending */
    size_t longest;               /* of the series that are drawn */
};

static size_t points_of(const struct plot_predictions *p, size_t series)
{
    return p->series[series].end - p->series[series].begin;
}

/* The series with the most points; of equal ones the first. */
static struct choice choose(const struct plot_predictions *p)
{
    struct choice c = {0};
    for (size_t s = 0; s < p->series_count; s++) {
        size_t least = 0;
        if (!points_of(p, s))
            continue;
        for (size_t i = 1; i < c.count; i++)
            if (points_of(p, c.series[i]) <= points_of(p, c.series[least]))
                least = i;
        if (c.count == SERIES && points_of(p, s) <= points_of(p, c.series[least]))
            continue;
        if (c.count == SERIES)
            memmove(c.series + least, c.series + least + 1, (--c.count - least) * sizeof *c.series);
        c.series[c.count++] = s;
    }
    c.longest = c.count ? c.series[0] : 0;
    for (size_t i = 1; i < c.count; i++)
        if (points_of(p, c.series[i]) > points_of(p, c.longest))
            c.longest = c.series[i];
    return c;
}

/* The last points of the longest series get a panel of their own. */
static int has_detail(const struct plot_predictions *p, const struct choice *c)
{
    return c->count && points_of(p, c->longest) > 2 * DETAIL;
}

/* A panel for each chosen series; x [count] becomes the time, or a point's number in its series. */
static void draw_series(struct canvas *canvas, const struct plot_predictions *p,
                        const struct choice *c, struct rect outer, double *x, double *room)
{
    char title[320], number[32];
    for (size_t i = 0; i < c->count; i++) {
        const struct plot_series *s = &p->series[c->series[i]];
        for (size_t k = s->begin; k < s->end; k++)
            x[k] = p->time ? p->time[k] : (double)(k - s->begin) + 1;
        number_count(number, sizeof number, s->end - s->begin);
        number_print(title, sizeof title, "Over time: %.200s (%s %s%s)", s->name, number, p->each,
                     s->end - s->begin == 1 ? "" : "s");
        draw_time(canvas, p, s, x, s->begin, s->end, title, outer, room);
        outer.y += outer.h + GAP;
    }
    if (!has_detail(p, c))
        return;
    const struct plot_series *s = &p->series[c->longest];
    number_print(title, sizeof title, "The last %d %ss of %.200s", DETAIL, p->each, s->name);
    draw_time(canvas, p, s, x, s->end - DETAIL, s->end, title, outer, room);
}

/* "ret(close,1), test part: 1,235 windows of 4 series, about 247 of them independent; 2 beyond the
 * axes" */
static void write_facts(struct canvas *canvas, const struct plot_predictions *p,
                        const struct choice *c, size_t outside)
{
    char count[32], text[512], series[96] = "", overlap[96] = "", beyond[64] = "";
    number_count(count, sizeof count, p->count);
    if (p->series_count > 1 && c->count < p->series_count)
        number_print(series, sizeof series, " of %zu series, %zu of them below", p->series_count,
                     c->count);
    else if (p->series_count > 1)
        number_print(series, sizeof series, " of %zu series", p->series_count);
    if (p->independent < (double)p->count)
        number_print(overlap, sizeof overlap, "; targets overlap: about %.0f are independent",
                     ceil(p->independent));
    if (outside)
        number_print(beyond, sizeof beyond, "; %zu beyond the axes", outside);
    number_print(text, sizeof text, "%.200s: %s %s%s%s%s%s%s", p->what, count, p->each,
                 p->count == 1 ? "" : "s", series, overlap, beyond,
                 p->count && p->independent < FEW ? "; few: much may be chance" : "");
    canvas_subtitle(canvas, text);
    canvas_note(canvas, p->verdict ? p->verdict : "");
}

int plot_predictions(const char *path, const struct plot_about *about,
                     const struct plot_predictions *p, struct error *err)
{
    struct plot_predictions cloud = *p;
    if (p->common[0]) {
        cloud.actual = p->common[0];
        cloud.predicted = p->common[1];
    }
    struct sample actual = {0}, predicted = {0};
    double *place = malloc((2 * p->count + 1) * sizeof *place), x[GROUPS], y[GROUPS];
    struct pair *pairs = malloc((p->count + 1) * sizeof *pairs);
    int ready = place && pairs && !sample_init(&actual, NULL, 0, cloud.actual, p->count) &&
                !sample_init(&predicted, NULL, 0, cloud.predicted, p->count);
    struct choice c = choose(p);
    size_t panels = c.count + (size_t)has_detail(p, &c);
    double panel = c.count > 1 ? LOW_HEIGHT : TIME_HEIGHT;
    double height = CANVAS_TOP + SCATTER_HEIGHT + (double)panels * (GAP + panel);
    struct canvas *canvas = NULL;
    if (ready)
        canvas = canvas_begin(path, "Predictions", about, height + CANVAS_BOTTOM, err);
    else
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, left = 414, top = CANVAS_TOP;
        struct rect scatter = {CANVAS_MARGIN, top, left, SCATTER_HEIGHT};
        struct rect tenths = {CANVAS_MARGIN + left + GAP, top, full - left - GAP, SCATTER_HEIGHT};
        struct rect time = {CANVAS_MARGIN, top + SCATTER_HEIGHT + GAP, full, panel};
        size_t outside = draw_scatter(canvas, &cloud, &actual, &predicted, scatter);
        draw_calibration(canvas, x, y, calibrate(&cloud, pairs, x, y), tenths);
        draw_series(canvas, p, &c, time, place, place + p->count);
        write_facts(canvas, p, &c, outside);
    }
    free(place);
    free(pairs);
    sample_fini(&actual);
    sample_fini(&predicted);
    return canvas ? canvas_end(canvas, err) : -1;
}
