/* SPDX-License-Identifier: MIT */
#include "plots/panels.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/normality.h"
#include "plots/number.h"

enum { BINS = 80, CURVE = 200, FEW_POINTS = 1500 };

/* ---- samples ---- */

int sample_init(struct sample *sample, const char *name, unsigned color, const double *x, size_t n)
{
    *sample = (struct sample){name, color, malloc((n + 1) * sizeof *sample->sorted), 0};
    if (!sample->sorted)
        return -1;
    sample->n = normality_sort(x, n, sample->sorted);
    return 0;
}

void sample_fini(struct sample *sample)
{
    free(sample->sorted);
    sample->sorted = NULL;
}

double sample_mean(const struct sample *sample)
{
    double mean = 0;
    for (size_t i = 0; i < sample->n; i++)
        mean += sample->sorted[i] / (double)sample->n;
    return sample->n ? mean : NAN;
}

double sample_sd(const struct sample *sample)
{
    double mean = sample_mean(sample), square = 0;
    for (size_t i = 0; i < sample->n; i++)
        square += (sample->sorted[i] - mean) * (sample->sorted[i] - mean) / (double)sample->n;
    return sqrt(square);
}

int sample_range(const struct sample *sample, double *low, double *high)
{
    if (!sample->n)
        return 0;
    double q0 = normality_quantile(sample->sorted, sample->n, 0.005);
    double q1 = normality_quantile(sample->sorted, sample->n, 0.995);
    double air = q1 > q0 ? (q1 - q0) / 2 : INFINITY;
    *low = fmax(sample->sorted[0], q0 - air);
    *high = fmin(sample->sorted[sample->n - 1], q1 + air);
    return 1;
}

static int samples_range(const struct sample *samples, size_t count, double *low, double *high)
{
    double l, h;
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (!sample_range(&samples[i], &l, &h))
            continue;
        *low = fmin(*low, l);
        *high = fmax(*high, h);
    }
    return *low <= *high;
}

void panel_beyond(struct canvas *canvas, const struct axes *axes, size_t beyond)
{
    char number[32], text[64];
    if (!beyond)
        return;
    number_count(number, sizeof number, beyond);
    number_print(text, sizeof text, "%s beyond the axes", number);
    canvas_text(canvas, FONT_SMALL, ALIGN_RIGHT, COLOR_MUTED, axes->box.x + axes->box.w,
                axes->box.y - 7, 0, text);
}

static size_t legend_of(const struct sample *samples, size_t count, enum mark mark,
                        struct key *keys)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (samples[i].n && samples[i].name)
            keys[n++] = (struct key){mark, samples[i].color, samples[i].name};
    return n;
}

/* ---- histograms ---- */

/* Expected per cent in a bin of this width around x. */
static double expected(double x, double width, double mean, double sd)
{
    return 100 *
           (normal_cdf((x + width / 2 - mean) / sd) - normal_cdf((x - width / 2 - mean) / sd));
}

/* Counts of the samples [count, BINS], in per cent of each; returns the number of bins. */
static size_t bin(const struct sample *samples, size_t count, double *edge, double *share,
                  size_t *beyond)
{
    const struct sample *largest = samples;
    double low, high;
    if (!samples_range(samples, count, &low, &high))
        return 0;
    if (low == high) {
        double air = low == 0 ? 0.5 : 0.05 * fabs(low);
        low -= air;
        high += air;
    }
    for (size_t i = 1; i < count; i++)
        largest = samples[i].n > largest->n ? &samples[i] : largest;
    size_t bins = histogram_edges(largest->sorted, largest->n, low, high, BINS, edge);
    *beyond = 0;
    for (size_t i = 0; i < count; i++) {
        double *to = share + i * BINS;
        for (size_t b = 0; b < bins; b++)
            to[b] = 0;
        *beyond += histogram_count(samples[i].sorted, samples[i].n, edge, bins, to);
        for (size_t b = 0; b < bins; b++)
            to[b] *= 100 / fmax((double)samples[i].n, 1);
    }
    return bins;
}

