/* SPDX-License-Identifier: MIT */
#include "models/head.h"

#include "ops/ops.h"

struct tensor *model_head(struct graph *g, const struct config *config,
                          const struct model_shape *shape, struct tensor *x, size_t window,
                          size_t columns, size_t reverse, struct tensor *sample)
{
    size_t rows = g->batch * window, out = shape->targets;
    if (config->data.target_rows != TARGET_WINDOW) {
        enum pool_kind kind = (enum pool_kind)config->model.head;
        x = op_pool(g, x, window, columns, reverse, kind, "attention");
        rows = g->batch;
        columns *= kind == POOL_FLATTEN ? window : 1;
        out *= shape->target_rows;
    }
    x = op_linear(g, x, rows, columns, out, "output");
    return op_bias(g, x, rows, out, ACT_NONE, NULL, &(struct drop){0, sample, 1, "output"});
}
