/* SPDX-License-Identifier: MIT */
/*
 * prepare: what comes before an engine, in a run and in the commands that use a trained model.
 */
#ifndef RUN_PREPARE_H
#define RUN_PREPARE_H

#include "config/config.h"
#include "log/log.h"
#include "train/engine.h"

/* The configuration of a file and settings, as config_load(), with what its architecture asks. */
struct config *prepare_config(const char *path, char *const *settings, size_t count,
                              struct error *err);

/* That: what the model and the monitored figure need. */
void prepare_check(struct config_making *making, const struct config *config);

/* Makes features of globs, as dataset_expand(); its architecture may refuse them. */
int prepare_features(struct config *config, struct log *log, struct error *err);

/* A batch of more windows than the training part has becomes one of all its windows, told; where
 * train.effective_batch is given, one of its divisors. */
void prepare_batch(struct config *config, size_t windows, struct log *log);

/* The engine of a configuration, which gets numbers where it has train.batch = auto; with a session
 * of its own unless `options` has one. */
struct engine *prepare_open(struct config *config, const struct dataset *data,
                            struct engine_options options, struct log *log, struct error *err);

/* Engine options that tell `log` which programs are compiled, with those of SEQTRAIN_DEBUG. */
struct engine_options prepare_engine(struct log *log, int training, int profile);

/* Warns with -v of a file without checksums: damage in it would go unnoticed. */
void prepare_tell_unchecked(enum verbosity verbosity, struct log *log, int summed,
                            const char *path);

#endif
