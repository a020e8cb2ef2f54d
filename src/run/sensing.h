/* SPDX-License-Identifier: MIT */
/*
 * sensing: the sensors of a run's device, from its first line to its end. The training owns them.
 */
#ifndef RUN_SENSING_H
#define RUN_SENSING_H

#include "train/training.h"

/* Starts to ask them if the configuration wants to know or to limit anything. That it cannot be is
 * told, and the run goes on. */
void sensing_begin(struct training *t);
void sensing_end(struct training *t);

#endif
