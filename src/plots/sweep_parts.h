/* SPDX-License-Identifier: MIT */
/*
 * sweep_parts: what the pictures of a sweep have in common: its runs in the order of their figures.
 */
#ifndef PLOTS_SWEEP_PARTS_H
#define PLOTS_SWEEP_PARTS_H

#include "plots/canvas.h"
#include "plots/sweep.h"

/* The runs that have a finite figure, the best one first; equal ones by their number. */
struct order {
    size_t *run; /* [count] */
    size_t count;
};

/* -1: memory; order_fini() is due in each case. */
int order_init(struct order *order, const struct plot_sweep *sweep);
void order_fini(struct order *order);

/* The line below the title: how many runs are shown, how many are not, which figure is better. */
void order_tell(struct canvas *canvas, const struct plot_sweep *sweep, const struct order *order);

/* The kind of the axis that shows the values of a key. */
enum axis_kind key_scale(const struct plot_key *key);

#endif
