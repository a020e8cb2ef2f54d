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

void known_products(struct device *dev, known_teller *tell, void *ctx);
void known_update(struct device *dev, known_teller *tell, void *ctx);

#endif
