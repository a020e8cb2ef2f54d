/* SPDX-License-Identifier: MIT */
/* The keys of a sweep, one by one: the figure over their values, and what they explain. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/number.h"
#include "plots/sweep_parts.h"

enum { GAP = 26, PANEL = 240, ROW = 24, NAMES = 190, FEW = 8 };

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* A short line at the median figure of each choice, and the choices' names below the axis. */
static void mark_choices(struct canvas *canvas, const struct axes *axes, const struct plot_sweep *s,
                         const struct plot_key *key, double *some)
{
    double width = axes->box.w / (double)key->choices - 6, y = axes->box.y + axes->box.h + 15;
    for (size_t c = 0; c < key->choices; c++) {
        size_t n = 0;
        for (size_t i = 0; i < s->runs; i++)
            if (key->value[i] == (double)c && isfinite(s->figure[i]))
                some[n++] = s->figure[i];
        qsort(some, n, sizeof *some, ascending);
        double median = n ? some[(n - 1) / 2] / 2 + some[n / 2] / 2 : 0;
        if (n > 1)
            canvas_rule(canvas, axes, (double)c - 0.3, median, (double)c + 0.3, median, COLOR_INK,
                        DASH_NONE);
        if (axes->x.bare)
            canvas_text(canvas, FONT_TICK, ALIGN_CENTER, COLOR_INK, canvas_x(axes, (double)c), y,
                        width, key->choice[c]);
    }
}

static void draw_key(struct canvas *canvas, const struct plot_sweep *s, const struct order *order,
                     const struct plot_key *key, struct rect outer, double *some)
{
    struct axes axes;
    double ends[] = {-0.5, (double)key->choices - 0.5};
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    if (key->choice)
        axis_include(&axes.x, ends, 2);
    else
        axis_include(&axes.x, key->value, s->runs);
    axis_include(&axes.y, s->figure, s->runs);
    axis_fit(&axes.x, key_scale(key));
    axes.x.bare = key->choice && key->choices <= FEW;
    axis_fit(&axes.y, AXIS_AUTO);
    canvas_axes(canvas, &axes, outer, key->name, axes.x.bare ? NULL : "value", NULL);
    for (size_t i = order->count; i-- > 0;) {
        size_t run = order->run[i];
        double spread = key->choice ? 0.3 * (fmod(0.618034 * (double)run, 1) - 0.5) : 0;
        double x = canvas_x(&axes, key->value[run] + spread), y = canvas_y(&axes, s->figure[run]);
        if (!isfinite(key->value[run]))
            continue;
        if (!i)
            canvas_ring(canvas, x, y, color_category[1]);
        else
            canvas_dot(canvas, x, y, 3,
                       s->end[run] == PLOT_DONE ? color_category[0] : (unsigned)COLOR_REST, 1);
    }
    if (key->choice)
        mark_choices(canvas, &axes, s, key, some);
    struct key keys[] = {{MARK_DOT, color_category[0], "ended"},
                         {MARK_DOT, COLOR_REST, "stopped early"},
                         {MARK_RING, color_category[1], "best"}};
    canvas_legend(canvas, &axes, keys, 3);
}

int plot_figure_by_key(const char *path, const struct plot_about *about, const struct plot_sweep *s,
                       struct error *err)
{
    struct order order;
    double *some = malloc((s->runs + 1) * sizeof *some);
    struct canvas *canvas = NULL;
    size_t rows = s->keys ? (s->keys + 1) / 2 : 1;
    if (order_init(&order, s) || !some)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        canvas = canvas_begin(path, "Figure by key", about,
                              CANVAS_TOP + (double)rows * (PANEL + GAP) + CANVAS_BOTTOM, err);
    if (canvas) {
        double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
        order_tell(canvas, s, &order);
        for (size_t k = 0; k < s->keys; k++)
            draw_key(canvas, s, &order, &s->key[k],
                     (struct rect){CANVAS_MARGIN + (double)(k % 2) * (half + GAP),
                                   CANVAS_TOP + (double)(k / 2) * (PANEL + GAP), half, PANEL},
                     some);
        canvas_note(canvas, "A short line is the median of a choice.");
    }
    free(some);
    order_fini(&order);
    return canvas ? canvas_end(canvas, err) : -1;
}

struct importance {
    double share; /* -1: not known */
    size_t key;
};

static int most_first(const void *a, const void *b)
{
    const struct importance *x = a, *y = b;
    if (x->share != y->share)
        return x->share > y->share ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

static void draw_importance(struct canvas *canvas, const struct plot_sweep *s,
                            const struct importance *sorted)
{
    double left = CANVAS_MARGIN + NAMES, width = CANVAS_WIDTH - CANVAS_MARGIN - 60 - left;
    for (size_t i = 0; i < s->keys; i++) {
        double y = CANVAS_TOP + ROW * ((double)i + 0.5), share = fmin(sorted[i].share, 1);
        char text[24] = "not known";
        if (share >= 0) {
            canvas_fill(canvas, (struct rect){left, y - 7, fmax(width * share, 1), 14},
                        color_category[0]);
            number_print(text, sizeof text, "%.0f%%", 100 * share);
        }
        canvas_text(canvas, FONT_LABEL, ALIGN_RIGHT, COLOR_INK, left - 8, y + 4, NAMES - 8,
                    s->key[sorted[i].key].name);
        canvas_text(canvas, FONT_TICK, ALIGN_LEFT, COLOR_MUTED, left + width * fmax(share, 0) + 6,
                    y + 4, 0, text);
    }
}

int plot_key_importance(const char *path, const struct plot_about *about,
                        const struct plot_sweep *s, const double *share, struct error *err)
{
    struct order order;
    struct importance *sorted = malloc((s->keys + 1) * sizeof *sorted);
    struct canvas *canvas = NULL;
    if (order_init(&order, s) || !sorted)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        canvas = canvas_begin(path, "Importance of keys", about,
                              CANVAS_TOP + ROW * fmax(4, (double)s->keys) + CANVAS_BOTTOM, err);
    if (canvas) {
        for (size_t k = 0; k < s->keys; k++)
            sorted[k] = (struct importance){isnan(share[k]) ? -1 : share[k], k};
        qsort(sorted, s->keys, sizeof *sorted, most_first);
        order_tell(canvas, s, &order);
        draw_importance(canvas, s, sorted);
        canvas_note(canvas, "Share of the variance of ranks that a key explains by itself, less "
                            "what chance gives (epsilon squared).");
    }
    free(sorted);
    order_fini(&order);
    return canvas ? canvas_end(canvas, err) : -1;
}
