/* SPDX-License-Identifier: MIT */
/*
 * step: what varies from step to step, in a small struct on the device, so that no kernel argument
 * ever changes, and the sums that the device keeps. The structs are the kernels' own, from cl/.
 */
#ifndef LOWER_STEP_H
#define LOWER_STEP_H

#include "cl/step.h"

#define STEP_WORDS (sizeof(struct step) / 4)
#define METRICS_WORDS (sizeof(struct metrics) / 4)

_Static_assert(sizeof(struct step) % 16 == 0 && sizeof(struct metrics) % 16 == 0,
               "the members called unused fill the structs up to 16 bytes");

#endif
