/* SPDX-License-Identifier: MIT */
#include "models/head.h"

#include "ops/ops.h"

void model_show(struct graph *g, const struct model_shape *shape, struct model_io *io,
                struct tensor *x, size_t reverse)
{
    if (!shape->shows_rows)
        return;
    io->rows = graph_keep(g, x);
    io->reverse = reverse;
}

void model_head(struct graph *g, const struct config *config, const struct model_shape *shape,
                struct model_io *io, struct tensor *x, size_t reverse)
{
    size_t out = shape->targets;
    model_show(g, shape, io, x, reverse);
    if (config->data.target_rows != TARGET_WINDOW) {
        x = op_pool(g, x, reverse, (enum pool_kind)config->model.head, "attention");
        out *= shape->target_rows;
    }
    io->output = op_linear(g, x, out, "output");
}
