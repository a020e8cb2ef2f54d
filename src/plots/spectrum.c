/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "plots/canvas.h"
#include "plots/number.h"
#include "plots/plots.h"

enum { PANEL_HEIGHT = 430, POINTS = 700, LINES = 4 };

/* dB: weaker than DEEPEST below the strongest bin there is rounding only; the axis ends AIR below
 * the weakest that is shown. */
enum { DEEPEST = 140, AIR = 8 };

struct curve {
    struct key key;
    const double *power; /* [bins] or NULL */
    double *level;       /* [points] dB */
};

/* Means of neighbouring bins, so that a line has no more points than it has pixels. */
static size_t points_of(size_t bins)
{
    return bins < POINTS ? bins : POINTS;
}

static void pool(const double *values, size_t bins, double *to)
{
    size_t points = points_of(bins);
    for (size_t p = 0; p < points; p++) {
        size_t begin = p * bins / points, end = (p + 1) * bins / points;
        to[p] = 0;
        for (size_t i = begin; i < end; i++)
            to[p] += values[i] / (double)(end - begin);
    }
}

/* Power in the main channel, or everywhere if none is known. */
static double power_inside(const struct plot_spectrum *s, const double *power)
{
    double sum = 0;
    for (size_t i = 0; i < s->bins; i++)
        if (!(s->bandwidth > 0) || fabs(s->frequency[i]) <= s->bandwidth / 2)
            sum += power[i];
    return sum;
}

/* Hz, kHz, MHz or GHz for frequencies up to `highest`. */
static double unit_of(double highest, const char **name)
{
    static const char *const names[] = {"frequency (Hz)", "frequency (kHz)", "frequency (MHz)",
                                        "frequency (GHz)"};
    double unit = 1;
    int i = 0;
    for (; i < 3 && highest >= 1000 * unit; i++)
        unit *= 1000;
    *name = names[i];
    return unit;
}

/* Bands of the main channel and of those beside it, with their names. */
static void draw_channels(struct canvas *canvas, const struct plot_spectrum *s,
                          const struct axes *axes, double unit)
{
    double edge = s->bandwidth / 2 / unit, width = s->channel / unit;
    const struct {
        double low, high;
        unsigned color;
        const char *name;
    } bands[] = {{-edge - width, -edge, color_category[3], "adjacent"},
                 {-edge, edge, color_category[5], "main channel"},
                 {edge, edge + width, color_category[3], "adjacent"}};
    for (size_t i = 0; i < 3 && s->bandwidth > 0; i++) {
        double low = fmax(bands[i].low, axes->x.lo), high = fmin(bands[i].high, axes->x.hi);
        if (!(low < high))
            continue;
        canvas_band(canvas, axes, low, high, bands[i].color);
        double room = canvas_x(axes, high) - canvas_x(axes, low) - 4;
        const char *name = bands[i].name;
        if (canvas_text_width(canvas, FONT_SMALL, name) > room)
            name = i == 1 ? "main" : "adj.";
        if (canvas_text_width(canvas, FONT_SMALL, name) <= room)
            canvas_text(canvas, FONT_SMALL, ALIGN_CENTER, COLOR_MUTED,
                        canvas_x(axes, (low + high) / 2), axes->box.y + 11, 0, name);
    }
}

