/* SPDX-License-Identifier: MIT */
/*
 * pictures: what a sweep has come to as pictures in its folder: parallel_coordinates.png,
 * figure_by_key.png, key_importance.png, learning_curves.png and timeline.png (plots/sweep.h).
 */
#ifndef SWEEP_PICTURES_H
#define SWEEP_PICTURES_H

#include "sweep/state.h"

/* Draws them from the journal and the logs of the runs, unless plots.enable = none. Runs that are
 * judged by different figures have no pictures that compare them. */
int pictures_write(struct state *state, struct error *err);

#endif
