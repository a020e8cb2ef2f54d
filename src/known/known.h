/* SPDX-License-Identifier: MIT */
/*
 * known: known answers of each family of kernels, by which a device and its driver are tried in
 * seconds. A case is a small graph or product whose outputs and gradients a reference in double
 * precision (reference.h) computes on the host as well. Nothing here prints.
 */
#ifndef KNOWN_KNOWN_H
#define KNOWN_KNOWN_H

#include <stddef.h>

#include "device/device.h"

enum { KNOWN_WHAT = 64 };

struct known_result {
    const char *family; /* "recurrent" */
    const char *what;   /* "LSTM of both directions, fp32" */
    double apart;       /* largest deviation; NaN where there is none */
    double allowed;
    double seconds;
    int is_right;
    const char *why; /* of a call that failed; NULL: none has */
};

/* Called after each case. */
typedef void known_taker(void *ctx, const struct known_result *result);

/* Tries all cases on a device; on one that was opened with tf32 only those that it then computes in
 * another way. What goes wrong is a result, so that all the others are tried. */
void known_try(struct device *dev, known_taker *take, void *ctx);

#endif