static void draw(struct canvas *canvas, const struct plot_spectrum *s, struct curve *curves,
                 double *frequency, struct rect outer)
{
    struct axes axes;
    size_t points = points_of(s->bins);
    double highest = 0, peak = -INFINITY, low = INFINITY;
    const char *label;
    pool(s->frequency, s->bins, frequency);
    for (size_t p = 0; p < points; p++)
        highest = isfinite(frequency[p]) ? fmax(highest, fabs(frequency[p])) : highest;
    double unit = unit_of(highest, &label);
    for (size_t p = 0; p < points; p++)
        frequency[p] /= unit;
    for (size_t k = 0; k < LINES; k++) {
        for (size_t p = 0; p < points && curves[k].power; p++) {
            double level = 10 * log10(curves[k].level[p]);
            curves[k].level[p] = level;
            peak = isfinite(level) ? fmax(peak, level) : peak;
        }
    }
    for (size_t k = 0; k < LINES; k++)
        for (size_t p = 0; p < points && curves[k].power; p++) {
            double *level = &curves[k].level[p];
            *level = isnan(*level) ? NAN : fmax(*level - peak, -DEEPEST);
            /* an ideal input is empty beside its channel: it does not set the axis */
            if ((k || !s->output) && isfinite(*level))
                low = fmin(low, *level - AIR);
        }
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, frequency, points);
    double range[] = {fmin(low, -AIR), 0};
    axis_include(&axes.y, range, isfinite(peak) ? 2 : 0);
    int blank = axes.x.lo > axes.x.hi || axes.y.lo > axes.y.hi;
    axis_fit(&axes.x, AXIS_LINEAR);
    axis_fit(&axes.y, AXIS_LINEAR);
    if (!blank) { /* the air that the weakest has below it is enough */
        axes.y.lo = range[0];
        if (isfinite(frequency[points - 1] - frequency[0]) &&
            frequency[0] < frequency[points - 1]) {
            axes.x.lo = frequency[0];
            axes.x.hi = frequency[points - 1];
        }
    }
    canvas_axes(canvas, &axes, outer, "Power spectral density (Welch)", label,
                "relative power (dB)");
    if (blank) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    draw_channels(canvas, s, &axes, unit);
    struct key keys[LINES];
    size_t named = 0;
    for (size_t k = 0; k < LINES; k++) {
        if (!curves[k].power)
            continue;
        keys[named++] = curves[k].key;
        if (curves[k].key.mark == MARK_DASHES)
            canvas_dashes(canvas, &axes, frequency, curves[k].level, points, curves[k].key.color);
        else if (curves[k].key.mark == MARK_WIDE)
            canvas_wide(canvas, &axes, frequency, curves[k].level, points, curves[k].key.color);
        else
            canvas_line(canvas, &axes, frequency, curves[k].level, points, curves[k].key.color);
    }
    canvas_legend(canvas, &axes, keys, named);
}

int plot_spectrum(const char *path, const struct plot_about *about, const struct plot_spectrum *s,
                  struct error *err)
{
    struct curve curves[LINES] = {
        {{MARK_LINE, COLOR_REST, "input, at the output's power"}, s->input, NULL},
        {{MARK_WIDE, color_category[0], "output"}, s->output, NULL},
        {{MARK_DASHES, color_category[1], "model"}, s->model, NULL},
        {{MARK_LINE, color_category[2], "error of the model"}, s->error, NULL},
    };
    double *room = malloc(((LINES + 1) * POINTS) * sizeof *room);
    struct canvas *canvas = NULL;
    if (room)
        canvas =
            canvas_begin(path, "Spectrum", about, CANVAS_TOP + PANEL_HEIGHT + CANVAS_BOTTOM, err);
    else
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (canvas) {
        for (size_t k = 0; k < LINES; k++) {
            curves[k].level = room + (k + 1) * POINTS;
            if (curves[k].power)
                pool(curves[k].power, s->bins, curves[k].level);
        }
        if (s->input && s->output) {
            double gain = power_inside(s, s->output) / power_inside(s, s->input);
            for (size_t p = 0; p < points_of(s->bins); p++)
                curves[0].level[p] *= gain;
        }
        canvas_subtitle(canvas, s->what);
        draw(canvas, s, curves, room,
             (struct rect){CANVAS_MARGIN, CANVAS_TOP, CANVAS_WIDTH - 2 * CANVAS_MARGIN,
                           PANEL_HEIGHT});
        char text[128];
        number_signed(text, sizeof text, "ACLR %.1f / %.1f dB (measured %.1f / %.1f dB)",
                      s->aclr[0], s->aclr[1], s->measured[0], s->measured[1]);
        canvas_note(canvas, isfinite(s->aclr[0]) ? text : "");
    }
    free(room);
    return canvas ? canvas_end(canvas, err) : -1;
}