void panel_histogram(struct canvas *canvas, struct rect outer, const char *title,
                     const char *x_label, const struct sample *samples, size_t count, int fitted)
{
    enum { SAMPLES = 4 };
    double edge[BINS + 1], share[SAMPLES * BINS], x[CURVE], y[CURVE], zero = 0;
    size_t beyond = 0;
    if (count > SAMPLES)
        count = SAMPLES;
    size_t bins = bin(samples, count, edge, share, &beyond);
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, edge, bins ? bins + 1 : 0);
    axis_include(&axes.y, &zero, bins ? 1 : 0);
    for (size_t i = 0; i < count; i++)
        axis_include(&axes.y, share + i * BINS, bins);
    double mean = sample_mean(samples), sd = sample_sd(samples);
    fitted = fitted && bins && sd > 0 && isfinite(sd);
    double width = bins ? (edge[bins] - edge[0]) / (double)bins : 0;
    if (fitted) {
        for (size_t i = 0; i < CURVE; i++) {
            x[i] = edge[0] + (edge[bins] - edge[0]) * (double)i / (CURVE - 1);
            y[i] = expected(x[i], width, mean, sd);
        }
        axis_include(&axes.y, y, CURVE);
    }
    axis_fit(&axes.x, AXIS_LINEAR);
    axis_fit(&axes.y, AXIS_LINEAR);
    canvas_axes(canvas, &axes, outer, title, x_label, "share (%)");
    if (!bins) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    struct key keys[SAMPLES + 1];
    size_t named = legend_of(samples, count, MARK_BAR, keys);
    if (count == 1)
        canvas_bars(canvas, &axes, edge, share, bins, samples[0].color);
    else
        for (size_t i = count; i-- > 0;)
            if (samples[i].n)
                canvas_steps(canvas, &axes, edge, share + i * BINS, bins, samples[i].color);
    if (fitted) {
        canvas_line(canvas, &axes, x, y, CURVE, COLOR_INK);
        keys[named++] = (struct key){MARK_LINE, COLOR_INK, "normal distribution"};
    }
    canvas_legend(canvas, &axes, keys, named);
    panel_beyond(canvas, &axes, beyond);
}

/* ---- QQ ---- */

static double quantile_of(enum reference reference, size_t i, size_t n)
{
    double position = normality_position(i, n);
    return reference == REFERENCE_NORMAL ? normal_quantile(position) : position;
}

/* The points of a sample, leaving out those that would hide behind the one before. */
static void draw_quantiles(struct canvas *canvas, const struct axes *axes,
                           const struct sample *sample, enum reference reference)
{
    double px = -INFINITY, py = -INFINITY;
    for (size_t i = 0; i < sample->n; i++) {
        double x = canvas_x(axes, quantile_of(reference, i, sample->n));
        double y = canvas_y(axes, sample->sorted[i]);
        int inside = y >= axes->box.y - 2 && y <= axes->box.y + axes->box.h + 2;
        if (!inside || hypot(x - px, y - py) < 0.8)
            continue;
        canvas_dot(canvas, x, y, 1.6, sample->color, 0.8);
        px = x;
        py = y;
    }
}

