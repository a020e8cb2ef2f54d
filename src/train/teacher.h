/* SPDX-License-Identifier: MIT */
/*
 * teacher: the trained model that loss.teacher names. What it gives for a batch is a term of the
 * loss of a training (models/model.h). It is a checkpoint of ours that reads the same windows and
 * gives the same outputs as the model; its layers may be others. A teacher owns its checkpoint, an
 * engine that asks it owns its parameters.
 */
#ifndef TRAIN_TEACHER_H
#define TRAIN_TEACHER_H

#include "train/checkpoint.h"

struct teacher {
    char *path;
    struct checkpoint checkpoint; /* its configuration compares no windows with each other */
};

/* That of a configuration whose data are loaded. STATUS_USAGE names what of it differs. NULL: with
 * an error. */
struct teacher *teacher_open(const struct config *config, const struct dataset *data,
                             struct error *err);
void teacher_close(struct teacher *teacher);

/* Parameters for it, all frozen, of which a graph makes each. NULL without memory. */
struct params *teacher_params(void);

/* The weights of an engine's teacher, if it has one, into its parameters, and their hash. */
int teacher_load(struct engine *e, struct error *err);

#endif
