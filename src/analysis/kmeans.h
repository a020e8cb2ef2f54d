/* SPDX-License-Identifier: MIT */
/*
 * k-means: categories of points, on the device.
 *
 * The start is greedy k-means++, followed by Lloyd's iterations. Results depend on the points, the
 * seed and the device's vector width only: the same bits run after run, however many cores. The
 * caller owns all arrays.
 */
#ifndef ANALYSIS_KMEANS_H
#define ANALYSIS_KMEANS_H

#include <stddef.h>
#include <stdint.h>

#include "device/device.h"
#include "error.h"
#include "log/log.h"

/*
 * Divides x [n, d] into *k categories. Iterates until no point changes its category, at most
 * `iterations` times. Where x holds fewer than *k different points, *k becomes their number (told
 * to `log`). Empty categories restart at the points that lie farthest from their centroids.
 * inertia is the sum of squared distances to the nearest centroid. Fails with STATUS_FAILED (no
 * points, numbers that are not finite, memory) or STATUS_DEVICE. 1: stopped (device_stop_at()).
 */
int kmeans_fit(struct device *dev, const float *x, size_t n, size_t d, size_t *k, uint64_t seed,
               long iterations, float *centroids /* [k, d] */, uint32_t *category /* [n] */,
               uint64_t *size /* [k] */, double *inertia, struct log *log, struct error *err);

/* Nearest centroid of each of x [n, d], the lowest of equals. A point's category does not depend on
 * the others. Fails like kmeans_fit(). */
int kmeans_assign(struct device *dev, const float *x, size_t n, size_t d,
                  const float *centroids /* [k, d] */, size_t k, uint32_t *category /* [n] */,
                  struct error *err);

#endif
