/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "analysis/normality.h"
#include "plots/number.h"
#include "plots/panels.h"
#include "plots/plots.h"

enum { GAP = 26, HISTOGRAM_HEIGHT = 290, QQ_HEIGHT = 340 };

/* "Shapiro-Wilk W = 0.9876, p = 1.2e-05, of 5,000 of 60,000 values" */
static void write_test(struct canvas *canvas, const struct plot_residuals *r, size_t n)
{
    double w, p;
    char used_text[32], all[32], text[200];
    size_t used = shapiro_wilk(r->residual, r->count, &w, &p);
    if (used == SHAPIRO_NO_MEMORY)
        canvas_short(canvas);
    number_count(used_text, sizeof used_text, used);
    number_count(all, sizeof all, n);
    if (isnan(w))
        number_print(text, sizeof text, "Shapiro\u2013Wilk: too few different values");
    else if (r->independent < (double)r->count)
        number_signed(
            text, sizeof text,
            "Shapiro\u2013Wilk W = %.5g, of %s%s%s values; they overlap: no p can be told", w,
            used_text, used < n ? " of " : "", used < n ? all : "");
    else
        number_signed(text, sizeof text, "Shapiro\u2013Wilk W = %.5g, p %s%.3g, of %s%s%s values",
                      w, p < 1e-99 ? "< " : "= ", fmax(p, 1e-99), used_text, used < n ? " of " : "",
                      used < n ? all : "");
    canvas_note(canvas, text);
}

int plot_residuals(const char *path, const struct plot_about *about, const struct plot_residuals *r,
                   struct error *err)
{
    struct sample sample;
    if (sample_init(&sample, "residuals", color_category[0], r->residual, r->count))
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    double height = CANVAS_TOP + HISTOGRAM_HEIGHT + GAP + QQ_HEIGHT + CANVAS_BOTTOM;
    struct canvas *canvas = canvas_begin(path, "Residuals", about, height, err);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2, x = CANVAS_MARGIN;
        double y = CANVAS_TOP + HISTOGRAM_HEIGHT + GAP;
        char text[320], count[32], moments[96];
        number_count(count, sizeof count, sample.n);
        number_signed(moments, sizeof moments, "mean %.3g, standard deviation %.3g",
                      sample_mean(&sample), sample_sd(&sample));
        number_print(text, sizeof text, "%.200s: %s residuals, %s", r->what, count, moments);
        canvas_subtitle(canvas, text);
        number_print(text, sizeof text, "predicted less actual %.200s", r->unit);
        panel_histogram(canvas, (struct rect){x, CANVAS_TOP, full, HISTOGRAM_HEIGHT},
                        "Distribution", text, &sample, 1, 1);
        sample.name = NULL; /* one colour needs no legend below */
        panel_qq(canvas, (struct rect){x, y, half, QQ_HEIGHT}, "Against the normal distribution",
                 "residual", &sample, 1, REFERENCE_NORMAL);
        panel_qq(canvas, (struct rect){x + half + GAP, y, half, QQ_HEIGHT},
                 "Against the uniform distribution", "residual", &sample, 1, REFERENCE_UNIFORM);
        write_test(canvas, r, sample.n);
    }
    sample_fini(&sample);
    return canvas ? canvas_end(canvas, err) : -1;
}
