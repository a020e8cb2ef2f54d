/* SPDX-License-Identifier: MIT */
/*
 * kept: what a run takes of another one's checkpoint instead of fitting it to its own data
 * (data.fitted_by): scaler, transforms of targets and the range that these had, how files are
 * written, or the tokenizer. The checkpoint is the caller's and must outlive the data.
 */
#ifndef RUN_KEPT_H
#define RUN_KEPT_H

#include "train/checkpoint.h"

/* Reads the checkpoint that the configuration names, once its features are known; c->config is NULL
 * where it names none. STATUS_USAGE with the key for one of other features or targets. */
int kept_read(struct checkpoint *c, const struct config *config, struct error *err);

#endif
