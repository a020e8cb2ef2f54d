/* SPDX-License-Identifier: MIT */
/*
 * checkpoint: best.safetensors (weights, and in its metadata all that prediction needs) and
 * last.safetensors (all that a resume needs), as seqtrain-checkpoint(5) describes them.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "tensor/safetensors.h"
#include "train/engine.h"
#include "train/history.h"

/* Where a run stands, between two optimizer steps. */
struct progress {
    long epoch;      /* finished */
    long step;       /* optimizer steps done */
    uint64_t done;   /* samples done of the epoch that is under way */
    double best;     /* monitored figure; NaN before the first epoch */
    long best_epoch; /* 0: none */
    long stale;      /* epochs without improvement */
    double factor;   /* plateau */
    long plateau_stale;
    double seconds; /* spent training, all processes of the run together */
    int finished;   /* analysis and pictures done as well */
    int collapsed;  /* what is known of whether all that is generated is the same (collapse.h) */
    int64_t log_bytes;
    struct metrics metrics; /* sums of the epoch that is under way */
    struct epoch_figures *history;
    size_t epochs; /* rows of history */
};

void progress_fini(struct progress *progress);

/* Adds an epoch to the history; -1 without memory. */
int progress_add(struct progress *progress, const struct epoch_figures *figures, struct error *err);

/* Writes the weights of now; `epoch` is what they are the result of. */
int checkpoint_write_best(struct engine *e, long epoch, const char *plan, const char *path,
                          struct error *err);
/* What has the name `path` already is kept as `former`, unless that is NULL. */
int checkpoint_write_last(struct engine *e, const struct progress *progress, const char *plan,
                          const char *path, const char *former, struct error *err);

/* A checkpoint that was read, with its metadata understood. */
struct checkpoint {
    int replaces; /* adapter.file is not the one of training: its adapter stands for any there is */
    struct safetensors *st;
    struct config *config;
    struct fitted fitted;
    long epoch;
};

/* Reads and checks metadata (STATUS_INPUT). `settings` are applied to its configuration, which
 * `check` checks as well (config_load_with()). */
int checkpoint_read(struct checkpoint *c, const char *path, char *const *settings, size_t count,
                    config_checker *check, struct error *err);
void checkpoint_fini(struct checkpoint *c);

/* Weights into parameters; every one must be there with its shape, and none besides. */
int checkpoint_load_params(struct params *params, const struct safetensors *st, const char *path,
                           struct error *err);

/* The same into the engine. */
int checkpoint_load_weights(struct engine *e, const struct safetensors *st, const char *path,
                            struct error *err);

/* The same two where the parameters of an adapter may be missing, which then stay as they are. */
int checkpoint_load_model_params(struct params *params, const struct safetensors *st,
                                 const char *path, struct error *err);
int checkpoint_load_model(struct engine *e, const struct safetensors *st, const char *path,
                          struct error *err);

/* Whether the tokens of a file are those of this tokenizer: 1, also where one has none; 0; -1. */
int checkpoint_has_tokens(const struct safetensors *st, const struct tokenizer *tokenizer,
                          const char *path, struct error *err);

/* Optimizer state and progress of last.safetensors, also of format 1, which 0.1.0 wrote. */
int checkpoint_load_state(struct engine *e, const struct safetensors *st, const char *path,
                          struct progress *progress, struct error *err);

#endif
