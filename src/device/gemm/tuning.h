/* SPDX-License-Identifier: MIT */
/*
 * tuning: device.tuning = measure. The first time that a device meets a product's shape, the
 * providers and tilings that it offers are timed and the fastest is remembered under
 * $XDG_CACHE_HOME/seqtrain, so that later runs take the same. A broken or missing file means
 * measuring anew, never failure. What was chosen stands in the plan: a run resumes only where the
 * choice is still the same.
 */
#ifndef DEVICE_GEMM_TUNING_H
#define DEVICE_GEMM_TUNING_H

#include "device/gemm/gemm.h"

struct tuning; /* what a device remembers */

/* Reads what is remembered of this device. NULL only without memory. */
struct tuning *tuning_open(const struct device *dev);
void tuning_free(struct tuning *tuning);

/* The file that remembers; NULL where there is no cache. The caller frees. */
char *tuning_path(const struct device *dev);

/* Products that are remembered. */
size_t tuning_count(const struct tuning *tuning);

struct tuning_choice {
    const struct gemm_provider *provider;
    size_t tiles; /* 0: not cut by measurement */
};

/* The fastest way to make this product with these matrices (A, B, C, room), whose contents are lost
 * (C): by any provider that gives plain results, or by `wish`, one that rounds, alone. */
int tuning_gemm(struct device *dev, const struct gemm_provider *wish, struct gemm_shape shape,
                struct buffer *const matrix[4], int add, struct tuning_choice *choice,
                struct error *err);

/* Writes what was measured since tuning_open(). */
void tuning_save(struct tuning *tuning, const struct device *dev);

#endif
