/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "plots/canvas.h"
#include "plots/number.h"
#include "plots/plots.h"

enum { GAP = 26, LOSS_HEIGHT = 270, ROW_HEIGHT = 210 };

struct series {
    struct key key;
    const double *y; /* [epochs] */
};

/* One panel: the series over the epochs, its own range, and the best epoch as a dotted line. */
static struct axes panel(struct canvas *canvas, const struct plot_losses *losses, struct rect outer,
                         enum axis_kind kind, const char *title, const char *x_label,
                         const struct series *series, size_t count)
{
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, losses->epoch, losses->epochs);
    for (size_t i = 0; i < count; i++)
        axis_include(&axes.y, series[i].y, series[i].key.mark == MARK_DASHES ? 1 : losses->epochs);
    int blank = axes.y.lo > axes.y.hi;
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, kind);
    canvas_axes(canvas, &axes, outer, title, x_label, NULL);
    if (blank)
        canvas_blank(canvas, &axes, "no data");
    double best = (double)losses->best;
    if (losses->epochs && best >= axes.x.lo && best <= axes.x.hi)
        canvas_rule(canvas, &axes, best, axes.y.lo, best, axes.y.hi, COLOR_FRAME, DASH_DOTS);
    struct key keys[4];
    for (size_t i = 0; i < count; i++) {
        keys[i] = series[i].key;
        if (keys[i].mark == MARK_LINE)
            canvas_line(canvas, &axes, losses->epoch, series[i].y, losses->epochs, keys[i].color);
        else
            canvas_rule(canvas, &axes, axes.x.lo, *series[i].y, axes.x.hi, *series[i].y,
                        keys[i].color, DASH_LONG);
    }
    canvas_legend(canvas, &axes, keys, keys[0].text ? count : 0);
    return axes;
}

/* The panel of the loss, whose best epoch has a ring and is named in the legend. */
static void draw_loss(struct canvas *canvas, const struct plot_losses *losses, struct rect outer)
{
    char title[64] = "Loss", naive[64];
    if (losses->name)
        number_print(title, sizeof title, "Loss (%s)", losses->name);
    number_signed(naive, sizeof naive, "%s %.4g", losses->naive, losses->baseline);
    struct series series[] = {
        {{MARK_LINE, color_category[0], "training"}, losses->train_loss},
        {{MARK_LINE, color_category[1], "validation"}, losses->val_loss},
        {{MARK_DASHES, COLOR_INK, naive}, &losses->baseline},
    };
    size_t count = losses->name && losses->naive && isfinite(losses->baseline) ? 3 : 2;
    struct axes axes = panel(canvas, losses, outer, AXIS_AUTO, title, "epoch", series, count);
    for (size_t i = 0; i < losses->epochs; i++) {
        if (losses->epoch[i] != (double)losses->best)
            continue;
        int validated = isfinite(losses->val_loss[i]);
        double loss = validated ? losses->val_loss[i] : losses->train_loss[i];
        if (!isfinite(loss))
            break;
        char text[96];
        number_signed(text, sizeof text, "best: epoch %ld, %s loss %.4g", losses->best,
                      validated ? "validation" : "training", loss);
        struct key key = {MARK_RING, COLOR_INK, text};
        double width = canvas_text_width(canvas, FONT_TICK, text) + 21;
        canvas_key(canvas, &key, axes.box.x + axes.box.w - width, axes.box.y - 7, width + 1);
        canvas_ring(canvas, canvas_x(&axes, losses->epoch[i]), canvas_y(&axes, loss), COLOR_INK);
        break;
    }
}

/* The terms, two side by side in a row; returns where the row behind them begins. */
static double draw_terms(struct canvas *canvas, const struct plot_losses *losses, struct rect left,
                         struct rect right)
{
    char text[64];
    number_signed(text, sizeof text, "%s %.4g", losses->naive, losses->baseline);
    for (size_t k = 0; k < losses->terms; k++) {
        const struct plot_term *term = &losses->term[k];
        struct series series[] = {
            {{MARK_LINE, color_category[0], "training"}, term->train},
            {{MARK_LINE, color_category[1], "validation"}, term->val},
            {{MARK_DASHES, COLOR_INK, text}, &losses->baseline},
        };
        panel(canvas, losses, k % 2 ? right : left, AXIS_AUTO, term->title, NULL, series,
              !k && losses->naive && isfinite(losses->baseline) ? 3 : 2);
        if (k % 2 || k + 1 == losses->terms)
            left.y = right.y += ROW_HEIGHT + GAP;
    }
    return left.y;
}

/* What the terms are, and of which part the dashed line is. */
static void write_note(struct canvas *canvas, const struct plot_losses *losses)
{
    char text[512];
    int validated = 0;
    for (size_t i = 0; i < losses->epochs; i++)
        validated |= isfinite(losses->val_loss[i]) != 0;
    if (losses->naive)
        number_print(text, sizeof text, "%sDashed: %s, over the %s part.", losses->note,
                     losses->dashed, validated ? "validation" : "training");
    else
        number_print(text, sizeof text, "%s", losses->note);
    canvas_note(canvas, text);
}

int plot_loss_curves(const char *path, const struct plot_about *about,
                     const struct plot_losses *losses, struct error *err)
{
    size_t rows = 1 + (losses->terms + 1) / 2;
    double height = CANVAS_TOP + LOSS_HEIGHT + (double)rows * (GAP + ROW_HEIGHT) + CANVAS_BOTTOM;
    struct canvas *canvas = canvas_begin(path, "Loss curves", about, height, err);
    if (!canvas)
        return -1;
    char text[128], epochs[32];
    number_count(epochs, sizeof epochs, losses->epochs);
    number_print(text, sizeof text, "%s epoch%s; the dotted line marks the best one", epochs,
                 losses->epochs == 1 ? "" : "s");
    canvas_subtitle(canvas, text);

    double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
    double x = CANVAS_MARGIN, y = CANVAS_TOP;
    draw_loss(canvas, losses, (struct rect){x, y, full, LOSS_HEIGHT});
    y += LOSS_HEIGHT + GAP;
    struct rect left = {x, y, half, ROW_HEIGHT}, right = {x + half + GAP, y, half, ROW_HEIGHT};
    left.y = right.y = draw_terms(canvas, losses, left, right);
    struct series lr[] = {{{MARK_LINE, color_category[2], NULL}, losses->lr}};
    panel(canvas, losses, left, AXIS_LINEAR, "Learning rate", "epoch", lr, 1);
    struct series gradient[] = {
        {{MARK_LINE, color_category[3], "largest"}, losses->grad_max},
        {{MARK_LINE, color_category[6], "mean"}, losses->grad_mean},
    };
    panel(canvas, losses, right, AXIS_AUTO, "Gradient norm", "epoch", gradient, 2);
    write_note(canvas, losses);
    return canvas_end(canvas, err);
}
