/* SPDX-License-Identifier: MIT */
/*
 * augmented: training windows as data.augment has a model see them, before there is one. For
 * pictures. It owns nothing.
 */
#ifndef TRAIN_AUGMENTED_H
#define TRAIN_AUGMENTED_H

#include "data/dataset.h"
#include "exec/session.h"

/* The training windows at start[count], in scaled units: as they are into was[count, window,
 * features], as a model reads them in the epochs 1 .. epochs into is[epochs, count, window,
 * features]. */
int augmented_windows(struct session *session, const struct config *config,
                      const struct dataset *data, const uint32_t *start, size_t count,
                      size_t epochs, float *was, float *is, struct error *err);

#endif
