/* SPDX-License-Identifier: MIT */
/*
 * chain: with sweep.continue_folds = yes the runs that differ in nothing but data.fold are a chain:
 * each starts from the best weights of the fold before.
 */
#ifndef SWEEP_CHAIN_H
#define SWEEP_CHAIN_H

#include "sweep/sweep.h"

/* STATUS_USAGE where continue_folds is asked for and the sweep has no such chains. */
int chain_check(const struct sweep *sweep, struct error *err);

/* The run that a run starts from; 0: none. */
size_t chain_before(const struct sweep *sweep, size_t number);

#endif