void panel_qq(struct canvas *canvas, struct rect outer, const char *title, const char *y_label,
              const struct sample *samples, size_t count, enum reference reference)
{
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    for (size_t i = 0; i < count; i++) {
        size_t n = samples[i].n;
        if (!n)
            continue;
        double ends[] = {quantile_of(reference, 0, n), quantile_of(reference, n - 1, n)};
        double values[] = {samples[i].sorted[0], samples[i].sorted[n - 1]};
        axis_include(&axes.x, ends, 2);
        axis_include(&axes.y, values, 2);
    }
    int blank = axes.x.lo > axes.x.hi;
    axis_fit(&axes.x, AXIS_LINEAR);
    axis_fit(&axes.y, AXIS_LINEAR);
    canvas_axes(canvas, &axes, outer, title,
                reference == REFERENCE_NORMAL ? "quantile of the standard normal distribution"
                                              : "quantile of the uniform distribution",
                y_label);
    if (blank) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    /* the line on which samples of the reference with this mean and deviation lie: a uniform one
     * over 0..1 has the deviation 1 / sqrt(12) */
    double mean = sample_mean(samples), sd = sample_sd(samples);
    double unit = reference == REFERENCE_NORMAL ? sd : sd * sqrt(12);
    double centre = reference == REFERENCE_NORMAL ? 0 : 0.5;
    for (size_t i = count; i-- > 0;)
        draw_quantiles(canvas, &axes, &samples[i], reference);
    if (isfinite(unit))
        canvas_rule(canvas, &axes, axes.x.lo, mean + (axes.x.lo - centre) * unit, axes.x.hi,
                    mean + (axes.x.hi - centre) * unit, COLOR_INK, DASH_LONG);
    struct key keys[5];
    size_t named = legend_of(samples, count < 4 ? count : 4, MARK_DOT, keys);
    keys[named++] =
        (struct key){MARK_DASHES, COLOR_INK, reference == REFERENCE_NORMAL ? "normal" : "uniform"};
    canvas_legend(canvas, &axes, keys, named);
}

/* ---- clouds ---- */

/* Cells of 1.5 points, aligned to pixels. */
struct grid {
    size_t columns, rows;
    double x, y, side;
    unsigned *count; /* [rows, columns] */
    unsigned most;
};

static void draw_grid(struct canvas *canvas, const struct axes *axes, const struct grid *g)
{
    unsigned map[COLOR_MAP];
    color_values(map);
    double top = log((double)g->most + 1);
    for (size_t r = 0; r < g->rows; r++)
        for (size_t c = 0; c < g->columns; c++) {
            unsigned count = g->count[r * g->columns + c];
            if (!count)
                continue;
            double shade = g->most > 1 ? log((double)count) / top : 0;
            canvas_fill(canvas,
                        (struct rect){g->x + (double)c * g->side, g->y + (double)r * g->side,
                                      g->side, g->side},
                        map[(int)(shade * (COLOR_MAP - 1))]);
        }
    char most[32];
    number_count(most, sizeof most, g->most);
    double right = axes->box.x + axes->box.w, y = axes->box.y - 7;
    double room = canvas_text_width(canvas, FONT_SMALL, most);
    canvas_text(canvas, FONT_SMALL, ALIGN_RIGHT, COLOR_MUTED, right, y, 0, most);
    canvas_colorbar(canvas, (struct rect){right - room - 66, y - 6.5, 60, 6}, map, NULL, NULL,
                    NULL);
    canvas_text(canvas, FONT_SMALL, ALIGN_RIGHT, COLOR_MUTED, right - room - 70, y, 0,
                "points per cell: 1");
}

size_t panel_cloud(struct canvas *canvas, const struct axes *axes, const double *x, const double *y,
                   size_t n, unsigned color)
{
    struct grid g = {.x = floor(axes->box.x), .y = floor(axes->box.y), .side = 1.5};
    g.columns = (size_t)ceil(axes->box.w / g.side) + 1;
    g.rows = (size_t)ceil(axes->box.h / g.side) + 1;
    if (n > FEW_POINTS && !(g.count = calloc(g.columns * g.rows, sizeof *g.count))) {
        canvas_short(canvas);
        return 0;
    }
    double radius = n <= 200 ? 2.5 : 1.6;
    size_t outside = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]))
            continue;
        double across = axis_place(&axes->x, x[i]), up = axis_place(&axes->y, y[i]);
        if (!(across >= 0 && across <= 1 && up >= 0 && up <= 1)) {
            outside++;
            continue;
        }
        double px = canvas_x(axes, x[i]), py = canvas_y(axes, y[i]);
        if (!g.count) {
            canvas_dot(canvas, px, py, radius, color, 0.45);
            continue;
        }
        unsigned *cell =
            &g.count[(size_t)((py - g.y) / g.side) * g.columns + (size_t)((px - g.x) / g.side)];
        ++*cell;
        g.most = *cell > g.most ? *cell : g.most;
    }
    if (g.count)
        draw_grid(canvas, axes, &g);
    free(g.count);
    return outside;
}
