/* SPDX-License-Identifier: MIT */
/*
 * target_sample: values of targets, raw and as the model sees them, and their picture.
 */
#ifndef TASK_TARGET_SAMPLE_H
#define TASK_TARGET_SAMPLE_H

#include "config/config.h"
#include "data/dataset.h"
#include "plots/plots.h"

/* Values of a target, raw and as the model sees it (NULL: not wanted), in the rows that windows of
 * a part have as targets: each row once, evenly spaced, at most `most`; *n of them. `target` counts
 * as data->transform does: with channels apart target k of a channel is channel * targets + k. */
int target_sample(const struct dataset *data, enum part part, size_t target, size_t most,
                  double *raw, double *seen, size_t *n, struct error *err);

/* target_distribution.png: the first target of each part before and after its transform. */
int target_sample_draw(const struct dataset *data, const struct config *config, const char *path,
                       const struct plot_about *about, struct error *err);

#endif
