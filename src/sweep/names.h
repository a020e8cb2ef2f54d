/* SPDX-License-Identifier: MIT */
/*
 * names: what the runs of a sweep are called, by what varies. Texts are the caller's; NULL where
 * memory runs out.
 */
#ifndef SWEEP_NAMES_H
#define SWEEP_NAMES_H

#include "sweep/sweep.h"

/* A safe file name of the values that vary: "BTC-1m", or, numbered, "07-0.000312-2". */
char *names_of(const struct sweep *sweep, size_t number, const double *point);

/* "coin = BTC, resample = 1m, window = 240". */
char *names_label(const struct sweep *sweep, const double *point);

/* A number, with as few digits as make it read back the same, up to `digits`. */
char *names_number(double value, int digits);

#endif
