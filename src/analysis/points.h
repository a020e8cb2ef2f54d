/* SPDX-License-Identifier: MIT */
/*
 * points: what k-means and t-SNE share about a set of points x [n, d]: the frame that makes them
 * safe for single precision, the layout in which kernels read them, and random numbers.
 *
 * Points lie on the device in blocks, [blocks, d, block]: neighbouring numbers belong to
 * neighbouring points, so that CPUs handle VEC points in one vector and GPUs one point per
 * work-item. What a last block lacks is filled with zeros.
 */
#ifndef ANALYSIS_POINTS_H
#define ANALYSIS_POINTS_H

#include <stddef.h>
#include <stdint.h>

#include "device/device.h"
#include "error.h"

/* framed = (x - offset) * scale: mean 0, largest magnitude in (0.5, 1]. scale is a power of 2. */
struct points_frame {
    double *offset; /* [d] */
    double scale;
};

/* Finds the frame; -1 with STATUS_FAILED if a number is not finite (`what` begins the sentence) or
 * memory runs out. */
int points_frame_init(struct points_frame *frame, const float *x, size_t n, size_t d,
                      const char *what, struct error *err);
void points_frame_fini(struct points_frame *frame);

/* Writes the framed points, in blocks, to `out` [ceil(n / block), d, block]. */
void points_pack(const struct points_frame *frame, const float *x, size_t n, size_t d, size_t block,
                 float *out);

/* Work-items of a group and width of a vector for a device. */
void points_tuning(const struct device *dev, int *lanes, int *vec);

/* A number in (0, 1) that depends on nothing but its arguments. */
double points_uniform(uint64_t seed, uint64_t index);

#endif
