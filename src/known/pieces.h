/* SPDX-License-Identifier: MIT */
/*
 * pieces: known answers that are no graph: products of each provider, the update of an optimizer,
 * and windows that are gathered. Each calls `tell` for what it has tried.
 */
#ifndef KNOWN_PIECES_H
#define KNOWN_PIECES_H

#include "known/known.h"

/* Deviation and time of what was tried; `err`: what failed, NULL: nothing. */
struct known_piece {
    const char *family, *what;
    double apart, allowed, seconds;
    const struct error *err;
};
typedef void known_teller(void *ctx, const struct known_piece *piece);

/* Of a device that may round to TF32 (device_options) only what does. */
void known_products(struct device *dev, known_teller *tell, void *ctx);
void known_update(struct device *dev, known_teller *tell, void *ctx);

/* An instance (device/gemm/instance.h) of our own kernels, from 1 on, and who multiplies by it. */
struct gemm_provider;
struct known_tiling {
    const struct gemm_provider *provider;
    size_t tiles;
};
enum { KNOWN_TILINGS = 48 };

/* Those that known_products() tries one by one: of matrix units all that the device has, else those
 * that make exact products of a GPU. Returns how many. */
size_t known_tilings(const struct device *dev, struct known_tiling to[KNOWN_TILINGS]);

#endif
