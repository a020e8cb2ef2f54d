/* SPDX-License-Identifier: MIT */
/*
 * scaler: scaled = (x - offset) / scale, fitted feature by feature. `struct scaler`, its copy and
 * its end are declared in data/dataset.h.
 */
#ifndef DATA_SCALER_H
#define DATA_SCALER_H

#include <stddef.h>

#include "data/dataset.h"

/* Makes room for `features` features, all with offset 0 and scale 1. -1: memory. */
int scaler_init(struct scaler *scaler, int kind, size_t features);

enum scaler_fit { SCALER_FITTED, SCALER_CONSTANT, SCALER_TOO_WIDE };

/*
 * Fits one feature to the values x[count], count > 0, which may be reordered.
 *   standard  offset = mean, scale = standard deviation (over count, not count - 1)
 *   minmax    scale = (highest - lowest) / (high - low), offset = lowest - low * scale: [low, high]
 *   robust    offset = median, scale = upper less lower quartile (linear interpolation)
 * SCALER_CONSTANT: the scale would be 0 and is set to 1. SCALER_TOO_WIDE: highest - lowest is not a
 * finite number; nothing is set.
 */
enum scaler_fit scaler_fit(struct scaler *scaler, size_t feature, double *x, size_t count);

#endif
