/* SPDX-License-Identifier: MIT */
/*
 * adapters: the adapter of a run in PEFT's files (hf/peft.h): the one that adapter.file names,
 * which training begins with, and the one that it leaves in the run's folder.
 */
#ifndef TRAIN_ADAPTERS_H
#define TRAIN_ADAPTERS_H

#include "train/engine.h"

/* The folder of a run's adapter, in the run's folder. */
#define ADAPTERS_FOLDER "adapter"

/* Where adapter.file names one, what it says of r, alpha, dropout and target comes into the
 * configuration, unless these are set; -1 where they are set otherwise (STATUS_USAGE), or where it
 * cannot be read. */
int adapters_settle(struct config *config, struct error *err);

/* The same whatever is set: of a model that has been trained without it. */
int adapters_replace(struct config *config, struct error *err);

/* Writes the matrices of adapter.file into the parameters; each must be there, and none besides. */
int adapters_load(struct params *params, const struct config *config, struct error *err);

/* Writes the adapter of the model that is evaluated into FOLDER/adapter; without one: nothing. */
int adapters_write(struct engine *e, const char *folder, struct error *err);

#endif
