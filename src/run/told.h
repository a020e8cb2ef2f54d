/* SPDX-License-Identifier: MIT */
/*
 * told: what a run tells of itself at its start and at its end, on the console and in its log.
 */
#ifndef RUN_TOLD_H
#define RUN_TOLD_H

#include "train/training.h"

/* Device, model and schedule, with advice on the settings; `wanted`: a checkpoint to go on from,
 * `resumes`: there is one. */
void told_start(const struct training *t, int wanted, int resumes);

/* The best epoch and its figure, behind `what`. */
void told_best(const struct training *t, const char *what);

/* The end, for the log. */
void told_end(const struct training *t);

#endif
