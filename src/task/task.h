/* SPDX-License-Identifier: MIT */
/*
 * report: what is made of a trained model: fit against the window-mean baseline, categories of its
 * latent vectors, the pictures and the verdict.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <signal.h>

#include "analysis/verdict.h"
#include "log/log.h"
#include "task/forecast.h"
#include "train/checkpoint.h"
#include "train/engine.h"

/* Evaluation of one part with the fit of its windows. */
struct part_report {
    size_t windows;
    struct terms terms; /* of the loss */
    struct evaluation evaluation;
    struct fit fit;               /* of the autoencoder */
    struct target_report targets; /* of a model with targets */
};

/* Runs the engine's weights over windows; freed by part_report_fini(). 1: interrupted. */
int part_report_init(struct part_report *report, struct engine *e, const uint32_t *start,
                     size_t count, struct log *log, struct error *err);
void part_report_fini(struct part_report *report);

/* {"windows": ..., "loss": ..., ..., "r2": {...}} */
json_t *part_report_json(const struct part_report *report, const struct dataset *data);

/*
 * After training: expects the best weights in the engine. Writes categories.safetensors and the
 * pictures into `folder`, tells the verdict. `interrupted` ends it early with nothing lost (returns
 * 1).
 */
int report(struct engine *e, const struct progress *progress, const char *folder, struct log *log,
           const volatile sig_atomic_t *interrupted, struct error *err);

/* Categories of a run: [k, latent]. */
struct categories {
    float *centroids;
    size_t k, latent;
    int summed; /* the file had checksums */
    long epoch; /* of the model whose latent vectors were grouped; 0: not known */
};

/* Reads categories.safetensors beside a checkpoint; k = 0 where there is none. */
int categories_read(struct categories *c, const char *folder, size_t latent, struct error *err);
void categories_fini(struct categories *c);

/* Windows of `elems` numbers to hold on the host at a time: 16 MiB of them, 4096 at most. */
size_t report_block(size_t elems);

/* "2021-05-01T12:00:00Z" of a row, or its number where rows have no time. */
void row_label(char *to, size_t size, const struct dataset *data, size_t row);

#endif
