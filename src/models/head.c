/* SPDX-License-Identifier: MIT */
#include "models/head.h"

#include "ops/ops.h"

struct tensor *model_head(struct graph *g, const struct config *config,
                          const struct model_shape *shape, struct tensor *x, size_t reverse)
{
    size_t out = shape->targets;
    if (config->data.target_rows != TARGET_WINDOW) {
        x = op_pool(g, x, reverse, (enum pool_kind)config->model.head, "attention");
        out *= shape->target_rows;
    }
    return op_linear(g, x, out, "output");
}
