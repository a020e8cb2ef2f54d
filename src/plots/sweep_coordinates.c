/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "plots/number.h"
#include "plots/sweep_parts.h"

enum { HEIGHT = 430, HEAD = 30, FOOT = 44, SIDE = 60, LABELS = 12 };

/* Where value v of the axis k stands, 0 at the bottom; k = keys is the figure. */
static double place(const struct plot_sweep *s, const struct axis *axis, size_t k, double v)
{
    if (k < s->keys && s->key[k].choice)
        return (v + 0.5) / (double)s->key[k].choices;
    return axis_place(&axis[k], v);
}

static void fit(const struct plot_sweep *s, struct axis *axis)
{
    for (size_t k = 0; k <= s->keys; k++) {
        axis_clear(&axis[k]);
        axis_include(&axis[k], k < s->keys ? s->key[k].value : s->figure, s->runs);
        axis_fit(&axis[k], k < s->keys ? key_scale(&s->key[k]) : AXIS_AUTO);
    }
}

/* Names at the values of an axis: of choices (the first and the last where they are many), or
 * numbers. */
static void label_axis(struct canvas *canvas, const struct axes *axes, const struct plot_sweep *s,
                       const struct axis *axis, size_t k)
{
    double x = canvas_x(axes, (double)k);
    if (k < s->keys && s->key[k].choice) {
        size_t n = s->key[k].choices;
        for (size_t i = 0; i < n; i++)
            if (n <= LABELS || !i || i == n - 1)
                canvas_text_rimmed(canvas, FONT_TICK, x,
                                   canvas_y(axes, ((double)i + 0.5) / (double)n),
                                   s->key[k].choice[i]);
        return;
    }
    struct tick ticks[AXIS_TICKS];
    int power, n = axis_ticks(&axis[k], 6, ticks, &power);
    for (int i = 0; i < n; i++) {
        char text[48];
        if (!ticks[i].label[0])
            continue;
        if (power || ticks[i].power[0])
            number_signed(text, sizeof text, "%.3g", ticks[i].at);
        else
            number_print(text, sizeof text, "%s", ticks[i].label);
        canvas_text_rimmed(canvas, FONT_TICK, x, canvas_y(axes, axis_place(&axis[k], ticks[i].at)),
                           text);
    }
}

static void draw(struct canvas *canvas, const struct plot_sweep *s, const struct order *order,
                 struct axis *axis, double *x, double *y)
{
    struct axes axes = {{0, (double)s->keys, 0, 0, 0, 1}, {0, 1, 0, 0, 0, 1}, {0, 0, 0, 0}};
    unsigned map[COLOR_MAP];
    double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, room = (full - 2 * SIDE) / (double)s->keys;
    axes.box = (struct rect){CANVAS_MARGIN + SIDE, CANVAS_TOP + HEAD, full - 2 * SIDE,
                             HEIGHT - HEAD - FOOT};
    color_values(map);
    fit(s, axis);
    for (size_t k = 0; k <= s->keys; k++) {
        double at = canvas_x(&axes, (double)k), width = fmin(room - 8, 2 * SIDE);
        canvas_fill(canvas, (struct rect){at - 0.4, axes.box.y, 0.8, axes.box.h}, COLOR_FRAME);
        canvas_text(canvas, FONT_LABEL, ALIGN_CENTER, COLOR_INK, at, axes.box.y - 12, width,
                    k < s->keys ? s->key[k].name : s->name);
    }
    for (size_t i = order->count; i-- > 0;) {
        size_t run = order->run[i];
        for (size_t k = 0; k <= s->keys; k++) {
            x[k] = (double)k;
            y[k] = place(s, axis, k, k < s->keys ? s->key[k].value[run] : s->figure[run]);
        }
        double rank = order->count > 1 ? (double)i / (double)(order->count - 1) : 0;
        if (i)
            canvas_line(canvas, &axes, x, y, s->keys + 1,
                        map[lround(rank * 0.9 * (COLOR_MAP - 1))]);
        else
            canvas_wide(canvas, &axes, x, y, s->keys + 1, color_category[1]);
    }
    for (size_t k = 0; k <= s->keys; k++)
        label_axis(canvas, &axes, s, axis, k);
    struct rect bar = {CANVAS_WIDTH - CANVAS_MARGIN - 160, CANVAS_TOP + HEIGHT - 20, 160, 8};
    canvas_colorbar(canvas, bar, map, "best", NULL, "worst");
}

int plot_parallel_coordinates(const char *path, const struct plot_about *about,
                              const struct plot_sweep *s, struct error *err)
{
    struct order order;
    struct axis *axis = calloc(s->keys + 1, sizeof *axis);
    double *x = malloc(2 * (s->keys + 1) * sizeof *x);
    struct canvas *canvas = NULL;
    if (order_init(&order, s) || !axis || !x)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        canvas = canvas_begin(path, "Parallel coordinates", about,
                              CANVAS_TOP + HEIGHT + CANVAS_BOTTOM, err);
    if (canvas) {
        order_tell(canvas, s, &order);
        if (order.count && s->keys)
            draw(canvas, s, &order, axis, x, x + s->keys + 1);
        canvas_note(canvas, "The wide line is the best run.");
    }
    free(axis);
    free(x);
    order_fini(&order);
    return canvas ? canvas_end(canvas, err) : -1;
}
