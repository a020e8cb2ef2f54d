/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "plots/number.h"
#include "plots/panels.h"
#include "plots/plots.h"

enum { GAP = 26, PANEL_HEIGHT = 390, POINTS = 8000 };

/* Below this share of the largest input the phase is mostly noise and does not set the axis. */
#define FAINT 0.1

/* What is drawn of one output: amplitude and phase shift of every sample. */
struct shift {
    const char *name;
    unsigned color;
    double *amplitude, *phase; /* [count]; degrees */
};

static double amplitude(const double *iq, size_t i)
{
    return hypot(iq[2 * i], iq[2 * i + 1]);
}

/* Degrees from x to y: the argument of y conj(x). */
static double phase(const double *x, const double *y, size_t i)
{
    double re = y[2 * i] * x[2 * i] + y[2 * i + 1] * x[2 * i + 1];
    double im = y[2 * i + 1] * x[2 * i] - y[2 * i] * x[2 * i + 1];
    return re == 0 && im == 0 ? NAN : atan2(im, re) * 180 / acos(-1);
}

static int shift_init(struct shift *s, const char *name, unsigned color, const double *input,
                      const double *output, size_t count)
{
    *s = (struct shift){name, color, malloc((count + 1) * sizeof(double)),
                        malloc((count + 1) * sizeof(double))};
    if (!s->amplitude || !s->phase)
        return -1;
    for (size_t i = 0; i < count; i++) {
        s->amplitude[i] = amplitude(output, i);
        s->phase[i] = phase(input, output, i);
    }
    return 0;
}

static void shift_fini(struct shift *s)
{
    free(s->amplitude);
    free(s->phase);
}

/* Large pale points of the measured device, small ones of the model on top; of many every nth. */
static void draw_points(struct canvas *canvas, const struct axes *axes, const double *x,
                        const struct shift *shifts, size_t outputs, int phases, size_t count)
{
    size_t step = count / POINTS + 1;
    for (size_t k = 0; k < outputs; k++)
        for (size_t i = 0; i < count; i += step) {
            double y = phases ? shifts[k].phase[i] : shifts[k].amplitude[i];
            double up = axis_place(&axes->y, y);
            if (isfinite(x[i]) && isfinite(y) && up >= 0 && up <= 1)
                canvas_dot(canvas, canvas_x(axes, x[i]), canvas_y(axes, y), k ? 0.8 : 2,
                           shifts[k].color, k ? 0.7 : 0.35);
        }
}

static void draw(struct canvas *canvas, const double *x, const struct shift *shifts, size_t outputs,
                 int phases, size_t count, struct rect outer)
{
    struct axes axes;
    double zero = 0, largest = 0;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, x, count);
    for (size_t i = 0; i < count; i++)
        largest = isfinite(x[i]) ? fmax(largest, x[i]) : largest;
    for (size_t k = 0; k < outputs; k++)
        for (size_t i = 0; i < count; i++)
            if (!phases)
                axis_include(&axes.y, &shifts[k].amplitude[i], 1);
            else if (x[i] >= FAINT * largest)
                axis_include(&axes.y, &shifts[k].phase[i], 1);
    int blank = axes.x.lo > axes.x.hi || axes.y.lo > axes.y.hi;
    axis_include(&axes.x, &zero, 1);
    axis_include(&axes.y, &zero, !phases);
    axis_fit(&axes.x, AXIS_LINEAR);
    axis_fit(&axes.y, AXIS_LINEAR);
    canvas_axes(canvas, &axes, outer, phases ? "AM/PM" : "AM/AM", "amplitude of the input",
                phases ? "phase shift (\u00b0)" : "amplitude of the output");
    if (blank) {
        canvas_blank(canvas, &axes, "no data");
        return;
    }
    draw_points(canvas, &axes, x, shifts, outputs, phases, count);
    struct key keys[2];
    for (size_t k = 0; k < outputs; k++)
        keys[k] = (struct key){MARK_DOT, shifts[k].color, shifts[k].name};
    canvas_legend(canvas, &axes, keys, outputs);
}

int plot_am_am_pm(const char *path, const struct plot_about *about, const struct plot_amplifier *a,
                  struct error *err)
{
    struct shift shifts[2] = {{0}};
    size_t outputs = a->model ? 2 : 1;
    double *x = malloc((a->count + 1) * sizeof *x);
    int failed = !x || shift_init(&shifts[0], "measured", color_category[0], a->input, a->measured,
                                  a->count);
    if (!failed && a->model)
        failed = shift_init(&shifts[1], "model", color_category[1], a->input, a->model, a->count);
    struct canvas *canvas = NULL;
    if (failed)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        canvas = canvas_begin(path, "AM/AM and AM/PM", about,
                              CANVAS_TOP + PANEL_HEIGHT + CANVAS_BOTTOM, err);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
        struct rect left = {CANVAS_MARGIN, CANVAS_TOP, half, PANEL_HEIGHT}, right = left;
        right.x += half + GAP;
        for (size_t i = 0; i < a->count; i++)
            x[i] = amplitude(a->input, i);
        draw(canvas, x, shifts, outputs, 0, a->count, left);
        draw(canvas, x, shifts, outputs, 1, a->count, right);
        char text[320], count[32];
        number_count(count, sizeof count, a->count);
        number_print(text, sizeof text, "%.200s: %s samples%s", a->what, count,
                     a->count > POINTS ? ", some of them drawn" : "");
        canvas_subtitle(canvas, text);
        number_signed(text, sizeof text, "NMSE %.2f dB", a->nmse);
        canvas_note(canvas, isfinite(a->nmse) ? text : "");
    }
    free(x);
    shift_fini(&shifts[0]);
    shift_fini(&shifts[1]);
    return canvas ? canvas_end(canvas, err) : -1;
}
