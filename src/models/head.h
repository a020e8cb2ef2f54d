/* SPDX-License-Identifier: MIT */
/*
 * head: the end of every model with targets, from the rows of its core to what it predicts.
 */
#ifndef MODELS_HEAD_H
#define MODELS_HEAD_H

#include "models/model.h"

/* Keeps x [B, T, D], which a head reads, where that is wanted. */
void model_show(struct graph *g, const struct model_shape *shape, struct model_io *io,
                struct tensor *x, size_t reverse);

/*
 * Sets io->output to what a model with targets predicts from x [B, T, D], the rows of its core.
 * With data.target_rows = window a linear layer `output` on each row, [B, T, K]; else one on what
 * model.head makes of the rows, [B, R K]. The last `reverse` columns are those of a backward
 * direction (see op_pool()).
 */
void model_head(struct graph *g, const struct config *config, const struct model_shape *shape,
                struct model_io *io, struct tensor *x, size_t reverse);

#endif
