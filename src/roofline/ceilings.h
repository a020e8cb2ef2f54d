/* SPDX-License-Identifier: MIT */
/*
 * ceilings: what a device can do at best, measured: rates of a large product, of a large fill and
 * of small copies, and what a launch costs. Measuring takes some 64 MiB of the device for a moment.
 */
#ifndef ROOFLINE_CEILINGS_H
#define ROOFLINE_CEILINGS_H

#include "device/device.h"
#include "device/gemm/gemm.h"
#include "error.h"

struct ceilings {
    double flops;      /* a second, of products by the provider */
    double bytes;      /* a second, of a fill of 64 MiB */
    double near_bytes; /* of copies that stay in the last cache, in a quarter of it */
    double launch;     /* seconds that a launch adds to those that nobody waits for */
    double wait;       /* seconds that a launch takes with nothing to do and is waited for */
};

/* `gemm`: as in gemm_new(). */
int ceilings_measure(struct device *dev, const struct gemm_provider *gemm, struct ceilings *to,
                     struct error *err);

#endif
