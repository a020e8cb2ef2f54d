/* SPDX-License-Identifier: MIT */
#include "plots/sweep_parts.h"

#include <math.h>
#include <stdlib.h>

#include "plots/number.h"

struct ranked {
    double loss; /* lower is better */
    size_t run;
};

static int by_loss(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

int order_init(struct order *order, const struct plot_sweep *s)
{
    struct ranked *ranked = malloc((s->runs + 1) * sizeof *ranked);
    *order = (struct order){malloc((s->runs + 1) * sizeof *order->run), 0};
    if (!ranked || !order->run) {
        free(ranked);
        return -1;
    }
    for (size_t i = 0; i < s->runs; i++)
        if (isfinite(s->figure[i]))
            ranked[order->count++] = (struct ranked){s->higher ? -s->figure[i] : s->figure[i], i};
    qsort(ranked, order->count, sizeof *ranked, by_loss);
    for (size_t i = 0; i < order->count; i++)
        order->run[i] = ranked[i].run;
    free(ranked);
    return 0;
}

void order_fini(struct order *order)
{
    free(order->run);
}

void order_tell(struct canvas *canvas, const struct plot_sweep *s, const struct order *order)
{
    char text[256], best[96] = "", without[48] = "";
    if (order->count)
        number_signed(best, sizeof best, "; the best has %.4g", s->figure[order->run[0]]);
    if (order->count < s->runs)
        number_print(without, sizeof without, " (%zu more without a figure)",
                     s->runs - order->count);
    number_print(text, sizeof text, "%zu run%s%s by %s, %s is better%s", order->count,
                 order->count == 1 ? "" : "s", without, s->name, s->higher ? "higher" : "lower",
                 best);
    canvas_subtitle(canvas, text);
}

enum axis_kind key_scale(const struct plot_key *key)
{
    if (key->choice || key->scale == PLOT_WHOLE)
        return AXIS_WHOLE;
    return key->scale == PLOT_LOG ? AXIS_AUTO : AXIS_LINEAR;
}
