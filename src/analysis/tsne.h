/* SPDX-License-Identifier: MIT */
/*
 * t-SNE: a map of points in the plane, on the device (van der Maaten and Hinton 2008).
 *
 * Affinities reach to the 3 * perplexity nearest neighbours, found exactly; forces between all
 * pairs are summed exactly, n^2 a step, and no n x n matrix is ever stored. Results depend on the
 * points, the seed and the device's vector width only: the same bits run after run.
 */
#ifndef ANALYSIS_TSNE_H
#define ANALYSIS_TSNE_H

#include <stddef.h>
#include <stdint.h>

#include "device/device.h"
#include "error.h"
#include "log/log.h"

/*
 * Maps x [n, d] to xy [n, 2], centred, and gives the Kullback-Leibler divergence of the map in
 * nats. A perplexity over (n - 1) / 3 is lowered to that (told to `log`); fewer than 4 points are
 * laid out by their principal components, with divergence 0. Fails with STATUS_FAILED (numbers that
 * are not finite, memory) or STATUS_DEVICE. 1: stopped (device_stop_at()).
 */
int tsne_fit(struct device *dev, const float *x, size_t n, size_t d, double perplexity,
             long iterations, uint64_t seed, float *xy /* [n, 2] */, double *kl, struct log *log,
             struct error *err);

/* --- the steps of tsne_fit(), for its tests */

/* Symmetric affinities in compressed rows: columns ascend within a row, all p sum up to 1. */
struct affinity {
    size_t n;
    int32_t *start;  /* [n + 1] */
    int32_t *column; /* [start[n]] */
    float *p;        /* [start[n]] */
};

/* Affinities of x [n, d] at a perplexity from 1 to (n - 1) / 3; freed by affinity_fini(). */
int affinity_init(struct affinity *to, struct device *dev, const float *x, size_t n, size_t d,
                  double perplexity, struct error *err);
void affinity_fini(struct affinity *affinity);

/* Divergence of the map xy [n, 2], and its gradient [n, 2]. */
int tsne_gradient(struct device *dev, const struct affinity *affinity, const float *xy,
                  float *gradient, double *kl, struct error *err);

#endif
