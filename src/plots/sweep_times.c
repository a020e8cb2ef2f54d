/* SPDX-License-Identifier: MIT */
/* The runs of a sweep over their epochs, and its slots over the hours. */
#include <math.h>
#include <stdlib.h>

#include "plots/number.h"
#include "plots/sweep_parts.h"

enum { CURVES = 360, BEST = 8, KEY_ROW = 17, ROW = 26, NAMES = 90, HEAD = 34, FOOT = 40 };

/* --- learning curves */

static void draw_curves(struct canvas *canvas, const struct plot_sweep *s,
                        const struct order *order, const double *const *curve, const size_t *epochs,
                        const double *number)
{
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    for (size_t i = 0; i < s->runs; i++) {
        axis_include(&axes.x, number, epochs[i]);
        axis_include(&axes.y, curve[i], epochs[i]);
    }
    int blank = axes.y.lo > axes.y.hi;
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, AXIS_AUTO);
    struct rect outer = {CANVAS_MARGIN, CANVAS_TOP, CANVAS_WIDTH - 2 * CANVAS_MARGIN, CURVES};
    canvas_axes(canvas, &axes, outer, s->name, "epoch", NULL);
    if (blank)
        canvas_blank(canvas, &axes, "no data");
    for (size_t i = 0; i < s->runs; i++)
        canvas_line(canvas, &axes, number, curve[i], epochs[i],
                    s->end[i] == PLOT_DONE ? COLOR_REST : COLOR_MISSING);
    size_t best = order->count < BEST ? order->count : BEST;
    for (size_t i = best; i-- > 0;) {
        size_t run = order->run[i];
        char text[160];
        double half = outer.w / 2;
        canvas_line(canvas, &axes, number, curve[run], epochs[run], color_category[i]);
        number_signed(text, sizeof text, "%.4g  %s", s->figure[run], s->label[run]);
        struct key key = {MARK_LINE, color_category[i], text};
        canvas_key(canvas, &key, CANVAS_MARGIN + 46 + (double)(i % 2) * half,
                   CANVAS_TOP + CURVES + 24 + KEY_ROW * (double)(i / 2), half - 60);
    }
}

int plot_learning_curves(const char *path, const struct plot_about *about,
                         const struct plot_sweep *s, const double *const *curve,
                         const size_t *epochs, struct error *err)
{
    struct order order;
    size_t most = 0;
    for (size_t i = 0; i < s->runs; i++)
        most = epochs[i] > most ? epochs[i] : most;
    double *number = malloc((most + 1) * sizeof *number);
    struct canvas *canvas = NULL;
    if (order_init(&order, s) || !number)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        canvas = canvas_begin(path, "Learning curves", about,
                              CANVAS_TOP + CURVES + 24 + KEY_ROW * (BEST / 2) + CANVAS_BOTTOM, err);
    if (canvas) {
        for (size_t i = 0; i < most; i++)
            number[i] = (double)i + 1;
        order_tell(canvas, s, &order);
        draw_curves(canvas, s, &order, curve, epochs, number);
        canvas_note(canvas, "Grey: the other runs, lighter those that were stopped or failed.");
    }
    free(number);
    order_fini(&order);
    return canvas ? canvas_end(canvas, err) : -1;
}

/* --- timeline */

static const char *const end_name[PLOT_ENDS] = {"ended", "stopped early", "failed"};

static unsigned end_color(enum plot_end end)
{
    return end == PLOT_DONE     ? color_category[0]
           : end == PLOT_PRUNED ? COLOR_REST
                                : color_category[1];
}

static void draw_tries(struct canvas *canvas, const struct plot_sweep *s, const struct axes *axes,
                       const struct plot_try *tries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct plot_try *t = &tries[i];
        double x0 = canvas_x(axes, t->begin), x1 = canvas_x(axes, t->end);
        struct rect bar = {x0, axes->box.y + ROW * (double)t->slot + 4, fmax(x1 - x0 - 1, 0.5),
                           ROW - 8};
        canvas_fill(canvas, bar, end_color(t->how));
        if (canvas_text_width(canvas, FONT_TINY, s->label[t->run]) < bar.w - 4)
            canvas_text(canvas, FONT_TINY, ALIGN_LEFT, 0xffffff, x0 + 3, bar.y + bar.h / 2 + 3, 0,
                        s->label[t->run]);
    }
}

int plot_timeline(const char *path, const struct plot_about *about, const struct plot_sweep *s,
                  char *const *slot, size_t slots, const struct plot_try *tries, size_t count,
                  struct error *err)
{
    double rows = ROW * (double)(slots ? slots : 1);
    struct canvas *canvas = canvas_begin(path, "Timeline of slots", about,
                                         CANVAS_TOP + HEAD + rows + FOOT + CANVAS_BOTTOM, err);
    if (!canvas)
        return -1;
    char text[96];
    struct axes axes = {.y = {0, 1, 0, 0, 0, 1}};
    axes.box = (struct rect){CANVAS_MARGIN + NAMES, CANVAS_TOP + HEAD,
                             CANVAS_WIDTH - 2 * CANVAS_MARGIN - NAMES, rows};
    axis_clear(&axes.x);
    for (size_t i = 0; i < count; i++) {
        axis_include(&axes.x, &tries[i].begin, 1);
        axis_include(&axes.x, &tries[i].end, 1);
    }
    axis_fit(&axes.x, AXIS_TIME);
    number_print(text, sizeof text, "%zu tr%s in %zu slot%s; time is UTC", count,
                 count == 1 ? "y" : "ies", slots, slots == 1 ? "" : "s");
    canvas_subtitle(canvas, text);
    for (size_t i = 0; i < slots; i++)
        canvas_text(canvas, FONT_LABEL, ALIGN_RIGHT, COLOR_INK, axes.box.x - 8,
                    axes.box.y + ROW * ((double)i + 0.5) + 4, NAMES - 8, slot[i]);
    if (count)
        canvas_x_ticks(canvas, &axes);
    else
        canvas_blank(canvas, &axes, "no run has begun");
    draw_tries(canvas, s, &axes, tries, count);
    canvas_frame(canvas, axes.box, COLOR_FRAME);
    struct key keys[PLOT_ENDS];
    for (size_t i = 0; i < PLOT_ENDS; i++)
        keys[i] = (struct key){MARK_BAR, end_color((enum plot_end)i), end_name[i]};
    canvas_legend(canvas, &axes, keys, PLOT_ENDS);
    canvas_note(canvas, "");
    return canvas_end(canvas, err);
}
