/* SPDX-License-Identifier: MIT */
/*
 * trained: a model that a command uses as it is: a checkpoint, or the folder of a Hugging Face
 * model (model.base), which is read as if it were the checkpoint of a language model. The
 * checkpoint of a folder has no file (st is NULL).
 */
#ifndef RUN_TRAINED_H
#define RUN_TRAINED_H

#include "train/checkpoint.h"

/* Whether a path is a Hugging Face folder: it has a config.json and no best.safetensors. */
int trained_is_folder(const char *path);

/* What a path names: of a run folder its best.safetensors, else the path itself. The caller frees;
 * NULL: no memory. */
char *trained_path(const char *path);

/* As checkpoint_read(), with what the architecture asks; where a setting names adapter.file, with
 * that adapter. `source` is the data of a folder's model,
 * which has none of its own; NULL: a setting names them. */
int trained_read(struct checkpoint *c, const char *path, const char *source, char *const *settings,
                 size_t count, struct error *err);

/* Its weights into an engine, or into parameters alone. */
int trained_load(const struct checkpoint *c, const char *path, struct engine *e, struct error *err);
int trained_load_params(const struct checkpoint *c, const char *path, struct params *params,
                        struct error *err);

/* What the metadata of a file say of its model, by c->config as it is now; a run's plan and state
 * are not of another file. */
int trained_meta(const struct checkpoint *c, struct safetensors *to, struct error *err);

/* Whether its file has sums that it was held against; a folder's have none to miss. */
int trained_summed(const struct checkpoint *c);

#endif
