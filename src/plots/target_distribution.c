/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "analysis/normality.h"
#include "plots/number.h"
#include "plots/panels.h"
#include "plots/plots.h"

enum { GAP = 26, HISTOGRAM_HEIGHT = 290, QQ_HEIGHT = 340 };

int plot_target_distribution(const char *path, const struct plot_about *about,
                             const struct plot_targets *t, struct error *err)
{
    static const char *const names[PLOT_PARTS] = {"training", "validation", "test"};
    struct sample before[PLOT_PARTS] = {{0}}, after[PLOT_PARTS] = {{0}};
    int failed = 0;
    for (int part = 0; part < PLOT_PARTS; part++) {
        unsigned color = color_category[part];
        failed |= sample_init(&before[part], names[part], color, t->raw[part], t->count[part]);
        failed |=
            sample_init(&after[part], names[part], color, t->transformed[part], t->count[part]);
    }
    double height = CANVAS_TOP + HISTOGRAM_HEIGHT + GAP + QQ_HEIGHT + CANVAS_BOTTOM;
    struct canvas *canvas = NULL;
    if (failed)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        canvas = canvas_begin(path, "Target distribution", about, height, err);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
        double left = CANVAS_MARGIN, right = left + half + GAP;
        double y = CANVAS_TOP + HISTOGRAM_HEIGHT + GAP;
        char text[400], count[PLOT_PARTS][32], normal[64] = "";
        double w, p;
        for (int part = 0; part < PLOT_PARTS; part++)
            number_count(count[part], sizeof count[part], before[part].n);
        if (shapiro_wilk(t->transformed[0], t->count[0], &w, &p) == SHAPIRO_NO_MEMORY)
            canvas_short(canvas);
        else if (isfinite(w))
            number_print(normal, sizeof normal, "; Shapiro\u2013Wilk W of training %.4f", w);
        number_print(text, sizeof text,
                     "%.200s: %s values in training, %s in validation, %s in test%s", t->name,
                     count[0], count[1], count[2], normal);
        canvas_subtitle(canvas, text);
        panel_histogram(
            canvas, (struct rect){left, CANVAS_TOP, t->transform ? half : full, HISTOGRAM_HEIGHT},
            t->transform ? "As it is in the data" : "As it is in the data, untransformed", t->unit,
            before, PLOT_PARTS, 0);
        if (t->transform)
            panel_histogram(canvas, (struct rect){right, CANVAS_TOP, half, HISTOGRAM_HEIGHT},
                            "As the model sees it", t->transform, after, PLOT_PARTS, 0);
        panel_qq(canvas, (struct rect){left, y, half, QQ_HEIGHT},
                 "As the model sees it, against normal", "target", after, PLOT_PARTS,
                 REFERENCE_NORMAL);
        panel_qq(canvas, (struct rect){right, y, half, QQ_HEIGHT},
                 "As the model sees it, against uniform", "target", after, PLOT_PARTS,
                 REFERENCE_UNIFORM);
        number_print(text, sizeof text,
                     "transform: %.200s; the dashed lines have the mean and "
                     "deviation of training",
                     t->transform ? t->transform : "none");
        canvas_note(canvas, text);
    }
    for (int part = 0; part < PLOT_PARTS; part++) {
        sample_fini(&before[part]);
        sample_fini(&after[part]);
    }
    return canvas ? canvas_end(canvas, err) : -1;
}
