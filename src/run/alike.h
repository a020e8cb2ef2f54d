/* SPDX-License-Identifier: MIT */
/*
 * alike: whether all ranks are about to train the same: each has read its own files, on a machine
 * of its own. Ranks that differ would train on, with other bits or for ever.
 */
#ifndef RUN_ALIKE_H
#define RUN_ALIKE_H

#include "train/training.h"

/* Fails on all ranks where one differs from rank 0, which tells how. Does nothing where the process
 * is alone. */
int alike_check(const struct training *t, struct error *err);

#endif
